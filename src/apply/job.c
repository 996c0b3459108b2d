/* SPDX-License-Identifier: Apache-2.0 */
/*
 * job.c - end what COMMAND has left: jobs of ssh sessions whose sshd was told to end, daemons,
 * what came by `docker exec`. The engine is still there for what they do about it. Runs in a child
 * of PID 1.
 *
 * What is the job's is what nobody else's is: no service of ours and nothing below one. Those whose
 * parent has gone are known by their session, which the engine's do not leave, but for two daemons.
 */
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "dind/file.h"
#include "dind/log.h"
#include "dind/process.h"
#include "dind/str.h"
#include "steps.h"

#define JOB_MAX_PARENTS 256
#define JOB_MAX_WATCHED 64
#define JOB_MAX_NAMED	4
#define JOB_KILL_WALKS	4
/* Ends that come together are one. */
#define JOB_PAUSE_MS 10
/* Who changes its parent wakes nobody. */
#define JOB_LOOK_MS	  250
#define JOB_LOOK_BLIND_MS 50 /* KERNEL<5.3: no pidfd to wait for */
/* What sshd needs to tell its client how the session has ended. */
#define JOB_GRACE_MS 500
/* More than a tick of the clock by which processes are younger than others. */
#define JOB_TICK_MS 25
/* A parent may be hidden from us for good. */
#define JOB_TORN_WALKS 3

#define auto_arena __attribute__((cleanup(arena_free)))

struct job_process {
	int pid, parent, session;
	uint64_t started; /* clock ticks since the machine's start */
	char state;
	char name[16];
	bool inner;  /* in a pid namespace below ours */
	bool serves; /* it has started a session that it is not in: sshd, script, tmux */
	bool of_job;
};

/* What one walk over /proc has found, by number. */
struct job_walk {
	struct job_process *all;
	size_t n;
	bool torn; /* somebody's parent went while we looked */
};

/* Those that were met before. */
struct job_known {
	int pid;
	uint64_t started;
	bool told, not_ours; /* we may not signal it, so that it is not waited for either */
	int64_t served_ms;   /* when it was last seen to serve, -1: never */
};

struct job_scan {
	const pid_t *spare;
	size_t n_spare;
	pid_t keeper; /* PID 1 of the program */
	/* When we began, in ticks. What is met later on and is younger does what those who were
	 * told have it do. */
	uint64_t began;
	struct arena arena;
	struct job_known *known;
	size_t n_known;
	int n_walks;
};

/* ---- what there is ---- */

/* The next number of a text; false at its end. */
static bool take_number(char **at, uint64_t *ret_value)
{
	char *end;

	errno = 0;
	*ret_value = strtoull(*at, &end, 10);
	if (end == *at || errno)
		return false;
	*at = end;
	return true;
}

/* proc(5): "PID (name) state parent group session terminal …", the 22nd is the start. The name may
 * hold anything, also parentheses. */
static bool parse_stat(char *text, struct job_process *ret_process)
{
	char *name = strchr(text, '('), *at = strrchr(text, ')');
	uint64_t value = 0;

	if (!name || !at || at < name || strlen(at) < 4)
		return false;
	*at = '\0';
	(void) snprintf(ret_process->name, sizeof(ret_process->name), "%s", name + 1);
	ret_process->state = at[2];
	at += 3;
	for (int field = 4; field <= 22; field++) {
		if (*at == ' ' && at[1] == '-') /* no terminal's group */
			at += 2;
		if (!take_number(&at, &value))
			return false;
		if (field == 4)
			ret_process->parent = (int) value;
		else if (field == 6)
			ret_process->session = (int) value;
	}
	ret_process->started = value;
	return true;
}

static bool is_inner(int dir)
{
	char text[8192];
	long number;

	return file_read_at(dir, "status", text, sizeof(text)) > 0 &&
	       process_depth(text, &number) > 1;
}

