/* SPDX-License-Identifier: Apache-2.0 */
/*
 * plan.h - what to do on this machine, and why. Pure: same options and facts, same plan; no I/O, no
 * clock (tested: the undefined symbols of the library against an allow-list).
 *
 * Steps are goals, in the order in which apply carries them out, not system calls. Where a decision
 * hangs on an unknown fact, the plan lists the trials that it wants and is made again with their
 * results; where a step fails, the failure is a fact for the next plan. Each round adds at least
 * one fact, and there are at most PLAN_MAX_ROUNDS.
 */
#ifndef DIND_PLAN_H
#define DIND_PLAN_H

#include "dind/arena.h"
#include "dind/error.h"
#include "dind/facts.h"
#include "dind/launch.h"
#include "dind/options.h"

#define PLAN_MAX_ROUNDS 8

enum plan_step_kind {
	STEP_LIMITS = 0,       /* rlimits and OOM score of PID 1 */
	STEP_RUNTIME_DIR,      /* a fresh tmpfs on a directory of /run */
	STEP_LISTEN,	       /* open the listening sockets */
	STEP_LEASE,	       /* take a slot of the pool; the only step of its plan: what follows
				  depends on which one it is */
	STEP_LOCK,	       /* take the lock of the data root */
	STEP_MAKE_IMAGE,       /* sparse image file; mkfs runs beside the next steps */
	STEP_REMOUNT_RW,       /* /sys, /proc/sys */
	STEP_DEVICE,	       /* make a missing device node */
	STEP_PROPAGATION,      /* make / recursively shared */
	STEP_SWEEP,	       /* remove pid files and sockets whose owner is gone */
	STEP_CGROUP_V1,	       /* mount one missing v1 hierarchy, with aliases */
	STEP_CGROUP_NAMESPACE, /* own cgroup namespace and a fresh cgroup2 mount */
	STEP_CGROUP_NEST,      /* v2: evacuate the root into a leaf, enable controllers */
	STEP_DIRECTORY,	       /* a directory that must exist */
	STEP_BIND,	       /* bind the storage path onto the data root */
	STEP_MOUNT_IMAGE,      /* image file → loop device → data root; waits for mkfs */
	STEP_TMPFS,	       /* a fresh tmpfs becomes the data root */
	STEP_CHECK_STORE,      /* the image that was mounted holds no images of the other store */
	STEP_GUARD_START,      /* undo a start that was cut off, be ready to undo this one */
	STEP_CONFIG,	       /* effective daemon.json in the runtime directory */
	STEP_FILE,	       /* a small file with this content */
	STEP_FILESYSTEM,       /* a kernel file system that is not mounted yet */
	STEP_CONFINE,	       /* compile the seccomp filter of the engine's tree */
	STEP_APPARMOR,	       /* securityfs, and a policy namespace for the engine */
	STEP_CERTS,	       /* certificates of the TCP listeners, by dind-certs */
	STEP_CA,	       /* one file of all certificates in some files and directories */
	STEP_LINK,	       /* a symbolic link, with its directory */
	STEP_CLAMP_MSS,	       /* TCP through us is told of the MTU of the way */
	STEP_DNS_RELAY,	       /* an address, and a process that answers names there */
	STEP_SELINUX_HIDE,     /* a selinuxfs becomes read-only: not for the engine */
	STEP_CAPABILITIES,     /* PID 1 gives up what it needs no more */
	STEP_GROUP,	       /* users become members of the group with a socket's number */
	STEP_KIND_COUNT,
};

enum plan_on_fail {
	FAIL_ABORT = 0, /* the start ends with step->status, code and remedy */
	FAIL_REPLAN,	/* the failure becomes a fact, plan runs again */
	FAIL_DEGRADE,	/* one warning line that ends in "continuing without …" */
};

#define PLAN_MAX_SWEEPS 8

