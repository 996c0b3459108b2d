/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A captured or written machine as a struct inspect_world: fixtures/inspect/NAME/root is its root
 * directory, the file `answers` beside it stands in for system calls, one a line:
 *   statfs PATH MAGIC(hex) BLOCKS BLOCKSIZE AVAILABLE
 *   open PATH ERRNO               what opening the device or cgroup file gives, 0: it works
 * A path without a line: statfs is unknown (ENOSYS), open gives ENOENT.
 */
#ifndef DIND_TEST_INSPECT_WORLD_H
#define DIND_TEST_INSPECT_WORLD_H

#include <check.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>

#include "dind/inspect.h"

#define FIXTURE_ANSWERS 64

struct fixture_answer {
	char call[8];
	char path[256];
	struct statfs fs;
	int error;
};

struct fixture {
	struct inspect_world world;
	struct fixture_answer answers[FIXTURE_ANSWERS];
	size_t n_answers;
	struct arena arena;
	struct options options;
	struct facts facts;
	struct error err;
};

static inline const struct fixture_answer *fixture_find(const struct inspect_world *world,
							const char *call, const char *path)
{
	const struct fixture *fixture = world->context;

	for (size_t i = 0; i < fixture->n_answers; i++)
		if (strcmp(fixture->answers[i].call, call) == 0 &&
		    strcmp(fixture->answers[i].path, path) == 0)
			return &fixture->answers[i];
	return NULL;
}

static inline int fixture_statfs(const struct inspect_world *world, const char *path,
				 struct statfs *ret)
{
	const struct fixture_answer *answer = fixture_find(world, "statfs", path);

	if (!answer)
		return -ENOSYS;
	*ret = answer->fs;
	return 0;
}

static inline int fixture_open(const struct inspect_world *world, const char *path, int flags)
{
	const struct fixture_answer *answer = fixture_find(world, "open", path);

	(void) flags;
	return answer ? -answer->error : -ENOENT;
}

static inline void fixture_answer_line(struct fixture *fixture, const char *line)
{
	struct fixture_answer *answer = &fixture->answers[fixture->n_answers];
	unsigned long magic, blocks, block_size, available;

	ck_assert_uint_lt(fixture->n_answers, FIXTURE_ANSWERS);
	if (sscanf(line, "statfs %255s %lx %lu %lu %lu", answer->path, &magic, &blocks, &block_size,
		   &available) == 5) {
		memcpy(answer->call, "statfs", 7);
		answer->fs.f_type = (typeof(answer->fs.f_type)) magic;
		answer->fs.f_blocks = blocks;
		answer->fs.f_bsize = (typeof(answer->fs.f_bsize)) block_size;
		answer->fs.f_bavail = available;
		/* as file systems are made: an inode for four blocks, and used alike */
		answer->fs.f_files = blocks / 4;
		answer->fs.f_ffree = available / 4;
	} else if (sscanf(line, "open %255s %d", answer->path, &answer->error) == 2) {
		memcpy(answer->call, "open", 5);
	} else {
		ck_abort_msg("not understood: %s", line);
	}
	fixture->n_answers++;
}

static inline void fixture_load(struct fixture *fixture, const char *name)
{
	char path[512], line[512];
	FILE *answers;

	memset(fixture, 0, sizeof(*fixture));
	(void) snprintf(path, sizeof(path), "%s/fixtures/inspect/%s/root", TEST_DIR, name);
	fixture->world.root_fd = open(path, O_PATH | O_DIRECTORY | O_CLOEXEC);
	ck_assert_msg(fixture->world.root_fd >= 0, "open '%s': %s", path, strerror(errno));
	fixture->world.statfs = fixture_statfs;
	fixture->world.probe_open = fixture_open;
	fixture->world.context = fixture;
	(void) snprintf(path, sizeof(path), "%s/fixtures/inspect/%s/answers", TEST_DIR, name);
	answers = fopen(path, "re");
	ck_assert_msg(answers != NULL, "open '%s': %s", path, strerror(errno));
	while (fgets(line, sizeof(line), answers))
		fixture_answer_line(fixture, line);
	(void) fclose(answers);
}

static inline void fixture_inspect(struct fixture *fixture)
{
	int r = inspect_machine(&fixture->world, &fixture->options, &fixture->arena,
				&fixture->facts, &fixture->err);

	ck_assert_msg(r == 0, "inspect_machine: %s", fixture->err.message);
}

static inline void fixture_free(struct fixture *fixture)
{
	arena_free(&fixture->arena);
	(void) close(fixture->world.root_fd);
}

#endif
