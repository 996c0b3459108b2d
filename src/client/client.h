/* SPDX-License-Identifier: Apache-2.0 */
/*
 * client.h - dind-client: what a started engine is asked to do before it is called ready, and what
 * is looked after while it runs. A program of its own, because libcurl and libarchive must not be
 * in PID 1.
 *
 * One process per archive or image: decompression uses the CPUs, one damaged archive cannot disturb
 * another, and a read that hangs can be killed.
 */
#ifndef CLIENT_CLIENT_H
#define CLIENT_CLIENT_H

#include "dind/arena.h"
#include "dind/error.h"
#include "dind/log.h"
#include "http.h"

#define CODE_PRELOAD_ENGINE  "DIND-PRELOAD-01" /* our engine cannot be asked */
#define CODE_PRELOAD_PATH    "DIND-PRELOAD-02" /* no such file, or it cannot be read */
#define CODE_PRELOAD_DAMAGED "DIND-PRELOAD-03" /* not an image archive, or not a whole one */
#define CODE_PRELOAD_REFUSED "DIND-PRELOAD-04" /* the engine did not take it */
#define CODE_PRELOAD_SOURCE  "DIND-PRELOAD-05" /* the other engine cannot be asked */
#define CODE_PRELOAD_ABSENT  "DIND-PRELOAD-06" /* the other engine has no such image */
#define CODE_PRELOAD_COPY    "DIND-PRELOAD-07" /* the copy broke off */
#define CODE_PRELOAD_TIME    "DIND-PRELOAD-08" /* not done in time */
#define CODE_PRELOAD_CLEAN   "DIND-PRELOAD-09" /* leftovers of the last holder stay */
#define CODE_PRELOAD_PRUNE   "DIND-PRELOAD-10" /* pruning failed */
#define CODE_DISK_ROOT	     "DIND-DISK-01"    /* the data root is full to the mark */
#define CODE_DISK_BELOW	     "DIND-DISK-02"    /* so is the file system below the image */
#define CODE_DISK_PRUNE	     "DIND-DISK-03"    /* pruning in a full data root failed */
#define CODE_MIRROR	     "DIND-NET-17"     /* a registry mirror does not answer, or does */
#define CODE_POOL	     "DIND-POOL-01"    /* a slot cannot be measured or emptied */
/* DIND-REMOTE-01, -02: src/plan */
#define CODE_REMOTE_SILENT    "DIND-REMOTE-10" /* not there, for as long as we waited */
#define CODE_REMOTE_UNTRUSTED "DIND-REMOTE-11" /* its certificate is not of our CA, or not its */
#define CODE_REMOTE_FILES     "DIND-REMOTE-12" /* our own certificates */
#define CODE_REMOTE_TLS	      "DIND-REMOTE-13" /* one side speaks TLS, the other does not */
#define CODE_REMOTE_REFUSED   "DIND-REMOTE-14" /* it does not take our certificate */
#define CODE_REMOTE_FOREIGN   "DIND-REMOTE-15" /* no engine */
#define CODE_REMOTE_API	      "DIND-REMOTE-16" /* DOCKER_API_VERSION is not one of its */
#define CODE_REMOTE_SSH	      "DIND-REMOTE-17"

enum client_command {
	CLIENT_HELP = 0,
	CLIENT_PREPARE,
	CLIENT_WATCH,
	CLIENT_CHECK,
	CLIENT_WAIT,
	CLIENT_LOCAL,
	CLIENT_ASK,
};

struct client_options {
	enum client_command command;
	const char *socket; /* of our engine */
	int timeout_s;	    /* for all of prepare */
	int parallel;	    /* loads and copies at a time */
	bool keep_going;    /* failures are warnings */
	bool clean;	    /* and clean_before_ns: remove what is older, ns since the epoch */
	int64_t clean_before_ns;
	bool prune;
	int prune_age_s;       /* what was used later is kept as long as that is enough */
	struct strings load;   /* archives and directories of them */
	const char *from;      /* the other engine, NULL: none */
	struct http_tls tls;   /* for it */
	struct strings images; /* to copy from it */

	/* wait, local, ask */
	const char *host;	  /* as DOCKER_HOST */
	const char *certificates; /* DOCKER_CERT_PATH, else ~/.docker; NULL: neither is known */
	const char *api_version;  /* DOCKER_API_VERSION, NULL: none */

	bool mirrors;			      /* look after the engine's registry mirrors */
	const char *ca_directories;	      /* its SSL_CERT_DIR, NULL: not set */
	const char *http_proxy, *https_proxy; /* of the environment, NULL: none */

	const char *directory; /* the data root */
	const char *below;     /* a path on the file system below the image, NULL: none */
	int high;	       /* percent, 0: no mark */
	int interval_s, idle_s;
	const char *pool;      /* NULL: none */
	uint64_t pool_limit;   /* bytes, 0: none */
	const char *pool_keep; /* name of our own slot, NULL: none */

	enum log_level level;
	enum log_format format;
};

/*
 * Parse argv and the environment into *@options. Strings live in argv, @environment or @arena.
 * -EINVAL and *@err for a usage error.
 */
int client_options_parse(struct client_options *options, struct arena *arena, int argc, char **argv,
			 char **environment, struct error *err);

/* The usage, to stdout. */
void client_usage(void);

/* Clean, load and copy, prune. An exit status: STATUS_OK or STATUS_OSERR; all is logged. */
int prepare_run(const struct client_options *options);

/* Look after the disk until SIGTERM, SIGINT or SIGHUP. An exit status. */
int watch_run(const struct client_options *options);

/* Wait until options->host answers, or is known never to. STATUS_OK, STATUS_UNAVAILABLE, or
 * STATUS_CONFIG for what waiting does not mend; all is logged. */
int wait_run(const struct client_options *options);

/* Ask options->host once, and print what there is to know as a line of JSON: Version, ApiVersion
 * and MinAPIVersion, or code, fact and remedy. STATUS_OK or STATUS_UNAVAILABLE. */
int ask_run(const struct client_options *options);

/* Does the host of options->host have an address of this network namespace? Prints what was found
 * to stdout: 0 yes, 1 no, 2 it could not be looked up. */
int local_run(const struct client_options *options);

/*
 * Have layers lost files in a power cut? One line to stdout. An exit status: STATUS_OK: none has;
 * CHECK_DAMAGED: the line names the images; STATUS_OSERR: it says why that cannot be told.
 */
#define CHECK_DAMAGED 1
int check_run(const struct client_options *options);

/*
 * Log a failure: one line of fact, one of remedy (NULL: none); as errors, or as warnings where a
 * failure is none.
 */
void client_report(const struct client_options *options, const char *code, const char *remedy,
		   const char *fmt, ...) DIND_PRINTF(4, 5);

#endif
