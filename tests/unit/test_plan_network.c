/* SPDX-License-Identifier: Apache-2.0 */
/* The network: the back end of iptables, MTU, ranges of addresses, name servers. */
#include "plan_fixture.h"

#define IPTABLES "/usr/sbin/iptables"
#define NFT	 "/usr/sbin/iptables-nft"
#define LEGACY	 "/usr/sbin/iptables-legacy"
#define NFT_SAYS "CHAIN_ADD failed (No such file or directory): chain DOCKER"

static const char *setting(const struct machine *m, const char *key)
{
	for (size_t i = 0; i < m->plan.n_settings; i++)
		if (strcmp(m->plan.settings[i].key, key) == 0)
			return m->plan.settings[i].value;
	return NULL;
}

/* A setting of daemon.json, as the user's. */
static void say(struct machine *m, const char *key)
{
	strings_add(&m->arena, &m->facts.engine.config_keys, key);
}

static void start(struct machine *m)
{
	machine_with_volume(m);
	m->facts.network.ip6tables = "/usr/sbin/ip6tables";
	m->facts.network.iptables_nft = NFT;
	m->facts.network.iptables_legacy = LEGACY;
	m->facts.network.iptables_backend = "nft";
	m->facts.network.legacy_tables = TRI_NO;
	m->facts.network.ipv6 = TRI_NO;
}

/* Without the trial that the fixture has. */
static void forget(struct machine *m)
{
	size_t n = 0;

	for (size_t i = 0; i < m->facts.n_trials; i++)
		if (m->facts.trials[i].kind != TRIAL_IPTABLES)
			m->facts.trials[n++] = m->facts.trials[i];
	m->facts.n_trials = n;
}

static const struct trial_request *wants(const struct machine *m, enum trial_kind kind,
					 const char *path)
{
	for (size_t i = 0; i < m->plan.n_trials; i++)
		if (m->plan.trials[i].kind == kind && strcmp(m->plan.trials[i].path, path) == 0)
			return &m->plan.trials[i];
	return NULL;
}

/* ---- iptables ---------------------------------------------------------------------------------
 */

/* What each back end can do (full, without raw, nothing, not known), and which one is taken. */
enum can {
	FULL = 0,
	NO_RAW,
	NOTHING,
	UNKNOWN,
};

static const struct {
	const char *backend;	/* of iptables in PATH */
	enum tri legacy_tables; /* rules that are there */
	const char *variable;	/* DOCKER_IPTABLES_LEGACY */
	enum can nft, legacy;
	const char *taken; /* NULL: refused; IPTABLES: what is in PATH */
	bool raw_hint;
} choices[] = {
	{ "nft", TRI_NO, NULL, FULL, FULL, IPTABLES, false },
	{ "nft", TRI_NO, NULL, FULL, NOTHING, IPTABLES, false },
	{ "nft", TRI_NO, NULL, NOTHING, FULL, LEGACY, false },
	{ "nft", TRI_NO, NULL, NO_RAW, FULL, LEGACY, false },
	{ "nft", TRI_NO, NULL, NO_RAW, NO_RAW, IPTABLES, true },
	{ "nft", TRI_NO, NULL, NOTHING, NO_RAW, LEGACY, true },
	{ "nft", TRI_NO, NULL, NOTHING, NOTHING, NULL, false },
	{ "nft", TRI_NO, NULL, UNKNOWN, NOTHING, IPTABLES, false },
	{ "nft", TRI_NO, NULL, UNKNOWN, FULL, LEGACY, false },
	{ "nft", TRI_NO, NULL, NOTHING, UNKNOWN, LEGACY, false },
	{ "legacy", TRI_NO, NULL, FULL, FULL, IPTABLES, false },
	{ "legacy", TRI_NO, NULL, FULL, NOTHING, NFT, false },
	{ "legacy", TRI_YES, NULL, FULL, FULL, IPTABLES, false },
	/* rules of others in the legacy tables of our namespace */
	{ "nft", TRI_YES, NULL, FULL, FULL, LEGACY, false },
	{ "nft", TRI_YES, NULL, FULL, NOTHING, IPTABLES, false },
	/* docker:dind's word is the last */
	{ "nft", TRI_NO, "1", FULL, FULL, LEGACY, false },
	{ "nft", TRI_NO, "1", FULL, NOTHING, NULL, false },
	{ "nft", TRI_YES, "", FULL, FULL, IPTABLES, false },
	{ "legacy", TRI_NO, "", FULL, FULL, NFT, false },
	{ "legacy", TRI_NO, "", NOTHING, FULL, NULL, false },
};

