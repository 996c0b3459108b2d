/* SPDX-License-Identifier: Apache-2.0 */
/* down.c - the way down: write back the data root, unmount it and what is below, see the loop
 * device go. */
#include "steps.h"

#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/stat.h>

#include "busy.h"
#include "child.h"
#include "dind/file.h"
#include "dind/process.h"
#include "dind/str.h"
#include "loop.h"
#include "mountinfo.h"

#define auto_arena __attribute__((cleanup(arena_free)))

/* Share of the time after which mounts that stay busy are taken off lazily. */
#define LAZY_PERCENT   80
#define CHILD_GRACE_MS 200

struct down {
	const struct apply_context *context;
	char data_root[PATH_MAX]; /* canonical; "" when it is not there */
	char exec_root[PATH_MAX];
	int64_t lazy_after; /* CLOCK_MONOTONIC, ms */
	char *current;	    /* PATH_MAX bytes: what is being unmounted; NULL: nobody asks */
};

int apply_sync_data_root(const struct apply_context *context, const char *data_root,
			 struct error *err)
{
	const char *path = context->data_root_mounted ? context->data_root : data_root;
	auto_close int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	if (fd < 0 && errno == ENOENT)
		return 0;
	if (fd < 0 || syncfs(fd) < 0)
		return error_set(err, -errno, "write back %s", path);
	return 0;
}

static bool is_strictly_below(const char *path, const char *base)
{
	return *base && strcmp(path, base) != 0 && str_path_is_below(path, base);
}

/* Is that mount to go? All below the two directories; on the data root itself only ours and what
 * was put on it later. */
static bool is_to_go(const struct down *down, const struct mountinfo *table, size_t i)
{
	const char *target = table->entries[i].target;

	if (is_strictly_below(target, down->data_root) ||
	    is_strictly_below(target, down->exec_root))
		return true;
	if (!down->context->data_root_mounted || strcmp(target, down->context->data_root) != 0)
		return false;
	for (size_t j = 0; j <= i; j++)
		if (table->entries[j].id == down->context->data_root_mount_id)
			return true;
	return false;
}

/* One pass over the table, the last mount first. Returns how many are left; the topmost of them
 * that could not be unmounted is described in @err. */
static int unmount_pass(const struct down *down, int flags, size_t *ret_left, struct error *err)
{
	auto_arena struct arena arena = ARENA_INIT;
	struct mountinfo table;
	int r = mountinfo_read(&arena, &table, err);

	if (r < 0)
		return r;
	*ret_left = 0;
	for (size_t i = table.n_entries; i > 0; i--) {
		const char *target = table.entries[i - 1].target;

		if (!is_to_go(down, &table, i - 1))
			continue;
		if (down->current)
			(void) snprintf(down->current, PATH_MAX, "%s", target);
		if (umount2(target, UMOUNT_NOFOLLOW | flags) == 0 || errno == EINVAL ||
		    errno == ENOENT)
			continue;
		if ((*ret_left)++ == 0)
			(void) error_set(err, -errno, "unmount %s", target);
	}
	return 0;
}

static int unmount_lazily(const struct down *down, const struct error *problem, struct error *err)
{
	char who[160];
	size_t left;
	int r;

	busy_describe(down->context->data_root_mounted ? down->context->data_root : down->data_root,
		      who, sizeof(who));
	r = unmount_pass(down, MNT_DETACH, &left, err);
	if (r < 0)
		return r;
	return error_set_plain(err, -EBUSY,
			       "%s%s%s; taken off lazily: what was not written yet "
			       "is written when its last user ends",
			       problem->message, *who ? ", in use by " : "", who);
}

static int unmount_all(const struct down *down, struct error *err)
{
	int pause_ms = 5;

	for (;;) {
		struct error problem = ERROR_INIT;
		size_t left = 0;
		int r = unmount_pass(down, 0, &left, &problem);

		if (r < 0) {
			*err = problem;
			return r;
		}
		if (left == 0)
			return 0;
		if (clock_now_ms() >= down->lazy_after)
			return unmount_lazily(down, &problem, err);
		clock_sleep_ms(pause_ms); /* the last processes are on their way out */
		if (pause_ms < 50)
			pause_ms *= 2;
	}
}

/* Autoclear works when the last reference is dropped, which may be a moment after umount(2). */
static int wait_for_detach(const struct apply_context *context, int64_t deadline, struct error *err)
{
	if (!*context->loop_device)
		return 0;
	while (loop_device_has(context->loop_device, context->loop_image_device,
			       context->loop_image_inode)) {
		if (clock_now_ms() >= deadline)
			return error_set_plain(err, -EBUSY, "%s is still attached",
					       context->loop_device);
		clock_sleep_ms(10);
	}
	return 0;
}

static void canonical_or_empty(const char *path, char *buf)
{
	if (!path || apply_canonical(path, buf) < 0)
		buf[0] = '\0';
}

static int unmount_data_root(struct down *down, const char *data_root, const char *exec_root,
			     int timeout_ms, struct error *err)
{
	int64_t start = clock_now_ms();
	int r;

	down->lazy_after = start + (int64_t) timeout_ms * LAZY_PERCENT / 100;
	canonical_or_empty(data_root, down->data_root);
	canonical_or_empty(exec_root, down->exec_root);
	r = unmount_all(down, err);
	return r < 0 ? r : wait_for_detach(down->context, start + timeout_ms, err);
}

/* What the child that unmounts tells us, also when it has to be left behind. */
struct report {
	struct error err;
	char current[PATH_MAX];
	bool done;
};

/*
 * umount(2) of the last mount writes everything back and cannot be interrupted, so a child does it
 * and we can give up waiting. Without a child the data matters more than the bound.
 */
int apply_unmount_data_root(const struct apply_context *context, const char *data_root,
			    const char *exec_root, int timeout_ms, struct error *err)
{
	struct report *report = mmap(NULL, sizeof(*report), PROT_READ | PROT_WRITE,
				     MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	struct down down = { .context = context };
	int status, r;
	pid_t pid;

	if (report == MAP_FAILED)
		return unmount_data_root(&down, data_root, exec_root, timeout_ms, err);
	down.current = report->current;
	pid = fork();
	if (pid <= 0) {
		(void) unmount_data_root(&down, data_root, exec_root, timeout_ms, &report->err);
		report->done = true;
		if (pid == 0)
			_exit(0);
	} else if (process_wait(pid, timeout_ms + CHILD_GRACE_MS, &status) < 0) {
		(void) kill(pid, SIGKILL);
		(void) process_wait(pid, CHILD_GRACE_MS, &status);
	}
	if (!report->done)
		(void) error_set_plain(&report->err, -ETIMEDOUT,
				       "unmounting was not done within %d ms, the last was %s",
				       timeout_ms, *report->current ? report->current : "none yet");
	r = report->err.code;
	if (r < 0)
		*err = report->err;
	(void) munmap(report, sizeof(*report));
	return r;
}
