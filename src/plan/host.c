/* SPDX-License-Identifier: Apache-2.0 */
/* What of the host's is changed. It must be nothing, unless the user has asked for it. */
#include "dind/str.h"
#include "planner.h"

void plan_host(struct planner *p)
{
	struct strings changes = STRINGS_INIT, words = STRINGS_INIT;

	if (p->outside) {
		strings_add(p->arena, &changes,
			    arena_printf(p->arena,
					 "groups of inner containers are made at the root of %s",
					 p->outside));
		strings_add(p->arena, &words, "control groups");
	}
	if (p->apparmor_seen && !p->apparmor_namespace) {
		strings_add(p->arena, &changes,
			    "docker-default is loaded into its AppArmor policy where it is missing "
			    "(--apparmor host)");
		strings_add(p->arena, &words, "AppArmor policy");
	}
	if (planner_has_modules(p)) {
		strings_add(p->arena, &changes,
			    "the engine may load kernel modules (/lib/modules is mounted in)");
		strings_add(p->arena, &words, "kernel modules");
	}
	if (changes.count == 0) {
		p->plan->host = "host unchanged";
		planner_decide(p, CODE_HOST_CHANGED,
			       "host: nothing of it is changed, neither its control groups nor its "
			       "security policy nor its kernel");
		return;
	}
	p->plan->host =
		arena_printf(p->arena, "host changed: %s", strings_join(p->arena, &words, ", "));
	planner_decide(p, CODE_HOST_CHANGED, "host: %s", strings_join(p->arena, &changes, "; "));
}
