/* SPDX-License-Identifier: Apache-2.0 */
/* Engines of others: which mode is taken, what is said of the way to them, who is let through. */
#include <linux/capability.h>

#include "plan_fixture.h"

#define SOCKET DIND_DEFAULT_SOCKET

static const char *const make_test[] = { "make", "test", NULL };

/* A container of an agent image: a COMMAND, the capabilities that an engine gives by default. */
static void agent(struct machine *m)
{
	machine_init(m);
	m->facts.privileges.cap_effective = m->facts.privileges.cap_bounding =
		UINT64_C(0x00000000a80425fb);
	m->facts.engine.client = "/usr/libexec/dind-init/dind-client";
	m->facts.reach = (struct facts_reach){ .socket = SOCKET,
					       .socket_mounted = TRI_NO,
					       .socket_uid = -1,
					       .socket_gid = -1,
					       .socket_mode = -1,
					       .socket_answers = { TRI_NO, ENOENT, "stat" } };
	m->options.workload = make_test;
	m->options.ready_timeout_ms = 60000;
}

static void give_socket(struct machine *m, int64_t uid, int64_t gid, int64_t mode)
{
	struct facts_reach *reach = &m->facts.reach;

	reach->socket_mounted = TRI_YES;
	reach->socket_type = "socket";
	reach->socket_uid = uid;
	reach->socket_gid = gid;
	reach->socket_mode = mode;
	reach->socket_answers = (struct fact){ TRI_YES, 0, NULL };
	reach->socket_api = (struct fact){ TRI_YES, 0, NULL };
	reach->engine = "Docker/26.1.5 (linux), API 1.45";
}

static void give_user(struct machine *m, int64_t uid)
{
	m->options.user = "jenkins";
	m->facts.identity.user_found = TRI_YES;
	m->facts.identity.user_uid = m->facts.identity.user_gid = uid;
	m->facts.identity.user_name = "jenkins";
	m->facts.identity.user_home = "/home/jenkins";
	m->facts.identity.user_groups = "";
}

static void give_host(struct machine *m, const char *url, enum tri ours)
{
	static const char *environment[] = { "PATH=/usr/bin", NULL, "DOCKER_TLS_VERIFY=1",
					     "NOTIFY_SOCKET=/x", NULL };

	environment[1] = arena_printf(&m->arena, "DOCKER_HOST=%s", url);
	m->options.environment = environment;
	m->facts.reach.docker_host = url;
	m->facts.reach.docker_host_ours = ours;
}

/* ---- auto ---- */

START_TEST(without_a_command_there_is_an_engine)
{
	struct machine m;

	agent(&m);
	give_socket(&m, 0, 998, 0660);
	give_host(&m, "tcp://docker:2376", TRI_NO);
	m.options.workload = NULL;
	machine_plan(&m);
	ck_assert_int_eq(m.plan.mode, MODE_NESTED);
	ck_assert_has(the_decision(&m, "DIND-MODE-01")->fact, "there is no COMMAND");
	/* doctor's is the one that the agent would have */
	m.options.command = COMMAND_DOCTOR;
	machine_plan(&m);
	ck_assert_int_eq(m.plan.mode, MODE_SOCKET);
	ck_assert_uint_eq(m.plan.n_refusals, 0);
	machine_free(&m);
}
END_TEST

