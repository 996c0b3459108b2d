/* SPDX-License-Identifier: Apache-2.0 */
/* Control groups: v1 is completed and never covered, v2 is nested. */
#include "plan_fixture.h"

#define DIR "/sys/fs/cgroup"

static void no_hierarchies(struct machine *m)
{
	m->facts.cgroups.hierarchies = NULL;
	m->facts.cgroups.n_hierarchies = 0;
}

static struct facts_hierarchy *hierarchy(struct machine *m, const char *controllers)
{
	for (size_t i = 0; i < m->facts.cgroups.n_hierarchies; i++)
		if (strcmp(m->facts.cgroups.hierarchies[i].controllers, controllers) == 0)
			return &m->facts.cgroups.hierarchies[i];
	ck_abort_msg("no hierarchy %s", controllers);
}

static void unmount(struct machine *m, const char *controllers)
{
	struct facts_hierarchy *h = hierarchy(m, controllers);

	h->mounted_at = NULL;
	h->mount_root = NULL;
	h->writable.value = TRI_UNKNOWN;
}

static size_t count_cgroup_steps(const struct machine *m)
{
	return count_steps(m, STEP_CGROUP_V1) + count_steps(m, STEP_CGROUP_NEST) +
	       count_steps(m, STEP_CGROUP_NAMESPACE) + count_steps(m, STEP_REMOUNT_RW);
}

/* ---- v1 ---------------------------------------------------------------------------------------
 */

START_TEST(v1_that_works_is_left_alone)
{
	static const enum cgroup_mode modes[] = { CGROUP_V1, CGROUP_HYBRID };
	struct machine m;

	machine_with_volume(&m);
	m.facts.cgroups.mode = modes[_i];
	(void) machine_hierarchy(&m, "", DIR "/unified");
	(void) machine_hierarchy(&m, NULL, NULL); /* a line that could not be read */
	machine_plan(&m);
	ck_assert_uint_eq(count_cgroup_steps(&m), 0);
	ck_assert_int_eq(m.plan.cgroup_mode, modes[_i]);
	ck_assert_has(the_decision(&m, "DIND-CGROUP-11")->fact, "left as they are");
	ck_assert_uint_eq(m.plan.n_refusals, 0);
	machine_free(&m);
}
END_TEST

START_TEST(a_missing_v1_hierarchy_is_completed)
{
	static const struct {
		const char *controllers, *target;
		enum plan_on_fail on_fail;
	} missing[] = {
		{ "memory", DIR "/memory", FAIL_DEGRADE },
		{ "name=systemd", DIR "/systemd", FAIL_DEGRADE },
		{ "devices", DIR "/devices", FAIL_ABORT },
	};
	const struct plan_step *step;
	struct machine m;

	machine_with_volume(&m);
	unmount(&m, missing[_i].controllers);
	machine_plan(&m);
	ck_assert_uint_eq(count_cgroup_steps(&m), 1);
	step = the_step_with_key(&m, arena_printf(&m.arena, "cgroup:%s", missing[_i].controllers));
	ck_assert_str_eq(step->u.cgroup_v1.controllers, missing[_i].controllers);
	ck_assert_str_eq(step->u.cgroup_v1.target, missing[_i].target);
	ck_assert(!step->u.cgroup_v1.tmpfs_first);
	ck_assert_int_eq(step->on_fail, missing[_i].on_fail);
	if (step->on_fail == FAIL_ABORT) {
		ck_assert_str_eq(step->code, "DIND-CGROUP-01");
		ck_assert_int_eq(step->status, STATUS_OSERR);
	} else {
		ck_assert_has(step->without, missing[_i].controllers);
	}
	ck_assert_has(the_decision(&m, "DIND-CGROUP-11")->fact, "is put in order");
	machine_free(&m);
}
END_TEST

START_TEST(a_set_is_mounted_as_the_set_that_it_is)
{
	struct machine m;

	machine_with_volume(&m);
	no_hierarchies(&m);
	(void) machine_hierarchy(&m, "devices", DIR "/devices");
	(void) machine_hierarchy(&m, "cpu,cpuacct", NULL);
	machine_plan(&m);
	ck_assert_str_eq(the_step_with_key(&m, "cgroup:cpu,cpuacct")->u.cgroup_v1.controllers,
			 "cpu,cpuacct");
	ck_assert_str_eq(the_step_with_key(&m, "cgroup:cpu,cpuacct")->u.cgroup_v1.target,
			 DIR "/cpu,cpuacct");
	machine_free(&m);
}
END_TEST

