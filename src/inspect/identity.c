/* SPDX-License-Identifier: Apache-2.0 */
/* Who and where we are: names that the outer engine gave us, and the user and group that options
 * name. */
#include <ctype.h>
#include <grp.h>
#include <pwd.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "dind/str.h"
#include "subjects.h"
#include "world.h"

#define CONTAINER_ID_LENGTH 64

/* One entry of passwd(5) or group(5); a group with some thousand members fits. */
#define ENTRY_MAX 65536

/* Entries that are looked at; a bound, not a limit that anybody meets. */
#define MAX_ENTRIES 100000

/* ---- container ----
 */

/* Start of the last run of exactly 64 hex digits in @text, or NULL. */
static const char *find_container_id(const char *text)
{
	const char *found = NULL;

	while (*text) {
		size_t n = strspn(text, "0123456789abcdef");

		if (n == CONTAINER_ID_LENGTH)
			found = text;
		text += n ? n : 1;
	}
	return found;
}

/*
 * Engines mount /etc/hostname and its like out of a directory of theirs that is named after the
 * container; the group usually is, too. For pods the mounts have the sandbox's id, so they count
 * only where the word "containers" says whose they are.
 */
static const char *container_id(const struct inspection *in)
{
	static const char *const targets[] = { "/etc/hostname", "/etc/hosts", "/etc/resolv.conf" };
	const struct facts_cgroups *cgroups = &in->facts->cgroups;
	const char *id = NULL;

	for (size_t i = 0; !id && i < ARRAY_SIZE(targets); i++) {
		const struct facts_mount *mount = facts_mount_at(in->facts, targets[i]);

		if (mount && mount->root && strstr(mount->root, "containers/"))
			id = find_container_id(mount->root);
	}
	for (size_t i = 0; !id && i < cgroups->n_hierarchies; i++)
		id = find_container_id(cgroups->hierarchies[i].path);
	return id ? arena_strndup(in->arena, id, CONTAINER_ID_LENGTH) : NULL;
}

/* ---- users and groups ----
 * fgetpwent_r(3) and fgetgrent_r(3) on the files: PID 1 must not load NSS modules, which may ask
 * the network.
 */

static bool parse_id(const char *text, int64_t *ret_id)
{
	uint64_t value;

	if (str_parse_u64(text, &value) < 0 || value >= UINT32_MAX) /* (uid_t) -1 is nobody's */
		return false;
	*ret_id = (int64_t) value;
	return true;
}

void inspect_each_group(const struct inspection *in,
			bool (*look)(const struct group *entry, void *context), void *context)
{
	char *buffer = arena_alloc(in->arena, ENTRY_MAX);
	struct group entry, *found;
	FILE *stream;

	if (world_open_stream(in->world, "/etc/group", &stream) < 0)
		return;
	for (int i = 0; i < MAX_ENTRIES; i++) {
		int r = fgetgrent_r(stream, &entry, buffer, ENTRY_MAX, &found);

		if (r == ERANGE)
			continue;
		if (r != 0 || !look(&entry, context))
			break;
	}
	(void) fclose(stream);
}

struct name_search {
	const char *name;
	int64_t gid;
	bool found;
};

static bool has_name(const struct group *entry, void *context)
{
	struct name_search *search = context;

	search->found = strcmp(entry->gr_name, search->name) == 0;
	if (search->found)
		search->gid = entry->gr_gid;
	return !search->found;
}

/* The group called @name, or with that number as its name; numbers need no entry. */
static bool find_group(const struct inspection *in, const char *name, int64_t *ret_gid)
{
	struct name_search search = { .name = name };

	inspect_each_group(in, has_name, &search);
	if (!search.found)
		return parse_id(name, ret_gid);
	*ret_gid = search.gid;
	return true;
}

static void copy_user(const struct inspection *in, const struct passwd *entry)
{
	struct facts_identity *identity = &in->facts->identity;

	identity->user_uid = entry->pw_uid;
	identity->user_gid = entry->pw_gid;
	identity->user_name = arena_strdup(in->arena, entry->pw_name);
	identity->user_home = arena_strdup(in->arena, entry->pw_dir);
	identity->user_shell = arena_strdup(in->arena, entry->pw_shell);
}

/* By name; by number when that is one; a number without an entry is group 0, as for `docker run
 * --user`. */
