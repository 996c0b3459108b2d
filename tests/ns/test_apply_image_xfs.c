/* SPDX-License-Identifier: Apache-2.0 */
/* The loop image with XFS. */
#include "image_fixture.h"

#define XFS_BYTES (320ULL << 20)

static const char *find_mkfs_xfs(void)
{
	static const char *const paths[] = { "/usr/sbin/mkfs.xfs", "/sbin/mkfs.xfs" };

	for (size_t i = 0; i < ARRAY_SIZE(paths); i++)
		if (access(paths[i], X_OK) == 0)
			return paths[i];
	return NULL;
}

/* Of this kernel; without them the step says so. */
static const char *quota_words;

static void enter_xfs(void)
{
	enter();
	wish.fs = STORAGE_FS_XFS;
	wish.mkfs = find_mkfs_xfs();
	wish.bytes = XFS_BYTES;
}

/* The options of the superblock mounted at the target. */
static bool has_option(const char *option)
{
	static char text[65536];
	const char *line;
	char wanted[256];

	(void) snprintf(wanted, sizeof(wanted), " %s ", target);
	ck_assert_int_gt(file_read_at(AT_FDCWD, "/proc/self/mountinfo", text, sizeof(text)), 0);
	line = strstr(text, wanted);
	ck_assert_ptr_nonnull(line);
	*strchrnul(line, '\n') = '\0';
	return strstr(line, option) != NULL;
}

static void label_is(const char *wanted)
{
	char label[13] = "";
	int fd = open(image, O_RDONLY | O_CLOEXEC);

	ck_assert_int_eq(pread(fd, label, 12, 108), 12);
	(void) close(fd);
	ck_assert_str_eq(label, wanted);
}

START_TEST(test_made_used_again)
{
	struct apply_context context;
	struct snapshot before, after;

	enter_xfs();
	snapshot_take(&before);
	start_image(&context, quota_words);
	ck_assert(has_option(" - xfs "));
	ck_assert(quota_words || has_option("prjquota"));
	ck_assert(context.loop_direct_io);
	ck_assert_uint_eq(apparent_bytes(image), XFS_BYTES);
	ck_assert_uint_lt(allocated_bytes(image), 96 << 20); /* its log, mostly */
	ck_assert(write_text(file_in_target("kept"), "data"));
	label_is("dind-data");
	ck_assert_int_eq(make_image(&context), 0);
	ck_assert_int_eq(mount_image(&context), 0);
	ck_assert_int_eq(count_mounts(target), 1);
	stop_image(&context);
	snapshot_take(&after);
	ck_assert_str_eq(before.mounts, after.mounts);
	ck_assert_str_eq(before.fds, after.fds);
	start_image(&context, quota_words);
	ck_assert_str_eq(read_text(file_in_target("kept")), "data");
	stop_image(&context);
}
END_TEST

/* The image decides, not the option. */
START_TEST(test_keeps_its_file_system)
{
	struct apply_context context;

	enter_xfs();
	make_used_image();
	wish.fs = STORAGE_FS_EXT4;
	wish.mkfs = find_mkfs();
	start_image(&context, "is XFS from an earlier start and stays so");
	ck_assert_str_eq(read_text(file_in_target("kept")), "data");
	stop_image(&context);
	ck_assert_int_eq(unlink(image), 0);
	make_used_image();
	wish.fs = STORAGE_FS_XFS;
	wish.mkfs = find_mkfs_xfs();
	start_image(&context, "is ext4 from an earlier start and stays so");
	ck_assert_str_eq(read_text(file_in_target("kept")), "data");
	stop_image(&context);
}
END_TEST

START_TEST(test_interrupted_mkfs)
{
	enter_xfs();
	for (int i = 0; i < 40; i++) {
		struct apply_context context;
		struct timespec delay = { 0, i * 150000L };
		int status;

		(void) unlink(image);
		apply_context_init(&context);
		ck_assert_int_eq(make_image(&context), 0);
		(void) nanosleep(&delay, NULL);
		/* everything dies: nobody is there to empty the image */
		(void) kill(context.mkfs_pid, SIGKILL);
		ck_assert_int_eq(waitpid(context.mkfs_pid, &status, 0), context.mkfs_pid);
		context.mkfs_pid = 0;
		apply_abandon(&context);

		start_image(&context, quota_words);
		ck_assert(write_text(file_in_target("x"), "x"));
		stop_image(&context);
		ck_assert_int_lt(access(broken_image(), F_OK), 0);
	}
}
END_TEST

