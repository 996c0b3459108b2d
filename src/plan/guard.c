/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A start that is cut off. dockerd makes its default network anew at each start and writes it down
 * in two transactions, the driver's record first: killed between them it refuses every later start
 * ("networks have same bridge name"). Nothing that it keeps tells the two apart, so the data base
 * of before is kept beside, and a mark says whether the engine has got through.
 */
#include "planner.h"

#define DATABASE "network/files/local-kv.db"
#define COPY	 ".dind-network.db"
#define MARK	 ".dind-starting"

void plan_guard(struct planner *p)
{
	struct plan_step *step;

	if (p->storage.rung == RUNG_NONE)
		return;
	step = planner_step(p, STEP_GUARD_START, "guard-start",
			    "an engine that is killed while it starts leaves a network that keeps "
			    "it from starting again; the next start puts back what was there "
			    "before");
	step->u.guard.database = planner_join(p, p->data_root, DATABASE);
	step->u.guard.copy = planner_join(p, p->data_root, COPY);
	step->u.guard.mark = planner_join(p, p->data_root, MARK);
	planner_or_degrade(step, CODE_STORAGE_GUARD, "a way back should this start be cut off",
			   NULL);
	p->plan->start_mark = step->u.guard.mark;
}
