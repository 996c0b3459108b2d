/* SPDX-License-Identifier: Apache-2.0 */
/* Resource limits: proc_pid_limits(5) for live machine and fixture alike, and the memory limit of
 * our control group. */
#include <stdio.h>
#include <string.h>

#include "dind/str.h"
#include "subjects.h"
#include "world.h"

/* v1 says "no limit" by the largest multiple of the page size; nobody has this much memory. */
#define MEMORY_ABSURD (UINT64_C(1) << 62)

#define MAX_GROUP_DEPTH 64

static uint64_t parse_limit(const char *word, size_t n)
{
	char number[24];
	uint64_t value;

	if (n >= sizeof(number))
		return 0;
	memcpy(number, word, n);
	number[n] = '\0';
	if (strcmp(number, "unlimited") == 0)
		return FACTS_UNLIMITED;
	return str_parse_u64(number, &value) == 0 ? value : 0;
}

static void find_limit(const char *text, const char *name, uint64_t *ret_soft, uint64_t *ret_hard)
{
	const char *p = strstr(text, name);
	size_t n;

	if (!p)
		return;
	p += strlen(name);
	p += strspn(p, " ");
	n = strcspn(p, " \n");
	*ret_soft = parse_limit(p, n);
	p += n;
	p += strspn(p, " ");
	*ret_hard = parse_limit(p, strcspn(p, " \n"));
}

/* ---- memory ----
 */

static const struct facts_hierarchy *memory_hierarchy(const struct facts_cgroups *cgroups)
{
	for (size_t i = 0; i < cgroups->n_hierarchies; i++) {
		const struct facts_hierarchy *hierarchy = &cgroups->hierarchies[i];
		bool wanted = cgroups->mode == CGROUP_V2
				      ? hierarchy->id == 0
				      : str_list_has(hierarchy->controllers, "memory");

		if (wanted && hierarchy->mounted_at)
			return hierarchy;
	}
	return NULL;
}

static uint64_t group_limit(const struct inspection *in, const char *group, const char *file)
{
	const char *path = arena_printf(in->arena, "%s/%s", group, file);
	const char *line = world_read_line(in->world, path, in->arena);
	uint64_t value;

	if (!line || str_parse_u64(line, &value) < 0 || value >= MEMORY_ABSURD)
		return FACTS_UNLIMITED; /* "max", or the real root, which has no such file */
	return value;
}

/* The smallest limit from our own group up to the top of what is mounted. */
static uint64_t memory_limit(const struct inspection *in)
{
	const struct facts_cgroups *cgroups = &in->facts->cgroups;
	const struct facts_hierarchy *hierarchy = memory_hierarchy(cgroups);
	const char *file = cgroups->mode == CGROUP_V2 ? "memory.max" : "memory.limit_in_bytes";
	uint64_t lowest;
	char *group;
	size_t top;

	if (!hierarchy)
		return FACTS_UNLIMITED;
	top = strlen(hierarchy->mounted_at);
	lowest = group_limit(in, hierarchy->mounted_at, file);
	if (!str_path_is_below(hierarchy->path, hierarchy->mount_root) ||
	    strstr(hierarchy->path, "/.."))
		return lowest;
	group = arena_printf(in->arena, "%s/%s", hierarchy->mounted_at,
			     hierarchy->path + (strcmp(hierarchy->mount_root, "/") == 0
							? 1
							: strlen(hierarchy->mount_root)));
	for (int depth = 0; strlen(group) > top && depth < MAX_GROUP_DEPTH; depth++) {
		uint64_t limit = group_limit(in, group, file);

		if (limit < lowest)
			lowest = limit;
		*strrchr(group, '/') = '\0';
	}
	return lowest;
}

void inspect_limits(const struct inspection *in)
{
	struct facts_limits *limits = &in->facts->limits;
	char *text;

	if (world_read(in->world, "/proc/self/limits", WORLD_SMALL_FILE, in->arena, &text) == 0) {
		find_limit(text, "Max open files", &limits->nofile_soft, &limits->nofile_hard);
		find_limit(text, "Max processes", &limits->nproc_soft, &limits->nproc_hard);
		find_limit(text, "Max core file size", &limits->core_soft, &limits->core_hard);
	}
	(void) world_read_int64(in->world, "/proc/self/oom_score_adj", &limits->oom_score_adj);
	limits->memory_max = memory_limit(in);
}
