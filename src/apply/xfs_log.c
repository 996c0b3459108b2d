/* SPDX-License-Identifier: Apache-2.0 */
/*
 * xfs_log.c - the end of the log, found as the kernel does: each sector of it begins with the
 * number of the round in which it was written, so the first sector of an older round is behind the
 * end. The format is that of the XFS Algorithms & Data Structures, "Journaling Log"; all big
 * endian.
 */
#include "xfs_log.h"

#include "byte_order.h"

#define SB_BLOCK_SIZE	  4
#define SB_LOG_START	  48
#define SB_AG_BLOCKS	  84
#define SB_LOG_BLOCKS	  96
#define SB_AG_BLOCKS_LOG  124
#define SECTOR		  512U
#define RECORD_MAGIC	  0xfeedbabeU
#define RECORD_CYCLE	  4
#define RECORD_VERSION	  8
#define RECORD_OPERATIONS 40
#define RECORD_SIZE	  320
#define VERSION_2	  2U
#define HEADER_COVERS	  32768U /* bytes of a record, for each sector of header */
#define OPERATION_FLAGS	  9
#define UNMOUNT_FLAG	  0x20
/* The record of an unmount is a few sectors, rounded up to the stripe of the log. */
#define SEARCH_BACK 1024U

struct xfs_log {
	int fd;
	off_t start;
	uint32_t sectors;
};

/* False when there is none in the file system itself. */
static bool find_log(const unsigned char *sb, struct xfs_log *log)
{
	uint64_t start = get_be64(sb, SB_LOG_START), block_size = get_be32(sb, SB_BLOCK_SIZE);
	uint64_t group_blocks = get_be32(sb, SB_AG_BLOCKS);
	uint64_t sectors = get_be32(sb, SB_LOG_BLOCKS) * (block_size / SECTOR);
	unsigned int shift = sb[SB_AG_BLOCKS_LOG];
	uint64_t block;

	if (start == 0 || shift >= 32 || sectors < 2 || sectors > INT32_MAX)
		return false;
	block = (start >> shift) * group_blocks + (start & ((UINT64_C(1) << shift) - 1));
	if (block > INT64_MAX / block_size)
		return false;
	log->start = (off_t) (block * block_size);
	log->sectors = (uint32_t) sectors;
	return true;
}

static int read_sector(const struct xfs_log *log, uint32_t sector, unsigned char *buf)
{
	ssize_t n;

	do {
		n = pread(log->fd, buf, SECTOR, log->start + (off_t) sector * SECTOR);
	} while (n < 0 && errno == EINTR);
	if (n < 0)
		return -errno;
	memset(buf + n, 0, SECTOR - (size_t) n); /* a file that ends before is a hole */
	return 0;
}

/* In which round it was written; 0: never. */
static int read_cycle(const struct xfs_log *log, uint32_t sector, uint32_t *ret_cycle)
{
	unsigned char buf[SECTOR];
	int r = read_sector(log, sector, buf);

	if (r == 0)
		*ret_cycle = get_be32(buf, get_be32(buf, 0) == RECORD_MAGIC ? RECORD_CYCLE : 0);
	return r;
}

/* The first sector that is not of the round of sector 0; all of them are: the number of sectors. */
static int find_end(const struct xfs_log *log, uint32_t *ret_end)
{
	uint32_t low = 0, high = log->sectors, first = 0, cycle = 0;
	int r = read_cycle(log, 0, &first);

	while (r == 0 && high - low > 1) {
		uint32_t middle = low + (high - low) / 2;

		r = read_cycle(log, middle, &cycle);
		if (cycle == first)
			low = middle;
		else
			high = middle;
	}
	if (r == 0)
		*ret_end = high;
	return r;
}

/* @header is the sector @sector: is it of an unmount? 1, 0 or a negative errno. */
static int is_unmount(const struct xfs_log *log, const unsigned char *header, uint32_t sector)
{
	uint32_t size = get_be32(header, RECORD_SIZE), headers = 1;
	unsigned char buf[SECTOR];
	int r;

	if (get_be32(header, RECORD_OPERATIONS) != 1)
		return 0;
	if (get_be32(header, RECORD_VERSION) & VERSION_2 && size > HEADER_COVERS)
		headers = size / HEADER_COVERS + (size % HEADER_COVERS != 0);
	r = read_sector(log, (uint32_t) (((uint64_t) sector + headers) % log->sectors), buf);
	return r < 0 ? r : (buf[OPERATION_FLAGS] & UNMOUNT_FLAG) != 0;
}

int xfs_log_is_dirty(int fd, const unsigned char *sb)
{
	struct xfs_log log = { .fd = fd };
	unsigned char buf[SECTOR];
	uint32_t end = 0;
	int r;

	if (!find_log(sb, &log))
		return 0;
	r = find_end(&log, &end);
	for (uint32_t i = 1; r == 0 && i <= SEARCH_BACK && i <= log.sectors; i++) {
		uint32_t sector = (end + log.sectors - i) % log.sectors;

		r = read_sector(&log, sector, buf);
		if (r == 0 && get_be32(buf, 0) == RECORD_MAGIC) {
			r = is_unmount(&log, buf, sector);
			return r < 0 ? r : !r;
		}
	}
	/* a record that is larger than that of an unmount */
	return r < 0 ? r : 1;
}
