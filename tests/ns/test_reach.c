/* SPDX-License-Identifier: Apache-2.0 */
/* What is found out about engines of others: sockets that were mounted in, DOCKER_HOST. */
#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mount.h>
#include <sys/stat.h>

#include "canned.h"
#include "dind/file.h"
#include "dind/inspect.h"

static char top[] = "/tmp/dind-reach-XXXXXX";
static char path[64], url[96];
static struct facts facts;
static struct arena arena = ARENA_INIT;

static void setup(void)
{
	ck_assert_int_eq(unshare(CLONE_NEWNS), 0);
	ck_assert_int_eq(mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL), 0);
	ck_assert_ptr_nonnull(mkdtemp(top));
	ck_assert_int_eq(mount("tmpfs", top, "tmpfs", 0, NULL), 0);
	(void) snprintf(path, sizeof(path), "%s/s", top);
	(void) snprintf(url, sizeof(url), "DOCKER_HOST=unix://%s", path);
}

static void teardown(void)
{
	arena_free(&arena);
	(void) umount2(top, MNT_DETACH);
	(void) rmdir(top);
}

static const struct facts_reach *look(const char *docker_host)
{
	const char *environment[] = { "PATH=/usr/bin", docker_host, NULL };
	struct options options = { .environment = environment };
	struct error err = ERROR_INIT;
	struct inspect_world world;

	inspect_world_live(&world);
	facts = (struct facts){ .n_trials = 0 };
	ck_assert_msg(inspect_machine(&world, &options, &arena, &facts, &err) == 0, "%s",
		      err.message);
	return &facts.reach;
}

START_TEST(an_engine)
{
	pid_t pid = canned_unix(path, CANNED_PING);
	const struct facts_reach *reach;

	ck_assert_int_eq(chown(path, 5, 998), 0);
	ck_assert_int_eq(chmod(path, 0660), 0);
	reach = look(url);
	ck_assert_str_eq(reach->socket, path);
	ck_assert_str_eq(reach->socket_type, "socket");
	ck_assert_int_eq(reach->socket_uid, 5);
	ck_assert_int_eq(reach->socket_gid, 998);
	ck_assert_int_eq(reach->socket_mode, 0660);
	ck_assert_int_eq(reach->socket_answers.value, TRI_YES);
	ck_assert_int_eq(reach->socket_api.value, TRI_YES);
	ck_assert_str_eq(reach->engine, "Docker/26.1.5, API 1.45");
	/* in a mounted directory, but not mounted itself */
	ck_assert_int_eq(reach->socket_mounted, TRI_NO);
	ck_assert_int_eq(mount(path, path, NULL, MS_BIND, NULL), 0);
	ck_assert_int_eq(look(url)->socket_mounted, TRI_YES);
	canned_end(pid);
	/* the engine was started again, and has another socket now */
	reach = look(url);
	ck_assert_int_eq(reach->socket_answers.value, TRI_NO);
	ck_assert_int_eq(reach->socket_answers.error, ECONNREFUSED);
}
END_TEST

START_TEST(somebody_else)
{
	static const char *const answers[] = {
		"HTTP/1.1 404 Not Found\r\nServer: web\r\n\r\n",
		"220 mail ESMTP\r\n",
		"HTTP/1.1 200 OK\r\nX-Api-Version: 1\r\n\r\nApi-Version: 1.45",
	};
	pid_t pid = canned_unix(path, answers[_i]);
	const struct facts_reach *reach = look(url);

	ck_assert_int_eq(reach->socket_answers.value, TRI_YES);
	ck_assert_int_eq(reach->socket_api.value, TRI_NO);
	ck_assert_ptr_null(reach->engine);
	canned_end(pid);
}
END_TEST

START_TEST(nobody_says_anything)
{
	pid_t pid = canned_unix(path, NULL);
	const struct facts_reach *reach = look(url);

	ck_assert_int_eq(reach->socket_answers.value, TRI_YES);
	ck_assert_int_eq(reach->socket_api.value, TRI_UNKNOWN);
	ck_assert_int_eq(reach->socket_api.error, ETIMEDOUT);
	canned_end(pid);
}
END_TEST

START_TEST(no_socket)
{
	const struct facts_reach *reach = look(url);

	ck_assert_ptr_null(reach->socket_type);
	ck_assert_int_eq(reach->socket_answers.value, TRI_NO);
	ck_assert_int_eq(reach->socket_answers.error, ENOENT);
	ck_assert_int_eq(mkdir(path, 0755), 0);
	ck_assert_str_eq(look(url)->socket_type, "directory");
	ck_assert_int_eq(rmdir(path), 0);
	ck_assert_int_eq(file_replace(path, "", 0644), 0);
	ck_assert_str_eq(look(url)->socket_type, "file");
}
END_TEST

static const struct {
	const char *host;
	enum tri ours;
} hosts[] = {
	{ "tcp://127.0.0.1:2375", TRI_YES },  { "tcp://[::1]:2376/", TRI_YES },
	{ "tcp://localhost:2375", TRI_YES },  { "ssh://me@127.0.0.1:22", TRI_YES },
	{ "tcp://192.0.2.77:2375", TRI_NO },  { "tcp://[2001:db8::7]:2376", TRI_NO },
	{ "tcp://docker:2376", TRI_UNKNOWN }, { "ssh://ci@builder.example", TRI_UNKNOWN },
	{ "unix:///x", TRI_UNKNOWN },
};

START_TEST(whose_address)
{
	char variable[96];
	const struct facts_reach *reach;

	(void) snprintf(variable, sizeof(variable), "DOCKER_HOST=%s", hosts[_i].host);
	reach = look(variable);
	ck_assert_str_eq(reach->docker_host, hosts[_i].host);
	ck_assert_int_eq(reach->docker_host_ours, hosts[_i].ours);
	ck_assert_ptr_null(look("DOCKER_HOST=")->docker_host);
	ck_assert_str_eq(facts.reach.socket, DIND_DEFAULT_SOCKET);
}
END_TEST

START_TEST(groups)
{
	const struct facts_reach *reach;
	pid_t pid = canned_unix(path, CANNED_PING);
	char group[64];

	(void) snprintf(group, sizeof(group), "%s/group", top);
	ck_assert_int_eq(file_replace(group,
				      "root:x:0:\ndocker:x:7:jenkins,ci\nother:x:998:a\n"
				      "again:x:998:b\n",
				      0644),
			 0);
	ck_assert_int_eq(mount(group, "/etc/group", NULL, MS_BIND, NULL), 0);
	ck_assert_int_eq(chown(path, 0, 998), 0);
	reach = look(url);
	ck_assert_str_eq(reach->socket_group, "other");
	ck_assert_uint_eq(reach->users.count, 2);
	ck_assert_str_eq(reach->users.items[1], "ci");
	canned_end(pid);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("reach");
	TCase *tc = tcase_create("reach");
	SRunner *runner;
	int failed;

	if (geteuid() != 0) {
		(void) fprintf(stderr, "skipped: needs root\n");
		return 77;
	}
	tcase_set_timeout(tc, 60);
	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_add_test(tc, an_engine);
	tcase_add_loop_test(tc, somebody_else, 0, 3);
	tcase_add_test(tc, nobody_says_anything);
	tcase_add_test(tc, no_socket);
	tcase_add_loop_test(tc, whose_address, 0, (int) ARRAY_SIZE(hosts));
	tcase_add_test(tc, groups);
	suite_add_tcase(suite, tc);
	runner = srunner_create(suite);
	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? 1 : 0;
}
