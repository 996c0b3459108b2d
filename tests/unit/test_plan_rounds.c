/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Properties of plans as a whole: they end, whatever goes wrong and in whatever order; the same
 * facts give the same plan; facts that meet a goal give no step for it; facts without any knowledge
 * break nothing.
 */
#include <linux/capability.h>

#include "../../src/plan/planner.h"
#include "plan_fixture.h"

/* ---- every way in which trials and steps can turn out -----------------------------------------
 */

#define MAX_CHOICES 64
#define MAX_RUNS    200000

/* One run makes a choice wherever the world has one; the next run differs in the last that can. */
struct oracle {
	int chosen[MAX_CHOICES], alternatives[MAX_CHOICES];
	int n, depth;
};

static int choose(struct oracle *oracle, int alternatives)
{
	ck_assert_int_lt(oracle->depth, MAX_CHOICES);
	if (oracle->depth == oracle->n) {
		oracle->chosen[oracle->n] = 0;
		oracle->n++;
	}
	oracle->alternatives[oracle->depth] = alternatives;
	return oracle->chosen[oracle->depth++];
}

static bool next_run(struct oracle *oracle)
{
	oracle->n = oracle->depth;
	oracle->depth = 0;
	while (oracle->n > 0) {
		if (++oracle->chosen[oracle->n - 1] < oracle->alternatives[oracle->n - 1])
			return true;
		oracle->n--;
	}
	return false;
}

static void run_trials(struct machine *m, struct oracle *oracle)
{
	static const struct {
		enum tri value;
		int error;
	} outcomes[] = { { TRI_YES, 0 }, { TRI_NO, EINVAL }, { TRI_UNKNOWN, ETIMEDOUT } };

	for (size_t i = 0; i < m->plan.n_trials; i++) {
		const struct trial_request *request = &m->plan.trials[i];
		int outcome = choose(oracle, ARRAY_SIZE(outcomes));

		ck_assert_ptr_null(facts_find_trial(&m->facts, request->kind, request->path));
		(void) machine_trial(m, request->kind, request->path, outcomes[outcome].value,
				     outcomes[outcome].error, NULL);
	}
}

/* False when every step that could have failed did not. */
static bool run_steps(struct machine *m, struct oracle *oracle)
{
	struct plan plan = m->plan;

	for (size_t i = 0; i < plan.n_steps; i++) {
		enum plan_step_kind kind = plan.steps[i].kind;
		int errors[] = { 0, EIO,
				 kind == STEP_LOCK	    ? EWOULDBLOCK
				 : kind == STEP_CHECK_STORE ? EEXIST
							    : EADDRINUSE };
		bool two = kind == STEP_LOCK || kind == STEP_LISTEN || kind == STEP_CHECK_STORE;
		int outcome;

		if (plan.steps[i].on_fail != FAIL_REPLAN)
			continue;
		outcome = choose(oracle, two ? 3 : 2);
		if (outcome == 0)
			continue;
		ck_assert_ptr_null(facts_find_failure(&m->facts, plan.steps[i].key));
		machine_failure(m, plan.steps[i].key, errors[outcome], "it failed", NULL);
		return true;
	}
	return false;
}

static int run_rounds(struct machine *m, struct oracle *oracle)
{
	for (int round = 1;; round++) {
		size_t known = m->facts.n_trials + m->facts.n_failures;

		ck_assert_int_le(round, PLAN_MAX_ROUNDS);
		machine_plan(m);
		if (m->plan.n_refusals)
			return round;
		if (m->plan.n_trials)
			run_trials(m, oracle);
		else if (!run_steps(m, oracle))
			return round;
		/* a round that adds nothing would be made for ever */
		ck_assert_uint_gt(m->facts.n_trials + m->facts.n_failures, known);
	}
}

