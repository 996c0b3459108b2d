/* SPDX-License-Identifier: Apache-2.0 */
/*
 * deny_steps.h - every system call that a step makes fails once. Whatever it is: the step ends in
 * time with 0 or with a negative errno and a sentence, leaves no descriptor, child or mount behind,
 * and does its work when it is called again.
 */
#ifndef TEST_NS_DENY_STEPS_H
#define TEST_NS_DENY_STEPS_H

#include "deny.h"
#include "fixture.h"

#define RUN_TIMEOUT_MS 20000
#define MAX_CALLS      64

/* Not here: what memory is taken with (out of memory ends the program, by design) and close(2). */
static const char *const watched_names[] = {
	"open",	      "openat",	    "openat2",	  "creat",	"stat",	      "lstat",
	"fstat",      "newfstatat", "statx",	  "statfs",	"fstatfs",    "access",
	"faccessat",  "faccessat2", "readlink",	  "readlinkat", "getdents64", "read",
	"pread64",    "write",	    "pwrite64",	  "lseek",	"ftruncate",  "truncate",
	"mkdir",      "mkdirat",    "rmdir",	  "unlink",	"unlinkat",   "rename",
	"renameat",   "renameat2",  "symlink",	  "symlinkat",	"mknod",      "mknodat",
	"chmod",      "fchmod",	    "fchmodat",	  "lchown",	"fchownat",   "mount",
	"umount2",    "fsopen",	    "fsconfig",	  "fsmount",	"open_tree",  "move_mount",
	"unshare",    "setns",	    "ioctl",	  "flock",	"fcntl",      "socket",
	"socketpair", "connect",    "sendto",	  "recvfrom",	"chroot",     "chdir",
	"bind",	      "listen",	    "setsockopt", "pipe2",	"clone",      "clone3",
	"fork",	      "vfork",	    "execve",	  "wait4",	"waitid",     "poll",
	"ppoll",      "prctl",	    "dup2",	  "kill",	"pidfd_open", "pidfd_send_signal",
	"prlimit64",  "setrlimit",  "syncfs",	  "fsync",	"nanosleep",  "clock_nanosleep",
};

/* What each is likely to fail with where it is; several where the code goes different ways. */
static const struct {
	const char *name;
	int codes[4];
} likely[] = {
	{ "openat", { EACCES, ENOENT } },
	{ "open", { EACCES } },
	{ "newfstatat", { EACCES } },
	{ "mount", { EPERM, EBUSY, EINVAL } },
	{ "umount2", { EBUSY, EINVAL } },
	{ "ioctl", { EBUSY, EINVAL, ENXIO, EINTR } },
	{ "flock", { EINTR, ENOLCK, EAGAIN } },
	{ "write", { ENOSPC, EBUSY, EINTR } },
	{ "pwrite64", { ENOSPC } },
	{ "read", { EIO, EINTR } },
	{ "pread64", { EIO, EINTR } },
	{ "bind", { EADDRINUSE, EACCES } },
	{ "socket", { EMFILE } },
	{ "connect", { EACCES } },
	{ "pipe2", { EMFILE } },
	{ "clone", { EAGAIN } },
	{ "clone3", { EAGAIN } },
	{ "execve", { ENOENT } },
	{ "wait4", { EINTR } },
	{ "poll", { EINTR } },
	{ "pidfd_open", { ENOSYS, EMFILE } },
	{ "pidfd_send_signal", { EPERM } },
	{ "fsopen", { ENOSYS, EPERM } },
	{ "getdents64", { EIO } },
	{ "ftruncate", { ENOSPC, EFBIG } },
	{ "fsync", { EIO, ENOSPC } },
	{ "renameat2", { EINVAL, EIO } },
	{ "rename", { ENOSPC } },
	{ "mkdir", { ENOSPC, EACCES } },
	{ "mknod", { EPERM } },
	{ "nanosleep", { EINTR } },
	{ "clock_nanosleep", { EINTR } },
};

/* One subject: what is there before, and what is done. */
struct subject {
	const char *name;
	void (*prepare)(void);
	int (*act)(struct apply_context *context, struct error *err);
	bool changes_mounts; /* also when it fails: it takes mounts away, or gets half-way */
	bool long_one;	     /* several starts in one: one errno for each call is enough */
};

struct outcome {
	struct deny_shared shared;
	int result, again;
	struct error err, err_again;
	bool done, fds_same, mounts_same, no_children;
	struct snapshot before, after;
};

