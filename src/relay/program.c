/* SPDX-License-Identifier: Apache-2.0 */
#include <arpa/inet.h>
#include <net/if.h>
#include <string.h>
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

/* "10.0.0.2", "fd00::2", "fe80::1%eth0" */
static bool parse(const char *text, struct sockaddr_storage *ret_server)
{
	struct sockaddr_in ipv4 = { .sin_family = AF_INET, .sin_port = htons(DNS_PORT) };
	struct sockaddr_in6 ipv6 = { .sin6_family = AF_INET6, .sin6_port = htons(DNS_PORT) };
	const char *device = strchr(text, '%');
	char address[INET6_ADDRSTRLEN];
	size_t n = device ? (size_t) (device - text) : strlen(text);

	memset(ret_server, 0, sizeof(*ret_server));
	if (inet_pton(AF_INET, text, &ipv4.sin_addr) == 1) {
		memcpy(ret_server, &ipv4, sizeof(ipv4));
		return true;
	}
	if (n >= sizeof(address))
		return false;
	memcpy(address, text, n);
	address[n] = '\0';
	if (inet_pton(AF_INET6, address, &ipv6.sin6_addr) != 1)
		return false;
	if (device) /* 0 of one that is not there: connect(2) will say so */
		ipv6.sin6_scope_id = if_nametoindex(device + 1);
	memcpy(ret_server, &ipv6, sizeof(ipv6));
	return true;
}

int relay_main(int argc, char **argv)
{
	struct sockaddr_storage servers[RELAY_MAX_SERVERS];
	struct error err = ERROR_INIT;
	size_t n = 0;

	for (int i = 1; i < argc && n < RELAY_MAX_SERVERS; i++) {
		if (!parse(argv[i], &servers[n]))
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
