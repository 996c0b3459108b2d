/* SPDX-License-Identifier: Apache-2.0 */
/* storage.h - the parts of the storage ladder. Private to the plan library. */
#ifndef DIND_PLAN_STORAGE_H
#define DIND_PLAN_STORAGE_H

#include "planner.h"

/* What a driver needs of the place where it works. */
enum driver_class {
	DRIVER_FREE = 0, /* none was asked for: the best that works */
	DRIVER_OVERLAY,	 /* overlay mounts, known by trial */
	DRIVER_FUSE,	 /* fuse-overlayfs, known by trial */
	DRIVER_COPY,	 /* nothing */
	DRIVER_NATIVE,	 /* the file system of its own name */
	DRIVER_AUFS,	 /* any file system but a union */
	DRIVER_NEVER,	 /* cannot be nested */
	DRIVER_OTHER,	 /* unknown to us: the engine decides */
};

enum driver_class storage_driver_class(const char *driver);

/* True if the rung can give what such a driver needs. */
bool storage_rung_fits(enum storage_rung rung, enum driver_class driver);

/*
 * The driver that wrote to @directory before, NULL for none. Of several the one that dockerd would
 * think of first; vfs only when it is alone, as in dockerd.
 */
const char *storage_prior_driver(const struct facts_directory *directory);

/* NULL, or why a driver that needs a certain file system cannot work in @home. */
const char *storage_file_system_objection(struct planner *p, enum driver_class driver,
					  const char *name, const struct facts_directory *home);

enum verdict {
	VERDICT_NO = 0,
	VERDICT_YES,
	VERDICT_OPEN,	 /* a trial was asked for */
	VERDICT_REFUSED, /* a refusal was added: the ladder ends here */
};

/* The directories of the facts; one that was not inspected has a path and nothing else. */
const struct facts_directory *storage_data_root(struct planner *p);
const struct facts_directory *storage_image_dir(struct planner *p);
const struct facts_directory *storage_path(struct planner *p); /* NULL: not given */

/* An image that is worth something; a file without bytes is one that a crash left. */
bool storage_has_image(const struct facts_directory *directory);

/* Remember why a rung is not taken. */
void storage_not_taken(struct planner *p, enum storage_rung rung, const char *fmt, ...)
	DIND_PRINTF(3, 4);

/* Each fills @ret_choice on VERDICT_YES and remembers the reason on VERDICT_NO. */
enum verdict storage_judge_volume(struct planner *p, const struct facts_directory *home,
				  struct storage_choice *ret_choice);
enum verdict storage_judge_as_is(struct planner *p, struct storage_choice *ret_choice);
enum verdict storage_judge_loop(struct planner *p, struct storage_choice *ret_choice);
enum verdict storage_judge_fuse(struct planner *p, struct storage_choice *ret_choice);
enum verdict storage_judge_vfs(struct planner *p, struct storage_choice *ret_choice);

/*
 * What wrote to @home before and must go on working there, bound onto the data root or as it is.
 * VERDICT_NO: nothing that binds us.
 */
enum verdict storage_judge_prior(struct planner *p, enum storage_rung rung,
				 const struct facts_directory *home,
				 struct storage_choice *ret_choice);

/* Ask for the trial unless it was made. VERDICT_OPEN: asked; else *@ret_trial is the result. */
enum verdict storage_trial(struct planner *p, enum trial_kind kind,
			   const struct facts_directory *directory,
			   const struct facts_trial **ret_trial);

/* Decisions and hints once a rung was chosen. */
void storage_explain(struct planner *p);

/* "-v NAME:/var/lib/docker" */
const char *storage_volume_flag(struct planner *p);

#endif
