/* SPDX-License-Identifier: Apache-2.0 */
/* The line of ready. The plan's words are promises; a step that was done without breaks one. */
#include "start.h"

static bool was_degraded(uint64_t degraded, enum plan_step_kind kind)
{
	return (degraded & UINT64_C(1) << kind) != 0;
}

static const char *limits_of(struct arena *arena, const struct plan *plan,
			     const struct apply_context *context, uint64_t degraded)
{
	if (!plan->limits)
		return NULL;
	/* what is said of the whole still holds: only inner containers have none of their own */
	if (was_degraded(degraded, STEP_CGROUP_NEST))
		return arena_printf(arena, "%s, none for single inner containers", plan->limits);
	if (context->cgroup_refused_usual)
		return arena_printf(arena, "%s, none for single inner containers by %s",
				    plan->limits, context->cgroup_refused);
	return plan->limits;
}

static const char *confinement_of(struct arena *arena, const struct plan *plan, uint64_t degraded)
{
	if (was_degraded(degraded, STEP_APPARMOR))
		return "no AppArmor profile";
	if (was_degraded(degraded, STEP_SELINUX_HIDE))
		return arena_printf(arena, "%s%sSELinux not hidden from the engine",
				    plan->confinement ? plan->confinement : "",
				    plan->confinement ? ", " : "");
	return plan->confinement;
}

const char *start_summary(struct arena *arena, const struct plan *plan,
			  const struct apply_context *context, uint64_t degraded)
{
	const char *words[] = { limits_of(arena, plan, context, degraded),
				confinement_of(arena, plan, degraded),
				was_degraded(degraded, STEP_CONFINE) ? "engine not confined"
								     : plan->engine_confinement,
				plan->host };
	const char *text;

	if (!plan->engine.wanted)
		return arena_printf(arena, "mode %s, %s%s%s", options_mode_name(plan->mode),
				    plan->outside, *plan->outside_engine ? ", " : "",
				    plan->outside_engine);
	text = arena_printf(arena, "%s, %s, cgroup %s",
			    plan->storage.driver ? plan->storage.driver : "dockerd's choice",
			    options_rung_name(plan->storage.rung),
			    facts_cgroup_mode_name(plan->cgroup_mode));
	for (size_t i = 0; i < ARRAY_SIZE(words); i++)
		if (words[i])
			text = arena_printf(arena, "%s, %s", text, words[i]);
	return text;
}
