/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The decision table: every state × event. Pure.
 *
 * The way down is a row of phases, and no decision ever goes back in it. On the way up the only
 * step back is an engine that is started again. A phase starts when the one before has nothing left
 * to wait for or has used up its share of the time (shutdown.c); one that has nothing to do is
 * skipped. @view is the world with the event already taken in.
 */
#include "dind/supervise.h"

static const char *const state_names[STATE_COUNT] = {
	[STATE_STARTING] = "starting",
	[STATE_RESTARTING] = "restarting",
	[STATE_PREPARING] = "preparing",
	[STATE_RUNNING] = "running",
	[STATE_STOP_WORKLOAD] = "stopping COMMAND",
	[STATE_STOP_REST] = "stopping what COMMAND has left",
	[STATE_STOP_ENGINE] = "stopping the engine",
	[STATE_KILL_CONTAINERS] = "killing inner containers",
	[STATE_KILL_ENGINE] = "killing the engine",
	[STATE_STOP_CONTAINERD] = "stopping containerd",
	[STATE_CLEAN_UP] = "cleaning up",
	[STATE_DONE] = "done",
};

static const char *const event_names[EVENT_COUNT] = {
	[EVENT_ENGINE_READY] = "engine ready",
	[EVENT_ENGINE_STOPPING] = "engine stopping",
	[EVENT_ENGINE_EXIT] = "engine exit",
	[EVENT_WORKLOAD_EXIT] = "COMMAND exit",
	[EVENT_WORKLOAD_FAILED] = "COMMAND failed",
	[EVENT_CLEAN_UP_EXIT] = "clean-up exit",
	[EVENT_TERM] = "TERM",
	[EVENT_HUP] = "HUP",
	[EVENT_FORWARD] = "signal",
	[EVENT_DEADLINE] = "deadline",
	[EVENT_TICK] = "tick",
	[EVENT_CONTAINERD_EXIT] = "containerd exit",
	[EVENT_PREPARED] = "prepared",
	[EVENT_PREPARE_FAILED] = "prepare failed",
	[EVENT_WATCH_EXIT] = "watch exit",
	[EVENT_RESTART] = "restart",
	[EVENT_RELOADED] = "reloaded",
	[EVENT_RELOAD_FAILED] = "reload failed",
	[EVENT_REST_EXIT] = "rest exit",
	[EVENT_READY_TOLD] = "ready file written",
};

const char *supervise_state_name(enum supervise_state state)
{
	return (unsigned int) state < STATE_COUNT ? state_names[state] : "unknown";
}

const char *supervise_event_name(enum supervise_event event)
{
	return (unsigned int) event < EVENT_COUNT ? event_names[event] : "unknown";
}

static struct supervise_decision decision(enum supervise_state next, unsigned int actions)
{
	return (struct supervise_decision){ next, actions };
}

/* ---- entering the phases ---- */

/* Whatever still runs would keep the data root busy, and a client of sockets that nobody serves
 * any more would wait for ever. */
static struct supervise_decision clean_up(unsigned int actions)
{
	return decision(STATE_CLEAN_UP, actions | ACTION_CLOSE_LISTENERS | ACTION_KILL_REST |
						ACTION_START_CLEAN_UP);
}

/* Not before dockerd is gone: it stops its containers through it. */
static struct supervise_decision stop_containerd(const struct supervise_view *view,
						 unsigned int actions)
{
	if (!view->containerd_running)
		return clean_up(actions);
	return decision(STATE_STOP_CONTAINERD, actions | ACTION_TERM_CONTAINERD);
}

static struct supervise_decision kill_engine(const struct supervise_view *view,
					     unsigned int actions)
{
	if (!view->engine_running)
		return stop_containerd(view, actions);
	return decision(STATE_KILL_ENGINE, actions | ACTION_KILL_ENGINE);
}

/* The only place with ACTION_TERM_ENGINE: dockerd leaves without clean-up at the fourth one. */
static struct supervise_decision stop_engine(const struct supervise_view *view,
					     unsigned int actions)
{
	if (!view->engine_running)
		return stop_containerd(view, actions);
	return decision(STATE_STOP_ENGINE, actions | ACTION_TERM_ENGINE);
}

