/* SPDX-License-Identifier: Apache-2.0 */
#include "steps.h"

#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "dind/file.h"
#include "mountinfo.h"

void apply_context_init(struct apply_context *context)
{
	memset(context, 0, sizeof(*context));
	for (size_t i = 0; i < ARRAY_SIZE(context->listen_fds); i++)
		context->listen_fds[i] = -EBADF;
	context->lock_fd = -EBADF;
	context->lease_fd = -EBADF;
	context->mkfs_output = -EBADF;
	context->certs_output = -EBADF;
	context->relay_fds[0] = context->relay_fds[1] = -EBADF;
	context->certs_go = -EBADF;
	context->apparmor_lock = -EBADF;
	context->mkfs_image = -EBADF;
	context->data_root_mount_id = -1;
}

int apply_step(struct apply_context *context, const struct plan_step *step, struct error *err)
{
	context->notice[0] = '\0';
	context->notice_loud = false;
	switch (step->kind) { /* no default: the compiler must complain about a new kind */
	case STEP_LIMITS:
		return apply_limits(context, step, err);
	case STEP_RUNTIME_DIR:
		return apply_runtime_dir(context, step, err);
	case STEP_LISTEN:
		return apply_listen(context, step, err);
	case STEP_LEASE:
		return apply_lease(context, step, err);
	case STEP_LOCK:
		return apply_lock(context, step, err);
	case STEP_MAKE_IMAGE:
		return apply_make_image(context, step, err);
	case STEP_REMOUNT_RW:
		return apply_remount_rw(step, err);
	case STEP_DEVICE:
		return apply_device(step, err);
	case STEP_PROPAGATION:
		return apply_propagation(err);
	case STEP_SWEEP:
		return apply_sweep(context, step, err);
	case STEP_CGROUP_V1:
		return apply_cgroup_v1(step, err);
	case STEP_CGROUP_NAMESPACE:
		return apply_cgroup_namespace(context, step, err);
	case STEP_CGROUP_NEST:
		return apply_cgroup_nest(context, step, err);
	case STEP_DIRECTORY:
		return apply_directory(step, err);
	case STEP_BIND:
		return apply_bind(context, step, err);
	case STEP_MOUNT_IMAGE:
		return apply_mount_image(context, step, err);
	case STEP_TMPFS:
		return apply_tmpfs(context, step, err);
	case STEP_CHECK_STORE:
		return apply_check_store(step, err);
	case STEP_GUARD_START:
		return apply_guard_start(context, step, err);
	case STEP_CONFIG:
		return apply_config(step, err);
	case STEP_FILE:
		return apply_file(step, err);
	case STEP_FILESYSTEM:
		return apply_filesystem(step, err);
	case STEP_CONFINE:
		return apply_confine(context, step, err);
	case STEP_APPARMOR:
		return apply_apparmor(context, step, err);
	case STEP_SELINUX_HIDE:
		return apply_selinux_hide(step, err);
	case STEP_CAPABILITIES:
		return apply_capabilities(context, step, err);
	case STEP_CA:
		return apply_ca(step, err);
	case STEP_CERTS:
		return apply_certs(context, step, err);
	case STEP_LINK:
		return apply_link(step, err);
	case STEP_CLAMP_MSS:
		return apply_clamp_mss(step, err);
	case STEP_DNS_RELAY:
		return apply_dns_relay(context, step, err);
	case STEP_GROUP:
		return apply_group(step, err);
	case STEP_KIND_COUNT:
		break;
	}
	return error_set_plain(err, -EINVAL, "step kind %d is not known", (int) step->kind);
}

void apply_abandon(struct apply_context *context)
{
	apply_abandon_image(context);
	apply_abandon_certs(context);
	apply_abandon_cgroup(context);
}

static void add_notice(struct apply_context *context, const char *fmt, va_list ap)
	DIND_PRINTF(2, 0);

