/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a killed engine leaves behind. dockerd takes any live pid or thread id in its pid file for
 * itself, a stale containerd.pid costs it 15 s and a stale containerd.sock 60 s before it gives up.
 * Each file goes only if its owner is gone; that is for apply to find out.
 */
#include "dind/str.h"
#include "planner.h"

static void add_once(const char **list, size_t *count, const char *path)
{
	for (size_t i = 0; i < *count; i++)
		if (str_equal(list[i], path))
			return;
	if (*count < PLAN_MAX_SWEEPS)
		list[(*count)++] = path;
}

void plan_sweep(struct planner *p)
{
	const char *containerd[] = { planner_join(p, p->run_root, "containerd"),
				     "/run/containerd" };
	struct plan_step *step = planner_step(p, STEP_SWEEP, "sweep",
					      "pid files and sockets whose owner is gone stop "
					      "dockerd or make it wait");
	const char **pid_files = step->u.sweep.pid_files, **sockets = step->u.sweep.sockets;
	size_t *n_pid_files = &step->u.sweep.n_pid_files, *n_sockets = &step->u.sweep.n_sockets;

	/* the one in use first, then the default: an earlier start may have had other flags */
	add_once(pid_files, n_pid_files, p->plan->pid_file);
	add_once(pid_files, n_pid_files, planner_canonical(p, DIND_DEFAULT_PID_FILE));
	for (size_t i = 0; i < ARRAY_SIZE(containerd); i++) {
		add_once(pid_files, n_pid_files, planner_join(p, containerd[i], "containerd.pid"));
		add_once(sockets, n_sockets, planner_join(p, containerd[i], "containerd.sock"));
		add_once(sockets, n_sockets,
			 planner_join(p, containerd[i], "containerd.sock.ttrpc"));
		add_once(sockets, n_sockets,
			 planner_join(p, containerd[i], "containerd-debug.sock"));
	}
	/* should one of them really be in the way, dockerd says so itself */
	planner_or_degrade(step, CODE_MOUNT_SWEEP, "removing what an earlier engine left", NULL);
}
