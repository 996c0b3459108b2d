/* SPDX-License-Identifier: Apache-2.0 */
/*
 * facts.h - what the machine is like. Filled by inspect, by trials, and by steps that failed; read
 * by plan and by the printers. Pure data: strings live in the arena that came with the inspection.
 *
 * Everything in here can be written as JSON and read back without loss (`dind-init inspect`,
 * `dind-init plan
 * --facts`), so a bug report is a test case.
 */
#ifndef DIND_FACTS_H
#define DIND_FACTS_H

#include "dind/arena.h"
#include "dind/base.h"
#include "dind/options.h"

/* An answer with its evidence: the path that was read, or what was tried. */
struct fact {
	enum tri value;
	int error;	      /* positive errno when that is why, else 0 */
	const char *evidence; /* NULL or a short text */
};

/* ---- privileges ---- */

/* proc(5): /proc/PID/status; initial namespaces by their fixed inode numbers
 * (include/linux/proc_ns.h). */
struct facts_privileges {
	int64_t pid;
	int64_t euid;
	uint64_t cap_effective;
	uint64_t cap_bounding;
	int64_t cap_last;     /* /proc/sys/kernel/cap_last_cap; -1 unknown */
	int64_t seccomp_mode; /* 0 off, 1 strict, 2 filter, -1 unknown */
	enum tri no_new_privs;
	enum tri all_devices;	 /* our device cgroup allows every device; v2 does not show it */
	enum tri user_namespace; /* yes: uid_map is not the identity of the whole range */
	const char *uid_map;	 /* first line, blanks squeezed */
	int64_t uid_count;	 /* that are mapped, by all lines; 0 unknown */
	enum tri host_pid_namespace; /* /proc/self/ns/pid is the initial one */
	/*
	 * Does a seccomp filter let these through? Probed with arguments that cannot work: EPERM is
	 * the filter's answer (no), any other errno the kernel's (yes). Docker's default profile
	 * never allows them, and no inner container starts without them.
	 */
	struct fact pivot_root;
	struct fact keyctl;
	/*
	 * Is CAP_SYS_ADMIN worth anything? Asked by a sethostname(2) with a length that cannot be,
	 * which the kernel answers only after it has asked its security modules. No: the policy of
	 * one of them says otherwise (SELinux enforces). Unknown where the capability is missing.
	 */
	struct fact admin;
};

/* ---- mounts and devices ---- */

struct facts_mount {
	int64_t id;
	int64_t parent;
	const char *root;
	const char *target;
	const char *fstype;
	const char *source;
	const char *options;	   /* per mount */
	const char *super_options; /* per superblock */
	const char *propagation;   /* "private", "shared", "slave", "shared,slave", "unbindable" */
};

struct facts_device {
	const char *path;
	bool present;	    /* a device node is there */
	struct fact usable; /* open(2) succeeded; ENXIO, ENODEV: no driver behind it; EPERM: device
			       cgroup */
};

struct facts_mounts {
	struct facts_mount *table; /* in mountinfo order: a later line hides an earlier one of the
				      same target */
	size_t n_table;
	struct facts_device *devices; /* /dev/fuse /dev/loop-control /dev/kmsg /dev/net/tun */
	size_t n_devices;
	enum tri loop_driver;		   /* block major 7 in /proc/devices */
	struct fact sys_writable;	   /* /sys is not mounted read-only */
	struct fact proc_sys_writable;	   /* /proc/sys is not mounted read-only */
	struct fact proc_sys_net_writable; /* likewise; unknown when it is no mount of its own */
};

/* ---- cgroups ---- */

enum cgroup_mode {
	CGROUP_UNKNOWN = 0,
	CGROUP_NONE,
	CGROUP_V1,     /* legacy only */
	CGROUP_HYBRID, /* v1 with a v2 tree at /sys/fs/cgroup/unified */
	CGROUP_V2,
};

/* One line of /proc/self/cgroup with what is mounted for it. */
struct facts_hierarchy {
	int64_t id;
	const char *controllers; /* "cpu,cpuacct", "name=systemd", "" for v2 */
	const char *path;	 /* our own group in it */
	const char *mounted_at;	 /* NULL: not mounted */
	const char *mount_root;	 /* root field of mountinfo; NULL: not mounted */
	struct fact writable;
};

