/* SPDX-License-Identifier: Apache-2.0 */
/*
 * dind-init: PID 1 for a container that runs its own Docker Engine.
 *
 * This is the table of contents; ARCHITECTURE.md is the map.
 *
 *   command line, environment        src/cli/options*.c
 *   other programs' names            src/cli/personality.c
 *   sub-commands                     src/cli/commands.c
 *   the start of a nested engine     src/cli/start.c: inspect, plan, apply, then supervise
 */
#include <unistd.h>

#include "cli/cli.h"
#include "dind/log.h"
#include "dind/supervise.h"

int main(int argc, char **argv)
{
	struct error err = ERROR_INIT;
	struct cli cli;
	int status;

	cli_init(&cli, environ);
	/* First: what a pid namespace's init has not blocked and does not handle is lost. */
	if (supervise_block_signals(&cli.signals, &err) < 0) {
		log_line(LOG_LEVEL_ERROR, "DIND-SIGNAL-01", "%s", err.message);
		return STATUS_OSERR;
	}
	if (!cli_personality(&cli, argc, argv, &status)) {
		status = cli_begin(&cli, argc, argv);
		if (status == STATUS_OK)
			status = cli_dispatch(&cli);
	}
	cli_free(&cli);
	return status;
}
