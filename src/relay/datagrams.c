/* SPDX-License-Identifier: Apache-2.0 */
/* UDP, and the slots of both kinds. */
#include <sys/epoll.h>
#include <sys/socket.h>

#include "dind/file.h"
#include "internal.h"

#define AT_ONCE	     64 /* then the answers have their turn */
#define DATAGRAM_MAX 65535

void relay_init_slots(struct relay *relay)
{
	for (size_t i = 0; i < RELAY_QUESTIONS; i++)
		relay->questions[i].fd = -EBADF;
	for (size_t i = 0; i < RELAY_STREAMS; i++)
		relay->streams[i].fds[0] = relay->streams[i].fds[1] = -EBADF;
}

void relay_end_question(struct relay *relay, struct question *question)
{
	fd_close(&question->fd);
	relay->busy--;
}

void relay_end_old(struct relay *relay, int64_t now)
{
	for (size_t i = 0; i < RELAY_QUESTIONS; i++) {
		struct question *question = &relay->questions[i];

		if (question->fd < 0 || question->deadline > now)
			continue;
		relay_silent(relay, question->server);
		relay_end_question(relay, question);
	}
	for (size_t i = 0; i < RELAY_STREAMS; i++)
		if (relay->streams[i].fds[0] >= 0 && relay->streams[i].deadline <= now)
			relay_end_stream(relay, &relay->streams[i]);
}

/* A free slot, else that of the oldest. */
static size_t take_slot(struct relay *relay)
{
	size_t oldest = 0;

	for (size_t i = 0; i < RELAY_QUESTIONS; i++) {
		if (relay->questions[i].fd < 0)
			return i;
		if (relay->questions[i].deadline < relay->questions[oldest].deadline)
			oldest = i;
	}
	relay_end_question(relay, &relay->questions[oldest]);
	return oldest;
}

/* What fails is a datagram that was lost: whoever asks will ask again. */
static void pass_on(struct relay *relay, const void *data, size_t size,
		    const struct sockaddr_in *client)
{
	size_t server = relay->current, slot;
	auto_close int fd = relay_connect(relay, SOCK_DGRAM);

	if (fd < 0)
		return;
	slot = take_slot(relay);
	if (relay_watch(relay, fd, SOURCE_QUESTION, slot, EPOLLIN) < 0)
		return;
	if (send(fd, data, size, 0) < 0) {
		relay_silent(relay, server);
		return;
	}
	relay->questions[slot] = (struct question){
		.fd = fd_take(&fd),
		.client = *client,
		.server = server,
		.deadline = clock_now_ms() + RELAY_TIMEOUT_MS,
	};
	relay->busy++;
}

void relay_take_questions(struct relay *relay)
{
	char data[DATAGRAM_MAX];

	for (int i = 0; i < AT_ONCE; i++) {
		struct sockaddr_in client;
		socklen_t length = sizeof(client);
		ssize_t n = recvfrom(relay->udp, data, sizeof(data), 0, (struct sockaddr *) &client,
				     &length);

		if (n < 0)
			return;
		if (n > 0)
			pass_on(relay, data, (size_t) n, &client);
	}
}

void relay_take_answer(struct relay *relay, struct question *question)
{
	char data[DATAGRAM_MAX];
	ssize_t n;

	if (question->fd < 0)
		return; /* its slot was taken by another in the meantime */
	n = recv(question->fd, data, sizeof(data), 0);
	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	if (n < 0)
		relay_silent(relay, question->server); /* ECONNREFUSED */
	else
		(void) sendto(relay->udp, data, (size_t) n, 0,
			      (const struct sockaddr *) &question->client,
			      sizeof(question->client));
	relay_end_question(relay, question);
}
