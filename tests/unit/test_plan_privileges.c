/* SPDX-License-Identifier: Apache-2.0 */
/* What is missing is named, with the flag that adds it. */
#include <linux/capability.h>

#include "plan_fixture.h"

/* ---- single capabilities ----------------------------------------------------------------------
 */

static const struct {
	int cap;
	const char *name;
} required[] = {
	{ CAP_CHOWN, "CHOWN" },
	{ CAP_DAC_OVERRIDE, "DAC_OVERRIDE" },
	{ CAP_FOWNER, "FOWNER" },
	{ CAP_FSETID, "FSETID" },
	{ CAP_KILL, "KILL" },
	{ CAP_SETGID, "SETGID" },
	{ CAP_SETUID, "SETUID" },
	{ CAP_SETPCAP, "SETPCAP" },
	{ CAP_NET_BIND_SERVICE, "NET_BIND_SERVICE" },
	{ CAP_NET_RAW, "NET_RAW" },
	{ CAP_SYS_CHROOT, "SYS_CHROOT" },
	{ CAP_MKNOD, "MKNOD" },
	{ CAP_AUDIT_WRITE, "AUDIT_WRITE" },
	{ CAP_SETFCAP, "SETFCAP" },
	{ CAP_NET_ADMIN, "NET_ADMIN" },
	{ CAP_SYS_ADMIN, "SYS_ADMIN" },
};

START_TEST(each_required_capability_is_named)
{
	struct machine m;
	char text[64];

	machine_with_volume(&m);
	m.facts.privileges.cap_effective &= ~CAP(required[_i].cap);
	machine_plan(&m);
	ck_assert_uint_eq(m.plan.n_refusals, 1);
	ck_assert_str_eq(m.plan.refusals[0].code, "DIND-PRIV-03");
	ck_assert_int_eq(m.plan.refusals[0].status, STATUS_NOPERM);
	(void) snprintf(text, sizeof(text), "CAP_%s (", required[_i].name);
	ck_assert_has(m.plan.refusals[0].fact, text);
	(void) snprintf(text, sizeof(text), "--cap-add %s", required[_i].name);
	ck_assert_has(m.plan.refusals[0].remedy, text);
	ck_assert_has(m.plan.refusals[0].remedy, "--privileged");
	/* nothing is looked at that would only fail for the same reason */
	ck_assert_uint_eq(m.plan.n_steps, 0);
	ck_assert_uint_eq(m.plan.n_trials, 0);
	machine_free(&m);
}
END_TEST

START_TEST(the_bounding_set_counts_as_well)
{
	struct machine m;

	machine_with_volume(&m);
	m.facts.privileges.cap_bounding &= ~CAP(CAP_MKNOD);
	machine_plan(&m);
	ck_assert_ptr_nonnull(refusal(&m, "DIND-PRIV-03"));
	machine_free(&m);
}
END_TEST

START_TEST(other_capabilities_are_no_reason_to_refuse)
{
	struct machine m;

	for (int cap = 0; cap <= 40; cap++) {
		bool listed = false;

		for (size_t i = 0; i < ARRAY_SIZE(required); i++)
			listed |= required[i].cap == cap;
		machine_with_volume(&m);
		m.facts.privileges.cap_effective &= ~CAP(cap);
		machine_plan(&m);
		ck_assert_msg((m.plan.n_refusals > 0) == listed, "capability %d", cap);
		machine_free(&m);
	}
}
END_TEST

START_TEST(what_is_lost_is_a_hint)
{
	struct machine m;

	machine_with_volume(&m);
	m.facts.privileges.cap_effective &= ~(CAP(CAP_SYS_RESOURCE) | CAP(CAP_SYS_MODULE));
	machine_plan(&m);
	ck_assert_uint_eq(m.plan.n_refusals, 0);
	ck_assert_has(the_hint(&m, "DIND-PRIV-11")->fact, "CAP_SYS_RESOURCE, CAP_SYS_MODULE");
	ck_assert_has(the_hint(&m, "DIND-PRIV-11")->remedy, "--cap-add SYS_MODULE");
	machine_free(&m);

	/* nothing is lost without it */
	machine_with_volume(&m);
	m.facts.privileges.cap_effective &= ~CAP(CAP_SYS_TIME);
	machine_plan(&m);
	ck_assert_ptr_null(hint(&m, "DIND-PRIV-11"));
	machine_free(&m);
}
END_TEST

