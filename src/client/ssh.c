/* SPDX-License-Identifier: Apache-2.0 */
#include "ssh.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>

#include "dind/file.h"
#include "dind/process.h"
#include "dind/str.h"

#define SCHEME	  "ssh://"
#define ACCEPT_MS 2000
#define END_MS	  500

/* A user or host that begins with a dash would be an option of ssh's. */
static int build_argv(struct arena *arena, const char *url, struct strings *argv, struct error *err)
{
	static const char *const head[] = { "ssh",	     "-T", "-o",
					    "BatchMode=yes", "-o", "ConnectTimeout=5" };
	static const char *const tail[] = { "docker", "system", "dial-stdio" };
	const char *host = str_has_prefix(url, SCHEME) ? url + strlen(SCHEME) : url;
	const char *at = strrchr(host, '@'), *port;
	const char *user = at ? arena_strndup(arena, host, (size_t) (at - host)) : NULL;

	host = at ? at + 1 : host;
	host = arena_strndup(arena, host, strcspn(host, "/"));
	port = strchr(strrchr(host, ']') ?: host, ':');
	if (!*host || *host == '-' || (user && (!*user || *user == '-')))
		return error_set_plain(err, -EINVAL, "%s: wanted ssh://[USER@]HOST[:PORT]", url);
	for (size_t i = 0; i < ARRAY_SIZE(head); i++)
		strings_add(arena, argv, head[i]);
	if (user) {
		strings_add(arena, argv, "-l");
		strings_add(arena, argv, user);
	}
	if (port) {
		strings_add(arena, argv, "-p");
		strings_add(arena, argv, port + 1);
		host = arena_strndup(arena, host, (size_t) (port - host));
	}
	if (*host == '[')
		host = arena_strndup(arena, host + 1, strcspn(host + 1, "]"));
	strings_add(arena, argv, "--");
	strings_add(arena, argv, host);
	for (size_t i = 0; i < ARRAY_SIZE(tail); i++)
		strings_add(arena, argv, tail[i]);
	return 0;
}

/* The connection of our parent; nobody else's, though anybody may try. */
static int accept_parent(int listener, pid_t parent)
{
	struct pollfd ready = { .fd = listener, .events = POLLIN };
	int64_t end = clock_now_ms() + ACCEPT_MS, left;

	while ((left = end - clock_now_ms()) > 0 && poll(&ready, 1, (int) left) > 0) {
		int fd = accept4(listener, NULL, NULL, SOCK_CLOEXEC);
		struct ucred peer = { 0 };
		socklen_t size = sizeof(peer);

		if (fd >= 0 && getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &size) == 0 &&
		    peer.pid == parent)
			return fd;
		fd_close(&fd);
	}
	return -ETIMEDOUT;
}

/* Never returns. */
static void run(const char *const *argv, int listener, int errors, pid_t parent)
{
	const struct sigaction by_default = { .sa_handler = SIG_DFL };
	sigset_t none;
	int fd;

	(void) sigaction(SIGPIPE, &by_default, NULL);
	(void) sigemptyset(&none);
	(void) sigprocmask(SIG_SETMASK, &none, NULL);
	(void) prctl(PR_SET_PDEATHSIG, SIGKILL);
	fd = accept_parent(listener, parent);
	if (getppid() == parent && fd >= 0 && dup2(fd, STDIN_FILENO) >= 0 &&
	    dup2(fd, STDOUT_FILENO) >= 0 && dup2(errors, STDERR_FILENO) >= 0)
		(void) execvp(argv[0], (char *const *) (uintptr_t) argv);
	_exit(errno == ENOENT ? STATUS_NOT_FOUND : STATUS_CANNOT_EXECUTE);
}

/* unix(7), autobind: the kernel chooses five characters. */
static int listen_somewhere(struct ssh *ssh)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	socklen_t size = sizeof(address);
	auto_close int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	size_t n;

	if (fd < 0 || bind(fd, (struct sockaddr *) &address, sizeof(sa_family_t)) < 0 ||
	    listen(fd, 8) < 0 || getsockname(fd, (struct sockaddr *) &address, &size) < 0)
		return -errno;
	n = size - offsetof(struct sockaddr_un, sun_path) - 1;
	if (n >= sizeof(ssh->name))
		return -ENAMETOOLONG;
	memcpy(ssh->name, address.sun_path + 1, n);
	ssh->name[n] = '\0';
	return fd_take(&fd);
}

int ssh_open(struct ssh *ssh, const char *url, struct arena *arena, struct error *err)
{
	struct strings argv = STRINGS_INIT;
	pid_t parent = getpid();
	auto_close int listener = -EBADF;
	int r;

	*ssh = (struct ssh){ .errors = -EBADF };
	r = build_argv(arena, url, &argv, err);
	if (r < 0 || !argv.items)
		return r;
	ssh->errors = memfd_create("ssh", MFD_CLOEXEC);
	listener = ssh->errors < 0 ? -errno : listen_somewhere(ssh);
	if (listener < 0)
		return error_set(err, listener, "a socket for ssh");
	ssh->pid = fork();
	if (ssh->pid == 0)
		run(argv.items, listener, ssh->errors, parent);
	r = ssh->pid < 0 ? error_set(err, -errno, "fork") : 0;
	ssh->pid = ssh->pid < 0 ? 0 : ssh->pid;
	return r;
}

/* It ends by itself when nobody holds the other end any more; not at once. */
static int reap(pid_t pid)
{
	int status = 0;

	if (process_wait(pid, END_MS, &status) == -ETIMEDOUT) {
		(void) kill(pid, SIGKILL);
		(void) waitpid(pid, &status, 0);
	}
	return status;
}

static void read_last_line(int fd, char *buf, size_t size)
{
	char text[4096];
	const char *line;
	ssize_t n;

	buf[0] = '\0';
	if (fd < 0 || lseek(fd, 0, SEEK_SET) < 0)
		return;
	n = file_read_full(fd, text, sizeof(text) - 1);
	while (n > 0 && strchr("\r\n ", text[n - 1]))
		n--;
	if (n <= 0)
		return;
	text[n] = '\0';
	line = strrchr(text, '\n');
	(void) snprintf(buf, size, "%s", line ? line + 1 : text);
}

void ssh_close(struct ssh *ssh, int *ret_status, char *buf, size_t size)
{
	*ret_status = 0;
	if (ssh->pid)
		*ret_status = reap(ssh->pid);
	ssh->pid = 0;
	read_last_line(ssh->errors, buf, size);
	fd_close(&ssh->errors);
}
