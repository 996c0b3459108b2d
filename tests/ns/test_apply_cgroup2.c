/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The v2 tree, in a group of our own below the machine's. Whatever controllers the machine hands to
 * it are enabled; on a hybrid machine those are few or none, and the rest is for the virtual
 * machines.
 */
#include <sys/prctl.h>

#include "cgroup_fixture.h"

static char mount_point[128];

/* In a new group, in namespaces of our own; the tree is at mount_point as a runtime without a
 * cgroup namespace shows it. */
static void enter(void)
{
	enter_group();
	ck_assert(enter_test());
	(void) snprintf(mount_point, sizeof(mount_point), "%s/cgroup", scratch);
	ck_assert_int_eq(mkdir(mount_point, 0755), 0);
	ck_assert_int_eq(mount(machine, mount_point, NULL, MS_BIND, NULL), 0);
}

static void enter_namespace(struct apply_context *context)
{
	struct plan_step step = { .kind = STEP_CGROUP_NAMESPACE };

	step.u.cgroup_namespace.mount_point = mount_point;
	assert_step(context, &step);
}

static struct plan_step nest_step(const char *controllers, int timeout_ms)
{
	struct plan_step step = { .kind = STEP_CGROUP_NEST };

	step.u.cgroup_nest.mount_point = mount_point;
	step.u.cgroup_nest.leaf = "init";
	step.u.cgroup_nest.controllers = controllers;
	step.u.cgroup_nest.timeout_ms = timeout_ms;
	return step;
}

static const char *at_mount(const char *name)
{
	static char path[512];

	(void) snprintf(path, sizeof(path), "%s/%s", mount_point, name);
	return path;
}

/* Our v2 line of /proc/self/cgroup. */
static const char *own_path(void)
{
	const char *line = strstr(read_text("/proc/self/cgroup"), "0::");
	static char path[256];

	(void) snprintf(path, sizeof(path), "%s", line ? line + 3 : "");
	path[strcspn(path, "\n")] = '\0';
	return path;
}

/* memory and pids are enabled at the machine's root: one domain controller, one threaded. */
static bool hands_on_controllers(void)
{
	char path[300];
	const char *text;

	(void) snprintf(path, sizeof(path), "%s/cgroup.subtree_control", machine);
	text = read_text(path);
	return strstr(text, "memory") && strstr(text, "pids");
}

static pid_t start_sleeper(void)
{
	pid_t pid = fork();

	if (pid == 0) {
		(void) prctl(PR_SET_PDEATHSIG, SIGKILL);
		for (;;)
			(void) pause();
	}
	return pid;
}

static void machine_options(char *buf, size_t size)
{
	static char text[65536];
	char wanted[300];
	char *line;

	(void) snprintf(wanted, sizeof(wanted), " %s ", machine);
	ck_assert_int_gt(file_read_at(AT_FDCWD, "/proc/self/mountinfo", text, sizeof(text)), 0);
	line = strstr(text, wanted);
	ck_assert_ptr_nonnull(line);
	line[strcspn(line, "\n")] = '\0';
	(void) snprintf(buf, size, "%s", line);
}

START_TEST(test_namespace)
{
	struct plan_step step = { .kind = STEP_CGROUP_NAMESPACE };
	struct apply_context context;
	struct snapshot before, after;
	char options[512], options_after[512], pid[16];

	enter();
	machine_options(options, sizeof(options));
	ck_assert_str_ne(own_path(), "/");
	apply_context_init(&context);
	enter_namespace(&context);
	ck_assert(context.cgroup_own_namespace);
	ck_assert_str_eq(own_path(), "/");
	(void) snprintf(pid, sizeof(pid), "%d\n", (int) getpid());
	ck_assert_str_eq(read_text(at_mount("cgroup.procs")), pid); /* only our own group */
	machine_options(options_after, sizeof(options_after));
	ck_assert_str_eq(options, options_after);
	snapshot_take(&before);
	step.u.cgroup_namespace.mount_point = mount_point;
	assert_step(&context, &step);
	apply_context_init(&context);
	assert_step(&context, &step); /* a second start finds it done */
	ck_assert(context.cgroup_own_namespace);
	snapshot_take(&after);
	ck_assert_str_eq(before.mounts, after.mounts);
	ck_assert_str_eq(before.fds, after.fds);
}
END_TEST

