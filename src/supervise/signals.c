/* SPDX-License-Identifier: Apache-2.0 */
#include <sys/prctl.h>

#include "internal.h"

int supervise_block_signals(sigset_t *ret_inherited, struct error *err)
{
	sigset_t all;

	(void) sigfillset(&all);
	/* A fault must not be blocked: the kernel would kill us without a core, or loop. */
	(void) sigdelset(&all, SIGSEGV);
	(void) sigdelset(&all, SIGBUS);
	(void) sigdelset(&all, SIGFPE);
	(void) sigdelset(&all, SIGILL);
	(void) sigdelset(&all, SIGABRT);
	(void) sigdelset(&all, SIGTRAP);
	(void) sigdelset(&all, SIGSYS);
	if (sigprocmask(SIG_SETMASK, &all, ret_inherited) < 0)
		return error_set(err, -errno, "block signals");
	return 0;
}

int supervise_become_reaper(struct error *err)
{
	if (prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0) < 0)
		return error_set(err, -errno, "become the reaper of orphans");
	return 0;
}
