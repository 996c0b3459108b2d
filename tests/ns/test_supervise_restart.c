/* SPDX-License-Identifier: Apache-2.0 */
/* --restart-engine: an engine that dies is started again behind its sockets, a number of times. */
#include <sys/socket.h>
#include <sys/un.h>

#include "supervise_fixture.h"

#define SH(script)                      \
	{                               \
		"/bin/sh", "-c", script \
	}
#define FOREVER "while :; do sleep 60 & wait $!; done"

static int listener = -EBADF;

static void open_listener(void)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };

	listener = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	(void) snprintf(address.sun_path, sizeof(address.sun_path), "%s", in_dir("docker.sock"));
	if (listener < 0 || bind(listener, (struct sockaddr *) &address, sizeof(address)) < 0 ||
	    listen(listener, 16) < 0)
		_exit(93);
}

static void forget_listener(void)
{
	(void) close(listener);
	listener = -EBADF;
}

#define WITH_LISTENER .prepare = open_listener, .on_close = forget_listener
#define LISTENING \
	.engine_fds = { .listen = &listener, .n_listen = 1, .in = -1, .out = -1, .err = -1 }

/* A client that connects now; its answer is read later. */
static int client(void)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	static const char request[] = "GET /_ping HTTP/1.0\r\n\r\n";
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	(void) snprintf(address.sun_path, sizeof(address.sun_path), "%s", in_dir("docker.sock"));
	ck_assert_int_eq(connect(fd, (struct sockaddr *) &address, sizeof(address)), 0);
	ck_assert_int_gt(write(fd, request, sizeof(request) - 1), 0);
	return fd;
}

static void assert_answered(int fd)
{
	const struct timeval limit = { .tv_sec = PATIENCE / 1000 };
	char text[64] = "";

	(void) setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof(limit));
	ck_assert_int_gt(read(fd, text, sizeof(text) - 1), 0);
	ck_assert_ptr_nonnull(strstr(text, "200 OK"));
	(void) close(fd);
}

static int count_in(const char *text, const char *what)
{
	int n = 0;

	for (; (text = strstr(text, what)); text += strlen(what))
		n++;
	return n;
}

START_TEST(a_client_of_the_pause_is_served_by_the_next_engine)
{
	static struct scene what = { .engine = { "serve", "first=%s/once:kill=9@300", "ready=50",
						 "mark=%s/up" },
				     .before_restart_ms = 500,
				     .command = SH("echo up; trap 'exit 6' TERM; " FOREVER),
				     WITH_LISTENER,
				     .options = { .restart_engine = 1,
						  .socket_url = "unix://%s/docker.sock",
						  .ready_file = "%s/is-ready",
						  LISTENING } };
	struct error err = ERROR_INIT;
	int fd;

	box_start(&what);
	wait_for_state("ready");
	wait_for_text(in_dir("is-ready"), "ready");
	wait_for_state("restarting");
	fd = client();
	ck_assert_int_eq(supervise_ready(state_file(), 0, &err), STATUS_TEMPFAIL);
	ck_assert_ptr_nonnull(strstr(err.message, "died and is being started again"));
	(void) wait_noted("before-restart beside COMMAND");
	ck_assert(access(in_dir("is-ready"), F_OK) < 0);
	assert_answered(fd);
	wait_for_state("ready");
	ck_assert(has_text(state_file(), "\"restarts\":1"));
	wait_for_text(in_dir("is-ready"), "ready");
	ck_assert_int_eq(supervise_ready(state_file(), 5000, &err), STATUS_OK);
	ck_assert_int_eq(noted("close", 1), -1);
	box_signal(SIGTERM);
	assert_status(6);
	assert_says("dind-init: warning: DIND-ENGINE-95: helper_engine was killed by SIGKILL, "
		    "starting it again in 50 ms (1 of 1)");
	assert_says("ready again: there was no engine for ");
	ck_assert_int_eq(count_in(output(), "up\n"), 1); /* COMMAND was not started twice */
	assert_says("stopped cleanly in ");
}
END_TEST

START_TEST(a_number_of_times_and_then_as_without)
{
	static struct scene what = { .engine = { "ready=20", "kill=9@150", "say=last words" },
				     .options = { .restart_engine = 2,
						  .termination_log = "%s/termination" } };

	(void) close(open(in_dir("termination"), O_WRONLY | O_CREAT | O_CLOEXEC, 0644));
	if (_i) {
		const char *const command[] = SH("trap 'echo term; exit 3' TERM; " FOREVER);

		memcpy(what.command, command, sizeof(command));
		what.options.engine_log_none = true;
	}
	box_start(&what);
	assert_status(_i ? 69 : 137);
	assert_says("starting it again in 50 ms (1 of 2)");
	assert_says("starting it again in 100 ms (2 of 2)");
	assert_says("error: DIND-ENGINE-92: helper_engine was killed by SIGKILL, after 2 restarts");
	ck_assert_int_eq(count_in(output(), "starting it again"), 2);
	ck_assert_int_eq(count_in(output(), "last words"), 3); /* each time the end of its log */
	ck_assert(has_text(in_dir("termination"), "killed by SIGKILL, after 2 restarts"));
	if (_i)
		assert_says("term\n");
	ck_assert_int_ge(noted("clean-up", 1), 0);
}
END_TEST

static const char *const early_deaths[] = { "exit=1@50", "kill=15@50" };

