/* SPDX-License-Identifier: Apache-2.0 */
/*
 * plan_fixture.h - machines for the tests of the plan: one that works, to be broken in one place,
 * and words to ask a plan with.
 */
#ifndef DIND_TESTS_PLAN_FIXTURE_H
#define DIND_TESTS_PLAN_FIXTURE_H

#include <check.h>
#include <stdio.h>
#include <string.h>

#include "dind/plan.h"
#include "dind/str.h"

#define ALL_CAPS  ((UINT64_C(1) << 41) - 1)
#define CAP(n)	  (UINT64_C(1) << (n))
#define DATA_ROOT "/var/lib/docker"
#define GIB	  (UINT64_C(1) << 30)

struct machine {
	struct arena arena;
	struct facts facts;
	struct options options;
	struct plan plan;
};

static inline struct facts_mount *machine_mount(struct machine *m, const char *target,
						const char *fstype)
{
	struct facts_mount *mount = arena_push(&m->arena, (void **) &m->facts.mounts.table,
					       &m->facts.mounts.n_table, sizeof(*mount));

	*mount = (struct facts_mount){ .id = (int64_t) m->facts.mounts.n_table,
				       .root = "/",
				       .target = target,
				       .fstype = fstype,
				       .source = fstype,
				       .options = "rw",
				       .super_options = "rw",
				       .propagation = "private" };
	return mount;
}

static inline struct facts_device *machine_device(struct machine *m, const char *path, bool present)
{
	struct facts_device *device = arena_push(&m->arena, (void **) &m->facts.mounts.devices,
						 &m->facts.mounts.n_devices, sizeof(*device));

	*device = (struct facts_device){
		.path = path,
		.present = present,
		.usable = { present ? TRI_YES : TRI_NO, present ? 0 : ENOENT, NULL },
	};
	return device;
}

static inline struct facts_hierarchy *machine_hierarchy(struct machine *m, const char *controllers,
							const char *mounted_at)
{
	struct facts_cgroups *cgroups = &m->facts.cgroups;
	struct facts_hierarchy *h = arena_push(&m->arena, (void **) &cgroups->hierarchies,
					       &cgroups->n_hierarchies, sizeof(*h));

	*h = (struct facts_hierarchy){ .id = (int64_t) cgroups->n_hierarchies,
				       .controllers = controllers,
				       .path = "/docker/abc",
				       .mounted_at = mounted_at,
				       .mount_root = mounted_at ? "/docker/abc" : NULL,
				       .writable = { mounted_at ? TRI_YES : TRI_UNKNOWN, 0,
						     NULL } };
	return h;
}

static inline struct facts_trial *machine_trial(struct machine *m, enum trial_kind kind,
						const char *path, enum tri value, int error,
						const char *detail)
{
	struct facts_trial *trial = arena_push(&m->arena, (void **) &m->facts.trials,
					       &m->facts.n_trials, sizeof(*trial));

	*trial = (struct facts_trial){
		.kind = kind, .path = path, .result = { value, error, NULL }, .detail = detail
	};
	return trial;
}

static inline void machine_failure(struct machine *m, const char *key, int error,
				   const char *message, const char *holder)
{
	facts_add_failure(&m->facts, &m->arena, key, error, message, holder);
}

static inline struct facts_directory machine_directory(const char *path, const char *fs_name)
{
	return (struct facts_directory){
		.path = path,
		.exists = TRI_YES,
		.nearest = path,
		.fs_name = fs_name,
		.mount_target = "/",
		.is_mount_point = TRI_NO,
		.free_bytes = 100 * GIB,
		.total_bytes = 200 * GIB,
		.writable = { TRI_YES, 0, NULL },
		.anonymous_volume = TRI_NO,
		.remote = TRI_NO,
		.containerd_store = TRI_NO,
		.image = TRI_NO,
	};
}

