/* SPDX-License-Identifier: Apache-2.0 */
/* scan.c - the members of an archive or of a directory. */
#include "bundle_internal.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/utsname.h>

#include "dind/file.h"
#include "dind/str.h"

#define BLOCK_SIZE 65536
#define DEPTH_MAX  4

void bundle_support_filters(struct archive *a)
{
	(void) archive_read_support_filter_gzip(a);
	(void) archive_read_support_filter_bzip2(a);
	(void) archive_read_support_filter_xz(a);
	(void) archive_read_support_filter_lzma(a);
	(void) archive_read_support_filter_zstd(a);
	(void) archive_read_support_filter_lz4(a);
}

int bundle_failure(struct archive *a, int code, const char *path, struct error *err)
{
	const char *text = archive_error_string(a);
	int number = archive_errno(a);

	/* A disk that cannot be read is not a damaged archive. */
	if (number == EIO || number == ENOMEM)
		code = -number;
	return error_set_plain(err, code, "%s: %s", path, text ? text : "it cannot be read");
}

static const char *plain_name(const char *name)
{
	while (*name == '/' || str_has_prefix(name, "./"))
		name += *name == '/' ? 1 : 2;
	return name;
}

static struct bundle_member *add_member(struct bundle_scan *scan, const char *name, uint64_t size)
{
	struct bundle_member *member = arena_push(&scan->arena, (void **) &scan->members,
						  &scan->member_count, sizeof(*member));

	member->name = arena_strdup(&scan->arena, plain_name(name));
	member->size = size;
	return member;
}

const struct bundle_member *bundle_find(const struct bundle_scan *scan, const char *name)
{
	/* The last of a name is what unpacking leaves. */
	for (size_t i = scan->member_count; i > 0; i--)
		if (strcmp(scan->members[i - 1].name, name) == 0)
			return &scan->members[i - 1];
	return NULL;
}

static bool may_be_document(const struct bundle_member *member, size_t kept)
{
	return member->size > 0 && member->size <= BUNDLE_TEXT_MAX &&
	       kept + member->size <= BUNDLE_KEEP_MAX &&
	       (str_has_suffix(member->name, ".json") || str_has_prefix(member->name, "blobs/"));
}

static int keep_text(struct bundle_scan *scan, struct archive *a, struct bundle_member *member,
		     size_t *kept, struct error *err)
{
	auto_free char *text = malloc((size_t) member->size + 1);
	la_ssize_t n = 0;
	size_t used = 0;

	if (!text)
		return error_set(err, -ENOMEM, "%s", scan->path);
	while (used < member->size &&
	       (n = archive_read_data(a, text + used, (size_t) member->size - used)) > 0)
		used += (size_t) n;
	if (n < 0)
		return bundle_failure(a, -EBADMSG, scan->path, err);
	if (used != member->size)
		return error_set_plain(err, -EBADMSG, "%s: it is cut off in %s", scan->path,
				       member->name);
	if (text[0] != '{' && text[0] != '[')
		return 0; /* a small layer */
	member->text = arena_strndup(&scan->arena, text, used);
	member->length = strlen(member->text);
	*kept += used;
	return 0;
}

static int scan_entry(struct bundle_scan *scan, struct archive *a, struct archive_entry *entry,
		      size_t *kept, struct error *err)
{
	const char *name = archive_entry_pathname(entry);
	struct bundle_member *member;

	if (!name || archive_entry_filetype(entry) == AE_IFDIR)
		return 0;
	if (scan->member_count >= BUNDLE_MEMBERS_MAX)
		return error_set_plain(err, -EBADMSG, "%s: too many files for an image archive",
				       scan->path);
	member = add_member(scan, name, (uint64_t) archive_entry_size(entry));
	member->link = archive_entry_filetype(entry) != AE_IFREG || archive_entry_hardlink(entry);
	if (!member->link && may_be_document(member, *kept))
		return keep_text(scan, a, member, kept, err);
	return 0;
}

/* Skipping in a plain file is a seek, which also goes beyond the end. */
static int check_length(const struct bundle_scan *scan, struct archive *a, uint64_t size,
			struct error *err)
{
	int64_t used = archive_filter_bytes(a, -1);

	if (used < 0 || (uint64_t) used <= size)
		return 0;
	return error_set_plain(
		err, -EBADMSG,
		"%s: it is cut off: %llu bytes, and the last file in it ends after %lld",
		scan->path, (unsigned long long) size, (long long) used);
}

static int scan_all(struct bundle_scan *scan, struct archive *a, uint64_t size, struct error *err)
{
	struct archive_entry *entry;
	size_t kept = 0;
	int r = 0, code;

	while ((code = archive_read_next_header(a, &entry)) == ARCHIVE_OK || code == ARCHIVE_WARN) {
		scan->plain = archive_filter_code(a, 0) == ARCHIVE_FILTER_NONE;
		r = scan_entry(scan, a, entry, &kept, err);
		if (r < 0)
			return r;
	}
	if (code != ARCHIVE_EOF)
		return bundle_failure(a, -EBADMSG, scan->path, err);
	return check_length(scan, a, size, err);
}

