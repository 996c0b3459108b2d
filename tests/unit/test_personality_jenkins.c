/* SPDX-License-Identifier: Apache-2.0 */
/* jenkins-agent and what it starts: every shape of arguments that a plugin has, as options of ours,
 * as sshd's and as java's command line. */
#include <check.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "../../src/cli/commands.h"
#include "../../src/cli/personality.h"

#define MAX_WORDS 16
#define W(...)              \
	{                   \
		__VA_ARGS__ \
	}

#define KEY  "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIEnI me@here"
#define KEY2 "ecdsa-sha2-nistp256 AAAAE2VjZHNhLXNoYTItbmlzdHAyNTY="

static struct arena memory = ARENA_INIT;

static void forget(void)
{
	arena_free(&memory);
}

static char **copied(const char *const *words)
{
	char **copy = arena_alloc(&memory, (MAX_WORDS + 1) * sizeof(*copy));

	for (size_t i = 0; i < MAX_WORDS && words[i]; i++)
		copy[i] = arena_strdup(&memory, words[i]);
	return copy;
}

static void put_words(FILE *out, const char *title, const char *const *words)
{
	for (size_t i = 0; words && words[i]; i++)
		fprintf(out, "%s%s", i ? "|" : title, words[i]);
}

static void describe(const struct cli *cli, char *buf, size_t size)
{
	const struct options *o = &cli->options;
	const char *key = personality_variable(cli, "JENKINS_AGENT_SSH_PUBKEY");
	FILE *out = fmemopen(buf, size, "w");

	ck_assert_ptr_nonnull(out);
	fprintf(out, "%s", o->user ? o->user : "as-is");
	fprintf(out, "%s", o->no_wait ? " at-once" : "");
	for (size_t i = 0; i < o->n_hosts; i++)
		fprintf(out, " %s", o->hosts[i]);
	if (o->insecure_tcp)
		fprintf(out, " insecure");
	if (o->mode != MODE_AUTO)
		fprintf(out, " %s", options_mode_name(o->mode));
	if (o->cache_pool)
		fprintf(out, " pool=%s", o->cache_pool);
	if (o->engine_log == ENGINE_LOG_FILE)
		fprintf(out, " log=%s", o->engine_log_path);
	put_words(out, " args=", o->dockerd_args);
	put_words(out, " ", o->workload);
	if (key)
		fprintf(out, " key=%s", key);
	fclose(out);
}

/* ---- jenkins-agent ---- */

#define SSHD   "as-is at-once jenkins-sshd|/usr/sbin/sshd|-D"
#define PLUGIN SSHD "|-p|22"
#define INJECTED                                                \
	PLUGIN "|-o|AuthorizedKeysCommand=/root/authorized_key" \
	       "|-o|AuthorizedKeysCommandUser=root"
#define INBOUND	   "jenkins at-once jenkins-inbound"
#define CONTROLLER "JENKINS_URL=http://j:8080/"

