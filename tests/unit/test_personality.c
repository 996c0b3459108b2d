/* SPDX-License-Identifier: Apache-2.0 */
/* Other programs' names: their arguments and environment as options of ours, and as a client's. */
#include <check.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>

#include "../../src/cli/commands.h"
#include "../../src/cli/personality.h"
#include "dind/str.h"

#define MAX_WORDS 16
#define W(...)              \
	{                   \
		__VA_ARGS__ \
	}

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

/* What matters of the options, so that one string is the expectation. */
static const char *described(const struct cli *cli, char *buf, size_t size)
{
	const struct options *o = &cli->options;
	FILE *out = fmemopen(buf, size, "w");

	ck_assert_ptr_nonnull(out);
	fprintf(out, "%s", o->mode == MODE_NESTED ? "nested" : "auto");
	for (size_t i = 0; i < o->n_hosts; i++)
		fprintf(out, " %s", o->hosts[i]);
	if (o->insecure_tcp)
		fprintf(out, " insecure");
	if (o->tls_dir)
		fprintf(out, " tls=%s", o->tls_dir);
	if (o->socket_group)
		fprintf(out, " group=%s", o->socket_group);
	if (o->storage_driver)
		fprintf(out, " driver=%s", o->storage_driver);
	put_words(out, " args=", o->dockerd_args);
	put_words(out, " command=", o->workload);
	if (o->engine_log == ENGINE_LOG_FILE)
		fprintf(out, " log=%s", o->engine_log_path);
	if (o->engine_log == ENGINE_LOG_STDERR)
		fprintf(out, " log=stderr");
	if (o->late_message)
		fprintf(out, " late");
	if (cli->dockerd_asks)
		fprintf(out, " asks");
	fclose(out);
	return buf;
}

typedef char **make_words(struct cli *cli, char *const *args);

static void check(make_words *make, const char *const *args, const char *const *environment,
		  const char *want)
{
	struct cli_usage usage = { NULL, NULL, NULL };
	struct cli cli;
	char text[1024];
	char **words;
	int n = 0;

	cli_init(&cli, copied(environment));
	words = make(&cli, copied(args));
	while (words[n])
		n++;
	if (cli_parse(&cli, n, words, &usage) < 0)
		(void) snprintf(text, sizeof(text), "%s: %s", usage.code, usage.fact);
	else
		(void) described(&cli, text, sizeof(text));
	ck_assert_str_eq(text, want);
	cli_free(&cli);
}

/* ---- dockerd-entrypoint.sh ---- */

#define SOCK	 "unix:///var/run/docker.sock"
#define PLAIN	 "nested " SOCK " tcp://0.0.0.0:2375 insecure"
#define TLS(dir) "nested " SOCK " tcp://0.0.0.0:2376 insecure tls=" dir
#define CERTDIR	 "DOCKER_TLS_CERTDIR=/certs"

