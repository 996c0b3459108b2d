/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A test mount alone proves little: engines' own probes pass on file systems whose overlay fails at
 * the first deletion. So do what building and running images does.
 */
#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "dind/file.h"
#include "trial.h"

static int make_file(const char *path, const char *text)
{
	auto_close int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);

	return fd < 0 ? -errno : file_write_all(fd, text, strlen(text));
}

int trial_populate(struct trial_record *record)
{
	static const char *const directories[] = { "a", "b", "u", "w", "m", "b/replaced" };
	static const char *const files[] = { "a/first",	  "b/second",	    "b/unlinked",
					     "b/renamed", "b/replaced/old", "b/appended" };
	int r;

	for (size_t i = 0; i < ARRAY_SIZE(directories); i++)
		if (mkdir(directories[i], 0700) < 0)
			return trial_failed(record, TRI_NO, errno, "make a directory");
	for (size_t i = 0; i < ARRAY_SIZE(files); i++) {
		r = make_file(files[i], files[i]);
		if (r < 0)
			return trial_failed(record, TRI_NO, -r, "write a file");
	}
	return 0;
}

/* 0 if @path holds @expected, else a negative errno. */
static int expect_text(const char *path, const char *expected)
{
	char text[64];
	ssize_t n = file_read_at(AT_FDCWD, path, text, sizeof(text));

	if (n < 0)
		return (int) n;
	return strcmp(text, expected) == 0 ? 0 : -EIO;
}

static int expect_missing(const char *path)
{
	struct stat st;

	if (lstat(path, &st) == 0)
		return -EEXIST;
	return errno == ENOENT ? 0 : -errno;
}

static int check_read(void)
{
	int r = expect_text("m/first", "a/first");

	return r < 0 ? r : expect_text("m/second", "b/second");
}

static int check_unlink(void)
{
	return unlink("m/unlinked") < 0 ? -errno : expect_missing("m/unlinked");
}

static int check_rename(void)
{
	int r;

	if (rename("m/renamed", "m/new-name") < 0)
		return -errno;
	r = expect_missing("m/renamed");
	return r < 0 ? r : expect_text("m/new-name", "b/renamed");
}

/* The new directory must hide what the lower one has. */
static int check_replace_directory(void)
{
	if (unlink("m/replaced/old") < 0 || rmdir("m/replaced") < 0 ||
	    mkdir("m/replaced", 0700) < 0)
		return -errno;
	return expect_missing("m/replaced/old");
}

static int check_copy_up(void)
{
	auto_close int fd = open("m/appended", O_WRONLY | O_APPEND | O_CLOEXEC);
	int r;

	if (fd < 0)
		return -errno;
	r = file_write_all(fd, "+", 1);
	return r < 0 ? r : expect_text("m/appended", "b/appended+");
}

static int check_create(void)
{
	int r = make_file("m/created", "new");

	return r < 0 ? r : expect_text("m/created", "new");
}

static const struct {
	int (*check)(void);
	const char *what;
} checks[] = {
	{ check_read, "read from both lower layers" },
	{ check_unlink, "delete a file of a lower layer" },
	{ check_rename, "rename a file of a lower layer" },
	{ check_replace_directory, "replace a directory of a lower layer" },
	{ check_copy_up, "append to a file of a lower layer" },
	{ check_create, "create a file" },
};

int trial_exercise(struct trial_record *record)
{
	for (size_t i = 0; i < ARRAY_SIZE(checks); i++) {
		int r = checks[i].check();

		if (r < 0)
			return trial_failed(record, TRI_NO, -r, "%s", checks[i].what);
	}
	return 0;
}

int trial_check_types(struct trial_record *record)
{
	const struct dirent *entry;
	bool unknown = false;
	DIR *dir = opendir("u");

	if (!dir)
		return trial_failed(record, TRI_NO, errno, "list a directory");
	while ((entry = readdir(dir)))
		if (entry->d_type == DT_UNKNOWN && strcmp(entry->d_name, ".") != 0 &&
		    strcmp(entry->d_name, "..") != 0)
			unknown = true;
	(void) closedir(dir);
	if (unknown)
		return trial_failed(record, TRI_NO, ENOTSUP,
				    "directory listings give no file types (d_type)");
	return 0;
}
