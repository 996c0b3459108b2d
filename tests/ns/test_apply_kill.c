/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Killing inner containers, in a pid namespace of our own with inner ones below it. Ids and stop
 * signals are found by the name of a cgroup, so each inner init has one of ours.
 */
#include <sys/prctl.h>

#include "../../src/apply/stop_signal.h"
#include "cgroup_fixture.h"

#define ID_A "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
#define ID_B "bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb"
/* The outer container's, which stands in front of it in the path where we see the host's tree. */
#define ID_OUTER "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"

enum hearing {
	HEARS_NOTHING = 0,
	CATCHES,
	BLOCKS,
	IGNORES,
};

static void ignore_signal(int number)
{
	(void) number;
}

static int signal_default(int number)
{
	struct sigaction action = { .sa_handler = SIG_DFL };

	return sigaction(number, &action, NULL);
}

static void listen_for(enum hearing hearing, int number)
{
	struct sigaction action = { .sa_handler = ignore_signal };
	sigset_t set;

	/* what Check catches is not what a container's init does */
	for (int i = 1; i <= 64; i++)
		(void) signal_default(i);
	(void) sigemptyset(&set);
	(void) sigprocmask(SIG_SETMASK, &set, NULL);
	switch (hearing) {
	case HEARS_NOTHING:
		return;
	case IGNORES:
		action.sa_handler = SIG_IGN;
		(void) sigaction(number, &action, NULL);
		return;
	case CATCHES:
		(void) sigaction(number, &action, NULL);
		return;
	case BLOCKS:
		(void) sigaddset(&set, number);
		(void) sigprocmask(SIG_BLOCK, &set, NULL);
		return;
	}
}

/* Start a process, as init of a new pid namespace or not, in the group docker/@id of ours. */
static pid_t start(bool inner, const char *id, enum hearing hearing, int number)
{
	int ready[2];
	char byte = 'x', path[240];
	pid_t pid;

	ck_assert_int_eq(pipe2(ready, O_CLOEXEC), 0);
	pid = inner ? fork_inner() : fork();
	if (pid == 0) {
		listen_for(hearing, number);
		(void) prctl(PR_SET_PDEATHSIG, SIGKILL);
		if (write(ready[1], &byte, 1) != 1)
			_exit(1);
		for (;;)
			(void) pause();
	}
	ck_assert_int_gt(pid, 0);
	ck_assert_int_eq(read(ready[0], &byte, 1), 1);
	(void) close(ready[0]);
	(void) close(ready[1]);
	if (id) {
		char text[16];

		(void) snprintf(path, sizeof(path), "docker/%s", id);
		(void) mkdir(in_group("docker"), 0755);
		(void) mkdir(in_group(path), 0755);
		(void) snprintf(path, sizeof(path), "docker/%s/cgroup.procs", id);
		(void) snprintf(text, sizeof(text), "%d", (int) pid);
		ck_assert_int_eq(file_write_at(AT_FDCWD, in_group(path), text), 0);
	}
	return pid;
}

/* True when it has ended, or does within @limit_ms. */
static bool ends_within(pid_t pid, int limit_ms)
{
	siginfo_t info = { .si_pid = 0 };

	for (int i = 0; i < limit_ms; i++) {
		ck_assert_int_eq(waitid(P_PID, (id_t) pid, &info, WEXITED | WNOHANG | WNOWAIT), 0);
		if (info.si_pid == pid)
			return true;
		(void) usleep(1000);
	}
	return false;
}

static bool is_alive(pid_t pid)
{
	return !ends_within(pid, 20);
}

/* A killed process still has to be run to its end, and the machine may be busy. */
static bool ends(pid_t pid)
{
	return ends_within(pid, 5000);
}

static int kill_containers(enum cgroup_mode mode, bool deaf_only)
{
	struct error err = ERROR_INIT;
	int r = apply_kill_containers(mode, NULL, in_scratch("data"), deaf_only, &err);

	ck_assert_msg(r >= 0, "%s", err.message);
	return r;
}

