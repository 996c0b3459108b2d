/* SPDX-License-Identifier: Apache-2.0 */
/* The `ready` sub-command: what the state file says, and whether the engine answers. */
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <string.h>
#include <sys/inotify.h>

#include "dind/file.h"
#include "dind/str.h"
#include "ready.h"

/* The directory may get another file system over it while we watch, and an engine that does not
 * answer now changes no file: look again from time to time. */
#define LOOK_AGAIN_MS 200
/* Without --timeout an engine that says it is ready still gets time for its answer. */
#define PING_LEAST_MS 2000

enum verdict {
	VERDICT_READY = 0,
	VERDICT_STARTING,
	VERDICT_SILENT, /* ready, but no answer */
	VERDICT_DEAD,
};

static enum verdict judge(const struct state_record *record, int64_t end, struct error *err)
{
	if (record->pid > 0 && record->pid <= INT_MAX && kill((pid_t) record->pid, 0) < 0 &&
	    errno == ESRCH) {
		(void) error_set_plain(err, -ESRCH, "dind-init (pid %d) is gone",
				       (int) record->pid);
		return VERDICT_DEAD;
	}
	if (str_equal(record->state, "starting")) {
		(void) error_set_plain(err, -EAGAIN, "the engine is still starting");
		return VERDICT_STARTING;
	}
	if (str_equal(record->state, "restarting")) {
		(void) error_set_plain(err, -EAGAIN, "the engine died and is being started again");
		return VERDICT_STARTING;
	}
	if (str_equal(record->state, "preparing")) {
		(void) error_set_plain(err, -EAGAIN, "the engine runs and is still being prepared");
		return VERDICT_STARTING;
	}
	if (!str_equal(record->state, "ready")) {
		(void) error_set_plain(err, -ESHUTDOWN, "the engine is not there, state %s%s%s",
				       record->state, *record->reason ? ": " : "", record->reason);
		return VERDICT_DEAD;
	}
	if (!*record->socket) /* its listeners are not ours: READY=1 has to do */
		return VERDICT_READY;
	return ready_ping(record->socket, end, err) == 0 ? VERDICT_READY : VERDICT_SILENT;
}

static enum verdict look(const char *state_file, int64_t end, struct error *err)
{
	char text[STATE_TEXT_MAX];
	struct state_record record;
	ssize_t n = file_read_at(AT_FDCWD, state_file, text, sizeof(text));

	if (n == -ENOENT) {
		(void) error_set_plain(err, -EAGAIN,
				       "there is no '%s' yet: dind-init is still at its "
				       "preparations, or does not run here%s",
				       state_file,
				       str_has_prefix(state_file, "/tmp/")
					       ? ", or as a user who can write neither to /run nor "
						 "to /tmp (--tmpfs /tmp)"
					       : "");
		return VERDICT_STARTING;
	}
	if (n < 0) {
		(void) error_set(err, (int) n, "read '%s'", state_file);
		return VERDICT_DEAD;
	}
	if (state_parse(text, &record) < 0) {
		(void) error_set_plain(err, -EINVAL, "'%s' is not from this dind-init", state_file);
		return VERDICT_DEAD;
	}
	return judge(&record, end, err);
}

static int watch(const char *state_file)
{
	char directory[PATH_MAX];
	const char *slash = strrchr(state_file, '/');
	size_t n = slash ? (size_t) (slash - state_file) + 1 : 0;
	int fd = inotify_init1(IN_CLOEXEC | IN_NONBLOCK);

	if (n >= sizeof(directory))
		n = 0;
	memcpy(directory, n ? state_file : ".", n ? n : 1);
	directory[n ? n : 1] = '\0';
	if (fd >= 0 && inotify_add_watch(fd, directory, IN_MOVED_TO | IN_CREATE | IN_ONLYDIR) < 0)
		fd_close(&fd); /* not there yet */
	return fd;
}

static void wait_for_change(int watch_fd, int64_t end)
{
	struct pollfd poll_fd = { .fd = watch_fd, .events = POLLIN };
	int64_t left = end - clock_now_ms();

	if (left > LOOK_AGAIN_MS)
		left = LOOK_AGAIN_MS;
	if (left > 0)
		(void) poll(&poll_fd, 1, (int) left);
}

int supervise_ready(const char *state_file, int timeout_ms, struct error *err)
{
	int64_t start = clock_now_ms(), end = start + timeout_ms;
	int64_t ping_end = timeout_ms > PING_LEAST_MS ? end : start + PING_LEAST_MS;

	for (;;) {
		/* before the look, so that nothing falls in between */
		auto_close int watch_fd = watch(state_file);
		enum verdict verdict = look(state_file, ping_end, err);

		switch (verdict) {
		case VERDICT_READY:
			return STATUS_OK;
		case VERDICT_DEAD:
			return STATUS_UNAVAILABLE;
		case VERDICT_STARTING:
		case VERDICT_SILENT:
			break;
		}
		if (clock_now_ms() >= end)
			return verdict == VERDICT_STARTING ? STATUS_TEMPFAIL : STATUS_UNAVAILABLE;
		wait_for_change(watch_fd, end);
	}
}