struct plan_step {
	enum plan_step_kind kind;
	enum plan_on_fail on_fail;
	const char *key;     /* stable name of this step, e.g. "storage-loop"; failures are recorded
				under it */
	const char *why;     /* shown to the user; never NULL */
	const char *code;    /* stable code of its failure, e.g. "DIND-CGROUP-02" */
	const char *remedy;  /* one line; NULL for FAIL_REPLAN */
	const char *without; /* for FAIL_DEGRADE: "continuing without <this>" */
	int status;	     /* enum exit_status when it aborts */
	union {
		struct {
			uint64_t nofile_soft, nofile_hard;
			bool set_nofile;
			bool set_oom_score;
			int oom_score_adj;
		} limits;
		struct {
			const char *path;
			unsigned int mode;
		} runtime_dir; /* also STEP_DIRECTORY */
		struct {
			const struct plan_listener *listeners; /* owned by the plan */
			size_t n_listeners;
		} listen;
		struct {
			const char *path;   /* lock file, or the image file itself */
			bool create;	    /* make it when it is missing */
			const char *holder; /* record to write once the lock is ours: "container …
					       host …" */
		} lock;
		struct {
			const char *pool; /* absolute; made with 0700 when its parent exists */
			const char *const *slots; /* paths in the order in which they are tried,
						     NULL ended */
			int max_slots; /* those from slot-1 to this one that are not among them are
					  tried after them, and made */
			enum cache_busy busy;	  /* for the caller: an executor never waits */
			const char *holder;	  /* as in lock */
			const char *const *avoid; /* paths that are not taken, NULL ended */
			const char *given_up;	  /* the slot that is ours and is given back first,
						     because of @unfit; NULL: none */
			const char *unfit;
		} lease;
		struct {
			const char *image;  /* absolute path */
			uint64_t bytes;	    /* apparent size of a new one */
			const char *mkfs;   /* absolute path of mkfs for @fs; NULL: none */
			const char *client; /* dind-client, which looks at the layers of an image
					       that was not unmounted; NULL: none */
			const char *target; /* data root, for STEP_MOUNT_IMAGE */
			enum storage_fs fs; /* of a new one; an image that is there keeps its own */
			bool resize;	    /* the user named a size: an older image grows to it.
					       A larger one is left as it is, which is told */
			bool recreate;	    /* one beyond repair, or a file that is no image, is
					       moved aside (".broken") and made anew, loudly;
					       else the step fails and nothing is touched */
			/* SELinux: an option of the mount that gives its files a label,
			 * "context=\"…\""; left out where the kernel does not take it. NULL: none
			 */
			const char *label;
			/* By the file system of the image that is there. NULL: looked for beside
			 * mkfs; an image that needs one that is missing is not mended or grown. */
			const char *e2fsck, *resize2fs, *xfs_repair;
		} image; /* STEP_MAKE_IMAGE and STEP_MOUNT_IMAGE */
		struct {
			const char *target;
			uint64_t bytes;
			const char *label; /* as of an image */
		} tmpfs;
		struct {
			const char *path; /* data root */
			bool containerd;  /* images are expected in containerd's store, else in
					     @driver's */
			const char *driver;
		} check_store;
		struct {
			const char *database; /* of the engine's networks; need not be there */
			const char *copy;     /* as it was before this start */
			const char *mark;     /* there while the engine starts; supervise removes
						 it */
		} guard;
		struct {
			const char *path;
		} remount; /* also STEP_SELINUX_HIDE */
		struct {
			const char *name; /* of the namespace; NULL: the host's policy is shown */
		} apparmor;
		struct {
			const char *path;
			char type; /* 'c' or 'b' */
			unsigned int major, minor;
			unsigned int mode;
		} device;
		struct {
			const char *
				pid_files[PLAN_MAX_SWEEPS]; /* removed unless the pid runs @owner */
			size_t n_pid_files;
			const char *sockets[PLAN_MAX_SWEEPS]; /* removed unless somebody accepts */
			size_t n_sockets;
		} sweep;
		struct {
			const char *controllers; /* exactly the co-mount set, or "name=systemd"; "":
						    the v2 tree of a hybrid machine */
			const char *target;	 /* /sys/fs/cgroup/<set> */
			bool tmpfs_first;	 /* nothing is mounted at /sys/fs/cgroup at all */
			bool replace;		 /* what is mounted there shows groups above ours */
			bool unmount;		 /* … and we have none of our own: it goes */
		} cgroup_v1;
		struct {
			const char *mount_point;
		} cgroup_namespace;
		struct {
			const char *mount_point;
			const char *leaf;	 /* "init" */
			const char *controllers; /* all that should be on, blank separated; ""
						    enables none */
			int timeout_ms;
		} cgroup_nest;
		struct {
			const char *type; /* "tmpfs", "securityfs" */
			const char *target;
			const char *options; /* for the file system, NULL: none */
			bool if_present;     /* no such directory: nothing to do */
		} filesystem;
		struct {
			const char *source, *target;
		} bind;
		struct {
			const char *source; /* user's daemon.json */
			bool required;	    /* it must be there */
			const char *target;
			const char *const *drop; /* top-level keys to leave out, NULL ended */
			/* What is added: all but those by flag and of the file itself. One of
			 * ORIGIN_DEFAULT gives way to the file. Owned by the plan. */
			const struct plan_setting *settings;
			size_t n_settings;
		} config;
		struct {
			const char *path, *content;
			unsigned int mode;
		} file;
		struct {
			const char *const *refused; /* as launch.refused of the engine */
		} confine;
		struct {
			uint64_t keep; /* bits of linux/capability.h; all others go from the
					  effective and the permitted set */
			const char *const *names; /* the same in words, NULL ended */
		} capabilities;
		struct {
			const char *directory;
			const char *key;	 /* "ec", "rsa", NULL: any */
			const char *san;	 /* more names of the server, or NULL */
			const char *const *argv; /* of dind-certs with all that, NULL ended */
			int timeout_ms;
			bool begin; /* start it, and go on: another step waits for it */
		} certs;
		struct {
			const char *const *sources; /* the user's, NULL ended */
			const char *target;	    /* alone in its directory */
		} ca;
		struct {
			const char *path, *target;
		} link;
		struct {
			const char *iptables;
		} clamp_mss;
		struct {
			const char *program;	    /* ours; called dind-dns it is the relay */
			const char *address;	    /* IPv4, becomes one of the loopback device */
			const char *const *servers; /* IPv4, NULL ended */
		} dns_relay;
		struct {
			int64_t gid;
			const char *name; /* of a new entry, when no group has that number; with
					     "-<gid>" after it when the name is another group's */
			const char *const *users; /* NULL ended */
		} group;
	} u;
};

