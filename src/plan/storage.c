/* SPDX-License-Identifier: Apache-2.0 */
/* The data root: which rung of the ladder is taken, and the steps that lead there. */
#include <string.h>

#include "dind/str.h"
#include "storage.h"

static const struct facts_directory *
inspected(struct planner *p, const struct facts_directory *directory, const char *path)
{
	struct facts_directory *unknown;

	if (directory->path)
		return directory;
	unknown = arena_alloc(p->arena, sizeof(*unknown));
	unknown->path = path;
	return unknown;
}

const struct facts_directory *storage_data_root(struct planner *p)
{
	return inspected(p, &p->facts->storage.data_root, p->data_root);
}

const struct facts_directory *storage_image_dir(struct planner *p)
{
	return inspected(p, &p->facts->storage.image_dir, DIND_IMAGE_DIR);
}

const struct facts_directory *storage_path(struct planner *p)
{
	if (!p->facts->storage.storage_path.path && !p->options->storage_path)
		return NULL;
	return inspected(p, &p->facts->storage.storage_path, p->options->storage_path);
}

bool storage_has_image(const struct facts_directory *directory)
{
	return directory->image == TRI_YES && directory->image_bytes > 0;
}

const char *storage_volume_flag(struct planner *p)
{
	return arena_printf(p->arena, "-v NAME:%s", p->data_root);
}

/* ---- the lock ---------------------------------------------------------------------------------
 */

static const char *const lock_keys[] = { "storage-lock", "storage-volume-lock",
					 "storage-image-lock" };

/* Somebody else's engine works there: no other rung may be tried, all would miss its images. */
static bool is_busy(struct planner *p)
{
	for (size_t i = 0; i < ARRAY_SIZE(lock_keys); i++) {
		const struct facts_failure *failure = facts_find_failure(p->facts, lock_keys[i]);

		if (!failure || (failure->error != EWOULDBLOCK && !failure->holder))
			continue;
		planner_refuse(p, CODE_STORAGE_BUSY, STATUS_TEMPFAIL,
			       arena_printf(p->arena,
					    "stop the other one, or give this container a data "
					    "root of its own: %s",
					    storage_volume_flag(p)),
			       "the data root %s is in use by %s", p->data_root,
			       failure->holder && *failure->holder
				       ? failure->holder
				       : "another engine, which left no name");
		return true;
	}
	return false;
}

/* On the data root itself a lock that cannot be taken ends the start; elsewhere it ends the rung.
 */
static bool is_unlockable(struct planner *p)
{
	const struct facts_failure *failure = facts_find_failure(p->facts, lock_keys[0]);

	if (!failure)
		return false;
	planner_refuse(p, CODE_STORAGE_LOCK, STATUS_OSERR,
		       arena_printf(p->arena, "a writable directory with room: %s",
				    storage_volume_flag(p)),
		       "the data root cannot be locked: %s",
		       failure->message ? failure->message : planner_errno(p, failure->error));
	return true;
}

/* ---- the ladder -------------------------------------------------------------------------------
 */

static const enum storage_rung default_rungs[RUNG_COUNT] = { RUNG_AS_IS, RUNG_LOOP, RUNG_FUSE,
							     RUNG_VFS };

static enum verdict judge(struct planner *p, enum storage_rung rung, struct storage_choice *choice)
{
	switch (rung) {
	case RUNG_AS_IS:
		return storage_judge_as_is(p, choice);
	case RUNG_LOOP:
		return storage_judge_loop(p, choice);
	case RUNG_FUSE:
		return storage_judge_fuse(p, choice);
	case RUNG_VFS:
		return storage_judge_vfs(p, choice);
	case RUNG_TMPFS:
	case RUNG_VOLUME: /* has been judged: it comes first wherever it stands in the list */
	case RUNG_NONE:
	case RUNG_COUNT:
		break;
	}
	return VERDICT_NO;
}

static enum verdict climb(struct planner *p, struct storage_choice *choice)
{
	const enum storage_rung *rungs =
		p->options->rungs[0] == RUNG_NONE ? default_rungs : p->options->rungs;
	enum driver_class class = storage_driver_class(p->asked_driver);

