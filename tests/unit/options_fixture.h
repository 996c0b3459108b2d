/* SPDX-License-Identifier: Apache-2.0 */
/* A command line and an environment, read into options. */
#ifndef DIND_TEST_OPTIONS_FIXTURE_H
#define DIND_TEST_OPTIONS_FIXTURE_H

#include <stdio.h>
#include <string.h>

#include "../../src/cli/cli.h"

#define MAX_WORDS 16

struct invocation {
	const char *words[MAX_WORDS]; /* without argv[0] */
	const char *environment[MAX_WORDS];
};

/* argv and environment of the present test, freed after it. */
static struct arena memory = ARENA_INIT;

static void forget(void)
{
	arena_free(&memory);
}

/* Read @invocation into @cli. */
static int parse(struct cli *cli, const struct invocation *invocation, struct cli_usage *usage)
{
	char **argv = arena_alloc(&memory, (MAX_WORDS + 2) * sizeof(*argv));
	char **environment = arena_alloc(&memory, (MAX_WORDS + 1) * sizeof(*environment));
	int argc = 1;

	argv[0] = arena_strdup(&memory, "dind-init");
	for (size_t i = 0; i < MAX_WORDS && invocation->words[i]; i++)
		argv[argc++] = arena_strdup(&memory, invocation->words[i]);
	for (size_t i = 0; i < MAX_WORDS && invocation->environment[i]; i++)
		environment[i] = arena_strdup(&memory, invocation->environment[i]);
	cli_init(cli, environment);
	memset(usage, 0, sizeof(*usage));
	return cli_parse(cli, argc, argv, usage);
}

/* "a b c" of a NULL ended vector, "" for none. */
static const char *joined(const char *const *words, char *buf, size_t size)
{
	size_t used = 0;

	buf[0] = '\0';
	for (size_t i = 0; words && words[i]; i++)
		used += (size_t) snprintf(buf + used, size - used, "%s%s", i ? " " : "", words[i]);
	return buf;
}

#endif
