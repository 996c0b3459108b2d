/* SPDX-License-Identifier: Apache-2.0 */
/* What confines inner containers, and that nothing of the host's policy is touched for it. */
#include <errno.h>

#include "plan_fixture.h"

#define MAC_ADMIN 33
#define ID	  "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"
#define NAME	  "dind-0123456789ab"

static struct machine m;

static void with_apparmor(void)
{
	machine_free(&m); /* a second one in the same test */
	machine_with_volume(&m);
	m.facts.identity.container_id = ID;
	m.facts.lsm.apparmor = TRI_YES;
	m.facts.lsm.apparmor_label = "unconfined";
	m.facts.lsm.apparmor_visible = TRI_NO;
	m.facts.lsm.apparmor_stack = TRI_UNKNOWN;
	m.facts.lsm.apparmor_parser = "/sbin/apparmor_parser";
	m.facts.lsm.securityfs = TRI_YES;
	m.facts.lsm.userns_restricted = TRI_NO;
	m.facts.lsm.mount_namespace = "4026532345";
}

static void teardown(void)
{
	machine_free(&m);
}

/* ---- AppArmor ---- */

static void assert_own_namespace(const char *name)
{
	const struct plan_step *step = the_step_with_key(&m, "apparmor-namespace");
	const char *wanted = arena_printf(&m.arena, "exec :%s:unconfined", name);

	ck_assert_int_eq(step->kind, STEP_APPARMOR);
	ck_assert_int_eq(step->on_fail, FAIL_REPLAN);
	ck_assert_str_eq(step->u.apparmor.name, name);
	ck_assert_str_eq(m.plan.engine.launch.apparmor_exec, wanted);
	ck_assert_str_eq(m.plan.containerd.launch.apparmor_exec, wanted);
	/* with it set, neither believes in AppArmor */
	ck_assert_ptr_null(launch_variable(&m.plan.engine.launch, "container"));
	ck_assert_ptr_null(launch_variable(&m.plan.containerd.launch, "container"));
	ck_assert_has(the_decision(&m, "DIND-LSM-01")->fact, name);
	ck_assert_has(the_decision(&m, "DIND-LSM-01")->fact, "nothing of the host's policy");
	ck_assert_str_eq(m.plan.confinement, "AppArmor docker-default");
}

static void assert_kept_away(const char *why)
{
	ck_assert_uint_eq(count_steps(&m, STEP_APPARMOR), 0);
	ck_assert_ptr_null(m.plan.engine.launch.apparmor_exec);
	ck_assert_ptr_null(m.plan.containerd.launch.apparmor_exec);
	ck_assert_str_eq(launch_variable(&m.plan.engine.launch, "container"), "docker");
	if (m.plan.containerd.wanted)
		ck_assert_str_eq(launch_variable(&m.plan.containerd.launch, "container"), "docker");
	ck_assert_has(the_decision(&m, "DIND-LSM-01")->fact, why);
	ck_assert_has(the_decision(&m, "DIND-LSM-01")->fact, "nothing of the host's policy");
	ck_assert_str_eq(m.plan.confinement, "no AppArmor profile");
}

START_TEST(the_engine_gets_a_namespace_named_after_the_container)
{
	static const char *const environment[] = { "PATH=/usr/bin", "container=podman", NULL };

	with_apparmor();
	machine_plan(&m);
	assert_own_namespace(NAME);
	ck_assert_ptr_null(hint(&m, "DIND-LSM-03"));
	ck_assert_ptr_null(hint(&m, "DIND-LSM-04"));

	/* the outer engine's own variable does not get through either */
	m.options.environment = environment;
	machine_plan(&m);
	assert_own_namespace(NAME);

	m.facts.identity.container_id = NULL;
	machine_plan(&m);
	assert_own_namespace("dind-m4026532345");
	m.facts.identity.container_id = "short";
	machine_plan(&m);
	assert_own_namespace("dind-m4026532345");
	m.facts.lsm.mount_namespace = NULL;
	machine_plan(&m);
	assert_kept_away("no name");

	with_apparmor();
	m.facts.lsm.apparmor_visible = TRI_YES;
	m.facts.lsm.apparmor_stack = TRI_YES;
	m.facts.lsm.securityfs = TRI_NO; /* not read: it is there */
	machine_plan(&m);
	assert_own_namespace(NAME);
}
END_TEST

