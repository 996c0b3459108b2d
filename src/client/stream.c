/* SPDX-License-Identifier: Apache-2.0 */
/* stream.c - an archive as the plain tar that every engine takes. */
#include "bundle_internal.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>

#include "dind/file.h"

#define BLOCK_SIZE  65536
#define BUFFER_SIZE ((size_t) BLOCK_SIZE + 8192)

struct bundle_stream {
	const struct bundle_scan *scan;
	int fd; /* of a plain tar, or of the directory's current file */
	int directory_fd;
	struct archive *reader; /* of a compressed one */
	struct archive *writer; /* of the manifest, and of a directory */
	size_t next;		/* member of a directory */
	uint64_t left;		/* bytes of the current file */
	bool ended;
	char *buffer; /* what the writer has made and nobody has taken */
	size_t head, used, size;
	uint64_t bytes;
};

static la_ssize_t collect(struct archive *a, void *user, const void *data, size_t size)
{
	struct bundle_stream *s = user;

	if (s->used + size > s->size) {
		char *more = realloc(s->buffer, s->used + size + BUFFER_SIZE);

		if (!more) {
			archive_set_error(a, ENOMEM, "no memory");
			return -1;
		}
		s->buffer = more;
		s->size = s->used + size + BUFFER_SIZE;
	}
	memcpy(s->buffer + s->used, data, size);
	s->used += size;
	return (la_ssize_t) size;
}

static int begin_file(struct bundle_stream *s, const char *name, uint64_t size, struct error *err)
{
	struct archive_entry *entry = archive_entry_new();
	int code = ARCHIVE_FATAL;

	if (entry) {
		archive_entry_set_pathname(entry, name);
		archive_entry_set_size(entry, (la_int64_t) size);
		archive_entry_set_filetype(entry, AE_IFREG);
		archive_entry_set_perm(entry, 0644);
		archive_entry_set_mtime(entry, 0, 0);
		code = archive_write_header(s->writer, entry);
		archive_entry_free(entry);
	}
	if (code != ARCHIVE_OK)
		return bundle_failure(s->writer, -EIO, s->scan->path, err);
	return 0;
}

/* In front of all the rest, as one more file: what follows is left as it is. */
static int add_manifest(struct bundle_stream *s, struct error *err)
{
	const char *text = s->scan->manifest;
	size_t size = text ? strlen(text) : 0;
	int r;

	if (!text)
		return 0;
	r = begin_file(s, "manifest.json", size, err);
	if (r == 0 && (archive_write_data(s->writer, text, size) != (la_ssize_t) size ||
		       archive_write_finish_entry(s->writer) != ARCHIVE_OK))
		r = bundle_failure(s->writer, -EIO, s->scan->path, err);
	return r;
}

static int open_writer(struct bundle_stream *s, struct error *err)
{
	s->writer = archive_write_new();
	if (!s->writer)
		return error_set(err, -ENOMEM, "%s", s->scan->path);
	(void) archive_write_set_format_pax_restricted(s->writer);
	/* Nothing is held back to fill a block, so that what was written can be taken at once. */
	(void) archive_write_set_bytes_per_block(s->writer, 0);
	if (archive_write_open(s->writer, s, NULL, collect, NULL) != ARCHIVE_OK)
		return bundle_failure(s->writer, -EIO, s->scan->path, err);
	return add_manifest(s, err);
}

static int open_reader(struct bundle_stream *s, struct error *err)
{
	struct archive_entry *entry;

	s->reader = archive_read_new();
	if (!s->reader)
		return error_set(err, -ENOMEM, "%s", s->scan->path);
	bundle_support_filters(s->reader);
	(void) archive_read_support_format_raw(s->reader);
	if (archive_read_open_fd(s->reader, s->fd, BLOCK_SIZE) != ARCHIVE_OK ||
	    archive_read_next_header(s->reader, &entry) != ARCHIVE_OK)
		return bundle_failure(s->reader, -EBADMSG, s->scan->path, err);
	return 0;
}

struct bundle_stream *bundle_stream_open(const struct bundle_scan *scan, struct error *err)
{
	struct bundle_stream *s = calloc(1, sizeof(*s));
	int flags = O_RDONLY | O_CLOEXEC | O_NOCTTY;
	int r = 0, fd;

