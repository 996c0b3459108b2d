/* SPDX-License-Identifier: Apache-2.0 */
/* A pool of caches: which slots are tried in which order, and what becomes of the answer. */
#include "plan_fixture.h"

#define POOL "/cache"

static struct machine machine;

static struct facts_slot *add_slot(int number, int64_t last_used)
{
	struct facts_pool *pool = &machine.facts.pool;
	struct facts_slot *slot =
		arena_push(&machine.arena, (void **) &pool->slots, &pool->n_slots, sizeof(*slot));

	slot->name = arena_printf(&machine.arena, "slot-%d", number);
	slot->path = arena_printf(&machine.arena, POOL "/slot-%d", number);
	slot->last_used = last_used;
	slot->leased = TRI_NO;
	slot->empty = TRI_NO;
	return slot;
}

static void begin(void)
{
	machine_init(&machine);
	(void) machine_mount(&machine, POOL, "ext4");
	machine.options.cache_pool = POOL;
	machine.facts.engine.client = "/usr/libexec/dind-init/dind-client";
	machine.options.cache_slots = 8;
	machine.facts.pool.directory = machine_directory(POOL, "ext4");
	machine.facts.pool.directory.mount_target = POOL;
	machine.facts.pool.directory.is_mount_point = TRI_YES;
}

static const struct plan_step *the_lease(void)
{
	machine_plan(&machine);
	ck_assert_uint_eq(machine.plan.n_refusals, 0);
	ck_assert_uint_eq(machine.plan.n_trials, 0);
	/* what comes after it hangs on which slot it is */
	ck_assert_uint_eq(machine.plan.n_steps, 1);
	ck_assert_int_eq(machine.plan.steps[0].kind, STEP_LEASE);
	ck_assert_int_eq(machine.plan.steps[0].on_fail, FAIL_REPLAN);
	ck_assert(!machine.plan.engine.wanted);
	return &machine.plan.steps[0];
}

static const char *order(void)
{
	return argv_text(&machine, the_lease()->u.lease.slots);
}

START_TEST(lease_comes_first_and_alone)
{
	const struct plan_step *step;

	begin();
	machine.facts.pool.directory.exists = TRI_NO;
	machine.options.cache_busy = CACHE_BUSY_WAIT;
	step = the_lease();
	ck_assert_str_eq(step->u.lease.pool, POOL);
	ck_assert_int_eq(step->u.lease.max_slots, 8);
	ck_assert_int_eq(step->u.lease.busy, CACHE_BUSY_WAIT);
	ck_assert_has(step->u.lease.holder, "host box");
	ck_assert_str_eq(order(), "");
	ck_assert(!machine.plan.clean);
}
END_TEST

START_TEST(without_a_pool_nothing_changes)
{
	machine_with_volume(&machine);
	machine_plan(&machine);
	ck_assert_uint_eq(count_steps(&machine, STEP_LEASE), 0);
	ck_assert(machine.plan.engine.wanted);
	ck_assert(!machine.plan.clean);
}
END_TEST

START_TEST(warmest_free_one_first)
{
	begin();
	(void) add_slot(1, 100);
	(void) add_slot(2, 300);
	(void) add_slot(3, 200);
	ck_assert_str_eq(order(), POOL "/slot-2 " POOL "/slot-3 " POOL "/slot-1");
	/* used last, but nothing is in it: a start that was killed */
	machine.facts.pool.slots[1].empty = TRI_YES;
	ck_assert_str_eq(order(), POOL "/slot-3 " POOL "/slot-1 " POOL "/slot-2");
	/* whoever has it may be gone by then */
	machine.facts.pool.slots[2].leased = TRI_YES;
	ck_assert_str_eq(order(), POOL "/slot-1 " POOL "/slot-2 " POOL "/slot-3");
}
END_TEST

START_TEST(of_equals_the_lower_number_and_unknown_times_last)
{
	begin();
	(void) add_slot(10, 5);
	machine.options.cache_slots = 20;
	(void) add_slot(9, 5);
	(void) add_slot(3, -1);
	(void) add_slot(2, 0);
	machine.facts.pool.slots[0].empty = TRI_UNKNOWN;
	ck_assert_str_eq(order(), POOL "/slot-9 " POOL "/slot-10 " POOL "/slot-2 " POOL "/slot-3");
	for (size_t i = 0; i < 4; i++)
		machine.facts.pool.slots[i].empty = TRI_YES;
	ck_assert_str_eq(order(), POOL "/slot-2 " POOL "/slot-3 " POOL "/slot-9 " POOL "/slot-10");
}
END_TEST

