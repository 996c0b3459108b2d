/* SPDX-License-Identifier: Apache-2.0 */
/* `docker run -it`: who has the terminal, and when. */
#include <sys/ioctl.h>
#include <termios.h>

#include "supervise_fixture.h"

#define SH(script)                      \
	{                               \
		"/bin/sh", "-c", script \
	}

static int master;
static char slave_path[64];

/* What the runtime does for a container with a terminal. */
static void sit_at_terminal(void)
{
	int slave;

	must(setsid() > 0, "setsid");
	slave = open(slave_path, O_RDWR | O_CLOEXEC | O_NOCTTY);
	must(slave >= 0 && ioctl(slave, TIOCSCTTY, 0) == 0, "terminal");
	must(dup2(slave, 0) == 0 && dup2(slave, 1) == 1 && dup2(slave, 2) == 2, "descriptors");
	(void) close(slave);
	must(tcgetpgrp(0) == getpgrp(), "foreground");
}

/* A shell that puts us into the background: its own group stays in front. */
static void sit_in_background(void)
{
	pid_t pid;
	int status;

	sit_at_terminal();
	pid = fork();
	must(pid >= 0, "fork");
	if (pid == 0) {
		must(prctl(PR_SET_PDEATHSIG, SIGKILL) == 0 && setpgid(0, 0) == 0, "background");
		return;
	}
	(void) waitpid(pid, &status, 0);
	_exit(WEXITSTATUS(status));
}

static void open_terminal(void)
{
	master = posix_openpt(O_RDWR | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
	ck_assert_int_ge(master, 0);
	ck_assert_int_eq(grantpt(master), 0);
	ck_assert_int_eq(unlockpt(master), 0);
	ck_assert_int_eq(ptsname_r(master, slave_path, sizeof(slave_path)), 0);
}

/* All that was on the screen so far. */
static const char *screen(void)
{
	static char text[16384];
	static size_t used;
	ssize_t n;

	while (used + 1 < sizeof(text) &&
	       (n = read(master, text + used, sizeof(text) - 1 - used)) > 0)
		used += (size_t) n;
	text[used] = '\0';
	return text;
}

static void wait_for_screen(const char *text)
{
	int64_t end = clock_now_ms() + PATIENCE;

	while (!strstr(screen(), text)) {
		ck_assert_msg(clock_now_ms() < end, "no '%s' on the screen:\n%s", text, screen());
		sleep_ms(5);
	}
}

static void type(const char *keys)
{
	ck_assert_int_eq(write(master, keys, strlen(keys)), strlen(keys));
}

START_TEST(command_has_the_terminal_while_it_runs)
{
	static struct scene what = { .engine = { "log=%s/engine", "report=%s/engine-is",
						 "term=slow:1500" },
				     .command = { ENGINE, "report=%s/command-is", "log=%s/command",
						  "mark=%s/up", "ready=never" },
				     .workload = { .foreground = true },
				     .prepare = sit_at_terminal,
				     .log_to_file = true };

	open_terminal();
	box_start(&what);
	wait_for_text(in_dir("up"), "up");
	ck_assert(has_text(in_dir("command-is"), "session shared\ngroup own\nterminal mine\n"));
	ck_assert(has_text(in_dir("engine-is"), "session own\ngroup own\nterminal not mine\n"));
	type("\003");
	wait_for_text(in_dir("command"), "signal 2\n");
	type("\034");
	wait_for_text(in_dir("command"), "signal 3\n");
	sleep_ms(300);
	ck_assert_str_eq(read_text(in_dir("command")), "signal 2\nsignal 3\n"); /* once each */
	ck_assert_str_eq(read_text(in_dir("engine")), "");
	ck_assert_int_ne(tcgetpgrp(master), box.pid);
	/* afterwards it is ours again: for ^C, if the stop takes too long */
	box_signal(SIGTERM);
	wait_for_text(in_dir("engine"), "signal 15\n");
	ck_assert_int_eq(tcgetpgrp(master), box.pid);
	type("\003"); /* counts as the second TERM */
	(void) wait_noted("containers");
	while (!box_has_ended())
		(void) screen();
	ck_assert_msg(box.status == 0, "status %d:\n%s", box.status, screen());
	ck_assert_str_eq(read_text(in_dir("engine")), "signal 15\n");
}
END_TEST

START_TEST(a_shell_has_job_control)
{
	static struct scene what = { .command = { "/bin/bash", "--norc", "-i" },
				     .workload = { .foreground = true },
				     .prepare = sit_at_terminal,
				     .options = { .engine_log_none = true } };

	open_terminal();
	box_start(&what);
	wait_for_screen("# ");
	type("sleep 50\n");
	sleep_ms(500);
	type("\003");
	type("echo \"jobs-$((40 + 2)) last=$?\"; exit 6\n");
	wait_for_screen("jobs-42 last=130");
	while (!box_has_ended())
		(void) screen();
	ck_assert_int_eq(box.status, 6);
	ck_assert_ptr_null(strstr(screen(), "no job control"));
	ck_assert_ptr_null(strstr(screen(), "cannot set terminal"));
}
END_TEST

START_TEST(control_c_stops_an_engine_in_the_foreground)
{
	static struct scene what = { .engine = { "log=%s/engine" }, .prepare = sit_at_terminal };

	open_terminal();
	box_start(&what);
	wait_for_screen("ready after ");
	type("\003");
	while (!box_has_ended())
		(void) screen();
	ck_assert_msg(box.status == 0, "status %d:\n%s", box.status, screen());
	ck_assert_str_eq(read_text(in_dir("engine")), "signal 15\n"); /* and no INT of its own */
}
END_TEST

START_TEST(in_the_background_the_terminal_is_left_alone)
{
	static struct scene what = { .command = { ENGINE, "report=%s/command-is", "exit=3@300" },
				     .workload = { .foreground = true },
				     .prepare = sit_in_background,
				     .subreaper = true };

	open_terminal();
	box_start(&what);
	wait_for_text(in_dir("command-is"), "group own\nterminal not mine\n");
	while (!box_has_ended()) {
		pid_t foreground = tcgetpgrp(master);

		if (foreground == 0) /* the session is gone, and soon is its leader */
			break;
		ck_assert_int_eq(foreground, box.pid);
		(void) screen();
		sleep_ms(5);
	}
	ck_assert_msg(box_wait() == 3, "status %d:\n%s", box.status, screen());
}
END_TEST

START_TEST(a_command_that_cannot_run_gives_the_terminal_back)
{
	static struct scene what = { .engine = { "term=slow:700" },
				     .command = { "/no/such/program" },
				     .workload = { .foreground = true },
				     .prepare = sit_at_terminal };

	open_terminal();
	box_start(&what);
	wait_for_screen("DIND-COMMAND-01");
	wait_for_screen("stop: ");
	ck_assert_int_eq(tcgetpgrp(master), box.pid);
	while (!box_has_ended())
		(void) screen();
	ck_assert_int_eq(box.status, 127);
}
END_TEST

static void add(TCase *tc)
{
	tcase_add_test(tc, command_has_the_terminal_while_it_runs);
	tcase_add_test(tc, a_shell_has_job_control);
	tcase_add_test(tc, control_c_stops_an_engine_in_the_foreground);
	tcase_add_test(tc, in_the_background_the_terminal_is_left_alone);
	tcase_add_test(tc, a_command_that_cannot_run_gives_the_terminal_back);
}

int main(void)
{
	return run_suite("supervise_terminal", add);
}
