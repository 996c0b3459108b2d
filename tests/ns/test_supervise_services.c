/* SPDX-License-Identifier: Apache-2.0 */
/* What runs beside engine and COMMAND: containerd, the job before ready, the watch. */
#include "supervise_fixture.h"

#define SH(script)                      \
	{                               \
		"/bin/sh", "-c", script \
	}
#define FOREVER "while :; do sleep 60 & wait $!; done"

/* The process in the box whose first argument is @name, its number in our namespace; 0: none. */
static pid_t service_pid(const char *name)
{
	DIR *proc = opendir("/proc");
	struct dirent *entry;
	pid_t found = 0;

	ck_assert_ptr_nonnull(proc);
	while (!found && (entry = readdir(proc))) {
		char path[320], text[256];
		ssize_t n;

		(void) snprintf(path, sizeof(path), "/proc/%s/cmdline", entry->d_name);
		n = file_read_at(AT_FDCWD, path, text, sizeof(text));
		/* of this box: others may be tested at the same time */
		if (n > 0 && strcmp(text, ENGINE) == 0 &&
		    strcmp(text + strlen(text) + 1, name) == 0 &&
		    memmem(text, (size_t) n, box.dir, strlen(box.dir)))
			found = (pid_t) strtol(entry->d_name, NULL, 10);
	}
	(void) closedir(proc);
	return found;
}

static pid_t wait_for_service(const char *name, pid_t other_than)
{
	int64_t end = clock_now_ms() + PATIENCE;
	pid_t pid;

	while ((pid = service_pid(name)) == 0 || pid == other_than) {
		ck_assert_msg(clock_now_ms() < end, "no %s; output:\n%s", name, output());
		sleep_ms(5);
	}
	return pid;
}

static int count_lines(const char *path, const char *line)
{
	const char *at = read_text(path);
	int n = 0;

	for (; (at = strstr(at, line)); at += strlen(line))
		n++;
	return n;
}

/* The order in which things were said. */
static void assert_in_order(const char *a, const char *b)
{
	const char *text = output(), *first = strstr(text, a), *second = strstr(text, b);

	ck_assert_msg(first && second && first < second, "'%s' is not before '%s' in:\n%s", a, b,
		      text);
}

/* ---- containerd ---- */

START_TEST(containerd_lives_as_long_as_its_engine)
{
	static struct scene what = {
		.engine = { "ready=50", "term=slow:300", "log=%s/engine" },
		.containerd = { "report=%s/report", "log=%s/containerd" },
	};
	int64_t engine_gone;

	box_start(&what);
	wait_for_state("ready");
	(void) wait_for_service("containerd", 0);
	ck_assert(has_text(in_dir("report"), "session own"));
	ck_assert(!has_text(in_dir("report"), "env NOTIFY_SOCKET"));
	ck_assert(!has_text(in_dir("report"), "env LISTEN_"));
	box_signal(SIGTERM);
	/* dockerd needs it for its own end */
	sleep_ms(150);
	ck_assert_str_eq(read_text(in_dir("engine")), "signal 15\n");
	ck_assert_str_eq(read_text(in_dir("containerd")), "");
	assert_status(0);
	engine_gone = noted("clean-up", 1);
	ck_assert_int_ge(engine_gone, 0);
	ck_assert_str_eq(read_text(in_dir("containerd")), "signal 15\n");
	assert_silent_about("starting it again");
	assert_says("stopped cleanly in ");
}
END_TEST

static bool running_under_sanitizer(void)
{
#ifdef __SANITIZE_ADDRESS__
	return true;
#else
	return false;
#endif
}

