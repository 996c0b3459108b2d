/* SPDX-License-Identifier: Apache-2.0 */
/* The `ready` sub-command: what the state file says, and whether the API answers. */
#include <arpa/inet.h>
#include <fcntl.h>
#include <limits.h>
#include <netinet/in.h>
#include <poll.h>
#include <string.h>
#include <sys/inotify.h>
#include <sys/socket.h>
#include <sys/un.h>

#include "dind/file.h"
#include "dind/str.h"
#include "internal.h"

#define RETRY_MS 100

enum verdict {
	VERDICT_READY = 0,
	VERDICT_NOT_YET,
	VERDICT_DEAD,
};

/* Value of "key":"…" in our own one-line format. False when it is not there. */
static bool text_member(const char *json, const char *key, char *buf, size_t size)
{
	char pattern[48];
	const char *found, *end;

	(void) snprintf(pattern, sizeof(pattern), "\"%s\":\"", key);
	found = strstr(json, pattern);
	if (!found)
		return false;
	found += strlen(pattern);
	end = strchr(found, '"');
	if (!end || (size_t) (end - found) >= size)
		return false;
	memcpy(buf, found, (size_t) (end - found));
	buf[end - found] = '\0';
	return true;
}

static int number_member(const char *json, const char *key)
{
	char pattern[48], digits[16];
	const char *found;
	size_t n;
	int value;

	(void) snprintf(pattern, sizeof(pattern), "\"%s\":", key);
	found = strstr(json, pattern);
	if (!found)
		return -1;
	found += strlen(pattern);
	n = strspn(found, "0123456789");
	if (n == 0 || n >= sizeof(digits))
		return -1;
	memcpy(digits, found, n);
	digits[n] = '\0';
	return str_parse_int(digits, 0, INT32_MAX, &value) == 0 ? value : -1;
}

static int connect_unix(const char *path, struct error *err)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	auto_close int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

	if (fd < 0)
		return error_set(err, -errno, "socket");
	if (strlen(path) >= sizeof(address.sun_path))
		return error_set(err, -ENAMETOOLONG, "connect to '%s'", path);
	memcpy(address.sun_path, path, strlen(path) + 1);
	/* EAGAIN: the queue is full, which is not an answer either */
	if (connect(fd, (const struct sockaddr *) &address, sizeof(address)) < 0)
		return error_set(err, -errno, "connect to '%s'", path);
	return fd_take(&fd);
}

