/* SPDX-License-Identifier: Apache-2.0 */
/* The life of a box until somebody wants it to end: ready, statuses, deaths, orphans, signals. */
#include <sys/socket.h>
#include <sys/un.h>

#include "supervise_fixture.h"

#define SH(script)                      \
	{                               \
		"/bin/sh", "-c", script \
	}
#define FOREVER	     "while :; do sleep 60 & wait $!; done"
#define CATCH_TERM   "trap 'echo command-got-term; exit 5' TERM; "
#define DEAF_COMMAND SH("trap '' TERM; echo up; " FOREVER)

/* ---- ready ---- */

/* Our part of what NOTIFY_SOCKET of the outer engine is. */
static int manager(const char *path, bool abstract)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

	(void) snprintf(address.sun_path, sizeof(address.sun_path), "%s", path);
	if (abstract)
		address.sun_path[0] = '\0';
	ck_assert_int_eq(bind(fd, (struct sockaddr *) &address,
			      (socklen_t) (offsetof(struct sockaddr_un, sun_path) + strlen(path))),
			 0);
	return fd;
}

static void assert_told(int fd, const char *want)
{
	char text[64] = "";
	ssize_t n = recv(fd, text, sizeof(text) - 1, 0);

	ck_assert_msg(n > 0 && strcmp(text, want) == 0, "'%s' instead of '%s'", text, want);
}

START_TEST(ready_is_announced_and_taken_back)
{
	/* it takes its time to stop: otherwise writing back dies with everybody else */
	static struct scene what = { .engine = { "ready=100", "term=slow:300" } };
	char outer[100]; /* of sun_path */
	int fd;

	(void) snprintf(outer, sizeof(outer), _i ? "@%s/outer" : "%s/outer", box.dir);
	fd = manager(outer, _i);
	what.options.ready_file = "%s/is-ready";
	what.options.outer_notify = outer;
	what.options.socket_url = NULL;
	what.options.summary = "overlay2, as-is, cgroup v1";
	what.options.termination_log = "%s/termination";
	(void) close(open(in_dir("termination"), O_WRONLY | O_CREAT | O_CLOEXEC, 0644));
	box_start(&what);
	wait_for_state("starting");
	ck_assert(access(in_dir("is-ready"), F_OK) < 0);
	wait_for_state("ready");
	wait_for_text(in_dir("out"), "ready after ");
	wait_for_text(in_dir("is-ready"), "ready\n");
	ck_assert(has_text(state_file(), "\"pid\":1,"));
	ck_assert(has_text(state_file(), "\"summary\":\"overlay2, as-is, cgroup v1\""));
	ck_assert(!has_text(state_file(), "\"ready_after_ms\":-1"));
	assert_told(fd, "READY=1");
	box_signal(SIGTERM);
	assert_status(0);
	assert_told(fd, "STOPPING=1");
	ck_assert(access(in_dir("is-ready"), F_OK) < 0);
	assert_says("overlay2, as-is, cgroup v1");
	assert_says("stopped cleanly in ");
	ck_assert_int_ge(noted("sync", 1), 0);
	ck_assert_int_ge(noted("clean-up", 1), noted("close", 1));
	ck_assert_int_eq(noted("close", 2), -1);
	ck_assert_int_eq(noted("containers", 1), -1);
	ck_assert_str_eq(read_text(in_dir("termination")), ""); /* nothing to complain about */
}
END_TEST

START_TEST(only_the_engine_can_say_that_it_is_ready)
{
	static struct scene what = { .engine = { "forge", "ready=never" },
				     .command = SH("echo COMMAND-RAN"),
				     .options = { .ready_timeout_ms = 700,
						  .stop_timeout_ms = 2000 } };

	box_start(&what);
	assert_status(69);
	assert_says("dind-init: error: DIND-ENGINE-93: helper_engine was not ready within 0.7 s");
	assert_silent_about("COMMAND-RAN");
}
END_TEST

