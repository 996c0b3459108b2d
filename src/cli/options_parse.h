/* SPDX-License-Identifier: Apache-2.0 */
/*
 * options_parse.h - the stages of cli_parse(): collect the words of command line and environment,
 * read them as values, take over dockerd's flags, look for contradictions.
 */
#ifndef DIND_CLI_OPTIONS_PARSE_H
#define DIND_CLI_OPTIONS_PARSE_H

#include "options_table.h"

/* Where a value comes from. The higher one wins. */
enum option_source {
	SOURCE_NONE = 0,
	SOURCE_FOREIGN, /* variables with a meaning of their own: DOCKER_DRIVER */
	SOURCE_VARIABLE,
	SOURCE_FLAG,
};

struct parse {
	struct cli *cli;
	struct cli_usage *usage;
	enum option_source sources[OPTION_TABLE_MAX]; /* index as in option_table */
	bool taken[OPTION_TABLE_MAX];		      /* by dockerd's flag for it */
	struct strings texts[OPTION_TABLE_MAX];	      /* values as they were given */
	struct strings dockerd_flag_args;	      /* from --dockerd-args and COMMAND dockerd */
	struct strings dockerd_variable_args;	      /* from the environment */
};

/* Fill the usage. Always -EINVAL. @remedy is static or of the arena; NULL: "--help lists all". */
int parse_refuse(struct parse *parse, const char *code, const char *remedy, const char *fmt, ...)
	DIND_PRINTF(4, 5);

/* "--storage" or "DIND_STORAGE", as the user wrote it. In the arena. */
const char *parse_origin(struct parse *parse, int index);

/* True if the option was given, by flag or variable. */
bool parse_given(const struct parse *parse, const char *name);

/* Read parse->texts[index] into its place. 0 or -EINVAL. */
int parse_value(struct parse *parse, int index);

/* What is wrong with a word of a list of that type; NULL: nothing. */
const char *parse_judge_word(enum option_type type, const char *text);

/* A path as OPTION_PATH wants it. @origin is for the message. */
int parse_path(struct parse *parse, const char *origin, const char *text, const char **ret_path);

/* Take over what dockerd's flags say, then the list of what is passed on to it. */
int parse_take_over(struct parse *parse);

/* Contradictions between options. */
int parse_check(struct parse *parse);

#endif
