/* SPDX-License-Identifier: Apache-2.0 */
#include "socket.h"

#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>

#include "dind/base.h"

enum socket_state socket_probe(const char *path, int *ret_error)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	auto_close int fd = -EBADF;

	if (strlen(path) >= sizeof(address.sun_path)) {
		*ret_error = -ENAMETOOLONG;
		return SOCKET_UNCLEAR;
	}
	memcpy(address.sun_path, path, strlen(path) + 1);
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (fd < 0) {
		*ret_error = -errno;
		return SOCKET_UNCLEAR;
	}
	if (connect(fd, (struct sockaddr *) &address, sizeof(address)) == 0 || errno == EAGAIN)
		return SOCKET_ANSWERS;
	if (errno == ECONNREFUSED)
		return SOCKET_STALE;
	if (errno == ENOENT)
		return SOCKET_GONE;
	*ret_error = -errno;
	return SOCKET_UNCLEAR;
}
