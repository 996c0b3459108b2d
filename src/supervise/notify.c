/* SPDX-License-Identifier: Apache-2.0 */
/* sd_notify(3): lines of KEY=VALUE in a datagram; from the engine to us, from us to who started us.
 */
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>

#include "internal.h"

#define MESSAGE_MAX 1024

int notify_open(const char *path, struct error *err)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	auto_close int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	const int on = 1;

	if (fd < 0)
		return error_set(err, -errno, "make the notify socket");
	if (strlen(path) >= sizeof(address.sun_path))
		return error_set(err, -ENAMETOOLONG, "notify socket '%s'", path);
	memcpy(address.sun_path, path, strlen(path) + 1);
	if (setsockopt(fd, SOL_SOCKET, SO_PASSCRED, &on, sizeof(on)) < 0)
		return error_set(err, -errno, "SO_PASSCRED of '%s'", path);
	/* The file gets the socket's mode, so that nobody finds it open for a moment. */
	if (fchmod(fd, 0600) < 0)
		return error_set(err, -errno, "mode of '%s'", path);
	if (unlink(path) < 0 && errno != ENOENT)
		return error_set(err, -errno, "remove the old '%s'", path);
	if (bind(fd, (const struct sockaddr *) &address, sizeof(address)) < 0)
		return error_set(err, -errno, "bind '%s'", path);
	return fd_take(&fd);
}

static bool line_is(const char *line, size_t length, const char *want)
{
	return length == strlen(want) && memcmp(line, want, length) == 0;
}

unsigned int notify_parse(const char *text, size_t length)
{
	unsigned int messages = NOTIFY_NOTHING;

	while (length > 0) {
		const char *newline = memchr(text, '\n', length);
		size_t n = newline ? (size_t) (newline - text) : length;

		if (line_is(text, n, "READY=1"))
			messages |= NOTIFY_READY;
		else if (line_is(text, n, "STOPPING=1"))
			messages |= NOTIFY_STOPPING;
		n += newline ? 1 : 0;
		text += n;
		length -= n;
	}
	return messages;
}

/* Descriptors that a sender attaches would stay open in us for ever. */
static void close_descriptors(const struct cmsghdr *header)
{
	size_t n = (header->cmsg_len - CMSG_LEN(0)) / sizeof(int);

	for (size_t i = 0; i < n; i++) {
		int fd;

		memcpy(&fd, CMSG_DATA(header) + i * sizeof(fd), sizeof(fd));
		fd_close(&fd);
	}
}

static pid_t sender_of(struct msghdr *message)
{
	struct ucred sender = { .pid = 0 };

	for (struct cmsghdr *header = CMSG_FIRSTHDR(message); header;
	     header = CMSG_NXTHDR(message, header)) {
		if (header->cmsg_level != SOL_SOCKET)
			continue;
		if (header->cmsg_type == SCM_CREDENTIALS)
			memcpy(&sender, CMSG_DATA(header), sizeof(sender));
		else if (header->cmsg_type == SCM_RIGHTS)
			close_descriptors(header);
	}
	return sender.pid;
}

int notify_receive(int fd, pid_t engine, unsigned int *ret_messages)
{
	char text[MESSAGE_MAX];
	union {
		char space[CMSG_SPACE(sizeof(struct ucred))];
		struct cmsghdr align;
	} control;
	struct iovec part = { text, sizeof(text) };
	struct msghdr message = { .msg_iov = &part,
				  .msg_iovlen = 1,
				  .msg_control = &control,
				  .msg_controllen = sizeof(control) };
	ssize_t n = recvmsg(fd, &message, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
	pid_t sender;

	if (n < 0)
		return -errno;
	sender = sender_of(&message);
	/* Others reach the path too: a COMMAND that is root, or a containerd of its own that is
	 * just as ready. */
	if (engine <= 0 || sender != engine || message.msg_flags & MSG_TRUNC)
		*ret_messages = NOTIFY_NOTHING;
	else
		*ret_messages = notify_parse(text, (size_t) n);
	return 0;
}

int notify_send(const char *socket_path, const char *text)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	size_t length = strlen(socket_path);
	auto_close int fd = -EBADF;

	if ((socket_path[0] != '/' && socket_path[0] != '@') || length < 2)
		return -EINVAL;
	if (length >= sizeof(address.sun_path))
		return -ENAMETOOLONG;
	memcpy(address.sun_path, socket_path, length);
	if (socket_path[0] == '@')
		address.sun_path[0] = '\0';
	fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0)
		return -errno;
	if (sendto(fd, text, strlen(text), MSG_NOSIGNAL | MSG_DONTWAIT,
		   (const struct sockaddr *) &address,
		   (socklen_t) (offsetof(struct sockaddr_un, sun_path) + length)) < 0)
		return -errno;
	return 0;
}
