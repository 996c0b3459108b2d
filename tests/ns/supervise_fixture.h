/* SPDX-License-Identifier: Apache-2.0 */
/*
 * supervise_fixture.h - a box: supervise_run() as PID 1 of namespaces of its own, with the stand-in
 * engine (helper_engine.c). The test stays outside and sees it through /proc/PID/root.
 */
#ifndef TEST_NS_SUPERVISE_FIXTURE_H
#define TEST_NS_SUPERVISE_FIXTURE_H

#include <check.h>
#include <dirent.h>
#include <fcntl.h>
#include <ftw.h>
#include <limits.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "dind/file.h"
#include "dind/supervise.h"

#define UNUSED	   __attribute__((unused))
#define ENGINE	   HELPER_DIR "/helper_engine"
#define MAX_ARGS   12
#define TEST_LIMIT 90	 /* s, for Check's own watchdog */
#define PATIENCE   20000 /* ms: the machine may be busy; what is tested never takes that long */
#define SOON	   3000	 /* ms: the slack that measured times get */

/* What is run, and how what supervise calls back behaves. */
struct scene {
	const char *engine[MAX_ARGS];	  /* arguments of the stand-in, see there; %s is the scratch
					     directory */
	const char *command[MAX_ARGS];	  /* COMMAND; none: the engine in the foreground */
	const char *containerd[MAX_ARGS]; /* of stand-ins too; none: not there */
	const char *job[MAX_ARGS], *watch[MAX_ARGS]; /* job: what prepares */
	const char *missing;		  /* "containerd", "prepare", "watch": its program */
	struct launch workload;		  /* more about COMMAND: user, groups, foreground */
	struct supervise_options options; /* what is not zero is taken over */
	const char *const *extra;	  /* more for the engine's environment */
	bool log_to_file;		  /* engine_log, in the scratch directory */
	bool subreaper;			  /* not PID 1 */
	bool outside;			  /* no engine of ours */
	int clean_up_ms, clean_up_status, sync_ms, before_restart_ms;
	bool reloads; /* SIGHUP: a helper first. While "hold" is there it waits, "broken" makes it
			 fail */
	pid_t (*start_relay)(void *context);
	int rest_ms; /* for so long something of COMMAND's is left; 0: supervise does not ask */
	void (*prepare)(void);	/* in the box, before anything else */
	void (*on_close)(void); /* in PID 1, when the listeners are closed */
	int (*instead)(struct supervise_options *options); /* called in place of supervise_run() */
};

struct box {
	pid_t pid;
	char dir[64];
	int status; /* -1: runs */
};

static struct box box;
static const struct scene *scene; /* in the box: what it was made from */

/* ---- small things ---- */

static UNUSED void sleep_ms(int ms)
{
	const struct timespec time = { ms / 1000, ms % 1000 * 1000000L };

	(void) nanosleep(&time, NULL);
}

/* A path in the scratch directory, in one of eight buffers. */
static UNUSED const char *in_dir(const char *name)
{
	static char paths[8][PATH_MAX];
	static size_t next;
	char *path = paths[next++ % ARRAY_SIZE(paths)];

	(void) snprintf(path, PATH_MAX, "%s/%s", box.dir, name);
	return path;
}

static UNUSED const char *read_text(const char *path)
{
	static char text[65536];

	if (file_read_at(AT_FDCWD, path, text, sizeof(text)) < 0)
		text[0] = '\0';
	return text;
}

static UNUSED const char *output(void)
{
	return read_text(in_dir("out"));
}

static UNUSED bool says(const char *text)
{
	return strstr(output(), text) != NULL;
}

static UNUSED void assert_says(const char *text)
{
	ck_assert_msg(says(text), "no '%s' in:\n%s", text, output());
}

static UNUSED void assert_silent_about(const char *text)
{
	ck_assert_msg(!says(text), "'%s' in:\n%s", text, output());
}

static UNUSED bool has_text(const char *path, const char *text)
{
	return strstr(read_text(path), text) != NULL;
}

static UNUSED void wait_for_text(const char *path, const char *text)
{
	int64_t end = clock_now_ms() + PATIENCE;

	while (!has_text(path, text)) {
		ck_assert_msg(clock_now_ms() < end, "no '%s' in %s:\n%s\noutput:\n%s", text, path,
			      read_text(path), output());
		sleep_ms(5);
	}
}

