/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The same calls from a 32-bit program, which the filter must know by other numbers. Built without
 * a C library: the 32-bit one need not be there. Prints the names of those that were not refused.
 */
#include "../ns/confine_calls.h"

static void say(const char *text)
{
	long arguments[5] = { 1, (long) text, 0 };

	while (text[arguments[2]])
		arguments[2]++;
	(void) call_i386(4, arguments); /* write */
}

__attribute__((noreturn)) void _start(void);

void _start(void)
{
	long arguments[5] = { 0 };

	for (unsigned int i = 0; i < COUNT(refused_calls); i++) {
		const struct confine_call *c = &refused_calls[i];

		if (c->nr_32 == NONE || call_i386(c->nr_32, c->arguments) == -1)
			continue;
		say(c->name);
		say("\n");
		arguments[0] = 1;
	}
	say("done\n");
	for (;;)
		(void) call_i386(1, arguments); /* exit */
}
