/* SPDX-License-Identifier: Apache-2.0 */
/*
 * options_table.h - the one table of options. getopt_long()'s table, the environment twins, --help
 * and the man page are all made from it.
 */
#ifndef DIND_CLI_OPTIONS_TABLE_H
#define DIND_CLI_OPTIONS_TABLE_H

#include "cli.h"

enum option_type {
	OPTION_FLAG = 0,   /* bool, no argument */
	OPTION_TEXT,	   /* const char * */
	OPTION_PATH,	   /* const char *: absolute, made canonical as far as the text goes */
	OPTION_FILE,	   /* const char *: any path, "-" too */
	OPTION_SIZE,	   /* uint64_t bytes */
	OPTION_SECONDS,	   /* int: milliseconds */
	OPTION_WORD,	   /* int-sized enum by option_spec.words */
	OPTION_NUMBER,	   /* int */
	OPTION_PERCENT,	   /* int, with or without the sign */
	OPTION_PATHS,	   /* const char *const *: NULL ended, as OPTION_PATH; repeatable */
	OPTION_TEXTS,	   /* likewise, any words */
	OPTION_MIRRORS,	   /* likewise: http:// or https:// */
	OPTION_REGISTRIES, /* likewise: HOST[:PORT] or CIDR */
	OPTION_ADDRESSES,  /* likewise: numbers, IPv4 or IPv6 */
	OPTION_POOLS,	   /* likewise: CIDR,SIZE */
	OPTION_ENDPOINT,   /* const char *: unix:///PATH or tcp://HOST:PORT */
	OPTION_HOSTS,	   /* options.hosts; repeatable */
	OPTION_RUNGS,	   /* options.rungs */
	OPTION_LOG,	   /* options.engine_log and engine_log_path */
	OPTION_ARGUMENTS,  /* shell-quoted words for dockerd */
};

enum option_section {
	SECTION_DATA = 0,
	SECTION_CACHE,
	SECTION_LISTEN,
	SECTION_CONFIG,
	SECTION_ENGINE,
	SECTION_COMMAND,
	SECTION_TIME,
	SECTION_OWN,
	SECTION_SUB_COMMANDS,
	SECTION_COUNT,
};

/* Which sub-commands take an option: bits of 1 << enum options_command. */
#define TAKES(command) (1u << (command))
#define TAKES_PLANNING \
	(TAKES(COMMAND_RUN) | TAKES(COMMAND_INSPECT) | TAKES(COMMAND_PLAN) | TAKES(COMMAND_DOCTOR))
#define TAKES_ALL ~0u

struct option_word {
	const char *word; /* NULL ends a list */
	int value;
};

struct option_spec {
	const char *name;
	const char *argument;	 /* as shown: "DIR"; NULL: none */
	const char *environment; /* NULL: DIND_ and the name; "": no twin */
	const char *alias;	 /* another variable with its own meaning, shown in the man page */
	const char *by_default;	 /* as shown; NULL: none */
	const char *help;	 /* one sentence or two, no full stop at the end */
	size_t offset;		 /* in struct cli */
	const struct option_word *words;
	uint64_t min, max; /* OPTION_SIZE: bytes; OPTION_SECONDS: seconds; OPTION_NUMBER */
	enum option_type type;
	enum option_section section;
	unsigned int commands;
	char letter;	     /* one more name, of one letter; 0: none */
	bool needs_workload; /* means nothing without COMMAND */
};

#define OPTION_TABLE_MAX 64

extern const struct option_spec option_table[];
extern const size_t option_table_size;

/* Index of the option of that name, or -1. */
int option_find(const char *name);

/* Name of the environment twin in @buf, or NULL for an option without. */
const char *option_variable(const struct option_spec *spec, char *buf, size_t size);

/* True for an option that a later version has: refused with a line that says so. */
bool option_is_later(const char *name);

/* Heading of a section in --help and the man page. */
const char *option_section_title(enum option_section section);

/* The name of a sub-command, or NULL beyond the last. */
const char *command_name(enum options_command command);

#endif
