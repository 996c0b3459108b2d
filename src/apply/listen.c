/* SPDX-License-Identifier: Apache-2.0 */
/* listen.c - open the listening sockets before the engine is there: a client that comes early
 * waits in the queue and is never refused. */
#include "steps.h"

#include <arpa/inet.h>
#include <limits.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>

#include "publish.h"
#include "socket.h"

/* net.core.somaxconn bounds it; 4096 is the kernel's default of that since 5.4. */
#define LISTEN_BACKLOG 4096

enum { SUN_PATH = sizeof(((struct sockaddr_un *) NULL)->sun_path) };

/* What lies at the path of a unix socket and is not in use goes away; anything else is an error. */
static int clear_path(struct apply_context *context, const char *path, struct error *err)
{
	struct stat st;
	int r;

	if (lstat(path, &st) < 0)
		return errno == ENOENT ? 0 : error_set(err, -errno, "look at %s", path);
	if (S_ISDIR(st.st_mode)) {
		/* A bind mount of a socket that was not there yet leaves an empty directory. */
		if (rmdir(path) < 0)
			return error_set(err, -errno, "%s is a directory and cannot be removed",
					 path);
		apply_notice(context, "removed the empty directory %s", path);
		return 0;
	}
	if (!S_ISSOCK(st.st_mode))
		return error_set_plain(err, -EEXIST, "%s is there and is not a socket", path);
	switch (socket_probe(path, &r)) {
	case SOCKET_ANSWERS:
		return error_set_plain(err, -EADDRINUSE, "%s: somebody answers on this socket",
				       path);
	case SOCKET_UNCLEAR:
		return error_set(err, r, "find out whether %s is in use", path);
	case SOCKET_GONE:
		return 0;
	case SOCKET_STALE:
		break;
	}
	if (unlink(path) < 0 && errno != ENOENT)
		return error_set(err, -errno, "remove the stale socket %s", path);
	apply_notice(context, "removed the stale socket %s", path);
	return 0;
}

static int listen_unix(struct apply_context *context, const struct plan_listener *listener,
		       uint64_t *ret_inode, struct error *err)
{
	const char *path = listener->path;
	auto_close int fd = -EBADF;
	char parent[PATH_MAX];
	struct stat st;
	int r;

	if (strlen(path) >= SUN_PATH)
		return error_set(err, -ENAMETOOLONG,
				 "%s: a socket's path has at most %d characters", path,
				 SUN_PATH - 1);
	r = apply_parent(path, parent, sizeof(parent));
	if (r == 0)
		r = apply_make_directory(parent, 0755);
	if (r < 0)
		return error_set(err, r, "make the directory of %s", path);
	r = clear_path(context, path, err);
	if (r < 0)
		return r;
	fd = publish_unix(listener, err);
	if (fd < 0)
		return fd;
	if (stat(path, &st) < 0)
		return error_set(err, -errno, "look at %s", path);
	*ret_inode = st.st_ino;
	return fd_take(&fd);
}

static int parse_address(const struct plan_listener *listener, bool v6_works,
			 struct sockaddr_storage *ret_address, socklen_t *ret_size)
{
	struct sockaddr_in v4 = { .sin_family = AF_INET, .sin_port = htons(listener->port) };
	struct sockaddr_in6 v6 = { .sin6_family = AF_INET6, .sin6_port = htons(listener->port) };

	memset(ret_address, 0, sizeof(*ret_address));
	if ((!*listener->host && v6_works) ||
	    inet_pton(AF_INET6, listener->host, &v6.sin6_addr) == 1) {
		memcpy(ret_address, &v6, sizeof(v6));
		*ret_size = sizeof(v6);
		return 0;
	}
	if (!*listener->host || inet_pton(AF_INET, listener->host, &v4.sin_addr) == 1) {
		memcpy(ret_address, &v4, sizeof(v4));
		*ret_size = sizeof(v4);
		return 0;
	}
	return -EINVAL;
}

static int try_tcp(const struct plan_listener *listener, bool v6_works, struct error *err)
{
	const char *what = listener->url;
	struct sockaddr_storage address;
	socklen_t size;
	auto_close int fd = -EBADF;
	int on = 1, off = 0;

	if (parse_address(listener, v6_works, &address, &size) < 0)
		return error_set_plain(err, -EINVAL, "%s: '%s' is not a numeric address", what,
				       listener->host);
	fd = socket(address.ss_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return error_set(err, -errno, "make a socket for %s", what);
	if (setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on)) < 0)
		return error_set(err, -errno, "prepare the socket for %s", what);
	if (address.ss_family == AF_INET6 && !*listener->host &&
	    setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &off, sizeof(off)) < 0)
		return error_set(err, -errno, "serve IPv4, too, on %s", what);
	if (bind(fd, (struct sockaddr *) &address, size) < 0)
		return error_set(err, -errno, "bind %s", what);
	if (listen(fd, LISTEN_BACKLOG) < 0)
		return error_set(err, -errno, "listen on %s", what);
	return fd_take(&fd);
}

static int listen_tcp(const struct plan_listener *listener, struct error *err)
{
	struct error first = ERROR_INIT;
	int fd = try_tcp(listener, true, &first);

	/* A kernel without IPv6, or with it switched off: every address is then every IPv4 one. */
	if (!*listener->host && (fd == -EAFNOSUPPORT || fd == -EADDRNOTAVAIL))
		return try_tcp(listener, false, err);
	if (fd < 0)
		*err = first;
	return fd;
}

static bool is_open(const struct apply_context *context, const char *url)
{
	for (size_t i = 0; i < context->n_listen; i++)
		if (strcmp(context->listen_urls[i], url) == 0)
			return true;
	return false;
}

int apply_listen(struct apply_context *context, const struct plan_step *step, struct error *err)
{
	for (size_t i = 0; i < step->u.listen.n_listeners; i++) {
		const struct plan_listener *listener = &step->u.listen.listeners[i];
		size_t n = context->n_listen;
		uint64_t inode = 0;
		int fd;

		if (is_open(context, listener->url))
			continue;
		if (n >= APPLY_MAX_LISTENERS)
			return error_set_plain(err, -E2BIG, "more than %d listeners",
					       APPLY_MAX_LISTENERS);
		fd = listener->kind == LISTENER_UNIX ? listen_unix(context, listener, &inode, err)
						     : listen_tcp(listener, err);
		if (fd < 0)
			return fd;
		context->listen_fds[n] = fd;
		context->listen_urls[n] = listener->url;
		context->listen_paths[n] = listener->kind == LISTENER_UNIX ? listener->path : NULL;
		context->listen_inodes[n] = inode;
		context->n_listen = n + 1;
	}
	return 0;
}

void apply_close_listeners(struct apply_context *context)
{
	for (size_t i = 0; i < context->n_listen; i++) {
		const char *path = context->listen_paths[i];
		struct stat st;

		fd_close(&context->listen_fds[i]);
		/* not a socket that somebody else put there meanwhile */
		if (path && lstat(path, &st) == 0 && S_ISSOCK(st.st_mode) &&
		    st.st_ino == context->listen_inodes[i])
			(void) unlink(path);
		context->listen_paths[i] = NULL;
	}
	context->n_listen = 0;
}
