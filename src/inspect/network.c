/* SPDX-License-Identifier: Apache-2.0 */
/* The network namespace that we share with whoever is outside. Tables are read below /proc/self,
 * because /proc/net and /sys/class/net can be those of another namespace. */
#include <stdio.h>
#include <string.h>

#include "dind/str.h"
#include "subjects.h"
#include "world.h"

#define ROUTE_UP     0x1U   /* RTF_UP, linux/route.h */
#define ROUTE_REJECT 0x200U /* RTF_REJECT */

/* proc_net(5): Iface Destination Gateway Flags RefCnt Use Metric Mask …, numbers in hex */
static bool is_default_ipv4(const char *line)
{
	unsigned int destination, flags, mask;

	/* NOLINTNEXTLINE(cert-err34-c): fixed-width hex of the kernel */
	if (sscanf(line, "%*s %8x %*8x %4x %*d %*d %*d %8x", &destination, &flags, &mask) != 3)
		return false;
	return destination == 0 && mask == 0 && (flags & ROUTE_UP) && !(flags & ROUTE_REJECT);
}

/* net/ipv6/route.c: destination, its prefix length, source, its length, next hop, metric, reference
 * count, use count, flags, device */
static bool is_default_ipv6(const char *line)
{
	unsigned int prefix, flags;
	char destination[33], device[32];

	/* NOLINTNEXTLINE(cert-err34-c): fixed-width hex of the kernel */
	if (sscanf(line, "%32s %2x %*32s %*2x %*32s %*8x %*8x %*8x %8x %31s", destination, &prefix,
		   &flags, device) != 4)
		return false;
	return prefix == 0 && strspn(destination, "0") == 32 && (flags & ROUTE_UP) &&
	       !(flags & ROUTE_REJECT) && strcmp(device, "lo") != 0;
}

static enum tri has_line(const struct inspection *in, const char *path,
			 bool (*is_wanted)(const char *line))
{
	const char *line;
	char *text;

	if (world_read(in->world, path, WORLD_LARGE_FILE, in->arena, &text) < 0)
		return TRI_UNKNOWN;
	for (line = text; line; line = world_next_line(line))
		if (is_wanted(line))
			return TRI_YES;
	return TRI_NO;
}

static bool is_docker0(const char *line)
{
	return str_has_prefix(line + strspn(line, " "), "docker0:");
}

/*
 * Whose is a docker0? Ours when our engine runs (then we are asked from a `docker exec`). Another
 * engine's when something is plugged into it, for our own containers cannot be older than our
 * engine. Else it may be what our predecessor left in a pod's namespace: unknown.
 */
static enum tri foreign_bridge(const struct inspection *in)
{
	enum tri present = has_line(in, "/proc/self/net/dev", is_docker0);

	if (present != TRI_YES)
		return present;
	if (world_exists(in->world, DIND_STATE_FILE, S_IFREG) == TRI_YES)
		return TRI_NO;
	return world_has_entries(in->world, "/sys/class/net/docker0/brif") ? TRI_YES : TRI_UNKNOWN;
}

void inspect_network(const struct inspection *in)
{
	struct facts_network *network = &in->facts->network;

	network->iptables = world_find_program(in->world, world_search_path(in->options),
					       "iptables", in->arena);
	network->default_route = has_line(in, "/proc/self/net/route", is_default_ipv4);
	if (network->default_route != TRI_YES &&
	    has_line(in, "/proc/self/net/ipv6_route", is_default_ipv6) == TRI_YES)
		network->default_route = TRI_YES;
	network->foreign_bridge = foreign_bridge(in);
}
