/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Trials on a real kernel, and inspection of paths that hang. Each test has a mount namespace of
 * its own (Check forks), is a subreaper as PID 1 is, and must leave nothing: no process, no mount,
 * no scratch directory.
 */
#include <check.h>
#include <dirent.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/fuse.h>
#include <sched.h>
#include <seccomp.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>

#include "dind/file.h"
#include "dind/inspect.h"

#define SECONDS 1000

static struct arena arena;
static struct facts facts;
static struct options options;
static struct inspect_world world;
static struct error err;
static char base[] = "/tmp/dind-test-trial-XXXXXX";
static char text_buffer[1024];
static long mounts_before;

/* ---- surroundings ----
 */

static const char *in_base(const char *name)
{
	static char path[4][256];
	static int next;

	next = (next + 1) % 4;
	(void) snprintf(path[next], sizeof(path[next]), "%s/%s", base, name);
	return path[next];
}

static long count_mounts(void)
{
	FILE *file = fopen("/proc/self/mountinfo", "re");
	long lines = 0;
	int c;

	ck_assert_ptr_nonnull(file);
	while ((c = fgetc(file)) != EOF)
		lines += c == '\n';
	(void) fclose(file);
	return lines;
}

static int count_entries(const char *path)
{
	DIR *dir = opendir(path);
	int n = -2; /* "." and ".." */

	ck_assert_ptr_nonnull(dir);
	while (readdir(dir))
		n++;
	(void) closedir(dir);
	return n;
}

static void setup(void)
{
	ck_assert_int_eq(unshare(CLONE_NEWNS), 0);
	ck_assert_int_eq(mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL), 0);
	ck_assert_int_eq(prctl(PR_SET_CHILD_SUBREAPER, 1), 0);
	ck_assert_ptr_nonnull(mkdtemp(base));
	ck_assert_int_eq(mkdir(in_base("dir"), 0755), 0);
	facts.privileges.user_namespace = TRI_NO;
	inspect_world_live(&world);
	mounts_before = count_mounts();
}

static void remove_base(void)
{
	const char *const argv[] = { "/bin/rm", "-rf", "--one-file-system", base, NULL };
	int status;
	pid_t pid;

	(void) umount2(in_base("m"), MNT_DETACH);
	(void) umount2(in_base("dir"), MNT_DETACH);
	pid = fork();

	if (pid == 0) {
		(void) execv(argv[0], (char *const *) (uintptr_t) argv);
		_exit(127);
	}
	(void) waitpid(pid, &status, 0);
}

static void teardown(void)
{
	int status;

	arena_free(&arena);
	/* Before anything else is started: every child was waited for. */
	ck_assert_int_eq(waitpid(-1, &status, WNOHANG), -1);
	ck_assert_int_eq(errno, ECHILD);
	ck_assert_int_eq(count_mounts(), mounts_before);
	remove_base();
}

static int64_t elapsed_ms(int64_t since)
{
	return clock_now_ms() - since;
}

static const struct facts_trial *try(enum trial_kind kind, const char *path, int timeout_ms)
{
	const struct trial_request request = { kind, path };
	size_t before = facts.n_trials;
	const struct facts_trial *trial;

	ck_assert_msg(trial_run(&request, timeout_ms, &arena, &facts, &err) == 0, "%s",
		      err.message);
	ck_assert_uint_eq(facts.n_trials, before + 1);
	trial = &facts.trials[before];
	ck_assert_int_eq(trial->kind, kind);
	ck_assert_str_eq(trial->path, path);
	ck_assert_int_ge(trial->elapsed_us, 0);
	return trial;
}

static void expect(const struct facts_trial *trial, enum tri value, int error)
{
	ck_assert_msg(trial->result.value == value && trial->result.error == error,
		      "value %d error %d (%s): %s; %s", (int) trial->result.value,
		      trial->result.error, strerror(trial->result.error), trial->result.evidence,
		      trial->detail ? trial->detail : "-");
}

