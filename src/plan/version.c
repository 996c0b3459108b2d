/* SPDX-License-Identifier: Apache-2.0 */
/* Which dockerd it is. To know costs a run of it, so only those ask whose answer depends on it. */
#include "dind/str.h"
#include "planner.h"

const char *planner_engine_version(const struct planner *p)
{
	const struct facts_engine *engine = &p->facts->engine;
	const struct facts_trial *trial;

	if (engine->version)
		return engine->version;
	trial = facts_find_trial(p->facts, TRIAL_ENGINE, engine->dockerd);
	return trial ? trial->detail : NULL;
}

/* The number that a text begins with; 0 where there is none. */
static unsigned int read_number(const char **text)
{
	unsigned int n = 0;

	for (; *text && **text >= '0' && **text <= '9' && n < 1000; (*text)++)
		n = n * 10 + (unsigned int) (**text - '0');
	return n;
}

unsigned int planner_engine_major(const struct planner *p)
{
	const char *version = planner_engine_version(p);

	return read_number(&version);
}

bool planner_engine_is_from(const struct planner *p, unsigned int major, unsigned int minor)
{
	const char *version = planner_engine_version(p);
	unsigned int first = read_number(&version);

	if (first != major)
		return first > major;
	version += *version == '.';
	return read_number(&version) >= minor;
}

bool planner_ask_version(struct planner *p)
{
	const char *dockerd = p->facts->engine.dockerd;
	struct trial_request *request;

	if (p->facts->engine.version || !dockerd ||
	    facts_find_trial(p->facts, TRIAL_ENGINE, dockerd))
		return false;
	for (size_t i = 0; i < p->plan->n_trials; i++)
		if (p->plan->trials[i].kind == TRIAL_ENGINE)
			return true;
	request = arena_push(p->arena, (void **) &p->plan->trials, &p->plan->n_trials,
			     sizeof(*request));
	request->kind = TRIAL_ENGINE;
	request->path = dockerd;
	return true;
}
