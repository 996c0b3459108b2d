/* SPDX-License-Identifier: Apache-2.0 */
/* Whose memory limit it was: groups made of plain files, and a clock of our own. */
#include <check.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "../../src/supervise/oom.h"
#include "dind/file.h"

#define OURS   " (out of memory, the limit is 512.0 MiB)"
#define ABOVE  " (out of memory, by a limit above this container's or the machine's)"
#define RECENT 30000

static char group[64];
static struct oom oom;
static char text[128];

static void put(const char *name, const char *content)
{
	char path[128];

	(void) snprintf(path, sizeof(path), "%s/%s", group, name);
	ck_assert_int_eq(file_replace(path, content, 0644), 0);
}

/* In place: the counters stay open. */
static void change(const char *name, const char *content)
{
	char path[128];
	FILE *file;

	(void) snprintf(path, sizeof(path), "%s/%s", group, name);
	file = fopen(path, "we");
	ck_assert_ptr_nonnull(file);
	ck_assert_int_ge(fputs(content, file), 0);
	ck_assert_int_eq(fclose(file), 0);
}

static void make_group(void)
{
	(void) snprintf(group, sizeof(group), "/tmp/dind-oom-XXXXXX");
	ck_assert_ptr_nonnull(mkdtemp(group));
}

static void remove_group(void)
{
	static const char *const names[] = { "memory.events.local",
					     "memory.events",
					     "memory.max",
					     "memory.oom_control",
					     "memory.limit_in_bytes",
					     "memory.max_usage_in_bytes",
					     "memory.memsw.limit_in_bytes",
					     "memory.memsw.max_usage_in_bytes",
					     "cgroup.event_control" };
	char path[128];

	oom_close(&oom);
	for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
		(void) snprintf(path, sizeof(path), "%s/%s", group, names[i]);
		(void) unlink(path);
	}
	ck_assert_int_eq(rmdir(group), 0);
}

static const char *blame(int64_t now)
{
	return oom_blame(&oom, now, text, sizeof(text));
}

/* ---- v2 ---- */

static void count_v2(int local, int below, int kills)
{
	char line[128];

	if (local >= 0) {
		(void) snprintf(line, sizeof(line), "low 0\nmax 9\noom %d\noom_kill 0\n", local);
		change("memory.events.local", line);
	}
	(void) snprintf(line, sizeof(line), "max 9\noom %d\noom_kill %d\noom_group_kill 0\n", below,
			kills);
	change("memory.events", line);
}

static void begin_v2(void)
{
	make_group();
	put("memory.max", "536870912\n");
	count_v2(3, 5, 7);
	oom_open(&oom, group);
}

static const struct {
	int local, below, kills;
	const char *says;
} v2[] = {
	{ 3, 5, 7, "" },    { 4, 6, 8, OURS }, { 4, 6, 7, OURS }, /* the victim was dying anyway */
	{ 3, 6, 8, "" }, /* an inner container's own limit */
	{ 3, 5, 8, ABOVE }, { 3, 6, 7, "" },   { 0, 0, 0, "" },
};

START_TEST(v2_counts_where_a_limit_was_reached)
{
	begin_v2();
	ck_assert(oom.is_v2);
	ck_assert_str_eq(blame(100), "");
	count_v2(v2[_i].local, v2[_i].below, v2[_i].kills);
	ck_assert_str_eq(blame(200), v2[_i].says);
	remove_group();
}
END_TEST

/* KERNEL<5.2, or mounted with memory_localevents */
START_TEST(v2_without_counts_of_its_own)
{
	make_group();
	put("memory.max", "max\n");
	put("memory.events", "");
	count_v2(-1, 5, 7);
	oom_open(&oom, group);
	ck_assert(oom.is_v2);
	count_v2(-1, 6, 7);
	ck_assert_str_eq(blame(100), " (out of memory)");
	remove_group();
}
END_TEST

