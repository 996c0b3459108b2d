/* SPDX-License-Identifier: Apache-2.0 */
/*
 * helper.h - a forked child with a deadline, for what could hang. Private to inspect.
 */
#ifndef DIND_INSPECT_HELPER_H
#define DIND_INSPECT_HELPER_H

#include <sys/types.h>

#include "dind/error.h"

/* Runs in the child. @result is @size bytes of zeroed memory shared with the parent. 0 or negative
 * errno, which becomes the caller's. */
typedef int helper_work(const void *context, void *result);

/*
 * Run @work(@context, result) in a child of its own process group and wait at most @timeout_ms.
 * Whatever the child wrote into its result is copied to @ret_result, also after a time-out; strings
 * in it must be taken as unterminated then.
 *
 * Returns what @work returned; -ETIMEDOUT: the whole group was killed; -ECHILD: it died of a
 * signal; *@ret_started tells whether there was a child at all. No zombie is left, except of a
 * child that SIGKILL cannot end within half a second (a dead server's file system): PID 1 reaps
 * that one when it comes.
 */
int helper_run(helper_work *work, const void *context, void *ret_result, size_t size,
	       int timeout_ms, bool *ret_started, struct error *err);

/*
 * helper_run() in two parts, for several helpers at a time. helper_begin(): 0, or a negative errno
 * without a child; @context is not needed after it. helper_end(), once for each that was
 * started, returns as helper_run(); the time counts from the start.
 */
struct helper {
	pid_t pid;
	void *shared;
	size_t size;
	int timeout_ms;
	int64_t deadline;
};

int helper_begin(struct helper *helper, helper_work *work, const void *context, size_t size,
		 int timeout_ms, struct error *err);
int helper_end(struct helper *helper, void *ret_result, struct error *err);

/* In a child that will exec: signals as a program expects them, not as PID 1 holds them. */
void helper_reset_signals(void);

#endif
