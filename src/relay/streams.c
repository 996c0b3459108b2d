/* SPDX-License-Identifier: Apache-2.0 */
/* TCP: for answers that are too long for a datagram. */
#include <sys/epoll.h>
#include <sys/socket.h>

#include "dind/file.h"
#include "internal.h"

void relay_end_stream(struct relay *relay, struct stream *stream)
{
	fd_close(&stream->fds[0]);
	fd_close(&stream->fds[1]);
	relay->busy--;
}

static struct stream *take_slot(struct relay *relay)
{
	struct stream *oldest = &relay->streams[0];

	for (size_t i = 0; i < RELAY_STREAMS; i++) {
		if (relay->streams[i].fds[0] < 0)
			return &relay->streams[i];
		if (relay->streams[i].deadline < oldest->deadline)
			oldest = &relay->streams[i];
	}
	relay_end_stream(relay, oldest);
	return oldest;
}

void relay_accept(struct relay *relay)
{
	auto_close int client = accept4(relay->tcp, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
	auto_close int server = -EBADF;
	size_t asked = relay->current;
	struct stream *stream;

	if (client < 0)
		return;
	server = relay_connect(relay, SOCK_STREAM);
	if (server < 0)
		return;
	stream = take_slot(relay);
	*stream = (struct stream){
		.fds = { fd_take(&client), fd_take(&server) },
		.server = asked,
		.deadline = clock_now_ms() + RELAY_TIMEOUT_MS,
	};
	relay->busy++;
	/* by edges: both are read and written until they would block */
	for (int i = 0; i < 2; i++)
		if (relay_watch(relay, stream->fds[i], SOURCE_STREAM,
				(size_t) (stream - relay->streams),
				EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET) < 0) {
			relay_end_stream(relay, stream);
			return;
		}
}

static bool would_block(void)
{
	return errno == EAGAIN || errno == EINTR;
}

/* Move what there is one way. False: the connection is of no use any more. */
static bool move(struct stream *stream, int from)
{
	int in = stream->fds[from], out = stream->fds[1 - from];
	char *bytes = stream->way[from].bytes;

	for (;;) {
		size_t *start = &stream->way[from].start, *end = &stream->way[from].end;
		ssize_t n;

		if (*start == *end && !stream->way[from].ended) {
			n = recv(in, bytes, sizeof(stream->way[from].bytes), 0);
			if (n < 0)
				return would_block();
			*start = 0;
			*end = (size_t) n;
			stream->way[from].ended = n == 0;
		}
		if (*start == *end) {
			if (!stream->way[from].told)
				(void) shutdown(out, SHUT_WR);
			stream->way[from].told = true;
			return true;
		}
		n = send(out, bytes + *start, *end - *start, MSG_NOSIGNAL);
		if (n < 0)
			return would_block();
		*start += (size_t) n;
	}
}

void relay_pump(struct relay *relay, struct stream *stream)
{
	if (stream->fds[0] < 0)
		return;
	if (!move(stream, 0) || !move(stream, 1) || (stream->way[0].told && stream->way[1].told))
		relay_end_stream(relay, stream);
}
