/* SPDX-License-Identifier: Apache-2.0 */
/*
 * mirrors.h - do the registry mirrors of our engine answer? dockerd goes past one that does not to
 * Docker Hub, pull by pull and without a word, until the Hub's limit of pulls is reached.
 */
#ifndef CLIENT_MIRRORS_H
#define CLIENT_MIRRORS_H

#include <jansson.h>

#include "client.h"

#define MIRRORS_MAX	    16
#define MIRRORS_INTERVAL_MS 600000 /* between two rounds */
#define MIRRORS_AGAIN_MS    10000  /* where one may only be late, as one that starts beside us */

/* What is known of one so far. */
struct mirror {
	char url[256];
	char problem[HTTP_TEXT_MAX]; /* "": it answered, or was not asked yet */
	int failures;		     /* in a row; 1 stands for more */
	bool said_bad, said_good;
};

struct mirrors {
	struct mirror items[MIRRORS_MAX];
	size_t count;
	bool doubtful; /* one has failed for the first time: to be asked again soon */
};

/*
 * Ask the engine at @host which mirrors it has (any source: file, option, flag, SIGHUP), ask each
 * of these as dockerd would, with @options' authorities and proxies, and log what has changed; that
 * one fails, at the second time in a row. 0, or what came of asking the engine.
 */
int mirrors_check(struct mirrors *mirrors, const struct http_host *host,
		  const struct client_options *options, struct error *err);

/* Is @address in one of the networks of @cidrs, an array of JSON's? */
bool mirrors_is_within(const json_t *cidrs, const char *address);

#endif
