/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "dind/str.h"
#include "dockerd_flags.h"
#include "options_parse.h"
#include "words.h"

/* ---- dockerd's flags ---- */

static int refuse_pair(struct parse *parse, const char *one, const char *other)
{
	return parse_refuse(parse, "DIND-USAGE-04", "leave one of them out",
			    "%s and %s contradict each other", one, other);
}

/* One setting that both of us have an option for. NULL: dockerd's flags do not say. */
struct taken {
	const char *option; /* ours */
	const char **field;
	const char *by_flag;
	const char *by_variable;
};

static int take_one(struct parse *parse, const struct taken *taken)
{
	int index = option_find(taken->option);
	enum option_source given = parse->sources[index];
	enum option_source source = taken->by_flag ? SOURCE_FLAG : SOURCE_VARIABLE;
	const char *value = taken->by_flag ? taken->by_flag : taken->by_variable;

	if (!value || given > source)
		return 0;
	if (given == source && !str_equal(*taken->field, value))
		return refuse_pair(
			parse,
			arena_printf(&parse->cli->arena, "%s %s", parse_origin(parse, index),
				     *taken->field),
			arena_printf(&parse->cli->arena, "dockerd's flag for it, %s,", value));
	*taken->field = value;
	parse->sources[index] = source;
	parse->taken[index] = true;
	return 0;
}

/* Make a path of dockerd's flags as canonical as those of our own options. */
static int clean_path(struct parse *parse, const char *flag, const char **path)
{
	return *path ? parse_path(parse, flag, *path, path) : 0;
}

static int clean_paths(struct parse *parse, struct dockerd_flags *flags)
{
	int r = clean_path(parse, "dockerd's --data-root", &flags->data_root);

	if (r == 0)
		r = clean_path(parse, "dockerd's --exec-root", &flags->exec_root);
	if (r == 0)
		r = clean_path(parse, "dockerd's --pidfile", &flags->pid_file);
	if (r == 0)
		r = clean_path(parse, "dockerd's --config-file", &flags->config_file);
	return r;
}

static int take_hosts(struct parse *parse, const struct dockerd_flags *flags,
		      enum option_source source)
{
	struct options *options = &parse->cli->options;
	int index = option_find("host");

	if (flags->hosts.count == 0 || parse->sources[index] > source)
		return 0;
	if (parse->sources[index] < source)
		options->n_hosts = 0;
	parse->sources[index] = source;
	parse->texts[index] = flags->hosts;
	return parse_value(parse, index); /* those that are there already are not added twice */
}

static void take_files(struct options *options, const struct dockerd_flags *flags)
{
	if (flags->exec_root)
		options->exec_root = flags->exec_root;
	if (flags->pid_file)
		options->pid_file = flags->pid_file;
	if (flags->config_file) {
		options->config_file = flags->config_file;
		options->config_file_given = true;
	}
}

/* Certificates of the user's by dockerd's flags, and --tls-dir. DOCKER_TLS_CERTDIR, which images
 * set, gives way instead. */
static int check_tls_files(struct parse *parse, const char *flag)
{
	if (!flag || !parse_given(parse, "tls-dir"))
		return 0;
	return refuse_pair(parse, parse_origin(parse, option_find("tls-dir")),
			   arena_printf(&parse->cli->arena, "dockerd's flag %s", flag));
}

static int take_flags(struct parse *parse, struct dockerd_flags *by_variable,
		      struct dockerd_flags *by_flag)
{
	struct options *options = &parse->cli->options;
	const struct taken taken[] = {
		{ "data-root", &options->data_root, by_flag->data_root, by_variable->data_root },
		{ "socket-group", &options->socket_group, by_flag->group, by_variable->group },
		{ "storage-driver", &options->storage_driver, by_flag->storage_driver,
		  by_variable->storage_driver },
	};
	int r = take_hosts(parse, by_flag, SOURCE_FLAG);

	if (r == 0)
		r = take_hosts(parse, by_variable, SOURCE_VARIABLE);
	for (size_t i = 0; r == 0 && i < ARRAY_SIZE(taken); i++)
		r = take_one(parse, &taken[i]);
	take_files(options, by_variable);
	take_files(options, by_flag);
	if (r == 0)
		r = check_tls_files(parse,
				    by_flag->tls_file ? by_flag->tls_file : by_variable->tls_file);
	return r;
}