/* COMMAND alone was told, and may have been no more than the one who lets jobs in. */
static struct supervise_decision stop_rest(const struct supervise_view *view, unsigned int actions)
{
	if (!view->has_rest)
		return stop_engine(view, actions);
	return decision(STATE_STOP_REST, actions | ACTION_STOP_REST);
}

/* Its time is over, for all that is of it. */
static unsigned int kill_job(const struct supervise_view *view)
{
	return view->has_rest ? ACTION_KILL_JOB : ACTION_NONE;
}

/* The first step down, whatever led to it. Data is written back while everything ends. */
static struct supervise_decision stop(const struct supervise_view *view, unsigned int actions)
{
	actions |= ACTION_START_SYNC;
	if (view->prepare_running)
		actions |= ACTION_KILL_PREPARE;
	if (view->watch_running)
		actions |= ACTION_TERM_WATCH;
	if (view->workload_running)
		return decision(STATE_STOP_WORKLOAD, actions | ACTION_TERM_WORKLOAD);
	return stop_rest(view, actions);
}

/* ---- the way up ---- */

/* COMMAND's if it starts only now, and the engine's: by way of its configuration, or as it is. */
static unsigned int take_held_hup(const struct supervise_view *view)
{
	unsigned int actions = ACTION_NONE;

	if (!view->hup_held)
		return ACTION_NONE;
	if (view->has_workload ? view->wait_for_ready : !view->has_reload)
		actions |= ACTION_SEND_HELD_HUP;
	if (view->has_reload && view->engine_running && !view->reload_running)
		actions |= ACTION_RELOAD;
	return actions;
}

static bool workload_waits(const struct supervise_view *view)
{
	return view->has_workload && view->wait_for_ready && !view->workload_running;
}

/* If it is for now to start it. */
static unsigned int start_workload(const struct supervise_view *view)
{
	return workload_waits(view) ? ACTION_START_WORKLOAD | take_held_hup(view) : ACTION_NONE;
}

/* Who is told by a file that we are ready is COMMAND, too: it finds the file there. */
static struct supervise_decision be_ready(const struct supervise_view *view, unsigned int actions)
{
	actions |= ACTION_ANNOUNCE_READY;
	if (view->has_watch && !view->watch_running)
		actions |= ACTION_START_WATCH;
	if (!workload_waits(view))
		actions |= take_held_hup(view);
	else if (!view->has_ready_file)
		actions |= start_workload(view);
	return decision(STATE_RUNNING, actions);
}

static struct supervise_decision prepare_failed(const struct supervise_view *view)
{
	unsigned int actions = view->prepare_running ? ACTION_KILL_PREPARE : ACTION_NONE;

	return view->prepare_required ? stop(view, actions) : be_ready(view, actions);
}

/* Inner containers live on without it, and dockerd finds the next one by itself. An engine whose
 * containerd does not stay up is none. */
static struct supervise_decision containerd_exit(enum supervise_state state,
						 const struct supervise_view *view)
{
	if (!view->engine_running)
		return decision(state, ACTION_NONE);
	if (!view->containerd_lost)
		return decision(state, ACTION_RESTART_CONTAINERD);
	if (state > STATE_RUNNING)
		return decision(state, ACTION_NONE); /* the way down has its own end */
	return stop(view, ACTION_CLOSE_LISTENERS | ACTION_REPLAY_LOG);
}

/* Its sockets stay open for the next one, and COMMAND goes on. */
static struct supervise_decision engine_exit(const struct supervise_view *view)
{
	unsigned int actions = ACTION_REPLAY_LOG;

	if (!view->engine_restarts)
		return stop(view, actions | ACTION_CLOSE_LISTENERS);
	if (view->prepare_running)
		actions |= ACTION_KILL_PREPARE;
	return decision(STATE_RESTARTING, actions | ACTION_PAUSE);
}

/* ---- signals that are not about stopping ---- */

/* COMMAND's when there is one, as tini does it, else the engine's. */
static unsigned int forward(const struct supervise_view *view)
{
	if (view->has_workload)
		return view->workload_running ? ACTION_FORWARD_WORKLOAD : ACTION_NONE;
	return view->engine_running ? ACTION_FORWARD_ENGINE : ACTION_NONE;
}

