/* SPDX-License-Identifier: Apache-2.0 */
/*
 * image_mend.c - an image that does not mount. Both file systems replay their journal at mount(2),
 * so after a power cut there is nothing to do here; what comes here is damaged. It is checked, and
 * what the checker cannot repair is moved aside and made anew if the plan allows that. An error of
 * the machine (no such file system in this kernel, a disk that is full, a checker that is missing)
 * never costs an image.
 */
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include "child.h"
#include "dind/str.h"
#include "image.h"
#include "steps.h"

#define CHECK_TIMEOUT_MS 120000
#define CHECK_ROOM	 (4ULL << 20) /* with less free below, errors are those of a full disk */

/* e2fsck(8), bits: 1 corrected, 2 corrected and reboot, 4 left uncorrected. */
#define FSCK_CORRECTED 3
#define FSCK_LEFT      4
/* xfs_repair(8): 1 cannot be repaired, 2 the log has to be replayed first. */
#define XFS_REPAIR_LEFT 1
#define XFS_REPAIR_LOG	2

#ifndef RENAME_EXCHANGE
#define RENAME_EXCHANGE 2
#endif

/* ---- checking ---- */

int image_find_program(const struct plan_step *step, const char *named, const char *name, char *buf,
		       struct error *err)
{
	char parent[PATH_MAX];

	if (named && apply_format(buf, PATH_MAX, "%s", named) == 0 && access(buf, X_OK) == 0)
		return 0;
	if (step->u.image.mkfs && apply_parent(step->u.image.mkfs, parent, sizeof(parent)) == 0 &&
	    apply_format(buf, PATH_MAX, "%s/%s", parent, name) == 0 && access(buf, X_OK) == 0)
		return 0;
	return error_set_plain(err, -ENOENT, "there is no %s", name);
}

/* Its exit status, or a negative errno. @line: the last that it said. */
static int run_checker(struct image_job *job, const char *const *argv, char *line, size_t size,
		       struct error *err)
{
	int output = -EBADF, status = 0, r;
	char text[40];
	pid_t pid;

	pid = child_start(argv, &output, err);
	if (pid < 0)
		return (int) pid;
	r = child_finish(pid, &output, CHECK_TIMEOUT_MS, line, size, &status);
	if (r == -ETIMEDOUT)
		return error_set_plain(err, r, "%s was not done after %d s", argv[0],
				       CHECK_TIMEOUT_MS / 1000);
	if (r < 0)
		return error_set(err, r, "wait for %s", argv[0]);
	if (WIFEXITED(status) && WEXITSTATUS(status) == 0)
		return 0;
	/* what it could not write is not damage */
	r = image_room_check(job->fd, job->image, CHECK_ROOM, err);
	if (r < 0)
		return r;
	if (!WIFEXITED(status) || WEXITSTATUS(status) == 127)
		return error_set_plain(err, -EIO, "%s %s: %s", argv[0],
				       child_status_text(status, text, sizeof(text)), line);
	return WEXITSTATUS(status);
}

/* Damage that was not repaired: what the checker said becomes the reason. */
static int is_beyond(const char *checker, const char *line, enum image_verdict *ret_verdict,
		     struct error *err)
{
	(void) error_set_plain(err, 0, "%s cannot repair it%s%s", checker, *line ? ": " : "", line);
	*ret_verdict = IMAGE_BEYOND;
	return 0;
}

static int check_ext4(struct image_job *job, bool forced, enum image_verdict *ret_verdict,
		      struct error *err)
{
	char fsck[PATH_MAX], line[200] = "";
	const char *argv[10] = { fsck, "-p" }; /* ended by NULL */
	size_t n = 2;
	int r = image_find_program(job->step, job->step->u.image.e2fsck, "e2fsck", fsck, err);

