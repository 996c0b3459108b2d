/* SPDX-License-Identifier: Apache-2.0 */
/* internal.h - what the files of the supervise library share; loop.h has the state of a run. */
#ifndef DIND_SUPERVISE_INTERNAL_H
#define DIND_SUPERVISE_INTERNAL_H

#include <stdio.h>
#include <sys/syscall.h>

#include "dind/supervise.h"

/* KERNEL headers of the oldest target do not have it; the number is the same everywhere. */
#ifndef SYS_close_range
#define SYS_close_range 436
#endif

/* ---- signals.c ---- */

/* "SIGTERM", or "signal 40" for those without a name of their own. Returns @buf. */
const char *signals_name(int signal_number, char *buf, size_t size);

enum signals_class {
	SIGNALS_IGNORE = 0,
	SIGNALS_CHILD,
	SIGNALS_TERM,
	SIGNALS_HUP,
	SIGNALS_FORWARD,
};

/*
 * What a signal means to us. INT and QUIT are COMMAND's while it runs, as with tini; else they mean
 * what ^C means to dockerd. Pure.
 */
enum signals_class signals_classify(int signal_number, bool workload_running);

/* ---- notify.c: sd_notify(3), both ways ---- */

enum notify_message {
	NOTIFY_NOTHING = 0,
	NOTIFY_READY = 1 << 0,
	NOTIFY_STOPPING = 1 << 1,
};

/* Bind the datagram socket @path, 0600, O_CLOEXEC, non-blocking, with credentials of the sender.
 * Descriptor or negative errno. */
int notify_open(const char *path, struct error *err);

/* What a datagram says: whole lines READY=1 and STOPPING=1; the rest is passed over. Pure. */
unsigned int notify_parse(const char *text, size_t length);

/*
 * Take one datagram. Others than of the process @engine, and cut ones, say nothing. 0, -EAGAIN when
 * there is none, or another negative errno.
 */
int notify_receive(int fd, pid_t engine, unsigned int *ret_messages);

/* Send @text to a manager's socket, a path or '@' and an abstract name. Never waits. 0 or negative
 * errno. */
int notify_send(const char *socket_path, const char *text);

/* ---- engine_log.c: the engine's output when COMMAND owns our stderr ---- */

#define ENGINE_LOG_TAIL 8192
#define ENGINE_LOG_HALF (32LL << 20) /* of the two files together 64 MiB */

struct engine_log {
	int input;  /* our end of the pipe; -EBADF: none, or all writers are gone */
	int output; /* the engine's end, ours only until all that write to it were spawned */
	int file;   /* -EBADF: only the tail is kept */
	bool rotates;
	const char *path;
	long long written; /* in the present file */
	size_t seen;	   /* bytes that ever went through the tail */
	char tail[ENGINE_LOG_TAIL];
};

#define ENGINE_LOG_INIT                                            \
	{                                                          \
		.input = -EBADF, .output = -EBADF, .file = -EBADF, \
	}

/*
 * Make the pipe, open or create the file. @path NULL: only the tail is kept. A file that cannot be
 * had is warned about and done without. 0 or negative errno when there is no pipe.
 */
int engine_log_open(struct engine_log *log, const char *path, struct error *err);

/* Take what has come, bounded; closes our end when the last writer is gone. */
void engine_log_take(struct engine_log *log);

/* The last lines to stderr, once. False when there are none. */
bool engine_log_replay(struct engine_log *log);

void engine_log_close(struct engine_log *log);

/* ---- state.c: what others may read about us ---- */

enum { STATE_TEXT_MAX = 4096 };

/* Contents of the state file: written by the loop, read by supervise_ready(). */
struct state_record {
	char state[16]; /* starting, restarting, preparing, ready, stopping, failed */
	int64_t pid;	/* of dind-init */
	int64_t engine_pid;
	int64_t since_ms;	/* CLOCK_MONOTONIC: when this state began */
	int64_t ready_after_ms; /* -1: was not ready */
	int64_t restarts;	/* of the engine */
	char socket[512];	/* "" without one */
	char summary[512];
	char reason[512];
};

