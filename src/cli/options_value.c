/* SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>
#include <string.h>

#include "dind/str.h"
#include "options_parse.h"
#include "words.h"

static int refuse_value(struct parse *parse, const char *origin, const char *text,
			const char *remedy)
{
	return parse_refuse(parse, "DIND-USAGE-03", remedy, "%s: '%s' is no value for it", origin,
			    text);
}

static int read_flag(struct parse *parse, const char *origin, const char *text, bool *ret_value)
{
	static const char *const yes[] = { "1", "yes", "true", "on" };
	static const char *const no[] = { "0", "no", "false", "off" };

	for (size_t i = 0; i < ARRAY_SIZE(yes); i++) {
		if (strcmp(text, yes[i]) == 0 || strcmp(text, no[i]) == 0) {
			*ret_value = strcmp(text, yes[i]) == 0;
			return 0;
		}
	}
	return refuse_value(parse, origin, text, "use yes or no");
}

int parse_path(struct parse *parse, const char *origin, const char *text, const char **ret_path)
{
	struct strings parts = STRINGS_INIT;

	if (text[0] != '/')
		return parse_refuse(parse, "DIND-USAGE-03", "write the whole path, from / on",
				    "%s: '%s' is a relative path", origin, text);
	words_split(&parse->cli->arena, text, "/", &parts);
	*ret_path = "";
	for (size_t i = 0; i < parts.count; i++) {
		/* where ".." leads depends on symbolic links */
		if (strcmp(parts.items[i], "..") == 0)
			return parse_refuse(parse, "DIND-USAGE-03", "write the path without ..",
					    "%s: '%s' contains ..", origin, text);
		if (strcmp(parts.items[i], ".") != 0)
			*ret_path = arena_printf(&parse->cli->arena, "%s/%s", *ret_path,
						 parts.items[i]);
	}
	if (!**ret_path)
		return parse_refuse(parse, "DIND-USAGE-03", "name a directory or file below /",
				    "%s: '%s' is the root directory", origin, text);
	return 0;
}

static int read_size(struct parse *parse, const struct option_spec *spec, const char *origin,
		     const char *text, uint64_t *ret_bytes)
{
	char low[32], high[32];
	uint64_t bytes = 0;

	if (str_parse_size(text, &bytes) < 0)
		return refuse_value(parse, origin, text,
				    "use a whole number with K, M, G or T, such as 40G");
	if (bytes < spec->min || bytes > spec->max)
		return refuse_value(parse, origin, text,
				    arena_printf(&parse->cli->arena, "use %s to %s",
						 str_format_size(spec->min, low, sizeof(low)),
						 str_format_size(spec->max, high, sizeof(high))));
	*ret_bytes = bytes;
	return 0;
}

static int read_seconds(struct parse *parse, const struct option_spec *spec, const char *origin,
			const char *text, int *ret_ms)
{
	int seconds = 0;

	if (str_parse_int(text, (int) spec->min, (int) spec->max, &seconds) < 0)
		return refuse_value(parse, origin, text,
				    arena_printf(&parse->cli->arena,
						 "use a whole number of seconds, %d to %d",
						 (int) spec->min, (int) spec->max));
	*ret_ms = seconds * 1000;
	return 0;
}

static int read_word(struct parse *parse, const struct option_spec *spec, const char *origin,
		     const char *text, int *ret_value)
{
	struct strings known = STRINGS_INIT;

	for (const struct option_word *w = spec->words; w->word; w++)
		strings_add(&parse->cli->arena, &known, w->word);
	for (const struct option_word *w = spec->words; w->word; w++) {
		if (strcmp(w->word, text) != 0)
			continue;
		*ret_value = w->value;
		return 0;
	}
	return refuse_value(parse, origin, text,
			    arena_printf(&parse->cli->arena, "use one of: %s",
					 strings_join(&parse->cli->arena, &known, ", ")));
}

static int read_rungs(struct parse *parse, const char *origin, const char *text)
{
	struct options *options = &parse->cli->options;
	struct strings words = STRINGS_INIT;
	size_t n = 0;

	words_split(&parse->cli->arena, text, ", \t\n", &words);
	if (words.count == 0)
		return refuse_value(parse, origin, text, "name at least one way, such as as-is");
	for (size_t i = 0; i < words.count; i++) {
		enum storage_rung rung = options_rung_from_name(words.items[i]);

		if (rung == RUNG_VOLUME)
			return refuse_value(parse, origin, words.items[i],
					    "use --storage-path DIR: it always comes first");
		if (rung == RUNG_NONE)
			return refuse_value(parse, origin, words.items[i],
					    "use some of: as-is, loop, tmpfs, fuse, vfs");
		for (size_t j = 0; j < n; j++)
			if (options->rungs[j] == rung)
				return parse_refuse(parse, "DIND-USAGE-03", "name each way once",
						    "%s names %s twice", origin, words.items[i]);
		options->rungs[n++] = rung;
	}
	options->rungs[n] = RUNG_NONE;
	options->storage_given = true;
	return 0;
}

static int read_log(struct parse *parse, const char *origin, const char *text)
{
	struct options *options = &parse->cli->options;

	if (strcmp(text, "stderr") == 0)
		options->engine_log = ENGINE_LOG_STDERR;
	else if (strcmp(text, "none") == 0)
		options->engine_log = ENGINE_LOG_NONE;
	else if (str_has_prefix(text, "file:"))
		options->engine_log = ENGINE_LOG_FILE;
	else
		return refuse_value(parse, origin, text, "use stderr, none or file:PATH");
	if (options->engine_log == ENGINE_LOG_FILE)
		return parse_path(parse, origin, text + strlen("file:"), &options->engine_log_path);
	return 0;
}

