/* SPDX-License-Identifier: Apache-2.0 */
/* write.c - a small file that the plan has made up. */
#include "steps.h"

#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>

#include "dind/file.h"

#define auto_arena __attribute__((cleanup(arena_free)))

/* Content and mode; what is no regular file, or a link to one, is none. */
static bool is_current(const char *path, const char *content, unsigned int mode)
{
	auto_arena struct arena arena = ARENA_INIT;
	size_t size = strlen(content);
	struct stat st;
	char *text;

	return lstat(path, &st) == 0 && S_ISREG(st.st_mode) && (st.st_mode & 07777) == mode &&
	       (size_t) st.st_size == size &&
	       file_slurp_at(AT_FDCWD, path, size + 1, &arena, &text) == 0 &&
	       strcmp(text, content) == 0;
}

int apply_file(const struct plan_step *step, struct error *err)
{
	const char *path = step->u.file.path, *content = step->u.file.content;
	int r;

	if (is_current(path, content, step->u.file.mode))
		return 0;
	r = file_replace(path, content, step->u.file.mode);
	return r < 0 ? error_set(err, r, "write %s", path) : 0;
}
