/* SPDX-License-Identifier: Apache-2.0 */
/* network.h - the parts of plan_network(). Private to plan. */
#ifndef DIND_PLAN_NETWORK_H
#define DIND_PLAN_NETWORK_H

#include "planner.h"

/* The boolean --@name, else the key of daemon.json (@config), is off; neither is: on. */
bool network_is_off(const struct planner *p, const char *name, enum tri config);

/* An IPv4 range: the first address, in the order of our memory, and how many bits of it count. */
struct network_range {
	uint32_t address;
	unsigned int bits;
};

/* "10.0.0.0/8", "10.0.0.1" (32 bits). False for anything else. */
bool network_parse(const char *text, struct network_range *ret_range);

/* network_iptables.c: the back end that works; asks for trials. Needs privileges. */
void network_judge_iptables(struct planner *p);

/* network_mtu.c */
void network_judge_mtu(struct planner *p);

/* network_pools.c: ranges for inner networks, when the engine's own would hide something outside.
 */
void network_judge_pools(struct planner *p);

/* network_dns.c: name servers for inner containers. */
void network_judge_dns(struct planner *p);

#endif
