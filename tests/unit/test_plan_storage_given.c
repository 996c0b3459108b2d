/* SPDX-License-Identifier: Apache-2.0 */
/* The data root where somebody has had a say: --storage-path, an earlier engine, a driver that was
 * asked for. */
#include "plan_storage_fixture.h"

/* ---- --storage-path ---------------------------------------------------------------------------
 */

START_TEST(a_storage_path_comes_first)
{
	const struct plan_step *bind;
	struct machine m;

	machine_with_path(&m);
	machine_plan(&m);
	/* both at once: rounds are counted */
	ck_assert_uint_eq(m.plan.n_trials, 2);
	ck_assert_str_eq(m.plan.trials[0].path, VOLUME);
	ck_assert_str_eq(m.plan.trials[1].path, DATA_ROOT);
	path_trial(&m, TRI_YES);
	machine_overlay(&m, TRI_YES);
	expect(&m, RUNG_VOLUME, "overlay2");
	bind = the_step_with_key(&m, "storage-bind");
	ck_assert_str_eq(bind->u.bind.source, VOLUME);
	ck_assert_str_eq(bind->u.bind.target, DATA_ROOT);
	ck_assert_int_eq(bind->on_fail, FAIL_REPLAN);
	ck_assert_str_eq(the_step_with_key(&m, "storage-volume-lock")->u.lock.path,
			 VOLUME "/.dind-lock");
	ck_assert_has(m.plan.storage.why, "bound onto " DATA_ROOT);
	machine_free(&m);
}
END_TEST

START_TEST(a_storage_path_without_overlay_holds_the_image)
{
	struct machine m;

	machine_with_path(&m);
	path_trial(&m, TRI_NO);
	m.facts.storage.storage_path.exists = TRI_NO;
	expect(&m, RUNG_VOLUME, "overlay2");
	ck_assert_str_eq(m.plan.storage.image, VOLUME "/data.img");
	ck_assert_str_eq(the_step_with_key(&m, "storage-volume-dir")->u.runtime_dir.path, VOLUME);
	ck_assert_str_eq(the_step_with_key(&m, "storage-volume-lock")->u.lock.path,
			 VOLUME "/data.img");
	ck_assert_ptr_nonnull(step_with_key(&m, "storage-volume-image"));
	ck_assert_ptr_nonnull(step_with_key(&m, "storage-volume-loop"));
	ck_assert_ptr_null(step_with_key(&m, "storage-bind"));
	/* it is on the volume, and stays */
	ck_assert_ptr_null(hint(&m, "DIND-STORAGE-10"));
	ck_assert_ptr_null(hint(&m, "DIND-STORAGE-18"));
	machine_free(&m);

	/* an image that is there goes on even where overlay works by now */
	machine_with_path(&m);
	m.facts.storage.storage_path.image = TRI_YES;
	m.facts.storage.storage_path.image_bytes = 30 * GIB;
	expect(&m, RUNG_VOLUME, "overlay2");
	ck_assert_str_eq(m.plan.storage.image, VOLUME "/data.img");
	machine_free(&m);
}
END_TEST

START_TEST(a_storage_path_that_fails_is_left_aloud)
{
	static const char *const keys[] = { "storage-volume-dir", "storage-volume-lock",
					    "storage-volume-image", "storage-volume-loop",
					    "storage-bind" };
	struct machine m;

	machine_with_path(&m);
	path_trial(&m, TRI_YES);
	machine_overlay(&m, TRI_YES);
	machine_failure(&m, keys[_i], EIO, "broken", NULL);
	expect(&m, RUNG_AS_IS, "overlay2");
	ck_assert_has(the_hint(&m, "DIND-STORAGE-07")->fact, "volume: broken");
	machine_free(&m);

	/* and the loop does not try the same directory again */
	machine_with_path(&m);
	path_trial(&m, TRI_NO);
	machine_overlay(&m, TRI_NO);
	machine_failure(&m, keys[_i], EIO, "broken", NULL);
	expect(&m, RUNG_VFS, "vfs");
	ck_assert_has(all_decisions(&m), "not loop: the image would be in " VOLUME " again");
	machine_free(&m);

	machine_with_path(&m);
	m.facts.storage.image_dir = machine_directory(DIND_IMAGE_DIR, "overlay");
	path_trial(&m, TRI_NO);
	machine_overlay(&m, TRI_NO);
	machine_failure(&m, keys[_i], EIO, "broken", NULL);
	expect(&m, RUNG_LOOP, "overlay2");
	machine_free(&m);
}
END_TEST

