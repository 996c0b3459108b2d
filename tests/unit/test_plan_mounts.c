/* SPDX-License-Identifier: Apache-2.0 */
/* Limits, runtime directories, read-only mounts, devices, propagation, sweep. */
#include <limits.h>
#include <linux/capability.h>
#include <sys/resource.h>

#include "plan_fixture.h"

/* ---- limits -----------------------------------------------------------------------------------
 */

#define MILLION UINT64_C(1048576)

static const struct {
	uint64_t soft, hard, want_soft, want_hard;
	bool step;
} nofile[] = {
	{ 1024, 524288, 1024, 524288, false },
	{ 1024, 20000, 1024, 20000, false },
	{ MILLION, MILLION, MILLION, MILLION, false },
	{ 1024, MILLION + 1, 1024, MILLION, true },
	{ 1 << 30, 1 << 30, MILLION, MILLION, true },
	{ FACTS_UNLIMITED, FACTS_UNLIMITED, MILLION, MILLION, true },
};

START_TEST(open_files)
{
	const struct plan_step *step;
	const struct launch *launch;
	struct machine m;

	machine_with_volume(&m);
	m.facts.limits.nofile_soft = nofile[_i].soft;
	m.facts.limits.nofile_hard = nofile[_i].hard;
	machine_plan(&m);
	step = step_with_key(&m, "limits");
	ck_assert_int_eq(step != NULL, nofile[_i].step);
	if (step) {
		ck_assert(step->u.limits.set_nofile);
		ck_assert(!step->u.limits.set_oom_score);
		ck_assert_uint_eq(step->u.limits.nofile_soft, nofile[_i].want_soft);
		ck_assert_uint_eq(step->u.limits.nofile_hard, nofile[_i].want_hard);
	}
	launch = &m.plan.engine.launch;
	ck_assert_uint_eq(launch->n_rlimits, 1);
	ck_assert_int_eq(launch->rlimits[0].resource, RLIMIT_NOFILE);
	ck_assert_uint_eq(launch->rlimits[0].soft, nofile[_i].want_soft);
	ck_assert_uint_eq(launch->rlimits[0].hard, nofile[_i].want_hard);
	machine_free(&m);
}
END_TEST

START_TEST(unknown_limits_are_left_alone)
{
	struct machine m;

	machine_with_volume(&m);
	m.facts.limits.nofile_soft = m.facts.limits.nofile_hard = 0;
	machine_plan(&m);
	ck_assert_uint_eq(m.plan.engine.launch.n_rlimits, 0);
	machine_free(&m);
}
END_TEST

START_TEST(processes_are_raised_where_that_is_allowed)
{
	struct machine m;

	machine_with_volume(&m);
	m.facts.limits.nproc_hard = 4096;
	machine_plan(&m);
	ck_assert_uint_eq(m.plan.engine.launch.n_rlimits, 2);
	ck_assert_int_eq(m.plan.engine.launch.rlimits[1].resource, RLIMIT_NPROC);
	ck_assert_uint_eq(m.plan.engine.launch.rlimits[1].hard, UINT64_MAX);
	machine_free(&m);

	machine_with_volume(&m);
	m.facts.limits.nproc_hard = 4096;
	m.facts.privileges.cap_effective &= ~CAP(CAP_SYS_RESOURCE);
	machine_plan(&m);
	ck_assert_uint_eq(m.plan.engine.launch.n_rlimits, 1);
	machine_free(&m);

	machine_with_volume(&m);
	m.facts.limits.nproc_hard = 0;
	machine_plan(&m);
	ck_assert_uint_eq(m.plan.engine.launch.n_rlimits, 1);
	machine_free(&m);

	machine_with_volume(&m);
	m.facts.limits.nproc_hard = 4096;
	m.facts.privileges.cap_effective = m.facts.privileges.cap_bounding = 0;
	m.facts.privileges.cap_last = -1;
	machine_plan(&m);
	ck_assert_uint_eq(m.plan.engine.launch.n_rlimits, 1);
	machine_free(&m);
}
END_TEST