static void answer(struct machine *m, const struct trial_request *request, enum can can)
{
	bool raw = request->kind == TRIAL_IPTABLES;
	enum tri value = can == UNKNOWN				  ? TRI_UNKNOWN
			 : can == FULL || (can == NO_RAW && !raw) ? TRI_YES
								  : TRI_NO;

	(void) machine_trial(m, request->kind, request->path, value, 0,
			     value == TRI_YES ? NULL : NFT_SAYS);
}

/* Plan and answer until nothing is asked. Rounds that it took. */
static unsigned int settle(struct machine *m, enum can nft, enum can legacy)
{
	for (unsigned int round = 1; round < PLAN_MAX_ROUNDS; round++) {
		machine_plan(m);
		if (m->plan.n_trials == 0)
			return round;
		for (size_t i = 0; i < m->plan.n_trials; i++) {
			const char *path = m->plan.trials[i].path;
			bool is_nft = strcmp(path, NFT) == 0 ||
				      (strcmp(path, IPTABLES) == 0 &&
				       strcmp(m->facts.network.iptables_backend, "nft") == 0);

			answer(m, &m->plan.trials[i], is_nft ? nft : legacy);
		}
	}
	ck_abort_msg("no end of questions");
	return 0;
}

START_TEST(back_end_is_chosen_by_what_works)
{
	const char *environment[] = { "PATH=/usr/bin", NULL, NULL };
	const char *taken = choices[_i].taken;
	const struct plan_step *step;
	struct machine m;

	start(&m);
	forget(&m);
	m.facts.network.iptables_backend = choices[_i].backend;
	m.facts.network.legacy_tables = choices[_i].legacy_tables;
	m.options.environment = environment;
	if (choices[_i].variable)
		environment[1] =
			arena_printf(&m.arena, "DOCKER_IPTABLES_LEGACY=%s", choices[_i].variable);
	/* one to ask the first, one to ask everything else */
	ck_assert_uint_le(settle(&m, choices[_i].nft, choices[_i].legacy), 3);
	if (!taken) {
		ck_assert_int_eq(the_refusal(&m, "DIND-NET-06")->status, STATUS_OSERR);
		ck_assert_has(the_refusal(&m, "DIND-NET-06")->fact, NFT_SAYS);
		ck_assert_has(the_refusal(&m, "DIND-NET-06")->remedy, "--iptables=false");
		machine_free(&m);
		return;
	}
	ck_assert_uint_eq(m.plan.n_refusals, 0);
	ck_assert_int_eq(hint(&m, "DIND-NET-07") != NULL, choices[_i].raw_hint);
	step = step_with_key(&m, "iptables");
	if (strcmp(taken, IPTABLES) == 0) {
		ck_assert_ptr_null(step);
		ck_assert_str_eq(launch_variable(&m.plan.engine.launch, "PATH"), "/usr/bin");
	} else {
		ck_assert_str_eq(the_step_with_key(&m, "iptables")->u.link.target, taken);
		ck_assert_str_eq(step->u.link.path, "/run/dind/iptables/iptables");
		ck_assert_str_eq(launch_variable(&m.plan.engine.launch, "PATH"),
				 "/run/dind/iptables:/usr/bin");
		ck_assert_str_eq(the_step_with_key(&m, "ip6tables")->u.link.path,
				 "/run/dind/iptables/ip6tables");
		ck_assert_has(the_step_with_key(&m, "ip6tables")->u.link.target, "/ip6tables-");
	}
	machine_free(&m);
}
END_TEST

