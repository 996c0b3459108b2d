/* SPDX-License-Identifier: Apache-2.0 */
/* The line of ready says what is, not what was planned. */
#include "cli/start.h"

#include "plan_fixture.h"

static struct machine m;
static struct apply_context context;

static const char *summary(uint64_t degraded)
{
	return start_summary(&m.arena, &m.plan, &context, degraded);
}

static uint64_t bit(enum plan_step_kind kind)
{
	return UINT64_C(1) << kind;
}

START_TEST(what_was_done_is_said)
{
	ck_assert_str_eq(summary(0), "overlay2, as-is, cgroup hybrid, limits hold, seccomp and "
				     "capabilities, engine under a seccomp filter, host unchanged");
	/* a step of another kind takes nothing back */
	ck_assert_str_eq(summary(bit(STEP_DEVICE)), summary(0));
}
END_TEST

static const struct {
	enum plan_step_kind kind;
	const char *said, *not_said;
} losses[] = {
	{ STEP_CONFINE, "engine not confined", "under a seccomp filter" },
	{ STEP_SELINUX_HIDE, "SELinux not hidden from the engine", NULL },
	{ STEP_APPARMOR, "no AppArmor profile", "seccomp and capabilities" },
	{ STEP_CGROUP_NEST, "limits hold, none for single inner containers,", NULL },
};

START_TEST(what_was_done_without_is_not)
{
	ck_assert_has_not(summary(0), losses[_i].said);
	ck_assert_has(summary(bit(losses[_i].kind)), losses[_i].said);
	if (losses[_i].not_said) {
		ck_assert_has(summary(0), losses[_i].not_said);
		ck_assert_has_not(summary(bit(losses[_i].kind)), losses[_i].not_said);
	}
}
END_TEST

START_TEST(controllers_that_were_refused_are_named)
{
	(void) snprintf(context.cgroup_refused, sizeof(context.cgroup_refused), "misc (ENOENT)");
	ck_assert_has_not(summary(0), "misc");
	(void) snprintf(context.cgroup_refused, sizeof(context.cgroup_refused), "memory (EBUSY)");
	context.cgroup_refused_usual = true;
	ck_assert_has(summary(0),
		      "limits hold, none for single inner containers by memory (EBUSY),");
}
END_TEST

static void begin(void)
{
	machine_with_volume(&m);
	machine_plan(&m);
	apply_context_init(&context);
}

static void end(void)
{
	machine_free(&m);
}

int main(void)
{
	TCase *tc = tcase_create("summary");

	tcase_add_checked_fixture(tc, begin, end);
	tcase_add_test(tc, what_was_done_is_said);
	tcase_add_loop_test(tc, what_was_done_without_is_not, 0, ARRAY_SIZE(losses));
	tcase_add_test(tc, controllers_that_were_refused_are_named);
	return run_suite(tc);
}
