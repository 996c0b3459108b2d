/* SPDX-License-Identifier: Apache-2.0 */
/* TRIAL_ENGINE: which dockerd is this? */
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>

#include "trial.h"

/* "Docker version 26.1.5+dfsg1, build a72d7cd" */
static void parse_version(const char *output, int status, struct trial_record *record)
{
	static const char before[] = "version ";
	const char *version = strstr(output, before);
	size_t n;

	if (WIFEXITED(status) && WEXITSTATUS(status) == STATUS_NOT_FOUND && !*output) {
		(void) trial_failed(record, TRI_NO, ENOENT, "run the program");
		return;
	}
	if (!WIFEXITED(status) || WEXITSTATUS(status) != 0) {
		(void) snprintf(record->detail, sizeof(record->detail), "%.*s",
				(int) strcspn(output, "\n"), output);
		(void) trial_failed(record, TRI_NO, 0, "--version: %s %d",
				    WIFEXITED(status) ? "exit status" : "signal",
				    WIFEXITED(status) ? WEXITSTATUS(status) : WTERMSIG(status));
		return;
	}
	if (version)
		version += strlen(before);
	n = version ? strcspn(version, ", \t\n") : 0;
	if (n == 0) {
		(void) trial_failed(record, TRI_NO, EINVAL, "--version names no version");
		return;
	}
	(void) snprintf(record->detail, sizeof(record->detail), "%.*s", (int) n, version);
	trial_passed(record, "--version");
}

int trial_engine_work(const void *context, void *record)
{
	const struct trial_context *trial = context;
	const char *const argv[] = { trial->path, "--version", NULL };
	auto_close int output = -EBADF;
	char text[4096];
	int status;
	pid_t pid;
	int r;

	r = trial_start_program(argv, -EBADF, &pid, &output);
	if (r < 0) {
		(void) trial_failed(record, TRI_UNKNOWN, -r, "start %s", trial->path);
		return 0;
	}
	(void) trial_read_output(output, text, sizeof(text), true);
	fd_close(&output); /* whoever prints more than that gets SIGPIPE */
	status = trial_end_program(pid);
	parse_version(text, status, record);
	return 0;
}
