/* SPDX-License-Identifier: Apache-2.0 */
/* When certificates are made, whose are used, and what dockerd and COMMAND are told. */
#include "dind/certs.h"
#include "plan_fixture.h"

#define OWN_FILES                                                        \
	"tlscacert=/certs/server/ca.pem tlscert=/certs/server/cert.pem " \
	"tlskey=/certs/server/key.pem"

static void machine_tls(struct machine *m, const char *host)
{
	machine_with_volume(m);
	m->facts.engine.certs = "/usr/libexec/dind-init/dind-certs";
	m->options.tls_dir = "/certs";
	if (host)
		m->options.hosts[m->options.n_hosts++] = host;
}

static const char *engine_args(struct machine *m)
{
	return argv_text(m, m->plan.engine.launch.argv);
}

START_TEST(a_tcp_listener_with_certificates)
{
	const struct plan_step *step, *begin;
	struct machine m;

	machine_tls(&m, "tcp://0.0.0.0");
	machine_plan(&m);
	ck_assert_uint_eq(m.plan.n_refusals, 0);
	ck_assert_uint_eq(m.plan.listeners[0].port, 2376);
	step = the_step_with_key(&m, "certificates");
	ck_assert_int_eq(step->kind, STEP_CERTS);
	ck_assert_int_eq(step->on_fail, FAIL_REPLAN);
	ck_assert_str_eq(argv_text(&m, step->u.certs.argv),
			 "/usr/libexec/dind-init/dind-certs --directory /certs");
	ck_assert_int_gt(step->u.certs.timeout_ms, 0);
	/* clients may queue up meanwhile */
	ck_assert(step > the_step_with_key(&m, "listen"));
	ck_assert(!step->u.certs.begin);
	/* and the rest is done beside it */
	begin = the_step_with_key(&m, "certificates-begin");
	ck_assert(begin == the_step_with_key(&m, "listen") + 1);
	ck_assert(begin->u.certs.begin);
	ck_assert_int_eq(begin->on_fail, FAIL_DEGRADE);
	ck_assert_str_eq(argv_text(&m, begin->u.certs.argv), argv_text(&m, step->u.certs.argv));
	ck_assert_has(told(&m), "tlsverify=true " OWN_FILES);
	ck_assert_ptr_nonnull(decision(&m, "DIND-TLS-01"));
	/* `ready` asks in plain HTTP */
	ck_assert_uint_eq(m.plan.n_listeners, 2);
	ck_assert_str_eq(m.plan.listeners[1].path, DIND_RUN_DIR "/engine.sock");
	ck_assert_uint_eq(m.plan.listeners[1].mode, 0600);
	machine_free(&m);
}
END_TEST

START_TEST(what_dind_certs_is_told)
{
	static const char *const environment[] = { "DOCKER_TLS_SAN=DNS:a,IP:10.0.0.1", NULL };
	static const char *const empty[] = { "DOCKER_TLS_SAN=", NULL };
	struct machine m;

	machine_tls(&m, "tcp://127.0.0.1:1");
	m.options.environment = environment;
	m.options.tls_key = TLS_KEY_RSA;
	machine_plan(&m);
	ck_assert_str_eq(argv_text(&m, the_step_with_key(&m, "certificates")->u.certs.argv),
			 "/usr/libexec/dind-init/dind-certs --directory /certs --key rsa --san "
			 "DNS:a,IP:10.0.0.1");
	m.options.environment = empty;
	m.options.tls_key = TLS_KEY_EC;
	machine_plan(&m);
	ck_assert_str_eq(argv_text(&m, the_step_with_key(&m, "certificates")->u.certs.argv),
			 "/usr/libexec/dind-init/dind-certs --directory /certs --key ec");
	machine_free(&m);
}
END_TEST

