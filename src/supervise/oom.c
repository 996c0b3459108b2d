/* SPDX-License-Identifier: Apache-2.0 */
/* Was it the memory limit? Two small reads, of the container's own group. */
#include <fcntl.h>
#include <limits.h>
#include <string.h>

#include "dind/file.h"
#include "dind/str.h"
#include "internal.h"

/* What v1 says for "no limit": the largest multiple of the page size below 2^63. */
#define V1_UNLIMITED (1ULL << 62)

static int64_t read_number(const char *group, const char *file, const char *key)
{
	char path[PATH_MAX], text[1024], *at = text;
	uint64_t value;

	if (!group || snprintf(path, sizeof(path), "%s/%s", group, file) >= (int) sizeof(path) ||
	    file_read_at(AT_FDCWD, path, text, sizeof(text)) <= 0)
		return -1;
	while (key && !(str_has_prefix(at, key) && at[strlen(key)] == ' ')) {
		at += strcspn(at, "\n");
		if (!*at)
			return -1;
		at++;
	}
	at += key ? strlen(key) + 1 : 0;
	at[strcspn(at, "\n")] = '\0';
	return str_parse_u64(at, &value) == 0 && value <= INT64_MAX ? (int64_t) value : -1;
}

int64_t oom_kills(const char *group)
{
	int64_t kills = read_number(group, "memory.events", "oom_kill");

	return kills >= 0 ? kills : read_number(group, "memory.oom_control", "oom_kill");
}

const char *oom_describe(const char *group, int64_t before, char *buf, size_t size)
{
	int64_t limit = read_number(group, "memory.max", NULL);
	char text[32];

	buf[0] = '\0';
	if (before < 0 || oom_kills(group) <= before)
		return buf;
	if (limit < 0)
		limit = read_number(group, "memory.limit_in_bytes", NULL);
	if (limit >= 0 && (uint64_t) limit < V1_UNLIMITED)
		(void) snprintf(buf, size, " (out of memory, the limit is %s)",
				str_format_size((uint64_t) limit, text, sizeof(text)));
	else
		(void) snprintf(buf, size, " (out of memory)");
	return buf;
}
