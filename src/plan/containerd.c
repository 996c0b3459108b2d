/* SPDX-License-Identifier: Apache-2.0 */
/*
 * containerd, started beside dockerd: one that dockerd starts itself costs it a second at the end,
 * and 26.1 another at the start (it dials before the socket is there, and gRPC tries again a second
 * later). Its data lies where dockerd's own one has it, so that a data root goes from one way to
 * the other.
 */
#include <string.h>

#include "dind/str.h"
#include "planner.h"

#define CONFIG_FILE  DIND_RUN_DIR "/containerd.toml"
#define MESSAGE_SIZE (16 << 20) /* as in the one that dockerd writes */

static bool is_given(const struct planner *p, const char *name)
{
	return planner_has_key(p, name) || planner_has_flag(p, name, '\0');
}

bool planner_containerd_is_ours(const struct planner *p)
{
	/* with its CRI plugin it serves somebody else too */
	return !p->options->strict_args && !is_given(p, "containerd") &&
	       !is_given(p, "cri-containerd");
}

static const char *runtime_directory(struct planner *p)
{
	return planner_join(p, p->run_root, "containerd");
}

const char *planner_containerd_address(struct planner *p)
{
	return planner_join(p, runtime_directory(p), "containerd.sock");
}

/* ---- the configuration file ---- */

/* The snapshotter on devmapper cannot work without a section of its own and complains at each
 * start. */
static const char *config(struct planner *p)
{
	const char *root = planner_join(p, p->data_root, "containerd/daemon");
	const char *state = planner_join(p, runtime_directory(p), "daemon");

	return arena_printf(p->arena,
			    "version = 2\n"
			    "root = %s\n"
			    "state = %s\n"
			    "disabled_plugins = [\"io.containerd.grpc.v1.cri\", "
			    "\"io.containerd.snapshotter.v1.devmapper\"]\n"
			    "\n"
			    "[grpc]\n"
			    "  address = %s\n"
			    "  max_recv_message_size = %d\n"
			    "  max_send_message_size = %d\n",
			    planner_quote(p, root), planner_quote(p, state),
			    planner_quote(p, planner_containerd_address(p)), MESSAGE_SIZE,
			    MESSAGE_SIZE);
}

/* ---- steps ---- */

void plan_containerd_steps(struct planner *p)
{
	struct plan_step *step;

	if (!planner_containerd_is_ours(p))
		return;
	step = planner_step(p, STEP_FILE, "containerd-config",
			    "dockerd waits a second, at the end and by version at the start, for a "
			    "containerd that it starts itself; for one beside it, it does not");
	step->u.file.path = CONFIG_FILE;
	step->u.file.content = config(p);
	step->u.file.mode = 0600;
	planner_or_abort(step, CODE_ENGINE_CONTAINERD, STATUS_OSERR,
			 "mount a tmpfs there from outside: --tmpfs " DIND_RUN_DIR);
}

/* ---- the launch record ---- */

/* By dockerd's flags, one word or two. */
static bool is_debugged(const struct planner *p)
{
	bool debug = planner_is_on(p, "debug"), level_follows = false;

	for (const char *const *arg = p->options->dockerd_args; arg && *arg; arg++) {
		debug = debug || str_equal(*arg, "-D") || str_equal(*arg, "--log-level=debug") ||
			(level_follows && str_equal(*arg, "debug"));
		level_follows = str_equal(*arg, "--log-level") || str_equal(*arg, "-l");
	}
	return debug;
}

/* A containerd says READY=1 just as dockerd does. */
static const char *const *environment(struct planner *p)
{
	struct strings list = STRINGS_INIT;

	for (const char *const *e = p->plan->engine.launch.environment; *e; e++)
		if (!str_has_prefix(*e, "NOTIFY_SOCKET="))
			strings_add(p->arena, &list, *e);
	return list.items;
}

void plan_containerd(struct planner *p)
{
	const char *program = p->facts->engine.containerd;
	struct launch *launch = &p->plan->containerd.launch;
	struct strings argv = STRINGS_INIT;

	if (!planner_containerd_is_ours(p))
		return;
	strings_add(p->arena, &argv, program ? program : "containerd");
	strings_add(p->arena, &argv, "--config");
	strings_add(p->arena, &argv, CONFIG_FILE);
	strings_add(p->arena, &argv, "--log-level");
	strings_add(p->arena, &argv, is_debugged(p) ? "debug" : "warn");
	*launch = p->plan->engine.launch; /* as dockerd would pass it on */
	launch->argv = argv.items;
	launch->environment = environment(p);
	p->plan->containerd.wanted = true;
}
