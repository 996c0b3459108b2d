/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Mirrors and insecure registries for builders of BuildKit's own: `docker buildx create` starts a
 * container whose buildkitd reads a file that the client hands it, and nothing of dockerd's. It is
 * for whoever COMMAND runs as, so it lies beside our runtime directory, not in it.
 */
#include <string.h>

#include "dind/str.h"
#include "planner.h"

#define BUILDKIT_FILE "/run/dind-buildkitd.toml"

/* "mirror:5000/hub" of "http://mirror:5000/hub/" */
static const char *without_scheme(struct planner *p, const char *url)
{
	const char *at = strstr(url, "://");
	size_t n;

	at = at ? at + strlen("://") : url;
	for (n = strlen(at); n > 0 && at[n - 1] == '/';)
		n--;
	return arena_strndup(p->arena, at, n);
}

static const char *host_of(struct planner *p, const char *url)
{
	const char *name = without_scheme(p, url);

	return arena_strndup(p->arena, name, strcspn(name, "/"));
}

static bool is_plain(struct planner *p, const struct strings *mirrors, const char *host)
{
	for (size_t i = 0; i < mirrors->count; i++)
		if (str_has_prefix(mirrors->items[i], "http://") &&
		    str_equal(host_of(p, mirrors->items[i]), host))
			return true;
	return false;
}

/* A table of TOML may be there once only. */
static const char *build(struct planner *p, const struct strings *mirrors,
			 const struct strings *insecure)
{
	struct strings hosts = STRINGS_INIT, names = STRINGS_INIT;
	const char *text = "# What dockerd is told of registries, for `docker buildx create "
			   "--config`.\n";

	for (size_t i = 0; i < mirrors->count; i++) {
		const char *host = host_of(p, mirrors->items[i]);

		strings_add(p->arena, &names,
			    planner_quote(p, without_scheme(p, mirrors->items[i])));
		if (!strings_has(&hosts, host))
			strings_add(p->arena, &hosts, host);
	}
	for (size_t i = 0; i < insecure->count; i++)
		if (!strings_has(&hosts, insecure->items[i]))
			strings_add(p->arena, &hosts, insecure->items[i]);
	if (names.count)
		text = arena_printf(p->arena, "%s\n[registry.\"docker.io\"]\nmirrors = [%s]\n",
				    text, strings_join(p->arena, &names, ", "));
	for (size_t i = 0; i < hosts.count; i++) {
		bool plain = is_plain(p, mirrors, hosts.items[i]);

		if (str_equal(hosts.items[i], "docker.io"))
			continue;
		if (plain || strings_has(insecure, hosts.items[i]))
			text = arena_printf(
				p->arena, "%s\n[registry.%s]\n%s%s", text,
				planner_quote(p, hosts.items[i]), plain ? "http = true\n" : "",
				strings_has(insecure, hosts.items[i]) ? "insecure = true\n" : "");
	}
	return text;
}

void plan_registries_step(struct planner *p)
{
	struct strings mirrors = STRINGS_INIT, all = STRINGS_INIT, insecure = STRINGS_INIT;
	struct plan_step *step;

	planner_setting_strings(p, "registry-mirrors", &mirrors);
	planner_setting_strings(p, "insecure-registries", &all);
	for (size_t i = 0; i < all.count; i++) /* BuildKit knows names only */
		if (!strchr(all.items[i], '/'))
			strings_add(p->arena, &insecure, all.items[i]);
	if (!mirrors.count && !insecure.count)
		return;
	step = planner_step(p, STEP_FILE, "buildkitd",
			    "builders of `docker buildx create` do not read dockerd's "
			    "configuration: --config " BUILDKIT_FILE);
	step->u.file.path = BUILDKIT_FILE;
	step->u.file.content = build(p, &mirrors, &insecure);
	step->u.file.mode = 0644;
	planner_or_degrade(step, CODE_ENGINE_BUILDKIT, "a configuration for builders of BuildKit's",
			   "take away what is in the way at " BUILDKIT_FILE
			   ", or give them a file of your own");
}
