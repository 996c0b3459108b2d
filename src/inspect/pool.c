/* SPDX-License-Identifier: Apache-2.0 */
/* The pool of caches and its slots. Nothing is locked here, not even for a moment: a third engine
 * would find the slot taken, and go without. */
#include <dirent.h>
#include <fcntl.h>
#include <jansson.h>
#include <stdio.h>
#include <string.h>

#include "dind/file.h"
#include "dind/str.h"
#include "helper.h"
#include "subjects.h"
#include "world.h"

#define SLOT_PREFIX "slot-"
#define LOCK_FILE   ".dind-lock"
#define NOTE_FILE   ".dind-slot.json" /* what upkeep has measured */
#define MAX_SLOTS   256		      /* as --cache-slots */
#define MAX_NOTE    4096

/* Of fixed size, to be handed over in shared memory. */
struct slot_probe {
	int number;
	int64_t last_used;
	uint64_t bytes;
	enum tri leased;
	enum tri empty;
	char holder[256];
};

struct pool_probe {
	size_t n_slots;
	struct slot_probe slots[MAX_SLOTS];
};

struct pool_request {
	const struct inspect_world *world;
	const char *path;
};

/* The holder has shown its lease by a lock that can be asked for without taking one. */
static enum tri is_leased(int fd)
{
	struct flock whole = { .l_type = F_WRLCK, .l_whence = SEEK_SET };

	if (fcntl(fd, F_OFD_GETLK, &whole) < 0)
		return TRI_UNKNOWN;
	return tri_from_bool(whole.l_type != F_UNLCK);
}

static void probe_lock(int slot, struct slot_probe *probe)
{
	auto_close int fd =
		openat(slot, LOCK_FILE, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NOFOLLOW | O_NONBLOCK);
	struct stat st;
	ssize_t n;

	if (fd < 0) {
		probe->leased = errno == ENOENT ? TRI_NO : TRI_UNKNOWN;
		return;
	}
	if (fstat(fd, &st) < 0 || !S_ISREG(st.st_mode))
		return;
	probe->last_used = st.st_mtim.tv_sec;
	probe->leased = is_leased(fd);
	n = read(fd, probe->holder, sizeof(probe->holder) - 1);
	probe->holder[n > 0 ? n : 0] = '\0';
	probe->holder[strcspn(probe->holder, "\n")] = '\0';
}

static void probe_note(int slot, struct slot_probe *probe)
{
	char text[MAX_NOTE];
	json_t *note = NULL;
	json_int_t bytes;

	if (file_read_at(slot, NOTE_FILE, text, sizeof(text)) <= 0)
		return;
	note = json_loads(text, 0, NULL);
	bytes = json_integer_value(json_object_get(note, "bytes"));
	probe->bytes = bytes > 0 ? (uint64_t) bytes : 0;
	json_decref(note);
}

/* Takes over @fd, also when it fails. */
static enum tri is_empty(int fd)
{
	DIR *dir = fdopendir(fd);
	const struct dirent *entry;
	enum tri answer = TRI_YES;

	if (!dir) {
		fd_close(&fd);
		return TRI_UNKNOWN;
	}
	/* dotfiles are ours, and lost+found belongs to a file system */
	while (answer == TRI_YES && (entry = readdir(dir)))
		if (entry->d_name[0] != '.' && strcmp(entry->d_name, "lost+found") != 0)
			answer = TRI_NO;
	(void) closedir(dir);
	return answer;
}

static void probe_slot(const struct inspect_world *world, const char *pool, int number,
		       struct pool_probe *probe)
{
	struct slot_probe *slot = &probe->slots[probe->n_slots];
	char path[PATH_MAX + 32];
	int fd;

	(void) snprintf(path, sizeof(path), "%s/" SLOT_PREFIX "%d", pool, number);
	fd = world_open(world, path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW);
	if (fd == -ENOTDIR || fd == -ELOOP || fd == -ENOENT)
		return; /* a file, a link, gone */
	*slot = (struct slot_probe){ .number = number, .last_used = -1 };
	probe->n_slots++;
	if (fd < 0)
		return;
	probe_lock(fd, slot);
	probe_note(fd, slot);
	slot->empty = is_empty(fd);
}

static int read_slots(const void *context, void *result)
{
	const struct pool_request *request = context;
	struct pool_probe *probe = result;
	int fd = world_open(request->world, request->path, O_RDONLY | O_DIRECTORY);
	const struct dirent *entry;
	DIR *dir;

	if (fd < 0)
		return fd;
	dir = fdopendir(fd);
	if (!dir) {
		fd_close(&fd);
		return -ENOMEM;
	}
	while (probe->n_slots < MAX_SLOTS && (entry = readdir(dir))) {
		const char *digits = entry->d_name + strlen(SLOT_PREFIX);
		char name[32];
		int number;

		/* exactly as we write it: slot-07 would be another one than slot-7 */
		if (!str_has_prefix(entry->d_name, SLOT_PREFIX) ||
		    str_parse_int(digits, 1, INT32_MAX, &number) < 0)
			continue;
		(void) snprintf(name, sizeof(name), "%d", number);
		if (strcmp(name, digits) == 0)
			probe_slot(request->world, request->path, number, probe);
	}
	(void) closedir(dir);
	return 0;
}

static int compare_slots(const void *a, const void *b)
{
	const struct slot_probe *first = a, *second = b;

	return (first->number > second->number) - (first->number < second->number);
}

static void record_slots(const struct inspection *in, struct pool_probe *probe)
{
	struct facts_pool *pool = &in->facts->pool;

	qsort(probe->slots, probe->n_slots, sizeof(probe->slots[0]), compare_slots);
	for (size_t i = 0; i < probe->n_slots; i++) {
		const struct slot_probe *from = &probe->slots[i];
		struct facts_slot *slot = arena_push(in->arena, (void **) &pool->slots,
						     &pool->n_slots, sizeof(*slot));

		slot->name = arena_printf(in->arena, SLOT_PREFIX "%d", from->number);
		slot->path = arena_printf(in->arena, "%s/%s", pool->directory.path, slot->name);
		slot->last_used = from->last_used;
		slot->bytes = from->bytes;
		slot->leased = from->leased;
		slot->empty = from->empty;
		if (*from->holder)
			slot->holder = arena_strdup(in->arena, from->holder);
	}
}

void inspect_pool(const struct inspection *in)
{
	struct facts_directory *directory = &in->facts->pool.directory;
	struct pool_probe *probe = arena_alloc(in->arena, sizeof(*probe));
	struct error err = ERROR_INIT;
	struct pool_request request;
	bool started;
	int r;

	if (!in->options->cache_pool)
		return;
	inspect_directory(in, in->options->cache_pool, directory);
	if (directory->exists != TRI_YES)
		return;
	request = (struct pool_request){ in->world, directory->path };
	if (world_is_live(in->world) && !mounts_may_touch(directory->path, in->facts))
		r = helper_run(read_slots, &request, probe, sizeof(*probe),
			       INSPECT_HELPER_TIMEOUT_MS, &started, &err);
	else
		r = read_slots(&request, probe);
	if (r < 0) { /* it was there a moment ago */
		directory->exists = TRI_UNKNOWN;
		directory->writable = (struct fact){ TRI_UNKNOWN, -r, directory->mount_target };
		return;
	}
	record_slots(in, probe);
}
