/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Is this process allowed to do what a nested engine needs? Every refusal names what is missing and
 * the flag of the outer engine that adds it, never "did you use --privileged?".
 */
#include <errno.h>
#include <linux/capability.h>
#include <string.h>

#include "dind/str.h"
#include "planner.h"

/* 0 to 65534, nobody, and one more as subordinate ranges are made */
#define MIN_IDS 65535

#define PRIVILEGED "--privileged (Kubernetes: securityContext.privileged: true)"

struct capability {
	int cap;
	const char *name;
	const char *why; /* NULL: one of the 14 that every inner container is started with */
};

/*
 * Without one of these nothing useful starts. Docker gives the 14 default capabilities to every
 * container and does not ask whether it has them itself (all versions): a single missing one breaks
 * each inner container with "unable to apply caps".
 */
static const struct capability required[] = {
	{ CAP_SYS_ADMIN, "SYS_ADMIN", "mounts and namespaces" },
	{ CAP_NET_ADMIN, "NET_ADMIN", "bridges and packet filter rules" },
	{ CAP_CHOWN, "CHOWN", NULL },
	{ CAP_DAC_OVERRIDE, "DAC_OVERRIDE", NULL },
	{ CAP_FOWNER, "FOWNER", NULL },
	{ CAP_FSETID, "FSETID", NULL },
	{ CAP_KILL, "KILL", NULL },
	{ CAP_SETGID, "SETGID", NULL },
	{ CAP_SETUID, "SETUID", NULL },
	{ CAP_SETPCAP, "SETPCAP", NULL },
	{ CAP_NET_BIND_SERVICE, "NET_BIND_SERVICE", NULL },
	{ CAP_NET_RAW, "NET_RAW", NULL },
	{ CAP_SYS_CHROOT, "SYS_CHROOT", NULL },
	{ CAP_MKNOD, "MKNOD", NULL },
	{ CAP_AUDIT_WRITE, "AUDIT_WRITE", NULL },
	{ CAP_SETFCAP, "SETFCAP", NULL },
};

/* What a nested engine does without, and what is lost. Those that lose nothing are not listed. */
static const struct capability optional[] = {
	{ CAP_SYS_RESOURCE, "SYS_RESOURCE",
	  "resource limits cannot be raised above our own, nor OOM scores lowered" },
	{ CAP_SYS_PTRACE, "SYS_PTRACE", "privileged inner containers cannot trace processes" },
	{ CAP_SYS_MODULE, "SYS_MODULE",
	  "kernel modules that the host has not loaded cannot be loaded by modprobe" },
};

bool planner_has_cap(const struct planner *p, int cap)
{
	return p->caps & (UINT64_C(1) << cap);
}

/* The label that containers without privileges have in every policy that knows containers. */
static bool has_plain_label(const struct planner *p)
{
	const struct facts_lsm *lsm = &p->facts->lsm;

	return lsm->selinux == TRI_YES && lsm->selinux_label &&
	       strstr(lsm->selinux_label, ":container_t:");
}

/* The policy is enforced, and denies what the capability allows. */
static bool is_label_tight(const struct planner *p)
{
	const struct facts_lsm *lsm = &p->facts->lsm;

	return lsm->selinux == TRI_YES && lsm->selinux_label &&
	       p->facts->privileges.admin.value == TRI_NO;
}

static const char *confining_flags(struct planner *p)
{
	bool filter = p->facts->privileges.seccomp_mode == 2;
	bool profile = p->facts->lsm.apparmor_label &&
		       !str_has_prefix(p->facts->lsm.apparmor_label, "unconfined");

	return arena_printf(p->arena, "%s%s%s", filter ? " --security-opt seccomp=unconfined" : "",
			    profile ? " --security-opt apparmor=unconfined" : "",
			    has_plain_label(p) ? " --security-opt label=disable" : "");
}

static void refuse_capabilities(struct planner *p, uint64_t have)
{
	struct strings facts = STRINGS_INIT, defaults = STRINGS_INIT, flags = STRINGS_INIT;

	for (size_t i = 0; i < ARRAY_SIZE(required); i++) {
		const struct capability *c = &required[i];

		if (have & (UINT64_C(1) << c->cap))
			continue;
		strings_add(p->arena, &flags, arena_printf(p->arena, "--cap-add %s", c->name));
		if (c->why)
			strings_add(p->arena, &facts,
				    arena_printf(p->arena, "CAP_%s (%s)", c->name, c->why));
		else
			strings_add(p->arena, &defaults, arena_printf(p->arena, "CAP_%s", c->name));
	}
	if (flags.count == 0)
		return;
	if (defaults.count)
		strings_add(p->arena, &facts,
			    arena_printf(p->arena, "%s (every inner container is started with %s)",
					 strings_join(p->arena, &defaults, ", "),
					 defaults.count > 1 ? "them" : "it"));
	p->privileged = false;
	planner_refuse(p, CODE_PRIV_CAPS, STATUS_NOPERM,
		       arena_printf(p->arena,
				    "start this container with " PRIVILEGED
				    ", or at least with %s%s",
				    strings_join(p->arena, &flags, " "), confining_flags(p)),
		       "this container lacks %s", strings_join(p->arena, &facts, ", "));
}

