/* SPDX-License-Identifier: Apache-2.0 */
/* The data root: every rung, every way to fall from it, and what people are told. */
#include "plan_storage_fixture.h"

/* ---- the ladder -------------------------------------------------------------------------------
 */

START_TEST(nothing_is_decided_before_the_trial)
{
	struct machine m;

	machine_init(&m);
	machine_plan(&m);
	ck_assert_uint_eq(m.plan.n_trials, 1);
	ck_assert_int_eq(m.plan.trials[0].kind, TRIAL_OVERLAY);
	ck_assert_str_eq(m.plan.trials[0].path, DATA_ROOT);
	ck_assert_int_eq(m.plan.storage.rung, RUNG_NONE);
	ck_assert_str_eq(m.plan.storage.data_root, DATA_ROOT);
	ck_assert_uint_eq(count_steps(&m, STEP_LOCK), 0);
	machine_free(&m);
}
END_TEST

START_TEST(the_trial_is_made_where_something_exists)
{
	struct machine m;

	machine_init(&m);
	data_root(&m)->exists = TRI_NO;
	data_root(&m)->nearest = "/var/lib";
	machine_plan(&m);
	ck_assert_str_eq(m.plan.trials[0].path, "/var/lib");
	(void) machine_trial(&m, TRIAL_OVERLAY, "/var/lib", TRI_YES, 0, NULL);
	expect(&m, RUNG_AS_IS, "overlay2");
	machine_free(&m);

	machine_init(&m);
	data_root(&m)->nearest = NULL;
	machine_plan(&m);
	ck_assert_str_eq(m.plan.trials[0].path, DATA_ROOT);
	machine_free(&m);
}
END_TEST

START_TEST(one_place_is_tried_once)
{
	struct machine m;

	/* two directories that do not exist yet share the one that does */
	machine_init(&m);
	m.options.storage_path = "/var/lib/storage";
	m.facts.storage.storage_path = machine_directory("/var/lib/storage", "overlay");
	m.facts.storage.storage_path.nearest = data_root(&m)->nearest = "/var/lib";
	machine_plan(&m);
	ck_assert_uint_eq(m.plan.n_trials, 1);
	machine_free(&m);
}
END_TEST

START_TEST(a_failed_trial_is_explained_by_what_it_left)
{
	static const struct {
		int error;
		const char *detail, *evidence, *want;
	} outcomes[] = {
		{ EINVAL, "the kernel's line", "a path", "overlay (EINVAL: the kernel's line)" },
		{ EINVAL, NULL, "a path", "overlay (EINVAL: a path)" },
		{ EINVAL, NULL, NULL, "overlay (EINVAL)" },
		{ 0, "the kernel's line", NULL, "overlay (the kernel's line)" },
		{ 0, NULL, NULL, "which is overlay" },
		{ 4711, NULL, NULL, "overlay (errno 4711)" },
	};
	struct facts_trial *trial;
	struct machine m;

	machine_init(&m);
	trial = machine_trial(&m, TRIAL_OVERLAY, DATA_ROOT, TRI_NO, outcomes[_i].error,
			      outcomes[_i].detail);
	trial->result.evidence = outcomes[_i].evidence;
	expect(&m, RUNG_LOOP, "overlay2");
	ck_assert_has(the_decision(&m, "DIND-STORAGE-02")->fact, outcomes[_i].want);
	machine_free(&m);
}
END_TEST

START_TEST(a_volume_is_used_as_it_is)
{
	const struct plan_step *step;
	struct machine m;

	machine_with_volume(&m);
	expect(&m, RUNG_AS_IS, "overlay2");
	ck_assert_ptr_null(m.plan.storage.image);
	ck_assert_uint_eq(count_steps(&m, STEP_DIRECTORY), 0);
	ck_assert_uint_eq(count_steps(&m, STEP_BIND) + count_steps(&m, STEP_MOUNT_IMAGE) +
				  count_steps(&m, STEP_MAKE_IMAGE),
			  0);
	step = the_step_with_key(&m, "storage-lock");
	ck_assert_str_eq(step->u.lock.path, DATA_ROOT "/.dind-lock");
	ck_assert(step->u.lock.create);
	ck_assert_int_eq(step->on_fail, FAIL_REPLAN);
	ck_assert_has(flags(&m), "storage-driver=overlay2");
	ck_assert_has_not(flags(&m), "data-root=");
	ck_assert_uint_eq(m.plan.n_hints, 0);
	machine_free(&m);
}
END_TEST

