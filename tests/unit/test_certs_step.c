/* SPDX-License-Identifier: Apache-2.0 */
/* The step that runs dind-certs: its lines, its status, its deadline. */
#include <check.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>

#include "dind/apply.h"
#include "dind/certs.h"
#include "dind/file.h"

static struct apply_context context;
static struct error err;

static int run_step(const char *const *argv, int timeout_ms)
{
	struct plan_step step = { .kind = STEP_CERTS };

	apply_context_init(&context);
	err = (struct error) ERROR_INIT;
	step.u.certs.directory = "/certs";
	step.u.certs.argv = argv;
	step.u.certs.timeout_ms = timeout_ms;
	return apply_step(&context, &step, &err);
}

static const struct {
	const char *script;
	int r;
	const char *notice, *error; /* parts; NULL: empty */
	bool loud;
} runs[] = {
	{ "echo 'info: made'", 0, "made", NULL, false },
	{ "echo 'warning: old'; echo 'info: kept'", 0, "old; kept", NULL, true },
	{ "echo nonsense", 0, NULL, NULL, false },
	{ "echo 'error: key.pem is bad' >&2; echo 'help: x' >&2; exit 84", -EKEYREJECTED, NULL,
	  "key.pem is bad", false },
	{ "echo 'error: c' >&2; exit 83", -EKEYEXPIRED, NULL, "c", false },
	{ "echo 'error: full' >&2; exit 71", -EIO, NULL, "full", false },
	{ "echo lost; exit 3", -EIO, NULL, "/bin/sh exited with 3: lost", false },
	{ "kill -9 $$", -EIO, NULL, "was killed by signal 9", false },
	{ "i=0; while [ $i -lt 2000 ]; do echo 'info: xxxxxxxxxx'; i=$((i+1)); done", 0, "xxx",
	  NULL, false },
};

START_TEST(what_it_says)
{
	const char *const argv[] = { "/bin/sh", "-c", runs[_i].script, NULL };

	ck_assert_int_eq(run_step(argv, 10000), runs[_i].r);
	if (runs[_i].notice)
		ck_assert_ptr_nonnull(strstr(context.notice, runs[_i].notice));
	else
		ck_assert_str_eq(context.notice, "");
	if (runs[_i].error)
		ck_assert_msg(strstr(err.message, runs[_i].error) != NULL, "%s", err.message);
	ck_assert_int_eq(context.notice_loud, runs[_i].loud);
}
END_TEST

START_TEST(it_does_not_hang)
{
	static const char *const silent[] = { "/bin/sleep", "30", NULL };
	static const char *const busy[] = { "/bin/sh", "-c", "while :; do echo x; done", NULL };
	int64_t began = clock_now_ms();

	ck_assert_int_eq(run_step(silent, 100), -ETIMEDOUT);
	ck_assert_int_eq(run_step(busy, 100), -ETIMEDOUT);
	ck_assert_int_lt(clock_now_ms() - began, 5000);
}
END_TEST

static bool is_there(const char *path)
{
	return access(path, F_OK) == 0;
}

START_TEST(it_may_run_beside_other_steps)
{
	char file[] = "/tmp/test_certs_step.XXXXXX", script[128];
	const char *const argv[] = { "/bin/sh", "-c", script, NULL };
	const char *const other[] = { "/bin/false", NULL };
	struct plan_step step = { .kind = STEP_CERTS };
	int fd = mkstemp(file);

	ck_assert_int_ge(fd, 0);
	(void) close(fd);
	(void) snprintf(script, sizeof(script), "sleep 0.3; rm %s; echo 'info: made'", file);
	apply_context_init(&context);
	step.u.certs.directory = "/certs";
	step.u.certs.argv = argv;
	step.u.certs.timeout_ms = 10000;
	step.u.certs.begin = true;
	ck_assert_int_eq(apply_step(&context, &step, &err), 0);
	ck_assert_int_gt(context.certs_pid, 0);
	ck_assert(is_there(file));
	ck_assert_str_eq(context.notice, "");
	ck_assert_int_eq(apply_step(&context, &step, &err), 0); /* a second time changes nothing */
	step.u.certs.begin = false;
	step.u.certs.argv = other; /* what was begun is waited for */
	ck_assert_int_eq(apply_step(&context, &step, &err), 0);
	ck_assert(!is_there(file));
	ck_assert_str_eq(context.notice, "made");
	ck_assert_int_eq(context.certs_pid, 0);
}
END_TEST

