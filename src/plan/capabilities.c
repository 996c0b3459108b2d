/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What PID 1 keeps in effect once everything is set up: what its way down and the start of COMMAND
 * need, and no more. What it starts as root has everything again, by exec.
 *
 * The bounding set is left as it is. Docker before 23 gives a privileged inner container every
 * capability there is, whether it has them or not; all versions do so with the 14 of a plain one;
 * and 26.1 refuses any that --cap-add names and that it lacks. What is cut would be missed: no
 * engine copes, so that nothing is. For the host the filter of confine.c does the same.
 */
#include <linux/capability.h>

#include "dind/str.h"
#include "planner.h"

static const struct {
	int cap;
	const char *name;
} kept[] = {
	{ CAP_DAC_OVERRIDE, "DAC_OVERRIDE" }, /* state and ready files, groups, wherever they are */
	{ CAP_KILL, "KILL" },		      /* processes of other users */
	{ CAP_SETGID, "SETGID" },	      /* COMMAND with --user, as the next two */
	{ CAP_SETUID, "SETUID" },
	{ CAP_SETPCAP, "SETPCAP" },
	{ CAP_SYS_PTRACE, "SYS_PTRACE" },     /* whose process is this? (its links in /proc) */
	{ CAP_SYS_ADMIN, "SYS_ADMIN" },	      /* unmount, loop devices, a filter for the engine */
	{ CAP_SYS_RESOURCE, "SYS_RESOURCE" }, /* limits and OOM scores of what is started */
	{ CAP_MAC_ADMIN, "MAC_ADMIN" },	      /* the AppArmor namespace is removed at the end */
};

void plan_capabilities(struct planner *p)
{
	struct strings names = STRINGS_INIT;
	struct plan_step *step;
	uint64_t keep = 0;

	if (!p->caps_known)
		return;
	for (size_t i = 0; i < ARRAY_SIZE(kept); i++) {
		if (!(p->facts->privileges.cap_effective & (UINT64_C(1) << kept[i].cap)))
			continue;
		keep |= UINT64_C(1) << kept[i].cap;
		strings_add(p->arena, &names, kept[i].name);
	}
	step = planner_step(p, STEP_CAPABILITIES, "capabilities",
			    "PID 1 needs no more than these until the end; what it starts as root "
			    "has all of them again");
	step->u.capabilities.keep = keep;
	step->u.capabilities.names = names.items;
	planner_or_degrade(step, CODE_PRIV_GIVE_UP, "giving up what PID 1 does not need",
			   "--privileged");
}
