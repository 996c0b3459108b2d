/* SPDX-License-Identifier: Apache-2.0 */
/* The launch record, between a real fork and a real exec. Needs root. */
#include <sys/capability.h>
#include <sys/mman.h>
#include <sys/resource.h>

#include "../../src/supervise/internal.h"
#include "dind/process.h"
#include "supervise_fixture.h"

#define NOBODY 65534

static sigset_t no_signals;

static const char *const environment[] = { "PATH=/usr/bin:/bin", "A=1", "LISTEN_PID=77",
					   "LISTEN_FDS=9", NULL };
static const struct spawn_fds as_ours = { .in = -1, .out = -1, .err = -1 };

static const char *make_file(const char *name, const char *text, mode_t mode)
{
	const char *path = in_dir(name);

	ck_assert_int_eq(file_replace(path, text, mode), 0);
	return path;
}

static int wait_status(pid_t pid)
{
	siginfo_t info;

	ck_assert_int_eq(waitid(P_PID, (id_t) pid, &info, WEXITED), 0);
	return info.si_code == CLD_EXITED ? info.si_status : 128 + info.si_status;
}

/* Run it, with its output in @buf. Exit status. */
static int run(const struct launch *launch, const struct spawn_fds *fds, char *buf, size_t size)
{
	struct spawn_fds with_output = *fds;
	struct error err = ERROR_INIT;
	int ends[2], pidfd = -1;
	size_t used = 0;
	ssize_t n;
	pid_t pid;

	ck_assert_int_eq(pipe2(ends, O_CLOEXEC), 0);
	with_output.out = with_output.err = ends[1];
	pid = supervise_spawn(launch, &with_output, &no_signals, &pidfd, &err);
	(void) close(ends[1]);
	ck_assert_msg(pid > 0, "%s", err.message);
	ck_assert_int_ge(pidfd, 0);
	ck_assert_int_eq(fcntl(pidfd, F_GETFD), FD_CLOEXEC);
	while ((n = read(ends[0], buf + used, size - 1 - used)) > 0)
		used += (size_t) n;
	buf[used] = '\0';
	(void) close(ends[0]);
	(void) close(pidfd);
	return wait_status(pid);
}

static struct launch shell(const char *const *argv)
{
	return (struct launch){ .argv = argv, .environment = environment };
}

/* A start that must fail: with @code, naming @what, and without leaving a zombie. */
static void fails(const struct launch *launch, int code, const char *what)
{
	struct error err = ERROR_INIT;
	int pidfd = -7;
	pid_t pid = supervise_spawn(launch, &as_ours, &no_signals, &pidfd, &err);

	ck_assert_msg(pid == code, "%d instead of %d: %s", pid, code, err.message);
	ck_assert_int_eq(err.code, code);
	ck_assert_int_eq(pidfd, -7);
	ck_assert_msg(strstr(err.message, what), "'%s' is not in '%s'", what, err.message);
	ck_assert_int_eq(waitpid(-1, NULL, WNOHANG), -1);
	ck_assert_int_eq(errno, ECHILD);
}

static void expect(const char *output, const char *line)
{
	ck_assert_msg(strstr(output, line), "no '%s' in:\n%s", line, output);
}

/* ---- descriptors ---- */

static unsigned long inode_of(int fd)
{
	struct stat st;

	ck_assert_int_eq(fstat(fd, &st), 0);
	return (unsigned long) st.st_ino;
}

/* Numbers that are taken by whoever runs the test, Check included, are lent and given back. */
#define LENT_FROM 3
#define LENT_TO	  10
static int lent[LENT_TO];

static void borrow_numbers(void)
{
	for (int fd = LENT_FROM; fd < LENT_TO; fd++) {
		lent[fd] = fcntl(fd, F_DUPFD_CLOEXEC, 200);
		(void) close(fd);
	}
}

static void give_numbers_back(void)
{
	for (int fd = LENT_FROM; fd < LENT_TO; fd++) {
		(void) close(fd);
		if (lent[fd] >= 0)
			ck_assert_int_eq(dup2(lent[fd], fd), fd);
	}
}

