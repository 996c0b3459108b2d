/* SPDX-License-Identifier: Apache-2.0 */
#include "client.h"

#include <getopt.h>
#include <stdio.h>
#include <string.h>

#include "dind/str.h"

#define PREPARE	     1
#define WATCH	     2
#define CHECK	     4
#define WAIT	     8
#define LOCAL	     16
#define ASK	     32
#define TIMEOUT_MAX  86400
#define PARALLEL_MAX 64

enum {
	OPT_SOCKET = 256,
	OPT_HOST,
	OPT_CLEAN,
	OPT_PRUNE,
	OPT_PRUNE_AGE,
	OPT_LOAD,
	OPT_FROM,
	OPT_IMAGE,
	OPT_CONTINUE,
	OPT_TIMEOUT,
	OPT_PARALLEL,
	OPT_TLS,
	OPT_TLS_VERIFY,
	OPT_TLS_CA,
	OPT_TLS_CERT,
	OPT_TLS_KEY,
	OPT_DIRECTORY,
	OPT_BELOW,
	OPT_HIGH,
	OPT_INTERVAL,
	OPT_IDLE,
	OPT_POOL,
	OPT_POOL_LIMIT,
	OPT_POOL_KEEP,
	OPT_MIRRORS,
	OPT_CA_DIRECTORIES,
	OPT_LOG_FORMAT,
	OPT_LOG_LEVEL,
	OPT_HELP,
};

/* One table for the parser and the usage. */
static const struct {
	const char *name, *value, *help;
	int code, commands;
} table[] = {
	{ "host", "URL", "the engine that is meant, as DOCKER_HOST", OPT_HOST, WAIT | LOCAL | ASK },
	{ "socket", "PATH", "our engine's socket", OPT_SOCKET, PREPARE | WATCH },
	{ "clean-before", "SECONDS",
	  "first remove containers and networks made before that time of the epoch; fractions "
	  "count",
	  OPT_CLEAN, PREPARE },
	{ "load", "PATH", "an image archive, an OCI layout, or a directory of these; repeatable",
	  OPT_LOAD, PREPARE },
	{ "from", "HOST", "another engine, unix:///PATH or tcp://HOST:PORT", OPT_FROM, PREPARE },
	{ "image", "REF", "copy that image from it; repeatable", OPT_IMAGE, PREPARE },
	{ "continue", NULL, "failures are warnings", OPT_CONTINUE, PREPARE },
	{ "timeout", "SECONDS", "for all together (600)", OPT_TIMEOUT, PREPARE | WAIT },
	{ "parallel", "N", "loads and copies at a time (CPUs, at most 4)", OPT_PARALLEL, PREPARE },
	{ "tls", NULL, "TLS for --from (DOCKER_TLS)", OPT_TLS, PREPARE },
	{ "tlsverify", NULL, "and check who answers (DOCKER_TLS_VERIFY)", OPT_TLS_VERIFY, PREPARE },
	{ "tlscacert", "PATH", "(DOCKER_CERT_PATH/ca.pem)", OPT_TLS_CA, PREPARE },
	{ "tlscert", "PATH", "(DOCKER_CERT_PATH/cert.pem)", OPT_TLS_CERT, PREPARE },
	{ "tlskey", "PATH", "(DOCKER_CERT_PATH/key.pem)", OPT_TLS_KEY, PREPARE },
	{ "directory", "DIR", "the data root", OPT_DIRECTORY, WATCH | CHECK },
	{ "below", "DIR", "a directory on the file system below the image", OPT_BELOW, WATCH },
	{ "high", "PERCENT", "the water mark of both", OPT_HIGH, WATCH },
	{ "interval", "SECONDS", "between two looks (10)", OPT_INTERVAL, WATCH },
	{ "idle", "SECONDS", "prune when the engine was idle for that long (30)", OPT_IDLE, WATCH },
	{ "prune", NULL, "prune: at the end; or above the mark, when idle", OPT_PRUNE,
	  PREPARE | WATCH },
	{ "prune-age", "SECONDS", "what was used later stays as long as that is enough (86400)",
	  OPT_PRUNE_AGE, PREPARE | WATCH },
	{ "pool", "DIR", "look after the cache slots DIR/slot-N", OPT_POOL, WATCH },
	{ "pool-limit", "SIZE", "of all of them together", OPT_POOL_LIMIT, WATCH },
	{ "pool-keep", "SLOT", "our own: slot-N or its path", OPT_POOL_KEEP, WATCH },
	{ "mirrors", NULL, "say whether the engine's registry mirrors answer", OPT_MIRRORS, WATCH },
	{ "ca-directories", "LIST", "its SSL_CERT_DIR", OPT_CA_DIRECTORIES, WATCH },
	{ "log-format", "FORMAT", "text or json (DIND_LOG_FORMAT)", OPT_LOG_FORMAT,
	  PREPARE | WATCH | CHECK | WAIT },
	{ "log-level", "LEVEL", "error to debug (DIND_LOG_LEVEL)", OPT_LOG_LEVEL,
	  PREPARE | WATCH | CHECK | WAIT },
	{ "help", NULL, "this text", OPT_HELP, PREPARE | WATCH | CHECK | WAIT | LOCAL | ASK },
};

