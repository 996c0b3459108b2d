/* SPDX-License-Identifier: Apache-2.0 */
/* Finds its way by strings and brackets; what stands between them it leaves to who reads it next.
 */
#include "json_text.h"

#include <stdbool.h>
#include <string.h>

#include "dind/base.h"
#include "dind/str.h"

static const char *skip_blank(const char *at)
{
	return at + strspn(at, " \t\r\n");
}

/* @at is its first quote. What follows the last one; NULL: there is none. */
static const char *skip_string(const char *at)
{
	for (at++; *at != '"'; at++) {
		at += strcspn(at, "\"\\");
		if (*at == '"')
			break;
		if (!*at || !*++at)
			return NULL;
	}
	return at + 1;
}

/* What follows the value; NULL: it does not end. */
static const char *skip_value(const char *at)
{
	size_t depth = 0;

	do {
		at = skip_blank(at);
		if (*at == '"') {
			at = skip_string(at);
		} else if (*at == '{' || *at == '[') {
			depth++;
			at++;
		} else if (depth && (*at == '}' || *at == ']')) {
			depth--;
			at++;
		} else if (depth && (*at == ',' || *at == ':')) {
			at++;
		} else {
			size_t n = strcspn(at, "\"{}[],: \t\r\n");

			at = n ? at + n : NULL;
		}
	} while (at && depth);
	return at;
}

/* A member of an object, or the place where one can be added. */
struct place {
	const char *value; /* NULL: there is none */
	const char *close; /* the object's bracket */
	bool empty;	   /* it has no members at all */
};

static int find(const char *object, const char *name, struct place *ret_place)
{
	struct place place = { .empty = true };
	const char *at, *key;
	bool comma = false;

	if (*object != '{')
		return -EINVAL;
	for (at = skip_blank(object + 1); *at == '"'; at = skip_blank(at + 1)) {
		place.empty = false;
		key = at + 1;
		at = skip_string(at);
		if (!at)
			return -EINVAL;
		if ((size_t) (at - 1 - key) == strlen(name) && str_has_prefix(key, name))
			place.value = key; /* for now; its colon is not seen yet */
		at = skip_blank(at);
		if (*at != ':')
			return -EINVAL;
		at = skip_blank(at + 1);
		if (place.value == key)
			place.value = at;
		at = skip_value(at);
		if (!at)
			return -EINVAL;
		at = skip_blank(at);
		comma = *at == ',';
		if (!comma)
			break;
	}
	if (comma || *at != '}')
		return -EINVAL;
	place.close = at;
	*ret_place = place;
	return 0;
}

static bool is_null(const char *value)
{
	return str_has_prefix(value, "null");
}

/* As deep as there is something: *@ret_depth names were followed, and the last of them may be
 * missing. */
static int descend(const char *text, const char *const *path, size_t depth, size_t *ret_depth,
		   struct place *ret_place)
{
	const char *object = skip_blank(text);
	struct place place = { .empty = true };
	size_t i = 0;
	int r;

	do {
		r = find(object, path[i], &place);
		if (r == 0 && i == 0 && *skip_blank(place.close + 1))
			r = -EINVAL;
		if (r < 0)
			return r;
		object = place.value;
		i++;
	} while (i < depth && object && !is_null(object));
	*ret_depth = i;
	*ret_place = place;
	return 0;
}

int json_text_find(const char *text, const char *const *path, size_t depth, const char **ret_value)
{
	struct place place;
	size_t reached;
	int r = descend(text, path, depth, &reached, &place);

	if (r < 0)
		return r;
	*ret_value = place.value && !is_null(place.value) ? place.value : NULL;
	return 0;
}

int json_text_set(struct arena *arena, const char *text, const char *const *path, size_t depth,
		  int64_t value, const char **ret_text)
{
	const char *new = arena_printf(arena, "%lld", (long long) value), *from, *to;
	struct place place;
	size_t reached;
	int r = descend(text, path, depth, &reached, &place);

	if (r < 0)
		return r;
	for (size_t i = depth; i > reached; i--)
		new = arena_printf(arena, "{\"%s\":%s}", path[i - 1], new);
	from = to = place.close;
	if (place.value) {
		from = place.value;
		to = skip_value(from);
	} else {
		new = arena_printf(arena, "%s\"%s\":%s", place.empty ? "" : ",", path[reached - 1],
				   new);
	}
	*ret_text = arena_printf(arena, "%.*s%s%s", (int) (from - text), text, new, to);
	return 0;
}