/* "HOST:PORT" with a numeric host; an empty host or an unspecified one is reached over loopback. */
static int connect_tcp(const char *where, struct error *err)
{
	struct sockaddr_in v4 = { .sin_family = AF_INET };
	struct sockaddr_in6 v6 = { .sin6_family = AF_INET6 };
	const char *colon = strrchr(where, ':');
	char host[64];
	size_t len = colon ? (size_t) (colon - where) : 0;
	auto_close int fd = -EBADF;
	int port, r;

	if (!colon || len >= sizeof(host) || str_parse_int(colon + 1, 1, 65535, &port) < 0)
		return error_set(err, -EINVAL, "address '%s'", where);
	if (len > 1 && where[0] == '[') {
		where++;
		len -= 2;
	}
	memcpy(host, where, len);
	host[len] = '\0';
	if (!*host || str_equal(host, "0.0.0.0") || str_equal(host, "localhost"))
		(void) snprintf(host, sizeof(host), "127.0.0.1");
	if (str_equal(host, "::"))
		(void) snprintf(host, sizeof(host), "::1");
	v4.sin_port = v6.sin6_port = htons((uint16_t) port);
	if (inet_pton(AF_INET, host, &v4.sin_addr) == 1) {
		fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
		r = fd < 0 ? -1 : connect(fd, (const struct sockaddr *) &v4, sizeof(v4));
	} else if (inet_pton(AF_INET6, host, &v6.sin6_addr) == 1) {
		fd = socket(AF_INET6, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
		r = fd < 0 ? -1 : connect(fd, (const struct sockaddr *) &v6, sizeof(v6));
	} else {
		return error_set(err, -EINVAL, "address '%s'", where);
	}
	if (r < 0 && errno != EINPROGRESS)
		return error_set(err, -errno, "connect to '%s'", where);
	return fd_take(&fd);
}

static int wait_for(int fd, short events, int64_t end)
{
	struct pollfd p = { .fd = fd, .events = events };
	int64_t left = end - clock_now_ms();
	int r = poll(&p, 1, left > 0 ? (int) left : 0);

	if (r < 0)
		return errno == EINTR ? 0 : -errno;
	return r == 0 ? -ETIMEDOUT : 0;
}

/* GET /_ping. 0 when the answer is 200. */
static int ping(const char *url, int64_t end, struct error *err)
{
	static const char request[] = "GET /_ping HTTP/1.0\r\nHost: docker\r\n\r\n";
	char answer[256];
	auto_close int fd = -EBADF;
	ssize_t n;
	int r;

	if (str_has_prefix(url, "unix://"))
		fd = connect_unix(url + strlen("unix://"), err);
	else if (str_has_prefix(url, "tcp://"))
		fd = connect_tcp(url + strlen("tcp://"), err);
	else
		return error_set(err, -EINVAL, "address '%s'", url);
	if (fd < 0)
		return fd;
	r = wait_for(fd, POLLOUT, end);
	if (r == 0 && send(fd, request, sizeof(request) - 1, MSG_NOSIGNAL) < 0)
		r = -errno;
	if (r == 0)
		r = wait_for(fd, POLLIN, end);
	if (r < 0)
		return error_set(err, r, "ask %s for /_ping", url);
	n = recv(fd, answer, sizeof(answer) - 1, 0);
	if (n < 0)
		return error_set(err, -errno, "ask %s for /_ping", url);
	answer[n] = '\0';
	if (!str_has_prefix(answer, "HTTP/1.") || !strstr(answer, " 200 "))
		return error_set_plain(err, -EPROTO,
				       "%s answers /_ping with something else than 200", url);
	return 0;
}

static enum verdict look(const char *state_file, int64_t end, struct error *err)
{
	char json[4096], state[16], reason[512], url[PATH_MAX];
	ssize_t n = file_read_at(AT_FDCWD, state_file, json, sizeof(json));
	int pid;

	if (n < 0) {
		(void) error_set(err, (int) n, "no state in '%s'", state_file);
		return VERDICT_NOT_YET;
	}
	if (!text_member(json, "state", state, sizeof(state))) {
		(void) error_set_plain(err, -EINVAL, "'%s' cannot be understood", state_file);
		return VERDICT_DEAD;
	}
	pid = number_member(json, "pid");
	if (pid > 0 && kill(pid, 0) < 0 && errno == ESRCH) {
		(void) error_set_plain(err, -ESRCH, "dind-init (pid %d) is gone", pid);
		return VERDICT_DEAD;
	}
	if (str_equal(state, "starting")) {
		(void) error_set_plain(err, -EAGAIN, "the engine is still starting");
		return VERDICT_NOT_YET;
	}
	if (!str_equal(state, "ready")) {
		if (!text_member(json, "reason", reason, sizeof(reason)))
			(void) snprintf(reason, sizeof(reason), "told to stop");
		(void) error_set_plain(err, -ESHUTDOWN, "the engine is %s: %s", state, reason);
		return VERDICT_DEAD;
	}
	if (!text_member(json, "socket", url, sizeof(url)))
		return VERDICT_READY; /* its listeners are not ours: READY=1 has to do */
	return ping(url, end, err) == 0 ? VERDICT_READY : VERDICT_NOT_YET;
}

/* Wait until the directory of the state file changes, at most RETRY_MS: the API may be what is
 * missing. */
static void wait_for_change(const char *state_file, int64_t end)
{
	char dir[PATH_MAX];
	const char *slash = strrchr(state_file, '/');
	auto_close int fd = inotify_init1(IN_CLOEXEC | IN_NONBLOCK);
	int64_t until = clock_now_ms() + RETRY_MS;

	if (fd >= 0 && slash && slash != state_file &&
	    (size_t) (slash - state_file) < sizeof(dir)) {
		memcpy(dir, state_file, (size_t) (slash - state_file));
		dir[slash - state_file] = '\0';
		(void) inotify_add_watch(fd, dir, IN_MOVED_TO | IN_CLOSE_WRITE);
	}
	(void) wait_for(fd, POLLIN, until < end ? until : end);
}

int supervise_ready(const char *state_file, int timeout_ms, struct error *err)
{
	int64_t end = clock_now_ms() + timeout_ms;

	for (;;) {
		/* without --timeout one ping still has to have time for its answer */
		int64_t ping_end = timeout_ms > 0 ? end : clock_now_ms() + 2000;

		switch (look(state_file, ping_end, err)) {
		case VERDICT_READY:
			return STATUS_OK;
		case VERDICT_DEAD:
			return STATUS_UNAVAILABLE;
		case VERDICT_NOT_YET:
			break;
		}
		if (clock_now_ms() >= end)
			return STATUS_TEMPFAIL;
		wait_for_change(state_file, end);
	}
}
