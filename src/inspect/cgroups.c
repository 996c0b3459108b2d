/* SPDX-License-Identifier: Apache-2.0 */
/* Control groups: cgroups(7), cgroup_namespaces(7), the kernel's admin-guide/cgroup-v2.rst. */
#include <fcntl.h>
#include <string.h>

#include "dind/str.h"
#include "subjects.h"
#include "world.h"

#define CGROUP_ROOT  "/sys/fs/cgroup"
#define UNIFIED_ROOT CGROUP_ROOT "/unified"

/* include/uapi/linux/magic.h */
#define MAGIC_CGROUP2 0x63677270UL

/* PROC_CGROUP_INIT_INO in include/linux/proc_ns.h, since cgroup namespaces exist (4.6). */
#define INITIAL_CGROUP_NAMESPACE 0xEFFFFFFBUL

/* Where we and runtimes put the processes of a container whose group must be empty. */
#define LEAF "/init"

/* ---- hierarchies ----
 */

/* Does the mount hold exactly the controllers of this line of /proc/self/cgroup? A controller is in
 * one hierarchy only, so each that we name being there is enough. */
static bool mounts_hierarchy(const struct facts_mount *mount, const char *controllers)
{
	if (*controllers == '\0')
		return str_equal(mount->fstype, "cgroup2");
	if (!str_equal(mount->fstype, "cgroup"))
		return false;
	for (const char *p = controllers; *p;) {
		size_t n = strcspn(p, ",");
		char name[128];

		if (n >= sizeof(name))
			return false;
		memcpy(name, p, n);
		name[n] = '\0';
		if (!str_list_has(mount->super_options, name))
			return false;
		p += n;
		p += *p == ',';
	}
	return true;
}

/* The mount of it that a runtime would find: below /sys/fs/cgroup if there is one, and not hidden
 * by a later mount on the same target. */
static const struct facts_mount *find_hierarchy_mount(const struct facts *facts,
						      const char *controllers)
{
	const struct facts_mount *found = NULL;

	for (size_t i = 0; i < facts->mounts.n_table; i++) {
		const struct facts_mount *mount = &facts->mounts.table[i];

		if (!mounts_hierarchy(mount, controllers) ||
		    facts_mount_at(facts, mount->target) != mount)
			continue;
		if (!found || str_path_is_below(mount->target, CGROUP_ROOT) ||
		    !str_path_is_below(found->target, CGROUP_ROOT))
			found = mount;
	}
	return found;
}

/* Can processes be moved here? Opening the file asks the kernel's permission check and moves
 * nobody.
 */
static struct fact is_writable(const struct inspection *in, const struct facts_mount *mount)
{
	const char *procs = arena_printf(in->arena, "%s/cgroup.procs", mount->target);
	int r;

	if (mounts_is_read_only(mount))
		return (struct fact){ TRI_NO, EROFS, mount->target };
	r = in->world->probe_open ? in->world->probe_open(in->world, procs, O_WRONLY) : -ENOSYS;
	if (r == -ENOSYS)
		return (struct fact){ TRI_UNKNOWN, ENOSYS, procs };
	return (struct fact){ tri_from_bool(r == 0), -r, procs };
}

/* "id:controllers:path"; the path may hold colons. */
static bool parse_hierarchy(const struct inspection *in, const char *line, size_t n,
			    struct facts_hierarchy *ret)
{
	char *copy = arena_strndup(in->arena, line, n);
	char *controllers = strchr(copy, ':');
	char *path = controllers ? strchr(controllers + 1, ':') : NULL;
	uint64_t id;

	if (!path)
		return false;
	*controllers++ = '\0';
	*path++ = '\0';
	if (str_parse_u64(copy, &id) < 0)
		return false;
	*ret = (struct facts_hierarchy){ .id = (int64_t) id,
					 .controllers = controllers,
					 .path = path };
	return true;
}

static int read_hierarchies(const struct inspection *in)
{
	struct facts_cgroups *cgroups = &in->facts->cgroups;
	const struct facts_mount *mount;
	struct facts_hierarchy *added;
	struct facts_hierarchy found;
	const char *line;
	char *text;
	int r;

	r = world_read(in->world, "/proc/self/cgroup", WORLD_SMALL_FILE, in->arena, &text);
	if (r < 0)
		return r;
	for (line = text; *line; line += strspn(line, "\n")) {
		size_t n = strcspn(line, "\n");

		if (parse_hierarchy(in, line, n, &found)) {
			mount = find_hierarchy_mount(in->facts, found.controllers);
			if (mount) {
				found.mounted_at = mount->target;
				found.mount_root = mount->root;
				found.writable = is_writable(in, mount);
			}
			added = arena_push(in->arena, (void **) &cgroups->hierarchies,
					   &cgroups->n_hierarchies, sizeof(found));
			*added = found;
		}
		line += n;
	}
	return 0;
}

/* ---- mode ----
 */

static bool is_cgroup2(const struct inspection *in, const char *path)
{
	const struct facts_mount *mount;
	struct statfs fs;

	if (in->world->statfs && in->world->statfs(in->world, path, &fs) == 0)
		return (unsigned long) fs.f_type == MAGIC_CGROUP2;
	mount = facts_mount_at(in->facts, path);
	return mount && str_equal(mount->fstype, "cgroup2");
}

/* runc's rule, and for what is not mounted (yet) what the kernel lists. */
static enum cgroup_mode find_mode(const struct inspection *in)
{
	const struct facts_cgroups *cgroups = &in->facts->cgroups;

	if (cgroups->n_hierarchies == 0)
		return CGROUP_NONE;
	if (is_cgroup2(in, CGROUP_ROOT))
		return CGROUP_V2;
	if (is_cgroup2(in, UNIFIED_ROOT))
		return CGROUP_HYBRID;
	for (size_t i = 0; i < cgroups->n_hierarchies; i++)
		if (cgroups->hierarchies[i].id != 0)
			return CGROUP_V1;
	return CGROUP_V2;
}

