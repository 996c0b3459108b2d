/* SPDX-License-Identifier: Apache-2.0 */
/* lease.c - one slot of a pool for us alone. The lease is the lock of the slot: it lives as long as
 * a descriptor of it does, so that no slot is lost when everything is killed. */
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "dind/file.h"
#include "dind/str.h"
#include "steps.h"

#define SLOT_LOCK     "/.dind-lock"
#define NAMED_HOLDERS 3

/* What one pass over the slots has met. */
struct pass {
	int busy;
	char holders[ERROR_MESSAGE_MAX]; /* of the first few */
	struct error problem;		 /* the first that was not "busy" */
};

static int make_pool(const char *pool, struct error *err)
{
	struct stat st;

	if (stat(pool, &st) == 0)
		return S_ISDIR(st.st_mode)
			       ? 0
			       : error_set(err, -ENOTDIR, "the pool of caches %s", pool);
	/* its slots hold what inner containers keep secret; EEXIST: another agent was faster */
	if (errno == ENOENT && (mkdir(pool, 0700) == 0 || errno == EEXIST))
		return 0;
	return error_set(err, -errno, "make the pool of caches %s", pool);
}

/* Several are named in one line: their boot, which all on a node have in common, only fills it. */
static void drop_boot(char *holder)
{
	char *boot = strstr(holder, ", boot ");
	const char *after = boot ? strchr(boot + 2, ',') : NULL;

	if (after)
		memmove(boot, after, strlen(after) + 1);
}

static void note_busy(struct pass *pass, const char *slot, const char *lock)
{
	const char *name = strrchr(slot, '/');
	char holder[APPLY_HOLDER_MAX];
	size_t used = strlen(pass->holders);

	if (pass->busy++ >= NAMED_HOLDERS)
		return;
	apply_read_holder(lock, holder, sizeof(holder));
	drop_boot(holder);
	(void) snprintf(pass->holders + used, sizeof(pass->holders) - used, "%s%s by %s",
			used ? "; " : "", name ? name + 1 : slot,
			*holder ? holder : "somebody who left no record");
}

static void keep(struct apply_context *context, int fd, const char *slot, const char *lock,
		 const char *holder)
{
	int r = apply_write_holder(fd, lock, holder ? holder : "");

	if (r < 0)
		apply_notice(context, "%s: the record of who leases it could not be written (%s)",
			     slot, strerror(-r));
	context->lease_fd = fd;
	memcpy(context->lease_path, slot, strlen(slot) + 1);
}

/*
 * Upkeep, too, locks a slot to measure it, only for a moment. That must not cost anybody the
 * warmest one, so a lock is believed when its holder shows itself.
 */
static int take_slot(const char *lock, bool *ret_unsupported, struct error *err)
{
	/* makes the slot as well; that another agent makes the same one is decided by the lock */
	int fd = apply_take_lock(lock, true, ret_unsupported, err);

	for (int i = 0; i < APPLY_SHOWN_TRIES && fd == -EWOULDBLOCK; i++) {
		if (apply_lock_is_shown(lock))
			return fd;
		clock_sleep_ms(APPLY_SHOWN_STEP_MS);
		fd = apply_take_lock(lock, true, ret_unsupported, err);
	}
	return fd;
}

/* 1: it is ours. 0: not this one, @pass says why. Negative: no other one can be had either. */
static int try_slot(struct apply_context *context, const char *slot, const char *holder,
		    struct pass *pass, struct error *err)
{
	struct error problem = ERROR_INIT;
	bool unsupported = false;
	char lock[PATH_MAX];
	int fd, r;

	r = apply_format(lock, sizeof(lock), "%s" SLOT_LOCK, slot);
	if (r < 0)
		return error_set(err, r, "%s" SLOT_LOCK, slot);
	fd = take_slot(lock, &unsupported, &problem);
	if (fd >= 0) {
		keep(context, fd, slot, lock, holder);
		return 1;
	}
	if (unsupported) {
		*err = problem;
		return error_wrap(err, "files cannot be locked there, so slots cannot be shared");
	}
	if (fd == -EWOULDBLOCK)
		note_busy(pass, slot, lock);
	else if (pass->problem.code == 0)
		pass->problem = problem;
	return 0;
}

static bool is_listed(const char *const *slots, const char *slot)
{
	for (; slots && *slots; slots++)
		if (strcmp(*slots, slot) == 0)
			return true;
	return false;
}

static int try_all(struct apply_context *context, const struct plan_step *step, struct pass *pass,
		   struct error *err)
{
	const char *const *slots = step->u.lease.slots;
	const char *holder = step->u.lease.holder;
	char slot[PATH_MAX];
	int r = 0;

	for (; slots && *slots && r == 0; slots++)
		if (!is_listed(step->u.lease.avoid, *slots))
			r = try_slot(context, *slots, holder, pass, err);
	/* those that were made since the plan was, and new ones */
	for (int i = 1; i <= step->u.lease.max_slots && r == 0; i++) {
		r = apply_format(slot, sizeof(context->lease_path), "%s/slot-%d",
				 step->u.lease.pool, i);
		if (r < 0)
			return error_set(err, r, "%s", step->u.lease.pool);
		if (!is_listed(step->u.lease.slots, slot) && !is_listed(step->u.lease.avoid, slot))
			r = try_slot(context, slot, holder, pass, err);
	}
	return r;
}

int apply_lease(struct apply_context *context, const struct plan_step *step, struct error *err)
{
	const char *pool = step->u.lease.pool;
	struct pass pass = { .busy = 0, .problem = ERROR_INIT };
	int r;

	if (step->u.lease.given_up && strcmp(context->lease_path, step->u.lease.given_up) == 0)
		apply_release_lease(context);
	if (context->lease_fd >= 0 && str_path_is_below(context->lease_path, pool))
		return 0;
	context->holder[0] = '\0';
	r = make_pool(pool, err);
	if (r == 0)
		r = try_all(context, step, &pass, err);
	if (r != 0)
		return r < 0 ? r : 0;
	if (pass.busy == 0 && pass.problem.code == 0)
		return error_set_plain(err, -EMEDIUMTYPE,
				       "all of %s hold data that cannot be used here", pool);
	if (pass.busy == 0) {
		*err = pass.problem;
		return error_wrap(err, "no slot of %s can be used", pool);
	}
	if (pass.problem.code)
		apply_notice(context, "%s", pass.problem.message);
	(void) snprintf(context->holder, sizeof(context->holder), "%.*s",
			(int) sizeof(context->holder) - 1, pass.holders);
	if (pass.busy > NAMED_HOLDERS)
		return error_set_plain(err, -EWOULDBLOCK, "all of %s are leased: %s; and %d more",
				       pool, pass.holders, pass.busy - NAMED_HOLDERS);
	return error_set_plain(err, -EWOULDBLOCK, "all of %s are leased: %s", pool, pass.holders);
}

void apply_release_lease(struct apply_context *context)
{
	if (context->lease_fd < 0)
		return;
	/* the most recently used one is the first that is leased again */
	(void) futimens(context->lease_fd, NULL);
	fd_close(&context->lease_fd);
	context->lease_path[0] = '\0';
}
