/* SPDX-License-Identifier: Apache-2.0 */
/* The arithmetic of the way down: points of one budget, design.md §3. */
#include "internal.h"

#define WORKLOAD_PERCENT   45
#define ENGINE_PERCENT	   75
#define CONTAINERS_PERCENT 90

/* After SIGKILL a process is gone in no time, or hangs in the kernel for longer than we have. */
#define KILL_ENGINE_MS 300
/* What dockerd needs to clean up behind containers that were killed, when somebody is in a hurry.
 */
#define HURRIED_CONTAINERS_MS 2000
/* containerd closes its database, which a SIGKILL would not harm either. */
#define STOP_CONTAINERD_MS	 500
#define STOP_CONTAINERD_LEAST_MS 100
#define CLEAN_UP_LEAST_MS	 300
/* From the helper's own time-out until we stop waiting for what it has to say about it. */
#define CLEAN_UP_MARGIN_MS 500

static int64_t point(const struct shutdown *shutdown, int percent)
{
	return shutdown->began + (int64_t) shutdown->budget_ms * percent / 100;
}

int64_t shutdown_deadline(const struct shutdown *shutdown, enum supervise_state state, int64_t now,
			  bool hurried)
{
	int64_t end;

	switch (state) {
	case STATE_STOP_WORKLOAD:
	case STATE_STOP_REST: /* a share for all that is COMMAND's */
		return point(shutdown, shutdown->no_engine ? CONTAINERS_PERCENT : WORKLOAD_PERCENT);
	case STATE_STOP_ENGINE:
		return point(shutdown, ENGINE_PERCENT);
	case STATE_KILL_CONTAINERS:
		end = point(shutdown, CONTAINERS_PERCENT);
		if (hurried && end > now + HURRIED_CONTAINERS_MS)
			end = now + HURRIED_CONTAINERS_MS;
		return end;
	case STATE_KILL_ENGINE:
		return now + KILL_ENGINE_MS;
	case STATE_STOP_CONTAINERD:
		end = now + STOP_CONTAINERD_MS;
		if (hurried || end > point(shutdown, CONTAINERS_PERCENT))
			end = now + STOP_CONTAINERD_LEAST_MS;
		return end;
	case STATE_CLEAN_UP:
		return now + shutdown_clean_up_ms(shutdown, now, hurried) + CLEAN_UP_MARGIN_MS;
	case STATE_STARTING:
	case STATE_RESTARTING:
	case STATE_PREPARING:
	case STATE_RUNNING:
	case STATE_DONE:
	case STATE_COUNT:
		break;
	}
	return -1;
}

int shutdown_clean_up_ms(const struct shutdown *shutdown, int64_t now, bool hurried)
{
	int64_t left = point(shutdown, 100) - now - CLEAN_UP_MARGIN_MS;

	return hurried || left < CLEAN_UP_LEAST_MS ? CLEAN_UP_LEAST_MS : (int) left;
}