enum variant {
	BARE,
	WITH_FUSE,
	WITH_PATH,
	WITH_PATH_AND_IMAGE_DIR,
	WITH_PRIOR_OVERLAY,
	WITH_PRIOR_FUSE,
	WITH_IMAGE_AND_VFS,
	WITH_DRIVER,
	WITH_TMPFS,
	DOCTOR,
	WITH_BACK_ENDS,
	WITH_HIERARCHIES_OF_THE_HOST,
	WITH_TREE_OF_THE_HOST,
	VARIANTS,
};
/* The host's control groups show, and AppArmor: what is made anew then comes before the image. */
static void show_the_host(struct machine *m, bool v2)
{
	struct facts_cgroups *cgroups = &m->facts.cgroups;

	cgroups->host_namespace = TRI_YES;
	for (size_t i = 0; i < cgroups->n_hierarchies; i++)
		cgroups->hierarchies[i].mount_root = "/";
	if (v2) {
		cgroups->hierarchies = NULL;
		cgroups->n_hierarchies = 0;
		cgroups->mode = CGROUP_V2;
		cgroups->host_view = TRI_YES;
		cgroups->controllers = "cpu memory pids";
		machine_hierarchy(m, "", "/sys/fs/cgroup")->mount_root = "/";
		cgroups->own_path = cgroups->hierarchies[0].path;
	}
	m->facts.lsm.apparmor = TRI_YES;
	m->facts.lsm.apparmor_label = "unconfined";
	m->facts.lsm.apparmor_stack = TRI_YES;
	m->facts.lsm.apparmor_visible = TRI_YES;
	m->facts.lsm.apparmor_parser = "/sbin/apparmor_parser";
	m->facts.lsm.mount_namespace = "4026531840";
}

static void machine_variant(struct machine *m, enum variant variant)
{
	struct facts_storage *storage = &m->facts.storage;

	machine_init(m);
	if (variant == BARE)
		return;
	if (variant == WITH_HIERARCHIES_OF_THE_HOST || variant == WITH_TREE_OF_THE_HOST)
		show_the_host(m, variant == WITH_TREE_OF_THE_HOST);
	if (variant == WITH_BACK_ENDS) {
		m->facts.n_trials = 0; /* the one of iptables */
		m->facts.network.iptables_backend = "nft";
		m->facts.network.iptables_legacy = "/usr/sbin/iptables-legacy";
		return;
	}
	storage->fuse_overlayfs = "/usr/bin/fuse-overlayfs";
	if (variant == WITH_PATH || variant == WITH_PATH_AND_IMAGE_DIR || variant == DOCTOR) {
		m->options.storage_path = "/mnt/data";
		storage->storage_path = machine_directory("/mnt/data", "ext4");
	}
	if (variant == WITH_PATH)
		storage->image_dir = storage->storage_path;
	if (variant == WITH_PRIOR_OVERLAY)
		strings_add(&m->arena, &storage->data_root.drivers, "overlay2");
	if (variant == WITH_PRIOR_FUSE)
		strings_add(&m->arena, &storage->data_root.drivers, "fuse-overlayfs");
	if (variant == WITH_IMAGE_AND_VFS) {
		strings_add(&m->arena, &storage->data_root.drivers, "vfs");
		storage->image_dir.image = TRI_YES;
		storage->image_dir.image_bytes = GIB;
	}
	if (variant == WITH_DRIVER)
		m->options.storage_driver = "overlay2";
	if (variant == WITH_TMPFS) {
		m->options.storage_given = true;
		m->options.rungs[0] = RUNG_AS_IS;
		m->options.rungs[1] = RUNG_TMPFS;
		m->options.rungs[2] = RUNG_VFS;
		m->facts.limits.memory_available = 8 * GIB;
		(void) machine_mount(m, "/dev/shm", "tmpfs");
	}
	if (variant == DOCTOR) {
		m->options.command = COMMAND_DOCTOR;
		m->facts.privileges.cap_effective &= ~CAP(CAP_SYS_RESOURCE);
	}
}

