/* SPDX-License-Identifier: Apache-2.0 */
/* COMMAND: who it runs as and what it is told. */
#include <linux/capability.h>
#include <string.h>

#include "dind/str.h"
#include "planner.h"

/* "4 20 999" from inspect; what is no number is not there. */
static void add_groups(struct launch *launch, const char *text)
{
	while (text && *text && launch->n_groups < LAUNCH_MAX_GROUPS) {
		size_t n = strcspn(text, " ");
		char number[16];
		uint64_t gid;

		if (n && n < sizeof(number)) {
			memcpy(number, text, n);
			number[n] = '\0';
			if (str_parse_u64(number, &gid) == 0 && gid <= UINT32_MAX)
				launch->groups[launch->n_groups++] = (uint32_t) gid;
		}
		text += n;
		text += strspn(text, " ");
	}
}

static bool is_in_group(const struct launch *launch, int64_t gid)
{
	if (launch->gid == gid)
		return true;
	for (size_t i = 0; i < launch->n_groups; i++)
		if (launch->groups[i] == gid)
			return true;
	return false;
}

/* The unix socket is why COMMAND runs in here, so it must be able to open it. */
static void join_socket_group(struct planner *p, struct launch *launch)
{
	const struct plan_listener *socket = planner_public_socket(p);

	if (!socket)
		return;
	if (socket->gid < 0 && !is_in_group(launch, 0)) {
		planner_hint(p, CODE_USER_SOCKET,
			     arena_printf(p->arena,
					  "--socket-group %u, or a group docker in the image",
					  launch->gid),
			     "%s belongs to root alone, and COMMAND runs as %s", socket->path,
			     p->options->user);
	} else if (socket->gid >= 0 && !is_in_group(launch, socket->gid) &&
		   launch->n_groups < LAUNCH_MAX_GROUPS) {
		launch->groups[launch->n_groups++] = (uint32_t) socket->gid;
		planner_decide(p, CODE_USER_GROUP, "%s gets the group %lld of %s besides its own",
			       p->options->user, (long long) socket->gid, socket->path);
	}
}

static bool has_user(const struct planner *p)
{
	const struct facts_identity *identity = &p->facts->identity;

	return identity->user_found == TRI_YES && identity->user_uid >= 0 &&
	       identity->user_gid >= 0;
}

static bool lacks(const struct planner *p, int cap)
{
	return p->caps_known && !planner_has_cap(p, cap);
}

/* An engine of our own takes more than this, and says so itself. */
static void judge_switch(struct planner *p)
{
	const struct facts_identity *identity = &p->facts->identity;
	int64_t euid = p->facts->privileges.euid;

	if (!planner_is_outside(p))
		return;
	if (euid > 0 && euid != identity->user_uid)
		planner_refuse(p, CODE_USER_SWITCH, STATUS_NOPERM,
			       "leave out --user, or start this container as root: --user 0:0 "
			       "(Kubernetes: securityContext.runAsUser: 0)",
			       "this process runs as user %lld and cannot become %s",
			       (long long) euid, p->options->user);
	else if (euid <= 0 && identity->user_uid != 0 &&
		 (lacks(p, CAP_SETUID) || lacks(p, CAP_SETGID)))
		planner_refuse(p, CODE_USER_SWITCH, STATUS_NOPERM,
			       "--cap-add SETUID --cap-add SETGID, or start this container as that "
			       "user",
			       "without CAP_SETUID and CAP_SETGID this process cannot become %s",
			       p->options->user);
}

void plan_user(struct planner *p)
{
	if (!p->options->workload || !p->options->user)
		return;
	if (has_user(p))
		judge_switch(p);
	else
		/* on no account as root instead */
		planner_refuse(p, CODE_USER_MISSING, STATUS_CONFIG,
			       "a user of this image's /etc/passwd, or its number, with an "
			       "existing group",
			       "the user \"%s\" of --user %s", p->options->user,
			       p->facts->identity.user_found == TRI_NO ? "does not exist"
								       : "could not be looked up");
}

static void join_group_outside(struct planner *p, struct launch *launch)
{
	int64_t gid = planner_outside_group(p);

	if (gid >= 0 && !is_in_group(launch, gid) && launch->n_groups < LAUNCH_MAX_GROUPS)
		launch->groups[launch->n_groups++] = (uint32_t) gid;
}

static bool is_root(const struct planner *p)
{
	return p->facts->privileges.euid <= 0;
}

static void set_user(struct planner *p, struct launch *launch)
{
	const struct facts_identity *identity = &p->facts->identity;

	/* not root, it is that user already: plan_user() has seen to it */
	if (!p->options->user || !has_user(p) || !is_root(p))
		return;
	launch->set_user = true;
	launch->uid = (uint32_t) identity->user_uid;
	launch->gid = (uint32_t) identity->user_gid;
	add_groups(launch, identity->user_groups);
	if (launch->uid == 0)
		return;
	join_socket_group(p, launch);
	join_group_outside(p, launch);
}

static enum launch_caps capabilities(struct planner *p, const struct launch *launch)
{
	bool keeps =
		!p->options->drop_caps && is_root(p) && (!launch->set_user || launch->uid == 0);

	if (keeps || (!is_root(p) && !p->options->drop_caps && !p->options->user))
		return LAUNCH_CAPS_KEEP;
	if (p->options->keep_caps && !p->options->drop_caps)
		return LAUNCH_CAPS_KEEP_BOUNDING;
	/* prctl(2), PR_CAPBSET_DROP. Without, setuid programs and file capabilities are the way
	 * back to them, which no_new_privs bars. */
	if (p->caps_known && !planner_has_cap(p, CAP_SETPCAP)) {
		if (!p->options->no_new_privs)
			planner_hint(p, CODE_USER_BOUND,
				     "--no-new-privs, or --cap-add SETPCAP for this container",
				     "the bounding set of COMMAND stays as it is, because "
				     "CAP_SETPCAP is missing");
		return LAUNCH_CAPS_KEEP_BOUNDING;
	}
	return LAUNCH_CAPS_CLEAR;
}

void plan_workload(struct planner *p)
{
	struct launch *launch = &p->plan->workload.launch;

	if (!p->options->workload)
		return;
	p->plan->workload.wanted = true;
	launch->argv = p->options->workload;
	launch->foreground = true;
	set_user(p, launch);
	launch->caps = capabilities(p, launch);
	launch->no_new_privs = p->options->no_new_privs;
	launch->environment = planner_workload_environment(p);
	/* whoever could load a profile loads it there; a user of --user cannot */
	if (!launch->set_user)
		launch->apparmor_exec = planner_apparmor_exec(p);
	if (planner_is_outside(p))
		return; /* nobody in here whom it would have to protect */
	launch->set_oom_score = planner_job_oom_score(p, &launch->oom_score_adj);
}