static bool read_process(int dir, struct job_process *ret_process)
{
	char text[1024];

	return file_read_at(dir, "stat", text, sizeof(text)) > 0 && parse_stat(text, ret_process);
}

static int compare(const void *a, const void *b)
{
	const struct job_process *x = a, *y = b;

	return (x->pid > y->pid) - (x->pid < y->pid);
}

struct collection {
	struct arena *arena;
	struct job_walk *walk;
};

static bool collect(void *context, int pid, int dir)
{
	struct collection *into = context;
	struct job_process process = { .pid = pid };

	if (!read_process(dir, &process))
		return true;
	process.inner = is_inner(dir);
	*(struct job_process *) arena_push(into->arena, (void **) &into->walk->all, &into->walk->n,
					   sizeof(process)) = process;
	return true;
}

static int walk(struct arena *arena, struct job_walk *ret_walk)
{
	struct collection into = { arena, ret_walk };
	int r = process_each(collect, &into);

	if (ret_walk->n)
		qsort(ret_walk->all, ret_walk->n, sizeof(*ret_walk->all), compare);
	return r;
}

static struct job_process *find(const struct job_walk *walk, int pid)
{
	struct job_process key = { .pid = pid };

	return walk->n ? bsearch(&key, walk->all, walk->n, sizeof(key), compare) : NULL;
}

/* ---- whose is it? ---- */

/* A daemon of the engine's that is nobody's child: containerd's shims after a containerd that is no
 * more, or that dockerd has started; and who serves a container's files in user space. */
static bool is_engine_daemon(const char *name)
{
	return str_has_prefix(name, "containerd-shim") || str_equal(name, "fuse-overlayfs");
}

static bool is_spared(const struct job_scan *scan, const struct job_process *process)
{
	if (process->pid == getpid() || is_engine_daemon(process->name))
		return true;
	for (size_t i = 0; i < scan->n_spare; i++)
		if (process->pid == scan->spare[i] || process->session == scan->spare[i])
			return true;
	return false;
}

/* Up to us, or as PID 1 to where `docker exec` comes in. */
static bool is_of_job(const struct job_scan *scan, struct job_walk *walk,
		      const struct job_process *process)
{
	if (process->inner || process->pid == scan->keeper || strchr("ZX", process->state))
		return false;
	for (int i = 0; i < JOB_MAX_PARENTS; i++) {
		if (is_spared(scan, process))
			return false;
		if (process->parent == scan->keeper)
			return true;
		if (process->parent == 0)
			return scan->keeper == 1;
		process = find(walk, process->parent);
		if (!process) {
			walk->torn = true;
			return false;
		}
	}
	return false;
}

static void note_servers(const struct job_walk *walk, const struct job_process *process)
{
	struct job_process *above = find(walk, process->parent);

	for (int i = 0; above && above->of_job && i < JOB_MAX_PARENTS; i++) {
		if (above->session != process->session)
			above->serves = true;
		above = find(walk, above->parent);
	}
}

static int look(const struct job_scan *scan, struct arena *arena, struct job_walk *ret_walk)
{
	int r = walk(arena, ret_walk);

	for (size_t i = 0; i < ret_walk->n; i++)
		ret_walk->all[i].of_job = is_of_job(scan, ret_walk, &ret_walk->all[i]);
	for (size_t i = 0; i < ret_walk->n; i++)
		if (ret_walk->all[i].of_job)
			note_servers(ret_walk, &ret_walk->all[i]);
	return r;
}

/* ---- telling them ---- */

/* Asked again behind the descriptor: then the number cannot be somebody else's. KERNEL<5.3: no
 * pidfd, and the number is taken at its word. */
