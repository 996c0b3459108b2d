/* SPDX-License-Identifier: Apache-2.0 */
/* --confine: which calls the engine's tree is refused, and when it is none. */
#include <linux/capability.h>

#include "../../src/plan/planner.h"
#include "plan_fixture.h"

static bool has(const char *const *list, const char *name)
{
	for (; list && *list; list++)
		if (strcmp(*list, name) == 0)
			return true;
	return false;
}

static size_t length(const char *const *list)
{
	size_t n = 0;

	while (list && list[n])
		n++;
	return n;
}

static const char *const modules[] = { "init_module",	"finit_module",	   "delete_module",
				       "create_module", "get_kernel_syms", "query_module" };
static const char *const others[] = {
	"kexec_load", "kexec_file_load", "swapon", "swapoff", "settimeofday", "clock_settime",
	"stime",      "clock_settime64", "iopl",   "ioperm",  "acct",	      "open_by_handle_at",
};

START_TEST(the_list)
{
	struct machine m;
	const struct launch *engine, *containerd;
	const char *fact;

	machine_with_volume(&m);
	machine_plan(&m);
	engine = &m.plan.engine.launch;
	containerd = &m.plan.containerd.launch;
	for (size_t i = 0; i < ARRAY_SIZE(modules); i++)
		ck_assert_msg(has(engine->refused, modules[i]), "%s", modules[i]);
	for (size_t i = 0; i < ARRAY_SIZE(others); i++)
		ck_assert_msg(has(engine->refused, others[i]), "%s", others[i]);
	/* … and nothing else */
	ck_assert_uint_eq(length(engine->refused), ARRAY_SIZE(modules) + ARRAY_SIZE(others));
	/* the whole of the engine's tree */
	ck_assert(m.plan.containerd.wanted);
	ck_assert_ptr_eq(containerd->refused, engine->refused);
	ck_assert_ptr_eq(the_step_with_key(&m, "confine")->u.confine.refused, engine->refused);
	/* in one line, without what nobody calls any more */
	fact = the_decision(&m, "DIND-CONFINE-01")->fact;
	ck_assert_has(fact, "the engine's tree may not call kexec_load, kexec_file_load, "
			    "init_module, finit_module, delete_module, swapon,");
	ck_assert_has(fact, "open_by_handle_at of the host's kernel (EPERM)");
	ck_assert_has_not(fact, "query_module");
	ck_assert_has_not(fact, "stime");
	ck_assert_has_not(fact, "\n");
	/* not yet compiled, and no_new_privs would pass on to all inner containers */
	ck_assert_ptr_null(engine->filter);
	ck_assert(!engine->no_new_privs);
	/* capabilities are another matter */
	ck_assert_int_eq(engine->caps, LAUNCH_CAPS_KEEP);
	machine_free(&m);
}
END_TEST

/* Nobody but the engine's tree. */
START_TEST(command_is_not_confined)
{
	static const char *const command[] = { "make", "test", NULL };
	struct machine m;

	machine_with_volume(&m);
	m.options.workload = command;
	machine_plan(&m);
	ck_assert(m.plan.workload.wanted);
	ck_assert_ptr_null(m.plan.workload.launch.refused);
	ck_assert_ptr_null(m.plan.prepare.launch.refused);
	ck_assert_ptr_null(m.plan.watch.launch.refused);
	machine_free(&m);
}
END_TEST

static const struct {
	const char *target;
	bool allowed;
} mounts[] = {
	{ "/lib/modules", true },
	{ "/usr/lib/modules", true },
	{ "/lib/modules/6.1.0-30-amd64", true },
	{ "/lib/modules-load.d", false },
	{ "/lib", false }, /* an image's own volume: no sign of the host's modules */
	{ "/srv/lib/modules", false },
};

