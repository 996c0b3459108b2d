/* SPDX-License-Identifier: Apache-2.0 */
/*
 * certs.h - how dind-certs says what is wrong, and what that means to the start. Its exit status
 * becomes the errno of the step that failed, which the next plan turns into the refusal: so one
 * table has code, remedy and our own exit status for all three.
 */
#ifndef DIND_CERTS_H
#define DIND_CERTS_H

#include "dind/base.h"

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

#endif
