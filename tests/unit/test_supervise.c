/* SPDX-License-Identifier: Apache-2.0 */
/* The pure parts of supervise beside the decision table. */
#include <check.h>
#include <string.h>

#include "../../src/supervise/internal.h"

/* ---- the budget ---- */

START_TEST(phases_are_points_of_one_budget)
{
	const struct shutdown s = { .began = 100000, .budget_ms = 9000 };
	static const struct {
		enum supervise_state state;
		int64_t now; /* after the beginning */
		bool hurried;
		int64_t end;
	} cases[] = {
		{ STATE_STOP_WORKLOAD, 0, false, 4050 },
		{ STATE_STOP_REST, 2000, false, 4050 }, /* what COMMAND has not used */
		{ STATE_STOP_ENGINE, 0, false, 6750 },
		/* what COMMAND did not use is the engine's, and no more than that */
		{ STATE_STOP_ENGINE, 20, false, 6750 },
		{ STATE_STOP_ENGINE, 4050, true, 6750 },
		{ STATE_KILL_CONTAINERS, 6750, false, 8100 },
		{ STATE_KILL_CONTAINERS, 6750, true, 8100 },
		/* a second TERM: not until the point */
		{ STATE_KILL_CONTAINERS, 1000, true, 3000 },
		{ STATE_KILL_CONTAINERS, 1000, false, 8100 },
		{ STATE_KILL_ENGINE, 8100, false, 8400 },
		{ STATE_KILL_ENGINE, 500, true, 800 },
		{ STATE_STOP_CONTAINERD, 2000, false, 2500 },
		{ STATE_STOP_CONTAINERD, 2000, true, 2100 },
		{ STATE_STOP_CONTAINERD, 7700, false, 7800 }, /* never beyond what dockerd had */
		{ STATE_STOP_CONTAINERD, 8400, false, 8500 },
		{ STATE_CLEAN_UP, 2000, false, 9000 },
		{ STATE_CLEAN_UP, 8400, false, 9200 }, /* the least: 300 and 500 to say so */
		{ STATE_CLEAN_UP, 20000, false, 20800 },
		{ STATE_CLEAN_UP, 2000, true, 2800 },
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++)
		ck_assert_msg(
			shutdown_deadline(&s, cases[i].state, s.began + cases[i].now,
					  cases[i].hurried) == s.began + cases[i].end,
			"case %zu: %lld", i,
			(long long) (shutdown_deadline(&s, cases[i].state, s.began + cases[i].now,
						       cases[i].hurried) -
				     s.began));
	ck_assert_int_eq(shutdown_deadline(&s, STATE_STARTING, 1, false), -1);
	ck_assert_int_eq(shutdown_deadline(&s, STATE_RUNNING, 1, false), -1);
	ck_assert_int_eq(shutdown_deadline(&s, STATE_DONE, 1, false), -1);
	/* nobody comes after COMMAND where the engine is not ours */
	ck_assert_int_eq(
		shutdown_deadline(&(struct shutdown){ .budget_ms = 9000, .no_engine = true },
				  STATE_STOP_WORKLOAD, 0, false),
		8100);
	ck_assert_int_eq(shutdown_clean_up_ms(&s, s.began + 2000, false), 6500);
	ck_assert_int_eq(shutdown_clean_up_ms(&s, s.began + 2000, true), 300);
	ck_assert_int_eq(shutdown_clean_up_ms(&s, s.began + 8999, false), 300);
}
END_TEST

START_TEST(the_ladder_ends_within_the_grace_of_the_outer_engine)
{
	/* Default: 9 s of the 10 that `docker stop` gives. Every phase used up, one after the
	 * other. */
	const struct shutdown s = { .began = 5, .budget_ms = 9000 };
	int64_t now = s.began;

	for (int state = STATE_STOP_WORKLOAD; state < STATE_DONE; state++)
		now = shutdown_deadline(&s, (enum supervise_state) state, now, false);
	ck_assert_int_le(now - s.began, 9500);
	/* and nothing overflows */
	ck_assert_int_eq(shutdown_deadline(&(struct shutdown){ .budget_ms = INT32_MAX },
					   STATE_STOP_ENGINE, 0, false),
			 INT32_MAX * 75LL / 100);
}
END_TEST

/* ---- notify ---- */

