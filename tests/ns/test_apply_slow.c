/* SPDX-License-Identifier: Apache-2.0 */
/* Children that are late, or never stop talking; and what a start that was killed left aside. */
#include <sys/file.h>
#include <sys/socket.h>
#include <sys/un.h>

#include "../../src/apply/child.h"
#include "deny.h"
#include "fixture.h"

static struct apply_context context;
static struct error err;

static struct plan_step *listen_step(void)
{
	static struct plan_listener listener;
	static struct plan_step step;

	listener = (struct plan_listener){ .kind = LISTENER_UNIX, .url = "unix", .mode = 0600 };
	listener.path = in_scratch("run/docker.sock");
	listener.gid = -1;
	step = (struct plan_step){ .kind = STEP_LISTEN };
	step.u.listen.listeners = &listener;
	step.u.listen.n_listeners = 1;
	return &step;
}

static bool answers(const char *path)
{
	struct sockaddr_un at = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	bool yes;

	(void) snprintf(at.sun_path, sizeof(at.sun_path), "%s", path);
	yes = connect(fd, (struct sockaddr *) &at, sizeof(at)) == 0;
	(void) close(fd);
	return yes;
}

/* Entries of run/ beside the socket. */
static int count_others(void)
{
	DIR *dir = opendir(in_scratch("run"));
	const struct dirent *entry;
	int n = 0;

	ck_assert_ptr_nonnull(dir);
	while ((entry = readdir(dir)))
		n += strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0 &&
		     strcmp(entry->d_name, "docker.sock") != 0;
	(void) closedir(dir);
	return n;
}

/* ---- a child that is late ---- */

struct outcome {
	struct deny_shared shared;
	int result;
	struct error err;
	bool served, alone, done;
};

struct hold {
	const struct outcome *outcome;
	bool held;
};

/* The first one to end is the child that has bound: not before everybody has given it up. */
static int hold_first(const struct seccomp_notif *call, void *data)
{
	struct hold *hold = data;

	(void) call;
	if (hold->outcome->shared.active && !hold->held) {
		hold->held = true;
		(void) usleep(2500000);
	}
	return 0;
}

static _Noreturn void listen_slowly(struct outcome *outcome)
{
	const int number = seccomp_syscall_resolve_name("exit_group");

	apply_context_init(&context);
	deny_install(&outcome->shared, &number, 1);
	outcome->shared.active = true;
	outcome->result = apply_step(&context, listen_step(), &outcome->err);
	outcome->shared.active = false;
	outcome->served = answers(in_scratch("run/docker.sock"));
	outcome->alone = count_others() == 0;
	outcome->done = true;
	_exit(0);
}

START_TEST(test_a_late_bind)
{
	struct outcome *outcome = (struct outcome *) deny_share(sizeof(*outcome));
	struct hold hold = { .outcome = outcome };
	int status = -1;
	pid_t pid;

	ck_assert(enter_test());
	pid = fork();
	ck_assert_int_ge(pid, 0);
	if (pid == 0)
		listen_slowly(outcome);
	ck_assert_int_eq(deny_supervise(pid, &outcome->shared, hold_first, &hold, 20000, &status),
			 0);
	ck_assert(hold.held && outcome->done);
	ck_assert_msg(outcome->result == 0, "%s", outcome->err.message);
	ck_assert(outcome->served);
	ck_assert(outcome->alone);
	(void) munmap(outcome, sizeof(*outcome));
}
END_TEST

/* ---- what is left by a start that was killed ---- */

/* As publish.c makes it: a directory, and the way to the socket in it once more. */
static void leave(const char *name, const char *file)
{
	char top[256], path[512];
	struct sockaddr_un at = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	(void) snprintf(top, sizeof(top), "%s/run/%s", scratch, name);
	(void) snprintf(path, sizeof(path), "%s%s/run", top, scratch);
	ck_assert_int_eq(file_make_directories(path, 0700), 0);
	ck_assert_int_eq(chdir(path), 0); /* a socket's path is short */
	(void) snprintf(at.sun_path, sizeof(at.sun_path), "other.sock");
	ck_assert_int_eq(bind(fd, (struct sockaddr *) &at, sizeof(at)), 0);
	(void) close(fd);
	if (file)
		ck_assert(write_text(file, "x"));
	ck_assert_int_eq(chdir("/"), 0);
}

