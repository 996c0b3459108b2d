/* SPDX-License-Identifier: Apache-2.0 */
/* The base library: errors, strings, arena, files, the look-ups in facts. */
#include <check.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "dind/arena.h"
#include "dind/error.h"
#include "dind/facts.h"
#include "dind/file.h"
#include "dind/log.h"
#include "dind/str.h"

START_TEST(error_names_the_errno_and_keeps_context)
{
	struct error err = ERROR_INIT;

	ck_assert_int_eq(error_set(&err, -ENOENT, "open '%s'", "/x"), -ENOENT);
	ck_assert_str_eq(err.message, "open '/x': No such file or directory");
	ck_assert_int_eq(error_wrap(&err, "step %d", 4), -ENOENT);
	ck_assert_str_eq(err.message, "step 4: open '/x': No such file or directory");
	ck_assert_int_eq(error_set_plain(&err, -EBUSY, "%s again", err.message), -EBUSY);
	ck_assert_str_eq(err.message, "step 4: open '/x': No such file or directory again");
}
END_TEST

START_TEST(error_cuts_long_messages)
{
	struct error err = ERROR_INIT;
	char text[2 * ERROR_MESSAGE_MAX];

	memset(text, 'a', sizeof(text) - 1);
	text[sizeof(text) - 1] = '\0';
	ck_assert_int_eq(error_set(&err, -EIO, "%s", text), -EIO);
	ck_assert_uint_eq(strlen(err.message), ERROR_MESSAGE_MAX - 1);
	(void) error_wrap(&err, "%s", text);
	ck_assert_uint_eq(strlen(err.message), ERROR_MESSAGE_MAX - 1);
}
END_TEST

static const struct {
	const char *text;
	int result;
	uint64_t bytes;
} sizes[] = {
	{ "0", 0, 0 },
	{ "4096", 0, 4096 },
	{ "10G", 0, 10737418240ULL },
	{ "10GiB", 0, 10737418240ULL },
	{ "10gb", 0, 10737418240ULL },
	{ "1T", 0, 1099511627776ULL },
	{ "512B", 0, 512 },
	{ "3k", 0, 3072 },
	{ "", -EINVAL, 0 },
	{ "G", -EINVAL, 0 },
	{ "-1", -EINVAL, 0 },
	{ "1.5G", -EINVAL, 0 },
	{ "1Gx", -EINVAL, 0 },
	{ "1P", -EINVAL, 0 },
	{ "99999999999999999999999", -ERANGE, 0 },
	{ "999999999999999999999999999", -ERANGE, 0 },
	{ "18446744073709551615K", -ERANGE, 0 },
};

START_TEST(sizes_parse)
{
	uint64_t bytes = 77;

	ck_assert_int_eq(str_parse_size(sizes[_i].text, &bytes), sizes[_i].result);
	ck_assert_uint_eq(bytes, sizes[_i].result == 0 ? sizes[_i].bytes : 77);
}
END_TEST

START_TEST(numbers_parse)
{
	int value = 77;
	char buf[32];

	ck_assert_int_eq(str_parse_int("-999", -1000, 1000, &value), 0);
	ck_assert_int_eq(value, -999);
	ck_assert_int_eq(str_parse_int("1001", -1000, 1000, &value), -ERANGE);
	ck_assert_int_eq(str_parse_int("4294967297", 0, 1000, &value), -ERANGE);
	ck_assert_int_eq(str_parse_int("1 ", 0, 1000, &value), -EINVAL);
	ck_assert_int_eq(str_parse_int("-", 0, 1000, &value), -EINVAL);
	ck_assert_int_eq(value, -999);
	ck_assert_str_eq(str_format_size(1023, buf, sizeof(buf)), "1023 B");
	ck_assert_str_eq(str_format_size(3700000000ULL, buf, sizeof(buf)), "3.4 GiB");
}
END_TEST

START_TEST(paths_and_lists)
{
	ck_assert(str_path_is_below("/run/docker", "/run"));
	ck_assert(str_path_is_below("/run", "/run"));
	ck_assert(str_path_is_below("/run/docker", "/run/"));
	ck_assert(str_path_is_below("/anything", "/"));
	ck_assert(!str_path_is_below("/runner", "/run"));
	ck_assert(!str_path_is_below("/", "/run"));
	ck_assert(str_list_has("cpu io memory", "io"));
	ck_assert(str_list_has("cpu,cpuacct", "cpuacct"));
	ck_assert(!str_list_has("cpuset memory", "cpu"));
	ck_assert(!str_list_has("", "cpu"));
	ck_assert(!str_list_has(NULL, "cpu"));
	ck_assert(!str_list_has("cpu", ""));
	ck_assert(str_has_suffix("a.new", ".new") && !str_has_suffix("new", ".new"));
	ck_assert(str_equal(NULL, NULL) && !str_equal("a", NULL) && str_equal("a", "a"));
}
END_TEST

