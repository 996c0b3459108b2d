/* SPDX-License-Identifier: Apache-2.0 */
/*
 * peers.c - to be alone with a mount. What is mounted on or taken off a shared mount is so for all
 * of its peers, and with `-v …:rshared` (Kubernetes: Bidirectional) one of them is the host's.
 */
#include "steps.h"

#include <sys/mount.h>

#include "mountinfo.h"

#define auto_arena __attribute__((cleanup(arena_free)))

/* Out of its peer group, and into a new one: inner containers may still ask for a share. */
static int part(const char *target, unsigned long how, struct error *err)
{
	if (mount(NULL, target, NULL, how | MS_PRIVATE, NULL) < 0 ||
	    mount(NULL, target, NULL, how | MS_SHARED, NULL) < 0)
		return error_set(err, -errno, "give %s a peer group of its own", target);
	return 0;
}

int apply_part_from_peers(const char *path, struct error *err)
{
	const struct mountinfo_entry *at, *around;
	auto_arena struct arena arena = ARENA_INIT;
	struct mountinfo table;
	int r = mountinfo_read(&arena, &table, err);

	if (r < 0)
		return r;
	at = mountinfo_at(&table, path);
	around = at ? mountinfo_by_id(&table, at->parent) : mountinfo_of(&table, path);
	if (around && around->shared) {
		/* A path leads to the topmost mount only. */
		if (mountinfo_at(&table, around->target) != around)
			return error_set_plain(err, -EBUSY,
					       "%s lies on a shared mount that another one hides",
					       path);
		r = part(around->target, 0, err);
	}
	if (r == 0 && at && at->shared)
		r = part(path, MS_REC, err); /* what is mounted below it goes with it */
	return r;
}
