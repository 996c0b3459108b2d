/* SPDX-License-Identifier: Apache-2.0 */
#include <arpa/inet.h>
#include <sys/prctl.h>
#include <sys/socket.h>

#include "dind/log.h"
#include "relay.h"

#define DNS_PORT 53

static bool is_socket(int fd, int type)
{
	int have = 0;
	socklen_t size = sizeof(have);

	return getsockopt(fd, SOL_SOCKET, SO_TYPE, &have, &size) == 0 && have == type;
}

int relay_main(int argc, char **argv)
{
	struct sockaddr_in servers[RELAY_MAX_SERVERS];
	struct error err = ERROR_INIT;
	size_t n = 0;

	for (int i = 1; i < argc && n < RELAY_MAX_SERVERS; i++) {
		servers[n] =
			(struct sockaddr_in){ .sin_family = AF_INET, .sin_port = htons(DNS_PORT) };
		if (inet_pton(AF_INET, argv[i], &servers[n].sin_addr) != 1)
			return STATUS_USAGE;
		n++;
	}
	if (!is_socket(RELAY_UDP_FD, SOCK_DGRAM) || !is_socket(RELAY_TCP_FD, SOCK_STREAM))
		return STATUS_USAGE;
	(void) prctl(PR_SET_NAME, RELAY_NAME); /* it was started as /proc/self/exe */
	if (relay_run(RELAY_UDP_FD, RELAY_TCP_FD, servers, n, &err) < 0)
		log_line(LOG_LEVEL_ERROR, "DIND-NET-14", "%s", err.message);
	return STATUS_OSERR;
}
