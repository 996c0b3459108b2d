/* SPDX-License-Identifier: Apache-2.0 */
/* Was it the memory limit? Two small reads, of the group that the container sees as its root. */
#include <fcntl.h>
#include <string.h>

#include "dind/file.h"
#include "dind/str.h"
#include "internal.h"

#define V2_EVENTS "/sys/fs/cgroup/memory.events"
#define V2_LIMIT  "/sys/fs/cgroup/memory.max"
#define V1_EVENTS "/sys/fs/cgroup/memory/memory.oom_control"
#define V1_LIMIT  "/sys/fs/cgroup/memory/memory.limit_in_bytes"
/* What v1 says for "no limit": the largest multiple of the page size below 2^63. */
#define V1_UNLIMITED (1ULL << 62)

static int64_t read_number(const char *path, const char *key)
{
	char text[1024], *at = text;
	uint64_t value;

	if (file_read_at(AT_FDCWD, path, text, sizeof(text)) <= 0)
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

int64_t oom_kills(void)
{
	int64_t kills = read_number(V2_EVENTS, "oom_kill");

	return kills >= 0 ? kills : read_number(V1_EVENTS, "oom_kill");
}

const char *oom_describe(int64_t before, char *buf, size_t size)
{
	int64_t limit = read_number(V2_LIMIT, NULL);
	char text[32];

	buf[0] = '\0';
	if (before < 0 || oom_kills() <= before)
		return buf;
	if (limit < 0)
		limit = read_number(V1_LIMIT, NULL);
	if (limit >= 0 && (uint64_t) limit < V1_UNLIMITED)
		(void) snprintf(buf, size, " (out of memory, the limit is %s)",
				str_format_size((uint64_t) limit, text, sizeof(text)));
	else
		(void) snprintf(buf, size, " (out of memory)");
	return buf;
}