static int count_fds(void)
{
	DIR *dir;
	int n = 0;
	char path[64];

	(void) snprintf(path, sizeof(path), "/proc/%d/fd", (int) box.pid);
	dir = opendir(path);
	ck_assert_ptr_nonnull(dir);
	while (readdir(dir))
		n++;
	(void) closedir(dir);
	return n;
}

START_TEST(descriptors_that_come_with_a_datagram_do_not_pile_up)
{
	static struct scene what = { .engine = { "attach=3", "ready=300" } };
	int before;

	box_start(&what);
	wait_for_state("starting");
	before = count_fds();
	wait_for_state("ready");
	/* what it has open for a moment only is no leak */
	for (int i = 0; i < 300 && count_fds() > before; i++)
		sleep_ms(10);
	ck_assert_int_le(count_fds(), before);
}
END_TEST

START_TEST(a_command_waits_for_ready_unless_told_not_to)
{
	static struct scene what = {
		.engine = { "put=%s/order:engine", "ready=400" },
		.command = SH("cat \"$0\"/order; ls -d /proc/[0-9]* | wc -l; exit 3")
	};
	int64_t start = clock_now_ms();

	what.command[3] = "%s";
	what.options.no_wait = _i;
	box_start(&what);
	wait_for_text(in_dir("out"), "engine");
	if (_i)
		ck_assert(!says("ready after"));
	else
		ck_assert_int_ge(clock_now_ms() - start, 400);
	assert_status(3);
}
END_TEST

/* Its last step, late or never; in place of the C library's, for this program. */
static int ready_file_pause_ms;

int rename(const char *old, const char *new)
{
	const char *name = strrchr(new, '/');

	if (name && strcmp(name, "/is-ready") == 0)
		sleep_ms(ready_file_pause_ms);
	return renameat(AT_FDCWD, old, AT_FDCWD, new);
}

/* A COMMAND that asks for the file and has not to wait for it. */
START_TEST(command_finds_the_ready_file_there)
{
	static struct scene what = { .engine = { "ready=10" },
				     .options = { .ready_file = "%s/is-ready" },
				     .command = SH("test -e \"$0\"/is-ready && exit 3") };

	what.command[3] = "%s";
	ready_file_pause_ms = 400;
	box_start(&what);
	assert_status(3);
}
END_TEST

START_TEST(command_does_not_wait_for_ever_for_the_ready_file)
{
	static struct scene what = { .engine = { "ready=10" },
				     .options = { .ready_file = "%s/is-ready" },
				     .command = SH("test ! -e \"$0\"/is-ready && exit 3") };
	int64_t start = clock_now_ms();

	what.command[3] = "%s";
	ready_file_pause_ms = 30000;
	box_start(&what);
	assert_status(3);
	ck_assert_int_ge(clock_now_ms() - start, 3000);
	assert_says("writing the ready file takes too long, giving it up");
}
END_TEST

/* And it is the engine's turn when COMMAND never was. */
START_TEST(a_term_while_the_ready_file_is_written)
{
	static struct scene what = { .engine = { "ready=10" },
				     .options = { .ready_file = "%s/is-ready" },
				     .command = SH("echo COMMAND-RAN") };

	ready_file_pause_ms = 30000;
	box_start(&what);
	wait_for_state("ready");
	box_signal(SIGTERM);
	assert_status(143);
	assert_silent_about("COMMAND-RAN");
	ck_assert(access(in_dir("is-ready"), F_OK) < 0);
}
END_TEST

/* ---- statuses ---- */

static const struct {
	const char *command[4];
	int status;
	const char *says;
} commands[] = {
	{ SH("exit 0"), 0, "stopped cleanly in " },
	{ SH("exit 3"), 3, "COMMAND ended with status 3" },
	{ SH("kill -TERM $$"), 143, "COMMAND was killed by SIGTERM" },
	{ SH("kill -KILL $$"), 137, "COMMAND was killed by SIGKILL" },
	{ { "/etc/passwd" },
	  126,
	  "dind-init: error: DIND-COMMAND-01: cannot execute /etc/passwd: Permission denied" },
	{ { "no-such-program", "-x" },
	  127,
	  "dind-init: error: DIND-COMMAND-01: cannot execute no-such-program: No such file" },
};