START_TEST(the_first_that_matches)
{
	struct machine m;

	agent(&m);
	m.facts.privileges.cap_effective = m.facts.privileges.cap_bounding = ALL_CAPS;
	machine_plan(&m);
	ck_assert_int_eq(m.plan.mode, MODE_NESTED);
	ck_assert_has(the_decision(&m, "DIND-MODE-01")->fact, "no docker.sock from outside");

	give_host(&m, "tcp://docker:2376", TRI_NO);
	machine_plan(&m);
	ck_assert_int_eq(m.plan.mode, MODE_REMOTE);
	ck_assert_has(the_decision(&m, "DIND-MODE-01")->fact, "DOCKER_HOST is tcp://docker:2376");

	/* a socket in a mounted directory, behind which somebody is */
	give_socket(&m, 0, 998, 0660);
	m.facts.reach.socket_mounted = TRI_NO;
	machine_plan(&m);
	ck_assert_int_eq(m.plan.mode, MODE_SOCKET);
	ck_assert_has(the_decision(&m, "DIND-MODE-01")->fact, "somebody answers on " SOCKET);

	/* nobody is, and it says something else: not a socket from outside */
	m.facts.reach.socket_answers = (struct fact){ TRI_NO, ECONNREFUSED, "connect" };
	machine_plan(&m);
	ck_assert_int_eq(m.plan.mode, MODE_REMOTE);

	m.facts.reach.socket_mounted = TRI_YES;
	machine_plan(&m);
	ck_assert_int_eq(m.plan.mode, MODE_SOCKET);
	ck_assert_has(the_decision(&m, "DIND-MODE-01")->fact, SOCKET " is mounted from outside");
	machine_free(&m);
}
END_TEST

START_TEST(a_docker_host_in_here)
{
	struct machine m;

	agent(&m);
	m.facts.privileges.cap_effective = m.facts.privileges.cap_bounding = ALL_CAPS;
	give_host(&m, "tcp://localhost:2375", TRI_YES);
	machine_plan(&m);
	ck_assert_int_eq(m.plan.mode, MODE_NESTED);
	ck_assert_has(the_decision(&m, "DIND-MODE-01")->fact, "which is in here (--mode remote");
	machine_free(&m);
}
END_TEST

/* A name has to be looked up, and nothing else is planned before that is known. */
START_TEST(a_name_takes_a_trial)
{
	static const struct {
		enum tri answer;
		enum options_mode mode;
	} cases[] = { { TRI_YES, MODE_NESTED },
		      { TRI_NO, MODE_REMOTE },
		      { TRI_UNKNOWN, MODE_REMOTE } };
	struct machine m;

	agent(&m);
	give_host(&m, "tcp://docker:2376", TRI_UNKNOWN);
	machine_plan(&m);
	ck_assert_int_eq(m.plan.mode, MODE_AUTO);
	ck_assert_uint_eq(m.plan.n_trials, 1);
	ck_assert_int_eq(m.plan.trials[0].kind, TRIAL_ADDRESS);
	ck_assert_str_eq(m.plan.trials[0].path, "tcp://docker:2376");
	ck_assert_uint_eq(m.plan.n_steps + m.plan.n_decisions + m.plan.n_refusals, 0);
	ck_assert(!m.plan.engine.wanted && !m.plan.workload.wanted);
	(void) machine_trial(&m, TRIAL_ADDRESS, "tcp://docker:2376", cases[_i].answer, 0, NULL);
	machine_plan(&m);
	ck_assert_int_eq(m.plan.mode, cases[_i].mode);
	machine_free(&m);
}
END_TEST

START_TEST(without_a_client_a_name_is_somebody_elses)
{
	struct machine m;

	agent(&m);
	m.facts.engine.client = NULL;
	give_host(&m, "ssh://ci@builder", TRI_UNKNOWN);
	machine_plan(&m);
	ck_assert_int_eq(m.plan.mode, MODE_REMOTE);
	ck_assert_uint_eq(m.plan.n_trials, 0);
	ck_assert_has(the_hint(&m, "DIND-REMOTE-02")->fact, "without waiting for ssh://ci@builder");
	ck_assert(!m.plan.prepare.wanted);
	machine_free(&m);
}
END_TEST

START_TEST(modes_that_were_asked_for)
{
	struct machine m;

	agent(&m);
	give_socket(&m, 0, 998, 0660);
	m.options.mode = MODE_NESTED;
	machine_plan(&m);
	ck_assert_int_eq(m.plan.mode, MODE_NESTED);
	ck_assert_ptr_null(decision(&m, "DIND-MODE-01"));
	m.options.mode = MODE_REMOTE;
	give_host(&m, "tcp://localhost:2376", TRI_YES);
	machine_plan(&m);
	ck_assert_int_eq(m.plan.mode, MODE_REMOTE);
	ck_assert_uint_eq(m.plan.n_refusals, 0);
	m.options.mode = MODE_SOCKET;
	m.options.workload = NULL;
	machine_plan(&m);
	ck_assert_int_eq(the_refusal(&m, "DIND-MODE-02")->status, STATUS_CONFIG);
	machine_free(&m);
}
END_TEST