START_TEST(it_is_given_up_with_the_start)
{
	const char *const argv[] = { "/bin/sleep", "30", NULL };
	struct plan_step step = { .kind = STEP_CERTS };
	pid_t pid;

	apply_context_init(&context);
	step.u.certs.argv = argv;
	step.u.certs.begin = true;
	ck_assert_int_eq(apply_step(&context, &step, &err), 0);
	pid = context.certs_pid;
	ck_assert_int_eq(kill(pid, 0), 0);
	apply_abandon(&context);
	ck_assert_int_lt(kill(pid, 0), 0);
	ck_assert_int_eq(context.certs_pid, 0);
	apply_abandon(&context);
}
END_TEST

START_TEST(it_waits_until_its_step_is_carried_out)
{
	char file[] = "/tmp/test_certs_step.XXXXXX", script[128];
	const char *const argv[] = { "/bin/sh", "-c", script, NULL };
	struct plan_step step = { .kind = STEP_CERTS };
	int fd = mkstemp(file);
	pid_t pid;

	ck_assert_int_ge(fd, 0);
	(void) close(fd);
	/* the word that is added is the script's $0 */
	(void) snprintf(script, sizeof(script),
			"[ $0 = --hold ] && read x && rm %s && echo 'info: made'", file);
	apply_context_init(&context);
	step.u.certs.argv = argv;
	step.u.certs.timeout_ms = 10000;
	ck_assert_int_eq(apply_ahead(&context, &step, &err), 0);
	ck_assert_int_eq(context.certs_pid, 0); /* only what would be begun early */
	step.u.certs.begin = true;
	ck_assert_int_eq(apply_ahead(&context, &step, &err), 0);
	pid = context.certs_pid;
	ck_assert_int_gt(pid, 0);
	ck_assert_int_eq(apply_ahead(&context, &step, &err), 0); /* the trials of the next round */
	ck_assert_int_eq(context.certs_pid, pid);
	/* a start that is given up */
	apply_abandon(&context);
	ck_assert(is_there(file));
	ck_assert_int_lt(context.certs_go, 0);
	ck_assert_int_eq(apply_ahead(&context, &step, &err), 0);
	ck_assert_int_eq(apply_step(&context, &step, &err), 0);
	ck_assert_int_lt(context.certs_go, 0);
	step.u.certs.begin = false;
	ck_assert_msg(apply_step(&context, &step, &err) == 0, "%s", err.message);
	ck_assert(!is_there(file));
	ck_assert_str_eq(context.notice, "made");
}
END_TEST

START_TEST(it_ends_before_it_may_go_on)
{
	static const char *const argv[] = { "/bin/sh", "-c", "echo 'error: c' >&2; exit 83", NULL };
	struct plan_step step = { .kind = STEP_CERTS };
	siginfo_t ended;

	apply_context_init(&context);
	step.u.certs.argv = argv;
	step.u.certs.timeout_ms = 10000;
	step.u.certs.begin = true;
	ck_assert_int_eq(apply_ahead(&context, &step, &err), 0);
	ck_assert_int_eq(waitid(P_PID, (id_t) context.certs_pid, &ended, WEXITED | WNOWAIT), 0);
	ck_assert_int_eq(apply_step(&context, &step, &err), 0); /* without a SIGPIPE */
	step.u.certs.begin = false;
	ck_assert_int_eq(apply_step(&context, &step, &err), -EKEYEXPIRED);
	ck_assert_str_eq(err.message, "c");
}
END_TEST

START_TEST(it_is_not_there)
{
	static const char *const argv[] = { "/nonexistent/dind-certs", NULL };

	ck_assert_int_eq(run_step(argv, 1000), -EIO);
	ck_assert_ptr_nonnull(strstr(err.message, "cannot execute /nonexistent/dind-certs"));
}
END_TEST

START_TEST(the_real_one)
{
	char directory[] = "/tmp/test_certs_step.XXXXXX", command[128];
	const char *const argv[] = { CERTS_PROGRAM, "--directory", directory, NULL };
	const char *const clean[] = { "/bin/rm", "-rf", directory, NULL };

	ck_assert_ptr_nonnull(mkdtemp(directory));
	ck_assert_msg(run_step(argv, 10000) == 0, "%s", err.message);
	ck_assert_ptr_nonnull(strstr(context.notice, "ca server client"));
	ck_assert_msg(run_step(argv, 10000) == 0, "%s", err.message);
	ck_assert_ptr_nonnull(strstr(context.notice, "stay"));
	(void) snprintf(command, sizeof(command), "%s/ca/key.pem", directory);
	ck_assert_int_eq(unlink(command), 0);
	(void) snprintf(command, sizeof(command), "%s/server/key.pem", directory);
	ck_assert_int_eq(file_replace(command, "garbage", 0600), 0);
	ck_assert_int_eq(run_step(argv, 10000), -certs_meaning(CERTS_FAIL_UNREADABLE)->error);
	ck_assert_ptr_nonnull(strstr(err.message, "server/key.pem"));
	(void) run_step(clean, 10000);
}
END_TEST

