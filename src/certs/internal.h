/* SPDX-License-Identifier: Apache-2.0 */
/* internal.h - what the files of dind-certs share about libcrypto's objects. */
#ifndef DIND_CERTS_INTERNAL_H
#define DIND_CERTS_INTERNAL_H

#include <limits.h>
#include <openssl/evp.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>

#include "certs.h"

void certs_free_key(EVP_PKEY **key);
void certs_free_x509(X509 **cert);
void certs_free_stack(STACK_OF(X509) * *stack);

#define auto_key   __attribute__((cleanup(certs_free_key))) EVP_PKEY *
#define auto_x509  __attribute__((cleanup(certs_free_x509))) X509 *
#define auto_stack __attribute__((cleanup(certs_free_stack))) STACK_OF(X509) *

#define CERTS_MAX_AHEAD 3 /* CA, server, client */

/* One run. */
struct certs_run {
	const struct certs_options *options;
	struct certs_outcome *outcome;
	struct error *err;
	EVP_PKEY *ahead[CERTS_MAX_AHEAD]; /* keys that nobody has yet */
	size_t n_ahead;
	struct arena arena;
	struct certs_state state; /* of the files when we looked at them; no text: unknown */
	struct certs_span span;
};

/* Note why this run fails. Returns a negative errno; certs_fail_errno() appends the text of @code.
 */
int certs_fail(struct certs_run *run, enum certs_failure failure, const char *fmt, ...)
	DIND_PRINTF(3, 4);
int certs_fail_errno(struct certs_run *run, int code, const char *fmt, ...) DIND_PRINTF(3, 4);
/* Fill one of the outcome's lines; what does not fit is cut. */
void certs_say(char line[CERTS_LINE_MAX], const char *fmt, ...) DIND_PRINTF(2, 3);
/* libcrypto itself refused to do something. */
int certs_fail_crypto(struct certs_run *run, const char *what);

/* ---- ahead.c: before anything may be written ---- */

/* Make the keys that will be missing, and what libcrypto sets up at its first certificate. */
void certs_make_ahead(struct certs_run *run);
/* One of those, else a new one. The caller's; NULL: libcrypto refused. */
EVP_PKEY *certs_take_key(struct certs_run *run);
void certs_drop_ahead(struct certs_run *run);
/* Wait for options->go, when held. 0, or noted like any failure. */
int certs_wait_for_go(struct certs_run *run);

/* ---- store.c: files ---- */

struct certs_path {
	char text[PATH_MAX];
};

/* DIR/@role/@name. */
const char *certs_path(const struct certs_run *run, const char *role, const char *name,
		       struct certs_path *path);

/* A regular file that is not empty: what docker:dind goes by. */
bool certs_is_there(const char *path);

/*
 * 0 and the object; -ENOENT for no file or an empty one; -EBADMSG for one without such an object,
 * or encrypted; else the errno of reading it. Nothing is noted.
 */
int certs_read_key(const char *path, EVP_PKEY **ret_key);
int certs_read_all(const char *path, STACK_OF(X509) * *ret_stack);
int certs_read_x509(const char *path, X509 **ret_cert); /* the first one */

/*
 * The key in @path is that of @cert. An EC key as we write it has the public one at its end, which
 * is compared as it is: OpenSSL 3 takes a millisecond to set up the decoders of one private key.
 */
bool certs_key_matches(const char *path, X509 *cert);
/* Two files are there and the same, byte by byte. */
bool certs_same_content(const char *path, const char *other);

/* What belongs together in one directory. */
struct certs_set {
	const char *role; /* "ca", "server", "client" */
	EVP_PKEY *key;	  /* NULL: the one that is there stays */
	X509 *cert;
	X509 *ca; /* NULL: none beside it */
	unsigned int key_mode;
};

/*
 * Put a set in place. All files are made aside first, and there is no moment at which a key is
 * beside a certificate that is not its own: before another key comes, the old certificate goes.
 */
int certs_write(struct certs_run *run, const struct certs_set *set);

/* Remove what a run that was killed has left aside: there may be a key among it. */
void certs_sweep(struct certs_run *run, const char *role);
/* There is nothing to be removed. */
bool certs_is_swept(const struct certs_run *run, const char *role);

/* ---- extras.c ---- */

/* csr.pem and openssl.cnf beside a new certificate of @role (@names NULL: a client's), ca/cert.srl.
 */
int certs_write_extras(struct certs_run *run, const char *role, EVP_PKEY *key, X509 *cert,
		       const struct certs_names *names);

/* ---- make.c ---- */

EVP_PKEY *certs_new_key(enum certs_key kind);

/* A certificate for @key by @ca and @ca_key; with @ca NULL a CA signed by @key itself. */
X509 *certs_new_ca(EVP_PKEY *key, int64_t now);
X509 *certs_new_server(EVP_PKEY *key, X509 *ca, EVP_PKEY *ca_key, const struct certs_names *names,
		       int64_t now);
X509 *certs_new_client(EVP_PKEY *key, X509 *ca, EVP_PKEY *ca_key, int64_t now);

/* ---- check.c ---- */

/* Good from @now on for CERTS_KEEP_DAYS. */
bool certs_is_lasting(const X509 *cert, int64_t now);
/* Before then it is, in seconds since the epoch; 0: that cannot be told. */
int64_t certs_lasting_until(const X509 *cert);
/* Of the kind that was asked for, and not too short. */
bool certs_key_is_fit(const EVP_PKEY *key, enum certs_key wanted);
bool certs_is_signed_by(X509 *cert, X509 *ca);
/* The first of @wanted that the certificate lacks, NULL: it has them all. */
const struct certs_name *certs_missing_name(X509 *cert, const struct certs_names *wanted);
/* YYYY-MM-DD of the last day. */
const char *certs_last_day(const X509 *cert, char *buf, size_t size);

/* What the user put there. */
int certs_check_users(struct certs_run *run);

#endif
