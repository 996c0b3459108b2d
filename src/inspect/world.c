/* SPDX-License-Identifier: Apache-2.0 */
#include "world.h"

#include <arpa/inet.h>
#include <dirent.h>
#include <fcntl.h>
#include <inttypes.h>
#include <linux/openat2.h>
#include <net/if.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>

#include "dind/file.h"
#include "dind/str.h"

#ifndef SYS_openat2
#define SYS_openat2 437
#endif

#define ANY_PORT 9 /* nothing is sent there */

static int live_statfs(const struct inspect_world *world, const char *path, struct statfs *ret)
{
	struct statfs answer;

	(void) world;
	if (statfs(path, &answer) < 0)
		return -errno;
	*ret = answer;
	return 0;
}

static int live_probe_open(const struct inspect_world *world, const char *path, int flags)
{
	auto_close int fd = open(path, flags | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);

	(void) world;
	return fd < 0 ? -errno : 0;
}

/* Through a socket: /sys/class/net can show another namespace. */
static int live_link_mtu(const struct inspect_world *world, const char *device)
{
	auto_close int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	struct ifreq request = { .ifr_mtu = 0 };
	size_t n = strlen(device);

	(void) world;
	if (fd < 0)
		return -errno;
	if (n >= sizeof(request.ifr_name))
		return -ENODEV;
	memcpy(request.ifr_name, device, n + 1);
	return ioctl(fd, SIOCGIFMTU, &request) < 0 ? -errno : request.ifr_mtu;
}

/* A socket that is connected for datagrams has been routed, and nothing has been sent. */
static int live_route_mtu(const struct inspect_world *world, const char *address)
{
	auto_close int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	struct sockaddr_in at = { .sin_family = AF_INET, .sin_port = htons(ANY_PORT) };
	socklen_t size = sizeof(int);
	int mtu = 0;

	(void) world;
	if (inet_pton(AF_INET, address, &at.sin_addr) != 1)
		return -EINVAL;
	if (fd < 0 || connect(fd, (const struct sockaddr *) &at, sizeof(at)) < 0 ||
	    getsockopt(fd, IPPROTO_IP, IP_MTU, &mtu, &size) < 0)
		return -errno;
	return mtu;
}

void inspect_world_live(struct inspect_world *ret_world)
{
	*ret_world = (struct inspect_world){
		.root_fd = AT_FDCWD,
		.statfs = live_statfs,
		.probe_open = live_probe_open,
		.link_mtu = live_link_mtu,
		.route_mtu = live_route_mtu,
	};
}

bool world_is_live(const struct inspect_world *world)
{
	return world->root_fd == AT_FDCWD || world->root_fd == -1;
}

int world_open(const struct inspect_world *world, const char *path, int flags)
{
	/* O_PATH refuses most other flags on openat2(2). */
	int all = flags | O_CLOEXEC | (flags & O_PATH ? 0 : O_NOCTTY | O_NONBLOCK);
	int fd;

	if (world_is_live(world)) {
		/* Plain: the magic links of /proc/self must work. */
		fd = open(path, all | O_CLOEXEC);
	} else {
		struct open_how how = { .flags = (uint64_t) all, .resolve = RESOLVE_IN_ROOT };

		fd = (int) syscall(SYS_openat2, world->root_fd, path, &how, sizeof(how));
	}
	return fd < 0 ? -errno : fd;
}

int world_open_stream(const struct inspect_world *world, const char *path, FILE **ret_stream)
{
	auto_close int fd = world_open(world, path, O_RDONLY);
	FILE *stream;

	if (fd < 0)
		return fd;
	stream = fdopen(fd, "re");
	if (!stream)
		return -errno;
	(void) fd_take(&fd);
	*ret_stream = stream;
	return 0;
}

/* The way to the file helpers of the base library, which want a path: the open file's own. */
static int slurp_fd(int fd, size_t max, struct arena *arena, char **ret_text)
{
	char path[32];

	(void) snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	return file_slurp_at(AT_FDCWD, path, max, arena, ret_text);
}

int world_read(const struct inspect_world *world, const char *path, size_t max, struct arena *arena,
	       char **ret_text)
{
	if (world_is_live(world))
		return file_slurp_at(AT_FDCWD, path, max, arena, ret_text);

	auto_close int fd = world_open(world, path, O_RDONLY);

	return fd < 0 ? fd : slurp_fd(fd, max, arena, ret_text);
}

