/* SPDX-License-Identifier: Apache-2.0 */
/*
 * cgroup v2. Controllers can be enabled only for a group that has no processes of its own, so all
 * of them move to a leaf first. When the host's tree shows, that would be the host's root: an own
 * cgroup namespace comes first.
 */
#include <string.h>

#include "dind/str.h"
#include "planner.h"

#define CGROUP_DIR "/sys/fs/cgroup"
/* Runtimes special-case this very name when they look for a place for `docker exec`. */
#define LEAF		"init"
#define NEST_TIMEOUT_MS 3000
/* For a tree that is not mounted yet; what the kernel does not have is refused singly. */
#define USUAL_CONTROLLERS "cpuset cpu io memory pids"

static bool lists_all(const char *list, const char *words)
{
	while (*words) {
		size_t n = strcspn(words, " ");
		char word[64];

		if (n >= sizeof(word))
			return false;
		memcpy(word, words, n);
		word[n] = '\0';
		if (n && !str_list_has(list, word))
			return false;
		words += n;
		words += strspn(words, " ");
	}
	return true;
}

/* In the tree that is mounted here; a kernel with v2 alone may have it mounted nowhere. */
static bool is_mounted(const struct facts_cgroups *cgroups)
{
	for (size_t i = 0; i < cgroups->n_hierarchies; i++)
		if (str_equal(cgroups->hierarchies[i].controllers, ""))
			return cgroups->hierarchies[i].mounted_at != NULL;
	return true;
}

static void own_namespace(struct planner *p, bool mounted)
{
	struct plan_step *step = planner_step(
		p, STEP_CGROUP_NAMESPACE, "cgroup-namespace",
		mounted ? "the host's cgroup tree shows here: inner groups would be made at its "
			  "root, outside the limits of this container"
			: "no cgroup file system is mounted in this container");

	step->u.cgroup_namespace.mount_point = CGROUP_DIR;
	/* to go on would mean to evacuate the root group of the host */
	planner_or_abort(step, CODE_CGROUP_NAMESPACE, STATUS_OSERR,
			 "--cgroupns=private beside --privileged");
}

static void make_writable(struct planner *p)
{
	struct plan_step *step = planner_step(p, STEP_REMOUNT_RW, "writable:" CGROUP_DIR,
					      "inner containers get their groups here, and it is "
					      "mounted read-only");

	step->u.remount.path = CGROUP_DIR;
	/* without a group no inner container starts */
	planner_or_abort(step, CODE_CGROUP_READ_ONLY, STATUS_NOPERM,
			 "--privileged, or --security-opt writable-cgroups=true (Docker 28 and "
			 "later)");
}

static void nest(struct planner *p, const char *controllers)
{
	struct plan_step *step = planner_step(p, STEP_CGROUP_NEST, "cgroup-nest",
					      "processes move to the leaf " LEAF " so that limits "
					      "can be given to inner containers");

	step->u.cgroup_nest.mount_point = CGROUP_DIR;
	step->u.cgroup_nest.leaf = LEAF;
	step->u.cgroup_nest.controllers = controllers;
	step->u.cgroup_nest.timeout_ms = NEST_TIMEOUT_MS;
	/* containers without limits still run, and a CI job rather runs than waits for somebody */
	planner_or_degrade(step, CODE_CGROUP_NEST,
			   "cgroup controllers: -m, --cpus and --pids-limit will not work inside",
			   "--cgroupns=private, and no process that keeps joining this "
			   "container's root group");
}

static void report_controllers(struct planner *p, const char *controllers)
{
	static const char *const usual[] = { "cpu", "memory", "pids" };
	struct strings missing = STRINGS_INIT;

	for (size_t i = 0; i < ARRAY_SIZE(usual); i++)
		if (!str_list_has(controllers, usual[i]))
			strings_add(p->arena, &missing, usual[i]);
	if (missing.count)
		planner_hint(p, CODE_CGROUP_CONTROLLERS,
			     "delegate them from outside (systemd: Delegate=yes), or boot the "
			     "host with pure cgroup v2",
			     "controllers that this container was not given: %s. Limits of that "
			     "kind do not work inside",
			     strings_join(p->arena, &missing, " "));
}

static void judge_type(struct planner *p, const char *type)
{
	if (type && (strstr(type, "threaded") || strstr(type, "invalid")))
		planner_hint(p, CODE_CGROUP_THREADED,
			     "restart this container: another engine ran in it before its groups "
			     "were in order",
			     "the cgroup of this container is \"%s\": memory limits cannot work "
			     "inside",
			     type);
}

/* 0: nothing to do, 1: to be made writable, -1: refused. */
static int judge_writable(struct planner *p, const struct fact *writable)
{
	if (writable->value != TRI_NO)
		return 0;
	if (writable->error == EACCES || writable->error == EPERM) {
		planner_refuse(p, CODE_CGROUP_READ_ONLY, STATUS_NOPERM,
			       "--privileged, or --security-opt writable-cgroups=true (Docker 28 "
			       "and later), or --cgroupns=private",
			       "the cgroup tree of this container is not ours to write%s",
			       planner_evidence(p, writable, NULL));
		return -1;
	}
	return 1;
}

void plan_cgroups_v2(struct planner *p)
{
	const struct facts_cgroups *cgroups = &p->facts->cgroups;
	bool mounted = is_mounted(cgroups), host = cgroups->host_view == TRI_YES;
	const char *controllers = cgroups->controllers;
	bool known = controllers != NULL;

	if (!known)
		controllers = USUAL_CONTROLLERS;
	if (host || !mounted) {
		own_namespace(p, mounted);
	} else {
		int r = judge_writable(p, &cgroups->writable);

		if (r < 0)
			return;
		if (r > 0)
			make_writable(p);
		judge_type(p, cgroups->type);
	}
	if (known)
		report_controllers(p, controllers);
	/* done before: nobody left in the root group, and all that there is enabled */
	if (!host && mounted && cgroups->n_processes == 0 &&
	    lists_all(cgroups->subtree_control, controllers)) {
		planner_decide(p, CODE_CGROUP_DECISION,
			       "cgroup v2: in order, inner containers can be given %s",
			       controllers);
		return;
	}
	nest(p, controllers);
	planner_decide(p, CODE_CGROUP_DECISION,
		       "cgroup v2%s: processes move to the group " LEAF ", inner containers can be "
		       "given %s",
		       host || !mounted ? ", in a namespace of our own" : "", controllers);
}
