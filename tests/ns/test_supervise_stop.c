/* SPDX-License-Identifier: Apache-2.0 */
/* The way down: order, shares of the time, and those who are in a hurry. */
#include <seccomp.h>

#include "supervise_fixture.h"

#define SH(script)                      \
	{                               \
		"/bin/sh", "-c", script \
	}
#define FOREVER	     "while :; do sleep 60 & wait $!; done"
#define DEAF_COMMAND SH("trap '' TERM; echo up; " FOREVER)
#define UP_COMMAND   SH("echo up; " FOREVER)

static int64_t term(void)
{
	int64_t now = clock_now_ms();

	box_signal(SIGTERM);
	return now;
}

/* Two at once would be one. */
static void term_again(int times)
{
	for (int i = 0; i < times; i++) {
		sleep_ms(200);
		box_signal(SIGTERM);
	}
}

static void start_and_wait(const struct scene *what)
{
	box_start(what);
	wait_for_state("ready");
	if (what->command[0])
		wait_for_text(in_dir("out"), "up\n");
}

/* ---- the ladder ---- */

START_TEST(everybody_deaf_uses_up_every_share)
{
	static struct scene what = { .engine = { "term=ignore", "log=%s/signals" },
				     .command = DEAF_COMMAND,
				     .log_to_file = true,
				     .options = { .stop_timeout_ms = 4000 } };
	int64_t t0;

	start_and_wait(&what);
	t0 = term();
	assert_status(137); /* COMMAND's */
	assert_between(noted("sync", 1), t0, 0, 0);
	assert_between(noted("deaf", 1), t0, 1800 + 300, 1800 + 300);
	assert_between(noted("deaf", 2), t0, 1800 + 800, 1800 + 800);
	assert_between(noted("containers", 1), t0, 3000, 3000);
	assert_between(noted("clean-up", 1), t0, 3600, 3600);
	ck_assert_int_eq(noted("sync", 2), -1);
	ck_assert_int_eq(noted("containers", 2), -1);
	ck_assert_str_eq(read_text(in_dir("signals")), "signal 15\n"); /* one, never a second */
	assert_says("stop: asked to stop, waiting for COMMAND (1.");
	assert_says("stop: COMMAND is killed after 1");
	assert_says("stop: asked to stop, waiting for helper_engine and its containers (1.");
	assert_says("stop: killing the inner containers that are left after 3");
	assert_says("stop: killing helper_engine after 3");
	assert_says("; the engine had to be killed");
}
END_TEST

START_TEST(time_that_is_not_used_passes_on)
{
	static struct scene what = { .engine = { "term=wait:%s/killed" },
				     .command = UP_COMMAND,
				     .options = { .stop_timeout_ms = 2400 } };
	int64_t t0;

	start_and_wait(&what);
	t0 = term();
	assert_status(143);
	/* COMMAND went at once: dockerd has all that until its own point, not only its share */
	assert_between(noted("containers", 1), t0, 1800, 1800);
	assert_between(noted("clean-up", 1), t0, 1800, 1800);
	assert_says("stopped cleanly in ");
}
END_TEST

START_TEST(a_polite_stop_takes_no_longer_than_it_needs)
{
	static struct scene what = { .command = SH("trap 'exit 9' TERM; echo up; " FOREVER) };
	int64_t t0;

	start_and_wait(&what);
	t0 = term();
	assert_status(9);
	assert_between(clock_now_ms(), t0, 0, 0);
	ck_assert_int_eq(noted("deaf", 1), -1);
	assert_says("stopped cleanly in ");
}
END_TEST

START_TEST(deaf_containers_are_looked_for_again_and_again)
{
	static struct scene what = { .engine = { "term=slow:1600" } };
	int64_t t0;

	start_and_wait(&what);
	t0 = term();
	assert_status(0);
	assert_between(noted("deaf", 1), t0, 300, 300);
	assert_between(noted("deaf", 2), t0, 800, 800);
	assert_between(noted("deaf", 3), t0, 1300, 1300);
	ck_assert_int_eq(noted("containers", 1), -1);
}
END_TEST

