/* SPDX-License-Identifier: Apache-2.0 */
#include "cgroup_procs.h"

#include <ctype.h>
#include <fcntl.h>
#include <string.h>

#include "dind/file.h"

/* Called for each number of the list; false ends it. */
typedef bool (*procs_visit)(pid_t pid, void *data);

static int visit_procs(int dirfd, const char *path, procs_visit visit, void *data)
{
	auto_close int fd = openat(dirfd, path, O_RDONLY | O_CLOEXEC);
	bool in_number = false;
	pid_t pid = 0;
	char buf[4096];
	ssize_t n;

	if (fd < 0)
		return -errno;
	for (;;) {
		n = read(fd, buf, sizeof(buf));
		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return n < 0 ? -errno : 0;
		for (ssize_t i = 0; i < n; i++) {
			if (isdigit((unsigned char) buf[i])) {
				pid = pid * 10 + (buf[i] - '0');
				in_number = true;
			} else if (in_number) {
				if (!visit(pid, data))
					return 0;
				pid = 0;
				in_number = false;
			}
		}
	}
}

static bool collect(pid_t pid, void *data)
{
	struct cgroup_procs *procs = data;

	if (pid == 0)
		procs->n_zeros++;
	else
		procs->pids[procs->n_pids++] = pid;
	return procs->n_pids < ARRAY_SIZE(procs->pids);
}

int cgroup_procs_read(int dirfd, const char *path, struct cgroup_procs *ret_procs)
{
	ret_procs->n_pids = 0;
	ret_procs->n_zeros = 0;
	return visit_procs(dirfd, path, collect, ret_procs);
}

struct search {
	pid_t pid;
	bool found;
};

static bool match(pid_t pid, void *data)
{
	struct search *search = data;

	search->found = pid == search->pid;
	return !search->found;
}

int cgroup_procs_has(int dirfd, const char *path, pid_t pid, bool *ret_has)
{
	struct search search = { pid, false };
	int r = visit_procs(dirfd, path, match, &search);

	if (r == 0)
		*ret_has = search.found;
	return r;
}

bool cgroup_procs_own_group(char *buf, size_t size)
{
	char text[16384];
	const char *line;
	size_t n;

	if (file_read_at(AT_FDCWD, "/proc/self/cgroup", text, sizeof(text)) <= 0)
		return false;
	line = strncmp(text, "0::/", 4) == 0 ? text : strstr(text, "\n0::/");
	if (!line)
		return false;
	line = strchr(line, '/');
	n = strcspn(line, "\n");
	if (n >= size)
		return false;
	memcpy(buf, line, n);
	buf[n] = '\0';
	return true;
}
