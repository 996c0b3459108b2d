/* SPDX-License-Identifier: Apache-2.0 */
/* The decision table of supervise: every state × event, then what holds on every path. */
#include <check.h>
#include <stdio.h>
#include <string.h>

#include "dind/supervise.h"

/* clang-format off */

#define STARTING	STATE_STARTING
#define RUNNING		STATE_RUNNING
#define STOP_WORKLOAD	STATE_STOP_WORKLOAD
#define STOP_ENGINE	STATE_STOP_ENGINE
#define KILL_CONT	STATE_KILL_CONTAINERS
#define KILL_ENGINE	STATE_KILL_ENGINE
#define CLEAN_UP	STATE_CLEAN_UP
#define DONE		STATE_DONE

/* What belongs to a phase that begins. */
#define TO_CLEAN_UP	(ACTION_CLOSE_LISTENERS | ACTION_KILL_REST | ACTION_START_CLEAN_UP)
#define TO_STOP		(ACTION_TERM_ENGINE | ACTION_START_SYNC)
#define TO_WORKLOAD	(ACTION_TERM_WORKLOAD | ACTION_START_SYNC)
#define LOST		(ACTION_CLOSE_LISTENERS | ACTION_REPLAY_LOG)

/*
 * The view as letters: C a COMMAND was given, c it runs, e the engine runs, n --no-wait, r the engine was
 * ready, h a HUP is held; a digit: TERMs so far.
 */
