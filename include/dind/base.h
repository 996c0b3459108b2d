/* SPDX-License-Identifier: Apache-2.0 */
/*
 * base.h - what every phase may use: attributes, ownership helpers, exit statuses.
 *
 * Ownership is written down with the cleanup attribute (gcc and clang): a variable marked
 * auto_close or auto_free gives its resource back on every path out of the block, and
 * fd_take()/ptr_take() pass it on.
 */
#ifndef DIND_BASE_H
#define DIND_BASE_H

#include <errno.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <unistd.h>

#define DIND_PRINTF(fmt, args) __attribute__((format(printf, fmt, args)))
#define DIND_MUST_CHECK	       __attribute__((warn_unused_result))
#define ARRAY_SIZE(a)	       (sizeof(a) / sizeof((a)[0]))

/* The runtime directory of PID 1: 0700, a fresh tmpfs at every start. */
#define DIND_RUN_DIR	   "/run/dind"
#define DIND_STATE_FILE	   DIND_RUN_DIR "/state.json"
#define DIND_NOTIFY_SOCKET DIND_RUN_DIR "/notify"
#define DIND_LIMITS_FILE   DIND_RUN_DIR "/limits"  /* for our runc, by --mirror-limits */
#define DIND_MIRROR_DIR	   DIND_RUN_DIR "/runtime" /* which is in there */
/* Where the loop image lives when the user named no other place (design: data root). */
#define DIND_IMAGE_DIR	       "/var/lib/dind-init"
#define DIND_ENGINE_LOG	       "/var/log/dind-init/engine.log"
#define DIND_DEFAULT_DATA_ROOT "/var/lib/docker"
#define DIND_DEFAULT_EXEC_ROOT "/var/run/docker"
#define DIND_DEFAULT_PID_FILE  "/var/run/docker.pid"
#define DIND_DEFAULT_SOCKET    "/var/run/docker.sock"
#define DIND_DEFAULT_CONFIG    "/etc/docker/daemon.json"

/*
 * Exit statuses are interface: the man page lists them. COMMAND's own status and 128+signal
 * come on top. The numbers above 63 are those of sysexits.h.
 */
enum exit_status {
	STATUS_OK = 0,
	STATUS_USAGE = 64,	     /* unknown or contradictory options; nothing was changed */
	STATUS_UNAVAILABLE = 69,     /* engine not ready in time, or it died under a COMMAND */
	STATUS_OSERR = 71,	     /* a set-up step failed */
	STATUS_TEMPFAIL = 75,	     /* data root or socket in use: try later */
	STATUS_NOPERM = 77,	     /* not privileged enough */
	STATUS_CONFIG = 78,	     /* bad configuration */
	STATUS_CANNOT_EXECUTE = 126, /* COMMAND found but not executable */
	STATUS_NOT_FOUND = 127,	     /* COMMAND not found */
	STATUS_KILLED = 137,	     /* engine in the foreground was killed by SIGKILL */
};

/* What is known about a question: a fact is yes, no or unknown, never a guess. */
enum tri {
	TRI_UNKNOWN = 0,
	TRI_NO,
	TRI_YES,
};

static inline enum tri tri_from_bool(bool b)
{
	return b ? TRI_YES : TRI_NO;
}

/* Close *@fd if it is open and mark it closed. Keeps errno, so that it can run on error paths. */
static inline void fd_close(int *fd)
{
	if (*fd >= 0) {
		int saved = errno;

		(void) close(*fd); /* not retried: after EINTR the number may be someone else's */
		*fd = -EBADF;
		errno = saved;
	}
}

static inline void base_free_pointer(void *p)
{
	int saved = errno;

	free(*(void **) p);
	errno = saved;
}

#define auto_close __attribute__((cleanup(fd_close)))
#define auto_free  __attribute__((cleanup(base_free_pointer)))

/* Hand the descriptor on: returns it and leaves *@fd marked closed. */
static inline int fd_take(int *fd)
{
	int taken = *fd;

	*fd = -EBADF;
	return taken;
}

#endif
