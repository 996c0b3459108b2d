/* SPDX-License-Identifier: Apache-2.0 */
#include "tree.h"

#include <dirent.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>

/* A descriptor is open for each level. */
#define DEPTH_MAX 256

struct walk {
	dev_t device;
	bool remove;
	const char *keep;
	uint64_t blocks;
	struct tree_trouble *trouble;
};

static void note(struct walk *walk, int code, const char *what, const char *name)
{
	if (walk->trouble->count++ == 0)
		(void) error_set(&walk->trouble->first, code, "%s %s", what, name);
}

static void walk_directory(struct walk *walk, int fd, int depth);

static void walk_below(struct walk *walk, int parent, const char *name, int depth)
{
	int fd;

	if (depth >= DEPTH_MAX) {
		note(walk, -ELOOP, "open", name);
		return;
	}
	fd = openat(parent, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0) {
		if (errno != ENOENT)
			note(walk, -errno, "open", name);
		return;
	}
	walk_directory(walk, fd, depth + 1);
}

static void walk_entry(struct walk *walk, int fd, const char *name, int depth)
{
	struct stat st;

	if (fstatat(fd, name, &st, AT_SYMLINK_NOFOLLOW | AT_NO_AUTOMOUNT) < 0) {
		if (errno != ENOENT) /* it is in use and something else removed it */
			note(walk, -errno, "stat", name);
		return;
	}
	if (st.st_dev != walk->device) {
		if (walk->remove && walk->trouble->count++ == 0)
			(void) error_set_plain(&walk->trouble->first, -EXDEV,
					       "%s is a mount point or a subvolume", name);
		return;
	}
	walk->blocks += (uint64_t) st.st_blocks;
	if (S_ISDIR(st.st_mode))
		walk_below(walk, fd, name, depth);
	if (walk->remove && unlinkat(fd, name, S_ISDIR(st.st_mode) ? AT_REMOVEDIR : 0) < 0 &&
	    errno != ENOENT)
		note(walk, -errno, "remove", name);
}

/* Takes @fd. */
static void walk_directory(struct walk *walk, int fd, int depth)
{
	DIR *dir = fdopendir(fd);
	struct dirent *entry;

	if (!dir) {
		note(walk, -errno, "read", "a directory");
		fd_close(&fd);
		return;
	}
	while ((entry = readdir(dir))) {
		const char *name = entry->d_name;

		if (strcmp(name, ".") == 0 || strcmp(name, "..") == 0)
			continue;
		if (depth == 0 && walk->keep && strcmp(name, walk->keep) == 0)
			continue;
		walk_entry(walk, fd, name, depth);
	}
	(void) closedir(dir);
}

static void walk_tree(struct walk *walk, int dirfd)
{
	/* An offset of its own: the caller's descriptor stays as it is. */
	int fd = openat(dirfd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	struct stat st;

	if (fd < 0 || fstat(fd, &st) < 0) {
		note(walk, -errno, "open", "the directory");
		fd_close(&fd);
		return;
	}
	walk->device = st.st_dev;
	walk_directory(walk, fd, 0);
}

uint64_t tree_measure(int dirfd, struct tree_trouble *trouble)
{
	struct walk walk = { .trouble = trouble };

	walk_tree(&walk, dirfd);
	return walk.blocks * 512;
}

void tree_empty(int dirfd, const char *keep, struct tree_trouble *trouble)
{
	struct walk walk = { .remove = true, .keep = keep, .trouble = trouble };

	walk_tree(&walk, dirfd);
}