static const struct {
	int64_t score;
	uint64_t without;
	bool lowered;
	uint64_t memory;
	int job; /* what COMMAND gets; INT_MIN: its score is left alone */
} scores[] = {
	{ 0, 0, true, 0, 0 },
	{ 985, 0, true, 0, 985 },
	{ -500, 0, false, 0, INT_MIN },
	{ -999, 0, false, 0, INT_MIN },
	/* the engine's cannot be lowered, so the job's goes up, by 256 MiB of the limit */
	{ 0, CAP(CAP_SYS_RESOURCE), false, 0, 100 },
	{ 0, CAP(CAP_SYS_RESOURCE), false, FACTS_UNLIMITED, 100 },
	{ 0, CAP(CAP_SYS_RESOURCE), false, 100, 500 },
	{ 0, CAP(CAP_SYS_RESOURCE), false, UINT64_C(512) << 20, 500 },
	{ 0, CAP(CAP_SYS_RESOURCE), false, UINT64_C(4) << 30, 63 },
	{ -499, CAP(CAP_SYS_RESOURCE), false, UINT64_C(4) << 40, -498 },
	{ 985, CAP(CAP_SYS_RESOURCE), false, 0, 1000 },
	{ 1000, CAP(CAP_SYS_RESOURCE), false, 0, INT_MIN },
	{ -998, CAP(CAP_SYS_RESOURCE), false, 0, INT_MIN },
};

START_TEST(the_engine_goes_last_when_memory_runs_out)
{
	static const char *const command[] = { "make", NULL };
	const struct plan_step *step;
	struct machine m;

	machine_with_volume(&m);
	m.facts.limits.oom_score_adj = scores[_i].score;
	m.facts.limits.memory_max = scores[_i].memory;
	m.facts.privileges.cap_effective &= ~scores[_i].without;
	m.options.workload = command;
	machine_plan(&m);
	step = step_with_key(&m, "limits");
	ck_assert_int_eq(step != NULL, scores[_i].lowered);
	if (step) {
		ck_assert(step->u.limits.set_oom_score);
		ck_assert(!step->u.limits.set_nofile);
		ck_assert_int_eq(step->u.limits.oom_score_adj, -500);
		ck_assert_int_eq(step->on_fail, FAIL_DEGRADE);
	}
	ck_assert_int_eq(m.plan.engine.launch.set_oom_score, scores[_i].lowered);
	ck_assert_int_eq(m.plan.engine.launch.oom_score_adj, scores[_i].lowered ? -500 : 0);
	/* COMMAND gets back what we had, or more than the engine has */
	ck_assert_int_eq(m.plan.workload.launch.set_oom_score, scores[_i].job != INT_MIN);
	if (scores[_i].job != INT_MIN)
		ck_assert_int_eq(m.plan.workload.launch.oom_score_adj, scores[_i].job);
	machine_free(&m);
}
END_TEST

/* ---- runtime directories ----------------------------------------------------------------------
 */

static const struct {
	const char *exec_root, *mounted, *host;
	const char *want; /* directories in their order */
} directories[] = {
	{ NULL, NULL, NULL, "/run/docker /run/containerd /run/dind" },
	{ "/var/run/docker", NULL, NULL, "/run/docker /run/containerd /run/dind" },
	{ "/run/other", NULL, NULL, "/run/other /run/containerd /run/dind" },
	/* a persistent place is swept, not hidden */
	{ "/data/exec", NULL, NULL, "/run/containerd /run/dind" },
	/* places that would hide each other */
	{ "/run", NULL, NULL, "/run/containerd /run/dind" },
	{ "/run/containerd", NULL, NULL, "/run/containerd /run/dind" },
	{ "/run/containerd/x", NULL, NULL, "/run/containerd /run/dind" },
	{ "/run/dind", NULL, NULL, "/run/containerd /run/dind" },
	/* what the user mounted stays */
	{ NULL, "/run/docker", NULL, "/run/containerd /run/dind" },
	{ NULL, "/run/docker/plugins", NULL, "/run/containerd /run/dind" },
	{ NULL, "/run/containerd", NULL, "/run/docker /run/dind" },
	{ NULL, "/run/dind", NULL, "/run/docker /run/containerd" },
	{ NULL, "/run", NULL, "/run/docker /run/containerd /run/dind" },
	/* and so does a directory that is shared for the sake of a socket */
	{ NULL, NULL, "unix:///run/docker/docker.sock", "/run/containerd /run/dind" },
	{ NULL, NULL, "unix:///run/containerd/d.sock", "/run/docker /run/dind" },
	{ NULL, NULL, "tcp://127.0.0.1:2375", "/run/docker /run/containerd /run/dind" },
};

