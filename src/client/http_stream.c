/* SPDX-License-Identifier: Apache-2.0 */
/* http_stream.c - bodies that are never in memory as a whole. */
#include "http_internal.h"

#include <jansson.h>
#include <stdio.h>
#include <string.h>

#include "dind/file.h"

#define PIPE_SIZE   ((size_t) 1 << 20)
#define CHUNK_BYTES (128L << 10)

/* ---- what the engine says to a load
 * -------------------------------------------------------------------- */

static void verdict_line(struct http_verdict *verdict)
{
	json_t *root = json_loadb(verdict->line, verdict->used, 0, NULL);
	const char *text = json_string_value(json_object_get(root, "error"));

	if (!text)
		text = json_string_value(
			json_object_get(json_object_get(root, "errorDetail"), "message"));
	if (!text && verdict->status >= 400)
		text = json_string_value(json_object_get(root, "message"));
	/* The first one is the cause. */
	if (text && !*verdict->text)
		(void) snprintf(verdict->text, sizeof(verdict->text), "%s", text);
	json_decref(root);
	verdict->used = 0;
}

void http_verdict_feed(struct http_verdict *verdict, const char *data, size_t size)
{
	for (size_t i = 0; i < size; i++) {
		if (data[i] == '\n') {
			if (!verdict->skipping && verdict->used)
				verdict_line(verdict);
			verdict->skipping = false;
			verdict->used = 0;
		} else if (verdict->used < sizeof(verdict->line)) {
			verdict->line[verdict->used++] = data[i];
		} else {
			verdict->skipping = true;
		}
	}
}

void http_verdict_end(struct http_verdict *verdict)
{
	http_verdict_feed(verdict, "\n", 1);
	if (verdict->status >= 400 && !*verdict->text)
		(void) snprintf(verdict->text, sizeof(verdict->text), "HTTP status %ld",
				verdict->status);
}

/* ---- a body from a source
 * ------------------------------------------------------------------------------ */

struct upload {
	CURL *curl;
	http_source source;
	void *data;
	struct http_verdict *verdict;
	struct error failure; /* of the source */
};

static size_t upload_read(char *buf, size_t one, size_t size, void *user)
{
	struct upload *upload = user;
	ssize_t n = upload->source(upload->data, buf, one * size, &upload->failure);

	return n < 0 ? CURL_READFUNC_ABORT : (size_t) n;
}

static size_t upload_answer(char *data, size_t one, size_t size, void *user)
{
	struct upload *upload = user;

	(void) one;
	curl_easy_getinfo(upload->curl, CURLINFO_RESPONSE_CODE, &upload->verdict->status);
	http_verdict_feed(upload->verdict, data, size);
	return size;
}

static struct curl_slist *set_upload(CURL *curl)
{
	struct curl_slist *headers = NULL;

	/* No "Expect: 100-continue": the engine reads on anyway, and it would cost a second. */
	headers = curl_slist_append(headers, "Expect:");
	headers = curl_slist_append(headers, "Transfer-Encoding: chunked");
	headers = curl_slist_append(headers, "Content-Type: application/x-tar");
	curl_easy_setopt(curl, CURLOPT_POST, 1L);
	curl_easy_setopt(curl, CURLOPT_HTTPHEADER, headers);
	curl_easy_setopt(curl, CURLOPT_UPLOAD_BUFFERSIZE, CHUNK_BYTES);
	return headers;
}

int http_upload(const struct http_host *host, const char *path, http_source source, void *data,
		int64_t deadline_ms, struct http_verdict *verdict, struct error *err)
{
	CURL *curl = http_handle(host, path, deadline_ms, err);
	struct upload upload = { .curl = curl,
				 .source = source,
				 .data = data,
				 .verdict = verdict,
				 .failure = ERROR_INIT };
	struct curl_slist *headers;
	CURLcode code;

	if (!curl)
		return err->code;
	memset(verdict, 0, sizeof(*verdict));
	headers = set_upload(curl);
	curl_easy_setopt(curl, CURLOPT_READFUNCTION, upload_read);
	curl_easy_setopt(curl, CURLOPT_READDATA, &upload);
	curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, upload_answer);
	curl_easy_setopt(curl, CURLOPT_WRITEDATA, &upload);
	code = curl_easy_perform(curl);
	curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, &verdict->status);
	curl_easy_cleanup(curl);
	curl_slist_free_all(headers);
	http_verdict_end(verdict);
	if (upload.failure.code < 0) {
		*err = upload.failure;
		return err->code;
	}
	/* An engine that has seen enough answers and hangs up while we are still sending. */
	if (code != CURLE_OK && !*verdict->text)
		return http_failure(code, host, err);
	return 0;
}