START_TEST(the_end_of_command_starts_the_same_ladder)
{
	static struct scene what = { .engine = { "term=wait:%s/killed" },
				     .command = SH("echo up; exit 4"),
				     .options = { .stop_timeout_ms = 3000 } };
	int64_t t0;

	box_start(&what);
	wait_for_state("stopping");
	t0 = wait_noted("sync");
	sleep_ms(300);
	(void) term(); /* the first that we get: it is no hurry */
	assert_status(4);
	assert_between(noted("containers", 1), t0, 2200, 2250); /* noted a little late */
	assert_says("stop: COMMAND ended with status 4, waiting for helper_engine");
}
END_TEST

/* ---- what COMMAND leaves ---- */

START_TEST(what_command_leaves_has_its_time_before_the_engine)
{
	static struct scene what = { .engine = { "log=%s/signals" },
				     .containerd = { "containerd" },
				     .command = SH("trap 'exit 9' TERM; echo up; " FOREVER),
				     .rest_ms = 700 };
	const char *events;
	int64_t t0;

	if (_i) /* COMMAND ends by itself */
		memcpy(what.command, ((const char *[]) SH("sleep 0.3; exit 9")),
		       3 * sizeof(char *));
	what.command[3] = NULL;
	box_start(&what);
	if (!_i) {
		wait_for_state("ready");
		wait_for_text(in_dir("out"), "up\n");
		(void) term();
	}
	t0 = wait_noted("rest");
	ck_assert_str_eq(read_text(in_dir("signals")), "");
	assert_status(9);
	assert_between(noted("clean-up", 1), t0, 700, 700);
	ck_assert_str_eq(read_text(in_dir("signals")), "signal 15\n");
	events = strstr(read_text(in_dir("events")), "rest spares ");
	ck_assert(events && strstr(events, " 2") && strstr(events, " 3"));
	ck_assert_int_eq(noted("kill-job", 1), -1);
}
END_TEST

START_TEST(what_command_leaves_has_no_more_than_command_has)
{
	static struct scene what = { .engine = { "log=%s/signals", "term=slow:400" },
				     .command = UP_COMMAND,
				     .rest_ms = 20000,
				     .options = { .stop_timeout_ms = 4000 } };
	int64_t t0;

	start_and_wait(&what);
	t0 = term();
	(void) wait_noted("rest");
	if (_i)
		box_signal(SIGTERM);
	assert_status(143);
	assert_between(noted("kill-job", 1), t0, _i ? 0 : 1800, _i ? 0 : 1800);
	if (_i)
		ck_assert_int_lt(noted("kill-job", 1) - t0, 1700);
	ck_assert_str_eq(read_text(in_dir("signals")), "signal 15\n");
	ck_assert_int_eq(noted("rest", 2), -1);
	assert_says("stopped cleanly in ");
}
END_TEST

START_TEST(what_command_leaves_dies_with_it)
{
	static struct scene what = { .engine = { "term=slow:400" },
				     .command = DEAF_COMMAND,
				     .rest_ms = 20000,
				     .options = { .stop_timeout_ms = 2000 } };
	int64_t t0;

	start_and_wait(&what);
	t0 = term();
	assert_status(137);
	assert_between(noted("kill-job", 1), t0, 900, 900);
	ck_assert_int_eq(noted("rest", 1), -1);
}
END_TEST

START_TEST(nobody_leaves_anything_where_no_command_was)
{
	static struct scene what = { .rest_ms = 20000 };

	if (_i) { /* or could not be started */
		what.command[0] = "/nowhere";
		box_start(&what);
		assert_status(127);
	} else {
		start_and_wait(&what);
		(void) term();
		assert_status(0);
	}
	ck_assert_int_eq(noted("rest", 1), -1);
	ck_assert_int_eq(noted("kill-job", 1), -1);
}
END_TEST