START_TEST(a_storage_path_that_cannot_be_written_is_refused)
{
	struct machine m;

	machine_with_path(&m);
	m.facts.storage.storage_path.writable = (struct fact){ TRI_NO, EROFS, VOLUME };
	machine_plan(&m);
	ck_assert_int_eq(the_refusal(&m, "DIND-STORAGE-07")->status, STATUS_CONFIG);
	ck_assert_has(the_refusal(&m, "DIND-STORAGE-07")->fact, VOLUME);
	machine_free(&m);
}
END_TEST

START_TEST(a_storage_path_that_nobody_looked_at)
{
	struct machine m;

	machine_init(&m);
	m.options.storage_path = VOLUME;
	machine_plan(&m);
	ck_assert_str_eq(m.plan.trials[0].path, VOLUME);
	machine_free(&m);

	/* facts of another machine bring their own */
	machine_init(&m);
	m.facts.storage.storage_path = machine_directory(VOLUME, "xfs");
	path_trial(&m, TRI_YES);
	expect(&m, RUNG_VOLUME, "overlay2");
	machine_free(&m);
}
END_TEST

START_TEST(a_storage_path_with_a_driver)
{
	struct machine m;

	machine_with_path(&m);
	m.options.storage_driver = "vfs";
	expect(&m, RUNG_VOLUME, "vfs");
	ck_assert_ptr_nonnull(step_with_key(&m, "storage-bind"));
	machine_free(&m);

	machine_with_path(&m);
	m.options.storage_driver = "btrfs";
	machine_plan(&m);
	ck_assert_has(the_refusal(&m, "DIND-STORAGE-04")->fact, "it needs btrfs, and " VOLUME);
	m.facts.storage.storage_path.fs_name = "btrfs";
	expect(&m, RUNG_VOLUME, "btrfs");
	machine_free(&m);

	machine_with_path(&m);
	m.options.storage_driver = "fuse-overlayfs";
	m.facts.storage.fuse_overlayfs = "/usr/bin/fuse-overlayfs";
	machine_plan(&m);
	ck_assert_uint_eq(m.plan.n_trials, 1);
	ck_assert_int_eq(m.plan.trials[0].kind, TRIAL_FUSE);
	ck_assert_str_eq(m.plan.trials[0].path, VOLUME);
	(void) machine_trial(&m, TRIAL_FUSE, VOLUME, TRI_YES, 0, NULL);
	expect(&m, RUNG_VOLUME, "fuse-overlayfs");
	machine_free(&m);

	machine_with_path(&m);
	m.options.storage_driver = "overlay2";
	path_trial(&m, TRI_NO);
	expect(&m, RUNG_VOLUME, "overlay2");
	ck_assert_ptr_nonnull(m.plan.storage.image);
	machine_free(&m);
}
END_TEST

START_TEST(a_storage_path_that_was_used_before)
{
	struct machine m;

	machine_with_path(&m);
	prior(&m, &m.facts.storage.storage_path, "vfs");
	m.options.storage_given = true; /* the path is a wish of its own */
	m.options.rungs[0] = RUNG_LOOP;
	expect(&m, RUNG_VOLUME, "vfs");
	ck_assert_ptr_nonnull(step_with_key(&m, "storage-bind"));
	ck_assert_ptr_nonnull(hint(&m, "DIND-STORAGE-09"));
	machine_free(&m);

	machine_with_path(&m);
	prior(&m, &m.facts.storage.storage_path, "overlay2");
	path_trial(&m, TRI_NO);
	machine_plan(&m);
	ck_assert_int_eq(the_refusal(&m, "DIND-STORAGE-08")->status, STATUS_CONFIG);
	ck_assert_has(the_refusal(&m, "DIND-STORAGE-08")->remedy, "remove " VOLUME "/overlay2");
	machine_free(&m);
}
END_TEST

/* ---- what was there before --------------------------------------------------------------------
 */