START_TEST(the_tmpfs_comes_once_and_only_where_nothing_is)
{
	size_t tmpfs = 0;
	struct machine m;

	machine_with_volume(&m);
	m.facts.cgroups.mode = CGROUP_V1;
	for (size_t i = 0; i < m.facts.cgroups.n_hierarchies; i++)
		m.facts.cgroups.hierarchies[i].mounted_at = NULL;
	for (size_t i = 0; i < m.facts.mounts.n_table; i++)
		if (strcmp(m.facts.mounts.table[i].target, DIR) == 0)
			m.facts.mounts.table[i].target = "/elsewhere";
	machine_plan(&m);
	ck_assert_uint_eq(count_steps(&m, STEP_CGROUP_V1), m.facts.cgroups.n_hierarchies);
	for (size_t i = 0; i < m.plan.n_steps; i++)
		if (m.plan.steps[i].kind == STEP_CGROUP_V1)
			tmpfs += m.plan.steps[i].u.cgroup_v1.tmpfs_first;
	ck_assert_uint_eq(tmpfs, 1);
	ck_assert(the_step_with_key(&m, "cgroup:cpu")->u.cgroup_v1.tmpfs_first);
	machine_free(&m);
}
END_TEST

START_TEST(read_only_v1)
{
	struct machine m;

	machine_with_volume(&m);
	hierarchy(&m, "memory")->writable.value = TRI_NO;
	hierarchy(&m, "devices")->writable.value = TRI_NO;
	machine_plan(&m);
	ck_assert_uint_eq(count_steps(&m, STEP_REMOUNT_RW), 2);
	ck_assert_int_eq(the_step_with_key(&m, "writable:" DIR "/memory")->on_fail, FAIL_DEGRADE);
	ck_assert_int_eq(the_step_with_key(&m, "writable:" DIR "/devices")->on_fail, FAIL_ABORT);
	machine_free(&m);

	/* the tmpfs around them, when something is to be made in it: once */
	machine_with_volume(&m);
	unmount(&m, "memory");
	unmount(&m, "pids");
	m.facts.mounts.table[3].options = "ro,nosuid";
	machine_plan(&m);
	ck_assert_uint_eq(count_steps(&m, STEP_REMOUNT_RW), 1);
	ck_assert_str_eq(the_step_with_key(&m, "writable:" DIR)->u.remount.path, DIR);
	ck_assert_uint_eq(count_steps(&m, STEP_CGROUP_V1), 2);
	machine_free(&m);

	machine_with_volume(&m);
	m.facts.mounts.table[3].options = "ro";
	machine_plan(&m);
	ck_assert_uint_eq(count_steps(&m, STEP_REMOUNT_RW), 0);
	machine_free(&m);
}
END_TEST

START_TEST(no_devices_hierarchy_is_refused)
{
	struct machine m;

	machine_with_volume(&m);
	no_hierarchies(&m);
	(void) machine_hierarchy(&m, "memory", DIR "/memory");
	(void) machine_hierarchy(&m, "", DIR "/unified");
	machine_plan(&m);
	ck_assert_int_eq(the_refusal(&m, "DIND-CGROUP-01")->status, STATUS_OSERR);
	machine_free(&m);

	/* nothing is known, so nothing is claimed */
	machine_with_volume(&m);
	no_hierarchies(&m);
	machine_plan(&m);
	ck_assert_uint_eq(m.plan.n_refusals, 0);
	machine_free(&m);
}
END_TEST

static const struct {
	const char *root, *path;
	bool replaced;
} depths[] = {
	{ "/", "/docker/1", true },	     /* the runtime did not know this controller */
	{ "/", "/", false },		     /* there is no other place */
	{ "/docker/1", "/docker/1", false }, /* as runtimes mount it */
	{ "/docker/1", "/docker/1/init", false },
	{ "/kubepods/pod1", "/kubepods/pod1/c1", true }, /* of all containers of a pod */
	{ "/docker", "/docker/1/init", true },
	{ "/docker/2", "/docker/1", true },  /* of another container */
	{ "/docker/12", "/docker/1", true }, /* likewise */
	{ "/../..", "/", true },	     /* of another namespace */
	{ "/", NULL, false },
	{ NULL, "/docker/1", false },
};

START_TEST(hierarchies_that_show_others_are_replaced)
{
	const struct plan_step *step;
	struct machine m;

	machine_with_volume(&m);
	hierarchy(&m, "pids")->mount_root = depths[_i].root;
	hierarchy(&m, "pids")->path = depths[_i].path;
	/* what replaces it is writable */
	if (depths[_i].replaced)
		hierarchy(&m, "pids")->writable.value = TRI_NO;
	machine_plan(&m);
	step = step_with_key(&m, "cgroup:pids");
	ck_assert_int_eq(step != NULL, depths[_i].replaced);
	ck_assert_uint_eq(count_cgroup_steps(&m), depths[_i].replaced);
	if (step) {
		ck_assert(step->u.cgroup_v1.replace);
		ck_assert_str_eq(step->u.cgroup_v1.target, DIR "/pids");
		ck_assert_int_eq(step->on_fail, FAIL_REPLAN);
		ck_assert_str_eq(step->code, "DIND-CGROUP-09");
		ck_assert_ptr_null(hint(&m, "DIND-CGROUP-09"));
		/* it could not be done: what is there is used, and that is said */
		machine_failure(&m, "cgroup:pids", EPERM, "no", NULL);
		machine_plan(&m);
		ck_assert_ptr_null(step_with_key(&m, "cgroup:pids"));
		ck_assert_ptr_nonnull(step_with_key(&m, "writable:" DIR "/pids"));
		ck_assert_has(the_hint(&m, "DIND-CGROUP-09")->fact, "replaced: pids.");
		ck_assert_has(the_hint(&m, "DIND-CGROUP-09")->remedy, "--cgroupns=private");
	}
	machine_free(&m);
}
END_TEST

