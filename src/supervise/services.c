/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What runs beside engine and COMMAND: the engine's containerd, the job before ready, the watch.
 * When they start and end is for decide() to say; here is how, and what their deaths mean.
 */
#include <string.h>

#include "dind/file.h"
#include "dind/log.h"
#include "dind/process.h"
#include "loop.h"

/* A containerd that dies at once would keep us busy for ever, and the engine says nothing. */
#define DEATHS_WINDOW_MS 60000
#define FIRST_PAUSE_MS	 50

static const struct spawn_fds as_ours = { .in = -1, .out = -1, .err = -1 };

void loop_signal(const struct service *service, int signal_number)
{
	if (service->running)
		(void) process_signal(service->pid, service->pidfd, signal_number);
}

static int start(struct loop *loop, struct service *service, const struct launch *launch,
		 const struct spawn_fds *fds, struct error *err)
{
	pid_t pid;

	fd_close(&service->pidfd);
	pid = supervise_spawn(launch, fds, &loop->options->child_mask, &service->pidfd, err);
	if (pid < 0)
		return pid;
	service->pid = pid;
	service->running = true;
	return 0;
}

static void ended(struct service *service, const struct reap_status *status)
{
	service->ended = *status;
	service->running = false;
	fd_close(&service->pidfd);
}

/* Standard input of programs that shall not read what is COMMAND's. */
static struct spawn_fds without_input(const struct loop *loop)
{
	struct spawn_fds fds = as_ours;

	fds.in = loop->options->engine_fds.in;
	return fds;
}

/* ---- containerd ---- */

/* The engine's descriptors, log and lock among them: a containerd that outlives its engine keeps
 * the data root busy too. */
static int start_containerd(struct loop *loop, struct error *err)
{
	struct spawn_fds fds = loop->options->engine_fds;
	int r;

	fds.n_listen = 0;
	if (loop->log.output >= 0)
		fds.out = fds.err = loop->log.output;
	r = start(loop, &loop->containerd, loop->options->containerd, &fds, err);
	loop->view.containerd_running = loop->containerd.running;
	return r;
}

int loop_start_containerd(struct loop *loop, struct error *err)
{
	/* it may have outlived the engine of before */
	return loop->options->containerd && !loop->containerd.running ? start_containerd(loop, err)
								      : 0;
}

/* Number of its deaths within the window, this one included. */
static int count_death(struct loop *loop, int64_t now)
{
	int n = 1;

	for (size_t i = 0; i < ARRAY_SIZE(loop->containerd_deaths); i++)
		if (loop->containerd_deaths[i] >= 0 &&
		    now - loop->containerd_deaths[i] < DEATHS_WINDOW_MS)
			n++;
	loop->containerd_deaths[loop->n_deaths++ % ARRAY_SIZE(loop->containerd_deaths)] = now;
	return n;
}

/* It does not stay up. On the way down that is nobody's failure: the ladder has its own end. */
static void give_up(struct loop *loop, const char *how, int n)
{
	loop->view.containerd_lost = true;
	if (loop->state > STATE_RUNNING) {
		log_warning("containerd %s, for the %dth time in a minute", how, n);
		return;
	}
	loop->containerd_failed = true;
	loop_fail(loop, "DIND-ENGINE-94", "containerd %s, for the %dth time in a minute", how, n);
}

/* It is gone, or could not be started again; @how says it. */
static void containerd_is_gone(struct loop *loop, const char *how)
{
	int n = count_death(loop, clock_now_ms());

	if (!loop->view.engine_running)
		return;
	if (n > LOOP_CONTAINERD_RESTARTS) {
		give_up(loop, how, n);
		return;
	}
	loop->containerd_pause_ms = FIRST_PAUSE_MS << (n - 1);
	(void) snprintf(loop->containerd_how, sizeof(loop->containerd_how), "%s", how);
}

void loop_containerd_ended(struct loop *loop, const struct reap_status *status)
{
	char how[192], oom[96] = "";

	ended(&loop->containerd, status);
	loop->view.containerd_running = false;
	if (loop->state >= STATE_STOP_CONTAINERD)
		return;
	if (status->signal == SIGKILL)
		(void) oom_blame(&loop->oom, clock_now_ms(), oom, sizeof(oom));
	(void) loop_describe(status, how, sizeof(how));
	(void) snprintf(how + strlen(how), sizeof(how) - strlen(how), "%s", oom);
	containerd_is_gone(loop, how);
}

void loop_restart_containerd(struct loop *loop)
{
	log_warning("containerd %s, starting it again", loop->containerd_how);
	loop->containerd_due = clock_now_ms() + loop->containerd_pause_ms;
}

