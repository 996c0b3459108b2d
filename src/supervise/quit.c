/* SPDX-License-Identifier: Apache-2.0 */
/* --quit-file: somebody outside asks for a clean stop by making a file. --quit-pipe: somebody has
 * ended. */
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <string.h>
#include <sys/inotify.h>
#include <sys/stat.h>

#include "dind/file.h"
#include "dind/log.h"
#include "loop.h"

/* The user named the path. A child goes there first, so that a dead file server costs this time
 * only. */
#define PROBE_LIMIT_MS 2000

/* What is written to the pipe is nobody's; this much of it goes with one wake-up. */
#define WASTE_ROUNDS 16

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

/* What @task says about @path, 0 to 255; -1: nothing in time. The child is reaped by the loop, as a
 * stranger. */
static int in_child(const char *path, unsigned char (*task)(const char *path))
{
	auto_close int answer = -EBADF;
	auto_close int theirs = -EBADF;
	struct pollfd poll_fd = { .events = POLLIN };
	unsigned char result = 0;
	int ends[2];
	pid_t pid;

	if (pipe2(ends, O_CLOEXEC) < 0)
		return -1;
	answer = ends[0];
	theirs = ends[1];
	pid = fork();
	if (pid == 0) {
		result = task(path);
		_exit(write(theirs, &result, 1) == 1 ? 0 : 1);
	}
	fd_close(&theirs);
	poll_fd.fd = answer;
	if (pid < 0)
		return -1;
	if (poll(&poll_fd, 1, PROBE_LIMIT_MS) <= 0 || read(answer, &result, 1) != 1) {
		(void) kill(pid, SIGKILL);
		return -1;
	}
	return result;
}

static void go_on_without(const char *what, const char *path, const char *problem)
{
	log_warning("quit %s '%s': %s, continuing without it", what, path, problem);
}

/* ---- the file ---- */

static unsigned char is_there(const char *path)
{
	return access(path, F_OK) == 0;
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

/* True when it is there already. */
static bool watch_file(struct loop *loop)
{
	const char *path = loop->options->quit_file;
	int found = in_child(path, is_there);
	char text[64];

	if (found < 0) {
		go_on_without("file", path, "no answer");
		return false;
	}
	loop->quit_fd = add_watch(path);
	if (loop->quit_fd < 0) {
		go_on_without("file", path, strerror_r(-loop->quit_fd, text, sizeof(text)));
		loop->quit_fd = -EBADF;
		return found == 1;
	}
	/* once more: it may have been made between the look and the watch */
	return found == 1 || in_child(path, is_there) == 1;
}

/* Too many events at once: nobody knows what was among those that were dropped. */
static bool is_about(const struct inotify_event *event, const char *path)
{
	if (event->mask & IN_Q_OVERFLOW)
		return in_child(path, is_there) == 1;
	return event->len > 0 && strcmp(event->name, file_name(path)) == 0;
}

static bool take_file(struct loop *loop)
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
	return found;
}

/* ---- the pipe ---- */

/* An errno, or 0. Whoever shares the directory may be another user. */
static unsigned char make_pipe(const char *path)
{
	(void) umask(0);
	return mkfifo(path, 0666) == 0 || errno == EEXIST ? 0 : (unsigned char) errno;
}

/*
 * A lock would do, but nobody can wait for one to be taken. The kernel knows of a pipe's reader
 * that there was a writer: POLLHUP comes when the last one has gone, whatever became of it, and not
 * before there was one.
 */
static int open_pipe(const char *path)
{
	auto_close int fd = -EBADF;
	struct stat st;
	int r = in_child(path, make_pipe);

	if (r != 0)
		return r < 0 ? -ETIMEDOUT : -r;
	fd = open(path, O_RDONLY | O_NONBLOCK | O_CLOEXEC | O_NOFOLLOW | O_NOCTTY);
	if (fd < 0 || fstat(fd, &st) < 0)
		return -errno;
	return S_ISFIFO(st.st_mode) ? fd_take(&fd) : -EEXIST;
}

static void watch_pipe(struct loop *loop)
{
	char text[64];

	loop->quit_pipe = open_pipe(loop->options->quit_pipe);
	if (loop->quit_pipe >= 0)
		return;
	go_on_without("pipe", loop->options->quit_pipe,
		      strerror_r(-loop->quit_pipe, text, sizeof(text)));
	loop->quit_pipe = -EBADF;
}

static bool take_pipe(struct loop *loop)
{
	char waste[4096];
	ssize_t n = 1;

	for (int round = 0; n > 0 && round < WASTE_ROUNDS; round++)
		n = read(loop->quit_pipe, waste, sizeof(waste));
	return n == 0;
}

/* ---- both ---- */

bool quit_watch(struct loop *loop)
{
	if (loop->options->quit_pipe)
		watch_pipe(loop);
	if (!loop->options->quit_file || !watch_file(loop))
		return false;
	log_info("stop: '%s' is there", loop->options->quit_file);
	return true;
}

bool quit_take_file(struct loop *loop)
{
	if (!take_file(loop))
		return false;
	fd_close(&loop->quit_fd); /* it is said once */
	log_info("stop: '%s' is there", loop->options->quit_file);
	return true;
}

bool quit_take_pipe(struct loop *loop)
{
	if (!take_pipe(loop))
		return false;
	fd_close(&loop->quit_pipe);
	log_info("stop: nobody holds '%s' any more", loop->options->quit_pipe);
	return true;
}
