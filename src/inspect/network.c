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

#define ENGINE_ID   12 /* digits of the name of the socket */
#define ENGINE_DIR  "/libnetwork/"
#define SOCKET_OPEN "00010000" /* __SO_ACCEPTCON: it listens */

/*
 * The path of a socket that every dockerd listens on (EXEC-ROOT/libnetwork/ID.sock), or NULL. Its
 * name is new at each start, and it leaves this table with the process.
 */
static const char *engine_socket(const struct inspection *in, const char *line)
{
	char flags[9];
	int start = 0;
	const char *path, *end, *id;

	/* net/unix/af_unix.c: Num RefCount Protocol Flags Type St Inode Path */
	if (sscanf(line, "%*s %*8s %*8s %8s %*4s %*2s %*s %n", flags, &start) != 1 || start == 0 ||
	    !str_equal(flags, SOCKET_OPEN))
		return NULL;
	path = arena_strndup(in->arena, line + start, strcspn(line + start, "\n"));
	end = path + strlen(path);
	id = strstr(path, ENGINE_DIR);
	if (*path != '/' || !id || !str_has_suffix(path, ".sock"))
		return NULL;
	id += strlen(ENGINE_DIR);
	return end - id == ENGINE_ID + 5 && strspn(id, "0123456789abcdef") == ENGINE_ID ? path
											: NULL;
}

/*
 * Sockets belong to a network namespace, and their table shows those that processes of other
 * containers bound. One that is not a file here is of an engine elsewhere. *ret_own: ours runs.
 */
static struct fact find_engines(const struct inspection *in, bool *ret_own)
{
	struct fact none = { TRI_NO, 0, NULL }, found = none;
	const char *line, *path;
	char *text;
	int r = world_read(in->world, "/proc/self/net/unix", WORLD_LARGE_FILE, in->arena, &text);

	if (r < 0)
		return (struct fact){ TRI_UNKNOWN, -r, NULL };
	for (line = text; line; line = world_next_line(line)) {
		path = engine_socket(in, line);
		if (!path)
			continue;
		if (world_exists(in->world, path, 0) == TRI_YES)
			*ret_own = true;
		else
			found = (struct fact){ TRI_YES, 0, path };
	}
	return found;
}

/*
 * Whose is a docker0? Ours when our engine runs (then we are asked from a `docker exec`). Another
 * engine's when something is plugged into it, for our own containers cannot be older than our
 * engine: with live-restore also while that engine is down. Else it may be what our predecessor
 * left in a pod's namespace: unknown.
 */
static enum tri foreign_bridge(const struct inspection *in, bool own_engine)
{
	const struct facts_network *network = &in->facts->network;

	if (network->docker0 != TRI_YES)
		return network->docker0;
	/* the state file alone may be one of a start that was killed */
	if (world_exists(in->world, DIND_STATE_FILE, S_IFREG) == TRI_YES &&
	    (own_engine || network->foreign_engine.value == TRI_UNKNOWN))
		return TRI_NO;
	return world_has_entries(in->world, "/sys/class/net/docker0/brif") ? TRI_YES : TRI_UNKNOWN;
}

void inspect_network(const struct inspection *in)
{
	struct facts_network *network = &in->facts->network;
	bool own_engine = false;

	network->iptables = world_find_program(in->world, world_search_path(in->options),
					       "iptables", in->arena);
	network->default_route = has_line(in, "/proc/self/net/route", is_default_ipv4);
	if (network->default_route != TRI_YES &&
	    has_line(in, "/proc/self/net/ipv6_route", is_default_ipv6) == TRI_YES)
		network->default_route = TRI_YES;
	network->docker0 = has_line(in, "/proc/self/net/dev", is_docker0);
	network->foreign_engine = find_engines(in, &own_engine);
	network->foreign_bridge = foreign_bridge(in, own_engine);
}
