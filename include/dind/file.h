/* SPDX-License-Identifier: Apache-2.0 */
/*
 * file.h - whole-file reads and writes, and the few directory operations that every phase needs.
 * All descriptors are opened O_CLOEXEC. Files of /proc and /sys are read in one go, bounded.
 */
#ifndef DIND_FILE_H
#define DIND_FILE_H

#include <sys/types.h>

#include "dind/arena.h"
#include "dind/base.h"

/* Up to @size bytes from @fd, fewer at the end of the file only. Their number or negative errno. */
ssize_t file_read_full(int fd, char *buf, size_t size);

/*
 * Read at most @size - 1 bytes of @path (relative to @dirfd) into @buf and terminate it. Trailing
 * newlines stay. Returns the number of bytes or a negative errno; a longer file is cut, not
 * refused.
 */
ssize_t file_read_at(int dirfd, const char *path, char *buf, size_t size);

/* As above into memory of @arena, up to @max bytes. *@ret_text is terminated. 0 or negative errno.
 */
int file_slurp_at(int dirfd, const char *path, size_t max, struct arena *arena, char **ret_text);

/* Write @text to an existing file in one write(2), as /proc and /sys want it. 0 or negative errno.
 */
int file_write_at(int dirfd, const char *path, const char *text);

/* Create or replace @path with @text through a temporary file beside it and rename(2). */
int file_replace(const char *path, const char *text, mode_t mode);

/* mkdir -p: every missing component of @path with @mode. 0 when it exists as a directory. */
int file_make_directories(const char *path, mode_t mode);

/* Write all of @len bytes, across EINTR and short writes. 0 or negative errno. */
int file_write_all(int fd, const void *data, size_t len);

/* Read a symbolic link into @buf, terminated. Length or negative errno; -ENAMETOOLONG when cut. */
ssize_t file_readlink_at(int dirfd, const char *path, char *buf, size_t size);

/* CLOCK_MONOTONIC in milliseconds; in microseconds. */
int64_t clock_now_ms(void);
int64_t clock_now_us(void);

/* Sleep for @ms milliseconds, also across signals. */
void clock_sleep_ms(int ms);

#endif
