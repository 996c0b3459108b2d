/* SPDX-License-Identifier: Apache-2.0 */
/* The loop image: made, used again, never remade when it holds data, given back. */
#include <linux/loop.h>
#include <sys/file.h>
#include <sys/ioctl.h>
#include <sys/sysmacros.h>

#include "image_fixture.h"

START_TEST(test_made_mounted_and_given_back)
{
	struct apply_context context;
	struct snapshot before, after;
	struct stat st;

	enter();
	apply_context_init(&context);
	snapshot_take(&before);
	ck_assert_int_eq(make_image(&context), 0);
	ck_assert_int_gt(context.mkfs_pid, 0);
	ck_assert_int_eq(make_image(&context), 0); /* twice, while mkfs is at work */
	ck_assert_int_eq(mount_image(&context), 0);
	ck_assert_int_eq(context.mkfs_pid, 0);
	ck_assert(context.data_root_mounted);
	ck_assert_str_eq(context.data_root, target);
	ck_assert_str_eq(context.notice, "");
	ck_assert(context.loop_direct_io);
	ck_assert_int_eq(stat(image, &st), 0);
	ck_assert_uint_eq((uint64_t) st.st_size, IMAGE_BYTES);
	ck_assert_uint_eq(st.st_mode & 07777, 0600);
	ck_assert_uint_lt((uint64_t) st.st_blocks * 512, 32 << 20); /* sparse */
	ck_assert_int_eq(count_mounts(target), 1);
	ck_assert_int_eq(count_loops(image_name), 1);

	/* twice: no second mount, no second device */
	ck_assert_int_eq(make_image(&context), 0);
	ck_assert_int_eq(mount_image(&context), 0);
	ck_assert_int_eq(count_mounts(target), 1);
	ck_assert_int_eq(count_loops(image_name), 1);

	ck_assert(write_text(file_in_target("kept"), "data"));
	ck_assert_int_eq(unmount_image(&context), 0);
	ck_assert_int_eq(count_loops(image_name), 0);
	snapshot_take(&after);
	ck_assert_str_eq(before.mounts, after.mounts);
	ck_assert_str_eq(before.fds, after.fds);

	/* the next start of the same container finds its data */
	apply_context_init(&context);
	ck_assert_int_eq(make_image(&context), 0);
	ck_assert_int_eq(context.mkfs_pid, 0);
	ck_assert_int_eq(mount_image(&context), 0);
	ck_assert_str_eq(read_text(file_in_target("kept")), "data");
	ck_assert_int_eq(unmount_image(&context), 0);
}
END_TEST

START_TEST(test_no_background_writes_of_tables)
{
	struct apply_context context;
	const char *argv[] = { "/usr/sbin/dumpe2fs", image, NULL };
	int zeroed = 0, groups = 0;
	char line[256];
	FILE *out;

	enter();
	apply_context_init(&context);
	ck_assert_int_eq(make_image(&context), 0);
	ck_assert_int_eq(mount_image(&context), 0);
	ck_assert_int_eq(unmount_image(&context), 0);
	ck_assert_int_eq(run_to_file(argv, in_scratch("dump")), 0);
	out = fopen(in_scratch("dump"), "re");
	ck_assert_ptr_nonnull(out);
	while (fgets(line, sizeof(line), out)) {
		groups += strncmp(line, "Group ", 6) == 0 && line[6] >= '0' && line[6] <= '9';
		zeroed += strstr(line, "ITABLE_ZEROED") != NULL;
	}
	(void) fclose(out);
	ck_assert_int_gt(groups, 1);
	ck_assert_int_eq(zeroed, groups);
}
END_TEST

/* SIGKILL of mkfs after a time that grows from run to run: either nothing valid, and the image is
 * made anew, or a finished file system. In no case is the next start broken. */
START_TEST(test_interrupted_mkfs)
{
	enter();
	for (int i = 0; i < 40; i++) {
		struct apply_context context;
		struct timespec delay = { 0, i * 250000L };

		(void) unlink(image);
		apply_context_init(&context);
		ck_assert_int_eq(make_image(&context), 0);
		(void) nanosleep(&delay, NULL);
		apply_abandon(&context);
		ck_assert_int_eq(context.mkfs_pid, 0);

		apply_context_init(&context);
		ck_assert_int_eq(make_image(&context), 0);
		ck_assert_int_eq(mount_image(&context), 0);
		ck_assert_str_eq(context.notice, "");
		ck_assert(write_text(file_in_target("x"), "x"));
		ck_assert_int_eq(unmount_image(&context), 0);
	}
}
END_TEST

