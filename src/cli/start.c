/* SPDX-License-Identifier: Apache-2.0 */
/* The run command: look, decide, prepare, then supervise. */
#include <fcntl.h>
#include <malloc.h>
#include <string.h>

#include "commands.h"
#include "dind/apply.h"
#include "dind/file.h"
#include "dind/log.h"
#include "dind/str.h"
#include "dind/supervise.h"
#include "printers.h"

#define TERMINATION_LOG	 "/dev/termination-log"
#define UNMOUNT_LIMIT_MS 3000
#define WORKLOAD_STOPPED 128 /* and the signal's number */

struct start {
	const struct cli *cli;
	struct planning planning;
	struct apply_context context;
	struct strings said; /* decisions and hints that were printed: not again after a new plan */
	int64_t apply_ms;
};

/* What comes of a pass over the steps. */
enum pass {
	PASS_DONE = 0,
	PASS_REPLAN,
	PASS_END, /* the start ends with *ret_status */
};

/* ---- saying it ---- */

static bool say_once(struct start *start, const struct plan_message *message)
{
	const char *text =
		arena_printf(&start->planning.arena, "%s: %s", message->code, message->fact);

	if (strings_has(&start->said, text))
		return false;
	strings_add(&start->planning.arena, &start->said, text);
	return true;
}

static void say_plan(struct start *start)
{
	const struct plan *plan = &start->planning.plan;

	for (size_t i = 0; i < plan->n_decisions; i++)
		if (say_once(start, &plan->decisions[i]))
			log_line(LOG_LEVEL_INFO, plan->decisions[i].code, "%s",
				 plan->decisions[i].fact);
	for (size_t i = 0; i < plan->n_hints; i++) {
		const struct plan_message *hint = &plan->hints[i];

		/* what can be mended costs something; the rest is good to know */
		if (say_once(start, hint))
			log_line(hint->remedy ? LOG_LEVEL_WARNING : LOG_LEVEL_NOTICE, hint->code,
				 "%s%s%s", hint->fact, hint->remedy ? " → " : "",
				 hint->remedy ? hint->remedy : "");
	}
}

static int fail(const char *code, const struct error *err)
{
	report_refusal(code, err->message,
		       "please report this with the output of dind-init inspect");
	return STATUS_OSERR;
}

/* ---- steps ---- */

/*
 * A TERM that waits for us: everything is still blocked, supervise is not there to take it. The
 * engine did not run, so with it in the foreground this is a clean stop.
 */
static bool told_to_stop(const struct start *start, int *ret_status)
{
	static const int signals[] = { SIGTERM, SIGINT, SIGQUIT };
	sigset_t pending;

	if (sigpending(&pending) < 0)
		return false;
	for (size_t i = 0; i < ARRAY_SIZE(signals); i++) {
		if (sigismember(&pending, signals[i]) != 1)
			continue;
		*ret_status =
			start->cli->options.workload ? WORKLOAD_STOPPED + signals[i] : STATUS_OK;
		log_notice("told to stop by signal %d while starting", signals[i]);
		return true;
	}
	return false;
}

static void name_step(const struct plan_step *step, char *buf, size_t size)
{
	char object[256];

	(void) print_step_object(step, object, sizeof(object));
	(void) snprintf(buf, size, "%s%s%s", plan_step_name(step->kind), *object ? " " : "",
			object);
}

static enum pass step_failed(struct start *start, const struct plan_step *step,
			     const struct error *err, int *ret_status)
{
	char name[320], fact[ERROR_MESSAGE_MAX + 328];

	name_step(step, name, sizeof(name));
	switch (step->on_fail) {
	case FAIL_ABORT:
		(void) snprintf(fact, sizeof(fact), "%s: %s", name, err->message);
		report_refusal(step->code ? step->code : "DIND-STEP-01", fact, step->remedy);
		*ret_status = step->status;
		return PASS_END;
	case FAIL_REPLAN:
		log_line(LOG_LEVEL_INFO, step->code, "%s: %s; trying the next way", name,
			 err->message);
		facts_add_failure(&start->planning.facts, &start->planning.arena, step->key,
				  abs(err->code), err->message,
				  err->code == -EWOULDBLOCK ? start->context.holder : NULL);
		return PASS_REPLAN;
	case FAIL_DEGRADE:
		log_line(LOG_LEVEL_WARNING, step->code, "%s: %s, continuing without %s", name,
			 err->message, step->without ? step->without : "it");
		return PASS_DONE;
	}
	return PASS_END;
}

