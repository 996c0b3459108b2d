/* SPDX-License-Identifier: Apache-2.0 */
/* docker-init as it runs: statuses, signals, orphans, as PID 1 and not. */
#include <check.h>
#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "dind/file.h"

#define LIMIT_MS 10000

struct run {
	pid_t pid;  /* our child: docker-init, or the one that waits for it in a namespace */
	int output; /* stdout and stderr */
	char text[8192];
	int status;
};

static _Noreturn void become(const char *const *words, int output)
{
	const char *argv[16] = { "docker-init" };
	size_t n = 1;

	for (; *words && n < ARRAY_SIZE(argv) - 1; words++)
		argv[n++] = *words;
	argv[n] = NULL;
	(void) dup2(output, STDOUT_FILENO);
	(void) dup2(output, STDERR_FILENO);
	(void) execv(PROGRAM, (char *const *) (uintptr_t) argv);
	_exit(99);
}

static void start(struct run *run, const char *const *words)
{
	int ends[2];

	ck_assert_int_eq(pipe2(ends, O_CLOEXEC), 0);
	run->pid = fork();
	ck_assert_int_ge(run->pid, 0);
	if (run->pid == 0)
		become(words, ends[1]);
	(void) close(ends[1]);
	run->output = ends[0];
	run->text[0] = '\0';
}

/* As PID 1 of a namespace: the test's own child waits for it and passes its status on. */
static void start_as_pid1(struct run *run, const char *const *words)
{
	int ends[2];

	ck_assert_int_eq(pipe2(ends, O_CLOEXEC), 0);
	run->pid = fork();
	ck_assert_int_ge(run->pid, 0);
	if (run->pid == 0) {
		int status;
		pid_t pid;

		if (unshare(CLONE_NEWPID) < 0)
			_exit(98);
		pid = fork();
		if (pid == 0)
			become(words, ends[1]);
		(void) close(ends[1]);
		if (waitpid(pid, &status, 0) != pid)
			_exit(97);
		_exit(WIFEXITED(status) ? WEXITSTATUS(status) : 60 + WTERMSIG(status));
	}
	(void) close(ends[1]);
	run->output = ends[0];
	run->text[0] = '\0';
}

/* Read until @word shows, or the end for NULL. */
static void read_until(struct run *run, const char *word)
{
	size_t used = strlen(run->text);

	for (int64_t end = clock_now_ms() + LIMIT_MS; clock_now_ms() < end;) {
		struct pollfd poll_fd = { .fd = run->output, .events = POLLIN };
		ssize_t n;

		if (word && strstr(run->text, word))
			return;
		if (poll(&poll_fd, 1, 100) <= 0)
			continue;
		n = read(run->output, run->text + used, sizeof(run->text) - used - 1);
		ck_assert_int_ge(n, 0);
		if (n == 0) {
			ck_assert_msg(!word, "no '%s' in: %s", word, run->text);
			return;
		}
		used += (size_t) n;
		run->text[used] = '\0';
	}
	ck_abort_msg("nothing for too long; so far: %s", run->text);
}

