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
	uint64_t memory_bytes; /* RUNG_TMPFS: its size */
	const char *why;
};

/* Where an engine keeps its images. */
enum image_store {
	STORE_GRAPH = 0,  /* a graph driver's directories */
	STORE_CONTAINERD, /* containerd's content store and snapshots; Docker 29's default */
};

struct planner {
	const struct options *options;
	const struct facts *facts;
	struct arena *arena;
	struct plan *plan;

	uint64_t caps; /* in the effective and in the bounding set */
	bool caps_known;
	bool privileged;	/* enough of it to look further */
	bool nest_only;		/* no engine is started: there is nobody to be given flags */
	const char *nest_group; /* whose processes are to move to its leaf, NULL: nobody's */
	const char *nest_controllers;

	const char *data_root;
	const char *exec_root; /* as dockerd is told */
	const char *pid_file;  /* likewise */
	const char *run_root;  /* exec root by its canonical name, /run rather than /var/run */

	const char *config_path;
	struct strings tls_flags; /* of dockerd, ours; before the user's */
	struct strings drop;	  /* keys that are not to come from the user's daemon.json */

	const char *apparmor_namespace; /* for the engine; NULL: none */
	bool apparmor_seen;		/* the engine may work with AppArmor at all */

	const char *asked_driver; /* --storage-driver or daemon.json, NULL: free choice */
	enum image_store store;
	bool store_by_flag;	  /* dockerd has to be told, by its features */
	bool store_by_engine;	  /* its own choice is right, and a driver's name would spoil it */
	bool lease_wanted;	  /* which slot of the pool will be ours is not known yet */
	const char *slot_unfit;	  /* why the one that is ours cannot be used: another is leased */
	struct strings not_taken; /* "as-is: …": rungs that were judged and why they were not
				     taken */
	struct storage_choice storage;

	const char *outside;  /* hierarchies in which inner groups land outside of ours */
	bool memory_flat;     /* our memory limit does not hold for groups below ours */
	const char *iptables; /* what the engine finds by that name; NULL: as in PATH */
	bool clamp_mss;	      /* TCP is told of the MTU of the way out */
	const char *relay;    /* address of our relay for names, NULL: none */
	struct strings relay_to;

	const char *mirror; /* limits for inner containers, for our runc; NULL: it is not used */