/* ---- in a hurry ---- */

START_TEST(a_second_term_ends_the_wait_for_command)
{
	static struct scene what = { .engine = { "log=%s/signals" }, .command = DEAF_COMMAND };
	int64_t t0;

	start_and_wait(&what);
	t0 = term();
	term_again(1);
	assert_status(137);
	assert_between(noted("clean-up", 1), t0, 200, 200);
	ck_assert_str_eq(read_text(in_dir("signals")), "signal 15\n");
	ck_assert_int_eq(noted("containers", 1), -1);
}
END_TEST

START_TEST(a_second_term_ends_the_wait_for_containers)
{
	static struct scene what = { .engine = { "term=wait:%s/killed", "log=%s/signals" } };
	int64_t t0;

	start_and_wait(&what);
	t0 = term();
	term_again(1);
	assert_status(0);
	assert_between(noted("containers", 1), t0, 200, 200);
	ck_assert_str_eq(read_text(in_dir("signals")), "signal 15\n");
}
END_TEST

START_TEST(after_a_second_term_nobody_has_long)
{
	static struct scene what = { .engine = { "term=ignore" } };
	int64_t t0;

	start_and_wait(&what);
	t0 = term();
	term_again(1);
	assert_status(137);
	assert_between(noted("clean-up", 1), t0, 2200, 2200); /* not at 90 % of 9 s */
}
END_TEST

START_TEST(a_third_term_ends_it)
{
	static struct scene what = { .engine = { "term=ignore", "log=%s/signals" } };
	int64_t t0;

	if (_i)
		memcpy(what.command, ((const char *[]) DEAF_COMMAND), 3 * sizeof(char *));
	start_and_wait(&what);
	t0 = term();
	term_again(2);
	assert_status(137);
	assert_between(noted("clean-up", 1), t0, 400, 400);
	ck_assert(strstr(read_text(in_dir("events")), "clean-up 300\n"));
	ck_assert_str_eq(read_text(in_dir("signals")), "signal 15\n");
}
END_TEST

START_TEST(who_insists_is_not_kept_by_the_clean_up)
{
	static struct scene what = { .clean_up_ms = 15000 };
	int64_t t0;

	start_and_wait(&what);
	t0 = term();
	(void) wait_noted("clean-up");
	term_again(2);
	assert_status(0);
	assert_between(clock_now_ms(), t0, 400, 400);
	assert_says("stop: unmounting is not done after ");
}
END_TEST

/* ---- stops of other kinds ---- */

static const struct {
	const char *engine[3];
	const char *command;
	int number, status;
} early[] = {
	{ { "late", "ready=15000", "mark=%s/up" }, NULL, SIGTERM, 0 },	 /* dies of TERM */
	{ { "ready=15000", "term=1", "mark=%s/up" }, NULL, SIGTERM, 0 }, /* gives up its start */
	{ { "ready=15000", "term=0", "mark=%s/up" }, NULL, SIGINT, 0 },
	{ { "ready=15000", "term=0", "mark=%s/up" },
	  "/bin/true",
	  SIGTERM,
	  143 }, /* COMMAND would have died of it */
	{ { "late", "ready=15000", "mark=%s/up" }, "/bin/true", SIGTERM, 143 },
	{ { "late", "ready=15000", "mark=%s/up" }, "/bin/true", SIGINT, 130 },
	{ { "ready=15000", "term=ignore", "mark=%s/up" }, NULL, SIGTERM, 137 },
};

START_TEST(term_before_ready)
{
	static struct scene what = { .options = { .stop_timeout_ms = 1500 } };

	memcpy(what.engine, early[_i].engine, sizeof(early[_i].engine));
	what.command[0] = early[_i].command;
	box_start(&what);
	wait_for_state("starting");
	wait_for_text(in_dir("up"), "up");
	box_signal(early[_i].number);
	assert_status(early[_i].status);
	assert_silent_about("DIND-ENGINE");
}
END_TEST

