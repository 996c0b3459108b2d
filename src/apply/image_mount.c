/* SPDX-License-Identifier: Apache-2.0 */
/* image_mount.c - image file → loop device → data root. */
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "child.h"
#include "dind/file.h"
#include "image.h"
#include "loop.h"
#include "steps.h"

/* <linux/fs.h> does not go together with <sys/mount.h> everywhere. */
#define LABEL_SIZE 256
#define SET_LABEL  _IOW(0x94, 50, char[LABEL_SIZE])

/* A device of the container's life before may still be on its way out. */
#define ATTACHED_WAIT_MS 2000

/* A record of some megabytes and a stat(2) for each file, for what was made in the last minutes. */
#define CHECK_LAYERS_TIMEOUT_MS 20000

/*
 * noatime: layers are read by many and their times by nobody.
 * discard: what is removed inside goes back to the machine's disk, or the file would only grow.
 *     Measured: no slower within the noise, the file half as large after 3 of 4 GiB were removed.
 * errors=remount-ro: when the disk below is full, writes fail; better read-only than damaged.
 * noinit_itable: the tables are holes, which read as zeros, whatever mkfs knew about that.
 * prjquota: what docker run --storage-opt size= needs; without it where the kernel has no quotas.
 * nouuid: docker commit of two containers copies the image with its UUID.
 * Barriers and the 5 s commit stay: the data is to survive a power cut as well as a volume's does.
 */
static const struct {
	const char *type, *options, *fallback;
} file_systems[] = {
	[STORAGE_FS_EXT4] = { "ext4", "discard,errors=remount-ro,noinit_itable", NULL },
	[STORAGE_FS_XFS] = { "xfs", "discard,nouuid,prjquota", "discard,nouuid" },
};

static bool is_mounted_here(const char *target, int image_fd)
{
	struct stat st;

	return stat(target, &st) == 0 && loop_is_backed_by(st.st_dev, image_fd);
}

int image_wait_detached(struct image_job *job, struct error *err)
{
	int64_t deadline = clock_now_ms() + ATTACHED_WAIT_MS;
	char device[32];

	while (loop_find(job->fd, job->image, device, sizeof(device)) > 0) {
		if (clock_now_ms() >= deadline)
			return error_set_plain(err, -EBUSY,
					       "%s is attached to %s already, where another mount "
					       "namespace has it mounted",
					       job->image, device);
		clock_sleep_ms(20);
	}
	return 0;
}

int image_look(struct image_job *job, struct error *err)
{
	int r = superblock_read(job->fd, &job->info);

	return r < 0 ? error_set(err, r, "read %s", job->image) : 0;
}

static int mount_device(const struct image_job *job, const char *device, struct error *err)
{
	const char *type = file_systems[job->info.fs].type;
	const char *fallback = file_systems[job->info.fs].fallback;
	const char *label = job->step->u.image.label;
	int r = apply_mount_labelled(job->context, device, job->target, type, MS_NOATIME,
				     file_systems[job->info.fs].options, label);

	if (r == -EINVAL && fallback) {
		r = apply_mount_labelled(job->context, device, job->target, type, MS_NOATIME,
					 fallback, label);
		if (r == 0)
			apply_notice(job->context, "this kernel has no quotas for XFS, so docker "
						   "run --storage-opt size= is refused");
	}
	if (r == 0)
		return 0;
	if (r == -ENODEV)
		return error_set_plain(err, -ENODEV, "this kernel has no %s to mount %s with", type,
				       job->image);
	return error_set(err, r, "mount %s (%s, %s) on %s", job->image, device, type, job->target);
}

int image_mount_once(struct image_job *job, struct error *err)
{
	struct apply_context *context = job->context;
	struct loop loop;
	struct stat st;
	int r;

	if (fstat(job->fd, &st) < 0)
		return error_set(err, -errno, "look at %s", job->image);
	r = loop_attach(job->fd, job->image, job->info.io_size, &loop, err);
	if (r < 0)
		return r;
	r = mount_device(job, loop.device, err);
	fd_close(&loop.fd);
	if (r < 0)
		return r;
	memcpy(context->loop_device, loop.device, sizeof(context->loop_device));
	context->loop_image_device = st.st_dev;
	context->loop_image_inode = st.st_ino;
	context->loop_direct_io = loop.direct_io;
	if (!loop.direct_io)
		apply_notice(context,
			     "%s: direct I/O is refused (%s), so its data is cached twice and "
			     "stopping takes longer",
			     job->image, strerror(-loop.direct_io_error));
	return 0;
}

