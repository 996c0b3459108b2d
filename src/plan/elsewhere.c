/* SPDX-License-Identifier: Apache-2.0 */
/*
 * An engine that is not ours: nothing is mounted, nothing is started beside COMMAND. What is left
 * to do is to say what is wrong with the way to it, to let an ordinary user take that way, and to
 * wait until somebody is at its end. None of it needs a privilege.
 */
#include "dind/str.h"
#include "planner.h"

/* What an id of another user namespace looks like in ours, user_namespaces(7). */
#define OVERFLOW_ID 65534

/* Past the client's own limit, which can say what it was waiting for. */
#define GRACE_MS 5000

#define NEW_GROUP "docker-host"

static const char mount_it[] =
	"-v /var/run/docker.sock:/var/run/docker.sock (Kubernetes: a hostPath "
	"volume of type Socket), or another --mode";

/* ---- socket: is there an engine? ---- */

static void refuse_closed(struct planner *p)
{
	const struct facts_reach *reach = &p->facts->reach;
	long long euid = p->facts->privileges.euid;
	const char *remedy;

	if (euid <= 0)
		remedy = "--security-opt label=disable where SELinux confines this container; "
			 "--userns=host where it has a user namespace of its own";
	else if ((reach->socket_mode & 0020) && reach->socket_gid > 0 &&
		 reach->socket_gid != OVERFLOW_ID)
		remedy = arena_printf(p->arena,
				      "--group-add %lld (Kubernetes: "
				      "securityContext.supplementalGroups: [%lld])",
				      (long long) reach->socket_gid, (long long) reach->socket_gid);
	else
		remedy = "start this container as root: --user 0:0; COMMAND can still run as "
			 "another user with --user of dind-init";
	planner_refuse(p, CODE_SOCKET_CLOSED, STATUS_NOPERM, remedy,
		       "%s (user %lld, group %lld, mode %04llo) is closed to user %lld%s",
		       reach->socket, (long long) reach->socket_uid, (long long) reach->socket_gid,
		       (long long) reach->socket_mode, euid,
		       planner_evidence(p, &reach->socket_answers, NULL));
}

static void refuse_silent(struct planner *p)
{
	const struct facts_reach *reach = &p->facts->reach;

	switch (reach->socket_answers.error) {
	case EACCES:
	case EPERM:
		refuse_closed(p);
		return;
	default:
		planner_refuse(p, CODE_SOCKET_DEAD, STATUS_UNAVAILABLE,
			       "start the engine outside, then this container again; where that "
			       "happens often mount the directory of the socket instead (-v "
			       "/run:/host/run, DOCKER_HOST=unix:///host/run/docker.sock)",
			       "nobody listens on %s%s: the engine outside is down, or has made a "
			       "new socket since this one was mounted",
			       reach->socket, planner_evidence(p, &reach->socket_answers, NULL));
	}
}

static void judge_type(struct planner *p)
{
	const struct facts_reach *reach = &p->facts->reach;

	if (!reach->socket_type)
		planner_refuse(p, CODE_SOCKET_MISSING, STATUS_CONFIG, mount_it,
			       "there is no %s in this container", reach->socket);
	else if (str_equal(reach->socket_type, "directory"))
		planner_refuse(p, CODE_SOCKET_TYPE, STATUS_CONFIG,
			       "outside: remove that directory, start the engine there, and make "
			       "this container anew",
			       "%s is a directory: there was no such socket outside when it was to "
			       "be mounted, so the engine there made a directory",
			       reach->socket);
	else
		planner_refuse(p, CODE_SOCKET_TYPE, STATUS_CONFIG, mount_it,
			       "%s is a %s, and no socket", reach->socket, reach->socket_type);
}

static void judge_socket(struct planner *p)
{
	const struct facts_reach *reach = &p->facts->reach;

	if (!str_equal(reach->socket_type, "socket")) {
		judge_type(p);
		return;
	}
	if (reach->socket_answers.value == TRI_NO) {
		refuse_silent(p);
		return;
	}
	if (reach->socket_api.value == TRI_NO)
		planner_refuse(p, CODE_SOCKET_FOREIGN, STATUS_CONFIG, mount_it,
			       "what answers on %s does not speak the API of a Docker engine",
			       reach->socket);
	else if (reach->socket_answers.value == TRI_YES && reach->socket_api.value == TRI_UNKNOWN)
		planner_hint(p, CODE_SOCKET_SLOW, NULL,
			     "the engine behind %s did not answer its ping%s", reach->socket,
			     planner_evidence(p, &reach->socket_api, NULL));
}

