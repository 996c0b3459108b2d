/* SPDX-License-Identifier: Apache-2.0 */
/*
 * certs.h - dind-certs: a CA, a server and a client certificate in the layout of docker:dind, or a
 * look at those that the user put there. The only user of libcrypto.
 *
 *   DIR/ca/{key,cert}.pem
 *   DIR/server/{ca,cert,key}.pem
 *   DIR/client/{ca,cert,key}.pem      key.pem 0644: for whoever may read the directory
 *
 * Server files without ca/key.pem are the user's: they are checked and nothing is written.
 */
#ifndef DIND_CERTS_CERTS_H
#define DIND_CERTS_CERTS_H

#include "dind/arena.h"
#include "dind/certs.h"
#include "dind/error.h"

#define CERTS_LINE_MAX	 ERROR_MESSAGE_MAX
#define CERTS_KEEP_DAYS	 30  /* what is good for no longer is made anew */
#define CERTS_VALID_DAYS 825 /* as docker:dind; some clients accept no more */

/* ---- the work ---- */

enum certs_key {
	CERTS_KEY_ANY = 0, /* those that are there are kept, new ones are EC */
	CERTS_KEY_EC,
	CERTS_KEY_RSA,
};

struct certs_options {
	const char *directory; /* absolute */
	enum certs_key key;
	const char *san;	  /* as the user wrote it, or NULL */
	struct certs_names local; /* of this container */
	struct certs_names asked; /* by the user: what is in san */
	int64_t now;		  /* seconds since the epoch */
	bool held;		  /* nothing is written before a byte arrives at @go */
	int go;
};

struct certs_outcome {
	enum certs_failure failure;   /* when certs_ensure() fails */
	char notice[CERTS_LINE_MAX];  /* what was made, kept or found good */
	char warning[CERTS_LINE_MAX]; /* "" without one */
};

/*
 * Have certificates that are good. 0, or a negative errno with @err and ret->failure. That
 * options->go ends without a byte is a CERTS_FAIL_SYSTEM.
 */
int certs_ensure(const struct certs_options *options, struct certs_outcome *ret, struct error *err);

/* ---- the command line ---- */

struct certs_command {
	struct certs_options work;
	bool help;
};

int certs_command_parse(struct certs_command *command, int argc, char **argv, struct error *err);
void certs_usage(void);

#endif
