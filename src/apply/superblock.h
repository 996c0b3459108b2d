/* SPDX-License-Identifier: Apache-2.0 */
/* superblock.h - what is in an image file, told from its first blocks without mounting it. */
#ifndef APPLY_SUPERBLOCK_H
#define APPLY_SUPERBLOCK_H

#include "dind/options.h"

/* Label of an XFS image from mkfs until its first mount; 12 bytes at most. */
#define SUPERBLOCK_XFS_NEW  "dind-new"
#define SUPERBLOCK_XFS_USED "dind-data"

enum image_content {
	IMAGE_BLANK = 0, /* nothing, or what a mkfs that was interrupted left: may be made (anew) */
	IMAGE_UNUSED,	 /* a finished file system that was never mounted: holds no data */
	IMAGE_USED,	 /* a file system that may hold data */
	IMAGE_LOST,	 /* its superblock is damaged, but there are traces of a file system */
	IMAGE_FOREIGN,	 /* something else, or too much for an interrupted mkfs: hands off */
};

struct superblock_info {
	enum image_content content;
	enum storage_fs fs;	 /* not for BLANK and FOREIGN */
	unsigned int block_size; /* of the file system; 0 without one */
	unsigned int io_size;	 /* smallest request that it makes */
	uint64_t bytes;		 /* that the file system claims */
	uint64_t file_bytes;	 /* that the file has */
	uint64_t used_bytes;	 /* that it takes below */
	bool has_errors;	 /* ext4: the kernel found some */
	bool unclean;		 /* ext4: it was not unmounted; ask superblock_is_unclean() */
	uint32_t xfs_max_inodes; /* per cent */
};

/* Look at the image open at @fd. 0 or a negative errno. */
int superblock_read(int fd, struct superblock_info *ret_info);

/* The image open at @fd was not unmounted, and mount(2) replays its journal: what ext4 says in
 * @info, and XFS at the end of its log. */
bool superblock_is_unclean(int fd, const struct superblock_info *info);

/* "ext4", "XFS". */
const char *superblock_fs_name(enum storage_fs fs);

#endif
