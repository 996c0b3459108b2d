/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Completing a v1 tree, in a mount namespace of our own with nothing mounted at /sys/fs/cgroup. The
 * hierarchies themselves are the machine's: no group is made in them, and only those are mounted
 * that it has.
 */
#include "fixture.h"

static char hierarchy[128], directory[128], own_path[PATH_MAX];

/* Find a v1 hierarchy, preferably one in which we are not in the root (@want_below). */
static bool find_hierarchy(bool want_below)
{
	char text[8192];
	char *line, *save = NULL;

	hierarchy[0] = '\0';
	if (file_read_at(AT_FDCWD, "/proc/self/cgroup", text, sizeof(text)) < 0)
		return false;
	for (line = strtok_r(text, "\n", &save); line; line = strtok_r(NULL, "\n", &save)) {
		char *set = strchr(line, ':'), *path = set ? strchr(set + 1, ':') : NULL;

		if (!path || path == set + 1)
			continue;
		*path++ = '\0';
		if ((strcmp(path, "/") != 0) != want_below)
			continue;
		(void) snprintf(hierarchy, sizeof(hierarchy), "%.100s", set + 1);
		(void) snprintf(own_path, sizeof(own_path), "%s", path);
		(void) snprintf(directory, sizeof(directory), "/sys/fs/cgroup/%.100s",
				strncmp(set + 1, "name=", 5) == 0 ? set + 6 : set + 1);
		return true;
	}
	return false;
}

static struct plan_step v1_step(bool tmpfs_first)
{
	struct plan_step step = { .kind = STEP_CGROUP_V1 };

	step.u.cgroup_v1.controllers = hierarchy;
	step.u.cgroup_v1.target = directory;
	step.u.cgroup_v1.tmpfs_first = tmpfs_first;
	return step;
}

static void take_everything_off(void)
{
	while (umount2("/sys/fs/cgroup", MNT_DETACH) == 0)
		;
	ck_assert_int_eq(count_mounts("/sys/fs/cgroup"), 0);
}

START_TEST(test_from_nothing)
{
	struct plan_step step;
	struct apply_context context;
	struct snapshot before, after;

	ck_assert(enter_test());
	ck_assert(find_hierarchy(false) || find_hierarchy(true));
	take_everything_off();
	step = v1_step(true);
	apply_context_init(&context);
	assert_step(&context, &step);
	ck_assert_int_eq(count_mounts("/sys/fs/cgroup"), 1);
	ck_assert_int_eq(count_mounts(directory), 1);
	snapshot_take(&before);
	assert_step(&context, &step);
	snapshot_take(&after);
	ck_assert_str_eq(before.mounts, after.mounts);
	ck_assert_str_eq(before.fds, after.fds);
}
END_TEST

/* The line of mountinfo for @target; its fourth field is the root. */
static void mount_root_of(const char *target, char *buf, size_t size)
{
	static char text[65536];
	char wanted[256];
	char *hit, *root;

	buf[0] = '\0';
	(void) snprintf(wanted, sizeof(wanted), " %s ", target);
	ck_assert_int_gt(file_read_at(AT_FDCWD, "/proc/self/mountinfo", text, sizeof(text)), 0);
	hit = strstr(text, wanted);
	if (!hit)
		return;
	*hit = '\0';
	root = strrchr(text, ' ');
	(void) snprintf(buf, size, "%s", root ? root + 1 : "");
}

/* Where we are not in the hierarchy's root, the mount shows our own group, not the machine's. */
START_TEST(test_own_group_is_mounted)
{
	struct plan_step step;
	struct apply_context context;
	struct snapshot before, after;
	char root[PATH_MAX];

	ck_assert(enter_test());
	ck_assert(find_hierarchy(true));
	take_everything_off();
	step = v1_step(true);
	apply_context_init(&context);
	assert_step(&context, &step);
	mount_root_of(directory, root, sizeof(root));
	ck_assert_str_eq(root, own_path);
	ck_assert_int_eq(count_mounts(directory), 1);
	snapshot_take(&before);
	ck_assert_ptr_null(strstr(before.mounts, ".whole"));
	assert_step(&context, &step);
	snapshot_take(&after);
	ck_assert_str_eq(before.mounts, after.mounts);
}
END_TEST

