/* SPDX-License-Identifier: Apache-2.0 */
/* The network namespace that we share with whoever is outside. Tables are read below /proc/self,
 * because /proc/net and /sys/class/net can be those of another namespace. */
#include <stdio.h>
#include <string.h>

#include "dind/str.h"
#include "subjects.h"
#include "world.h"

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

static const char *find_program(const struct inspection *in, const char *name)
{
	return world_find_program(in->world, world_search_path(in->options), name, in->arena);
}

static bool same_file(const struct inspection *in, const char *a, const char *b)
{
	struct stat of_a, of_b;

	return a && b && world_stat(in->world, a, &of_a) == 0 &&
	       world_stat(in->world, b, &of_b) == 0 && of_a.st_dev == of_b.st_dev &&
	       of_a.st_ino == of_b.st_ino;
}

/* Is a table of the legacy back end in use in this network namespace? */
static enum tri legacy_tables(const struct inspection *in)
{
	static const char *const lists[] = {
		"/proc/self/net/ip_tables_names",
		"/proc/self/net/ip6_tables_names",
		"/proc/self/net/arp_tables_names",
	};

	for (size_t i = 0; i < ARRAY_SIZE(lists); i++) {
		const char *line = world_read_line(in->world, lists[i], in->arena);

		if (line && *line)
			return TRI_YES;
	}
	return TRI_NO;
}

static void inspect_iptables(const struct inspection *in)
{
	struct facts_network *network = &in->facts->network;

	network->iptables = find_program(in, "iptables");
	network->ip6tables = find_program(in, "ip6tables");
	network->iptables_nft = find_program(in, "iptables-nft");
	network->iptables_legacy = find_program(in, "iptables-legacy");
	if (!network->iptables_legacy) /* docker:dind's place */
		network->iptables_legacy = world_find_program(
			in->world, "/usr/local/sbin/.iptables-legacy", "iptables", in->arena);
	if (same_file(in, network->iptables, network->iptables_nft))
		network->iptables_backend = "nft";
	else if (same_file(in, network->iptables, network->iptables_legacy))
		network->iptables_backend = "legacy";
	network->legacy_tables = legacy_tables(in);
	network->ipv6 = world_exists(in->world, "/proc/sys/net/ipv6", S_IFDIR);
}

void inspect_network(const struct inspection *in)
{
	struct facts_network *network = &in->facts->network;
	bool own_engine = false;

	inspect_iptables(in);
	inspect_network_routes(in);
	inspect_network_name_servers(in);
	network->docker0 = has_line(in, "/proc/self/net/dev", is_docker0);
	network->foreign_engine = find_engines(in, &own_engine);
	network->foreign_bridge = foreign_bridge(in, own_engine);
}
