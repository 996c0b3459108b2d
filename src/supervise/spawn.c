/* SPDX-License-Identifier: Apache-2.0 */
/* From a launch record to a process. Between fork and exec only what is async-signal-safe in
 * practice is called: the parent has one thread, so libcap may allocate in the child. */
#include <fcntl.h>
#include <grp.h>
#include <limits.h>
#include <string.h>
#include <sys/capability.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include "dind/file.h"
#include "dind/str.h"
#include "internal.h"

#define CLOSE_RANGE_CLOEXEC_FLAG 4U
#define DEFAULT_PATH		 "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
#define ENVIRONMENT_MAX		 4096

/* Where a child failed; sent to the parent over a pipe. */
enum spawn_stage {
	STAGE_CGROUP = 0,
	STAGE_SESSION,
	STAGE_DESCRIPTORS,
	STAGE_ENVIRONMENT,
	STAGE_APPARMOR,
	STAGE_LIMITS,
	STAGE_USER,
	STAGE_CAPABILITIES,
	STAGE_NO_NEW_PRIVS,
	STAGE_EXEC,
	STAGE_COUNT,
};

static const char *const stage_names[STAGE_COUNT] = {
	[STAGE_CGROUP] = "joining its cgroup",
	[STAGE_SESSION] = "session and terminal",
	[STAGE_DESCRIPTORS] = "handing over descriptors",
	[STAGE_ENVIRONMENT] = "environment",
	[STAGE_APPARMOR] = "AppArmor exec attribute",
	[STAGE_LIMITS] = "resource limits",
	[STAGE_USER] = "user and groups",
	[STAGE_CAPABILITIES] = "capabilities",
	[STAGE_NO_NEW_PRIVS] = "no_new_privs",
	[STAGE_EXEC] = "exec",
};

struct spawn_failure {
	int stage;
	int error; /* positive errno */
};

static int child_cgroup(const struct launch *launch)
{
	char path[PATH_MAX];
	int n;

	if (!launch->cgroup)
		return 0;
	n = snprintf(path, sizeof(path), "%s/cgroup.procs", launch->cgroup);
	if (n < 0 || (size_t) n >= sizeof(path))
		return -ENAMETOOLONG;
	return file_write_at(AT_FDCWD, path, "0"); /* 0: the writer */
}

static int child_session(const struct launch *launch)
{
	if (launch->new_session)
		return setsid() < 0 ? -errno : 0;
	if (!launch->foreground)
		return 0;
	if (setpgid(0, 0) < 0)
		return -errno;
	/* TTOU is blocked: a background group that takes the terminal would be stopped. No
	 * terminal, or not ours to give: COMMAND runs without one. */
	(void) tcsetpgrp(STDIN_FILENO, getpgrp());
	return 0;
}

/* Move @fd to a number of @floor or more, so that the final numbers are free. */
static int lift(int fd, int floor)
{
	int lifted = fcntl(fd, F_DUPFD_CLOEXEC, floor);

	return lifted < 0 ? -errno : lifted;
}

static int place(int fd, int number)
{
	return dup2(fd, number) < 0 ? -errno : 0; /* dup2 clears close-on-exec */
}

/*
 * 0, 1, 2, then the listeners from 3 (sd_listen_fds(3)), then what is kept. Sources may have any
 * number, so all are lifted above the last target first. @report is lifted as well.
 */
static int child_descriptors(const struct spawn_fds *fds, int *report)
{
	int standard[3] = { fds->in, fds->out, fds->err };
	int sources[SPAWN_MAX_FDS];
	size_t n = fds->n_listen + fds->n_keep;
	int floor = STDERR_FILENO + 1 + (int) n + 3;

	if (n > SPAWN_MAX_FDS)
		return -E2BIG;
	*report = lift(*report, floor);
	if (*report < 0)
		return *report;
	for (size_t i = 0; i < n; i++) {
		int fd = i < fds->n_listen ? fds->listen[i] : fds->keep[i - fds->n_listen];

		sources[i] = lift(fd, floor);
		if (sources[i] < 0)
			return sources[i];
	}
	for (int i = 0; i < 3; i++) {
		if (standard[i] < 0)
			continue;
		standard[i] = lift(standard[i], floor);
		if (standard[i] < 0)
			return standard[i];
	}
	for (int i = 0; i < 3; i++)
		if (standard[i] >= 0 && place(standard[i], i) < 0)
			return -errno;
	for (size_t i = 0; i < n; i++)
		if (place(sources[i], STDERR_FILENO + 1 + (int) i) < 0)
			return -errno;
	/* Belt and braces: nothing else of ours gets through. ENOSYS before 5.11; all are
	 * O_CLOEXEC. */
	(void) syscall(SYS_close_range, (unsigned int) STDERR_FILENO + 1 + n, UINT_MAX,
		       CLOSE_RANGE_CLOEXEC_FLAG);
	return 0;
}

