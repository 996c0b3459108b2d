/* SPDX-License-Identifier: Apache-2.0 */
/* SIGUSR1: what we are waiting for, in words. For when a stop seems to hang, or a start. */
#include <fcntl.h>
#include <string.h>

#include "dind/file.h"
#include "dind/log.h"
#include "loop.h"

static void say_service(const char *name, const struct service *service)
{
	char how[64];

	if (service->running)
		log_info("state: %s runs, pid %d", name, (int) service->pid);
	else if (service->ended.pid)
		log_info("state: %s %s", name, loop_describe(&service->ended, how, sizeof(how)));
	else if (service->pid)
		log_info("state: %s was told to end and is not gone, pid %d", name,
			 (int) service->pid);
}

static void say_helpers(const struct loop *loop)
{
	for (int kind = 0; kind < HELPER_COUNT; kind++)
		if (loop->helper[kind].pid)
			log_info("state: %s, pid %d", helper_name((enum helper_kind) kind),
				 (int) loop->helper[kind].pid);
}

void loop_dump(const struct loop *loop)
{
	int64_t now = clock_now_ms();

	log_info("state: %s for all of %lld ms%s%s", supervise_state_name(loop->state),
		 (long long) (now - loop->options->started_ms), *loop->reason ? ", failed: " : "",
		 loop->reason);
	if (loop->options->summary)
		log_info("state: %s", loop->options->summary);
	if (loop->phase_ends >= 0)
		log_info("state: this phase ends in %lld ms",
			 (long long) (loop->phase_ends > now ? loop->phase_ends - now : 0));
	if (loop->shutdown.began >= 0)
		log_info("state: stopping for %lld ms of %d, asked %d time%s",
			 (long long) (now - loop->shutdown.began), loop->shutdown.budget_ms,
			 loop->view.terms, loop->view.terms == 1 ? "" : "s");
	if (loop->options->engine)
		say_service(loop_engine_name(loop), &loop->engine);
	say_service("containerd", &loop->containerd);
	say_service(loop->options->prepare_name ? loop->options->prepare_name : "prepare",
		    &loop->prepare);
	say_service("COMMAND", &loop->workload);
	say_service("watch", &loop->watch);
	say_service("relay for names", &loop->relay);
	say_helpers(loop);
}

/* Sixteen hexadecimal digits. */
static uint64_t parse_mask(const char *text)
{
	uint64_t mask = 0;

	for (int i = 0; i < 16; i++) {
		const char *digits = "0123456789abcdef";
		const char *digit = text[i] ? strchr(digits, text[i]) : NULL;

		if (!digit)
			break;
		mask = mask << 4 | (uint64_t) (digit - digits);
	}
	return mask;
}

/* The mask of that name in a text of proc(5)'s status; all signals without it, as if nobody had
 * asked. */
static uint64_t find_mask(const char *text, const char *name)
{
	const char *line = strstr(text, name);

	return line ? parse_mask(line + strlen(name)) : UINT64_MAX;
}

bool loop_is_caught(const struct service *service, int signal_number)
{
	char path[32], text[4096];
	uint64_t mask;

	if (!service->running)
		return false;
	(void) snprintf(path, sizeof(path), "/proc/%d/status", (int) service->pid);
	if (file_read_at(AT_FDCWD, path, text, sizeof(text)) <= 0)
		return true;
	/* blocked: it waits for signals with sigwait(3) or signalfd(2) */
	mask = find_mask(text, "\nSigCgt:\t") | find_mask(text, "\nSigBlk:\t");
	return mask & (UINT64_C(1) << (signal_number - 1));
}
