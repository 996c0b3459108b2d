/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The loop: turn what the kernel tells into events, ask decide(), carry the answer out. Waits
 * without a time-out on four descriptors and the engine's log; everything that is due has one
 * timerfd.
 */
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <string.h>
#include <sys/inotify.h>
#include <sys/signalfd.h>
#include <sys/stat.h>
#include <sys/timerfd.h>
#include <sys/wait.h>

#include "dind/file.h"
#include "dind/log.h"
#include "loop.h"

#define FIRST_LOOK_MS 400 /* after TERM to dockerd: it has marked its containers by then */
#define NEXT_LOOK_MS  500

enum source {
	SOURCE_SIGNAL = 0,
	SOURCE_NOTIFY,
	SOURCE_TIMER,
	SOURCE_QUIT,
	SOURCE_LOG,
	SOURCE_COUNT,
};

static bool is_stopping(const struct loop *loop)
{
	return loop->state != STATE_STARTING && loop->state != STATE_RUNNING;
}

/* ---- what the way down says ---- */

static void say_phase(const struct loop *loop, enum supervise_state before)
{
	int64_t ms = clock_now_ms() - loop->stop_began_ms;

	if (loop->state == before)
		return;
	log_debug("%s -> %s", supervise_state_name(before), supervise_state_name(loop->state));
	if (loop->state == STATE_STOP_ENGINE)
		log_info("stop: stopping the engine and its containers (%lld ms)", (long long) ms);
	if (loop->state == STATE_KILL_CONTAINERS)
		log_notice("stop: killing the inner containers that are left (%lld ms)",
			   (long long) ms);
}

/* ---- deciding ---- */

/* When the present phase ends and when to look for deaf containers. */
static void set_deadlines(struct loop *loop)
{
	int64_t now = clock_now_ms();
	int after = shutdown_deadline_ms(loop->state, loop->options->stop_timeout_ms);

	if (!is_stopping(loop))
		return;
	if (loop->state != STATE_CLEAN_UP) /* clean-up has set its own */
		loop->phase_ends_ms = after < 0 ? -1 : loop->stop_began_ms + after;
	loop->next_tick_ms = loop->state == STATE_STOP_ENGINE ? now + FIRST_LOOK_MS : -1;
}

static void handle(struct loop *loop, enum supervise_event event)
{
	/* A decision may find the next event at once: COMMAND that cannot be started. Bounded: each
	 * of those can happen once. */
	for (int i = 0; i < 8 && event != EVENT_COUNT; i++) {
		enum supervise_state before = loop->state;
		struct supervise_decision d = supervise_decide(loop->state, event, &loop->view);

		loop->pending = EVENT_COUNT;
		loop->state = d.next;
		if (is_stopping(loop) && loop->stop_began_ms < 0) {
			loop->stop_began_ms = clock_now_ms();
			if (loop->options->outer_notify)
				notify_send(loop->options->outer_notify, "STOPPING=1");
			if (loop->options->ready_file)
				(void) unlink(loop->options->ready_file);
		}
		say_phase(loop, before);
		loop_carry_out(loop, d.actions);
		if (loop->state != before) {
			set_deadlines(loop);
			if (!is_stopping(loop))
				loop->phase_ends_ms = -1;
			loop_write_state(loop);
		}
		event = loop->pending;
	}
}

/* ---- children ---- */

static void set_reason(struct loop *loop, const char *text)
{
	if (!*loop->reason)
		(void) snprintf(loop->reason, sizeof(loop->reason), "%s", text);
}

static void engine_ended(struct loop *loop)
{
	char how[128], text[REASON_MAX];

	loop->engine.running = loop->view.engine_running = false;
	if (!is_stopping(loop) || (loop->state == STATE_STOP_WORKLOAD && !loop->engine_lost)) {
		loop->engine_lost = true;
		(void) snprintf(text, sizeof(text), "dockerd %s%s",
				loop_describe_exit(loop->engine.wait_status, how, sizeof(how)),
				loop->view.engine_was_ready ? "" : " before it was ready");
		set_reason(loop, text);
		/* In the foreground a clean end is what somebody asked for from inside. */
		if (loop->view.has_workload || loop->engine.wait_status != 0)
			log_line(LOG_LEVEL_ERROR, "DIND-ENGINE-92", "%s", text);
	}
	handle(loop, EVENT_ENGINE_EXIT);
}

