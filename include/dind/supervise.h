/* SPDX-License-Identifier: Apache-2.0 */
/*
 * supervise.h - run the services, reap, forward, stop in order.
 *
 * decide() is a pure table of state × event → actions; the loop around it waits on signalfd, the
 * notify socket, pidfds and one timerfd, does not poll and does not allocate (tested by the symbols
 * of the library).
 */
#ifndef DIND_SUPERVISE_H
#define DIND_SUPERVISE_H

#include <signal.h>
#include <sys/types.h>

#include "dind/error.h"
#include "dind/launch.h"

/* ---- signals ---- */

/*
 * First act of PID 1: block every signal, so that one that arrives now waits instead of being
 * dropped (signal(7), a pid namespace's init loses what it does not handle). @ret_inherited is the
 * mask that children get back.
 */
int supervise_block_signals(sigset_t *ret_inherited, struct error *err);

/* PR_SET_CHILD_SUBREAPER when we are not PID 1, so that orphans of the engine come to us. */
int supervise_become_reaper(struct error *err);

/* ---- the decision table ---- */

enum supervise_state {
	STATE_STARTING = 0,    /* engine runs, READY=1 has not come */
	STATE_RESTARTING,      /* the engine has died and will be started again; clients wait */
	STATE_PREPARING,       /* READY=1 has come; what must be done before we say so */
	STATE_RUNNING,	       /* ready; COMMAND (if any) runs, once the ready file is there */
	STATE_STOP_WORKLOAD,   /* TERM went to COMMAND */
	STATE_STOP_REST,       /* COMMAND has ended; what it has left is told, and has docker */
	STATE_STOP_ENGINE,     /* TERM went to dockerd; it stops the inner containers */
	STATE_KILL_CONTAINERS, /* inner inits still alive were killed; dockerd cleans up */
	STATE_KILL_ENGINE,     /* SIGKILL went to dockerd */
	STATE_STOP_CONTAINERD, /* dockerd is gone; TERM went to the containerd beside it */
	STATE_CLEAN_UP,	       /* helper unmounts and detaches */
	STATE_DONE,
	STATE_COUNT,
};

enum supervise_event {
	EVENT_ENGINE_READY = 0, /* READY=1 */
	EVENT_ENGINE_STOPPING,	/* STOPPING=1 */
	EVENT_ENGINE_EXIT,
	EVENT_WORKLOAD_EXIT,
	EVENT_WORKLOAD_FAILED, /* could not be started: 126, 127 */
	EVENT_CLEAN_UP_EXIT,   /* the unmounting helper ended */
	EVENT_TERM, /* SIGTERM; SIGINT and SIGQUIT with the engine in the foreground; quit file,
		       quit pipe */
	EVENT_HUP,
	EVENT_FORWARD,	/* any other signal that is to be passed on */
	EVENT_DEADLINE, /* the phase's share of the time is used up */
	EVENT_TICK,	/* within STATE_STOP_ENGINE: look for deaf inner inits again */
	EVENT_CONTAINERD_EXIT,
	EVENT_PREPARED,
	EVENT_PREPARE_FAILED, /* also when it could not be started */
	EVENT_WATCH_EXIT,
	EVENT_RESTART,	     /* all is done that comes before the engine's next start */
	EVENT_RELOADED,	     /* the engine's configuration was merged again */
	EVENT_RELOAD_FAILED, /* it is as it was */
	EVENT_REST_EXIT,     /* nothing of COMMAND's is left, or it cannot be waited for */
	EVENT_READY_TOLD,    /* the ready file is written, or cannot be */
	EVENT_COUNT,
};

