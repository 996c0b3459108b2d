/* SPDX-License-Identifier: Apache-2.0 */
/* The sub-commands that look, and change nothing. */
#include "commands.h"

#include <fcntl.h>
#include <jansson.h>
#include <string.h>

#include "client_check.h"
#include "dind/file.h"
#include "dind/inspect.h"
#include "dind/log.h"
#include "dind/print.h"
#include "dind/str.h"
#include "dind/supervise.h"

#define FACTS_MAX	 (8u << 20)
#define VERSION_TRIAL_MS 5000

/* What was printed is only worth a good status if it arrived. */
static int end_output(int status)
{
	if (fflush(stdout) == 0 && !ferror(stdout))
		return status;
	log_line(LOG_LEVEL_ERROR, "DIND-OUTPUT-01", "standard output: %s", strerror(errno));
	return STATUS_OSERR;
}

static int print_text(char *text)
{
	(void) fputs(text, stdout);
	free(text);
	return end_output(STATUS_OK);
}

static int failed(const char *code, const struct error *err)
{
	log_line(LOG_LEVEL_ERROR, code, "%s", err->message);
	return STATUS_OSERR;
}

/* ---- inspect ---- */

static int inspect_all(struct planning *planning, const struct cli *cli, struct error *err)
{
	struct trial_request version = { TRIAL_ENGINE, NULL };
	int r = planning_inspect(planning, cli, err);

	version.path = planning->facts.engine.dockerd;
	if (r == 0 && version.path && !planning->facts.engine.version)
		r = trial_run(&version, VERSION_TRIAL_MS, &planning->arena, &planning->facts, err);
	return r;
}

int cli_inspect(struct cli *cli)
{
	struct planning planning = { .arena = ARENA_INIT };
	struct error err = ERROR_INIT;
	char *text = NULL;
	int r = inspect_all(&planning, cli, &err);

	if (r == 0)
		r = print_facts_json(&planning.facts, &text, &err);
	planning_free(&planning);
	return r < 0 ? failed("DIND-INSPECT-01", &err) : print_text(text);
}

/* ---- plan ---- */

/*
 * Whether the engine that answers here is our own: `docker exec C dind-init doctor` looks at a
 * machine where everything is in use by dind-init itself.
 */
static bool our_engine_runs(void)
{
	json_t *state = json_load_file(DIND_STATE_FILE, 0, NULL);
	json_int_t pid = json_integer_value(json_object_get(state, "engine_pid"));

	json_decref(state);
	return pid > 0 && pid <= INT32_MAX && (kill((pid_t) pid, 0) == 0 || errno == EPERM);
}

static int look(struct planning *planning, const struct cli *cli, struct error *err)
{
	int r = planning_inspect(planning, cli, err);

	if (r == 0 && our_engine_runs()) {
		planning->facts.engine.socket_answers = TRI_NO;
		planning->facts.reach.socket_answers.value = TRI_NO;
	}
	return r;
}

/* Standard input may be a pipe or a socket, which cannot be opened by a path. */
static int read_standard_input(struct arena *arena, char **ret_text)
{
	char *text = arena_alloc(arena, FACTS_MAX + 1);

	if (fread(text, 1, FACTS_MAX, stdin) < FACTS_MAX && ferror(stdin))
		return -EIO;
	*ret_text = text;
	return 0;
}

static int read_facts(const char *path, struct planning *planning, struct error *err)
{
	bool standard_input = strcmp(path, "-") == 0;
	char *text = NULL;
	int r = standard_input ? read_standard_input(&planning->arena, &text)
			       : file_slurp_at(AT_FDCWD, path, FACTS_MAX, &planning->arena, &text);

	if (r < 0)
		return error_set(err, r, "read '%s'", path);
	if (strlen(text) >= FACTS_MAX)
		return error_set_plain(err, -EFBIG, "'%s' is larger than %u MiB", path,
				       FACTS_MAX >> 20);
	r = print_facts_parse(text, &planning->arena, &planning->facts, err);
	return r < 0 ? error_wrap(err, "'%s'", path) : 0;
}

