/* SPDX-License-Identifier: Apache-2.0 */
#include "internal.h"

int shutdown_deadline_ms(enum supervise_state state, int budget_ms)
{
	int64_t percent;

	switch (state) {
	case STATE_STOP_WORKLOAD:
		percent = 45;
		break;
	case STATE_STOP_ENGINE:
		percent = 75;
		break;
	case STATE_KILL_CONTAINERS:
		percent = 90;
		break;
	case STATE_KILL_ENGINE:
		percent = 93; /* SIGKILL needs no time of its own, the unmount does */
		break;
	case STATE_CLEAN_UP:
		percent = 100;
		break;
	case STATE_STARTING:
	case STATE_RUNNING:
	case STATE_DONE:
	case STATE_COUNT:
	default:
		return -1;
	}
	return (int) (budget_ms * percent / 100);
}
