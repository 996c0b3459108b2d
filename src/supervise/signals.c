/* SPDX-License-Identifier: Apache-2.0 */
/* Signals: held back from the first moment, told apart in the loop. */
#include <string.h>
#include <sys/prctl.h>

#include "internal.h"

int supervise_block_signals(sigset_t *ret_inherited, struct error *err)
{
	const struct sigaction by_default = { .sa_handler = SIG_DFL };
	sigset_t all;

	/*
	 * Faults too: the kernel ends a process for a real one whether it is blocked or not, and
	 * one that somebody sends would otherwise be lost instead of passed on.
	 */
	(void) sigfillset(&all);
	if (sigprocmask(SIG_SETMASK, &all, ret_inherited) < 0)
		return error_set(err, -errno, "block signals");
	/* Whoever started us may have ignored it, and then no child would leave a status behind. */
	if (sigaction(SIGCHLD, &by_default, NULL) < 0)
		return error_set(err, -errno, "reset SIGCHLD");
	return 0;
}

int supervise_become_reaper(struct error *err)
{
	if (prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0) < 0)
		return error_set(err, -errno, "become the reaper of orphans");
	return 0;
}

/* sigabbrev_np(3) needs glibc 2.32. */
static const char *const names[] = {
	[SIGHUP] = "SIGHUP",	   [SIGINT] = "SIGINT",	      [SIGQUIT] = "SIGQUIT",
	[SIGILL] = "SIGILL",	   [SIGTRAP] = "SIGTRAP",     [SIGABRT] = "SIGABRT",
	[SIGBUS] = "SIGBUS",	   [SIGFPE] = "SIGFPE",	      [SIGKILL] = "SIGKILL",
	[SIGUSR1] = "SIGUSR1",	   [SIGSEGV] = "SIGSEGV",     [SIGUSR2] = "SIGUSR2",
	[SIGPIPE] = "SIGPIPE",	   [SIGALRM] = "SIGALRM",     [SIGTERM] = "SIGTERM",
	[SIGSTKFLT] = "SIGSTKFLT", [SIGCHLD] = "SIGCHLD",     [SIGCONT] = "SIGCONT",
	[SIGSTOP] = "SIGSTOP",	   [SIGTSTP] = "SIGTSTP",     [SIGTTIN] = "SIGTTIN",
	[SIGTTOU] = "SIGTTOU",	   [SIGURG] = "SIGURG",	      [SIGXCPU] = "SIGXCPU",
	[SIGXFSZ] = "SIGXFSZ",	   [SIGVTALRM] = "SIGVTALRM", [SIGPROF] = "SIGPROF",
	[SIGWINCH] = "SIGWINCH",   [SIGIO] = "SIGIO",	      [SIGPWR] = "SIGPWR",
	[SIGSYS] = "SIGSYS",
};

const char *signals_name(int signal_number, char *buf, size_t size)
{
	bool named = signal_number > 0 && (size_t) signal_number < ARRAY_SIZE(names) &&
		     names[signal_number];

	if (named)
		(void) snprintf(buf, size, "%s", names[signal_number]);
	else
		(void) snprintf(buf, size, "signal %d", signal_number);
	return buf;
}

enum signals_class signals_classify(int signal_number, bool workload_running)
{
	switch (signal_number) {
	case SIGCHLD:
		return SIGNALS_CHILD;
	case SIGTTIN: /* the terminal is COMMAND's; what we print does not stop us */
	case SIGTTOU:
		return SIGNALS_IGNORE;
	case SIGTERM:
		return SIGNALS_TERM;
	case SIGINT:
	case SIGQUIT:
		return workload_running ? SIGNALS_FORWARD : SIGNALS_TERM;
	case SIGHUP:
		return SIGNALS_HUP;
	default:
		return SIGNALS_FORWARD;
	}
}