/* ---- socket ---- */

static void assert_nothing_is_done(const struct machine *m)
{
	ck_assert_uint_eq(m->plan.n_refusals, 0);
	ck_assert(!m->plan.engine.wanted && !m->plan.containerd.wanted && !m->plan.watch.wanted);
	ck_assert_uint_eq(m->plan.n_listeners, 0);
	ck_assert_uint_eq(m->plan.n_steps, count_steps(m, STEP_GROUP));
	ck_assert_ptr_null(m->plan.storage.data_root);
}

START_TEST(root_needs_nothing)
{
	const struct launch *launch;
	struct machine m;

	agent(&m);
	give_socket(&m, 0, 998, 0660);
	machine_plan(&m);
	assert_nothing_is_done(&m);
	ck_assert_uint_eq(m.plan.n_steps, 0);
	ck_assert_str_eq(m.plan.outside, "unix://" SOCKET);
	ck_assert_str_eq(m.plan.outside_engine, "Docker/26.1.5 (linux), API 1.45");
	launch = &m.plan.workload.launch;
	ck_assert_str_eq(launch_variable(launch, "DOCKER_HOST"), "unix://" SOCKET);
	ck_assert_int_eq(launch->caps, LAUNCH_CAPS_KEEP);
	ck_assert(!launch->set_oom_score && !m.plan.prepare.wanted);
	machine_free(&m);
}
END_TEST

START_TEST(a_user_gets_the_sockets_group)
{
	const struct plan_step *step;
	const struct launch *launch;
	struct machine m;

	agent(&m);
	give_user(&m, 1000);
	give_socket(&m, 0, 998, 0660);
	strings_add(&m.arena, &m.facts.reach.users, "builder");
	machine_plan(&m);
	assert_nothing_is_done(&m);
	launch = &m.plan.workload.launch;
	ck_assert(launch->set_user);
	ck_assert_uint_eq(launch->n_groups, 1);
	ck_assert_uint_eq(launch->groups[0], 998);
	ck_assert_int_eq(launch->caps, LAUNCH_CAPS_CLEAR);
	ck_assert_str_eq(launch_variable(launch, "HOME"), "/home/jenkins");
	step = the_step_with_key(&m, "group");
	ck_assert_int_eq(step->u.group.gid, 998);
	ck_assert_str_eq(argv_text(&m, step->u.group.users), "builder jenkins");
	ck_assert_has(the_decision(&m, "DIND-SOCKET-08")->fact, "no name in here");
	/* it has the group already: given once */
	m.facts.identity.user_groups = "4 998";
	m.facts.reach.socket_group = "docker";
	machine_plan(&m);
	ck_assert_uint_eq(m.plan.workload.launch.n_groups, 2);
	ck_assert_has(the_decision(&m, "DIND-SOCKET-08")->fact, "called docker");
	machine_free(&m);
}
END_TEST

/* sshd runs as root and has nothing to gain; those who log in have. */
START_TEST(members_of_docker_get_it_for_their_logins)
{
	struct machine m;

	agent(&m);
	give_socket(&m, 0, 998, 0660);
	strings_add(&m.arena, &m.facts.reach.users, "jenkins");
	machine_plan(&m);
	ck_assert_str_eq(argv_text(&m, the_step_with_key(&m, "group")->u.group.users), "jenkins");
	ck_assert_int_eq(the_step_with_key(&m, "group")->on_fail, FAIL_DEGRADE);
	ck_assert(!m.plan.workload.launch.set_user);
	/* a socket for everybody is for them, too */
	m.facts.reach.socket_mode = 0666;
	machine_plan(&m);
	ck_assert_uint_eq(m.plan.n_steps, 0);
	machine_free(&m);
}
END_TEST

