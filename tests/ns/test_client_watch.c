/* SPDX-License-Identifier: Apache-2.0 */
/* dind-client's watch on a small file system of its own, and the upkeep of a pool of slots. */
#include <check.h>
#include <fcntl.h>
#include <jansson.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>

#include "dind/file.h"
#include "dind/log.h"
#include "pool.h"
#include "tree.h"

#define MIB ((size_t) 1 << 20)

/* From linux/fs.h, which does not go together with sys/mount.h. */
#define SET_FLAGS      _IOW('f', 2, long)
#define FLAG_IMMUTABLE 0x10

static char top[] = "/tmp/dind-watch-XXXXXX";

/* A tmpfs of the test's own, in a mount namespace of its own: nothing is left. */
static void setup(void)
{
	ck_assert_int_eq(unshare(CLONE_NEWNS), 0);
	ck_assert_int_eq(mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL), 0);
	ck_assert_ptr_nonnull(mkdtemp(top));
	ck_assert_int_eq(mount("tmpfs", top, "tmpfs", 0, "size=40m,nr_inodes=2000"), 0);
	ck_assert_int_eq(chdir(top), 0);
	log_configure(LOG_LEVEL_WARNING, LOG_FORMAT_TEXT);
}

static void teardown(void)
{
	ck_assert_int_eq(chdir("/"), 0);
	(void) umount2(top, MNT_DETACH);
	(void) rmdir(top);
}

static void fill(const char *path, size_t size)
{
	static char block[MIB];
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);

	ck_assert_int_ge(fd, 0);
	for (size_t done = 0; done < size; done += sizeof(block))
		ck_assert_int_eq(file_write_all(fd, block, sizeof(block)), 0);
	(void) close(fd);
}

static void set_time(const char *path, time_t seconds)
{
	const struct timespec times[2] = { { seconds, 0 }, { seconds, 0 } };

	ck_assert_int_eq(utimensat(AT_FDCWD, path, times, 0), 0);
}

/* ---- the program
 * ------------------------------------------------------------------------------------------- */

struct program {
	pid_t pid;
	int out;
	char text[8192];
	size_t used;
};

static void program_start(struct program *p, const char *const argv[])
{
	int ends[2];

	memset(p, 0, sizeof(*p));
	ck_assert_int_eq(pipe2(ends, O_CLOEXEC), 0);
	p->pid = fork();
	ck_assert_int_ge(p->pid, 0);
	if (p->pid == 0) {
		(void) dup2(ends[1], STDERR_FILENO);
		execv(CLIENT_PROGRAM, (char *const *) (uintptr_t) argv);
		_exit(127);
	}
	(void) close(ends[1]);
	p->out = ends[0];
}

/* Reads until @wanted is there, for at most @timeout_ms. */
static bool program_says(struct program *p, const char *wanted, int timeout_ms)
{
	int64_t end = clock_now_ms() + timeout_ms;
	struct pollfd pfd = { .fd = p->out, .events = POLLIN };

	while (!strstr(p->text, wanted)) {
		int64_t left = end - clock_now_ms();
		ssize_t n;

		if (left <= 0 || poll(&pfd, 1, (int) left) <= 0)
			return false;
		n = read(p->out, p->text + p->used, sizeof(p->text) - 1 - p->used);
		if (n <= 0)
			return false;
		p->used += (size_t) n;
	}
	return true;
}

static unsigned int count(const char *text, const char *word)
{
	unsigned int n = 0;

	for (; (text = strstr(text, word)); text += strlen(word))
		n++;
	return n;
}

static int program_stop(struct program *p)
{
	int status = 0;

	(void) kill(p->pid, SIGTERM);
	ck_assert_int_eq(waitpid(p->pid, &status, 0), p->pid);
	(void) close(p->out);
	return status;
}