START_TEST(runtime_directories)
{
	struct strings got = STRINGS_INIT;
	struct machine m;

	machine_with_volume(&m);
	m.options.exec_root = directories[_i].exec_root;
	if (directories[_i].mounted)
		(void) machine_mount(&m, directories[_i].mounted, "tmpfs");
	if (directories[_i].host)
		m.options.hosts[m.options.n_hosts++] = directories[_i].host;
	machine_plan(&m);
	for (size_t i = 0; i < m.plan.n_steps; i++) {
		const struct plan_step *step = &m.plan.steps[i];

		if (step->kind != STEP_RUNTIME_DIR)
			continue;
		strings_add(&m.arena, &got, step->u.runtime_dir.path);
		/* the notify socket has to be somewhere; the rest is a convenience */
		if (strcmp(step->u.runtime_dir.path, DIND_RUN_DIR) == 0) {
			ck_assert_uint_eq(step->u.runtime_dir.mode, 0700);
			ck_assert_int_eq(step->on_fail, FAIL_ABORT);
			ck_assert_int_eq(step->status, STATUS_OSERR);
		} else {
			ck_assert_uint_eq(step->u.runtime_dir.mode, 0711);
			ck_assert_int_eq(step->on_fail, FAIL_DEGRADE);
		}
	}
	ck_assert_str_eq(strings_join(&m.arena, &got, " "), directories[_i].want);
	machine_free(&m);
}
END_TEST

/* ---- what is read-only, missing or private ----------------------------------------------------
 */

START_TEST(read_only_mounts)
{
	struct machine m;

	machine_with_volume(&m);
	m.facts.mounts.sys_writable.value = TRI_NO;
	m.facts.mounts.proc_sys_writable.value = TRI_NO;
	m.facts.mounts.proc_sys_net_writable.value = TRI_NO;
	machine_plan(&m);
	ck_assert_uint_eq(count_steps(&m, STEP_REMOUNT_RW), 3);
	ck_assert_str_eq(the_step_with_key(&m, "writable:/proc/sys/net")->u.remount.path,
			 "/proc/sys/net");
	ck_assert_str_eq(the_step_with_key(&m, "writable:/sys")->u.remount.path, "/sys");
	ck_assert_int_eq(the_step_with_key(&m, "writable:/sys")->on_fail, FAIL_DEGRADE);
	ck_assert_str_eq(the_step_with_key(&m, "writable:/proc/sys")->u.remount.path, "/proc/sys");
	machine_free(&m);

	machine_with_volume(&m);
	machine_plan(&m);
	ck_assert_uint_eq(count_steps(&m, STEP_REMOUNT_RW), 0);
	machine_free(&m);
}
END_TEST

static const struct {
	const char *path;
	unsigned int major, minor, mode;
} devices[] = {
	{ "/dev/fuse", 10, 229, 0666 },
	{ "/dev/loop-control", 10, 237, 0660 },
	{ "/dev/net/tun", 10, 200, 0666 },
	{ "/dev/kmsg", 1, 11, 0644 },
};

START_TEST(missing_devices)
{
	const struct plan_step *step = NULL;
	struct machine m;

	machine_with_volume(&m);
	for (size_t i = 0; i < m.facts.mounts.n_devices; i++)
		if (strcmp(m.facts.mounts.devices[i].path, devices[_i].path) == 0)
			m.facts.mounts.devices[i].present = false;
	machine_plan(&m);
	ck_assert_uint_eq(count_steps(&m, STEP_DEVICE), 1);
	for (size_t i = 0; i < m.plan.n_steps; i++)
		if (m.plan.steps[i].kind == STEP_DEVICE)
			step = &m.plan.steps[i];
	ck_assert_ptr_nonnull(step);
	ck_assert_str_eq(step->u.device.path, devices[_i].path);
	ck_assert_int_eq(step->u.device.type, 'c');
	ck_assert_uint_eq(step->u.device.major, devices[_i].major);
	ck_assert_uint_eq(step->u.device.minor, devices[_i].minor);
	ck_assert_uint_eq(step->u.device.mode, devices[_i].mode);
	ck_assert_int_eq(step->on_fail, FAIL_DEGRADE);
	machine_free(&m);
}
END_TEST

START_TEST(devices_that_nobody_looked_for_are_not_made)
{
	struct machine m;

	machine_with_volume(&m);
	m.facts.mounts.n_devices = 0;
	machine_plan(&m);
	ck_assert_uint_eq(count_steps(&m, STEP_DEVICE), 0);
	machine_free(&m);
}
END_TEST

static const struct {
	const char *propagation;
	bool step;
} propagations[] = {
	{ "private", true }, { "slave", true }, { "unbindable", true },
	{ "shared", false }, { NULL, true },	{ "shared,slave", false },
};

