/* SPDX-License-Identifier: Apache-2.0 */
#include "relay.h"

#include <sys/epoll.h>

#include "dind/file.h"
#include "internal.h"

#define MAX_EVENTS   32
#define LOOK_EACH_MS 1000

static void take_event(struct relay *relay, const struct epoll_event *event)
{
	enum source source = (enum source)(event->data.u64 >> 32);
	size_t index = (size_t) (event->data.u64 & UINT32_MAX);

	switch (source) {
	case SOURCE_UDP:
		relay_take_questions(relay);
		break;
	case SOURCE_TCP:
		relay_accept(relay);
		break;
	case SOURCE_QUESTION:
		relay_take_answer(relay, &relay->questions[index]);
		break;
	case SOURCE_STREAM:
		relay_pump(relay, &relay->streams[index]);
		break;
	}
}

int relay_watch(const struct relay *relay, int fd, enum source source, size_t index,
		uint32_t events)
{
	struct epoll_event event = { .events = events,
				     .data.u64 = (uint64_t) source << 32 | index };

	return epoll_ctl(relay->epoll, EPOLL_CTL_ADD, fd, &event) < 0 ? -errno : 0;
}

void relay_silent(struct relay *relay, size_t server)
{
	if (server == relay->current)
		relay->current = (server + 1) % relay->n_servers;
}

int relay_connect(struct relay *relay, int type)
{
	const struct sockaddr_storage *server = &relay->servers[relay->current];
	auto_close int fd = socket(server->ss_family, type | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

	/* the kernel takes of it what the family has */
	if (fd < 0 || (connect(fd, (const struct sockaddr *) server, sizeof(*server)) < 0 &&
		       errno != EINPROGRESS)) {
		relay_silent(relay, relay->current);
		return -EHOSTUNREACH;
	}
	return fd_take(&fd);
}

static int serve(struct relay *relay)
{
	for (;;) {
		struct epoll_event events[MAX_EVENTS];
		int n = epoll_wait(relay->epoll, events, MAX_EVENTS,
				   relay->busy ? LOOK_EACH_MS : -1);

		if (n < 0 && errno != EINTR)
			return -errno;
		for (int i = 0; i < n; i++)
			take_event(relay, &events[i]);
		if (relay->busy)
			relay_end_old(relay, clock_now_ms());
	}
}

static int prepare_and_serve(struct relay *relay, struct error *err)
{
	auto_close int epoll = epoll_create1(EPOLL_CLOEXEC);
	int r;

	if (epoll < 0)
		return error_set(err, -errno, "prepare the relay");
	relay->epoll = epoll;
	relay_init_slots(relay);
	r = relay_watch(relay, relay->udp, SOURCE_UDP, 0, EPOLLIN);
	if (r == 0)
		r = relay_watch(relay, relay->tcp, SOURCE_TCP, 0, EPOLLIN);
	if (r == 0)
		r = serve(relay);
	relay_end_old(relay, INT64_MAX);
	return error_set(err, r, "relay names");
}

int relay_run(int udp, int tcp, const struct sockaddr_storage *servers, size_t n_servers,
	      struct error *err)
{
	struct relay *relay;
	int r;

	if (n_servers == 0 || n_servers > RELAY_MAX_SERVERS)
		return error_set_plain(err, -EINVAL, "%zu name servers", n_servers);
	relay = calloc(1, sizeof(*relay));
	if (!relay)
		return error_set(err, -ENOMEM, "prepare the relay");
	relay->udp = udp;
	relay->tcp = tcp;
	relay->servers = servers;
	relay->n_servers = n_servers;
	r = prepare_and_serve(relay, err);
	free(relay);
	return r;
}
