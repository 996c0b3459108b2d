/* SPDX-License-Identifier: Apache-2.0 */
/* Carry out what was decided. Nothing here waits, and no failure ends PID 1. */
#include <string.h>

#include "dind/file.h"
#include "dind/log.h"
#include "loop.h"

static int exec_status(int error)
{
	return error == -ENOENT ? STATUS_NOT_FOUND : STATUS_CANNOT_EXECUTE;
}

/* ---- starting ---- */

static void open_log(struct loop *loop)
{
	const struct supervise_options *options = loop->options;
	struct error err = ERROR_INIT;

	if (!options->engine_log && !options->engine_log_none)
		return;
	if (engine_log_open(&loop->log, options->engine_log_none ? NULL : options->engine_log,
			    &err) < 0)
		log_warning("%s, continuing with the engine's log on stderr", err.message);
}

static int spawn_engine(struct loop *loop, struct error *err)
{
	const struct supervise_options *options = loop->options;
	struct spawn_fds fds = options->engine_fds;
	pid_t pid;
	int r = loop_start_containerd(loop, err);

	if (r < 0)
		return r;
	if (loop->log.output >= 0)
		fds.out = fds.err = loop->log.output;
	pid = supervise_spawn(options->engine, &fds, &options->child_mask, &loop->engine.pidfd,
			      err);
	if (pid < 0)
		return pid;
	loop->engine.pid = pid;
	loop->engine.running = loop->view.engine_running = true;
	return 0;
}

void loop_start_engine(struct loop *loop)
{
	struct error err = ERROR_INIT;
	int r;

	loop->paused = loop->view.engine_restarts = false;
	loop->engine_started = clock_now_ms();
	if (loop->options->ready_timeout_ms > 0)
		loop->phase_ends = loop->engine_started + loop->options->ready_timeout_ms;
	if (!loop->options->engine) {
		loop->pending = EVENT_ENGINE_READY; /* as far as that is for us to say */
		return;
	}
	if (loop->restarts == 0)
		open_log(loop);
	r = spawn_engine(loop, &err);
	if (!loop->options->containerd && loop->options->restart_engine == 0)
		fd_close(&loop->log.output); /* nobody has to be started again */
	if (r < 0) {
		loop_fail(loop, "DIND-ENGINE-91", "%s", err.message);
		loop->engine_failure = exec_status(r);
		loop->engine_lost = true;
		loop->pending = EVENT_ENGINE_EXIT;
	}
	loop_write_state(loop);
}

void loop_start_workload(struct loop *loop)
{
	const struct spawn_fds as_ours = { .in = -1, .out = -1, .err = -1, .inherit = true };
	struct error err = ERROR_INIT;
	pid_t pid;

	loop->view.wait_for_ready = false; /* it is started once */
	loop->has_terminal = loop->options->workload->foreground && terminal_is_ours();
	pid = supervise_spawn(loop->options->workload, &as_ours, &loop->options->child_mask,
			      &loop->workload.pidfd, &err);
	if (pid < 0) {
		if (loop->has_terminal)
			terminal_take();
		loop_fail(loop, "DIND-COMMAND-01", "%s", err.message);
		loop->workload_failure = exec_status(pid);
		loop->pending = EVENT_WORKLOAD_FAILED;
		return;
	}
	loop->workload.pid = pid;
	loop->workload.running = loop->view.workload_running = true;
	loop->view.has_rest = loop->helpers->end_job != NULL;
}

/* ---- one function for each action ---- */

static void announce_ready(struct loop *loop)
{
	loop_engine_is_ready(loop);
	loop_announce_ready(loop);
	loop->view.has_prepare = false; /* what it has done outlives the engine */
}

static void hold_hup(struct loop *loop)
{
	loop->view.hup_held = true;
}

static void send_held_hup(struct loop *loop)
{
	loop->view.hup_held = false;
	loop_signal(loop->view.has_workload ? &loop->workload : &loop->engine, SIGHUP);
}

static void reload(struct loop *loop)
{
	loop->view.hup_held = false;
	loop->view.reload_running = true;
	helper_start(loop, HELPER_RELOAD);
}

static void hup_engine(struct loop *loop)
{
	loop_signal(&loop->engine, SIGHUP);
}

static void forward_workload(struct loop *loop)
{
	loop_signal(&loop->workload, loop->signal_number);
}

static void forward_engine(struct loop *loop)
{
	loop_signal(&loop->engine, loop->signal_number);
}

static void term_workload(struct loop *loop)
{
	/* The process alone, as tini does: a shell tells its children as it sees fit. */
	loop_signal(&loop->workload, SIGTERM);
}

static void kill_workload(struct loop *loop)
{
	if (!loop->workload.running)
		return;
	log_notice("stop: COMMAND is killed after %lld ms",
		   (long long) (clock_now_ms() - loop->shutdown.began));
	loop->workload_killed = true;
	loop_signal(&loop->workload, SIGKILL);
}

