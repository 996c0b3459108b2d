/* SPDX-License-Identifier: Apache-2.0 */
#include "busy.h"

#include <ctype.h>
#include <dirent.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>

#include "dind/file.h"
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

void busy_describe(const char *path, char *buf, size_t size)
{
	DIR *proc = opendir("/proc");
	struct dirent *entry;
	int named = 0;

	buf[0] = '\0';
	if (!proc)
		return;
	while (named < BUSY_MAX_NAMED && (entry = readdir(proc))) {
		auto_close int process = -EBADF;
		size_t used = strlen(buf);
		char comm[32];

		if (!isdigit((unsigned char) entry->d_name[0]))
			continue;
		process = openat(dirfd(proc), entry->d_name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
		if (process < 0 || !uses(process, path) ||
		    file_read_at(process, "comm", comm, sizeof(comm)) <= 0)
			continue;
		comm[strcspn(comm, "\n")] = '\0';
		(void) snprintf(buf + used, size - used, "%spid %s (%s)", used ? ", " : "",
				entry->d_name, comm);
		named++;
	}
	(void) closedir(proc);
}
