/* SPDX-License-Identifier: Apache-2.0 */
/*
 * trial.h - the parts of a trial, all of which run in its child. Private to inspect.
 */
#ifndef DIND_INSPECT_TRIAL_H
#define DIND_INSPECT_TRIAL_H

#include <sys/types.h>

#include "dind/inspect.h"

#define TRIAL_SCRATCH_PREFIX ".dind-trial-"
#define TRIAL_SCRATCH_MAX    32

/* What the child is told. Borrowed from the caller, whose memory the child has a copy of. */
struct trial_context {
	const char *path;	    /* directory, program or DOCKER_HOST */
	const char *client;	    /* dind-client, for TRIAL_ADDRESS */
	const char *fuse_overlayfs; /* program, for TRIAL_FUSE */
	bool user_namespace;	    /* overlay needs userxattr there */
	const char *scratch;	    /* for the removal of what a killed trial left, else NULL */
};

/* What it tells, in memory shared with the parent. */
struct trial_record {
	enum tri value;
	int error;
	char evidence[160];
	char detail[256];
	char scratch[TRIAL_SCRATCH_MAX]; /* name in the directory; "" before it is made */
};

/* Fill the result. trial_failed() returns -@error for `return trial_failed(…)`. */
void trial_passed(struct trial_record *record, const char *evidence);
int trial_failed(struct trial_record *record, enum tri value, int error, const char *fmt, ...)
	DIND_PRINTF(4, 5);

/* The work of each kind, for helper_run(). The result is in the record; they return 0. */
int trial_overlay_work(const void *context, void *record);
int trial_fuse_work(const void *context, void *record);
int trial_engine_work(const void *context, void *record);
int trial_iptables_work(const void *context, void *record);
int trial_iptables_no_raw_work(const void *context, void *record);
int trial_ip6tables_work(const void *context, void *record);
int trial_address_work(const void *context, void *record);

/* ---- scratch directory: trial_scratch.c ---- */

/*
 * Make a scratch directory in @directory and remove those that killed trials left there: a living
 * one's is locked. Its name goes into @record at once. Returns its descriptor, which holds the
 * lock, or a negative errno.
 */
int trial_scratch_make(int directory, struct trial_record *record);

/*
 * A mount namespace of our own, with nothing leaking out; a scratch directory in context->path as
 * working directory, filled for an overlay. *@ret_directory is context->path, to be given to
 * trial_leave(); *@ret_lock keeps the lock. 0, or negative errno with the record filled and nothing
 * left behind.
 */
int trial_enter(const struct trial_context *context, struct trial_record *record,
		int *ret_directory, int *ret_lock);

/* Take the mount m down if there is one, and the scratch directory with it. */
void trial_leave(int directory, const struct trial_record *record);

/* Remove @name and all below it, whatever its permissions. 0 or negative errno. */
int trial_scratch_remove(int directory, const char *name);

/* helper_work: remove context->scratch in context->path. */
int trial_scratch_work(const void *context, void *record);

/* ---- programs: trial_program.c ---- */

/*
 * Start @argv in our process group, with nothing of the environment but PATH. Its standard input is
 * @input, /dev/null when that is negative; its standard output
 * and error arrive at *@ret_output (non-blocking). It dies with us. 0 or negative errno; an exec
 * that failed is exit status 127.
 */
int trial_start_program(const char *const *argv, int input, pid_t *ret_pid, int *ret_output);

/* Give it a second to end by itself, then SIGKILL; reaped in any case. Its wait status. */
int trial_end_program(pid_t pid);

/* What was printed so far, at most @size - 1 bytes, terminated; waits for more until the end of
 * output when @until_end. Returns its length. */
size_t trial_read_output(int output, char *text, size_t size, bool until_end);

/* ---- what both kinds of overlay are put through: trial_exercise.c, trial_files.c ----
 * The working directory is the scratch directory; a and b are the lowers, u is the upper, w the
 * work directory, m the mount point. All return 0, or a negative errno with the record filled:
 * the evidence names the operation.
 */

/* Make the directories and fill the lower layers. */
int trial_populate(struct trial_record *record);
int trial_populate_files(struct trial_record *record);

/* Layers: read, list, delete, rename, replace a directory, copy up, link. Then files. */
int trial_exercise(struct trial_record *record);

/* Modes, owners, capabilities, symbolic links, devices, long names. */
int trial_exercise_files(struct trial_record *record);

/* Do listings of these @n directories give file types? Engines refuse a layer without. */
int trial_check_types(const char *const *directories, size_t n, struct trial_record *record);

/* A new file @path with @text. 0 or negative errno; no record. */
int trial_make_file(const char *path, const char *text);

#endif
