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
#include "deny_steps.h"

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
	return apply_leave_cgroups(&nested, NULL, err);
}

static const struct subject subjects[] = {
	{ "limits", prepare_limits, act_step, false, false },
	{ "runtime directory", prepare_runtime_dir, act_step, false, false },
	{ "directory", prepare_directory, act_step, false, false },
	{ "listen unix", prepare_listen_unix, act_step, false, false },
	{ "listen tcp", prepare_listen_tcp, act_step, false, false },
	{ "lock", prepare_lock, act_step, false, false },
	{ "lock of an image", prepare_image_lock, act_step, false, false },
	{ "remount", prepare_remount, act_step, true, false },
	{ "device", prepare_device, act_step, false, false },
	{ "propagation", prepare_propagation, act_step, false, false },
	{ "sweep", prepare_sweep, act_step, false, false },
	{ "bind", prepare_bind, act_step, false, false },
	{ "tmpfs", prepare_tmpfs, act_step, false, false },
	{ "check store", prepare_check_store, act_step, false, false },
	{ "guard start", prepare_guard_start, act_step, false, false },
	{ "guard start, cut off", prepare_guard_cut, act_step, false, false },
	{ "guard start, the first cut off", prepare_guard_cut_first, act_step, false, false },
	{ "config", prepare_config, act_step, false, false },
	{ "file", prepare_file, act_step, false, false },
	{ "cgroup v1", prepare_cgroup_v1, act_step, true, false },
	{ "cgroup namespace", prepare_cgroup_namespace, act_step, false, false },
	{ "cgroup v1, replaced", prepare_cgroup_v1_replaced, act_step, true, false },
	{ "cgroup nest", prepare_cgroup_nest, act_step, false, false },
	{ "cgroup leave", prepare_cgroup_leave, act_leave, false, false },
	{ "image", no_preparation, act_image, false, false },
	{ "image, broken", prepare_broken_image, act_broken_image, false, true },
	{ "image, larger", prepare_larger_image, act_image, false, true },
	{ "down", prepare_down, act_down, true, false },
	{ "kill", no_preparation, act_kill, false, false },
};

static void wait_for_loops(void)
{
	for (int i = 0; i < 200 && count_loops(strrchr(deny_image(), '/')) > 0; i++)
		(void) usleep(10000);
	ck_assert_int_eq(count_loops(strrchr(deny_image(), '/')), 0);
}

START_TEST(test_each_call_fails_once)
{
	deny_each_call_once(&subjects[_i]);
	wait_for_loops();
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
