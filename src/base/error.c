/* SPDX-License-Identifier: Apache-2.0 */
#include "dind/error.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

static int error_fill(struct error *err, int code, bool with_errno, const char *fmt, va_list ap)
	DIND_PRINTF(4, 0);

static int error_fill(struct error *err, int code, bool with_errno, const char *fmt, va_list ap)
{
	char message[ERROR_MESSAGE_MAX]; /* an argument may point into err->message */
	int n = vsnprintf(message, sizeof(message), fmt, ap);

	if (n < 0)
		n = 0;
	if ((size_t) n >= sizeof(message))
		n = (int) sizeof(message) - 1;
	message[n] = '\0';
	if (with_errno && code != 0) {
		char text[64];

		(void) snprintf(message + n, sizeof(message) - (size_t) n, ": %s",
				strerror_r(abs(code), text, sizeof(text)));
	}
	memcpy(err->message, message, sizeof(message));
	err->code = code;
	return code;
}

int error_set(struct error *err, int code, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	(void) error_fill(err, code, true, fmt, ap);
	va_end(ap);
	return code;
}

int error_set_plain(struct error *err, int code, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	(void) error_fill(err, code, false, fmt, ap);
	va_end(ap);
	return code;
}

int error_wrap(struct error *err, const char *fmt, ...)
{
	char context[ERROR_MESSAGE_MAX];
	char old[ERROR_MESSAGE_MAX];
	va_list ap;

	va_start(ap, fmt);
	(void) vsnprintf(context, sizeof(context), fmt, ap);
	va_end(ap);
	memcpy(old, err->message, sizeof(old));
	return error_set_plain(err, err->code, "%s: %s", context, old);
}
