/* SPDX-License-Identifier: Apache-2.0 */
/* One request by hand: a health check shall need neither a Docker client nor a library. */
#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>

#include "dind/file.h"
#include "dind/str.h"
#include "ready.h"

#define ANSWER_MAX 256

union address {
	struct sockaddr any;
	struct sockaddr_un local;
	struct sockaddr_in v4;
	struct sockaddr_in6 v6;
};

static int parse_unix(const char *path, union address *ret_address, socklen_t *ret_length)
{
	size_t n = strlen(path);

	memset(ret_address, 0, sizeof(*ret_address));
	if (n == 0 || n >= sizeof(ret_address->local.sun_path))
		return -EINVAL;
	ret_address->local.sun_family = AF_UNIX;
	memcpy(ret_address->local.sun_path, path, n + 1);
	*ret_length = sizeof(ret_address->local);
	return 0;
}

/* "HOST:PORT", "[HOST]:PORT", ":PORT". */
static int parse_tcp(const char *where, union address *ret_address, socklen_t *ret_length)
{
	const char *colon = strrchr(where, ':');
	size_t n = colon ? (size_t) (colon - where) : 0;
	char host[64];
	int port;

	memset(ret_address, 0, sizeof(*ret_address));
	if (!colon || n >= sizeof(host) || str_parse_int(colon + 1, 1, UINT16_MAX, &port) < 0)
		return -EINVAL;
	if (n >= 2 && where[0] == '[' && where[n - 1] == ']') {
		where++;
		n -= 2;
	}
	memcpy(host, where, n);
	host[n] = '\0';
	/* an address to bind to is none to connect to */
	if (!*host || str_equal(host, "0.0.0.0") || str_equal(host, "localhost"))
		(void) snprintf(host, sizeof(host), "127.0.0.1");
	else if (str_equal(host, "::"))
		(void) snprintf(host, sizeof(host), "::1");
	if (inet_pton(AF_INET, host, &ret_address->v4.sin_addr) == 1) {
		ret_address->v4.sin_family = AF_INET;
		ret_address->v4.sin_port = htons((uint16_t) port);
		*ret_length = sizeof(ret_address->v4);
		return 0;
	}
	if (inet_pton(AF_INET6, host, &ret_address->v6.sin6_addr) != 1)
		return -EINVAL;
	ret_address->v6.sin6_family = AF_INET6;
	ret_address->v6.sin6_port = htons((uint16_t) port);
	*ret_length = sizeof(ret_address->v6);
	return 0;
}

static int parse_url(const char *url, union address *ret_address, socklen_t *ret_length)
{
	if (str_has_prefix(url, "unix://"))
		return parse_unix(url + strlen("unix://"), ret_address, ret_length);
	if (str_has_prefix(url, "tcp://"))
		return parse_tcp(url + strlen("tcp://"), ret_address, ret_length);
	return -EINVAL;
}

static int wait_for(int fd, short events, int64_t end)
{
	struct pollfd poll_fd = { .fd = fd, .events = events };

	for (;;) {
		int64_t left = end - clock_now_ms();
		int r = poll(&poll_fd, 1, left > 0 ? (int) left : 0);

		if (r > 0)
			return 0;
		if (r == 0)
			return -ETIMEDOUT;
		if (errno != EINTR)
			return -errno;
	}
}

static int finish_connect(int fd, int64_t end)
{
	socklen_t size = sizeof(int);
	int error = 0, r = wait_for(fd, POLLOUT, end);

	if (r < 0)
		return r;
	if (getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &size) < 0)
		return -errno;
	return -error;
}

/* The status line, as far as it comes. Length or negative errno. */
static ssize_t read_answer(int fd, char *buf, size_t size, int64_t end)
{
	size_t used = 0;

	while (used + 1 < size && !memchr(buf, '\n', used)) {
		int r = wait_for(fd, POLLIN, end);
		ssize_t n;

		if (r < 0)
			return r;
		n = recv(fd, buf + used, size - 1 - used, 0);
		if (n < 0 && errno != EINTR && errno != EAGAIN)
			return -errno;
		if (n == 0)
			break;
		used += n > 0 ? (size_t) n : 0;
	}
	buf[used] = '\0';
	return (ssize_t) used;
}

static int ask(int fd, const char *url, int64_t end, struct error *err)
{
	static const char request[] = "GET /_ping HTTP/1.0\r\nHost: docker\r\n\r\n";
	char answer[ANSWER_MAX] = "";
	ssize_t n;

	/* into an empty buffer: it fits or the connection is gone */
	if (send(fd, request, sizeof(request) - 1, MSG_NOSIGNAL) < 0)
		return error_set(err, -errno, "send to %s", url);
	n = read_answer(fd, answer, sizeof(answer), end);
	if (n < 0)
		return error_set(err, (int) n, "%s does not answer", url);
	if (!str_has_prefix(answer, "HTTP/1.") || strlen(answer) < 12 ||
	    strncmp(answer + 8, " 200", 4) != 0) {
		if (strstr(answer, "HTTPS server"))
			return error_set_plain(err, -EPROTO,
					       "%s speaks TLS, which is not asked for here", url);
		answer[strcspn(answer, "\r\n")] = '\0';
		return error_set_plain(err, -EPROTO, "%s answers \"%s\"", url, answer);
	}
	return 0;
}

int ready_ping(const char *url, int64_t end, struct error *err)
{
	auto_close int fd = -EBADF;
	union address address;
	socklen_t length;
	int r = parse_url(url, &address, &length);

	if (r < 0)
		return error_set(err, r, "address '%s'", url);
	fd = socket(address.any.sa_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0)
		return error_set(err, -errno, "socket");
	r = connect(fd, &address.any, length) < 0 ? -errno : 0;
	if (r == -EINPROGRESS)
		r = finish_connect(fd, end);
	if (r < 0)
		return error_set(err, r, "connect to %s", url);
	return ask(fd, url, end, err);
}
