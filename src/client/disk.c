/* SPDX-License-Identifier: Apache-2.0 */
#include "disk.h"

#include <fcntl.h>
#include <linux/fs.h>
#include <stdio.h>
#include <sys/ioctl.h>
#include <sys/statvfs.h>

#include "dind/str.h"

int disk_measure(const char *path, struct disk_use *ret_use, struct error *err)
{
	struct disk_use use = { 0 };
	struct statvfs st;
	uint64_t used_blocks;

	if (statvfs(path, &st) < 0)
		return error_set(err, -errno, "statvfs %s", path);
	used_blocks = st.f_blocks - st.f_bfree;
	use.used = used_blocks * st.f_frsize;
	use.free = (uint64_t) st.f_bavail * st.f_frsize;
	if (used_blocks + st.f_bavail > 0)
		use.percent = 100.0 * (double) used_blocks / (double) (used_blocks + st.f_bavail);
	use.inodes_free = st.f_favail;
	if (st.f_files > 0)
		use.inode_percent =
			100.0 * (double) (st.f_files - st.f_ffree) / (double) st.f_files;
	*ret_use = use;
	return 0;
}

enum disk_change disk_note(struct disk_mark *mark, const struct disk_use *use)
{
	double most = use->percent > use->inode_percent ? use->percent : use->inode_percent;

	if (!mark->above && most >= mark->high) {
		mark->above = true;
		return DISK_PASSED;
	}
	if (mark->above && most < mark->high - DISK_HYSTERESIS) {
		mark->above = false;
		return DISK_FELL;
	}
	return DISK_SAME;
}

const char *disk_describe(const struct disk_use *use, char *buf, size_t size)
{
	char used[32], left[32];
	int n = snprintf(buf, size, "%.1f %% used (%s, %s free)", use->percent,
			 str_format_size(use->used, used, sizeof(used)),
			 str_format_size(use->free, left, sizeof(left)));

	if (use->inode_percent > 0 && n > 0 && (size_t) n < size)
		(void) snprintf(buf + n, size - (size_t) n, ", inodes %.1f %% used (%llu free)",
				use->inode_percent, (unsigned long long) use->inodes_free);
	return buf;
}

int disk_trim(const char *path, uint64_t *ret_bytes, struct error *err)
{
	auto_close int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	struct fstrim_range range = { .start = 0, .len = UINT64_MAX, .minlen = 0 };

	if (fd < 0)
		return error_set(err, -errno, "open %s", path);
	if (ioctl(fd, FITRIM, &range) < 0)
		return error_set(err, errno == ENOTTY ? -EOPNOTSUPP : -errno, "trim %s", path);
	*ret_bytes = range.len;
	return 0;
}
