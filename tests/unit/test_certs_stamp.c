/* SPDX-License-Identifier: Apache-2.0 */
/* The stamp of dind-certs: nothing that matters changes without its notice. */
#include "certs_fixture.h"

#define STAMP ".dind-certs"
#define DAY   INT64_C(86400)
#define SLACK 600 /* seconds that certificates are older than they are: clocks differ */
#define UNTIL (NOW - SLACK + (CERTS_VALID_DAYS - CERTS_KEEP_DAYS) * DAY)

static struct certs_span span;

static bool holds_for(const char *key, const char *san, int64_t now)
{
	const struct certs_wish wish = {
		.directory = directory, .key = key, .san = san, .local = &options->local
	};

	span = (struct certs_span){ .from = 0 };
	return certs_stamp_holds(&wish, now, &arena, &span);
}

static bool holds(void)
{
	return holds_for(NULL, NULL, NOW);
}

static bool is_there(const char *name)
{
	return access(at(name), F_OK) == 0;
}

START_TEST(made_ones_have_one)
{
	struct stat st;

	ck_assert(!holds());
	ensure();
	ck_assert(holds());
	ck_assert_int_eq(stat(at(STAMP), &st), 0);
	ck_assert_int_eq(st.st_mode & 07777, 0600);
	ck_assert_msg(strstr(outcome.notice, span.ca_day) != NULL, "%s: %s", outcome.notice,
		      span.ca_day);
	ck_assert_str_eq(certs_kept_text("/c", "2030-01-01", &arena),
			 "the certificates in /c are good and stay; the CA lasts until 2030-01-01");
}
END_TEST

START_TEST(it_ends_with_them)
{
	ensure();
	ck_assert(holds());
	ck_assert_int_eq(span.from, NOW);
	ck_assert_int_eq(span.until, UNTIL);
	ck_assert(holds_for(NULL, NULL, span.until - 1));
	ck_assert(!holds_for(NULL, NULL, span.until));
	/* a clock that was set back: they may not be valid yet */
	ck_assert(!holds_for(NULL, NULL, NOW - 1));
	/* dind-certs says the same */
	options->now = span.until - 1;
	ensure();
	ck_assert_ptr_nonnull(strstr(outcome.notice, "are good and stay"));
	options->now = span.until;
	ensure();
	ck_assert_ptr_nonnull(strstr(outcome.notice, "made"));
}
END_TEST

START_TEST(it_is_for_what_was_asked)
{
	options->san = "DNS:extra";
	names(&options->asked, options->san);
	ensure();
	ck_assert(holds_for(NULL, "DNS:extra", NOW));
	ck_assert(!holds_for(NULL, NULL, NOW));
	ck_assert(!holds_for(NULL, "DNS:extr", NOW));
	ck_assert(!holds_for(NULL, "DNS:extra,DNS:more", NOW));
	ck_assert(!holds_for("rsa", "DNS:extra", NOW));
	ck_assert(!holds_for("ec", "DNS:extra", NOW));
	names(&options->local, "DNS:docker,DNS:box,IP:10.0.0.3,IP:::1");
	ck_assert(!holds_for(NULL, "DNS:extra", NOW));
	names(&options->local, "DNS:docker,DNS:box,IP:10.0.0.2");
	ck_assert(!holds_for(NULL, "DNS:extra", NOW));
}
END_TEST

/* The same length and the same mtime: what a hurried hand leaves behind it. */
static void overwrite(const char *name)
{
	struct timespec times[2];
	struct stat st;
	int fd = open(at(name), O_RDWR | O_CLOEXEC);

	ck_assert_int_ge(fd, 0);
	ck_assert_int_eq(fstat(fd, &st), 0);
	times[0] = st.st_atim;
	times[1] = st.st_mtim;
	/* files have times of a tick, which is 10 ms at most */
	clock_sleep_ms(20);
	ck_assert_int_eq(pwrite(fd, "x", 1, st.st_size / 2), 1);
	ck_assert_int_eq(futimens(fd, times), 0);
	ck_assert_int_eq(close(fd), 0);
}

static void replace(const char *name)
{
	ck_assert_int_eq(rename(at(name), at("saved")), 0);
	write_text(name, "other");
}

static void take_away(const char *name)
{
	ck_assert_int_eq(unlink(at(name)), 0);
}

static void copy_back(const char *name)
{
	char text[8192];
	ssize_t n = file_read_at(AT_FDCWD, at(name), text, sizeof(text));

	ck_assert_int_gt(n, 0);
	take_away(name);
	write_text(name, text);
}

static void change_mode(const char *name)
{
	clock_sleep_ms(20);
	ck_assert_int_eq(chmod(at(name), 0640), 0);
	ck_assert_int_eq(chmod(at(name), 0600), 0);
}

static void (*const changes[])(const char *name) = { overwrite, replace, take_away, copy_back,
						     change_mode };
static const char *const changed[] = {
	"ca/key.pem",	  "ca/cert.pem",   "server/ca.pem",   "server/cert.pem",
	"server/key.pem", "client/ca.pem", "client/cert.pem", "client/key.pem",
};