START_TEST(a_missing_data_root_is_made_before_it_is_locked)
{
	const struct plan_step *directory, *lock;
	struct machine m;

	machine_init(&m);
	data_root(&m)->exists = TRI_NO;
	machine_overlay(&m, TRI_YES);
	expect(&m, RUNG_AS_IS, "overlay2");
	directory = the_step_with_key(&m, "storage-directory");
	lock = the_step_with_key(&m, "storage-lock");
	ck_assert(directory < lock);
	ck_assert_str_eq(directory->u.runtime_dir.path, DATA_ROOT);
	ck_assert_int_eq(directory->on_fail, FAIL_ABORT);
	machine_free(&m);
}
END_TEST

START_TEST(without_a_volume_a_loop_image)
{
	const struct plan_step *dir, *lock, *make, *target, *mount, *sweep;
	struct machine m;

	machine_init(&m);
	machine_overlay(&m, TRI_NO);
	image_dir(&m)->exists = TRI_NO;
	data_root(&m)->exists = TRI_NO;
	data_root(&m)->nearest = NULL;
	expect(&m, RUNG_LOOP, "overlay2");
	ck_assert_str_eq(m.plan.storage.image, IMAGE);
	dir = the_step_with_key(&m, "storage-image-dir");
	lock = the_step_with_key(&m, "storage-image-lock");
	make = the_step_with_key(&m, "storage-image");
	target = the_step_with_key(&m, "storage-directory");
	mount = the_step_with_key(&m, "storage-loop");
	sweep = the_step_with_key(&m, "sweep");
	/* mkfs starts early, its result is wanted late */
	ck_assert(dir < lock && lock < make && make < sweep && sweep < target && target < mount);
	ck_assert_str_eq(dir->u.runtime_dir.path, DIND_IMAGE_DIR);
	ck_assert_int_eq(dir->on_fail, FAIL_REPLAN);
	ck_assert_str_eq(lock->u.lock.path, IMAGE);
	ck_assert_str_eq(make->u.image.image, IMAGE);
	ck_assert_str_eq(make->u.image.mkfs, "/sbin/mkfs.ext4");
	ck_assert_uint_eq(make->u.image.bytes, 50 * GIB);
	ck_assert_int_eq(make->on_fail, FAIL_REPLAN);
	ck_assert_str_eq(mount->u.image.target, DATA_ROOT);
	ck_assert_int_eq(mount->on_fail, FAIL_REPLAN);
	/* why, by the kernel's own word, and what would be better */
	ck_assert_has(m.plan.storage.why, "not supported as upperdir");
	ck_assert_has(the_decision(&m, "DIND-STORAGE-02")->fact,
		      "not as-is: overlay does not work");
	ck_assert_has(the_decision(&m, "DIND-STORAGE-02")->fact, "EINVAL");
	ck_assert_has(the_hint(&m, "DIND-STORAGE-10")->fact, "-v NAME:" DATA_ROOT);
	machine_free(&m);
}
END_TEST

static const struct {
	uint64_t free, asked, want;
	bool hint;
} sizes[] = {
	{ 100 * GIB, 0, 50 * GIB, false },
	/* 10 GiB do not fit: full inside is better than full below */
	{ 2 * GIB, 0, 2 * GIB - GIB / 4, false },
	{ GIB, 0, GIB - GIB / 4, false }, /* just enough */
	{ 10 * GIB, 0, 10 * GIB - GIB / 4, false },
	{ 10 * GIB + GIB / 4, 0, 10 * GIB, false },
	{ 20 * GIB, 0, 10 * GIB, false },
	{ 900 * GIB, 0, 100 * GIB, false },
	{ 100 * GIB, 3 * GIB, 3 * GIB, false },
	{ 100 * GIB, 300 * GIB, 300 * GIB, true },
};

