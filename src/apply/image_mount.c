/* SPDX-License-Identifier: Apache-2.0 */
/* image_mount.c - image file → loop device → data root. */
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>

#include "child.h"
#include "dind/file.h"
#include "image.h"
#include "loop.h"
#include "steps.h"

#define FSCK_TIMEOUT_MS 30000
#define FSCK_CORRECTED                                                             \
	2 /* e2fsck(8): 1 corrected, 2 corrected and reboot; above it did not help \
	   */

/* A device of the container's life before may still be on its way out. */
#define ATTACHED_WAIT_MS 2000

/*
 * noatime: layers are read by many and their times by nobody.
 * discard: what is removed inside goes back to the machine's disk, or the file would only grow.
 *     Measured: no slower within the noise, the file half as large after 3 of 4 GiB were removed.
 * errors=remount-ro: when the disk below is full, writes fail; better read-only than damaged.
 * noinit_itable: the tables are holes, which read as zeros, whatever mkfs knew about that.
 * Barriers and the 5 s commit stay: the data is to survive a power cut as well as a volume's does.
 */
#define IMAGE_MOUNT_OPTIONS "discard,errors=remount-ro,noinit_itable"

static int mount_device(const char *device, const char *target)
{
	return mount(device, target, "ext4", MS_NOATIME, IMAGE_MOUNT_OPTIONS) < 0 ? -errno : 0;
}

static bool is_mounted_here(const char *target, int image_fd)
{
	struct stat st;

	return stat(target, &st) == 0 && loop_is_backed_by(st.st_dev, image_fd);
}

static int refuse_second_device(int image_fd, const char *image, struct error *err)
{
	int64_t deadline = clock_now_ms() + ATTACHED_WAIT_MS;
	char device[32];

	while (loop_find(image_fd, image, device, sizeof(device)) > 0) {
		if (clock_now_ms() >= deadline)
			return error_set_plain(err, -EBUSY,
					       "%s is attached to %s already, where another mount "
					       "namespace has it mounted",
					       image, device);
		apply_sleep_ms(20);
	}
	return 0;
}

/* It never held data, so nothing is lost by making it anew. */
static int make_again(struct apply_context *context, int image_fd, const struct plan_step *step,
		      struct error *err)
{
	int r = image_begin(context, image_fd, step, err);

	if (r == 0)
		r = image_finish(context, step, err);
	if (r == 0)
		apply_notice(context, "%s was unusable but never used, so it was made anew",
			     step->u.image.image);
	return r;
}

static int run_fsck(struct apply_context *context, const struct plan_step *step, struct error *err)
{
	char fsck[PATH_MAX], parent[PATH_MAX];
	const char *argv[] = { fsck, "-p", "-f", step->u.image.image, NULL };
	int r;

	if (!step->u.image.mkfs || apply_parent(step->u.image.mkfs, parent, sizeof(parent)) < 0 ||
	    apply_format(fsck, sizeof(fsck), "%s/e2fsck", parent) < 0 || access(fsck, X_OK) < 0)
		return error_set_plain(err, -ENOENT, "and there is no e2fsck beside mkfs");
	r = child_run(argv, FSCK_TIMEOUT_MS, FSCK_CORRECTED, err);
	if (r == 0)
		apply_notice(context, "%s was repaired by e2fsck", step->u.image.image);
	return r;
}

/* Attach and mount; the mount keeps the device when our descriptor is closed. */
static int mount_once(struct apply_context *context, int image_fd, const char *image,
		      const char *target, unsigned int block_size, struct error *err)
{
	struct loop loop;
	struct stat st;
	int r;

	if (fstat(image_fd, &st) < 0)
		return error_set(err, -errno, "look at %s", image);
	r = loop_attach(image_fd, image, block_size, &loop, err);

	if (r < 0)
		return r;
	r = mount_device(loop.device, target);
	fd_close(&loop.fd);
	if (r < 0)
		return error_set(err, r, "mount %s (%s) on %s", image, loop.device, target);
	memcpy(context->loop_device, loop.device, sizeof(context->loop_device));
	context->loop_image_device = st.st_dev;
	context->loop_image_inode = st.st_ino;
	context->loop_direct_io = loop.direct_io;
	if (!loop.direct_io)
		apply_notice(context,
			     "%s: direct I/O is refused (%s), so its data is cached twice and "
			     "stopping takes longer",
			     image, strerror(-loop.direct_io_error));
	return 0;
}

/* Errors that say something about the image, not about the machine. */
static bool is_damage(int code)
{
	return code == -EUCLEAN || code == -EINVAL || code == -EIO || code == -EBADMSG;
}

static int mount_or_mend(struct apply_context *context, int image_fd,
			 const struct superblock_info *info, const struct plan_step *step,
			 const char *target, struct error *err)
{
	const char *image = step->u.image.image;
	struct error first = ERROR_INIT, mending = ERROR_INIT;
	struct superblock_info now;
	int r = mount_once(context, image_fd, image, target, info->block_size, &first);

	if (r == 0)
		return 0;
	if (!is_damage(r)) {
		*err = first;
		return r;
	}
	r = info->content == IMAGE_UNUSED ? make_again(context, image_fd, step, &mending)
					  : run_fsck(context, step, &mending);
	if (r == 0) {
		r = superblock_read(image_fd, &now);
		if (r < 0)
			(void) error_set(&mending, r, "read %s", image);
	}
	if (r == 0)
		r = mount_once(context, image_fd, image, target, now.block_size, &mending);
	if (r < 0) {
		(void) error_set_plain(err, r, "%s; mending it failed: %s; nothing was deleted",
				       first.message, mending.message);
		return r;
	}
	return 0;
}

static int mount_image(struct apply_context *context, int image_fd, const struct plan_step *step,
		       const struct superblock_info *info, const char *target, struct error *err)
{
	int r = refuse_second_device(image_fd, step->u.image.image, err);

	if (r == 0)
		r = mount_or_mend(context, image_fd, info, step, target, err);
	if (r < 0)
		return r;
	r = apply_record_data_root(context, target, err);
	if (r < 0) {
		(void) umount2(target, MNT_DETACH | UMOUNT_NOFOLLOW);
		context->loop_device[0] = '\0';
	}
	return r;
}

int apply_mount_image(struct apply_context *context, const struct plan_step *step,
		      struct error *err)
{
	const char *image = step->u.image.image;
	struct superblock_info info;
	auto_close int fd = -EBADF;
	char target[PATH_MAX];
	int r;

	r = image_finish(context, step, err);
	if (r < 0)
		return r;
	r = apply_make_directory(step->u.image.target, 0711);
	if (r == 0)
		r = apply_canonical(step->u.image.target, target);
	if (r < 0)
		return error_set(err, r, "make directory %s", step->u.image.target);
	fd = image_open(context, image, false, &info, err);
	if (fd < 0)
		return fd;
	if (is_mounted_here(target, fd))
		return 0;
	if (info.content == IMAGE_BLANK || info.content == IMAGE_FOREIGN)
		return error_set_plain(err, -EUCLEAN, "%s holds no finished ext4 file system",
				       image);
	return mount_image(context, fd, step, &info, target, err);
}