START_TEST(marks_are_said_once)
{
	const char *const argv[] = { "dind-client", "watch", "--directory", top, "--below", top,
				     "--high",	    "80%",   "--interval",  "1", NULL };
	struct program p;

	program_start(&p, argv);
	ck_assert_msg(!program_says(&p, "DIND-DISK", 1500), "%s", p.text);
	fill("big", 36 * MIB);
	ck_assert_msg(program_says(&p, "DIND-DISK-02", 3000), "%s", p.text);
	ck_assert_ptr_nonnull(strstr(p.text, "dind-init: warning: DIND-DISK-01: the data root"));
	ck_assert_ptr_nonnull(strstr(p.text, "90.0 % used (36.0 MiB, 4.0 MiB free), inodes"));
	/* A little less is not well yet, and nothing is repeated. */
	ck_assert_int_eq(truncate("big", 31 * MIB + MIB / 2), 0);
	ck_assert_msg(!program_says(&p, "again", 2500), "%s", p.text);
	ck_assert_int_eq(truncate("big", 0), 0);
	ck_assert_msg(program_says(&p, "the data root, ", 3000), "%s", p.text);
	ck_assert_msg(program_says(&p, "info: DIND-DISK-02", 3000), "%s", p.text);
	ck_assert_uint_eq(count(p.text, "warning"), 2);
	ck_assert_uint_eq(count(p.text, "\n"), 4);
	ck_assert_int_eq(program_stop(&p), 0);
}
END_TEST

START_TEST(inodes_count)
{
	const char *const argv[] = { "dind-client", "watch",	  "--directory", top, "--high",
				     "90",	    "--interval", "1",		 NULL };
	struct program p;
	char name[32];

	for (int i = 0; i < 1900; i++) {
		(void) snprintf(name, sizeof(name), "f%d", i);
		ck_assert_int_eq(mknod(name, S_IFREG | 0600, 0), 0);
	}
	program_start(&p, argv);
	ck_assert_msg(program_says(&p, "DIND-DISK-01", 3000), "%s", p.text);
	ck_assert_msg(program_says(&p, "inodes 95.", 1000), "%s", p.text);
	ck_assert_int_eq(program_stop(&p), 0);
}
END_TEST

/* A mark that cannot be read is said, once, and is no end. */
START_TEST(a_directory_that_is_not_there)
{
	const char *const argv[] = { "dind-client",	"watch",  "--directory",
				     "/nowhere/at/all", "--high", "90",
				     "--interval",	"1",	  NULL };
	struct program p;

	program_start(&p, argv);
	ck_assert(program_says(&p, "so it is not watched", 3000));
	ck_assert(!program_says(&p, "\x01", 2500));
	ck_assert_uint_eq(count(p.text, "\n"), 1);
	ck_assert_int_eq(program_stop(&p), 0);
}
END_TEST

/* ---- the pool
 * ---------------------------------------------------------------------------------------------- */

/* A slot with @mib of data that was leased @age seconds ago. */
static void slot_make(const char *name, size_t mib, time_t age)
{
	char path[128];

	(void) snprintf(path, sizeof(path), "%s/overlay2/deep", name);
	ck_assert_int_eq(file_make_directories(path, 0755), 0);
	(void) snprintf(path, sizeof(path), "%s/overlay2/deep/data", name);
	fill(path, mib * MIB);
	(void) snprintf(path, sizeof(path), "%s/" POOL_LOCK, name);
	ck_assert_int_eq(file_replace(path, "holder\n", 0644), 0);
	set_time(path, time(NULL) - age);
}

static int slot_lock(const char *name)
{
	char path[128];
	int fd;

	(void) snprintf(path, sizeof(path), "%s/" POOL_LOCK, name);
	fd = open(path, O_RDWR | O_CLOEXEC);
	ck_assert_int_ge(fd, 0);
	ck_assert_int_eq(flock(fd, LOCK_EX | LOCK_NB), 0);
	return fd;
}

static bool slot_has_data(const char *name)
{
	char path[128];

	(void) snprintf(path, sizeof(path), "%s/overlay2", name);
	return access(path, F_OK) == 0;
}

static json_int_t slot_number(const char *name, const char *key)
{
	char path[128], text[1024];
	json_int_t value = -1;
	json_t *root;

	(void) snprintf(path, sizeof(path), "%s/" POOL_RECORD, name);
	if (file_read_at(AT_FDCWD, path, text, sizeof(text)) <= 0)
		return -1;
	root = json_loads(text, 0, NULL);
	ck_assert_ptr_nonnull(root);
	ck_assert(json_is_integer(json_object_get(root, key)));
	value = json_integer_value(json_object_get(root, key));
	json_decref(root);
	return value;
}

