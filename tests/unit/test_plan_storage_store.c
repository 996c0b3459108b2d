/* SPDX-License-Identifier: Apache-2.0 */
/* Graph drivers and containerd's image store: which one an engine uses, and that neither hides what
 * the other has written. */
#include "plan_storage_fixture.h"

static const char *const feature_on[] = { "--feature", "containerd-snapshotter", NULL };
static const char *const feature_off[] = { "--feature=containerd-snapshotter=false", NULL };
static const char *const other_feature[] = { "--feature", "time-namespaces=false", NULL };

static void say_in_file(struct machine *m, enum tri store)
{
	m->facts.engine.config_present = TRI_YES;
	m->facts.engine.config_containerd_store = store;
	strings_add(&m->arena, &m->facts.engine.config_keys, "features");
}

START_TEST(nothing_said_and_nothing_there_is_a_graph_driver_without_a_look_at_the_version)
{
	struct machine m;

	machine_with_volume(&m);
	expect(&m, RUNG_AS_IS, "overlay2");
	ck_assert_has(flags(&m), "storage-driver=overlay2");
	ck_assert_has(the_decision(&m, "DIND-STORAGE-22")->fact, "graph driver overlay2");
	machine_free(&m);
}
END_TEST

/* What is written in the data root × what is said × version → what is used. */
#define REFUSED "refused"
static const struct {
	bool overlay2, blobs;
	enum tri said;
	const char *version;
	const char *want;	   /* storage driver of the plan, or REFUSED */
	const char *has, *not_has; /* in dockerd's flags */
	const char *code;	   /* of the refusal, or a hint that must be there */
	const char *remedy;
} stores[] = {
	/* up and down between engines, with a graph driver's data: kept by all */
	{ true, false, TRI_UNKNOWN, "20.10.24", "overlay2", "storage-driver=overlay2",
	  "features=", NULL, NULL },
	{ true, false, TRI_UNKNOWN, "28.5.2", "overlay2", "storage-driver=overlay2",
	  "features=", NULL, NULL },
	{ true, false, TRI_UNKNOWN, "29.1.0", "overlay2", "storage-driver=overlay2",
	  "features=", NULL, NULL },
	/* written by containerd: kept where it can be, else refused with the way out */
	{ false, true, TRI_UNKNOWN, "29.1.0", "overlayfs", "containerd=", "storage-driver=", NULL,
	  NULL },
	{ false, true, TRI_UNKNOWN, "28.5.2", "overlayfs",
	  "features={\"containerd-snapshotter\": true}", "storage-driver=", NULL, NULL },
	{ false, true, TRI_UNKNOWN, "26.1.5", REFUSED, NULL, NULL, "DIND-STORAGE-08",
	  "\"features\": {\"containerd-snapshotter\": true}" },
	{ false, true, TRI_UNKNOWN, "20.10.24", REFUSED, NULL, NULL, "DIND-STORAGE-08",
	  "an engine from 29 on" },
	{ false, true, TRI_NO, "29.1.0", REFUSED, NULL, NULL, "DIND-STORAGE-08", "switch it on" },
	{ false, true, TRI_YES, "26.1.5", "overlayfs", "containerd=", "storage-driver=", NULL,
	  NULL },
	{ false, true, TRI_YES, "20.10.24", REFUSED, NULL, NULL, "DIND-STORAGE-08",
	  "an engine from 29 on" },
	/* said, over a graph driver's */
	{ true, false, TRI_YES, "29.1.0", REFUSED, NULL, NULL, "DIND-STORAGE-08", "switch the" },
	{ true, false, TRI_NO, "29.1.0", "overlay2", "storage-driver=overlay2", "features=", NULL,
	  NULL },
	/* before 23 nobody knows the feature */
	{ true, false, TRI_YES, "20.10.24", "overlay2", "storage-driver=overlay2",
	  "features=", "DIND-STORAGE-22", NULL },
	/* both: what every engine would do by itself, and never in silence */
	{ true, true, TRI_UNKNOWN, "29.1.0", "overlay2", "storage-driver=overlay2", NULL,
	  "DIND-STORAGE-13", NULL },
	{ true, true, TRI_YES, "29.1.0", "overlayfs", NULL, "storage-driver=", "DIND-STORAGE-13",
	  NULL },
	/* empty */
	{ false, false, TRI_YES, "29.1.0", "overlayfs", NULL, "storage-driver=", NULL, NULL },
	{ false, false, TRI_YES, "28.5.2", "overlayfs", NULL, "storage-driver=", NULL, NULL },
	{ false, false, TRI_YES, "20.10.24", "overlay2", "storage-driver=overlay2", NULL,
	  "DIND-STORAGE-22", NULL },
	{ false, false, TRI_NO, "29.1.0", "overlay2", "storage-driver=overlay2", NULL, NULL, NULL },
};

