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

/* A slot of the pool stands in for --storage-path: looked at as that once it was leased. */
const struct facts_directory *storage_path(struct planner *p)
{
	const struct facts_directory *directory = &p->facts->storage.storage_path;
	const char *named = p->facts->pool.lease ? p->facts->pool.lease : p->options->storage_path;

	if (!directory->path && !named)
		return NULL;
	return inspected(p, directory, named);
}

bool storage_has_image(const struct facts_directory *directory)
{
	return directory->image == TRI_YES && directory->image_bytes > 0;
}

bool storage_is_on_loop_device(const struct planner *p)
{
	const struct facts_mount *mount = facts_mount_at(p->facts, p->data_root);

	return mount && mount->source && str_has_prefix(mount->source, "/dev/loop");
}

bool storage_is_allowed(const struct planner *p, enum storage_rung rung)
{
	if (rung == RUNG_VOLUME)
		return true;
	if (!p->options->storage_given)
		return rung != RUNG_TMPFS;
	for (size_t i = 0; i < RUNG_COUNT && p->options->rungs[i] != RUNG_NONE; i++)
		if (p->options->rungs[i] == rung)
			return true;
	return false;
}

const char *storage_volume_flag(struct planner *p)
{
	return arena_printf(p->arena, "-v NAME:%s", p->data_root);
}

/* ---- the lock ---------------------------------------------------------------------------------
 */

static const char *const lock_keys[] = { "storage-lock", "storage-volume-lock",
					 "storage-image-lock", "storage-tmpfs-lock" };

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
		return storage_judge_tmpfs(p, choice);
	case RUNG_VOLUME: /* has been judged: it comes first wherever it stands in the list */
	case RUNG_NONE:
	case RUNG_COUNT:
		break;
	}
	return VERDICT_NO;
}

/* @judged: a rung that needs no second look. */
static enum verdict climb(struct planner *p, enum storage_rung judged,
			  struct storage_choice *choice)
{
	const enum storage_rung *rungs =
		p->options->rungs[0] == RUNG_NONE ? default_rungs : p->options->rungs;
	enum driver_class class = storage_asked_class(p);

	for (size_t i = 0; i < RUNG_COUNT && rungs[i] != RUNG_NONE; i++) {
		enum verdict verdict;

		if (rungs[i] == judged || !storage_rung_fits(rungs[i], class))
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

/*
 * An image file of an earlier start goes on also where overlay would work on the data root by now:
 * its images are in it.
 */
static enum verdict choose_old_image(struct planner *p, struct storage_choice *choice)
{
	const struct facts_directory *directory = storage_image_dir(p);
	enum verdict verdict;

	if (storage_path(p) || !storage_has_image(directory) || storage_is_on_loop_device(p) ||
	    !storage_is_allowed(p, RUNG_LOOP) ||
	    !storage_rung_fits(RUNG_LOOP, storage_asked_class(p)))
		return VERDICT_NO;
	verdict = storage_judge_loop(p, choice);
	if (verdict == VERDICT_YES)
		storage_not_taken(p, RUNG_AS_IS, "images of an earlier start are in %s",
				  choice->image);
	return verdict;
}

static enum verdict choose(struct planner *p, struct storage_choice *choice)
{
	const struct facts_directory *data_root = storage_data_root(p);
	const char *prior = storage_prior_driver(p, data_root);
	bool had_image = storage_has_image(storage_image_dir(p));
	enum verdict verdict = choose_volume(p, choice);
	size_t n_reasons;

	if (verdict != VERDICT_NO)
		return verdict;
	/* vfs was the way out of a start at which the image could not be mounted: it holds more */
	if (!str_equal(prior, "vfs") || !had_image)
		verdict = storage_judge_prior(p, RUNG_AS_IS, data_root, choice);
	if (verdict != VERDICT_NO)
		return verdict;
	n_reasons = p->not_taken.count;
	verdict = choose_old_image(p, choice);
	if (verdict != VERDICT_NO)
		return verdict;
	return climb(p, p->not_taken.count > n_reasons ? RUNG_LOOP : RUNG_NONE, choice);
}

static void refuse_driver(struct planner *p, const char *reasons)
{
	planner_refuse(p, CODE_STORAGE_DRIVER, STATUS_CONFIG,
		       arena_printf(p->arena,
				    "leave the choice to the trial (no --storage-driver), "
				    "or mount a volume: %s",
				    storage_volume_flag(p)),
		       "the storage driver %s cannot work here: %s", p->asked_driver, reasons);
}

static void refuse_all(struct planner *p)
{
	const char *reasons = NULL;

	if (p->not_taken.count)
		reasons = strings_join(p->arena, &p->not_taken, "; ");
	else if (storage_objection(p, p->asked_driver, storage_data_root(p), &reasons) ==
		 VERDICT_OPEN)
		return;
	if (!reasons)
		reasons = "--storage leaves no rung that could give it";
	if (p->asked_driver)
		refuse_driver(p, reasons);
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

/* Under --strict-args the flags are read as dockerd would: the variable wins. */
static const char *asked_driver(const struct planner *p)
{
	const char *driver = p->options->storage_driver;

	if (p->options->strict_args) {
		driver = options_environment(p->options, "DOCKER_DRIVER");
		if (!driver || !*driver)
			driver = planner_flag_value(p, "storage-driver", 's');
	}
	return driver ? driver : p->facts->engine.config_storage_driver;
}

void plan_storage(struct planner *p)
{
	struct storage_choice choice = { .rung = RUNG_NONE };
	enum verdict store, verdict;

	p->asked_driver = asked_driver(p);
	if (is_busy(p) || storage_refuse_ran_out(p) || is_unlockable(p))
		return;
	store = storage_choose_store(p);
	if (store == VERDICT_REFUSED)
		return;
	verdict = choose(p, &choice);
	/* asked together with the trials of the ladder: rounds are counted */
	if (store == VERDICT_OPEN)
		return;
	if (verdict == VERDICT_NO)
		refuse_all(p);
	if (verdict != VERDICT_YES)
		return;
	p->storage = choice;
	storage_explain(p);
	p->plan->storage.rung = choice.rung;
	p->plan->storage.driver = choice.driver;
	p->plan->storage.image = choice.image;
	p->plan->storage.why = p->storage.why;
}
