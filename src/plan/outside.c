/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How the engine reaches registries: the authorities that it trusts besides the system's, and what
 * it does not ask a proxy for. Both by its environment, as every program in Go has it;
 * /etc/docker/certs.d is dockerd's own and needs nothing of us.
 */
#include <string.h>

#include "dind/str.h"
#include "planner.h"

#define CA_DIRECTORY DIND_RUN_DIR "/ca"
#define CA_BUNDLE    CA_DIRECTORY "/engine.pem"
/* crypto/x509 of Go: where it looks unless it is told */
#define CA_DEFAULTS "/etc/ssl/certs:/etc/pki/tls/certs"

/* ---- authorities ---- */

void plan_ca_steps(struct planner *p)
{
	struct plan_step *step;

	if (!p->options->engine_ca)
		return;
	step = planner_step(p, STEP_CA, "engine-ca",
			    "the engine trusts these authorities besides those of the system");
	step->u.ca.sources = p->options->engine_ca;
	step->u.ca.target = CA_BUNDLE;
	planner_or_abort(step, CODE_ENGINE_CA, STATUS_CONFIG,
			 "name files of certificates (PEM, BEGIN CERTIFICATE), or directories of "
			 "them");
}

const char *planner_ca_directories(struct planner *p)
{
	const char *given = options_environment(p->options, "SSL_CERT_DIR");

	if (!p->options->engine_ca)
		return given;
	return arena_printf(p->arena, "%s:" CA_DIRECTORY, given && *given ? given : CA_DEFAULTS);
}

/* ---- proxies ---- */

static const char *variable(const struct planner *p, const char *name)
{
	const char *value = options_environment(p->options, name);

	return value && *value ? value : NULL;
}

static bool has_proxy(const struct planner *p)
{
	static const char *const names[] = { "HTTP_PROXY", "HTTPS_PROXY", "http_proxy",
					     "https_proxy" };

	for (size_t i = 0; i < ARRAY_SIZE(names); i++)
		if (variable(p, names[i]))
			return true;
	return false;
}

/* The networks in the value of @key: what has a slash. */
static void add_networks(struct planner *p, struct strings *list, const char *key)
{
	struct strings values = STRINGS_INIT;

	planner_setting_strings(p, key, &values);
	for (size_t i = 0; i < values.count; i++)
		if (strchr(values.items[i], '/') && !strings_has(list, values.items[i]))
			strings_add(p->arena, list, values.items[i]);
}

const char *planner_no_proxy(struct planner *p)
{
	static const char *const always[] = { "localhost", "127.0.0.0/8", "::1" };
	const char *given = variable(p, "NO_PROXY");
	struct strings list = STRINGS_INIT;

	if (!given)
		given = variable(p, "no_proxy");
	if (!has_proxy(p) || str_equal(given, "*"))
		return given;
	if (given)
		strings_add(p->arena, &list, given);
	for (size_t i = 0; i < ARRAY_SIZE(always); i++)
		if (!given || !str_list_has(given, always[i]))
			strings_add(p->arena, &list, always[i]);
	add_networks(p, &list, "bip");
	add_networks(p, &list, "default-address-pools");
	return strings_join(p->arena, &list, ",");
}
