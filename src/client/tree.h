/* SPDX-License-Identifier: Apache-2.0 */
/* tree.h - directory trees of any size: measured and emptied, never across a mount. */
#ifndef CLIENT_TREE_H
#define CLIENT_TREE_H

#include "dind/error.h"

/* What could not be looked at or removed: the first of them, and how many. */
struct tree_trouble {
	size_t count;
	struct error first;
};

/*
 * Disk space of all below @dirfd, in bytes: blocks, so a sparse file counts what it really has. A
 * file with several names counts once for each; images' layers have few of these.
 */
uint64_t tree_measure(int dirfd, struct tree_trouble *trouble);

/*
 * Remove all below @dirfd but the entry @keep (NULL: none) of @dirfd itself. What cannot be removed
 * (immutable, a mount point, a btrfs subvolume with something in it) stays and is in @trouble.
 */
void tree_empty(int dirfd, const char *keep, struct tree_trouble *trouble);

#endif
