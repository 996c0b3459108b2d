/* SPDX-License-Identifier: Apache-2.0 */
/* Which iptables: the one in PATH, on nf_tables in every image of today, or the legacy one. */
#include <fcntl.h>
#include <string.h>

#include "dind/file.h"
#include "personality.h"

/* docker:dind's place: links named iptables, ip6tables, … to the legacy programs. */
#define LEGACY_DIRECTORY "/usr/local/sbin/.iptables-legacy"
#define DEFAULT_PATH	 "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
#define TIMEOUT_MS	 5000

/* Rules of somebody who uses the legacy tables in this network namespace. */
static bool legacy_rules(void)
{
	static const char *const lists[] = {
		"/proc/net/ip_tables_names",
		"/proc/net/ip6_tables_names",
		"/proc/net/arp_tables_names",
	};

	for (size_t i = 0; i < ARRAY_SIZE(lists); i++) {
		char text[8];

		if (file_read_at(AT_FDCWD, lists[i], text, sizeof(text)) > 0)
			return true;
	}
	return false;
}

static bool lists_rules(const struct cli *cli, const char *program)
{
	const char *const argv[] = { program, "-nL", NULL };

	return personality_run(cli, argv, cli->options.environment, -1, TIMEOUT_MS) == 0;
}

static bool wants_legacy(const struct cli *cli)
{
	const char *said = options_environment(&cli->options, "DOCKER_IPTABLES_LEGACY");

	if (said)
		return *said != '\0';
	return legacy_rules() ||
	       (!lists_rules(cli, "iptables") && lists_rules(cli, LEGACY_DIRECTORY "/iptables"));
}

void personality_iptables(struct cli *cli)
{
	static const char *const version[] = { "iptables", "--version", NULL };
	const char *path = personality_variable(cli, "PATH");

	if (wants_legacy(cli) && access(LEGACY_DIRECTORY "/iptables", X_OK) == 0)
		personality_set(cli, "PATH",
				arena_printf(&cli->arena, LEGACY_DIRECTORY ":%s",
					     path ? path : DEFAULT_PATH));
	/* the line that people look for in the log of docker:dind */
	(void) personality_run(cli, version, cli->options.environment, STDOUT_FILENO, TIMEOUT_MS);
}
