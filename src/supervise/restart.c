/* SPDX-License-Identifier: Apache-2.0 */
/*
 * An engine that has died is started again behind the sockets that PID 1 keeps open: who connects
 * meanwhile waits. Who told it to end (STOPPING=1, status 0) wants it gone.
 */
#include "dind/file.h"
#include "dind/log.h"
#include "loop.h"

#define FIRST_PAUSE_MS	 50
#define LONGEST_PAUSE_MS 10000
#define STEADY_MS	 60000 /* ready for that long, it gets the first pause again */

int restart_pause_ms(int row)
{
	int ms = FIRST_PAUSE_MS;

	for (int i = 0; i < row && ms < LONGEST_PAUSE_MS; i++)
		ms *= 2;
	return ms < LONGEST_PAUSE_MS ? ms : LONGEST_PAUSE_MS;
}

bool restart_wanted(struct loop *loop, const struct reap_status *ended)
{
	const struct supervise_options *options = loop->options;
	int64_t now = clock_now_ms();
	char how[64], oom[96] = "";

	if (loop->state > STATE_RUNNING || loop->restarts >= options->restart_engine ||
	    loop->listeners_closed || ended->code == 0)
		return false;
	if (loop->engine_ready >= 0 && now - loop->engine_ready >= STEADY_MS)
		loop->restart_row = 0;
	loop->restart_pause_ms = restart_pause_ms(loop->restart_row);
	loop->restart_row++;
	loop->restarts++;
	loop->engine_gone = now;
	if (ended->signal == SIGKILL)
		(void) oom_blame(&loop->oom, now, oom, sizeof(oom));
	log_line(LOG_LEVEL_WARNING, "DIND-ENGINE-95",
		 "%s %s%s%s, starting it again in %d ms (%d of %d)", loop_engine_name(loop),
		 loop_describe(ended, how, sizeof(how)), oom,
		 loop->view.engine_was_ready ? "" : " before it was ready", loop->restart_pause_ms,
		 loop->restarts, options->restart_engine);
	return true;
}

void restart_pause(struct loop *loop)
{
	loop->paused = true;
	loop->view.engine_was_ready = false;
	loop->engine_ready = -1;
	loop->restart_due = clock_now_ms() + loop->restart_pause_ms;
	loop_announce_pause(loop);
}

void restart_check(struct loop *loop, int64_t now)
{
	if (loop->restart_due < 0 || now < loop->restart_due)
		return;
	loop->restart_due = -1;
	if (loop->state == STATE_RESTARTING)
		helper_start(loop, HELPER_BEFORE_RESTART);
}