/* ---- what supervise calls back ---- */

static UNUSED void note(const char *name)
{
	char line[64];
	int fd = open(in_dir("events"), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644);
	int n = snprintf(line, sizeof(line), "%lld %s\n", (long long) clock_now_ms(), name);

	if (fd < 0 || write(fd, line, (size_t) n) != n)
		_exit(90);
	(void) close(fd);
}

static int note_sync(void *context)
{
	(void) context;
	note("sync");
	sleep_ms(scene->sync_ms);
	return 0;
}

static int note_kill(void *context, bool deaf_only)
{
	(void) context;
	note(deaf_only ? "deaf" : "containers");
	if (!deaf_only) /* for engines that wait for that: term=wait:…/killed */
		(void) close(open(in_dir("killed"), O_WRONLY | O_CREAT | O_CLOEXEC, 0644));
	return 0;
}

static int note_clean_up(void *context, int timeout_ms)
{
	char text[32];

	(void) context;
	(void) snprintf(text, sizeof(text), "clean-up %d", timeout_ms);
	note(text);
	sleep_ms(scene->clean_up_ms);
	return scene->clean_up_status;
}

static int note_before_restart(void *context, pid_t workload)
{
	(void) context;
	note(workload ? "before-restart beside COMMAND" : "before-restart");
	sleep_ms(scene->before_restart_ms);
	return 0;
}

static void note_close(void *context)
{
	(void) context;
	note("close");
	if (scene->on_close)
		scene->on_close();
}

static UNUSED int note_reload(void *context)
{
	int64_t end = clock_now_ms() + PATIENCE;

	(void) context;
	note("reload");
	while (access(in_dir("hold"), F_OK) == 0 && clock_now_ms() < end)
		sleep_ms(5);
	return access(in_dir("broken"), F_OK) == 0 ? STATUS_CONFIG : STATUS_OK;
}

/* "rest spares 1 2 3", "kill-job spares …", with the engine's and containerd's numbers. */
static UNUSED int note_end_job(void *context, const pid_t *spare, size_t n_spare, int timeout_ms)
{
	char text[60];
	int n = snprintf(text, sizeof(text), "%s spares", timeout_ms ? "rest" : "kill-job");

	(void) context;
	for (size_t i = 0; i < n_spare && n < 50; i++)
		n += snprintf(text + n, sizeof(text) - (size_t) n, " %d", (int) spare[i]);
	note(text);
	if (timeout_ms)
		sleep_ms(scene->rest_ms);
	return 0;
}

static struct supervise_helpers callbacks = {
	.sync_data = note_sync,
	.kill_containers = note_kill,
	.clean_up = note_clean_up,
	.before_restart = note_before_restart,
	.close_listeners = note_close,
};

/* When @name was noted the @nth time, CLOCK_MONOTONIC ms; -1: not so often. */
static UNUSED int64_t noted(const char *name, int nth)
{
	const char *line = read_text(in_dir("events"));

	while (*line) {
		char *end;
		long long when = strtoll(line, &end, 10);

		if (strncmp(end + 1, name, strlen(name)) == 0 && nth-- == 1)
			return when;
		line += strcspn(line, "\n");
		line += *line == '\n';
	}
	return -1;
}

/* When it is noted for the first time. */
static UNUSED int64_t wait_noted(const char *name)
{
	int64_t end = clock_now_ms() + PATIENCE;

	while (noted(name, 1) < 0) {
		ck_assert_msg(clock_now_ms() < end, "no '%s' in:\n%s\noutput:\n%s", name,
			      read_text(in_dir("events")), output());
		sleep_ms(5);
	}
	return noted(name, 1);
}

/* ---- in the box ---- */

static const char *expand(const char *text)
{
	const char *mark = text ? strstr(text, "%s") : NULL;
	char *expanded;

	if (!mark)
		return text;
	if (asprintf(&expanded, "%.*s%s%s", (int) (mark - text), text, box.dir, mark + 2) < 0)
		_exit(91);
	return expanded;
}

static void must(bool ok, const char *what)
{
	if (ok)
		return;
	perror(what);
	_exit(92);
}

