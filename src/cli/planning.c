/* SPDX-License-Identifier: Apache-2.0 */
#include "commands.h"
#include "dind/file.h"
#include "dind/inspect.h"
#include "dind/log.h"

/* One trial is a few system calls, or the start of a program on a slow disk. A machine that starves
 * needs seconds for that (6.8 s were seen), and what is given up then is a worse storage driver. */
#define TRIAL_TIMEOUT_MS 15000

int planning_inspect(struct planning *planning, const struct cli *cli, struct error *err)
{
	int64_t began = clock_now_ms();
	struct inspect_world world;
	int r;

	inspect_world_live(&world);
	r = inspect_machine(&world, &cli->options, &planning->arena, &planning->facts, err);
	/* COMMAND /opt/docker/dockerd means that one, not the one in PATH */
	if (r == 0 && cli->dockerd)
		planning->facts.engine.dockerd = cli->dockerd;
	planning->times.inspect_ms += clock_now_ms() - began;
	return r;
}

void planning_leased(struct planning *planning, const struct cli *cli, const char *slot)
{
	int64_t began = clock_now_ms();
	struct inspect_world world;

	inspect_world_live(&world);
	planning->facts.pool.lease = arena_strdup(&planning->arena, slot);
	inspect_lease(&world, &cli->options, &planning->arena, &planning->facts);
	planning->times.inspect_ms += clock_now_ms() - began;
	/* one lease, one slot: the ladder begins here, and has all its rounds */
	planning->rounds = 0;
}

static int run_trials(struct planning *planning, struct error *err)
{
	const struct plan *plan = &planning->plan;
	struct facts *facts = &planning->facts;
	size_t known = facts->n_trials;
	int64_t began = clock_now_ms();
	int r;

	if (planning->before_trials)
		planning->before_trials(planning->context, plan);
	r = trial_run_all(plan->trials, plan->n_trials, TRIAL_TIMEOUT_MS, &planning->arena, facts,
			  err);
	planning->times.trials_ms += clock_now_ms() - began;
	for (size_t i = known; i < facts->n_trials; i++) {
		const struct facts_trial *trial = &facts->trials[i];

		log_debug("trial: %s%s%s took %lld us", facts_trial_name(trial->kind),
			  trial->path ? " on " : "", trial->path ? trial->path : "",
			  (long long) trial->elapsed_us);
	}
	return r;
}

int planning_make(struct planning *planning, const struct options *options, bool with_trials,
		  struct error *err)
{
	while (planning->rounds < PLAN_MAX_ROUNDS) {
		int64_t began = clock_now_ms();
		int r;

		planning->rounds++;
		planning->plan = (struct plan){ .n_trials = 0 };
		r = plan_make(options, &planning->facts, &planning->arena, &planning->plan, err);
		planning->times.plan_ms += clock_now_ms() - began;
		if (r < 0)
			return r;
		if (!with_trials || planning->plan.n_refusals || planning->plan.n_trials == 0)
			return 0;
		r = run_trials(planning, err);
		if (r < 0)
			return r;
	}
	return error_set_plain(err, -ELOOP, "no plan after %d rounds of trying", PLAN_MAX_ROUNDS);
}

void planning_free(struct planning *planning)
{
	arena_free(&planning->arena);
}