enum supervise_action {
	ACTION_NONE = 0,
	ACTION_START_WORKLOAD = 1 << 0,
	ACTION_ANNOUNCE_READY = 1 << 1, /* ready file, state file, outer NOTIFY_SOCKET */
	ACTION_TERM_WORKLOAD = 1 << 2,
	ACTION_KILL_WORKLOAD = 1 << 3,
	ACTION_TERM_ENGINE = 1 << 4,
	ACTION_KILL_DEAF = 1 << 5,	 /* helper: inner inits that cannot receive TERM */
	ACTION_KILL_CONTAINERS = 1 << 6, /* helper: all inner inits */
	ACTION_KILL_ENGINE = 1 << 7,
	ACTION_CLOSE_LISTENERS = 1 << 8,
	ACTION_START_SYNC = 1 << 9,	 /* helper: syncfs of the data root */
	ACTION_START_CLEAN_UP = 1 << 10, /* helper: unmount */
	ACTION_KILL_CLEAN_UP = 1 << 11,	 /* it took too long: say so, leave */
	ACTION_REPLAY_LOG = 1 << 12,	 /* the engine failed: its last lines to stderr */
	ACTION_FORWARD_WORKLOAD = 1 << 13,
	ACTION_FORWARD_ENGINE = 1 << 14,
	ACTION_HOLD_HUP = 1 << 15, /* engine not ready: keep it until it is */
	ACTION_SEND_HELD_HUP = 1 << 16,
	ACTION_KILL_REST = 1 << 17,	     /* kill(-1) as PID 1, else own descendants */
	ACTION_RESTART_CONTAINERD = 1 << 18, /* in a moment */
	ACTION_TERM_CONTAINERD = 1 << 19,
	ACTION_START_PREPARE = 1 << 20,
	ACTION_KILL_PREPARE = 1 << 21,
	ACTION_START_WATCH = 1 << 22,
	ACTION_RESTART_WATCH = 1 << 23, /* after a pause */
	ACTION_TERM_WATCH = 1 << 24,
	ACTION_PAUSE = 1 << 25, /* not ready any more; the time of the next start is set */
	ACTION_START_ENGINE = 1 << 26,
	ACTION_RELOAD = 1 << 27,     /* helper: merge the engine's configuration again */
	ACTION_HUP_ENGINE = 1 << 28, /* it reads it again */
	ACTION_STOP_REST = 1 << 29,  /* helper: TERM to what COMMAND has left, wait for it */
	ACTION_KILL_JOB = 1 << 30,   /* helper: SIGKILL to COMMAND's processes */
};

/* What decide() looks at beside state and event. */
struct supervise_view {
	bool has_workload; /* a COMMAND was given */
	bool workload_running;
	bool engine_running;
	bool engine_restarts; /* it has ended and is to be started again */
	bool wait_for_ready;  /* COMMAND is to start after READY=1 (false with --no-wait, and once
				 it was started) */
	bool engine_was_ready;
	bool hup_held;
	int terms; /* TERMs received so far, this one included */
	bool containerd_running;
	bool containerd_lost;		   /* it does not stay up, or cannot be started: given up */
	bool has_prepare, prepare_running; /* not once it is done: it is not run again */
	bool prepare_required;		   /* what it does is part of being ready */
	bool has_watch, watch_running;
	bool has_rest;	 /* COMMAND was started, and what it leaves can be told apart */
	bool has_reload; /* SIGHUP: there is something to do before the engine gets it */
	bool reload_running;
	bool has_ready_file; /* COMMAND does not start before it is written */
};

struct supervise_decision {
	enum supervise_state next;
	unsigned int actions; /* enum supervise_action, or-ed */
};

/* Pure. Defined for every state × event × view. */
struct supervise_decision supervise_decide(enum supervise_state state, enum supervise_event event,
					   const struct supervise_view *view);

const char *supervise_state_name(enum supervise_state state);
const char *supervise_event_name(enum supervise_event event);

/* ---- spawn ---- */

#define SPAWN_MAX_FDS 16

struct spawn_fds {
	const int *listen; /* become 3, 4, … with LISTEN_FDS */
	size_t n_listen;
	const int *keep; /* inherited under numbers above those: the data root's lock */
	size_t n_keep;
	int in, out, err; /* -1: as ours */
	bool inherit; /* also what we were started with ourselves; false: nothing else, whatever it
			 was opened with */
};

/*
 * fork, apply the launch record in its fixed order, exec. Returns the pid; *@ret_pidfd is a pidfd
 * (O_CLOEXEC). A failure between fork and exec comes back over a pipe as negative errno with @err
 * naming the stage; exec's own errno likewise (ENOENT → 127, EACCES and others → 126). @mask is
 * restored in the child.
 */
pid_t supervise_spawn(const struct launch *launch, const struct spawn_fds *fds,
		      const sigset_t *mask, int *ret_pidfd, struct error *err);

/* ---- the loop ---- */

/* Work that must not happen in PID 1 itself; each is called in a forked child and its return is its
 * exit status. */
