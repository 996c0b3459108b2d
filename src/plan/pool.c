/* SPDX-License-Identifier: Apache-2.0 */
/* A pool of warm caches: which slots are tried in which order. Which one it is, only the lease
 * tells; then the slot is our storage path, and the ladder does the rest. */
#include <string.h>

#include "dind/str.h"
#include "planner.h"

#define LEASE_KEY "pool-lease"

static const struct facts_pool *pool_of(const struct planner *p)
{
	return &p->facts->pool;
}

static const char *pool_path(const struct planner *p)
{
	return pool_of(p)->directory.path ? pool_of(p)->directory.path : p->options->cache_pool;
}

static const char *volume_flag(struct planner *p)
{
	return arena_printf(p->arena, "-v NAME:%s", pool_path(p));
}

/* The number of "slot-7", 0 for anything else. */
static int slot_number(const struct facts_slot *slot)
{
	static const char prefix[] = "slot-";
	int number;

	if (!slot->name || !str_has_prefix(slot->name, prefix) ||
	    str_parse_int(slot->name + strlen(prefix), 1, INT32_MAX, &number) < 0)
		return 0;
	return number;
}

/* ---- before the lease -------------------------------------------------------------------------
 */

static bool is_unusable(struct planner *p)
{
	const struct facts_directory *directory = &pool_of(p)->directory;
	const char *path = pool_path(p);

	if (directory->exists == TRI_UNKNOWN && directory->writable.error) {
		planner_refuse(p, CODE_POOL_UNUSABLE, STATUS_OSERR,
			       "mend the file system below it, or leave --cache-pool out",
			       "%s of --cache-pool does not answer%s", path,
			       planner_evidence(p, &directory->writable, NULL));
		return true;
	}
	if (directory->writable.value == TRI_NO) {
		planner_refuse(p, CODE_POOL_UNUSABLE, STATUS_CONFIG,
			       "mount it writable, or leave --cache-pool out",
			       "%s of --cache-pool is not writable%s", path,
			       planner_evidence(p, &directory->writable, NULL));
		return true;
	}
	return false;
}

/* One that was written to is worth more than an empty one, and the last one used more than an older
 * one: the more of what the next job needs is there. */
static bool is_warmer(const struct facts_slot *a, const struct facts_slot *b)
{
	if ((a->empty == TRI_YES) != (b->empty == TRI_YES))
		return b->empty == TRI_YES;
	if (a->empty != TRI_YES && a->last_used != b->last_used)
		return a->last_used > b->last_used;
	return slot_number(a) < slot_number(b);
}

/* Known from an earlier plan, or the one that is ours and of no use. */
static bool is_unfit(const struct planner *p, const struct facts_slot *slot)
{
	return slot->unfit || (p->slot_unfit && str_equal(slot->path, pool_of(p)->lease));
}

static const char *const *unfit_slots(struct planner *p)
{
	const struct facts_pool *pool = pool_of(p);
	struct strings paths = STRINGS_INIT;

	if (p->slot_unfit)
		strings_add(p->arena, &paths, pool->lease);
	for (size_t i = 0; i < pool->n_slots; i++)
		if (pool->slots[i].unfit)
			strings_add(p->arena, &paths, pool->slots[i].path);
	return paths.items;
}

static const struct facts_slot *warmest(struct planner *p, const bool *taken, bool leased)
{
	const struct facts_pool *pool = pool_of(p);
	const struct facts_slot *best = NULL;

	for (size_t i = 0; i < pool->n_slots; i++) {
		const struct facts_slot *slot = &pool->slots[i];
		int number = slot_number(slot);

		if (taken[i] || number == 0 || number > p->options->cache_slots ||
		    is_unfit(p, slot) || (slot->leased == TRI_YES) != leased)
			continue;
		if (!best || is_warmer(slot, best))
			best = slot;
	}
	return best;
}

/* Those known to be leased come last and not never: what is known of them is a moment old. */
static const char *const *slots_in_order(struct planner *p)
{
	const struct facts_pool *pool = pool_of(p);
	bool *taken = arena_alloc(p->arena, (pool->n_slots + 1) * sizeof(*taken));
	const char **paths = arena_alloc(p->arena, (pool->n_slots + 1) * sizeof(*paths));
	const struct facts_slot *slot;
	size_t n = 0;

	for (int leased = 0; leased <= 1; leased++)
		while ((slot = warmest(p, taken, leased == 1))) {
			taken[slot - pool->slots] = true;
			paths[n++] = slot->path;
		}
	return paths;
}

static void hint_beyond(struct planner *p)
{
	const struct facts_pool *pool = pool_of(p);
	uint64_t bytes = 0;
	int beyond = 0;

	for (size_t i = 0; i < pool->n_slots; i++) {
		if (slot_number(&pool->slots[i]) <= p->options->cache_slots)
			continue;
		beyond++;
		bytes += pool->slots[i].bytes;
	}
	if (beyond)
		planner_hint(p, CODE_POOL_BEYOND, NULL,
			     "%d slot%s of %s beyond --cache-slots %d %s not used%s%s", beyond,
			     beyond == 1 ? "" : "s", pool_path(p), p->options->cache_slots,
			     beyond == 1 ? "is" : "are", bytes ? " and keep at least " : "",
			     bytes ? planner_size(p, bytes) : "");
}

