/* SPDX-License-Identifier: Apache-2.0 */
/* start.h - the state of the run command. */
#ifndef DIND_CLI_START_H
#define DIND_CLI_START_H

#include <signal.h>

#include "commands.h"
#include "dind/apply.h"

/* What comes of a pass over the steps. */
enum pass {
	PASS_DONE = 0,
	PASS_REPLAN,
	PASS_END, /* the start ends with *ret_status */
};

struct start {
	const struct cli *cli;
	struct planning planning;
	struct apply_context context;
	struct strings said; /* decisions and hints that were printed: not again after a new plan */
	uint64_t degraded;   /* kinds of steps that failed and were done without, by bit */
	int64_t apply_ms;
	int locks[3]; /* what the engine inherits, so that it is locked as long as that runs */
};

/* ---- start.c ---- */

/*
 * A TERM that waits for us: everything is still blocked, supervise is not there to take it. The
 * engine did not run, so with it in the foreground this is a clean stop.
 */
bool start_told_to_stop(const struct start *start, int *ret_status);
void start_ending_signals(sigset_t *ret_set);

/* ---- lease.c ---- */

/* Carry out STEP_LEASE, waiting when that was asked for. PASS_REPLAN: the facts know the outcome.
 */
enum pass start_lease(struct start *start, const struct plan_step *step, int *ret_status);

/* ---- summary.c ---- */

/*
 * The line of ready, in memory of @arena: what @plan promises, corrected by what became of it.
 * @degraded as in struct start.
 */
const char *start_summary(struct arena *arena, const struct plan *plan,
			  const struct apply_context *context, uint64_t degraded);

/* ---- running.c ---- */

/* The plan has been carried out: supervise until everything is down. Exit status of the process. */
int start_run(struct start *start);

#endif
