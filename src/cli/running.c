/* SPDX-License-Identifier: Apache-2.0 */
/* From a plan that was carried out to supervise, and what supervise calls back. */
#include <fcntl.h>
#include <malloc.h>

#include "dind/file.h"
#include "dind/log.h"
#include "dind/supervise.h"
#include "start.h"

#define TERMINATION_LOG "/dev/termination-log"
#define POLICY_LEAST_MS 200 /* for what should take none */

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

/* An engine outside: nothing of it is ours to write back, to kill or to unmount. */
static bool has_engine(const struct start *start)
{
	return start->planning.plan.engine.wanted;
}

static int sync_data(void *context)
{
	const struct start *start = context;
	struct error err = ERROR_INIT;

	if (!has_engine(start))
		return STATUS_OK;
	return helper_status(apply_sync_data_root(&start->context, data_root_of(start), &err),
			     &err);
}

static int kill_containers(void *context, bool deaf_only)
{
	const struct start *start = context;
	struct error err = ERROR_INIT;
	int killed = apply_kill_containers(start->planning.plan.cgroup_mode,
					   start->planning.plan.cgroup_parent, data_root_of(start),
					   deaf_only, &err);

	if (killed > 0)
		log_info("stop: killed %d inner container%s%s", killed, killed == 1 ? "" : "s",
			 deaf_only ? " whose init ignores the stop signal" : "");
	return helper_status(killed, &err);
}

static int end_job(void *context, const pid_t *spare, size_t n_spare, int timeout_ms)
{
	struct error err = ERROR_INIT;
	int n;

	(void) context;
	if (timeout_ms > 0)
		return helper_status(apply_end_job(spare, n_spare, timeout_ms, &err), &err);
	n = apply_kill_job(spare, n_spare, &err);
	if (n > 0)
		log_notice("stop: killed %d process%s of COMMAND's", n, n == 1 ? "" : "es");
	return helper_status(n, &err);
}

static int clean_up(void *context, int timeout_ms)
{
	const struct start *start = context;
	int64_t deadline = clock_now_ms() + timeout_ms;
	struct error err = ERROR_INIT;
	int left, status;

	if (!has_engine(start))
		return STATUS_OK;
	status = helper_status(apply_unmount_data_root(&start->context, data_root_of(start),
						       start->planning.plan.exec_root, timeout_ms,
						       &err),
			       &err);
	if (status == STATUS_OK && start->planning.plan.storage.remove_subvolumes)
		status = helper_status(apply_remove_subvolumes(data_root_of(start), &err), &err);
	left = (int) (deadline - clock_now_ms());
	if (apply_remove_apparmor(&start->context, left > POLICY_LEAST_MS ? left : POLICY_LEAST_MS,
				  &err) < 0)
		log_warning("%s", err.message);
	/* An outer runtime removes what is left with the container; it is no fault of the stop. */
	if (apply_leave_cgroups(&start->context, start->planning.plan.cgroup_parent, &err) < 0)
		log_debug("%s", err.message);
	return status;
}

/* Inner containers without their engine would live on unseen, and hold up the next one, which waits
 * for each to stop by itself. Everything else it finds by itself as after any crash. */
static int before_restart(void *context, pid_t workload)
{
	struct start *start = context;
	const struct plan *plan = &start->planning.plan;
	int killed = 0, status = STATUS_OK;

	if (!plan->live_restore) {
		struct error err = ERROR_INIT;

		killed = apply_kill_left(plan->cgroup_mode, plan->cgroup_parent,
					 data_root_of(start), workload, &err);
		status = helper_status(killed, &err);
	}
	if (killed > 0)
		log_info("restart: killed %d inner container%s", killed, killed == 1 ? "" : "s");
	for (size_t i = 0; i < plan->n_steps; i++) {
		const struct plan_step *step = &plan->steps[i];
		struct error err = ERROR_INIT;

		if (step->kind != STEP_SWEEP && step->kind != STEP_GUARD_START)
			continue;
		if (helper_status(apply_step(&start->context, step, &err), &err) != STATUS_OK)
			status = STATUS_OSERR;
		if (*start->context.notice)
			log_info("restart: %s", start->context.notice);
	}
	return status;
}

/* SIGHUP: what the user has changed in daemon.json, by way of the file that the engine reads. */
static int reload(void *context)
{
	const struct start *start = context;
	const struct plan *plan = &start->planning.plan;
	struct error err = ERROR_INIT;

	for (size_t i = 0; i < plan->n_steps; i++) {
		if (plan->steps[i].kind != STEP_CONFIG)
			continue;
		if (apply_reload(&plan->steps[i], plan->engine.launch.argv, &err) == 0) {
			log_info("SIGHUP: %s was merged into %s again",
				 plan->steps[i].u.config.source, plan->steps[i].u.config.target);
			return STATUS_OK;
		}
		log_line(LOG_LEVEL_WARNING, "DIND-ENGINE-10",
			 "SIGHUP: the engine goes on with the configuration that it has: %s → mend "
			 "%s and send SIGHUP again",
			 err.message, plan->steps[i].u.config.source);
		return STATUS_CONFIG;
	}
	return STATUS_OK;
}

static const struct plan_step *relay_step(const struct plan *plan)
{
	for (size_t i = 0; i < plan->n_steps; i++)
		if (plan->steps[i].kind == STEP_DNS_RELAY)
			return &plan->steps[i];
	return NULL;
}

