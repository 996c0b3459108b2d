/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Where PID 1 says how it is, and `ready` reads it. An ordinary user may not write to /run: then a
 * directory of its own in /tmp, which nobody else can have made for it unnoticed.
 */
#include <fcntl.h>
#include <sys/stat.h>

#include "commands.h"
#include "dind/file.h"

static const char *private_directory(struct arena *arena, uid_t uid)
{
	return arena_printf(arena, "/tmp/dind-init-%u", uid);
}

/* No link, not anybody else's, and not for anybody else to write to. */
static bool is_of(const char *directory, uid_t uid)
{
	struct stat st;

	return lstat(directory, &st) == 0 && S_ISDIR(st.st_mode) && st.st_uid == uid &&
	       !(st.st_mode & 0022);
}

const char *state_file_make(struct arena *arena)
{
	const char *directory = DIND_RUN_DIR, *path = DIND_STATE_FILE;

	(void) file_make_directories(DIND_RUN_DIR, 0700); /* the next call tells when it failed */
	if (geteuid() != 0 && access(DIND_RUN_DIR, W_OK) < 0) {
		directory = private_directory(arena, geteuid());
		(void) mkdir(directory, 0755); /* likewise */
		path = arena_printf(arena, "%s/state.json", directory);
		if (!is_of(directory, geteuid()))
			return DIND_STATE_FILE;
	}
	/* a container that is started again has the file of its last time */
	(void) unlink(path);
	return path;
}

const char *state_file_find(struct arena *arena)
{
	const char *directory;
	struct stat st;

	/* PID 1's user; where PID 1 is somebody else (a pod's), the one that asks */
	if (stat("/proc/1", &st) < 0 || st.st_uid == 0)
		st.st_uid = geteuid();
	directory = private_directory(arena, st.st_uid);
	if (access(DIND_STATE_FILE, F_OK) == 0 || st.st_uid == 0)
		return DIND_STATE_FILE;
	/* in one that is somebody else's nothing is believed */
	if (is_of(directory, st.st_uid) || access(directory, F_OK) < 0)
		return arena_printf(arena, "%s/state.json", directory);
	return DIND_STATE_FILE;
}
