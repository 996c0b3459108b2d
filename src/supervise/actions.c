/* SPDX-License-Identifier: Apache-2.0 */
/* Carry out what was decided. Nothing here waits. */
#include <string.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include "dind/file.h"
#include "dind/log.h"
#include "loop.h"

#define CLEAN_UP_LEAST_MS 700

const char *loop_describe_exit(int wait_status, char *buf, size_t size)
{
	if (WIFSIGNALED(wait_status))
		(void) snprintf(buf, size, "was killed by signal %d (%s)", WTERMSIG(wait_status),
				strsignal(WTERMSIG(wait_status)));
	else
		(void) snprintf(buf, size, "ended with status %d", WEXITSTATUS(wait_status));
	return buf;
}

void loop_write_state(const struct loop *loop)
{
	const char *state = "stopping";
	struct state_report report = { .engine_pid = loop->engine.running ? loop->engine.pid : 0,
				       .ready_after_ms = loop->ready_after_ms,
				       .socket_url = loop->options->socket_url,
				       .summary = loop->options->summary,
				       .reason = *loop->reason ? loop->reason : NULL };

	if (*loop->reason)
		state = "failed";
	else if (loop->state == STATE_STARTING)
		state = "starting";
	else if (loop->state == STATE_RUNNING)
		state = "ready";
	report.state = state;
	state_write(DIND_STATE_FILE, &report);
}

void loop_start_engine(struct loop *loop)
{
	struct spawn_fds fds = loop->options->engine_fds;
	struct error err = ERROR_INIT;
	pid_t pid;

	if (loop->options->engine_log || loop->options->engine_log_none) {
		if (engine_log_open(&loop->log, loop->options->engine_log, &err) < 0)
			log_warning("%s, continuing without it", err.message);
		else
			fds.out = fds.err = loop->log.pipe_write;
	}
	loop->engine_started_ms = clock_now_ms();
	pid = supervise_spawn(loop->options->engine, &fds, &loop->options->child_mask,
			      &loop->engine.pidfd, &err);
	fd_close(&loop->log.pipe_write);
	if (pid < 0) {
		(void) snprintf(loop->reason, sizeof(loop->reason), "%s", err.message);
		loop->engine_lost = true;
		loop->engine.wait_status =
			(pid == -ENOENT ? STATUS_NOT_FOUND : STATUS_CANNOT_EXECUTE) << 8;
		log_line(LOG_LEVEL_ERROR, "DIND-ENGINE-91", "%s", err.message);
		loop->pending = EVENT_ENGINE_EXIT;
		return;
	}
	loop->engine.pid = pid;
	loop->engine.running = loop->view.engine_running = true;
}

static void start_workload(struct loop *loop)
{
	const struct spawn_fds as_ours = { .in = -1, .out = -1, .err = -1 };
	struct error err = ERROR_INIT;
	pid_t pid = supervise_spawn(loop->options->workload, &as_ours, &loop->options->child_mask,
				    &loop->workload.pidfd, &err);

	if (pid < 0) {
		loop->workload_status = pid == -ENOENT ? STATUS_NOT_FOUND : STATUS_CANNOT_EXECUTE;
		log_line(LOG_LEVEL_ERROR, "DIND-COMMAND-01", "%s", err.message);
		loop->pending = EVENT_WORKLOAD_FAILED;
		return;
	}
	loop->workload.pid = pid;
	loop->workload.running = loop->view.workload_running = true;
}

static void announce_ready(struct loop *loop)
{
	int64_t now = clock_now_ms();

	loop->view.engine_was_ready = true;
	loop->ready_after_ms = now - loop->options->started_ms;
	log_info("ready after %lld ms (engine %lld ms)%s%s", (long long) loop->ready_after_ms,
		 (long long) (now - loop->engine_started_ms), loop->options->summary ? ": " : "",
		 loop->options->summary ? loop->options->summary : "");
	if (loop->options->ready_file)
		state_write_file(loop->options->ready_file, "ready\n");
	if (loop->options->outer_notify)
		notify_send(loop->options->outer_notify, "READY=1");
	loop_shrink();
}

