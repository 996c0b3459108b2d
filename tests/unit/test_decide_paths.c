/* SPDX-License-Identifier: Apache-2.0 */
/* The decision table of supervise: what holds on every path through it. */
#include <string.h>

#include "decide_fixture.h"

/* The world as far as decisions depend on it or are checked. */
struct world {
	enum supervise_state state;
	struct supervise_view view;
	int restarts; /* of containerd */
	int left;     /* restarts of the engine that are left */
	int stop_rest, kill_job;
	int workloads, term_engine, kill_engine, term_workload, term_containerd, prepares, watches,
		syncs; /* times, 2 stands for more */
};

#define MAX_TERMS    4
#define MAX_WORLDS   60000
#define MAX_RESTARTS 2

static struct world worlds[MAX_WORLDS];
static size_t n_worlds;
static unsigned long n_steps;
static bool has_containerd, leaves_rest; /* in all of them */

/* Those that are there, by their bytes: number + 1, 0 is free. */
#define N_SLOTS (1u << 18)
static unsigned int slots[N_SLOTS];

static void add_world(const struct world *world)
{
	const unsigned char *bytes = (const unsigned char *) world;
	unsigned int hash = 2166136261u;

	for (size_t i = 0; i < sizeof(*world); i++)
		hash = (hash ^ bytes[i]) * 16777619u;
	for (;; hash++) {
		unsigned int *slot = &slots[hash % N_SLOTS];

		if (*slot && memcmp(&worlds[*slot - 1], world, sizeof(*world)) == 0)
			return;
		if (*slot)
			continue;
		ck_assert_uint_lt(n_worlds, MAX_WORLDS);
		worlds[n_worlds++] = *world;
		*slot = (unsigned int) n_worlds;
		return;
	}
}

static int times(int so_far, unsigned int actions, enum supervise_action action)
{
	return so_far < 2 && actions & action ? so_far + 1 : so_far;
}

static void check_world(const struct world *world)
{
	ck_assert_int_le(world->workloads, 1);
	ck_assert_int_le(world->term_engine, 1);
	ck_assert_int_le(world->kill_engine, 1);
	ck_assert_int_le(world->term_workload, 1);
	ck_assert_int_le(world->syncs, 1);
	ck_assert_int_le(world->term_containerd, 1);
	ck_assert_int_le(world->prepares, 1);
	ck_assert_int_le(world->watches, 1);
	ck_assert_int_le(world->stop_rest, 1);
	ck_assert_int_le(world->kill_job, 1);
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
		world->view.engine_restarts = world->left > 0 && world->state <= STATE_RUNNING;
		world->left -= world->view.engine_restarts;
		return true;
	case EVENT_RESTART:
		return world->state == STATE_RESTARTING;
	case EVENT_WORKLOAD_EXIT:
		if (!world->view.workload_running)
			return false;
		world->view.workload_running = false;
		return true;
	case EVENT_WORKLOAD_FAILED: /* follows ACTION_START_WORKLOAD at once, see step() */
		return false;
	case EVENT_CLEAN_UP_EXIT:
		return world->state == STATE_CLEAN_UP;
	case EVENT_REST_EXIT: /* killed, it ends later */
		return world->state >= STATE_STOP_REST && world->stop_rest;
	case EVENT_TERM:
		if (world->view.terms == MAX_TERMS)
			return false;
		world->view.terms++;
		return true;
	case EVENT_CONTAINERD_EXIT:
		if (!world->view.containerd_running)
			return false;
		world->view.containerd_running = false;
		world->view.containerd_lost = world->restarts == MAX_RESTARTS;
		return true;
	case EVENT_PREPARED:
	case EVENT_PREPARE_FAILED:
		if (!world->view.prepare_running)
			return false;
		world->view.prepare_running = false;
		return true;
	case EVENT_WATCH_EXIT:
		if (!world->view.watch_running)
			return false;
		world->view.watch_running = false;
		return true;
	case EVENT_RELOADED:
	case EVENT_RELOAD_FAILED:
		if (!world->view.reload_running)
			return false;
		world->view.reload_running = false;
		return true;
	case EVENT_READY_TOLD: /* killed on the way down, it ends later */
		return world->view.has_ready_file;
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
	world.stop_rest = times(world.stop_rest, d.actions, ACTION_STOP_REST);
	world.kill_job = times(world.kill_job, d.actions, ACTION_KILL_JOB);
	world.term_containerd = times(world.term_containerd, d.actions, ACTION_TERM_CONTAINERD);
	world.prepares = times(world.prepares, d.actions, ACTION_START_PREPARE);
	world.watches = times(world.watches, d.actions, ACTION_START_WATCH);
	if (d.actions & (ACTION_ANNOUNCE_READY | ACTION_START_PREPARE))
		world.view.engine_was_ready = true;
	if (d.actions & ACTION_START_PREPARE)
		world.view.prepare_running = true;
	if (d.actions & ACTION_START_WATCH)
		world.view.watch_running = true;
	if (d.actions & ACTION_RESTART_CONTAINERD) {
		world.view.containerd_running = true;
		world.restarts++;
	}
	world.workloads = times(world.workloads, d.actions, ACTION_START_WORKLOAD);
	if (d.actions & ACTION_PAUSE)
		world.view.engine_was_ready = false;
	if (d.actions & ACTION_ANNOUNCE_READY)
		world.view.has_prepare = false;
	if (d.actions & ACTION_START_ENGINE) {
		world.view.engine_running = true;
		world.view.engine_restarts = false;
		world.view.containerd_running = has_containerd;
		world.prepares = world.watches = 0; /* each engine has its own */
	}
	if (d.actions & ACTION_START_WORKLOAD)
		world.view.wait_for_ready = false;
	if (d.actions & ACTION_HOLD_HUP)
		world.view.hup_held = true;
	if (d.actions & ACTION_SEND_HELD_HUP)
		world.view.hup_held = false;
	if (d.actions & ACTION_RELOAD) {
		/* never two at a time */
		ck_assert(!world.view.reload_running);
		world.view.hup_held = false;
		world.view.reload_running = true;
	}
	check_world(&world);
	if (d.actions & ACTION_START_WORKLOAD) {
		struct world failed = world;

		step(failed, EVENT_WORKLOAD_FAILED);
		world.view.workload_running = true;
		world.view.has_rest = leaves_rest;
	}
	add_world(&world);
}

