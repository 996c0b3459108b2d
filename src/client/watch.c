/* SPDX-License-Identifier: Apache-2.0 */
/*
 * watch.c - beside a running engine: water marks, pruning when it is idle, upkeep of a pool, and
 * whether registry mirrors answer.
 */
#include "client.h"

#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <time.h>

#include "dind/file.h"
#include "dind/str.h"
#include "disk.h"
#include "mirrors.h"
#include "pool.h"
#include "prune.h"

#define PRUNE_MS	 600000 /* for one round */
#define PRUNE_AGAIN_MS	 600000 /* after one that did not help */
#define POOL_INTERVAL_MS 600000
/* linux/ioprio.h is younger than the oldest headers we build with */
#define IOPRIO_OF_PROCESS 1
#define IOPRIO_IDLE	  (3 << 13)

struct watch {
	const struct client_options *options;
	struct http_host host;
	struct disk_mark root, below;
	bool root_failed, below_failed;	      /* said once */
	int64_t idle_since_ms, next_prune_ms; /* 0: not idle; when pruning may be tried */
	int64_t next_pool_ms, next_mirrors_ms;
	struct mirrors mirrors;
};

static void end(int number)
{
	(void) number;
	_exit(STATUS_OK);
}

/* There is nothing to put in order: locks go with the process, files are replaced whole. */
static void set_signals(void)
{
	static const int numbers[] = { SIGTERM, SIGINT, SIGHUP };
	struct sigaction action = { .sa_handler = end };
	sigset_t set;

	(void) sigemptyset(&set);
	for (size_t i = 0; i < ARRAY_SIZE(numbers); i++) {
		(void) sigaction(numbers[i], &action, NULL);
		(void) sigaddset(&set, numbers[i]);
	}
	(void) sigprocmask(SIG_UNBLOCK, &set, NULL);
}

static void lower_priority(void)
{
	(void) setpriority(PRIO_PROCESS, 0, 19);
	(void) syscall(SYS_ioprio_set, IOPRIO_OF_PROCESS, 0, IOPRIO_IDLE);
}

static void check_mark(struct disk_mark *mark, bool *failed, const char *path, const char *code,
		       const char *what)
{
	struct error err = ERROR_INIT;
	struct disk_use use;
	char text[160];

	if (disk_measure(path, &use, &err) < 0) {
		if (!*failed)
			log_line(LOG_LEVEL_WARNING, code, "%s, so it is not watched", err.message);
		*failed = true;
		return;
	}
	*failed = false;
	switch (disk_note(mark, &use)) {
	case DISK_PASSED:
		log_line(LOG_LEVEL_WARNING, code, "%s, %s: %s; the mark is %d %%", what, path,
			 disk_describe(&use, text, sizeof(text)), mark->high);
		break;
	case DISK_FELL:
		log_line(LOG_LEVEL_INFO, code, "%s, %s, is below the mark again: %s", what, path,
			 disk_describe(&use, text, sizeof(text)));
		break;
	case DISK_SAME:
		break;
	}
}

static void check_disks(struct watch *watch)
{
	const struct client_options *options = watch->options;

	if (options->high == 0)
		return;
	if (options->directory)
		check_mark(&watch->root, &watch->root_failed, options->directory, CODE_DISK_ROOT,
			   "the data root");
	if (options->below)
		check_mark(&watch->below, &watch->below_failed, options->below, CODE_DISK_BELOW,
			   "the file system below the image (full, it gives I/O errors inside)");
}

/* For the data root only: what is below shrinks by the trim, at the end. */
static bool has_enough(void *data)
{
	const struct watch *watch = data;
	struct error ignored = ERROR_INIT;
	struct disk_mark mark = watch->root;
	struct disk_use use;

	if (watch->below.above || disk_measure(watch->options->directory, &use, &ignored) < 0)
		return false;
	(void) disk_note(&mark, &use);
	return !mark.above;
}

static void trim(const struct watch *watch)
{
	struct error err = ERROR_INIT;
	uint64_t bytes = 0;
	char size[32];

	if (disk_trim(watch->options->directory, &bytes, &err) == 0)
		log_info("prune: trimmed %s of free space",
			 str_format_size(bytes, size, sizeof(size)));
	else
		log_debug("prune: %s", err.message);
}

