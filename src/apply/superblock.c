/* SPDX-License-Identifier: Apache-2.0 */
/*
 * superblock.c - is the file system in an image finished, and was it ever used?
 *
 * ext4: mke2fs wipes the superblock first and writes it last, behind an fsync of all the rest and
 * before another one. So an image whose superblock has the magic number is a finished file system,
 * even after a power cut, and one whose first block is zeros was never finished. The kernel writes
 * the time of the first mount into it.
 *
 * XFS: mkfs.xfs writes it with "in progress" set and takes that away last. It has nothing that
 * tells a first mount, so it gets a label from mkfs and another one when it was mounted.
 */
#include "superblock.h"

#include <string.h>
#include <sys/stat.h>

#include "byte_order.h"
#include "xfs_log.h"

/* Offsets from the start of the superblock: Documentation/filesystems/ext4/super.rst. */
#define SB_START	 1024
#define SB_BLOCKS_LO	 0x04
#define SB_LOG_BLOCK	 0x18
#define SB_MTIME	 0x2c
#define SB_MNT_COUNT	 0x34
#define SB_MAGIC	 0x38
#define SB_STATE	 0x3a
#define SB_INCOMPAT	 0x60
#define SB_BLOCKS_HI	 0x150
#define SB_MAGIC_EXT	 0xef53
#define SB_STATE_ERRORS	 0x0002
#define SB_INCOMPAT_LOG	 0x04 /* there is something in the journal */
#define SB_INCOMPAT_64	 0x80
#define SB_LOG_BLOCK_MAX 6 /* 64 KiB */

/* The copy in the second group of a file system with blocks of 4 KiB. */
#define SB_COPY_START (32768LL * 4096)

/* Big endian: xfs(5)'s "Superblocks" in the XFS Algorithms & Data Structures. */
#define XFS_MAGIC_TEXT	"XFSB"
#define XFS_AGF_TEXT	"XAGF" /* in the next sector */
#define XFS_BLOCK_SIZE	4
#define XFS_BLOCKS	8
#define XFS_SECTOR_SIZE 102
#define XFS_LABEL	108
#define XFS_IN_PROGRESS 126
#define XFS_MAX_INODES	127
#define XFS_BLOCK_MIN	512U
#define XFS_BLOCK_MAX	65536U
#define XFS_SECTOR_MAX	32768U

#define HEAD_SIZE  8192
#define BLANK_SIZE 4096

/* What an interrupted mkfs can have allocated: bitmaps and descriptors, not tables (those are lazy)
 * and not the journal; of XFS its log of 64 MiB or 1/2048. More than that, without a superblock, is
 * a damaged image with data in it. */
#define BLANK_BYTES	  (96ULL << 20)
#define BLANK_SIZE_FACTOR 1024

static bool is_zero(const unsigned char *data, size_t size)
{
	for (size_t i = 0; i < size; i++)
		if (data[i])
			return false;
	return true;
}

static bool is_power_within(uint32_t value, uint32_t min, uint32_t max)
{
	return value >= min && value <= max && (value & (value - 1)) == 0;
}

/* 0 at the end of the file: what is behind is zeros. */
static int read_at(int fd, off_t offset, unsigned char *buf, size_t size)
{
	ssize_t n;

	memset(buf, 0, size);
	do {
		n = pread(fd, buf, size, offset);
	} while (n < 0 && errno == EINTR);
	return n < 0 ? -errno : 0;
}

static void read_ext4(const unsigned char *sb, struct superblock_info *info)
{
	uint64_t blocks = get_le32(sb, SB_BLOCKS_LO);
	uint32_t log = get_le32(sb, SB_LOG_BLOCK);

	info->fs = STORAGE_FS_EXT4;
	if (log > SB_LOG_BLOCK_MAX) {
		info->content = IMAGE_LOST;
		return;
	}
	if (get_le32(sb, SB_INCOMPAT) & SB_INCOMPAT_64)
		blocks |= (uint64_t) get_le32(sb, SB_BLOCKS_HI) << 32;
	info->block_size = info->io_size = 1024U << log;
	info->bytes = blocks * info->block_size;
	info->unclean = (get_le32(sb, SB_INCOMPAT) & SB_INCOMPAT_LOG) != 0;
	info->has_errors = (get_le16(sb, SB_STATE) & SB_STATE_ERRORS) != 0;
	info->content = get_le32(sb, SB_MTIME) == 0 && get_le16(sb, SB_MNT_COUNT) == 0
				? IMAGE_UNUSED
				: IMAGE_USED;
}

