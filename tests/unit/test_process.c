/* SPDX-License-Identifier: Apache-2.0 */
/* Processes by number: their descriptors, their ends, their depth, the walk over all of them. */
#include <check.h>
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/wait.h>

#include "dind/file.h"
#include "dind/process.h"

#define LONG_MS	 20000
#define SHORT_MS 20

static const struct {
	const char *status;
	int depth;
	long last;
} statuses[] = {
	{ "Name:\tsh\nNSpid:\t1\nNSpgid:\t1\n", 1, 1 },
	{ "Name:\tsh\nNSpid:\t4711\t12\t1\nNSpgid:\t4711\t12\t1\n", 3, 1 },
	{ "Name:\tsh\nNSpid:\t4711 12\n", 2, 12 },
	{ "Name:\tNSpid:\t7\n", 0, -1 }, /* a name is no line */
	{ "Name:\tsh\nNSpid:\n", 0, -1 },
	{ "", 0, -1 },
};

START_TEST(depth_is_read_from_a_status)
{
	long last = -1;

	ck_assert_int_eq(process_depth(statuses[_i].status, &last), statuses[_i].depth);
	ck_assert_int_eq(last, statuses[_i].last);
}
END_TEST

static pid_t child_that_stays(void)
{
	pid_t pid = fork();

	ck_assert_int_ge(pid, 0);
	if (pid == 0) {
		(void) pause();
		_exit(0);
	}
	return pid;
}

START_TEST(a_child_is_waited_for_and_signalled)
{
	pid_t pid = child_that_stays();
	auto_close int pidfd = process_open(pid);
	int status = -1;

	ck_assert_int_ge(pidfd, 0);
	ck_assert(fcntl(pidfd, F_GETFD) & FD_CLOEXEC);
	ck_assert_int_eq(process_wait(pid, SHORT_MS, &status), -ETIMEDOUT);
	ck_assert_int_eq(process_wait(pid, 0, &status), -ETIMEDOUT);
	ck_assert_int_eq(process_signal(pid, pidfd, SIGUSR1), 0);
	ck_assert_int_eq(process_wait(pid, LONG_MS, &status), 0);
	ck_assert(WIFSIGNALED(status) && WTERMSIG(status) == SIGUSR1);
	/* reaped: the descriptor knows, whoever has the number now */
	ck_assert_int_eq(process_signal(pid, pidfd, SIGUSR1), -ESRCH);
	ck_assert_int_eq(process_wait(pid, LONG_MS, &status), -ECHILD);
	ck_assert_int_lt(process_open(-1), 0);
}
END_TEST

/* As on a kernel without pidfd_open(2). */
START_TEST(a_child_is_signalled_by_its_number)
{
	pid_t pid = child_that_stays();
	int status = -1;

	ck_assert_int_eq(process_signal(pid, -ENOSYS, SIGKILL), 0);
	ck_assert_int_eq(process_wait(pid, LONG_MS, &status), 0);
	ck_assert(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
}
END_TEST

struct seen {
	pid_t wanted;
	int visits, met;
	bool stop;
	char comm[32];
};

static bool see(void *context, int pid, int directory)
{
	struct seen *seen = context;

	seen->visits++;
	if (pid == seen->wanted) {
		seen->met++;
		ck_assert_int_gt(file_read_at(directory, "comm", seen->comm, sizeof(seen->comm)),
				 0);
	}
	return !seen->stop;
}

START_TEST(every_process_is_visited_once)
{
	struct seen seen = { .wanted = getpid() };
	struct seen first = { .stop = true };

	ck_assert_int_eq(process_each(see, &seen), 0);
	ck_assert_int_eq(seen.met, 1);
	ck_assert_str_eq(seen.comm, "test_process\n");
	ck_assert_int_ge(seen.visits, 2); /* PID 1 at least */
	ck_assert_int_eq(process_each(see, &first), 0);
	ck_assert_int_eq(first.visits, 1);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("process");
	TCase *tc = tcase_create("process");
	SRunner *runner;
	int failed;

	tcase_set_timeout(tc, 60);
	tcase_add_loop_test(tc, depth_is_read_from_a_status, 0, ARRAY_SIZE(statuses));
	tcase_add_test(tc, a_child_is_waited_for_and_signalled);
	tcase_add_test(tc, a_child_is_signalled_by_its_number);
	tcase_add_test(tc, every_process_is_visited_once);
	suite_add_tcase(suite, tc);
	runner = srunner_create(suite);
	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed == 0 ? 0 : 1;
}
