/* SPDX-License-Identifier: Apache-2.0 */
/* --mirror-limits: what the plan writes, and what our runc makes of it. */
#include "cli/mirror.h"

#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "dind/file.h"
#include "plan_fixture.h"

/* ---- the plan ---- */

static void limited(struct machine *m)
{
	machine_with_volume(m);
	m->options.mirror_limits = true;
	m->facts.engine.runc = "/usr/sbin/runc";
	m->facts.limits.memory_max = 4 * GIB;
	m->facts.limits.cpu_quota = 150000;
	m->facts.limits.cpu_period = 100000;
	m->facts.limits.pids_max = 512;
}

START_TEST(the_engine_finds_our_runc_first)
{
	const struct plan_step *file, *link;
	struct machine m;

	limited(&m);
	machine_plan(&m);
	file = step_with_key(&m, "mirror-limits");
	link = step_with_key(&m, "mirror-runtime");
	ck_assert_ptr_nonnull(file);
	ck_assert_ptr_nonnull(link);
	ck_assert_str_eq(file->u.file.path, "/run/dind/limits");
	ck_assert_str_eq(file->u.file.content, "runtime /usr/sbin/runc\nmemory 4294967296\n"
					       "cpu 150000 100000\npids 512\n");
	ck_assert_str_eq(link->u.link.path, "/run/dind/runtime/runc");
	ck_assert_int_eq(link->on_fail, FAIL_ABORT);
	ck_assert_has(launch_variable(&m.plan.engine.launch, "PATH"), "/run/dind/runtime:");
	ck_assert_has(launch_variable(&m.plan.containerd.launch, "PATH"), "/run/dind/runtime:");
	ck_assert_has(the_decision(&m, "DIND-CGROUP-14")->fact,
		      "memory 4.0 GiB, 1.50 processors, 512 processes");
	ck_assert_ptr_null(hint(&m, "DIND-CGROUP-14"));
	machine_free(&m);

	limited(&m);
	m.options.log_format = LOG_FORMAT_JSON; /* our runc has not been told */
	machine_plan(&m);
	file = step_with_key(&m, "mirror-limits");
	ck_assert_ptr_nonnull(file);
	ck_assert_has(file->u.file.content, "\nlog json\n");
	machine_free(&m);
}
END_TEST

START_TEST(nothing_unless_asked_for)
{
	struct machine m;

	limited(&m);
	m.options.mirror_limits = false;
	machine_plan(&m);
	ck_assert_ptr_null(step_with_key(&m, "mirror-limits"));
	ck_assert_ptr_null(step_with_key(&m, "mirror-runtime"));
	ck_assert_has_not(launch_variable(&m.plan.engine.launch, "PATH"), "/run/dind/runtime");
	machine_free(&m);
}
END_TEST

START_TEST(no_limits_and_another_runtime_are_said)
{
	static const char *const runtime[] = { "--default-runtime", "crun", NULL };
	struct machine m;

	limited(&m);
	m.facts.limits.memory_max = FACTS_UNLIMITED;
	m.facts.limits.cpu_quota = m.facts.limits.pids_max = 0;
	machine_plan(&m);
	ck_assert_has(the_hint(&m, "DIND-CGROUP-14")->fact, "has no limits");
	ck_assert_ptr_null(step_with_key(&m, "mirror-runtime"));
	machine_free(&m);

	limited(&m);
	m.options.dockerd_args = runtime;
	machine_plan(&m);
	ck_assert_has(the_hint(&m, "DIND-CGROUP-14")->fact, "default-runtime");
	ck_assert_ptr_nonnull(step_with_key(&m, "mirror-runtime"));
	machine_free(&m);
}
END_TEST

/* ---- what it wrote ---- */

START_TEST(the_file_is_understood)
{
	struct mirror mirror;

	ck_assert_int_eq(mirror_parse("runtime /usr/sbin/runc\nmemory 4294967296\n"
				      "cpu 150000 100000\npids 512\n",
				      &mirror),
			 0);
	ck_assert_str_eq(mirror.runtime, "/usr/sbin/runc");
	ck_assert_int_eq(mirror.memory, 4294967296);
	ck_assert_int_eq(mirror.quota, 150000);
	ck_assert_int_eq(mirror.period, 100000);
	ck_assert_int_eq(mirror.pids, 512);
	ck_assert(!mirror.log_json);
	ck_assert_int_eq(mirror_parse("runtime /r\nlog json\npids 3\n", &mirror), 0);
	ck_assert(mirror.log_json);
	ck_assert_int_eq(mirror.pids, 3);
	ck_assert_int_eq(mirror_parse("new 1\nruntime /a b/runc\nmemory x\ncpu 7", &mirror), 0);
	ck_assert_str_eq(mirror.runtime, "/a b/runc");
	ck_assert_int_eq(mirror.memory, 0);
	ck_assert_int_eq(mirror.quota, 7);
	ck_assert_int_eq(mirror.period, 0);
	mirror.pids = 42;
	ck_assert_int_eq(mirror_parse("", &mirror), -EINVAL);
	ck_assert_int_eq(mirror_parse("memory 5\n", &mirror), -EINVAL);
	ck_assert_int_eq(mirror_parse("runtime runc\n", &mirror), -EINVAL);
	ck_assert_int_eq(mirror.pids, 42);
}
END_TEST

