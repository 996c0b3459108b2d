/* SPDX-License-Identifier: Apache-2.0 */
/* local.c - is a host's address one of this network namespace? libcurl looks it up; nobody is
 * connected to. */
#include <arpa/inet.h>
#include <stdio.h>
#include <string.h>

#include "client.h"
#include "dind/file.h"
#include "http_internal.h"

#define LOOKUP_MS 3000

struct lookup {
	bool found, ours;
	char text[INET6_ADDRSTRLEN];
};

/* Only an address of ours can be bound to. */
static bool is_ours(const struct curl_sockaddr *address)
{
	struct sockaddr_storage any_port = { 0 };
	auto_close int fd = -EBADF;

	if (address->addrlen > sizeof(any_port))
		return false;
	memcpy(&any_port, &address->addr, address->addrlen);
	if (any_port.ss_family == AF_INET)
		((struct sockaddr_in *) &any_port)->sin_port = 0;
	else if (any_port.ss_family == AF_INET6)
		((struct sockaddr_in6 *) &any_port)->sin6_port = 0;
	fd = socket(any_port.ss_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
	return fd >= 0 && bind(fd, (struct sockaddr *) &any_port, address->addrlen) == 0;
}

/* Called for each address of the name, in the place of a connection. */
static curl_socket_t look_at(void *user, curlsocktype purpose, struct curl_sockaddr *address)
{
	struct lookup *lookup = user;
	const void *bytes = address->family == AF_INET6
				    ? (void *) &((struct sockaddr_in6 *) &address->addr)->sin6_addr
				    : (void *) &((struct sockaddr_in *) &address->addr)->sin_addr;

	(void) purpose;
	if (lookup->ours)
		return CURL_SOCKET_BAD;
	lookup->found = true;
	lookup->ours = is_ours(address);
	(void) inet_ntop(address->family, bytes, lookup->text, sizeof(lookup->text));
	return CURL_SOCKET_BAD;
}

/* What libcurl cannot know: ssh is somebody else's business. */
static const char *as_tcp(struct arena *arena, const char *url)
{
	const char *host = strstr(url, "://"), *at;

	if (!host || strncmp(url, "ssh://", strlen("ssh://")) != 0)
		return url;
	host += strlen("://");
	at = strrchr(host, '@');
	host = at ? at + 1 : host;
	return arena_printf(arena, "tcp://%.*s", (int) strcspn(host, "/"), host);
}

int local_run(const struct client_options *options)
{
	struct lookup lookup = { .found = false };
	struct arena arena = ARENA_INIT;
	struct error err = ERROR_INIT;
	struct http_tls plain = { 0 };
	struct http_host host;
	CURL *curl = NULL;

	if (http_host_parse(&host, as_tcp(&arena, options->host), &plain, &arena, &err) == 0 &&
	    !host.socket)
		curl = http_handle(&host, "/", clock_now_ms() + LOOKUP_MS, &err);
	if (curl) {
		curl_easy_setopt(curl, CURLOPT_OPENSOCKETFUNCTION, look_at);
		curl_easy_setopt(curl, CURLOPT_OPENSOCKETDATA, &lookup);
		(void) curl_easy_perform(curl);
		curl_easy_cleanup(curl);
	}
	arena_free(&arena);
	if (!lookup.found)
		(void) puts("its name could not be looked up");
	else
		(void) printf("%s is %s here\n", lookup.text, lookup.ours ? "in" : "not in");
	return lookup.found ? (lookup.ours ? 0 : 1) : 2;
}
