/* SPDX-License-Identifier: Apache-2.0 */
/*
 * publish.c - a unix socket that nobody finds before it listens: on a busy machine PID 1 may have
 * to wait between bind(2) and listen(2), and a client would be refused. The kernel keeps the path
 * as it was given to bind(2), and dockerd puts it into its log; so a child binds it in a root of
 * its own, a directory beside the path, and the file is moved from there.
 */
#include "publish.h"

#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <sys/wait.h>

#include "child.h"
#include "dind/file.h"
#include "steps.h"

#ifndef RENAME_NOREPLACE
#define RENAME_NOREPLACE 1
#endif

/* net.core.somaxconn bounds it; 4096 is the kernel's default of that since 5.4. */
#define LISTEN_BACKLOG 4096
#define CHILD_MS       2000

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
	if (child_wait(pid, CHILD_MS, &status) < 0) {
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

/* -EAGAIN: not this way. */
static int publish_aside(int fd, const struct plan_listener *listener, struct error *err)
{
	const char *path = listener->path;
	char top[PATH_MAX], inner[PATH_MAX], aside[PATH_MAX], parent[PATH_MAX];
	int r = apply_parent(path, parent, sizeof(parent));

	if (r < 0 || apply_format(top, sizeof(top), "%s/.dind-XXXXXX", parent) < 0 ||
	    apply_format(inner, sizeof(inner), "%s%s", top, parent) < 0 ||
	    apply_format(aside, sizeof(aside), "%s%s", top, path) < 0 || !mkdtemp(top))
		return -EAGAIN;
	memcpy(inner, top, strlen(top));
	memcpy(aside, top, strlen(top));
	r = file_make_directories(inner, 0700);
	if (r == 0)
		r = bind_below(fd, top, path);
	if (r < 0) {
		remove_directories(top, aside);
		return -EAGAIN;
	}
	r = set_up(fd, listener, aside, err);
	if (r == 0) {
		r = move_file(aside, path);
		if (r < 0)
			(void) error_set(err, r, "bind %s", path);
	}
	if (r < 0)
		(void) unlink(aside);
	remove_directories(top, aside);
	return r;
}

/* ---- in place ---- */

static int publish_in_place(int fd, const struct plan_listener *listener, struct error *err)
{
	int r = bind_to(fd, listener->path);

	if (r < 0)
		return error_set(err, r, "bind %s", listener->path);
	r = set_up(fd, listener, listener->path, err);
	if (r < 0)
		(void) unlink(listener->path);
	return r;
}

int publish_unix(int fd, const struct plan_listener *listener, struct error *err)
{
	int r = publish_aside(fd, listener, err);

	return r == -EAGAIN ? publish_in_place(fd, listener, err) : r;
}
