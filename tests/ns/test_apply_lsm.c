/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The engine's own AppArmor namespace, on a kernel that has it: made, held, removed when nobody is
 * in it, and taken away by the next one when its owner was killed. Hiding SELinux needs none: what
 * is remounted may be any mount.
 */
#include <linux/capability.h>
#include <sys/prctl.h>
#include <sys/statvfs.h>

#include "fixture.h"

#define SECURITYFS "/sys/kernel/security"
#define NAMESPACES SECURITYFS "/apparmor/policy/namespaces"
#define OURS	   "dind-0123456789ab"
#define OTHERS	   "dind-fedcba987654"

static const char *in_policy(const char *name)
{
	static char buffers[4][256];
	static unsigned int next;
	char *buf = buffers[next++ % 4];

	(void) snprintf(buf, sizeof(buffers[0]), NAMESPACES "/%s", name);
	return buf;
}

static bool is_there(const char *name)
{
	return access(in_policy(name), F_OK) == 0;
}

static struct plan_step namespace_step(const char *name)
{
	struct plan_step step = { .kind = STEP_APPARMOR };

	step.u.apparmor.name = name;
	return step;
}

static int remove_namespace(const struct apply_context *context, int timeout_ms, const char *words)
{
	struct error err = ERROR_INIT;
	int r = apply_remove_apparmor(context, timeout_ms, &err);

	if (r < 0 && words)
		ck_assert_msg(strstr(err.message, words) != NULL, "'%s' is not in '%s'", words,
			      err.message);
	return r;
}

/* A process that does @what and then waits to be killed. */
static pid_t start_helper(int (*what)(void))
{
	int ready[2];
	char answer = 1;
	pid_t pid;

	ck_assert_int_eq(pipe2(ready, O_CLOEXEC), 0);
	pid = fork();
	ck_assert_int_ge(pid, 0);
	if (pid == 0) {
		(void) prctl(PR_SET_PDEATHSIG, SIGKILL);
		answer = what() == 0 ? 0 : 1;
		(void) !write(ready[1], &answer, 1);
		for (;;)
			(void) pause();
	}
	(void) close(ready[1]);
	ck_assert_int_eq(read(ready[0], &answer, 1), 1);
	(void) close(ready[0]);
	ck_assert_msg(answer == 0, "the helper could not");
	return pid;
}

static void end_helper(pid_t pid)
{
	ck_assert_int_eq(kill(pid, SIGKILL), 0);
	ck_assert_int_eq(waitpid(pid, NULL, 0), pid);
}

static int hold_others(void)
{
	static struct apply_context context;
	const struct plan_step step = namespace_step(OTHERS);

	apply_context_init(&context);
	return step_run(&context, &step);
}

static int hold_ours(void)
{
	static struct apply_context context;
	const struct plan_step step = namespace_step(OURS);

	apply_context_init(&context);
	return step_run(&context, &step);
}

static int enter_ours(void)
{
	return file_write_at(AT_FDCWD, "/proc/self/attr/apparmor/current",
			     "changeprofile :" OURS ":unconfined");
}

/* What the step showed, seen as somebody sees it who looks for a securityfs. */
static void hide_again(void)
{
	ck_assert_int_eq(count_mounts(SECURITYFS "/apparmor"), 1);
	ck_assert_int_eq(umount2(SECURITYFS "/apparmor", 0), 0);
	ck_assert_int_eq(umount2(SECURITYFS, 0), 0);
}

/* ---- AppArmor ---- */

static void begin(struct apply_context *context)
{
	ck_assert(enter_test());
	while (umount2(SECURITYFS, MNT_DETACH) == 0)
		;
	apply_context_init(context);
}

START_TEST(test_made_and_removed)
{
	const struct plan_step step = namespace_step(OURS);
	struct apply_context context;
	struct snapshot before, after;
	char profiles[8192];

	begin(&context);
	snapshot_take(&before);
	assert_step(&context, &step);
	(void) snprintf(profiles, sizeof(profiles), "%s",
			read_text(SECURITYFS "/apparmor/profiles"));
	ck_assert(is_there(OURS));
	ck_assert_int_eq(count_mounts(SECURITYFS), 1);
	ck_assert_int_eq(access(SECURITYFS "/lockdown", F_OK), -1); /* AppArmor's part alone */
	ck_assert_int_eq(access("/run/dind/securityfs", F_OK), -1);
	assert_step(&context, &step); /* once more changes nothing */
	ck_assert_int_eq(count_mounts(SECURITYFS), 1);
	ck_assert_int_eq(remove_namespace(&context, 1000, NULL), 0);
	ck_assert(!is_there(OURS));
	ck_assert_int_eq(remove_namespace(&context, 1000, NULL), 0);
	ck_assert_str_eq(read_text(SECURITYFS "/apparmor/profiles"), profiles);
	(void) close(context.apparmor_lock);
	hide_again();
	snapshot_take(&after);
	ck_assert_str_eq(before.mounts, after.mounts);
	ck_assert_str_eq(before.fds, after.fds);
}
END_TEST