static const struct {
	const char *args[MAX_WORDS];
	const char *environment[MAX_WORDS];
	const char *want;
} dind[] = {
	/* no arguments: listeners by TLS or not; empty is as if it were not set */
	{ W(NULL), W(CERTDIR), TLS("/certs") },
	{ W(NULL), W("DOCKER_TLS_CERTDIR=/x//y/"), TLS("/x/y") },
	{ W(NULL), W("DOCKER_TLS_CERTDIR="), PLAIN },
	{ W(NULL), W(NULL), PLAIN },
	{ W(NULL), W("DOCKER_TLS_CERTDIR=", "DIND_TLS_DIR=/t"), TLS("/t") },

	/* the user's flags come last; listeners add up */
	{ W("--debug"), W(NULL), PLAIN " args=--debug" },
	{ W("-D", "--label", "a=b"), W(NULL), PLAIN " args=-D|--label|a=b" },
	{ W("--host", "unix:///run/other.sock"), W(NULL),
	  "nested " SOCK " tcp://0.0.0.0:2375 unix:///run/other.sock insecure" },
	{ W("-H", "tcp://0.0.0.0:2375"), W(NULL), PLAIN },
	{ W("--storage-driver=vfs", "--group=2375"), W(NULL), PLAIN " group=2375 driver=vfs" },
	{ W("--tls=false"), W("DOCKER_TLS_CERTDIR="), PLAIN " args=--tls=false" },
	{ W("--version"), W(NULL), PLAIN " args=--version asks" },

	/* certificates of the user's stay flags; what they take the place of, the plan knows */
	{ W("--tlscert=/my/cert.pem", "--tlskey", "/my/key.pem"), W(CERTDIR),
	  TLS("/certs") " args=--tlscert=/my/cert.pem|--tlskey|/my/key.pem" },
	{ W("--tlsverify", "--tlscacert=/c"), W(NULL), PLAIN " args=--tlsverify|--tlscacert=/c" },

	/* DOCKER_HOST is the socket only when it is one; others are leaked by CI systems */
	{ W(NULL), W("DOCKER_HOST=unix:///run/x.sock"),
	  "nested unix:///run/x.sock tcp://0.0.0.0:2375 insecure" },
	{ W(NULL), W("DOCKER_HOST=tcp://docker:2376", "DOCKER_TLS_VERIFY=1"), PLAIN },

	/* our own variables mean what they mean */
	{ W(NULL), W("DIND_HOST=tcp://127.0.0.1:5"), "nested tcp://127.0.0.1:5 insecure" },
	{ W(NULL), W("DIND_MODE=auto"), PLAIN },
	{ W(NULL), W("DOCKER_DRIVER=vfs"), PLAIN " driver=vfs" },

	/* `dockerd …`: that, and nothing else */
	{ W("dockerd"), W(CERTDIR), "nested insecure" },
	{ W("dockerd", "-H", "tcp://0.0.0.0:2375", "--mtu=1400"),
	  W(CERTDIR, "DOCKER_HOST=unix:///run/x.sock"),
	  "nested tcp://0.0.0.0:2375 insecure args=--mtu=1400" },
	{ W("dockerd", "--host=unix:///var/run/docker.sock", "--group=123"), W(CERTDIR),
	  "nested " SOCK " insecure group=123" },

	{ W("--debug", "word"), W(NULL),
	  "DIND-USAGE-11: dockerd takes no arguments, only flags: 'word'" },
};

START_TEST(dockerd_entrypoint)
{
	check(personality_dockerd_words, dind[_i].args, dind[_i].environment, dind[_i].want);
}
END_TEST

static const struct {
	const char *args[3];
	bool engine;
} firsts[] = {
	{ { NULL }, true },
	{ { "-D", NULL }, true },
	{ { "--debug", "x" }, true },
	{ { "-", NULL }, true },
	{ { "dockerd" }, true },
	{ { "dockerd", "-D" }, true },
	{ { "", NULL }, false },
	{ { "echo", "X" }, false },
	{ { "dockerd-x", NULL }, false },
	{ { "/usr/bin/dockerd", NULL }, false },
	{ { "docker", "info" }, false },
	{ { "sh", NULL }, false },
};

START_TEST(three_cases)
{
	char **args = copied(firsts[_i].args);

	ck_assert_int_eq(personality_dockerd_is_engine(args), firsts[_i].engine);
}
END_TEST

/* ---- wrapdocker ---- */

#define BESIDE "nested insecure"

static const struct {
	const char *args[MAX_WORDS];
	const char *environment[MAX_WORDS];
	const char *want;
} wrapper[] = {
	{ W(NULL), W(NULL), BESIDE " command=bash|--login log=stderr late" },
	{ W("", "x"), W(NULL), BESIDE " command=bash|--login log=stderr late" },
	{ W("make", "-j2", "--", "x"), W(NULL), BESIDE " command=make|-j2|--|x log=stderr late" },
	{ W("-x"), W(NULL), BESIDE " command=-x log=stderr late" },
	{ W("true"), W("LOG=file"), BESIDE " command=true log=/var/log/docker.log late" },
	{ W("true"), W("LOG=stdio"), BESIDE " command=true log=stderr late" },
	{ W("true"), W("LOG="), BESIDE " command=true log=stderr late" },
	{ W("true"), W("DIND_ENGINE_LOG=file:/l"), BESIDE " command=true log=/l late" },
	{ W("true"), W("DOCKER_DAEMON_ARGS=-D  --mtu 1400", CERTDIR),
	  BESIDE " args=-D|--mtu|1400 command=true log=stderr late" },
	{ W("true"), W("DOCKER_DAEMON_ARGS=-H 0.0.0.0:99 -H " SOCK),
	  "nested 0.0.0.0:99 " SOCK " insecure command=true log=stderr late" },
	{ W("true"), W("PORT="), BESIDE " command=true log=stderr late" },

	/* the engine alone: arguments and LOG are not looked at, listeners add up */
	{ W("make", "x"), W("PORT=4444", "LOG=file"),
	  "nested tcp://0.0.0.0:4444 " SOCK " insecure" },
	{ W(NULL), W("PORT=4444", CERTDIR, "DOCKER_DAEMON_ARGS=--debug\t-H tcp://0.0.0.0:1"),
	  "nested tcp://0.0.0.0:4444 " SOCK " tcp://0.0.0.0:1 insecure args=--debug" },
};

