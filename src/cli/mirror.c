/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The runc that the engine finds first under --mirror-limits. It gives a container that is made the
 * limits that it lacks, and becomes the real one. A bundle that is not there is that one's to
 * complain about; what else goes wrong is said, since it would go unseen.
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
#include "dind/log.h"
#include "dind/str.h"
#include "json_text.h"
#include "personality.h"

#define CONFIG_MAX (16 << 20)

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
	} else if (str_has_prefix(line, "log json\n")) {
		mirror->log_json = true;
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

/* Where a limit stands in a bundle. */
#define LIMIT_DEPTH 4
static const char *const memory_limit[] = { "linux", "resources", "memory", "limit" };
static const char *const pids_limit[] = { "linux", "resources", "pids", "limit" };
static const char *const cpu_quota[] = { "linux", "resources", "cpu", "quota" };
static const char *const cpu_period[] = { "linux", "resources", "cpu", "period" };

/* Neither 0 nor -1, which are none. What is no number at all is runc's to complain about. */
static int has_limit(const char *text, const char *const *path, bool *ret_has)
{
	const char *value;
	int r = json_text_find(text, path, LIMIT_DEPTH, &value);

	if (r == 0)
		*ret_has = value && *value != '0' && *value != '-';
	return r;
}

static int add(struct arena *arena, const char **text, const char *const *path, int64_t value)
{
	bool has = false;
	int r = value > 0 ? has_limit(*text, path, &has) : 0;

	if (r < 0 || value <= 0 || has)
		return r;
	return json_text_set(arena, *text, path, LIMIT_DEPTH, value, text);
}

int mirror_add(struct arena *arena, const char *config, const struct mirror *mirror,
	       const char **ret_config)
{
	bool has_quota = false, has_period = false;
	const char *text = config;
	int r = add(arena, &text, memory_limit, mirror->memory);

	if (r == 0)
		r = add(arena, &text, pids_limit, mirror->pids);
	if (r == 0)
		r = has_limit(text, cpu_quota, &has_quota);
	if (r == 0)
		r = has_limit(text, cpu_period, &has_period);
	/* a period alone is the user's, and a share of it would be ours */
	if (r == 0 && mirror->quota && mirror->period && !has_quota && !has_period) {
		r = add(arena, &text, cpu_quota, mirror->quota);
		if (r == 0)
			r = add(arena, &text, cpu_period, mirror->period);
	}
	if (r == 0)
		*ret_config = text;
	return r;
}

int mirror_file(const char *path, const struct mirror *mirror)
{
	struct arena arena = ARENA_INIT;
	const char *changed = NULL;
	char *text = NULL;
	struct stat st;
	int r;

	r = stat(path, &st) < 0 ? -errno : 0;
	if (r == 0 && st.st_size >= CONFIG_MAX)
		r = -EFBIG;
	if (r == 0)
		r = file_slurp_at(AT_FDCWD, path, CONFIG_MAX, &arena, &text);
	if (r == 0)
		r = mirror_add(&arena, text, mirror, &changed);
	if (r == 0 && changed != text)
		r = file_replace(path, changed, st.st_mode & 07777);
	arena_free(&arena);
	return r;
}

/* ---- as runc ---- */

/*
 * What runc writes to stderr is the container's output. So the line goes where PID 1's go, if that
 * is one of us: with --pid=host it is the host's.
 */
static void log_beside_pid_1(void)
{
	struct stat ours, first;
	int fd;

	if (stat("/proc/self/exe", &ours) < 0 || stat("/proc/1/exe", &first) < 0 ||
	    ours.st_dev != first.st_dev || ours.st_ino != first.st_ino)
		return;
	fd = open("/proc/1/fd/2", O_WRONLY | O_APPEND | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
	if (fd < 0)
		return;
	(void) dup2(fd, STDERR_FILENO);
	(void) close(fd);
}

static void say_why_not(const char *path, const struct mirror *mirror, int r)
{
	int own = fcntl(STDERR_FILENO, F_DUPFD_CLOEXEC, 3);

	log_beside_pid_1();
	log_configure(LOG_LEVEL_WARNING, mirror->log_json ? LOG_FORMAT_JSON : LOG_FORMAT_TEXT);
	log_line(LOG_LEVEL_WARNING, "DIND-CGROUP-15",
		 "--mirror-limits: %s: %s: this inner container starts without the limits of the "
		 "outer one → give it its own: docker run --memory, --cpus, --pids-limit",
		 path, r == -EINVAL ? "it is not understood" : strerror(-r));
	if (own >= 0) {
		(void) dup2(own, STDERR_FILENO);
		(void) close(own);
	}
}

int personality_runc(struct cli *cli, int argc, char **argv)
{
	const char *bundle = mirror_bundle(argc, argv);
	char text[PATH_MAX + 256], path[PATH_MAX];
	struct mirror mirror;
	int r;

	(void) sigprocmask(SIG_SETMASK, &cli->signals, NULL);
	if (file_read_at(AT_FDCWD, DIND_LIMITS_FILE, text, sizeof(text)) <= 0 ||
	    mirror_parse(text, &mirror) < 0) {
		(void) fprintf(stderr, "runc: %s does not name a runtime\n", DIND_LIMITS_FILE);
		return STATUS_NOT_FOUND;
	}
	if (bundle && snprintf(path, sizeof(path), "%s/config.json", bundle) < (int) sizeof(path)) {
		r = mirror_file(path, &mirror);
		if (r < 0 && r != -ENOENT) /* that one runc says itself */
			say_why_not(path, &mirror, r);
	}
	(void) execv(mirror.runtime, argv);
	(void) fprintf(stderr, "runc: %s: %s\n", mirror.runtime, strerror(errno));
	return STATUS_CANNOT_EXECUTE;
}
