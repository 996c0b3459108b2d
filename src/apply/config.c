/* SPDX-License-Identifier: Apache-2.0 */
/*
 * config.c - the daemon.json that the engine reads: the user's, without the keys that something
 * else takes the place of, with what the plan adds. At the start, and again at each SIGHUP.
 */
#include "steps.h"

#include <fcntl.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "child.h"
#include "dind/file.h"
#include "dind/str.h"

#define CONFIG_MAX_BYTES (1U << 20)
#define CHECK_TIMEOUT_MS 5000

#define auto_arena __attribute__((cleanup(arena_free)))
#define auto_json  __attribute__((cleanup(json_unref)))

static void json_unref(json_t **json)
{
	json_decref(*json);
}

/* dockerd takes a byte order mark, JSON does not. */
static const char *skip_mark(const char *text)
{
	return strncmp(text, "\xef\xbb\xbf", 3) == 0 ? text + 3 : text;
}

/* *@ret_config is a new reference. A file that is not there, or empty, says nothing. */
static int read_source(const struct plan_step *step, struct arena *arena, json_t **ret_config,
		       struct error *err)
{
	const char *source = step->u.config.source, *begin;
	auto_json json_t *config = NULL;
	json_error_t where;
	char *text = NULL;
	int r = source ? file_slurp_at(AT_FDCWD, source, CONFIG_MAX_BYTES, arena, &text) : -ENOENT;

	if ((r == -ENOENT || r == -ENOTDIR) && !step->u.config.required)
		text = arena_strdup(arena, "");
	else if (r < 0)
		return error_set(err, r, "read %s", source);
	begin = skip_mark(text);
	if (begin[strspn(begin, " \t\r\n")] == '\0')
		begin = "{}";
	config = json_loads(begin, JSON_REJECT_DUPLICATES, &where);
	if (!config)
		return error_set_plain(err, -EINVAL, "%s: line %d column %d: %s", source,
				       where.line, where.column, where.text);
	if (!json_is_object(config))
		return error_set_plain(err, -EINVAL, "%s holds no JSON object", source);
	*ret_config = json_incref(config);
	return 0;
}

static int add_setting(json_t *config, const struct plan_setting *setting, struct error *err)
{
	json_t *value;

	if (setting->by_flag || setting->origin == ORIGIN_FILE)
		return 0;
	/* the file may have learned about it since the plan was made */
	if (setting->origin == ORIGIN_DEFAULT && json_object_get(config, setting->key))
		return 0;
	value = json_loads(setting->value, JSON_DECODE_ANY | JSON_REJECT_DUPLICATES, NULL);
	if (!value)
		return error_set_plain(err, -EINVAL, "the value of %s is no JSON: %s", setting->key,
				       setting->value);
	(void) json_object_del(config, setting->key); /* so that it comes last */
	return json_object_set_new(config, setting->key, value) < 0
		       ? error_set(err, -ENOMEM, "add %s", setting->key)
		       : 0;
}

/* What the target is to hold, in the arena. */
static int merge(const struct plan_step *step, struct arena *arena, char **ret_text,
		 struct error *err)
{
	auto_json json_t *config = NULL;
	auto_free char *dumped = NULL;
	int r = read_source(step, arena, &config, err);

	if (r < 0)
		return r;
	for (const char *const *key = step->u.config.drop; key && *key; key++)
		(void) json_object_del(config, *key); /* one that is not there is no problem */
	for (size_t i = 0; r == 0 && i < step->u.config.n_settings; i++)
		r = add_setting(config, &step->u.config.settings[i], err);
	if (r < 0)
		return r;
	dumped = json_dumps(config, JSON_INDENT(2) | JSON_PRESERVE_ORDER);
	if (!dumped) {
		(void) error_set(err, -ENOMEM, "write %s", step->u.config.target);
		return -ENOMEM;
	}
	*ret_text = arena_printf(arena, "%s\n", dumped);
	return 0;
}

static bool is_current(const char *path, const char *text, struct arena *arena)
{
	char *old;

	return file_slurp_at(AT_FDCWD, path, CONFIG_MAX_BYTES, arena, &old) == 0 &&
	       strcmp(old, text) == 0;
}

static int write_config(const char *path, const char *text, struct error *err)
{
	int r = file_replace(path, text, 0600); /* it may hold a proxy's password */

	return r < 0 ? error_set(err, r, "write %s", path) : 0;
}

int apply_config(const struct plan_step *step, struct error *err)
{
	const char *target = step->u.config.target;
	auto_arena struct arena arena = ARENA_INIT;
	char *text;
	int r = merge(step, &arena, &text, err);

	if (r < 0 || is_current(target, text, &arena))
		return r;
	return write_config(target, text, err);
}

/* ---- again, while the engine runs ---- */

/*
 * dockerd itself, if it has --validate (from 23 on), with the arguments that it runs with. One that
 * has not says so, one may hang on a busy machine: then it reads the file as it always did.
 */
static int check(const char *const *argv, const char *target, const char *candidate,
		 struct error *err)
{
	auto_arena struct arena arena = ARENA_INIT;
	struct strings words = STRINGS_INIT;
	struct error said = ERROR_INIT;
	int r;

	strings_add(&arena, &words, argv[0]);
	strings_add(&arena, &words, "--validate");
	for (const char *const *word = argv + 1; *word; word++)
		strings_add(&arena, &words, str_equal(*word, target) ? candidate : *word);
	r = child_run(words.items, CHECK_TIMEOUT_MS, 0, &said);
	if (r == 0 || r == -ETIMEDOUT || strstr(said.message, "--help"))
		return 0;
	return error_set_plain(err, r, "%s", said.message);
}

int apply_reload(const struct plan_step *step, const char *const *argv, struct error *err)
{
	const char *target = step->u.config.target;
	auto_arena struct arena arena = ARENA_INIT;
	const char *candidate = arena_printf(&arena, "%s.new", target);
	char *text;
	int r = merge(step, &arena, &text, err);

	if (r < 0)
		return r;
	r = write_config(candidate, text, err);
	if (r == 0)
		r = check(argv, target, candidate, err);
	if (r == 0 && rename(candidate, target) < 0)
		r = error_set(err, -errno, "write %s", target);
	if (r < 0)
		(void) unlink(candidate);
	return r;
}