START_TEST(devices_that_are_refused)
{
	struct machine m;

	machine_with_volume(&m);
	machine_plan(&m);
	ck_assert_ptr_null(hint(&m, "DIND-PRIV-17"));
	for (size_t i = 0; i < m.facts.mounts.n_devices; i++)
		if (str_equal(m.facts.mounts.devices[i].path, "/dev/fuse"))
			m.facts.mounts.devices[i].usable = (struct fact){ TRI_NO, EPERM, NULL };
	machine_plan(&m);
	ck_assert_has(the_hint(&m, "DIND-PRIV-17")->fact, "all devices either");
	m.facts.privileges.all_devices = TRI_YES;
	machine_plan(&m);
	ck_assert_ptr_null(hint(&m, "DIND-PRIV-17"));
	m.facts.privileges.all_devices = TRI_NO;
	machine_plan(&m);
	ck_assert_uint_eq(m.plan.n_refusals, 0);
	ck_assert_has(the_hint(&m, "DIND-PRIV-17")->fact, "will not start");
	ck_assert_has(the_hint(&m, "DIND-PRIV-17")->remedy, "--privileged");
	machine_free(&m);

	/* without CAP_SYSLOG, where the host restricts the log */
	machine_with_volume(&m);
	for (size_t i = 0; i < m.facts.mounts.n_devices; i++)
		if (str_equal(m.facts.mounts.devices[i].path, "/dev/kmsg"))
			m.facts.mounts.devices[i].usable = (struct fact){ TRI_NO, EPERM, NULL };
	machine_plan(&m);
	ck_assert_ptr_null(hint(&m, "DIND-PRIV-17"));
	machine_free(&m);
}
END_TEST

/* ---- whole machines ---------------------------------------------------------------------------
 */

#define DOCKER_DEFAULT UINT64_C(0xa80425fb)

START_TEST(plain_docker_container)
{
	struct machine m;

	machine_init(&m);
	m.facts.privileges.cap_effective = m.facts.privileges.cap_bounding = DOCKER_DEFAULT;
	m.facts.privileges.seccomp_mode = 2;
	m.facts.privileges.keyctl = (struct fact){ TRI_NO, EPERM, NULL };
	m.facts.lsm.apparmor = TRI_YES;
	m.facts.lsm.apparmor_label = "docker-default (enforce)";
	machine_plan(&m);
	ck_assert_uint_eq(m.plan.n_refusals, 1);
	ck_assert_str_eq(m.plan.refusals[0].fact,
			 "this container lacks CAP_SYS_ADMIN (mounts and namespaces), "
			 "CAP_NET_ADMIN (bridges and packet filter rules)");
	ck_assert_str_eq(m.plan.refusals[0].remedy,
			 "start this container with --privileged (Kubernetes: "
			 "securityContext.privileged: true), or at least with --cap-add SYS_ADMIN "
			 "--cap-add NET_ADMIN --security-opt seccomp=unconfined --security-opt "
			 "apparmor=unconfined");
	machine_free(&m);
}
END_TEST

START_TEST(several_default_capabilities)
{
	struct machine m;

	machine_init(&m);
	m.facts.privileges.cap_effective &= ~(CAP(CAP_CHOWN) | CAP(CAP_KILL));
	m.facts.lsm.apparmor_label = "profile (enforce)";
	machine_plan(&m);
	ck_assert_str_eq(m.plan.refusals[0].fact,
			 "this container lacks CAP_CHOWN, CAP_KILL (every inner container is "
			 "started with them)");
	ck_assert_has(m.plan.refusals[0].remedy,
		      "--cap-add KILL --security-opt apparmor=unconfined");
	ck_assert_has_not(m.plan.refusals[0].remedy, "seccomp");
	machine_free(&m);

	machine_init(&m);
	m.facts.privileges.cap_effective &= ~CAP(CAP_CHOWN);
	m.facts.privileges.seccomp_mode = 2;
	m.facts.lsm.apparmor_label = "unconfined";
	machine_plan(&m);
	ck_assert_has(m.plan.refusals[0].remedy, "CHOWN --security-opt seccomp=unconfined");
	ck_assert_has_not(m.plan.refusals[0].remedy, "apparmor");
	machine_free(&m);
}
END_TEST