START_TEST(int_and_quit_mean_term_without_a_command)
{
	static struct scene what = { .engine = { "log=%s/signals" } };

	start_and_wait(&what);
	box_signal(_i ? SIGQUIT : SIGINT);
	assert_status(0);
	ck_assert_str_eq(read_text(in_dir("signals")), "signal 15\n");
}
END_TEST

START_TEST(the_quit_file_is_a_term)
{
	static struct scene what = { .options = { .quit_file = "%s/quit" } };
	const char *other;

	start_and_wait(&what);
	other = in_dir("quit-not");
	ck_assert_int_eq(file_replace(other, "", 0644), 0);
	sleep_ms(300);
	ck_assert(!box_has_ended());
	if (_i)
		ck_assert_int_eq(rename(other, in_dir("quit")), 0);
	else
		(void) close(open(in_dir("quit"), O_WRONLY | O_CREAT | O_CLOEXEC, 0644));
	assert_status(0);
	assert_says("/quit' is there");
}
END_TEST

START_TEST(a_quit_file_that_is_there_already)
{
	static struct scene what = { .options = { .quit_file = "%s/quit" }, .command = UP_COMMAND };

	(void) close(open(in_dir("quit"), O_WRONLY | O_CREAT | O_CLOEXEC, 0644));
	box_start(&what);
	assert_status(143);
	assert_silent_about("up\n");
}
END_TEST

START_TEST(a_quit_file_that_can_never_be)
{
	static struct scene what = { .options = { .quit_file = "%s/no/such/place/quit" } };

	start_and_wait(&what);
	assert_says("continuing without it");
	(void) term();
	assert_status(0);
}
END_TEST

static int hold(const char *path)
{
	int fd = open(path, O_RDWR | O_NONBLOCK | O_CLOEXEC);

	ck_assert_msg(fd >= 0, "%s: %m", path);
	return fd;
}

/* A job that has it open until it is killed. */
static pid_t start_holder(const char *path)
{
	int opened[2];
	char word;
	pid_t pid;

	ck_assert_int_eq(pipe2(opened, O_CLOEXEC), 0);
	pid = fork();
	ck_assert_int_ge(pid, 0);
	if (pid == 0) {
		(void) prctl(PR_SET_PDEATHSIG, SIGKILL);
		_exit(open(path, O_RDWR | O_CLOEXEC) < 0 || write(opened[1], "", 1) != 1 ||
		      pause() != 0);
	}
	(void) close(opened[1]);
	ck_assert_int_eq(read(opened[0], &word, 1), 1);
	(void) close(opened[0]);
	return pid;
}

static void kill_holder(pid_t pid)
{
	int status;

	ck_assert_int_eq(kill(pid, SIGKILL), 0);
	ck_assert_int_eq(waitpid(pid, &status, 0), pid);
	ck_assert(WIFSIGNALED(status));
}

/* Held before we start, too: by the job of an engine that was started again. */
START_TEST(the_quit_pipe_is_a_term_when_the_last_holder_was_killed)
{
	static struct scene what = { .options = { .quit_pipe = "%s/job" } };
	pid_t first = 0, second;
	struct stat st;
	int noise;

	if (_i) {
		ck_assert_int_eq(mkfifo(in_dir("job"), 0600), 0);
		first = start_holder(in_dir("job"));
	}
	start_and_wait(&what);
	ck_assert_int_eq(stat(in_dir("job"), &st), 0);
	ck_assert(S_ISFIFO(st.st_mode));
	ck_assert_uint_eq(st.st_mode & 07777, _i ? 0600 : 0666); /* for jobs of other users */
	sleep_ms(300);						 /* nobody has it yet */
	ck_assert(!box_has_ended());
	if (!_i)
		first = start_holder(in_dir("job"));
	second = start_holder(in_dir("job"));
	noise = hold(in_dir("job"));
	ck_assert_int_eq(write(noise, "noise", 5), 5);
	(void) close(noise);
	kill_holder(first);
	sleep_ms(300);
	ck_assert(!box_has_ended());
	kill_holder(second);
	assert_status(0);
	assert_says("nobody holds '");
}
END_TEST