START_TEST(the_status_of_command_is_ours)
{
	static struct scene what = { .engine = { "ready=10" } };

	memcpy(what.command, commands[_i].command, sizeof(commands[_i].command));
	box_start(&what);
	assert_status(commands[_i].status);
	assert_says(commands[_i].says);
	ck_assert_int_ge(noted("clean-up", 1), 0);
}
END_TEST

START_TEST(a_command_that_cannot_be_started_at_once_stops_the_engine_too)
{
	static struct scene what = { .engine = { "late", "ready=15000" },
				     .command = { "/no/such/program" },
				     .options = { .no_wait = true } };
	int64_t start = clock_now_ms();

	box_start(&what);
	assert_status(127);
	assert_between(clock_now_ms(), start, 0, 0); /* it got a TERM */
	assert_says("stop: COMMAND could not be started, waiting for helper_engine");
}
END_TEST

static const struct {
	const char *engine[3];
	int status;
	const char *says;
} engines[] = {
	{ { "ready=10", "exit=0@300" }, 0, "helper_engine ended by itself" },
	{ { "ready=10", "exit=4@300" },
	  4,
	  "dind-init: error: DIND-ENGINE-92: helper_engine ended with status 4" },
	{ { "ready=10", "kill=9@300" },
	  137,
	  "dind-init: error: DIND-ENGINE-92: helper_engine was killed by SIGKILL" },
	{ { "ready=never", "exit=1@100" },
	  1,
	  "helper_engine ended with status 1 before it was ready" },
	{ { "ready=10", "term=7" }, 7, "asked to stop" }, /* after a TERM of ours */
};

START_TEST(the_status_of_an_engine_in_the_foreground_is_ours)
{
	static struct scene what;

	memcpy(what.engine, engines[_i].engine, sizeof(engines[_i].engine));
	what.options.termination_log = "%s/termination";
	(void) close(open(in_dir("termination"), O_WRONLY | O_CREAT | O_CLOEXEC, 0644));
	box_start(&what);
	if (strstr(engines[_i].engine[1], "term=")) {
		wait_for_state("ready");
		box_signal(SIGTERM);
	}
	assert_status(engines[_i].status);
	assert_says(engines[_i].says);
	if (strstr(engines[_i].says, "error: "))
		ck_assert(has_text(in_dir("termination"), "dind-init: helper_engine "));
	ck_assert_int_ge(noted("close", 1), 0);
	ck_assert_int_ge(noted("clean-up", 1), 0);
}
END_TEST

START_TEST(an_engine_that_is_not_there)
{
	static const char *const argv[] = { "/no/such/dockerd", NULL };
	static const struct launch engine = { .argv = argv };
	static struct scene what = { .options = { .engine = &engine } };

	if (_i)
		what.command[0] = "/bin/true";
	box_start(&what);
	assert_status(_i ? 69 : 127);
	assert_says("dind-init: error: DIND-ENGINE-91: cannot execute /no/such/dockerd");
	ck_assert_int_ge(noted("close", 1), 0);
	ck_assert_int_ge(noted("clean-up", 1), 0);
}
END_TEST

/* ---- the death of the engine ---- */

