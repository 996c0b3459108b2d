/* SPDX-License-Identifier: Apache-2.0 */
/*
 * --confine: what the engine's tree is refused of the host's kernel.
 *
 * Each call on the list acts on the one kernel that all containers of the host share, no namespace
 * is between, and nothing that a nested engine does needs it. The list is a rail, not a wall: a
 * privileged container reaches the kernel through files too (/dev/mem, /proc/sysrq-trigger), which
 * no filter of system calls can tell apart. So nothing that runc, buildkit or an inner systemd use
 * is on it: the mount family, unshare, setns, clone3 (time namespaces are made by these and by a
 * write to /proc/PID/timens_offsets), pivot_root, keyctl, bpf, mknod, quotactl, seccomp, ptrace;
 * reboot, which ends an inner pid namespace; adjtimex and clock_adjtime, with which anybody reads
 * the clock's state.
 *
 * Capabilities are another matter: capabilities.c.
 */
#include <linux/capability.h>

#include "dind/str.h"
#include "planner.h"

struct refused_call {
	const char *name;
	bool modules;  /* allowed to who has brought modules */
	bool obsolete; /* only listed, not told */
};

static const struct refused_call calls[] = {
	/* Another kernel in the place of the host's, at once or at its next panic. */
	{ .name = "kexec_load" },
	{ .name = "kexec_file_load" },
	/*
	 * Code in the host's kernel. dockerd and iptables run modprobe (br_netfilter, ip_tables,
	 * nf_nat, xt_conntrack, xt_addrtype, …), but modprobe opens files below /lib/modules, and
	 * only where the host's are mounted there are they for this kernel: then this is allowed.
	 * What the kernel itself asks for, when a rule, a file system or a link type is first used,
	 * it loads from the host's files in the host's name: a filter in here does not touch that.
	 */
	{ .name = "init_module", .modules = true },
	{ .name = "finit_module", .modules = true },
	/* … and out of it, from under the host's feet. */
	{ .name = "delete_module", .modules = true },
	/* What they were in Linux 2.4; some kernel may still have them. */
	{ .name = "create_module", .modules = true, .obsolete = true },
	{ .name = "get_kernel_syms", .modules = true, .obsolete = true },
	{ .name = "query_module", .modules = true, .obsolete = true },
	/* The host's memory management: a swap file in here would take pages of all its processes,
	 * and keep the file system from being unmounted. */
	{ .name = "swapon" },
	{ .name = "swapoff" },
	/* The wall clock is one for all; a time namespace has monotonic and boot time only. */
	{ .name = "settimeofday" },
	{ .name = "clock_settime" },
	{ .name = "clock_settime64", .obsolete = true }, /* the same, of 32-bit programs */
	{ .name = "stime", .obsolete = true },		 /* likewise */
	/* Ports of the real hardware. x86 only. */
	{ .name = "iopl" },
	{ .name = "ioperm" },
	/* Process accounting: as each process ends the kernel itself appends a record to a file,
	 * whatever the limits of that process are, until it is told to stop. */
	{ .name = "acct" },
	/* Opens any file of a file system by number, past mount namespace and bind mount: the way
	 * from a volume to the rest of the host's disk. criu wants it for inotify watches; the
	 * engine's checkpoints are experimental, and need --confine off for containers with such.
	 */
	{ .name = "open_by_handle_at" },
};

bool planner_has_modules(const struct planner *p)
{
	/* /lib is a link in Debian's images, and the mount table knows no links */
	return planner_mounted_within(p, "/lib/modules") ||
	       planner_mounted_within(p, "/usr/lib/modules");
}

/* seccomp(2): who has CAP_SYS_ADMIN, or can gain no privileges any more. We never set
 * no_new_privs for this: it would pass on to all inner containers, and sudo be dead there. */
static bool may_filter(const struct planner *p)
{
	return planner_has_cap(p, CAP_SYS_ADMIN) || p->facts->privileges.no_new_privs == TRI_YES;
}

static void choose(struct planner *p)
{
	struct strings all = STRINGS_INIT, told = STRINGS_INIT;
	bool modules = planner_has_modules(p);

	for (size_t i = 0; i < ARRAY_SIZE(calls); i++) {
		if (modules && calls[i].modules)
			continue;
		strings_add(p->arena, &all, calls[i].name);
		if (!calls[i].obsolete)
			strings_add(p->arena, &told, calls[i].name);
	}
	p->refused = all.items;
	p->plan->engine_confinement = "engine under a seccomp filter";
	planner_decide(p, CODE_CONFINE_DECISION,
		       "confine: the engine's tree may not call %s of the host's kernel (EPERM)%s",
		       strings_join(p->arena, &told, ", "),
		       modules ? "; it may load modules, because /lib/modules is mounted in" : "");
}

void plan_confine(struct planner *p)
{
	if (!p->privileged)
		return; /* refused anyway */
	p->plan->engine_confinement = "engine not confined";
	if (p->options->confine == CONFINE_OFF) {
		planner_decide(p, CODE_CONFINE_DECISION,
			       "confine: off, the engine's tree may do to the host's kernel what "
			       "its capabilities allow");
		return;
	}
	if (!may_filter(p)) {
		planner_hint(p, CODE_CONFINE_NOT, NULL,
			     "confine: nothing, because a seccomp filter takes CAP_SYS_ADMIN or "
			     "no_new_privs, and this container has neither");
		return;
	}
	choose(p);
}

void plan_confine_step(struct planner *p)
{
	struct plan_step *step;

	if (!p->refused)
		return;
	step = planner_step(p, STEP_CONFINE, "confine",
			    "no nested engine needs what reaches past every namespace into the "
			    "host's kernel");
	step->u.confine.refused = p->refused;
	planner_or_degrade(step, CODE_CONFINE_NOT, "a seccomp filter over it",
			   "--confine off, if that is meant");
}