static const struct {
	const char *text;
	unsigned int messages;
} datagrams[] = {
	{ "READY=1", NOTIFY_READY },
	{ "READY=1\n", NOTIFY_READY },
	{ "STOPPING=1", NOTIFY_STOPPING },
	{ "MAINPID=1\nREADY=1\nSTATUS=x", NOTIFY_READY },
	{ "READY=1\nSTOPPING=1\n", NOTIFY_READY | NOTIFY_STOPPING },
	{ "\n\n\nREADY=1", NOTIFY_READY },
	{ "", NOTIFY_NOTHING },
	{ "\n", NOTIFY_NOTHING },
	{ "READY=0", NOTIFY_NOTHING },
	{ "READY=11", NOTIFY_NOTHING },
	{ "READY=1 ", NOTIFY_NOTHING },
	{ " READY=1", NOTIFY_NOTHING },
	{ "READY=1\r\n", NOTIFY_NOTHING },
	{ "ready=1", NOTIFY_NOTHING },
	{ "STATUS=READY=1", NOTIFY_NOTHING },
	{ "XREADY=1", NOTIFY_NOTHING },
	{ "READY=", NOTIFY_NOTHING },
	{ "RELOADING=1", NOTIFY_NOTHING },
};

START_TEST(datagrams_are_read_strictly)
{
	const char *text = datagrams[_i].text;

	ck_assert_uint_eq(notify_parse(text, strlen(text)), datagrams[_i].messages);
}
END_TEST

START_TEST(a_zero_byte_is_part_of_the_line)
{
	ck_assert_uint_eq(notify_parse("READY=1\0", 8), NOTIFY_NOTHING);
	ck_assert_uint_eq(notify_parse("X\0\nREADY=1", 10), NOTIFY_READY);
}
END_TEST

/* ---- signals ---- */

START_TEST(signals_are_told_apart)
{
	for (int running = 0; running < 2; running++) {
		ck_assert_int_eq(signals_classify(SIGCHLD, running), SIGNALS_CHILD);
		ck_assert_int_eq(signals_classify(SIGTERM, running), SIGNALS_TERM);
		ck_assert_int_eq(signals_classify(SIGHUP, running), SIGNALS_HUP);
		ck_assert_int_eq(signals_classify(SIGTTIN, running), SIGNALS_IGNORE);
		ck_assert_int_eq(signals_classify(SIGTTOU, running), SIGNALS_IGNORE);
		ck_assert_int_eq(signals_classify(SIGUSR1, running), SIGNALS_FORWARD);
		ck_assert_int_eq(signals_classify(SIGWINCH, running), SIGNALS_FORWARD);
		ck_assert_int_eq(signals_classify(SIGABRT, running), SIGNALS_FORWARD);
		ck_assert_int_eq(signals_classify(SIGRTMIN + 3, running), SIGNALS_FORWARD);
	}
	ck_assert_int_eq(signals_classify(SIGINT, false), SIGNALS_TERM);
	ck_assert_int_eq(signals_classify(SIGQUIT, false), SIGNALS_TERM);
	ck_assert_int_eq(signals_classify(SIGINT, true), SIGNALS_FORWARD);
	ck_assert_int_eq(signals_classify(SIGQUIT, true), SIGNALS_FORWARD);
}
END_TEST

START_TEST(signals_have_names)
{
	char buf[32];

	ck_assert_str_eq(signals_name(SIGKILL, buf, sizeof(buf)), "SIGKILL");
	ck_assert_str_eq(signals_name(SIGSYS, buf, sizeof(buf)), "SIGSYS");
	ck_assert_str_eq(signals_name(40, buf, sizeof(buf)), "signal 40");
	ck_assert_str_eq(signals_name(0, buf, sizeof(buf)), "signal 0");
	ck_assert_str_eq(signals_name(-5, buf, sizeof(buf)), "signal -5");
}
END_TEST

/* ---- the state file ---- */

static struct state_record sample(void)
{
	return (struct state_record){ .state = "ready",
				      .pid = 1,
				      .engine_pid = 42,
				      .since_ms = 1234567890123,
				      .ready_after_ms = 321,
				      .socket = "unix:///var/run/docker.sock",
				      .summary = "overlay2, loop, \"cgroup\" v1 \\ \t\x7f" };
}

START_TEST(state_is_json_with_the_keys_that_are_promised)
{
	struct state_record record = sample();
	char text[STATE_TEXT_MAX];

	state_format(&record, text, sizeof(text));
	ck_assert_str_eq(
		text, "{\"state\":\"ready\",\"pid\":1,\"engine_pid\":42,"
		      "\"since_ms\":1234567890123,\"ready_after_ms\":321,"
		      "\"socket\":\"unix:///var/run/docker.sock\","
		      "\"summary\":\"overlay2, loop, \\\"cgroup\\\" v1 \\\\ \\u0009\\u007f\"}\n");
}
END_TEST

