/* SPDX-License-Identifier: Apache-2.0 */
#include "dind/str.h"
#include "printers.h"

/* Where images are kept, and why not in a better place: who asks for advice wants to know. */
static void print_storage(FILE *out, const struct plan *plan)
{
	for (size_t i = 0; i < plan->n_decisions; i++)
		if (str_has_prefix(plan->decisions[i].code, "DIND-STORAGE-"))
			print_message(out, &plan->decisions[i]);
}

static const char *all_is_well(const struct plan *plan)
{
	switch (plan->mode) {
	case MODE_SOCKET:
		return "the engine outside can be used by its socket; nothing is nested here";
	case MODE_REMOTE:
		return "the engine that DOCKER_HOST names will be waited for; nothing is nested "
		       "here";
	case MODE_AUTO:
	case MODE_NESTED:
		break;
	}
	return "nothing stands in the way of a nested engine here";
}

void print_doctor_text(FILE *out, const struct plan *plan)
{
	for (size_t i = 0; i < plan->n_refusals; i++)
		print_message(out, &plan->refusals[i]);
	if (plan->n_refusals == 0)
		print_line(out, "%s", all_is_well(plan));
	print_storage(out, plan);
	if (plan->n_hints)
		print_line(out, "%sworth knowing:", plan->n_refusals ? "also " : "");
	for (size_t i = 0; i < plan->n_hints; i++)
		print_message(out, &plan->hints[i]);
}
