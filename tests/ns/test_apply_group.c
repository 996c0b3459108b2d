/* SPDX-License-Identifier: Apache-2.0 */
/* Members of the group with a socket's number: what else is in /etc/group stays to the byte. */
#include "fixture.h"

static const char *const jenkins[] = { "jenkins", NULL };
static const char *const two[] = { "jenkins", "builder", NULL };

static struct plan_step step;
static struct apply_context context;

static void prepare(const char *text)
{
	ck_assert(enter_test());
	ck_assert_int_eq(mkdir(in_scratch("etc"), 0755), 0);
	ck_assert_int_eq(mount(in_scratch("etc"), "/etc", NULL, MS_BIND, NULL), 0);
	if (text)
		ck_assert(write_text("/etc/group", text));
	apply_context_init(&context);
	step = (struct plan_step){ .kind = STEP_GROUP };
	step.u.group.gid = 998;
	step.u.group.name = "docker-host";
	step.u.group.users = jenkins;
}

/* Twice: the second time there is nothing to do. */
static void assert_group(const char *wanted)
{
	struct error err = ERROR_INIT;
	struct stat before, after;

	for (int i = 0; i < 2; i++) {
		ck_assert_msg(apply_step(&context, &step, &err) == 0, "%s", err.message);
		ck_assert_str_eq(read_text("/etc/group"), wanted);
		ck_assert_int_eq(stat("/etc/group", i == 0 ? &before : &after), 0);
	}
	ck_assert_uint_eq(before.st_ino, after.st_ino);
	ck_assert_uint_eq(after.st_mode & 07777, 0644);
	ck_assert_int_ne(access("/etc/group.tmp", F_OK), 0);
}

static const struct {
	const char *before, *after;
	const char *const *users;
} cases[] = {
	{ "root:x:0:\n", "root:x:0:\ndocker-host:x:998:jenkins\n", jenkins },
	{ "root:x:0:\n", "root:x:0:\ndocker-host:x:998:jenkins,builder\n", two },
	{ "root:x:0:", "root:x:0:\ndocker-host:x:998:jenkins\n", jenkins },
	{ "", "docker-host:x:998:jenkins\n", jenkins },
	/* somebody has that number: it keeps its name */
	{ "root:x:0:\nnobody-knows:x:998:\nx:x:5:\n",
	  "root:x:0:\nnobody-knows:x:998:jenkins\nx:x:5:\n", jenkins },
	{ "a:x:998:b,c\n", "a:x:998:b,c,jenkins\n", jenkins },
	{ "a:x:998:xjenkins\n", "a:x:998:xjenkins,jenkins\n", jenkins },
	{ "a:x:998:jenkins,b\n", "a:x:998:jenkins,b\n", jenkins },
	{ "a:x:998:builder\nb:x:998:\n", "a:x:998:builder,jenkins\nb:x:998:\n", two },
	/* a name with another number is somebody else's */
	{ "docker:x:999:jenkins\ndocker-host:x:7:\n",
	  "docker:x:999:jenkins\ndocker-host:x:7:\ndocker-host-998:x:998:jenkins\n", jenkins },
	/* what is no entry stays */
	{ "# x:y:998:\n+:::\nshort:998\na:x:99 8:\n\nlast:x:1:\n",
	  "# x:y:998:\n+:::\nshort:998\na:x:99 8:\n\nlast:x:1:\ndocker-host:x:998:jenkins\n",
	  jenkins },
};

START_TEST(a_group_file)
{
	prepare(cases[_i].before);
	step.u.group.users = cases[_i].users;
	assert_group(cases[_i].after);
}
END_TEST

START_TEST(no_group_file)
{
	prepare(NULL);
	assert_group("docker-host:x:998:jenkins\n");
}
END_TEST

/* A file that is mounted cannot be replaced, only written. */
START_TEST(a_mounted_file)
{
	prepare("root:x:0:\n");
	ck_assert(write_text(in_scratch("mine"), "root:x:0:\na-longer-one:x:5:\n"));
	ck_assert_int_eq(mount(in_scratch("mine"), "/etc/group", NULL, MS_BIND, NULL), 0);
	assert_group("root:x:0:\na-longer-one:x:5:\ndocker-host:x:998:jenkins\n");
}
END_TEST

/* Its file system has no room for one more entry: what was there is there again. */
START_TEST(a_mounted_file_without_room)
{
	struct error err = ERROR_INIT;
	char text[4096];
	size_t n = 0;

	prepare("root:x:0:\n");
	/* one page, nearly full */
	while (n < 4090)
		n += (size_t) snprintf(text + n, sizeof(text) - n, "g%zu:x:5:\n", n);
	ck_assert_int_eq(mkdir(in_scratch("small"), 0755), 0);
	ck_assert_int_eq(mount("small", in_scratch("small"), "tmpfs", 0, "nr_blocks=1"), 0);
	ck_assert(write_text(in_scratch("small/group"), text));
	ck_assert_int_eq(mount(in_scratch("small/group"), "/etc/group", NULL, MS_BIND, NULL), 0);
	ck_assert_int_eq(apply_step(&context, &step, &err), -ENOSPC);
	ck_assert_str_eq(read_text("/etc/group"), text);
}
END_TEST

START_TEST(a_read_only_root)
{
	struct error err = ERROR_INIT;

	prepare("root:x:0:\n");
	ck_assert_int_eq(mount(NULL, "/etc", NULL, MS_REMOUNT | MS_BIND | MS_RDONLY, NULL), 0);
	ck_assert_int_eq(apply_step(&context, &step, &err), -EROFS);
	ck_assert_msg(strstr(err.message, "/etc/group") != NULL, "%s", err.message);
	ck_assert_str_eq(read_text("/etc/group"), "root:x:0:\n");
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("group");
	TCase *tc = tcase_create("group");
	SRunner *runner;
	int failed;

	if (geteuid() != 0) {
		(void) fprintf(stderr, "skipped: needs root\n");
		return 77;
	}
	scratch_make();
	tcase_add_loop_test(tc, a_group_file, 0, (int) ARRAY_SIZE(cases));
	tcase_add_test(tc, no_group_file);
	tcase_add_test(tc, a_mounted_file);
	tcase_add_test(tc, a_mounted_file_without_room);
	tcase_add_test(tc, a_read_only_root);
	suite_add_tcase(suite, tc);
	runner = srunner_create(suite);
	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	scratch_remove();
	return failed ? 1 : 0;
}
