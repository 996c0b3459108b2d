/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The machines of tests/hosts: what inspect said there, and what is planned for it.
 *
 *   tests/hosts/NAME/facts.json  output of `dind-init inspect`, scrubbed (scripts/capture-host)
 *   tests/hosts/NAME/options     words of the command line, if it is more than none
 *   tests/hosts/NAME/plan.txt    output of `dind-init plan`
 *
 * What changed is shown by its first line. DIND_UPDATE_HOSTS=1 writes the files anew; look at the
 * difference that git shows before it is committed.
 */
#include <check.h>
#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "../../src/cli/cli.h"
#include "dind/file.h"
#include "dind/print.h"
#include "dind/str.h"

#define HOSTS_DIR TEST_DIR "/hosts"
#define MAX_HOSTS 200
#define MIN_HOSTS 12
#define MAX_WORDS 32
#define MAX_TEXT  (1u << 20)

static char *hosts[MAX_HOSTS];
static int n_hosts;

static int by_name(const void *a, const void *b)
{
	return strcmp(*(char *const *) a, *(char *const *) b);
}

static void find_hosts(void)
{
	DIR *dir = opendir(HOSTS_DIR);
	struct dirent *entry;
	struct stat st;

	while (dir && n_hosts < MAX_HOSTS && (entry = readdir(dir)))
		if (entry->d_name[0] != '.' && fstatat(dirfd(dir), entry->d_name, &st, 0) == 0 &&
		    S_ISDIR(st.st_mode))
			hosts[n_hosts++] = strdup(entry->d_name);
	if (dir)
		(void) closedir(dir);
	qsort(hosts, (size_t) n_hosts, sizeof(hosts[0]), by_name);
}

/* The text of a file of host @i, or NULL when there is none. */
static char *read_host_file(struct arena *arena, int i, const char *name)
{
	char *text = NULL;
	int r = file_slurp_at(AT_FDCWD, arena_printf(arena, HOSTS_DIR "/%s/%s", hosts[i], name),
			      MAX_TEXT, arena, &text);

	ck_assert_msg(r == 0 || r == -ENOENT, "%s/%s: %s", hosts[i], name, strerror(-r));
	return text;
}

static void read_facts(struct arena *arena, int i, const char **ret_text, struct facts *ret_facts)
{
	struct error err = ERROR_INIT;

	*ret_text = read_host_file(arena, i, "facts.json");
	ck_assert_msg(*ret_text != NULL, "%s has no facts.json", hosts[i]);
	ck_assert_msg(print_facts_parse(*ret_text, arena, ret_facts, &err) == 0, "%s: %s", hosts[i],
		      err.message);
}

/* `dind-init WORDS`, in an environment that is the same everywhere. */
static void read_options(struct cli *cli, struct arena *arena, int i)
{
	static char *const environment[] = { (char *) (uintptr_t) "PATH=/usr/sbin:/usr/bin",
					     (char *) (uintptr_t) "HOME=/root", NULL };
	char *text = read_host_file(arena, i, "options");
	/* options point into it */
	char **argv = arena_alloc(arena, (MAX_WORDS + 1) * sizeof(*argv));
	struct cli_usage usage = { NULL, NULL, NULL };
	int argc = 1;

	argv[0] = arena_strdup(arena, "dind-init");
	while (text && *text && argc < MAX_WORDS) {
		size_t n = strcspn(text, " \n");

		if (n)
			argv[argc++] = arena_strndup(arena, text, n);
		text += n;
		text += strspn(text, " \n");
	}
	cli_init(cli, environment);
	ck_assert_msg(cli_parse(cli, argc, argv, &usage) == 0, "%s: %s", hosts[i], usage.fact);
}

static char *plan_text(const struct plan *plan)
{
	char *text = NULL;
	size_t size = 0;
	FILE *out = open_memstream(&text, &size);

	ck_assert_ptr_nonnull(out);
	print_plan_text(out, plan);
	(void) fclose(out);
	return text;
}

