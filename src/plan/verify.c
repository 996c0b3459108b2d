/* SPDX-License-Identifier: Apache-2.0 */
/* A plan that breaks a promise of plan.h is a bug of ours, found here and not half-way through. */
#include "dind/str.h"
#include "planner.h"

static int verify_step(const struct plan *plan, size_t index, struct error *err)
{
	const struct plan_step *step = &plan->steps[index];
	const char *name = plan_step_name(step->kind);

	if (!step->key || !step->why || !step->code)
		return error_set_plain(err, -EINVAL, "step %s has no key, reason or code", name);
	for (size_t i = 0; i < index; i++)
		if (str_equal(plan->steps[i].key, step->key))
			return error_set_plain(err, -EINVAL, "two steps have the key %s",
					       step->key);
	switch (step->on_fail) {
	case FAIL_ABORT:
		if (!step->status || !step->remedy)
			return error_set_plain(err, -EINVAL,
					       "step %s ends without a status or "
					       "remedy",
					       step->key);
		break;
	case FAIL_REPLAN:
		if (step->remedy)
			return error_set_plain(err, -EINVAL,
					       "step %s has a remedy that nobody "
					       "sees",
					       step->key);
		break;
	case FAIL_DEGRADE:
		if (!step->without)
			return error_set_plain(err, -EINVAL, "step %s does not say without what",
					       step->key);
		break;
	}
	return 0;
}

static int verify_messages(const struct plan_message *messages, size_t n, bool refusals,
			   struct error *err)
{
	for (size_t i = 0; i < n; i++) {
		if (!messages[i].code || !messages[i].fact)
			return error_set_plain(err, -EINVAL, "a message has no code or fact");
		if (refusals && (!messages[i].status || !messages[i].remedy))
			return error_set_plain(err, -EINVAL, "refusal %s has no status or remedy",
					       messages[i].code);
	}
	return 0;
}

int plan_verify_steps(const struct plan *plan, struct error *err)
{
	int r = 0;

	for (size_t i = 0; r == 0 && i < plan->n_steps; i++)
		r = verify_step(plan, i, err);
	return r;
}

/* Such a plan must be good for a process that has no privilege at all. */
static int verify_outside(const struct plan *plan, struct error *err)
{
	if (plan->engine.wanted || plan->n_listeners)
		return error_set_plain(err, -EINVAL, "an engine beside the one outside");
	if (!plan->outside || !plan->outside_engine)
		return error_set_plain(err, -EINVAL, "the engine outside has no name");
	for (size_t i = 0; i < plan->n_steps; i++)
		if (plan->steps[i].kind != STEP_GROUP || plan->steps[i].on_fail != FAIL_DEGRADE)
			return error_set_plain(err, -EINVAL, "step %s is not for an engine outside",
					       plan->steps[i].key);
	return 0;
}

int plan_verify(const struct plan *plan, struct error *err)
{
	int r = plan_verify_steps(plan, err);

	if (r == 0)
		r = verify_messages(plan->refusals, plan->n_refusals, true, err);
	if (r == 0)
		r = verify_messages(plan->hints, plan->n_hints, false, err);
	if (r == 0)
		r = verify_messages(plan->decisions, plan->n_decisions, false, err);
	if (r < 0)
		return r;
	if (plan->n_refusals || plan->n_trials)
		return 0;
	if (plan->mode == MODE_SOCKET || plan->mode == MODE_REMOTE)
		return verify_outside(plan, err);
	if (plan->n_steps == 1 && plan->steps[0].kind == STEP_LEASE)
		return 0; /* the rest is planned when it is known which slot is ours */
	if (plan->storage.rung == RUNG_NONE || !plan->storage.driver || !plan->storage.why)
		return error_set_plain(err, -EINVAL,
				       "the plan is complete, but nothing was "
				       "decided about storage");
	if (!plan->engine.wanted || !plan->engine.launch.argv)
		return error_set_plain(err, -EINVAL, "the plan is complete, but starts no engine");
	return 0;
}
