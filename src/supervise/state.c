/* SPDX-License-Identifier: Apache-2.0 */
#include <fcntl.h>
#include <string.h>

#include "dind/file.h"
#include "internal.h"

#define STATE_TEXT_MAX 2048

/* "key":"value", with what JSON does not allow replaced; NULL is left out. */
static size_t append_text(char *buf, size_t used, const char *key, const char *value)
{
	size_t n;

	if (!value || used + strlen(key) + 8 > STATE_TEXT_MAX)
		return used;
	n = (size_t) snprintf(buf + used, STATE_TEXT_MAX - used, "\"%s\":\"", key);
	used += n;
	for (; *value && used + 4 < STATE_TEXT_MAX; value++) {
		unsigned char c = (unsigned char) *value;

		buf[used++] = c < 0x20 || c == '"' || c == '\\' || c == 0x7f ? '\'' : (char) c;
	}
	buf[used++] = '"';
	buf[used++] = ',';
	return used;
}

void state_write_file(const char *path, const char *text)
{
	(void) file_replace(path, text, 0644);
}

void state_write(const char *path, const struct state_report *report)
{
	char text[STATE_TEXT_MAX + 256];
	size_t used = 1;

	text[0] = '{';
	used = append_text(text, used, "state", report->state);
	used = append_text(text, used, "socket", report->socket_url);
	used = append_text(text, used, "summary", report->summary);
	used = append_text(text, used, "reason", report->reason);
	(void) snprintf(text + used, sizeof(text) - used,
			"\"pid\":%d,\"engine_pid\":%d,\"since_ms\":%lld,\"ready_after_ms\":%lld}\n",
			(int) getpid(), (int) report->engine_pid, (long long) clock_now_ms(),
			(long long) report->ready_after_ms);
	state_write_file(path, text);
}