static const struct {
	const char *driver, *fs;
	enum tri overlay, fuse;
	enum storage_rung rung; /* RUNG_NONE: refused */
	const char *hint;
} priors[] = {
	{ "overlay2", "ext4", TRI_YES, TRI_NO, RUNG_AS_IS, NULL },
	{ "overlay2", "overlay", TRI_NO, TRI_YES, RUNG_NONE, NULL },
	{ "overlay", "ext4", TRI_YES, TRI_NO, RUNG_AS_IS, NULL },
	{ "fuse-overlayfs", "ext4", TRI_YES, TRI_YES, RUNG_FUSE, "DIND-STORAGE-09" },
	{ "fuse-overlayfs", "overlay", TRI_NO, TRI_NO, RUNG_NONE, NULL },
	{ "btrfs", "btrfs", TRI_YES, TRI_NO, RUNG_AS_IS, "DIND-STORAGE-15" },
	{ "btrfs", "ext4", TRI_YES, TRI_NO, RUNG_NONE, NULL },
	{ "zfs", "zfs", TRI_YES, TRI_NO, RUNG_AS_IS, "DIND-STORAGE-15" },
	{ "zfs", NULL, TRI_YES, TRI_NO, RUNG_AS_IS, "DIND-STORAGE-15" },
	{ "aufs", "ext4", TRI_YES, TRI_NO, RUNG_AS_IS, "DIND-STORAGE-15" },
	{ "aufs", "aufs", TRI_NO, TRI_NO, RUNG_NONE, NULL },
	{ "aufs", "overlay", TRI_NO, TRI_NO, RUNG_NONE, NULL },
	{ "aufs", NULL, TRI_NO, TRI_NO, RUNG_AS_IS, "DIND-STORAGE-15" },
	{ "devicemapper", "ext4", TRI_YES, TRI_NO, RUNG_NONE, NULL },
	{ "vfs", "overlay", TRI_NO, TRI_NO, RUNG_VFS, "DIND-STORAGE-09" },
	{ "vfs", "ext4", TRI_YES, TRI_NO, RUNG_VFS, "DIND-STORAGE-09" },
};

START_TEST(a_data_root_keeps_the_driver_that_wrote_it)
{
	struct machine m;

	machine_init(&m);
	m.facts.engine.version = "20.10.24";
	m.facts.storage.zfs = "/sbin/zfs";
	data_root(&m)->fs_name = priors[_i].fs;
	prior(&m, data_root(&m), priors[_i].driver);
	machine_overlay(&m, priors[_i].overlay);
	with_fuse(&m, priors[_i].fuse);
	if (priors[_i].rung == RUNG_NONE) {
		machine_plan(&m);
		ck_assert_uint_eq(m.plan.n_refusals, 1);
		ck_assert_int_eq(the_refusal(&m, "DIND-STORAGE-08")->status, STATUS_CONFIG);
		ck_assert_has(the_refusal(&m, "DIND-STORAGE-08")->fact, priors[_i].driver);
		/* all ways out are named */
		ck_assert_has(the_refusal(&m, "DIND-STORAGE-08")->remedy, "-v NAME:");
		ck_assert_has(the_refusal(&m, "DIND-STORAGE-08")->remedy, "--storage loop");
	} else {
		expect(&m, priors[_i].rung, priors[_i].driver);
		ck_assert_has(flags(&m),
			      arena_printf(&m.arena, "storage-driver=%s", priors[_i].driver));
		if (priors[_i].hint)
			ck_assert_has(the_hint(&m, priors[_i].hint)->remedy, "an empty volume");
		else
			ck_assert_ptr_null(hint(&m, "DIND-STORAGE-15"));
		ck_assert_ptr_null(hint(&m, "DIND-STORAGE-13"));
	}
	machine_free(&m);
}
END_TEST

START_TEST(an_old_data_root_waits_for_its_trial)
{
	struct machine m;

	machine_init(&m);
	prior(&m, data_root(&m), "overlay2");
	machine_plan(&m);
	ck_assert_uint_eq(m.plan.n_trials, 1);
	ck_assert_uint_eq(m.plan.n_refusals, 0);
	machine_free(&m);
}
END_TEST

START_TEST(of_several_drivers_the_better_one)
{
	struct machine m;

	machine_init(&m);
	prior(&m, data_root(&m), "vfs");
	prior(&m, data_root(&m), "zfs");
	prior(&m, data_root(&m), "overlay2");
	machine_overlay(&m, TRI_YES);
	expect(&m, RUNG_AS_IS, "overlay2");
	machine_free(&m);
}
END_TEST

