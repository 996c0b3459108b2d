/* SPDX-License-Identifier: Apache-2.0 */
#include <ctype.h>
#include <getopt.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "cli.h"
#include "dind/file.h"
#include "dind/log.h"
#include "dind/str.h"
#include "dockerd_flags.h"
#include "options_parse.h"
#include "words.h"

#define DEFAULT_READY_MS   60000
#define DEFAULT_STOP_MS	   9000
#define DEFAULT_PRELOAD_MS 600000
#define DEFAULT_SLOTS	   8

/* getopt_long()'s values of our options: beyond any character. */
#define VALUE_BASE 256

int parse_refuse(struct parse *parse, const char *code, const char *remedy, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	parse->usage->fact = arena_vprintf(&parse->cli->arena, fmt, ap);
	va_end(ap);
	parse->usage->code = code;
	parse->usage->remedy = remedy ? remedy : "dind-init --help lists all options";
	return -EINVAL;
}

const char *parse_origin(struct parse *parse, int index)
{
	char variable[64];

	if (parse->sources[index] == SOURCE_VARIABLE)
		return arena_strdup(
			&parse->cli->arena,
			option_variable(&option_table[index], variable, sizeof(variable)));
	return arena_printf(&parse->cli->arena, "--%s", option_table[index].name);
}

bool parse_given(const struct parse *parse, const char *name)
{
	return parse->sources[option_find(name)] >= SOURCE_VARIABLE;
}

/* ---- the command line ---- */

/* The name in "--name=value", in the arena. */
static char *name_of(struct parse *parse, const char *word)
{
	return arena_strndup(&parse->cli->arena, word + 2, strcspn(word + 2, "="));
}

static int refuse_unknown(struct parse *parse, const char *word)
{
	const char *names[OPTION_TABLE_MAX];
	const char *near;
	char *name;

	if (!str_has_prefix(word, "--"))
		return parse_refuse(parse, "DIND-USAGE-01", NULL, "unknown option '%s'", word);
	name = name_of(parse, word);
	if (option_is_later(name))
		return parse_refuse(parse, "DIND-USAGE-06",
				    "leave it out; dind-init --help lists what this version has",
				    "--%s is not in this version", name);
	for (size_t i = 0; i < option_table_size; i++)
		names[i] = option_table[i].name;
	near = words_near(name, names, option_table_size);
	return parse_refuse(parse, "DIND-USAGE-01",
			    near ? arena_printf(&parse->cli->arena, "did you mean --%s?", near)
				 : NULL,
			    "unknown option '--%s'", name);
}

/* getopt_long() said '?' or ':' about @word. */
static int refuse_word(struct parse *parse, const char *word, int said)
{
	int index = optopt - VALUE_BASE;

	if (index < 0 || (size_t) index >= option_table_size)
		return refuse_unknown(parse, word);
	if (said == ':')
		return parse_refuse(parse, "DIND-USAGE-02",
				    arena_printf(&parse->cli->arena, "write --%s %s",
						 option_table[index].name,
						 option_table[index].argument),
				    "--%s needs a value", option_table[index].name);
	return parse_refuse(
		parse, "DIND-USAGE-02",
		arena_printf(&parse->cli->arena, "write --%s alone", option_table[index].name),
		"--%s takes no value", option_table[index].name);
}

/* Our table as getopt_long() wants it. */
struct getopt_tables {
	struct option options[OPTION_TABLE_MAX + 1];
	char letters[OPTION_TABLE_MAX + 3];
};

static void make_tables(struct getopt_tables *tables)
{
	/* "+": an option of COMMAND is not ours. ":": tell a missing value from an unknown option
	 */
	size_t n = 2;

	*tables = (struct getopt_tables){ .letters = "+:" };
	for (size_t i = 0; i < option_table_size; i++) {
		tables->options[i] = (struct option){
			.name = option_table[i].name,
			.has_arg = option_table[i].argument ? required_argument : no_argument,
			.val = VALUE_BASE + (int) i,
		};
		if (option_table[i].letter)
			tables->letters[n++] = option_table[i].letter;
	}
}

static int find_letter(int letter)
{
	for (size_t i = 0; i < option_table_size; i++)
		if (option_table[i].letter && option_table[i].letter == letter)
			return (int) i;
	return -1;
}

static void note_value(struct parse *parse, int index, const char *text)
{
	parse->sources[index] = SOURCE_FLAG;
	strings_add(&parse->cli->arena, &parse->texts[index], text ? text : "yes");
}

/*
 * Options of @argv (argv[0] is skipped) up to the first other word. *@ret_next is the index of that
 * word, *@ret_dashed tells whether "--" stood before it.
 */