/* dockerd installs its handler late, a HUP before READY=1 kills it; and COMMAND may not be there
 * yet. */
static unsigned int hang_up_early(const struct supervise_view *view)
{
	if (!view->workload_running)
		return ACTION_HOLD_HUP;
	return ACTION_FORWARD_WORKLOAD | (view->has_reload ? ACTION_HOLD_HUP : ACTION_NONE);
}

/*
 * The engine reads the user's file by way of ours, which is made anew first. One that comes
 * meanwhile may be about a newer file. COMMAND gets it as well, as it would from tini.
 */
static unsigned int hang_up(const struct supervise_view *view)
{
	if (!view->engine_running || !view->has_reload)
		return forward(view);
	return (view->has_workload ? forward(view) : ACTION_NONE) |
	       (view->reload_running ? ACTION_HOLD_HUP : ACTION_RELOAD);
}

static unsigned int reload_ended(const struct supervise_view *view, bool reloaded)
{
	unsigned int actions = view->hup_held ? ACTION_RELOAD : ACTION_NONE;

	if (!view->engine_running)
		return ACTION_NONE;
	return reloaded ? actions | ACTION_HUP_ENGINE : actions;
}

/* An engine that goes down reloads nothing. */
static unsigned int hang_up_late(const struct supervise_view *view)
{
	return view->workload_running ? ACTION_FORWARD_WORKLOAD : ACTION_NONE;
}

/* ---- one function per state ---- */

static struct supervise_decision decide_starting(enum supervise_event event,
						 const struct supervise_view *view)
{
	switch (event) {
	case EVENT_ENGINE_READY:
		if (view->has_prepare)
			return decision(STATE_PREPARING, ACTION_START_PREPARE);
		return be_ready(view, ACTION_NONE);
	case EVENT_ENGINE_STOPPING:
		return decision(STATE_STARTING, ACTION_CLOSE_LISTENERS);
	case EVENT_ENGINE_EXIT:
		return engine_exit(view);
	case EVENT_DEADLINE: /* not ready in time: start-up has failed for good */
		return stop(view, ACTION_CLOSE_LISTENERS | ACTION_REPLAY_LOG);
	case EVENT_WORKLOAD_EXIT:
	case EVENT_WORKLOAD_FAILED:
	case EVENT_TERM:
		return stop(view, ACTION_NONE);
	case EVENT_HUP:
		return decision(STATE_STARTING, hang_up_early(view));
	case EVENT_RELOADED: /* of an engine that died: this one may have read the old file */
		return decision(STATE_STARTING, ACTION_HOLD_HUP);
	case EVENT_FORWARD:
		return decision(STATE_STARTING, forward(view));
	case EVENT_CONTAINERD_EXIT:
		return containerd_exit(STATE_STARTING, view);
	case EVENT_CLEAN_UP_EXIT:
	case EVENT_TICK:
	case EVENT_PREPARED:
	case EVENT_PREPARE_FAILED:
	case EVENT_WATCH_EXIT:
	case EVENT_RESTART:
	case EVENT_RELOAD_FAILED:
	case EVENT_REST_EXIT:
	case EVENT_READY_TOLD:
	case EVENT_COUNT:
		break;
	}
	return decision(STATE_STARTING, ACTION_NONE);
}

/* Nobody serves the sockets at the moment. */
static struct supervise_decision decide_restarting(enum supervise_event event,
						   const struct supervise_view *view)
{
	switch (event) {
	case EVENT_RESTART:
		return decision(STATE_STARTING, ACTION_START_ENGINE);
	case EVENT_WORKLOAD_EXIT:
	case EVENT_WORKLOAD_FAILED:
	case EVENT_TERM:
		return stop(view, ACTION_CLOSE_LISTENERS);
	case EVENT_HUP:
		return decision(STATE_RESTARTING, hang_up_early(view));
	case EVENT_FORWARD:
		return decision(STATE_RESTARTING, forward(view));
	case EVENT_CONTAINERD_EXIT:
		return containerd_exit(STATE_RESTARTING, view);
	case EVENT_ENGINE_READY:
	case EVENT_ENGINE_STOPPING:
	case EVENT_ENGINE_EXIT:
	case EVENT_CLEAN_UP_EXIT:
	case EVENT_DEADLINE:
	case EVENT_TICK:
	case EVENT_PREPARED:
	case EVENT_PREPARE_FAILED: /* killed, since it has nobody to talk to */
	case EVENT_WATCH_EXIT:	   /* started again when there is something to watch */
	case EVENT_RELOADED:	   /* the next one reads it */
	case EVENT_RELOAD_FAILED:
	case EVENT_REST_EXIT:
	case EVENT_READY_TOLD:
	case EVENT_COUNT:
		break;
	}
	return decision(STATE_RESTARTING, ACTION_NONE);
}

