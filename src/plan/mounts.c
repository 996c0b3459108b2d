/* SPDX-License-Identifier: Apache-2.0 */
/* Runtime directories, what the outer engine mounted read-only, device nodes, propagation. */
#include "dind/str.h"
#include "planner.h"

/* A listener of ours in there: somebody may look for it from outside, through a shared /run. */
static bool has_listener_within(const struct planner *p, const char *path)
{
	for (size_t i = 0; i < p->plan->n_listeners; i++) {
		const struct plan_listener *listener = &p->plan->listeners[i];

		if (listener->kind == LISTENER_UNIX && str_path_is_below(listener->path, path))
			return true;
	}
	return false;
}

static void plan_runtime_directory(struct planner *p, const char *path, unsigned int mode)
{
	bool ours = str_equal(path, DIND_RUN_DIR);
	struct plan_step *step;

	/* what is mounted there was put there by somebody: an emptyDir, a directory of plugins */
	if (planner_mounted_within(p, path))
		return;
	step = planner_step(p, STEP_RUNTIME_DIR, arena_printf(p->arena, "runtime-dir:%s", path),
			    ours ? "notify socket, state file and effective configuration: "
				   "private, and gone at the next start"
				 : "nothing of an earlier start may confuse the engine: stale pid "
				   "files and sockets stop dockerd for 15 to 60 s");
	step->u.runtime_dir.path = path;
	step->u.runtime_dir.mode = mode;
	/* without the notify socket nobody would ever learn that the engine is ready */
	if (ours)
		planner_or_abort(step, CODE_MOUNT_RUN, STATUS_OSERR,
				 "mount a tmpfs there from outside: --tmpfs " DIND_RUN_DIR);
	else
		planner_or_degrade(step, CODE_MOUNT_RUNTIME,
				   arena_printf(p->arena, "a fresh %s", path),
				   arena_printf(p->arena,
						"mount a tmpfs there from outside: "
						"--tmpfs %s",
						path));
}

static bool overlaps(const char *a, const char *b)
{
	return str_path_is_below(a, b) || str_path_is_below(b, a);
}

void plan_runtime_directories(struct planner *p)
{
	static const char containerd[] = "/run/containerd";

	/*
	 * Elsewhere than in /run the exec root may hold what is meant to stay, and where a listener
	 * lives in it a mount would hide the socket from those who share the directory: there the
	 * sweep does what it can.
	 */
	if (str_path_is_below(p->run_root, "/run") && !overlaps(p->run_root, containerd) &&
	    !overlaps(p->run_root, DIND_RUN_DIR) && !has_listener_within(p, p->run_root))
		plan_runtime_directory(p, p->run_root, 0711);
	/* shims use it whatever the exec root is */
	if (!has_listener_within(p, containerd))
		plan_runtime_directory(p, containerd, 0711);
	plan_runtime_directory(p, DIND_RUN_DIR, 0700);
}

static void remount(struct planner *p, const char *path, const struct fact *writable,
		    const char *why, const char *without)
{
	struct plan_step *step;

	if (writable->value != TRI_NO)
		return;
	step = planner_step(p, STEP_REMOUNT_RW, arena_printf(p->arena, "writable:%s", path), why);
	step->u.remount.path = path;
	planner_or_degrade(step, CODE_MOUNT_READ_ONLY, without, "--privileged");
}

void plan_writable(struct planner *p)
{
	/* dockerd sets what is missing there and gives up only if it must */
	remount(p, "/sys", &p->facts->mounts.sys_writable,
		"/sys is mounted read-only; bridges are tuned through it",
		"a writable /sys: hairpin connections between inner containers may fail");
	remount(p, "/proc/sys", &p->facts->mounts.proc_sys_writable,
		"/proc/sys is mounted read-only; dockerd switches on forwarding there",
		"a writable /proc/sys: inner networks may stay cut off");
	remount(p, "/proc/sys/net", &p->facts->mounts.proc_sys_net_writable,
		"/proc/sys/net is a read-only mount of its own; dockerd switches on forwarding "
		"there",
		"a writable /proc/sys/net: inner networks may stay cut off");
}

void plan_devices(struct planner *p)
{
	static const struct {
		const char *path;
		unsigned int major, minor, mode;
		const char *why, *without;
	} devices[] = {
		{ "/dev/fuse", 10, 229, 0666, "file systems in user space, inside and here",
		  "/dev/fuse: no FUSE file systems inside" },
		{ "/dev/loop-control", 10, 237, 0660, "loop devices, inside and here",
		  "/dev/loop-control: no new loop devices" },
		{ "/dev/net/tun", 10, 200, 0666, "VPN clients and user-mode networks inside",
		  "/dev/net/tun: no tunnels inside" },
		/* 0644 as on hosts: who may read the kernel's log is its own decision */
		{ "/dev/kmsg", 1, 11, 0644, "kubelet inside does not start without it",
		  "/dev/kmsg: kubelet will not start inside" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(devices); i++) {
		const struct facts_device *device = facts_find_device(p->facts, devices[i].path);
		struct plan_step *step;

		/* nobody makes a node in a user namespace */
		if (!device || device->present || p->facts->privileges.user_namespace == TRI_YES)
			continue;
		step = planner_step(p, STEP_DEVICE,
				    arena_printf(p->arena, "device:%s", devices[i].path),
				    devices[i].why);
		step->u.device.path = devices[i].path;
		step->u.device.type = 'c';
		step->u.device.major = devices[i].major;
		step->u.device.minor = devices[i].minor;
		step->u.device.mode = devices[i].mode;
		/* a convenience: most jobs never open one of them */
		planner_or_degrade(
			step, CODE_MOUNT_DEVICE, devices[i].without,
			arena_printf(p->arena, "--privileged, or --device %s", devices[i].path));
	}
}

void plan_propagation(struct planner *p)
{
	const struct facts_mount *root = facts_mount_at(p->facts, "/");
	struct plan_step *step;

	if (root && root->propagation && str_list_has(root->propagation, "shared"))
		return;
	step = planner_step(p, STEP_PROPAGATION, "propagation",
			    "inner `-v …:rshared`, kind and CSI drivers need shared mounts");
	/* only containers that ask for it notice */
	planner_or_degrade(step, CODE_MOUNT_PROPAGATION,
			   "shared mounts: `-v …:rshared` will fail inside", "--privileged");
}
