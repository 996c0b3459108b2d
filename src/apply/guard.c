/* SPDX-License-Identifier: Apache-2.0 */
/*
 * guard.c - undo what a start that was cut off has left, and be ready to undo this one. The mark
 * says what there was before: a copy of the data base, or none. It is written after the copy and
 * removed before that changes, so that whenever we are killed ourselves either there is no mark, or
 * what it says is true.
 */
#include "steps.h"

#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "dind/file.h"

#define WITH_COPY "copy\n"
#define WITHOUT	  "none\n"
#define TEMPORARY ".tmp" /* the data root is locked: one name will do */
#define CHUNK	  16384

enum same {
	SAME_NO = 0,
	SAME_YES,
	SAME_NO_COPY,
};

/* A regular file for reading. -ENOENT without @err when there is none. */
static int open_file(const char *path, struct stat *ret_st, struct error *err)
{
	auto_close int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NOFOLLOW | O_NONBLOCK);

	if (fd < 0)
		return errno == ENOENT || errno == ENOTDIR
			       ? -ENOENT
			       : error_set(err, -errno, "open %s", path);
	if (fstat(fd, ret_st) < 0)
		return error_set(err, -errno, "look at %s", path);
	if (!S_ISREG(ret_st->st_mode))
		return error_set_plain(err, -EINVAL, "%s is not a regular file", path);
	return fd_take(&fd);
}

/* enum same, or negative errno. */
static int compare(const char *database, const char *copy, struct error *err)
{
	auto_close int fd = -EBADF, copy_fd = -EBADF;
	char buf[CHUNK], copy_buf[CHUNK];
	struct stat st = { .st_size = 0 }, copy_st = st;
	ssize_t n;

	copy_fd = open_file(copy, &copy_st, err);
	if (copy_fd < 0)
		return copy_fd == -ENOENT ? SAME_NO_COPY : copy_fd;
	fd = open_file(database, &st, err);
	if (fd < 0)
		return fd == -ENOENT ? SAME_NO : fd;
	if (st.st_size != copy_st.st_size)
		return SAME_NO;
	do {
		ssize_t m = file_read_full(copy_fd, copy_buf, sizeof(copy_buf));

		n = file_read_full(fd, buf, sizeof(buf));
		if (n < 0 || m < 0)
			return error_set(err, (int) (n < 0 ? n : m), "read %s and its copy",
					 database);
		if (n != m || memcmp(buf, copy_buf, (size_t) n) != 0)
			return SAME_NO;
	} while (n == CHUNK);
	return SAME_YES;
}

/* By rename(2): it is all or nothing, and a full disk is no obstacle. */
static int put_back(struct apply_context *context, const struct plan_step *step, struct error *err)
{
	const char *database = step->u.guard.database, *copy = step->u.guard.copy;
	int same = compare(database, copy, err);

	if (same != SAME_NO) /* when it was put back before, there is no copy for a moment */
		return same < 0 ? same : 0;
	if (rename(copy, database) < 0)
		/* its directory is gone: somebody emptied the data root */
		return errno == ENOENT || errno == ENOTDIR
			       ? 0
			       : error_set(err, -errno, "put %s back from %s", database, copy);
	apply_notice(context, "the last start was cut off before the engine was ready: its "
			      "networks are as they were before that start");
	return 0;
}

static int remove_again(struct apply_context *context, const struct plan_step *step,
			struct error *err)
{
	const char *database = step->u.guard.database;

	if (unlink(database) < 0)
		return errno == ENOENT || errno == ENOTDIR
			       ? 0
			       : error_set(err, -errno, "remove %s", database);
	apply_notice(context, "the first start here was cut off before the engine was ready: what "
			      "it had written about networks is removed");
	return 0;
}

static int undo_last_start(struct apply_context *context, const struct plan_step *step,
			   struct error *err)
{
	char text[16];
	ssize_t n = file_read_at(AT_FDCWD, step->u.guard.mark, text, sizeof(text));

	if (n == -ENOENT)
		return 0;
	if (n < 0)
		return error_set(err, (int) n, "read %s", step->u.guard.mark);
	if (strcmp(text, WITH_COPY) == 0)
		return put_back(context, step, err);
	if (strcmp(text, WITHOUT) == 0)
		return remove_again(context, step, err);
	return 0; /* the power went while it was written: the engine was not started yet */
}

static int copy_bytes(int from, int to)
{
	char buf[CHUNK];
	ssize_t n;
	int r = 0;

	do {
		n = file_read_full(from, buf, sizeof(buf));
		if (n > 0)
			r = file_write_all(to, buf, (size_t) n);
	} while (r == 0 && n == CHUNK);
	return n < 0 ? (int) n : r;
}

/*
 * Make @path anew from @text, or from the file @from. *@ret_fd is open, to be synced: one fsync(2)
 * for all is enough, since nothing relies on the files before the engine is started.
 */
static int make_file(const char *path, const char *text, int from, mode_t mode, int *ret_fd,
		     struct error *err)
{
	char temporary[PATH_MAX];
	auto_close int fd = -EBADF;
	int r = apply_format(temporary, sizeof(temporary), "%s" TEMPORARY, path);

	if (r < 0)
		return error_set(err, r, "name a file beside %s", path);
	fd = open(temporary, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, mode);
	if (fd < 0)
		return error_set(err, -errno, "make %s", temporary);
	r = text ? file_write_all(fd, text, strlen(text)) : copy_bytes(from, fd);
	if (r == 0 && fchmod(fd, mode) < 0)
		r = -errno;
	if (r == 0 && rename(temporary, path) < 0)
		r = -errno;
	if (r < 0) {
		(void) unlink(temporary);
		return error_set(err, r, "write %s", path);
	}
	*ret_fd = fd_take(&fd);
	return 0;
}

static int sync_file(int fd, const char *path, struct error *err)
{
	/* EINVAL: a file system that cannot */
	return fd >= 0 && fsync(fd) < 0 && errno != EINVAL
		       ? error_set(err, -errno, "write %s to the disk", path)
		       : 0;
}

static int guard_this_start(const struct plan_step *step, struct error *err)
{
	const char *database = step->u.guard.database, *copy = step->u.guard.copy;
	const char *mark = step->u.guard.mark;
	auto_close int fd = -EBADF, copy_fd = -EBADF, mark_fd = -EBADF;
	struct stat st = { .st_mode = 0 };
	int r = 0;

	fd = open_file(database, &st, err);
	if (fd < 0 && fd != -ENOENT)
		return fd;
	if (fd >= 0)
		r = make_file(copy, NULL, fd, st.st_mode & 07777, &copy_fd, err);
	if (r == 0)
		r = make_file(mark, fd >= 0 ? WITH_COPY : WITHOUT, -1, 0600, &mark_fd, err);
	if (r == 0)
		r = sync_file(copy_fd, copy, err);
	if (r == 0)
		r = sync_file(mark_fd, mark, err);
	return r;
}

int apply_guard_start(struct apply_context *context, const struct plan_step *step,
		      struct error *err)
{
	const char *mark = step->u.guard.mark;
	int r = undo_last_start(context, step, err);

	if (r < 0)
		return r;
	if (unlink(mark) < 0 && errno != ENOENT)
		return error_set(err, -errno, "remove %s", mark);
	r = guard_this_start(step, err);
	if (r < 0)
		(void) unlink(mark); /* it may have been written all the same */
	return r;
}