static void check_store(struct machine *m, int i)
{
	if (strcmp(stores[i].want, REFUSED) == 0) {
		machine_plan(m);
		ck_assert_uint_eq(m->plan.n_trials, 0);
		ck_assert_uint_eq(m->plan.n_refusals, 1);
		ck_assert_int_eq(the_refusal(m, stores[i].code)->status, STATUS_CONFIG);
		ck_assert_has(the_refusal(m, stores[i].code)->remedy, stores[i].remedy);
		ck_assert_has(the_refusal(m, stores[i].code)->remedy, "-v NAME:");
		return;
	}
	expect(m, RUNG_AS_IS, stores[i].want);
	if (stores[i].has)
		ck_assert_has(flags(m), stores[i].has);
	if (stores[i].not_has && !m->options.dockerd_args)
		ck_assert_has_not(flags(m), stores[i].not_has);
	if (stores[i].code)
		ck_assert_ptr_nonnull(hint(m, stores[i].code));
	else
		ck_assert_ptr_null(hint(m, "DIND-STORAGE-13"));
	ck_assert_ptr_nonnull(decision(m, "DIND-STORAGE-22"));
}

static void machine_of_store(struct machine *m, int i)
{
	machine_with_volume(m);
	m->facts.engine.version = stores[i].version;
	if (stores[i].overlay2)
		prior(m, data_root(m), "overlay2");
	data_root(m)->containerd_store = stores[i].blobs ? TRI_YES : TRI_NO;
}

START_TEST(neither_store_hides_the_other)
{
	struct machine m;

	machine_of_store(&m, _i);
	if (stores[_i].said != TRI_UNKNOWN)
		say_in_file(&m, stores[_i].said);
	check_store(&m, _i);
	machine_free(&m);

	/* the same by flag, which wins */
	if (stores[_i].said == TRI_UNKNOWN)
		return;
	machine_of_store(&m, _i);
	m.options.dockerd_args = stores[_i].said == TRI_YES ? feature_on : feature_off;
	say_in_file(&m, stores[_i].said == TRI_YES ? TRI_NO : TRI_YES);
	check_store(&m, _i);
	machine_free(&m);
}
END_TEST

START_TEST(the_version_is_asked_for_where_it_matters_and_with_the_trials)
{
	struct machine m;

	machine_init(&m);
	data_root(&m)->containerd_store = TRI_YES;
	machine_plan(&m);
	ck_assert_uint_eq(m.plan.n_trials, 2);
	ck_assert_int_eq(m.plan.trials[0].kind, TRIAL_ENGINE);
	ck_assert_str_eq(m.plan.trials[0].path, "/usr/bin/dockerd");
	ck_assert_int_eq(m.plan.trials[1].kind, TRIAL_OVERLAY);
	machine_overlay(&m, TRI_YES);
	(void) machine_trial(&m, TRIAL_ENGINE, "/usr/bin/dockerd", TRI_YES, 0, "29.1.0");
	expect(&m, RUNG_AS_IS, "overlayfs");
	machine_free(&m);

	/* one that does not tell is taken for a new one */
	machine_with_volume(&m);
	data_root(&m)->containerd_store = TRI_YES;
	(void) machine_trial(&m, TRIAL_ENGINE, "/usr/bin/dockerd", TRI_NO, 0, "no idea");
	expect(&m, RUNG_AS_IS, "overlayfs");
	machine_free(&m);
}
END_TEST

START_TEST(other_features_leave_the_choice_to_docker_29)
{
	struct machine m;

	machine_with_volume(&m);
	m.options.dockerd_args = other_feature;
	m.facts.engine.version = "28.5.2";
	expect(&m, RUNG_AS_IS, "overlay2");
	ck_assert_has(flags(&m), "storage-driver=overlay2");
	m.facts.engine.version = "29.1.0";
	expect(&m, RUNG_AS_IS, "overlayfs");
	ck_assert_has_not(flags(&m), "storage-driver=");
	strings_add(&m.arena, &m.facts.engine.config_keys, "userns-remap");
	expect(&m, RUNG_AS_IS, "overlay2");
	ck_assert_has_not(flags(&m), "storage-driver=");
	machine_free(&m);

	/* migration starts from what is there */
	machine_with_volume(&m);
	say_in_file(&m, TRI_UNKNOWN);
	m.facts.engine.version = "29.1.0";
	prior(&m, data_root(&m), "overlay2");
	expect(&m, RUNG_AS_IS, "overlay2");
	ck_assert_has_not(flags(&m), "storage-driver=");
	machine_free(&m);
}
END_TEST

