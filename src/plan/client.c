/* SPDX-License-Identifier: Apache-2.0 */
/*
 * dind-client: what is done through the engine's API. One run of it before ready (`prepare`), and
 * one beside the engine for as long as it lives (`watch`). Neither when nothing asks for it; and a
 * look at registry mirrors is no reason to do without an engine.
 */
#include "dind/str.h"
#include "planner.h"

#define WATCH_INTERVAL_S 10
/* Past the client's own limit, which can say what took so long. */
#define GRACE_MS 5000

static bool has_slot(const struct planner *p)
{
	return p->facts->pool.lease != NULL;
}

static bool wants_prepare(const struct planner *p)
{
	const struct options *o = p->options;

	return o->preload || o->preload_from || o->prune == PRUNE_START || has_slot(p);
}

static bool wants_upkeep(const struct planner *p)
{
	return p->options->disk_high || (has_slot(p) && p->options->cache_size);
}

/* Whoever names them; it is the engine that is asked which they are. */
static bool wants_mirrors(const struct planner *p)
{
	return p->facts->engine.client && (planner_is_said(p, "registry-mirrors") ||
					   planner_has_flag(p, "registry-mirror", '\0'));
}

static bool is_needed(const struct planner *p)
{
	return wants_prepare(p) || wants_upkeep(p);
}

bool planner_client_wanted(const struct planner *p)
{
	return is_needed(p) || wants_mirrors(p);
}

static const char *socket_path(const struct planner *p)
{
	for (size_t i = 0; i < p->plan->n_listeners; i++)
		if (p->plan->listeners[i].kind == LISTENER_UNIX)
			return p->plan->listeners[i].path;
	/* --strict-args: dockerd's own default */
	return DIND_DEFAULT_SOCKET;
}

void plan_client_program(struct planner *p)
{
	if (is_needed(p) && !p->facts->engine.client)
		planner_refuse(p, CODE_ENGINE_CLIENT, STATUS_CONFIG,
			       "install it from the same build as dind-init, or leave out "
			       "--preload, --cache-pool, --prune and --disk-high",
			       "dind-client, which these options need, is not installed");
}

/* ---- command lines ---- */

static void add(struct planner *p, struct strings *argv, const char *word)
{
	strings_add(p->arena, argv, word);
}

static void add_pair(struct planner *p, struct strings *argv, const char *option, const char *value)
{
	add(p, argv, option);
	add(p, argv, value);
}

static const char *number(struct planner *p, uint64_t value)
{
	return arena_printf(p->arena, "%llu", (unsigned long long) value);
}

static void begin(struct planner *p, struct strings *argv, const char *verb)
{
	const char *client = p->facts->engine.client;

	add(p, argv, client ? client : "dind-client");
	add(p, argv, verb);
	add_pair(p, argv, "--socket", socket_path(p));
	if (p->options->log_format == LOG_FORMAT_JSON)
		add_pair(p, argv, "--log-format", "json");
}

static const char *const *prepare_argv(struct planner *p)
{
	const struct options *o = p->options;
	struct strings argv = STRINGS_INIT;

	begin(p, &argv, "prepare");
	/* of an earlier holder; a client of ours may have made some already */
	if (has_slot(p))
		add_pair(p, &argv, "--clean-before",
			 number(p, (uint64_t) p->facts->identity.started));
	for (const char *const *path = o->preload; path && *path; path++)
		add_pair(p, &argv, "--load", *path);
	if (o->preload_from)
		add_pair(p, &argv, "--from", o->preload_from);
	for (const char *const *image = o->preload_images; image && *image; image++)
		add_pair(p, &argv, "--image", *image);
	if (o->prune == PRUNE_START)
		add(p, &argv, "--prune");
	if (o->preload_failure == PRELOAD_CONTINUE)
		add(p, &argv, "--continue");
	add_pair(p, &argv, "--timeout", number(p, (uint64_t) o->preload_timeout_ms / 1000));
	return argv.items;
}

/* The directory of an image file: what is below is as full as that. */
static const char *below(struct planner *p)
{
	const struct storage_choice *s = &p->storage;

	return s->image && s->home ? s->home->path : NULL;
}

static const char *const *watch_argv(struct planner *p)
{
	const struct options *o = p->options;
	struct strings argv = STRINGS_INIT;

	begin(p, &argv, "watch");
	add_pair(p, &argv, "--directory", p->data_root);
	if (below(p))
		add_pair(p, &argv, "--below", below(p));
	if (o->disk_high)
		add_pair(p, &argv, "--high", number(p, (uint64_t) o->disk_high));
	add_pair(p, &argv, "--interval", number(p, WATCH_INTERVAL_S));
	if (o->prune == PRUNE_IDLE)
		add(p, &argv, "--prune");
	if (wants_mirrors(p)) {
		add(p, &argv, "--mirrors");
		if (planner_ca_directories(p))
			add_pair(p, &argv, "--ca-directories", planner_ca_directories(p));
	}
	if (has_slot(p) && o->cache_size) {
		add_pair(p, &argv, "--pool", o->cache_pool);
		add_pair(p, &argv, "--pool-limit", number(p, o->cache_size));
		add_pair(p, &argv, "--pool-keep", p->facts->pool.lease);
	}
	return argv.items;
}

/* ---- the launch records ---- */

static void launch(struct planner *p, struct plan_service *service, const char *const *argv)
{
	service->wanted = true;
	service->launch.argv = argv;
	/* that of a client of the other engine: DOCKER_CERT_PATH and proxies are for it */
	service->launch.environment = p->options->environment;
	service->launch.new_session = true;
	service->launch.set_oom_score = planner_job_oom_score(p, &service->launch.oom_score_adj);
}

void plan_client(struct planner *p)
{
	if (wants_prepare(p)) {
		launch(p, &p->plan->prepare, prepare_argv(p));
		/* the client decides what a failure of one image means; one of its own is ours */
		p->plan->prepare_required = p->options->preload_failure == PRELOAD_FAIL;
		p->plan->prepare_timeout_ms = p->options->preload_timeout_ms + GRACE_MS;
	}
	if (wants_upkeep(p) || wants_mirrors(p))
		launch(p, &p->plan->watch, watch_argv(p));
}
