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

/* one more is for dind-client */
#define APPLY_MAX_LISTENERS (OPTIONS_MAX_HOSTS + 1)
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
	int lease_fd;		       /* likewise, of the slot that is leased */
	char lease_path[4096];	       /* that slot, "" without one */
	char holder[APPLY_HOLDER_MAX]; /* who has the lock, after -EWOULDBLOCK */
	pid_t relay_pid;	       /* of the DNS relay, 0: none; supervise reaps it */
	int relay_fds[2];	       /* its sockets, UDP and TCP; kept for the next one */
	pid_t mkfs_pid;		       /* running mkfs, 0: none */
	int mkfs_output;	       /* read end of its stderr */
	int mkfs_image;		       /* the image open, to be emptied if it fails */
	int mkfs_attempt;	       /* which set of options it was given */
	pid_t certs_pid;	       /* running dind-certs, 0: none */
	int certs_output;	       /* read end of what it prints */
	int certs_go;		       /* it waits for a byte from here; -EBADF: it does not */
	char loop_device[32];	       /* "/dev/loop7", "" without one */
	uint64_t loop_image_device, loop_image_inode; /* of the image behind it */
	bool loop_direct_io;
	char data_root[4096]; /* what we mounted there, "" when nothing */
	bool data_root_mounted;
	int data_root_mount_id; /* of mountinfo, -1: none. What lies below ours is not touched */
	pid_t cgroup_ahead_pid; /* waits for the kernel ahead of the nesting, 0: none */
	bool cgroup_own_namespace;
	bool cgroup_nested;
	char cgroup_group[4096],
		cgroup_leaf[64];   /* what was nested, by us or before; "": nothing */
	char cgroup_refused[256];  /* controllers that could not be enabled, with errno names; "" */
	bool cgroup_refused_usual; /* … and containers are usually limited by one of them */
	/* STEP_CONFINE: for launch.filter of the engine and its containerd; length 0: none */
	struct launch_filter filter;
	char apparmor_name[64];		/* our policy namespace, "" without one */
	int apparmor_lock;		/* flock(2) of it; inherited by the engine on purpose */
	bool securityfs_mounted;	/* by us */
	char notice[ERROR_MESSAGE_MAX]; /* what was unusual about a step, or "" */
	bool notice_loud;		/* it is a warning: data was moved, lost, or is at risk */
};

void apply_context_init(struct apply_context *context);

/*
 * Carry out one step. On failure @err names what, where and the errno; the caller follows
 * step->on_fail. A filled context->notice is to be printed by the caller.
 */
int apply_step(struct apply_context *context, const struct plan_step *step, struct error *err);

/*
 * Have the kernel ready for moving processes between v2 groups, which takes it longer than a look
 * at the machine and the trials (cgroup_ahead.c): a child waits for it and changes nothing. Best
 * effort, and nothing where our own group is not at or below @mount_point, or is the leaf of a
 * nesting. Once; STEP_CGROUP_NEST waits for its end.
 */
void apply_cgroup_ahead(struct apply_context *context, const char *mount_point);

/*
 * What of @step of a plan that still wants trials can be done beside them, because it changes
 * nothing: dind-certs starts, looks and makes keys, and goes on when the step is carried out. Once;
 * 0 for steps without such a part. A failure needs no following: apply_step() meets it again.
 */
int apply_ahead(struct apply_context *context, const struct plan_step *step, struct error *err);

/*
 * Start the relay of STEP_DNS_RELAY once more, behind the sockets of the first one. Its pid or a
 * negative errno. In PID 1, with whom it ends; does not block.
 */
pid_t apply_start_relay(struct apply_context *context, const struct plan_step *step);

/*
 * STEP_CONFIG once more, for an engine that runs as @argv: read the user's file anew, merge, have
 * dockerd look at the result if it can, put it in place. On failure the file that the engine has
 * stays as it is. Takes as long as the user's file system and dockerd do: to be called in a child.
 */
int apply_reload(const struct plan_step *step, const char *const *argv, struct error *err);

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
 * Remove the layers of the storage driver btrfs from the data root, and what refers to them:
 * images, containers, the build cache. After the engine has ended. Returns the number of
 * subvolumes, or a negative errno: those that could be removed are gone.
 */
int apply_remove_subvolumes(const char *data_root, struct error *err);

/*
 * Remove our policy namespace of AppArmor, after the last process in it is gone: those that are
 * left would be unconfined from then on. What is not gone after @timeout_ms is named in @err, and
 * the namespace stays for a later start. May run in a child; nothing happens without one of ours.
 */
int apply_remove_apparmor(const struct apply_context *context, int timeout_ms, struct error *err);

/*
 * Undo the nesting of control groups (v2): groups that the engine left below ours go, then the
 * controllers are taken back, and all that is in the leaf moves to our group again. The engine's
 * are those below @parent, a directory (NULL: where dockerd puts them by default); with groups of
 * others beside it, which live by the controllers, the nesting stays. After the engine is gone;
 * what still has processes is left as it is and told in @err. May run in a child; nothing happens
 * where the groups were in order before we came.
 */
int apply_leave_cgroups(const struct apply_context *context, const char *parent, struct error *err);

/*
 * SIGKILL inner containers so that dockerd can finish its clean-up: cgroup v2 by cgroup.kill of
 * their groups below @parent (NULL: where dockerd puts them by default); then by pid (NSpid has
 * exactly one entry more than ours and ends in 1; where we are not PID 1, only our descendants),
 * and what is in the group of a container of @data_root without a pid namespace of its own. To be
 * called by PID 1 of the program or a child of it. With @deaf_only only those inits that cannot
 * receive their stop signal (the kernel drops a signal that a pid namespace's init does not handle,
 * pid_namespaces(7)). Returns the number killed or a negative errno.
 */
int apply_kill_containers(enum cgroup_mode mode, const char *parent, const char *data_root,
			  bool deaf_only, struct error *err);

/*
 * As apply_kill_containers() with all of them, for an engine that is gone while the process @spare
 * (0: none) lives on: what that has started is left alone, pid namespaces of its own included.
 */
int apply_kill_left(enum cgroup_mode mode, const char *parent, const char *data_root, pid_t spare,
		    struct error *err);

/*
 * What COMMAND has left when it has ended, jobs of ssh sessions and what came by `docker exec`
 * among them: SIGTERM to each, once, innermost sessions first, and to nobody who was started since;
 * then wait until all have gone, @timeout_ms at most. Not touched: @spare (the services and helpers
 * of PID 1), what descends from them or is in their sessions, shims and inner containers. As PID 1
 * of a pid namespace all else in it, else our descendants only. To be called in a child of PID 1 of
 * the program. Returns the number that is left or a negative errno.
 */
int apply_end_job(const pid_t *spare, size_t n_spare, int timeout_ms, struct error *err);

/* SIGKILL to the same, to all that was there when the caller was forked. Returns the number killed
 * or a negative errno. */
int apply_kill_job(const pid_t *spare, size_t n_spare, struct error *err);

/*
 * Give the slot back: it counts as used until now. After the data root was unmounted; nothing
 * happens without a lease. A lease that is not given back ends with the last descriptor of it.
 */
void apply_release_lease(struct apply_context *context);

/* End and reap what runs beside the steps: mkfs, dind-certs. For paths that give up before they
 * were waited for. */
void apply_abandon(struct apply_context *context);

#endif