START_TEST(command_is_in_it_unless_it_has_no_capabilities)
{
	static const char *const workload[] = { "apparmor_parser", "-r", NULL };

	with_apparmor();
	m.options.workload = workload;
	machine_plan(&m);
	assert_own_namespace(NAME);
	ck_assert_str_eq(m.plan.workload.launch.apparmor_exec, "exec :" NAME ":unconfined");
	m.options.user = "agent";
	m.facts.identity.user_found = TRI_YES;
	m.facts.identity.user_uid = m.facts.identity.user_gid = 1000;
	machine_plan(&m);
	assert_own_namespace(NAME);
	ck_assert(m.plan.workload.launch.set_user);
	ck_assert_ptr_null(m.plan.workload.launch.apparmor_exec);
	m.options.apparmor = APPARMOR_OFF;
	m.options.user = NULL;
	machine_plan(&m);
	assert_kept_away("--apparmor off");
	ck_assert_ptr_null(m.plan.workload.launch.apparmor_exec);
}
END_TEST

START_TEST(a_failure_leads_to_the_next_way)
{
	with_apparmor();
	machine_failure(&m, "apparmor-namespace", EACCES, "make the AppArmor namespace x: denied",
			NULL);
	machine_plan(&m);
	assert_kept_away("make the AppArmor namespace x: denied");
	ck_assert_ptr_null(hint(&m, "DIND-LSM-03"));
}
END_TEST

static const struct {
	const char *why;
	const char *label;
	enum tri stack, visible, securityfs;
	uint64_t missing;
	bool no_parser;
	const char *config_key, *flag;
	enum apparmor_mode mode;
} obstacles[] = {
	{ .why = "--apparmor off", .mode = APPARMOR_OFF },
	{ .why = "confined itself", .label = "some-profile (complain)" },
	{ .why = "confined itself", .label = "" },
	{ .why = "CAP_MAC_ADMIN", .missing = CAP(MAC_ADMIN) },
	{ .why = "no policy namespaces", .visible = TRI_YES, .stack = TRI_NO },
	{ .why = "no securityfs", .securityfs = TRI_NO },
	{ .why = "containerd", .config_key = "containerd" },
	{ .why = "containerd", .flag = "--containerd=/x.sock" },
	{ .why = "/sbin/apparmor_parser", .no_parser = true },
};

START_TEST(else_dockerd_is_kept_away)
{
	const char *flags[] = { obstacles[_i].flag, NULL };
	const char *is_known =
		obstacles[_i].label && *obstacles[_i].label ? obstacles[_i].label : "unconfined";

	with_apparmor();
	if (obstacles[_i].label)
		m.facts.lsm.apparmor_label = *obstacles[_i].label ? obstacles[_i].label : NULL;
	if (obstacles[_i].visible != TRI_UNKNOWN) {
		m.facts.lsm.apparmor_visible = obstacles[_i].visible;
		m.facts.lsm.apparmor_stack = obstacles[_i].stack;
	}
	if (obstacles[_i].securityfs != TRI_UNKNOWN)
		m.facts.lsm.securityfs = obstacles[_i].securityfs;
	if (!m.facts.lsm.apparmor_label)
		is_known = "which is not known";
	m.facts.privileges.cap_effective &= ~obstacles[_i].missing;
	if (obstacles[_i].no_parser)
		m.facts.lsm.apparmor_parser = NULL;
	if (obstacles[_i].config_key)
		strings_add(&m.arena, &m.facts.engine.config_keys, obstacles[_i].config_key);
	if (obstacles[_i].flag)
		m.options.dockerd_args = flags;
	m.options.apparmor = obstacles[_i].mode;
	machine_plan(&m);
	assert_kept_away(obstacles[_i].why);
	ck_assert_has(the_decision(&m, "DIND-LSM-01")->fact, is_known);
	if (obstacles[_i].no_parser)
		ck_assert_has(the_hint(&m, "DIND-LSM-03")->remedy, "Debian: apparmor");
	else
		ck_assert_ptr_null(hint(&m, "DIND-LSM-03"));
}
END_TEST