static void prune(struct watch *watch, const struct engine *engine)
{
	struct disk_use before = { 0 }, after = { 0 };
	struct error err = ERROR_INIT, ignored = ERROR_INIT;
	uint64_t bytes = 0;
	char won[32], left[32];
	int r;

	(void) disk_measure(watch->options->directory, &before, &ignored);
	r = prune_run(engine, PRUNE_ALL, watch->options->prune_age_s, has_enough, watch,
		      clock_now_ms() + PRUNE_MS, &bytes, &err);
	trim(watch);
	(void) disk_measure(watch->options->directory, &after, &ignored);
	if (r < 0)
		log_line(LOG_LEVEL_WARNING, CODE_DISK_PRUNE, "prune: %s", err.message);
	log_info("prune: won %s, %s free now",
		 str_format_size(after.free > before.free ? after.free - before.free : 0, won,
				 sizeof(won)),
		 str_format_size(after.free, left, sizeof(left)));
	/* Says that it is well, or leaves the mark passed: then there is nothing more to win soon.
	 */
	check_disks(watch);
	watch->idle_since_ms = 0;
	watch->next_prune_ms = clock_now_ms() + PRUNE_AGAIN_MS;
}

static void prune_if_idle(struct watch *watch)
{
	int64_t now = clock_now_ms(), idle_ms = watch->options->idle_s * 1000LL;
	struct error err = ERROR_INIT;
	struct engine engine;
	bool idle = false;

	if (!watch->options->prune || !(watch->root.above || watch->below.above)) {
		watch->idle_since_ms = watch->next_prune_ms = 0;
		return;
	}
	if (now < watch->next_prune_ms)
		return;
	/* Asked at the beginning of the idle time and at its end; in between the engine's events
	 * are enough, which are asked for then too. */
	if (watch->idle_since_ms && now - watch->idle_since_ms < idle_ms)
		return;
	if (engine_open(&engine, &watch->host, now + ENGINE_CALL_MS, &err) < 0 ||
	    prune_is_idle(&engine, watch->idle_since_ms ? watch->options->idle_s : 1, &idle, &err) <
		    0) {
		log_debug("watch: %s", err.message);
		idle = false;
	}
	if (!idle)
		watch->idle_since_ms = 0;
	else if (!watch->idle_since_ms && idle_ms > 0)
		watch->idle_since_ms = now;
	else
		prune(watch, &engine);
}

static void upkeep(struct watch *watch)
{
	const struct client_options *options = watch->options;
	struct error err = ERROR_INIT;
	struct pool_result result;
	char size[32], limit[32];

	if (!options->pool || clock_now_ms() < watch->next_pool_ms)
		return;
	if (pool_upkeep(options->pool, options->pool_limit, options->pool_keep, &result, &err) < 0)
		log_line(LOG_LEVEL_WARNING, CODE_POOL, "%s", err.message);
	else if (options->pool_limit > 0 && result.bytes > options->pool_limit)
		log_line(LOG_LEVEL_WARNING, CODE_POOL,
			 "the pool %s has %s, the limit is %s; its other %zu slots are in use",
			 options->pool, str_format_size(result.bytes, size, sizeof(size)),
			 str_format_size(options->pool_limit, limit, sizeof(limit)),
			 result.slots - result.free);
	else
		log_debug("pool: %zu slots, %zu free, %zu measured, %zu emptied, %s", result.slots,
			  result.free, result.measured, result.emptied,
			  str_format_size(result.bytes, size, sizeof(size)));
	watch->next_pool_ms = clock_now_ms() + POOL_INTERVAL_MS;
}

static void check_mirrors(struct watch *watch)
{
	const struct client_options *options = watch->options;
	struct error err = ERROR_INIT;
	int r;

	if (!options->mirrors || clock_now_ms() < watch->next_mirrors_ms)
		return;
	r = mirrors_check(&watch->mirrors, &watch->host, options, &err);
	if (r < 0)
		log_debug("watch: %s", err.message);
	watch->next_mirrors_ms =
		clock_now_ms() +
		(r < 0 || watch->mirrors.doubtful ? MIRRORS_AGAIN_MS : MIRRORS_INTERVAL_MS);
}

int watch_run(const struct client_options *options)
{
	struct watch watch = { .options = options };
	struct timespec interval = { options->interval_s, 0 };
	struct arena arena = ARENA_INIT;
	struct error err = ERROR_INIT;
	struct http_tls plain = { 0 };

	set_signals();
	lower_priority();
	watch.root.high = watch.below.high = options->high;
	if (options->socket &&
	    http_host_parse(&watch.host, options->socket, &plain, &arena, &err) < 0) {
		log_error("%s", err.message);
		arena_free(&arena);
		return STATUS_USAGE;
	}
	if (options->prune && !options->high)
		log_notice("watch: without a water mark nothing is pruned");
	/* Ends by a signal. */
	for (;;) {
		check_disks(&watch);
		prune_if_idle(&watch);
		upkeep(&watch);
		check_mirrors(&watch);
		(void) nanosleep(&interval, NULL);
	}
}
