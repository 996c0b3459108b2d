/* SPDX-License-Identifier: Apache-2.0 */
/*
 * daemon.json and dockerd's flags. dockerd refuses to start when one directive is in both, even
 * with the same value. So a flag of ours is never added for a key that is in the file; where a flag
 * must win, the effective file is a copy without that key. The user's file is never touched.
 */
#include <string.h>

#include "dind/str.h"
#include "planner.h"

#define EFFECTIVE_CONFIG DIND_RUN_DIR "/daemon.json"

/* Flags whose key has another name. `host` is not among them: it is taken over whole. */
static const struct {
	const char *flag;
	char letter;
	const char *key;
} keys[] = {
	{ "add-runtime", '\0', NULL }, /* the one directive that may be in both */
	{ "authorization-plugin", '\0', "authorization-plugins" },
	{ "bridge", 'b', "bridge" },
	{ "cdi-spec-dir", '\0', "cdi-spec-dirs" },
	{ "config-file", '\0', NULL },
	{ "data-root", '\0', "data-root" },
	{ "debug", 'D', "debug" },
	{ "default-address-pool", '\0', "default-address-pools" },
	{ "default-network-opt", '\0', "default-network-opts" },
	{ "default-ulimit", '\0', "default-ulimits" },
	{ "dns-opt", '\0', "dns-opts" },
	{ "exec-opt", '\0', "exec-opts" },
	{ "feature", '\0', "features" },
	{ "graph", 'g', "graph" },
	{ "group", 'G', "group" },
	{ "host-gateway-ip", '\0', "host-gateway-ips" },
	{ "insecure-registry", '\0', "insecure-registries" },
	{ "label", '\0', "labels" },
	{ "log-level", 'l', "log-level" },
	{ "log-opt", '\0', "log-opts" },
	{ "node-generic-resource", '\0', "node-generic-resources" },
	{ "pidfile", 'p', "pidfile" },
	{ "registry-mirror", '\0', "registry-mirrors" },
	{ "storage-driver", 's', "storage-driver" },
	{ "storage-opt", '\0', "storage-opts" },
};

bool planner_has_key(const struct planner *p, const char *key)
{
	return strings_has(&p->facts->engine.config_keys, key);
}

static bool is_flag(const char *arg, const char *name, char letter)
{
	size_t n = strlen(name);

	if (arg[0] != '-')
		return false;
	if (arg[1] == '-')
		return strncmp(arg + 2, name, n) == 0 && (arg[n + 2] == '\0' || arg[n + 2] == '=');
	/* short flags may have their value glued on: -sb, -Dl debug is not dockerd's custom */
	return letter && arg[1] == letter;
}

bool planner_has_flag(const struct planner *p, const char *name, char letter)
{
	for (const char *const *arg = p->options->dockerd_args; arg && *arg; arg++)
		if (is_flag(*arg, name, letter))
			return true;
	return false;
}

const char *planner_flag_value(const struct planner *p, const char *name, char letter)
{
	const char *value = NULL;

	for (const char *const *arg = p->options->dockerd_args; arg && *arg; arg++) {
		const char *equals;

		if (!is_flag(*arg, name, letter))
			continue;
		equals = strchr(*arg, '=');
		if (str_has_prefix(*arg, "--"))
			value = equals ? equals + 1 : arg[1];
		else
			value = (*arg)[2] ? *arg + 2 + ((*arg)[2] == '=') : arg[1];
	}
	return value;
}

static enum tri feature_value(const char *text, const char *name, enum tri before)
{
	size_t n = strlen(name);

	if (!text || strncmp(text, name, n) != 0 || (text[n] != '\0' && text[n] != '='))
		return before;
	return tri_from_bool(!str_equal(text + n, "=false") && !str_equal(text + n, "=0"));
}

enum tri planner_feature(const struct planner *p, const char *name)
{
	enum tri value = TRI_UNKNOWN;

	for (const char *const *arg = p->options->dockerd_args; arg && *arg; arg++) {
		if (str_equal(*arg, "--feature"))
			value = feature_value(arg[1], name, value);
		else if (str_has_prefix(*arg, "--feature="))
			value = feature_value(*arg + strlen("--feature="), name, value);
	}
	return value;
}

/* --flag=WORD, WORD as strconv.ParseBool reads it */
static bool is_switched_off(const char *arg)
{
	static const char *const words[] = { "0", "f", "F", "false", "FALSE", "False" };
	const char *equals = strchr(arg, '=');

	for (size_t i = 0; equals && i < ARRAY_SIZE(words); i++)
		if (str_equal(equals + 1, words[i]))
			return true;
	return false;
}

