/* SPDX-License-Identifier: Apache-2.0 */
/* cgroup_fixture.h - a v2 group of our own below the machine's tree, for each test one. */
#ifndef TEST_NS_CGROUP_FIXTURE_H
#define TEST_NS_CGROUP_FIXTURE_H

#include "fixture.h"

static char machine[256]; /* where the machine has its v2 tree */
static char group[300];	  /* ours in it, made for each test */

static UNUSED bool find_tree(void)
{
	static char text[65536];
	char *line, *save = NULL;

	if (file_read_at(AT_FDCWD, "/proc/self/mountinfo", text, sizeof(text)) < 0)
		return false;
	for (line = strtok_r(text, "\n", &save); line; line = strtok_r(NULL, "\n", &save)) {
		char root[128], target[128];

		if (strstr(line, " - cgroup2 ") &&
		    sscanf(line, "%*d %*d %*s %127s %127s", root, target) == 2) {
			(void) snprintf(machine, sizeof(machine), "%s", target);
			return true;
		}
	}
	return false;
}

static UNUSED const char *in_group(const char *name)
{
	static char path[1024];

	(void) snprintf(path, sizeof(path), "%s/%s", group, name);
	return path;
}

/* Groups go bottom up, and only when they are empty. */
static UNUSED int remove_group(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
	(void) st;
	(void) ftw;
	return type == FTW_DP || type == FTW_D ? rmdir(path) : 0;
}

/* Make the group of this test and move into it. */
static UNUSED void enter_group(void)
{
	char pid[16];

	(void) snprintf(pid, sizeof(pid), "%d", (int) getpid());
	(void) snprintf(group, sizeof(group), "%s/dind-test-%s", machine, pid);
	ck_assert_int_eq(mkdir(group, 0755), 0);
	ck_assert_int_eq(file_write_at(AT_FDCWD, in_group("cgroup.procs"), pid), 0);
}

/* Called by the program when all tests are over: their groups are empty by then. */
static UNUSED void remove_groups(void)
{
	DIR *dir = opendir(machine);
	struct dirent *entry;

	while (dir && (entry = readdir(dir))) {
		long pid;
		char *end;

		if (strncmp(entry->d_name, "dind-test-", 10) != 0)
			continue;
		pid = strtol(entry->d_name + 10, &end, 10);
		if (*end || (kill((pid_t) pid, 0) == 0)) /* of another run */
			continue;
		(void) snprintf(group, sizeof(group), "%s/dind-test-%ld", machine, pid);
		(void) nftw(group, remove_group, 32, FTW_DEPTH | FTW_PHYS | FTW_MOUNT);
	}
	if (dir)
		(void) closedir(dir);
}

#endif