static void judge_user(struct planner *p)
{
	const struct facts_privileges *priv = &p->facts->privileges;

	if (priv->euid > 0) {
		p->privileged = false;
		planner_refuse(p, CODE_PRIV_UID, STATUS_NOPERM,
			       "start this container as root: --user 0:0 (Kubernetes: "
			       "securityContext.runAsUser: 0); COMMAND can still run as another "
			       "user with --user of dind-init",
			       "this process runs as user %lld, and a rootful engine needs root",
			       (long long) priv->euid);
	}
}

/* Of the initial user namespace; with those of ours the kernel lets nobody do what these are for.
 */
static const int initial_only[] = { CAP_SYS_RESOURCE, CAP_SYS_MODULE,	CAP_SYS_RAWIO,
				    CAP_SYS_TIME,     CAP_SYS_BOOT,	CAP_SYSLOG,
				    CAP_MAC_ADMIN,    CAP_MAC_OVERRIDE, CAP_MKNOD };

/* Inner groups are made in every hierarchy; what is not ours cannot be made so from in here. */
static const struct facts_hierarchy *foreign_hierarchy(const struct planner *p)
{
	const struct facts_cgroups *cgroups = &p->facts->cgroups;

	for (size_t i = 0; i < cgroups->n_hierarchies; i++)
		if (cgroups->hierarchies[i].mounted_at &&
		    cgroups->hierarchies[i].writable.value == TRI_NO)
			return &cgroups->hierarchies[i];
	return NULL;
}

/*
 * A container in a user namespace can be home to an engine, if it was given what sysbox gives:
 * every user that images know, control groups of its own, capabilities over its own namespaces.
 * What the kernel keeps for the initial namespace is left out.
 */
static void judge_user_namespace(struct planner *p)
{
	const struct facts_privileges *priv = &p->facts->privileges;
	const struct facts_hierarchy *foreign = foreign_hierarchy(p);
	const char *map = priv->uid_map ? priv->uid_map : "unknown";

	if (priv->user_namespace != TRI_YES)
		return;
	if (priv->uid_count < MIN_IDS) {
		p->privileged = false;
		planner_refuse(p, CODE_PRIV_USERNS, STATUS_NOPERM,
			       "docker: --userns=host beside --privileged, or a range of 65536 for "
			       "userns-remap; podman: as root, without --userns and --uidmap, or "
			       "--userns=auto:size=65536; Kubernetes: hostUsers: true",
			       "this container is in a user namespace with %lld user ids "
			       "(uid_map \"%s\"), and files of images belong to 65536",
			       (long long) priv->uid_count, map);
	} else if (foreign) {
		p->privileged = false;
		planner_refuse(
			p, CODE_PRIV_USERNS, STATUS_NOPERM,
			"control groups of its own: a runtime that gives them (sysbox; cgroup "
			"v2 with --security-opt writable-cgroups=true, Docker 28 and later), or "
			"the initial user namespace: docker: --userns=host beside --privileged; "
			"podman: as root, without --userns and --uidmap; Kubernetes: "
			"hostUsers: true",
			"this container is in a user namespace (uid_map \"%s\"), and %s is not "
			"its own to write%s",
			map, foreign->mounted_at, planner_evidence(p, &foreign->writable, NULL));
	}
	if (!p->privileged)
		return;
	for (size_t i = 0; i < ARRAY_SIZE(initial_only); i++)
		p->caps &= ~(UINT64_C(1) << initial_only[i]);
	planner_hint(
		p, CODE_PRIV_USERNS_HOME, NULL,
		"in a user namespace (uid_map \"%s\"): left out is what the kernel keeps for the "
		"initial one: device nodes, loop images, kernel modules, higher limits, lower OOM "
		"scores, AppArmor policy",
		map);
}

static void judge_capabilities(struct planner *p)
{
	const struct facts_privileges *priv = &p->facts->privileges;

	if (!p->caps_known) {
		planner_hint(p, CODE_PRIV_UNKNOWN, NULL, "the capabilities are not known");
		return;
	}
	/* a user other than root has none; what root would have is the bounding set */
	refuse_capabilities(p, priv->euid > 0 ? priv->cap_bounding : p->caps);
}

static uint64_t full_set(const struct planner *p)
{
	int64_t last = p->facts->privileges.cap_last;

	if (last < 1 || last > 62)
		last = CAP_LAST_CAP;
	return (UINT64_C(1) << (last + 1)) - 1;
}

