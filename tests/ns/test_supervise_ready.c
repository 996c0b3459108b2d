/* SPDX-License-Identifier: Apache-2.0 */
/* The `ready` sub-command, asked in every state; and sockets that are handed over. */
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/un.h>

#include "supervise_fixture.h"

#define SH(script)                      \
	{                               \
		"/bin/sh", "-c", script \
	}
#define FOREVER	    "while :; do sleep 60 & wait $!; done"
#define SOCKET_PATH "%s/docker.sock"
#define SOCKET_URL  "unix://" SOCKET_PATH

static int listeners[2];

static int listen_at(const char *path)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	(void) snprintf(address.sun_path, sizeof(address.sun_path), "%s", path);
	if (fd < 0 || bind(fd, (struct sockaddr *) &address, sizeof(address)) < 0 ||
	    listen(fd, 16) < 0)
		_exit(93);
	return fd;
}

/* As apply does it before the engine runs. */
static void open_listeners(void)
{
	listeners[0] = listen_at(in_dir("docker.sock"));
	listeners[1] = listen_at(in_dir("second.sock"));
}

static void forget_listeners(void)
{
	(void) close(listeners[0]);
	(void) close(listeners[1]);
	listeners[0] = listeners[1] = -EBADF;
}

#define WITH_LISTENERS                                           \
	.prepare = open_listeners, .on_close = forget_listeners, \
	.options = { .socket_url = SOCKET_URL,                   \
		     .stop_timeout_ms = 3000,                    \
		     .engine_fds = { .listen = listeners,        \
				     .n_listen = 2,              \
				     .in = -1,                   \
				     .out = -1,                  \
				     .err = -1 } }

/* Ask, and check status, words and time. */
static void ask(const char *path, int timeout_ms, int status, const char *words, int from, int to)
{
	struct error err = ERROR_INIT;
	int64_t start = clock_now_ms();
	int got = supervise_ready(path, timeout_ms, &err);

	ck_assert_msg(got == status, "%d instead of %d: %s", got, status, err.message);
	if (words)
		ck_assert_msg(strstr(err.message, words), "no '%s' in '%s'", words, err.message);
	assert_between(clock_now_ms(), start, from, to);
}

START_TEST(early_clients_and_ready_wait_until_the_engine_serves)
{
	static struct scene what = { .engine = { "serve", "ready=700" }, WITH_LISTENERS };

	box_start(&what);
	wait_for_state("starting");
	ask(state_file(), 0, 75, "still starting", 0, 0);
	ask(state_file(), 200, 75, "still starting", 200, 200);
	ask(state_file(), 15000, 0, NULL, 0, 700);
	ask(state_file(), 0, 0, NULL, 0, 0);
	box_signal(SIGTERM);
	assert_status(0);
}
END_TEST

/* The box makes its state file while somebody waits for it. */
START_TEST(ready_may_be_asked_before_there_is_anything)
{
	static struct scene what = { .engine = { "serve", "ready=300" }, WITH_LISTENERS };
	char text[2048];

	ask(in_dir("state.json"), 0, 75, "there is no '", 0, 0);
	ask(in_dir("state.json"), 300, 75, "there is no '", 300, 300);
	box_start(&what);
	wait_for_state("ready");
	(void) snprintf(text, sizeof(text), "%s", read_text(state_file()));
	if (fork() == 0) {
		(void) prctl(PR_SET_PDEATHSIG, SIGKILL);
		sleep_ms(400);
		_exit(file_replace(in_dir("state.json"), text, 0644) < 0);
	}
	ask(in_dir("state.json"), 15000, 0, NULL, 400, 400);
}
END_TEST

START_TEST(an_engine_that_is_ready_but_hangs)
{
	static struct scene what = { .engine = { "ready=10" },
				     WITH_LISTENERS }; /* does not serve */

	box_start(&what);
	wait_for_state("ready");
	ask(state_file(), 0, 69, "does not answer", 2000, 2000);
	ask(state_file(), 2500, 69, "does not answer", 2500, 2500);
}
END_TEST

