/* SPDX-License-Identifier: Apache-2.0 */
/* The engine's configuration: which of several values wins, and where it is said to come from. */
#include "plan_fixture.h"

static void in_file(struct machine *m, const char *key, const char *value)
{
	m->facts.engine.config_present = TRI_YES;
	strings_add(&m->arena, &m->facts.engine.config_keys, key);
	strings_add(&m->arena, &m->facts.engine.config_values, value);
}

static void origin(struct machine *m, const char *option, const char *from, bool variable)
{
	struct options_origin *added =
		arena_push(&m->arena, (void **) (uintptr_t) &m->options.origins,
			   &m->options.n_origins, sizeof(*added));

	*added = (struct options_origin){ option, from, variable };
}

/* "value origin from", with a * for a flag of dockerd's; NULL: not set. */
static const char *setting(struct machine *m, const char *key)
{
	for (size_t i = 0; i < m->plan.n_settings; i++) {
		const struct plan_setting *s = &m->plan.settings[i];

		if (strcmp(s->key, key) == 0)
			return arena_printf(&m->arena, "%s %s %s%s", s->value ? s->value : "?",
					    plan_origin_name(s->origin), s->from,
					    s->by_flag ? " *" : "");
	}
	return NULL;
}

/* ---- one key, said in several places ----------------------------------------------------------
 */

#define FILE_MTU     1
#define VARIABLE_MTU 2
#define OPTION_MTU   4
#define FLAG_MTU     8

static const struct {
	int said;
	const char *want;
	bool dropped; /* from the user's file */
} winners[] = {
	{ 0, NULL, false },
	{ FILE_MTU, "1000 file /etc/docker/daemon.json", false },
	{ VARIABLE_MTU, "2000 variable DIND_MTU", false },
	{ VARIABLE_MTU | FILE_MTU, "2000 variable DIND_MTU", false },
	{ OPTION_MTU, "2000 option --mtu", false },
	{ OPTION_MTU | FILE_MTU, "2000 option --mtu", false },
	{ FLAG_MTU, "\"3000\" flag dockerd's --mtu *", true },
	{ FLAG_MTU | FILE_MTU, "\"3000\" flag dockerd's --mtu *", true },
};

START_TEST(the_later_origin_wins)
{
	static const char *const flag[] = { "--debug", "--mtu=3000", NULL };
	const struct plan_step *step;
	struct machine m;
	int said = winners[_i].said;
	bool dropped = false;

	machine_with_volume(&m);
	if (said & FILE_MTU)
		in_file(&m, "mtu", "1000");
	if (said & (OPTION_MTU | VARIABLE_MTU))
		m.options.mtu = 2000;
	if (said & VARIABLE_MTU)
		origin(&m, "mtu", "DIND_MTU", true);
	if (said & FLAG_MTU)
		m.options.dockerd_args = flag;
	machine_plan(&m);
	ck_assert_uint_eq(m.plan.n_refusals, 0);
	ck_assert_pstr_eq(setting(&m, "mtu"), winners[_i].want);
	step = the_step_with_key(&m, "config");
	for (const char *const *key = step->u.config.drop; *key; key++)
		dropped = dropped || strcmp(*key, "mtu") == 0;
	ck_assert_int_eq(dropped, winners[_i].dropped);
	/* what is left out of the user's file is said */
	ck_assert_int_eq(decision(&m, "DIND-ENGINE-03") != NULL,
			 (said & FILE_MTU) && said != FILE_MTU);
	ck_assert_ptr_eq(step->u.config.settings, m.plan.settings);
	ck_assert_uint_eq(step->u.config.n_settings, m.plan.n_settings);

	/* --strict-args: nothing is merged */
	m.options.strict_args = true;
	machine_plan(&m);
	ck_assert_uint_eq(m.plan.n_settings, 0);
	ck_assert_ptr_null(step_with_key(&m, "config"));
	ck_assert_has_not(argv_text(&m, m.plan.engine.launch.argv), "config-file");
	machine_free(&m);
}
END_TEST

/* ---- every option -----------------------------------------------------------------------------
 */