START_TEST(the_death_of_the_engine_under_a_command_is_told)
{
	static struct scene what = { .engine = { "lines=100", "say=the last words", "ready=10",
						 "kill=9@400" },
				     .command = SH(CATCH_TERM "echo up; " FOREVER),
				     .log_to_file = true };

	what.options.termination_log = "%s/termination";
	(void) close(open(in_dir("termination"), O_WRONLY | O_CREAT | O_CLOEXEC, 0644));
	box_start(&what);
	wait_for_text(in_dir("out"), "up\n");
	assert_silent_about("the last words"); /* they are in the file */
	assert_status(69);
	assert_says("dind-init: error: DIND-ENGINE-92: helper_engine was killed by SIGKILL");
	assert_says("command-got-term");
	assert_says("| the last words");
	assert_says("| line 100");
	assert_says("| line 62"); /* 40 lines, the last words among them */
	assert_silent_about("| line 61\n");
	assert_says("/log/deep/engine.log:");
	ck_assert(has_text(in_dir("log/deep/engine.log"), "line 1\n"));
	ck_assert_str_eq(read_text(in_dir("termination")),
			 "dind-init: helper_engine was killed by SIGKILL\n");
	ck_assert_int_eq(noted("close", 2), -1);
}
END_TEST

START_TEST(a_deaf_command_does_not_outlive_its_engine_for_long)
{
	static struct scene what = { .engine = { "ready=10", "kill=9@300" },
				     .command = DEAF_COMMAND,
				     .options = { .stop_timeout_ms = 2000,
						  .engine_log_none = true } };
	int64_t began = clock_now_ms(), died;

	box_start(&what);
	wait_for_state("failed");
	died = wait_noted("sync");
	ck_assert(has_text(state_file(), "\"reason\":\"helper_engine was killed by SIGKILL\""));
	ck_assert(has_text(state_file(), "\"engine_pid\":0,"));
	assert_status(69);
	/* not before its share of the time is over; what is noted is noted late, never early */
	ck_assert_int_ge(noted("clean-up", 1) - began, 300 + 2000 * 45 / 100 - 10);
	assert_between(noted("clean-up", 1), died, 0, 900);
}
END_TEST

START_TEST(an_engine_that_dies_early_is_explained)
{
	static struct scene what = { .engine = { "say=unknown flag: --no-such-flag", "ready=never",
						 "exit=1@50" },
				     .command = SH("echo COMMAND-RAN"),
				     .options = { .engine_log_none = true } };

	box_start(&what);
	assert_status(69);
	assert_says("| unknown flag: --no-such-flag");
	assert_says("helper_engine ended with status 1 before it was ready");
	assert_silent_about("COMMAND-RAN");
	assert_silent_about("engine.log");
}
END_TEST

START_TEST(an_engine_that_dies_while_command_stops_is_no_clean_stop)
{
	static struct scene what = { .engine = { "ready=10", "kill=9@900", "say=words" },
				     .command =
					     SH("trap 'sleep 1.5; exit 0' TERM; echo up; " FOREVER),
				     .options = { .engine_log_none = true } };

	box_start(&what);
	wait_for_text(in_dir("out"), "up\n");
	box_signal(SIGTERM);
	assert_status(69);
	assert_says("| words");
}
END_TEST

/* Two kills so far, in a group of v2 or v1 below the root of what shows; the root's are others'. */
#define MEMORY_ROOT  "/sys/fs/cgroup"
#define MEMORY_GROUP MEMORY_ROOT "/pods/own"
#define MEMORY_V1    MEMORY_ROOT "/v1"

static void fake_memory_groups(void)
{
	static const struct {
		const char *path, *text;
	} files[] = {
		{ MEMORY_ROOT "/memory.events.local", "oom 1\noom_kill 0\n" },
		{ MEMORY_ROOT "/memory.events", "low 0\noom 3\noom_kill 2\noom_group_kill 0\n" },
		{ MEMORY_GROUP "/memory.events.local", "oom 1\noom_kill 0\n" },
		{ MEMORY_GROUP "/memory.events", "low 0\noom 3\noom_kill 2\noom_group_kill 0\n" },
		{ MEMORY_GROUP "/memory.max", "536870912\n" },
		{ MEMORY_V1 "/memory.oom_control",
		  "oom_kill_disable 0\nunder_oom 0\noom_kill 2\n" },
		{ MEMORY_V1 "/memory.limit_in_bytes", "268435456\n" },
		{ MEMORY_V1 "/memory.max_usage_in_bytes", "268435456\n" },
	};

	must(mount("tmpfs", MEMORY_ROOT, "tmpfs", 0, NULL) == 0, MEMORY_ROOT);
	must(mkdir(MEMORY_ROOT "/pods", 0755) == 0 && mkdir(MEMORY_GROUP, 0755) == 0, "pods");
	must(mkdir(MEMORY_V1, 0755) == 0, "v1");
	for (size_t i = 0; i < ARRAY_SIZE(files); i++)
		must(file_replace(files[i].path, files[i].text, 0644) == 0, files[i].path);
}

