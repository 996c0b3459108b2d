/* SPDX-License-Identifier: Apache-2.0 */
/* Trials: what can only be known by trying, tried in a child that can be killed. */
#include "trial.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "helper.h"

#define CLEAN_UP_TIMEOUT_MS 1000
#define MAX_BESIDE	    8

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
	case TRIAL_IPTABLES:
		return trial_iptables_work;
	case TRIAL_IPTABLES_NO_RAW:
		return trial_iptables_no_raw_work;
	case TRIAL_IP6TABLES:
		return trial_ip6tables_work;
	case TRIAL_ADDRESS:
		return trial_address_work;
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

/* One that is under way. */
struct running {
	const struct trial_request *request;
	struct trial_context context;
	struct helper helper;
	int64_t start;
};

static int start(struct running *running, const struct trial_request *request, int timeout_ms,
		 const struct facts *facts, struct error *err)
{
	helper_work *work = work_of(request->kind);

	if (!work || !request->path)
		return error_set(err, -EINVAL, "trial %d", (int) request->kind);
	*running = (struct running){
		.request = request,
		.context = {
			.path = request->path,
			.client = facts->engine.client,
			.fuse_overlayfs = facts->storage.fuse_overlayfs,
			.user_namespace = facts->privileges.user_namespace == TRI_YES,
		},
		.start = now_us(),
	};
	return helper_begin(&running->helper, work, &running->context, sizeof(struct trial_record),
			    timeout_ms, err);
}

static void finish(struct running *running, struct arena *arena, struct facts *facts)
{
	struct trial_record record = { .value = TRI_UNKNOWN };
	struct error err = ERROR_INIT;
	int r = helper_end(&running->helper, &record, &err);

	if (r < 0) {
		remove_leftovers(&running->context, &record);
		(void) trial_failed(&record, TRI_UNKNOWN, -r, "%s", err.message);
		record.detail[0] = '\0'; /* it may be half written */
	}
	add_result(running->request, &record, now_us() - running->start, arena, facts);
}

int trial_run(const struct trial_request *request, int timeout_ms, struct arena *arena,
	      struct facts *facts, struct error *err)
{
	struct running running;
	int r = start(&running, request, timeout_ms, facts, err);

	if (r == 0)
		finish(&running, arena, facts);
	return r;
}

/* It starts a program and touches no directory, so that nothing else can be in its way. */
static bool runs_beside(enum trial_kind kind)
{
	return kind != TRIAL_OVERLAY && kind != TRIAL_FUSE;
}

int trial_run_all(const struct trial_request *requests, size_t n, int timeout_ms,
		  struct arena *arena, struct facts *facts, struct error *err)
{
	struct running beside[MAX_BESIDE];
	size_t n_beside = 0;
	int r = 0;

	for (size_t i = 0; r == 0 && i < n && n_beside < MAX_BESIDE; i++) {
		if (!runs_beside(requests[i].kind))
			continue;
		r = start(&beside[n_beside], &requests[i], timeout_ms, facts, err);
		n_beside += r == 0;
	}
	for (size_t i = 0; r == 0 && i < n; i++)
		if (!runs_beside(requests[i].kind))
			r = trial_run(&requests[i], timeout_ms, arena, facts, err);
	for (size_t i = 0; i < n_beside; i++)
		finish(&beside[i], arena, facts);
	return r; /* what was not run is asked for again */
}
