/* SPDX-License-Identifier: Apache-2.0 */
/*
 * dockerd-entrypoint.sh as another user than root: what the kernel says of user namespaces, by
 * files in the place of its own.
 */
#include <grp.h>

#include "fixture.h"

#define USER 54321

static const struct {
	const char *clone, *maximum; /* NULL: no such file */
	const char *said, *not_said;
} kernels[] = {
	{ "0\n", "28633\n", "DIND-ROOTLESS-04", "DIND-ROOTLESS-05" },
	{ "0\n", "0\n", "DIND-ROOTLESS-04", "DIND-ROOTLESS-05" },
	{ "1\n", "0\n", "DIND-ROOTLESS-05", "DIND-ROOTLESS-04" },
	{ NULL, "0\n", "DIND-ROOTLESS-05", "DIND-ROOTLESS-04" },
	{ "1\n", "28633\n", "DIND-ROOTLESS-06", "DIND-ROOTLESS-05" },
	{ NULL, NULL, "DIND-ROOTLESS-06", "DIND-ROOTLESS-05" },
};

static void replace_switches(const char *directory, const char *file, const char *text)
{
	char path[128];

	ck_assert_int_eq(mount("x", directory, "tmpfs", 0, "mode=0755"), 0);
	(void) snprintf(path, sizeof(path), "%s/%s", directory, file);
	if (text)
		ck_assert(write_text(path, text));
}

static void replace_file(const char *path, const char *name, const char *text)
{
	ck_assert(write_text(in_scratch(name), text));
	ck_assert_int_eq(access(path, F_OK), 0); /* every Debian has them */
	ck_assert_int_eq(mount(in_scratch(name), path, NULL, MS_BIND, NULL), 0);
}

static void make_home(void)
{
	ck_assert_int_eq(mkdir(in_scratch("home"), 0755), 0);
	ck_assert_int_eq(chown(in_scratch("home"), USER, USER), 0);
	ck_assert_int_eq(mkdir(in_scratch("bin"), 0755), 0);
	ck_assert(write_text(in_scratch("bin/rootlesskit"), "#!/bin/sh\n"));
	ck_assert_int_eq(chmod(in_scratch("bin/rootlesskit"), 0755), 0);
}

static _Noreturn void become(void)
{
	static char path[600], home[600], runtime[600];
	char *const argv[] = { (char *) (uintptr_t) "dockerd-entrypoint.sh", NULL };
	char *const environment[] = { path, home, runtime, NULL };
	int fd = open(in_scratch("said"), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
	/* the build's directory may be one that only root may enter */
	int program = open(PROGRAM, O_PATH | O_CLOEXEC);

	(void) snprintf(path, sizeof(path), "PATH=%s/bin:/usr/bin:/bin", scratch);
	(void) snprintf(home, sizeof(home), "HOME=%s/home", scratch);
	(void) snprintf(runtime, sizeof(runtime), "XDG_RUNTIME_DIR=%s/home/run", scratch);
	(void) dup2(fd, STDOUT_FILENO);
	(void) dup2(fd, STDERR_FILENO);
	if (setgroups(0, NULL) < 0 || setgid(USER) < 0 || setuid(USER) < 0)
		_exit(98);
	(void) fexecve(program, argv, environment);
	_exit(99);
}

START_TEST(test_the_kernel)
{
	const char *said;
	int status;
	pid_t pid;

	ck_assert(enter_test());
	ck_assert_int_eq(chmod(scratch_top, 0755), 0);
	make_home();
	replace_file("/etc/subuid", "subuid", "54321:100000:65536\n");
	replace_file("/etc/subgid", "subgid", "54321:100000:65536\n");
	replace_switches("/proc/sys/kernel", "unprivileged_userns_clone", kernels[_i].clone);
	replace_switches("/proc/sys/user", "max_user_namespaces", kernels[_i].maximum);
	pid = fork();
	ck_assert_int_ge(pid, 0);
	if (pid == 0)
		become();
	ck_assert_int_eq(waitpid(pid, &status, 0), pid);
	said = read_text(in_scratch("said"));
	ck_assert_msg(WIFEXITED(status) && WEXITSTATUS(status) == 1, "%x: %s", status, said);
	ck_assert_msg(strstr(said, kernels[_i].said) != NULL, "%s", said);
	ck_assert_msg(strstr(said, kernels[_i].not_said) == NULL, "%s", said);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("rootless");
	TCase *tests = tcase_create("rootless");

	require_root();
	tcase_add_loop_test(tests, test_the_kernel, 0, ARRAY_SIZE(kernels));
	suite_add_tcase(suite, tests);
	return run_suite(suite);
}