static const struct {
	const char *name, *head;
	int mask;
	enum client_command command;
} commands[] = {
	{ "prepare", "prepare --socket PATH [OPTION...]", PREPARE, CLIENT_PREPARE },
	{ "watch", "watch [OPTION...]", WATCH, CLIENT_WATCH },
	{ "check", "check --directory DIR", CHECK, CLIENT_CHECK },
	{ "wait", "wait --host URL [OPTION...]", WAIT, CLIENT_WAIT },
	{ "local", "local --host URL", LOCAL, CLIENT_LOCAL },
	{ "ask", "ask --host URL", ASK, CLIENT_ASK },
};

void client_usage(void)
{
	for (size_t c = 0; c < ARRAY_SIZE(commands); c++) {
		int command = commands[c].mask;

		printf("%sdind-client %s\n", c == 0 ? "usage: " : "\n       ", commands[c].head);
		for (size_t i = 0; i < ARRAY_SIZE(table); i++)
			if (table[i].commands & command)
				printf("  --%s%s%-*s %s\n", table[i].name,
				       table[i].value ? " " : "",
				       (int) (24 - strlen(table[i].name)),
				       table[i].value ? table[i].value : "", table[i].help);
	}
}

static const char *environment_get(char **environment, const char *name)
{
	size_t n = strlen(name);

	for (; environment && *environment; environment++)
		if (strncmp(*environment, name, n) == 0 && (*environment)[n] == '=')
			return *environment + n + 1;
	return NULL;
}

static int set_format(struct client_options *options, const char *value, struct error *err)
{
	if (strcmp(value, "text") != 0 && strcmp(value, "json") != 0)
		return error_set_plain(err, -EINVAL, "log format '%s': wanted text or json", value);
	options->format = *value == 'j' ? LOG_FORMAT_JSON : LOG_FORMAT_TEXT;
	return 0;
}

static int set_level(struct client_options *options, const char *value, struct error *err)
{
	static const char *const names[] = { "error", "warning", "notice", "info", "debug" };

	for (size_t i = 0; i < ARRAY_SIZE(names); i++)
		if (strcmp(value, names[i]) == 0) {
			options->level = (enum log_level) i;
			return 0;
		}
	return error_set_plain(err, -EINVAL,
			       "log level '%s': wanted error, warning, notice, info or debug",
			       value);
}

static int set_number(int *number, const char *name, const char *value, int min, int max,
		      struct error *err)
{
	if (str_parse_int(value, min, max, number) < 0)
		return error_set_plain(err, -EINVAL, "--%s '%s': wanted a number from %d to %d",
				       name, value, min, max);
	return 0;
}

/* SECONDS[.FRACTION] */
static int set_clean(struct client_options *options, const char *value, struct error *err)
{
	size_t whole = strcspn(value, ".");
	const char *fraction = value[whole] ? value + whole + 1 : "";
	int64_t ns = 0, unit = 100000000;
	char digits[20];
	uint64_t seconds;
	bool ok = whole < sizeof(digits) && strspn(fraction, "0123456789") == strlen(fraction);

	if (ok) {
		memcpy(digits, value, whole);
		digits[whole] = '\0';
		ok = str_parse_u64(digits, &seconds) == 0 && seconds < 9000000000ULL;
	}
	if (!ok)
		return error_set_plain(err, -EINVAL,
				       "--clean-before '%s': wanted seconds since 1970", value);
	for (; *fraction; fraction++, unit /= 10)
		ns += (*fraction - '0') * unit;
	options->clean = true;
	options->clean_before_ns = (int64_t) seconds * 1000000000 + ns;
	return 0;
}

static int set_high(struct client_options *options, const char *value, struct arena *arena,
		    struct error *err)
{
	size_t n = strlen(value);

	/* As in --disk-high 90% */
	if (n > 1 && value[n - 1] == '%')
		value = arena_strndup(arena, value, n - 1);
	return set_number(&options->high, "high", value, 1, 100, err);
}

static void set_keep(struct client_options *options, const char *value, struct arena *arena)
{
	size_t n = strlen(value);
	const char *base;

	while (n > 1 && value[n - 1] == '/')
		n--;
	value = arena_strndup(arena, value, n);
	base = strrchr(value, '/');
	options->pool_keep = base ? base + 1 : value;
}