static void read_xfs(const unsigned char *sb, struct superblock_info *info)
{
	uint32_t block_size = get_be32(sb, XFS_BLOCK_SIZE);
	unsigned int sector_size = get_be16(sb, XFS_SECTOR_SIZE);

	if (sb[XFS_IN_PROGRESS]) {
		info->content = IMAGE_BLANK;
		return;
	}
	info->fs = STORAGE_FS_XFS;
	if (!is_power_within(block_size, XFS_BLOCK_MIN, XFS_BLOCK_MAX) ||
	    !is_power_within(sector_size, XFS_BLOCK_MIN, XFS_SECTOR_MAX)) {
		info->content = IMAGE_LOST;
		return;
	}
	info->block_size = block_size;
	info->io_size = sector_size;
	info->bytes = get_be64(sb, XFS_BLOCKS) * block_size;
	info->xfs_max_inodes = sb[XFS_MAX_INODES];
	info->content = memcmp(sb + XFS_LABEL, SUPERBLOCK_XFS_NEW, sizeof(SUPERBLOCK_XFS_NEW)) == 0
				? IMAGE_UNUSED
				: IMAGE_USED;
}

/* No superblock at the start: what was it? */
static int look_for_traces(int fd, const unsigned char *head, struct superblock_info *info)
{
	unsigned char copy[256];
	int r;

	if (is_zero(head, BLANK_SIZE) &&
	    info->used_bytes <= BLANK_BYTES + info->file_bytes / BLANK_SIZE_FACTOR)
		return 0;
	info->content = IMAGE_FOREIGN;
	if (memcmp(head + 512, XFS_AGF_TEXT, 4) == 0 || memcmp(head + 4096, XFS_AGF_TEXT, 4) == 0) {
		info->content = IMAGE_LOST;
		info->fs = STORAGE_FS_XFS;
		return 0;
	}
	r = read_at(fd, SB_COPY_START, copy, sizeof(copy));
	if (r < 0)
		return r;
	if (get_le16(copy, SB_MAGIC) == SB_MAGIC_EXT) {
		info->content = IMAGE_LOST;
		info->fs = STORAGE_FS_EXT4;
	}
	return 0;
}

int superblock_read(int fd, struct superblock_info *ret_info)
{
	struct superblock_info info = { .content = IMAGE_BLANK };
	unsigned char head[HEAD_SIZE];
	struct stat st;
	int r;

	if (fstat(fd, &st) < 0)
		return -errno;
	info.file_bytes = (uint64_t) st.st_size;
	info.used_bytes = (uint64_t) st.st_blocks * 512;
	r = read_at(fd, 0, head, sizeof(head));
	if (r < 0)
		return r;
	if (get_le16(head + SB_START, SB_MAGIC) == SB_MAGIC_EXT)
		read_ext4(head + SB_START, &info);
	else if (memcmp(head, XFS_MAGIC_TEXT, 4) == 0)
		read_xfs(head, &info);
	else
		r = look_for_traces(fd, head, &info);
	if (r < 0)
		return r;
	*ret_info = info;
	return 0;
}

bool superblock_is_unclean(int fd, const struct superblock_info *info)
{
	unsigned char head[HEAD_SIZE];

	if (info->fs != STORAGE_FS_XFS || info->content != IMAGE_USED)
		return info->unclean;
	return read_at(fd, 0, head, sizeof(head)) == 0 && xfs_log_is_dirty(fd, head) > 0;
}

const char *superblock_fs_name(enum storage_fs fs)
{
	return fs == STORAGE_FS_XFS ? "XFS" : "ext4";
}
