/* SPDX-License-Identifier: Apache-2.0 */
/*
 * trial_fixture.h - for the tests of trials. Each test has a mount namespace of its own (Check
 * forks), is a subreaper as PID 1 is, and must leave nothing: no process, no mount, no scratch
 * directory.
 */
#ifndef TEST_NS_TRIAL_FIXTURE_H
#define TEST_NS_TRIAL_FIXTURE_H

#include <check.h>
#include <dirent.h>
#include <fcntl.h>
#include <limits.h>
#include <sched.h>
#include <seccomp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>

#include "dind/file.h"
#include "dind/inspect.h"

#define SECONDS 1000
#define UNUSED	__attribute__((unused))

static UNUSED struct arena arena;
static UNUSED struct facts facts;
static UNUSED struct options options;
static UNUSED struct inspect_world world;
static UNUSED struct error err;
static char base[] = "/tmp/dind-test-trial-XXXXXX";
static UNUSED char text_buffer[1024];
static long mounts_before;

static UNUSED const char *in_base(const char *name)
{
	static char path[4][256];
	static int next;

	next = (next + 1) % 4;
	(void) snprintf(path[next], sizeof(path[next]), "%s/%s", base, name);
	return path[next];
}

static UNUSED long count_mounts(void)
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

static UNUSED int count_entries(const char *path)
{
	DIR *dir = opendir(path);
	int n = -2; /* "." and ".." */

	ck_assert_ptr_nonnull(dir);
	while (readdir(dir))
		n++;
	(void) closedir(dir);
	return n;
}

static UNUSED void setup(void)
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

static UNUSED void remove_base(void)
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

static UNUSED void teardown(void)
{
	int status;

	arena_free(&arena);
	/* Before anything else is started: every child was waited for. */
	ck_assert_int_eq(waitpid(-1, &status, WNOHANG), -1);
	ck_assert_int_eq(errno, ECHILD);
	ck_assert_int_eq(count_mounts(), mounts_before);
	remove_base();
}

static UNUSED int64_t elapsed_ms(int64_t since)
{
	return clock_now_ms() - since;
}

static UNUSED const struct facts_trial *try(enum trial_kind kind, const char *path, int timeout_ms)
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

static UNUSED void expect(const struct facts_trial *trial, enum tri value, int error)
{
	ck_assert_msg(trial->result.value == value && trial->result.error == error,
		      "value %d error %d (%s): %s; %s", (int) trial->result.value,
		      trial->result.error, strerror(trial->result.error), trial->result.evidence,
		      trial->detail ? trial->detail : "-");
}

static UNUSED void mount_tmpfs(const char *path)
{
	ck_assert_int_eq(mount("tmpfs", path, "tmpfs", 0, "size=8m"), 0);
	mounts_before++;
}

/* Fail @call with @error (negative: kill the process) from now on, here and in children. */
static UNUSED void deny(int call, int error)
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

static UNUSED const char *write_script(const char *name, const char *body)
{
	const char *path = in_base(name);

	(void) snprintf(text_buffer, sizeof(text_buffer), "#!/bin/sh\n%s\n", body);
	ck_assert_int_eq(file_replace(path, text_buffer, 0755), 0);
	return path;
}

static UNUSED int run_cases(TCase *const *cases, size_t n)
{
	Suite *suite = suite_create("trial");
	SRunner *runner;
	int failed;

	for (size_t i = 0; i < n; i++) {
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

#endif