/* Fork a child for work that may block. It starts with nothing pending and ends by _exit only. */
static bool helper_fork(struct helper *helper, const char *what)
{
	pid_t pid = fork();

	if (pid < 0) {
		log_warning("%s: fork: %s, continuing without it", what, strerror(errno));
		return false;
	}
	if (pid == 0)
		return true;
	helper->pid = pid;
	helper->pidfd = (int) syscall(SYS_pidfd_open, pid, 0);
	return false;
}

static void helper_kill(struct helper *helper)
{
	if (helper->pid)
		(void) reap_signal(helper->pidfd, SIGKILL);
}

static void start_sync(struct loop *loop)
{
	if (!loop->sync.pid && helper_fork(&loop->sync, "sync"))
		_exit(loop->helpers->sync_data(loop->helpers->context));
}

static void kill_containers(struct loop *loop, bool deaf_only)
{
	if (loop->kill.pid && deaf_only)
		return; /* the last look has not ended */
	helper_kill(&loop->kill);
	fd_close(&loop->kill.pidfd);
	loop->kill.pid = 0; /* an older one is reaped as a stranger */
	if (helper_fork(&loop->kill, "killing inner containers"))
		_exit(loop->helpers->kill_containers(loop->helpers->context, deaf_only));
}

static void start_clean_up(struct loop *loop)
{
	int64_t now = clock_now_ms();
	int64_t end = loop->stop_began_ms + loop->options->stop_timeout_ms;

	/* However late it is: an unmount that is cut short costs a journal replay at the next
	 * start. */
	if (end < now + CLEAN_UP_LEAST_MS)
		end = now + CLEAN_UP_LEAST_MS;
	loop->phase_ends_ms = end;
	if (helper_fork(&loop->clean_up, "clean-up"))
		_exit(loop->helpers->clean_up(loop->helpers->context, (int) (end - now)));
	if (!loop->clean_up.pid)
		loop->pending = EVENT_CLEAN_UP_EXIT;
}

static void signal_services(struct loop *loop, unsigned int actions)
{
	if (actions & ACTION_TERM_WORKLOAD) {
		log_info("stop: waiting for COMMAND (%.1f s left)",
			 (double) loop->options->stop_timeout_ms * 0.45 / 1000);
		(void) reap_signal(loop->workload.pidfd, SIGTERM);
	}
	if (actions & ACTION_KILL_WORKLOAD && loop->workload.running) {
		log_notice("stop: COMMAND did not end in time and is killed");
		(void) reap_signal(loop->workload.pidfd, SIGKILL);
	}
	if (actions & ACTION_FORWARD_WORKLOAD)
		(void) reap_signal(loop->workload.pidfd, loop->last_signal);
	if (actions & ACTION_TERM_ENGINE)
		(void) reap_signal(loop->engine.pidfd, SIGTERM);
	if (actions & ACTION_KILL_ENGINE) {
		log_warning("stop: dockerd did not end in time and is killed");
		(void) reap_signal(loop->engine.pidfd, SIGKILL);
	}
	if (actions & ACTION_FORWARD_ENGINE)
		(void) reap_signal(loop->engine.pidfd, loop->last_signal);
	if (actions & ACTION_HOLD_HUP)
		loop->view.hup_held = true;
	if (actions & ACTION_SEND_HELD_HUP) {
		loop->view.hup_held = false;
		(void) reap_signal(loop->engine.pidfd, SIGHUP);
	}
}

void loop_carry_out(struct loop *loop, unsigned int actions)
{
	if (actions & ACTION_REPLAY_LOG)
		engine_log_replay(&loop->log);
	if (actions & ACTION_ANNOUNCE_READY)
		announce_ready(loop);
	signal_services(loop, actions);
	if (actions & ACTION_CLOSE_LISTENERS)
		loop->helpers->close_listeners(loop->helpers->context);
	if (actions & ACTION_START_WORKLOAD)
		start_workload(loop);
	if (actions & ACTION_START_SYNC)
		start_sync(loop);
	if (actions & ACTION_KILL_DEAF)
		kill_containers(loop, true);
	if (actions & ACTION_KILL_CONTAINERS)
		kill_containers(loop, false);
	if (actions & ACTION_KILL_REST)
		(void) reap_kill_rest();
	if (actions & ACTION_START_CLEAN_UP)
		start_clean_up(loop);
	if (actions & ACTION_KILL_CLEAN_UP) {
		log_warning(
			"stop: unmounting the data root takes too long, leaving it to the kernel");
		helper_kill(&loop->clean_up);
	}
}