START_TEST(arena_lists_grow)
{
	struct arena arena = ARENA_INIT;
	struct strings list = STRINGS_INIT;
	int *numbers = NULL;
	size_t count = 0;

	ck_assert_str_eq(strings_join(&arena, &list, ", "), "");
	for (int i = 0; i < 100; i++) {
		int *slot = arena_push(&arena, (void **) &numbers, &count, sizeof(*numbers));

		ck_assert_int_eq(*slot, 0);
		*slot = i;
		strings_add(&arena, &list, i % 2 ? "b" : "a");
		ck_assert_ptr_null(list.items[list.count]);
	}
	for (int i = 0; i < 100; i++)
		ck_assert_int_eq(numbers[i], i);
	ck_assert(strings_has(&list, "b") && !strings_has(&list, "c"));
	list.count = 3;
	ck_assert_str_eq(strings_join(&arena, &list, ", "), "a, b, a");
	ck_assert_str_eq(arena_printf(&arena, "%s-%d", "x", 7), "x-7");
	ck_assert_ptr_null(arena_strdup(&arena, NULL));
	ck_assert_str_eq(arena_strndup(&arena, "abc", 2), "ab");
	arena_free(&arena);
	ck_assert_ptr_null(arena.blocks);
}
END_TEST

START_TEST(files_are_read_written_and_replaced)
{
	char dir[] = "/tmp/dind-base-XXXXXX";
	char path[256], buf[8];
	struct arena arena = ARENA_INIT;
	char *text = NULL;
	struct stat st;

	ck_assert_ptr_nonnull(mkdtemp(dir));
	(void) snprintf(path, sizeof(path), "%s/a/b/c", dir);
	ck_assert_int_eq(file_make_directories(path, 0700), 0);
	ck_assert_int_eq(file_make_directories(path, 0700), 0);
	(void) snprintf(path, sizeof(path), "%s/f", dir);
	ck_assert_int_eq(file_write_at(AT_FDCWD, path, "x"), -ENOENT);
	ck_assert_int_eq(file_replace(path, "0123456789\n", 0640), 0);
	ck_assert_int_eq(stat(path, &st), 0);
	ck_assert_int_eq(st.st_mode & 07777, 0640);
	ck_assert_int_eq(file_read_at(AT_FDCWD, path, buf, sizeof(buf)), 7);
	ck_assert_str_eq(buf, "0123456");
	ck_assert_int_eq(file_slurp_at(AT_FDCWD, path, 1 << 20, &arena, &text), 0);
	ck_assert_str_eq(text, "0123456789\n");
	ck_assert_int_eq(file_slurp_at(AT_FDCWD, path, 4, &arena, &text), 0);
	ck_assert_str_eq(text, "0123");
	ck_assert_int_eq(file_write_at(AT_FDCWD, path, "ab"), 0);
	(void) snprintf(path, sizeof(path), "%s/f/below", dir);
	ck_assert_int_eq(file_make_directories(path, 0700), -ENOTDIR);
	arena_free(&arena);
	for (const char *name = "f\0a/b/c\0a/b\0a\0"; *name; name += strlen(name) + 1) {
		(void) snprintf(path, sizeof(path), "%s/%s", dir, name);
		ck_assert_int_eq(remove(path), 0);
	}
	ck_assert_int_eq(rmdir(dir), 0);
}
END_TEST

START_TEST(the_last_mount_on_a_target_wins)
{
	struct facts_mount table[] = {
		{ .target = "/", .fstype = "overlay" },
		{ .target = "/run", .fstype = "ext4" },
		{ .target = "/run", .fstype = "tmpfs" },
		{ .target = "/runner", .fstype = "xfs" },
	};
	struct facts facts = { .mounts = { .table = table, .n_table = ARRAY_SIZE(table) } };

	ck_assert_str_eq(facts_mount_at(&facts, "/run")->fstype, "tmpfs");
	ck_assert_ptr_null(facts_mount_at(&facts, "/run/docker"));
	ck_assert_str_eq(facts_mount_of(&facts, "/run/docker")->fstype, "tmpfs");
	ck_assert_str_eq(facts_mount_of(&facts, "/runner")->fstype, "xfs");
	ck_assert_str_eq(facts_mount_of(&facts, "/var/lib")->fstype, "overlay");
}
END_TEST

