/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Personalities: other programs' names, by which images and scripts call us. The name alone
 * decides, never the arguments: their grammars collide.
 */
#include "personality.h"

#include <string.h>

#include "init/init.h"
#include "relay/relay.h"

static int personality_relay(struct cli *cli, int argc, char **argv)
{
	(void) sigprocmask(SIG_SETMASK, &cli->signals, NULL);
	return relay_main(argc, argv);
}

static const struct {
	const char *name;
	int (*run)(struct cli *cli, int argc, char **argv);
} personalities[] = {
	{ "dind", personality_dind },
	{ "docker-init", personality_docker_init },
	{ RELAY_NAME, personality_relay },
	{ "runc", personality_runc },
	{ "dockerd-entrypoint.sh", personality_dockerd },
	{ "docker-entrypoint.sh", personality_docker_client },
	{ "wrapdocker", personality_wrapdocker },
	{ "jenkins-agent", personality_jenkins },
	{ "jenkins-slave", personality_jenkins },
	{ "setup-sshd", personality_jenkins },
	{ "jenkins-sshd", personality_sshd },
	{ "jenkins-inbound", personality_inbound },
};

int personality_docker_init(struct cli *cli, int argc, char **argv)
{
	return init_main(argc, argv, (char *const *) (uintptr_t) cli->options.environment,
			 &cli->signals);
}

bool cli_personality(struct cli *cli, int argc, char **argv, int *ret_status)
{
	const char *slash = argc > 0 ? strrchr(argv[0], '/') : NULL;
	const char *name = slash ? slash + 1 : argc > 0 ? argv[0] : "";

	for (size_t i = 0; i < ARRAY_SIZE(personalities); i++) {
		if (strcmp(personalities[i].name, name) != 0)
			continue;
		*ret_status = personalities[i].run(cli, argc, argv);
		return true;
	}
	return false;
}