/* ---- one run ---- */

static void release(struct apply_context *context)
{
	apply_close_listeners(context);
	apply_abandon(context);
	if (context->relay_pid > 0) {
		(void) kill(context->relay_pid, SIGKILL);
		(void) waitpid(context->relay_pid, NULL, 0);
	}
	for (size_t i = 0; i < ARRAY_SIZE(context->relay_fds); i++)
		if (context->relay_fds[i] >= 0)
			(void) close(context->relay_fds[i]);
	if (context->lock_fd >= 0)
		(void) close(context->lock_fd);
	apply_context_init(context);
}

/* A mount that was put back has another id. */
static void forget_ids(char *mounts)
{
	char *out = mounts;

	for (char *line = mounts; *line;) {
		char *end = strchr(line, '\n');
		char *rest = strchr(line, ' ');

		rest = rest ? strchr(rest + 1, ' ') : NULL;
		if (!end || !rest || rest > end)
			break;
		memmove(out, rest, (size_t) (end + 1 - rest));
		out += end + 1 - rest;
		line = end + 1;
	}
	*out = '\0';
}

/* What differs, for the message: the ends of both, where the new mounts are. */
static const char *tail(const char *text)
{
	size_t len = strlen(text);

	return text + (len > 400 ? len - 400 : 0);
}

/* The process under test. Everything it makes is on a tmpfs of its own mount namespace. */
static _Noreturn void run_subject(const struct subject *subject, const int *numbers, size_t count,
				  struct outcome *outcome)
{
	struct apply_context context;

	if (unshare(CLONE_NEWNS) < 0 || mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0 ||
	    mount("scratch", scratch, "tmpfs", 0, NULL) < 0)
		_exit(1);
	subject->prepare();
	apply_context_init(&context);
	deny_install(&outcome->shared, numbers, count);
	snapshot_take(&outcome->before);
	outcome->shared.active = true;
	outcome->result = subject->act(&context, &outcome->err);
	outcome->shared.active = false;
	snapshot_take(&outcome->after);
	forget_ids(outcome->before.mounts);
	forget_ids(outcome->after.mounts);
	outcome->mounts_same = strcmp(outcome->before.mounts, outcome->after.mounts) == 0;
	release(&context);
	snapshot_fds(outcome->after.fds, sizeof(outcome->after.fds));
	outcome->fds_same = strcmp(outcome->before.fds, outcome->after.fds) == 0;
	outcome->no_children = waitpid(-1, NULL, WNOHANG) == -1;
	outcome->again = subject->act(&context, &outcome->err_again);
	outcome->done = true;
	_exit(0);
}

struct watch {
	const struct outcome *outcome;
	const int *numbers;
	size_t count;
	unsigned int seen[ARRAY_SIZE(watched_names)];
	int deny_number, deny_code;
	unsigned int deny_nth; /* 0: nothing is denied */
	bool denied;
};

static int decide(const struct seccomp_notif *call, void *data)
{
	struct watch *watch = data;

	if (!watch->outcome->shared.active || !deny_is_same_program((pid_t) call->pid))
		return 0;
	for (size_t i = 0; i < watch->count; i++) {
		if (watch->numbers[i] != call->data.nr)
			continue;
		watch->seen[i]++;
		if (watch->deny_nth && call->data.nr == watch->deny_number &&
		    watch->seen[i] == watch->deny_nth) {
			watch->denied = true;
			return -watch->deny_code;
		}
	}
	return 0;
}

static struct outcome *run_once(const struct subject *subject, struct watch *watch)
{
	struct outcome *outcome = (struct outcome *) deny_share(sizeof(*outcome));
	int status = -1, r;
	pid_t pid;

	ck_assert_ptr_nonnull(outcome);
	watch->outcome = outcome;
	pid = fork();
	ck_assert_int_ge(pid, 0);
	if (pid == 0)
		run_subject(subject, watch->numbers, watch->count, outcome);
	r = deny_supervise(pid, &outcome->shared, decide, watch, RUN_TIMEOUT_MS, &status);
	ck_assert_msg(r == 0, "%s: it hangs, or no filter could be made: %s", subject->name,
		      strerror(-r));
	ck_assert_msg(status == 0 && outcome->done, "%s: it crashed, status %x: %s", subject->name,
		      status, outcome->err.message);
	return outcome;
}

