/* SPDX-License-Identifier: Apache-2.0 */
/* internal.h - what the files of the supervise library share. */
#ifndef DIND_SUPERVISE_INTERNAL_H
#define DIND_SUPERVISE_INTERNAL_H

#include <stdarg.h>
#include <stdio.h>

#include "dind/supervise.h"

#ifndef SYS_pidfd_send_signal
#define SYS_pidfd_send_signal 424
#endif
#ifndef SYS_pidfd_open
#define SYS_pidfd_open 434
#endif
#ifndef SYS_close_range
#define SYS_close_range 436
#endif

/* ---- notify.c: the engine's readiness (sd_notify(3)) ---- */

enum notify_message {
	NOTIFY_NOTHING = 0,
	NOTIFY_READY = 1 << 0,
	NOTIFY_STOPPING = 1 << 1,
};

/* Bind the datagram socket @path, 0600, O_CLOEXEC, with sender credentials on. fd or negative
 * errno. */
int notify_open(const char *path, struct error *err);

/* Take one datagram. Messages of other processes than @engine are dropped. -EAGAIN when there is
 * none. */
int notify_receive(int fd, pid_t engine, unsigned int *ret_messages);

/* What a datagram's text says. Pure. */
unsigned int notify_parse(const char *text, size_t length);

/* Pass @text on to the outer manager's socket (a path, or '@' for an abstract one). Best effort. */
void notify_send(const char *socket_path, const char *text);

/* ---- engine_log.c: dockerd's output with a COMMAND beside it ---- */

#define ENGINE_LOG_TAIL 8192
#define ENGINE_LOG_HALF (32LL * 1024 * 1024) /* two files of this size at most */

struct engine_log {
	int pipe_read;	/* -EBADF: the engine writes to our stderr */
	int pipe_write; /* closed once the engine runs */
	int file;	/* -EBADF: tail only */
	const char *path;
	long long written;
	size_t tail_used; /* all bytes ever seen; the ring holds the last of them */
	char tail[ENGINE_LOG_TAIL];
};

/* @path NULL: keep the tail only. 0 or negative errno (then nothing is captured). */
int engine_log_open(struct engine_log *log, const char *path, struct error *err);

/* Take what is there, bounded. False at end of file. */
bool engine_log_drain(struct engine_log *log);

/* The last lines to stderr, each with a prefix. Nothing when the engine wrote to stderr itself. */
void engine_log_replay(struct engine_log *log);
void engine_log_close(struct engine_log *log);

/* ---- state.c: what others may read about us ---- */

struct state_report {
	const char *state; /* starting, ready, stopping, failed */
	pid_t engine_pid;
	int64_t ready_after_ms; /* -1: not yet */
	const char *socket_url;
	const char *summary;
	const char *reason; /* NULL: none */
};

/* Replace the state file. Best effort: nobody's start fails for it. */
void state_write(const char *path, const struct state_report *report);

/* Create or replace a small file with @text. Best effort. */
void state_write_file(const char *path, const char *text);

/* ---- shutdown.c: the budget of the way down ---- */

/*
 * When the phase of @state ends, as milliseconds after the first TERM, of a budget of @budget_ms:
 * COMMAND 45 %, then dockerd until 75 %, inner containers were killed until 90 %, and the rest. -1:
 * no deadline.
 */
int shutdown_deadline_ms(enum supervise_state state, int budget_ms);

/* ---- reap.c ---- */

/* SIGKILL all that is left: kill(-1) as PID 1, else our own descendants only. Returns their number,
 * or -1. */
int reap_kill_rest(void);

/* Send @signal through a pidfd; falls back to nothing. 0 or negative errno. */
int reap_signal(int pidfd, int signal);

#endif
