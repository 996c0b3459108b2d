/* SPDX-License-Identifier: Apache-2.0 */
/* mirror.h - --mirror-limits, the side of the runtime: what is added to a container's bundle. */
#ifndef DIND_CLI_MIRROR_H
#define DIND_CLI_MIRROR_H

#include <limits.h>

#include "dind/arena.h"

struct mirror {
	char runtime[PATH_MAX]; /* the runc that does the work */
	int64_t memory;		/* bytes; of all of these 0 is none */
	int64_t quota, period;	/* microseconds */
	int64_t pids;
	bool log_json; /* how PID 1 logs */
};

/* What the plan has written: a line for each, words separated by a blank. -EINVAL without a
 * runtime; what is not understood is left out. */
int mirror_parse(const char *text, struct mirror *ret_mirror);

/*
 * The bundle of a command line of runc that makes a container, "." when it names none; NULL for any
 * other command.
 */
const char *mirror_bundle(int argc, char **argv);

/*
 * Add to the text @config (OCI runtime specification) the limits that it lacks. *@ret_config is of
 * @arena, or @config when there was nothing to add. 0 or -EINVAL.
 */
int mirror_add(struct arena *arena, const char *config, const struct mirror *mirror,
	       const char **ret_config);

/* The same for a file. 0 or negative errno; the file is replaced as a whole or not at all. */
int mirror_file(const char *path, const struct mirror *mirror);

#endif
