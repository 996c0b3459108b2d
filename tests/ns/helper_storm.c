/* SPDX-License-Identifier: Apache-2.0 */
/*
 * helper_storm.c - a program as PID 1 of a container without a runtime, and a storm of what `docker
 * exec` does to its control group meanwhile. For the virtual machines: real controllers, no engine.
 *
 *   helper_storm GROUP ROOT RESULT INTERVAL_MS LIMIT_MS PROGRAM [ARG...]
 *
 * GROUP is made, a directory of the v2 tree; PROGRAM gets it as the root of its cgroup namespace,
 * ROOT (a mount point) as its root directory, and a pid namespace. Every INTERVAL_MS a process
 * joins: mostly one that is visible in the pid namespace, as runc's last stage is, every fourth one
 * from outside, which reads as 0 there. Who is refused with EBUSY joins the group that PROGRAM is
 * in by then, as runc does. It ends when PROGRAM's engine has written ROOT/RESULT, and prints
 *   delay_ms=… cpu_ms=… root=… fallback=… failed=…
 * where delay is from the exec to the result, cpu is what PROGRAM has used until then, and the
 * others count those who got into the group, into the other one, and nowhere.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "dind/file.h"

#define OUTSIDER_EVERY 4
#define LIFE_MS	       3

enum joined { JOINED_ROOT = 10, JOINED_FALLBACK, JOINED_NOWHERE, JOINED_TOO_LATE };

struct storm {
	const char *group; /* as the host sees it */
	const char *root;
	char result[PATH_MAX];
	pid_t init;
	int pid_namespace;
	int go[2];
	unsigned int counts[4];
};

static void die(const char *what)
{
	(void) fprintf(stderr, "helper_storm: %s: %s\n", what, strerror(errno));
	_exit(99);
}

static void sleep_ms(int ms)
{
	struct timespec pause = { ms / 1000, ms % 1000 * 1000000L };

	(void) nanosleep(&pause, NULL);
}

/* ---- the container ---- */

static void mount_or_die(const char *type, const char *target, const char *options)
{
	if (mount(type, target, type, 0, options) < 0)
		die(target);
}

static void enter_root(const char *root)
{
	if (mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0 || chdir(root) < 0)
		die(root);
	mount_or_die("proc", "proc", NULL);
	mount_or_die("sysfs", "sys", NULL);
	mount_or_die("cgroup2", "sys/fs/cgroup", NULL);
	mount_or_die("tmpfs", "run", "mode=0755");
	if (mount("/dev", "dev", NULL, MS_BIND, NULL) < 0)
		die("dev");
	if (syscall(SYS_pivot_root, ".", ".") < 0 || umount2(".", MNT_DETACH) < 0 || chdir("/") < 0)
		die("pivot_root");
}

static void be_init(const struct storm *storm, char **argv)
{
	char path[PATH_MAX], byte;

	(void) prctl(PR_SET_PDEATHSIG, SIGKILL);
	(void) snprintf(path, sizeof(path), "%s/cgroup.procs", storm->group);
	if (file_write_at(AT_FDCWD, path, "0") < 0 ||
	    unshare(CLONE_NEWCGROUP | CLONE_NEWNS | CLONE_NEWNET | CLONE_NEWUTS) < 0)
		die(path);
	enter_root(storm->root);
	if (close(storm->go[1]) < 0 || read(storm->go[0], &byte, 1) != 1)
		die("go");
	(void) execvp(argv[0], argv);
	die(argv[0]);
}

/* ---- the storm ---- */

static enum joined join(const struct storm *storm, pid_t pid)
{
	char path[PATH_MAX], text[2048], number[16], *own;
	int r;

	(void) snprintf(number, sizeof(number), "%d", (int) pid);
	(void) snprintf(path, sizeof(path), "%s/cgroup.procs", storm->group);
	r = file_write_at(AT_FDCWD, path, number);
	if (r == 0)
		return JOINED_ROOT;
	if (r == -ESRCH)
		return JOINED_TOO_LATE;
	(void) snprintf(path, sizeof(path), "/proc/%d/cgroup", (int) storm->init);
	if (file_read_at(AT_FDCWD, path, text, sizeof(text)) <= 0 || strncmp(text, "0::", 3) != 0)
		return JOINED_TOO_LATE;
	own = text + 3;
	own[strcspn(own, "\n")] = '\0';
	(void) snprintf(path, sizeof(path), "/sys/fs/cgroup%s/cgroup.procs", own);
	r = file_write_at(AT_FDCWD, path, number);
	return r == 0 ? JOINED_FALLBACK : r == -ESRCH ? JOINED_TOO_LATE : JOINED_NOWHERE;
}

