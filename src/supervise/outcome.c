/* SPDX-License-Identifier: Apache-2.0 */
/* What the end means: reason and exit status, design.md §6. */
#include <stdarg.h>
#include <string.h>

#include "dind/log.h"
#include "loop.h"

const char *loop_engine_name(const struct loop *loop)
{
	const char *name = loop->options->engine ? loop->options->engine->argv[0] : "the engine";
	const char *slash = strrchr(name, '/');

	return slash ? slash + 1 : name;
}

const char *loop_describe(const struct reap_status *ended, char *buf, size_t size)
{
	char name[32];

	if (ended->signal)
		(void) snprintf(buf, size, "was killed by %s",
				signals_name(ended->signal, name, sizeof(name)));
	else
		(void) snprintf(buf, size, "ended with status %d", ended->code);
	return buf;
}

void loop_fail(struct loop *loop, const char *code, const char *fmt, ...)
{
	char text[LOOP_REASON_MAX];
	va_list ap;

	va_start(ap, fmt);
	if (vsnprintf(text, sizeof(text), fmt, ap) < 0)
		text[0] = '\0';
	va_end(ap);
	log_line(LOG_LEVEL_ERROR, code, "%s", text);
	if (!*loop->reason)
		memcpy(loop->reason, text, sizeof(text));
}

static int engine_status(const struct loop *loop)
{
	const struct reap_status *ended = &loop->engine.ended;

	if (loop->engine_failure)
		return loop->engine_failure;
	if (loop->paused)
		return STATUS_OK; /* told to stop while there was none */
	if (!ended->pid)
		return STATUS_KILLED; /* it hangs in the kernel, and we have stopped waiting */
	/*
	 * Told to stop before it was ready, dockerd has no handler yet and dies of TERM, or gives
	 * up its start with an error: both are the stop that was asked for. That it had to be
	 * killed is not.
	 */
	if (!loop->view.engine_was_ready && !loop->engine_lost && !loop->engine_killed &&
	    ended->signal != SIGKILL)
		return STATUS_OK;
	return ended->code;
}

/* Waiting for an engine outside ends with what was wrong with it. */
static int prepare_status(const struct loop *loop)
{
	const struct reap_status *ended = &loop->prepare.ended;

	if (loop->options->engine)
		return STATUS_OSERR;
	return ended->pid && !ended->signal ? ended->code : STATUS_UNAVAILABLE;
}

int loop_status(const struct loop *loop)
{
	if (loop->ready_timeout || loop->containerd_failed)
		return STATUS_UNAVAILABLE;
	if (loop->prepare_failed)
		return prepare_status(loop);
	if (!loop->view.has_workload)
		return engine_status(loop);
	if (loop->workload_failure)
		return loop->workload_failure;
	if (loop->engine_lost)
		return STATUS_UNAVAILABLE;
	if (loop->workload.ended.pid)
		return loop->workload.ended.code;
	if (loop->workload.pid)
		return STATUS_KILLED; /* SIGKILL is all that it got and has not died of */
	/* It never ran. Whoever asked us to stop asked COMMAND, so it is what COMMAND would have
	 * died of. */
	return 128 + (loop->told_by ? loop->told_by : SIGTERM);
}
