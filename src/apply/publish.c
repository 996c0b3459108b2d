/* SPDX-License-Identifier: Apache-2.0 */
/*
 * publish.c - a unix socket that nobody finds before it listens: on a busy machine PID 1 may have
 * to wait between bind(2) and listen(2), and a client would be refused. The kernel keeps the path
 * as it was given to bind(2), and dockerd puts it into its log; so a child binds it in a root of
 * its own, a directory beside the path, and the file is moved from there. Whoever makes that
 * directory keeps it locked: one that nobody has locked is of a start that was killed.
 */
#include "publish.h"

#include <dirent.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <sys/wait.h>

#include "child.h"
#include "dind/file.h"
#include "dind/process.h"
#include "dind/str.h"
#include "steps.h"

#ifndef RENAME_NOREPLACE
#define RENAME_NOREPLACE 1
#endif

/* net.core.somaxconn bounds it; 4096 is the kernel's default of that since 5.4. */
#define LISTEN_BACKLOG 4096
#define CHILD_MS       2000

#define ASIDE	     ".dind-"
#define ASIDE_RANDOM 6 /* mkdtemp(3) */
#define LEFT_MAX     64

static int bind_to(int fd, const char *path)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	mode_t mask = umask(0177);
	int r;

	memcpy(address.sun_path, path, strlen(path) + 1);
	r = bind(fd, (struct sockaddr *) &address, sizeof(address)) < 0 ? -errno : 0;
	(void) umask(mask);
	return r;
}

/* @place is where the file is now. */
static int set_up(int fd, const struct plan_listener *listener, const char *place,
		  struct error *err)
{
	const char *path = listener->path;

	if (listen(fd, LISTEN_BACKLOG) < 0)
		return error_set(err, -errno, "listen on %s", path);
	if (listener->gid >= 0 && lchown(place, (uid_t) -1, (gid_t) listener->gid) < 0)
		return error_set(err, -errno, "give %s to group %lld", path,
				 (long long) listener->gid);
	if (chmod(place, listener->mode) < 0)
		return error_set(err, -errno, "set the mode of %s", path);
	return 0;
}

/* ---- aside ---- */

/* Only the child's root is another one; the socket is ours, too. */
static int bind_below(int fd, const char *top, const char *path)
{
	pid_t pid = fork();
	int status;

	if (pid < 0)
		return -errno;
	if (pid == 0) {
		bool done = chroot(top) == 0 && chdir("/") == 0 && bind_to(fd, path) == 0;

		_exit(done ? 0 : 1);
	}
	if (process_wait(pid, CHILD_MS, &status) < 0) {
		child_kill(pid);
		return -ETIMEDOUT;
	}
	return WIFEXITED(status) && WEXITSTATUS(status) == 0 ? 0 : -EPERM;
}

static int move_file(const char *from, const char *to)
{
	if (syscall(SYS_renameat2, AT_FDCWD, from, AT_FDCWD, to, RENAME_NOREPLACE) == 0)
		return 0;
	if (errno == EEXIST)
		return -EADDRINUSE;
	/* a file system that knows no flags */
	return (errno == EINVAL || errno == ENOSYS) && rename(from, to) == 0 ? 0 : -errno;
}

/* The directories below @top that lead to @aside, and @top. */
static void remove_directories(const char *top, char *aside)
{
	char *slash;

	while ((slash = strrchr(aside, '/')) && (size_t) (slash - aside) >= strlen(top)) {
		*slash = '\0';
		(void) rmdir(aside);
	}
}

/* ---- what a start that was killed left there ---- */

static bool is_aside(const char *name)
{
	return str_has_prefix(name, ASIDE) && strlen(name) == strlen(ASIDE) + ASIDE_RANDOM;
}

/* The sockets in @directory; another engine's parent may have had another name for its own. */
static void remove_sockets(const char *directory)
{
	DIR *dir = opendir(directory);
	const struct dirent *entry;

	if (!dir)
		return;
	for (int i = 0; i < LEFT_MAX && (entry = readdir(dir)); i++) {
		struct stat st;

		if (fstatat(dirfd(dir), entry->d_name, &st, AT_SYMLINK_NOFOLLOW) == 0 &&
		    S_ISSOCK(st.st_mode))
			(void) unlinkat(dirfd(dir), entry->d_name, 0);
	}
	(void) closedir(dir);
}