	const char *const *refused; /* calls that the engine's tree is refused, NULL: none */
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

/* Who we are, for the record in a lock: "container 0123456789ab, host h, boot …". */
const char *planner_holder(struct planner *p);

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

/*
 * The engine's version by facts or trial, NULL when it is not known (yet); its major number, 0 for
 * an unknown one; whether it is that one or later, false for an unknown one. planner_ask_version()
 * asks for the trial: false when there is nothing to wait for.
 */
const char *planner_engine_version(const struct planner *p);
unsigned int planner_engine_major(const struct planner *p);
bool planner_engine_is_from(const struct planner *p, unsigned int major, unsigned int minor);
bool planner_ask_version(struct planner *p);

/* mode.c: whose engine. False: a trial has to tell first. */
bool plan_mode(struct planner *p);
bool planner_is_outside(const struct planner *p);

/* elsewhere.c: what stands in the way of an engine outside; what is done for it. After plan_user();
 * plan_outside_wait() after plan_workload(). */
void plan_outside(struct planner *p);
void plan_outside_steps(struct planner *p);
void plan_outside_wait(struct planner *p);
/* Who is to use the socket: --user's own name, and those whom the image has put into the group that
 * is named, or into `docker`. NULL: nobody. */
const char *const *planner_socket_users(struct planner *p);

/* The group, by number, that COMMAND as an ordinary user needs for the socket; -1: none. */
int64_t planner_outside_group(const struct planner *p);

/* Sets p->caps and p->caps_known; plan_privileges() begins with it. */
void planner_read_caps(struct planner *p);
void plan_privileges(struct planner *p);
bool planner_has_cap(const struct planner *p, int cap);

void plan_limits(struct planner *p);
/* What oom_score_adj PID 1 and the engine get; false: left alone. */
bool planner_oom_score(const struct planner *p, int *ret_score);
/* That of COMMAND and of helpers beside the engine, so that they go first; false: left alone. */
bool planner_job_oom_score(const struct planner *p, int *ret_score);

void plan_runtime_directories(struct planner *p);
void plan_writable(struct planner *p);
void plan_devices(struct planner *p);
void plan_propagation(struct planner *p);
void plan_sweep(struct planner *p);

void plan_cgroups(struct planner *p);
void plan_cgroups_v1(struct planner *p);
void plan_cgroups_v2(struct planner *p);
void plan_cgroup_nest(struct planner *p); /* what plan_cgroups() has found to be wanted */
bool planner_cgroup_driver_wanted(const struct planner *p);
/* mirror.c, --mirror-limits: chooses p->mirror; makes a runc of ours that the engine finds first */
void plan_mirror(struct planner *p);
void plan_mirror_steps(struct planner *p);
/* Our own group in the hierarchy of memory, as it shows when the steps so far are done; or NULL. */
const char *planner_memory_group(struct planner *p);
/* dockerd's --cgroup-parent, where we have to stay in the host's tree; NULL: its default. */
const char *planner_cgroup_parent(struct planner *p);

/* --cache-pool: true when storage can be judged, false while the lease is wanted or refused. */
bool plan_pool(struct planner *p);
void plan_pool_lease(struct planner *p);

/*
 * What is in @home cannot be used, because of @why. True if that is the slot of a pool: another one
 * is leased in its place. False: the caller refuses.
 */
bool planner_give_up_slot(struct planner *p, const struct facts_directory *home, const char *why);

/* What dockerd's --storage-driver is to be; NULL: none. */
const char *planner_pinned_driver(const struct planner *p);

void plan_storage(struct planner *p);
void plan_storage_claim(struct planner *p); /* directories, lock, image: early */
void plan_storage_mount(struct planner *p); /* what ends up on the data root: late */

void plan_guard(struct planner *p); /* after that: what a start that is cut off leaves there */

/* For ourselves and dind-client, where everybody else is served over TCP. */
#define PLANNER_OWN_SOCKET DIND_RUN_DIR "/engine.sock"
/* The first unix socket that others may use, or NULL. */
const struct plan_listener *planner_public_socket(const struct planner *p);
void plan_listeners(struct planner *p);
void plan_listen(struct planner *p);
void plan_socket_group(struct planner *p);

/* tls.c: certificates that we make or check are used; clients are asked for theirs; dockerd is to
 * speak TLS at all; where COMMAND finds what a client needs (NULL: it is the user's business). */
bool planner_tls_is_ours(const struct planner *p);
bool planner_tls_verifies(const struct planner *p);
bool planner_tls_is_spoken(const struct planner *p);
const char *planner_tls_client(struct planner *p);
void planner_tls_settings(struct planner *p);
void plan_tls(struct planner *p);
void plan_tmp(struct planner *p);
void plan_tls_begin(struct planner *p);
void plan_tls_step(struct planner *p);

/*
 * settings.c: the engine's configuration. The value with the latest origin of enum plan_origin
 * wins; all values of one key are one. Nothing is set with --strict-args.
 */

/* Has the user said something about that key of daemon.json: by daemon.json, by an option of ours,
 * by a flag of dockerd's? Then no default of ours takes its place. After plan_config(). */
bool planner_is_said(const struct planner *p, const char *key);
/* What is in effect so far; NULL: nothing. Good until the next one is set. */
const struct plan_setting *planner_setting(const struct planner *p, const char *key);
/* All strings in its value, in whichever of dockerd's forms it is, added to @list. For addresses
 * and names: what is escaped stays so. */
void planner_setting_strings(struct planner *p, const char *key, struct strings *list);
void planner_set(struct planner *p, const struct plan_setting *setting);
void planner_unset(struct planner *p, const char *key);

/* Values of ours, which do nothing when the key is said; @why is shown by plan. To be called while
 * the plan is judged. @json is any JSON on one line; pools are "CIDR,SIZE". */
void planner_default_json(struct planner *p, const char *key, const char *json, const char *why);
void planner_default_text(struct planner *p, const char *key, const char *value, const char *why);
void planner_default_number(struct planner *p, const char *key, int64_t value, const char *why);
void planner_default_bool(struct planner *p, const char *key, bool value, const char *why);
void planner_default_strings(struct planner *p, const char *key, const struct strings *values,
			     const char *why);
void planner_default_pools(struct planner *p, const struct strings *pools, const char *why);

/* What an option of ours, by its name, says. planner_option_text() does nothing for NULL. */
void planner_option_json(struct planner *p, const char *key, const char *option, const char *json);
void planner_option_text(struct planner *p, const char *key, const char *option, const char *value);
void planner_option_strings(struct planner *p, const char *key, const char *option,
			    const struct strings *values);

/* A string of JSON, and of TOML, with its quotes. */
const char *planner_quote(struct planner *p, const char *text);
const char *planner_pools_json(struct planner *p, const struct strings *pools);

/* outside.c: --engine-ca, and the engine's variables SSL_CERT_DIR and NO_PROXY; NULL: not set. */
void plan_ca_steps(struct planner *p);
const char *planner_ca_directories(struct planner *p);
const char *planner_no_proxy(struct planner *p);

/* registries.c: what dockerd is told of registries, for builders that do not ask it. */
void plan_registries_step(struct planner *p);

/* config.c: what file, options and flags say; what is ours in the end; the step. */
void plan_config(struct planner *p);
void plan_config_defaults(struct planner *p);
void plan_config_step(struct planner *p);
/* True if the key of daemon.json is in the user's file, and will be in the effective one. */
bool planner_has_key(const struct planner *p, const char *key);
/* True if the user's dockerd flags have --@name or -@letter ('\0': there is none). */
bool planner_has_flag(const struct planner *p, const char *name, char letter);

/* The last value of --@name or -@letter among them, or NULL. */
const char *planner_flag_value(const struct planner *p, const char *name, char letter);

/* The value of the last --feature @name=…; TRI_UNKNOWN: not said. */
enum tri planner_feature(const struct planner *p, const char *name);

/* True if the boolean --@name is among them and not switched off. */
bool planner_is_on(const struct planner *p, const char *name);
/* What dockerd's --config-file is to name; NULL: its arguments are left alone. */
const char *planner_config_file(const struct planner *p);

/* containerd is started by us, beside dockerd, unless the user has said something about it. */
bool planner_containerd_is_ours(const struct planner *p);
const char *planner_containerd_address(struct planner *p);
void plan_containerd_steps(struct planner *p);
void plan_containerd(struct planner *p); /* after the engine's launch record, which it copies */

void plan_engine_programs(struct planner *p);
void plan_engine(struct planner *p);

/* client.c: preload, cleaning of a slot, water marks, pruning */
bool planner_client_wanted(const struct planner *p);
void plan_client_program(struct planner *p);
void plan_client(struct planner *p);

void plan_user(struct planner *p);
void plan_workload(struct planner *p);

void plan_network(struct planner *p);
void plan_iptables_step(struct planner *p);
void plan_clamp_step(struct planner *p);
void plan_relay_step(struct planner *p);
/* PATH of the engine, for the @path that we were given. */
const char *planner_engine_path(struct planner *p, const char *path);

void plan_lsm(struct planner *p);
void plan_lsm_steps(struct planner *p);
/* The option that gives the files of a mount an SELinux label that inner containers can use; NULL:
 * none is needed, or known. */
const char *planner_selinux_mount(struct planner *p);
/* What is written to the AppArmor exec attribute of a service; NULL: nothing. */
const char *planner_apparmor_exec(struct planner *p);

/* --confine: chooses p->refused, for the launch record of engine and containerd. */
void plan_confine(struct planner *p);
/* The host's modules are mounted in: the user wants them loaded. */
bool planner_has_modules(const struct planner *p);
void plan_confine_step(struct planner *p);
void plan_capabilities(struct planner *p);

/* What of the host's is changed, after all else was judged. */
void plan_host(struct planner *p);

/* environment.c: NULL ended copies of the environment we were given. */
const char *const *planner_engine_environment(struct planner *p);
const char *const *planner_workload_environment(struct planner *p);

/* The consistency of a finished plan: every promise of plan.h that can be checked. -EINVAL names a
 * bug. */
int plan_verify(const struct plan *plan, struct error *err);
int plan_verify_steps(const struct plan *plan, struct error *err);

#endif