#define ABOVE "(out of memory, by a limit above this container's or the machine's)"

static const struct {
	const char *group;     /* whose counters are looked at */
	const char *killed[2]; /* what the stand-in does right before it is killed */
	const char *says;      /* NULL: nothing of memory */
} oom_cases[] = {
	{ MEMORY_GROUP, { NULL }, NULL },
	{ MEMORY_GROUP,
	  { "put=" MEMORY_GROUP "/memory.events.local:oom 2\n",
	    "put=" MEMORY_GROUP "/memory.events:oom 4\noom_kill 3\n" },
	  "was killed by SIGKILL (out of memory, the limit is 512.0 MiB)" },
	/* an inner container at a limit of its own, and dockerd by hand */
	{ MEMORY_GROUP, { "put=" MEMORY_GROUP "/memory.events:oom 4\noom_kill 3\n" }, NULL },
	{ MEMORY_GROUP,
	  { "put=" MEMORY_GROUP "/memory.events:oom 3\noom_kill 3\n" },
	  "was killed by SIGKILL " ABOVE },
	{ MEMORY_GROUP, { "put=" MEMORY_ROOT "/memory.events.local:oom 2\n" }, NULL },
	{ NULL, { "put=" MEMORY_ROOT "/memory.events.local:oom 2\n" }, NULL },
	{ MEMORY_V1,
	  { "put=" MEMORY_V1 "/memory.oom_control:oom_kill 3\n" },
	  "was killed by SIGKILL (out of memory, the limit is 256.0 MiB)" },
	{ MEMORY_V1, { "put=" MEMORY_ROOT "/memory.events.local:oom 2\n" }, NULL },
};

START_TEST(out_of_memory_is_named)
{
	static struct scene what = { .engine = { "ready=10", "kill=9@300" },
				     .prepare = fake_memory_groups };

	what.options.memory_group = oom_cases[_i].group;
	what.engine[2] = oom_cases[_i].killed[0];
	what.engine[3] = oom_cases[_i].killed[1];
	box_start(&what);
	assert_status(137);
	if (oom_cases[_i].says)
		assert_says(oom_cases[_i].says);
	else
		assert_silent_about("out of memory");
}
END_TEST

START_TEST(not_ready_in_time)
{
	static struct scene what = { .engine = { "say=waiting for nothing", "ready=never",
						 "log=%s/signals" },
				     .options = { .ready_timeout_ms = 300 } };

	if (_i) {
		what.command[0] = "/bin/true";
		what.options.engine_log_none = true;
	}
	box_start(&what);
	assert_status(69);
	assert_says("dind-init: error: DIND-ENGINE-93: helper_engine was not ready within 0.3 s");
	assert_says(_i ? "| waiting for nothing" : "waiting for nothing");
	ck_assert_str_eq(read_text(in_dir("signals")), "signal 15\n"); /* it got its chance */
	ck_assert_int_ge(noted("close", 1), 0);
}
END_TEST