START_TEST(not_root)
{
	struct machine m;

	machine_init(&m);
	m.facts.privileges.euid = 1000;
	m.facts.privileges.cap_effective = 0;
	machine_plan(&m);
	ck_assert_uint_eq(m.plan.n_refusals, 1);
	ck_assert_has(the_refusal(&m, "DIND-PRIV-01")->fact, "user 1000");
	ck_assert_has(the_refusal(&m, "DIND-PRIV-01")->remedy, "--user 0:0");
	ck_assert_uint_eq(m.plan.n_steps + m.plan.n_trials, 0);
	machine_free(&m);

	/* as root it would still not be enough, so both are said at once */
	machine_init(&m);
	m.facts.privileges.euid = 1000;
	m.facts.privileges.cap_effective = 0;
	m.facts.privileges.cap_bounding = DOCKER_DEFAULT;
	machine_plan(&m);
	ck_assert_uint_eq(m.plan.n_refusals, 2);
	ck_assert_ptr_nonnull(refusal(&m, "DIND-PRIV-03"));
	ck_assert_uint_eq(m.plan.n_steps + m.plan.n_trials, 0);
	machine_free(&m);
}
END_TEST

static void enter_user_namespace(struct machine *m)
{
	m->facts.privileges.user_namespace = TRI_YES;
	m->facts.privileges.uid_map = "0 100000 65536";
	m->facts.privileges.uid_count = 65536;
}

START_TEST(user_namespace_without_users)
{
	struct machine m;

	machine_init(&m);
	enter_user_namespace(&m);
	m.facts.privileges.uid_map = "0 0 1";
	m.facts.privileges.uid_count = 1;
	machine_plan(&m);
	ck_assert_uint_eq(m.plan.n_refusals, 1);
	ck_assert_int_eq(m.plan.refusals[0].status, STATUS_NOPERM);
	ck_assert_has(the_refusal(&m, "DIND-PRIV-02")->fact, "\"0 0 1\"");
	ck_assert_has(the_refusal(&m, "DIND-PRIV-02")->remedy, "--userns=host");
	ck_assert_has(the_refusal(&m, "DIND-PRIV-02")->remedy, "podman");
	ck_assert_uint_eq(m.plan.n_steps + m.plan.n_trials, 0);
	machine_free(&m);

	machine_init(&m);
	m.facts.privileges.user_namespace = TRI_YES;
	m.facts.privileges.uid_map = NULL;
	machine_plan(&m);
	ck_assert_has(the_refusal(&m, "DIND-PRIV-02")->fact, "unknown");
	machine_free(&m);
}
END_TEST

START_TEST(user_namespace_without_groups)
{
	struct machine m;

	machine_with_volume(&m);
	enter_user_namespace(&m);
	ck_assert_uint_gt(m.facts.cgroups.n_hierarchies, 0);
	m.facts.cgroups.hierarchies[0].writable = (struct fact){ TRI_NO, EACCES, "cgroup.procs" };
	machine_plan(&m);
	ck_assert_int_eq(the_refusal(&m, "DIND-PRIV-02")->status, STATUS_NOPERM);
	ck_assert_has(the_refusal(&m, "DIND-PRIV-02")->fact, "not its own to write");
	ck_assert_uint_eq(m.plan.n_steps + m.plan.n_trials, 0);
	machine_free(&m);
}
END_TEST

/* What sysbox gives: the engine starts, what the kernel forbids is left out and said once. */
START_TEST(user_namespace_with_all_it_takes)
{
	struct machine m;

	machine_with_volume(&m);
	enter_user_namespace(&m);
	m.facts.mounts.devices[0].present = false;
	machine_plan(&m);
	ck_assert_uint_eq(m.plan.n_refusals, 0);
	ck_assert_has(the_hint(&m, "DIND-PRIV-18")->fact, "0 100000 65536");
	ck_assert_ptr_null(hint(&m, "DIND-PRIV-11"));
	for (size_t i = 0; i < m.plan.n_steps; i++) {
		ck_assert_int_ne(m.plan.steps[i].kind, STEP_DEVICE);
		ck_assert(m.plan.steps[i].kind != STEP_LIMITS ||
			  !m.plan.steps[i].u.limits.set_oom_score);
	}
	ck_assert(!m.plan.engine.launch.set_oom_score);

	/* capabilities over its own namespaces are needed all the same */
	m.facts.privileges.cap_effective &= ~CAP(CAP_SYS_ADMIN);
	machine_plan(&m);
	ck_assert_has(the_refusal(&m, "DIND-PRIV-03")->fact, "CAP_SYS_ADMIN");
	machine_free(&m);
}
END_TEST

