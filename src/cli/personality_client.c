/* SPDX-License-Identifier: Apache-2.0 */
/* docker-entrypoint.sh: docker's sub-commands without `docker`, and a DOCKER_HOST that works. */
#include <string.h>
#include <sys/stat.h>

#include "dind/file.h"
#include "dind/log.h"
#include "dind/str.h"
#include "personality.h"

#define HELP_TIMEOUT_MS 10000
#define HINT_SECONDS	3

/* ---- which engine ---- */

static bool is_socket(const char *path)
{
	struct stat st;

	return stat(path, &st) == 0 && S_ISSOCK(st.st_mode);
}

/* The directory with the client's certificates, when all three are there; else NULL. */
static const char *certificates(struct cli *cli)
{
	static const char *const files[] = { "ca.pem", "cert.pem", "key.pem" };
	const char *directory = personality_variable(cli, "DOCKER_TLS_CERTDIR");

	for (size_t i = 0; directory && i < ARRAY_SIZE(files); i++) {
		struct stat st;

		if (stat(arena_printf(&cli->arena, "%s/client/%s", directory, files[i]), &st) < 0 ||
		    st.st_size == 0)
			return NULL;
	}
	return directory ? arena_printf(&cli->arena, "%s/client", directory) : NULL;
}

static const char *choose_host(struct cli *cli, const char *socket, bool tls)
{
	const char *runtime = personality_variable(cli, "XDG_RUNTIME_DIR");
	const char *path;

	if (is_socket(socket))
		return arena_printf(&cli->arena, "unix://%s", socket);
	if (!runtime)
		runtime = arena_printf(&cli->arena, "/run/user/%u", (unsigned int) geteuid());
	path = arena_printf(&cli->arena, "%s/docker.sock", runtime);
	if (is_socket(path))
		return arena_printf(&cli->arena, "unix://%s", path);
	return tls ? "tcp://docker:2376" : "tcp://docker:2375";
}

void personality_client_environment(struct cli *cli, const char *socket)
{
	const char *certs = certificates(cli);
	bool verify = personality_variable(cli, "DOCKER_TLS_VERIFY") != NULL;
	const char *host = personality_variable(cli, "DOCKER_HOST");

	if (!host) {
		host = choose_host(cli, socket, certs || verify);
		personality_set(cli, "DOCKER_HOST", host);
	}
	if (!str_has_prefix(host, "tcp:") || verify || !certs ||
	    personality_variable(cli, "DOCKER_CERT_PATH"))
		return;
	personality_set(cli, "DOCKER_TLS_VERIFY", "1");
	personality_set(cli, "DOCKER_CERT_PATH", certs);
}

/* ---- which command ---- */

/*
 * Whether `docker help WORD` succeeds: docker's own commands and those of plugins. It asks the
 * engine what it can do, which takes long when that is not there; this one is known not to be.
 */
static bool is_of_docker(struct cli *cli, const char *word)
{
	const char *const argv[] = { "docker", "help", word, NULL };
	const char *const *all = cli->options.environment, *const * given;
	bool known;

	if (strchr(word, '/'))
		return false; /* a path, and no command has a slash */
	personality_set(cli, "DOCKER_CONTEXT", NULL);
	personality_set(cli, "DOCKER_HOST", "unix:///nonexistent/docker.sock");
	given = cli->options.environment;
	known = personality_run(cli, argv, given, -1, HELP_TIMEOUT_MS) == 0;
	cli->options.environment = all;
	return known;
}

/* Somebody took the image for the one with an engine. */
static void hint(void)
{
	log_line(LOG_LEVEL_WARNING, "DIND-USAGE-13",
		 "docker-entrypoint.sh only starts clients, and nothing prepares the container for "
		 "this dockerd → the entry point with an engine is dockerd-entrypoint.sh, and it "
		 "needs docker run --privileged");
	clock_sleep_ms(HINT_SECONDS * 1000);
}

int personality_docker_client(struct cli *cli, int argc, char **argv)
{
	struct strings words = STRINGS_INIT;

	if (argc < 2) {
		log_line(LOG_LEVEL_ERROR, "DIND-USAGE-12",
			 "docker-entrypoint.sh: there is no command to run");
		return STATUS_USAGE;
	}
	if (argv[1][0] == '-' || is_of_docker(cli, argv[1]))
		strings_add(&cli->arena, &words, "docker");
	for (int i = 1; i < argc; i++)
		strings_add(&cli->arena, &words, argv[i]);
	if (strcmp(argv[1], "dockerd") == 0)
		hint();
	personality_client_environment(cli, DIND_DEFAULT_SOCKET);
	return personality_exec(cli, personality_argv(&words));
}
