/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A stand-in for dockerd, and for COMMAND, in the tests of supervise. Its arguments say how it
 * behaves; the immediate ones are carried out in order.
 *
 *   say=TEXT lines=N          a line, N numbered lines on stderr
 *   put=PATH:TEXT             write TEXT into a file
 *   report=PATH               what it was given: descriptors, session, LISTEN_*, its environment
 *   forge                     a child says READY=1 and STOPPING=1
 *   orphans=N                 N grandchildren that end in 100 ms; exits with 0 when all are gone
 *   child=PATH                a child that stays; its pid into PATH
 *   stray=PATH                a grandchild in a session of its own that stays; its pid into PATH
 *
 *   late                      no handlers before READY=1, as dockerd
 *   ready=MS|never            when READY=1 is sent (0)
 *   attach=N                  just before READY=1, N times READY=0 with a descriptor attached
 *   exit=N@MS kill=SIG@MS     ends by itself, by a signal
 *   stopping=MS               STOPPING=1 without having been asked
 *   term=N|ignore|wait:PATH|slow:MS   what TERM does: exit with N (0), nothing, exit with 0 when a
 *                             file appears or after some time
 *   log=PATH                  a line for every signal
 *   mark=PATH                 a file that is there as soon as it hears signals
 *   first=PATH:ARGUMENT       ARGUMENT, but only for the first of us that comes there
 *   containerd, prepare, watch   the name of a stand-in for one of those: nothing
 *   serve                     answers requests to the first listener with 200 once it is ready
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define NEVER	(-1)
#define LIFE_MS 60000 /* nobody forgets one of us */

static struct {
	long ready_ms, exit_ms, kill_ms, stopping_ms, slow_ms;
	int exit_status, kill_signal, term_status, attached;
	bool late, serve, term_ignored, ready;
	const char *wait_path, *log_path, *mark_path;
	long term_at; /* NEVER: not yet */
} engine = {
	.exit_ms = NEVER, .kill_ms = NEVER, .stopping_ms = NEVER, .slow_ms = NEVER, .term_at = NEVER
};

static long now_ms(void)
{
	static struct timespec start;
	struct timespec now;

	(void) clock_gettime(CLOCK_MONOTONIC, &now);
	if (start.tv_sec == 0)
		start = now;
	return (now.tv_sec - start.tv_sec) * 1000 + (now.tv_nsec - start.tv_nsec) / 1000000;
}

static void sleep_ms(long ms)
{
	const struct timespec time = { ms / 1000, ms % 1000 * 1000000 };

	(void) nanosleep(&time, NULL);
}

static void append(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644);

	if (fd < 0 || write(fd, text, strlen(text)) < 0)
		_exit(99);
	(void) close(fd);
}

static void notify(const char *text, int attached)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	const char *path = getenv("NOTIFY_SOCKET");
	union {
		char space[CMSG_SPACE(sizeof(int))];
		struct cmsghdr header;
	} control = { 0 };
	struct iovec part = { (void *) (uintptr_t) text, strlen(text) };
	struct msghdr message = { .msg_name = &address,
				  .msg_namelen = sizeof(address),
				  .msg_iov = &part,
				  .msg_iovlen = 1 };
	int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	if (!path || fd < 0)
		return;
	(void) snprintf(address.sun_path, sizeof(address.sun_path), "%s", path);
	if (attached >= 0) {
		message.msg_control = &control;
		message.msg_controllen = sizeof(control);
		control.header.cmsg_level = SOL_SOCKET;
		control.header.cmsg_type = SCM_RIGHTS;
		control.header.cmsg_len = CMSG_LEN(sizeof(int));
		memcpy(CMSG_DATA(&control.header), &attached, sizeof(int));
	}
	(void) sendmsg(fd, &message, 0);
	(void) close(fd);
}

/* ---- immediate ones ---- */

static void say_lines(int n)
{
	for (int i = 1; i <= n; i++)
		(void) fprintf(stderr, "line %d\n", i);
}

/* Into the file itself: who has it open goes on reading it. */
static void put(const char *argument)
{
	const char *colon = strchr(argument, ':');
	char path[256];
	FILE *file;

	(void) snprintf(path, sizeof(path), "%.*s", (int) (colon - argument), argument);
	file = fopen(path, "we");
	if (!file || fputs(colon + 1, file) < 0 || fclose(file) != 0)
		_exit(90);
}