static int finish(struct run *run)
{
	int status;

	read_until(run, NULL);
	(void) close(run->output);
	ck_assert_int_eq(waitpid(run->pid, &status, 0), run->pid);
	return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

#define WORDS(...) ((const char *const[]){ __VA_ARGS__, NULL })

static const struct {
	const char *words[8];
	int status;
	const char *said; /* NULL: nothing but perhaps the warning about PID 1 */
} endings[] = {
	{ { "true" }, 0, NULL },
	{ { "--", "sh", "-c", "exit 3" }, 3, NULL },
	{ { "sh", "-c", "kill -TERM $$" }, 143, NULL },
	{ { "sh", "-c", "kill -KILL $$" }, 137, NULL },
	{ { "-e", "3", "sh", "-c", "exit 3" }, 0, NULL },
	{ { "-e", "143", "--", "sh", "-c", "kill -TERM $$" }, 0, NULL },
	{ { "-e", "4", "sh", "-c", "exit 3" }, 3, NULL },
	{ { "/nonexistent" }, 127, "cannot execute /nonexistent" },
	{ { "/etc" }, 126, "cannot execute /etc" },
	{ { "-y", "true" }, 1, "-y is unknown" },
	{ { NULL }, 1, "no program" },
	{ { "--version" }, 0, "tini version 0.19.0 - git.dind-init\n" },
	{ { "-h" }, 0, "-e STATUS" },
};

START_TEST(statuses)
{
	struct run run;

	start(&run, endings[_i].words);
	ck_assert_int_eq(finish(&run), endings[_i].status);
	if (endings[_i].said)
		ck_assert_msg(strstr(run.text, endings[_i].said) != NULL, "%s", run.text);
}
END_TEST

START_TEST(as_pid1_nothing_is_said)
{
	struct run run;

	start_as_pid1(&run, WORDS("--", "sh", "-c", "exit 7"));
	ck_assert_int_eq(finish(&run), 7);
	ck_assert_str_eq(run.text, "");
}
END_TEST

/* Every signal that can be caught, to the program and to it alone. */
START_TEST(signals_are_passed_on)
{
	static const int numbers[] = { SIGHUP,	SIGINT,	 SIGQUIT,  SIGUSR1,
				       SIGUSR2, SIGTERM, SIGALRM,  SIGPIPE,
				       SIGCONT, SIGURG,	 SIGWINCH, 37 /* SIGRTMIN + 3 */ };
	char script[128], wanted[64];
	struct run run;

	(void) snprintf(script, sizeof(script),
			"trap 'echo got it; exit 9' %d; echo up; while :; do sleep 0.05; done",
			numbers[_i]);
	start(&run, WORDS("-s", "bash", "-c", script));
	read_until(&run, "up\n");
	ck_assert_int_eq(kill(run.pid, numbers[_i]), 0);
	ck_assert_int_eq(finish(&run), 9);
	(void) snprintf(wanted, sizeof(wanted), "up\ngot it\n");
	ck_assert_str_eq(run.text, wanted);
}
END_TEST

/* -g reaches the children of the program, too. */
START_TEST(group_is_signalled)
{
	/* the shell's own trap first: "up" says that both are set */
	static const char script[] =
		"trap 'wait; exit 4' USR1; "
		"bash -c 'trap \"echo child; exit\" USR1; echo up; "
		"while [ -d /proc/$PPID ]; do sleep 0.05; done' & wait; wait; exit 5";
	struct run run;

	start(&run, WORDS("-s", _i ? "-g" : "-w", "bash", "-c", script));
	read_until(&run, "up\n");
	ck_assert_int_eq(kill(run.pid, SIGUSR1), 0);
	if (_i) {
		ck_assert_int_eq(finish(&run), 4);
		ck_assert_ptr_nonnull(strstr(run.text, "child"));
		return;
	}
	/* without it the child goes on, and the shell waits for it */
	(void) usleep(300000);
	ck_assert_ptr_null(strstr(run.text, "child"));
	ck_assert_int_eq(kill(run.pid, SIGTERM), 0); /* ends the shell, and so the child's loop */
	ck_assert_int_eq(finish(&run), 143);
}
END_TEST

/* A hundred orphans as PID 1, and none is left as a zombie while the program runs. */
START_TEST(orphans_are_reaped)
{
	/* On a busy machine a sleep may end late: what must not be is a zombie that stays. */
	static const char script[] =
		"mount -t proc proc /proc; for i in $(seq 100); do (sleep 0.01 & ); done; "
		"for i in $(seq 100); do "
		"left=$(grep -lE '^(Name:.sleep|State:.Z)' /proc/[0-9]*/status 2>/dev/null | wc "
		"-l); "
		"[ $left -gt 0 ] || break; sleep 0.1; done; echo $left";
	struct run run;

	start_as_pid1(&run, WORDS("-w", "unshare", "-m", "bash", "-c", script));
	ck_assert_int_eq(finish(&run), 0);
	ck_assert_msg(strstr(run.text, "\n0\n") != NULL, "%s", run.text);
	ck_assert_ptr_nonnull(strstr(run.text, "reaped the orphan"));
}
END_TEST

/* tini's variables do what its options do. */
START_TEST(variables)
{
	static const char group[] =
		"trap 'wait; exit 4' USR1; "
		"bash -c 'trap \"echo child; exit\" USR1; echo up; "
		"while [ -d /proc/$PPID ]; do sleep 0.05; done' & wait; wait; exit 5";
	struct run run;

	ck_assert_int_eq(setenv("TINI_SUBREAPER", "", 1), 0);
	start(&run, WORDS("sh", "-c", "exit 3"));
	ck_assert_int_eq(finish(&run), 3);
	ck_assert_str_eq(run.text, ""); /* it would say that it is none */
	ck_assert_int_eq(setenv("TINI_KILL_PROCESS_GROUP", "", 1), 0);
	start(&run, WORDS("bash", "-c", group));
	read_until(&run, "up\n");
	ck_assert_int_eq(kill(run.pid, SIGUSR1), 0);
	ck_assert_int_eq(finish(&run), 4);
	ck_assert_ptr_nonnull(strstr(run.text, "child"));
	ck_assert_int_eq(unsetenv("TINI_SUBREAPER"), 0);
	ck_assert_int_eq(setenv("TINI_VERBOSITY", "0", 1), 0);
	start(&run, WORDS("true"));
	ck_assert_int_eq(finish(&run), 0);
	ck_assert_str_eq(run.text, ""); /* not even the warning */
	ck_assert_int_eq(setenv("TINI_VERBOSITY", "4", 1), 0);
	start(&run, WORDS("true"));
	ck_assert_int_eq(finish(&run), 0);
	ck_assert_ptr_nonnull(strstr(run.text, "true runs as "));
}
END_TEST

/* -v: what it does; twice: signals, too. */
START_TEST(verbose)
{
	static const char script[] = "trap 'exit 9' USR1; echo up; while :; do sleep 0.05; done";
	struct run run;

	start(&run, WORDS("-s", _i ? "-vv" : "-v", "sh", "-c", script));
	read_until(&run, "up\n");
	ck_assert_int_eq(kill(run.pid, SIGUSR1), 0);
	ck_assert_int_eq(finish(&run), 9);
	ck_assert_msg(strstr(run.text, "[INFO  docker-init (") && strstr(run.text, "sh runs as ") &&
			      strstr(run.text, "sh ended with status 9"),
		      "%s", run.text);
	ck_assert_int_eq(strstr(run.text, "[DEBUG docker-init (") != NULL, _i);
	ck_assert_int_eq(strstr(run.text, "passing on signal 10") != NULL, _i);
}
END_TEST

START_TEST(not_pid1_is_said)
{
	struct run run;

	start(&run, WORDS("true"));
	ck_assert_int_eq(finish(&run), 0);
	ck_assert_ptr_nonnull(strstr(run.text, "-s makes it one"));
	start(&run, WORDS("-s", "true"));
	ck_assert_int_eq(finish(&run), 0);
	ck_assert_str_eq(run.text, "");
}
END_TEST

/* -p: the signal comes when the parent goes. */
START_TEST(parent_death)
{
	int ends[2], status;
	struct run run;
	pid_t parent;

	ck_assert_int_eq(prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0), 0);
	ck_assert_int_eq(pipe2(ends, O_CLOEXEC), 0);
	parent = fork();
	if (parent == 0) {
		start(&run, WORDS("-s", "-p", "SIGTERM", "bash", "-c",
				  "trap 'exit 6' TERM; echo up; while :; do sleep 0.05; done"));
		read_until(&run, "up\n");
		if (write(ends[1], &run.pid, sizeof(run.pid)) != sizeof(run.pid))
			_exit(1);
		_exit(0);
	}
	ck_assert_int_eq(waitpid(parent, &status, 0), parent);
	ck_assert_int_eq(status, 0);
	ck_assert_int_eq(read(ends[0], &run.pid, sizeof(run.pid)), sizeof(run.pid));
	ck_assert_int_eq(waitpid(run.pid, &status, 0), run.pid);
	ck_assert_int_eq(WEXITSTATUS(status), 6);
	(void) close(ends[0]);
	(void) close(ends[1]);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("init");
	TCase *tcase = tcase_create("init");
	SRunner *runner = srunner_create(suite);
	int failed;

	tcase_set_timeout(tcase, 30);
	tcase_add_loop_test(tcase, statuses, 0, (int) ARRAY_SIZE(endings));
	tcase_add_test(tcase, as_pid1_nothing_is_said);
	tcase_add_loop_test(tcase, signals_are_passed_on, 0, 12);
	tcase_add_loop_test(tcase, group_is_signalled, 0, 2);
	tcase_add_test(tcase, orphans_are_reaped);
	tcase_add_test(tcase, variables);
	tcase_add_loop_test(tcase, verbose, 0, 2);
	tcase_add_test(tcase, not_pid1_is_said);
	tcase_add_test(tcase, parent_death);
	suite_add_tcase(suite, tcase);
	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? 1 : 0;
}
