/* SPDX-License-Identifier: Apache-2.0 */
#include "commands.h"
#include "dind/log.h"

int cli_begin(struct cli *cli, int argc, char **argv)
{
	struct cli_usage usage = { NULL, NULL, NULL };
	int r = cli_parse(cli, argc, argv, &usage);

	log_configure(cli->options.log_level, cli->options.log_format);
	/* Only PID 1 of a nested engine holds signals back; who looks at something else can be
	 * interrupted. */
	if (cli->options.command != COMMAND_RUN)
		(void) sigprocmask(SIG_SETMASK, &cli->signals, NULL);
	if (r == 0) {
		for (size_t i = 0; i < cli->notes.count; i++)
			log_warning("%s", cli->notes.items[i]);
		return STATUS_OK;
	}
	if (cli->options.command == COMMAND_RUN) {
		report_refusal(usage.code, usage.fact, usage.remedy);
	} else {
		log_line(LOG_LEVEL_ERROR, usage.code, "%s", usage.fact);
		log_line(LOG_LEVEL_ERROR, usage.code, "→ %s", usage.remedy);
	}
	return STATUS_USAGE;
}

int cli_dispatch(struct cli *cli)
{
	switch (cli->options.command) {
	case COMMAND_RUN:
		return cli_run(cli);
	case COMMAND_INSPECT:
		return cli_inspect(cli);
	case COMMAND_PLAN:
		return cli_plan(cli);
	case COMMAND_DOCTOR:
		return cli_doctor(cli);
	case COMMAND_READY:
		return cli_ready(cli);
	case COMMAND_VERSION:
		return cli_version(cli);
	case COMMAND_HELP:
		return cli_help(cli);
	}
	return STATUS_USAGE;
}