START_TEST(image_size)
{
	struct machine m;

	machine_init(&m);
	machine_overlay(&m, TRI_NO);
	image_dir(&m)->free_bytes = sizes[_i].free;
	m.options.storage_size = sizes[_i].asked;
	expect(&m, RUNG_LOOP, "overlay2");
	ck_assert_uint_eq(the_step_with_key(&m, "storage-image")->u.image.bytes, sizes[_i].want);
	ck_assert_int_eq(hint(&m, "DIND-STORAGE-12") != NULL, sizes[_i].hint);
	machine_free(&m);
}
END_TEST

START_TEST(an_image_of_an_earlier_start_is_used_again)
{
	struct machine m;

	machine_init(&m);
	machine_overlay(&m, TRI_NO);
	image_dir(&m)->image = TRI_YES;
	image_dir(&m)->image_bytes = 20 * GIB;
	image_dir(&m)->free_bytes = GIB / 2;
	expect(&m, RUNG_LOOP, "overlay2");
	ck_assert_has(m.plan.storage.why, "20.0 GiB, from an earlier start");
	/* a crash may have left it without a file system: the step finds out */
	ck_assert_uint_eq(the_step_with_key(&m, "storage-image")->u.image.bytes, 20 * GIB);
	ck_assert_has(the_hint(&m, "DIND-STORAGE-12")->fact, "only 512.0 MiB of 200.0 GiB");

	m.facts.storage.mkfs_ext4 = NULL;
	expect(&m, RUNG_LOOP, "overlay2");
	ck_assert_ptr_null(step_with_key(&m, "storage-image"));
	ck_assert_ptr_nonnull(step_with_key(&m, "storage-loop"));
	machine_free(&m);
}
END_TEST

/* Each reason that speaks against the loop, and the sentence that names it. */
enum loop_trouble {
	NO_MKFS,
	NO_SPACE,
	READ_ONLY,
	NO_LOOP,
	FAILED_DIR,
	FAILED_LOCK,
	FAILED_MKFS,
	FAILED_MOUNT,
	EMPTY_IMAGE,
	LOOP_TROUBLES,
};

static void break_loop(struct machine *m, enum loop_trouble trouble)
{
	switch (trouble) {
	case NO_MKFS:
		m->facts.storage.mkfs_ext4 = NULL;
		break;
	case NO_SPACE:
		image_dir(m)->free_bytes = GIB - 1;
		break;
	case READ_ONLY:
		image_dir(m)->writable = (struct fact){ TRI_NO, EROFS, "/" };
		break;
	case NO_LOOP:
		m->facts.mounts.devices[1].usable = (struct fact){ TRI_NO, EPERM, NULL };
		break;
	case FAILED_DIR:
		machine_failure(m, "storage-image-dir", EROFS, "make directory", NULL);
		break;
	case FAILED_LOCK:
		machine_failure(m, "storage-image-lock", ENOLCK, "open the lock: no locks", NULL);
		break;
	case FAILED_MKFS:
		machine_failure(m, "storage-image", EIO, NULL, NULL);
		break;
	case FAILED_MOUNT:
		machine_failure(m, "storage-loop", ENXIO, "find a free loop device", NULL);
		break;
	case EMPTY_IMAGE: /* a file of a crashed start is no image, and here none can be made */
		image_dir(m)->image = TRI_YES;
		m->facts.storage.mkfs_ext4 = NULL;
		break;
	case LOOP_TROUBLES:
		break;
	}
}

static const char *const loop_reasons[LOOP_TROUBLES] = {
	[NO_MKFS] = "loop: there is no mkfs.ext4",
	[NO_SPACE] = "loop: only 1023.9 MiB are free in " DIND_IMAGE_DIR,
	[READ_ONLY] = "loop: " DIND_IMAGE_DIR " is not writable (EROFS: /)",
	[NO_LOOP] = "loop: /dev/loop-control cannot be used (EPERM)",
	[FAILED_DIR] = "loop: make directory",
	[FAILED_LOCK] = "loop: open the lock: no locks",
	[FAILED_MKFS] = "loop: EIO",
	[FAILED_MOUNT] = "loop: find a free loop device",
	[EMPTY_IMAGE] = "loop: there is no mkfs.ext4",
};