static int collect_options(struct parse *parse, int argc, char **argv, int *ret_next,
			   bool *ret_dashed)
{
	struct getopt_tables tables;

	make_tables(&tables);
	optind = 0; /* glibc: start anew */
	opterr = 0;
	for (;;) {
		int at = optind ? optind : 1;
		int c = getopt_long(argc, argv, tables.letters, tables.options, NULL);
		int index = c - VALUE_BASE;

		if (c == -1) {
			*ret_dashed = at < argc && strcmp(argv[at], "--") == 0;
			break;
		}
		if (c == '?' || c == ':')
			return refuse_word(parse, argv[at], c);
		if (c < VALUE_BASE)
			index = find_letter(c);
		else if (strcmp(name_of(parse, argv[at]), option_table[index].name) != 0)
			/* getopt_long takes beginnings: with the next version's options they may be
			 * ambiguous, so they are no part of the interface */
			return refuse_unknown(parse, argv[at]);
		note_value(parse, index, optarg);
	}
	*ret_next = optind;
	return 0;
}

static int find_command(const char *word)
{
	for (int c = 0; command_name((enum options_command) c); c++)
		if (str_equal(word, command_name((enum options_command) c)))
			return c;
	return -1;
}

static bool names_dockerd(const char *word)
{
	return strcmp(word, "dockerd") == 0 || str_has_suffix(word, "/dockerd");
}

/* The words behind the options: COMMAND, or flags for dockerd. */
static int take_operands(struct parse *parse, char **operands)
{
	struct cli *cli = parse->cli;
	struct options *options = &cli->options;

	if (!operands[0])
		return 0;
	if (options->command == COMMAND_READY || options->command == COMMAND_VERSION ||
	    options->command == COMMAND_HELP)
		return parse_refuse(parse, "DIND-USAGE-07",
				    arena_printf(&cli->arena,
						 "to run a COMMAND of that name: dind-init -- %s …",
						 command_name(options->command)),
				    "%s takes no arguments: '%s'", command_name(options->command),
				    operands[0]);
	if (!names_dockerd(operands[0])) {
		options->workload = (const char *const *) operands;
		return 0;
	}
	if (strchr(operands[0], '/'))
		cli->dockerd = operands[0];
	for (char **word = operands + 1; *word; word++)
		strings_add(&cli->arena, &parse->dockerd_flag_args, *word);
	return 0;
}

static int collect_words(struct parse *parse, int argc, char **argv)
{
	bool dashed = false;
	int next = 1, command, r;

	r = collect_options(parse, argc, argv, &next, &dashed);
	if (r < 0)
		return r;
	command = next < argc && !dashed ? find_command(argv[next]) : -1;
	if (command >= 0) {
		parse->cli->options.command = (enum options_command) command;
		argv += next;
		argc -= next;
		r = collect_options(parse, argc, argv, &next, &dashed);
		if (r < 0)
			return r;
	}
	return take_operands(parse, argv + next);
}

/* ---- the environment ---- */

static const char *variable(const struct parse *parse, const char *name)
{
	const char *text = options_environment(&parse->cli->options, name);

	return text && *text ? text : NULL; /* empty is as if it were not set */
}

/* Lists in a variable are separated by white space. */
static bool is_list(enum option_type type)
{
	static const enum option_type lists[] = {
		OPTION_HOSTS,	   OPTION_PATHS,     OPTION_TEXTS, OPTION_MIRRORS,
		OPTION_REGISTRIES, OPTION_ADDRESSES, OPTION_POOLS,
	};

	for (size_t i = 0; i < ARRAY_SIZE(lists); i++)
		if (lists[i] == type)
			return true;
	return false;
}

static void collect_variables(struct parse *parse)
{
	char name[64];

	for (size_t i = 0; i < option_table_size; i++) {
		const char *twin = option_variable(&option_table[i], name, sizeof(name));
		const char *text = twin ? variable(parse, twin) : NULL;

		if (!text || parse->sources[i] != SOURCE_NONE ||
		    !(option_table[i].commands & TAKES(parse->cli->options.command)))
			continue;
		parse->sources[i] = SOURCE_VARIABLE;
		if (is_list(option_table[i].type))
			words_split(&parse->cli->arena, text, " \t\n", &parse->texts[i]);
		else
			strings_add(&parse->cli->arena, &parse->texts[i], text);
	}
}

/* A variable that begins with DIND_ and is no option's twin. */
static void note_unknown(struct parse *parse, const char *entry)
{
	struct arena *arena = &parse->cli->arena;
	const char *given = arena_strndup(arena, entry, strcspn(entry, "="));
	const char *twins[OPTION_TABLE_MAX];
	const char *near;
	size_t n = 0;

	for (size_t i = 0; i < option_table_size; i++) {
		char name[64];
		const char *twin = option_variable(&option_table[i], name, sizeof(name));

		if (!twin)
			continue;
		if (strcmp(twin, given) == 0)
			return;
		twins[n++] = arena_strdup(arena, twin);
	}
	near = words_near(given, twins, n);
	strings_add(arena, &parse->cli->notes,
		    arena_printf(arena, "%s in the environment means nothing to this version%s%s%s",
				 given, near ? " (did you mean " : "", near ? near : "",
				 near ? "?)" : ""));
}

/*
 * Kubernetes tells each container of a service called `dind` or `dind-…` by variables of these
 * names ("enableServiceLinks" of a pod).
 */
