/* SPDX-License-Identifier: Apache-2.0 */
/* What is known about drivers by name, and what an earlier engine wrote. */
#include "dind/str.h"
#include "storage.h"

static const struct {
	const char *name;
	enum driver_class class;
} drivers[] = {
	/* in the order in which a data root with several is taken to be meant */
	{ "overlay2", DRIVER_OVERLAY },
	{ "fuse-overlayfs", DRIVER_FUSE },
	{ "btrfs", DRIVER_NATIVE },
	{ "zfs", DRIVER_NATIVE },
	{ "aufs", DRIVER_AUFS },
	{ "overlay", DRIVER_OVERLAY },
	{ "overlayfs", DRIVER_OVERLAY }, /* containerd's name for it */
	/* its device names are the host's, and its pool stays when the container is gone */
	{ "devicemapper", DRIVER_NEVER },
	{ "vfs", DRIVER_COPY },
	{ "native", DRIVER_COPY }, /* containerd's */
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

bool storage_rung_fits(enum storage_rung rung, enum driver_class driver)
{
	switch (driver) {
	case DRIVER_FREE:
		return true;
	case DRIVER_OVERLAY:
		return rung == RUNG_AS_IS || rung == RUNG_LOOP;
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

const char *storage_prior_driver(const struct facts_directory *directory)
{
	if (directory->containerd_store == TRI_YES)
		return "overlayfs";
	for (size_t i = 0; i < ARRAY_SIZE(drivers); i++)
		if (strings_has(&directory->drivers, drivers[i].name))
			return drivers[i].name;
	return NULL;
}

const char *storage_file_system_objection(struct planner *p, enum driver_class driver,
					  const char *name, const struct facts_directory *home)
{
	const char *fs = home->fs_name;

	if (driver == DRIVER_NATIVE && fs && !str_equal(fs, name))
		return arena_printf(p->arena, "it needs %s, and %s is %s", name, home->path, fs);
	if (driver == DRIVER_AUFS && fs && (str_equal(fs, "aufs") || str_equal(fs, "overlay")))
		return arena_printf(p->arena, "it cannot work on %s, and %s is that", fs,
				    home->path);
	if (driver == DRIVER_NEVER)
		return "its devices are not namespaced: they are the host's";
	return NULL;
}