START_TEST(failures_and_trials_are_found)
{
	struct arena arena = ARENA_INIT;
	struct facts facts = { 0 };
	struct facts_trial trials[] = {
		{ .kind = TRIAL_ENGINE },
		{ .kind = TRIAL_OVERLAY, .path = "/a", .result = { TRI_NO, EINVAL, NULL } },
	};

	facts.trials = trials;
	facts.n_trials = ARRAY_SIZE(trials);
	facts_add_failure(&facts, &arena, "storage-loop", ENOSPC, "no space", NULL);
	facts_add_failure(&facts, &arena, "storage-lock", EWOULDBLOCK, "busy", "container abc");
	ck_assert_int_eq(facts_find_failure(&facts, "storage-loop")->error, ENOSPC);
	ck_assert_str_eq(facts_find_failure(&facts, "storage-lock")->holder, "container abc");
	ck_assert_ptr_null(facts_find_failure(&facts, "other"));
	ck_assert_int_eq(facts_find_trial(&facts, TRIAL_OVERLAY, "/a")->result.error, EINVAL);
	ck_assert_ptr_null(facts_find_trial(&facts, TRIAL_OVERLAY, "/b"));
	ck_assert_ptr_nonnull(facts_find_trial(&facts, TRIAL_ENGINE, NULL));
	arena_free(&arena);
}
END_TEST

/* What log_line() writes to stderr. */
static void capture_log(char *buf, size_t size, const char *code, const char *message)
{
	int fds[2], saved = dup(STDERR_FILENO);
	ssize_t n;

	ck_assert_int_eq(pipe(fds), 0);
	ck_assert_int_ge(dup2(fds[1], STDERR_FILENO), 0);
	log_line(LOG_LEVEL_ERROR, code, "%s", message);
	ck_assert_int_ge(dup2(saved, STDERR_FILENO), 0);
	n = read(fds[0], buf, size - 1);
	ck_assert_int_gt(n, 0);
	buf[n] = '\0';
	close(fds[0]);
	close(fds[1]);
	close(saved);
}

START_TEST(log_lines_cannot_be_forged)
{
	char buf[8192], longest[6000];

	log_configure(LOG_LEVEL_INFO, LOG_FORMAT_TEXT);
	capture_log(buf, sizeof(buf), "DIND-X-01", "a\nb\033c");
	ck_assert_str_eq(buf, "dind-init: error: DIND-X-01: a?b?c\n");
	log_configure(LOG_LEVEL_INFO, LOG_FORMAT_JSON);
	capture_log(buf, sizeof(buf), "DIND-X-01", "a\n\"b\"\\");
	ck_assert_ptr_nonnull(strstr(buf, "\"level\":\"error\",\"code\":\"DIND-X-01\","
					  "\"message\":\"a\\u000a\\\"b\\\"\\\\\"}\n"));
	memset(longest, '\n', sizeof(longest) - 1);
	longest[sizeof(longest) - 1] = '\0';
	capture_log(buf, sizeof(buf), NULL, longest);
	ck_assert_int_eq(buf[strlen(buf) - 1], '\n');
	ck_assert_int_eq(buf[strlen(buf) - 2], '}');
	log_configure(LOG_LEVEL_INFO, LOG_FORMAT_TEXT);
	capture_log(buf, sizeof(buf), NULL, longest);
	ck_assert_ptr_eq(strchr(buf, '\n'), buf + strlen(buf) - 1);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("base");
	TCase *tc = tcase_create("base");
	SRunner *runner;
	int failed;

	tcase_add_test(tc, error_names_the_errno_and_keeps_context);
	tcase_add_test(tc, error_cuts_long_messages);
	tcase_add_loop_test(tc, sizes_parse, 0, ARRAY_SIZE(sizes));
	tcase_add_test(tc, numbers_parse);
	tcase_add_test(tc, paths_and_lists);
	tcase_add_test(tc, arena_lists_grow);
	tcase_add_test(tc, files_are_read_written_and_replaced);
	tcase_add_test(tc, the_last_mount_on_a_target_wins);
	tcase_add_test(tc, failures_and_trials_are_found);
	tcase_add_test(tc, log_lines_cannot_be_forged);
	suite_add_tcase(suite, tc);
	runner = srunner_create(suite);
	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed == 0 ? 0 : 1;
}