	if (!s) {
		(void) error_set(err, -ENOMEM, "%s", scan->path);
		return NULL;
	}
	s->scan = scan;
	s->fd = s->directory_fd = -EBADF;
	fd = open(scan->path, flags | O_CLOEXEC);
	if (fd < 0)
		r = error_set(err, -errno, "open %s", scan->path);
	else if (scan->directory)
		s->directory_fd = fd;
	else
		s->fd = fd;
	if (r == 0 && (scan->directory || scan->manifest))
		r = open_writer(s, err);
	if (r == 0 && !scan->directory && !scan->plain)
		r = open_reader(s, err);
	if (r < 0) {
		bundle_stream_close(s);
		return NULL;
	}
	return s;
}

void bundle_stream_close(struct bundle_stream *s)
{
	if (!s)
		return;
	(void) archive_read_free(s->reader);
	/* Not closed in order: that would want to write an end. */
	if (s->writer)
		(void) archive_write_fail(s->writer);
	(void) archive_write_free(s->writer);
	fd_close(&s->fd);
	fd_close(&s->directory_fd);
	free(s->buffer);
	free(s);
}

static int next_file(struct bundle_stream *s, struct error *err)
{
	const struct bundle_member *member = &s->scan->members[s->next++];
	/* ours goes in its place */
	bool replaced = s->scan->manifest && strcmp(member->name, "manifest.json") == 0;

	if (replaced)
		return 0;
	s->fd = openat(s->directory_fd, member->name, O_RDONLY | O_CLOEXEC | O_NOCTTY);
	if (s->fd < 0)
		return error_set(err, -errno, "open %s/%s", s->scan->path, member->name);
	s->left = member->size;
	return begin_file(s, member->name, member->size, err);
}

/* One more piece of a directory's tar into the buffer. */
static int fill(struct bundle_stream *s, struct error *err)
{
	char block[BLOCK_SIZE];
	ssize_t n;

	if (s->fd < 0 && s->next < s->scan->member_count)
		return next_file(s, err);
	if (s->fd < 0) {
		s->ended = true;
		if (archive_write_close(s->writer) != ARCHIVE_OK)
			return bundle_failure(s->writer, -EIO, s->scan->path, err);
		return 0;
	}
	if (s->left == 0) {
		fd_close(&s->fd);
		if (archive_write_finish_entry(s->writer) != ARCHIVE_OK)
			return bundle_failure(s->writer, -EIO, s->scan->path, err);
		return 0;
	}
	n = read(s->fd, block, s->left < sizeof(block) ? (size_t) s->left : sizeof(block));
	if (n <= 0)
		return n < 0 ? error_set(err, -errno, "read %s", s->scan->path)
			     : error_set_plain(err, -EBADMSG, "%s: a file in it became shorter",
					       s->scan->path);
	s->left -= (uint64_t) n;
	if (archive_write_data(s->writer, block, (size_t) n) != n)
		return bundle_failure(s->writer, -EIO, s->scan->path, err);
	return 0;
}

static ssize_t take(struct bundle_stream *s, char *buf, size_t size)
{
	size_t n = s->used - s->head;

	if (n > size)
		n = size;
	memcpy(buf, s->buffer + s->head, n);
	s->head += n;
	if (s->head == s->used)
		s->head = s->used = 0;
	return (ssize_t) n;
}

static ssize_t read_more(struct bundle_stream *s, char *buf, size_t size, struct error *err)
{
	ssize_t n;

	if (s->reader) {
		n = archive_read_data(s->reader, buf, size);
		return n < 0 ? bundle_failure(s->reader, -EBADMSG, s->scan->path, err) : n;
	}
	do {
		n = read(s->fd, buf, size);
	} while (n < 0 && errno == EINTR);
	return n < 0 ? error_set(err, -errno, "read %s", s->scan->path) : n;
}

ssize_t bundle_stream_read(void *data, char *buf, size_t size, struct error *err)
{
	struct bundle_stream *s = data;
	ssize_t n;
	int r;

	while (s->scan->directory && s->used == 0 && !s->ended) {
		r = fill(s, err);
		if (r < 0)
			return r;
	}
	if (s->used > 0)
		n = take(s, buf, size);
	else
		n = s->scan->directory ? 0 : read_more(s, buf, size, err);
	if (n > 0)
		s->bytes += (uint64_t) n;
	return n;
}

uint64_t bundle_stream_bytes(const struct bundle_stream *s)
{
	return s->bytes;
}