static int child_limits(const struct launch *launch)
{
	for (size_t i = 0; i < launch->n_rlimits; i++) {
		const struct launch_rlimit *want = &launch->rlimits[i];
		struct rlimit now, next = { want->soft, want->hard };

		if (getrlimit((__rlimit_resource_t) want->resource, &now) < 0)
			return -errno;
		if (setrlimit((__rlimit_resource_t) want->resource, &next) == 0)
			continue;
		if (errno != EPERM)
			return -errno;
		/* No CAP_SYS_RESOURCE: as far as it goes. */
		next.rlim_max = now.rlim_max < next.rlim_max ? now.rlim_max : next.rlim_max;
		next.rlim_cur = next.rlim_cur < next.rlim_max ? next.rlim_cur : next.rlim_max;
		if (setrlimit((__rlimit_resource_t) want->resource, &next) < 0)
			return -errno;
	}
	if (launch->set_oom_score) {
		char text[16];
		int r;

		(void) snprintf(text, sizeof(text), "%d", launch->oom_score_adj);
		r = file_write_at(AT_FDCWD, "/proc/self/oom_score_adj", text);
		/* Lowering needs CAP_SYS_RESOURCE; a worse OOM score is no reason not to start. */
		if (r < 0 && r != -EACCES && r != -EPERM && r != -EROFS)
			return r;
	}
	return 0;
}

/* Lower the bounding set while CAP_SETPCAP is still there, that is before the user changes. */
static int child_bounding(const struct launch *launch)
{
	if (launch->caps != LAUNCH_CAPS_CLEAR)
		return 0;
	for (cap_value_t cap = 0; cap_get_bound(cap) >= 0; cap++)
		if (cap_drop_bound(cap) < 0)
			return -errno;
	return 0;
}

static int child_user(const struct launch *launch)
{
	gid_t groups[LAUNCH_MAX_GROUPS];

	if (!launch->set_user)
		return 0;
	for (size_t i = 0; i < launch->n_groups && i < LAUNCH_MAX_GROUPS; i++)
		groups[i] = launch->groups[i];
	if (setgroups(launch->n_groups, groups) < 0)
		return -errno;
	if (setresgid(launch->gid, launch->gid, launch->gid) < 0)
		return -errno;
	if (setresuid(launch->uid, launch->uid, launch->uid) < 0)
		return -errno;
	return 0;
}

static int child_capabilities(const struct launch *launch)
{
	cap_t none;
	int r;

	if (launch->caps == LAUNCH_CAPS_KEEP)
		return 0;
	if (prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0) < 0 && errno != EINVAL)
		return -errno;
	none = cap_init();
	if (!none)
		return -ENOMEM;
	r = cap_set_proc(none) < 0 ? -errno : 0;
	(void) cap_free(none);
	return r;
}

static void child_signals(const sigset_t *mask)
{
	struct sigaction by_default = { 0 };

	by_default.sa_handler = SIG_DFL;
	for (int s = 1; s < NSIG; s++)
		if (s != SIGKILL && s != SIGSTOP)
			(void) sigaction(s, &by_default, NULL);
	(void) sigprocmask(SIG_SETMASK, mask, NULL);
}

/* The record's environment with LISTEN_*; @storage outlives the exec that uses it. */
struct child_environment {
	char pid[32], count[32], names[512];
	const char *items[ENVIRONMENT_MAX];
};

static int child_environment(const struct launch *launch, size_t n_listen,
			     struct child_environment *ret)
{
	size_t n = 0;

	for (const char *const *e = launch->environment; e && *e; e++) {
		if (n + 4 >= ENVIRONMENT_MAX)
			return -E2BIG;
		ret->items[n++] = *e;
	}
	if (n_listen > 0) {
		(void) snprintf(ret->pid, sizeof(ret->pid), "LISTEN_PID=%d", (int) getpid());
		(void) snprintf(ret->count, sizeof(ret->count), "LISTEN_FDS=%zu", n_listen);
		ret->items[n++] = ret->pid;
		ret->items[n++] = ret->count;
		if (launch->listen_names) {
			int len = snprintf(ret->names, sizeof(ret->names), "LISTEN_FDNAMES=%s",
					   launch->listen_names);

			if (len < 0 || (size_t) len >= sizeof(ret->names))
				return -E2BIG;
			ret->items[n++] = ret->names;
		}
	}
	ret->items[n] = NULL;
	return 0;
}