/* ---- from one engine into another
 * ---------------------------------------------------------------------- */

struct pipe {
	CURL *get, *post;
	CURLM *multi;
	char buffer[PIPE_SIZE];
	size_t head, used;
	uint64_t total;
	bool get_paused, post_paused, post_started;
	bool get_done, post_done;
	CURLcode get_code, post_code;
	struct http_verdict *verdict;
	struct http_verdict refusal; /* of the side that is read */
};

static size_t pipe_fill(char *data, size_t one, size_t size, void *user)
{
	struct pipe *p = user;
	size_t tail, first;

	(void) one;
	curl_easy_getinfo(p->get, CURLINFO_RESPONSE_CODE, &p->refusal.status);
	if (p->refusal.status >= 400) {
		http_verdict_feed(&p->refusal, data, size);
		return size;
	}
	if (size > PIPE_SIZE - p->used) {
		p->get_paused = true;
		return CURL_WRITEFUNC_PAUSE;
	}
	tail = (p->head + p->used) % PIPE_SIZE;
	first = size < PIPE_SIZE - tail ? size : PIPE_SIZE - tail;
	memcpy(p->buffer + tail, data, first);
	memcpy(p->buffer, data + first, size - first);
	p->used += size;
	p->total += size;
	return size;
}

static size_t pipe_drain(char *buf, size_t one, size_t size, void *user)
{
	struct pipe *p = user;
	size_t n = one * size, first;

	if (p->used == 0 && !p->get_done) {
		p->post_paused = true;
		return CURL_READFUNC_PAUSE;
	}
	/* An end that is none must not look like one. */
	if (p->used == 0 && p->get_code != CURLE_OK)
		return CURL_READFUNC_ABORT;
	if (n > p->used)
		n = p->used;
	first = n < PIPE_SIZE - p->head ? n : PIPE_SIZE - p->head;
	memcpy(buf, p->buffer + p->head, first);
	memcpy(buf + first, p->buffer, n - first);
	p->head = (p->head + n) % PIPE_SIZE;
	p->used -= n;
	return n;
}

static size_t pipe_answer(char *data, size_t one, size_t size, void *user)
{
	struct pipe *p = user;

	(void) one;
	curl_easy_getinfo(p->post, CURLINFO_RESPONSE_CODE, &p->verdict->status);
	http_verdict_feed(p->verdict, data, size);
	return size;
}

static void pipe_messages(struct pipe *p)
{
	CURLMsg *message;
	int left;

	while ((message = curl_multi_info_read(p->multi, &left))) {
		if (message->msg != CURLMSG_DONE)
			continue;
		if (message->easy_handle == p->get) {
			p->get_done = true;
			p->get_code = message->data.result;
		} else {
			p->post_done = true;
			p->post_code = message->data.result;
		}
	}
}

/* Wake up the side that can go on. True when there was one. */
static bool pipe_resume(struct pipe *p)
{
	bool resumed = false;

	/* The second request begins when the first is known to bring something. */
	if (!p->post_started && p->total > 0) {
		p->post_started = resumed = true;
		(void) curl_multi_add_handle(p->multi, p->post);
	}
	/* Half of it: else every small piece would be a turn of its own. */
	if (p->get_paused && p->used <= PIPE_SIZE / 2) {
		p->get_paused = false;
		resumed = true;
		(void) curl_easy_pause(p->get, CURLPAUSE_CONT);
	}
	if (p->post_paused && (p->used > 0 || p->get_done)) {
		p->post_paused = false;
		resumed = true;
		(void) curl_easy_pause(p->post, CURLPAUSE_CONT);
	}
	return resumed;
}

