/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Each rung of the ladder: can it be taken here? Known by trial where a trial is possible; the name
 * of the file system is for the explanation.
 */
#include <stdarg.h>

#include "dind/str.h"
#include "storage.h"

void storage_not_taken(struct planner *p, enum storage_rung rung, const char *fmt, ...)
{
	const char *why;
	va_list ap;

	va_start(ap, fmt);
	why = arena_vprintf(p->arena, fmt, ap);
	va_end(ap);
	strings_add(p->arena, &p->not_taken,
		    arena_printf(p->arena, "%s: %s", options_rung_name(rung), why));
}

const char *storage_last_reason(const struct planner *p)
{
	return p->not_taken.count ? p->not_taken.items[p->not_taken.count - 1] : "no reason";
}

bool storage_has_failed(struct planner *p, enum storage_rung rung, const char *const *steps,
			size_t n_steps)
{
	for (size_t i = 0; i < n_steps; i++) {
		const struct facts_failure *failure = facts_find_failure(p->facts, steps[i]);

		if (!failure)
			continue;
		storage_not_taken(p, rung, "%s",
				  failure->message ? failure->message
						   : planner_errno(p, failure->error));
		return true;
	}
	return false;
}

bool storage_is_read_only(struct planner *p, enum storage_rung rung,
			  const struct facts_directory *directory)
{
	if (directory->writable.value != TRI_NO)
		return false;
	storage_not_taken(p, rung, "%s is not writable%s", directory->path,
			  planner_evidence(p, &directory->writable, NULL));
	return true;
}

/* ---- trials -----------------------------------------------------------------------------------
 */

const char *storage_trial_path(const struct facts_directory *directory)
{
	return directory->nearest ? directory->nearest : directory->path;
}

enum verdict storage_trial(struct planner *p, enum trial_kind kind, const char *path,
			   const struct facts_trial **ret_trial)
{
	const struct facts_trial *trial = facts_find_trial(p->facts, kind, path);
	struct trial_request *request;

	if (trial) {
		*ret_trial = trial;
		/* no answer in time is no answer that an engine could live with */
		return trial->result.value == TRI_YES ? VERDICT_YES : VERDICT_NO;
	}
	for (size_t i = 0; i < p->plan->n_trials; i++)
		if (p->plan->trials[i].kind == kind && str_equal(p->plan->trials[i].path, path))
			return VERDICT_OPEN;
	request = arena_push(p->arena, (void **) &p->plan->trials, &p->plan->n_trials,
			     sizeof(*request));
	request->kind = kind;
	request->path = path;
	return VERDICT_OPEN;
}

static const char *trial_outcome(struct planner *p, const struct facts_trial *trial)
{
	return planner_evidence(p, &trial->result, trial->detail);
}

static const char *file_system(const struct facts_directory *directory)
{
	return directory->fs_name ? directory->fs_name : "unknown file system";
}

/* The store's own directory, where somebody has mounted something below the data root. */
static const struct facts_mount *store_mount(struct planner *p, const struct facts_directory *home)
{
	const char *name = p->store == STORE_CONTAINERD ? "containerd/daemon" : "overlay2";
	const struct facts_mount *mount;

	if (home != storage_data_root(p))
		return NULL; /* it will be covered by what is mounted there */
	mount = facts_mount_of(p->facts, planner_join(p, home->path, name));
	if (!mount || str_equal(mount->target, home->path) ||
	    !str_path_is_below(mount->target, home->path))
		return NULL;
	return mount;
}

static enum verdict try_overlay(struct planner *p, enum storage_rung rung,
				const struct facts_directory *home)
{
	const struct facts_mount *mount = store_mount(p, home);
	const struct facts_trial *trial = NULL, *store_trial = NULL;
	enum verdict verdict = storage_trial(p, TRIAL_OVERLAY, storage_trial_path(home), &trial);
	enum verdict store = VERDICT_YES;

	if (mount)
		store = storage_trial(p, TRIAL_OVERLAY, mount->target, &store_trial);
	if (verdict == VERDICT_NO)
		storage_not_taken(p, rung, "overlay does not work on %s, which is %s%s%s",
				  home->path, file_system(home), trial_outcome(p, trial),
				  storage_file_system_note(p, home));
	else if (store == VERDICT_NO)
		storage_not_taken(p, rung,
				  "overlay works on %s, but not on %s, where the images would be "
				  "and which is %s%s",
				  home->path, mount->target, mount->fstype,
				  trial_outcome(p, store_trial));
	return verdict == VERDICT_YES ? store : verdict;
}