START_TEST(options_are_written_as_dockerd_reads_them)
{
	static const char *const mirrors[] = { "http://m:5000", "https://n", NULL };
	static const char *const insecure[] = { "r:5000", "127.0.0.0/8", NULL };
	static const char *const dns[] = { "10.0.0.2", "2001:db8::53", NULL };
	static const char *const pools[] = { "10.201.0.0/16,24", "fd00::/48,64", NULL };
	struct machine m;

	machine_with_volume(&m);
	m.options.registry_mirrors = mirrors;
	m.options.insecure_registries = insecure;
	m.options.dns = dns;
	m.options.address_pools = pools;
	machine_plan(&m);
	ck_assert_str_eq(setting(&m, "registry-mirrors"),
			 "[\"http://m:5000\", \"https://n\"] option --registry-mirror");
	/* those of loopback, which dockerd 29.10 no longer adds to a list, each once */
	ck_assert_str_eq(setting(&m, "insecure-registries"),
			 "[\"r:5000\", \"127.0.0.0/8\", \"::1/128\"] option --insecure-registry");
	ck_assert_str_eq(setting(&m, "dns"), "[\"10.0.0.2\", \"2001:db8::53\"] option --dns");
	ck_assert_str_eq(setting(&m, "default-address-pools"),
			 "[{\"base\": \"10.201.0.0/16\", \"size\": 24}, "
			 "{\"base\": \"fd00::/48\", \"size\": 64}] option --address-pool");
	machine_free(&m);
}
END_TEST

START_TEST(what_is_ours_has_a_reason)
{
	struct machine m;

	machine_with_volume(&m);
	machine_plan(&m);
	ck_assert_has(setting(&m, "storage-driver"), "\"overlay2\" default what works");
	ck_assert_has(setting(&m, "containerd"),
		      "\"/run/docker/containerd/containerd.sock\" default ");
	ck_assert_uint_eq(m.plan.n_settings, 2);
	machine_free(&m);

	/* and gives way */
	machine_with_volume(&m);
	in_file(&m, "storage-driver", "\"overlay2\"");
	m.facts.engine.config_storage_driver = "overlay2";
	in_file(&m, "containerd", "\"/run/c.sock\"");
	machine_plan(&m);
	ck_assert_str_eq(setting(&m, "storage-driver"),
			 "\"overlay2\" file /etc/docker/daemon.json");
	ck_assert_str_eq(setting(&m, "containerd"), "\"/run/c.sock\" file /etc/docker/daemon.json");
	machine_free(&m);
}
END_TEST

START_TEST(flags_are_shown_as_they_were_given)
{
	static const char *const args[] = { "--label=a=b", "--label", "c",    "-D",
					    "--raw-logs",  "-l",      "warn", "--add-runtime=x=/y",
					    NULL };
	struct machine m;

	machine_with_volume(&m);
	in_file(&m, "hosts", "[]");
	in_file(&m, "shutdown-timeout", "5");
	m.options.dockerd_args = args;
	machine_plan(&m);
	ck_assert_str_eq(setting(&m, "labels"), "\"a=b\", \"c\" flag dockerd's --label *");
	ck_assert_str_eq(setting(&m, "debug"), "true flag dockerd's -D *");
	ck_assert_str_eq(setting(&m, "raw-logs"), "true flag dockerd's --raw-logs *");
	ck_assert_str_eq(setting(&m, "log-level"), "\"warn\" flag dockerd's -l *");
	ck_assert_has(setting(&m, "add-runtime"), "\"x=/y\" flag");
	ck_assert_str_eq(setting(&m, "shutdown-timeout"), "5 file /etc/docker/daemon.json");
	/* PID 1 has taken them over: they are among the listeners */
	ck_assert_ptr_null(setting(&m, "hosts"));
	ck_assert_str_eq(told(&m), "containerd=/run/docker/containerd/containerd.sock "
				   "storage-driver=overlay2 "
				   "--label=a=b --label c -D --raw-logs -l warn "
				   "--add-runtime=x=/y");
	machine_free(&m);
}
END_TEST

START_TEST(facts_of_an_older_version_have_no_values)
{
	struct machine m;

	machine_with_volume(&m);
	m.facts.engine.config_present = TRI_YES;
	strings_add(&m.arena, &m.facts.engine.config_keys, "mtu");
	machine_plan(&m);
	ck_assert_str_eq(setting(&m, "mtu"), "? file /etc/docker/daemon.json");
	machine_free(&m);
}
END_TEST

