/* SPDX-License-Identifier: Apache-2.0 */
/* The loop image: damaged, too small, without room below. */
#include <sys/file.h>
#include <sys/resource.h>

#include "image_fixture.h"

static const char *tool(const char *name)
{
	static char path[64];

	(void) snprintf(path, sizeof(path), "/usr/sbin/%s", name);
	if (access(path, X_OK) < 0)
		(void) snprintf(path, sizeof(path), "/sbin/%s", name);
	return path;
}

/* ---- damage ---- */

START_TEST(test_power_cut_is_replayed)
{
	struct apply_context context;
	char copy[512];

	enter();
	(void) snprintf(copy, sizeof(copy), "%s/root/copy", scratch);
	start_image(&context, NULL);
	fill_file(file_in_target("kept"), 1 << 20);
	copy_as_it_is(image, copy);
	stop_image(&context);
	ck_assert_int_eq(rename(copy, image), 0);
	start_image(&context, "was not unmounted");
	ck_assert(context.notice_loud);
	ck_assert_uint_eq(apparent_bytes(file_in_target("kept")), 1 << 20);
	stop_image(&context);
	start_image(&context, NULL); /* once */
	stop_image(&context);
}
END_TEST

START_TEST(test_noted_errors_are_checked)
{
	const char *argv[] = { tool("tune2fs"), "-E", "force_fsck", image, NULL };
	struct apply_context context;

	enter();
	make_used_image();
	ck_assert_int_eq(run_to_file(argv, in_scratch("out")), 0);
	start_image(&context, "repaired by e2fsck");
	ck_assert(context.notice_loud);
	ck_assert_str_eq(read_text(file_in_target("kept")), "data");
	stop_image(&context);
	start_image(&context, NULL); /* once */
	stop_image(&context);
}
END_TEST

/* With more in it than an interrupted mkfs leaves, the copy of the superblock brings it back. */
START_TEST(test_lost_superblock)
{
	static const char zeros[4096];
	struct apply_context context;
	int fd;

	enter();
	start_image(&context, NULL);
	ck_assert(write_text(file_in_target("kept"), "data"));
	fill_file(file_in_target("layer"), 110 << 20);
	stop_image(&context);
	fd = open(image, O_WRONLY | O_CLOEXEC);
	ck_assert_int_eq(pwrite(fd, zeros, sizeof(zeros), 0), (ssize_t) sizeof(zeros));
	(void) close(fd);
	wish.recreate = true;
	start_image(&context, "repaired by e2fsck");
	ck_assert_str_eq(read_text(file_in_target("kept")), "data");
	stop_image(&context);
	ck_assert_int_lt(access(broken_image(), F_OK), 0);
}
END_TEST

/* The end of the file was a hole, and something cut it off. */
START_TEST(test_shortened_by_a_hole)
{
	struct apply_context context;

	enter();
	make_used_image();
	ck_assert_int_eq(truncate(image, IMAGE_BYTES - (32 << 20)), 0);
	start_image(&context, "repaired by e2fsck");
	ck_assert_str_eq(read_text(file_in_target("kept")), "data");
	stop_image(&context);
	ck_assert_uint_eq(apparent_bytes(image), IMAGE_BYTES);
}
END_TEST

static bool is_locked(const char *path)
{
	int fd = open(path, O_RDWR | O_CLOEXEC);
	bool locked = fd >= 0 && flock(fd, LOCK_EX | LOCK_NB) < 0 && errno == EWOULDBLOCK;

	(void) close(fd);
	return locked;
}

static void lock_image(struct apply_context *context)
{
	struct plan_step lock = { .kind = STEP_LOCK };

	lock.u.lock.path = image;
	lock.u.lock.create = true;
	lock.u.lock.holder = "test";
	assert_step(context, &lock);
}