static void upkeep(uint64_t limit, const char *keep, struct pool_result *result)
{
	struct error err = ERROR_INIT;

	ck_assert_msg(pool_upkeep(top, limit, keep, result, &err) == 0, "%s", err.message);
}

START_TEST(free_slots_are_measured)
{
	struct pool_result result;
	int lock;

	slot_make("slot-0", 3, 100);
	slot_make("slot-1", 2, 50);
	slot_make("slot-22", 1, 50);
	slot_make("slot-x", 1, 50);
	lock = slot_lock("slot-1");
	upkeep(0, "slot-22", &result);
	ck_assert_uint_eq(result.slots, 3);
	ck_assert_uint_eq(result.free, 1);
	ck_assert_uint_eq(result.measured, 2);
	ck_assert_int_ge(slot_number("slot-0", "bytes"), 3 * MIB);
	ck_assert_int_lt(slot_number("slot-0", "bytes"), 3 * MIB + 65536);
	ck_assert_int_le(slot_number("slot-0", "last_used"), time(NULL) - 100);
	ck_assert_int_ge(slot_number("slot-22", "bytes"), MIB);
	/* In use by somebody else. */
	ck_assert_int_eq(slot_number("slot-1", "bytes"), -1);
	ck_assert(slot_has_data("slot-0") && slot_has_data("slot-1") && slot_has_data("slot-x"));
	(void) close(lock);

	/* Nobody had it since: it is not walked again. The other is free now. */
	fill("slot-0/more", MIB);
	upkeep(0, "slot-22", &result);
	ck_assert_int_lt(slot_number("slot-0", "bytes"), 3 * MIB + 65536);
	ck_assert_int_ge(slot_number("slot-1", "bytes"), 2 * MIB);
	/* Somebody had it. */
	set_time("slot-0/" POOL_LOCK, time(NULL));
	upkeep(0, "slot-22", &result);
	ck_assert_int_ge(slot_number("slot-0", "bytes"), 4 * MIB);
}
END_TEST

START_TEST(the_least_recently_used_are_emptied)
{
	struct pool_result result;
	int lock;

	slot_make("slot-0", 4, 300);
	slot_make("slot-1", 4, 900); /* oldest, but in use */
	slot_make("slot-2", 4, 600);
	slot_make("slot-3", 4, 800); /* older, but ours */
	slot_make("slot-4", 4, 100);
	upkeep(0, NULL, &result);
	ck_assert_uint_eq(result.emptied, 0);
	lock = slot_lock("slot-1");
	upkeep(17 * MIB, "slot-3", &result);
	ck_assert_uint_eq(result.emptied, 1);
	ck_assert(!slot_has_data("slot-2"));
	ck_assert(slot_has_data("slot-0") && slot_has_data("slot-1") && slot_has_data("slot-3") &&
		  slot_has_data("slot-4"));
	ck_assert_int_eq(access("slot-2/" POOL_LOCK, F_OK), 0);
	ck_assert_int_eq(slot_number("slot-2", "bytes"), 0);
	ck_assert_uint_lt(result.bytes, 17 * MIB);

	/* Whatever the limit: never what is in use, nor ours. */
	upkeep(1, "slot-3", &result);
	ck_assert_uint_eq(result.emptied, 2);
	ck_assert(slot_has_data("slot-1") && slot_has_data("slot-3"));
	ck_assert(!slot_has_data("slot-0") && !slot_has_data("slot-4"));
	(void) close(lock);
	/* It was not locked by us for longer than that. */
	(void) close(slot_lock("slot-0"));
}
END_TEST

