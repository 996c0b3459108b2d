/* SPDX-License-Identifier: Apache-2.0 */
/*
 * options.h - what the user asked for: filled once by the front end from argv and environment, then
 * passed around as a constant. Strings are borrowed from argv, the environment or the front end's
 * arena.
 */
#ifndef DIND_OPTIONS_H
#define DIND_OPTIONS_H

#include "dind/base.h"
#include "dind/log.h"

enum options_command {
	COMMAND_RUN = 0,
	COMMAND_INSPECT,
	COMMAND_PLAN,
	COMMAND_DOCTOR,
	COMMAND_READY,
	COMMAND_VERSION,
	COMMAND_HELP,
};

enum options_mode {
	MODE_AUTO = 0, /* plan decides, by the facts */
	MODE_NESTED,   /* an engine of our own */
	MODE_SOCKET,   /* the engine outside, by its socket */
	MODE_REMOTE,   /* the engine that DOCKER_HOST names */
};

/* The rungs of the storage ladder, design.md §5. RUNG_VOLUME is --storage-path and always comes
 * first. */
enum storage_rung {
	RUNG_NONE = 0,
	RUNG_VOLUME,
	RUNG_AS_IS,
	RUNG_LOOP,
	RUNG_TMPFS,
	RUNG_FUSE,
	RUNG_VFS,
	RUNG_COUNT,
};

/* The file system of a new image file. One that is there keeps its own. */
enum storage_fs {
	STORAGE_FS_EXT4 = 0,
	STORAGE_FS_XFS, /* with project quotas, for docker run --storage-opt size= */
};

/* What to do when every slot of the pool is leased and no more may be made. */
enum cache_busy {
	CACHE_BUSY_COLD = 0, /* go on with a data root of our own */
	CACHE_BUSY_WAIT,     /* until one is given back */
	CACHE_BUSY_FAIL,     /* end with STATUS_TEMPFAIL */
};

enum preload_failure {
	PRELOAD_FAIL = 0, /* the start ends */
	PRELOAD_CONTINUE, /* it is a warning */
};

/* When images that nothing uses are removed. */
enum prune_when {
	PRUNE_NEVER = 0,
	PRUNE_START, /* before ready */
	PRUNE_IDLE,  /* above the water mark, while no container runs */
};

/* --apparmor: whose policy the engine works with */
enum apparmor_mode {
	APPARMOR_NAMESPACE = 0, /* one of its own, where the kernel has that; else none */
	APPARMOR_HOST,		/* the host's, as dockerd there would */
	APPARMOR_OFF,		/* none: inner containers get no profile */
};

/* --confine: what keeps the engine's tree away from the host's kernel */
enum confine_mode {
	CONFINE_HOST = 0, /* a seccomp filter */
	CONFINE_OFF,	  /* nothing but its capabilities */
};

/* --tls-key: of what kind new keys are */
enum tls_key {
	TLS_KEY_ANY = 0, /* those that are there are kept, new ones are EC */
	TLS_KEY_EC,
	TLS_KEY_RSA,
};

enum engine_log_kind {
	ENGINE_LOG_DEFAULT = 0, /* stderr in the foreground, the default file with a COMMAND */
	ENGINE_LOG_STDERR,
	ENGINE_LOG_NONE,
	ENGINE_LOG_FILE,
};

#define OPTIONS_MAX_HOSTS 8

/* How the user gave us an option. */
struct options_origin {
	const char *option; /* its name: "data-root" */
	const char *from;   /* as it was written: "--data-root", "DIND_DATA_ROOT" */
	bool variable;	    /* by the environment */
};

struct options {
	enum options_command command;
	enum options_mode mode;

	/* data root */
	const char *data_root;		     /* --data-root; NULL: daemon.json, else the default */
	bool storage_given;		     /* --storage was used */
	enum storage_rung rungs[RUNG_COUNT]; /* allowed rungs in order, RUNG_NONE ends the list */
	const char *storage_path;	     /* --storage-path or NULL */
	uint64_t storage_size;		     /* bytes; 0: half of what is free, 10 to 100 GiB */
	const char *
		storage_driver; /* --storage-driver, -s or DOCKER_DRIVER; NULL: the trial decides */

	enum storage_fs storage_fs; /* --storage-fs */