static char kept[] = "/tmp/test_certs_step.XXXXXX";

/* Certificates that the real one has made, and a step for them that would run something else. */
static void make_kept(struct plan_step *step, const char *const *argv)
{
	const char *const real[] = { CERTS_PROGRAM, "--directory", kept, NULL };

	ck_assert_ptr_nonnull(mkdtemp(kept));
	ck_assert_msg(run_step(real, 10000) == 0, "%s", err.message);
	*step = (struct plan_step){ .kind = STEP_CERTS };
	step->u.certs.directory = kept;
	step->u.certs.argv = argv;
	step->u.certs.timeout_ms = 10000;
	apply_context_init(&context);
}

static void change_kept(void)
{
	char path[64];

	(void) snprintf(path, sizeof(path), "%s/server/new", kept);
	clock_sleep_ms(20); /* times of files have a grain */
	ck_assert_int_eq(file_replace(path, "", 0600), 0);
}

static void remove_kept(void)
{
	const char *const clean[] = { "/bin/rm", "-rf", kept, NULL };

	ck_assert_int_eq(run_step(clean, 10000), 0);
}

START_TEST(it_is_not_run_for_what_has_not_changed)
{
	static const char *const argv[] = { "/bin/sh", "-c", "echo 'info: was run'", NULL };
	struct plan_step step;

	make_kept(&step, argv);
	ck_assert_msg(apply_step(&context, &step, &err) == 0, "%s", err.message);
	ck_assert_ptr_nonnull(strstr(context.notice, "are good and stay"));
	ck_assert_ptr_nonnull(strstr(context.notice, kept));
	step.u.certs.key = "rsa";
	ck_assert_int_eq(apply_step(&context, &step, &err), 0);
	ck_assert_str_eq(context.notice, "was run");
	step.u.certs.key = NULL;
	step.u.certs.san = "DNS:x";
	ck_assert_int_eq(apply_step(&context, &step, &err), 0);
	ck_assert_str_eq(context.notice, "was run");
	step.u.certs.san = NULL;
	change_kept();
	ck_assert_int_eq(apply_step(&context, &step, &err), 0);
	ck_assert_str_eq(context.notice, "was run");
	remove_kept();
}
END_TEST

/* _i: something changes between the first look and the step. */
START_TEST(unchanged_ones_wait_for_their_step_as_well)
{
	static const char *const argv[] = { "/bin/sh", "-c", "echo \"info: was run $0\"", NULL };
	struct plan_step step;
	siginfo_t ended = { .si_pid = 0 };

	make_kept(&step, argv);
	step.u.certs.begin = true;
	ck_assert_int_eq(apply_ahead(&context, &step, &err), 0);
	ck_assert_int_gt(context.certs_pid, 0);
	clock_sleep_ms(100);
	ck_assert_int_eq(
		waitid(P_PID, (id_t) context.certs_pid, &ended, WEXITED | WNOWAIT | WNOHANG), 0);
	ck_assert_int_eq(ended.si_pid, 0);
	if (_i)
		change_kept();
	step.u.certs.begin = false;
	ck_assert_msg(apply_step(&context, &step, &err) == 0, "%s", err.message);
	if (_i) /* and not told to wait once more */
		ck_assert_str_eq(context.notice, "was run /bin/sh");
	else
		ck_assert_ptr_nonnull(strstr(context.notice, "are good and stay"));
	remove_kept();
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("certs step");
	TCase *tc = tcase_create("certs step");
	SRunner *runner = srunner_create(suite);
	int failed;

	tcase_set_timeout(tc, 60);
	tcase_add_loop_test(tc, what_it_says, 0, ARRAY_SIZE(runs));
	tcase_add_test(tc, it_does_not_hang);
	tcase_add_test(tc, it_may_run_beside_other_steps);
	tcase_add_test(tc, it_is_given_up_with_the_start);
	tcase_add_test(tc, it_waits_until_its_step_is_carried_out);
	tcase_add_test(tc, it_ends_before_it_may_go_on);
	tcase_add_test(tc, it_is_not_there);
	tcase_add_test(tc, the_real_one);
	tcase_add_test(tc, it_is_not_run_for_what_has_not_changed);
	tcase_add_loop_test(tc, unchanged_ones_wait_for_their_step_as_well, 0, 2);
	suite_add_tcase(suite, tc);
	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? 1 : 0;
}