START_TEST(late_with_a_message_command_starts_all_the_same)
{
	/* _i: the engine is ready in the end, and that starts nothing */
	static struct scene what = { .command = SH("echo command-runs; sleep 1; exit 4"),
				     .options = { .ready_timeout_ms = 300,
						  .late_message = "Timed out, going on." } };
	const char *ran;

	what.engine[0] = _i ? "ready=700" : "ready=15000";
	box_start(&what);
	assert_status(4);
	assert_says("dind-init: warning: Timed out, going on.");
	ck_assert(!says("DIND-ENGINE-93"));
	ck_assert_int_eq(says("ready after"), _i != 0);
	ran = strstr(output(), "command-runs");
	ck_assert_ptr_nonnull(ran);
	ck_assert_ptr_null(strstr(ran + 1, "command-runs"));
}
END_TEST

START_TEST(late_with_a_message_and_no_command_to_start)
{
	static struct scene what = { .engine = { "ready=15000" },
				     .command = { "/no/such/program" },
				     .options = { .ready_timeout_ms = 300,
						  .late_message = "Timed out, going on." } };

	box_start(&what);
	assert_status(127);
	assert_says("dind-init: warning: Timed out, going on.");
}
END_TEST

START_TEST(stopping_without_having_been_asked_closes_the_listeners)
{
	static struct scene what = { .engine = { "ready=10", "stopping=200", "exit=0@700" } };

	box_start(&what);
	assert_status(0);
	ck_assert_int_ge(noted("clean-up", 1) - noted("close", 1), 300);
}
END_TEST

/* ---- signals ---- */

START_TEST(hup_is_held_until_the_engine_is_ready)
{
	static struct scene what = { .engine = { "late", "ready=600", "log=%s/signals" } };

	box_start(&what);
	wait_for_state("starting");
	box_signal(SIGHUP); /* would kill it: it has no handler yet */
	wait_for_text(in_dir("signals"), "signal 1\n");
	wait_for_state("ready");
	box_signal(SIGHUP);
	wait_for_text(in_dir("signals"), "signal 1\nsignal 1\n");
	box_signal(SIGUSR1);
	wait_for_text(in_dir("signals"), "signal 10\n");
	box_signal(SIGTERM);
	assert_status(0);
	ck_assert_str_eq(read_text(in_dir("signals")),
			 "signal 1\nsignal 1\nsignal 10\nsignal 15\n");
}
END_TEST

static void wait_noted_times(const char *name, int times)
{
	int64_t end = clock_now_ms() + PATIENCE;

	while (noted(name, times) < 0) {
		ck_assert_msg(clock_now_ms() < end, "'%s' not %d times in:\n%s", name, times,
			      read_text(in_dir("events")));
		sleep_ms(5);
	}
}

static void touch(const char *name)
{
	int fd = open(in_dir(name), O_WRONLY | O_CREAT | O_CLOEXEC, 0644);

	ck_assert_int_ge(fd, 0);
	(void) close(fd);
}

START_TEST(hup_is_passed_on_after_the_merge)
{
	static struct scene what = { .engine = { "late", "ready=500", "log=%s/signals" },
				     .reloads = true };

	box_start(&what);
	wait_for_state("starting");
	box_signal(SIGHUP);
	wait_for_state("ready");
	wait_for_text(in_dir("signals"), "signal 1\n");
	ck_assert_int_gt(noted("reload", 1), 0);
	ck_assert_int_lt(noted("reload", 2), 0);
	/* what cannot be merged does not reach the engine, which lives on */
	touch("broken");
	box_signal(SIGHUP);
	wait_noted_times("reload", 2);
	box_signal(SIGUSR1);
	wait_for_text(in_dir("signals"), "signal 10\n");
	ck_assert_int_eq(unlink(in_dir("broken")), 0);
	box_signal(SIGHUP);
	wait_for_text(in_dir("signals"), "signal 1\nsignal 10\nsignal 1\n");
	ck_assert_int_gt(noted("reload", 3), 0);
	/* one that comes while another is worked on: both are, and the engine hears of it after */
	touch("hold");
	box_signal(SIGHUP);
	wait_noted_times("reload", 4);
	box_signal(SIGHUP);
	sleep_ms(50);
	ck_assert_str_eq(read_text(in_dir("signals")), "signal 1\nsignal 10\nsignal 1\n");
	ck_assert_int_eq(unlink(in_dir("hold")), 0);
	wait_noted_times("reload", 5);
	wait_for_text(in_dir("signals"), "signal 10\nsignal 1\nsignal 1\n");
	box_signal(SIGTERM);
	assert_status(0);
	ck_assert_int_lt(noted("reload", 6), 0);
}
END_TEST