static int print_plan(const struct cli *cli, const struct plan *plan, struct error *err)
{
	char *text = NULL;
	int r;

	if (!cli->options.json) {
		print_plan_text(stdout, plan);
		return end_output(STATUS_OK);
	}
	r = print_plan_json(plan, &text, err);
	return r < 0 ? failed("DIND-PLAN-01", err) : print_text(text);
}

int cli_plan(struct cli *cli)
{
	struct planning planning = { .arena = ARENA_INIT };
	struct error err = ERROR_INIT;
	const char *facts = cli->options.facts;
	int status, r;

	if (facts) {
		r = read_facts(facts, &planning, &err);
		if (r < 0) {
			log_line(LOG_LEVEL_ERROR, "DIND-FACTS-01", "%s", err.message);
			log_line(LOG_LEVEL_ERROR, "DIND-FACTS-01",
				 "→ give the output of dind-init inspect of this version");
			planning_free(&planning);
			return STATUS_USAGE;
		}
	} else {
		r = look(&planning, cli, &err);
	}
	if (r == 0)
		r = planning_make(&planning, &cli->options, !facts, &err);
	status = r < 0 ? failed("DIND-PLAN-01", &err) : print_plan(cli, &planning.plan, &err);
	planning_free(&planning);
	return status;
}

/* ---- doctor ---- */

static int doctor_status(const struct plan *plan)
{
	if (plan->n_refusals == 0)
		return STATUS_OK;
	for (size_t i = 0; i < plan->n_refusals; i++)
		if (plan->refusals[i].status == STATUS_NOPERM)
			return STATUS_NOPERM;
	return STATUS_CONFIG;
}

/* The first listener of the engine that runs here; NULL: there is none. */
static const char *our_socket(struct arena *arena)
{
	json_t *state = our_engine_runs() ? json_load_file(DIND_STATE_FILE, 0, NULL) : NULL;
	const char *socket = json_string_value(json_object_get(state, "socket"));

	socket = socket ? arena_strdup(arena, socket) : NULL;
	json_decref(state);
	return socket;
}

static int print_doctor(const struct cli *cli, const struct plan *plan, struct error *err)
{
	char *text = NULL;
	int r;

	if (!cli->options.json) {
		print_doctor_text(stdout, plan);
		return end_output(doctor_status(plan));
	}
	r = print_doctor_json(plan, &text, err);
	if (r < 0)
		return failed("DIND-DOCTOR-01", err);
	r = print_text(text);
	return r == STATUS_OK ? doctor_status(plan) : r;
}

int cli_doctor(struct cli *cli)
{
	struct planning planning = { .arena = ARENA_INIT };
	struct error err = ERROR_INIT;
	int status, r = look(&planning, cli, &err);

	if (r == 0)
		r = planning_make(&planning, &cli->options, true, &err);
	if (r == 0) {
		struct client_view view;

		client_ask(&cli->options, our_socket(&planning.arena), planning.facts.engine.client,
			   &planning.arena, &view);
		client_judge(&view, &planning.arena, &planning.plan);
	}
	status = r < 0 ? failed("DIND-DOCTOR-01", &err) : print_doctor(cli, &planning.plan, &err);
	planning_free(&planning);
	return status;
}

/* ---- ready, version, help ---- */

int cli_ready(struct cli *cli)
{
	struct error err = ERROR_INIT;
	int status =
		supervise_ready(state_file_find(&cli->arena), cli->options.ready_wait_ms, &err);

	if (status != STATUS_OK)
		log_line(LOG_LEVEL_ERROR,
			 status == STATUS_TEMPFAIL ? "DIND-READY-01" : "DIND-READY-02", "%s",
			 err.message);
	return status;
}

int cli_version(struct cli *cli)
{
	(void) cli;
	(void) fputs("dind-init " DIND_VERSION "\n", stdout);
	return end_output(STATUS_OK);
}

int cli_help(struct cli *cli)
{
	if (cli->man)
		help_print_man(stdout);
	else
		help_print(stdout);
	return end_output(STATUS_OK);
}