struct supervise_helpers {
	int (*sync_data)(void *context);
	int (*kill_containers)(void *context, bool deaf_only);
	int (*clean_up)(void *context, int timeout_ms);
	/* TERM to what COMMAND has left, then wait until all has gone, for @timeout_ms at most; 0:
	 * SIGKILL. @spare are services and helpers, which are not to be touched. NULL: the engine
	 * is stopped when COMMAND has ended, and what is left dies last of all. */
	int (*end_job)(void *context, const pid_t *spare, size_t n_spare, int timeout_ms);
	/* what a dead engine left, so that the next one can start beside COMMAND (@workload, 0:
	 * none), which is spared. Its failure is warned about. NULL: nothing */
	int (*before_restart)(void *context, pid_t workload);
	/* Put the engine's new configuration in place; says itself why it could not. NULL: the
	 * engine gets SIGHUP as it comes. */
	int (*reload)(void *context);
	/* called in PID 1, whose death is to be the relay's: start the one for names again, behind
	 * the sockets that it had. Its pid or a negative errno; must not block. NULL: there is none
	 */
	pid_t (*start_relay)(void *context);
	/* called in PID 1: forget the listening sockets; must not block */
	void (*close_listeners)(void *context);
	void *context;
};

/* A watch that dies is started again, but not more often than this. */
#define WATCH_PAUSE_MS 60000

struct supervise_options {
	const struct launch *engine;   /* NULL: one that others look after. Then @workload is all
					  that runs, and @prepare what waits for that engine */
	const struct launch *workload; /* NULL: engine in the foreground */
	/* Beside them, each NULL when there is none: */
	const struct launch *containerd; /* the engine's, started right before it; as long as the
					    engine runs it is started again when it dies */
	const struct launch *prepare;	 /* run between READY=1 and our own "ready" */
	const struct launch *watch;	 /* run while ready; nothing depends on it */
	pid_t relay_pid;		 /* the relay for names, which runs already; 0: none */
	const char *prepare_name;	 /* for messages; NULL: "prepare" */
	bool prepare_required;		 /* its failure ends the start with STATUS_OSERR; with its
					    own status where there is no @engine */
	int prepare_timeout_ms;		 /* 0: no limit */
	int watch_pause_ms;		 /* from its death to its next start; 0: WATCH_PAUSE_MS */
	bool no_wait;
	const char *late_message; /* not ready in time: said, and COMMAND starts all the same; NULL:
				     the start ends with STATUS_UNAVAILABLE */
	int restart_engine;	  /* how often an engine that died is started again */
	int ready_timeout_ms;
	int stop_timeout_ms;
	const char *state_file; /* for `ready`; NULL: DIND_STATE_FILE */
	const char *ready_file; /* there before COMMAND starts, as far as it can be; NULL: none */
	const char *quit_file;	/* its appearance is a first TERM; NULL: none */
	const char *quit_pipe;	/* made; likewise when the last who had it open for writing has gone
				 */
	const char *outer_notify; /* our own NOTIFY_SOCKET or NULL */
	const char *engine_log; /* file; NULL: the engine and its containerd write to our stderr */
	bool engine_log_none;
	const char *socket_url;	     /* for the state file */
	const char *summary;	     /* "overlay2 on a loop image, cgroup v1": for the state file */
	const char *termination_log; /* NULL: none */
	const char *start_mark;	     /* removed at READY=1: the start was not cut off; NULL: none */
	const char *memory_group;    /* directory of the group whose kills by its memory limit are
					named, v1 or v2; NULL: not known */
	struct spawn_fds engine_fds; /* its containerd gets them but for the listening ones */
	sigset_t child_mask;
	int64_t started_ms; /* CLOCK_MONOTONIC of our start, for "ready after" */
};

/*
 * Start the engine and run until everything is down. Returns the exit status of the container (enum
 * exit_status, COMMAND's own, or 128+signal). Never returns while a service runs.
 */
int supervise_run(const struct supervise_options *options, const struct supervise_helpers *helpers);

/*
 * Give back memory that is not needed while we wait: clean pages of programs and libraries, and the
 * stack below the caller. All come back by themselves. supervise_run() does it when the engine is
 * ready. Never fails: at worst nothing is saved.
 */
void supervise_shrink(void);

/* ---- ready ---- */

/*
 * The `ready` sub-command: state file and /_ping of the first listener, up to @timeout_ms, waiting
 * by inotify and retrying the ping, not by a busy loop. Returns STATUS_OK, STATUS_UNAVAILABLE (dead
 * or failed) or STATUS_TEMPFAIL (still starting); @err says what was found.
 */
int supervise_ready(const char *state_file, int timeout_ms, struct error *err);

#endif