START_TEST(propagation)
{
	struct machine m;

	machine_with_volume(&m);
	m.facts.mounts.table[0].propagation = propagations[_i].propagation;
	machine_plan(&m);
	ck_assert_int_eq(step_with_key(&m, "propagation") != NULL, propagations[_i].step);
	if (propagations[_i].step)
		ck_assert_int_eq(the_step_with_key(&m, "propagation")->on_fail, FAIL_DEGRADE);
	machine_free(&m);
}
END_TEST

/* ---- sweep ------------------------------------------------------------------------------------
 */

static const struct {
	const char *pid_file, *config_pid_file, *exec_root;
	const char *want; /* pid files */
	size_t n_sockets;
} sweeps[] = {
	{ NULL, NULL, NULL,
	  "/run/docker.pid /run/docker/containerd/containerd.pid /run/containerd/containerd.pid",
	  6 },
	{ "/data/d.pid", NULL, NULL,
	  "/data/d.pid /run/docker.pid /run/docker/containerd/containerd.pid "
	  "/run/containerd/containerd.pid",
	  6 },
	{ NULL, "/var/run/e.pid", NULL,
	  "/run/e.pid /run/docker.pid /run/docker/containerd/containerd.pid "
	  "/run/containerd/containerd.pid",
	  6 },
	{ "/data/d.pid", "/var/run/e.pid", "/data/exec/",
	  "/data/d.pid /run/docker.pid /data/exec/containerd/containerd.pid "
	  "/run/containerd/containerd.pid",
	  6 },
	/* both directories are one: each file once */
	{ NULL, NULL, "/run", "/run/docker.pid /run/containerd/containerd.pid", 3 },
};

START_TEST(sweep)
{
	struct strings got = STRINGS_INIT;
	const struct plan_step *step;
	struct machine m;

	machine_with_volume(&m);
	m.options.pid_file = sweeps[_i].pid_file;
	m.options.exec_root = sweeps[_i].exec_root;
	m.facts.engine.config_pid_file = sweeps[_i].config_pid_file;
	machine_plan(&m);
	step = the_step_with_key(&m, "sweep");
	for (size_t i = 0; i < step->u.sweep.n_pid_files; i++)
		strings_add(&m.arena, &got, step->u.sweep.pid_files[i]);
	ck_assert_str_eq(strings_join(&m.arena, &got, " "), sweeps[_i].want);
	ck_assert_uint_eq(step->u.sweep.n_sockets, sweeps[_i].n_sockets);
	ck_assert_int_eq(step->on_fail, FAIL_DEGRADE);
	ck_assert_str_eq(m.plan.pid_file, step->u.sweep.pid_files[0]);
	machine_free(&m);
}
END_TEST

START_TEST(a_tmp_of_its_own_for_docker_dind_only)
{
	const struct plan_step *step;
	struct machine m;

	machine_with_volume(&m);
	machine_plan(&m);
	ck_assert_uint_eq(count_steps(&m, STEP_FILESYSTEM), 0);
	m.options.tmp_tmpfs = true;
	machine_plan(&m);
	step = the_step_with_key(&m, "filesystem:/tmp");
	ck_assert_str_eq(step->u.filesystem.type, "tmpfs");
	ck_assert_int_eq(step->on_fail, FAIL_ABORT);
	ck_assert(step < the_step_with_key(&m, "listen")); /* sockets may be in there */
	(void) machine_mount(&m, "/tmp", "ext4");
	machine_plan(&m);
	ck_assert_uint_eq(count_steps(&m, STEP_FILESYSTEM), 0);
	machine_free(&m);
}
END_TEST

int main(void)
{
	TCase *tc = tcase_create("mounts");

	tcase_add_loop_test(tc, open_files, 0, ARRAY_SIZE(nofile));
	tcase_add_test(tc, unknown_limits_are_left_alone);
	tcase_add_test(tc, processes_are_raised_where_that_is_allowed);
	tcase_add_loop_test(tc, the_engine_goes_last_when_memory_runs_out, 0, ARRAY_SIZE(scores));
	tcase_add_loop_test(tc, runtime_directories, 0, ARRAY_SIZE(directories));
	tcase_add_test(tc, read_only_mounts);
	tcase_add_loop_test(tc, missing_devices, 0, ARRAY_SIZE(devices));
	tcase_add_test(tc, devices_that_nobody_looked_for_are_not_made);
	tcase_add_loop_test(tc, propagation, 0, ARRAY_SIZE(propagations));
	tcase_add_loop_test(tc, sweep, 0, ARRAY_SIZE(sweeps));
	tcase_add_test(tc, a_tmp_of_its_own_for_docker_dind_only);
	return run_suite(tc);
}
