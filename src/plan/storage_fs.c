/* SPDX-License-Identifier: Apache-2.0 */
/* File systems by name: for the explanation of a trial that failed, never instead of one. */
#include "dind/str.h"
#include "storage.h"

static const struct {
	const char *name, *note;
} notes[] = {
	{ "overlay", "overlay is never stacked on overlay" },
	{ "aufs", "neither overlay nor AUFS can be stacked on AUFS" },
	{ "xfs", "an XFS must have been made with ftype=1 (xfs_info shows it)" },
	{ "btrfs", "overlay works on btrfs from Linux 4.7 on" },
	{ "zfs", "overlay works on ZFS from OpenZFS 2.2 on" },
	{ "nfs", "NFS has no whiteouts" },
	{ "nfs4", "NFS has no whiteouts" },
	{ "cifs", "SMB has no whiteouts" },
	{ "smb3", "SMB has no whiteouts" },
	{ "9p", "9p has no whiteouts" },
	{ "ceph", "CephFS has no whiteouts" },
	{ "virtiofs", "what virtiofs can do depends on the host's virtiofsd (xattr, whiteouts)" },
	{ "ecryptfs", "eCryptfs is a stack already" },
	{ "ntfs3", "it has no whiteouts" },
	{ "vfat", "it has neither whiteouts nor extended attributes" },
	{ "exfat", "it has neither whiteouts nor extended attributes" },
	{ "squashfs", "it cannot be written" },
	{ "erofs", "it cannot be written" },
	{ "ramfs", "it has no extended attributes; a tmpfs has" },
};

const char *storage_file_system_note(struct planner *p, const struct facts_directory *home)
{
	const char *fs = home->fs_name;

	if (fs &&
	    (str_equal(fs, "fuse") || str_has_prefix(fs, "fuse.") || str_equal(fs, "fuseblk")))
		return "; what a FUSE file system can do depends on the program behind it";
	for (size_t i = 0; i < ARRAY_SIZE(notes); i++)
		if (str_equal(fs, notes[i].name))
			return arena_printf(p->arena, "; %s", notes[i].note);
	return "";
}
