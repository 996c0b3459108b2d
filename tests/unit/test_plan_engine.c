/* SPDX-License-Identifier: Apache-2.0 */
/* The launch records: flags against daemon.json, environments, users and capabilities. */
#include "plan_fixture.h"

/* Without the address of containerd, which test_plan_containerd.c looks at. */
static const char *values(struct machine *m)
{
	struct strings rest = STRINGS_INIT;
	const char *all = told(m);

	while (*all) {
		size_t n = strcspn(all, " ");

		if (!str_has_prefix(all, "containerd="))
			strings_add(&m->arena, &rest, arena_strndup(&m->arena, all, n));
		all += n + (all[n] == ' ');
	}
	return strings_join(&m->arena, &rest, " ");
}

static const char *flags(struct machine *m)
{
	return argv_text(m, m->plan.engine.launch.argv);
}

static void key(struct machine *m, const char *name)
{
	m->facts.engine.config_present = TRI_YES;
	strings_add(&m->arena, &m->facts.engine.config_keys, name);
}

/* What is in the user's file and not taken from there; NULL: all of it is. */
static const char *dropped(struct machine *m)
{
	const struct plan_step *step = step_with_key(m, "config");
	const struct strings *file = &m->facts.engine.config_keys;
	struct strings gone = STRINGS_INIT;

	for (const char *const *key = step ? step->u.config.drop : NULL; key && *key; key++)
		if (strings_has(file, *key))
			strings_add(&m->arena, &gone, *key);
	for (size_t i = 0; step && i < step->u.config.n_settings; i++) {
		const struct plan_setting *s = &step->u.config.settings[i];

		if (!s->by_flag && s->origin != ORIGIN_FILE && strings_has(file, s->key) &&
		    !strings_has(&gone, s->key))
			strings_add(&m->arena, &gone, s->key);
	}
	return gone.count ? strings_join(&m->arena, &gone, " ") : NULL;
}

#define PLAIN "/usr/bin/dockerd --config-file /run/dind/daemon.json -H fd://"

/* ---- flags and daemon.json --------------------------------------------------------------------
 */

START_TEST(the_plainest_engine)
{
	const struct launch *launch;
	struct machine m;

	machine_with_volume(&m);
	machine_plan(&m);
	launch = &m.plan.engine.launch;
	ck_assert(m.plan.engine.wanted);
	ck_assert_str_eq(flags(&m), PLAIN);
	ck_assert_str_eq(values(&m), "storage-driver=overlay2");
	ck_assert_has(the_decision(&m, "DIND-ENGINE-05")->fact, argv_text(&m, launch->argv));
	ck_assert(launch->new_session);
	ck_assert(!launch->foreground);
	ck_assert(!launch->set_user);
	ck_assert_int_eq(launch->caps, LAUNCH_CAPS_KEEP);
	ck_assert(!launch->no_new_privs);
	ck_assert_str_eq(argv_text(&m, the_step_with_key(&m, "config")->u.config.drop), "hosts");
	ck_assert(!the_step_with_key(&m, "config")->u.config.required);
	ck_assert(!m.plan.workload.wanted);
	ck_assert_str_eq(m.plan.exec_root, "/run/docker");
	ck_assert_str_eq(m.plan.pid_file, "/run/docker.pid");
	machine_free(&m);
}
END_TEST

START_TEST(options_are_in_the_file_and_users_flags_stay_flags)
{
	static const char *const args[] = { "--debug", "--mtu", "1400", NULL };
	struct machine m;

	machine_with_volume(&m);
	m.options.data_root = DATA_ROOT;
	m.options.exec_root = "/var/run/other";
	m.options.pid_file = "/run/other.pid";
	m.options.dockerd_args = args;
	machine_plan(&m);
	ck_assert_str_eq(flags(&m), PLAIN " --debug --mtu 1400");
	ck_assert_str_eq(values(&m), "data-root=" DATA_ROOT " exec-root=/var/run/other "
				     "pidfile=/run/other.pid storage-driver=overlay2 --debug "
				     "--mtu 1400");
	ck_assert_str_eq(m.plan.exec_root, "/run/other");
	machine_free(&m);
}
END_TEST

START_TEST(a_flag_of_the_users_is_not_given_twice)
{
	static const char *const args[] = { "--data-root=/x", "-p", "/y", "--exec-root=/z", NULL };
	struct machine m;

	machine_with_volume(&m);
	m.options.data_root = "/x";
	m.options.pid_file = "/y";
	m.options.exec_root = "/z";
	m.options.dockerd_args = args;
	machine_plan(&m);
	ck_assert_str_eq(values(&m), "storage-driver=overlay2 --data-root=/x -p /y --exec-root=/z");
	machine_free(&m);
}
END_TEST