START_TEST(every_order_of_failures_ends)
{
	struct oracle oracle = { .n = 0 };
	int runs = 0, longest = 0, complete = 0;

	do {
		struct machine m;
		int rounds;

		ck_assert_int_lt(runs++, MAX_RUNS);
		machine_variant(&m, (enum variant) _i);
		rounds = run_rounds(&m, &oracle);
		longest = rounds > longest ? rounds : longest;
		complete += m.plan.n_refusals == 0;
		machine_free(&m);
	} while (next_run(&oracle));
	/* the search went somewhere */
	ck_assert_int_gt(runs, 3);
	ck_assert_int_ge(longest, 3);
	ck_assert_int_gt(complete, 0);
}
END_TEST

/* ---- satisfied facts --------------------------------------------------------------------------
 */

static bool is_visible(enum plan_step_kind kind)
{
	/* what an inspection can see; the others are done anew by every start */
	return kind != STEP_LISTEN && kind != STEP_LOCK && kind != STEP_SWEEP &&
	       kind != STEP_CONFIG && kind != STEP_FILE && kind != STEP_CONFINE &&
	       kind != STEP_APPARMOR && kind != STEP_GUARD_START && kind != STEP_CERTS &&
	       kind != STEP_CAPABILITIES && kind != STEP_LINK && kind != STEP_CLAMP_MSS &&
	       kind != STEP_DNS_RELAY;
}

/* What the machine is like after the plan was carried out. */
static void carry_out(struct machine *m)
{
	struct facts *f = &m->facts;

	for (size_t i = 0; i < m->plan.n_steps; i++) {
		const struct plan_step *step = &m->plan.steps[i];

		switch (step->kind) {
		case STEP_LIMITS:
			if (step->u.limits.set_nofile) {
				f->limits.nofile_soft = step->u.limits.nofile_soft;
				f->limits.nofile_hard = step->u.limits.nofile_hard;
			}
			if (step->u.limits.set_oom_score)
				f->limits.oom_score_adj = step->u.limits.oom_score_adj;
			break;
		case STEP_RUNTIME_DIR:
			(void) machine_mount(m, step->u.runtime_dir.path, "tmpfs");
			break;
		case STEP_REMOUNT_RW:
			f->mounts.sys_writable.value = TRI_YES;
			f->mounts.proc_sys_writable.value = TRI_YES;
			f->mounts.proc_sys_net_writable.value = TRI_YES;
			for (size_t h = 0; h < f->cgroups.n_hierarchies; h++)
				f->cgroups.hierarchies[h].writable.value = TRI_YES;
			break;
		case STEP_DEVICE:
			for (size_t d = 0; d < f->mounts.n_devices; d++)
				f->mounts.devices[d].present = true;
			break;
		case STEP_PROPAGATION:
			f->mounts.table[0].propagation = "shared";
			break;
		case STEP_CGROUP_V1:
			for (size_t h = 0; h < f->cgroups.n_hierarchies; h++)
				f->cgroups.hierarchies[h].mounted_at = "/sys/fs/cgroup/x";
			break;
		case STEP_CGROUP_NAMESPACE:
			f->cgroups.host_view = TRI_NO;
			break;
		case STEP_CGROUP_NEST:
			f->cgroups.n_processes = 0;
			f->cgroups.subtree_control = step->u.cgroup_nest.controllers;
			break;
		case STEP_DIRECTORY:
			f->storage.data_root.exists = TRI_YES;
			break;
		case STEP_BIND:
		case STEP_MOUNT_IMAGE:
			(void) machine_mount(m, DATA_ROOT, "ext4");
			f->storage.data_root = machine_directory(DATA_ROOT, "ext4");
			f->storage.data_root.is_mount_point = TRI_YES;
			f->storage.storage_path.path = NULL;
			m->options.storage_path = NULL;
			f->trials = NULL;
			f->n_trials = 0;
			machine_overlay(m, TRI_YES);
			(void) machine_trial(m, TRIAL_IPTABLES, f->network.iptables, TRI_YES, 0,
					     NULL);
			break;
		case STEP_SELINUX_HIDE:
			f->lsm.selinux_mounts.count = 0;
			break;
		case STEP_APPARMOR:
		case STEP_CONFINE:
		case STEP_CAPABILITIES:
		case STEP_CERTS:
		case STEP_CA:
		case STEP_LINK:
		case STEP_CLAMP_MSS:
		case STEP_DNS_RELAY:
		case STEP_GROUP: /* /etc/group is read when it is carried out */
		case STEP_LISTEN:
		case STEP_LEASE:
		case STEP_LOCK:
		case STEP_MAKE_IMAGE:
		case STEP_SWEEP:
		case STEP_TMPFS:
		case STEP_CHECK_STORE:
		case STEP_GUARD_START:
		case STEP_CONFIG:
		case STEP_FILE:
		case STEP_FILESYSTEM: /* of another plan: nest.c */
		case STEP_KIND_COUNT:
			break;
		}
	}
}

