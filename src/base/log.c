/* SPDX-License-Identifier: Apache-2.0 */
#include "dind/log.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#define LOG_LINE_MAX 4096

static enum log_level log_threshold = LOG_LEVEL_INFO;
static enum log_format log_layout = LOG_FORMAT_TEXT;

static const char *const level_names[] = {
	[LOG_LEVEL_ERROR] = "error", [LOG_LEVEL_WARNING] = "warning", [LOG_LEVEL_NOTICE] = "notice",
	[LOG_LEVEL_INFO] = "info",   [LOG_LEVEL_DEBUG] = "debug",
};

void log_configure(enum log_level level, enum log_format format)
{
	log_threshold = level;
	log_layout = format;
}

bool log_enabled(enum log_level level)
{
	return level <= log_threshold;
}

/* Append @s as the inside of a JSON string. Stops while there is still room for the end of the
 * line. */
static size_t append_json(char *line, size_t used, size_t size, const char *s)
{
	for (; *s && used + 16 < size; s++) {
		unsigned char c = (unsigned char) *s;

		if (c == '"' || c == '\\') {
			line[used++] = '\\';
			line[used++] = (char) c;
		} else if (c < 0x20 || c == 0x7f) {
			used += (size_t) snprintf(line + used, size - used, "\\u%04x", c);
		} else {
			line[used++] = (char) c;
		}
	}
	return used;
}

static size_t format_json(char *line, size_t size, enum log_level level, const char *code,
			  const char *message)
{
	struct timespec now = { 0, 0 };
	struct tm utc = { 0 };
	char stamp[32] = "";
	size_t used;

	(void) clock_gettime(CLOCK_REALTIME, &now);
	if (gmtime_r(&now.tv_sec, &utc))
		(void) strftime(stamp, sizeof(stamp), "%Y-%m-%dT%H:%M:%S", &utc);
	used = (size_t) snprintf(line, size, "{\"time\":\"%s.%03ldZ\",\"level\":\"%s\",", stamp,
				 now.tv_nsec / 1000000, level_names[level]);
	if (code) {
		used += (size_t) snprintf(line + used, size - used, "\"code\":\"");
		used = append_json(line, used, size, code);
		used += (size_t) snprintf(line + used, size - used, "\",");
	}
	used += (size_t) snprintf(line + used, size - used, "\"message\":\"");
	used = append_json(line, used, size, message);
	line[used++] = '"';
	line[used++] = '}';
	return used;
}

static size_t format_text(char *line, size_t size, enum log_level level, const char *code,
			  const char *message)
{
	int n = snprintf(line, size - 1, "dind-init: %s: %s%s%s", level_names[level],
			 code ? code : "", code ? ": " : "", message);
	size_t used = n < 0 ? 0 : (size_t) n;

	if (used > size - 2)
		used = size - 2;
	for (size_t i = 0; i < used; i++) {
		unsigned char c = (unsigned char) line[i];

		if (c < 0x20 || c == 0x7f)
			line[i] = '?';
	}
	return used;
}

void log_line(enum log_level level, const char *code, const char *fmt, ...)
{
	int saved = errno;
	char message[LOG_LINE_MAX / 2];
	char line[LOG_LINE_MAX];
	size_t used;
	va_list ap;

	if (!log_enabled(level))
		return;
	va_start(ap, fmt);
	if (vsnprintf(message, sizeof(message), fmt, ap) < 0)
		message[0] = '\0';
	va_end(ap);
	used = log_layout == LOG_FORMAT_JSON
		       ? format_json(line, sizeof(line), level, code, message)
		       : format_text(line, sizeof(line), level, code, message);
	line[used++] = '\n';
	/* One attempt: PID 1 must not hang or spin on a reader that went away. */
	if (write(STDERR_FILENO, line, used) < 0)
		errno = saved;
	errno = saved;
}
