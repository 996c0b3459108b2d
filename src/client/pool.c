/* SPDX-License-Identifier: Apache-2.0 */
/*
 * pool.c - a slot is measured without its lock, because a walk takes long and an engine that wants
 * the slot meanwhile must get it; the lock is only tried before, and taken to write the record
 * down. If somebody had the slot in between, its lock file is newer than the walk, and the number
 * is thrown away.
 */
#include "pool.h"

#include <dirent.h>
#include <fcntl.h>
#include <jansson.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>

#include "client.h"
#include "dind/file.h"
#include "dind/str.h"
#include "tree.h"

#define SLOTS_MAX 1024

struct slot {
	const char *name;
	const char *path;
	bool kept, free;
	uint64_t bytes;
	int64_t measured; /* seconds since the epoch, 0: never */
	int64_t last_used;
	bool measured_free; /* nobody was using it then */
};

struct pool {
	struct arena arena;
	const char *path;
	struct slot *slots;
	size_t count;
};

static bool is_slot(const char *name)
{
	uint64_t number;

	return str_has_prefix(name, "slot-") && str_parse_u64(name + 5, &number) == 0;
}

/* The lock file's time of change: when it was leased last, since the holder writes into it. */
static int64_t lease_time(const struct slot *slot)
{
	char path[PATH_MAX];
	struct stat st;

	(void) snprintf(path, sizeof(path), "%s/" POOL_LOCK, slot->path);
	return stat(path, &st) == 0 ? (int64_t) st.st_mtim.tv_sec : 0;
}

/* A descriptor that holds the lock, or -EWOULDBLOCK, … */
static int take_lock(const struct slot *slot)
{
	char path[PATH_MAX];
	struct stat held, named;
	auto_close int fd = -EBADF;

	(void) snprintf(path, sizeof(path), "%s/" POOL_LOCK, slot->path);
	fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOCTTY | O_NOFOLLOW, 0644);
	if (fd < 0)
		return -errno;
	if (flock(fd, LOCK_EX | LOCK_NB) < 0)
		return -errno;
	/* removed and made anew between the two */
	if (fstat(fd, &held) < 0 || stat(path, &named) < 0 || held.st_ino != named.st_ino)
		return -EWOULDBLOCK;
	return fd_take(&fd);
}

static void read_record(struct slot *slot)
{
	char path[PATH_MAX], text[4096];
	int64_t leased = lease_time(slot);
	json_t *root = NULL;
	ssize_t n;

	(void) snprintf(path, sizeof(path), "%s/" POOL_RECORD, slot->path);
	n = file_read_at(AT_FDCWD, path, text, sizeof(text));
	if (n > 0)
		root = json_loads(text, 0, NULL);
	if (json_is_object(root)) {
		json_int_t bytes = json_integer_value(json_object_get(root, "bytes"));

		slot->bytes = bytes > 0 ? (uint64_t) bytes : 0;
		slot->measured = json_integer_value(json_object_get(root, "measured"));
		slot->last_used = json_integer_value(json_object_get(root, "last_used"));
		slot->measured_free = json_is_true(json_object_get(root, "free"));
	}
	if (leased > slot->last_used)
		slot->last_used = leased;
	json_decref(root);
}

static int write_record(const struct slot *slot, struct error *err)
{
	char path[PATH_MAX];
	json_t *root = json_object();
	char *text;
	int r = -ENOMEM;

	(void) json_object_set_new(root, "bytes", json_integer((json_int_t) slot->bytes));
	(void) json_object_set_new(root, "measured", json_integer((json_int_t) slot->measured));
	(void) json_object_set_new(root, "last_used", json_integer((json_int_t) slot->last_used));
	(void) json_object_set_new(root, "free", json_boolean(slot->measured_free));
	text = json_dumps(root, JSON_COMPACT);
	(void) snprintf(path, sizeof(path), "%s/" POOL_RECORD, slot->path);
	if (text)
		r = file_replace(path, text, 0644);
	free(text);
	json_decref(root);
	return r < 0 ? error_set(err, r, "write %s", path) : 0;
}

static void report_trouble(const struct slot *slot, const char *what,
			   const struct tree_trouble *trouble)
{
	if (trouble->count > 0)
		log_line(LOG_LEVEL_WARNING, CODE_POOL,
			 "%s: %s: %zu entries could not be, the first: %s", slot->path, what,
			 trouble->count, trouble->first.message);
}

