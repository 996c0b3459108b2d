/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Every system call that a step makes fails once. Whatever it is: the step ends in time with 0 or
 * with a negative errno and a sentence, leaves no descriptor, child, mount or loop device behind,
 * and does its work when it is called again.
 */
#include <net/if.h>
#include <sys/file.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/un.h>

#include "cgroup_fixture.h"
#include "deny.h"

#define RUN_TIMEOUT_MS 20000
#define MAX_CALLS      64

/* Not here: what memory is taken with (out of memory ends the program, by design) and close(2). */
static const char *const watched_names[] = {
	"open",
	"openat",
	"openat2",
	"creat",
	"stat",
	"lstat",
	"fstat",
	"newfstatat",
	"statx",
	"statfs",
	"fstatfs",
	"access",
	"faccessat",
	"faccessat2",
	"readlink",
	"readlinkat",
	"getdents64",
	"read",
	"pread64",
	"write",
	"pwrite64",
	"lseek",
	"ftruncate",
	"truncate",
	"mkdir",
	"mkdirat",
	"rmdir",
	"unlink",
	"unlinkat",
	"rename",
	"renameat",
	"renameat2",
	"symlink",
	"symlinkat",
	"mknod",
	"mknodat",
	"chmod",
	"fchmod",
	"fchmodat",
	"lchown",
	"fchownat",
	"mount",
	"umount2",
	"fsopen",
	"fsconfig",
	"fsmount",
	"open_tree",
	"move_mount",
	"unshare",
	"setns",
	"ioctl",
	"flock",
	"fcntl",
	"socket",
	"connect",
	"bind",
	"listen",
	"setsockopt",
	"pipe2",
	"clone",
	"clone3",
	"fork",
	"vfork",
	"execve",
	"wait4",
	"waitid",
	"poll",
	"ppoll",
	"prctl",
	"dup2",
	"kill",
	"pidfd_open",
	"pidfd_send_signal",
	"prlimit64",
	"setrlimit",
	"syncfs",
	"fsync",
	"nanosleep",
	"clock_nanosleep",
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
};

struct outcome {
	struct deny_shared shared;
	int result, again;
	struct error err, err_again;
	bool done, fds_same, mounts_same, no_children;
	struct snapshot before, after;
};

/* ---- the subjects ---- */

static struct plan_step step;
static struct plan_listener listener;

static void no_preparation(void)
{
}

static int act_step(struct apply_context *context, struct error *err)
{
	return apply_step(context, &step, err);
}

static void prepare_limits(void)
{
	step = (struct plan_step){ .kind = STEP_LIMITS };
	step.u.limits.set_nofile = true;
	step.u.limits.nofile_soft = 1000;
	step.u.limits.nofile_hard = 3000;
	step.u.limits.set_oom_score = true;
	step.u.limits.oom_score_adj = 111;
}

static void prepare_runtime_dir(void)
{
	step = (struct plan_step){ .kind = STEP_RUNTIME_DIR };
	step.u.runtime_dir.path = in_scratch("run/dind");
	step.u.runtime_dir.mode = 0700;
}

static void prepare_directory(void)
{
	step = (struct plan_step){ .kind = STEP_DIRECTORY };
	step.u.runtime_dir.path = in_scratch("a/b");
	step.u.runtime_dir.mode = 0711;
}

static void leave_socket(const char *path)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	(void) snprintf(address.sun_path, sizeof(address.sun_path), "%s", path);
	ck_assert_int_eq(bind(fd, (struct sockaddr *) &address, sizeof(address)), 0);
	(void) close(fd);
}

static void prepare_listen_unix(void)
{
	leave_socket(in_scratch("docker.sock"));
	step = (struct plan_step){ .kind = STEP_LISTEN };
	listener = (struct plan_listener){ .kind = LISTENER_UNIX, .url = "unix", .mode = 0660 };
	listener.path = in_scratch("docker.sock");
	listener.gid = 99;
	step.u.listen.listeners = &listener;
	step.u.listen.n_listeners = 1;
}

static void prepare_listen_tcp(void)
{
	ck_assert_int_eq(unshare(CLONE_NEWNET), 0);
	step = (struct plan_step){ .kind = STEP_LISTEN };
	listener = (struct plan_listener){ .kind = LISTENER_TCP, .url = "tcp", .host = "" };
	listener.port = 2375;
	step.u.listen.listeners = &listener;
	step.u.listen.n_listeners = 1;
}