/* docker:dind's word, and the program that it wants is not there. */
static const struct {
	const char *backend, *variable;
	bool beside;	  /* the other back end is installed, too */
	const char *said; /* NULL: nothing */
} wishes[] = {
	{ "nft", "DOCKER_IPTABLES_LEGACY=1", false, "asks for iptables-legacy" },
	{ NULL, "DOCKER_IPTABLES_LEGACY=1", false, "asks for iptables-legacy" },
	{ "nft", "DOCKER_IPTABLES_LEGACY=1", true, NULL },
	{ "legacy", "DOCKER_IPTABLES_LEGACY=1", false, NULL },
	{ "legacy", "DOCKER_IPTABLES_LEGACY=", false, "asks for iptables-nft" },
	{ "legacy", "DOCKER_IPTABLES_LEGACY=", true, NULL },
	{ "nft", "DOCKER_IPTABLES_LEGACY=", false, NULL },
	{ "nft", "OTHER=1", false, NULL },
};

START_TEST(a_back_end_that_is_not_installed)
{
	const char *environment[] = { "PATH=/usr/bin", wishes[_i].variable, NULL };
	struct machine m;

	start(&m);
	m.facts.network.iptables_backend = wishes[_i].backend;
	if (!wishes[_i].beside)
		m.facts.network.iptables_nft = m.facts.network.iptables_legacy = NULL;
	m.options.environment = environment;
	machine_plan(&m);
	ck_assert_int_eq(hint(&m, "DIND-NET-16") != NULL, wishes[_i].said != NULL);
	if (wishes[_i].said) {
		ck_assert_has(the_hint(&m, "DIND-NET-16")->fact, wishes[_i].said);
		ck_assert_has(the_hint(&m, "DIND-NET-16")->fact, IPTABLES " is taken");
	}
	/* who has switched them off needs none */
	m.facts.engine.config_iptables = TRI_NO;
	say(&m, "iptables");
	machine_plan(&m);
	ck_assert_ptr_null(hint(&m, "DIND-NET-16"));
	machine_free(&m);
}
END_TEST

START_TEST(one_question_where_the_first_answer_will_do)
{
	struct machine m;

	start(&m);
	forget(&m);
	m.facts.network.ipv6 = TRI_YES;
	machine_plan(&m);
	ck_assert_uint_eq(m.plan.n_trials, 2); /* at the same time */
	ck_assert_ptr_nonnull(wants(&m, TRIAL_IPTABLES, IPTABLES));
	ck_assert_ptr_nonnull(wants(&m, TRIAL_IP6TABLES, IPTABLES));
	(void) machine_trial(&m, TRIAL_IPTABLES, IPTABLES, TRI_YES, 0, NULL);
	(void) machine_trial(&m, TRIAL_IP6TABLES, IPTABLES, TRI_YES, 0, NULL);
	machine_plan(&m);
	ck_assert_uint_eq(m.plan.n_trials, 0);
	ck_assert_has(the_decision(&m, "DIND-NET-05")->fact, IPTABLES);
	ck_assert_ptr_null(setting(&m, "ip6tables"));
	machine_free(&m);
}
END_TEST

START_TEST(nothing_is_tried_for_an_engine_without_rules)
{
	static const char *const flag[] = { "--iptables=false", NULL };
	struct machine m;

	start(&m);
	forget(&m);
	m.options.dockerd_args = flag;
	machine_plan(&m);
	ck_assert_uint_eq(m.plan.n_trials, 0);
	m.options.dockerd_args = NULL;
	m.facts.engine.config_iptables = TRI_NO;
	machine_plan(&m);
	ck_assert_uint_eq(m.plan.n_trials, 0);
	m.facts.engine.config_iptables = TRI_YES;
	m.facts.privileges.cap_effective = 0; /* it would fail for that alone */
	machine_plan(&m);
	ck_assert_uint_eq(m.plan.n_trials, 0);
	ck_assert_ptr_null(refusal(&m, "DIND-NET-06"));
	machine_free(&m);
}
END_TEST

