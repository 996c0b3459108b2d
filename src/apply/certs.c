/* SPDX-License-Identifier: Apache-2.0 */
/* Certificates: dind-certs does the work, this reads its lines and its status. */
#include "dind/certs.h"

#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>

#include "child.h"
#include "dind/file.h"
#include "dind/process.h"
#include "dind/str.h"
#include "steps.h"

#define OUTPUT_MAX 2048
#define HELD_ARGS  15

/* All that it writes, as far as it fits, until it closes its outputs. 0 or -ETIMEDOUT. */
static int read_output(int fd, int64_t deadline, char *buf, size_t size)
{
	size_t used = 0;
	char rest[256];

	for (;;) {
		struct pollfd poll_fd = { .fd = fd, .events = POLLIN };
		bool room = used + 1 < size;
		ssize_t n =
			room ? read(fd, buf + used, size - 1 - used) : read(fd, rest, sizeof(rest));
		int64_t left = deadline - clock_now_ms();

		if (n == 0 || (n < 0 && errno != EAGAIN && errno != EINTR))
			break;
		if (n > 0 && room)
			used += (size_t) n;
		if (left <= 0) {
			buf[used] = '\0';
			return -ETIMEDOUT;
		}
		if (n < 0)
			(void) poll(&poll_fd, 1, (int) left);
	}
	buf[used] = '\0';
	return 0;
}

/* "warning: …" and "info: …" become the notice. Returns what is behind "error: ", or NULL. */
static const char *take_lines(struct apply_context *context, char *text)
{
	static const char warning[] = "warning: ", info[] = "info: ", error[] = "error: ";
	const char *said = NULL;
	char *line, *next;

	for (line = text; line; line = next) {
		next = strchr(line, '\n');
		if (next)
			*next++ = '\0';
		if (str_has_prefix(line, warning))
			apply_warn(context, "%s", line + strlen(warning));
		else if (str_has_prefix(line, info))
			apply_notice(context, "%s", line + strlen(info));
		else if (str_has_prefix(line, error))
			said = line + strlen(error);
	}
	return said;
}

/* ---- in the child ----
 * Most starts find the certificates as the last one left them. That is a dozen of stat(2), on a
 * file system that may hang; dind-certs would take five milliseconds of a processor to say the
 * same.
 */

struct child {
	const struct plan_step *step;
	const char *const *argv;
	bool held; /* nothing is said before a byte comes */
};

static bool nothing_has_changed(const struct plan_step *step, struct arena *arena,
				struct certs_span *ret_span)
{
	struct certs_names *names = calloc(1, sizeof(*names));
	const struct certs_wish wish = {
		.directory = step->u.certs.directory,
		.key = step->u.certs.key,
		.san = step->u.certs.san,
		.local = names,
	};
	bool holds;

	if (!names)
		return false;
	certs_names_here(names, arena);
	holds = certs_stamp_holds(&wish, (int64_t) time(NULL), arena, ret_span);
	free(names);
	return holds;
}

/* A child_first. */
static const char *const *look_at_stamp(const void *context)
{
	const struct child *child = context;
	const struct plan_step *step = child->step;
	struct arena arena = ARENA_INIT;
	struct certs_span span;

	if (!nothing_has_changed(step, &arena, &span))
		return child->argv;
	if (child->held) {
		if (certs_await_go(STDIN_FILENO) < 0)
			_exit(STATUS_OSERR);
		/* something may have been mounted over them */
		if (!nothing_has_changed(step, &arena, &span))
			return step->u.certs.argv;
	}
	(void) dprintf(STDOUT_FILENO, "info: %s\n",
		       certs_kept_text(step->u.certs.directory, span.ca_day, &arena));
	_exit(STATUS_OK);
}

/* ---- in PID 1 ---- */

static int begin(struct apply_context *context, const struct plan_step *step, struct error *err)
{
	const struct child child = { .step = step, .argv = step->u.certs.argv };
	pid_t pid;

	if (context->certs_pid)
		return 0;
	pid = child_start_after(look_at_stamp, &child, child.argv, -1, &context->certs_output, err);
	if (pid < 0)
		return (int) pid;
	context->certs_pid = pid;
	return 0;
}

/* A socket, because a pipe without a reader would send us a signal. */
static int begin_held(struct apply_context *context, const struct plan_step *step,
		      struct error *err)
{
	const char *const *argv = step->u.certs.argv;
	const char *held[HELD_ARGS + 2] = { NULL };
	const struct child child = { .step = step, .argv = held, .held = true };
	auto_close int theirs = -EBADF;
	size_t n = 0;
	int ends[2];
	pid_t pid;

	while (n < HELD_ARGS && argv[n]) {
		held[n] = argv[n];
		n++;
	}
	if (argv[n])
		return error_set(err, -E2BIG, "start %s", argv[0]);
	held[n] = "--hold";
	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) < 0)
		return error_set(err, -errno, "make a socket for %s", argv[0]);
	theirs = ends[0];
	pid = child_start_after(look_at_stamp, &child, argv, theirs, &context->certs_output, err);
	if (pid < 0) {
		(void) close(ends[1]);
		return (int) pid;
	}
	context->certs_go = ends[1];
	context->certs_pid = pid;
	return 0;
}

/* It may write now. One that has ended meanwhile had nothing to write. */
static void release(struct apply_context *context)
{
	if (context->certs_go < 0)
		return;
	(void) send(context->certs_go, "\n", 1, MSG_NOSIGNAL | MSG_DONTWAIT);
	fd_close(&context->certs_go);
}

int apply_ahead(struct apply_context *context, const struct plan_step *step, struct error *err)
{
	if (step->kind != STEP_CERTS || !step->u.certs.begin || context->certs_pid)
		return 0;
	return begin_held(context, step, err);
}

void apply_abandon_certs(struct apply_context *context)
{
	fd_close(&context->certs_output);
	fd_close(&context->certs_go);
	if (context->certs_pid)
		child_kill(context->certs_pid);
	context->certs_pid = 0;
}

int apply_certs(struct apply_context *context, const struct plan_step *step, struct error *err)
{
	int64_t deadline = clock_now_ms() + step->u.certs.timeout_ms;
	const char *const *argv = step->u.certs.argv;
	char text[OUTPUT_MAX], buf[40];
	int status = 0, r = begin(context, step, err);
	pid_t pid = context->certs_pid;
	const char *said;

	release(context);
	if (r < 0 || step->u.certs.begin)
		return r;
	r = read_output(context->certs_output, deadline, text, sizeof(text));
	fd_close(&context->certs_output);
	context->certs_pid = 0;
	if (r == 0)
		r = process_wait(pid, (int) (deadline - clock_now_ms()), &status);
	if (r < 0) {
		child_kill(pid);
		return error_set(err, r, "wait for %s", argv[0]);
	}
	said = take_lines(context, text);
	if (WIFEXITED(status) && WEXITSTATUS(status) == STATUS_OK)
		return 0;
	r = WIFEXITED(status) ? -certs_meaning_of_exit(WEXITSTATUS(status))->error : -EIO;
	if (said)
		return error_set_plain(err, r, "%s", said);
	return error_set_plain(err, r, "%s %s%s%.200s", argv[0],
			       child_status_text(status, buf, sizeof(buf)), *text ? ": " : "",
			       text);
}