static enum verdict try_fuse(struct planner *p, enum storage_rung rung,
			     const struct facts_directory *home)
{
	const struct facts_device *device = facts_find_device(p->facts, "/dev/fuse");
	const struct facts_trial *trial = NULL;
	enum verdict verdict;

	if (p->store == STORE_CONTAINERD) {
		storage_not_taken(p, rung, "containerd's image store has no fuse-overlayfs");
		return VERDICT_NO;
	}
	if (!p->facts->storage.fuse_overlayfs) {
		storage_not_taken(p, rung, "there is no fuse-overlayfs in PATH");
		return VERDICT_NO;
	}
	if (device && device->present && device->usable.value == TRI_NO) {
		storage_not_taken(p, rung, "/dev/fuse cannot be used%s",
				  planner_evidence(p, &device->usable, NULL));
		return VERDICT_NO;
	}
	verdict = storage_trial(p, TRIAL_FUSE, storage_trial_path(home), &trial);
	if (verdict == VERDICT_NO)
		storage_not_taken(p, rung, "fuse-overlayfs does not work on %s%s", home->path,
				  trial_outcome(p, trial));
	return verdict;
}

enum verdict storage_try_driver(struct planner *p, enum storage_rung rung, enum driver_class class,
				const char *driver, const struct facts_directory *home)
{
	const char *objection;

	if (storage_is_read_only(p, rung, home))
		return VERDICT_NO;
	if (class == DRIVER_FUSE)
		return try_fuse(p, rung, home);
	if (storage_objection(p, driver, home, &objection) == VERDICT_OPEN)
		return VERDICT_OPEN;
	if (objection && p->options->strict_args) {
		planner_hint(p, CODE_STORAGE_FORCED, "leave --strict-args or the driver out",
			     "the storage driver %s is forced: %s", driver, objection);
		objection = NULL;
	}
	if (objection) {
		storage_not_taken(p, rung, "storage driver %s: %s", driver, objection);
		return VERDICT_NO;
	}
	if (class == DRIVER_FREE || class == DRIVER_OVERLAY)
		return try_overlay(p, rung, home);
	return VERDICT_YES;
}

/* ---- the rungs --------------------------------------------------------------------------------
 */

/*
 * No room on a volume that was mounted for the data is said; in the container's own layer the next
 * rung may have its place on another disk.
 */
static enum verdict judge_room(struct planner *p, enum storage_rung rung,
			       const struct facts_directory *home, bool last)
{
	const char *shortage = storage_shortage(p, home, false);

	if (!shortage)
		return VERDICT_YES;
	if ((last || home->is_mount_point == TRI_YES) && storage_refuse_full(p, home, false))
		return VERDICT_REFUSED;
	storage_not_taken(p, rung, "%s", shortage);
	return VERDICT_NO;
}

enum verdict storage_judge_as_is(struct planner *p, struct storage_choice *ret_choice)
{
	const struct facts_directory *home = storage_data_root(p);
	enum verdict verdict;

	if (storage_is_read_only(p, RUNG_AS_IS, home))
		return VERDICT_NO;
	verdict = judge_room(p, RUNG_AS_IS, home, false);
	if (verdict == VERDICT_YES)
		verdict = storage_try_driver(p, RUNG_AS_IS, storage_asked_class(p), p->asked_driver,
					     home);
	if (verdict == VERDICT_YES)
		*ret_choice = (struct storage_choice){
			.rung = RUNG_AS_IS,
			.driver = p->asked_driver ? p->asked_driver
						  : storage_free_driver(p, RUNG_AS_IS),
			.home = home,
		};
	return verdict;
}

enum verdict storage_judge_loop(struct planner *p, struct storage_choice *ret_choice)
{
	static const char *const steps[] = { "storage-image-dir", "storage-image-lock",
					     "storage-image", "storage-loop" };
	const struct facts_directory *directory = storage_image_dir(p), *named = storage_path(p);

	if (storage_has_failed(p, RUNG_LOOP, steps, ARRAY_SIZE(steps)))
		return VERDICT_NO;
	if (named && str_equal(named->path, directory->path)) {
		storage_not_taken(p, RUNG_LOOP, "the image would be in %s again", named->path);
		return VERDICT_NO;
	}
	return storage_judge_image(p, RUNG_LOOP, directory, ret_choice);
}

/* A tmpfs that is there already: what one can do, ours will. */
static const char *some_tmpfs(const struct planner *p)
{
	static const char *const places[] = { "/dev/shm", "/run", "/tmp", "/dev" };

	for (size_t i = 0; i < ARRAY_SIZE(places); i++) {
		const struct facts_mount *mount = facts_mount_at(p->facts, places[i]);

		if (mount && str_equal(mount->fstype, "tmpfs") &&
		    (!mount->options || !str_list_has(mount->options, "ro")))
			return places[i];
	}
	return NULL;
}