static void isolate(void)
{
	int out, null;

	must(prctl(PR_SET_PDEATHSIG, SIGKILL) == 0, "PR_SET_PDEATHSIG");
	must(mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) == 0, "private mounts");
	if (!scene->subreaper)
		must(mount("proc", "/proc", "proc", 0, NULL) == 0, "/proc");
	must(mount("tmpfs", "/run", "tmpfs", 0, "mode=0755") == 0, "/run");
	must(mkdir(DIND_RUN_DIR, 0700) == 0, DIND_RUN_DIR);
	out = open(in_dir("out"), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644);
	null = open("/dev/null", O_RDONLY | O_CLOEXEC);
	must(dup2(null, 0) == 0 && dup2(out, 1) == 1 && dup2(out, 2) == 2, "descriptors");
	(void) close(out);
	(void) close(null);
}

/* A stand-in with these arguments, or NULL. Its name is argv[1]: it does nothing. */
static const struct launch *stand_in(const char *name, const char *const *args)
{
	static const char *const environment[] = { "PATH=/usr/sbin:/usr/bin:/sbin:/bin", NULL };
	static struct {
		struct launch launch;
		const char *argv[MAX_ARGS + 3];
	} made[3];
	static size_t next;
	const char **argv = made[next].argv;
	struct launch *launch = &made[next].launch;

	if (!args[0])
		return NULL;
	next++;
	argv[0] = scene->missing && strcmp(scene->missing, name) == 0 ? "/no/such/program" : ENGINE;
	argv[1] = name;
	for (int i = 0; i < MAX_ARGS && args[i]; i++)
		argv[i + 2] = expand(args[i]);
	*launch = (struct launch){ .argv = argv, .environment = environment, .new_session = true };
	return launch;
}

static int run_box(void)
{
	static const char *engine_argv[MAX_ARGS + 2] = { ENGINE }, *command_argv[MAX_ARGS + 1];
	static const char *environment[MAX_ARGS + 3] = { "PATH=/usr/sbin:/usr/bin:/sbin:/bin",
							 "NOTIFY_SOCKET=" DIND_NOTIFY_SOCKET };
	static struct launch engine = { .argv = engine_argv,
					.environment = environment,
					.new_session = true };
	struct launch workload = scene->workload;
	struct supervise_options options = scene->options;
	struct error err = ERROR_INIT;

	for (int i = 0; i < MAX_ARGS && scene->engine[i]; i++)
		engine_argv[i + 1] = expand(scene->engine[i]);
	for (int i = 0; i < MAX_ARGS && scene->command[i]; i++)
		command_argv[i] = expand(scene->command[i]);
	for (int i = 0; scene->extra && scene->extra[i]; i++)
		environment[i + 2] = scene->extra[i];
	workload.argv = command_argv;
	if (!workload.environment)
		workload.environment = environment;
	options.started_ms = clock_now_ms();
	if (!options.engine && !scene->outside)
		options.engine = &engine;
	options.workload = scene->command[0] ? &workload : NULL;
	options.containerd = stand_in("containerd", scene->containerd);
	options.prepare = stand_in("prepare", scene->job);
	options.watch = stand_in("watch", scene->watch);
	callbacks.start_relay = scene->start_relay;
	if (scene->start_relay)
		options.relay_pid = scene->start_relay(NULL);
	if (!options.ready_timeout_ms)
		options.ready_timeout_ms = PATIENCE;
	if (!options.stop_timeout_ms)
		options.stop_timeout_ms = 9000;
	options.ready_file = expand(options.ready_file);
	options.quit_file = expand(options.quit_file);
	options.quit_pipe = expand(options.quit_pipe);
	options.outer_notify = expand(options.outer_notify);
	options.socket_url = expand(options.socket_url);
	options.termination_log = expand(options.termination_log);
	options.start_mark = expand(options.start_mark);
	if (!options.engine_fds.n_listen && !options.engine_fds.n_keep) {
		options.engine_fds.in = options.engine_fds.out = options.engine_fds.err = -1;
	}
	if (scene->log_to_file)
		options.engine_log = in_dir("log/deep/engine.log");
	must(supervise_block_signals(&options.child_mask, &err) == 0, err.message);
	if (scene->subreaper)
		must(supervise_become_reaper(&err) == 0, err.message);
	if (scene->instead)
		return scene->instead(&options);
	if (scene->reloads)
		callbacks.reload = note_reload;
	if (scene->rest_ms)
		callbacks.end_job = note_end_job;
	return supervise_run(&options, &callbacks);
}

