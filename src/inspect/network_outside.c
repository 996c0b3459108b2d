/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What is outside of our network namespace and must stay reachable: the way out and its MTU, ranges
 * of addresses, name servers. Tables of the kernel are text below /proc/self, so that a directory
 * can stand in for a machine.
 */
#include <arpa/inet.h>
#include <net/if.h>
#include <stdio.h>
#include <string.h>

#include "dind/str.h"
#include "subjects.h"
#include "world.h"

#define ROUTE_UP	   0x1U	  /* RTF_UP, linux/route.h */
#define ROUTE_REJECT	   0x200U /* RTF_REJECT */
#define BRIDGE_PREFIX	   "br-"
#define BRIDGE_ID	   12 /* digits behind it */
#define MIN_MTU		   68 /* RFC 791 */
#define MAX_MTU		   65535
#define FAR_AWAY	   "192.0.2.1" /* RFC 5737: nobody is there, so that only the way out leads there */
#define RESOLV_CONF	   "/etc/resolv.conf"
#define RESOLVED_UPSTREAMS "/run/systemd/resolve/resolv.conf"

/* A bridge of dockerd's making: in a pod it outlives the engine, and is inside, not outside. */
static bool is_inside(const char *device)
{
	if (str_equal(device, "lo") || str_equal(device, "docker0") ||
	    str_equal(device, "docker_gwbridge"))
		return true;
	return str_has_prefix(device, BRIDGE_PREFIX) &&
	       strlen(device) == strlen(BRIDGE_PREFIX) + BRIDGE_ID &&
	       strspn(device + strlen(BRIDGE_PREFIX), "0123456789abcdef") == BRIDGE_ID;
}

/* What routes say, inside and outside; as the kernel's memory has the numbers. */
struct route {
	uint32_t address, mask;
};

struct routes {
	struct route *items;
	size_t count;
};

static const char *range(const struct inspection *in, uint32_t address, uint32_t mask)
{
	struct in_addr in_addr = { .s_addr = address };
	char text[INET_ADDRSTRLEN];

	if (!inet_ntop(AF_INET, &in_addr, text, sizeof(text)))
		return NULL;
	return arena_printf(in->arena, "%s/%d", text, __builtin_popcount(mask));
}

static void add_once(const struct inspection *in, struct strings *list, const char *text)
{
	if (text && !strings_has(list, text))
		strings_add(in->arena, list, text);
}

static void see_way_out(const struct inspection *in, const char *device)
{
	struct facts_network *network = &in->facts->network;
	int mtu;

	network->default_route = TRI_YES;
	mtu = in->world->link_mtu ? in->world->link_mtu(in->world, device) : -ENOSYS;
	if (mtu < MIN_MTU || mtu > MAX_MTU || (network->mtu && network->mtu <= mtu))
		return;
	network->mtu = mtu;
	network->mtu_device = arena_strdup(in->arena, device);
}

/*
 * A route can say less than its device (`ip route … mtu N`, as some network plugins do), and the
 * way out can be another than the default route: a VPN often covers it with two halves.
 */
static void see_route_out(const struct inspection *in)
{
	struct facts_network *network = &in->facts->network;
	int mtu = in->world->route_mtu ? in->world->route_mtu(in->world, FAR_AWAY) : -ENOSYS;

	if (mtu < MIN_MTU || mtu > MAX_MTU || mtu >= network->mtu)
		return;
	network->mtu = mtu;
	network->mtu_route = FAR_AWAY;
}

/* proc_net(5): Iface Destination Gateway Flags RefCnt Use Metric Mask …, numbers in hex */
static void see_ipv4_route(const struct inspection *in, const char *line, struct routes *routes)
{
	unsigned int destination, flags, mask;
	char device[IFNAMSIZ];
	struct route *route;

	/* NOLINTNEXTLINE(cert-err34-c): fixed-width hex of the kernel */
	if (sscanf(line, "%15s %8x %*8x %4x %*d %*d %*d %8x", device, &destination, &flags,
		   &mask) != 4 ||
	    !(flags & ROUTE_UP))
		return;
	if (mask == 0 && destination == 0) {
		if (!(flags & ROUTE_REJECT) && !is_inside(device))
			see_way_out(in, device);
		return;
	}
	route = arena_push(in->arena, (void **) &routes->items, &routes->count, sizeof(*route));
	*route = (struct route){ destination, mask };
	if (!is_inside(device))
		add_once(in, &in->facts->network.outside, range(in, destination, mask));
}

/* net/ipv6/route.c: destination, its prefix length, source, its length, next hop, metric, reference
 * count, use count, flags, device */
