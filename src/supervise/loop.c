/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The loop: what the kernel tells becomes an event, decide() answers, actions.c carries it out.
 * It waits for descriptors without a time-out; everything that is due at some time shares one
 * timerfd, which is off when nothing is.
 */
#include <poll.h>
#include <string.h>
#include <sys/signalfd.h>
#include <sys/timerfd.h>
#include <time.h>

#include "dind/file.h"
#include "dind/log.h"
#include "loop.h"

/* From the TERM to dockerd: by then it has told its containers. */
#define FIRST_LOOK_MS 300
#define NEXT_LOOK_MS  500

/* Work of one wake-up, so that no source can keep the others waiting. */
#define REAP_BOUND   4096
#define NOTIFY_BOUND 64
#define SIGNAL_BATCH 8

enum source {
	SOURCE_SIGNAL = 0,
	SOURCE_NOTIFY,
	SOURCE_TIMER,
	SOURCE_QUIT,
	SOURCE_QUIT_PIPE,
	SOURCE_LOG,
	SOURCE_MEMORY,
	SOURCE_COUNT,
};

/* ---- deciding ---- */

static bool is_stopping(enum supervise_state state)
{
	return state > STATE_RUNNING;
}

static void enter(struct loop *loop, enum supervise_state before)
{
	int64_t now = clock_now_ms();
	bool first = is_stopping(loop->state) && !is_stopping(before);
	int hurry = loop->state == STATE_CLEAN_UP ? 3 : 2;

	if (first)
		loop->shutdown.began = now;
	loop->phase_ends =
		shutdown_deadline(&loop->shutdown, loop->state, now, loop->view.terms >= hurry);
	if (loop->state == STATE_PREPARING && loop->options->prepare_timeout_ms > 0)
		loop->phase_ends = now + loop->options->prepare_timeout_ms;
	/* for the case that not even SIGKILL ends the one who writes it */
	if (loop->state == STATE_RUNNING && loop->view.has_ready_file && loop->view.wait_for_ready)
		loop->phase_ends = now + READY_FILE_LIMIT_MS;
	loop->next_tick = loop->state == STATE_STOP_ENGINE ? now + FIRST_LOOK_MS : -1;
	if (first)
		loop_announce_stop(loop);
	if (is_stopping(loop->state))
		loop_say_phase(loop);
}

static void handle(struct loop *loop, enum supervise_event event)
{
	/* To carry out a decision may bring up the next event: a COMMAND that cannot be started.
	 * That leads to a later state, and what brings one back waits for something first, so there
	 * is an end to it. */
	while (event != EVENT_COUNT) {
		enum supervise_state before = loop->state;
		struct supervise_decision decision = supervise_decide(before, event, &loop->view);

		loop->pending = EVENT_COUNT;
		loop->state = decision.next;
		if (loop->state != before)
			enter(loop, before);
		loop_carry_out(loop, decision.actions);
		if (loop->state != before && loop->state == STATE_RUNNING)
			supervise_shrink(); /* when nobody waits for us any more */
		event = loop->pending;
	}
}

/* ---- children ---- */

static void say_engine_lost(struct loop *loop)
{
	const struct reap_status *ended = &loop->engine.ended;
	const char *early = loop->view.engine_was_ready ? "" : " before it was ready";
	char how[64], oom[96] = "", restarts[48] = "";

	if (!loop->view.has_workload && ended->code == 0) {
		log_notice("%s ended by itself%s", loop_engine_name(loop), early);
		return;
	}
	if (ended->signal == SIGKILL)
		(void) oom_blame(&loop->oom, clock_now_ms(), oom, sizeof(oom));
	if (loop->restarts > 0)
		(void) snprintf(restarts, sizeof(restarts), ", after %d restart%s", loop->restarts,
				loop->restarts == 1 ? "" : "s");
	loop_fail(loop, "DIND-ENGINE-92", "%s %s%s%s%s", loop_engine_name(loop),
		  loop_describe(ended, how, sizeof(how)), oom, early, restarts);
}

static void service_ended(struct service *service, const struct reap_status *ended)
{
	service->ended = *ended;
	service->running = false;
	fd_close(&service->pidfd);
}