/* The data root is mounted after the listeners are open. */
START_TEST(below_the_data_root_they_are_not_begun_early)
{
	struct machine m;

	machine_tls(&m, "tcp://127.0.0.1");
	m.options.tls_dir = DATA_ROOT "/certs";
	machine_plan(&m);
	ck_assert_uint_eq(count_steps(&m, STEP_CERTS), 1);
	ck_assert(!the_step_with_key(&m, "certificates")->u.certs.begin);
	machine_free(&m);
}
END_TEST

START_TEST(a_unix_socket_needs_none)
{
	struct machine m;

	machine_tls(&m, NULL);
	m.facts.engine.certs = NULL; /* which nobody misses */
	machine_plan(&m);
	ck_assert_uint_eq(m.plan.n_refusals, 0);
	ck_assert_uint_eq(count_steps(&m, STEP_CERTS), 0);
	ck_assert_has_not(told(&m), "tls");
	ck_assert_has(the_decision(&m, "DIND-TLS-12")->fact, "/certs");
	machine_free(&m);
}
END_TEST

START_TEST(a_listener_of_daemon_json)
{
	struct machine m;

	machine_tls(&m, NULL);
	strings_add(&m.arena, &m.facts.engine.config_keys, "hosts");
	strings_add(&m.arena, &m.facts.engine.config_keys, "tlsverify");
	strings_add(&m.arena, &m.facts.engine.config_hosts, "tcp://0.0.0.0:2376");
	m.facts.engine.config_tls_verify = TRI_NO;
	machine_plan(&m);
	ck_assert_uint_eq(m.plan.n_refusals, 0);
	ck_assert_uint_eq(count_steps(&m, STEP_CERTS), 2);
	/* a directive may not be in the file and given as a flag */
	ck_assert_str_eq(argv_text(&m, the_step_with_key(&m, "config")->u.config.drop),
			 "hosts tls tlsverify");
	machine_free(&m);
}
END_TEST

/* dockerd's own settings, by flag or key, and --tls-dir. */
static const struct {
	const char *flags[4];
	const char *key;
	enum tri config_verify;
	bool ours;
	bool verifies; /* the network may be let in */
} settings[] = {
	{ { NULL }, NULL, TRI_NO, true, true },
	{ { "--tlscacert", "/x/ca.pem", NULL }, NULL, TRI_NO, false, false },
	{ { "--tlskey=/x", "--tlsverify", NULL }, NULL, TRI_NO, false, true },
	{ { NULL }, "tlscert", TRI_YES, false, true },
	{ { NULL }, "tlscert", TRI_NO, false, false },
	{ { "--tlsverify=false", NULL }, "tlsverify", TRI_YES, true, false },
	{ { "--tlsverify=F", NULL }, NULL, TRI_NO, true, false },
	{ { "--tlsverify=False", NULL }, NULL, TRI_NO, true, false },
	{ { "--tls=false", NULL }, NULL, TRI_NO, true, true },
};

START_TEST(the_users_own_settings)
{
	struct machine m;

	machine_tls(&m, "tcp://0.0.0.0:2376");
	m.options.dockerd_args = settings[_i].flags;
	if (settings[_i].key)
		strings_add(&m.arena, &m.facts.engine.config_keys, settings[_i].key);
	m.facts.engine.config_tls_verify = settings[_i].config_verify;
	machine_plan(&m);
	ck_assert_int_eq(refusal(&m, "DIND-LISTEN-02") == NULL, settings[_i].verifies);
	ck_assert_uint_eq(count_steps(&m, STEP_CERTS), settings[_i].ours ? 2 : 0);
	ck_assert_int_eq(hint(&m, "DIND-TLS-11") == NULL, settings[_i].ours);
	if (settings[_i].ours)
		ck_assert_has(told(&m), OWN_FILES);
	else
		ck_assert_has_not(told(&m), "/certs");
	/* theirs come last */
	for (size_t i = 0; settings[_i].flags[i]; i++)
		ck_assert_has(strstr(engine_args(&m), "fd://"), settings[_i].flags[i]);
	ck_assert_has(m.plan.listeners[1].url, "engine.sock");
	machine_free(&m);
}
END_TEST

