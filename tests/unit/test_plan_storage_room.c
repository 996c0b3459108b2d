/* SPDX-License-Identifier: Apache-2.0 */
/* Full disks, memory, and the image that the user has described. */
#include "plan_storage_fixture.h"

#define MIB (UINT64_C(1) << 20)

/* ---- full disks ---- */

static const struct {
	uint64_t bytes, inodes; /* free */
	bool used, full;
} disks[] = {
	{ 256 * MIB, 1000, false, false }, { 256 * MIB - 1, 1000, false, true },
	{ 256 * MIB, 999, false, true },   { 32 * MIB, 64, true, false },
	{ 32 * MIB - 1, 64, true, true },  { 32 * MIB, 63, true, true },
};

static void fill(struct facts_directory *directory, int i)
{
	directory->free_bytes = disks[i].bytes;
	directory->free_inodes = disks[i].inodes;
	directory->total_inodes = 5000;
}

static void check_full(struct machine *m, int i)
{
	const struct plan_message *message;

	machine_plan(m);
	ck_assert_uint_eq(m->plan.n_refusals, disks[i].full ? 1 : 0);
	if (!disks[i].full)
		return;
	message = the_refusal(m, "DIND-STORAGE-20");
	ck_assert_int_eq(message->status, STATUS_OSERR);
	ck_assert_has(message->fact, "of 200.0 GiB");
	ck_assert_has(message->fact, "of 5000 inodes");
	ck_assert_has(message->remedy, "-v NAME:" DATA_ROOT);
	/* before anything is made, be it by a trial */
	ck_assert_uint_eq(m->plan.n_trials, 0);
	ck_assert_uint_eq(count_steps(m, STEP_LOCK) + count_steps(m, STEP_MAKE_IMAGE), 0);
}

START_TEST(a_full_disk_is_refused_with_the_numbers)
{
	struct machine m;

	machine_with_volume(&m);
	if (disks[_i].full)
		m.facts.n_trials = 1; /* that of iptables */
	fill(data_root(&m), _i);
	if (disks[_i].used)
		prior(&m, data_root(&m), "overlay2");
	check_full(&m, _i);
	machine_free(&m);

	machine_with_path(&m);
	if (!disks[_i].full)
		path_trial(&m, TRI_YES);
	fill(&m.facts.storage.storage_path, _i);
	if (disks[_i].used)
		prior(&m, &m.facts.storage.storage_path, "overlay2");
	check_full(&m, _i);
	machine_free(&m);
}
END_TEST

START_TEST(a_full_layer_leaves_the_rungs_that_lie_elsewhere)
{
	struct machine m;

	machine_init(&m);
	data_root(&m)->free_bytes = MIB;
	expect(&m, RUNG_LOOP, "overlay2");
	ck_assert_has(all_decisions(&m), "not as-is: only 1.0 MiB of 200.0 GiB are free");
	/* and is refused where there is none */
	image_dir(&m)->free_bytes = MIB;
	with_fuse(&m, TRI_YES);
	machine_plan(&m);
	ck_assert_int_eq(the_refusal(&m, "DIND-STORAGE-20")->status, STATUS_OSERR);
	machine_free(&m);

	/* an image that is there: nothing can be written through it */
	machine_init(&m);
	machine_overlay(&m, TRI_NO);
	image_dir(&m)->image = TRI_YES;
	image_dir(&m)->image_bytes = 20 * GIB;
	image_dir(&m)->free_bytes = 31 * MIB;
	machine_plan(&m);
	ck_assert_has(the_refusal(&m, "DIND-STORAGE-20")->fact, DIND_IMAGE_DIR);
	machine_free(&m);

	/* numbers that are not known are no reason */
	machine_with_volume(&m);
	data_root(&m)->free_bytes = data_root(&m)->total_bytes = 0;
	expect(&m, RUNG_AS_IS, "overlay2");
	ck_assert_ptr_null(decision(&m, "DIND-STORAGE-21"));
	machine_free(&m);
}
END_TEST