START_TEST(modules_are_allowed_when_they_were_brought)
{
	const char *const *refused;
	const char *fact;
	struct machine m;

	machine_with_volume(&m);
	(void) machine_mount(&m, mounts[_i].target, "ext4");
	machine_plan(&m);
	refused = m.plan.engine.launch.refused;
	fact = the_decision(&m, "DIND-CONFINE-01")->fact;
	for (size_t i = 0; i < ARRAY_SIZE(modules); i++)
		ck_assert_msg(has(refused, modules[i]) != mounts[_i].allowed, "%s", modules[i]);
	for (size_t i = 0; i < ARRAY_SIZE(others); i++)
		ck_assert_msg(has(refused, others[i]), "%s", others[i]);
	if (mounts[_i].allowed)
		ck_assert_has(fact, "; it may load modules, because /lib/modules is mounted in");
	else
		ck_assert_has_not(fact, "mounted in");
	machine_free(&m);
}
END_TEST

START_TEST(off)
{
	struct machine m;

	machine_with_volume(&m);
	m.options.confine = CONFINE_OFF;
	machine_plan(&m);
	ck_assert_ptr_null(m.plan.engine.launch.refused);
	ck_assert_ptr_null(m.plan.containerd.launch.refused);
	ck_assert_ptr_null(step_with_key(&m, "confine"));
	ck_assert_has(the_decision(&m, "DIND-CONFINE-01")->fact, "confine: off");
	machine_free(&m);
}
END_TEST

/* A kernel that refuses the filter does not keep the engine from starting. */
START_TEST(failure_degrades)
{
	const struct plan_step *step;
	struct machine m;

	machine_with_volume(&m);
	machine_plan(&m);
	step = the_step_with_key(&m, "confine");
	ck_assert_int_eq(step->on_fail, FAIL_DEGRADE);
	ck_assert_has(step->without, "seccomp filter");
	machine_free(&m);
}
END_TEST

static const struct {
	uint64_t caps;
	enum tri no_new_privs;
	bool possible;
} rights[] = {
	{ ALL_CAPS, TRI_NO, true },
	{ ALL_CAPS & ~CAP(CAP_SYS_ADMIN), TRI_NO, false },
	{ ALL_CAPS & ~CAP(CAP_SYS_ADMIN), TRI_UNKNOWN, false },
	{ ALL_CAPS & ~CAP(CAP_SYS_ADMIN), TRI_YES, true },
	{ CAP(CAP_SYS_ADMIN), TRI_NO, true },
};

/* Asked by itself: a plan without CAP_SYS_ADMIN is refused for better reasons. */
START_TEST(the_kernel_wants_a_right)
{
	struct machine m;
	struct planner p = { .options = &m.options,
			     .facts = &m.facts,
			     .arena = &m.arena,
			     .plan = &m.plan,
			     .privileged = true,
			     .caps_known = true,
			     .caps = rights[_i].caps };

	machine_with_volume(&m);
	m.facts.privileges.no_new_privs = rights[_i].no_new_privs;
	plan_confine(&p);
	plan_confine_step(&p);
	ck_assert_int_eq(p.refused != NULL, rights[_i].possible);
	ck_assert_uint_eq(count_steps(&m, STEP_CONFINE), rights[_i].possible);
	if (!rights[_i].possible)
		ck_assert_has(the_hint(&m, "DIND-CONFINE-02")->fact, "CAP_SYS_ADMIN");
	machine_free(&m);
}
END_TEST

START_TEST(nothing_is_said_beside_a_refusal)
{
	struct machine m;

	machine_with_volume(&m);
	m.facts.privileges.cap_effective = 0;
	machine_plan(&m);
	ck_assert_uint_gt(m.plan.n_refusals, 0);
	ck_assert_ptr_null(decision(&m, "DIND-CONFINE-01"));
	ck_assert_ptr_null(hint(&m, "DIND-CONFINE-02"));
	machine_free(&m);
}
END_TEST

int main(void)
{
	TCase *tcase = tcase_create("confine");

	tcase_add_test(tcase, the_list);
	tcase_add_test(tcase, command_is_not_confined);
	tcase_add_loop_test(tcase, modules_are_allowed_when_they_were_brought, 0,
			    (int) ARRAY_SIZE(mounts));
	tcase_add_test(tcase, off);
	tcase_add_test(tcase, failure_degrades);
	tcase_add_loop_test(tcase, the_kernel_wants_a_right, 0, (int) ARRAY_SIZE(rights));
	tcase_add_test(tcase, nothing_is_said_beside_a_refusal);
	return run_suite(tcase);
}