START_TEST(test_beyond_repair_is_moved_aside)
{
	struct apply_context context;
	struct snapshot before, after;

	enter();
	wish.recreate = true;
	snapshot_take(&before);
	for (int round = 0; round < 2; round++) { /* the second takes the place of the first */
		make_used_image();
		for (off_t at = 4096; at < (128 << 20); at += 65536)
			overwrite(at, 65536);
		apply_context_init(&context);
		lock_image(&context);
		ck_assert_int_eq(make_image(&context), 0);
		ck_assert_int_eq(context.mkfs_pid, 0);
		ck_assert_int_eq(mount_image(&context), 0);
		assert_notice(&context, "was broken (e2fsck cannot repair it");
		assert_notice(&context, "kept as");
		ck_assert(context.notice_loud);
		ck_assert_int_lt(access(file_in_target("kept"), F_OK), 0);
		ck_assert_uint_ge(allocated_bytes(broken_image()), 100 << 20);
		/* the lock went along, and is the only one */
		ck_assert(is_locked(image));
		ck_assert(!is_locked(broken_image()));
		ck_assert_int_eq(make_image(&context), 0); /* twice */
		ck_assert_int_eq(mount_image(&context), 0);
		ck_assert_str_eq(context.notice, "");
		stop_image(&context);
		ck_assert(!is_locked(image));
		start_image(&context, NULL);
		stop_image(&context);
	}
	snapshot_take(&after);
	ck_assert_str_eq(before.mounts, after.mounts);
	ck_assert_str_eq(before.fds, after.fds);
}
END_TEST

START_TEST(test_foreign_file_is_moved_aside)
{
	struct apply_context context;

	enter();
	wish.recreate = true;
	ck_assert_int_eq(mkdir(in_scratch("root/dind"), 0711), 0);
	ck_assert(write_text(image, "somebody's notes"));
	start_image(&context, "holds no finished file system");
	assert_notice(&context, "kept as");
	stop_image(&context);
	ck_assert_str_eq(read_text(broken_image()), "somebody's notes");
}
END_TEST

/* A checker that cannot be had, or that fails for another reason, costs no image. */
START_TEST(test_no_verdict_no_loss)
{
	struct plan_step use;
	struct apply_context context;

	enter();
	make_used_image();
	overwrite(4096 + 0x1e, 2);
	wish.recreate = true;
	use = image_step(STEP_MOUNT_IMAGE);
	write_script(in_scratch("e2fsck"), "#!/bin/sh\necho out of memory\nexit 8\n");
	use.u.image.e2fsck = in_scratch("e2fsck");
	apply_context_init(&context);
	assert_step_fails(&context, &use, -EIO, "exited with 8: out of memory");
	write_script(in_scratch("e2fsck"), "#!/bin/sh\nkill -9 $$\n");
	assert_step_fails(&context, &use, -EIO, "killed by signal 9");
	use.u.image.e2fsck = NULL;
	write_script(in_scratch("mkfs.ext4"), "#!/bin/sh\nexit 1\n");
	ck_assert_int_eq(unlink(in_scratch("e2fsck")), 0);
	use.u.image.mkfs = in_scratch("mkfs.ext4");
	assert_step_fails(&context, &use, -ENOENT, "there is no e2fsck; nothing was deleted");
	ck_assert_int_lt(access(broken_image(), F_OK), 0);
	ck_assert_int_eq(count_loops(image_name), 0);
	ck_assert_int_eq(mount_image(&context), 0); /* with it */
	ck_assert_str_eq(read_text(file_in_target("kept")), "data");
	stop_image(&context);
}
END_TEST

