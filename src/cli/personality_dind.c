/* SPDX-License-Identifier: Apache-2.0 */
/* `dind CMD…`: prepare, then get out of the way. */
#include <stdlib.h>
#include <string.h>

#include "commands.h"
#include "dind/apply.h"
#include "dind/log.h"
#include "dind/options.h"
#include "personality.h"

static int refuse_empty(const struct cli *cli)
{
	const char *strict = options_environment(&cli->options, "DIND_STRICT_COMPAT");

	log_line(LOG_LEVEL_ERROR, "DIND-USAGE-12", "dind: there is no command to run");
	log_line(LOG_LEVEL_ERROR, "DIND-USAGE-12", "write: dind dockerd, or dind CMD [ARG…]");
	/* the script ended with the status of its last echo */
	return strict && *strict ? STATUS_OK : STATUS_USAGE;
}

/* STATUS_OK, or the status to end with. */
static int apply_all(struct apply_context *context, const struct plan *plan)
{
	for (size_t i = 0; i < plan->n_steps; i++) {
		const struct plan_step *step = &plan->steps[i];
		struct error err = ERROR_INIT;

		if (apply_step(context, step, &err) == 0)
			continue;
		if (step->on_fail == FAIL_ABORT) {
			report_refusal(step->code, err.message, step->remedy);
			return step->status;
		}
		report_degraded(step, err.message);
	}
	return STATUS_OK;
}

static int prepare(struct cli *cli)
{
	struct planning planning = { .arena = ARENA_INIT };
	struct apply_context context;
	struct error err = ERROR_INIT;
	int status = STATUS_OSERR;

	apply_context_init(&context);
	if (planning_inspect(&planning, cli, &err) < 0 ||
	    plan_make_nest(&cli->options, &planning.facts, &planning.arena, &planning.plan, &err) <
		    0)
		log_line(LOG_LEVEL_ERROR, "DIND-PLAN-01", "%s", err.message);
	else
		status = apply_all(&context, &planning.plan);
	planning_free(&planning);
	return status;
}

int personality_dind(struct cli *cli, int argc, char **argv)
{
	int status;

	if (argc < 2)
		return refuse_empty(cli);
	status = prepare(cli);
	if (status != STATUS_OK)
		return status;
	(void) sigprocmask(SIG_SETMASK, &cli->signals, NULL);
	if (setenv("container", "docker", 1) < 0)
		return STATUS_OSERR;
	(void) execvp(argv[1], argv + 1);
	status = errno == ENOENT ? STATUS_NOT_FOUND : STATUS_CANNOT_EXECUTE;
	log_line(LOG_LEVEL_ERROR, "DIND-COMMAND-01", "%s: %s", argv[1], strerror(errno));
	return status;
}