	if (forced)
		argv[n++] = "-f";
	if (job->info.content == IMAGE_LOST) { /* with the copy; -p does not look for it */
		argv[n++] = "-b";
		argv[n++] = "32768";
		argv[n++] = "-B";
		argv[n++] = "4096";
	}
	argv[n] = job->image;
	if (r == 0)
		r = run_checker(job, argv, line, sizeof(line), err);
	if (r < 0)
		return r;
	if ((r & ~FSCK_CORRECTED) == 0) {
		*ret_verdict = IMAGE_SOUND;
		return 0;
	}
	/* 8 is an operational error, which a lost superblock without a copy is, too */
	if (r & FSCK_LEFT || job->info.content == IMAGE_LOST)
		return is_beyond("e2fsck", line, ret_verdict, err);
	return error_set_plain(err, -EIO, "%s exited with %d: %s", fsck, r, line);
}

static int check_xfs(struct image_job *job, bool may_drop_log, enum image_verdict *ret_verdict,
		     struct error *err)
{
	char repair[PATH_MAX], line[200] = "";
	const char *argv[] = { repair, "-f", job->image, NULL, NULL };
	bool dropped = false;
	int r = image_find_program(job->step, job->step->u.image.xfs_repair, "xfs_repair", repair,
				   err);

	if (r == 0)
		r = run_checker(job, argv, line, sizeof(line), err);
	if (r == XFS_REPAIR_LOG && may_drop_log) {
		argv[2] = "-L";
		argv[3] = job->image;
		dropped = true;
		r = run_checker(job, argv, line, sizeof(line), err);
	}
	if (r < 0)
		return r;
	if (r == XFS_REPAIR_LEFT)
		return is_beyond("xfs_repair", line, ret_verdict, err);
	if (r > 0)
		return error_set_plain(err, -EIO, "%s exited with %d: %s", repair, r, line);
	*ret_verdict = IMAGE_SOUND;
	if (dropped)
		apply_warn(job->context,
			   "%s: its log cannot be replayed and was dropped, what was written last "
			   "may be lost",
			   job->image);
	return 0;
}

int image_check(struct image_job *job, bool forced, bool may_drop_log,
		enum image_verdict *ret_verdict, struct error *err)
{
	return job->info.fs == STORAGE_FS_XFS ? check_xfs(job, may_drop_log, ret_verdict, err)
					      : check_ext4(job, forced, ret_verdict, err);
}

/* ---- making anew ---- */

/* Without RENAME_EXCHANGE (NFS, 9p) there is a moment in which the image has no name. */
static int exchange(const char *fresh, const char *image)
{
	char between[PATH_MAX];
	int r;

	if (syscall(SYS_renameat2, AT_FDCWD, fresh, AT_FDCWD, image, RENAME_EXCHANGE) == 0)
		return 0;
	if (errno != EINVAL && errno != ENOSYS && errno != EOPNOTSUPP)
		return -errno;
	if (apply_format(between, sizeof(between), "%s.new", image) < 0)
		return -ENAMETOOLONG;
	if (rename(fresh, between) < 0)
		return -errno;
	if (rename(image, fresh) == 0) {
		if (rename(between, image) == 0)
			return 0;
		(void) rename(fresh, image);
	}
	r = -errno;
	(void) unlink(between);
	return r;
}

static bool is_file(const char *path, int fd)
{
	struct stat named, open_file;

	return stat(path, &named) == 0 && fstat(fd, &open_file) == 0 &&
	       named.st_dev == open_file.st_dev && named.st_ino == open_file.st_ino;
}

/*
 * An empty file takes the image's name, and the image gets that with ".broken", in the place of an
 * older one. Whoever has the lock of the old file gets that of the new one before it is there.
 */
