/* SPDX-License-Identifier: Apache-2.0 */
/* jenkins-inbound: what COMMAND is for an inbound agent: java with agent.jar, by the arguments and
 * the environment of jenkins/inbound-agent. */
#include <stdio.h>
#include <string.h>

#include "commands.h"
#include "dind/log.h"
#include "dind/str.h"
#include "personality.h"
#include "words.h"

#define DOWNLOAD_WAIT_MS 330000

static void add(struct cli *cli, struct strings *words, const char *word)
{
	strings_add(&cli->arena, words, word);
}

static bool is_given(char *const *args, const char *word)
{
	for (; *args; args++)
		if (strcmp(*args, word) == 0)
			return true;
	return false;
}

/* ---- the command line ---- */

static const char *agent_name(const struct cli *cli)
{
	const char *name = personality_variable(cli, "JENKINS_NAME");

	return name ? name : personality_variable(cli, "JENKINS_AGENT_NAME");
}

/* The variable @name as @flag, unless the arguments have said it. */
static void add_option(struct cli *cli, struct strings *words, char *const *args, const char *flag,
		       const char *name, const char *value)
{
	if (!value)
		return;
	if (is_given(args, flag) || is_given(args, value)) {
		log_warning("%s is given by an argument too, and that one is taken", name);
		return;
	}
	add(cli, words, flag);
	words_split(&cli->arena, value, " \t\n", words);
}

static void add_options(struct cli *cli, struct strings *words, char *const *args)
{
	static const char *const pairs[][2] = {
		{ "-tunnel", "JENKINS_TUNNEL" },
		{ "-url", "JENKINS_URL" },
		{ "-workDir", "JENKINS_AGENT_WORKDIR" },
		{ "-direct", "JENKINS_DIRECT_CONNECTION" },
		{ "-protocols", "JENKINS_PROTOCOLS" },
		{ "-instanceIdentity", "JENKINS_INSTANCE_IDENTITY" },
	};
	const char *remoting = personality_variable(cli, "REMOTING_OPTS");

	add_option(cli, words, args, "-secret", "JENKINS_SECRET",
		   personality_variable(cli, "JENKINS_SECRET"));
	add_option(cli, words, args, "-name", "JENKINS_AGENT_NAME", agent_name(cli));
	for (size_t i = 0; i < ARRAY_SIZE(pairs); i++)
		add_option(cli, words, args, pairs[i][0], pairs[i][1],
			   personality_variable(cli, pairs[i][1]));
	if (str_equal(personality_variable(cli, "JENKINS_WEB_SOCKET"), "true") &&
	    !is_given(args, "-webSocket"))
		add(cli, words, "-webSocket");
	if (remoting)
		words_split(&cli->arena, remoting, " \t\n", words);
}

char **personality_inbound_words(struct cli *cli, char *const *args, const char *jar)
{
	const char *java = personality_variable(cli, "JENKINS_JAVA_BIN");
	const char *home = personality_variable(cli, "JAVA_HOME");
	const char *options = personality_variable(cli, "JENKINS_JAVA_OPTS");
	struct strings words = STRINGS_INIT;

	if (!java)
		java = home ? arena_printf(&cli->arena, "%s/bin/java", home) : "java";
	if (!options)
		options = personality_variable(cli, "JAVA_OPTS");
	add(cli, &words, java);
	if (options)
		words_split(&cli->arena, options, " \t\n", &words);
	add(cli, &words, "-jar");
	add(cli, &words, jar);
	add_options(cli, &words, args);
	for (; *args; args++)
		add(cli, &words, *args);
	return personality_argv(&words);
}

/* ---- agent.jar ---- */

char *personality_inbound_url(struct cli *cli, char *const *args)
{
	const char *url = personality_variable(cli, "JENKINS_URL");
	size_t n;

	for (; *args; args++)
		if (strcmp(*args, "-url") == 0 && args[1]) {
			url = args[1];
			break;
		}
	n = url ? strlen(url) : 0;
	while (n > 0 && url[n - 1] == '/')
		n--;
	return n ? arena_printf(&cli->arena, "%.*s/jnlpJars/agent.jar", (int) n, url) : NULL;
}

static const char *find_jar(const struct cli *cli)
{
	static const char *const places[] = { "/usr/share/jenkins/agent.jar",
					      "/usr/share/jenkins/slave.jar" };
	const char *given = personality_variable(cli, "JENKINS_AGENT_FILE");

	if (given)
		return given; /* java says what is wrong with it */
	for (size_t i = 0; i < ARRAY_SIZE(places); i++)
		if (access(places[i], R_OK) == 0)
			return places[i];
	return NULL;
}

/* From the controller, which has the one that fits it. It may be starting, too. */
static int download(struct cli *cli, const char *url, const char *jar)
{
	const char *part = arena_printf(&cli->arena, "%s.part", jar);
	const char *const argv[] = { "curl",	   "--fail",
				     "--silent",   "--show-error",
				     "--location", "--stderr",
				     "-",	   "--connect-timeout",
				     "10",	   "--retry",
				     "100",	   "--retry-delay",
				     "3",	   "--retry-max-time",
				     "300",	   "--retry-connrefused",
				     "--output",   part,
				     url,	   NULL };
	int status = personality_run(cli, argv, cli->options.environment, STDERR_FILENO,
				     DOWNLOAD_WAIT_MS);

	if (status == 0 && rename(part, jar) == 0)
		return STATUS_OK;
	report_refusal("DIND-AGENT-06",
		       arena_printf(&cli->arena, "%s could not be had (%s %d)", url,
				    status < 0 ? "error" : "status of curl", abs(status)),
		       "mend JENKINS_URL or the way to it, or mount agent.jar at "
		       "/usr/share/jenkins/agent.jar");
	return STATUS_UNAVAILABLE;
}

static int get_jar(struct cli *cli, char *const *args, const char **ret_jar)
{
	const char *home = personality_variable(cli, "HOME");
	const char *url = personality_inbound_url(cli, args);

	*ret_jar = find_jar(cli);
	if (*ret_jar)
		return STATUS_OK;
	if (!url) {
		report_refusal("DIND-AGENT-07",
			       "there is no /usr/share/jenkins/agent.jar, and no URL of a "
			       "controller to get it from",
			       "mount agent.jar there, name it with JENKINS_AGENT_FILE, or set "
			       "JENKINS_URL");
		return STATUS_CONFIG;
	}
	*ret_jar = arena_printf(&cli->arena, "%s/agent.jar", home ? home : "/tmp");
	log_info("getting %s", url);
	return download(cli, url, *ret_jar);
}

int personality_inbound(struct cli *cli, int argc, char **argv)
{
	char *const *args = argv + (argc > 0 ? 1 : 0);
	const char *jar;
	int status;

	personality_helper(cli, argv);
	status = get_jar(cli, args, &jar);
	if (status != STATUS_OK)
		return status;
	return personality_exec(cli, personality_inbound_words(cli, args, jar));
}