static const struct {
	const char *args[MAX_WORDS];
	const char *environment[MAX_WORDS];
	const char *want;
} rows[] = {
	/* the Docker plugin's sshd: a list, one string, one string for a shell, quoted once more */
	{ W("/usr/sbin/sshd", "-D", "-p", "22"), W(NULL), PLUGIN },
	{ W("/usr/sbin/sshd -D -p 22"), W(NULL), PLUGIN },
	{ W("  /usr/sbin/sshd  -D -p 22 "), W(NULL), PLUGIN },
	{ W("\"/usr/sbin/sshd -D -p 22\""), W(NULL), PLUGIN },
	{ W("bash", "-c", "/usr/sbin/sshd -D -p 22"), W(NULL), PLUGIN },
	{ W("/bin/sh", "-c", "exec /usr/sbin/sshd -D -p 22"), W(NULL), PLUGIN },
	{ W("bash", "-lc", "/usr/sbin/sshd -D -p 22"), W(NULL), PLUGIN },
	{ W("bash", "--login", "-e", "-c", "/usr/sbin/sshd -D -p 22"), W(NULL), PLUGIN },
	{ W("sshd", "-D"), W(NULL), "as-is at-once jenkins-sshd|sshd|-D" },
	{ W("/usr/sbin/sshd", "-D", "-p", "22", "-o", "AuthorizedKeysCommand=/root/authorized_key",
	    "-o", "AuthorizedKeysCommandUser=root"),
	  W(NULL), INJECTED },
	{ W("/usr/sbin/sshd -D -p 22 -o AuthorizedKeysCommand=/root/authorized_key "
	    "-o AuthorizedKeysCommandUser=root"),
	  W(NULL), INJECTED },
	{ W("bash", "-c",
	    "/usr/sbin/sshd -D -p 22 -o 'AuthorizedKeysCommand=/root/authorized_key' "
	    "-o AuthorizedKeysCommandUser=root"),
	  W(NULL), INJECTED },
	/* an inbound agent's environment does not change what was asked for in so many words */
	{ W("/usr/sbin/sshd", "-D", "-p", "22"), W(CONTROLLER, "JENKINS_SECRET=s"), PLUGIN },

	/* what only a shell can carry out is a command of one, as it is */
	{ W("bash", "-c", "umask 2; /usr/sbin/sshd -D"), W(NULL),
	  "jenkins bash|-c|umask 2; /usr/sbin/sshd -D" },
	{ W("bash", "-c", "/usr/sbin/sshd -D", "x"), W(NULL),
	  "jenkins bash|-c|/usr/sbin/sshd -D|x" },
	{ W("bash", "-c", "echo sshd"), W(NULL), "jenkins bash|-c|echo sshd" },
	{ W("/usr/sbin/sshd -D 'x"), W(NULL), "jenkins /usr/sbin/sshd -D 'x" },

	/* jenkins/ssh-agent: nothing, a key, a key and options of sshd; and what only looks like it
	 */
	{ W(NULL), W(NULL), SSHD },
	{ W(""), W(NULL), SSHD },
	{ W("--"), W(NULL), SSHD },
	{ W(NULL), W("JENKINS_AGENT_SSH_PUBKEY=" KEY), SSHD " key=" KEY },
	{ W(KEY), W(NULL), SSHD " key=" KEY },
	{ W(KEY2), W("JENKINS_AGENT_SSH_PUBKEY=" KEY), SSHD " key=" KEY2 },
	{ W(KEY, "-o", "LogLevel=DEBUG"), W(NULL), SSHD "|-o|LogLevel=DEBUG key=" KEY },
	{ W("ssh-keygen", "-A"), W(NULL), "jenkins ssh-keygen|-A" },
	{ W("ssh-rsa"), W(NULL), "jenkins ssh-rsa" },

	/* it needs what root has, whoever the agent is to be */
	{ W("/usr/sbin/sshd", "-D"), W("DIND_USER=jenkins", "DIND_DROP_CAPS=1"), SSHD },
	{ W("/usr/sbin/sshd", "-D"), W("DIND_NO_WAIT=no"), "as-is jenkins-sshd|/usr/sbin/sshd|-D" },

	/* the attach connector waits in a shell, or in what somebody has set */
	{ W("/bin/sh"), W(NULL), "jenkins /bin/sh" },
	{ W("sleep", "infinity"), W(NULL), "jenkins sleep|infinity" },
	{ W("cat"), W("DIND_USER=root"), "root cat" },
	{ W("--", "-x"), W(CONTROLLER), "jenkins -x" },

	/* the JNLP connector: arguments of agent.jar */
	{ W("-url", "http://j/", "SECRET", "node"), W(NULL),
	  INBOUND "|-url|http://j/|SECRET|node" },
	{ W("-tunnel", "t:1", "-url", "http://j/", "SECRET", "node"), W(NULL),
	  INBOUND "|-tunnel|t:1|-url|http://j/|SECRET|node" },
	/* jenkins/inbound-agent: by the environment; one word that is no option is a command */
	{ W(NULL), W(CONTROLLER, "JENKINS_SECRET=s"), INBOUND },
	{ W(NULL), W("JENKINS_DIRECT_CONNECTION=j:50000"), INBOUND },
	{ W("SECRET", "node"), W(CONTROLLER), INBOUND "|SECRET|node" },
	{ W("bash"), W(CONTROLLER), "jenkins bash" },
	{ W("-help"), W(NULL), INBOUND "|-help" },
	/* Kubernetes: every container of the pod has that environment */
	{ W("s", "node"), W(CONTROLLER, "JENKINS_SECRET=s"), INBOUND "|s|node" },
	{ W("sleep", "infinity"), W(CONTROLLER, "JENKINS_SECRET=s"), "jenkins sleep|infinity" },

	/* the older image's variables, and ours */
	{ W("true"), W("LOG=file"), "jenkins log=/var/log/docker.log true" },
	{ W("true"), W("LOG=debug"), "jenkins true" },
	{ W("true"), W("LOG=file", "DIND_ENGINE_LOG=file:/l"), "jenkins log=/l true" },
	{ W("true"), W("DOCKER_PORT=4444"),
	  "jenkins tcp://0.0.0.0:4444 unix:///var/run/docker.sock insecure true" },
	{ W("true"), W("DOCKER_PORT=tcp://10.0.0.1:2375"), "jenkins true" },
	{ W("true"), W("DOCKER_PORT=4444", "DOCKER_DAEMON_ARGS=-D -H unix:///x"),
	  "jenkins tcp://0.0.0.0:4444 unix:///var/run/docker.sock unix:///x insecure args=-D "
	  "true" },
	{ W("true"), W("DOCKER_PORT=4444", "DIND_DOCKERD_ARGS=-D", "DOCKER_DAEMON_ARGS=-x"),
	  "jenkins tcp://0.0.0.0:4444 unix:///var/run/docker.sock insecure args=-D true" },
	{ W("true"), W("DOCKER_PORT=4444", "DIND_HOST=unix:///x"), "jenkins unix:///x true" },
	{ W("true"), W("DOCKER_PORT=0"), "jenkins true" },
	{ W("true"), W("DOCKER_DAEMON_ARGS=-D  --mtu 1400"), "jenkins args=-D|--mtu|1400 true" },
	{ W("true"), W("DIND_MODE=nested"), "jenkins nested true" },
	{ W("true"), W("PORT=4444"), "jenkins true" },
};