bool planner_is_on(const struct planner *p, const char *name)
{
	bool on = false;

	/* as in dockerd, the last one counts */
	for (const char *const *arg = p->options->dockerd_args; arg && *arg; arg++)
		if (is_flag(*arg, name, '\0'))
			on = !is_switched_off(*arg);
	return on;
}

static void drop_key(struct planner *p, const char *key)
{
	if (planner_has_key(p, key) && !strings_has(&p->drop, key))
		strings_add(p->arena, &p->drop, key);
}

/* The key of one of the user's flags, or NULL when @arg is a value or has none. */
static const char *key_of(struct planner *p, const char *arg)
{
	for (size_t i = 0; i < ARRAY_SIZE(keys); i++)
		if (is_flag(arg, keys[i].flag, keys[i].letter))
			return keys[i].key;
	if (!str_has_prefix(arg, "--"))
		return NULL;
	return arena_strndup(p->arena, arg + 2, strcspn(arg + 2, "="));
}

static void drop_for_flags(struct planner *p)
{
	for (const char *const *arg = p->options->dockerd_args; arg && *arg; arg++) {
		const char *key = key_of(p, *arg);

		if (!key)
			continue;
		drop_key(p, key);
		/* two names of one directive, by version */
		if (str_equal(key, "data-root"))
			drop_key(p, "graph");
		if (str_equal(key, "host-gateway-ips"))
			drop_key(p, "host-gateway-ip");
	}
}

/* An option that says something else than the file wins; one that says the same adds nothing. */
static void drop_for_option(struct planner *p, const char *key, const char *option,
			    const char *config)
{
	if (option && !str_equal(option, config))
		drop_key(p, key);
}

static void drop_for_options(struct planner *p)
{
	const struct facts_engine *engine = &p->facts->engine;
	const struct options *options = p->options;

	/* PID 1 opens the listeners; dockerd gets -H fd:// */
	drop_key(p, "hosts");
	if (planner_tls_is_ours(p)) {
		drop_key(p, "tls");
		drop_key(p, "tlsverify");
	}
	drop_for_option(p, "data-root", options->data_root, engine->config_data_root);
	drop_for_option(p, "graph", options->data_root, engine->config_data_root);
	drop_for_option(p, "exec-root", options->exec_root, engine->config_exec_root);
	drop_for_option(p, "pidfile", options->pid_file, engine->config_pid_file);
	drop_for_option(p, "storage-driver", options->storage_driver,
			engine->config_storage_driver);
}

static void judge_file(struct planner *p)
{
	const struct facts_engine *engine = &p->facts->engine;

	if (engine->config_error)
		planner_refuse(p, CODE_ENGINE_CONFIG, STATUS_CONFIG,
			       "mend the file; dockerd would not start with it either",
			       "%s cannot be read as configuration: %s", p->config_path,
			       engine->config_error);
	else if (p->options->config_file_given && engine->config_present == TRI_NO)
		planner_refuse(p, CODE_ENGINE_CONFIG, STATUS_CONFIG,
			       "mount it into the container, or leave --config-file out",
			       "%s, named by --config-file, is not there", p->config_path);
}

void plan_config(struct planner *p)
{
	judge_file(p);
	/* --strict-args: what dockerd makes of flags and file is the user's business */
	if (p->options->strict_args)
		return;
	drop_for_flags(p);
	drop_for_options(p);
	if (p->drop.count)
		planner_decide(p, CODE_ENGINE_DROPPED,
			       "dockerd reads " EFFECTIVE_CONFIG ", a copy of %s without %s: a "
			       "directive may not be in the file and given as a flag",
			       p->config_path, strings_join(p->arena, &p->drop, ", "));
}

void plan_config_step(struct planner *p)
{
	struct plan_step *step;

	if (p->drop.count == 0)
		return;
	step = planner_step(p, STEP_CONFIG, "config",
			    "dockerd does not start when a directive is in the file and given as "
			    "a flag");
	step->u.config.source = p->config_path;
	step->u.config.target = EFFECTIVE_CONFIG;
	step->u.config.drop = p->drop.items;
	planner_or_abort(step, CODE_ENGINE_WRITE, STATUS_OSERR,
			 arena_printf(p->arena, "remove %s from %s",
				      strings_join(p->arena, &p->drop, ", "), p->config_path));
}

const char *planner_config_file(const struct planner *p)
{
	if (p->drop.count)
		return EFFECTIVE_CONFIG;
	return p->options->config_file_given ? p->config_path : NULL;
}