static int send_signal(const struct job_process *process, int number)
{
	auto_close int pidfd = process_open(process->pid);
	struct job_process now = { 0 };
	auto_close int dir = -EBADF;
	char path[32];

	if (pidfd < 0 && pidfd != -ENOSYS)
		return pidfd;
	(void) snprintf(path, sizeof(path), "/proc/%d", process->pid);
	dir = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (dir < 0 || !read_process(dir, &now) || now.started != process->started)
		return -ESRCH;
	return process_signal(process->pid, pidfd, number);
}

static struct job_known *know(struct job_scan *scan, const struct job_process *process)
{
	struct job_known *known;

	for (size_t i = 0; i < scan->n_known; i++)
		if (scan->known[i].pid == process->pid &&
		    scan->known[i].started == process->started)
			return &scan->known[i];
	known = arena_push(&scan->arena, (void **) &scan->known, &scan->n_known, sizeof(*known));
	*known = (struct job_known){ .pid = process->pid,
				     .started = process->started,
				     .served_ms = -1 };
	return known;
}

static void tell(struct job_known *known, const struct job_process *process)
{
	known->told = true;
	known->not_ours = send_signal(process, SIGTERM) == -EPERM;
	if (process->state == 'T') /* it would not hear it */
		(void) send_signal(process, SIGCONT);
}

/*
 * Once each, and nobody who was started since: that is their clean-up. Who has started a session is
 * told when that has ended, because it is the way of what the session still has to say.
 */
static void tell_if_due(struct job_scan *scan, const struct job_process *process, int64_t now,
			bool all)
{
	struct job_known *known = know(scan, process);

	if (process->serves)
		known->served_ms = now;
	if (known->told || (scan->n_walks > 1 && process->started > scan->began))
		return;
	if (!all && known->served_ms >= 0 && now - known->served_ms < JOB_GRACE_MS)
		return;
	tell(known, process);
}

/* ---- waiting ---- */

/* Until one of them ends, or it is time to look again. */
static void wait_for_one(struct job_scan *scan, const struct job_walk *walk, int64_t left)
{
	struct pollfd fds[JOB_MAX_WATCHED];
	nfds_t n = 0;
	bool blind = false;

	for (size_t i = 0; i < walk->n && n < JOB_MAX_WATCHED; i++) {
		if (!walk->all[i].of_job || know(scan, &walk->all[i])->not_ours)
			continue;
		fds[n].fd = process_open(walk->all[i].pid);
		fds[n].events = POLLIN;
		blind = blind || fds[n].fd == -ENOSYS;
		n++; /* one that has gone does no harm: poll(2) passes over it */
	}
	if (left < 0)
		left = 0;
	if (left > (blind ? JOB_LOOK_BLIND_MS : JOB_LOOK_MS))
		left = blind ? JOB_LOOK_BLIND_MS : JOB_LOOK_MS;
	(void) poll(fds, n, (int) left);
	for (nfds_t i = 0; i < n; i++)
		fd_close(&fds[i].fd);
}

static void name_them(struct job_scan *scan, const struct job_walk *walk, int n)
{
	struct strings names = STRINGS_INIT;

	for (size_t i = 0; i < walk->n && names.count < JOB_MAX_NAMED; i++)
		if (walk->all[i].of_job && !know(scan, &walk->all[i])->not_ours)
			strings_add(&scan->arena, &names,
				    arena_printf(&scan->arena, "%s %d", walk->all[i].name,
						 walk->all[i].pid));
	log_info("stop: COMMAND has left %d process%s, which ha%s the rest of its time: %s%s", n,
		 n == 1 ? "" : "es", n == 1 ? "s" : "ve", strings_join(&scan->arena, &names, ", "),
		 n > JOB_MAX_NAMED ? ", …" : "");
}

/* Tell who is to be told. Number of those to wait for. */
static int tell_all(struct job_scan *scan, const struct job_walk *walk, bool all)
{
	int64_t now = clock_now_ms();
	int left = 0;

	for (size_t i = 0; i < walk->n; i++) {
		if (!walk->all[i].of_job)
			continue;
		tell_if_due(scan, &walk->all[i], now, all);
		left += !know(scan, &walk->all[i])->not_ours;
	}
	return left;
}