static void check_agent(const struct personality_agent *here, const char *const *args,
			const char *const *environment, const char *want)
{
	struct cli_usage usage = { NULL, NULL, NULL };
	char text[1024];
	struct cli cli;
	char **words;
	int n = 0;

	cli_init(&cli, copied(environment));
	words = personality_jenkins_words(&cli, copied(args), here);
	while (words[n])
		n++;
	if (cli_parse(&cli, n, words, &usage) < 0)
		(void) snprintf(text, sizeof(text), "%s: %s", usage.code, usage.fact);
	else
		describe(&cli, text, sizeof(text));
	ck_assert_str_eq(text, want);
	cli_free(&cli);
}

START_TEST(agent)
{
	const struct personality_agent here = { .root = true };

	check_agent(&here, rows[_i].args, rows[_i].environment, rows[_i].want);
}
END_TEST

#define L(...) ((const char *const[MAX_WORDS]){ __VA_ARGS__ })

START_TEST(agent_elsewhere)
{
	const struct personality_agent user = { .root = false },
				       pool = { .root = true, .pool = true };

	/* USER jenkins: it is that user already */
	check_agent(&user, L("true"), L(NULL), "as-is true");
	check_agent(&user, L(NULL), L(CONTROLLER), "as-is at-once jenkins-inbound");
	check_agent(&pool, L("true"), L(NULL), "jenkins pool=" PERSONALITY_POOL " true");
	check_agent(&pool, L("true"), L("DIND_CACHE_POOL=/p"), "jenkins pool=/p true");
	check_agent(&pool, L("true"), L("DIND_STORAGE_PATH=/p"), "jenkins true");
}
END_TEST

