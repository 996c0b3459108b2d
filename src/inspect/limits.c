/* SPDX-License-Identifier: Apache-2.0 */
/* Resource limits: proc_pid_limits(5) for live machine and fixture alike, and the limits of our
 * control group. */
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

/* ---- groups ----
 */

/* "cpu,cpuacct" */
static bool has_controller(const char *list, const char *name)
{
	size_t n = strlen(name);

	for (const char *at = list; (at = strstr(at, name)); at += n)
		if ((at == list || at[-1] == ',') && (at[n] == '\0' || at[n] == ','))
			return true;
	return false;
}

static const struct facts_hierarchy *hierarchy_of(const struct facts_cgroups *cgroups,
						  const char *controller)
{
	for (size_t i = 0; i < cgroups->n_hierarchies; i++) {
		const struct facts_hierarchy *hierarchy = &cgroups->hierarchies[i];
		bool wanted = cgroups->mode == CGROUP_V2
				      ? hierarchy->id == 0
				      : has_controller(hierarchy->controllers, controller);

		if (wanted && hierarchy->mounted_at)
			return hierarchy;
	}
	return NULL;
}

typedef void group_look(const struct inspection *in, const char *group, void *arg);

/* All groups from our own up to the top of what is mounted: each of them limits us. */
static void walk_groups(const struct inspection *in, const struct facts_hierarchy *hierarchy,
			group_look *look, void *arg)
{
	size_t top;
	char *group;

	if (!hierarchy)
		return;
	top = strlen(hierarchy->mounted_at);
	look(in, hierarchy->mounted_at, arg);
	if (!str_path_is_below(hierarchy->path, hierarchy->mount_root) ||
	    strstr(hierarchy->path, "/.."))
		return;
	group = arena_printf(in->arena, "%s/%s", hierarchy->mounted_at,
			     hierarchy->path + (strcmp(hierarchy->mount_root, "/") == 0
							? 1
							: strlen(hierarchy->mount_root)));
	for (int depth = 0; strlen(group) > top && depth < MAX_GROUP_DEPTH; depth++) {
		look(in, group, arg);
		*strrchr(group, '/') = '\0';
	}
}

/* ---- memory ----
 */

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
	const char *file;
	uint64_t limit;
	char *group; /* that has it */
};

static void look_at_memory(const struct inspection *in, const char *group, void *arg)
{
	struct lowest *lowest = arg;
	uint64_t limit = group_limit(in, group, lowest->file);

	if (limit >= lowest->limit)
		return;
	lowest->limit = limit;
	lowest->group = arena_strdup(in->arena, group);
}

/* The smallest limit, and what is used of it. */
static void inspect_memory(const struct inspection *in)
{
	const struct facts_cgroups *cgroups = &in->facts->cgroups;
	bool v2 = cgroups->mode == CGROUP_V2;
	struct lowest lowest = { v2 ? "memory.max" : "memory.limit_in_bytes", FACTS_UNLIMITED,
				 NULL };
	struct facts_limits *limits = &in->facts->limits;

	walk_groups(in, hierarchy_of(cgroups, "memory"), look_at_memory, &lowest);
	limits->memory_max = lowest.limit;
	if (lowest.group)
		limits->memory_used = group_use(in, lowest.group, v2);
}

/* ---- processors and processes ----
 */

static uint64_t read_counter(const struct inspection *in, const char *group, const char *file)
{
	const char *line = world_read_line(in->world, arena_printf(in->arena, "%s/%s", group, file),
					   in->arena);

	return line ? parse_counter(line) : 0; /* "max" and "-1" are no limit */
}

static void look_at_processors(const struct inspection *in, const char *group, void *arg)
{
	struct facts_limits *limits = arg;
	uint64_t quota, period = 0;

	if (in->facts->cgroups.mode == CGROUP_V2) {
		const char *path = arena_printf(in->arena, "%s/cpu.max", group);
		const char *line = world_read_line(in->world, path, in->arena);
		const char *blank = line ? strchr(line, ' ') : NULL;

		quota = line ? parse_counter(arena_strndup(in->arena, line, strcspn(line, " ")))
			     : 0;
		period = blank ? parse_counter(blank + 1) : 0;
	} else {
		quota = read_counter(in, group, "cpu.cfs_quota_us");
		period = read_counter(in, group, "cpu.cfs_period_us");
	}
	/* a period is at most a second */
	if (!quota || !period || quota > UINT32_MAX || period > UINT32_MAX)
		return;
	if (limits->cpu_quota && quota * limits->cpu_period >= limits->cpu_quota * period)
		return;
	limits->cpu_quota = quota;
	limits->cpu_period = period;
}

static void look_at_processes(const struct inspection *in, const char *group, void *arg)
{
	struct facts_limits *limits = arg;
	uint64_t max = read_counter(in, group, "pids.max");

	if (max && (!limits->pids_max || max < limits->pids_max))
		limits->pids_max = max;
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
	walk_groups(in, hierarchy_of(&in->facts->cgroups, "cpu"), look_at_processors, limits);
	walk_groups(in, hierarchy_of(&in->facts->cgroups, "pids"), look_at_processes, limits);
	inspect_available(in);
}
