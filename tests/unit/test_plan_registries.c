/* SPDX-License-Identifier: Apache-2.0 */
/* Registries: what builders of BuildKit's are told of them, and who sees whether mirrors answer. */
#include "plan_fixture.h"

#define CLIENT "/usr/bin/dind-client"
#define HEAD                                                 \
	"# What dockerd is told of registries, for `docker " \
	"buildx create --config`.\n"

static const char *content(struct machine *m)
{
	const struct plan_step *step = step_with_key(m, "buildkitd");

	if (!step)
		return NULL;
	ck_assert_str_eq(step->u.file.path, "/run/dind-buildkitd.toml");
	ck_assert_int_eq((int) step->u.file.mode, 0644);
	ck_assert_int_eq((int) step->on_fail, FAIL_DEGRADE);
	return step->u.file.content;
}

static const struct {
	const char *mirrors[4], *insecure[4];
	const char *want; /* behind HEAD; NULL: no file */
} cases[] = {
	{ { NULL }, { NULL }, NULL },
	{ { "https://m.example" },
	  { NULL },
	  "\n[registry.\"docker.io\"]\nmirrors = [\"m.example\"]\n" },
	{ { "http://m:5000/" },
	  { NULL },
	  "\n[registry.\"docker.io\"]\nmirrors = [\"m:5000\"]\n"
	  "\n[registry.\"m:5000\"]\nhttp = true\n" },
	/* a path, two on one host, one that is both, and a network */
	{ { "https://h/hub/", "https://h/other", "http://[fd00::1]:5000" },
	  { "h", "10.0.0.0/8", "r:5000" },
	  "\n[registry.\"docker.io\"]\nmirrors = [\"h/hub\", \"h/other\", \"[fd00::1]:5000\"]\n"
	  "\n[registry.\"h\"]\ninsecure = true\n"
	  "\n[registry.\"[fd00::1]:5000\"]\nhttp = true\n"
	  "\n[registry.\"r:5000\"]\ninsecure = true\n" },
	{ { NULL }, { "r:5000" }, "\n[registry.\"r:5000\"]\ninsecure = true\n" },
	{ { NULL }, { "10.0.0.0/8" }, NULL },
};

START_TEST(builders_are_told_what_dockerd_is_told)
{
	struct machine m;

	machine_with_volume(&m);
	m.options.registry_mirrors = cases[_i].mirrors[0] ? cases[_i].mirrors : NULL;
	m.options.insecure_registries = cases[_i].insecure[0] ? cases[_i].insecure : NULL;
	machine_plan(&m);
	if (cases[_i].want)
		ck_assert_str_eq(content(&m), arena_printf(&m.arena, HEAD "%s", cases[_i].want));
	else
		ck_assert_ptr_null(content(&m));
	machine_free(&m);
}
END_TEST

/* By the file, and by dockerd's own flags in both forms. */
START_TEST(wherever_it_is_said)
{
	static const char *const flags[] = { "--registry-mirror=http://a", "--registry-mirror",
					     "https://b", NULL };
	struct machine m;

	machine_with_volume(&m);
	if (_i) {
		m.options.dockerd_args = flags;
	} else {
		m.facts.engine.config_present = TRI_YES;
		strings_add(&m.arena, &m.facts.engine.config_keys, "registry-mirrors");
		strings_add(&m.arena, &m.facts.engine.config_values,
			    "[\"http://a\", \"https://b\"]");
	}
	machine_plan(&m);
	ck_assert_has(content(&m), "mirrors = [\"a\", \"b\"]\n");
	machine_free(&m);
}
END_TEST

static const struct {
	const char *mirror, *flag;
	bool client, strict, ca, wanted;
} looks[] = {
	{ "http://m", NULL, true, false, false, true },
	{ "http://m", NULL, true, false, true, true },
	{ NULL, "--registry-mirror=http://m", true, false, false, true },
	{ NULL, "--registry-mirror=http://m", true, true, false, true },
	/* nobody to look: no reason to refuse */
	{ "http://m", NULL, false, false, false, false },
	{ NULL, NULL, true, false, false, false },
};

START_TEST(mirrors_are_watched_where_there_is_somebody_to_do_it)
{
	const char *const mirrors[] = { looks[_i].mirror, NULL };
	const char *const args[] = { looks[_i].flag, NULL };
	static const char *const ca[] = { "/etc/ca.pem", NULL };
	struct machine m;

	machine_with_volume(&m);
	m.facts.engine.client = looks[_i].client ? CLIENT : NULL;
	m.options.registry_mirrors = looks[_i].mirror ? mirrors : NULL;
	m.options.dockerd_args = looks[_i].flag ? args : NULL;
	m.options.strict_args = looks[_i].strict;
	m.options.engine_ca = looks[_i].ca ? ca : NULL;
	machine_plan(&m);
	ck_assert_uint_eq(m.plan.n_refusals, 0);
	ck_assert_int_eq(m.plan.watch.wanted, looks[_i].wanted);
	if (looks[_i].wanted) {
		const char *argv = argv_text(&m, m.plan.watch.launch.argv);

		ck_assert_has(argv, CLIENT " watch --socket ");
		ck_assert_has(argv, " --mirrors");
		if (looks[_i].ca)
			ck_assert_has(argv, " --ca-directories "
					    "/etc/ssl/certs:/etc/pki/tls/certs:/run/dind/ca");
		else
			ck_assert_has_not(argv, "--ca-directories");
	}
	machine_free(&m);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("plan_registries");
	TCase *tc = tcase_create("plan_registries");
	SRunner *runner;
	int failed;

	tcase_add_loop_test(tc, builders_are_told_what_dockerd_is_told, 0, ARRAY_SIZE(cases));
	tcase_add_loop_test(tc, wherever_it_is_said, 0, 2);
	tcase_add_loop_test(tc, mirrors_are_watched_where_there_is_somebody_to_do_it, 0,
			    ARRAY_SIZE(looks));
	suite_add_tcase(suite, tc);
	runner = srunner_create(suite);
	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed == 0 ? 0 : 1;
}
