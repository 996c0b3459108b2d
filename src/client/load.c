/* SPDX-License-Identifier: Apache-2.0 */
/* load.c - archives into our engine, those that it does not have yet. */
#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "bundle.h"
#include "client.h"
#include "dind/file.h"
#include "dind/str.h"
#include "jobs.h"

/* ---- which archives
 * ------------------------------------------------------------------------------------ */

static bool has_archive_name(const char *name)
{
	static const char *const ends[] = { ".tar",  ".tgz", ".tbz", ".tbz2", ".txz",
					    ".tzst", ".gz",  ".bz2", ".xz",   ".zst",
					    ".zstd", ".oci", ".lz4", ".lzma", ".docker" };

	for (size_t i = 0; i < ARRAY_SIZE(ends); i++)
		if (str_has_suffix(name, ends[i]))
			return true;
	return false;
}

static int not_hidden(const struct dirent *entry)
{
	return entry->d_name[0] != '.';
}

static int by_name(const struct dirent **a, const struct dirent **b)
{
	return strcmp((*a)->d_name, (*b)->d_name);
}

static size_t collect_directory(const struct client_options *options, struct arena *arena,
				const char *path, struct job **jobs, size_t *count)
{
	size_t before = *count;
	struct dirent **names;
	int n = scandir(path, &names, not_hidden, by_name);

	if (n < 0) {
		client_report(options, CODE_PRELOAD_PATH, "make it readable, or leave it out",
			      "%s: %s", path, strerror(errno));
		return 1;
	}
	for (int i = 0; i < n; i++) {
		const char *below = arena_printf(arena, "%s/%s", path, names[i]->d_name);
		struct stat st;
		bool known = stat(below, &st) == 0;

		if (known && S_ISDIR(st.st_mode) ? bundle_is_image_directory(below)
						 : has_archive_name(below))
			jobs_add(arena, jobs, count, load_run, below);
		else
			log_info("preload: %s is left out: not the name of an archive, nor an "
				 "image's "
				 "directory",
				 below);
		free(names[i]);
	}
	free(names);
	if (*count == before)
		log_notice("preload: no archive in %s", path);
	return 0;
}

size_t load_collect(const struct client_options *options, struct arena *arena, struct job **jobs,
		    size_t *count)
{
	size_t failed = 0;

	for (size_t i = 0; i < options->load.count; i++) {
		const char *path = options->load.items[i];
		struct stat st;

		if (stat(path, &st) < 0) {
			client_report(options, CODE_PRELOAD_PATH,
				      "mount it there, or take it out of --preload", "%s: %s", path,
				      strerror(errno));
			failed++;
		} else if (S_ISDIR(st.st_mode) && !bundle_is_image_directory(path)) {
			failed += collect_directory(options, arena, path, jobs, count);
		} else {
			jobs_add(arena, jobs, count, load_run, path);
		}
	}
	return failed;
}

/* ---- what is there already
 * ----------------------------------------------------------------------------- */

enum presence {
	IMAGE_MISSING = 0,
	IMAGE_UNTAGGED, /* there, but not under all of its names */
	IMAGE_PRESENT,
};

static bool is_image(const struct engine *engine, const struct bundle_image *wanted,
		     const struct engine_image *found)
{
	if (str_equal(found->id, wanted->config_id) || str_equal(found->id, wanted->target_id))
		return true;
	/* Archives of older engines do not tell what id containerd's store will give. */
	return engine->containerd_store && !wanted->target_id && wanted->config &&
	       engine_images_alike(wanted->config, found->inspect);
}

/* One look-up. *@ret_id is set when it leads to the wanted image. */
static int look_up(const struct job_context *context, const struct bundle_image *wanted,
		   const char *reference, char *ret_id, size_t size, struct error *err)
{
	struct error problem = ERROR_INIT;
	struct engine_image found;
	int r;

	if (!reference)
		return -ENOENT;
	r = engine_image(&context->engine, reference, context->deadline_ms, &found, &problem);
	if (r == 0) {
		if (is_image(&context->engine, wanted, &found))
			(void) snprintf(ret_id, size, "%s", found.id);
		else
			r = -ENOENT;
		engine_image_free(&found);
	}
	if (r < 0 && r != -ENOENT)
		*err = problem;
	return r;
}

static int find_presence(const struct job_context *context, const struct bundle_image *wanted,
			 enum presence *ret_presence, char *ret_id, size_t size, struct error *err)
{
	const char *const ids[] = { wanted->config_id, wanted->target_id };
	size_t tagged = 0;
	int r;

	*ret_id = '\0';
	for (size_t i = 0; i < wanted->tags.count; i++) {
		r = look_up(context, wanted, wanted->tags.items[i], ret_id, size, err);
		if (r < 0 && r != -ENOENT)
			return r;
		tagged += r == 0 ? 1 : 0;
	}
	for (size_t i = 0; !*ret_id && i < ARRAY_SIZE(ids); i++) {
		r = look_up(context, wanted, ids[i], ret_id, size, err);
		if (r < 0 && r != -ENOENT)
			return r;
	}
	*ret_presence = !*ret_id		      ? IMAGE_MISSING
			: tagged < wanted->tags.count ? IMAGE_UNTAGGED
						      : IMAGE_PRESENT;
	return 0;
}