/* So fast that nobody was seen. */
START_TEST(a_quit_pipe_that_was_held_for_no_time)
{
	static struct scene what = { .options = { .quit_pipe = "%s/job" }, .command = UP_COMMAND };

	start_and_wait(&what);
	(void) close(hold(in_dir("job")));
	assert_status(143);
}
END_TEST

START_TEST(a_quit_pipe_that_can_never_be)
{
	static struct scene what = { .options = { .quit_pipe = "%s/job" } };
	static struct scene nowhere = { .options = { .quit_pipe = "%s/no/such/place/job" } };

	if (!_i)
		ck_assert_int_eq(file_replace(in_dir("job"), "", 0644), 0);
	start_and_wait(_i ? &nowhere : &what);
	assert_says(_i ? "No such file or directory, continuing without it"
		       : "File exists, continuing without it");
	(void) term();
	assert_status(0);
}
END_TEST

/* A pod's end: the job has gone, and then the kubelet sends its one and only TERM. */
START_TEST(a_term_after_quit_is_the_first_and_quit_after_a_term_is_none)
{
	static struct scene what = { .engine = { "ready=10", "term=slow:1500" },
				     .options = { .quit_file = "%s/quit", .quit_pipe = "%s/job" } };
	int job;

	start_and_wait(&what);
	job = hold(in_dir("job"));
	if (_i == 0)
		(void) close(job);
	else
		(void) term();
	wait_for_state("stopping");
	if (_i == 0)
		(void) term();
	else
		(void) close(job);
	ck_assert_int_eq(file_replace(in_dir("quit"), "", 0644), 0);
	assert_status(0);
	assert_silent_about("killing the inner containers");
	assert_says("stopped cleanly");
}
END_TEST

/* ---- what is left ---- */

static bool is_alive(const char *pid_file)
{
	return kill((pid_t) strtol(read_text(pid_file), NULL, 10), 0) == 0;
}

START_TEST(a_subreaper_kills_its_own_and_nobody_else)
{
	/* COMMAND leaves somebody behind, in a session of his own */
	static struct scene what = { .engine = { "ready=10" },
				     .command = { ENGINE, "stray=%s/stray", "exit=0@0" },
				     .subreaper = true };
	pid_t bystander = fork();

	if (bystander == 0) {
		(void) prctl(PR_SET_PDEATHSIG, SIGKILL);
		(void) setsid();
		(void) pause();
	}
	box_start(&what);
	assert_status(0);
	ck_assert_int_gt(strlen(read_text(in_dir("stray"))), 0);
	for (int i = 0; i < 100 && is_alive(in_dir("stray")); i++)
		sleep_ms(10);
	ck_assert(!is_alive(in_dir("stray")));
	ck_assert_int_eq(waitpid(bystander, NULL, WNOHANG), 0);
	(void) kill(bystander, SIGKILL);
	(void) waitpid(bystander, NULL, 0);
}
END_TEST

START_TEST(as_pid_1_the_rest_is_gone_before_the_clean_up_begins)
{
	static struct scene what = { .engine = { "ready=10" },
				     .command = { ENGINE, "stray=%s/stray", "exit=0@0" },
				     .clean_up_ms = 700 };
	int others = 0;
	DIR *proc;
	struct dirent *entry;

	box_start(&what);
	(void) wait_noted("clean-up");
	sleep_ms(300);
	proc = opendir(in_box("/proc"));
	ck_assert_ptr_nonnull(proc);
	while ((entry = readdir(proc)))
		others += entry->d_name[0] >= '1' && entry->d_name[0] <= '9';
	(void) closedir(proc);
	ck_assert_int_eq(others, 2); /* PID 1 and the helper */
	assert_status(0);
}
END_TEST