static int scan_file(struct bundle_scan *scan, uint64_t size, struct error *err)
{
	auto_close int fd = open(scan->path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
	struct archive *a;
	int r;

	if (fd < 0)
		return error_set(err, -errno, "open %s", scan->path);
	a = archive_read_new();
	if (!a)
		return error_set(err, -ENOMEM, "%s", scan->path);
	bundle_support_filters(a);
	(void) archive_read_support_format_tar(a);
	if (archive_read_open_fd(a, fd, BLOCK_SIZE) != ARCHIVE_OK)
		r = bundle_failure(a, -EBADMSG, scan->path, err);
	else
		r = scan_all(scan, a, size, err);
	(void) archive_read_free(a);
	return r;
}

static int scan_directory_file(struct bundle_scan *scan, int dirfd, const char *name,
			       const char *relative, uint64_t size, size_t *kept, struct error *err)
{
	struct bundle_member *member = add_member(scan, relative, size);
	auto_free char *text = NULL;
	ssize_t n;

	if (!may_be_document(member, *kept))
		return 0;
	text = malloc((size_t) size + 2);
	if (!text)
		return error_set(err, -ENOMEM, "%s", scan->path);
	n = file_read_at(dirfd, name, text, (size_t) size + 2);
	if (n < 0)
		return error_set(err, (int) n, "read %s/%s", scan->path, relative);
	if (text[0] != '{' && text[0] != '[')
		return 0;
	member->text = arena_strdup(&scan->arena, text);
	member->length = strlen(text);
	*kept += (size_t) n;
	return 0;
}

static int scan_directory(struct bundle_scan *scan, int parent, const char *name,
			  const char *relative, int depth, size_t *kept, struct error *err)
{
	int fd = openat(parent, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *dir = fd >= 0 ? fdopendir(fd) : NULL;
	struct dirent *entry;
	int r = 0;

	if (!dir) {
		r = error_set(err, -errno, "open %s%s%s", scan->path, *relative ? "/" : "",
			      relative);
		fd_close(&fd);
		return r;
	}
	while (r == 0 && (entry = readdir(dir))) {
		const char *below;
		struct stat st;

		if (entry->d_name[0] == '.' || fstatat(fd, entry->d_name, &st, 0) < 0)
			continue;
		below = arena_printf(&scan->arena, "%s%s%s", relative, *relative ? "/" : "",
				     entry->d_name);
		if (scan->member_count >= BUNDLE_MEMBERS_MAX)
			r = error_set_plain(err, -EBADMSG, "%s: too many files for an image",
					    scan->path);
		else if (S_ISDIR(st.st_mode) && depth < DEPTH_MAX)
			r = scan_directory(scan, fd, entry->d_name, below, depth + 1, kept, err);
		else if (S_ISREG(st.st_mode))
			r = scan_directory_file(scan, fd, entry->d_name, below,
						(uint64_t) st.st_size, kept, err);
	}
	(void) closedir(dir);
	return r;
}

/* As GOARCH has it. */
static const char *machine_name(void)
{
	static const char *const names[][2] = {
		{ "x86_64", "amd64" },
		{ "aarch64", "arm64" },
		{ "armv7l", "arm" },
		{ "i686", "386" },
	};
	struct utsname u;

	if (uname(&u) == 0)
		for (size_t i = 0; i < ARRAY_SIZE(names); i++)
			if (strcmp(u.machine, names[i][0]) == 0)
				return names[i][1];
	return "amd64";
}

int bundle_scan(struct bundle_scan *scan, const char *path, struct error *err)
{
	size_t kept = 0;
	struct stat st;
	int r;

	*scan = (struct bundle_scan){ .arena = ARENA_INIT, .path = path };
	scan->documents = json_array();
	if (stat(path, &st) < 0)
		return error_set(err, -errno, "%s", path);
	scan->directory = S_ISDIR(st.st_mode);
	if (scan->directory)
		r = scan_directory(scan, AT_FDCWD, path, "", 0, &kept, err);
	else if (S_ISREG(st.st_mode))
		r = scan_file(scan, (uint64_t) st.st_size, err);
	else
		r = error_set_plain(err, -EINVAL, "%s: neither a file nor a directory", path);
	return r < 0 ? r : bundle_find_images(scan, machine_name(), err);
}

void bundle_scan_free(struct bundle_scan *scan)
{
	json_decref(scan->documents);
	scan->documents = NULL;
	arena_free(&scan->arena);
}

bool bundle_is_image_directory(const char *path)
{
	static const char *const names[] = { "index.json", "manifest.json" };
	auto_close int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	for (size_t i = 0; fd >= 0 && i < ARRAY_SIZE(names); i++)
		if (faccessat(fd, names[i], F_OK, 0) == 0)
			return true;
	return false;
}
