/* SPDX-License-Identifier: Apache-2.0 */
#include "dind/file.h"

#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

ssize_t file_read_full(int fd, char *buf, size_t size)
{
	size_t used = 0;

	while (used < size) {
		ssize_t n = read(fd, buf + used, size - used);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		if (n == 0)
			break;
		used += (size_t) n;
	}
	return (ssize_t) used;
}

ssize_t file_read_at(int dirfd, const char *path, char *buf, size_t size)
{
	auto_close int fd = openat(dirfd, path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
	ssize_t n;

	if (fd < 0)
		return -errno;
	n = file_read_full(fd, buf, size - 1);
	if (n >= 0)
		buf[n] = '\0';
	return n;
}

int file_slurp_at(int dirfd, const char *path, size_t max, struct arena *arena, char **ret_text)
{
	auto_close int fd = openat(dirfd, path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
	auto_free char *buf = NULL;
	size_t used = 0, capacity = 0;

	if (fd < 0)
		return -errno;
	do {
		size_t want = capacity ? capacity * 2 : 8192;
		char *grown;
		ssize_t n;

		if (want > max)
			want = max;
		grown = realloc(buf, want + 1);
		if (!grown)
			return -ENOMEM;
		buf = grown;
		capacity = want;
		n = file_read_full(fd, buf + used, capacity - used);
		if (n < 0)
			return (int) n;
		used += (size_t) n;
	} while (used == capacity && capacity < max);
	buf[used] = '\0';
	/* NOLINTNEXTLINE(clang-analyzer-unix.Malloc): auto_free is not known to it */
	*ret_text = arena_strndup(arena, buf, used);
	return 0;
}

int file_write_at(int dirfd, const char *path, const char *text)
{
	auto_close int fd = openat(dirfd, path, O_WRONLY | O_CLOEXEC | O_NOCTTY);
	ssize_t n;

	if (fd < 0)
		return -errno;
	do {
		n = write(fd, text, strlen(text));
	} while (n < 0 && errno == EINTR);
	if (n < 0)
		return -errno;
	return (size_t) n == strlen(text) ? 0 : -EIO;
}

int file_write_all(int fd, const void *data, size_t len)
{
	const char *p = data;

	while (len > 0) {
		ssize_t n = write(fd, p, len);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		p += n;
		len -= (size_t) n;
	}
	return 0;
}

int file_replace(const char *path, const char *text, mode_t mode)
{
	char temporary[PATH_MAX];
	int n = snprintf(temporary, sizeof(temporary), "%s.%d.tmp", path, (int) getpid());
	int r;

	if (n < 0 || (size_t) n >= sizeof(temporary))
		return -ENAMETOOLONG;
	{
		auto_close int fd = open(
			temporary, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, mode);

		if (fd < 0)
			return -errno;
		r = file_write_all(fd, text, strlen(text));
		if (r == 0 && fchmod(fd, mode) < 0) /* whatever the umask said */
			r = -errno;
	}
	if (r == 0 && rename(temporary, path) < 0)
		r = -errno;
	if (r < 0)
		(void) unlink(temporary);
	return r;
}

int file_make_directories(const char *path, mode_t mode)
{
	char partial[PATH_MAX];
	size_t len = strlen(path);
	struct stat st;

	if (len == 0 || len >= sizeof(partial))
		return len ? -ENAMETOOLONG : -ENOENT;
	memcpy(partial, path, len + 1);
	for (char *p = partial + 1;; p++) {
		char c = *p;

		if (c != '/' && c != '\0')
			continue;
		*p = '\0';
		if (mkdir(partial, mode) < 0 && errno != EEXIST)
			return -errno;
		if (c == '\0')
			break;
		*p = c;
	}
	if (stat(path, &st) < 0)
		return -errno;
	return S_ISDIR(st.st_mode) ? 0 : -ENOTDIR;
}

ssize_t file_readlink_at(int dirfd, const char *path, char *buf, size_t size)
{
	ssize_t n = readlinkat(dirfd, path, buf, size);

	if (n < 0)
		return -errno;
	if ((size_t) n >= size)
		return -ENAMETOOLONG;
	buf[n] = '\0';
	return n;
}

int64_t clock_now_us(void)
{
	struct timespec now = { 0, 0 };

	(void) clock_gettime(CLOCK_MONOTONIC, &now);
	return (int64_t) now.tv_sec * 1000000 + now.tv_nsec / 1000;
}

int64_t clock_now_ms(void)
{
	return clock_now_us() / 1000;
}

void clock_sleep_ms(int ms)
{
	struct timespec rest = { ms / 1000, (long) (ms % 1000) * 1000000 };

	while (nanosleep(&rest, &rest) < 0 && errno == EINTR)
		;
}
