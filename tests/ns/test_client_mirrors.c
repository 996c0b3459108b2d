/* SPDX-License-Identifier: Apache-2.0 */
/* dind-client's look at registry mirrors: whose answer counts, what is said and how often. */
#include <check.h>
#include <fcntl.h>
#include <jansson.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>

#include "canned.h"
#include "dind/file.h"
#include "dind/log.h"
#include "mirrors.h"

#define OK	  "HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\n{}"
#define LOGIN	  "HTTP/1.1 401 Unauthorized\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"
#define NOT_FOUND "HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"

static char socket_path[64];
static struct http_host host;
static struct arena arena;
static struct error err;
static struct mirrors mirrors;
static struct client_options options;
static int said = -EBADF;
static size_t said_before;

static void setup(void)
{
	const struct http_tls plain = { 0 };

	log_configure(LOG_LEVEL_INFO, LOG_FORMAT_TEXT);
	(void) snprintf(socket_path, sizeof(socket_path), "/tmp/dind-mirrors-%d", (int) getpid());
	arena = (struct arena) ARENA_INIT;
	err = (struct error) ERROR_INIT;
	memset(&mirrors, 0, sizeof(mirrors));
	said = memfd_create("said", MFD_CLOEXEC);
	ck_assert_int_ge(dup2(said, STDERR_FILENO), 0);
	said_before = 0;
	ck_assert_int_eq(http_host_parse(&host, socket_path, &plain, &arena, &err), 0);
	options = (struct client_options){ .mirrors = true };
}

static void teardown(void)
{
	(void) unlink(socket_path);
	arena_free(&arena);
	(void) close(said);
}

/* An engine whose /info is @info. */
static pid_t engine(const char *info)
{
	(void) unlink(socket_path);
	return canned_unix(socket_path,
			   arena_printf(&arena,
					"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n"
					"Connection: close\r\n\r\n%s",
					info));
}

static pid_t engine_with(const char *url)
{
	return engine(arena_printf(&arena, "{\"RegistryConfig\":{\"Mirrors\":[\"%s\"]}}", url));
}

static const char *url_of(uint16_t port)
{
	return arena_printf(&arena, "http://127.0.0.1:%u/", (unsigned int) port);
}

/* What was said since the last time. */
static const char *news(void)
{
	static char text[8192];
	ssize_t n = pread(said, text, sizeof(text) - 1, (off_t) said_before);

	ck_assert_int_ge(n, 0);
	text[n] = '\0';
	said_before += (size_t) n;
	return text;
}

static const char *look(void)
{
	ck_assert_msg(mirrors_check(&mirrors, &host, &options, &err) == 0, "%s", err.message);
	return news();
}

static void assert_has(const char *text, const char *word)
{
	ck_assert_msg(strstr(text, word) != NULL, "no '%s' in:\n%s", word, text);
}

/* A port where nobody listens: that of a server which has gone. */
static uint16_t dead_port(void)
{
	uint16_t port;

	canned_end(canned_tcp(OK, &port));
	return port;
}

/* ---- one mirror -------------------------------------------------------------------------------
 */

static const struct {
	const char *answer; /* NULL: silence */
	const char *problem;
} answers[] = {
	{ OK, NULL },
	{ LOGIN, NULL },
	{ NOT_FOUND, "GET /v2/ brought status 404" },
	{ "rubbish\r\n", "HTTP/0.9" },
	{ NULL, "timed out" },
};

START_TEST(what_a_registry_says)
{
	uint16_t port;
	pid_t registry = canned_tcp(answers[_i].answer, &port);
	pid_t us = engine_with(url_of(port));
	const char *text = look();

	if (answers[_i].problem) {
		/* it may only be late: once is no news */
		ck_assert_str_eq(text, "");
		ck_assert(mirrors.doubtful);
		text = look();
		assert_has(text, "warning: DIND-NET-17: registry mirror http://127.0.0.1:");
		assert_has(text, answers[_i].problem);
		assert_has(text, "→ ");
	} else {
		assert_has(text, "info: DIND-NET-17: registry mirror http://127.0.0.1:");
		assert_has(text, "/ answers\n");
	}
	ck_assert(!mirrors.doubtful);
	/* and it is said once */
	ck_assert_str_eq(look(), "");
	canned_end(us);
	canned_end(registry);
}
END_TEST

START_TEST(one_that_comes_and_goes)
{
	uint16_t port = dead_port();
	pid_t us = engine_with(url_of(port)), registry;

	ck_assert_str_eq(look(), "");
	assert_has(look(), "is of no use (");
	canned_end(us);
	registry = canned_tcp(OK, &port);
	/* under the name that is known */
	(void) snprintf(mirrors.items[0].url, sizeof(mirrors.items[0].url), "%s", url_of(port));
	us = engine_with(url_of(port));
	assert_has(look(), "answers again\n");
	canned_end(registry);
	ck_assert_str_eq(look(), "");
	ck_assert(mirrors.doubtful);
	assert_has(look(), "is of no use (");
	canned_end(us);
}
END_TEST

