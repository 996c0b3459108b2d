/* SPDX-License-Identifier: Apache-2.0 */
/*
 * pool.h - upkeep of a pool of cache slots: <pool>/slot-N, each locked by flock(2) on
 * <slot>/.dind-lock while an engine uses it. Every engine's watcher does it, at the same time too.
 */
#ifndef CLIENT_POOL_H
#define CLIENT_POOL_H

#include "dind/error.h"

#define POOL_LOCK   ".dind-lock"
#define POOL_RECORD ".dind-slot.json"

/* What a pass has found and done. */
struct pool_result {
	size_t slots, free, measured, emptied;
	uint64_t bytes; /* of all slots, afterwards; those in use as they were measured last */
};

/*
 * Measure the slots that are free, and ours (@keep, NULL: none), write <slot>/.dind-slot.json; when
 * the sum is above @limit (0: none) empty free ones, least recently used first, under their lock.
 * @keep is never emptied. What cannot be removed is logged, and no failure.
 */
int pool_upkeep(const char *pool, uint64_t limit, const char *keep, struct pool_result *ret_result,
		struct error *err);

#endif
