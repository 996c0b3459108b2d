/* SPDX-License-Identifier: Apache-2.0 */
/*
 * world.h - reading through a struct inspect_world. Private to inspect.
 *
 * One set of functions for both kinds of world, so that a fixture runs the code that the live
 * machine runs. Paths are absolute.
 */
#ifndef DIND_INSPECT_WORLD_H
#define DIND_INSPECT_WORLD_H

#include <limits.h>
#include <stdio.h>
#include <sys/stat.h>

#include "dind/inspect.h"

/* Files of /proc and /sys that matter here are smaller; mountinfo may be large. */
#define WORLD_SMALL_FILE 65536
#define WORLD_LARGE_FILE 16777216

bool world_is_live(const struct inspect_world *world);

/* Open for reading. O_CLOEXEC, O_NOCTTY and O_NONBLOCK (a FIFO must not hold us up) are added to
 * @flags. Returns a descriptor or a negative errno. */
int world_open(const struct inspect_world *world, const char *path, int flags);

/* The same as a stream for the parsers of other libraries. The caller closes it. */
int world_open_stream(const struct inspect_world *world, const char *path, FILE **ret_stream);

/* Whole text of at most @max bytes. 0 or negative errno. */
int world_read(const struct inspect_world *world, const char *path, size_t max, struct arena *arena,
	       char **ret_text);

/* The first line without its end and without trailing blanks; NULL when it cannot be read. */
char *world_read_line(const struct inspect_world *world, const char *path, struct arena *arena);

/* The line behind the one that @line is in, or NULL. */
const char *world_next_line(const char *line);

/* A decimal number that is the only content. 0 or negative errno. */
int world_read_int64(const struct inspect_world *world, const char *path, int64_t *ret_value);

/* stat(2), symbolic links followed, automounts not triggered. 0 or negative errno. */
int world_stat(const struct inspect_world *world, const char *path, struct stat *ret);

/* Does a file of type @type (S_IFDIR, S_IFREG, …; 0: any) exist? ENOENT and ENOTDIR are a no. */
enum tri world_exists(const struct inspect_world *world, const char *path, mode_t type);

/* Does the directory have an entry beside "." and ".."? */
bool world_has_entries(const struct inspect_world *world, const char *path);

/* Is the namespace @name ("pid", "cgroup") of ours the initial one, known by its fixed number? */
enum tri world_in_initial_namespace(const struct inspect_world *world, const char *name,
				    unsigned long initial);

/* Absolute path of an executable file @name in the colon separated list @directories, or NULL. */
char *world_find_program(const struct inspect_world *world, const char *directories,
			 const char *name, struct arena *arena);

#define WORLD_DEFAULT_PATH "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"

/* PATH of the environment we were given, or the default above. */
const char *world_search_path(const struct options *options);

/*
 * Where a path leads, found component by component, so that a file system that could hang is seen
 * before it is touched.
 */
struct world_walk {
	char path[PATH_MAX];	/* canonical as far as it exists, the rest as it was given */
	char nearest[PATH_MAX]; /* the deepest directory that exists */
	enum tri exists;	/* of the whole, as a directory; unknown after an error */
	bool stopped;		/* @may_touch said no to `nearest` */
	int error;		/* positive errno of what could not be looked at, else 0 */
};

/* @may_touch is asked for every prefix before it is looked at; NULL: all may be. A relative @path
 * is taken from the root directory, where PID 1 works. */
void world_walk(const struct inspect_world *world, const char *path,
		bool (*may_touch)(const char *prefix, const void *context), const void *context,
		struct world_walk *ret_walk);

#endif
