/* SPDX-License-Identifier: Apache-2.0 */
/* loop.h - the state of a run: services, helpers, what has happened so far. Lives on the stack of
 * supervise_run(). */
#ifndef DIND_SUPERVISE_LOOP_H
#define DIND_SUPERVISE_LOOP_H

#include "internal.h"

#define LOOP_REASON_MAX 400

/* The engine, or COMMAND. */
struct service {
	pid_t pid; /* 0: never started */
	int pidfd;
	bool running;
	struct reap_status ended; /* .pid is 0 until it was reaped */
};

/* Short-lived children that do what may hang. */
enum helper_kind {
	HELPER_SYNC = 0,
	HELPER_KILL_DEAF,
	HELPER_KILL_CONTAINERS,
	HELPER_CLEAN_UP,
	HELPER_WRITE_READY, /* the ready file is a path of the user's: it may be on a dead server */
	HELPER_REMOVE_READY,
	HELPER_COUNT,
};

struct helper {
	pid_t pid; /* 0: none */
	int pidfd;
	bool wanted;	  /* fork(2) failed: to be tried again */
	int64_t deadline; /* CLOCK_MONOTONIC ms, -1: none of its own */
};

struct loop {
	const struct supervise_options *options;
	const struct supervise_helpers *helpers;
	enum supervise_state state;
	struct supervise_view view;
	enum supervise_event pending; /* came up while a decision was carried out; EVENT_COUNT: none
				       */
	struct service engine, workload;
	struct helper helper[HELPER_COUNT];
	struct engine_log log;
	int signal_fd, notify_fd, timer_fd, quit_fd;

	/* due times, CLOCK_MONOTONIC ms, -1: none */
	int64_t phase_ends, next_tick, next_fork, timer_armed;
	struct shutdown shutdown;

	int64_t engine_started, ready_after_ms;
	int64_t oom_kills; /* before the engine ran */
	int signal_number; /* which EVENT_TERM, EVENT_FORWARD is about; EVENT_HUP: SIGHUP */
	bool has_terminal; /* ours to hand to COMMAND and to take back */
	bool listeners_closed;
	bool reap; /* children may have ended */

	/* what the end is about */
	int told_by;	      /* signal of the first EVENT_TERM, 0: none */
	int workload_failure; /* 126, 127: it could not be started; 0 */
	int engine_failure;   /* exit status when the engine could not be started; 0 */
	bool engine_lost;     /* it ended before we told it to */
	bool ready_timeout;
	bool engine_killed, workload_killed, clean_up_failed;
	char reason[LOOP_REASON_MAX]; /* why we fail; "" */
};

/* ---- actions.c ---- */

/* Start dockerd; when that fails EVENT_ENGINE_EXIT is pending. */
void loop_start_engine(struct loop *loop);

/* Start COMMAND; when that fails EVENT_WORKLOAD_FAILED is pending. */
void loop_start_workload(struct loop *loop);

/* Carry out a decision. Nothing in here waits for anybody. */
void loop_carry_out(struct loop *loop, unsigned int actions);

/* ---- announce.c ---- */

/* Replace the state file by where we are now. */
void loop_write_state(const struct loop *loop);

void loop_announce_ready(struct loop *loop);
void loop_announce_stop(struct loop *loop);

/* One line about a phase that begins. */
void loop_say_phase(const struct loop *loop);
void loop_say_end(const struct loop *loop, int status);

/* ---- outcome.c ---- */

/* Exit status of the container. */
int loop_status(const struct loop *loop);

/* Keep the first reason, print it as an error. */
void loop_fail(struct loop *loop, const char *code, const char *fmt, ...) DIND_PRINTF(3, 4);

/* "was killed by SIGKILL", "ended with status 1". Returns @buf. */
const char *loop_describe(const struct reap_status *ended, char *buf, size_t size);

/* What the engine is called in messages: the last part of argv[0]. */
const char *loop_engine_name(const struct loop *loop);

/* ---- helper.c ---- */

/* Fork a helper unless one of that kind is at work. Tried again later when there is no room for
 * a process. */
void helper_start(struct loop *loop, enum helper_kind kind);
void helper_kill(struct loop *loop, enum helper_kind kind);

/* Was @ended one of them? Then *@ret_kind. */
bool helper_ended(struct loop *loop, const struct reap_status *ended, enum helper_kind *ret_kind);

/* None that had to wait is started any more. */
void helper_forget_wanted(struct loop *loop);

/* Kill those that are late, start those that had to wait. */
void helper_check(struct loop *loop, int64_t now);

/* The next time helper_check() is due, -1: none. */
int64_t helper_due(const struct loop *loop);

/* ---- quit.c ---- */

/* Watch for options->quit_file. Fills loop->quit_fd; a failure is warned about. True when the file
 * is there already. */
bool quit_watch(struct loop *loop);

/* Take what inotify says. True when the file has appeared. */
bool quit_take(struct loop *loop);

#endif
