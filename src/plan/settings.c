/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The engine's configuration as a list of settings: each key of daemon.json once, with the value
 * that wins and where it comes from. Values are JSON as text, because the plan has no parser: apply
 * writes them into the effective file.
 */
#include <string.h>

#include "dind/str.h"
#include "planner.h"

/* ---- JSON ---- */

const char *planner_quote(struct planner *p, const char *text)
{
	char *buf = arena_alloc(p->arena, strlen(text) * 6 + 3), *at = buf;
	static const char digits[] = "0123456789ABCDEF";

	*at++ = '"';
	for (; *text; text++) {
		unsigned char c = (unsigned char) *text;

		if (c == '"' || c == '\\') {
			*at++ = '\\';
		} else if (c < 0x20 || c == 0x7f) {
			memcpy(at, "\\u00", 4);
			at += 4;
			*at++ = digits[c >> 4];
			c = (unsigned char) digits[c & 15];
		}
		*at++ = (char) c;
	}
	*at++ = '"';
	*at = '\0';
	return buf;
}

static const char *quoted_list(struct planner *p, const struct strings *list)
{
	struct strings items = STRINGS_INIT;

	for (size_t i = 0; i < list->count; i++)
		strings_add(p->arena, &items, planner_quote(p, list->items[i]));
	return arena_printf(p->arena, "[%s]", strings_join(p->arena, &items, ", "));
}

/* "10.201.0.0/16,24" as {"base": "10.201.0.0/16", "size": 24} */
static const char *pool_object(struct planner *p, const char *pool)
{
	size_t n = strcspn(pool, ",");

	return arena_printf(p->arena, "{\"base\": %s, \"size\": %s}",
			    planner_quote(p, arena_strndup(p->arena, pool, n)),
			    pool[n] ? pool + n + 1 : "0");
}

const char *planner_pools_json(struct planner *p, const struct strings *pools)
{
	struct strings items = STRINGS_INIT;

	for (size_t i = 0; i < pools->count; i++)
		strings_add(p->arena, &items, pool_object(p, pools->items[i]));
	return arena_printf(p->arena, "[%s]", strings_join(p->arena, &items, ", "));
}

/* ---- the list ---- */

static struct plan_setting *find(const struct planner *p, const char *key)
{
	for (size_t i = 0; i < p->plan->n_settings; i++)
		if (str_equal(p->plan->settings[i].key, key))
			return &p->plan->settings[i];
	return NULL;
}

const struct plan_setting *planner_setting(const struct planner *p, const char *key)
{
	return find(p, key);
}

void planner_setting_strings(struct planner *p, const char *key, struct strings *list)
{
	const struct plan_setting *setting = find(p, key);
	const char *at = setting && setting->value ? strchr(setting->value, '"') : NULL;

	while (at) {
		size_t n = strcspn(++at, "\"");

		strings_add(p->arena, list, arena_strndup(p->arena, at, n));
		at += n;
		at = *at ? strchr(at + 1, '"') : NULL;
	}
}

bool planner_is_said(const struct planner *p, const char *key)
{
	const struct plan_setting *setting = find(p, key);

	return setting && setting->origin != ORIGIN_DEFAULT;
}

void planner_set(struct planner *p, const struct plan_setting *setting)
{
	struct plan_setting *known = find(p, setting->key);

	if (p->options->strict_args || (known && known->origin > setting->origin))
		return;
	if (!known)
		known = arena_push(p->arena, (void **) &p->plan->settings, &p->plan->n_settings,
				   sizeof(*known));
	*known = *setting;
}

void planner_unset(struct planner *p, const char *key)
{
	struct plan *plan = p->plan;
	struct plan_setting *known = find(p, key);
	size_t after;

	if (!known)
		return;
	after = (size_t) (plan->settings + plan->n_settings - known) - 1;
	memmove(known, known + 1, after * sizeof(*known));
	plan->n_settings--;
}

/* ---- what is ours where nobody says anything ---- */

void planner_default_json(struct planner *p, const char *key, const char *json, const char *why)
{
	const struct plan_setting setting = {
		.key = key, .value = json, .origin = ORIGIN_DEFAULT, .from = why
	};

	planner_set(p, &setting);
}

void planner_default_text(struct planner *p, const char *key, const char *value, const char *why)
{
	planner_default_json(p, key, planner_quote(p, value), why);
}

void planner_default_number(struct planner *p, const char *key, int64_t value, const char *why)
{
	planner_default_json(p, key, arena_printf(p->arena, "%lld", (long long) value), why);
}

void planner_default_bool(struct planner *p, const char *key, bool value, const char *why)
{
	planner_default_json(p, key, value ? "true" : "false", why);
}

void planner_default_strings(struct planner *p, const char *key, const struct strings *values,
			     const char *why)
{
	planner_default_json(p, key, quoted_list(p, values), why);
}

void planner_default_pools(struct planner *p, const struct strings *pools, const char *why)
{
	planner_default_json(p, "default-address-pools", planner_pools_json(p, pools), why);
}

/* ---- what an option says ---- */

void planner_option_json(struct planner *p, const char *key, const char *option, const char *json)
{
	const struct options_origin *origin = options_find_origin(p->options, option);
	const struct plan_setting setting = {
		.key = key,
		.value = json,
		.origin = origin && origin->variable ? ORIGIN_VARIABLE : ORIGIN_OPTION,
		.from = origin ? origin->from : arena_printf(p->arena, "--%s", option),
	};

	planner_set(p, &setting);
}

/* Bytes that follow the first one of a character of UTF-8; -1: it cannot be the first. */
static int bytes_behind(unsigned char c)
{
	if (c < 0x80)
		return 0;
	if (c < 0xc2 || c >= 0xf5)
		return -1;
	return c < 0xe0 ? 1 : c < 0xf0 ? 2 : 3;
}

/* Paths may be any bytes, JSON may not. */
static bool is_utf8(const char *text)
{
	while (*text) {
		int more = bytes_behind((unsigned char) *text++);

		if (more < 0)
			return false;
		for (; more > 0; more--)
			if (((unsigned char) *text++ & 0xc0) != 0x80)
				return false;
	}
	return true;
}

void planner_option_text(struct planner *p, const char *key, const char *option, const char *value)
{
	if (value && is_utf8(value))
		planner_option_json(p, key, option, planner_quote(p, value));
	else if (value)
		planner_refuse(p, CODE_ENGINE_TEXT, STATUS_CONFIG, "use a name in UTF-8",
			       "the %s is not written in UTF-8, and dockerd's configuration is",
			       key);
}

void planner_option_strings(struct planner *p, const char *key, const char *option,
			    const struct strings *values)
{
	planner_option_json(p, key, option, quoted_list(p, values));
}