START_TEST(test_the_policy_alone_can_be_shown)
{
	const struct plan_step step = namespace_step(NULL);
	struct apply_context context;

	begin(&context);
	assert_step(&context, &step);
	ck_assert_int_eq(count_mounts(SECURITYFS), 1);
	ck_assert_int_eq(access(NAMESPACES, F_OK), 0);
	ck_assert_int_eq(count_mounts(SECURITYFS "/apparmor"), 0); /* as a host has it */
	ck_assert_int_eq(remove_namespace(&context, 0, NULL), 0);
}
END_TEST

START_TEST(test_what_is_held_stays_what_is_not_goes)
{
	static const char *const foreign[] = { "dind-m", "dind-0123", "dind-init", "other" };
	const struct plan_step step = namespace_step(OURS);
	struct apply_context context;
	pid_t holder;

	begin(&context);
	holder = start_helper(hold_others);
	assert_step(&context, &step);
	ck_assert(is_there(OTHERS));
	ck_assert_str_eq(context.notice, "");
	ck_assert_int_eq(remove_namespace(&context, 1000, NULL), 0);
	(void) close(context.apparmor_lock);

	for (size_t i = 0; i < ARRAY_SIZE(foreign); i++)
		ck_assert_int_eq(mkdir(in_policy(foreign[i]), 0755), 0);
	end_helper(holder);
	ck_assert(is_there(OTHERS));
	apply_context_init(&context);
	assert_step(&context, &step);
	assert_notice(&context, OTHERS);
	ck_assert(!is_there(OTHERS));
	for (size_t i = 0; i < ARRAY_SIZE(foreign); i++) {
		ck_assert_msg(is_there(foreign[i]), "%s was swept", foreign[i]);
		ck_assert_int_eq(rmdir(in_policy(foreign[i])), 0);
	}
	ck_assert_int_eq(remove_namespace(&context, 1000, NULL), 0);
}
END_TEST

START_TEST(test_not_while_somebody_is_in_it)
{
	const struct plan_step step = namespace_step(OURS);
	struct apply_context context;
	char label[128], path[64];
	int64_t began;
	pid_t inside;

	begin(&context);
	assert_step(&context, &step);
	inside = start_helper(enter_ours);
	(void) snprintf(path, sizeof(path), "/proc/%d/attr/current", (int) inside);
	began = clock_now_ms();
	ck_assert_int_eq(remove_namespace(&context, 100, "is still in it"), -EBUSY);
	ck_assert_int_lt(clock_now_ms() - began, 2000);
	ck_assert(is_there(OURS));
	ck_assert_int_gt(file_read_at(AT_FDCWD, path, label, sizeof(label)), 0);
	ck_assert_ptr_nonnull(strstr(label, ":" OURS ":unconfined"));

	/* nor by one that comes when the owner is gone */
	(void) close(context.apparmor_lock);
	apply_context_init(&context);
	{
		const struct plan_step other = namespace_step(OTHERS);

		assert_step(&context, &other);
	}
	ck_assert(is_there(OURS));
	end_helper(inside);
	ck_assert_int_eq(remove_namespace(&context, 1000, NULL), 0);
	(void) close(context.apparmor_lock);
	ck_assert_int_eq(rmdir(in_policy(OURS)), 0);
}
END_TEST

START_TEST(test_what_an_earlier_run_left_is_not_used_again)
{
	const struct plan_step step = namespace_step(OURS);
	struct apply_context context;
	char inner[64];

	begin(&context);
	end_helper(start_helper(hold_ours)); /* what it mounted is still there */
	ck_assert(is_there(OURS));
	(void) snprintf(inner, sizeof(inner), OURS "/namespaces/inner");
	ck_assert_int_eq(mkdir(in_policy(inner), 0755), 0);
	assert_step(&context, &step);
	ck_assert(is_there(OURS));
	ck_assert(!is_there(inner));
	ck_assert_int_eq(count_mounts(SECURITYFS), 1); /* it was visible */
	ck_assert_int_eq(remove_namespace(&context, 1000, NULL), 0);
}
END_TEST

