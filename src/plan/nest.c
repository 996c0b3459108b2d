/* SPDX-License-Identifier: Apache-2.0 */
/* The little plan of `dind CMD`: what moby's hack/dind does, for a command of any kind. */
#include "planner.h"

/* NULL: something is mounted there already. */
static struct plan_step *mount_missing(struct planner *p, const char *type, const char *target,
				       const char *options, const char *why)
{
	struct plan_step *step;

	if (facts_mount_at(p->facts, target))
		return NULL;
	step = planner_step(p, STEP_FILESYSTEM, arena_printf(p->arena, "filesystem:%s", target),
			    why);
	step->u.filesystem.type = type;
	step->u.filesystem.target = target;
	step->u.filesystem.options = options;
	return step;
}

void plan_tmp(struct planner *p)
{
	/* exec and dev: tests of engines run programs and make devices in there */
	struct plan_step *step = mount_missing(p, "tmpfs", "/tmp", "mode=1777",
					       "tests of engines need a /tmp that is no overlay");

	if (step)
		planner_or_abort(step, CODE_MOUNT_FILESYSTEM, STATUS_OSERR, "--privileged");
}

static void add_steps(struct planner *p)
{
	size_t before;
	struct plan_step *step =
		mount_missing(p, "securityfs", "/sys/kernel/security", NULL,
			      "engines and runtimes look there for security modules");

	if (step) {
		step->u.filesystem.if_present = true; /* a kernel without security modules */
		planner_or_degrade(step, CODE_MOUNT_FILESYSTEM,
				   "securityfs: AppArmor will not be seen", "--privileged");
	}
	plan_tmp(p);
	plan_cgroups(p);
	plan_cgroup_nest(p);
	before = p->plan->n_steps;
	plan_propagation(p);
	if (p->plan->n_steps > before) /* here it is what the command was wrapped for */
		planner_or_abort(&p->plan->steps[before], CODE_MOUNT_PROPAGATION, STATUS_OSERR,
				 "--privileged");
}

int plan_make_nest(const struct options *options, const struct facts *facts, struct arena *arena,
		   struct plan *ret_plan, struct error *err)
{
	struct plan plan = { .cgroup_mode = facts->cgroups.mode };
	struct planner p = {
		.options = options,
		.facts = facts,
		.arena = arena,
		.plan = &plan,
		.privileged = true, /* what is missing shows in the step that fails */
		.nest_only = true,
	};
	int r;

	add_steps(&p);
	r = plan_verify_steps(&plan, err);
	if (r < 0)
		return r;
	*ret_plan = plan;
	return 0;
}
