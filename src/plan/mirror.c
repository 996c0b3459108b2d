/* SPDX-License-Identifier: Apache-2.0 */
/*
 * --mirror-limits. The limits of this container hold for all inner containers together, but a
 * program inside reads its own group, finds no limit there, and makes its heap or its number of
 * threads by what the host has. dockerd has no default limits; its runtime is asked for every
 * container. So the engine finds a runc of ours first, which adds what a container lacks.
 */
#include "dind/str.h"
#include "planner.h"

static const char *processors(struct planner *p)
{
	const struct facts_limits *limits = &p->facts->limits;
	uint64_t hundredths = limits->cpu_quota * 100 / limits->cpu_period;

	return arena_printf(p->arena, "%llu.%02llu processors",
			    (unsigned long long) hundredths / 100,
			    (unsigned long long) hundredths % 100);
}

/* For our runc, and in words. */
static const char *limits_text(struct planner *p, struct strings *words)
{
	const struct facts_limits *limits = &p->facts->limits;
	const char *text = "";

	if (limits->memory_max && limits->memory_max != FACTS_UNLIMITED) {
		text = arena_printf(p->arena, "memory %llu\n",
				    (unsigned long long) limits->memory_max);
		strings_add(
			p->arena, words,
			arena_printf(p->arena, "memory %s", planner_size(p, limits->memory_max)));
	}
	if (limits->cpu_quota && limits->cpu_period) {
		text = arena_printf(p->arena, "%scpu %llu %llu\n", text,
				    (unsigned long long) limits->cpu_quota,
				    (unsigned long long) limits->cpu_period);
		strings_add(p->arena, words, processors(p));
	}
	if (limits->pids_max) {
		text = arena_printf(p->arena, "%spids %llu\n", text,
				    (unsigned long long) limits->pids_max);
		strings_add(p->arena, words,
			    arena_printf(p->arena, "%llu processes",
					 (unsigned long long) limits->pids_max));
	}
	return text;
}

void plan_mirror(struct planner *p)
{
	const char *runc = p->facts->engine.runc, *text, *list = "";
	struct strings words = STRINGS_INIT;

	if (!p->options->mirror_limits || !runc)
		return; /* one that is missing is said elsewhere */
	text = limits_text(p, &words);
	if (words.count == 0) {
		planner_hint(
			p, CODE_CGROUP_MIRROR,
			"--memory, --cpus or --pids-limit for this container (Kubernetes: "
			"resources.limits)",
			"--mirror-limits does nothing: this container has no limits, or they do "
			"not show in it");
		return;
	}
	for (size_t i = 0; i < words.count; i++)
		list = i ? arena_printf(p->arena, "%s, %s", list, words.items[i]) : words.items[0];
	if (planner_has_key(p, "default-runtime") || planner_has_flag(p, "default-runtime", '\0'))
		planner_hint(p, CODE_CGROUP_MIRROR, NULL,
			     "--mirror-limits is for runc, and dockerd was given another "
			     "default-runtime: containers of that one are not changed");
	p->mirror = arena_printf(p->arena, "runtime %s\n%s%s", runc, text,
				 p->options->log_format == LOG_FORMAT_JSON ? "log json\n" : "");
	planner_decide(p, CODE_CGROUP_MIRROR,
		       "inner containers that have no limit of their own are given this "
		       "container's: %s",
		       list);
}

void plan_mirror_steps(struct planner *p)
{
	static const char remedy[] = "room and permission to write in " DIND_RUN_DIR;
	struct plan_step *step;

	if (!p->mirror)
		return;
	step = planner_step(p, STEP_FILE, "mirror-limits", "limits for inner containers");
	step->u.file.path = DIND_LIMITS_FILE;
	step->u.file.content = p->mirror;
	step->u.file.mode = 0644;
	planner_or_abort(step, CODE_CGROUP_MIRROR, STATUS_OSERR, remedy);
	step = planner_step(p, STEP_LINK, "mirror-runtime",
			    "the engine's PATH begins with this directory");
	step->u.link.path = DIND_MIRROR_DIR "/runc";
	step->u.link.target = "/proc/self/exe";
	planner_or_abort(step, CODE_CGROUP_MIRROR, STATUS_OSERR, remedy);
}
