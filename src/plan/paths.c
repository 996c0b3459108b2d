/* SPDX-License-Identifier: Apache-2.0 */
/* The directories and files that everything else refers to. */
#include <string.h>

#include "dind/str.h"
#include "planner.h"

static const char *first_of(const char *option, const char *config, const char *fallback)
{
	if (option)
		return option;
	return config ? config : fallback;
}

void plan_paths(struct planner *p)
{
	const struct options *options = p->options;
	const struct facts_engine *engine = &p->facts->engine;

	/* what inspect looked at comes first: the facts are about that directory */
	p->data_root = p->facts->storage.data_root.path;
	if (!p->data_root)
		p->data_root = first_of(options->data_root, engine->config_data_root,
					DIND_DEFAULT_DATA_ROOT);
	p->exec_root =
		first_of(options->exec_root, engine->config_exec_root, DIND_DEFAULT_EXEC_ROOT);
	p->pid_file = first_of(options->pid_file, engine->config_pid_file, DIND_DEFAULT_PID_FILE);
	p->run_root = planner_canonical(p, p->exec_root);
	p->config_path = first_of(engine->config_path, options->config_file, DIND_DEFAULT_CONFIG);

	p->plan->exec_root = p->run_root;
	p->plan->pid_file = planner_canonical(p, p->pid_file);
	p->plan->storage.data_root = p->data_root;
}

const char *planner_canonical(struct planner *p, const char *path)
{
	static const char var_run[] = "/var/run";

	if (!str_path_is_below(path, var_run))
		return path;
	return arena_printf(p->arena, "/run%s", path + strlen(var_run));
}

bool planner_mounted_within(const struct planner *p, const char *path)
{
	const struct facts_mounts *mounts = &p->facts->mounts;

	for (size_t i = 0; i < mounts->n_table; i++)
		if (str_path_is_below(mounts->table[i].target, path))
			return true;
	return false;
}

const char *planner_join(struct planner *p, const char *directory, const char *name)
{
	return arena_printf(p->arena, "%s%s%s", directory,
			    str_has_suffix(directory, "/") ? "" : "/", name);
}
