/* SPDX-License-Identifier: Apache-2.0 */
/* image.c - a sparse file with a file system becomes the data root. mkfs is started early and runs
 * beside the other steps. */
#include "image.h"

#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "child.h"
#include "dind/str.h"
#include "steps.h"

#define MKFS_TIMEOUT_MS 30000

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
	char text[32];
	int r;

	if (bytes == 0 || bytes > INT64_MAX)
		return error_set_plain(err, -EINVAL, "an image of %llu bytes",
				       (unsigned long long) bytes);
	(void) str_format_size(bytes, text, sizeof(text));
	if (ftruncate(fd, 0) == 0 && ftruncate(fd, (off_t) bytes) == 0)
		return 0;
	r = -errno;
	if (r == -EFBIG)
		return error_set_plain(err, r,
				       "the file system below %s does not take files of %s; a "
				       "smaller --storage-size may fit",
				       image, text);
	return error_set(err, r, "give %s its size of %s", image, text);
}

static int check_size(const struct plan_step *step, struct error *err)
{
	uint64_t least = image_min_bytes(step->u.image.fs);
	char wanted[32], minimum[32];

	if (step->u.image.bytes >= least || step->u.image.bytes == 0)
		return 0;
	return error_set_plain(err, -EINVAL,
			       "an image of %s is too small, %s needs %s at least (--storage-size)",
			       str_format_size(step->u.image.bytes, wanted, sizeof(wanted)),
			       superblock_fs_name(step->u.image.fs),
			       str_format_size(least, minimum, sizeof(minimum)));
}

static int start_mkfs(struct apply_context *context, const struct plan_step *step, int attempt,
		      struct error *err)
{
	const char *argv[IMAGE_MKFS_WORDS];
	struct image_mkfs_numbers numbers;
	pid_t pid;

	if (!image_mkfs_command(step, attempt, argv, &numbers))
		return error_set_plain(err, -ENOENT, "%s was asked in every way",
				       step->u.image.mkfs);
	pid = child_start(argv, &context->mkfs_output, err);
	if (pid < 0)
		return (int) pid;
	context->mkfs_pid = pid;
	context->mkfs_attempt = attempt;
	return 0;
}

/* Give back what mkfs took: without a superblock it is nothing, the next rung may need the room. */
static int empty_image(struct apply_context *context)
{
	int r = context->mkfs_image < 0 || ftruncate(context->mkfs_image, 0) == 0 ? 0 : -errno;

	fd_close(&context->mkfs_image);
	return r;
}

int image_begin(struct apply_context *context, int fd, const struct plan_step *step,
		struct error *err)
{
	const char *image = step->u.image.image;
	int r;

	if (!step->u.image.mkfs)
		return error_set_plain(err, -ENOENT, "no mkfs for %s to make %s with",
				       superblock_fs_name(step->u.image.fs), image);
	r = check_size(step, err);
	if (r == 0)
		r = image_room_check(fd, image, image_first_bytes(step->u.image.fs), err);
	if (r < 0)
		return r;
	fd_close(&context->mkfs_image);
	context->mkfs_image = fcntl(fd, F_DUPFD_CLOEXEC, 0);
	if (context->mkfs_image < 0)
		return error_set(err, -errno, "keep %s open", image);
	r = lay_out(fd, image, step->u.image.bytes, err);
	if (r == 0)
		r = start_mkfs(context, step, 0, err);
	if (r < 0)
		(void) empty_image(context);
	return r;
}

/* What is in an image without a file system is thrown away, so it is told. */
static void tell_blank(struct apply_context *context, const char *image,
		       const struct superblock_info *info)
{
	char text[32];

	if (info->used_bytes == 0)
		return; /* a new lock file, or emptied by an earlier start */
	apply_warn(context,
		   "%s (%s) holds no finished file system, as after a start that was cut off; it "
		   "is made anew",
		   image, str_format_size(info->used_bytes, text, sizeof(text)));
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
	case IMAGE_LOST:
	case IMAGE_FOREIGN:
		if (step->u.image.recreate)
			return 0; /* when it is mounted: that may take a while */
		return error_set_plain(err, -EEXIST,
				       "%s is there and is not an image of ours; it was left alone",
				       image);
	case IMAGE_BLANK:
		break;
	}
	r = image_begin(context, fd, step, err);
	if (r == 0)
		tell_blank(context, image, &info);
	return r;
}

static int mkfs_failed(struct apply_context *context, const struct plan_step *step, int status,
		       const char *line, struct error *err)
{
	const char *image = step->u.image.image;
	char text[40];
	int r;

	/* asked before the room is given back */
	r = image_room_check(context->mkfs_image, image, image_first_bytes(step->u.image.fs), err);
	if (r == 0)
		r = error_set_plain(err, -EIO, "%s %s%s%s", step->u.image.mkfs,
				    child_status_text(status, text, sizeof(text)),
				    *line ? ": " : "", line);
	if (empty_image(context) < 0)
		apply_notice(context, "%s could not be emptied", image);
	return r;
}

int image_finish(struct apply_context *context, const struct plan_step *step, struct error *err)
{
	char line[200];
	int status, r;

	while (context->mkfs_pid > 0) {
		struct error ignored = ERROR_INIT;

		r = child_finish(context->mkfs_pid, &context->mkfs_output, MKFS_TIMEOUT_MS, line,
				 sizeof(line), &status);
		context->mkfs_pid = 0;
		if (r < 0) {
			(void) empty_image(context);
			return error_set(err, r, "wait for %s", step->u.image.mkfs);
		}
		if (status == 0)
			break;
		/* an option that it does not know? */
		if (!WIFEXITED(status) ||
		    start_mkfs(context, step, context->mkfs_attempt + 1, &ignored) < 0)
			return mkfs_failed(context, step, status, line, err);
	}
	fd_close(&context->mkfs_image);
	return 0;
}

void apply_abandon_image(struct apply_context *context)
{
	bool running = context->mkfs_pid > 0;

	if (running)
		child_kill(context->mkfs_pid);
	context->mkfs_pid = 0;
	fd_close(&context->mkfs_output);
	if (running)
		(void) empty_image(context);
	fd_close(&context->mkfs_image);
}