static void mount_line(const char *target, char *buf, size_t size)
{
	static char text[65536];
	char wanted[600];
	const char *hit, *line;

	(void) snprintf(wanted, sizeof(wanted), " %s ", target);
	ck_assert_int_gt(file_read_at(AT_FDCWD, "/proc/self/mountinfo", text, sizeof(text)), 0);
	hit = strstr(text, wanted);
	ck_assert_ptr_nonnull(hit);
	for (line = hit; line > text && line[-1] != '\n'; line--)
		;
	(void) snprintf(buf, size, "%.*s", (int) strcspn(line, "\n"), line);
}

/* With -v …:rshared the peer is the host's: nothing of it changes. */
START_TEST(test_namespace_is_unseen_by_peers)
{
	struct apply_context context;
	char peer[300], pid[16], before[512], after[512];

	enter_group();
	ck_assert(enter_test());
	(void) snprintf(mount_point, sizeof(mount_point), "%s/sys", scratch);
	ck_assert_int_eq(mkdir(mount_point, 0755), 0);
	ck_assert_int_eq(mkdir(in_scratch("peer"), 0755), 0);
	ck_assert_int_eq(mount("x", mount_point, "tmpfs", 0, NULL), 0);
	ck_assert_int_eq(mount(NULL, mount_point, NULL, MS_SHARED, NULL), 0);
	ck_assert_int_eq(mount(mount_point, in_scratch("peer"), NULL, MS_BIND, NULL), 0);
	(void) snprintf(mount_point, sizeof(mount_point), "%s/sys/cgroup", scratch);
	(void) snprintf(peer, sizeof(peer), "%s/peer/cgroup", scratch);
	ck_assert_int_eq(mkdir(mount_point, 0755), 0);
	ck_assert_int_eq(mount(machine, mount_point, NULL, MS_BIND, NULL), 0);
	mount_line(peer, before, sizeof(before));
	apply_context_init(&context);
	enter_namespace(&context);
	(void) snprintf(pid, sizeof(pid), "%d\n", (int) getpid());
	ck_assert_str_eq(read_text(at_mount("cgroup.procs")), pid);
	ck_assert_int_eq(count_mounts(mount_point), 1);
	ck_assert_int_eq(count_mounts(peer), 1);
	mount_line(peer, after, sizeof(after));
	/* its root reads as "/../.." from within our namespace */
	ck_assert_int_eq(strtol(before, NULL, 10), strtol(after, NULL, 10));
	mount_line(mount_point, after, sizeof(after));
	ck_assert_ptr_nonnull(strstr(after, "shared:")); /* for inner containers */
}
END_TEST

static struct plan_step unified_step(void)
{
	struct plan_step step = { .kind = STEP_CGROUP_V1 };

	step.u.cgroup_v1.controllers = "";
	step.u.cgroup_v1.target = mount_point;
	return step;
}

/* The v2 tree of a hybrid machine, as -v /sys/fs/cgroup:/sys/fs/cgroup shows it. */
START_TEST(test_unified_tree_is_narrowed)
{
	struct plan_step step;
	struct apply_context context;
	struct snapshot before, after;
	char line[512], wanted[300], options[512], options_after[512], pid[16];

	enter();
	machine_options(options, sizeof(options));
	step = unified_step();
	apply_context_init(&context);
	assert_step(&context, &step); /* not asked to */
	step.u.cgroup_v1.replace = true;
	assert_step(&context, &step);
	(void) snprintf(pid, sizeof(pid), "%d\n", (int) getpid());
	ck_assert_str_eq(read_text(at_mount("cgroup.procs")), pid);
	ck_assert_int_eq(count_mounts(mount_point), 1);
	mount_line(mount_point, line, sizeof(line));
	(void) snprintf(wanted, sizeof(wanted), " %s ", own_path());
	ck_assert_ptr_nonnull(strstr(line, wanted));
	machine_options(options_after, sizeof(options_after));
	ck_assert_str_eq(options, options_after);
	snapshot_take(&before);
	assert_step(&context, &step);
	snapshot_take(&after);
	ck_assert_str_eq(before.mounts, after.mounts);
	ck_assert_str_eq(before.fds, after.fds);
}
END_TEST