START_TEST(test_one_in_use_is_not_shared)
{
	const struct plan_step step = namespace_step(OURS);
	struct apply_context context;
	struct snapshot before, after;
	pid_t holder;

	begin(&context);
	holder = start_helper(hold_ours);
	hide_again();
	snapshot_take(&before);
	assert_step_fails(&context, &step, -EBUSY, "used by another engine");
	snapshot_take(&after);
	ck_assert_str_eq(before.mounts, after.mounts);
	ck_assert_str_eq(before.fds, after.fds);
	ck_assert_int_eq(remove_namespace(&context, 1000, NULL), 0);
	end_helper(holder);
	ck_assert_int_eq(mount("securityfs", SECURITYFS, "securityfs", 0, NULL), 0);
	ck_assert(is_there(OURS));
	ck_assert_int_eq(rmdir(in_policy(OURS)), 0);
}
END_TEST

/* ---- SELinux ---- */

START_TEST(test_selinux_is_read_only_here)
{
	struct plan_step step = { .kind = STEP_SELINUX_HIDE };
	struct apply_context context;
	struct statvfs st;

	ck_assert(enter_test());
	apply_context_init(&context);
	step.u.remount.path = in_scratch("selinux");
	assert_step_fails(&context, &step, -ENOENT, "selinux");
	ck_assert_int_eq(mkdir(step.u.remount.path, 0755), 0);
	assert_step_fails(&context, &step, -EINVAL, "not a mount point");
	ck_assert_int_eq(mount("test", step.u.remount.path, "tmpfs", MS_NOEXEC | MS_NOSUID, NULL),
			 0);
	for (int i = 0; i < 2; i++) {
		assert_step(&context, &step);
		ck_assert_int_eq(statvfs(step.u.remount.path, &st), 0);
		ck_assert_uint_eq(st.f_flag & (ST_RDONLY | ST_NOEXEC | ST_NOSUID),
				  ST_RDONLY | ST_NOEXEC | ST_NOSUID);
	}
}
END_TEST

/* ---- capabilities ---- */

static uint64_t capabilities(const char *path, const char *key)
{
	const char *line = strstr(read_text(path), key);

	ck_assert_ptr_nonnull(line);
	return strtoull(line + strlen(key), NULL, 16);
}

START_TEST(test_pid_1_keeps_what_it_needs)
{
	const char *const argv[] = { "/bin/cat", "/proc/self/status", NULL };
	const uint64_t keep = (UINT64_C(1) << CAP_KILL) | (UINT64_C(1) << CAP_SYS_ADMIN);
	const struct plan_step step = { .kind = STEP_CAPABILITIES, .u.capabilities.keep = keep };
	struct apply_context context;
	uint64_t before = capabilities("/proc/self/status", "CapPrm:");

	ck_assert(enter_test());
	apply_context_init(&context);
	ck_assert_uint_ne(before & ~keep, 0);
	for (int i = 0; i < 2; i++) {
		assert_step(&context, &step);
		ck_assert_uint_eq(capabilities("/proc/self/status", "CapEff:"), before & keep);
		ck_assert_uint_eq(capabilities("/proc/self/status", "CapPrm:"), before);
	}
	/* what it starts has all of them again, and is no secret to its like */
	ck_assert_int_eq(run_to_file(argv, in_scratch("status")), 0);
	ck_assert_uint_eq(capabilities(in_scratch("status"), "CapEff:"), before);
	ck_assert_uint_eq(capabilities(in_scratch("status"), "CapPrm:"), before);
	ck_assert_int_eq(prctl(PR_GET_DUMPABLE), 1);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("apply lsm");
	TCase *tests = tcase_create("lsm");

	require_root();
	tcase_set_timeout(tests, 20);
	tcase_add_test(tests, test_selinux_is_read_only_here);
	tcase_add_test(tests, test_pid_1_keeps_what_it_needs);
	if (read_text("/sys/module/apparmor/parameters/enabled")[0] == 'Y') {
		tcase_add_test(tests, test_made_and_removed);
		tcase_add_test(tests, test_the_policy_alone_can_be_shown);
		tcase_add_test(tests, test_what_is_held_stays_what_is_not_goes);
		tcase_add_test(tests, test_not_while_somebody_is_in_it);
		tcase_add_test(tests, test_what_an_earlier_run_left_is_not_used_again);
		tcase_add_test(tests, test_one_in_use_is_not_shared);
	} else {
		(void) fprintf(stderr, "not run: 6 tests of AppArmor, this kernel has none\n");
	}
	suite_add_tcase(suite, tests);
	return run_suite(suite);
}