START_TEST(strict_args_leave_the_choice_to_docker_29_too)
{
	struct machine m;

	machine_with_volume(&m);
	m.options.strict_args = true;
	machine_plan(&m);
	ck_assert_int_eq(m.plan.trials[0].kind, TRIAL_ENGINE);
	m.facts.engine.version = "28.5.2";
	expect(&m, RUNG_AS_IS, "overlay2");
	m.facts.engine.version = "29.1.0";
	expect(&m, RUNG_AS_IS, "overlayfs");
	/* nothing can be added to the flags */
	data_root(&m)->containerd_store = TRI_YES;
	m.facts.engine.version = "28.5.2";
	machine_plan(&m);
	ck_assert_has(the_refusal(&m, "DIND-STORAGE-08")->remedy, "daemon.json");
	machine_free(&m);
}
END_TEST

START_TEST(a_graph_driver_that_was_asked_for_does_not_hide_containerds_images)
{
	struct machine m;

	machine_with_volume(&m);
	data_root(&m)->containerd_store = TRI_YES;
	m.options.storage_driver = "overlay2";
	m.facts.engine.version = "29.1.0";
	machine_plan(&m);
	ck_assert_has(the_refusal(&m, "DIND-STORAGE-08")->remedy, "leave --storage-driver out");
	ck_assert_has(the_refusal(&m, "DIND-STORAGE-08")->remedy, DATA_ROOT "/containerd");
	machine_free(&m);
}
END_TEST

/* Docker 29 does not fall back to anything: broken instead of slow. */
START_TEST(containerds_store_climbs_the_ladder_too)
{
	struct machine m;

	machine_init(&m);
	machine_overlay(&m, TRI_NO);
	say_in_file(&m, TRI_YES);
	m.facts.engine.version = "29.1.0";
	expect(&m, RUNG_LOOP, "overlayfs");
	ck_assert_has_not(flags(&m), "storage-driver=");
	m.facts.storage.mkfs_ext4 = NULL;
	with_fuse(&m, TRI_YES);
	expect(&m, RUNG_VFS, "native");
	ck_assert_has(flags(&m), "storage-driver=native");
	ck_assert_has(all_decisions(&m),
		      "not fuse: containerd's image store has no fuse-overlayfs");
	ck_assert_ptr_nonnull(hint(&m, "DIND-STORAGE-09"));
	machine_free(&m);
}
END_TEST

START_TEST(the_directory_of_the_store_is_tried_where_it_is_a_mount_of_its_own)
{
	struct machine m;

	machine_with_volume(&m);
	(void) machine_mount(&m, DATA_ROOT "/containerd", "nfs4");
	expect(&m, RUNG_AS_IS, "overlay2"); /* which graph drivers do not mind */
	say_in_file(&m, TRI_YES);
	m.facts.engine.version = "29.1.0";
	machine_plan(&m);
	ck_assert_uint_eq(m.plan.n_trials, 1);
	ck_assert_str_eq(m.plan.trials[0].path, DATA_ROOT "/containerd");
	(void) machine_trial(&m, TRIAL_OVERLAY, DATA_ROOT "/containerd", TRI_NO, EINVAL, NULL);
	expect(&m, RUNG_LOOP, "overlayfs");
	ck_assert_has(all_decisions(&m), "but not on " DATA_ROOT "/containerd");
	machine_free(&m);

	machine_with_volume(&m);
	(void) machine_mount(&m, DATA_ROOT "/overlay2", "xfs");
	(void) machine_trial(&m, TRIAL_OVERLAY, DATA_ROOT "/overlay2", TRI_YES, 0, NULL);
	expect(&m, RUNG_AS_IS, "overlay2");
	machine_free(&m);
}
END_TEST

START_TEST(names_of_one_store_are_refused_in_the_other)
{
	static const struct {
		const char *driver, *version;
		enum tri said;
		bool refused;
	} cases[] = {
		{ "overlay2", "29.1.0", TRI_YES, true },
		{ "overlay2", "28.5.2", TRI_YES, true },
		{ "overlay2", "20.10.24", TRI_YES, false },
		{ "overlay2", "29.1.0", TRI_NO, false },
		{ "overlayfs", "28.5.2", TRI_UNKNOWN, true },
		{ "overlayfs", "28.5.2", TRI_YES, false },
		{ "overlayfs", "29.1.0", TRI_UNKNOWN, false },
		{ "overlayfs", "29.1.0", TRI_NO, true },
		{ "overlay2", "29.1.0", TRI_UNKNOWN, false },
	};
	struct machine m;

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		machine_with_volume(&m);
		m.options.storage_driver = cases[i].driver;
		m.facts.engine.version = cases[i].version;
		if (cases[i].said != TRI_UNKNOWN)
			say_in_file(&m, cases[i].said);
		if (cases[i].refused) {
			machine_plan(&m);
			ck_assert_int_eq(the_refusal(&m, "DIND-STORAGE-04")->status, STATUS_CONFIG);
		} else {
			expect(&m, RUNG_AS_IS, cases[i].driver);
			ck_assert_has(flags(&m),
				      arena_printf(&m.arena, "storage-driver=%s", cases[i].driver));
		}
		machine_free(&m);
	}
}
END_TEST