START_TEST(containerd_is_started_again)
{
	static struct scene what = { .engine = { "ready=50" },
				     .containerd = { "log=%s/containerd" },
				     .command = SH("trap 'exit 6' TERM; echo up; " FOREVER) };
	pid_t pid = 0;

	box_start(&what);
	wait_for_text(in_dir("out"), "up\n");
	for (int i = 0; i < 3; i++) {
		pid = wait_for_service("containerd", pid);
		ck_assert_int_eq(kill(pid, SIGKILL), 0);
	}
	(void) wait_for_service("containerd", pid);
	ck_assert(has_text(state_file(), "\"state\":\"ready\""));
	box_signal(SIGTERM);
	assert_status(6);
	assert_says("dind-init: warning: containerd was killed by SIGKILL, starting it again");
	ck_assert_int_eq(count_lines(in_dir("out"), "starting it again"), 3);
	assert_silent_about("DIND-ENGINE");
	/* the last one's; under a sanitizer it may not be up yet when it is told to end */
	if (!running_under_sanitizer())
		ck_assert_str_eq(read_text(in_dir("containerd")), "signal 15\n");
}
END_TEST

START_TEST(a_containerd_that_does_not_stay_up_is_the_end_of_the_engine)
{
	static struct scene what = { .engine = { "log=%s/engine" },
				     .containerd = { "say=no plugins", "exit=1@20" } };
	int64_t start = clock_now_ms();

	what.engine[1] = _i % 2 ? "ready=never" : "ready=10";
	if (_i / 2) {
		what.command[0] = "/bin/sleep";
		what.command[1] = "60";
		what.options.engine_log_none = true;
	}
	box_start(&what);
	assert_status(69);
	/* 50, 100, 200, 400, 800 ms between them */
	assert_between(clock_now_ms(), start, 1550, 1900);
	assert_says("dind-init: error: DIND-ENGINE-94: containerd ended with status 1, for the 6th "
		    "time in a minute");
	ck_assert_int_eq(count_lines(in_dir("out"), "starting it again"), 5);
	if (_i / 2)
		assert_says("| no plugins");
	ck_assert_str_eq(read_text(in_dir("engine")), "signal 15\n"); /* in order */
	ck_assert_int_ge(noted("clean-up", 1), 0);
}
END_TEST

START_TEST(a_containerd_that_cannot_be_started)
{
	static struct scene what = { .engine = { "put=%s/engine:ran" },
				     .containerd = { "ready=0" },
				     .missing = "containerd" };

	if (_i)
		what.command[0] = "/bin/true";
	box_start(&what);
	assert_status(_i ? 69 : 127);
	assert_says("dind-init: error: DIND-ENGINE-91: cannot execute /no/such/program");
	ck_assert_str_eq(read_text(in_dir("engine")), "");
	ck_assert_int_ge(noted("close", 1), 0);
	ck_assert_int_ge(noted("clean-up", 1), 0);
}
END_TEST

START_TEST(containerd_goes_when_the_engine_has_died)
{
	static struct scene what = { .engine = { "ready=10", "kill=9@400" },
				     .containerd = { "log=%s/containerd" } };

	box_start(&what);
	assert_status(137);
	assert_says("DIND-ENGINE-92: helper_engine was killed by SIGKILL");
	ck_assert_str_eq(read_text(in_dir("containerd")), "signal 15\n");
	assert_silent_about("starting it again");
}
END_TEST

START_TEST(an_engine_that_cannot_be_started_takes_its_containerd_along)
{
	static const char *const argv[] = { "/no/such/dockerd", NULL };
	static const struct launch engine = { .argv = argv };
	static struct scene what = { .options = { .engine = &engine },
				     .containerd = { "log=%s/containerd", "mark=%s/up" } };

	box_start(&what);
	assert_status(127);
	assert_says("DIND-ENGINE-91: cannot execute /no/such/dockerd");
	ck_assert_int_eq(service_pid("containerd"), 0);
}
END_TEST

