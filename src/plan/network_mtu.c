/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The MTU. dockerd gives every bridge 1500, whatever the link outside carries; where that is less
 * and the message that says so is lost on the way, large packets vanish. Networks that users make
 * have an MTU of their own, which can be set from Docker 24 on; before, TCP is told of it.
 */
#include <string.h>

#include "dind/str.h"
#include "network.h"

#define ETHERNET_MTU	1500
#define NETWORK_OPTIONS "default-network-opts"
#define SINCE_MAJOR	24 /* of NETWORK_OPTIONS */

/* What docker0 will have; 0: dockerd's default. The value of a flag is a string in JSON. */
static int effective_mtu(struct planner *p)
{
	const struct plan_setting *setting = planner_setting(p, "mtu");
	const char *text = setting ? setting->value : NULL;
	int mtu = 0;

	if (!text)
		return 0;
	text += *text == '"';
	text = arena_strndup(p->arena, text, strcspn(text, "\""));
	return str_parse_int(text, 0, UINT16_MAX, &mtu) == 0 ? mtu : 0;
}

static void set_of_link(struct planner *p)
{
	const struct facts_network *network = &p->facts->network;
	const char *whose = network->mtu_device;

	if (network->mtu == 0 || network->mtu == ETHERNET_MTU || planner_is_said(p, "mtu"))
		return;
	if (network->mtu_route)
		whose = arena_printf(p->arena, "the route to %s (%s has more)", network->mtu_route,
				     network->mtu_device);
	planner_default_number(p, "mtu", network->mtu,
			       arena_printf(p->arena, "of %s, the way out", whose));
	planner_decide(p, CODE_NETWORK_MTU, "MTU %lld for inner networks: that of %s, the way out",
		       (long long) network->mtu, whose);
}

static void set_for_networks(struct planner *p, int mtu)
{
	if (planner_is_said(p, NETWORK_OPTIONS) || planner_ask_version(p))
		return;
	if (planner_engine_major(p) >= SINCE_MAJOR)
		planner_default_json(
			p, NETWORK_OPTIONS,
			arena_printf(p->arena,
				     "{\"bridge\":{\"com.docker.network.driver.mtu\":\"%d\"}}",
				     mtu),
			"as docker0");
	else if (mtu < ETHERNET_MTU)
		p->clamp_mss = true;
}

void network_judge_mtu(struct planner *p)
{
	int mtu;

	set_of_link(p);
	mtu = effective_mtu(p);
	if (mtu && mtu != ETHERNET_MTU)
		set_for_networks(p, mtu);
}

void plan_clamp_step(struct planner *p)
{
	const struct facts_network *network = &p->facts->network;
	const char *iptables = p->iptables ? p->iptables : network->iptables;
	struct plan_step *step;

	if (!p->clamp_mss || !iptables ||
	    network_is_off(p, "iptables", p->facts->engine.config_iptables))
		return;
	step = planner_step(p, STEP_CLAMP_MSS, "clamp-mss",
			    "this engine cannot set the MTU of networks that users make; TCP is "
			    "told of that of the way out");
	step->u.clamp_mss.iptables = iptables;
	planner_or_degrade(step, CODE_NETWORK_CLAMP, "telling TCP of the smaller MTU outside",
			   "docker network create --opt com.docker.network.driver.mtu=N");
}