/* A pool in the container's own layer is nobody else's, and gone with the container. */
static void hint_layer(struct planner *p)
{
	const struct facts_directory *directory = &pool_of(p)->directory;

	if (str_equal(directory->mount_target, "/") && str_equal(directory->fs_name, "overlay"))
		planner_hint(p, CODE_POOL_LAYER, volume_flag(p),
			     "%s is in this container's own layer: no other agent can share the "
			     "pool, and it is gone with the container",
			     pool_path(p));
}

/* ---- after it ---------------------------------------------------------------------------------
 */

static void explain_lease(struct planner *p)
{
	const struct facts_pool *pool = pool_of(p);

	p->plan->clean = true;
	for (size_t i = 0; i < pool->n_slots; i++) {
		const struct facts_slot *slot = &pool->slots[i];

		if (!str_equal(slot->path, pool->lease) || slot->empty == TRI_YES)
			continue;
		planner_decide(p, CODE_POOL_DECISION, "leased %s%s%s%s", pool->lease,
			       slot->bytes ? ", with " : ", with what is in it",
			       slot->bytes ? planner_size(p, slot->bytes) : "",
			       slot->bytes ? " in it" : "");
		return;
	}
	planner_decide(p, CODE_POOL_DECISION, "leased %s, which is empty", pool->lease);
}

/* Nothing of it is lost: an engine that can use it finds it as it was. */
static void hint_unfit(struct planner *p)
{
	const struct facts_pool *pool = pool_of(p);

	for (size_t i = 0; i < pool->n_slots; i++)
		if (pool->slots[i].unfit)
			planner_hint(p, CODE_POOL_UNFIT,
				     arena_printf(p->arena,
						  "remove %s if nobody needs its images any more",
						  pool->slots[i].path),
				     "another slot is taken: %s", pool->slots[i].unfit);
}

bool planner_give_up_slot(struct planner *p, const struct facts_directory *home, const char *why)
{
	if (!str_equal(home->path, pool_of(p)->lease))
		return false;
	p->slot_unfit = why;
	return true;
}

static void explain_cold(struct planner *p)
{
	const struct facts_failure *failure = facts_find_failure(p->facts, LEASE_KEY);

	planner_hint(p, CODE_POOL_COLD,
		     "allow more with --cache-slots, or wait for one with --cache-busy wait",
		     "this start has no warm cache: %s",
		     failure && failure->message ? failure->message : "no slot was free");
}

static const char *unfit_reasons(struct planner *p)
{
	const struct facts_pool *pool = pool_of(p);
	struct strings reasons = STRINGS_INIT;

	for (size_t i = 0; i < pool->n_slots; i++)
		if (pool->slots[i].unfit)
			strings_add(p->arena, &reasons, pool->slots[i].unfit);
	return strings_join(p->arena, &reasons, "; ");
}

/* True when the lease was tried in vain, which ends the start. */
static bool is_refused(struct planner *p)
{
	const struct facts_failure *failure = facts_find_failure(p->facts, LEASE_KEY);

	if (!failure)
		return false;
	if (failure->error == EMEDIUMTYPE)
		planner_refuse(p, CODE_POOL_UNUSABLE, STATUS_CONFIG,
			       "remove one of them, or allow more with --cache-slots", "%s: %s",
			       failure->message ? failure->message : "no slot can be used",
			       unfit_reasons(p));
	else if (failure->error == EWOULDBLOCK)
		planner_refuse(p, CODE_POOL_BUSY, STATUS_TEMPFAIL,
			       "try later, allow more with --cache-slots, or let --cache-busy be "
			       "wait or cold",
			       "%s", failure->message);
	else
		planner_refuse(p, CODE_POOL_UNUSABLE,
			       failure->error == ENOSPC || failure->error == EIO ? STATUS_OSERR
										 : STATUS_CONFIG,
			       arena_printf(p->arena,
					    "a writable directory that knows locks: %s; or leave "
					    "--cache-pool out",
					    volume_flag(p)),
			       "no slot can be leased: %s",
			       failure->message ? failure->message
						: planner_errno(p, failure->error));
	return true;
}

bool plan_pool(struct planner *p)
{
	if (!p->options->cache_pool)
		return true;
	hint_layer(p);
	hint_unfit(p);
	if (pool_of(p)->lease) {
		explain_lease(p);
		hint_beyond(p);
		return true;
	}
	if (pool_of(p)->cold) {
		explain_cold(p);
		return true;
	}
	p->lease_wanted = !is_refused(p) && !is_unusable(p);
	return false;
}

void plan_pool_lease(struct planner *p)
{
	struct plan_step *step = planner_step(
		p, STEP_LEASE, LEASE_KEY,
		"one engine at a time has a slot, the warmest that is free; what follows depends "
		"on which one it is");

	step->u.lease.pool = pool_path(p);
	step->u.lease.slots = slots_in_order(p);
	step->u.lease.max_slots = p->options->cache_slots;
	step->u.lease.busy = p->options->cache_busy;
	step->u.lease.holder = planner_holder(p);
	step->u.lease.avoid = unfit_slots(p);
	step->u.lease.given_up = p->slot_unfit ? pool_of(p)->lease : NULL;
	step->u.lease.unfit = p->slot_unfit;
	planner_or_replan(step, CODE_POOL_LEASE);
}
