/* SPDX-License-Identifier: Apache-2.0 */
/*
 * cgroup v1 and hybrid: what works is left alone, and only what is missing, or shows more than our
 * own group, is put in order. Mounting over a working hierarchy breaks it.
 */
#include <string.h>

#include "dind/str.h"
#include "planner.h"

#define CGROUP_DIR "/sys/fs/cgroup"
#define LEAF	   "/init"
#define UNIFIED \
	"unified" /* the v2 tree of a hybrid machine, which has no controllers to be named by */

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

enum place {
	PLACE_OURS,  /* inner groups are made below our own group */
	PLACE_ABOVE, /* the mount shows groups that are not ours */
	PLACE_ROOT,  /* our own group is the root of the host's tree */
};

/*
 * Inner groups that are made above our own are outside the limits of this container, and stay when
 * it is gone. They would be where the mount shows more than our group: it was mounted in another
 * container, or for all containers of a pod. And they would be where the outer runtime does not
 * know a hierarchy that the kernel has: then nobody has made a group for us in it.
 */
static enum place place_of(const struct planner *p, const struct facts_hierarchy *h)
{
	const char *root = h->mount_root;
	size_t n = h->path ? strlen(h->path) : 0;

	if (h->mounted_at && root && str_path_is_below(root, "/.."))
		return PLACE_ABOVE;
	if (str_equal(h->path, "/"))
		return p->facts->cgroups.host_namespace == TRI_YES ? PLACE_ROOT : PLACE_OURS;
	if (!n || !h->mounted_at || !root)
		return PLACE_OURS;
	if (!str_path_is_below(h->path, root))
		return PLACE_ABOVE;
	if (str_has_suffix(h->path, LEAF)) /* our own doing */
		n -= strlen(LEAF);
	return n > (str_equal(root, "/") ? 1 : strlen(root)) ? PLACE_ABOVE : PLACE_OURS;
}

/* A runtime has made groups for us. Where none has, the whole machine is ours, or we are a program
 * like others on it, and there is nowhere else to go. */
static bool has_groups(const struct facts_cgroups *cgroups)
{
	for (size_t i = 0; i < cgroups->n_hierarchies; i++)
		if (cgroups->hierarchies[i].path && !str_equal(cgroups->hierarchies[i].path, "/"))
			return true;
	return false;
}

static const char *name_of(const struct facts_hierarchy *hierarchy)
{
	return is_v1(hierarchy) ? hierarchy->controllers : UNIFIED;
}

static const char *key_of(struct planner *p, const struct facts_hierarchy *hierarchy)
{
	return arena_printf(p->arena, "cgroup:%s", name_of(hierarchy));
}

/* @again: it was done before, and a failure of another one has the plan made anew. */
static void or_outside(struct planner *p, struct plan_step *step,
		       const struct facts_hierarchy *hierarchy, bool again)
{
	if (!p->nest_only && !again) {
		planner_or_replan(step, CODE_CGROUP_OUTSIDE);
		return;
	}
	planner_or_degrade(step, CODE_CGROUP_OUTSIDE,
			   arena_printf(p->arena,
					"%s: inner groups land at the host's root, outside the "
					"limits of this container",
					name_of(hierarchy)),
			   "--cgroupns=private");
}

/* A step about a hierarchy that is there; @why goes on from its place. */
static struct plan_step *change(struct planner *p, const struct facts_hierarchy *hierarchy,
				bool again, const char *why)
{
	struct plan_step *step =
		planner_step(p, STEP_CGROUP_V1, key_of(p, hierarchy),
			     arena_printf(p->arena, "%s %s", hierarchy->mounted_at, why));

	step->u.cgroup_v1.controllers = hierarchy->controllers;
	step->u.cgroup_v1.target = hierarchy->mounted_at;
	or_outside(p, step, hierarchy, again);
	return step;
}

static void replace(struct planner *p, const struct facts_hierarchy *hierarchy, bool again)
{
	change(p, hierarchy, again,
	       "shows groups of the host: inner groups would be made outside the limits of this "
	       "container")
		->u.cgroup_v1.replace = true;
}

static void take_off(struct planner *p, const struct facts_hierarchy *hierarchy, bool again)
{
	change(p, hierarchy, again,
	       "is the host's root, because this container was given no group in that hierarchy: "
	       "inner groups would be made there")
		->u.cgroup_v1.unmount = true;
}

/*
 * The first hierarchy that could not be replaced; n_hierarchies: none. What stood in the way (a
 * kernel before 5.2, mounts that are locked) is in the way of all: those after it are not tried,
 * because a plan is made anew for each failure, and not for ever. Those before it are done.
 */
static size_t first_failed(struct planner *p)
{
	const struct facts_cgroups *cgroups = &p->facts->cgroups;
	size_t i = 0;

	while (i < cgroups->n_hierarchies &&
	       !facts_find_failure(p->facts, key_of(p, &cgroups->hierarchies[i])))
		i++;
	return i;
}

/* What is found out about the hierarchies, one after the other. */
struct survey {
	struct strings failed;	 /* those that show others, and could not be replaced */
	struct strings at_root;	 /* those in which our own group is the host's root, and is used */
	struct strings left_out; /* likewise, and not mounted */
	size_t first_failed;
	bool has_groups, has_devices;
	bool tmpfs_first, parent_done;
};