START_TEST(without_the_loop_vfs_and_loudly)
{
	struct machine m;

	machine_init(&m);
	machine_overlay(&m, TRI_NO);
	break_loop(&m, (enum loop_trouble) _i);
	expect(&m, RUNG_VFS, "vfs");
	ck_assert_has(flags(&m), "storage-driver=vfs");
	ck_assert_has(the_hint(&m, "DIND-STORAGE-09")->fact, "copies every layer");
	ck_assert_has(the_hint(&m, "DIND-STORAGE-09")->remedy, "-v NAME:" DATA_ROOT);
	ck_assert_has(all_decisions(&m), loop_reasons[_i]);
	machine_free(&m);
}
END_TEST

START_TEST(a_missing_loop_control_is_no_reason)
{
	struct machine m;

	machine_init(&m);
	machine_overlay(&m, TRI_NO);
	m.facts.mounts.devices[1] = (struct facts_device){ .path = "/dev/loop-control",
							   .usable = { TRI_NO, ENOENT, NULL } };
	m.facts.mounts.loop_driver = TRI_NO;
	expect(&m, RUNG_LOOP, "overlay2");
	m.facts.mounts.n_devices = 0;
	expect(&m, RUNG_LOOP, "overlay2");
	machine_free(&m);
}
END_TEST

START_TEST(fuse_overlayfs_before_vfs)
{
	struct machine m;

	machine_init(&m);
	machine_overlay(&m, TRI_NO);
	m.facts.storage.mkfs_ext4 = NULL;
	m.facts.storage.fuse_overlayfs = "/usr/bin/fuse-overlayfs";
	machine_plan(&m);
	ck_assert_uint_eq(m.plan.n_trials, 1);
	ck_assert_int_eq(m.plan.trials[0].kind, TRIAL_FUSE);
	with_fuse(&m, TRI_YES);
	expect(&m, RUNG_FUSE, "fuse-overlayfs");
	ck_assert_has(the_hint(&m, "DIND-STORAGE-09")->fact, "fuse-overlayfs");
	ck_assert_str_eq(the_step_with_key(&m, "storage-lock")->u.lock.path,
			 DATA_ROOT "/.dind-lock");
	machine_free(&m);

	machine_init(&m);
	machine_overlay(&m, TRI_NO);
	m.facts.storage.mkfs_ext4 = NULL;
	with_fuse(&m, TRI_NO);
	expect(&m, RUNG_VFS, "vfs");
	machine_free(&m);

	/* an answer that did not come in time is no answer */
	machine_init(&m);
	machine_overlay(&m, TRI_UNKNOWN);
	m.facts.storage.mkfs_ext4 = NULL;
	with_fuse(&m, TRI_UNKNOWN);
	expect(&m, RUNG_VFS, "vfs");
	machine_free(&m);

	/* a device that is there and cannot be opened answers without a trial */
	machine_init(&m);
	machine_overlay(&m, TRI_NO);
	m.facts.storage.mkfs_ext4 = NULL;
	m.facts.storage.fuse_overlayfs = "/usr/bin/fuse-overlayfs";
	m.facts.mounts.devices[0].usable = (struct fact){ TRI_NO, ENODEV, NULL };
	expect(&m, RUNG_VFS, "vfs");
	m.facts.mounts.devices[0].present = false; /* one that is not there may be made */
	machine_plan(&m);
	ck_assert_uint_eq(m.plan.n_trials, 1);
	m.facts.mounts.n_devices = 0;
	machine_plan(&m);
	ck_assert_uint_eq(m.plan.n_trials, 1);
	machine_free(&m);
}
END_TEST

START_TEST(when_nothing_is_writable_nothing_works)
{
	struct machine m;

	machine_init(&m);
	data_root(&m)->writable = (struct fact){ TRI_NO, EROFS, NULL };
	image_dir(&m)->writable = (struct fact){ TRI_NO, EROFS, NULL };
	machine_plan(&m);
	ck_assert_uint_eq(m.plan.n_refusals, 1);
	ck_assert_int_eq(the_refusal(&m, "DIND-STORAGE-03")->status, STATUS_OSERR);
	for (enum storage_rung rung = RUNG_AS_IS; rung < RUNG_COUNT; rung++)
		if (rung != RUNG_TMPFS) /* for which nobody asked */
			ck_assert_has(the_refusal(&m, "DIND-STORAGE-03")->fact,
				      options_rung_name(rung));
	ck_assert_has(the_refusal(&m, "DIND-STORAGE-03")->remedy, "-v NAME:" DATA_ROOT);
	machine_free(&m);
}
END_TEST