/* Where we have no group of our own nothing is to be made. */
START_TEST(test_a_tree_is_taken_off)
{
	struct plan_step step;
	struct apply_context context;

	enter();
	step = unified_step();
	step.u.cgroup_v1.unmount = true;
	apply_context_init(&context);
	assert_step(&context, &step);
	ck_assert_int_eq(count_mounts(mount_point), 0);
	assert_step(&context, &step);
	ck_assert_int_eq(count_mounts(mount_point), 0);
}
END_TEST

/* When the mount fails, the old namespace is back: its paths fit the old mount. */
START_TEST(test_namespace_is_given_back)
{
	struct plan_step step = { .kind = STEP_CGROUP_NAMESPACE };
	struct apply_context context;
	char before[256];

	enter();
	(void) snprintf(before, sizeof(before), "%s", own_path());
	step.u.cgroup_namespace.mount_point = in_scratch("missing");
	apply_context_init(&context);
	assert_step_fails(&context, &step, -ENOENT, in_scratch("missing"));
	ck_assert(!context.cgroup_own_namespace);
	ck_assert_str_eq(own_path(), before);
}
END_TEST

START_TEST(test_nest)
{
	struct apply_context context;
	struct plan_step step;
	struct snapshot before, after;
	char available[512], enabled[512];
	pid_t pids[3];

	enter();
	apply_context_init(&context);
	enter_namespace(&context);
	for (size_t i = 0; i < ARRAY_SIZE(pids); i++)
		pids[i] = start_sleeper();
	(void) snprintf(available, sizeof(available), "%s",
			read_text(at_mount("cgroup.controllers")));
	available[strcspn(available, "\n")] = '\0';
	step = nest_step(available, 2000);
	assert_step(&context, &step);
	ck_assert(context.cgroup_nested);
	ck_assert_str_eq(context.cgroup_refused, "");
	ck_assert_str_eq(own_path(), "/init");
	ck_assert_str_eq(read_text(at_mount("cgroup.procs")), "");
	ck_assert_str_eq(read_text(at_mount("cgroup.type")), "domain\n");
	(void) snprintf(enabled, sizeof(enabled), "%s",
			read_text(at_mount("cgroup.subtree_control")));
	enabled[strcspn(enabled, "\n")] = '\0';
	ck_assert_str_eq(enabled, available);
	snapshot_take(&before);
	assert_step(&context, &step);
	snapshot_take(&after);
	ck_assert_str_eq(before.mounts, after.mounts);
	ck_assert_str_eq(before.fds, after.fds);
	for (size_t i = 0; i < ARRAY_SIZE(pids); i++) {
		ck_assert_int_eq(kill(pids[i], SIGKILL), 0);
		ck_assert_int_eq(waitpid(pids[i], NULL, 0), pids[i]);
	}
}
END_TEST

