/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Whose limit it was. On v2 "oom" is counted in the group whose limit was reached, and above it,
 * and "oom_kill" in the group of who was killed, and above it; memory.events.local has a group's
 * own. On v1 "oom_kill" is counted in the victim's group alone, so what an inner container loses to
 * our limit does not show; but an eventfd is told of every kill for the limit of its group or one
 * above it.
 */
#include "oom.h"

#include <fcntl.h>
#include <limits.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "dind/file.h"
#include "dind/str.h"
#include "internal.h"

/* What v1 says for "no limit": the largest multiple of the page size below 2^63. */
#define V1_UNLIMITED (1ULL << 62)

/* What is refused may be more than one page. */
#define NEARLY (1 << 20)

/* From the kill of an inner container's process to the end of the docker run that waits for it. */
#define RECENT_MS 30000

/* The counters of v2 tell of every time that the limit was reached, be it a thousand times a
 * second. */
#define QUIET_MS 1000

/* ---- numbers ---- */

/* Of a text with one number, or with lines "KEY NUMBER". Writes into @text. */
static int64_t find_number(char *text, const char *key)
{
	uint64_t value;
	char *at = text;

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

static bool path_of(const struct oom *oom, const char *file, char *path)
{
	return oom->group && snprintf(path, PATH_MAX, "%s/%s", oom->group, file) < PATH_MAX;
}

static int64_t read_number(const struct oom *oom, const char *file, const char *key)
{
	char path[PATH_MAX], text[1024];

	if (!path_of(oom, file, path) || file_read_at(AT_FDCWD, path, text, sizeof(text)) <= 0)
		return -1;
	return find_number(text, key);
}

static bool rose(int64_t before, int64_t now)
{
	return before >= 0 && now > before;
}

static bool is_recent(int64_t at, int64_t now)
{
	return at >= 0 && now - at <= RECENT_MS;
}

/* ---- v2 ---- */

/* To read it is also what makes it quiet for poll(2). */
static int64_t read_hits(struct oom *oom)
{
	char text[1024];
	ssize_t n = pread(oom->fd, text, sizeof(text) - 1, 0);

	if (n < 0) {
		fd_close(&oom->fd);
		return -1;
	}
	text[n] = '\0';
	return find_number(text, "oom");
}

static struct oom_counts count_v2(struct oom *oom)
{
	return (struct oom_counts){
		.hits = read_hits(oom),
		.below = read_number(oom, "memory.events", "oom"),
		.kills = read_number(oom, "memory.events", "oom_kill"),
	};
}

static enum oom_cause judge_v2(struct oom *oom, const struct oom_counts *now, bool *ret_explained)
{
	bool ours = rose(oom->seen.hits, now->hits);

	*ret_explained = ours || rose(oom->seen.below, now->below);
	if (ours)
		return OOM_OURS;
	return rose(oom->seen.kills, now->kills) ? OOM_ABOVE : OOM_NONE;
}

/* ---- v1 ---- */

/*
 * Has usage ever come as far as the limit? Page cache alone brings it there in time, so it proves
 * nothing; but without it the limit was not ours. The numbers of failures do not serve: from Linux
 * 6.15 on that of the sum with swap stays 0.
 */
static bool is_reached(const struct oom *oom, const char *limit_file, const char *most_file)
{
	int64_t limit = read_number(oom, limit_file, NULL);
	int64_t most = read_number(oom, most_file, NULL);

	return limit >= 0 && (uint64_t) limit < V1_UNLIMITED && most >= limit - NEARLY;
}

static struct oom_counts count_v1(const struct oom *oom)
{
	return (struct oom_counts){
		.hits = -1,
		.below = -1,
		.kills = read_number(oom, "memory.oom_control", "oom_kill"),
	};
}

static enum oom_cause judge_v1(struct oom *oom, const struct oom_counts *now, bool *ret_explained)
{
	bool killed = rose(oom->seen.kills, now->kills), told = killed;
	uint64_t events;

	if (oom->fd >= 0)
		told = read(oom->fd, &events, sizeof(events)) == sizeof(events);
	/* with swap accounting it may be the sum that is refused */
	*ret_explained =
		told &&
		(is_reached(oom, "memory.limit_in_bytes", "memory.max_usage_in_bytes") ||
		 is_reached(oom, "memory.memsw.limit_in_bytes", "memory.memsw.max_usage_in_bytes"));
	if (*ret_explained)
		return OOM_OURS;
	/* that a limit above ours was reached does not say that one of us was killed for it */
	return killed ? OOM_ABOVE : OOM_NONE;
}

static int ask_for_events(const struct oom *oom, int event)
{
	auto_close int control = -EBADF;
	char path[PATH_MAX], text[64];

	if (!path_of(oom, "memory.oom_control", path))
		return -ENOENT;
	control = open(path, O_RDONLY | O_CLOEXEC);
	if (control < 0 || !path_of(oom, "cgroup.event_control", path))
		return -ENOENT;
	(void) snprintf(text, sizeof(text), "%d %d", event, control);
	return file_write_at(AT_FDCWD, path, text);
}

/* Where that may not be, a limit of ours that kills an inner container goes unnamed. */
static void open_events(struct oom *oom)
{
	oom->fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (oom->fd >= 0 && ask_for_events(oom, oom->fd) < 0)
		fd_close(&oom->fd);
}

/* ---- looking ---- */

void oom_open(struct oom *oom, const char *group)
{
	char path[PATH_MAX];

	*oom = (struct oom) OOM_INIT;
	oom->group = group;
	/* KERNEL<5.2: what is called memory.events is the group's own */
	if (path_of(oom, "memory.events.local", path))
		oom->fd = open(path, O_RDONLY | O_CLOEXEC);
	if (oom->fd < 0 && path_of(oom, "memory.events", path))
		oom->fd = open(path, O_RDONLY | O_CLOEXEC);
	oom->is_v2 = oom->fd >= 0;
	if (!oom->is_v2)
		open_events(oom);
	oom->seen = oom->is_v2 ? count_v2(oom) : count_v1(oom);
}

void oom_close(struct oom *oom)
{
	fd_close(&oom->fd);
}

void oom_look(struct oom *oom, int64_t now)
{
	struct oom_counts counts;
	enum oom_cause cause;
	bool explained;

	if (!oom->group)
		return;
	counts = oom->is_v2 ? count_v2(oom) : count_v1(oom);
	cause = oom->is_v2 ? judge_v2(oom, &counts, &explained)
			   : judge_v1(oom, &counts, &explained);
	oom->seen = counts;
	if (explained)
		oom->explained_at = now;
	/* the limit is counted before the kill, and a look may come between the two */
	if (cause == OOM_ABOVE && is_recent(oom->explained_at, now))
		cause = OOM_NONE;
	if (cause == OOM_NONE)
		return;
	oom->cause = cause;
	oom->taken = false;
	oom->at = now;
}

struct pollfd oom_poll(const struct oom *oom)
{
	return (struct pollfd){ .fd = oom->quiet_until >= 0 ? -1 : oom->fd,
				.events = oom->is_v2 ? POLLPRI : POLLIN };
}

void oom_take_event(struct oom *oom, int64_t now)
{
	oom_look(oom, now);
	oom->quiet_until = now + QUIET_MS;
}

int64_t oom_due(const struct oom *oom)
{
	return oom->quiet_until;
}

void oom_check(struct oom *oom, int64_t now)
{
	if (oom->quiet_until < 0 || now < oom->quiet_until)
		return;
	oom->quiet_until = -1;
	oom_look(oom, now);
}

/* ---- saying ---- */

static const char *describe(const struct oom *oom, char *buf, size_t size)
{
	int64_t limit = read_number(oom, oom->is_v2 ? "memory.max" : "memory.limit_in_bytes", NULL);
	char text[32];

	if (oom->cause == OOM_ABOVE)
		(void) snprintf(
			buf, size,
			" (out of memory, by a limit above this container's or the machine's)");
	else if (limit >= 0 && (uint64_t) limit < V1_UNLIMITED)
		(void) snprintf(buf, size, " (out of memory, the limit is %s)",
				str_format_size((uint64_t) limit, text, sizeof(text)));
	else
		(void) snprintf(buf, size, " (out of memory)");
	return buf;
}

const char *oom_blame(struct oom *oom, int64_t now, char *buf, size_t size)
{
	buf[0] = '\0';
	oom_look(oom, now);
	if (oom->cause == OOM_NONE || oom->taken || !is_recent(oom->at, now))
		return buf;
	oom->taken = true;
	return describe(oom, buf, size);
}

const char *oom_last(struct oom *oom, int64_t now, int64_t *ret_ago, char *buf, size_t size)
{
	buf[0] = '\0';
	oom_look(oom, now);
	if (oom->cause == OOM_NONE)
		return buf;
	*ret_ago = now - oom->at;
	return describe(oom, buf, size);
}