static const struct row {
	enum supervise_state state;
	enum supervise_event event;
	const char *view;
	enum supervise_state next;
	unsigned int actions;
} rows[] = {
	/* ---- starting: the engine alone, then with a COMMAND that waits, then with one that does not ---- */
	{ STARTING, EVENT_ENGINE_READY,	   "e",	   RUNNING, ACTION_ANNOUNCE_READY },
	{ STARTING, EVENT_ENGINE_READY,	   "eh",   RUNNING, ACTION_ANNOUNCE_READY | ACTION_SEND_HELD_HUP },
	{ STARTING, EVENT_ENGINE_READY,	   "Ce",   RUNNING, ACTION_ANNOUNCE_READY | ACTION_START_WORKLOAD },
	{ STARTING, EVENT_ENGINE_READY,	   "Ceh",  RUNNING, ACTION_ANNOUNCE_READY | ACTION_START_WORKLOAD | ACTION_SEND_HELD_HUP },
	{ STARTING, EVENT_ENGINE_READY,	   "Ccen", RUNNING, ACTION_ANNOUNCE_READY },
	{ STARTING, EVENT_ENGINE_STOPPING, "e",	   STARTING, ACTION_CLOSE_LISTENERS },
	{ STARTING, EVENT_ENGINE_STOPPING, "Ce",   STARTING, ACTION_CLOSE_LISTENERS },
	{ STARTING, EVENT_ENGINE_EXIT,	   "",	   CLEAN_UP, LOST | ACTION_START_SYNC | TO_CLEAN_UP },
	{ STARTING, EVENT_ENGINE_EXIT,	   "C",	   CLEAN_UP, LOST | ACTION_START_SYNC | TO_CLEAN_UP },
	{ STARTING, EVENT_ENGINE_EXIT,	   "Ccn",  STOP_WORKLOAD, LOST | TO_WORKLOAD },
	{ STARTING, EVENT_WORKLOAD_EXIT,   "Cen",  STOP_ENGINE, TO_STOP },
	{ STARTING, EVENT_WORKLOAD_FAILED, "Cen",  STOP_ENGINE, TO_STOP },
	{ STARTING, EVENT_CLEAN_UP_EXIT,   "e",	   STARTING, ACTION_NONE },
	{ STARTING, EVENT_TERM,		   "e1",   STOP_ENGINE, TO_STOP },
	{ STARTING, EVENT_TERM,		   "Ce1",  STOP_ENGINE, TO_STOP },
	{ STARTING, EVENT_TERM,		   "Ccen1", STOP_WORKLOAD, TO_WORKLOAD },
	{ STARTING, EVENT_HUP,		   "e",	   STARTING, ACTION_HOLD_HUP },
	{ STARTING, EVENT_HUP,		   "Ce",   STARTING, ACTION_HOLD_HUP },
	{ STARTING, EVENT_HUP,		   "Ccen", STARTING, ACTION_FORWARD_WORKLOAD },
	{ STARTING, EVENT_FORWARD,	   "e",	   STARTING, ACTION_FORWARD_ENGINE },
	{ STARTING, EVENT_FORWARD,	   "Ce",   STARTING, ACTION_NONE },
	{ STARTING, EVENT_FORWARD,	   "Ccen", STARTING, ACTION_FORWARD_WORKLOAD },
	{ STARTING, EVENT_DEADLINE,	   "e",	   STOP_ENGINE, LOST | TO_STOP },
	{ STARTING, EVENT_DEADLINE,	   "Ce",   STOP_ENGINE, LOST | TO_STOP },
	{ STARTING, EVENT_DEADLINE,	   "Ccen", STOP_WORKLOAD, LOST | TO_WORKLOAD },
	{ STARTING, EVENT_TICK,		   "e",	   STARTING, ACTION_NONE },

	/* ---- running ---- */
	{ RUNNING, EVENT_ENGINE_READY,	  "er",	  RUNNING, ACTION_NONE },
	{ RUNNING, EVENT_ENGINE_READY,	  "Ccer", RUNNING, ACTION_NONE },
	{ RUNNING, EVENT_ENGINE_STOPPING, "er",	  RUNNING, ACTION_CLOSE_LISTENERS },
	{ RUNNING, EVENT_ENGINE_STOPPING, "Ccer", RUNNING, ACTION_CLOSE_LISTENERS },
	{ RUNNING, EVENT_ENGINE_EXIT,	  "r",	  CLEAN_UP, LOST | ACTION_START_SYNC | TO_CLEAN_UP },
	{ RUNNING, EVENT_ENGINE_EXIT,	  "Ccr",  STOP_WORKLOAD, LOST | TO_WORKLOAD },
	{ RUNNING, EVENT_WORKLOAD_EXIT,	  "Cer",  STOP_ENGINE, TO_STOP },
	{ RUNNING, EVENT_WORKLOAD_FAILED, "Cer",  STOP_ENGINE, TO_STOP },
	{ RUNNING, EVENT_CLEAN_UP_EXIT,	  "Ccer", RUNNING, ACTION_NONE },
	{ RUNNING, EVENT_TERM,		  "er1",  STOP_ENGINE, TO_STOP },
	{ RUNNING, EVENT_TERM,		  "Ccer1", STOP_WORKLOAD, TO_WORKLOAD },
	{ RUNNING, EVENT_HUP,		  "er",	  RUNNING, ACTION_FORWARD_ENGINE },
	{ RUNNING, EVENT_HUP,		  "Ccer", RUNNING, ACTION_FORWARD_WORKLOAD },
	{ RUNNING, EVENT_FORWARD,	  "er",	  RUNNING, ACTION_FORWARD_ENGINE },
	{ RUNNING, EVENT_FORWARD,	  "Ccer", RUNNING, ACTION_FORWARD_WORKLOAD },
	{ RUNNING, EVENT_DEADLINE,	  "er",	  RUNNING, ACTION_NONE },
	{ RUNNING, EVENT_DEADLINE,	  "Ccer", RUNNING, ACTION_NONE },
	{ RUNNING, EVENT_TICK,		  "Ccer", RUNNING, ACTION_NONE },

	/* ---- COMMAND has its time ---- */
	{ STOP_WORKLOAD, EVENT_ENGINE_READY,	"Ccen1", STOP_WORKLOAD, ACTION_NONE },
	{ STOP_WORKLOAD, EVENT_ENGINE_STOPPING, "Ccer1", STOP_WORKLOAD, ACTION_CLOSE_LISTENERS },
	{ STOP_WORKLOAD, EVENT_ENGINE_EXIT,	"Ccr1",	 STOP_WORKLOAD, LOST },
	{ STOP_WORKLOAD, EVENT_WORKLOAD_EXIT,	"Cer1",	 STOP_ENGINE, ACTION_TERM_ENGINE },
	{ STOP_WORKLOAD, EVENT_WORKLOAD_EXIT,	"Cr",	 CLEAN_UP, TO_CLEAN_UP },
	{ STOP_WORKLOAD, EVENT_WORKLOAD_FAILED, "Cer1",	 STOP_ENGINE, ACTION_TERM_ENGINE },
	{ STOP_WORKLOAD, EVENT_CLEAN_UP_EXIT,	"Ccer1", STOP_WORKLOAD, ACTION_NONE },
	{ STOP_WORKLOAD, EVENT_TERM,		"Ccr1",	 STOP_WORKLOAD, ACTION_NONE },
	{ STOP_WORKLOAD, EVENT_TERM,		"Ccer2", STOP_ENGINE, ACTION_KILL_WORKLOAD | ACTION_TERM_ENGINE },
	{ STOP_WORKLOAD, EVENT_TERM,		"Ccr2",	 CLEAN_UP, ACTION_KILL_WORKLOAD | TO_CLEAN_UP },
	{ STOP_WORKLOAD, EVENT_TERM,		"Ccer3", KILL_ENGINE, ACTION_KILL_WORKLOAD | ACTION_KILL_ENGINE },
	{ STOP_WORKLOAD, EVENT_TERM,		"Ccr3",	 CLEAN_UP, ACTION_KILL_WORKLOAD | TO_CLEAN_UP },
	{ STOP_WORKLOAD, EVENT_HUP,		"Ccer1", STOP_WORKLOAD, ACTION_FORWARD_WORKLOAD },
	{ STOP_WORKLOAD, EVENT_FORWARD,		"Ccer1", STOP_WORKLOAD, ACTION_FORWARD_WORKLOAD },
	{ STOP_WORKLOAD, EVENT_DEADLINE,	"Ccer1", STOP_ENGINE, ACTION_KILL_WORKLOAD | ACTION_TERM_ENGINE },
	{ STOP_WORKLOAD, EVENT_DEADLINE,	"Ccr",	 CLEAN_UP, ACTION_KILL_WORKLOAD | TO_CLEAN_UP },
	{ STOP_WORKLOAD, EVENT_TICK,		"Ccer1", STOP_WORKLOAD, ACTION_NONE },

	/* ---- dockerd stops its containers ---- */
	{ STOP_ENGINE, EVENT_ENGINE_READY,    "e1",    STOP_ENGINE, ACTION_NONE },
	{ STOP_ENGINE, EVENT_ENGINE_STOPPING, "er1",   STOP_ENGINE, ACTION_CLOSE_LISTENERS },
	{ STOP_ENGINE, EVENT_ENGINE_EXIT,     "r1",    CLEAN_UP, TO_CLEAN_UP },
	{ STOP_ENGINE, EVENT_ENGINE_EXIT,     "Cr",    CLEAN_UP, TO_CLEAN_UP },
	{ STOP_ENGINE, EVENT_WORKLOAD_EXIT,   "Cer1",  STOP_ENGINE, ACTION_NONE },
	{ STOP_ENGINE, EVENT_WORKLOAD_FAILED, "Cer",   STOP_ENGINE, ACTION_NONE },
	{ STOP_ENGINE, EVENT_CLEAN_UP_EXIT,   "er1",   STOP_ENGINE, ACTION_NONE },
	{ STOP_ENGINE, EVENT_TERM,	      "Cer1",  STOP_ENGINE, ACTION_NONE }, /* COMMAND had ended by itself */
	{ STOP_ENGINE, EVENT_TERM,	      "er2",   KILL_CONT, ACTION_KILL_CONTAINERS },
	{ STOP_ENGINE, EVENT_TERM,	      "er3",   KILL_ENGINE, ACTION_KILL_ENGINE },
	{ STOP_ENGINE, EVENT_TERM,	      "Cr3",   CLEAN_UP, TO_CLEAN_UP },
	{ STOP_ENGINE, EVENT_HUP,	      "er1",   STOP_ENGINE, ACTION_NONE },
	{ STOP_ENGINE, EVENT_HUP,	      "Ccer1", STOP_ENGINE, ACTION_FORWARD_WORKLOAD }, /* killed, not gone */
	{ STOP_ENGINE, EVENT_FORWARD,	      "er1",   STOP_ENGINE, ACTION_FORWARD_ENGINE },
	{ STOP_ENGINE, EVENT_FORWARD,	      "Cer1",  STOP_ENGINE, ACTION_NONE },
	{ STOP_ENGINE, EVENT_FORWARD,	      "r1",    STOP_ENGINE, ACTION_NONE },
	{ STOP_ENGINE, EVENT_DEADLINE,	      "er1",   KILL_CONT, ACTION_KILL_CONTAINERS },
	{ STOP_ENGINE, EVENT_TICK,	      "er1",   STOP_ENGINE, ACTION_KILL_DEAF },

	/* ---- the containers were killed ---- */
	{ KILL_CONT, EVENT_ENGINE_READY,    "e1",    KILL_CONT, ACTION_NONE },
	{ KILL_CONT, EVENT_ENGINE_STOPPING, "er1",   KILL_CONT, ACTION_CLOSE_LISTENERS },
	{ KILL_CONT, EVENT_ENGINE_EXIT,	    "r1",    CLEAN_UP, TO_CLEAN_UP },
	{ KILL_CONT, EVENT_WORKLOAD_EXIT,   "Cer1",  KILL_CONT, ACTION_NONE },
	{ KILL_CONT, EVENT_WORKLOAD_FAILED, "Cer1",  KILL_CONT, ACTION_NONE },
	{ KILL_CONT, EVENT_CLEAN_UP_EXIT,   "er1",   KILL_CONT, ACTION_NONE },
	{ KILL_CONT, EVENT_TERM,	    "Cer1",  KILL_CONT, ACTION_NONE },
	{ KILL_CONT, EVENT_TERM,	    "er2",   KILL_ENGINE, ACTION_KILL_ENGINE },
	{ KILL_CONT, EVENT_TERM,	    "er3",   KILL_ENGINE, ACTION_KILL_ENGINE },
	{ KILL_CONT, EVENT_HUP,		    "er1",   KILL_CONT, ACTION_NONE },
	{ KILL_CONT, EVENT_HUP,		    "Ccer1", KILL_CONT, ACTION_FORWARD_WORKLOAD },
	{ KILL_CONT, EVENT_FORWARD,	    "er1",   KILL_CONT, ACTION_FORWARD_ENGINE },
	{ KILL_CONT, EVENT_DEADLINE,	    "er1",   KILL_ENGINE, ACTION_KILL_ENGINE },
	{ KILL_CONT, EVENT_DEADLINE,	    "r1",    CLEAN_UP, TO_CLEAN_UP },
	{ KILL_CONT, EVENT_TICK,	    "er1",   KILL_CONT, ACTION_NONE },

	/* ---- SIGKILL went to dockerd ---- */
	{ KILL_ENGINE, EVENT_ENGINE_READY,    "e1",   KILL_ENGINE, ACTION_NONE },
	{ KILL_ENGINE, EVENT_ENGINE_STOPPING, "er1",  KILL_ENGINE, ACTION_CLOSE_LISTENERS },
	{ KILL_ENGINE, EVENT_ENGINE_EXIT,     "r1",   CLEAN_UP, TO_CLEAN_UP },
	{ KILL_ENGINE, EVENT_WORKLOAD_EXIT,   "Cer1", KILL_ENGINE, ACTION_NONE },
	{ KILL_ENGINE, EVENT_WORKLOAD_FAILED, "Cer1", KILL_ENGINE, ACTION_NONE },
	{ KILL_ENGINE, EVENT_CLEAN_UP_EXIT,   "er1",  KILL_ENGINE, ACTION_NONE },
	{ KILL_ENGINE, EVENT_TERM,	      "er3",  KILL_ENGINE, ACTION_NONE },
	{ KILL_ENGINE, EVENT_HUP,	      "er1",  KILL_ENGINE, ACTION_NONE },
	{ KILL_ENGINE, EVENT_FORWARD,	      "er1",  KILL_ENGINE, ACTION_NONE },
	{ KILL_ENGINE, EVENT_DEADLINE,	      "er1",  CLEAN_UP, TO_CLEAN_UP },
	{ KILL_ENGINE, EVENT_TICK,	      "er1",  KILL_ENGINE, ACTION_NONE },

	/* ---- unmounting ---- */
	{ CLEAN_UP, EVENT_ENGINE_READY,	   "r1",  CLEAN_UP, ACTION_NONE },
	{ CLEAN_UP, EVENT_ENGINE_STOPPING, "r1",  CLEAN_UP, ACTION_NONE },
	{ CLEAN_UP, EVENT_ENGINE_EXIT,	   "r1",  CLEAN_UP, ACTION_NONE },
	{ CLEAN_UP, EVENT_WORKLOAD_EXIT,   "Cr1", CLEAN_UP, ACTION_NONE },
	{ CLEAN_UP, EVENT_WORKLOAD_FAILED, "Cr1", CLEAN_UP, ACTION_NONE },
	{ CLEAN_UP, EVENT_CLEAN_UP_EXIT,   "r1",  DONE, ACTION_NONE },
	{ CLEAN_UP, EVENT_TERM,		   "r1",  CLEAN_UP, ACTION_NONE },
	{ CLEAN_UP, EVENT_TERM,		   "r2",  CLEAN_UP, ACTION_NONE },
	{ CLEAN_UP, EVENT_TERM,		   "r3",  DONE, ACTION_KILL_CLEAN_UP },
	{ CLEAN_UP, EVENT_HUP,		   "r1",  CLEAN_UP, ACTION_NONE },
	{ CLEAN_UP, EVENT_FORWARD,	   "er1", CLEAN_UP, ACTION_NONE },
	{ CLEAN_UP, EVENT_DEADLINE,	   "r1",  DONE, ACTION_KILL_CLEAN_UP },
	{ CLEAN_UP, EVENT_TICK,		   "r1",  CLEAN_UP, ACTION_NONE },

	/* ---- done ---- */
	{ DONE, EVENT_ENGINE_READY,    "Ccer3", DONE, ACTION_NONE },
	{ DONE, EVENT_ENGINE_STOPPING, "Ccer3", DONE, ACTION_NONE },
	{ DONE, EVENT_ENGINE_EXIT,     "Ccr3",	DONE, ACTION_NONE },
	{ DONE, EVENT_WORKLOAD_EXIT,   "Cer3",	DONE, ACTION_NONE },
	{ DONE, EVENT_WORKLOAD_FAILED, "Cer3",	DONE, ACTION_NONE },
	{ DONE, EVENT_CLEAN_UP_EXIT,   "Ccer3", DONE, ACTION_NONE },
	{ DONE, EVENT_TERM,	       "Ccer3", DONE, ACTION_NONE },
	{ DONE, EVENT_HUP,	       "Ccer3", DONE, ACTION_NONE },
	{ DONE, EVENT_FORWARD,	       "Ccer3", DONE, ACTION_NONE },
	{ DONE, EVENT_DEADLINE,	       "Ccer3", DONE, ACTION_NONE },
	{ DONE, EVENT_TICK,	       "Ccer3", DONE, ACTION_NONE },
};