START_TEST(a_deaf_containerd_is_not_waited_for_long)
{
	static struct scene what = { .containerd = { "term=ignore", "log=%s/containerd" } };
	int64_t t0;

	box_start(&what);
	wait_for_state("ready");
	(void) wait_for_service("containerd", 0);
	sleep_ms(200); /* it hears signals */
	t0 = clock_now_ms();
	box_signal(SIGTERM);
	if (_i) { /* a second one need not wait */
		sleep_ms(150);
		box_signal(SIGTERM);
	}
	assert_status(0);
	assert_between(noted("clean-up", 1), t0, _i ? 150 : 500, _i ? 150 : 500);
	if (_i)
		ck_assert_int_lt(noted("clean-up", 1) - t0, 500);
	ck_assert_str_eq(read_text(in_dir("containerd")), "signal 15\n");
}
END_TEST

START_TEST(containerd_is_there_for_an_engine_that_stops)
{
	/* dockerd waits for its containers, and loses containerd meanwhile */
	static struct scene what = { .engine = { "term=slow:900" },
				     .containerd = { "log=%s/containerd" } };
	pid_t pid;

	box_start(&what);
	wait_for_state("ready");
	pid = wait_for_service("containerd", 0);
	box_signal(SIGTERM);
	wait_for_state("stopping");
	ck_assert_int_eq(kill(pid, SIGKILL), 0);
	(void) wait_for_service("containerd", pid);
	assert_status(0);
	assert_says("containerd was killed by SIGKILL, starting it again");
	assert_says("stopped cleanly in ");
}
END_TEST

/* On the way down a containerd that fails again and again changes no status. */
START_TEST(a_containerd_that_fails_during_the_stop_is_not_what_the_end_is_about)
{
	static struct scene what = { .engine = { "term=slow:3500" },
				     .containerd = { "exit=1@20", "first=%s/once:exit=1@700" } };

	box_start(&what);
	wait_for_state("ready");
	box_signal(SIGTERM);
	assert_status(0);
	ck_assert_int_eq(count_lines(in_dir("out"), "starting it again"), 5);
	assert_says("warning: containerd ended with status 1, for the 6th time in a minute");
	assert_silent_about("DIND-ENGINE");
	assert_says("stopped cleanly in ");
}
END_TEST

START_TEST(the_log_takes_what_a_second_containerd_says)
{
	static struct scene what = { .engine = { "ready=10" },
				     .containerd = { "say=a containerd", "mark=%s/up" },
				     .command = SH(FOREVER),
				     .log_to_file = true };
	pid_t pid;

	box_start(&what);
	wait_for_state("ready");
	pid = wait_for_service("containerd", 0);
	wait_for_text(in_dir("up"), "up\n");
	ck_assert_int_eq(kill(pid, SIGKILL), 0);
	wait_for_text(in_dir("up"), "up\nup\n");
	for (int i = 0; i < 200 && count_lines(in_dir("log/deep/engine.log"), "a containerd") < 2;
	     i++)
		sleep_ms(10);
	ck_assert_int_eq(count_lines(in_dir("log/deep/engine.log"), "a containerd"), 2);
	assert_silent_about("a containerd");
}
END_TEST

static void fake_memory_group(void)
{
	must(mount("tmpfs", "/sys/fs/cgroup", "tmpfs", 0, NULL) == 0, "/sys/fs/cgroup");
	must(file_replace("/sys/fs/cgroup/memory.events.local", "oom 2\n", 0644) == 0, "events");
	must(file_replace("/sys/fs/cgroup/memory.max", "536870912\n", 0644) == 0, "max");
}

START_TEST(out_of_memory_is_named_once)
{
	static struct scene what = {
		.engine = { "ready=10" },
		/* the kernel counts the first death, not the second */
		.containerd = { "put=/sys/fs/cgroup/memory.events.local:oom 3\n", "mark=%s/up" },
		.options = { .memory_group = "/sys/fs/cgroup" },
		.prepare = fake_memory_group
	};
	pid_t pid;

	box_start(&what);
	wait_for_state("ready");
	wait_for_text(in_dir("up"), "up\n");
	pid = wait_for_service("containerd", 0);
	ck_assert_int_eq(kill(pid, SIGKILL), 0);
	wait_for_text(in_dir("up"), "up\nup\n");
	assert_says("containerd was killed by SIGKILL (out of memory, the limit is 512.0 MiB), "
		    "starting it again");
	pid = wait_for_service("containerd", pid);
	ck_assert_int_eq(kill(pid, SIGKILL), 0);
	wait_for_text(in_dir("out"), "SIGKILL, starting it again");
	box_signal(SIGTERM);
	assert_status(0);
}
END_TEST