static pid_t start_relay(void *context)
{
	struct start *start = context;

	return apply_start_relay(&start->context, relay_step(&start->planning.plan));
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

/* Where `ready` asks, in plain HTTP: a unix socket if there is one. An engine that was waited for
 * is asked by nobody but its users. */
static const char *socket_url(const struct plan *plan)
{
	if (plan->mode == MODE_SOCKET)
		return plan->outside;
	for (size_t i = 0; i < plan->n_listeners; i++)
		if (plan->listeners[i].kind == LISTENER_UNIX)
			return plan->listeners[i].url;
	return plan->n_listeners ? plan->listeners[0].url : NULL;
}

static const struct launch *service(const struct plan_service *service)
{
	return service->wanted ? &service->launch : NULL;
}

/* The slot may hold an image with a lock of its own; both have to last as long as the engine. */
static size_t list_locks(struct start *start)
{
	size_t n = 0;

	if (start->context.lock_fd >= 0)
		start->locks[n++] = start->context.lock_fd;
	if (start->context.lease_fd >= 0)
		start->locks[n++] = start->context.lease_fd;
	if (start->context.apparmor_lock >= 0)
		start->locks[n++] = start->context.apparmor_lock;
	return n;
}

/* The plan has named what the engine's tree is refused; it was compiled since, or could not be. */
static void confine(struct start *start)
{
	struct plan *plan = &start->planning.plan;

	if (plan->engine.launch.refused && start->context.filter.length)
		plan->engine.launch.filter = plan->containerd.launch.filter =
			&start->context.filter;
}

/* What the user knows it by. */
static const char *prepare_name(struct start *start)
{
	const struct plan *plan = &start->planning.plan;

	return has_engine(start)
		       ? "prepare"
		       : arena_printf(&start->planning.arena, "waiting for %s", plan->outside);
}

static struct supervise_options supervise_what(struct start *start)
{
	const struct options *options = &start->cli->options;
	const struct planning *planning = &start->planning;
	struct supervise_options ret = {
		.engine = service(&planning->plan.engine),
		.prepare_name = prepare_name(start),
		.relay_pid = start->context.relay_pid,
		.workload = service(&planning->plan.workload),
		.containerd = service(&planning->plan.containerd),
		.prepare = service(&planning->plan.prepare),
		.watch = service(&planning->plan.watch),
		.prepare_required = planning->plan.prepare_required,
		.prepare_timeout_ms = planning->plan.prepare_timeout_ms,
		.no_wait = options->no_wait,
		.late_message = options->late_message,
		.restart_engine = options->restart_engine,
		.ready_timeout_ms = options->ready_timeout_ms,
		.stop_timeout_ms = options->stop_timeout_ms,
		.ready_file = options->ready_file,
		.quit_file = options->quit_file,
		.quit_pipe = options->quit_pipe,
		.outer_notify = options_environment(options, "NOTIFY_SOCKET"),
		.state_file = state_file_make(&start->planning.arena),
		.socket_url = socket_url(&planning->plan),
		.summary = start_summary(&start->planning.arena, &start->planning.plan,
					 &start->context, start->degraded),
		.engine_fds = { .listen = start->context.listen_fds,
				.n_listen = start->context.n_listen,
				.keep = start->locks,
				.n_keep = list_locks(start),
				.in = -1,
				.out = -1,
				.err = -1 },
		.child_mask = start->cli->signals,
		.start_mark = planning->plan.start_mark,
		.memory_group = planning->plan.memory_group,
		.started_ms = start->cli->started_ms,
	};

	if (planning->facts.identity.termination_log == TRI_YES)
		ret.termination_log = TERMINATION_LOG;
	choose_log(options, &ret);
	return ret;
}

int start_run(struct start *start)
{
	const struct supervise_helpers helpers = {
		.sync_data = sync_data,
		.kill_containers = kill_containers,
		.clean_up = clean_up,
		.end_job = end_job,
		.before_restart = before_restart,
		.close_listeners = close_listeners,
		.start_relay = start->context.relay_pid > 0 ? start_relay : NULL,
		.reload = start->cli->options.strict_args ? NULL : reload,
		.context = start,
	};
	auto_close int null = open("/dev/null", O_RDONLY | O_CLOEXEC | O_NOCTTY);
	struct supervise_options options = supervise_what(start);
	struct error err = ERROR_INIT;

	/* the terminal is COMMAND's, or nobody's */
	options.engine_fds.in = null;
	confine(start);
	if (getpid() != 1 && supervise_become_reaper(&err) < 0)
		log_warning("%s, continuing without reaping the engine's orphans", err.message);
	log_debug("inspect %lld ms, plan %lld ms in %d rounds, trials %lld ms, apply %lld ms",
		  (long long) start->planning.times.inspect_ms,
		  (long long) start->planning.times.plan_ms, start->planning.rounds,
		  (long long) start->planning.times.trials_ms, (long long) start->apply_ms);
	/* Facts and JSON were the large part of our memory, and we stay small from here on. */
	(void) malloc_trim(0);
	log_debug("%s after %lld ms", has_engine(start) ? "exec of dockerd" : "supervision",
		  (long long) (clock_now_ms() - start->cli->started_ms));
	return supervise_run(&options, &helpers);
}
