/* SPDX-License-Identifier: Apache-2.0 */
/* image_mkfs.c - the options, for a file system that lives as long as its container. */
#include <stdio.h>

#include "image.h"

#define MIB (1ULL << 20)
#define GIB (1ULL << 30)

#define BLOCK_SIZE 4096

/*
 * ext4. Measured for 100 GiB sparse on ext4, idle: mkfs 7 ms and 1.3 MiB written, against 11 ms and
 * 517 MiB by default.
 * -b 4096   also for small images, so that direct I/O works on disks with sectors of 4 KiB
 * -i 16384  the usual density: 6.5 million inodes in 100 GiB. Layers of small files need them, and
 *           their tables cost nothing until they are used
 * -m 0      nobody but root writes here
 * -J        the journal stays, for power cuts; 24 MiB instead of up to 1 GiB, because every block
 *           of it is written sooner or later and then takes room in the file: 128 MiB are 12 % of
 *           a job that needs 720 MB, 24 MiB are 4 %
 * -O        everything named, whatever mke2fs.conf says: the usual features without
 *           orphan_file (default since e2fsprogs 1.47.1): mount(2) reads all of it block by block,
 *           40 of the 45 ms of a mount in a container
 * resize=   room for growing to four times the size; the default, a thousand times, is half of
 *           mkfs's time. Beyond it the kernel goes over to meta_bg by itself
 * lazy_*    the file is fresh and sparse, its holes read as zeros. mkfs's discard (a hole punched
 *           into nothing) stays on: by it mkfs knows that and marks the tables as zeroed, or the
 *           kernel would write all of them, 1.6 GiB, in the background
 */
#define EXT4_MIN   (16 * MIB)
#define EXT4_FIRST (16 * MIB)
#define EXT4_FEATURES                                                                     \
	"none,has_journal,ext_attr,dir_index,filetype,extent,64bit,flex_bg,sparse_super," \
	"large_file,huge_file,dir_nlink,extra_isize,metadata_csum"
#define EXT4_LAZY	  "lazy_itable_init=1,lazy_journal_init=1"
#define EXT4_GROWTH	  4
#define EXT4_JOURNAL_FROM GIB /* below, mke2fs makes 16 MiB or less */

/*
 * XFS, for project quotas. 3 ms; 65 MiB are allocated, the smallest log that newer xfsprogs make.
 * -s 4096     requests that direct I/O can do on every disk
 * -m, -i      what Linux 5.4 can mount: the host's kernel may be older than this image's xfsprogs.
 *             reflink makes overlay's copy-up of large files free
 * -K          nothing to discard in a fresh file
 * -L          the mark of an image that was never mounted, superblock.h
 * Options that an older mkfs.xfs does not know name what it cannot make anyhow, so it is asked
 * again without them: 6.10 has exchange and parent, 5.19 nrext64, 5.10 bigtime. A refusal takes
 * 2 ms and writes nothing.
 */
#define XFS_MIN	  (300 * MIB)
#define XFS_FIRST (96 * MIB)

static const struct {
	const char *metadata, *inodes, *naming;
} xfs_attempts[] = {
	{ "crc=1,finobt=1,reflink=1,rmapbt=0,bigtime=0,inobtcount=0",
	  "size=512,sparse=1,nrext64=0,exchange=0", "ftype=1,parent=0" },
	{ "crc=1,finobt=1,reflink=1,rmapbt=0,bigtime=0,inobtcount=0", "size=512,sparse=1,nrext64=0",
	  "ftype=1" },
	{ "crc=1,finobt=1,reflink=1,rmapbt=0,bigtime=0,inobtcount=0", "size=512,sparse=1",
	  "ftype=1" },
	{ "crc=1,finobt=1,reflink=1,rmapbt=0", "size=512,sparse=1", "ftype=1" },
};

uint64_t image_min_bytes(enum storage_fs fs)
{
	return fs == STORAGE_FS_XFS ? XFS_MIN : EXT4_MIN;
}

uint64_t image_first_bytes(enum storage_fs fs)
{
	return fs == STORAGE_FS_XFS ? XFS_FIRST : EXT4_FIRST;
}

static size_t add_words(const char **argv, size_t n, const char *const *words, size_t count)
{
	for (size_t i = 0; i < count; i++)
		argv[n++] = words[i];
	return n;
}

static void ext4_command(const struct plan_step *step, const char **argv,
			 struct image_mkfs_numbers *numbers)
{
	static const char *const always[] = { "-q",  "-F", "-b",    "4096", "-I",
					      "256", "-i", "16384", "-m",   "0" };
	uint64_t blocks = step->u.image.bytes / BLOCK_SIZE;
	size_t n = 0;

	argv[n++] = step->u.image.mkfs;
	n = add_words(argv, n, always, ARRAY_SIZE(always));
	if (step->u.image.bytes >= EXT4_JOURNAL_FROM) {
		argv[n++] = "-J";
		argv[n++] = "size=24";
	}
	argv[n++] = "-O";
	if (blocks <= UINT32_MAX / EXT4_GROWTH) { /* it is for numbers of 32 bits */
		argv[n++] = EXT4_FEATURES ",resize_inode";
		(void) snprintf(numbers->extended, sizeof(numbers->extended), "%s,resize=%llu",
				EXT4_LAZY, (unsigned long long) (blocks * EXT4_GROWTH));
	} else {
		argv[n++] = EXT4_FEATURES;
		(void) snprintf(numbers->extended, sizeof(numbers->extended), "%s", EXT4_LAZY);
	}
	argv[n++] = "-E";
	argv[n++] = numbers->extended;
	argv[n++] = step->u.image.image;
	argv[n] = NULL;
}

static void xfs_command(const struct plan_step *step, int attempt, const char **argv)
{
	const char *const words[] = { "-q",
				      "-f",
				      "-K",
				      "-b",
				      "size=4096",
				      "-s",
				      "size=4096",
				      "-m",
				      xfs_attempts[attempt].metadata,
				      "-i",
				      xfs_attempts[attempt].inodes,
				      "-n",
				      xfs_attempts[attempt].naming,
				      "-L",
				      SUPERBLOCK_XFS_NEW,
				      step->u.image.image };
	size_t n = 0;

	argv[n++] = step->u.image.mkfs;
	n = add_words(argv, n, words, ARRAY_SIZE(words));
	argv[n] = NULL;
}

bool image_mkfs_command(const struct plan_step *step, int attempt,
			const char *argv[IMAGE_MKFS_WORDS], struct image_mkfs_numbers *numbers)
{
	if (step->u.image.fs == STORAGE_FS_XFS) {
		if (attempt >= (int) ARRAY_SIZE(xfs_attempts))
			return false;
		xfs_command(step, attempt, argv);
		return true;
	}
	if (attempt > 0)
		return false;
	ext4_command(step, argv, numbers);
	return true;
}