/* From now on it may hold data: ext4 notes a mount itself, XFS does not. */
static int mark_used(const struct image_job *job, struct error *err)
{
	char label[LABEL_SIZE] = SUPERBLOCK_XFS_USED;
	auto_close int fd = -EBADF;

	if (job->info.fs != STORAGE_FS_XFS || job->info.content != IMAGE_UNUSED)
		return 0;
	fd = open(job->target, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0 || ioctl(fd, SET_LABEL, label) < 0)
		return error_set(err, -errno, "mark %s as used", job->image);
	return 0;
}

static void tell_file_system(struct image_job *job)
{
	if (job->info.fs != job->step->u.image.fs)
		apply_notice(job->context,
			     "%s is %s from an earlier start and stays so, with its data: "
			     "--storage-fs is for new images",
			     job->image, superblock_fs_name(job->info.fs));
}

/* What needs the mount. 0, or a negative errno when nothing may be left mounted. */
static int settle(struct image_job *job, struct error *err)
{
	int r = mark_used(job, err);

	if (r == 0)
		r = image_grow(job, err);
	if (r == 0)
		r = apply_record_data_root(job->context, job->target, err);
	if (r < 0) {
		(void) umount2(job->target, MNT_DETACH | UMOUNT_NOFOLLOW);
		job->context->loop_device[0] = '\0';
		return r;
	}
	tell_file_system(job);
	image_room_warn(job);
	return 0;
}

/* 0: all of its images are whole. 1: @line names those that are not. -1: that cannot be told, @line
 * says why, if anything. */
static int check_layers(const struct image_job *job, char *line, size_t size)
{
	const char *client = job->step->u.image.client;
	const char *argv[] = { client, "check", "--directory", job->target, NULL };
	struct error err = ERROR_INIT;
	int output = -EBADF, status = 0, r;
	pid_t pid;

	*line = '\0';
	if (!client)
		return -1;
	pid = child_start(argv, &output, &err);
	if (pid < 0)
		return -1;
	r = child_finish(pid, &output, CHECK_LAYERS_TIMEOUT_MS, line, size, &status);
	if (r == -ETIMEDOUT)
		(void) snprintf(line, size, "looking took too long");
	if (r < 0 || !WIFEXITED(status) || WEXITSTATUS(status) > 1)
		return -1;
	return WEXITSTATUS(status);
}

/*
 * However we are killed, the kernel unmounts in order when the last of us is gone; so this was the
 * machine. The journal keeps the file system whole, not what files hold that nobody had synced, and
 * an engine syncs its records but not the layers: an image may be listed that has empty files.
 */
static void tell_unclean(const struct image_job *job)
{
	static const char fact[] = "was not unmounted, as when the power is cut: the file system "
				   "is whole, but";
	char line[240];
	int r = check_layers(job, line, sizeof(line));

	if (r == 0)
		apply_warn(job->context,
			   "%s %s what was done in the last half minute before may be lost; the "
			   "images that are there are complete",
			   job->image, fact);
	else if (r > 0)
		apply_warn(job->context,
			   "%s %s files of these images are lost: %s; remove them, and load or "
			   "build them again",
			   job->image, fact, line);
	else
		apply_warn(job->context,
			   "%s %s images of the last half minute before may have empty files%s%s%s",
			   job->image, fact, *line ? " (" : "", line, *line ? ")" : "");
}

static int mount_image(struct image_job *job, struct error *err)
{
	bool unclean = false;
	int r = image_wait_detached(job, err);

	if (r == 0)
		r = image_look(job, err); /* again: only now is it settled who had it mounted */
	if (r == 0) {
		unclean = superblock_is_unclean(job->fd, &job->info);
		r = image_mount_or_mend(job, err);
	}
	if (r == 0)
		r = settle(job, err);
	if (r == 0 && unclean && !job->remade)
		tell_unclean(job);
	return r;
}

int apply_mount_image(struct apply_context *context, const struct plan_step *step,
		      struct error *err)
{
	struct image_job job = {
		.context = context, .step = step, .image = step->u.image.image, .fd = -EBADF
	};
	int r;

	r = image_finish(context, step, err);
	if (r < 0)
		return r;
	r = apply_make_directory(step->u.image.target, 0711);
	if (r == 0)
		r = apply_canonical(step->u.image.target, job.target);
	if (r < 0)
		return error_set(err, r, "make directory %s", step->u.image.target);
	job.fd = image_open(context, job.image, false, &job.info, err);
	if (job.fd < 0)
		return job.fd;
	if (is_mounted_here(job.target, job.fd))
		r = 0;
	else if (job.info.content == IMAGE_BLANK)
		r = error_set_plain(err, -EUCLEAN, "%s holds no finished file system", job.image);
	else
		r = mount_image(&job, err);
	fd_close(&job.fd);
	return r;
}