static void workload_ended(struct loop *loop)
{
	loop->workload.running = loop->view.workload_running = false;
	/* COMMAND had the terminal; what we print from here on shall not stop us. */
	(void) tcsetpgrp(STDIN_FILENO, getpgrp());
	handle(loop, EVENT_WORKLOAD_EXIT);
}

static bool helper_ended(struct helper *helper, pid_t pid)
{
	if (helper->pid != pid)
		return false;
	helper->pid = 0;
	fd_close(&helper->pidfd);
	return true;
}

/* All that have ended; nobody but us waits for -1. */
static void reap(struct loop *loop)
{
	int status;
	pid_t pid;

	while ((pid = waitpid(-1, &status, WNOHANG)) > 0 || (pid < 0 && errno == EINTR)) {
		if (pid < 0)
			continue;
		if (pid == loop->engine.pid && loop->engine.running) {
			loop->engine.wait_status = status;
			engine_ended(loop);
		} else if (pid == loop->workload.pid && loop->workload.running) {
			loop->workload.wait_status = status;
			workload_ended(loop);
		} else if (helper_ended(&loop->clean_up, pid)) {
			handle(loop, EVENT_CLEAN_UP_EXIT);
		} else if (!helper_ended(&loop->sync, pid)) {
			(void) helper_ended(&loop->kill, pid);
		}
	}
}

/* ---- sources ---- */

static void take_signal(struct loop *loop, int signal)
{
	loop->last_signal = signal;
	switch (signal) {
	case SIGCHLD:
	case SIGTTIN:
	case SIGTTOU:
	case SIGPIPE:
		return;
	case SIGHUP:
		handle(loop, EVENT_HUP);
		return;
	case SIGINT:
	case SIGQUIT:
		/* COMMAND's, as tini does it; without one it means what ^C means to dockerd */
		if (loop->view.workload_running) {
			handle(loop, EVENT_FORWARD);
			return;
		}
		break;
	case SIGTERM:
		break;
	default:
		handle(loop, EVENT_FORWARD);
		return;
	}
	loop->view.terms++;
	handle(loop, EVENT_TERM);
}

static void take_signals(struct loop *loop)
{
	struct signalfd_siginfo info[8];
	ssize_t n;

	while ((n = read(loop->signal_fd, info, sizeof(info))) > 0)
		for (size_t i = 0; i < (size_t) n / sizeof(info[0]); i++)
			take_signal(loop, (int) info[i].ssi_signo);
	reap(loop);
}

static void take_notifications(struct loop *loop)
{
	unsigned int messages;

	for (int i = 0; i < 64; i++) {
		int r = notify_receive(loop->notify_fd, loop->engine.pid, &messages);

		if (r == -EAGAIN)
			return;
		if (r < 0)
			continue;
		if (messages & NOTIFY_READY && !loop->view.engine_was_ready)
			handle(loop, EVENT_ENGINE_READY);
		if (messages & NOTIFY_STOPPING)
			handle(loop, EVENT_ENGINE_STOPPING);
	}
}

static void look_for_quit_file(struct loop *loop)
{
	char buf[4096];

	while (read(loop->quit_fd, buf, sizeof(buf)) > 0)
		; /* what happened in the directory does not matter, only whether the file is there
		   */
	if (loop->quit_seen || access(loop->options->quit_file, F_OK) < 0)
		return;
	loop->quit_seen = true;
	log_info("stop: '%s' is there", loop->options->quit_file);
	loop->last_signal = SIGTERM;
	loop->view.terms++;
	handle(loop, EVENT_TERM);
}