static void report(const char *path)
{
	extern char **environ;
	FILE *out = fopen(path, "we");
	DIR *dir = opendir("/proc/self/fd");
	struct dirent *entry;

	if (!out || !dir)
		_exit(99);
	while ((entry = readdir(dir))) {
		struct stat st;
		int fd = (int) strtol(entry->d_name, NULL, 10);

		if (entry->d_name[0] != '.' && fd != dirfd(dir) && fd != fileno(out) &&
		    fstat(fd, &st) == 0)
			(void) fprintf(out, "fd %d inode %lu\n", fd, (unsigned long) st.st_ino);
	}
	(void) closedir(dir);
	(void) fprintf(out, "listen-pid %s\n",
		       getenv("LISTEN_PID") && strtol(getenv("LISTEN_PID"), NULL, 10) == getpid()
			       ? "mine"
			       : "not mine");
	(void) fprintf(out, "session %s\n", getsid(0) == getpid() ? "own" : "shared");
	(void) fprintf(out, "group %s\n", getpgrp() == getpid() ? "own" : "shared");
	(void) fprintf(out, "terminal %s\n",
		       tcgetpgrp(STDIN_FILENO) == getpgrp() ? "mine" : "not mine");
	for (char **e = environ; *e; e++)
		(void) fprintf(out, "env %s\n", *e);
	for (int i = 1; i < NSIG; i++) {
		struct sigaction action;

		if (sigaction(i, NULL, &action) == 0 && action.sa_handler == SIG_IGN)
			(void) fprintf(out, "ignored %d\n", i);
	}
	(void) fclose(out);
}

static void forge(void)
{
	pid_t pid = fork();

	if (pid == 0) {
		notify("READY=1\n", -1);
		notify("STOPPING=1", -1);
		_exit(0);
	}
	(void) waitpid(pid, NULL, 0);
}

static int count_processes(void)
{
	DIR *dir = opendir("/proc");
	struct dirent *entry;
	int n = 0;

	while (dir && (entry = readdir(dir)))
		n += entry->d_name[0] >= '1' && entry->d_name[0] <= '9';
	(void) closedir(dir);
	return n;
}

static int orphans(int n)
{
	int others = count_processes();

	for (int i = 0; i < n; i++) {
		pid_t pid = fork();

		if (pid < 0)
			return 98;
		if (pid == 0) {
			if (fork() == 0)
				sleep_ms(100);
			_exit(7);
		}
		(void) waitpid(pid, NULL, 0);
	}
	for (int i = 0; i < 1000; i++) {
		if (count_processes() <= others)
			return 0;
		sleep_ms(10);
	}
	return 97;
}

static void child(const char *path)
{
	char text[16];
	pid_t pid = fork();

	if (pid == 0) {
		sleep_ms(LIFE_MS);
		_exit(0);
	}
	(void) snprintf(text, sizeof(text), "%d", (int) pid);
	append(path, text);
}

static void stray(const char *path)
{
	int ends[2];
	pid_t pid;
	char byte, text[16];

	if (pipe(ends) < 0)
		_exit(99);
	pid = fork();
	if (pid == 0) {
		if (fork() == 0) {
			(void) setsid();
			(void) snprintf(text, sizeof(text), "%d", (int) getpid());
			append(path, text);
			(void) close(ends[0]);
			(void) close(ends[1]);
			sleep_ms(LIFE_MS);
		}
		_exit(0);
	}
	(void) close(ends[1]);
	(void) waitpid(pid, NULL, 0);
	if (read(ends[0], &byte, 1) != 0)
		_exit(99);
	(void) close(ends[0]);
}

/* ---- the engine's life ---- */

static void answer(void)
{
	static const char text[] = "HTTP/1.0 200 OK\r\nContent-Length: 2\r\n\r\nOK";
	int fd = accept(3, NULL, NULL);
	char request[256];

	if (fd < 0)
		return;
	if (read(fd, request, sizeof(request)) > 0 && write(fd, text, sizeof(text) - 1) < 0)
		_exit(99);
	(void) close(fd);
}

/* As dockerd: first it says so, and then nobody is accepted any more. */
static void stop_listening(void)
{
	const char *n = getenv("LISTEN_FDS");

	notify("STOPPING=1", -1);
	for (int i = 0; n && i < (int) strtol(n, NULL, 10); i++)
		(void) close(3 + i);
	engine.serve = false;
}

static void take_signal(int number)
{
	char line[32];

	(void) snprintf(line, sizeof(line), "signal %d\n", number);
	if (engine.log_path)
		append(engine.log_path, line);
	if (number != SIGTERM || engine.term_ignored)
		return;
	engine.term_at = now_ms();
	if (!engine.wait_path && engine.slow_ms == NEVER)
		_exit(engine.term_status);
	stop_listening();
}

static void block_all(sigset_t *set)
{
	(void) sigfillset(set);
	(void) sigdelset(set, SIGCHLD);
	(void) sigprocmask(SIG_BLOCK, set, NULL);
}

static bool is_due(long at)
{
	return at != NEVER && now_ms() >= at;
}