/*
 * Docker's default profile lets mount(2) through with CAP_SYS_ADMIN, but never keyctl(2) and
 * pivot_root(2): the engine starts and no container does. Where the two calls were probed their
 * answer counts. Where they were not, a filter beside a full set of capabilities is taken for one
 * of a kind that allows them (this program's own filter of an outer level does), beside a short set
 * for the default profile of a container that was not started with --privileged.
 */
static void judge_seccomp(struct planner *p)
{
	const struct facts_privileges *priv = &p->facts->privileges;
	bool pivot_root = priv->pivot_root.value == TRI_NO, keyctl = priv->keyctl.value == TRI_NO;
	bool probed = priv->pivot_root.value != TRI_UNKNOWN && priv->keyctl.value != TRI_UNKNOWN;
	const char *remedy = is_label_tight(p)
				     ? "--security-opt seccomp=unconfined --security-opt "
				       "label=disable, or " PRIVILEGED
				     : "--security-opt seccomp=unconfined, or " PRIVILEGED;

	if (priv->seccomp_mode < 2)
		return;
	if (pivot_root || keyctl) {
		p->privileged = false;
		planner_refuse(p, CODE_PRIV_SECCOMP, STATUS_NOPERM, remedy,
			       "a seccomp filter refuses %s%s%s, without which no inner container "
			       "starts",
			       pivot_root ? "pivot_root" : "", pivot_root && keyctl ? " and " : "",
			       keyctl ? "keyctl" : "");
	} else if (!probed && (full_set(p) & ~(priv->cap_effective & priv->cap_bounding))) {
		p->privileged = false;
		planner_refuse(p, CODE_PRIV_SECCOMP, STATUS_NOPERM, remedy,
			       "a seccomp filter is active; the default one refuses keyctl and "
			       "pivot_root, without which no inner container starts");
	} else if (!probed) {
		planner_hint(p, CODE_PRIV_FILTER, remedy,
			     "a seccomp filter is active; should inner containers fail with "
			     "\"operation not permitted\", it is the first suspect");
	}
}

static bool is_engine_profile(const char *label)
{
	return str_has_prefix(label, "docker-default") ||
	       str_has_prefix(label, "containers-default") ||
	       str_has_prefix(label, "cri-containerd") || str_has_prefix(label, "crio-default");
}

/* Read from our own label: `docker info` of the outer engine shows something else. */
static void judge_profiles(struct planner *p)
{
	const char *apparmor = p->facts->lsm.apparmor_label;
	bool enforced = apparmor && str_has_suffix(apparmor, "(enforce)");

	if (enforced && is_engine_profile(apparmor)) {
		p->privileged = false;
		planner_refuse(
			p, CODE_PRIV_APPARMOR, STATUS_NOPERM,
			"--security-opt apparmor=unconfined, or " PRIVILEGED,
			"this container is confined by the AppArmor profile %s, which denies "
			"every mount",
			apparmor);
	} else if (enforced) {
		planner_hint(p, CODE_PRIV_PROFILE,
			     "should mounts fail with EACCES: --security-opt apparmor=unconfined",
			     "this container is confined by the AppArmor profile %s", apparmor);
	}
}

/* Enforcing or permissive cannot be read in here, but asked for. */
static void judge_label(struct planner *p)
{
	const char *label = p->facts->lsm.selinux_label;

	if (is_label_tight(p)) {
		if (!p->privileged)
			return; /* both flags were named */
		p->privileged = false;
		planner_refuse(p, CODE_PRIV_LABEL, STATUS_NOPERM,
			       "--security-opt label=disable (Kubernetes: "
			       "securityContext.seLinuxOptions.type: spc_t), or " PRIVILEGED,
			       "the host's SELinux policy denies this container, with its label "
			       "%s, what CAP_SYS_ADMIN allows: mounts and namespaces",
			       label);
	} else if (has_plain_label(p)) {
		planner_hint(p, CODE_PRIV_PROFILE, "--security-opt label=disable, or " PRIVILEGED,
			     "this container has the SELinux label %s, which may not mount where "
			     "the policy is enforced",
			     label);
	}
}

static void judge_pid_namespace(struct planner *p)
{
	const struct facts_privileges *priv = &p->facts->privileges;

	if (priv->host_pid_namespace == TRI_YES && !p->options->allow_host_pid)
		planner_refuse(p, CODE_PRIV_HOST_PID, STATUS_NOPERM,
			       "drop --pid=host (Kubernetes: hostPID: true), or pass "
			       "--allow-host-pid if that is really meant",
			       "this process is in the host's pid namespace: it would look after, "
			       "and on its way down end, processes of the host");
	if (priv->pid > 1)
		planner_decide(p, CODE_PRIV_NOT_INIT,
			       "not PID 1 but %lld (--init, or a shared pid namespace): orphans "
			       "are reaped as their subreaper",
			       (long long) priv->pid);
}