static const struct {
	const char *key, *right; /* NULL: it is right */
} spellings[] = {
	{ "host", "\"hosts\"" },   { "registry-mirror", "\"registry-mirrors\"" },
	{ "label", "\"labels\"" }, { "registry-mirrors", NULL },
	{ "debug", NULL },	   { "add-runtime", NULL },
};

START_TEST(a_flags_name_is_no_key)
{
	struct machine m;

	machine_with_volume(&m);
	in_file(&m, spellings[_i].key, "[]");
	machine_plan(&m);
	ck_assert_uint_eq(m.plan.n_refusals, 0);
	if (spellings[_i].right)
		ck_assert_has(the_hint(&m, "DIND-ENGINE-11")->remedy, spellings[_i].right);
	else
		ck_assert_ptr_null(hint(&m, "DIND-ENGINE-11"));
	machine_free(&m);
}
END_TEST

/* ---- time namespaces ------------------------------------------------------------------------- */

static const struct {
	enum tri kernel;
	const char *version, *said; /* NULL: not known; nothing in the file */
	const char *want;
	bool asks, hints;
} time_namespaces[] = {
	{ TRI_YES, "29.5.0", NULL, NULL, false, false },
	{ TRI_UNKNOWN, "29.5.0", NULL, NULL, false, false },
	{ TRI_NO, NULL, NULL, NULL, true, false },
	{ TRI_NO, "28.5.2", NULL, NULL, false, false },
	{ TRI_NO, "29.4.3", NULL, NULL, false, false },
	{ TRI_NO, "29.5.0", NULL,
	  "{\"time-namespaces\": false} default this kernel has no time namespaces", false, false },
	{ TRI_NO, "29.10.1", NULL,
	  "{\"time-namespaces\": false} default this kernel has no time namespaces", false, false },
	{ TRI_NO, "30", NULL,
	  "{\"time-namespaces\": false} default this kernel has no time namespaces", false, false },
	{ TRI_NO, "29.5.0", "{\"buildkit\": true}",
	  "{\"buildkit\": true} file /etc/docker/daemon.json", false, true },
	{ TRI_NO, "29.5.0", "{\"time-namespaces\": true}",
	  "{\"time-namespaces\": true} file /etc/docker/daemon.json", false, false },
};

START_TEST(a_kernel_without_time_namespaces)
{
	struct machine m;

	machine_with_volume(&m);
	m.facts.identity.time_namespaces = time_namespaces[_i].kernel;
	m.facts.engine.version = time_namespaces[_i].version;
	if (time_namespaces[_i].said)
		in_file(&m, "features", time_namespaces[_i].said);
	machine_plan(&m);
	ck_assert_uint_eq(m.plan.n_refusals, 0);
	ck_assert_uint_eq(m.plan.n_trials, time_namespaces[_i].asks ? 1 : 0);
	ck_assert_pstr_eq(setting(&m, "features"), time_namespaces[_i].want);
	ck_assert_int_eq(hint(&m, "DIND-ENGINE-14") != NULL, time_namespaces[_i].hints);
	machine_free(&m);
}
END_TEST

START_TEST(a_path_that_json_cannot_hold)
{
	static const struct {
		const char *path;
		bool good;
	} paths[] = {
		{ "/d\xc3\xa9\xe2\x82\xac\xf0\x9f\x90\xb3", true },
		{ "/d\xff", false },
		{ "/d\xc3", false },
		{ "/d\xe2\x82/x", false },
		{ "/d\x80", false },
		{ "/d\xc0\xaf", false },
	};
	struct machine m;

	for (size_t i = 0; i < ARRAY_SIZE(paths); i++) {
		machine_with_volume(&m);
		m.options.data_root = paths[i].path;
		machine_plan(&m);
		ck_assert_int_eq(refusal(&m, "DIND-ENGINE-13") == NULL, paths[i].good);
		machine_free(&m);
	}
}
END_TEST

/* ---- how registries are reached ----------------------------------------------------------------
 */