START_TEST(ipv6_only_where_it_works)
{
	static const char *const flag[] = { "--ip6tables", NULL };
	struct machine m;

	start(&m);
	m.facts.network.ipv6 = TRI_YES;
	(void) machine_trial(&m, TRIAL_IP6TABLES, IPTABLES, TRI_NO, 0,
			     "can't initialize ip6tables table `nat'");
	machine_plan(&m);
	ck_assert_str_eq(setting(&m, "ip6tables"), "false");
	ck_assert_has(the_decision(&m, "DIND-NET-08")->fact, "can't initialize");
	ck_assert_ptr_null(hint(&m, "DIND-NET-08"));
	m.options.dockerd_args = flag; /* then it is a warning, and stays as it is */
	machine_plan(&m);
	ck_assert_ptr_nonnull(hint(&m, "DIND-NET-08"));
	machine_free(&m);
}
END_TEST

/* ---- MTU --------------------------------------------------------------------------------------
 */

static const struct {
	int64_t outside;
	const char *version, *said; /* of the engine; daemon.json's mtu */
	const char *mtu, *networks;
	bool clamp;
} mtus[] = {
	{ 1500, "26.1.5", NULL, NULL, NULL, false },
	{ 0, "26.1.5", NULL, NULL, NULL, false },
	{ 1400, "26.1.5", NULL, "1400", "\"1400\"", false },
	{ 9000, "26.1.5", NULL, "9000", "\"9000\"", false },
	{ 1400, "24.0.0", NULL, "1400", "\"1400\"", false },
	{ 1400, "23.0.9", NULL, "1400", NULL, true },
	{ 1400, "20.10.5+dfsg1", NULL, "1400", NULL, true },
	{ 9000, "20.10.24+dfsg1", NULL, "9000", NULL, false }, /* 1500 in 9000 fits */
};

START_TEST(mtu_is_that_of_the_way_out)
{
	struct machine m;

	start(&m);
	m.facts.network.mtu = mtus[_i].outside;
	m.facts.network.mtu_device = "eth0";
	m.facts.engine.version = mtus[_i].version;
	machine_plan(&m);
	ck_assert_uint_eq(m.plan.n_trials, 0);
	if (mtus[_i].mtu)
		ck_assert_str_eq(setting(&m, "mtu"), mtus[_i].mtu);
	else
		ck_assert_ptr_null(setting(&m, "mtu"));
	if (mtus[_i].networks) {
		ck_assert_has(setting(&m, "default-network-opts"), mtus[_i].networks);
		ck_assert_has(setting(&m, "default-network-opts"), "com.docker.network.driver.mtu");
	} else {
		ck_assert_ptr_null(setting(&m, "default-network-opts"));
	}
	ck_assert_int_eq(step_with_key(&m, "clamp-mss") != NULL, mtus[_i].clamp);
	machine_free(&m);
}
END_TEST

START_TEST(mtu_of_a_route)
{
	struct machine m;

	start(&m);
	m.facts.network.mtu = 1400;
	m.facts.network.mtu_device = "eth0";
	m.facts.network.mtu_route = "192.0.2.1";
	m.facts.engine.version = "26.1.5";
	machine_plan(&m);
	ck_assert_str_eq(setting(&m, "mtu"), "1400");
	ck_assert_has(setting(&m, "default-network-opts"), "\"1400\"");
	ck_assert_has(the_decision(&m, "DIND-NET-10")->fact,
		      "that of the route to 192.0.2.1 (eth0 has more), the way out");
	m.facts.network.mtu = 1500; /* jumbo frames on the link, and none beyond it */
	machine_plan(&m);
	ck_assert_ptr_null(setting(&m, "mtu"));
	machine_free(&m);
}
END_TEST

