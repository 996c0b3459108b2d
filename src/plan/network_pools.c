/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Ranges of addresses for inner networks. dockerd looks at routes, and at nothing else: it takes
 * the range of a pod whose address has 32 bits, of a service, or of the network two levels further
 * out. As long as nothing outside lies in its own ranges they are left to it.
 *
 * The choice depends on what is outside alone, so that it is the same at the next start; and it
 * begins behind our own network, so that every level has another one.
 */
#include <arpa/inet.h>
#include <string.h>

#include "dind/str.h"
#include "network.h"

#define BLOCK_BITS   16
#define POOLS	     3
#define BRIDGE_SIZE  16 /* docker0 gets the first block whole, as always */
#define NETWORK_SIZE 20 /* 16 networks of 4094 containers to each block */

#define BLOCK(a, b) ((uint32_t) (a) << 24 | (uint32_t) (b) << 16)

/* Docker's own, then what is seldom routed. */
static const uint32_t blocks[] = {
	BLOCK(172, 17),	 BLOCK(172, 18), BLOCK(172, 19), BLOCK(172, 20), BLOCK(172, 21),
	BLOCK(172, 22),	 BLOCK(172, 23), BLOCK(172, 24), BLOCK(172, 25), BLOCK(172, 26),
	BLOCK(172, 27),	 BLOCK(172, 28), BLOCK(172, 29), BLOCK(172, 30), BLOCK(172, 31),
	BLOCK(192, 168), BLOCK(10, 201), BLOCK(10, 202), BLOCK(10, 203), BLOCK(10, 204),
	BLOCK(10, 205),	 BLOCK(10, 206), BLOCK(10, 207), BLOCK(198, 18), BLOCK(198, 19),
};
#define DOCKER_BLOCKS 16 /* of these */

bool network_parse(const char *text, struct network_range *ret_range)
{
	const char *slash = strchr(text, '/');
	size_t n = slash ? (size_t) (slash - text) : strlen(text);
	struct in_addr address;
	char host[INET_ADDRSTRLEN];
	int bits = 32;

	if (n >= sizeof(host) || (slash && str_parse_int(slash + 1, 0, 32, &bits) < 0))
		return false;
	memcpy(host, text, n);
	host[n] = '\0';
	if (inet_pton(AF_INET, host, &address) != 1)
		return false;
	*ret_range = (struct network_range){ ntohl(address.s_addr), (unsigned int) bits };
	return true;
}

static bool overlaps(const struct network_range *range, uint32_t block)
{
	unsigned int bits = range->bits < BLOCK_BITS ? range->bits : BLOCK_BITS;
	uint32_t mask = bits ? UINT32_MAX << (32 - bits) : 0;

	return ((range->address ^ block) & mask) == 0;
}

/* ---- what is outside --------------------------------------------------------------------------
 */

struct outside {
	bool taken[ARRAY_SIZE(blocks)];
	size_t next; /* the block behind the last one that we are in */
	struct strings seen;
};

static void avoid(struct planner *p, struct outside *outside, const char *text, bool ours)
{
	struct network_range range;
	bool hit = false;

	if (!network_parse(text, &range))
		return;
	for (size_t i = 0; i < ARRAY_SIZE(blocks); i++) {
		if (!overlaps(&range, blocks[i]))
			continue;
		outside->taken[i] = true;
		/* in a range of ours the level above was pushed out of Docker's: they are taken
		 * further out */
		hit = hit || i < DOCKER_BLOCKS || (ours && range.bits >= BLOCK_BITS);
		if (ours && outside->next < i + 1)
			outside->next = i + 1;
	}
	if (hit && !strings_has(&outside->seen, text))
		strings_add(p->arena, &outside->seen, text);
}

/* The host of "tcp://10.1.2.3:2375", "http://user@10.1.2.3", or of a lone address. */
static const char *host_of(struct planner *p, const char *url)
{
	const char *start = strstr(url, "://"), *at;
	const char *host;

	start = start ? start + 3 : url;
	host = arena_strndup(p->arena, start, strcspn(start, "/"));
	at = strrchr(host, '@');
	if (at)
		host = at + 1;
	return arena_strndup(p->arena, host, strcspn(host, ":"));
}

/* Addresses that the environment names: services of Kubernetes, another engine, proxies. */
static void avoid_environment(struct planner *p, struct outside *outside)
{
	static const char *const urls[] = { "DOCKER_HOST=", "HTTP_PROXY=", "HTTPS_PROXY=",
					    "http_proxy=", "https_proxy=" };

	for (const char *const *e = p->options->environment; e && *e; e++) {
		const char *equals = strchr(*e, '=');

		if (!equals)
			continue;
		if (str_has_suffix(arena_strndup(p->arena, *e, (size_t) (equals - *e)),
				   "_SERVICE_HOST"))
			avoid(p, outside, equals + 1, false);
		for (size_t i = 0; i < ARRAY_SIZE(urls); i++)
			if (str_has_prefix(*e, urls[i]))
				avoid(p, outside, host_of(p, equals + 1), false);
	}
}

static void avoid_urls(struct planner *p, struct outside *outside, const char *const *urls)
{
	for (; urls && *urls; urls++)
		avoid(p, outside, host_of(p, *urls), false);
}

static struct outside look_outside(struct planner *p)
{
	const struct facts_network *network = &p->facts->network;
	struct outside outside = { .next = 0 };

	for (size_t i = 0; i < network->outside.count; i++)
		avoid(p, &outside, network->outside.items[i], true);
	for (size_t i = 0; i < network->name_servers.count; i++)
		avoid(p, &outside, network->name_servers.items[i], false);
	for (size_t i = 0; i < network->upstreams.count; i++)
		avoid(p, &outside, network->upstreams.items[i], false);
	avoid_environment(p, &outside);
	avoid_urls(p, &outside, p->options->registry_mirrors);
	avoid_urls(p, &outside, p->options->insecure_registries);
	return outside;
}

/* ---- choosing ---------------------------------------------------------------------------------
 */

void network_judge_pools(struct planner *p)
{
	struct outside outside;
	struct strings pools = STRINGS_INIT;

	/* a part of docker0's range that was named has to stay within it */
	if (planner_is_said(p, "default-address-pools") || planner_is_said(p, "fixed-cidr"))
		return;
	outside = look_outside(p);
	if (outside.seen.count == 0)
		return;
	for (size_t i = 0; i < ARRAY_SIZE(blocks) && pools.count < POOLS; i++) {
		size_t at = (outside.next + i) % ARRAY_SIZE(blocks);

		if (outside.taken[at])
			continue;
		strings_add(p->arena, &pools,
			    arena_printf(p->arena, "%u.%u.0.0/%d,%d", blocks[at] >> 24,
					 blocks[at] >> 16 & 0xff, BLOCK_BITS,
					 pools.count ? NETWORK_SIZE : BRIDGE_SIZE));
	}
	if (pools.count == 0) {
		planner_hint(p, CODE_NETWORK_POOLS, "--address-pool CIDR,SIZE",
			     "no range is left for inner networks: %s are outside",
			     strings_join(p->arena, &outside.seen, ", "));
		return;
	}
	planner_default_pools(p, &pools, "nothing outside has an address in there");
	planner_decide(p, CODE_NETWORK_POOLS, "inner networks: %s; outside are %s",
		       strings_join(p->arena, &pools, " "),
		       strings_join(p->arena, &outside.seen, ", "));
}
