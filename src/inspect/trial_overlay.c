/* SPDX-License-Identifier: Apache-2.0 */
/* TRIAL_OVERLAY: the kernel's overlay with its upper layer in the directory. */
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <sys/sysmacros.h>
#include <sys/utsname.h>
#include <sys/xattr.h>

#include "dind/str.h"
#include "trial.h"

#define MAGIC_AUFS 0x61756673UL

#define MAX_KERNEL_LINES 64

/* ---- the kernel's own words ----
 */

/* From now on; non-blocking. Negative where we may not. */
static int open_kernel_log(void)
{
	auto_close int fd = open("/dev/kmsg", O_RDONLY | O_NONBLOCK | O_CLOEXEC);

	if (fd < 0 || lseek(fd, 0, SEEK_END) < 0)
		return -errno;
	return fd_take(&fd);
}

/* dev-kmsg of the kernel's ABI documentation: "priority,sequence,time,flags;message\n" a read(2).
 */
static void quote_kernel(int fd, struct trial_record *record)
{
	char line[1024];

	for (int i = 0; fd >= 0 && i < MAX_KERNEL_LINES; i++) {
		ssize_t n = read(fd, line, sizeof(line) - 1);
		char *message;

		if (n < 0 && (errno == EPIPE || errno == EINTR)) /* EPIPE: overwritten meanwhile */
			continue;
		if (n <= 0)
			break;
		line[n] = '\0';
		message = strchr(line, ';');
		/* "overlay:" by the mount API since 6.5, "overlayfs:" by printk() before and still
		 */
		if (!message || (!str_has_prefix(message + 1, "overlay:") &&
				 !str_has_prefix(message + 1, "overlayfs:")))
			continue;
		message[1 + strcspn(message + 1, "\n")] = '\0';
		(void) snprintf(record->detail, sizeof(record->detail), "%s", message + 1);
	}
}

/* ---- the mount ----
 */

static bool kernel_is_older(int major, int minor)
{
	struct utsname name;
	long have_major, have_minor;
	char *end;

	if (uname(&name) < 0)
		return false;
	have_major = strtol(name.release, &end, 10);
	have_minor = *end == '.' ? strtol(end + 1, NULL, 10) : 0;
	return have_major < major || (have_major == major && have_minor < minor);
}

/* Relative paths: those of the user may hold commas and colons. */
static int mount_overlay(const struct trial_context *context)
{
	const char *userxattr = context->user_namespace ? ",userxattr" : "";
	/* As dockerd does: an index would be a promise to the next mount of this upper layer. */
	const char *index =
		access("/sys/module/overlay/parameters/index", F_OK) == 0 ? ",index=off" : "";
	char options[128];
	int r;

	(void) snprintf(options, sizeof(options), "lowerdir=a:b,upperdir=u,workdir=w,volatile%s%s",
			index, userxattr);
	r = mount("overlay", "m", "overlay", 0, options) < 0 ? -errno : 0;
	if (r == -EINVAL && kernel_is_older(5, 10)) {
		/* KERNEL<5.10: no `volatile`; some vendors' older kernels have it. */
		(void) snprintf(options, sizeof(options), "lowerdir=a:b,upperdir=u,workdir=w%s%s",
				index, userxattr);
		r = mount("overlay", "m", "overlay", 0, options) < 0 ? -errno : 0;
	}
	return r;
}

/* What the exercise must have left in the upper layer. */
static int check_upper(const struct trial_context *context, struct trial_record *record)
{
	const char *opaque =
		context->user_namespace ? "user.overlay.opaque" : "trusted.overlay.opaque";
	struct stat st;
	char value[8];

	if (lstat("u/unlinked", &st) < 0)
		return trial_failed(record, TRI_NO, errno, "find the whiteout");
	if (!S_ISCHR(st.st_mode) || st.st_rdev != makedev(0, 0))
		return trial_failed(record, TRI_NO, EINVAL, "a deleted file left no whiteout");
	if (lgetxattr("u/both", opaque, value, sizeof(value)) < 0)
		return trial_failed(record, TRI_NO, errno, "read the attribute %s", opaque);
	return 0;
}

/* Without types overlay does not find its own whiteouts, so they come first: what fails else would
 * be the consequence and not the cause. */
static int exercise(const struct trial_context *context, struct trial_record *record)
{
	static const char *const before[] = { ".", "b" };
	static const char *const after[] = { "u", "m" };
	int r = trial_check_types(before, ARRAY_SIZE(before), record);

	if (r == 0)
		r = trial_exercise(record);
	if (r == 0)
		r = trial_check_types(after, ARRAY_SIZE(after), record);
	return r < 0 ? r : check_upper(context, record);
}

static void try_overlay(const struct trial_context *context, struct trial_record *record)
{
	auto_close int kernel_log = open_kernel_log();
	struct statfs fs;
	bool is_aufs = statfs(".", &fs) == 0 && (unsigned long) fs.f_type == MAGIC_AUFS;
	int r = mount_overlay(context);

	if (r < 0) {
		quote_kernel(kernel_log, record);
		(void) trial_failed(record, TRI_NO, -r, "mount an overlay");
		return;
	}
	/* The first open of a file in an overlay whose lower layer is on aufs spins in the kernel
	 * for ever, unkillable. */
	if (is_aufs) {
		trial_passed(record, "mounted; not opened, because it lies on aufs");
		return;
	}
	if (exercise(context, record) == 0)
		trial_passed(record, "mounted, written to, unmounted");
	else
		quote_kernel(kernel_log, record);
}

int trial_overlay_work(const void *context, void *record)
{
	const struct trial_context *trial = context;
	auto_close int directory = -EBADF;
	auto_close int lock = -EBADF;

	if (trial_enter(trial, record, &directory, &lock) < 0)
		return 0;
	try_overlay(trial, record);
	trial_leave(directory, record);
	return 0;
}