START_TEST(mtu_that_was_asked_for)
{
	static const char *const flag[] = { "--mtu=1300", NULL };
	struct machine m;

	start(&m);
	m.facts.network.mtu = 1400;
	m.facts.network.mtu_device = "eth0";
	m.facts.engine.version = "26.1.5";
	m.options.mtu = 1350;
	machine_plan(&m);
	ck_assert_str_eq(setting(&m, "mtu"), "1350");
	ck_assert_has(setting(&m, "default-network-opts"), "\"1350\"");
	ck_assert_ptr_null(decision(&m, "DIND-NET-10"));
	m.options.mtu = 0;
	m.options.dockerd_args = flag;
	machine_plan(&m);
	ck_assert_has(setting(&m, "default-network-opts"), "\"1300\"");
	say(&m, "default-network-opts"); /* and that stays */
	machine_plan(&m);
	ck_assert_ptr_null(the_step_with_key(&m, "config")->u.config.source ? strstr("", "x")
									    : NULL);
	machine_free(&m);
}
END_TEST

START_TEST(version_is_asked_for_a_strange_mtu_only)
{
	struct machine m;

	start(&m);
	m.facts.network.mtu = 1500;
	machine_plan(&m);
	ck_assert_uint_eq(m.plan.n_trials, 0);
	m.facts.network.mtu = 1400;
	m.facts.network.mtu_device = "eth0";
	machine_plan(&m);
	ck_assert_uint_eq(m.plan.n_trials, 1);
	ck_assert_int_eq(m.plan.trials[0].kind, TRIAL_ENGINE);
	machine_free(&m);
}
END_TEST

/* ---- ranges of addresses ----------------------------------------------------------------------
 */

static const struct {
	const char *outside[4];
	const char *servers[2];
	const char *variable;
	const char *pools; /* bases in order; NULL: left to dockerd; "": none is free */
} ranges[] = {
	{ { NULL }, { NULL }, NULL, NULL },
	{ { "10.1.0.0/16" }, { "10.0.0.2" }, "KUBERNETES_SERVICE_HOST=10.96.0.1", NULL },
	/* each level has the next */
	{ { "172.17.0.0/16" }, { NULL }, NULL, "172.18.0.0/16 172.19.0.0/16 172.20.0.0/16" },
	{ { "172.18.0.0/16" }, { NULL }, NULL, "172.19.0.0/16 172.20.0.0/16 172.21.0.0/16" },
	{ { "172.19.16.0/20" }, { NULL }, NULL, "172.20.0.0/16 172.21.0.0/16 172.22.0.0/16" },
	{ { "172.17.0.0/16", "172.25.0.0/16" },
	  { NULL },
	  NULL,
	  "172.26.0.0/16 172.27.0.0/16 172.28.0.0/16" },
	/* a pod: an address of 32 bits, whose range no route shows */
	{ { "172.17.9.9/32" }, { NULL }, NULL, "172.18.0.0/16 172.19.0.0/16 172.20.0.0/16" },
	{ { "192.168.4.5/32" },
	  { "10.96.0.10" },
	  NULL,
	  "10.201.0.0/16 10.202.0.0/16 10.203.0.0/16" },
	/* name servers and services are avoided; our own place in the order is not theirs */
	{ { "10.1.0.0/16" }, { "172.18.0.10" }, NULL, "172.17.0.0/16 172.19.0.0/16 172.20.0.0/16" },
	{ { "10.1.0.0/16" },
	  { NULL },
	  "A_SERVICE_HOST=172.17.3.4",
	  "172.18.0.0/16 172.19.0.0/16 172.20.0.0/16" },
	{ { "10.1.0.0/16" },
	  { NULL },
	  "DOCKER_HOST=tcp://172.17.3.4:2375",
	  "172.18.0.0/16 172.19.0.0/16 172.20.0.0/16" },
	{ { "10.1.0.0/16" },
	  { NULL },
	  "https_proxy=http://me:x@172.17.3.4:3128/",
	  "172.18.0.0/16 172.19.0.0/16 172.20.0.0/16" },
	{ { "10.1.0.0/16" }, { NULL }, "HTTP_PROXY=http://proxy:3128", NULL },
	/* all of docker's: what is seldom routed */
	{ { "172.16.0.0/12" }, { NULL }, NULL, "192.168.0.0/16 10.201.0.0/16 10.202.0.0/16" },
	/* one level below that: Docker's ranges are taken two levels out, where nobody sees them */
	{ { "192.168.0.0/16" }, { NULL }, NULL, "10.201.0.0/16 10.202.0.0/16 10.203.0.0/16" },
	{ { "10.201.16.0/20" }, { NULL }, NULL, "10.202.0.0/16 10.203.0.0/16 10.204.0.0/16" },
	/* a route to all of a company is no network that we are in */
	{ { "10.0.0.0/8" }, { NULL }, NULL, NULL },
	{ { "172.16.0.0/12", "192.168.0.0/16" },
	  { NULL },
	  NULL,
	  "10.201.0.0/16 10.202.0.0/16 10.203.0.0/16" },
	{ { "172.16.0.0/12", "192.168.0.0/16", "10.0.0.0/8" },
	  { NULL },
	  NULL,
	  "198.18.0.0/16 198.19.0.0/16" },
	{ { "172.16.0.0/12", "192.168.0.0/16", "10.0.0.0/8", "198.18.0.0/15" },
	  { NULL },
	  NULL,
	  "" },
	{ { "0.0.0.0/1", "128.0.0.0/1" }, { NULL }, NULL, "" }, /* a VPN */
};

