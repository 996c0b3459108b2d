/* SPDX-License-Identifier: Apache-2.0 */
/* internal.h - what the two kinds of traffic share. Private to relay. */
#ifndef DIND_RELAY_INTERNAL_H
#define DIND_RELAY_INTERNAL_H

#include "relay.h"

#define RELAY_QUESTIONS	 256
#define RELAY_STREAMS	 64
#define RELAY_TIMEOUT_MS 10000

enum source {
	SOURCE_UDP = 0,
	SOURCE_TCP,
	SOURCE_QUESTION,
	SOURCE_STREAM,
};

/* A datagram that was passed on; its own socket tells whose answer it is. */
struct question {
	int fd; /* negative: free */
	struct sockaddr_in client;
	size_t server;
	int64_t deadline;
};

struct stream {
	int fds[2]; /* client and server; negative: free */
	struct {
		char bytes[4096];
		size_t start, end;
		bool ended; /* nothing more will be read */
		bool told;  /* and the other side knows */
	} way[2];	    /* from fds[i] to the other */
	size_t server;
	int64_t deadline;
};

struct relay {
	int udp, tcp, epoll;
	const struct sockaddr_storage *servers;
	size_t n_servers;
	size_t current; /* the one that is asked */
	size_t busy;	/* slots that are in use */
	struct question questions[RELAY_QUESTIONS];
	struct stream streams[RELAY_STREAMS];
};

/* Events of @fd arrive as @source and @index. 0 or a negative errno. */
int relay_watch(const struct relay *relay, int fd, enum source source, size_t index,
		uint32_t events);

/*
 * A socket that is connected, or is about to be, to the server that is asked now, for @type of
 * traffic. Negative: it cannot be reached (no route, no IPv6 here), and the next one is asked.
 */
int relay_connect(struct relay *relay, int type);

/* @server has not answered: ask the next one, unless that was decided before. */
void relay_silent(struct relay *relay, size_t server);

void relay_init_slots(struct relay *relay);
/* End what is older than it may be at @now. */
void relay_end_old(struct relay *relay, int64_t now);

void relay_take_questions(struct relay *relay);
void relay_take_answer(struct relay *relay, struct question *question);

void relay_accept(struct relay *relay);
void relay_pump(struct relay *relay, struct stream *stream);
void relay_end_stream(struct relay *relay, struct stream *stream);
void relay_end_question(struct relay *relay, struct question *question);

#endif
