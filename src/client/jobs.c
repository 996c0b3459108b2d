/* SPDX-License-Identifier: Apache-2.0 */
#include "jobs.h"

#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>

#include "client.h"
#include "dind/file.h"

/* A job has the same deadline and says better what it was doing; this is for one that hangs. */
#define GRACE_MS 2000

void jobs_add(struct arena *arena, struct job **jobs, size_t *count, job_run run, const char *what)
{
	struct job *job = arena_push(arena, (void **) jobs, count, sizeof(*job));

	job->run = run;
	job->what = what;
}

static int job_start(struct job *job, const struct job_context *context)
{
	pid_t parent = getpid();
	pid_t pid = fork();

	if (pid < 0)
		return -errno;
	if (pid == 0) {
		/* Killed with us, also by SIGKILL. */
		(void) prctl(PR_SET_PDEATHSIG, SIGKILL);
		if (getppid() != parent)
			_exit(STATUS_OSERR);
		_exit(job->run(context, job->what) < 0 ? STATUS_OSERR : STATUS_OK);
	}
	job->pid = pid;
	return 0;
}

/* The next job that ends within @timeout_ms: its status and which it was. */
static struct job *job_wait(struct job *jobs, size_t count, int64_t timeout_ms, int *ret_status)
{
	int64_t end = clock_now_ms() + timeout_ms;
	sigset_t child;

	(void) sigemptyset(&child);
	(void) sigaddset(&child, SIGCHLD);
	for (;;) {
		pid_t pid = waitpid(-1, ret_status, WNOHANG);
		int64_t left = end - clock_now_ms();
		struct timespec ts = { left / 1000, (left % 1000) * 1000000 };

		for (size_t i = 0; pid > 0 && i < count; i++)
			if (jobs[i].pid == pid)
				return &jobs[i];
		if (pid > 0)
			continue;
		if (left <= 0 || pid < 0)
			return NULL;
		(void) sigtimedwait(&child, NULL, &ts);
	}
}

static size_t kill_all(struct job *jobs, size_t count, const char *code,
		       const struct job_context *context)
{
	size_t killed = 0;
	int status;

	for (size_t i = 0; i < count; i++) {
		if (jobs[i].pid <= 0)
			continue;
		(void) kill(jobs[i].pid, SIGKILL);
		client_report(context->options, code, "give it more time with --timeout",
			      "%s: not done after %d s", jobs[i].what, context->options->timeout_s);
		killed++;
	}
	/* One that hangs in the kernel is left to init. */
	for (size_t i = 0; i < killed; i++)
		if (!job_wait(jobs, count, 1000, &status))
			break;
	return killed;
}

static size_t job_end(struct job *job, int status, const struct job_context *context)
{
	job->pid = 0;
	if (WIFSIGNALED(status))
		client_report(context->options, CODE_PRELOAD_REFUSED,
			      "if that was for want of memory, raise the limit or lower --parallel",
			      "%s: killed by signal %d", job->what, WTERMSIG(status));
	return WIFEXITED(status) && WEXITSTATUS(status) == 0 ? 0 : 1;
}

static size_t run_blocked(struct job *jobs, size_t count, int parallel, const char *code,
			  const struct job_context *context)
{
	size_t next = 0, failed = 0;
	int running = 0, status, r;

	while (next < count || running > 0) {
		struct job *job;

		if (next < count && running < parallel) {
			r = job_start(&jobs[next], context);
			if (r == 0)
				running++;
			else
				client_report(context->options, code, NULL, "%s: fork: error %d",
					      jobs[next].what, -r);
			failed += r == 0 ? 0 : 1;
			next++;
			continue;
		}
		job = job_wait(jobs, count, context->deadline_ms + GRACE_MS - clock_now_ms(),
			       &status);
		if (!job)
			return failed + kill_all(jobs, count, code, context) + (count - next);
		running--;
		failed += job_end(job, status, context);
	}
	return failed;
}

size_t jobs_run(struct job *jobs, size_t count, int parallel, const char *code,
		const struct job_context *context)
{
	sigset_t child, before;
	size_t failed;

	/* So that sigtimedwait() sees an end between waitpid() and itself. */
	(void) sigemptyset(&child);
	(void) sigaddset(&child, SIGCHLD);
	(void) sigprocmask(SIG_BLOCK, &child, &before);
	failed = run_blocked(jobs, count, parallel, code, context);
	(void) sigprocmask(SIG_SETMASK, &before, NULL);
	return failed;
}
