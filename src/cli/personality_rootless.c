/* SPDX-License-Identifier: Apache-2.0 */
/*
 * dockerd-entrypoint.sh without root: what a rootless engine would need is looked at in the order
 * in which docker:dind does, so that what is missing here is what is missing there. The engine
 * itself is not in this version.
 */
#include <fcntl.h>
#include <string.h>

#include "commands.h"
#include "dind/file.h"
#include "dind/str.h"
#include "personality.h"

#define STATUS_ROOTLESS 1
#define FILE_MAX	(1u << 20)

/* True if a line of @path, which is of the form of /etc/subuid, is about @uid or @name. */
static bool has_entry(struct cli *cli, const char *path, const char *uid, const char *name)
{
	char *text = NULL;

	if (file_slurp_at(AT_FDCWD, path, FILE_MAX, &cli->arena, &text) < 0)
		return false;
	for (const char *line = text; *line;) {
		size_t n = strcspn(line, ":\n");

		if (line[n] == ':' && ((n == strlen(uid) && strncmp(line, uid, n) == 0) ||
				       (name && n == strlen(name) && strncmp(line, name, n) == 0)))
			return true;
		line += strcspn(line, "\n");
		line += *line == '\n';
	}
	return false;
}

/* The name of @uid in /etc/passwd, in the arena, or NULL. */
static const char *name_of(struct cli *cli, const char *uid)
{
	char *text = NULL;

	if (file_slurp_at(AT_FDCWD, "/etc/passwd", FILE_MAX, &cli->arena, &text) < 0)
		return NULL;
	for (const char *line = text; *line;) {
		size_t end = strcspn(line, "\n"), name = strcspn(line, ":\n");
		const char *password = line + name + (line[name] == ':');
		const char *number = password + strcspn(password, ":\n");

		if (*number == ':' && strcspn(number + 1, ":\n") == strlen(uid) &&
		    strncmp(number + 1, uid, strlen(uid)) == 0)
			return arena_strndup(&cli->arena, line, name);
		line += end + (line[end] == '\n');
	}
	return NULL;
}

static bool is_in_path(const struct cli *cli, const char *name)
{
	const char *path = personality_variable(cli, "PATH");

	while (path && *path) {
		size_t n = strcspn(path, ":");
		char full[4096];
		int length = snprintf(full, sizeof(full), "%.*s/%s", (int) n, path, name);

		if (length > 0 && (size_t) length < sizeof(full) && access(full, X_OK) == 0)
			return true;
		path += n + (path[n] == ':');
	}
	return false;
}

static bool is_writable(const char *directory)
{
	return file_make_directories(directory, 0755) == 0 && access(directory, W_OK) == 0;
}

/* The first character of a file of one number, '\0' when it cannot be read. */
static char switch_of(const char *path)
{
	char text[32] = "";

	(void) file_read_at(AT_FDCWD, path, text, sizeof(text));
	return text[0];
}

static int refuse(const char *code, const char *fact, const char *remedy)
{
	report_refusal(code, fact, remedy);
	return STATUS_ROOTLESS;
}

static int check_kernel(void)
{
	char clone = switch_of("/proc/sys/kernel/unprivileged_userns_clone");

	if (clone && clone != '1')
		return refuse("DIND-ROOTLESS-04",
			      "a rootless dockerd needs kernel.unprivileged_userns_clone "
			      "(/proc/sys/kernel/unprivileged_userns_clone) set to 1",
			      "on the host: sysctl kernel.unprivileged_userns_clone=1");
	if (switch_of("/proc/sys/user/max_user_namespaces") == '0')
		return refuse("DIND-ROOTLESS-05",
			      "a rootless dockerd needs user.max_user_namespaces "
			      "(/proc/sys/user/max_user_namespaces) to be more than 0",
			      "on the host: sysctl user.max_user_namespaces=28633");
	return STATUS_OK;
}

int personality_rootless(struct cli *cli)
{
	const char *uid = arena_printf(&cli->arena, "%u", (unsigned int) geteuid());
	const char *home = personality_variable(cli, "HOME");
	const char *runtime = personality_variable(cli, "XDG_RUNTIME_DIR");
	const char *name = name_of(cli, uid);
	int status;

	if (!is_in_path(cli, "rootlesskit"))
		return refuse("DIND-ROOTLESS-01",
			      arena_printf(&cli->arena,
					   "uid %s is not root, and there is no rootlesskit for a "
					   "rootless dockerd",
					   uid),
			      "run the container as root, or use an image for rootless engines");
	if (!has_entry(cli, "/etc/subuid", uid, name) || !has_entry(cli, "/etc/subgid", uid, name))
		return refuse(
			"DIND-ROOTLESS-02",
			arena_printf(&cli->arena,
				     "no range of subordinate ids for a rootless dockerd: see "
				     "/etc/subuid and /etc/subgid, user %s",
				     uid),
			arena_printf(&cli->arena, "a line %s:100000:65536 in both",
				     name ? name : uid));
	if (!runtime)
		runtime = arena_printf(&cli->arena, "/run/user/%s", uid);
	if (!home || !is_writable(arena_printf(&cli->arena, "%s/.local/share/docker", home)) ||
	    !is_writable(runtime))
		return refuse("DIND-ROOTLESS-03",
			      arena_printf(&cli->arena,
					   "a rootless dockerd needs writable HOME (%s) and "
					   "XDG_RUNTIME_DIR (%s) for user %s",
					   home ? home : "", runtime, uid),
			      "mount a volume there that belongs to this user");
	status = check_kernel();
	if (status != STATUS_OK)
		return status;
	return refuse("DIND-ROOTLESS-06", "a rootless engine is not in this version of dind-init",
		      "run the container as root");
}
