/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Between fork and exec: the launch record in launch.h's order. PID 1 has one thread, so the child
 * may call what it likes; still nothing in here allocates but libcap.
 */
#include <fcntl.h>
#include <limits.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>

#include "dind/file.h"
#include "internal.h"

#define CLOSE_RANGE_SET_CLOEXEC 4U /* CLOSE_RANGE_CLOEXEC of linux/close_range.h */
#define FIRST_LISTEN_FD		3  /* SD_LISTEN_FDS_START */

static int join_cgroup(const struct launch *launch)
{
	char path[PATH_MAX];
	int n;

	if (!launch->cgroup)
		return 0;
	n = snprintf(path, sizeof(path), "%s/cgroup.procs", launch->cgroup);
	if (n < 0 || (size_t) n >= sizeof(path))
		return -ENAMETOOLONG;
	return file_write_at(AT_FDCWD, path, "0"); /* 0: whoever writes */
}

static int enter_session(const struct launch *launch)
{
	bool ours;

	if (launch->new_session)
		return setsid() < 0 ? -errno : 0;
	if (!launch->foreground)
		return 0;
	/* Asked before we leave the group. A shell that put us in the background keeps its
	 * terminal.
	 */
	ours = terminal_is_ours();
	if (setpgid(0, 0) < 0)
		return -errno;
	if (ours)
		terminal_take();
	return 0;
}

/* ---- descriptors ---- */

/* Move @fd out of the way of the numbers below @floor. */
static int lift(int *fd, int floor)
{
	int lifted;

	if (*fd >= floor)
		return 0;
	lifted = fcntl(*fd, F_DUPFD_CLOEXEC, floor);
	if (lifted < 0)
		return -errno;
	*fd = lifted;
	return 0;
}

/* dup2(2) clears close-on-exec. */
static int place(int fd, int number)
{
	return dup2(fd, number) < 0 ? -errno : 0;
}

/* All sources are lifted above the last target before the first is placed: any may have the number
 * of any other's place. */
static int place_descriptors(const struct spawn_fds *fds, int *report)
{
	int sources[STDERR_FILENO + 1 + SPAWN_MAX_FDS] = { fds->in, fds->out, fds->err };
	size_t n_given = fds->n_listen + fds->n_keep, n = FIRST_LISTEN_FD + n_given;
	int r;

	if (fds->n_listen > SPAWN_MAX_FDS || fds->n_keep > SPAWN_MAX_FDS - fds->n_listen)
		return -E2BIG;
	for (size_t i = 0; i < n_given; i++)
		sources[FIRST_LISTEN_FD + i] =
			i < fds->n_listen ? fds->listen[i] : fds->keep[i - fds->n_listen];
	r = lift(report, (int) n);
	for (size_t i = 0; r == 0 && i < n; i++)
		if (i >= FIRST_LISTEN_FD || sources[i] >= 0) /* -1: standard ones as ours */
			r = lift(&sources[i], (int) n);
	for (size_t i = 0; r == 0 && i < n; i++)
		if (sources[i] >= 0)
			r = place(sources[i], (int) i);
	/* Belt and braces for a service that shall have nothing else. KERNEL<5.11: refused, and
	 * all of ours are O_CLOEXEC anyway. */
	if (r == 0 && !fds->inherit)
		(void) syscall(SYS_close_range, (unsigned int) n, UINT_MAX,
			       CLOSE_RANGE_SET_CLOEXEC);
	return r;
}

/* ---- attributes of the process ---- */

static int set_apparmor(const struct launch *launch)
{
	int r;

	if (!launch->apparmor_exec)
		return 0;
	r = file_write_at(AT_FDCWD, "/proc/self/attr/apparmor/exec", launch->apparmor_exec);
	if (r == -ENOENT) /* KERNEL<5.8: one attribute for all security modules */
		r = file_write_at(AT_FDCWD, "/proc/self/attr/exec", launch->apparmor_exec);
	return r;
}

static rlim_t to_rlim(uint64_t value)
{
	return value == UINT64_MAX ? RLIM_INFINITY : (rlim_t) value;
}

static int set_limit(const struct launch_rlimit *want)
{
	struct rlimit limit = { to_rlim(want->soft), to_rlim(want->hard) };
	struct rlimit now;

	if (prlimit(0, (__rlimit_resource_t) want->resource, &limit, NULL) == 0)
		return 0;
	if (errno != EPERM)
		return -errno;
	/* No CAP_SYS_RESOURCE, or above fs.nr_open: as far as it goes. */
	if (prlimit(0, (__rlimit_resource_t) want->resource, NULL, &now) < 0)
		return -errno;
	if (limit.rlim_max > now.rlim_max)
		limit.rlim_max = now.rlim_max;
	if (limit.rlim_cur > limit.rlim_max)
		limit.rlim_cur = limit.rlim_max;
	return prlimit(0, (__rlimit_resource_t) want->resource, &limit, NULL) < 0 ? -errno : 0;
}

static int set_limits(const struct launch *launch)
{
	char text[16];

	for (size_t i = 0; i < launch->n_rlimits; i++) {
		int r = set_limit(&launch->rlimits[i]);

		if (r < 0)
			return r;
	}
	if (!launch->set_oom_score)
		return 0;
	(void) snprintf(text, sizeof(text), "%d", launch->oom_score_adj);
	/* Lowering it takes CAP_SYS_RESOURCE: without, the kernel picks somebody else first or not,
	 * and that is no reason not to start. */
	(void) file_write_at(AT_FDCWD, "/proc/self/oom_score_adj", text);
	return 0;
}

static void reset_signals(const sigset_t *mask)
{
	const struct sigaction by_default = { .sa_handler = SIG_DFL };

	for (int i = 1; i < NSIG; i++)
		(void) sigaction(i, &by_default,
				 NULL); /* those that cannot be set cannot be lost */
	(void) sigprocmask(SIG_SETMASK, mask, NULL);
}

struct spawn_failure spawn_child(const struct launch *launch, const struct spawn_fds *fds,
				 const sigset_t *mask, int *report)
{
	const char *const *environment = NULL;
	struct spawn_failure failure = { SPAWN_CGROUP, join_cgroup(launch) };

#define STAGE(number, call)                                                   \
	do {                                                                  \
		if (failure.error == 0)                                       \
			failure = (struct spawn_failure){ (number), (call) }; \
	} while (0)

	STAGE(SPAWN_SESSION, enter_session(launch));
	STAGE(SPAWN_DESCRIPTORS, place_descriptors(fds, report));
	STAGE(SPAWN_ENVIRONMENT, spawn_environment(launch, fds->n_listen, &environment));
	STAGE(SPAWN_APPARMOR, set_apparmor(launch));
	STAGE(SPAWN_LIMITS, set_limits(launch));
	/* before CAP_SETPCAP goes with the user */
	STAGE(SPAWN_CAPABILITIES, spawn_drop_bounding(launch));
	STAGE(SPAWN_USER, spawn_change_user(launch));
	STAGE(SPAWN_CAPABILITIES, spawn_drop_capabilities(launch));
	if (launch->no_new_privs)
		STAGE(SPAWN_NO_NEW_PRIVS, prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0 ? -errno : 0);
	STAGE(SPAWN_SECCOMP, spawn_confine(launch));
#undef STAGE
	if (failure.error < 0)
		return failure;
	reset_signals(mask);
	return (struct spawn_failure){ SPAWN_EXEC, spawn_exec(launch->argv, environment) };
}