START_TEST(what_the_file_says_needs_no_flag)
{
	struct machine m;

	machine_with_volume(&m);
	key(&m, "data-root");
	key(&m, "exec-root");
	key(&m, "pidfile");
	m.facts.engine.config_data_root = DATA_ROOT;
	m.facts.engine.config_exec_root = "/run/docker2";
	m.facts.engine.config_pid_file = "/run/docker2.pid";
	machine_plan(&m);
	ck_assert_str_eq(values(&m), "storage-driver=overlay2");
	ck_assert_str_eq(m.plan.exec_root, "/run/docker2");
	ck_assert_str_eq(m.plan.pid_file, "/run/docker2.pid");
	/* said twice, and the same */
	m.options.data_root = DATA_ROOT;
	m.options.exec_root = "/run/docker2";
	m.options.pid_file = "/run/docker2.pid";
	machine_plan(&m);
	ck_assert_str_eq(values(&m), "storage-driver=overlay2");
	ck_assert_ptr_null(dropped(&m));
	machine_free(&m);
}
END_TEST

START_TEST(an_option_wins_over_the_file)
{
	struct machine m;

	machine_with_volume(&m);
	key(&m, "data-root");
	key(&m, "storage-driver");
	key(&m, "log-level");
	m.facts.engine.config_data_root = "/other";
	m.facts.engine.config_storage_driver = "vfs";
	m.options.data_root = DATA_ROOT;
	m.options.storage_driver = "overlay2";
	machine_plan(&m);
	ck_assert_str_eq(values(&m), "data-root=" DATA_ROOT " storage-driver=overlay2");
	ck_assert_str_eq(dropped(&m), "data-root storage-driver");
	machine_free(&m);

	/* its old name */
	machine_with_volume(&m);
	key(&m, "graph");
	m.facts.engine.config_data_root = "/other";
	m.options.data_root = DATA_ROOT;
	machine_plan(&m);
	ck_assert_str_eq(dropped(&m), "graph");
	machine_free(&m);
}
END_TEST

START_TEST(hosts_are_taken_over)
{
	const struct plan_step *step;
	struct machine m;

	machine_with_volume(&m);
	key(&m, "hosts");
	key(&m, "mtu");
	strings_add(&m.arena, &m.facts.engine.config_hosts, "unix:///run/x.sock");
	machine_plan(&m);
	step = the_step_with_key(&m, "config");
	ck_assert_str_eq(dropped(&m), "hosts");
	ck_assert_str_eq(step->u.config.source, DIND_DEFAULT_CONFIG);
	ck_assert_str_eq(step->u.config.target, "/run/dind/daemon.json");
	ck_assert_int_eq(step->on_fail, FAIL_ABORT);
	ck_assert_ptr_nonnull(decision(&m, "DIND-ENGINE-03"));
	/* the directory is there before the file */
	ck_assert(step_with_key(&m, "runtime-dir:/run/dind") < step);
	machine_free(&m);
}
END_TEST

/* Flag, the key it collides with, and what is left out of the file. */
static const struct {
	const char *flag, *key, *drop;
} collisions[] = {
	{ "--mtu=1400", "mtu", "mtu" },
	{ "--mtu", "mtu", "mtu" },
	{ "--insecure-registry=r", "insecure-registries", "insecure-registries" },
	{ "--registry-mirror", "registry-mirrors", "registry-mirrors" },
	{ "--label=a=b", "labels", "labels" },
	{ "--default-address-pool", "default-address-pools", "default-address-pools" },
	{ "--default-ulimit", "default-ulimits", "default-ulimits" },
	{ "--default-network-opt", "default-network-opts", "default-network-opts" },
	{ "--dns-opt", "dns-opts", "dns-opts" },
	{ "--dns", "dns", "dns" },
	{ "--exec-opt", "exec-opts", "exec-opts" },
	{ "--storage-opt", "storage-opts", "storage-opts" },
	{ "--log-opt", "log-opts", "log-opts" },
	{ "--log-level=debug", "log-level", "log-level" },
	{ "-l", "log-level", "log-level" },
	{ "-D", "debug", "debug" },
	{ "-b", "bridge", "bridge" },
	{ "-s", "storage-driver", "storage-driver" },
	{ "--feature", "features", "features" },
	{ "--cdi-spec-dir", "cdi-spec-dirs", "cdi-spec-dirs" },
	{ "--authorization-plugin", "authorization-plugins", "authorization-plugins" },
	{ "--node-generic-resource", "node-generic-resources", "node-generic-resources" },
	{ "--host-gateway-ip", "host-gateway-ips", "host-gateway-ips" },
	{ "--host-gateway-ip", "host-gateway-ip", "host-gateway-ip" },
	{ "--data-root=/x", "graph", "graph" },
	{ "-g", "graph", "graph" },
	{ "-G", "group", "group" },
	/* no collision */
	{ "--mtu=1400", "dns", NULL },
	{ "--add-runtime=x", "runtimes", NULL },
	{ "--add-runtime=x", "add-runtime", NULL },
	{ "--config-file=x", "config-file", NULL },
	{ "mtu", "mtu", NULL },
	{ "--log-driver", "log-level", NULL },
	{ "--log-levels", "log-level", NULL },
	{ "-x", "log-level", NULL },
};