/* execvp(3) with the PATH of the record, not ours. Returns only to say why not. */
static int child_exec(const struct launch *launch, const char *const *environment)
{
	char *const *argv = (char *const *) (uintptr_t) launch->argv;
	char *const *envp = (char *const *) (uintptr_t) environment;
	const char *name = launch->argv[0], *path = DEFAULT_PATH;
	int reason = ENOENT;

	if (!*name)
		return -ENOENT;
	if (strchr(name, '/')) {
		(void) execve(name, argv, envp);
		return -errno;
	}
	for (const char *const *e = environment; *e; e++)
		if (str_has_prefix(*e, "PATH="))
			path = *e + strlen("PATH=");
	while (*path) {
		size_t len = strcspn(path, ":");
		char full[PATH_MAX];
		int n = snprintf(full, sizeof(full), "%.*s%s%s", (int) len, path, len ? "/" : "",
				 name);

		if (n > 0 && (size_t) n < sizeof(full)) {
			(void) execve(full, argv, envp);
			if (errno != ENOENT && errno != ENOTDIR)
				reason = errno; /* as execvp(3): EACCES wins over ENOENT further on
						 */
			if (errno != ENOENT && errno != ENOTDIR && errno != EACCES)
				break;
		}
		path += len;
		path += *path == ':';
	}
	return -reason;
}

static int child_attribute(const struct launch *launch)
{
	char text[512];
	int n, r;

	if (!launch->apparmor_exec)
		return 0;
	n = snprintf(text, sizeof(text), "exec %s", launch->apparmor_exec);
	if (n < 0 || (size_t) n >= sizeof(text))
		return -ENAMETOOLONG;
	r = file_write_at(AT_FDCWD, "/proc/self/attr/apparmor/exec", text);
	if (r == -ENOENT) /* KERNEL<5.8: one attribute for all security modules */
		r = file_write_at(AT_FDCWD, "/proc/self/attr/exec", text);
	return r;
}

/* The fixed order of launch.h. Returns the stage that failed, with *@ret_error; does not return on
 * success. */
static enum spawn_stage child_run(const struct launch *launch, const struct spawn_fds *fds,
				  const sigset_t *mask, int *report, int *ret_error)
{
	struct child_environment environment;
	int r;

#define STAGE(stage, call)               \
	do {                             \
		r = (call);              \
		if (r < 0) {             \
			*ret_error = -r; \
			return (stage);  \
		}                        \
	} while (0)

	STAGE(STAGE_CGROUP, child_cgroup(launch));
	STAGE(STAGE_SESSION, child_session(launch));
	STAGE(STAGE_DESCRIPTORS, child_descriptors(fds, report));
	STAGE(STAGE_ENVIRONMENT, child_environment(launch, fds->n_listen, &environment));
	STAGE(STAGE_APPARMOR, child_attribute(launch));
	STAGE(STAGE_LIMITS, child_limits(launch));
	STAGE(STAGE_CAPABILITIES, child_bounding(launch));
	STAGE(STAGE_USER, child_user(launch));
	STAGE(STAGE_CAPABILITIES, child_capabilities(launch));
	if (launch->no_new_privs)
		STAGE(STAGE_NO_NEW_PRIVS, prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0 ? -errno : 0);
#undef STAGE
	child_signals(mask);
	*ret_error = -child_exec(launch, environment.items);
	return STAGE_EXEC;
}

/* Wait for the child's word: none (the pipe closed at exec) is success. */
static int parent_wait(int report, pid_t pid, const struct launch *launch, struct error *err)
{
	struct spawn_failure failure;
	ssize_t n;

	do {
		n = read(report, &failure, sizeof(failure));
	} while (n < 0 && errno == EINTR);
	if (n == 0)
		return 0;
	while (waitpid(pid, NULL, 0) < 0 && errno == EINTR)
		;
	if (n != (ssize_t) sizeof(failure))
		return error_set(err, -EIO, "start %s", launch->argv[0]);
	if (failure.stage == STAGE_EXEC)
		return error_set(err, -failure.error, "run %s", launch->argv[0]);
	return error_set(err, -failure.error, "start %s: %s", launch->argv[0],
			 stage_names[(unsigned int) failure.stage < STAGE_COUNT ? failure.stage
										: STAGE_EXEC]);
}

pid_t supervise_spawn(const struct launch *launch, const struct spawn_fds *fds,
		      const sigset_t *mask, int *ret_pidfd, struct error *err)
{
	int ends[2];
	pid_t pid;
	int r, pidfd;

	if (pipe2(ends, O_CLOEXEC) < 0)
		return error_set(err, -errno, "start %s: pipe", launch->argv[0]);
	pid = fork();
	if (pid < 0) {
		r = error_set(err, -errno, "start %s: fork", launch->argv[0]);
		fd_close(&ends[0]);
		fd_close(&ends[1]);
		return r;
	}
	if (pid == 0) {
		struct spawn_failure failure;
		int report = ends[1];

		failure.stage = child_run(launch, fds, mask, &report, &failure.error);
		(void) file_write_all(report, &failure, sizeof(failure));
		_exit(failure.error == ENOENT ? STATUS_NOT_FOUND : STATUS_CANNOT_EXECUTE);
	}
	fd_close(&ends[1]);
	pidfd = (int) syscall(SYS_pidfd_open, pid, 0); /* O_CLOEXEC by itself */
	r = parent_wait(ends[0], pid, launch, err);
	fd_close(&ends[0]);
	if (r < 0) {
		fd_close(&pidfd);
		return r;
	}
	*ret_pidfd = pidfd;
	return pid;
}
