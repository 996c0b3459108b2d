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

#include "dind/file.h"
#include "dind/process.h"
#include "dind/str.h"
#include "steps.h"
#include "stop_signal.h"

/* dockerd's cgroup parent, below the root that it sees, unless it was told another. */
#define KILL_PARENT "/sys/fs/cgroup/docker"

/* Generations between an inner init and us are a handful; a loop cannot happen, numbers can be used
 * again while we look. */
#define KILL_MAX_PARENTS 64

/* Who shares our pid namespace can fork behind the walk's back. */
#define KILL_WALKS 4

/* Containers that are told apart for the report; of more of them some may be counted twice. */
#define KILL_MAX_IDS 128

struct kill_scan {
	int our_depth;
	pid_t keeper; /* only descendants of this one are ours; 0: all in this pid namespace are */
	pid_t spare;  /* what descends from it is nobody's container; 0: nobody */
	bool deaf_only;
	const char *data_root;
	int killed; /* containers */
	bool again; /* processes that could have forked were killed */
	char ids[KILL_MAX_IDS][65];
	int n_ids;
};

struct kill_process {
	pid_t parent;
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
	const char *state, *parent, *caught, *blocked;
	struct kill_process process = { 0, 0, 0, 0 };
	ssize_t n = file_read_at(dir, "status", status, sizeof(status));

