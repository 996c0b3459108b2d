/* SPDX-License-Identifier: Apache-2.0 */
/* engine.h - what we ask an engine's API. Requests have no version in the path: every engine takes
 * its own. */
#ifndef CLIENT_ENGINE_H
#define CLIENT_ENGINE_H

#include <jansson.h>

#include "http.h"

/* For one short request; a deadline that is nearer wins. */
#define ENGINE_CALL_MS 60000

struct engine {
	struct http_host host;
	bool containerd_store; /* an image's id is the digest of its manifest, not of its config */
	int api_minor;	       /* 41 for 1.41 */
};

/* The image that a reference leads to. Strings and the object are the caller's:
 * engine_image_free(). */
struct engine_image {
	const char *id;
	json_t *inspect;
};

/* Ask what kind of engine answers at @host. */
int engine_open(struct engine *engine, const struct http_host *host, int64_t deadline_ms,
		struct error *err);

/*
 * GET @path and parse the answer; decref *@ret_root. -ENOENT for 404, -EPROTO for other statuses,
 * with the engine's message in @err.
 */
int engine_get(const struct engine *engine, const char *path, int64_t deadline_ms,
	       json_t **ret_root, struct error *err);

/* DELETE or POST; *@ret_root (may be NULL) is what came back, or NULL. 404 is -ENOENT, 409 -EBUSY.
 */
int engine_do(const struct engine *engine, const char *method, const char *path,
	      int64_t deadline_ms, json_t **ret_root, struct error *err);

/* -ENOENT when there is none. */
int engine_image(const struct engine *engine, const char *reference, int64_t deadline_ms,
		 struct engine_image *ret_image, struct error *err);
void engine_image_free(struct engine_image *image);

/* Let @reference (NAME[:TAG]) stand for the image @id. */
int engine_tag(const struct engine *engine, const char *id, const char *reference,
	       int64_t deadline_ms, struct error *err);

/*
 * True if two descriptions are of one image: layers, time of creation and what it runs. For where
 * ids cannot be compared: either side may be an inspect answer or a configuration of an archive.
 */
bool engine_images_alike(const json_t *a, const json_t *b);

/* Nanoseconds since the epoch of an RFC 3339 time. 0 or -EINVAL. */
int engine_parse_time(const char *text, int64_t *ret_ns);

#endif
