/* SPDX-License-Identifier: Apache-2.0 */
/* Which kind of control groups this is, and what is common to them. */
#include "planner.h"

static void decide_limits(struct planner *p)
{
	uint64_t max = p->facts->limits.memory_max;
	const char *memory = "";

	if (p->facts->cgroups.mode == CGROUP_NONE || p->facts->cgroups.mode == CGROUP_UNKNOWN)
		return;
	if (max && max != FACTS_UNLIMITED)
		memory = arena_printf(p->arena, " (memory: %s)", planner_size(p, max));
	p->plan->limits = p->outside ? arena_printf(p->arena, "limits hold but for %s", p->outside)
				     : "limits hold";
	planner_decide(p, CODE_CGROUP_LIMITS,
		       "limits: those of this container%s hold for all inner containers "
		       "together%s%s",
		       memory, p->outside ? ", but for " : "", p->outside ? p->outside : "");
}

/*
 * dockerd chooses the systemd driver when /run/systemd/system is there, which in a container is a
 * leftover of the image or a mount of the host's directory: no systemd answers.
 */
bool planner_cgroup_driver_wanted(const struct planner *p)
{
	return p->facts->cgroups.mode == CGROUP_V2 &&
	       p->facts->engine.systemd_directory == TRI_YES && !planner_has_key(p, "exec-opts") &&
	       !planner_has_flag(p, "exec-opt", '\0');
}

static void judge_driver(struct planner *p)
{
	if (p->facts->cgroups.mode != CGROUP_V2 || p->facts->engine.systemd_directory != TRI_YES)
		return;
	if (planner_cgroup_driver_wanted(p))
		planner_decide(p, CODE_CGROUP_DRIVER,
			       "dockerd is told to use cgroupfs: /run/systemd/system is there, but "
			       "no systemd runs in this container");
	else
		planner_hint(p, CODE_CGROUP_DRIVER,
			     "\"exec-opts\": [\"native.cgroupdriver=cgroupfs\"] in daemon.json, or "
			     "an image without that directory",
			     "/run/systemd/system is there: unless your exec-opts name a cgroup "
			     "driver, dockerd will wait for a systemd that is not running");
}

void plan_cgroups(struct planner *p)
{
	switch (p->facts->cgroups.mode) {
	case CGROUP_V1:
	case CGROUP_HYBRID:
		plan_cgroups_v1(p);
		break;
	case CGROUP_V2:
		plan_cgroups_v2(p);
		break;
	case CGROUP_NONE:
		planner_refuse(p, CODE_CGROUP_NONE, STATUS_OSERR,
			       "a kernel with cgroups; under gVisor or the like, a runtime that "
			       "provides them",
			       "there are no control groups at all, and no container can do "
			       "without");
		break;
	case CGROUP_UNKNOWN:
		planner_hint(p, CODE_CGROUP_NONE, NULL,
			     "what kind of control groups there are is not known");
		break;
	}
	decide_limits(p);
	judge_driver(p);
}