START_TEST(slots_beyond_the_number_are_left_alone)
{
	begin();
	machine.options.cache_slots = 2;
	(void) add_slot(1, 1);
	(void) add_slot(2, 2);
	add_slot(3, 3)->bytes = 5 * GIB;
	(void) add_slot(40, 4);
	ck_assert_str_eq(order(), POOL "/slot-2 " POOL "/slot-1");
	ck_assert_int_eq(the_lease()->u.lease.max_slots, 2);
	/* said once it is known what is used */
	machine.facts.pool.lease = POOL "/slot-2";
	machine.facts.storage.storage_path = machine_directory(POOL "/slot-2", "ext4");
	(void) machine_trial(&machine, TRIAL_OVERLAY, POOL "/slot-2", TRI_YES, 0, NULL);
	machine_plan(&machine);
	ck_assert_has(the_hint(&machine, "DIND-POOL-07")->fact, "2 slots of /cache beyond");
	ck_assert_has(the_hint(&machine, "DIND-POOL-07")->fact, "5.0 GiB");
}
END_TEST

START_TEST(leased_slot_is_the_storage_path)
{
	begin();
	add_slot(2, 2)->bytes = 3 * GIB;
	machine.facts.pool.lease = POOL "/slot-2";
	machine.facts.storage.storage_path = machine_directory(POOL "/slot-2", "ext4");
	(void) machine_trial(&machine, TRIAL_OVERLAY, POOL "/slot-2", TRI_YES, 0, NULL);
	machine_plan(&machine);
	ck_assert_uint_eq(machine.plan.n_refusals, 0);
	ck_assert_uint_eq(machine.plan.n_trials, 0);
	ck_assert_uint_eq(count_steps(&machine, STEP_LEASE), 0);
	ck_assert_int_eq(machine.plan.storage.rung, RUNG_VOLUME);
	ck_assert_str_eq(the_step_with_key(&machine, "storage-bind")->u.bind.source,
			 POOL "/slot-2");
	ck_assert_str_eq(the_step_with_key(&machine, "storage-volume-lock")->u.lock.path,
			 POOL "/slot-2/.dind-lock");
	ck_assert_str_eq(the_decision(&machine, "DIND-POOL-01")->fact,
			 "leased /cache/slot-2, with 3.0 GiB in it");
	/* whoever had it before may have left containers */
	ck_assert(machine.plan.clean);
	ck_assert(machine.plan.engine.wanted);
}
END_TEST

START_TEST(leased_slot_that_overlay_cannot_use_holds_an_image)
{
	begin();
	machine.facts.pool.lease = POOL "/slot-1";
	machine.facts.storage.storage_path = machine_directory(POOL "/slot-1", "nfs4");
	(void) machine_trial(&machine, TRIAL_OVERLAY, POOL "/slot-1", TRI_NO, EINVAL, NULL);
	machine_overlay(&machine, TRI_NO);
	machine_plan(&machine);
	ck_assert_uint_eq(machine.plan.n_trials, 0);
	ck_assert_int_eq(machine.plan.storage.rung, RUNG_VOLUME);
	ck_assert_str_eq(machine.plan.storage.image, POOL "/slot-1/data.img");
	ck_assert_str_eq(the_decision(&machine, "DIND-POOL-01")->fact,
			 "leased /cache/slot-1, which is empty");
}
END_TEST

START_TEST(cold_is_the_ordinary_ladder)
{
	begin();
	(void) add_slot(1, 1);
	machine_failure(&machine, "pool-lease", EWOULDBLOCK,
			"all of /cache are leased: slot-1 by container abc", "slot-1");
	machine.facts.pool.cold = true;
	machine_overlay(&machine, TRI_YES);
	machine_plan(&machine);
	ck_assert_uint_eq(machine.plan.n_refusals, 0);
	ck_assert_uint_eq(count_steps(&machine, STEP_LEASE), 0);
	ck_assert_int_eq(machine.plan.storage.rung, RUNG_AS_IS);
	ck_assert_has(the_hint(&machine, "DIND-POOL-03")->fact, "slot-1 by container abc");
	ck_assert_has(the_hint(&machine, "DIND-POOL-03")->remedy, "--cache-busy wait");
	ck_assert(!machine.plan.clean);
}
END_TEST