struct facts_cgroups {
	enum cgroup_mode mode;
	struct facts_hierarchy *hierarchies;
	size_t n_hierarchies;
	/* v2 only, of the group that is visible at /sys/fs/cgroup: */
	const char *own_path;	 /* of /proc/self/cgroup */
	enum tri host_namespace; /* /proc/self/ns/cgroup is the initial one */
	enum tri host_view;	 /* the tree that we see reaches above our own group */
	struct fact writable;	 /* its cgroup.procs can be opened for writing */
	const char *type; /* cgroup.type: "domain", "domain threaded", "threaded", "domain invalid";
			     "" at the real root */
	const char *controllers; /* cgroup.controllers */
	const char *subtree_control;
	int64_t n_processes; /* lines in cgroup.procs, -1 unknown */
	enum tri nsdelegate;
	/* v1: limits of our memory group hold for groups below it (memory.use_hierarchy; always
	 * from Linux 5.11 on) */
	enum tri memory_hierarchy;
};

/* ---- storage ---- */

/* A directory that may hold the data root, an image, or both. */
struct facts_directory {
	const char *path; /* absolute */
	enum tri exists;
	const char *nearest; /* the deepest component that exists; equals path when it does */
	uint64_t fs_magic;   /* statfs f_type of @nearest */
	const char *fs_name; /* "overlay", "ext4", …: for explanations, never for decisions */
	const char *mount_target; /* the mount that it lies on */
	enum tri is_mount_point;
	uint64_t free_bytes;
	uint64_t total_bytes;
	struct fact writable;	   /* not on a read-only mount */
	enum tri anonymous_volume; /* /…/volumes/<64 hex>/_data of an outer engine */
	enum tri remote;	   /* nfs, cifs, 9p, …: a server can hang us */
	struct strings drivers; /* non-empty directories named like a graph driver: who wrote here
				   before */
	enum tri containerd_store;	    /* images of the containerd image store are here */
	enum tri image;			    /* a data.img is here */
	uint64_t image_bytes;		    /* its apparent size */
	uint64_t image_allocated;	    /* what it takes on the disk */
	uint64_t free_inodes, total_inodes; /* 0 of 0: the file system does not count them */
};

struct facts_storage {
	struct facts_directory data_root;
	struct facts_directory storage_path; /* path NULL: not given */
	struct facts_directory image_dir;
	const char *mkfs_ext4; /* absolute path or NULL, as all of these */
	const char *mkfs_xfs;
	const char *check_ext4; /* e2fsck */
	const char *check_xfs;	/* xfs_repair */
	const char *grow_ext4;	/* resize2fs */
	const char *grow_xfs;	/* xfs_growfs */
	const char *fuse_overlayfs;
	const char *zfs; /* the tool; its driver needs /dev/zfs too */
};

/* One slot of a pool: a directory that one engine at a time leases as its storage path. */
struct facts_slot {
	const char *name; /* "slot-3" */
	const char *path;
	int64_t last_used;  /* seconds since the epoch; -1 unknown */
	uint64_t bytes;	    /* what it takes on the disk, as measured last; 0 unknown */
	enum tri leased;    /* somebody held its lock when we looked */
	const char *holder; /* its record: who has, or had it last */
	enum tri empty;	    /* nothing of an engine is in it */
	const char *unfit;  /* why an engine cannot use what is in it, found when it was ours; NULL:
			       nothing is known against it */
};

/* --cache-pool */
struct facts_pool {
	struct facts_directory directory; /* path NULL: no pool was named */
	struct facts_slot *slots;	  /* by name */
	size_t n_slots;
	const char *lease; /* path of the slot that is ours, NULL: none (yet) */
	bool cold;	   /* none was to be had: go on without */
};

/* ---- security modules ---- */

struct facts_lsm {
	enum tri apparmor;	   /* /sys/module/apparmor/parameters/enabled is Y */
	enum tri apparmor_visible; /* securityfs shows it */
	const char *apparmor_label;
	enum tri apparmor_stack;     /* policy namespaces can be made and entered; unknown while
					securityfs does not show it */
	const char *apparmor_parser; /* where dockerd looks for it and nowhere else, or NULL */
	enum tri securityfs;	     /* this kernel has it, mounted or not */
	enum tri userns_restricted;  /* an Ubuntu kernel that lets only profiles that say so make
					user namespaces with capabilities */
	const char *mount_namespace; /* inode number of ours: no two that live share it */
	enum tri selinux;	     /* a selinuxfs is in /proc/filesystems */
	enum tri selinux_mounted;    /* and mounted read-write here */
	const char *selinux_label;
	struct strings selinux_mounts; /* where it is mounted read-write */
	const char *root_context;      /* context= of the mount that is our root, or NULL */
};

/* ---- network ---- */

