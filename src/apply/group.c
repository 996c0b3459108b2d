/* SPDX-License-Identifier: Apache-2.0 */
/*
 * group.c - users as members of the group with a number. What stands in /etc/group is kept to the
 * byte; one entry is longer afterwards, or there is one more.
 */
#include "steps.h"

#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>

#include "dind/file.h"
#include "dind/str.h"

#define GROUP_FILE	"/etc/group"
#define GROUP_MAX_BYTES (4U << 20)

#define auto_arena __attribute__((cleanup(arena_free)))

struct edit {
	struct arena *arena;
	const struct plan_step *step;
	struct strings lines; /* of the new file */
	bool found;	      /* an entry has the number */
	bool name_taken;
	bool changed;
};

/* The third field of "name:password:number:members"; false for what is no such line. */
static bool parse_line(const char *line, int64_t *ret_gid, const char **ret_members)
{
	/* comments, and what is for other sources of groups: group(5), nsswitch.conf(5) */
	const char *number = strchr("#+-", *line) ? NULL : strchr(line, ':'), *end;
	char digits[16];
	uint64_t gid;
	size_t n;

	number = number ? strchr(number + 1, ':') : NULL;
	end = number ? strchr(number + 1, ':') : NULL;
	if (!end)
		return false;
	n = (size_t) (end - ++number);
	if (n == 0 || n >= sizeof(digits))
		return false;
	memcpy(digits, number, n);
	digits[n] = '\0';
	if (str_parse_u64(digits, &gid) < 0 || gid > UINT32_MAX)
		return false;
	*ret_gid = (int64_t) gid;
	*ret_members = end + 1;
	return true;
}

static const char *add_users(struct edit *edit, const char *line, const char *members)
{
	const char *const *user = edit->step->u.group.users;

	for (; *user; user++) {
		if (str_list_has(members, *user))
			continue;
		line = arena_printf(edit->arena, "%s%s%s", line, *members ? "," : "", *user);
		members = strrchr(line, ':') + 1;
		edit->changed = true;
	}
	return line;
}

static void take_line(struct edit *edit, const char *line)
{
	size_t n = strlen(edit->step->u.group.name);
	const char *members;
	int64_t gid;

	if (strncmp(line, edit->step->u.group.name, n) == 0 && line[n] == ':')
		edit->name_taken = true;
	/* of several with one number each has its members: the first will do */
	if (!edit->found && parse_line(line, &gid, &members) && gid == edit->step->u.group.gid) {
		edit->found = true;
		line = add_users(edit, line, members);
	}
	strings_add(edit->arena, &edit->lines, line);
}

static void take_text(struct edit *edit, char *text)
{
	while (*text) {
		size_t n = strcspn(text, "\n");
		bool more = text[n] == '\n';

		text[n] = '\0';
		take_line(edit, text);
		text += n + (more ? 1 : 0);
	}
}

static void add_entry(struct edit *edit)
{
	const char *name = edit->step->u.group.name, *line;
	long long gid = edit->step->u.group.gid;

	if (edit->name_taken)
		name = arena_printf(edit->arena, "%s-%lld", name, gid);
	line = arena_printf(edit->arena, "%s:x:%lld:", name, gid);
	strings_add(edit->arena, &edit->lines, add_users(edit, line, ""));
	edit->changed = true;
}

static int overwrite(int fd, const char *text)
{
	int r = lseek(fd, 0, SEEK_SET) < 0 ? -errno : file_write_all(fd, text, strlen(text));

	return r == 0 && ftruncate(fd, (off_t) strlen(text)) < 0 ? -errno : r;
}

/*
 * A file that is a mount of its own cannot be replaced. The new text is the longer one: where it
 * finds no room, there is still room for the old one.
 */
static int write_in_place(const char *text, const char *old)
{
	auto_close int fd = open(GROUP_FILE, O_WRONLY | O_CLOEXEC | O_NOCTTY);
	int r = fd < 0 ? -errno : overwrite(fd, text);

	if (r < 0 && fd >= 0)
		(void) overwrite(fd, old);
	return r;
}

int apply_group(const struct plan_step *step, struct error *err)
{
	auto_arena struct arena arena = ARENA_INIT;
	struct edit edit = { .arena = &arena, .step = step, .lines = STRINGS_INIT };
	struct stat st = { .st_mode = 0644 };
	const char *text, *before = "";
	char *old;
	int r = file_slurp_at(AT_FDCWD, GROUP_FILE, GROUP_MAX_BYTES, &arena, &old);

	if (r < 0 && r != -ENOENT)
		return error_set(err, r, "read " GROUP_FILE);
	if (r == 0) {
		/* what is cut off must not be written back */
		if (strlen(old) >= GROUP_MAX_BYTES - 1)
			return error_set(err, -EFBIG, GROUP_FILE);
		(void) stat(GROUP_FILE, &st);
		before = arena_strdup(&arena, old);
		take_text(&edit, old);
	}
	if (!edit.found)
		add_entry(&edit);
	if (!edit.changed)
		return 0;
	text = arena_printf(&arena, "%s\n", strings_join(&arena, &edit.lines, "\n"));
	r = file_replace(GROUP_FILE, text, st.st_mode & 07777);
	if (r == -EBUSY || r == -EXDEV)
		r = write_in_place(text, before);
	return r < 0 ? error_set(err, r, "write " GROUP_FILE) : 0;
}