START_TEST(host_pid_namespace)
{
	struct machine m;

	machine_with_volume(&m);
	m.facts.privileges.host_pid_namespace = TRI_YES;
	m.facts.privileges.pid = 4711;
	machine_plan(&m);
	ck_assert_has(the_refusal(&m, "DIND-PRIV-06")->remedy, "--pid=host");
	ck_assert_has(the_refusal(&m, "DIND-PRIV-06")->remedy, "--allow-host-pid");
	machine_free(&m);

	machine_with_volume(&m);
	m.facts.privileges.host_pid_namespace = TRI_YES;
	m.facts.privileges.pid = 4711;
	m.options.allow_host_pid = true;
	machine_plan(&m);
	ck_assert_uint_eq(m.plan.n_refusals, 0);
	ck_assert_has(the_decision(&m, "DIND-PRIV-16")->fact, "4711");
	machine_free(&m);
}
END_TEST

START_TEST(no_new_privs_is_a_hint)
{
	struct machine m;

	machine_with_volume(&m);
	m.facts.privileges.no_new_privs = TRI_YES;
	machine_plan(&m);
	ck_assert_uint_eq(m.plan.n_refusals, 0);
	ck_assert_ptr_null(decision(&m, "DIND-PRIV-16"));
	ck_assert_has(the_hint(&m, "DIND-PRIV-10")->remedy, "no-new-privileges");
	machine_free(&m);
}
END_TEST

/* ---- seccomp ----------------------------------------------------------------------------------
 */

#define YES                      \
	{                        \
		TRI_YES, 0, NULL \
	}
#define NO                          \
	{                           \
		TRI_NO, EPERM, NULL \
	}
#define ASK                          \
	{                            \
		TRI_UNKNOWN, 0, NULL \
	}
#define KEEP 0
#define LESS CAP(CAP_SYS_RESOURCE)

static const struct {
	int64_t mode;
	uint64_t without;
	struct fact pivot_root, keyctl;
	const char *refusal; /* part of the fact, NULL: none */
	bool hint;
} filters[] = {
	{ 0, KEEP, ASK, ASK, NULL, false },
	{ -1, KEEP, ASK, ASK, NULL, false },
	/* probed: the answers count, the capabilities do not */
	{ 2, KEEP, YES, YES, NULL, false },
	{ 2, LESS, YES, YES, NULL, false },
	{ 2, KEEP, NO, NO, "pivot_root and keyctl, without", false },
	{ 2, KEEP, NO, YES, "refuses pivot_root, without", false },
	{ 2, KEEP, YES, NO, "refuses keyctl, without", false },
	{ 2, KEEP, ASK, NO, "refuses keyctl, without", false },
	/* not probed: a full set speaks for a filter that is meant for engines */
	{ 2, KEEP, ASK, ASK, NULL, true },
	{ 2, KEEP, ASK, YES, NULL, true },
	{ 2, LESS, ASK, ASK, "the default one refuses", false },
	{ 2, LESS, YES, ASK, "the default one refuses", false },
};

START_TEST(seccomp)
{
	const struct plan_message *message;
	struct machine m;

	machine_with_volume(&m);
	m.facts.privileges.seccomp_mode = filters[_i].mode;
	m.facts.privileges.pivot_root = filters[_i].pivot_root;
	m.facts.privileges.keyctl = filters[_i].keyctl;
	m.facts.privileges.cap_effective &= ~filters[_i].without;
	machine_plan(&m);
	message = refusal(&m, "DIND-PRIV-04");
	if (filters[_i].refusal) {
		message = the_refusal(&m, "DIND-PRIV-04");
		ck_assert_has(message->fact, filters[_i].refusal);
		ck_assert_has(message->remedy, "seccomp=unconfined");
		ck_assert_uint_eq(m.plan.n_steps, 0);
	} else {
		ck_assert_ptr_null(message);
	}
	ck_assert_int_eq(hint(&m, "DIND-PRIV-12") != NULL, filters[_i].hint);
	machine_free(&m);
}
END_TEST

