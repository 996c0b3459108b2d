/* SPDX-License-Identifier: Apache-2.0 */
/* superblock.h - what is in an image file, told from its first blocks without mounting it. */
#ifndef APPLY_SUPERBLOCK_H
#define APPLY_SUPERBLOCK_H

#include "dind/base.h"

enum image_content {
	IMAGE_BLANK = 0, /* nothing, or what a mkfs that was interrupted left: may be made (anew) */
	IMAGE_UNUSED,	 /* a finished ext4 file system that was never mounted: holds no data */
	IMAGE_USED,	 /* an ext4 file system that may hold data */
	IMAGE_FOREIGN,	 /* something else, or too much for an interrupted mkfs: hands off */
};

struct superblock_info {
	enum image_content content;
	unsigned int block_size; /* of the file system; 0 without one */
	uint64_t bytes;		 /* that the file system claims */
};

/* Look at the image open at @fd. 0 or a negative errno. */
int superblock_read(int fd, struct superblock_info *ret_info);

#endif