START_TEST(a_socket_for_root_alone)
{
	static const struct {
		int64_t gid, mode;
		const char *says, *remedy;
	} cases[] = {
		{ 0, 0660, "root and root's group alone, not for jenkins", "--socket-group 0" },
		{ 998, 0600, "for root alone", "a group docker" },
		{ 65534, 0660, "for root alone", "--userns=host" },
	};
	const struct plan_message *message;
	struct machine m;

	agent(&m);
	give_socket(&m, 0, cases[_i].gid, cases[_i].mode);
	/* who logs in later may have other things to do */
	strings_add(&m.arena, &m.facts.reach.users, "jenkins");
	machine_plan(&m);
	ck_assert_uint_eq(m.plan.n_refusals, 0);
	ck_assert_ptr_nonnull(hint(&m, "DIND-SOCKET-07"));
	ck_assert_uint_eq(m.plan.n_steps, 0);
	give_user(&m, 1000);
	machine_plan(&m);
	message = the_refusal(&m, "DIND-SOCKET-07");
	ck_assert_int_eq(message->status, STATUS_NOPERM);
	ck_assert_has(message->fact, cases[_i].says);
	ck_assert_has(message->remedy, cases[_i].remedy);
	/* its owner */
	m.facts.reach.socket_uid = 1000;
	machine_plan(&m);
	ck_assert_uint_eq(m.plan.n_refusals, 0);
	machine_free(&m);
}
END_TEST

START_TEST(roots_group_when_it_is_meant)
{
	struct machine m;

	agent(&m);
	give_user(&m, 1000);
	give_socket(&m, 0, 0, 0660);
	m.options.socket_group = "0";
	m.facts.identity.group_found = TRI_YES;
	m.facts.identity.group_gid = 0;
	machine_plan(&m);
	ck_assert_uint_eq(m.plan.n_refusals, 0);
	ck_assert_uint_eq(m.plan.workload.launch.groups[0], 0);
	ck_assert_int_eq(the_step_with_key(&m, "group")->u.group.gid, 0);
	machine_free(&m);
}
END_TEST

START_TEST(sockets_that_lead_nowhere)
{
	static const struct {
		const char *type;
		struct fact answers, api;
		const char *code, *says, *remedy;
		int status;
	} cases[] = {
		{ NULL,
		  { TRI_NO, ENOENT, NULL },
		  { 0 },
		  "DIND-SOCKET-01",
		  "there is no " SOCKET,
		  "-v /var/run/docker.sock",
		  STATUS_CONFIG },
		{ "directory",
		  { 0 },
		  { 0 },
		  "DIND-SOCKET-02",
		  "is a directory",
		  "remove that directory",
		  STATUS_CONFIG },
		{ "file",
		  { 0 },
		  { 0 },
		  "DIND-SOCKET-02",
		  "is a file, and no socket",
		  "-v /var/run/docker.sock",
		  STATUS_CONFIG },
		{ "socket",
		  { TRI_NO, ECONNREFUSED, NULL },
		  { 0 },
		  "DIND-SOCKET-03",
		  "nobody listens",
		  "then this container again",
		  STATUS_UNAVAILABLE },
		{ "socket",
		  { TRI_NO, EACCES, NULL },
		  { 0 },
		  "DIND-SOCKET-04",
		  "is closed to user 0",
		  "label=disable",
		  STATUS_NOPERM },
		{ "socket",
		  { TRI_YES, 0, NULL },
		  { TRI_NO, 0, NULL },
		  "DIND-SOCKET-05",
		  "does not speak the API",
		  "-v /var/run/docker.sock",
		  STATUS_CONFIG },
	};
	const struct plan_message *message;
	struct machine m;

	agent(&m);
	give_socket(&m, 0, 998, 0660);
	m.facts.reach.socket_type = cases[_i].type;
	m.facts.reach.socket_answers = cases[_i].answers;
	m.facts.reach.socket_api = cases[_i].api;
	machine_plan(&m);
	ck_assert_uint_eq(m.plan.n_refusals, 1);
	message = the_refusal(&m, cases[_i].code);
	ck_assert_int_eq(message->status, cases[_i].status);
	ck_assert_has(message->fact, cases[_i].says);
	ck_assert_has(message->remedy, cases[_i].remedy);
	machine_free(&m);
}
END_TEST

