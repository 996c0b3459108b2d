/* SPDX-License-Identifier: Apache-2.0 */
/* The image file: can there be one, and how large. */
#include "dind/str.h"
#include "storage.h"

#define IMAGE_NAME     "data.img"
#define IMAGE_MIN      (10 * GIB)
#define IMAGE_MAX      (100 * GIB)
#define IMAGE_MIN_FREE GIB
/* Of a disk on which 10 GiB do not fit: an image that is full says ENOSPC inside, a disk that is
 * full below it makes that an I/O error. */
#define IMAGE_RESERVE (256 * MIB)
#define XFS_MIN	      (300 * MIB) /* mkfs.xfs from 5.19 on makes nothing smaller */

static bool has_loop_devices(struct planner *p, enum storage_rung rung)
{
	const struct facts_device *control = facts_find_device(p->facts, "/dev/loop-control");

	/* a node that is missing is made, and opening it loads the driver: no objection here */
	if (!control || !control->present || control->usable.value != TRI_NO)
		return true;
	storage_not_taken(p, rung, "/dev/loop-control cannot be used%s",
			  planner_evidence(p, &control->usable, NULL));
	return false;
}

static bool has_mkfs(const struct planner *p)
{
	return p->options->storage_fs == STORAGE_FS_XFS ? p->facts->storage.mkfs_xfs != NULL
							: p->facts->storage.mkfs_ext4 != NULL;
}

/* What was asked for by name is not replaced by something else. */
static bool is_xfs_refused(struct planner *p)
{
	uint64_t size = p->options->storage_size;

	if (p->options->storage_fs != STORAGE_FS_XFS)
		return false;
	if (!p->facts->storage.mkfs_xfs) {
		planner_refuse(p, CODE_STORAGE_FS, STATUS_CONFIG,
			       "an image that has it (Debian: xfsprogs), or --storage-fs ext4",
			       "there is no mkfs.xfs in PATH, which --storage-fs xfs needs");
		return true;
	}
	if (size && size < XFS_MIN) {
		planner_refuse(p, CODE_STORAGE_FS, STATUS_CONFIG,
			       arena_printf(p->arena, "--storage-size %lluM or more",
					    (unsigned long long) (XFS_MIN / MIB)),
			       "an XFS of %s cannot be made: mkfs.xfs wants %s",
			       planner_size(p, size), planner_size(p, XFS_MIN));
		return true;
	}
	return false;
}

static bool can_make_image(struct planner *p, enum storage_rung rung,
			   const struct facts_directory *directory)
{
	if (!has_mkfs(p)) {
		storage_not_taken(p, rung, "there is no mkfs.ext4 in PATH (Debian: e2fsprogs)");
		return false;
	}
	/* a total of 0 is a size that is not known */
	if (directory->total_bytes && directory->free_bytes < IMAGE_MIN_FREE) {
		storage_not_taken(p, rung, "only %s are free in %s, and an image needs %s",
				  planner_size(p, directory->free_bytes), directory->path,
				  planner_size(p, IMAGE_MIN_FREE));
		return false;
	}
	return true;
}

/* Half of what is free, so that several containers on one disk do not promise it twice. */
static uint64_t new_size(const struct planner *p, const struct facts_directory *directory)
{
	uint64_t free = directory->free_bytes, half = free / 2;

	if (p->options->storage_size)
		return p->options->storage_size;
	if (half > IMAGE_MAX)
		return IMAGE_MAX;
	if (half >= IMAGE_MIN)
		return half;
	if (directory->total_bytes && free < IMAGE_MIN + IMAGE_RESERVE)
		return free - IMAGE_RESERVE;
	return IMAGE_MIN;
}

/* One that is there grows when it is asked to, and never shrinks. */
static uint64_t image_size(const struct planner *p, const struct facts_directory *directory)
{
	if (!storage_has_image(directory))
		return new_size(p, directory);
	return p->options->storage_size > directory->image_bytes ? p->options->storage_size
								 : directory->image_bytes;
}

enum verdict storage_judge_image(struct planner *p, enum storage_rung rung,
				 const struct facts_directory *directory,
				 struct storage_choice *ret_choice)
{
	bool there = storage_has_image(directory);
	const char *objection;

	if (p->facts->privileges.user_namespace == TRI_YES) {
		storage_not_taken(p, rung, "the kernel mounts no loop device in a user namespace");
		return VERDICT_NO;
	}
	if (!has_loop_devices(p, rung) || storage_is_read_only(p, rung, directory))
		return VERDICT_NO;
	if (storage_objection(p, p->asked_driver, directory, &objection) == VERDICT_OPEN)
		return VERDICT_OPEN;
	if (objection) {
		storage_not_taken(p, rung, "storage driver %s: %s", p->asked_driver, objection);
		return VERDICT_NO;
	}
	if (!there && is_xfs_refused(p))
		return VERDICT_REFUSED;
	if (!there && !can_make_image(p, rung, directory))
		return VERDICT_NO;
	if (there && storage_refuse_full(p, directory, true))
		return VERDICT_REFUSED;
	*ret_choice = (struct storage_choice){
		.rung = rung,
		.driver = p->asked_driver ? p->asked_driver : storage_free_driver(p, rung),
		.home = directory,
		.image = planner_join(p, directory->path, IMAGE_NAME),
		.image_bytes = image_size(p, directory),
	};
	return VERDICT_YES;
}