/* A step that fails later has the plan made anew, and its first steps are carried out again. */
START_TEST(test_namespace_after_nesting)
{
	struct plan_step step = { .kind = STEP_CGROUP_NAMESPACE };
	struct plan_step nesting;
	struct apply_context context;
	struct snapshot before, after;
	char ns[64], ns_after[64];

	enter();
	apply_context_init(&context);
	enter_namespace(&context);
	nesting = nest_step("", 2000);
	assert_step(&context, &nesting);
	ck_assert_str_eq(own_path(), "/init");
	ck_assert_int_gt(file_readlink_at(AT_FDCWD, "/proc/self/ns/cgroup", ns, sizeof(ns)), 0);
	snapshot_take(&before);
	step.u.cgroup_namespace.mount_point = mount_point;
	for (int start = 0; start < 2; start++) {
		assert_step(&context, &step);
		assert_step(&context, &nesting);
		ck_assert(context.cgroup_own_namespace);
		ck_assert_str_eq(own_path(), "/init");
		ck_assert_int_ne(access(at_mount("init/init"), F_OK), 0);
		ck_assert_int_gt(file_readlink_at(AT_FDCWD, "/proc/self/ns/cgroup", ns_after,
						  sizeof(ns_after)),
				 0);
		ck_assert_str_eq(ns, ns_after);
		apply_context_init(&context); /* and a second start that knows nothing */
	}
	snapshot_take(&after);
	ck_assert_str_eq(before.mounts, after.mounts);
	ck_assert_str_eq(before.fds, after.fds);
}
END_TEST

/* Where we have to stay in the host's tree, our own group in it is what is divided. */
START_TEST(test_nest_in_the_hosts_tree)
{
	struct apply_context context;
	struct plan_step step;
	char own[512], leaf[600], before[256];
	struct error err = ERROR_INIT;

	enter();
	(void) snprintf(before, sizeof(before), "%s", own_path());
	(void) snprintf(own, sizeof(own), "%.120s/%s", mount_point, strrchr(group, '/') + 1);
	apply_context_init(&context);
	step = nest_step("", 2000);
	step.u.cgroup_nest.mount_point = own;
	assert_step(&context, &step);
	(void) snprintf(leaf, sizeof(leaf), "%s/init", before);
	ck_assert_str_eq(own_path(), leaf);
	assert_step(&context, &step);
	ck_assert_str_eq(context.cgroup_group, own);
	ck_assert_int_eq(apply_leave_cgroups(&context, NULL, &err), 0);
	ck_assert_str_eq(own_path(), before);
}
END_TEST

static void assert_no_child(void)
{
	ck_assert_int_eq(waitpid(-1, NULL, WNOHANG), -1);
	ck_assert_int_eq(errno, ECHILD);
}

/* What waits for the kernel is begun before, changes nothing, and is gone afterwards. _i: the tree
 * that shows then is the host's, and stays it; it is, and will be ours; it is ours. */
START_TEST(test_the_wait_of_the_nesting_comes_ahead)
{
	struct apply_context context;
	struct plan_step step;
	char own[512], before[256];
	pid_t pid;

	enter();
	apply_context_init(&context);
	step = nest_step("", 2000);
	if (_i == 0) {
		(void) snprintf(own, sizeof(own), "%.120s/%s", mount_point,
				strrchr(group, '/') + 1);
		step.u.cgroup_nest.mount_point = own;
	} else if (_i == 2) {
		enter_namespace(&context);
	}
	(void) snprintf(before, sizeof(before), "%s", own_path());
	apply_cgroup_ahead(&context, mount_point);
	pid = context.cgroup_ahead_pid;
	ck_assert_int_gt(pid, 0);
	apply_cgroup_ahead(&context, mount_point); /* once */
	ck_assert_int_eq(context.cgroup_ahead_pid, pid);
	ck_assert_str_eq(own_path(), before);
	apply_abandon(&context);
	ck_assert_int_eq(context.cgroup_ahead_pid, 0);
	assert_no_child();
	ck_assert_str_eq(own_path(), before);

	apply_cgroup_ahead(&context, mount_point);
	ck_assert_int_gt(context.cgroup_ahead_pid, 0);
	if (_i == 1)
		enter_namespace(&context);
	assert_step(&context, &step);
	ck_assert_int_eq(context.cgroup_ahead_pid, 0);
	assert_no_child();
	ck_assert_str_eq(strrchr(own_path(), '/'), "/init");
	/* nobody will be moved */
	apply_cgroup_ahead(&context, mount_point);
	ck_assert_int_eq(context.cgroup_ahead_pid, 0);
}
END_TEST

