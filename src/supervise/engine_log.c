/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The engine's output when COMMAND owns our stderr: a pipe into a file of bounded size, and the
 * last bytes in memory for the day the engine fails. PID 1 writes, so the bound holds whatever the
 * engine does.
 */
#include <fcntl.h>
#include <limits.h>
#include <string.h>
#include <sys/stat.h>

#include "dind/file.h"
#include "dind/log.h"
#include "internal.h"

#define CHUNK	     4096
#define ROUNDS	     32 /* chunks at a time: signals must not wait for a talkative engine */
#define REPLAY_LINES 40

static int make_parent(const char *path)
{
	char parent[PATH_MAX];
	const char *slash = strrchr(path, '/');
	size_t n = slash ? (size_t) (slash - path) : 0;

	if (n == 0)
		return 0;
	if (n >= sizeof(parent))
		return -ENAMETOOLONG;
	memcpy(parent, path, n);
	parent[n] = '\0';
	return file_make_directories(parent, 0755);
}

/* Non-blocking for what is no file: nobody may read from that FIFO or terminal. */
static int open_file(struct engine_log *log, int flags)
{
	struct stat st;

	log->file = open(log->path,
			 O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC | O_NOCTTY | O_NONBLOCK | flags,
			 0640);
	if (log->file < 0)
		return -errno;
	if (fstat(log->file, &st) < 0)
		return -errno;
	log->rotates = S_ISREG(st.st_mode);
	log->written = st.st_size; /* of an earlier start, they count as well */
	return 0;
}

int engine_log_open(struct engine_log *log, const char *path, struct error *err)
{
	int ends[2], r;

	if (pipe2(ends, O_CLOEXEC) < 0)
		return error_set(err, -errno, "pipe for the engine's log");
	log->input = ends[0];
	log->output = ends[1];
	/* Our end only. The engine waits for a slow disk instead of losing lines. */
	if (fcntl(log->input, F_SETFL, O_NONBLOCK) < 0) {
		r = error_set(err, -errno, "pipe for the engine's log");
		engine_log_close(log);
		return r;
	}
	if (!path)
		return 0;
	log->path = path;
	r = make_parent(path);
	if (r == 0)
		r = open_file(log, 0);
	if (r < 0) {
		char text[64];

		fd_close(&log->file);
		log_warning("the engine's log '%s': %s, continuing without the file", path,
			    strerror_r(-r, text, sizeof(text)));
	}
	return 0;
}

static void keep_tail(struct engine_log *log, const char *data, size_t len)
{
	while (len > 0) {
		size_t at = log->seen % ENGINE_LOG_TAIL, n = ENGINE_LOG_TAIL - at;

		if (n > len)
			n = len;
		memcpy(log->tail + at, data, n);
		log->seen += n;
		data += n;
		len -= n;
	}
}

/* Two files of half the bound: the older one goes when the newer one is full. */
static void rotate(struct engine_log *log)
{
	char older[PATH_MAX];
	int n = snprintf(older, sizeof(older), "%s.1", log->path);

	fd_close(&log->file);
	if (n > 0 && (size_t) n < sizeof(older) && rename(log->path, older) < 0)
		log_debug("the engine's log could not be moved to '%s'", older);
	if (open_file(log, O_TRUNC) < 0)
		fd_close(&log->file);
}

/* A full disk costs the lines in the file; the tail has them, and there may be room again. */
static void write_file(struct engine_log *log, const char *data, size_t len)
{
	ssize_t n;

	if (log->rotates && log->written + (long long) len > ENGINE_LOG_HALF)
		rotate(log);
	if (log->file < 0)
		return;
	n = write(log->file, data, len);
	if (n > 0)
		log->written += n;
}

void engine_log_take(struct engine_log *log)
{
	char data[CHUNK];

	for (int round = 0; round < ROUNDS && log->input >= 0; round++) {
		ssize_t n = read(log->input, data, sizeof(data));

		if (n < 0 && (errno == EAGAIN || errno == EINTR))
			return;
		if (n <= 0) {
			fd_close(&log->input);
			return;
		}
		keep_tail(log, data, (size_t) n);
		write_file(log, data, (size_t) n);
	}
}

static char tail_at(const struct engine_log *log, size_t i)
{
	return log->tail[i % ENGINE_LOG_TAIL];
}

/* Where the last REPLAY_LINES whole lines begin. */
static size_t replay_start(const struct engine_log *log)
{
	size_t oldest = log->seen > ENGINE_LOG_TAIL ? log->seen - ENGINE_LOG_TAIL : 0;
	size_t start = log->seen;
	int lines = 0;

	while (start > oldest) {
		if (tail_at(log, start - 1) == '\n' && start < log->seen && ++lines == REPLAY_LINES)
			return start;
		start--;
	}
	if (oldest == 0)
		return 0;
	/* the first line in the ring has lost its beginning */
	while (start < log->seen && tail_at(log, start) != '\n')
		start++;
	return start < log->seen ? start + 1 : oldest;
}

bool engine_log_replay(struct engine_log *log)
{
	char line[1024];
	size_t n = 0;

	if (log->seen == 0)
		return false;
	log_error("the end of the engine's log%s%s:", log->file >= 0 ? ", all of it is in " : "",
		  log->file >= 0 ? log->path : "");
	for (size_t i = replay_start(log); i <= log->seen; i++) {
		char c = '\n'; /* the last line may have no end */

		if (i < log->seen)
			c = tail_at(log, i);
		if (c == '\n') {
			line[n] = '\0';
			if (n > 0)
				log_error("| %s", line);
			n = 0;
		} else if (n + 1 < sizeof(line)) {
			line[n++] = c;
		}
	}
	log->seen = 0;
	return true;
}

void engine_log_close(struct engine_log *log)
{
	fd_close(&log->input);
	fd_close(&log->output);
	fd_close(&log->file);
}