/* What stands in the way of one is in the way of all, and each new plan is one of few. */
START_TEST(the_first_that_cannot_be_replaced_is_the_last_tried)
{
	struct machine m;

	machine_with_volume(&m);
	for (size_t i = 0; i < m.facts.cgroups.n_hierarchies; i++)
		m.facts.cgroups.hierarchies[i].mount_root = "/";
	machine_plan(&m);
	ck_assert_uint_eq(count_steps(&m, STEP_CGROUP_V1), m.facts.cgroups.n_hierarchies);
	for (size_t i = 0; i < m.plan.n_steps; i++)
		if (m.plan.steps[i].kind == STEP_CGROUP_V1)
			ck_assert_int_eq(m.plan.steps[i].on_fail, FAIL_REPLAN);
	machine_failure(
		&m, arena_printf(&m.arena, "cgroup:%s", m.facts.cgroups.hierarchies[2].controllers),
		ENOSYS, "no", NULL);
	machine_plan(&m);
	/* two are done, and stay so; the rest is told of */
	ck_assert_uint_eq(count_steps(&m, STEP_CGROUP_V1), 2);
	for (size_t i = 0; i < m.plan.n_steps; i++)
		if (m.plan.steps[i].kind == STEP_CGROUP_V1)
			ck_assert_int_eq(m.plan.steps[i].on_fail, FAIL_DEGRADE);
	for (size_t i = 0; i < m.facts.cgroups.n_hierarchies; i++) {
		const char *name = m.facts.cgroups.hierarchies[i].controllers;

		ck_assert_int_eq(str_list_has(m.plan.limits, name), i >= 2);
	}
	machine_free(&m);
}
END_TEST

/* The outer runtime does not know a controller: nobody has made a group for us in it. */
START_TEST(the_hosts_root_is_not_ours)
{
	const struct plan_step *step;
	struct machine m;

	machine_with_volume(&m);
	m.facts.cgroups.host_namespace = TRI_YES;
	hierarchy(&m, "pids")->mount_root = hierarchy(&m, "pids")->path = "/";
	machine_plan(&m);
	step = the_step_with_key(&m, "cgroup:pids");
	ck_assert(step->u.cgroup_v1.unmount && !step->u.cgroup_v1.replace);
	ck_assert_str_eq(step->u.cgroup_v1.target, DIR "/pids");
	ck_assert_int_eq(step->on_fail, FAIL_REPLAN);
	ck_assert_str_eq(m.plan.limits, "limits hold");
	ck_assert_str_eq(m.plan.host, "host unchanged");
	machine_failure(&m, "cgroup:pids", EINVAL, "no", NULL);
	machine_plan(&m);
	ck_assert_ptr_null(step_with_key(&m, "cgroup:pids"));
	ck_assert_str_eq(m.plan.limits, "limits hold but for pids");
	ck_assert_str_eq(m.plan.host, "host changed: control groups");
	machine_free(&m);

	/* it is not there, and is not brought here */
	machine_with_volume(&m);
	m.facts.cgroups.host_namespace = TRI_YES;
	unmount(&m, "pids");
	hierarchy(&m, "pids")->path = "/";
	machine_plan(&m);
	ck_assert_uint_eq(count_cgroup_steps(&m), 0);
	ck_assert_str_eq(m.plan.limits, "limits hold");
	ck_assert_has(the_hint(&m, "DIND-CGROUP-02")->fact, "left out: pids.");
	machine_free(&m);

	/* dockerd does not start without this one */
	for (int mounted = 0; mounted < 2; mounted++) {
		machine_with_volume(&m);
		m.facts.cgroups.host_namespace = TRI_YES;
		hierarchy(&m, "devices")->mount_root = hierarchy(&m, "devices")->path = "/";
		if (!mounted)
			unmount(&m, "devices");
		machine_plan(&m);
		ck_assert_uint_eq(count_cgroup_steps(&m), !mounted);
		ck_assert_str_eq(m.plan.limits, "limits hold but for devices");
		ck_assert_has(the_hint(&m, "DIND-CGROUP-09")->fact, "devices");
		machine_free(&m);
	}

	/* nobody made groups for us, so there is no other place: it is used, and told */
	machine_with_volume(&m);
	m.facts.cgroups.host_namespace = TRI_YES;
	for (size_t i = 0; i < m.facts.cgroups.n_hierarchies; i++)
		m.facts.cgroups.hierarchies[i].path = m.facts.cgroups.hierarchies[i].mount_root =
			"/";
	machine_plan(&m);
	ck_assert_uint_eq(count_cgroup_steps(&m), 0);
	ck_assert_has(m.plan.limits, "memory");
	ck_assert_str_eq(m.plan.host, "host changed: control groups");
	/* in a namespace of our own that root is ours */
	m.facts.cgroups.host_namespace = TRI_NO;
	machine_plan(&m);
	ck_assert_str_eq(m.plan.limits, "limits hold");
	machine_free(&m);
}
END_TEST