/* A hierarchy that shows the machine's root makes way for our own group; once. */
START_TEST(test_the_hosts_root_is_replaced)
{
	struct plan_step step;
	struct apply_context context;
	struct snapshot before, after;
	char root[PATH_MAX], data[160];

	ck_assert(enter_test());
	ck_assert(find_hierarchy(true));
	take_everything_off();
	ck_assert_int_eq(mount("x", "/sys/fs/cgroup", "tmpfs", 0, NULL), 0);
	ck_assert_int_eq(mkdir(directory, 0755), 0);
	(void) snprintf(data, sizeof(data), "%s%s",
			strncmp(hierarchy, "name=", 5) == 0 ? "none," : "", hierarchy);
	ck_assert_int_eq(mount("x", directory, "cgroup", 0, data), 0);
	mount_root_of(directory, root, sizeof(root));
	ck_assert_str_eq(root, "/");
	step = v1_step(false);
	apply_context_init(&context);
	assert_step(&context, &step); /* not asked to: left as it is */
	mount_root_of(directory, root, sizeof(root));
	ck_assert_str_eq(root, "/");

	step.u.cgroup_v1.replace = true;
	assert_step(&context, &step);
	mount_root_of(directory, root, sizeof(root));
	ck_assert_str_eq(root, own_path);
	ck_assert_int_eq(count_mounts(directory), 1);
	snapshot_take(&before);
	ck_assert_ptr_null(strstr(before.mounts, ".whole"));
	assert_step(&context, &step);
	snapshot_take(&after);
	ck_assert_str_eq(before.mounts, after.mounts);
	ck_assert_str_eq(before.fds, after.fds);
}
END_TEST

/* With -v /sys/fs/cgroup:…:rshared the peer is the host's: nothing comes there, and nothing goes.
 */
START_TEST(test_peers_see_nothing)
{
	struct plan_step step;
	struct apply_context context;
	char root[PATH_MAX], data[160], peer[300], whole[400];
	bool replace = _i == 1;
	const char *name;

	ck_assert(enter_test());
	ck_assert(find_hierarchy(true));
	name = strrchr(directory, '/') + 1;
	take_everything_off();
	(void) snprintf(peer, sizeof(peer), "%s/peer", scratch);
	ck_assert_int_eq(mkdir(peer, 0755), 0);
	ck_assert_int_eq(mount("x", "/sys/fs/cgroup", "tmpfs", 0, NULL), 0);
	ck_assert_int_eq(mount(NULL, "/sys/fs/cgroup", NULL, MS_SHARED, NULL), 0);
	ck_assert_int_eq(mount("/sys/fs/cgroup", peer, NULL, MS_BIND, NULL), 0);
	(void) snprintf(whole, sizeof(whole), "%s/%s", peer, name);
	if (replace) {
		ck_assert_int_eq(mkdir(directory, 0755), 0);
		(void) snprintf(data, sizeof(data), "%s%s",
				strncmp(hierarchy, "name=", 5) == 0 ? "none," : "", hierarchy);
		ck_assert_int_eq(mount("x", directory, "cgroup", 0, data), 0);
	}
	ck_assert_int_eq(count_mounts(whole), replace);
	step = v1_step(false);
	step.u.cgroup_v1.replace = replace;
	apply_context_init(&context);
	assert_step(&context, &step);
	mount_root_of(directory, root, sizeof(root));
	ck_assert_str_eq(root, own_path);
	ck_assert_int_eq(count_mounts(directory), 1);
	ck_assert_int_eq(count_mounts(whole), replace);
	mount_root_of(whole, root, sizeof(root));
	ck_assert_str_eq(root, replace ? "/" : "");
}
END_TEST

/* What cannot be replaced is still there afterwards. */
START_TEST(test_what_cannot_be_replaced_comes_back)
{
	struct plan_step step;
	struct apply_context context;
	char data[160], whole[200];

	ck_assert(enter_test());
	ck_assert(find_hierarchy(true));
	take_everything_off();
	ck_assert_int_eq(mount("x", "/sys/fs/cgroup", "tmpfs", 0, NULL), 0);
	ck_assert_int_eq(mkdir(directory, 0755), 0);
	(void) snprintf(data, sizeof(data), "%s%s",
			strncmp(hierarchy, "name=", 5) == 0 ? "none," : "", hierarchy);
	ck_assert_int_eq(mount("x", directory, "cgroup", 0, data), 0);
	/* a file where the whole hierarchy is to be mounted for a moment */
	(void) snprintf(whole, sizeof(whole), "%s.whole", directory);
	write_text(whole, "");
	step = v1_step(false);
	step.u.cgroup_v1.replace = true;
	apply_context_init(&context);
	assert_step_fails(&context, &step, -ENOTDIR, directory);
	ck_assert_int_eq(count_mounts(directory), 1);
}
END_TEST