static int live(void)
{
	sigset_t set;
	int signal_fd = -1;

	(void) sigemptyset(&set);
	if (!engine.late)
		block_all(&set);
	signal_fd = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
	if (engine.mark_path)
		append(engine.mark_path, "up\n");
	while (now_ms() < LIFE_MS) {
		struct pollfd fds[] = { { .fd = signal_fd, .events = POLLIN },
					{ .fd = engine.serve && engine.ready ? 3 : -1,
					  .events = POLLIN } };
		bool waits = (engine.ready || engine.ready_ms == NEVER) &&
			     engine.exit_ms == NEVER && engine.kill_ms == NEVER &&
			     engine.stopping_ms == NEVER && engine.term_at == NEVER;
		struct signalfd_siginfo info;

		/* at rest it does nothing, as an engine does */
		(void) poll(fds, 2, waits ? LIFE_MS : 5);
		while (read(signal_fd, &info, sizeof(info)) == (ssize_t) sizeof(info))
			take_signal((int) info.ssi_signo);
		if (fds[1].revents)
			answer();
		if (!engine.ready && is_due(engine.ready_ms)) {
			if (engine.late) {
				block_all(&set);
				(void) signalfd(signal_fd, &set, 0);
			}
			engine.ready = true;
			for (int i = 0; i < engine.attached; i++)
				notify("READY=0", STDERR_FILENO);
			notify("READY=1", -1);
		}
		if (is_due(engine.stopping_ms)) {
			engine.stopping_ms = NEVER;
			stop_listening();
		}
		if (is_due(engine.exit_ms))
			return engine.exit_status;
		if (is_due(engine.kill_ms)) {
			struct sigaction by_default = { .sa_handler = SIG_DFL };

			/* a sanitizer would turn it into an exit status */
			(void) sigaction(engine.kill_signal, &by_default, NULL);
			(void) sigprocmask(SIG_UNBLOCK, &set, NULL);
			(void) kill(getpid(), engine.kill_signal);
		}
		if (engine.term_at == NEVER)
			continue;
		if (engine.wait_path ? access(engine.wait_path, F_OK) == 0
				     : is_due(engine.term_at + engine.slow_ms))
			return 0;
	}
	return 96;
}

/* "N@MS" */
static int timed(const char *value, long *ret_ms)
{
	char *end;
	int number = (int) strtol(value, &end, 10);

	*ret_ms = *end == '@' ? strtol(end + 1, NULL, 10) : 0;
	return number;
}

static void set_term(const char *value)
{
	if (strcmp(value, "ignore") == 0)
		engine.term_ignored = true;
	else if (strncmp(value, "wait:", 5) == 0)
		engine.wait_path = value + 5;
	else if (strncmp(value, "slow:", 5) == 0)
		engine.slow_ms = strtol(value + 5, NULL, 10);
	else
		engine.term_status = (int) strtol(value, NULL, 10);
}

static bool is_name(const char *key)
{
	return strcmp(key, "containerd") == 0 || strcmp(key, "prepare") == 0 ||
	       strcmp(key, "watch") == 0;
}

static void set(const char *key, const char *value)
{
	if (is_name(key))
		return;
	if (strcmp(key, "say") == 0)
		(void) fprintf(stderr, "%s\n", value);
	else if (strcmp(key, "lines") == 0)
		say_lines((int) strtol(value, NULL, 10));
	else if (strcmp(key, "put") == 0)
		put(value);
	else if (strcmp(key, "report") == 0)
		report(value);
	else if (strcmp(key, "forge") == 0)
		forge();
	else if (strcmp(key, "attach") == 0)
		engine.attached = (int) strtol(value, NULL, 10);
	else if (strcmp(key, "orphans") == 0)
		_exit(orphans((int) strtol(value, NULL, 10)));
	else if (strcmp(key, "child") == 0)
		child(value);
	else if (strcmp(key, "stray") == 0)
		stray(value);
	else if (strcmp(key, "late") == 0)
		engine.late = true;
	else if (strcmp(key, "serve") == 0)
		engine.serve = true;
	else if (strcmp(key, "ready") == 0)
		engine.ready_ms = strcmp(value, "never") == 0 ? NEVER : strtol(value, NULL, 10);
	else if (strcmp(key, "exit") == 0)
		engine.exit_status = timed(value, &engine.exit_ms);
	else if (strcmp(key, "kill") == 0)
		engine.kill_signal = timed(value, &engine.kill_ms);
	else if (strcmp(key, "stopping") == 0)
		engine.stopping_ms = strtol(value, NULL, 10);
	else if (strcmp(key, "term") == 0)
		set_term(value);
	else if (strcmp(key, "log") == 0)
		engine.log_path = value;
	else if (strcmp(key, "mark") == 0)
		engine.mark_path = value;
	else
		_exit(95);
}

static void set_argument(const char *argument)
{
	char key[32];
	size_t n = strcspn(argument, "=");

	if (n >= sizeof(key))
		_exit(95);
	memcpy(key, argument, n);
	key[n] = '\0';
	set(key, argument[n] ? argument + n + 1 : "");
}

static void first(const char *value)
{
	const char *colon = strchr(value, ':');
	char path[256];
	int fd;

	(void) snprintf(path, sizeof(path), "%.*s", (int) (colon - value), value);
	fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0644);
	if (fd < 0)
		return;
	(void) close(fd);
	set_argument(colon + 1);
}

int main(int argc, char **argv)
{
	(void) now_ms();
	for (int i = 1; i < argc; i++) {
		if (strncmp(argv[i], "first=", 6) == 0)
			first(argv[i] + 6);
		else
			set_argument(argv[i]);
	}
	return live();
}