static const struct {
	const char *argv[16];
	const char *bundle;
} commands[] = {
	/* as containerd's shim, BuildKit and dockerd call it */
	{ { "runc", "--root", "/run/docker/runtime-runc/moby", "--log", "/b/log.json",
	    "--log-format", "json", "create", "--bundle", "/b", "--pid-file", "/b/init.pid", "c" },
	  "/b" },
	{ { "/run/dind/runtime/runc", "--log", "/x/log.json", "--log-format", "json", "run",
	    "--bundle", "/x", "--keep", "id" },
	  "/x" },
	{ { "runc", "create", "--bundle=/b", "c" }, "/b" },
	{ { "runc", "--debug", "create", "-b", "/b", "c" }, "/b" },
	{ { "runc", "--root", "create", "create", "c" }, "." },
	{ { "runc", "run", "c" }, "." },
	{ { "runc", "run", "--bundle" }, "." },
	{ { "runc", "--root", "/r", "exec", "--bundle", "/b", "c" }, NULL },
	{ { "runc", "--root", "create" }, NULL },
	{ { "runc", "--version" }, NULL },
	{ { "runc", "delete", "create" }, NULL },
	{ { "runc" }, NULL },
};

START_TEST(the_bundle_is_found)
{
	char *argv[16] = { NULL };
	int argc = 0;

	while (commands[_i].argv[argc]) {
		argv[argc] = (char *) (uintptr_t) commands[_i].argv[argc];
		argc++;
	}
	ck_assert_pstr_eq(mirror_bundle(argc, argv), commands[_i].bundle);
}
END_TEST

/* ---- bundles ---- */

static const struct mirror all = {
	.runtime = "/r", .memory = 1000000, .quota = 50000, .period = 100000, .pids = 64
};
static const struct mirror memory_only = { .runtime = "/r", .memory = 1000000 };

static const struct {
	const struct mirror *mirror;
	const char *before, *after; /* NULL: as before */
} bundles[] = {
	{ &all, "{\"linux\":{\"resources\":{}}}",
	  "{\"linux\":{\"resources\":{\"memory\":{\"limit\":1000000},\"pids\":{\"limit\":64},"
	  "\"cpu\":{\"quota\":50000,\"period\":100000}}}}" },
	{ &memory_only, "{\"a\":18446744073709551,\"linux\":{}}",
	  "{\"a\":18446744073709551,\"linux\":{\"resources\":{\"memory\":{\"limit\":1000000}}}}" },
	{ &memory_only, "{\"linux\":{\"resources\":{\"memory\":null}}}",
	  "{\"linux\":{\"resources\":{\"memory\":{\"limit\":1000000}}}}" },
	/* no limit, in three ways */
	{ &all,
	  "{\"linux\":{\"resources\":{\"memory\":{\"limit\":-1},\"pids\":{\"limit\":0},"
	  "\"cpu\":{\"shares\":2,\"quota\":0}}}}",
	  "{\"linux\":{\"resources\":{\"memory\":{\"limit\":1000000},\"pids\":{\"limit\":64},"
	  "\"cpu\":{\"shares\":2,\"quota\":50000,\"period\":100000}}}}" },
	/* what the user has said stays, be it more than ours */
	{ &all,
	  "{\"linux\":{\"resources\":{\"memory\":{\"limit\":9000000},\"pids\":{\"limit\":5},"
	  "\"cpu\":{\"quota\":1,\"period\":2}}}}",
	  NULL },
	{ &all,
	  "{\"linux\":{\"resources\":{\"memory\":{\"limit\":1},\"pids\":{\"limit\":5},"
	  "\"cpu\":{\"period\":2}}}}",
	  NULL },
	/* what jansson refuses: an unlimited ulimit, a NUL in a string; and what it writes
	   otherwise */
	{ &memory_only,
	  "{\"process\":{\"rlimits\":[{\"type\":\"RLIMIT_MEMLOCK\",\"hard\":18446744073709551615,"
	  "\"soft\":18446744073709551615}],\"args\":[\"\\u0000\",\"}\\\"{\\\\\"]},\"n\":1e400}",
	  "{\"process\":{\"rlimits\":[{\"type\":\"RLIMIT_MEMLOCK\",\"hard\":18446744073709551615,"
	  "\"soft\":18446744073709551615}],\"args\":[\"\\u0000\",\"}\\\"{\\\\\"]},\"n\":1e400,"
	  "\"linux\":{\"resources\":{\"memory\":{\"limit\":1000000}}}}" },
	{ &memory_only, " {\n \"linux\" : { \"resources\" : null }, \"a\\\"linux\": 0 }\n",
	  " {\n \"linux\" : { \"resources\" : {\"memory\":{\"limit\":1000000}} }, \"a\\\"linux\": "
	  "0 }"
	  "\n" },
	/* names elsewhere are others'; of two in one object the last counts */
	{ &memory_only,
	  "{\"x\":{\"linux\":{}},\"s\":\"linux\",\"linux\":3,\"linux\":{\"resources\":{\"memory\":"
	  "{\"limit\":5,\"limit\":0}}}}",
	  "{\"x\":{\"linux\":{}},\"s\":\"linux\",\"linux\":3,\"linux\":{\"resources\":{\"memory\":"
	  "{\"limit\":5,\"limit\":1000000}}}}" },
	/* more than 63 bits are a limit, too */
	{ &memory_only, "{\"linux\":{\"resources\":{\"memory\":{\"limit\":18446744073709551615}}}}",
	  NULL },
};

