/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What COMMAND leaves, in a pid namespace of our own: PID 1 is the test's body, the function runs
 * in a child of it, as supervise has it.
 */
#include <sys/prctl.h>

#include "fixture.h"

#define LIMIT_MS 5000 /* of a call that has nothing to wait for but a busy machine */

static uid_t helper_uid;
static int heard[2]; /* those who hear TERM write their letter */

static void sleep_ms(int ms)
{
	const struct timespec time = { ms / 1000, ms % 1000 * 1000000L };

	(void) nanosleep(&time, NULL);
}

static char letter;
static int stay_ms;

static void say_heard(int number)
{
	(void) number;
	if (write(heard[1], &letter, 1) != 1)
		_exit(3);
	if (stay_ms >= 0) {
		sleep_ms(stay_ms);
		_exit(0);
	}
}

/* A process that says @name when it hears TERM, and ends @stay after that; -1: it does not. */
static pid_t start(char name, int stay, bool session, void (*more)(void))
{
	const struct sigaction action = { .sa_handler = say_heard };
	int ready[2];
	char byte = 'x';
	pid_t pid;

	ck_assert_int_eq(pipe2(ready, O_CLOEXEC), 0);
	pid = fork();
	if (pid == 0) {
		letter = name;
		stay_ms = stay;
		(void) sigaction(SIGTERM, &action, NULL);
		if (session)
			(void) setsid();
		if (more)
			more();
		if (write(ready[1], &byte, 1) != 1)
			_exit(1);
		for (;;)
			(void) pause();
	}
	ck_assert_int_gt(pid, 0);
	ck_assert_int_eq(read(ready[0], &byte, 1), 1);
	(void) close(ready[0]);
	(void) close(ready[1]);
	return pid;
}

/* Letters that were heard so far. */
static const char *letters(void)
{
	static char text[32];
	ssize_t n = read(heard[0], text, sizeof(text) - 1);

	text[n > 0 ? n : 0] = '\0';
	return text;
}

/* As PID 1 reaps. */
static bool is_gone(pid_t pid)
{
	for (int i = 0; i < LIMIT_MS; i++) {
		if (waitpid(pid, NULL, WNOHANG) != 0)
			return true;
		sleep_ms(1);
	}
	return false;
}

static bool is_alive(pid_t pid)
{
	return waitpid(pid, NULL, WNOHANG) == 0;
}

/* What the helper returns; its children are reaped meanwhile, as PID 1 does. */
static int in_helper(const pid_t *spare, size_t n_spare, int timeout_ms, bool kill_them)
{
	pid_t pid = fork(), ended;
	int status = -1;

	if (pid == 0) {
		struct error err = ERROR_INIT;
		int r = setresuid(helper_uid, helper_uid, helper_uid);

		if (r == 0)
			r = kill_them ? apply_kill_job(spare, n_spare, &err)
				      : apply_end_job(spare, n_spare, timeout_ms, &err);

		_exit(r < 0 ? 99 : r);
	}
	ck_assert_int_gt(pid, 0);
	while ((ended = waitpid(-1, &status, 0)) != pid)
		ck_assert_int_gt(ended, 0);
	ck_assert(WIFEXITED(status));
	return WEXITSTATUS(status);
}

static int end_job(const pid_t *spare, size_t n_spare, int timeout_ms)
{
	return in_helper(spare, n_spare, timeout_ms, false);
}

static void run_as_init(void (*body)(void))
{
	int status;
	pid_t pid;

	ck_assert(enter_test());
	pid = (pid_t) syscall(SYS_clone, CLONE_NEWPID | CLONE_NEWNS | SIGCHLD, NULL, NULL, NULL,
			      0UL);
	if (pid == 0) {
		ck_assert_int_eq(mount("proc", "/proc", "proc", 0, NULL), 0);
		ck_assert_int_eq(pipe2(heard, O_CLOEXEC | O_NONBLOCK), 0);
		body();
		_exit(0);
	}
	ck_assert_int_gt(pid, 0);
	ck_assert_int_eq(waitpid(pid, &status, 0), pid);
	ck_assert_int_eq(status, 0);
}