/* What was decided a moment ago may be out of date. */
static void containerd_is_due(struct loop *loop)
{
	struct error err = ERROR_INIT;

	loop->containerd_due = -1;
	if (!loop->view.engine_running || loop->containerd.running ||
	    loop->state >= STATE_KILL_ENGINE)
		return;
	if (start_containerd(loop, &err) == 0)
		return;
	containerd_is_gone(loop, err.message);
	loop->pending = EVENT_CONTAINERD_EXIT;
}

/* ---- the job before ready ---- */

static void prepare_failed(struct loop *loop, const char *how)
{
	const char *name = loop->options->prepare_name ? loop->options->prepare_name : "prepare";

	if (!loop->options->prepare_required) {
		log_line(LOG_LEVEL_WARNING, "DIND-PREPARE-01", "%s %s, continuing", name, how);
		return;
	}
	loop->prepare_failed = true;
	loop_fail(loop, "DIND-PREPARE-01", "%s %s", name, how);
}

void loop_start_prepare(struct loop *loop)
{
	const struct spawn_fds fds = without_input(loop);
	struct error err = ERROR_INIT;

	loop_engine_is_ready(loop); /* dockerd is; we are not */
	loop->engine_ready = clock_now_ms();
	loop_write_state(loop);
	if (start(loop, &loop->prepare, loop->options->prepare, &fds, &err) < 0) {
		prepare_failed(loop, err.message);
		loop->pending = EVENT_PREPARE_FAILED;
	}
	loop->view.prepare_running = loop->prepare.running;
}

enum supervise_event loop_prepare_ended(struct loop *loop, const struct reap_status *status)
{
	char how[64];

	ended(&loop->prepare, status);
	loop->view.prepare_running = false;
	if (loop->state != STATE_PREPARING)
		return EVENT_COUNT; /* killed by us */
	if (status->code == STATUS_OK)
		return EVENT_PREPARED;
	prepare_failed(loop, loop_describe(status, how, sizeof(how)));
	return EVENT_PREPARE_FAILED;
}

void loop_prepare_is_late(struct loop *loop)
{
	int ms = loop->options->prepare_timeout_ms;
	char how[64];

	(void) snprintf(how, sizeof(how), "was not done within %d.%d s", ms / 1000,
			ms % 1000 / 100);
	prepare_failed(loop, how);
}

void loop_kill_prepare(struct loop *loop)
{
	const struct launch *launch = loop->options->prepare;

	/* with what it has started, where that can be told: its number is taken until it is reaped
	 */
	if (loop->prepare.running && launch->new_session)
		(void) kill(-loop->prepare.pid, SIGKILL);
	loop_signal(&loop->prepare, SIGKILL);
}

/* ---- the watch ---- */

static int watch_pause_ms(const struct loop *loop)
{
	return loop->options->watch_pause_ms ? loop->options->watch_pause_ms : WATCH_PAUSE_MS;
}

void loop_start_watch(struct loop *loop)
{
	const struct spawn_fds fds = without_input(loop);
	struct error err = ERROR_INIT;

	loop->watch_due = -1;
	if (start(loop, &loop->watch, loop->options->watch, &fds, &err) < 0)
		log_warning("watch: %s, continuing without it", err.message);
	loop->view.watch_running = loop->watch.running;
}

enum supervise_event loop_watch_ended(struct loop *loop, const struct reap_status *status)
{
	ended(&loop->watch, status);
	loop->view.watch_running = false;
	if (status->code != STATUS_OK)
		return EVENT_WATCH_EXIT;
	log_debug("watch is done");
	return EVENT_COUNT;
}

void loop_restart_watch(struct loop *loop)
{
	int ms = watch_pause_ms(loop);
	char how[64];

	log_warning("watch %s, starting it again in %d s",
		    loop_describe(&loop->watch.ended, how, sizeof(how)), (ms + 999) / 1000);
	loop->watch_due = clock_now_ms() + ms;
}

/* ---- time ---- */

void services_check(struct loop *loop, int64_t now)
{
	if (loop->watch_due >= 0 && now >= loop->watch_due) {
		loop->watch_due = -1;
		if (loop->state == STATE_RUNNING)
			loop_start_watch(loop);
	}
	if (loop->containerd_due >= 0 && now >= loop->containerd_due)
		containerd_is_due(loop);
	restart_check(loop, now);
	relay_check(loop, now);
	oom_check(&loop->oom, now);
}

static int64_t earlier(int64_t a, int64_t b)
{
	if (a < 0 || b < 0)
		return a < 0 ? b : a;
	return a < b ? a : b;
}

int64_t services_due(const struct loop *loop)
{
	return earlier(earlier(earlier(loop->restart_due, loop->relay_due),
			       earlier(loop->watch_due, loop->containerd_due)),
		       oom_due(&loop->oom));
}