START_TEST(test_too_small)
{
	struct plan_step make;
	struct apply_context context;

	enter_xfs();
	wish.bytes = 200 << 20;
	make = image_step(STEP_MAKE_IMAGE);
	apply_context_init(&context);
	assert_step_fails(&context, &make, -EINVAL,
			  "200.0 MiB is too small, XFS needs 300.0 MiB at least");
}
END_TEST

/* Options that an older mkfs.xfs does not know are left out. */
START_TEST(test_older_mkfs)
{
	struct apply_context context;
	char text[1024];

	enter_xfs();
	(void) snprintf(text, sizeof(text),
			"#!/bin/sh\necho x >>%s\n"
			"case \"$*\" in *exchange*|*nrext64*)\n"
			"echo 'unknown option'; echo 'Usage: mkfs.xfs'; exit 1 ;;\nesac\n"
			"exec %s \"$@\"\n",
			in_scratch("calls"), find_mkfs_xfs());
	write_script(in_scratch("mkfs.xfs"), text);
	wish.mkfs = in_scratch("mkfs.xfs");
	start_image(&context, quota_words);
	ck_assert_str_eq(read_text(in_scratch("calls")), "x\nx\nx\n");
	stop_image(&context);
}
END_TEST

START_TEST(test_mkfs_that_fails)
{
	struct plan_step use;
	struct apply_context context;

	enter_xfs();
	write_script(in_scratch("mkfs.xfs"), "#!/bin/sh\necho x >>\"$0.calls\"\n"
					     "echo 'the reason'\necho 'Usage: mkfs.xfs'\n"
					     "echo '<num> is a number'\nexit 1\n");
	wish.mkfs = in_scratch("mkfs.xfs");
	apply_context_init(&context);
	ck_assert_int_eq(make_image(&context), 0);
	use = image_step(STEP_MOUNT_IMAGE);
	assert_step_fails(&context, &use, -EIO, "exited with 1: the reason");
	ck_assert_str_eq(read_text(in_scratch("mkfs.xfs.calls")), "x\nx\nx\nx\n");
	ck_assert_uint_eq(apparent_bytes(image), 0);
	ck_assert_int_eq(waitpid(-1, NULL, WNOHANG), -1);
}
END_TEST

START_TEST(test_power_cut_is_replayed)
{
	struct apply_context context;
	char copy[512];

	enter_xfs();
	(void) snprintf(copy, sizeof(copy), "%s/root/copy", scratch);
	start_image(&context, quota_words);
	ck_assert(write_text(file_in_target("kept"), "data"));
	fill_file(file_in_target("kept"), 1 << 20);
	copy_as_it_is(image, copy);
	stop_image(&context);
	ck_assert_int_eq(rename(copy, image), 0);
	start_image(&context, "was not unmounted");
	ck_assert(context.notice_loud);
	ck_assert_uint_eq(apparent_bytes(file_in_target("kept")), 1 << 20);
	stop_image(&context);
	start_image(&context, quota_words); /* once */
	stop_image(&context);
}
END_TEST

static void erase(off_t offset, size_t len)
{
	static const char zeros[65536];
	int fd = open(image, O_WRONLY | O_CLOEXEC);

	ck_assert_int_eq(pwrite(fd, zeros, len, offset), (ssize_t) len);
	(void) close(fd);
}

START_TEST(test_lost_superblock)
{
	struct apply_context context;

	enter_xfs();
	make_used_image();
	erase(0, 512);
	overwrite(1024, 16); /* not the zeros of a mkfs that was interrupted */
	wish.recreate = true;
	start_image(&context, "repaired by xfs_repair");
	ck_assert(context.notice_loud);
	ck_assert_str_eq(read_text(file_in_target("kept")), "data");
	stop_image(&context);
}
END_TEST

