/* SPDX-License-Identifier: Apache-2.0 */
/* What doctor says of a client and an engine that do not understand each other. */
#include <check.h>
#include <string.h>

#include "../../src/cli/client_check.h"

#define TCP "tcp://docker:2376"

/* ---- what is spoken ---- */

static const struct {
	const char *answer;
	size_t length;
	enum client_spoken spoken;
} answers[] = {
	{ "HTTP/1.0 200 OK\r\n\r\nOK", 21, CLIENT_SPOKEN_PLAIN },
	{ "HTTP/1.1 503 x\r\n\r\n", 18, CLIENT_SPOKEN_PLAIN },
	/* recorded: dockerd 20.10, 26.1, 28.5 with TLS */
	{ "HTTP/1.0 400 Bad Request\r\n\r\nClient sent an HTTP request to an HTTPS server.\n", 76,
	  CLIENT_SPOKEN_TLS },
	{ "\x15\x03\x01\x00\x02\x02\x46", 7, CLIENT_SPOKEN_TLS }, /* alert: protocol_version */
	{ "", 0, CLIENT_SPOKEN_UNKNOWN },
	{ "SSH-2.0-x\r\n", 11, CLIENT_SPOKEN_UNKNOWN },
	{ "HTTP", 4, CLIENT_SPOKEN_UNKNOWN },
};

START_TEST(an_answer_to_plain_http_tells_what_is_spoken)
{
	ck_assert_int_eq(client_what_is_spoken(answers[_i].answer, answers[_i].length),
			 answers[_i].spoken);
}
END_TEST

START_TEST(versions_are_read_or_left_alone)
{
	struct arena arena = ARENA_INIT;
	struct client_view view = { .host = TCP };

	client_read_version("HTTP/1.0 404 x\r\n\r\n{\"Version\":\"1\"}", &arena, &view);
	client_read_version("HTTP/1.0 200 OK\r\n\r\nnot JSON", &arena, &view);
	client_read_version("HTTP/1.0 200 OK\r\n\r\n[1]", &arena, &view);
	client_read_version("HTTP/1.0 200 OK\r\n", &arena, &view);
	client_read_version("", &arena, &view);
	ck_assert_ptr_null(view.engine);
	client_read_version("HTTP/1.0 200 OK\r\nApi-Version: 1.51\r\n\r\n{\"Version\":\"28.5.2\","
			    "\"ApiVersion\":\"1.51\",\"MinAPIVersion\":\"1.24\",\"Os\":1}\n",
			    &arena, &view);
	ck_assert_str_eq(view.engine, "28.5.2");
	ck_assert_str_eq(view.api, "1.51");
	ck_assert_str_eq(view.min_api, "1.24");
	arena_free(&arena);
}
END_TEST

START_TEST(what_dind_client_has_found)
{
	struct arena arena = ARENA_INIT;
	struct client_view view = { .host = TCP };

	client_read_asked("", &arena, &view);
	client_read_asked("[1]", &arena, &view);
	ck_assert(!view.code && !view.engine);
	client_read_asked("{\"code\":\"C\",\"fact\":\"f\",\"remedy\":\"r\"}\n", &arena, &view);
	ck_assert_str_eq(view.code, "C");
	ck_assert_str_eq(view.fact, "f");
	ck_assert_str_eq(view.remedy, "r");
	client_read_asked(
		"{\"Version\":\"29\",\"ApiVersion\":\"1.52\",\"MinAPIVersion\":\"1.44\"}\n", &arena,
		&view);
	ck_assert_ptr_null(view.code);
	ck_assert_str_eq(view.engine, "29");
	ck_assert_str_eq(view.min_api, "1.44");
	arena_free(&arena);
}
END_TEST

START_TEST(versions_of_the_api_are_numbers)
{
	ck_assert(client_api_is_older("1.9", "1.10"));
	ck_assert(client_api_is_older("1.41", "1.44"));
	ck_assert(client_api_is_older("1.99", "2.0"));
	ck_assert(!client_api_is_older("1.44", "1.44"));
	ck_assert(!client_api_is_older("1.45", "1.44"));
	ck_assert(!client_api_is_older(NULL, "1.44"));
	ck_assert(!client_api_is_older("1.41", NULL));
	ck_assert(!client_api_is_older("1", "1.44"));
	ck_assert(!client_api_is_older("1.x", "1.44"));
	ck_assert(!client_api_is_older("1.41", "one.two"));
	ck_assert(!client_api_is_older("123456789.1", "1.2"));
}
END_TEST

