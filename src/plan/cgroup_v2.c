/* SPDX-License-Identifier: Apache-2.0 */
/*
 * cgroup v2. Controllers can be enabled only for a group that has no processes of its own, so all
 * of them move to a leaf first. When the host's tree shows, that would be the host's root: an own
 * cgroup namespace comes first.
 */
#include <errno.h>
#include <string.h>

#include "dind/str.h"
#include "planner.h"

#define CGROUP_DIR "/sys/fs/cgroup"
/* Runtimes special-case this very name when they look for a place for `docker exec`. */
#define LEAF		"init"
#define NEST_TIMEOUT_MS 3000
#define NAMESPACE_KEY	"cgroup-namespace"
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

/* ---- a namespace of our own, and what is left where it is refused ----
 */

/*
 * Our own group in the host's tree, as the mount shows it; NULL where the path does not lead there
 * (a namespace that is neither the host's nor ours), and where dockerd cannot be told. A
 * trailing leaf is our own doing.
 */
static const char *own_group(struct planner *p)
{
	const struct facts_cgroups *cgroups = &p->facts->cgroups;
	const char *own = cgroups->own_path, *root = NULL;

	for (size_t i = 0; i < cgroups->n_hierarchies; i++)
		if (str_equal(cgroups->hierarchies[i].controllers, ""))
			root = cgroups->hierarchies[i].mount_root;
	if (cgroups->host_namespace != TRI_YES || !own || !root || !str_path_is_below(own, root) ||
	    p->nest_only || p->options->strict_args)
		return NULL;
	own += str_equal(root, "/") ? 0 : strlen(root);
	if (str_has_suffix(own, "/" LEAF))
		own = arena_strndup(p->arena, own, strlen(own) - strlen("/" LEAF));
	return *own && !str_equal(own, "/") ? own : NULL;
}

const char *planner_cgroup_parent(struct planner *p)
{
	const char *own;

	if (p->facts->cgroups.mode != CGROUP_V2 || p->facts->cgroups.host_view != TRI_YES ||
	    !facts_find_failure(p->facts, NAMESPACE_KEY))
		return NULL;
	own = own_group(p);
	return own ? arena_printf(p->arena, "%s/docker", own) : NULL;
}

static void own_namespace(struct planner *p, bool mounted)
{
	struct plan_step *step = planner_step(
		p, STEP_CGROUP_NAMESPACE, NAMESPACE_KEY,
		mounted ? "the host's cgroup tree shows here: inner groups would be made at its "
			  "root, outside the limits of this container"
			: "no cgroup file system is mounted in this container");

	step->u.cgroup_namespace.mount_point = CGROUP_DIR;
	if (mounted && own_group(p))
		planner_or_replan(step, CODE_CGROUP_NAMESPACE);
	else /* to go on would mean to evacuate the root group of the host */
		planner_or_abort(step, CODE_CGROUP_NAMESPACE, STATUS_OSERR,
				 "--cgroupns=private beside --privileged");
}

static bool has_parent_of_the_users(const struct planner *p)
{
	return planner_has_flag(p, "cgroup-parent", '\0') || planner_has_key(p, "cgroup-parent");
}

/*
 * Inner containers are told where to go instead of being unable to see anything else. They share
 * our view, too: what refused us a namespace would refuse them theirs.
 */
