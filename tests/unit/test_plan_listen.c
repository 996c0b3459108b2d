/* SPDX-License-Identifier: Apache-2.0 */
/* Which sockets are opened, for whom, and which are refused. */
#include "plan_fixture.h"

static void host(struct machine *m, const char *address)
{
	m->options.hosts[m->options.n_hosts++] = address;
}

static const struct {
	const char *address;
	const char *url; /* NULL: refused */
	const char *host;
	uint16_t port;
	bool plain; /* refused without --insecure-tcp */
} addresses[] = {
	{ "unix:///var/run/docker.sock", "unix:///var/run/docker.sock", NULL, 0, false },
	{ "unix://", "unix:///var/run/docker.sock", NULL, 0, false },
	{ "unix:///a/b", "unix:///a/b", NULL, 0, false },
	{ "unix://relative", NULL, NULL, 0, false },
	{ "tcp://127.0.0.1:2375", "tcp://127.0.0.1:2375", "127.0.0.1", 2375, false },
	{ "tcp://127.1.2.3:1", "tcp://127.1.2.3:1", "127.1.2.3", 1, false },
	{ "tcp://localhost:4444/", "tcp://127.0.0.1:4444", "127.0.0.1", 4444, false },
	{ "tcp://localhost", "tcp://127.0.0.1:2375", "127.0.0.1", 2375, false },
	{ "tcp://[::1]:2375", "tcp://[::1]:2375", "::1", 2375, false },
	{ "tcp://[::1]", "tcp://[::1]:2375", "::1", 2375, false },
	{ "tcp://0.0.0.0:2375", "tcp://0.0.0.0:2375", "0.0.0.0", 2375, true },
	{ "tcp://:2375", "tcp://0.0.0.0:2375", "", 2375, true },
	{ "tcp://", "tcp://0.0.0.0:2375", "", 2375, true },
	{ "tcp://[::]:2375", "tcp://[::]:2375", "::", 2375, true },
	{ "tcp://10.1.2.3:65535", "tcp://10.1.2.3:65535", "10.1.2.3", 65535, true },
	{ "0.0.0.0:4444", "tcp://0.0.0.0:4444", "0.0.0.0", 4444, true },
	{ ":4444", "tcp://0.0.0.0:4444", "", 4444, true },
	{ "127.0.0.1", "tcp://127.0.0.1:2375", "127.0.0.1", 2375, false },
	{ "tcp://docker:2375", NULL, NULL, 0, false },
	{ "tcp://127.0.0.1:0", NULL, NULL, 0, false },
	{ "tcp://127.0.0.1:65536", NULL, NULL, 0, false },
	{ "tcp://127.0.0.1:", NULL, NULL, 0, false },
	{ "tcp://127.0.0.1:http", NULL, NULL, 0, false },
	{ "tcp://127.0.0.1:2375/path", NULL, NULL, 0, false },
	{ "tcp://[::1:2375", NULL, NULL, 0, false },
	{ "tcp://[::1]x", NULL, NULL, 0, false },
	{ "tcp://::1:2375", NULL, NULL, 0, false },
	{ "tcp://256.1.1.1", NULL, NULL, 0, false },
	{ "fd://", NULL, NULL, 0, false },
	{ "npipe:////./pipe/docker", NULL, NULL, 0, false },
	{ "/var/run/docker.sock", NULL, NULL, 0, false },
	{ "", NULL, NULL, 0, false },
	{ "somewhere", NULL, NULL, 0, false },
};

START_TEST(address)
{
	const struct plan_listener *listener;
	struct machine m;

	machine_with_volume(&m);
	host(&m, addresses[_i].address);
	m.options.insecure_tcp = true;
	machine_plan(&m);
	if (!addresses[_i].url) {
		ck_assert_uint_eq(m.plan.n_listeners, 0);
		ck_assert_int_eq(the_refusal(&m, "DIND-LISTEN-01")->status, STATUS_CONFIG);
		ck_assert_has(the_refusal(&m, "DIND-LISTEN-01")->fact, addresses[_i].address);
		machine_free(&m);
		return;
	}
	ck_assert_uint_eq(m.plan.n_refusals, 0);
	ck_assert_uint_eq(m.plan.n_listeners, 1);
	listener = &m.plan.listeners[0];
	ck_assert_str_eq(listener->url, addresses[_i].url);
	if (addresses[_i].host) {
		ck_assert_int_eq(listener->kind, LISTENER_TCP);
		ck_assert_str_eq(listener->host, addresses[_i].host);
		ck_assert_uint_eq(listener->port, addresses[_i].port);
	} else {
		ck_assert_int_eq(listener->kind, LISTENER_UNIX);
		ck_assert_str_eq(listener->path, listener->url + strlen("unix://"));
		ck_assert_uint_eq(listener->mode, 0660);
	}
	ck_assert_int_eq(hint(&m, "DIND-LISTEN-03") != NULL, addresses[_i].plain);
	/* the same without leave */
	m.options.insecure_tcp = false;
	machine_plan(&m);
	ck_assert_int_eq(refusal(&m, "DIND-LISTEN-02") != NULL, addresses[_i].plain);
	if (addresses[_i].plain) {
		ck_assert_int_eq(the_refusal(&m, "DIND-LISTEN-02")->status, STATUS_CONFIG);
		ck_assert_has(the_refusal(&m, "DIND-LISTEN-02")->remedy, "--insecure-tcp");
	}
	machine_free(&m);
}
END_TEST

