/* SPDX-License-Identifier: Apache-2.0 */
/*
 * certs.h - what PID 1 and dind-certs both know of certificates: how dind-certs says what is wrong,
 * by which names a client may call the server, and whether anything has changed since dind-certs
 * last found all of them good.
 */
#ifndef DIND_CERTS_H
#define DIND_CERTS_H

#include "dind/arena.h"
#include "dind/error.h"

#define CODE_TLS_DECISION   "DIND-TLS-01" /* what was made or kept */
#define CODE_TLS_SAN	    "DIND-TLS-02" /* an entry of DOCKER_TLS_SAN */
#define CODE_TLS_EXPIRED    "DIND-TLS-03"
#define CODE_TLS_KEY	    "DIND-TLS-04" /* key and certificate are not one pair */
#define CODE_TLS_CHAIN	    "DIND-TLS-05" /* not signed by the CA beside it */
#define CODE_TLS_UNREADABLE "DIND-TLS-06"
#define CODE_TLS_NAMES	    "DIND-TLS-07" /* lacks a name that was asked for */
#define CODE_TLS_NO_CA_KEY  "DIND-TLS-08"
#define CODE_TLS_SYSTEM	    "DIND-TLS-09" /* cannot be written, or took too long */
#define CODE_TLS_PROGRAM    "DIND-TLS-10" /* dind-certs is missing */
#define CODE_TLS_USERS	    "DIND-TLS-11" /* dockerd's own settings are used instead */
#define CODE_TLS_UNUSED	    "DIND-TLS-12" /* no TCP listener, so no certificates */

/* ---- failures ----
 * The exit status of dind-certs becomes the errno of the step that failed, which the next plan
 * turns into the refusal: so one table has code, remedy and our own exit status for all three.
 */

enum certs_failure {
	CERTS_FAIL_SYSTEM = 0,
	CERTS_FAIL_SAN,
	CERTS_FAIL_EXPIRED,
	CERTS_FAIL_KEY,
	CERTS_FAIL_CHAIN,
	CERTS_FAIL_UNREADABLE,
	CERTS_FAIL_NAMES,
	CERTS_FAIL_NO_CA_KEY,
	CERTS_FAIL_COUNT,
};

struct certs_meaning {
	const char *code;
	const char *remedy; /* one line, about files below the directory */
	int exit_status;    /* of dind-certs */
	int error;	    /* positive errno of the step */
	int status;	    /* of dind-init, enum exit_status */
};

/* Never NULL; what is not known is CERTS_FAIL_SYSTEM. */
const struct certs_meaning *certs_meaning(enum certs_failure failure);
const struct certs_meaning *certs_meaning_of_exit(int exit_status);
const struct certs_meaning *certs_meaning_of_error(int error);

/*
 * PID 1 starts dind-certs while it still finds out whether there will be an engine, and nothing is
 * to be written for a start that is refused: wait for a byte on @fd, which says go. 0, -EPIPE when
 * it will not come, -ETIMEDOUT after two minutes.
 */
int certs_await_go(int fd);

/* ---- names: what a client may call the server (certs_names.c) ---- */

#define CERTS_MAX_NAMES 256

enum certs_name_kind {
	CERTS_DNS = 0,
	CERTS_IP,
	CERTS_URI,
	CERTS_EMAIL,
};

struct certs_name {
	enum certs_name_kind kind;
	const char *text;	 /* as shown; in the arena */
	unsigned char bytes[16]; /* CERTS_IP: in network order */
	size_t n_bytes;
};

struct certs_names {
	struct certs_name items[CERTS_MAX_NAMES];
	size_t count;
};

/* Where the names of this container are: files and, if @interfaces, its addresses. */
struct certs_sources {
	const char *hostname_file; /* "/etc/hostname" */
	const char *hosts_file;	   /* "/etc/hosts": the full name beside ours */
	const char *node_name;	   /* uname(2) */
	bool interfaces;
};

/*
 * docker, localhost, our host names and addresses. What is no proper DNS name is left out; more
 * than CERTS_MAX_NAMES are cut.
 */
void certs_names_local(struct certs_names *names, const struct certs_sources *sources,
		       struct arena *arena);

/* As above, of the container that we are in. */
void certs_names_here(struct certs_names *names, struct arena *arena);

/*
 * Append a list in OpenSSL's syntax: DNS:x, IP:y, URI:z, email:m, parted by commas. An entry
 * without a kind is an address or a DNS name. Returns 0, or -EINVAL with the bad entry, or the
 * first that there is no room for, in @err.
 */
int certs_names_parse(struct certs_names *names, const char *list, struct arena *arena,
		      struct error *err);

bool certs_name_equal(const struct certs_name *a, const struct certs_name *b);

/* ---- the stamp (certs_stamp.c) ----
 * DIR/.dind-certs says under which circumstances dind-certs found the certificates in DIR good, and
 * until when that lasts. It knows files by inode, size and times: a ctime cannot be set, so that
 * nobody changes a file, its mode or its directory and leaves them as they were (inode(7)). Where
 * all is as it says, nothing is read, and libcrypto not even loaded.
 */

/* What the certificates are wanted for. */
struct certs_wish {
	const char *directory; /* absolute */
	const char *key;       /* "ec", "rsa", or NULL for any */
	const char *san;       /* as the user wrote it, or NULL */
	const struct certs_names *local;
};

/* The circumstances now. */
struct certs_state {
	const char *text;    /* in the arena */
	int64_t last_change; /* of a file, in seconds since the epoch */
};

/* 0, or a negative errno: -ENOENT where a file is missing that certificates of our own have. */
int certs_state_read(const struct certs_wish *wish, struct arena *arena, struct certs_state *ret);

/* How long they are good, in seconds since the epoch: @from is included, @until is not. */
struct certs_span {
	int64_t from, until;
	char ca_day[16]; /* YYYY-MM-DD, the last one of the CA */
};

/*
 * Write the stamp, or remove the one that is there where that fails: a volume may be read-only, and
 * then all are looked through at the next start as well. 0 or negative errno.
 */
int certs_stamp_write(const struct certs_wish *wish, const struct certs_state *state,
		      const struct certs_span *span, struct arena *arena);

/* Nothing has changed, and they are good at @now. *@ret_span is what the stamp says of that. */
bool certs_stamp_holds(const struct certs_wish *wish, int64_t now, struct arena *arena,
		       struct certs_span *ret_span);

/* The line that says so, of the certificates in @directory. In the arena. */
const char *certs_kept_text(const char *directory, const char *ca_day, struct arena *arena);

#endif
