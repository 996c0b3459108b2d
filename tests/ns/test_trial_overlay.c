/* SPDX-License-Identifier: Apache-2.0 */
/* The trials of overlay on real file systems of this kernel. */
#include <linux/mount.h>
#include <signal.h>
#include <sys/file.h>
#include <sys/syscall.h>

#include "trial_fixture.h"

START_TEST(overlay_works_on_a_disk)
{
	const struct facts_trial *trial = try(TRIAL_OVERLAY, in_base("dir"), 10 * SECONDS);

	expect(trial, TRI_YES, 0);
	ck_assert_ptr_null(trial->detail);
	ck_assert_int_eq(count_entries(in_base("dir")), 0);
}
END_TEST

START_TEST(overlay_works_on_tmpfs_and_odd_names)
{
	const char *odd = in_base("dir/a,b:c\\d e");

	mount_tmpfs(in_base("dir"));
	ck_assert_int_eq(mkdir(odd, 0755), 0);
	expect(try(TRIAL_OVERLAY, odd, 10 * SECONDS), TRI_YES, 0);
	ck_assert_int_eq(count_entries(odd), 0);
}
END_TEST

START_TEST(overlay_does_not_work_on_overlay)
{
	const struct facts_trial *trial;

	mount_tmpfs(in_base("dir"));
	ck_assert_int_eq(mkdir(in_base("dir/l"), 0755), 0);
	ck_assert_int_eq(mkdir(in_base("dir/u"), 0755), 0);
	ck_assert_int_eq(mkdir(in_base("dir/w"), 0755), 0);
	ck_assert_int_eq(mkdir(in_base("m"), 0755), 0);
	(void) snprintf(text_buffer, sizeof(text_buffer), "lowerdir=%s,upperdir=%s,workdir=%s",
			in_base("dir/l"), in_base("dir/u"), in_base("dir/w"));
	ck_assert_int_eq(mount("overlay", in_base("m"), "overlay", 0, text_buffer), 0);
	mounts_before++;
	trial = try(TRIAL_OVERLAY, in_base("m"), 10 * SECONDS);
	expect(trial, TRI_NO, EINVAL);
	ck_assert_str_eq(trial->result.evidence, "mount an overlay");
	ck_assert_int_eq(count_entries(in_base("m")), 0);
	if (access("/dev/kmsg", R_OK) == 0) {
		ck_assert_ptr_nonnull(trial->detail);
		ck_assert_ptr_nonnull(strstr(trial->detail, "upper"));
	}
}
END_TEST

START_TEST(overlay_does_not_work_read_only)
{
	const char *dir = in_base("dir");

	ck_assert_int_eq(mount(dir, dir, NULL, MS_BIND, NULL), 0);
	ck_assert_int_eq(mount(NULL, dir, NULL, MS_BIND | MS_REMOUNT | MS_RDONLY, NULL), 0);
	mounts_before++;
	expect(try(TRIAL_OVERLAY, dir, 10 * SECONDS), TRI_NO, EROFS);
}
END_TEST

