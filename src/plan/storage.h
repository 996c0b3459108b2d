/* SPDX-License-Identifier: Apache-2.0 */
/* storage.h - the parts of the storage ladder. Private to the plan library. */
#ifndef DIND_PLAN_STORAGE_H
#define DIND_PLAN_STORAGE_H

#include "planner.h"

#define MIB (UINT64_C(1) << 20)
#define GIB (UINT64_C(1) << 30)

/* Keys of the steps that look into an image once it is mounted. */
#define STORAGE_KEY_GRAPH      "storage-store-graph"
#define STORAGE_KEY_CONTAINERD "storage-store-containerd"

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

enum verdict {
	VERDICT_NO = 0,
	VERDICT_YES,
	VERDICT_OPEN,	 /* a trial was asked for */
	VERDICT_REFUSED, /* a refusal was added: the ladder ends here */
};

/* ---- storage.c ---- */

/* The directories of the facts; one that was not inspected has a path and nothing else. */
const struct facts_directory *storage_data_root(struct planner *p);
const struct facts_directory *storage_image_dir(struct planner *p);
/* --storage-path, or the slot of the pool that was leased; NULL: neither. */
const struct facts_directory *storage_path(struct planner *p);

/* An image that is worth something; a file without bytes is one that a crash left. */
bool storage_has_image(const struct facts_directory *directory);

/* Looked at from beside the running engine, the image is mounted already. */
bool storage_is_on_loop_device(const struct planner *p);

/* True if --storage lets us take that rung. */
bool storage_is_allowed(const struct planner *p, enum storage_rung rung);

/* "-v NAME:/var/lib/docker" */
const char *storage_volume_flag(struct planner *p);

/* ---- storage_driver.c ---- */

enum driver_class storage_driver_class(const char *driver);

/* The class of the driver that was asked for; what --strict-args forces is left to the engine. */
enum driver_class storage_asked_class(const struct planner *p);

/* True if the rung can give what such a driver needs. */
bool storage_rung_fits(enum storage_rung rung, enum driver_class driver);

/*
 * The driver that wrote to @directory before, NULL for none. Of several the one that dockerd would
 * think of first; vfs only when it is alone, as in dockerd.
 */
const char *storage_prior_driver(const struct planner *p, const struct facts_directory *directory);

/* The rung under which a driver shows that wrote to the data root itself. */
enum storage_rung storage_prior_rung(const char *driver);

/*
 * Why a driver that needs something of its own cannot work in @home: *@ret_why, else NULL.
 * VERDICT_OPEN: that depends on the engine's version, which was asked for.
 */
enum verdict storage_objection(struct planner *p, const char *driver,
			       const struct facts_directory *home, const char **ret_why);

/* ---- storage_fs.c ---- */

/* "; why overlay has trouble with that file system", or "". */
const char *storage_file_system_note(struct planner *p, const struct facts_directory *home);

/* ---- storage_store.c ---- */

/* Sets p->store. VERDICT_YES, _OPEN or _REFUSED. */
enum verdict storage_choose_store(struct planner *p);

/* What wrote to the place that would be used, as far as it binds us; NULL: nothing. */
const char *storage_written_driver(struct planner *p);

/* The driver of a rung where none was asked for. */
const char *storage_free_driver(const struct planner *p, enum storage_rung rung);

void storage_explain_store(struct planner *p);

/* ---- storage_space.c ---- */

/*
 * NULL, or the numbers that say why an engine cannot be started in @home. @used: it holds data
 * already, which may be of use on a disk that has no room for more.
 */
const char *storage_shortage(struct planner *p, const struct facts_directory *home, bool used);

/* Likewise; adds the refusal. */
bool storage_refuse_full(struct planner *p, const struct facts_directory *home, bool used);

/* Did a step of ours run out of space on the disk below? Adds the refusal. */
bool storage_refuse_ran_out(struct planner *p);

/* Bytes that a tmpfs may have here; 0 with *@ret_why: none. */
uint64_t storage_memory_room(struct planner *p, const char **ret_why);

/* "51.2 GiB of 100.0 GiB, 3210 of 4000 inodes" */
const char *storage_room(struct planner *p, const struct facts_directory *home);

/* ---- storage_rungs.c, storage_image.c, storage_prior.c ---- */

/* Remember why a rung is not taken. */
void storage_not_taken(struct planner *p, enum storage_rung rung, const char *fmt, ...)
	DIND_PRINTF(3, 4);

/* The last of these. */
const char *storage_last_reason(const struct planner *p);

/* A step of this rung failed when it was carried out; its message is remembered. */
bool storage_has_failed(struct planner *p, enum storage_rung rung, const char *const *steps,
			size_t n_steps);

bool storage_is_read_only(struct planner *p, enum storage_rung rung,
			  const struct facts_directory *directory);

/* Can a driver of that class work in @home, which is or becomes the data root? */
enum verdict storage_try_driver(struct planner *p, enum storage_rung rung, enum driver_class class,
				const char *driver, const struct facts_directory *home);

/* Each fills @ret_choice on VERDICT_YES and remembers the reason on VERDICT_NO. */
enum verdict storage_judge_volume(struct planner *p, const struct facts_directory *home,
				  struct storage_choice *ret_choice);
enum verdict storage_judge_as_is(struct planner *p, struct storage_choice *ret_choice);
enum verdict storage_judge_loop(struct planner *p, struct storage_choice *ret_choice);
enum verdict storage_judge_tmpfs(struct planner *p, struct storage_choice *ret_choice);
enum verdict storage_judge_fuse(struct planner *p, struct storage_choice *ret_choice);
enum verdict storage_judge_vfs(struct planner *p, struct storage_choice *ret_choice);

/* An image file in @directory. */
enum verdict storage_judge_image(struct planner *p, enum storage_rung rung,
				 const struct facts_directory *directory,
				 struct storage_choice *ret_choice);

/*
 * What wrote to @home before and must go on working there, bound onto the data root or as it is.
 * VERDICT_NO: nothing that binds us.
 */
enum verdict storage_judge_prior(struct planner *p, enum storage_rung rung,
				 const struct facts_directory *home,
				 struct storage_choice *ret_choice);

/* Ask for the trial unless it was made. VERDICT_OPEN: asked; else *@ret_trial is the result. */
enum verdict storage_trial(struct planner *p, enum trial_kind kind, const char *path,
			   const struct facts_trial **ret_trial);

/* Where a directory can be tried: it, or the deepest part of it that exists. */
const char *storage_trial_path(const struct facts_directory *directory);

/* ---- storage_text.c, storage_hints.c ---- */

/* Decisions and hints once a rung was chosen. */
void storage_explain(struct planner *p);
void storage_give_hints(struct planner *p);

#endif
