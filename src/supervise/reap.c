/* SPDX-License-Identifier: Apache-2.0 */
/* The end of what is left, and signals that cannot hit a stranger. */
#include <dirent.h>
#include <fcntl.h>
#include <string.h>
#include <sys/syscall.h>

#include "dind/file.h"
#include "dind/str.h"
#include "internal.h"

#define DESCENDANTS_MAX 4096
#define WALKS_MAX	8

int reap_signal(int pidfd, int signal)
{
	if (pidfd < 0)
		return -EBADF;
	if (syscall(SYS_pidfd_send_signal, pidfd, signal, NULL, 0) < 0)
		return -errno;
	return 0;
}

struct linux_dirent64 {
	uint64_t inode;
	int64_t offset;
	unsigned short length;
	unsigned char type;
	char name[];
};

/* Parent of @pid from /proc/PID/stat, or -1. The command name may hold blanks and parentheses. */
static int parent_of(int pid)
{
	char path[64], text[512];
	const char *end;
	int parent;

	(void) snprintf(path, sizeof(path), "/proc/%d/stat", pid);
	if (file_read_at(AT_FDCWD, path, text, sizeof(text)) <= 0)
		return -1;
	end = strrchr(text, ')');
	if (!end || strlen(end) < 5)
		return -1;
	text[(size_t) (end - text) + 4 + strcspn(end + 4, " ")] = '\0';
	return str_parse_int(end + 4, 0, INT32_MAX, &parent) == 0 ? parent : -1;
}

static bool is_ours(int pid)
{
	for (int depth = 0; depth < 64 && pid > 1; depth++) {
		pid = parent_of(pid);
		if (pid == getpid())
			return true;
	}
	return false;
}

/* One walk over /proc without opendir(3), which allocates. Returns how many were killed. */
static int kill_descendants(void)
{
	_Alignas(struct linux_dirent64) char buf[8192];
	auto_close int dir = open("/proc", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	int killed = 0;
	long n;

	if (dir < 0)
		return -1;
	while ((n = syscall(SYS_getdents64, dir, buf, sizeof(buf))) > 0) {
		for (long at = 0; at < n && killed < DESCENDANTS_MAX;) {
			const struct linux_dirent64 *entry = (const void *) (buf + at);
			auto_close int pidfd = -EBADF;
			int pid;

			at += entry->length;
			if (str_parse_int(entry->name, 2, INT32_MAX, &pid) < 0 || !is_ours(pid))
				continue;
			pidfd = (int) syscall(SYS_pidfd_open, pid, 0);
			/* asked again: the number may have been given away before the pidfd held it
			 */
			if (pidfd >= 0 && is_ours(pid) && reap_signal(pidfd, SIGKILL) == 0)
				killed++;
		}
	}
	return killed;
}

int reap_kill_rest(void)
{
	int total = 0;

	if (getpid() == 1)
		return kill(-1, SIGKILL) < 0 ? (errno == ESRCH ? 0 : -1) : 0;
	/* orphans come to us as their parents die: walk until nobody is new */
	for (int walk = 0; walk < WALKS_MAX; walk++) {
		int killed = kill_descendants();

		if (killed <= 0)
			break;
		total += killed;
	}
	return total;
}