START_TEST(an_odd_last_capability_is_not_believed)
{
	static const int64_t odd[] = { -1, 0, 63, 1000 };
	struct machine m;

	for (size_t i = 0; i < ARRAY_SIZE(odd); i++) {
		machine_with_volume(&m);
		m.facts.privileges.cap_last = odd[i];
		m.facts.privileges.seccomp_mode = 2;
		m.facts.privileges.pivot_root.value = TRI_UNKNOWN;
		machine_plan(&m);
		ck_assert_ptr_null(refusal(&m, "DIND-PRIV-04"));
		machine_free(&m);
	}
}
END_TEST

/* ---- profiles ---------------------------------------------------------------------------------
 */

static const struct {
	const char *apparmor, *selinux;
	bool refused, hint;
} profiles[] = {
	{ NULL, NULL, false, false },
	{ "unconfined", NULL, false, false },
	{ "docker-default (enforce)", NULL, true, false },
	{ "docker-default (complain)", NULL, false, false },
	{ "containers-default-0.57.4-apparmor1 (enforce)", NULL, true, false },
	{ "cri-containerd.apparmor.d (enforce)", NULL, true, false },
	{ "crio-default (enforce)", NULL, true, false },
	{ "lxc-container-default-cgns (enforce)", NULL, false, true },
	{ NULL, "system_u:system_r:container_t:s0:c1,c2", false, true },
	{ NULL, "system_u:system_r:spc_t:s0", false, false },
};

START_TEST(security_profiles)
{
	struct machine m;

	machine_with_volume(&m);
	m.facts.lsm.apparmor = tri_from_bool(profiles[_i].apparmor);
	m.facts.lsm.apparmor_label = profiles[_i].apparmor;
	m.facts.lsm.selinux = tri_from_bool(profiles[_i].selinux);
	m.facts.lsm.selinux_label = profiles[_i].selinux;
	machine_plan(&m);
	ck_assert_int_eq(refusal(&m, "DIND-PRIV-05") != NULL, profiles[_i].refused);
	if (profiles[_i].refused)
		ck_assert_has(the_refusal(&m, "DIND-PRIV-05")->remedy, "apparmor=unconfined");
	ck_assert_int_eq(hint(&m, "DIND-PRIV-14") != NULL, profiles[_i].hint);
	machine_free(&m);
}
END_TEST

static const struct {
	const char *label;
	enum tri admin;
	int64_t seccomp;
	bool pivot_root, refused, hint;
} labels[] = {
	{ "system_u:system_r:container_t:s0:c1,c2", TRI_NO, 0, true, true, false },
	/* permissive, or not asked */
	{ "system_u:system_r:container_t:s0:c1,c2", TRI_YES, 0, true, false, true },
	{ "system_u:system_r:container_t:s0:c1,c2", TRI_UNKNOWN, 0, true, false, true },
	{ "system_u:system_r:some_t:s0", TRI_NO, 0, true, true, false },
	{ "system_u:system_r:spc_t:s0", TRI_YES, 0, true, false, false },
	{ NULL, TRI_NO, 0, true, false, false }, /* another module */
	/* both at once: both flags in one line */
	{ "system_u:system_r:container_t:s0:c1,c2", TRI_NO, 2, false, false, false },
};