struct facts_network {
	const char *iptables; /* absolute path or NULL, as those below */
	const char *ip6tables;
	const char *iptables_nft; /* the back ends by names of their own */
	const char *iptables_legacy;
	const char *iptables_backend; /* which of them `iptables` is: "nft", "legacy"; NULL: neither
					 is known by name */
	enum tri legacy_tables;	      /* this network namespace has tables of the legacy back end */
	enum tri ipv6;		      /* this kernel has IPv6 */
	enum tri default_route;
	int64_t mtu;		/* of the way out: the smallest of the devices with a default route,
				   or what a route itself says; 0 unknown */
	const char *mtu_device; /* which device that is */
	const char *mtu_route;	/* an address outside to which the way has less than the device has,
				   and @mtu is that; NULL: the device's */
	/* addresses and routes of other devices than loopback and an engine's bridges,
	 * "10.1.0.0/16"
	 */
	struct strings outside;
	struct strings name_servers; /* of /etc/resolv.conf */
	int64_t ndots;		     /* likewise; -1: not said */
	struct strings upstreams; /* of systemd-resolved's own list of servers, where it is shown */
	enum tri
		foreign_bridge; /* a docker0 that another engine owns is in our network namespace */
	/* another engine lives in our network namespace: a socket of a dockerd that listens in it
	 * (the evidence) and is not among our files */
	struct fact foreign_engine;
	enum tri docker0; /* there is one, whoever made it */
};

/* ---- engine ---- */

struct facts_engine {
	const char *dockerd;	/* absolute path found in PATH, or NULL */
	const char *containerd; /* likewise */
	const char *runc;
	const char *client;	 /* dind-client of our own, or NULL */
	const char *certs;	 /* dind-certs of our own, or NULL */
	const char *version;	 /* of dockerd, by trial; NULL until tried */
	const char *config_path; /* daemon.json that will be read */
	enum tri config_present;
	const char *config_error;     /* NULL or "line 3 column 7: …" */
	struct strings config_keys;   /* top-level keys of daemon.json */
	struct strings config_values; /* theirs, as JSON on one line, in that order: to be shown.
					 Passwords in URLs are left out */
	/* values of daemon.json that we plan with; NULL or empty when absent */
	const char *config_data_root;
	const char *config_exec_root;
	const char *config_pid_file;
	const char *config_storage_driver;
	const char *config_group;
	struct strings config_hosts;
	enum tri config_containerd_store; /* features.containerd-snapshotter; unknown: not said */
	enum tri config_selinux;	  /* "selinux-enabled" is true */
	const char *config_bridge;
	enum tri config_iptables, config_ip6tables; /* unknown: not said */
	enum tri config_tls_verify; /* "tlsverify" is true: clients over TCP need a certificate */
	enum tri systemd_directory; /* /run/systemd/system exists: dockerd would choose the systemd
				       driver */
	enum tri socket_answers;    /* somebody already serves the first unix listener */
};

/* ---- engines of others ---- */

/* How an engine that is not ours could be reached: by a socket from outside, or DOCKER_HOST. */
struct facts_reach {
	const char *docker_host; /* DOCKER_HOST as given; NULL: not set, or empty */
	/* its host is an address of this network namespace; unknown: a name that nobody has looked
	   up, see TRIAL_ADDRESS */
	enum tri docker_host_ours;
	const char *api_version; /* DOCKER_API_VERSION, NULL: not set */
	const char *socket;	 /* path: of DOCKER_HOST, else the default */
	enum tri socket_mounted; /* it is a mount point itself, not just in a mounted directory */
	const char *socket_type; /* "socket", "directory", "file", …; NULL: it is not there */
	int64_t socket_uid, socket_gid; /* -1 unknown */
	int64_t socket_mode;		/* permission bits, -1 unknown */
	struct fact socket_answers;	/* to connect(2) */
	struct fact socket_api;		/* and what answers is the API of an engine */
	const char *engine;		/* what it calls itself and its API: "Docker/26.1.5, API
					   1.45" */
	/* the group of the socket's number in /etc/group, NULL: none has it */
	const char *socket_group;
	/* members of --socket-group, of `docker` where that is not given or a number that nobody
	   has: whom the image means to use an engine */
	struct strings users;
};

/* ---- limits ---- */

#define FACTS_UNLIMITED UINT64_MAX

