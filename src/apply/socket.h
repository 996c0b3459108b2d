/* SPDX-License-Identifier: Apache-2.0 */
/* socket.h - is somebody behind a unix socket? */
#ifndef APPLY_SOCKET_H
#define APPLY_SOCKET_H

enum socket_state {
	SOCKET_GONE = 0, /* nothing is there */
	SOCKET_STALE,	 /* refuses: its owner is gone */
	SOCKET_ANSWERS,	 /* somebody accepts, or has a full queue */
	SOCKET_UNCLEAR,	 /* *@ret_error says why; to be treated as in use */
};

/* Connect to the unix stream socket at @path and hang up. Never blocks. */
enum socket_state socket_probe(const char *path, int *ret_error);

#endif
