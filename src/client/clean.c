/* SPDX-License-Identifier: Apache-2.0 */
/*
 * clean.c - what the last holder of a cache slot left: containers (those with a restart policy run
 * again already) and networks. What was made since our start belongs to an early client and stays.
 */
#include <string.h>

#include "client.h"
#include "dind/file.h"
#include "jobs.h"

#define NS 1000000000LL
/* A container that someone else is removing has that long. */
#define GONE_MS	       15000
#define CLEAN_PARALLEL 8

static int container_time(const struct job_context *context, struct arena *arena, const char *id,
			  int64_t *ret_ns, struct error *err)
{
	json_t *root = NULL;
	const char *text;
	int r = engine_get(&context->engine, arena_printf(arena, "/containers/%s/json", id),
			   context->deadline_ms, &root, err);

	if (r < 0)
		return r;
	text = json_string_value(json_object_get(root, "Created"));
	r = text ? engine_parse_time(text, ret_ns) : -EINVAL;
	json_decref(root);
	return r < 0 ? error_set_plain(err, r, "container %s: no time of creation", id) : 0;
}

/* True if it is older than our start. The list has whole seconds; in the second of our start the
 * exact time is asked for. In doubt it is not touched. */
static bool is_stale(const struct job_context *context, struct arena *arena, const json_t *entry)
{
	const json_t *created = json_object_get(entry, "Created");
	const char *id = json_string_value(json_object_get(entry, "Id"));
	int64_t before = context->options->clean_before_ns, ns;
	struct error ignored = ERROR_INIT;

	if (!json_is_integer(created) || !id)
		return false;
	if (json_integer_value(created) != before / NS)
		return json_integer_value(created) < before / NS;
	return container_time(context, arena, id, &ns, &ignored) == 0 && ns < before;
}

static int remove_container(const struct job_context *context, const char *id)
{
	struct error err = ERROR_INIT;
	struct arena arena = ARENA_INIT;
	const char *path = arena_printf(&arena, "/containers/%s?force=1&v=1", id);
	int64_t end = clock_now_ms() + GONE_MS;
	int r;

	/* A restart policy may be at it between its death and its removal; "removal in progress" is
	 * its end too. */
	while ((r = engine_do(&context->engine, "DELETE", path, context->deadline_ms, NULL,
			      &err)) == -EBUSY &&
	       clock_now_ms() < end)
		(void) usleep(200000);
	arena_free(&arena);
	if (r == -ENOENT)
		r = 0;
	if (r < 0)
		client_report(context->options, CODE_PRELOAD_CLEAN,
			      "empty the slot, or give this container one of its own",
			      "a container of the last holder, %.12s, stays: %s", id, err.message);
	return r;
}

/* Sets *@ret_kept to the networks that containers which stay are in: running or not. */
static int stale_containers(const struct job_context *context, struct arena *arena,
			    struct job **jobs, size_t *count, struct strings *kept,
			    struct error *err)
{
	json_t *list = NULL, *entry, *network;
	const char *name;
	size_t i;
	int r = engine_get(&context->engine, "/containers/json?all=1", context->deadline_ms, &list,
			   err);

	if (r < 0)
		return r;
	json_array_foreach(list, i, entry)
	{
		if (is_stale(context, arena, entry)) {
			jobs_add(arena, jobs, count, remove_container,
				 arena_strdup(arena,
					      json_string_value(json_object_get(entry, "Id"))));
			continue;
		}
		json_object_foreach(
			json_object_get(json_object_get(entry, "NetworkSettings"), "Networks"),
			name, network)
		{
			const char *id = json_string_value(json_object_get(network, "NetworkID"));

			/* a container that never ran has only the name */
			strings_add(arena, kept, arena_strdup(arena, name));
			if (id && *id)
				strings_add(arena, kept, arena_strdup(arena, id));
		}
	}
	json_decref(list);
	return 0;
}

static bool network_is_stale(const struct job_context *context, const json_t *network,
			     const struct strings *kept)
{
	static const char *const own[] = { "bridge", "host", "none", "docker_gwbridge", "ingress" };
	const char *name = json_string_value(json_object_get(network, "Name"));
	const char *id = json_string_value(json_object_get(network, "Id"));
	const char *scope = json_string_value(json_object_get(network, "Scope"));
	const char *created = json_string_value(json_object_get(network, "Created"));
	int64_t ns;

	if (!name || !id || !scope || strcmp(scope, "local") != 0)
		return false;
	for (size_t i = 0; i < ARRAY_SIZE(own); i++)
		if (strcmp(name, own[i]) == 0)
			return false;
	if (strings_has(kept, name) || strings_has(kept, id))
		return false;
	return created && engine_parse_time(created, &ns) == 0 &&
	       ns < context->options->clean_before_ns;
}

static size_t remove_networks(const struct job_context *context, struct arena *arena,
			      const struct strings *kept, size_t *ret_removed)
{
	struct error err = ERROR_INIT;
	json_t *list = NULL, *network;
	size_t i, failed = 0;

	if (engine_get(&context->engine, "/networks", context->deadline_ms, &list, &err) < 0) {
		client_report(context->options, CODE_PRELOAD_CLEAN, "see the engine's log",
			      "networks of the last holder cannot be listed: %s", err.message);
		return 1;
	}
	json_array_foreach(list, i, network)
	{
		const char *id = json_string_value(json_object_get(network, "Id"));
		int r;

		if (!network_is_stale(context, network, kept))
			continue;
		r = engine_do(&context->engine, "DELETE", arena_printf(arena, "/networks/%s", id),
			      context->deadline_ms, NULL, &err);
		if (r == 0)
			(*ret_removed)++;
		/* An early client's container may have gone into it meanwhile: it has endpoints. */
		else if (r != -ENOENT)
			log_notice("clean: network %s of the last holder stays: %s",
				   json_string_value(json_object_get(network, "Name")),
				   err.message);
	}
	json_decref(list);
	return failed;
}

size_t clean_run(const struct job_context *context)
{
	struct strings kept = STRINGS_INIT;
	struct error err = ERROR_INIT;
	struct arena arena = ARENA_INIT;
	struct job *jobs = NULL;
	size_t count = 0, failed, networks = 0;

	if (stale_containers(context, &arena, &jobs, &count, &kept, &err) < 0) {
		client_report(context->options, CODE_PRELOAD_CLEAN, "see the engine's log",
			      "containers of the last holder cannot be listed: %s", err.message);
		failed = 1;
	} else {
		failed = jobs_run(jobs, count, CLEAN_PARALLEL, CODE_PRELOAD_CLEAN, context);
		failed += remove_networks(context, &arena, &kept, &networks);
		if (count + networks > 0)
			log_info(
				"clean: removed %zu containers and %zu networks of the last holder",
				count - (failed < count ? failed : count), networks);
	}
	arena_free(&arena);
	return failed;
}