static void take_time(struct loop *loop)
{
	int64_t now = clock_now_ms();
	uint64_t expirations;

	while (read(loop->timer_fd, &expirations, sizeof(expirations)) > 0)
		;
	if (loop->next_tick_ms >= 0 && now >= loop->next_tick_ms) {
		loop->next_tick_ms = now + NEXT_LOOK_MS;
		handle(loop, EVENT_TICK);
	}
	if (loop->phase_ends_ms < 0 || now < loop->phase_ends_ms)
		return;
	loop->phase_ends_ms = -1;
	if (loop->state == STATE_STARTING) {
		char text[96];

		loop->ready_timeout = true;
		(void) snprintf(text, sizeof(text), "dockerd was not ready within %d s",
				loop->options->ready_timeout_ms / 1000);
		set_reason(loop, text);
		log_line(LOG_LEVEL_ERROR, "DIND-ENGINE-93", "%s", text);
	}
	handle(loop, EVENT_DEADLINE);
}

static void arm_timer(const struct loop *loop)
{
	struct itimerspec due = { 0 };
	int64_t at = loop->phase_ends_ms;

	if (loop->next_tick_ms >= 0 && (at < 0 || loop->next_tick_ms < at))
		at = loop->next_tick_ms;
	if (at >= 0) { /* 0 would disarm */
		due.it_value.tv_sec = at / 1000;
		due.it_value.tv_nsec = at % 1000 * 1000000 + 1;
	}
	(void) timerfd_settime(loop->timer_fd, TFD_TIMER_ABSTIME, &due, NULL);
}

/* ---- life ---- */

static int watch_quit_file(const char *path, struct error *err)
{
	char dir[PATH_MAX];
	const char *slash = strrchr(path, '/');
	auto_close int fd = inotify_init1(IN_CLOEXEC | IN_NONBLOCK);
	size_t len = slash ? (size_t) (slash - path) : 0;

	if (fd < 0)
		return error_set(err, -errno, "inotify");
	if (len >= sizeof(dir))
		return error_set(err, -ENAMETOOLONG, "quit file '%s'", path);
	memcpy(dir, path, len);
	dir[len] = '\0';
	if (inotify_add_watch(fd,
			      len     ? dir
			      : slash ? "/"
				      : ".",
			      IN_CREATE | IN_MOVED_TO | IN_CLOSE_WRITE) < 0)
		return error_set(err, -errno, "watch the directory of '%s'", path);
	return fd_take(&fd);
}

static int open_sources(struct loop *loop, struct error *err)
{
	sigset_t all;

	(void) sigfillset(&all);
	loop->signal_fd = signalfd(-1, &all, SFD_CLOEXEC | SFD_NONBLOCK);
	if (loop->signal_fd < 0)
		return error_set(err, -errno, "signalfd");
	loop->timer_fd = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK);
	if (loop->timer_fd < 0)
		return error_set(err, -errno, "timerfd");
	loop->notify_fd = notify_open(DIND_NOTIFY_SOCKET, err);
	if (loop->notify_fd < 0)
		return loop->notify_fd;
	if (loop->options->quit_file) {
		loop->quit_fd = watch_quit_file(loop->options->quit_file, err);
		if (loop->quit_fd < 0)
			return loop->quit_fd;
	}
	return 0;
}

static void close_sources(struct loop *loop)
{
	fd_close(&loop->signal_fd);
	fd_close(&loop->timer_fd);
	if (loop->notify_fd >= 0)
		(void) unlink(DIND_NOTIFY_SOCKET);
	fd_close(&loop->notify_fd);
	fd_close(&loop->quit_fd);
	fd_close(&loop->engine.pidfd);
	fd_close(&loop->workload.pidfd);
	engine_log_close(&loop->log);
}

