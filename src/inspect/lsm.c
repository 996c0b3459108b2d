/* SPDX-License-Identifier: Apache-2.0 */
/* Security modules of the host kernel, as far as they show in here. */
#include <fcntl.h>
#include <string.h>

#include "dind/file.h"
#include "dind/str.h"
#include "subjects.h"
#include "world.h"

#define APPARMOR_DIRECTORY "/sys/kernel/security/apparmor"

/* dockerd (all versions) and containerd look for exactly this file. */
#define APPARMOR_PARSER "/sbin/apparmor_parser"

/* Label of our own process, NULL without one. The kernel answers EINVAL when no module owns it. */
static const char *own_label(const struct inspection *in, const char *path)
{
	const char *label = world_read_line(in->world, path, in->arena);

	return label && *label ? label : NULL;
}

/* ---- AppArmor ---- */

static enum tri can_stack(const struct inspection *in)
{
	const char *stack =
		world_read_line(in->world, APPARMOR_DIRECTORY "/features/domain/stack", in->arena);

	if (stack)
		return tri_from_bool(str_equal(stack, "yes"));
	return in->facts->lsm.apparmor_visible == TRI_YES ? TRI_NO : TRI_UNKNOWN;
}

/* The number in "mnt:[4026531841]", as text. */
static const char *mount_namespace(const struct inspection *in)
{
	static const char path[] = "/proc/self/ns/mnt", prefix[] = "mnt:[";
	const char *text = NULL;
	char link[64];
	size_t digits;

	if (!world_is_live(in->world))
		text = world_read_line(in->world, path, in->arena); /* the link's text */
	else if (file_readlink_at(AT_FDCWD, path, link, sizeof(link)) > 0)
		text = link;
	if (!text || !str_has_prefix(text, prefix))
		return NULL;
	text += strlen(prefix);
	digits = strspn(text, "0123456789");
	return digits && text[digits] == ']' ? arena_strndup(in->arena, text, digits) : NULL;
}

static enum tri userns_restricted(const struct inspection *in)
{
	static const char path[] = "/proc/sys/kernel/apparmor_restrict_unprivileged_userns";
	int64_t value;
	int r = world_read_int64(in->world, path, &value);

	if (r == 0)
		return tri_from_bool(value != 0);
	return world_exists(in->world, path, 0) == TRI_NO ? TRI_NO : TRI_UNKNOWN;
}

static void inspect_apparmor(const struct inspection *in)
{
	struct facts_lsm *lsm = &in->facts->lsm;
	const char *enabled =
		world_read_line(in->world, "/sys/module/apparmor/parameters/enabled", in->arena);

	if (enabled)
		lsm->apparmor = tri_from_bool(*enabled == 'Y');
	else
		lsm->apparmor = world_exists(in->world, "/sys/module/apparmor", S_IFDIR) == TRI_NO
					? TRI_NO
					: TRI_UNKNOWN;
	lsm->apparmor_visible = world_exists(in->world, APPARMOR_DIRECTORY, S_IFDIR);
	if (lsm->apparmor != TRI_YES)
		return;
	lsm->apparmor_label = own_label(in, "/proc/self/attr/apparmor/current");
	if (!lsm->apparmor_label && lsm->selinux != TRI_YES)
		/* KERNEL<5.8: the shared file only */
		lsm->apparmor_label = own_label(in, "/proc/self/attr/current");
	lsm->apparmor_stack = can_stack(in);
	lsm->userns_restricted = userns_restricted(in);
	if (world_exists(in->world, APPARMOR_PARSER, S_IFREG) == TRI_YES)
		lsm->apparmor_parser = APPARMOR_PARSER;
	lsm->mount_namespace = mount_namespace(in);
}

/* ---- SELinux ---- */

/*
 * The label that the outer engine's mount gives to every file of our root, or NULL. It may be
 * quoted: categories have commas in them.
 */
static const char *root_context(const struct inspection *in)
{
	static const char key[] = "context=";
	const struct facts_mount *root = facts_mount_at(in->facts, "/");
	const char *at = root ? root->super_options : NULL;
	bool quoted;

	while (at && *at) {
		if (str_has_prefix(at, key)) {
			at += strlen(key);
			quoted = *at == '"';
			at += quoted ? 1 : 0;
			return arena_strndup(in->arena, at, strcspn(at, quoted ? "\"" : ","));
		}
		at = strchr(at, ',');
		at += at ? 1 : 0;
	}
	return NULL;
}

static void inspect_selinux(const struct inspection *in)
{
	struct facts_lsm *lsm = &in->facts->lsm;

	if (lsm->selinux != TRI_YES) {
		lsm->selinux_mounted = TRI_NO;
		return;
	}
	/* A read-only selinuxfs means "not for you" to libselinux and go-selinux alike. */
	lsm->selinux_mounted = TRI_NO;
	for (size_t i = 0; i < in->facts->mounts.n_table; i++) {
		const struct facts_mount *mount = &in->facts->mounts.table[i];

		if (!str_equal(mount->fstype, "selinuxfs") || mounts_is_read_only(mount))
			continue;
		lsm->selinux_mounted = TRI_YES;
		strings_add(in->arena, &lsm->selinux_mounts, mount->target);
	}
	lsm->selinux_label = own_label(in, "/proc/self/attr/current");
	lsm->root_context = root_context(in);
	/* The label of everything before a policy is loaded, and nothing is denied: to the engine's
	 * library and to us that is no SELinux. */
	if (str_equal(lsm->selinux_label, "kernel")) {
		lsm->selinux = lsm->selinux_mounted = TRI_NO;
		lsm->selinux_mounts.count = 0;
	}
}

void inspect_lsm(const struct inspection *in)
{
	struct facts_lsm *lsm = &in->facts->lsm;
	char *filesystems;

	if (world_read(in->world, "/proc/filesystems", WORLD_SMALL_FILE, in->arena, &filesystems) ==
	    0) {
		lsm->securityfs = tri_from_bool(str_list_has(filesystems, "securityfs"));
		lsm->selinux = tri_from_bool(str_list_has(filesystems, "selinuxfs"));
		inspect_selinux(in);
	}
	inspect_apparmor(in);
}
