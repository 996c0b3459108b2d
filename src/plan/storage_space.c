/* SPDX-License-Identifier: Apache-2.0 */
/* Room on disks and in memory: an engine that starts without it damages what it has, half-way. */
#include "dind/str.h"
#include "storage.h"

/* A small image with its layers, and what engine and containerd write for themselves: with less, a
 * start is good for nothing. */
#define EMPTY_LEAST	   (256 * MIB)
#define EMPTY_LEAST_INODES 1000
/* Images that are there can be run, and pruned, but data bases and journals need some room. */
#define USED_LEAST	  (32 * MIB)
#define USED_LEAST_INODES 64
/* Half of what is free: one image with a compiler in it, unpacked, is that large. */
#define MEMORY_LEAST GIB

const char *storage_room(struct planner *p, const struct facts_directory *home)
{
	const char *bytes = arena_printf(p->arena, "%s of %s", planner_size(p, home->free_bytes),
					 planner_size(p, home->total_bytes));

	if (!home->total_inodes) /* btrfs, and facts without them */
		return bytes;
	return arena_printf(p->arena, "%s, %llu of %llu inodes", bytes,
			    (unsigned long long) home->free_inodes,
			    (unsigned long long) home->total_inodes);
}

const char *storage_shortage(struct planner *p, const struct facts_directory *home, bool used)
{
	uint64_t bytes = used ? USED_LEAST : EMPTY_LEAST;
	uint64_t inodes = used ? USED_LEAST_INODES : EMPTY_LEAST_INODES;

	/* a total of 0 is a size that is not known */
	if (!home->total_bytes || home->free_bytes >= bytes) {
		if (!home->total_inodes || home->free_inodes >= inodes)
			return NULL;
		return arena_printf(p->arena,
				    "only %llu of %llu inodes are free in %s (%s of %s), and %llu "
				    "are needed",
				    (unsigned long long) home->free_inodes,
				    (unsigned long long) home->total_inodes, home->path,
				    planner_size(p, home->free_bytes),
				    planner_size(p, home->total_bytes),
				    (unsigned long long) inodes);
	}
	return arena_printf(p->arena, "only %s are free in %s, and %s are needed",
			    storage_room(p, home), home->path, planner_size(p, bytes));
}

static const char *more_room(struct planner *p)
{
	return arena_printf(p->arena,
			    "free some space outside (docker system df shows what takes it), or "
			    "a volume on a disk with room: %s",
			    storage_volume_flag(p));
}

bool storage_refuse_full(struct planner *p, const struct facts_directory *home, bool used)
{
	const char *shortage = storage_shortage(p, home, used);

	if (!shortage)
		return false;
	planner_refuse(p, CODE_STORAGE_FULL, STATUS_OSERR, more_room(p), "the disk is full: %s",
		       shortage);
	return true;
}

/* ---- what a step met with ---- */

/* Elsewhere there may be room; but not where the next rung would be on the same disk. */
static bool is_same_disk(struct planner *p, const struct facts_directory *directory)
{
	return str_equal(directory->mount_target, storage_data_root(p)->mount_target);
}

bool storage_refuse_ran_out(struct planner *p)
{
	static const char *const keys[] = { "storage-directory",    "storage-lock",
					    "storage-volume-dir",   "storage-volume-lock",
					    "storage-volume-image", "storage-image-dir",
					    "storage-image-lock",   "storage-image" };

	for (size_t i = 0; i < ARRAY_SIZE(keys); i++) {
		const struct facts_failure *failure = facts_find_failure(p->facts, keys[i]);
		const struct facts_directory *home = storage_data_root(p);

		if (!failure || (failure->error != ENOSPC && failure->error != EDQUOT))
			continue;
		if (str_has_prefix(keys[i], "storage-volume-") && storage_path(p))
			home = storage_path(p);
		else if (str_has_prefix(keys[i], "storage-image"))
			home = storage_image_dir(p);
		if (str_has_prefix(keys[i], "storage-image") &&
		    (!is_same_disk(p, home) || storage_is_allowed(p, RUNG_TMPFS)))
			continue;
		planner_refuse(p, CODE_STORAGE_FULL, STATUS_OSERR, more_room(p),
			       "the disk is full: %s; %s are free in %s",
			       failure->message ? failure->message
						: planner_errno(p, failure->error),
			       storage_room(p, home), home->path);
		return true;
	}
	return false;
}

/* ---- memory ---- */

static uint64_t free_memory(const struct facts_limits *limits)
{
	uint64_t room = limits->memory_available ? limits->memory_available : UINT64_MAX;
	uint64_t below = UINT64_MAX;

	if (limits->memory_max != FACTS_UNLIMITED && limits->memory_max)
		below = limits->memory_max > limits->memory_used
				? limits->memory_max - limits->memory_used
				: 0;
	return room < below ? room : below;
}

uint64_t storage_memory_room(struct planner *p, const char **ret_why)
{
	uint64_t room = free_memory(&p->facts->limits), asked = p->options->storage_size;

	*ret_why = NULL;
	if (room == UINT64_MAX)
		*ret_why = "how much memory is free is not known";
	else if (asked > room)
		*ret_why = arena_printf(p->arena,
					"--storage-size says %s, and only %s of memory are free",
					planner_size(p, asked), planner_size(p, room));
	else if (!asked && room / 2 < MEMORY_LEAST)
		*ret_why = arena_printf(p->arena,
					"only %s of memory are free, and half of it should be %s",
					planner_size(p, room), planner_size(p, MEMORY_LEAST));
	if (*ret_why)
		return 0;
	return asked ? asked : room / 2;
}
