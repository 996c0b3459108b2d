/* SPDX-License-Identifier: Apache-2.0 */
/* loop.h - the state of a run: services, helpers, what has happened so far. Lives on the stack of
 * supervise_run(). */
#ifndef DIND_SUPERVISE_LOOP_H
#define DIND_SUPERVISE_LOOP_H

#include "internal.h"
#include "oom.h"

#define LOOP_REASON_MAX 400

/* To write the ready file or to remove it. */
#define READY_FILE_LIMIT_MS 3000

/* Within a minute; the next death after that is the engine's. */
#define LOOP_CONTAINERD_RESTARTS 5

/* The engine, COMMAND, or what runs beside them. */
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
	HELPER_BEFORE_RESTART,
	HELPER_STOP_REST,
	HELPER_KILL_JOB,
	HELPER_RELOAD, /* so is the user's daemon.json */
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
	struct service engine, workload, containerd, prepare, watch, relay;
	struct helper helper[HELPER_COUNT];
	struct engine_log log;
	int signal_fd, notify_fd, timer_fd, quit_fd, quit_pipe;

	/* due times, CLOCK_MONOTONIC ms, -1: none */
	int64_t phase_ends, next_tick, next_fork, timer_armed;
	int64_t containerd_due, watch_due, restart_due, relay_due; /* to be started again */
	struct shutdown shutdown;

	int64_t engine_started, engine_ready, ready_after_ms;
	int64_t engine_gone;	   /* when it died last, -1: not yet */
	int restarts, restart_row; /* of the engine; those since it last stayed up for long */
	int restart_pause_ms;
	bool paused;					     /* it is to be started again */
	int64_t containerd_deaths[LOOP_CONTAINERD_RESTARTS]; /* the last ones, -1: none */
	unsigned int n_deaths;
	int containerd_pause_ms;
	char containerd_how[192]; /* it died, or could not be started */
	int64_t relay_started;
	int relay_row; /* its deaths since it last stayed up for long */
	struct oom oom;
	int signal_number; /* which EVENT_TERM, EVENT_FORWARD is about; EVENT_HUP: SIGHUP */
	bool has_terminal; /* ours to hand to COMMAND and to take back */
	bool listeners_closed;
	bool reap; /* children may have ended */

	/* what the end is about */
	int told_by;	      /* signal of the first EVENT_TERM, 0: none */
	int workload_failure; /* 126, 127: it could not be started; 0 */
	int engine_failure;   /* exit status when the engine could not be started; 0 */
	bool engine_lost;     /* it ended before we told it to */
	bool ready_timeout, prepare_failed, containerd_failed;
	bool engine_killed, workload_killed, clean_up_failed;
	char reason[LOOP_REASON_MAX]; /* why we fail; "" */
};

/* ---- actions.c ---- */

/* Start containerd, where it is ours, and dockerd; when that fails EVENT_ENGINE_EXIT is pending. */
void loop_start_engine(struct loop *loop);

/* Start COMMAND; when that fails EVENT_WORKLOAD_FAILED is pending. */
void loop_start_workload(struct loop *loop);

/* Carry out a decision. Nothing in here waits for anybody. */
void loop_carry_out(struct loop *loop, unsigned int actions);

/* ---- services.c: what runs beside engine and COMMAND ---- */

/* Send a signal to a service if it runs. */
void loop_signal(const struct service *service, int signal_number);

/* Start the engine's containerd where it is ours. 0 or negative errno. */
int loop_start_containerd(struct loop *loop, struct error *err);
void loop_restart_containerd(struct loop *loop);

/* When it cannot be started EVENT_PREPARE_FAILED is pending. */
void loop_start_prepare(struct loop *loop);
void loop_kill_prepare(struct loop *loop);
void loop_prepare_is_late(struct loop *loop);

void loop_start_watch(struct loop *loop);
void loop_restart_watch(struct loop *loop);

/* They were reaped. Those that return an event: EVENT_COUNT stands for none. */
void loop_containerd_ended(struct loop *loop, const struct reap_status *status);
enum supervise_event loop_prepare_ended(struct loop *loop, const struct reap_status *status);
enum supervise_event loop_watch_ended(struct loop *loop, const struct reap_status *status);

/* Start again what is due; EVENT_CONTAINERD_EXIT may be pending afterwards. */
void services_check(struct loop *loop, int64_t now);

/* The next time services_check() is due, -1: none. */
int64_t services_due(const struct loop *loop);

/* ---- relay.c: the one for names; no decision hangs on it ---- */

void relay_ended(struct loop *loop, const struct reap_status *status);
/* Start it again when the time has come. */
void relay_check(struct loop *loop, int64_t now);

/* ---- restart.c: an engine that has died ---- */

/* What is waited before start number @row + 1 in a row: doubled each time, ten seconds at most. */
int restart_pause_ms(int row);

/* It ended, and nobody told it to: is it started again? Then that was said. */
bool restart_wanted(struct loop *loop, const struct reap_status *ended);

/* We are not ready any more, and will start it in a moment. */
void restart_pause(struct loop *loop);

/* Begin with what comes before the start when the time has come. Its end is EVENT_RESTART. */
void restart_check(struct loop *loop, int64_t now);

/* ---- announce.c ---- */

/* Replace the state file by where we are now. */
void loop_write_state(const struct loop *loop);

/* READY=1 has come, for the first time or again. */
void loop_engine_is_ready(struct loop *loop);

void loop_announce_ready(struct loop *loop);
void loop_announce_pause(struct loop *loop);
void loop_announce_stop(struct loop *loop);

/* One line about a phase that begins. */
void loop_say_phase(const struct loop *loop);
void loop_say_end(const struct loop *loop, int status);

/* ---- dump.c ---- */

/* All that a person would ask, as lines of the log. */
void loop_dump(const struct loop *loop);

/* Does the service take that signal, by a handler or as one that it has blocked? One that has none
 * would only die of it. */
bool loop_is_caught(const struct service *service, int signal_number);

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

/* What it does, for messages. */
const char *helper_name(enum helper_kind kind);

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

/* Watch for options->quit_file, make options->quit_pipe and watch it. Fills loop->quit_fd and
 * loop->quit_pipe; a failure is warned about. True when the file is there already, which was said.
 */
bool quit_watch(struct loop *loop);

/* Take what inotify says. True when the file has appeared, which was said. */
bool quit_take_file(struct loop *loop);

/* True when the last who had the pipe open for writing has gone, which was said. */
bool quit_take_pipe(struct loop *loop);

#endif