static void stop_rest(struct loop *loop)
{
	helper_start(loop, HELPER_STOP_REST);
}

static void kill_job(struct loop *loop)
{
	helper_kill(loop, HELPER_STOP_REST);
	loop->helper[HELPER_STOP_REST].wanted = false;
	helper_start(loop, HELPER_KILL_JOB);
}

static void term_engine(struct loop *loop)
{
	loop_signal(&loop->engine, SIGTERM);
}

static void kill_engine(struct loop *loop)
{
	loop->engine_killed = true;
	loop_signal(&loop->engine, SIGKILL);
}

static void term_containerd(struct loop *loop)
{
	loop_signal(&loop->containerd, SIGTERM);
}

static void term_watch(struct loop *loop)
{
	loop_signal(&loop->watch, SIGTERM);
}

static void close_listeners(struct loop *loop)
{
	if (!loop->listeners_closed)
		loop->helpers->close_listeners(loop->helpers->context);
	loop->listeners_closed = true;
}

static void replay_log(struct loop *loop)
{
	engine_log_take(&loop->log); /* its last words are still in the pipe */
	/* without a COMMAND an engine that ends with 0 has been asked to by somebody in here */
	if (loop->view.has_workload || loop->ready_timeout || loop->engine.ended.code != 0)
		(void) engine_log_replay(&loop->log);
}

static void start_sync(struct loop *loop)
{
	helper_start(loop, HELPER_SYNC);
}

static void kill_deaf(struct loop *loop)
{
	helper_start(loop, HELPER_KILL_DEAF);
}

static void kill_containers(struct loop *loop)
{
	helper_start(loop, HELPER_KILL_CONTAINERS);
}

static void kill_rest(struct loop *loop)
{
	char text[64];
	int r = reap_kill_rest();

	if (r < 0)
		log_warning("stop: what is left could not be killed: %s",
			    strerror_r(-r, text, sizeof(text)));
	helper_forget_wanted(loop);
}

static void start_clean_up(struct loop *loop)
{
	helper_start(loop, HELPER_CLEAN_UP);
}

static void kill_clean_up(struct loop *loop)
{
	log_warning("stop: unmounting is not done after %lld ms, leaving it to the kernel",
		    (long long) (clock_now_ms() - loop->shutdown.began));
	loop->clean_up_failed = true;
	helper_kill(loop, HELPER_CLEAN_UP);
}

/* In the order in which they are carried out when a decision has several. */
static const struct {
	enum supervise_action action;
	void (*carry_out)(struct loop *loop);
} table[] = {
	{ ACTION_REPLAY_LOG, replay_log },
	{ ACTION_CLOSE_LISTENERS, close_listeners },
	{ ACTION_KILL_PREPARE, loop_kill_prepare },
	{ ACTION_PAUSE, restart_pause },
	{ ACTION_START_ENGINE, loop_start_engine },
	{ ACTION_START_PREPARE, loop_start_prepare },
	{ ACTION_ANNOUNCE_READY, announce_ready },
	{ ACTION_START_WORKLOAD, loop_start_workload },
	{ ACTION_START_WATCH, loop_start_watch },
	{ ACTION_RESTART_WATCH, loop_restart_watch },
	{ ACTION_RESTART_CONTAINERD, loop_restart_containerd },
	{ ACTION_HOLD_HUP, hold_hup },
	{ ACTION_SEND_HELD_HUP, send_held_hup },
	{ ACTION_HUP_ENGINE, hup_engine },
	{ ACTION_RELOAD, reload },
	{ ACTION_FORWARD_WORKLOAD, forward_workload },
	{ ACTION_FORWARD_ENGINE, forward_engine },
	{ ACTION_TERM_WATCH, term_watch },
	{ ACTION_TERM_WORKLOAD, term_workload },
	{ ACTION_KILL_WORKLOAD, kill_workload },
	{ ACTION_STOP_REST, stop_rest },
	{ ACTION_KILL_JOB, kill_job },
	{ ACTION_TERM_ENGINE, term_engine },
	{ ACTION_KILL_ENGINE, kill_engine },
	{ ACTION_TERM_CONTAINERD, term_containerd },
	{ ACTION_START_SYNC, start_sync },
	{ ACTION_KILL_DEAF, kill_deaf },
	{ ACTION_KILL_CONTAINERS, kill_containers },
	{ ACTION_KILL_CLEAN_UP, kill_clean_up },
	/* everybody dies before the clean-up is born */
	{ ACTION_KILL_REST, kill_rest },
	{ ACTION_START_CLEAN_UP, start_clean_up },
};

void loop_carry_out(struct loop *loop, unsigned int actions)
{
	for (size_t i = 0; i < ARRAY_SIZE(table); i++)
		if (actions & (unsigned int) table[i].action)
			table[i].carry_out(loop);
}
