/* SPDX-License-Identifier: Apache-2.0 */
/* dockerd: its programs, flags and launch record. */
#include <linux/capability.h>
#include <sys/resource.h>

#include "dind/str.h"
#include "limits.h"
#include "planner.h"

static void require(struct planner *p, const char *program, const char *name, const char *package)
{
	if (!program)
		planner_refuse(p, CODE_ENGINE_MISSING, STATUS_CONFIG,
			       arena_printf(p->arena, "an image that has it (%s)", package),
			       "there is no %s in PATH", name);
}

void plan_engine_programs(struct planner *p)
{
	const struct facts_engine *engine = &p->facts->engine;

	require(p, engine->dockerd, "dockerd", "Debian: docker.io");
	/* a containerd of its own: then none needs to be started here */
	if (!planner_has_key(p, "containerd") && !planner_has_flag(p, "containerd", '\0'))
		require(p, engine->containerd, "containerd", "Debian: containerd");
	if (!engine->runc && !planner_has_key(p, "default-runtime") &&
	    !planner_has_flag(p, "default-runtime", '\0'))
		planner_hint(p, CODE_ENGINE_RUNC, "an image that has it (Debian: runc)",
			     "there is no runc in PATH: inner containers will not start");
	if (!p->facts->network.iptables && !planner_has_key(p, "iptables") &&
	    !planner_has_flag(p, "iptables", '\0'))
		planner_hint(p, CODE_ENGINE_IPTABLES, "an image that has it (Debian: iptables)",
			     "there is no iptables in PATH: dockerd will not start with its "
			     "default network");
}

static void add_flag(struct planner *p, struct strings *argv, const char *flag, const char *value)
{
	strings_add(p->arena, argv, flag);
	strings_add(p->arena, argv, value);
}

static const char *const *engine_argv(struct planner *p)
{
	const struct facts_engine *engine = &p->facts->engine;
	const struct options *options = p->options;
	struct strings argv = STRINGS_INIT;

	strings_add(p->arena, &argv, engine->dockerd ? engine->dockerd : "dockerd");
	if (planner_config_file(p)) {
		add_flag(p, &argv, "--config-file", planner_config_file(p));
		add_flag(p, &argv, "-H", "fd://");
	}
	for (size_t i = 0; i < p->tls_flags.count; i++)
		strings_add(p->arena, &argv, p->tls_flags.items[i]);
	for (const char *const *arg = options->dockerd_args; arg && *arg; arg++)
		strings_add(p->arena, &argv, *arg);
	return argv.items;
}

static void set_limits(struct planner *p, struct launch *launch)
{
	const struct facts_limits *limits = &p->facts->limits;

	/* inner containers inherit them from dockerd; the hard one is never raised */
	if (limits->nofile_hard)
		launch->rlimits[launch->n_rlimits++] = (struct launch_rlimit){
			.resource = RLIMIT_NOFILE,
			.soft = limits_sane_nofile(limits->nofile_soft),
			.hard = limits_sane_nofile(limits->nofile_hard),
		};
	/* counted per user and host: the same uid inside and outside share one number */
	if (limits->nproc_hard && limits->nproc_hard != FACTS_UNLIMITED && p->caps_known &&
	    planner_has_cap(p, CAP_SYS_RESOURCE))
		launch->rlimits[launch->n_rlimits++] = (struct launch_rlimit){
			.resource = RLIMIT_NPROC,
			.soft = UINT64_MAX,
			.hard = UINT64_MAX,
		};
}

static const char *summary(struct planner *p, const char *const *argv)
{
	struct strings words = STRINGS_INIT;

	for (; *argv; argv++)
		strings_add(p->arena, &words, *argv);
	return strings_join(p->arena, &words, " ");
}

void plan_engine(struct planner *p)
{
	struct launch *launch = &p->plan->engine.launch;

	p->plan->engine.wanted = true;
	launch->argv = engine_argv(p);
	launch->environment = planner_engine_environment(p);
	launch->new_session = true;
	launch->set_oom_score = planner_oom_score(p, &launch->oom_score_adj);
	set_limits(p, launch);
	launch->apparmor_exec = planner_apparmor_exec(p);
	/* engines before 23 cannot cope with a smaller set */
	launch->caps = LAUNCH_CAPS_KEEP;
	launch->refused = p->refused;
	plan_containerd(p);
	p->plan->live_restore = planner_is_on(p, "live-restore");
	planner_decide(p, CODE_ENGINE_DECISION, "the engine is started as: %s",
		       summary(p, launch->argv));
}