START_TEST(an_engine_without_listeners_of_ours)
{
	static struct scene what = { .engine = { "ready=10" } };

	box_start(&what);
	wait_for_state("ready");
	ask(state_file(), 0, 0, NULL, 0, 0);
}
END_TEST

START_TEST(a_dead_engine_under_a_deaf_command)
{
	static struct scene what = { .engine = { "serve", "kill=9@300" },
				     .command = SH("trap '' TERM; echo up; " FOREVER),
				     WITH_LISTENERS };

	box_start(&what);
	wait_for_state("failed");
	ask(state_file(), 5000, 69, "was killed by SIGKILL", 0, 0); /* it will not come back */
	assert_status(69);
}
END_TEST

START_TEST(an_engine_that_stops)
{
	static struct scene what = { .engine = { "serve", "term=slow:1500" }, WITH_LISTENERS };

	box_start(&what);
	wait_for_state("ready");
	box_signal(SIGTERM);
	wait_for_state("stopping");
	ask(state_file(), 5000, 69, "state stopping", 0, 0);
	assert_status(0);
}
END_TEST

static const struct {
	const char *text;
	int status;
	const char *words;
} files[] = {
	{ "{\"state\":\"ready\",\"pid\":99999999}\n", 69, "(pid 99999999) is gone" },
	{ "{\"state\":\"ready\",\"pid\":1}\n", 0, NULL },
	{ "{\"state\":\"failed\",\"pid\":1,\"reason\":\"no \\\"luck\\\"\"}\n", 69,
	  "failed: no \"luck\"" },
	{ "{\"state\":\"starting\",\"pid\":1}\n", 75, "still starting" },
	{ "nonsense", 69, "is not from this dind-init" },
	{ "", 69, "is not from this dind-init" },
	{ "{\"state\":\"ready\",\"pid\":1,\"socket\":\"http://x\"}\n", 69, "address 'http://x'" },
	{ "{\"state\":\"ready\",\"pid\":1,\"socket\":\"tcp://nohost\"}\n", 69, "address" },
	{ "{\"state\":\"ready\",\"pid\":1,\"socket\":\"tcp://name:1\"}\n", 69, "address" },
	{ "{\"state\":\"ready\",\"pid\":1,\"socket\":\"unix://\"}\n", 69, "address" },
	{ "{\"state\":\"ready\",\"pid\":1,\"socket\":\"unix:///no/such/socket\"}\n", 69,
	  "No such file" },
};

START_TEST(what_a_state_file_means)
{
	ck_assert_int_eq(file_replace(in_dir("state.json"), files[_i].text, 0644), 0);
	ask(in_dir("state.json"), 100, files[_i].status, files[_i].words, 0, 100);
}
END_TEST

START_TEST(a_state_file_that_cannot_be_read)
{
	ck_assert_int_eq(mkdir(in_dir("state.json"), 0755), 0);
	ask(in_dir("state.json"), 5000, 69, "state.json': Is a directory", 0, 0);
}
END_TEST

/* ---- answers over TCP ---- */

static const struct {
	const char *url; /* the port follows */
	const char *answer;
	bool v6;
	int status;
	const char *words;
} servers[] = {
	{ "tcp://127.0.0.1:", "HTTP/1.1 200 OK\r\n\r\nOK", false, 0, NULL },
	{ "tcp://0.0.0.0:", "HTTP/1.1 200 OK\r\n\r\nOK", false, 0, NULL },
	{ "tcp://:", "HTTP/1.0 200 OK\r\n\r\nOK", false, 0, NULL },
	{ "tcp://[::1]:", "HTTP/1.1 200 OK\r\n\r\nOK", true, 0, NULL },
	{ "tcp://[::]:", "HTTP/1.1 200 OK\r\n\r\nOK", true, 0, NULL },
	{ "tcp://127.0.0.1:", "HTTP/1.0 400 Bad Request\r\n\r\n", false, 69,
	  "answers \"HTTP/1.0 400 Bad Request\"" },
	{ "tcp://127.0.0.1:", "HTTP/1.1 500 x 200 OK\r\n", false, 69, "answers \"HTTP/1.1 500" },
	{ "tcp://127.0.0.1:", "SSH-2.0-x\r\n", false, 69, "answers \"SSH-2.0-x\"" },
	{ "tcp://127.0.0.1:", "HTTP/1.1", false, 69, "answers \"HTTP/1.1\"" },
	{ "tcp://127.0.0.1:", "", false, 69, "answers \"\"" },
};