START_TEST(wrapdocker)
{
	check(personality_wrapdocker_words, wrapper[_i].args, wrapper[_i].environment,
	      wrapper[_i].want);
}
END_TEST

/* ---- docker-entrypoint.sh ---- */

static char directory[] = "/tmp/dind-personality-XXXXXX";

static const char *in_dir(const char *name)
{
	return arena_printf(&memory, "%s/%s", directory, name);
}

static void put_file(const char *name, const char *text)
{
	FILE *out = fopen(in_dir(name), "we");

	ck_assert_ptr_nonnull(out);
	fputs(text, out);
	fclose(out);
}

static void make_directory(void)
{
	ck_assert_ptr_nonnull(mkdtemp(directory));
	ck_assert_int_eq(mkdir(in_dir("client"), 0700), 0);
}

static void remove_directory(void)
{
	static const char *const names[] = {
		"client/ca.pem", "client/cert.pem", "client/key.pem",
		"docker.sock",	 "default.sock",    "bad/docker.sock"
	};

	for (size_t i = 0; i < ARRAY_SIZE(names); i++)
		(void) unlink(in_dir(names[i]));
	(void) rmdir(in_dir("client"));
	(void) rmdir(in_dir("bad"));
	ck_assert_int_eq(rmdir(directory), 0);
	forget();
}

static void make_certificates(const char *key)
{
	put_file("client/ca.pem", "a");
	put_file("client/cert.pem", "b");
	put_file("client/key.pem", key);
}

/* "HOST VERIFY PATH" as the client gets them, - for what is not set. */
static void check_client(const char *const *environment, const char *want)
{
	static const char *const names[] = { "DOCKER_HOST", "DOCKER_TLS_VERIFY",
					     "DOCKER_CERT_PATH" };
	char text[512] = "";
	size_t used = 0;
	struct cli cli;

	cli_init(&cli, copied(environment));
	personality_client_environment(&cli, in_dir("default.sock"));
	for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
		const char *value = options_environment(&cli.options, names[i]);

		used += (size_t) snprintf(text + used, sizeof(text) - used, "%s%s", i ? " " : "",
					  value ? value : "-");
	}
	ck_assert_str_eq(text, want);
	cli_free(&cli);
}

#define ENV(...) ((const char *const[]){ __VA_ARGS__, NULL })

START_TEST(client_without_a_socket)
{
	const char *certdir = arena_printf(&memory, "DOCKER_TLS_CERTDIR=%s", directory);
	const char *client = in_dir("client");

	check_client(ENV("XDG_RUNTIME_DIR=/nonexistent"), "tcp://docker:2375 - -");
	check_client(ENV(certdir), "tcp://docker:2375 - -");
	check_client(ENV("DOCKER_TLS_VERIFY=1"), "tcp://docker:2376 1 -");
	check_client(ENV("DOCKER_HOST=", "DOCKER_TLS_VERIFY="), "tcp://docker:2375  -");
	make_certificates("");
	check_client(ENV(certdir), "tcp://docker:2375 - -");
	make_certificates("k");
	check_client(ENV(certdir), arena_printf(&memory, "tcp://docker:2376 1 %s", client));
	check_client(ENV(certdir, "DOCKER_TLS_CERTDIR="),
		     arena_printf(&memory, "tcp://docker:2376 1 %s", client));
}
END_TEST

START_TEST(client_with_a_host)
{
	const char *certdir = arena_printf(&memory, "DOCKER_TLS_CERTDIR=%s", directory);

	check_client(ENV("DOCKER_HOST=unix:///x"), "unix:///x - -");
	make_certificates("k");
	check_client(ENV(certdir, "DOCKER_HOST=unix:///x"), "unix:///x - -");
	check_client(ENV(certdir, "DOCKER_HOST=ssh://x"), "ssh://x - -");
	check_client(ENV(certdir, "DOCKER_HOST=tcp://x:1"),
		     arena_printf(&memory, "tcp://x:1 1 %s", in_dir("client")));
	check_client(ENV(certdir, "DOCKER_HOST=tcp://x:1", "DOCKER_TLS_VERIFY=1"), "tcp://x:1 1 -");
	check_client(ENV(certdir, "DOCKER_HOST=tcp://x:1", "DOCKER_CERT_PATH=/c"),
		     "tcp://x:1 - /c");
	check_client(ENV("DOCKER_TLS_CERTDIR=", "DOCKER_HOST=tcp://x:1"), "tcp://x:1 - -");
}
END_TEST

