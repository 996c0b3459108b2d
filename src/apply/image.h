/* SPDX-License-Identifier: Apache-2.0 */
/* image.h - making the image, for the two steps that do it: STEP_MAKE_IMAGE and, where a finished
 * image turns out not to be mountable though it was never used, STEP_MOUNT_IMAGE. */
#ifndef APPLY_IMAGE_H
#define APPLY_IMAGE_H

#include "dind/apply.h"
#include "superblock.h"

/* The image open read-write, with what is in it. Descriptor or negative errno. */
int image_open(const struct apply_context *context, const char *image, bool create,
	       struct superblock_info *ret_info, struct error *err);

/* Empty the image open at @fd and start mkfs on it; its pid goes to the context. Only for an image
 * that holds no data. */
int image_begin(struct apply_context *context, int fd, const struct plan_step *step,
		struct error *err);

/* Wait for a running mkfs, bounded. 0 also when there is none. */
int image_finish(struct apply_context *context, const struct plan_step *step, struct error *err);

#endif