/* clang-format on */

static struct supervise_view parse_view(const char *letters)
{
	struct supervise_view view = { .wait_for_ready = true };

	for (; *letters; letters++) {
		switch (*letters) {
		case 'C':
			view.has_workload = true;
			break;
		case 'c':
			view.workload_running = true;
			break;
		case 'e':
			view.engine_running = true;
			break;
		case 'n':
			view.wait_for_ready = false;
			break;
		case 'r':
			view.engine_was_ready = true;
			break;
		case 'h':
			view.hup_held = true;
			break;
		default:
			ck_assert_int_ge(*letters, '0');
			ck_assert_int_le(*letters, '9');
			view.terms = *letters - '0';
		}
	}
	return view;
}

START_TEST(row_is_decided)
{
	const struct row *row = &rows[_i];
	struct supervise_view view = parse_view(row->view);
	struct supervise_decision got = supervise_decide(row->state, row->event, &view);

	ck_assert_msg(got.next == row->next && got.actions == row->actions,
		      "%s × %s × \"%s\": got %s %#x instead of %s %#x",
		      supervise_state_name(row->state), supervise_event_name(row->event), row->view,
		      supervise_state_name(got.next), got.actions, supervise_state_name(row->next),
		      row->actions);
}
END_TEST

START_TEST(every_state_and_event_has_a_row)
{
	bool seen[STATE_COUNT][EVENT_COUNT] = { { false } };

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
		seen[rows[i].state][rows[i].event] = true;
	for (int state = 0; state < STATE_COUNT; state++)
		for (int event = 0; event < EVENT_COUNT; event++)
			ck_assert_msg(seen[state][event], "%s × %s is in no row",
				      supervise_state_name(state), supervise_event_name(event));
}
END_TEST