static void walk(const char *start)
{
	struct world world;

	memset(&world, 0, sizeof(world));
	world.view = parse_view(start);
	has_containerd = world.view.containerd_running;
	leaves_rest = world.view.has_rest;
	world.view.has_rest = leaves_rest && world.view.workload_running;
	world.left = world.view.engine_restarts;
	world.view.engine_restarts = false;
	n_worlds = 0;
	memset(slots, 0, sizeof(slots));
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
	"e",							   /* the engine alone */
	"Ce",							   /* COMMAND waits for it */
	"Ccen",							   /* --no-wait */
	"edPW",							   /* with everything beside it */
	"CedP!W", "CcendP!", "ea",     "Cea",	 "Ccena", "edPWa", /* one restart */
	"eR",	  "CeR",					   /* what a HUP merges */
	"Cek",	  "Ccenk",   "CedPWk",				   /* COMMAND leaves something */
	"ef",	  "Cef",     "CefaR",  "CcenfP",		   /* somebody looks for a file */
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

		/* running: for as long as nobody wants something else */
		for (; world.state != STATE_RUNNING && world.state != STATE_DONE; steps++) {
			bool again = world.state == STATE_RESTARTING;

			ck_assert_int_lt(steps, 8);
			world.state = supervise_decide(world.state,
						       again ? EVENT_RESTART : EVENT_DEADLINE,
						       &world.view)
					      .next;
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

int main(void)
{
	Suite *suite = suite_create("decide_paths");
	TCase *tc = tcase_create("decide_paths");
	SRunner *runner;
	int failed;

	tcase_set_timeout(tc, 60);
	tcase_add_loop_test(tc, each_signal_goes_out_once_on_every_path, 0, ARRAY_SIZE(starts));
	tcase_add_loop_test(tc, time_alone_ends_every_stop, 0, ARRAY_SIZE(starts));
	tcase_add_loop_test(tc, a_third_term_leaves_nothing_but_the_clean_up, 0,
			    ARRAY_SIZE(starts));
	suite_add_tcase(suite, tc);
	runner = srunner_create(suite);
	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed == 0 ? 0 : 1;
}