START_TEST(a_clear_wish_goes_before_what_is_there)
{
	struct machine m;

	/* --storage without the old rung */
	machine_init(&m);
	prior(&m, data_root(&m), "overlay2");
	machine_overlay(&m, TRI_NO);
	m.options.storage_given = true;
	m.options.rungs[0] = RUNG_LOOP;
	expect(&m, RUNG_LOOP, "overlay2");
	ck_assert_has(the_hint(&m, "DIND-STORAGE-13")->fact, "overlay2");
	machine_free(&m);

	/* and with it */
	machine_init(&m);
	prior(&m, data_root(&m), "overlay2");
	machine_overlay(&m, TRI_YES);
	m.options.storage_given = true;
	m.options.rungs[0] = RUNG_LOOP;
	m.options.rungs[1] = RUNG_AS_IS;
	expect(&m, RUNG_AS_IS, "overlay2");
	machine_free(&m);

	/* --storage-driver */
	machine_init(&m);
	prior(&m, data_root(&m), "vfs");
	machine_overlay(&m, TRI_YES);
	m.options.storage_driver = "overlay2";
	expect(&m, RUNG_AS_IS, "overlay2");
	ck_assert_has(the_hint(&m, "DIND-STORAGE-13")->remedy, "--storage-driver vfs");
	machine_free(&m);

	/* --storage-path */
	machine_with_path(&m);
	prior(&m, data_root(&m), "overlay2");
	path_trial(&m, TRI_YES);
	expect(&m, RUNG_VOLUME, "overlay2");
	ck_assert_has(the_hint(&m, "DIND-STORAGE-13")->remedy, "--storage-path");
	machine_free(&m);
}
END_TEST

START_TEST(the_image_goes_before_vfs_of_a_bad_day)
{
	struct machine m;

	machine_init(&m);
	prior(&m, data_root(&m), "vfs");
	image_dir(&m)->image = TRI_YES;
	image_dir(&m)->image_bytes = 10 * GIB;
	machine_overlay(&m, TRI_NO);
	expect(&m, RUNG_LOOP, "overlay2");
	ck_assert_has(the_hint(&m, "DIND-STORAGE-13")->remedy, "--storage vfs");
	machine_failure(&m, "storage-loop", EBUSY, "busy", NULL);
	expect(&m, RUNG_VFS, "vfs");
	ck_assert_has(the_hint(&m, "DIND-STORAGE-18")->fact, DIND_IMAGE_DIR);
	machine_free(&m);
}
END_TEST

START_TEST(an_image_in_use_is_not_called_lost)
{
	struct facts_mount *mount;
	struct machine m;

	machine_with_volume(&m);
	prior(&m, data_root(&m), "overlay2");
	image_dir(&m)->image = TRI_YES;
	image_dir(&m)->image_bytes = 10 * GIB;
	expect(&m, RUNG_AS_IS, "overlay2");
	ck_assert_ptr_nonnull(hint(&m, "DIND-STORAGE-18"));
	/* seen from beside the running engine */
	mount = machine_mount(&m, DATA_ROOT, "ext4");
	mount->source = "/dev/loop3";
	expect(&m, RUNG_AS_IS, "overlay2");
	ck_assert_ptr_null(hint(&m, "DIND-STORAGE-18"));
	mount->source = NULL;
	expect(&m, RUNG_AS_IS, "overlay2");
	ck_assert_ptr_nonnull(hint(&m, "DIND-STORAGE-18"));
	machine_free(&m);

	/* where the engine may not use it */
	machine_with_volume(&m);
	image_dir(&m)->image = TRI_YES;
	image_dir(&m)->image_bytes = 10 * GIB;
	m.options.storage_given = true;
	m.options.rungs[0] = RUNG_AS_IS;
	expect(&m, RUNG_AS_IS, "overlay2");
	ck_assert_ptr_nonnull(hint(&m, "DIND-STORAGE-18"));
	machine_free(&m);
}
END_TEST

START_TEST(an_image_of_an_earlier_start_goes_before_a_volume_that_works_by_now)
{
	struct machine m;

	machine_with_volume(&m);
	image_dir(&m)->image = TRI_YES;
	image_dir(&m)->image_bytes = 10 * GIB;
	expect(&m, RUNG_LOOP, "overlay2");
	ck_assert_has(all_decisions(&m), "not as-is: images of an earlier start are in " IMAGE);
	/* it cannot: said once, and loudly */
	machine_failure(&m, "storage-loop", ENXIO, "no loop device", NULL);
	expect(&m, RUNG_AS_IS, "overlay2");
	ck_assert_ptr_nonnull(hint(&m, "DIND-STORAGE-18"));
	ck_assert_str_eq(strstr(all_decisions(&m), "not loop:"),
			 strstr(all_decisions(&m), "not loop: no loop device"));
	machine_free(&m);
}
END_TEST

