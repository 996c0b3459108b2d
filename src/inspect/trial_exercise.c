/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A test mount alone proves little: engines' own probes pass on file systems whose overlay fails at
 * the first deletion. So do what building and running images does to layers.
 */
#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "dind/file.h"
#include "trial.h"

#define MAX_LISTED 64

/* ---- the lower layers ----
 */

int trial_make_file(const char *path, const char *text)
{
	auto_close int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);

	return fd < 0 ? -errno : file_write_all(fd, text, strlen(text));
}

int trial_populate(struct trial_record *record)
{
	static const char *const directories[] = { "a", "b",	  "u",	    "w",
						   "m", "a/both", "b/both", "b/moved" };
	static const char *const files[] = { "a/both/upper",  "b/both/lower", "b/unlinked",
					     "b/renamed",     "b/appended",   "b/linked",
					     "b/moved/inside" };
	int r;

	for (size_t i = 0; i < ARRAY_SIZE(directories); i++)
		if (mkdir(directories[i], 0700) < 0)
			return trial_failed(record, TRI_NO, errno, "make a directory");
	for (size_t i = 0; i < ARRAY_SIZE(files); i++) {
		r = trial_make_file(files[i], files[i]);
		if (r < 0)
			return trial_failed(record, TRI_NO, -r, "write a file");
	}
	return trial_populate_files(record);
}

/* ---- what is seen ----
 */

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

/* How many entries @path lists, and how many of them without a type. 0 or negative errno. */
static int list(const char *path, int *ret_entries, int *ret_untyped)
{
	DIR *dir = opendir(path);
	const struct dirent *entry;
	int entries = 0, untyped = 0;
	int r;

	if (!dir)
		return -errno;
	errno = 0;
	while (entries < MAX_LISTED && (entry = readdir(dir))) {
		if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0)
			continue;
		entries++;
		untyped += entry->d_type == DT_UNKNOWN;
	}
	r = -errno;
	(void) closedir(dir);
	if (r < 0)
		return r;
	*ret_entries = entries;
	*ret_untyped = untyped;
	return 0;
}

/* A lower entry that shines through would be one too many, one that is lost one too few. */
static int expect_entries(const char *path, int expected)
{
	int entries = 0, untyped = 0;
	int r = list(path, &entries, &untyped);

	if (r < 0)
		return r;
	return entries == expected ? 0 : -EIO;
}

/* ---- the checks, in the order in which they are made ----
 * Few files for all of them: each costs the start a creation and a removal on the user's disk.
 */

static int check_read(void)
{
	int r = expect_text("m/both/upper", "a/both/upper");

	return r < 0 ? r : expect_text("m/both/lower", "b/both/lower");
}

static int check_merge(void)
{
	return expect_entries("m/both", 2);
}

static int check_unlink(void)
{
	return unlink("m/unlinked") < 0 ? -errno : expect_missing("m/unlinked");
}

/* From one directory to another, as package managers and installers do. */
static int check_rename(void)
{
	int r;

	if (rename("m/renamed", "m/both/new-name") < 0)
		return -errno;
	r = expect_missing("m/renamed");
	if (r == 0)
		r = expect_text("m/both/new-name", "b/renamed");
	return r < 0 ? r : expect_entries("m/both", 3);
}

static int append(const char *path)
{
	auto_close int fd = open(path, O_WRONLY | O_APPEND | O_CLOEXEC);

	return fd < 0 ? -errno : file_write_all(fd, "+", 1);
}

static int check_copy_up(void)
{
	int r = append("m/appended");

	return r < 0 ? r : expect_text("m/appended", "b/appended+");
}

/* Both names stay one file: what is written by one is read by the other. */
static int check_link(void)
{
	int r;

	if (link("m/linked", "m/both/link") < 0)
		return -errno;
	r = append("m/both/link");
	return r < 0 ? r : expect_text("m/linked", "b/linked+");
}

/* The new directory must hide what the lower ones have. */
static int check_replace_directory(void)
{
	static const char *const entries[] = { "m/both/upper", "m/both/lower", "m/both/new-name",
					       "m/both/link" };
	int r;

	for (size_t i = 0; i < ARRAY_SIZE(entries); i++)
		if (unlink(entries[i]) < 0)
			return -errno;
	if (rmdir("m/both") < 0 || mkdir("m/both", 0700) < 0)
		return -errno;
	r = expect_missing("m/both/lower");
	return r < 0 ? r : expect_entries("m/both", 0);
}

/* EXDEV is overlay's answer without redirects, and programs then copy, as between disks. Anything
 * else that is not a success would surprise them. */
static int check_rename_directory(void)
{
	if (rename("m/moved", "m/moved-to") < 0)
		return errno == EXDEV ? expect_text("m/moved/inside", "b/moved/inside") : -errno;
	return expect_text("m/moved-to/inside", "b/moved/inside");
}

/* One that no lower layer has moves as anywhere. */
static int check_rename_new_directory(void)
{
	if (mkdir("m/new", 0700) < 0)
		return -errno;
	if (rename("m/new", "m/both/new") < 0)
		return -errno;
	return expect_entries("m/both", 1);
}

static int check_create(void)
{
	int r = trial_make_file("m/created", "new");

	return r < 0 ? r : expect_text("m/created", "new");
}

static const struct {
	int (*check)(void);
	const char *what;
} checks[] = {
	{ check_read, "read from both lower layers" },
	{ check_merge, "list a directory of both lower layers" },
	{ check_unlink, "delete a file of a lower layer" },
	{ check_rename, "rename a file of a lower layer" },
	{ check_copy_up, "append to a file of a lower layer" },
	{ check_link, "link to a file of a lower layer" },
	{ check_replace_directory, "replace a directory of a lower layer" },
	{ check_rename_directory, "rename a directory of a lower layer" },
	{ check_rename_new_directory, "rename a new directory" },
	{ check_create, "create a file" },
};

int trial_exercise(struct trial_record *record)
{
	for (size_t i = 0; i < ARRAY_SIZE(checks); i++) {
		int r = checks[i].check();

		if (r < 0)
			return trial_failed(record, TRI_NO, -r, "%s", checks[i].what);
	}
	return trial_exercise_files(record);
}

int trial_check_types(const char *const *directories, size_t n, struct trial_record *record)
{
	int entries = 0, untyped = 0;

	for (size_t i = 0; i < n; i++) {
		int r = list(directories[i], &entries, &untyped);

		if (r < 0)
			return trial_failed(record, TRI_NO, -r, "list a directory");
		if (untyped)
			return trial_failed(record, TRI_NO, ENOTSUP,
					    "directory listings give no file types (d_type)");
	}
	return 0;
}