/* docker:dind: certificates are made all the same, and TLS is on; each file that is named takes the
 * place of one of ours. */
static const struct {
	const char *flags[5];
	const char *key;
	const char *want; /* of the three files */
} beside[] = {
	{ { "--tlscert=/x/c", "--tlskey", "/x/k", NULL }, NULL, "ours x x" },
	{ { "--tlscacert=/x/ca", NULL }, NULL, "x ours ours" },
	{ { "--tlscacert=/x/ca", "--tlscert=/x/c", "--tlskey=/x/k", NULL }, NULL, "x x x" },
	{ { "--tlscacert=/x/ca", NULL }, "tlskey", "x ours x" },
	{ { NULL }, NULL, "ours ours ours" },
};

/* "ours", or "x" for another one. */
static const char *whose_files(struct machine *m)
{
	static const char *const files[][2] = {
		{ "tlscacert", "/certs/server/ca.pem" },
		{ "tlscert", "/certs/server/cert.pem" },
		{ "tlskey", "/certs/server/key.pem" },
	};
	struct strings said = STRINGS_INIT;

	for (size_t i = 0; i < ARRAY_SIZE(files); i++)
		strings_add(
			&m->arena, &said,
			strstr(told(m), arena_printf(&m->arena, "%s=%s", files[i][0], files[i][1]))
				? "ours"
				: "x");
	return strings_join(&m->arena, &said, " ");
}

START_TEST(certificates_beside_the_users)
{
	struct machine m;

	machine_tls(&m, "tcp://0.0.0.0:2376");
	m.options.tls_beside = true;
	m.options.dockerd_args = beside[_i].flags;
	if (beside[_i].key)
		strings_add(&m.arena, &m.facts.engine.config_keys, beside[_i].key);
	machine_plan(&m);
	ck_assert_msg(m.plan.n_refusals == 0, "%s", m.plan.refusals[0].fact);
	ck_assert_uint_eq(count_steps(&m, STEP_CERTS), 2);
	/* which dockerd forgets in its file when flags name files */
	ck_assert_has(told(&m), beside[_i].flags[0] ? "--tlsverify " : "tlsverify=true");
	ck_assert_str_eq(whose_files(&m), beside[_i].want);
	ck_assert_ptr_null(hint(&m, "DIND-TLS-11"));
	ck_assert_int_eq(decision(&m, "DIND-TLS-11") != NULL, strchr(beside[_i].want, 'x') != NULL);
	/* the user's come last */
	for (size_t i = 0; beside[_i].flags[i]; i++)
		ck_assert_has(strstr(engine_args(&m), "--tlsverify "), beside[_i].flags[i]);
	machine_free(&m);
}
END_TEST

START_TEST(strict_args_are_left_alone)
{
	struct machine m;

	machine_tls(&m, "tcp://0.0.0.0:2376");
	m.options.strict_args = true;
	machine_plan(&m);
	ck_assert_uint_eq(count_steps(&m, STEP_CERTS), 0);
	ck_assert_has_not(told(&m), "tls");
	machine_free(&m);
}
END_TEST

START_TEST(without_the_program)
{
	struct machine m;

	machine_tls(&m, "tcp://0.0.0.0:2376");
	m.facts.engine.certs = NULL;
	machine_plan(&m);
	ck_assert_int_eq(the_refusal(&m, "DIND-TLS-10")->status, STATUS_CONFIG);
	machine_free(&m);
}
END_TEST

