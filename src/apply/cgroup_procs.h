/* SPDX-License-Identifier: Apache-2.0 */
/* cgroup_procs.h - the list of processes of a v2 group. */
#ifndef APPLY_CGROUP_PROCS_H
#define APPLY_CGROUP_PROCS_H

#include <stddef.h>
#include <sys/types.h>

#include "dind/base.h"

/* Where the nesting puts us: the leaf of our plans, and of other engines that do the same. */
#define CGROUP_LEAF "init"

struct cgroup_procs {
	pid_t pids[1024];
	size_t n_pids;	/* at most what fits: the list is read again after those were moved */
	size_t n_zeros; /* processes outside our pid namespace */
};

/* Read the list at @path, relative to @dirfd. 0 or a negative errno (EOPNOTSUPP: threaded). */
int cgroup_procs_read(int dirfd, const char *path, struct cgroup_procs *ret_procs);

/* Is @pid in the list at @path, relative to @dirfd? */
int cgroup_procs_has(int dirfd, const char *path, pid_t pid, bool *ret_has);

/* Our v2 group as our namespace shows it, "/" and so on. False: none, or no room for it. */
bool cgroup_procs_own_group(char *buf, size_t size);

#endif