/* Another driver over data that is there: dockerd would start, and show nothing. */
static const struct {
	const char *there, *asked;
	bool refused;
} others[] = {
	{ "overlay2", "vfs", true },
	{ "overlay2", "fuse-overlayfs", true },
	{ "fuse-overlayfs", "overlay2", true },
	{ "btrfs", "overlay2", true },
	{ "overlay2", "overlay2", false },
	{ "vfs", "overlay2", false },
	{ "vfs", "vfs", false },
};

START_TEST(a_driver_that_would_hide_images_is_refused)
{
	struct machine m;

	machine_with_volume(&m);
	with_fuse(&m, TRI_YES);
	prior(&m, data_root(&m), others[_i].there);
	m.options.storage_driver = others[_i].asked;
	machine_plan(&m);
	ck_assert_uint_eq(m.plan.n_refusals, others[_i].refused ? 1 : 0);
	if (others[_i].refused) {
		const struct plan_message *message = the_refusal(&m, "DIND-STORAGE-08");

		ck_assert_int_eq(message->status, STATUS_CONFIG);
		ck_assert_has(message->fact, others[_i].there);
		ck_assert_has(message->fact, others[_i].asked);
		ck_assert_has(message->remedy, "leave --storage-driver out");
		ck_assert_has(message->remedy, "-v NAME:");
		/* a clear wish */
		m.options.storage_given = true;
		m.options.rungs[0] = RUNG_AS_IS;
		m.options.rungs[1] = RUNG_FUSE;
		m.options.rungs[2] = RUNG_VFS;
		machine_plan(&m);
		ck_assert_uint_eq(m.plan.n_refusals, 0);
		ck_assert_ptr_nonnull(hint(&m, "DIND-STORAGE-13"));
	}
	machine_free(&m);
}
END_TEST

/* ---- a driver that was asked for --------------------------------------------------------------
 */

static const struct {
	const char *driver, *fs;
	enum tri overlay, fuse;
	enum storage_rung rung; /* RUNG_NONE: refused */
} asked[] = {
	{ "overlay2", "ext4", TRI_YES, TRI_NO, RUNG_AS_IS },
	{ "overlay2", "overlay", TRI_NO, TRI_YES, RUNG_LOOP },
	{ "overlay", "ext4", TRI_YES, TRI_NO, RUNG_AS_IS },
	{ "overlayfs", "ext4", TRI_YES, TRI_NO, RUNG_AS_IS },
	{ "vfs", "overlay", TRI_NO, TRI_NO, RUNG_VFS },
	{ "native", "overlay", TRI_NO, TRI_NO, RUNG_VFS },
	{ "fuse-overlayfs", "overlay", TRI_YES, TRI_YES, RUNG_FUSE },
	{ "fuse-overlayfs", "overlay", TRI_YES, TRI_NO, RUNG_NONE },
	{ "btrfs", "btrfs", TRI_YES, TRI_NO, RUNG_AS_IS },
	{ "btrfs", "ext4", TRI_YES, TRI_NO, RUNG_NONE },
	{ "zfs", "overlay", TRI_NO, TRI_NO, RUNG_NONE },
	{ "aufs", "ext4", TRI_YES, TRI_NO, RUNG_AS_IS },
	{ "aufs", "aufs", TRI_NO, TRI_NO, RUNG_NONE },
	{ "devicemapper", "ext4", TRI_YES, TRI_NO, RUNG_NONE },
	{ "something-new", "ext4", TRI_YES, TRI_NO, RUNG_AS_IS },
};