/* ---- the v2 tree ----
 */

/*
 * Does the tree show groups above our container's own?
 *
 * In the initial namespace paths are absolute: it does when the mount's root is a proper ancestor
 * of our group. A trailing "/init" does not count, that is our own doing: `docker exec` puts later
 * processes there. In a namespace of our own the namespace's root is "/", wherever in it we are
 * now; a mount that shows more has a root that starts with "/..".
 */
static enum tri sees_host(const struct facts_cgroups *cgroups,
			  const struct facts_hierarchy *hierarchy)
{
	const char *root = hierarchy->mount_root;
	const char *own = hierarchy->path;
	size_t n = strlen(own);

	if (!root)
		return TRI_UNKNOWN;
	if (str_path_is_below(root, "/.."))
		return TRI_YES;
	if (cgroups->host_namespace == TRI_NO)
		return TRI_NO;
	if (!str_path_is_below(own, root))
		return TRI_NO;
	if (str_has_suffix(own, LEAF))
		n -= strlen(LEAF);
	return tri_from_bool(n > (strcmp(root, "/") == 0 ? 1 : strlen(root)));
}

static int64_t count_lines(const struct inspection *in, const char *path)
{
	int64_t lines = 0;
	char *text;

	if (world_read(in->world, path, WORLD_LARGE_FILE, in->arena, &text) < 0)
		return -1;
	for (const char *p = text; *p; p++)
		lines += *p == '\n' ? 1 : 0;
	return lines;
}

/* The root of the whole hierarchy has no cgroup.type. */
static const char *read_type(const struct inspection *in)
{
	const char *path = CGROUP_ROOT "/cgroup.type";
	const char *type = world_read_line(in->world, path, in->arena);

	return !type && world_exists(in->world, path, 0) == TRI_NO ? "" : type;
}

static void inspect_v2(const struct inspection *in, const struct facts_hierarchy *hierarchy)
{
	struct facts_cgroups *cgroups = &in->facts->cgroups;
	const struct facts_mount *mount = facts_mount_at(in->facts, CGROUP_ROOT);

	cgroups->own_path = hierarchy->path;
	cgroups->host_view = sees_host(cgroups, hierarchy);
	if (!mount || !str_equal(mount->fstype, "cgroup2"))
		return;
	cgroups->writable = hierarchy->writable;
	cgroups->type = read_type(in);
	cgroups->controllers =
		world_read_line(in->world, CGROUP_ROOT "/cgroup.controllers", in->arena);
	cgroups->subtree_control =
		world_read_line(in->world, CGROUP_ROOT "/cgroup.subtree_control", in->arena);
	cgroups->n_processes = count_lines(in, CGROUP_ROOT "/cgroup.procs");
	cgroups->nsdelegate = tri_from_bool(str_list_has(mount->super_options, "nsdelegate"));
}

/* Documentation/admin-guide/cgroup-v1/devices.rst: "a *:* rwm" alone, or what is allowed by line.
 */
static enum tri all_devices(const struct inspection *in)
{
	const struct facts_cgroups *cgroups = &in->facts->cgroups;

	for (size_t i = 0; i < cgroups->n_hierarchies; i++) {
		const struct facts_hierarchy *h = &cgroups->hierarchies[i];
		const char *line;

		if (!str_equal(h->controllers, "devices") || !h->mounted_at)
			continue;
		line = world_read_line(in->world,
				       arena_printf(in->arena, "%s/devices.list", h->mounted_at),
				       in->arena);
		return line ? tri_from_bool(str_equal(line, "a *:* rwm")) : TRI_UNKNOWN;
	}
	return TRI_UNKNOWN;
}

/* Our own group's answer, where the mount shows it: that of the root says nothing about us. */
static enum tri memory_hierarchy(const struct inspection *in)
{
	const struct facts_cgroups *cgroups = &in->facts->cgroups;

	for (size_t i = 0; i < cgroups->n_hierarchies; i++) {
		const struct facts_hierarchy *h = &cgroups->hierarchies[i];
		const char *line;
		size_t above;

		if (!str_list_has(h->controllers, "memory") || !h->mounted_at || !h->mount_root ||
		    !str_path_is_below(h->path, h->mount_root))
			continue;
		above = str_equal(h->mount_root, "/") ? 0 : strlen(h->mount_root);
		line = world_read_line(in->world,
				       arena_printf(in->arena, "%s%s/memory.use_hierarchy",
						    h->mounted_at, h->path + above),
				       in->arena);
		return line ? tri_from_bool(!str_equal(line, "0")) : TRI_UNKNOWN;
	}
	return TRI_UNKNOWN;
}

void inspect_cgroups(const struct inspection *in)
{
	struct facts_cgroups *cgroups = &in->facts->cgroups;
	int r = read_hierarchies(in);

	cgroups->n_processes = -1;
	cgroups->host_namespace =
		world_in_initial_namespace(in->world, "cgroup", INITIAL_CGROUP_NAMESPACE);
	if (r < 0) /* no such file: a kernel without control groups */
		cgroups->mode = r == -ENOENT ? CGROUP_NONE : CGROUP_UNKNOWN;
	else
		cgroups->mode = find_mode(in);
	in->facts->privileges.all_devices = all_devices(in);
	cgroups->memory_hierarchy = memory_hierarchy(in);
	if (cgroups->mode != CGROUP_V2)
		return;
	for (size_t i = 0; i < cgroups->n_hierarchies; i++)
		if (cgroups->hierarchies[i].id == 0)
			inspect_v2(in, &cgroups->hierarchies[i]);
}
