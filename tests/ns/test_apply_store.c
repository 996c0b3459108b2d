/* SPDX-License-Identifier: Apache-2.0 */
/* A tmpfs as the data root, and the look into an image that was mounted. */
#include <sys/statvfs.h>

#include "../../src/apply/steps.h"
#include "fixture.h"

#define MIB (UINT64_C(1) << 20)

static struct plan_step tmpfs_step(const char *target)
{
	struct plan_step step = { .kind = STEP_TMPFS };

	step.u.tmpfs.target = target;
	step.u.tmpfs.bytes = 64 * MIB;
	return step;
}

START_TEST(test_tmpfs)
{
	struct apply_context context;
	struct error err = ERROR_INIT;
	struct snapshot before, after;
	struct plan_step step;
	struct statvfs st;

	ck_assert(enter_test());
	ck_assert_int_eq(mkdir(in_scratch("real"), 0755), 0);
	ck_assert_int_eq(symlink("real", in_scratch("link")), 0);
	step = tmpfs_step(in_scratch("link/docker"));
	apply_context_init(&context);
	assert_step(&context, &step);
	snapshot_take(&before);
	assert_step(&context, &step);
	snapshot_take(&after);
	ck_assert_str_eq(before.mounts, after.mounts);
	ck_assert_int_eq(count_mounts(in_scratch("real/docker")), 1);
	ck_assert_int_eq(statvfs(in_scratch("real/docker"), &st), 0);
	ck_assert_uint_eq((uint64_t) st.f_blocks * st.f_frsize, 64 * MIB);
	ck_assert_uint_eq(st.f_flag & (ST_NOEXEC | ST_NODEV), 0);
	ck_assert_uint_ge(st.f_files, 8192);
	/* overlay, as the engine will mount it */
	ck_assert_int_eq(mkdir(in_scratch("real/docker/l"), 0755), 0);
	ck_assert_int_eq(mkdir(in_scratch("real/docker/u"), 0755), 0);
	ck_assert_int_eq(mkdir(in_scratch("real/docker/w"), 0755), 0);
	ck_assert_int_eq(mkdir(in_scratch("real/docker/m"), 0755), 0);
	ck_assert_int_eq(chdir(in_scratch("real/docker")), 0);
	ck_assert_int_eq(mount("overlay", "m", "overlay", 0, "lowerdir=l,upperdir=u,workdir=w"), 0);
	ck_assert_int_eq(chdir("/"), 0);

	/* a second start in this mount namespace: not its own to take down */
	{
		struct apply_context second;

		apply_context_init(&second);
		assert_step(&second, &step);
		ck_assert(!second.data_root_mounted);
		ck_assert_int_eq(apply_unmount_data_root(&second, "/nonexistent", "/nonexistent",
							 1000, &err),
				 0);
		ck_assert_int_eq(count_mounts(in_scratch("real/docker")), 1);
	}
	ck_assert(context.data_root_mounted);
	ck_assert_str_eq(context.data_root, in_scratch("real/docker"));
	ck_assert_int_eq(
		apply_unmount_data_root(&context, context.data_root, "/nonexistent", 2000, &err),
		0);
	ck_assert_int_eq(count_mounts(in_scratch("real/docker")), 0);
	ck_assert_int_lt(access(in_scratch("real/docker/m"), F_OK), 0);
}
END_TEST

/* The label of a policy that this kernel does not have: mounted all the same, and that is said. */
START_TEST(test_tmpfs_with_a_label)
{
	struct apply_context context;
	struct plan_step step;
	bool selinux = access("/sys/fs/selinux/enforce", F_OK) == 0;

	ck_assert(enter_test());
	ck_assert_int_eq(mkdir(in_scratch("docker"), 0755), 0);
	step = tmpfs_step(in_scratch("docker"));
	step.u.tmpfs.label = selinux ? "context=\"system_u:object_r:no_such_t:s0\""
				     : "context=\"system_u:object_r:container_file_t:s0:c1,c2\"";
	apply_context_init(&context);
	assert_step(&context, &step);
	ck_assert_int_eq(count_mounts(in_scratch("docker")), 1);
	ck_assert_ptr_nonnull(strstr(context.notice, "has no SELinux label: context="));
	assert_step(&context, &step);
	ck_assert_str_eq(context.notice, "");
	ck_assert_int_eq(umount2(in_scratch("docker"), 0), 0);
	/* what is wrong with the rest of the mount is not put down to the label */
	ck_assert_int_lt(apply_mount_labelled(&context, "none", in_scratch("missing"), "tmpfs", 0,
					      "mode=0711", step.u.tmpfs.label),
			 0);
}
END_TEST