static void engine_ended(struct loop *loop, const struct reap_status *ended)
{
	service_ended(&loop->engine, ended);
	loop->view.engine_running = false;
	loop->view.engine_restarts = restart_wanted(loop, ended);
	if (!loop->view.engine_restarts && loop->state < STATE_STOP_ENGINE) {
		/* we have not told it to */
		loop->engine_lost = true;
		say_engine_lost(loop);
		if (is_stopping(loop->state))
			loop_write_state(loop);
	}
	handle(loop, EVENT_ENGINE_EXIT);
}

/* A shell says 137 of a child that was killed, and make says 2. */
static void say_out_of_memory(struct loop *loop)
{
	const struct reap_status *ended = &loop->workload.ended;
	char how[64], oom[96], when[48] = "";
	int64_t now = clock_now_ms(), ago;

	if (ended->code == 0 || loop->workload_killed)
		return;
	(void) loop_describe(ended, how, sizeof(how));
	if (ended->code == STATUS_KILLED && *oom_blame(&loop->oom, now, oom, sizeof(oom))) {
		loop_fail(loop, "DIND-COMMAND-02", "COMMAND %s%s", how, oom);
		return;
	}
	if (!*oom_last(&loop->oom, now, &ago, oom, sizeof(oom)))
		return;
	if (ago >= 1000)
		(void) snprintf(when, sizeof(when), " %lld s before", (long long) ago / 1000);
	log_line(LOG_LEVEL_WARNING, "DIND-COMMAND-02",
		 "COMMAND %s, and the kernel killed something in this container%s%s", how, when,
		 oom);
}

static void workload_ended(struct loop *loop, const struct reap_status *ended)
{
	service_ended(&loop->workload, ended);
	loop->view.workload_running = false;
	say_out_of_memory(loop);
	if (loop->has_terminal) /* ^C is for us from here on */
		terminal_take();
	handle(loop, EVENT_WORKLOAD_EXIT);
}

static bool is_service(const struct service *service, const struct reap_status *ended)
{
	return service->running && service->pid == ended->pid;
}

static void reload_ended(struct loop *loop, const struct reap_status *ended)
{
	char how[64];

	loop->view.reload_running = false;
	if (ended->signal) /* else it has said why */
		log_line(LOG_LEVEL_WARNING, "DIND-ENGINE-10",
			 "merging the engine's configuration again %s: it goes on with what it has",
			 loop_describe(ended, how, sizeof(how)));
	handle(loop, ended->code == STATUS_OK ? EVENT_RELOADED : EVENT_RELOAD_FAILED);
}

static void ready_file_ended(struct loop *loop)
{
	if (loop->state == STATE_RUNNING)
		loop->phase_ends = -1;
	handle(loop, EVENT_READY_TOLD);
}

/* Those that somebody waits for. */
static void a_helper_ended(struct loop *loop, enum helper_kind kind,
			   const struct reap_status *ended)
{
	if (kind == HELPER_CLEAN_UP) {
		loop->clean_up_failed = ended->code != STATUS_OK;
		handle(loop, EVENT_CLEAN_UP_EXIT);
	} else if (kind == HELPER_RELOAD) {
		reload_ended(loop, ended);
	} else if (kind == HELPER_BEFORE_RESTART) { /* what failed was said */
		handle(loop, EVENT_RESTART);
	} else if (kind == HELPER_STOP_REST) { /* likewise */
		handle(loop, EVENT_REST_EXIT);
	} else if (kind == HELPER_WRITE_READY) { /* likewise */
		ready_file_ended(loop);
	}
}