static int pipe_run(struct pipe *p, int64_t deadline_ms, struct error *err)
{
	int running;

	while (!p->post_done && !(p->get_done && p->total == 0)) {
		CURLMcode code = curl_multi_perform(p->multi, &running);

		if (code == CURLM_OK) {
			pipe_messages(p);
			if (p->post_done || pipe_resume(p))
				continue;
			code = curl_multi_poll(p->multi, NULL, 0, 1000, NULL);
		}
		if (code != CURLM_OK)
			return error_set_plain(err, -EPROTO, "%s", curl_multi_strerror(code));
		if (clock_now_ms() > deadline_ms)
			return error_set_plain(err, -ETIMEDOUT, "not done in time");
	}
	return 0;
}

/* Who is to blame, and for what. */
static int pipe_result(struct pipe *p, const struct http_host *from, const struct http_host *to,
		       int *ret_side, struct error *err)
{
	http_verdict_end(&p->refusal);
	http_verdict_end(p->verdict);
	*ret_side = 0;
	if (p->get_done && p->get_code != CURLE_OK)
		return http_failure(p->get_code, from, err);
	if (p->refusal.status >= 400)
		return error_set_plain(err, -EPROTO, "%s: %s", from->name, p->refusal.text);
	if (p->get_done && p->total == 0)
		return error_set_plain(err, -EPROTO, "%s: sent nothing", from->name);
	*ret_side = 1;
	if (p->post_code != CURLE_OK && !*p->verdict->text)
		return http_failure(p->post_code, to, err);
	return 0;
}

static int pipe_transfer(struct pipe *p, int64_t deadline_ms, struct error *err)
{
	struct curl_slist *headers = set_upload(p->post);
	int r;

	curl_easy_setopt(p->get, CURLOPT_BUFFERSIZE, CHUNK_BYTES);
	curl_easy_setopt(p->get, CURLOPT_WRITEFUNCTION, pipe_fill);
	curl_easy_setopt(p->get, CURLOPT_WRITEDATA, p);
	curl_easy_setopt(p->post, CURLOPT_READFUNCTION, pipe_drain);
	curl_easy_setopt(p->post, CURLOPT_READDATA, p);
	curl_easy_setopt(p->post, CURLOPT_WRITEFUNCTION, pipe_answer);
	curl_easy_setopt(p->post, CURLOPT_WRITEDATA, p);
	(void) curl_multi_add_handle(p->multi, p->get);
	r = pipe_run(p, deadline_ms, err);
	curl_easy_getinfo(p->post, CURLINFO_RESPONSE_CODE, &p->verdict->status);
	(void) curl_multi_remove_handle(p->multi, p->get);
	if (p->post_started)
		(void) curl_multi_remove_handle(p->multi, p->post);
	curl_slist_free_all(headers);
	return r;
}

int http_pipe(const struct http_host *from, const char *from_path, const struct http_host *to,
	      const char *to_path, int64_t deadline_ms, struct http_verdict *verdict,
	      uint64_t *ret_bytes, int *ret_side, struct error *err)
{
	struct pipe *p = calloc(1, sizeof(*p));
	int r;

	*ret_side = 1;
	if (!p)
		return error_set(err, -ENOMEM, "buffer");
	memset(verdict, 0, sizeof(*verdict));
	p->verdict = verdict;
	p->multi = curl_multi_init();
	p->get = http_handle(from, from_path, deadline_ms, err);
	p->post = p->get ? http_handle(to, to_path, deadline_ms, err) : NULL;
	if (!p->multi || !p->get || !p->post)
		r = err->code ? err->code : error_set(err, -ENOMEM, "libcurl");
	else
		r = pipe_transfer(p, deadline_ms, err);
	if (r == 0)
		r = pipe_result(p, from, to, ret_side, err);
	*ret_bytes = p->total;
	curl_easy_cleanup(p->get);
	curl_easy_cleanup(p->post);
	curl_multi_cleanup(p->multi);
	free(p);
	return r;
}