static struct supervise_decision decide_preparing(enum supervise_event event,
						  const struct supervise_view *view)
{
	switch (event) {
	case EVENT_PREPARED:
		return be_ready(view, ACTION_NONE);
	case EVENT_PREPARE_FAILED:
	case EVENT_DEADLINE: /* it has had its time */
		return prepare_failed(view);
	case EVENT_ENGINE_STOPPING:
		return decision(STATE_PREPARING, ACTION_CLOSE_LISTENERS);
	case EVENT_ENGINE_EXIT:
		return engine_exit(view);
	case EVENT_WORKLOAD_EXIT:
	case EVENT_WORKLOAD_FAILED:
	case EVENT_TERM:
		return stop(view, ACTION_NONE);
	case EVENT_HUP:
		return decision(STATE_PREPARING, hang_up_early(view));
	case EVENT_RELOADED: /* of an engine that died: this one may have read the old file */
		return decision(STATE_PREPARING, ACTION_HOLD_HUP);
	case EVENT_FORWARD:
		return decision(STATE_PREPARING, forward(view));
	case EVENT_CONTAINERD_EXIT:
		return containerd_exit(STATE_PREPARING, view);
	case EVENT_ENGINE_READY: /* again, after a reload */
	case EVENT_CLEAN_UP_EXIT:
	case EVENT_TICK:
	case EVENT_WATCH_EXIT:
	case EVENT_RESTART:
	case EVENT_RELOAD_FAILED:
	case EVENT_REST_EXIT:
	case EVENT_READY_TOLD:
	case EVENT_COUNT:
		break;
	}
	return decision(STATE_PREPARING, ACTION_NONE);
}

static struct supervise_decision decide_running(enum supervise_event event,
						const struct supervise_view *view)
{
	switch (event) {
	case EVENT_ENGINE_STOPPING: /* somebody else's TERM: its exit follows */
		return decision(STATE_RUNNING, ACTION_CLOSE_LISTENERS);
	case EVENT_ENGINE_EXIT:
		return engine_exit(view);
	case EVENT_WORKLOAD_EXIT:
	case EVENT_WORKLOAD_FAILED:
	case EVENT_TERM:
		return stop(view, ACTION_NONE);
	case EVENT_READY_TOLD:
	case EVENT_DEADLINE: /* whoever writes that file hangs */
		return decision(STATE_RUNNING, start_workload(view));
	case EVENT_HUP:
		if (workload_waits(view))
			return decision(STATE_RUNNING, hang_up_early(view));
		return decision(STATE_RUNNING, hang_up(view));
	case EVENT_RELOADED:
	case EVENT_RELOAD_FAILED:
		return decision(STATE_RUNNING, reload_ended(view, event == EVENT_RELOADED));
	case EVENT_FORWARD:
		return decision(STATE_RUNNING, forward(view));
	case EVENT_CONTAINERD_EXIT:
		return containerd_exit(STATE_RUNNING, view);
	case EVENT_WATCH_EXIT:
		return decision(STATE_RUNNING, ACTION_RESTART_WATCH);
	case EVENT_ENGINE_READY: /* again, after a reload */
	case EVENT_CLEAN_UP_EXIT:
	case EVENT_TICK:
	case EVENT_PREPARED:
	case EVENT_PREPARE_FAILED:
	case EVENT_RESTART:
	case EVENT_REST_EXIT:
	case EVENT_COUNT:
		break;
	}
	return decision(STATE_RUNNING, ACTION_NONE);
}

