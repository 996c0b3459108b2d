/* SPDX-License-Identifier: Apache-2.0 */
/* --quit-file: somebody outside asks for a clean stop by making a file. */
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <string.h>
#include <sys/inotify.h>

#include "dind/file.h"
#include "dind/log.h"
#include "loop.h"

/* The user named the path. A child looks first, so that a dead file server costs this time only. */
#define PROBE_LIMIT_MS 2000

enum probe {
	PROBE_ABSENT = 0,
	PROBE_THERE,
	PROBE_FAILED,
};

static const char *file_name(const char *path)
{
	const char *slash = strrchr(path, '/');

	return slash ? slash + 1 : path;
}

static int directory_of(const char *path, char *buf, size_t size)
{
	size_t n = (size_t) (file_name(path) - path);

	if (n == 0)
		return snprintf(buf, size, ".") > 0 ? 0 : -EINVAL;
	if (n >= size)
		return -ENAMETOOLONG;
	memcpy(buf, path, n); /* with its slash: "/" stays what it is */
	buf[n] = '\0';
	return 0;
}

/* The child is reaped by the loop, as a stranger. */
static enum probe probe(const char *path)
{
	auto_close int answer = -EBADF;
	auto_close int theirs = -EBADF;
	struct pollfd poll_fd = { .events = POLLIN };
	char result = PROBE_FAILED;
	int ends[2];
	pid_t pid;

	if (pipe2(ends, O_CLOEXEC) < 0)
		return PROBE_FAILED;
	answer = ends[0];
	theirs = ends[1];
	pid = fork();
	if (pid == 0) {
		result = access(path, F_OK) == 0 ? PROBE_THERE : PROBE_ABSENT;
		_exit(write(theirs, &result, 1) == 1 ? 0 : 1);
	}
	fd_close(&theirs);
	poll_fd.fd = answer;
	if (pid < 0)
		return PROBE_FAILED;
	if (poll(&poll_fd, 1, PROBE_LIMIT_MS) <= 0 || read(answer, &result, 1) != 1) {
		(void) kill(pid, SIGKILL);
		return PROBE_FAILED;
	}
	return result == PROBE_THERE ? PROBE_THERE : PROBE_ABSENT;
}

static int add_watch(const char *path)
{
	auto_close int fd = inotify_init1(IN_CLOEXEC | IN_NONBLOCK);
	char directory[PATH_MAX];
	int r = directory_of(path, directory, sizeof(directory));

	if (fd < 0)
		return -errno;
	if (r < 0)
		return r;
	if (inotify_add_watch(fd, directory, IN_CREATE | IN_MOVED_TO | IN_ONLYDIR) < 0)
		return -errno;
	return fd_take(&fd);
}

bool quit_watch(struct loop *loop)
{
	const char *path = loop->options->quit_file;
	enum probe found;

	if (!path)
		return false;
	found = probe(path);
	if (found == PROBE_FAILED) {
		log_warning("quit file '%s': no answer, continuing without it", path);
		return false;
	}
	loop->quit_fd = add_watch(path);
	if (loop->quit_fd < 0) {
		char text[64];

		log_warning("quit file '%s': %s, continuing without it", path,
			    strerror_r(-loop->quit_fd, text, sizeof(text)));
		loop->quit_fd = -EBADF;
		return found == PROBE_THERE;
	}
	/* once more: it may have been made between the look and the watch */
	return found == PROBE_THERE || probe(path) == PROBE_THERE;
}

/* Too many events at once: nobody knows what was among those that were dropped. */
static bool is_about(const struct inotify_event *event, const char *path)
{
	if (event->mask & IN_Q_OVERFLOW)
		return probe(path) == PROBE_THERE;
	return event->len > 0 && strcmp(event->name, file_name(path)) == 0;
}

bool quit_take(struct loop *loop)
{
	_Alignas(struct inotify_event) char buf[4096];
	bool found = false;

	for (int round = 0; round < 16; round++) {
		ssize_t n = read(loop->quit_fd, buf, sizeof(buf));

		if (n <= 0)
			break;
		for (ssize_t at = 0; at < n;) {
			const struct inotify_event *event = (const void *) (buf + at);

			found = found || is_about(event, loop->options->quit_file);
			at += (ssize_t) (sizeof(*event) + event->len);
		}
	}
	if (found)
		fd_close(&loop->quit_fd); /* it is said once */
	return found;
}