/* ---- inside an image file, where only the mount can tell ---- */

static void machine_with_image(struct machine *m, const char *version)
{
	machine_init(m);
	machine_overlay(m, TRI_NO);
	image_dir(m)->image = TRI_YES;
	image_dir(m)->image_bytes = 20 * GIB;
	m->facts.engine.version = version;
}

START_TEST(an_older_image_is_looked_into)
{
	const struct plan_step *check, *mount;
	struct machine m;

	machine_with_image(&m, "20.10.24");
	expect(&m, RUNG_LOOP, "overlay2");
	check = the_step_with_key(&m, "storage-store-graph");
	mount = the_step_with_key(&m, "storage-loop");
	ck_assert(mount < check);
	ck_assert_int_eq(check->kind, STEP_CHECK_STORE);
	ck_assert_str_eq(check->u.check_store.path, DATA_ROOT);
	ck_assert_str_eq(check->u.check_store.driver, "overlay2");
	ck_assert(!check->u.check_store.containerd);

	/* and holds what this engine cannot see */
	machine_failure(&m, "storage-store-graph", EEXIST, "images of containerd's store", NULL);
	machine_plan(&m);
	ck_assert_int_eq(the_refusal(&m, "DIND-STORAGE-08")->status, STATUS_CONFIG);
	ck_assert_has(the_refusal(&m, "DIND-STORAGE-08")->fact, "the image file");
	/* or can */
	m.facts.engine.version = "29.1.0";
	expect(&m, RUNG_LOOP, "overlayfs");
	check = the_step_with_key(&m, "storage-store-containerd");
	ck_assert(check->u.check_store.containerd);
	/* a driver that was named is no wish to lose them */
	m.options.storage_driver = "overlay2";
	machine_plan(&m);
	ck_assert_has(the_refusal(&m, "DIND-STORAGE-08")->remedy, "leave --storage-driver out");
	machine_free(&m);

	/* nobody can tell */
	machine_with_image(&m, "29.1.0");
	machine_failure(&m, "storage-store-graph", EIO, "look into it", NULL);
	machine_plan(&m);
	ck_assert_int_eq(the_refusal(&m, "DIND-STORAGE-08")->status, STATUS_OSERR);
	ck_assert_has(the_refusal(&m, "DIND-STORAGE-08")->fact, "look into it");
	machine_free(&m);

	machine_with_image(&m, "29.1.0");
	say_in_file(&m, TRI_YES);
	expect(&m, RUNG_LOOP, "overlayfs");
	ck_assert(the_step_with_key(&m, "storage-store-containerd")->u.check_store.containerd);
	machine_failure(&m, "storage-store-containerd", EEXIST, "images of overlay2", NULL);
	machine_plan(&m);
	ck_assert_has(the_refusal(&m, "DIND-STORAGE-08")->fact, "overlay2");
	machine_free(&m);

	/* a new one holds nothing */
	machine_init(&m);
	machine_overlay(&m, TRI_NO);
	expect(&m, RUNG_LOOP, "overlay2");
	ck_assert_uint_eq(count_steps(&m, STEP_CHECK_STORE), 0);
	machine_free(&m);
}
END_TEST

int main(void)
{
	TCase *tc = tcase_create("storage_store");

	tcase_add_test(
		tc, nothing_said_and_nothing_there_is_a_graph_driver_without_a_look_at_the_version);
	tcase_add_loop_test(tc, neither_store_hides_the_other, 0, ARRAY_SIZE(stores));
	tcase_add_test(tc, the_version_is_asked_for_where_it_matters_and_with_the_trials);
	tcase_add_test(tc, other_features_leave_the_choice_to_docker_29);
	tcase_add_test(tc, strict_args_leave_the_choice_to_docker_29_too);
	tcase_add_test(tc, a_graph_driver_that_was_asked_for_does_not_hide_containerds_images);
	tcase_add_test(tc, containerds_store_climbs_the_ladder_too);
	tcase_add_test(tc, the_directory_of_the_store_is_tried_where_it_is_a_mount_of_its_own);
	tcase_add_test(tc, names_of_one_store_are_refused_in_the_other);
	tcase_add_test(tc, an_older_image_is_looked_into);
	return run_suite(tc);
}