/* ---- the job before ready ---- */

START_TEST(ready_waits_for_the_job)
{
	static struct scene what = { .engine = { "ready=50" },
				     .job = { "say=the job", "report=%s/report", "exit=0@500" },
				     .command = SH("echo COMMAND-RAN; exit 3"),
				     .options = { .ready_file = "%s/is-ready",
						  .prepare_timeout_ms = PATIENCE } };

	box_start(&what);
	wait_for_state("preparing");
	ck_assert(access(in_dir("is-ready"), F_OK) < 0);
	ck_assert(has_text(state_file(), "\"ready_after_ms\":-1"));
	assert_silent_about("ready after");
	assert_status(3);
	assert_in_order("the job", "ready after ");
	assert_in_order("ready after ", "COMMAND-RAN");
	assert_says(" ms, prepare ");
	ck_assert(has_text(in_dir("report"), "session own"));
}
END_TEST

START_TEST(without_waiting_command_runs_beside_the_job)
{
	static struct scene what = { .engine = { "ready=50" },
				     .job = { "exit=0@700" },
				     .command = SH("echo COMMAND-RAN; " FOREVER),
				     .options = { .no_wait = true } };

	box_start(&what);
	wait_for_state("preparing");
	wait_for_text(in_dir("out"), "COMMAND-RAN");
	assert_silent_about("ready after");
	wait_for_state("ready");
	assert_in_order("COMMAND-RAN", "ready after ");
	box_signal(SIGTERM);
	assert_status(143);
}
END_TEST

static const struct {
	const char *job[2], *missing, *says;
} failures[] = {
	{ { "exit=4@100" }, NULL, "prepare ended with status 4" },
	{ { "kill=11@100" }, NULL, "prepare was killed by SIGSEGV" },
	{ { "ready=0" }, "prepare", "prepare cannot execute /no/such/program: No such file" },
	{ { "ready=0", "mark=%s/up" }, NULL, "prepare was not done within 0.6 s" },
};

START_TEST(a_job_that_is_required_and_fails_ends_the_start)
{
	static struct scene what = { .engine = { "log=%s/engine" },
				     .containerd = { "log=%s/containerd" },
				     .options = { .prepare_required = true,
						  .prepare_timeout_ms = 600,
						  .ready_file = "%s/is-ready",
						  .termination_log = "%s/termination" } };

	(void) close(open(in_dir("termination"), O_WRONLY | O_CREAT | O_CLOEXEC, 0644));
	memcpy(what.job, failures[_i / 2].job, sizeof(failures[0].job));
	what.missing = failures[_i / 2].missing;
	if (_i % 2) {
		const char *const command[] = SH("echo COMMAND-RAN");

		memcpy(what.command, command, sizeof(command));
	}
	box_start(&what);
	assert_status(71);
	assert_says("dind-init: error: DIND-PREPARE-01: ");
	assert_says(failures[_i / 2].says);
	assert_silent_about("COMMAND-RAN");
	assert_silent_about("ready after");
	ck_assert(access(in_dir("is-ready"), F_OK) < 0);
	ck_assert(has_text(in_dir("termination"), "dind-init: prepare "));
	ck_assert_str_eq(read_text(in_dir("engine")), "signal 15\n");
	ck_assert_str_eq(read_text(in_dir("containerd")), "signal 15\n");
	ck_assert_int_ge(noted("clean-up", 1), 0);
}
END_TEST