START_TEST(labels_that_deny_mounts)
{
	struct machine m;

	machine_with_volume(&m);
	m.facts.lsm.selinux = tri_from_bool(labels[_i].label);
	m.facts.lsm.selinux_label = labels[_i].label;
	m.facts.privileges.admin.value = labels[_i].admin;
	m.facts.privileges.seccomp_mode = labels[_i].seccomp;
	m.facts.privileges.pivot_root.value = tri_from_bool(labels[_i].pivot_root);
	m.facts.privileges.keyctl.value = TRI_YES;
	machine_plan(&m);
	ck_assert_int_eq(refusal(&m, "DIND-PRIV-19") != NULL, labels[_i].refused);
	if (labels[_i].refused) {
		ck_assert_has(the_refusal(&m, "DIND-PRIV-19")->fact, labels[_i].label);
		ck_assert_has(the_refusal(&m, "DIND-PRIV-19")->remedy, "label=disable");
		ck_assert_int_eq(the_refusal(&m, "DIND-PRIV-19")->status, STATUS_NOPERM);
		ck_assert_uint_eq(m.plan.n_steps, 0);
	}
	if (!labels[_i].pivot_root)
		ck_assert_has(the_refusal(&m, "DIND-PRIV-04")->remedy,
			      "seccomp=unconfined --security-opt label=disable");
	ck_assert_int_eq(hint(&m, "DIND-PRIV-14") != NULL, labels[_i].hint);
	machine_free(&m);
}
END_TEST

START_TEST(a_missing_capability_names_the_label_too)
{
	struct machine m;

	machine_with_volume(&m);
	m.facts.lsm.selinux = TRI_YES;
	m.facts.lsm.selinux_label = "system_u:system_r:container_t:s0:c1,c2";
	m.facts.privileges.cap_effective &= ~CAP(CAP_SYS_ADMIN);
	machine_plan(&m);
	ck_assert_has(the_refusal(&m, "DIND-PRIV-03")->remedy,
		      "--cap-add SYS_ADMIN --security-opt label=disable");
	machine_free(&m);
}
END_TEST

/* ---- what PID 1 keeps ----------------------------------------------------------------------- */

START_TEST(pid_1_gives_up_what_it_does_not_need)
{
	const struct plan_step *step;
	struct machine m;

	machine_with_volume(&m);
	machine_plan(&m);
	step = &m.plan.steps[m.plan.n_steps - 1]; /* all others may need them */
	ck_assert_int_eq(step->kind, STEP_CAPABILITIES);
	ck_assert_int_eq(step->on_fail, FAIL_DEGRADE);
	ck_assert(step->u.capabilities.keep & CAP(CAP_SYS_ADMIN));
	ck_assert(step->u.capabilities.keep & CAP(CAP_KILL));
	ck_assert(!(step->u.capabilities.keep &
		    (CAP(CAP_SYS_MODULE) | CAP(CAP_SYS_RAWIO) | CAP(CAP_NET_ADMIN) |
		     CAP(CAP_SYS_TIME) | CAP(CAP_SYS_BOOT) | CAP(CAP_BPF))));
	ck_assert_int_eq(m.plan.engine.launch.caps, LAUNCH_CAPS_KEEP);
	machine_free(&m);

	machine_with_volume(&m);
	m.facts.privileges.cap_effective &= ~CAP(CAP_SYS_RESOURCE);
	machine_plan(&m);
	step = &m.plan.steps[m.plan.n_steps - 1];
	ck_assert(!(step->u.capabilities.keep & CAP(CAP_SYS_RESOURCE))); /* nothing is added */
	machine_free(&m);
}
END_TEST

/* ---- old engines ------------------------------------------------------------------------------
 */

static const struct {
	const char *version;
	uint64_t without;
	bool hint;
} engines[] = {
	{ "20.10.24+dfsg1", CAP(CAP_SYS_RESOURCE), true },
	{ "20.10.24+dfsg1", 0, false },
	{ "20.10.24", CAP(CAP_BPF), false }, /* it stops at AUDIT_READ */
	{ "1.13.1", CAP(CAP_SYS_TIME), true },
	{ "23.0.1", CAP(CAP_SYS_RESOURCE), false },
	{ "26.1.5", CAP(CAP_SYS_RESOURCE), false },
	{ "4294967296.1", CAP(CAP_SYS_RESOURCE), false },
	{ "dev", CAP(CAP_SYS_RESOURCE), false },
	{ NULL, CAP(CAP_SYS_RESOURCE), false },
};

START_TEST(old_engines_and_short_sets)
{
	struct machine m;

	machine_with_volume(&m);
	m.facts.privileges.cap_effective &= ~engines[_i].without;
	m.facts.engine.version = engines[_i].version;
	machine_plan(&m);
	ck_assert_int_eq(hint(&m, "DIND-PRIV-13") != NULL, engines[_i].hint);
	ck_assert_uint_eq(m.plan.n_trials, 0);
	machine_free(&m);
}
END_TEST