static int set_common(struct client_options *options, struct arena *arena, int code,
		      const char *value, struct error *err)
{
	switch (code) {
	case OPT_SOCKET:
		options->socket = value;
		return 0;
	case OPT_HOST:
		options->host = value;
		return 0;
	case OPT_PRUNE:
		options->prune = true;
		return 0;
	case OPT_PRUNE_AGE:
		return set_number(&options->prune_age_s, "prune-age", value, 0, INT32_MAX, err);
	case OPT_LOG_FORMAT:
		return set_format(options, value, err);
	case OPT_LOG_LEVEL:
		return set_level(options, value, err);
	case OPT_DIRECTORY:
		options->directory = value;
		return 0;
	case OPT_BELOW:
		options->below = value;
		return 0;
	case OPT_HIGH:
		return set_high(options, value, arena, err);
	case OPT_INTERVAL:
		return set_number(&options->interval_s, "interval", value, 1, TIMEOUT_MAX, err);
	case OPT_IDLE:
		return set_number(&options->idle_s, "idle", value, 0, TIMEOUT_MAX, err);
	case OPT_POOL:
		options->pool = value;
		return 0;
	case OPT_POOL_LIMIT:
		if (str_parse_size(value, &options->pool_limit) < 0)
			return error_set_plain(err, -EINVAL, "--pool-limit '%s': wanted a size",
					       value);
		return 0;
	case OPT_MIRRORS:
		options->mirrors = true;
		return 0;
	case OPT_CA_DIRECTORIES:
		options->ca_directories = value;
		return 0;
	case OPT_POOL_KEEP:
		set_keep(options, value, arena);
		return 0;
	default:
		return error_set_plain(err, -EINVAL, "unknown option");
	}
}

static int set_option(struct client_options *options, struct arena *arena, int code,
		      const char *value, struct error *err)
{
	switch (code) {
	case OPT_HELP:
		options->command = CLIENT_HELP;
		return 0;
	case OPT_CLEAN:
		return set_clean(options, value, err);
	case OPT_LOAD:
		strings_add(arena, &options->load, value);
		return 0;
	case OPT_FROM:
		options->from = value;
		return 0;
	case OPT_IMAGE:
		strings_add(arena, &options->images, value);
		return 0;
	case OPT_CONTINUE:
		options->keep_going = true;
		return 0;
	case OPT_TIMEOUT:
		return set_number(&options->timeout_s, "timeout", value, 1, TIMEOUT_MAX, err);
	case OPT_PARALLEL:
		return set_number(&options->parallel, "parallel", value, 1, PARALLEL_MAX, err);
	case OPT_TLS:
		options->tls.on = true;
		return 0;
	case OPT_TLS_VERIFY:
		options->tls.on = options->tls.verify = true;
		return 0;
	case OPT_TLS_CA:
		options->tls.ca = value;
		return 0;
	case OPT_TLS_CERT:
		options->tls.cert = value;
		return 0;
	case OPT_TLS_KEY:
		options->tls.key = value;
		return 0;
	default:
		return set_common(options, arena, code, value, err);
	}
}

static const char *in_directory(struct arena *arena, const char *directory, const char *name)
{
	const char *path = arena_printf(arena, "%s/%s", directory, name);

	return access(path, R_OK) == 0 ? path : NULL;
}

/* As the docker client does: the two variables are on when they are not empty. */
static void set_tls(struct client_options *options, struct arena *arena, char **environment)
{
	const char *verify = environment_get(environment, "DOCKER_TLS_VERIFY");
	const char *on = environment_get(environment, "DOCKER_TLS");
	const char *directory = environment_get(environment, "DOCKER_CERT_PATH");
	struct http_tls *tls = &options->tls;

	if (verify && *verify)
		tls->on = tls->verify = true;
	if (on && *on)
		tls->on = true;
	if (!directory || !*directory)
		return;
	if (!tls->ca)
		tls->ca = in_directory(arena, directory, "ca.pem");
	if (!tls->cert)
		tls->cert = in_directory(arena, directory, "cert.pem");
	if (!tls->key)
		tls->key = in_directory(arena, directory, "key.pem");
}

/* Where the docker client looks for certificates, and which version of the API it is held to. */
static void set_remote(struct client_options *options, struct arena *arena, char **environment)
{
	const char *directory = environment_get(environment, "DOCKER_CERT_PATH");
	const char *version = environment_get(environment, "DOCKER_API_VERSION");
	const char *home = environment_get(environment, "HOME");

	if (directory && *directory)
		options->certificates = directory;
	else if (home && *home)
		options->certificates = arena_printf(arena, "%s/.docker", home);
	if (version && *version)
		options->api_version = version;
}