static bool find_user(const struct inspection *in, const char *name)
{
	struct facts_identity *identity = &in->facts->identity;
	char *buffer = arena_alloc(in->arena, ENTRY_MAX);
	struct passwd entry, *found;
	bool is_found = false;
	int64_t uid = -1;
	FILE *stream;

	(void) parse_id(name, &uid);
	if (world_open_stream(in->world, "/etc/passwd", &stream) == 0) {
		for (int i = 0; i < MAX_ENTRIES; i++) {
			int r = fgetpwent_r(stream, &entry, buffer, ENTRY_MAX, &found);

			if (r == ERANGE)
				continue;
			if (r != 0)
				break;
			if (strcmp(entry.pw_name, name) == 0) {
				copy_user(in, &entry);
				is_found = true;
				break;
			}
			if (!is_found && uid >= 0 && entry.pw_uid == uid) {
				copy_user(in, &entry); /* a name may still come */
				is_found = true;
			}
		}
		(void) fclose(stream);
	}
	if (!is_found && uid >= 0) {
		identity->user_uid = uid;
		identity->user_gid = 0;
		is_found = true;
	}
	return is_found;
}

static bool is_member(const struct group *group, const char *user)
{
	for (char **member = group->gr_mem; member && *member; member++)
		if (strcmp(*member, user) == 0)
			return true;
	return false;
}

struct membership_search {
	const struct inspection *in;
	const char *user;
	struct strings gids;
};

static bool collect_membership(const struct group *entry, void *context)
{
	struct membership_search *search = context;

	if (is_member(entry, search->user))
		strings_add(search->in->arena, &search->gids,
			    arena_printf(search->in->arena, "%u", entry->gr_gid));
	return true;
}

/* Supplementary groups: those that list the user. */
static const char *find_memberships(const struct inspection *in, const char *user)
{
	struct membership_search search = { .in = in, .user = user, .gids = STRINGS_INIT };

	inspect_each_group(in, collect_membership, &search);
	return strings_join(in->arena, &search.gids, " ");
}

/* --user USER[:GROUP]. With a GROUP there are no supplementary ones, as for `docker run --user`. */
static void inspect_user(const struct inspection *in)
{
	struct facts_identity *identity = &in->facts->identity;
	const char *user = in->options->user;
	const char *group;
	const char *name;
	int64_t gid;

	identity->user_uid = identity->user_gid = -1;
	if (!user)
		return;
	group = strchr(user, ':');
	name = group ? arena_strndup(in->arena, user, (size_t) (group - user)) : user;
	identity->user_found = TRI_NO;
	if (!find_user(in, name))
		return;
	identity->user_groups = "";
	if (group) {
		if (!find_group(in, group + 1, &gid))
			return;
		identity->user_gid = gid;
	} else if (identity->user_name) {
		identity->user_groups = find_memberships(in, identity->user_name);
	}
	identity->user_found = TRI_YES;
}

static void inspect_socket_group(const struct inspection *in)
{
	struct facts_identity *identity = &in->facts->identity;
	const char *name = in->options->socket_group;

	if (!name)
		name = in->facts->engine.config_group;
	if (!name)
		name = "docker";
	identity->group_gid = -1;
	identity->group_found = tri_from_bool(find_group(in, name, &identity->group_gid));
}

void inspect_identity(const struct inspection *in)
{
	struct facts_identity *identity = &in->facts->identity;
	const char *notify = options_environment(in->options, "NOTIFY_SOCKET");
	struct timespec now;

	identity->hostname = world_read_line(in->world, "/proc/sys/kernel/hostname", in->arena);
	identity->kernel = world_read_line(in->world, "/proc/sys/kernel/osrelease", in->arena);
	identity->time_namespaces = world_exists(in->world, "/proc/self/ns/time", 0);
	identity->boot_id =
		world_read_line(in->world, "/proc/sys/kernel/random/boot_id", in->arena);
	identity->container_id = container_id(in);
	/* a fixture has no clock */
	if (world_is_live(in->world) && clock_gettime(CLOCK_REALTIME, &now) == 0)
		identity->started = now.tv_sec;
	identity->termination_log = world_exists(in->world, "/dev/termination-log", 0);
	identity->outer_notify = tri_from_bool(notify && *notify);
	inspect_user(in);
	inspect_socket_group(in);
}
