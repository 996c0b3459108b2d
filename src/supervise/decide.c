/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The decision table: every state × event. Pure.
 *
 * The way down is a row of phases; each starts when the one before has nothing left to do, or when
 * its share of the time is used up (shutdown.c). A phase that has nothing to do is skipped, which
 * is how unused time passes on.
 */
#include "dind/supervise.h"

static const char *const state_names[STATE_COUNT] = {
	[STATE_STARTING] = "starting",
	[STATE_RUNNING] = "running",
	[STATE_STOP_WORKLOAD] = "stopping COMMAND",
	[STATE_STOP_ENGINE] = "stopping the engine",
	[STATE_KILL_CONTAINERS] = "killing inner containers",
	[STATE_KILL_ENGINE] = "killing the engine",
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

static struct supervise_decision enter_clean_up(void)
{
	return decision(STATE_CLEAN_UP,
			ACTION_CLOSE_LISTENERS | ACTION_KILL_REST | ACTION_START_CLEAN_UP);
}

static struct supervise_decision enter_stop_engine(const struct supervise_view *view)
{
	return view->engine_running ? decision(STATE_STOP_ENGINE, ACTION_TERM_ENGINE)
				    : enter_clean_up();
}

/* The first step of the way down, whatever led to it. */
static struct supervise_decision begin_stop(const struct supervise_view *view)
{
	struct supervise_decision d;

	if (view->workload_running)
		d = decision(STATE_STOP_WORKLOAD, ACTION_TERM_WORKLOAD);
	else
		d = enter_stop_engine(view);
	d.actions |= ACTION_START_SYNC;
	return d;
}

/* COMMAND ended by itself or never started: its status is kept, the engine goes. */
static struct supervise_decision workload_gone(const struct supervise_view *view)
{
	struct supervise_decision d = enter_stop_engine(view);

	d.actions |= ACTION_START_SYNC;
	return d;
}

/* Nobody asked it to go: say why, end COMMAND, leave. */
static struct supervise_decision engine_lost(const struct supervise_view *view)
{
	struct supervise_decision d = begin_stop(view);

	d.actions |= ACTION_REPLAY_LOG | ACTION_CLOSE_LISTENERS;
	return d;
}

/* A signal that is not about stopping: COMMAND's when there is one, as tini does it, else the
 * engine's. */
static unsigned int forward(const struct supervise_view *view)
{
	if (view->has_workload)
		return view->workload_running ? ACTION_FORWARD_WORKLOAD : ACTION_NONE;
	return view->engine_running ? ACTION_FORWARD_ENGINE : ACTION_NONE;
}

/* dockerd installs its handler late: a HUP before READY=1 would kill it (facts: signals of
 * dockerd). */
static unsigned int hang_up(const struct supervise_view *view)
{
	if (!view->has_workload && view->engine_running && !view->engine_was_ready)
		return ACTION_HOLD_HUP;
	return forward(view);
}

static struct supervise_decision decide_starting(enum supervise_event event,
						 const struct supervise_view *view)
{
	unsigned int actions;

	switch (event) {
	case EVENT_ENGINE_READY:
		actions = ACTION_ANNOUNCE_READY;
		if (view->has_workload && view->wait_for_ready)
			actions |= ACTION_START_WORKLOAD;
		if (view->hup_held)
			actions |= ACTION_SEND_HELD_HUP;
		return decision(STATE_RUNNING, actions);
	case EVENT_ENGINE_STOPPING:
		return decision(STATE_STARTING, ACTION_CLOSE_LISTENERS);
	case EVENT_ENGINE_EXIT:
		return engine_lost(view);
	case EVENT_WORKLOAD_EXIT:
	case EVENT_WORKLOAD_FAILED:
		return workload_gone(view);
	case EVENT_TERM:
		return begin_stop(view);
	case EVENT_DEADLINE: { /* --ready-timeout */
		struct supervise_decision d = begin_stop(view);

		d.actions |= ACTION_REPLAY_LOG;
		return d;
	}
	case EVENT_HUP:
		return decision(STATE_STARTING, hang_up(view));
	case EVENT_FORWARD:
		return decision(STATE_STARTING, forward(view));
	case EVENT_CLEAN_UP_EXIT:
	case EVENT_TICK:
	case EVENT_COUNT:
		break;
	}
	return decision(STATE_STARTING, ACTION_NONE);
}

static struct supervise_decision decide_running(enum supervise_event event,
						const struct supervise_view *view)
{
	switch (event) {
	case EVENT_ENGINE_STOPPING:
		return decision(STATE_RUNNING, ACTION_CLOSE_LISTENERS);
	case EVENT_ENGINE_EXIT:
		return engine_lost(view);
	case EVENT_WORKLOAD_EXIT:
	case EVENT_WORKLOAD_FAILED:
		return workload_gone(view);
	case EVENT_TERM:
		return begin_stop(view);
	case EVENT_HUP:
		return decision(STATE_RUNNING, hang_up(view));
	case EVENT_FORWARD:
		return decision(STATE_RUNNING, forward(view));
	case EVENT_ENGINE_READY: /* after a reload */
	case EVENT_DEADLINE:
	case EVENT_CLEAN_UP_EXIT:
	case EVENT_TICK:
	case EVENT_COUNT:
		break;
	}
	return decision(STATE_RUNNING, ACTION_NONE);
}

static struct supervise_decision decide_stop_workload(enum supervise_event event,
						      const struct supervise_view *view)
{
	switch (event) {
	case EVENT_WORKLOAD_EXIT:
	case EVENT_WORKLOAD_FAILED:
		return enter_stop_engine(view);
	case EVENT_ENGINE_EXIT: /* COMMAND keeps its time: it may clean up without an engine */
	case EVENT_ENGINE_STOPPING:
		return decision(STATE_STOP_WORKLOAD, ACTION_CLOSE_LISTENERS);
	case EVENT_TERM: /* the second shortens, the third ends */
	case EVENT_DEADLINE: {
		struct supervise_decision d = enter_stop_engine(view);

		if (view->terms >= 3 && view->engine_running)
			d = decision(STATE_KILL_ENGINE, ACTION_KILL_ENGINE);
		/* its exit is not waited for: a process in the kernel's hands may take long to die
		 */
		d.actions |= ACTION_KILL_WORKLOAD;
		return d;
	}
	case EVENT_HUP:
	case EVENT_FORWARD:
		return decision(STATE_STOP_WORKLOAD, forward(view));
	case EVENT_ENGINE_READY:
	case EVENT_CLEAN_UP_EXIT:
	case EVENT_TICK:
	case EVENT_COUNT:
		break;
	}
	return decision(STATE_STOP_WORKLOAD, ACTION_NONE);
}

static struct supervise_decision kill_engine(void)
{
	return decision(STATE_KILL_ENGINE, ACTION_KILL_ENGINE);
}

static struct supervise_decision decide_stop_engine(enum supervise_event event,
						    const struct supervise_view *view)
{
	switch (event) {
	case EVENT_ENGINE_EXIT:
		return enter_clean_up();
	case EVENT_ENGINE_STOPPING:
		return decision(STATE_STOP_ENGINE, ACTION_CLOSE_LISTENERS);
	case EVENT_TICK:
		return decision(STATE_STOP_ENGINE, ACTION_KILL_DEAF);
	case EVENT_TERM: /* never a second TERM for dockerd: its fourth is an exit without clean-up
			  */
		if (view->terms >= 3)
			return kill_engine();
		return decision(STATE_KILL_CONTAINERS, ACTION_KILL_CONTAINERS);
	case EVENT_DEADLINE:
		return decision(STATE_KILL_CONTAINERS, ACTION_KILL_CONTAINERS);
	case EVENT_ENGINE_READY: /* the TERM came before it was ready */
	case EVENT_WORKLOAD_EXIT:
	case EVENT_WORKLOAD_FAILED:
	case EVENT_CLEAN_UP_EXIT:
	case EVENT_HUP:
	case EVENT_FORWARD:
	case EVENT_COUNT:
		break;
	}
	return decision(STATE_STOP_ENGINE, ACTION_NONE);
}

static struct supervise_decision decide_kill_containers(enum supervise_event event,
							const struct supervise_view *view)
{
	switch (event) {
	case EVENT_ENGINE_EXIT:
		return enter_clean_up();
	case EVENT_ENGINE_STOPPING:
		return decision(STATE_KILL_CONTAINERS, ACTION_CLOSE_LISTENERS);
	case EVENT_TERM:
		if (view->terms < 3)
			break;
		return kill_engine();
	case EVENT_DEADLINE:
		return kill_engine();
	case EVENT_ENGINE_READY:
	case EVENT_WORKLOAD_EXIT:
	case EVENT_WORKLOAD_FAILED:
	case EVENT_CLEAN_UP_EXIT:
	case EVENT_HUP:
	case EVENT_FORWARD:
	case EVENT_TICK:
	case EVENT_COUNT:
		break;
	}
	return decision(STATE_KILL_CONTAINERS, ACTION_NONE);
}

static struct supervise_decision decide_kill_engine(enum supervise_event event)
{
	switch (event) {
	case EVENT_ENGINE_EXIT:
	case EVENT_DEADLINE: /* it does not even die: nothing is left to wait for */
		return enter_clean_up();
	case EVENT_ENGINE_READY:
	case EVENT_ENGINE_STOPPING:
	case EVENT_WORKLOAD_EXIT:
	case EVENT_WORKLOAD_FAILED:
	case EVENT_CLEAN_UP_EXIT:
	case EVENT_TERM:
	case EVENT_HUP:
	case EVENT_FORWARD:
	case EVENT_TICK:
	case EVENT_COUNT:
		break;
	}
	return decision(STATE_KILL_ENGINE, ACTION_NONE);
}

static struct supervise_decision decide_clean_up(enum supervise_event event)
{
	switch (event) {
	case EVENT_CLEAN_UP_EXIT:
		return decision(STATE_DONE, ACTION_NONE);
	case EVENT_DEADLINE:
		return decision(STATE_DONE, ACTION_KILL_CLEAN_UP);
	case EVENT_ENGINE_READY:
	case EVENT_ENGINE_STOPPING:
	case EVENT_ENGINE_EXIT:
	case EVENT_WORKLOAD_EXIT:
	case EVENT_WORKLOAD_FAILED:
	case EVENT_TERM: /* unmounting is what keeps the data whole; it has its deadline */
	case EVENT_HUP:
	case EVENT_FORWARD:
	case EVENT_TICK:
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
	case STATE_RUNNING:
		return decide_running(event, view);
	case STATE_STOP_WORKLOAD:
		return decide_stop_workload(event, view);
	case STATE_STOP_ENGINE:
		return decide_stop_engine(event, view);
	case STATE_KILL_CONTAINERS:
		return decide_kill_containers(event, view);
	case STATE_KILL_ENGINE:
		return decide_kill_engine(event);
	case STATE_CLEAN_UP:
		return decide_clean_up(event);
	case STATE_DONE:
	case STATE_COUNT:
		break;
	}
	return decision(STATE_DONE, ACTION_NONE);
}
