/* SPDX-License-Identifier: Apache-2.0 */
/* Engines of others: a socket that was mounted in, DOCKER_HOST. */
#include <arpa/inet.h>
#include <poll.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>
#include <sys/un.h>

#include "dind/file.h"
#include "dind/str.h"
#include "subjects.h"
#include "world.h"

/* An engine answers its ping from memory, however busy it is. */
#define PING_TIMEOUT_MS 2000
#define ANSWER_MAX	2048

/* ---- DOCKER_HOST ---- */

/* Of "tcp://host:port/", "ssh://user@host:port" or "tcp://[::1]:2376": the host. NULL: none. */
static const char *host_of(const struct inspection *in, const char *url)
{
	const char *host = strstr(url, "://"), *at;
	size_t n;

	if (!host)
		return NULL;
	host += strlen("://");
	n = strcspn(host, "/");
	at = memchr(host, '@', n);
	if (at)
		host = at + 1;
	if (*host == '[')
		return arena_strndup(in->arena, host + 1, strcspn(host + 1, "]"));
	return arena_strndup(in->arena, host, strcspn(host, ":/"));
}

/* Only an address of ours can be bound to. -EINVAL: @host is no number. */
static int bind_to(const char *host)
{
	struct sockaddr_in6 six = { .sin6_family = AF_INET6 };
	struct sockaddr_in four = { .sin_family = AF_INET };
	const struct sockaddr *address;
	socklen_t size;

	auto_close int fd = -EBADF;

	if (inet_pton(AF_INET, host, &four.sin_addr) == 1) {
		address = (const struct sockaddr *) &four;
		size = sizeof(four);
	} else if (inet_pton(AF_INET6, host, &six.sin6_addr) == 1) {
		address = (const struct sockaddr *) &six;
		size = sizeof(six);
	} else {
		return -EINVAL;
	}
	fd = socket(address->sa_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return -errno;
	return bind(fd, address, size) < 0 ? -errno : 0;
}

/* Names are left to a trial: to look one up can take long, and needs a library. */
static enum tri is_ours(const struct inspection *in, const char *host)
{
	if (str_equal(host, "localhost") || str_has_suffix(host, ".localhost"))
		return TRI_YES;
	if (!world_is_live(in->world))
		return TRI_UNKNOWN;
	switch (bind_to(host)) {
	case 0:
		return TRI_YES;
	case -EADDRNOTAVAIL:
		return TRI_NO;
	default:
		return TRI_UNKNOWN;
	}
}

static void inspect_docker_host(const struct inspection *in)
{
	const char *version = options_environment(in->options, "DOCKER_API_VERSION");
	const char *url = options_environment(in->options, "DOCKER_HOST");
	struct facts_reach *reach = &in->facts->reach;
	const char *host;

	if (version && *version)
		reach->api_version = version;
	if (!url || !*url)
		return;
	reach->docker_host = url;
	if (!str_has_prefix(url, "tcp://") && !str_has_prefix(url, "ssh://"))
		return;
	host = host_of(in, url);
	if (host && *host)
		reach->docker_host_ours = is_ours(in, host);
}

/* ---- the socket ---- */

static const char *type_name(mode_t mode)
{
	if (S_ISSOCK(mode))
		return "socket";
	if (S_ISDIR(mode))
		return "directory";
	return S_ISREG(mode) ? "file" : "special file";
}

/* Send and receive with one deadline. Length of the answer's beginning or negative errno. */
static ssize_t ask(int fd, char *answer, size_t size)
{
	static const char request[] = "GET /_ping HTTP/1.0\r\nHost: docker\r\n\r\n";
	int64_t end = clock_now_ms() + PING_TIMEOUT_MS;
	size_t used = 0;

	if (send(fd, request, sizeof(request) - 1, MSG_NOSIGNAL) < 0)
		return -errno;
	while (used < size - 1) {
		struct pollfd ready = { .fd = fd, .events = POLLIN };
		int64_t left = end - clock_now_ms();
		ssize_t n;

		if (left <= 0 || poll(&ready, 1, (int) left) == 0)
			return -ETIMEDOUT;
		n = recv(fd, answer + used, size - 1 - used, 0);
		if (n == 0)
			break;
		if (n < 0 && errno != EINTR && errno != EAGAIN)
			return used ? (ssize_t) used : -errno;
		used += n > 0 ? (size_t) n : 0;
		answer[used] = '\0';
		if (strstr(answer, "\r\n\r\n"))
			break;
	}
	answer[used] = '\0';
	return (ssize_t) used;
}

/* The value of a header, NULL without it. */
static const char *header(const struct inspection *in, const char *answer, const char *name)
{
	const char *line = strstr(answer, "\r\n");

	for (; line; line = strstr(line, "\r\n")) {
		line += 2;
		if (strncasecmp(line, name, strlen(name)) == 0 && line[strlen(name)] == ':') {
			line += strlen(name) + 1;
			line += strspn(line, " ");
			return arena_strndup(in->arena, line, strcspn(line, "\r\n"));
		}
	}
	return NULL;
}

/* Whoever names the version of its API speaks it: Docker, Podman, proxies before them. */
static void judge_answer(const struct inspection *in, const char *answer)
{
	const char *version = header(in, answer, "Api-Version");
	const char *server = header(in, answer, "Server");
	struct facts_reach *reach = &in->facts->reach;

	reach->socket_api.value = tri_from_bool(str_has_prefix(answer, "HTTP/1.") && version);
	if (reach->socket_api.value == TRI_YES)
		reach->engine = arena_printf(in->arena, "%s, API %s",
					     server ? server : "an engine without a name", version);
	else
		reach->socket_api.evidence = "GET /_ping";
}

static void ping(const struct inspection *in, int fd)
{
	struct facts_reach *reach = &in->facts->reach;
	char answer[ANSWER_MAX], *end;
	ssize_t n = ask(fd, answer, sizeof(answer));

	if (n >= 0) {
		end = strstr(answer, "\r\n\r\n");
		if (end)
			end[2] = '\0'; /* what follows are no headers */
		judge_answer(in, answer);
		return;
	}
	reach->socket_api = (struct fact){ TRI_UNKNOWN, (int) -n, "GET /_ping" };
}

static void connect_to(const struct inspection *in, const char *path)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	struct facts_reach *reach = &in->facts->reach;

	auto_close int fd = -EBADF;

	if (strlen(path) >= sizeof(address.sun_path))
		return;
	memcpy(address.sun_path, path, strlen(path) + 1);
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0)
		return;
	if (connect(fd, (const struct sockaddr *) &address, sizeof(address)) == 0) {
		reach->socket_answers.value = TRI_YES;
		ping(in, fd);
		return;
	}
	/* a full queue has somebody behind it */
	reach->socket_answers =
		(struct fact){ errno == EAGAIN ? TRI_YES : TRI_NO, errno, "connect" };
}

