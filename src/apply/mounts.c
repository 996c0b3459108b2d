/* SPDX-License-Identifier: Apache-2.0 */
/* mounts.c - the mounts, directories and device nodes that a nested engine needs. */
#include "steps.h"

#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/sysmacros.h>

#include "mountinfo.h"

#define auto_arena __attribute__((cleanup(arena_free)))

int apply_directory(const struct plan_step *step, struct error *err)
{
	const char *path = step->u.runtime_dir.path;
	int r = apply_make_directory(path, step->u.runtime_dir.mode);

	return r < 0 ? error_set(err, r, "make directory %s", path) : 0;
}

int apply_runtime_dir(struct apply_context *context, const struct plan_step *step,
		      struct error *err)
{
	const char *path = step->u.runtime_dir.path;
	const struct mountinfo_entry *entry;
	auto_arena struct arena arena = ARENA_INIT;
	struct mountinfo table;
	char target[PATH_MAX], data[32];
	int r;

	r = apply_make_directory(path, step->u.runtime_dir.mode);
	if (r == 0)
		r = apply_canonical(path, target);
	if (r < 0)
		return error_set(err, r, "make directory %s", path);
	r = mountinfo_read(&arena, &table, err);
	if (r < 0)
		return r;
	entry = mountinfo_at(&table, target);
	if (entry && strcmp(entry->fstype, "tmpfs") == 0 &&
	    strcmp(entry->source, APPLY_TMPFS_SOURCE) == 0)
		return 0; /* a second start in this mount namespace: what is in it is in use */
	if (entry) {	  /* the user's: theirs to choose */
		apply_notice(context, "%s: a %s is mounted there, used as it is", path,
			     entry->fstype);
		return 0;
	}
	/* Not noexec: runc may run a copy of itself from its state directory. */
	(void) snprintf(data, sizeof(data), "mode=%04o", step->u.runtime_dir.mode & 07777);
	if (mount(APPLY_TMPFS_SOURCE, target, "tmpfs", MS_NOSUID | MS_NODEV, data) < 0)
		return error_set(err, -errno, "mount a tmpfs on %s", path);
	return 0;
}

int apply_filesystem(const struct plan_step *step, struct error *err)
{
	const char *type = step->u.filesystem.type;
	auto_arena struct arena arena = ARENA_INIT;
	struct mountinfo table;
	char target[PATH_MAX];
	int r = apply_canonical(step->u.filesystem.target, target);

	if (r == -ENOENT && step->u.filesystem.if_present)
		return 0;
	if (r < 0)
		return error_set(err, r, "look at %s", step->u.filesystem.target);
	r = mountinfo_read(&arena, &table, err);
	if (r < 0 || mountinfo_at(&table, target)) /* ours, or somebody's choice */
		return r;
	r = apply_part_from_peers(target, err);
	if (r < 0)
		return r;
	if (mount(type, target, type, 0, step->u.filesystem.options) < 0)
		return error_set(err, -errno, "mount a %s on %s", type, target);
	return 0;
}

/* Writable through this path: both the mount and its superblock are. */
static int is_read_only(const char *path, bool *ret_read_only)
{
	struct statvfs st;

	if (statvfs(path, &st) < 0)
		return -errno;
	*ret_read_only = (st.f_flag & ST_RDONLY) != 0;
	return 0;
}

int apply_remount_rw(const struct plan_step *step, struct error *err)
{
	const char *path = step->u.remount.path;
	const struct mountinfo_entry *entry;
	auto_arena struct arena arena = ARENA_INIT;
	unsigned long flags;
	struct mountinfo table;
	char target[PATH_MAX];
	bool read_only = true;
	int r;

	r = apply_canonical(path, target);
	if (r == 0)
		r = is_read_only(target, &read_only);
	if (r < 0)
		return error_set(err, r, "look at %s", path);
	if (!read_only)
		return 0;
	r = mountinfo_read(&arena, &table, err);
	if (r < 0)
		return r;
	entry = mountinfo_at(&table, target);
	if (!entry)
		return error_set_plain(err, -EINVAL, "%s is read-only but is not a mount point",
				       path);
	/* Flags that are not repeated are taken away. */
	flags = entry->flags & ~(unsigned long) MS_RDONLY;
	if (mount(NULL, target, NULL, MS_REMOUNT | MS_BIND | flags, NULL) < 0)
		return error_set(err, -errno, "remount %s read-write", path);
	r = is_read_only(target, &read_only);
	if (r < 0)
		return error_set(err, r, "look at %s", path);
	if (!read_only)
		return 0;
	/* The superblock is read-only, too: the runtime gave the flag to its first mount. */
	if (mount(NULL, target, NULL, MS_REMOUNT | flags, NULL) < 0)
		return error_set(err, -errno, "remount the superblock of %s read-write", path);
	return 0;
}

