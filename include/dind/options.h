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
	MODE_AUTO = 0, /* nested, until the modes that use another engine are built */
	MODE_NESTED,
};

/* The rungs of the storage ladder, design.md §5. RUNG_VOLUME is --storage-path and always comes
 * first. */
enum storage_rung {
	RUNG_NONE = 0,
	RUNG_VOLUME,
	RUNG_AS_IS,
	RUNG_LOOP,
	RUNG_FUSE,
	RUNG_VFS,
	RUNG_COUNT,
};

enum engine_log_kind {
	ENGINE_LOG_DEFAULT = 0, /* stderr in the foreground, the default file with a COMMAND */
	ENGINE_LOG_STDERR,
	ENGINE_LOG_NONE,
	ENGINE_LOG_FILE,
};

#define OPTIONS_MAX_HOSTS 8

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

	/* listeners */
	const char *hosts[OPTIONS_MAX_HOSTS]; /* --host and dockerd's -H; none: daemon.json, else
						 the default */
	size_t n_hosts;
	bool insecure_tcp;	  /* plain TCP beyond loopback was asked for */
	const char *socket_group; /* name or number; NULL: `docker` if it exists */

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

	/* workload */
	const char *const *workload; /* COMMAND and its arguments, NULL ended; NULL: engine in the
					foreground */
	const char *user;	     /* USER[:GROUP], names or numbers; NULL: as PID 1 */
	bool keep_caps;
	bool drop_caps;
	bool no_new_privs;
	bool no_wait;

	/* time, in milliseconds */
	int ready_timeout_ms;
	int stop_timeout_ms;
	const char *ready_file;
	const char *quit_file;

	/* ourselves */
	bool allow_host_pid;
	enum log_format log_format;
	enum log_level log_level;

	/* sub-commands */
	bool json;	   /* plan, doctor */
	const char *facts; /* plan --facts FILE; "-": standard input */
	int ready_wait_ms; /* ready --timeout */

	const char *const *environment; /* the environment we were given, NULL ended */
};

/* "loop" for RUNG_LOOP and so on; "none" for RUNG_NONE. Never NULL. */
const char *options_rung_name(enum storage_rung rung);

/* The rung of that name or RUNG_NONE. */
enum storage_rung options_rung_from_name(const char *name);

/* Value of @name in options->environment, or NULL. */
const char *options_environment(const struct options *options, const char *name);

#endif