START_TEST(ranges_are_free)
{
	const char *environment[] = { "PATH=/usr/bin", ranges[_i].variable, NULL };
	struct machine m;
	const char *value;

	start(&m);
	m.options.environment = environment;
	for (size_t i = 0; i < ARRAY_SIZE(ranges[_i].outside) && ranges[_i].outside[i]; i++)
		strings_add(&m.arena, &m.facts.network.outside, ranges[_i].outside[i]);
	for (size_t i = 0; i < ARRAY_SIZE(ranges[_i].servers) && ranges[_i].servers[i]; i++)
		strings_add(&m.arena, &m.facts.network.name_servers, ranges[_i].servers[i]);
	machine_plan(&m);
	value = setting(&m, "default-address-pools");
	ck_assert_int_eq(hint(&m, "DIND-NET-12") != NULL, ranges[_i].pools && !*ranges[_i].pools);
	ck_assert_int_eq(value != NULL, ranges[_i].pools && *ranges[_i].pools);
	if (value) {
		const char *rest = arena_strdup(&m.arena, ranges[_i].pools);

		for (const char *at = value; *rest; rest += strspn(rest, " ")) {
			size_t n = strcspn(rest, " ");
			const char *base = arena_strndup(&m.arena, rest, n);

			at = strstr(at, base);
			ck_assert_msg(at != NULL, "%s is not in its place in %s", base, value);
			rest += n;
		}
	}
	machine_free(&m);
}
END_TEST

START_TEST(ranges_that_were_named)
{
	static const char *const keys[] = { "default-address-pools", "fixed-cidr" };
	struct machine m;

	for (size_t i = 0; i < ARRAY_SIZE(keys); i++) {
		start(&m);
		strings_add(&m.arena, &m.facts.network.outside, "172.17.0.0/16");
		say(&m, keys[i]);
		machine_plan(&m);
		ck_assert_ptr_null(decision(&m, "DIND-NET-12"));
		machine_free(&m);
	}
}
END_TEST

/* ---- name servers -----------------------------------------------------------------------------
 */

