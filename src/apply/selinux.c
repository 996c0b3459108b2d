/* SPDX-License-Identifier: Apache-2.0 */
/*
 * selinux.c - a selinuxfs that is read-only means "not for you" to libselinux and to the engine's
 * own library alike: the host's policy is the only one there is, and it has no transition for an
 * engine in a container.
 */
#include "steps.h"

#include <limits.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/statvfs.h>

#include "mountinfo.h"

#define auto_arena __attribute__((cleanup(arena_free)))

/* A page is what mount(2) takes; a context with all 1024 categories named singly would not fit. */
#define OPTIONS_SIZE 2048

int apply_selinux_hide(const struct plan_step *step, struct error *err)
{
	const char *path = step->u.remount.path;
	const struct mountinfo_entry *entry;
	auto_arena struct arena arena = ARENA_INIT;
	struct mountinfo table;
	struct statvfs st;
	int r;

	if (statvfs(path, &st) < 0)
		return error_set(err, -errno, "look at %s", path);
	if (st.f_flag & ST_RDONLY)
		return 0;
	r = mountinfo_read(&arena, &table, err);
	if (r < 0)
		return r;
	entry = mountinfo_at(&table, path);
	if (!entry)
		return error_set_plain(err, -EINVAL, "%s is not a mount point", path);
	/* This mount alone: the file system behind it is the host's. Flags that are not repeated
	 * are taken away. */
	if (mount(NULL, path, NULL, MS_REMOUNT | MS_BIND | MS_RDONLY | entry->flags, NULL) < 0)
		return error_set(err, -errno, "remount %s read-only", path);
	return 0;
}

/* EINVAL: no SELinux, no such type in its policy, or an option of the file system's own. */
static bool is_label_refused(int error)
{
	return error == EINVAL || error == EACCES || error == EPERM;
}

int apply_mount_labelled(struct apply_context *context, const char *source, const char *target,
			 const char *type, unsigned long flags, const char *options,
			 const char *label)
{
	char data[OPTIONS_SIZE];
	int error = EINVAL;

	if (label && apply_format(data, sizeof(data), "%s,%s", options, label) == 0) {
		if (mount(source, target, type, flags, data) == 0)
			return 0;
		error = errno;
	}
	if (label && !is_label_refused(error))
		return -error;
	if (mount(source, target, type, flags, options) < 0)
		return -errno;
	if (label)
		apply_notice(context, "%s has no SELinux label: %s is refused (%s)", target, label,
			     strerror(error));
	return 0;
}