START_TEST(an_engine_that_is_busy)
{
	struct machine m;

	agent(&m);
	give_socket(&m, 0, 998, 0660);
	m.facts.reach.socket_api = (struct fact){ TRI_UNKNOWN, ETIMEDOUT, "GET /_ping" };
	m.facts.reach.engine = NULL;
	machine_plan(&m);
	ck_assert_uint_eq(m.plan.n_refusals, 0);
	ck_assert_has(the_hint(&m, "DIND-SOCKET-06")->fact, "ETIMEDOUT");
	ck_assert_str_eq(m.plan.outside_engine, "");
	machine_free(&m);
}
END_TEST

/* ---- as uid 1000, Dockerfile's USER ---- */

static void as_user_1000(struct machine *m)
{
	m->facts.privileges.euid = 1000;
	m->facts.privileges.cap_effective = 0;
}

START_TEST(an_ordinary_user_as_pid_1)
{
	const struct launch *launch;
	struct machine m;

	agent(&m);
	as_user_1000(&m);
	give_socket(&m, 0, 998, 0660);
	strings_add(&m.arena, &m.facts.reach.users, "jenkins");
	machine_plan(&m);
	assert_nothing_is_done(&m);
	ck_assert_uint_eq(m.plan.n_steps, 0);
	launch = &m.plan.workload.launch;
	ck_assert(!launch->set_user);
	ck_assert_int_eq(launch->caps, LAUNCH_CAPS_KEEP);
	/* the same user by name is what it is already */
	give_user(&m, 1000);
	machine_plan(&m);
	assert_nothing_is_done(&m);
	ck_assert(!m.plan.workload.launch.set_user);
	ck_assert_int_eq(m.plan.workload.launch.caps, LAUNCH_CAPS_KEEP_BOUNDING);
	give_user(&m, 1001);
	machine_plan(&m);
	ck_assert_int_eq(the_refusal(&m, "DIND-USER-04")->status, STATUS_NOPERM);
	machine_free(&m);
}
END_TEST

START_TEST(an_ordinary_user_and_a_closed_socket)
{
	struct machine m;

	agent(&m);
	as_user_1000(&m);
	give_socket(&m, 0, 998, 0660);
	m.facts.reach.socket_answers = (struct fact){ TRI_NO, EACCES, "connect" };
	machine_plan(&m);
	ck_assert_has(the_refusal(&m, "DIND-SOCKET-04")->remedy, "--group-add 998");
	m.facts.reach.socket_gid = 0;
	machine_plan(&m);
	ck_assert_has(the_refusal(&m, "DIND-SOCKET-04")->remedy, "--user 0:0");
	machine_free(&m);
}
END_TEST

START_TEST(an_ordinary_user_and_an_engine_of_its_own)
{
	struct machine m;

	agent(&m);
	as_user_1000(&m);
	machine_plan(&m);
	ck_assert_int_eq(m.plan.mode, MODE_NESTED);
	ck_assert_int_eq(the_refusal(&m, "DIND-PRIV-01")->status, STATUS_NOPERM);
	ck_assert_has(the_refusal(&m, "DIND-PRIV-01")->remedy, "--user 0:0");
	machine_free(&m);
}
END_TEST

START_TEST(capabilities_that_a_change_of_user_takes)
{
	struct machine m;

	agent(&m);
	give_user(&m, 1000);
	give_socket(&m, 0, 998, 0660);
	m.facts.privileges.cap_effective &= ~CAP(CAP_SETPCAP);
	machine_plan(&m);
	ck_assert_uint_eq(m.plan.n_refusals, 0);
	ck_assert_int_eq(m.plan.workload.launch.caps, LAUNCH_CAPS_KEEP_BOUNDING);
	ck_assert_has(the_hint(&m, "DIND-USER-05")->remedy, "--no-new-privs");
	m.options.no_new_privs = true;
	machine_plan(&m);
	ck_assert_ptr_null(hint(&m, "DIND-USER-05"));
	m.facts.privileges.cap_effective &= ~CAP(CAP_SETGID);
	machine_plan(&m);
	ck_assert_has(the_refusal(&m, "DIND-USER-04")->remedy, "--cap-add SETUID");
	machine_free(&m);
}
END_TEST