/* A file of its own at exactly this number. */
static void open_at(int number)
{
	int fd = memfd_create("at", MFD_CLOEXEC);

	if (fd != number) {
		(void) dup3(fd, number, O_CLOEXEC);
		(void) close(fd);
	}
}

static void expect_fd(const char *report, int fd, unsigned long inode)
{
	char line[64];

	(void) snprintf(line, sizeof(line), "fd %d inode %lu\n", fd, inode);
	ck_assert_msg(strstr(report, line), "no '%s' in:\n%s", line, report);
}

static int count_lines(const char *text, const char *prefix)
{
	int n = 0;

	for (; text; text = strchr(text, '\n'), text += text ? 1 : 0)
		n += strncmp(text, prefix, strlen(prefix)) == 0;
	return n;
}

static const char *report_of(const struct launch *launch, const struct spawn_fds *fds)
{
	static char report[16384];
	char argument[160], output[1024];
	const char *argv[] = { ENGINE, argument, "exit=0", NULL };
	struct launch with_report = *launch;
	int status;

	(void) snprintf(argument, sizeof(argument), "report=%s", in_dir("report"));
	with_report.argv = argv;
	status = run(&with_report, fds, output, sizeof(output));
	ck_assert_msg(status == 0, "status %d: %s", status, output);
	ck_assert_int_gt(file_read_at(AT_FDCWD, in_dir("report"), report, sizeof(report)), 0);
	return report;
}

/* Every source sits where another one is to go. */
START_TEST(descriptors_do_not_clobber_each_other)
{
	const struct launch launch = { .environment = environment, .listen_names = "a:b:c" };
	static const int orders[][4] = {
		{ 3, 4, 5, 6 }, { 6, 5, 4, 3 }, { 4, 5, 6, 3 }, { 5, 3, 6, 4 }, { 9, 3, 8, 5 },
	};
	const int *order = orders[_i];
	struct spawn_fds fds = {
		.listen = order, .n_listen = 3, .keep = order + 3, .n_keep = 1, .in = -1
	};
	unsigned long inodes[4];
	bool kept = true;
	const char *report;

	borrow_numbers();
	for (int i = 0; i < 4; i++) {
		open_at(order[i]);
		inodes[i] = inode_of(order[i]);
	}
	report = report_of(&launch, &fds);
	for (int i = 0; i < 4; i++)
		kept = kept && inode_of(order[i]) == inodes[i] &&
		       fcntl(order[i], F_GETFD) == FD_CLOEXEC;
	give_numbers_back();
	for (int i = 0; i < 4; i++)
		expect_fd(report, 3 + i, inodes[i]);
	ck_assert_msg(count_lines(report, "fd ") == 7, "%s", report);
	ck_assert_msg(kept, "ours are not as they were");
	expect(report, "listen-pid mine\n");
	expect(report, "env LISTEN_FDS=3\n");
	expect(report, "env LISTEN_FDNAMES=a:b:c\n");
	expect(report, "env A=1\n");
	ck_assert_int_eq(count_lines(report, "env LISTEN_PID="), 1);
	ck_assert_int_eq(count_lines(report, "env LISTEN_FDS="), 1);
}
END_TEST

START_TEST(standard_descriptors_may_come_from_each_other)
{
	struct launch launch = { .environment = environment };
	int null = open("/dev/null", O_RDONLY | O_CLOEXEC);
	unsigned long inode = inode_of(null);
	struct spawn_fds fds = { .in = null };

	expect_fd(report_of(&launch, &fds), 0, inode);
	/* 0 is the source of what 0 is replaced in */
	ck_assert_int_eq(dup2(null, STDIN_FILENO), STDIN_FILENO);
	fds.in = -1;
	fds.listen = &(int){ STDIN_FILENO };
	fds.n_listen = 1;
	expect_fd(report_of(&launch, &fds), 3, inode);
}
END_TEST

