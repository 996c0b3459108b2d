/* SPDX-License-Identifier: Apache-2.0 */
/* cgroup_v2.c - a cgroup namespace of our own, so that inner containers stay inside our limits. */
#include "steps.h"

#include <fcntl.h>
#include <limits.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/syscall.h>

#include "cgroup_procs.h"
#include "dind/file.h"
#include "mount_api.h"
#include "mountinfo.h"

#define auto_arena __attribute__((cleanup(arena_free)))
/* The initial cgroup namespace has a fixed number: PROC_CGROUP_INIT_INO of linux/proc_ns.h. */
#define CGROUP_INIT_INO 0xEFFFFFFBU
#define CGROUP_FLAGS	(MS_NOSUID | MS_NODEV | MS_NOEXEC)

/* True if our v2 group, as our namespace shows it, is its root or the leaf in it. */
static bool at_namespace_root(void)
{
	char group[PATH_MAX];

	return cgroup_procs_own_group(group, sizeof(group)) &&
	       (strcmp(group, "/") == 0 || strcmp(group, "/" CGROUP_LEAF) == 0);
}

/* Nothing is to be done when the mount shows the root of a namespace that is not the host's. */
static int is_done(const char *mount_point, bool *ret_done, struct error *err)
{
	auto_arena struct arena arena = ARENA_INIT;
	const struct mountinfo_entry *entry;
	struct mountinfo table;
	struct stat st;
	int r;

	if (stat("/proc/self/ns/cgroup", &st) < 0)
		return error_set(err, -errno, "look at our cgroup namespace");
	r = mountinfo_read(&arena, &table, err);
	if (r < 0)
		return r;
	entry = mountinfo_at(&table, mount_point);
	*ret_done = st.st_ino != CGROUP_INIT_INO && entry &&
		    strcmp(entry->fstype, "cgroup2") == 0 && strcmp(entry->root, "/") == 0 &&
		    at_namespace_root();
	return 0;
}

/* A mount whose root is not our own group would send inner containers out of our limits. */
static int check_root(int root, const char *mount_point, struct error *err)
{
	bool seen = false;
	int r = cgroup_procs_has(root, "cgroup.procs", getpid(), &seen);

	if (r < 0)
		return error_set(err, r, "read cgroup.procs of the new cgroup2 mount");
	if (!seen)
		return error_set_plain(err, -EXDEV,
				       "the new mount for %s does not show our own group",
				       mount_point);
	return 0;
}

/*
 * The kernel refuses a file system on a mount of the same one (EBUSY), so the old mount has to go
 * first, and programs that look for the first cgroup2 line of mountinfo are not led astray. The new
 * one is made detached and checked before that, and the old one is kept for the case that the new
 * one cannot be put there.
 */
static int replace_mount(int fresh, const char *mount_point, struct error *err)
{
	auto_close int old = (int) syscall(SYS_open_tree, AT_FDCWD, mount_point,
					   OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC | AT_RECURSIVE);
	bool gone;
	int r;

	if (old < 0)
		return error_set(err, -errno, "hold on to the mount of %s", mount_point);
	/* one that is locked (user namespace) stays below */
	gone = umount2(mount_point, MNT_DETACH | UMOUNT_NOFOLLOW) == 0;
	if (syscall(SYS_move_mount, fresh, "", AT_FDCWD, mount_point, MOVE_MOUNT_F_EMPTY_PATH) == 0)
		return 0;
	r = error_set(err, -errno, "put a fresh cgroup2 mount on %s", mount_point);
	if (gone)
		(void) syscall(SYS_move_mount, old, "", AT_FDCWD, mount_point,
			       MOVE_MOUNT_F_EMPTY_PATH);
	return r;
}

/* KERNEL<5.2: no detached mounts; if this mount(2) fails there is none left. */
static int replace_mount_in_place(const char *mount_point, struct error *err)
{
	auto_close int root = -EBADF;
	int r;

	(void) umount2(mount_point, MNT_DETACH | UMOUNT_NOFOLLOW);
	if (mount("cgroup2", mount_point, "cgroup2", CGROUP_FLAGS, NULL) < 0)
		return error_set(err, -errno, "mount cgroup2 on %s", mount_point);
	root = open(mount_point, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (root < 0)
		return error_set(err, -errno, "open %s", mount_point);
	r = check_root(root, mount_point, err);
	if (r < 0)
		(void) umount2(mount_point, MNT_DETACH | UMOUNT_NOFOLLOW);
	return r;
}

static int mount_fresh(const char *mount_point, struct error *err)
{
	auto_close int context = (int) syscall(SYS_fsopen, "cgroup2", FSOPEN_CLOEXEC);
	auto_close int fresh = -EBADF;
	bool in_place = context < 0 && errno == ENOSYS;
	int r;

	if (in_place) {
		r = apply_part_from_peers(mount_point, err);
		return r < 0 ? r : replace_mount_in_place(mount_point, err);
	}
	if (context < 0 || syscall(SYS_fsconfig, context, MOUNT_API_CMD_CREATE, NULL, NULL, 0) < 0)
		return error_set(err, -errno, "make a cgroup2 mount for %s", mount_point);
	fresh = (int) syscall(SYS_fsmount, context, FSMOUNT_CLOEXEC,
			      MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV | MOUNT_ATTR_NOEXEC);
	if (fresh < 0)
		return error_set(err, -errno, "make a cgroup2 mount for %s", mount_point);
	r = check_root(fresh, mount_point, err);
	if (r == 0)
		r = apply_part_from_peers(mount_point, err);
	return r < 0 ? r : replace_mount(fresh, mount_point, err);
}

int apply_cgroup_namespace(struct apply_context *context, const struct plan_step *step,
			   struct error *err)
{
	const char *mount_point = step->u.cgroup_namespace.mount_point;
	auto_close int before = -EBADF;
	bool done = context->cgroup_own_namespace; /* by an earlier plan of this start */
	int r = done ? 0 : is_done(mount_point, &done, err);

	if (r < 0)
		return r;
	if (done) {
		context->cgroup_own_namespace = true;
		return 0;
	}
	before = open("/proc/self/ns/cgroup", O_RDONLY | O_CLOEXEC);
	if (before < 0)
		return error_set(err, -errno, "open our cgroup namespace");
	/* Namespace first: a cgroup2 mount made in the initial one takes nsdelegate and
	 * memory_recursiveprot from the whole host. */
	if (unshare(CLONE_NEWCGROUP) < 0)
		return error_set(err, -errno, "make a cgroup namespace");
	r = mount_fresh(mount_point, err);
	if (r < 0) {
		/* The old mount with the new namespace would show paths that lead nowhere. */
		(void) setns(before, CLONE_NEWCGROUP);
		return r;
	}
	context->cgroup_own_namespace = true;
	return 0;
}