static void configure(const char *id, const char *json)
{
	char path[120];

	(void) snprintf(path, sizeof(path), "data/containers/%s", id);
	ck_assert_int_eq(file_make_directories(in_scratch(path), 0711), 0);
	(void) snprintf(path, sizeof(path), "data/containers/%s/config.v2.json", id);
	ck_assert(write_text(in_scratch(path), json));
}

/*
 * Check's process cannot be in the new pid namespace itself: its first child is. So the body of a
 * test runs as that child, and what it asserts comes back as its status.
 */
static void run_as_init(void (*body)(void))
{
	int status;
	pid_t pid;

	enter_group();
	ck_assert(enter_test());
	pid = fork_inner();
	if (pid == 0) {
		/* the parent keeps its own /proc */
		ck_assert_int_eq(unshare(CLONE_NEWNS), 0);
		ck_assert_int_eq(mount("proc", "/proc", "proc", 0, NULL), 0);
		body();
		_exit(0);
	}
	ck_assert_int_eq(waitpid(pid, &status, 0), pid);
	ck_assert_int_eq(status, 0);
}

static void deaf_body(void)
{
	pid_t deaf = start(true, NULL, HEARS_NOTHING, 0);
	pid_t ignores = start(true, NULL, IGNORES, SIGTERM);
	pid_t catches = start(true, NULL, CATCHES, SIGTERM);
	pid_t blocks = start(true, NULL, BLOCKS, SIGTERM);
	pid_t other = start(true, NULL, CATCHES, SIGUSR2);
	pid_t realtime = start(true, NULL, CATCHES, SIGRTMIN + 3);
	pid_t ours = fork();

	if (ours == 0) {
		(void) pause();
		_exit(0);
	}
	/* nothing is known of the stop signal: whoever hears any of the usual ones is left */
	ck_assert_int_eq(kill_containers(CGROUP_V1, true), 2);
	ck_assert(ends(deaf));
	ck_assert(ends(ignores));
	ck_assert(is_alive(catches));
	ck_assert(is_alive(blocks));
	ck_assert(is_alive(other));
	ck_assert(is_alive(realtime));
	ck_assert_int_eq(kill_containers(CGROUP_V1, true), 0);

	ck_assert_int_eq(kill_containers(CGROUP_V1, false), 4);
	ck_assert(ends(catches));
	ck_assert(ends(blocks));
	ck_assert(ends(other));
	ck_assert(ends(realtime));
	(void) ours;
}

START_TEST(test_deaf_and_all)
{
	run_as_init(deaf_body);
}
END_TEST

static void signals_body(void)
{
	pid_t stops_by_term = start(true, ID_A, CATCHES, SIGTERM);
	pid_t stops_by_usr1 = start(true, ID_B, CATCHES, SIGTERM);

	configure(ID_A, "{\"Config\": {\"Image\": \"x\"}}");
	configure(ID_B, "{\"Config\": {\"StopSignal\": \"SIGUSR1\"}}");
	ck_assert_int_eq(kill_containers(CGROUP_V1, true), 1);
	ck_assert(is_alive(stops_by_term));
	ck_assert(ends(stops_by_usr1));
	configure(ID_A, "{\"Config\": {\"StopSignal\": \"SIGKILL\"}}"); /* gets through */
	ck_assert_int_eq(kill_containers(CGROUP_V1, true), 0);
	configure(ID_A, "not json"); /* TERM is one of the usual ones */
	ck_assert_int_eq(kill_containers(CGROUP_V1, true), 0);
	configure(ID_A, "{\"Config\": {\"StopSignal\": \"RTMIN+3\"}}");
	ck_assert_int_eq(kill_containers(CGROUP_V1, true), 1);
	ck_assert(ends(stops_by_term));
}

START_TEST(test_stop_signals)
{
	run_as_init(signals_body);
}
END_TEST

static void outer_body(void)
{
	/* docker/<outer>/docker/<inner>: the config is that of the inner one */
	char path[200];
	pid_t pid;

	(void) mkdir(in_group("docker"), 0755);
	(void) mkdir(in_group("docker/" ID_OUTER), 0755);
	(void) mkdir(in_group("docker/" ID_OUTER "/docker"), 0755);
	(void) snprintf(path, sizeof(path), ID_OUTER "/docker/" ID_A);
	pid = start(true, path, CATCHES, SIGTERM);
	configure(ID_OUTER, "{\"Config\": {}}");
	configure(ID_A, "{\"Config\": {\"StopSignal\": \"SIGHUP\"}}");
	ck_assert_int_eq(kill_containers(CGROUP_V1, true), 1);
	ck_assert(ends(pid));
}

