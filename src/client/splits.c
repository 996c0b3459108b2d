/* SPDX-License-Identifier: Apache-2.0 */
/*
 * splits.c - gzip, with one JSON object per line: {"type":1,"name":…,"size":…} for a file, type 2
 * for the bytes between. Sizes are enough: neither ext4 nor XFS lets a file have its size on the
 * disk before its blocks are written.
 */
#include "splits.h"

#include <archive.h>
#include <archive_entry.h>
#include <fcntl.h>
#include <jansson.h>
#include <string.h>
#include <sys/stat.h>

#include "dind/str.h"

#define CHUNK	     65536
#define LINE_MAX_LEN ((size_t) 1 << 20)
#define SUSPECTS     16

struct splits {
	int files;
	char *line; /* LINE_MAX_LEN bytes */
	size_t used;
	bool wrong; /* not what such a record looks like, or too much is missing */
	/* of a name that comes twice the last counts */
	char *suspects[SUSPECTS];
	size_t n_suspects;
};

static const char *plain_name(const char *name)
{
	while (*name == '/' || str_has_prefix(name, "./"))
		name += *name == '/' ? 1 : 2;
	return name;
}

static void forget(struct splits *s, const char *name)
{
	for (size_t i = 0; i < s->n_suspects; i++)
		if (strcmp(s->suspects[i], name) == 0) {
			free(s->suspects[i]);
			s->suspects[i] = s->suspects[--s->n_suspects];
			return;
		}
}

static void suspect(struct splits *s, const char *name)
{
	if (s->n_suspects < SUSPECTS && (s->suspects[s->n_suspects] = strdup(name)))
		s->n_suspects++;
	else
		s->wrong = true;
}

/* Entries without a size are directories, links and whiteouts, and records of the file system. */
static void check_entry(struct splits *s, const json_t *entry)
{
	const char *name = json_string_value(json_object_get(entry, "name"));
	json_int_t size = json_integer_value(json_object_get(entry, "size"));
	struct stat st;

	if (json_integer_value(json_object_get(entry, "type")) != 1 || !name)
		return;
	name = plain_name(name);
	forget(s, name);
	if (size <= 0 || !*name)
		return;
	if (fstatat(s->files, name, &st, AT_SYMLINK_NOFOLLOW) < 0 || !S_ISREG(st.st_mode) ||
	    st.st_size != (off_t) size)
		suspect(s, name);
}

static void end_line(struct splits *s)
{
	static const char between[] = "{\"type\":2,";
	json_t *entry;

	if (s->used == 0)
		return;
	if (s->used < sizeof(between) || memcmp(s->line, between, sizeof(between) - 1) != 0) {
		entry = json_loadb(s->line, s->used, 0, NULL);
		if (entry)
			check_entry(s, entry);
		else
			s->wrong = true;
		json_decref(entry);
	}
	s->used = 0;
}

static void take(struct splits *s, const char *data, size_t size)
{
	while (size > 0 && !s->wrong) {
		const char *end = memchr(data, '\n', size);
		size_t n = end ? (size_t) (end - data) : size;

		if (s->used + n > LINE_MAX_LEN) {
			s->wrong = true;
			return;
		}
		memcpy(s->line + s->used, data, n);
		s->used += n;
		if (!end)
			return;
		end_line(s);
		data += n + 1;
		size -= n + 1;
	}
}

static bool read_record(struct splits *s, int fd)
{
	struct archive *a = archive_read_new();
	struct archive_entry *entry;
	char chunk[CHUNK];
	la_ssize_t n = -1;

	if (!a)
		return false;
	(void) archive_read_support_filter_gzip(a);
	(void) archive_read_support_format_raw(a);
	(void) archive_read_support_format_empty(a);
	if (archive_read_open_fd(a, fd, CHUNK) == ARCHIVE_OK &&
	    archive_read_next_header(a, &entry) == ARCHIVE_OK &&
	    archive_filter_code(a, 0) == ARCHIVE_FILTER_GZIP)
		while ((n = archive_read_data(a, chunk, sizeof(chunk))) > 0 && !s->wrong)
			take(s, chunk, (size_t) n);
	(void) archive_read_free(a);
	end_line(s);
	return n == 0;
}

bool splits_are_there(int root, const char *record, const char *files)
{
	auto_close int fd = openat(root, record, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	auto_close int files_fd = -EBADF;
	struct splits s = { .files = -EBADF };
	bool good;

	/* a power cut takes what is in a record, not the record */
	if (fd < 0)
		return errno == ENOENT;
	s.files = files_fd = openat(root, files, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (files_fd < 0)
		return false;
	s.line = malloc(LINE_MAX_LEN);
	good = s.line && read_record(&s, fd) && !s.wrong && s.n_suspects == 0;
	while (s.n_suspects > 0)
		free(s.suspects[--s.n_suspects]);
	free(s.line);
	return good;
}
