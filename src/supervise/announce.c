/* SPDX-License-Identifier: Apache-2.0 */
/* What the world is told: state file, ready file, the manager outside, our own lines. */
#include <fcntl.h>
#include <string.h>

#include "dind/file.h"
#include "dind/log.h"
#include "loop.h"

#define TENTH_MS 100

static void copy(char *buf, size_t size, const char *text)
{
	(void) snprintf(buf, size, "%s", text ? text : "");
}

static const char *state_word(const struct loop *loop)
{
	if (*loop->reason)
		return "failed";
	switch (loop->state) {
	case STATE_STARTING:
		return loop->restarts ? "restarting" : "starting";
	case STATE_RESTARTING:
		return "restarting";
	case STATE_PREPARING:
		return loop->options->engine ? "preparing" : "starting";
	case STATE_RUNNING:
		return "ready";
	case STATE_STOP_WORKLOAD:
	case STATE_STOP_REST:
	case STATE_STOP_ENGINE:
	case STATE_KILL_CONTAINERS:
	case STATE_KILL_ENGINE:
	case STATE_STOP_CONTAINERD:
	case STATE_CLEAN_UP:
	case STATE_DONE:
	case STATE_COUNT:
		break;
	}
	return "stopping";
}

void loop_write_state(const struct loop *loop)
{
	struct state_record record = {
		.pid = getpid(),
		.engine_pid = loop->engine.running ? loop->engine.pid : 0,
		.since_ms = clock_now_ms(),
		.ready_after_ms = loop->ready_after_ms,
		.restarts = loop->restarts,
	};
	const char *path = loop->options->state_file ? loop->options->state_file : DIND_STATE_FILE;
	char text[STATE_TEXT_MAX], problem[64];
	int r;

	copy(record.state, sizeof(record.state), state_word(loop));
	copy(record.socket, sizeof(record.socket), loop->options->socket_url);
	copy(record.summary, sizeof(record.summary), loop->options->summary);
	copy(record.reason, sizeof(record.reason), loop->reason);
	state_format(&record, text, sizeof(text));
	r = file_replace(path, text, 0644);
	if (r < 0) /* `ready` will not know; the engine runs all the same */
		log_debug("%s: %s", path, strerror_r(-r, problem, sizeof(problem)));
}

static void tell_manager(const struct loop *loop, const char *text)
{
	char problem[64];
	int r;

	if (!loop->options->outer_notify)
		return;
	r = notify_send(loop->options->outer_notify, text);
	if (r < 0)
		log_warning("%s to NOTIFY_SOCKET '%s': %s", text, loop->options->outer_notify,
			    strerror_r(-r, problem, sizeof(problem)));
}

void loop_engine_is_ready(struct loop *loop)
{
	const char *mark = loop->options->start_mark;
	char problem[64];

	if (loop->view.engine_was_ready)
		return;
	loop->view.engine_was_ready = true;
	/* What is made from now on must not be undone. Not synced, for that could take long: should
	 * the power go within the seconds until the file system does it by itself, the next start
	 * undoes networks (nothing else) that were made in between, and says so. */
	if (mark && unlink(mark) < 0 && errno != ENOENT)
		log_line(LOG_LEVEL_WARNING, "DIND-STORAGE-26",
			 "%s cannot be removed (%s): the next start will undo what becomes of the "
			 "engine's networks in this one",
			 mark, strerror_r(errno, problem, sizeof(problem)));
}

void loop_announce_ready(struct loop *loop)
{
	int64_t now = clock_now_ms();
	char prepared[48] = "", engine[96] = "";
	bool again;

	if (loop->engine_ready < 0)
		loop->engine_ready = now;
	else
		(void) snprintf(prepared, sizeof(prepared), ", prepare %lld ms",
				(long long) (now - loop->engine_ready));
	again = loop->ready_after_ms >= 0;
	if (!again)
		loop->ready_after_ms = now - loop->options->started_ms;
	loop_write_state(loop);
	if (loop->options->ready_file) {
		helper_kill(loop, HELPER_REMOVE_READY); /* it must not be the later one */
		helper_start(loop, HELPER_WRITE_READY);
	}
	if (again) {
		log_info("ready again: there was no engine for %lld ms",
			 (long long) (now - loop->engine_gone));
		return;
	}
	tell_manager(loop, "READY=1");
	if (loop->options->engine)
		(void) snprintf(engine, sizeof(engine), " (engine %lld ms%s)",
				(long long) (loop->engine_ready - loop->engine_started), prepared);
	log_info("ready after %lld ms%s%s%s", (long long) loop->ready_after_ms, engine,
		 loop->options->summary ? ": " : "",
		 loop->options->summary ? loop->options->summary : "");
}

static void remove_ready_file(struct loop *loop)
{
	if (!loop->options->ready_file || loop->ready_after_ms < 0)
		return;
	helper_kill(loop, HELPER_WRITE_READY); /* it must not be the later one */
	helper_start(loop, HELPER_REMOVE_READY);
}