START_TEST(a_step_that_ran_out_of_space_ends_the_start)
{
	static const char *const keys[] = { "storage-directory", "storage-lock",
					    "storage-image-dir", "storage-image-lock",
					    "storage-image" };
	struct machine m;

	for (size_t i = 0; i < ARRAY_SIZE(keys); i++) {
		machine_init(&m);
		machine_overlay(&m, TRI_NO);
		machine_failure(&m, keys[i], i % 2 ? ENOSPC : EDQUOT, "write the file", NULL);
		machine_plan(&m);
		ck_assert_uint_eq(m.plan.n_refusals, 1);
		ck_assert_int_eq(the_refusal(&m, "DIND-STORAGE-20")->status, STATUS_OSERR);
		ck_assert_has(the_refusal(&m, "DIND-STORAGE-20")->fact, "write the file");
		ck_assert_has(the_refusal(&m, "DIND-STORAGE-20")->fact, "100.0 GiB of 200.0 GiB");
		machine_free(&m);
	}

	/* the image is on another disk than what comes next */
	machine_init(&m);
	machine_overlay(&m, TRI_NO);
	image_dir(&m)->mount_target = DIND_IMAGE_DIR;
	machine_failure(&m, "storage-image", ENOSPC, "write the file", NULL);
	expect(&m, RUNG_VFS, "vfs");
	machine_free(&m);

	machine_with_path(&m);
	machine_failure(&m, "storage-volume-lock", ENOSPC, "write the file", NULL);
	machine_plan(&m);
	ck_assert_has(the_refusal(&m, "DIND-STORAGE-20")->fact, "free in " VOLUME);
	machine_free(&m);
}
END_TEST

START_TEST(what_is_free_is_told)
{
	struct machine m;

	machine_with_volume(&m);
	expect(&m, RUNG_AS_IS, "overlay2");
	ck_assert_str_eq(the_decision(&m, "DIND-STORAGE-21")->fact,
			 "free in " DATA_ROOT ": 100.0 GiB of 200.0 GiB");
	data_root(&m)->free_inodes = 2000;
	data_root(&m)->total_inodes = 5000;
	expect(&m, RUNG_AS_IS, "overlay2");
	ck_assert_has(the_decision(&m, "DIND-STORAGE-21")->fact, "2000 of 5000 inodes");
	machine_free(&m);
}
END_TEST

/* ---- tmpfs ---- */

static void ask_for_tmpfs(struct machine *m)
{
	machine_init(m);
	machine_overlay(m, TRI_NO);
	m->options.storage_given = true;
	m->options.rungs[0] = RUNG_AS_IS;
	m->options.rungs[1] = RUNG_TMPFS;
	m->facts.limits.memory_available = 8 * GIB;
}

START_TEST(memory_is_a_rung_for_those_who_ask)
{
	const struct plan_step *make, *lock;
	struct machine m;

	ask_for_tmpfs(&m);
	(void) machine_mount(&m, "/dev/shm", "tmpfs");
	machine_plan(&m);
	ck_assert_uint_eq(m.plan.n_trials, 1);
	ck_assert_str_eq(m.plan.trials[0].path, "/dev/shm");
	(void) machine_trial(&m, TRIAL_OVERLAY, "/dev/shm", TRI_YES, 0, NULL);
	expect(&m, RUNG_TMPFS, "overlay2");
	make = the_step_with_key(&m, "storage-tmpfs");
	lock = the_step_with_key(&m, "storage-tmpfs-lock");
	ck_assert(make < lock);
	ck_assert_str_eq(make->u.tmpfs.target, DATA_ROOT);
	ck_assert_uint_eq(make->u.tmpfs.bytes, 4 * GIB);
	ck_assert_int_eq(make->on_fail, FAIL_REPLAN);
	ck_assert_str_eq(lock->u.lock.path, DATA_ROOT "/.dind-lock");
	ck_assert_has(the_hint(&m, "DIND-STORAGE-19")->fact, "go when this container stops");
	ck_assert_ptr_null(hint(&m, "DIND-STORAGE-10"));
	ck_assert_has(the_decision(&m, "DIND-STORAGE-01")->fact, "tmpfs of 4.0 GiB");
	ck_assert_has(flags(&m), "storage-driver=overlay2");
	/* what was there is hidden, and not in silence */
	prior(&m, data_root(&m), "vfs");
	expect(&m, RUNG_TMPFS, "overlay2");
	ck_assert_ptr_nonnull(hint(&m, "DIND-STORAGE-13"));
	machine_failure(&m, "storage-tmpfs", ENOMEM, "mount a tmpfs", NULL);
	machine_plan(&m);
	ck_assert_has(the_refusal(&m, "DIND-STORAGE-03")->fact, "tmpfs: mount a tmpfs");
	machine_free(&m);

	/* where no overlay works it does not work either */
	ask_for_tmpfs(&m);
	(void) machine_mount(&m, "/dev", "tmpfs");
	(void) machine_trial(&m, TRIAL_OVERLAY, "/dev", TRI_NO, EPERM, NULL);
	machine_plan(&m);
	ck_assert_has(the_refusal(&m, "DIND-STORAGE-03")->fact, "on the tmpfs at /dev (EPERM)");
	machine_free(&m);

	/* nobody asked */
	machine_init(&m);
	machine_overlay(&m, TRI_NO);
	m.facts.storage.mkfs_ext4 = NULL;
	m.facts.limits.memory_available = 100 * GIB;
	expect(&m, RUNG_VFS, "vfs");
	machine_free(&m);
}
END_TEST

