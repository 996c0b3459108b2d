/* SPDX-License-Identifier: Apache-2.0 */
/* Has anything changed since dind-certs found the certificates good? */
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "dind/certs.h"
#include "dind/file.h"
#include "dind/str.h"

#define STAMP	 "/.dind-certs"
#define VERSION	 "1" /* to be raised when dind-certs looks at more */
#define GOOD	 "good "
#define HEAD_MAX 80 /* bytes of that line */

/* The directories: whatever comes, goes or is renamed in one of them changes its time. */
static const char *const places[] = {
	"ca",
	"ca/cert.pem",
	"ca/key.pem",
	"server",
	"server/ca.pem",
	"server/cert.pem",
	"server/key.pem",
	"client",
	"client/ca.pem",
	"client/cert.pem",
	"client/key.pem",
};

static int add_place(struct strings *lines, const char *path, const char *name, struct arena *arena,
		     int64_t *last_change)
{
	struct stat st;

	if (stat(path, &st) < 0)
		return -errno;
	if (st.st_ctim.tv_sec > *last_change)
		*last_change = st.st_ctim.tv_sec;
	/* no device: a volume has another number each time */
	strings_add(arena, lines,
		    arena_printf(arena, "%s %o %ju %jd %jd.%09ld %jd.%09ld", name,
				 (unsigned int) st.st_mode, (uintmax_t) st.st_ino,
				 (intmax_t) st.st_size, (intmax_t) st.st_mtim.tv_sec,
				 st.st_mtim.tv_nsec, (intmax_t) st.st_ctim.tv_sec,
				 st.st_ctim.tv_nsec));
	return 0;
}

int certs_state_read(const struct certs_wish *wish, struct arena *arena, struct certs_state *ret)
{
	struct strings lines = STRINGS_INIT;
	int64_t last_change = 0;

	strings_add(arena, &lines, "dind-certs " VERSION);
	strings_add(arena, &lines, arena_printf(arena, "key %s", wish->key ? wish->key : "any"));
	strings_add(arena, &lines, arena_printf(arena, "san %s", wish->san ? wish->san : ""));
	for (size_t i = 0; i < wish->local->count; i++)
		strings_add(arena, &lines,
			    arena_printf(arena, "name %d %s", (int) wish->local->items[i].kind,
					 wish->local->items[i].text));
	for (size_t i = 0; i < ARRAY_SIZE(places); i++) {
		const char *path = arena_printf(arena, "%s/%s", wish->directory, places[i]);
		int r = add_place(&lines, path, places[i], arena, &last_change);

		if (r < 0)
			return r;
	}
	ret->text = strings_join(arena, &lines, "\n");
	ret->last_change = last_change;
	return 0;
}

int certs_stamp_write(const struct certs_wish *wish, const struct certs_state *state,
		      const struct certs_span *span, struct arena *arena)
{
	const char *path = arena_printf(arena, "%s" STAMP, wish->directory);
	const char *text = arena_printf(arena, GOOD "%" PRId64 " %" PRId64 " %s\n%s\n", span->from,
					span->until, span->ca_day, state->text);
	int r = file_replace(path, text, 0600);

	if (r < 0)
		(void) unlink(path);
	return r;
}

/* A number and the blank behind it. */
static bool take_number(const char **at, int64_t *ret)
{
	char *end;
	long long value;

	errno = 0;
	value = strtoll(*at, &end, 10);
	if (errno || end == *at || *end != ' ')
		return false;
	*ret = value;
	*at = end + 1;
	return true;
}

/* What is behind the first line, or NULL. */
static const char *read_span(const char *text, struct certs_span *ret)
{
	size_t n;

	if (!str_has_prefix(text, GOOD))
		return NULL;
	text += strlen(GOOD);
	if (!take_number(&text, &ret->from) || !take_number(&text, &ret->until))
		return NULL;
	n = strcspn(text, "\n");
	if (text[n] != '\n' || n >= sizeof(ret->ca_day))
		return NULL;
	memcpy(ret->ca_day, text, n);
	ret->ca_day[n] = '\0';
	return text + n + 1;
}

/* @text with its newline, and nothing behind it. */
static bool is_line_of(const char *rest, const char *text)
{
	size_t n = strlen(text);

	return strncmp(rest, text, n) == 0 && str_equal(rest + n, "\n");
}

bool certs_stamp_holds(const struct certs_wish *wish, int64_t now, struct arena *arena,
		       struct certs_span *ret_span)
{
	const char *path = arena_printf(arena, "%s" STAMP, wish->directory), *rest;
	struct certs_state state = { .text = NULL };
	char *text = NULL;
	struct stat st;

	/* a FIFO that somebody put there must not stop the start */
	if (lstat(path, &st) < 0 || !S_ISREG(st.st_mode) ||
	    certs_state_read(wish, arena, &state) < 0 ||
	    file_slurp_at(AT_FDCWD, path, strlen(state.text) + HEAD_MAX, arena, &text) < 0)
		return false;
	rest = read_span(text, ret_span);
	return rest && is_line_of(rest, state.text) && ret_span->from <= now &&
	       now < ret_span->until;
}

const char *certs_kept_text(const char *directory, const char *ca_day, struct arena *arena)
{
	return arena_printf(arena,
			    "the certificates in %s are good and stay; the CA lasts until %s",
			    directory, ca_day);
}