START_TEST(what_cannot_be_read_is_blamed_on_nothing)
{
	int64_t ago;

	begin_v2();
	change("memory.events.local", "");
	change("memory.events", "oom x\noom_kill -1\n");
	ck_assert_str_eq(blame(100), "");
	count_v2(4, 6, 8); /* nothing to compare it with */
	ck_assert_str_eq(blame(200), "");
	remove_group();

	oom_open(&oom, NULL);
	ck_assert_str_eq(blame(100), "");
	ck_assert_str_eq(oom_last(&oom, 100, &ago, text, sizeof(text)), "");
	ck_assert_int_eq(oom_poll(&oom).fd, -EBADF);
	oom_open(&oom, "/nowhere");
	ck_assert_str_eq(blame(100), "");
	ck_assert_int_lt(oom_poll(&oom).fd, 0);
}
END_TEST

/* ---- time ---- */

START_TEST(one_kill_explains_one_death_soon_after)
{
	int64_t ago = -1;

	begin_v2();
	count_v2(4, 6, 8);
	oom_look(&oom, 1000);
	ck_assert_str_eq(blame(1000 + RECENT + 1), ""); /* dockerd, by hand */
	ck_assert_str_eq(oom_last(&oom, 61000, &ago, text, sizeof(text)), OURS);
	ck_assert_int_eq(ago, 60000);

	count_v2(5, 7, 9);
	oom_look(&oom, 100000);
	ck_assert_str_eq(blame(100000 + RECENT), OURS);
	ck_assert_str_eq(blame(100000 + RECENT), "");
	ck_assert_str_eq(oom_last(&oom, 100001 + RECENT, &ago, text, sizeof(text)), OURS);
	count_v2(6, 8, 10);
	ck_assert_str_eq(blame(100002 + RECENT), OURS);
	remove_group();
}
END_TEST

START_TEST(a_look_between_the_limit_and_the_kill)
{
	begin_v2();
	count_v2(4, 6, 7);
	oom_look(&oom, 1000);
	count_v2(4, 6, 8);
	oom_look(&oom, 1010);
	ck_assert_str_eq(blame(1020), OURS);

	count_v2(4, 7, 8); /* an inner container's */
	oom_look(&oom, 2000);
	count_v2(4, 7, 9);
	ck_assert_str_eq(blame(2010), "");

	count_v2(4, 7, 10); /* much later: that one has no limit to it */
	ck_assert_str_eq(blame(2001 + RECENT), ABOVE);
	remove_group();
}
END_TEST

START_TEST(events_are_waited_for_but_not_all_the_time)
{
	begin_v2();
	ck_assert_int_eq(oom_poll(&oom).fd, oom.fd);
	ck_assert_int_eq(oom_poll(&oom).events, POLLPRI);
	ck_assert_int_eq(oom_due(&oom), -1);
	count_v2(4, 6, 8);
	oom_take_event(&oom, 1000);
	ck_assert_int_eq(oom_poll(&oom).fd, -1);
	ck_assert_int_eq(oom_due(&oom), 2000);
	oom_check(&oom, 1999);
	ck_assert_int_eq(oom_poll(&oom).fd, -1);
	ck_assert_str_eq(blame(1000 + RECENT), OURS); /* seen when it was told */
	count_v2(5, 7, 9);
	oom_check(&oom, 2000);
	ck_assert_int_eq(oom_due(&oom), -1);
	ck_assert_int_eq(oom_poll(&oom).fd, oom.fd);
	ck_assert_str_eq(blame(2001 + RECENT), ""); /* as was this one, and now it is old */
	remove_group();
}
END_TEST

/* ---- v1 ---- */

#define LIMIT	  536870912LL
#define UNLIMITED 9223372036854771712LL

static void put_number(const char *name, long long value)
{
	char line[32];

	(void) snprintf(line, sizeof(line), "%lld\n", value);
	put(name, line);
}

static void count_v1(int kills)
{
	char line[128];

	(void) snprintf(line, sizeof(line), "oom_kill_disable 0\nunder_oom 0\noom_kill %d\n",
			kills);
	put("memory.oom_control", line);
}