/* Go takes the large name first. */
static void set_proxies(struct client_options *options, char **environment)
{
	options->http_proxy = environment_get(environment, "HTTP_PROXY");
	if (!options->http_proxy)
		options->http_proxy = environment_get(environment, "http_proxy");
	options->https_proxy = environment_get(environment, "HTTPS_PROXY");
	if (!options->https_proxy)
		options->https_proxy = environment_get(environment, "https_proxy");
}

static int check(const struct client_options *options, struct error *err)
{
	if (options->command == CLIENT_PREPARE && !options->socket)
		return error_set_plain(err, -EINVAL, "prepare needs --socket");
	if ((options->command == CLIENT_WAIT || options->command == CLIENT_LOCAL ||
	     options->command == CLIENT_ASK) &&
	    !options->host)
		return error_set_plain(err, -EINVAL, "wait, local and ask need --host");
	if (options->images.count > 0 && !options->from)
		return error_set_plain(err, -EINVAL, "--image needs --from");
	if (options->from && options->images.count == 0)
		return error_set_plain(err, -EINVAL, "--from needs --image");
	if (options->command == CLIENT_CHECK && !options->directory)
		return error_set_plain(err, -EINVAL, "check needs --directory");
	if (options->command != CLIENT_WATCH)
		return 0;
	if (!options->high && !options->pool && !options->mirrors)
		return error_set_plain(err, -EINVAL, "watch needs --high, --pool or --mirrors");
	if (options->mirrors && !options->socket)
		return error_set_plain(err, -EINVAL, "--mirrors needs --socket");
	if (options->high && !options->directory && !options->below)
		return error_set_plain(err, -EINVAL, "--high needs --directory or --below");
	if (options->prune && options->high && (!options->socket || !options->directory))
		return error_set_plain(err, -EINVAL, "--prune needs --directory and --socket");
	return 0;
}

static int mask_of(enum client_command command)
{
	for (size_t i = 0; i < ARRAY_SIZE(commands); i++)
		if (commands[i].command == command)
			return commands[i].mask;
	return 0;
}

static int parse_all(struct client_options *options, struct arena *arena, int argc, char **argv,
		     struct error *err)
{
	int mask = mask_of(options->command);
	struct option longs[ARRAY_SIZE(table) + 1] = { 0 };
	size_t n = 0;
	int code, r;

	for (size_t i = 0; i < ARRAY_SIZE(table); i++)
		if (table[i].commands & mask)
			longs[n++] =
				(struct option){ table[i].name,
						 table[i].value ? required_argument : no_argument,
						 NULL, table[i].code };
	opterr = 0;
	optind = 1;
	while ((code = getopt_long(argc, argv, "+", longs, NULL)) != -1) {
		if (code == '?')
			return error_set_plain(err, -EINVAL, "%s: unknown, or without its value",
					       argv[optind - 1]);
		r = set_option(options, arena, code, optarg, err);
		if (r < 0)
			return r;
		if (options->command == CLIENT_HELP)
			return 0;
	}
	if (optind < argc)
		return error_set_plain(err, -EINVAL, "%s: what is that?", argv[optind]);
	return 0;
}

int client_options_parse(struct client_options *options, struct arena *arena, int argc, char **argv,
			 char **environment, struct error *err)
{
	struct client_options o = { .timeout_s = 600,
				    .interval_s = 10,
				    .idle_s = 30,
				    .prune_age_s = 86400,
				    .level = LOG_LEVEL_INFO };
	const char *format = environment_get(environment, "DIND_LOG_FORMAT");
	const char *level = environment_get(environment, "DIND_LOG_LEVEL");
	const char *command = argc > 1 ? argv[1] : "--help";
	int r = 0;

	for (size_t i = 0; i < ARRAY_SIZE(commands); i++)
		if (strcmp(command, commands[i].name) == 0)
			o.command = commands[i].command;
	if (o.command == CLIENT_HELP && strcmp(command, "--help") != 0)
		return error_set_plain(err, -EINVAL,
				       "%s: wanted prepare, watch, check, wait, local or ask",
				       command);
	/* PID 1 has checked them. */
	if (format && *format)
		r = set_format(&o, format, err);
	if (r == 0 && level && *level)
		r = set_level(&o, level, err);
	if (r == 0 && o.command != CLIENT_HELP)
		r = parse_all(&o, arena, argc - 1, argv + 1, err);
	if (r == 0) {
		set_tls(&o, arena, environment);
		set_remote(&o, arena, environment);
		set_proxies(&o, environment);
		r = check(&o, err);
	}
	if (r == 0)
		*options = o;
	return r;
}
