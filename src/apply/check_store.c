/* SPDX-License-Identifier: Apache-2.0 */
/*
 * check_store.c - which image store wrote to an image file can only be seen once it is mounted. An
 * engine that uses the other one would start without the images, as if they were gone.
 */
#include <dirent.h>
#include <fcntl.h>
#include <limits.h>
#include <string.h>

#include "dind/file.h"
#include "steps.h"

/* As inspect does: containerd's data base is there whenever dockerd runs containers by it, images
 * when there are blobs. */
#define BLOBS "containerd/daemon/io.containerd.content.v1.content/blobs/sha256"

/* 1, 0, or negative errno. */
static int has_entries(const char *path)
{
	DIR *dir = opendir(path);
	const struct dirent *entry;
	int found = 0;

	if (!dir)
		return errno == ENOENT || errno == ENOTDIR ? 0 : -errno;
	errno = 0;
	while (!found && (entry = readdir(dir)))
		found = strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0;
	if (!found && errno != 0)
		found = -errno;
	(void) closedir(dir);
	return found;
}

static int look(const char *root, const char *name, bool *ret_there, struct error *err)
{
	char path[PATH_MAX];
	int r = apply_format(path, sizeof(path), "%s/%s", root, name);

	if (r == 0)
		r = has_entries(path);
	if (r < 0)
		return error_set(err, r, "look into %s/%s", root, name);
	*ret_there = r > 0;
	return 0;
}

int apply_check_store(const struct plan_step *step, struct error *err)
{
	const char *root = step->u.check_store.path, *driver = step->u.check_store.driver;
	bool blobs = false, layers = false;
	int r;

	r = look(root, BLOBS, &blobs, err);
	if (r == 0)
		r = look(root, driver, &layers, err);
	if (r < 0)
		return r;
	if (step->u.check_store.containerd && layers && !blobs)
		return error_set_plain(err, -EEXIST,
				       "the image file holds images of the storage driver %s",
				       driver);
	if (!step->u.check_store.containerd && blobs && !layers)
		return error_set_plain(err, -EEXIST,
				       "the image file holds images of containerd's store");
	return 0;
}