static void hint_outside(struct planner *p, const struct survey *survey)
{
	struct strings all = STRINGS_INIT;

	for (size_t i = 0; i < survey->failed.count; i++)
		strings_add(p->arena, &all, survey->failed.items[i]);
	for (size_t i = 0; i < survey->at_root.count; i++)
		strings_add(p->arena, &all, survey->at_root.items[i]);
	if (all.count)
		p->outside = strings_join(p->arena, &all, " ");
	if (survey->failed.count)
		planner_hint(p, CODE_CGROUP_OUTSIDE, "--cgroupns=private",
			     "these hierarchies show groups of the host, and could not be "
			     "replaced: %s. Inner groups land there, outside the limits of this "
			     "container",
			     strings_join(p->arena, &survey->failed, " "));
	if (survey->at_root.count)
		planner_hint(p, CODE_CGROUP_OUTSIDE,
			     "an outer engine that knows them, or a host with pure cgroup v2",
			     "this container has no group of its own in these hierarchies: %s. "
			     "Inner groups are made at the host's root there",
			     strings_join(p->arena, &survey->at_root, " "));
	if (survey->left_out.count)
		planner_hint(p, CODE_CGROUP_V1, NULL,
			     "this container has no group of its own in these hierarchies, and "
			     "they are left out: %s. Limits of that kind do not work inside",
			     strings_join(p->arena, &survey->left_out, " "));
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

/* Missing, or about to be replaced: there has to be a directory for it. */
static void prepare_parent(struct planner *p, struct survey *survey)
{
	const struct facts_mount *parent = facts_mount_at(p->facts, CGROUP_DIR);

	if (parent && !survey->parent_done)
		make_parent_writable(p, parent);
	survey->parent_done = true;
}

static void judge_mounted(struct planner *p, struct survey *survey, size_t i)
{
	const struct facts_hierarchy *h = &p->facts->cgroups.hierarchies[i];
	enum place place = place_of(p, h);
	bool again =
		i < survey->first_failed && survey->first_failed < p->facts->cgroups.n_hierarchies;
	bool possible = i < survey->first_failed;

	if (place == PLACE_ABOVE && possible) {
		if (is_v1(h))
			prepare_parent(p, survey);
		replace(p, h, again);
		return;
	}
	/* dockerd does not start without devices */
	if (place == PLACE_ROOT && possible && survey->has_groups && !is_devices(h) &&
	    !p->nest_only) {
		take_off(p, h, again);
		return;
	}
	if (place != PLACE_OURS)
		strings_add(p->arena, place == PLACE_ABOVE ? &survey->failed : &survey->at_root,
			    name_of(h));
	if (is_v1(h) && h->writable.value == TRI_NO)
		make_writable(p, h);
}

static void judge_missing(struct planner *p, struct survey *survey, const struct facts_hierarchy *h)
{
	if (place_of(p, h) == PLACE_ROOT) {
		if (survey->has_groups && !is_devices(h)) {
			strings_add(p->arena, &survey->left_out, h->controllers);
			return;
		}
		strings_add(p->arena, &survey->at_root, h->controllers);
	}
	prepare_parent(p, survey);
	complete(p, h, survey->tmpfs_first);
	survey->tmpfs_first = false;
}

static void judge_devices(struct planner *p, const struct survey *survey, size_t before)
{
	if (!survey->has_devices && p->facts->cgroups.n_hierarchies)
		planner_refuse(
			p, CODE_CGROUP_DEVICES, STATUS_OSERR,
			"boot the host with pure cgroup v2 "
			"(systemd.unified_cgroup_hierarchy=1), or with the devices "
			"controller",
			"this kernel's cgroup v1 has no devices hierarchy, and dockerd does not "
			"start without it");
	else
		planner_decide(p, CODE_CGROUP_DECISION, "cgroup %s: %s",
			       facts_cgroup_mode_name(p->facts->cgroups.mode),
			       p->plan->n_steps == before
				       ? "all hierarchies are there and are left as they are"
				       : "what is missing, read-only or not ours is put in order, "
					 "the rest is left as it is");
}

/* Before Linux 5.11 a memory group counted its own processes only, unless it was told otherwise
 * before there were groups below it. systemd tells the root. */
static void judge_memory(struct planner *p)
{
	if (p->facts->cgroups.memory_hierarchy != TRI_NO)
		return;
	p->memory_flat = true;
	planner_hint(p, CODE_CGROUP_FLAT,
		     "on the host, before any container: echo 1 "
		     ">/sys/fs/cgroup/memory/memory.use_hierarchy; or Linux 5.11 and later",
		     "memory.use_hierarchy is 0: the memory limit of this container does not hold "
		     "for inner containers");
}

/* Nothing is written to cpuset.cpus and cpuset.mems, without which a group takes no processes: the
 * outer runtime has filled in ours, the root always has them, and runc fills in all groups from the
 * mount's root down to the one that it makes. */
void plan_cgroups_v1(struct planner *p)
{
	const struct facts_cgroups *cgroups = &p->facts->cgroups;
	struct survey survey = { .failed = STRINGS_INIT,
				 .at_root = STRINGS_INIT,
				 .left_out = STRINGS_INIT,
				 .first_failed = first_failed(p),
				 .has_groups = has_groups(cgroups),
				 .tmpfs_first = !facts_mount_at(p->facts, CGROUP_DIR) };
	size_t before = p->plan->n_steps;

	for (size_t i = 0; i < cgroups->n_hierarchies; i++) {
		const struct facts_hierarchy *h = &cgroups->hierarchies[i];

		if (!h->controllers) /* a line that could not be read */
			continue;
		survey.has_devices |= is_v1(h) && is_devices(h);
		if (h->mounted_at)
			judge_mounted(p, &survey, i);
		else if (is_v1(h))
			judge_missing(p, &survey, h);
	}
	judge_devices(p, &survey, before);
	hint_outside(p, &survey);
	judge_memory(p);
}