static int set_aside(struct image_job *job, const char *broken, struct error *err)
{
	struct apply_context *context = job->context;
	bool locked = context->lock_fd >= 0 && strcmp(context->lock_path, job->image) == 0;
	auto_close int lock_fd = -EBADF;
	auto_close int fd = -EBADF;
	int r;

	if (unlink(broken) < 0 && errno != ENOENT)
		return error_set(err, -errno, "remove %s", broken);
	lock_fd = open(broken, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (lock_fd < 0 || (locked && flock(lock_fd, LOCK_EX | LOCK_NB) < 0))
		return error_set(err, -errno, "make %s", broken);
	/* opened again: the loop device would hold the lock as long as itself */
	fd = open(broken, O_RDWR | O_CLOEXEC | O_NOFOLLOW);
	r = fd < 0 ? -errno : exchange(broken, job->image);
	if (r < 0) {
		if (is_file(broken, lock_fd)) /* and not the image that could not be put back */
			(void) unlink(broken);
		return error_set(err, r, "move %s aside", job->image);
	}
	if (locked) {
		fd_close(&context->lock_fd);
		context->lock_fd = fd_take(&lock_fd);
	}
	fd_close(&job->fd);
	job->fd = fd_take(&fd);
	return 0;
}

static int run_mkfs(struct image_job *job, struct error *err)
{
	int r = image_begin(job->context, job->fd, job->step, err);

	if (r == 0)
		r = image_finish(job->context, job->step, err);
	return r < 0 ? r : image_look(job, err);
}

/* Beyond repair, or no image at all: moved aside, made anew. @why becomes part of the line. */
static int make_another(struct image_job *job, const char *why, struct error *err)
{
	struct error problem = ERROR_INIT;
	char broken[PATH_MAX];
	int r;

	if (!job->step->u.image.mkfs)
		return error_set_plain(err, -ENOENT, "no mkfs to make another one with");
	r = apply_format(broken, sizeof(broken), "%s" IMAGE_BROKEN_SUFFIX, job->image);
	if (r < 0)
		return error_set(err, r, "%s" IMAGE_BROKEN_SUFFIX, job->image);
	r = set_aside(job, broken, err);
	if (r < 0)
		return r;
	job->remade = true;
	r = run_mkfs(job, &problem);
	if (r == -ENOSPC && unlink(broken) == 0) {
		problem = (struct error) ERROR_INIT;
		r = run_mkfs(job, &problem);
		apply_warn(job->context,
			   "%s was broken (%s); it was removed, the disk has no room for it beside "
			   "a new one",
			   job->image, why);
	} else {
		apply_warn(job->context,
			   "%s was broken (%s); it is kept as %s, and a new one without any data "
			   "took its place",
			   job->image, why, broken);
	}
	if (r < 0)
		*err = problem;
	return r;
}

/* It never held data, so nothing is lost by making it anew. */
static int make_again(struct image_job *job, struct error *err)
{
	int r = run_mkfs(job, err);

	if (r == 0)
		apply_warn(job->context, "%s was unusable but never used, so it was made anew",
			   job->image);
	return r;
}

/* ---- which of them ---- */

/* Errors that say something about the image, not about the machine. XFS says EFBIG when its end is
 * not there. */
static bool is_damage(const struct image_job *job, int code)
{
	return code == -EUCLEAN || code == -EINVAL || code == -EIO || code == -EBADMSG ||
	       (code == -EFBIG && job->info.fs == STORAGE_FS_XFS);
}

/* What is behind the end may have been a hole, and then nothing is missing. */
static int restore_size(struct image_job *job, struct error *err)
{
	if (job->info.content == IMAGE_LOST || job->info.bytes <= job->info.file_bytes)
		return 0;
	if (job->info.bytes > INT64_MAX || ftruncate(job->fd, (off_t) job->info.bytes) < 0)
		return error_set(err, job->info.bytes > INT64_MAX ? -EFBIG : -errno,
				 "give %s back its size", job->image);
	return image_look(job, err);
}

static int tell_repaired(struct image_job *job, struct error *err)
{
	apply_warn(job->context, "%s was repaired by %s", job->image,
		   job->info.fs == STORAGE_FS_XFS ? "xfs_repair" : "e2fsck");
	return image_look(job, err);
}

static int repair(struct image_job *job, int code, enum image_verdict *ret_verdict,
		  struct error *err)
{
	/* EINVAL may be a feature that this kernel does not know: no reason to lose something */
	bool may_drop_log = code == -EUCLEAN || code == -EBADMSG || code == -EIO;
	int r = restore_size(job, err);

	if (r == 0)
		r = image_check(job, true, may_drop_log, ret_verdict, err);
	return r == 0 && *ret_verdict == IMAGE_SOUND ? tell_repaired(job, err) : r;
}

/* @first: why it does not mount. Afterwards it can be mounted, or @err says why not. */
static int mend(struct image_job *job, const struct error *first, struct error *err)
{
	bool mine = job->info.content != IMAGE_FOREIGN;
	enum image_verdict verdict = IMAGE_BEYOND;
	struct error reason = ERROR_INIT;
	int r;

	if (job->info.content == IMAGE_UNUSED)
		return make_again(job, err);
	if (mine) {
		r = repair(job, first->code, &verdict, &reason);
		if (r < 0) {
			*err = reason;
			return r;
		}
	}
	if (verdict == IMAGE_SOUND)
		return 0;
	if (!job->step->u.image.recreate)
		return error_set_plain(err, -EUCLEAN, "%s",
				       *reason.message ? reason.message : "it is not repaired");
	return make_another(job, *reason.message ? reason.message : first->message, err);
}

/* Something is wrong with it, whether it would mount or not. */
static int find_damage(const struct image_job *job, struct error *ret_damage)
{
	switch (job->info.content) {
	case IMAGE_LOST:
		return error_set_plain(ret_damage, -EUCLEAN, "%s: the superblock of its %s is lost",
				       job->image, superblock_fs_name(job->info.fs));
	case IMAGE_FOREIGN:
		return error_set_plain(ret_damage, -EUCLEAN, "%s holds no finished file system",
				       job->image);
	case IMAGE_BLANK:
	case IMAGE_UNUSED:
	case IMAGE_USED:
		break;
	}
	if (job->info.bytes <= job->info.file_bytes)
		return 0;
	return error_set_plain(ret_damage, -EUCLEAN, "%s is shorter than its file system",
			       job->image);
}

/* The kernel noted errors in the superblock: e2fsck now, as fsck(8) at boot would. */
static int check_noted_errors(struct image_job *job, struct error *ret_damage)
{
	enum image_verdict verdict = IMAGE_SOUND;
	struct error err = ERROR_INIT;
	int r;

	if (!job->info.has_errors)
		return 0;
	r = image_check(job, false, false, &verdict, &err);
	if (r == 0 && verdict == IMAGE_SOUND)
		return tell_repaired(job, ret_damage);
	if (r == -ETIMEDOUT)
		return error_set_plain(ret_damage, r, "%s: %s", job->image, err.message);
	if (r == 0 && job->step->u.image.recreate)
		return error_set_plain(ret_damage, -EUCLEAN, "%s", err.message);
	apply_warn(job->context, "%s has errors: %s", job->image, err.message);
	return 0;
}

int image_mount_or_mend(struct image_job *job, struct error *err)
{
	struct error first = ERROR_INIT, mending = ERROR_INIT;
	int r = find_damage(job, &first);

	if (r == 0)
		r = check_noted_errors(job, &first);
	if (r == 0) {
		image_enlarge(job);
		r = image_mount_once(job, &first);
	}
	if (r == 0)
		return 0;
	/* what the disk below has no room for is an I/O error for the file system */
	if (r == -EIO && image_room_check(job->fd, job->image, CHECK_ROOM, err) < 0) {
		if (job->info.content == IMAGE_UNUSED && ftruncate(job->fd, 0) < 0)
			apply_notice(job->context, "%s could not be emptied", job->image);
		return err->code;
	}
	if (!is_damage(job, r) ||
	    (job->info.content == IMAGE_FOREIGN && !job->step->u.image.recreate)) {
		*err = first;
		return r;
	}
	r = mend(job, &first, &mending);
	if (r == 0) {
		image_enlarge(job);
		r = image_mount_once(job, &mending);
	}
	if (r < 0)
		(void) error_set_plain(err, r, "%s; mending it failed: %s%s", first.message,
				       mending.message, job->remade ? "" : "; nothing was deleted");
	return r;
}
