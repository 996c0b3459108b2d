/* SPDX-License-Identifier: Apache-2.0 */
/* What the names that start something else share. */
#include <fcntl.h>
#include <string.h>
#include <sys/wait.h>

#include "dind/file.h"
#include "dind/log.h"
#include "dind/process.h"
#include "dind/supervise.h"
#include "personality.h"

#define KILLED_WAIT_MS 1000

const char *personality_variable(const struct cli *cli, const char *name)
{
	const char *value = options_environment(&cli->options, name);

	return value && *value ? value : NULL;
}

void personality_set(struct cli *cli, const char *name, const char *value)
{
	struct strings list = STRINGS_INIT;
	size_t n = strlen(name);

	for (const char *const *e = cli->options.environment; e && *e; e++)
		if (strncmp(*e, name, n) != 0 || (*e)[n] != '=')
			strings_add(&cli->arena, &list, *e);
	if (value)
		strings_add(&cli->arena, &list, arena_printf(&cli->arena, "%s=%s", name, value));
	if (list.count == 0) /* a list that nothing was added to has no NULL at its end */
		list.items = arena_alloc(&cli->arena, sizeof(*list.items));
	cli->options.environment = list.items;
}

char **personality_argv(struct strings *list)
{
	return (char **) (uintptr_t) list->items;
}

static pid_t spawn(const struct cli *cli, const char *const *argv, const char *const *environment,
		   int out)
{
	auto_close int pidfd = -EBADF;
	auto_close int null = open("/dev/null", O_RDWR | O_CLOEXEC | O_NOCTTY);
	struct launch launch = { .argv = argv, .environment = environment };
	struct spawn_fds fds = { .in = null, .out = out < 0 ? null : out, .err = null };
	struct error err = ERROR_INIT;

	return supervise_spawn(&launch, &fds, &cli->signals, &pidfd, &err);
}

void personality_start(const struct cli *cli, const char *const *argv,
		       const char *const *environment, int out)
{
	(void) spawn(cli, argv, environment, out);
}

int personality_run(const struct cli *cli, const char *const *argv, const char *const *environment,
		    int out, int timeout_ms)
{
	pid_t pid = spawn(cli, argv, environment, out);
	int status = 0;

	if (pid < 0)
		return pid;
	if (process_wait(pid, timeout_ms, &status) < 0) {
		(void) kill(pid, SIGKILL); /* not reaped, so the number is still its own */
		(void) process_wait(pid, KILLED_WAIT_MS, &status);
		return -ETIMEDOUT;
	}
	return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

void personality_helper(struct cli *cli, char **argv)
{
	char *name[] = { argv[0], NULL };
	struct cli_usage usage;

	/* what else there is to be said of the environment, PID 1 has said */
	(void) cli_parse(cli, 1, name, &usage);
	log_configure(cli->options.log_level, cli->options.log_format);
	(void) sigprocmask(SIG_SETMASK, &cli->signals, NULL);
}

int personality_exec(struct cli *cli, char **argv)
{
	int status;

	(void) sigprocmask(SIG_SETMASK, &cli->signals, NULL);
	(void) execvpe(argv[0], argv, (char *const *) (uintptr_t) cli->options.environment);
	status = errno == ENOENT ? STATUS_NOT_FOUND : STATUS_CANNOT_EXECUTE;
	log_line(LOG_LEVEL_ERROR, "DIND-COMMAND-01", "%s: %s", argv[0], strerror(errno));
	return status;
}
