/* SPDX-License-Identifier: Apache-2.0 */
#include "subjects.h"

int inspect_machine(const struct inspect_world *world, const struct options *options,
		    struct arena *arena, struct facts *facts, struct error *err)
{
	const struct inspection in = {
		.world = world, .options = options, .arena = arena, .facts = facts
	};
	int r;

	r = inspect_mounts(&in, err);
	if (r == 0)
		r = inspect_privileges(&in, err);
	if (r < 0)
		return r;
	inspect_cgroups(&in);
	inspect_lsm(&in);
	inspect_engine(&in);
	inspect_storage(&in);
	inspect_pool(&in);
	inspect_network(&in);
	inspect_limits(&in);
	inspect_identity(&in);
	inspect_reach(&in);
	return 0;
}

void inspect_lease(const struct inspect_world *world, const struct options *options,
		   struct arena *arena, struct facts *facts)
{
	const struct inspection in = {
		.world = world, .options = options, .arena = arena, .facts = facts
	};

	inspect_directory(&in, facts->pool.lease, &facts->storage.storage_path);
}
