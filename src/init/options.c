/* SPDX-License-Identifier: Apache-2.0 */
/* The options of tini(1), by its README and --help. */
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "dind/str.h"
#include "init.h"

#define VERBOSITY_MAX 3

/* signal(7); sigabbrev_np(3) needs glibc 2.32 */
static const struct {
	const char *name;
	int number;
} signals[] = {
	{ "HUP", SIGHUP },   { "INT", SIGINT },	    { "QUIT", SIGQUIT }, { "ILL", SIGILL },
	{ "TRAP", SIGTRAP }, { "ABRT", SIGABRT },   { "BUS", SIGBUS },	 { "FPE", SIGFPE },
	{ "KILL", SIGKILL }, { "USR1", SIGUSR1 },   { "SEGV", SIGSEGV }, { "USR2", SIGUSR2 },
	{ "PIPE", SIGPIPE }, { "ALRM", SIGALRM },   { "TERM", SIGTERM }, { "CHLD", SIGCHLD },
	{ "CONT", SIGCONT }, { "STOP", SIGSTOP },   { "TSTP", SIGTSTP }, { "TTIN", SIGTTIN },
	{ "TTOU", SIGTTOU }, { "URG", SIGURG },	    { "XCPU", SIGXCPU }, { "XFSZ", SIGXFSZ },
	{ "PROF", SIGPROF }, { "IO", SIGIO },	    { "SYS", SIGSYS },	 { "VTALRM", SIGVTALRM },
	{ "PWR", SIGPWR },   { "WINCH", SIGWINCH },
};

static bool read_signal(const char *text, int *ret_number)
{
	if (str_has_prefix(text, "SIG"))
		text += strlen("SIG");
	for (size_t i = 0; i < ARRAY_SIZE(signals); i++) {
		if (strcmp(signals[i].name, text) != 0)
			continue;
		*ret_number = signals[i].number;
		return true;
	}
	return false;
}

static const char *variable(char *const *environment, const char *name)
{
	size_t n = strlen(name);

	for (; environment && *environment; environment++)
		if (strncmp(*environment, name, n) == 0 && (*environment)[n] == '=')
			return *environment + n + 1;
	return NULL;
}

/* As tini, which reads it with atoi(3): never a reason not to start. */
static int read_verbosity(const char *text)
{
	long value = strtol(text, NULL, 10);

	return value < 0 ? 0 : value > VERBOSITY_MAX ? VERBOSITY_MAX : (int) value;
}

static void read_environment(char *const *environment, struct init_options *options)
{
	const char *verbosity = variable(environment, "TINI_VERBOSITY");

	if (variable(environment, "TINI_SUBREAPER"))
		options->subreaper = true;
	if (variable(environment, "TINI_KILL_PROCESS_GROUP"))
		options->signal_group = true;
	if (verbosity)
		options->verbosity = read_verbosity(verbosity);
}

static int take_option(int option, const char *value, struct init_options *options, char *fact,
		       size_t size)
{
	int status = 0;

	switch (option) {
	case 'h':
		options->help = true;
		return 0;
	case 'l':
		options->license = true;
		return 0;
	case 's':
		options->subreaper = true;
		return 0;
	case 'g':
		options->signal_group = true;
		return 0;
	case 'w':
		options->warn_on_reap = true;
		return 0;
	case 'v':
		options->verbosity += options->verbosity < VERBOSITY_MAX;
		return 0;
	case 'p':
		if (read_signal(value, &options->parent_death_signal))
			return 0;
		(void) snprintf(fact, size, "-p: '%s' is no signal, such as SIGKILL", value);
		return -EINVAL;
	case 'e':
		if (str_parse_int(value, 0, 255, &status) == 0) {
			options->as_success[status / 64] |= UINT64_C(1) << (status % 64);
			return 0;
		}
		(void) snprintf(fact, size, "-e: '%s' is no exit status, 0 to 255", value);
		return -EINVAL;
	default:
		(void) snprintf(fact, size, "option -%c is unknown or lacks its value", optopt);
		return -EINVAL;
	}
}

int init_parse(int argc, char **argv, char *const *environment, struct init_options *ret_options,
	       char *ret_fact, size_t size)
{
	struct init_options options = { .verbosity = 1 };
	int option, r = 0;

	/* only alone, as everywhere: dockerd asks for it to show it in `docker info` */
	options.version = argc == 2 && strcmp(argv[1], "--version") == 0;
	if (!options.version) {
		optind = 0; /* glibc: start anew */
		opterr = 0;
		while (r == 0 && (option = getopt(argc, argv, "+:hlsgwvp:e:")) != -1)
			r = take_option(option, optarg, &options, ret_fact, size);
		if (r == 0 && optind < argc)
			options.command = argv + optind;
	}
	read_environment(environment, &options);
	if (r == 0 && !options.command && !options.help && !options.license && !options.version) {
		(void) snprintf(ret_fact, size, "no program to run is named");
		r = -EINVAL;
	}
	if (r == 0)
		*ret_options = options;
	return r;
}