/* As one line of JSON. Cuts nothing but the strings' ends; always terminated. Pure. */
void state_format(const struct state_record *record, char *buf, size_t size);

/* The reverse, strict: what state_format() cannot have written is -EINVAL. Pure. */
int state_parse(const char *text, struct state_record *ret_record);

/* ---- shutdown.c: the budget of the way down ---- */

/* Absolute CLOCK_MONOTONIC milliseconds. */
struct shutdown {
	int64_t began; /* -1: not yet */
	int budget_ms;
	bool no_engine; /* of ours: COMMAND has the time that it would have */
};

/*
 * When the phase @state that begins at @now is over. Shares are points of the whole budget, so that
 * what one phase does not use passes on to the next. @hurried: somebody asked a second time. -1: no
 * end.
 */
int64_t shutdown_deadline(const struct shutdown *shutdown, enum supervise_state state, int64_t now,
			  bool hurried);

/* Time to give the unmounting helper at @now. It is told less than we wait for it, so that it can
 * say itself what held it up. @hurried: the least. */
int shutdown_clean_up_ms(const struct shutdown *shutdown, int64_t now, bool hurried);

/* ---- terminal.c ---- */

/* The controlling terminal, or -1 without one. Close it. */
int terminal_open(void);

/* Is our process group the one that it listens to? */
bool terminal_is_ours(void);

/* Make our process group its foreground group. TTOU must be blocked: in the background it stops. */
void terminal_take(void);

/* ---- reap.c ---- */

/* One child that ended. */
struct reap_status {
	pid_t pid;
	int code;   /* exit status, or 128 + signal */
	int signal; /* 0: it exited */
};

/* Take one ended child off the kernel's list. 1, 0 when there is none, or negative errno (-ECHILD:
 * no children at all). */
int reap_one(struct reap_status *ret_status);

/*
 * SIGKILL everything that is left: kill(-1) as PID 1 of a pid namespace; else our descendants only,
 * one by one through pidfds. Returns 0 or negative errno.
 */
int reap_kill_rest(void);

/* ---- spawn_child.c, between fork and exec ---- */

/* Where a child failed; sent to the parent. The order is launch.h's. */
enum spawn_stage {
	SPAWN_CGROUP = 0,
	SPAWN_SESSION,
	SPAWN_DESCRIPTORS,
	SPAWN_ENVIRONMENT,
	SPAWN_APPARMOR,
	SPAWN_LIMITS,
	SPAWN_USER,
	SPAWN_CAPABILITIES,
	SPAWN_NO_NEW_PRIVS,
	SPAWN_SECCOMP,
	SPAWN_EXEC,
	SPAWN_STAGE_COUNT,
};

struct spawn_failure {
	int stage; /* enum spawn_stage */
	int error; /* negative errno */
};

/* Carry the record out in the child and exec. Returns only with what failed. *@report is moved out
 * of the way of the descriptors that are handed over. */
struct spawn_failure spawn_child(const struct launch *launch, const struct spawn_fds *fds,
				 const sigset_t *mask, int *report);

/* ---- spawn_exec.c, in the child too ---- */

/* The record's environment, with LISTEN_* for @n_listen descriptors. 0 or negative errno. */
int spawn_environment(const struct launch *launch, size_t n_listen,
		      const char *const **ret_environment);

/* execvp(3) with the PATH of @environment. Returns negative errno. */
int spawn_exec(const char *const *argv, const char *const *environment);

/* ---- spawn_user.c, in the child too ---- */

int spawn_drop_bounding(const struct launch *launch);
int spawn_change_user(const struct launch *launch);
int spawn_drop_capabilities(const struct launch *launch);

/* ---- spawn_seccomp.c, in the child too ---- */

/* Install the record's filter, if it has one. 0 or negative errno. */
int spawn_confine(const struct launch *launch);

#endif
