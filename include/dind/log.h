/* SPDX-License-Identifier: Apache-2.0 */
/*
 * log.h - our own lines, to stderr only.
 *
 * Only the command line front end, apply's callers and supervise log; inspect and plan record
 * instead. Every line is built in one buffer on the stack and leaves in one write(2), so that it
 * does not interleave with the engine's, and nothing is allocated (PID 1 logs while memory is
 * short).
 */
#ifndef DIND_LOG_H
#define DIND_LOG_H

#include "dind/base.h"

enum log_level {
	LOG_LEVEL_ERROR = 0,
	LOG_LEVEL_WARNING,
	LOG_LEVEL_NOTICE,
	LOG_LEVEL_INFO,
	LOG_LEVEL_DEBUG,
};

enum log_format {
	LOG_FORMAT_TEXT = 0, /* dind-init: LEVEL: [CODE: ]MESSAGE */
	LOG_FORMAT_JSON,     /* {"time":"...","level":"...","code":"...","message":"..."} */
};

/* Set what is printed and how. The only globals of the program. */
void log_configure(enum log_level level, enum log_format format);

bool log_enabled(enum log_level level);

/*
 * Print one line. @code is a stable code such as "DIND-STORAGE-03" or NULL. Control characters in
 * the message are replaced, so that a path cannot forge a line. Keeps errno.
 */
void log_line(enum log_level level, const char *code, const char *fmt, ...) DIND_PRINTF(3, 4);

#define log_error(...)	 log_line(LOG_LEVEL_ERROR, NULL, __VA_ARGS__)
#define log_warning(...) log_line(LOG_LEVEL_WARNING, NULL, __VA_ARGS__)
#define log_notice(...)	 log_line(LOG_LEVEL_NOTICE, NULL, __VA_ARGS__)
#define log_info(...)	 log_line(LOG_LEVEL_INFO, NULL, __VA_ARGS__)
#define log_debug(...)	 log_line(LOG_LEVEL_DEBUG, NULL, __VA_ARGS__)

#endif
