/* SPDX-License-Identifier: Apache-2.0 */
/* disk.h - water marks, and space given back to what is below. */
#ifndef CLIENT_DISK_H
#define CLIENT_DISK_H

#include "dind/error.h"

/* It must fall that far below the mark before all is well again. */
#define DISK_HYSTERESIS 2

struct disk_use {
	uint64_t used, free;  /* bytes; free is what is left for those without privileges */
	double percent;	      /* as df counts */
	double inode_percent; /* 0 where the file system has no fixed number of them */
	uint64_t inodes_free;
};

enum disk_change {
	DISK_SAME = 0,
	DISK_PASSED, /* the mark was passed */
	DISK_FELL,   /* it is well below again */
};

struct disk_mark {
	int high; /* percent */
	bool above;
};

int disk_measure(const char *path, struct disk_use *ret_use, struct error *err);

/* Note a measurement. Each change is reported once. */
enum disk_change disk_note(struct disk_mark *mark, const struct disk_use *use);

/* "93 % used (37.2 GiB, 2.8 GiB free), inodes 12 % used (… free)" into @buf. Returns @buf. */
const char *disk_describe(const struct disk_use *use, char *buf, size_t size);

/* Discard what is free in the file system of @path, so that a sparse file below shrinks.
 * *@ret_bytes is what was trimmed. -EOPNOTSUPP where nothing below takes it. */
int disk_trim(const char *path, uint64_t *ret_bytes, struct error *err);

#endif
