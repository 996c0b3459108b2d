/* SPDX-License-Identifier: Apache-2.0 */
/*
 * fixture.h - for the tests of apply: namespaces of their own, a scratch directory, and snapshots
 * of what a step could leave behind.
 */
#ifndef TEST_NS_FIXTURE_H
#define TEST_NS_FIXTURE_H

#include <check.h>
#include <dirent.h>
#include <fcntl.h>
#include <ftw.h>
#include <limits.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "dind/apply.h"
#include "dind/file.h"

#define UNUSED __attribute__((unused))

/* The program's directory, made and removed by it; each test, a process of its own, has one below,
 * whose mounts are in a namespace that dies with the test. */
static char scratch_top[64];
static char scratch[96];

static UNUSED int remove_entry(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
	(void) st;
	(void) type;
	(void) ftw;
	return remove(path);
}

static UNUSED void scratch_remove(void)
{
	if (*scratch_top)
		(void) nftw(scratch_top, remove_entry, 32, FTW_DEPTH | FTW_PHYS | FTW_MOUNT);
	scratch_top[0] = '\0';
}

static UNUSED void scratch_make(void)
{
	(void) snprintf(scratch_top, sizeof(scratch_top), "/tmp/dind-apply-XXXXXX");
	if (!mkdtemp(scratch_top)) {
		perror("mkdtemp");
		exit(99);
	}
}

/* A path below the scratch directory, in one of eight buffers. */
static UNUSED const char *in_scratch(const char *name)
{
	static char buffers[8][512];
	static unsigned int next;
	char *buf = buffers[next++ % 8];

	(void) snprintf(buf, sizeof(buffers[0]), "%s/%s", scratch, name);
	return buf;
}

static UNUSED bool write_text(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
	bool ok = fd >= 0 && file_write_all(fd, text, strlen(text)) == 0;

	if (fd >= 0)
		(void) close(fd);
	return ok;
}

static UNUSED const char *read_text(const char *path)
{
	static char text[16384];

	if (file_read_at(AT_FDCWD, path, text, sizeof(text)) < 0)
		text[0] = '\0';
	return text;
}

/* Own mount and network namespaces, in which nothing propagates outside. */
static UNUSED bool enter_namespaces(void)
{
	return unshare(CLONE_NEWNS | CLONE_NEWNET) == 0 &&
	       mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) == 0;
}

/* fork(2) into a new pid namespace; unshare(2) would take all later children there as well. */
static UNUSED pid_t fork_inner(void)
{
	return (pid_t) syscall(SYS_clone, CLONE_NEWPID | SIGCHLD, 0, NULL, NULL, 0);
}

/* Begin a test: namespaces and a scratch directory of its own. */
static UNUSED bool enter_test(void)
{
	(void) snprintf(scratch, sizeof(scratch), "%s/%d", scratch_top, (int) getpid());
	return mkdir(scratch, 0755) == 0 && enter_namespaces();
}

/* What the root of a container is: an overlay, on the disk of the machine. */
static UNUSED bool mount_overlay(const char *name)
{
	static const char *const parts[] = { "lower", "upper", "work" };
	char path[256], data[1024];

	for (size_t i = 0; i < ARRAY_SIZE(parts); i++) {
		(void) snprintf(path, sizeof(path), "%s/%s.%s", scratch, name, parts[i]);
		if (mkdir(path, 0755) < 0 && errno != EEXIST)
			return false;
	}
	(void) snprintf(path, sizeof(path), "%s/%s", scratch, name);
	if (mkdir(path, 0755) < 0 && errno != EEXIST)
		return false;
	(void) snprintf(data, sizeof(data),
			"lowerdir=%s/%s.lower,upperdir=%s/%s.upper,workdir=%s/%s.work", scratch,
			name, scratch, name, scratch, name);
	return mount("overlay", path, "overlay", 0, data) == 0;
}

/* ---- what could be left behind ---- */

struct snapshot {
	char mounts[65536];
	char fds[4096];
};

static int compare_names(const void *a, const void *b)
{
	return strcmp(a, b);
}

static UNUSED void snapshot_fds(char *buf, size_t size)
{
	char names[256][312];
	size_t count = 0, used = 0;
	DIR *dir = opendir("/proc/self/fd");
	struct dirent *entry;

	buf[0] = '\0';
	while (dir && count < ARRAY_SIZE(names) && (entry = readdir(dir))) {
		char link[40] = "";

		if (entry->d_name[0] == '.' || atol(entry->d_name) == dirfd(dir))
			continue;
		if (readlinkat(dirfd(dir), entry->d_name, link, sizeof(link) - 1) < 0)
			continue;
		(void) snprintf(names[count++], sizeof(names[0]), "%s=%s", entry->d_name, link);
	}
	if (dir)
		(void) closedir(dir);
	qsort(names, count, sizeof(names[0]), compare_names);
	for (size_t i = 0; i < count && used < size; i++)
		used += (size_t) snprintf(buf + used, size - used, "%s\n", names[i]);
}