START_TEST(overlay_does_not_work_without_space)
{
	auto_close int fd = -EBADF;
	static char block[65536];

	mount_tmpfs(in_base("dir"));
	fd = open(in_base("dir/full"), O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
	ck_assert_int_ge(fd, 0);
	while (write(fd, block, sizeof(block)) > 0)
		;
	while (write(fd, block, 1) > 0)
		;
	expect(try(TRIAL_OVERLAY, in_base("dir"), 10 * SECONDS), TRI_NO, ENOSPC);
	ck_assert_int_eq(count_entries(in_base("dir")), 1);
}
END_TEST

START_TEST(overlay_needs_a_directory)
{
	expect(try(TRIAL_OVERLAY, in_base("missing"), 10 * SECONDS), TRI_NO, ENOENT);
	expect(try(TRIAL_OVERLAY, "/proc/version", 10 * SECONDS), TRI_NO, ENOTDIR);
}
END_TEST

/* dockerd uses userxattr there; the trial has to, or it would say no. */
START_TEST(overlay_works_in_a_user_namespace)
{
	ck_assert_int_eq(unshare(CLONE_NEWUSER | CLONE_NEWNS), 0);
	ck_assert_int_eq(file_write_at(AT_FDCWD, "/proc/self/setgroups", "deny"), 0);
	ck_assert_int_eq(file_write_at(AT_FDCWD, "/proc/self/uid_map", "0 0 1"), 0);
	ck_assert_int_eq(file_write_at(AT_FDCWD, "/proc/self/gid_map", "0 0 1"), 0);
	ck_assert_int_eq(try(TRIAL_OVERLAY, in_base("dir"), 10 * SECONDS)->result.value, TRI_NO);
	facts.privileges.user_namespace = TRI_YES;
	expect(try(TRIAL_OVERLAY, in_base("dir"), 10 * SECONDS), TRI_YES, 0);
	ck_assert_int_eq(count_entries(in_base("dir")), 0);
}
END_TEST

/* What cannot be set up says nothing about the directory: unknown. What fails on it is a no. */
static const struct {
	int call;
	int error;
	enum tri value;
	const char *evidence;
} failures[] = {
	{ SCMP_SYS(unshare), EPERM, TRI_UNKNOWN, "unshare the mount namespace" },
	{ SCMP_SYS(mkdirat), EDQUOT, TRI_NO, "make a scratch directory" },
	{ SCMP_SYS(fchdir), EACCES, TRI_NO, "enter the scratch directory" },
	{ SCMP_SYS(mkdir), EDQUOT, TRI_NO, "make a directory" },
	{ SCMP_SYS(unlink), EIO, TRI_NO, "delete a file of a lower layer" },
	{ SCMP_SYS(rename), EXDEV, TRI_NO, "rename a file of a lower layer" },
	{ SCMP_SYS(rmdir), EIO, TRI_NO, "replace a directory of a lower layer" },
	{ SCMP_SYS(link), EMLINK, TRI_NO, "link to a file of a lower layer" },
	{ SCMP_SYS(chmod), EPERM, TRI_NO, "change the mode of a file of a lower layer" },
	{ SCMP_SYS(symlink), EPERM, TRI_NO, "make a symbolic link" },
	{ SCMP_SYS(readlink), EIO, TRI_NO, "make a symbolic link" },
};

START_TEST(overlay_trial_reports_each_failure)
{
	const struct facts_trial *trial;

	deny(failures[_i].call, failures[_i].error);
	trial = try(TRIAL_OVERLAY, in_base("dir"), 10 * SECONDS);
	expect(trial, failures[_i].value, failures[_i].error);
	ck_assert_str_eq(trial->result.evidence, failures[_i].evidence);
	ck_assert_int_eq(count_entries(in_base("dir")), 0);
}
END_TEST

/* Old kernels and odd file systems: the trial works all the same. What is refused everywhere is not
 * the directory's fault. */
static const struct {
	int call;
	int error;
} survived[] = {
	{ SCMP_SYS(pidfd_open), ENOSYS }, { SCMP_SYS(flock), ENOLCK }, { SCMP_SYS(setpgid), EPERM },
	{ SCMP_SYS(lseek), EINVAL },	  { SCMP_SYS(fchown), EPERM }, { SCMP_SYS(mknodat), EPERM },
	{ SCMP_SYS(fsetxattr), EPERM },
};

START_TEST(overlay_trial_survives)
{
	deny(survived[_i].call, survived[_i].error);
	expect(try(TRIAL_OVERLAY, in_base("dir"), 10 * SECONDS), TRI_YES, 0);
	ck_assert_int_eq(count_entries(in_base("dir")), 0);
}
END_TEST

/* Without listings the trial cannot even remove what it made; the next one does. */
START_TEST(overlay_trial_needs_listings)
{
	int status;
	pid_t pid = fork();

	ck_assert_int_ge(pid, 0);
	if (pid == 0) {
		const struct facts_trial *trial;

		deny(SCMP_SYS(getdents64), EIO);
		trial = try(TRIAL_OVERLAY, in_base("dir"), 10 * SECONDS);
		_exit(trial->result.value == TRI_NO && trial->result.error == EIO &&
				      strcmp(trial->result.evidence, "list a directory") == 0
			      ? 0
			      : 1);
	}
	ck_assert_int_eq(waitpid(pid, &status, 0), pid);
	ck_assert_int_eq(status, 0);
	ck_assert_int_eq(count_entries(in_base("dir")), 1);
	expect(try(TRIAL_OVERLAY, in_base("dir"), 10 * SECONDS), TRI_YES, 0);
	ck_assert_int_eq(count_entries(in_base("dir")), 0);
}
END_TEST

/* A namespace in which only user 0 is known, for the ids of a mount. */
static int open_narrow_namespace(void)
{
	char path[64];
	int pipes[2], fd, status;
	char c = 0;
	pid_t pid;

	ck_assert_int_eq(pipe(pipes), 0);
	pid = fork();
	ck_assert_int_ge(pid, 0);
	if (pid == 0) {
		bool made = unshare(CLONE_NEWUSER) == 0 && write(pipes[1], &c, 1) == 1;

		while (made)
			(void) pause();
		_exit(1);
	}
	ck_assert_int_eq(read(pipes[0], &c, 1), 1);
	(void) snprintf(path, sizeof(path), "/proc/%d/uid_map", (int) pid);
	ck_assert_int_eq(file_write_at(AT_FDCWD, path, "0 0 1"), 0);
	(void) snprintf(path, sizeof(path), "/proc/%d/gid_map", (int) pid);
	ck_assert_int_eq(file_write_at(AT_FDCWD, path, "0 0 1"), 0);
	(void) snprintf(path, sizeof(path), "/proc/%d/ns/user", (int) pid);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	ck_assert_int_ge(fd, 0);
	(void) kill(pid, SIGKILL);
	ck_assert_int_eq(waitpid(pid, &status, 0), pid);
	(void) close(pipes[0]);
	(void) close(pipes[1]);
	return fd;
}

/* As on a server that squashes users: everything works but for files of other users. */
static void mount_for_one_user(const char *path)
{
	struct mount_attr attributes = { .attr_set = MOUNT_ATTR_IDMAP };
	int tree = (int) syscall(SYS_open_tree, AT_FDCWD, path, OPEN_TREE_CLONE);

	ck_assert_int_ge(tree, 0);
	attributes.userns_fd = (uint64_t) open_narrow_namespace();
	ck_assert_msg(syscall(SYS_mount_setattr, tree, "", AT_EMPTY_PATH, &attributes,
			      sizeof(attributes)) == 0,
		      "mount_setattr: %s", strerror(errno));
	ck_assert_int_eq(syscall(SYS_move_mount, tree, "", AT_FDCWD, path, MOVE_MOUNT_F_EMPTY_PATH),
			 0);
	(void) close(tree);
	(void) close((int) attributes.userns_fd);
	mounts_before++;
}

static const enum trial_kind overlays[] = { TRIAL_OVERLAY, TRIAL_FUSE };

START_TEST(overlay_needs_owners)
{
	const struct facts_trial *trial;

	facts.storage.fuse_overlayfs = "/usr/bin/fuse-overlayfs";
	mount_for_one_user(in_base("dir"));
	trial = try(overlays[_i], in_base("dir"), 10 * SECONDS);
	expect(trial, TRI_NO, EOVERFLOW);
	ck_assert_str_eq(trial->result.evidence, "give a file to another user");
	ck_assert_int_eq(count_entries(in_base("dir")), 0);
}
END_TEST

/* The containerd image store's directory is below the data root, but it may be a mount of its own.
 */
START_TEST(overlay_is_tried_where_it_is_asked_for)
{
	ck_assert_int_eq(mkdir(in_base("dir/containerd"), 0755), 0);
	mount_tmpfs(in_base("dir/containerd"));
	ck_assert_int_eq(mount(NULL, in_base("dir/containerd"), NULL, MS_REMOUNT | MS_RDONLY, NULL),
			 0);
	expect(try(TRIAL_OVERLAY, in_base("dir"), 10 * SECONDS), TRI_YES, 0);
	expect(try(TRIAL_OVERLAY, in_base("dir/containerd"), 10 * SECONDS), TRI_NO, EROFS);
	ck_assert_int_eq(umount2(in_base("dir/containerd"), MNT_DETACH), 0);
	mounts_before--;
}
END_TEST

START_TEST(no_child_no_trial)
{
	const struct trial_request request = { TRIAL_OVERLAY, in_base("dir") };

	scmp_filter_ctx filter = seccomp_init(SCMP_ACT_ALLOW);

	ck_assert_ptr_nonnull(filter);
	/* Not the threads that the sanitizers start. */
	ck_assert_int_eq(seccomp_rule_add(filter, SCMP_ACT_ERRNO(EAGAIN), SCMP_SYS(clone), 1,
					  SCMP_A0(SCMP_CMP_MASKED_EQ, CLONE_VM, 0)),
			 0);
	ck_assert_int_eq(seccomp_load(filter), 0);
	seccomp_release(filter);
	ck_assert_int_eq(trial_run(&request, 10 * SECONDS, &arena, &facts, &err), -EAGAIN);
	ck_assert_uint_eq(facts.n_trials, 0);
	/* teardown's rm cannot be started: */
	ck_assert_int_eq(rmdir(in_base("dir")), 0);
	ck_assert_int_eq(rmdir(base), 0);
}
END_TEST

START_TEST(killed_trial_is_unknown)
{
	deny(SCMP_SYS(fchdir), -1);
	expect(try(TRIAL_OVERLAY, in_base("dir"), 10 * SECONDS), TRI_UNKNOWN, ECHILD);
	ck_assert_int_eq(count_entries(in_base("dir")), 0);
}
END_TEST

/* What a trial left whose parent died with it is removed by the next one, a living one's is not. */
START_TEST(stale_scratch_directories_go)
{
	auto_close int lock = -EBADF;

	ck_assert_int_eq(mkdir(in_base("dir/.dind-trial-stale1"), 0700), 0);
	ck_assert_int_eq(mkdir(in_base("dir/.dind-trial-stale1/w"), 0700), 0);
	ck_assert_int_eq(mkdir(in_base("dir/.dind-trial-stale1/w/work"), 0), 0);
	ck_assert_int_eq(file_replace(in_base("dir/.dind-trial-stale1/file"), "x", 0), 0);
	ck_assert_int_eq(mkdir(in_base("dir/.dind-trial-alive1"), 0700), 0);
	lock = open(in_base("dir/.dind-trial-alive1"), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	ck_assert_int_eq(flock(lock, LOCK_EX), 0);
	expect(try(TRIAL_OVERLAY, in_base("dir"), 10 * SECONDS), TRI_YES, 0);
	ck_assert_int_eq(count_entries(in_base("dir")), 1);
	ck_assert_int_eq(access(in_base("dir/.dind-trial-alive1"), F_OK), 0);
}
END_TEST

static TCase *overlay_cases(void)
{
	TCase *tcase = tcase_create("overlay");

	tcase_add_test(tcase, overlay_works_on_a_disk);
	tcase_add_test(tcase, overlay_works_on_tmpfs_and_odd_names);
	tcase_add_test(tcase, overlay_does_not_work_on_overlay);
	tcase_add_test(tcase, overlay_does_not_work_read_only);
	tcase_add_test(tcase, overlay_does_not_work_without_space);
	tcase_add_test(tcase, overlay_needs_a_directory);
	tcase_add_test(tcase, overlay_works_in_a_user_namespace);
	tcase_add_loop_test(tcase, overlay_trial_reports_each_failure, 0, ARRAY_SIZE(failures));
	tcase_add_loop_test(tcase, overlay_trial_survives, 0, ARRAY_SIZE(survived));
	tcase_add_test(tcase, overlay_trial_needs_listings);
	tcase_add_loop_test(tcase, overlay_needs_owners, 0, ARRAY_SIZE(overlays));
	tcase_add_test(tcase, overlay_is_tried_where_it_is_asked_for);
	tcase_add_test(tcase, no_child_no_trial);
	tcase_add_test(tcase, killed_trial_is_unknown);
	tcase_add_test(tcase, stale_scratch_directories_go);
	return tcase;
}

int main(void)
{
	TCase *cases[] = { overlay_cases() };

	return run_cases(cases, ARRAY_SIZE(cases));
}