static void share_the_hosts_view(struct planner *p, const char *group, const char *parent)
{
	const struct facts_failure *failure = facts_find_failure(p->facts, NAMESPACE_KEY);

	if (has_parent_of_the_users(p)) {
		p->outside = "cgroup v2"; /* they are where the user wants them */
		planner_hint(
			p, CODE_CGROUP_PARENT,
			arena_printf(p->arena, "--cgroup-parent=%s, or none", parent),
			"there is no cgroup namespace of our own (%s), and the --cgroup-parent "
			"that dockerd was given is a group of the host: the limits of this "
			"container do not hold for inner containers unless it is below %s",
			failure->message, group);
	} else {
		planner_hint(p, CODE_CGROUP_PARENT, "--cgroupns=private beside --privileged",
			     "there is no cgroup namespace of our own (%s): inner containers are "
			     "placed below our group by --cgroup-parent=%s and see the host's "
			     "tree; the limits of this container hold for those that do not ask "
			     "for another parent",
			     failure->message, parent);
	}
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

/* The first group below ours; where none can be made (cgroup.max.descendants, a limit of systemd's)
 * there will be none for an inner container either. */
static void make_leaf(struct planner *p, const char *group)
{
	struct plan_step *step = planner_step(
		p, STEP_DIRECTORY, "cgroup-leaf",
		"a group for our own processes; inner containers get theirs beside it");

	step->u.runtime_dir.path = planner_join(p, group, LEAF);
	step->u.runtime_dir.mode = 0755;
	planner_or_abort(step, CODE_CGROUP_NEST, STATUS_OSERR,
			 "on the host: raise cgroup.max.descendants and cgroup.max.depth of the "
			 "group of this container and of those above it; or --privileged, where it "
			 "is not writable");
}

static void nest(struct planner *p, const char *group, const char *controllers)
{
	p->nest_group = group;
	p->nest_controllers = controllers;
}

void plan_cgroup_nest(struct planner *p)
{
	struct plan_step *step;

	if (!p->nest_group)
		return;
	/* `dind CMD` does not know whether CMD starts containers; and they may have another place
	 */
	if (!p->nest_only && !(p->plan->cgroup_parent && has_parent_of_the_users(p)))
		make_leaf(p, p->nest_group);
	step = planner_step(p, STEP_CGROUP_NEST, "cgroup-nest",
			    "processes move to the leaf " LEAF " so that limits "
			    "can be given to inner containers");

	step->u.cgroup_nest.mount_point = p->nest_group;
	step->u.cgroup_nest.leaf = LEAF;
	step->u.cgroup_nest.controllers = p->nest_controllers;
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

/* Our own group and no other of the host's is divided. What facts say of files is about the root
 * that shows here, so that none of them count but that it is mounted read-only. */
static void plan_below_the_hosts_root(struct planner *p, const char *controllers)
{
	const char *parent = planner_cgroup_parent(p), *group;

	if (!parent) {
		own_namespace(p, true);
		nest(p, CGROUP_DIR, controllers);
		planner_decide(
			p, CODE_CGROUP_DECISION,
			"cgroup v2, in a namespace of our own: processes move to the group " LEAF
			", inner containers can be given %s",
			controllers);
		return;
	}
	group = planner_join(p, CGROUP_DIR, own_group(p) + 1);
	p->plan->cgroup_parent = planner_join(p, CGROUP_DIR, parent + 1);
	share_the_hosts_view(p, group, parent);
	if (p->facts->cgroups.writable.error == EROFS) /* it is the same mount */
		make_writable(p);
	nest(p, group, controllers);
	planner_decide(p, CODE_CGROUP_DECISION,
		       "cgroup v2, in the host's namespace: processes move to %s/" LEAF
		       ", inner containers can be given %s",
		       group, controllers);
}

static void plan_own_tree(struct planner *p, bool mounted, const char *controllers)
{
	const struct facts_cgroups *cgroups = &p->facts->cgroups;

	/* done before: nobody left in the root group, and all that there is enabled */
	if (mounted && cgroups->n_processes == 0 &&
	    lists_all(cgroups->subtree_control, controllers)) {
		planner_decide(p, CODE_CGROUP_DECISION,
			       "cgroup v2: in order, inner containers can be given %s",
			       controllers);
		return;
	}
	nest(p, CGROUP_DIR, controllers);
	planner_decide(p, CODE_CGROUP_DECISION,
		       "cgroup v2%s: processes move to the group " LEAF ", inner containers can be "
		       "given %s",
		       mounted ? "" : ", in a namespace of our own", controllers);
}

void plan_cgroups_v2(struct planner *p)
{
	const struct facts_cgroups *cgroups = &p->facts->cgroups;
	const char *controllers = cgroups->controllers ? cgroups->controllers : USUAL_CONTROLLERS;
	bool mounted = is_mounted(cgroups);
	int writable;

	if (cgroups->controllers)
		report_controllers(p, controllers);
	if (mounted && cgroups->host_view == TRI_YES) {
		plan_below_the_hosts_root(p, controllers);
		return;
	}
	if (mounted) {
		writable = judge_writable(p, &cgroups->writable);
		if (writable < 0)
			return;
		if (writable > 0)
			make_writable(p);
		judge_type(p, cgroups->type);
	} else {
		own_namespace(p, false);
	}
	plan_own_tree(p, mounted, controllers);
}
