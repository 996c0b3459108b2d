/* SPDX-License-Identifier: Apache-2.0 */
/* Helpers: forked children for what may hang or take long, each with a deadline. */
#include <string.h>
#include <sys/prctl.h>

#include "dind/file.h"
#include "dind/log.h"
#include "dind/process.h"
#include "loop.h"

#define DEAF_LIMIT_MS 2000
#define JOB_LIMIT_MS  2000
#define JOB_MARGIN_MS 300
#define FORK_AGAIN_MS 50
/* Containers of a dead engine are killed; or dockerd has a look at a changed file. */
#define ENGINE_LIMIT_MS 10000

static const char *const helper_names[HELPER_COUNT] = {
	[HELPER_SYNC] = "writing back the data root",
	[HELPER_KILL_DEAF] = "killing inner containers that ignore TERM",
	[HELPER_KILL_CONTAINERS] = "killing inner containers",
	[HELPER_CLEAN_UP] = "unmounting",
	[HELPER_WRITE_READY] = "writing the ready file",
	[HELPER_REMOVE_READY] = "removing the ready file",
	[HELPER_BEFORE_RESTART] = "clearing up behind the engine",
	[HELPER_STOP_REST] = "waiting for what COMMAND has left",
	[HELPER_KILL_JOB] = "killing what COMMAND has left",
	[HELPER_RELOAD] = "merging the engine's configuration again",
};

const char *helper_name(enum helper_kind kind)
{
	return helper_names[kind];
}

/* ---- in the child ---- */

static int remove_ready_file(const struct loop *loop)
{
	const char *path = loop->options->ready_file;

	return path && unlink(path) < 0 && errno != ENOENT ? STATUS_OSERR : STATUS_OK;
}

static int write_ready_file(const struct loop *loop)
{
	const char *path = loop->options->ready_file;
	char text[64];
	int r = file_replace(path, "ready\n", 0644);

	if (r < 0)
		log_warning("ready file '%s': %s", path, strerror_r(-r, text, sizeof(text)));
	return r < 0 ? STATUS_OSERR : STATUS_OK;
}

static int clean_up(struct loop *loop, int timeout_ms)
{
	int status = loop->helpers->clean_up(loop->helpers->context, timeout_ms);

	/* Once more, after what matters: the helper for it may have died with everybody else. */
	(void) remove_ready_file(loop);
	return status;
}

static int before_restart(struct loop *loop)
{
	pid_t workload = loop->workload.running ? loop->workload.pid : 0;

	if (!loop->helpers->before_restart)
		return STATUS_OK;
	return loop->helpers->before_restart(loop->helpers->context, workload);
}

/* All that is ours but COMMAND. What is started meanwhile is younger than what is looked for. */
static int end_job(const struct loop *loop, int timeout_ms)
{
	const struct service *services[] = { &loop->engine, &loop->containerd, &loop->prepare,
					     &loop->watch, &loop->relay };
	pid_t spare[ARRAY_SIZE(services) + HELPER_COUNT];
	size_t n = 0;

	for (size_t i = 0; i < ARRAY_SIZE(services); i++)
		if (services[i]->pid > 0) /* also dead: its session may live on */
			spare[n++] = services[i]->pid;
	for (int kind = 0; kind < HELPER_COUNT; kind++)
		if (loop->helper[kind].pid)
			spare[n++] = loop->helper[kind].pid;
	return loop->helpers->end_job(loop->helpers->context, spare, n, timeout_ms);
}

static int work(struct loop *loop, enum helper_kind kind, int timeout_ms)
{
	void *context = loop->helpers->context;

	switch (kind) {
	case HELPER_SYNC:
		return loop->helpers->sync_data(context);
	case HELPER_KILL_DEAF:
		return loop->helpers->kill_containers(context, true);
	case HELPER_KILL_CONTAINERS:
		return loop->helpers->kill_containers(context, false);
	case HELPER_CLEAN_UP:
		return clean_up(loop, timeout_ms);
	case HELPER_WRITE_READY:
		return write_ready_file(loop);
	case HELPER_REMOVE_READY:
		return remove_ready_file(loop);
	case HELPER_BEFORE_RESTART:
		return before_restart(loop);
	case HELPER_STOP_REST:
		return end_job(loop, timeout_ms);
	case HELPER_KILL_JOB:
		return end_job(loop, 0);
	case HELPER_RELOAD:
		return loop->helpers->reload(context);
	case HELPER_COUNT:
		break;
	}
	return STATUS_OSERR;
}

static _Noreturn void run(struct loop *loop, enum helper_kind kind, int timeout_ms, pid_t parent)
{
	const struct spawn_fds *fds = &loop->options->engine_fds;

	/* As a subreaper we can be killed without everybody else being killed by that. */
	if (prctl(PR_SET_PDEATHSIG, SIGKILL) < 0 || getppid() != parent)
		_exit(STATUS_OSERR);
	/* A copy of a listening socket would let clients wait for an engine that is gone. The files
	 * of the sockets are none of our business: the parent removes them. */
	for (size_t i = 0; i < fds->n_listen; i++)
		if (fds->listen[i] > STDERR_FILENO)
			(void) close(fds->listen[i]);
	_exit(work(loop, kind, timeout_ms));
}