static void child_ended(struct loop *loop, const struct reap_status *ended)
{
	enum helper_kind kind;

	if (is_service(&loop->engine, ended)) {
		engine_ended(loop, ended);
	} else if (is_service(&loop->workload, ended)) {
		workload_ended(loop, ended);
	} else if (is_service(&loop->containerd, ended)) {
		loop_containerd_ended(loop, ended);
		handle(loop, EVENT_CONTAINERD_EXIT);
	} else if (is_service(&loop->prepare, ended)) {
		handle(loop, loop_prepare_ended(loop, ended));
	} else if (is_service(&loop->watch, ended)) {
		handle(loop, loop_watch_ended(loop, ended));
	} else if (is_service(&loop->relay, ended)) {
		relay_ended(loop, ended);
	} else if (helper_ended(loop, ended, &kind)) {
		a_helper_ended(loop, kind, ended);
	} /* else an orphan, and that was all it waited for */
}

/* One SIGCHLD may stand for many. */
static void reap_children(struct loop *loop)
{
	struct reap_status ended;

	if (loop->oom.fd < 0) /* no event tells when it was */
		oom_look(&loop->oom, clock_now_ms());
	for (int i = 0; i < REAP_BOUND; i++) {
		int r = reap_one(&ended);

		if (r == 0 || r == -ECHILD) {
			loop->reap = false;
			return;
		}
		if (r > 0)
			child_ended(loop, &ended);
	}
}

/* ---- sources ---- */

static void take_term(struct loop *loop, int signal_number)
{
	loop->view.terms++;
	if (!loop->told_by)
		loop->told_by = signal_number;
	handle(loop, EVENT_TERM);
}

static void take_signal(struct loop *loop, const struct signalfd_siginfo *info)
{
	int number = (int) info->ssi_signo;

	/* our own, for writing to somebody who has gone */
	if (number == SIGPIPE && info->ssi_pid == (uint32_t) getpid())
		return;
	loop->signal_number = number;
	if (number == SIGUSR1) {
		loop_dump(loop);
		if (!loop_is_caught(loop->view.has_workload ? &loop->workload : &loop->engine,
				    number))
			return;
	}
	switch (signals_classify(number, loop->view.workload_running)) {
	case SIGNALS_IGNORE:
		return;
	case SIGNALS_CHILD:
		loop->reap = true;
		return;
	case SIGNALS_TERM:
		take_term(loop, number);
		return;
	case SIGNALS_HUP:
		handle(loop, EVENT_HUP);
		return;
	case SIGNALS_FORWARD:
		handle(loop, EVENT_FORWARD);
		return;
	}
}

static void take_signals(struct loop *loop)
{
	struct signalfd_siginfo info[SIGNAL_BATCH];
	ssize_t n = read(loop->signal_fd, info, sizeof(info));

	for (size_t i = 0; n > 0 && i < (size_t) n / sizeof(info[0]); i++)
		take_signal(loop, &info[i]);
}

static void take_notifications(struct loop *loop)
{
	for (int i = 0; i < NOTIFY_BOUND; i++) {
		unsigned int messages;

		if (notify_receive(loop->notify_fd, loop->engine.pid, &messages) < 0)
			return;
		if (messages & NOTIFY_READY)
			handle(loop, EVENT_ENGINE_READY);
		if (messages & NOTIFY_STOPPING)
			handle(loop, EVENT_ENGINE_STOPPING);
	}
}

/* That somebody has ended is no impatience: the TERM that may follow, as the one of a pod's end, is
 * still the first. */
static void take_quit(struct loop *loop)
{
	if (is_stopping(loop->state))
		return;
	take_term(loop, SIGTERM);
	loop->view.terms = 0;
}

static void ready_is_late(struct loop *loop)
{
	int ms = loop->options->ready_timeout_ms;

	loop->ready_timeout = true;
	loop_fail(loop, "DIND-ENGINE-93", "%s was not ready within %d.%d s", loop_engine_name(loop),
		  ms / 1000, ms % 1000 / 100);
}

/* As with --no-wait from here on: being ready later on starts nothing. */
static void go_on_without(struct loop *loop)
{
	log_warning("%s", loop->options->late_message);
	loop->view.wait_for_ready = false;
	loop_start_workload(loop);
	handle(loop, loop->pending);
}

