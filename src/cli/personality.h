/* SPDX-License-Identifier: Apache-2.0 */
/* personality.h - what each of the other names does. Each returns the exit status of the process.
 */
#ifndef DIND_CLI_PERSONALITY_H
#define DIND_CLI_PERSONALITY_H

#include "cli.h"

/* --mirror-limits: the runc that the engine finds first; becomes the real one. */
int personality_runc(struct cli *cli, int argc, char **argv);

/* tini, as `docker run --init` wants it: src/init. */
int personality_docker_init(struct cli *cli, int argc, char **argv);

/*
 * moby's hack/dind: prepare the container for an engine, then exec argv[1…] in our place: same pid,
 * descriptors and directory; the environment gains container=docker. Returns only when that fails,
 * or for no command: STATUS_USAGE, with DIND_STRICT_COMPAT set 0, as it always was.
 */
int personality_dind(struct cli *cli, int argc, char **argv);

/*
 * docker:dind's entry point. No arguments, or the first begins with '-': an engine with that
 * image's listeners, TLS by DOCKER_TLS_CERTDIR, and the arguments as flags for dockerd; `dockerd
 * …`: an engine with these flags and nothing added; else docker-entrypoint.sh.
 */
int personality_dockerd(struct cli *cli, int argc, char **argv);

/*
 * docker:cli's entry point: exec argv[1…] in our place, with `docker` before it where that is
 * meant, and the environment that a client needs. Nothing is printed, no engine started. Returns
 * only when that fails.
 */
int personality_docker_client(struct cli *cli, int argc, char **argv);

/*
 * jpetazzo's wrapdocker: with PORT an engine in the foreground that listens there, else one beside
 * argv[1…] or a login shell.
 */
int personality_wrapdocker(struct cli *cli, int argc, char **argv);

/*
 * The entry point of a Jenkins agent image: what follows is what a plugin gives, COMMAND beside an
 * engine. sshd, as a list or in one string, a key for it, or nothing: sshd as root; arguments of
 * agent.jar, or its environment: an inbound agent; anything else: that command. Both as the user
 * jenkins.
 */
int personality_jenkins(struct cli *cli, int argc, char **argv);

/* What COMMAND is then: keys and the environment of sessions, or agent.jar, and an exec. Return
 * only when something fails. */
int personality_sshd(struct cli *cli, int argc, char **argv);
int personality_inbound(struct cli *cli, int argc, char **argv);

/* ---- personality_dockerd.c, personality_wrapdocker.c: the mapping, for its tests ---- */

/*
 * The command line of dind-init, argv[0] included and NULL ended, that the arguments @args (NULL
 * ended, without argv[0]) and the environment mean. What is no option is set in @cli. Pure but for
 * the arena of @cli, of which the result is. Not for arguments that go to docker-entrypoint.sh.
 */
char **personality_dockerd_words(struct cli *cli, char *const *args);
char **personality_wrapdocker_words(struct cli *cli, char *const *args);

/* ---- personality_jenkins.c, personality_sshd.c, personality_inbound.c: likewise ---- */

/* A volume that is mounted here is a pool of build caches. */
#define PERSONALITY_POOL "/var/lib/dind-pool"

struct personality_agent {
	bool root; /* we are */
	bool pool; /* PERSONALITY_POOL is there */
};

char **personality_jenkins_words(struct cli *cli, char *const *args,
				 const struct personality_agent *here);

/* A line of authorized_keys that begins with its type. NULL is none. */
bool personality_is_ssh_key(const char *text);

/* sshd's command line for the arguments @args of jenkins-sshd: the program, or its options. */
void personality_sshd_words(struct cli *cli, char *const *args, struct strings *ret_words);

/* A line of sshd_config that gives sessions what @environment (NULL ended) holds, "" for nothing;
 * names of those that no such line can hold are added to @ret_left_out. In the arena of @cli. */
char *personality_sshd_setenv(struct cli *cli, const char *const *environment,
			      struct strings *ret_left_out);

/* Put the public key of the environment of @cli into @home/.ssh, with the owner of @home. 0, also
 * when there is none; -EINVAL for what is no key; other negative errno. */
int personality_sshd_keys(struct cli *cli, const char *home);

/* java's command line for the arguments @args (NULL ended) of jenkins-inbound. */
char **personality_inbound_words(struct cli *cli, char *const *args, const char *jar);

/* Where the controller has agent.jar, by @args or the environment, or NULL. */
char *personality_inbound_url(struct cli *cli, char *const *args);

/* True if dockerd-entrypoint.sh starts an engine for @args (NULL ended). */
bool personality_dockerd_is_engine(char *const *args);

/* ---- personality_client.c ---- */

/* What a client is told beside what @cli was given: DOCKER_HOST and the variables for TLS. Looks at
 * sockets, @socket first, and certificates. In the arena. */
void personality_client_environment(struct cli *cli, const char *socket);

/* ---- personality_iptables.c ---- */

/* DOCKER_IPTABLES_LEGACY: the directory of the legacy programs comes first in PATH. Without it the
 * plan chooses by what works. */
void personality_iptables_choose(struct cli *cli);

/*
 * `iptables --version` on standard output, the one that @environment (NULL ended) leads to; without
 * @wait it is started, and supervise reaps it.
 */
void personality_iptables_print(const struct cli *cli, const char *const *environment, bool wait);

/* ---- personality_rootless.c ---- */

/* Not root: say what a rootless engine lacks here. The exit status, which is not 0. */
int personality_rootless(struct cli *cli);

/* ---- personality_common.c ---- */

/* A variable of @cli's environment that is not empty, else NULL. */
const char *personality_variable(const struct cli *cli, const char *name);

/* Set @name in the environment of @cli; a NULL @value removes it. In the arena. */
void personality_set(struct cli *cli, const char *name, const char *value);

/* @list, which is of the arena, as an argv. */
char **personality_argv(struct strings *list);

/*
 * Run @argv (NULL ended, found by PATH) with the environment @environment and no input, up to
 * @timeout_ms; then it is killed. Output goes to descriptor @out, messages to /dev/null. Returns
 * its exit status, 128 and the signal's number, or a negative errno.
 */
int personality_run(const struct cli *cli, const char *const *argv, const char *const *environment,
		    int out, int timeout_ms);

/* Start it and leave it to whoever reaps; what goes wrong is not told. */
void personality_start(const struct cli *cli, const char *const *argv,
		       const char *const *environment, int out);

/* For what is a COMMAND of ours, called @argv: signals are as they were, and it logs as PID 1 does.
 */
void personality_helper(struct cli *cli, char **argv);

/* Give signals back and exec @argv with the environment of @cli. Returns only on failure: what a
 * shell would end with, after a line on stderr. */
int personality_exec(struct cli *cli, char **argv);

#endif
