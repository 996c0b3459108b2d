/* SPDX-License-Identifier: Apache-2.0 */
/* The engine's log: bounded on disk and in memory, whatever the engine writes and the disk does. */
#include "../../src/supervise/internal.h"
#include "supervise_fixture.h"

static struct engine_log engine_log = ENGINE_LOG_INIT;

static void open_log(const char *path)
{
	struct error err = ERROR_INIT;

	ck_assert_int_eq(engine_log_open(&engine_log, path, &err), 0);
	ck_assert_int_eq(fcntl(engine_log.output, F_SETFL, O_NONBLOCK), 0);
}

static void write_log(const char *data, size_t len)
{
	while (len > 0) {
		ssize_t n = write(engine_log.output, data, len > 65536 ? 65536 : len);

		ck_assert_int_gt(n, 0);
		data += n;
		len -= (size_t) n;
		engine_log_take(&engine_log);
	}
}

static void write_text(const char *text)
{
	write_log(text, strlen(text));
}

/* What replay prints. */
static const char *replay(void)
{
	int saved = dup(STDERR_FILENO),
	    fd = open(in_dir("replay"), O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
	bool some;

	ck_assert_int_eq(dup2(fd, STDERR_FILENO), STDERR_FILENO);
	some = engine_log_replay(&engine_log);
	ck_assert_int_eq(dup2(saved, STDERR_FILENO), STDERR_FILENO);
	(void) close(saved);
	(void) close(fd);
	ck_assert_int_eq(some, *read_text(in_dir("replay")) != '\0');
	return read_text(in_dir("replay"));
}

static long long size_of(const char *path)
{
	struct stat st;

	return stat(path, &st) < 0 ? -1 : (long long) st.st_size;
}

START_TEST(the_file_is_bounded)
{
	static char block[1 << 20];
	const char *path = in_dir("a/b/engine.log"), *older = in_dir("a/b/engine.log.1");

	memset(block, 'x', sizeof(block));
	open_log(path);
	for (int i = 0; i < 31; i++)
		write_log(block, sizeof(block));
	ck_assert_int_eq(size_of(path), 31LL << 20);
	ck_assert_int_eq(size_of(older), -1);
	for (int i = 0; i < 80; i++) {
		write_log(block, sizeof(block));
		ck_assert_int_le(size_of(path), ENGINE_LOG_HALF);
		ck_assert_int_le(size_of(older), ENGINE_LOG_HALF);
	}
	ck_assert_int_gt(size_of(older), ENGINE_LOG_HALF - (1 << 20));
	ck_assert_int_eq(size_of(in_dir("a/b/engine.log.2")), -1);
	engine_log_close(&engine_log);
	/* an earlier start counts, and nothing of it is lost */
	ck_assert_int_eq(truncate(path, ENGINE_LOG_HALF - 2), 0);
	engine_log = (struct engine_log) ENGINE_LOG_INIT;
	open_log(path);
	write_text("new\n");
	ck_assert_int_eq(size_of(path), 4);
	ck_assert_int_eq(size_of(older), ENGINE_LOG_HALF - 2);
}
END_TEST

START_TEST(a_full_disk_costs_the_file_and_not_the_tail)
{
	static char block[1 << 18];
	const char *path = in_dir("disk/engine.log"), *other = in_dir("disk/other");

	ck_assert_int_eq(unshare(CLONE_NEWNS), 0);
	ck_assert_int_eq(mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL), 0);
	ck_assert_int_eq(mkdir(in_dir("disk"), 0755), 0);
	ck_assert_int_eq(mount("tmpfs", in_dir("disk"), "tmpfs", 0, "size=64k"), 0);
	ck_assert_int_eq(file_replace(other, "in the way\n", 0644), 0);
	open_log(path);
	memset(block, 'x', sizeof(block));
	write_log(block, sizeof(block));
	write_text("\nthe last line\n");
	ck_assert_ptr_nonnull(strstr(replay(), "| the last line\n"));
	/* and when there is room again it goes on */
	ck_assert_int_eq(unlink(other), 0);
	write_text("room again\n");
	ck_assert_int_eq(truncate(path, 0), 0);
	write_text("more\n");
	ck_assert_ptr_nonnull(strstr(read_text(path), "more\n"));
	ck_assert_int_eq(umount2(in_dir("disk"), MNT_DETACH), 0);
}
END_TEST