static const int forwarded[] = { SIGHUP,   SIGINT,  SIGQUIT, SIGUSR1, SIGUSR2,
				 SIGWINCH, SIGALRM, SIGCONT, 40 };

START_TEST(command_gets_the_signals_and_the_engine_none)
{
	static struct scene what = { .engine = { "ready=10", "log=%s/engine" },
				     .command = { ENGINE, "log=%s/command", "mark=%s/up",
						  "ready=never" } };
	char line[32], all[512] = "";

	box_start(&what);
	wait_for_state("ready");
	wait_for_text(in_dir("up"), "up");
	for (size_t i = 0; i < ARRAY_SIZE(forwarded); i++) {
		box_signal(forwarded[i]);
		(void) snprintf(line, sizeof(line), "signal %d\n", forwarded[i]);
		wait_for_text(in_dir("command"), line);
		(void) snprintf(all + strlen(all), sizeof(all) - strlen(all), "%s", line);
	}
	box_signal(SIGTTIN);
	box_signal(SIGTTOU);
	sleep_ms(100);
	ck_assert_str_eq(read_text(in_dir("command")), all);
	ck_assert_str_eq(read_text(in_dir("engine")), "");
}
END_TEST

START_TEST(a_hup_is_commands_and_the_engines)
{
	static struct scene what = { .engine = { "ready=10", "log=%s/engine" },
				     .command = { ENGINE, "log=%s/command", "mark=%s/up",
						  "ready=never" },
				     .reloads = true };

	box_start(&what);
	wait_for_state("ready");
	wait_for_text(in_dir("up"), "up");
	box_signal(SIGHUP);
	wait_for_text(in_dir("command"), "signal 1\n");
	wait_for_text(in_dir("engine"), "signal 1\n");
	ck_assert_int_gt(noted("reload", 1), 0);
	/* no other one is the engine's */
	box_signal(SIGUSR2);
	wait_for_text(in_dir("command"), "signal 1\nsignal 12\n");
	ck_assert_str_eq(read_text(in_dir("engine")), "signal 1\n");
}
END_TEST

START_TEST(a_hup_before_command_runs_reaches_it_in_the_end)
{
	static struct scene what = { .engine = { "late", "ready=500", "log=%s/engine" },
				     .command = SH(FOREVER) };

	box_start(&what);
	wait_for_state("starting");
	box_signal(SIGHUP);
	assert_status(129); /* as if it had come a moment later */
	ck_assert_str_eq(read_text(in_dir("engine")), "signal 15\n");
}
END_TEST

/* ---- orphans ---- */

START_TEST(a_thousand_orphans_leave_no_zombie)
{
	static struct scene what = { .engine = { "ready=10" },
				     .command = { ENGINE, "orphans=1000" } };

	what.subreaper = _i;
	box_start(&what);
	assert_status(0);
}
END_TEST

static void sigchld_ignored(void)
{
	const struct sigaction ignore = { .sa_handler = SIG_IGN };

	must(sigaction(SIGCHLD, &ignore, NULL) == 0, "sigaction");
}

START_TEST(a_parent_that_ignores_sigchld_costs_no_status)
{
	static struct scene what = { .engine = { "ready=10" },
				     .command = SH("exit 3"),
				     .prepare = sigchld_ignored };

	box_start(&what);
	assert_status(3);
}
END_TEST

/* ---- at rest ---- */