static int begin(struct job_scan *scan, const pid_t *spare, size_t n_spare, struct error *err)
{
	auto_close int self = open("/proc/self", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	struct job_process process = { 0 };

	if (self < 0 || !read_process(self, &process))
		return error_set(err, self < 0 ? -errno : -EINVAL, "read /proc/self/stat");
	*scan = (struct job_scan){
		.spare = spare, .n_spare = n_spare, .keeper = getppid(), .began = process.started
	};
	return 0;
}

/* One walk. Number of those to wait for, or negative errno; *@torn counts walks that say nothing.
 */
static int tell_once(struct job_scan *scan, int64_t end, bool all, int *torn, struct error *err)
{
	auto_arena struct arena arena = ARENA_INIT;
	struct job_walk found = { 0 };
	int left, r = look(scan, &arena, &found);

	if (r < 0)
		return error_set(err, r, "open /proc");
	scan->n_walks++;
	left = tell_all(scan, &found, all);
	if (left && scan->n_walks == 1)
		name_them(scan, &found, left);
	if (left)
		wait_for_one(scan, &found, end - clock_now_ms());
	*torn = found.torn ? *torn + 1 : 0;
	return left;
}

/* Most have left nothing, and shall not wait for a tick. */
static bool has_left_anything(const struct job_scan *scan)
{
	auto_arena struct arena arena = ARENA_INIT;
	struct job_walk found = { 0 };

	if (look(scan, &arena, &found) < 0 || found.torn)
		return true;
	for (size_t i = 0; i < found.n; i++)
		if (found.all[i].of_job)
			return true;
	return false;
}

static int end_job(struct job_scan *scan, int timeout_ms, struct error *err)
{
	int64_t began = clock_now_ms(), end = began + timeout_ms;
	int torn = 0, left;

	if (!has_left_anything(scan))
		return 0;
	clock_sleep_ms(JOB_TICK_MS);
	for (;;) {
		int64_t now = clock_now_ms();

		left = tell_once(scan, end, now - began >= timeout_ms / 2, &torn, err);
		if (left < 0 || (left == 0 && (torn == 0 || torn > JOB_TORN_WALKS)))
			return left;
		if (now >= end)
			return left;
		clock_sleep_ms(JOB_PAUSE_MS);
	}
}

int apply_end_job(const pid_t *spare, size_t n_spare, int timeout_ms, struct error *err)
{
	struct job_scan scan = { 0 };
	int r = begin(&scan, spare, n_spare, err);

	if (r < 0)
		return r;
	r = end_job(&scan, timeout_ms, err);
	arena_free(&scan.arena);
	return r;
}

/* One walk. Number of processes that were killed, or negative errno. */
static int kill_once(const struct job_scan *scan)
{
	auto_arena struct arena arena = ARENA_INIT;
	struct job_walk found = { 0 };
	int killed = 0, r = look(scan, &arena, &found);

	for (size_t i = 0; r == 0 && i < found.n; i++)
		if (found.all[i].of_job && found.all[i].started <= scan->began &&
		    send_signal(&found.all[i], SIGKILL) == 0)
			killed++;
	return r < 0 ? r : killed;
}

int apply_kill_job(const pid_t *spare, size_t n_spare, struct error *err)
{
	struct job_scan scan = { 0 };
	int killed = 0, r = begin(&scan, spare, n_spare, err);

	if (r < 0)
		return r;
	/* what was killed may be met again until it has gone, and may have forked behind our back
	 */
	for (int i = 0; i < JOB_KILL_WALKS; i++) {
		r = kill_once(&scan);
		if (r < 0)
			return error_set(err, r, "open /proc");
		if (r == 0)
			break;
		if (i == 0)
			killed = r;
		clock_sleep_ms(JOB_PAUSE_MS);
	}
	return killed;
}