START_TEST(storage_narrows_and_orders_the_ladder)
{
	static const struct {
		enum storage_rung rungs[4];
		enum storage_rung want; /* RUNG_NONE: refused */
	} lists[] = {
		{ { RUNG_VFS, RUNG_LOOP }, RUNG_VFS },
		{ { RUNG_LOOP, RUNG_VFS }, RUNG_LOOP },
		{ { RUNG_VOLUME, RUNG_LOOP }, RUNG_LOOP }, /* without a path: nothing to bind */
		{ { RUNG_AS_IS }, RUNG_NONE },
		{ { RUNG_AS_IS, RUNG_FUSE }, RUNG_NONE },
		{ { RUNG_VOLUME }, RUNG_NONE },
	};
	struct machine m;

	machine_init(&m);
	machine_overlay(&m, TRI_NO);
	m.options.storage_given = true;
	m.options.rungs[0] = RUNG_AS_IS;
	m.options.rungs[1] = RUNG_VFS;
	expect(&m, RUNG_VFS, "vfs");
	ck_assert_ptr_nonnull(hint(&m, "DIND-STORAGE-09"));
	machine_free(&m);

	for (size_t i = 0; i < ARRAY_SIZE(lists); i++) {
		machine_init(&m);
		machine_overlay(&m, TRI_NO);
		m.options.storage_given = true;
		memcpy(m.options.rungs, lists[i].rungs, sizeof(lists[i].rungs));
		machine_plan(&m);
		ck_assert_int_eq(m.plan.storage.rung, lists[i].want);
		/* loud also where it was asked for */
		ck_assert_int_eq(hint(&m, "DIND-STORAGE-09") != NULL,
				 lists[i].want == RUNG_VFS || lists[i].want == RUNG_FUSE);
		if (lists[i].want == RUNG_NONE) {
			ck_assert_int_eq(the_refusal(&m, "DIND-STORAGE-03")->status, STATUS_CONFIG);
			ck_assert_has(the_refusal(&m, "DIND-STORAGE-03")->remedy, "--storage");
		}
		machine_free(&m);
	}
}
END_TEST

/* ---- the lock ---------------------------------------------------------------------------------
 */

START_TEST(a_busy_data_root_is_refused_with_its_holder)
{
	static const char *const keys[] = { "storage-lock", "storage-volume-lock",
					    "storage-image-lock" };
	struct machine m;

	machine_init(&m);
	machine_overlay(&m, TRI_NO);
	machine_failure(&m, keys[_i], EWOULDBLOCK, "locked", "container 0123456789ab, host box");
	machine_plan(&m);
	ck_assert_uint_eq(m.plan.n_refusals, 1);
	ck_assert_int_eq(the_refusal(&m, "DIND-STORAGE-05")->status, STATUS_TEMPFAIL);
	ck_assert_has(the_refusal(&m, "DIND-STORAGE-05")->fact,
		      "in use by container 0123456789ab, host box");
	/* no other rung: all would miss its images */
	ck_assert_int_eq(m.plan.storage.rung, RUNG_NONE);
	ck_assert_ptr_null(decision(&m, "DIND-STORAGE-01"));
	machine_free(&m);

	machine_init(&m);
	machine_overlay(&m, TRI_NO);
	machine_failure(&m, keys[_i], EWOULDBLOCK, "locked", _i == 0 ? NULL : "");
	machine_plan(&m);
	ck_assert_has(the_refusal(&m, "DIND-STORAGE-05")->fact, "left no name");
	machine_free(&m);

	machine_init(&m);
	machine_overlay(&m, TRI_NO);
	machine_failure(&m, keys[_i], 0, "locked", "container 0123456789ab");
	machine_plan(&m);
	ck_assert_ptr_nonnull(refusal(&m, "DIND-STORAGE-05"));
	machine_free(&m);
}
END_TEST

