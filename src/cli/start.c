/* SPDX-License-Identifier: Apache-2.0 */
/* The run command: look, decide, prepare; running.c does the rest. */
#include <string.h>

#include "dind/file.h"
#include "dind/log.h"
#include "dind/str.h"
#include "personality.h"
#include "printers.h"
#include "start.h"

#define CGROUP_DIR	 "/sys/fs/cgroup"
#define UNMOUNT_LIMIT_MS 3000
#define POLICY_LIMIT_MS	 500
#define WORKLOAD_STOPPED 128 /* and the signal's number */

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

static const int ending_signals[] = { SIGTERM, SIGINT, SIGQUIT };

void start_ending_signals(sigset_t *ret_set)
{
	(void) sigemptyset(ret_set);
	for (size_t i = 0; i < ARRAY_SIZE(ending_signals); i++)
		(void) sigaddset(ret_set, ending_signals[i]);
}

bool start_told_to_stop(const struct start *start, int *ret_status)
{
	sigset_t pending;

	if (sigpending(&pending) < 0)
		return false;
	for (size_t i = 0; i < ARRAY_SIZE(ending_signals); i++) {
		int signo = ending_signals[i];

		if (sigismember(&pending, signo) != 1)
			continue;
		*ret_status = start->cli->options.workload ? WORKLOAD_STOPPED + signo : STATUS_OK;
		log_notice("told to stop by signal %d while starting", signo);
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
	(void) snprintf(fact, sizeof(fact), "%s: %s", name, err->message);
	switch (step->on_fail) {
	case FAIL_ABORT:
		report_refusal(step->code ? step->code : "DIND-STEP-01", fact, step->remedy);
		*ret_status = step->status;
		return PASS_END;
	case FAIL_REPLAN:
		log_line(LOG_LEVEL_INFO, step->code, "%s; trying the next way", fact);
		facts_add_failure(&start->planning.facts, &start->planning.arena, step->key,
				  abs(err->code), err->message,
				  err->code == -EWOULDBLOCK ? start->context.holder : NULL);
		return PASS_REPLAN;
	case FAIL_DEGRADE:
		report_degraded(step, fact);
		start->degraded |= UINT64_C(1) << step->kind;
		return PASS_DONE;
	}
	return PASS_END;
}

static enum pass apply_steps(struct start *start, int *ret_status)
{
	const struct plan *plan = &start->planning.plan;

	start->degraded = 0;
	for (size_t i = 0; i < plan->n_steps; i++) {
		const struct plan_step *step = &plan->steps[i];
		struct error err = ERROR_INIT;
		int64_t began = clock_now_us();
		enum pass pass;
		int r;

		if (start_told_to_stop(start, ret_status))
			return PASS_END;
		if (step->kind == STEP_LEASE)
			return start_lease(start, step, ret_status);
		start->context.notice[0] = '\0';
		r = apply_step(&start->context, step, &err);
		log_debug("step %zu %s took %lld us", i + 1, plan_step_name(step->kind),
			  (long long) (clock_now_us() - began));
		if (*start->context.notice)
			log_line(start->context.notice_loud ? LOG_LEVEL_WARNING : LOG_LEVEL_INFO,
				 step->code, "%s", start->context.notice);
		if (r == 0)
			continue;
		pass = step_failed(start, step, &err, ret_status);
		if (pass != PASS_DONE)
			return pass;
	}
	return start_told_to_stop(start, ret_status) ? PASS_END : PASS_DONE;
}

/* Beside the trials runs what changes nothing. */
static void begin_ahead(void *context, const struct plan *plan)
{
	struct start *start = context;

	for (size_t i = 0; i < plan->n_steps; i++) {
		struct error err = ERROR_INIT;

		if (apply_ahead(&start->context, &plan->steps[i], &err) < 0)
			log_debug("%s", err.message);
	}
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
	if (apply_remove_apparmor(context, POLICY_LIMIT_MS, &err) < 0)
		log_warning("%s", err.message);
	if (apply_leave_cgroups(context, plan->cgroup_parent, &err) < 0)
		log_debug("%s", err.message);
	fd_close(&context->lock_fd);
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
	apply_cgroup_ahead(&start.context, CGROUP_DIR);
	start.planning.before_trials = begin_ahead;
	start.planning.context = &start;
	if (prepare(&start, &status) == PASS_DONE) {
		if (cli->tells_iptables)
			personality_iptables_print(
				cli, start.planning.plan.engine.launch.environment, false);
		status = start_run(&start); /* and takes everything down */
	} else {
		undo(&start);
	}
	apply_release_lease(&start.context); /* nothing is mounted from it any more */
	planning_free(&start.planning);
	return status;
}