START_TEST(a_container_gets_what_it_lacks)
{
	char path[] = "/tmp/dind-mirror-XXXXXX", text[4096];
	const char *before = bundles[_i].before;
	const char *after = bundles[_i].after ? bundles[_i].after : before;
	int fd = mkostemp(path, O_CLOEXEC);
	struct stat st;
	ssize_t n;

	ck_assert_int_ge(fd, 0);
	ck_assert_int_eq(file_write_all(fd, before, strlen(before)), 0);
	ck_assert_int_eq(fchmod(fd, 0640), 0);
	(void) close(fd);
	/* the second time there is nothing left to add */
	for (int i = 0; i < 2; i++) {
		ck_assert_int_eq(mirror_file(path, bundles[_i].mirror), 0);
		n = file_read_at(AT_FDCWD, path, text, sizeof(text));
		ck_assert_int_ge(n, 0);
		ck_assert_str_eq(text, after);
	}
	ck_assert_int_eq(stat(path, &st), 0);
	ck_assert_uint_eq(st.st_mode & 07777, 0640);
	(void) unlink(path);
}
END_TEST

static const char *const strange[] = {
	"",
	"[]",
	"{",
	"{\"linux\":{",
	"{\"linux\":7}",
	"{\"linux\":{\"resources\":{\"memory\":[]}}}",
	"{\"linux\":{\"resources\":{}}",
	"{\"linux\":}",
	"{\"linux\":{},}",
	"{\"linux\":{}}}",
	"{\"linux\":{}} {}",
	"{\"linux\"}",
	"{\"a\":1 \"linux\":{}}",
	"{\"a\":[{\"b\":\"c]}]}",
	"{\"a\":\"\\",
};

START_TEST(what_is_no_bundle_is_left_as_it_is)
{
	char path[] = "/tmp/dind-mirror-XXXXXX", text[64];
	int fd = mkostemp(path, O_CLOEXEC);

	ck_assert_int_eq(file_write_all(fd, strange[_i], strlen(strange[_i])), 0);
	(void) close(fd);
	ck_assert_int_eq(mirror_file(path, &all), -EINVAL);
	ck_assert_int_ge(file_read_at(AT_FDCWD, path, text, sizeof(text)), 0);
	ck_assert_str_eq(text, strange[_i]);
	(void) unlink(path);
}
END_TEST

START_TEST(what_cannot_be_read)
{
	char path[] = "/tmp/dind-mirror-XXXXXX";
	int fd = mkostemp(path, O_CLOEXEC);

	ck_assert_int_eq(ftruncate(fd, 16 << 20), 0);
	(void) close(fd);
	ck_assert_int_eq(mirror_file(path, &all), -EFBIG);
	(void) unlink(path);
	ck_assert_int_eq(mirror_file(path, &all), -ENOENT);
}
END_TEST

int main(void)
{
	TCase *tc = tcase_create("mirror");

	tcase_add_test(tc, the_engine_finds_our_runc_first);
	tcase_add_test(tc, nothing_unless_asked_for);
	tcase_add_test(tc, no_limits_and_another_runtime_are_said);
	tcase_add_test(tc, the_file_is_understood);
	tcase_add_loop_test(tc, the_bundle_is_found, 0, ARRAY_SIZE(commands));
	tcase_add_loop_test(tc, a_container_gets_what_it_lacks, 0, ARRAY_SIZE(bundles));
	tcase_add_loop_test(tc, what_is_no_bundle_is_left_as_it_is, 0, ARRAY_SIZE(strange));
	tcase_add_test(tc, what_cannot_be_read);
	return run_suite(tc);
}
