/* SPDX-License-Identifier: Apache-2.0 */
/* prepare.c - between READY=1 and "ready": clean, load and copy, prune. */
#include "client.h"

#include <stdarg.h>
#include <stdio.h>

#include "dind/file.h"
#include "dind/str.h"
#include "jobs.h"
#include "prune.h"

/* Where more than that does not help: the engine unpacks. */
#define PARALLEL_MAX 4

void client_report(const struct client_options *options, const char *code, const char *remedy,
		   const char *fmt, ...)
{
	enum log_level level = options->keep_going ? LOG_LEVEL_WARNING : LOG_LEVEL_ERROR;
	char fact[ERROR_MESSAGE_MAX * 2];
	va_list ap;

	va_start(ap, fmt);
	(void) vsnprintf(fact, sizeof(fact), fmt, ap);
	va_end(ap);
	log_line(level, code, "%s%s", fact, options->keep_going ? ", continuing without it" : "");
	if (remedy)
		log_line(level, code, "→ %s", remedy);
}

static int default_parallel(void)
{
	long n = sysconf(_SC_NPROCESSORS_ONLN);

	return n < 1 ? 1 : n < PARALLEL_MAX ? (int) n : PARALLEL_MAX;
}

static size_t load_and_copy(const struct job_context *context)
{
	const struct client_options *options = context->options;
	int parallel = options->parallel > 0 ? options->parallel : default_parallel();
	struct arena arena = ARENA_INIT;
	struct job *jobs = NULL;
	size_t count = 0, failed;

	failed = load_collect(options, &arena, &jobs, &count);
	for (size_t i = 0; options->from && i < options->images.count; i++)
		jobs_add(&arena, &jobs, &count, copy_run, options->images.items[i]);
	failed += jobs_run(jobs, count, parallel, CODE_PRELOAD_TIME, context);
	arena_free(&arena);
	return failed;
}

static size_t prune(const struct job_context *context)
{
	const struct client_options *options = context->options;
	struct error err = ERROR_INIT;
	uint64_t bytes = 0;
	char size[32];

	if (prune_run(&context->engine, PRUNE_LEFTOVERS, options->prune_age_s, NULL, NULL,
		      context->deadline_ms, &bytes, &err) < 0) {
		client_report(options, CODE_PRELOAD_PRUNE, "see the engine's log", "prune: %s",
			      err.message);
		return 1;
	}
	log_info("prune: %s won from untagged images and old build cache",
		 str_format_size(bytes, size, sizeof(size)));
	return 0;
}

int prepare_run(const struct client_options *options)
{
	struct job_context context = { .options = options };
	struct arena arena = ARENA_INIT;
	struct error err = ERROR_INIT;
	struct http_tls plain = { 0 };
	struct http_host host;
	size_t failed = 0;
	int r;

	context.deadline_ms = clock_now_ms() + options->timeout_s * 1000LL;
	r = http_host_parse(&host, options->socket, &plain, &arena, &err);
	if (r == 0)
		r = engine_open(&context.engine, &host, context.deadline_ms, &err);
	if (r < 0) {
		client_report(options, CODE_PRELOAD_ENGINE, "see the engine's log",
			      "the engine does not answer: %s", err.message);
		failed = 1;
	} else {
		if (options->clean)
			failed += clean_run(&context);
		failed += load_and_copy(&context);
		if (options->prune)
			failed += prune(&context);
	}
	arena_free(&arena);
	return failed == 0 || options->keep_going ? STATUS_OK : STATUS_OSERR;
}
