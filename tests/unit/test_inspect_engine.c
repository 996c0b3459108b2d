/* SPDX-License-Identifier: Apache-2.0 */
/* daemon.json as users write it, and sockets with and without somebody behind them. */
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>

#include "dind/file.h"
#include "test_inspect_world.h"

static struct fixture machine;
static const struct facts_engine *engine = &machine.facts.engine;
static char directory[] = "/tmp/dind-test-engine-XXXXXX";
static char path[64];

static void setup(void)
{
	ck_assert_ptr_nonnull(mkdtemp(directory));
	(void) snprintf(path, sizeof(path), "%s/file", directory);
	inspect_world_live(&machine.world);
	machine.options.config_file = path;
}

static void teardown(void)
{
	arena_free(&machine.arena);
	(void) unlink(path);
	ck_assert_int_eq(rmdir(directory), 0);
}

static void write_config(const char *text, size_t length)
{
	auto_close int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);

	ck_assert_int_ge(fd, 0);
	ck_assert_int_eq(file_write_all(fd, text, length), 0);
}

static const struct {
	const char *text;
	const char *error; /* the start of it; NULL: none */
} configs[] = {
	{ "{}", NULL },
	{ "", NULL },
	{ " \n\t\n", NULL },
	{ "\xef\xbb\xbf{\"debug\": true}", NULL },
	{ "\xef\xbb\xbf", NULL },
	{ "{\"data-root\": \"/a\",\n \"data-root\": \"/b\"}", "line 2 column 12: duplicate" },
	{ "{\n  \"debug\": true,\n}\n", "line 3 column 1: " },
	{ "{\"debug\": true} x", "line 1 column 17: " },
	{ "[]", "line 1 column 1: an object is expected" },
	{ "null", "line 1 column 4: " },
	{ "{\"data-root\": 7}", "'data-root' is not a string" },
	{ "{\"hosts\": \"unix:///x\"}", "'hosts' is not a list of strings" },
	{ "{\"hosts\": [\"unix:///x\", 1]}", "'hosts' is not a list of strings" },
	{ "{\"tlsverify\": \"yes\"}", "'tlsverify' is neither true nor false" },
	{ "{\"features\": []}", "'features' is not an object" },
	{ "{\"features\": {\"buildkit\": 1}}", "'buildkit' of 'features' is neither" },
	{ "{\"features\": {\"buildkit\": true}}", NULL },
	{ "{\"a\": \"\xff\"}", "line 1 column 7: unable to decode byte" },
};

START_TEST(config_errors_name_the_place)
{
	write_config(configs[_i].text, strlen(configs[_i].text));
	fixture_inspect(&machine);
	ck_assert_int_eq(engine->config_present, TRI_YES);
	if (configs[_i].error)
		ck_assert_msg(engine->config_error &&
				      strncmp(engine->config_error, configs[_i].error,
					      strlen(configs[_i].error)) == 0,
			      "'%s' is not '%s…'", engine->config_error, configs[_i].error);
	else
		ck_assert_pstr_eq(engine->config_error, NULL);
}
END_TEST

START_TEST(config_values_are_taken)
{
	static const char text[] =
		"{\"data-root\": \"/data\", \"exec-root\": \"/run/d\", \"pidfile\": \"/run/d.pid\","
		" \"storage-driver\": \"vfs\", \"group\": \"root\", \"tlsverify\": true,"
		" \"hosts\": [\"tcp://0.0.0.0:2376\", \"unix:///run/other.sock\"],"
		" \"features\": {\"containerd-snapshotter\": true}}";

	write_config(text, strlen(text));
	fixture_inspect(&machine);
	ck_assert_pstr_eq(engine->config_error, NULL);
	ck_assert_str_eq(engine->config_path, path);
	ck_assert_str_eq(engine->config_data_root, "/data");
	ck_assert_str_eq(engine->config_exec_root, "/run/d");
	ck_assert_str_eq(engine->config_pid_file, "/run/d.pid");
	ck_assert_str_eq(engine->config_storage_driver, "vfs");
	ck_assert_str_eq(engine->config_group, "root");
	ck_assert_int_eq(engine->config_tls_verify, TRI_YES);
	ck_assert_uint_eq(engine->config_hosts.count, 2);
	ck_assert_str_eq(engine->config_hosts.items[1], "unix:///run/other.sock");
	ck_assert_uint_eq(engine->config_keys.count, 8);
	ck_assert(strings_has(&engine->config_keys, "features"));
	ck_assert_int_eq(engine->config_containerd_store, TRI_YES);
	/* other subjects go by it */
	ck_assert_str_eq(machine.facts.storage.data_root.path, "/data");
	ck_assert_int_eq(machine.facts.identity.group_gid, 0);
	ck_assert_int_eq(engine->socket_answers, TRI_NO);
}
END_TEST

START_TEST(config_values_are_shown_without_passwords)
{
	static const char text[] =
		"{\"mtu\": 1400, \"proxies\": {\"http-proxy\": \"http://user:secret@p:3128/\",\n"
		" \"https-proxy\": \"http://p:3128\"}, \"labels\": [\"a=b@c\"], \"debug\": true}";
	static const char proxies[] = "{\"http-proxy\": \"http://user:xxxxxx@p:3128/\", "
				      "\"https-proxy\": \"http://p:3128\"}";
	static const char *const values[] = {
		"1400",
		proxies,
		"[\"a=b@c\"]",
		"true",
	};

	write_config(text, strlen(text));
	fixture_inspect(&machine);
	ck_assert_pstr_eq(engine->config_error, NULL);
	ck_assert_uint_eq(engine->config_values.count, ARRAY_SIZE(values));
	ck_assert_uint_eq(engine->config_keys.count, ARRAY_SIZE(values));
	for (size_t i = 0; i < ARRAY_SIZE(values); i++)
		ck_assert_str_eq(engine->config_values.items[i], values[i]);
}
END_TEST