/* A privileged container on overlay, hybrid cgroups, nothing mounted on the data root. */
static inline void machine_init(struct machine *m)
{
	static const char *const v1[] = { "cpu",     "cpuacct", "cpuset", "memory",	 "devices",
					  "freezer", "blkio",	"pids",	  "name=systemd" };
	static const char *const environment[] = { "PATH=/usr/bin", "HOME=/root", NULL };
	struct facts *f = &m->facts;

	memset(m, 0, sizeof(*m));
	f->privileges = (struct facts_privileges){ .pid = 1,
						   .cap_effective = ALL_CAPS,
						   .cap_bounding = ALL_CAPS,
						   .cap_last = 40,
						   .no_new_privs = TRI_NO,
						   .user_namespace = TRI_NO,
						   .uid_map = "0 0 4294967295",
						   .host_pid_namespace = TRI_NO,
						   .pivot_root = { TRI_YES, 0, NULL },
						   .keyctl = { TRI_YES, 0, NULL } };
	(void) machine_mount(m, "/", "overlay");
	(void) machine_mount(m, "/proc", "proc");
	(void) machine_mount(m, "/sys", "sysfs");
	(void) machine_mount(m, "/sys/fs/cgroup", "tmpfs");
	(void) machine_device(m, "/dev/fuse", true);
	(void) machine_device(m, "/dev/loop-control", true);
	(void) machine_device(m, "/dev/net/tun", true);
	(void) machine_device(m, "/dev/kmsg", true);
	f->mounts.loop_driver = TRI_YES;
	f->mounts.sys_writable.value = TRI_YES;
	f->mounts.proc_sys_writable.value = TRI_YES;
	f->cgroups.mode = CGROUP_HYBRID;
	f->cgroups.n_processes = -1;
	for (size_t i = 0; i < ARRAY_SIZE(v1); i++)
		(void) machine_hierarchy(m, v1[i],
					 arena_printf(&m->arena, "/sys/fs/cgroup/%s", v1[i]));
	f->storage.data_root = machine_directory(DATA_ROOT, "overlay");
	f->storage.image_dir = machine_directory(DIND_IMAGE_DIR, "overlay");
	f->storage.mkfs_ext4 = "/sbin/mkfs.ext4";
	f->lsm.apparmor = TRI_NO;
	f->lsm.selinux = TRI_NO;
	f->network.iptables = "/usr/sbin/iptables";
	(void) machine_trial(m, TRIAL_IPTABLES, f->network.iptables, TRI_YES, 0, NULL);
	f->network.default_route = TRI_YES;
	f->network.foreign_bridge = TRI_NO;
	f->engine.dockerd = "/usr/bin/dockerd";
	f->engine.containerd = "/usr/bin/containerd";
	f->engine.runc = "/usr/bin/runc";
	f->engine.config_path = DIND_DEFAULT_CONFIG;
	f->engine.config_present = TRI_NO;
	f->engine.systemd_directory = TRI_NO;
	f->engine.socket_answers = TRI_NO;
	f->limits = (struct facts_limits){ .nofile_soft = 1024,
					   .nofile_hard = 524288,
					   .nproc_soft = FACTS_UNLIMITED,
					   .nproc_hard = FACTS_UNLIMITED,
					   .oom_score_adj = -500,
					   .memory_max = FACTS_UNLIMITED };
	f->identity.hostname = "box";
	f->identity.group_found = TRI_NO;
	f->identity.group_gid = -1;
	m->options.environment = environment;
}

/* The trials that most tests are not about. */
static inline void machine_overlay(struct machine *m, enum tri works)
{
	(void) machine_trial(m, TRIAL_OVERLAY, DATA_ROOT, works, works == TRI_YES ? 0 : EINVAL,
			     works == TRI_YES ? NULL
					      : "overlayfs: filesystem not supported as upperdir");
}

/* A volume on the data root: complete at the first plan. */
static inline void machine_with_volume(struct machine *m)
{
	machine_init(m);
	(void) machine_mount(m, DATA_ROOT, "ext4");
	m->facts.storage.data_root = machine_directory(DATA_ROOT, "ext4");
	m->facts.storage.data_root.is_mount_point = TRI_YES;
	m->facts.storage.data_root.mount_target = DATA_ROOT;
	machine_overlay(m, TRI_YES);
}

static inline void machine_plan(struct machine *m)
{
	struct error err = ERROR_INIT;

	ck_assert_msg(plan_make(&m->options, &m->facts, &m->arena, &m->plan, &err) == 0, "%s",
		      err.message);
}