/* ---- remote ---- */

START_TEST(a_remote_engine_is_waited_for)
{
	const struct launch *wait, *launch;
	struct machine m;

	agent(&m);
	give_user(&m, 1000);
	give_host(&m, "tcp://docker:2376", TRI_NO);
	m.options.ready_timeout_ms = 90500;
	m.options.log_format = LOG_FORMAT_JSON;
	machine_plan(&m);
	assert_nothing_is_done(&m);
	ck_assert_uint_eq(m.plan.n_steps, 0);
	ck_assert_str_eq(m.plan.outside, "tcp://docker:2376");
	wait = &m.plan.prepare.launch;
	launch = &m.plan.workload.launch;
	ck_assert(m.plan.prepare.wanted && m.plan.prepare_required);
	ck_assert_int_gt(m.plan.prepare_timeout_ms, 91000);
	ck_assert_str_eq(argv_text(&m, wait->argv),
			 "/usr/libexec/dind-init/dind-client wait --host tcp://docker:2376 "
			 "--timeout 91 --log-format json");
	/* as COMMAND: what that cannot reach or read is not there */
	ck_assert(wait->set_user && wait->uid == 1000 && wait->caps == LAUNCH_CAPS_CLEAR);
	ck_assert(wait->environment == launch->environment);
	ck_assert(wait->new_session && !wait->foreground && launch->foreground);
	ck_assert_str_eq(launch_variable(launch, "DOCKER_HOST"), "tcp://docker:2376");
	ck_assert_str_eq(launch_variable(launch, "DOCKER_TLS_VERIFY"), "1");
	ck_assert_ptr_null(launch_variable(launch, "NOTIFY_SOCKET"));
	m.options.no_wait = true;
	machine_plan(&m);
	ck_assert(m.plan.prepare.wanted && !m.plan.prepare_required);
	machine_free(&m);
}
END_TEST

START_TEST(a_remote_engine_without_an_address)
{
	struct machine m;

	agent(&m);
	m.options.mode = MODE_REMOTE;
	machine_plan(&m);
	ck_assert_has(the_refusal(&m, "DIND-REMOTE-01")->fact, "is not set");
	give_host(&m, "unix:///run/x.sock", TRI_UNKNOWN);
	machine_plan(&m);
	ck_assert_has(the_refusal(&m, "DIND-REMOTE-01")->fact, "names no engine elsewhere");
	ck_assert_int_eq(m.plan.refusals[0].status, STATUS_CONFIG);
	machine_free(&m);
}
END_TEST

int main(void)
{
	TCase *tc = tcase_create("outside");

	tcase_add_test(tc, without_a_command_there_is_an_engine);
	tcase_add_test(tc, the_first_that_matches);
	tcase_add_test(tc, a_docker_host_in_here);
	tcase_add_loop_test(tc, a_name_takes_a_trial, 0, 3);
	tcase_add_test(tc, without_a_client_a_name_is_somebody_elses);
	tcase_add_test(tc, modes_that_were_asked_for);
	tcase_add_test(tc, root_needs_nothing);
	tcase_add_test(tc, a_user_gets_the_sockets_group);
	tcase_add_test(tc, members_of_docker_get_it_for_their_logins);
	tcase_add_loop_test(tc, a_socket_for_root_alone, 0, 3);
	tcase_add_test(tc, roots_group_when_it_is_meant);
	tcase_add_loop_test(tc, sockets_that_lead_nowhere, 0, 6);
	tcase_add_test(tc, an_engine_that_is_busy);
	tcase_add_test(tc, an_ordinary_user_as_pid_1);
	tcase_add_test(tc, an_ordinary_user_and_a_closed_socket);
	tcase_add_test(tc, an_ordinary_user_and_an_engine_of_its_own);
	tcase_add_test(tc, capabilities_that_a_change_of_user_takes);
	tcase_add_test(tc, a_remote_engine_is_waited_for);
	tcase_add_test(tc, a_remote_engine_without_an_address);
	return run_suite(tc);
}