START_TEST(a_directive_is_not_in_both)
{
	const char *args[] = { collisions[_i].flag, collisions[_i].flag, NULL };
	struct machine m;

	machine_with_volume(&m);
	key(&m, collisions[_i].key);
	m.options.dockerd_args = args;
	machine_plan(&m);
	if (collisions[_i].drop) {
		ck_assert_str_eq(dropped(&m), collisions[_i].drop);
		ck_assert_has(flags(&m), "--config-file /run/dind/daemon.json");
	} else {
		ck_assert_ptr_null(dropped(&m));
	}
	/* argv untouched */
	m.options.strict_args = true;
	machine_plan(&m);
	ck_assert_ptr_null(dropped(&m));
	ck_assert_str_eq(flags(&m), arena_printf(&m.arena, "/usr/bin/dockerd %s %s",
						 collisions[_i].flag, collisions[_i].flag));
	machine_free(&m);
}
END_TEST

START_TEST(files_that_cannot_be_read)
{
	struct machine m;

	machine_with_volume(&m);
	m.facts.engine.config_error = "line 3 column 7: ']' expected";
	machine_plan(&m);
	ck_assert_int_eq(the_refusal(&m, "DIND-ENGINE-02")->status, STATUS_CONFIG);
	ck_assert_has(the_refusal(&m, "DIND-ENGINE-02")->fact, "/etc/docker/daemon.json");
	ck_assert_has(the_refusal(&m, "DIND-ENGINE-02")->fact, "line 3 column 7");
	machine_free(&m);

	machine_with_volume(&m);
	m.options.config_file = m.facts.engine.config_path = "/x.json";
	m.options.config_file_given = true;
	machine_plan(&m);
	ck_assert_has(the_refusal(&m, "DIND-ENGINE-02")->fact, "/x.json");
	ck_assert_int_eq(the_refusal(&m, "DIND-ENGINE-02")->status, STATUS_CONFIG);
	m.facts.engine.config_present = TRI_YES;
	machine_plan(&m);
	ck_assert_uint_eq(m.plan.n_refusals, 0);
	ck_assert_str_eq(the_step_with_key(&m, "config")->u.config.source, "/x.json");
	ck_assert(the_step_with_key(&m, "config")->u.config.required);
	m.facts.engine.config_present = TRI_UNKNOWN;
	machine_plan(&m);
	ck_assert_uint_eq(m.plan.n_refusals, 0);
	/* facts of another machine may not name it */
	m.facts.engine.config_path = NULL;
	machine_plan(&m);
	ck_assert_str_eq(the_step_with_key(&m, "config")->u.config.source, "/x.json");
	machine_free(&m);
}
END_TEST

/* ---- programs ---------------------------------------------------------------------------------
 */

START_TEST(programs_that_are_missing)
{
	struct machine m;

	machine_with_volume(&m);
	m.facts.engine.dockerd = NULL;
	m.facts.engine.containerd = NULL;
	machine_plan(&m);
	ck_assert_uint_eq(m.plan.n_refusals, 2);
	ck_assert_int_eq(m.plan.refusals[0].status, STATUS_CONFIG);
	ck_assert_has(m.plan.refusals[0].fact, "dockerd");
	ck_assert_has(m.plan.refusals[1].fact, "containerd");
	ck_assert_has(flags(&m), "dockerd --config-file");
	machine_free(&m);
}
END_TEST