	for (size_t i = 0; i < RUNG_COUNT && rungs[i] != RUNG_NONE; i++) {
		enum verdict verdict;

		if (!storage_rung_fits(rungs[i], class))
			continue;
		verdict = judge(p, rungs[i], choice);
		if (verdict != VERDICT_NO)
			return verdict;
	}
	return VERDICT_NO;
}

static enum verdict choose_volume(struct planner *p, struct storage_choice *choice)
{
	const struct facts_directory *home = storage_path(p);
	enum verdict verdict;

	if (!home)
		return VERDICT_NO;
	if (home->writable.value == TRI_NO) {
		planner_refuse(p, CODE_STORAGE_PATH, STATUS_CONFIG,
			       "mount it writable, or leave --storage-path out",
			       "%s of --storage-path is not writable%s", home->path,
			       planner_evidence(p, &home->writable, NULL));
		return VERDICT_REFUSED;
	}
	verdict = storage_judge_prior(p, RUNG_VOLUME, home, choice);
	if (verdict == VERDICT_NO)
		verdict = storage_judge_volume(p, home, choice);
	if (verdict == VERDICT_NO)
		planner_hint(p, CODE_STORAGE_PATH, "mend that, or leave --storage-path out",
			     "%s of --storage-path cannot be used; the data goes elsewhere: %s",
			     home->path, p->not_taken.items[p->not_taken.count - 1]);
	return verdict;
}

static enum verdict choose(struct planner *p, struct storage_choice *choice)
{
	const struct facts_directory *data_root = storage_data_root(p);
	const char *prior = storage_prior_driver(data_root);
	enum verdict verdict = choose_volume(p, choice);

	if (verdict != VERDICT_NO)
		return verdict;
	/* vfs was the way out of a start at which the image could not be mounted: it holds more */
	if (!str_equal(prior, "vfs") || !storage_has_image(storage_image_dir(p)))
		verdict = storage_judge_prior(p, RUNG_AS_IS, data_root, choice);
	return verdict == VERDICT_NO ? climb(p, choice) : verdict;
}

static void refuse_all(struct planner *p)
{
	const char *reasons = storage_file_system_objection(
		p, storage_driver_class(p->asked_driver), p->asked_driver, storage_data_root(p));

	if (p->not_taken.count)
		reasons = strings_join(p->arena, &p->not_taken, "; ");
	else if (!reasons)
		reasons = "--storage leaves no rung that could give it";
	if (p->asked_driver)
		planner_refuse(p, CODE_STORAGE_DRIVER, STATUS_CONFIG,
			       arena_printf(p->arena,
					    "leave the choice to the trial (no --storage-driver), "
					    "or mount a volume: %s",
					    storage_volume_flag(p)),
			       "the storage driver %s cannot work here: %s", p->asked_driver,
			       reasons);
	else
		planner_refuse(p, CODE_STORAGE_NO_RUNG,
			       p->options->storage_given ? STATUS_CONFIG : STATUS_OSERR,
			       arena_printf(p->arena, "mount a volume: %s%s",
					    storage_volume_flag(p),
					    p->options->storage_given
						    ? ", or allow more rungs with --storage"
						    : ""),
			       "there is no way to store images: %s", reasons);
}

void plan_storage(struct planner *p)
{
	struct storage_choice choice = { .rung = RUNG_NONE };

	p->asked_driver = p->options->storage_driver ? p->options->storage_driver
						     : p->facts->engine.config_storage_driver;
	if (is_busy(p) || is_unlockable(p))
		return;
	switch (choose(p, &choice)) {
	case VERDICT_YES:
		break;
	case VERDICT_NO:
		refuse_all(p);
		return;
	case VERDICT_OPEN:
	case VERDICT_REFUSED:
		return;
	}
	p->storage = choice;
	storage_explain(p);
	p->plan->storage.rung = choice.rung;
	p->plan->storage.driver = choice.driver;
	p->plan->storage.image = choice.image;
	p->plan->storage.why = p->storage.why;
}

/* ---- steps ------------------------------------------------------------------------------------
 */

static bool is_volume(const struct planner *p)
{
	return p->storage.rung == RUNG_VOLUME;
}

