/* SPDX-License-Identifier: Apache-2.0 */
/*
 * jenkins-agent: the entry point of an agent image. What a Jenkins plugin puts in the place of the
 * image's command becomes COMMAND, beside an engine, whichever way that one is reached.
 */
#include <string.h>
#include <sys/stat.h>

#include "commands.h"
#include "dind/str.h"
#include "personality.h"
#include "words.h"

#define AGENT_USER "jenkins"
#define LOG_FILE   "/var/log/docker.log"
#define SSHD	   "/usr/sbin/sshd"
#define KEY	   "JENKINS_AGENT_SSH_PUBKEY"

enum shape {
	SHAPE_SSHD,    /* as root: it has to become whoever logs in */
	SHAPE_INBOUND, /* words are the arguments of agent.jar */
	SHAPE_COMMAND,
};

struct request {
	enum shape shape;
	struct strings words;
};

static void add(struct cli *cli, struct strings *words, const char *word)
{
	strings_add(&cli->arena, words, word);
}

static void add_all(struct cli *cli, struct strings *words, const char *const *more)
{
	for (; more && *more; more++)
		add(cli, words, *more);
}

static const char *base_name(const char *path)
{
	const char *slash = strrchr(path, '/');

	return slash ? slash + 1 : path;
}

/* ---- shapes ---- */

bool personality_is_ssh_key(const char *text)
{
	static const char *const types[] = { "ssh-", "ecdsa-sha2-", "sk-ssh-", "sk-ecdsa-sha2-" };

	for (size_t i = 0; text && i < ARRAY_SIZE(types); i++)
		/* the length of the type's name, in base64: no program is called like that */
		if (str_has_prefix(text, types[i]))
			return strstr(text, " AAAA") != NULL;
	return false;
}

/*
 * A command line in one string, as a shell would see it; false for what only a shell can carry out,
 * and for another program than sshd. Quotes around all of it are one more string.
 */
static bool split_sshd(struct cli *cli, const char *text, struct strings *ret_words)
{
	for (int depth = 0; depth < 2; depth++) {
		struct strings words = STRINGS_INIT;

		if (strpbrk(text, ";&|<>()$`*?#~\n") ||
		    words_split_shell(&cli->arena, text, &words) < 0 || words.count == 0)
			return false;
		if (words.count > 1 && strcmp(words.items[0], "exec") == 0) {
			words.items++;
			words.count--;
		}
		if (strcmp(base_name(words.items[0]), "sshd") == 0) {
			*ret_words = words;
			return true;
		}
		if (words.count > 1)
			return false;
		text = words.items[0];
	}
	return false;
}

static bool is_shell(const char *word)
{
	const char *name = base_name(word);

	return strcmp(name, "sh") == 0 || strcmp(name, "bash") == 0 || strcmp(name, "dash") == 0;
}

/* What a shell is given as its command line, and nothing else: -c TEXT, -lc TEXT, -l -c TEXT. */
static const char *shell_text(char *const *args)
{
	if (!is_shell(args[0]))
		return NULL;
	for (args++; *args && **args == '-'; args++)
		if (args[0][1] != '-' && str_has_suffix(*args, "c"))
			return args[1] && !args[2] ? args[1] : NULL;
	return NULL;
}

/* sshd as a list, as one string, or as one string for a shell. */
static bool take_sshd(struct cli *cli, char *const *args, struct request *request)
{
	const char *text = args[1] ? shell_text(args) : args[0];

	if (strcmp(base_name(args[0]), "sshd") == 0) {
		add_all(cli, &request->words, (const char *const *) args);
		return true;
	}
	return text && split_sshd(cli, text, &request->words);
}

/* jenkins/ssh-agent: options for sshd behind the key, or nothing at all. */
static void take_default_sshd(struct cli *cli, char *const *args, struct request *request)
{
	add(cli, &request->words, SSHD);
	add(cli, &request->words, "-D");
	add_all(cli, &request->words, (const char *const *) args);
}

static bool is_named(char *const *args, const char *value)
{
	for (; *args; args++)
		if (strcmp(*args, value) == 0)
			return true;
	return false;
}

/*
 * jenkins/inbound-agent: one word that is no option is a command. More than one are a secret and a
 * name, unless the environment has a secret, and it is not among them: then there is nothing left
 * that they could be but a command.
 */
static bool is_inbound(const struct cli *cli, char *const *args)
{
	const char *secret = personality_variable(cli, "JENKINS_SECRET");

	if (args[0] && args[0][0] == '-')
		return true;
	if (!personality_variable(cli, "JENKINS_URL") &&
	    !personality_variable(cli, "JENKINS_DIRECT_CONNECTION"))
		return false;
	if (!args[0])
		return true;
	return args[1] && (!secret || is_named(args, secret));
}

