/* SPDX-License-Identifier: Apache-2.0 */
/*
 * jenkins-sshd: what COMMAND is when sshd is asked for. Host keys, the agent's key and what
 * sessions are told are there first; then it is sshd, by the words that were given.
 *
 * As COMMAND and not in PID 1, so that an engine does not wait for a key to be found, and because
 * its environment is just the one that sessions are to have.
 */
#include <ctype.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "dind/file.h"
#include "dind/log.h"
#include "dind/str.h"
#include "personality.h"

#define SSHD		 "/usr/sbin/sshd"
#define PRIVILEGE_DIR	 "/run/sshd" /* sshd does not start without it; /run may be a fresh tmpfs */
#define SESSION_DIR	 "/run/dind-sshd"
#define SESSION_FILE	 SESSION_DIR "/session.conf" /* included by the image's sshd_config */
#define CONFIG_FILE	 SESSION_DIR "/sshd_config"
#define DEFAULT_HOME	 "/home/jenkins"
#define HOST_KEY_WAIT_MS 60000

/* ---- what sessions are told ---- */

/* Each session's own, or nobody's business in one. */
static bool stays_out(const char *variable)
{
	static const char *const names[] = {
		"HOME",
		"USER",
		"LOGNAME",
		"SHELL",
		"PWD",
		"OLDPWD",
		"SHLVL",
		"TERM",
		"MAIL",
		"_",
		"JENKINS_SECRET",
		"JENKINS_AGENT_SSH_PUBKEY",
		"JENKINS_SLAVE_SSH_PUBKEY",
	};

	for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
		size_t n = strlen(names[i]);

		if (strncmp(variable, names[i], n) == 0 && variable[n] == '=')
			return true;
	}
	return str_has_prefix(variable, "DIND_") || str_has_prefix(variable, "SSH_");
}

static bool is_name(const char *name, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (!isalnum((unsigned char) name[i]) && name[i] != '_')
			return false;
	return n > 0 && !isdigit((unsigned char) name[0]);
}

/* Between double quotes, in a way that OpenSSH 8.4 and 10 read alike; one bad word is the end of
 * sshd. */
static bool can_be_quoted(const char *value)
{
	if (strpbrk(value, "\"\n\r") || str_has_suffix(value, "\\"))
		return false;
	for (; *value; value++)
		if (value[0] == '\\' && strchr("\\'", value[1]))
			return false;
	return true;
}

char *personality_sshd_setenv(struct cli *cli, const char *const *environment,
			      struct strings *ret_left_out)
{
	struct strings pairs = STRINGS_INIT;

	for (; environment && *environment; environment++) {
		const char *e = *environment;
		size_t n = strcspn(e, "=");

		if (e[n] != '=' || !is_name(e, n) || stays_out(e))
			continue;
		if (!can_be_quoted(e + n + 1)) {
			strings_add(&cli->arena, ret_left_out, arena_strndup(&cli->arena, e, n));
			continue;
		}
		strings_add(&cli->arena, &pairs,
			    arena_printf(&cli->arena, "%.*s=\"%s\"", (int) n, e, e + n + 1));
	}
	if (pairs.count == 0)
		return arena_strdup(&cli->arena, "");
	/* one line: of several only the first counts */
	return arena_printf(&cli->arena, "SetEnv %s\n", strings_join(&cli->arena, &pairs, " "));
}

/* With a value of its own: -fFILE, -f FILE. The last one counts. */
static const char *given_config(const struct strings *words)
{
	const char *file = NULL;

	for (size_t i = 1; i < words->count; i++) {
		if (!str_has_prefix(words->items[i], "-f"))
			continue;
		if (words->items[i][2])
			file = words->items[i] + 2;
		else if (i + 1 < words->count)
			file = words->items[++i];
	}
	return file;
}

/* A configuration of somebody's own includes nothing of ours, so that ours includes it. */
static void tell_sessions(struct cli *cli, struct strings *words)
{
	struct strings left_out = STRINGS_INIT;
	const char *config = given_config(words);
	const char *text = personality_sshd_setenv(cli, cli->options.environment, &left_out);
	int r = file_make_directories(SESSION_DIR, 0700);

	if (left_out.count)
		log_notice("sessions are not told %s: of a line that sshd can read they cannot be "
			   "part",
			   strings_join(&cli->arena, &left_out, ", "));
	if (r == 0)
		r = file_replace(SESSION_FILE, text, 0600);
	if (r == 0 && config && *config == '/') {
		r = file_replace(CONFIG_FILE,
				 arena_printf(&cli->arena, "%sInclude \"%s\"\n", text, config),
				 0600);
		strings_add(&cli->arena, words, "-f");
		strings_add(&cli->arena, words, CONFIG_FILE);
	}
	if (r < 0)
		log_line(LOG_LEVEL_WARNING, "DIND-AGENT-02",
			 SESSION_DIR
			 ": %s: sessions are told nothing of this container's environment → a "
			 "writable /run (--tmpfs /run)",
			 strerror(-r));
}

/* ---- keys ---- */

