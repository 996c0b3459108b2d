/* SPDX-License-Identifier: Apache-2.0 */
/* cgroup_v1.c - complete the v1 tree: mount a hierarchy that the kernel has and the runtime did
 * not mount, or mounted so that groups of others show. Never over one that is in order. */
#include "steps.h"

#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/syscall.h>

#include "dind/file.h"
#include "dind/str.h"
#include "mount_api.h"
#include "mountinfo.h"

#define auto_arena    __attribute__((cleanup(arena_free)))
#define CGROUP_FLAGS  (MS_NOSUID | MS_NODEV | MS_NOEXEC)
#define CGROUP_SOURCE "cgroup"

/* Our own group in the hierarchy of exactly these controllers, from /proc/self/cgroup
 * (ID:CONTROLLERS:PATH). "/" when the line is not there. */
static void own_group(const char *controllers, char *buf, size_t size)
{
	char text[16384];
	char *line = text, *rest;

	(void) snprintf(buf, size, "/");
	if (file_read_at(AT_FDCWD, "/proc/self/cgroup", text, sizeof(text)) <= 0)
		return;
	for (; line && *line; line = rest) {
		char *set, *path;

		rest = strchr(line, '\n');
		if (rest)
			*rest++ = '\0';
		set = strchr(line, ':');
		path = set ? strchr(set + 1, ':') : NULL;
		if (!path)
			continue;
		*path++ = '\0';
		if (strcmp(set + 1, controllers) == 0)
			(void) snprintf(buf, size, "%s", path);
	}
}

static int mount_hierarchy(const char *controllers, const char *target)
{
	char data[512];

	(void) snprintf(data, sizeof(data), "%s%s",
			str_has_prefix(controllers, "name=") ? "none," : "", controllers);
	return mount(CGROUP_SOURCE, target, "cgroup", CGROUP_FLAGS, data) < 0 ? -errno : 0;
}

/*
 * Without a cgroup namespace the mount shows the host's root, and inner groups would be made there,
 * outside our limits. So what goes to @target is a bind of our own group, as runtimes do it.
 */
static int mount_own_group(const char *controllers, const char *group, const char *target)
{
	char whole[PATH_MAX], own[PATH_MAX];
	int r;

	r = apply_format(whole, sizeof(whole), "%s.whole", target);
	if (r == 0)
		r = apply_format(own, sizeof(own), "%s.whole%s", target, group);
	if (r < 0)
		return r;
	/* left by an attempt that got no further; nobody else knows the path */
	(void) umount2(whole, MNT_DETACH | UMOUNT_NOFOLLOW);
	if (mkdir(whole, 0700) < 0 && errno != EEXIST)
		return -errno;
	r = mount_hierarchy(controllers, whole);
	if (r == 0) {
		bool bound = mount(own, target, NULL, MS_BIND, NULL) == 0;

		r = bound ? 0 : -errno;
		if (umount2(whole, MNT_DETACH | UMOUNT_NOFOLLOW) < 0 && bound) {
			r = -errno;
			(void) umount2(target, MNT_DETACH | UMOUNT_NOFOLLOW);
		}
	}
	(void) rmdir(whole);
	return r;
}

static int make_alias(const char *directory, const char *name, const char *target,
		      struct error *err)
{
	char alias[PATH_MAX];
	int r = apply_format(alias, sizeof(alias), "%s/%s", directory, name);

	if (r == 0 && symlink(strrchr(target, '/') + 1, alias) < 0 && errno != EEXIST)
		r = -errno;
	return r < 0 ? error_set(err, r, "make the alias %s", alias) : 0;
}

/* cpu → cpu,cpuacct, for each of a set, and cpuacct,cpu → cpu,cpuacct: programs look for them. */
static int make_aliases(const char *controllers, const char *target, const char *directory,
			struct error *err)
{
	const char *comma = strchr(controllers, ',');
	char name[NAME_MAX + 1];
	int r = 0;

	if (!comma || str_has_prefix(controllers, "name="))
		return 0;
	for (const char *word = controllers; r == 0 && word; word = strchr(word, ',')) {
		word += *word == ',';
		r = apply_format(name, sizeof(name), "%.*s", (int) strcspn(word, ","), word);
		if (r == 0)
			r = make_alias(directory, name, target, err);
	}
	if (r < 0 || strchr(comma + 1, ','))
		return r;
	r = apply_format(name, sizeof(name), "%s,%.*s", comma + 1, (int) (comma - controllers),
			 controllers);
	return r < 0 ? error_set(err, r, "%s", controllers)
		     : make_alias(directory, name, target, err);
}

static int mount_tmpfs(const struct mountinfo *table, const char *directory, struct error *err)
{
	int r = apply_make_directory(directory, 0755);

	if (r < 0)
		return error_set(err, r, "make directory %s", directory);
	if (mountinfo_at(table, directory))
		return 0;
	if (mount(APPLY_TMPFS_SOURCE, directory, "tmpfs", CGROUP_FLAGS, "mode=0755") < 0)
		return error_set(err, -errno, "mount a tmpfs on %s", directory);
	return 0;
}