/* runc makes groups in the v2 tree of a hybrid machine, too, when it is there. */
START_TEST(the_unified_tree_of_a_hybrid_machine)
{
	const struct plan_step *step;
	struct facts_hierarchy *h;
	struct machine m;

	machine_with_volume(&m);
	m.facts.cgroups.mode = CGROUP_HYBRID;
	h = machine_hierarchy(&m, "", DIR "/unified");
	h->mount_root = "/";
	machine_plan(&m);
	step = the_step_with_key(&m, "cgroup:unified");
	ck_assert(step->u.cgroup_v1.replace);
	ck_assert_str_eq(step->u.cgroup_v1.controllers, "");
	ck_assert_str_eq(step->u.cgroup_v1.target, DIR "/unified");
	ck_assert_str_eq(m.plan.host, "host unchanged");
	machine_failure(&m, "cgroup:unified", EPERM, "no", NULL);
	machine_plan(&m);
	ck_assert_ptr_null(step_with_key(&m, "cgroup:unified"));
	ck_assert_str_eq(m.plan.limits, "limits hold but for unified");
	ck_assert_str_eq(m.plan.host, "host changed: control groups");
	machine_free(&m);
}
END_TEST

/* Before Linux 5.11 a memory group need not count what is below it. */
START_TEST(memory_limits_that_do_not_hold_below)
{
	struct machine m;

	machine_with_volume(&m);
	m.facts.cgroups.memory_hierarchy = TRI_NO;
	machine_plan(&m);
	ck_assert_str_eq(m.plan.limits, "limits hold but for memory");
	ck_assert_str_eq(m.plan.host, "host unchanged");
	ck_assert_has(the_hint(&m, "DIND-CGROUP-16")->remedy, "memory.use_hierarchy");
	hierarchy(&m, "memory")->mount_root = "/";
	machine_failure(&m, "cgroup:memory", EPERM, "no", NULL);
	machine_plan(&m);
	ck_assert_str_eq(m.plan.limits, "limits hold but for memory"); /* once */
	m.facts.cgroups.memory_hierarchy = TRI_YES;
	machine_plan(&m);
	ck_assert_ptr_null(hint(&m, "DIND-CGROUP-16"));
	machine_free(&m);
}
END_TEST

START_TEST(a_place_for_what_is_replaced)
{
	struct machine m;

	machine_with_volume(&m);
	hierarchy(&m, "pids")->mount_root = "/";
	hierarchy(&m, "pids")->path = "/docker/1";
	m.facts.mounts.table[3].options = "ro,nosuid";
	machine_plan(&m);
	ck_assert_ptr_nonnull(step_with_key(&m, "writable:" DIR));
	ck_assert(the_step_with_key(&m, "writable:" DIR) < the_step_with_key(&m, "cgroup:pids"));
	machine_free(&m);
}
END_TEST

/* ---- v2 ---------------------------------------------------------------------------------------
 */

static void machine_v2(struct machine *m)
{
	struct facts_cgroups *cgroups = &m->facts.cgroups;

	machine_with_volume(m);
	no_hierarchies(m);
	(void) machine_hierarchy(m, "", DIR);
	m->facts.mounts.table[3].fstype = "cgroup2";
	cgroups->mode = CGROUP_V2;
	cgroups->own_path = "/";
	cgroups->host_namespace = TRI_NO;
	cgroups->host_view = TRI_NO;
	cgroups->writable.value = TRI_YES;
	cgroups->type = "domain";
	cgroups->controllers = "cpuset cpu io memory hugetlb pids rdma misc";
	cgroups->subtree_control = "";
	cgroups->n_processes = 1;
}

START_TEST(v2_is_nested)
{
	const struct plan_step *step;
	struct machine m;

	machine_v2(&m);
	machine_plan(&m);
	ck_assert_uint_eq(count_cgroup_steps(&m), 1);
	step = the_step_with_key(&m, "cgroup-nest");
	ck_assert_str_eq(step->u.cgroup_nest.mount_point, DIR);
	ck_assert_str_eq(step->u.cgroup_nest.leaf, "init");
	ck_assert_str_eq(step->u.cgroup_nest.controllers, m.facts.cgroups.controllers);
	ck_assert_int_gt(step->u.cgroup_nest.timeout_ms, 0);
	/* where no group can be made no container runs */
	ck_assert_str_eq(the_step_with_key(&m, "cgroup-leaf")->u.runtime_dir.path, DIR "/init");
	ck_assert_int_eq(the_step_with_key(&m, "cgroup-leaf")->on_fail, FAIL_ABORT);
	ck_assert_int_eq(the_step_with_key(&m, "cgroup-leaf")->status, STATUS_OSERR);
	ck_assert_has(the_step_with_key(&m, "cgroup-leaf")->remedy, "cgroup.max.descendants");
	ck_assert(the_step_with_key(&m, "cgroup-leaf") < step);
	/* containers without limits still run */
	ck_assert_int_eq(step->on_fail, FAIL_DEGRADE);
	ck_assert_int_eq(m.plan.cgroup_mode, CGROUP_V2);
	machine_free(&m);
}
END_TEST

