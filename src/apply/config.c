/* SPDX-License-Identifier: Apache-2.0 */
/* config.c - the daemon.json that the engine reads: the user's without the keys that we took over,
 * because dockerd refuses a directive that is both there and a flag. */
#include "steps.h"

#include <fcntl.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "dind/file.h"

#define CONFIG_MAX_BYTES (1U << 20)

#define auto_arena __attribute__((cleanup(arena_free)))

static void json_unref(json_t **json)
{
	json_decref(*json);
}

/* dockerd takes a byte order mark, JSON does not. */
static const char *skip_mark(const char *text)
{
	return strncmp(text, "\xef\xbb\xbf", 3) == 0 ? text + 3 : text;
}

static bool is_current(const char *path, const char *text, struct arena *arena)
{
	char *old;

	return file_slurp_at(AT_FDCWD, path, CONFIG_MAX_BYTES, arena, &old) == 0 &&
	       strcmp(old, text) == 0;
}

int apply_config(const struct plan_step *step, struct error *err)
{
	const char *source = step->u.config.source, *target = step->u.config.target;
	__attribute__((cleanup(json_unref))) json_t *config = NULL;
	auto_arena struct arena arena = ARENA_INIT;
	auto_free char *dumped = NULL;
	json_error_t where;
	char *text, *line;
	int r;

	r = file_slurp_at(AT_FDCWD, source, CONFIG_MAX_BYTES, &arena, &text);
	if (r < 0)
		return error_set(err, r, "read %s", source);
	config = json_loads(skip_mark(text), JSON_REJECT_DUPLICATES, &where);
	if (!config)
		return error_set_plain(err, -EINVAL, "%s: line %d column %d: %s", source,
				       where.line, where.column, where.text);
	if (!json_is_object(config))
		return error_set_plain(err, -EINVAL, "%s holds no JSON object", source);
	for (const char *const *key = step->u.config.drop; key && *key; key++)
		(void) json_object_del(config, *key); /* one that is not there is no problem */
	dumped = json_dumps(config, JSON_INDENT(2) | JSON_PRESERVE_ORDER);
	if (!dumped)
		return error_set(err, -ENOMEM, "write %s", target);
	line = arena_printf(&arena, "%s\n", dumped);
	if (is_current(target, line, &arena))
		return 0;
	r = file_replace(target, line, 0600); /* it may hold a proxy's password */
	return r < 0 ? error_set(err, r, "write %s", target) : 0;
}
