/* SPDX-License-Identifier: Apache-2.0 */
/*
 * AppArmor and SELinux. Neither is namespaced with the container: a nested engine that sees the
 * host's policy loads its profiles into it, where they stay. So it gets a policy namespace of its
 * own, or is kept from believing that there is a policy.
 */
#include <errno.h>
#include <linux/capability.h>
#include <string.h>

#include "dind/str.h"
#include "planner.h"

#define APPARMOR_KEY	"apparmor-namespace"
#define NAME_ID_LENGTH	12
#define NOTHING_CHANGED "nothing of the host's policy is changed"

/* ---- AppArmor ---- */

/*
 * Named after the container. Where its id does not show: after its mount namespace, which no other
 * one that lives has the number of. The host sees the name, and apply knows a leftover by it.
 */
static const char *namespace_name(struct planner *p)
{
	const char *id = p->facts->identity.container_id, *number = p->facts->lsm.mount_namespace;

	if (id && strlen(id) >= NAME_ID_LENGTH)
		return arena_printf(p->arena, "dind-%.*s", NAME_ID_LENGTH, id);
	return number ? arena_printf(p->arena, "dind-m%s", number) : NULL;
}

/* Why the engine gets no namespace of its own; NULL: nothing speaks against it. */
static const char *obstacle(struct planner *p)
{
	const struct facts_lsm *lsm = &p->facts->lsm;
	const struct facts_failure *failure = facts_find_failure(p->facts, APPARMOR_KEY);

	if (p->options->apparmor == APPARMOR_OFF)
		return "--apparmor off";
	if (failure)
		return failure->message;
	if (!str_equal(lsm->apparmor_label, "unconfined"))
		return "this container is confined itself";
	if (!planner_has_cap(p, CAP_MAC_ADMIN))
		return "CAP_MAC_ADMIN is missing";
	if (lsm->apparmor_stack == TRI_NO)
		return "this kernel has no policy namespaces";
	if (lsm->apparmor_visible != TRI_YES && lsm->securityfs == TRI_NO)
		return "this kernel has no securityfs";
	if (planner_has_key(p, "containerd") || planner_has_flag(p, "containerd", '\0'))
		return "the containerd that was named runs outside of one";
	if (!lsm->apparmor_parser)
		return "there is no /sbin/apparmor_parser";
	return namespace_name(p) ? NULL : "there is no name for one";
}

static void hint_parser(struct planner *p)
{
	planner_hint(p, CODE_LSM_PARSER,
		     "an image that has it (Debian: apparmor), or --apparmor off",
		     "there is no /sbin/apparmor_parser, so inner containers get no AppArmor "
		     "profile");
}

static void judge_apparmor(struct planner *p)
{
	const struct facts_lsm *lsm = &p->facts->lsm;
	const char *why = obstacle(p);

	if (p->options->apparmor == APPARMOR_HOST) {
		p->apparmor_seen = true;
		p->plan->confinement = "AppArmor of the host";
		planner_decide(p, CODE_LSM_CONFINED,
			       "AppArmor: inner containers are confined by the host's "
			       "docker-default, which the engine loads and may replace "
			       "(--apparmor host)");
	} else if (why) {
		p->plan->confinement = "no AppArmor profile";
		planner_decide(p, CODE_LSM_CONFINED,
			       "AppArmor: inner containers get no profile of their own (%s), and "
			       "run with the label of this one, %s; " NOTHING_CHANGED,
			       why,
			       lsm->apparmor_label ? lsm->apparmor_label : "which is not known");
		if (p->options->apparmor == APPARMOR_NAMESPACE && !lsm->apparmor_parser)
			hint_parser(p);
	} else {
		p->apparmor_seen = true;
		p->apparmor_namespace = namespace_name(p);
		p->plan->confinement = "AppArmor docker-default";
		planner_decide(p, CODE_LSM_CONFINED,
			       "AppArmor: inner containers are confined by the docker-default of "
			       "%s, a policy namespace of this engine's own; " NOTHING_CHANGED,
			       p->apparmor_namespace);
	}
	if (lsm->userns_restricted == TRI_YES)
		planner_hint(p, CODE_LSM_USERNS,
			     "on the host, where that is wanted: sysctl -w "
			     "kernel.apparmor_restrict_unprivileged_userns=0",
			     "this kernel gives no capabilities in user namespaces to programs "
			     "without an AppArmor profile: rootless builders and browser "
			     "sandboxes fail in inner containers with apparmor=unconfined");
}

static void add_apparmor(struct planner *p)
{
	struct plan_step *step;

	if (!p->apparmor_seen ||
	    (!p->apparmor_namespace &&
	     (p->facts->lsm.apparmor_visible == TRI_YES || p->facts->lsm.apparmor != TRI_YES)))
		return;
	step = planner_step(p, STEP_APPARMOR, APPARMOR_KEY,
			    p->apparmor_namespace
				    ? "docker-default is loaded into a policy of the engine's own, "
				      "and the host's stays as it is"
				    : "the engine is to see the host's AppArmor");
	step->u.apparmor.name = p->apparmor_namespace;
	if (p->apparmor_namespace)
		planner_or_replan(step, CODE_LSM_APPARMOR);
	else
		planner_or_degrade(step, CODE_LSM_APPARMOR, "AppArmor",
				   "-v /sys/kernel/security:/sys/kernel/security");
}

const char *planner_apparmor_exec(struct planner *p)
{
	if (!p->apparmor_namespace)
		return NULL;
	return arena_printf(p->arena, "exec :%s:unconfined", p->apparmor_namespace);
}

