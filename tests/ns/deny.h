/* SPDX-License-Identifier: Apache-2.0 */
/*
 * deny.h - make system calls of another process fail, one chosen call of many.
 *
 * A seccomp filter cannot count. So the filter only notifies (SECCOMP_RET_USER_NOTIF), and a
 * supervisor counts: it lets a call go on (SECCOMP_USER_NOTIF_FLAG_CONTINUE) or gives it an errno.
 * The filter is inherited by children and survives exec. Needs Linux 5.6 and CAP_SYS_ADMIN.
 */
#ifndef TEST_NS_DENY_H
#define TEST_NS_DENY_H

#include <errno.h>
#include <limits.h>
#include <poll.h>
#include <sched.h>
#include <seccomp.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#ifndef SYS_pidfd_open
#define SYS_pidfd_open 434
#endif
#ifndef SYS_pidfd_getfd
#define SYS_pidfd_getfd 438
#endif

/* Shared between the process under test and its supervisor: no system call is needed to talk. */
struct deny_shared {
	volatile int notify_fd; /* in the process under test; 0: not yet, -1: could not be made */
	volatile bool taken;	/* by the supervisor: exec(2) may close ours */
	volatile bool active;	/* calls are counted while it is set */
};

/* What is to become of a call: 0 it goes on, else the negative errno that it fails with. */
typedef int (*deny_decide)(const struct seccomp_notif *call, void *data);

/* In the process under test: from here on the supervisor is asked about these calls. */
static inline void deny_install(struct deny_shared *shared, const int *numbers, size_t count)
{
	scmp_filter_ctx filter = seccomp_init(SCMP_ACT_ALLOW);
	int r = filter ? seccomp_attr_set(filter, SCMP_FLTATR_CTL_NNP, 0) : -ENOMEM;

	for (size_t i = 0; r == 0 && i < count; i++)
		r = seccomp_rule_add(filter, SCMP_ACT_NOTIFY, numbers[i], 0);
	if (r == 0)
		r = seccomp_load(filter);
	/* the library's own clean-up comes later: it may call what is being watched */
	shared->notify_fd = r == 0 ? seccomp_notify_fd(filter) : -1;
	while (r == 0 && !shared->taken)
		(void) sched_yield();
}

static inline int64_t deny_now_ms(void)
{
	struct timespec now = { 0, 0 };

	(void) clock_gettime(CLOCK_MONOTONIC, &now);
	return (int64_t) now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

/* Wait for the filter of @pidfd's process and take its notification descriptor; -1 on failure. */
static inline int deny_take_fd(struct deny_shared *shared, int pidfd, int64_t deadline)
{
	struct pollfd gone = { .fd = pidfd, .events = POLLIN };
	int fd = -1;

	while (shared->notify_fd == 0)
		if (deny_now_ms() > deadline || poll(&gone, 1, 0) != 0 || usleep(50) < 0)
			return -1;
	if (shared->notify_fd > 0)
		fd = (int) syscall(SYS_pidfd_getfd, pidfd, shared->notify_fd, 0);
	shared->taken = true;
	return fd;
}

static inline void deny_answer(int notify_fd, struct seccomp_notif *call,
			       struct seccomp_notif_resp *answer, deny_decide decide, void *data)
{
	memset(call, 0, sizeof(*call));
	if (seccomp_notify_receive(notify_fd, call) != 0)
		return; /* the caller was killed meanwhile */
	memset(answer, 0, sizeof(*answer));
	answer->id = call->id;
	answer->error = decide(call, data);
	if (answer->error == 0)
		answer->flags = SECCOMP_USER_NOTIF_FLAG_CONTINUE;
	(void) seccomp_notify_respond(notify_fd, answer);
}

/*
 * Be the supervisor of @pid, a child of ours, until it ends; reap it. 0 and its status as
 * waitpid(2) gives it; -ETIMEDOUT: it was killed after @timeout_ms; another negative errno: no
 * filter could be made.
 */
static inline int deny_supervise(pid_t pid, struct deny_shared *shared, deny_decide decide,
				 void *data, int timeout_ms, int *ret_status)
{
	int64_t deadline = deny_now_ms() + timeout_ms;
	int pidfd = (int) syscall(SYS_pidfd_open, pid, 0);
	int notify_fd = pidfd < 0 ? -1 : deny_take_fd(shared, pidfd, deadline);
	struct seccomp_notif_resp *answer = NULL;
	struct seccomp_notif *call = NULL;
	int r = notify_fd < 0 || seccomp_notify_alloc(&call, &answer) != 0 ? -ENOSYS : 0;

	while (r == 0) {
		struct pollfd fds[] = { { .fd = notify_fd, .events = POLLIN },
					{ .fd = pidfd, .events = POLLIN } };

		if (deny_now_ms() >= deadline)
			r = -ETIMEDOUT;
		else if (poll(fds, 2, 100) <= 0)
			continue;
		else if (fds[0].revents & POLLIN)
			deny_answer(notify_fd, call, answer, decide, data);
		else if (fds[1].revents)
			break;
		else if (fds[0].revents & POLLHUP) /* it is about to end */
			(void) usleep(200);
	}
	if (r < 0)
		(void) kill(pid, SIGKILL);
	/* closing it lets calls that still wait fail: a child that was left behind cannot hang */
	if (notify_fd >= 0)
		(void) close(notify_fd);
	(void) waitpid(pid, ret_status, 0);
	if (pidfd >= 0)
		(void) close(pidfd);
	if (call)
		seccomp_notify_free(call, answer);
	return r;
}

static inline struct deny_shared *deny_share(size_t size)
{
	void *shared = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);

	return shared == MAP_FAILED ? NULL : shared;
}

/* Does @pid run the same program as we do? Tells a step's own children from what they exec. */
static inline bool deny_is_same_program(pid_t pid)
{
	char path[64], theirs[PATH_MAX], ours[PATH_MAX];
	ssize_t n, m;

	(void) snprintf(path, sizeof(path), "/proc/%d/exe", (int) pid);
	n = readlink(path, theirs, sizeof(theirs));
	m = readlink("/proc/self/exe", ours, sizeof(ours));
	return n > 0 && n == m && memcmp(theirs, ours, (size_t) n) == 0;
}

static const struct {
	const char *name;
	int code;
} deny_errnos[] = {
	{ "EPERM", EPERM },   { "ENOENT", ENOENT }, { "EINTR", EINTR },
	{ "EIO", EIO },	      { "ENXIO", ENXIO },   { "EAGAIN", EAGAIN },
	{ "ENOMEM", ENOMEM }, { "EACCES", EACCES }, { "EBUSY", EBUSY },
	{ "EEXIST", EEXIST }, { "ENODEV", ENODEV }, { "EINVAL", EINVAL },
	{ "EMFILE", EMFILE }, { "ENOSPC", ENOSPC }, { "EROFS", EROFS },
	{ "ENOSYS", ENOSYS }, { "ENOLCK", ENOLCK }, { "EOPNOTSUPP", EOPNOTSUPP },
	{ "ESRCH", ESRCH },   { "EFAULT", EFAULT }, { "EADDRINUSE", EADDRINUSE },
};

static inline int deny_errno_from_name(const char *name)
{
	for (size_t i = 0; i < sizeof(deny_errnos) / sizeof(deny_errnos[0]); i++)
		if (strcmp(deny_errnos[i].name, name) == 0)
			return deny_errnos[i].code;
	return -1;
}

#endif
