/* SPDX-License-Identifier: Apache-2.0 */
/*
 * steps.h - the executors behind apply_step(), one for each kind of step, and what they share.
 *
 * An executor returns 0 or a negative errno with @err saying what, where and why. Called again
 * after it succeeded it changes nothing; after it failed it may be called again.
 */
#ifndef APPLY_STEPS_H
#define APPLY_STEPS_H

#include "dind/apply.h"

/* Source field of the tmpfs mounts that are ours: a second start in the same mount namespace
 * recognises them by it. */
#define APPLY_TMPFS_SOURCE "dind-init"

int apply_limits(struct apply_context *context, const struct plan_step *step, struct error *err);
int apply_runtime_dir(struct apply_context *context, const struct plan_step *step,
		      struct error *err);
int apply_listen(struct apply_context *context, const struct plan_step *step, struct error *err);
int apply_lease(struct apply_context *context, const struct plan_step *step, struct error *err);
int apply_lock(struct apply_context *context, const struct plan_step *step, struct error *err);
int apply_make_image(struct apply_context *context, const struct plan_step *step,
		     struct error *err);
int apply_remount_rw(const struct plan_step *step, struct error *err);
int apply_device(const struct plan_step *step, struct error *err);
int apply_propagation(struct error *err);
int apply_sweep(struct apply_context *context, const struct plan_step *step, struct error *err);
int apply_cgroup_v1(const struct plan_step *step, struct error *err);
int apply_cgroup_namespace(struct apply_context *context, const struct plan_step *step,
			   struct error *err);
int apply_cgroup_nest(struct apply_context *context, const struct plan_step *step,
		      struct error *err);

/* The end of what apply_cgroup_ahead() has begun: at most @timeout_ms. */
void apply_cgroup_await(struct apply_context *context, int timeout_ms);

int apply_directory(const struct plan_step *step, struct error *err);
int apply_bind(struct apply_context *context, const struct plan_step *step, struct error *err);
int apply_mount_image(struct apply_context *context, const struct plan_step *step,
		      struct error *err);
int apply_tmpfs(struct apply_context *context, const struct plan_step *step, struct error *err);
int apply_check_store(const struct plan_step *step, struct error *err);
int apply_guard_start(struct apply_context *context, const struct plan_step *step,
		      struct error *err);
int apply_config(const struct plan_step *step, struct error *err);
int apply_filesystem(const struct plan_step *step, struct error *err);
int apply_file(const struct plan_step *step, struct error *err);
int apply_ca(const struct plan_step *step, struct error *err);
int apply_group(const struct plan_step *step, struct error *err);
int apply_certs(struct apply_context *context, const struct plan_step *step, struct error *err);
int apply_link(const struct plan_step *step, struct error *err);
int apply_clamp_mss(const struct plan_step *step, struct error *err);
int apply_dns_relay(struct apply_context *context, const struct plan_step *step, struct error *err);

/* End and reap a running mkfs, and empty its image; a running dind-certs; what is done ahead of the
 * nesting. */
void apply_abandon_image(struct apply_context *context);
void apply_abandon_certs(struct apply_context *context);
void apply_abandon_cgroup(struct apply_context *context);

int apply_confine(struct apply_context *context, const struct plan_step *step, struct error *err);

/*
 * The parts of a lock, shared by data root and slot (lock.c).
 *
 * Take the lock of @path, the file being made when it is missing and @create is set. A locked
 * descriptor, -EWOULDBLOCK, or another negative errno with @err; *@ret_unsupported: no locks there.
 */
int apply_take_lock(const char *path, bool create, bool *ret_unsupported, struct error *err);
/* Who wrote the record of @path last, "" when nobody did. */
void apply_read_holder(const char *path, char *buf, size_t size);
int apply_write_holder(int fd, const char *path, const char *holder);
/* An engine has the lock and has written its record, as far as that can be told; one that is not
 * shown soon is of somebody who has it for a moment only. Takes no lock. */
bool apply_lock_is_shown(const char *path);
#define APPLY_SHOWN_TRIES   40
#define APPLY_SHOWN_STEP_MS 5

int apply_apparmor(struct apply_context *context, const struct plan_step *step, struct error *err);
int apply_selinux_hide(const struct plan_step *step, struct error *err);

int apply_capabilities(struct apply_context *context, const struct plan_step *step,
		       struct error *err);

/*
 * mount(2) of @source with @options and, beside them, @label (NULL: none). Where the kernel does
 * not take the label it is mounted without, which is noted. Returns 0 or a negative errno.
 */
int apply_mount_labelled(struct apply_context *context, const char *source, const char *target,
			 const char *type, unsigned long flags, const char *options,
			 const char *label);

/* Add a sentence to context->notice; several are parted by "; ", what does not fit is cut. */
void apply_notice(struct apply_context *context, const char *fmt, ...) DIND_PRINTF(2, 3);

/* As above, and the notice becomes a warning. */
void apply_warn(struct apply_context *context, const char *fmt, ...) DIND_PRINTF(2, 3);

/*
 * What is mounted on @path, or taken off, from now on is seen by nobody else: the mount around it
 * leaves its peer group for a new one, and so do those at @path and below. @path is canonical and
 * need not be a mount point. 0, or a negative errno with @err; nothing happens where none is
 * shared.
 */
int apply_part_from_peers(const char *path, struct error *err) DIND_MUST_CHECK;

/* Make @path with @mode, whatever the umask, and its parents with 0755. An existing directory is
 * left as it is. 0 or a negative errno. */
int apply_make_directory(const char *path, mode_t mode);

/* snprintf() into a path: 0, or -ENAMETOOLONG when it does not fit. */
int apply_format(char *buf, size_t size, const char *fmt, ...) DIND_PRINTF(3, 4) DIND_MUST_CHECK;

/* The directory part of @path into @buf: "/" for "/x". 0 or -ENAMETOOLONG, -EINVAL for a path
 * without a '/'. */
int apply_parent(const char *path, char *buf, size_t size);

/* realpath(3) into @buf of PATH_MAX bytes: mountinfo knows no symbolic links (/var/run). */
int apply_canonical(const char *path, char *buf);

/* Remember that the data root at @target (canonical) is a mount of ours. */
int apply_record_data_root(struct apply_context *context, const char *target, struct error *err);

/* "EBUSY" for -EBUSY or EBUSY, "errno 199" in @buf for one without a name. Never NULL. */
const char *apply_errno_name(int code, char *buf, size_t size);

#endif