struct facts_limits {
	uint64_t nofile_soft, nofile_hard;
	uint64_t nproc_soft, nproc_hard;
	uint64_t core_soft, core_hard;
	int64_t oom_score_adj;
	uint64_t memory_max;	   /* bytes of our own group's limit, FACTS_UNLIMITED without one */
	uint64_t memory_available; /* /proc/meminfo MemAvailable in bytes; 0 unknown */
	uint64_t memory_used; /* by the group that has the limit, without what can be dropped */
	/* Of our groups, too: microseconds of processor time in so many; processes. 0: no limit, or
	 * not known. */
	uint64_t cpu_quota, cpu_period;
	uint64_t pids_max;
};

/* ---- names and identity ---- */

struct facts_identity {
	const char *hostname;
	const char *container_id; /* 64 hex of the outer engine when one is visible, else NULL */
	const char *boot_id;
	int64_t started;	  /* seconds since the epoch when we looked; 0 unknown */
	const char *kernel;	  /* uname release */
	enum tri time_namespaces; /* time_namespaces(7): since Linux 5.6, where they are built in */
	enum tri termination_log; /* /dev/termination-log exists */
	enum tri outer_notify;	  /* NOTIFY_SOCKET was set for us */
	/* who --user names, from /etc/passwd and /etc/group */
	enum tri user_found;
	int64_t user_uid, user_gid;
	const char *user_name, *user_home, *user_shell;
	const char *user_groups; /* supplementary gids, "4 20 999" */
	/* the group of the unix socket: --socket-group, else `docker` */
	enum tri group_found;
	int64_t group_gid;
};

/* ---- what was learned by trying ---- */

enum trial_kind {
	TRIAL_OVERLAY = 0,     /* overlay with two lowers, written to, on a directory */
	TRIAL_FUSE,	       /* fuse-overlayfs likewise */
	TRIAL_ENGINE,	       /* dockerd --version */
	TRIAL_IPTABLES,	       /* the rules of an engine, in a network namespace of its own */
	TRIAL_IPTABLES_NO_RAW, /* the same without the table raw, which Docker 28 and later use */
	TRIAL_IP6TABLES,       /* rules for IPv6 */
	TRIAL_ADDRESS,	       /* is the host of a DOCKER_HOST an address of ours? */
	TRIAL_COUNT,
};

/* What a plan wants to know. */
struct trial_request {
	enum trial_kind kind;
	const char *path; /* an existing directory for TRIAL_OVERLAY and TRIAL_FUSE; a program for
			     TRIAL_ENGINE, a DOCKER_HOST for TRIAL_ADDRESS, iptables (of any back
			     end) for the others */
};

struct facts_trial {
	enum trial_kind kind;
	const char *path; /* the directory tried; NULL where none is meant */
	struct fact result;
	const char *detail; /* the kernel's own line, the version found, … or NULL */
	int64_t elapsed_us;
};

/* A step that failed in apply. plan treats it as a fact: its ladder goes on with the next rung. */
struct facts_failure {
	const char *key; /* plan_step.key of the step that failed, for example "storage-loop" */
	int error;	 /* positive errno, 0 without one */
	const char *message;
	const char *holder; /* for a lock: who has it; else NULL */
};

struct facts {
	struct facts_privileges privileges;
	struct facts_mounts mounts;
	struct facts_cgroups cgroups;
	struct facts_storage storage;
	struct facts_pool pool;
	struct facts_lsm lsm;
	struct facts_network network;
	struct facts_engine engine;
	struct facts_reach reach;
	struct facts_limits limits;
	struct facts_identity identity;
	struct facts_trial *trials;
	size_t n_trials;
	struct facts_failure *failures;
	size_t n_failures;
};

/* Names used in JSON and in messages. Never NULL. */
const char *facts_trial_name(enum trial_kind kind);
const char *facts_cgroup_mode_name(enum cgroup_mode mode);

/* The visible mount exactly at @target, or NULL. Last one wins, as in the kernel. */
const struct facts_mount *facts_mount_at(const struct facts *facts, const char *target);

/* The mount that @path lies on, or NULL when the table is empty. @path must be absolute and
 * canonical. */
const struct facts_mount *facts_mount_of(const struct facts *facts, const char *path);

/* The trial of that kind and path, or NULL when it was not run yet. @path may be NULL. */
const struct facts_trial *facts_find_trial(const struct facts *facts, enum trial_kind kind,
					   const char *path);

/* The recorded failure of the step with that key, or NULL. */
const struct facts_failure *facts_find_failure(const struct facts *facts, const char *key);

/* The device entry of that path, or NULL. */
const struct facts_device *facts_find_device(const struct facts *facts, const char *path);

/* Append what a step reported. Strings are copied into @arena. */
void facts_add_failure(struct facts *facts, struct arena *arena, const char *key, int error,
		       const char *message, const char *holder);

#endif