static void judge(const struct subject *subject, const struct outcome *outcome, const char *what)
{
	const struct error *err = &outcome->err;

	ck_assert_msg(outcome->result <= 0, "%s, %s: result %d", subject->name, what,
		      outcome->result);
	if (outcome->result == 0)
		ck_assert_msg(err->code == 0 && !*err->message,
			      "%s, %s: success, but the error says '%s'", subject->name, what,
			      err->message);
	else
		ck_assert_msg(err->code == outcome->result && *err->message,
			      "%s, %s: result %d without a word about it (%d '%s')", subject->name,
			      what, outcome->result, err->code, err->message);
	ck_assert_msg(outcome->fds_same, "%s, %s: descriptors\n%s became\n%s", subject->name, what,
		      outcome->before.fds, outcome->after.fds);
	ck_assert_msg(outcome->no_children, "%s, %s: a child was left", subject->name, what);
	if (outcome->result < 0 && !subject->changes_mounts)
		ck_assert_msg(outcome->mounts_same, "%s, %s: '%s', but mounts\n%s became\n%s",
			      subject->name, what, err->message, tail(outcome->before.mounts),
			      tail(outcome->after.mounts));
	ck_assert_msg(outcome->again == 0, "%s, %s: then '%s', and again: %s", subject->name, what,
		      err->message, outcome->err_again.message);
}

static const int *codes_of(const char *name)
{
	static const int otherwise[4] = { EPERM };

	for (size_t i = 0; i < ARRAY_SIZE(likely); i++)
		if (strcmp(likely[i].name, name) == 0)
			return likely[i].codes;
	return otherwise;
}

/* How often a call was made to fail, and how often that was the end of the step. */
struct score {
	unsigned int denied, ended;
};

/* Fail the @nth call of that number, each time with another errno. */
static void deny_one(const struct subject *subject, int number, const char *name, unsigned int nth,
		     struct score *score)
{
	const int *codes = codes_of(name);

	for (size_t i = 0; i < (subject->long_one ? 1 : 4) && codes[i]; i++) {
		struct watch watch = { .numbers = &number, .count = 1, .deny_number = number };
		struct outcome *outcome;
		char what[128];

		watch.deny_nth = nth;
		watch.deny_code = codes[i];
		(void) snprintf(what, sizeof(what), "%s number %u failing with %s", name, nth,
				strerror(codes[i]));
		outcome = run_once(subject, &watch);
		judge(subject, outcome, what);
		score->denied += watch.denied;
		score->ended += watch.denied && outcome->result < 0;
		(void) munmap(outcome, sizeof(*outcome));
	}
}

/* The whole of it, for one subject; in a test of its own. */
static UNUSED void deny_each_call_once(const struct subject *subject)
{
	int numbers[ARRAY_SIZE(watched_names)];
	const char *names[ARRAY_SIZE(watched_names)];
	struct watch watch = { .numbers = numbers };
	struct score score = { 0, 0 };
	struct outcome *outcome;

	(void) snprintf(scratch, sizeof(scratch), "%s/%d", scratch_top, (int) getpid());
	ck_assert_int_eq(mkdir(scratch, 0755), 0);
	for (size_t i = 0; i < ARRAY_SIZE(watched_names); i++) {
		numbers[watch.count] = seccomp_syscall_resolve_name(watched_names[i]);
		names[watch.count] = watched_names[i];
		watch.count += numbers[watch.count] >= 0;
	}
	/* first: which calls does it make? */
	outcome = run_once(subject, &watch);
	judge(subject, outcome, "with nothing failing");
	ck_assert_int_eq(outcome->result, 0);
	(void) munmap(outcome, sizeof(*outcome));
	for (size_t i = 0; i < watch.count; i++) {
		ck_assert_msg(watch.seen[i] < MAX_CALLS || strcmp(subject->name, "kill") == 0,
			      "%s makes %u calls of %s", subject->name, watch.seen[i], names[i]);
		for (unsigned int nth = 1; nth <= watch.seen[i] && nth <= MAX_CALLS; nth++)
			deny_one(subject, numbers[i], names[i], nth, &score);
	}
	ck_assert_int_gt(score.ended, 0);
	ck_assert_int_gt(score.denied, 0);
	(void) fprintf(stderr, "  %s: %u calls failed, %u of them ended it\n", subject->name,
		       score.denied, score.ended);
}

#endif