/*
 * --strict-args: nothing is taken over, but we have to know where the engine keeps its things to
 * prepare them.
 */
static void note_places(struct parse *parse, const struct dockerd_flags *flags)
{
	if (flags->data_root)
		parse->cli->options.data_root = flags->data_root;
	take_files(&parse->cli->options, flags);
}

static const char *const *all_words(struct parse *parse, const struct strings *first,
				    const struct strings *then)
{
	struct arena *arena = &parse->cli->arena;
	struct strings all = STRINGS_INIT;

	for (size_t i = 0; i < first->count; i++)
		strings_add(arena, &all, first->items[i]);
	for (size_t i = 0; i < then->count; i++)
		strings_add(arena, &all, then->items[i]);
	return all.items; /* NULL for no words at all */
}

static int read_words(struct parse *parse, const struct strings *words, struct dockerd_flags *flags)
{
	struct error err = ERROR_INIT;

	if (words->count == 0 ||
	    dockerd_flags_read(words->items, &parse->cli->arena, flags, &err) == 0)
		return 0;
	return parse_refuse(parse, "DIND-USAGE-11", "dockerd --help lists its flags", "%s",
			    err.message);
}

static void collect_daemon_args(struct parse *parse)
{
	const char *text = options_environment(&parse->cli->options, "DOCKER_DAEMON_ARGS");

	if (text && parse->sources[option_find("dockerd-args")] == SOURCE_NONE)
		words_split(&parse->cli->arena, text, " \t\n", &parse->dockerd_variable_args);
}

static void take_driver_variable(struct parse *parse)
{
	const char *text = options_environment(&parse->cli->options, "DOCKER_DRIVER");
	int index = option_find("storage-driver");

	if (!text || !*text || parse->sources[index] != SOURCE_NONE)
		return;
	parse->cli->options.storage_driver = text;
	parse->sources[index] = SOURCE_FOREIGN;
}

/* As in docker:dind: empty is as if it were not set. */
static int take_tls_variable(struct parse *parse)
{
	static const char name[] = "DOCKER_TLS_CERTDIR";
	const char *text = options_environment(&parse->cli->options, name);
	int index = option_find("tls-dir");

	if (!text || !*text || parse->sources[index] != SOURCE_NONE)
		return 0;
	parse->sources[index] = SOURCE_FOREIGN;
	return parse_path(parse, name, text, &parse->cli->options.tls_dir);
}

int parse_take_over(struct parse *parse)
{
	struct options *options = &parse->cli->options;
	struct dockerd_flags by_variable = { .tls_file = NULL }, by_flag = { .tls_file = NULL };
	bool untouched;
	int r = 0;

	collect_daemon_args(parse);
	if (!options->strict_args) {
		take_driver_variable(parse);
		r = parse->cli->without_tls_variable ? 0 : take_tls_variable(parse);
	}
	if (r == 0)
		r = read_words(parse, &parse->dockerd_variable_args, &by_variable);
	if (r == 0)
		r = read_words(parse, &parse->dockerd_flag_args, &by_flag);
	if (r == 0)
		r = clean_paths(parse, &by_variable);
	if (r == 0)
		r = clean_paths(parse, &by_flag);
	if (r < 0)
		return r;
	parse->cli->dockerd_asks = by_flag.asks || by_variable.asks;
	untouched = options->strict_args || parse->cli->dockerd_asks;
	options->dockerd_args = untouched ? all_words(parse, &parse->dockerd_variable_args,
						      &parse->dockerd_flag_args)
					  : all_words(parse, &by_variable.rest, &by_flag.rest);
	if (!untouched)
		return take_flags(parse, &by_variable, &by_flag);
	note_places(parse, &by_variable);
	note_places(parse, &by_flag);
	return 0;
}

/* ---- contradictions ---- */

static void forget(struct parse *parse, int index)
{
	void *field = (char *) parse->cli + option_table[index].offset;

	parse->sources[index] = SOURCE_NONE;
	if (option_table[index].type == OPTION_FLAG)
		*(bool *) field = false;
	else if (option_table[index].type == OPTION_NUMBER)
		*(int *) field = 0;
	else
		*(const char **) field = NULL;
}

