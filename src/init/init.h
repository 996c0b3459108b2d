/* SPDX-License-Identifier: Apache-2.0 */
/*
 * init.h - the smallest PID 1: one child, its signals, its orphans. What `docker run --init` mounts
 * into a container as /sbin/docker-init, with the options and statuses of tini, which dockerd and
 * scripts know it by. Needs no file but the program to run.
 */
#ifndef DIND_INIT_INIT_H
#define DIND_INIT_INIT_H

#include <signal.h>

#include "dind/base.h"

/* Bits of a set of exit statuses. */
#define INIT_STATUS_WORDS (256 / 64)

struct init_options {
	bool subreaper;		 /* -s, TINI_SUBREAPER */
	int parent_death_signal; /* -p; 0: none */
	int verbosity;		 /* -v, TINI_VERBOSITY: 0 fatal, 1 warnings, 2 info, 3 debug */
	bool warn_on_reap;	 /* -w */
	bool signal_group;	 /* -g, TINI_KILL_PROCESS_GROUP: the whole process group */
	uint64_t as_success[INIT_STATUS_WORDS]; /* -e: statuses that become 0 */
	char *const *command;			/* NULL ended; NULL: nothing is to be run */
	bool help, version, license;
};

/*
 * Fill @ret_options from @argv and TINI_* of the environment. Options end at the first other word.
 * 0, or -EINVAL with one line about what is wrong in @ret_fact (@size bytes).
 */
int init_parse(int argc, char **argv, char *const *environment, struct init_options *ret_options,
	       char *ret_fact, size_t size);

/* As above, then run. @inherited is the signal mask for the child; all signals are blocked. Returns
 * the exit status. */
int init_main(int argc, char **argv, char *const *environment, const sigset_t *inherited);

#endif