/* What the engine left goes, then the leaf; twice, and not where somebody is still in there. */
START_TEST(test_leave)
{
	struct apply_context context;
	struct plan_step step;
	struct error err = ERROR_INIT;
	char available[512], pid[16], parent[200];
	pid_t sleeper;

	enter();
	apply_context_init(&context);
	ck_assert_int_eq(apply_leave_cgroups(&context, NULL, &err), 0); /* nothing was done */
	enter_namespace(&context);
	(void) snprintf(available, sizeof(available), "%s",
			read_text(at_mount("cgroup.controllers")));
	available[strcspn(available, "\n")] = '\0';
	step = nest_step(available, 2000);
	assert_step(&context, &step);
	sleeper = start_sleeper();
	(void) snprintf(pid, sizeof(pid), "%d", (int) sleeper);
	ck_assert_int_eq(mkdir(at_mount("docker"), 0755), 0);
	ck_assert_int_eq(mkdir(at_mount("docker/buildkit"), 0755), 0);
	ck_assert_int_eq(mkdir(at_mount("docker/dead"), 0755), 0);
	ck_assert_int_eq(mkdir(at_mount("docker/alive"), 0755), 0);
	ck_assert_int_eq(file_write_at(AT_FDCWD, at_mount("docker/alive/cgroup.procs"), pid), 0);

	ck_assert_int_eq(apply_leave_cgroups(&context, NULL, &err), -EBUSY);
	ck_assert_ptr_nonnull(strstr(err.message, "still in use"));
	ck_assert_int_ne(access(at_mount("docker/dead"), F_OK), 0);
	ck_assert_int_eq(access(at_mount("docker/alive"), F_OK), 0);
	ck_assert_str_eq(own_path(), "/init");

	ck_assert_int_eq(kill(sleeper, SIGKILL), 0);
	ck_assert_int_eq(waitpid(sleeper, NULL, 0), sleeper);
	/* the group of somebody else, empty for now, lives by our controllers */
	ck_assert_int_eq(mkdir(at_mount("others"), 0755), 0);
	ck_assert_int_eq(apply_leave_cgroups(&context, NULL, &err), -EBUSY);
	ck_assert_ptr_nonnull(strstr(err.message, "1 groups of others"));
	ck_assert_int_ne(access(at_mount("docker"), F_OK), 0);
	ck_assert_int_eq(access(at_mount("others"), F_OK), 0);
	ck_assert_str_eq(own_path(), "/init");
	(void) snprintf(parent, sizeof(parent), "%s/others/deeper", mount_point);
	ck_assert_int_eq(apply_leave_cgroups(&context, parent, &err), 0);
	ck_assert_int_ne(access(at_mount("others"), F_OK), 0);
	ck_assert_int_ne(access(at_mount("init"), F_OK), 0);
	ck_assert_str_eq(own_path(), "/");
	ck_assert_str_eq(read_text(at_mount("cgroup.subtree_control")), "");
	ck_assert_int_eq(apply_leave_cgroups(&context, NULL, &err), 0);
	assert_step(&context, &step); /* and it can be done anew */
}
END_TEST

START_TEST(test_missing_controllers_are_named)
{
	struct apply_context context;
	struct plan_step step = nest_step("nonesuch another", 2000);

	enter();
	step = nest_step("nonesuch another", 2000);
	apply_context_init(&context);
	enter_namespace(&context);
	assert_step(&context, &step);
	ck_assert_str_eq(context.cgroup_refused, "nonesuch (ENOENT), another (ENOENT)");
	assert_notice(&context, "nonesuch (ENOENT)");
	ck_assert(!context.notice_loud && !context.cgroup_refused_usual);
	ck_assert_str_eq(own_path(), "/init");
	if (strstr(read_text(at_mount("cgroup.controllers")), "pids"))
		return;
	step = nest_step("nonesuch pids", 2000);
	assert_step(&context, &step);
	ck_assert_str_eq(context.cgroup_refused, "nonesuch (ENOENT), pids (ENOENT)");
	ck_assert(context.notice_loud && context.cgroup_refused_usual);
	assert_notice(&context, "Delegate=yes");
}
END_TEST