/* Options about COMMAND without one: a slip on the command line, a default in the environment. */
static int check_workload(struct parse *parse)
{
	struct cli *cli = parse->cli;

	if (cli->options.workload)
		return 0;
	for (int i = 0; (size_t) i < option_table_size; i++) {
		if (!option_table[i].needs_workload || parse->sources[i] == SOURCE_NONE)
			continue;
		if (parse->sources[i] == SOURCE_FLAG)
			return parse_refuse(
				parse, "DIND-USAGE-05", "add the COMMAND, or leave the option out",
				"--%s is about COMMAND, and there is none", option_table[i].name);
		if (cli->options.command == COMMAND_RUN)
			strings_add(&cli->arena, &cli->notes,
				    arena_printf(&cli->arena,
						 "%s has no effect: there is no COMMAND",
						 parse_origin(parse, i)));
		forget(parse, i);
	}
	return 0;
}

static int check_caps(struct parse *parse)
{
	int keep = option_find("keep-caps"), drop = option_find("drop-caps");
	const struct options *options = &parse->cli->options;

	if (!options->keep_caps || !options->drop_caps)
		return 0;
	if (parse->sources[keep] == parse->sources[drop])
		return refuse_pair(parse, parse_origin(parse, keep), parse_origin(parse, drop));
	forget(parse, parse->sources[keep] < parse->sources[drop] ? keep : drop);
	return 0;
}

static int check_strict(struct parse *parse)
{
	/* what could only reach dockerd by its arguments, or by sockets that we open */
	static const char *const others[] = {
		"host",	     "insecure-tcp",   "socket-group",	  "tls-dir",	       "tls-key",
		"data-root", "storage-driver", "registry-mirror", "insecure-registry", "mtu",
		"dns",	     "address-pool",
	};

	if (!parse->cli->options.strict_args)
		return 0;
	for (size_t i = 0; i < ARRAY_SIZE(others); i++)
		if (parse_given(parse, others[i]))
			return refuse_pair(parse, parse_origin(parse, option_find("strict-args")),
					   parse_origin(parse, option_find(others[i])));
	return 0;
}

static bool has_flag(const struct options *options, const char *flag)
{
	size_t n = strlen(flag);

	for (const char *const *arg = options->dockerd_args; arg && *arg; arg++)
		if (strncmp(*arg, flag, n) == 0 && (!(*arg)[n] || (*arg)[n] == '='))
			return true;
	return false;
}

/* Options that are a key of daemon.json, and dockerd's flag for it. A flag of dockerd's is what
 * somebody wanted this time; a variable may be a default of the image. */