START_TEST(all_of_them_and_no_more_than_there_is_room_for)
{
	const char *list = "";
	uint16_t port;
	pid_t registry = canned_tcp(OK, &port), us;

	for (int i = 0; i < MIRRORS_MAX + 3; i++)
		list = arena_printf(&arena, "%s%s\"%s%d/\"", list, i ? "," : "", url_of(port), i);
	us = engine(arena_printf(&arena, "{\"RegistryConfig\":{\"Mirrors\":[%s, 7]}}", list));
	assert_has(look(), "/15/ answers\n");
	ck_assert_uint_eq(mirrors.count, MIRRORS_MAX);
	canned_end(us);
	/* an engine that has none, or says nothing of them */
	us = engine("{\"RegistryConfig\":{\"Mirrors\":null}}");
	ck_assert_str_eq(look(), "");
	canned_end(us);
	us = engine("{}");
	ck_assert_str_eq(look(), "");
	canned_end(us);
	/* or is not there at the moment */
	ck_assert_int_lt(mirrors_check(&mirrors, &host, &options, &err), 0);
	canned_end(registry);
}
END_TEST

/* ---- the way there ----------------------------------------------------------------------------
 */

/* A proxy is asked for the whole URL; a password is only in our environment. */
START_TEST(through_the_engines_proxy)
{
	uint16_t port;
	pid_t server = canned_tcp(OK, &port), us;
	const char *proxy = arena_printf(&arena, "http://127.0.0.1:%u", port);

	if (_i) {
		options.http_proxy = arena_printf(&arena, "http://u:p@127.0.0.1:%u", port);
		proxy = "http://xxxxx:xxxxx@127.0.0.1:1";
	}
	us = engine(arena_printf(&arena,
				 "{\"HttpProxy\":\"%s\",\"NoProxy\":\"other.invalid\","
				 "\"RegistryConfig\":{\"Mirrors\":[\"http://mirror.invalid/\"]}}",
				 proxy));
	assert_has(look(), "registry mirror http://mirror.invalid/ answers\n");
	canned_end(us);
	canned_end(server);
}
END_TEST

START_TEST(past_the_proxy)
{
	uint16_t port, dead = dead_port();
	pid_t registry = canned_tcp(OK, &port), us;

	us = engine(arena_printf(&arena,
				 "{\"HttpProxy\":\"http://127.0.0.1:%u\","
				 "\"RegistryConfig\":{\"Mirrors\":[\"%s\"]}}",
				 dead, url_of(port)));
	assert_has(look(), "/ answers\n");
	canned_end(us);
	canned_end(registry);
}
END_TEST

/* ---- networks ---------------------------------------------------------------------------------
 */

static const struct {
	const char *cidrs, *host;
	bool within;
} networks[] = {
	{ "[\"127.0.0.0/8\"]", "127.9.0.1", true },
	{ "[\"127.0.0.0/8\"]", "128.0.0.1", false },
	{ "[\"10.1.2.0/23\"]", "10.1.3.4", true },
	{ "[\"10.1.2.0/23\"]", "10.1.4.4", false },
	{ "[\"0.0.0.0/0\"]", "192.0.2.1", true },
	{ "[\"0.0.0.0/0\"]", "::1", false },
	{ "[\"192.0.2.7/32\"]", "192.0.2.7", true },
	{ "[\"192.0.2.7/32\"]", "192.0.2.6", false },
	{ "[\"10.0.0.0/8\", \"fd00::/9\"]", "fd7f::1", true },
	{ "[\"fd00::/9\"]", "fd80::1", false },
	{ "[\"::1/128\"]", "::1", true },
	{ "[\"10.0.0.0/33\", \"10.0.0.0\", \"x/8\", 7]", "10.0.0.1", false },
	{ "[]", "10.0.0.1", false },
	{ "[\"0.0.0.0/0\"]", "a.name.invalid", false },
};

START_TEST(which_hosts_are_in_a_network)
{
	json_t *cidrs = json_loads(networks[_i].cidrs, 0, NULL);

	ck_assert_ptr_nonnull(cidrs);
	ck_assert_int_eq(mirrors_is_within(cidrs, networks[_i].host), networks[_i].within);
	ck_assert(!mirrors_is_within(NULL, networks[_i].host));
	json_decref(cidrs);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("client_mirrors");
	TCase *tc = tcase_create("client_mirrors");
	SRunner *runner;
	int failed;

	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_set_timeout(tc, 60);
	tcase_add_loop_test(tc, what_a_registry_says, 0, ARRAY_SIZE(answers));
	tcase_add_test(tc, one_that_comes_and_goes);
	tcase_add_test(tc, all_of_them_and_no_more_than_there_is_room_for);
	tcase_add_loop_test(tc, through_the_engines_proxy, 0, 2);
	tcase_add_test(tc, past_the_proxy);
	tcase_add_loop_test(tc, which_hosts_are_in_a_network, 0, ARRAY_SIZE(networks));
	suite_add_tcase(suite, tc);
	runner = srunner_create(suite);
	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed == 0 ? 0 : 1;
}
