/* SPDX-License-Identifier: Apache-2.0 */
/* ssh.h - an engine behind ssh, the docker client's way: its API through the standard input and
 * output of `docker system dial-stdio` there. */
#ifndef CLIENT_SSH_H
#define CLIENT_SSH_H

#include <sys/types.h>

#include "dind/arena.h"
#include "dind/error.h"

struct ssh {
	pid_t pid;     /* 0: none */
	char name[16]; /* of an abstract unix socket: who connects there, from this process, talks
			  to the engine */
	int errors;    /* what ssh says of itself */
};

/* Have ssh started to @url (ssh://[USER@]HOST[:PORT]) as soon as somebody connects. ssh_close() in
 * any case. 0 or negative errno. */
int ssh_open(struct ssh *ssh, const char *url, struct arena *arena, struct error *err);

/* End it. *@ret_status is its wait status, and @buf the last line of what it said, "" for none. */
void ssh_close(struct ssh *ssh, int *ret_status, char *buf, size_t size);

#endif