START_TEST(a_job_that_is_not_required_is_warned_about)
{
	static struct scene what = { .engine = { "ready=10" },
				     .options = { .prepare_timeout_ms = 600 } };

	memcpy(what.job, failures[_i].job, sizeof(failures[0].job));
	what.missing = failures[_i].missing;
	box_start(&what);
	wait_for_state("ready");
	assert_says("dind-init: warning: DIND-PREPARE-01: ");
	assert_says(failures[_i].says);
	assert_says(", continuing\n");
	/* nobody is left of it */
	for (int i = 0; i < 200 && service_pid("prepare"); i++)
		sleep_ms(10);
	ck_assert_int_eq(service_pid("prepare"), 0);
	box_signal(SIGTERM);
	assert_status(0);
	assert_says("stopped cleanly in ");
}
END_TEST

START_TEST(term_while_preparing_ends_the_job_first)
{
	static struct scene what = { .engine = { "term=slow:600" },
				     .job = { "term=ignore", "mark=%s/up" } };
	pid_t job;

	if (_i)
		what.command[0] = "/bin/true"; /* does not run yet */
	box_start(&what);
	wait_for_state("preparing");
	wait_for_text(in_dir("up"), "up");
	job = wait_for_service("prepare", 0);
	box_signal(SIGTERM);
	wait_for_state("stopping");
	for (int i = 0; i < 30 && kill(job, 0) == 0; i++)
		sleep_ms(10);
	ck_assert_int_lt(kill(job, 0), 0); /* and dockerd is still at it */
	ck_assert_int_eq(noted("clean-up", 1), -1);
	assert_status(_i ? 143 : 0);
	assert_silent_about("DIND-PREPARE");
	assert_silent_about("ready after");
}
END_TEST

START_TEST(what_the_job_has_started_goes_with_it)
{
	static struct scene what = { .engine = { "ready=10" },
				     .options = { .prepare_timeout_ms = 500 },
				     .job = { "child=%s/child" } };
	pid_t pid;

	what.subreaper = true; /* so that numbers are ours */
	box_start(&what);
	wait_for_state("ready");
	pid = (pid_t) strtol(read_text(in_dir("child")), NULL, 10);
	ck_assert_int_gt(pid, 0);
	for (int i = 0; i < 200 && kill(pid, 0) == 0; i++)
		sleep_ms(10);
	ck_assert_int_lt(kill(pid, 0), 0);
}
END_TEST

START_TEST(the_engine_may_die_while_it_is_prepared)
{
	static struct scene what = { .engine = { "ready=50", "kill=9@400" },
				     .job = { "mark=%s/up" },
				     .command = SH("echo COMMAND-RAN") };

	box_start(&what);
	assert_status(69);
	assert_says("DIND-ENGINE-92: helper_engine was killed by SIGKILL\n");
	assert_silent_about("DIND-PREPARE");
	assert_silent_about("COMMAND-RAN");
}
END_TEST

START_TEST(ready_says_that_it_is_being_prepared)
{
	struct error err = ERROR_INIT;
	char text[256];

	(void) snprintf(text, sizeof(text),
			"{\"state\":\"preparing\",\"pid\":%d,\"engine_pid\":1,\"since_ms\":1,"
			"\"ready_after_ms\":-1}\n",
			(int) getpid());
	ck_assert_int_eq(file_replace(in_dir("state.json"), text, 0644), 0);
	ck_assert_int_eq(supervise_ready(in_dir("state.json"), 0, &err), STATUS_TEMPFAIL);
	ck_assert_str_eq(err.message, "the engine runs and is still being prepared");
}
END_TEST

START_TEST(hup_waits_for_the_job_too)
{
	static struct scene what = { .engine = { "log=%s/engine" }, .job = { "exit=0@400" } };

	box_start(&what);
	wait_for_state("preparing");
	box_signal(SIGHUP);
	sleep_ms(100);
	ck_assert_str_eq(read_text(in_dir("engine")), "");
	wait_for_state("ready");
	wait_for_text(in_dir("engine"), "signal 1\n");
	box_signal(SIGTERM);
	assert_status(0);
}
END_TEST

