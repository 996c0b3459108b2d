/* SPDX-License-Identifier: Apache-2.0 */
#include "busy.h"

#include <dirent.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>

#include "dind/file.h"
#include "dind/process.h"
#include "dind/str.h"

#define BUSY_MAX_NAMED 3
#define BUSY_MAX_FDS   256

static bool leads_below(int dir, const char *link, const char *path)
{
	char target[PATH_MAX];

	return file_readlink_at(dir, link, target, sizeof(target)) > 0 &&
	       str_path_is_below(target, path);
}

static bool has_file_below(int process, const char *path)
{
	int fd = openat(process, "fd", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *dir = fd < 0 ? NULL : fdopendir(fd);
	struct dirent *entry;
	bool found = false;

	if (!dir) {
		fd_close(&fd);
		return false;
	}
	for (int i = 0; !found && i < BUSY_MAX_FDS && (entry = readdir(dir)); i++)
		found = leads_below(dirfd(dir), entry->d_name, path);
	(void) closedir(dir);
	return found;
}

static bool uses(int process, const char *path)
{
	return leads_below(process, "cwd", path) || leads_below(process, "root", path) ||
	       leads_below(process, "exe", path) || has_file_below(process, path);
}

struct busy {
	const char *path;
	char *buf;
	size_t size;
	int named;
};

static bool name_user(void *context, int pid, int process)
{
	struct busy *busy = context;
	size_t used = strlen(busy->buf);
	char comm[32];

	if (!uses(process, busy->path) || file_read_at(process, "comm", comm, sizeof(comm)) <= 0)
		return true;
	comm[strcspn(comm, "\n")] = '\0';
	(void) snprintf(busy->buf + used, busy->size - used, "%spid %d (%s)", used ? ", " : "", pid,
			comm);
	return ++busy->named < BUSY_MAX_NAMED;
}

void busy_describe(const char *path, char *buf, size_t size)
{
	struct busy busy = { .path = path, .buf = buf, .size = size };

	buf[0] = '\0';
	(void) process_each(name_user, &busy);
}
