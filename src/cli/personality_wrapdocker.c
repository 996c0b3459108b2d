/* SPDX-License-Identifier: Apache-2.0 */
/* wrapdocker: PORT, LOG and DOCKER_DAEMON_ARGS, a command or a login shell. */
#include <string.h>
#include <sys/syscall.h>

#include "personality.h"
#include "words.h"

#ifndef SYS_close_range
#define SYS_close_range 436
#endif

#define LOG_FILE "/var/log/docker.log"

static void add(struct cli *cli, struct strings *words, const char *word)
{
	strings_add(&cli->arena, words, word);
}

/* The engine in the foreground, reached by others. Arguments mean nothing, as ever. */
static void add_foreground(struct cli *cli, struct strings *words, const char *port)
{
	const char *flags = personality_variable(cli, "DOCKER_DAEMON_ARGS");

	add(cli, words, "--host");
	add(cli, words, arena_printf(&cli->arena, "tcp://0.0.0.0:%s", port));
	add(cli, words, "--host");
	add(cli, words, "unix://" DIND_DEFAULT_SOCKET);
	add(cli, words, "--");
	add(cli, words, "dockerd");
	if (flags)
		/* as flags of the same rank, their listeners are more ones, not others */
		words_split(&cli->arena, flags, " \t\n", words);
	personality_set(cli, "DOCKER_DAEMON_ARGS", NULL);
}

static void add_background(struct cli *cli, struct strings *words, char *const *args)
{
	const char *log = personality_variable(cli, "LOG");

	if (!personality_variable(cli, "DIND_ENGINE_LOG")) {
		add(cli, words, "--engine-log");
		add(cli, words, log && strcmp(log, "file") == 0 ? "file:" LOG_FILE : "stderr");
	}
	/* better a shell in which one can look than none */
	cli->options.late_message = "Timed out trying to connect to internal docker host.";
	add(cli, words, "--");
	if (!args[0] || !*args[0]) {
		add(cli, words, "bash");
		add(cli, words, "--login");
		return;
	}
	for (; *args; args++)
		add(cli, words, *args);
}

char **personality_wrapdocker_words(struct cli *cli, char *const *args)
{
	const char *port = personality_variable(cli, "PORT");
	struct strings words = STRINGS_INIT;

	add(cli, &words, "wrapdocker");
	add(cli, &words, "--mode");
	add(cli, &words, "nested");
	add(cli, &words, "--insecure-tcp"); /* listeners are named by whoever starts it */
	cli->without_tls_variable = true;   /* it knows of TLS by dockerd's flags only */
	if (port)
		add_foreground(cli, &words, port);
	else
		add_background(cli, &words, args);
	return personality_argv(&words);
}

int personality_wrapdocker(struct cli *cli, int argc, char **argv)
{
	char **words = personality_wrapdocker_words(cli, argv + (argc > 0 ? 1 : 0));
	int n = 0, status;

	while (words[n])
		n++;
	/* nothing of ours is open yet; an old kernel leaves them to COMMAND */
	(void) syscall(SYS_close_range, STDERR_FILENO + 1, ~0u, 0);
	status = cli_begin(cli, n, words);
	return status == STATUS_OK ? cli_dispatch(cli) : status;
}