START_TEST(test_what_was_left_aside)
{
	int lock;

	ck_assert(enter_test());
	apply_context_init(&context);
	leave(".dind-abcdef", NULL);
	leave(".dind-ABC123", NULL);
	leave(".dind-inuse1", NULL);   /* somebody is at work there */
	leave(".dind-files1", "file"); /* not as we make it */
	leave(".dind-longer", NULL);
	ck_assert_int_eq(rename(in_scratch("run/.dind-longer"), in_scratch("run/.dind-longer1")),
			 0);
	lock = open(in_scratch("run/.dind-inuse1"), O_RDONLY | O_CLOEXEC);
	ck_assert_int_eq(flock(lock, LOCK_EX), 0);
	ck_assert_msg(apply_step(&context, listen_step(), &err) == 0, "%s", err.message);
	ck_assert(answers(in_scratch("run/docker.sock")));
	ck_assert_int_lt(access(in_scratch("run/.dind-abcdef"), F_OK), 0);
	ck_assert_int_lt(access(in_scratch("run/.dind-ABC123"), F_OK), 0);
	ck_assert_int_eq(access(in_scratch("run/.dind-files1"), F_OK), 0);
	ck_assert_int_eq(access(in_scratch("run/.dind-longer1"), F_OK), 0);
	ck_assert_int_eq(access(in_scratch("run/.dind-inuse1"), F_OK), 0);
	ck_assert_int_eq(count_others(), 3);
	apply_close_listeners(&context);
	(void) close(lock);
	ck_assert_msg(apply_step(&context, listen_step(), &err) == 0, "%s", err.message);
	ck_assert_int_lt(access(in_scratch("run/.dind-inuse1"), F_OK), 0);
	ck_assert_int_eq(count_others(), 2);
	apply_close_listeners(&context);
}
END_TEST

/* ---- a child that never stops talking ---- */

START_TEST(test_a_chatty_child)
{
	static const char *const silent[] = { "/bin/sleep", "60", NULL };
	static const char *const forever[] = { "/usr/bin/yes", NULL };
	static const char *const enough[] = {
		"/bin/sh", "-c",
		"i=0; while [ $i -lt 3000 ]; do echo word $i; i=$((i+1)); done; exit 3", NULL
	};
	int output = -EBADF, status;
	char line[80];
	pid_t pid;

	ck_assert_int_eq(child_run(forever, 300, 0, &err), -ETIMEDOUT);
	ck_assert_int_eq(waitpid(-1, NULL, WNOHANG), -1);
	/* a pipe runs dry now and then, whoever writes to it: this does not */
	pid = child_start(silent, &output, &err);
	ck_assert_int_gt(pid, 0);
	(void) close(output);
	output = open("/dev/zero", O_RDONLY | O_CLOEXEC);
	ck_assert_int_eq(child_finish(pid, &output, 300, line, sizeof(line), &status), -ETIMEDOUT);
	ck_assert_int_eq(waitpid(-1, NULL, WNOHANG), -1);
	err = (struct error) ERROR_INIT;
	ck_assert_int_eq(child_run(enough, 20000, 0, &err), -EIO);
	ck_assert_msg(strstr(err.message, "word 2999") != NULL, "%s", err.message);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("apply, slow children");
	TCase *tests = tcase_create("slow");

	require_root();
	tcase_set_timeout(tests, 60);
	tcase_add_test(tests, test_a_late_bind);
	tcase_add_test(tests, test_what_was_left_aside);
	tcase_add_test(tests, test_a_chatty_child);
	suite_add_tcase(suite, tests);
	return run_suite(suite);
}
