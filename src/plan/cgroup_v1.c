/* SPDX-License-Identifier: Apache-2.0 */
/*
 * cgroup v1 and hybrid: what works is left alone, and only what is missing, or shows more than our
 * own group, is put in order. Mounting over a working hierarchy breaks it.
 */
#include <string.h>

#include "dind/str.h"
#include "planner.h"

#define CGROUP_DIR "/sys/fs/cgroup"

static bool is_v1(const struct facts_hierarchy *hierarchy)
{
	return hierarchy->controllers && *hierarchy->controllers;
}

static bool is_devices(const struct facts_hierarchy *hierarchy)
{
	return str_list_has(hierarchy->controllers, "devices");
}

/* dockerd does not start without the devices hierarchy, and does without any other. */
static void on_failure(struct planner *p, struct plan_step *step,
		       const struct facts_hierarchy *hierarchy)
{
	if (is_devices(hierarchy))
		planner_or_abort(step, CODE_CGROUP_DEVICES, STATUS_OSERR,
				 "--privileged, which mounts all hierarchies writable");
	else
		planner_or_degrade(step, CODE_CGROUP_V1,
				   arena_printf(p->arena,
						"%s: limits of that kind do not work "
						"inside",
						hierarchy->controllers),
				   "--privileged, which mounts all hierarchies writable");
}

static const char *directory_of(const struct facts_hierarchy *hierarchy)
{
	static const char named[] = "name=";

	return str_has_prefix(hierarchy->controllers, named)
		       ? hierarchy->controllers + strlen(named)
		       : hierarchy->controllers;
}

static void complete(struct planner *p, const struct facts_hierarchy *hierarchy, bool tmpfs_first)
{
	struct plan_step *step = planner_step(
		p, STEP_CGROUP_V1, arena_printf(p->arena, "cgroup:%s", hierarchy->controllers),
		"the kernel has this hierarchy, but it is not mounted in this container");

	/* exactly the set that is mounted together elsewhere: the kernel takes no other */
	step->u.cgroup_v1.controllers = hierarchy->controllers;
	step->u.cgroup_v1.target = planner_join(p, CGROUP_DIR, directory_of(hierarchy));
	step->u.cgroup_v1.tmpfs_first = tmpfs_first;
	on_failure(p, step, hierarchy);
}

static void make_writable(struct planner *p, const struct facts_hierarchy *hierarchy)
{
	struct plan_step *step = planner_step(
		p, STEP_REMOUNT_RW, arena_printf(p->arena, "writable:%s", hierarchy->mounted_at),
		"inner containers get their groups in this hierarchy, and it is "
		"mounted read-only");

	step->u.remount.path = hierarchy->mounted_at;
	on_failure(p, step, hierarchy);
}

/*
 * A hierarchy that the outer runtime did not know is mounted by it at the host's root, and one that
 * was mounted in another container or namespace shows groups that are not ours: inner groups would
 * be made there, outside the limits of this container, and stay when it is gone.
 */
static bool shows_others(const struct facts_hierarchy *h)
{
	if (!h->mounted_at || !h->mount_root || !h->path)
		return false;
	if (str_path_is_below(h->mount_root, "/.."))
		return true;
	return !str_equal(h->path, "/") &&
	       (str_equal(h->mount_root, "/") || !str_path_is_below(h->path, h->mount_root));
}

static void replace(struct planner *p, const struct facts_hierarchy *hierarchy)
{
	struct plan_step *step = planner_step(
		p, STEP_CGROUP_V1, arena_printf(p->arena, "cgroup:%s", hierarchy->controllers),
		arena_printf(p->arena,
			     "%s shows groups of the host: inner groups would be made outside the "
			     "limits of this container",
			     hierarchy->mounted_at));

	step->u.cgroup_v1.controllers = hierarchy->controllers;
	step->u.cgroup_v1.target = hierarchy->mounted_at;
	step->u.cgroup_v1.replace = true;
	if (!p->nest_only) {
		planner_or_replan(step, CODE_CGROUP_OUTSIDE);
		return;
	}
	planner_or_degrade(step, CODE_CGROUP_OUTSIDE,
			   arena_printf(p->arena,
					"%s: inner groups land at the host's root, outside the "
					"limits of this container",
					hierarchy->controllers),
			   "--cgroupns=private");
}

/* It was tried, and the report has to say that they are what they were. */
static bool could_not_replace(struct planner *p, const struct facts_hierarchy *h)
{
	return facts_find_failure(p->facts, arena_printf(p->arena, "cgroup:%s", h->controllers)) !=
	       NULL;
}

static void hint_outside(struct planner *p, const struct strings *names)
{
	if (names->count == 0)
		return;
	p->outside = strings_join(p->arena, names, " ");
	planner_hint(
		p, CODE_CGROUP_OUTSIDE, "--cgroupns=private",
		"these hierarchies show groups of the host, and could not be replaced: %s. Inner "
		"groups land there, outside the limits of this container",
		p->outside);
}

/* Directories for missing hierarchies are made in the tmpfs that holds the others. */
static void make_parent_writable(struct planner *p, const struct facts_mount *parent)
{
	struct plan_step *step;

	if (!str_list_has(parent->options, "ro"))
		return;
	step = planner_step(p, STEP_REMOUNT_RW, "writable:" CGROUP_DIR,
			    "missing hierarchies are to be mounted below, and it is read-only");
	step->u.remount.path = CGROUP_DIR;
	planner_or_degrade(step, CODE_CGROUP_V1, "the missing cgroup hierarchies", "--privileged");
}

void plan_cgroups_v1(struct planner *p)
{
	const struct facts_cgroups *cgroups = &p->facts->cgroups;
	const struct facts_mount *parent = facts_mount_at(p->facts, CGROUP_DIR);
	bool tmpfs_first = !parent, has_devices = false, parent_done = false;
	size_t before = p->plan->n_steps;
	struct strings outside = STRINGS_INIT;

	for (size_t i = 0; i < cgroups->n_hierarchies; i++) {
		const struct facts_hierarchy *h = &cgroups->hierarchies[i];
		bool others;

		if (!is_v1(h))
			continue;
		has_devices |= is_devices(h);
		others = shows_others(h);
		if (others && could_not_replace(p, h)) {
			strings_add(p->arena, &outside, h->controllers);
			others = false;
		}
		if (h->mounted_at && !others) {
			if (h->writable.value == TRI_NO)
				make_writable(p, h);
			continue;
		}
		if (parent && !parent_done)
			make_parent_writable(p, parent);
		parent_done = true;
		if (h->mounted_at) {
			replace(p, h);
			continue;
		}
		complete(p, h, tmpfs_first);
		tmpfs_first = false;
	}
	if (!has_devices && cgroups->n_hierarchies)
		planner_refuse(
			p, CODE_CGROUP_DEVICES, STATUS_OSERR,
			"boot the host with pure cgroup v2 "
			"(systemd.unified_cgroup_hierarchy=1), or with the devices "
			"controller",
			"this kernel's cgroup v1 has no devices hierarchy, and dockerd does not "
			"start without it");
	else
		planner_decide(p, CODE_CGROUP_DECISION, "cgroup %s: %s",
			       facts_cgroup_mode_name(cgroups->mode),
			       p->plan->n_steps == before
				       ? "all hierarchies are there and are left as they are"
				       : "what is missing, read-only or not ours is put in order, "
					 "the rest is left as it is");
	hint_outside(p, &outside);
}