/* Every view there can be, and some that cannot. */
#define N_VIEWS (64 * 5)

static struct supervise_view view_number(int i)
{
	return (struct supervise_view){
		.has_workload = i & 1,
		.workload_running = i & 2,
		.engine_running = i & 4,
		.wait_for_ready = i & 8,
		.engine_was_ready = i & 16,
		.hup_held = i & 32,
		.terms = i / 64,
	};
}

START_TEST(nothing_goes_back_whatever_the_view)
{
	/* more than there is: what is not in the enumerations is defined as well */
	for (int state = 0; state <= STATE_COUNT + 1; state++) {
		for (int event = 0; event <= EVENT_COUNT + 1; event++) {
			for (int i = 0; i < N_VIEWS; i++) {
				struct supervise_view view = view_number(i);
				struct supervise_decision d = supervise_decide(state, event, &view);
				int last = state < STATE_DONE ? state : STATE_DONE;

				ck_assert_int_ge((int) d.next, last);
				ck_assert_int_le((int) d.next, STATE_DONE);
				ck_assert_uint_eq(d.actions >> 18, 0);
				if (state >= STATE_DONE || event >= EVENT_COUNT) {
					ck_assert_int_eq((int) d.next, last);
					ck_assert_uint_eq(d.actions, ACTION_NONE);
				}
			}
		}
	}
}
END_TEST

