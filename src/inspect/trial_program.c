/* SPDX-License-Identifier: Apache-2.0 */
/* Programs that a trial runs. */
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/prctl.h>

#include "dind/process.h"
#include "helper.h"
#include "trial.h"
#include "world.h"

#define EXIT_TIMEOUT_MS 1000

/* Never returns. */
static void exec_program(const char *const *argv, int input, int output, pid_t parent)
{
	static const char *const environment[] = { "PATH=" WORLD_DEFAULT_PATH, "LC_ALL=C", NULL };
	int null = input < 0 ? open("/dev/null", O_RDONLY | O_CLOEXEC) : input;

	helper_reset_signals();
	(void) prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (getppid() == parent && null >= 0 && dup2(null, STDIN_FILENO) >= 0 &&
	    dup2(output, STDOUT_FILENO) >= 0 && dup2(output, STDERR_FILENO) >= 0)
		/* execve(2) writes to neither list. */
		(void) execve(argv[0], (char *const *) (uintptr_t) argv,
			      (char *const *) (uintptr_t) environment);
	_exit(errno == ENOENT ? STATUS_NOT_FOUND : STATUS_CANNOT_EXECUTE);
}

int trial_start_program(const char *const *argv, int input, pid_t *ret_pid, int *ret_output)
{
	pid_t parent = getpid();
	int ends[2];
	pid_t pid;

	if (pipe2(ends, O_CLOEXEC) < 0)
		return -errno;
	/* Our end only: the program expects a pipe that blocks. */
	(void) fcntl(ends[0], F_SETFL, O_NONBLOCK);
	pid = fork();
	if (pid < 0) {
		int r = -errno;

		(void) close(ends[0]);
		(void) close(ends[1]);
		return r;
	}
	if (pid == 0)
		exec_program(argv, input, ends[1], parent);
	(void) close(ends[1]);
	*ret_pid = pid;
	*ret_output = ends[0];
	return 0;
}

size_t trial_read_output(int output, char *text, size_t size, bool until_end)
{
	size_t used = 0;

	while (used < size - 1) {
		struct pollfd ready = { .fd = output, .events = POLLIN };
		ssize_t n;

		/* Without a time-out: our parent has the deadline. */
		if (until_end && poll(&ready, 1, -1) < 0 && errno != EINTR)
			break;
		n = read(output, text + used, size - 1 - used);
		if (n > 0)
			used += (size_t) n;
		else if (n == 0 || !until_end || (errno != EAGAIN && errno != EINTR))
			break;
	}
	text[used] = '\0';
	return used;
}

int trial_end_program(pid_t pid)
{
	int status = 0;

	if (process_wait(pid, EXIT_TIMEOUT_MS, &status) == -ETIMEDOUT) {
		(void) kill(pid, SIGKILL);
		(void) process_wait(pid, EXIT_TIMEOUT_MS, &status);
	}
	return status;
}