/* Where a value of the engine's configuration comes from. The later one wins. */
enum plan_origin {
	ORIGIN_DEFAULT = 0, /* ours, where nobody says anything */
	ORIGIN_FILE,	    /* daemon.json */
	ORIGIN_VARIABLE,    /* of our environment */
	ORIGIN_OPTION,
	ORIGIN_FLAG, /* dockerd's own */
	ORIGIN_COUNT,
};

/* One value of the engine's configuration. */
struct plan_setting {
	const char *key;   /* as in daemon.json */
	const char *value; /* JSON on one line; NULL: facts of an older version do not say */
	enum plan_origin origin;
	const char *from; /* file, variable, option or flag; for ORIGIN_DEFAULT the reason */
	bool by_flag;	  /* on dockerd's command line, not in the file */
};

enum listener_kind {
	LISTENER_UNIX = 0,
	LISTENER_TCP,
};

struct plan_listener {
	enum listener_kind kind;
	const char *url;  /* as dockerd would be told: unix:///var/run/docker.sock,
			     tcp://127.0.0.1:2375 */
	const char *path; /* LISTENER_UNIX */
	const char *host; /* LISTENER_TCP: numeric address; "" is every address */
	uint16_t port;
	unsigned int mode; /* LISTENER_UNIX: 0660 */
	int64_t gid;	   /* LISTENER_UNIX: -1: leave */
};

