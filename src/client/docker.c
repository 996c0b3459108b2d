/* SPDX-License-Identifier: Apache-2.0 */
#include "docker.h"

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>

#include "dind/file.h"
#include "dind/log.h"
#include "dind/process.h"
#include "dind/str.h"

#define LIMIT_MS 5000

int docker_api_number(const char *text)
{
	char major[8];
	size_t n = strcspn(text, ".");
	int a = 0, b = 0;

	if (n == 0 || n >= sizeof(major) || !text[n])
		return 0;
	memcpy(major, text, n);
	major[n] = '\0';
	if (str_parse_int(major, 0, 99, &a) < 0 || str_parse_int(text + n + 1, 0, 999, &b) < 0)
		return 0;
	return a * 1000 + b;
}

/* Never returns. */
static void run(const char *const *argv, int output, int errors, pid_t parent)
{
	const struct sigaction by_default = { .sa_handler = SIG_DFL };
	int null = open("/dev/null", O_RDONLY | O_CLOEXEC);

	(void) sigaction(SIGPIPE, &by_default, NULL);
	(void) prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (getppid() == parent && dup2(null, STDIN_FILENO) >= 0 &&
	    dup2(output, STDOUT_FILENO) >= 0 && dup2(errors, STDERR_FILENO) >= 0)
		(void) execvp(argv[0], (char *const *) (uintptr_t) argv);
	_exit(STATUS_NOT_FOUND);
}

/* Its exit status; -1 when it had to be killed. */
static int end_of(pid_t pid)
{
	int status = 0;

	if (process_wait(pid, LIMIT_MS, &status) == -ETIMEDOUT) {
		(void) kill(pid, SIGKILL);
		(void) waitpid(pid, &status, 0);
		return -1;
	}
	return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

static void read_back(int fd, char *buf, size_t size)
{
	ssize_t n = lseek(fd, 0, SEEK_SET) < 0 ? -1 : file_read_full(fd, buf, size - 1);

	buf[n > 0 ? n : 0] = '\0';
}

/* The last line of a text, without its end. */
static const char *last_line(char *text)
{
	size_t n = strlen(text);
	char *line;

	while (n > 0 && strchr("\r\n", text[n - 1]))
		text[--n] = '\0';
	line = strrchr(text, '\n');
	return line ? line + 1 : text;
}

static void judge(const struct docker_engine *engine, int status, char *client, char *said)
{
	char *api = strchr(client, ' ');
	int speaks;

	client[strcspn(client, "\n")] = '\0';
	if (!api)
		return; /* not even its own version */
	*api++ = '\0';
	speaks = docker_api_number(api);
	if (speaks && speaks < docker_api_number(engine->api_min))
		log_line(LOG_LEVEL_WARNING, "DIND-CLIENT-04",
			 "docker %s speaks the API up to %s here, and engine %s on %s takes %s at "
			 "least → a newer docker client, or DOCKER_MIN_API_VERSION=%s in the "
			 "environment of that engine",
			 client, api, engine->version, engine->host, engine->api_min, api);
	else if (status > 0)
		log_line(LOG_LEVEL_WARNING, "DIND-CLIENT-05",
			 "docker %s here and engine %s on %s do not get along: \"%s\" → a docker "
			 "client of about that engine's age",
			 client, engine->version, engine->host, last_line(said));
}

void docker_check(const struct docker_engine *engine)
{
	/* no second login only for this */
	bool over_ssh = str_has_prefix(engine->host, "ssh://");
	const char *const argv[] = {
		"docker",  "--host",   over_ssh ? "unix:///nonexistent" : engine->host,
		"version", "--format", "{{.Client.Version}} {{.Client.DefaultAPIVersion}}",
		NULL
	};
	auto_close int output = memfd_create("docker", MFD_CLOEXEC);
	auto_close int errors = memfd_create("docker", MFD_CLOEXEC);
	char client[256], said[4096];
	pid_t parent = getpid(), pid;
	int status;

	if (output < 0 || errors < 0)
		return;
	pid = fork();
	if (pid == 0)
		run(argv, output, errors, parent);
	if (pid < 0)
		return;
	status = end_of(pid);
	read_back(output, client, sizeof(client));
	read_back(errors, said, sizeof(said));
	judge(engine, over_ssh ? 0 : status, client, said);
}