static long switches(void)
{
	char path[64];
	const char *found;

	(void) snprintf(path, sizeof(path), "/proc/%d/status", (int) box.pid);
	found = strstr(read_text(path), "\nvoluntary_ctxt_switches:");
	ck_assert_ptr_nonnull(found);
	return strtol(strchr(found, ':') + 1, NULL, 10);
}

START_TEST(nothing_wakes_us_at_rest)
{
	static struct scene what = { .engine = { "ready=10" } };
	long before;

	if (_i) {
		what.command[0] = "/bin/sleep";
		what.command[1] = "60";
		what.log_to_file = true;
		what.options.quit_file = "%s/no/quit";
		what.options.quit_pipe = "%s/no/job";
		ck_assert_int_eq(mkdir(in_dir("no"), 0755), 0);
		what.options.ready_file = "%s/is-ready";
	}
	box_start(&what);
	wait_for_state("ready");
	if (_i) /* as a job does */
		ck_assert_int_ge(open(in_dir("no/job"), O_WRONLY | O_NONBLOCK | O_CLOEXEC), 0);
	sleep_ms(700); /* the helper for the ready file is reaped */
	before = switches();
	sleep_ms(3000);
	ck_assert_int_eq(switches(), before);
}
END_TEST

static void add(TCase *tc)
{
	tcase_add_loop_test(tc, ready_is_announced_and_taken_back, 0, 2);
	tcase_add_test(tc, only_the_engine_can_say_that_it_is_ready);
	tcase_add_test(tc, descriptors_that_come_with_a_datagram_do_not_pile_up);
	tcase_add_loop_test(tc, a_command_waits_for_ready_unless_told_not_to, 0, 2);
	tcase_add_test(tc, command_finds_the_ready_file_there);
	tcase_add_test(tc, command_does_not_wait_for_ever_for_the_ready_file);
	tcase_add_test(tc, a_term_while_the_ready_file_is_written);
	tcase_add_loop_test(tc, the_status_of_command_is_ours, 0, ARRAY_SIZE(commands));
	tcase_add_test(tc, a_command_that_cannot_be_started_at_once_stops_the_engine_too);
	tcase_add_loop_test(tc, the_status_of_an_engine_in_the_foreground_is_ours, 0,
			    ARRAY_SIZE(engines));
	tcase_add_loop_test(tc, an_engine_that_is_not_there, 0, 2);
	tcase_add_test(tc, the_death_of_the_engine_under_a_command_is_told);
	tcase_add_test(tc, a_deaf_command_does_not_outlive_its_engine_for_long);
	tcase_add_test(tc, an_engine_that_dies_early_is_explained);
	tcase_add_test(tc, an_engine_that_dies_while_command_stops_is_no_clean_stop);
	tcase_add_loop_test(tc, out_of_memory_is_named, 0, ARRAY_SIZE(oom_cases));
	tcase_add_loop_test(tc, not_ready_in_time, 0, 2);
	tcase_add_loop_test(tc, late_with_a_message_command_starts_all_the_same, 0, 2);
	tcase_add_test(tc, late_with_a_message_and_no_command_to_start);
	tcase_add_test(tc, stopping_without_having_been_asked_closes_the_listeners);
	tcase_add_test(tc, hup_is_held_until_the_engine_is_ready);
	tcase_add_test(tc, hup_is_passed_on_after_the_merge);
	tcase_add_test(tc, command_gets_the_signals_and_the_engine_none);
	tcase_add_test(tc, a_hup_is_commands_and_the_engines);
	tcase_add_test(tc, a_hup_before_command_runs_reaches_it_in_the_end);
	tcase_add_loop_test(tc, a_thousand_orphans_leave_no_zombie, 0, 2);
	tcase_add_test(tc, a_parent_that_ignores_sigchld_costs_no_status);
	tcase_add_loop_test(tc, nothing_wakes_us_at_rest, 0, 2);
}

int main(void)
{
	return run_suite("supervise_run", add);
}