static bool is_service_link(const char *e)
{
	const char *value = strchr(e, '='), *port = strstr(e, "_PORT");

	if (!value || !port || port > value)
		return strstr(e, "_SERVICE_HOST=") != NULL;
	return strstr(e, "_SERVICE_PORT") || str_has_prefix(port, "_PORT=tcp://") ||
	       str_has_prefix(port, "_PORT=udp://") ||
	       (port[5] == '_' && isdigit((unsigned char) port[6]));
}

static void collect_notes(struct parse *parse)
{
	for (const char *const *e = parse->cli->options.environment; e && *e; e++)
		/* DIND_COMMIT is set by docker:dind images, for information */
		if (str_has_prefix(*e, "DIND_") && !str_has_prefix(*e, "DIND_COMMIT=") &&
		    !is_service_link(*e))
			note_unknown(parse, *e);
}

/* ---- all together ---- */

static int check_command_takes(struct parse *parse)
{
	enum options_command command = parse->cli->options.command;

	for (size_t i = 0; i < option_table_size; i++)
		if (parse->sources[i] == SOURCE_FLAG &&
		    !(option_table[i].commands & TAKES(command)))
			return parse_refuse(parse, "DIND-USAGE-08", NULL,
					    "--%s has no meaning for %s", option_table[i].name,
					    command_name(command));
	return 0;
}

/* How to talk comes first, so that what follows is said in that way. */
static int read_values(struct parse *parse)
{
	int format = option_find("log-format"), level = option_find("log-level");
	unsigned int takes = TAKES(parse->cli->options.command);
	int r = parse_value(parse, format);

	if (r == 0)
		r = parse_value(parse, level);
	for (int i = 0; r == 0 && (size_t) i < option_table_size; i++)
		/* of what --help has no use for, it does not matter whether it is right */
		if (i != format && i != level && (option_table[i].commands & takes))
			r = parse_value(parse, i);
	return r;
}

/* For the plan, which shows what comes from where. */
static void note_origins(struct parse *parse)
{
	struct options *options = &parse->cli->options;
	struct arena *arena = &parse->cli->arena;
	struct options_origin *origins = NULL;
	size_t n = 0;

	for (int i = 0; (size_t) i < option_table_size; i++) {
		const struct option_spec *spec = &option_table[i];
		struct options_origin *origin;

		if (parse->sources[i] == SOURCE_NONE)
			continue;
		origin = arena_push(arena, (void **) &origins, &n, sizeof(*origin));
		origin->option = spec->name;
		origin->variable = parse->sources[i] != SOURCE_FLAG;
		if (parse->taken[i])
			origin->from = arena_printf(arena, "dockerd's --%s", spec->name);
		else if (parse->sources[i] == SOURCE_FOREIGN && spec->alias)
			origin->from = spec->alias;
		else
			origin->from = parse_origin(parse, i);
	}
	options->origins = origins;
	options->n_origins = n;
}

static int parse_all(struct parse *parse, int argc, char **argv)
{
	struct cli *cli = parse->cli;
	int r = collect_words(parse, argc, argv);

	collect_variables(parse);
	if (r < 0) {
		/* the refusal stands; but it is to be said in the format that was asked for */
		struct cli_usage refusal = *parse->usage;

		(void) parse_value(parse, option_find("log-format"));
		(void) parse_value(parse, option_find("log-level"));
		*parse->usage = refusal;
		return r;
	}
	if (parse_given(parse, "help"))
		cli->options.command = COMMAND_HELP;
	else if (parse_given(parse, "version"))
		cli->options.command = COMMAND_VERSION;
	else
		r = check_command_takes(parse);
	if (r == 0)
		r = read_values(parse);
	if (r < 0 || !(TAKES(cli->options.command) & TAKES_PLANNING))
		return r;
	collect_notes(parse);
	r = parse_take_over(parse);
	if (r == 0)
		r = parse_check(parse);
	if (r == 0)
		note_origins(parse);
	return r;
}

void cli_init(struct cli *cli, char *const *environment)
{
	static const enum storage_rung rungs[] = { RUNG_AS_IS, RUNG_LOOP, RUNG_FUSE, RUNG_VFS };

	*cli = (struct cli){ .arena = ARENA_INIT };
	cli->started_ms = clock_now_ms();
	cli->options.environment = (const char *const *) environment;
	cli->options.log_level = LOG_LEVEL_INFO;
	cli->options.ready_timeout_ms = DEFAULT_READY_MS;
	cli->options.stop_timeout_ms = DEFAULT_STOP_MS;
	cli->options.preload_timeout_ms = DEFAULT_PRELOAD_MS;
	cli->options.cache_slots = DEFAULT_SLOTS;
	for (size_t i = 0; i < ARRAY_SIZE(rungs); i++)
		cli->options.rungs[i] = rungs[i];
}

void cli_free(struct cli *cli)
{
	arena_free(&cli->arena);
}

int cli_parse(struct cli *cli, int argc, char **argv, struct cli_usage *ret_usage)
{
	struct parse parse = { .cli = cli, .usage = ret_usage };

	return parse_all(&parse, argc, argv);
}