static void machine_with_everything_missing(struct machine *m, int variant)
{
	machine_variant(m, variant % 2 ? WITH_PATH : BARE);
	(void) machine_trial(m, TRIAL_OVERLAY, "/mnt/data", TRI_YES, 0, NULL);
	machine_overlay(m, TRI_NO);
	m->facts.limits.nofile_hard = FACTS_UNLIMITED;
	m->facts.limits.oom_score_adj = 0;
	m->facts.mounts.sys_writable.value = TRI_NO;
	m->facts.mounts.proc_sys_writable.value = TRI_NO;
	m->facts.mounts.proc_sys_net_writable.value = TRI_NO;
	m->facts.storage.data_root.exists = TRI_NO;
	for (size_t i = 0; i < m->facts.mounts.n_devices; i++)
		m->facts.mounts.devices[i].present = false;
	for (size_t i = 0; i < m->facts.cgroups.n_hierarchies; i++) {
		if (i % 2)
			m->facts.cgroups.hierarchies[i].mounted_at = NULL;
		else
			m->facts.cgroups.hierarchies[i].writable.value = TRI_NO;
	}
	if (variant < 2)
		return;
	m->facts.cgroups.hierarchies = NULL;
	m->facts.cgroups.n_hierarchies = 0;
	m->facts.cgroups.mode = CGROUP_V2;
	(void) machine_hierarchy(m, "", "/sys/fs/cgroup");
	m->facts.cgroups.controllers = "cpu memory pids";
	m->facts.cgroups.host_view = variant < 4 ? TRI_YES : TRI_NO;
}

START_TEST(goals_that_are_met_give_no_steps)
{
	struct machine m;

	machine_with_everything_missing(&m, _i);
	machine_plan(&m);
	ck_assert_uint_gt(m.plan.n_steps, 10);
	carry_out(&m);
	machine_plan(&m);
	ck_assert_uint_eq(m.plan.n_refusals, 0);
	for (size_t i = 0; i < m.plan.n_steps; i++)
		ck_assert_msg(!is_visible(m.plan.steps[i].kind), "%s", m.plan.steps[i].key);
	machine_free(&m);
}
END_TEST

/* ---- order ------------------------------------------------------------------------------------
 */