START_TEST(also_while_it_starts_with_its_containerd_and_the_job)
{
	static struct scene what = { .engine = { "first=%s/once:ready=never" },
				     .containerd = { "mark=%s/containerd" },
				     .job = { "exit=0@100", "put=%s/job:ran" },
				     .watch = { "mark=%s/watch" },
				     .command = SH("echo COMMAND-RAN; exit 4"),
				     .options = { .restart_engine = 1, .prepare_required = true } };
	char death[128];

	(void) snprintf(death, sizeof(death), "first=%s/twice:%s", box.dir, early_deaths[_i]);
	what.engine[1] = death;
	box_start(&what);
	assert_status(4);
	assert_says(" before it was ready, starting it again in 50 ms (1 of 1)");
	assert_says("COMMAND-RAN");
	ck_assert_str_eq(read_text(in_dir("containerd")), "up\n"); /* one for both */
	ck_assert_str_eq(read_text(in_dir("job")), "ran");
}
END_TEST

START_TEST(a_job_that_was_cut_off_is_run_again_and_one_that_was_done_is_not)
{
	static struct scene what = { .engine = { "ready=20" },
				     .command =
					     SH("echo COMMAND-RAN; trap 'exit 4' TERM; " FOREVER),
				     .options = { .restart_engine = 1, .prepare_required = true } };
	char death[128];

	what.job[0] = _i ? "exit=0@20" : "exit=0@500";
	what.job[1] = "mark=%s/job";
	(void) snprintf(death, sizeof(death), "first=%s/once:kill=9@300", box.dir);
	what.engine[1] = death;
	box_start(&what);
	wait_for_text(in_dir("out"), "(1 of 1)");
	wait_for_text(state_file(), "{\"state\":\"ready\"");
	wait_for_text(in_dir("out"), "COMMAND-RAN");
	if (_i)
		wait_for_text(in_dir("out"), "ready again");
	ck_assert_str_eq(read_text(in_dir("job")), _i ? "up\n" : "up\nup\n");
	ck_assert_int_eq(count_in(output(), "COMMAND-RAN"), 1);
	assert_silent_about("DIND-PREPARE");
	box_signal(SIGTERM);
	assert_status(4);
}
END_TEST

/* Somebody else's TERM is no death. */
START_TEST(an_engine_that_was_told_to_end_stays_gone)
{
	static struct scene what = { .engine = { "ready=20", "stopping=200", "exit=0@300" },
				     .options = { .restart_engine = 5 } };

	if (_i)
		what.engine[2] = "kill=9@300"; /* after STOPPING=1 its sockets are closed */
	box_start(&what);
	assert_status(_i ? 137 : 0);
	assert_silent_about("starting it again");
	ck_assert_int_eq(noted("before-restart", 1), -1);
}
END_TEST

START_TEST(a_stop_in_the_pause_is_a_stop)
{
	static struct scene what = { .engine = { "ready=20", "kill=9@150" },
				     .before_restart_ms = 5000,
				     .options = { .restart_engine = 3 } };

	if (_i) {
		const char *const command[] = SH("trap 'exit 5' TERM; " FOREVER);

		memcpy(what.command, command, sizeof(command));
	}
	box_start(&what);
	wait_for_state("restarting");
	(void) wait_noted("before-restart");
	box_signal(SIGTERM);
	assert_status(_i ? 5 : 0);
	ck_assert_int_eq(count_in(output(), "starting it again"), 1);
	ck_assert_int_ge(noted("close", 1), 0);
}
END_TEST

START_TEST(what_hangs_before_the_start_is_given_up)
{
	static struct scene what = { .engine = { "first=%s/once:kill=9@100", "ready=20" },
				     .before_restart_ms = 60000,
				     .options = { .restart_engine = 1 } };

	box_start(&what);
	wait_for_text(in_dir("out"), "clearing up behind the engine takes too long, giving it up");
	wait_for_text(in_dir("out"), "ready again");
	box_signal(SIGTERM);
	assert_status(0);
}
END_TEST

START_TEST(hup_of_the_pause_reaches_the_next_engine)
{
	static struct scene what = { .engine = { "first=%s/once:kill=9@200", "ready=20",
						 "log=%s/engine" },
				     .before_restart_ms = 300,
				     .options = { .restart_engine = 1 } };

	box_start(&what);
	wait_for_state("restarting");
	box_signal(SIGHUP);
	wait_for_text(in_dir("engine"), "signal 1\n");
	assert_says("ready again");
	box_signal(SIGTERM);
	assert_status(0);
}
END_TEST

static void add_tests(TCase *tc)
{
	tcase_add_test(tc, a_client_of_the_pause_is_served_by_the_next_engine);
	tcase_add_loop_test(tc, a_number_of_times_and_then_as_without, 0, 2);
	tcase_add_loop_test(tc, also_while_it_starts_with_its_containerd_and_the_job, 0,
			    ARRAY_SIZE(early_deaths));
	tcase_add_loop_test(tc, a_job_that_was_cut_off_is_run_again_and_one_that_was_done_is_not, 0,
			    2);
	tcase_add_loop_test(tc, an_engine_that_was_told_to_end_stays_gone, 0, 2);
	tcase_add_loop_test(tc, a_stop_in_the_pause_is_a_stop, 0, 2);
	tcase_add_test(tc, what_hangs_before_the_start_is_given_up);
	tcase_add_test(tc, hup_of_the_pause_reaches_the_next_engine);
}

int main(void)
{
	return run_suite("supervise-restart", add_tests);
}