static void check_asked(struct machine *m, int i)
{
	bool snapshotter =
		strcmp(asked[i].driver, "overlayfs") == 0 || strcmp(asked[i].driver, "native") == 0;

	m->facts.engine.version = snapshotter ? "29.0.1" : "20.10.24";
	data_root(m)->fs_name = asked[i].fs;
	machine_overlay(m, asked[i].overlay);
	with_fuse(m, asked[i].fuse);
	if (asked[i].rung != RUNG_NONE) {
		expect(m, asked[i].rung, asked[i].driver);
		/* loud also where it was asked for */
		ck_assert_int_eq(hint(m, "DIND-STORAGE-09") != NULL,
				 asked[i].rung == RUNG_VFS || asked[i].rung == RUNG_FUSE);
		return;
	}
	machine_plan(m);
	ck_assert_uint_eq(m->plan.n_refusals, 1);
	ck_assert_int_eq(the_refusal(m, "DIND-STORAGE-04")->status, STATUS_CONFIG);
	ck_assert_has(the_refusal(m, "DIND-STORAGE-04")->fact, asked[i].driver);
}

START_TEST(a_driver_that_was_asked_for)
{
	struct machine m;

	machine_init(&m);
	m.options.storage_driver = asked[_i].driver;
	check_asked(&m, _i);
	if (asked[_i].rung != RUNG_NONE)
		ck_assert_has(flags(&m),
			      arena_printf(&m.arena, "storage-driver=%s", asked[_i].driver));
	machine_free(&m);

	/* the same by daemon.json, without a flag beside the key */
	machine_init(&m);
	m.facts.engine.config_present = TRI_YES;
	m.facts.engine.config_storage_driver = asked[_i].driver;
	strings_add(&m.arena, &m.facts.engine.config_keys, "storage-driver");
	check_asked(&m, _i);
	ck_assert_has_not(flags(&m), "storage-driver=");
	machine_free(&m);
}
END_TEST

START_TEST(a_driver_that_storage_leaves_no_rung_for)
{
	struct machine m;

	machine_init(&m);
	m.options.storage_driver = "vfs";
	m.options.storage_given = true;
	m.options.rungs[0] = RUNG_LOOP;
	machine_plan(&m);
	ck_assert_has(the_refusal(&m, "DIND-STORAGE-04")->fact, "--storage leaves no rung");
	machine_free(&m);
}
END_TEST

/* What engines no longer have is refused before they say so in their own words. */
static const struct {
	const char *driver, *version;
	bool refused;
} gone[] = {
	{ "aufs", "23.0.1", false },	      { "aufs", "24.0.0", true },
	{ "overlay", "20.10.24", false },     { "overlay", "28.5.2", true },
	{ "devicemapper", "20.10.24", true }, { "devicemapper", "28.5.2", true },
	{ "overlay2", "28.5.2", false },
};

START_TEST(a_driver_that_the_engine_does_not_have)
{
	struct machine m;

	machine_with_volume(&m);
	m.facts.engine.version = gone[_i].version;
	m.options.storage_driver = gone[_i].driver;
	machine_plan(&m);
	ck_assert_int_eq(refusal(&m, "DIND-STORAGE-04") != NULL, gone[_i].refused);
	machine_free(&m);

	/* not known: asked for where it matters, and taken for good when it cannot be told */
	machine_with_volume(&m);
	m.options.storage_driver = "overlay";
	machine_plan(&m);
	ck_assert_uint_eq(m.plan.n_trials, 1);
	ck_assert_int_eq(m.plan.trials[0].kind, TRIAL_ENGINE);
	(void) machine_trial(&m, TRIAL_ENGINE, "/usr/bin/dockerd", TRI_UNKNOWN, ETIMEDOUT, NULL);
	expect(&m, RUNG_AS_IS, "overlay");
	machine_free(&m);
}
END_TEST

START_TEST(zfs_wants_its_device_and_its_tool)
{
	struct machine m;

	machine_with_volume(&m);
	data_root(&m)->fs_name = "zfs";
	m.options.storage_driver = "zfs";
	machine_plan(&m);
	ck_assert_has(the_refusal(&m, "DIND-STORAGE-04")->fact, "no zfs in PATH");
	m.facts.storage.zfs = "/sbin/zfs";
	machine_device(&m, "/dev/zfs", false);
	machine_plan(&m);
	ck_assert_has(the_refusal(&m, "DIND-STORAGE-04")->fact, "/dev/zfs cannot be used (ENOENT)");
	m.facts.mounts.devices[m.facts.mounts.n_devices - 1].usable.value = TRI_YES;
	expect(&m, RUNG_AS_IS, "zfs");
	machine_free(&m);
}
END_TEST

