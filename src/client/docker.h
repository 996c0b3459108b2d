/* SPDX-License-Identifier: Apache-2.0 */
/* docker.h - the docker client that COMMAND will use, and the engine that was waited for. */
#ifndef CLIENT_DOCKER_H
#define CLIENT_DOCKER_H

/* What the engine said of itself; "" for what it did not say. */
struct docker_engine {
	const char *host; /* as DOCKER_HOST */
	const char *version, *api_min;
};

/*
 * Do the docker of PATH and that engine get along? It is asked itself, in our environment, which is
 * COMMAND's; warned about when they do not. Takes a few seconds at most; nothing is said where
 * there is no docker. Over ssh the oldest version that the engine takes is compared, and no more.
 */
void docker_check(const struct docker_engine *engine);

/* "1.45" as 1045; 0 for what is no version of the API. Pure. */
int docker_api_number(const char *text);

#endif