START_TEST(a_read_only_root_can_have_its_data_in_memory)
{
	struct machine m;

	ask_for_tmpfs(&m);
	data_root(&m)->writable = (struct fact){ TRI_NO, EROFS, "/" };
	expect(&m, RUNG_TMPFS, "overlay2");
	machine_free(&m);
}
END_TEST

static const struct {
	uint64_t available, max, used, asked;
	uint64_t want; /* 0: not taken */
	const char *why;
} memories[] = {
	{ 8 * GIB, FACTS_UNLIMITED, 0, 0, 4 * GIB, NULL },
	{ 8 * GIB, 4 * GIB, 0, 0, 2 * GIB, NULL },
	{ 8 * GIB, 4 * GIB, GIB, 0, 3 * GIB / 2, NULL },
	{ 3 * GIB, 64 * GIB, GIB, 0, 3 * GIB / 2, NULL },
	{ 0, 4 * GIB, 0, 0, 2 * GIB, NULL },
	{ 2 * GIB, FACTS_UNLIMITED, 0, 0, GIB, NULL },
	{ 2 * GIB - 2, FACTS_UNLIMITED, 0, 0, 0, "tmpfs: only 1.9 GiB of memory are free" },
	{ 8 * GIB, GIB, 2 * GIB, 0, 0, "tmpfs: only 0 B of memory are free" },
	{ 0, FACTS_UNLIMITED, 0, 0, 0, "tmpfs: how much memory is free is not known" },
	{ 8 * GIB, FACTS_UNLIMITED, 0, 6 * GIB, 6 * GIB, NULL },
	{ 8 * GIB, FACTS_UNLIMITED, 0, 9 * GIB, 0, "tmpfs: --storage-size says 9.0 GiB" },
	{ GIB, FACTS_UNLIMITED, 0, GIB / 2, GIB / 2, NULL },
};

START_TEST(memory_has_to_be_there)
{
	struct machine m;

	ask_for_tmpfs(&m);
	m.facts.limits.memory_available = memories[_i].available;
	m.facts.limits.memory_max = memories[_i].max;
	m.facts.limits.memory_used = memories[_i].used;
	m.options.storage_size = memories[_i].asked;
	if (memories[_i].want) {
		expect(&m, RUNG_TMPFS, "overlay2");
		ck_assert_uint_eq(the_step_with_key(&m, "storage-tmpfs")->u.tmpfs.bytes,
				  memories[_i].want);
	} else {
		machine_plan(&m);
		ck_assert_has(the_refusal(&m, "DIND-STORAGE-03")->fact, memories[_i].why);
	}
	machine_free(&m);
}
END_TEST

/* ---- the image ---- */

START_TEST(xfs_is_made_or_refused)
{
	const struct plan_step *step;
	struct machine m;

	machine_init(&m);
	machine_overlay(&m, TRI_NO);
	m.options.storage_fs = STORAGE_FS_XFS;
	machine_plan(&m);
	ck_assert_int_eq(the_refusal(&m, "DIND-STORAGE-23")->status, STATUS_CONFIG);
	ck_assert_has(the_refusal(&m, "DIND-STORAGE-23")->remedy, "xfsprogs");
	m.facts.storage.mkfs_xfs = "/sbin/mkfs.xfs";
	m.facts.storage.check_xfs = "/sbin/xfs_repair";
	expect(&m, RUNG_LOOP, "overlay2");
	step = the_step_with_key(&m, "storage-image");
	ck_assert_int_eq(step->u.image.fs, STORAGE_FS_XFS);
	ck_assert_str_eq(step->u.image.mkfs, "/sbin/mkfs.xfs");
	ck_assert_str_eq(step->u.image.xfs_repair, "/sbin/xfs_repair");
	ck_assert_has(step->why, "XFS");
	m.options.storage_size = 300 * MIB - 1;
	machine_plan(&m);
	ck_assert_has(the_refusal(&m, "DIND-STORAGE-23")->remedy, "--storage-size 300M");
	m.options.storage_size = 300 * MIB;
	expect(&m, RUNG_LOOP, "overlay2");
	/* one that is there keeps its own */
	m.facts.storage.mkfs_xfs = NULL;
	m.options.storage_size = 0;
	image_dir(&m)->image = TRI_YES;
	image_dir(&m)->image_bytes = 20 * GIB;
	expect(&m, RUNG_LOOP, "overlay2");
	machine_free(&m);
}
END_TEST