char *world_read_line(const struct inspect_world *world, const char *path, struct arena *arena)
{
	char *text;
	size_t n;

	if (world_read(world, path, WORLD_SMALL_FILE, arena, &text) < 0)
		return NULL;
	n = strcspn(text, "\n");
	while (n > 0 && (text[n - 1] == ' ' || text[n - 1] == '\t'))
		n--;
	text[n] = '\0';
	return text;
}

const char *world_next_line(const char *line)
{
	const char *end = strchr(line, '\n');

	return end ? end + 1 : NULL;
}

int world_read_int64(const struct inspect_world *world, const char *path, int64_t *ret_value)
{
	struct arena arena = ARENA_INIT;
	const char *line = world_read_line(world, path, &arena);
	int r = line ? 0 : -ENOENT;
	uint64_t magnitude = 0;

	if (line)
		r = str_parse_u64(*line == '-' ? line + 1 : line, &magnitude);
	if (r == 0 && magnitude > INT64_MAX)
		r = -ERANGE;
	if (r == 0)
		*ret_value = *line == '-' ? -(int64_t) magnitude : (int64_t) magnitude;
	arena_free(&arena);
	return r;
}

int world_stat(const struct inspect_world *world, const char *path, struct stat *ret)
{
	struct stat st;

	if (world_is_live(world)) {
		if (fstatat(AT_FDCWD, path, &st, AT_NO_AUTOMOUNT) < 0)
			return -errno;
	} else {
		auto_close int fd = world_open(world, path, O_PATH);

		if (fd < 0)
			return fd;
		if (fstat(fd, &st) < 0)
			return -errno;
	}
	*ret = st;
	return 0;
}

enum tri world_exists(const struct inspect_world *world, const char *path, mode_t type)
{
	struct stat st = { 0 };
	int r = world_stat(world, path, &st);

	if (r == -ENOENT || r == -ENOTDIR)
		return TRI_NO;
	if (r < 0)
		return TRI_UNKNOWN;
	return tri_from_bool(type == 0 || (st.st_mode & S_IFMT) == type);
}

bool world_has_entries(const struct inspect_world *world, const char *path)
{
	auto_close int fd = world_open(world, path, O_RDONLY | O_DIRECTORY);
	const struct dirent *entry;
	bool found = false;
	DIR *dir;

	if (fd < 0)
		return false;
	dir = fdopendir(fd);
	if (!dir)
		return false;
	(void) fd_take(&fd);
	while (!found && (entry = readdir(dir)))
		found = strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0;
	(void) closedir(dir);
	return found;
}

enum tri world_in_initial_namespace(const struct inspect_world *world, const char *name,
				    unsigned long initial)
{
	struct arena arena = ARENA_INIT;
	char path[64], expected[64], link[64];
	enum tri answer = TRI_UNKNOWN;
	const char *text = NULL;

	(void) snprintf(path, sizeof(path), "/proc/self/ns/%s", name);
	(void) snprintf(expected, sizeof(expected), "%s:[%lu]", name, initial);
	if (!world_is_live(world))
		text = world_read_line(world, path, &arena); /* a file that holds the link's text */
	else if (file_readlink_at(AT_FDCWD, path, link, sizeof(link)) > 0)
		text = link;
	/* Only the kernel's own form means something: emulated kernels number theirs as they like.
	 */
	if (text && str_has_prefix(text, name) && text[strlen(name)] == ':')
		answer = tri_from_bool(str_equal(text, expected));
	arena_free(&arena);
	return answer;
}

static bool is_executable(const struct inspect_world *world, const char *path)
{
	struct stat st = { 0 };

	if (world_stat(world, path, &st) < 0 || !S_ISREG(st.st_mode))
		return false;
	return world_is_live(world) ? access(path, X_OK) == 0 : (st.st_mode & 0111) != 0;
}

char *world_find_program(const struct inspect_world *world, const char *directories,
			 const char *name, struct arena *arena)
{
	for (const char *p = directories; *p;) {
		size_t n = strcspn(p, ":");
		char path[PATH_MAX];
		int len = snprintf(path, sizeof(path), "%.*s/%s", (int) n, p, name);

		/* Relative entries (and empty ones, the current directory) are left out, as Go's
		 * exec.LookPath does for dockerd. */
		if (*p == '/' && len > 0 && (size_t) len < sizeof(path) &&
		    is_executable(world, path))
			return arena_strdup(arena, path);
		p += n;
		p += *p == ':';
	}
	return NULL;
}

const char *world_search_path(const struct options *options)
{
	const char *path = options_environment(options, "PATH");

	return path && *path ? path : WORLD_DEFAULT_PATH;
}
