/* SPDX-License-Identifier: Apache-2.0 */
#include "dind/certs.h"

#include <poll.h>

#include "dind/file.h"

#define GO_MS 120000 /* longer than all trials of all rounds: whoever started us forgot it */

static const struct certs_meaning meanings[CERTS_FAIL_COUNT] = {
	[CERTS_FAIL_SYSTEM] = { CODE_TLS_SYSTEM,
				"mount a writable volume there, or one with server/ca.pem, "
				"server/cert.pem and server/key.pem of your own",
				STATUS_OSERR, EIO, STATUS_OSERR },
	[CERTS_FAIL_SAN] = { CODE_TLS_SAN, "write DOCKER_TLS_SAN as DNS:NAME,IP:ADDRESS and so on",
			     82, EINVAL, STATUS_CONFIG },
	[CERTS_FAIL_EXPIRED] = { CODE_TLS_EXPIRED,
				 "renew it, or remove the files of server/ so that certificates "
				 "are made",
				 83, EKEYEXPIRED, STATUS_CONFIG },
	[CERTS_FAIL_KEY] = { CODE_TLS_KEY,
			     "put key and certificate of one pair there, or remove both", 84,
			     EKEYREJECTED, STATUS_CONFIG },
	[CERTS_FAIL_CHAIN] = { CODE_TLS_CHAIN,
			       "let server/ca.pem be the CA that has signed server/cert.pem", 85,
			       ENOKEY, STATUS_CONFIG },
	[CERTS_FAIL_UNREADABLE] = { CODE_TLS_UNREADABLE,
				    "mount it as PEM without a pass phrase, readable to root, or "
				    "remove it",
				    86, EBADMSG, STATUS_CONFIG },
	[CERTS_FAIL_NAMES] = { CODE_TLS_NAMES,
			       "a certificate that has it in its subjectAltName, or leave it out "
			       "of DOCKER_TLS_SAN",
			       87, EADDRNOTAVAIL, STATUS_CONFIG },
	[CERTS_FAIL_NO_CA_KEY] = { CODE_TLS_NO_CA_KEY,
				   "add ca/key.pem, or server/ca.pem, server/cert.pem and "
				   "server/key.pem, or remove ca/cert.pem",
				   88, ENOENT, STATUS_CONFIG },
};

const struct certs_meaning *certs_meaning(enum certs_failure failure)
{
	return (unsigned int) failure < CERTS_FAIL_COUNT ? &meanings[failure]
							 : &meanings[CERTS_FAIL_SYSTEM];
}

const struct certs_meaning *certs_meaning_of_exit(int exit_status)
{
	for (size_t i = 0; i < CERTS_FAIL_COUNT; i++)
		if (meanings[i].exit_status == exit_status)
			return &meanings[i];
	return &meanings[CERTS_FAIL_SYSTEM];
}

const struct certs_meaning *certs_meaning_of_error(int error)
{
	for (size_t i = 0; i < CERTS_FAIL_COUNT; i++)
		if (meanings[i].error == error)
			return &meanings[i];
	return &meanings[CERTS_FAIL_SYSTEM];
}

int certs_await_go(int fd)
{
	int64_t deadline = clock_now_ms() + GO_MS, left;
	struct pollfd ready = { .fd = fd, .events = POLLIN };
	char byte;

	while ((left = deadline - clock_now_ms()) > 0) {
		ssize_t n;

		if (poll(&ready, 1, (int) left) <= 0)
			continue;
		n = read(fd, &byte, 1);
		if (n > 0)
			return 0;
		if (n == 0 || (errno != EAGAIN && errno != EINTR))
			return -EPIPE;
	}
	return -ETIMEDOUT;
}
