/* SPDX-License-Identifier: Apache-2.0 */
/* http_internal.h - between http.c and http_stream.c. */
#ifndef CLIENT_HTTP_INTERNAL_H
#define CLIENT_HTTP_INTERNAL_H

#include <curl/curl.h>

#include "http.h"

/* A handle that is set up for @host and @path, or NULL and @err. */
CURL *http_handle(const struct http_host *host, const char *path, int64_t deadline_ms,
		  struct error *err);

/* Fill @err from what libcurl says. A negative errno. */
int http_failure(CURLcode code, const struct http_host *host, struct error *err);

#endif