/* ---- the watch ---- */

START_TEST(the_watch_runs_from_ready_to_the_first_step_down)
{
	static struct scene what = { .engine = { "ready=300", "term=slow:500" },
				     .watch = { "mark=%s/up", "log=%s/watch" } };

	box_start(&what);
	wait_for_state("starting");
	sleep_ms(100);
	ck_assert_int_eq(service_pid("watch"), 0);
	wait_for_state("ready");
	wait_for_text(in_dir("up"), "up");
	box_signal(SIGTERM);
	wait_for_state("stopping");
	wait_for_text(in_dir("watch"), "signal 15\n"); /* the engine is still at it */
	ck_assert(!box_has_ended());
	assert_status(0);
	assert_silent_about("watch");
}
END_TEST

START_TEST(a_deaf_watch_holds_nobody_up)
{
	static struct scene what = { .engine = { "ready=10" },
				     .watch = { "term=ignore", "mark=%s/up" } };
	int64_t t0;

	box_start(&what);
	wait_for_text(in_dir("up"), "up");
	t0 = clock_now_ms();
	box_signal(SIGTERM);
	assert_status(0);
	assert_between(clock_now_ms(), t0, 0, 0);
	assert_says("stopped cleanly in ");
}
END_TEST

START_TEST(a_watch_that_dies_comes_back_after_a_pause)
{
	static struct scene what = { .engine = { "ready=10" },
				     .watch = { "log=%s/watch", "mark=%s/up" },
				     .options = { .watch_pause_ms = 700 } };
	int64_t died;

	box_start(&what);
	wait_for_text(in_dir("up"), "up");
	ck_assert_int_eq(kill(wait_for_service("watch", 0), SIGKILL), 0);
	died = clock_now_ms();
	wait_for_text(in_dir("out"),
		      "dind-init: warning: watch was killed by SIGKILL, starting it again in 1 s");
	wait_for_text(in_dir("up"), "up\nup\n");
	assert_between(clock_now_ms(), died, 690, 700);
	ck_assert(has_text(state_file(), "\"state\":\"ready\""));
	box_signal(SIGTERM);
	assert_status(0);
}
END_TEST

static const struct {
	const char *watch, *missing, *says;
} finished[] = {
	{ "exit=0@50", NULL, NULL }, /* it has nothing to do */
	{ "ready=0", "watch", "watch: cannot execute /no/such/program" },
};

