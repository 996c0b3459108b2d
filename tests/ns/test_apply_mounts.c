/* SPDX-License-Identifier: Apache-2.0 */
/* Runtime directories, read-only mounts, device nodes, propagation, binds. */
#include <sys/statvfs.h>
#include <sys/sysmacros.h>

#include "fixture.h"

static bool is_writable(const char *path)
{
	struct statvfs st;

	return statvfs(path, &st) == 0 && !(st.f_flag & ST_RDONLY);
}

static void assert_twice(struct apply_context *context, const struct plan_step *step)
{
	struct snapshot before, after;

	assert_step(context, step);
	snapshot_take(&before);
	assert_step(context, step);
	snapshot_take(&after);
	ck_assert_str_eq(before.mounts, after.mounts);
	ck_assert_str_eq(before.fds, after.fds);
}

START_TEST(test_runtime_dir)
{
	struct plan_step step = { .kind = STEP_RUNTIME_DIR };
	struct apply_context context;
	struct stat st;

	ck_assert(enter_test());
	/* through a symbolic link, as /var/run is one: mountinfo does not know it */
	ck_assert_int_eq(mkdir(in_scratch("run"), 0755), 0);
	ck_assert_int_eq(symlink("run", in_scratch("link")), 0);
	ck_assert_int_eq(mkdir(in_scratch("run/dind"), 0755), 0);
	ck_assert(write_text(in_scratch("run/dind/stale"), "x"));
	step.u.runtime_dir.path = in_scratch("link/dind");
	step.u.runtime_dir.mode = 0700;
	apply_context_init(&context);
	assert_twice(&context, &step);
	ck_assert_int_lt(access(in_scratch("run/dind/stale"), F_OK), 0);
	ck_assert_int_eq(stat(in_scratch("run/dind"), &st), 0);
	ck_assert_uint_eq(st.st_mode & 07777, 0700);
	ck_assert_int_eq(count_mounts(in_scratch("run/dind")), 1);
	/* a second start in this mount namespace finds what the first one put there */
	ck_assert(write_text(in_scratch("run/dind/state.json"), "{}"));
	apply_context_init(&context);
	assert_step(&context, &step);
	ck_assert_str_eq(context.notice, ""); /* it is ours */
	ck_assert_str_eq(read_text(in_scratch("run/dind/state.json")), "{}");
}
END_TEST

START_TEST(test_runtime_dir_that_the_user_mounted)
{
	struct plan_step step = { .kind = STEP_RUNTIME_DIR };
	struct apply_context context;

	ck_assert(enter_test());
	ck_assert_int_eq(mkdir(in_scratch("docker"), 0755), 0);
	ck_assert_int_eq(mount("theirs", in_scratch("docker"), "tmpfs", 0, NULL), 0);
	ck_assert(write_text(in_scratch("docker/kept"), "x"));
	step.u.runtime_dir.path = in_scratch("docker");
	step.u.runtime_dir.mode = 0700;
	apply_context_init(&context);
	assert_twice(&context, &step);
	ck_assert_str_eq(read_text(in_scratch("docker/kept")), "x");
	assert_notice(&context, "used as it is");
}
END_TEST

START_TEST(test_directory)
{
	struct plan_step step = { .kind = STEP_DIRECTORY };
	struct apply_context context;
	struct stat st;

	ck_assert(enter_test());
	apply_context_init(&context);
	step.u.runtime_dir.path = in_scratch("a/b/c");
	step.u.runtime_dir.mode = 0711;
	(void) umask(0077);
	assert_twice(&context, &step);
	ck_assert_int_eq(stat(in_scratch("a/b/c"), &st), 0);
	ck_assert_uint_eq(st.st_mode & 07777, 0711);
	/* one that is there keeps its mode */
	ck_assert_int_eq(chmod(in_scratch("a/b/c"), 0750), 0);
	assert_step(&context, &step);
	ck_assert_int_eq(stat(in_scratch("a/b/c"), &st), 0);
	ck_assert_uint_eq(st.st_mode & 07777, 0750);
	ck_assert(write_text(in_scratch("file"), "x"));
	step.u.runtime_dir.path = in_scratch("file");
	assert_step_fails(&context, &step, -ENOTDIR, "file");
}
END_TEST