START_TEST(busy_pool_ends_the_start_where_that_was_asked_for)
{
	begin();
	machine.options.cache_busy = CACHE_BUSY_FAIL;
	machine_failure(&machine, "pool-lease", EWOULDBLOCK,
			"all of /cache are leased: slot-1 by container abc", "slot-1");
	machine_plan(&machine);
	ck_assert_int_eq(the_refusal(&machine, "DIND-POOL-02")->status, STATUS_TEMPFAIL);
	ck_assert_has(the_refusal(&machine, "DIND-POOL-02")->fact, "slot-1 by container abc");
	ck_assert_uint_eq(machine.plan.n_refusals, 1);
	ck_assert_uint_eq(machine.plan.n_trials, 0);
}
END_TEST

START_TEST(lease_that_fails_ends_the_start)
{
	static const struct {
		int error, status;
	} cases[] = { { EROFS, STATUS_CONFIG },
		      { ENOLCK, STATUS_CONFIG },
		      { ENOENT, STATUS_CONFIG },
		      { ENOSPC, STATUS_OSERR } };

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		begin();
		/* without a warm cache, but with the wish for one: not in silence */
		machine_failure(&machine, "pool-lease", cases[i].error, "it failed", NULL);
		machine_plan(&machine);
		ck_assert_int_eq(the_refusal(&machine, "DIND-POOL-04")->status, cases[i].status);
		ck_assert_has(the_refusal(&machine, "DIND-POOL-04")->remedy, "-v NAME:/cache");
		machine_free(&machine);
	}
	begin();
}
END_TEST

START_TEST(pool_that_cannot_be_used_is_refused_before_it_is_touched)
{
	begin();
	machine.facts.pool.directory.writable = (struct fact){ TRI_NO, EROFS, POOL };
	machine_plan(&machine);
	ck_assert_int_eq(the_refusal(&machine, "DIND-POOL-04")->status, STATUS_CONFIG);
	ck_assert_has(the_refusal(&machine, "DIND-POOL-04")->fact, "not writable (EROFS");
	ck_assert_uint_eq(count_steps(&machine, STEP_LEASE), 0);
	machine_free(&machine);

	begin(); /* a dead server */
	machine.facts.pool.directory.exists = TRI_UNKNOWN;
	machine.facts.pool.directory.writable = (struct fact){ TRI_UNKNOWN, ETIMEDOUT, POOL };
	machine_plan(&machine);
	ck_assert_int_eq(the_refusal(&machine, "DIND-POOL-04")->status, STATUS_OSERR);
	ck_assert_has(the_refusal(&machine, "DIND-POOL-04")->fact, "does not answer (ETIMEDOUT");
	ck_assert_uint_eq(count_steps(&machine, STEP_LEASE), 0);
}
END_TEST

START_TEST(pool_without_a_volume_is_nobody_elses)
{
	begin();
	machine.facts.pool.directory = machine_directory(POOL, "overlay");
	machine.facts.pool.directory.exists = TRI_NO;
	(void) the_lease();
	ck_assert_has(the_hint(&machine, "DIND-POOL-06")->remedy, "-v NAME:/cache");
	machine.facts.pool.directory = machine_directory(POOL, "ext4");
	machine.facts.pool.directory.mount_target = POOL;
	(void) the_lease();
	ck_assert_ptr_null(hint(&machine, "DIND-POOL-06"));
}
END_TEST

START_TEST(other_refusals_come_first)
{
	begin();
	machine.facts.engine.dockerd = NULL;
	machine_plan(&machine);
	ck_assert_ptr_nonnull(refusal(&machine, "DIND-ENGINE-01"));
	machine_free(&machine);

	begin(); /* not privileged: nothing of the pool is said */
	machine.facts.privileges.cap_effective = 0;
	machine.facts.pool.directory.writable = (struct fact){ TRI_NO, EROFS, POOL };
	machine_plan(&machine);
	ck_assert_uint_gt(machine.plan.n_refusals, 0);
	ck_assert_ptr_null(refusal(&machine, "DIND-POOL-04"));
	ck_assert_uint_eq(count_steps(&machine, STEP_LEASE), 0);
}
END_TEST

/* Ours, and what another engine left in it cannot be used here. */
static void lease_unfit(void)
{
	begin();
	(void) add_slot(1, 100);
	(void) add_slot(2, 300);
	(void) add_slot(3, 200);
	machine.facts.pool.lease = POOL "/slot-2";
	machine.facts.storage.storage_path = machine_directory(POOL "/slot-2", "ext4");
	strings_add(&machine.arena, &machine.facts.storage.storage_path.drivers, "devicemapper");
}

