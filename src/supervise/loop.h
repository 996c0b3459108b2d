/* SPDX-License-Identifier: Apache-2.0 */
/* loop.h - the state of a run, shared by the loop and by what carries its decisions out. */
#ifndef DIND_SUPERVISE_LOOP_H
#define DIND_SUPERVISE_LOOP_H

#include "internal.h"

#define REASON_MAX 320

/* Engine and COMMAND. */
struct service {
	pid_t pid; /* 0: never started */
	int pidfd;
	bool running;
	int wait_status; /* of waitpid(2), once it ended */
};

/* A short-lived child of ours. */
struct helper {
	pid_t pid; /* 0: none */
	int pidfd;
};

struct loop {
	const struct supervise_options *options;
	const struct supervise_helpers *helpers;
	enum supervise_state state;
	struct supervise_view view;
	struct service engine, workload;
	struct helper sync, kill, clean_up;
	int signal_fd, notify_fd, timer_fd, quit_fd;
	struct engine_log log;
	int64_t engine_started_ms;
	int64_t ready_after_ms; /* -1: not yet */
	int64_t stop_began_ms;	/* -1: not yet */
	int64_t phase_ends_ms;	/* -1: never */
	int64_t next_tick_ms;	/* -1: none */
	int last_signal;	/* the one an EVENT_FORWARD or EVENT_TERM is about */
	bool quit_seen;
	bool engine_lost;    /* it ended without having been told to */
	bool ready_timeout;  /* --ready-timeout passed */
	int workload_status; /* 126, 127 when it could not be started; -1: see its wait status */
	enum supervise_event pending; /* found while carrying out a decision; EVENT_COUNT: none */
	char reason[REASON_MAX];      /* why we failed; "" */
};

/* actions.c: carry out what was decided. */
void loop_carry_out(struct loop *loop, unsigned int actions);

/* Start dockerd. On failure the reason is set and EVENT_ENGINE_EXIT is pending. */
void loop_start_engine(struct loop *loop);

/* Write the state file for where we are. */
void loop_write_state(const struct loop *loop);

/* "was killed by signal 9 (Killed)", "ended with status 1". Returns @buf. */
const char *loop_describe_exit(int wait_status, char *buf, size_t size);

/* shrink.c: give clean pages of the start-up code back; they are read again when needed. */
void loop_shrink(void);

#endif
