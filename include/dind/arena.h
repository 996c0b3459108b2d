/* SPDX-License-Identifier: Apache-2.0 */
/*
 * arena.h - memory that lives as long as a phase.
 *
 * Facts and plans are full of small strings with one lifetime. Each allocation is a malloc of its
 * own on a list, so that the sanitizers still see overflows and use after free; arena_free() gives
 * all back. Out of memory aborts with a message: before the engine runs there is nothing to save,
 * and supervise does not allocate.
 */
#ifndef DIND_ARENA_H
#define DIND_ARENA_H

#include <stdarg.h>

#include "dind/base.h"

struct arena_block;

struct arena {
	struct arena_block *blocks;
};

#define ARENA_INIT   \
	{            \
		NULL \
	}

/* Zeroed memory of @size bytes, aligned for any type. Never NULL. */
void *arena_alloc(struct arena *arena, size_t size) __attribute__((returns_nonnull));

/* Copy of @s; NULL gives NULL. */
char *arena_strdup(struct arena *arena, const char *s);
char *arena_strndup(struct arena *arena, const char *s, size_t n);

/* Formatted string. Never NULL. */
char *arena_printf(struct arena *arena, const char *fmt, ...) DIND_PRINTF(2, 3);
char *arena_vprintf(struct arena *arena, const char *fmt, va_list ap) DIND_PRINTF(2, 0);

/* A list of strings that grows in an arena; items[count] is always NULL once something was added.
 */
struct strings {
	const char **items;
	size_t count;
	size_t capacity;
};

#define STRINGS_INIT       \
	{                  \
		NULL, 0, 0 \
	}

void strings_add(struct arena *arena, struct strings *list, const char *s);
bool strings_has(const struct strings *list, const char *s);
/* "a b c", or "" for an empty list. */
char *strings_join(struct arena *arena, const struct strings *list, const char *separator);

/*
 * Grow an array in @arena by one zeroed element of @size bytes: *@items is replaced and *@count
 * raised. Returns the new element. Pointers to older elements become stale.
 */
void *arena_push(struct arena *arena, void **items, size_t *count, size_t size);

void arena_free(struct arena *arena);

#endif