START_TEST(steps_come_in_the_promised_order)
{
	static const enum plan_step_kind order[] = {
		STEP_LIMITS,	  STEP_RUNTIME_DIR,	 STEP_LISTEN,	    STEP_LOCK,
		STEP_MAKE_IMAGE,  STEP_REMOUNT_RW,	 STEP_DEVICE,	    STEP_PROPAGATION,
		STEP_SWEEP,	  STEP_CGROUP_NAMESPACE, STEP_DIRECTORY,    STEP_MOUNT_IMAGE,
		STEP_GUARD_START, STEP_CONFIG,		 STEP_FILE,	    STEP_DIRECTORY,
		STEP_CGROUP_NEST, STEP_CONFINE,		 STEP_CAPABILITIES,
	};
	size_t at = 0;
	struct machine m;

	machine_with_everything_missing(&m, 2);
	strings_add(&m.arena, &m.facts.engine.config_keys, "hosts");
	machine_plan(&m);
	for (size_t i = 0; i < m.plan.n_steps; i++) {
		while (at < ARRAY_SIZE(order) && order[at] != m.plan.steps[i].kind)
			at++;
		ck_assert_msg(at < ARRAY_SIZE(order), "%s is out of order", m.plan.steps[i].key);
	}
	ck_assert_uint_eq(at, ARRAY_SIZE(order) - 1);
	machine_free(&m);
}
END_TEST

/* ---- the same again ---------------------------------------------------------------------------
 */

static void same_messages(const struct plan_message *a, size_t n_a, const struct plan_message *b,
			  size_t n_b)
{
	ck_assert_uint_eq(n_a, n_b);
	for (size_t i = 0; i < n_a; i++) {
		ck_assert_str_eq(a[i].code, b[i].code);
		ck_assert_str_eq(a[i].fact, b[i].fact);
		ck_assert(str_equal(a[i].remedy, b[i].remedy));
	}
}

START_TEST(the_same_facts_give_the_same_plan)
{
	struct plan first;
	struct machine m;

	machine_with_everything_missing(&m, _i);
	machine_plan(&m);
	first = m.plan;
	machine_plan(&m);
	ck_assert_uint_eq(first.n_steps, m.plan.n_steps);
	for (size_t i = 0; i < first.n_steps; i++) {
		ck_assert_str_eq(first.steps[i].key, m.plan.steps[i].key);
		ck_assert_str_eq(first.steps[i].why, m.plan.steps[i].why);
	}
	same_messages(first.decisions, first.n_decisions, m.plan.decisions, m.plan.n_decisions);
	same_messages(first.hints, first.n_hints, m.plan.hints, m.plan.n_hints);
	ck_assert_str_eq(argv_text(&m, first.engine.launch.argv),
			 argv_text(&m, m.plan.engine.launch.argv));
	machine_free(&m);
}
END_TEST

/* ---- knowing nothing --------------------------------------------------------------------------
 */

START_TEST(empty_facts_break_nothing)
{
	struct machine m;

	memset(&m, 0, sizeof(m));
	machine_plan(&m);
	/* there may be a dockerd; that it was not found is known */
	ck_assert_ptr_nonnull(refusal(&m, "DIND-ENGINE-01"));
	ck_assert_uint_eq(m.plan.n_trials, 1);
	ck_assert_str_eq(m.plan.trials[0].path, DATA_ROOT);
	ck_assert_uint_gt(m.plan.n_steps, 0);
	machine_free(&m);
}
END_TEST

START_TEST(nearly_empty_facts_go_on)
{
	struct oracle oracle = { .n = 0 };

	do {
		struct machine m;

		memset(&m, 0, sizeof(m));
		m.facts.engine.dockerd = "/usr/bin/dockerd";
		m.facts.engine.containerd = "/usr/bin/containerd";
		m.facts.privileges.euid = -1;
		m.facts.privileges.cap_last = -1;
		m.facts.privileges.seccomp_mode = -1;
		m.facts.privileges.pid = -1;
		(void) run_rounds(&m, &oracle);
		machine_free(&m);
	} while (next_run(&oracle));
}
END_TEST