static int complete(const char *controllers, const char *target, struct error *err)
{
	char group[PATH_MAX];
	bool made = mkdir(target, 0755) == 0;
	int r;

	if (!made && errno != EEXIST)
		return error_set(err, -errno, "make directory %s", target);
	own_group(controllers, group, sizeof(group));
	r = strcmp(group, "/") == 0 ? mount_hierarchy(controllers, target)
				    : mount_own_group(controllers, group, target);
	if (r == 0)
		return 0;
	if (made)
		(void) rmdir(target);
	return error_set(err, r, "mount the cgroup hierarchy %s on %s", controllers, target);
}

/*
 * A mount that shows more than our own group makes way for one that shows just that. It is held on
 * to until then, and comes back when the new one cannot be made.
 */
static int replace(const char *controllers, const char *target, struct error *err)
{
	auto_close int old = (int) syscall(SYS_open_tree, AT_FDCWD, target,
					   OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC | AT_RECURSIVE);
	int r;

	if (old < 0) /* KERNEL<5.2: nothing to come back to, so nothing is risked */
		return error_set(err, -errno, "hold on to the mount of %s", target);
	if (umount2(target, MNT_DETACH | UMOUNT_NOFOLLOW) < 0)
		return error_set(err, -errno, "unmount %s, which shows the host's root", target);
	r = complete(controllers, target, err);
	if (r < 0)
		(void) syscall(SYS_move_mount, old, "", AT_FDCWD, target, MOVE_MOUNT_F_EMPTY_PATH);
	return r;
}

/*
 * The v2 tree of a hybrid machine: a new mount of it would take its options, nsdelegate among them,
 * from the whole host, so our own group is taken out of the one that is there.
 */
static int narrow(const struct mountinfo_entry *entry, const char *target, struct error *err)
{
	auto_close int own = -EBADF;
	char group[PATH_MAX], path[PATH_MAX];
	size_t above = strcmp(entry->root, "/") == 0 ? 0 : strlen(entry->root);
	int r;

	own_group("", group, sizeof(group));
	if (!str_path_is_below(group, entry->root))
		return error_set_plain(err, -EXDEV, "%s does not show our own group", target);
	r = apply_format(path, sizeof(path), "%s%s", target, group + above);
	if (r < 0)
		return error_set(err, r, "%s", target);
	own = (int) syscall(SYS_open_tree, AT_FDCWD, path, OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC);
	if (own < 0)
		return error_set(err, -errno, "take our own group out of %s", target);
	/* one that is locked stays below */
	(void) umount2(target, MNT_DETACH | UMOUNT_NOFOLLOW);
	if (syscall(SYS_move_mount, own, "", AT_FDCWD, target, MOVE_MOUNT_F_EMPTY_PATH) < 0)
		return error_set(err, -errno, "put our own group on %s", target);
	return 0;
}

static int take_off(const char *target, struct error *err)
{
	int r = apply_part_from_peers(target, err);

	if (r < 0)
		return r;
	if (umount2(target, MNT_DETACH | UMOUNT_NOFOLLOW) < 0)
		return error_set(err, -errno, "unmount %s, which is the host's root", target);
	return 0;
}

static bool shows_own_group(const struct mountinfo_entry *entry, const char *controllers)
{
	char group[PATH_MAX];

	own_group(controllers, group, sizeof(group));
	return strcmp(entry->root, group) == 0;
}

static int put_in_order(const struct plan_step *step, const struct mountinfo *table,
			const char *directory, struct error *err)
{
	const char *controllers = step->u.cgroup_v1.controllers;
	const char *target = step->u.cgroup_v1.target;
	const struct mountinfo_entry *entry = mountinfo_at(table, target);
	int r;

	if (entry && (!step->u.cgroup_v1.replace || shows_own_group(entry, controllers)))
		return 0;
	r = apply_part_from_peers(target, err);
	if (r < 0)
		return r;
	if (entry)
		return *controllers ? replace(controllers, target, err)
				    : narrow(entry, target, err);
	if (step->u.cgroup_v1.tmpfs_first)
		r = mount_tmpfs(table, directory, err);
	return r < 0 ? r : complete(controllers, target, err);
}

int apply_cgroup_v1(const struct plan_step *step, struct error *err)
{
	const char *controllers = step->u.cgroup_v1.controllers;
	const char *target = step->u.cgroup_v1.target;
	const struct mountinfo_entry *entry;
	auto_arena struct arena arena = ARENA_INIT;
	struct mountinfo table;
	char directory[PATH_MAX];
	int r;

	r = apply_parent(target, directory, sizeof(directory));
	if (r < 0)
		return error_set(err, r, "%s", target);
	r = mountinfo_read(&arena, &table, err);
	if (r < 0)
		return r;
	entry = mountinfo_at(&table, target);
	if (entry && strcmp(entry->fstype, *controllers ? "cgroup" : "cgroup2") != 0)
		return error_set_plain(err, -EBUSY, "%s: a %s is mounted there, left alone", target,
				       entry->fstype);
	if (step->u.cgroup_v1.unmount)
		return entry ? take_off(target, err) : 0;
	r = put_in_order(step, &table, directory, err);
	return r < 0 ? r : make_aliases(controllers, target, directory, err);
}