/* Whatever is not as we make it keeps its directory from being removed. */
static void sweep_one(const char *parent, const char *name)
{
	char top[PATH_MAX], inner[PATH_MAX];
	auto_close int fd = -EBADF;
	struct stat st;

	if (apply_format(top, sizeof(top), "%s/%s", parent, name) < 0 ||
	    apply_format(inner, sizeof(inner), "%s%s/", top, parent) < 0)
		return;
	fd = open(top, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0 || fstat(fd, &st) < 0 || st.st_uid != geteuid() ||
	    flock(fd, LOCK_EX | LOCK_NB) < 0)
		return;
	remove_sockets(inner);
	remove_directories(top, inner);
}

static void sweep_asides(const char *parent)
{
	DIR *dir = opendir(parent);
	const struct dirent *entry;
	int n = 0;

	while (dir && n < LEFT_MAX && (entry = readdir(dir)))
		if (is_aside(entry->d_name)) {
			sweep_one(parent, entry->d_name);
			n++;
		}
	if (dir)
		(void) closedir(dir);
}

/* ---- that way ---- */

/* Bound to @path as its child sees it, to @aside as we do; listening, with its mode and group. */
static int bind_aside(const struct plan_listener *listener, const char *top, const char *aside,
		      int *ret_fd, struct error *err)
{
	auto_close int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	int r;

	if (fd < 0 || bind_below(fd, top, listener->path) < 0) {
		(void) unlink(aside); /* a child that was only slow */
		return -EAGAIN;
	}
	r = set_up(fd, listener, aside, err);
	if (r == 0) {
		r = move_file(aside, listener->path);
		if (r < 0)
			(void) error_set(err, r, "bind %s", listener->path);
	}
	if (r < 0) {
		(void) unlink(aside);
		return r;
	}
	*ret_fd = fd_take(&fd);
	return 0;
}

/* A descriptor, or -EAGAIN: not this way. */
static int publish_aside(const struct plan_listener *listener, struct error *err)
{
	char top[PATH_MAX], inner[PATH_MAX], aside[PATH_MAX], parent[PATH_MAX];
	const char *path = listener->path;
	auto_close int lock = -EBADF;
	int r = apply_parent(path, parent, sizeof(parent)), fd = -EBADF;

	if (r < 0 || apply_format(top, sizeof(top), "%s/" ASIDE "XXXXXX", parent) < 0 ||
	    apply_format(inner, sizeof(inner), "%s%s", top, parent) < 0 ||
	    apply_format(aside, sizeof(aside), "%s%s", top, path) < 0)
		return -EAGAIN;
	sweep_asides(parent);
	if (!mkdtemp(top))
		return -EAGAIN;
	memcpy(inner, top, strlen(top));
	memcpy(aside, top, strlen(top));
	lock = open(top, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (lock >= 0) /* where there are no locks, nobody finds one missing either */
		(void) flock(lock, LOCK_EX | LOCK_NB);
	r = file_make_directories(inner, 0700);
	r = r < 0 ? -EAGAIN : bind_aside(listener, top, aside, &fd, err);
	remove_directories(top, aside);
	return r < 0 ? r : fd;
}

/* ---- in place ---- */

static int publish_in_place(const struct plan_listener *listener, struct error *err)
{
	auto_close int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	const char *path = listener->path;
	int r;

	if (fd < 0)
		return error_set(err, -errno, "make a socket for %s", path);
	r = bind_to(fd, path);
	if (r < 0)
		return error_set(err, r, "bind %s", path);
	r = set_up(fd, listener, path, err);
	if (r < 0) {
		(void) unlink(path);
		return r;
	}
	return fd_take(&fd);
}

int publish_unix(const struct plan_listener *listener, struct error *err)
{
	int fd = publish_aside(listener, err);

	return fd == -EAGAIN ? publish_in_place(listener, err) : fd;
}
