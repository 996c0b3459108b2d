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

static uint64_t parse_counter(const char *line)
{
	char number[24];
	size_t n = strspn(line, "0123456789");
	uint64_t value;

	if (n == 0 || n >= sizeof(number))
		return 0;
	memcpy(number, line, n);
	number[n] = '\0';
	return str_parse_u64(number, &value) == 0 ? value : 0;
}

/* The value of the line "@name value" of a memory.stat or of /proc/meminfo; 0 without one. */
static uint64_t find_counter(char *text, const char *name)
{
	const char *line;

	for (line = text; line; line = world_next_line(line))
		if (str_has_prefix(line, name))
			return parse_counter(line + strlen(name) +
					     strspn(line + strlen(name), " \t"));
	return 0;
}

/* What is in use of the limit, but for files that the kernel would drop first. */
static uint64_t group_use(const struct inspection *in, const char *group, bool v2)
{
	const char *file = v2 ? "memory.current" : "memory.usage_in_bytes";
	const char *line = world_read_line(in->world, arena_printf(in->arena, "%s/%s", group, file),
					   in->arena);
	uint64_t used, inactive = 0;
	char *text;

	if (!line || str_parse_u64(line, &used) < 0)
		return 0;
	if (world_read(in->world, arena_printf(in->arena, "%s/memory.stat", group),
		       WORLD_SMALL_FILE, in->arena, &text) == 0)
		inactive = find_counter(text, v2 ? "inactive_file " : "total_inactive_file ");
	return used > inactive ? used - inactive : 0;
}

struct lowest {
	uint64_t limit;
	char *group; /* that has it */
};

static void look_at_group(const struct inspection *in, const char *group, const char *file,
			  struct lowest *lowest)
{
	uint64_t limit = group_limit(in, group, file);

	if (limit >= lowest->limit)
		return;
	lowest->limit = limit;
	lowest->group = arena_strdup(in->arena, group);
}

/* The smallest limit from our own group up to the top of what is mounted, and what is used of it.
 */
static void inspect_memory(const struct inspection *in)
{
	const struct facts_cgroups *cgroups = &in->facts->cgroups;
	const struct facts_hierarchy *hierarchy = memory_hierarchy(cgroups);
	bool v2 = cgroups->mode == CGROUP_V2;
	const char *file = v2 ? "memory.max" : "memory.limit_in_bytes";
	struct lowest lowest = { FACTS_UNLIMITED, NULL };
	struct facts_limits *limits = &in->facts->limits;
	char *group;
	size_t top;

	limits->memory_max = FACTS_UNLIMITED;
	if (!hierarchy)
		return;
	top = strlen(hierarchy->mounted_at);
	look_at_group(in, hierarchy->mounted_at, file, &lowest);
	if (str_path_is_below(hierarchy->path, hierarchy->mount_root) &&
	    !strstr(hierarchy->path, "/..")) {
		group = arena_printf(in->arena, "%s/%s", hierarchy->mounted_at,
				     hierarchy->path + (strcmp(hierarchy->mount_root, "/") == 0
								? 1
								: strlen(hierarchy->mount_root)));
		for (int depth = 0; strlen(group) > top && depth < MAX_GROUP_DEPTH; depth++) {
			look_at_group(in, group, file, &lowest);
			*strrchr(group, '/') = '\0';
		}
	}
	limits->memory_max = lowest.limit;
	if (lowest.group)
		limits->memory_used = group_use(in, lowest.group, v2);
}

static void inspect_available(const struct inspection *in)
{
	char *text;

	/* proc(5): in units of 1024 bytes, whatever it says */
	if (world_read(in->world, "/proc/meminfo", WORLD_SMALL_FILE, in->arena, &text) == 0)
		in->facts->limits.memory_available = find_counter(text, "MemAvailable:") * 1024;
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
	inspect_memory(in);
	inspect_available(in);
}