START_TEST(authorities)
{
	static const char *const sources[] = { "/ca.pem", "/etc/ours", NULL };
	static const char *const given[] = { "SSL_CERT_DIR=/certs", "SSL_CERT_FILE=/f", NULL };
	const struct plan_step *step;
	struct machine m;

	machine_with_volume(&m);
	machine_plan(&m);
	ck_assert_ptr_null(step_with_key(&m, "engine-ca"));
	ck_assert_ptr_null(launch_variable(&m.plan.engine.launch, "SSL_CERT_DIR"));
	m.options.engine_ca = sources;
	machine_plan(&m);
	step = the_step_with_key(&m, "engine-ca");
	ck_assert_ptr_eq(step->u.ca.sources, sources);
	ck_assert_str_eq(step->u.ca.target, "/run/dind/ca/engine.pem");
	ck_assert_int_eq(step->on_fail, FAIL_ABORT);
	ck_assert_int_eq(step->status, STATUS_CONFIG);
	/* the system's stay */
	ck_assert_str_eq(launch_variable(&m.plan.engine.launch, "SSL_CERT_DIR"),
			 "/etc/ssl/certs:/etc/pki/tls/certs:/run/dind/ca");
	m.options.environment = given;
	machine_plan(&m);
	ck_assert_str_eq(launch_variable(&m.plan.engine.launch, "SSL_CERT_DIR"),
			 "/certs:/run/dind/ca");
	ck_assert_str_eq(launch_variable(&m.plan.engine.launch, "SSL_CERT_FILE"), "/f");
	ck_assert_str_eq(launch_variable(&m.plan.containerd.launch, "SSL_CERT_DIR"),
			 "/certs:/run/dind/ca");
	m.options.engine_ca = NULL;
	machine_plan(&m);
	ck_assert_str_eq(launch_variable(&m.plan.engine.launch, "SSL_CERT_DIR"), "/certs");
	machine_free(&m);
}
END_TEST

#define LOOPBACK "localhost,127.0.0.0/8,::1"

static const struct {
	const char *environment[4];
	const char *pools;
	const char *want;
} proxies[] = {
	{ { NULL }, NULL, NULL },
	{ { "NO_PROXY=a" }, NULL, "a" },
	{ { "no_proxy=a" }, NULL, "a" },
	{ { "HTTP_PROXY=" }, NULL, NULL },
	{ { "HTTP_PROXY=http://p" }, NULL, LOOPBACK },
	{ { "https_proxy=http://p" }, NULL, LOOPBACK },
	{ { "HTTPS_PROXY=http://p", "NO_PROXY=.corp,10.0.0.0/8" },
	  NULL,
	  ".corp,10.0.0.0/8," LOOPBACK },
	{ { "HTTPS_PROXY=http://p", "no_proxy=localhost" }, NULL, LOOPBACK },
	{ { "HTTPS_PROXY=http://p", "NO_PROXY=a", "no_proxy=b" }, NULL, "a," LOOPBACK },
	{ { "HTTPS_PROXY=http://p", "NO_PROXY=*" }, NULL, "*" },
	{ { "HTTPS_PROXY=http://p" }, "10.201.0.0/16,24", LOOPBACK ",10.201.0.0/16" },
};

START_TEST(what_no_proxy_is_asked_for)
{
	const char *const pools[] = { proxies[_i].pools, NULL };
	struct machine m;

	machine_with_volume(&m);
	m.options.environment = proxies[_i].environment;
	m.options.address_pools = proxies[_i].pools ? pools : NULL;
	machine_plan(&m);
	ck_assert_pstr_eq(launch_variable(&m.plan.engine.launch, "NO_PROXY"), proxies[_i].want);
	machine_free(&m);
}
END_TEST

int main(void)
{
	TCase *tc = tcase_create("config");

	tcase_add_loop_test(tc, the_later_origin_wins, 0, ARRAY_SIZE(winners));
	tcase_add_test(tc, options_are_written_as_dockerd_reads_them);
	tcase_add_test(tc, what_is_ours_has_a_reason);
	tcase_add_test(tc, flags_are_shown_as_they_were_given);
	tcase_add_test(tc, facts_of_an_older_version_have_no_values);
	tcase_add_loop_test(tc, a_flags_name_is_no_key, 0, ARRAY_SIZE(spellings));
	tcase_add_loop_test(tc, a_kernel_without_time_namespaces, 0, ARRAY_SIZE(time_namespaces));
	tcase_add_test(tc, a_path_that_json_cannot_hold);
	tcase_add_test(tc, authorities);
	tcase_add_loop_test(tc, what_no_proxy_is_asked_for, 0, ARRAY_SIZE(proxies));
	return run_suite(tc);
}