static void prepare_lock(void)
{
	step = (struct plan_step){ .kind = STEP_LOCK };
	step.u.lock.path = in_scratch("data/.dind-lock");
	step.u.lock.create = true;
	step.u.lock.holder = "a test";
}

static void prepare_image_lock(void)
{
	prepare_lock();
	step.u.lock.path = in_scratch("dind/data.img");
}

static void prepare_remount(void)
{
	ck_assert_int_eq(mkdir(in_scratch("ro"), 0755), 0);
	ck_assert_int_eq(mount(in_scratch("ro"), in_scratch("ro"), NULL, MS_BIND, NULL), 0);
	ck_assert_int_eq(
		mount(NULL, in_scratch("ro"), NULL, MS_REMOUNT | MS_BIND | MS_RDONLY, NULL), 0);
	step = (struct plan_step){ .kind = STEP_REMOUNT_RW };
	step.u.remount.path = in_scratch("ro");
}

static void prepare_device(void)
{
	step = (struct plan_step){ .kind = STEP_DEVICE };
	step.u.device.path = in_scratch("dev/fuse");
	step.u.device.type = 'c';
	step.u.device.major = 10;
	step.u.device.minor = 229;
	step.u.device.mode = 0666;
}

static void prepare_propagation(void)
{
	step = (struct plan_step){ .kind = STEP_PROPAGATION };
}

static void prepare_sweep(void)
{
	ck_assert(write_text(in_scratch("docker.pid"), "999999"));
	ck_assert(write_text(in_scratch("containerd.pid"), "1"));
	leave_socket(in_scratch("containerd.sock"));
	step = (struct plan_step){ .kind = STEP_SWEEP };
	step.u.sweep.pid_files[step.u.sweep.n_pid_files++] = in_scratch("docker.pid");
	step.u.sweep.pid_files[step.u.sweep.n_pid_files++] = in_scratch("containerd.pid");
	step.u.sweep.sockets[step.u.sweep.n_sockets++] = in_scratch("containerd.sock");
}

static void prepare_bind(void)
{
	ck_assert_int_eq(mkdir(in_scratch("volume"), 0755), 0);
	step = (struct plan_step){ .kind = STEP_BIND };
	step.u.bind.source = in_scratch("volume");
	step.u.bind.target = in_scratch("docker");
}

static const char *const dropped[] = { "hosts", NULL };

static void prepare_config(void)
{
	ck_assert(write_text(in_scratch("daemon.json"), "{\"hosts\": [], \"mtu\": 1400}"));
	step = (struct plan_step){ .kind = STEP_CONFIG };
	step.u.config.source = in_scratch("daemon.json");
	step.u.config.target = in_scratch("effective.json");
	step.u.config.drop = dropped;
}

static void prepare_file(void)
{
	step = (struct plan_step){ .kind = STEP_FILE };
	step.u.file.path = in_scratch("containerd.toml");
	step.u.file.content = "version = 2\n";
	step.u.file.mode = 0600;
}

static void prepare_tmpfs(void)
{
	step = (struct plan_step){ .kind = STEP_TMPFS };
	step.u.tmpfs.target = in_scratch("docker");
	step.u.tmpfs.bytes = 1 << 20;
}

static void prepare_check_store(void)
{
	ck_assert_int_eq(mkdir(in_scratch("docker"), 0755), 0);
	ck_assert_int_eq(mkdir(in_scratch("docker/overlay2"), 0755), 0);
	step = (struct plan_step){ .kind = STEP_CHECK_STORE };
	step.u.check_store.path = in_scratch("docker");
	step.u.check_store.driver = "overlay2";
}

/* The first one ever. */
static void prepare_guard_start(void)
{
	ck_assert_int_eq(mkdir(in_scratch("docker"), 0755), 0);
	step = (struct plan_step){ .kind = STEP_GUARD_START };
	step.u.guard.database = in_scratch("docker/local-kv.db");
	step.u.guard.copy = in_scratch("docker/.dind-network.db");
	step.u.guard.mark = in_scratch("docker/.dind-starting");
}

/* The last one was cut off. */
static void prepare_guard_cut(void)
{
	prepare_guard_start();
	ck_assert(write_text(step.u.guard.database, "half"));
	ck_assert(write_text(step.u.guard.copy, "whole"));
	ck_assert(write_text(step.u.guard.mark, "copy\n"));
}

static void prepare_guard_cut_first(void)
{
	prepare_guard_start();
	ck_assert(write_text(step.u.guard.database, "half"));
	ck_assert(write_text(step.u.guard.mark, "none\n"));
}