START_TEST(test_remount)
{
	struct plan_step step = { .kind = STEP_REMOUNT_RW };
	unsigned long flags = MS_RDONLY | MS_NOSUID | MS_NODEV | MS_NOEXEC;
	struct apply_context context;
	struct statvfs st;

	ck_assert(enter_test());
	apply_context_init(&context);
	step.u.remount.path = in_scratch("sys");
	ck_assert_int_eq(mkdir(in_scratch("sys"), 0755), 0);
	assert_twice(&context, &step); /* writable already */

	/* a read-only bind of something writable, as runtimes do it with /proc/sys */
	ck_assert_int_eq(mount(in_scratch("sys"), in_scratch("sys"), NULL, MS_BIND, NULL), 0);
	ck_assert_int_eq(mount(NULL, in_scratch("sys"), NULL, MS_REMOUNT | MS_BIND | flags, NULL),
			 0);
	ck_assert(!is_writable(in_scratch("sys")));
	assert_twice(&context, &step);
	ck_assert_int_eq(statvfs(in_scratch("sys"), &st), 0);
	ck_assert_uint_eq(st.f_flag & (ST_RDONLY | ST_NOSUID | ST_NODEV | ST_NOEXEC),
			  ST_NOSUID | ST_NODEV | ST_NOEXEC);

	/* /proc/sys/net may be one of its own within */
	for (int i = 0; i < 2; i++) {
		static const char *const sysctls[] = { "/proc/sys", "/proc/sys/net" };

		step.u.remount.path = sysctls[i];
		ck_assert_int_eq(mount(sysctls[i], sysctls[i], NULL, MS_BIND | MS_REC, NULL), 0);
		ck_assert_int_eq(mount(NULL, sysctls[i], NULL, MS_REMOUNT | MS_BIND | flags, NULL),
				 0);
		ck_assert(!is_writable(sysctls[i]));
		if (i == 0)
			continue;
		assert_twice(&context, &step);
		ck_assert(is_writable("/proc/sys/net") && !is_writable("/proc/sys"));
	}
	step.u.remount.path = in_scratch("sys");

	/* a read-only file system, as runtimes mount /sys */
	ck_assert_int_eq(mount("none", in_scratch("sys"), "sysfs", flags, NULL), 0);
	ck_assert(!is_writable(in_scratch("sys")));
	assert_twice(&context, &step);
	ck_assert(is_writable(in_scratch("sys")));
	ck_assert_int_eq(statvfs(in_scratch("sys"), &st), 0);
	ck_assert(st.f_flag & ST_NOEXEC);
}
END_TEST

START_TEST(test_remount_of_what_is_no_mount)
{
	struct plan_step step = { .kind = STEP_REMOUNT_RW };
	struct apply_context context;

	ck_assert(enter_test());
	ck_assert_int_eq(mkdir(in_scratch("ro"), 0755), 0);
	ck_assert_int_eq(mkdir(in_scratch("ro/below"), 0755), 0);
	ck_assert_int_eq(mount(in_scratch("ro"), in_scratch("ro"), NULL, MS_BIND, NULL), 0);
	ck_assert_int_eq(
		mount(NULL, in_scratch("ro"), NULL, MS_REMOUNT | MS_BIND | MS_RDONLY, NULL), 0);
	step.u.remount.path = in_scratch("ro/below");
	apply_context_init(&context);
	assert_step_fails(&context, &step, -EINVAL, "is not a mount point");
	step.u.remount.path = in_scratch("missing");
	assert_step_fails(&context, &step, -ENOENT, "missing");
}
END_TEST

START_TEST(test_device)
{
	struct plan_step step = { .kind = STEP_DEVICE };
	struct apply_context context;
	struct stat st;

	ck_assert(enter_test());
	step.u.device.path = in_scratch("dev/net/tun");
	step.u.device.type = 'c';
	step.u.device.major = 10;
	step.u.device.minor = 200;
	step.u.device.mode = 0666;
	apply_context_init(&context);
	(void) umask(0077);
	assert_twice(&context, &step);
	ck_assert_int_eq(stat(step.u.device.path, &st), 0);
	ck_assert(S_ISCHR(st.st_mode));
	ck_assert_uint_eq(st.st_mode & 07777, 0666);
	ck_assert_uint_eq(st.st_rdev, makedev(10, 200));
	step.u.device.minor = 229;
	assert_step_fails(&context, &step, -EEXIST, "is not character device 10:229");
	step.u.device.minor = 200;
	step.u.device.type = 'b';
	assert_step_fails(&context, &step, -EEXIST, "left alone");
}
END_TEST