static void make_directory(struct planner *p, const struct facts_directory *directory,
			   const char *key, const char *why)
{
	struct plan_step *step;

	if (directory->exists == TRI_YES)
		return;
	step = planner_step(p, STEP_DIRECTORY, key, why);
	step->u.runtime_dir.path = directory->path;
	/* dockerd takes away what it does not want to give */
	step->u.runtime_dir.mode = 0711;
	if (str_equal(key, "storage-directory"))
		planner_or_abort(step, CODE_STORAGE_DIRECTORY, STATUS_OSERR,
				 storage_volume_flag(p));
	else
		planner_or_replan(step, CODE_STORAGE_DIRECTORY);
}

/* Only what is known for sure: an empty field would look like an answer. */
static const char *holder(struct planner *p)
{
	const struct facts_identity *identity = &p->facts->identity;
	struct strings words = STRINGS_INIT;

	if (identity->container_id)
		strings_add(p->arena, &words,
			    arena_printf(p->arena, "container %.12s", identity->container_id));
	if (identity->hostname)
		strings_add(p->arena, &words,
			    arena_printf(p->arena, "host %s", identity->hostname));
	if (identity->boot_id)
		strings_add(p->arena, &words, arena_printf(p->arena, "boot %s", identity->boot_id));
	return words.count ? strings_join(p->arena, &words, ", ") : "an unnamed container";
}

static void lock(struct planner *p)
{
	const struct storage_choice *storage = &p->storage;
	struct plan_step *step;
	const char *key = lock_keys[0];

	if (is_volume(p))
		key = lock_keys[1];
	else if (storage->image)
		key = lock_keys[2];
	step = planner_step(p, STEP_LOCK, key,
			    "two engines on one data root destroy it; the lock lives as long as "
			    "the engine");
	step->u.lock.path = storage->image ? storage->image
					   : planner_join(p, storage->home->path, ".dind-lock");
	step->u.lock.create = true;
	step->u.lock.holder = holder(p);
	/* in use (75) and not possible are told apart by the next plan */
	planner_or_replan(step, CODE_STORAGE_LOCK);
}

static void set_image(const struct planner *p, struct plan_step *step)
{
	step->u.image.image = p->storage.image;
	step->u.image.bytes = p->storage.image_bytes;
	step->u.image.mkfs = p->facts->storage.mkfs_ext4;
	step->u.image.target = p->data_root;
}

void plan_storage_claim(struct planner *p)
{
	const char *key = "storage-directory";
	struct plan_step *step;

	if (p->storage.rung == RUNG_NONE)
		return;
	if (is_volume(p))
		key = "storage-volume-dir";
	else if (p->storage.image)
		key = "storage-image-dir";
	make_directory(p, p->storage.home, key, "the data has to be somewhere");
	lock(p);
	/* also for an image that is there: a crash may have left one without a file system */
	if (!p->storage.image || !p->facts->storage.mkfs_ext4)
		return;
	step = planner_step(p, STEP_MAKE_IMAGE,
			    is_volume(p) ? "storage-volume-image" : "storage-image",
			    "a sparse ext4 image takes the place of a file system that overlay "
			    "cannot use; mkfs runs beside the next steps");
	set_image(p, step);
	planner_or_replan(step, CODE_STORAGE_NOT_TAKEN);
}

void plan_storage_mount(struct planner *p)
{
	struct plan_step *step;

	if (!p->storage.image && !p->storage.bind)
		return;
	make_directory(p, storage_data_root(p), "storage-directory",
		       "the data root is mounted there");
	if (p->storage.bind) {
		step = planner_step(p, STEP_BIND, "storage-bind",
				    "the directory of --storage-path becomes the data root");
		step->u.bind.source = p->storage.home->path;
		step->u.bind.target = p->data_root;
	} else {
		step = planner_step(p, STEP_MOUNT_IMAGE,
				    is_volume(p) ? "storage-volume-loop" : "storage-loop",
				    "the image becomes the data root, through a loop device with "
				    "direct I/O that goes away with its last mount");
		set_image(p, step);
	}
	planner_or_replan(step, CODE_STORAGE_NOT_TAKEN);
}
