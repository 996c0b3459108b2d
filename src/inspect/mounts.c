/* SPDX-License-Identifier: Apache-2.0 */
/* Mounts, the devices that a nested engine needs, and /sys and /proc/sys. The only file that knows
 * libmount. */
#include <fcntl.h>
#include <libmount.h>
#include <string.h>

#include "dind/str.h"
#include "subjects.h"
#include "world.h"

#define MOUNTINFO "/proc/self/mountinfo"

static const char *const local_types[] = {
	"aufs",	    "bcachefs",	 "binfmt_misc", "bpf",	      "btrfs",	    "cgroup",
	"cgroup2",  "configfs",	 "debugfs",	"devpts",     "devtmpfs",   "ecryptfs",
	"efivarfs", "erofs",	 "exfat",	"ext2",	      "ext3",	    "ext4",
	"f2fs",	    "hugetlbfs", "iso9660",	"jfs",	      "mqueue",	    "nsfs",
	"nilfs2",   "ntfs3",	 "overlay",	"proc",	      "pstore",	    "ramfs",
	"reiserfs", "rootfs",	 "securityfs",	"selinuxfs",  "shiftfs",    "squashfs",
	"sysfs",    "tmpfs",	 "tracefs",	"udf",	      "vfat",	    "xfs",
	"zfs",	    "fusectl",	 "none",	"rpc_pipefs", "fuse.lxcfs", "fuse.fuse-overlayfs",
};

static const char *const remote_types[] = {
	"9p",	    "afs",   "autofs", "beegfs", "ceph",   "cifs",     "coda", "fuse",
	"fuseblk",  "gfs2",  "gpfs",   "lustre", "ncpfs",  "nfs",      "nfs4", "ocfs2",
	"orangefs", "pvfs2", "smb3",   "smbfs",	 "vboxsf", "virtiofs",
};

static bool in_list(const char *const *list, size_t n, const char *name)
{
	for (size_t i = 0; i < n; i++)
		if (strcmp(list[i], name) == 0)
			return true;
	return false;
}

enum tri mounts_type_is_remote(const char *fstype)
{
	if (!fstype)
		return TRI_UNKNOWN;
	if (in_list(local_types, ARRAY_SIZE(local_types), fstype))
		return TRI_NO;
	if (in_list(remote_types, ARRAY_SIZE(remote_types), fstype) ||
	    str_has_prefix(fstype, "fuse."))
		return TRI_YES;
	return TRI_UNKNOWN;
}

bool mounts_may_touch(const char *prefix, const void *context)
{
	const struct facts_mount *mount = facts_mount_of(context, prefix);

	/* In a chroot(2) nothing in the table may match; then there is nothing to go by. */
	return !mount || mounts_type_is_remote(mount->fstype) == TRI_NO;
}

bool mounts_is_read_only(const struct facts_mount *mount)
{
	return str_list_has(mount->options, "ro") || str_list_has(mount->super_options, "ro");
}

/* ---- the table ----
 */

static const char *propagation_of(struct libmnt_fs *fs)
{
	const char *fields = mnt_fs_get_optional_fields(fs);
	bool shared, slave;

	if (!fields)
		return "private";
	if (strstr(fields, "unbindable"))
		return "unbindable";
	shared = strstr(fields, "shared:") != NULL;
	slave = strstr(fields, "master:") != NULL;
	if (shared)
		return slave ? "shared,slave" : "shared";
	return slave ? "slave" : "private";
}

static void copy_mount(struct arena *arena, struct libmnt_fs *fs, struct facts_mount *mount)
{
	*mount = (struct facts_mount){
		.id = mnt_fs_get_id(fs),
		.parent = mnt_fs_get_parent_id(fs),
		.root = arena_strdup(arena, mnt_fs_get_root(fs)),
		.target = arena_strdup(arena, mnt_fs_get_target(fs)),
		.fstype = arena_strdup(arena, mnt_fs_get_fstype(fs)),
		.source = arena_strdup(arena, mnt_fs_get_source(fs)),
		.options = arena_strdup(arena, mnt_fs_get_vfs_options(fs)),
		.super_options = arena_strdup(arena, mnt_fs_get_fs_options(fs)),
		.propagation = propagation_of(fs),
	};
}