static struct supervise_decision decide_stop_workload(enum supervise_event event,
						      const struct supervise_view *view)
{
	switch (event) {
	case EVENT_ENGINE_STOPPING:
		return decision(STATE_STOP_WORKLOAD, ACTION_CLOSE_LISTENERS);
	case EVENT_ENGINE_EXIT: /* nobody told it to; COMMAND keeps its time */
		return decision(STATE_STOP_WORKLOAD, ACTION_CLOSE_LISTENERS | ACTION_REPLAY_LOG);
	case EVENT_WORKLOAD_EXIT:
	case EVENT_WORKLOAD_FAILED:
		return stop_rest(view, ACTION_NONE);
	case EVENT_TERM:
		if (view->terms >= 3)
			return kill_engine(view, ACTION_KILL_WORKLOAD | kill_job(view));
		if (view->terms == 2)
			return stop_engine(view, ACTION_KILL_WORKLOAD | kill_job(view));
		break; /* what ended first was not told to by us: this is only the first one */
	case EVENT_DEADLINE: /* its exit is not waited for */
		return stop_engine(view, ACTION_KILL_WORKLOAD | kill_job(view));
	case EVENT_HUP:
		return decision(STATE_STOP_WORKLOAD, hang_up_late(view));
	case EVENT_FORWARD:
		return decision(STATE_STOP_WORKLOAD, forward(view));
	case EVENT_CONTAINERD_EXIT:
		return containerd_exit(STATE_STOP_WORKLOAD, view);
	case EVENT_ENGINE_READY:
	case EVENT_CLEAN_UP_EXIT:
	case EVENT_TICK:
	case EVENT_PREPARED:
	case EVENT_PREPARE_FAILED:
	case EVENT_WATCH_EXIT:
	case EVENT_RESTART:
	case EVENT_RELOADED:
	case EVENT_RELOAD_FAILED:
	case EVENT_REST_EXIT:
	case EVENT_READY_TOLD:
	case EVENT_COUNT:
		break;
	}
	return decision(STATE_STOP_WORKLOAD, ACTION_NONE);
}

static struct supervise_decision decide_stop_rest(enum supervise_event event,
						  const struct supervise_view *view)
{
	switch (event) {
	case EVENT_ENGINE_STOPPING:
		return decision(STATE_STOP_REST, ACTION_CLOSE_LISTENERS);
	case EVENT_ENGINE_EXIT:
		return decision(STATE_STOP_REST, ACTION_CLOSE_LISTENERS | ACTION_REPLAY_LOG);
	case EVENT_REST_EXIT:
		return stop_engine(view, ACTION_NONE);
	case EVENT_TERM:
		if (view->terms >= 3)
			return kill_engine(view, ACTION_KILL_JOB);
		if (view->terms == 2)
			return stop_engine(view, ACTION_KILL_JOB);
		break;
	case EVENT_DEADLINE:
		return stop_engine(view, ACTION_KILL_JOB);
	case EVENT_CONTAINERD_EXIT:
		return containerd_exit(STATE_STOP_REST, view);
	case EVENT_ENGINE_READY:
	case EVENT_WORKLOAD_EXIT:
	case EVENT_WORKLOAD_FAILED:
	case EVENT_HUP: /* there is no COMMAND any more */
	case EVENT_FORWARD:
	case EVENT_CLEAN_UP_EXIT:
	case EVENT_TICK:
	case EVENT_PREPARED:
	case EVENT_PREPARE_FAILED:
	case EVENT_WATCH_EXIT:
	case EVENT_RESTART:
	case EVENT_RELOADED:
	case EVENT_RELOAD_FAILED:
	case EVENT_READY_TOLD:
	case EVENT_COUNT:
		break;
	}
	return decision(STATE_STOP_REST, ACTION_NONE);
}