START_TEST(actions_belong_to_their_transitions)
{
	for (int state = 0; state < STATE_COUNT; state++) {
		for (int event = 0; event < EVENT_COUNT; event++) {
			for (int i = 0; i < N_VIEWS; i++) {
				struct supervise_view view = view_number(i);
				struct supervise_decision d = supervise_decide(state, event, &view);
				bool moves = (int) d.next != state;

				/* dockerd gets its TERM on the way into the phase that waits for
				 * it, nowhere else; so with its SIGKILL, so with everybody's */
				ck_assert_int_eq(!!(d.actions & ACTION_TERM_ENGINE),
						 moves && d.next == STATE_STOP_ENGINE);
				ck_assert_int_eq(!!(d.actions & ACTION_KILL_ENGINE),
						 moves && d.next == STATE_KILL_ENGINE);
				ck_assert_int_eq(!!(d.actions & ACTION_KILL_CONTAINERS),
						 moves && d.next == STATE_KILL_CONTAINERS);
				ck_assert_int_eq(!!(d.actions & ACTION_KILL_REST),
						 moves && d.next == STATE_CLEAN_UP);
				ck_assert_int_eq(!!(d.actions & ACTION_START_CLEAN_UP),
						 moves && d.next == STATE_CLEAN_UP);
				ck_assert_int_eq(!!(d.actions & ACTION_ANNOUNCE_READY),
						 moves && d.next == STATE_RUNNING);
				/* nobody is started on the way down */
				if (state > STATE_STARTING)
					ck_assert(!(d.actions & ACTION_START_WORKLOAD));
				/* who is not there gets no signal */
				if (!view.workload_running)
					ck_assert(!(d.actions & (ACTION_TERM_WORKLOAD |
								 ACTION_FORWARD_WORKLOAD)));
				if (!view.engine_running)
					ck_assert(!(d.actions &
						    (ACTION_TERM_ENGINE | ACTION_KILL_ENGINE |
						     ACTION_FORWARD_ENGINE)));
				/* with a COMMAND other signals are its own */
				if (view.has_workload)
					ck_assert(!(d.actions & ACTION_FORWARD_ENGINE));
				/* clients must not wait for an engine that is not coming back */
				if (d.next == STATE_CLEAN_UP && moves)
					ck_assert(d.actions & ACTION_CLOSE_LISTENERS);
			}
		}
	}
}
END_TEST

