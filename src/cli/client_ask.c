/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Ask an engine in plain HTTP, without a library and without a certificate: that it wants one is an
 * answer, too, and then dind-client asks. Names are resolved by getent(1), which may take its time;
 * we need not.
 */
#include <arpa/inet.h>
#include <fcntl.h>
#include <limits.h>
#include <netinet/in.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>

#include "client_check.h"
#include "dind/file.h"
#include "dind/str.h"

#define ANSWER_MAX 16384
#define NET_MS	   2000
#define PROGRAM_MS 3000
#define PORT_PLAIN 2375
#define PORT_TLS   2376

union address {
	struct sockaddr any;
	struct sockaddr_un local;
	struct sockaddr_in v4;
	struct sockaddr_in6 v6;
};

/* ---- reading with a deadline ---- */

/* All that comes until the end, @deadline or the end of @buf, which is terminated. */
static size_t read_until(int fd, int64_t deadline, char *buf, size_t size)
{
	size_t used = 0;

	while (used + 1 < size) {
		struct pollfd poll_fd = { .fd = fd, .events = POLLIN };
		int64_t left = deadline - clock_now_ms();
		ssize_t n;

		if (left <= 0 || poll(&poll_fd, 1, (int) left) == 0)
			break;
		n = read(fd, buf + used, size - 1 - used);
		if (n == 0 || (n < 0 && errno != EINTR && errno != EAGAIN))
			break;
		used += n > 0 ? (size_t) n : 0;
	}
	buf[used] = '\0';
	return used;
}

/* ---- programs ---- */

static pid_t start_program(const char *const *argv, const char *const *environment, int output)
{
	posix_spawn_file_actions_t actions;
	pid_t pid = -1;
	int r;

	if (posix_spawn_file_actions_init(&actions) != 0)
		return -1;
	r = posix_spawn_file_actions_addopen(&actions, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
	if (r == 0)
		r = posix_spawn_file_actions_adddup2(&actions, output, STDOUT_FILENO);
	if (r == 0)
		r = posix_spawn_file_actions_addopen(&actions, STDERR_FILENO, "/dev/null", O_WRONLY,
						     0);
	if (r == 0)
		r = posix_spawnp(&pid, argv[0], &actions, NULL, (char *const *) (uintptr_t) argv,
				 (char *const *) (uintptr_t) environment);
	(void) posix_spawn_file_actions_destroy(&actions);
	return r == 0 ? pid : -1;
}

/* What @argv prints, whatever its status; "" when it cannot be run. */
static void output_of(const char *const *argv, const char *const *environment, char *buf,
		      size_t size)
{
	auto_close int input = -EBADF;
	auto_close int output = -EBADF;
	int ends[2];
	pid_t pid;

	buf[0] = '\0';
	if (pipe2(ends, O_CLOEXEC) < 0)
		return;
	input = ends[0];
	output = ends[1];
	pid = start_program(argv, environment, output);
	fd_close(&output);
	if (pid < 0)
		return;
	(void) read_until(input, clock_now_ms() + PROGRAM_MS, buf, size);
	(void) kill(pid, SIGKILL); /* it has closed its output, or had its time */
	while (waitpid(pid, NULL, 0) < 0 && errno == EINTR)
		;
}

/* ---- addresses ---- */

static void use_unix(const char *path, union address *ret_address, socklen_t *ret_length)
{
	size_t n = strlen(path);

	memset(ret_address, 0, sizeof(*ret_address));
	if (n == 0 || n >= sizeof(ret_address->local.sun_path))
		return;
	ret_address->local.sun_family = AF_UNIX;
	memcpy(ret_address->local.sun_path, path, n + 1);
	*ret_length = sizeof(ret_address->local);
}

static bool use_number(const char *host, uint16_t port, union address *ret_address,
		       socklen_t *ret_length)
{
	memset(ret_address, 0, sizeof(*ret_address));
	if (inet_pton(AF_INET, host, &ret_address->v4.sin_addr) == 1) {
		ret_address->v4.sin_family = AF_INET;
		ret_address->v4.sin_port = htons(port);
		*ret_length = sizeof(ret_address->v4);
		return true;
	}
	if (inet_pton(AF_INET6, host, &ret_address->v6.sin6_addr) != 1)
		return false;
	ret_address->v6.sin6_family = AF_INET6;
	ret_address->v6.sin6_port = htons(port);
	*ret_length = sizeof(ret_address->v6);
	return true;
}

/* HOST, HOST:PORT, [HOST]:PORT, with a slash behind it as docker takes it. */
static void use_tcp(const char *where, bool tls, const struct options *options,
		    union address *ret_address, socklen_t *ret_length)
{
	const char *getent[] = { "getent", "ahosts", NULL, NULL };
	bool brackets = *where == '[';
	char text[1024], host[256];
	size_t n = brackets ? strcspn(++where, "]") : strcspn(where, ":/");
	const char *rest = where + n + (brackets && where[n] == ']');
	int port = tls ? PORT_TLS : PORT_PLAIN;

	if (n == 0 || n >= sizeof(host) || *where == '-')
		return;
	memcpy(host, where, n);
	host[n] = '\0';
	(void) snprintf(text, sizeof(text), "%.*s", (int) strcspn(rest, "/"), rest);
	if (*text == ':' && str_parse_int(text + 1, 1, UINT16_MAX, &port) < 0)
		return;
	if (use_number(host, (uint16_t) port, ret_address, ret_length))
		return;
	getent[2] = host;
	output_of(getent, options->environment, text, sizeof(text));
	text[strcspn(text, " \t\n")] = '\0';
	(void) use_number(text, (uint16_t) port, ret_address, ret_length);
}

/* ---- the engine ---- */

/* A connection, or negative errno. */
static int connect_to(const union address *address, socklen_t length, int64_t deadline)
{
	auto_close int fd =
		socket(address->any.sa_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	struct pollfd poll_fd = { .fd = fd, .events = POLLOUT };
	socklen_t size = sizeof(int);
	int64_t left = deadline - clock_now_ms();
	int error = 0;

	if (fd < 0)
		return -errno;
	if (connect(fd, &address->any, length) == 0)
		return fd_take(&fd);
	if (errno != EINPROGRESS)
		return -errno;
	if (poll(&poll_fd, 1, left > 0 ? (int) left : 0) <= 0)
		return -ETIMEDOUT;
	if (getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &size) < 0)
		return -errno;
	return error ? -error : fd_take(&fd);
}

static void ask_engine(const union address *address, socklen_t length, struct arena *arena,
		       struct client_view *view)
{
	static const char request[] = "GET /version HTTP/1.0\r\nHost: docker\r\n\r\n";
	int64_t deadline = clock_now_ms() + NET_MS;
	auto_close int fd = connect_to(address, length, deadline);
	char answer[ANSWER_MAX];
	size_t n;

	if (fd == -ECONNREFUSED)
		view->spoken = CLIENT_SPOKEN_NOBODY;
	if (fd < 0 || send(fd, request, sizeof(request) - 1, MSG_NOSIGNAL) < 0)
		return;
	n = read_until(fd, deadline, answer, sizeof(answer));
	view->spoken = client_what_is_spoken(answer, n);
	if (view->spoken == CLIENT_SPOKEN_PLAIN)
		client_read_version(answer, arena, view);
}

/* ---- the client ---- */

/* docker prints its own side also when there is no engine. */
static void ask_client(const struct options *options, struct arena *arena, struct client_view *view)
{
	static const char *const argv[] = {
		"docker",  "--host",   "unix:///nonexistent",
		"version", "--format", "{{.Client.Version}} {{.Client.DefaultAPIVersion}}",
		NULL
	};
	struct strings environment = STRINGS_INIT;
	char text[256], *space;

	for (const char *const *e = options->environment; e && *e; e++)
		if (!str_has_prefix(*e, "DOCKER_"))
			strings_add(arena, &environment, *e);
	output_of(argv, environment.items, text, sizeof(text));
	text[strcspn(text, "\n")] = '\0';
	space = strchr(text, ' ');
	if (!space)
		return;
	*space = '\0';
	view->client = arena_strdup(arena, text);
	view->client_api = arena_strdup(arena, space + 1);
}

static const char *tls_variable(const struct options *options)
{
	static const char *const names[] = { "DOCKER_TLS_VERIFY", "DOCKER_TLS" };

	for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
		const char *value = options_environment(options, names[i]);

		if (value && *value)
			return names[i];
	}
	return NULL;
}