START_TEST(test_foreign_file_is_left_alone)
{
	struct plan_step make = image_step(STEP_MAKE_IMAGE), use = image_step(STEP_MOUNT_IMAGE);
	struct apply_context context;

	enter();
	ck_assert_int_eq(mkdir(in_scratch("root/dind"), 0711), 0);
	ck_assert(write_text(image, "somebody's notes"));
	apply_context_init(&context);
	assert_step_fails(&context, &make, -EEXIST, "left alone");
	assert_step_fails(&context, &use, -EUCLEAN, "no finished file system");
	ck_assert_str_eq(read_text(image), "somebody's notes");
}
END_TEST

/* A superblock that was lost, but blocks that hold something: more than a mkfs leaves. */
START_TEST(test_large_file_without_superblock_is_left_alone)
{
	struct plan_step make = image_step(STEP_MAKE_IMAGE);
	struct apply_context context;
	struct stat before, after;
	int fd;

	enter();
	ck_assert_int_eq(mkdir(in_scratch("root/dind"), 0711), 0);
	fd = open(image, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	ck_assert_int_ge(fd, 0);
	ck_assert_int_eq(ftruncate(fd, (off_t) IMAGE_BYTES), 0);
	ck_assert_int_eq(fallocate(fd, 0, 8 << 20, 112 << 20), 0);
	ck_assert_int_eq(fstat(fd, &before), 0);
	apply_context_init(&context);
	assert_step_fails(&context, &make, -EEXIST, "left alone");
	ck_assert_int_eq(fstat(fd, &after), 0);
	ck_assert_int_eq(before.st_blocks, after.st_blocks);
	(void) close(fd);
}
END_TEST

START_TEST(test_damaged_but_unused_is_made_anew)
{
	struct apply_context context;
	int status;

	enter();
	apply_context_init(&context);
	ck_assert_int_eq(make_image(&context), 0);
	ck_assert_int_eq(waitpid(context.mkfs_pid, &status, 0), context.mkfs_pid);
	ck_assert_int_eq(status, 0);
	context.mkfs_pid = 0;
	apply_abandon(&context);
	overwrite(4096, 4096); /* the group descriptors */
	ck_assert_int_eq(make_image(&context), 0);
	ck_assert_int_eq(context.mkfs_pid, 0); /* it looks finished */
	ck_assert_int_eq(mount_image(&context), 0);
	assert_notice(&context, "never used, so it was made anew");
	ck_assert_int_eq(unmount_image(&context), 0);
}
END_TEST

START_TEST(test_damaged_and_used_is_repaired)
{
	struct apply_context context;

	enter();
	make_used_image();
	overwrite(4096 + 0x1e, 2); /* the checksum of a group descriptor: mount(2) says EUCLEAN */
	apply_context_init(&context);
	ck_assert_int_eq(make_image(&context), 0);
	ck_assert_int_eq(mount_image(&context), 0);
	assert_notice(&context, "repaired by e2fsck");
	ck_assert_str_eq(read_text(file_in_target("kept")), "data");
	ck_assert_int_eq(unmount_image(&context), 0);
	ck_assert_int_eq(count_loops(image_name), 0);
}
END_TEST

START_TEST(test_beyond_repair_is_not_deleted)
{
	struct plan_step use = image_step(STEP_MOUNT_IMAGE);
	struct apply_context context;
	struct stat before, after;

	enter();
	make_used_image();
	/* everything but the superblock of the first two groups */
	for (off_t at = 4096; at < (128 << 20); at += 65536)
		overwrite(at, 65536);
	ck_assert_int_eq(stat(image, &before), 0);
	apply_context_init(&context);
	ck_assert_int_eq(make_image(&context), 0);
	ck_assert_int_eq(context.mkfs_pid, 0);
	{
		struct error err = ERROR_INIT;
		int r = apply_step(&context, &use, &err);

		ck_assert_int_lt(r, 0);
		ck_assert_ptr_nonnull(strstr(err.message, "nothing was deleted"));
	}
	ck_assert_int_eq(stat(image, &after), 0);
	ck_assert_int_eq(before.st_size, after.st_size);
	ck_assert_int_eq(count_loops(image_name), 0);
	ck_assert_int_eq(count_mounts(target), 0);
}
END_TEST

START_TEST(test_second_device_is_refused)
{
	struct plan_step use = image_step(STEP_MOUNT_IMAGE);
	struct apply_context context, second;

	enter();
	apply_context_init(&context);
	ck_assert_int_eq(make_image(&context), 0);
	ck_assert_int_eq(mount_image(&context), 0);
	(void) snprintf(target, sizeof(target), "%s/root/elsewhere", scratch);
	apply_context_init(&second);
	assert_step_fails(&second, &use, -EBUSY, "attached to /dev/loop");
	ck_assert_int_eq(count_loops(image_name), 1);
	(void) snprintf(target, sizeof(target), "%s/root/data", scratch);
	ck_assert_int_eq(unmount_image(&context), 0);
}
END_TEST

START_TEST(test_buffered_where_direct_io_is_refused)
{
	struct apply_context context;

	enter();
	ck_assert_int_eq(mkdir(in_scratch("root/dind"), 0711), 0);
	/* ramfs cannot do it */
	ck_assert_int_eq(mount("none", in_scratch("root/dind"), "ramfs", 0, NULL), 0);
	apply_context_init(&context);
	ck_assert_int_eq(make_image(&context), 0);
	ck_assert_int_eq(mount_image(&context), 0);
	ck_assert(!context.loop_direct_io);
	assert_notice(&context, "direct I/O is refused");
	ck_assert_int_eq(unmount_image(&context), 0);
}
END_TEST

START_TEST(test_replaced_after_the_lock)
{
	struct plan_step lock = { .kind = STEP_LOCK }, make = image_step(STEP_MAKE_IMAGE);
	struct apply_context context;

	enter();
	lock.u.lock.path = image;
	lock.u.lock.create = true;
	lock.u.lock.holder = "test";
	apply_context_init(&context);
	assert_step(&context, &lock);
	ck_assert_int_eq(unlink(image), 0);
	assert_step_fails(&context, &make, -ESTALE, "replaced");
}
END_TEST

/* A container's /dev has only the nodes that there were when it was made. */
START_TEST(test_missing_nodes_are_made)
{
	struct apply_context context;
	struct stat st;

	enter();
	ck_assert_int_eq(mount("tmpfs", "/dev", "tmpfs", 0, "mode=0755"), 0);
	ck_assert_int_eq(mknod("/dev/loop-control", S_IFCHR | 0600, makedev(10, 237)), 0);
	ck_assert_int_eq(mknod("/dev/null", S_IFCHR | 0666, makedev(1, 3)), 0);
	ck_assert_int_eq(mknod("/dev/urandom", S_IFCHR | 0666, makedev(1, 9)), 0);
	apply_context_init(&context);
	ck_assert_int_eq(make_image(&context), 0);
	ck_assert_int_eq(mount_image(&context), 0);
	ck_assert_int_eq(stat(context.loop_device, &st), 0);
	ck_assert(S_ISBLK(st.st_mode));
	ck_assert_int_eq(unmount_image(&context), 0);
}
END_TEST

START_TEST(test_mkfs_that_fails)
{
	struct plan_step make = image_step(STEP_MAKE_IMAGE), use = image_step(STEP_MOUNT_IMAGE);
	struct apply_context context;
	struct stat st;

	enter();
	make.u.image.mkfs = use.u.image.mkfs = "/nonexistent/mkfs.ext4";
	apply_context_init(&context);
	assert_step(&context, &make);
	assert_step_fails(&context, &use, -EIO, "cannot execute /nonexistent/mkfs.ext4");
	ck_assert_int_eq(waitpid(-1, NULL, WNOHANG), -1);
	ck_assert_int_eq(stat(image, &st), 0);
	ck_assert_int_eq(st.st_size, 0); /* takes no room from the next rung */
	/* and the next start makes it */
	apply_context_init(&context);
	ck_assert_int_eq(make_image(&context), 0);
	ck_assert_int_eq(mount_image(&context), 0);
	ck_assert_int_eq(unmount_image(&context), 0);
}
END_TEST

/* Several containers of one machine start at once: each gets a device of its own. */
START_TEST(test_racing_for_devices)
{
	pid_t pids[4];
	int failed = 0;

	enter();
	for (size_t i = 0; i < ARRAY_SIZE(pids); i++) {
		pids[i] = fork();
		ck_assert_int_ge(pids[i], 0);
		if (pids[i] == 0) {
			struct apply_context context;
			bool ok = true;

			ok = unshare(CLONE_NEWNS) == 0;
			(void) snprintf(image, sizeof(image), "%s/root/race%zu-%s", scratch, i,
					image_name);
			for (int n = 0; ok && n < 5; n++) {
				apply_context_init(&context);
				ok = make_image(&context) == 0 && mount_image(&context) == 0 &&
				     unmount_image(&context) == 0;
			}
			_exit(ok ? 0 : 1);
		}
	}
	for (size_t i = 0; i < ARRAY_SIZE(pids); i++) {
		int status;

		ck_assert_int_eq(waitpid(pids[i], &status, 0), pids[i]);
		failed += status != 0;
	}
	ck_assert_int_eq(failed, 0);
	ck_assert_int_eq(count_loops(image_name), 0);
}
END_TEST

/* ---- the way down ---- */

START_TEST(test_unmounts_what_is_below_in_reverse)
{
	struct apply_context context;
	struct error err = ERROR_INIT;
	struct snapshot before, after;
	char below[512], deeper[600], run[256], netns[300];

	enter();
	(void) snprintf(run, sizeof(run), "%s/root/exec", scratch);
	(void) snprintf(netns, sizeof(netns), "%s/netns", run);
	ck_assert_int_eq(mkdir(run, 0711), 0);
	ck_assert_int_eq(mkdir(netns, 0711), 0);
	snapshot_take(&before);
	apply_context_init(&context);
	ck_assert_int_eq(make_image(&context), 0);
	ck_assert_int_eq(mount_image(&context), 0);
	(void) snprintf(below, sizeof(below), "%s/merged", target);
	(void) snprintf(deeper, sizeof(deeper), "%s/shm", below);
	ck_assert_int_eq(mkdir(below, 0711), 0);
	ck_assert_int_eq(mount("x", below, "tmpfs", 0, NULL), 0);
	ck_assert_int_eq(mkdir(deeper, 0711), 0);
	ck_assert_int_eq(mount("x", deeper, "tmpfs", 0, NULL), 0);
	ck_assert_int_eq(mount("x", netns, "tmpfs", 0, NULL), 0);
	/* dockerd binds the data root onto itself when it is not shared */
	ck_assert_int_eq(mount(target, target, NULL, MS_BIND, NULL), 0);
	ck_assert_int_eq(apply_unmount_data_root(&context, target, run, 5000, &err), 0);
	snapshot_take(&after);
	ck_assert_str_eq(before.mounts, after.mounts);
	ck_assert_int_eq(count_loops(image_name), 0);
	/* once more, with nothing left */
	ck_assert_int_eq(apply_unmount_data_root(&context, target, run, 5000, &err), 0);
	ck_assert_str_eq(err.message, "");
}
END_TEST

START_TEST(test_volume_itself_stays)
{
	struct apply_context context;
	struct error err = ERROR_INIT;
	char below[512];

	enter();
	ck_assert_int_eq(mount("volume", target, "tmpfs", 0, NULL), 0);
	(void) snprintf(below, sizeof(below), "%s/merged", target);
	ck_assert_int_eq(mkdir(below, 0711), 0);
	ck_assert_int_eq(mount("x", below, "tmpfs", 0, NULL), 0);
	apply_context_init(&context);
	ck_assert_int_eq(apply_unmount_data_root(&context, target, NULL, 5000, &err), 0);
	ck_assert_int_eq(count_mounts(below), 0);
	ck_assert_int_eq(count_mounts(target), 1);
}
END_TEST

START_TEST(test_busy_mount_is_named_and_let_go)
{
	struct apply_context context;
	struct error err = ERROR_INIT;
	char wanted[64];
	int64_t start;
	pid_t pid;
	int go[2];
	char c;

	enter();
	apply_context_init(&context);
	ck_assert_int_eq(make_image(&context), 0);
	ck_assert_int_eq(mount_image(&context), 0);
	ck_assert_int_eq(pipe(go), 0);
	pid = fork();
	if (pid == 0) {
		_exit(chdir(target) == 0 && write(go[1], "x", 1) == 1 && pause() ? 0 : 1);
	}
	ck_assert_int_eq(read(go[0], &c, 1), 1);
	start = clock_now_ms();
	ck_assert_int_eq(apply_unmount_data_root(&context, target, NULL, 1000, &err), -EBUSY);
	ck_assert_int_lt(clock_now_ms() - start, 2500);
	(void) snprintf(wanted, sizeof(wanted), "pid %d (", (int) pid);
	ck_assert_msg(strstr(err.message, wanted) != NULL, "%s", err.message);
	ck_assert_ptr_nonnull(strstr(err.message, "lazily"));
	ck_assert_int_eq(count_mounts(target), 0);
	ck_assert_int_eq(kill(pid, SIGKILL), 0);
	ck_assert_int_eq(waitpid(pid, NULL, 0), pid);
	for (int i = 0; i < 200 && count_loops(image_name) > 0; i++)
		(void) usleep(10000);
	ck_assert_int_eq(count_loops(image_name), 0);
}
END_TEST

/* SIGKILL of everything that has it mounted: the device goes by itself. */
START_TEST(test_autoclear_after_sigkill)
{
	pid_t pid;
	int go[2];
	char c;

	enter();
	ck_assert_int_eq(pipe(go), 0);
	pid = fork();
	if (pid == 0) {
		struct apply_context context;

		if (unshare(CLONE_NEWNS) < 0)
			_exit(1);
		apply_context_init(&context);
		if (make_image(&context) < 0 || mount_image(&context) < 0 ||
		    !write_text(file_in_target("kept"), "data") || write(go[1], "x", 1) != 1)
			_exit(1);
		(void) pause();
	}
	ck_assert_int_eq(read(go[0], &c, 1), 1);
	ck_assert_int_eq(count_loops(image_name), 1);
	ck_assert_int_eq(kill(pid, SIGKILL), 0);
	ck_assert_int_eq(waitpid(pid, NULL, 0), pid);
	for (int i = 0; i < 200 && count_loops(image_name) > 0; i++)
		(void) usleep(10000);
	ck_assert_int_eq(count_loops(image_name), 0);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("apply image");
	TCase *tests = tcase_create("image");

	require_root();
	if (!find_mkfs() || access("/dev/loop-control", F_OK) < 0) {
		(void) fprintf(stderr, "skipped: needs mkfs.ext4 and loop devices\n");
		return 77;
	}
	tcase_set_timeout(tests, 30);
	tcase_add_test(tests, test_made_mounted_and_given_back);
	tcase_add_test(tests, test_no_background_writes_of_tables);
	tcase_add_test(tests, test_interrupted_mkfs);
	tcase_add_test(tests, test_foreign_file_is_left_alone);
	tcase_add_test(tests, test_large_file_without_superblock_is_left_alone);
	tcase_add_test(tests, test_damaged_but_unused_is_made_anew);
	tcase_add_test(tests, test_damaged_and_used_is_repaired);
	tcase_add_test(tests, test_beyond_repair_is_not_deleted);
	tcase_add_test(tests, test_second_device_is_refused);
	tcase_add_test(tests, test_buffered_where_direct_io_is_refused);
	tcase_add_test(tests, test_replaced_after_the_lock);
	tcase_add_test(tests, test_missing_nodes_are_made);
	tcase_add_test(tests, test_mkfs_that_fails);
	tcase_add_test(tests, test_racing_for_devices);
	tcase_add_test(tests, test_unmounts_what_is_below_in_reverse);
	tcase_add_test(tests, test_volume_itself_stays);
	tcase_add_test(tests, test_busy_mount_is_named_and_let_go);
	tcase_add_test(tests, test_autoclear_after_sigkill);
	suite_add_tcase(suite, tests);
	return run_suite(suite);
}