	/* a pool of warm caches */
	const char *cache_pool; /* --cache-pool or NULL; then the slot takes the place of
				   --storage-path */
	int cache_slots;	/* at most so many */
	uint64_t cache_size;	/* bytes of all slots together; 0: no limit */
	enum cache_busy cache_busy;

	/* what is to be there before ready */
	const char *const *preload; /* archives and directories of them, NULL ended; NULL: none */
	const char *preload_from;   /* unix:// or tcp:// of another engine, or NULL */
	const char *const *preload_images; /* references to copy from there, NULL ended */
	enum preload_failure preload_failure;
	int preload_timeout_ms;

	/* a full disk */
	int disk_high; /* per cent; 0: nobody looks */
	enum prune_when prune;

	/* listeners */
	const char *hosts[OPTIONS_MAX_HOSTS]; /* --host and dockerd's -H; none: daemon.json, else
						 the default */
	size_t n_hosts;
	bool insecure_tcp;	  /* plain TCP beyond loopback was asked for */
	const char *socket_group; /* name or number; NULL: `docker` if it exists */
	const char *tls_dir;	  /* --tls-dir or DOCKER_TLS_CERTDIR; NULL: no certificates */
	enum tls_key tls_key;
	bool tls_beside; /* docker:dind: the files of tls_dir are made even when dockerd's settings
			    name others, each of which takes the place of one */

	/* engine */
	const char *const
		*dockerd_args; /* further flags, without those that were taken over; NULL ended */
	const char *exec_root; /* from dockerd's flags; NULL: daemon.json, else the default */
	const char *pid_file;
	const char *config_file; /* daemon.json; NULL: the default path */
	bool config_file_given;
	bool strict_args; /* --strict-args: dockerd's argv untouched, no sockets of ours */
	enum engine_log_kind engine_log;
	const char *engine_log_path; /* for ENGINE_LOG_FILE */

	/* the engine's configuration; lists are NULL ended, NULL: not given */
	const char *const *registry_mirrors;
	const char *const *insecure_registries;
	int mtu; /* 0: not given */
	const char *const *dns;
	const char *const *address_pools; /* "10.201.0.0/16,24" */
	const char *const *engine_ca;	  /* files of certificates, and directories of them */

	/* security modules */
	enum apparmor_mode apparmor;
	bool mirror_limits; /* inner containers without limits of their own get this one's */
	bool selinux;	    /* a policy with the transitions is there: the engine may use it */

	enum confine_mode confine;

	/* workload */
	const char *const *workload; /* COMMAND and its arguments, NULL ended; NULL: engine in the
					foreground */
	const char *user;	     /* USER[:GROUP], names or numbers; NULL: as PID 1 */
	bool keep_caps;
	bool drop_caps;
	bool no_new_privs;
	bool no_wait;
	const char *late_message; /* wrapdocker: said when the engine is not ready in time, and
				     COMMAND starts all the same; NULL: the start ends */

	int restart_engine; /* how often an engine that died is started again */

	/* time, in milliseconds */
	int ready_timeout_ms;
	int stop_timeout_ms;
	const char *ready_file;
	const char *quit_file;
	const char *quit_pipe;

	/* ourselves */
	bool tmp_tmpfs; /* docker:dind: a tmpfs on /tmp, unless something is mounted there */
	bool allow_host_pid;
	enum log_format log_format;
	enum log_level log_level;

	/* sub-commands */
	bool json;	   /* plan, doctor */
	const char *facts; /* plan --facts FILE; "-": standard input */
	int ready_wait_ms; /* ready --timeout */

	const char *const *environment; /* the environment we were given, NULL ended */

	const struct options_origin *origins; /* of those that were given */
	size_t n_origins;
};

/* "auto", "nested", "socket", "remote". Never NULL. */
const char *options_mode_name(enum options_mode mode);

/* "loop" for RUNG_LOOP and so on; "none" for RUNG_NONE. Never NULL. */
const char *options_rung_name(enum storage_rung rung);

/* The rung of that name or RUNG_NONE. */
enum storage_rung options_rung_from_name(const char *name);

/* How the option of that name was given; NULL: it was not, or nobody wrote it down. */
const struct options_origin *options_find_origin(const struct options *options, const char *name);

/* Value of @name in options->environment, or NULL. */
const char *options_environment(const struct options *options, const char *name);

#endif
