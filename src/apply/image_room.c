/* SPDX-License-Identifier: Apache-2.0 */
/* image_room.c - the disk below the image: what is full there is an I/O error inside. */
#include <sys/statvfs.h>

#include "dind/str.h"
#include "image.h"
#include "steps.h"

#define LOW_BYTES   (1ULL << 30)
#define LOW_DIVISOR 10 /* of the image's size */

/* Free bytes below the image; false when the file system does not say. */
static bool read_free(int fd, uint64_t *ret_free)
{
	struct statvfs st;

	if (fstatvfs(fd, &st) < 0 || st.f_blocks == 0)
		return false;
	*ret_free = (uint64_t) st.f_bavail * st.f_frsize;
	return true;
}

int image_room_check(int fd, const char *image, uint64_t needed, struct error *err)
{
	char need[32], have[32];
	uint64_t available;

	if (!read_free(fd, &available) || available >= needed)
		return 0;
	return error_set_plain(err, -ENOSPC, "%s needs %s on the disk below, and %s are free there",
			       image, str_format_size(needed, need, sizeof(need)),
			       str_format_size(available, have, sizeof(have)));
}

void image_room_warn(struct image_job *job)
{
	const struct superblock_info *info = &job->info;
	uint64_t available, promised;
	char have[32], may[32];

	promised = info->file_bytes > info->used_bytes ? info->file_bytes - info->used_bytes : 0;
	if (!read_free(job->fd, &available) || available >= promised ||
	    (available >= LOW_BYTES && available >= info->file_bytes / LOW_DIVISOR))
		return;
	apply_warn(job->context,
		   "only %s are free below %s, which may still grow by %s: when that disk is full, "
		   "the inner engine gets I/O errors",
		   str_format_size(available, have, sizeof(have)), job->image,
		   str_format_size(promised, may, sizeof(may)));
}