START_TEST(the_hosts_policy_only_when_asked_for)
{
	with_apparmor();
	m.options.apparmor = APPARMOR_HOST;
	machine_plan(&m);
	ck_assert_ptr_null(launch_variable(&m.plan.engine.launch, "container"));
	ck_assert_ptr_null(m.plan.engine.launch.apparmor_exec);
	ck_assert_ptr_null(the_step_with_key(&m, "apparmor-namespace")->u.apparmor.name);
	ck_assert_int_eq(the_step_with_key(&m, "apparmor-namespace")->on_fail, FAIL_DEGRADE);
	ck_assert_has(the_decision(&m, "DIND-LSM-01")->fact, "may replace");
	ck_assert_has_not(the_decision(&m, "DIND-LSM-01")->fact, "nothing of the host's");

	m.facts.lsm.apparmor_visible = TRI_YES;
	machine_plan(&m);
	ck_assert_uint_eq(count_steps(&m, STEP_APPARMOR), 0);
}
END_TEST

START_TEST(without_any_module)
{
	machine_with_volume(&m);
	machine_plan(&m);
	ck_assert_str_eq(launch_variable(&m.plan.engine.launch, "container"), "docker");
	ck_assert_uint_eq(count_steps(&m, STEP_APPARMOR) + count_steps(&m, STEP_SELINUX_HIDE), 0);
	ck_assert_has(the_decision(&m, "DIND-LSM-01")->fact, "neither AppArmor nor SELinux");
	/* a machine that did not tell is not one without */
	m.facts.lsm.apparmor = TRI_UNKNOWN;
	machine_plan(&m);
	ck_assert_has_not(the_decision(&m, "DIND-LSM-01")->fact, "neither AppArmor");
	ck_assert_has(the_decision(&m, "DIND-LSM-01")->fact, "not known");
	ck_assert_str_eq(m.plan.confinement, "security modules not known");
	ck_assert_str_eq(launch_variable(&m.plan.engine.launch, "container"), "docker");
	m.facts.lsm.selinux = TRI_UNKNOWN;
	machine_plan(&m);
	ck_assert_str_eq(m.plan.confinement, "security modules not known");
	ck_assert_uint_eq(count_steps(&m, STEP_APPARMOR) + count_steps(&m, STEP_SELINUX_HIDE), 0);
}
END_TEST

START_TEST(ubuntus_restriction_is_told)
{
	with_apparmor();
	m.facts.lsm.userns_restricted = TRI_YES;
	machine_plan(&m);
	ck_assert_has(the_hint(&m, "DIND-LSM-04")->fact, "user namespaces");
	ck_assert_has(the_hint(&m, "DIND-LSM-04")->remedy,
		      "kernel.apparmor_restrict_unprivileged_userns");
	assert_own_namespace(NAME);
}
END_TEST

/* ---- SELinux ---- */

static void with_selinux(void)
{
	machine_with_volume(&m);
	m.facts.lsm.selinux = TRI_YES;
	m.facts.lsm.selinux_label = "system_u:system_r:spc_t:s0";
	m.facts.engine.config_selinux = TRI_NO;
}

START_TEST(selinux_is_hidden_where_it_shows)
{
	with_selinux();
	machine_plan(&m);
	ck_assert_uint_eq(count_steps(&m, STEP_SELINUX_HIDE), 0);
	ck_assert_has(the_decision(&m, "DIND-LSM-01")->fact, "spc_t");
	ck_assert_has(the_decision(&m, "DIND-LSM-01")->fact, "nothing of the host's policy");

	strings_add(&m.arena, &m.facts.lsm.selinux_mounts, "/sys/fs/selinux");
	strings_add(&m.arena, &m.facts.lsm.selinux_mounts, "/selinux");
	machine_plan(&m);
	ck_assert_uint_eq(count_steps(&m, STEP_SELINUX_HIDE), 2);
	ck_assert_str_eq(the_step_with_key(&m, "selinux-hide-1")->u.remount.path,
			 "/sys/fs/selinux");
	ck_assert_str_eq(the_step_with_key(&m, "selinux-hide-2")->u.remount.path, "/selinux");
	ck_assert_int_eq(the_step_with_key(&m, "selinux-hide-1")->on_fail, FAIL_DEGRADE);

	m.options.selinux = true;
	machine_plan(&m);
	ck_assert_uint_eq(count_steps(&m, STEP_SELINUX_HIDE), 0);
	ck_assert_has(the_decision(&m, "DIND-LSM-01")->fact, "--selinux");
}
END_TEST