static void take(struct cli *cli, char *const *args, struct request *request)
{
	bool command = args[0] && strcmp(args[0], "--") == 0;

	*request = (struct request){ .shape = SHAPE_SSHD };
	/* an empty field of a form arrives as an empty word */
	if (command || (args[0] && !*args[0] && !args[1]))
		args++;
	if (args[0] && take_sshd(cli, args, request))
		return;
	if (personality_is_ssh_key(args[0])) {
		personality_set(cli, KEY, args[0]);
		take_default_sshd(cli, args + 1, request);
		return;
	}
	if (!command && is_inbound(cli, args))
		request->shape = SHAPE_INBOUND;
	else if (args[0])
		request->shape = SHAPE_COMMAND;
	else
		take_default_sshd(cli, args, request);
	if (request->shape != SHAPE_SSHD)
		add_all(cli, &request->words, (const char *const *) args);
}

/* ---- options ---- */

/*
 * Kubernetes sets DOCKER_PORT=tcp://… for a service called docker, which is no wish of anybody's.
 *
 * Listeners of DOCKER_DAEMON_ARGS are more ones, not others, so that these stand before them.
 */
static void add_port(struct cli *cli, struct strings *words)
{
	const char *port = personality_variable(cli, "DOCKER_PORT");
	const char *args = personality_variable(cli, "DOCKER_DAEMON_ARGS");
	int number;

	if (!port || personality_variable(cli, "DIND_HOST") ||
	    str_parse_int(port, 1, UINT16_MAX, &number) < 0)
		return;
	port = arena_printf(&cli->arena, "tcp://0.0.0.0:%d", number);
	add(cli, words, "--insecure-tcp");
	if (args && !personality_variable(cli, "DIND_DOCKERD_ARGS")) {
		personality_set(cli, "DOCKER_DAEMON_ARGS",
				arena_printf(&cli->arena,
					     "--host %s --host unix://" DIND_DEFAULT_SOCKET " %s",
					     port, args));
		return;
	}
	add(cli, words, "--host");
	add(cli, words, port);
	add(cli, words, "--host");
	add(cli, words, "unix://" DIND_DEFAULT_SOCKET);
}

static void add_user(struct cli *cli, struct strings *words, enum shape shape, bool root)
{
	if (shape == SHAPE_SSHD) {
		/* these are about the agent, which sshd makes of itself: it needs what root has */
		personality_set(cli, "DIND_USER", NULL);
		personality_set(cli, "DIND_KEEP_CAPS", NULL);
		personality_set(cli, "DIND_DROP_CAPS", NULL);
	} else if (root && !personality_variable(cli, "DIND_USER")) {
		add(cli, words, "--user");
		add(cli, words, AGENT_USER);
	}
}

char **personality_jenkins_words(struct cli *cli, char *const *args,
				 const struct personality_agent *here)
{
	const char *log = personality_variable(cli, "LOG");
	struct strings words = STRINGS_INIT;
	struct request request;

	take(cli, args, &request);
	add(cli, &words, "jenkins-agent");
	/* a controller gives up on an agent that it cannot reach within a minute */
	if (request.shape != SHAPE_COMMAND && !personality_variable(cli, "DIND_NO_WAIT"))
		add(cli, &words, "--no-wait");
	add_user(cli, &words, request.shape, here->root);
	add_port(cli, &words);
	if (log && strcmp(log, "file") == 0 && !personality_variable(cli, "DIND_ENGINE_LOG")) {
		add(cli, &words, "--engine-log");
		add(cli, &words, "file:" LOG_FILE);
	}
	if (here->pool && !personality_variable(cli, "DIND_CACHE_POOL") &&
	    !personality_variable(cli, "DIND_STORAGE_PATH")) {
		add(cli, &words, "--cache-pool");
		add(cli, &words, PERSONALITY_POOL);
	}
	add(cli, &words, "--");
	if (request.shape == SHAPE_SSHD)
		add(cli, &words, "jenkins-sshd");
	if (request.shape == SHAPE_INBOUND)
		add(cli, &words, "jenkins-inbound");
	add_all(cli, &words, request.words.items);
	return personality_argv(&words);
}

/* ---- starting ---- */

/* True if sshd is to run, and with nothing that only root can read. */
static bool sshd_needs_root(char *const *words)
{
	while (*words && strcmp(*words, "jenkins-sshd") != 0)
		words++;
	if (!*words)
		return false;
	for (; *words; words++)
		if (str_has_prefix(*words, "-h"))
			return false;
	return true;
}

int personality_jenkins(struct cli *cli, int argc, char **argv)
{
	struct personality_agent here = { .root = geteuid() == 0 };
	int status, n = 0;
	struct stat st;
	char **words;

	here.pool = stat(PERSONALITY_POOL, &st) == 0 && S_ISDIR(st.st_mode);
	words = personality_jenkins_words(cli, argv + (argc > 0 ? 1 : 0), &here);
	if (!here.root && sshd_needs_root(words)) {
		report_refusal(
			"DIND-AGENT-01",
			"sshd was asked for, which only root can run: it reads host keys and "
			"becomes whoever logs in",
			"--user 0:0 (Kubernetes: securityContext.runAsUser: 0); sessions run "
			"as " AGENT_USER " all the same. Or an inbound agent, which needs no "
			"root");
		return STATUS_NOPERM;
	}
	while (words[n])
		n++;
	status = cli_begin(cli, n, words);
	return status == STATUS_OK ? cli_dispatch(cli) : status;
}
