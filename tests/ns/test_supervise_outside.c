/* SPDX-License-Identifier: Apache-2.0 */
/* No engine of ours: COMMAND alone, and before it what waits for the engine of somebody else. Also
 * what a look from outside shows, and what memory that ran out is called. */
#include <grp.h>

#include "supervise_fixture.h"

#define SH(script)                      \
	{                               \
		"/bin/sh", "-c", script \
	}
#define FOREVER "while :; do sleep 60 & wait $!; done"
#define WAITING .options = { .prepare_required = true, .prepare_name = "waiting for tcp://x" }

START_TEST(command_runs_at_once)
{
	static struct scene what = { .outside = true,
				     .command = SH("exit 7"),
				     .options.summary = "mode socket, unix:///x" };

	box_start(&what);
	assert_status(7);
	assert_says("mode socket, unix:///x");
	assert_says("ready after");
	assert_silent_about("(engine");
	ck_assert_int_gt(noted("clean-up", 1), 0);
}
END_TEST

START_TEST(it_is_ready_for_those_who_ask)
{
	static struct scene what = { .outside = true, .command = SH(FOREVER) };

	box_start(&what);
	wait_for_state("ready");
	box_signal(SIGTERM);
	assert_status(143);
	assert_says("waiting for COMMAND");
	assert_says("stop: 9.0 s in all, for COMMAND up to 8.1");
}
END_TEST

START_TEST(without_waiting)
{
	static struct scene what = { .outside = true,
				     .command = SH("exit 3"),
				     .options.no_wait = true };

	box_start(&what);
	assert_status(3);
}
END_TEST

/* COMMAND runs while somebody else waits for that engine, and goes on when nobody is there. */
START_TEST(without_waiting_the_engine_is_waited_for)
{
	static struct scene what = { .outside = true,
				     .job = { "exit=69@300" },
				     .command = SH("echo command runs; sleep 1; exit 3"),
				     WAITING,
				     .options.no_wait = true };

	what.options.prepare_required = false;
	box_start(&what);
	wait_for_state("starting");
	wait_for_state("ready");
	assert_status(3);
	assert_says("command runs");
	assert_says("DIND-PREPARE-01: waiting for tcp://x ended with status 69, continuing");
}
END_TEST

START_TEST(command_starts_when_the_wait_is_over)
{
	static struct scene what = { .outside = true,
				     .job = { "exit=0@400" },
				     .command = SH("echo command runs"),
				     WAITING };

	box_start(&what);
	wait_for_state("starting");
	assert_silent_about("command runs");
	assert_status(0);
	assert_says("command runs");
}
END_TEST

/* The status tells who waits in vain from who waits for the wrong one. */
static const struct {
	const char *job;
	int status;
} vain[] = { { "exit=69@10", 69 }, { "exit=78@10", 78 } };

START_TEST(a_wait_in_vain)
{
	static struct scene what = { .outside = true, .command = SH("echo command runs"), WAITING };

	what.job[0] = vain[_i].job;
	what.options.termination_log = "%s/termination";
	box_start(&what);
	assert_status(vain[_i].status);
	assert_silent_about("command runs");
	assert_says("DIND-PREPARE-01");
	assert_says("waiting for tcp://x ended with status");
}
END_TEST

START_TEST(a_wait_that_hangs)
{
	static struct scene what = {
		.outside = true, .job = { "ready=never" }, .command = SH("exit 0"), WAITING
	};

	what.options.prepare_timeout_ms = 300;
	box_start(&what);
	assert_status(69);
	assert_says("was not done within 0.3 s");
}
END_TEST

START_TEST(a_stop_while_waiting)
{
	static struct scene what = {
		.outside = true, .job = { "ready=never" }, .command = SH("exit 0"), WAITING
	};

	box_start(&what);
	wait_for_state("starting");
	box_signal(SIGTERM);
	assert_status(143);
}
END_TEST

/* ---- PID 1 as an ordinary user, without a directory of its own ---- */

static void become_1000(void)
{
	const gid_t group = 1000;

	if (setgroups(1, &group) < 0 || setresgid(1000, 1000, 1000) < 0 ||
	    setresuid(1000, 1000, 1000) < 0 || prctl(PR_SET_DUMPABLE, 1) < 0)
		_exit(93);
}

START_TEST(an_ordinary_user)
{
	static struct scene what = {
		.outside = true,
		.prepare = become_1000,
		.command = SH("id -u; (sleep 300 &) ; trap 'exit 5' TERM; echo up; " FOREVER),
	};

	box_start(&what);
	wait_for_text(in_dir("out"), "up\n");
	assert_says("1000\n");
	box_signal(SIGTERM);
	assert_status(5); /* and what COMMAND left behind was killed, or PID 1 would not end */
	assert_silent_about("could not be killed");
	assert_silent_about("warning");
}
END_TEST

/* ---- SIGUSR1 ---- */

START_TEST(a_look_from_outside)
{
	static struct scene what = { .engine = { "ready=10", "log=%s/engine" },
				     .command = SH("trap 'exit 0' TERM; " FOREVER),
				     .options.summary = "overlay2" };

	box_start(&what);
	wait_for_state("ready");
	box_signal(SIGUSR1);
	wait_for_text(in_dir("out"), "state: COMMAND runs, pid");
	assert_says("state: running for all of");
	assert_says("state: overlay2");
	assert_says("state: helper_engine runs, pid");
	/* COMMAND has no handler, and lives */
	box_signal(SIGTERM);
	assert_status(0);
	assert_says("stop: 9.0 s in all: COMMAND up to 4.0, the engine and its containers up to "
		    "6.7, killing up to 8.1, unmounting the rest");
	ck_assert_str_eq(read_text(in_dir("engine")), "signal 15\n");
}
END_TEST

START_TEST(a_look_at_an_engine_that_is_starting)
{
	static struct scene what = { .engine = { "late", "ready=500", "log=%s/engine" } };

	box_start(&what);
	wait_for_state("starting");
	box_signal(SIGUSR1); /* would kill it: it has no handler yet */
	wait_for_text(in_dir("out"), "state: starting");
	wait_for_state("ready");
	box_signal(SIGTERM);
	assert_status(0);
}
END_TEST

static void add(TCase *tc)
{
	tcase_add_test(tc, command_runs_at_once);
	tcase_add_test(tc, it_is_ready_for_those_who_ask);
	tcase_add_test(tc, without_waiting);
	tcase_add_test(tc, without_waiting_the_engine_is_waited_for);
	tcase_add_test(tc, command_starts_when_the_wait_is_over);
	tcase_add_loop_test(tc, a_wait_in_vain, 0, (int) ARRAY_SIZE(vain));
	tcase_add_test(tc, a_wait_that_hangs);
	tcase_add_test(tc, a_stop_while_waiting);
	tcase_add_test(tc, an_ordinary_user);
	tcase_add_test(tc, a_look_from_outside);
	tcase_add_test(tc, a_look_at_an_engine_that_is_starting);
}

int main(void)
{
	return run_suite("outside", add);
}