/* ---- from outside ---- */

static UNUSED void box_start(const struct scene *what)
{
	int namespaces = CLONE_NEWNS | (what->subreaper ? 0 : CLONE_NEWPID);

	scene = what;
	box.status = -1;
	/* fork(2) into new namespaces: the child is PID 1 at once */
	box.pid = (pid_t) syscall(SYS_clone, namespaces | SIGCHLD, NULL, NULL, NULL, 0UL);
	ck_assert_int_ge(box.pid, 0);
	if (box.pid == 0) {
		isolate();
		if (what->prepare)
			what->prepare();
		_exit(run_box());
	}
}

static UNUSED const char *in_box(const char *path)
{
	static char paths[4][PATH_MAX];
	static size_t next;
	char *buf = paths[next++ % ARRAY_SIZE(paths)];

	(void) snprintf(buf, PATH_MAX, "/proc/%d/root%s", (int) box.pid, path);
	return buf;
}

static UNUSED const char *state_file(void)
{
	return in_box(DIND_STATE_FILE);
}

static UNUSED void wait_for_state(const char *state)
{
	char text[64];

	(void) snprintf(text, sizeof(text), "{\"state\":\"%s\"", state);
	wait_for_text(state_file(), text);
}

static UNUSED void box_signal(int number)
{
	ck_assert_int_eq(kill(box.pid, number), 0);
}

static UNUSED bool box_has_ended(void)
{
	int status;

	if (box.status >= 0)
		return true;
	if (waitpid(box.pid, &status, WNOHANG) != box.pid)
		return false;
	box.status = WIFEXITED(status) ? WEXITSTATUS(status) : 1000 + WTERMSIG(status);
	return true;
}

/* Exit status of the box. */
static UNUSED int box_wait(void)
{
	int64_t end = clock_now_ms() + PATIENCE;

	while (!box_has_ended()) {
		ck_assert_msg(clock_now_ms() < end, "the box does not end; output:\n%s", output());
		sleep_ms(5);
	}
	return box.status;
}

static UNUSED void assert_status(int want)
{
	int got = box_wait();

	ck_assert_msg(got == want, "status %d instead of %d; output:\n%s", got, want, output());
}

/* At least @from ms after @since, and not much later than @to. */
static UNUSED void assert_between(int64_t when, int64_t since, int from, int to)
{
	ck_assert_msg(when >= 0 && when - since >= from && when - since <= to + SOON,
		      "%lld ms instead of %d to %d; output:\n%s", (long long) (when - since), from,
		      to, output());
}

/* ---- set-up ---- */

static int remove_entry(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
	(void) st;
	(void) type;
	(void) ftw;
	return remove(path);
}

/* The program's directory, removed by it: a test that fails does not get as far as its teardown. */
static char scratch_top[48];

static UNUSED void box_setup(void)
{
	(void) snprintf(box.dir, sizeof(box.dir), "%s/XXXXXX", scratch_top);
	ck_assert_ptr_nonnull(mkdtemp(box.dir));
	ck_assert_int_eq(chmod(box.dir, 0777), 0);
}

static UNUSED void box_teardown(void)
{
	if (box.pid > 0 && !box_has_ended()) {
		(void) kill(box.pid, SIGKILL);
		(void) waitpid(box.pid, NULL, 0);
	}
}

static UNUSED int run_suite(const char *name, void (*add)(TCase *tc))
{
	Suite *suite = suite_create(name);
	TCase *tc = tcase_create(name);
	SRunner *runner;
	int failed;

	if (geteuid() != 0) {
		(void) fprintf(stderr, "skipped: needs root\n");
		return 77;
	}
	(void) snprintf(scratch_top, sizeof(scratch_top), "/tmp/dind-supervise-XXXXXX");
	if (!mkdtemp(scratch_top) || chmod(scratch_top, 0755) < 0) {
		perror(scratch_top);
		return 99;
	}
	tcase_set_timeout(tc, TEST_LIMIT);
	tcase_add_checked_fixture(tc, box_setup, box_teardown);
	add(tc);
	suite_add_tcase(suite, tc);
	runner = srunner_create(suite);
	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	(void) nftw(scratch_top, remove_entry, 16, FTW_DEPTH | FTW_PHYS | FTW_MOUNT);
	return failed == 0 ? 0 : 1;
}

#endif