/* Answers every request with the same, byte by byte. The port, or 0. */
static int serve(const char *answer, bool v6)
{
	struct sockaddr_in6 six = { .sin6_family = AF_INET6, .sin6_addr = IN6ADDR_LOOPBACK_INIT };
	struct sockaddr_in four = { .sin_family = AF_INET, .sin_addr = { htonl(INADDR_LOOPBACK) } };
	socklen_t size = v6 ? sizeof(six) : sizeof(four);
	struct sockaddr *address = v6 ? (struct sockaddr *) &six : (struct sockaddr *) &four;
	int fd = socket(v6 ? AF_INET6 : AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	if (fd < 0 || bind(fd, address, size) < 0 || listen(fd, 4) < 0 ||
	    getsockname(fd, address, &size) < 0)
		return 0;
	if (fork() == 0) {
		(void) prctl(PR_SET_PDEATHSIG, SIGKILL);
		for (;;) {
			int client = accept(fd, NULL, NULL);
			char request[512];

			(void) recv(client, request, sizeof(request), 0);
			for (const char *c = answer; *c; c++) {
				(void) send(client, c, 1, MSG_NOSIGNAL);
				sleep_ms(2);
			}
			(void) close(client);
		}
	}
	(void) close(fd);
	return ntohs(v6 ? six.sin6_port : four.sin_port);
}

START_TEST(only_200_is_an_answer)
{
	char url[64], text[256];
	int port = serve(servers[_i].answer, servers[_i].v6);

	if (port == 0 && servers[_i].v6)
		return; /* a machine without IPv6 */
	ck_assert_int_gt(port, 0);
	(void) snprintf(url, sizeof(url), "%s%d", servers[_i].url, port);
	(void) snprintf(text, sizeof(text), "{\"state\":\"ready\",\"pid\":1,\"socket\":\"%s\"}\n",
			url);
	ck_assert_int_eq(file_replace(in_dir("state.json"), text, 0644), 0);
	ask(in_dir("state.json"), 300, servers[_i].status, servers[_i].words, 0, 300);
}
END_TEST

/* ---- what the engine is given ---- */

static int count_lines(const char *text, const char *prefix)
{
	int n = 0;

	for (; text; text = strchr(text, '\n'), text += text ? 1 : 0)
		n += strncmp(text, prefix, strlen(prefix)) == 0;
	return n;
}

static void open_more(void)
{
	open_listeners();
	/* somebody outside was careless */
	must(fcntl(STDERR_FILENO, F_DUPFD, 60) == 60, "dup");
	listeners[1] = fcntl(listeners[1], F_DUPFD_CLOEXEC, 20); /* in the role of the lock */
}

START_TEST(engine_and_command_get_what_is_theirs)
{
	static struct scene what = {
		.engine = { "report=%s/engine" },
		.command = { ENGINE, "report=%s/command", "exit=0@0" },
		.prepare = open_more,
		.log_to_file = true,
		.options = { .socket_url = SOCKET_URL,
			     .engine_fds = { .listen = listeners,
					     .n_listen = 1,
					     .keep = listeners + 1,
					     .n_keep = 1,
					     .in = -1,
					     .out = -1,
					     .err = -1 } },
	};
	const char *report;

	box_start(&what);
	assert_status(0);
	report = read_text(in_dir("engine"));
	ck_assert_msg(count_lines(report, "fd ") == 5, "%s", report); /* 0 to 2, listener, lock */
	ck_assert_msg(strstr(report, "listen-pid mine\nsession own\n"), "%s", report);
	ck_assert_ptr_nonnull(strstr(report, "env LISTEN_FDS=1\n"));
	ck_assert_int_eq(count_lines(report, "ignored"), 0);
	report = read_text(in_dir("command"));
	ck_assert_int_eq(count_lines(report, "fd 60 "), 1);
	/* and of ours nothing: the rest is what the test itself was given */
	ck_assert_int_eq(count_lines(report, "fd 20 "), 0);
	ck_assert_ptr_nonnull(strstr(report, "listen-pid not mine\nsession shared\n"));
	ck_assert_int_eq(count_lines(report, "env LISTEN_"), 0);
}
END_TEST

static int connect_to(const char *path)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	(void) snprintf(address.sun_path, sizeof(address.sun_path), "%s", path);
	return connect(fd, (struct sockaddr *) &address, sizeof(address)) < 0 ? -errno : fd;
}

