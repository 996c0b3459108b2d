/* SPDX-License-Identifier: Apache-2.0 */
/* dockerd-entrypoint.sh: docker:dind's arguments and environment as options of ours. */
#include <limits.h>
#include <string.h>

#include "commands.h"
#include "dind/log.h"
#include "dind/str.h"
#include "personality.h"

#define TCP_PLAIN "tcp://0.0.0.0:2375"
#define TCP_TLS	  "tcp://0.0.0.0:2376"

static void add(struct cli *cli, struct strings *words, const char *word)
{
	strings_add(&cli->arena, words, word);
}

bool personality_dockerd_is_engine(char *const *args)
{
	return !args[0] || args[0][0] == '-' || strcmp(args[0], "dockerd") == 0;
}

/* ---- TLS ---- */

/* Empty is as if it were not set. */
static const char *tls_directory(const struct cli *cli)
{
	const char *ours = personality_variable(cli, "DIND_TLS_DIR");

	return ours ? ours : personality_variable(cli, "DOCKER_TLS_CERTDIR");
}

/* ---- listeners ---- */

static void add_listeners(struct cli *cli, struct strings *words, bool tls)
{
	const char *given = personality_variable(cli, "DOCKER_HOST");

	if (personality_variable(cli, "DIND_HOST"))
		return; /* ours to be asked, and then it is what is wanted */
	add(cli, words, "--host");
	/* what a CI system says of its own engine in there is for clients */
	add(cli, words,
	    given && str_has_prefix(given, "unix://") ? given : "unix://" DIND_DEFAULT_SOCKET);
	add(cli, words, "--host");
	add(cli, words, tls ? TCP_TLS : TCP_PLAIN);
}

char **personality_dockerd_words(struct cli *cli, char *const *args)
{
	bool exact = args[0] && strcmp(args[0], "dockerd") == 0;
	const char *tls = tls_directory(cli);
	struct strings words = STRINGS_INIT;

	add(cli, &words, "dockerd-entrypoint.sh");
	add(cli, &words, "--mode");
	add(cli, &words, "nested");
	/* whoever runs docker:dind without TLS has said so, one way or the other */
	add(cli, &words, "--insecure-tcp");
	/* the flags that follow `dockerd` are all there is to it */
	cli->without_tls_variable = exact;
	if (!exact)
		add_listeners(cli, &words, tls != NULL);
	add(cli, &words, "--");
	add(cli, &words, "dockerd");
	for (args += exact ? 1 : 0; *args; args++)
		add(cli, &words, *args);
	return personality_argv(&words);
}

/* ---- starting ---- */

/* What a shell would end with: 0, 126 or 127. */
static int look_for_dockerd(const struct cli *cli)
{
	const char *path = personality_variable(cli, "PATH");
	int status = STATUS_NOT_FOUND;

	while (path && *path) {
		size_t n = strcspn(path, ":");
		char full[PATH_MAX];
		int length = snprintf(full, sizeof(full), "%.*s/dockerd", (int) n, path);

		if (length > 0 && (size_t) length < sizeof(full)) {
			if (access(full, X_OK) == 0)
				return STATUS_OK;
			if (access(full, F_OK) == 0)
				status = STATUS_CANNOT_EXECUTE;
		}
		path += n + (path[n] == ':');
	}
	return path ? status : STATUS_OK; /* no PATH: dind-init has a default */
}

/* dockerd's own words for it, which it has no reason to say of sockets that it is handed. */
static void warn_of_plain_tcp(const struct cli *cli, char *const *args)
{
	const struct options *o = &cli->options;

	for (; *args; args++)
		if (str_has_prefix(*args, "--tls") && !str_has_suffix(*args, "=false"))
			return;
	for (size_t i = 0; i < o->n_hosts && !o->tls_dir && !cli->dockerd_asks; i++)
		if (str_equal(o->hosts[i], TCP_PLAIN))
			log_line(LOG_LEVEL_WARNING, "DIND-LISTEN-03",
				 TCP_PLAIN
				 ": binding to IP address without --tlsverify is insecure "
				 "and gives root access on this machine to everyone who "
				 "has access to your network");
}

int personality_dockerd(struct cli *cli, int argc, char **argv)
{
	int status, n = 0;
	char **words;

	if (argc < 1 || !personality_dockerd_is_engine(argv + 1))
		return personality_docker_client(cli, argc, argv);
	if (geteuid() != 0)
		return personality_rootless(cli);
	status = look_for_dockerd(cli);
	if (status != STATUS_OK) {
		report_refusal("DIND-ENGINE-91",
			       status == STATUS_NOT_FOUND
				       ? "there is no dockerd in PATH"
				       : "the dockerd in PATH cannot be executed",
			       "an image that has it (Debian: docker.io)");
		return status;
	}
	personality_iptables_choose(cli);
	words = personality_dockerd_words(cli, argv + 1);
	while (words[n])
		n++;
	status = cli_begin(cli, n, words);
	if (status != STATUS_OK)
		return status;
	cli->options.tmp_tmpfs = true; /* as hack/dind, which is part of that image */
	cli->options.tls_beside = !cli->without_tls_variable;
	/* the line that people look for in the log of docker:dind; before dockerd's own. Which one
	 * it is, the plan decides */
	if (cli->dockerd_asks)
		personality_iptables_print(cli, cli->options.environment, true);
	cli->tells_iptables = true;
	warn_of_plain_tcp(cli, argv + 1);
	return cli_dispatch(cli);
}
