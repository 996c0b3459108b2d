/* SPDX-License-Identifier: Apache-2.0 */
/* The last privileges between fork and exec. */
#include <grp.h>
#include <sys/capability.h>

#include "internal.h"

int spawn_drop_bounding(const struct launch *launch)
{
	int bound;

	if (launch->caps != LAUNCH_CAPS_CLEAR)
		return 0;
	/* up to the first number that this kernel does not know */
	for (cap_value_t cap = 0; (bound = cap_get_bound(cap)) >= 0; cap++)
		if (bound > 0 && cap_drop_bound(cap) < 0)
			return -errno;
	return 0;
}

int spawn_change_user(const struct launch *launch)
{
	_Static_assert(sizeof(gid_t) == sizeof(launch->groups[0]), "groups are taken as they are");

	if (!launch->set_user)
		return 0;
	if (launch->n_groups > LAUNCH_MAX_GROUPS)
		return -E2BIG;
	if (setgroups(launch->n_groups, launch->groups) < 0 ||
	    setresgid(launch->gid, launch->gid, launch->gid) < 0 ||
	    setresuid(launch->uid, launch->uid, launch->uid) < 0)
		return -errno;
	return 0;
}

int spawn_drop_capabilities(const struct launch *launch)
{
	cap_t none;
	int r;

	if (launch->caps == LAUNCH_CAPS_KEEP)
		return 0;
	/* The ambient set goes with them, capabilities(7): it never holds more than the permitted
	 * one. */
	none = cap_init();
	if (!none)
		return -errno;
	r = cap_set_proc(none) < 0 ? -errno : 0;
	(void) cap_free(none);
	return r;
}
