/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The environments of the services. Variables of Docker clients change the daemon (CI systems give
 * one set to all containers of a job), and those of our own protocol are between PID 1 and its
 * parent.
 */
#include <string.h>

#include "dind/str.h"
#include "planner.h"

#define DEFAULT_PATH "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"

struct rule {
	const char *name;
	bool prefix; /* all variables that begin with it */
};

/* What stays out of the engine's. DOCKER_DRIVER is in the plan already, as a flag. */
static const struct rule engine_rules[] = {
	{ "DOCKER_HOST", false },
	{ "DOCKER_TLS_VERIFY", false },
	{ "DOCKER_CERT_PATH", false },
	{ "DOCKER_CONTEXT", false },
	{ "DOCKER_CONFIG", false },
	{ "DOCKER_DRIVER", false },
	{ "NOTIFY_SOCKET", false },
	{ "container", false },
	{ "LISTEN_", true },
	{ "DIND_", true },
	/* with something of ours added */
	{ "SSL_CERT_DIR", false },
	{ "NO_PROXY", false },
	{ "PATH", false },
};

/* What stays out of COMMAND's: settings for TLS break a client of the unix socket. */
static const struct rule workload_rules[] = {
	{ "DOCKER_HOST", false },    { "DOCKER_TLS_VERIFY", false }, { "DOCKER_CERT_PATH", false },
	{ "DOCKER_CONTEXT", false }, { "NOTIFY_SOCKET", false },     { "LISTEN_", true },
};

/* What stays out where the user's own words lead to the engine: our own protocol. */
static const struct rule protocol_rules[] = {
	{ "NOTIFY_SOCKET", false },
	{ "LISTEN_", true },
};

static const struct rule tls_rules[] = {
	{ "DOCKER_TLS_VERIFY", false },
	{ "DOCKER_CERT_PATH", false },
};

/* What --user replaces. */
static const struct rule user_rules[] = {
	{ "HOME", false },
	{ "USER", false },
	{ "LOGNAME", false },
	{ "SHELL", false },
};

static bool matches(const char *variable, const struct rule *rules, size_t n_rules)
{
	for (size_t i = 0; i < n_rules; i++) {
		size_t n = strlen(rules[i].name);

		if (strncmp(variable, rules[i].name, n) == 0 &&
		    (rules[i].prefix || variable[n] == '='))
			return true;
	}
	return false;
}

static void set(struct planner *p, struct strings *list, const char *name, const char *value)
{
	if (value)
		strings_add(p->arena, list, arena_printf(p->arena, "%s=%s", name, value));
}

static const char *const *finish(struct planner *p, struct strings *list)
{
	/* a list that nothing was added to has no NULL at its end */
	if (!options_environment(p->options, "PATH"))
		set(p, list, "PATH", DEFAULT_PATH);
	return list->items;
}

const char *const *planner_engine_environment(struct planner *p)
{
	struct strings list = STRINGS_INIT;

	const char *path = options_environment(p->options, "PATH");

	for (const char *const *e = p->options->environment; e && *e; e++)
		if (!matches(*e, engine_rules, ARRAY_SIZE(engine_rules)))
			strings_add(p->arena, &list, *e);
	set(p, &list, "SSL_CERT_DIR", planner_ca_directories(p));
	set(p, &list, "NO_PROXY", planner_no_proxy(p));
	set(p, &list, "PATH", planner_engine_path(p, path ? path : DEFAULT_PATH));
	/* keeps dockerd, containerd and old runc away from the host's AppArmor policy */
	if (!p->apparmor_seen)
		set(p, &list, "container", "docker");
	set(p, &list, "NOTIFY_SOCKET", DIND_NOTIFY_SOCKET);
	return list.items;
}

/* As a client would be told: an address to bind to is none to connect to. */
static const char *client_url(struct planner *p)
{
	const struct plan_listener *listeners = p->plan->listeners;
	const struct plan_listener *socket = planner_public_socket(p);
	const char *host;

	if (p->plan->mode == MODE_SOCKET)
		return p->plan->outside;
	if (socket)
		return socket->url;
	if (p->plan->n_listeners == 0)
		return NULL;
	host = listeners[0].host;
	if (str_equal(host, "::"))
		return arena_printf(p->arena, "tcp://[::1]:%u", listeners[0].port);
	if (!*host || str_equal(host, "0.0.0.0"))
		return arena_printf(p->arena, "tcp://127.0.0.1:%u", listeners[0].port);
	return listeners[0].url;
}

const char *const *planner_workload_environment(struct planner *p)
{
	const struct facts_identity *identity = &p->facts->identity;
	struct strings list = STRINGS_INIT;
	bool ours = p->plan->n_listeners > 0 || p->plan->mode == MODE_SOCKET;
	bool user = p->plan->workload.launch.set_user;
	bool tcp = p->plan->n_listeners > 0 && !planner_public_socket(p);
	/* certificates of the user's: so is what a client needs */
	bool users_tls = tcp && planner_tls_is_spoken(p) && !planner_tls_is_ours(p);

	for (const char *const *e = p->options->environment; e && *e; e++) {
		/* without listeners of ours only the user knows where dockerd will be */
		if (ours && matches(*e, workload_rules, ARRAY_SIZE(workload_rules)) &&
		    !(users_tls && matches(*e, tls_rules, ARRAY_SIZE(tls_rules))))
			continue;
		if (p->plan->mode == MODE_REMOTE &&
		    matches(*e, protocol_rules, ARRAY_SIZE(protocol_rules)))
			continue;
		if (user && matches(*e, user_rules, ARRAY_SIZE(user_rules)))
			continue;
		strings_add(p->arena, &list, *e);
	}
	set(p, &list, "DOCKER_HOST", client_url(p));
	if (tcp && planner_tls_client(p)) {
		set(p, &list, "DOCKER_TLS_VERIFY", "1");
		set(p, &list, "DOCKER_CERT_PATH", planner_tls_client(p));
	}
	if (user) {
		set(p, &list, "HOME", identity->user_home ? identity->user_home : "/");
		set(p, &list, "USER", identity->user_name);
		set(p, &list, "LOGNAME", identity->user_name);
		set(p, &list, "SHELL", identity->user_shell);
	}
	return finish(p, &list);
}
