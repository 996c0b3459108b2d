/* SPDX-License-Identifier: Apache-2.0 */
/*
 * process.h - processes by their number: descriptors that keep the number from meaning another one,
 * signals, the end of a child, and the walk over /proc.
 */
#ifndef DIND_PROCESS_H
#define DIND_PROCESS_H

#include <sys/types.h>

#include "dind/base.h"

/*
 * A descriptor of process @pid, see pidfd_open(2); the caller closes it. Negative errno, -ENOSYS on
 * KERNEL<5.3.
 */
int process_open(pid_t pid);

/*
 * Send @signal_number through @pidfd, a result of process_open(). Where that is -ENOSYS, or
 * @pid is a child that was not reaped (its number is not given away), kill(2) is used. 0 or
 * negative errno.
 */
int process_signal(pid_t pid, int pidfd, int signal_number);

/*
 * Wait at most @timeout_ms for the end of a child; 0 only looks. *@ret_status is as of waitpid(2).
 * 0, -ETIMEDOUT, or another negative errno.
 */
int process_wait(pid_t pid, int timeout_ms, int *ret_status);

/*
 * How deep the pid namespace of a process lies as we see it: the entries of NSpid in @status, the
 * text of /proc/PID/status (proc_pid_status(5)); 1 is our own. *@ret_last is its number in its
 * own namespace. 0: the text has none (KERNEL<4.1, or the process is gone).
 */
int process_depth(const char *status, long *ret_last);

/* One process: its number and its directory in /proc, which is closed for you. False ends the walk.
 */
typedef bool process_visit(void *context, int pid, int directory);

/*
 * @visit every process of the mounted /proc once, as far as it is still there. A process that forks
 * during the walk may hide its child from it. 0 or negative errno. Allocates.
 */
int process_each(process_visit *visit, void *context);

#endif