static void add_notice(struct apply_context *context, const char *fmt, va_list ap)
{
	size_t used = strlen(context->notice);

	if (used > 0 && used + 2 < sizeof(context->notice)) {
		memcpy(context->notice + used, "; ", 3);
		used += 2;
	}
	(void) vsnprintf(context->notice + used, sizeof(context->notice) - used, fmt, ap);
}

void apply_notice(struct apply_context *context, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	add_notice(context, fmt, ap);
	va_end(ap);
}

void apply_warn(struct apply_context *context, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	add_notice(context, fmt, ap);
	va_end(ap);
	context->notice_loud = true;
}

int apply_format(char *buf, size_t size, const char *fmt, ...)
{
	va_list ap;
	int n;

	va_start(ap, fmt);
	n = vsnprintf(buf, size, fmt, ap);
	va_end(ap);
	return n < 0 || (size_t) n >= size ? -ENAMETOOLONG : 0;
}

int apply_parent(const char *path, char *buf, size_t size)
{
	const char *slash = strrchr(path, '/');
	size_t len;

	if (!slash)
		return -EINVAL;
	len = slash == path ? 1 : (size_t) (slash - path);
	if (len >= size)
		return -ENAMETOOLONG;
	memcpy(buf, path, len);
	buf[len] = '\0';
	return 0;
}

int apply_make_directory(const char *path, mode_t mode)
{
	char parent[PATH_MAX];
	struct stat st;
	int r;

	if (stat(path, &st) == 0)
		return S_ISDIR(st.st_mode) ? 0 : -ENOTDIR;
	r = apply_parent(path, parent, sizeof(parent));
	if (r == 0)
		r = file_make_directories(parent, 0755);
	if (r < 0)
		return r;
	if (mkdir(path, mode) < 0) {
		r = -errno;
		/* somebody was faster: their mode stays */
		if (r == -EEXIST && stat(path, &st) == 0 && S_ISDIR(st.st_mode))
			return 0;
		return r;
	}
	if (chmod(path, mode) < 0) { /* whatever the umask said */
		r = -errno;
		(void) rmdir(path);
		return r;
	}
	return 0;
}

int apply_canonical(const char *path, char *buf)
{
	return realpath(path, buf) ? 0 : -errno;
}

int apply_record_data_root(struct apply_context *context, const char *target, struct error *err)
{
	__attribute__((cleanup(arena_free))) struct arena arena = ARENA_INIT;
	struct mountinfo table;
	const struct mountinfo_entry *entry;
	int r = mountinfo_read(&arena, &table, err);

	if (r < 0)
		return r;
	entry = mountinfo_at(&table, target);
	if (!entry)
		return error_set_plain(err, -ENOENT, "%s: mounted, but not in mountinfo", target);
	if (strlen(target) >= sizeof(context->data_root))
		return error_set(err, -ENAMETOOLONG, "%s", target);
	memcpy(context->data_root, target, strlen(target) + 1);
	context->data_root_mounted = true;
	context->data_root_mount_id = entry->id;
	return 0;
}

const char *apply_errno_name(int code, char *buf, size_t size)
{
	static const struct {
		int code;
		const char *name;
	} names[] = {
		{ EPERM, "EPERM" },	    { ENOENT, "ENOENT" },
		{ ESRCH, "ESRCH" },	    { EIO, "EIO" },
		{ EAGAIN, "EAGAIN" },	    { ENOMEM, "ENOMEM" },
		{ EACCES, "EACCES" },	    { EBUSY, "EBUSY" },
		{ EINVAL, "EINVAL" },	    { ENOSPC, "ENOSPC" },
		{ EROFS, "EROFS" },	    { EOPNOTSUPP, "EOPNOTSUPP" },
		{ ETIMEDOUT, "ETIMEDOUT" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(names); i++)
		if (names[i].code == abs(code))
			return names[i].name;
	(void) snprintf(buf, size, "errno %d", abs(code));
	return buf;
}