START_TEST(only_doctor_asks_for_the_version)
{
	struct machine m;

	machine_with_volume(&m);
	m.facts.privileges.cap_effective &= ~CAP(CAP_SYS_RESOURCE);
	m.options.command = COMMAND_DOCTOR;
	machine_plan(&m);
	ck_assert_uint_eq(m.plan.n_trials, 1);
	ck_assert_int_eq(m.plan.trials[0].kind, TRIAL_ENGINE);
	ck_assert_str_eq(m.plan.trials[0].path, "/usr/bin/dockerd");
	(void) machine_trial(&m, TRIAL_ENGINE, "/usr/bin/dockerd", TRI_YES, 0, "20.10.24");
	machine_plan(&m);
	ck_assert_uint_eq(m.plan.n_trials, 0);
	ck_assert_has(the_hint(&m, "DIND-PRIV-13")->fact, "Docker 20.10.24");
	machine_free(&m);

	/* a trial that said nothing is not asked for twice */
	machine_with_volume(&m);
	m.facts.privileges.cap_effective &= ~CAP(CAP_SYS_RESOURCE);
	m.options.command = COMMAND_DOCTOR;
	(void) machine_trial(&m, TRIAL_ENGINE, "/usr/bin/dockerd", TRI_UNKNOWN, ETIMEDOUT, NULL);
	machine_plan(&m);
	ck_assert_uint_eq(m.plan.n_trials, 0);
	machine_free(&m);

	machine_with_volume(&m);
	m.facts.privileges.cap_effective &= ~CAP(CAP_SYS_RESOURCE);
	m.options.command = COMMAND_DOCTOR;
	m.facts.engine.dockerd = NULL;
	machine_plan(&m);
	ck_assert_uint_eq(m.plan.n_trials, 0);
	machine_free(&m);
}
END_TEST

START_TEST(unknown_capabilities_are_a_hint)
{
	struct machine m;

	machine_with_volume(&m);
	m.facts.privileges.cap_effective = m.facts.privileges.cap_bounding = 0;
	m.facts.privileges.cap_last = -1;
	machine_plan(&m);
	ck_assert_uint_eq(m.plan.n_refusals, 0);
	ck_assert_ptr_nonnull(hint(&m, "DIND-PRIV-15"));
	ck_assert_ptr_null(hint(&m, "DIND-PRIV-11"));
	machine_free(&m);
}
END_TEST

int main(void)
{
	TCase *tc = tcase_create("privileges");

	tcase_add_loop_test(tc, each_required_capability_is_named, 0, ARRAY_SIZE(required));
	tcase_add_test(tc, the_bounding_set_counts_as_well);
	tcase_add_test(tc, other_capabilities_are_no_reason_to_refuse);
	tcase_add_test(tc, what_is_lost_is_a_hint);
	tcase_add_test(tc, devices_that_are_refused);
	tcase_add_test(tc, plain_docker_container);
	tcase_add_test(tc, several_default_capabilities);
	tcase_add_test(tc, not_root);
	tcase_add_test(tc, user_namespace_without_users);
	tcase_add_test(tc, user_namespace_without_groups);
	tcase_add_test(tc, user_namespace_with_all_it_takes);
	tcase_add_test(tc, host_pid_namespace);
	tcase_add_test(tc, no_new_privs_is_a_hint);
	tcase_add_loop_test(tc, seccomp, 0, ARRAY_SIZE(filters));
	tcase_add_test(tc, an_odd_last_capability_is_not_believed);
	tcase_add_loop_test(tc, security_profiles, 0, ARRAY_SIZE(profiles));
	tcase_add_loop_test(tc, labels_that_deny_mounts, 0, ARRAY_SIZE(labels));
	tcase_add_test(tc, a_missing_capability_names_the_label_too);
	tcase_add_test(tc, pid_1_gives_up_what_it_does_not_need);
	tcase_add_loop_test(tc, old_engines_and_short_sets, 0, ARRAY_SIZE(engines));
	tcase_add_test(tc, only_doctor_asks_for_the_version);
	tcase_add_test(tc, unknown_capabilities_are_a_hint);
	return run_suite(tc);
}
