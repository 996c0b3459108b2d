/* SPDX-License-Identifier: Apache-2.0 */
/* Resource limits and the OOM score of PID 1; what the engine gets is in its launch record. */
#include <linux/capability.h>

#include "limits.h"
#include "planner.h"

/*
 * Inner containers get 0 from dockerd, so below that the engine goes last when memory runs out: a
 * killed job says so, a killed engine fails every job. It is the number in Docker's own unit file.
 */
#define ENGINE_OOM_SCORE (-500)
/*
 * Where it cannot go down, the job goes up, by what an engine weighs: the score counts thousandths
 * of the memory that is short, which is the limit of our group. More would make the job die for a
 * container that is the larger one.
 */
#define ENGINE_WEIGHT (UINT64_C(256) << 20)
#define JOB_SCORE     100 /* for a limit that is not known */
#define JOB_SCORE_MAX 500
#define OOM_SCORE_MAX 1000

uint64_t limits_sane_nofile(uint64_t limit)
{
	return limit > LIMITS_NOFILE_MAX ? LIMITS_NOFILE_MAX : limit;
}

bool planner_oom_score(const struct planner *p, int *ret_score)
{
	/* lowering it takes CAP_SYS_RESOURCE (proc(5), oom_score_adj) */
	if (!p->caps_known || !planner_has_cap(p, CAP_SYS_RESOURCE) ||
	    p->facts->limits.oom_score_adj <= ENGINE_OOM_SCORE)
		return false;
	*ret_score = ENGINE_OOM_SCORE;
	return true;
}

static int job_rise(const struct planner *p)
{
	uint64_t max = p->facts->limits.memory_max, rise;

	if (!max || max == FACTS_UNLIMITED)
		return JOB_SCORE;
	/* rounded up: at least one */
	rise = ENGINE_WEIGHT / (max / OOM_SCORE_MAX + 1) + 1;
	return rise < JOB_SCORE_MAX ? (int) rise : JOB_SCORE_MAX;
}

bool planner_job_oom_score(const struct planner *p, int *ret_score)
{
	int64_t own = p->facts->limits.oom_score_adj;
	int score;

	/* PID 1's lowered score is for the engine; going back up needs no capability */
	if (planner_oom_score(p, &score)) {
		*ret_score = (int) own;
		return true;
	}
	/* low enough by itself, or nothing is known; at the top there is nowhere to go */
	if (!p->caps_known || own <= ENGINE_OOM_SCORE || own >= OOM_SCORE_MAX)
		return false;
	score = (int) own + job_rise(p);
	*ret_score = score < OOM_SCORE_MAX ? score : OOM_SCORE_MAX;
	return true;
}

void plan_limits(struct planner *p)
{
	const struct facts_limits *limits = &p->facts->limits;
	bool nofile = limits->nofile_hard > LIMITS_NOFILE_MAX;
	struct plan_step *step;
	int score = 0;
	bool oom = planner_oom_score(p, &score);

	if (!nofile && !oom)
		return;
	step = planner_step(p, STEP_LIMITS, "limits",
			    nofile ? "a limit of open files beyond a million makes programs that "
				     "close all descriptors spin for minutes"
				   : "the engine should be the last to go when memory runs out");
	planner_or_degrade(step, CODE_LIMITS, "the wanted limits and OOM score", NULL);
	step->u.limits.set_nofile = nofile;
	if (nofile) {
		step->u.limits.nofile_soft = limits_sane_nofile(limits->nofile_soft);
		step->u.limits.nofile_hard = limits_sane_nofile(limits->nofile_hard);
	}
	step->u.limits.set_oom_score = oom;
	step->u.limits.oom_score_adj = score;
}