/* Offset of the log, from the superblock. */
static off_t log_offset(void)
{
	unsigned char sb[128];
	uint64_t block = 0, in_group, group;
	uint32_t group_blocks = 0;
	int fd = open(image, O_RDONLY | O_CLOEXEC);

	ck_assert_int_eq(pread(fd, sb, sizeof(sb), 0), (ssize_t) sizeof(sb));
	(void) close(fd);
	for (size_t i = 0; i < 8; i++)
		block = block << 8 | sb[48 + i];
	for (size_t i = 0; i < 4; i++)
		group_blocks = group_blocks << 8 | sb[84 + i];
	in_group = block & ((1ULL << sb[124]) - 1);
	group = block >> sb[124];
	return (off_t) ((group * group_blocks + in_group) * 4096);
}

/* A log that cannot be replayed, and metadata that needs it. */
START_TEST(test_log_is_dropped_last)
{
	struct apply_context context;
	char copy[512];
	int r;

	enter_xfs();
	(void) snprintf(copy, sizeof(copy), "%s/root/copy", scratch);
	start_image(&context, quota_words);
	ck_assert(write_text(file_in_target("old"), "data"));
	r = open(target, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	ck_assert_int_eq(syncfs(r), 0);
	(void) close(r);
	/* a record each: damage in the last eight is taken for a torn write */
	for (int i = 0; i < 40; i++) {
		char name[40];

		(void) snprintf(name, sizeof(name), "file%d", i);
		fill_file(file_in_target(name), 1 << 20);
	}
	copy_as_it_is(image, copy);
	stop_image(&context);
	ck_assert_int_eq(rename(copy, image), 0);
	/* neither headers nor the first word of a sector, by which the end of the log is found */
	for (off_t at = 0; at < 4 << 20; at += 4096)
		overwrite(log_offset() + at + 516, 500);
	start_image(&context, "log cannot be replayed and was dropped");
	assert_notice(&context, "repaired by xfs_repair");
	ck_assert(context.notice_loud);
	stop_image(&context);
	start_image(&context, quota_words);
	stop_image(&context);
}
END_TEST

START_TEST(test_beyond_repair_is_moved_aside)
{
	struct apply_context context;

	enter_xfs();
	wish.recreate = true;
	make_used_image();
	for (off_t at = 0; at < (off_t) XFS_BYTES; at += 65536)
		overwrite(at, 65536);
	start_image(&context, "kept as");
	ck_assert(context.notice_loud);
	ck_assert_int_lt(access(file_in_target("kept"), F_OK), 0);
	stop_image(&context);
	ck_assert_int_eq(access(broken_image(), F_OK), 0);
}
END_TEST

START_TEST(test_unused_and_damaged_is_made_again)
{
	struct apply_context context;
	int status;

	enter_xfs();
	apply_context_init(&context);
	ck_assert_int_eq(make_image(&context), 0);
	for (status = 1; status && context.mkfs_attempt < 4;) { /* wait, as the step would */
		ck_assert_int_eq(waitpid(context.mkfs_pid, &status, 0), context.mkfs_pid);
		context.mkfs_pid = 0;
		break;
	}
	apply_abandon(&context);
	if (status) { /* it was refused for an option: let the step do it */
		struct plan_step step = image_step(STEP_MOUNT_IMAGE);
		const char *argv[] = { step.u.image.mkfs, "-q",	 "-f", "-s", "size=4096", "-L",
				       "dind-new",	  image, NULL };

		ck_assert_int_eq(run_to_file(argv, in_scratch("out")), 0);
	}
	label_is("dind-new");
	overwrite(4096, 4096); /* the free space of the first group */
	overwrite(8192, 4096);
	start_image(&context, "never used, so it was made anew");
	stop_image(&context);
}
END_TEST

START_TEST(test_grows_and_keeps)
{
	struct apply_context context;
	uint64_t before;

	enter_xfs();
	start_image(&context, quota_words);
	ck_assert(write_text(file_in_target("kept"), "data"));
	before = file_system_bytes();
	stop_image(&context);
	wish.bytes = 3 * XFS_BYTES;
	wish.resize = true;
	start_image(&context, "was grown from");
	ck_assert(!context.notice_loud);
	ck_assert_uint_gt(file_system_bytes(), before + 2 * XFS_BYTES - (32 << 20));
	ck_assert_str_eq(read_text(file_in_target("kept")), "data");
	stop_image(&context);
	start_image(&context, quota_words);
	stop_image(&context);
}
END_TEST

START_TEST(test_discards_reach_the_file)
{
	struct apply_context context;
	uint64_t empty, after = 0;
	int fd;

	enter_xfs();
	wish.bytes = 640 << 20;
	start_image(&context, quota_words);
	fd = open(target, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	empty = allocated_bytes(image);
	fill_file(file_in_target("layer"), 200 << 20);
	ck_assert_uint_ge(allocated_bytes(image), empty + (200 << 20));
	ck_assert_int_eq(unlink(file_in_target("layer")), 0);
	for (int i = 0; i < 100; i++) { /* inodes are inactivated in the background */
		ck_assert_int_eq(syncfs(fd), 0);
		after = allocated_bytes(image);
		if (after < empty + (20 << 20))
			break;
		(void) usleep(100000);
	}
	ck_assert_uint_lt(after, empty + (20 << 20));
	(void) close(fd);
	stop_image(&context);
}
END_TEST

/* docker commit copies an image with its UUID. */
START_TEST(test_two_with_one_uuid)
{
	struct apply_context context, second;
	char copy[512];

	enter_xfs();
	make_used_image();
	(void) snprintf(copy, sizeof(copy), "%s/root/copy.img", scratch);
	copy_as_it_is(image, copy);
	start_image(&context, quota_words);
	(void) snprintf(image, sizeof(image), "%s/root/copy.img", scratch);
	(void) snprintf(target, sizeof(target), "%s/root/second", scratch);
	apply_context_init(&second);
	ck_assert_int_eq(mount_image(&second), 0);
	ck_assert_str_eq(read_text(file_in_target("kept")), "data");
	ck_assert_int_eq(unmount_image(&second), 0);
	(void) snprintf(target, sizeof(target), "%s/root/data", scratch);
	stop_image(&context);
}
END_TEST

/* Asking for it loads a module of it. */
static bool kernel_has_xfs(void)
{
	return mount("/dev/null", "/", "xfs", 0, NULL) < 0 && errno != ENODEV;
}

int main(void)
{
	Suite *suite = suite_create("apply image, XFS");
	TCase *tests = tcase_create("xfs");

	require_root();
	if (!find_mkfs_xfs() || access("/dev/loop-control", F_OK) < 0 || !kernel_has_xfs()) {
		(void) fprintf(stderr, "skipped: needs mkfs.xfs, loop devices and XFS\n");
		return 77;
	}
	if (access("/proc/fs/xfs/xqm", F_OK) < 0)
		quota_words = "no quotas for XFS";
	(void) fprintf(stderr, "quotas for XFS: %s\n", quota_words ? "no" : "yes");
	tcase_set_timeout(tests, 60);
	tcase_add_test(tests, test_made_used_again);
	tcase_add_test(tests, test_keeps_its_file_system);
	tcase_add_test(tests, test_interrupted_mkfs);
	tcase_add_test(tests, test_too_small);
	tcase_add_test(tests, test_older_mkfs);
	tcase_add_test(tests, test_mkfs_that_fails);
	tcase_add_test(tests, test_power_cut_is_replayed);
	tcase_add_test(tests, test_lost_superblock);
	tcase_add_test(tests, test_log_is_dropped_last);
	tcase_add_test(tests, test_beyond_repair_is_moved_aside);
	tcase_add_test(tests, test_unused_and_damaged_is_made_again);
	tcase_add_test(tests, test_grows_and_keeps);
	tcase_add_test(tests, test_discards_reach_the_file);
	tcase_add_test(tests, test_two_with_one_uuid);
	suite_add_tcase(suite, tests);
	return run_suite(suite);
}