START_TEST(an_image_grows_when_it_is_asked_to)
{
	const struct plan_step *step;
	struct machine m;

	machine_init(&m);
	machine_overlay(&m, TRI_NO);
	m.facts.storage.grow_ext4 = "/sbin/resize2fs";
	m.facts.storage.check_ext4 = "/sbin/e2fsck";
	image_dir(&m)->image = TRI_YES;
	image_dir(&m)->image_bytes = 20 * GIB;
	expect(&m, RUNG_LOOP, "overlay2");
	step = the_step_with_key(&m, "storage-loop");
	ck_assert(!step->u.image.resize);
	ck_assert_uint_eq(step->u.image.bytes, 20 * GIB);

	m.options.storage_size = 30 * GIB;
	expect(&m, RUNG_LOOP, "overlay2");
	step = the_step_with_key(&m, "storage-loop");
	ck_assert(step->u.image.resize);
	ck_assert_uint_eq(step->u.image.bytes, 30 * GIB);
	ck_assert_str_eq(step->u.image.resize2fs, "/sbin/resize2fs");
	ck_assert_str_eq(step->u.image.e2fsck, "/sbin/e2fsck");
	ck_assert_has(the_decision(&m, "DIND-STORAGE-01")->fact, "30.0 GiB, from an earlier start");
	ck_assert_has(the_decision(&m, "DIND-STORAGE-01")->fact, "which had 20.0 GiB");

	/* and never shrinks */
	m.options.storage_size = 10 * GIB;
	expect(&m, RUNG_LOOP, "overlay2");
	ck_assert_has(the_decision(&m, "DIND-STORAGE-01")->fact, "(20.0 GiB, from");
	machine_free(&m);
}
END_TEST

START_TEST(an_image_that_promises_too_much_is_told)
{
	struct machine m;

	machine_init(&m);
	machine_overlay(&m, TRI_NO);
	image_dir(&m)->image = TRI_YES;
	image_dir(&m)->image_bytes = 20 * GIB;
	image_dir(&m)->image_allocated = 15 * GIB;
	image_dir(&m)->free_bytes = 5 * GIB;
	expect(&m, RUNG_LOOP, "overlay2");
	ck_assert_ptr_null(hint(&m, "DIND-STORAGE-12"));
	image_dir(&m)->free_bytes = 5 * GIB - 1;
	expect(&m, RUNG_LOOP, "overlay2");
	ck_assert_has(the_hint(&m, "DIND-STORAGE-12")->fact, "EIO");
	machine_free(&m);
}
END_TEST

/* ---- a slot of the pool ---- */

START_TEST(a_leased_slot_is_the_storage_path)
{
	struct machine m;

	machine_init(&m);
	m.options.cache_pool = "/cache";
	m.options.cache_slots = 2;
	m.facts.pool.directory = machine_directory("/cache", "ext4");
	m.facts.pool.lease = "/cache/slot-1";
	m.facts.engine.client = "/usr/bin/dind-client";
	machine_plan(&m);
	ck_assert_str_eq(m.plan.trials[0].path, "/cache/slot-1");
	m.facts.storage.storage_path = machine_directory("/cache/slot-1", "ext4");
	(void) machine_trial(&m, TRIAL_OVERLAY, "/cache/slot-1", TRI_YES, 0, NULL);
	expect(&m, RUNG_VOLUME, "overlay2");
	ck_assert_str_eq(the_step_with_key(&m, "storage-bind")->u.bind.source, "/cache/slot-1");
	machine_free(&m);
}
END_TEST

int main(void)
{
	TCase *tc = tcase_create("storage_room");

	tcase_add_loop_test(tc, a_full_disk_is_refused_with_the_numbers, 0, ARRAY_SIZE(disks));
	tcase_add_test(tc, a_full_layer_leaves_the_rungs_that_lie_elsewhere);
	tcase_add_test(tc, a_step_that_ran_out_of_space_ends_the_start);
	tcase_add_test(tc, what_is_free_is_told);
	tcase_add_test(tc, memory_is_a_rung_for_those_who_ask);
	tcase_add_test(tc, a_read_only_root_can_have_its_data_in_memory);
	tcase_add_loop_test(tc, memory_has_to_be_there, 0, ARRAY_SIZE(memories));
	tcase_add_test(tc, xfs_is_made_or_refused);
	tcase_add_test(tc, an_image_grows_when_it_is_asked_to);
	tcase_add_test(tc, an_image_that_promises_too_much_is_told);
	tcase_add_test(tc, a_leased_slot_is_the_storage_path);
	return run_suite(tc);
}