	if (n < 0)
		return (int) n;
	state = field(status, "\nState:\t");
	parent = field(status, "\nPPid:\t");
	caught = field(status, "\nSigCgt:\t");
	blocked = field(status, "\nSigBlk:\t");
	if (!state || *state == 'Z' || *state == 'X' || !parent || !caught || !blocked)
		return -ESRCH;
	process.n_pids = process_depth(status, &process.last_pid);
	if (process.n_pids == 0)
		return -ESRCH;
	process.parent = (pid_t) strtol(parent, NULL, 10);
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

static int open_directory(pid_t pid)
{
	char path[32];

	return apply_format(path, sizeof(path), "/proc/%d", (int) pid) < 0
		       ? -EINVAL
		       : open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
}

/* Shims and their containers are re-parented to a subreaper, which is us at the latest. */
static bool is_descendant(const struct kill_process *process, pid_t keeper)
{
	struct kill_process at = *process;

	for (int i = 0; i < KILL_MAX_PARENTS && at.parent > 1; i++) {
		auto_close int dir = -EBADF;

		if (at.parent == keeper)
			return true;
		dir = open_directory(at.parent);
		if (dir < 0 || read_process(dir, &at) < 0)
			return false;
	}
	return false;
}

/* A container of our engine, and not one that a neighbour or the outer engine has. */
static bool is_our_container(const char *data_root, const char *id)
{
	char path[PATH_MAX];
	struct stat st;

	return data_root && strlen(id) == 64 &&
	       apply_format(path, sizeof(path), "%s/containers/%s", data_root, id) >= 0 &&
	       stat(path, &st) == 0 && S_ISDIR(st.st_mode);
}

/* In a pid namespace that is not ours alone (--pid=host, a pod's) there are inits of others at the
 * same depth: those of the outer engine's other containers. */
static bool is_inner_init(const struct kill_process *process, const struct kill_scan *scan)
{
	return process->n_pids == scan->our_depth + 1 && process->last_pid == 1 &&
	       (scan->keeper == 0 || is_descendant(process, scan->keeper)) &&
	       (scan->spare == 0 || !is_descendant(process, scan->spare));
}

/* docker run --pid=host: nothing but its group tells it from our own processes. Its first process
 * is no init, so that no signal is kept from it: it is never deaf. */
static bool is_in_container(int dir, const struct kill_process *process,
			    const struct kill_scan *scan, char id[65])
{
	return process->n_pids == scan->our_depth && !scan->deaf_only &&
	       find_container_id(dir, id) && is_our_container(scan->data_root, id);
}

/* A process takes a while to end, and is met again until it has. */
static void count_container(struct kill_scan *scan, const char *id)
{
	for (int i = 0; i < scan->n_ids; i++)
		if (strcmp(scan->ids[i], id) == 0)
			return;
	if (scan->n_ids < KILL_MAX_IDS)
		memcpy(scan->ids[scan->n_ids++], id, sizeof(scan->ids[0]));
	scan->killed++;
}

/* Everything is looked at behind a descriptor of the process, so that a number that is used again
 * cannot be hit. KERNEL<5.3: no pidfd; the number is then taken at its word. */
static bool send_kill(int pid, int dir)
{
	struct kill_process process;
	auto_close int pidfd = process_open(pid);

	if (pidfd < 0 && pidfd != -ENOSYS)
		return false;
	/* /proc/PID opened before the pidfd: if it still answers, both are the same process */
	return read_process(dir, &process) == 0 && process_signal(pid, pidfd, SIGKILL) == 0;
}

static bool kill_if_inner(void *context, int pid, int dir)
{
	struct kill_scan *scan = context;
	struct kill_process process;
	char id[65];

	if (read_process(dir, &process) < 0)
		return true;
	if (is_inner_init(&process, scan)) {
		/* before: on v1 one that is about to end is in no group of a container's any more
		 */
		bool known = find_container_id(dir, id);

		if ((scan->deaf_only && !is_deaf(dir, &process, scan->data_root)) ||
		    !send_kill(pid, dir))
			return true;
		if (known)
			count_container(scan, id);
		else
			scan->killed++;
	} else if (is_in_container(dir, &process, scan, id) && send_kill(pid, dir)) {
		count_container(scan, id);
		scan->again = true;
	}
	return true;
}

/* We are PID 1, or a helper of PID 1: then nobody else has a place in this pid namespace. */
static pid_t find_keeper(void)
{
	return getpid() == 1 || getppid() == 1 ? 0 : getppid();
}

static int kill_by_pid(struct kill_scan *scan, struct error *err)
{
	struct kill_process self = { 0, 0, 0, 0 };
	auto_close int dir = open("/proc/self", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	int r = dir < 0 ? -errno : read_process(dir, &self);

	if (r < 0)
		return error_set(err, r, "read /proc/self/status");
	scan->our_depth = self.n_pids;
	for (int walk = 0; walk < KILL_WALKS; walk++) {
		scan->again = false;
		r = process_each(kill_if_inner, scan);
		if (r < 0)
			return error_set(err, r, "open /proc");
		if (!scan->again)
			break;
	}
	return 0;
}

static bool is_populated(int group)
{
	char text[256];

	return file_read_at(group, "cgroup.events", text, sizeof(text)) > 0 &&
	       strstr(text, "populated 1") != NULL;
}

/* cgroup.kill of each container's group below the engine's parent: also what shares our pid
 * namespace. Where we see the host's tree that parent is the outer engine's, so only groups that
 * are named after a container of ours count.
 * KERNEL<5.14: no cgroup.kill; the scan by pid does the rest. */
static void kill_by_cgroup(struct kill_scan *scan, const char *parent)
{
	DIR *dir = opendir(parent);
	struct dirent *entry;

	while (dir && (entry = readdir(dir))) {
		auto_close int group = -EBADF;

		if (entry->d_name[0] == '.' || entry->d_type != DT_DIR ||
		    !is_our_container(scan->data_root, entry->d_name))
			continue;
		group = openat(dirfd(dir), entry->d_name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
		if (group >= 0 && is_populated(group) &&
		    file_write_at(group, "cgroup.kill", "1") == 0)
			count_container(scan, entry->d_name);
	}
	if (dir)
		(void) closedir(dir);
}

static int kill_containers(struct kill_scan *scan, enum cgroup_mode mode, const char *parent,
			   struct error *err)
{
	int r;

	scan->keeper = find_keeper();
	if (mode == CGROUP_V2 && !scan->deaf_only)
		kill_by_cgroup(scan, parent ? parent : KILL_PARENT);
	r = kill_by_pid(scan, err);
	return r < 0 && scan->killed == 0 ? r : scan->killed;
}

int apply_kill_containers(enum cgroup_mode mode, const char *parent, const char *data_root,
			  bool deaf_only, struct error *err)
{
	struct kill_scan scan = { .deaf_only = deaf_only, .data_root = data_root };

	return kill_containers(&scan, mode, parent, err);
}

int apply_kill_left(enum cgroup_mode mode, const char *parent, const char *data_root, pid_t spare,
		    struct error *err)
{
	struct kill_scan scan = { .spare = spare, .data_root = data_root };

	return kill_containers(&scan, mode, parent, err);
}
