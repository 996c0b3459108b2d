/* SPDX-License-Identifier: Apache-2.0 */
/* A start that is cut off at any point, and the one after it. What the engine writes is told apart
 * by a word in its data base. */
#include "fixture.h"

#define LONGER_THAN_A_CHUNK 40000

static struct plan_step step;
static struct apply_context context;

static const char *database(void)
{
	return in_scratch("docker/network/files/local-kv.db");
}

static const char *copy(void)
{
	return in_scratch("docker/.dind-network.db");
}

static const char *mark(void)
{
	return in_scratch("docker/.dind-starting");
}

static void prepare(void)
{
	ck_assert(enter_test());
	ck_assert_int_eq(file_make_directories(in_scratch("docker"), 0755), 0);
	apply_context_init(&context);
	step = (struct plan_step){ .kind = STEP_GUARD_START };
	step.u.guard.database = strdup(database());
	step.u.guard.copy = strdup(copy());
	step.u.guard.mark = strdup(mark());
}

static void engine_writes(const char *text)
{
	ck_assert_int_eq(file_make_directories(in_scratch("docker/network/files"), 0750), 0);
	ck_assert(write_text(database(), text));
}

static void engine_gets_ready(void)
{
	ck_assert_int_eq(unlink(mark()), 0);
}

static bool there(const char *path)
{
	return access(path, F_OK) == 0;
}

static void assert_start(const char *said, const char *wanted)
{
	assert_step(&context, &step);
	if (said)
		assert_notice(&context, said);
	else
		ck_assert_str_eq(context.notice, "");
	ck_assert(!context.notice_loud);
	ck_assert(there(mark()));
	if (wanted)
		ck_assert_str_eq(read_text(database()), wanted);
	else
		ck_assert(!there(database()));
	ck_assert(!there(in_scratch("docker/.dind-starting.tmp")));
	ck_assert(!there(in_scratch("docker/.dind-network.db.tmp")));
}

START_TEST(test_first_start)
{
	prepare();
	assert_start(NULL, NULL);
	assert_start(NULL, NULL); /* twice in one start, or cut off before the engine wrote */
	engine_writes("half of a network");
	assert_start("is removed", NULL);
	assert_start(NULL, NULL);
	engine_writes("a network");
	engine_gets_ready();
	assert_start(NULL, "a network");
}
END_TEST

START_TEST(test_later_start)
{
	struct stat st;

	prepare();
	engine_writes("a network");
	ck_assert_int_eq(chmod(database(), 0640), 0);
	assert_start(NULL, "a network");
	engine_writes("half of a network");
	assert_start("as they were", "a network");
	ck_assert_int_eq(stat(database(), &st), 0);
	ck_assert_uint_eq(st.st_mode & 07777, 0640);
	/* again and again */
	engine_writes("another half");
	assert_start("as they were", "a network");
	/* of the same length, and gone */
	engine_writes("A network");
	assert_start("as they were", "a network");
	ck_assert_int_eq(unlink(database()), 0);
	assert_start("as they were", "a network");
	/* what was made after ready is not touched, and is what the next start keeps */
	engine_writes("two networks");
	engine_gets_ready();
	engine_writes("three networks");
	assert_start(NULL, "three networks");
	engine_writes("half");
	assert_start("as they were", "three networks");
}
END_TEST

START_TEST(test_large)
{
	static char before[LONGER_THAN_A_CHUNK + 1], after[LONGER_THAN_A_CHUNK + 1];
	/* in the first chunk, at the seam, at the end */
	static const size_t places[] = { 0, 16383, 16384, LONGER_THAN_A_CHUNK - 1 };
	static char got[LONGER_THAN_A_CHUNK + 2];

	prepare();
	memset(before, 'n', LONGER_THAN_A_CHUNK);
	memcpy(after, before, sizeof(after));
	after[places[_i]] = 'x';
	engine_writes(before);
	assert_step(&context, &step);
	engine_writes(after);
	assert_step(&context, &step);
	assert_notice(&context, "as they were");
	ck_assert_int_eq(file_read_at(AT_FDCWD, database(), got, sizeof(got)), LONGER_THAN_A_CHUNK);
	ck_assert_str_eq(got, before);
}
END_TEST

