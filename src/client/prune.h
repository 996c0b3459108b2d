/* SPDX-License-Identifier: Apache-2.0 */
/* prune.h - space from what nobody uses. */
#ifndef CLIENT_PRUNE_H
#define CLIENT_PRUNE_H

#include "engine.h"

/* True when there is enough space again. NULL: never, all of the steps are taken. */
typedef bool (*prune_enough)(void *data);

enum prune_extent {
	PRUNE_LEFTOVERS, /* untagged images, build cache that was not used for @age_s */
	PRUNE_ALL, /* then all build cache, then unused images older than @age_s, oldest first */
};

/* *@ret_bytes is what the engine says it has won. */
int prune_run(const struct engine *engine, enum prune_extent extent, int age_s, prune_enough enough,
	      void *data, int64_t deadline_ms, uint64_t *ret_bytes, struct error *err);

/* No container runs, nothing is built, and nothing happened in the last @idle_s seconds. */
int prune_is_idle(const struct engine *engine, int idle_s, bool *ret_idle, struct error *err);

#endif
