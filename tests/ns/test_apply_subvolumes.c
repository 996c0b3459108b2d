/* SPDX-License-Identifier: Apache-2.0 */
/* What the storage driver btrfs leaves in a data root that nobody keeps. */
#include <linux/btrfs.h>
#include <sys/ioctl.h>

#include "fixture.h"

#define FILE_BYTES (256 << 20)

static bool kernel_has_btrfs(void)
{
	char text[4096];

	return file_read_at(AT_FDCWD, "/proc/filesystems", text, sizeof(text)) > 0 &&
	       strstr(text, "\tbtrfs\n");
}

/* As dockerd has it: a btrfs at "data" of the scratch directory. */
static void mount_btrfs(void)
{
	const char *file = in_scratch("btrfs.img"), *target = in_scratch("data");
	const char *mkfs[] = { "/sbin/mkfs.btrfs", "-q", file, NULL };
	const char *mount[] = { "/bin/mount", "-o", "loop", file, target, NULL };
	int fd = open(file, O_RDWR | O_CREAT | O_CLOEXEC, 0600);

	ck_assert_int_ge(fd, 0);
	ck_assert_int_eq(ftruncate(fd, FILE_BYTES), 0);
	(void) close(fd);
	ck_assert_int_eq(mkdir(target, 0711), 0);
	ck_assert_int_eq(run_to_file(mkfs, in_scratch("out")), 0);
	ck_assert_int_eq(run_to_file(mount, in_scratch("out")), 0);
}

static void make_subvolume(const char *name)
{
	struct btrfs_ioctl_vol_args args = { .fd = 0 };
	int fd = open(in_scratch("data/btrfs/subvolumes"), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	char path[128];

	(void) snprintf(args.name, sizeof(args.name), "%s", name);
	ck_assert_int_ge(fd, 0);
	ck_assert_int_eq(ioctl(fd, BTRFS_IOC_SUBVOL_CREATE, &args), 0);
	(void) close(fd);
	(void) snprintf(path, sizeof(path), "data/btrfs/subvolumes/%s/file", name);
	ck_assert(write_text(in_scratch(path), "of a layer"));
}

static void make_directories(const char *name)
{
	ck_assert_int_eq(file_make_directories(in_scratch(name), 0711), 0);
}

static bool is_there(const char *name)
{
	return access(in_scratch(name), F_OK) == 0;
}

START_TEST(test_layers_and_what_refers_to_them_are_removed)
{
	struct error err = ERROR_INIT;

	ck_assert(enter_test());
	mount_btrfs();
	/* nothing there yet */
	ck_assert_int_eq(apply_remove_subvolumes(in_scratch("data"), &err), 0);

	make_directories("data/btrfs/subvolumes");
	make_directories("data/image/btrfs/layerdb/sha256");
	make_directories("data/containers/abc");
	make_directories("data/network/files");
	ck_assert(write_text(in_scratch("data/image/btrfs/repositories.json"), "{}"));
	ck_assert(write_text(in_scratch("data/network/files/local-kv.db"), "x"));
	make_subvolume("one");
	make_subvolume("two-init");
	ck_assert_int_eq(apply_remove_subvolumes(in_scratch("data"), &err), 2);
	ck_assert(is_there("data/btrfs/subvolumes"));
	ck_assert(!is_there("data/btrfs/subvolumes/one"));
	ck_assert(!is_there("data/btrfs/subvolumes/two-init"));
	ck_assert(!is_there("data/image/btrfs"));
	ck_assert(!is_there("data/containers"));
	ck_assert(is_there("data/network/files/local-kv.db"));
	ck_assert_int_eq(apply_remove_subvolumes(in_scratch("data"), &err), 0); /* again */
	ck_assert_int_eq(umount(in_scratch("data")), 0);
}
END_TEST

START_TEST(test_one_that_stays_does_not_keep_the_others)
{
	struct error err = ERROR_INIT;

	ck_assert(enter_test());
	mount_btrfs();
	make_directories("data/btrfs/subvolumes/plain");
	make_subvolume("one");
	make_subvolume("two");
	ck_assert_int_eq(apply_remove_subvolumes(in_scratch("data"), &err), -EINVAL);
	ck_assert_ptr_nonnull(strstr(err.message, "subvolumes/plain"));
	ck_assert(!is_there("data/btrfs/subvolumes/one"));
	ck_assert(!is_there("data/btrfs/subvolumes/two"));
	ck_assert_int_eq(umount(in_scratch("data")), 0);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("subvolumes");
	TCase *tests = tcase_create("subvolumes");

	require_root();
	if (!kernel_has_btrfs()) {
		(void) fprintf(stderr, "this kernel has no btrfs\n");
		return 77;
	}
	tcase_set_timeout(tests, 60);
	tcase_add_test(tests, test_layers_and_what_refers_to_them_are_removed);
	tcase_add_test(tests, test_one_that_stays_does_not_keep_the_others);
	suite_add_tcase(suite, tests);
	return run_suite(suite);
}