static void take_time(struct loop *loop)
{
	int64_t now = clock_now_ms();

	helper_check(loop, now);
	services_check(loop, now);
	handle(loop, loop->pending);
	if (loop->next_tick >= 0 && now >= loop->next_tick) {
		loop->next_tick = now + NEXT_LOOK_MS;
		handle(loop, EVENT_TICK);
	}
	if (loop->phase_ends < 0 || now < loop->phase_ends)
		return;
	loop->phase_ends = -1;
	if (loop->state == STATE_STARTING && loop->options->late_message &&
	    loop->options->workload) {
		if (loop->view.wait_for_ready)
			go_on_without(loop);
		return;
	}
	if (loop->state == STATE_STARTING)
		ready_is_late(loop);
	if (loop->state == STATE_PREPARING)
		loop_prepare_is_late(loop);
	handle(loop, EVENT_DEADLINE);
}

/* ---- waiting ---- */

static int64_t earlier(int64_t a, int64_t b)
{
	if (a < 0 || b < 0)
		return a < 0 ? b : a;
	return a < b ? a : b;
}

static void arm_timer(struct loop *loop)
{
	int64_t due = earlier(earlier(loop->phase_ends, loop->next_tick),
			      earlier(helper_due(loop), services_due(loop)));
	struct itimerspec at = { 0 }; /* off */

	if (due == loop->timer_armed)
		return;
	if (due >= 0) {
		at.it_value.tv_sec = due / 1000;
		at.it_value.tv_nsec = due % 1000 * 1000000;
	}
	if (timerfd_settime(loop->timer_fd, TFD_TIMER_ABSTIME, &at, NULL) == 0)
		loop->timer_armed = due;
}

static void wait_and_take(struct loop *loop)
{
	const struct timespec pause = { .tv_nsec = 20000000L };
	struct pollfd fds[SOURCE_COUNT] = {
		[SOURCE_SIGNAL] = { .fd = loop->signal_fd, .events = POLLIN },
		[SOURCE_NOTIFY] = { .fd = loop->notify_fd, .events = POLLIN },
		[SOURCE_TIMER] = { .fd = loop->timer_fd, .events = POLLIN },
		[SOURCE_QUIT] = { .fd = loop->quit_fd, .events = POLLIN },
		[SOURCE_QUIT_PIPE] = { .fd = loop->quit_pipe, .events = POLLIN },
		[SOURCE_LOG] = { .fd = loop->log.input, .events = POLLIN },
		[SOURCE_MEMORY] = oom_poll(&loop->oom),
	};

	arm_timer(loop);
	if (poll(fds, SOURCE_COUNT, loop->reap ? 0 : -1) < 0) {
		if (errno != EINTR) /* no memory: that passes, and we must not spin meanwhile */
			(void) nanosleep(&pause, NULL);
		return;
	}
	if (fds[SOURCE_MEMORY].revents)
		oom_take_event(&loop->oom, clock_now_ms());
	if (fds[SOURCE_LOG].revents)
		engine_log_take(&loop->log);
	/* READY=1 before the exit that may follow it */
	if (fds[SOURCE_NOTIFY].revents)
		take_notifications(loop);
	if (fds[SOURCE_SIGNAL].revents)
		take_signals(loop);
	if (loop->reap)
		reap_children(loop);
	if (fds[SOURCE_QUIT].revents && quit_take_file(loop))
		take_quit(loop);
	if (fds[SOURCE_QUIT_PIPE].revents && quit_take_pipe(loop))
		take_quit(loop);
	if (fds[SOURCE_TIMER].revents) {
		uint64_t expirations;

		/* its value says nothing that the clock does not */
		if (read(loop->timer_fd, &expirations, sizeof(expirations)) > 0)
			loop->timer_armed = -1;
		take_time(loop);
	}
}

/* ---- from start to end ---- */

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
	(void) file_make_directories(DIND_RUN_DIR, 0700); /* the next call tells when it failed */
	if (!loop->options->engine)
		return 0; /* nobody who would notify us, and perhaps no right to that directory */
	loop->notify_fd = notify_open(DIND_NOTIFY_SOCKET, err);
	return loop->notify_fd < 0 ? loop->notify_fd : 0;
}