/* ---- judgements ---- */

static const struct {
	struct client_view view;
	const char *code, *fact, *remedy; /* code NULL: nothing is said */
} cases[] = {
	{ { .host = NULL }, NULL, NULL, NULL },
	{ { .host = TCP }, NULL, NULL, NULL },
	{ { .host = TCP, .spoken = CLIENT_SPOKEN_TLS, .tls_by = "DOCKER_TLS" }, NULL, NULL, NULL },
	{ { .host = TCP, .spoken = CLIENT_SPOKEN_PLAIN }, NULL, NULL, NULL },
	{ { .host = TCP, .spoken = CLIENT_SPOKEN_TLS },
	  "DIND-CLIENT-01",
	  TCP " speaks TLS, and docker speaks plain HTTP here",
	  "DOCKER_TLS_VERIFY=1 and DOCKER_CERT_PATH=DIR" },
	{ { .host = TCP, .spoken = CLIENT_SPOKEN_PLAIN, .tls_by = "DOCKER_TLS_VERIFY" },
	  "DIND-CLIENT-02",
	  TCP " speaks plain HTTP, and DOCKER_TLS_VERIFY makes docker speak TLS here",
	  "unset DOCKER_TLS_VERIFY" },
	/* docker speaks no TLS on a unix socket, whatever the variable says */
	{ { .host = "unix:///s", .spoken = CLIENT_SPOKEN_PLAIN, .tls_by = "DOCKER_TLS_VERIFY" },
	  NULL,
	  NULL,
	  NULL },
	{ { .host = TCP, .spoken = CLIENT_SPOKEN_NOBODY },
	  "DIND-CLIENT-03",
	  "nobody listens on " TCP,
	  "unset DOCKER_HOST" },
	{ { .host = "unix:///s",
	    .spoken = CLIENT_SPOKEN_PLAIN,
	    .engine = "29.0.0",
	    .min_api = "1.44",
	    .client = "20.10.24",
	    .client_api = "1.41" },
	  "DIND-CLIENT-04",
	  "docker 20.10.24 speaks the API up to 1.41 here, and engine 29.0.0 on unix:///s takes "
	  "1.44 at "
	  "least",
	  "DOCKER_MIN_API_VERSION=1.41" },
	{ { .host = "unix:///s",
	    .spoken = CLIENT_SPOKEN_PLAIN,
	    .engine = "28.5.2",
	    .min_api = "1.24",
	    .client = "20.10.24",
	    .client_api = "1.41" },
	  NULL,
	  NULL,
	  NULL },
	{ { .host = TCP,
	    .spoken = CLIENT_SPOKEN_TLS,
	    .tls_by = "DOCKER_TLS",
	    .code = "DIND-REMOTE-11",
	    .fact = "who is that?",
	    .remedy = "the right ca.pem" },
	  "DIND-REMOTE-11",
	  "who is that?",
	  "the right ca.pem" },
	{ { .host = "unix:///s",
	    .spoken = CLIENT_SPOKEN_PLAIN,
	    .engine = "29.0.0",
	    .min_api = "1.44" },
	  NULL,
	  NULL,
	  NULL },
};

START_TEST(each_misunderstanding_has_its_line)
{
	struct arena arena = ARENA_INIT;
	struct plan plan = { .n_hints = 0 };

	client_judge(&cases[_i].view, &arena, &plan);
	ck_assert_uint_eq(plan.n_hints, cases[_i].code ? 1 : 0);
	if (cases[_i].code) {
		ck_assert_str_eq(plan.hints[0].code, cases[_i].code);
		ck_assert_ptr_nonnull(strstr(plan.hints[0].fact, cases[_i].fact));
		ck_assert_ptr_nonnull(strstr(plan.hints[0].remedy, cases[_i].remedy));
	}
	arena_free(&arena);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("doctor_client");
	TCase *tc = tcase_create("doctor_client");
	SRunner *runner;
	int failed;

	tcase_add_loop_test(tc, an_answer_to_plain_http_tells_what_is_spoken, 0,
			    ARRAY_SIZE(answers));
	tcase_add_test(tc, versions_are_read_or_left_alone);
	tcase_add_test(tc, what_dind_client_has_found);
	tcase_add_test(tc, versions_of_the_api_are_numbers);
	tcase_add_loop_test(tc, each_misunderstanding_has_its_line, 0, ARRAY_SIZE(cases));
	suite_add_tcase(suite, tc);
	runner = srunner_create(suite);
	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed == 0 ? 0 : 1;
}
