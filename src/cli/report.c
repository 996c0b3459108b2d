/* SPDX-License-Identifier: Apache-2.0 */
#include <fcntl.h>
#include <stdio.h>
#include <string.h>

#include "commands.h"
#include "dind/file.h"
#include "dind/log.h"

#define TERMINATION_LOG "/dev/termination-log"

/* Kubernetes shows what stands in this file as the reason why the container ended. */
static void write_termination_log(const char *text)
{
	auto_close int fd = open(TERMINATION_LOG, O_WRONLY | O_TRUNC | O_CLOEXEC | O_NOCTTY);

	if (fd < 0)
		return; /* not Kubernetes */
	if (file_write_all(fd, text, strlen(text)) < 0)
		log_debug("%s could not be written", TERMINATION_LOG);
}

void report_refusals(const struct plan_message *refusals, size_t n)
{
	char text[4096]; /* what Kubernetes keeps of it */
	size_t used = 0;

	for (size_t i = 0; i < n; i++) {
		const struct plan_message *refusal = &refusals[i];
		const char *remedy = refusal->remedy;

		log_line(LOG_LEVEL_ERROR, refusal->code, "%s", refusal->fact);
		if (remedy)
			log_line(LOG_LEVEL_ERROR, refusal->code, "→ %s", remedy);
		if (used < sizeof(text))
			used += (size_t) snprintf(text + used, sizeof(text) - used, "%s: %s%s%s\n",
						  refusal->code, refusal->fact,
						  remedy ? "\n→ " : "", remedy ? remedy : "");
	}
	write_termination_log(text);
}

void report_refusal(const char *code, const char *fact, const char *remedy)
{
	const struct plan_message refusal = { .code = code, .fact = fact, .remedy = remedy };

	report_refusals(&refusal, 1);
}

void report_degraded(const struct plan_step *step, const char *fact)
{
	log_line(LOG_LEVEL_WARNING, step->code, "%s, continuing without %s%s%s", fact,
		 step->without ? step->without : "it", step->remedy ? " → " : "",
		 step->remedy ? step->remedy : "");
}
