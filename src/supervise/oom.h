/* SPDX-License-Identifier: Apache-2.0 */
/*
 * oom.h - was it our memory limit? A kill by the kernel is known from counters alone, and they say
 * neither who was killed nor when. So they are looked at often, and each rise is kept for a while.
 */
#ifndef DIND_SUPERVISE_OOM_H
#define DIND_SUPERVISE_OOM_H

#include <poll.h>
#include <stdint.h>

#include "dind/base.h"

/* What was short of memory. An inner container at a limit of its own is nobody's business here. */
enum oom_cause {
	OOM_NONE = 0,
	OOM_OURS,  /* our group's limit was hit */
	OOM_ABOVE, /* that of a group above ours, or the machine's memory */
};

/* -1: unknown. */
struct oom_counts {
	int64_t hits;  /* our limit was reached, and nothing could be had back; v2 only */
	int64_t below; /* the same, with the groups below; v2 only */
	int64_t kills; /* v2: with the groups below */
};

struct oom {
	const char *group; /* NULL: not known */
	int fd;		   /* v1: an eventfd; v2: the counters; -EBADF: none */
	bool is_v2;
	struct oom_counts seen; /* at the last look */
	enum oom_cause cause;	/* of the last kill */
	bool taken;		/* somebody's death was explained by it */
	/* CLOCK_MONOTONIC ms, -1: none yet */
	int64_t at;	      /* when the last kill was seen */
	int64_t explained_at; /* when a limit, ours or below, was last seen to be reached */
	int64_t quiet_until;  /* no event is waited for until then; -1: it is */
};

#define OOM_INIT                                                               \
	{                                                                      \
		.fd = -EBADF, .at = -1, .explained_at = -1, .quiet_until = -1, \
	}

/*
 * Begin to look at the group with that directory, v1 or v2; NULL is for one that is not known. It
 * must outlive @oom. What happened so far does not count.
 */
void oom_open(struct oom *oom, const char *group);
void oom_close(struct oom *oom);

/* Read the counters at @now. */
void oom_look(struct oom *oom, int64_t now);

/* What to wait for: an event that oom_take_event() is for. */
struct pollfd oom_poll(const struct oom *oom);
void oom_take_event(struct oom *oom, int64_t now);

/* The next time that oom_check() is due, -1: none. */
int64_t oom_due(const struct oom *oom);
void oom_check(struct oom *oom, int64_t now);

/*
 * A process died of SIGKILL at @now: " (out of memory, the limit is 512.0 MiB)" when that is why,
 * as far as can be told; then the next one is not blamed on it. Else "". Returns @buf.
 */
const char *oom_blame(struct oom *oom, int64_t now, char *buf, size_t size);

/* The same of any kill since oom_open(), however long ago and whoever was blamed; *@ret_ago in ms.
 */
const char *oom_last(struct oom *oom, int64_t now, int64_t *ret_ago, char *buf, size_t size);

#endif