START_TEST(a_data_root_that_cannot_be_locked_is_refused)
{
	struct machine m;

	machine_with_volume(&m);
	machine_failure(&m, "storage-lock", EIO, "open the lock: broken", NULL);
	machine_plan(&m);
	ck_assert_int_eq(the_refusal(&m, "DIND-STORAGE-06")->status, STATUS_OSERR);
	ck_assert_has(the_refusal(&m, "DIND-STORAGE-06")->fact, "broken");
	ck_assert_int_eq(m.plan.storage.rung, RUNG_NONE);
	machine_free(&m);

	machine_with_volume(&m);
	machine_failure(&m, "storage-lock", EOVERFLOW, NULL, NULL);
	machine_plan(&m);
	ck_assert_has(the_refusal(&m, "DIND-STORAGE-06")->fact, "EOVERFLOW");
	machine_free(&m);

	machine_with_volume(&m);
	machine_failure(&m, "storage-lock", 199, NULL, NULL);
	machine_plan(&m);
	ck_assert_has(the_refusal(&m, "DIND-STORAGE-06")->fact, "errno 199");
	machine_free(&m);
}
END_TEST

START_TEST(the_holder_says_only_what_is_known)
{
	struct machine m;

	machine_with_volume(&m);
	m.facts.identity.container_id =
		"0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef";
	m.facts.identity.boot_id = "b-o-o-t";
	machine_plan(&m);
	ck_assert_str_eq(the_step_with_key(&m, "storage-lock")->u.lock.holder,
			 "container 0123456789ab, host box, boot b-o-o-t");
	m.facts.identity.container_id = m.facts.identity.boot_id = m.facts.identity.hostname = NULL;
	machine_plan(&m);
	ck_assert_str_eq(the_step_with_key(&m, "storage-lock")->u.lock.holder,
			 "an unnamed container");
	machine_free(&m);
}
END_TEST

/* ---- what people are told ---------------------------------------------------------------------
 */

START_TEST(volumes_that_leak_and_disks_that_hang)
{
	struct machine m;

	machine_with_volume(&m);
	data_root(&m)->anonymous_volume = TRI_YES;
	data_root(&m)->remote = TRI_YES;
	expect(&m, RUNG_AS_IS, "overlay2");
	ck_assert_has(the_hint(&m, "DIND-STORAGE-11")->remedy, "docker rm -v");
	ck_assert_has(the_hint(&m, "DIND-STORAGE-14")->fact, "(ext4)");
	data_root(&m)->fs_name = NULL;
	expect(&m, RUNG_AS_IS, "overlay2");
	ck_assert_has(the_hint(&m, "DIND-STORAGE-14")->fact, "(unknown)");
	machine_free(&m);

	/* what lies below an image or a bind leaks no volume of images */
	machine_init(&m);
	machine_overlay(&m, TRI_NO);
	data_root(&m)->anonymous_volume = TRI_YES;
	expect(&m, RUNG_LOOP, "overlay2");
	ck_assert_ptr_null(hint(&m, "DIND-STORAGE-11"));
	machine_free(&m);
	machine_with_path(&m);
	path_trial(&m, TRI_YES);
	data_root(&m)->anonymous_volume = TRI_YES;
	expect(&m, RUNG_VOLUME, "overlay2");
	ck_assert_ptr_null(hint(&m, "DIND-STORAGE-11"));
	machine_free(&m);
}
END_TEST

START_TEST(an_image_beside_the_volume_is_pointed_out)
{
	struct machine m;

	machine_init(&m);
	machine_overlay(&m, TRI_NO);
	data_root(&m)->is_mount_point = TRI_YES;
	data_root(&m)->fs_name = NULL;
	expect(&m, RUNG_LOOP, "overlay2");
	ck_assert_has(the_hint(&m, "DIND-STORAGE-16")->remedy, "--storage-path");
	ck_assert_ptr_null(hint(&m, "DIND-STORAGE-10"));
	ck_assert_has(m.plan.storage.why, "unknown file system");
	machine_free(&m);

	machine_init(&m);
	machine_overlay(&m, TRI_NO);
	image_dir(&m)->mount_target = "/var/lib";
	expect(&m, RUNG_LOOP, "overlay2");
	ck_assert_ptr_null(hint(&m, "DIND-STORAGE-10"));
	machine_free(&m);
}
END_TEST

START_TEST(images_in_memory_are_told)
{
	struct machine m;

	machine_with_volume(&m);
	data_root(&m)->fs_name = "tmpfs";
	expect(&m, RUNG_AS_IS, "overlay2");
	ck_assert_has(the_hint(&m, "DIND-STORAGE-19")->fact, DATA_ROOT);
	machine_free(&m);

	/* below an image it is the image that counts */
	machine_init(&m);
	machine_overlay(&m, TRI_NO);
	image_dir(&m)->fs_name = "tmpfs";
	expect(&m, RUNG_LOOP, "overlay2");
	ck_assert_ptr_null(hint(&m, "DIND-STORAGE-19"));
	machine_free(&m);
}
END_TEST

