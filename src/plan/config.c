/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What dockerd is told. It refuses to start when one directive is in its file and given as a flag,
 * even with the same value, and when it does not know a key. So everything is merged into one file
 * of ours, by this order: dockerd's own flags (which stay flags, and whose keys are kept out of the
 * file), options of ours, their variables, daemon.json, what we think best. The whole value of a
 * key is taken from one of them. The user's file is never touched.
 */
#include <string.h>

#include "dind/str.h"
#include "planner.h"

#define EFFECTIVE_CONFIG DIND_RUN_DIR "/daemon.json"

/* Flags whose key has another name. `host` itself never gets here: it is taken over whole. */
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
	{ "host", 'H', "hosts" },
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
	if (!strings_has(&p->drop, key))
		strings_add(p->arena, &p->drop, key);
}

/* ---- daemon.json ---- */

static void take_file(struct planner *p)
{
	const struct facts_engine *engine = &p->facts->engine;
	const struct strings *values = &engine->config_values;

	for (size_t i = 0; i < engine->config_keys.count; i++) {
		const struct plan_setting setting = {
			.key = engine->config_keys.items[i],
			.value = i < values->count ? values->items[i] : NULL,
			.origin = ORIGIN_FILE,
			.from = p->config_path,
		};

		planner_set(p, &setting);
	}
}

/* The flag's name as a key does nothing, and dockerd says nothing about it. */
static void judge_keys(struct planner *p)
{
	for (size_t i = 0; i < ARRAY_SIZE(keys); i++)
		if (keys[i].key && !str_equal(keys[i].key, keys[i].flag) &&
		    planner_has_key(p, keys[i].flag))
			planner_hint(p, CODE_ENGINE_KEY,
				     arena_printf(p->arena, "write \"%s\"", keys[i].key),
				     "\"%s\" in %s is the name of a flag: dockerd reads it as a "
				     "key, and does nothing",
				     keys[i].flag, p->config_path);
}

/* ---- dockerd's own flags ---- */

/* The key of one of the user's flags, or NULL when @arg is a value. *@ret_both: it may be in the
 * file too. */
static const char *key_of(struct planner *p, const char *arg, bool *ret_both)
{
	*ret_both = false;
	for (size_t i = 0; i < ARRAY_SIZE(keys); i++) {
		if (!is_flag(arg, keys[i].flag, keys[i].letter))
			continue;
		*ret_both = !keys[i].key;
		return keys[i].key ? keys[i].key : keys[i].flag;
	}
	if (!str_has_prefix(arg, "--"))
		return NULL;
	return arena_strndup(p->arena, arg + 2, strcspn(arg + 2, "="));
}

/* What stands in @arg, or behind it: dockerd takes no words but flags and their values. */
static const char *value_of(struct planner *p, const char *arg, const char *next)
{
	const char *equals = strchr(arg, '=');

	if (equals)
		return planner_quote(p, equals + 1);
	if (arg[1] != '-' && arg[2])
		return planner_quote(p, arg + 2);
	return next && *next != '-' ? planner_quote(p, next) : "true";
}

static void take_flag(struct planner *p, const char *key, const char *arg, const char *value)
{
	const struct plan_setting *known = planner_setting(p, key);
	struct plan_setting setting = {
		.key = key,
		.value = value,
		.origin = ORIGIN_FLAG,
		.from = arena_printf(p->arena, "dockerd's %s",
				     arena_strndup(p->arena, arg, strcspn(arg, "="))),
		.by_flag = true,
	};

	if (known && known->by_flag) /* of some the last counts, of some all: as they were given */
		setting.value = arena_printf(p->arena, "%s, %s", known->value, value);
	planner_set(p, &setting);
}

static void take_flags(struct planner *p)
{
	for (const char *const *arg = p->options->dockerd_args; arg && *arg; arg++) {
		bool both;
		const char *key = key_of(p, *arg, &both);

		if (!key)
			continue;
		take_flag(p, key, *arg, value_of(p, *arg, arg[1]));
		if (both)
			continue;
		drop_key(p, key);
		/* two names of one directive, by version */
		if (str_equal(key, "data-root"))
			drop_key(p, "graph");
		if (str_equal(key, "host-gateway-ips"))
			drop_key(p, "host-gateway-ip");
	}
}

/* ---- options ---- */

/* An option that says something else than the file wins; one that says the same changes nothing. */
static void take_place(struct planner *p, const char *key, const char *option, const char *value,
		       const char *config)
{
	if (value && !str_equal(value, config))
		planner_option_text(p, key, option, value);
}

static void take_list(struct planner *p, const char *key, const char *option,
		      const char *const *values, const char *const *more)
{
	struct strings list = STRINGS_INIT;

	for (const char *const *v = values; v && *v; v++)
		strings_add(p->arena, &list, *v);
	for (const char *const *v = more; list.count && v && *v; v++)
		if (!strings_has(&list, *v))
			strings_add(p->arena, &list, *v);
	if (list.count)
		planner_option_strings(p, key, option, &list);
}

static void take_pools(struct planner *p)
{
	struct strings pools = STRINGS_INIT;

	for (const char *const *pool = p->options->address_pools; pool && *pool; pool++)
		strings_add(p->arena, &pools, *pool);
	if (pools.count)
		planner_option_json(p, "default-address-pools", "address-pool",
				    planner_pools_json(p, &pools));
}

