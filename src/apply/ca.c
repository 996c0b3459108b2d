/* SPDX-License-Identifier: Apache-2.0 */
/*
 * ca.c - the certificates in files and directories that the user named, in one file of ours. Only
 * they: a key that lies in the same file stays where it is.
 */
#include "steps.h"

#include <dirent.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "child.h"
#include "dind/file.h"

#define FILE_MAX_BYTES (4U << 20)
#define DIRECTORY_MAX  512 /* files of one directory */
#define TIMEOUT_MS     5000
#define CERTIFICATE    "CERTIFICATE-----"

#define auto_arena __attribute__((cleanup(arena_free)))

struct bundle {
	struct arena arena;
	struct strings parts;
};

/* ---- one file ---- */

/* Number of certificates that were added. */
static int add_certificates(struct bundle *bundle, const char *text)
{
	static const char begin[] = "-----BEGIN " CERTIFICATE, end[] = "-----END " CERTIFICATE;
	int n = 0;

	for (const char *at = strstr(text, begin); at; at = strstr(at, begin)) {
		const char *stop = strstr(at, end);

		if (!stop)
			break;
		stop += strlen(end);
		strings_add(&bundle->arena, &bundle->parts,
			    arena_strndup(&bundle->arena, at, (size_t) (stop - at)));
		at = stop;
		n++;
	}
	return n;
}

static int add_file(struct bundle *bundle, int directory, const char *name, int *ret_n,
		    struct error *err)
{
	char *text;
	int r = file_slurp_at(directory, name, FILE_MAX_BYTES, &bundle->arena, &text);

	if (r < 0)
		return error_set(err, r, "read %s", name);
	*ret_n += add_certificates(bundle, text);
	return 0;
}

/* ---- a directory ---- */

/* Not what an editor or a mount of Kubernetes leaves there. */
static int is_visible(const struct dirent *entry)
{
	return entry->d_name[0] != '.';
}

static int add_directory(struct bundle *bundle, int fd, int *ret_n, struct error *err)
{
	struct dirent **entries;
	int n = scandirat(fd, ".", &entries, is_visible, alphasort), r = 0;

	if (n < 0)
		return error_set(err, -errno, "read the directory");
	if (n > DIRECTORY_MAX)
		r = error_set_plain(err, -E2BIG, "more than %d files", DIRECTORY_MAX);
	for (int i = 0; i < n; i++) {
		const char *name = entries[i]->d_name;
		struct stat st;

		if (r == 0 && fstatat(fd, name, &st, 0) == 0 && S_ISREG(st.st_mode))
			r = add_file(bundle, fd, name, ret_n, err);
		free(entries[i]);
	}
	free((void *) entries);
	return r;
}

/* ---- all of them, in a child: they may be on a server that is gone ---- */

static int add_source(struct bundle *bundle, const char *path, struct error *err)
{
	auto_close int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	struct stat st;
	int n = 0, r;

	if (fd < 0 || fstat(fd, &st) < 0)
		return error_set(err, -errno, "%s", path);
	if (S_ISDIR(st.st_mode))
		r = add_directory(bundle, fd, &n, err);
	else if (S_ISREG(st.st_mode))
		r = add_file(bundle, AT_FDCWD, path, &n, err);
	else
		return error_set_plain(err, -EINVAL, "%s is neither a file nor a directory", path);
	if (r < 0)
		return error_wrap(err, "%s", path);
	return n ? 0 : error_set_plain(err, -EINVAL, "there is no certificate in %s", path);
}

static int collect(const struct plan_step *step, struct error *err)
{
	struct bundle bundle = { .arena = ARENA_INIT };
	const char *target = step->u.ca.target, *text;
	char parent[4096];
	int r = apply_parent(target, parent, sizeof(parent));

	for (const char *const *source = step->u.ca.sources; r == 0 && *source; source++)
		r = add_source(&bundle, *source, err);
	if (r == 0) {
		text = arena_printf(&bundle.arena, "%s\n",
				    strings_join(&bundle.arena, &bundle.parts, "\n"));
		r = apply_make_directory(parent, 0755);
		if (r == 0)
			r = file_replace(target, text, 0644);
		if (r < 0)
			(void) error_set(err, r, "write %s", target);
	}
	arena_free(&bundle.arena);
	return r;
}

static _Noreturn void run(const struct plan_step *step, int output, pid_t parent)
{
	struct error err = ERROR_INIT;

	if (prctl(PR_SET_PDEATHSIG, SIGKILL) < 0 || getppid() != parent)
		_exit(STATUS_OSERR);
	if (collect(step, &err) == 0)
		_exit(STATUS_OK);
	(void) dprintf(output, "%s\n", err.message);
	_exit(STATUS_CONFIG);
}

int apply_ca(const struct plan_step *step, struct error *err)
{
	auto_close int output = -EBADF;
	auto_close int input = -EBADF;
	char line[256], text[40];
	pid_t parent = getpid(), pid;
	int ends[2], status = 0, r;

	if (pipe2(ends, O_CLOEXEC | O_NONBLOCK) < 0)
		return error_set(err, -errno, "make a pipe");
	output = ends[0];
	input = ends[1];
	pid = fork();
	if (pid < 0)
		return error_set(err, -errno, "fork");
	if (pid == 0)
		run(step, input, parent);
	fd_close(&input);
	r = child_finish(pid, &output, TIMEOUT_MS, line, sizeof(line), &status);
	if (r < 0)
		return error_set(err, r, "read the certificates");
	if (WIFEXITED(status) && WEXITSTATUS(status) == STATUS_OK)
		return 0;
	return error_set_plain(err, -EINVAL, "%s",
			       *line ? line : child_status_text(status, text, sizeof(text)));
}