static enum pass apply_steps(struct start *start, int *ret_status)
{
	const struct plan *plan = &start->planning.plan;

	for (size_t i = 0; i < plan->n_steps; i++) {
		const struct plan_step *step = &plan->steps[i];
		struct error err = ERROR_INIT;
		int64_t began = clock_now_ms();
		enum pass pass;
		int r;

		if (told_to_stop(start, ret_status))
			return PASS_END;
		start->context.notice[0] = '\0';
		r = apply_step(&start->context, step, &err);
		log_debug("step %zu %s took %lld ms", i + 1, plan_step_name(step->kind),
			  (long long) (clock_now_ms() - began));
		if (*start->context.notice)
			log_line(LOG_LEVEL_INFO, step->code, "%s", start->context.notice);
		if (r == 0)
			continue;
		pass = step_failed(start, step, &err, ret_status);
		if (pass != PASS_DONE)
			return pass;
	}
	return told_to_stop(start, ret_status) ? PASS_END : PASS_DONE;
}

/* Plan and apply until a plan could be carried out. PASS_DONE or PASS_END. */
static enum pass prepare(struct start *start, int *ret_status)
{
	struct planning *planning = &start->planning;
	struct error err = ERROR_INIT;

	if (planning_inspect(planning, start->cli, &err) < 0) {
		*ret_status = fail("DIND-INSPECT-01", &err);
		return PASS_END;
	}
	for (;;) {
		int64_t began;
		enum pass pass;

		if (planning_make(planning, &start->cli->options, true, &err) < 0) {
			*ret_status = fail("DIND-PLAN-01", &err);
			return PASS_END;
		}
		if (planning->plan.n_refusals) {
			report_refusals(planning->plan.refusals, planning->plan.n_refusals);
			*ret_status = planning->plan.refusals[0].status;
			return PASS_END;
		}
		say_plan(start);
		began = clock_now_ms();
		pass = apply_steps(start, ret_status);
		start->apply_ms += clock_now_ms() - began;
		if (pass != PASS_REPLAN)
			return pass;
	}
}

/* Give back what a start that ends early has taken. */
static void undo(struct start *start)
{
	const struct plan *plan = &start->planning.plan;
	struct apply_context *context = &start->context;
	struct error err = ERROR_INIT;

	apply_abandon(context);
	apply_close_listeners(context);
	if (context->data_root_mounted &&
	    apply_unmount_data_root(context, context->data_root,
				    plan->exec_root ? plan->exec_root : DIND_DEFAULT_EXEC_ROOT,
				    UNMOUNT_LIMIT_MS, &err) < 0)
		log_warning("%s", err.message);
	fd_close(&context->lock_fd);
}

/* ---- what supervise calls back ---- */

static const char *data_root_of(const struct start *start)
{
	return start->planning.plan.storage.data_root;
}

static int helper_status(int r, const struct error *err)
{
	if (r < 0)
		log_warning("%s", err->message);
	return r < 0 ? STATUS_OSERR : STATUS_OK;
}

static int sync_data(void *context)
{
	const struct start *start = context;
	struct error err = ERROR_INIT;

	return helper_status(apply_sync_data_root(&start->context, data_root_of(start), &err),
			     &err);
}

static int kill_containers(void *context, bool deaf_only)
{
	const struct start *start = context;
	struct error err = ERROR_INIT;
	int killed = apply_kill_containers(start->planning.plan.cgroup_mode, data_root_of(start),
					   deaf_only, &err);

	if (killed > 0)
		log_info("stop: killed %d inner container%s%s", killed, killed == 1 ? "" : "s",
			 deaf_only ? " whose init ignores the stop signal" : "");
	return helper_status(killed, &err);
}

static int clean_up(void *context, int timeout_ms)
{
	const struct start *start = context;
	struct error err = ERROR_INIT;

	return helper_status(apply_unmount_data_root(&start->context, data_root_of(start),
						     start->planning.plan.exec_root, timeout_ms,
						     &err),
			     &err);
}

static void close_listeners(void *context)
{
	apply_close_listeners(&((struct start *) context)->context);
}

/* ---- running ---- */

static void choose_log(const struct options *options, struct supervise_options *ret)
{
	switch (options->engine_log) {
	case ENGINE_LOG_DEFAULT:
		ret->engine_log = options->workload ? DIND_ENGINE_LOG : NULL;
		return;
	case ENGINE_LOG_STDERR:
		return;
	case ENGINE_LOG_NONE:
		ret->engine_log_none = true;
		return;
	case ENGINE_LOG_FILE:
		ret->engine_log = options->engine_log_path;
		return;
	}
}

