/* SPDX-License-Identifier: Apache-2.0 */
/*
 * planner.h - what the files of the plan library share: the plan in the making, and small words for
 * adding to it. Private.
 *
 * Each subject has a part that judges (refusals, hints, decisions) and a part that adds its steps;
 * plan.c calls them in the order in which the steps are carried out.
 */
#ifndef DIND_PLAN_PLANNER_H
#define DIND_PLAN_PLANNER_H

#include "codes.h"
#include "dind/plan.h"

/* Where docker's data will be and how it gets there. */
struct storage_choice {
	enum storage_rung rung;
	const char *driver;		    /* for dockerd; NULL: its own choice */
	const struct facts_directory *home; /* the directory that holds the data or the image */
	bool bind;			    /* home is bound onto the data root */
	bool kept;			    /* what wrote there before goes on */
	const char *image;		    /* image file in home, or NULL */
	uint64_t image_bytes;
	const char *why;
};

struct planner {
	const struct options *options;
	const struct facts *facts;
	struct arena *arena;
	struct plan *plan;

	uint64_t caps; /* in the effective and in the bounding set */
	bool caps_known;
	bool privileged; /* enough of it to look further */

	const char *data_root;
	const char *exec_root; /* as dockerd is told */
	const char *pid_file;  /* likewise */
	const char *run_root;  /* exec root by its canonical name, /run rather than /var/run */

	const char *config_path;
	struct strings drop; /* keys of daemon.json that a flag takes the place of */

	const char *asked_driver; /* --storage-driver or daemon.json, NULL: free choice */
	struct strings not_taken; /* "as-is: …": rungs that were judged and why they were not
				     taken */
	struct storage_choice storage;
};

/* ---- messages.c -------------------------------------------------------------------------------
 */

void planner_refuse(struct planner *p, const char *code, int status, const char *remedy,
		    const char *fmt, ...) DIND_PRINTF(5, 6);
void planner_hint(struct planner *p, const char *code, const char *remedy, const char *fmt, ...)
	DIND_PRINTF(4, 5);
void planner_decide(struct planner *p, const char *code, const char *fmt, ...) DIND_PRINTF(3, 4);

/*
 * Append a step. The pointer is good until the next one is added. What happens on failure is set by
 * one of the three below.
 */
struct plan_step *planner_step(struct planner *p, enum plan_step_kind kind, const char *key,
			       const char *why);
void planner_or_abort(struct plan_step *step, const char *code, int status, const char *remedy);
void planner_or_degrade(struct plan_step *step, const char *code, const char *without,
			const char *remedy);
void planner_or_replan(struct plan_step *step, const char *code);

/* "EINVAL", or "errno 999" for one without a name here. */
const char *planner_errno(struct planner *p, int error);

/* " (EINVAL, the evidence)", or "" when nothing is known: for the end of a sentence. */
const char *planner_evidence(struct planner *p, const struct fact *fact, const char *detail);

const char *planner_size(struct planner *p, uint64_t bytes);

/* ---- paths.c ----------------------------------------------------------------------------------
 */

/* Data root, exec root, pid file, daemon.json: from options, else daemon.json, else the defaults.
 */
void plan_paths(struct planner *p);

/* /run/x for /var/run/x: one is a link to the other, and the mount table knows only the former. */
const char *planner_canonical(struct planner *p, const char *path);

/* A mount at @path or anywhere below it. */
bool planner_mounted_within(const struct planner *p, const char *path);

/* @directory/@name without a doubled slash. */
const char *planner_join(struct planner *p, const char *directory, const char *name);

/* ---- the subjects -----------------------------------------------------------------------------
 */

void plan_privileges(struct planner *p);
bool planner_has_cap(const struct planner *p, int cap);

void plan_limits(struct planner *p);
/* What oom_score_adj PID 1 and the engine get; false: left alone. */
bool planner_oom_score(const struct planner *p, int *ret_score);

void plan_runtime_directories(struct planner *p);
void plan_writable(struct planner *p);
void plan_devices(struct planner *p);
void plan_propagation(struct planner *p);
void plan_sweep(struct planner *p);

void plan_cgroups(struct planner *p);
void plan_cgroups_v1(struct planner *p);
void plan_cgroups_v2(struct planner *p);
bool planner_cgroup_driver_wanted(const struct planner *p);

void plan_storage(struct planner *p);
void plan_storage_claim(struct planner *p); /* directories, lock, image: early */
void plan_storage_mount(struct planner *p); /* what ends up on the data root: late */

void plan_listeners(struct planner *p);
void plan_listen(struct planner *p);

void plan_config(struct planner *p);
void plan_config_step(struct planner *p);
/* True if the key of daemon.json is in the user's file, and will be in the effective one. */
bool planner_has_key(const struct planner *p, const char *key);
/* True if the user's dockerd flags have --@name or -@letter ('\0': there is none). */
bool planner_has_flag(const struct planner *p, const char *name, char letter);

/* True if the boolean --@name is among them and not switched off. */
bool planner_is_on(const struct planner *p, const char *name);
/* What dockerd's --config-file is to name; NULL: its default will do. */
const char *planner_config_file(const struct planner *p);

void plan_engine_programs(struct planner *p);
void plan_engine(struct planner *p);

void plan_user(struct planner *p);
void plan_workload(struct planner *p);

void plan_network(struct planner *p);
void plan_lsm(struct planner *p);

/* environment.c: NULL ended copies of the environment we were given. */
const char *const *planner_engine_environment(struct planner *p);
const char *const *planner_workload_environment(struct planner *p);

/* The consistency of a finished plan: every promise of plan.h that can be checked. -EINVAL names a
 * bug. */
int plan_verify(const struct plan *plan, struct error *err);

#endif