/* ---- jenkins-sshd ---- */

static const struct {
	const char *args[MAX_WORDS];
	const char *want;
} daemons[] = {
	{ W("/usr/sbin/sshd", "-D", "-p", "22"), "/usr/sbin/sshd|-e|-D|-p|22" },
	{ W("/opt/sshd", "-D"), "/opt/sshd|-e|-D" },
	{ W("sshd", "-D"), "/usr/sbin/sshd|-e|-D" },
	{ W("sshd", "-D", "-E", "/l"), "/usr/sbin/sshd|-D|-E|/l" },
	{ W("-p", "2222"), "/usr/sbin/sshd|-D|-e|-p|2222" },
	{ W(NULL), "/usr/sbin/sshd|-D|-e" },
};

static void check_words(const char *const *words, const char *want)
{
	char text[1024];
	FILE *out = fmemopen(text, sizeof(text), "w");

	ck_assert_ptr_nonnull(out);
	put_words(out, "", words);
	fclose(out);
	ck_assert_str_eq(text, want);
}

START_TEST(sshd_words)
{
	struct strings words = STRINGS_INIT;
	struct cli cli;

	cli_init(&cli, copied(L(NULL)));
	personality_sshd_words(&cli, copied(daemons[_i].args), &words);
	check_words(words.items, daemons[_i].want);
	cli_free(&cli);
}
END_TEST

START_TEST(sessions_are_told)
{
	struct strings left_out = STRINGS_INIT;
	struct cli cli;

	cli_init(&cli, copied(L(NULL)));
	ck_assert_str_eq(personality_sshd_setenv(&cli, NULL, &left_out), "");
	ck_assert_str_eq(personality_sshd_setenv(&cli,
						 L("PATH=/a:/b", "HOME=/root", "USER=root",
						   "DOCKER_HOST=unix:///s", "A B=x", "1A=x",
						   "EMPTY=", "WORDS=a 'b' #c", "BACK=C:\\x",
						   "JENKINS_SECRET=s", "JENKINS_AGENT_SSH_PUBKEY=k",
						   "DIND_MODE=auto", "HOMES=h", "NOTHING"),
						 &left_out),
			 "SetEnv PATH=\"/a:/b\" DOCKER_HOST=\"unix:///s\" EMPTY=\"\" "
			 "WORDS=\"a 'b' #c\" BACK=\"C:\\x\" HOMES=\"h\"\n");
	ck_assert_uint_eq(left_out.count, 0);
	ck_assert_str_eq(
		personality_sshd_setenv(
			&cli, L("Q=\"", "N=a\nb", "E=\\", "B=\\\\x", "A=\\'", "OK=1"), &left_out),
		"SetEnv OK=\"1\"\n");
	check_words(left_out.items, "Q|N|E|B|A");
	cli_free(&cli);
}
END_TEST

/* ---- keys ---- */

static char directory[] = "/tmp/dind-jenkins-XXXXXX";

static const char *in_dir(const char *name)
{
	return arena_printf(&memory, "%s/%s", directory, name);
}

static void make_directory(void)
{
	ck_assert_ptr_nonnull(mkdtemp(directory));
}

static void remove_directory(void)
{
	(void) unlink(in_dir(".ssh/authorized_keys"));
	(void) unlink(in_dir("other/authorized_keys"));
	(void) unlink(in_dir(".ssh"));
	(void) rmdir(in_dir(".ssh"));
	(void) rmdir(in_dir("other"));
	ck_assert_int_eq(rmdir(directory), 0);
	forget();
}