static struct supervise_decision decide_stop_engine(enum supervise_event event,
						    const struct supervise_view *view)
{
	switch (event) {
	case EVENT_ENGINE_STOPPING:
		return decision(STATE_STOP_ENGINE, ACTION_CLOSE_LISTENERS);
	case EVENT_ENGINE_EXIT:
		return stop_containerd(view, ACTION_NONE);
	case EVENT_TERM:
		if (view->terms >= 3)
			return kill_engine(view, ACTION_NONE);
		if (view->terms == 2)
			return decision(STATE_KILL_CONTAINERS, ACTION_KILL_CONTAINERS);
		break;
	case EVENT_DEADLINE:
		return decision(STATE_KILL_CONTAINERS, ACTION_KILL_CONTAINERS);
	case EVENT_TICK:
		return decision(STATE_STOP_ENGINE, ACTION_KILL_DEAF);
	case EVENT_HUP:
		return decision(STATE_STOP_ENGINE, hang_up_late(view));
	case EVENT_FORWARD:
		return decision(STATE_STOP_ENGINE, forward(view));
	case EVENT_CONTAINERD_EXIT:
		return containerd_exit(STATE_STOP_ENGINE, view);
	case EVENT_ENGINE_READY: /* our TERM crossed it */
	case EVENT_WORKLOAD_EXIT:
	case EVENT_WORKLOAD_FAILED:
	case EVENT_CLEAN_UP_EXIT:
	case EVENT_PREPARED:
	case EVENT_PREPARE_FAILED:
	case EVENT_WATCH_EXIT:
	case EVENT_RESTART:
	case EVENT_RELOADED:
	case EVENT_RELOAD_FAILED:
	case EVENT_REST_EXIT:
	case EVENT_READY_TOLD:
	case EVENT_COUNT:
		break;
	}
	return decision(STATE_STOP_ENGINE, ACTION_NONE);
}

static struct supervise_decision decide_kill_containers(enum supervise_event event,
							const struct supervise_view *view)
{
	switch (event) {
	case EVENT_ENGINE_STOPPING:
		return decision(STATE_KILL_CONTAINERS, ACTION_CLOSE_LISTENERS);
	case EVENT_ENGINE_EXIT:
		return stop_containerd(view, ACTION_NONE);
	case EVENT_TERM:
		if (view->terms >= 2)
			return kill_engine(view, ACTION_NONE);
		break;
	case EVENT_DEADLINE:
		return kill_engine(view, ACTION_NONE);
	case EVENT_HUP:
		return decision(STATE_KILL_CONTAINERS, hang_up_late(view));
	case EVENT_FORWARD:
		return decision(STATE_KILL_CONTAINERS, forward(view));
	case EVENT_CONTAINERD_EXIT:
		return containerd_exit(STATE_KILL_CONTAINERS, view);
	case EVENT_ENGINE_READY:
	case EVENT_WORKLOAD_EXIT:
	case EVENT_WORKLOAD_FAILED:
	case EVENT_CLEAN_UP_EXIT:
	case EVENT_TICK:
	case EVENT_PREPARED:
	case EVENT_PREPARE_FAILED:
	case EVENT_WATCH_EXIT:
	case EVENT_RESTART:
	case EVENT_RELOADED:
	case EVENT_RELOAD_FAILED:
	case EVENT_REST_EXIT:
	case EVENT_READY_TOLD:
	case EVENT_COUNT:
		break;
	}
	return decision(STATE_KILL_CONTAINERS, ACTION_NONE);
}

static struct supervise_decision decide_kill_engine(enum supervise_event event,
						    const struct supervise_view *view)
{
	switch (event) {
	case EVENT_ENGINE_STOPPING:
		return decision(STATE_KILL_ENGINE, ACTION_CLOSE_LISTENERS);
	case EVENT_ENGINE_EXIT:
	case EVENT_DEADLINE: /* not even SIGKILL: it hangs in the kernel */
		return stop_containerd(view, ACTION_NONE);
	case EVENT_ENGINE_READY:
	case EVENT_WORKLOAD_EXIT:
	case EVENT_WORKLOAD_FAILED:
	case EVENT_CLEAN_UP_EXIT:
	case EVENT_TERM:
	case EVENT_HUP:
	case EVENT_FORWARD:
	case EVENT_TICK:
	case EVENT_CONTAINERD_EXIT:
	case EVENT_PREPARED:
	case EVENT_PREPARE_FAILED:
	case EVENT_WATCH_EXIT:
	case EVENT_RESTART:
	case EVENT_RELOADED:
	case EVENT_RELOAD_FAILED:
	case EVENT_REST_EXIT:
	case EVENT_READY_TOLD:
	case EVENT_COUNT:
		break;
	}
	return decision(STATE_KILL_ENGINE, ACTION_NONE);
}

