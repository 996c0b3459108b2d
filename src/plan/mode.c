/* SPDX-License-Identifier: Apache-2.0 */
/* Whose engine COMMAND gets: one of its own, the one behind a socket from outside, or
 * DOCKER_HOST's.
 */
#include "dind/str.h"
#include "planner.h"

struct choice {
	enum options_mode mode;
	const char *why;
};

bool planner_is_outside(const struct planner *p)
{
	return p->plan->mode == MODE_SOCKET || p->plan->mode == MODE_REMOTE;
}

static bool names_a_host(const char *docker_host)
{
	return docker_host &&
	       (str_has_prefix(docker_host, "tcp://") || str_has_prefix(docker_host, "ssh://"));
}

/* A name that nobody can look up is not ours: we know our own. */
static enum tri is_ours(struct planner *p)
{
	const struct facts_reach *reach = &p->facts->reach;
	const struct facts_trial *trial;
	struct trial_request *request;

	if (reach->docker_host_ours != TRI_UNKNOWN || !p->facts->engine.client)
		return reach->docker_host_ours == TRI_YES ? TRI_YES : TRI_NO;
	trial = facts_find_trial(p->facts, TRIAL_ADDRESS, reach->docker_host);
	if (trial)
		return trial->result.value == TRI_YES ? TRI_YES : TRI_NO;
	request = arena_push(p->arena, (void **) &p->plan->trials, &p->plan->n_trials,
			     sizeof(*request));
	*request = (struct trial_request){ TRIAL_ADDRESS, reach->docker_host };
	return TRI_UNKNOWN;
}

static struct choice by_docker_host(struct planner *p)
{
	const char *host = p->facts->reach.docker_host;

	switch (is_ours(p)) {
	case TRI_YES:
		return (struct choice){
			MODE_NESTED, arena_printf(p->arena,
						  "DOCKER_HOST is %s, which is in here "
						  "(--mode remote if a neighbour in this network "
						  "namespace serves it)",
						  host)
		};
	case TRI_NO:
		return (struct choice){ MODE_REMOTE,
					arena_printf(p->arena, "DOCKER_HOST is %s", host) };
	case TRI_UNKNOWN:
		break;
	}
	return (struct choice){ MODE_AUTO, NULL };
}

/* design: the first that matches. */
static struct choice automatic(struct planner *p)
{
	const struct facts_reach *reach = &p->facts->reach;

	/* who asks doctor names no COMMAND, and means the agent that would have one */
	if (!p->options->workload && p->options->command != COMMAND_DOCTOR)
		return (struct choice){ MODE_NESTED, "there is no COMMAND but the engine" };
	if (reach->socket_mounted == TRI_YES)
		return (struct choice){ MODE_SOCKET,
					arena_printf(p->arena, "%s is mounted from outside",
						     reach->socket) };
	if (reach->socket_answers.value == TRI_YES)
		return (struct choice){
			MODE_SOCKET, arena_printf(p->arena, "somebody answers on %s", reach->socket)
		};
	if (names_a_host(reach->docker_host))
		return by_docker_host(p);
	return (struct choice){ MODE_NESTED,
				"no docker.sock from outside, and DOCKER_HOST names no other "
				"engine" };
}

static const char *meaning(enum options_mode mode)
{
	switch (mode) {
	case MODE_SOCKET:
		return "the engine behind the socket";
	case MODE_REMOTE:
		return "the engine that DOCKER_HOST names";
	case MODE_NESTED:
	case MODE_AUTO:
		break;
	}
	return "an engine of its own";
}

bool plan_mode(struct planner *p)
{
	struct choice choice = { p->options->mode, "--mode says so" };

	if (choice.mode == MODE_AUTO)
		choice = automatic(p);
	p->plan->mode = choice.mode;
	if (choice.mode == MODE_AUTO)
		return false;
	/* what was asked for in so many words, and was always done, is no news */
	if (p->options->mode != MODE_NESTED)
		planner_decide(p, CODE_MODE_DECISION, "mode %s, %s: %s",
			       options_mode_name(choice.mode), meaning(choice.mode), choice.why);
	return true;
}