static const struct {
	const char *flag;
	enum tri config;
	bool option, no_selinux, refused;
} enabled[] = {
	{ NULL, TRI_NO, false, false, false },
	{ NULL, TRI_YES, false, false, true },
	{ NULL, TRI_YES, true, false, false },
	{ NULL, TRI_YES, false, true, false }, /* dockerd warns and goes on */
	{ "--selinux-enabled", TRI_NO, false, false, true },
	{ "--selinux-enabled=true", TRI_NO, false, false, true },
	{ "--selinux-enabled=false", TRI_NO, false, false, false },
	{ "--selinux-enabled=false", TRI_YES, false, false, false },
	{ "--selinux-enabled", TRI_NO, true, false, false },
	{ "--selinux-enabled", TRI_NO, false, true, false },
};

START_TEST(selinux_enabled_is_refused_with_the_reason)
{
	const char *flags[] = { enabled[_i].flag, NULL };

	with_selinux();
	if (enabled[_i].no_selinux)
		m.facts.lsm.selinux = TRI_NO;
	m.facts.engine.config_selinux = enabled[_i].config;
	m.options.selinux = enabled[_i].option;
	if (enabled[_i].flag)
		m.options.dockerd_args = flags;
	machine_plan(&m);
	if (!enabled[_i].refused) {
		ck_assert_ptr_null(refusal(&m, "DIND-LSM-05"));
		return;
	}
	ck_assert_has(the_refusal(&m, "DIND-LSM-05")->fact, "spc_t");
	ck_assert_has(the_refusal(&m, "DIND-LSM-05")->remedy, "--selinux");
	ck_assert_int_eq(the_refusal(&m, "DIND-LSM-05")->status, STATUS_CONFIG);
}
END_TEST

START_TEST(a_policy_that_was_brought)
{
	const char *flags[] = { "--selinux-enabled", NULL };

	with_selinux();
	m.options.selinux = true;
	m.options.dockerd_args = flags;
	m.facts.lsm.selinux_mounted = TRI_NO;
	machine_plan(&m);
	ck_assert_uint_eq(m.plan.n_refusals, 0);
	ck_assert_str_eq(m.plan.confinement, "SELinux of the host");
	ck_assert_has(the_hint(&m, "DIND-LSM-07")->remedy, "/sys/fs/selinux");
	m.facts.lsm.selinux_mounted = TRI_YES;
	machine_plan(&m);
	ck_assert_ptr_null(hint(&m, "DIND-LSM-07"));
}
END_TEST

#define FILE_LABEL "system_u:object_r:container_file_t:s0:c1022,c1023"

/* A loop image and a tmpfs are new to the policy; what the user mounted is not ours to label. */
static void assert_label(const char *wanted)
{
	const struct plan_step *step;

	m.options.rungs[0] = RUNG_LOOP;
	m.options.rungs[1] = RUNG_NONE;
	machine_plan(&m);
	step = the_step_with_key(&m, "storage-loop");
	if (wanted)
		ck_assert_str_eq(step->u.image.label, wanted);
	else
		ck_assert_ptr_null(step->u.image.label);
	m.options.rungs[0] = RUNG_TMPFS;
	machine_plan(&m);
	step = the_step_with_key(&m, "storage-tmpfs");
	if (wanted)
		ck_assert_str_eq(step->u.tmpfs.label, wanted);
	else
		ck_assert_ptr_null(step->u.tmpfs.label);
}