START_TEST(a_clean_up_that_hangs_is_left_behind)
{
	static struct scene what = { .clean_up_ms = 30000, .options = { .stop_timeout_ms = 2000 } };
	int64_t t0;

	start_and_wait(&what);
	t0 = term();
	assert_status(0);
	assert_between(clock_now_ms(), t0, 1900, 2000);
	assert_says("stop: unmounting is not done after ");
	assert_says("leaving it to the kernel");
	assert_says("the data root could not be taken down properly");
	assert_silent_about("stopped cleanly");
}
END_TEST

START_TEST(a_clean_up_that_fails_is_told)
{
	static struct scene what = { .clean_up_status = 71 };

	start_and_wait(&what);
	(void) term();
	assert_status(0);
	assert_says("the data root could not be taken down properly");
}
END_TEST

START_TEST(writing_back_holds_nobody_up)
{
	static struct scene what = { .sync_ms = 30000 };
	int64_t t0;

	start_and_wait(&what);
	t0 = term();
	assert_status(0);
	assert_between(clock_now_ms(), t0, 0, 0);
}
END_TEST

/* From here on PID 1 cannot fork: as with a group that has no room for processes. */
static void forbid_fork(void)
{
	scmp_filter_ctx filter = seccomp_init(SCMP_ACT_ALLOW);

	if (!filter || seccomp_rule_add(filter, SCMP_ACT_ERRNO(EAGAIN), SCMP_SYS(clone), 0) < 0 ||
	    seccomp_rule_add(filter, SCMP_ACT_ERRNO(EAGAIN), SCMP_SYS(clone3), 0) < 0 ||
	    seccomp_rule_add(filter, SCMP_ACT_ERRNO(EAGAIN), SCMP_SYS(fork), 0) < 0 ||
	    seccomp_rule_add(filter, SCMP_ACT_ERRNO(EAGAIN), SCMP_SYS(vfork), 0) < 0 ||
	    seccomp_load(filter) < 0)
		note("no-filter");
	seccomp_release(filter);
}

START_TEST(without_room_for_a_helper_it_still_ends)
{
	static struct scene what = { .on_close = forbid_fork,
				     .options = { .stop_timeout_ms = 1500 } };
	int64_t t0;

	start_and_wait(&what);
	t0 = term();
	assert_status(0);
	assert_between(clock_now_ms(), t0, 1400, 1500);
	ck_assert_int_eq(noted("no-filter", 1), -1);
	ck_assert_int_eq(noted("clean-up", 1), -1);
	assert_says("stop: unmounting is not done after ");
}
END_TEST

START_TEST(without_room_for_the_engine_it_is_said)
{
	static struct scene what = { .command = SH("echo COMMAND-RAN"), .prepare = forbid_fork };

	box_start(&what);
	assert_status(69);
	assert_says("DIND-ENGINE-91: cannot start ");
	assert_says("fork: Resource temporarily unavailable");
	assert_silent_about("COMMAND-RAN");
}
END_TEST

/* Only for a while: what kill(-1) has ended makes room as soon as it is reaped. In place of the C
 * library's, for this program. */
static int forks_that_fail;

pid_t fork(void)
{
	if (forks_that_fail > 0) {
		forks_that_fail--;
		errno = EAGAIN;
		return -1;
	}
	return (pid_t) syscall(SYS_clone, SIGCHLD, NULL, NULL, NULL, 0UL);
}

static void fail_six_forks(void)
{
	forks_that_fail = 6;
}

START_TEST(room_for_a_helper_is_waited_for)
{
	static struct scene what = { .on_close = fail_six_forks };

	start_and_wait(&what);
	(void) term();
	assert_status(0);
	assert_between(noted("clean-up", 1), noted("close", 1), 280, 300);
	assert_says("stopped cleanly in ");
}
END_TEST

/* ---- the ready file on the way down ---- */