START_TEST(v2_beside_a_named_hierarchy)
{
	struct machine m;

	machine_v2(&m);
	no_hierarchies(&m);
	(void) machine_hierarchy(&m, "name=elogind", NULL);
	machine_plan(&m);
	/* nothing is known about the mount, and it is in use */
	ck_assert_ptr_null(step_with_key(&m, "cgroup-namespace"));
	(void) machine_hierarchy(&m, "", DIR);
	machine_plan(&m);
	ck_assert_uint_eq(count_cgroup_steps(&m), 1);
	ck_assert_ptr_nonnull(step_with_key(&m, "cgroup-nest"));
	machine_free(&m);
}
END_TEST

START_TEST(v2_under_another_init_is_nested_too)
{
	struct machine m;

	machine_v2(&m);
	m.facts.privileges.pid = 7;
	machine_plan(&m);
	ck_assert_ptr_nonnull(step_with_key(&m, "cgroup-nest"));
	machine_free(&m);
}
END_TEST

static const struct {
	int64_t n_processes;
	const char *subtree_control;
	bool step;
} nested[] = {
	{ 0, "cpuset cpu io memory hugetlb pids rdma misc", false },
	{ 0, "cpuset cpu io memory hugetlb pids rdma", true },
	{ 0, NULL, true },
	{ 1, "cpuset cpu io memory hugetlb pids rdma misc", true },
	{ -1, "cpuset cpu io memory hugetlb pids rdma misc", true },
};

START_TEST(v2_is_nested_once)
{
	struct machine m;

	machine_v2(&m);
	m.facts.cgroups.n_processes = nested[_i].n_processes;
	m.facts.cgroups.subtree_control = nested[_i].subtree_control;
	machine_plan(&m);
	ck_assert_int_eq(step_with_key(&m, "cgroup-nest") != NULL, nested[_i].step);
	machine_free(&m);
}
END_TEST

START_TEST(v2_with_the_hosts_tree_gets_a_namespace_first)
{
	const struct plan_step *namespace, *nest;
	struct machine m;

	machine_v2(&m);
	m.facts.cgroups.host_view = TRI_YES;
	m.facts.cgroups.own_path = "/kubepods/pod1/c1";
	m.facts.cgroups.host_namespace = TRI_YES;
	/* of the host's root: neither says anything about our own group */
	m.facts.cgroups.n_processes = 0;
	m.facts.cgroups.subtree_control = m.facts.cgroups.controllers;
	m.facts.cgroups.writable = (struct fact){ TRI_NO, EROFS, NULL };
	machine_plan(&m);
	namespace = the_step_with_key(&m, "cgroup-namespace");
	nest = the_step_with_key(&m, "cgroup-nest");
	ck_assert_ptr_nonnull(namespace);
	ck_assert_ptr_nonnull(nest);
	ck_assert(namespace < nest);
	ck_assert_uint_eq(count_steps(&m, STEP_REMOUNT_RW), 0);
	/* nothing is known of how our own group shows: else the host's root would be evacuated */
	ck_assert_int_eq(namespace->on_fail, FAIL_ABORT);
	ck_assert_has(namespace->remedy, "--cgroupns=private");
	ck_assert_has(the_decision(&m, "DIND-CGROUP-11")->fact, "namespace of our own");
	machine_free(&m);
}
END_TEST

/* In the host's tree with our group at @path below a mount of @root. */
static void machine_in_the_hosts_tree(struct machine *m, const char *path, const char *root)
{
	machine_v2(m);
	m->facts.cgroups.host_view = TRI_YES;
	m->facts.cgroups.host_namespace = TRI_YES;
	m->facts.cgroups.own_path = path;
	hierarchy(m, "")->path = path;
	hierarchy(m, "")->mount_root = root;
}

static void refuse_namespace(struct machine *m)
{
	machine_failure(m, "cgroup-namespace", ENOSPC, "make a cgroup namespace: ENOSPC", NULL);
}

static const struct {
	const char *path, *root;
	const char *group;  /* what is nested; NULL: there is no way out */
	const char *parent; /* what dockerd is told */
} shared[] = {
	{ "/kubepods/pod1/c1", "/", DIR "/kubepods/pod1/c1", "/kubepods/pod1/c1/docker" },
	{ "/kubepods/pod1/c1/init", "/", DIR "/kubepods/pod1/c1", "/kubepods/pod1/c1/docker" },
	{ "/kubepods/pod1/c1", "/kubepods", DIR "/pod1/c1", "/pod1/c1/docker" },
	{ "/", "/../..", NULL, NULL },
	{ "/kubepods/pod1/c1", "/other", NULL, NULL },
	{ "/init", "/", NULL, NULL },
	{ NULL, "/", NULL, NULL },
};