/* ---- every path ---- */

/* The world as far as decisions depend on it or are checked. */
struct world {
	enum supervise_state state;
	struct supervise_view view;
	int term_engine, kill_engine, term_workload, syncs; /* times, 2 stands for more */
};

#define MAX_TERMS  4
#define MAX_WORLDS 20000

static struct world worlds[MAX_WORLDS];
static size_t n_worlds;
static unsigned long n_steps;

static void add_world(const struct world *world)
{
	for (size_t i = 0; i < n_worlds; i++)
		if (memcmp(&worlds[i], world, sizeof(*world)) == 0)
			return;
	ck_assert_uint_lt(n_worlds, MAX_WORLDS);
	worlds[n_worlds++] = *world;
}

static int times(int so_far, unsigned int actions, enum supervise_action action)
{
	return so_far < 2 && actions & action ? so_far + 1 : so_far;
}

static void check_world(const struct world *world)
{
	ck_assert_int_le(world->term_engine, 1);
	ck_assert_int_le(world->kill_engine, 1);
	ck_assert_int_le(world->term_workload, 1);
	ck_assert_int_le(world->syncs, 1);
}

/* What the kernel may bring in this world, with what it changes. False: that cannot happen. */
static bool happens(enum supervise_event event, struct world *world)
{
	switch (event) {
	case EVENT_ENGINE_READY:
	case EVENT_ENGINE_STOPPING:
		return world->view.engine_running;
	case EVENT_ENGINE_EXIT:
		if (!world->view.engine_running)
			return false;
		world->view.engine_running = false;
		return true;
	case EVENT_WORKLOAD_EXIT:
		if (!world->view.workload_running)
			return false;
		world->view.workload_running = false;
		return true;
	case EVENT_WORKLOAD_FAILED: /* follows ACTION_START_WORKLOAD at once, see step() */
		return false;
	case EVENT_CLEAN_UP_EXIT:
		return world->state == STATE_CLEAN_UP;
	case EVENT_TERM:
		if (world->view.terms == MAX_TERMS)
			return false;
		world->view.terms++;
		return true;
	case EVENT_TICK:
	case EVENT_DEADLINE:
	case EVENT_HUP:
	case EVENT_FORWARD:
		return true;
	case EVENT_COUNT:
		break;
	}
	return false;
}