static const char *summary(struct start *start)
{
	const struct plan *plan = &start->planning.plan;

	return arena_printf(&start->planning.arena, "%s, %s, cgroup %s",
			    plan->storage.driver ? plan->storage.driver : "dockerd's choice",
			    options_rung_name(plan->storage.rung),
			    facts_cgroup_mode_name(plan->cgroup_mode));
}

static struct supervise_options supervise_what(struct start *start)
{
	const struct options *options = &start->cli->options;
	const struct planning *planning = &start->planning;
	struct supervise_options ret = {
		.engine = &planning->plan.engine.launch,
		.workload = planning->plan.workload.wanted ? &planning->plan.workload.launch : NULL,
		.no_wait = options->no_wait,
		.ready_timeout_ms = options->ready_timeout_ms,
		.stop_timeout_ms = options->stop_timeout_ms,
		.ready_file = options->ready_file,
		.quit_file = options->quit_file,
		.outer_notify = options_environment(options, "NOTIFY_SOCKET"),
		.socket_url = planning->plan.n_listeners ? planning->plan.listeners[0].url : NULL,
		.summary = summary(start),
		.engine_fds = { .listen = start->context.listen_fds,
				.n_listen = start->context.n_listen,
				.keep = &start->context.lock_fd,
				.n_keep = start->context.lock_fd >= 0 ? 1 : 0,
				.in = -1,
				.out = -1,
				.err = -1 },
		.child_mask = start->cli->signals,
		.started_ms = start->cli->started_ms,
	};

	if (planning->facts.identity.termination_log == TRI_YES)
		ret.termination_log = TERMINATION_LOG;
	choose_log(options, &ret);
	return ret;
}

static int run(struct start *start)
{
	const struct supervise_helpers helpers = {
		.sync_data = sync_data,
		.kill_containers = kill_containers,
		.clean_up = clean_up,
		.close_listeners = close_listeners,
		.context = start,
	};
	auto_close int null = open("/dev/null", O_RDONLY | O_CLOEXEC | O_NOCTTY);
	struct supervise_options options = supervise_what(start);
	struct error err = ERROR_INIT;

	/* the terminal is COMMAND's, or nobody's */
	options.engine_fds.in = null;
	if (getpid() != 1 && supervise_become_reaper(&err) < 0)
		log_warning("%s, continuing without reaping the engine's orphans", err.message);
	log_debug("inspect %lld ms, plan %lld ms in %d rounds, trials %lld ms, apply %lld ms",
		  (long long) start->planning.times.inspect_ms,
		  (long long) start->planning.times.plan_ms, start->planning.rounds,
		  (long long) start->planning.times.trials_ms, (long long) start->apply_ms);
	/* Facts and JSON were the large part of our memory, and we stay small from here on. */
	(void) malloc_trim(0);
	log_debug("exec of dockerd after %lld ms",
		  (long long) (clock_now_ms() - start->cli->started_ms));
	return supervise_run(&options, &helpers);
}

/* dockerd --version: it answers and exits, so nothing is set up and nobody is needed beside it. */
static int ask_dockerd(const struct cli *cli)
{
	const char *const *args = cli->options.dockerd_args;
	const char *name = cli->dockerd ? cli->dockerd : "dockerd";
	struct arena arena = ARENA_INIT;
	struct strings argv = STRINGS_INIT;
	int status;

	strings_add(&arena, &argv, name);
	for (; args && *args; args++)
		strings_add(&arena, &argv, *args);
	(void) sigprocmask(SIG_SETMASK, &cli->signals, NULL);
	(void) execvp(name, (char *const *) (uintptr_t) argv.items);
	status = errno == ENOENT ? STATUS_NOT_FOUND : STATUS_CANNOT_EXECUTE;
	log_line(LOG_LEVEL_ERROR, "DIND-ENGINE-90", "%s: %s", name, strerror(errno));
	arena_free(&arena);
	return status;
}

int cli_run(struct cli *cli)
{
	struct start start = { .cli = cli, .planning = { .arena = ARENA_INIT } };
	int status = STATUS_OSERR;

	if (cli->dockerd_asks && !cli->options.workload)
		return ask_dockerd(cli);
	apply_context_init(&start.context);
	if (prepare(&start, &status) == PASS_DONE)
		status = run(&start); /* and takes everything down */
	else
		undo(&start);
	planning_free(&start.planning);
	return status;
}