static void prepare_cgroup_v1(void)
{
	char text[4096], *set, *path;

	step = (struct plan_step){ .kind = STEP_CGROUP_V1 };
	while (umount2("/sys/fs/cgroup", MNT_DETACH) == 0)
		;
	ck_assert_int_gt(file_read_at(AT_FDCWD, "/proc/self/cgroup", text, sizeof(text)), 0);
	set = strchr(text, ':') + 1;
	path = strchr(set, ':');
	*path = '\0';
	step.u.cgroup_v1.controllers = strdup(set);
	step.u.cgroup_v1.target = "/sys/fs/cgroup/test";
	step.u.cgroup_v1.tmpfs_first = true;
}

/* A hierarchy in which we are not at the root; false: there is none. */
static bool own_v1_line(char *set, size_t size)
{
	static char text[4096];
	char *line, *save = NULL, *path;

	if (file_read_at(AT_FDCWD, "/proc/self/cgroup", text, sizeof(text)) <= 0)
		return false;
	for (line = strtok_r(text, "\n", &save); line; line = strtok_r(NULL, "\n", &save)) {
		line = strchr(line, ':') + 1;
		path = strchr(line, ':');
		*path++ = '\0';
		if (!*line || strcmp(path, "/") == 0)
			continue;
		(void) snprintf(set, size, "%s", line);
		return true;
	}
	return false;
}

/* What shows the machine's root is replaced. */
static void prepare_cgroup_v1_replaced(void)
{
	static char set[128];
	char data[160];

	prepare_cgroup_v1();
	ck_assert(own_v1_line(set, sizeof(set)));
	(void) snprintf(data, sizeof(data), "%s%s", strncmp(set, "name=", 5) == 0 ? "none," : "",
			set);
	step.u.cgroup_v1.controllers = set;
	step.u.cgroup_v1.tmpfs_first = false;
	step.u.cgroup_v1.replace = true;
	ck_assert_int_eq(mount("x", "/sys/fs/cgroup", "tmpfs", 0, NULL), 0);
	ck_assert_int_eq(mkdir(step.u.cgroup_v1.target, 0755), 0);
	ck_assert_int_eq(mount("x", step.u.cgroup_v1.target, "cgroup", 0, data), 0);
}

static void prepare_cgroup_namespace(void)
{
	enter_group();
	ck_assert_int_eq(mkdir(in_scratch("cgroup"), 0755), 0);
	ck_assert_int_eq(mount(machine, in_scratch("cgroup"), NULL, MS_BIND, NULL), 0);
	step = (struct plan_step){ .kind = STEP_CGROUP_NAMESPACE };
	step.u.cgroup_namespace.mount_point = in_scratch("cgroup");
}

static void prepare_cgroup_nest(void)
{
	static char wanted[512];
	struct apply_context context;

	prepare_cgroup_namespace();
	apply_context_init(&context);
	assert_step(&context, &step);
	step = (struct plan_step){ .kind = STEP_CGROUP_NEST };
	step.u.cgroup_nest.mount_point = in_scratch("cgroup");
	step.u.cgroup_nest.leaf = "init";
	/* what there is, which may be nothing, and one that there is not */
	(void) snprintf(wanted, sizeof(wanted), "%s nonesuch",
			read_text(in_scratch("cgroup/cgroup.controllers")));
	step.u.cgroup_nest.controllers = wanted;
	step.u.cgroup_nest.timeout_ms = 1000;
}

/* Named after the test: of the path that a loop device tells, only this much is left when the mount
 * namespace is gone. */
static const char *deny_image(void)
{
	char name[96];

	(void) snprintf(name, sizeof(name), "dind/deny-%s.img", strrchr(scratch, '/') + 1);
	return in_scratch(name);
}

static uint64_t deny_bytes = 64 << 20;

/* Both steps of the image. */
static int act_image(struct apply_context *context, struct error *err)
{
	struct plan_step make = { .kind = STEP_MAKE_IMAGE }, use;
	int r;

	make.u.image.image = deny_image();
	make.u.image.bytes = deny_bytes;
	make.u.image.resize = true;
	make.u.image.recreate = true;
	make.u.image.mkfs = find_mkfs();
	make.u.image.target = in_scratch("docker");
	use = make;
	use.kind = STEP_MOUNT_IMAGE;
	r = apply_step(context, &make, err);
	return r < 0 ? r : apply_step(context, &use, err);
}

