/* SPDX-License-Identifier: Apache-2.0 */
/*
 * bundle.h - what is in an image archive: a `docker save` archive or an OCI layout, as a tar
 * (compressed or not) or as a directory.
 */
#ifndef CLIENT_BUNDLE_H
#define CLIENT_BUNDLE_H

#include <jansson.h>

#include "dind/arena.h"
#include "dind/error.h"

/* Documents (index, manifests, configurations) up to this size are kept while an archive is read.
 */
#define BUNDLE_TEXT_MAX	   ((size_t) 1 << 20)
#define BUNDLE_KEEP_MAX	   ((size_t) 32 << 20)
#define BUNDLE_MEMBERS_MAX 65536

struct bundle_member {
	const char *name; /* without a leading "./" */
	uint64_t size;
	bool link;	  /* its size says nothing */
	const char *text; /* of a small document, else NULL */
	size_t length;
};

/* One image in the archive. */
struct bundle_image {
	const char
		*config_id; /* "sha256:…", the id where graph drivers are used; NULL: not known */
	const char *target_id; /* the id in containerd's image store; NULL: not known */
	const char *config_name;
	struct strings layers; /* names of members */
	struct strings tags;   /* NAME:TAG */
	const json_t *config;  /* or NULL; lives as long as the scan */
};

struct bundle_scan {
	struct arena arena;
	const char *path;
	bool directory;
	bool plain; /* a tar without compression */
	struct bundle_member *members;
	size_t member_count;
	struct bundle_image *images;
	size_t image_count;
	const char *manifest; /* manifest.json that an OCI layout needs to be loaded, else NULL */
	json_t *documents;    /* array that owns what has been parsed */
};

/*
 * Read all of @path and understand it. The whole archive is gone through, so that one that is cut
 * off is found here, before the engine has anything of it. -EBADMSG: damaged or no image archive;
 * other errors are those of reading. bundle_scan_free() in any case.
 */
int bundle_scan(struct bundle_scan *scan, const char *path, struct error *err);
void bundle_scan_free(struct bundle_scan *scan);

/* The member of that name, or NULL. */
const struct bundle_member *bundle_find(const struct bundle_scan *scan, const char *name);

/* From the members to the images (images.c). @machine is the architecture in the OCI's words. */
int bundle_find_images(struct bundle_scan *scan, const char *machine, struct error *err);

/* True if the directory is an image (an OCI layout, or an unpacked archive), not one of archives.
 */
bool bundle_is_image_directory(const char *path);

/* The bytes to send to an engine. */
struct bundle_stream;

/* Begin to read @scan's archive as a plain tar, with @scan->manifest in front. NULL and @err. */
struct bundle_stream *bundle_stream_open(const struct bundle_scan *scan, struct error *err);
/* An http_source; @data is the stream. */
ssize_t bundle_stream_read(void *data, char *buf, size_t size, struct error *err);
uint64_t bundle_stream_bytes(const struct bundle_stream *stream);
void bundle_stream_close(struct bundle_stream *stream);

#endif
