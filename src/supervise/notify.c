/* SPDX-License-Identifier: Apache-2.0 */
/* sd_notify(3): lines of KEY=VALUE in a datagram. */
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>

#include "internal.h"

int notify_open(const char *path, struct error *err)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	auto_close int fd = -EBADF;
	const int on = 1;

	if (strlen(path) >= sizeof(address.sun_path))
		return error_set(err, -ENAMETOOLONG, "notify socket '%s'", path);
	memcpy(address.sun_path, path, strlen(path) + 1);
	fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0)
		return error_set(err, -errno, "notify socket");
	if (setsockopt(fd, SOL_SOCKET, SO_PASSCRED, &on, sizeof(on)) < 0)
		return error_set(err, -errno, "notify socket: SO_PASSCRED");
	(void) unlink(path);
	if (bind(fd, (const struct sockaddr *) &address, sizeof(address)) < 0)
		return error_set(err, -errno, "notify socket '%s'", path);
	if (chmod(path, 0600) < 0)
		return error_set(err, -errno, "notify socket '%s'", path);
	return fd_take(&fd);
}

static bool line_is(const char *text, size_t length, const char *want)
{
	return length == strlen(want) && memcmp(text, want, length) == 0;
}

unsigned int notify_parse(const char *text, size_t length)
{
	unsigned int messages = NOTIFY_NOTHING;

	while (length > 0) {
		const char *end = memchr(text, '\n', length);
		size_t n = end ? (size_t) (end - text) : length;

		if (line_is(text, n, "READY=1"))
			messages |= NOTIFY_READY;
		if (line_is(text, n, "STOPPING=1"))
			messages |= NOTIFY_STOPPING;
		n += end != NULL;
		text += n;
		length -= n;
	}
	return messages;
}

int notify_receive(int fd, pid_t engine, unsigned int *ret_messages)
{
	char text[1024];
	union {
		char space[CMSG_SPACE(sizeof(struct ucred))];
		struct cmsghdr align;
	} control;
	struct iovec part = { text, sizeof(text) };
	struct msghdr message = { .msg_iov = &part,
				  .msg_iovlen = 1,
				  .msg_control = &control,
				  .msg_controllen = sizeof(control) };
	struct ucred sender = { 0 };
	ssize_t n = recvmsg(fd, &message, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);

	if (n < 0)
		return -errno;
	for (struct cmsghdr *c = CMSG_FIRSTHDR(&message); c; c = CMSG_NXTHDR(&message, c))
		if (c->cmsg_level == SOL_SOCKET && c->cmsg_type == SCM_CREDENTIALS)
			memcpy(&sender, CMSG_DATA(c), sizeof(sender));
	/* Others can reach the path: an inner container with /run bound in, a containerd of its
	 * own. */
	*ret_messages = NOTIFY_NOTHING;
	if (sender.pid == engine && !(message.msg_flags & MSG_TRUNC))
		*ret_messages = notify_parse(text, (size_t) n);
	return 0;
}

void notify_send(const char *socket_path, const char *text)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	size_t length = strlen(socket_path);
	auto_close int fd = -EBADF;

	if (length == 0 || length >= sizeof(address.sun_path))
		return;
	memcpy(address.sun_path, socket_path, length);
	if (address.sun_path[0] == '@')
		address.sun_path[0] = '\0';
	fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0)
		return;
	(void) sendto(fd, text, strlen(text), MSG_NOSIGNAL, (const struct sockaddr *) &address,
		      (socklen_t) (offsetof(struct sockaddr_un, sun_path) + length));
}