START_TEST(v2_without_a_namespace_of_our_own)
{
	const struct plan_step *namespace;
	struct machine m;

	machine_in_the_hosts_tree(&m, shared[_i].path, shared[_i].root);
	machine_plan(&m);
	namespace = the_step_with_key(&m, "cgroup-namespace");
	ck_assert_int_eq(namespace->on_fail, shared[_i].group ? FAIL_REPLAN : FAIL_ABORT);
	ck_assert_has_not(told(&m), "cgroup-parent");
	ck_assert_str_eq(m.plan.memory_group, DIR); /* what shows there by then */

	refuse_namespace(&m);
	machine_plan(&m);
	if (!shared[_i].group) {
		ck_assert_int_eq(the_step_with_key(&m, "cgroup-namespace")->on_fail, FAIL_ABORT);
		ck_assert_has_not(told(&m), "cgroup-parent");
		ck_assert_ptr_null(m.plan.cgroup_parent);
		machine_free(&m);
		return;
	}
	ck_assert_ptr_null(step_with_key(&m, "cgroup-namespace"));
	ck_assert_str_eq(the_step_with_key(&m, "cgroup-nest")->u.cgroup_nest.mount_point,
			 shared[_i].group);
	ck_assert_has(told(&m), arena_printf(&m.arena, "cgroup-parent=%s", shared[_i].parent));
	ck_assert_has(told(&m), "default-cgroupns-mode=host");
	ck_assert_str_eq(m.plan.cgroup_parent, arena_printf(&m.arena, DIR "%s", shared[_i].parent));
	ck_assert_str_eq(m.plan.memory_group, shared[_i].group);
	ck_assert_has(the_hint(&m, "DIND-CGROUP-13")->fact, "make a cgroup namespace: ENOSPC");
	ck_assert_has(the_hint(&m, "DIND-CGROUP-13")->fact, shared[_i].parent);
	ck_assert_has(the_hint(&m, "DIND-CGROUP-13")->remedy, "--cgroupns=private");
	ck_assert_has(the_decision(&m, "DIND-CGROUP-11")->fact, "in the host's namespace");
	ck_assert_str_eq(the_step_with_key(&m, "cgroup-leaf")->u.runtime_dir.path,
			 arena_printf(&m.arena, "%s/init", shared[_i].group));
	ck_assert_uint_eq(count_steps(&m, STEP_REMOUNT_RW), 0);
	/* what the files of the root say is not about us, but we share its mount */
	m.facts.cgroups.writable = (struct fact){ TRI_NO, EACCES, NULL };
	machine_plan(&m);
	ck_assert_uint_eq(count_steps(&m, STEP_REMOUNT_RW), 0);
	m.facts.cgroups.writable = (struct fact){ TRI_NO, EROFS, NULL };
	machine_plan(&m);
	ck_assert_str_eq(the_step_with_key(&m, "writable:" DIR)->u.remount.path, DIR);
	ck_assert(the_step_with_key(&m, "writable:" DIR) < the_step_with_key(&m, "cgroup-leaf"));
	machine_free(&m);
}
END_TEST

START_TEST(v2_without_a_namespace_and_with_a_parent_of_the_users)
{
	static const char *const own[] = { "--cgroup-parent", "/theirs", NULL };
	struct machine m;

	machine_in_the_hosts_tree(&m, "/docker/1", "/");
	refuse_namespace(&m);
	m.options.dockerd_args = own;
	machine_plan(&m);
	ck_assert_has(told(&m), "/theirs");
	ck_assert_has_not(told(&m), "/docker/1/docker");
	ck_assert_has(the_hint(&m, "DIND-CGROUP-13")->remedy, "/docker/1/docker");
	/* whether groups can be made below ours says nothing about theirs */
	ck_assert_ptr_null(step_with_key(&m, "cgroup-leaf"));
	ck_assert_ptr_nonnull(step_with_key(&m, "cgroup-nest"));
	machine_free(&m);

	/* dockerd refuses a key that is a flag, too */
	machine_in_the_hosts_tree(&m, "/docker/1", "/");
	refuse_namespace(&m);
	strings_add(&m.arena, &m.facts.engine.config_keys, "cgroup-parent");
	strings_add(&m.arena, &m.facts.engine.config_keys, "default-cgroupns-mode");
	machine_plan(&m);
	ck_assert_has_not(told(&m), "/docker/1/docker");
	ck_assert_has_not(told(&m), "default-cgroupns-mode=host");
	machine_free(&m);

	/* nobody may add a flag */
	machine_in_the_hosts_tree(&m, "/docker/1", "/");
	refuse_namespace(&m);
	m.options.strict_args = true;
	machine_plan(&m);
	ck_assert_int_eq(the_step_with_key(&m, "cgroup-namespace")->on_fail, FAIL_ABORT);
	machine_free(&m);
}
END_TEST