/* Give an image that is there all its names. */
static int add_tags(const struct job_context *context, const struct bundle_image *image,
		    const char *id, struct error *err)
{
	char seen[128];
	int r = 0;

	for (size_t i = 0; r == 0 && i < image->tags.count; i++) {
		struct error ignored = ERROR_INIT;

		if (look_up(context, image, image->tags.items[i], seen, sizeof(seen), &ignored) ==
		    0)
			continue;
		r = engine_tag(&context->engine, id, image->tags.items[i], context->deadline_ms,
			       err);
	}
	return r;
}

/* Sets *@ret_missing to the number of images that only loading can bring; tags the others. */
static int settle(const struct job_context *context, const struct bundle_scan *scan,
		  size_t *ret_missing, size_t *ret_tagged, struct error *err)
{
	size_t missing = 0, tagged = 0;
	char id[128];
	int r;

	for (size_t i = 0; i < scan->image_count; i++) {
		enum presence presence = IMAGE_MISSING;

		r = find_presence(context, &scan->images[i], &presence, id, sizeof(id), err);
		if (r == 0 && presence == IMAGE_UNTAGGED) {
			r = add_tags(context, &scan->images[i], id, err);
			tagged++;
		}
		if (r < 0)
			return r;
		missing += presence == IMAGE_MISSING ? 1 : 0;
	}
	*ret_missing = missing;
	*ret_tagged = tagged;
	return 0;
}

/* ---- loading
 * ------------------------------------------------------------------------------------------- */

/* "a:1, b:2", or ids of images without a name. */
static const char *names_of(struct arena *arena, const struct bundle_scan *scan)
{
	struct strings names = STRINGS_INIT;

	for (size_t i = 0; i < scan->image_count; i++) {
		const struct bundle_image *image = &scan->images[i];

		for (size_t j = 0; j < image->tags.count; j++)
			strings_add(arena, &names, image->tags.items[j]);
		if (image->tags.count == 0)
			strings_add(arena, &names,
				    image->config_id ? arena_printf(arena, "%.19s (without a name)",
								    image->config_id)
						     : "an image without a name");
	}
	return strings_join(arena, &names, ", ");
}

static const char *code_of(int r, const char *otherwise)
{
	if (r == -ETIMEDOUT)
		return CODE_PRELOAD_TIME;
	if (r == -EBADMSG)
		return CODE_PRELOAD_DAMAGED;
	if (r == -ECONNREFUSED)
		return CODE_PRELOAD_ENGINE;
	return otherwise;
}

static const char *remedy_of(const char *code)
{
	if (strcmp(code, CODE_PRELOAD_DAMAGED) == 0)
		return "make it again with docker save, skopeo or buildx, and copy it whole";
	if (strcmp(code, CODE_PRELOAD_TIME) == 0)
		return "give it more time with --preload-timeout";
	if (strcmp(code, CODE_PRELOAD_PATH) == 0)
		return "make it readable, or take it out of --preload";
	return "see the engine's log; try docker load with it; --preload-failure continue starts "
	       "without it";
}

static int upload(const struct job_context *context, const struct bundle_scan *scan,
		  uint64_t *ret_bytes, struct error *err)
{
	struct bundle_stream *stream = bundle_stream_open(scan, err);
	struct http_verdict verdict = { .used = 0 };
	int r = err->code;

	if (stream)
		r = http_upload(&context->engine.host, "/images/load?quiet=1", bundle_stream_read,
				stream, context->deadline_ms, &verdict, err);
	if (stream)
		*ret_bytes = bundle_stream_bytes(stream);
	bundle_stream_close(stream);
	if (r == 0 && *verdict.text)
		r = error_set_plain(err, -EIO, "%s: the engine says: %s", scan->path, verdict.text);
	return r;
}

static int load_scanned(const struct job_context *context, struct bundle_scan *scan,
			struct error *err)
{
	int64_t begin = clock_now_ms();
	size_t missing = 0, tagged = 0;
	uint64_t bytes = 0;
	char size[32];
	int r = settle(context, scan, &missing, &tagged, err);

	if (r < 0)
		return r;
	if (missing == 0) {
		log_info("preload: %s: %s: there already%s", scan->path,
			 names_of(&scan->arena, scan), tagged ? ", only its name was missing" : "");
		return 0;
	}
	r = upload(context, scan, &bytes, err);
	if (r < 0)
		return r;
	/* The engine's word is not enough: what counts is what can be run. */
	r = settle(context, scan, &missing, &tagged, err);
	if (r == 0 && missing > 0 && !context->engine.containerd_store)
		r = error_set_plain(
			err, -EIO,
			"%s: the engine took it, but does not have %zu of the %zu images "
			"that it promises",
			scan->path, missing, scan->image_count);
	if (r == 0)
		log_info("preload: %s: loaded %s (%s in %.1f s)", scan->path,
			 names_of(&scan->arena, scan), str_format_size(bytes, size, sizeof(size)),
			 (double) (clock_now_ms() - begin) / 1000);
	return r;
}

int load_run(const struct job_context *context, const char *path)
{
	struct error err = ERROR_INIT;
	struct bundle_scan scan;
	const char *code;
	int r = bundle_scan(&scan, path, &err);

	if (r < 0) {
		code = code_of(r, CODE_PRELOAD_PATH);
	} else {
		r = load_scanned(context, &scan, &err);
		code = code_of(r, CODE_PRELOAD_REFUSED);
	}
	if (r < 0) {
		bool named = strstr(err.message, path) != NULL;

		client_report(context->options, code, remedy_of(code), "%s%s%s", named ? "" : path,
			      named ? "" : ": ", err.message);
	}
	bundle_scan_free(&scan);
	return r;
}