static int write_key(const char *const *environment)
{
	struct cli cli;
	int r;

	cli_init(&cli, copied(environment));
	r = personality_sshd_keys(&cli, directory);
	cli_free(&cli);
	return r;
}

static void check_keys(const char *want)
{
	char text[512] = "";
	FILE *in = fopen(in_dir(".ssh/authorized_keys"), "re");

	ck_assert_ptr_nonnull(in);
	ck_assert_uint_gt(fread(text, 1, sizeof(text) - 1, in), 0);
	fclose(in);
	ck_assert_str_eq(text, want);
}

static void check_modes(mode_t of_directory, mode_t of_file)
{
	struct stat st;

	ck_assert_int_eq(stat(in_dir(".ssh"), &st), 0);
	ck_assert_uint_eq(st.st_mode & 07777, of_directory);
	ck_assert_int_eq(stat(in_dir(".ssh/authorized_keys"), &st), 0);
	ck_assert_uint_eq(st.st_mode & 07777, of_file);
}

/* A home that is still root's: sshd reads the keys as somebody else. */
START_TEST(keys)
{
	struct stat st;

	ck_assert_int_eq(write_key(L(NULL)), 0);
	ck_assert_int_eq(write_key(L("JENKINS_AGENT_SSH_PUBKEY=")), 0);
	ck_assert_int_eq(write_key(L("JENKINS_AGENT_SSH_PUBKEY=secret")), -EINVAL);
	ck_assert_int_lt(stat(in_dir(".ssh"), &st), 0);

	ck_assert_int_eq(write_key(L("JENKINS_SLAVE_SSH_PUBKEY=" KEY)), 0);
	check_keys(KEY "\n");
	check_modes(geteuid() == 0 ? 0755 : 0700, geteuid() == 0 ? 0644 : 0600);

	/* the home of a user: the keys are that user's, and nobody else's to read */
	if (geteuid() == 0) {
		ck_assert_int_eq(chown(directory, 1000, 1000), 0);
		ck_assert_int_eq(write_key(L("JENKINS_SLAVE_SSH_PUBKEY=" KEY)), 0);
		check_modes(0700, 0600);
		ck_assert_int_eq(stat(in_dir(".ssh/authorized_keys"), &st), 0);
		ck_assert_uint_eq(st.st_uid, 1000);
	}

	/* another one takes its place, and the newer variable comes first */
	ck_assert_int_eq(
		write_key(L("JENKINS_SLAVE_SSH_PUBKEY=" KEY, "JENKINS_AGENT_SSH_PUBKEY=" KEY2)), 0);
	check_keys(KEY2 "\n");
}
END_TEST

/* The agent's own directory is no way into other people's. */
START_TEST(keys_follow_nothing)
{
	ck_assert_int_eq(mkdir(in_dir("other"), 0700), 0);
	ck_assert_int_eq(symlink("other", in_dir(".ssh")), 0);
	ck_assert_int_lt(write_key(L("JENKINS_AGENT_SSH_PUBKEY=" KEY)), 0);
	ck_assert_int_lt(access(in_dir("other/authorized_keys"), F_OK), 0);
}
END_TEST

/* ---- jenkins-inbound ---- */

#define JAR "-jar|/j.jar"