START_TEST(a_new_file_system_gets_the_label_of_the_containers_files)
{
	with_selinux();
	m.facts.limits.memory_available = 8 * GIB;
	assert_label(NULL); /* the outer engine gave none */
	m.facts.lsm.root_context = FILE_LABEL;
	assert_label("context=\"" FILE_LABEL "\"");
	m.options.selinux = true; /* the engine labels files itself */
	assert_label("rootcontext=\"" FILE_LABEL "\"");
	m.facts.lsm.selinux = TRI_NO;
	assert_label(NULL);
}
END_TEST

START_TEST(what_was_denied_names_the_label)
{
	struct facts_failure *failure;

	with_selinux();
	machine_plan(&m);
	ck_assert_ptr_null(hint(&m, "DIND-LSM-08"));
	facts_add_failure(&m.facts, &m.arena, "storage-lock", EACCES, "open", NULL);
	machine_plan(&m);
	ck_assert_has(the_hint(&m, "DIND-LSM-08")->fact, "spc_t");
	ck_assert_has(the_hint(&m, "DIND-LSM-08")->remedy, ":Z");
	failure = &m.facts.failures[0];
	failure->error = EROFS;
	machine_plan(&m);
	ck_assert_ptr_null(hint(&m, "DIND-LSM-08"));
	(void) machine_trial(&m, TRIAL_OVERLAY, DATA_ROOT, TRI_NO, EACCES, NULL);
	machine_plan(&m);
	ck_assert_ptr_nonnull(hint(&m, "DIND-LSM-08"));
	m.facts.lsm.selinux = TRI_NO;
	machine_plan(&m);
	ck_assert_ptr_null(hint(&m, "DIND-LSM-08"));
}
END_TEST

/* ---- what is told of the host ---- */

START_TEST(the_host_is_told_of)
{
	with_apparmor();
	machine_plan(&m);
	ck_assert_has(the_decision(&m, "DIND-HOST-01")->fact, "nothing of it is changed");
	ck_assert_str_eq(m.plan.host, "host unchanged");

	m.options.apparmor = APPARMOR_HOST;
	machine_plan(&m);
	ck_assert_has(the_decision(&m, "DIND-HOST-01")->fact, "AppArmor policy");
	ck_assert_str_eq(m.plan.host, "host changed: AppArmor policy");

	(void) machine_mount(&m, "/lib/modules", "ext4");
	m.facts.cgroups.hierarchies[0].path = "/docker/x";
	m.facts.cgroups.hierarchies[0].mount_root = "/";
	machine_failure(
		&m, arena_printf(&m.arena, "cgroup:%s", m.facts.cgroups.hierarchies[0].controllers),
		EPERM, "could not be replaced", NULL);
	machine_plan(&m);
	ck_assert_str_eq(m.plan.host,
			 "host changed: control groups, AppArmor policy, kernel modules");
}
END_TEST

int main(void)
{
	TCase *tc = tcase_create("lsm");

	tcase_add_checked_fixture(tc, NULL, teardown);
	tcase_add_test(tc, the_engine_gets_a_namespace_named_after_the_container);
	tcase_add_test(tc, command_is_in_it_unless_it_has_no_capabilities);
	tcase_add_test(tc, a_failure_leads_to_the_next_way);
	tcase_add_loop_test(tc, else_dockerd_is_kept_away, 0, ARRAY_SIZE(obstacles));
	tcase_add_test(tc, the_hosts_policy_only_when_asked_for);
	tcase_add_test(tc, without_any_module);
	tcase_add_test(tc, ubuntus_restriction_is_told);
	tcase_add_test(tc, selinux_is_hidden_where_it_shows);
	tcase_add_test(tc, a_policy_that_was_brought);
	tcase_add_test(tc, a_new_file_system_gets_the_label_of_the_containers_files);
	tcase_add_test(tc, what_was_denied_names_the_label);
	tcase_add_test(tc, the_host_is_told_of);
	tcase_add_loop_test(tc, selinux_enabled_is_refused_with_the_reason, 0, ARRAY_SIZE(enabled));
	return run_suite(tc);
}