static const struct {
	const char *key, *flag;
	bool containerd, runc, iptables; /* complained about */
} substitutes[] = {
	{ "mtu", NULL, true, true, true },
	{ "containerd", NULL, false, true, true },
	{ "mtu", "--containerd=/run/c.sock", false, true, true },
	{ "default-runtime", NULL, true, false, true },
	{ "mtu", "--default-runtime=crun", true, false, true },
	{ "iptables", NULL, true, true, false },
	{ "mtu", "--iptables=false", true, true, false },
};

START_TEST(programs_that_are_not_needed)
{
	const char *args[] = { substitutes[_i].flag, NULL };
	struct machine m;

	machine_with_volume(&m);
	m.facts.engine.containerd = NULL;
	m.facts.engine.runc = NULL;
	m.facts.network.iptables = NULL;
	key(&m, substitutes[_i].key);
	m.options.dockerd_args = args;
	machine_plan(&m);
	ck_assert_int_eq(refusal(&m, "DIND-ENGINE-01") != NULL, substitutes[_i].containerd);
	ck_assert_int_eq(hint(&m, "DIND-ENGINE-07") != NULL, substitutes[_i].runc);
	ck_assert_int_eq(hint(&m, "DIND-ENGINE-06") != NULL, substitutes[_i].iptables);
	machine_free(&m);
}
END_TEST

static size_t count_kept(const struct launch *launch)
{
	size_t n = 0;

	for (const char *const *e = launch->environment; *e; e++)
		n += str_has_suffix(*e, "=kept");
	return n;
}

/* ---- environments -----------------------------------------------------------------------------
 */

static const char *const environment[] = {
	"PATH=/usr/bin",
	"HOME=/root",
	"USER=root",
	"LOGNAME=root",
	"SHELL=/bin/sh",
	"DOCKER_HOST=tcp://docker:2376",
	"DOCKER_TLS_VERIFY=1",
	"DOCKER_CERT_PATH=/certs/client",
	"DOCKER_CONTEXT=remote",
	"DOCKER_CONFIG=/root/.docker",
	"DOCKER_DRIVER=vfs",
	"DOCKER_TMPDIR=/tmp/d",
	"DOCKER_RAMDISK=true",
	"DOCKER_MIN_API_VERSION=1.24",
	"HTTP_PROXY=http://proxy",
	"NOTIFY_SOCKET=/run/outer",
	"LISTEN_FDS=1",
	"LISTEN_PID=1",
	"DIND_STORAGE=loop",
	"DINDX=kept",
	"container=oci",
	"containerd=kept",
	/* names that begin like others */
	"DOCKER_HOSTX=kept",
	"DOCKER_TLS_VERIFYX=kept",
	"DOCKER_CERT_PATHX=kept",
	"DOCKER_CONTEXTX=kept",
	"DOCKER_CONFIGX=kept",
	"DOCKER_DRIVERX=kept",
	"NOTIFY_SOCKETX=kept",
	"HOMEX=kept",
	"USERX=kept",
	"LOGNAMEX=kept",
	"SHELLX=kept",
	NULL,
};

START_TEST(the_engines_environment)
{
	static const char *const gone[] = { "DOCKER_HOST",	"DOCKER_TLS_VERIFY",
					    "DOCKER_CERT_PATH", "DOCKER_CONTEXT",
					    "DOCKER_CONFIG",	"DOCKER_DRIVER",
					    "LISTEN_FDS",	"LISTEN_PID",
					    "DIND_STORAGE" };
	static const char *const kept[] = { "PATH",	      "HOME",
					    "USER",	      "DOCKER_TMPDIR",
					    "DOCKER_RAMDISK", "DOCKER_MIN_API_VERSION",
					    "HTTP_PROXY",     "DINDX",
					    "containerd" };
	const struct launch *launch;
	struct machine m;

	machine_with_volume(&m);
	m.options.environment = environment;
	machine_plan(&m);
	launch = &m.plan.engine.launch;
	for (size_t i = 0; i < ARRAY_SIZE(gone); i++)
		ck_assert_msg(!launch_variable(launch, gone[i]), "%s", gone[i]);
	for (size_t i = 0; i < ARRAY_SIZE(kept); i++)
		ck_assert_msg(launch_variable(launch, kept[i]) != NULL, "%s", kept[i]);
	ck_assert_uint_eq(count_kept(launch), 13);
	ck_assert_str_eq(launch_variable(launch, "container"), "docker");
	ck_assert_str_eq(launch_variable(launch, "NOTIFY_SOCKET"), "/run/dind/notify");
	machine_free(&m);
}
END_TEST