/* The owner of our group has said that there are to be none below it. */
START_TEST(test_no_group_may_be_made)
{
	struct plan_step step = { .kind = STEP_DIRECTORY };
	struct apply_context context;

	enter();
	apply_context_init(&context);
	enter_namespace(&context);
	step.u.runtime_dir.path = at_mount("init");
	step.u.runtime_dir.mode = 0755;
	ck_assert_int_eq(file_write_at(AT_FDCWD, in_group("cgroup.max.descendants"), "0"), 0);
	assert_step_fails(&context, &step, -EAGAIN, "cgroup/init");
	ck_assert_int_eq(file_write_at(AT_FDCWD, in_group("cgroup.max.descendants"), "max"), 0);
	assert_step(&context, &step);
	assert_step(&context, &step);
}
END_TEST

/* Processes that fork and end all the time, as those of a docker exec do. */
START_TEST(test_nest_against_a_storm)
{
	struct apply_context context;
	struct plan_step step;
	pid_t storm;

	enter();
	apply_context_init(&context);
	enter_namespace(&context);
	storm = fork();
	if (storm == 0) {
		(void) prctl(PR_SET_PDEATHSIG, SIGKILL);
		for (;;) {
			pid_t pid = fork();

			if (pid == 0)
				_exit(0);
			if (pid > 0)
				(void) waitpid(pid, NULL, 0);
			/* back into the root, where that is still possible */
			(void) file_write_at(AT_FDCWD, at_mount("cgroup.procs"), "0");
		}
	}
	step = nest_step("", 3000);
	{
		struct error err = ERROR_INIT;
		int64_t start = clock_now_ms();
		int r = apply_step(&context, &step, &err);

		/* without controllers nothing keeps it from coming back: either we met a moment
		 * when the root was empty, or the time was up and the culprit is named */
		ck_assert_int_lt(clock_now_ms() - start, 4000);
		if (r < 0) {
			ck_assert_int_eq(r, -EBUSY);
			ck_assert_ptr_nonnull(strstr(err.message, "within 3000 ms"));
		}
	}
	ck_assert_int_eq(kill(storm, SIGKILL), 0);
	ck_assert_int_eq(waitpid(storm, NULL, 0), storm);
	assert_step(&context, &step);
}
END_TEST

START_TEST(test_culprit_is_named)
{
	struct apply_context context;
	struct plan_step step;
	char words[64];
	int64_t start;

	enter();
	apply_context_init(&context);
	enter_namespace(&context);
	ck_assert_int_eq(mkdir(at_mount("init"), 0755), 0);
	ck_assert_int_eq(mount(NULL, mount_point, NULL, MS_REMOUNT | MS_BIND | MS_RDONLY, NULL), 0);
	step = nest_step("", 200);
	start = clock_now_ms();
	(void) snprintf(words, sizeof(words), "pid %d (test_apply_cgro)", (int) getpid());
	assert_step_fails(&context, &step, -EBUSY, words);
	assert_step_fails(&context, &step, -EBUSY, "EROFS");
	ck_assert_int_lt(clock_now_ms() - start, 2000);
	ck_assert(!context.cgroup_nested);
}
END_TEST

START_TEST(test_threaded_is_recognised)
{
	struct apply_context context;
	struct plan_step step;

	enter();
	apply_context_init(&context);
	enter_namespace(&context);
	step = nest_step("", 500);
	ck_assert_int_eq(mkdir(at_mount("docker"), 0755), 0);
	ck_assert_int_eq(file_write_at(AT_FDCWD, at_mount("docker/cgroup.type"), "threaded"), 0);
	assert_step_fails(&context, &step, -EOPNOTSUPP, "is 'domain threaded', not a domain");
	ck_assert_str_eq(own_path(), "/"); /* nobody was moved */
	ck_assert_int_eq(rmdir(at_mount("docker")), 0);
	assert_step(&context, &step);
}
END_TEST