enum verdict storage_judge_tmpfs(struct planner *p, struct storage_choice *ret_choice)
{
	static const char *const steps[] = { "storage-tmpfs", "storage-tmpfs-lock" };
	const struct facts_directory *home = storage_data_root(p);
	const struct facts_trial *trial = NULL;
	const char *place = some_tmpfs(p), *why;
	enum verdict verdict = VERDICT_YES;
	uint64_t bytes;

	if (storage_has_failed(p, RUNG_TMPFS, steps, ARRAY_SIZE(steps)))
		return VERDICT_NO;
	bytes = storage_memory_room(p, &why);
	if (why) {
		storage_not_taken(p, RUNG_TMPFS, "%s", why);
		return VERDICT_NO;
	}
	if (place)
		verdict = storage_trial(p, TRIAL_OVERLAY, place, &trial);
	if (verdict == VERDICT_NO)
		storage_not_taken(p, RUNG_TMPFS, "overlay does not work on the tmpfs at %s%s",
				  place, trial_outcome(p, trial));
	if (verdict == VERDICT_YES)
		*ret_choice = (struct storage_choice){
			.rung = RUNG_TMPFS,
			.driver = p->asked_driver ? p->asked_driver
						  : storage_free_driver(p, RUNG_TMPFS),
			.home = home,
			.memory_bytes = bytes,
		};
	return verdict;
}

enum verdict storage_judge_fuse(struct planner *p, struct storage_choice *ret_choice)
{
	const struct facts_directory *home = storage_data_root(p);
	enum verdict verdict;

	if (storage_is_read_only(p, RUNG_FUSE, home))
		return VERDICT_NO;
	verdict = judge_room(p, RUNG_FUSE, home, false);
	if (verdict == VERDICT_YES)
		verdict = storage_try_driver(p, RUNG_FUSE, DRIVER_FUSE, "fuse-overlayfs", home);
	if (verdict == VERDICT_YES)
		*ret_choice = (struct storage_choice){
			.rung = RUNG_FUSE,
			.driver = "fuse-overlayfs",
			.home = home,
		};
	return verdict;
}

enum verdict storage_judge_vfs(struct planner *p, struct storage_choice *ret_choice)
{
	const struct facts_directory *home = storage_data_root(p);
	enum verdict verdict;

	if (storage_is_read_only(p, RUNG_VFS, home))
		return VERDICT_NO;
	verdict = judge_room(p, RUNG_VFS, home, true);
	if (verdict == VERDICT_YES)
		*ret_choice = (struct storage_choice){
			.rung = RUNG_VFS,
			.driver = p->asked_driver ? p->asked_driver
						  : storage_free_driver(p, RUNG_VFS),
			.home = home,
		};
	return verdict;
}

/*
 * --storage-path: the directory itself becomes the data root where overlay works in it, so that
 * people find in it what they expect; else it holds the image.
 */
enum verdict storage_judge_volume(struct planner *p, const struct facts_directory *home,
				  struct storage_choice *ret_choice)
{
	static const char *const steps[] = { "storage-volume-dir", "storage-volume-lock",
					     "storage-volume-image", "storage-volume-loop",
					     "storage-bind" };
	enum driver_class class = storage_asked_class(p);
	bool overlay = class == DRIVER_FREE || class == DRIVER_OVERLAY;
	const struct facts_trial *ahead;
	enum verdict verdict;

	if (storage_has_failed(p, RUNG_VOLUME, steps, ARRAY_SIZE(steps)))
		return VERDICT_NO;
	if (overlay && storage_has_image(home))
		return storage_judge_image(p, RUNG_VOLUME, home, ret_choice);
	if (storage_refuse_full(p, home, false))
		return VERDICT_REFUSED;
	verdict = storage_try_driver(p, RUNG_VOLUME, class, p->asked_driver, home);
	if (verdict == VERDICT_YES)
		*ret_choice = (struct storage_choice){
			.rung = RUNG_VOLUME,
			.driver = p->asked_driver ? p->asked_driver
						  : storage_free_driver(p, RUNG_VOLUME),
			.home = home,
			.bind = true,
		};
	/* asked together: rounds are counted, and this one costs two milliseconds */
	if (verdict == VERDICT_OPEN && overlay)
		(void) storage_trial(p, TRIAL_OVERLAY, storage_trial_path(storage_data_root(p)),
				     &ahead);
	if (verdict == VERDICT_NO && overlay)
		return storage_judge_image(p, RUNG_VOLUME, home, ret_choice);
	return verdict;
}