START_TEST(only_who_may_inherit_gets_other_descriptors)
{
	const struct launch launch = { .environment = environment };
	struct spawn_fds fds = { .in = -1, .inherit = true };
	int before =
		count_lines(report_of(&launch, &fds), "fd "); /* also of whoever runs the test */
	int stray = fcntl(STDERR_FILENO, F_DUPFD, 40);
	int lock = fcntl(STDERR_FILENO, F_DUPFD_CLOEXEC, 50);
	const char *report;

	ck_assert_int_eq(stray, 40);
	ck_assert_int_eq(lock, 50);
	report = report_of(&launch, &fds);
	ck_assert_msg(count_lines(report, "fd ") == before + 1, "%s", report);
	ck_assert_int_eq(count_lines(report, "fd 40 "), 1);
	fds.inherit = false;
	report = report_of(&launch, &fds);
	ck_assert_msg(count_lines(report, "fd ") == 3, "%s", report);
	ck_assert_int_eq(count_lines(report, "env LISTEN_PID=77"), 1); /* not ours to judge */
}
END_TEST

START_TEST(too_many_descriptors_are_refused)
{
	const char *const argv[] = { "true", NULL };
	const struct launch launch = shell(argv);
	int listen[SPAWN_MAX_FDS + 1] = { 0 }, pidfd;
	struct spawn_fds fds = { .listen = listen,
				 .n_listen = SPAWN_MAX_FDS,
				 .keep = listen,
				 .n_keep = 1,
				 .in = -1,
				 .out = -1,
				 .err = -1 };
	struct error err = ERROR_INIT;

	ck_assert_int_eq(supervise_spawn(&launch, &fds, &no_signals, &pidfd, &err), -E2BIG);
	ck_assert_ptr_nonnull(strstr(err.message, "descriptors"));
	fds.n_listen = SPAWN_MAX_FDS + 1;
	fds.n_keep = 0;
	ck_assert_int_eq(supervise_spawn(&launch, &fds, &no_signals, &pidfd, &err), -E2BIG);
}
END_TEST

/* Kubernetes gives a container seven variables for each service of its namespace. */
START_TEST(large_environments_are_passed_on)
{
	static char texts[10000][16];
	static const char *list[ARRAY_SIZE(texts) + 1];
	const struct launch launch = { .environment = list };
	struct spawn_fds fds = { .listen = &(int){ 0 }, .n_listen = 1, .in = -1 };
	char output[64];
	const char *argv[] = {
		"/bin/sh", "-c",
		"PATH=/usr/bin:/bin; cat /proc/self/environ | tr '\\0' '\\n' | grep -c ^V", NULL
	};
	struct launch counted = launch;

	for (size_t i = 0; i < ARRAY_SIZE(texts); i++) {
		(void) snprintf(texts[i], sizeof(texts[i]), "V%zu=x", i);
		list[i] = texts[i];
	}
	counted.argv = argv;
	ck_assert_int_eq(run(&counted, &fds, output, sizeof(output)), 0);
	ck_assert_str_eq(output, "10000\n");
}
END_TEST

/* ---- exec ---- */

START_TEST(the_errno_of_exec_comes_back)
{
	const char *argv[] = { NULL, NULL };
	const struct launch launch = shell(argv);

	argv[0] = "/no/such/program";
	fails(&launch, -ENOENT, "/no/such/program: No such file");
	argv[0] = "no-such-program";
	fails(&launch, -ENOENT, "no-such-program");
	argv[0] = "";
	fails(&launch, -ENOENT, "execute");
	argv[0] = "/etc/passwd";
	fails(&launch, -EACCES, "/etc/passwd: Permission denied");
	argv[0] = "/etc";
	fails(&launch, -EACCES, "/etc");
	argv[0] = "/etc/passwd/x";
	fails(&launch, -ENOTDIR, "/etc/passwd/x");
	argv[0] = make_file("interpreter", "#!/no/such/shell\n", 0755);
	fails(&launch, -ENOENT, "interpreter");
}
END_TEST

