/* SPDX-License-Identifier: Apache-2.0 */
/* The network: what stands in the way, and what is to be known. */
#include "dind/str.h"
#include "planner.h"

void plan_network(struct planner *p)
{
	const struct facts_network *network = &p->facts->network;

	/* the engine that stops takes docker0 and its rules away from the other */
	if (network->foreign_bridge == TRI_YES && !planner_has_key(p, "bridge") &&
	    !planner_has_flag(p, "bridge", 'b'))
		planner_refuse(p, CODE_NETWORK_BRIDGE, STATUS_CONFIG,
			       "drop --network=host (Kubernetes: hostNetwork: true), or give this "
			       "engine a bridge of its own: --dockerd-args \"--bridge=NAME\"",
			       "another engine's docker0 is in this network namespace, and two "
			       "engines cannot share it");
	if (network->default_route == TRI_NO)
		planner_hint(p, CODE_NETWORK_ROUTE, NULL,
			     "there is no default route: registries will not be reached");
}
