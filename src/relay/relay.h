/* SPDX-License-Identifier: Apache-2.0 */
/*
 * relay.h - names for inner containers: what arrives at two sockets goes to a name server that only
 * this network namespace reaches, and the answers go back. It looks into nothing that it passes on.
 */
#ifndef DIND_RELAY_RELAY_H
#define DIND_RELAY_RELAY_H

#include <netinet/in.h>
#include <stddef.h>
#include <sys/socket.h>

#include "dind/error.h"

/* The name by which we are called for this, with name servers as arguments, and the descriptors of
 * the UDP and of the listening TCP socket, both non-blocking. */
#define RELAY_NAME   "dind-dns"
#define RELAY_UDP_FD 3
#define RELAY_TCP_FD 4

#define RELAY_MAX_SERVERS 8

/*
 * Serve for ever: at most 256 questions and 64 connections at a time, each for 10 s at most; the
 * oldest gives way. @servers are asked in turn, the next one when one is silent or refuses. Returns
 * only with a negative errno, for what cannot be mended.
 */
int relay_run(int udp, int tcp, const struct sockaddr_storage *servers, size_t n_servers,
	      struct error *err);

/*
 * As the program: addresses in argv[1…] (port 53; IPv4 or IPv6, a link-local one with its device:
 * "fe80::1%eth0"), sockets as above. The exit status.
 */
int relay_main(int argc, char **argv);

#endif
