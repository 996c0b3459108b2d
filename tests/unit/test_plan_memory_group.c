/* SPDX-License-Identifier: Apache-2.0 */
/* In which group the kernel counts what it kills for our memory limit. */
#include "plan_fixture.h"

#define DIR "/sys/fs/cgroup"

static const struct {
	enum cgroup_mode mode;
	const char *controllers; /* of the hierarchy that has memory, and where it is mounted */
	const char *mounted_at;
	const char *path, *root;
	const char *failed; /* a step that did */
	const char *group;
} memory_groups[] = {
	{ CGROUP_V1, "memory", DIR "/memory", "/docker/1", "/docker/1", NULL, DIR "/memory" },
	{ CGROUP_HYBRID, "memory", DIR "/memory", "/", "/", NULL, DIR "/memory" },
	{ CGROUP_V1, "cpu,memory", DIR "/cpu,memory", "/", "/", NULL, DIR "/cpu,memory" },
	{ CGROUP_V1, "memory", DIR "/memory", "/a/b", "/a", "cgroup:memory", DIR "/memory/b" },
	/* not mounted, or the host's: a step sees to it */
	{ CGROUP_V1, "memory", NULL, "/docker/1", NULL, NULL, DIR "/memory" },
	{ CGROUP_V1, "memory", DIR "/memory", "/docker/1", "/", NULL, DIR "/memory" },
	/* which has failed */
	{ CGROUP_V1, "memory", DIR "/memory", "/docker/1", "/", "cgroup:memory",
	  DIR "/memory/docker/1" },
	{ CGROUP_V1, "memory", DIR "/memory", "/", "/../..", "cgroup:memory", NULL },
	{ CGROUP_V1, "memory", DIR "/memory", "/../other", "/", "cgroup:memory", NULL },
	/* a group of v1 is not ours because of its name */
	{ CGROUP_V1, "memory", DIR "/memory", "/docker/1/init", "/", "cgroup:memory",
	  DIR "/memory/docker/1/init" },
	/* memory left to v2 */
	{ CGROUP_HYBRID, "", DIR "/unified", "/docker/1", "/", NULL, DIR "/unified" },
	{ CGROUP_HYBRID, "", DIR "/unified", "/docker/1", "/", "cgroup:unified",
	  DIR "/unified/docker/1" },
	{ CGROUP_HYBRID, "", DIR "/unified", "/docker/1", "/docker/1", NULL, DIR "/unified" },
	{ CGROUP_HYBRID, "name=memory", DIR "/named", "/", "/", NULL, NULL },
	{ CGROUP_V1, "memory", NULL, NULL, NULL, NULL, DIR "/memory" },
	{ CGROUP_NONE, NULL, NULL, NULL, NULL, NULL, NULL },
	/* the whole of a namespace: v2 counts what is below, too */
	{ CGROUP_V2, "", DIR, "/init", "/", NULL, DIR },
	{ CGROUP_V2, "", DIR, "/", "/", NULL, DIR },
};

START_TEST(where_the_kills_of_our_memory_limit_are_counted)
{
	struct facts_hierarchy *h;
	struct machine m;

	machine_with_volume(&m);
	m.facts.cgroups.hierarchies = NULL;
	m.facts.cgroups.n_hierarchies = 0;
	m.facts.cgroups.mode = memory_groups[_i].mode;
	if (memory_groups[_i].mode == CGROUP_V2)
		m.facts.cgroups.host_view = TRI_NO;
	else
		(void) machine_hierarchy(&m, "devices", DIR "/devices");
	(void) machine_hierarchy(&m, NULL, NULL);
	if (memory_groups[_i].controllers) {
		h = machine_hierarchy(&m, memory_groups[_i].controllers,
				      memory_groups[_i].mounted_at);
		h->path = memory_groups[_i].path;
		h->mount_root = memory_groups[_i].root;
	}
	if (memory_groups[_i].failed)
		machine_failure(&m, memory_groups[_i].failed, EPERM, "mount: EPERM", NULL);
	machine_plan(&m);
	if (memory_groups[_i].group)
		ck_assert_str_eq(m.plan.memory_group, memory_groups[_i].group);
	else
		ck_assert_ptr_null(m.plan.memory_group);
	machine_free(&m);
}
END_TEST

int main(void)
{
	TCase *tc = tcase_create("memory group");

	tcase_add_loop_test(tc, where_the_kills_of_our_memory_limit_are_counted, 0,
			    ARRAY_SIZE(memory_groups));
	return run_suite(tc);
}