static const struct {
	const char *args[MAX_WORDS];
	const char *environment[MAX_WORDS];
	const char *want;
} agents[] = {
	{ W("-url", "http://j/", "SECRET", "node"), W(NULL),
	  "java|" JAR "|-url|http://j/|SECRET|node" },
	{ W(NULL),
	  W(CONTROLLER, "JENKINS_SECRET=s", "JENKINS_AGENT_NAME=n", "JENKINS_TUNNEL=t:1",
	    "JENKINS_AGENT_WORKDIR=/w", "JENKINS_WEB_SOCKET=true", "JENKINS_PROTOCOLS=A B",
	    "JENKINS_INSTANCE_IDENTITY=i", "JENKINS_DIRECT_CONNECTION=d:1", "REMOTING_OPTS=-x -y"),
	  "java|" JAR "|-secret|s|-name|n|-tunnel|t:1|-url|http://j:8080/|-workDir|/w|-direct|d:1"
	  "|-protocols|A|B|-instanceIdentity|i|-webSocket|-x|-y" },
	/* the name that the plugin gives comes first */
	{ W(NULL), W("JENKINS_NAME=n", "JENKINS_AGENT_NAME=m"), "java|" JAR "|-name|n" },
	/* what stands in both is there once */
	{ W("s", "n"), W("JENKINS_SECRET=s", "JENKINS_AGENT_NAME=n", CONTROLLER),
	  "java|" JAR "|-url|http://j:8080/|s|n" },
	{ W("-workDir", "/a", "-url", "http://k/"), W("JENKINS_AGENT_WORKDIR=/w", CONTROLLER),
	  "java|" JAR "|-workDir|/a|-url|http://k/" },
	{ W("-tunnel", "a:1", "-webSocket"), W("JENKINS_TUNNEL=t:1", "JENKINS_WEB_SOCKET=true"),
	  "java|" JAR "|-tunnel|a:1|-webSocket" },
	{ W(NULL), W("JENKINS_WEB_SOCKET=false"), "java|" JAR },
	/* which java, and with what */
	{ W(NULL), W("JAVA_HOME=/h", "JAVA_OPTS=-Xmx1g -Dx"), "/h/bin/java|-Xmx1g|-Dx|" JAR },
	{ W(NULL),
	  W("JAVA_HOME=/h", "JAVA_OPTS=-Dx", "JENKINS_JAVA_BIN=/b/java", "JENKINS_JAVA_OPTS=-Dy"),
	  "/b/java|-Dy|" JAR },
};

START_TEST(inbound)
{
	struct cli cli;

	cli_init(&cli, copied(agents[_i].environment));
	check_words((const char *const *) personality_inbound_words(&cli, copied(agents[_i].args),
								    "/j.jar"),
		    agents[_i].want);
	cli_free(&cli);
}
END_TEST

static void check_url(const char *const *args, const char *const *environment, const char *want)
{
	struct cli cli;
	char *url;

	cli_init(&cli, copied(environment));
	url = personality_inbound_url(&cli, copied(args));
	ck_assert_str_eq(url ? url : "none", want);
	cli_free(&cli);
}

START_TEST(where_the_jar_is)
{
	check_url(L(NULL), L(CONTROLLER), "http://j:8080/jnlpJars/agent.jar");
	check_url(L("-url", "https://k/ci//"), L(CONTROLLER), "https://k/ci/jnlpJars/agent.jar");
	check_url(L("-url"), L(NULL), "none");
	check_url(L(NULL), L("JENKINS_DIRECT_CONNECTION=d:1"), "none");
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("jenkins");
	TCase *mapping = tcase_create("mapping"), *files = tcase_create("files");
	SRunner *runner = srunner_create(suite);
	int failed;

	tcase_add_checked_fixture(mapping, NULL, forget);
	tcase_add_checked_fixture(files, make_directory, remove_directory);
	tcase_add_loop_test(mapping, agent, 0, (int) ARRAY_SIZE(rows));
	tcase_add_test(mapping, agent_elsewhere);
	tcase_add_loop_test(mapping, sshd_words, 0, (int) ARRAY_SIZE(daemons));
	tcase_add_test(mapping, sessions_are_told);
	tcase_add_loop_test(mapping, inbound, 0, (int) ARRAY_SIZE(agents));
	tcase_add_test(mapping, where_the_jar_is);
	tcase_add_test(files, keys);
	tcase_add_test(files, keys_follow_nothing);
	suite_add_tcase(suite, mapping);
	suite_add_tcase(suite, files);
	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