START_TEST(test_never_over_a_mount)
{
	struct plan_step step;
	struct apply_context context;
	struct snapshot before, after;

	ck_assert(enter_test());
	ck_assert(find_hierarchy(false) || find_hierarchy(true));
	take_everything_off();
	ck_assert_int_eq(mount("x", "/sys/fs/cgroup", "tmpfs", 0, NULL), 0);
	ck_assert_int_eq(mkdir(directory, 0755), 0);
	ck_assert_int_eq(mount("x", directory, "tmpfs", 0, NULL), 0);
	step = v1_step(true);
	apply_context_init(&context);
	snapshot_take(&before);
	assert_step_fails(&context, &step, -EBUSY, "left alone");
	snapshot_take(&after);
	ck_assert_str_eq(before.mounts, after.mounts);
}
END_TEST

START_TEST(test_unknown_hierarchy)
{
	struct plan_step step;
	struct apply_context context;

	ck_assert(enter_test());
	take_everything_off();
	ck_assert_int_eq(mount("x", "/sys/fs/cgroup", "tmpfs", 0, NULL), 0);
	(void) snprintf(hierarchy, sizeof(hierarchy), "nonesuch");
	(void) snprintf(directory, sizeof(directory), "/sys/fs/cgroup/nonesuch");
	step = v1_step(false);
	apply_context_init(&context);
	assert_step_fails(&context, &step, -EINVAL, "cgroup hierarchy nonesuch");
	ck_assert_int_lt(access(directory, F_OK), 0); /* nothing is left */
}
END_TEST

static const struct {
	const char *set;
	const char *links[4];
} aliases[] = {
	{ "cpu,cpuacct", { "cpu", "cpuacct", "cpuacct,cpu" } },
	{ "cpu,cpuacct,cpuset", { "cpu", "cpuacct", "cpuset" } },
};

START_TEST(test_aliases)
{
	struct plan_step step;
	struct apply_context context;
	char data[160], link[64], path[128];

	ck_assert(enter_test());
	ck_assert(find_hierarchy(false) || find_hierarchy(true));
	take_everything_off();
	ck_assert_int_eq(mount("x", "/sys/fs/cgroup", "tmpfs", 0, NULL), 0);
	(void) snprintf(directory, sizeof(directory), "/sys/fs/cgroup/%s", aliases[_i].set);
	/* which controllers are behind it does not matter for the names */
	ck_assert_int_eq(mkdir(directory, 0755), 0);
	(void) snprintf(data, sizeof(data), "%s%s",
			strncmp(hierarchy, "name=", 5) == 0 ? "none," : "", hierarchy);
	ck_assert_int_eq(mount("cgroup", directory, "cgroup", 0, data), 0);
	(void) snprintf(hierarchy, sizeof(hierarchy), "%s", aliases[_i].set);
	step = v1_step(false);
	apply_context_init(&context);
	assert_step(&context, &step);
	assert_step(&context, &step);
	for (size_t i = 0; aliases[_i].links[i]; i++) {
		(void) snprintf(path, sizeof(path), "/sys/fs/cgroup/%s", aliases[_i].links[i]);
		ck_assert_int_gt(file_readlink_at(AT_FDCWD, path, link, sizeof(link)), 0);
		ck_assert_str_eq(link, aliases[_i].set);
	}
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("apply cgroup v1");
	TCase *tests = tcase_create("v1");

	require_root();
	if (!find_hierarchy(false) && !find_hierarchy(true)) {
		(void) fprintf(stderr, "skipped: this kernel has no cgroup v1 hierarchy\n");
		return 77;
	}
	tcase_set_timeout(tests, 20);
	tcase_add_test(tests, test_from_nothing);
	if (find_hierarchy(true)) {
		tcase_add_test(tests, test_own_group_is_mounted);
		tcase_add_test(tests, test_the_hosts_root_is_replaced);
		tcase_add_loop_test(tests, test_peers_see_nothing, 0, 2);
		tcase_add_test(tests, test_what_cannot_be_replaced_comes_back);
	} else {
		(void) fprintf(stderr, "not run: four about our own group, we are in every root\n");
	}
	tcase_add_test(tests, test_never_over_a_mount);
	tcase_add_test(tests, test_unknown_hierarchy);
	tcase_add_loop_test(tests, test_aliases, 0, ARRAY_SIZE(aliases));
	suite_add_tcase(suite, tests);
	return run_suite(suite);
}