static UNUSED void snapshot_take(struct snapshot *snapshot)
{
	if (file_read_at(AT_FDCWD, "/proc/self/mountinfo", snapshot->mounts,
			 sizeof(snapshot->mounts)) < 0)
		snapshot->mounts[0] = '\0';
	snapshot_fds(snapshot->fds, sizeof(snapshot->fds));
}

/* Lines of /proc/self/mountinfo for exactly that mount point. */
static UNUSED int count_mounts(const char *target)
{
	static char text[65536];
	char wanted[256];
	int count = 0;

	(void) snprintf(wanted, sizeof(wanted), " %s ", target);
	if (file_read_at(AT_FDCWD, "/proc/self/mountinfo", text, sizeof(text)) < 0)
		return -1;
	for (const char *line = text; line && *line; line = strchr(line, '\n')) {
		const char *end, *hit;

		line += *line == '\n';
		end = strchr(line, '\n');
		hit = strstr(line, wanted);
		count += hit && (!end || hit < end);
	}
	return count;
}

/* Loop devices whose backing file has @needle in its name. */
static UNUSED int count_loops(const char *needle)
{
	DIR *dir = opendir("/sys/block");
	struct dirent *entry;
	int count = 0;

	while (dir && (entry = readdir(dir))) {
		char path[PATH_MAX];

		if (strncmp(entry->d_name, "loop", 4) != 0)
			continue;
		(void) snprintf(path, sizeof(path), "/sys/block/%.32s/loop/backing_file",
				entry->d_name);
		count += strstr(read_text(path), needle) != NULL;
	}
	if (dir)
		(void) closedir(dir);
	return count;
}

/* ---- steps ---- */

static UNUSED int step_run(struct apply_context *context, const struct plan_step *step)
{
	struct error err = ERROR_INIT;
	int r = apply_step(context, step, &err);

	if (r < 0)
		(void) fprintf(stderr, "  step failed as %d: %s\n", r, err.message);
	return r;
}

#define assert_step(context, step) ck_assert_int_eq(step_run(context, step), 0)

/* Fails with @wanted, and the message has @words in it. */
#define assert_step_fails(context, step, wanted, words)                                          \
	do {                                                                                     \
		struct error err_ = ERROR_INIT;                                                  \
		int r_ = apply_step(context, step, &err_);                                       \
		ck_assert_msg(r_ == (wanted) && err_.code == r_, "got %d (%s), not %d", r_,      \
			      err_.message, (wanted));                                           \
		ck_assert_msg(strstr(err_.message, words) != NULL, "'%s' is not in '%s'", words, \
			      err_.message);                                                     \
	} while (0)

#define assert_notice(context, words)                                                         \
	ck_assert_msg(strstr((context)->notice, words) != NULL, "'%s' is not in '%s'", words, \
		      (context)->notice)

/* Run @argv with its output in @path. Its exit status, or -1. */
static UNUSED int run_to_file(const char *const *argv, const char *path)
{
	pid_t pid = fork();
	int status;

	if (pid == 0) {
		int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0644);

		if (fd >= 0 && dup2(fd, 1) >= 0 && dup2(fd, 2) >= 0)
			(void) execv(argv[0], (char *const *) (uintptr_t) argv);
		_exit(127);
	}
	return pid > 0 && waitpid(pid, &status, 0) == pid && WIFEXITED(status) ? WEXITSTATUS(status)
									       : -1;
}

static UNUSED const char *find_mkfs(void)
{
	static const char *const paths[] = { "/usr/sbin/mkfs.ext4", "/sbin/mkfs.ext4" };

	for (size_t i = 0; i < ARRAY_SIZE(paths); i++)
		if (access(paths[i], X_OK) == 0)
			return paths[i];
	return NULL;
}

/* The tests need root in the initial user namespace: 77 is a skip, which scripts/test counts. */
static UNUSED int run_suite(Suite *suite)
{
	SRunner *runner = srunner_create(suite);
	int failed;

	scratch_make();
	srunner_run_all(runner, CK_ENV);
	scratch_remove();
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed == 0 ? 0 : 1;
}

static UNUSED void require_root(void)
{
	pid_t pid = fork();
	int status;

	if (pid == 0)
		_exit(geteuid() == 0 && enter_namespaces() ? 0 : 1);
	if (pid < 0 || waitpid(pid, &status, 0) != pid || status != 0) {
		(void) fprintf(stderr, "skipped: needs root that may make namespaces\n");
		exit(77);
	}
}

#endif
