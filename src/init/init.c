/* SPDX-License-Identifier: Apache-2.0 */
#include "init.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "dind/supervise.h"

#define USAGE_STATUS 1 /* tini's, for all that is wrong before the program runs */

enum verbosity {
	SAY_FATAL = 0,
	SAY_WARNING,
	SAY_INFO,
	SAY_DEBUG,
};

struct init {
	struct init_options options;
	pid_t child;
	int status; /* of the child, once it has ended; -1: it runs */
};

static void say(const struct init *init, enum verbosity level, const char *fmt, ...)
	DIND_PRINTF(3, 4);

/* One write(2): stderr may be shared with the program. */
static void say(const struct init *init, enum verbosity level, const char *fmt, ...)
{
	static const char *const words[] = { "FATAL", "WARN ", "INFO ", "DEBUG" };
	char line[512];
	va_list ap;
	int n, m;

	if ((int) level > init->options.verbosity)
		return;
	n = snprintf(line, sizeof(line), "[%s docker-init (%d)] ", words[level], (int) getpid());
	va_start(ap, fmt);
	m = vsnprintf(line + n, sizeof(line) - (size_t) n - 1, fmt, ap);
	va_end(ap);
	n += m < (int) sizeof(line) - n - 1 ? m : (int) sizeof(line) - n - 2;
	line[n++] = '\n';
	if (write(STDERR_FILENO, line, (size_t) n) < 0)
		return; /* nowhere to say it */
}

static void print_usage(FILE *out)
{
	(void) fprintf(out,
		       "docker-init [OPTIONS] PROGRAM -- [ARGS] | --version\n\n"
		       "Run PROGRAM, pass signals on to it, reap orphans, end with its status.\n\n"
		       "  -s         reap as a subreaper where this is not PID 1 (TINI_SUBREAPER)\n"
		       "  -p SIGNAL  get SIGNAL when the parent dies\n"
		       "  -g         signal the program's whole process group "
		       "(TINI_KILL_PROCESS_GROUP)\n"
		       "  -e STATUS  treat that exit status as 0; may be repeated\n"
		       "  -w         say which orphans were reaped\n"
		       "  -v         say more; may be repeated (TINI_VERBOSITY, 0 to 3)\n"
		       "  -l         the license\n"
		       "  -h         this text\n"
		       "  --version  the version, alone\n");
}

/* What is asked for instead of running something. True: that was it. */
static bool print_instead(const struct init_options *options)
{
	if (options->version) /* dockerd: "tini version", " - git." and no further dot */
		(void) printf("tini version 0.19.0 - git.dind-init\n");
	else if (options->license)
		(void) printf("Apache License, version 2.0: "
			      "https://www.apache.org/licenses/LICENSE-2.0\n");
	else if (options->help)
		print_usage(stdout);
	else
		return false;
	(void) fflush(stdout);
	return true;
}

static int prepare(const struct init *init)
{
	const struct init_options *options = &init->options;
	struct error err = ERROR_INIT;
	int subreaper = 0;

	if (options->parent_death_signal &&
	    prctl(PR_SET_PDEATHSIG, (unsigned long) options->parent_death_signal, 0, 0, 0) < 0) {
		say(init, SAY_FATAL, "cannot ask for a signal when the parent dies: %s",
		    strerror(errno));
		return -errno;
	}
	if (options->subreaper && supervise_become_reaper(&err) < 0) {
		say(init, SAY_FATAL, "%s", err.message);
		return err.code;
	}
	if (getpid() != 1 && (prctl(PR_GET_CHILD_SUBREAPER, &subreaper, 0, 0, 0) < 0 || !subreaper))
		say(init, SAY_WARNING,
		    "this is neither PID 1 nor a subreaper: orphans go elsewhere; -s makes it one");
	return 0;
}

static int start(struct init *init, char *const *environment, const sigset_t *inherited)
{
	const struct launch launch = {
		.argv = (const char *const *) init->options.command,
		.environment = (const char *const *) environment,
		.foreground = true,
	};
	const struct spawn_fds fds = { .in = -1, .out = -1, .err = -1, .inherit = true };
	struct error err = ERROR_INIT;
	int pidfd = -EBADF;

	init->child = supervise_spawn(&launch, &fds, inherited, &pidfd, &err);
	if (init->child < 0) {
		say(init, SAY_FATAL, "%s", err.message);
		return err.code == -ENOENT ? STATUS_NOT_FOUND : STATUS_CANNOT_EXECUTE;
	}
	if (pidfd >= 0)
		(void) close(pidfd);
	say(init, SAY_INFO, "%s runs as %d", init->options.command[0], (int) init->child);
	return 0;
}

static void forward(const struct init *init, int signal_number)
{
	pid_t target = init->options.signal_group ? -init->child : init->child;

	say(init, SAY_DEBUG, "passing on signal %d", signal_number);
	/* ESRCH: it ended a moment ago, and its SIGCHLD comes next */
	if (kill(target, signal_number) < 0 && errno != ESRCH)
		say(init, SAY_WARNING, "cannot pass on signal %d: %s", signal_number,
		    strerror(errno));
}

static void reap(struct init *init)
{
	int status;
	pid_t pid;

	while ((pid = waitpid(-1, &status, WNOHANG)) > 0) {
		if (pid == init->child)
			init->status =
				WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
		else
			say(init, init->options.warn_on_reap ? SAY_WARNING : SAY_DEBUG,
			    "reaped the orphan %d", (int) pid);
	}
}

/* Runs until the child has ended; what is left then ends with the container. */
static int watch(struct init *init)
{
	const struct init_options *options = &init->options;
	sigset_t all;

	(void) sigfillset(&all);
	for (init->status = -1; init->status < 0;) {
		siginfo_t info;

		if (sigwaitinfo(&all, &info) < 0)
			continue; /* EINTR: stopped and continued */
		if (info.si_signo == SIGCHLD)
			reap(init);
		/* the terminal's complaints about a process in the background */
		else if (info.si_signo != SIGTTIN && info.si_signo != SIGTTOU)
			forward(init, info.si_signo);
	}
	say(init, SAY_INFO, "%s ended with status %d", options->command[0], init->status);
	if (options->as_success[init->status / 64] & UINT64_C(1) << (init->status % 64))
		return 0;
	return init->status;
}

int init_main(int argc, char **argv, char *const *environment, const sigset_t *inherited)
{
	struct init init = { .child = 0 };
	char fact[256] = "";
	int status;

	if (init_parse(argc, argv, environment, &init.options, fact, sizeof(fact)) < 0) {
		(void) fprintf(stderr, "docker-init: %s\n\n", fact);
		print_usage(stderr);
		return USAGE_STATUS;
	}
	if (print_instead(&init.options))
		return 0;
	if (prepare(&init) < 0)
		return USAGE_STATUS;
	status = start(&init, environment, inherited);
	return status ? status : watch(&init);
}