START_TEST(any_change_shows)
{
	ensure();
	for (size_t i = 0; i < ARRAY_SIZE(changed); i++) {
		ck_assert_msg(holds(), "before %s", changed[i]);
		changes[_i](changed[i]);
		ck_assert_msg(!holds(), "%s", changed[i]);
		ck_assert_int_eq(nftw(directory, remove_one, 16, FTW_DEPTH | FTW_PHYS), 0);
		ck_assert_int_eq(mkdir(directory, 0700), 0);
		ensure();
	}
}
END_TEST

/* What a run that was killed leaves, and dind-certs would remove. */
START_TEST(so_does_what_lies_beside)
{
	options->now = (int64_t) time(NULL) - 100;
	ensure();
	ck_assert(holds_for(NULL, NULL, options->now));
	clock_sleep_ms(20);
	write_text("server/.key.pem.new", "half");
	ck_assert(!holds_for(NULL, NULL, options->now));
	options->now += 110; /* what is left has settled */
	ensure();
	ck_assert(!is_there("server/.key.pem.new"));
	ck_assert(holds_for(NULL, NULL, options->now));
}
END_TEST

static const struct {
	const char *format; /* of the old text; NULL: empty */
} damages[] = {
	{ NULL }, { "x%s" }, { "%sx" }, { "%s\n" }, { "%.40s" }, { "good 1 2 3 %s" }, { "\n%s" },
};

START_TEST(a_damaged_one_holds_nothing)
{
	char text[8192];
	const char *bad = "";

	ensure();
	ck_assert_int_gt(file_read_at(AT_FDCWD, at(STAMP), text, sizeof(text)), 0);
	ck_assert_int_eq(file_replace(at(STAMP), text, 0600), 0);
	ck_assert(holds());
	if (damages[_i].format) {
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
		bad = arena_printf(&arena, damages[_i].format, text);
#pragma GCC diagnostic pop
	}
	ck_assert_int_eq(file_replace(at(STAMP), bad, 0600), 0);
	ck_assert(!holds());
}
END_TEST

START_TEST(something_else_in_its_place)
{
	ensure();
	ck_assert_int_eq(rename(at(STAMP), at("saved")), 0);
	ck_assert(!holds());
	ck_assert_int_eq(symlink("saved", at(STAMP)), 0);
	ck_assert(!holds());
	ck_assert_int_eq(unlink(at(STAMP)), 0);
	ck_assert_int_eq(mkfifo(at(STAMP), 0600), 0);
	ck_assert(!holds()); /* and we are not stopped */
}
END_TEST

START_TEST(kept_ones_get_one_when_they_have_settled)
{
	options->now = (int64_t) time(NULL) - 100;
	ensure();
	ck_assert_int_eq(unlink(at(STAMP)), 0);
	/* they are of this second: what is changed in it could look the same */
	options->now = (int64_t) time(NULL);
	ensure();
	ck_assert_ptr_nonnull(strstr(outcome.notice, "are good and stay"));
	ck_assert(!is_there(STAMP));
	options->now += 10;
	ensure();
	ck_assert_ptr_nonnull(strstr(outcome.notice, "are good and stay"));
	ck_assert(holds_for(NULL, NULL, options->now));
	ck_assert_int_eq(span.from, options->now);
}
END_TEST

START_TEST(what_was_made_in_part_is_judged_as_a_whole)
{
	ensure();
	options->now = NOW + 100 * DAY;
	take_away("client/cert.pem");
	ensure();
	ck_assert_ptr_nonnull(strstr(outcome.notice, " client"));
	ck_assert(holds_for(NULL, NULL, options->now));
	/* the oldest one counts */
	ck_assert_int_eq(span.until, UNTIL);
}
END_TEST

START_TEST(users_files_get_none)
{
	ensure();
	take_away(STAMP);
	take_away("ca/key.pem");
	options->now = NOW + DAY;
	ensure();
	ck_assert_ptr_nonnull(strstr(outcome.notice, "is yours"));
	ck_assert(!is_there(STAMP));
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("stamp of certificates");
	TCase *tc = tcase_create("stamp");
	SRunner *runner = srunner_create(suite);
	int failed;

	tcase_set_timeout(tc, 60);
	tcase_add_checked_fixture(tc, set_up, tear_down);
	tcase_add_test(tc, made_ones_have_one);
	tcase_add_test(tc, it_ends_with_them);
	tcase_add_test(tc, it_is_for_what_was_asked);
	tcase_add_loop_test(tc, any_change_shows, 0, ARRAY_SIZE(changes));
	tcase_add_test(tc, so_does_what_lies_beside);
	tcase_add_loop_test(tc, a_damaged_one_holds_nothing, 0, ARRAY_SIZE(damages));
	tcase_add_test(tc, something_else_in_its_place);
	tcase_add_test(tc, kept_ones_get_one_when_they_have_settled);
	tcase_add_test(tc, what_was_made_in_part_is_judged_as_a_whole);
	tcase_add_test(tc, users_files_get_none);
	suite_add_tcase(suite, tc);
	srunner_run_all(runner, CK_ENV);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
