/* SPDX-License-Identifier: Apache-2.0 */
/* child.h - run a program for a step and wait for it, each by its pid and each with a bound. */
#ifndef APPLY_CHILD_H
#define APPLY_CHILD_H

#include <sys/types.h>

#include "dind/error.h"

/*
 * Start argv[0] (an absolute path) with an empty signal mask, almost no environment, /dev/null as
 * standard input and both outputs in a pipe, whose read end becomes *@ret_output (O_CLOEXEC,
 * O_NONBLOCK). It dies with us. Returns its pid, not yet waited for, or a negative errno. When it
 * cannot be executed, it says so in the pipe and ends with 127.
 */
pid_t child_start(const char *const *argv, int *ret_output, struct error *err);

/*
 * What the child does before it becomes a program, with that program's descriptors: it returns what
 * to execute, or ends itself when there is no need to.
 */
typedef const char *const *child_first(const void *context);

/* child_start() with the descriptor @from, which stays the caller's, as standard input; without one
 * when that is negative. argv[0] is what messages name, @first says what is executed. */
pid_t child_start_after(child_first *first, const void *context, const char *const *argv, int from,
			int *ret_output, struct error *err);

/*
 * Wait until the child closes its outputs and ends, and reap it; @output is closed. The last line
 * that it wrote is put into @line. A child that is not done after @timeout_ms is killed and reaped:
 * -ETIMEDOUT. 0: *@ret_status is as waitpid(2) gives it.
 */
int child_finish(pid_t pid, int *output, int timeout_ms, char *line, size_t size, int *ret_status);

/* Start, wait, and turn an exit status above @ok, or a signal, into an error that quotes its last
 * line. */
int child_run(const char *const *argv, int timeout_ms, int ok, struct error *err);

/* SIGKILL and reap. A child that the kernel does not let die is left to PID 1's loop after 2 s. */
void child_kill(pid_t pid);

/* "exited with 1", "was killed by signal 9" in @buf. Returns @buf. */
const char *child_status_text(int status, char *buf, size_t size);

#endif