static int check_config(struct parse *parse)
{
	static const struct {
		const char *option, *flag;
	} both[] = {
		{ "registry-mirror", "--registry-mirror" },
		{ "insecure-registry", "--insecure-registry" },
		{ "mtu", "--mtu" },
		{ "dns", "--dns" },
		{ "address-pool", "--default-address-pool" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(both); i++) {
		int index = option_find(both[i].option);

		if (parse->sources[index] == SOURCE_NONE ||
		    !has_flag(&parse->cli->options, both[i].flag))
			continue;
		if (parse->sources[index] == SOURCE_FLAG)
			return refuse_pair(parse, parse_origin(parse, index),
					   arena_printf(&parse->cli->arena, "dockerd's flag %s",
							both[i].flag));
		forget(parse, index);
	}
	return 0;
}

static bool rung_allowed(const struct options *options, enum storage_rung rung)
{
	if (rung == RUNG_VOLUME)
		return options->storage_path != NULL;
	for (size_t i = 0; i < RUNG_COUNT && options->rungs[i] != RUNG_NONE; i++)
		if (options->rungs[i] == rung)
			return true;
	return false;
}

/* Whether some allowed way can end in that driver. */
static bool driver_possible(const struct options *options, const char *driver)
{
	bool plain = rung_allowed(options, RUNG_AS_IS) || rung_allowed(options, RUNG_VOLUME);

	if (strcmp(driver, "vfs") == 0)
		return plain || rung_allowed(options, RUNG_VFS);
	if (strcmp(driver, "fuse-overlayfs") == 0)
		return plain || rung_allowed(options, RUNG_FUSE);
	/* overlay2 and what is like it: on a file system, ours or one that we make */
	return plain || rung_allowed(options, RUNG_LOOP) || rung_allowed(options, RUNG_TMPFS);
}

static int check_storage(struct parse *parse)
{
	const struct options *options = &parse->cli->options;
	int storage = option_find("storage");

	if (options->storage_given && options->storage_driver &&
	    !driver_possible(options, options->storage_driver))
		return refuse_pair(parse,
				   arena_printf(&parse->cli->arena, "storage driver %s",
						options->storage_driver),
				   arena_printf(&parse->cli->arena, "%s %s",
						parse_origin(parse, storage),
						parse->texts[storage].items[0]));
	if (parse->sources[option_find("storage-size")] == SOURCE_FLAG &&
	    !rung_allowed(options, RUNG_LOOP) && !rung_allowed(options, RUNG_VOLUME))
		return refuse_pair(parse, "--storage-size, the size of an image file,",
				   "--storage without loop");
	if (options->storage_path && options->data_root &&
	    str_path_is_below(options->storage_path, options->data_root))
		return parse_refuse(parse, "DIND-USAGE-04",
				    "name a directory beside it, or leave --storage-path out",
				    "--storage-path %s is in the data root itself",
				    options->storage_path);
	return 0;
}

/* A variable may be a default of the image; a flag is somebody's wish that would come to nothing.
 */
static bool given_in_vain(const struct parse *parse, const char *name, bool useful)
{
	return !useful && parse->sources[option_find(name)] == SOURCE_FLAG;
}

static int check_caches(struct parse *parse)
{
	static const char *const of_pool[] = { "cache-slots", "cache-size", "cache-busy" };
	const struct options *options = &parse->cli->options;

	if (options->cache_pool && options->storage_path)
		return refuse_pair(parse, parse_origin(parse, option_find("cache-pool")),
				   parse_origin(parse, option_find("storage-path")));
	if (options->cache_pool && options->data_root &&
	    str_path_is_below(options->cache_pool, options->data_root))
		return parse_refuse(parse, "DIND-USAGE-04", "name a directory beside it",
				    "--cache-pool %s is in the data root itself",
				    options->cache_pool);
	for (size_t i = 0; i < ARRAY_SIZE(of_pool); i++)
		if (given_in_vain(parse, of_pool[i], options->cache_pool))
			return parse_refuse(parse, "DIND-USAGE-04",
					    "add --cache-pool DIR, or leave it out",
					    "--%s means nothing without --cache-pool", of_pool[i]);
	if (given_in_vain(parse, "preload-from", options->preload_images))
		return parse_refuse(parse, "DIND-USAGE-04", "name images with --preload-image",
				    "--preload-from %s, and no image to copy from there",
				    options->preload_from);
	if (given_in_vain(parse, "preload-image", options->preload_from))
		return parse_refuse(parse, "DIND-USAGE-04",
				    "say where it is with --preload-from HOST",
				    "--preload-image %s, and no engine to copy it from",
				    options->preload_images[0]);
	if (options->prune == PRUNE_IDLE && !options->disk_high &&
	    parse->sources[option_find("prune")] == SOURCE_FLAG)
		return parse_refuse(parse, "DIND-USAGE-04", "add --disk-high PERCENT",
				    "--prune idle needs a mark above which to prune");
	return 0;
}

static int check_tls(struct parse *parse)
{
	if (!given_in_vain(parse, "tls-key", parse->cli->options.tls_dir))
		return 0;
	return parse_refuse(parse, "DIND-USAGE-04", "add --tls-dir DIR, or leave it out",
			    "--tls-key means nothing without --tls-dir");
}

int parse_check(struct parse *parse)
{
	int r = check_strict(parse);

	if (r == 0)
		r = check_workload(parse);
	if (r == 0)
		r = check_caps(parse);
	if (r == 0)
		r = check_config(parse);
	if (r == 0)
		r = check_storage(parse);
	if (r == 0)
		r = check_tls(parse);
	return r < 0 ? r : check_caches(parse);
}
