/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Each rung of the ladder: can it be taken here? Known by trial where a trial is possible; the name
 * of the file system is for the explanation.
 */
#include <stdarg.h>

#include "dind/str.h"
#include "storage.h"

#define GIB	       (UINT64_C(1) << 30)
#define IMAGE_NAME     "data.img"
#define IMAGE_MIN      (10 * GIB)
#define IMAGE_MAX      (100 * GIB)
#define IMAGE_MIN_FREE GIB

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

/* A step of this rung failed when it was carried out. */
static bool has_failed(struct planner *p, enum storage_rung rung, const char *const *steps,
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

static bool is_read_only(struct planner *p, enum storage_rung rung,
			 const struct facts_directory *directory)
{
	if (directory->writable.value != TRI_NO)
		return false;
	storage_not_taken(p, rung, "%s is not writable%s", directory->path,
			  planner_evidence(p, &directory->writable, NULL));
	return true;
}

enum verdict storage_trial(struct planner *p, enum trial_kind kind,
			   const struct facts_directory *directory,
			   const struct facts_trial **ret_trial)
{
	const char *path = directory->nearest ? directory->nearest : directory->path;
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

static enum verdict try_overlay(struct planner *p, enum storage_rung rung,
				const struct facts_directory *home)
{
	const struct facts_trial *trial = NULL;
	enum verdict verdict = storage_trial(p, TRIAL_OVERLAY, home, &trial);

	if (verdict == VERDICT_NO)
		storage_not_taken(p, rung, "overlay does not work on %s, which is %s%s", home->path,
				  file_system(home), trial_outcome(p, trial));
	return verdict;
}

static enum verdict try_fuse(struct planner *p, enum storage_rung rung,
			     const struct facts_directory *home)
{
	const struct facts_device *device = facts_find_device(p->facts, "/dev/fuse");
	const struct facts_trial *trial = NULL;
	enum verdict verdict;

	if (!p->facts->storage.fuse_overlayfs) {
		storage_not_taken(p, rung, "there is no fuse-overlayfs in PATH");
		return VERDICT_NO;
	}
	if (device && device->present && device->usable.value == TRI_NO) {
		storage_not_taken(p, rung, "/dev/fuse cannot be used%s",
				  planner_evidence(p, &device->usable, NULL));
		return VERDICT_NO;
	}
	verdict = storage_trial(p, TRIAL_FUSE, home, &trial);
	if (verdict == VERDICT_NO)
		storage_not_taken(p, rung, "fuse-overlayfs does not work on %s%s", home->path,
				  trial_outcome(p, trial));
	return verdict;
}

/* Can a driver of that class work in @home, which is or becomes the data root? */
static enum verdict try_driver(struct planner *p, enum storage_rung rung, enum driver_class class,
			       const char *driver, const struct facts_directory *home)
{
	const char *objection;

	if (is_read_only(p, rung, home))
		return VERDICT_NO;
	if (class == DRIVER_FREE || class == DRIVER_OVERLAY)
		return try_overlay(p, rung, home);
	if (class == DRIVER_FUSE)
		return try_fuse(p, rung, home);
	objection = storage_file_system_objection(p, class, driver, home);
	if (!objection)
		return VERDICT_YES;
	storage_not_taken(p, rung, "storage driver %s: %s", driver, objection);
	return VERDICT_NO;
}

static bool has_loop_devices(struct planner *p, enum storage_rung rung)
{
	const struct facts_device *control = facts_find_device(p->facts, "/dev/loop-control");

	/* a node that is missing is made, and opening it loads the driver: no objection here */
	if (!control || !control->present || control->usable.value != TRI_NO)
		return true;
	storage_not_taken(p, rung, "/dev/loop-control cannot be used%s",
			  planner_evidence(p, &control->usable, NULL));
	return false;
}

static bool can_make_image(struct planner *p, enum storage_rung rung,
			   const struct facts_directory *directory)
{
	if (!p->facts->storage.mkfs_ext4) {
		storage_not_taken(p, rung, "there is no mkfs.ext4 in PATH (Debian: e2fsprogs)");
		return false;
	}
	/* a total of 0 is a size that is not known */
	if (directory->total_bytes && directory->free_bytes < IMAGE_MIN_FREE) {
		storage_not_taken(p, rung, "only %s are free in %s, and an image needs %s",
				  planner_size(p, directory->free_bytes), directory->path,
				  planner_size(p, IMAGE_MIN_FREE));
		return false;
	}
	return true;
}

/* Half of what is free, so that several containers on one disk do not promise it twice. */
static uint64_t image_size(const struct planner *p, const struct facts_directory *directory)
{
	uint64_t half = directory->free_bytes / 2;

	if (storage_has_image(directory))
		return directory->image_bytes;
	if (p->options->storage_size)
		return p->options->storage_size;
	if (half < IMAGE_MIN)
		return IMAGE_MIN;
	return half > IMAGE_MAX ? IMAGE_MAX : half;
}

static enum verdict judge_image(struct planner *p, enum storage_rung rung,
				const struct facts_directory *directory,
				struct storage_choice *ret_choice)
{
	if (!has_loop_devices(p, rung) || is_read_only(p, rung, directory))
		return VERDICT_NO;
	if (!storage_has_image(directory) && !can_make_image(p, rung, directory))
		return VERDICT_NO;
	*ret_choice = (struct storage_choice){
		.rung = rung,
		.driver = p->asked_driver ? p->asked_driver : "overlay2",
		.home = directory,
		.image = planner_join(p, directory->path, IMAGE_NAME),
		.image_bytes = image_size(p, directory),
	};
	return VERDICT_YES;
}

enum verdict storage_judge_as_is(struct planner *p, struct storage_choice *ret_choice)
{
	const struct facts_directory *home = storage_data_root(p);
	enum driver_class class = storage_driver_class(p->asked_driver);
	enum verdict verdict = try_driver(p, RUNG_AS_IS, class, p->asked_driver, home);

	if (verdict == VERDICT_YES)
		*ret_choice = (struct storage_choice){
			.rung = RUNG_AS_IS,
			.driver = p->asked_driver ? p->asked_driver : "overlay2",
			.home = home,
		};
	return verdict;
}

enum verdict storage_judge_loop(struct planner *p, struct storage_choice *ret_choice)
{
	static const char *const steps[] = { "storage-image-dir", "storage-image-lock",
					     "storage-image", "storage-loop" };
	const struct facts_directory *directory = storage_image_dir(p), *named = storage_path(p);

	if (has_failed(p, RUNG_LOOP, steps, ARRAY_SIZE(steps)))
		return VERDICT_NO;
	if (named && str_equal(named->path, directory->path)) {
		storage_not_taken(p, RUNG_LOOP, "the image would be in %s again", named->path);
		return VERDICT_NO;
	}
	return judge_image(p, RUNG_LOOP, directory, ret_choice);
}

enum verdict storage_judge_fuse(struct planner *p, struct storage_choice *ret_choice)
{
	const struct facts_directory *home = storage_data_root(p);
	enum verdict verdict = try_driver(p, RUNG_FUSE, DRIVER_FUSE, "fuse-overlayfs", home);

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

	if (is_read_only(p, RUNG_VFS, home))
		return VERDICT_NO;
	*ret_choice = (struct storage_choice){
		.rung = RUNG_VFS,
		.driver = p->asked_driver ? p->asked_driver : "vfs",
		.home = home,
	};
	return VERDICT_YES;
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
	enum driver_class class = storage_driver_class(p->asked_driver);
	bool overlay = class == DRIVER_FREE || class == DRIVER_OVERLAY;
	const struct facts_trial *ahead;
	enum verdict verdict;

	if (has_failed(p, RUNG_VOLUME, steps, ARRAY_SIZE(steps)))
		return VERDICT_NO;
	if (overlay && storage_has_image(home))
		return judge_image(p, RUNG_VOLUME, home, ret_choice);
	verdict = try_driver(p, RUNG_VOLUME, class, p->asked_driver, home);
	if (verdict == VERDICT_YES)
		*ret_choice = (struct storage_choice){
			.rung = RUNG_VOLUME,
			.driver = p->asked_driver ? p->asked_driver : "overlay2",
			.home = home,
			.bind = true,
		};
	/* asked together: rounds are counted, and this one costs two milliseconds */
	if (verdict == VERDICT_OPEN && overlay)
		(void) storage_trial(p, TRIAL_OVERLAY, storage_data_root(p), &ahead);
	if (verdict == VERDICT_NO && overlay)
		return judge_image(p, RUNG_VOLUME, home, ret_choice);
	return verdict;
}

/* The rung under which a kept driver shows. */
static enum storage_rung prior_rung(enum storage_rung rung, enum driver_class class)
{
	if (rung == RUNG_VOLUME)
		return rung;
	if (class == DRIVER_FUSE)
		return RUNG_FUSE;
	return class == DRIVER_COPY ? RUNG_VFS : RUNG_AS_IS;
}

static const char *way_out(struct planner *p, enum storage_rung rung, const char *driver,
			   const struct facts_directory *home)
{
	if (rung == RUNG_VOLUME)
		return arena_printf(p->arena,
				    "remove %s/%s, or name another directory with --storage-path",
				    home->path, driver);
	return arena_printf(p->arena,
			    "mount a volume over it (%s), remove %s/%s, or start empty beside it "
			    "with --storage loop",
			    storage_volume_flag(p), home->path, driver);
}

static bool is_allowed(const struct planner *p, enum storage_rung rung)
{
	if (!p->options->storage_given || rung == RUNG_VOLUME)
		return true;
	for (size_t i = 0; i < RUNG_COUNT && p->options->rungs[i] != RUNG_NONE; i++)
		if (p->options->rungs[i] == rung)
			return true;
	return false;
}

/*
 * An existing data root keeps the driver that wrote it: another one would start empty beside the
 * old images, or not at all. What cannot work is refused, never hidden; a --storage that leaves its
 * rung out is a clear enough wish to start empty.
 */
enum verdict storage_judge_prior(struct planner *p, enum storage_rung rung,
				 const struct facts_directory *home,
				 struct storage_choice *ret_choice)
{
	const char *driver = storage_prior_driver(home);
	enum driver_class class = storage_driver_class(driver);
	enum verdict verdict;

	if (!driver || p->asked_driver)
		return VERDICT_NO;
	rung = prior_rung(rung, class);
	if (!is_allowed(p, rung))
		return VERDICT_NO;
	verdict = try_driver(p, rung, class, driver, home);
	if (verdict == VERDICT_NO) {
		planner_refuse(p, CODE_STORAGE_PRIOR, STATUS_CONFIG, way_out(p, rung, driver, home),
			       "%s holds data of the storage driver %s, which cannot work: %s",
			       home->path, driver, p->not_taken.items[p->not_taken.count - 1]);
		return VERDICT_REFUSED;
	}
	if (verdict == VERDICT_YES)
		*ret_choice = (struct storage_choice){
			.rung = rung,
			.driver = driver,
			.home = home,
			.bind = rung == RUNG_VOLUME,
			.kept = true,
		};
	return verdict;
}
