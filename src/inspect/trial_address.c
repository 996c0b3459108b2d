/* SPDX-License-Identifier: Apache-2.0 */
/* TRIAL_ADDRESS: does DOCKER_HOST name this very network namespace? dind-client looks it up. */
#include <string.h>
#include <sys/wait.h>

#include "trial.h"

/* dind-client's statuses for `local` */
#define OURS   0
#define THEIRS 1

int trial_address_work(const void *context, void *record)
{
	const struct trial_context *trial = context;
	const char *const argv[] = { trial->client, "local", "--host", trial->path, NULL };
	auto_close int output = -EBADF;
	char text[256];
	pid_t pid;
	int r, status;

	if (!trial->client) {
		(void) trial_failed(record, TRI_UNKNOWN, ENOENT, "dind-client");
		return 0;
	}
	r = trial_start_program(argv, -EBADF, &pid, &output);
	if (r < 0) {
		(void) trial_failed(record, TRI_UNKNOWN, -r, "start dind-client");
		return 0;
	}
	(void) trial_read_output(output, text, sizeof(text), true);
	fd_close(&output);
	status = trial_end_program(pid);
	text[strcspn(text, "\n")] = '\0';
	if (WIFEXITED(status) && WEXITSTATUS(status) == OURS)
		trial_passed(record, text);
	else if (WIFEXITED(status) && WEXITSTATUS(status) == THEIRS)
		(void) trial_failed(record, TRI_NO, 0, "%s", text);
	else
		(void) trial_failed(record, TRI_UNKNOWN, 0, "%s", text);
	return 0;
}