/* Each subject alone is unknown. */
START_TEST(one_unknown_subject_breaks_nothing)
{
	struct oracle oracle = { .n = 0 };
	struct machine m;

	machine_init(&m);
	switch (_i) {
	case 0:
		memset(&m.facts.privileges, 0, sizeof(m.facts.privileges));
		break;
	case 1:
		memset(&m.facts.mounts, 0, sizeof(m.facts.mounts));
		break;
	case 2:
		memset(&m.facts.cgroups, 0, sizeof(m.facts.cgroups));
		break;
	case 3:
		memset(&m.facts.storage, 0, sizeof(m.facts.storage));
		break;
	case 4:
		memset(&m.facts.lsm, 0, sizeof(m.facts.lsm));
		break;
	case 5:
		memset(&m.facts.network, 0, sizeof(m.facts.network));
		break;
	case 6:
		memset(&m.facts.limits, 0, sizeof(m.facts.limits));
		break;
	default:
		memset(&m.facts.identity, 0, sizeof(m.facts.identity));
		break;
	}
	(void) run_rounds(&m, &oracle);
	ck_assert_uint_eq(m.plan.n_refusals, 0);
	machine_free(&m);
}
END_TEST

START_TEST(the_container_is_refused_before_anything_is_tried)
{
	struct machine m;

	machine_init(&m);
	m.facts.privileges.cap_effective = 0;
	machine_plan(&m);
	ck_assert_uint_eq(m.plan.n_trials, 0);
	ck_assert_uint_eq(m.plan.n_steps, 0);
	/* other mistakes are named with it, so that one run of doctor finds them all */
	m.facts.engine.config_error = "line 1 column 1: broken";
	m.options.hosts[m.options.n_hosts++] = "nonsense";
	machine_plan(&m);
	ck_assert_uint_eq(m.plan.n_refusals, 3);
	ck_assert_str_eq(m.plan.refusals[0].code, "DIND-PRIV-03");
	machine_free(&m);
}
END_TEST

/* ---- the check on ourselves -------------------------------------------------------------------
 */

enum damage {
	STEP_WITHOUT_KEY,
	STEP_WITHOUT_WHY,
	STEP_WITHOUT_CODE,
	STEP_TWICE,
	ABORT_WITHOUT_STATUS,
	ABORT_WITHOUT_REMEDY,
	REPLAN_WITH_REMEDY,
	DEGRADE_WITHOUT_WHAT,
	REFUSAL_WITHOUT_CODE,
	REFUSAL_WITHOUT_STATUS,
	REFUSAL_WITHOUT_REMEDY,
	HINT_WITHOUT_FACT,
	DECISION_WITHOUT_CODE,
	NO_RUNG,
	NO_DRIVER,
	NO_WHY,
	NO_ENGINE,
	NO_ARGV,
	DAMAGES,
};

static struct plan_step *step_that(struct plan *plan, enum plan_on_fail on_fail)
{
	for (size_t i = 0; i < plan->n_steps; i++)
		if (plan->steps[i].on_fail == on_fail)
			return &plan->steps[i];
	ck_abort_msg("no such step");
}

static void damage(struct plan *plan, enum damage kind, struct plan_message *message)
{
	switch (kind) {
	case STEP_WITHOUT_KEY:
		plan->steps[0].key = NULL;
		break;
	case STEP_WITHOUT_WHY:
		plan->steps[0].why = NULL;
		break;
	case STEP_WITHOUT_CODE:
		plan->steps[0].code = NULL;
		break;
	case STEP_TWICE:
		plan->steps[1].key = plan->steps[0].key;
		break;
	case ABORT_WITHOUT_STATUS:
		step_that(plan, FAIL_ABORT)->status = 0;
		break;
	case ABORT_WITHOUT_REMEDY:
		step_that(plan, FAIL_ABORT)->remedy = NULL;
		break;
	case REPLAN_WITH_REMEDY:
		step_that(plan, FAIL_REPLAN)->remedy = "x";
		break;
	case DEGRADE_WITHOUT_WHAT:
		step_that(plan, FAIL_DEGRADE)->without = NULL;
		break;
	case REFUSAL_WITHOUT_CODE:
		message->code = NULL;
		plan->refusals = message;
		plan->n_refusals = 1;
		break;
	case REFUSAL_WITHOUT_STATUS:
		message->status = 0;
		plan->refusals = message;
		plan->n_refusals = 1;
		break;
	case REFUSAL_WITHOUT_REMEDY:
		message->remedy = NULL;
		plan->refusals = message;
		plan->n_refusals = 1;
		break;
	case HINT_WITHOUT_FACT:
		message->fact = NULL;
		plan->hints = message;
		plan->n_hints = 1;
		break;
	case DECISION_WITHOUT_CODE:
		plan->decisions[0].code = NULL;
		break;
	case NO_RUNG:
		plan->storage.rung = RUNG_NONE;
		break;
	case NO_DRIVER:
		plan->storage.driver = NULL;
		break;
	case NO_WHY:
		plan->storage.why = NULL;
		break;
	case NO_ENGINE:
		plan->engine.wanted = false;
		break;
	case NO_ARGV:
		plan->engine.launch.argv = NULL;
		break;
	case DAMAGES:
		break;
	}
}

