/* SPDX-License-Identifier: Apache-2.0 */
/* From a launch record to a process: the parent's side. */
#include <fcntl.h>
#include <poll.h>
#include <string.h>
#include <sys/wait.h>

#include "dind/file.h"
#include "dind/process.h"
#include "internal.h"

/* A program on a dead file server must not hang PID 1. */
#define EXEC_LIMIT_MS 10000

static const char *const stage_names[SPAWN_STAGE_COUNT] = {
	[SPAWN_CGROUP] = "joining its cgroup",
	[SPAWN_SESSION] = "session and terminal",
	[SPAWN_DESCRIPTORS] = "handing over descriptors",
	[SPAWN_ENVIRONMENT] = "environment",
	[SPAWN_APPARMOR] = "AppArmor exec attribute",
	[SPAWN_LIMITS] = "resource limits",
	[SPAWN_USER] = "user and groups",
	[SPAWN_CAPABILITIES] = "capabilities",
	[SPAWN_NO_NEW_PRIVS] = "no_new_privs",
	[SPAWN_SECCOMP] = "seccomp filter",
	[SPAWN_EXEC] = "exec",
};

static _Noreturn void run_child(const struct launch *launch, const struct spawn_fds *fds,
				const sigset_t *mask, int report)
{
	const struct sigaction ignore = { .sa_handler = SIG_IGN };
	struct spawn_failure failure = spawn_child(launch, fds, mask, &report);

	/* A parent that waits no longer must not change how we end. */
	(void) sigaction(SIGPIPE, &ignore, NULL);
	if (file_write_all(report, &failure, sizeof(failure)) < 0)
		_exit(STATUS_OSERR);
	_exit(failure.error == -ENOENT ? STATUS_NOT_FOUND : STATUS_CANNOT_EXECUTE);
}

/* 1: exec has happened (its close-on-exec closed the pipe); 0: @ret_failure was reported;
 * -ETIMEDOUT: neither yet. */
static int wait_for_exec(int report, struct spawn_failure *ret_failure)
{
	int64_t end = clock_now_ms() + EXEC_LIMIT_MS;
	struct pollfd poll_fd = { .fd = report, .events = POLLIN };
	ssize_t n;

	for (;;) {
		int64_t left = end - clock_now_ms();
		int r = poll(&poll_fd, 1, left > 0 ? (int) left : 0);

		if (r > 0)
			break;
		if (r == 0 || errno != EINTR)
			return -ETIMEDOUT;
	}
	do {
		n = read(report, ret_failure, sizeof(*ret_failure));
	} while (n < 0 && errno == EINTR);
	return n == (ssize_t) sizeof(*ret_failure) ? 0 : 1;
}

/* -ENOENT is for a program that is not there; a missing cgroup is another matter. */
static int describe(const struct launch *launch, const struct spawn_failure *failure,
		    struct error *err)
{
	bool known = failure->stage >= 0 && failure->stage < SPAWN_STAGE_COUNT;

	if (failure->stage == SPAWN_EXEC)
		return error_set(err, failure->error, "cannot execute %s", launch->argv[0]);
	(void) error_set(err, failure->error, "cannot start %s: %s", launch->argv[0],
			 known ? stage_names[failure->stage] : "unknown");
	if (err->code == -ENOENT)
		err->code = -EIO;
	return err->code;
}

static void reap_failed(pid_t pid)
{
	siginfo_t info;

	/* it is between its report and _exit(2) */
	while (waitid(P_PID, (id_t) pid, &info, WEXITED) < 0 && errno == EINTR)
		;
}

pid_t supervise_spawn(const struct launch *launch, const struct spawn_fds *fds,
		      const sigset_t *mask, int *ret_pidfd, struct error *err)
{
	struct spawn_failure failure;
	auto_close int report = -EBADF;
	auto_close int theirs = -EBADF;
	int ends[2];
	pid_t pid;

	if (pipe2(ends, O_CLOEXEC) < 0)
		return error_set(err, -errno, "cannot start %s: pipe", launch->argv[0]);
	report = ends[0];
	theirs = ends[1];
	pid = fork();
	if (pid < 0)
		return error_set(err, -errno, "cannot start %s: fork", launch->argv[0]);
	if (pid == 0)
		run_child(launch, fds, mask, theirs);
	fd_close(&theirs);
	/* Late is not failed: then its exit status tells how it went. */
	if (wait_for_exec(report, &failure) == 0) {
		reap_failed(pid);
		return describe(launch, &failure, err);
	}
	/* O_CLOEXEC by itself. The child is not reaped before we return, so the number is its own.
	 * KERNEL<5.3: none; process_signal() does without. */
	*ret_pidfd = process_open(pid);
	return pid;
}