START_TEST(without_an_environment_there_is_a_path)
{
	static const char *const command[] = { "make", NULL };
	struct machine m;

	machine_with_volume(&m);
	m.options.environment = NULL;
	m.options.workload = command;
	machine_plan(&m);
	ck_assert_has(launch_variable(&m.plan.engine.launch, "PATH"), "/usr/sbin");
	ck_assert_has(launch_variable(&m.plan.workload.launch, "PATH"), "/usr/sbin");
	machine_free(&m);
}
END_TEST

START_TEST(the_commands_environment)
{
	static const char *const command[] = { "make", "test", NULL };
	const struct launch *launch;
	struct machine m;

	machine_with_volume(&m);
	m.options.environment = environment;
	m.options.workload = command;
	machine_plan(&m);
	launch = &m.plan.workload.launch;
	ck_assert(m.plan.workload.wanted);
	ck_assert_ptr_eq(launch->argv, command);
	ck_assert(launch->foreground);
	ck_assert(!launch->new_session);
	ck_assert_str_eq(launch_variable(launch, "DOCKER_HOST"), "unix:///var/run/docker.sock");
	ck_assert_ptr_null(launch_variable(launch, "DOCKER_TLS_VERIFY"));
	ck_assert_ptr_null(launch_variable(launch, "DOCKER_CERT_PATH"));
	ck_assert_ptr_null(launch_variable(launch, "DOCKER_CONTEXT"));
	ck_assert_ptr_null(launch_variable(launch, "NOTIFY_SOCKET"));
	ck_assert_ptr_null(launch_variable(launch, "LISTEN_FDS"));
	ck_assert_str_eq(launch_variable(launch, "DOCKER_CONFIG"), "/root/.docker");
	ck_assert_str_eq(launch_variable(launch, "DIND_STORAGE"), "loop");
	ck_assert_str_eq(launch_variable(launch, "HOME"), "/root");
	ck_assert_str_eq(launch_variable(launch, "container"), "oci");

	/* dockerd listens where only the user knows */
	m.options.strict_args = true;
	machine_plan(&m);
	launch = &m.plan.workload.launch;
	ck_assert_str_eq(launch_variable(launch, "DOCKER_HOST"), "tcp://docker:2376");
	ck_assert_str_eq(launch_variable(launch, "DOCKER_TLS_VERIFY"), "1");
	machine_free(&m);
}
END_TEST

static const struct {
	const char *hosts[3];
	const char *docker_host;
} clients[] = {
	{ { "tcp://127.0.0.1:2375", "unix:///run/x.sock" }, "unix:///run/x.sock" },
	{ { "tcp://127.0.0.1:2375" }, "tcp://127.0.0.1:2375" },
	{ { "tcp://10.0.0.1:99" }, "tcp://10.0.0.1:99" },
	{ { "tcp://0.0.0.0:99" }, "tcp://127.0.0.1:99" },
	{ { "tcp://:99" }, "tcp://127.0.0.1:99" },
	{ { "tcp://[::]:99" }, "tcp://[::1]:99" },
	{ { "tcp://[::1]:99" }, "tcp://[::1]:99" },
};

START_TEST(a_client_is_told_where_to_connect)
{
	static const char *const command[] = { "make", NULL };
	struct machine m;

	machine_with_volume(&m);
	m.options.insecure_tcp = true;
	m.options.workload = command;
	for (size_t i = 0; clients[_i].hosts[i]; i++)
		m.options.hosts[m.options.n_hosts++] = clients[_i].hosts[i];
	machine_plan(&m);
	ck_assert_str_eq(launch_variable(&m.plan.workload.launch, "DOCKER_HOST"),
			 clients[_i].docker_host);
	machine_free(&m);
}
END_TEST

/* ---- users ------------------------------------------------------------------------------------
 */

static const char *const shell[] = { "sh", NULL };

static void machine_with_user(struct machine *m, int64_t uid, int64_t gid, const char *groups)
{
	machine_with_volume(m);
	m->options.environment = environment;
	m->options.workload = shell;
	m->options.user = "agent";
	m->facts.identity.user_found = TRI_YES;
	m->facts.identity.user_uid = uid;
	m->facts.identity.user_gid = gid;
	m->facts.identity.user_name = "agent";
	m->facts.identity.user_home = "/home/agent";
	m->facts.identity.user_shell = "/bin/bash";
	m->facts.identity.user_groups = groups;
	m->facts.identity.group_found = TRI_YES;
	m->facts.identity.group_gid = 999;
}

