/* SPDX-License-Identifier: Apache-2.0 */
/* lock.c - one engine for one data root. The lock lives as long as a descriptor of it does, so it
 * is never stale; the record of its holder, written after it was taken, can be. */
#include "steps.h"

#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>

#include "dind/file.h"
#include "dind/str.h"

#define LOCK_FILE_SUFFIX "/.dind-lock"
#define LOCK_ATTEMPTS	 5

/* A lock file holds its record itself; an image cannot, so there it lies beside it. */
static bool holds_record(const char *path)
{
	return str_has_suffix(path, LOCK_FILE_SUFFIX);
}

static int record_path(const char *path, char *buf, size_t size)
{
	return apply_format(buf, size, "%s%s", path, holds_record(path) ? "" : ".holder");
}

/*
 * flock(2) cannot be asked, only tried, and a try makes somebody else's fail. So the holder shows
 * by a lock of the other kind, which can be asked for, that it has the first and wrote its record.
 */
static void show_lock(int fd)
{
	struct flock whole = { .l_type = F_WRLCK, .l_whence = SEEK_SET };

	(void) fcntl(fd, F_OFD_SETLK, &whole);
}

bool apply_lock_is_shown(const char *path)
{
	struct flock whole = { .l_type = F_WRLCK, .l_whence = SEEK_SET };
	auto_close int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);

	return fd < 0 || fcntl(fd, F_OFD_GETLK, &whole) < 0 || whole.l_type != F_UNLCK;
}

/* The winner of a race needs a moment to write its name; until then the last holder's is there. */
static void wait_for_record(const char *path)
{
	for (int i = 0; i < APPLY_SHOWN_TRIES && !apply_lock_is_shown(path); i++)
		clock_sleep_ms(APPLY_SHOWN_STEP_MS);
}

void apply_read_holder(const char *path, char *buf, size_t size)
{
	char record[PATH_MAX];

	if (record_path(path, record, sizeof(record)) < 0 ||
	    file_read_at(AT_FDCWD, record, buf, size) < 0)
		buf[0] = '\0';
	buf[strcspn(buf, "\n")] = '\0';
}

static int write_record(int fd, const char *path, const char *text)
{
	char record[PATH_MAX];
	int r;

	if (!holds_record(path)) {
		r = record_path(path, record, sizeof(record));
		return r < 0 ? r : file_replace(record, text, 0644);
	}
	if (ftruncate(fd, 0) < 0 || lseek(fd, 0, SEEK_SET) < 0)
		return -errno;
	return file_write_all(fd, text, strlen(text));
}

int apply_write_holder(int fd, const char *path, const char *holder)
{
	char text[APPLY_HOLDER_MAX], since[32] = "";
	time_t now = time(NULL);
	struct tm utc;
	int r;

	/* The plan has no clock, so the time is put in here. */
	if (gmtime_r(&now, &utc))
		(void) strftime(since, sizeof(since), ", since %Y-%m-%dT%H:%M:%SZ", &utc);
	(void) snprintf(text, sizeof(text), "%s%s\n", holder, since);
	r = write_record(fd, path, text);
	show_lock(fd);
	return r;
}

static int open_lock(const char *path, bool create)
{
	char parent[PATH_MAX];
	int fd = open(path, O_RDWR | O_CLOEXEC | O_NOCTTY);
	int r;

	if (fd >= 0 || errno != ENOENT || !create)
		return fd >= 0 ? fd : -errno;
	r = apply_parent(path, parent, sizeof(parent));
	if (r == 0)
		r = apply_make_directory(parent, 0711);
	if (r < 0)
		return r;
	/* an image holds what inner containers keep secret */
	fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOCTTY, holds_record(path) ? 0644 : 0600);
	return fd >= 0 ? fd : -errno;
}

/* True when the name still leads to what we locked: it may have been removed and made anew between
 * open(2) and flock(2). */
static bool is_current(int fd, const char *path)
{
	struct stat held, named;

	return fstat(fd, &held) == 0 && stat(path, &named) == 0 && held.st_dev == named.st_dev &&
	       held.st_ino == named.st_ino;
}

int apply_take_lock(const char *path, bool create, bool *ret_unsupported, struct error *err)
{
	for (int i = 0; i < LOCK_ATTEMPTS; i++) {
		auto_close int fd = open_lock(path, create);
		int r;

		if (fd < 0)
			return error_set(err, fd, "open the lock %s", path);
		do {
			r = flock(fd, LOCK_EX | LOCK_NB) < 0 ? -errno : 0;
		} while (r == -EINTR);
		if (r == -ENOLCK || r == -ENOSYS || r == -EOPNOTSUPP) {
			*ret_unsupported = true;
			return error_set(err, r, "lock %s", path);
		}
		if (r < 0)
			return error_set(err, r, "lock %s", path);
		if (is_current(fd, path))
			return fd_take(&fd);
	}
	return error_set_plain(err, -ESTALE, "%s is replaced again and again while it is locked",
			       path);
}

int apply_lock(struct apply_context *context, const struct plan_step *step, struct error *err)
{
	const char *path = step->u.lock.path;
	struct error problem = ERROR_INIT;
	bool unsupported = false;
	int fd, r;

	if (context->lock_fd >= 0 && strcmp(context->lock_path, path) == 0)
		return 0;
	/* the slot that we lease is the data root: one lock, and it is ours */
	if (context->lease_fd >= 0 && is_current(context->lease_fd, path))
		return 0;
	if (strlen(path) >= sizeof(context->lock_path))
		return error_set(err, -ENAMETOOLONG, "lock %s", path);
	fd = apply_take_lock(path, step->u.lock.create, &unsupported, &problem);
	if (unsupported) {
		apply_notice(context, "%s; a second engine on this data root would not be noticed",
			     problem.message);
		return 0;
	}
	if (fd == -EWOULDBLOCK) {
		wait_for_record(path);
		apply_read_holder(path, context->holder, sizeof(context->holder));
		return error_set_plain(err, fd, "%s is locked by %s", path,
				       *context->holder ? context->holder
							: "somebody who left no record");
	}
	if (fd < 0) {
		*err = problem;
		return fd;
	}
	/* Another rung of the ladder: its lock replaces the one before, whose image is not wanted
	 * any more. */
	apply_abandon_image(context);
	fd_close(&context->lock_fd);
	context->lock_fd = fd;
	memcpy(context->lock_path, path, strlen(path) + 1);
	r = apply_write_holder(fd, path, step->u.lock.holder ? step->u.lock.holder : "");
	if (r < 0)
		apply_notice(context, "%s: the record of who holds it could not be written (%s)",
			     path, strerror(-r));
	return 0;
}
