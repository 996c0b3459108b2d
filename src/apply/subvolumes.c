/* SPDX-License-Identifier: Apache-2.0 */
/*
 * subvolumes.c - the layers of the storage driver btrfs are subvolumes. An outer engine that
 * removes the container's own layer may not be able to remove them, so they go when the engine has
 * gone.
 */
#include "steps.h"

#include <dirent.h>
#include <fcntl.h>
#include <ftw.h>
#include <limits.h>
#include <linux/btrfs.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>

#define OPEN_DIRECTORIES 16

static int remove_entry(const char *path, const struct stat *st, int type, struct FTW *place)
{
	(void) st;
	(void) type;
	(void) place;
	return remove(path) == 0 || errno == ENOENT ? 0 : -1;
}

/* 0 also when it is not there. */
static int remove_tree(const char *data_root, const char *name, struct error *err)
{
	char path[PATH_MAX];
	int r = apply_format(path, sizeof(path), "%s/%s", data_root, name);

	if (r == 0 &&
	    nftw(path, remove_entry, OPEN_DIRECTORIES, FTW_DEPTH | FTW_PHYS | FTW_MOUNT) < 0 &&
	    errno != ENOENT)
		r = -errno;
	return r < 0 ? error_set(err, r, "remove %s/%s", data_root, name) : 0;
}

static int destroy(int parent, const char *name)
{
	struct btrfs_ioctl_vol_args args = { .fd = 0 };
	size_t n = strlen(name);

	if (n > BTRFS_PATH_NAME_MAX)
		return -ENAMETOOLONG;
	memcpy(args.name, name, n);
	return ioctl(parent, BTRFS_IOC_SNAP_DESTROY, &args) < 0 ? -errno : 0;
}

/* Returns how many were removed; the first that could not be is in @err. */
static int destroy_all(const char *path, struct error *err)
{
	DIR *dir = opendir(path);
	const struct dirent *entry;
	int removed = 0, r;

	if (!dir)
		return errno == ENOENT ? 0 : error_set(err, -errno, "open %s", path);
	while ((entry = readdir(dir))) {
		if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0)
			continue;
		r = destroy(dirfd(dir), entry->d_name);
		if (r == 0)
			removed++;
		else if (err->code == 0)
			(void) error_set(err, r, "remove the subvolume %s/%s", path, entry->d_name);
	}
	(void) closedir(dir);
	return err->code < 0 ? err->code : removed;
}

int apply_remove_subvolumes(const char *data_root, struct error *err)
{
	/* what names them first: an engine that is killed before the end must not miss any */
	static const char *const names[] = { "image/btrfs", "buildkit", "containers" };
	char path[PATH_MAX];
	int r = 0;

	for (size_t i = 0; r == 0 && i < ARRAY_SIZE(names); i++)
		r = remove_tree(data_root, names[i], err);
	if (r == 0 && apply_format(path, sizeof(path), "%s/btrfs/subvolumes", data_root) < 0)
		r = error_set(err, -ENAMETOOLONG, "%s", data_root);
	return r < 0 ? r : destroy_all(path, err);
}
