/* SPDX-License-Identifier: Apache-2.0 */
/* dind-client's wait for an engine elsewhere, and whose address a name has. TLS between two real
 * ends is in tests/engine/modes.bats. */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

#include "canned.h"
#include "dind/file.h"

#define MAX_WORDS 12

static char top[] = "/tmp/dind-wait-XXXXXX";
static char output[8192];

static const char *in_top(const char *name)
{
	static char paths[4][128];
	static size_t next;
	char *buf = paths[next++ % ARRAY_SIZE(paths)];

	(void) snprintf(buf, sizeof(paths[0]), "%s/%s", top, name);
	return buf;
}

static void setup(void)
{
	ck_assert_ptr_nonnull(mkdtemp(top));
}

static void teardown(void)
{
	static const char *const names[] = { "out", "ca.pem", "cert.pem", "key.pem",
					     "ssh", "argv",   "docker" };

	for (size_t i = 0; i < ARRAY_SIZE(names); i++)
		(void) unlink(in_top(names[i]));
	(void) rmdir(top);
}

/* Run the client; its status, and what it said in @output. */
static int client(const char *const *words, const char *const *environment)
{
	const char *argv[MAX_WORDS + 2] = { CLIENT_PROGRAM };
	int status, out;
	pid_t pid;

	for (int i = 0; i < MAX_WORDS && words[i]; i++)
		argv[i + 1] = words[i];
	pid = fork();
	if (pid == 0) {
		out = open(in_top("out"), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
		if (dup2(out, 1) == 1 && dup2(out, 2) == 2)
			(void) execve(CLIENT_PROGRAM, (char *const *) (uintptr_t) argv,
				      (char *const *) (uintptr_t) environment);
		_exit(99);
	}
	ck_assert_int_eq(waitpid(pid, &status, 0), pid);
	ck_assert_int_ge(file_read_at(AT_FDCWD, in_top("out"), output, sizeof(output)), 0);
	ck_assert(WIFEXITED(status));
	return WEXITSTATUS(status);
}

static int wait_for(const char *host, const char *seconds, const char *variable)
{
	const char *const words[] = { "wait", "--host", host, "--timeout", seconds, NULL };
	const char *const environment[] = { variable ? variable : "A=b", NULL };

	return client(words, environment);
}

static void assert_says(const char *text)
{
	ck_assert_msg(strstr(output, text) != NULL, "no '%s' in:\n%s", text, output);
}

static const char *url_of(uint16_t port)
{
	static char url[64];

	(void) snprintf(url, sizeof(url), "tcp://127.0.0.1:%u", port);
	return url;
}

START_TEST(an_engine)
{
	uint16_t port;
	pid_t pid = canned_tcp(CANNED_VERSION, &port);

	ck_assert_int_eq(wait_for(url_of(port), "20", NULL), 0);
	assert_says("engine 26.1.5, API 1.24 to 1.45");
	ck_assert_int_eq(wait_for(url_of(port), "20", "DOCKER_API_VERSION=1.24"), 0);
	ck_assert_int_eq(wait_for(url_of(port), "20", "DOCKER_API_VERSION=1.46"), 78);
	assert_says("DIND-REMOTE-16");
	assert_says("DOCKER_API_VERSION is 1.46, and tcp://127.0.0.1");
	canned_end(pid);
	ck_assert_int_eq(wait_for(url_of(port), "1", NULL), 69);
	assert_says("DIND-REMOTE-10");
	assert_says("waited for 1 s");
}
END_TEST

START_TEST(asked_once)
{
	uint16_t port;
	pid_t pid = canned_tcp(CANNED_VERSION, &port);
	const char *const words[] = { "ask", "--host", url_of(port), NULL };
	const char *const none[] = { NULL }, *const tls[] = { "DOCKER_TLS=1", NULL };

	ck_assert_int_eq(client(words, none), 0);
	ck_assert_str_eq(output, "{\"Version\":\"26.1.5\",\"ApiVersion\":\"1.45\","
				 "\"MinAPIVersion\":\"1.24\"}\n");
	ck_assert_int_eq(client(words, tls), 69);
	assert_says("{\"code\":\"DIND-REMOTE-13\",\"fact\":\"tcp://127.0.0.1:");
	assert_says("\"remedy\":\"unset DOCKER_TLS_VERIFY");
	canned_end(pid);
	ck_assert_int_eq(client(words, none), 69);
	assert_says("DIND-REMOTE-10");
}
END_TEST

START_TEST(one_that_comes_later)
{
	uint16_t port;
	pid_t pid = canned_tcp(CANNED_VERSION, &port), later;
	struct sockaddr_in address = { .sin_family = AF_INET,
				       .sin_port = htons(port),
				       .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	const int on = 1;

	canned_end(pid);
	later = fork();
	if (later == 0) {
		int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

		(void) usleep(700000);
		(void) setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
		if (bind(fd, (struct sockaddr *) &address, sizeof(address)) < 0 ||
		    listen(fd, 8) < 0)
			_exit(1);
		canned_serve(fd, CANNED_VERSION);
	}
	ck_assert_int_eq(wait_for(url_of(port), "30", NULL), 0);
	assert_says("waiting: tcp://127.0.0.1");
	canned_end(later);
}
END_TEST

static const struct {
	const char *answer, *variable, *code, *says;
	int status;
} wrong[] = {
	{ "HTTP/1.0 400 Bad Request\r\n\r\nClient sent an HTTP request to an HTTPS server.\n", NULL,
	  "DIND-REMOTE-13", "speaks TLS, and neither DOCKER_TLS_VERIFY", 78 },
	{ "HTTP/1.1 400 Bad Request\r\nConnection: close\r\n\r\n", "DOCKER_TLS=1", "DIND-REMOTE-13",
	  "does not speak TLS", 78 },
	{ "HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n<html>", NULL, "DIND-REMOTE-15",
	  "is no engine", 69 },
	{ "HTTP/1.1 503 No\r\nConnection: close\r\n\r\n", NULL, "DIND-REMOTE-15", "status 503",
	  69 },
	{ CANNED_VERSION, "DOCKER_TLS_VERIFY=1", "DIND-REMOTE-12",
	  "neither DOCKER_CERT_PATH nor HOME", 78 },
};

START_TEST(somebody_else)
{
	uint16_t port;
	pid_t pid = canned_tcp(wrong[_i].answer, &port);

	ck_assert_int_eq(wait_for(url_of(port), "2", wrong[_i].variable), wrong[_i].status);
	assert_says(wrong[_i].code);
	assert_says(wrong[_i].says);
	canned_end(pid);
}
END_TEST

START_TEST(certificates_that_are_none)
{
	const char *const words[] = {
		"wait", "--host", "tcp://127.0.0.1:1", "--timeout", "2", NULL
	};
	char directory[128];
	const char *const environment[] = { "DOCKER_TLS_VERIFY=1", directory, NULL };

	(void) snprintf(directory, sizeof(directory), "DOCKER_CERT_PATH=%s", top);
	ck_assert_int_eq(client(words, environment), 78);
	assert_says("DIND-REMOTE-12");
	assert_says(in_top("ca.pem"));
	assert_says("No such file or directory");
}
END_TEST

static void make_ssh(const char *script)
{
	ck_assert_int_eq(file_replace(in_top("ssh"), script, 0755), 0);
}

/* A docker client that says what real ones say. */
static const struct {
	const char *script, *says;
} clients[] = {
	{ "echo 20.10.24 1.41\necho 'Error response from daemon: client version 1.41 is too old. "
	  "Minimum supported API version is 1.44' >&2\nexit 1\n",
	  "DIND-CLIENT-04: docker 20.10.24 speaks the API up to 1.41 here, and engine 29.0.0 on "
	  "tcp" },
	{ "echo 99.0.0 1.99\necho a warning >&2\necho 'Error response from daemon: client version "
	  "1.60 "
	  "is too new. Maximum supported API version is 1.52' >&2\nexit 1\n",
	  "DIND-CLIENT-05: docker 99.0.0 here and engine 29.0.0 on tcp://127.0.0.1" },
	{ "[ \"$*\" = \"--host $DOCKER_HOST version --format {{.Client.Version}} "
	  "{{.Client.DefaultAPIVersion}}\" ] || { echo 1 1.1; exit 1; }\n"
	  "echo 28.5.2 1.51\n",
	  NULL },
	{ "echo 20.10.24\nexit 1\n", NULL }, /* says nothing of its API */
	{ "exit 126\n", NULL },
	{ NULL, NULL }, /* there is none */
};

START_TEST(the_docker_of_path)
{
	static char path[160], host[80], script[512];
	const char *const words[] = { "wait",	   "--host", host + strlen("DOCKER_HOST="),
				      "--timeout", "20",     NULL };
	const char *const environment[] = { path, host, NULL };
	uint16_t port;
	pid_t pid = canned_tcp("HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n"
			       "{\"Version\":\"29.0.0\",\"ApiVersion\":\"1.52\","
			       "\"MinAPIVersion\":\"1.44\"}\n",
			       &port);

	(void) snprintf(path, sizeof(path), "PATH=%s", top);
	(void) snprintf(host, sizeof(host), "DOCKER_HOST=%s", url_of(port));
	(void) snprintf(script, sizeof(script), "#!/bin/sh\n%s",
			clients[_i].script ? clients[_i].script : "");
	if (clients[_i].script)
		ck_assert_int_eq(file_replace(in_top("docker"), script, 0755), 0);
	ck_assert_int_eq(client(words, environment), 0);
	assert_says("engine 29.0.0, API 1.44 to 1.52");
	if (clients[_i].says)
		assert_says(clients[_i].says);
	else
		ck_assert_ptr_null(strstr(output, "DIND-CLIENT"));
	if (_i == 1)
		assert_says("\"Error response from daemon: client version 1.60 is too new.");
	canned_end(pid);
}
END_TEST

START_TEST(over_ssh)
{
	static char script[512], path[256];
	const char *const environment[] = { path, NULL };
	const char *const words[] = { "wait",	   "--host", "ssh://ci@builder:2222",
				      "--timeout", "2",	     NULL };

	(void) snprintf(path, sizeof(path), "PATH=%s:/usr/bin:/bin", top);
	(void) snprintf(script, sizeof(script),
			"#!/bin/sh\necho \"$@\" >%s\n"
			"while read -r line && [ ${#line} -gt 1 ]; do :; done\n"
			"printf 'HTTP/1.1 200 OK\\r\\nConnection: close\\r\\n\\r\\n"
			"{\"ApiVersion\":\"1.45\",\"Version\":\"26.1.5\"}'\n",
			in_top("argv"));
	make_ssh(script);
	ck_assert_msg(client(words, environment) == 0, "%s", output);
	assert_says("ssh://ci@builder:2222: engine 26.1.5, API 1.45");
	ck_assert_int_gt(file_read_at(AT_FDCWD, in_top("argv"), output, sizeof(output)), 0);
	ck_assert_str_eq(output, "-T -o BatchMode=yes -o ConnectTimeout=5 -l ci -p 2222 -- builder "
				 "docker system dial-stdio\n");
	make_ssh("#!/bin/sh\necho a banner >&2\necho 'Host key verification failed.' >&2\nexit "
		 "255\n");
	ck_assert_int_eq(client(words, environment), 69);
	assert_says("DIND-REMOTE-17");
	assert_says("ssh://ci@builder:2222: Host key verification failed.");
	ck_assert_int_eq(unlink(in_top("ssh")), 0);
	(void) snprintf(path, sizeof(path), "PATH=%s", top);
	ck_assert_int_eq(client(words, environment), 78);
	assert_says("there is no ssh in PATH");
}
END_TEST

START_TEST(whose_address)
{
	static const struct {
		const char *host;
		int status;
	} cases[] = { { "tcp://localhost:2375", 0 },
		      { "tcp://127.0.0.1", 0 },
		      { "ssh://ci@127.0.0.2:22", 0 },
		      { "tcp://192.0.2.77:2375", 1 },
		      { "tcp://no-such-name.invalid", 2 } };
	const char *const words[] = { "local", "--host", cases[_i].host, NULL };
	const char *const environment[] = { NULL };

	ck_assert_msg(client(words, environment) == cases[_i].status, "%s: %s", cases[_i].host,
		      output);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("wait");
	TCase *tc = tcase_create("wait");
	SRunner *runner;
	int failed;

	tcase_set_timeout(tc, 90);
	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_add_test(tc, an_engine);
	tcase_add_test(tc, asked_once);
	tcase_add_test(tc, one_that_comes_later);
	tcase_add_loop_test(tc, somebody_else, 0, (int) ARRAY_SIZE(wrong));
	tcase_add_test(tc, certificates_that_are_none);
	tcase_add_loop_test(tc, the_docker_of_path, 0, (int) ARRAY_SIZE(clients));
	tcase_add_test(tc, over_ssh);
	tcase_add_loop_test(tc, whose_address, 0, 5);
	suite_add_tcase(suite, tc);
	runner = srunner_create(suite);
	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? 1 : 0;
}
