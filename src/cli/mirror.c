/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The runc that the engine finds first under --mirror-limits. It gives a container that is made the
 * limits that it lacks, and becomes the real one: a bundle that cannot be read is that one's to
 * complain about.
 */
#include "mirror.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "dind/arena.h"
#include "dind/file.h"
#include "dind/str.h"
#include "personality.h"

#define CONFIG_MAX ((size_t) 16 << 20)

/* ---- what the plan says ---- */

static int64_t next_number(const char **at)
{
	size_t n = strcspn(*at, " \n");
	char word[24];
	uint64_t value;

	if (n == 0 || n >= sizeof(word))
		return 0;
	memcpy(word, *at, n);
	word[n] = '\0';
	*at += n;
	*at += strspn(*at, " ");
	return str_parse_u64(word, &value) == 0 && value <= INT64_MAX ? (int64_t) value : 0;
}

static void parse_line(const char *line, struct mirror *mirror)
{
	const char *at = line + strcspn(line, " \n");

	at += strspn(at, " ");
	if (str_has_prefix(line, "runtime ") && strcspn(at, "\n") < sizeof(mirror->runtime)) {
		memcpy(mirror->runtime, at, strcspn(at, "\n"));
		mirror->runtime[strcspn(at, "\n")] = '\0';
	} else if (str_has_prefix(line, "memory ")) {
		mirror->memory = next_number(&at);
	} else if (str_has_prefix(line, "pids ")) {
		mirror->pids = next_number(&at);
	} else if (str_has_prefix(line, "cpu ")) {
		mirror->quota = next_number(&at);
		mirror->period = next_number(&at);
	}
}

int mirror_parse(const char *text, struct mirror *ret_mirror)
{
	struct mirror mirror = { .memory = 0 };

	while (*text) {
		parse_line(text, &mirror);
		text += strcspn(text, "\n");
		text += *text == '\n';
	}
	if (mirror.runtime[0] != '/')
		return -EINVAL;
	*ret_mirror = mirror;
	return 0;
}

/* ---- runc's command line ---- */

/* Of runc's options before the command those that have a value in the next word. */
static bool takes_value(const char *option)
{
	static const char *const options[] = { "log", "log-format", "root", "criu", "rootless" };

	option += strspn(option, "-");
	for (size_t i = 0; i < ARRAY_SIZE(options); i++)
		if (str_equal(options[i], option))
			return true;
	return false;
}

const char *mirror_bundle(int argc, char **argv)
{
	int i = 1;

	while (i < argc && argv[i][0] == '-')
		i += takes_value(argv[i]) ? 2 : 1;
	if (i >= argc || (!str_equal(argv[i], "create") && !str_equal(argv[i], "run")))
		return NULL;
	for (i++; i < argc; i++) {
		const char *arg = argv[i];

		if (str_has_prefix(arg, "--bundle="))
			return arg + strlen("--bundle=");
		if ((str_equal(arg, "--bundle") || str_equal(arg, "-b")) && i + 1 < argc)
			return argv[i + 1];
	}
	return ".";
}

/* ---- the bundle ---- */

/* The member of that name, made when there is none; NULL when it is no object. */
static json_t *member(json_t *parent, const char *name)
{
	json_t *json = json_object_get(parent, name);

	if (!json || json_is_null(json)) {
		if (json_object_set_new(parent, name, json_object()) < 0)
			return NULL;
		json = json_object_get(parent, name);
	}
	return json_is_object(json) ? json : NULL;
}

static bool is_limit(const json_t *object, const char *name)
{
	return json_integer_value(json_object_get(object, name)) > 0;
}

static bool add(json_t *object, const char *name, int64_t value)
{
	return object && value > 0 && !is_limit(object, name) &&
	       json_object_set_new(object, name, json_integer(value)) == 0;
}

bool mirror_add(json_t *config, const struct mirror *mirror)
{
	json_t *linux_part = member(config, "linux");
	json_t *resources = linux_part ? member(linux_part, "resources") : NULL;
	json_t *cpu;
	bool added;

	if (!resources)
		return false;
	added = mirror->memory && add(member(resources, "memory"), "limit", mirror->memory);
	added |= mirror->pids && add(member(resources, "pids"), "limit", mirror->pids);
	cpu = mirror->quota && mirror->period ? member(resources, "cpu") : NULL;
	/* a period alone is the user's, and a share of it would be ours */
	if (cpu && !is_limit(cpu, "quota") && !is_limit(cpu, "period")) {
		added |= add(cpu, "quota", mirror->quota);
		added |= add(cpu, "period", mirror->period);
	}
	return added;
}

int mirror_file(const char *path, const struct mirror *mirror)
{
	struct arena arena = ARENA_INIT;
	char *text = NULL, *changed = NULL;
	json_t *config = NULL;
	struct stat st;
	int r;

	r = stat(path, &st) < 0 ? -errno : file_slurp_at(AT_FDCWD, path, CONFIG_MAX, &arena, &text);
	if (r == 0 && text) {
		config = json_loads(text, 0, NULL);
		r = json_is_object(config) ? 0 : -EINVAL;
	}
	if (config && r == 0 && mirror_add(config, mirror)) {
		changed = json_dumps(config, JSON_COMPACT);
		r = changed ? file_replace(path, changed, st.st_mode & 07777) : -ENOMEM;
	}
	free(changed);
	json_decref(config);
	arena_free(&arena);
	return r;
}

int personality_runc(struct cli *cli, int argc, char **argv)
{
	const char *bundle = mirror_bundle(argc, argv);
	char text[PATH_MAX + 256], path[PATH_MAX];
	struct mirror mirror;

	(void) sigprocmask(SIG_SETMASK, &cli->signals, NULL);
	if (file_read_at(AT_FDCWD, DIND_LIMITS_FILE, text, sizeof(text)) <= 0 ||
	    mirror_parse(text, &mirror) < 0) {
		(void) fprintf(stderr, "runc: %s does not name a runtime\n", DIND_LIMITS_FILE);
		return STATUS_NOT_FOUND;
	}
	if (bundle && snprintf(path, sizeof(path), "%s/config.json", bundle) < (int) sizeof(path))
		(void) mirror_file(path, &mirror);
	(void) execv(mirror.runtime, argv);
	(void) fprintf(stderr, "runc: %s: %s\n", mirror.runtime, strerror(errno));
	return STATUS_CANNOT_EXECUTE;
}