int apply_propagation(struct error *err)
{
	/* A slave becomes shared and slave: what is mounted inside is seen by inner containers, not
	 * outside. */
	if (mount(NULL, "/", NULL, MS_REC | MS_SHARED, NULL) < 0)
		return error_set(err, -errno, "make / a shared mount");
	return 0;
}

static int check_device(const char *path, mode_t type, dev_t device, struct error *err)
{
	struct stat st;

	if (lstat(path, &st) < 0)
		return error_set(err, -errno, "look at %s", path);
	if ((st.st_mode & S_IFMT) != type || st.st_rdev != device)
		return error_set_plain(err, -EEXIST,
				       "%s is there but is not %s device %u:%u; it was left alone",
				       path, type == S_IFBLK ? "block" : "character", major(device),
				       minor(device));
	return 0;
}

int apply_device(const struct plan_step *step, struct error *err)
{
	const char *path = step->u.device.path;
	mode_t type = step->u.device.type == 'b' ? S_IFBLK : S_IFCHR;
	dev_t device = makedev(step->u.device.major, step->u.device.minor);
	char parent[PATH_MAX];
	struct stat st;
	int r;

	if (lstat(path, &st) == 0)
		return check_device(path, type, device, err);
	r = apply_parent(path, parent, sizeof(parent));
	if (r == 0)
		r = apply_make_directory(parent, 0755);
	if (r < 0)
		return error_set(err, r, "make the directory of %s", path);
	if (mknod(path, type | step->u.device.mode, device) < 0) {
		if (errno == EEXIST)
			return check_device(path, type, device, err);
		return error_set(err, -errno, "make device %s (%c %u:%u)", path,
				 step->u.device.type, step->u.device.major, step->u.device.minor);
	}
	if (chmod(path, step->u.device.mode) < 0) { /* whatever the umask said */
		r = error_set(err, -errno, "set the mode of %s", path);
		(void) unlink(path);
		return r;
	}
	return 0;
}

/*
 * A bind of a shared mount joins its peer group: whatever the engine mounts below the data root
 * would turn up below the source as well, and stay there. So the bind gets a group of its own.
 */
static int bind_apart(const char *source, const char *target, struct error *err)
{
	int r;

	if (mount(source, target, NULL, MS_BIND | MS_REC, NULL) < 0)
		return error_set(err, -errno, "bind %s onto %s", source, target);
	if (mount(NULL, target, NULL, MS_REC | MS_PRIVATE, NULL) == 0 &&
	    mount(NULL, target, NULL, MS_REC | MS_SHARED, NULL) == 0)
		return 0;
	r = error_set(err, -errno, "give %s a peer group of its own", target);
	(void) umount2(target, MNT_DETACH | UMOUNT_NOFOLLOW);
	return r;
}

int apply_bind(struct apply_context *context, const struct plan_step *step, struct error *err)
{
	const char *source = step->u.bind.source, *target = step->u.bind.target;
	char canonical[PATH_MAX];
	struct stat from, to;
	int r;

	r = apply_make_directory(target, 0711);
	if (r == 0)
		r = apply_canonical(target, canonical);
	if (r < 0)
		return error_set(err, r, "make directory %s", target);
	if (stat(source, &from) < 0)
		return error_set(err, -errno, "look at %s", source);
	if (stat(canonical, &to) < 0)
		return error_set(err, -errno, "look at %s", target);
	if (from.st_dev == to.st_dev && from.st_ino == to.st_ino)
		return 0; /* bound already, or one and the same directory */
	r = bind_apart(source, canonical, err);
	if (r < 0)
		return r;
	r = apply_record_data_root(context, canonical, err);
	if (r < 0)
		(void) umount2(canonical, MNT_DETACH | UMOUNT_NOFOLLOW);
	return r;
}
