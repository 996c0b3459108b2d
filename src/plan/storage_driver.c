/* SPDX-License-Identifier: Apache-2.0 */
/* What is known about drivers by name, and what an earlier engine wrote. */
#include "dind/str.h"
#include "storage.h"

static const struct {
	const char *name;
	enum driver_class class;
	unsigned int gone; /* from this major version on engines do not have it; 0: they do */
} drivers[] = {
	/* in the order in which a data root with several is taken to be meant */
	{ "overlay2", DRIVER_OVERLAY, 0 },
	{ "fuse-overlayfs", DRIVER_FUSE, 0 },
	{ "btrfs", DRIVER_NATIVE, 0 },
	{ "zfs", DRIVER_NATIVE, 0 },
	{ "aufs", DRIVER_AUFS, 24 },
	{ "overlay", DRIVER_OVERLAY, 24 },
	{ "overlayfs", DRIVER_OVERLAY, 0 }, /* containerd's name for it */
	/* its device names are the host's, and its pool stays when the container is gone */
	{ "devicemapper", DRIVER_NEVER, 25 },
	{ "vfs", DRIVER_COPY, 0 },
	{ "native", DRIVER_COPY, 0 }, /* containerd's */
};

enum driver_class storage_driver_class(const char *driver)
{
	if (!driver)
		return DRIVER_FREE;
	for (size_t i = 0; i < ARRAY_SIZE(drivers); i++)
		if (str_equal(drivers[i].name, driver))
			return drivers[i].class;
	return DRIVER_OTHER;
}

enum driver_class storage_asked_class(const struct planner *p)
{
	enum driver_class class = storage_driver_class(p->asked_driver);

	if (p->options->strict_args &&
	    (class == DRIVER_NATIVE || class == DRIVER_AUFS || class == DRIVER_NEVER))
		return DRIVER_OTHER;
	return class;
}

bool storage_rung_fits(enum storage_rung rung, enum driver_class driver)
{
	switch (driver) {
	case DRIVER_FREE:
		return true;
	case DRIVER_OVERLAY:
		return rung == RUNG_AS_IS || rung == RUNG_LOOP || rung == RUNG_TMPFS;
	case DRIVER_FUSE:
		return rung == RUNG_FUSE;
	case DRIVER_COPY:
		return rung == RUNG_VFS;
	case DRIVER_NATIVE:
	case DRIVER_AUFS:
	case DRIVER_OTHER:
		return rung == RUNG_AS_IS;
	case DRIVER_NEVER:
		break;
	}
	return false;
}

const char *storage_prior_driver(const struct planner *p, const struct facts_directory *directory)
{
	bool containerd = directory->containerd_store == TRI_YES;

	/* with both there: dockerd itself stays with the graph driver unless it is told */
	if (containerd && p->store == STORE_CONTAINERD)
		return "overlayfs";
	for (size_t i = 0; i < ARRAY_SIZE(drivers); i++) {
		if (containerd && drivers[i].class == DRIVER_COPY)
			break;
		if (strings_has(&directory->drivers, drivers[i].name))
			return drivers[i].name;
	}
	return containerd ? "overlayfs" : NULL;
}

enum storage_rung storage_prior_rung(const char *driver)
{
	enum driver_class class = storage_driver_class(driver);

	if (class == DRIVER_FUSE)
		return RUNG_FUSE;
	return class == DRIVER_COPY ? RUNG_VFS : RUNG_AS_IS;
}

/* ---- what speaks against one ---- */

static unsigned int gone_from(const char *driver)
{
	for (size_t i = 0; i < ARRAY_SIZE(drivers); i++)
		if (str_equal(drivers[i].name, driver))
			return drivers[i].gone;
	return 0;
}

static const char *objection_of_native(struct planner *p, const char *name,
				       const struct facts_directory *home)
{
	const struct facts_device *device;

	if (home->fs_name && !str_equal(home->fs_name, name))
		return arena_printf(p->arena, "it needs %s, and %s is %s", name, home->path,
				    home->fs_name);
	if (!str_equal(name, "zfs"))
		return NULL;
	if (!p->facts->storage.zfs)
		return "there is no zfs in PATH (Debian: zfsutils-linux)";
	device = facts_find_device(p->facts, "/dev/zfs");
	if (!device || device->usable.value == TRI_YES)
		return NULL;
	return arena_printf(p->arena, "/dev/zfs cannot be used%s: --device /dev/zfs gives it",
			    planner_evidence(p, &device->usable, NULL));
}

/* The unions and stacks on which AUFS refuses to put a branch (its own list). */
static const char *objection_of_aufs(struct planner *p, const struct facts_directory *home)
{
	static const char *const none[] = { "aufs", "overlay", "btrfs", "ecryptfs" };

	for (size_t i = 0; i < ARRAY_SIZE(none); i++)
		if (str_equal(home->fs_name, none[i]))
			return arena_printf(p->arena, "it cannot work on %s, and %s is that",
					    none[i], home->path);
	return NULL;
}

enum verdict storage_objection(struct planner *p, const char *driver,
			       const struct facts_directory *home, const char **ret_why)
{
	enum driver_class class = storage_driver_class(driver);
	unsigned int gone = gone_from(driver), major;

	*ret_why = NULL;
	if (class == DRIVER_NEVER)
		*ret_why = "its devices are not namespaced: they are the host's, and stay there "
			   "when this container is gone";
	else if (class == DRIVER_NATIVE)
		*ret_why = objection_of_native(p, driver, home);
	else if (class == DRIVER_AUFS)
		*ret_why = objection_of_aufs(p, home);
	if (*ret_why || !gone)
		return VERDICT_YES;
	if (planner_ask_version(p))
		return VERDICT_OPEN;
	major = planner_engine_major(p);
	if (major >= gone)
		*ret_why =
			arena_printf(p->arena, "engines from %u on do not have it, and this is %s",
				     gone, planner_engine_version(p));
	return VERDICT_YES;
}