static const struct {
	const char *servers[3], *upstream;
	const char *dns;   /* what dockerd is told; NULL: nothing */
	const char *relay; /* to whom, in that order; NULL: none */
} resolvers[] = {
	{ { NULL }, NULL, NULL, NULL },
	{ { "10.0.0.2" }, NULL, NULL, NULL },
	{ { "127.0.0.1", "10.0.0.2" }, NULL, NULL, NULL }, /* dockerd leaves the first out */
	{ { "127.0.0.11" }, NULL, "[\"169.254.17.53\"]", "127.0.0.11" },
	{ { "127.0.0.53" }, NULL, "[\"169.254.17.53\"]", "127.0.0.53" },
	{ { "127.0.0.53" }, "192.168.7.1", "[\"192.168.7.1\"]", NULL },
	{ { "127.0.0.53" }, "127.0.0.2", "[\"169.254.17.53\"]", "127.0.0.53" },
	{ { "127.0.0.1", "::1" }, NULL, "[\"169.254.17.53\"]", "127.0.0.1 ::1" },
	{ { NULL }, "192.168.7.1", NULL, NULL },
	{ { "127.0.0.1", "::1" }, "192.168.7.1", "[\"192.168.7.1\"]", NULL },
	{ { "::1" }, NULL, "[\"169.254.17.53\"]", "::1" },
	/* inner networks have no IPv6 */
	{ { "fd00::2" }, NULL, "[\"169.254.17.53\"]", "fd00::2" },
	{ { "fe80::1%eth0", "fd00::2" }, NULL, "[\"169.254.17.53\"]", "fe80::1%eth0 fd00::2" },
	{ { "127.0.0.53" }, "fd00::2", "[\"169.254.17.53\"]", "127.0.0.53" },
	{ { "fd00::2", "10.0.0.2" }, NULL, NULL, NULL }, /* dockerd leaves the first out */
	{ { "127.0.0.1", "10.0.0.256", "fd00::2" },
	  NULL,
	  "[\"169.254.17.53\"]",
	  "127.0.0.1 fd00::2" },
	{ { "fd00:::2" }, NULL, NULL, NULL },
};

static const char *joined(struct machine *m, const char *const *words)
{
	struct strings list = STRINGS_INIT;

	for (; *words; words++)
		strings_add(&m->arena, &list, *words);
	return strings_join(&m->arena, &list, " ");
}

START_TEST(name_servers_are_reached)
{
	const struct plan_step *step;
	struct machine m;

	start(&m);
	strings_add(&m.arena, &m.facts.network.outside, "172.17.0.0/16");
	for (size_t i = 0; i < ARRAY_SIZE(resolvers[_i].servers) && resolvers[_i].servers[i]; i++)
		strings_add(&m.arena, &m.facts.network.name_servers, resolvers[_i].servers[i]);
	if (resolvers[_i].upstream)
		strings_add(&m.arena, &m.facts.network.upstreams, resolvers[_i].upstream);
	machine_plan(&m);
	if (resolvers[_i].dns)
		ck_assert_str_eq(setting(&m, "dns"), resolvers[_i].dns);
	else
		ck_assert_ptr_null(setting(&m, "dns"));
	step = step_with_key(&m, "dns-relay");
	ck_assert_int_eq(step != NULL, resolvers[_i].relay != NULL);
	if (step) {
		ck_assert_str_eq(joined(&m, step->u.dns_relay.servers), resolvers[_i].relay);
		ck_assert_str_eq(step->u.dns_relay.address, "169.254.17.53");
		ck_assert_int_eq(step->on_fail, FAIL_DEGRADE);
		m.facts.network.ndots = 5;
		machine_plan(&m);
		ck_assert_ptr_null(setting(&m, "dns-opts"));
		m.facts.network.ndots = 0; /* Docker's */
		machine_plan(&m);
		ck_assert_str_eq(setting(&m, "dns-opts"), "[\"timeout:5\"]");
	}
	machine_free(&m);
}
END_TEST