static void see_ipv6_route(const struct inspection *in, const char *line)
{
	unsigned int prefix, flags;
	char destination[33], device[IFNAMSIZ];

	/* NOLINTNEXTLINE(cert-err34-c): fixed-width hex of the kernel */
	if (sscanf(line, "%32s %2x %*32s %*2x %*32s %*8x %*8x %*8x %8x %15s", destination, &prefix,
		   &flags, device) != 4)
		return;
	if (prefix == 0 && strspn(destination, "0") == 32 && (flags & ROUTE_UP) &&
	    !(flags & ROUTE_REJECT) && !is_inside(device))
		see_way_out(in, device);
}

static bool is_routed(const struct routes *routes, const char *address)
{
	struct in_addr in_addr;

	if (inet_pton(AF_INET, address, &in_addr) != 1)
		return true; /* none that could be added */
	for (size_t i = 0; i < routes->count; i++)
		if ((in_addr.s_addr & routes->items[i].mask) == routes->items[i].address)
			return true;
	return false;
}

/*
 * Addresses of ours that no route covers: a pod often has one of 32 bits and a default route, and
 * nothing shows its range. net/ipv4/fib_trie.c has "|-- 10.1.2.3" and below it "/32 host LOCAL".
 */
static void see_addresses(const struct inspection *in, const char *text,
			  const struct routes *routes)
{
	const char *address = NULL;

	for (const char *line = text; line; line = world_next_line(line)) {
		size_t blank = strspn(line, " |+-");
		const char *word = line + blank;

		if (blank > 4 && strncmp(word - 4, "|-- ", 4) == 0)
			address = arena_strndup(in->arena, word, strcspn(word, " \n"));
		else if (address && str_has_prefix(word, "/32 host LOCAL") &&
			 !str_has_prefix(address, "127.") && !is_routed(routes, address))
			add_once(in, &in->facts->network.outside,
				 arena_printf(in->arena, "%s/32", address));
	}
}

void inspect_network_routes(const struct inspection *in)
{
	struct facts_network *network = &in->facts->network;
	struct routes routes = { NULL, 0 };
	char *text;

	if (world_read(in->world, "/proc/self/net/route", WORLD_LARGE_FILE, in->arena, &text) ==
	    0) {
		network->default_route = TRI_NO;
		for (const char *line = text; line; line = world_next_line(line))
			see_ipv4_route(in, line, &routes);
	}
	if (world_read(in->world, "/proc/self/net/ipv6_route", WORLD_LARGE_FILE, in->arena,
		       &text) == 0)
		for (const char *line = text; line; line = world_next_line(line))
			see_ipv6_route(in, line);
	see_route_out(in);
	if (world_read(in->world, "/proc/self/net/fib_trie", WORLD_LARGE_FILE, in->arena, &text) ==
	    0)
		see_addresses(in, text, &routes);
}

/* The next word of the line behind @word, or NULL. */
static const char *argument(const struct inspection *in, const char *line, const char *word)
{
	size_t n = strlen(word), blank;

	if (strncmp(line, word, n) != 0)
		return NULL;
	blank = strspn(line + n, " \t");
	line += n + blank;
	n = strcspn(line, " \t\r\n#;");
	return blank && n ? arena_strndup(in->arena, line, n) : NULL;
}

/* resolv.conf(5): "nameserver ADDRESS", "options … ndots:5 …" */
static void read_servers(const struct inspection *in, const char *path, struct strings *list,
			 int64_t *ret_ndots)
{
	static const char ndots[] = "ndots:";
	int value;
	char *text;

	if (world_read(in->world, path, WORLD_SMALL_FILE, in->arena, &text) < 0)
		return;
	for (const char *line = text; line; line = world_next_line(line)) {
		const char *option;

		add_once(in, list, argument(in, line, "nameserver"));
		if (!ret_ndots || !argument(in, line, "options"))
			continue;
		option = strstr(arena_strndup(in->arena, line, strcspn(line, "\n")), ndots);
		if (!option)
			continue;
		option += strlen(ndots);
		option = arena_strndup(in->arena, option, strspn(option, "0123456789"));
		if (str_parse_int(option, 0, INT16_MAX, &value) == 0)
			*ret_ndots = value;
	}
}

void inspect_network_name_servers(const struct inspection *in)
{
	struct facts_network *network = &in->facts->network;

	network->ndots = -1;
	read_servers(in, RESOLV_CONF, &network->name_servers, &network->ndots);
	read_servers(in, RESOLVED_UPSTREAMS, &network->upstreams, NULL);
}
