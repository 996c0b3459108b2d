/* SPDX-License-Identifier: Apache-2.0 */
/*
 * error.h - the error that functions fill beside their negative errno.
 *
 * Convention: a function that can fail returns 0 or a negative errno and takes a
 * struct error, owned by the caller, as its last argument. On success it is left alone; it is
 * never NULL. No allocation takes place, so errors can be reported when memory is gone.
 */
#ifndef DIND_ERROR_H
#define DIND_ERROR_H

#include "dind/base.h"

#define ERROR_MESSAGE_MAX 480

struct error {
	int code;			 /* negative errno, 0: nothing happened */
	char message[ERROR_MESSAGE_MAX]; /* what was tried, then ": " and the errno's text */
};

#define ERROR_INIT    \
	{             \
		0, "" \
	}

/*
 * Record what failed. @code is a negative errno; its text is appended after ": ". Long messages are
 * cut. Returns @code, so that callers can write `return error_set(err, -errno, ...)`.
 */
int error_set(struct error *err, int code, const char *fmt, ...) DIND_PRINTF(3, 4);

/* As error_set(), for failures that have no errno worth showing: nothing is appended. */
int error_set_plain(struct error *err, int code, const char *fmt, ...) DIND_PRINTF(3, 4);

/* Put context in front of an error that is already set: "@fmt: old message". Returns err->code. */
int error_wrap(struct error *err, const char *fmt, ...) DIND_PRINTF(2, 3);

#endif