START_TEST(command_as_a_user)
{
	const struct launch *launch;
	struct machine m;

	machine_with_user(&m, 1000, 1001, "4 20 999");
	machine_plan(&m);
	launch = &m.plan.workload.launch;
	ck_assert(launch->set_user);
	ck_assert_uint_eq(launch->uid, 1000);
	ck_assert_uint_eq(launch->gid, 1001);
	ck_assert_uint_eq(launch->n_groups, 3);
	ck_assert_uint_eq(launch->groups[2], 999);
	ck_assert_int_eq(launch->caps, LAUNCH_CAPS_CLEAR);
	ck_assert_str_eq(launch_variable(launch, "HOME"), "/home/agent");
	ck_assert_str_eq(launch_variable(launch, "USER"), "agent");
	ck_assert_str_eq(launch_variable(launch, "LOGNAME"), "agent");
	ck_assert_str_eq(launch_variable(launch, "SHELL"), "/bin/bash");
	ck_assert_uint_eq(count_kept(launch), 13);
	ck_assert_ptr_null(decision(&m, "DIND-USER-03"));
	machine_free(&m);

	/* a number without an entry */
	machine_with_user(&m, 1234, 0, NULL);
	m.facts.identity.user_name = m.facts.identity.user_home = m.facts.identity.user_shell =
		NULL;
	machine_plan(&m);
	launch = &m.plan.workload.launch;
	ck_assert_str_eq(launch_variable(launch, "HOME"), "/");
	ck_assert_ptr_null(launch_variable(launch, "USER"));
	machine_free(&m);
}
END_TEST

START_TEST(the_user_can_open_the_socket)
{
	const struct launch *launch;
	struct machine m;

	machine_with_user(&m, 1000, 1000, "4");
	machine_plan(&m);
	launch = &m.plan.workload.launch;
	ck_assert_uint_eq(launch->n_groups, 2);
	ck_assert_uint_eq(launch->groups[1], 999);
	ck_assert_has(the_decision(&m, "DIND-USER-03")->fact, "999");
	machine_free(&m);

	machine_with_user(&m, 1000, 999, "");
	machine_plan(&m);
	ck_assert_uint_eq(m.plan.workload.launch.n_groups, 0);
	machine_free(&m);

	/* the socket is root's alone */
	machine_with_user(&m, 1000, 1000, "4");
	m.facts.identity.group_found = TRI_NO;
	machine_plan(&m);
	ck_assert_has(the_hint(&m, "DIND-USER-02")->remedy, "--socket-group 1000");
	ck_assert_uint_eq(m.plan.workload.launch.n_groups, 1);
	m.facts.identity.user_groups = "4 0";
	machine_plan(&m);
	ck_assert_ptr_null(hint(&m, "DIND-USER-02"));
	machine_free(&m);

	/* the first socket is the one that is told */
	machine_with_user(&m, 1000, 1000, "");
	m.options.hosts[m.options.n_hosts++] = "unix:///run/a.sock";
	m.options.hosts[m.options.n_hosts++] = "unix:///run/b.sock";
	machine_plan(&m);
	ck_assert_has(the_decision(&m, "DIND-USER-03")->fact, "/run/a.sock");
	machine_free(&m);

	/* root needs no group, and over TCP nobody does */
	machine_with_user(&m, 0, 0, "");
	machine_plan(&m);
	ck_assert_uint_eq(m.plan.workload.launch.n_groups, 0);
	machine_free(&m);
	machine_with_user(&m, 1000, 1000, "");
	m.options.hosts[m.options.n_hosts++] = "tcp://127.0.0.1:2375";
	machine_plan(&m);
	ck_assert_uint_eq(m.plan.workload.launch.n_groups, 0);
	machine_free(&m);
}
END_TEST

START_TEST(groups_that_are_none_and_groups_too_many)
{
	struct strings many = STRINGS_INIT;
	struct machine m;

	machine_with_user(&m, 1000, 1000, "  4 x 99999999999999999999 4294967296 20 -1 999");
	machine_plan(&m);
	ck_assert_uint_eq(m.plan.workload.launch.n_groups, 3);
	machine_free(&m);

	machine_with_user(&m, 1000, 1000, "");
	for (int i = 1; i < 100; i++)
		strings_add(&m.arena, &many, "7");
	m.facts.identity.user_groups = strings_join(&m.arena, &many, " ");
	machine_plan(&m);
	ck_assert_uint_eq(m.plan.workload.launch.n_groups, LAUNCH_MAX_GROUPS);
	machine_free(&m);
}
END_TEST