/* A file in the place of the image, and who has it locked takes part. */
static void prepare_broken_image(void)
{
	deny_bytes = 64 << 20;
	ck_assert_int_eq(mkdir(in_scratch("dind"), 0755), 0);
	ck_assert(write_text(deny_image(), "no file system"));
}

static int act_broken_image(struct apply_context *context, struct error *err)
{
	struct plan_step lock = { .kind = STEP_LOCK };
	int r;

	lock.u.lock.path = deny_image();
	lock.u.lock.create = true;
	lock.u.lock.holder = "a test";
	r = apply_step(context, &lock, err);
	return r < 0 ? r : act_image(context, err);
}

static void prepare_larger_image(void)
{
	struct apply_context context;
	struct error err = ERROR_INIT;

	deny_bytes = 64 << 20;
	apply_context_init(&context);
	ck_assert_msg(act_image(&context, &err) == 0, "%s", err.message);
	ck_assert_int_eq(apply_unmount_data_root(&context, in_scratch("docker"), NULL, 5000, &err),
			 0);
	deny_bytes = 256 << 20;
}

static struct apply_context mounted;

static void prepare_down(void)
{
	struct error err = ERROR_INIT;

	apply_context_init(&mounted);
	ck_assert_msg(act_image(&mounted, &err) == 0, "%s", err.message);
	ck_assert_int_eq(mkdir(in_scratch("docker/merged"), 0755), 0);
	ck_assert_int_eq(mount("x", in_scratch("docker/merged"), "tmpfs", 0, NULL), 0);
}

static int act_down(struct apply_context *context, struct error *err)
{
	int r = apply_sync_data_root(&mounted, in_scratch("docker"), err);

	(void) context;
	return r < 0 ? r : apply_unmount_data_root(&mounted, in_scratch("docker"), NULL, 2000, err);
}

static int act_kill(struct apply_context *context, struct error *err)
{
	int r;

	/* nobody of ours is an inner init, and cgroup groups of dockerd are not looked for */
	(void) context;
	r = apply_kill_containers(CGROUP_V1, NULL, in_scratch("data"), true, err);
	return r < 0 ? r : 0;
}

static struct apply_context nested;

static void prepare_cgroup_leave(void)
{
	prepare_cgroup_nest();
	apply_context_init(&nested);
	assert_step(&nested, &step);
	ck_assert_int_eq(mkdir(in_scratch("cgroup/docker"), 0755), 0);
	ck_assert_int_eq(mkdir(in_scratch("cgroup/docker/dead"), 0755), 0);
}

static int act_leave(struct apply_context *context, struct error *err)
{
	(void) context;
	return apply_leave_cgroups(&nested, err);
}

static const struct subject subjects[] = {
	{ "limits", prepare_limits, act_step, false },
	{ "runtime directory", prepare_runtime_dir, act_step, false },
	{ "directory", prepare_directory, act_step, false },
	{ "listen unix", prepare_listen_unix, act_step, false },
	{ "listen tcp", prepare_listen_tcp, act_step, false },
	{ "lock", prepare_lock, act_step, false },
	{ "lock of an image", prepare_image_lock, act_step, false },
	{ "remount", prepare_remount, act_step, true },
	{ "device", prepare_device, act_step, false },
	{ "propagation", prepare_propagation, act_step, false },
	{ "sweep", prepare_sweep, act_step, false },
	{ "bind", prepare_bind, act_step, false },
	{ "tmpfs", prepare_tmpfs, act_step, false },
	{ "check store", prepare_check_store, act_step, false },
	{ "guard start", prepare_guard_start, act_step, false },
	{ "guard start, cut off", prepare_guard_cut, act_step, false },
	{ "guard start, the first cut off", prepare_guard_cut_first, act_step, false },
	{ "config", prepare_config, act_step, false },
	{ "file", prepare_file, act_step, false },
	{ "cgroup v1", prepare_cgroup_v1, act_step, true },
	{ "cgroup namespace", prepare_cgroup_namespace, act_step, false },
	{ "cgroup v1, replaced", prepare_cgroup_v1_replaced, act_step, true },
	{ "cgroup nest", prepare_cgroup_nest, act_step, false },
	{ "cgroup leave", prepare_cgroup_leave, act_leave, false },
	{ "image", no_preparation, act_image, false },
	{ "image, broken", prepare_broken_image, act_broken_image, false },
	{ "image, larger", prepare_larger_image, act_image, false },
	{ "down", prepare_down, act_down, true },
	{ "kill", no_preparation, act_kill, false },
};