static const struct {
	bool events; /* they can be had */
	bool told;
	int kills; /* there were 2 */
	long long limit, most, sum_limit, sum_most;
	const char *says;
} v1[] = {
	{ false, false, 3, LIMIT, LIMIT, UNLIMITED, LIMIT, OURS },
	{ false, false, 3, LIMIT, LIMIT - 4096, LIMIT * 2, LIMIT * 2, OURS },
	{ false, false, 3, LIMIT, LIMIT / 2, LIMIT * 2, LIMIT, ABOVE },
	{ false, false, 2, LIMIT, LIMIT, LIMIT, LIMIT, "" }, /* page cache */
	{ true, true, 3, LIMIT, LIMIT, LIMIT, LIMIT, OURS },
	/* one of an inner container, which is not counted here */
	{ true, true, 2, LIMIT, LIMIT, LIMIT, LIMIT, OURS },
	{ true, true, 2, LIMIT, LIMIT, -1, -1, OURS },
	{ true, true, 3, LIMIT, LIMIT / 2, -1, -1, ABOVE }, /* a pod's */
	{ true, true, 3, UNLIMITED, LIMIT, UNLIMITED, LIMIT, ABOVE },
	{ true, true, 2, LIMIT, LIMIT / 2, -1, -1, "" },    /* a pod's, in another container */
	{ true, false, 3, LIMIT, LIMIT, -1, -1, ABOVE },    /* the machine's */
	{ true, false, 2, LIMIT, LIMIT, LIMIT, LIMIT, "" }, /* an inner container's own limit */
	{ true, true, 3, -1, -1, -1, -1, ABOVE },
};

START_TEST(v1_is_told_of_what_it_does_not_count)
{
	const uint64_t one = 1;
	char wanted[32], path[128], line[64];

	make_group();
	put_number("memory.limit_in_bytes", v1[_i].limit);
	put_number("memory.max_usage_in_bytes", v1[_i].most);
	if (v1[_i].sum_limit >= 0) {
		put_number("memory.memsw.limit_in_bytes", v1[_i].sum_limit);
		put_number("memory.memsw.max_usage_in_bytes", v1[_i].sum_most);
	}
	count_v1(2);
	if (v1[_i].events)
		put("cgroup.event_control", "");
	oom_open(&oom, group);
	ck_assert(!oom.is_v2);
	ck_assert_int_eq(oom.fd >= 0, v1[_i].events);
	if (v1[_i].events) {
		(void) snprintf(path, sizeof(path), "%s/cgroup.event_control", group);
		(void) snprintf(wanted, sizeof(wanted), "%d ", oom.fd);
		ck_assert_int_gt(file_read_at(AT_FDCWD, path, line, sizeof(line)), 0);
		ck_assert_msg(strncmp(line, wanted, strlen(wanted)) == 0, "'%s'", line);
		ck_assert_int_eq(oom_poll(&oom).events, POLLIN);
	}
	ck_assert_str_eq(blame(100), "");
	count_v1(v1[_i].kills);
	if (v1[_i].told)
		ck_assert_int_eq(write(oom.fd, &one, sizeof(one)), sizeof(one));
	ck_assert_str_eq(blame(200), v1[_i].says);
	ck_assert_str_eq(blame(300), "");
	remove_group();
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("oom");
	TCase *tc = tcase_create("oom");
	SRunner *runner;
	int failed;

	tcase_add_loop_test(tc, v2_counts_where_a_limit_was_reached, 0, ARRAY_SIZE(v2));
	tcase_add_test(tc, v2_without_counts_of_its_own);
	tcase_add_test(tc, what_cannot_be_read_is_blamed_on_nothing);
	tcase_add_test(tc, one_kill_explains_one_death_soon_after);
	tcase_add_test(tc, a_look_between_the_limit_and_the_kill);
	tcase_add_test(tc, events_are_waited_for_but_not_all_the_time);
	tcase_add_loop_test(tc, v1_is_told_of_what_it_does_not_count, 0, ARRAY_SIZE(v1));
	suite_add_tcase(suite, tc);
	runner = srunner_create(suite);
	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
