/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What files of images carry: owners, modes, capabilities, symbolic links, devices, long names. A
 * file system that has none of that can hold an overlay that an image is damaged in.
 *
 * Some of it may be refused to this container whatever the file system: without CAP_MKNOD, by the
 * device controller, in a user namespace. What a new tmpfs refuses as well says nothing about the
 * directory.
 */
#include <fcntl.h>
#include <linux/capability.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/xattr.h>

#include "trial.h"

#define CONTROL	   "control"
#define CAPABILITY "security.capability"
/* fuse-overlayfs keeps 4 of 255 for a prefix of its own; nothing in images comes near. */
#define LONG_NAME 250
#define OWNER	  1 /* whoever that is: not root */

/* ---- in any directory ----
 */

/* Each makes something in @directory: 0 or negative errno. */
typedef int file_attempt(int directory);

static int new_file(int directory, const char *name)
{
	int fd = openat(directory, name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);

	return fd < 0 ? -errno : fd;
}

static int give_capability(int fd)
{
	const struct vfs_cap_data capability = {
		.magic_etc = VFS_CAP_REVISION_2 | VFS_CAP_FLAGS_EFFECTIVE,
		.data[0].permitted = 1U << CAP_NET_BIND_SERVICE,
	};

	return fsetxattr(fd, CAPABILITY, &capability, XATTR_CAPS_SZ_2, 0) < 0 ? -errno : 0;
}

static int make_capable(int directory)
{
	auto_close int fd = new_file(directory, "capable");

	return fd < 0 ? fd : give_capability(fd);
}

static int make_owned(int directory)
{
	auto_close int fd = new_file(directory, "owned");
	struct stat st;

	if (fd < 0)
		return fd;
	if (fchown(fd, OWNER, OWNER) < 0 || fstat(fd, &st) < 0)
		return -errno;
	return st.st_uid == OWNER && st.st_gid == OWNER ? 0 : -EIO;
}

static int make_device(int directory)
{
	struct stat st;

	if (mknodat(directory, "device", S_IFCHR | 0600, makedev(1, 3)) < 0 ||
	    fstatat(directory, "device", &st, AT_SYMLINK_NOFOLLOW) < 0)
		return -errno;
	return S_ISCHR(st.st_mode) && st.st_rdev == makedev(1, 3) ? 0 : -EIO;
}

static int attempt_in(const char *name, file_attempt *attempt)
{
	auto_close int directory = open(name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	return directory < 0 ? -errno : attempt(directory);
}

/* Would that have worked elsewhere? */
static bool works_on_tmpfs(file_attempt *attempt)
{
	bool works;

	if (mkdir(CONTROL, 0700) < 0 && errno != EEXIST)
		return false;
	if (mount("tmpfs", CONTROL, "tmpfs", 0, "size=64k,mode=0700") < 0)
		return false;
	works = attempt_in(CONTROL, attempt) == 0;
	(void) umount2(CONTROL, MNT_DETACH);
	return works;
}

/* ---- in the overlay ----
 */

static int check_owner(void)
{
	return attempt_in("m", make_owned);
}

static int check_device(void)
{
	return attempt_in("m", make_device);
}

/* The change of its mode has copied the file up, which leaves capabilities; a write would take them
 * away. */
static int check_capability(void)
{
	char before[XATTR_CAPS_SZ_3], after[XATTR_CAPS_SZ_3];
	ssize_t n = lgetxattr("b/capable", CAPABILITY, before, sizeof(before));
	ssize_t n_after;

	if (n < 0)
		return -EOPNOTSUPP; /* it could not be given any */
	n_after = lgetxattr("m/capable", CAPABILITY, after, sizeof(after));
	if (n_after < 0)
		return -errno;
	return n_after == n && memcmp(before, after, (size_t) n) == 0 ? 0 : -EIO;
}

static int check_mode(void)
{
	const mode_t mode = 04751;
	struct stat st;

	if (chmod("m/capable", mode) < 0 || stat("m/capable", &st) < 0)
		return -errno;
	return (st.st_mode & 07777) == mode ? 0 : -EIO;
}

static int check_symbolic_link(void)
{
	char target[16];
	ssize_t n;

	if (symlink("nowhere", "m/symbolic") < 0)
		return -errno;
	n = readlink("m/symbolic", target, sizeof(target));
	if (n < 0)
		return -errno;
	return n == 7 && memcmp(target, "nowhere", 7) == 0 ? 0 : -EIO;
}

static int check_long_name(void)
{
	char path[2 + LONG_NAME + 1] = "m/";

	memset(path + 2, 'x', LONG_NAME);
	path[2 + LONG_NAME] = '\0';
	return trial_make_file(path, "");
}

static const struct {
	int (*check)(void);
	file_attempt *control; /* NULL: nothing but the file system can refuse it */
	const char *what;
} checks[] = {
	{ check_mode, NULL, "change the mode of a file of a lower layer" },
	{ check_owner, make_owned, "give a file to another user" },
	{ check_capability, make_capable, "keep a file's capabilities (security.capability)" },
	{ check_symbolic_link, NULL, "make a symbolic link" },
	{ check_device, make_device, "make a device node" },
	{ check_long_name, NULL, "create a file with a long name" },
};

int trial_exercise_files(struct trial_record *record)
{
	for (size_t i = 0; i < ARRAY_SIZE(checks); i++) {
		int r = checks[i].check();

		if (r < 0 && (!checks[i].control || works_on_tmpfs(checks[i].control)))
			return trial_failed(record, TRI_NO, -r, "%s", checks[i].what);
	}
	return 0;
}

int trial_populate_files(struct trial_record *record)
{
	auto_close int fd = open("b/capable", O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);

	if (fd < 0)
		return trial_failed(record, TRI_NO, errno, "write a file");
	/* judged later: a refusal to mount an overlay at all tells more */
	(void) give_capability(fd);
	return 0;
}
