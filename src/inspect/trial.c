/* SPDX-License-Identifier: Apache-2.0 */
/* Trials: what can only be known by trying, tried in a child that can be killed. */
#include "trial.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "helper.h"

#define CLEAN_UP_TIMEOUT_MS 1000

void trial_passed(struct trial_record *record, const char *evidence)
{
	record->value = TRI_YES;
	record->error = 0;
	(void) snprintf(record->evidence, sizeof(record->evidence), "%s", evidence);
}

int trial_failed(struct trial_record *record, enum tri value, int error, const char *fmt, ...)
{
	va_list ap;

	record->value = value;
	record->error = error;
	va_start(ap, fmt);
	(void) vsnprintf(record->evidence, sizeof(record->evidence), fmt, ap);
	va_end(ap);
	return error ? -error : -EINVAL;
}

static int64_t now_us(void)
{
	struct timespec now = { 0, 0 };

	(void) clock_gettime(CLOCK_MONOTONIC, &now);
	return (int64_t) now.tv_sec * 1000000 + now.tv_nsec / 1000;
}

static helper_work *work_of(enum trial_kind kind)
{
	switch (kind) {
	case TRIAL_OVERLAY:
		return trial_overlay_work;
	case TRIAL_FUSE:
		return trial_fuse_work;
	case TRIAL_ENGINE:
		return trial_engine_work;
	case TRIAL_COUNT:
		break;
	}
	return NULL;
}

/* The child is gone, or hangs in the kernel. Its directory may hang us as well, so a helper goes.
 */
static void remove_leftovers(struct trial_context *context, struct trial_record *record)
{
	struct trial_record ignored;
	struct error err = ERROR_INIT;
	bool started;

	record->scratch[sizeof(record->scratch) - 1] = '\0';
	if (record->scratch[0] == '\0')
		return;
	context->scratch = record->scratch;
	(void) helper_run(trial_scratch_work, context, &ignored, sizeof(ignored),
			  CLEAN_UP_TIMEOUT_MS, &started, &err);
}

static void add_result(const struct trial_request *request, const struct trial_record *record,
		       int64_t elapsed_us, struct arena *arena, struct facts *facts)
{
	struct facts_trial *trial =
		arena_push(arena, (void **) &facts->trials, &facts->n_trials, sizeof(*trial));

	*trial = (struct facts_trial){
		.kind = request->kind,
		.path = arena_strdup(arena, request->path),
		.result = { record->value, record->error,
			    record->evidence[0] ? arena_strdup(arena, record->evidence) : NULL },
		.detail = record->detail[0] ? arena_strdup(arena, record->detail) : NULL,
		.elapsed_us = elapsed_us,
	};
}

int trial_run(const struct trial_request *request, int timeout_ms, struct arena *arena,
	      struct facts *facts, struct error *err)
{
	struct trial_context context = {
		.path = request->path,
		.fuse_overlayfs = facts->storage.fuse_overlayfs,
		.user_namespace = facts->privileges.user_namespace == TRI_YES,
	};
	struct trial_record record = { .value = TRI_UNKNOWN };
	helper_work *work = work_of(request->kind);
	struct error helper_err = ERROR_INIT;
	int64_t start = now_us();
	bool started;
	int r;

	if (!work || !request->path)
		return error_set(err, -EINVAL, "trial %d", (int) request->kind);
	r = helper_run(work, &context, &record, sizeof(record), timeout_ms, &started, &helper_err);
	if (r < 0 && !started) {
		*err = helper_err;
		return r;
	}
	if (r < 0) {
		remove_leftovers(&context, &record);
		(void) trial_failed(&record, TRI_UNKNOWN, -r, "%s", helper_err.message);
		record.detail[0] = '\0'; /* it may be half written */
	}
	add_result(request, &record, now_us() - start, arena, facts);
	return 0;
}