START_TEST(v2_that_is_mounted_nowhere)
{
	const struct plan_step *nest;
	struct machine m;

	machine_v2(&m);
	hierarchy(&m, "")->mounted_at = NULL;
	m.facts.cgroups.controllers = NULL;
	m.facts.cgroups.host_view = TRI_UNKNOWN;
	machine_plan(&m);
	ck_assert_ptr_nonnull(step_with_key(&m, "cgroup-namespace"));
	ck_assert_has(the_step_with_key(&m, "cgroup-namespace")->why, "no cgroup file system");
	nest = the_step_with_key(&m, "cgroup-nest");
	ck_assert_has(nest->u.cgroup_nest.controllers, "memory");
	ck_assert_ptr_null(hint(&m, "DIND-CGROUP-08"));
	machine_free(&m);
}
END_TEST

START_TEST(v2_read_only)
{
	struct machine m;

	machine_v2(&m);
	m.facts.cgroups.writable = (struct fact){ TRI_NO, EROFS, NULL };
	machine_plan(&m);
	ck_assert_int_eq(the_step_with_key(&m, "writable:" DIR)->on_fail, FAIL_ABORT);
	ck_assert_int_eq(the_step_with_key(&m, "writable:" DIR)->status, STATUS_NOPERM);
	ck_assert_has(the_step_with_key(&m, "writable:" DIR)->remedy, "writable-cgroups");
	ck_assert_ptr_nonnull(step_with_key(&m, "cgroup-nest"));
	machine_free(&m);
}
END_TEST

START_TEST(v2_that_belongs_to_somebody_else)
{
	static const int errors[] = { EACCES, EPERM };
	struct machine m;

	machine_v2(&m);
	m.facts.cgroups.writable = (struct fact){ TRI_NO, errors[_i], DIR "/cgroup.procs" };
	machine_plan(&m);
	ck_assert_int_eq(the_refusal(&m, "DIND-CGROUP-03")->status, STATUS_NOPERM);
	ck_assert_has(the_refusal(&m, "DIND-CGROUP-03")->fact, "cgroup.procs)");
	ck_assert_has(the_refusal(&m, "DIND-CGROUP-03")->remedy, "--cgroupns=private");
	ck_assert_uint_eq(count_cgroup_steps(&m), 0);
	machine_free(&m);
}
END_TEST

START_TEST(v2_types_and_controllers_are_reported)
{
	static const struct {
		const char *type;
		bool hint;
	} types[] = {
		{ "domain", false },	     { "", false },	   { NULL, false },
		{ "domain threaded", true }, { "threaded", true }, { "domain invalid", true },
	};
	struct machine m;

	for (size_t i = 0; i < ARRAY_SIZE(types); i++) {
		machine_v2(&m);
		m.facts.cgroups.type = types[i].type;
		machine_plan(&m);
		ck_assert_int_eq(hint(&m, "DIND-CGROUP-07") != NULL, types[i].hint);
		machine_free(&m);
	}
	machine_v2(&m);
	m.facts.cgroups.controllers = "cpuset hugetlb pids";
	machine_plan(&m);
	ck_assert_has(the_hint(&m, "DIND-CGROUP-08")->fact, "not given: cpu memory.");
	machine_free(&m);

	/* names that no kernel has, to the end of the buffers */
	machine_v2(&m);
	m.facts.cgroups.controllers =
		" cpu memory pids "
		"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa";
	m.facts.cgroups.subtree_control = m.facts.cgroups.controllers;
	m.facts.cgroups.n_processes = 0;
	machine_plan(&m);
	ck_assert_ptr_nonnull(step_with_key(&m, "cgroup-nest"));
	machine_free(&m);

	machine_v2(&m);
	m.facts.cgroups.controllers = " cpu memory pids ";
	m.facts.cgroups.subtree_control = "pids memory cpu";
	m.facts.cgroups.n_processes = 0;
	machine_plan(&m);
	ck_assert_ptr_null(step_with_key(&m, "cgroup-nest"));
	ck_assert_has(the_decision(&m, "DIND-CGROUP-11")->fact, "in order");
	machine_free(&m);
}
END_TEST

/* ---- neither, and what is common --------------------------------------------------------------
 */

START_TEST(no_control_groups)
{
	struct machine m;

	machine_with_volume(&m);
	m.facts.cgroups.mode = CGROUP_NONE;
	machine_plan(&m);
	ck_assert_int_eq(the_refusal(&m, "DIND-CGROUP-06")->status, STATUS_OSERR);
	machine_free(&m);

	machine_with_volume(&m);
	m.facts.cgroups.mode = CGROUP_UNKNOWN;
	machine_plan(&m);
	ck_assert_uint_eq(m.plan.n_refusals, 0);
	ck_assert_ptr_nonnull(hint(&m, "DIND-CGROUP-06"));
	ck_assert_uint_eq(count_cgroup_steps(&m), 0);
	machine_free(&m);
}
END_TEST

