/* SPDX-License-Identifier: Apache-2.0 */
/* kill.c - end inner containers that do not end by themselves, so that dockerd can clean up. Runs
 * in a child of PID 1. */
#include <ctype.h>
#include <dirent.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>

#include "dind/file.h"
#include "dind/str.h"
#include "steps.h"
#include "stop_signal.h"

#ifndef SYS_pidfd_open
#define SYS_pidfd_open 434
#endif
#ifndef SYS_pidfd_send_signal
#define SYS_pidfd_send_signal 424
#endif

/* dockerd's cgroup parent, below the root that it sees. */
#define KILL_PARENT "/sys/fs/cgroup/docker"

struct kill_process {
	int n_pids;	/* entries of NSpid: depth of its pid namespace as we see it */
	long last_pid;	/* its pid in its own namespace */
	uint64_t heard; /* signals that it catches or blocks (to fetch them): SigCgt | SigBlk */
};

static const char *field(const char *status, const char *key)
{
	const char *line = strstr(status, key);

	return line ? line + strlen(key) : NULL;
}

static int read_process(int dir, struct kill_process *ret_process)
{
	char status[8192];
	const char *state, *pids, *caught, *blocked;
	struct kill_process process = { 0, 0, 0 };
	ssize_t n = file_read_at(dir, "status", status, sizeof(status));

	if (n < 0)
		return (int) n;
	state = field(status, "\nState:\t");
	pids = field(status, "\nNSpid:");
	caught = field(status, "\nSigCgt:\t");
	blocked = field(status, "\nSigBlk:\t");
	if (!state || *state == 'Z' || *state == 'X' || !pids || !caught || !blocked)
		return -ESRCH;
	while (*pids == '\t' || *pids == ' ') {
		char *end;

		process.last_pid = strtol(pids, &end, 10);
		if (end == pids)
			break;
		process.n_pids++;
		pids = end;
	}
	process.heard = strtoull(caught, NULL, 16) | strtoull(blocked, NULL, 16);
	*ret_process = process;
	return 0;
}

/* How many runs of 64 hexadecimal digits a line has, and where the last one starts. */
static int count_ids(const char *line, size_t len, const char **ret_last)
{
	size_t run = 0;
	int count = 0;

	for (size_t i = 0; i <= len; i++) {
		bool digit = i < len && isxdigit((unsigned char) line[i]);

		if (!digit && run == 64) {
			count++;
			*ret_last = line + i - 64;
		}
		run = digit ? run + 1 : 0;
	}
	return count;
}

/*
 * The id that a container's cgroup is named after, from /proc/PID/cgroup: ".../docker/<id>" or
 * ".../docker-<id>.scope". Where we see the host's tree the outer container's id stands in front of
 * it, so the last one of the line with most of them counts. False: not one of dockerd's.
 */
static bool find_container_id(int dir, char id[65])
{
	char text[16384];
	const char *line = text;
	int best = 0;

	if (file_read_at(dir, "cgroup", text, sizeof(text)) <= 0)
		return false;
	while (*line) {
		size_t len = strcspn(line, "\n");
		const char *last = NULL;
		int count = count_ids(line, len, &last);

		if (count > best) {
			best = count;
			memcpy(id, last, 64);
			id[64] = '\0';
		}
		line += len + (line[len] != '\0');
	}
	return best > 0;
}

/*
 * Deaf: the stop signal would be dropped, because a pid namespace's init gets only what it handles
 * (pid_namespaces(7)). Where the stop signal is not known, any that people use counts as heard.
 */
static bool is_deaf(int dir, const struct kill_process *process, const char *data_root)
{
	char id[65];
	int signal_number = 0;

	if (find_container_id(dir, id))
		signal_number = stop_signal_of(data_root, id);
	if (signal_number == SIGKILL || signal_number == SIGSTOP)
		return false; /* those get through to everybody */
	return (process->heard & stop_signal_mask(signal_number)) == 0;
}

static bool is_inner_init(const struct kill_process *process, int our_depth)
{
	return process->n_pids == our_depth + 1 && process->last_pid == 1;
}

/* Everything is looked at behind a descriptor of the process, so that a number that is used again
 * cannot be hit. KERNEL<5.3: no pidfd; the number is then taken at its word. */
static bool kill_if_inner(const char *name, int dir, int our_depth, bool deaf_only,
			  const char *data_root)
{
	struct kill_process process;
	auto_close int pidfd = -EBADF;
	int pid;

	if (str_parse_int(name, 2, INT_MAX, &pid) < 0 || read_process(dir, &process) < 0 ||
	    !is_inner_init(&process, our_depth) ||
	    (deaf_only && !is_deaf(dir, &process, data_root)))
		return false;
	pidfd = (int) syscall(SYS_pidfd_open, pid, 0);
	if (pidfd < 0)
		return errno == ENOSYS && kill(pid, SIGKILL) == 0;
	/* /proc/PID opened before the pidfd: if it still answers, both are the same process */
	if (read_process(dir, &process) < 0)
		return false;
	return syscall(SYS_pidfd_send_signal, pidfd, SIGKILL, NULL, 0) == 0;
}

static int kill_by_pid(bool deaf_only, const char *data_root, struct error *err)
{
	struct kill_process self = { 0, 0, 0 };
	struct dirent *entry;
	int killed = 0, r;
	DIR *proc = opendir("/proc");

	if (!proc)
		return error_set(err, -errno, "open /proc");
	{
		auto_close int dir =
			openat(dirfd(proc), "self", O_RDONLY | O_DIRECTORY | O_CLOEXEC);

		r = dir < 0 ? -errno : read_process(dir, &self);
	}
	while (r == 0 && (entry = readdir(proc))) {
		auto_close int dir = -EBADF;

		if (!isdigit((unsigned char) entry->d_name[0]))
			continue;
		dir = openat(dirfd(proc), entry->d_name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
		if (dir >= 0 &&
		    kill_if_inner(entry->d_name, dir, self.n_pids, deaf_only, data_root))
			killed++;
	}
	(void) closedir(proc);
	return r < 0 ? error_set(err, r, "read /proc/self/status") : killed;
}

static bool is_populated(int group)
{
	char text[256];

	return file_read_at(group, "cgroup.events", text, sizeof(text)) > 0 &&
	       strstr(text, "populated 1") != NULL;
}

/* cgroup.kill of each group below the engine's parent: also those that share our pid namespace.
 * KERNEL<5.14: no cgroup.kill; the scan by pid does the rest. */
static int kill_by_cgroup(const char *parent)
{
	DIR *dir = opendir(parent);
	struct dirent *entry;
	int killed = 0;

	while (dir && (entry = readdir(dir))) {
		auto_close int group = -EBADF;

		if (entry->d_name[0] == '.' || entry->d_type != DT_DIR)
			continue;
		group = openat(dirfd(dir), entry->d_name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
		if (group >= 0 && is_populated(group) &&
		    file_write_at(group, "cgroup.kill", "1") == 0)
			killed++;
	}
	if (dir)
		(void) closedir(dir);
	return killed;
}

int apply_kill_containers(enum cgroup_mode mode, const char *data_root, bool deaf_only,
			  struct error *err)
{
	int by_group = 0, by_pid;

	if (mode == CGROUP_V2 && !deaf_only)
		by_group = kill_by_cgroup(KILL_PARENT);
	by_pid = kill_by_pid(deaf_only, data_root, err);
	if (by_pid < 0)
		return by_group > 0 ? by_group : by_pid;
	return by_group + by_pid;
}
