/* SPDX-License-Identifier: Apache-2.0 */
/* containerd as a service of ours: when, with which configuration, and started how. */
#include "plan_fixture.h"

#define ADDRESS "/run/docker/containerd/containerd.sock"

static const char *text(struct machine *m, const struct plan_service *service)
{
	return argv_text(m, service->launch.argv);
}

START_TEST(it_is_started_beside_dockerd)
{
	static const char *const environment[] = { "HTTP_PROXY=http://p:1", "DIND_X=1", NULL };
	const struct launch *launch, *engine;
	struct machine m;

	machine_with_volume(&m);
	m.options.environment = environment;
	m.facts.limits.nofile_hard = 4096;
	m.facts.limits.nofile_soft = 1024;
	machine_plan(&m);
	launch = &m.plan.containerd.launch;
	engine = &m.plan.engine.launch;
	ck_assert(m.plan.containerd.wanted);
	ck_assert(!m.plan.prepare.wanted);
	ck_assert(!m.plan.watch.wanted);
	ck_assert_str_eq(text(&m, &m.plan.containerd),
			 "/usr/bin/containerd --config /run/dind/containerd.toml "
			 "--log-level warn");
	ck_assert_has(told(&m), "containerd=" ADDRESS);
	/* the same record, but that it does not speak for the engine */
	ck_assert(launch->new_session);
	ck_assert_uint_eq(launch->n_rlimits, engine->n_rlimits);
	ck_assert_uint_gt(launch->n_rlimits, 0);
	ck_assert_uint_eq(launch->rlimits[0].hard, engine->rlimits[0].hard);
	ck_assert_int_eq(launch->set_oom_score, engine->set_oom_score);
	ck_assert_int_eq(launch->oom_score_adj, engine->oom_score_adj);
	ck_assert_int_eq(launch->caps, engine->caps);
	ck_assert_str_eq(launch_variable(launch, "container"), "docker");
	ck_assert_str_eq(launch_variable(launch, "HTTP_PROXY"), "http://p:1");
	ck_assert_ptr_nonnull(launch_variable(launch, "PATH"));
	ck_assert_ptr_null(launch_variable(launch, "NOTIFY_SOCKET"));
	ck_assert_ptr_nonnull(launch_variable(engine, "NOTIFY_SOCKET"));
	machine_free(&m);
}
END_TEST

START_TEST(its_data_lies_where_dockerds_own_has_it)
{
	const struct plan_step *step;
	struct machine m;

	machine_with_volume(&m);
	machine_plan(&m);
	step = the_step_with_key(&m, "containerd-config");
	ck_assert_int_eq(step->kind, STEP_FILE);
	ck_assert_str_eq(step->u.file.path, "/run/dind/containerd.toml");
	ck_assert_uint_eq(step->u.file.mode, 0600);
	ck_assert_str_eq(step->u.file.content, "version = 2\n"
					       "root = \"/var/lib/docker/containerd/daemon\"\n"
					       "state = \"/run/docker/containerd/daemon\"\n"
					       "disabled_plugins = [\"io.containerd.grpc.v1.cri\", "
					       "\"io.containerd.snapshotter.v1.devmapper\"]\n"
					       "\n"
					       "[grpc]\n"
					       "  address = \"" ADDRESS "\"\n"
					       "  max_recv_message_size = 16777216\n"
					       "  max_send_message_size = 16777216\n");
	ck_assert_int_eq(step->on_fail, FAIL_ABORT);
	ck_assert_int_eq(step->status, STATUS_OSERR);
	/* the directory is there before the file, a stale socket gone before containerd comes */
	ck_assert(step_with_key(&m, "runtime-dir:/run/dind") < step);
	ck_assert_str_eq(the_step_with_key(&m, "sweep")->u.sweep.sockets[0], ADDRESS);
	machine_free(&m);
}
END_TEST

START_TEST(paths_are_the_users_and_are_quoted)
{
	const struct plan_step *step;
	struct machine m;

	machine_with_volume(&m);
	m.options.exec_root = "/var/run/a\"b\\c\nd\x7f";
	machine_plan(&m);
	step = the_step_with_key(&m, "containerd-config");
	ck_assert_has(step->u.file.content,
		      "state = \"/run/a\\\"b\\\\c\\u000Ad\\u007F/containerd/daemon\"\n");
	ck_assert_has(step->u.file.content,
		      "address = \"/run/a\\\"b\\\\c\\u000Ad\\u007F/containerd/containerd.sock\"\n");
	/* so it is in JSON */
	ck_assert_has(told(&m),
		      "containerd=/run/a\\\"b\\\\c\\u000Ad\\u007F/containerd/containerd.sock");
	machine_free(&m);
}
END_TEST

static const struct {
	const char *key, *flags[3];
	bool strict;
} others[] = {
	{ NULL, { NULL }, true },
	{ "containerd", { NULL }, false },
	{ NULL, { "--containerd=/run/c.sock" }, false },
	{ NULL, { "--containerd", "/run/c.sock" }, false },
	{ NULL, { "--cri-containerd" }, false },
	{ "cri-containerd", { NULL }, false },
};

START_TEST(what_the_user_says_about_it_stays)
{
	struct machine m;

	machine_with_volume(&m);
	m.options.strict_args = others[_i].strict;
	m.options.dockerd_args = others[_i].flags;
	if (others[_i].key) {
		m.facts.engine.config_present = TRI_YES;
		strings_add(&m.arena, &m.facts.engine.config_keys, others[_i].key);
	}
	machine_plan(&m);
	ck_assert(!m.plan.containerd.wanted);
	ck_assert_ptr_null(step_with_key(&m, "containerd-config"));
	ck_assert_ptr_null(strstr(told(&m), ADDRESS));
	machine_free(&m);
}
END_TEST

START_TEST(another_flag_of_that_beginning_is_none)
{
	static const char *const args[] = { "--containerd-namespace=x", NULL };
	struct machine m;

	machine_with_volume(&m);
	m.options.dockerd_args = args;
	machine_plan(&m);
	ck_assert(m.plan.containerd.wanted);
	machine_free(&m);
}
END_TEST

static const struct {
	const char *flags[3], *level;
} levels[] = {
	{ { NULL }, "warn" },
	{ { "--debug" }, "debug" },
	{ { "-D" }, "debug" },
	{ { "--debug=false" }, "warn" },
	{ { "--log-level=debug" }, "debug" },
	{ { "--log-level", "debug" }, "debug" },
	{ { "-l", "debug" }, "debug" },
	{ { "--log-level=info" }, "warn" },
	{ { "--label", "debug" }, "warn" },
};

START_TEST(it_talks_when_dockerd_does)
{
	struct machine m;

	machine_with_volume(&m);
	m.options.dockerd_args = levels[_i].flags;
	machine_plan(&m);
	ck_assert_has(text(&m, &m.plan.containerd),
		      arena_printf(&m.arena, "--log-level %s", levels[_i].level));
	machine_free(&m);
}
END_TEST

int main(void)
{
	TCase *tc = tcase_create("containerd");

	tcase_add_test(tc, it_is_started_beside_dockerd);
	tcase_add_test(tc, its_data_lies_where_dockerds_own_has_it);
	tcase_add_test(tc, paths_are_the_users_and_are_quoted);
	tcase_add_loop_test(tc, what_the_user_says_about_it_stays, 0, ARRAY_SIZE(others));
	tcase_add_test(tc, another_flag_of_that_beginning_is_none);
	tcase_add_loop_test(tc, it_talks_when_dockerd_does, 0, ARRAY_SIZE(levels));
	return run_suite(tc);
}