static void mount_tmpfs(const char *path)
{
	ck_assert_int_eq(mount("tmpfs", path, "tmpfs", 0, "size=8m"), 0);
	mounts_before++;
}

/* Fail @call with @error (negative: kill the process) from now on, here and in children. */
static void deny(int call, int error)
{
	scmp_filter_ctx filter = seccomp_init(SCMP_ACT_ALLOW);

	ck_assert_ptr_nonnull(filter);
	ck_assert_int_eq(seccomp_attr_set(filter, SCMP_FLTATR_CTL_NNP, 0), 0);
	ck_assert_int_eq(seccomp_rule_add(filter,
					  error < 0 ? SCMP_ACT_KILL_PROCESS : SCMP_ACT_ERRNO(error),
					  call, 0),
			 0);
	ck_assert_int_eq(seccomp_load(filter), 0);
	seccomp_release(filter);
}

static const char *write_script(const char *name, const char *body)
{
	const char *path = in_base(name);

	(void) snprintf(text_buffer, sizeof(text_buffer), "#!/bin/sh\n%s\n", body);
	ck_assert_int_eq(file_replace(path, text_buffer, 0755), 0);
	return path;
}

/* ---- overlay ----
 */

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
} failures[] = {
	{ SCMP_SYS(unshare), EPERM, TRI_UNKNOWN }, { SCMP_SYS(mkdirat), EDQUOT, TRI_NO },
	{ SCMP_SYS(fchdir), EACCES, TRI_NO },	   { SCMP_SYS(mkdir), EDQUOT, TRI_NO },
	{ SCMP_SYS(unlink), EIO, TRI_NO },	   { SCMP_SYS(rename), EXDEV, TRI_NO },
	{ SCMP_SYS(rmdir), EIO, TRI_NO },	   { SCMP_SYS(lgetxattr), EOPNOTSUPP, TRI_NO },
};

START_TEST(overlay_trial_reports_each_failure)
{
	deny(failures[_i].call, failures[_i].error);
	expect(try(TRIAL_OVERLAY, in_base("dir"), 10 * SECONDS), failures[_i].value,
	       failures[_i].error);
	ck_assert_int_eq(count_entries(in_base("dir")), 0);
}
END_TEST

/* Old kernels and odd file systems: the trial works all the same. */
static const struct {
	int call;
	int error;
} survived[] = {
	{ SCMP_SYS(pidfd_open), ENOSYS },
	{ SCMP_SYS(flock), ENOLCK },
	{ SCMP_SYS(setpgid), EPERM },
	{ SCMP_SYS(lseek), EINVAL },
};