/* ---- in PID 1 ---- */

/* What the stop waits for, or runs beside it, may take as long as the stop does: the ladder goes on
 * without. The clean-up has the deadline of its phase. */
static int64_t deadline(const struct loop *loop, enum helper_kind kind, int64_t now)
{
	switch (kind) {
	case HELPER_KILL_DEAF: /* there will be another */
		return now + DEAF_LIMIT_MS;
	case HELPER_WRITE_READY:
	case HELPER_REMOVE_READY:
		return now + READY_FILE_LIMIT_MS;
	case HELPER_BEFORE_RESTART:
	case HELPER_RELOAD:
		return now + ENGINE_LIMIT_MS;
	case HELPER_SYNC:
	case HELPER_KILL_CONTAINERS:
		return loop->shutdown.began + loop->shutdown.budget_ms;
	case HELPER_KILL_JOB:
		return now + JOB_LIMIT_MS;
	case HELPER_STOP_REST: /* ends with its phase, too */
	case HELPER_CLEAN_UP:
	case HELPER_COUNT:
		break;
	}
	return -1;
}

/* What a helper is told it has. The one that waits for the rest ends with its phase at the latest,
 * and only before when nothing is left. */
static int time_for(const struct loop *loop, enum helper_kind kind, int64_t now)
{
	if (kind == HELPER_STOP_REST)
		return (int) (loop->phase_ends > now ? loop->phase_ends - now : 0) + JOB_MARGIN_MS;
	return shutdown_clean_up_ms(&loop->shutdown, now, loop->view.terms >= 3);
}

void helper_start(struct loop *loop, enum helper_kind kind)
{
	struct helper *helper = &loop->helper[kind];
	int64_t now = clock_now_ms();
	int timeout_ms = time_for(loop, kind, now);
	pid_t parent = getpid(), pid;

	if (helper->pid)
		return; /* at work on the same */
	pid = fork();
	if (pid == 0)
		run(loop, kind, timeout_ms, parent);
	helper->wanted = pid < 0;
	if (pid < 0) { /* no room for a process: there will be when others have died */
		log_debug("%s: fork: errno %d, trying again", helper_names[kind], errno);
		loop->next_fork = now + FORK_AGAIN_MS;
		return;
	}
	helper->pid = pid;
	helper->pidfd = process_open(pid);
	helper->deadline = deadline(loop, kind, now);
}

void helper_kill(struct loop *loop, enum helper_kind kind)
{
	const struct helper *helper = &loop->helper[kind];

	if (helper->pid)
		(void) process_signal(helper->pid, helper->pidfd, SIGKILL);
}

void helper_forget_wanted(struct loop *loop)
{
	for (int kind = 0; kind < HELPER_COUNT; kind++)
		loop->helper[kind].wanted = false;
	loop->next_fork = -1;
}

bool helper_ended(struct loop *loop, const struct reap_status *ended, enum helper_kind *ret_kind)
{
	for (int kind = 0; kind < HELPER_COUNT; kind++) {
		struct helper *helper = &loop->helper[kind];

		if (helper->pid != ended->pid)
			continue;
		helper->pid = 0;
		helper->deadline = -1;
		fd_close(&helper->pidfd);
		*ret_kind = (enum helper_kind) kind;
		return true;
	}
	return false;
}

static void check_late(struct loop *loop, enum helper_kind kind, int64_t now)
{
	struct helper *helper = &loop->helper[kind];

	if (!helper->pid || helper->deadline < 0 || now < helper->deadline)
		return;
	helper->deadline = -1;
	log_line(kind == HELPER_SYNC ? LOG_LEVEL_DEBUG : LOG_LEVEL_WARNING, NULL,
		 "%s takes too long, giving it up", helper_names[kind]);
	helper_kill(loop, kind);
}

void helper_check(struct loop *loop, int64_t now)
{
	bool fork_again = loop->next_fork >= 0 && now >= loop->next_fork;

	if (fork_again)
		loop->next_fork = -1;
	for (int kind = 0; kind < HELPER_COUNT; kind++) {
		check_late(loop, (enum helper_kind) kind, now);
		if (fork_again && loop->helper[kind].wanted)
			helper_start(loop, (enum helper_kind) kind);
	}
}

int64_t helper_due(const struct loop *loop)
{
	int64_t due = loop->next_fork;

	for (int kind = 0; kind < HELPER_COUNT; kind++) {
		int64_t end = loop->helper[kind].deadline;

		if (end >= 0 && (due < 0 || end < due))
			due = end;
	}
	return due;
}