static void close_sources(struct loop *loop)
{
	if (loop->notify_fd >= 0)
		(void) unlink(DIND_NOTIFY_SOCKET);
	fd_close(&loop->signal_fd);
	fd_close(&loop->timer_fd);
	fd_close(&loop->notify_fd);
	fd_close(&loop->quit_fd);
	fd_close(&loop->quit_pipe);
	fd_close(&loop->engine.pidfd);
	fd_close(&loop->workload.pidfd);
	fd_close(&loop->containerd.pidfd);
	fd_close(&loop->prepare.pidfd);
	fd_close(&loop->watch.pidfd);
	for (int kind = 0; kind < HELPER_COUNT; kind++)
		fd_close(&loop->helper[kind].pidfd);
	engine_log_close(&loop->log);
	oom_close(&loop->oom);
}

static void start_services(struct loop *loop)
{
	loop_start_engine(loop);
	if (!loop->options->engine)
		handle(loop, loop->pending);
	if (loop->pending == EVENT_COUNT && loop->options->workload && loop->options->no_wait)
		loop_start_workload(loop);
	handle(loop, loop->pending);
	if (!is_stopping(loop->state) && quit_watch(loop))
		take_quit(loop);
}

static void init(struct loop *loop, const struct supervise_options *options,
		 const struct supervise_helpers *helpers)
{
	*loop = (struct loop){
		.options = options,
		.helpers = helpers,
		.state = STATE_STARTING,
		.view = { .has_workload = options->workload != NULL,
			  .wait_for_ready = !options->no_wait,
			  .has_prepare = options->prepare != NULL,
			  .prepare_required = options->prepare_required,
			  .has_watch = options->watch != NULL,
			  .has_reload = helpers->reload != NULL,
			  .has_ready_file = options->ready_file != NULL },
		.pending = EVENT_COUNT,
		.engine = { .pidfd = -EBADF },
		.workload = { .pidfd = -EBADF },
		.containerd = { .pidfd = -EBADF },
		.prepare = { .pidfd = -EBADF },
		.watch = { .pidfd = -EBADF },
		.relay = { .pid = options->relay_pid,
			   .pidfd = -EBADF,
			   .running = options->relay_pid > 0 },
		.relay_started = options->started_ms,
		.log = ENGINE_LOG_INIT,
		.signal_fd = -EBADF,
		.notify_fd = -EBADF,
		.timer_fd = -EBADF,
		.quit_fd = -EBADF,
		.quit_pipe = -EBADF,
		.phase_ends = -1,
		.next_tick = -1,
		.next_fork = -1,
		.timer_armed = -1,
		.containerd_due = -1,
		.watch_due = -1,
		.restart_due = -1,
		.relay_due = -1,
		.engine_ready = -1,
		.engine_gone = -1,
		.shutdown = { .began = -1,
			      .budget_ms = options->stop_timeout_ms,
			      .no_engine = options->engine == NULL },
		.ready_after_ms = -1,
		.oom = OOM_INIT,
		.reap = true, /* what ended before we listened */
	};
	for (size_t i = 0; i < ARRAY_SIZE(loop->containerd_deaths); i++)
		loop->containerd_deaths[i] = -1;
	for (int kind = 0; kind < HELPER_COUNT; kind++)
		loop->helper[kind] = (struct helper){ .pidfd = -EBADF, .deadline = -1 };
}

int supervise_run(const struct supervise_options *options, const struct supervise_helpers *helpers)
{
	struct loop loop;
	struct error err = ERROR_INIT;
	int status;

	init(&loop, options, helpers);
	if (open_sources(&loop, &err) < 0) {
		log_line(LOG_LEVEL_ERROR, "DIND-SUPERVISE-01", "%s", err.message);
		close_sources(&loop);
		helpers->close_listeners(helpers->context);
		/* nothing runs that could need us meanwhile */
		(void) helpers->clean_up(helpers->context, options->stop_timeout_ms);
		return STATUS_OSERR;
	}
	oom_open(&loop.oom, options->memory_group);
	start_services(&loop);
	while (loop.state != STATE_DONE)
		wait_and_take(&loop);
	status = loop_status(&loop);
	loop_say_end(&loop, status);
	close_sources(&loop);
	return status;
}