static bool has_host_key(void)
{
	static const char *const files[] = {
		"/etc/ssh/ssh_host_ed25519_key",
		"/etc/ssh/ssh_host_ecdsa_key",
		"/etc/ssh/ssh_host_rsa_key",
	};

	for (size_t i = 0; i < ARRAY_SIZE(files); i++)
		if (access(files[i], R_OK) == 0)
			return true;
	return false;
}

/* Those that are there stay: they may be mounted. Its status says nothing of those it could not
 * write. */
static void make_host_keys(const struct cli *cli)
{
	static const char *const argv[] = { "ssh-keygen", "-A", NULL };
	int status = personality_run(cli, argv, cli->options.environment, -1, HOST_KEY_WAIT_MS);

	if (!has_host_key())
		log_line(LOG_LEVEL_WARNING, "DIND-AGENT-03",
			 "there is no host key in /etc/ssh, and ssh-keygen -A made none (%s %d) → "
			 "mount keys there, or make it writable",
			 status < 0 ? "error" : "status", abs(status));
}

/*
 * The directory is the agent's, who may have put anything there: nothing is followed.
 *
 * sshd reads the keys as whoever logs in, and trusts root's files as well as the user's own
 * (sshd_config(5), StrictModes). In a home that is still root's, such as a new volume, they are
 * therefore for all to read.
 */
static int write_keys(int home, const char *keys)
{
	static const char temporary[] = ".authorized_keys.new";
	mode_t others;
	struct stat st;
	auto_close int directory = -EBADF, fd = -EBADF;
	int r;

	if (fstat(home, &st) < 0 || (mkdirat(home, ".ssh", 0700) < 0 && errno != EEXIST))
		return -errno;
	directory = openat(home, ".ssh", O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (directory < 0)
		return -errno;
	others = st.st_uid == 0 ? 0055 : 0;
	if (fchown(directory, st.st_uid, st.st_gid) < 0 || fchmod(directory, 0700 | others) < 0)
		return -errno;
	(void) unlinkat(directory, temporary, 0);
	fd = openat(directory, temporary, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC,
		    0600);
	if (fd < 0)
		return -errno;
	r = file_write_all(fd, keys, strlen(keys));
	if (r == 0 &&
	    (fchown(fd, st.st_uid, st.st_gid) < 0 || fchmod(fd, 0600 | (others & 0044)) < 0))
		r = -errno;
	if (r == 0 && renameat(directory, temporary, directory, "authorized_keys") < 0)
		r = -errno;
	if (r < 0)
		(void) unlinkat(directory, temporary, 0);
	return r;
}

int personality_sshd_keys(struct cli *cli, const char *home)
{
	const char *keys = personality_variable(cli, "JENKINS_AGENT_SSH_PUBKEY");
	auto_close int fd = -EBADF;

	if (!keys)
		keys = personality_variable(cli, "JENKINS_SLAVE_SSH_PUBKEY");
	if (!personality_is_ssh_key(keys))
		return keys ? -EINVAL : 0;
	fd = open(home, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	/* it takes the place of an older one: keys are taken back by leaving them out */
	return write_keys(fd, arena_printf(&cli->arena, "%s\n", keys));
}

static void let_agent_in(struct cli *cli)
{
	const char *home = personality_variable(cli, "JENKINS_AGENT_HOME");
	int r = personality_sshd_keys(cli, home ? home : DEFAULT_HOME);

	if (r == -EINVAL)
		log_line(LOG_LEVEL_WARNING, "DIND-AGENT-04",
			 "JENKINS_AGENT_SSH_PUBKEY is no public key of OpenSSH's and is not used → "
			 "the text of a file like id_ed25519.pub");
	else if (r < 0)
		log_line(
			LOG_LEVEL_WARNING, "DIND-AGENT-05",
			"%s/.ssh/authorized_keys: %s: JENKINS_AGENT_SSH_PUBKEY is not used → leave "
			"it out where keys are mounted, or mount .ssh writable",
			home ? home : DEFAULT_HOME, strerror(-r));
}

/* ---- sshd ---- */

void personality_sshd_words(struct cli *cli, char *const *args, struct strings *ret_words)
{
	bool sshd = args[0] && args[0][0] != '-';
	bool elsewhere = false;

	/* it starts itself again for each connection, by its full name */
	strings_add(&cli->arena, ret_words, sshd && args[0][0] == '/' ? args[0] : SSHD);
	for (char *const *arg = args; *arg; arg++)
		elsewhere = elsewhere || str_has_prefix(*arg, "-E");
	if (!sshd)
		strings_add(&cli->arena, ret_words, "-D");
	/* there is no syslog in here: what sshd says is for the container's log */
	if (!elsewhere)
		strings_add(&cli->arena, ret_words, "-e");
	for (args += sshd ? 1 : 0; *args; args++)
		strings_add(&cli->arena, ret_words, *args);
}

int personality_sshd(struct cli *cli, int argc, char **argv)
{
	struct strings words = STRINGS_INIT;

	personality_helper(cli, argv);
	personality_sshd_words(cli, argv + (argc > 0 ? 1 : 0), &words);
	if (geteuid() == 0) {
		(void) mkdir(PRIVILEGE_DIR, 0755);
		make_host_keys(cli);
		tell_sessions(cli, &words);
	}
	let_agent_in(cli);
	return personality_exec(cli, personality_argv(&words));
}