START_TEST(a_plan_that_contradicts_itself_is_found)
{
	struct plan_message message = { "DIND-X-01", STATUS_OSERR, "fact", "remedy" };
	struct error err = ERROR_INIT;
	struct machine m;

	machine_with_volume(&m);
	machine_plan(&m);
	ck_assert_int_eq(plan_verify(&m.plan, &err), 0);
	damage(&m.plan, (enum damage) _i, &message);
	ck_assert_int_eq(plan_verify(&m.plan, &err), -EINVAL);
	ck_assert_uint_gt(strlen(err.message), 10);
	machine_free(&m);
}
END_TEST

/* ...by plan_make() itself, which then leaves the caller's plan alone. */
START_TEST(a_bug_is_an_error_and_not_a_plan)
{
	struct error err = ERROR_INIT;
	struct plan plan = { .n_steps = 4711 };
	struct machine m;

	machine_with_volume(&m);
	/* two lines of one hierarchy: no kernel writes that */
	m.facts.cgroups.hierarchies[1] = m.facts.cgroups.hierarchies[0];
	m.facts.cgroups.hierarchies[0].mounted_at = m.facts.cgroups.hierarchies[1].mounted_at =
		NULL;
	ck_assert_int_eq(plan_make(&m.options, &m.facts, &m.arena, &plan, &err), -EINVAL);
	ck_assert_has(err.message, "cgroup:cpu");
	ck_assert_uint_eq(plan.n_steps, 4711);
	machine_free(&m);
}
END_TEST

START_TEST(every_step_has_a_name)
{
	for (enum plan_step_kind kind = STEP_LIMITS; kind < STEP_KIND_COUNT; kind++)
		ck_assert_str_ne(plan_step_name(kind), "unknown");
	ck_assert_str_eq(plan_step_name(STEP_KIND_COUNT), "unknown");
}
END_TEST

int main(void)
{
	TCase *tc = tcase_create("rounds");

	tcase_set_timeout(tc, 120);
	tcase_add_loop_test(tc, every_order_of_failures_ends, 0, VARIANTS);
	tcase_add_loop_test(tc, goals_that_are_met_give_no_steps, 0, 6);
	tcase_add_test(tc, steps_come_in_the_promised_order);
	tcase_add_loop_test(tc, the_same_facts_give_the_same_plan, 0, 6);
	tcase_add_test(tc, empty_facts_break_nothing);
	tcase_add_test(tc, nearly_empty_facts_go_on);
	tcase_add_loop_test(tc, one_unknown_subject_breaks_nothing, 0, 8);
	tcase_add_test(tc, the_container_is_refused_before_anything_is_tried);
	tcase_add_loop_test(tc, a_plan_that_contradicts_itself_is_found, 0, DAMAGES);
	tcase_add_test(tc, a_bug_is_an_error_and_not_a_plan);
	tcase_add_test(tc, every_step_has_a_name);
	return run_suite(tc);
}