START_TEST(state_comes_back_as_it_was)
{
	struct state_record record = sample(), got;
	char text[STATE_TEXT_MAX], again[STATE_TEXT_MAX];

	record.ready_after_ms = -1;
	record.restarts = 3;
	memset(record.reason, '"', sizeof(record.reason) - 1); /* the longest there can be */
	memset(record.summary, '\x01', sizeof(record.summary) - 1);
	record.summary[200] = '\0';
	state_format(&record, text, sizeof(text));
	ck_assert_uint_lt(strlen(text), sizeof(text) - 1);
	ck_assert_int_eq(state_parse(text, &got), 0);
	state_format(&got, again, sizeof(again));
	ck_assert_str_eq(text, again);
	ck_assert_str_eq(got.reason, record.reason);
	ck_assert_str_eq(got.summary, record.summary);
	ck_assert_int_eq(got.ready_after_ms, -1);
	ck_assert_int_eq(got.restarts, 3);
	ck_assert_int_eq(got.since_ms, record.since_ms);
}
END_TEST

START_TEST(state_that_does_not_fit_is_still_terminated)
{
	struct state_record record = sample();
	char text[40];

	memset(text, 'x', sizeof(text));
	state_format(&record, text, sizeof(text));
	ck_assert_ptr_nonnull(memchr(text, '\0', sizeof(text)));
	ck_assert_int_eq(state_parse(text, &record), -EINVAL);
}
END_TEST

static const char *const not_states[] = {
	"",
	"{",
	"{}\n",
	"{\"state\":\"ready\"}", /* the end is missing: it was cut */
	"{\"state\":\"ready\"}\n\n",
	"{\"state\":\"ready\"} \n",
	"{\"state\":\"\"}\n",
	"{\"pid\":1}\n",
	"{\"state\":\"ready\",}\n",
	"{\"state\":\"ready\",\"pid\":}\n",
	"{\"state\":\"ready\",\"pid\":-}\n",
	"{\"state\":\"ready\",\"pid\":99999999999999999999}\n",
	"{\"state\":\"ready\",\"pid\":9999999999999999999}\n",
	"{\"state\":\"ready\",\"pid\":\"1\"}\n",
	"{\"state\":1}\n",
	"{\"state\":\"a-state-that-is-too-long\"}\n",
	"{\"state\":\"ready\",\"other\":1}\n",
	"{\"state\":\"re\nady\"}\n",
	"{\"state\":\"ready",
	"{\"state\":\"ready\\",
	"{\"state\":\"ready\\n\"}\n",
	"{\"state\":\"\\u00",
	"{\"state\":\"\\u00g0\"}\n",
	"{\"state\":\"\\u000",
	"{\"a-key-that-is-longer-than-any-of-ours\":1}\n",
	"{state:\"ready\"}\n",
	"[]\n",
};

START_TEST(what_we_cannot_have_written_is_refused)
{
	struct state_record record = { .state = "untouched" };

	ck_assert_int_eq(state_parse(not_states[_i], &record), -EINVAL);
	ck_assert_str_eq(record.state, "untouched");
}
END_TEST

/* Every prefix, and every byte changed: never read outside (the sanitizers tell), never the same.
 */
START_TEST(spoiled_states_are_survived)
{
	struct state_record record = sample(), got;
	char text[STATE_TEXT_MAX], spoiled[STATE_TEXT_MAX];
	size_t n;

	state_format(&record, text, sizeof(text));
	n = strlen(text);
	for (size_t i = 0; i < n; i++) {
		memcpy(spoiled, text, i);
		spoiled[i] = '\0';
		ck_assert_int_eq(state_parse(spoiled, &got), -EINVAL);
		for (int c = 1; c < 256; c++) {
			memcpy(spoiled, text, n + 1);
			spoiled[i] = (char) c;
			(void) state_parse(spoiled, &got);
		}
	}
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("supervise");
	TCase *tc = tcase_create("pure");
	SRunner *runner;
	int failed;

	tcase_add_test(tc, phases_are_points_of_one_budget);
	tcase_add_test(tc, the_ladder_ends_within_the_grace_of_the_outer_engine);
	tcase_add_loop_test(tc, datagrams_are_read_strictly, 0, ARRAY_SIZE(datagrams));
	tcase_add_test(tc, a_zero_byte_is_part_of_the_line);
	tcase_add_test(tc, signals_are_told_apart);
	tcase_add_test(tc, signals_have_names);
	tcase_add_test(tc, state_is_json_with_the_keys_that_are_promised);
	tcase_add_test(tc, state_comes_back_as_it_was);
	tcase_add_test(tc, state_that_does_not_fit_is_still_terminated);
	tcase_add_loop_test(tc, what_we_cannot_have_written_is_refused, 0, ARRAY_SIZE(not_states));
	tcase_add_test(tc, spoiled_states_are_survived);
	suite_add_tcase(suite, tc);
	runner = srunner_create(suite);
	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed == 0 ? 0 : 1;
}
