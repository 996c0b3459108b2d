/* SPDX-License-Identifier: Apache-2.0 */
/*
 * cgroup_ahead.c - the waiting part of the nesting, beside the look at the machine and the trials.
 *
 * Whoever moves a process between groups waits for a grace period of RCU, 7 to 20 ms, unless
 * somebody has moved one a moment ago: cgroup_threadgroup_rwsem (kernel/cgroup/cgroup.c) is built
 * for readers (kernel/rcu/sync.c). A child that moves itself to where it is takes the same lock and
 * changes nothing. Whoever comes after it finds the lock awake for another grace period.
 */
#include "steps.h"

#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <string.h>
#include <sys/prctl.h>

#include "cgroup_procs.h"
#include "child.h"
#include "dind/file.h"
#include "dind/process.h"

static bool is_ours(const char *list)
{
	bool ours = false;

	return cgroup_procs_has(AT_FDCWD, list, getpid(), &ours) == 0 && ours;
}

/* cgroup.procs of our own group: @mount_point, or below it while that still shows the host's tree.
 * False: it lies elsewhere, or we are in the leaf, and nothing will be moved. */
static bool find_own_list(const char *mount_point, char *path, size_t size)
{
	char group[PATH_MAX];

	if (apply_format(path, size, "%s/cgroup.procs", mount_point) >= 0 && is_ours(path))
		return true;
	if (!cgroup_procs_own_group(group, sizeof(group)))
		return false;
	return strcmp(strrchr(group, '/') + 1, CGROUP_LEAF) != 0 &&
	       apply_format(path, size, "%s%s/cgroup.procs", mount_point, group) >= 0 &&
	       is_ours(path);
}

/* Never returns. */
static _Noreturn void move_to_where_it_is(const char *list, pid_t parent)
{
	if (prctl(PR_SET_PDEATHSIG, SIGKILL) == 0 && getppid() == parent)
		(void) file_write_at(AT_FDCWD, list, "0"); /* 0: the writer */
	_exit(0);
}

void apply_cgroup_ahead(struct apply_context *context, const char *mount_point)
{
	char list[PATH_MAX];
	pid_t parent = getpid(), pid;

	if (context->cgroup_ahead_pid || !find_own_list(mount_point, list, sizeof(list)))
		return;
	pid = fork();
	if (pid == 0)
		move_to_where_it_is(list, parent);
	if (pid > 0)
		context->cgroup_ahead_pid = pid;
}

void apply_cgroup_await(struct apply_context *context, int timeout_ms)
{
	int status;

	/* one that the kernel holds is left to PID 1's loop */
	if (context->cgroup_ahead_pid)
		(void) process_wait(context->cgroup_ahead_pid, timeout_ms, &status);
	context->cgroup_ahead_pid = 0;
}

void apply_abandon_cgroup(struct apply_context *context)
{
	if (context->cgroup_ahead_pid)
		child_kill(context->cgroup_ahead_pid);
	context->cgroup_ahead_pid = 0;
}