/* What dind-certs found is refused under its own code. */
START_TEST(what_is_wrong_is_refused)
{
	const struct certs_meaning *meaning = certs_meaning((enum certs_failure) _i);
	struct machine m;

	machine_tls(&m, "tcp://0.0.0.0:2376");
	machine_failure(&m, "certificates", meaning->error, "/certs/server/cert.pem is bad", NULL);
	machine_plan(&m);
	ck_assert_int_eq(the_refusal(&m, meaning->code)->status, meaning->status);
	ck_assert_str_eq(the_refusal(&m, meaning->code)->fact, "/certs/server/cert.pem is bad");
	ck_assert_str_eq(the_refusal(&m, meaning->code)->remedy, meaning->remedy);
	machine_free(&m);
}
END_TEST

static const char *const leaked[] = { "PATH=/usr/bin", "DOCKER_TLS_VERIFY=", "DOCKER_CERT_PATH=/x",
				      "DOCKER_TLS_CERTDIR=/certs", NULL };

static const struct {
	const char *hosts[3];
	const char *docker_host;
	const char *cert_path; /* NULL: no TLS for the client */
} clients[] = {
	{ { "tcp://0.0.0.0:2376" }, "tcp://127.0.0.1:2376", "/certs/client" },
	{ { "tcp://[::1]:2376" }, "tcp://[::1]:2376", "/certs/client" },
	{ { "tcp://0.0.0.0:2376", "unix:///run/x.sock" }, "unix:///run/x.sock", NULL },
	{ { NULL }, "unix:///var/run/docker.sock", NULL },
};

START_TEST(what_command_is_told)
{
	static const char *const command[] = { "make", NULL };
	const struct launch *launch;
	struct machine m;

	machine_tls(&m, NULL);
	m.options.workload = command;
	m.options.environment = leaked;
	for (size_t i = 0; clients[_i].hosts[i]; i++)
		m.options.hosts[m.options.n_hosts++] = clients[_i].hosts[i];
	machine_plan(&m);
	launch = &m.plan.workload.launch;
	ck_assert_str_eq(launch_variable(launch, "DOCKER_HOST"), clients[_i].docker_host);
	ck_assert_pstr_eq(launch_variable(launch, "DOCKER_CERT_PATH"), clients[_i].cert_path);
	ck_assert_pstr_eq(launch_variable(launch, "DOCKER_TLS_VERIFY"),
			  clients[_i].cert_path ? "1" : NULL);
	ck_assert_ptr_null(launch_variable(&m.plan.engine.launch, "DOCKER_CERT_PATH"));
	machine_free(&m);
}
END_TEST

START_TEST(a_client_of_the_users_certificates)
{
	static const char *const command[] = { "make", NULL };
	static const char *const flags[] = { "--tlsverify", "--tlscert=/x", NULL };
	struct machine m;

	machine_tls(&m, "tcp://0.0.0.0:2376");
	m.options.workload = command;
	m.options.environment = leaked;
	m.options.dockerd_args = flags;
	machine_plan(&m);
	ck_assert_str_eq(launch_variable(&m.plan.workload.launch, "DOCKER_CERT_PATH"), "/x");
	machine_free(&m);
}
END_TEST

int main(void)
{
	TCase *tc = tcase_create("tls");

	tcase_add_test(tc, a_tcp_listener_with_certificates);
	tcase_add_test(tc, what_dind_certs_is_told);
	tcase_add_test(tc, below_the_data_root_they_are_not_begun_early);
	tcase_add_test(tc, a_unix_socket_needs_none);
	tcase_add_test(tc, a_listener_of_daemon_json);
	tcase_add_loop_test(tc, the_users_own_settings, 0, ARRAY_SIZE(settings));
	tcase_add_loop_test(tc, certificates_beside_the_users, 0, ARRAY_SIZE(beside));
	tcase_add_test(tc, strict_args_are_left_alone);
	tcase_add_test(tc, without_the_program);
	tcase_add_loop_test(tc, what_is_wrong_is_refused, 0, CERTS_FAIL_COUNT);
	tcase_add_loop_test(tc, what_command_is_told, 0, ARRAY_SIZE(clients));
	tcase_add_test(tc, a_client_of_the_users_certificates);
	return run_suite(tc);
}