/* One network never gives the address that another one gives. */
static const struct {
	const char *outside, *relay;
} relays[] = {
	{ "172.18.0.0/16", "169.254.18.53" },	{ "10.18.0.0/16", "169.254.18.54" },
	{ "192.168.0.0/20", "169.254.168.55" }, { "100.64.3.4/32", "169.254.64.56" },
	{ "198.18.0.0/16", "169.254.18.57" },	{ "10.0.0.0/8", "169.254.1.53" },
	{ "10.20.0.0/16", "169.254.20.54" },
};

START_TEST(the_relay_has_an_address_of_its_own)
{
	struct machine m;

	start(&m);
	m.facts.network.outside = (struct strings) STRINGS_INIT;
	m.facts.network.name_servers = (struct strings) STRINGS_INIT;
	strings_add(&m.arena, &m.facts.network.outside, relays[_i].outside);
	strings_add(&m.arena, &m.facts.network.name_servers, "127.0.0.11");
	machine_plan(&m);
	ck_assert_str_eq(the_step_with_key(&m, "dns-relay")->u.dns_relay.address, relays[_i].relay);
	machine_free(&m);
}
END_TEST

START_TEST(name_servers_that_were_named)
{
	static const char *const dns[] = { "10.9.9.9", NULL };
	struct machine m;

	start(&m);
	strings_add(&m.arena, &m.facts.network.name_servers, "127.0.0.11");
	m.options.dns = dns;
	machine_plan(&m);
	ck_assert_str_eq(setting(&m, "dns"), "[\"10.9.9.9\"]");
	ck_assert_ptr_null(step_with_key(&m, "dns-relay"));
	machine_free(&m);
}
END_TEST

START_TEST(strict_arguments_stay_as_they_are)
{
	struct machine m;

	start(&m);
	m.options.strict_args = true;
	m.facts.engine.version = "20.10.24+dfsg1"; /* storage wants to know */
	m.facts.network.mtu = 1400;
	m.facts.network.mtu_device = "eth0";
	strings_add(&m.arena, &m.facts.network.outside, "172.17.0.0/16");
	strings_add(&m.arena, &m.facts.network.name_servers, "127.0.0.11");
	machine_plan(&m);
	ck_assert_uint_eq(m.plan.n_trials, 0);
	ck_assert_ptr_null(step_with_key(&m, "dns-relay"));
	ck_assert_ptr_null(step_with_key(&m, "clamp-mss"));
	machine_free(&m);
}
END_TEST

int main(void)
{
	TCase *tcase = tcase_create("network");

	tcase_add_loop_test(tcase, back_end_is_chosen_by_what_works, 0, ARRAY_SIZE(choices));
	tcase_add_loop_test(tcase, a_back_end_that_is_not_installed, 0, ARRAY_SIZE(wishes));
	tcase_add_test(tcase, one_question_where_the_first_answer_will_do);
	tcase_add_test(tcase, nothing_is_tried_for_an_engine_without_rules);
	tcase_add_test(tcase, ipv6_only_where_it_works);
	tcase_add_loop_test(tcase, mtu_is_that_of_the_way_out, 0, ARRAY_SIZE(mtus));
	tcase_add_test(tcase, mtu_of_a_route);
	tcase_add_test(tcase, mtu_that_was_asked_for);
	tcase_add_test(tcase, version_is_asked_for_a_strange_mtu_only);
	tcase_add_loop_test(tcase, ranges_are_free, 0, ARRAY_SIZE(ranges));
	tcase_add_test(tcase, ranges_that_were_named);
	tcase_add_loop_test(tcase, name_servers_are_reached, 0, ARRAY_SIZE(resolvers));
	tcase_add_loop_test(tcase, the_relay_has_an_address_of_its_own, 0, ARRAY_SIZE(relays));
	tcase_add_test(tcase, name_servers_that_were_named);
	tcase_add_test(tcase, strict_arguments_stay_as_they_are);
	return run_suite(tcase);
}