static inline void machine_free(struct machine *m)
{
	arena_free(&m->arena);
}

static inline const struct plan_message *find_message(const struct plan_message *messages, size_t n,
						      const char *code)
{
	for (size_t i = 0; i < n; i++)
		if (strcmp(messages[i].code, code) == 0)
			return &messages[i];
	return NULL;
}

static inline const struct plan_message *refusal(const struct machine *m, const char *code)
{
	return find_message(m->plan.refusals, m->plan.n_refusals, code);
}

static inline const struct plan_message *hint(const struct machine *m, const char *code)
{
	return find_message(m->plan.hints, m->plan.n_hints, code);
}

static inline const struct plan_message *decision(const struct machine *m, const char *code)
{
	return find_message(m->plan.decisions, m->plan.n_decisions, code);
}

static inline const struct plan_step *step_with_key(const struct machine *m, const char *key)
{
	for (size_t i = 0; i < m->plan.n_steps; i++)
		if (strcmp(m->plan.steps[i].key, key) == 0)
			return &m->plan.steps[i];
	return NULL;
}

/* The same for what must be there: a test that finds nothing says so instead of crashing. */
#define THE(what, type)                                                                 \
	static inline const type *the_##what(const struct machine *m, const char *name) \
	{                                                                               \
		const type *found = what(m, name);                                      \
                                                                                        \
		if (!found)                                                             \
			ck_abort_msg("the plan has no " #what " %s", name);             \
		return found;                                                           \
	}
THE(refusal, struct plan_message)
THE(hint, struct plan_message)
THE(decision, struct plan_message)
THE(step_with_key, struct plan_step)
#undef THE

static inline size_t count_steps(const struct machine *m, enum plan_step_kind kind)
{
	size_t n = 0;

	for (size_t i = 0; i < m->plan.n_steps; i++)
		n += m->plan.steps[i].kind == kind;
	return n;
}

static inline const char *argv_text(struct machine *m, const char *const *argv)
{
	struct strings words = STRINGS_INIT;

	for (; argv && *argv; argv++)
		strings_add(&m->arena, &words, *argv);
	return strings_join(&m->arena, &words, " ");
}

/* "key=value" of what is ours in the engine's configuration, strings without their quotes, then the
 * user's flags. */
static inline const char *told(struct machine *m)
{
	struct strings words = STRINGS_INIT;
	size_t behind = 0;

	for (size_t i = 0; i < m->plan.n_settings; i++) {
		const struct plan_setting *s = &m->plan.settings[i];
		size_t n = s->value ? strlen(s->value) : 0;

		if (s->by_flag || s->origin == ORIGIN_FILE)
			continue;
		strings_add(&m->arena, &words,
			    s->value[0] == '"'
				    ? arena_printf(&m->arena, "%s=%.*s", s->key, (int) n - 2,
						   s->value + 1)
				    : arena_printf(&m->arena, "%s=%s", s->key, s->value));
	}
	for (const char *const *arg = m->plan.engine.launch.argv; arg && *arg; arg++) {
		if (behind)
			strings_add(&m->arena, &words, *arg);
		behind += behind || strcmp(*arg, "fd://") == 0;
	}
	return strings_join(&m->arena, &words, " ");
}

/* The value of a variable in a launch record, or NULL. */
static inline const char *launch_variable(const struct launch *launch, const char *name)
{
	size_t n = strlen(name);

	for (const char *const *e = launch->environment; *e; e++)
		if (strncmp(*e, name, n) == 0 && (*e)[n] == '=')
			return *e + n + 1;
	return NULL;
}

#define ck_assert_has(text, part)                                                          \
	ck_assert_msg((text) && strstr((text), (part)), "\"%s\" is not in \"%s\"", (part), \
		      (text) ? (text) : "(null)")
#define ck_assert_has_not(text, part) \
	ck_assert_msg(!(text) || !strstr((text), (part)), "\"%s\" is in \"%s\"", (part), (text))

/* Run what is in @tcase and return main's status. */
static inline int run_suite(TCase *tcase)
{
	Suite *suite = suite_create("plan");
	SRunner *runner;
	int failed;

	suite_add_tcase(suite, tcase);
	runner = srunner_create(suite);
	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? 1 : 0;
}

#endif