START_TEST(subvolumes_are_told)
{
	struct machine m;

	machine_with_volume(&m);
	data_root(&m)->fs_name = "btrfs";
	expect(&m, RUNG_AS_IS, "overlay2");
	ck_assert_ptr_null(hint(&m, "DIND-STORAGE-24"));
	m.options.storage_driver = "btrfs";
	expect(&m, RUNG_AS_IS, "btrfs");
	ck_assert_has(the_hint(&m, "DIND-STORAGE-24")->remedy, "btrfs subvolume delete");
	ck_assert(!m.plan.storage.remove_subvolumes);
	/* the container's own layer */
	data_root(&m)->mount_target = "/";
	data_root(&m)->is_mount_point = TRI_NO;
	expect(&m, RUNG_AS_IS, "btrfs");
	ck_assert_has(the_hint(&m, "DIND-STORAGE-24")->fact, "are removed at exit");
	ck_assert(m.plan.storage.remove_subvolumes);
	/* of a start before, that was killed */
	strings_add(&m.arena, &data_root(&m)->drivers, "btrfs");
	m.options.storage_driver = NULL;
	expect(&m, RUNG_AS_IS, "btrfs");
	ck_assert(m.plan.storage.remove_subvolumes);
	machine_free(&m);
}
END_TEST

START_TEST(strict_args_force_a_driver)
{
	static const char *const args[] = { "dockerd", "--storage-driver=devicemapper", NULL };
	static const char *const environment[] = { "PATH=/bin", "DOCKER_DRIVER=aufs", NULL };
	struct machine m;

	machine_with_volume(&m);
	data_root(&m)->fs_name = "overlay";
	m.facts.engine.version = "20.10.24";
	m.options.strict_args = true;
	m.options.dockerd_args = args;
	expect(&m, RUNG_AS_IS, "devicemapper");
	ck_assert_has(the_hint(&m, "DIND-STORAGE-25")->fact, "not namespaced");
	/* as dockerd reads them */
	m.options.environment = environment;
	expect(&m, RUNG_AS_IS, "aufs");
	ck_assert_has(the_hint(&m, "DIND-STORAGE-25")->fact, "cannot work on overlay");
	machine_free(&m);

	/* also what is there */
	machine_with_volume(&m);
	m.options.strict_args = true;
	m.options.dockerd_args = args;
	m.facts.engine.version = "20.10.24";
	prior(&m, data_root(&m), "devicemapper");
	expect(&m, RUNG_AS_IS, "devicemapper");
	machine_free(&m);
}
END_TEST

int main(void)
{
	TCase *tc = tcase_create("storage_given");

	tcase_add_test(tc, a_storage_path_comes_first);
	tcase_add_test(tc, a_storage_path_without_overlay_holds_the_image);
	tcase_add_loop_test(tc, a_storage_path_that_fails_is_left_aloud, 0, 5);
	tcase_add_test(tc, a_storage_path_that_cannot_be_written_is_refused);
	tcase_add_test(tc, a_storage_path_that_nobody_looked_at);
	tcase_add_test(tc, a_storage_path_with_a_driver);
	tcase_add_test(tc, a_storage_path_that_was_used_before);
	tcase_add_loop_test(tc, a_data_root_keeps_the_driver_that_wrote_it, 0, ARRAY_SIZE(priors));
	tcase_add_test(tc, an_old_data_root_waits_for_its_trial);
	tcase_add_test(tc, of_several_drivers_the_better_one);
	tcase_add_test(tc, a_clear_wish_goes_before_what_is_there);
	tcase_add_test(tc, the_image_goes_before_vfs_of_a_bad_day);
	tcase_add_test(tc, an_image_in_use_is_not_called_lost);
	tcase_add_test(tc, an_image_of_an_earlier_start_goes_before_a_volume_that_works_by_now);
	tcase_add_loop_test(tc, a_driver_that_would_hide_images_is_refused, 0, ARRAY_SIZE(others));
	tcase_add_loop_test(tc, a_driver_that_was_asked_for, 0, ARRAY_SIZE(asked));
	tcase_add_test(tc, a_driver_that_storage_leaves_no_rung_for);
	tcase_add_loop_test(tc, a_driver_that_the_engine_does_not_have, 0, ARRAY_SIZE(gone));
	tcase_add_test(tc, zfs_wants_its_device_and_its_tool);
	tcase_add_test(tc, subvolumes_are_told);
	tcase_add_test(tc, strict_args_force_a_driver);
	return run_suite(tc);
}
