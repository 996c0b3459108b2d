/* SPDX-License-Identifier: Apache-2.0 */
/*
 * cgroup_ahead.c - the waiting part of the nesting, beside the trials.
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
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>

#include "child.h"
#include "dind/file.h"
#include "dind/process.h"

/* cgroup.procs of our own group below @mount_point; false when it lies elsewhere, or is @leaf. */
static bool find_own_list(const char *mount_point, const char *leaf, char *path, size_t size)
{
	char text[16384], *group, *slash;

	if (file_read_at(AT_FDCWD, "/proc/self/cgroup", text, sizeof(text)) <= 0)
		return false;
	group = strncmp(text, "0::", 3) == 0 ? text : strstr(text, "\n0::");
	if (!group)
		return false;
	group = strchr(group, '/');
	if (!group)
		return false;
	group[strcspn(group, "\n")] = '\0';
	slash = strrchr(group, '/');
	return strcmp(slash + 1, leaf) != 0 &&
	       apply_format(path, size, "%s%s/cgroup.procs", mount_point, group) >= 0;
}

/* Never returns. */
static _Noreturn void move_to_where_it_is(const char *list, pid_t parent)
{
	if (prctl(PR_SET_PDEATHSIG, SIGKILL) == 0 && getppid() == parent)
		(void) file_write_at(AT_FDCWD, list, "0"); /* 0: the writer */
	_exit(0);
}

int apply_cgroup_nest_ahead(struct apply_context *context, const struct plan_step *step,
			    struct error *err)
{
	char list[PATH_MAX];
	pid_t parent = getpid(), pid;

	if (context->cgroup_ahead_pid ||
	    !find_own_list(step->u.cgroup_nest.mount_point, step->u.cgroup_nest.leaf, list,
			   sizeof(list)))
		return 0;
	pid = fork();
	if (pid < 0)
		return error_set(err, -errno, "start a child");
	if (pid == 0)
		move_to_where_it_is(list, parent);
	context->cgroup_ahead_pid = pid;
	return 0;
}

void apply_cgroup_nest_await(struct apply_context *context, int timeout_ms)
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
