/* SPDX-License-Identifier: Apache-2.0 */
#include "dind/options.h"

#include <string.h>

#include "dind/str.h"

static const char *const rung_names[RUNG_COUNT] = {
	[RUNG_NONE] = "none", [RUNG_VOLUME] = "volume", [RUNG_AS_IS] = "as-is",
	[RUNG_LOOP] = "loop", [RUNG_TMPFS] = "tmpfs",	[RUNG_FUSE] = "fuse",
	[RUNG_VFS] = "vfs",
};

static const char *const mode_names[] = {
	[MODE_AUTO] = "auto",
	[MODE_NESTED] = "nested",
	[MODE_SOCKET] = "socket",
	[MODE_REMOTE] = "remote",
};

const char *options_mode_name(enum options_mode mode)
{
	return (unsigned int) mode < ARRAY_SIZE(mode_names) ? mode_names[mode] : "auto";
}

const char *options_rung_name(enum storage_rung rung)
{
	return (unsigned int) rung < RUNG_COUNT ? rung_names[rung] : "none";
}

enum storage_rung options_rung_from_name(const char *name)
{
	for (enum storage_rung rung = RUNG_VOLUME; rung < RUNG_COUNT; rung++)
		if (str_equal(rung_names[rung], name))
			return rung;
	return RUNG_NONE;
}

const char *options_environment(const struct options *options, const char *name)
{
	size_t n = strlen(name);

	for (const char *const *e = options->environment; e && *e; e++)
		if (strncmp(*e, name, n) == 0 && (*e)[n] == '=')
			return *e + n + 1;
	return NULL;
}

const struct options_origin *options_find_origin(const struct options *options, const char *name)
{
	for (size_t i = 0; i < options->n_origins; i++)
		if (str_equal(options->origins[i].option, name))
			return &options->origins[i];
	return NULL;
}
