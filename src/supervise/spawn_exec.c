/* SPDX-License-Identifier: Apache-2.0 */
/* The end of a launch: environment and exec. Lists that have to be made are mapped, not allocated.
 */
#include <limits.h>
#include <string.h>
#include <sys/mman.h>

#include "dind/str.h"
#include "internal.h"

#define DEFAULT_PATH "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
#define SHELL	     "/bin/sh"
#define LISTEN_MAX   1024 /* for the text of LISTEN_* */

static void *map(size_t size)
{
	void *p = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	return p == MAP_FAILED ? NULL : p;
}

static size_t count(const char *const *list)
{
	size_t n = 0;

	while (list && list[n])
		n++;
	return n;
}

static bool is_ours(const char *variable)
{
	return str_has_prefix(variable, "LISTEN_PID=") || str_has_prefix(variable, "LISTEN_FDS=") ||
	       str_has_prefix(variable, "LISTEN_FDNAMES=");
}

int spawn_environment(const struct launch *launch, size_t n_listen,
		      const char *const **ret_environment)
{
	static const char *const empty[] = { NULL };
	size_t n = count(launch->environment), used = 0;
	const char **list;
	char *text;
	int size;

	if (n_listen == 0) {
		*ret_environment = launch->environment ? launch->environment : empty;
		return 0;
	}
	list = map((n + 4) * sizeof(*list));
	text = map(LISTEN_MAX);
	if (!list || !text)
		return -ENOMEM;
	for (size_t i = 0; i < n; i++)
		if (!is_ours(launch->environment[i]))
			list[used++] = launch->environment[i];
	/* one text, cut into three strings */
	size = snprintf(text, LISTEN_MAX, "LISTEN_PID=%d%cLISTEN_FDS=%zu%cLISTEN_FDNAMES=%s",
			(int) getpid(), '\0', n_listen, '\0',
			launch->listen_names ? launch->listen_names : "");
	if (size < 0 || size >= LISTEN_MAX)
		return -E2BIG;
	list[used++] = text;
	text += strlen(text) + 1;
	list[used++] = text;
	text += strlen(text) + 1;
	if (launch->listen_names)
		list[used++] = text;
	list[used] = NULL;
	*ret_environment = list;
	return 0;
}

/* A script without "#!" is the shell's, as with execvp(3). */
static int exec_script(const char *path, const char *const *argv, const char *const *environment)
{
	size_t n = count(argv);
	const char **list = map((n + 2) * sizeof(*list));

	if (!list)
		return -ENOMEM;
	list[0] = SHELL;
	list[1] = path;
	for (size_t i = 1; i <= n; i++) /* with the NULL at the end */
		list[i + 1] = argv[i];
	(void) execve(SHELL, (char *const *) (uintptr_t) list,
		      (char *const *) (uintptr_t) environment);
	return -ENOEXEC;
}

static int exec_path(const char *path, const char *const *argv, const char *const *environment)
{
	(void) execve(path, (char *const *) (uintptr_t) argv,
		      (char *const *) (uintptr_t) environment);
	return errno == ENOEXEC ? exec_script(path, argv, environment) : -errno;
}

static const char *find_path(const char *const *environment)
{
	for (; *environment; environment++)
		if (str_has_prefix(*environment, "PATH="))
			return *environment + strlen("PATH=");
	return DEFAULT_PATH;
}

int spawn_exec(const char *const *argv, const char *const *environment)
{
	const char *path = find_path(environment);
	int result = -ENOENT;

	if (strchr(argv[0], '/'))
		return exec_path(argv[0], argv, environment);
	for (bool more = *argv[0] != '\0'; more;) {
		size_t len = strcspn(path, ":");
		char full[PATH_MAX];
		int n = snprintf(full, sizeof(full), "%.*s%s%s", (int) len, path, len ? "/" : "./",
				 argv[0]);
		int r = n < 0 || (size_t) n >= sizeof(full) ? -ENOENT
							    : exec_path(full, argv, environment);

		if (r == -EACCES)
			result = r; /* there is one, and perhaps a better one further on */
		else if (r != -ENOENT && r != -ENOTDIR)
			return r;
		more = path[len] == ':';
		path += len + (more ? 1 : 0);
	}
	return result;
}
