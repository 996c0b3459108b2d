/* SPDX-License-Identifier: Apache-2.0 */
/* copy.c - images from another engine's API into ours, through a bounded buffer; no file between.
 */
#include <stdio.h>
#include <string.h>

#include "client.h"
#include "dind/file.h"
#include "dind/str.h"
#include "jobs.h"

static bool same_image(const struct engine_image *a, const struct engine_image *b)
{
	/* The two may keep images in stores of different kinds, with other ids. */
	return strcmp(a->id, b->id) == 0 || engine_images_alike(a->inspect, b->inspect);
}

static bool is_id(const char *reference)
{
	size_t n = strspn(reference, "0123456789abcdef");

	return str_has_prefix(reference, "sha256:") || (n == 64 && !reference[n]);
}

/* 0: ours is the same, or only the name had to be added. -ENOENT: copy it. */
static int settle(const struct job_context *context, const char *reference,
		  const struct engine_image *theirs, bool *ret_tagged, struct error *err)
{
	struct error problem = ERROR_INIT;
	struct engine_image ours;
	int r = engine_image(&context->engine, reference, context->deadline_ms, &ours, &problem);
	bool same;

	*ret_tagged = false;
	if (r == 0) {
		same = same_image(theirs, &ours);
		engine_image_free(&ours);
		if (same)
			return 0;
		r = -ENOENT;
	}
	if (r == -ENOENT && !is_id(reference)) {
		r = engine_image(&context->engine, theirs->id, context->deadline_ms, &ours,
				 &problem);
		if (r == 0) {
			r = engine_tag(&context->engine, ours.id, reference, context->deadline_ms,
				       &problem);
			engine_image_free(&ours);
			*ret_tagged = r == 0;
		}
	}
	if (r < 0 && r != -ENOENT)
		*err = problem;
	return r;
}

struct copy {
	const struct job_context *context;
	struct http_host from;
	const char *reference;
	const char *code; /* for a failure */
	const char *remedy;
};

static int transfer(struct copy *copy, const struct engine_image *theirs, struct error *err)
{
	const struct job_context *context = copy->context;
	struct http_verdict verdict = { .used = 0 };
	int64_t begin = clock_now_ms();
	struct arena arena = ARENA_INIT;
	uint64_t bytes = 0;
	bool tagged = false;
	char size[32];
	int side, r;

	r = http_pipe(
		&copy->from,
		arena_printf(&arena, "/images/get?names=%s", http_escape(&arena, copy->reference)),
		&context->engine.host, "/images/load?quiet=1", context->deadline_ms, &verdict,
		&bytes, &side, err);
	arena_free(&arena);
	copy->code = r == -ETIMEDOUT ? CODE_PRELOAD_TIME
		     : side == 0     ? CODE_PRELOAD_SOURCE
				     : CODE_PRELOAD_COPY;
	copy->remedy = r == -ETIMEDOUT ? "give it more time with --preload-timeout"
				       : "see both engines' logs; try docker save and docker load";
	if (r == 0 && *verdict.text)
		r = error_set_plain(err, -EIO, "the engine says: %s", verdict.text);
	if (r == 0)
		r = settle(context, copy->reference, theirs, &tagged, err);
	if (r == -ENOENT)
		r = error_set_plain(err, -EIO, "the engine took it, but does not have it");
	if (r == 0)
		log_info("preload: %s: copied from %s (%s in %.1f s)", copy->reference,
			 copy->from.name, str_format_size(bytes, size, sizeof(size)),
			 (double) (clock_now_ms() - begin) / 1000);
	return r;
}

static int copy_found(struct copy *copy, const struct engine_image *theirs, struct error *err)
{
	bool tagged;
	int r = settle(copy->context, copy->reference, theirs, &tagged, err);

	if (r == 0)
		log_info("preload: %s: there already%s", copy->reference,
			 tagged ? ", only its name was missing" : "");
	return r == -ENOENT ? transfer(copy, theirs, err) : r;
}

static int look_there(struct copy *copy, struct engine_image *ret_theirs, struct arena *arena,
		      struct error *err)
{
	const struct client_options *options = copy->context->options;
	struct engine other = { .api_minor = 0 };
	int r = http_host_parse(&copy->from, options->from, &options->tls, arena, err);

	copy->code = CODE_PRELOAD_SOURCE;
	copy->remedy = "mount the other engine's socket, and name it with --preload-from";
	if (r < 0)
		return r;
	other.host = copy->from;
	r = engine_image(&other, copy->reference, copy->context->deadline_ms, ret_theirs, err);
	if (r == -ENOENT) {
		copy->code = CODE_PRELOAD_ABSENT;
		copy->remedy = "pull or build it there, or take it out of --preload-image";
	}
	return r;
}

int copy_run(const struct job_context *context, const char *reference)
{
	struct copy copy = { .context = context, .reference = reference };
	struct error err = ERROR_INIT;
	struct arena arena = ARENA_INIT;
	struct engine_image theirs;
	int r = look_there(&copy, &theirs, &arena, &err);

	if (r == 0) {
		copy.code = CODE_PRELOAD_ENGINE;
		copy.remedy = "see the engine's log";
		r = copy_found(&copy, &theirs, &err);
		engine_image_free(&theirs);
	}
	if (r < 0)
		client_report(context->options, copy.code, copy.remedy, "image %s: %s", reference,
			      err.message);
	arena_free(&arena);
	return r;
}
