/* SPDX-License-Identifier: Apache-2.0 */
/* A client and an engine that do not understand each other: which of the ways it is. Pure. */
#include <jansson.h>
#include <limits.h>
#include <string.h>

#include "client_check.h"
#include "dind/str.h"

/* What Go's server of TLS says to plain HTTP, in an answer that is plain itself; others close the
 * connection or send an alert (type 21). */
static const char https_words[] = "HTTP request to an HTTPS server";

enum client_spoken client_what_is_spoken(const char *answer, size_t length)
{
	if (length > 0 && answer[0] == 21)
		return CLIENT_SPOKEN_TLS;
	if (length < 5 || strncmp(answer, "HTTP/", 5) != 0)
		return CLIENT_SPOKEN_UNKNOWN;
	return memmem(answer, length, https_words, strlen(https_words)) ? CLIENT_SPOKEN_TLS
									: CLIENT_SPOKEN_PLAIN;
}

static const char *text_of(json_t *object, const char *key, struct arena *arena)
{
	const char *text = json_string_value(json_object_get(object, key));

	return text ? arena_strdup(arena, text) : NULL;
}

void client_read_version(const char *answer, struct arena *arena, struct client_view *view)
{
	const char *body = strstr(answer, "\r\n\r\n");
	json_t *object;

	if (!body || !str_has_prefix(answer, "HTTP/1.") || strncmp(answer + 8, " 200", 4) != 0)
		return;
	object = json_loads(body + 4, JSON_DISABLE_EOF_CHECK, NULL);
	view->engine = text_of(object, "Version", arena);
	view->api = text_of(object, "ApiVersion", arena);
	view->min_api = text_of(object, "MinAPIVersion", arena);
	json_decref(object);
}

void client_read_asked(const char *text, struct arena *arena, struct client_view *view)
{
	json_t *object = json_loads(text, 0, NULL);

	view->code = text_of(object, "code", arena);
	view->fact = text_of(object, "fact", arena);
	view->remedy = text_of(object, "remedy", arena);
	view->engine = text_of(object, "Version", arena);
	view->api = text_of(object, "ApiVersion", arena);
	view->min_api = text_of(object, "MinAPIVersion", arena);
	json_decref(object);
}

static bool parse_api(const char *text, int *ret_major, int *ret_minor)
{
	const char *dot = text ? strchr(text, '.') : NULL;
	char major[8];

	if (!dot || (size_t) (dot - text) >= sizeof(major))
		return false;
	memcpy(major, text, (size_t) (dot - text));
	major[dot - text] = '\0';
	return str_parse_int(major, 0, INT_MAX, ret_major) == 0 &&
	       str_parse_int(dot + 1, 0, INT_MAX, ret_minor) == 0;
}

bool client_api_is_older(const char *a, const char *b)
{
	int a_major, a_minor, b_major, b_minor;

	if (!parse_api(a, &a_major, &a_minor) || !parse_api(b, &b_major, &b_minor))
		return false;
	return a_major != b_major ? a_major < b_major : a_minor < b_minor;
}

static void add(struct arena *arena, struct plan *plan, const char *code, const char *fact,
		const char *remedy)
{
	struct plan_message *hint =
		arena_push(arena, (void **) &plan->hints, &plan->n_hints, sizeof(*hint));

	*hint = (struct plan_message){ .code = code, .fact = fact, .remedy = remedy };
}

static void judge_tls(const struct client_view *view, struct arena *arena, struct plan *plan)
{
	if (view->spoken == CLIENT_SPOKEN_TLS && !view->tls_by)
		add(arena, plan, "DIND-CLIENT-01",
		    arena_printf(arena,
				 "%s speaks TLS, and docker speaks plain HTTP here: it is answered "
				 "\"client sent an %s\"",
				 view->host, https_words),
		    "DOCKER_TLS_VERIFY=1 and DOCKER_CERT_PATH=DIR, where DIR has the client's "
		    "ca.pem, cert.pem and key.pem (/certs/client of the engine's container)");
	if (view->spoken == CLIENT_SPOKEN_PLAIN && view->tls_by &&
	    str_has_prefix(view->host, "tcp://"))
		add(arena, plan, "DIND-CLIENT-02",
		    arena_printf(
			    arena,
			    "%s speaks plain HTTP, and %s makes docker speak TLS here: it says "
			    "\"server gave HTTP response to HTTPS client\" or \"first record does "
			    "not look like a TLS handshake\"",
			    view->host, view->tls_by),
		    arena_printf(arena,
				 "unset %s, or set DOCKER_HOST to the engine's TLS port (2376)",
				 view->tls_by));
}

void client_judge(const struct client_view *view, struct arena *arena, struct plan *plan)
{
	if (!view->host)
		return;
	judge_tls(view, arena, plan);
	if (view->spoken == CLIENT_SPOKEN_NOBODY)
		add(arena, plan, "DIND-CLIENT-03",
		    arena_printf(arena, "nobody listens on %s, which DOCKER_HOST names",
				 view->host),
		    "start the engine that it is about, or unset DOCKER_HOST");
	if (view->code && view->fact && view->remedy)
		add(arena, plan, view->code, view->fact, view->remedy);
	if (client_api_is_older(view->client_api, view->min_api))
		add(arena, plan, "DIND-CLIENT-04",
		    arena_printf(
			    arena,
			    "docker %s speaks the API up to %s here, and engine %s on %s takes "
			    "%s at least: it refuses with \"client version %s is too old\"",
			    view->client, view->client_api, view->engine, view->host, view->min_api,
			    view->client_api),
		    arena_printf(arena,
				 "a newer docker client, or DOCKER_MIN_API_VERSION=%s in the "
				 "environment of the engine's container",
				 view->client_api));
}