START_TEST(a_watch_that_is_done_or_not_there_stays_away)
{
	static struct scene what = { .engine = { "ready=10" },
				     .options = { .watch_pause_ms = 100 } };

	what.watch[0] = finished[_i].watch;
	what.watch[1] = "put=%s/ran:ran";
	what.missing = finished[_i].missing;
	box_start(&what);
	wait_for_state("ready");
	if (finished[_i].says)
		wait_for_text(in_dir("out"), finished[_i].says);
	else
		wait_for_text(in_dir("ran"), "ran");
	sleep_ms(500);
	ck_assert_int_eq(service_pid("watch"), 0);
	assert_silent_about("starting it again");
	box_signal(SIGTERM);
	assert_status(0);
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

START_TEST(with_all_of_them_nothing_wakes_us_at_rest)
{
	static struct scene what = { .engine = { "ready=10" },
				     .containerd = { "ready=0" },
				     .job = { "exit=0@10" },
				     .watch = { "mark=%s/up" },
				     .command = { "/bin/sleep", "60" },
				     .log_to_file = true,
				     .options = { .prepare_timeout_ms = PATIENCE } };
	long before;

	box_start(&what);
	wait_for_state("ready");
	wait_for_text(in_dir("up"), "up");
	sleep_ms(700);
	before = switches();
	sleep_ms(3000);
	ck_assert_int_eq(switches(), before);
}
END_TEST

/* ---- the relay for names ---- */

/* Two that die, one that cannot be started, one that stays. */
static pid_t start_relay(void *context)
{
	static int calls;
	pid_t pid;

	(void) context;
	note("relay");
	if (++calls == 3)
		return -EAGAIN;
	pid = fork();
	if (pid != 0)
		return pid;
	(void) prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (calls < 3)
		_exit(3);
	for (;;)
		(void) pause();
}

START_TEST(a_relay_that_dies_comes_back)
{
	static struct scene what = { .engine = { "ready=10", "term=slow:300" },
				     .command = { "/bin/sleep", "60" },
				     .start_relay = start_relay };
	int64_t end = clock_now_ms() + PATIENCE;

	box_start(&what);
	wait_for_state("ready");
	while (noted("relay", 4) < 0) {
		ck_assert_msg(clock_now_ms() < end, "%s", output());
		sleep_ms(5);
	}
	assert_says("DIND-NET-15: the relay for names of inner containers ended with status 3, "
		    "starting it again in 50 ms");
	assert_says("ended with status 3, starting it again in 100 ms");
	assert_says("cannot be started (errno 11), starting it again in 200 ms");
	ck_assert_int_ge(noted("relay", 2) - noted("relay", 1), 50);
	ck_assert_int_ge(noted("relay", 3) - noted("relay", 2), 100);
	ck_assert_int_ge(noted("relay", 4) - noted("relay", 3), 200);
	box_signal(SIGTERM);
	assert_status(128 + SIGTERM);
	ck_assert_int_lt(noted("relay", 5), 0);
}
END_TEST

static void add(TCase *tc)
{
	tcase_add_test(tc, containerd_lives_as_long_as_its_engine);
	tcase_add_test(tc, containerd_is_started_again);
	tcase_add_loop_test(tc, a_containerd_that_does_not_stay_up_is_the_end_of_the_engine, 0, 4);
	tcase_add_loop_test(tc, a_containerd_that_cannot_be_started, 0, 2);
	tcase_add_test(tc, containerd_goes_when_the_engine_has_died);
	tcase_add_test(tc, an_engine_that_cannot_be_started_takes_its_containerd_along);
	tcase_add_loop_test(tc, a_deaf_containerd_is_not_waited_for_long, 0, 2);
	tcase_add_test(tc, containerd_is_there_for_an_engine_that_stops);
	tcase_add_test(tc, a_containerd_that_fails_during_the_stop_is_not_what_the_end_is_about);
	tcase_add_test(tc, the_log_takes_what_a_second_containerd_says);
	tcase_add_test(tc, out_of_memory_is_named_once);
	tcase_add_test(tc, ready_waits_for_the_job);
	tcase_add_test(tc, without_waiting_command_runs_beside_the_job);
	tcase_add_loop_test(tc, a_job_that_is_required_and_fails_ends_the_start, 0,
			    2 * ARRAY_SIZE(failures));
	tcase_add_loop_test(tc, a_job_that_is_not_required_is_warned_about, 0,
			    ARRAY_SIZE(failures));
	tcase_add_loop_test(tc, term_while_preparing_ends_the_job_first, 0, 2);
	tcase_add_test(tc, what_the_job_has_started_goes_with_it);
	tcase_add_test(tc, the_engine_may_die_while_it_is_prepared);
	tcase_add_test(tc, ready_says_that_it_is_being_prepared);
	tcase_add_test(tc, hup_waits_for_the_job_too);
	tcase_add_test(tc, the_watch_runs_from_ready_to_the_first_step_down);
	tcase_add_test(tc, a_deaf_watch_holds_nobody_up);
	tcase_add_test(tc, a_watch_that_dies_comes_back_after_a_pause);
	tcase_add_loop_test(tc, a_watch_that_is_done_or_not_there_stays_away, 0,
			    ARRAY_SIZE(finished));
	tcase_add_test(tc, a_relay_that_dies_comes_back);
	tcase_add_test(tc, with_all_of_them_nothing_wakes_us_at_rest);
}

int main(void)
{
	return run_suite("supervise_services", add);
}
