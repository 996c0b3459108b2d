/* SPDX-License-Identifier: Apache-2.0 */
/*
 * dockerd's output, when COMMAND owns stdout and stderr: a pipe into a file of bounded size, with
 * the last bytes kept for the day the engine fails. PID 1 writes, so the bound holds whatever
 * dockerd does.
 */
#include <fcntl.h>
#include <limits.h>
#include <string.h>

#include "dind/file.h"
#include "dind/log.h"
#include "internal.h"

#define DRAIN_CHUNK  16384
#define DRAIN_ROUNDS 16
#define REPLAY_LINES 40

static int log_file(const char *path, bool fresh)
{
	return open(path,
		    O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC | O_NOCTTY | (fresh ? O_TRUNC : 0),
		    0640);
}

static int make_parent(const char *path)
{
	char parent[PATH_MAX];
	const char *slash = strrchr(path, '/');

	if (!slash || slash == path)
		return 0;
	if ((size_t) (slash - path) >= sizeof(parent))
		return -ENAMETOOLONG;
	memcpy(parent, path, (size_t) (slash - path));
	parent[slash - path] = '\0';
	return file_make_directories(parent, 0755);
}

int engine_log_open(struct engine_log *log, const char *path, struct error *err)
{
	int ends[2], r;

	log->pipe_read = log->pipe_write = log->file = -EBADF;
	log->path = path;
	log->written = 0;
	log->tail_used = 0;
	if (pipe2(ends, O_CLOEXEC) < 0)
		return error_set(err, -errno, "engine log: pipe");
	/* Only our end: dockerd shall wait for a slow disk, not lose lines. */
	if (fcntl(ends[0], F_SETFL, O_NONBLOCK) < 0) {
		r = error_set(err, -errno, "engine log: O_NONBLOCK");
		fd_close(&ends[0]);
		fd_close(&ends[1]);
		return r;
	}
	log->pipe_read = ends[0];
	log->pipe_write = ends[1];
	if (!path)
		return 0;
	r = make_parent(path);
	log->file = r < 0 ? r : log_file(path, false);
	if (log->file < 0) {
		log_warning("engine log '%s': %s, continuing without the file", path,
			    strerror(r < 0 ? -r : errno));
		log->file = -EBADF;
		return 0;
	}
	log->written = lseek(log->file, 0, SEEK_END);
	return 0;
}

static void keep_tail(struct engine_log *log, const char *data, size_t len)
{
	for (size_t i = 0; i < len; i++)
		log->tail[log->tail_used++ % ENGINE_LOG_TAIL] = data[i];
}

/* Two files of half the bound: the older one goes when the newer one is full. */
static void rotate(struct engine_log *log)
{
	char older[PATH_MAX];
	int n = snprintf(older, sizeof(older), "%s.1", log->path);

	fd_close(&log->file);
	if (n > 0 && (size_t) n < sizeof(older))
		(void) rename(log->path, older);
	log->file = log_file(log->path, true);
	log->written = 0;
}

bool engine_log_drain(struct engine_log *log)
{
	char data[DRAIN_CHUNK];

	for (int round = 0; round < DRAIN_ROUNDS; round++) {
		ssize_t n = read(log->pipe_read, data, sizeof(data));

		if (n < 0)
			return errno == EAGAIN || errno == EINTR;
		if (n == 0)
			return false;
		keep_tail(log, data, (size_t) n);
		if (log->file < 0)
			continue;
		if (log->written + n > ENGINE_LOG_HALF)
			rotate(log);
		/* A full disk costs the line in the file, not the tail. */
		if (log->file >= 0 && file_write_all(log->file, data, (size_t) n) == 0)
			log->written += n;
	}
	return true;
}

static char tail_at(const struct engine_log *log, size_t i)
{
	return log->tail[i % ENGINE_LOG_TAIL];
}

void engine_log_replay(struct engine_log *log)
{
	char line[512];
	size_t begin, used = 0, lines = 0;

	if (log->pipe_read < 0 && log->tail_used == 0)
		return;
	if (log->pipe_read >= 0)
		(void) engine_log_drain(log);
	begin = log->tail_used > ENGINE_LOG_TAIL ? log->tail_used - ENGINE_LOG_TAIL : 0;
	/* back from the end until there are enough lines */
	for (size_t i = log->tail_used; i > begin; i--) {
		if (tail_at(log, i - 1) == '\n' && i != log->tail_used && ++lines == REPLAY_LINES) {
			begin = i;
			break;
		}
	}
	if (begin == log->tail_used) {
		log_error("the engine printed nothing");
		return;
	}
	log_error("the engine's last lines%s%s:", log->file >= 0 ? " (all of them: " : "",
		  log->file >= 0 ? log->path : "");
	for (size_t i = begin; i < log->tail_used; i++) {
		char c = tail_at(log, i);

		if (c != '\n' && used + 1 < sizeof(line))
			line[used++] = c;
		if (c != '\n' && i + 1 < log->tail_used)
			continue;
		line[used] = '\0';
		if (used)
			log_error("  | %s", line);
		used = 0;
	}
}

void engine_log_close(struct engine_log *log)
{
	fd_close(&log->pipe_read);
	fd_close(&log->pipe_write);
	fd_close(&log->file);
}