START_TEST(a_user_that_is_not_there_is_never_root_instead)
{
	struct machine m;

	machine_with_user(&m, -1, -1, NULL);
	m.facts.identity.user_found = TRI_NO;
	machine_plan(&m);
	ck_assert_int_eq(the_refusal(&m, "DIND-USER-01")->status, STATUS_CONFIG);
	ck_assert_has(the_refusal(&m, "DIND-USER-01")->fact, "does not exist");
	ck_assert(!m.plan.workload.launch.set_user);
	m.facts.identity.user_found = TRI_UNKNOWN;
	machine_plan(&m);
	ck_assert_has(the_refusal(&m, "DIND-USER-01")->fact, "could not be looked up");
	m.facts.identity.user_found = TRI_YES;
	machine_plan(&m);
	ck_assert_ptr_nonnull(refusal(&m, "DIND-USER-01"));
	m.facts.identity.user_uid = 5;
	machine_plan(&m);
	ck_assert_ptr_nonnull(refusal(&m, "DIND-USER-01"));
	machine_free(&m);

	/* without a COMMAND there is nothing to run as somebody */
	machine_with_user(&m, -1, -1, NULL);
	m.facts.identity.user_found = TRI_NO;
	m.options.workload = NULL;
	machine_plan(&m);
	ck_assert_uint_eq(m.plan.n_refusals, 0);
	machine_free(&m);
}
END_TEST

static const struct {
	bool user, root, keep, drop, no_new_privs;
	enum launch_caps caps;
} capabilities[] = {
	{ false, false, false, false, false, LAUNCH_CAPS_KEEP },
	{ false, false, false, true, true, LAUNCH_CAPS_CLEAR },
	{ true, true, false, false, false, LAUNCH_CAPS_KEEP },
	{ true, true, false, true, false, LAUNCH_CAPS_CLEAR },
	{ true, false, false, false, false, LAUNCH_CAPS_CLEAR },
	{ true, false, true, false, true, LAUNCH_CAPS_KEEP_BOUNDING },
	{ true, false, false, true, false, LAUNCH_CAPS_CLEAR },
};

START_TEST(the_commands_capabilities)
{
	struct machine m;

	machine_with_user(&m, capabilities[_i].root ? 0 : 1000, 0, "");
	if (!capabilities[_i].user)
		m.options.user = NULL;
	m.options.keep_caps = capabilities[_i].keep;
	m.options.drop_caps = capabilities[_i].drop;
	m.options.no_new_privs = capabilities[_i].no_new_privs;
	machine_plan(&m);
	ck_assert_int_eq(m.plan.workload.launch.caps, capabilities[_i].caps);
	ck_assert_int_eq(m.plan.workload.launch.no_new_privs, capabilities[_i].no_new_privs);
	ck_assert_int_eq(m.plan.workload.launch.set_user, capabilities[_i].user);
	machine_free(&m);
}
END_TEST

/* ---- surroundings -----------------------------------------------------------------------------
 */

/* What keeps two engines of one network namespace apart, and what does not. */
static const struct {
	const char *args[4];
	bool apart;
} two_engines[] = {
	{ { NULL }, false },
	{ { "--bridge=own", "--iptables=false", "--ip6tables=false" }, true },
	{ { "-bown", "--iptables=0", "--ip6tables=0" }, true },
	{ { "--bridge=own", NULL }, false },			 /* flushes the chains */
	{ { "--bridge=own", "--iptables=false", NULL }, false }, /* those of IPv6 */
	{ { "--bridge=own", "--iptables", "--ip6tables=false" }, false },
	{ { "--bridge=none", "--iptables=false", "--ip6tables=false" }, false }, /* no docker0 */
	{ { "--bridge=docker0", "--iptables=false", "--ip6tables=false" }, false },
	{ { "--iptables=false", "--ip6tables=false", NULL }, false },
};

