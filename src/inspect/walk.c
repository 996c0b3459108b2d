/* SPDX-License-Identifier: Apache-2.0 */
/* Path resolution by hand: realpath(3) would touch what must not be touched. */
#include <fcntl.h>
#include <string.h>

#include "world.h"

#define MAX_LINKS 40 /* the kernel's own limit, path_resolution(7) */

struct walker {
	const struct inspect_world *world;
	char done[PATH_MAX]; /* canonical, without a trailing slash; "" is the root */
	char rest[PATH_MAX]; /* what is still to be looked at */
	int links;
};

static int append(char *path, const char *name, size_t n)
{
	size_t used = strlen(path);

	if (used + n + 2 > PATH_MAX)
		return -ENAMETOOLONG;
	path[used] = '/';
	memcpy(path + used + 1, name, n);
	path[used + 1 + n] = '\0';
	return 0;
}

static void drop_last(char *path)
{
	char *slash = strrchr(path, '/');

	if (slash)
		*slash = '\0';
}

/* Take the next component off walker->rest. Its length, 0 at the end. */
static size_t take_component(struct walker *walker, char *name)
{
	size_t skip = strspn(walker->rest, "/");
	size_t n = strcspn(walker->rest + skip, "/");

	memcpy(name, walker->rest + skip, n);
	name[n] = '\0';
	memmove(walker->rest, walker->rest + skip + n, strlen(walker->rest + skip + n) + 1);
	return n;
}

/* walker->done is a symbolic link: put its target in front of the rest. */
static int follow_link(struct walker *walker, int fd)
{
	char target[PATH_MAX];
	ssize_t n = readlinkat(fd, "", target, sizeof(target));
	size_t rest = strlen(walker->rest);

	if (n < 0)
		return -errno;
	if (++walker->links > MAX_LINKS)
		return -ELOOP;
	if ((size_t) n + rest + 2 > PATH_MAX)
		return -ENAMETOOLONG;
	if (n > 0 && target[0] == '/')
		walker->done[0] = '\0';
	else
		drop_last(walker->done);
	memmove(walker->rest + n + 1, walker->rest, rest + 1);
	memcpy(walker->rest, target, (size_t) n);
	walker->rest[n] = '/';
	return 0;
}

/* Look at walker->done. 1: a directory, 0: a link that was followed, or a negative errno. */
static int look(struct walker *walker)
{
	auto_close int fd = world_open(walker->world, walker->done, O_PATH | O_NOFOLLOW);
	struct stat st;

	if (fd < 0)
		return fd;
	if (fstat(fd, &st) < 0)
		return -errno;
	if (S_ISLNK(st.st_mode))
		return follow_link(walker, fd);
	return S_ISDIR(st.st_mode) ? 1 : -ENOTDIR;
}

/* What does not exist is taken as it is written. */
static int append_rest(struct walker *walker)
{
	char name[PATH_MAX];
	size_t n;
	int r = 0;

	while (r == 0 && (n = take_component(walker, name)) > 0) {
		if (strcmp(name, "..") == 0)
			drop_last(walker->done);
		else if (strcmp(name, ".") != 0)
			r = append(walker->done, name, n);
	}
	return r;
}

static void copy_path(char *to, const char *from)
{
	memcpy(to, *from ? from : "/", strlen(*from ? from : "/") + 1);
}

void world_walk(const struct inspect_world *world, const char *path,
		bool (*may_touch)(const char *prefix, const void *context), const void *context,
		struct world_walk *ret_walk)
{
	struct walker walker = { .world = world };
	char name[PATH_MAX];
	size_t n;
	int r = 1;

	*ret_walk = (struct world_walk){ .path = "/", .nearest = "/" };
	if (strlen(path) >= sizeof(walker.rest)) {
		ret_walk->error = ENAMETOOLONG;
		return;
	}
	memcpy(walker.rest, path, strlen(path) + 1);
	while (r >= 0 && (n = take_component(&walker, name)) > 0) {
		if (strcmp(name, ".") == 0)
			continue;
		if (strcmp(name, "..") == 0) {
			drop_last(walker.done);
			copy_path(ret_walk->nearest, walker.done);
			continue;
		}
		r = append(walker.done, name, n);
		if (r < 0)
			break;
		if (may_touch && !may_touch(walker.done, context)) {
			ret_walk->stopped = true;
			break;
		}
		r = look(&walker);
		/* After a link, `done` is the directory that holds it. */
		if (r >= 0)
			copy_path(ret_walk->nearest, walker.done);
	}
	if (r >= 0 && !ret_walk->stopped)
		ret_walk->exists = TRI_YES;
	else if (r == -ENOENT || r == -ENOTDIR)
		ret_walk->exists = TRI_NO;
	else if (r < 0)
		ret_walk->error = -r;
	if (append_rest(&walker) < 0)
		ret_walk->error = ENAMETOOLONG;
	copy_path(ret_walk->path, walker.done);
}