static bool is_shared(const char *target)
{
	char wanted[256];
	const char *text = read_text("/proc/self/mountinfo");
	const char *line, *end, *tag;

	(void) snprintf(wanted, sizeof(wanted), " %s ", target);
	line = strstr(text, wanted);
	end = line ? strchr(line, '\n') : NULL;
	tag = line ? strstr(line, " shared:") : NULL;
	return tag && (!end || tag < end);
}

START_TEST(test_propagation)
{
	struct plan_step step = { .kind = STEP_PROPAGATION };
	struct apply_context context;

	ck_assert(enter_test());
	apply_context_init(&context);
	ck_assert(!is_shared("/"));
	assert_twice(&context, &step);
	ck_assert(is_shared("/"));
	ck_assert(is_shared("/proc")); /* all the way down */
}
END_TEST

START_TEST(test_bind)
{
	struct plan_step step = { .kind = STEP_BIND }, shared = { .kind = STEP_PROPAGATION };
	struct apply_context context;
	struct error err = ERROR_INIT;

	ck_assert(enter_test());
	apply_context_init(&context);
	assert_step(&context, &shared);
	ck_assert_int_eq(mkdir(in_scratch("volume"), 0755), 0);
	ck_assert_int_eq(mkdir(in_scratch("volume/overlay2"), 0755), 0);
	step.u.bind.source = in_scratch("volume");
	step.u.bind.target = in_scratch("lib/docker");
	assert_twice(&context, &step);
	ck_assert(context.data_root_mounted);
	ck_assert_int_eq(count_mounts(in_scratch("lib/docker")), 1);
	/* what the engine mounts below does not turn up below the source */
	ck_assert_int_eq(mount("x", in_scratch("lib/docker/overlay2"), "tmpfs", 0, NULL), 0);
	ck_assert_int_eq(count_mounts(in_scratch("volume/overlay2")), 0);
	ck_assert_int_eq(
		apply_unmount_data_root(&context, in_scratch("lib/docker"), NULL, 2000, &err), 0);
	ck_assert_int_eq(count_mounts(in_scratch("lib/docker")), 0);
	ck_assert_int_eq(access(in_scratch("volume/overlay2"), F_OK), 0);
}
END_TEST

/* The bind goes, the volume that was mounted there before us stays. */
START_TEST(test_bind_over_a_volume)
{
	struct plan_step step = { .kind = STEP_BIND };
	struct apply_context context;
	struct error err = ERROR_INIT;

	ck_assert(enter_test());
	ck_assert_int_eq(mkdir(in_scratch("volume"), 0755), 0);
	ck_assert_int_eq(mkdir(in_scratch("docker"), 0755), 0);
	ck_assert_int_eq(mount("v", in_scratch("docker"), "tmpfs", 0, NULL), 0);
	step.u.bind.source = in_scratch("volume");
	step.u.bind.target = in_scratch("docker");
	apply_context_init(&context);
	assert_twice(&context, &step);
	ck_assert_int_eq(count_mounts(in_scratch("docker")), 2);
	ck_assert_int_eq(apply_sync_data_root(&context, in_scratch("docker"), &err), 0);
	ck_assert_int_eq(apply_unmount_data_root(&context, in_scratch("docker"), NULL, 2000, &err),
			 0);
	ck_assert_int_eq(count_mounts(in_scratch("docker")), 1);
}
END_TEST

START_TEST(test_nothing_was_set_up)
{
	struct apply_context context;
	struct error err = ERROR_INIT;

	ck_assert(enter_test());
	apply_context_init(&context);
	apply_close_listeners(&context);
	apply_abandon(&context);
	ck_assert_int_eq(apply_sync_data_root(&context, in_scratch("none"), &err), 0);
	ck_assert_int_eq(
		apply_unmount_data_root(&context, in_scratch("none"), in_scratch("x"), 1000, &err),
		0);
	ck_assert_str_eq(err.message, "");
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("apply mounts");
	TCase *tests = tcase_create("mounts");

	require_root();
	tcase_set_timeout(tests, 20);
	tcase_add_test(tests, test_runtime_dir);
	tcase_add_test(tests, test_runtime_dir_that_the_user_mounted);
	tcase_add_test(tests, test_directory);
	tcase_add_test(tests, test_remount);
	tcase_add_test(tests, test_remount_of_what_is_no_mount);
	tcase_add_test(tests, test_device);
	tcase_add_test(tests, test_propagation);
	tcase_add_test(tests, test_bind);
	tcase_add_test(tests, test_bind_over_a_volume);
	tcase_add_test(tests, test_nothing_was_set_up);
	suite_add_tcase(suite, tests);
	return run_suite(suite);
}