static int copy_table(const struct inspection *in, struct libmnt_table *table)
{
	struct facts_mounts *mounts = &in->facts->mounts;
	struct libmnt_iter *iter = mnt_new_iter(MNT_ITER_FORWARD);
	int total = mnt_table_get_nents(table);
	struct libmnt_fs *fs;

	if (!iter)
		return -ENOMEM;
	/* At once: growing one by one is quadratic, and nodes with thousands of mounts exist. */
	mounts->table = arena_alloc(in->arena, (size_t) total * sizeof(*mounts->table));
	mounts->n_table = 0;
	while (mounts->n_table < (size_t) total && mnt_table_next_fs(table, iter, &fs) == 0) {
		if (mnt_fs_get_target(fs))
			copy_mount(in->arena, fs, &mounts->table[mounts->n_table++]);
	}
	mnt_free_iter(iter);
	return 0;
}

static int read_table(const struct inspection *in, struct error *err)
{
	struct libmnt_table *table;
	FILE *stream;
	int r;

	r = world_open_stream(in->world, MOUNTINFO, &stream);
	if (r < 0)
		return error_set(err, r, "open '%s'", MOUNTINFO);
	table = mnt_new_table();
	if (!table) {
		(void) fclose(stream);
		return error_set(err, -ENOMEM, "read '%s'", MOUNTINFO);
	}
	/* Lines that it does not understand are left out. */
	r = mnt_table_parse_stream(table, stream, MOUNTINFO);
	if (r == 0)
		r = copy_table(in, table);
	mnt_unref_table(table);
	(void) fclose(stream);
	/* Positive results of libmount are its own codes. */
	return r == 0 ? 0 : error_set(err, r < 0 ? r : -EINVAL, "parse '%s'", MOUNTINFO);
}

/* ---- devices ----
 */

static const struct {
	const char *path;
	int flags;
} devices[] = {
	{ "/dev/fuse", O_RDWR },    { "/dev/loop-control", O_RDWR }, { "/dev/kmsg", O_RDONLY },
	{ "/dev/net/tun", O_RDWR }, { "/dev/zfs", O_RDWR },
};

static void inspect_device(const struct inspection *in, const char *path, int flags)
{
	const struct inspect_world *world = in->world;
	struct facts_mounts *mounts = &in->facts->mounts;
	struct facts_device *device = arena_push(in->arena, (void **) &mounts->devices,
						 &mounts->n_devices, sizeof(*device));
	int r;

	device->path = path;
	/* A fixture has no device nodes: there the answer of open(2) has to do for both. */
	if (world_is_live(world) && world_exists(world, path, S_IFCHR) != TRI_YES) {
		device->usable = (struct fact){ TRI_NO, ENOENT, path };
		return;
	}
	r = world->probe_open ? world->probe_open(world, path, flags) : -ENOSYS;
	if (r == -ENOSYS) {
		device->usable = (struct fact){ TRI_UNKNOWN, ENOSYS, path };
		return;
	}
	device->present = r != -ENOENT && r != -ENOTDIR;
	device->usable = (struct fact){ tri_from_bool(r == 0), -r, path };
}

/* proc_devices(5): a section for character devices, one for block devices. */
static enum tri has_loop_driver(const struct inspection *in)
{
	const char *block, *line;
	char *text;

	if (world_read(in->world, "/proc/devices", WORLD_SMALL_FILE, in->arena, &text) < 0)
		return TRI_UNKNOWN;
	block = strstr(text, "Block devices:");
	for (line = block; line; line = world_next_line(line))
		if (str_has_prefix(line + strspn(line, " "), "7 loop"))
			return TRI_YES;
	return TRI_NO;
}

static struct fact writable_mount(const struct inspection *in, const char *path, const char *fstype)
{
	const struct facts_mount *mount = facts_mount_of(in->facts, path);

	if (!mount || !str_equal(mount->fstype, fstype))
		return (struct fact){ TRI_UNKNOWN, 0, MOUNTINFO };
	if (mounts_is_read_only(mount))
		return (struct fact){ TRI_NO, EROFS, mount->target };
	return (struct fact){ TRI_YES, 0, mount->target };
}

int inspect_mounts(const struct inspection *in, struct error *err)
{
	struct facts_mounts *mounts = &in->facts->mounts;
	int r = read_table(in, err);

	if (r < 0)
		return r;
	for (size_t i = 0; i < ARRAY_SIZE(devices); i++)
		inspect_device(in, devices[i].path, devices[i].flags);
	mounts->loop_driver = has_loop_driver(in);
	mounts->sys_writable = writable_mount(in, "/sys", "sysfs");
	mounts->proc_sys_writable = writable_mount(in, "/proc/sys", "proc");
	if (facts_mount_at(in->facts, "/proc/sys/net"))
		mounts->proc_sys_net_writable = writable_mount(in, "/proc/sys/net", "proc");
	return 0;
}
