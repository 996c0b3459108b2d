/* SPDX-License-Identifier: Apache-2.0 */
/* Security modules of the host kernel, as far as they show in here. */
#include <string.h>

#include "dind/str.h"
#include "subjects.h"
#include "world.h"

/* Label of our own process, NULL without one. The kernel answers EINVAL when no module owns it. */
static const char *own_label(const struct inspection *in, const char *path)
{
	const char *label = world_read_line(in->world, path, in->arena);

	return label && *label ? label : NULL;
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
	lsm->apparmor_visible = world_exists(in->world, "/sys/kernel/security/apparmor", S_IFDIR);
	if (lsm->apparmor != TRI_YES)
		return;
	lsm->apparmor_label = own_label(in, "/proc/self/attr/apparmor/current");
	if (!lsm->apparmor_label && lsm->selinux != TRI_YES)
		/* KERNEL<5.8: the shared file only */
		lsm->apparmor_label = own_label(in, "/proc/self/attr/current");
}

static void inspect_selinux(const struct inspection *in)
{
	struct facts_lsm *lsm = &in->facts->lsm;
	char *filesystems;

	if (world_read(in->world, "/proc/filesystems", WORLD_SMALL_FILE, in->arena, &filesystems) <
	    0)
		return;
	lsm->selinux = tri_from_bool(str_list_has(filesystems, "selinuxfs"));
	if (lsm->selinux != TRI_YES) {
		lsm->selinux_mounted = TRI_NO;
		return;
	}
	/* A read-only selinuxfs means "not for you" to libselinux and go-selinux alike. */
	lsm->selinux_mounted = TRI_NO;
	for (size_t i = 0; i < in->facts->mounts.n_table; i++) {
		const struct facts_mount *mount = &in->facts->mounts.table[i];

		if (str_equal(mount->fstype, "selinuxfs") && !mounts_is_read_only(mount))
			lsm->selinux_mounted = TRI_YES;
	}
	lsm->selinux_label = own_label(in, "/proc/self/attr/current");
}

void inspect_lsm(const struct inspection *in)
{
	inspect_selinux(in);
	inspect_apparmor(in);
}
