/* SPDX-License-Identifier: Apache-2.0 */
/* http.c - hosts and short requests. */
#include "http_internal.h"

#include <jansson.h>
#include <stdio.h>
#include <string.h>
#include <sys/un.h>

#include "dind/file.h"
#include "dind/str.h"

#define CONNECT_MS 10000L

struct body {
	char *data;
	size_t used, size;
};

static int parse_unix(struct http_host *host, const char *path, struct error *err)
{
	struct sockaddr_un address;

	if (*path != '/')
		return error_set_plain(err, -EINVAL, "%s: the path of a socket begins with /",
				       host->name);
	if (strlen(path) >= sizeof(address.sun_path))
		return error_set(err, -ENAMETOOLONG, "%s", host->name);
	host->socket = path;
	/* The name that goes into the Host header. */
	host->base = "http://localhost";
	return 0;
}

int http_host_parse(struct http_host *host, const char *name, const struct http_tls *tls,
		    struct arena *arena, struct error *err)
{
	struct http_host h = { .name = name, .tls = *tls };
	const char *authority;
	int r;

	if (str_has_prefix(name, "unix://") || *name == '/') {
		r = parse_unix(&h, *name == '/' ? name : name + strlen("unix://"), err);
		if (r < 0)
			return r;
	} else if (str_has_prefix(name, "tcp://")) {
		authority = name + strlen("tcp://");
		/* @ would make a user's name of what is before it */
		if (!*authority || strpbrk(authority, "@/?# \t"))
			return error_set_plain(err, -EINVAL, "%s: wanted tcp://HOST:PORT", name);
		h.base = arena_printf(arena, "%s://%s%s", tls->on ? "https" : "http", authority,
				      strchr(strrchr(authority, ']') ?: authority, ':') ? ""
				      : tls->on ? ":2376"
						: ":2375");
	} else {
		return error_set_plain(err, -EINVAL,
				       "%s: only unix:///PATH and tcp://HOST:PORT can be used",
				       name);
	}
	*host = h;
	return 0;
}

char *http_escape(struct arena *arena, const char *s)
{
	char *out = arena_alloc(arena, 3 * strlen(s) + 1);
	char *p = out;

	for (; *s; s++) {
		unsigned char c = (unsigned char) *s;

		if ((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
		    strchr("-._~/:", c))
			*p++ = (char) c;
		else
			p += snprintf(p, 4, "%%%02X", c);
	}
	return out;
}

static void set_tls(CURL *curl, const struct http_tls *tls)
{
	if (!tls->on)
		return;
	curl_easy_setopt(curl, CURLOPT_SSL_VERIFYPEER, tls->verify ? 1L : 0L);
	curl_easy_setopt(curl, CURLOPT_SSL_VERIFYHOST, tls->verify ? 2L : 0L);
	if (tls->ca)
		curl_easy_setopt(curl, CURLOPT_CAINFO, tls->ca);
	if (tls->cert)
		curl_easy_setopt(curl, CURLOPT_SSLCERT, tls->cert);
	if (tls->key)
		curl_easy_setopt(curl, CURLOPT_SSLKEY, tls->key);
}

CURL *http_handle(const struct http_host *host, const char *path, int64_t deadline_ms,
		  struct error *err)
{
	int64_t left = deadline_ms - clock_now_ms();
	auto_free char *url = NULL;
	CURL *curl;

	if (left <= 0) {
		(void) error_set_plain(err, -ETIMEDOUT, "%s: no time is left", host->name);
		return NULL;
	}
	curl = curl_easy_init();
	if (!curl || asprintf(&url, "%s%s", host->base, path) < 0) {
		url = NULL;
		curl_easy_cleanup(curl);
		(void) error_set(err, -ENOMEM, "%s", host->name);
		return NULL;
	}
	curl_easy_setopt(curl, CURLOPT_URL, url);
	if (host->socket)
		curl_easy_setopt(curl, CURLOPT_UNIX_SOCKET_PATH, host->socket);
	/* http_proxy of the environment is for the Internet. */
	curl_easy_setopt(curl, CURLOPT_PROXY, "");
	curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
	curl_easy_setopt(curl, CURLOPT_USERAGENT, "dind-client");
	curl_easy_setopt(curl, CURLOPT_CONNECTTIMEOUT_MS,
			 left < CONNECT_MS ? (long) left : CONNECT_MS);
	curl_easy_setopt(curl, CURLOPT_TIMEOUT_MS, (long) left);
	set_tls(curl, &host->tls);
	return curl;
}

int http_failure(CURLcode code, const struct http_host *host, struct error *err)
{
	int r = -EPROTO;

	if (code == CURLE_OPERATION_TIMEDOUT)
		r = -ETIMEDOUT;
	else if (code == CURLE_COULDNT_CONNECT || code == CURLE_COULDNT_RESOLVE_HOST)
		r = -ECONNREFUSED;
	return error_set_plain(err, r, "%s: %s", host->name, curl_easy_strerror(code));
}

static size_t append(char *data, size_t one, size_t size, void *user)
{
	struct body *body = user;
	size_t wanted = body->used + size + 1;

	(void) one;
	if (wanted > HTTP_BODY_MAX)
		return 0;
	if (wanted > body->size) {
		size_t grown = wanted < 4096 ? 4096 : 2 * wanted;
		char *more = realloc(body->data, grown);

		if (!more)
			return 0;
		body->data = more;
		body->size = grown;
	}
	memcpy(body->data + body->used, data, size);
	body->used += size;
	body->data[body->used] = '\0';
	return size;
}

static void set_method(CURL *curl, const char *method)
{
	if (strcmp(method, "POST") == 0) {
		curl_easy_setopt(curl, CURLOPT_POSTFIELDS, "");
		curl_easy_setopt(curl, CURLOPT_POSTFIELDSIZE, 0L);
	} else if (strcmp(method, "GET") != 0) {
		curl_easy_setopt(curl, CURLOPT_CUSTOMREQUEST, method);
	}
}

int http_call(const struct http_host *host, const char *method, const char *path,
	      int64_t deadline_ms, struct http_reply *reply, struct error *err)
{
	CURL *curl = http_handle(host, path, deadline_ms, err);
	struct body body = { NULL, 0, 0 };
	long status = 0;
	CURLcode code;

	if (!curl)
		return err->code;
	set_method(curl, method);
	curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, append);
	curl_easy_setopt(curl, CURLOPT_WRITEDATA, &body);
	code = curl_easy_perform(curl);
	curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, &status);
	curl_easy_cleanup(curl);
	if (code == CURLE_OK && !body.data)
		body.data = calloc(1, 1);
	if (code == CURLE_OK && !body.data)
		code = CURLE_OUT_OF_MEMORY;
	if (code != CURLE_OK) {
		free(body.data);
		return http_failure(code, host, err);
	}
	reply->status = status;
	reply->body = body.data;
	reply->length = body.used;
	return 0;
}

const char *http_message(const struct http_reply *reply, char *buf, size_t size)
{
	json_t *root = json_loadb(reply->body, reply->length, 0, NULL);
	const char *text = json_string_value(json_object_get(root, "message"));

	(void) snprintf(buf, size, "%s", text ? text : reply->body);
	if (!text)
		buf[strcspn(buf, "\r\n")] = '\0';
	if (!*buf)
		(void) snprintf(buf, size, "HTTP status %ld", reply->status);
	json_decref(root);
	return buf;
}