START_TEST(the_default_is_one_unix_socket)
{
	const struct plan_step *step;
	struct machine m;

	machine_with_volume(&m);
	machine_plan(&m);
	ck_assert_uint_eq(m.plan.n_listeners, 1);
	ck_assert_str_eq(m.plan.listeners[0].url, "unix:///var/run/docker.sock");
	ck_assert_int_eq(m.plan.listeners[0].gid, -1);
	step = the_step_with_key(&m, "listen");
	ck_assert_ptr_eq(step->u.listen.listeners, m.plan.listeners);
	ck_assert_uint_eq(step->u.listen.n_listeners, 1);
	ck_assert_int_eq(step->on_fail, FAIL_REPLAN);
	/* before anything that takes time or can fail */
	ck_assert(step < step_with_key(&m, "storage-lock"));
	machine_free(&m);
}
END_TEST

START_TEST(options_then_daemon_json_then_the_default)
{
	struct machine m;

	machine_with_volume(&m);
	strings_add(&m.arena, &m.facts.engine.config_hosts, "unix:///run/a.sock");
	strings_add(&m.arena, &m.facts.engine.config_hosts, "tcp://127.0.0.1:2375");
	machine_plan(&m);
	ck_assert_uint_eq(m.plan.n_listeners, 2);
	ck_assert_str_eq(m.plan.listeners[0].url, "unix:///run/a.sock");
	host(&m, "unix:///run/b.sock");
	machine_plan(&m);
	ck_assert_uint_eq(m.plan.n_listeners, 1);
	ck_assert_str_eq(m.plan.listeners[0].url, "unix:///run/b.sock");
	machine_free(&m);
}
END_TEST

START_TEST(duplicates_are_one)
{
	static const char *const hosts[] = {
		"unix:///var/run/docker.sock", "unix:///run/docker.sock",
		"tcp://127.0.0.1:2375",	       "tcp://localhost",
		"tcp://0.0.0.0:4444",	       "tcp://[::]:4444",
		"tcp://127.0.0.1:2376",	       "tcp://10.0.0.1:4444",
	};
	struct machine m;

	machine_with_volume(&m);
	m.options.insecure_tcp = true;
	for (size_t i = 0; i < ARRAY_SIZE(hosts); i++)
		host(&m, hosts[i]);
	machine_plan(&m);
	ck_assert_uint_eq(m.plan.n_listeners, 5);
	/* both families were asked for, and one socket serves them */
	ck_assert_str_eq(m.plan.listeners[2].host, "");
	machine_free(&m);
}
END_TEST

static const struct {
	enum tri config;
	const char *flag, *more;
	bool tls;
} tls[] = {
	{ TRI_YES, NULL, NULL, true },
	{ TRI_NO, NULL, NULL, false },
	{ TRI_UNKNOWN, NULL, NULL, false },
	{ TRI_NO, "--tlsverify", NULL, true },
	{ TRI_NO, "--tlsverify=true", NULL, true },
	{ TRI_NO, "--tlsverify=false", NULL, false },
	{ TRI_NO, "--tlsverify=0", NULL, false },
	{ TRI_NO, "--tlsverify", "--tlsverify=false", false },
	/* encrypted is not enough: clients are not asked who they are */
	{ TRI_NO, "--tls", NULL, false },
};

START_TEST(tls_opens_the_network)
{
	struct machine m;
	const char *args[] = { tls[_i].flag, tls[_i].more, NULL };

	machine_with_volume(&m);
	m.facts.engine.config_tls_verify = tls[_i].config;
	m.options.dockerd_args = args;
	host(&m, "tcp://0.0.0.0");
	machine_plan(&m);
	ck_assert_int_eq(refusal(&m, "DIND-LISTEN-02") == NULL, tls[_i].tls);
	ck_assert_uint_eq(m.plan.listeners[0].port, tls[_i].tls ? 2376 : 2375);
	machine_free(&m);
}
END_TEST

START_TEST(the_group_of_the_socket)
{
	struct machine m;

	machine_with_volume(&m);
	m.facts.identity.group_found = TRI_YES;
	m.facts.identity.group_gid = 999;
	machine_plan(&m);
	ck_assert_int_eq(m.plan.listeners[0].gid, 999);

	m.options.socket_group = "nobody-knows";
	m.facts.identity.group_found = TRI_NO;
	machine_plan(&m);
	ck_assert_int_eq(the_refusal(&m, "DIND-LISTEN-04")->status, STATUS_CONFIG);
	ck_assert_has(the_refusal(&m, "DIND-LISTEN-04")->fact, "nobody-knows");

	m.facts.identity.group_found = TRI_UNKNOWN;
	machine_plan(&m);
	ck_assert_uint_eq(m.plan.n_refusals, 0);
	ck_assert_int_eq(m.plan.listeners[0].gid, -1);
	machine_free(&m);
}
END_TEST

