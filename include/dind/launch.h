/* SPDX-License-Identifier: Apache-2.0 */
/*
 * launch.h - the launch record: all that happens between fork and exec of a service, as data.
 *
 * Applied by supervise's spawn in one fixed order: cgroup, session and terminal, descriptors and
 * LISTEN_*, environment, AppArmor exec attribute, rlimits and OOM score, user and groups,
 * capabilities, no_new_privs, seccomp. Made by plan; strings live in plan's arena.
 */
#ifndef DIND_LAUNCH_H
#define DIND_LAUNCH_H

#include <linux/filter.h>

#include "dind/base.h"

enum launch_caps {
	LAUNCH_CAPS_KEEP = 0,	   /* what PID 1 has */
	LAUNCH_CAPS_CLEAR,	   /* nothing in any set, bounding included */
	LAUNCH_CAPS_KEEP_BOUNDING, /* bounding set kept, so that sudo works */
};

struct launch_rlimit {
	int resource; /* RLIMIT_* */
	uint64_t soft,
		hard; /* UINT64_MAX: RLIM_INFINITY. Never raised above what the kernel lets us */
};

/* A seccomp program, for a list of refused calls; apply compiles it, spawn installs it. */
#define LAUNCH_FILTER_MAX 512 /* the kernel's limit is BPF_MAXINSNS, 4096 */
struct launch_filter {
	struct sock_filter code[LAUNCH_FILTER_MAX];
	unsigned short length; /* 0: none */
	unsigned int flags;    /* SECCOMP_FILTER_FLAG_* that this kernel knows */
};

#define LAUNCH_MAX_RLIMITS 4
#define LAUNCH_MAX_GROUPS  64

struct launch {
	const char *const *argv;	/* NULL ended; argv[0] with a '/' is a path, else PATH of
					   @environment is searched */
	const char *const *environment; /* NULL ended; LISTEN_PID is added by spawn when descriptors
					   are handed over */
	const char *cgroup;		/* directory of a group to join, NULL: stay in PID 1's */
	bool new_session;		/* setsid: dockerd does not see the terminal's ^C */
	bool foreground; /* own process group, made the terminal's foreground group (tini's way) */
	const char *listen_names;  /* LISTEN_FDNAMES or NULL */
	const char *apparmor_exec; /* written to /proc/self/attr/apparmor/exec, NULL: nothing */
	struct launch_rlimit rlimits[LAUNCH_MAX_RLIMITS];
	size_t n_rlimits;
	bool set_oom_score;
	int oom_score_adj;
	bool set_user;
	uint32_t uid, gid;
	uint32_t groups[LAUNCH_MAX_GROUPS];
	size_t n_groups;
	enum launch_caps caps;
	bool no_new_privs;
	/* System calls that this process and all that descend from it are refused with EPERM, by
	 * name, NULL ended; NULL: none. The plan only names them: @filter is what does it. */
	const char *const *refused;
	const struct launch_filter
		*filter; /* those, compiled (apply.h); NULL: nothing is refused */
};

#endif