static void assert_not_left_waiting(int client)
{
	char byte;

	sleep_ms(200);
	ck_assert_int_le(recv(client, &byte, 1, MSG_DONTWAIT), 0);
	ck_assert_int_ne(errno, EAGAIN); /* that would be waiting */
	ck_assert_int_eq(connect_to(in_dir("docker.sock")), -ECONNREFUSED);
}

START_TEST(nobody_is_left_waiting_for_an_engine_that_is_gone)
{
	static struct scene what = { .engine = { "ready=10", "kill=9@600" },
				     .command = SH("trap '' TERM; echo up; " FOREVER),
				     WITH_LISTENERS };
	int client;

	box_start(&what);
	wait_for_state("ready");
	client = connect_to(in_dir("docker.sock"));
	ck_assert_int_ge(client, 0);
	(void) wait_noted("close");
	assert_not_left_waiting(client);
	assert_status(69);
}
END_TEST

/* A helper that takes long has been forked when the sockets were open. */
START_TEST(helpers_do_not_keep_sockets_open)
{
	static struct scene what = { .engine = { "ready=10", "term=slow:2000" },
				     .sync_ms = 20000,
				     WITH_LISTENERS };
	int client;

	box_start(&what);
	wait_for_state("ready");
	client = connect_to(in_dir("docker.sock"));
	ck_assert_int_ge(client, 0);
	box_signal(SIGTERM);
	(void) wait_noted("sync");
	(void) wait_noted("close"); /* at STOPPING=1 */
	assert_not_left_waiting(client);
	assert_status(0);
}
END_TEST

static void add(TCase *tc)
{
	tcase_add_test(tc, early_clients_and_ready_wait_until_the_engine_serves);
	tcase_add_test(tc, ready_may_be_asked_before_there_is_anything);
	tcase_add_test(tc, an_engine_that_is_ready_but_hangs);
	tcase_add_test(tc, an_engine_without_listeners_of_ours);
	tcase_add_test(tc, a_dead_engine_under_a_deaf_command);
	tcase_add_test(tc, an_engine_that_stops);
	tcase_add_loop_test(tc, what_a_state_file_means, 0, ARRAY_SIZE(files));
	tcase_add_test(tc, a_state_file_that_cannot_be_read);
	tcase_add_loop_test(tc, only_200_is_an_answer, 0, ARRAY_SIZE(servers));
	tcase_add_test(tc, engine_and_command_get_what_is_theirs);
	tcase_add_test(tc, nobody_is_left_waiting_for_an_engine_that_is_gone);
	tcase_add_test(tc, helpers_do_not_keep_sockets_open);
}

int main(void)
{
	return run_suite("supervise_ready", add);
}