START_TEST(slot_whose_driver_cannot_work_is_given_back_for_another)
{
	const struct plan_step *step;

	lease_unfit();
	step = the_lease();
	ck_assert_str_eq(step->u.lease.given_up, POOL "/slot-2");
	ck_assert_has(step->u.lease.unfit, "devicemapper, which cannot work");
	ck_assert_str_eq(argv_text(&machine, step->u.lease.avoid), POOL "/slot-2");
	ck_assert_str_eq(argv_text(&machine, step->u.lease.slots), POOL "/slot-3 " POOL "/slot-1");

	/* as the start has it then: given back, and the next one leased */
	machine.facts.pool.slots[1].unfit = step->u.lease.unfit;
	machine.facts.pool.lease = POOL "/slot-3";
	machine.facts.storage.storage_path = machine_directory(POOL "/slot-3", "ext4");
	(void) machine_trial(&machine, TRIAL_OVERLAY, POOL "/slot-3", TRI_YES, 0, NULL);
	machine_plan(&machine);
	ck_assert_uint_eq(machine.plan.n_refusals, 0);
	ck_assert_uint_eq(count_steps(&machine, STEP_LEASE), 0);
	ck_assert_has(the_hint(&machine, "DIND-POOL-08")->fact,
		      "another slot is taken: /cache/slot-2 holds data of the storage driver "
		      "devicemapper");
	ck_assert_has(the_hint(&machine, "DIND-POOL-08")->remedy, "remove /cache/slot-2");
}
END_TEST

START_TEST(slot_of_another_driver_than_asked_for_is_given_back)
{
	lease_unfit();
	machine.facts.storage.storage_path.drivers = (struct strings) STRINGS_INIT;
	strings_add(&machine.arena, &machine.facts.storage.storage_path.drivers, "overlay2");
	machine.options.storage_driver = "vfs";
	ck_assert_str_eq(the_lease()->u.lease.given_up, POOL "/slot-2");
	ck_assert_has(the_lease()->u.lease.unfit, "which vfs would not see");
}
END_TEST

START_TEST(when_no_slot_can_be_used_the_user_chooses_what_comes_of_it)
{
	lease_unfit();
	machine.facts.pool.lease = NULL;
	machine.facts.storage.storage_path = (struct facts_directory){ .path = NULL };
	machine.facts.pool.slots[1].unfit = "/cache/slot-2 is of no use";
	machine_failure(&machine, "pool-lease", EMEDIUMTYPE, "all of /cache hold data", NULL);
	machine_plan(&machine);
	ck_assert_int_eq(the_refusal(&machine, "DIND-POOL-04")->status, STATUS_CONFIG);
	ck_assert_has(the_refusal(&machine, "DIND-POOL-04")->remedy, "--cache-slots");
	machine.facts.pool.cold = true;
	machine_overlay(&machine, TRI_YES);
	machine_plan(&machine);
	ck_assert_uint_eq(machine.plan.n_refusals, 0);
	ck_assert_int_eq(machine.plan.storage.rung, RUNG_AS_IS);
	ck_assert_has(the_hint(&machine, "DIND-POOL-03")->fact, "all of /cache hold data");
}
END_TEST

static void end(void)
{
	machine_free(&machine);
}

int main(void)
{
	TCase *tcase = tcase_create("pool");

	tcase_add_checked_fixture(tcase, NULL, end);
	tcase_add_test(tcase, lease_comes_first_and_alone);
	tcase_add_test(tcase, without_a_pool_nothing_changes);
	tcase_add_test(tcase, warmest_free_one_first);
	tcase_add_test(tcase, of_equals_the_lower_number_and_unknown_times_last);
	tcase_add_test(tcase, slots_beyond_the_number_are_left_alone);
	tcase_add_test(tcase, leased_slot_is_the_storage_path);
	tcase_add_test(tcase, leased_slot_that_overlay_cannot_use_holds_an_image);
	tcase_add_test(tcase, cold_is_the_ordinary_ladder);
	tcase_add_test(tcase, busy_pool_ends_the_start_where_that_was_asked_for);
	tcase_add_test(tcase, lease_that_fails_ends_the_start);
	tcase_add_test(tcase, pool_that_cannot_be_used_is_refused_before_it_is_touched);
	tcase_add_test(tcase, pool_without_a_volume_is_nobody_elses);
	tcase_add_test(tcase, other_refusals_come_first);
	tcase_add_test(tcase, slot_whose_driver_cannot_work_is_given_back_for_another);
	tcase_add_test(tcase, slot_of_another_driver_than_asked_for_is_given_back);
	tcase_add_test(tcase, when_no_slot_can_be_used_the_user_chooses_what_comes_of_it);
	return run_suite(tcase);
}
