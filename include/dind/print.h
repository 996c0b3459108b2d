/* SPDX-License-Identifier: Apache-2.0 */
/*
 * print.h - facts and plans as text and JSON. Part of the front end, because it needs jansson and
 * the plan library stays pure.
 */
#ifndef DIND_PRINT_H
#define DIND_PRINT_H

#include <stdio.h>

#include "dind/facts.h"
#include "dind/plan.h"

/* Facts as indented JSON with sorted subjects. *@ret_text is malloc'ed; the caller frees it. */
int print_facts_json(const struct facts *facts, char **ret_text, struct error *err);

/*
 * The reverse: reading what print_facts_json() wrote gives the same facts (tested as an identity).
 * Missing members are unknown; an unknown member or a wrong type is -EINVAL with line and column or
 * the member's path in @err.
 */
int print_facts_parse(const char *text, struct arena *arena, struct facts *ret_facts,
		      struct error *err);

/* The plan in words: refusals, decisions, steps with their reasons, trials that would be run,
 * hints. */
void print_plan_text(FILE *out, const struct plan *plan);
int print_plan_json(const struct plan *plan, char **ret_text, struct error *err);

/* Refusals and hints only, in words; "nothing stands in the way" without any. */
void print_doctor_text(FILE *out, const struct plan *plan);
int print_doctor_json(const struct plan *plan, char **ret_text, struct error *err);

#endif