START_TEST(overlay_trial_survives)
{
	deny(survived[_i].call, survived[_i].error);
	expect(try(TRIAL_OVERLAY, in_base("dir"), 10 * SECONDS), TRI_YES, 0);
	ck_assert_int_eq(count_entries(in_base("dir")), 0);
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

/* ---- file systems that hang ----
 */

/* Nobody answers; not even the first request. */
static int mount_dead_server(const char *path)
{
	char data[128];
	int fd = open("/dev/fuse", O_RDWR | O_CLOEXEC);

	ck_assert_int_ge(fd, 0);
	(void) snprintf(data, sizeof(data), "fd=%d,rootmode=40000,user_id=0,group_id=0", fd);
	ck_assert_int_eq(mount("dead", path, "fuse", 0, data), 0);
	mounts_before++;
	return fd;
}

static void answer(int fd, const struct fuse_in_header *request, int error, const void *data,
		   size_t size)
{
	struct fuse_out_header header = { .len = sizeof(header),
					  .error = -error,
					  .unique = request->unique };
	char reply[sizeof(header) + 256];

	if (error == 0) {
		memcpy(reply + sizeof(header), data, size);
		header.len += (uint32_t) size;
	}
	memcpy(reply, &header, sizeof(header));
	if (write(fd, reply, header.len) < 0)
		_exit(1);
}

/* An empty directory with room for 5000 of 10000 blocks of 4096 bytes. */
static void answer_request(int fd, const struct fuse_in_header *request)
{
	static const struct fuse_attr_out attributes = {
		.attr = { .ino = 1, .mode = S_IFDIR | 0755, .nlink = 2 }
	};
	static const struct fuse_statfs_out fs = { .st = { .blocks = 10000,
							   .bfree = 6000,
							   .bavail = 5000,
							   .bsize = 4096,
							   .frsize = 4096 } };
	static const struct fuse_open_out opened = { .fh = 1 };

	switch (request->opcode) {
	case FUSE_GETATTR:
		answer(fd, request, 0, &attributes, sizeof(attributes));
		break;
	case FUSE_STATFS:
		answer(fd, request, 0, &fs, sizeof(fs));
		break;
	case FUSE_OPENDIR:
		answer(fd, request, 0, &opened, sizeof(opened));
		break;
	case FUSE_READDIR:
		answer(fd, request, 0, &opened, 0);
		break;
	case FUSE_LOOKUP:
		answer(fd, request, ENOENT, NULL, 0);
		break;
	case FUSE_FORGET:
		break;
	default:
		answer(fd, request, ENOSYS, NULL, 0);
	}
}

/* With @silent it takes requests and never answers: who waits for it then cannot even be killed. */
static pid_t start_server(int fd, bool silent)
{
	static char buffer[FUSE_MIN_READ_BUFFER * 4];
	const struct fuse_init_out init = { .major = FUSE_KERNEL_VERSION,
					    .minor = FUSE_KERNEL_MINOR_VERSION,
					    .max_write = 4096 };
	pid_t pid = fork();

	ck_assert_int_ge(pid, 0);
	if (pid > 0)
		return pid;
	(void) prctl(PR_SET_PDEATHSIG, SIGKILL);
	while (read(fd, buffer, sizeof(buffer)) > 0) {
		struct fuse_in_header request;

		memcpy(&request, buffer, sizeof(request));
		if (request.opcode == FUSE_INIT)
			answer(fd, &request, 0, &init, sizeof(init));
		else if (!silent)
			answer_request(fd, &request);
	}
	_exit(0);
}

static void end_server(pid_t server)
{
	int status;

	ck_assert_int_eq(umount2(in_base("dir"), MNT_DETACH), 0);
	mounts_before--;
	(void) kill(server, SIGKILL);
	ck_assert_int_eq(waitpid(server, &status, 0), server);
}

START_TEST(dead_server_ends_in_a_time_out)
{
	int fd = mount_dead_server(in_base("dir"));
	int64_t start = clock_now_ms();

	expect(try(TRIAL_OVERLAY, in_base("dir"), 200), TRI_UNKNOWN, ETIMEDOUT);
	ck_assert_int_lt(elapsed_ms(start), 3 * SECONDS);
	ck_assert_int_ge(facts.trials[0].elapsed_us, 200 * 1000);
	(void) close(fd);
	ck_assert_int_eq(umount2(in_base("dir"), MNT_DETACH), 0);
	mounts_before--;
}
END_TEST

START_TEST(unkillable_trial_is_abandoned)
{
	int fd = mount_dead_server(in_base("dir"));
	pid_t server = start_server(fd, true);
	int64_t start = clock_now_ms();
	int status, reaped = 0;
	pid_t pid;

	(void) close(fd);
	expect(try(TRIAL_OVERLAY, in_base("dir"), 200), TRI_UNKNOWN, ETIMEDOUT);
	ck_assert_int_lt(elapsed_ms(start), 5 * SECONDS);
	ck_assert_int_eq(waitpid(-1, &status, WNOHANG), 0); /* it is still there */
	ck_assert_int_eq(kill(server, SIGKILL), 0);
	/* PID 1 reaps it when it comes. */
	while ((pid = waitpid(-1, &status, 0)) > 0)
		if (pid != server) {
			ck_assert(WIFSIGNALED(status));
			ck_assert_int_eq(WTERMSIG(status), SIGKILL);
			reaped++;
		}
	ck_assert_int_eq(reaped, 1);
	ck_assert_int_eq(umount2(in_base("dir"), MNT_DETACH), 0);
	mounts_before--;
}
END_TEST

static void inspect(void)
{
	ck_assert_msg(inspect_machine(&world, &options, &arena, &facts, &err) == 0, "%s",
		      err.message);
}

START_TEST(inspection_does_not_hang_on_a_dead_data_root)
{
	const struct facts_directory *directory = &facts.storage.data_root;
	int fd = mount_dead_server(in_base("dir"));
	int64_t start = clock_now_ms();
	char real[PATH_MAX];

	/* by a link and a directory that only the server knows */
	ck_assert_int_eq(symlink(in_base("dir"), in_base("link")), 0);
	options.data_root = in_base("link/docker");
	inspect();
	ck_assert_int_lt(elapsed_ms(start), 5 * SECONDS);
	(void) snprintf(real, sizeof(real), "%s/dir/docker", base);
	ck_assert_str_eq(directory->path, real);
	ck_assert_str_eq(directory->nearest, base);
	ck_assert_int_eq(directory->exists, TRI_UNKNOWN);
	ck_assert_int_eq(directory->remote, TRI_YES);
	ck_assert_str_eq(directory->fs_name, "fuse");
	ck_assert_int_eq(directory->writable.value, TRI_UNKNOWN);
	ck_assert_int_eq(directory->writable.error, ETIMEDOUT);
	ck_assert_int_eq(directory->image, TRI_UNKNOWN);
	/* what was asked after it was answered */
	ck_assert_ptr_nonnull(facts.identity.kernel);
	(void) close(fd);
	ck_assert_int_eq(umount2(in_base("dir"), MNT_DETACH), 0);
	mounts_before--;
}
END_TEST

START_TEST(inspection_does_not_hang_on_a_dead_config)
{
	int fd = mount_dead_server(in_base("dir"));
	int64_t start = clock_now_ms();

	options.data_root = base;
	options.config_file = in_base("dir/daemon.json");
	options.hosts[0] = arena_printf(&arena, "unix://%s", in_base("dir/docker.sock"));
	options.n_hosts = 1;
	inspect();
	ck_assert_int_lt(elapsed_ms(start), 5 * SECONDS);
	ck_assert_int_eq(facts.engine.config_present, TRI_UNKNOWN);
	ck_assert_str_eq(facts.engine.config_error, "no answer from its file system");
	ck_assert_int_eq(facts.engine.socket_answers, TRI_UNKNOWN);
	ck_assert_int_eq(facts.storage.data_root.exists, TRI_YES);
	(void) close(fd);
	ck_assert_int_eq(umount2(in_base("dir"), MNT_DETACH), 0);
	mounts_before--;
}
END_TEST

START_TEST(inspection_asks_a_server_that_answers)
{
	const struct facts_directory *directory = &facts.storage.data_root;
	const struct facts_directory *path = &facts.storage.storage_path;
	int fd = mount_dead_server(in_base("dir"));
	pid_t server = start_server(fd, false);

	(void) close(fd);
	options.data_root = arena_strdup(&arena, in_base("dir"));
	options.storage_path = arena_strdup(&arena, in_base("dir/sub/image"));
	inspect();
	ck_assert_str_eq(directory->path, options.data_root);
	ck_assert_str_eq(directory->nearest, options.data_root);
	ck_assert_int_eq(directory->exists, TRI_YES);
	ck_assert_int_eq(directory->remote, TRI_YES);
	ck_assert_int_eq(directory->is_mount_point, TRI_YES);
	ck_assert_int_eq(directory->writable.value, TRI_YES);
	ck_assert_uint_eq(directory->fs_magic, 0x65735546);
	ck_assert_uint_eq(directory->total_bytes, 10000 * 4096);
	ck_assert_uint_eq(directory->free_bytes, 5000 * 4096);
	ck_assert_int_eq(directory->image, TRI_NO);
	ck_assert_int_eq(directory->containerd_store, TRI_NO);
	ck_assert_uint_eq(directory->drivers.count, 0);
	ck_assert_str_eq(path->path, options.storage_path);
	ck_assert_str_eq(path->nearest, options.data_root);
	ck_assert_int_eq(path->exists, TRI_NO);
	ck_assert_int_eq(path->is_mount_point, TRI_NO);
	end_server(server);
}
END_TEST

/* ---- fuse-overlayfs ----
 */

START_TEST(fuse_works)
{
	facts.storage.fuse_overlayfs = "/usr/bin/fuse-overlayfs";
	ck_assert_msg(access(facts.storage.fuse_overlayfs, X_OK) == 0,
		      "this test needs the package fuse-overlayfs");
	expect(try(TRIAL_FUSE, in_base("dir"), 10 * SECONDS), TRI_YES, 0);
	ck_assert_int_eq(count_entries(in_base("dir")), 0);
}
END_TEST

START_TEST(fuse_without_program_or_device)
{
	expect(try(TRIAL_FUSE, in_base("dir"), 10 * SECONDS), TRI_NO, ENOENT);
	facts.storage.fuse_overlayfs = write_script("fuse-overlayfs", "exit 0");
	ck_assert_int_eq(mount("/dev/null", "/dev/fuse", NULL, MS_BIND, NULL), 0);
	ck_assert_int_eq(umount("/dev/fuse"), 0);
	ck_assert_int_eq(mount("tmpfs", "/dev", "tmpfs", 0, NULL), 0);
	expect(try(TRIAL_FUSE, in_base("dir"), 10 * SECONDS), TRI_NO, ENOENT);
	ck_assert_int_eq(umount("/dev"), 0);
	ck_assert_int_eq(count_entries(in_base("dir")), 0);
}
END_TEST

START_TEST(fuse_program_that_fails)
{
	const struct facts_trial *trial;

	facts.storage.fuse_overlayfs =
		write_script("fuse-overlayfs", "echo 'fuse: it is broken' >&2\nexit 1");
	trial = try(TRIAL_FUSE, in_base("dir"), 10 * SECONDS);
	expect(trial, TRI_NO, ECHILD);
	ck_assert_str_eq(trial->detail, "fuse: it is broken");
	ck_assert_int_eq(count_entries(in_base("dir")), 0);
}
END_TEST

/* By SIGSTOP it cannot even die of a SIGTERM. */
static const char *const hanging[] = { "exec sleep 1000", "kill -STOP $$",
				       "trap '' TERM; sleep 1000" };

START_TEST(fuse_program_that_hangs)
{
	char script[256];
	int64_t start = clock_now_ms();
	char pid[32] = "";

	(void) snprintf(script, sizeof(script), "echo -n $$ >%s\n%s", in_base("pid"), hanging[_i]);
	facts.storage.fuse_overlayfs = write_script("fuse-overlayfs", script);
	expect(try(TRIAL_FUSE, in_base("dir"), 300), TRI_UNKNOWN, ETIMEDOUT);
	ck_assert_int_lt(elapsed_ms(start), 5 * SECONDS);
	ck_assert_int_eq(count_entries(in_base("dir")), 0);
	ck_assert_int_gt(file_read_at(AT_FDCWD, in_base("pid"), pid, sizeof(pid)), 0);
	ck_assert_int_eq(kill(atoi(pid), 0), -1);
	/* and the next one finds a clean place */
	expect(try(TRIAL_OVERLAY, in_base("dir"), 10 * SECONDS), TRI_YES, 0);
}
END_TEST

/* ---- the engine's version ----
 */

static const struct {
	const char *script;
	enum tri value;
	int error;
	const char *detail;
} versions[] = {
	{ "echo 'Docker version 26.1.5+dfsg1, build a72d7cd'", TRI_YES, 0, "26.1.5+dfsg1" },
	{ "echo 'Docker version 1.6.2, build 7c8fca2'", TRI_YES, 0, "1.6.2" },
	{ "echo 'Docker version 20.10.24+dfsg1'", TRI_YES, 0, "20.10.24+dfsg1" },
	{ "[ \"$*\" = --version ] && [ -z \"$HOME\" ] && echo version 7", TRI_YES, 0, "7" },
	{ "echo nothing", TRI_NO, EINVAL, NULL },
	{ "echo version", TRI_NO, EINVAL, NULL },
	{ "true", TRI_NO, EINVAL, NULL },
	{ "echo 'no such flag' >&2; exit 125", TRI_NO, 0, "no such flag" },
	{ "kill -SEGV $$", TRI_NO, 0, NULL },
	{ "exec yes version", TRI_NO, 0, "version" }, /* ends by SIGPIPE */
};

START_TEST(engine_version)
{
	const char *path = write_script("dockerd", versions[_i].script);
	const struct facts_trial *trial = try(TRIAL_ENGINE, path, 10 * SECONDS);

	expect(trial, versions[_i].value, versions[_i].error);
	ck_assert_pstr_eq(trial->detail, versions[_i].detail);
}
END_TEST

START_TEST(engine_that_cannot_be_run)
{
	const char *path = write_script("dockerd", "echo version 1");
	const struct facts_trial *trial;

	expect(try(TRIAL_ENGINE, in_base("missing"), 10 * SECONDS), TRI_NO, ENOENT);
	ck_assert_int_eq(chmod(path, 0644), 0);
	trial = try(TRIAL_ENGINE, path, 10 * SECONDS);
	expect(trial, TRI_NO, 0);
	ck_assert_str_eq(trial->result.evidence, "--version: exit status 126");
}
END_TEST

/* PID 1 has every signal blocked, and a parent may have left some ignored. */
START_TEST(programs_get_signals_as_they_expect_them)
{
	const char *path =
		write_script("dockerd", "echo version $(sed -n 's/^Sig\\(Blk\\|Ign\\):\\t//p' "
					"/proc/self/status | tr '\\n' ' ' | tr ' ' '+')");
	const struct sigaction ignore = { .sa_handler = SIG_IGN };
	const struct facts_trial *trial;
	sigset_t all;

	(void) sigfillset(&all);
	ck_assert_int_eq(sigprocmask(SIG_SETMASK, &all, NULL), 0);
	ck_assert_int_eq(sigaction(SIGUSR1, &ignore, NULL), 0);
	trial = try(TRIAL_ENGINE, path, 10 * SECONDS);
	expect(trial, TRI_YES, 0);
	ck_assert_str_eq(trial->detail, "0000000000000000+0000000000000000+");
}
END_TEST

START_TEST(engine_that_hangs)
{
	const char *path = write_script("dockerd", "sleep 1000");
	int64_t start = clock_now_ms();

	expect(try(TRIAL_ENGINE, path, 300), TRI_UNKNOWN, ETIMEDOUT);
	ck_assert_int_lt(elapsed_ms(start), 5 * SECONDS);
}
END_TEST

START_TEST(unknown_trial_is_refused)
{
	const struct trial_request request = { TRIAL_COUNT, base };
	const struct trial_request no_path = { TRIAL_OVERLAY, NULL };

	ck_assert_int_eq(trial_run(&request, 1000, &arena, &facts, &err), -EINVAL);
	ck_assert_int_eq(trial_run(&no_path, 1000, &arena, &facts, &err), -EINVAL);
	ck_assert_uint_eq(facts.n_trials, 0);
}
END_TEST

/* ---- seccomp ----
 */

START_TEST(calls_without_a_filter)
{
	inspect();
	if (facts.privileges.seccomp_mode != 0)
		return; /* the test itself is confined; the next ones cover that */
	ck_assert_int_eq(facts.privileges.pivot_root.value, TRI_YES);
	ck_assert_int_eq(facts.privileges.keyctl.value, TRI_YES);
}
END_TEST

static const struct {
	int error; /* negative: kill */
	enum tri value;
} filters[] = {
	{ EPERM, TRI_NO },
	{ ENOSYS, TRI_YES }, /* the container runtime copes with that */
	{ -1, TRI_NO },
};

START_TEST(calls_that_a_filter_refuses)
{
	deny(SCMP_SYS(pivot_root), filters[_i].error);
	deny(SCMP_SYS(keyctl), filters[_i].error);
	inspect();
	ck_assert_int_eq(facts.privileges.seccomp_mode, 2);
	ck_assert_int_eq(facts.privileges.pivot_root.value, filters[_i].value);
	ck_assert_int_eq(facts.privileges.keyctl.value, filters[_i].value);
}
END_TEST

START_TEST(calls_that_a_filter_lets_through)
{
	deny(SCMP_SYS(swapon), EPERM);
	inspect();
	ck_assert_int_eq(facts.privileges.seccomp_mode, 2);
	ck_assert_int_eq(facts.privileges.pivot_root.value, TRI_YES);
	ck_assert_int_eq(facts.privileges.keyctl.value, TRI_YES);
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
	tcase_add_test(tcase, no_child_no_trial);
	tcase_add_test(tcase, killed_trial_is_unknown);
	tcase_add_test(tcase, stale_scratch_directories_go);
	return tcase;
}

static TCase *hang_cases(void)
{
	TCase *tcase = tcase_create("hang");

	tcase_add_test(tcase, dead_server_ends_in_a_time_out);
	tcase_add_test(tcase, unkillable_trial_is_abandoned);
	tcase_add_test(tcase, inspection_does_not_hang_on_a_dead_data_root);
	tcase_add_test(tcase, inspection_does_not_hang_on_a_dead_config);
	tcase_add_test(tcase, inspection_asks_a_server_that_answers);
	return tcase;
}

static TCase *program_cases(void)
{
	TCase *tcase = tcase_create("programs");

	tcase_add_test(tcase, fuse_works);
	tcase_add_test(tcase, fuse_without_program_or_device);
	tcase_add_test(tcase, fuse_program_that_fails);
	tcase_add_loop_test(tcase, fuse_program_that_hangs, 0, ARRAY_SIZE(hanging));
	tcase_add_loop_test(tcase, engine_version, 0, ARRAY_SIZE(versions));
	tcase_add_test(tcase, engine_that_cannot_be_run);
	tcase_add_test(tcase, programs_get_signals_as_they_expect_them);
	tcase_add_test(tcase, engine_that_hangs);
	tcase_add_test(tcase, unknown_trial_is_refused);
	return tcase;
}

static TCase *seccomp_cases(void)
{
	TCase *tcase = tcase_create("seccomp");

	tcase_add_test(tcase, calls_without_a_filter);
	tcase_add_loop_test(tcase, calls_that_a_filter_refuses, 0, ARRAY_SIZE(filters));
	tcase_add_test(tcase, calls_that_a_filter_lets_through);
	return tcase;
}

int main(void)
{
	TCase *cases[] = { overlay_cases(), hang_cases(), program_cases(), seccomp_cases() };
	Suite *suite = suite_create("trial");
	SRunner *runner;
	int failed;

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		tcase_add_checked_fixture(cases[i], setup, teardown);
		tcase_set_timeout(cases[i], 60);
		suite_add_tcase(suite, cases[i]);
	}
	runner = srunner_create(suite);
	srunner_run_all(runner, CK_ENV);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