/* One line of fact and one of remedy, with a stable code. A refusal ends the start with @status. */
struct plan_message {
	const char *code;
	int status;	    /* refusals only */
	const char *fact;   /* what is */
	const char *remedy; /* what to do, naming the outer engine's flag; may be NULL for notes */
};

struct plan_storage {
	enum storage_rung rung; /* RUNG_NONE while trials are wanted */
	const char *driver;	/* "overlay2", "fuse-overlayfs", "vfs", or what the data root was
				   written with */
	const char *data_root;
	const char *image; /* RUNG_LOOP, and RUNG_VOLUME when it holds an image; else NULL */
	const char *why;
	bool remove_subvolumes; /* at exit: they are in the container's own layer, which the outer
				   engine removes */
};

/* What supervise needs beside the launch records. */
struct plan_service {
	struct launch launch;
	bool wanted; /* false: no such service (no COMMAND) */
};

struct plan {
	enum options_mode mode; /* MODE_AUTO: a trial is wanted to choose one */
	/* MODE_SOCKET, MODE_REMOTE: how the engine is reached, as a client would be told, and what
	 * is known of it ("" for nothing). Then there is no engine of ours, no storage and no
	 * listener, and no step that needs a privilege. */
	const char *outside, *outside_engine;
	struct trial_request
		*trials; /* wanted before this plan can be carried out; empty: it is complete */
	size_t n_trials;
	struct plan_message *refusals; /* not empty: nothing is to be applied */
	size_t n_refusals;
	struct plan_message *hints; /* warnings and advice */
	size_t n_hints;
	struct plan_message
		*decisions; /* what was decided and why, in words: code, fact, remedy NULL */
	size_t n_decisions;
	struct plan_step *steps;
	size_t n_steps;
	struct plan_listener *listeners;
	size_t n_listeners;
	struct plan_setting *settings; /* the engine's configuration, each key once */
	size_t n_settings;
	struct plan_storage storage;
	struct plan_service engine;
	struct plan_service workload;
	/* Beside the engine: */
	struct plan_service containerd; /* ours, started with it; not wanted: dockerd's own way */
	struct plan_service prepare;	/* runs when the engine is ready, before that is told */
	struct plan_service watch;	/* runs from then on */
	bool prepare_required;		/* its failure ends the start; else it is warned about */
	int prepare_timeout_ms;
	bool clean; /* containers and networks of an earlier holder of the data root are to be
		       removed before ready: the slot of a pool has another user every time */
	const char *confinement; /* of inner containers, in a few words; NULL: not decided */
	/* Likewise, for the line of ready: whether the container's limits hold for inner ones, what
	 * confines the engine, what of the host's is changed. */
	const char *limits, *engine_confinement, *host;
	const char *exec_root;
	const char *pid_file;	      /* dockerd's */
	const char *start_mark;	      /* to be removed when the engine is ready; NULL: none */
	bool live_restore;	      /* containers outlive their engine: that was asked for */
	enum cgroup_mode cgroup_mode; /* for the stop ladder: v2 kills by cgroup.kill */
	const char *cgroup_parent;    /* directory of the groups of inner containers; NULL: where
					 dockerd puts them by default */
	const char *memory_group;     /* directory of our own group in the hierarchy of memory, once
					 the steps are carried out; NULL: it does not show */
};

/*
 * Decide. Memory is taken from @arena; strings may be borrowed from @options and @facts. Returns 0
 * even when the plan is a refusal; negative errno only for a plan that contradicts itself (a bug).
 */
int plan_make(const struct options *options, const struct facts *facts, struct arena *arena,
	      struct plan *ret_plan, struct error *err);

/*
 * As plan_make(), for what moby's hack/dind does and nothing more: securityfs, a tmpfs on /tmp,
 * cgroup nesting, shared mounts. No engine and no workload; asks for no trials.
 */
int plan_make_nest(const struct options *options, const struct facts *facts, struct arena *arena,
		   struct plan *ret_plan, struct error *err);

const char *plan_step_name(enum plan_step_kind kind);
const char *plan_origin_name(enum plan_origin origin);

#endif