/* States in which a start that was killed in this very step leaves the data root. */
START_TEST(test_cut_off_itself)
{
	prepare();
	engine_writes("a network");
	/* put back, the copy not made again yet */
	ck_assert(write_text(mark(), "copy\n"));
	assert_start(NULL, "a network");
	/* the mark empty, or cut */
	ck_assert(write_text(mark(), ""));
	ck_assert(write_text(copy(), "an old one"));
	assert_start(NULL, "a network");
	ck_assert(write_text(mark(), "co"));
	ck_assert(write_text(copy(), "an old one"));
	assert_start(NULL, "a network");
	/* no mark, a copy of long ago; unfinished files */
	engine_gets_ready();
	ck_assert(write_text(copy(), "an old one"));
	ck_assert(
		write_text(in_scratch("docker/.dind-network.db.tmp"), "longer than a network is"));
	ck_assert(write_text(in_scratch("docker/.dind-starting.tmp"), "x"));
	assert_start(NULL, "a network");
	ck_assert_str_eq(read_text(copy()), "a network");
	ck_assert_str_eq(read_text(mark()), "copy\n");
}
END_TEST

START_TEST(test_emptied)
{
	prepare();
	engine_writes("a network");
	assert_start(NULL, "a network");
	/* somebody removed what the engine had */
	ck_assert_int_eq(unlink(database()), 0);
	ck_assert_int_eq(rmdir(in_scratch("docker/network/files")), 0);
	ck_assert_int_eq(rmdir(in_scratch("docker/network")), 0);
	assert_start(NULL, NULL);
	engine_writes("half of a network");
	assert_start("is removed", NULL);
}
END_TEST

START_TEST(test_strange)
{
	prepare();
	ck_assert_int_eq(file_make_directories(in_scratch("docker/network/files"), 0750), 0);
	ck_assert_int_eq(symlink("/etc/passwd", database()), 0);
	assert_step_fails(&context, &step, -ELOOP, "local-kv.db");
	ck_assert(!there(mark()));
	ck_assert_int_eq(unlink(database()), 0);
	ck_assert_int_eq(mkfifo(database(), 0600), 0);
	assert_step_fails(&context, &step, -EINVAL, "not a regular file");
	ck_assert_int_eq(unlink(database()), 0);
	ck_assert_int_eq(mkdir(mark(), 0700), 0);
	assert_step_fails(&context, &step, -EISDIR, "dind-starting");
	ck_assert_int_eq(rmdir(mark()), 0);
	assert_start(NULL, NULL);
}
END_TEST

/* No room: the last start is undone all the same, and there is no mark that says too much. */
START_TEST(test_full_disk)
{
	static char filler[1 << 16];
	int fd;

	prepare();
	ck_assert_int_eq(mount("small", in_scratch("docker"), "tmpfs", 0, "size=256k"), 0);
	memset(filler, 'n', sizeof(filler) - 1);
	engine_writes(filler);
	assert_step(&context, &step);
	engine_writes("half of a network");
	fd = open(in_scratch("docker/full"), O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
	ck_assert_int_ge(fd, 0);
	while (write(fd, filler, 4096) == 4096)
		;
	(void) close(fd);
	assert_step_fails(&context, &step, -ENOSPC, "dind-network.db");
	assert_notice(&context, "as they were");
	ck_assert(!there(mark()));
	ck_assert(!there(in_scratch("docker/.dind-network.db.tmp")));
	{
		struct stat st;

		ck_assert_int_eq(stat(database(), &st), 0);
		ck_assert_int_eq(st.st_size, sizeof(filler) - 1);
	}
	/* the next start, with room again */
	ck_assert_int_eq(unlink(in_scratch("docker/full")), 0);
	assert_step(&context, &step);
	ck_assert_str_eq(context.notice, "");
	ck_assert_str_eq(read_text(mark()), "copy\n");
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("apply guard");
	TCase *tests = tcase_create("guard");

	require_root();
	tcase_set_timeout(tests, 20);
	tcase_add_test(tests, test_first_start);
	tcase_add_test(tests, test_later_start);
	tcase_add_loop_test(tests, test_large, 0, 4);
	tcase_add_test(tests, test_cut_off_itself);
	tcase_add_test(tests, test_emptied);
	tcase_add_test(tests, test_strange);
	tcase_add_test(tests, test_full_disk);
	suite_add_tcase(suite, tests);
	return run_suite(suite);
}