/* The manager outside is not told: what it watches is us, and we are up. */
void loop_announce_pause(struct loop *loop)
{
	loop_write_state(loop);
	remove_ready_file(loop);
}

static long long tenths(int64_t ms)
{
	return ms > 0 ? (long long) ms / TENTH_MS : 0;
}

/* What one does not use passes on to the next: these are the latest times. */
static void say_budget(const struct loop *loop)
{
	static const enum supervise_state phases[] = { STATE_STOP_WORKLOAD, STATE_STOP_ENGINE,
						       STATE_KILL_CONTAINERS };
	long long ends[ARRAY_SIZE(phases)], all = tenths(loop->shutdown.budget_ms);

	for (size_t i = 0; i < ARRAY_SIZE(phases); i++)
		ends[i] = tenths(
			shutdown_deadline(&loop->shutdown, phases[i], loop->shutdown.began, false) -
			loop->shutdown.began);
	if (loop->shutdown.no_engine)
		log_info("stop: %lld.%lld s in all, for COMMAND up to %lld.%lld", all / 10,
			 all % 10, ends[0] / 10, ends[0] % 10);
	else
		log_info("stop: %lld.%lld s in all: COMMAND up to %lld.%lld, the engine and its "
			 "containers up to %lld.%lld, killing up to %lld.%lld, unmounting the rest",
			 all / 10, all % 10, ends[0] / 10, ends[0] % 10, ends[1] / 10, ends[1] % 10,
			 ends[2] / 10, ends[2] % 10);
}

void loop_announce_stop(struct loop *loop)
{
	loop_write_state(loop);
	remove_ready_file(loop);
	tell_manager(loop, "STOPPING=1");
	say_budget(loop);
}

/* ---- the way down, one line for each phase ---- */

static const char *why(const struct loop *loop, char *buf, size_t size)
{
	char how[64];

	if (loop->told_by)
		return "asked to stop";
	if (loop->workload_failure)
		return "COMMAND could not be started";
	if (loop->workload.ended.pid) {
		(void) snprintf(buf, size, "COMMAND %s",
				loop_describe(&loop->workload.ended, how, sizeof(how)));
		return buf;
	}
	return "failed";
}

void loop_say_phase(const struct loop *loop)
{
	int64_t now = clock_now_ms();
	int64_t took = now - loop->shutdown.began;
	long long left = tenths(loop->phase_ends - now);
	char buf[96];

	log_debug("stop: %s at %lld ms", supervise_state_name(loop->state), (long long) took);
	switch (loop->state) {
	case STATE_STOP_WORKLOAD:
		log_info("stop: %s, waiting for COMMAND (%lld.%lld s left)",
			 why(loop, buf, sizeof(buf)), left / 10, left % 10);
		return;
	case STATE_STOP_ENGINE:
		log_info("stop: %s, waiting for %s and its containers (%lld.%lld s left)",
			 why(loop, buf, sizeof(buf)), loop_engine_name(loop), left / 10, left % 10);
		return;
	case STATE_KILL_CONTAINERS:
		log_notice("stop: killing the inner containers that are left after %lld ms",
			   (long long) took);
		return;
	case STATE_KILL_ENGINE:
		log_warning("stop: killing %s after %lld ms", loop_engine_name(loop),
			    (long long) took);
		return;
	case STATE_STOP_REST: /* its helper knows whether there is anything to tell */
	case STATE_STOP_CONTAINERD:
	case STATE_CLEAN_UP:
	case STATE_STARTING:
	case STATE_RESTARTING:
	case STATE_PREPARING:
	case STATE_RUNNING:
	case STATE_DONE:
	case STATE_COUNT:
		break;
	}
}

/* Kubernetes shows what stands in this file as the reason why the container ended. */
static void write_termination_log(const struct loop *loop)
{
	char line[LOOP_REASON_MAX + 32];
	auto_close int fd = -EBADF;
	int n;

	if (!loop->options->termination_log)
		return;
	fd = open(loop->options->termination_log,
		  O_WRONLY | O_TRUNC | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
	n = snprintf(line, sizeof(line), "dind-init: %s\n", loop->reason);
	if (fd < 0 || n < 0 || file_write_all(fd, line, strlen(line)) < 0)
		log_debug("%s could not be written", loop->options->termination_log);
}

void loop_say_end(const struct loop *loop, int status)
{
	int64_t took = clock_now_ms() - loop->shutdown.began;
	long long seconds = tenths(took);
	const char *problem = NULL;

	if (loop->engine_killed)
		problem = "the engine had to be killed";
	else if (loop->clean_up_failed)
		problem = "the data root could not be taken down properly";
	else if (loop->engine_lost)
		problem = "the engine was gone before";
	if (problem)
		log_notice("stopped in %lld.%lld s, status %d; %s", seconds / 10, seconds % 10,
			   status, problem);
	else
		log_info("stopped cleanly in %lld.%lld s, status %d", seconds / 10, seconds % 10,
			 status);
	if (*loop->reason)
		write_termination_log(loop);
}
