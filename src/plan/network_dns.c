/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Name servers. One on a loopback address answers in our network namespace only: Docker's own at
 * 127.0.0.11, which every container of a network that somebody made has, or systemd-resolved's at
 * 127.0.0.53. One with an IPv6 address is not reached from a network without IPv6, as all inner
 * ones are by default. dockerd leaves such ones out and gives its containers servers of the public
 * Internet in their place. Ours get a relay at an address that all of them reach.
 */
#include <arpa/inet.h>
#include <string.h>

#include "dind/str.h"
#include "network.h"

#define RELAY_OCTET 53

static bool is_loopback(const struct network_range *range)
{
	return range->address >> 24 == 127;
}

/* One that an inner container can be given as it is. */
static bool is_reached(const char *server)
{
	struct network_range range;

	return network_parse(server, &range) && !is_loopback(&range);
}

/* resolv.conf(5): a link-local one has its device behind a "%" */
static bool is_ipv6(const char *server)
{
	char address[INET6_ADDRSTRLEN];
	struct in6_addr parsed;
	size_t n = strcspn(server, "%");

	if (n >= sizeof(address))
		return false;
	memcpy(address, server, n);
	address[n] = '\0';
	return inet_pton(AF_INET6, address, &parsed) == 1;
}

static bool all_loopback(const struct strings *servers)
{
	for (size_t i = 0; i < servers->count; i++) {
		struct network_range range;
		bool is_ipv4 = network_parse(servers->items[i], &range);

		if (is_ipv4 ? !is_loopback(&range) : !str_equal(servers->items[i], "::1"))
			return false;
	}
	return true;
}

static bool any_reached(const struct strings *servers)
{
	for (size_t i = 0; i < servers->count; i++)
		if (is_reached(servers->items[i]))
			return true;
	return false;
}

/*
 * 169.254.x.y, which is routed nowhere. Both are of our own address, and so others at every level:
 * for the engine outside may ask its own relay from within our namespace, and must not end at ours.
 * y is none that clouds have given to name servers of theirs (169.254.20.10, .169.253, .170.2).
 */
static const char *relay_address(struct planner *p)
{
	static const unsigned int firsts[] = { 172, 10, 192, 100 }; /* where inner networks lie */
	const struct strings *outside = &p->facts->network.outside;
	struct network_range range;
	unsigned int x = 1, y = RELAY_OCTET;

	for (size_t i = 0; i < outside->count; i++) {
		unsigned int second;

		if (!network_parse(outside->items[i], &range))
			continue;
		second = range.address >> 16 & 0xff;
		if (second == 0 || second == 255) /* RFC 3927: neither end of the range */
			continue;
		x = second;
		while (y - RELAY_OCTET < ARRAY_SIZE(firsts) &&
		       firsts[y - RELAY_OCTET] != range.address >> 24)
			y++;
		break;
	}
	return arena_printf(p->arena, "169.254.%u.%u", x, y);
}

static void use(struct planner *p, const struct strings *servers, const char *why)
{
	planner_default_strings(p, "dns", servers, why);
}

static void ask_upstreams(struct planner *p)
{
	const struct strings *all = &p->facts->network.upstreams;
	struct strings servers = STRINGS_INIT;

	for (size_t i = 0; i < all->count; i++)
		if (is_reached(all->items[i]))
			strings_add(p->arena, &servers, all->items[i]);
	use(p, &servers, "systemd-resolved's own servers");
	planner_decide(p, CODE_NETWORK_DNS,
		       "name servers of inner containers: %s, those of systemd-resolved",
		       strings_join(p->arena, &servers, " "));
}

/*
 * Docker writes "ndots:0" for its own name server. An engine that reads that from its resolv.conf
 * takes it for somebody's wish to keep names without a dot from going outside, and then containers
 * of networks that users made do not find those of the network outside (seen with 26.1).
 * Options of ours take the place of those in the file; this one is the default.
 */
static void keep_short_names(struct planner *p)
{
	struct strings options = STRINGS_INIT;

	if (p->facts->network.ndots != 0)
		return;
	strings_add(p->arena, &options, "timeout:5");
	planner_default_strings(p, "dns-opts", &options,
				"in place of ndots:0, which keeps short names inside");
}

static void relay(struct planner *p)
{
	const struct strings *all = &p->facts->network.name_servers;
	struct strings servers = STRINGS_INIT, own = STRINGS_INIT;
	struct network_range range;

	for (size_t i = 0; i < all->count; i++)
		if (network_parse(all->items[i], &range) || is_ipv6(all->items[i]))
			strings_add(p->arena, &servers, all->items[i]);
	if (servers.count == 0)
		return; /* none, or nothing that is an address */
	p->relay = relay_address(p);
	p->relay_to = servers;
	strings_add(p->arena, &own, p->relay);
	keep_short_names(p);
	use(p, &own, "a relay of ours, because inner containers do not reach those of this one");
	planner_decide(p, CODE_NETWORK_DNS,
		       "name server of inner containers: %s, a relay to %s, which %s", p->relay,
		       strings_join(p->arena, &servers, " "),
		       all_loopback(&servers) ? "answers in this network namespace only"
					      : "networks without IPv6 do not reach");
}

void network_judge_dns(struct planner *p)
{
	const struct facts_network *network = &p->facts->network;

	if (planner_is_said(p, "dns") || network->name_servers.count == 0 ||
	    any_reached(&network->name_servers))
		return;
	if (any_reached(&network->upstreams))
		ask_upstreams(p);
	else
		relay(p);
}

void plan_relay_step(struct planner *p)
{
	struct plan_step *step;

	if (!p->relay)
		return;
	step = planner_step(p, STEP_DNS_RELAY, "dns-relay",
			    "inner containers reach no name server of this one");
	step->u.dns_relay.program = "/proc/self/exe";
	step->u.dns_relay.address = p->relay;
	step->u.dns_relay.servers = p->relay_to.items;
	planner_or_degrade(step, CODE_NETWORK_RELAY, "names in inner containers",
			   "--dns with a name server that they reach");
}