START_TEST(path_of_the_record_is_searched)
{
	char path[256], output[256];
	const char *list[] = { path, NULL };
	const char *argv[] = { "tool", "one", NULL };
	struct launch launch = { .argv = argv, .environment = list };

	ck_assert_int_eq(mkdir(in_dir("a"), 0755), 0);
	ck_assert_int_eq(mkdir(in_dir("b"), 0755), 0);
	(void) snprintf(path, sizeof(path), "PATH=/no/such:%s/a:%s/b:/usr/bin:/bin", box.dir,
			box.dir);
	fails(&launch, -ENOENT, "tool");
	/* found, not executable: that is said, unless there is a better one further on */
	(void) make_file("a/tool", "#!/bin/sh\necho a\n", 0644);
	fails(&launch, -EACCES, "tool");
	(void) make_file("b/tool", "#!/bin/sh\necho \"b $1\"\n", 0755);
	ck_assert_int_eq(run(&launch, &as_ours, output, sizeof(output)), 0);
	ck_assert_str_eq(output, "b one\n");
	/* a script without #! is the shell's, as everywhere */
	(void) make_file("b/tool", "echo \"plain $0 $1 $#\"; exit 4\n", 0755);
	ck_assert_int_eq(run(&launch, &as_ours, output, sizeof(output)), 4);
	ck_assert_msg(strncmp(output, "plain /tmp/", 11) == 0 && strstr(output, "/b/tool one 1\n"),
		      "%s", output);
	/* an empty part is the working directory */
	ck_assert_int_eq(chdir(in_dir("b")), 0);
	(void) snprintf(path, sizeof(path), "PATH=/no/such:");
	ck_assert_int_eq(run(&launch, &as_ours, output, sizeof(output)), 4);
	/* none at all: the usual places */
	list[0] = NULL;
	argv[0] = "true";
	ck_assert_int_eq(run(&launch, &as_ours, output, sizeof(output)), 0);
	launch.environment = NULL;
	ck_assert_int_eq(run(&launch, &as_ours, output, sizeof(output)), 0);
}
END_TEST

START_TEST(signals_are_as_they_were_given)
{
	const char *const argv[] = { "/bin/cat", "/proc/self/status", NULL };
	const struct launch launch = shell(argv);
	const struct sigaction ignore = { .sa_handler = SIG_IGN };
	char output[8192];
	sigset_t all;

	(void) sigfillset(&all);
	ck_assert_int_eq(sigprocmask(SIG_BLOCK, &all, NULL), 0);
	ck_assert_int_eq(sigaction(SIGPIPE, &ignore, NULL), 0);
	ck_assert_int_eq(sigaction(SIGHUP, &ignore, NULL), 0);
	(void) sigaddset(&no_signals, SIGUSR2);
	ck_assert_int_eq(run(&launch, &as_ours, output, sizeof(output)), 0);
	expect(output, "SigBlk:\t0000000000000800\n");
	expect(output, "SigIgn:\t0000000000000000\n");
	expect(output, "SigCgt:\t0000000000000000\n");
}
END_TEST

/* ---- attributes ---- */

START_TEST(the_group_is_joined)
{
	const char *const argv[] = { "/bin/true", NULL };
	struct launch launch = shell(argv);
	char text[16] = "";

	launch.cgroup = in_dir("group");
	fails(&launch, -EIO, "joining its cgroup: No such file");
	ck_assert_int_eq(mkdir(launch.cgroup, 0755), 0);
	(void) make_file("group/cgroup.procs", "", 0644);
	ck_assert_int_eq(run(&launch, &as_ours, text, sizeof(text)), 0);
	(void) file_read_at(AT_FDCWD, in_dir("group/cgroup.procs"), text, sizeof(text));
	ck_assert_str_eq(text, "0");
}
END_TEST

START_TEST(sessions_and_groups)
{
	struct launch launch = { .environment = environment };
	struct spawn_fds fds = { .in = -1 };
	const char *report = report_of(&launch, &fds);

	ck_assert_ptr_nonnull(strstr(report, "session shared\ngroup shared\n"));
	launch.foreground = true;
	report = report_of(&launch, &fds);
	ck_assert_ptr_nonnull(strstr(report, "session shared\ngroup own\n"));
	launch.foreground = false;
	launch.new_session = true;
	report = report_of(&launch, &fds);
	ck_assert_ptr_nonnull(strstr(report, "session own\ngroup own\n"));
}
END_TEST

