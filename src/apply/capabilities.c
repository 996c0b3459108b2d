/* SPDX-License-Identifier: Apache-2.0 */
/*
 * capabilities.c - what PID 1 has in effect from here on.
 *
 * The effective set alone: a program that gained permitted capabilities by exec, as the engine
 * would from a PID 1 with less, is not dumpable (commit_creds() in the kernel), so that its files
 * in /proc belong to the root of the initial user namespace, and a signal that it asked for at its
 * parent's death is forgotten. By exec all permitted ones are in effect again, for root.
 */
#include <sys/capability.h>

#include "steps.h"

#define CAPS_IN_MASK 64

static int keep_only(cap_t caps, uint64_t keep)
{
	cap_flag_value_t value;

	for (cap_value_t cap = 0; cap < CAPS_IN_MASK; cap++) {
		if (keep & (UINT64_C(1) << cap))
			continue;
		if (cap_get_flag(caps, cap, CAP_EFFECTIVE, &value) < 0)
			return 0; /* the first that this libcap does not know */
		if (value == CAP_SET && cap_set_flag(caps, CAP_EFFECTIVE, 1, &cap, CAP_CLEAR) < 0)
			return -errno;
	}
	return 0;
}

int apply_capabilities(struct apply_context *context, const struct plan_step *step,
		       struct error *err)
{
	cap_t caps = cap_get_proc();
	int r;

	(void) context;
	if (!caps)
		return error_set(err, -errno, "read our capabilities");
	r = keep_only(caps, step->u.capabilities.keep);
	if (r == 0 && cap_set_proc(caps) < 0)
		r = -errno;
	(void) cap_free(caps);
	return r < 0 ? error_set(err, r, "give up capabilities") : 0;
}
