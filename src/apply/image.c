/* SPDX-License-Identifier: Apache-2.0 */
/* image.c - a sparse file with a file system becomes the data root. mkfs is started early and runs
 * beside the other steps. */
#include "image.h"

#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "child.h"
#include "dind/str.h"
#include "steps.h"

#define MKFS_TIMEOUT_MS 30000
#define IMAGE_FEATURES                                                                    \
	"none,has_journal,ext_attr,dir_index,filetype,extent,64bit,flex_bg,sparse_super," \
	"large_file,huge_file,dir_nlink,extra_isize,metadata_csum"

/* The name may lead elsewhere than to the file that the lock is on. */
static int check_lock(const struct apply_context *context, const char *image, int fd,
		      struct error *err)
{
	struct stat held, st;

	if (context->lock_fd < 0 || strcmp(context->lock_path, image) != 0)
		return 0;
	if (fstat(context->lock_fd, &held) < 0 || fstat(fd, &st) < 0)
		return error_set(err, -errno, "look at %s", image);
	if (held.st_dev != st.st_dev || held.st_ino != st.st_ino)
		return error_set_plain(err, -ESTALE, "%s was replaced after it was locked", image);
	return 0;
}

int image_open(const struct apply_context *context, const char *image, bool create,
	       struct superblock_info *ret_info, struct error *err)
{
	/* 0600: it holds what inner containers keep secret */
	auto_close int fd =
		open(image, O_RDWR | O_CLOEXEC | O_NOCTTY | (create ? O_CREAT : 0), 0600);
	struct stat st;
	int r;

	if (fd < 0 || fstat(fd, &st) < 0)
		return error_set(err, -errno, "open the image %s", image);
	if (!S_ISREG(st.st_mode))
		return error_set_plain(err, -EINVAL, "%s is not a regular file", image);
	r = check_lock(context, image, fd, err);
	if (r < 0)
		return r;
	r = superblock_read(fd, ret_info);
	if (r < 0)
		return error_set(err, r, "read %s", image);
	return fd_take(&fd);
}

/* Empty the file and give it its size: what an interrupted mkfs wrote must not show through. */
static int lay_out(int fd, const char *image, uint64_t bytes, struct error *err)
{
	if (bytes == 0 || bytes > INT64_MAX)
		return error_set_plain(err, -EINVAL, "an image of %llu bytes",
				       (unsigned long long) bytes);
	if (ftruncate(fd, 0) < 0 || ftruncate(fd, (off_t) bytes) < 0)
		return error_set(err, -errno, "give %s its size of %llu bytes", image,
				 (unsigned long long) bytes);
	return 0;
}

/*
 * The options, for a file system that lives as long as its container. Measured for 100 GiB sparse
 * on overlay, idle: mkfs 5.5 ms and 1.1 MiB written, against 11 ms and 517 MiB by default.
 * -b 4096   also for small images, so that direct I/O works on disks with sectors of 4 KiB
 * -i 16384  the usual density: 6.5 million inodes in 100 GiB. Layers of small files need them, and
 *           their tables cost nothing until they are used
 * -m 0      nobody but root writes here
 * -J        the journal stays, for power cuts; 128 MiB instead of up to 1 GiB, because every block
 *           of it is written sooner or later and then takes room in the file
 * -O        everything named, whatever mke2fs.conf says: the usual features without
 *           resize_inode: room for growing the group descriptors, half of mkfs's time;
 *           orphan_file (default since e2fsprogs 1.47.1): mount(2) reads all of it block by block,
 *           40 of the 45 ms of a mount in a container
 * lazy_*    the file is fresh and sparse, its holes read as zeros. mkfs's discard (a hole punched
 *           into nothing) stays on: by it mkfs knows that and marks the tables as zeroed, or the
 *           kernel would write all of them, 1.6 GiB, in the background
 */
static pid_t start_mkfs(const char *mkfs, const char *image, uint64_t bytes, int *ret_output,
			struct error *err)
{
	const char *argv[20];
	size_t n = 0;

	argv[n++] = mkfs;
	argv[n++] = "-q";
	argv[n++] = "-F";
	argv[n++] = "-b";
	argv[n++] = "4096";
	argv[n++] = "-I";
	argv[n++] = "256";
	argv[n++] = "-i";
	argv[n++] = "16384";
	argv[n++] = "-m";
	argv[n++] = "0";
	if (bytes >= 16ULL << 30) { /* below, mke2fs's own choice is smaller */
		argv[n++] = "-J";
		argv[n++] = "size=128";
	}
	argv[n++] = "-O";
	argv[n++] = IMAGE_FEATURES;
	argv[n++] = "-E";
	argv[n++] = "lazy_itable_init=1,lazy_journal_init=1";
	argv[n++] = image;
	argv[n] = NULL;
	return child_start(argv, ret_output, err);
}

int image_begin(struct apply_context *context, int fd, const struct plan_step *step,
		struct error *err)
{
	const char *image = step->u.image.image;
	pid_t pid;
	int r;

	if (!step->u.image.mkfs)
		return error_set_plain(err, -ENOENT, "no mkfs.ext4 to make %s with", image);
	r = lay_out(fd, image, step->u.image.bytes, err);
	if (r < 0)
		return r;
	pid = start_mkfs(step->u.image.mkfs, image, step->u.image.bytes, &context->mkfs_output,
			 err);
	if (pid < 0)
		return (int) pid;
	context->mkfs_pid = pid;
	return 0;
}

int apply_make_image(struct apply_context *context, const struct plan_step *step, struct error *err)
{
	const char *image = step->u.image.image;
	struct superblock_info info;
	auto_close int fd = -EBADF;
	char parent[PATH_MAX];
	int r;

	if (context->mkfs_pid > 0)
		return 0; /* at work */
	r = apply_parent(image, parent, sizeof(parent));
	if (r == 0)
		r = apply_make_directory(parent, 0711);
	if (r < 0)
		return error_set(err, r, "make the directory of %s", image);
	fd = image_open(context, image, true, &info, err);
	if (fd < 0)
		return fd;
	switch (info.content) {
	case IMAGE_UNUSED:
	case IMAGE_USED:
		return 0;
	case IMAGE_FOREIGN:
		return error_set_plain(err, -EEXIST,
				       "%s is there and is not an ext4 image of ours; it was left "
				       "alone",
				       image);
	case IMAGE_BLANK:
		break;
	}
	return image_begin(context, fd, step, err);
}

int image_finish(struct apply_context *context, const struct plan_step *step, struct error *err)
{
	const char *image = step->u.image.image;
	char line[200], text[40];
	int status;
	int r;

	if (context->mkfs_pid <= 0)
		return 0;
	r = child_finish(context->mkfs_pid, &context->mkfs_output, MKFS_TIMEOUT_MS, line,
			 sizeof(line), &status);
	context->mkfs_pid = 0;
	if (r < 0)
		return error_set(err, r, "wait for %s", step->u.image.mkfs);
	if (status == 0)
		return 0;
	/* It has no superblock: give back what it took, the next rung may need the room. */
	if (truncate(image, 0) < 0)
		apply_notice(context, "%s could not be emptied: %s", image, strerror(errno));
	return error_set_plain(err, -EIO, "%s %s%s%s", step->u.image.mkfs,
			       child_status_text(status, text, sizeof(text)), *line ? ": " : "",
			       line);
}

void apply_abandon(struct apply_context *context)
{
	if (context->mkfs_pid > 0)
		child_kill(context->mkfs_pid);
	context->mkfs_pid = 0;
	fd_close(&context->mkfs_output);
}