#define TEST_AS_INIT(name)                \
	START_TEST(test_##name)           \
	{                                 \
		run_as_init(name##_body); \
	}                                 \
	END_TEST

/* ---- who ---- */

static void fork_a_child(void)
{
	(void) start('c', 0, false, NULL);
}

static void everybody_body(void)
{
	ck_assert_int_eq(end_job(NULL, 0, LIMIT_MS), 0); /* nobody is there */
	(void) start('a', 0, false, NULL);
	(void) start('b', 0, true, fork_a_child); /* whose child becomes an orphan, or not */
	ck_assert_int_eq(end_job(NULL, 0, LIMIT_MS), 0);
	{
		const char *all = letters();

		ck_assert_uint_eq(strlen(all), 3);
		ck_assert(strchr(all, 'a') && strchr(all, 'b') && strchr(all, 'c'));
	}
	while (waitpid(-1, NULL, 0) > 0) /* the last ones: who has ended is not waited for */
		;
}
TEST_AS_INIT(everybody)

static void fork_an_orphan(void)
{
	if (fork() == 0) {
		(void) start('o', -1, false, NULL);
		_exit(0);
	}
	(void) wait(NULL);
}

static void be_a_shim(void)
{
	(void) prctl(PR_SET_NAME, "containerd-shim-runc-v2");
	fork_a_child();
}

static void be_fuse(void)
{
	(void) prctl(PR_SET_NAME, "fuse-overlayfs");
}

/* Services, what descends from them, what has left them but for its session, and two daemons. */
static void spared_body(void)
{
	pid_t engine = start('e', -1, true, fork_a_child);
	pid_t containerd = start('d', -1, true, fork_an_orphan);
	pid_t shim = start('s', -1, true, be_a_shim);
	pid_t fuse = start('f', -1, true, be_fuse);
	const pid_t spare[] = { engine, containerd };

	(void) start('j', 0, false, NULL);
	ck_assert_int_eq(end_job(spare, ARRAY_SIZE(spare), LIMIT_MS), 0);
	ck_assert_str_eq(letters(), "j");
	ck_assert_int_eq(in_helper(spare, ARRAY_SIZE(spare), 0, true), 0);
	ck_assert(is_alive(engine) && is_alive(containerd) && is_alive(shim) && is_alive(fuse));
}
TEST_AS_INIT(spared)

static void in_container(void)
{
	pid_t pid = (pid_t) syscall(SYS_clone, CLONE_NEWPID | SIGCHLD, NULL, NULL, NULL, 0UL);

	if (pid == 0) {
		(void) start('i', -1, true, NULL);
		for (;;)
			(void) pause();
	}
}

/* An engine that the job has started is the job's; what is inside its containers it ends itself. */
static void inner_body(void)
{
	(void) start('p', 0, true, in_container);
	ck_assert_int_eq(end_job(NULL, 0, 300), 0);
	ck_assert_str_eq(letters(), "p");
}
TEST_AS_INIT(inner)

/* ---- when ---- */

static void start_a_session(void)
{
	(void) start('l', 300, true, fork_a_child); /* a login, which has something to clear up */
}

/* sshd is told when its session has ended: it is the session's way to its client. */
static void sessions_first_body(void)
{
	const char *all;

	(void) start('s', 0, true, start_a_session);
	ck_assert_int_eq(end_job(NULL, 0, LIMIT_MS), 0);
	all = letters();
	ck_assert_uint_eq(strlen(all), 3);
	ck_assert_int_eq(all[2], 's');
}
TEST_AS_INIT(sessions_first)

static void start_a_deaf_session(void)
{
	(void) start('l', -1, true, NULL);
}

/* But not so late that it hears nothing at all. */
static void half_time_body(void)
{
	pid_t sshd = start('s', -1, true, start_a_deaf_session);

	ck_assert_int_eq(end_job(NULL, 0, 800), 2);
	ck_assert_str_eq(letters(), "ls");
	ck_assert(is_alive(sshd));
	ck_assert_int_eq(in_helper(NULL, 0, 0, true), 2);
	ck_assert(is_gone(sshd));
}
TEST_AS_INIT(half_time)

/* It inherits what its parent's handler has blocked, and a shell's children do not. */
static void hear_term(void)
{
	sigset_t none;

	(void) sigemptyset(&none);
	(void) sigprocmask(SIG_SETMASK, &none, NULL);
}

static void clear_up(int number)
{
	(void) number;
	(void) start('n', 200, false, hear_term); /* docker, say */
	if (write(heard[1], "t", 1) != 1)
		_exit(3);
	while (wait(NULL) > 0)
		;
	_exit(0);
}

static void trap_term(void)
{
	const struct sigaction action = { .sa_handler = clear_up };

	(void) sigaction(SIGTERM, &action, NULL);
}

/* What a trap starts is not told, and waited for. */
static void clean_up_body(void)
{
	pid_t pid = start('t', -1, false, trap_term);
	int64_t began = clock_now_ms();

	ck_assert_int_eq(end_job(NULL, 0, 900), 2); /* the new one waits for a TERM */
	ck_assert_str_eq(letters(), "t");
	ck_assert_int_ge(clock_now_ms() - began, 900);
	ck_assert_int_eq(in_helper(NULL, 0, 0, true), 2);
	ck_assert(is_gone(pid));
}
TEST_AS_INIT(clean_up)

/* One that is stopped hears it, too. */
static void stopped_body(void)
{
	pid_t pid = start('a', 0, false, NULL);

	ck_assert_int_eq(kill(pid, SIGSTOP), 0);
	ck_assert_int_eq(waitpid(pid, NULL, WUNTRACED), pid);
	ck_assert_int_eq(end_job(NULL, 0, LIMIT_MS), 0);
	ck_assert_str_eq(letters(), "a");
}
TEST_AS_INIT(stopped)

/* ---- not PID 1: what is not below us is somebody else's ---- */

static void subreaper_body(void)
{
	pid_t of_others = start('x', -1, true, NULL);
	int status = -1;
	pid_t us = fork();

	if (us == 0) {
		(void) prctl(PR_SET_CHILD_SUBREAPER, 1);
		(void) start('a', 0, true, fork_a_child);
		if (end_job(NULL, 0, LIMIT_MS) != 0)
			_exit(1);
		(void) start('b', -1, true, fork_a_child);
		_exit(in_helper(NULL, 0, 0, true) == 2 ? 0 : 2);
	}
	ck_assert_int_eq(waitpid(us, &status, 0), us);
	ck_assert_int_eq(status, 0);
	ck_assert(is_alive(of_others));
	ck_assert_ptr_null(strchr(letters(), 'x'));
}
TEST_AS_INIT(subreaper)

/* PID 1 is not root, and who came by `docker exec` is: what we may not signal is not waited for. */
static void not_allowed_body(void)
{
	pid_t of_root = start('r', -1, false, NULL);

	helper_uid = 65534;
	ck_assert_int_eq(end_job(NULL, 0, LIMIT_MS), 0);
	ck_assert_int_eq(in_helper(NULL, 0, 0, true), 0);
	ck_assert(is_alive(of_root));
	ck_assert_str_eq(letters(), "");
}
TEST_AS_INIT(not_allowed)

int main(void)
{
	Suite *suite = suite_create("apply job");
	TCase *tests = tcase_create("job");

	require_root();
	tcase_set_timeout(tests, 60);
	tcase_add_test(tests, test_everybody);
	tcase_add_test(tests, test_spared);
	tcase_add_test(tests, test_inner);
	tcase_add_test(tests, test_sessions_first);
	tcase_add_test(tests, test_half_time);
	tcase_add_test(tests, test_clean_up);
	tcase_add_test(tests, test_stopped);
	tcase_add_test(tests, test_subreaper);
	tcase_add_test(tests, test_not_allowed);
	suite_add_tcase(suite, tests);
	return run_suite(suite);
}
