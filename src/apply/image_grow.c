/* SPDX-License-Identifier: Apache-2.0 */
/*
 * image_grow.c - a larger --storage-size than the image was made with. The file gets its new size
 * before it is attached, so that the device has it from the start, and the file system is made to
 * fill it when it is mounted. A start that is cut off between the two leaves a file that is larger
 * than its file system, and the next one goes on from there.
 */
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/statvfs.h>

#include "child.h"
#include "dind/str.h"
#include "image.h"
#include "steps.h"

#define RESIZE_TIMEOUT_MS 120000

/* The last group of ext4, the last allocation group of XFS, may be too small to be used: below this
 * nothing is missing. */
#define GROWTH_SLACK (128ULL << 20)

/* Interfaces of the kernel that no header of the C library has. */
#define EXT4_RESIZE _IOW('f', 16, uint64_t)

struct xfs_growth {
	uint64_t blocks;
	uint32_t max_inodes; /* per cent */
	uint32_t padding;
};
#define XFS_GROW _IOW('X', 110, struct xfs_growth)

static void set_file_size(struct image_job *job, uint64_t bytes)
{
	char have[32], want[32];

	(void) str_format_size(job->info.file_bytes, have, sizeof(have));
	(void) str_format_size(bytes, want, sizeof(want));
	/* on the disk before the file system says that it is that large */
	if (bytes <= INT64_MAX && ftruncate(job->fd, (off_t) bytes) == 0 && fsync(job->fd) == 0) {
		job->info.file_bytes = bytes;
		return;
	}
	apply_warn(job->context, "%s stays at %s, it cannot be grown to %s: %s%s", job->image, have,
		   want, strerror(errno), errno == EFBIG ? " for the file system below" : "");
}

void image_enlarge(struct image_job *job)
{
	uint64_t bytes = job->step->u.image.bytes;
	char have[32], want[32];

	if (!job->step->u.image.resize || bytes == job->info.file_bytes)
		return;
	if (bytes > job->info.file_bytes) {
		set_file_size(job, bytes);
		return;
	}
	apply_notice(job->context,
		     "%s stays at %s: images are not made smaller, not to the %s of --storage-size "
		     "either",
		     job->image, str_format_size(job->info.file_bytes, have, sizeof(have)),
		     str_format_size(bytes, want, sizeof(want)));
}

static uint64_t mounted_bytes(const struct image_job *job)
{
	struct statvfs st;

	return statvfs(job->target, &st) < 0 ? 0 : (uint64_t) st.f_blocks * st.f_frsize;
}

/* Online, while nothing uses it. 0 or a negative errno. */
static int grow_mounted(const struct image_job *job)
{
	auto_close int fd = open(job->target, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	uint64_t blocks = job->info.file_bytes / job->info.block_size;
	struct xfs_growth growth = { .blocks = blocks, .max_inodes = job->info.xfs_max_inodes };
	int r;

	if (fd < 0)
		return -errno;
	do {
		r = job->info.fs == STORAGE_FS_XFS ? ioctl(fd, XFS_GROW, &growth)
						   : ioctl(fd, EXT4_RESIZE, &blocks);
	} while (r < 0 && errno == EINTR);
	return r < 0 ? -errno : 0;
}

static int resize_file(struct image_job *job, struct error *err)
{
	enum image_verdict verdict;
	char resize[PATH_MAX];
	const char *argv[] = { resize, job->image, NULL };
	int r = image_find_program(job->step, job->step->u.image.resize2fs, "resize2fs", resize,
				   err);

	if (r < 0)
		return r;
	r = image_check(job, true, false, &verdict, err); /* resize2fs insists */
	if (r < 0)
		return r;
	if (verdict != IMAGE_SOUND)
		return error_set_plain(err, -EUCLEAN, "e2fsck finds it damaged");
	return child_run(argv, RESIZE_TIMEOUT_MS, 0, err);
}

/* The kernel wants CAP_SYS_RESOURCE of who grows ext4, and a container may lack that; resize2fs
 * does it to the file. The mount is taken away and put back. */
static int grow_unmounted(struct image_job *job, struct error *why, struct error *err)
{
	int r;

	if (umount2(job->target, UMOUNT_NOFOLLOW) < 0) {
		(void) error_set(why, -errno, "unmount %s", job->target);
		return 0;
	}
	r = image_wait_detached(job, err);
	if (r < 0)
		return r;
	(void) resize_file(job, why);
	r = image_look(job, err);
	return r < 0 ? r : image_mount_once(job, err);
}

int image_grow(struct image_job *job, struct error *err)
{
	uint64_t before = mounted_bytes(job), after;
	struct error why = ERROR_INIT;
	char from[32], to[32];
	int r;

	if (job->info.bytes + job->info.block_size > job->info.file_bytes)
		return 0;
	r = grow_mounted(job);
	if (r == -EPERM && job->info.fs == STORAGE_FS_EXT4) {
		r = grow_unmounted(job, &why, err);
		if (r < 0)
			return r;
	} else if (r < 0) {
		(void) error_set(&why, r, "make it larger");
	}
	after = mounted_bytes(job);
	if (before > 0 && after > before)
		apply_notice(job->context, "%s was grown from %s to %s", job->image,
			     str_format_size(before, from, sizeof(from)),
			     str_format_size(after, to, sizeof(to)));
	else if (why.code < 0 && job->info.bytes + GROWTH_SLACK <= job->info.file_bytes)
		apply_warn(job->context, "%s stays at %s instead of %s: %s", job->image,
			   str_format_size(job->info.bytes, from, sizeof(from)),
			   str_format_size(job->info.file_bytes, to, sizeof(to)), why.message);
	return 0;
}