START_TEST(another_engine_lives_here)
{
	struct machine m;

	machine_with_volume(&m);
	m.options.dockerd_args = two_engines[_i].args;
	m.facts.network.foreign_engine =
		(struct fact){ TRI_YES, 0, "/run/docker/libnetwork/0123456789ab.sock" };
	machine_plan(&m);
	if (two_engines[_i].apart) {
		ck_assert_uint_eq(m.plan.n_refusals, 0);
		ck_assert_has(the_decision(&m, "DIND-NET-03")->fact, "0123456789ab.sock");
	} else {
		ck_assert_int_eq(the_refusal(&m, "DIND-NET-01")->status, STATUS_CONFIG);
		ck_assert_has(the_refusal(&m, "DIND-NET-01")->fact, "0123456789ab.sock");
		ck_assert_has(the_refusal(&m, "DIND-NET-01")->remedy, "--network=host");
		ck_assert_has(the_refusal(&m, "DIND-NET-01")->remedy, "--iptables=false");
	}
	machine_free(&m);
}
END_TEST

START_TEST(another_engines_bridge)
{
	static const char *const none[] = { "-b", "none", NULL };
	struct machine m;

	machine_with_volume(&m);
	m.facts.network.foreign_bridge = TRI_YES;
	machine_plan(&m);
	ck_assert_int_eq(the_refusal(&m, "DIND-NET-01")->status, STATUS_CONFIG);
	ck_assert_has(the_refusal(&m, "DIND-NET-01")->remedy, "--network=host");
	m.options.dockerd_args = none;
	machine_plan(&m);
	ck_assert_ptr_nonnull(refusal(&m, "DIND-NET-01"));
	m.options.dockerd_args = NULL;
	key(&m, "bridge");
	m.facts.engine.config_bridge = "own";
	machine_plan(&m);
	ck_assert_ptr_nonnull(refusal(&m, "DIND-NET-01"));
	m.facts.engine.config_iptables = m.facts.engine.config_ip6tables = TRI_NO;
	machine_plan(&m);
	ck_assert_uint_eq(m.plan.n_refusals, 0);
	machine_free(&m);

	/* of our predecessor in a pod's namespace */
	machine_with_volume(&m);
	m.facts.network.docker0 = TRI_YES;
	m.facts.network.foreign_bridge = TRI_UNKNOWN;
	m.facts.network.foreign_engine.value = TRI_NO;
	machine_plan(&m);
	ck_assert_uint_eq(m.plan.n_refusals, 0);
	ck_assert_has(the_decision(&m, "DIND-NET-04")->fact, "docker0");
	machine_free(&m);
}
END_TEST

START_TEST(no_route)
{
	struct machine m;

	machine_with_volume(&m);
	m.facts.network.default_route = TRI_NO;
	machine_plan(&m);
	ck_assert_ptr_nonnull(hint(&m, "DIND-NET-02"));
	ck_assert_uint_eq(m.plan.n_refusals, 0);
	machine_free(&m);
}
END_TEST

int main(void)
{
	TCase *tc = tcase_create("engine");

	tcase_add_test(tc, the_plainest_engine);
	tcase_add_test(tc, options_are_in_the_file_and_users_flags_stay_flags);
	tcase_add_test(tc, a_flag_of_the_users_is_not_given_twice);
	tcase_add_test(tc, what_the_file_says_needs_no_flag);
	tcase_add_test(tc, an_option_wins_over_the_file);
	tcase_add_test(tc, hosts_are_taken_over);
	tcase_add_loop_test(tc, a_directive_is_not_in_both, 0, ARRAY_SIZE(collisions));
	tcase_add_test(tc, files_that_cannot_be_read);
	tcase_add_test(tc, programs_that_are_missing);
	tcase_add_loop_test(tc, programs_that_are_not_needed, 0, ARRAY_SIZE(substitutes));
	tcase_add_test(tc, the_engines_environment);
	tcase_add_test(tc, without_an_environment_there_is_a_path);
	tcase_add_test(tc, the_commands_environment);
	tcase_add_loop_test(tc, a_client_is_told_where_to_connect, 0, ARRAY_SIZE(clients));
	tcase_add_test(tc, command_as_a_user);
	tcase_add_test(tc, the_user_can_open_the_socket);
	tcase_add_test(tc, groups_that_are_none_and_groups_too_many);
	tcase_add_test(tc, a_user_that_is_not_there_is_never_root_instead);
	tcase_add_loop_test(tc, the_commands_capabilities, 0, ARRAY_SIZE(capabilities));
	tcase_add_test(tc, another_engines_bridge);
	tcase_add_loop_test(tc, another_engine_lives_here, 0, (int) ARRAY_SIZE(two_engines));
	tcase_add_test(tc, no_route);
	return run_suite(tc);
}
