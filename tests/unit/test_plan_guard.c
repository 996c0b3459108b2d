/* SPDX-License-Identifier: Apache-2.0 */
/* What a start that is cut off leaves: guarded on every rung, where the data root is. */
#include "plan_storage_fixture.h"

#define KEY "guard-start"

static void assert_guarded(struct machine *m, const char *data_root, const char *after)
{
	const struct plan_step *step, *before;

	machine_plan(m);
	ck_assert_uint_eq(m->plan.n_trials + m->plan.n_refusals, 0);
	ck_assert_uint_eq(count_steps(m, STEP_GUARD_START), 1);
	step = the_step_with_key(m, KEY);
	before = the_step_with_key(m, after);
	ck_assert(before < step);
	ck_assert_str_eq(step->u.guard.database,
			 arena_printf(&m->arena, "%s/network/files/local-kv.db", data_root));
	ck_assert_str_eq(step->u.guard.copy,
			 arena_printf(&m->arena, "%s/.dind-network.db", data_root));
	ck_assert_str_eq(step->u.guard.mark,
			 arena_printf(&m->arena, "%s/.dind-starting", data_root));
	ck_assert_ptr_eq(m->plan.start_mark, step->u.guard.mark);
	/* a disk that is full, or whatever: the engine starts all the same */
	ck_assert_int_eq(step->on_fail, FAIL_DEGRADE);
	ck_assert_str_eq(step->code, "DIND-STORAGE-26");
}

START_TEST(on_every_rung)
{
	struct machine m;

	machine_with_volume(&m);
	assert_guarded(&m, DATA_ROOT, "storage-lock");
	machine_free(&m);

	machine_with_path(&m);
	path_trial(&m, TRI_YES);
	assert_guarded(&m, DATA_ROOT, "storage-bind");
	machine_free(&m);

	/* not before the file system with the data base is there */
	machine_init(&m);
	machine_overlay(&m, TRI_NO);
	assert_guarded(&m, DATA_ROOT, "storage-loop");
	machine_free(&m);
}
END_TEST

START_TEST(where_the_data_is)
{
	struct machine m;

	machine_with_volume(&m);
	m.options.data_root = "/srv/docker";
	m.facts.storage.data_root.path = "/srv/docker";
	(void) machine_trial(&m, TRIAL_OVERLAY, "/srv/docker", TRI_YES, 0, NULL);
	assert_guarded(&m, "/srv/docker", "storage-lock");
	machine_free(&m);
}
END_TEST

START_TEST(not_before_storage_is_decided)
{
	struct machine m;

	machine_init(&m);
	m.facts.n_trials = 0;
	machine_plan(&m);
	ck_assert_uint_gt(m.plan.n_trials, 0);
	ck_assert_uint_eq(count_steps(&m, STEP_GUARD_START), 0);
	ck_assert_ptr_null(m.plan.start_mark);
	machine_free(&m);
}
END_TEST

int main(void)
{
	TCase *tc = tcase_create("guard");

	tcase_add_test(tc, on_every_rung);
	tcase_add_test(tc, where_the_data_is);
	tcase_add_test(tc, not_before_storage_is_decided);
	return run_suite(tc);
}
