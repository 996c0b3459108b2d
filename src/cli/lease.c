/* SPDX-License-Identifier: Apache-2.0 */
/* Taking a slot of the pool: the one step that is waited for, and whose result decides what comes
 * next. */
#include <poll.h>
#include <string.h>
#include <sys/signalfd.h>

#include "dind/file.h"
#include "dind/log.h"
#include "dind/str.h"
#include "start.h"

/* A slot that is given back is seen at most so much later. Nothing tells us: the end of a lock
 * makes no event, least of all on another machine's file system. */
#define RETRY_FIRST_MS 20
#define RETRY_MAX_MS   250

static void learn(struct start *start, const struct plan_step *step, const struct error *err)
{
	struct planning *planning = &start->planning;

	facts_add_failure(&planning->facts, &planning->arena, step->key, abs(err->code),
			  err->message, *start->context.holder ? start->context.holder : NULL);
	planning->facts.pool.cold = (err->code == -EWOULDBLOCK || err->code == -EMEDIUMTYPE) &&
				    step->u.lease.busy == CACHE_BUSY_COLD;
}

/* What is known of a slot now that it was ours; the plan goes on as if it had never been. */
static void learn_unfit(struct planning *planning, const struct plan_step *step)
{
	struct facts_pool *pool = &planning->facts.pool;
	const char *path = step->u.lease.given_up, *name;
	struct facts_slot *slot = NULL;

	for (size_t i = 0; i < pool->n_slots && !slot; i++)
		if (str_equal(pool->slots[i].path, path))
			slot = &pool->slots[i];
	if (!slot) { /* made since we looked */
		name = strrchr(path, '/');
		slot = arena_push(&planning->arena, (void **) &pool->slots, &pool->n_slots,
				  sizeof(*slot));
		slot->path = path;
		slot->name = name ? name + 1 : path;
		slot->last_used = -1;
	}
	slot->unfit = step->u.lease.unfit;
	pool->lease = NULL;
	planning->facts.storage.storage_path = (struct facts_directory){ .path = NULL };
}

/* Sleep, but not through a signal that ends the start: those are blocked, and stay pending. */
static void doze(int signals, int timeout_ms)
{
	struct pollfd pending = { .fd = signals, .events = POLLIN };

	(void) poll(&pending, 1, timeout_ms);
}

/* Until a slot is ours, or something else than others' leases is in the way. PASS_END: told to
 * stop. */
static enum pass wait_for_slot(struct start *start, const struct plan_step *step, int *ret_result,
			       int *ret_status, struct error *err)
{
	int64_t began = clock_now_ms();
	auto_close int signals = -EBADF;
	int pause_ms = RETRY_FIRST_MS;
	sigset_t ending;

	log_line(LOG_LEVEL_NOTICE, step->code, "%s; waiting for one", err->message);
	start_ending_signals(&ending);
	signals = signalfd(-1, &ending, SFD_CLOEXEC | SFD_NONBLOCK);
	do {
		if (start_told_to_stop(start, ret_status))
			return PASS_END;
		doze(signals, pause_ms);
		pause_ms = pause_ms * 2 > RETRY_MAX_MS ? RETRY_MAX_MS : pause_ms * 2;
		*ret_result = apply_step(&start->context, step, err);
	} while (*ret_result == -EWOULDBLOCK);
	if (*ret_result == 0)
		log_line(LOG_LEVEL_NOTICE, step->code, "%s is ours after %lld ms",
			 start->context.lease_path, (long long) (clock_now_ms() - began));
	return PASS_DONE;
}

enum pass start_lease(struct start *start, const struct plan_step *step, int *ret_status)
{
	struct error err = ERROR_INIT;
	int r;

	if (step->u.lease.given_up)
		learn_unfit(&start->planning, step);
	r = apply_step(&start->context, step, &err);
	if (r == -EWOULDBLOCK && step->u.lease.busy == CACHE_BUSY_WAIT &&
	    wait_for_slot(start, step, &r, ret_status, &err) == PASS_END)
		return PASS_END;
	if (*start->context.notice)
		log_line(LOG_LEVEL_INFO, step->code, "%s", start->context.notice);
	if (r < 0)
		learn(start, step, &err);
	else
		planning_leased(&start->planning, start->cli, start->context.lease_path);
	return PASS_REPLAN;
}
