/* SPDX-License-Identifier: Apache-2.0 */
/* The mark of a start that has not got through: removed at READY=1, and only then. */
#include "supervise_fixture.h"

#define MARK "%s/mark"

static void leave_mark(void)
{
	must(file_replace(in_dir("mark"), "none\n", 0600) == 0, "the mark");
}

static void leave_directory(void)
{
	must(mkdir(in_dir("mark"), 0700) == 0, "a directory in its place");
}

static bool marked(void)
{
	return access(in_dir("mark"), F_OK) == 0;
}

START_TEST(ready_removes_the_mark)
{
	static struct scene what = { .engine = { "ready=400", "mark=%s/up" },
				     .prepare = leave_mark,
				     .options = { .start_mark = MARK } };

	box_start(&what);
	wait_for_text(in_dir("up"), "up");
	ck_assert(marked());
	wait_for_state("ready");
	ck_assert(!marked());
	box_signal(SIGTERM);
	assert_status(0);
	assert_silent_about("DIND-STORAGE-26");
}
END_TEST

/* What the job does to networks is not to be undone either. */
START_TEST(the_job_before_ready_finds_it_removed)
{
	static struct scene what = { .engine = { "ready=50" },
				     .job = { "exit=0@60000" },
				     .prepare = leave_mark,
				     .options = { .start_mark = MARK } };

	box_start(&what);
	wait_for_state("preparing");
	ck_assert(!marked());
	box_signal(SIGTERM);
	assert_status(0);
}
END_TEST

static const struct {
	const char *engine[2];
	int status;
	bool stop;
} cut[] = {
	{ { "exit=3@200", "ready=never" }, 3, false },
	{ { "kill=9@200", "ready=never" }, 137, false },
	{ { "ready=never", "mark=%s/up" }, 0, true },
};

START_TEST(an_engine_that_never_is_ready_leaves_it)
{
	static struct scene what = { .prepare = leave_mark, .options = { .start_mark = MARK } };

	what.engine[0] = cut[_i].engine[0];
	what.engine[1] = cut[_i].engine[1];
	box_start(&what);
	if (cut[_i].stop) {
		wait_for_text(in_dir("up"), "up");
		box_signal(SIGTERM);
	}
	assert_status(cut[_i].status);
	ck_assert(marked());
}
END_TEST

START_TEST(one_that_stays_is_warned_about)
{
	static struct scene what = { .prepare = leave_directory,
				     .options = { .start_mark = MARK } };

	box_start(&what);
	wait_for_state("ready");
	assert_says("DIND-STORAGE-26");
	assert_says("cannot be removed (Is a directory)");
	box_signal(SIGTERM);
	assert_status(0);
}
END_TEST

START_TEST(none_is_no_matter)
{
	static struct scene what = { .options = { .start_mark = MARK } };

	box_start(&what);
	wait_for_state("ready");
	assert_silent_about("DIND-STORAGE-26");
	box_signal(SIGTERM);
	assert_status(0);
}
END_TEST

static void add(TCase *tc)
{
	tcase_add_test(tc, ready_removes_the_mark);
	tcase_add_test(tc, the_job_before_ready_finds_it_removed);
	tcase_add_loop_test(tc, an_engine_that_never_is_ready_leaves_it, 0, ARRAY_SIZE(cut));
	tcase_add_test(tc, one_that_stays_is_warned_about);
	tcase_add_test(tc, none_is_no_matter);
}

int main(void)
{
	return run_suite("supervise_guard", add);
}