START_TEST(the_ready_file_goes_first)
{
	static struct scene what = { .engine = { "term=slow:800" },
				     .options = { .ready_file = "%s/is-ready" } };
	int64_t end;

	start_and_wait(&what);
	wait_for_text(in_dir("is-ready"), "ready");
	end = term() + 700;
	while (access(in_dir("is-ready"), F_OK) == 0) {
		ck_assert_int_lt(clock_now_ms(), end);
		sleep_ms(5);
	}
	wait_for_state("stopping");
	assert_status(0);
}
END_TEST

START_TEST(the_ready_file_goes_even_when_everybody_dies_at_once)
{
	static struct scene what = { .engine = { "kill=9@300" },
				     .options = { .ready_file = "%s/is-ready" } };

	start_and_wait(&what);
	wait_for_text(in_dir("is-ready"), "ready");
	assert_status(137);
	ck_assert(access(in_dir("is-ready"), F_OK) < 0);
}
END_TEST

static void add(TCase *tc)
{
	tcase_add_test(tc, everybody_deaf_uses_up_every_share);
	tcase_add_test(tc, time_that_is_not_used_passes_on);
	tcase_add_test(tc, a_polite_stop_takes_no_longer_than_it_needs);
	tcase_add_test(tc, deaf_containers_are_looked_for_again_and_again);
	tcase_add_test(tc, the_end_of_command_starts_the_same_ladder);
	tcase_add_loop_test(tc, what_command_leaves_has_its_time_before_the_engine, 0, 2);
	tcase_add_loop_test(tc, what_command_leaves_has_no_more_than_command_has, 0, 2);
	tcase_add_test(tc, what_command_leaves_dies_with_it);
	tcase_add_loop_test(tc, nobody_leaves_anything_where_no_command_was, 0, 2);
	tcase_add_test(tc, a_second_term_ends_the_wait_for_command);
	tcase_add_test(tc, a_second_term_ends_the_wait_for_containers);
	tcase_add_test(tc, after_a_second_term_nobody_has_long);
	tcase_add_loop_test(tc, a_third_term_ends_it, 0, 2);
	tcase_add_test(tc, who_insists_is_not_kept_by_the_clean_up);
	tcase_add_loop_test(tc, term_before_ready, 0, ARRAY_SIZE(early));
	tcase_add_loop_test(tc, int_and_quit_mean_term_without_a_command, 0, 2);
	tcase_add_loop_test(tc, the_quit_file_is_a_term, 0, 2);
	tcase_add_test(tc, a_quit_file_that_is_there_already);
	tcase_add_test(tc, a_quit_file_that_can_never_be);
	tcase_add_loop_test(tc, the_quit_pipe_is_a_term_when_the_last_holder_was_killed, 0, 2);
	tcase_add_test(tc, a_quit_pipe_that_was_held_for_no_time);
	tcase_add_loop_test(tc, a_quit_pipe_that_can_never_be, 0, 2);
	tcase_add_loop_test(tc, a_term_after_quit_is_the_first_and_quit_after_a_term_is_none, 0, 2);
	tcase_add_test(tc, a_subreaper_kills_its_own_and_nobody_else);
	tcase_add_test(tc, as_pid_1_the_rest_is_gone_before_the_clean_up_begins);
	tcase_add_test(tc, a_clean_up_that_hangs_is_left_behind);
	tcase_add_test(tc, a_clean_up_that_fails_is_told);
	tcase_add_test(tc, writing_back_holds_nobody_up);
	tcase_add_test(tc, without_room_for_a_helper_it_still_ends);
	tcase_add_test(tc, without_room_for_the_engine_it_is_said);
	tcase_add_test(tc, room_for_a_helper_is_waited_for);
	tcase_add_test(tc, the_ready_file_goes_first);
	tcase_add_test(tc, the_ready_file_goes_even_when_everybody_dies_at_once);
}

int main(void)
{
	return run_suite("supervise_stop", add);
}
