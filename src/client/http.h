/* SPDX-License-Identifier: Apache-2.0 */
/* http.h - requests to an engine's API, over libcurl; every one is bounded in time. */
#ifndef CLIENT_HTTP_H
#define CLIENT_HTTP_H

#include "dind/arena.h"
#include "dind/error.h"

#define HTTP_BODY_MAX ((size_t) 64 << 20)
#define HTTP_TEXT_MAX 400

/* As the docker client's options and environment name them. */
struct http_tls {
	bool on;     /* TLS at all */
	bool verify; /* check who answers */
	const char *ca, *cert, *key;
};

struct http_host {
	const char *name;   /* as the user gave it, for messages */
	const char *socket; /* path, or NULL for TCP */
	const char *base;   /* scheme and authority of the URLs */
	struct http_tls tls;
};

struct http_reply {
	long status;
	char *body; /* terminated, never NULL after success; free() it */
	size_t length;
};

/*
 * What a load endpoint says: a stream of JSON objects with status 200, in which a failure is a
 * member of one of them.
 */
struct http_verdict {
	long status;
	char text[HTTP_TEXT_MAX]; /* the engine's message, "" for none */
	char line[16384];	  /* the object that is being received */
	size_t used;
	bool skipping; /* rest of a line that was too long */
};

/* Next bytes of a body: at most @size, 0 at its end, negative errno with @err on failure. */
typedef ssize_t (*http_source)(void *data, char *buf, size_t size, struct error *err);

/* Understand unix:///path, tcp://host:port, or a plain absolute path. -EINVAL for others. */
int http_host_parse(struct http_host *host, const char *name, const struct http_tls *tls,
		    struct arena *arena, struct error *err);

/* @s percent-encoded for a query or a path ('/' and ':' stay). */
char *http_escape(struct arena *arena, const char *s);

/*
 * One request without a body. @deadline_ms is of clock_now_ms(). 0 when there was an answer,
 * whatever its status; -ETIMEDOUT, -ECONNREFUSED, -EPROTO, …
 */
int http_call(const struct http_host *host, const char *method, const char *path,
	      int64_t deadline_ms, struct http_reply *reply, struct error *err);

/* The "message" of an answer, or its first line. Returns @buf. */
const char *http_message(const struct http_reply *reply, char *buf, size_t size);

/* POST a body of unknown length. 0 when the engine answered; *@verdict is what it said. */
int http_upload(const struct http_host *host, const char *path, http_source source, void *data,
		int64_t deadline_ms, struct http_verdict *verdict, struct error *err);

/*
 * GET @from_path of @from streamed into POST @to_path of @to, through a bounded buffer.
 * *@ret_bytes is what has passed. *@ret_side: 0 when @from is to blame, 1 for @to.
 */
int http_pipe(const struct http_host *from, const char *from_path, const struct http_host *to,
	      const char *to_path, int64_t deadline_ms, struct http_verdict *verdict,
	      uint64_t *ret_bytes, int *ret_side, struct error *err);

/* Feed a piece of a load endpoint's answer, and end it. For http.c and its tests. */
void http_verdict_feed(struct http_verdict *verdict, const char *data, size_t size);
void http_verdict_end(struct http_verdict *verdict);

#endif