START_TEST(a_sparse_image_counts_its_blocks)
{
	struct pool_result result;
	int fd;

	slot_make("slot-0", 1, 10);
	fd = open("slot-0/data.img", O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
	ck_assert_int_eq(ftruncate(fd, 1 << 30), 0);
	(void) close(fd);
	upkeep(0, NULL, &result);
	ck_assert_int_lt(slot_number("slot-0", "bytes"), 2 * MIB);
}
END_TEST

/* A mount point in the slot stays, with all that is in it, and is no failure. */
START_TEST(mounts_are_not_crossed)
{
	struct pool_result result;

	slot_make("slot-0", 2, 10);
	ck_assert_int_eq(file_make_directories("slot-0/mnt", 0755), 0);
	ck_assert_int_eq(mount("tmpfs", "slot-0/mnt", "tmpfs", 0, "size=4m"), 0);
	fill("slot-0/mnt/other", MIB);
	upkeep(1, NULL, &result);
	ck_assert(!slot_has_data("slot-0"));
	ck_assert_int_eq(access("slot-0/mnt/other", F_OK), 0);
	ck_assert_uint_eq(result.emptied, 1);
	ck_assert_int_eq(umount("slot-0/mnt"), 0);
}
END_TEST

START_TEST(what_cannot_be_removed_is_no_failure)
{
	struct tree_trouble trouble = { 0, ERROR_INIT };
	long flags = FLAG_IMMUTABLE;
	int fd, dirfd;

	slot_make("slot-0", 1, 10);
	fd = open("slot-0/overlay2/deep/data", O_RDONLY | O_CLOEXEC);
	/* KERNEL<6.6: no such flag on tmpfs; a directory that is a mount point will do. */
	if (ioctl(fd, SET_FLAGS, &flags) < 0)
		ck_assert_int_eq(mount("slot-0/overlay2/deep/data", "slot-0/overlay2/deep/data",
				       NULL, MS_BIND, NULL),
				 0);
	dirfd = open("slot-0", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	tree_empty(dirfd, POOL_LOCK, &trouble);
	ck_assert_uint_ge(trouble.count, 1);
	ck_assert_int_ne(trouble.first.code, 0);
	ck_assert_int_eq(access("slot-0/" POOL_LOCK, F_OK), 0);
	flags = 0;
	(void) ioctl(fd, SET_FLAGS, &flags);
	(void) umount2("slot-0/overlay2/deep/data", MNT_DETACH);
	(void) close(fd);
	(void) close(dirfd);
}
END_TEST

/* Links out of the slot are removed, not followed. */
START_TEST(links_are_not_followed)
{
	struct pool_result result;

	slot_make("slot-0", 1, 10);
	ck_assert_int_eq(mkdir("outside", 0755), 0);
	fill("outside/file", MIB);
	ck_assert_int_eq(symlink("../outside", "slot-0/link"), 0);
	ck_assert_int_eq(symlink("outside", "slot-1"), 0);
	upkeep(1, NULL, &result);
	ck_assert_uint_eq(result.slots, 1);
	ck_assert_int_eq(access("outside/file", F_OK), 0);
	ck_assert_int_ne(access("outside/" POOL_LOCK, F_OK), 0);
	ck_assert_int_ne(access("slot-0/link", F_OK), 0);
}
END_TEST

START_TEST(the_program_keeps_a_pool)
{
	const char *const argv[] = { "dind-client",  "watch", "--pool",	     top,
				     "--pool-limit", "1K",    "--pool-keep", "slot-1",
				     "--interval",   "1",     NULL };
	struct program p;

	slot_make("slot-0", 1, 10);
	slot_make("slot-1", 1, 10);
	program_start(&p, argv);
	ck_assert_msg(program_says(&p, "the limit is 1.0 KiB", 5000), "%s", p.text);
	ck_assert(!slot_has_data("slot-0") && slot_has_data("slot-1"));
	ck_assert_int_eq(program_stop(&p), 0);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("client_watch");
	TCase *tc = tcase_create("client_watch");
	SRunner *runner = srunner_create(suite);
	int failed;

	if (geteuid() != 0) {
		fprintf(stderr, "needs root\n");
		return 77;
	}
	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_set_timeout(tc, 30);
	tcase_add_test(tc, marks_are_said_once);
	tcase_add_test(tc, inodes_count);
	tcase_add_test(tc, a_directory_that_is_not_there);
	tcase_add_test(tc, free_slots_are_measured);
	tcase_add_test(tc, the_least_recently_used_are_emptied);
	tcase_add_test(tc, a_sparse_image_counts_its_blocks);
	tcase_add_test(tc, mounts_are_not_crossed);
	tcase_add_test(tc, what_cannot_be_removed_is_no_failure);
	tcase_add_test(tc, links_are_not_followed);
	tcase_add_test(tc, the_program_keeps_a_pool);
	suite_add_tcase(suite, tc);
	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