START_TEST(whether_limits_hold_is_told)
{
	struct machine m;

	machine_with_volume(&m);
	m.facts.limits.memory_max = 4 * GIB;
	machine_plan(&m);
	ck_assert_has(the_decision(&m, "DIND-CGROUP-12")->fact, "(memory: 4.0 GiB) hold for all");
	ck_assert_str_eq(m.plan.limits, "limits hold");
	m.facts.limits.memory_max = FACTS_UNLIMITED;
	machine_plan(&m);
	ck_assert_has(the_decision(&m, "DIND-CGROUP-12")->fact, "of this container hold for all");
	m.facts.limits.memory_max = 0;
	m.facts.cgroups.hierarchies[0].path = "/docker/x";
	m.facts.cgroups.hierarchies[0].mount_root = "/";
	machine_failure(
		&m, arena_printf(&m.arena, "cgroup:%s", m.facts.cgroups.hierarchies[0].controllers),
		EPERM, "no", NULL);
	machine_plan(&m);
	ck_assert_has(the_decision(&m, "DIND-CGROUP-12")->fact, "but for ");
	ck_assert_has(m.plan.limits, m.facts.cgroups.hierarchies[0].controllers);
	m.facts.cgroups.mode = CGROUP_NONE;
	machine_plan(&m);
	ck_assert_ptr_null(decision(&m, "DIND-CGROUP-12"));
	machine_free(&m);
}
END_TEST

START_TEST(dockerd_is_kept_from_a_systemd_that_is_not_there)
{
	static const char *const own[] = { "--exec-opt", "native.cgroupdriver=systemd", NULL };
	const char *flag = "exec-opts=[\"native.cgroupdriver=cgroupfs\"]";
	struct machine m;

	machine_v2(&m);
	m.facts.engine.systemd_directory = TRI_YES;
	machine_plan(&m);
	ck_assert_has(told(&m), flag);
	ck_assert_ptr_nonnull(decision(&m, "DIND-CGROUP-10"));

	strings_add(&m.arena, &m.facts.engine.config_keys, "exec-opts");
	machine_plan(&m);
	ck_assert_has_not(told(&m), flag);
	ck_assert_ptr_nonnull(hint(&m, "DIND-CGROUP-10"));
	machine_free(&m);

	machine_v2(&m);
	m.facts.engine.systemd_directory = TRI_YES;
	m.options.dockerd_args = own;
	machine_plan(&m);
	ck_assert_has_not(told(&m), flag);
	machine_free(&m);

	machine_with_volume(&m);
	m.facts.engine.systemd_directory = TRI_YES;
	machine_plan(&m);
	ck_assert_has_not(told(&m), flag);
	ck_assert_ptr_null(hint(&m, "DIND-CGROUP-10"));
	machine_free(&m);

	machine_v2(&m);
	machine_plan(&m);
	ck_assert_has_not(told(&m), flag);
	machine_free(&m);
}
END_TEST

int main(void)
{
	TCase *tc = tcase_create("cgroups");

	tcase_add_loop_test(tc, v1_that_works_is_left_alone, 0, 2);
	tcase_add_loop_test(tc, a_missing_v1_hierarchy_is_completed, 0, 3);
	tcase_add_test(tc, a_set_is_mounted_as_the_set_that_it_is);
	tcase_add_test(tc, the_tmpfs_comes_once_and_only_where_nothing_is);
	tcase_add_test(tc, read_only_v1);
	tcase_add_test(tc, no_devices_hierarchy_is_refused);
	tcase_add_loop_test(tc, hierarchies_that_show_others_are_replaced, 0, ARRAY_SIZE(depths));
	tcase_add_test(tc, the_first_that_cannot_be_replaced_is_the_last_tried);
	tcase_add_test(tc, the_hosts_root_is_not_ours);
	tcase_add_test(tc, the_unified_tree_of_a_hybrid_machine);
	tcase_add_test(tc, memory_limits_that_do_not_hold_below);
	tcase_add_test(tc, a_place_for_what_is_replaced);
	tcase_add_test(tc, v2_is_nested);
	tcase_add_test(tc, v2_beside_a_named_hierarchy);
	tcase_add_test(tc, v2_under_another_init_is_nested_too);
	tcase_add_loop_test(tc, v2_is_nested_once, 0, ARRAY_SIZE(nested));
	tcase_add_test(tc, v2_with_the_hosts_tree_gets_a_namespace_first);
	tcase_add_loop_test(tc, v2_without_a_namespace_of_our_own, 0, ARRAY_SIZE(shared));
	tcase_add_test(tc, v2_without_a_namespace_and_with_a_parent_of_the_users);
	tcase_add_test(tc, v2_that_is_mounted_nowhere);
	tcase_add_test(tc, v2_read_only);
	tcase_add_loop_test(tc, v2_that_belongs_to_somebody_else, 0, 2);
	tcase_add_test(tc, v2_types_and_controllers_are_reported);
	tcase_add_test(tc, no_control_groups);
	tcase_add_test(tc, whether_limits_hold_is_told);
	tcase_add_test(tc, dockerd_is_kept_from_a_systemd_that_is_not_there);
	return run_suite(tc);
}