START_TEST(test_left_by_sigkill_is_told)
{
	struct apply_context context;
	int fd;

	enter();
	ck_assert_int_eq(mkdir(in_scratch("root/dind"), 0711), 0);
	fd = open(image, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	ck_assert_int_ge(fd, 0);
	ck_assert_int_eq(ftruncate(fd, (off_t) IMAGE_BYTES), 0);
	ck_assert_int_eq(pwrite(fd, "bitmap", 6, 1 << 20), 6);
	(void) close(fd);
	apply_context_init(&context);
	ck_assert_int_eq(make_image(&context), 0);
	assert_notice(&context, "no finished file system");
	ck_assert(context.notice_loud);
	ck_assert_int_eq(mount_image(&context), 0);
	stop_image(&context);
}
END_TEST

START_TEST(test_abandoned_is_emptied)
{
	struct apply_context context;
	struct snapshot before, after;

	enter();
	snapshot_take(&before);
	apply_context_init(&context);
	ck_assert_int_eq(make_image(&context), 0);
	apply_abandon(&context);
	ck_assert_uint_eq(apparent_bytes(image), 0);
	ck_assert_int_eq(waitpid(-1, NULL, WNOHANG), -1);
	snapshot_take(&after);
	ck_assert_str_eq(before.fds, after.fds);
	/* but not what was there */
	make_used_image();
	apply_context_init(&context);
	ck_assert_int_eq(make_image(&context), 0);
	apply_abandon(&context);
	start_image(&context, NULL);
	ck_assert_str_eq(read_text(file_in_target("kept")), "data");
	stop_image(&context);
}
END_TEST

/* ---- growing ---- */

#define LARGER_BYTES (3 * IMAGE_BYTES)

START_TEST(test_grows_and_keeps)
{
	struct apply_context context;
	uint64_t before;

	enter();
	start_image(&context, NULL);
	ck_assert(write_text(file_in_target("kept"), "data"));
	before = file_system_bytes();
	stop_image(&context);
	wish.bytes = LARGER_BYTES; /* without resize nobody asked for it */
	start_image(&context, NULL);
	ck_assert_uint_eq(file_system_bytes(), before);
	stop_image(&context);
	wish.resize = true;
	start_image(&context, "was grown from");
	ck_assert(!context.notice_loud);
	ck_assert_uint_gt(file_system_bytes(), 2 * before);
	ck_assert_str_eq(read_text(file_in_target("kept")), "data");
	fill_file(file_in_target("large"), 300 << 20);
	stop_image(&context);
	start_image(&context, NULL); /* once */
	stop_image(&context);
	wish.bytes = IMAGE_BYTES;
	start_image(&context, "images are not made smaller");
	ck_assert_uint_gt(file_system_bytes(), 2 * before);
	stop_image(&context);
}
END_TEST

/* The file had its size, then the start was killed. */
START_TEST(test_interrupted_growth_goes_on)
{
	struct apply_context context;

	enter();
	make_used_image();
	ck_assert_int_eq(truncate(image, (off_t) LARGER_BYTES), 0);
	start_image(&context, "was grown from");
	ck_assert_uint_gt(file_system_bytes(), 2 * IMAGE_BYTES);
	ck_assert_str_eq(read_text(file_in_target("kept")), "data");
	stop_image(&context);
}
END_TEST

/* An image of an earlier release has no resize_inode, and one may grow beyond what is kept free. */
START_TEST(test_grows_without_reserve)
{
	const char *argv[] = { tool("mkfs.ext4"), "-q",	 "-F", "-b", "4096", "-O",
			       "^resize_inode",	  image, NULL };
	struct apply_context context;

	enter();
	ck_assert_int_eq(mkdir(in_scratch("root/dind"), 0711), 0);
	ck_assert(write_text(image, ""));
	ck_assert_int_eq(truncate(image, (off_t) IMAGE_BYTES), 0);
	ck_assert_int_eq(run_to_file(argv, in_scratch("out")), 0);
	make_used_image();
	wish.bytes = 16ULL << 30;
	wish.resize = true;
	start_image(&context, "was grown from");
	ck_assert_uint_gt(file_system_bytes(), 14ULL << 30);
	ck_assert_str_eq(read_text(file_in_target("kept")), "data");
	stop_image(&context);
	start_image(&context, NULL);
	stop_image(&context);
}
END_TEST

/* Whatever goes wrong with it, the data is there in the old size. */
START_TEST(test_growth_that_fails)
{
	struct rlimit limit = { IMAGE_BYTES + 4096, IMAGE_BYTES + 4096 };
	struct apply_context context;

	enter();
	make_used_image();
	wish.bytes = LARGER_BYTES;
	wish.resize = true;
	ck_assert_ptr_ne(signal(SIGXFSZ, SIG_IGN), SIG_ERR);
	ck_assert_int_eq(setrlimit(RLIMIT_FSIZE, &limit), 0);
	start_image(&context, "cannot be grown to 768.0 MiB: File too large");
	ck_assert(context.notice_loud);
	ck_assert_str_eq(read_text(file_in_target("kept")), "data");
	stop_image(&context);
}
END_TEST

/* ---- the disk below ---- */

START_TEST(test_discards_reach_the_file)
{
	enter();
	wish.bytes = 512 << 20;
	assert_discards();
}
END_TEST

static void small_disk(const char *size)
{
	char data[64];

	(void) snprintf(data, sizeof(data), "size=%s", size);
	ck_assert_int_eq(mkdir(in_scratch("root/dind"), 0711), 0);
	ck_assert_int_eq(mount("small", in_scratch("root/dind"), "tmpfs", 0, data), 0);
}

START_TEST(test_no_room_to_begin_with)
{
	struct plan_step make;
	struct apply_context context;

	enter();
	small_disk("10m");
	make = image_step(STEP_MAKE_IMAGE);
	apply_context_init(&context);
	assert_step_fails(&context, &make, -ENOSPC, "needs 16.0 MiB on the disk below, and 10.0");
	ck_assert_uint_eq(apparent_bytes(image), 0);
	ck_assert_int_eq(context.mkfs_pid, 0);
}
END_TEST

START_TEST(test_room_goes_while_mkfs_runs)
{
	struct plan_step use;
	struct apply_context context;
	char text[512];

	enter();
	small_disk("30m");
	(void) snprintf(text, sizeof(text),
			"#!/bin/sh\nhead -c 28000000 /dev/zero >%s\necho cannot write; exit 1\n",
			in_scratch("root/dind/other"));
	write_script(in_scratch("mkfs"), text);
	wish.mkfs = in_scratch("mkfs");
	apply_context_init(&context);
	ck_assert_int_eq(make_image(&context), 0);
	use = image_step(STEP_MOUNT_IMAGE);
	assert_step_fails(&context, &use, -ENOSPC, "are free there");
	ck_assert_uint_eq(apparent_bytes(image), 0);
	ck_assert_uint_eq(allocated_bytes(image), 0);
}
END_TEST

START_TEST(test_broken_one_gives_way)
{
	struct apply_context context;

	enter();
	small_disk("120m");
	fill_file(image, 112 << 20);
	wish.recreate = true;
	wish.bytes = 64 << 20;
	start_image(&context, "it was removed");
	ck_assert(context.notice_loud);
	ck_assert_int_lt(access(broken_image(), F_OK), 0);
	stop_image(&context);
}
END_TEST

START_TEST(test_low_water)
{
	struct apply_context context;

	enter();
	small_disk("100m");
	start_image(&context, "are free below");
	ck_assert(context.notice_loud);
	assert_notice(&context, "may still grow by 25");
	stop_image(&context);
}
END_TEST

START_TEST(test_file_too_large_for_the_disk)
{
	struct rlimit limit = { 64 << 20, 64 << 20 };
	struct plan_step make;
	struct apply_context context;

	enter();
	make = image_step(STEP_MAKE_IMAGE);
	ck_assert_ptr_ne(signal(SIGXFSZ, SIG_IGN), SIG_ERR);
	ck_assert_int_eq(setrlimit(RLIMIT_FSIZE, &limit), 0);
	apply_context_init(&context);
	assert_step_fails(&context, &make, -EFBIG, "does not take files of 256.0 MiB");
	ck_assert_uint_eq(apparent_bytes(image), 0);
}
END_TEST

START_TEST(test_too_small)
{
	struct plan_step make;
	struct apply_context context;

	enter();
	wish.bytes = 4 << 20;
	make = image_step(STEP_MAKE_IMAGE);
	apply_context_init(&context);
	assert_step_fails(&context, &make, -EINVAL, "ext4 needs 16.0 MiB at least");
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("apply image, mending");
	TCase *tests = tcase_create("mend");

	require_root();
	if (!find_mkfs() || access("/dev/loop-control", F_OK) < 0) {
		(void) fprintf(stderr, "skipped: needs mkfs.ext4 and loop devices\n");
		return 77;
	}
	tcase_set_timeout(tests, 60);
	tcase_add_test(tests, test_power_cut_is_replayed);
	tcase_add_test(tests, test_noted_errors_are_checked);
	tcase_add_test(tests, test_lost_superblock);
	tcase_add_test(tests, test_shortened_by_a_hole);
	tcase_add_test(tests, test_beyond_repair_is_moved_aside);
	tcase_add_test(tests, test_foreign_file_is_moved_aside);
	tcase_add_test(tests, test_no_verdict_no_loss);
	tcase_add_test(tests, test_left_by_sigkill_is_told);
	tcase_add_test(tests, test_abandoned_is_emptied);
	tcase_add_test(tests, test_grows_and_keeps);
	tcase_add_test(tests, test_interrupted_growth_goes_on);
	tcase_add_test(tests, test_grows_without_reserve);
	tcase_add_test(tests, test_growth_that_fails);
	tcase_add_test(tests, test_discards_reach_the_file);
	tcase_add_test(tests, test_no_room_to_begin_with);
	tcase_add_test(tests, test_room_goes_while_mkfs_runs);
	tcase_add_test(tests, test_broken_one_gives_way);
	tcase_add_test(tests, test_low_water);
	tcase_add_test(tests, test_file_too_large_for_the_disk);
	tcase_add_test(tests, test_too_small);
	suite_add_tcase(suite, tests);
	return run_suite(suite);
}
