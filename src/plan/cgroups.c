/* SPDX-License-Identifier: Apache-2.0 */
/* Which kind of control groups this is, and what is common to them. */
#include <string.h>

#include "dind/str.h"
#include "planner.h"

/* A leaf of our own making (cgroup_v2.c). */
#define LEAF "/init"

static const char *exceptions(struct planner *p)
{
	if (!p->memory_flat || (p->outside && str_list_has(p->outside, "memory")))
		return p->outside;
	return p->outside ? arena_printf(p->arena, "%s memory", p->outside) : "memory";
}

static void decide_limits(struct planner *p)
{
	uint64_t max = p->facts->limits.memory_max;
	const char *memory = "", *but;

	if (p->facts->cgroups.mode == CGROUP_NONE || p->facts->cgroups.mode == CGROUP_UNKNOWN)
		return;
	if (max && max != FACTS_UNLIMITED)
		memory = arena_printf(p->arena, " (memory: %s)", planner_size(p, max));
	but = exceptions(p);
	p->plan->limits =
		but ? arena_printf(p->arena, "limits hold but for %s", but) : "limits hold";
	planner_decide(p, CODE_CGROUP_LIMITS,
		       "limits: those of this container%s hold for all inner containers "
		       "together%s%s",
		       memory, but ? ", but for " : "", but ? but : "");
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

/* ---- where the kernel counts what it kills for our memory limit ----
 */

static const struct facts_hierarchy *memory_hierarchy(const struct facts_cgroups *cgroups)
{
	const struct facts_hierarchy *v2 = NULL;

	for (size_t i = 0; i < cgroups->n_hierarchies; i++) {
		const struct facts_hierarchy *h = &cgroups->hierarchies[i];

		if (!h->controllers)
			continue;
		if (!*h->controllers)
			v2 = h;
		else if (str_list_has(h->controllers, "memory"))
			return h;
	}
	return v2;
}

/* Where a step makes our own group the root of what shows; NULL: none does. */
static const char *remounted_at(const struct planner *p, const struct facts_hierarchy *hierarchy)
{
	for (size_t i = 0; i < p->plan->n_steps; i++) {
		const struct plan_step *step = &p->plan->steps[i];

		if (step->kind == STEP_CGROUP_NAMESPACE && !*hierarchy->controllers)
			return step->u.cgroup_namespace.mount_point;
		if (step->kind == STEP_CGROUP_V1 && !step->u.cgroup_v1.unmount &&
		    str_equal(step->u.cgroup_v1.controllers, hierarchy->controllers))
			return step->u.cgroup_v1.target;
	}
	return NULL;
}

static bool is_taken_off(const struct planner *p, const struct facts_hierarchy *hierarchy)
{
	for (size_t i = 0; i < p->plan->n_steps; i++)
		if (p->plan->steps[i].kind == STEP_CGROUP_V1 &&
		    p->plan->steps[i].u.cgroup_v1.unmount &&
		    str_equal(p->plan->steps[i].u.cgroup_v1.controllers, hierarchy->controllers))
			return true;
	return false;
}

const char *planner_memory_group(struct planner *p)
{
	const struct facts_cgroups *cgroups = &p->facts->cgroups;
	const struct facts_hierarchy *h = memory_hierarchy(cgroups);
	const char *at = h ? remounted_at(p, h) : NULL, *own;

	if (!h || at)
		return at;
	if (is_taken_off(p, h) || !h->mounted_at || !h->mount_root || !h->path)
		return NULL;
	/* v2 counts what happens below, too */
	if (cgroups->mode == CGROUP_V2 && cgroups->host_view != TRI_YES)
		return h->mounted_at;
	if (!str_path_is_below(h->path, h->mount_root) || strstr(h->path, "/.."))
		return NULL;
	own = h->path + (str_equal(h->mount_root, "/") ? 0 : strlen(h->mount_root));
	if (cgroups->mode == CGROUP_V2 && str_has_suffix(own, LEAF))
		own = arena_strndup(p->arena, own, strlen(own) - strlen(LEAF));
	own += strspn(own, "/");
	return *own ? planner_join(p, h->mounted_at, own) : h->mounted_at;
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
