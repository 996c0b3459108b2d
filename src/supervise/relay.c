/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The relay for names was started before the engine. Questions of inner containers wait in its
 * sockets, which PID 1 keeps open, until it is there again.
 */
#include "dind/file.h"
#include "dind/log.h"
#include "loop.h"

#define STEADY_MS 60000 /* alive for that long, it gets the first pause again */

/* On the way down nobody asks any more once the inner containers are gone. */
static bool is_wanted(const struct loop *loop)
{
	return loop->helpers->start_relay && loop->state < STATE_KILL_ENGINE;
}

static void pause_for(struct loop *loop, const char *how)
{
	int ms = restart_pause_ms(loop->relay_row++);

	log_line(LOG_LEVEL_WARNING, "DIND-NET-15",
		 "the relay for names of inner containers %s, starting it again in %d ms", how, ms);
	loop->relay_due = clock_now_ms() + ms;
}

void relay_ended(struct loop *loop, const struct reap_status *status)
{
	char how[64];

	loop->relay.ended = *status;
	loop->relay.running = false;
	if (!is_wanted(loop))
		return;
	if (clock_now_ms() - loop->relay_started >= STEADY_MS)
		loop->relay_row = 0;
	pause_for(loop, loop_describe(status, how, sizeof(how)));
}

void relay_check(struct loop *loop, int64_t now)
{
	char how[64];
	pid_t pid;

	if (loop->relay_due < 0 || now < loop->relay_due)
		return;
	loop->relay_due = -1;
	if (!is_wanted(loop))
		return;
	pid = loop->helpers->start_relay(loop->helpers->context);
	if (pid < 0) {
		(void) snprintf(how, sizeof(how), "cannot be started (errno %d)", (int) -pid);
		pause_for(loop, how);
		return;
	}
	loop->relay.pid = pid;
	loop->relay.running = true;
	loop->relay_started = now;
}
