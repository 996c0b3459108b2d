/* SPDX-License-Identifier: Apache-2.0 */
#include "engine.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "dind/file.h"
#include "dind/str.h"

static int64_t sooner(int64_t deadline_ms)
{
	int64_t limit = clock_now_ms() + ENGINE_CALL_MS;

	return limit < deadline_ms ? limit : deadline_ms;
}

static int status_error(const struct engine *engine, const struct http_reply *reply,
			struct error *err)
{
	char text[HTTP_TEXT_MAX];
	int r = reply->status == 404 ? -ENOENT : reply->status == 409 ? -EBUSY : -EPROTO;

	(void) http_message(reply, text, sizeof(text));
	return error_set_plain(err, r, "%s: %s", engine->host.name, text);
}

int engine_do(const struct engine *engine, const char *method, const char *path,
	      int64_t deadline_ms, json_t **ret_root, struct error *err)
{
	struct http_reply reply;
	int r = http_call(&engine->host, method, path, deadline_ms, &reply, err);

	if (r < 0)
		return r;
	if (reply.status < 200 || reply.status >= 300)
		r = status_error(engine, &reply, err);
	else if (ret_root)
		*ret_root = json_loadb(reply.body, reply.length, 0, NULL);
	free(reply.body);
	return r;
}

int engine_get(const struct engine *engine, const char *path, int64_t deadline_ms,
	       json_t **ret_root, struct error *err)
{
	json_t *root = NULL;
	int r = engine_do(engine, "GET", path, sooner(deadline_ms), &root, err);

	if (r < 0)
		return r;
	if (!root)
		return error_set_plain(err, -EPROTO, "%s: %s did not bring JSON", engine->host.name,
				       path);
	*ret_root = root;
	return 0;
}

/* The graph drivers say other things there. */
static bool says_containerd(const json_t *info)
{
	json_t *pair;
	size_t i;

	json_array_foreach(json_object_get(info, "DriverStatus"), i, pair)
	{
		const char *key = json_string_value(json_array_get(pair, 0));
		const char *value = json_string_value(json_array_get(pair, 1));

		if (key && value && strcmp(key, "driver-type") == 0 &&
		    str_has_prefix(value, "io.containerd.snapshotter"))
			return true;
	}
	return false;
}

int engine_open(struct engine *engine, const struct http_host *host, int64_t deadline_ms,
		struct error *err)
{
	json_t *version = NULL, *info = NULL;
	const char *api;
	int r;

	*engine = (struct engine){ .host = *host };
	r = engine_get(engine, "/version", deadline_ms, &version, err);
	if (r < 0)
		return r;
	api = json_string_value(json_object_get(version, "ApiVersion"));
	if (api && str_has_prefix(api, "1."))
		(void) str_parse_int(api + 2, 0, 9999, &engine->api_minor);
	json_decref(version);
	r = engine_get(engine, "/info", deadline_ms, &info, err);
	if (r < 0)
		return r;
	engine->containerd_store = says_containerd(info);
	json_decref(info);
	return 0;
}

int engine_image(const struct engine *engine, const char *reference, int64_t deadline_ms,
		 struct engine_image *ret_image, struct error *err)
{
	struct arena arena = ARENA_INIT;
	json_t *root = NULL;
	const char *id;
	int r;

	r = engine_get(engine,
		       arena_printf(&arena, "/images/%s/json", http_escape(&arena, reference)),
		       deadline_ms, &root, err);
	arena_free(&arena);
	if (r < 0)
		return r;
	id = json_string_value(json_object_get(root, "Id"));
	if (!id) {
		json_decref(root);
		return error_set_plain(err, -EPROTO, "%s: image %s has no Id", engine->host.name,
				       reference);
	}
	*ret_image = (struct engine_image){ .id = id, .inspect = root };
	return 0;
}

void engine_image_free(struct engine_image *image)
{
	json_decref(image->inspect);
	*image = (struct engine_image){ NULL, NULL };
}

int engine_tag(const struct engine *engine, const char *id, const char *reference,
	       int64_t deadline_ms, struct error *err)
{
	const char *slash = strrchr(reference, '/');
	const char *colon = strchr(slash ? slash : reference, ':');
	size_t length = colon ? (size_t) (colon - reference) : strlen(reference);
	struct arena arena = ARENA_INIT;
	const char *repository = arena_strndup(&arena, reference, length);
	int r;

	r = engine_do(engine, "POST",
		      arena_printf(&arena, "/images/%s/tag?repo=%s&tag=%s", http_escape(&arena, id),
				   http_escape(&arena, repository),
				   http_escape(&arena, colon ? colon + 1 : "latest")),
		      sooner(deadline_ms), NULL, err);
	arena_free(&arena);
	return r;
}

/* Missing, null and empty are the same to an engine, and it writes them in all three ways. */
static bool same_value(const json_t *a, const json_t *b)
{
	bool a_empty = !a || json_is_null(a) || (json_is_array(a) && json_array_size(a) == 0) ||
		       (json_is_object(a) && json_object_size(a) == 0);
	bool b_empty = !b || json_is_null(b) || (json_is_array(b) && json_array_size(b) == 0) ||
		       (json_is_object(b) && json_object_size(b) == 0);

	if (a_empty || b_empty)
		return a_empty == b_empty;
	return json_equal(a, b);
}

/* An inspect answer has "Created", "Config" and RootFS.Layers; a configuration "created", "config"
 * and rootfs.diff_ids. */
static const json_t *either(const json_t *object, const char *a, const char *b)
{
	const json_t *value = json_object_get(object, a);

	return value ? value : json_object_get(object, b);
}

bool engine_images_alike(const json_t *a, const json_t *b)
{
	static const char *const keys[] = { "Cmd", "Entrypoint", "Env", "Labels" };
	const json_t *layers_a = either(either(a, "RootFS", "rootfs"), "Layers", "diff_ids");
	const json_t *layers_b = either(either(b, "RootFS", "rootfs"), "Layers", "diff_ids");
	const char *time_a = json_string_value(either(a, "Created", "created"));
	const char *time_b = json_string_value(either(b, "Created", "created"));
	int64_t ns_a, ns_b;

	if (!json_is_array(layers_a) || !same_value(layers_a, layers_b) || !time_a || !time_b ||
	    engine_parse_time(time_a, &ns_a) < 0 || engine_parse_time(time_b, &ns_b) < 0 ||
	    ns_a != ns_b)
		return false;
	for (size_t i = 0; i < ARRAY_SIZE(keys); i++)
		if (!same_value(json_object_get(either(a, "Config", "config"), keys[i]),
				json_object_get(either(b, "Config", "config"), keys[i])))
			return false;
	return true;
}

int engine_parse_time(const char *text, int64_t *ret_ns)
{
	int64_t fraction = 0, unit = 100000000;
	struct tm utc = { 0 }, zone = { 0 };
	const char *p = strptime(text, "%Y-%m-%dT%H:%M:%S", &utc);

	if (!p)
		return -EINVAL;
	if (*p == '.')
		for (p++; isdigit((unsigned char) *p); p++, unit /= 10)
			fraction += (*p - '0') * unit;
	/* "Z" or "+01:00" */
	p = strptime(p, "%z", &zone);
	if (!p || *p)
		return -EINVAL;
	*ret_ns = ((int64_t) timegm(&utc) - zone.tm_gmtoff) * 1000000000 + fraction;
	return 0;
}