/* The words go where the scan of dockerd's flags finds them. */
static int read_arguments(struct parse *parse, enum option_source source, const char *origin,
			  const char *text)
{
	struct strings words = STRINGS_INIT;
	/* COMMAND's come after these */
	struct strings *list =
		source == SOURCE_FLAG ? &parse->dockerd_flag_args : &parse->dockerd_variable_args;

	if (words_split_shell(&parse->cli->arena, text, &words) < 0)
		return parse_refuse(parse, "DIND-USAGE-10",
				    "close every ' and \", and write \\\\ for a backslash",
				    "%s: a quote is left open in: %s", origin, text);
	for (size_t i = 0; source == SOURCE_FLAG && i < list->count; i++)
		strings_add(&parse->cli->arena, &words, list->items[i]);
	*list = words;
	return 0;
}

static int read_hosts(struct parse *parse, const struct strings *texts)
{
	struct options *options = &parse->cli->options;

	for (size_t i = 0; i < texts->count; i++) {
		bool known = false;

		for (size_t j = 0; j < options->n_hosts; j++)
			known = known || strcmp(options->hosts[j], texts->items[i]) == 0;
		if (known)
			continue;
		if (options->n_hosts == OPTIONS_MAX_HOSTS)
			return parse_refuse(parse, "DIND-USAGE-09", "leave some out",
					    "more than %d listeners", OPTIONS_MAX_HOSTS);
		options->hosts[options->n_hosts++] = texts->items[i];
	}
	return 0;
}

static int read_number(struct parse *parse, const struct option_spec *spec, const char *origin,
		       const char *text, int *ret_number)
{
	if (str_parse_int(text, (int) spec->min, (int) spec->max, ret_number) < 0)
		return refuse_value(parse, origin, text,
				    arena_printf(&parse->cli->arena, "use a whole number, %d to %d",
						 (int) spec->min, (int) spec->max));
	return 0;
}

static int read_percent(struct parse *parse, const struct option_spec *spec, const char *origin,
			const char *text, int *ret_number)
{
	size_t n = strcspn(text, "%");

	if (text[n] && text[n + 1])
		return refuse_value(parse, origin, text, "use a percentage such as 90");
	return read_number(parse, spec, origin, arena_strndup(&parse->cli->arena, text, n),
			   ret_number);
}

static int read_list(struct parse *parse, enum option_type type, const char *origin,
		     const struct strings *texts, const char *const **ret_list)
{
	struct strings list = STRINGS_INIT;

	for (size_t i = 0; i < texts->count; i++) {
		const char *item = texts->items[i], *wrong;

		if (!*item)
			return refuse_value(parse, origin, item, "leave the option out");
		wrong = parse_judge_word(type, item);
		if (wrong)
			return refuse_value(parse, origin, item, wrong);
		if (type == OPTION_PATHS && parse_path(parse, origin, item, &item) < 0)
			return -EINVAL;
		if (!strings_has(&list, item))
			strings_add(&parse->cli->arena, &list, item);
	}
	*ret_list = list.items;
	return 0;
}

static int read_endpoint(struct parse *parse, const char *origin, const char *text,
			 const char **ret_text)
{
	bool local = str_has_prefix(text, "unix:///") && text[strlen("unix:///")];
	bool tcp = str_has_prefix(text, "tcp://") && text[strlen("tcp://")];

	if (!local && !tcp)
		return refuse_value(parse, origin, text, "use unix:///PATH or tcp://HOST:PORT");
	*ret_text = text;
	return 0;
}

static int read_text(struct parse *parse, const char *origin, const char *text,
		     const char **ret_text)
{
	if (!*text)
		return refuse_value(parse, origin, text, "leave the option out");
	*ret_text = text;
	return 0;
}

int parse_value(struct parse *parse, int index)
{
	const struct option_spec *spec = &option_table[index];
	const struct strings *texts = &parse->texts[index];
	void *field = (char *) parse->cli + spec->offset;
	const char *text, *origin;

	if (texts->count == 0)
		return 0;
	text = texts->items[texts->count - 1]; /* the last one counts */
	origin = parse_origin(parse, index);
	switch (spec->type) {
	case OPTION_FLAG:
		return read_flag(parse, origin, text, field);
	case OPTION_TEXT:
	case OPTION_FILE:
		return read_text(parse, origin, text, field);
	case OPTION_PATH:
		return parse_path(parse, origin, text, field);
	case OPTION_SIZE:
		return read_size(parse, spec, origin, text, field);
	case OPTION_SECONDS:
		return read_seconds(parse, spec, origin, text, field);
	case OPTION_WORD:
		return read_word(parse, spec, origin, text, field);
	case OPTION_NUMBER:
		return read_number(parse, spec, origin, text, field);
	case OPTION_PERCENT:
		return read_percent(parse, spec, origin, text, field);
	case OPTION_PATHS:
	case OPTION_TEXTS:
	case OPTION_MIRRORS:
	case OPTION_REGISTRIES:
	case OPTION_ADDRESSES:
	case OPTION_POOLS:
		return read_list(parse, spec->type, origin, texts, field);
	case OPTION_ENDPOINT:
		return read_endpoint(parse, origin, text, field);
	case OPTION_HOSTS:
		return read_hosts(parse, texts);
	case OPTION_RUNGS:
		return read_rungs(parse, origin, text);
	case OPTION_LOG:
		return read_log(parse, origin, text);
	case OPTION_ARGUMENTS:
		return read_arguments(parse, parse->sources[index], origin, text);
	}
	return 0;
}
