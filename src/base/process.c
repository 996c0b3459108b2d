/* SPDX-License-Identifier: Apache-2.0 */
#include "dind/process.h"

#include <dirent.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include "dind/file.h"
#include "dind/str.h"

/* Headers of the oldest target do not have them; the numbers are the same everywhere. */
#ifndef SYS_pidfd_send_signal
#define SYS_pidfd_send_signal 424
#endif
#ifndef SYS_pidfd_open
#define SYS_pidfd_open 434
#endif

#define BLIND_LOOK_MS 5

int process_open(pid_t pid)
{
	int fd = (int) syscall(SYS_pidfd_open, pid, 0); /* O_CLOEXEC by itself */

	return fd < 0 ? -errno : fd;
}

int process_signal(pid_t pid, int pidfd, int signal_number)
{
	long r = pidfd >= 0 ? syscall(SYS_pidfd_send_signal, pidfd, signal_number, NULL, 0)
			    : kill(pid, signal_number);

	return r < 0 ? -errno : 0;
}

static int reap(pid_t pid, int *ret_status)
{
	pid_t r;

	do {
		r = waitpid(pid, ret_status, WNOHANG);
	} while (r < 0 && errno == EINTR);
	if (r < 0)
		return -errno;
	return r == 0 ? -EAGAIN : 0;
}

int process_wait(pid_t pid, int timeout_ms, int *ret_status)
{
	int64_t deadline = clock_now_ms() + timeout_ms;
	auto_close int pidfd = process_open(pid);
	int r;

	while ((r = reap(pid, ret_status)) == -EAGAIN) {
		struct pollfd ended = { .fd = pidfd, .events = POLLIN };
		int64_t left = deadline - clock_now_ms();

		if (left <= 0)
			return -ETIMEDOUT;
		if (pidfd < 0 || (poll(&ended, 1, (int) left) < 0 && errno != EINTR))
			clock_sleep_ms(left < BLIND_LOOK_MS ? (int) left : BLIND_LOOK_MS);
	}
	return r;
}

int process_depth(const char *status, long *ret_last)
{
	static const char key[] = "\nNSpid:";
	const char *at = strstr(status, key);
	int depth = 0;

	if (!at)
		return 0;
	for (at += strlen(key); *at == '\t' || *at == ' '; depth++) {
		char *end;
		long number = strtol(at, &end, 10);

		if (end == at)
			break;
		*ret_last = number;
		at = end;
	}
	return depth;
}

int process_each(process_visit *visit, void *context)
{
	const struct dirent *entry;
	DIR *proc = opendir("/proc");
	bool go_on = true;

	if (!proc)
		return -errno;
	while (go_on && (entry = readdir(proc))) {
		auto_close int directory = -EBADF;
		int pid;

		if (str_parse_int(entry->d_name, 1, INT_MAX, &pid) < 0)
			continue;
		directory = openat(dirfd(proc), entry->d_name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
		if (directory >= 0)
			go_on = visit(context, pid, directory);
	}
	(void) closedir(proc);
	return 0;
}