START_TEST(test_outer_id_in_front)
{
	run_as_init(outer_body);
}
END_TEST

/* Only inits one level below us: not our own processes, not what is in a container, not inits of
 * containers in it. */
static void only_inits_body(void)
{
	pid_t ours = fork();
	pid_t inner;
	int ready[2];
	char byte;

	if (ours == 0) {
		listen_for(HEARS_NOTHING, 0);
		for (;;)
			(void) pause();
	}
	ck_assert_int_eq(pipe2(ready, O_CLOEXEC), 0);
	inner = fork_inner();
	if (inner == 0) { /* catches TERM, and has a deaf init of a third level below it */
		pid_t third;

		listen_for(CATCHES, SIGTERM);
		third = fork_inner();
		if (third == 0) {
			listen_for(HEARS_NOTHING, 0);
			for (;;)
				(void) pause();
		}
		if (third < 0 || write(ready[1], "x", 1) != 1)
			_exit(1);
		/* tell by our own end when the third one is gone */
		(void) waitpid(third, NULL, 0);
		_exit(2);
	}
	ck_assert_int_eq(read(ready[0], &byte, 1), 1);
	ck_assert_int_eq(kill_containers(CGROUP_V1, true), 0);
	ck_assert(is_alive(inner));
	ck_assert(is_alive(ours));
	ck_assert_int_eq(kill_containers(CGROUP_V1, false), 1);
	ck_assert(ends(inner));
	ck_assert(is_alive(ours));
}

START_TEST(test_only_inner_inits)
{
	run_as_init(only_inits_body);
}
END_TEST

static void by_group_body(void)
{
	/* docker run --pid=host: no pid namespace of its own, found by its group alone */
	pid_t shares_ours = start(false, ID_A, HEARS_NOTHING, 0);
	pid_t inner = start(true, ID_B, BLOCKS, SIGTERM);
	pid_t ours = fork();

	if (ours == 0) {
		for (;;)
			(void) pause();
	}
	/* what dockerd sees at /sys/fs/cgroup is our group */
	while (umount2("/sys/fs/cgroup", MNT_DETACH) == 0)
		;
	ck_assert_int_eq(mount("tmp", "/mnt", "tmpfs", 0, NULL), 0);
	ck_assert_int_eq(mkdir("/mnt/tree", 0755), 0);
	ck_assert_int_eq(mount("cgroup2", "/mnt/tree", "cgroup2", 0, NULL), 0);
	{
		char path[400];
		const char *name = strrchr(group, '/');

		(void) snprintf(path, sizeof(path), "/mnt/tree%s", name);
		ck_assert_int_eq(mount(path, "/sys/fs/cgroup", NULL, MS_BIND, NULL), 0);
	}
	configure(ID_B, "{}");
	ck_assert_int_eq(kill_containers(CGROUP_V2, false), 1); /* ID_A is of another engine */
	ck_assert(ends(inner));
	ck_assert(is_alive(shares_ours));
	configure(ID_A, "{}");
	ck_assert_int_eq(kill_containers(CGROUP_V2, false), 1);
	ck_assert(ends(shares_ours));
	ck_assert(is_alive(ours));
	ck_assert_int_eq(kill_containers(CGROUP_V2, false), 0);
}

START_TEST(test_by_group)
{
	run_as_init(by_group_body);
}
END_TEST

/* The same without cgroup.kill: by the group of each process. */
static void shared_body(void)
{
	pid_t shares_ours = start(false, ID_A, HEARS_NOTHING, 0);
	pid_t of_others = start(false, ID_B, HEARS_NOTHING, 0);
	pid_t ours = start(false, NULL, HEARS_NOTHING, 0);
	pid_t forks = start(false, ID_A, CATCHES, SIGTERM);

	configure(ID_A, "{}");
	ck_assert_int_eq(kill_containers(CGROUP_V1, true), 0); /* dockerd's TERM gets through */
	ck_assert(is_alive(shares_ours));
	ck_assert_int_eq(kill_containers(CGROUP_V1, false), 1); /* two processes, one container */
	ck_assert(ends(shares_ours));
	ck_assert(ends(forks));
	ck_assert(is_alive(of_others));
	ck_assert(is_alive(ours));
	ck_assert_int_eq(kill_containers(CGROUP_V1, false), 0);
}

