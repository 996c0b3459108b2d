/* SPDX-License-Identifier: Apache-2.0 */
/*
 * image.h - the parts of the two image steps.
 *
 *   image.c        STEP_MAKE_IMAGE; mkfs beside the other steps
 *   image_mkfs.c   what mkfs is told
 *   image_room.c   the disk below
 *   image_mount.c  STEP_MOUNT_IMAGE: image → loop device → data root
 *   image_mend.c   what does not mount: checked, else moved aside and made anew
 *   image_grow.c   --storage-size larger than before
 */
#ifndef APPLY_IMAGE_H
#define APPLY_IMAGE_H

#include "dind/apply.h"
#include "superblock.h"

#define IMAGE_BROKEN_SUFFIX ".broken"
#define IMAGE_MKFS_WORDS    32

/* An image that is being mounted. */
struct image_job {
	struct apply_context *context;
	const struct plan_step *step;
	const char *image;
	char target[4096]; /* canonical */
	int fd;		   /* of the image */
	bool remade;	   /* the one that was there was moved aside */
	struct superblock_info info;
};

/* ---- image.c ---- */

/* The image open read-write, with what is in it. Descriptor or negative errno. */
int image_open(const struct apply_context *context, const char *image, bool create,
	       struct superblock_info *ret_info, struct error *err);

/* Empty the image open at @fd and start mkfs on it; its pid goes to the context. Only for an image
 * that holds no data. */
int image_begin(struct apply_context *context, int fd, const struct plan_step *step,
		struct error *err);

/* Wait for a running mkfs, bounded; if it failed the image is emptied. 0 also when there is none.
 */
int image_finish(struct apply_context *context, const struct plan_step *step, struct error *err);

/* ---- image_mkfs.c ---- */

/* Smallest image with that file system. */
uint64_t image_min_bytes(enum storage_fs fs);

/* What mkfs and the first mount take below. */
uint64_t image_first_bytes(enum storage_fs fs);

/* The command for that attempt into @argv, terminated; @numbers holds what is made for it. False
 * when there is no such attempt. */
struct image_mkfs_numbers {
	char extended[96];
};
bool image_mkfs_command(const struct plan_step *step, int attempt,
			const char *argv[IMAGE_MKFS_WORDS], struct image_mkfs_numbers *numbers);

/* ---- image_room.c ---- */

/* -ENOSPC with the numbers when less than @needed is free below the image open at @fd; 0 otherwise,
 * also when it cannot be told. */
int image_room_check(int fd, const char *image, uint64_t needed, struct error *err);

/* Warn when the disk below can be full before the image is. */
void image_room_warn(struct image_job *job);

/* ---- image_mount.c ---- */

/* Attach and mount; the mount keeps the device when our descriptor is closed. */
int image_mount_once(struct image_job *job, struct error *err);

/* Wait for a device that is on its way out; -EBUSY when the image is attached to one still. */
int image_wait_detached(struct image_job *job, struct error *err);

/* Read the superblock again after it was changed. */
int image_look(struct image_job *job, struct error *err);

/* ---- image_mend.c ---- */

/* What the checker of the image's file system said of it. */
enum image_verdict {
	IMAGE_SOUND = 0, /* nothing was wrong, or it was repaired */
	IMAGE_BEYOND,	 /* cannot be repaired without losing something */
};

/*
 * Check and repair the image, which must not be attached: e2fsck -p, xfs_repair. @may_drop_log:
 * where XFS cannot replay its log, do without what is in there. @forced: also if it says that it is
 * clean. 0 with *@ret_verdict, or a negative errno: no checker, it took too long, the disk is full.
 */
int image_check(struct image_job *job, bool forced, bool may_drop_log,
		enum image_verdict *ret_verdict, struct error *err);

/* Mount @job, and what damage keeps from that, mend. */
int image_mount_or_mend(struct image_job *job, struct error *err);

/* A program that the plan named, else the one beside mkfs, in @buf of PATH_MAX bytes. */
int image_find_program(const struct plan_step *step, const char *named, const char *name, char *buf,
		       struct error *err);

/* ---- image_grow.c ---- */

/* Before the mount: give the file the size that was asked for if that is larger. What fails is
 * told; the image stays as it is. */
void image_enlarge(struct image_job *job);

/* After the mount: make the file system as large as the file. What fails is told. 0, or a negative
 * errno with nothing mounted any more. */
int image_grow(struct image_job *job, struct error *err);

#endif