static void hint_lost(struct planner *p)
{
	struct strings names = STRINGS_INIT, losses = STRINGS_INIT, flags = STRINGS_INIT;

	if (p->facts->privileges.user_namespace == TRI_YES)
		return; /* said in one line */
	for (size_t i = 0; i < ARRAY_SIZE(optional); i++) {
		if (planner_has_cap(p, optional[i].cap))
			continue;
		strings_add(p->arena, &names, arena_printf(p->arena, "CAP_%s", optional[i].name));
		strings_add(p->arena, &losses, optional[i].why);
		strings_add(p->arena, &flags,
			    arena_printf(p->arena, "--cap-add %s", optional[i].name));
	}
	if (names.count)
		planner_hint(p, CODE_PRIV_CAPS_LOST,
			     arena_printf(p->arena, "%s, where the host has it to give",
					  strings_join(p->arena, &flags, " ")),
			     "without %s: %s", strings_join(p->arena, &names, ", "),
			     strings_join(p->arena, &losses, "; "));
}

/* EPERM for root: the list of devices is the only reason, but for the kernel's log, which
 * CAP_SYSLOG opens. */
static bool is_a_device_refused(const struct facts_mounts *mounts)
{
	for (size_t i = 0; i < mounts->n_devices; i++)
		if (mounts->devices[i].usable.value == TRI_NO &&
		    mounts->devices[i].usable.error == EPERM &&
		    !str_equal(mounts->devices[i].path, "/dev/kmsg"))
			return true;
	return false;
}

/*
 * Of the list of devices a v1 group shows its own; with v2 opening a node has to tell. An inner
 * --privileged container asks for all devices: the kernel lets no v1 group have more than the one
 * above it, so that such a container does not start; with v2 it has less.
 */
static void hint_devices(struct planner *p)
{
	enum tri all = p->facts->privileges.all_devices;
	/* in a user namespace runc leaves the list of devices alone */
	bool initial = p->facts->privileges.user_namespace != TRI_YES;
	bool v1 = all == TRI_NO;
	bool limited = v1 || (all == TRI_UNKNOWN && is_a_device_refused(&p->facts->mounts));

	if (limited && initial)
		planner_hint(p, CODE_PRIV_DEVICES, PRIVILEGED,
			     "the device cgroup of this container allows only some devices: inner "
			     "containers with --privileged %s",
			     v1 ? "will not start (cgroup v1)"
				: "will not have all devices either");
}

/*
 * Docker before 23 gives an inner --privileged container every capability up to AUDIT_READ, whether
 * it has them or not. The version costs a run of dockerd, so only doctor asks for it.
 */
static void hint_old_engine(struct planner *p)
{
	uint64_t wanted = full_set(p) & ((UINT64_C(1) << (CAP_AUDIT_READ + 1)) - 1);
	const char *version = planner_engine_version(p);

	if (!(wanted & ~p->caps))
		return;
	if (version) {
		unsigned int major = planner_engine_major(p);

		if (major > 0 && major < 23)
			planner_hint(p, CODE_PRIV_OLD_ENGINE,
				     "a newer engine (23 and later adapt), or all capabilities "
				     "for this container",
				     "Docker %s cannot run inner containers with --privileged, "
				     "because capabilities are missing here",
				     version);
		return;
	}
	if (p->options->command == COMMAND_DOCTOR)
		(void) planner_ask_version(p);
}

void planner_read_caps(struct planner *p)
{
	const struct facts_privileges *priv = &p->facts->privileges;

	/* no kernel has 0 as its last capability: that is facts without them */
	p->caps_known = priv->cap_last > 0 || priv->cap_effective;
	p->caps = p->caps_known ? priv->cap_effective & priv->cap_bounding : UINT64_MAX;
}

void plan_privileges(struct planner *p)
{
	const struct facts_privileges *priv = &p->facts->privileges;

	planner_read_caps(p);
	p->privileged = true;
	judge_user(p);
	judge_capabilities(p);
	if (p->caps_known && p->privileged)
		hint_old_engine(p);
	judge_user_namespace(p); /* takes away capabilities that are good for nothing there */
	judge_pid_namespace(p);
	if (!p->privileged)
		return;
	judge_seccomp(p);
	judge_profiles(p);
	judge_label(p);
	if (priv->no_new_privs == TRI_YES)
		planner_hint(p, CODE_PRIV_NO_NEW_PRIVS,
			     "drop --security-opt no-new-privileges (Kubernetes: "
			     "allowPrivilegeEscalation: false)",
			     "no_new_privs is set and passes on to every inner container: sudo, "
			     "setuid programs and file capabilities do not work there");
	if (p->caps_known && p->privileged) {
		hint_lost(p);
		hint_devices(p);
	}
}
