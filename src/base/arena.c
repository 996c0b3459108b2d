/* SPDX-License-Identifier: Apache-2.0 */
#include "dind/arena.h"

#include <stdio.h>
#include <string.h>

struct arena_block {
	struct arena_block *next;
	max_align_t data[];
};

static __attribute__((noreturn)) void out_of_memory(void)
{
	static const char text[] =
		"dind-init: error: DIND-BASE-01: out of memory while preparing; raise the "
		"container's memory limit\n";

	if (write(STDERR_FILENO, text, sizeof(text) - 1) < 0)
		_exit(STATUS_OSERR);
	_exit(STATUS_OSERR);
}

void *arena_alloc(struct arena *arena, size_t size)
{
	struct arena_block *block;

	if (size > SIZE_MAX / 2)
		out_of_memory();
	block = calloc(1, sizeof(*block) + (size ? size : 1));
	if (!block)
		out_of_memory();
	block->next = arena->blocks;
	arena->blocks = block;
	return block->data;
}

char *arena_strndup(struct arena *arena, const char *s, size_t n)
{
	size_t len;
	char *copy;

	if (!s)
		return NULL;
	len = strnlen(s, n);
	copy = arena_alloc(arena, len + 1);
	memcpy(copy, s, len);
	return copy;
}

char *arena_strdup(struct arena *arena, const char *s)
{
	return s ? arena_strndup(arena, s, strlen(s)) : NULL;
}

char *arena_vprintf(struct arena *arena, const char *fmt, va_list ap)
{
	va_list again;
	char *text;
	int n;

	va_copy(again, ap);
	n = vsnprintf(NULL, 0, fmt, ap);
	if (n < 0)
		out_of_memory();
	text = arena_alloc(arena, (size_t) n + 1);
	(void) vsnprintf(text, (size_t) n + 1, fmt, again);
	va_end(again);
	return text;
}

char *arena_printf(struct arena *arena, const char *fmt, ...)
{
	va_list ap;
	char *text;

	va_start(ap, fmt);
	text = arena_vprintf(arena, fmt, ap);
	va_end(ap);
	return text;
}

void strings_add(struct arena *arena, struct strings *list, const char *s)
{
	if (list->count + 1 >= list->capacity) {
		size_t capacity = list->capacity ? list->capacity * 2 : 8;
		const char **items = arena_alloc(arena, capacity * sizeof(*items));

		if (list->count)
			memcpy(items, list->items, list->count * sizeof(*items));
		list->items = items;
		list->capacity = capacity;
	}
	list->items[list->count++] = arena_strdup(arena, s);
	list->items[list->count] = NULL;
}

bool strings_has(const struct strings *list, const char *s)
{
	for (size_t i = 0; i < list->count; i++)
		if (strcmp(list->items[i], s) == 0)
			return true;
	return false;
}

char *strings_join(struct arena *arena, const struct strings *list, const char *separator)
{
	size_t size = 1, used = 0;
	char *text;

	for (size_t i = 0; i < list->count; i++)
		size += strlen(list->items[i]) + strlen(separator);
	text = arena_alloc(arena, size);
	for (size_t i = 0; i < list->count; i++) {
		int n = snprintf(text + used, size - used, "%s%s", i ? separator : "",
				 list->items[i]);

		used += n > 0 ? (size_t) n : 0;
	}
	return text;
}

void *arena_push(struct arena *arena, void **items, size_t *count, size_t size)
{
	/* Lists here are short (mounts, steps); copying on every push keeps the type of a list a
	 * plain pointer. */
	char *grown = arena_alloc(arena, (*count + 1) * size);

	if (*count)
		memcpy(grown, *items, *count * size);
	*items = grown;
	return grown + size * (*count)++;
}

void arena_free(struct arena *arena)
{
	while (arena->blocks) {
		struct arena_block *block = arena->blocks;

		arena->blocks = block->next;
		free(block);
	}
}
