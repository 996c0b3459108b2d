/* SPDX-License-Identifier: Apache-2.0 */
/* The network: what stands in the way, and what is to be known. */
#include "network.h"
#include "dind/str.h"

/* A flag counts before the key of daemon.json; neither: the default, which is on. */
bool network_is_off(const struct planner *p, const char *name, enum tri config)
{
	if (planner_has_flag(p, name, '\0'))
		return !planner_is_on(p, name);
	return config == TRI_NO;
}

/*
 * What two engines in one network namespace do to each other (seen with 26.1): one
 * that starts flushes the chains DOCKER and DOCKER-ISOLATION-* of both, so that published ports of
 * the other are dead; with its default bridge both take docker0, with "none" it removes docker0.
 * Only with a bridge that somebody made for it, and without rules, is the other left alone.
 */
static bool is_kept_apart(const struct planner *p)
{
	const struct facts_engine *engine = &p->facts->engine;
	const char *bridge = planner_flag_value(p, "bridge", 'b');

	if (!bridge)
		bridge = engine->config_bridge;
	/* of IPv6 rules the default depends on the version, so that it has to be said */
	return bridge && *bridge && !str_equal(bridge, "none") && !str_equal(bridge, "docker0") &&
	       network_is_off(p, "iptables", engine->config_iptables) &&
	       network_is_off(p, "ip6tables", engine->config_ip6tables);
}

static void judge_other_engine(struct planner *p)
{
	const struct facts_network *network = &p->facts->network;
	bool lives = network->foreign_engine.value == TRI_YES;
	const char *evidence =
		lives && network->foreign_engine.evidence
			? arena_printf(p->arena, " (%s listens)", network->foreign_engine.evidence)
			: "";

	if (!lives && network->foreign_bridge != TRI_YES) {
		if (network->docker0 == TRI_YES && network->foreign_engine.value == TRI_NO &&
		    network->foreign_bridge == TRI_UNKNOWN)
			planner_decide(p, CODE_NETWORK_LEFT,
				       "docker0 of an engine that is gone is in this network "
				       "namespace; it is used again");
		return;
	}
	if (is_kept_apart(p)) {
		planner_decide(p, CODE_NETWORK_APART,
			       "another engine is in this network namespace%s; a bridge of its own "
			       "and no packet filter rules keep this one apart",
			       evidence);
		return;
	}
	planner_refuse(p, CODE_NETWORK_BRIDGE, STATUS_CONFIG,
		       "drop --network=host (Kubernetes: hostNetwork: true), or make a bridge and "
		       "leave the other's rules alone: --dockerd-args \"--bridge=NAME "
		       "--iptables=false --ip6tables=false\"",
		       "another engine's docker0 and packet filter rules are in this network "
		       "namespace%s, and an engine that starts takes them away from the other",
		       evidence);
}

void plan_network(struct planner *p)
{
	const struct facts_network *network = &p->facts->network;

	judge_other_engine(p);
	if (network->default_route == TRI_NO)
		planner_hint(p, CODE_NETWORK_ROUTE, NULL,
			     "there is no default route: registries will not be reached");
	/* a trial without privileges fails whatever the kernel is like, and would be misread */
	if (p->privileged)
		network_judge_iptables(p);
	/* --strict-args: what dockerd is told is the user's business */
	if (p->options->strict_args)
		return;
	network_judge_mtu(p);
	network_judge_pools(p);
	network_judge_dns(p);
}