static void inspect_socket(const struct inspection *in)
{
	struct facts_reach *reach = &in->facts->reach;
	struct world_walk walk;
	struct stat st;
	int r;

	world_walk(in->world, reach->socket, mounts_may_touch, in->facts, &walk);
	reach->socket_mounted = tri_from_bool(facts_mount_at(in->facts, walk.path) != NULL);
	if (walk.stopped)
		return;
	r = world_stat(in->world, reach->socket, &st);
	if (r < 0) {
		reach->socket_answers =
			(struct fact){ r == -ENOENT || r == -ENOTDIR ? TRI_NO : TRI_UNKNOWN, -r,
				       "stat" };
		return;
	}
	reach->socket_type = type_name(st.st_mode);
	reach->socket_uid = st.st_uid;
	reach->socket_gid = st.st_gid;
	reach->socket_mode = st.st_mode & 07777;
	if (S_ISSOCK(st.st_mode) && world_is_live(in->world))
		connect_to(in, reach->socket);
}

/* ---- groups ---- */

struct group_search {
	const struct inspection *in;
	const char *meant;     /* the group of the engine's socket, as it was named */
	struct strings docker; /* members of `docker`, who are meant where that is a number */
};

static bool is_meant(const struct group_search *search, const struct group *entry)
{
	const struct facts_identity *identity = &search->in->facts->identity;

	return str_equal(entry->gr_name, search->meant) ||
	       (identity->group_found == TRI_YES && identity->group_gid > 0 &&
		identity->group_gid == entry->gr_gid);
}

static void add_members(const struct inspection *in, const struct group *entry,
			struct strings *list)
{
	for (char **member = entry->gr_mem; member && *member; member++)
		if (!strings_has(list, *member))
			strings_add(in->arena, list, arena_strdup(in->arena, *member));
}

static bool look_at_group(const struct group *entry, void *context)
{
	struct group_search *search = context;
	struct facts_reach *reach = &search->in->facts->reach;

	if (!reach->socket_group && reach->socket_gid == entry->gr_gid)
		reach->socket_group = arena_strdup(search->in->arena, entry->gr_name);
	if (is_meant(search, entry))
		add_members(search->in, entry, &reach->users);
	else if (str_equal(entry->gr_name, "docker"))
		add_members(search->in, entry, &search->docker);
	return true;
}

static void inspect_users(const struct inspection *in)
{
	struct group_search search = { .in = in, .docker = STRINGS_INIT };
	struct facts_reach *reach = &in->facts->reach;
	uint64_t number;

	search.meant = in->options->socket_group;
	if (!search.meant)
		search.meant = in->facts->engine.config_group;
	if (!search.meant)
		search.meant = "docker";
	inspect_each_group(in, look_at_group, &search);
	/* of a group that the image has, the image says who is in it */
	if (reach->users.count == 0 && str_parse_u64(search.meant, &number) == 0)
		reach->users = search.docker;
}

void inspect_reach(const struct inspection *in)
{
	struct facts_reach *reach = &in->facts->reach;

	reach->socket_uid = reach->socket_gid = reach->socket_mode = -1;
	inspect_docker_host(in);
	reach->socket = DIND_DEFAULT_SOCKET;
	if (reach->docker_host && str_has_prefix(reach->docker_host, "unix:///"))
		reach->socket = reach->docker_host + strlen("unix://");
	inspect_socket(in);
	inspect_users(in);
}