/* ---- SELinux ---- */

static bool selinux_asked(const struct planner *p)
{
	if (planner_has_flag(p, "selinux-enabled", '\0'))
		return planner_is_on(p, "selinux-enabled");
	return p->facts->engine.config_selinux == TRI_YES;
}

/* --selinux: by whoever has a policy in which the engine may start what it labels. */
static void judge_brought_policy(struct planner *p)
{
	p->plan->confinement = "SELinux of the host";
	planner_decide(p, CODE_LSM_CONFINED,
		       "SELinux: the engine may use the host's policy (--selinux) if its "
		       "selinux-enabled is set");
	if (selinux_asked(p) && p->facts->lsm.selinux_mounted != TRI_YES)
		planner_hint(p, CODE_LSM_NOT_SHOWN,
			     "-v /sys/fs/selinux:/sys/fs/selinux, and the configuration of the "
			     "policy, -v /etc/selinux:/etc/selinux:ro",
			     "--selinux was passed, but no writable selinuxfs is mounted in this "
			     "container, so the engine will not find SELinux");
}

/*
 * Files of a new file system have no label, and what a policy lets containers do to unlabeled files
 * is nothing to build on. The outer engine has said which label this container's files have. With
 * context= all files have it, whoever made them, and nobody can give them another: that is for
 * engines that label their files, as with --selinux; there it is the root's, and goes to what is
 * made below.
 */
const char *planner_selinux_mount(struct planner *p)
{
	const struct facts_lsm *lsm = &p->facts->lsm;

	if (lsm->selinux != TRI_YES || !lsm->root_context)
		return NULL;
	return arena_printf(p->arena, "%s=\"%s\"", p->options->selinux ? "rootcontext" : "context",
			    lsm->root_context);
}

/* Root is denied by a label and by little else. */
static bool was_denied(const struct facts *facts)
{
	for (size_t i = 0; i < facts->n_trials; i++)
		if (facts->trials[i].result.error == EACCES)
			return true;
	for (size_t i = 0; i < facts->n_failures; i++)
		if (facts->failures[i].error == EACCES)
			return true;
	return false;
}

static void hint_denied(struct planner *p)
{
	const char *label = p->facts->lsm.selinux_label;

	if (label && was_denied(p->facts))
		planner_hint(p, CODE_LSM_DENIED,
			     "a volume of the engine's, or -v DIR:/var/lib/docker:Z, so that its "
			     "files have a label that containers may use; or --security-opt "
			     "label=disable",
			     "EACCES under SELinux: this container's label is %s, and the host's "
			     "audit log says what was denied to it",
			     label);
}

static void judge_selinux(struct planner *p)
{
	const struct facts_lsm *lsm = &p->facts->lsm;

	hint_denied(p);

	if (p->options->selinux) {
		judge_brought_policy(p);
		return;
	}
	if (selinux_asked(p))
		planner_refuse(p, CODE_LSM_SELINUX, STATUS_CONFIG,
			       "remove selinux-enabled, or bring such a policy and pass --selinux",
			       "selinux-enabled is set, but the host's policy, the only one there "
			       "is, has no transition from this container's label (%s) to that "
			       "of an inner container",
			       lsm->selinux_label ? lsm->selinux_label : "not known");
	if (!p->plan->confinement)
		p->plan->confinement = "no SELinux label of their own";
	planner_decide(p, CODE_LSM_CONFINED,
		       "SELinux: inner containers get no label of their own, and run with the one "
		       "of this container, %s; " NOTHING_CHANGED,
		       lsm->selinux_label ? lsm->selinux_label : "which is not known");
}

static void add_selinux(struct planner *p)
{
	const struct strings *mounts = &p->facts->lsm.selinux_mounts;

	if (p->options->selinux)
		return;
	for (size_t i = 0; i < mounts->count; i++) {
		struct plan_step *step = planner_step(
			p, STEP_SELINUX_HIDE, arena_printf(p->arena, "selinux-hide-%zu", i + 1),
			"whoever finds it writable takes the host's policy for its "
			"own");

		step->u.remount.path = mounts->items[i];
		planner_or_degrade(step, CODE_LSM_SELINUX_HIDE, "hiding SELinux from the engine",
				   "mount it read-only from outside, or not at all");
	}
}

/* ---- both ---- */

void plan_lsm(struct planner *p)
{
	const struct facts_lsm *lsm = &p->facts->lsm;

	if (lsm->apparmor == TRI_YES)
		judge_apparmor(p);
	if (lsm->selinux == TRI_YES)
		judge_selinux(p);
	if (lsm->apparmor == TRI_NO && lsm->selinux == TRI_NO) {
		p->plan->confinement = "seccomp and capabilities";
		planner_decide(p, CODE_LSM_CONFINED,
			       "inner containers are confined by Docker's seccomp filter and "
			       "capabilities: this kernel has neither AppArmor nor SELinux, so "
			       "there is no policy of the host's to change");
	} else if (!p->plan->confinement) {
		p->plan->confinement = "security modules not known";
		planner_decide(p, CODE_LSM_CONFINED,
			       "inner containers are confined by Docker's seccomp filter and "
			       "capabilities; whether this kernel has AppArmor or SELinux is not "
			       "known, and nothing is done about them");
	}
}

void plan_lsm_steps(struct planner *p)
{
	add_apparmor(p);
	add_selinux(p);
}