START_TEST(test_tmpfs_over_a_volume)
{
	struct apply_context context;
	struct plan_step step;

	ck_assert(enter_test());
	ck_assert_int_eq(mkdir(in_scratch("docker"), 0755), 0);
	ck_assert_int_eq(mount("theirs", in_scratch("docker"), "tmpfs", 0, NULL), 0);
	ck_assert(write_text(in_scratch("docker/kept"), "x"));
	step = tmpfs_step(in_scratch("docker"));
	apply_context_init(&context);
	assert_step(&context, &step);
	ck_assert_int_eq(count_mounts(in_scratch("docker")), 2);
	ck_assert_int_lt(access(in_scratch("docker/kept"), F_OK), 0);
	ck_assert_int_eq(umount2(in_scratch("docker"), 0), 0);
	ck_assert_str_eq(read_text(in_scratch("docker/kept")), "x");

	ck_assert(write_text(in_scratch("file"), "x"));
	step = tmpfs_step(in_scratch("file"));
	assert_step_fails(&context, &step, -ENOTDIR, "file");
}
END_TEST

/* ---- the image store ---- */

#define BLOBS "containerd/daemon/io.containerd.content.v1.content/blobs/sha256"

static const struct {
	bool layers, blobs, containerd;
	bool fits;
} stores[] = {
	{ false, false, false, true }, { false, false, true, true }, { true, false, false, true },
	{ true, false, true, false },  { false, true, true, true },  { false, true, false, false },
	{ true, true, true, true },    { true, true, false, true },
};

START_TEST(test_check_store)
{
	struct plan_step step = { .kind = STEP_CHECK_STORE };
	struct plan_step directory = { .kind = STEP_DIRECTORY };
	struct apply_context context;

	ck_assert(enter_test());
	apply_context_init(&context);
	directory.u.runtime_dir.mode = 0711;
	/* directories that an engine makes without an image in it */
	directory.u.runtime_dir.path = in_scratch("docker/overlay2");
	assert_step(&context, &directory);
	directory.u.runtime_dir.path = in_scratch("docker/" BLOBS);
	assert_step(&context, &directory);
	if (stores[_i].layers)
		ck_assert_int_eq(mkdir(in_scratch("docker/overlay2/l"), 0755), 0);
	if (stores[_i].blobs)
		ck_assert(write_text(in_scratch("docker/" BLOBS "/0123"), "x"));
	step.u.check_store.path = in_scratch("docker");
	step.u.check_store.containerd = stores[_i].containerd;
	step.u.check_store.driver = "overlay2";
	if (stores[_i].fits)
		assert_step(&context, &step);
	else
		assert_step_fails(&context, &step, -EEXIST,
				  stores[_i].containerd ? "overlay2" : "containerd");
	/* nothing there at all, or no directory */
	step.u.check_store.path = in_scratch("missing");
	assert_step(&context, &step);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("apply store");
	TCase *tests = tcase_create("store");

	require_root();
	tcase_set_timeout(tests, 20);
	tcase_add_test(tests, test_tmpfs);
	tcase_add_test(tests, test_tmpfs_with_a_label);
	tcase_add_test(tests, test_tmpfs_over_a_volume);
	tcase_add_loop_test(tests, test_check_store, 0, ARRAY_SIZE(stores));
	suite_add_tcase(suite, tests);
	return run_suite(suite);
}