/* It has nothing to clean up that the next start needs: whoever is in a hurry need not wait. */
static struct supervise_decision decide_stop_containerd(enum supervise_event event,
							const struct supervise_view *view)
{
	switch (event) {
	case EVENT_CONTAINERD_EXIT:
	case EVENT_DEADLINE: /* ACTION_KILL_REST is its SIGKILL */
		return clean_up(ACTION_NONE);
	case EVENT_TERM:
		if (view->terms >= 2)
			return clean_up(ACTION_NONE);
		break;
	case EVENT_ENGINE_READY:
	case EVENT_ENGINE_STOPPING:
	case EVENT_ENGINE_EXIT: /* it hung in the kernel, and now it does not */
	case EVENT_WORKLOAD_EXIT:
	case EVENT_WORKLOAD_FAILED:
	case EVENT_CLEAN_UP_EXIT:
	case EVENT_HUP:
	case EVENT_FORWARD:
	case EVENT_TICK:
	case EVENT_PREPARED:
	case EVENT_PREPARE_FAILED:
	case EVENT_WATCH_EXIT:
	case EVENT_RESTART:
	case EVENT_RELOADED:
	case EVENT_RELOAD_FAILED:
	case EVENT_REST_EXIT:
	case EVENT_READY_TOLD:
	case EVENT_COUNT:
		break;
	}
	return decision(STATE_STOP_CONTAINERD, ACTION_NONE);
}

static struct supervise_decision decide_clean_up(enum supervise_event event,
						 const struct supervise_view *view)
{
	switch (event) {
	case EVENT_CLEAN_UP_EXIT:
		return decision(STATE_DONE, ACTION_NONE);
	case EVENT_TERM: /* unmounting is what keeps the data whole: only who insists ends it */
		if (view->terms >= 3)
			return decision(STATE_DONE, ACTION_KILL_CLEAN_UP);
		break;
	case EVENT_DEADLINE:
		return decision(STATE_DONE, ACTION_KILL_CLEAN_UP);
	case EVENT_ENGINE_READY:
	case EVENT_ENGINE_STOPPING:
	case EVENT_ENGINE_EXIT:
	case EVENT_WORKLOAD_EXIT:
	case EVENT_WORKLOAD_FAILED:
	case EVENT_HUP:
	case EVENT_FORWARD:
	case EVENT_TICK:
	case EVENT_CONTAINERD_EXIT:
	case EVENT_PREPARED:
	case EVENT_PREPARE_FAILED:
	case EVENT_WATCH_EXIT:
	case EVENT_RESTART:
	case EVENT_RELOADED:
	case EVENT_RELOAD_FAILED:
	case EVENT_REST_EXIT:
	case EVENT_READY_TOLD:
	case EVENT_COUNT:
		break;
	}
	return decision(STATE_CLEAN_UP, ACTION_NONE);
}

struct supervise_decision supervise_decide(enum supervise_state state, enum supervise_event event,
					   const struct supervise_view *view)
{
	switch (state) {
	case STATE_STARTING:
		return decide_starting(event, view);
	case STATE_RESTARTING:
		return decide_restarting(event, view);
	case STATE_PREPARING:
		return decide_preparing(event, view);
	case STATE_RUNNING:
		return decide_running(event, view);
	case STATE_STOP_WORKLOAD:
		return decide_stop_workload(event, view);
	case STATE_STOP_REST:
		return decide_stop_rest(event, view);
	case STATE_STOP_ENGINE:
		return decide_stop_engine(event, view);
	case STATE_KILL_CONTAINERS:
		return decide_kill_containers(event, view);
	case STATE_KILL_ENGINE:
		return decide_kill_engine(event, view);
	case STATE_STOP_CONTAINERD:
		return decide_stop_containerd(event, view);
	case STATE_CLEAN_UP:
		return decide_clean_up(event, view);
	case STATE_DONE:
	case STATE_COUNT:
		break;
	}
	return decision(STATE_DONE, ACTION_NONE);
}
