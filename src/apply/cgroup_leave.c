/* SPDX-License-Identifier: Apache-2.0 */
/*
 * cgroup_leave.c - take back what the nesting made: groups of inner containers that the engine
 * left, the controllers, the leaf. An outer runtime would remove them with the container; where
 * there is none (a subreaper, a shared group of a pod) nobody else does.
 */
#include "steps.h"

#include <dirent.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>

#include "cgroup_procs.h"
#include "dind/file.h"

#define LEAVE_MAX_DEPTH	 16
#define LEAVE_MAX_GROUPS 10000 /* over all: 100 ms */
#define LEAVE_PASSES	 3     /* processes that fork while they are moved */

struct leave {
	int root;
	const char *leaf;
	char engine[NAME_MAX + 1]; /* the group of the engine's groups */
	size_t visited;
	size_t left;   /* groups that still have processes */
	size_t others; /* groups beside the engine's */
};

/* The first name of @parent below @group; dockerd's own choice when that is not there. */
static void name_engine(struct leave *leave, const char *group, const char *parent)
{
	size_t n = strlen(group);

	if (parent && strncmp(parent, group, n) == 0 && parent[n] == '/')
		parent += n + 1;
	else
		parent = "docker";
	(void) snprintf(leave->engine, sizeof(leave->engine), "%.*s", (int) strcspn(parent, "/"),
			parent);
}

/* Bottom up; a group that is in use stays, and those above it. */
static void remove_below(struct leave *leave, int parent, int depth)
{
	int own = openat(parent, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *dir = own < 0 ? NULL : fdopendir(own);
	struct dirent *entry;

	if (!dir) {
		fd_close(&own);
		return;
	}
	while ((entry = readdir(dir)) && leave->visited < LEAVE_MAX_GROUPS) {
		auto_close int child = -EBADF;

		if (entry->d_type != DT_DIR || entry->d_name[0] == '.' ||
		    (depth == 0 && strcmp(entry->d_name, leave->leaf) == 0))
			continue;
		if (depth == 0 && strcmp(entry->d_name, leave->engine) != 0) {
			leave->others++;
			continue;
		}
		leave->visited++;
		child = openat(parent, entry->d_name,
			       O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
		if (child >= 0 && depth < LEAVE_MAX_DEPTH)
			remove_below(leave, child, depth + 1);
		if (unlinkat(parent, entry->d_name, AT_REMOVEDIR) < 0 && errno != ENOENT)
			leave->left++;
	}
	(void) closedir(dir);
}

/* A group can hold processes again when it hands on nothing. */
static int take_back_controllers(const struct leave *leave)
{
	char enabled[512], text[512], *rest = NULL, *word;
	size_t used = 0;
	ssize_t n = file_read_at(leave->root, "cgroup.subtree_control", enabled, sizeof(enabled));

	if (n < 0)
		return (int) n;
	for (word = strtok_r(enabled, " \n", &rest); word; word = strtok_r(NULL, " \n", &rest)) {
		int r = snprintf(text + used, sizeof(text) - used, "%s-%s", used ? " " : "", word);

		if (r < 0 || (size_t) r >= sizeof(text) - used)
			return -ENAMETOOLONG;
		used += (size_t) r;
	}
	return used ? file_write_at(leave->root, "cgroup.subtree_control", text) : 0;
}

static int move_back(const struct leave *leave)
{
	struct cgroup_procs procs;
	char path[PATH_MAX], pid[16];
	int r = apply_format(path, sizeof(path), "%s/cgroup.procs", leave->leaf);

	for (int pass = 0; r == 0 && pass < LEAVE_PASSES; pass++) {
		r = cgroup_procs_read(leave->root, path, &procs);
		if (r < 0 || procs.n_pids == 0)
			return r;
		for (size_t i = 0; i < procs.n_pids; i++) {
			(void) snprintf(pid, sizeof(pid), "%d", (int) procs.pids[i]);
			r = file_write_at(leave->root, "cgroup.procs", pid);
			if (r < 0 && r != -ESRCH)
				return r;
			r = 0;
		}
	}
	return r;
}

int apply_leave_cgroups(const struct apply_context *context, const char *parent, struct error *err)
{
	struct leave leave = { .leaf = context->cgroup_leaf };
	auto_close int root = -EBADF;
	int r;

	if (!context->cgroup_nested || !*context->cgroup_group)
		return 0;
	root = open(context->cgroup_group, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (root < 0)
		return error_set(err, -errno, "open %s", context->cgroup_group);
	leave.root = root;
	name_engine(&leave, context->cgroup_group, parent);
	remove_below(&leave, root, 0);
	if (leave.left)
		return error_set_plain(err, -EBUSY, "%zu groups below %s are still in use",
				       leave.left, context->cgroup_group);
	if (leave.others)
		return error_set_plain(err, -EBUSY, "%zu groups of others are below %s",
				       leave.others, context->cgroup_group);
	r = take_back_controllers(&leave);
	if (r == 0)
		r = move_back(&leave);
	if (r == 0 && unlinkat(root, leave.leaf, AT_REMOVEDIR) < 0)
		r = -errno;
	return r < 0 && r != -ENOENT
		       ? error_set(err, r, "undo the nesting of %s", context->cgroup_group)
		       : 0;
}
