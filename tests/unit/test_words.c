/* SPDX-License-Identifier: Apache-2.0 */
/* Words of command lines and lists, and what somebody may have meant. */
#include <check.h>
#include <errno.h>

#include "cli/words.h"
#include "dind/str.h"

/* ---- words ---- */

static const struct {
	const char *text;
	const char *wanted; /* words with | between; NULL: refused */
} shell_words[] = {
	{ "", "" },
	{ "  a  b\tc\n", "a|b|c" },
	{ "'a b' \"c d\"", "a b|c d" },
	{ "a'b'\"c\"d", "abcd" },
	{ "a\\ b \\'", "a b|'" },
	{ "'\\n'", "\\n" },
	{ "\"\\n \\\" \\\\ \\$\"", "\\n \" \\ $" },
	{ "'' \"\"", "|" },
	{ "$HOME `x` *", "$HOME|`x`|*" },
	{ "'a", NULL },
	{ "a\"", NULL },
	{ "a\\", NULL },
	{ "\"a\\", NULL },
};

START_TEST(shell_quoting)
{
	struct arena arena = ARENA_INIT;
	struct strings list = STRINGS_INIT;
	int r = words_split_shell(&arena, shell_words[_i].text, &list);

	ck_assert_int_eq(r, shell_words[_i].wanted ? 0 : -EINVAL);
	if (shell_words[_i].wanted)
		ck_assert_str_eq(strings_join(&arena, &list, "|"), shell_words[_i].wanted);
	arena_free(&arena);
}
END_TEST

START_TEST(near_misses)
{
	static const char *const names[] = { "storage", "storage-path", "host", "user", "json" };
	static const char long_word[] = "a-very-long-word-that-is-longer-than-any-option-name";

	ck_assert_str_eq(words_near("stroage", names, ARRAY_SIZE(names)), "storage");
	ck_assert_str_eq(words_near("hosts", names, ARRAY_SIZE(names)), "host");
	ck_assert_str_eq(words_near("storage-p", names, ARRAY_SIZE(names)), "storage-path");
	ck_assert_str_eq(words_near("use", names, ARRAY_SIZE(names)), "user");
	ck_assert_ptr_null(words_near("zzz", names, ARRAY_SIZE(names)));
	ck_assert_ptr_null(words_near(long_word, names, ARRAY_SIZE(names)));
	ck_assert_ptr_null(words_near("", names, ARRAY_SIZE(names)));
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("words");
	TCase *words = tcase_create("words");
	SRunner *runner = srunner_create(suite);
	int failed;

	tcase_add_loop_test(words, shell_quoting, 0, (int) ARRAY_SIZE(shell_words));
	tcase_add_test(words, near_misses);
	suite_add_tcase(suite, words);
	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? 1 : 0;
}