/* ---- socket: who may use it ---- */

static bool is_for_all(const struct planner *p)
{
	return p->facts->reach.socket_mode < 0 || (p->facts->reach.socket_mode & 0002);
}

/* Root's group opens more than a socket, so it must be asked for by name. */
static bool root_group_is_meant(const struct planner *p)
{
	const struct facts_identity *identity = &p->facts->identity;

	return p->options->socket_group && identity->group_found == TRI_YES &&
	       identity->group_gid == 0;
}

static bool group_can_be_given(const struct planner *p)
{
	const struct facts_reach *reach = &p->facts->reach;

	if (!(reach->socket_mode & 0020) || reach->socket_gid < 0 ||
	    reach->socket_gid == OVERFLOW_ID)
		return false;
	return reach->socket_gid != 0 || root_group_is_meant(p);
}

int64_t planner_outside_group(const struct planner *p)
{
	if (p->plan->mode != MODE_SOCKET || is_for_all(p) || !group_can_be_given(p))
		return -1;
	return p->facts->reach.socket_gid;
}

const char *const *planner_socket_users(struct planner *p)
{
	const struct facts_identity *identity = &p->facts->identity;
	const struct facts_reach *reach = &p->facts->reach;
	struct strings names = STRINGS_INIT;

	for (size_t i = 0; i < reach->users.count; i++)
		strings_add(p->arena, &names, reach->users.items[i]);
	if (p->options->user && identity->user_name && identity->user_uid > 0 &&
	    !strings_has(&names, identity->user_name))
		strings_add(p->arena, &names, identity->user_name);
	return names.count ? names.items : NULL;
}

static const char *list(struct planner *p, const char *const *names)
{
	struct strings words = STRINGS_INIT;

	for (; names && *names; names++)
		strings_add(p->arena, &words, *names);
	return strings_join(p->arena, &words, ", ");
}

/* For COMMAND's user it is the end; those who log in later may have other things to do. */
static void say_root_only(struct planner *p, const char *const *names)
{
	const struct facts_reach *reach = &p->facts->reach;
	const struct facts_identity *identity = &p->facts->identity;
	bool root_group = (reach->socket_mode & 0020) && reach->socket_gid == 0;
	const char *fact = arena_printf(
		p->arena, "%s (user %lld, group %lld, mode %04llo) is for root%s alone, not for %s",
		reach->socket, (long long) reach->socket_uid, (long long) reach->socket_gid,
		(long long) reach->socket_mode, root_group ? " and root's group" : "",
		list(p, names));
	const char *remedy =
		reach->socket_gid == OVERFLOW_ID
			? "--userns=host: in this container's user namespace the socket's group "
			  "has no number"
			: arena_printf(p->arena,
				       "outside: a group docker, and the engine started again%s",
				       root_group ? "; or --socket-group 0, if the group root is "
						    "meant"
						  : "");

	if (p->options->user && identity->user_uid > 0 && identity->user_uid != reach->socket_uid)
		planner_refuse(p, CODE_SOCKET_ROOT_ONLY, STATUS_NOPERM, remedy, "%s", fact);
	else
		planner_hint(p, CODE_SOCKET_ROOT_ONLY, remedy, "%s", fact);
}

static void judge_users(struct planner *p)
{
	const char *const *names = planner_socket_users(p);
	const struct facts_reach *reach = &p->facts->reach;

	/* not root, we are that user, and connect(2) has said what there is to say */
	if (!names || p->facts->privileges.euid > 0 || is_for_all(p) ||
	    !str_equal(reach->socket_type, "socket"))
		return;
	if (!group_can_be_given(p))
		say_root_only(p, names);
	else
		planner_decide(p, CODE_SOCKET_GROUP, "%s: group %lld of %s%s%s", list(p, names),
			       (long long) reach->socket_gid, reach->socket,
			       reach->socket_group ? ", called " : ", which has no name in here",
			       reach->socket_group ? reach->socket_group : "");
}

