/* SPDX-License-Identifier: Apache-2.0 */
#include "prune.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

#include "dind/file.h"
#include "dind/str.h"

#define NS 1000000000LL

struct prune {
	const struct engine *engine;
	int age_s;
	prune_enough enough;
	void *data;
	int64_t deadline_ms;
	uint64_t bytes;
};

struct candidate {
	const char *reference;
	uint64_t size;
	int64_t used_ns;
};

static int post(struct prune *prune, const char *path, struct error *err)
{
	json_t *root = NULL;
	int r = engine_do(prune->engine, "POST", path, prune->deadline_ms, &root, err);

	if (r == 0)
		prune->bytes +=
			(uint64_t) json_integer_value(json_object_get(root, "SpaceReclaimed"));
	json_decref(root);
	return r;
}

static bool is_enough(struct prune *prune)
{
	return prune->enough && prune->enough(prune->data);
}

static int leftovers(struct prune *prune, struct error *err)
{
	struct arena arena = ARENA_INIT;
	int r;

	r = post(prune, "/images/prune?filters=%7B%22dangling%22%3A%5B%22true%22%5D%7D", err);
	if (r == 0)
		r = post(prune,
			 arena_printf(
				 &arena, "/build/prune?filters=%s",
				 http_escape(&arena, arena_printf(&arena, "{\"until\":[\"%ds\"]}",
								  prune->age_s))),
			 err);
	arena_free(&arena);
	return r;
}

/* Created says when it was built, perhaps years ago; what counts is since when it is here. */
static int64_t last_used(const struct engine *engine, const char *id, int64_t deadline_ms)
{
	struct error ignored = ERROR_INIT;
	struct engine_image image;
	const char *times[2];
	int64_t last = INT64_MAX, ns;

	if (engine_image(engine, id, deadline_ms, &image, &ignored) < 0)
		return last; /* in doubt it stays */
	times[0] = json_string_value(json_object_get(image.inspect, "Created"));
	times[1] = json_string_value(
		json_object_get(json_object_get(image.inspect, "Metadata"), "LastTagTime"));
	for (size_t i = 0; i < ARRAY_SIZE(times); i++)
		if (times[i] && engine_parse_time(times[i], &ns) == 0 &&
		    (last == INT64_MAX || ns > last))
			last = ns;
	engine_image_free(&image);
	return last;
}

static int images_in_use(struct prune *prune, struct arena *arena, struct strings *used,
			 struct error *err)
{
	json_t *list = NULL, *entry;
	size_t i;
	int r = engine_get(prune->engine, "/containers/json?all=1", prune->deadline_ms, &list, err);

	if (r < 0)
		return r;
	json_array_foreach(list, i, entry)
	{
		const char *id = json_string_value(json_object_get(entry, "ImageID"));

		if (id)
			strings_add(arena, used, arena_strdup(arena, id));
	}
	json_decref(list);
	return 0;
}

static void add_candidate(struct prune *prune, struct arena *arena, const json_t *entry,
			  struct candidate **list, size_t *count)
{
	const char *id = json_string_value(json_object_get(entry, "Id"));
	const json_t *tags = json_object_get(entry, "RepoTags");
	int64_t used = last_used(prune->engine, id, prune->deadline_ms);
	const json_t *tag;
	size_t i;

	if (used > ((int64_t) time(NULL) - prune->age_s) * NS)
		return;
	for (i = 0; i < json_array_size(tags) || i == 0; i++) {
		struct candidate *c = arena_push(arena, (void **) list, count, sizeof(*c));

		/* By name, one after the other: the last one takes the image with it. */
		tag = json_array_get(tags, i);
		c->reference =
			arena_strdup(arena, tag && strncmp(json_string_value(tag), "<none>", 6) != 0
						    ? json_string_value(tag)
						    : id);
		c->used_ns = used;
		c->size = i + 1 >= json_array_size(tags)
				  ? (uint64_t) json_integer_value(json_object_get(entry, "Size"))
				  : 0;
	}
}

static int by_age(const void *a, const void *b)
{
	const struct candidate *x = a, *y = b;

	return (x->used_ns > y->used_ns) - (x->used_ns < y->used_ns);
}

