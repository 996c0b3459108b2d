/* SPDX-License-Identifier: Apache-2.0 */
/* mountinfo.h - what is mounted where, read by libmount from /proc/self/mountinfo. */
#ifndef APPLY_MOUNTINFO_H
#define APPLY_MOUNTINFO_H

#include <limits.h>
#include <sys/types.h>

#include "dind/arena.h"
#include "dind/error.h"

struct mountinfo_entry {
	int id, parent;
	bool shared; /* with peers, here or in other mount namespaces, or with nobody yet */
	dev_t device;
	unsigned long flags; /* MS_* of the mount, not of its superblock */
	const char *target;
	const char *root;
	const char *fstype;
	const char *source; /* "" without one */
};

struct mountinfo {
	struct mountinfo_entry *entries; /* in the kernel's order: later ones lie on earlier ones */
	size_t n_entries;
};

/* Read the table into @arena. */
int mountinfo_read(struct arena *arena, struct mountinfo *ret_table, struct error *err);

/* The topmost mount at @target, which must be canonical; NULL: not a mount point. */
const struct mountinfo_entry *mountinfo_at(const struct mountinfo *table, const char *target);

/* The mount with that id; NULL: it is not in this table. */
const struct mountinfo_entry *mountinfo_by_id(const struct mountinfo *table, int id);

/* The mount that @path, which must be canonical, lies on; of a mount point that mount itself. */
const struct mountinfo_entry *mountinfo_of(const struct mountinfo *table, const char *path);

/* True if the mount with that id is still there. */
bool mountinfo_has_id(const struct mountinfo *table, int id);

#endif