static void step(struct world world, enum supervise_event event)
{
	struct supervise_decision d = supervise_decide(world.state, event, &world.view);

	n_steps++;
	world.state = d.next;
	world.term_engine = times(world.term_engine, d.actions, ACTION_TERM_ENGINE);
	world.kill_engine = times(world.kill_engine, d.actions, ACTION_KILL_ENGINE);
	world.term_workload = times(world.term_workload, d.actions, ACTION_TERM_WORKLOAD);
	world.syncs = times(world.syncs, d.actions, ACTION_START_SYNC);
	if (d.actions & ACTION_ANNOUNCE_READY)
		world.view.engine_was_ready = true;
	if (d.actions & ACTION_HOLD_HUP)
		world.view.hup_held = true;
	if (d.actions & ACTION_SEND_HELD_HUP)
		world.view.hup_held = false;
	check_world(&world);
	if (d.actions & ACTION_START_WORKLOAD) {
		struct world failed = world;

		step(failed, EVENT_WORKLOAD_FAILED);
		world.view.workload_running = true;
	}
	add_world(&world);
}

static void walk(const char *start)
{
	struct world world;

	memset(&world, 0, sizeof(world));
	world.view = parse_view(start);
	n_worlds = 0;
	add_world(&world);
	for (size_t i = 0; i < n_worlds; i++) {
		for (int event = 0; event < EVENT_COUNT; event++) {
			world = worlds[i];
			if (happens(event, &world))
				step(world, event);
		}
	}
}