static void wait_and_take(struct loop *loop)
{
	struct pollfd fds[SOURCE_COUNT] = {
		[SOURCE_SIGNAL] = { .fd = loop->signal_fd, .events = POLLIN },
		[SOURCE_NOTIFY] = { .fd = loop->notify_fd, .events = POLLIN },
		[SOURCE_TIMER] = { .fd = loop->timer_fd, .events = POLLIN },
		[SOURCE_QUIT] = { .fd = loop->quit_fd, .events = POLLIN },
		[SOURCE_LOG] = { .fd = loop->log.pipe_read, .events = POLLIN },
	};

	arm_timer(loop);
	if (poll(fds, SOURCE_COUNT, -1) < 0)
		return; /* EINTR; ENOMEM passes */
	/* the log first: an engine that dies has said why, and READY=1 before its exit */
	if (fds[SOURCE_LOG].revents && !engine_log_drain(&loop->log))
		fd_close(&loop->log.pipe_read);
	if (fds[SOURCE_NOTIFY].revents)
		take_notifications(loop);
	if (fds[SOURCE_SIGNAL].revents)
		take_signals(loop);
	if (fds[SOURCE_QUIT].revents)
		look_for_quit_file(loop);
	if (fds[SOURCE_TIMER].revents)
		take_time(loop);
}

static int of_wait_status(int wait_status)
{
	return WIFSIGNALED(wait_status) ? 128 + WTERMSIG(wait_status) : WEXITSTATUS(wait_status);
}

/* The exit status of the container (design: the interface). */
static int final_status(const struct loop *loop)
{
	if (loop->ready_timeout)
		return STATUS_UNAVAILABLE;
	if (!loop->view.has_workload)
		return of_wait_status(loop->engine.wait_status);
	if (loop->workload_status >= 0)
		return loop->workload_status;
	if (loop->engine_lost)
		return STATUS_UNAVAILABLE;
	if (loop->workload.pid)
		return of_wait_status(loop->workload.wait_status);
	return 128 + SIGTERM; /* told to stop before COMMAND could run: what it would have got */
}

static void say_end(const struct loop *loop, int status)
{
	char text[REASON_MAX + 64];

	log_info("stopped in %.1f s", (double) (clock_now_ms() - loop->stop_began_ms) / 1000);
	if (!*loop->reason || !loop->options->termination_log || status == 0)
		return;
	(void) snprintf(text, sizeof(text), "dind-init: %s\n", loop->reason);
	state_write_file(loop->options->termination_log, text);
}

int supervise_run(const struct supervise_options *options, const struct supervise_helpers *helpers)
{
	struct loop loop = {
		.options = options,
		.helpers = helpers,
		.state = STATE_STARTING,
		.view = { .has_workload = options->workload != NULL,
			  .wait_for_ready = !options->no_wait },
		.engine = { .pidfd = -EBADF },
		.workload = { .pidfd = -EBADF },
		.sync = { .pidfd = -EBADF },
		.kill = { .pidfd = -EBADF },
		.clean_up = { .pidfd = -EBADF },
		.signal_fd = -EBADF,
		.notify_fd = -EBADF,
		.timer_fd = -EBADF,
		.quit_fd = -EBADF,
		.log = { .pipe_read = -EBADF, .pipe_write = -EBADF, .file = -EBADF },
		.ready_after_ms = -1,
		.stop_began_ms = -1,
		.phase_ends_ms = clock_now_ms() + options->ready_timeout_ms,
		.next_tick_ms = -1,
		.workload_status = -1,
		.pending = EVENT_COUNT,
	};
	struct error err = ERROR_INIT;
	int status;

	if (open_sources(&loop, &err) < 0) {
		log_line(LOG_LEVEL_ERROR, "DIND-SUPERVISE-01", "%s", err.message);
		close_sources(&loop);
		helpers->close_listeners(helpers->context);
		(void) helpers->clean_up(helpers->context, options->stop_timeout_ms);
		return STATUS_OSERR;
	}
	loop_write_state(&loop);
	loop_start_engine(&loop);
	if (loop.pending != EVENT_COUNT)
		handle(&loop, loop.pending);
	else if (options->workload && options->no_wait)
		loop_carry_out(&loop, ACTION_START_WORKLOAD);
	if (loop.pending != EVENT_COUNT)
		handle(&loop, loop.pending);
	if (loop.quit_fd >= 0)
		look_for_quit_file(&loop);
	while (loop.state != STATE_DONE)
		wait_and_take(&loop);
	status = final_status(&loop);
	say_end(&loop, status);
	loop_write_state(&loop);
	close_sources(&loop);
	return status;
}
