/* SPDX-License-Identifier: Apache-2.0 */
/* TRIAL_FUSE: fuse-overlayfs with its upper layer in the directory. */
#include <fcntl.h>
#include <poll.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/statfs.h>

#include "trial.h"

#define MAGIC_FUSE 0x65735546UL

#define MAX_EVENTS 100 /* there should be one */

/*
 * The kernel wakes pollers of mountinfo when the table changes (proc_pid_mountinfo(5)), and the end
 * of the program closes its output. 0 when m is a FUSE mount. Our parent has the deadline.
 */
static int wait_for_mount(int mountinfo, int output)
{
	for (int i = 0; i < MAX_EVENTS; i++) {
		struct pollfd fds[] = {
			{ .fd = mountinfo, .events = POLLPRI },
			{ .fd = output, .events = 0 }, /* POLLHUP only */
		};
		struct statfs fs;

		if (statfs("m", &fs) == 0 && (unsigned long) fs.f_type == MAGIC_FUSE)
			return 0;
		if (poll(fds, ARRAY_SIZE(fds), -1) < 0 && errno != EINTR)
			return -errno;
		if (fds[1].revents & POLLHUP)
			return -ECHILD;
	}
	return -ETIMEDOUT;
}

static void quote_program(int output, struct trial_record *record)
{
	(void) trial_read_output(output, record->detail, sizeof(record->detail), false);
	record->detail[strcspn(record->detail, "\n")] = '\0';
}

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
	r = trial_start_program(argv, &pid, &output);
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
