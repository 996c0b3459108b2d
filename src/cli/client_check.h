/* SPDX-License-Identifier: Apache-2.0 */
/*
 * client_check.h - what the docker client of this place will meet: for doctor. The asking and the
 * judging are apart, so that every judgement can be tested without an engine.
 */
#ifndef DIND_CLI_CLIENT_CHECK_H
#define DIND_CLI_CLIENT_CHECK_H

#include "dind/arena.h"
#include "dind/options.h"
#include "dind/plan.h"

enum client_spoken {
	CLIENT_SPOKEN_UNKNOWN = 0,
	CLIENT_SPOKEN_PLAIN,
	CLIENT_SPOKEN_TLS,
	CLIENT_SPOKEN_NOBODY, /* the connection is refused */
};

/* Strings are NULL where nothing is known. */
struct client_view {
	const char
		*host; /* what docker talks to here: unix:///… or tcp://…; NULL: nothing to say */
	enum client_spoken spoken; /* there */
	const char *tls_by;	   /* the variable that makes docker speak TLS */
	const char *engine, *api,
		*min_api;		  /* versions: of the engine, of its API, the oldest one */
	const char *code, *fact, *remedy; /* what dind-client has found out about that engine */
	const char *client, *client_api;  /* of docker here, and the newest API that it speaks */
};

/* ---- client_judge.c: pure ---- */

/* From what answered to a plain GET. */
enum client_spoken client_what_is_spoken(const char *answer, size_t length);

/* The versions in an answer to GET /version. */
void client_read_version(const char *answer, struct arena *arena, struct client_view *view);

/* What `dind-client ask` has printed: versions, or a code with its fact and remedy. */
void client_read_asked(const char *text, struct arena *arena, struct client_view *view);

/* "1.9" is older than "1.10". False when one of them is no version. */
bool client_api_is_older(const char *a, const char *b);

/* Add what there is to say to the plan's hints. */
void client_judge(const struct client_view *view, struct arena *arena, struct plan *plan);

/* ---- client_ask.c ---- */

/*
 * Ask the engine that DOCKER_HOST names, else @socket (a URL, NULL: the default one if it is
 * there), and the docker in PATH. One that speaks TLS, or is behind ssh, by way of @program
 * (dind-client, NULL: there is none). At most a few seconds; what does not answer stays unknown.
 */
void client_ask(const struct options *options, const char *socket, const char *program,
		struct arena *arena, struct client_view *ret_view);

#endif