static void drop_effective(cap_value_t cap)
{
	cap_t caps = cap_get_proc();

	ck_assert_ptr_nonnull(caps);
	ck_assert_int_eq(cap_set_flag(caps, CAP_EFFECTIVE, 1, &cap, CAP_CLEAR), 0);
	ck_assert_int_eq(cap_set_flag(caps, CAP_PERMITTED, 1, &cap, CAP_CLEAR), 0);
	ck_assert_int_eq(cap_set_proc(caps), 0);
	(void) cap_free(caps);
}

START_TEST(limits_are_raised_as_far_as_it_goes)
{
	const char *const argv[] = { "/bin/sh", "-c", "ulimit -Sn; ulimit -Hn; ulimit -c", NULL };
	struct launch launch = shell(argv);
	const struct rlimit now = { 300, 400 };
	char output[128];

	launch.n_rlimits = 2;
	launch.rlimits[0] = (struct launch_rlimit){ RLIMIT_NOFILE, 200, 250 };
	launch.rlimits[1] = (struct launch_rlimit){ RLIMIT_CORE, 0, 0 };
	ck_assert_int_eq(run(&launch, &as_ours, output, sizeof(output)), 0);
	ck_assert_str_eq(output, "200\n250\n0\n");
	drop_effective(CAP_SYS_RESOURCE);
	ck_assert_int_eq(setrlimit(RLIMIT_NOFILE, &now), 0);
	launch.n_rlimits = 1;
	launch.rlimits[0] = (struct launch_rlimit){ RLIMIT_NOFILE, 350, UINT64_MAX };
	ck_assert_int_eq(run(&launch, &as_ours, output, sizeof(output)), 0);
	ck_assert_ptr_eq(strstr(output, "350\n400\n"), output);
	launch.rlimits[0] = (struct launch_rlimit){ RLIMIT_NOFILE, UINT64_MAX, UINT64_MAX };
	ck_assert_int_eq(run(&launch, &as_ours, output, sizeof(output)), 0);
	ck_assert_ptr_eq(strstr(output, "400\n400\n"), output);
	launch.rlimits[0] = (struct launch_rlimit){ 9999, 1, 1 };
	fails(&launch, -EINVAL, "resource limits");
}
END_TEST

START_TEST(oom_score_goes_up_and_never_costs_the_start)
{
	const char *const argv[] = { "/bin/cat", "/proc/self/oom_score_adj", NULL };
	struct launch launch = shell(argv);
	char output[64];

	launch.set_oom_score = true;
	launch.oom_score_adj = 500;
	ck_assert_int_eq(run(&launch, &as_ours, output, sizeof(output)), 0);
	ck_assert_str_eq(output, "500\n");
	drop_effective(CAP_SYS_RESOURCE);
	launch.oom_score_adj = -999;
	ck_assert_int_eq(run(&launch, &as_ours, output, sizeof(output)), 0);
	ck_assert_str_ne(output, "-999\n");
}
END_TEST

START_TEST(apparmor_is_asked_or_the_start_fails)
{
	const char *const argv[] = { "/bin/true", NULL };
	struct launch launch = shell(argv);
	char output[64];

	launch.apparmor_exec = "exec unconfined";
	if (access("/proc/self/attr/apparmor/exec", F_OK) == 0) {
		ck_assert_int_eq(run(&launch, &as_ours, output, sizeof(output)), 0);
		launch.apparmor_exec = "exec no-such-profile";
	}
	{
		struct error err = ERROR_INIT;
		int pidfd;

		/* never on without the confinement that was asked for */
		ck_assert_int_lt(supervise_spawn(&launch, &as_ours, &no_signals, &pidfd, &err), 0);
		ck_assert_ptr_nonnull(strstr(err.message, "AppArmor"));
	}
}
END_TEST

