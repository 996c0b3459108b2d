/* SPDX-License-Identifier: Apache-2.0 */
/*
 * inspect.h - look at the machine. Never changes anything, never logs; what cannot be read is
 * recorded as unknown, with the errno. Only trials touch the disk, each in one scratch directory
 * that it removes.
 */
#ifndef DIND_INSPECT_H
#define DIND_INSPECT_H

#include <sys/statfs.h>

#include "dind/error.h"
#include "dind/facts.h"
#include "dind/options.h"

/*
 * Where answers come from. The live one asks this kernel; a fixture has a directory as root (opened
 * O_PATH, read through openat2(2) with RESOLVE_IN_ROOT so that an absolute symbolic link cannot
 * leave it) and answers in place of the system calls that a directory cannot imitate.
 */
struct inspect_world {
	int root_fd; /* AT_FDCWD or -1: this machine; else a fixture */
	/* NULL in a fixture table: unknown (-ENOSYS) */
	int (*statfs)(const struct inspect_world *world, const char *path, struct statfs *ret);
	/* 0 or negative errno of opening @path with @flags (O_RDONLY, O_WRONLY, O_RDWR) */
	int (*probe_open)(const struct inspect_world *world, const char *path, int flags);
	/* the MTU of a network device of our namespace, or a negative errno */
	int (*link_mtu)(const struct inspect_world *world, const char *device);
	/* likewise of the way to an IPv4 address, by whatever table of routes the kernel takes */
	int (*route_mtu)(const struct inspect_world *world, const char *address);
	void *context;
};

/* This machine. */
void inspect_world_live(struct inspect_world *ret_world);

/*
 * Fill @facts with all subjects. Paths that the user named (data root, storage path) are looked at
 * by a child with a deadline of 2 s, so that a dead NFS server cannot hang PID 1; what it could not
 * say is unknown. Memory is taken from @arena. Returns 0; a negative errno only for failures that
 * leave nothing to plan with (no /proc).
 */
int inspect_machine(const struct inspect_world *world, const struct options *options,
		    struct arena *arena, struct facts *facts, struct error *err);

/*
 * A slot of the pool was leased (facts->pool.lease): look at it as the storage path, likewise.
 */
void inspect_lease(const struct inspect_world *world, const struct options *options,
		   struct arena *arena, struct facts *facts);

/*
 * Run one trial and append its result to @facts. The child has its own mount namespace, is killed
 * after
 * @timeout_ms (then: unknown, ETIMEDOUT), does the real operation and removes its scratch directory
 * (`.dind-trial-XXXXXX` in the directory). TRIAL_OVERLAY mounts with `volatile` where the kernel
 * has it (5.10): without it the umount is a syncfs of the whole disk. 0, or negative errno when no
 * child could be made.
 */
int trial_run(const struct trial_request *request, int timeout_ms, struct arena *arena,
	      struct facts *facts, struct error *err);

/*
 * As trial_run() for each of the @n @requests. Those that write to no directory run beside the
 * others.
 */
int trial_run_all(const struct trial_request *requests, size_t n, int timeout_ms,
		  struct arena *arena, struct facts *facts, struct error *err);

#endif
