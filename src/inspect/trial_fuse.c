/* SPDX-License-Identifier: Apache-2.0 */
/* TRIAL_FUSE: fuse-overlayfs with its upper layer in the directory. */
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>

#include "dind/str.h"
#include "trial.h"

#define MAX_EVENTS 100 /* there should be one */

/*
 * The kernel wakes pollers of mountinfo when the table changes (proc_pid_mountinfo(5)), and the end
 * of the program closes its output. 0 when m is a mount. Our parent has the deadline.
 */
static int wait_for_mount(int mountinfo, int output)
{
	for (int i = 0; i < MAX_EVENTS; i++) {
		struct pollfd fds[] = {
			{ .fd = mountinfo, .events = POLLPRI },
			{ .fd = output, .events = 0 }, /* POLLHUP only */
		};
		struct stat top, below;

		/* Not by the type: the directory may be on FUSE itself. */
		if (stat(".", &below) == 0 && stat("m", &top) == 0 && top.st_dev != below.st_dev)
			return 0;
		if (poll(fds, ARRAY_SIZE(fds), -1) < 0 && errno != EINTR)
			return -errno;
		if (fds[1].revents & POLLHUP)
			return -ECHILD;
	}
	return -ETIMEDOUT;
}

/* The last line that it printed, but for what it always says of options that mount(8) adds. */
static void quote_program(int output, struct trial_record *record)
{
	char text[1024];
	char *line, *rest = text;

	(void) trial_read_output(output, text, sizeof(text), false);
	while ((line = strsep(&rest, "\n")))
		if (*line && !str_has_prefix(line, "unknown argument ignored"))
			(void) snprintf(record->detail, sizeof(record->detail), "%s", line);
}

/* As inner programs see it. Layers without are the program's own affair: it looks at each file. */
static const char *const typed[] = { "m" };

static void try_fuse(const struct trial_context *context, struct trial_record *record)
{
	const char *const argv[] = { context->fuse_overlayfs,
				     "-f", /* stays our child */
				     "-o",
				     "lowerdir=a:b,upperdir=u,workdir=w",
				     "m",
				     NULL };
	auto_close int mountinfo = open("/proc/self/mountinfo", O_RDONLY | O_CLOEXEC);
	auto_close int output = -EBADF;
	pid_t pid;
	int r;

	if (mountinfo < 0) {
		(void) trial_failed(record, TRI_UNKNOWN, errno, "open mountinfo");
		return;
	}
	r = trial_start_program(argv, -EBADF, &pid, &output);
	if (r < 0) {
		(void) trial_failed(record, TRI_UNKNOWN, -r, "start %s", context->fuse_overlayfs);
		return;
	}
	r = wait_for_mount(mountinfo, output);
	if (r < 0)
		(void) trial_failed(record, TRI_NO, -r, "mount with %s", context->fuse_overlayfs);
	else
		r = trial_exercise(record);
	if (r == 0)
		r = trial_check_types(typed, ARRAY_SIZE(typed), record);
	if (r == 0)
		trial_passed(record, "mounted, written to, unmounted");
	else
		quote_program(output, record);
	(void) umount2("m", MNT_DETACH); /* without its mount the program has nothing to do */
	(void) trial_end_program(pid);
}

int trial_fuse_work(const void *context, void *record)
{
	const struct trial_context *trial = context;
	auto_close int device = -EBADF;
	auto_close int directory = -EBADF;
	auto_close int lock = -EBADF;

	if (!trial->fuse_overlayfs) {
		(void) trial_failed(record, TRI_NO, ENOENT, "fuse-overlayfs is not in PATH");
		return 0;
	}
	device = open("/dev/fuse", O_RDWR | O_CLOEXEC);
	if (device < 0) {
		(void) trial_failed(record, TRI_NO, errno, "open /dev/fuse");
		return 0;
	}
	if (trial_enter(trial, record, &directory, &lock) < 0)
		return 0;
	try_fuse(trial, record);
	trial_leave(directory, record);
	return 0;
}
