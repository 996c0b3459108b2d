/* SPDX-License-Identifier: Apache-2.0 */
/* The one directory that a trial may write to. */
#include <dirent.h>
#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/mount.h>
#include <sys/random.h>
#include <sys/stat.h>

#include "dind/str.h"
#include "trial.h"

#define MAX_DEPTH   16
#define MAX_ENTRIES 10000 /* a trial makes some twenty */

/* ---- removal ----
 */

struct removal {
	int depth;
	int budget;
};

static int remove_tree(int directory, const char *name, struct removal *removal);

static int remove_entries(int fd, struct removal *removal)
{
	const struct dirent *entry;
	DIR *dir = fdopendir(fd);
	int r = 0;

	if (!dir) {
		r = -errno;
		(void) close(fd);
		return r;
	}
	while (r == 0 && (entry = readdir(dir)))
		if (strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0)
			r = remove_tree(dirfd(dir), entry->d_name, removal);
	(void) closedir(dir);
	return r;
}

/* Recursion is bounded by depth, and by the number of entries. */
static int remove_tree(int directory, const char *name,
		       struct removal *removal) // NOLINT(misc-no-recursion)
{
	int fd, r;

	if (removal->budget-- <= 0 || removal->depth >= MAX_DEPTH)
		return -E2BIG;
	if (unlinkat(directory, name, 0) == 0)
		return 0;
	if (errno != EISDIR && errno != EPERM)
		return errno == ENOENT ? 0 : -errno;
	fd = openat(directory, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0)
		return errno == ENOENT ? 0 : -errno;
	removal->depth++;
	r = remove_entries(fd, removal);
	removal->depth--;
	if (r == 0 && unlinkat(directory, name, AT_REMOVEDIR) < 0)
		r = -errno;
	return r;
}

int trial_scratch_remove(int directory, const char *name)
{
	struct removal removal = { .depth = 0, .budget = MAX_ENTRIES };

	return remove_tree(directory, name, &removal);
}

int trial_scratch_work(const void *context, void *record)
{
	const struct trial_context *trial = context;
	auto_close int directory = open(trial->path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	(void) record;
	return directory < 0 ? -errno : trial_scratch_remove(directory, trial->scratch);
}

/* What trials left that were killed together with their parent, in an earlier life of the
 * container. Another engine's running trial holds its lock. */
static void remove_stale(int directory)
{
	auto_close int fd = openat(directory, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	const struct dirent *entry;
	DIR *dir;

	if (fd < 0)
		return;
	dir = fdopendir(fd);
	if (!dir)
		return;
	(void) fd_take(&fd);
	while ((entry = readdir(dir))) {
		auto_close int stale = -EBADF;

		if (!str_has_prefix(entry->d_name, TRIAL_SCRATCH_PREFIX))
			continue;
		stale = openat(directory, entry->d_name,
			       O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
		if (stale >= 0 && flock(stale, LOCK_EX | LOCK_NB) == 0)
			(void) trial_scratch_remove(directory, entry->d_name);
	}
	(void) closedir(dir);
}

/* ---- making ----
 */

static int random_name(char *name, size_t size)
{
	static const char letters[] = "abcdefghijklmnopqrstuvwxyz012345";
	unsigned char bytes[6];
	char suffix[sizeof(bytes) + 1];

	if (getrandom(bytes, sizeof(bytes), GRND_NONBLOCK) != (ssize_t) sizeof(bytes))
		return -EAGAIN;
	for (size_t i = 0; i < sizeof(bytes); i++)
		suffix[i] = letters[bytes[i] % (sizeof(letters) - 1)];
	suffix[sizeof(bytes)] = '\0';
	(void) snprintf(name, size, "%s%s", TRIAL_SCRATCH_PREFIX, suffix);
	return 0;
}

int trial_scratch_make(int directory, struct trial_record *record)
{
	int r = 0;

	remove_stale(directory);
	for (int attempt = 0; attempt < 8; attempt++) {
		auto_close int fd = -EBADF;
		struct stat st;

		r = random_name(record->scratch, sizeof(record->scratch));
		if (r < 0)
			break;
		if (mkdirat(directory, record->scratch, 0700) < 0) {
			r = -errno;
			if (r == -EEXIST)
				continue;
			break;
		}
		fd = openat(directory, record->scratch,
			    O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
		if (fd < 0) {
			r = -errno; /* -ENOENT: somebody's remove_stale() was quicker */
			continue;
		}
		/* Best effort: not every file system has locks. */
		(void) flock(fd, LOCK_EX | LOCK_NB);
		if (fstat(fd, &st) == 0 && st.st_nlink > 0)
			return fd_take(&fd);
		r = -ESTALE;
	}
	record->scratch[0] = '\0';
	return r;
}

/* ---- a trial's surroundings ----
 */

int trial_enter(const struct trial_context *context, struct trial_record *record,
		int *ret_directory, int *ret_lock)
{
	auto_close int directory = -EBADF;
	auto_close int scratch = -EBADF;
	int r;

	/* Before anything is opened: a descriptor stays in the namespace that it was opened in. */
	if (unshare(CLONE_NEWNS) < 0)
		return trial_failed(record, TRI_UNKNOWN, errno, "unshare the mount namespace");
	if (mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0)
		return trial_failed(record, TRI_UNKNOWN, errno, "make mounts private");
	directory = open(context->path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (directory < 0)
		return trial_failed(record, TRI_NO, errno, "open the directory");
	scratch = trial_scratch_make(directory, record);
	if (scratch < 0)
		return trial_failed(record, TRI_NO, -scratch, "make a scratch directory");
	if (fchdir(scratch) < 0)
		r = trial_failed(record, TRI_NO, errno, "enter the scratch directory");
	else
		r = trial_populate(record);
	if (r < 0) {
		trial_leave(directory, record);
		return r;
	}
	*ret_directory = fd_take(&directory);
	*ret_lock = fd_take(&scratch);
	return 0;
}

void trial_leave(int directory, const struct trial_record *record)
{
	if (umount2("m", 0) < 0 && errno == EBUSY)
		(void) umount2("m", MNT_DETACH);
	(void) trial_scratch_remove(directory, record->scratch);
}
