/* SPDX-License-Identifier: Apache-2.0 */
/*
 * subjects.h - what is inspected, one function and one file per subject. Private to inspect.
 *
 * Each fills its part of facts->facts and may use the parts filled before it; inspect_machine() has
 * the order. What cannot be found out stays unknown.
 */
#ifndef DIND_INSPECT_SUBJECTS_H
#define DIND_INSPECT_SUBJECTS_H

#include <grp.h>

#include "dind/inspect.h"

struct inspection {
	const struct inspect_world *world;
	const struct options *options;
	struct arena *arena;
	struct facts *facts;
};

/* These two can fail: without /proc there is nothing to plan with. */
int inspect_mounts(const struct inspection *in, struct error *err);
int inspect_privileges(const struct inspection *in, struct error *err);

void inspect_cgroups(const struct inspection *in); /* after mounts */
void inspect_lsm(const struct inspection *in);	   /* after mounts */
void inspect_engine(const struct inspection *in);  /* after mounts */
void inspect_storage(const struct inspection *in); /* after mounts and engine */
void inspect_pool(const struct inspection *in);	   /* after mounts */
void inspect_network(const struct inspection *in);
void inspect_limits(const struct inspection *in);   /* after cgroups */
void inspect_identity(const struct inspection *in); /* after mounts, cgroups and engine */
void inspect_reach(const struct inspection *in);    /* after mounts and engine */

/* ---- network_outside.c: parts of inspect_network() ---- */

/* Is there a default route, what is its MTU, which ranges are reached from here? */
void inspect_network_routes(const struct inspection *in);
void inspect_network_name_servers(const struct inspection *in);

/* ---- shared between subjects, implemented by storage.c ---- */

/* All that is known about a directory that the user named; a helper looks where it could hang. */
void inspect_directory(const struct inspection *in, const char *path,
		       struct facts_directory *directory);

/* ---- shared between subjects, implemented by identity.c ---- */

/* Call @look for each entry of /etc/group, in order, until it returns false. What it is given is
 * gone when it returns. */
void inspect_each_group(const struct inspection *in,
			bool (*look)(const struct group *entry, void *context), void *context);

/* ---- shared between subjects, implemented by mounts.c ---- */

/* A server elsewhere, or another program, answers for this file system and can hang us. Unknown for
 * types that we have never heard of. */
enum tri mounts_type_is_remote(const char *fstype);

/* False where looking at @prefix could hang. For world_walk(); @context is struct facts. */
bool mounts_may_touch(const char *prefix, const void *context);

/* Read-only by the mount's or by the file system's options. */
bool mounts_is_read_only(const struct facts_mount *mount);

/* How long a helper may look at a path that could hang. */
#define INSPECT_HELPER_TIMEOUT_MS 2000

#endif