START_TEST(test_shared_pid_namespace)
{
	run_as_init(shared_body);
}
END_TEST

/* --pid=host: we are somewhere in the namespace of others, whose containers are as deep as ours. */
static void not_init_body(void)
{
	pid_t of_others = start(true, ID_B, HEARS_NOTHING, 0);
	int status = -1;
	pid_t us = fork(); /* as PID 1 of the program; the helper is its child */

	if (us == 0) {
		pid_t inner = start(true, ID_A, HEARS_NOTHING, 0);
		pid_t helper = fork();

		if (helper == 0)
			_exit(kill_containers(CGROUP_V1, true) == 1 ? 0 : 1);
		if (waitpid(helper, &status, 0) != helper || status != 0 || is_alive(inner))
			_exit(1);
		inner = start(true, NULL, CATCHES, SIGTERM); /* whatever its group is called */
		helper = fork();
		if (helper == 0)
			_exit(kill_containers(CGROUP_V1, false) == 1 ? 0 : 1);
		if (waitpid(helper, &status, 0) != helper || status != 0 || is_alive(inner))
			_exit(2);
		_exit(0);
	}
	ck_assert_int_eq(waitpid(us, &status, 0), us);
	ck_assert_int_eq(status, 0);
	ck_assert(is_alive(of_others));
}

START_TEST(test_inits_of_others)
{
	run_as_init(not_init_body);
}
END_TEST

START_TEST(test_names_of_signals)
{
	ck_assert_int_eq(stop_signal_parse("SIGTERM"), SIGTERM);
	ck_assert_int_eq(stop_signal_parse("term"), SIGTERM);
	ck_assert_int_eq(stop_signal_parse("15"), 15);
	ck_assert_int_eq(stop_signal_parse("SIGRTMIN+3"), 37);
	ck_assert_int_eq(stop_signal_parse("RTMIN"), 34);
	ck_assert_int_eq(stop_signal_parse("SIGRTMAX-14"), 50);
	ck_assert_int_eq(stop_signal_parse("RTMAX"), 64);
	ck_assert_int_eq(stop_signal_parse("RTMAX+1"), 0);
	ck_assert_int_eq(stop_signal_parse("RTMIN-1"), 0);
	ck_assert_int_eq(stop_signal_parse("RTMINx"), 0);
	ck_assert_int_eq(stop_signal_parse("0"), 0);
	ck_assert_int_eq(stop_signal_parse("65"), 0);
	ck_assert_int_eq(stop_signal_parse("NONSENSE"), 0);
	ck_assert_uint_eq(stop_signal_mask(SIGTERM), 1ULL << 14);
	ck_assert_uint_eq(stop_signal_mask(64), 1ULL << 63);
	ck_assert(stop_signal_mask(0) & (1ULL << (SIGWINCH - 1)));
	ck_assert(!(stop_signal_mask(0) & (1ULL << (SIGCHLD - 1))));
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("apply kill");
	TCase *tests = tcase_create("kill");
	int status;

	require_root();
	if (!find_tree()) {
		(void) fprintf(stderr, "skipped: no cgroup v2 tree is mounted\n");
		return 77;
	}
	tcase_set_timeout(tests, 20);
	tcase_add_test(tests, test_deaf_and_all);
	tcase_add_test(tests, test_stop_signals);
	tcase_add_test(tests, test_outer_id_in_front);
	tcase_add_test(tests, test_only_inner_inits);
	tcase_add_test(tests, test_by_group);
	tcase_add_test(tests, test_shared_pid_namespace);
	tcase_add_test(tests, test_inits_of_others);
	tcase_add_test(tests, test_names_of_signals);
	suite_add_tcase(suite, tests);
	status = run_suite(suite);
	remove_groups();
	return status;
}
