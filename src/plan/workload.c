/* SPDX-License-Identifier: Apache-2.0 */
/* COMMAND: who it runs as and what it is told. */
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

void plan_user(struct planner *p)
{
	if (p->options->workload && p->options->user && !has_user(p))
		/* on no account as root instead */
		planner_refuse(p, CODE_USER_MISSING, STATUS_CONFIG,
			       "a user of this image's /etc/passwd, or its number, with an "
			       "existing group",
			       "the user \"%s\" of --user %s", p->options->user,
			       p->facts->identity.user_found == TRI_NO ? "does not exist"
								       : "could not be looked up");
}

static void set_user(struct planner *p, struct launch *launch)
{
	const struct facts_identity *identity = &p->facts->identity;

	if (!p->options->user || !has_user(p))
		return;
	launch->set_user = true;
	launch->uid = (uint32_t) identity->user_uid;
	launch->gid = (uint32_t) identity->user_gid;
	add_groups(launch, identity->user_groups);
	if (launch->uid != 0)
		join_socket_group(p, launch);
}

static enum launch_caps capabilities(const struct planner *p, const struct launch *launch)
{
	bool root = !launch->set_user || launch->uid == 0;

	if (p->options->drop_caps)
		return LAUNCH_CAPS_CLEAR;
	if (root)
		return LAUNCH_CAPS_KEEP;
	return p->options->keep_caps ? LAUNCH_CAPS_KEEP_BOUNDING : LAUNCH_CAPS_CLEAR;
}

void plan_workload(struct planner *p)
{
	struct launch *launch = &p->plan->workload.launch;
	int score;

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
	/* PID 1's lowered score is for the engine; going back up needs no capability */
	launch->set_oom_score = planner_oom_score(p, &score);
	if (launch->set_oom_score)
		launch->oom_score_adj = (int) p->facts->limits.oom_score_adj;
}
