/* SPDX-License-Identifier: Apache-2.0 */
#include "dind/facts.h"

#include <string.h>

#include "dind/str.h"

static const char *const trial_names[TRIAL_COUNT] = {
	[TRIAL_OVERLAY] = "overlay",
	[TRIAL_FUSE] = "fuse-overlayfs",
	[TRIAL_ENGINE] = "engine-version",
	[TRIAL_IPTABLES] = "iptables",
	[TRIAL_IPTABLES_NO_RAW] = "iptables-without-raw",
	[TRIAL_IP6TABLES] = "ip6tables",
	[TRIAL_ADDRESS] = "address",
};

static const char *const cgroup_mode_names[] = {
	[CGROUP_UNKNOWN] = "unknown", [CGROUP_NONE] = "none", [CGROUP_V1] = "v1",
	[CGROUP_HYBRID] = "hybrid",   [CGROUP_V2] = "v2",
};

const char *facts_trial_name(enum trial_kind kind)
{
	return (unsigned int) kind < TRIAL_COUNT ? trial_names[kind] : "unknown";
}

const char *facts_cgroup_mode_name(enum cgroup_mode mode)
{
	return (unsigned int) mode < ARRAY_SIZE(cgroup_mode_names) ? cgroup_mode_names[mode]
								   : "unknown";
}

const struct facts_mount *facts_mount_at(const struct facts *facts, const char *target)
{
	for (size_t i = facts->mounts.n_table; i > 0; i--)
		if (str_equal(facts->mounts.table[i - 1].target, target))
			return &facts->mounts.table[i - 1];
	return NULL;
}

const struct facts_mount *facts_mount_of(const struct facts *facts, const char *path)
{
	const struct facts_mount *best = NULL;
	size_t best_length = 0;

	for (size_t i = 0; i < facts->mounts.n_table; i++) {
		const struct facts_mount *mount = &facts->mounts.table[i];
		size_t length = strlen(mount->target);

		/* >=: of two mounts on one target the later one is on top */
		if (length >= best_length && str_path_is_below(path, mount->target)) {
			best = mount;
			best_length = length;
		}
	}
	return best;
}

const struct facts_trial *facts_find_trial(const struct facts *facts, enum trial_kind kind,
					   const char *path)
{
	for (size_t i = 0; i < facts->n_trials; i++)
		if (facts->trials[i].kind == kind && str_equal(facts->trials[i].path, path))
			return &facts->trials[i];
	return NULL;
}

const struct facts_failure *facts_find_failure(const struct facts *facts, const char *key)
{
	for (size_t i = 0; i < facts->n_failures; i++)
		if (str_equal(facts->failures[i].key, key))
			return &facts->failures[i];
	return NULL;
}

const struct facts_device *facts_find_device(const struct facts *facts, const char *path)
{
	for (size_t i = 0; i < facts->mounts.n_devices; i++)
		if (str_equal(facts->mounts.devices[i].path, path))
			return &facts->mounts.devices[i];
	return NULL;
}

void facts_add_failure(struct facts *facts, struct arena *arena, const char *key, int error,
		       const char *message, const char *holder)
{
	struct facts_failure *failure =
		arena_push(arena, (void **) &facts->failures, &facts->n_failures, sizeof(*failure));

	failure->key = arena_strdup(arena, key);
	failure->error = error;
	failure->message = arena_strdup(arena, message);
	failure->holder = arena_strdup(arena, holder);
}