static void take_options(struct planner *p)
{
	/* Docker 29.10 no longer adds them to a list that is not empty */
	static const char *const loopback[] = { "127.0.0.0/8", "::1/128", NULL };
	const struct facts_engine *engine = &p->facts->engine;
	const struct options *o = p->options;

	take_place(p, "data-root", "data-root", o->data_root, engine->config_data_root);
	take_place(p, "exec-root", "exec-root", o->exec_root, engine->config_exec_root);
	take_place(p, "pidfile", "pidfile", o->pid_file, engine->config_pid_file);
	take_place(p, "storage-driver", "storage-driver", o->storage_driver,
		   engine->config_storage_driver);
	take_list(p, "registry-mirrors", "registry-mirror", o->registry_mirrors, NULL);
	take_list(p, "insecure-registries", "insecure-registry", o->insecure_registries, loopback);
	take_list(p, "dns", "dns", o->dns, NULL);
	take_pools(p);
	if (o->mtu)
		planner_option_json(p, "mtu", "mtu", arena_printf(p->arena, "%d", o->mtu));
	/* its name until 17.05 */
	if (o->data_root && !str_equal(o->data_root, engine->config_data_root))
		drop_key(p, "graph");
}

/* PID 1 opens the listeners; dockerd gets -H fd:// */
static void take_over(struct planner *p)
{
	drop_key(p, "hosts");
	if (!planner_tls_is_ours(p))
		return;
	drop_key(p, "tls");
	drop_key(p, "tlsverify");
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

/* What the user's file says and the engine is not told, by the keys that are in it. */
static void explain(struct planner *p)
{
	const struct strings *file = &p->facts->engine.config_keys;
	struct strings gone = STRINGS_INIT;

	for (size_t i = 0; i < file->count; i++) {
		const struct plan_setting *setting = planner_setting(p, file->items[i]);

		if (strings_has(&p->drop, file->items[i]) ||
		    (setting && !setting->by_flag && setting->origin != ORIGIN_FILE))
			strings_add(p->arena, &gone, file->items[i]);
	}
	if (gone.count)
		planner_decide(p, CODE_ENGINE_DROPPED,
			       "dockerd reads " EFFECTIVE_CONFIG
			       ", a copy of %s without its %s: PID "
			       "1, an option or a flag takes the place of each",
			       p->config_path, strings_join(p->arena, &gone, ", "));
}

void plan_config(struct planner *p)
{
	judge_file(p);
	/* --strict-args: what dockerd makes of flags and file is the user's business */
	if (p->options->strict_args)
		return;
	judge_keys(p);
	take_file(p);
	take_flags(p);
	take_options(p);
	take_over(p);
	explain(p);
	for (size_t i = 0; i < p->drop.count; i++)
		if (planner_setting(p, p->drop.items[i]) &&
		    planner_setting(p, p->drop.items[i])->origin == ORIGIN_FILE)
			planner_unset(p, p->drop.items[i]);
}

/*
 * Docker 29.5 gives each container a time namespace; where the kernel has none, runc refuses every
 * one. The version costs a run of dockerd, so that only such a kernel is a reason to ask.
 */
static void judge_time_namespaces(struct planner *p)
{
	const struct plan_setting *said;

	if (p->facts->identity.time_namespaces != TRI_NO || planner_ask_version(p) ||
	    !planner_engine_is_from(p, 29, 5))
		return;
	if (planner_is_said(p, "features")) {
		said = planner_setting(p, "features");
		if (said && strstr(said->value, "time-namespaces"))
			return;
		planner_hint(p, CODE_ENGINE_TIME,
			     "\"time-namespaces\": false beside your other \"features\"",
			     "this kernel has no time namespaces, and Docker %s gives one to each "
			     "inner container unless it is told not to",
			     planner_engine_version(p));
		return;
	}
	planner_default_json(p, "features", "{\"time-namespaces\": false}",
			     "this kernel has no time namespaces");
}

void plan_config_defaults(struct planner *p)
{
	struct strings exec_opts = STRINGS_INIT;
	const char *driver = planner_pinned_driver(p), *parent = planner_cgroup_parent(p);

	if (p->options->strict_args)
		return;
	planner_tls_settings(p);
	judge_time_namespaces(p);
	if (planner_containerd_is_ours(p))
		planner_default_text(p, "containerd", planner_containerd_address(p),
				     "started by PID 1, beside dockerd");
	if (driver)
		planner_default_text(p, "storage-driver", driver, "what works on the data root");
	if (p->store_by_flag)
		planner_default_json(p, "features", "{\"containerd-snapshotter\": true}",
				     "the data root holds images of that store");
	if (parent) {
		planner_default_text(p, "cgroup-parent", parent,
				     "our own group in the host's tree");
		planner_default_text(p, "default-cgroupns-mode", "host",
				     "cgroup namespaces cannot be had");
	}
	if (planner_cgroup_driver_wanted(p)) {
		strings_add(p->arena, &exec_opts, "native.cgroupdriver=cgroupfs");
		planner_default_strings(p, "exec-opts", &exec_opts,
					"no systemd runs in this container");
	}
}

void plan_config_step(struct planner *p)
{
	struct plan_step *step;

	if (p->options->strict_args)
		return;
	step = planner_step(p, STEP_CONFIG, "config",
			    "dockerd takes a directive from one place only, and the user's file is "
			    "left as it is");
	step->u.config.source = p->config_path;
	step->u.config.required = p->options->config_file_given;
	step->u.config.target = EFFECTIVE_CONFIG;
	step->u.config.drop = p->drop.items;
	step->u.config.settings = p->plan->settings;
	step->u.config.n_settings = p->plan->n_settings;
	planner_or_abort(step, CODE_ENGINE_WRITE, STATUS_OSERR,
			 "mount a tmpfs there from outside: --tmpfs " DIND_RUN_DIR);
}

const char *planner_config_file(const struct planner *p)
{
	return p->options->strict_args ? NULL : EFFECTIVE_CONFIG;
}
