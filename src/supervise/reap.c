/* SPDX-License-Identifier: Apache-2.0 */
/* The ends of processes: taking note of them, and bringing them about. */
#include <fcntl.h>
#include <limits.h>
#include <string.h>
#include <sys/wait.h>

#include "dind/file.h"
#include "dind/process.h"
#include "dind/str.h"
#include "internal.h"

#define WALKS	   5
#define DEPTH_MAX  256
#define DIRENT_BUF 4096

int reap_one(struct reap_status *ret_status)
{
	siginfo_t info = { .si_pid = 0 };

	if (waitid(P_ALL, 0, &info, WEXITED | WNOHANG) < 0)
		return -errno;
	if (info.si_pid == 0)
		return 0;
	ret_status->pid = info.si_pid;
	ret_status->signal = info.si_code == CLD_EXITED ? 0 : info.si_status;
	ret_status->code = info.si_code == CLD_EXITED ? info.si_status : 128 + info.si_status;
	return 1;
}

/* ---- as a subreaper: only what is ours ---- */

/* As the kernel gives it, see getdents64(2). */
struct directory_entry {
	uint64_t inode;
	int64_t offset;
	unsigned short length;
	unsigned char type;
	char name[];
};

/* State letter and parent of a process, from /proc/PID/stat. False when it is gone. The name in
 * parentheses may hold anything, also parentheses. */
static bool read_parent(int proc, int pid, char *ret_state, int *ret_parent)
{
	char path[32], text[512], *at;

	(void) snprintf(path, sizeof(path), "%d/stat", pid);
	if (file_read_at(proc, path, text, sizeof(text)) <= 0)
		return false;
	at = strrchr(text, ')');
	if (!at || strlen(at) < 5 || at[1] != ' ' || at[3] != ' ')
		return false;
	*ret_state = at[2];
	at[4 + strcspn(at + 4, " ")] = '\0';
	return str_parse_int(at + 4, 0, INT_MAX, ret_parent) == 0;
}

static bool is_descendant(int proc, int pid)
{
	char state;

	for (int depth = 0; depth < DEPTH_MAX; depth++) {
		int parent;

		if (!read_parent(proc, pid, &state, &parent) || (depth == 0 && state == 'Z'))
			return false;
		if (parent == getpid())
			return true;
		if (parent <= 1)
			return false;
		pid = parent;
	}
	return false;
}

static bool kill_descendant(int proc, int pid)
{
	auto_close int pidfd = -EBADF;

	if (!is_descendant(proc, pid))
		return false;
	pidfd = process_open(pid);
	if (pidfd < 0 && pidfd != -ENOSYS)
		return false;
	/* asked again: now the number cannot be somebody else's */
	return is_descendant(proc, pid) && process_signal(pid, pidfd, SIGKILL) == 0;
}

/* One walk over /proc; not readdir(3), which allocates. Number of processes killed or errno. */
static int kill_descendants(int proc)
{
	_Alignas(struct directory_entry) char buf[DIRENT_BUF];
	int killed = 0;
	long n;

	if (lseek(proc, 0, SEEK_SET) < 0)
		return -errno;
	while ((n = syscall(SYS_getdents64, proc, buf, sizeof(buf))) > 0) {
		for (long at = 0; at < n;) {
			const struct directory_entry *entry = (const void *) (buf + at);
			int pid;

			at += entry->length;
			if (str_parse_int(entry->name, 2, INT_MAX, &pid) == 0 && pid != getpid() &&
			    kill_descendant(proc, pid))
				killed++;
		}
	}
	return n < 0 ? -errno : killed;
}

int reap_kill_rest(void)
{
	auto_close int proc = -EBADF;

	if (getpid() == 1)
		return kill(-1, SIGKILL) < 0 && errno != ESRCH ? -errno : 0;
	proc = open("/proc", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (proc < 0)
		return -errno;
	/* One may have forked behind the walk's back before its turn came. */
	for (int walk = 0; walk < WALKS; walk++) {
		int killed = kill_descendants(proc);

		if (killed <= 0)
			return killed;
	}
	return 0;
}
