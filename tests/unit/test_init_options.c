/* SPDX-License-Identifier: Apache-2.0 */
/* docker-init's command line: tini's. */
#include <check.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>

#include "init/init.h"

#define MAX_WORDS 8

struct invocation {
	const char *words[MAX_WORDS];
	const char *environment[MAX_WORDS];
};

#define W(...)              \
	{                   \
		__VA_ARGS__ \
	}

static int parse(const struct invocation *invocation, struct init_options *options, char *fact,
		 size_t size)
{
	static char *argv[MAX_WORDS + 2]; /* the parsed options point into it */
	int argc = 1;

	argv[0] = (char *) (uintptr_t) "docker-init";
	for (; argc <= MAX_WORDS && invocation->words[argc - 1]; argc++)
		argv[argc] = (char *) (uintptr_t) invocation->words[argc - 1];
	argv[argc] = NULL;
	return init_parse(argc, argv, (char *const *) (uintptr_t) invocation->environment, options,
			  fact, size);
}

static const struct {
	struct invocation invocation;
	const char *wanted; /* what differs from nothing */
} accepted[] = {
	{ { W("make"), W(NULL) }, "v1 make" },
	{ { W("--", "make", "-s"), W(NULL) }, "v1 make -s" },
	{ { W("make", "--", "-s"), W(NULL) }, "v1 make -- -s" },
	{ { W("-s", "-g", "-w", "make"), W(NULL) }, "sgw v1 make" },
	{ { W("-sgw", "--", "make"), W(NULL) }, "sgw v1 make" },
	{ { W("-vvv", "x"), W(NULL) }, "v3 x" },
	{ { W("-vvvvv", "x"), W(NULL) }, "v3 x" },
	{ { W("-p", "SIGKILL", "x"), W(NULL) }, "p9 v1 x" },
	{ { W("-pTERM", "x"), W(NULL) }, "p15 v1 x" },
	{ { W("-e", "143", "-e", "0", "-e255", "x"), W(NULL) }, "e0 e143 e255 v1 x" },
	{ { W("x"), W("TINI_SUBREAPER=", "TINI_KILL_PROCESS_GROUP=1") }, "sg v1 x" },
	{ { W("x"), W("TINI_VERBOSITY=0") }, "v0 x" },
	{ { W("x"), W("TINI_VERBOSITY=4") }, "v3 x" },
	{ { W("x"), W("TINI_VERBOSITY=-1") }, "v0 x" },
	{ { W("x"), W("TINI_VERBOSITY=loud") }, "v0 x" },
	{ { W("-vvv", "x"), W("TINI_VERBOSITY=1") }, "v1 x" },
	{ { W("--version"), W(NULL) }, "version v1" },
	{ { W("--version", "x"), W(NULL) }, NULL },
	{ { W("-h"), W(NULL) }, "help v1" },
	{ { W("-l"), W(NULL) }, "license v1" },
	{ { W(NULL), W(NULL) }, NULL },
	{ { W("-s"), W(NULL) }, NULL },
	{ { W("-z", "x"), W(NULL) }, NULL },
	{ { W("-p", "NOPE", "x"), W(NULL) }, NULL },
	{ { W("-p"), W(NULL) }, NULL },
	{ { W("-e", "256", "x"), W(NULL) }, NULL },
	{ { W("-e", "-1", "x"), W(NULL) }, NULL },
};

static const char *described(const struct init_options *o, char *buf, size_t size)
{
	FILE *out = fmemopen(buf, size, "w");

	ck_assert_ptr_nonnull(out);
	fprintf(out, "%s%s%s", o->help ? "help " : "", o->version ? "version " : "",
		o->license ? "license " : "");
	if (o->subreaper || o->signal_group || o->warn_on_reap)
		fprintf(out, "%s%s%s ", o->subreaper ? "s" : "", o->signal_group ? "g" : "",
			o->warn_on_reap ? "w" : "");
	if (o->parent_death_signal)
		fprintf(out, "p%d ", o->parent_death_signal);
	for (int i = 0; i < 256; i++)
		if (o->as_success[i / 64] & UINT64_C(1) << (i % 64))
			fprintf(out, "e%d ", i);
	fprintf(out, "v%d", o->verbosity);
	for (char *const *word = o->command; word && *word; word++)
		fprintf(out, " %s", *word);
	ck_assert_int_eq(fclose(out), 0);
	return buf;
}

START_TEST(options)
{
	struct init_options parsed = { .verbosity = 77 };
	char text[256], fact[256] = "";
	int r = parse(&accepted[_i].invocation, &parsed, fact, sizeof(fact));

	if (accepted[_i].wanted) {
		ck_assert_int_eq(r, 0);
		ck_assert_str_eq(described(&parsed, text, sizeof(text)), accepted[_i].wanted);
		return;
	}
	ck_assert_int_eq(r, -EINVAL);
	ck_assert_str_ne(fact, "");
	ck_assert_int_eq(parsed.verbosity, 77); /* untouched */
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("init");
	TCase *tcase = tcase_create("options");
	SRunner *runner = srunner_create(suite);
	int failed;

	tcase_add_loop_test(tcase, options, 0, (int) ARRAY_SIZE(accepted));
	suite_add_tcase(suite, tcase);
	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? 1 : 0;
}
