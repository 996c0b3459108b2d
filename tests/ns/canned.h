/* SPDX-License-Identifier: Apache-2.0 */
/* canned.h - a server that says one thing to everybody, as a child of the test that dies with it.
 */
#ifndef TEST_NS_CANNED_H
#define TEST_NS_CANNED_H

#include <arpa/inet.h>
#include <check.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "dind/base.h"

#define CANNED_PING                                                         \
	"HTTP/1.1 200 OK\r\nApi-Version: 1.45\r\nServer: Docker/26.1.5\r\n" \
	"Content-Length: 2\r\nConnection: close\r\n\r\nOK"
#define CANNED_VERSION                                                               \
	"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nConnection: close\r\n" \
	"\r\n{\"Version\":\"26.1.5\",\"ApiVersion\":\"1.45\",\"MinAPIVersion\":\"1.24\"}"

/* Never returns. NULL: takes connections and stays silent. */
static inline void canned_serve(int fd, const char *answer)
{
	(void) prctl(PR_SET_PDEATHSIG, SIGKILL);
	for (;;) {
		int client = accept(fd, NULL, NULL);
		char request[4096];

		if (client < 0)
			_exit(1);
		if (!answer)
			continue; /* held open */
		if (read(client, request, sizeof(request)) > 0 &&
		    write(client, answer, strlen(answer)) < 0)
			_exit(2);
		(void) shutdown(client, SHUT_WR);
		/* what closes with bytes unread sends a reset, which may overtake the answer */
		while (read(client, request, sizeof(request)) > 0)
			;
		(void) close(client);
	}
}

static inline pid_t canned_start(int fd, const char *answer)
{
	pid_t pid = fork();

	ck_assert_int_ge(pid, 0);
	if (pid == 0)
		canned_serve(fd, answer);
	(void) close(fd);
	return pid;
}

static inline pid_t canned_unix(const char *path, const char *answer)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	ck_assert_uint_lt(strlen(path), sizeof(address.sun_path));
	memcpy(address.sun_path, path, strlen(path) + 1);
	ck_assert_int_eq(bind(fd, (struct sockaddr *) &address, sizeof(address)), 0);
	ck_assert_int_eq(listen(fd, 8), 0);
	return canned_start(fd, answer);
}

/* On a free port of 127.0.0.1. */
static inline pid_t canned_tcp(const char *answer, uint16_t *ret_port)
{
	struct sockaddr_in address = { .sin_family = AF_INET,
				       .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	socklen_t size = sizeof(address);

	ck_assert_int_eq(bind(fd, (struct sockaddr *) &address, sizeof(address)), 0);
	ck_assert_int_eq(listen(fd, 8), 0);
	ck_assert_int_eq(getsockname(fd, (struct sockaddr *) &address, &size), 0);
	*ret_port = ntohs(address.sin_port);
	return canned_start(fd, answer);
}

static inline void canned_end(pid_t pid)
{
	(void) kill(pid, SIGKILL);
	(void) waitpid(pid, NULL, 0);
}

#endif
