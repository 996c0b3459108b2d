/* SPDX-License-Identifier: Apache-2.0 */
/*
 * cli.h - the front end: command line to struct options, and one function per sub-command. main.c
 * needs this only.
 */
#ifndef DIND_CLI_H
#define DIND_CLI_H

#include <signal.h>

#include "dind/arena.h"
#include "dind/error.h"
#include "dind/options.h"

/* One invocation. Owned by main, from cli_init() to cli_free(). */
struct cli {
	struct options options;
	struct arena arena;   /* strings of the options */
	struct strings notes; /* what the environment said that has no effect: warned about once */
	bool help, version;   /* the options of these names */
	bool man;	      /* help --man */
	const char *dockerd;  /* COMMAND named the engine's program by a path, else NULL */
	bool without_tls_variable; /* a personality: DOCKER_TLS_CERTDIR is not for its engine */
	bool tells_iptables;	   /* a personality: a line of iptables is part of the contract */
	bool dockerd_asks;	   /* dockerd --version and the like: nothing is to be set up */
	sigset_t signals;	   /* the mask that we were started with */
	int64_t started_ms;	   /* CLOCK_MONOTONIC when main began */
};

/* Why a command line is refused: stable code, one line of fact, one of remedy. Static or of cli's
 * arena. */
struct cli_usage {
	const char *code;
	const char *fact;
	const char *remedy;
};

/* @environment is borrowed for the life of @cli, NULL ended. */
void cli_init(struct cli *cli, char *const *environment);
void cli_free(struct cli *cli);

/*
 * Fill cli->options from @argv and the environment. Changes nothing else and prints nothing.
 * Returns 0, or -EINVAL with @ret_usage filled (the log options are then set as far as they are
 * known).
 */
int cli_parse(struct cli *cli, int argc, char **argv, struct cli_usage *ret_usage);

/*
 * Called by another program's name (argv[0]): act as that program. False: by our own.
 */
bool cli_personality(struct cli *cli, int argc, char **argv, int *ret_status);

/*
 * cli_parse(), then set up logging, print what is wrong and give other sub-commands than run their
 * signals back. Returns STATUS_OK or STATUS_USAGE.
 */
int cli_begin(struct cli *cli, int argc, char **argv);

/* Carry out cli->options.command. Returns the exit status of the process. */
int cli_dispatch(struct cli *cli);

#endif