/* By number: who logs in has the groups of /etc/group and no others. */
START_TEST(a_group_without_a_name_is_for_logins_too)
{
	static const char *const group[] = { "builder", NULL };
	const struct plan_step *step;
	struct machine m;

	machine_with_volume(&m);
	m.facts.identity.group_found = TRI_YES;
	m.facts.identity.group_gid = 4321;
	strings_add(&m.arena, &m.facts.reach.users, group[0]);
	machine_plan(&m);
	ck_assert_uint_eq(count_steps(&m, STEP_GROUP), 0); /* nobody has asked for one */
	m.options.socket_group = "builders";
	machine_plan(&m);
	ck_assert_uint_eq(count_steps(&m, STEP_GROUP), 0); /* the image says who is in that */
	m.options.socket_group = "4321";
	machine_plan(&m);
	step = the_step_with_key(&m, "group");
	ck_assert_int_eq(step->u.group.gid, 4321);
	ck_assert_str_eq(step->u.group.users[0], "builder");
	ck_assert_int_eq(step->on_fail, FAIL_DEGRADE);
	m.options.socket_group = NULL;
	m.facts.engine.config_group = "4321"; /* of daemon.json */
	machine_plan(&m);
	ck_assert_uint_eq(count_steps(&m, STEP_GROUP), 1);
	m.facts.identity.group_gid = 0; /* root's opens more than a socket */
	machine_plan(&m);
	ck_assert_uint_eq(count_steps(&m, STEP_GROUP), 0);
	m.facts.identity.group_gid = 4321;
	m.facts.reach.users.count = 0;
	machine_plan(&m);
	ck_assert_uint_eq(count_steps(&m, STEP_GROUP), 0); /* there is nobody */
	machine_free(&m);
}
END_TEST

START_TEST(a_socket_that_somebody_serves)
{
	struct machine m;

	machine_with_volume(&m);
	m.facts.engine.socket_answers = TRI_YES;
	machine_plan(&m);
	ck_assert_int_eq(the_refusal(&m, "DIND-LISTEN-05")->status, STATUS_TEMPFAIL);
	/* doctor and the start never disagree */
	m.options.command = COMMAND_DOCTOR;
	machine_plan(&m);
	ck_assert_ptr_nonnull(refusal(&m, "DIND-LISTEN-05"));
	machine_free(&m);
}
END_TEST

START_TEST(a_socket_that_could_not_be_opened)
{
	struct machine m;

	machine_with_volume(&m);
	machine_failure(&m, "listen", EADDRINUSE, "bind tcp://127.0.0.1:2375: in use", NULL);
	machine_plan(&m);
	ck_assert_int_eq(the_refusal(&m, "DIND-LISTEN-05")->status, STATUS_TEMPFAIL);
	ck_assert_has(the_refusal(&m, "DIND-LISTEN-05")->fact, "bind tcp://");
	machine_free(&m);

	machine_with_volume(&m);
	machine_failure(&m, "listen", EACCES, "bind /x: permission denied", NULL);
	machine_plan(&m);
	ck_assert_int_eq(the_refusal(&m, "DIND-LISTEN-06")->status, STATUS_OSERR);
	ck_assert_has(the_refusal(&m, "DIND-LISTEN-06")->fact, "bind /x");
	machine_free(&m);
}
END_TEST

START_TEST(strict_args_leaves_the_sockets_to_dockerd)
{
	struct machine m;

	machine_with_volume(&m);
	m.options.strict_args = true;
	m.facts.engine.socket_answers = TRI_YES;
	host(&m, "nonsense");
	machine_plan(&m);
	ck_assert_uint_eq(m.plan.n_refusals, 0);
	ck_assert_uint_eq(m.plan.n_listeners, 0);
	ck_assert_ptr_null(step_with_key(&m, "listen"));
	machine_free(&m);
}
END_TEST

int main(void)
{
	TCase *tc = tcase_create("listen");

	tcase_add_loop_test(tc, address, 0, ARRAY_SIZE(addresses));
	tcase_add_test(tc, the_default_is_one_unix_socket);
	tcase_add_test(tc, options_then_daemon_json_then_the_default);
	tcase_add_test(tc, duplicates_are_one);
	tcase_add_loop_test(tc, tls_opens_the_network, 0, ARRAY_SIZE(tls));
	tcase_add_test(tc, the_group_of_the_socket);
	tcase_add_test(tc, a_group_without_a_name_is_for_logins_too);
	tcase_add_test(tc, a_socket_that_somebody_serves);
	tcase_add_test(tc, a_socket_that_could_not_be_opened);
	tcase_add_test(tc, strict_args_leaves_the_sockets_to_dockerd);
	return run_suite(tc);
}