/* The first line in which the two differ, so that nobody has to search. */
static void check_same(int i, const char *file, const char *want, const char *got)
{
	int line = 1;

	while (*want && *want == *got) {
		line += *want == '\n';
		want++;
		got++;
	}
	ck_assert_msg(*want == *got,
		      "%s/%s differs in line %d, where \"%.*s\" was and now \"%.*s\" is; "
		      "DIND_UPDATE_HOSTS=1 writes it anew",
		      hosts[i], file, line, (int) strcspn(want, "\n"), want,
		      (int) strcspn(got, "\n"), got);
}

static void update(struct arena *arena, int i, const char *file, const char *text)
{
	const char *path = arena_printf(arena, HOSTS_DIR "/%s/%s", hosts[i], file);
	const char *wanted = getenv("DIND_UPDATE_HOSTS");

	if (str_equal(wanted, "1"))
		ck_assert_int_eq(file_replace(path, text, 0644), 0);
}

START_TEST(there_are_machines)
{
	ck_assert_int_ge(n_hosts, MIN_HOSTS);
	ck_assert_int_lt(n_hosts, MAX_HOSTS);
}
END_TEST

START_TEST(facts_are_written_as_they_were_read)
{
	struct arena arena = ARENA_INIT;
	struct error err = ERROR_INIT;
	struct facts facts;
	const char *text;
	char *again = NULL;

	read_facts(&arena, _i, &text, &facts);
	ck_assert_msg(print_facts_json(&facts, &again, &err) == 0, "%s: %s", hosts[_i],
		      err.message);
	update(&arena, _i, "facts.json", again);
	check_same(_i, "facts.json", read_host_file(&arena, _i, "facts.json"), again);
	free(again);
	arena_free(&arena);
}
END_TEST

START_TEST(the_plan_is_the_known_one)
{
	struct arena arena = ARENA_INIT;
	struct error err = ERROR_INIT;
	struct facts facts;
	struct plan plan;
	struct cli cli;
	const char *text, *want;
	char *got;

	read_facts(&arena, _i, &text, &facts);
	read_options(&cli, &arena, _i);
	ck_assert_msg(plan_make(&cli.options, &facts, &arena, &plan, &err) == 0, "%s: %s",
		      hosts[_i], err.message);
	got = plan_text(&plan);
	update(&arena, _i, "plan.txt", got);
	want = read_host_file(&arena, _i, "plan.txt");
	ck_assert_msg(want != NULL, "%s has no plan.txt; DIND_UPDATE_HOSTS=1 writes one",
		      hosts[_i]);
	check_same(_i, "plan.txt", want, got);
	free(got);
	cli_free(&cli);
	arena_free(&arena);
}
END_TEST

/* Captures are published: nothing in them may lead to the machine that they came from. */
START_TEST(captures_are_scrubbed)
{
	static const char *const words[] = { "/home/", "engines/", "dind-lab" };
	struct arena arena = ARENA_INIT;
	struct facts facts;
	const char *text;

	read_facts(&arena, _i, &text, &facts);
	for (size_t i = 0; i < ARRAY_SIZE(words); i++)
		ck_assert_msg(!strstr(text, words[i]), "%s: \"%s\" is in it", hosts[_i], words[i]);
	ck_assert_msg(!facts.identity.hostname || strlen(facts.identity.hostname) <= 24,
		      "%s: the host is called %s", hosts[_i], facts.identity.hostname);
	arena_free(&arena);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("golden");
	TCase *tc = tcase_create("golden");
	SRunner *runner;
	int failed;

	find_hosts();
	tcase_add_test(tc, there_are_machines);
	tcase_add_loop_test(tc, facts_are_written_as_they_were_read, 0, n_hosts);
	tcase_add_loop_test(tc, the_plan_is_the_known_one, 0, n_hosts);
	tcase_add_loop_test(tc, captures_are_scrubbed, 0, n_hosts);
	suite_add_tcase(suite, tc);
	runner = srunner_create(suite);
	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	for (int i = 0; i < n_hosts; i++)
		free(hosts[i]);
	return failed ? 1 : 0;
}