START_TEST(client_with_a_rootless_socket)
{
	const char *runtime = arena_printf(&memory, "XDG_RUNTIME_DIR=%s", directory);
	const char *bad = arena_printf(&memory, "XDG_RUNTIME_DIR=%s/bad", directory);
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	int fd;

	(void) snprintf(address.sun_path, sizeof(address.sun_path), "%s/docker.sock", directory);
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	ck_assert_int_eq(bind(fd, (struct sockaddr *) &address, sizeof(address)), 0);
	check_client(ENV(runtime), arena_printf(&memory, "unix://%s/docker.sock - -", directory));
	check_client(ENV(runtime, "DOCKER_HOST=tcp://x:1"), "tcp://x:1 - -");
	/* the default one comes first, once it is there */
	ck_assert_int_eq(rename(in_dir("docker.sock"), in_dir("default.sock")), 0);
	check_client(ENV(runtime), arena_printf(&memory, "unix://%s - -", in_dir("default.sock")));
	ck_assert_int_eq(unlink(in_dir("default.sock")), 0);
	ck_assert_int_eq(mkdir(in_dir("bad"), 0700), 0);
	put_file("bad/docker.sock", "no socket");
	check_client(ENV(bad), "tcp://docker:2375 - -");
	(void) close(fd);
}
END_TEST

/* ---- what they share ---- */

START_TEST(variables)
{
	struct cli cli;

	cli_init(&cli, copied(ENV("A=1", "AB=2", "C=")));
	ck_assert_str_eq(personality_variable(&cli, "A"), "1");
	ck_assert_ptr_null(personality_variable(&cli, "C"));
	ck_assert_ptr_null(personality_variable(&cli, "D"));
	personality_set(&cli, "A", "3");
	ck_assert_str_eq(personality_variable(&cli, "A"), "3");
	ck_assert_str_eq(personality_variable(&cli, "AB"), "2");
	personality_set(&cli, "A", NULL);
	personality_set(&cli, "AB", NULL);
	personality_set(&cli, "C", NULL);
	ck_assert_ptr_nonnull(cli.options.environment);
	ck_assert_ptr_null(cli.options.environment[0]);
	cli_free(&cli);
}
END_TEST

static const struct {
	const char *argv[4];
	int timeout_ms, status;
} programs[] = {
	{ { "true" }, 5000, 0 },
	{ { "sh", "-c", "exit 3" }, 5000, 3 },
	{ { "sh", "-c", "kill -TERM $$" }, 5000, 143 },
	{ { "sh", "-c", "read x; test -z \"$x\"" }, 5000, 0 },
	{ { "no-such-program" }, 5000, -ENOENT },
	{ { "sleep", "60" }, 200, -ETIMEDOUT },
};

START_TEST(running_a_program)
{
	struct cli cli;

	cli_init(&cli, copied(ENV("PATH=/usr/bin:/bin")));
	(void) sigemptyset(&cli.signals);
	ck_assert_int_eq(personality_run(&cli, programs[_i].argv, cli.options.environment, -1,
					 programs[_i].timeout_ms),
			 programs[_i].status);
	cli_free(&cli);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("personality");
	TCase *mapping = tcase_create("mapping"), *client = tcase_create("client");
	SRunner *runner = srunner_create(suite);
	int failed;

	tcase_add_checked_fixture(mapping, NULL, forget);
	tcase_add_checked_fixture(client, make_directory, remove_directory);
	tcase_add_loop_test(mapping, dockerd_entrypoint, 0, (int) ARRAY_SIZE(dind));
	tcase_add_loop_test(mapping, three_cases, 0, (int) ARRAY_SIZE(firsts));
	tcase_add_loop_test(mapping, wrapdocker, 0, (int) ARRAY_SIZE(wrapper));
	tcase_add_test(mapping, variables);
	tcase_add_loop_test(mapping, running_a_program, 0, (int) ARRAY_SIZE(programs));
	tcase_add_test(client, client_without_a_socket);
	tcase_add_test(client, client_with_a_host);
	tcase_add_test(client, client_with_a_rootless_socket);
	suite_add_tcase(suite, mapping);
	suite_add_tcase(suite, client);
	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed == 0 ? 0 : 1;
}
