/* SPDX-License-Identifier: Apache-2.0 */
/* personality.h - what each of the other names does. Each returns the exit status of the process.
 */
#ifndef DIND_CLI_PERSONALITY_H
#define DIND_CLI_PERSONALITY_H

#include "cli.h"

/* tini, as `docker run --init` wants it: src/init. */
int personality_docker_init(struct cli *cli, int argc, char **argv);

/*
 * moby's hack/dind: prepare the container for an engine, then exec argv[1…] in our place: same pid,
 * descriptors and directory; the environment gains container=docker. Returns only when that fails,
 * or for no command: STATUS_USAGE, with DIND_STRICT_COMPAT set 0, as it always was.
 */
int personality_dind(struct cli *cli, int argc, char **argv);

#endif