static const char *const starts[] = {
	"e",	/* the engine alone */
	"Ce",	/* COMMAND waits for it */
	"Ccen", /* --no-wait */
};

START_TEST(each_signal_goes_out_once_on_every_path)
{
	bool done = false;

	walk(starts[_i]);
	for (size_t i = 0; i < n_worlds; i++)
		done = done || worlds[i].state == STATE_DONE;
	ck_assert(done);
	ck_assert_uint_gt(n_steps, 500); /* else nothing was looked at */
}
END_TEST

/* Whatever has happened before: when nothing happens any more but that time passes, it ends. */
START_TEST(time_alone_ends_every_stop)
{
	walk(starts[_i]);
	for (size_t i = 0; i < n_worlds; i++) {
		struct world world = worlds[i];
		int steps = 0;

		if (world.state == STATE_RUNNING)
			continue; /* for as long as nobody wants something else */
		for (; world.state != STATE_DONE; steps++) {
			ck_assert_int_lt(steps, 6);
			world.state =
				supervise_decide(world.state, EVENT_DEADLINE, &world.view).next;
		}
	}
}
END_TEST

/* And with three TERMs it ends before anybody's time is up. */
START_TEST(a_third_term_leaves_nothing_but_the_clean_up)
{
	walk(starts[_i]);
	for (size_t i = 0; i < n_worlds; i++)
		if (worlds[i].view.terms >= 3)
			ck_assert_int_ge((int) worlds[i].state, STATE_KILL_ENGINE);
}
END_TEST

START_TEST(names_are_all_there)
{
	for (int state = 0; state < STATE_COUNT; state++)
		ck_assert_str_ne(supervise_state_name(state), "unknown");
	for (int event = 0; event < EVENT_COUNT; event++)
		ck_assert_str_ne(supervise_event_name(event), "unknown");
	ck_assert_str_eq(supervise_state_name(STATE_COUNT), "unknown");
	ck_assert_str_eq(supervise_event_name(EVENT_COUNT), "unknown");
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("decide");
	TCase *tc = tcase_create("decide");
	SRunner *runner;
	int failed;

	tcase_add_loop_test(tc, row_is_decided, 0, ARRAY_SIZE(rows));
	tcase_add_test(tc, every_state_and_event_has_a_row);
	tcase_add_test(tc, nothing_goes_back_whatever_the_view);
	tcase_add_test(tc, actions_belong_to_their_transitions);
	tcase_add_loop_test(tc, each_signal_goes_out_once_on_every_path, 0, ARRAY_SIZE(starts));
	tcase_add_loop_test(tc, time_alone_ends_every_stop, 0, ARRAY_SIZE(starts));
	tcase_add_loop_test(tc, a_third_term_leaves_nothing_but_the_clean_up, 0,
			    ARRAY_SIZE(starts));
	tcase_add_test(tc, names_are_all_there);
	suite_add_tcase(suite, tc);
	runner = srunner_create(suite);
	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed == 0 ? 0 : 1;
}