static const struct {
	const char *text;
	enum tri store;
} features[] = {
	{ "{}", TRI_UNKNOWN },
	{ "{\"features\": {}}", TRI_UNKNOWN },
	{ "{\"features\": {\"buildkit\": true}}", TRI_UNKNOWN },
	{ "{\"features\": {\"containerd-snapshotter\": true}}", TRI_YES },
	{ "{\"features\": {\"buildkit\": true, \"containerd-snapshotter\": false}}", TRI_NO },
};

START_TEST(the_image_store_is_said_or_not)
{
	write_config(features[_i].text, strlen(features[_i].text));
	fixture_inspect(&machine);
	ck_assert_pstr_eq(engine->config_error, NULL);
	ck_assert_int_eq(engine->config_containerd_store, features[_i].store);
}
END_TEST

START_TEST(options_beat_the_config)
{
	static const char text[] = "{\"graph\": \"/old-name\", \"group\": \"root\"}";

	write_config(text, strlen(text));
	fixture_inspect(&machine);
	ck_assert_str_eq(machine.facts.storage.data_root.path, "/old-name");
	ck_assert_int_eq(engine->config_tls_verify, TRI_NO);
	arena_free(&machine.arena);
	memset(&machine.facts, 0, sizeof(machine.facts));
	machine.options.data_root = "/flag";
	machine.options.socket_group = "4242";
	fixture_inspect(&machine);
	ck_assert_str_eq(machine.facts.storage.data_root.path, "/flag");
	ck_assert_int_eq(machine.facts.identity.group_gid, 4242);
}
END_TEST

START_TEST(config_must_be_a_file_of_sane_size)
{
	static char blanks[300000];

	ck_assert_int_eq(mkfifo(path, 0600), 0); /* nobody writes: open(2) must not wait */
	fixture_inspect(&machine);
	ck_assert_str_eq(engine->config_error, "not a regular file");
	ck_assert_int_eq(unlink(path), 0);

	memset(blanks, ' ', sizeof(blanks));
	write_config(blanks, sizeof(blanks));
	fixture_inspect(&machine);
	ck_assert_str_eq(engine->config_error, "larger than 256 KiB");

	machine.options.config_file = directory;
	fixture_inspect(&machine);
	ck_assert_str_eq(engine->config_error, "Is a directory");
}
END_TEST

START_TEST(config_may_be_missing)
{
	fixture_inspect(&machine);
	ck_assert_int_eq(engine->config_present, TRI_NO);
	ck_assert_int_eq(engine->config_tls_verify, TRI_NO);
	ck_assert_ptr_null(engine->config_error);
	machine.options.config_file = "/proc/version/x";
	fixture_inspect(&machine);
	ck_assert_int_eq(engine->config_present, TRI_NO);
}
END_TEST

/* ---- sockets ----
 */

static char url[160];

static int listen_at_path(void)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	(void) snprintf(address.sun_path, sizeof(address.sun_path), "%s", path);
	ck_assert_int_ge(fd, 0);
	ck_assert_int_eq(bind(fd, (struct sockaddr *) &address, sizeof(address)), 0);
	ck_assert_int_eq(listen(fd, 0), 0);
	return fd;
}

static enum tri ask(const char *host)
{
	machine.options.config_file = NULL;
	machine.options.hosts[0] = "tcp://127.0.0.1:1";
	machine.options.hosts[1] = host;
	machine.options.n_hosts = host ? 2 : 1;
	fixture_inspect(&machine);
	return engine->socket_answers;
}

START_TEST(sockets_answer_or_not)
{
	int fd;

	(void) snprintf(url, sizeof(url), "unix://%s", path);
	ck_assert_int_eq(ask(NULL), TRI_NO); /* no unix listener at all */
	ck_assert_int_eq(ask(url), TRI_NO);  /* no file */
	fd = listen_at_path();
	ck_assert_int_eq(ask(url), TRI_YES);
	ck_assert_int_eq(ask(url), TRI_YES); /* the queue of one is full now: EAGAIN */
	ck_assert_int_eq(ask(url), TRI_YES);
	(void) close(fd);
	ck_assert_int_eq(ask(url), TRI_NO); /* stale */
}
END_TEST

START_TEST(socket_paths_that_cannot_be)
{
	static char long_url[300] = "unix:///";

	memset(long_url + 8, 'a', sizeof(long_url) - 9);
	ck_assert_int_eq(ask(long_url), TRI_UNKNOWN);
	write_config("", 0);
	(void) snprintf(url, sizeof(url), "unix://%s", path);
	ck_assert_int_eq(ask(url), TRI_NO); /* a file, but no socket: ECONNREFUSED */
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("inspect_engine");
	TCase *tcase = tcase_create("engine");
	SRunner *runner;
	int failed;

	tcase_add_checked_fixture(tcase, setup, teardown);
	tcase_add_loop_test(tcase, config_errors_name_the_place, 0, ARRAY_SIZE(configs));
	tcase_add_test(tcase, config_values_are_taken);
	tcase_add_test(tcase, config_values_are_shown_without_passwords);
	tcase_add_loop_test(tcase, the_image_store_is_said_or_not, 0, ARRAY_SIZE(features));
	tcase_add_test(tcase, options_beat_the_config);
	tcase_add_test(tcase, config_must_be_a_file_of_sane_size);
	tcase_add_test(tcase, config_may_be_missing);
	tcase_add_test(tcase, sockets_answer_or_not);
	tcase_add_test(tcase, socket_paths_that_cannot_be);
	suite_add_tcase(suite, tcase);
	runner = srunner_create(suite);
	srunner_run_all(runner, CK_ENV);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