/* ---- privileges ---- */

static const char *const show_status[] = {
	"/bin/sh", "-c", "grep -E '^(Uid|Gid|Groups|Cap|NoNewPrivs)' /proc/self/status", NULL
};

static void own_line(const char *key, char *buf, size_t size)
{
	char text[8192], *found;

	ck_assert_int_gt(file_read_at(AT_FDCWD, "/proc/self/status", text, sizeof(text)), 0);
	found = strstr(text, key);
	ck_assert_ptr_nonnull(found);
	(void) snprintf(buf, size, "%.*s\n", (int) strcspn(found, "\n"), found);
}

START_TEST(a_user_has_no_capability_in_any_set)
{
	struct launch launch = shell(show_status);
	char output[1024];

	launch.set_user = true;
	launch.uid = launch.gid = NOBODY;
	launch.groups[0] = 7;
	launch.groups[1] = 999;
	launch.n_groups = 2;
	launch.caps = LAUNCH_CAPS_CLEAR;
	launch.no_new_privs = true;
	ck_assert_int_eq(run(&launch, &as_ours, output, sizeof(output)), 0);
	expect(output, "Uid:\t65534\t65534\t65534\t65534\n");
	expect(output, "Gid:\t65534\t65534\t65534\t65534\n");
	expect(output, "Groups:\t7 999 \n");
	expect(output, "CapInh:\t0000000000000000\n");
	expect(output, "CapPrm:\t0000000000000000\n");
	expect(output, "CapEff:\t0000000000000000\n");
	expect(output, "CapBnd:\t0000000000000000\n");
	expect(output, "CapAmb:\t0000000000000000\n");
	expect(output, "NoNewPrivs:\t1\n");
}
END_TEST

START_TEST(ambient_and_inheritable_ones_go_too)
{
	struct launch launch = shell(show_status);
	const cap_value_t cap = CAP_KILL;
	cap_t caps = cap_get_proc();
	char output[1024];

	ck_assert_int_eq(cap_set_flag(caps, CAP_INHERITABLE, 1, &cap, CAP_SET), 0);
	ck_assert_int_eq(cap_set_proc(caps), 0);
	(void) cap_free(caps);
	ck_assert_int_eq(prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE, CAP_KILL, 0, 0), 0);
	launch.caps = LAUNCH_CAPS_CLEAR; /* as root: --drop-caps */
	ck_assert_int_eq(run(&launch, &as_ours, output, sizeof(output)), 0);
	expect(output, "Uid:\t0\t");
	expect(output, "CapInh:\t0000000000000000\n");
	expect(output, "CapEff:\t0000000000000000\n");
	expect(output, "CapBnd:\t0000000000000000\n");
	expect(output, "CapAmb:\t0000000000000000\n");
}
END_TEST

START_TEST(keep_caps_leaves_the_bounding_set_for_sudo)
{
	struct launch launch = shell(show_status);
	char output[1024], bounding[64];

	own_line("CapBnd:", bounding, sizeof(bounding));
	launch.set_user = true;
	launch.uid = launch.gid = NOBODY;
	launch.caps = LAUNCH_CAPS_KEEP_BOUNDING;
	ck_assert_int_eq(run(&launch, &as_ours, output, sizeof(output)), 0);
	expect(output, "CapPrm:\t0000000000000000\n");
	expect(output, "CapEff:\t0000000000000000\n");
	expect(output, bounding);
	expect(output, "Groups:\t \n"); /* none of root's */
}
END_TEST

START_TEST(root_keeps_what_we_have)
{
	struct launch launch = shell(show_status);
	char output[1024], line[64];

	ck_assert_int_eq(run(&launch, &as_ours, output, sizeof(output)), 0);
	own_line("CapEff:", line, sizeof(line));
	expect(output, line);
	own_line("CapBnd:", line, sizeof(line));
	expect(output, line);
	expect(output, "NoNewPrivs:\t0\n");
}
END_TEST