/* The child of one exec; its status is how it went. */
static void one_exec(const struct storm *storm, bool outsider)
{
	enum joined joined;
	pid_t inner;

	if (outsider) {
		joined = join(storm, getpid());
		sleep_ms(LIFE_MS);
		_exit((int) joined);
	}
	if (setns(storm->pid_namespace, CLONE_NEWPID) < 0)
		_exit(JOINED_TOO_LATE);
	inner = fork();
	if (inner == 0) {
		sleep_ms(LIFE_MS);
		_exit(0);
	}
	joined = inner < 0 ? JOINED_TOO_LATE : join(storm, inner);
	if (inner > 0)
		(void) waitpid(inner, NULL, 0);
	_exit((int) joined);
}

static void reap(struct storm *storm, bool wait_for_them)
{
	int status;
	pid_t pid;

	while ((pid = waitpid(-1, &status, wait_for_them ? 0 : WNOHANG)) > 0) {
		if (pid == storm->init)
			continue;
		if (WIFEXITED(status) && WEXITSTATUS(status) >= JOINED_ROOT &&
		    WEXITSTATUS(status) <= JOINED_TOO_LATE)
			storm->counts[WEXITSTATUS(status) - JOINED_ROOT]++;
	}
}

static bool blow(struct storm *storm, int interval_ms, int64_t deadline)
{
	for (unsigned int i = 0; access(storm->result, F_OK) < 0; i++) {
		pid_t pid = clock_now_ms() < deadline ? fork() : -1;

		if (pid == 0)
			one_exec(storm, i % OUTSIDER_EVERY == 0);
		if (pid < 0 || kill(storm->init, 0) < 0)
			return false;
		sleep_ms(interval_ms);
		reap(storm, false);
	}
	return true;
}

/* ---- the way there and back ---- */

static long cpu_ms(pid_t pid)
{
	char path[64], text[1024], *at;
	unsigned long user = 0, system = 0;

	(void) snprintf(path, sizeof(path), "/proc/%d/stat", (int) pid);
	if (file_read_at(AT_FDCWD, path, text, sizeof(text)) <= 0 || !(at = strrchr(text, ')')) ||
	    sscanf(at + 2, "%*c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %lu %lu", &user, &system) !=
		    2)
		return -1;
	return (long) ((user + system) * 1000 / (unsigned long) sysconf(_SC_CLK_TCK));
}

static void start_init(struct storm *storm, char **argv)
{
	char path[64];

	if (pipe2(storm->go, O_CLOEXEC) < 0 || unshare(CLONE_NEWPID) < 0)
		die("start");
	storm->init = fork();
	if (storm->init == 0)
		be_init(storm, argv);
	if (storm->init < 0)
		die("fork");
	(void) snprintf(path, sizeof(path), "/proc/%d/ns/pid", (int) storm->init);
	storm->pid_namespace = open(path, O_RDONLY | O_CLOEXEC);
	(void) snprintf(path, sizeof(path), "/proc/self/ns/pid");
	/* children of ours are not to be in there */
	if (storm->pid_namespace < 0 || setns(open(path, O_RDONLY | O_CLOEXEC), CLONE_NEWPID) < 0)
		die("namespaces");
}

static void remove_group(const char *group)
{
	char path[PATH_MAX];
	struct dirent *entry;
	DIR *dir = opendir(group);

	while (dir && (entry = readdir(dir))) {
		if (entry->d_type != DT_DIR || entry->d_name[0] == '.')
			continue;
		(void) snprintf(path, sizeof(path), "%s/%s", group, entry->d_name);
		(void) rmdir(path);
	}
	if (dir)
		(void) closedir(dir);
	for (int i = 0; rmdir(group) < 0 && errno == EBUSY && i < 1000; i++)
		sleep_ms(5);
}

int main(int argc, char **argv)
{
	struct storm storm = { .pid_namespace = -1 };
	int interval_ms, limit_ms;
	int64_t began, took;
	long used;
	bool ended;

	if (argc < 7)
		return 64;
	storm.group = argv[1];
	storm.root = argv[2];
	(void) snprintf(storm.result, sizeof(storm.result), "%s/%s", argv[2], argv[3]);
	interval_ms = (int) strtol(argv[4], NULL, 10);
	limit_ms = (int) strtol(argv[5], NULL, 10);
	if (mkdir(storm.group, 0755) < 0)
		die(storm.group);
	start_init(&storm, argv + 6);
	sleep_ms(20 * interval_ms); /* it may still be on its way into the group */
	(void) blow(&storm, interval_ms, clock_now_ms() + 20 * interval_ms);
	began = clock_now_ms();
	if (write(storm.go[1], "x", 1) != 1)
		die("go");
	ended = blow(&storm, interval_ms, began + limit_ms);
	took = clock_now_ms() - began;
	used = cpu_ms(storm.init);
	(void) kill(storm.init, SIGKILL);
	reap(&storm, true);
	remove_group(storm.group);
	(void) printf("delay_ms=%lld cpu_ms=%ld root=%u fallback=%u failed=%u\n", (long long) took,
		      used, storm.counts[0], storm.counts[1], storm.counts[2]);
	return ended ? 0 : 1;
}
