/* SPDX-License-Identifier: Apache-2.0 */
/* sweep.c - remove what an engine that is gone left behind. Numbers repeat in a fresh pid
 * namespace, so a pid file that names a living process means nothing by itself; dockerd and
 * containerd believe it all the same. */
#include "steps.h"

#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "dind/file.h"
#include "dind/str.h"
#include "socket.h"

struct sweep_process {
	bool alive;	/* a process of its own: no thread, no zombie */
	char name[256]; /* of its program, or its comm */
};

static const char *base_name(const char *path)
{
	const char *slash = strrchr(path, '/');

	return slash ? slash + 1 : path;
}

/* The value behind "@key:\t" in /proc/PID/status, or NULL. */
static const char *status_field(const char *status, const char *key)
{
	const char *line = strstr(status, key);

	return line ? line + strlen(key) : NULL;
}

static void look_at_process(int pid, struct sweep_process *ret_process)
{
	char path[64], status[4096], exe[PATH_MAX];
	const char *tgid, *state, *name;

	memset(ret_process, 0, sizeof(*ret_process));
	(void) snprintf(path, sizeof(path), "/proc/%d/status", pid);
	if (file_read_at(AT_FDCWD, path, status, sizeof(status)) <= 0)
		return;
	tgid = status_field(status, "\nTgid:\t");
	state = status_field(status, "\nState:\t");
	name = status_field(status, "Name:\t");
	if (!tgid || !state || !name)
		return;
	/* /proc/TID is there for threads as well */
	ret_process->alive = strtol(tgid, NULL, 10) == pid && *state != 'Z' && *state != 'X';
	(void) snprintf(ret_process->name, sizeof(ret_process->name), "%.*s",
			(int) strcspn(name, "\n"), name);
	(void) snprintf(path, sizeof(path), "/proc/%d/exe", pid);
	if (file_readlink_at(AT_FDCWD, path, exe, sizeof(exe)) > 0)
		(void) snprintf(ret_process->name, sizeof(ret_process->name), "%.*s",
				(int) strcspn(base_name(exe), " "), base_name(exe));
}

static int remove_file(struct apply_context *context, const char *path, const char *what,
		       struct error *err)
{
	if (unlink(path) < 0)
		return errno == ENOENT ? 0
				       : error_set(err, -errno, "remove the stale file %s", path);
	apply_notice(context, "removed stale %s", what);
	return 0;
}

static int sweep_pid_file(struct apply_context *context, const char *path, struct error *err)
{
	const char *owner = strstr(base_name(path), "containerd") ? "containerd" : "dockerd";
	struct sweep_process process;
	char text[32], what[PATH_MAX + 320];
	struct stat st;
	ssize_t n;
	int pid;

	/* a FIFO would make us wait for a writer */
	if (stat(path, &st) == 0 && !S_ISREG(st.st_mode))
		return error_set_plain(err, -EINVAL, "%s is not a regular file, left alone", path);
	n = file_read_at(AT_FDCWD, path, text, sizeof(text));
	if (n == -ENOENT || n == -ENOTDIR)
		return 0;
	if (n < 0)
		return error_set(err, (int) n, "read %s", path);
	text[strcspn(text, " \n\t")] = '\0';
	if (str_parse_int(text, 1, INT_MAX, &pid) < 0) {
		(void) snprintf(what, sizeof(what), "pid file %s (it holds no pid)", path);
		return remove_file(context, path, what, err);
	}
	look_at_process(pid, &process);
	if (process.alive && pid != getpid() && strcmp(process.name, owner) == 0)
		return 0;
	if (process.alive)
		(void) snprintf(what, sizeof(what), "pid file %s (pid %d is now %s)", path, pid,
				pid == getpid() ? "this process" : process.name);
	else
		(void) snprintf(what, sizeof(what), "pid file %s (pid %d is gone)", path, pid);
	return remove_file(context, path, what, err);
}

static int sweep_socket(struct apply_context *context, const char *path, struct error *err)
{
	char what[PATH_MAX + 32];
	struct stat st;
	int r = 0;

	if (lstat(path, &st) < 0)
		return errno == ENOENT || errno == ENOTDIR
			       ? 0
			       : error_set(err, -errno, "look at %s", path);
	if (!S_ISSOCK(st.st_mode))
		return 0;
	switch (socket_probe(path, &r)) {
	case SOCKET_GONE:
	case SOCKET_ANSWERS:
		return 0;
	case SOCKET_UNCLEAR:
		return error_set(err, r, "find out whether %s is in use", path);
	case SOCKET_STALE:
		break;
	}
	(void) snprintf(what, sizeof(what), "socket %s", path);
	return remove_file(context, path, what, err);
}

static void keep_first(struct error *first, const struct error *next)
{
	if (first->code == 0)
		*first = *next;
}

int apply_sweep(struct apply_context *context, const struct plan_step *step, struct error *err)
{
	struct error first = ERROR_INIT;

	/* One file that cannot be removed does not keep the others. */
	for (size_t i = 0; i < step->u.sweep.n_pid_files; i++) {
		struct error problem = ERROR_INIT;

		if (sweep_pid_file(context, step->u.sweep.pid_files[i], &problem) < 0)
			keep_first(&first, &problem);
	}
	for (size_t i = 0; i < step->u.sweep.n_sockets; i++) {
		struct error problem = ERROR_INIT;

		if (sweep_socket(context, step->u.sweep.sockets[i], &problem) < 0)
			keep_first(&first, &problem);
	}
	if (first.code < 0)
		*err = first;
	return first.code;
}
