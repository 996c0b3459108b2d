/* SPDX-License-Identifier: Apache-2.0 */
/* The plan, as a table of contents: what is judged, what is done in which order, what is started.
 */
#include "dind/plan.h"

#include "planner.h"

static const char *const step_names[STEP_KIND_COUNT] = {
	[STEP_LIMITS] = "limits",
	[STEP_RUNTIME_DIR] = "runtime directory",
	[STEP_LISTEN] = "listen",
	[STEP_LEASE] = "lease",
	[STEP_LOCK] = "lock",
	[STEP_MAKE_IMAGE] = "make image",
	[STEP_REMOUNT_RW] = "make writable",
	[STEP_DEVICE] = "device",
	[STEP_PROPAGATION] = "propagation",
	[STEP_SWEEP] = "sweep",
	[STEP_CGROUP_V1] = "cgroup hierarchy",
	[STEP_CGROUP_NAMESPACE] = "cgroup namespace",
	[STEP_CGROUP_NEST] = "cgroup nesting",
	[STEP_DIRECTORY] = "directory",
	[STEP_BIND] = "bind",
	[STEP_MOUNT_IMAGE] = "mount image",
	[STEP_TMPFS] = "tmpfs",
	[STEP_CHECK_STORE] = "check image store",
	[STEP_GUARD_START] = "guard start",
	[STEP_CONFIG] = "configuration",
	[STEP_FILE] = "file",
	[STEP_APPARMOR] = "AppArmor policy",
	[STEP_SELINUX_HIDE] = "hide SELinux",
	[STEP_FILESYSTEM] = "file system",
	[STEP_CONFINE] = "confine",
	[STEP_CAPABILITIES] = "capabilities",
	[STEP_CERTS] = "certificates",
	[STEP_CA] = "authorities",
	[STEP_LINK] = "link",
	[STEP_CLAMP_MSS] = "clamp MSS",
	[STEP_DNS_RELAY] = "DNS relay",
	[STEP_GROUP] = "group",
};

static const char *const origin_names[ORIGIN_COUNT] = {
	[ORIGIN_DEFAULT] = "default", [ORIGIN_FILE] = "file", [ORIGIN_VARIABLE] = "variable",
	[ORIGIN_OPTION] = "option",   [ORIGIN_FLAG] = "flag",
};

const char *plan_origin_name(enum plan_origin origin)
{
	return (unsigned int) origin < ORIGIN_COUNT ? origin_names[origin] : "unknown";
}

const char *plan_step_name(enum plan_step_kind kind)
{
	return (unsigned int) kind < STEP_KIND_COUNT ? step_names[kind] : "unknown";
}

/* Refusals, hints and decisions. */
static void judge_all(struct planner *p)
{
	plan_paths(p);
	plan_privileges(p);
	plan_config(p);
	plan_engine_programs(p);
	plan_client_program(p);
	plan_listeners(p);
	plan_tls(p);
	plan_user(p);
	plan_network(p);
	plan_mirror(p);
	plan_lsm(p);
	plan_confine(p);
	/* a trial without privileges fails whatever the disk is like, and would be misread */
	if (p->privileged && plan_pool(p))
		plan_storage(p);
	plan_config_defaults(p);
}

/* The goals, in the order in which they are carried out. */
static void add_steps(struct planner *p)
{
	plan_limits(p);
	plan_runtime_directories(p); /* sockets and locks are made in there */
	if (p->options->tmp_tmpfs)
		plan_tmp(p);
	plan_listen(p); /* from here on clients wait instead of failing */
	plan_socket_group(p);
	plan_tls_begin(p); /* dind-certs and mkfs run beside what follows */
	plan_storage_claim(p);
	plan_writable(p);
	plan_devices(p);
	plan_propagation(p);
	plan_sweep(p);
	plan_cgroups(p);
	plan_lsm_steps(p);
	plan_storage_mount(p);
	plan_guard(p);
	plan_config_step(p);
	plan_ca_steps(p);
	plan_registries_step(p);
	plan_tls_step(p);
	plan_iptables_step(p);
	plan_mirror_steps(p);
	plan_clamp_step(p);
	plan_relay_step(p);
	plan_containerd_steps(p);
	plan_cgroup_nest(p); /* late: what it waits for was begun beside the trials */
	plan_confine_step(p);
	plan_capabilities(p); /* last: the steps before need them */
}

static void plan_nested(struct planner *p)
{
	judge_all(p);
	if (p->lease_wanted || p->slot_unfit) {
		plan_pool_lease(p);
		return;
	}
	if (p->privileged) {
		add_steps(p);
		plan_host(p);
	}
	plan_engine(p);
	plan_client(p);
	plan_workload(p);
}

/* Nothing is prepared, so nothing is judged but the way to that engine. */
static void plan_without_engine(struct planner *p)
{
	planner_read_caps(p);
	plan_user(p);
	plan_outside(p);
	plan_outside_steps(p);
	plan_workload(p);
	plan_outside_wait(p);
}

int plan_make(const struct options *options, const struct facts *facts, struct arena *arena,
	      struct plan *ret_plan, struct error *err)
{
	struct plan plan = { .cgroup_mode = facts->cgroups.mode };
	struct planner p = {
		.options = options,
		.facts = facts,
		.arena = arena,
		.plan = &plan,
	};
	int r;

	if (plan_mode(&p)) {
		if (planner_is_outside(&p))
			plan_without_engine(&p);
		else
			plan_nested(&p);
	}
	plan.memory_group = planner_memory_group(&p);
	r = plan_verify(&plan, err);
	if (r < 0)
		return r;
	*ret_plan = plan;
	return 0;
}