START_TEST(test_not_a_v2_tree)
{
	struct apply_context context;
	struct plan_step step;

	ck_assert(enter_test());
	(void) snprintf(mount_point, sizeof(mount_point), "%s", scratch);
	step = nest_step("", 500);
	apply_context_init(&context);
	assert_step_fails(&context, &step, -EINVAL, "is not a cgroup v2 tree");
	(void) snprintf(mount_point, sizeof(mount_point), "%s/none", scratch);
	assert_step_fails(&context, &step, -ENOENT, "open");
}
END_TEST

/* ---- where the machine hands controllers to our group ---- */

/* All that our group has, blank separated; after enter_namespace(). */
static const char *available_controllers(void)
{
	static char text[512];

	(void) snprintf(text, sizeof(text), "%s", read_text(at_mount("cgroup.controllers")));
	text[strcspn(text, "\n")] = '\0';
	return text;
}

static void assert_all_enabled(void)
{
	char enabled[512];

	(void) snprintf(enabled, sizeof(enabled), "%s",
			read_text(at_mount("cgroup.subtree_control")));
	enabled[strcspn(enabled, "\n")] = '\0';
	ck_assert_str_eq(enabled, available_controllers());
	ck_assert_str_eq(read_text(at_mount("cgroup.type")), "domain\n");
	ck_assert_str_eq(own_path(), "/init");
}

/* The one write is atomic against those who join the root: it succeeds, however many they are. */
START_TEST(test_controllers_against_a_storm)
{
	struct apply_context context;
	struct plan_step step;
	pid_t storm[3];

	enter();
	apply_context_init(&context);
	enter_namespace(&context);
	for (size_t i = 0; i < ARRAY_SIZE(storm); i++) {
		storm[i] = fork();
		if (storm[i] == 0) {
			(void) prctl(PR_SET_PDEATHSIG, SIGKILL);
			for (;;) {
				pid_t pid = fork();

				if (pid == 0)
					_exit(0);
				if (pid > 0)
					(void) waitpid(pid, NULL, 0);
				(void) file_write_at(AT_FDCWD, at_mount("cgroup.procs"), "0");
			}
		}
	}
	step = nest_step(available_controllers(), 10000);
	assert_step(&context, &step);
	assert_all_enabled();
	ck_assert_str_eq(read_text(at_mount("cgroup.procs")), "");
	for (size_t i = 0; i < ARRAY_SIZE(storm); i++) {
		ck_assert_int_eq(kill(storm[i], SIGKILL), 0);
		ck_assert_int_eq(waitpid(storm[i], NULL, 0), storm[i]);
	}
}
END_TEST

/* Somebody enabled cpu or pids with processes in the root: a thread root, which nobody can leave.
 * As long as nothing below is threaded it can be undone. */
START_TEST(test_thread_root_is_untangled)
{
	struct apply_context context;
	struct plan_step step;

	enter();
	apply_context_init(&context);
	enter_namespace(&context);
	ck_assert_int_eq(file_write_at(AT_FDCWD, at_mount("cgroup.subtree_control"), "+pids"), 0);
	ck_assert_str_eq(read_text(at_mount("cgroup.type")), "domain threaded\n");
	step = nest_step(available_controllers(), 2000);
	assert_step(&context, &step);
	assert_all_enabled();
}
END_TEST

/* Only a threaded controller is wanted: the kernel would enable it with processes in the root. */
START_TEST(test_no_thread_root_is_left)
{
	struct apply_context context;
	struct plan_step step;
	pid_t pid;

	enter();
	apply_context_init(&context);
	enter_namespace(&context);
	pid = start_sleeper();
	step = nest_step("pids", 2000);
	assert_step(&context, &step);
	ck_assert_str_eq(read_text(at_mount("cgroup.subtree_control")), "pids\n");
	ck_assert_str_eq(read_text(at_mount("cgroup.type")), "domain\n");
	ck_assert_str_eq(read_text(at_mount("cgroup.procs")), "");
	ck_assert_int_eq(kill(pid, SIGKILL), 0);
	ck_assert_int_eq(waitpid(pid, NULL, 0), pid);
}
END_TEST

