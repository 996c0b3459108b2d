/* SPDX-License-Identifier: Apache-2.0 */
/* xfs_log.h - was an XFS unmounted in order? Its superblock does not say; the end of its log does.
 */
#ifndef APPLY_XFS_LOG_H
#define APPLY_XFS_LOG_H

#include "dind/base.h"

/*
 * Look at the log of the XFS in the image open at @fd, whose first sector is @sb. 1: the last thing
 * in it is not the record of an unmount, so mount(2) replays it. 0: it is, or the log is not where
 * it should be (outside the file system, damaged), which mount(2) will find. Negative errno: it
 * cannot be read.
 */
int xfs_log_is_dirty(int fd, const unsigned char *sb);

#endif
