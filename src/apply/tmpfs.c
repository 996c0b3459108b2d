/* SPDX-License-Identifier: Apache-2.0 */
/* tmpfs.c - memory becomes the data root. */
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>

#include "mountinfo.h"
#include "steps.h"

#define auto_arena __attribute__((cleanup(arena_free)))

/* One inode for so many bytes. The kernel's own default is half as many inodes as there are pages
 * of memory outside high memory; layers consist of small files. */
#define BYTES_PER_INODE 8192

/* No noexec and no nodev: containers run what lies here, and whiteouts are devices. */
static int mount_tmpfs(struct apply_context *context, const struct plan_step *step,
		       const char *target)
{
	char data[96];

	(void) snprintf(data, sizeof(data), "mode=0711,size=%llu,nr_inodes=%llu",
			(unsigned long long) step->u.tmpfs.bytes,
			(unsigned long long) (step->u.tmpfs.bytes / BYTES_PER_INODE + 1));
	return apply_mount_labelled(context, APPLY_TMPFS_SOURCE, target, "tmpfs", 0, data,
				    step->u.tmpfs.label);
}

int apply_tmpfs(struct apply_context *context, const struct plan_step *step, struct error *err)
{
	const char *path = step->u.tmpfs.target;
	const struct mountinfo_entry *entry;
	auto_arena struct arena arena = ARENA_INIT;
	struct mountinfo table;
	char target[PATH_MAX];
	int r;

	r = apply_make_directory(path, 0711);
	if (r == 0)
		r = apply_canonical(path, target);
	if (r < 0)
		return error_set(err, r, "make directory %s", path);
	r = mountinfo_read(&arena, &table, err);
	if (r < 0)
		return r;
	entry = mountinfo_at(&table, target);
	/* Ours, or that of another start in this mount namespace: then the lock in it is held, and
	 * it is not ours to unmount. */
	if (entry && strcmp(entry->fstype, "tmpfs") == 0 &&
	    strcmp(entry->source, APPLY_TMPFS_SOURCE) == 0)
		return 0;
	r = mount_tmpfs(context, step, target);
	if (r < 0)
		return error_set(err, r, "mount a tmpfs on %s", path);
	r = apply_record_data_root(context, target, err);
	if (r < 0)
		(void) umount2(target, MNT_DETACH | UMOUNT_NOFOLLOW);
	return r;
}