/* Nobody inside can move it, and it does not go away. */
START_TEST(test_process_outside_that_stays_is_named)
{
	struct apply_context context;
	struct plan_step step;
	int status;
	pid_t pid;

	enter();
	apply_context_init(&context);
	enter_namespace(&context);
	pid = fork_inner();
	if (pid == 0) {
		struct error err = ERROR_INIT;
		int r;

		if (unshare(CLONE_NEWNS) < 0 || mount("proc", "/proc", "proc", 0, NULL) < 0)
			_exit(1);
		step = nest_step(available_controllers(), 300);
		r = apply_step(&context, &step, &err);
		_exit(r == -EBUSY && strstr(err.message, "a process outside this pid namespace") &&
				      strcmp(read_text(at_mount("cgroup.subtree_control")), "") == 0
			      ? 0
			      : 2);
	}
	ck_assert_int_eq(waitpid(pid, &status, 0), pid);
	ck_assert_int_eq(status, 0);
}
END_TEST

/* In a pid namespace of its own the group's other processes read as 0. */
START_TEST(test_process_outside_our_pid_namespace)
{
	struct apply_context context;
	struct plan_step step;
	int status;
	pid_t pid;

	enter();
	apply_context_init(&context);
	enter_namespace(&context);
	pid = fork_inner();
	if (pid == 0) {
		bool ok = unshare(CLONE_NEWNS) == 0 &&
			  mount("proc", "/proc", "proc", 0, NULL) == 0 &&
			  strcmp(read_text(at_mount("cgroup.procs")), "0\n1\n") == 0;

		step = nest_step("", 1000);
		ok = ok && step_run(&context, &step) == 0 && strcmp(own_path(), "/init") == 0 &&
		     strcmp(read_text(at_mount("cgroup.procs")), "0\n") == 0;
		_exit(ok ? 0 : 1);
	}
	ck_assert_int_eq(waitpid(pid, &status, 0), pid);
	ck_assert_int_eq(status, 0);
	ck_assert_str_eq(own_path(), "/"); /* writing 0 would have moved the writer, not us */
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("apply cgroup v2");
	TCase *tests = tcase_create("v2");
	int status;

	require_root();
	if (!find_tree()) {
		(void) fprintf(stderr, "skipped: no cgroup v2 tree is mounted\n");
		return 77;
	}
	tcase_set_timeout(tests, 20);
	tcase_add_test(tests, test_namespace);
	tcase_add_test(tests, test_namespace_is_unseen_by_peers);
	tcase_add_test(tests, test_unified_tree_is_narrowed);
	tcase_add_test(tests, test_a_tree_is_taken_off);
	tcase_add_test(tests, test_namespace_is_given_back);
	tcase_add_test(tests, test_nest);
	tcase_add_test(tests, test_namespace_after_nesting);
	tcase_add_test(tests, test_nest_in_the_hosts_tree);
	tcase_add_loop_test(tests, test_the_wait_of_the_nesting_comes_ahead, 0, 3);
	tcase_add_test(tests, test_leave);
	tcase_add_test(tests, test_missing_controllers_are_named);
	tcase_add_test(tests, test_no_group_may_be_made);
	tcase_add_test(tests, test_nest_against_a_storm);
	tcase_add_test(tests, test_culprit_is_named);
	tcase_add_test(tests, test_threaded_is_recognised);
	tcase_add_test(tests, test_not_a_v2_tree);
	tcase_add_test(tests, test_process_outside_our_pid_namespace);
	if (hands_on_controllers()) {
		tcase_add_test(tests, test_controllers_against_a_storm);
		tcase_add_test(tests, test_thread_root_is_untangled);
		tcase_add_test(tests, test_no_thread_root_is_left);
		tcase_add_test(tests, test_process_outside_that_stays_is_named);
	} else {
		(void) fprintf(stderr,
			       "not run: 4 tests of controllers, this machine's v2 tree has no "
			       "memory and pids to hand on\n");
	}
	suite_add_tcase(suite, tests);
	status = run_suite(suite);
	remove_groups();
	return status;
}
