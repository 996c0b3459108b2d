/* SPDX-License-Identifier: Apache-2.0 */
#include "stop_signal.h"

#include <fcntl.h>
#include <jansson.h>
#include <limits.h>
#include <signal.h>
#include <string.h>
#include <strings.h>

#include "dind/file.h"
#include "dind/str.h"
#include "steps.h"

#define CONFIG_MAX_BYTES (4U << 20)

/* Docker counts from 34, whatever the C library keeps for itself. */
#define DOCKER_RTMIN 34
#define DOCKER_RTMAX 64

static int parse_realtime(const char *name)
{
	int base = strncasecmp(name, "RTMIN", 5) == 0 ? DOCKER_RTMIN : DOCKER_RTMAX;
	const char *rest = name + 5;
	int offset = 0;

	if (*rest == '+' && str_parse_int(rest + 1, 0, 30, &offset) == 0)
		base += offset;
	else if (*rest == '-' && str_parse_int(rest + 1, 0, 30, &offset) == 0)
		base -= offset;
	else if (*rest)
		return 0;
	return base >= DOCKER_RTMIN && base <= DOCKER_RTMAX ? base : 0;
}

int stop_signal_parse(const char *name)
{
	static const struct {
		const char *name;
		int number;
	} names[] = {
		{ "HUP", SIGHUP },   { "INT", SIGINT },	  { "QUIT", SIGQUIT },
		{ "ABRT", SIGABRT }, { "KILL", SIGKILL }, { "USR1", SIGUSR1 },
		{ "USR2", SIGUSR2 }, { "PIPE", SIGPIPE }, { "ALRM", SIGALRM },
		{ "TERM", SIGTERM }, { "CONT", SIGCONT }, { "STOP", SIGSTOP },
		{ "TSTP", SIGTSTP }, { "POLL", SIGPOLL }, { "WINCH", SIGWINCH },
		{ "PWR", SIGPWR },
	};
	int number;

	if (str_parse_int(name, 1, DOCKER_RTMAX, &number) == 0)
		return number;
	if (strncasecmp(name, "SIG", 3) == 0)
		name += 3;
	for (size_t i = 0; i < ARRAY_SIZE(names); i++)
		if (strcasecmp(name, names[i].name) == 0)
			return names[i].number;
	if (strncasecmp(name, "RTMIN", 5) == 0 || strncasecmp(name, "RTMAX", 5) == 0)
		return parse_realtime(name);
	return 0;
}

int stop_signal_of(const char *data_root, const char *id)
{
	__attribute__((cleanup(arena_free))) struct arena arena = ARENA_INIT;
	char path[PATH_MAX], *text;
	json_t *root;
	const char *name;
	int number;

	if (!data_root ||
	    apply_format(path, sizeof(path), "%s/containers/%s/config.v2.json", data_root, id) <
		    0 ||
	    file_slurp_at(AT_FDCWD, path, CONFIG_MAX_BYTES, &arena, &text) < 0)
		return 0;
	root = json_loads(text, 0, NULL);
	if (!root)
		return 0;
	name = json_string_value(json_object_get(json_object_get(root, "Config"), "StopSignal"));
	number = name && *name ? stop_signal_parse(name) : SIGTERM;
	json_decref(root);
	return number;
}

uint64_t stop_signal_mask(int signal_number)
{
	static const int usual[] = { SIGTERM, SIGINT, SIGQUIT, SIGHUP, SIGUSR1, SIGUSR2, SIGWINCH };
	uint64_t mask = 0;

	if (signal_number > 0)
		return 1ULL << (signal_number - 1);
	for (size_t i = 0; i < ARRAY_SIZE(usual); i++)
		mask |= 1ULL << (usual[i] - 1);
	for (int i = DOCKER_RTMIN; i <= DOCKER_RTMAX; i++)
		mask |= 1ULL << (i - 1);
	return mask;
}
