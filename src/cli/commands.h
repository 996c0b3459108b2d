/* SPDX-License-Identifier: Apache-2.0 */
/* commands.h - the sub-commands, and what they share. */
#ifndef DIND_CLI_COMMANDS_H
#define DIND_CLI_COMMANDS_H

#include <stdio.h>

#include "cli.h"
#include "dind/facts.h"
#include "dind/plan.h"

/* Each returns the exit status of the process. */
int cli_run(struct cli *cli);
int cli_inspect(struct cli *cli);
int cli_plan(struct cli *cli);
int cli_doctor(struct cli *cli);
int cli_ready(struct cli *cli);
int cli_version(struct cli *cli);
int cli_help(struct cli *cli);

/* ---- state_file.c ---- */

/* Where the state is to be written: the usual place, or one that an ordinary user may write to.
 * What an earlier start has left there is removed. */
const char *state_file_make(struct arena *arena);

/* Where `ready` finds it. */
const char *state_file_find(struct arena *arena);

/* ---- planning.c ---- */

/* Time that went into the parts of a start, for the line at debug level. */
struct planning_times {
	int64_t inspect_ms;
	int64_t plan_ms;
	int64_t trials_ms;
};

/* A machine, its plan, and how often was planned. Strings are of @arena. */
struct planning {
	struct arena arena;
	struct facts facts;
	struct plan plan;
	int rounds;
	struct planning_times times;
	/* Called before the trials of a plan that refuses nothing; NULL: nobody. */
	void (*before_trials)(void *context, const struct plan *plan);
	void *context;
};

/* Look at the machine. */
int planning_inspect(struct planning *planning, const struct cli *cli, struct error *err);

/*
 * Plan, run the trials that the plan wants, plan again, until it wants none or refuses. Without
 * @with_trials: plan once. -ELOOP when PLAN_MAX_ROUNDS are used up.
 */
int planning_make(struct planning *planning, const struct options *options, bool with_trials,
		  struct error *err);

/* A slot of the pool is ours: it becomes a fact, and is looked at. */
void planning_leased(struct planning *planning, const struct cli *cli, const char *slot);

void planning_free(struct planning *planning);

/* ---- report.c ---- */

/* Refusals: fact and remedy to the log, and to /dev/termination-log where that exists. */
void report_refusals(const struct plan_message *refusals, size_t n);
void report_refusal(const char *code, const char *fact, const char *remedy);
/* A step that failed with @fact, and that is done without: a warning, with what would help. */
void report_degraded(const struct plan_step *step, const char *fact);

/* ---- help.c ---- */

void help_print(FILE *out);
void help_print_man(FILE *out);

#endif
