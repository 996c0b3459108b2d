/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DIND_TEST_DECIDE_FIXTURE_H
#define DIND_TEST_DECIDE_FIXTURE_H

#include <check.h>

#include "dind/supervise.h"

/*
 * The view as letters: C a COMMAND was given, c it runs, e the engine runs, n --no-wait, r the
 * engine was ready, h a HUP is held, d containerd runs, l it is given up, P there is a job before
 * ready, p it runs, ! it is required, W there is a watch, w it runs, a the engine is to be started
 * again, R a HUP is merged first, g that is under way, k COMMAND was started and may leave
 * something, f COMMAND starts behind the ready file; a digit: TERMs so far.
 */
static struct supervise_view parse_view(const char *letters)
{
	struct supervise_view view = { .wait_for_ready = true };
	const struct {
		char letter;
		bool *flag;
	} flags[] = {
		{ 'C', &view.has_workload },	{ 'c', &view.workload_running },
		{ 'e', &view.engine_running },	{ 'r', &view.engine_was_ready },
		{ 'h', &view.hup_held },	{ 'd', &view.containerd_running },
		{ 'l', &view.containerd_lost }, { 'P', &view.has_prepare },
		{ 'p', &view.prepare_running }, { '!', &view.prepare_required },
		{ 'W', &view.has_watch },	{ 'w', &view.watch_running },
		{ 'a', &view.engine_restarts }, { 'R', &view.has_reload },
		{ 'g', &view.reload_running },	{ 'k', &view.has_rest },
		{ 'f', &view.has_ready_file },
	};

	for (; *letters; letters++) {
		bool known = *letters == 'n';

		if (known)
			view.wait_for_ready = false;
		for (size_t i = 0; i < ARRAY_SIZE(flags); i++) {
			if (flags[i].letter == *letters)
				known = *flags[i].flag = true;
		}
		if (known)
			continue;
		ck_assert_int_ge(*letters, '0');
		ck_assert_int_le(*letters, '9');
		view.terms = *letters - '0';
	}
	return view;
}

#endif