/* ---- one run ---- */

static void release(struct apply_context *context)
{
	apply_close_listeners(context);
	apply_abandon(context);
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
	/* several starts in one: one errno for each call is enough */
	bool long_one =
		subject->act == act_broken_image || subject->prepare == prepare_larger_image;

	for (size_t i = 0; i < (long_one ? 1 : 4) && codes[i]; i++) {
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

static void wait_for_loops(void)
{
	for (int i = 0; i < 200 && count_loops(strrchr(deny_image(), '/')) > 0; i++)
		(void) usleep(10000);
	ck_assert_int_eq(count_loops(strrchr(deny_image(), '/')), 0);
}

START_TEST(test_each_call_fails_once)
{
	const struct subject *subject = &subjects[_i];
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
	wait_for_loops();
	(void) fprintf(stderr, "  %s: %u calls failed, %u of them ended it\n", subject->name,
		       score.denied, score.ended);
}
END_TEST

/* helper_deny itself: without it the tests above would show nothing. */
START_TEST(test_helper)
{
	const char *helper = HELPER_DIR "/helper_deny";
	const char *all[] = { helper, "mkdir=EPERM", "--", "/bin/mkdir", in_scratch("a"), NULL };
	const char *second[] = {
		helper,		 "mkdir=ENOSPC@2", "--", "/bin/mkdir", in_scratch("b"),
		in_scratch("c"), in_scratch("d"),  NULL
	};
	const char *child[] = { helper,
				"mkdir=EPERM@1",
				"--",
				"/bin/sh",
				"-c",
				"mkdir \"$0\"; exit 3",
				in_scratch("e"),
				NULL };
	const char *nonsense[] = { helper, "mkdir=EWHAT", "--", "/bin/true", NULL };

	ck_assert(enter_test());
	all[4] = in_scratch("a");
	second[4] = in_scratch("b");
	second[5] = in_scratch("c");
	second[6] = in_scratch("d");
	child[6] = in_scratch("e");
	ck_assert_int_eq(run_to_file(all, in_scratch("out")), 1);
	ck_assert_int_lt(access(in_scratch("a"), F_OK), 0);
	ck_assert_int_eq(run_to_file(second, in_scratch("out")), 1);
	ck_assert_ptr_nonnull(strstr(read_text(in_scratch("out")), "mkdir: 1 of 3 denied"));
	ck_assert_ptr_nonnull(strstr(read_text(in_scratch("out")), "No space left"));
	ck_assert_int_eq(access(in_scratch("b"), F_OK), 0);
	ck_assert_int_lt(access(in_scratch("c"), F_OK), 0);
	ck_assert_int_eq(access(in_scratch("d"), F_OK), 0);
	ck_assert_int_eq(run_to_file(child, in_scratch("out")), 3);
	ck_assert_int_lt(access(in_scratch("e"), F_OK), 0);
	ck_assert_int_eq(run_to_file(nonsense, in_scratch("out")), 125);
}
END_TEST

static bool can_run(const struct subject *subject)
{
	char set[128];

	if (subject->prepare == prepare_cgroup_namespace ||
	    subject->prepare == prepare_cgroup_nest || subject->prepare == prepare_cgroup_leave)
		return find_tree();
	if (subject->prepare == prepare_cgroup_v1_replaced)
		return own_v1_line(set, sizeof(set));
	if (subject->prepare == prepare_cgroup_v1)
		return strncmp(read_text("/proc/self/cgroup"), "0::", 3) != 0;
	if (subject->act == act_image || subject->act == act_broken_image ||
	    subject->act == act_down)
		return find_mkfs() && access("/dev/loop-control", F_OK) == 0;
	return true;
}

int main(void)
{
	Suite *suite = suite_create("apply, each call failing once");
	TCase *tests = tcase_create("deny");
	int status;

	require_root();
	tcase_set_timeout(tests, 120);
	tcase_add_test(tests, test_helper);
	for (size_t i = 0; i < ARRAY_SIZE(subjects); i++) {
		if (can_run(&subjects[i]))
			tcase_add_loop_test(tests, test_each_call_fails_once, (int) i, (int) i + 1);
		else
			(void) fprintf(stderr, "not run: %s, this machine cannot\n",
				       subjects[i].name);
	}
	suite_add_tcase(suite, tests);
	status = run_suite(suite);
	if (find_tree())
		remove_groups();
	return status;
}