static int unused_images(struct prune *prune, struct error *err)
{
	struct strings used = STRINGS_INIT;
	struct arena arena = ARENA_INIT;
	struct candidate *list = NULL;
	json_t *images = NULL, *entry;
	size_t i, count = 0;
	int r = images_in_use(prune, &arena, &used, err);

	if (r == 0)
		r = engine_get(prune->engine, "/images/json", prune->deadline_ms, &images, err);
	json_array_foreach(images, i, entry)
	{
		const char *id = json_string_value(json_object_get(entry, "Id"));

		if (id && !strings_has(&used, id))
			add_candidate(prune, &arena, entry, &list, &count);
	}
	json_decref(images);
	if (count > 1)
		qsort(list, count, sizeof(*list), by_age);
	for (i = 0; r == 0 && i < count && !is_enough(prune); i++) {
		struct error ignored = ERROR_INIT;
		const char *path =
			arena_printf(&arena, "/images/%s", http_escape(&arena, list[i].reference));

		/* Without force: one that came into use meanwhile stays. */
		if (engine_do(prune->engine, "DELETE", path, prune->deadline_ms, NULL, &ignored) ==
		    0)
			prune->bytes += list[i].size;
		else
			r = ignored.code == -ETIMEDOUT ? (*err = ignored, -ETIMEDOUT) : 0;
	}
	arena_free(&arena);
	return r;
}

int prune_run(const struct engine *engine, enum prune_extent extent, int age_s, prune_enough enough,
	      void *data, int64_t deadline_ms, uint64_t *ret_bytes, struct error *err)
{
	struct prune prune = { engine, age_s, enough, data, deadline_ms, 0 };
	int r = leftovers(&prune, err);

	if (r == 0 && extent == PRUNE_ALL && !is_enough(&prune))
		r = post(&prune, "/build/prune?all=1", err);
	if (r == 0 && extent == PRUNE_ALL && !is_enough(&prune))
		r = unused_images(&prune, err);
	*ret_bytes = prune.bytes;
	return r;
}

/* ---- idle
 * ---------------------------------------------------------------------------------------------- */

static int has_containers(const struct engine *engine, int64_t deadline_ms, bool *ret_any,
			  struct error *err)
{
	json_t *list = NULL;
	int r = engine_get(
		engine, "/containers/json?limit=1&filters=%7B%22status%22%3A%5B%22running%22%5D%7D",
		deadline_ms, &list, err);

	if (r < 0)
		return r;
	*ret_any = json_array_size(list) > 0;
	json_decref(list);
	return 0;
}

/* The engine keeps its last events: a container that came and went is there, so is a pull. With an
 * `until` in the past it answers at once. */
static int has_events(const struct engine *engine, int idle_s, int64_t deadline_ms, bool *ret_any,
		      struct error *err)
{
	struct http_reply reply;
	long long now = (long long) time(NULL);
	char path[128];
	int r;

	(void) snprintf(path, sizeof(path), "/events?since=%lld&until=%lld", now - idle_s, now);
	r = http_call(&engine->host, "GET", path, deadline_ms, &reply, err);
	if (r < 0)
		return r;
	*ret_any = reply.length > 2 && reply.status == 200;
	free(reply.body);
	return 0;
}

/* BuildKit's steps are no containers, and make no events: its cache tells. */
static int has_builds(const struct engine *engine, int idle_s, int64_t deadline_ms, bool *ret_any,
		      struct error *err)
{
	int64_t since = ((int64_t) time(NULL) - idle_s) * NS, ns;
	json_t *root = NULL, *record;
	size_t i;
	/* Before 1.42 all is measured, also volumes. It is asked for last, and only in a full disk.
	 * 1.52 has other fields. */
	const char *path = engine->api_minor >= 52   ? "/v1.51/system/df?type=build-cache"
			   : engine->api_minor >= 42 ? "/system/df?type=build-cache"
						     : "/system/df";
	int r = engine_get(engine, path, deadline_ms, &root, err);

	if (r < 0)
		return r;
	*ret_any = false;
	json_array_foreach(json_object_get(root, "BuildCache"), i, record)
	{
		const char *used = json_string_value(json_object_get(record, "LastUsedAt"));

		if (json_is_true(json_object_get(record, "InUse")) ||
		    (used && engine_parse_time(used, &ns) == 0 && ns > since))
			*ret_any = true;
	}
	json_decref(root);
	return 0;
}

int prune_is_idle(const struct engine *engine, int idle_s, bool *ret_idle, struct error *err)
{
	int64_t deadline = clock_now_ms() + ENGINE_CALL_MS;
	bool any = false;
	int r = has_containers(engine, deadline, &any, err);

	if (r == 0 && !any)
		r = has_events(engine, idle_s, deadline, &any, err);
	if (r == 0 && !any)
		r = has_builds(engine, idle_s, deadline, &any, err);
	if (r == 0)
		*ret_idle = !any;
	return r;
}
