/* SPDX-License-Identifier: Apache-2.0 */
/*
 * apply.h - carry out the goals of a plan. Every executor is idempotent (a goal that is already met
 * changes nothing), bounded in time, and names the culprit when it fails. It holds no state of PID
 * 1: all that it keeps is in the context, which a child could hand back.
 */
#ifndef DIND_APPLY_H
#define DIND_APPLY_H

#include <sys/types.h>

#include "dind/error.h"
#include "dind/plan.h"

#define APPLY_MAX_LISTENERS OPTIONS_MAX_HOSTS
#define APPLY_HOLDER_MAX    256

/* What steps leave behind for later steps, for the launch and for the way down. */
struct apply_context {
	int listen_fds[APPLY_MAX_LISTENERS]; /* O_CLOEXEC here; spawn clears it in the child */
	const char *listen_urls[APPLY_MAX_LISTENERS];  /* borrowed from the plan; index matches
							  listen_fds */
	const char *listen_paths[APPLY_MAX_LISTENERS]; /* unix sockets to remove at the end, else
							  NULL */
	uint64_t listen_inodes[APPLY_MAX_LISTENERS];   /* of those, so that a successor's socket
							  stays */
	size_t n_listen;
	int lock_fd; /* flock(2) held; inherited by the engine on purpose */
	char lock_path[4096];
	char holder[APPLY_HOLDER_MAX];		      /* who has the lock, after -EWOULDBLOCK */
	pid_t mkfs_pid;				      /* running mkfs, 0: none */
	int mkfs_output;			      /* read end of its stderr */
	char loop_device[32];			      /* "/dev/loop7", "" without one */
	uint64_t loop_image_device, loop_image_inode; /* of the image behind it */
	bool loop_direct_io;
	char data_root[4096]; /* what we mounted there, "" when nothing */
	bool data_root_mounted;
	int data_root_mount_id; /* of mountinfo, -1: none. What lies below ours is not touched */
	bool cgroup_own_namespace;
	bool cgroup_nested;
	char cgroup_refused[256]; /* controllers that could not be enabled, with errno names; "" */
	char notice[ERROR_MESSAGE_MAX]; /* what was unusual about a step, or "" */
};

void apply_context_init(struct apply_context *context);

/*
 * Carry out one step. On failure @err names what, where and the errno; the caller follows
 * step->on_fail. A filled context->notice is to be printed by the caller.
 */
int apply_step(struct apply_context *context, const struct plan_step *step, struct error *err);

/*
 * The way down, each bounded by @timeout_ms and safe to call when nothing was set up:
 * release listening sockets and remove their files; write back the data root; unmount all below the
 * data root in reverse order, the data root itself if we mounted it, and detach the loop device.
 * They may run in a child.
 */
void apply_close_listeners(struct apply_context *context);
int apply_sync_data_root(const struct apply_context *context, const char *data_root,
			 struct error *err);
int apply_unmount_data_root(const struct apply_context *context, const char *data_root,
			    const char *exec_root, int timeout_ms, struct error *err);

/*
 * SIGKILL inner containers so that dockerd can finish its clean-up: cgroup v2 by cgroup.kill of the
 * groups below the engine's parent; v1 by pid (NSpid has exactly one entry more than ours and ends
 * in 1). With
 * @deaf_only only those inits that cannot receive their stop signal (the kernel drops a signal that
 * a pid namespace's init does not handle, pid_namespaces(7)). Returns the number killed or a
 * negative errno.
 */
int apply_kill_containers(enum cgroup_mode mode, const char *data_root, bool deaf_only,
			  struct error *err);

/* End and reap a running mkfs. For paths that give up before STEP_MOUNT_IMAGE. */
void apply_abandon(struct apply_context *context);

#endif