START_TEST(a_path_that_is_no_file)
{
	const char *fifo = in_dir("fifo");

	ck_assert_int_eq(mkfifo(fifo, 0600), 0);
	open_log(_i == 0 ? fifo : _i == 1 ? box.dir : "/proc/self/status/x");
	ck_assert_int_lt(engine_log.file, 0); /* nobody reads it: not waited for */
	write_text("still kept\n");
	ck_assert_ptr_nonnull(strstr(replay(), "| still kept\n"));
}
END_TEST

START_TEST(the_tail_begins_and_ends_with_whole_lines)
{
	char line[64], long_line[3000];

	open_log(NULL);
	ck_assert_str_eq(replay(), ""); /* nothing was said */
	write_text("one\n\ntwo\nthree without an end");
	ck_assert_str_eq(replay(), "dind-init: error: the end of the engine's log:\n"
				   "dind-init: error: | one\n"
				   "dind-init: error: | two\n"
				   "dind-init: error: | three without an end\n");
	ck_assert_str_eq(replay(), ""); /* once is enough */
	for (int i = 1; i <= 5000; i++) {
		(void) snprintf(line, sizeof(line), "line %d\n", i);
		write_text(line);
	}
	(void) replay();
	ck_assert_ptr_null(strstr(read_text(in_dir("replay")), "| line 4960\n"));
	ck_assert_ptr_nonnull(
		strstr(read_text(in_dir("replay")), "log:\ndind-init: error: | line 4961\n"));
	ck_assert_ptr_nonnull(strstr(read_text(in_dir("replay")), "| line 5000\n"));
	/* few long lines: those that fit whole */
	memset(long_line, 'a', sizeof(long_line) - 1);
	long_line[sizeof(long_line) - 2] = '\n';
	long_line[sizeof(long_line) - 1] = '\0';
	for (int c = 'a'; c <= 'f'; c++) {
		memset(long_line, c, sizeof(long_line) - 2);
		write_text(long_line);
	}
	(void) replay();
	ck_assert_ptr_null(strstr(read_text(in_dir("replay")), "| d"));
	ck_assert_ptr_nonnull(strstr(read_text(in_dir("replay")), "| eeee"));
	ck_assert_ptr_nonnull(strstr(read_text(in_dir("replay")), "| ffff"));
	/* one line that fills everything */
	for (int i = 0; i < 10; i++)
		write_log(long_line, sizeof(long_line) - 2);
	ck_assert_ptr_nonnull(strstr(replay(), "| ffff"));
	/* what a terminal would obey is not passed on */
	write_text("red \033[31m alert\n");
	ck_assert_ptr_nonnull(strstr(replay(), "| red ?[31m alert\n"));
}
END_TEST

START_TEST(the_last_writer_is_noticed)
{
	open_log(NULL);
	write_text("bye\n");
	(void) close(engine_log.output);
	engine_log.output = -EBADF;
	engine_log_take(&engine_log);
	ck_assert_int_lt(engine_log.input, 0);
	engine_log_take(&engine_log); /* of nobody */
	ck_assert_ptr_nonnull(strstr(replay(), "| bye\n"));
}
END_TEST

START_TEST(one_wake_up_takes_a_bounded_amount)
{
	static char block[1 << 20];
	int size;

	open_log(NULL);
	size = fcntl(engine_log.output, F_SETPIPE_SZ, 1 << 20);
	ck_assert_int_ge(size, 1 << 20);
	ck_assert_int_eq(write(engine_log.output, block, sizeof(block)), sizeof(block));
	engine_log_take(&engine_log);
	ck_assert_uint_lt(engine_log.seen, sizeof(block) / 2);
}
END_TEST

static void add(TCase *tc)
{
	tcase_add_test(tc, the_file_is_bounded);
	tcase_add_test(tc, a_full_disk_costs_the_file_and_not_the_tail);
	tcase_add_loop_test(tc, a_path_that_is_no_file, 0, 3);
	tcase_add_test(tc, the_tail_begins_and_ends_with_whole_lines);
	tcase_add_test(tc, the_last_writer_is_noticed);
	tcase_add_test(tc, one_wake_up_takes_a_bounded_amount);
}

int main(void)
{
	return run_suite("supervise_log", add);
}