/* *@ret_done: there is a new number. */
static int measure(struct slot *slot, bool *ret_done, struct error *err)
{
	auto_close int dirfd = open(slot->path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	struct tree_trouble trouble = { 0, ERROR_INIT };
	int64_t leased = lease_time(slot), begin = (int64_t) time(NULL);
	auto_close int lock = -EBADF;
	uint64_t bytes;

	*ret_done = false;
	if (dirfd < 0)
		return error_set(err, -errno, "open %s", slot->path);
	bytes = tree_measure(dirfd, &trouble);
	if (!slot->kept) {
		report_trouble(slot, "measuring", &trouble);
		lock = take_lock(slot);
		if (lock < 0 || lease_time(slot) != leased) {
			slot->free = false;
			return 0;
		}
	}
	slot->bytes = bytes;
	slot->measured = begin;
	slot->measured_free = !slot->kept;
	*ret_done = true;
	return write_record(slot, err);
}

static void inspect_slot(struct slot *slot, struct pool_result *result)
{
	struct error err = ERROR_INIT;
	bool done = false;
	int lock;

	read_record(slot);
	if (!slot->kept) {
		lock = take_lock(slot);
		slot->free = lock >= 0;
		fd_close(&lock);
	}
	result->free += slot->free ? 1 : 0;
	/* Nobody had it since: the number is still right. */
	if (slot->free && slot->measured_free && slot->measured > lease_time(slot))
		return;
	if (!slot->free && !slot->kept)
		return;
	if (measure(slot, &done, &err) < 0)
		log_line(LOG_LEVEL_WARNING, CODE_POOL, "%s", err.message);
	result->measured += done ? 1 : 0;
}

/* True when it was emptied, as far as that goes. */
static bool empty(struct slot *slot)
{
	auto_close int dirfd = open(slot->path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	struct tree_trouble trouble = { 0, ERROR_INIT }, ignored = { 0, ERROR_INIT };
	int64_t leased = lease_time(slot);
	auto_close int lock = take_lock(slot);
	struct error err = ERROR_INIT;
	char size[32];

	/* Leased since it was looked at: it is the most recently used one now. */
	if (dirfd < 0 || lock < 0 || lease_time(slot) != leased || leased > slot->last_used)
		return false;
	log_info("pool: emptying %s: %s, not used since %lld s", slot->path,
		 str_format_size(slot->bytes, size, sizeof(size)),
		 (long long) ((int64_t) time(NULL) - slot->last_used));
	tree_empty(dirfd, POOL_LOCK, &trouble);
	report_trouble(slot, "emptying", &trouble);
	slot->bytes = trouble.count > 0 ? tree_measure(dirfd, &ignored) : 0;
	slot->measured = (int64_t) time(NULL);
	slot->measured_free = true;
	if (write_record(slot, &err) < 0)
		log_line(LOG_LEVEL_WARNING, CODE_POOL, "%s", err.message);
	return true;
}

static int by_use(const void *a, const void *b)
{
	const struct slot *x = a, *y = b;

	return (x->last_used > y->last_used) - (x->last_used < y->last_used);
}

static int find_slots(struct pool *pool, const char *keep, struct error *err)
{
	DIR *dir = opendir(pool->path);
	struct dirent *entry;

	if (!dir)
		return error_set(err, -errno, "open %s", pool->path);
	while (pool->count < SLOTS_MAX && (entry = readdir(dir))) {
		struct slot *slot;
		struct stat st;

		/* A link could lead anywhere. */
		if (!is_slot(entry->d_name) ||
		    fstatat(dirfd(dir), entry->d_name, &st, AT_SYMLINK_NOFOLLOW) < 0 ||
		    !S_ISDIR(st.st_mode) ||
		    strlen(pool->path) + strlen(entry->d_name) + 32 > PATH_MAX)
			continue;
		slot = arena_push(&pool->arena, (void **) &pool->slots, &pool->count,
				  sizeof(*slot));
		slot->name = arena_strdup(&pool->arena, entry->d_name);
		slot->path = arena_printf(&pool->arena, "%s/%s", pool->path, slot->name);
		slot->kept = str_equal(slot->name, keep);
	}
	(void) closedir(dir);
	return 0;
}

int pool_upkeep(const char *path, uint64_t limit, const char *keep, struct pool_result *ret_result,
		struct error *err)
{
	struct pool pool = { .arena = ARENA_INIT, .path = path };
	struct pool_result result = { 0 };
	int r = find_slots(&pool, keep, err);

	for (size_t i = 0; i < pool.count; i++) {
		inspect_slot(&pool.slots[i], &result);
		result.bytes += pool.slots[i].bytes;
	}
	result.slots = pool.count;
	if (pool.count > 1)
		qsort(pool.slots, pool.count, sizeof(*pool.slots), by_use);
	for (size_t i = 0; limit > 0 && i < pool.count && result.bytes > limit; i++) {
		struct slot *slot = &pool.slots[i];
		uint64_t before = slot->bytes;

		if (slot->kept || !slot->free || before == 0 || !empty(slot))
			continue;
		result.emptied++;
		result.bytes -= before - (slot->bytes < before ? slot->bytes : before);
	}
	arena_free(&pool.arena);
	if (r == 0)
		*ret_result = result;
	return r;
}
