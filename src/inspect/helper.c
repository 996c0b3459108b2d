/* SPDX-License-Identifier: Apache-2.0 */
#include "helper.h"

#include <signal.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>

#include "dind/file.h"
#include "dind/process.h"

#define REAP_TIMEOUT_MS 500

void helper_reset_signals(void)
{
	struct sigaction action = { .sa_handler = SIG_DFL };
	sigset_t none;

	for (int signo = 1; signo < NSIG; signo++)
		(void) sigaction(signo, &action, NULL); /* KILL and STOP refuse; so be it */
	(void) sigemptyset(&none);
	(void) sigprocmask(SIG_SETMASK, &none, NULL);
}

/* Never returns. */
static void helper_child(helper_work *work, const void *context, void *shared, pid_t parent)
{
	int r;

	/* The group is what a time-out kills: it holds the programs that the work starts, too. */
	(void) setpgid(0, 0);
	(void) prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (getppid() != parent)
		_exit(STATUS_OSERR); /* it was gone before prctl() */
	r = work(context, shared);
	_exit(r > -256 && r <= 0 ? -r : EIO);
}

/*
 * kill(2) is as safe as a pidfd here, because an unreaped child's number is not given away, and
 * unlike a pidfd it reaches the group on every kernel.
 */
static void kill_group(pid_t pid)
{
	int64_t deadline;
	int status;

	(void) kill(-pid, SIGKILL);
	(void) kill(pid, SIGKILL);
	if (process_wait(pid, REAP_TIMEOUT_MS, &status) < 0)
		return;
	/* As PID 1 or subreaper we have inherited the programs that it had started. */
	deadline = clock_now_ms() + REAP_TIMEOUT_MS;
	while ((waitpid(-pid, &status, WNOHANG) >= 0 || errno != ECHILD) &&
	       clock_now_ms() < deadline)
		clock_sleep_ms(1);
}

int helper_begin(struct helper *helper, helper_work *work, const void *context, size_t size,
		 int timeout_ms, struct error *err)
{
	pid_t parent = getpid();
	void *shared = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	pid_t pid;

	if (shared == MAP_FAILED)
		return error_set(err, -errno, "mmap for a helper");
	pid = fork();
	if (pid < 0) {
		int r = error_set(err, -errno, "fork a helper");

		(void) munmap(shared, size);
		return r;
	}
	if (pid == 0)
		helper_child(work, context, shared, parent);
	(void) setpgid(pid, pid); /* whoever of the two comes first */
	*helper = (struct helper){
		.pid = pid,
		.shared = shared,
		.size = size,
		.timeout_ms = timeout_ms,
		.deadline = clock_now_ms() + timeout_ms,
	};
	return 0;
}

int helper_end(struct helper *helper, void *ret_result, struct error *err)
{
	int64_t left = helper->deadline - clock_now_ms();
	int status = 0;
	int r = process_wait(helper->pid, left > 0 ? (int) left : 0, &status);

	if (r < 0)
		kill_group(helper->pid);
	memcpy(ret_result, helper->shared, helper->size);
	(void) munmap(helper->shared, helper->size);
	if (r == -ETIMEDOUT)
		return error_set(err, r, "no answer from a helper within %d ms",
				 helper->timeout_ms);
	if (r < 0)
		return error_set(err, r, "wait for a helper");
	if (WIFSIGNALED(status))
		return error_set_plain(err, -ECHILD, "a helper died of signal %d",
				       WTERMSIG(status));
	if (WEXITSTATUS(status) != 0)
		return error_set(err, -WEXITSTATUS(status), "a helper failed");
	return 0;
}

int helper_run(helper_work *work, const void *context, void *ret_result, size_t size,
	       int timeout_ms, bool *ret_started, struct error *err)
{
	struct helper helper = { .shared = NULL };
	int r = helper_begin(&helper, work, context, size, timeout_ms, err);

	*ret_started = helper.shared != NULL;
	return *ret_started ? helper_end(&helper, ret_result, err) : r;
}
