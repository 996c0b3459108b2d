/* SPDX-License-Identifier: Apache-2.0 */
/* docker:dind's word about iptables, and its line. What works is found out by trial, as always. */
#include "personality.h"

/* docker:dind's place: links named iptables, ip6tables, … to the legacy programs. */
#define LEGACY_DIRECTORY "/usr/local/sbin/.iptables-legacy"
#define DEFAULT_PATH	 "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
#define TIMEOUT_MS	 5000

void personality_iptables_choose(struct cli *cli)
{
	const char *path = personality_variable(cli, "PATH");

	if (personality_variable(cli, "DOCKER_IPTABLES_LEGACY") &&
	    access(LEGACY_DIRECTORY "/iptables", X_OK) == 0)
		personality_set(cli, "PATH",
				arena_printf(&cli->arena, LEGACY_DIRECTORY ":%s",
					     path ? path : DEFAULT_PATH));
}

void personality_iptables_print(const struct cli *cli, const char *const *environment, bool wait)
{
	static const char *const argv[] = { "iptables", "--version", NULL };

	if (wait)
		(void) personality_run(cli, argv, environment, STDOUT_FILENO, TIMEOUT_MS);
	else
		personality_start(cli, argv, environment, STDOUT_FILENO);
}