START_TEST(what_cannot_be_dropped_fails_the_start)
{
	const char *const argv[] = { "/bin/true", NULL };
	struct launch launch = shell(argv);

	drop_effective(CAP_SETPCAP);
	launch.caps = LAUNCH_CAPS_CLEAR;
	fails(&launch, -EPERM, "capabilities");
	launch.caps = LAUNCH_CAPS_KEEP;
	launch.set_user = true;
	launch.uid = NOBODY;
	launch.gid = NOBODY;
	drop_effective(CAP_SETGID);
	fails(&launch, -EPERM, "user and groups");
}
END_TEST

/* ---- bounds ---- */

START_TEST(a_child_that_hangs_before_exec_does_not_hang_us)
{
	const char *const argv[] = { "/bin/true", NULL };
	struct launch launch = shell(argv);
	struct error err = ERROR_INIT;
	int64_t start = clock_now_ms();
	int pidfd = -1;
	pid_t pid;

	launch.cgroup = in_dir("group");
	ck_assert_int_eq(mkdir(launch.cgroup, 0755), 0);
	ck_assert_int_eq(mkfifo(in_dir("group/cgroup.procs"), 0600), 0); /* nobody reads */
	pid = supervise_spawn(&launch, &as_ours, &no_signals, &pidfd, &err);
	ck_assert_int_gt(pid, 0);
	ck_assert_int_ge(clock_now_ms() - start, 9000);
	ck_assert_int_eq(process_signal(pid, pidfd, SIGKILL), 0);
	ck_assert_int_eq(wait_status(pid), 137);
}
END_TEST

START_TEST(no_descriptors_left_is_an_error_and_no_more)
{
	const char *const argv[] = { "/bin/true", NULL };
	const struct launch launch = shell(argv);
	struct rlimit limit;
	int next;

	ck_assert_int_eq(getrlimit(RLIMIT_NOFILE, &limit), 0);
	next = dup(STDERR_FILENO);
	ck_assert_int_gt(next, STDERR_FILENO);
	(void) close(next);
	limit.rlim_cur = (rlim_t) next; /* the next one is one too many */
	ck_assert_int_eq(setrlimit(RLIMIT_NOFILE, &limit), 0);
	fails(&launch, -EMFILE, "pipe");
	limit.rlim_cur = limit.rlim_max;
	ck_assert_int_eq(setrlimit(RLIMIT_NOFILE, &limit), 0);
}
END_TEST

static void add(TCase *tc)
{
	tcase_add_loop_test(tc, descriptors_do_not_clobber_each_other, 0, 5);
	tcase_add_test(tc, standard_descriptors_may_come_from_each_other);
	tcase_add_test(tc, only_who_may_inherit_gets_other_descriptors);
	tcase_add_test(tc, too_many_descriptors_are_refused);
	tcase_add_test(tc, large_environments_are_passed_on);
	tcase_add_test(tc, the_errno_of_exec_comes_back);
	tcase_add_test(tc, path_of_the_record_is_searched);
	tcase_add_test(tc, signals_are_as_they_were_given);
	tcase_add_test(tc, the_group_is_joined);
	tcase_add_test(tc, sessions_and_groups);
	tcase_add_test(tc, limits_are_raised_as_far_as_it_goes);
	tcase_add_test(tc, oom_score_goes_up_and_never_costs_the_start);
	tcase_add_test(tc, apparmor_is_asked_or_the_start_fails);
	tcase_add_test(tc, a_user_has_no_capability_in_any_set);
	tcase_add_test(tc, ambient_and_inheritable_ones_go_too);
	tcase_add_test(tc, keep_caps_leaves_the_bounding_set_for_sudo);
	tcase_add_test(tc, root_keeps_what_we_have);
	tcase_add_test(tc, what_cannot_be_dropped_fails_the_start);
	tcase_add_test(tc, a_child_that_hangs_before_exec_does_not_hang_us);
	tcase_add_test(tc, no_descriptors_left_is_an_error_and_no_more);
}

int main(void)
{
	return run_suite("supervise_spawn", add);
}