/* With the client's own certificates and keys, which need libraries. */
static void ask_program(const struct options *options, const char *program, const char *host,
			struct arena *arena, struct client_view *view)
{
	const char *const argv[] = { program, "ask", "--host", host, NULL };
	char text[4096];

	output_of(argv, options->environment, text, sizeof(text));
	client_read_asked(text, arena, view);
}

static bool is_socket(const char *url)
{
	struct stat st;

	return stat(url + strlen("unix://"), &st) == 0 && S_ISSOCK(st.st_mode);
}

void client_ask(const struct options *options, const char *socket, const char *program,
		struct arena *arena, struct client_view *ret_view)
{
	const char *host = options_environment(options, "DOCKER_HOST");
	struct client_view view = { .tls_by = tls_variable(options) };
	union address address = { 0 };
	socklen_t length = 0;

	if (!host || !*host)
		host = socket ? socket : "unix://" DIND_DEFAULT_SOCKET;
	if (str_has_prefix(host, "unix://") && is_socket(host))
		use_unix(host + strlen("unix://"), &address, &length);
	else if (str_has_prefix(host, "tcp://"))
		use_tcp(host + strlen("tcp://"), view.tls_by, options, &address, &length);
	if (length > 0) {
		view.host = host;
		ask_engine(&address, length, arena, &view);
	}
	if (str_has_prefix(host, "ssh://"))
		view.host = host;
	if (program && view.host &&
	    ((view.spoken == CLIENT_SPOKEN_TLS && view.tls_by) || str_has_prefix(host, "ssh://")))
		ask_program(options, program, host, arena, &view);
	if (view.min_api)
		ask_client(options, arena, &view);
	*ret_view = view;
}