/* ---- remote ---- */

static void judge_remote(struct planner *p)
{
	static const char remedy[] =
		"-e DOCKER_HOST=tcp://HOST:2376 with DOCKER_TLS_VERIFY=1 and DOCKER_CERT_PATH, or "
		"ssh://USER@HOST; for a socket --mode socket";
	const char *host = p->facts->reach.docker_host;

	if (!host)
		planner_refuse(p, CODE_REMOTE_HOST, STATUS_CONFIG, remedy,
			       "DOCKER_HOST is not set");
	else if (!str_has_prefix(host, "tcp://") && !str_has_prefix(host, "ssh://"))
		planner_refuse(p, CODE_REMOTE_HOST, STATUS_CONFIG, remedy,
			       "DOCKER_HOST is %s, which names no engine elsewhere", host);
	else if (!p->facts->engine.client && !p->options->no_wait)
		planner_hint(p, CODE_REMOTE_CLIENT,
			     "install it from the same build as dind-init, or --no-wait",
			     "dind-client is not installed: COMMAND starts without waiting for %s",
			     host);
}

/* ---- both ---- */

void plan_outside(struct planner *p)
{
	const struct facts_reach *reach = &p->facts->reach;

	if (!p->options->workload && p->options->command != COMMAND_DOCTOR)
		planner_refuse(p, CODE_MODE_COMMAND, STATUS_CONFIG,
			       "add the COMMAND, or --mode nested",
			       "with --mode %s there is no engine to start, and no COMMAND to run",
			       options_mode_name(p->plan->mode));
	p->plan->outside_engine = "";
	if (p->plan->mode == MODE_REMOTE) {
		p->plan->outside = reach->docker_host ? reach->docker_host : "";
		judge_remote(p);
		return;
	}
	p->plan->outside = arena_printf(p->arena, "unix://%s", reach->socket);
	if (reach->engine)
		p->plan->outside_engine = reach->engine;
	judge_socket(p);
	judge_users(p);
}

/* sshd, cron and docker exec give a user the groups of /etc/group and no others. */
void plan_outside_steps(struct planner *p)
{
	const char *const *names = planner_socket_users(p);
	struct plan_step *step;

	if (!names || p->facts->privileges.euid > 0 || planner_outside_group(p) < 0)
		return;
	step = planner_step(p, STEP_GROUP, "group",
			    "who logs in later (ssh, docker exec) has the groups of /etc/group");
	planner_or_degrade(step, CODE_SOCKET_GROUP,
			   "the socket for users who log in; COMMAND has its group all the same",
			   NULL);
	step->u.group.gid = p->facts->reach.socket_gid;
	step->u.group.name = NEW_GROUP;
	step->u.group.users = names;
}

/* As COMMAND, with all that it has and nothing more: what it cannot reach is not reached. */
void plan_outside_wait(struct planner *p)
{
	struct plan_service *wait = &p->plan->prepare;
	const struct options *o = p->options;
	struct strings argv = STRINGS_INIT;

	if (p->plan->mode != MODE_REMOTE || !p->facts->engine.client || !p->plan->workload.wanted)
		return;
	strings_add(p->arena, &argv, p->facts->engine.client);
	strings_add(p->arena, &argv, "wait");
	strings_add(p->arena, &argv, "--host");
	strings_add(p->arena, &argv, p->plan->outside);
	strings_add(p->arena, &argv, "--timeout");
	strings_add(p->arena, &argv,
		    arena_printf(p->arena, "%d", (o->ready_timeout_ms + 999) / 1000));
	if (o->log_format == LOG_FORMAT_JSON) {
		strings_add(p->arena, &argv, "--log-format");
		strings_add(p->arena, &argv, "json");
	}
	wait->wanted = true;
	wait->launch = p->plan->workload.launch;
	wait->launch.argv = argv.items;
	wait->launch.foreground = false;
	wait->launch.new_session = true;
	/* --no-wait: COMMAND is there already; what is the matter with that engine is said all the
	 * same, and `ready` waits for it */
	p->plan->prepare_required = !o->no_wait;
	p->plan->prepare_timeout_ms = o->ready_timeout_ms + GRACE_MS;
}
