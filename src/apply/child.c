/* SPDX-License-Identifier: Apache-2.0 */
#include "child.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>

#include "dind/file.h"
#include "dind/process.h"
#include "dind/str.h"
#include "steps.h"

#define CHILD_KILL_MS 2000

/* What to execute. */
struct program {
	const char *const *argv;
	child_first *first; /* NULL: nothing comes before */
	const void *context;
};

/* @input: -1 for /dev/null. */
static _Noreturn void exec_child(const struct program *program, int input, int output, pid_t parent)
{
	const char *const *argv = program->argv;
	static const char *const environment[] = { "PATH=/usr/sbin:/usr/bin:/sbin:/bin", "LC_ALL=C",
						   NULL };
	int from = input < 0 ? open("/dev/null", O_RDWR | O_CLOEXEC) : input;
	sigset_t none;

	/* A program that outlives us would go on writing to an image that somebody else has locked
	 * by then. */
	if (prctl(PR_SET_PDEATHSIG, SIGKILL) < 0 || getppid() != parent)
		_exit(127);
	(void) sigemptyset(&none);
	(void) sigprocmask(SIG_SETMASK, &none, NULL);
	if (from >= 0)
		(void) dup2(from, STDIN_FILENO);
	if (dup2(output, STDOUT_FILENO) < 0 || dup2(output, STDERR_FILENO) < 0)
		_exit(127);
	if (program->first)
		argv = program->first(program->context);
	(void) execve(argv[0], (char *const *) (uintptr_t) argv,
		      (char *const *) (uintptr_t) environment);
	(void) dprintf(STDERR_FILENO, "cannot execute %s: %s\n", argv[0], strerror(errno));
	_exit(127);
}

static pid_t start(const struct program *program, int from, int *ret_output, struct error *err)
{
	const char *name = program->argv[0];
	pid_t parent = getpid();
	auto_close int output = -EBADF;
	auto_close int input = -EBADF;
	int pipe_fds[2];
	pid_t pid;

	if (pipe2(pipe_fds, O_CLOEXEC) < 0)
		return error_set(err, -errno, "make a pipe for %s", name);
	output = pipe_fds[0];
	input = pipe_fds[1];
	if (fcntl(output, F_SETFL, O_NONBLOCK) < 0)
		return error_set(err, -errno, "make a pipe for %s", name);
	pid = fork();
	if (pid < 0)
		return error_set(err, -errno, "start %s", name);
	if (pid == 0)
		exec_child(program, from, input, parent);
	*ret_output = fd_take(&output);
	return pid;
}

pid_t child_start(const char *const *argv, int *ret_output, struct error *err)
{
	const struct program program = { .argv = argv };

	return start(&program, -1, ret_output, err);
}

pid_t child_start_after(child_first *first, const void *context, const char *const *argv, int from,
			int *ret_output, struct error *err)
{
	const struct program program = { .argv = argv, .first = first, .context = context };

	return start(&program, from, ret_output, err);
}

void child_kill(pid_t pid)
{
	int status;

	(void) kill(pid, SIGKILL);
	(void) process_wait(pid, CHILD_KILL_MS, &status);
}

/* What comes before a usage text is the reason for it. */
static bool cut_usage(char *text)
{
	char *usage = str_has_prefix(text, "Usage:") ? text : strstr(text, "\nUsage:");

	if (usage)
		*usage = '\0';
	return usage != NULL;
}

/* The last line that says something: e2fsck indents the rest of a sentence. */
static void keep_last_line(const char *text, char *line, size_t size)
{
	const char *last = text;

	for (;;) {
		size_t len = strcspn(last, "\n");
		const char *next = last + len + 1;

		if (len > 0 && last[0] != ' ' && last[0] != '\t')
			(void) snprintf(line, size, "%.*s", (int) len, last);
		if (last[len] == '\0')
			break;
		last = next;
	}
}

/* Read until the writers are gone; 0, or -ETIMEDOUT. */
static int drain(int output, int64_t deadline, char *line, size_t size)
{
	char text[1024], rest[256];
	bool enough = false;
	size_t used = 0;
	int r = 0;

	for (;;) {
		struct pollfd poll_fd = { .fd = output, .events = POLLIN };
		int64_t left = deadline - clock_now_ms();
		ssize_t n;

		if (used + 1 >= sizeof(text)) { /* only the end matters */
			memmove(text, text + sizeof(text) / 2, used - sizeof(text) / 2);
			used -= sizeof(text) / 2;
		}
		n = enough ? read(output, rest, sizeof(rest))
			   : read(output, text + used, sizeof(text) - 1 - used);
		if (n == 0 || (n < 0 && errno != EAGAIN && errno != EINTR))
			break;
		if (n > 0 && !enough) {
			used += (size_t) n;
			text[used] = '\0';
			enough = cut_usage(text);
		}
		if (left <= 0) { /* also of one that never stops talking */
			r = -ETIMEDOUT;
			break;
		}
		if (n < 0)
			(void) poll(&poll_fd, 1, (int) left);
	}
	if (!enough)
		text[used] = '\0';
	line[0] = '\0';
	keep_last_line(text, line, size);
	return r;
}

int child_finish(pid_t pid, int *output, int timeout_ms, char *line, size_t size, int *ret_status)
{
	int64_t deadline = clock_now_ms() + timeout_ms;
	int r = drain(*output, deadline, line, size);

	fd_close(output);
	if (r == 0)
		r = process_wait(pid, (int) (deadline - clock_now_ms()), ret_status);
	if (r < 0)
		child_kill(pid);
	return r;
}

const char *child_status_text(int status, char *buf, size_t size)
{
	if (WIFSIGNALED(status))
		(void) snprintf(buf, size, "was killed by signal %d", WTERMSIG(status));
	else
		(void) snprintf(buf, size, "exited with %d", WEXITSTATUS(status));
	return buf;
}

int child_run(const char *const *argv, int timeout_ms, int ok, struct error *err)
{
	char line[200], text[40];
	int output = -EBADF, status = 0, r;
	pid_t pid = child_start(argv, &output, err);

	if (pid < 0)
		return (int) pid;
	r = child_finish(pid, &output, timeout_ms, line, sizeof(line), &status);
	if (r < 0)
		return error_set(err, r, "wait for %s", argv[0]);
	if (!WIFEXITED(status) || WEXITSTATUS(status) > ok)
		return error_set_plain(err, -EIO, "%s %s%s%s", argv[0],
				       child_status_text(status, text, sizeof(text)),
				       *line ? ": " : "", line);
	return 0;
}
