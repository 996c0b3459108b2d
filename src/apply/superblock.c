/* SPDX-License-Identifier: Apache-2.0 */
/*
 * superblock.c - mke2fs wipes the superblock first and writes it last, behind an fsync of all the
 * rest and before another one. So an image whose superblock has the magic number is a finished
 * file system, even after a power cut, and one whose first block is zeros was never finished.
 */
#include "superblock.h"

#include <endian.h>
#include <string.h>
#include <sys/stat.h>

/* Offsets from the start of the superblock: Documentation/filesystems/ext4/super.rst. */
#define SB_START	 1024
#define SB_BLOCKS_LO	 0x04
#define SB_LOG_BLOCK	 0x18
#define SB_MTIME	 0x2c
#define SB_MNT_COUNT	 0x34
#define SB_MAGIC	 0x38
#define SB_INCOMPAT	 0x60
#define SB_BLOCKS_HI	 0x150
#define SB_MAGIC_EXT	 0xef53
#define SB_INCOMPAT_64	 0x80
#define SB_LOG_BLOCK_MAX 6 /* 64 KiB */

/* What an interrupted mkfs can have allocated: bitmaps and descriptors, not tables (those are lazy)
 * and not the journal. More than that, without a superblock, is a damaged image with data in it. */
#define BLANK_BYTES	  (64ULL << 20)
#define BLANK_SIZE_FACTOR 1024

static uint32_t get32(const unsigned char *sb, size_t offset)
{
	uint32_t value;

	memcpy(&value, sb + offset, sizeof(value));
	return le32toh(value);
}

static unsigned int get16(const unsigned char *sb, size_t offset)
{
	uint16_t value;

	memcpy(&value, sb + offset, sizeof(value));
	return le16toh(value);
}

static bool is_zero(const unsigned char *data, size_t size)
{
	for (size_t i = 0; i < size; i++)
		if (data[i])
			return false;
	return true;
}

static void read_ext4(const unsigned char *sb, struct superblock_info *info)
{
	uint64_t blocks = get32(sb, SB_BLOCKS_LO);
	uint32_t log = get32(sb, SB_LOG_BLOCK);

	if (log > SB_LOG_BLOCK_MAX) {
		info->content = IMAGE_FOREIGN;
		return;
	}
	if (get32(sb, SB_INCOMPAT) & SB_INCOMPAT_64)
		blocks |= (uint64_t) get32(sb, SB_BLOCKS_HI) << 32;
	info->block_size = 1024U << log;
	info->bytes = blocks * info->block_size;
	info->content = get32(sb, SB_MTIME) == 0 && get16(sb, SB_MNT_COUNT) == 0 ? IMAGE_UNUSED
										 : IMAGE_USED;
}

int superblock_read(int fd, struct superblock_info *ret_info)
{
	struct superblock_info info = { IMAGE_BLANK, 0, 0 };
	unsigned char head[4096] = { 0 };
	struct stat st;
	ssize_t n;

	if (fstat(fd, &st) < 0)
		return -errno;
	do {
		n = pread(fd, head, sizeof(head), 0);
	} while (n < 0 && errno == EINTR);
	if (n < 0)
		return -errno;
	if (get16(head + SB_START, SB_MAGIC) == SB_MAGIC_EXT)
		read_ext4(head + SB_START, &info);
	else if (!is_zero(head, sizeof(head)) ||
		 (uint64_t) st.st_blocks * 512 >
			 BLANK_BYTES + (uint64_t) st.st_size / BLANK_SIZE_FACTOR)
		info.content = IMAGE_FOREIGN;
	*ret_info = info;
	return 0;
}