START_TEST(little_space_is_told_with_numbers)
{
	struct machine m;

	machine_with_volume(&m);
	data_root(&m)->free_bytes = 300 << 20;
	expect(&m, RUNG_AS_IS, "overlay2");
	ck_assert_has(the_hint(&m, "DIND-STORAGE-12")->fact, "only 300.0 MiB of 200.0 GiB");
	data_root(&m)->total_bytes = 0; /* not known */
	expect(&m, RUNG_AS_IS, "overlay2");
	ck_assert_ptr_null(hint(&m, "DIND-STORAGE-12"));
	machine_free(&m);

	/* a size that is not known is no reason against an image */
	machine_init(&m);
	machine_overlay(&m, TRI_NO);
	image_dir(&m)->total_bytes = image_dir(&m)->free_bytes = 0;
	expect(&m, RUNG_LOOP, "overlay2");
	ck_assert_uint_eq(the_step_with_key(&m, "storage-image")->u.image.bytes, 10 * GIB);
	machine_free(&m);
}
END_TEST

START_TEST(a_data_root_at_another_place)
{
	struct machine m;

	machine_init(&m);
	m.facts.storage.data_root = (struct facts_directory){ .path = NULL };
	m.options.data_root = "/srv/docker/";
	machine_plan(&m);
	ck_assert_str_eq(m.plan.trials[0].path, "/srv/docker/");
	(void) machine_trial(&m, TRIAL_OVERLAY, "/srv/docker/", TRI_YES, 0, NULL);
	expect(&m, RUNG_AS_IS, "overlay2");
	ck_assert_str_eq(the_step_with_key(&m, "storage-lock")->u.lock.path,
			 "/srv/docker/.dind-lock");
	ck_assert_has(flags(&m), "data-root=/srv/docker/");
	machine_free(&m);

	machine_init(&m);
	m.facts.storage.data_root.path = NULL;
	m.facts.engine.config_data_root = "/data";
	machine_plan(&m);
	ck_assert_str_eq(m.plan.storage.data_root, "/data");
	machine_free(&m);
}
END_TEST

int main(void)
{
	TCase *tc = tcase_create("storage");

	tcase_add_test(tc, nothing_is_decided_before_the_trial);
	tcase_add_test(tc, the_trial_is_made_where_something_exists);
	tcase_add_test(tc, one_place_is_tried_once);
	tcase_add_loop_test(tc, a_failed_trial_is_explained_by_what_it_left, 0, 6);
	tcase_add_test(tc, a_volume_is_used_as_it_is);
	tcase_add_test(tc, a_missing_data_root_is_made_before_it_is_locked);
	tcase_add_test(tc, without_a_volume_a_loop_image);
	tcase_add_loop_test(tc, image_size, 0, ARRAY_SIZE(sizes));
	tcase_add_test(tc, an_image_of_an_earlier_start_is_used_again);
	tcase_add_loop_test(tc, without_the_loop_vfs_and_loudly, 0, LOOP_TROUBLES);
	tcase_add_test(tc, a_missing_loop_control_is_no_reason);
	tcase_add_test(tc, fuse_overlayfs_before_vfs);
	tcase_add_test(tc, when_nothing_is_writable_nothing_works);
	tcase_add_test(tc, storage_narrows_and_orders_the_ladder);
	tcase_add_loop_test(tc, a_busy_data_root_is_refused_with_its_holder, 0, 3);
	tcase_add_test(tc, a_data_root_that_cannot_be_locked_is_refused);
	tcase_add_test(tc, the_holder_says_only_what_is_known);
	tcase_add_test(tc, volumes_that_leak_and_disks_that_hang);
	tcase_add_test(tc, an_image_beside_the_volume_is_pointed_out);
	tcase_add_test(tc, images_in_memory_are_told);
	tcase_add_test(tc, little_space_is_told_with_numbers);
	tcase_add_test(tc, a_data_root_at_another_place);
	return run_suite(tc);
}
