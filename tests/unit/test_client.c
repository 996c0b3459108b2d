/* SPDX-License-Identifier: Apache-2.0 */
/* dind-client without an engine: command line, hosts, archives, the engine's answers, marks. */
#include <check.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "bundle.h"
#include "client.h"
#include "dind/file.h"
#include "dind/str.h"
#include "disk.h"
#include "engine.h"

#define HEX_A "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
#define HEX_B "bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb"
#define HEX_C "cccccccccccccccccccccccccccccccccccccccccccccccccccccccccccccccc"
#define HEX_D "dddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddd"

static int parse(struct client_options *options, struct arena *arena, char **environment,
		 const char *line, struct error *err)
{
	char *argv[32] = { arena_strdup(arena, "dind-client") };
	char *text = arena_strdup(arena, line);
	int argc = 1;

	for (char *word = strsep(&text, " "); word; word = strsep(&text, " "))
		argv[argc++] = word;
	return client_options_parse(options, arena, argc, argv, environment, err);
}

static const struct {
	const char *line;
	const char *message; /* part of it; NULL: it is right */
} lines[] = {
	{ "prepare --socket /s", NULL },
	{ "prepare --socket /s --load /a --load /b --from unix:///h --image a --image b --continue",
	  NULL },
	{ "prepare --socket /s --clean-before 1700000000.25 --prune --timeout 5 --parallel 3",
	  NULL },
	{ "watch --directory /d --high 90% --below /b --socket /s --prune --idle 0 --interval 1",
	  NULL },
	{ "watch --pool /p --pool-limit 10G --pool-keep /p/slot-3/", NULL },
	{ "--help", NULL },
	{ "watch --help", NULL },
	{ "check --directory /d", NULL },
	{ "check", "--directory" },
	{ "check --directory /d --socket /s", "--socket" },
	{ "wait --host tcp://h --timeout 5 --log-format json", NULL },
	{ "local --host ssh://h", NULL },
	{ "", "wanted prepare, watch, check, wait, local or ask" },
	{ "load --socket /s", "wanted prepare, watch, check, wait, local or ask" },
	{ "ask", "wait, local and ask need --host" },
	{ "wait", "need --host" },
	{ "local --timeout 5", "--timeout" },
	{ "prepare", "--socket" },
	{ "prepare --socket", "without its value" },
	{ "prepare --socket /s --high 90", "--high" },
	{ "prepare --socket /s --image a", "--from" },
	{ "prepare --socket /s --from unix:///h", "--image" },
	{ "prepare --socket /s --timeout 0", "--timeout" },
	{ "prepare --socket /s --clean-before now", "--clean-before" },
	{ "prepare --socket /s --clean-before 1.5x", "--clean-before" },
	{ "prepare --socket /s /a.tar", "/a.tar" },
	{ "watch --socket /s --mirrors --ca-directories /a:/b", NULL },
	{ "watch", "--high, --pool or --mirrors" },
	{ "watch --mirrors", "--mirrors needs --socket" },
	{ "prepare --socket /s --mirrors", "--mirrors" },
	{ "watch --high 90", "--directory or --below" },
	{ "watch --high 101 --directory /d", "--high" },
	{ "watch --high 90 --directory /d --prune", "--socket" },
	{ "watch --pool /p --pool-limit many", "--pool-limit" },
	{ "watch --pool /p --log-format xml", "log format" },
};

START_TEST(command_lines)
{
	struct client_options options;
	struct arena arena = ARENA_INIT;
	struct error err = ERROR_INIT;
	int r = parse(&options, &arena, NULL, lines[_i].line, &err);

	if (lines[_i].message) {
		ck_assert_int_eq(r, -EINVAL);
		ck_assert_msg(strstr(err.message, lines[_i].message), "%s: %s", lines[_i].line,
			      err.message);
	} else {
		ck_assert_msg(r == 0, "%s: %s", lines[_i].line, err.message);
	}
	arena_free(&arena);
}
END_TEST

START_TEST(command_line_values)
{
	char format[] = "DIND_LOG_FORMAT=json", verify[] = "DOCKER_TLS_VERIFY=1";
	char certificates[] = "DOCKER_CERT_PATH=/none";
	char *environment[] = { format, verify, certificates, NULL };
	struct client_options o;
	struct arena arena = ARENA_INIT;
	struct error err = ERROR_INIT;

	ck_assert_int_eq(
		parse(&o, &arena, environment,
		      "prepare --socket /s --clean-before 1700000000.25 --load /a --load /b", &err),
		0);
	ck_assert_int_eq(o.clean_before_ns, 1700000000250000000LL);
	ck_assert_int_eq(o.timeout_s, 600);
	ck_assert_uint_eq(o.load.count, 2);
	ck_assert(o.tls.on && o.tls.verify && !o.tls.ca);
	ck_assert_int_eq(o.format, LOG_FORMAT_JSON);
	ck_assert_int_eq(
		parse(&o, &arena, NULL,
		      "watch --pool /p --pool-limit 2K --pool-keep /p/slot-3/ --log-format text",
		      &err),
		0);
	ck_assert_str_eq(o.pool_keep, "slot-3");
	ck_assert_uint_eq(o.pool_limit, 2048);
	ck_assert_int_eq(o.interval_s, 10);
	arena_free(&arena);
}
END_TEST

static const struct {
	const char *name, *socket, *base;
	bool tls;
} hosts[] = {
	{ "unix:///run/h.sock", "/run/h.sock", "http://localhost", false },
	{ "/run/h.sock", "/run/h.sock", "http://localhost", true },
	{ "tcp://h:1234", NULL, "http://h:1234", false },
	{ "tcp://h", NULL, "http://h:2375", false },
	{ "tcp://h", NULL, "https://h:2376", true },
	{ "tcp://[::1]", NULL, "http://[::1]:2375", false },
	{ "tcp://[::1]:99", NULL, "http://[::1]:99", false },
	{ "tcp://", NULL, NULL, false },
	{ "tcp://user@h:1", NULL, NULL, false },
	{ "tcp://h:1/path", NULL, NULL, false },
	{ "ssh://h", NULL, NULL, false },
	{ "unix://run", NULL, NULL, false },
};

START_TEST(host_names)
{
	struct http_tls tls = { .on = hosts[_i].tls };
	struct arena arena = ARENA_INIT;
	struct error err = ERROR_INIT;
	struct http_host host;
	int r = http_host_parse(&host, hosts[_i].name, &tls, &arena, &err);

	if (hosts[_i].base) {
		ck_assert_int_eq(r, 0);
		ck_assert_str_eq(host.base, hosts[_i].base);
		ck_assert_pstr_eq(host.socket, hosts[_i].socket);
	} else {
		ck_assert_int_lt(r, 0);
		ck_assert_ptr_nonnull(strstr(err.message, hosts[_i].name));
	}
	arena_free(&arena);
}
END_TEST

START_TEST(names_are_escaped)
{
	struct arena arena = ARENA_INIT;

	ck_assert_str_eq(http_escape(&arena, "a/b:c@d?e&f g"), "a/b:c%40d%3Fe%26f%20g");
	arena_free(&arena);
}
END_TEST

static const struct {
	const char *text;
	int64_t ns; /* -1: refused */
} times[] = {
	{ "1970-01-01T00:00:01Z", 1000000000 },
	{ "2023-11-14T22:13:20.123456789Z", 1700000000123456789 },
	{ "2023-11-14T23:13:20.5+01:00", 1700000000500000000 },
	{ "2023-11-14T21:43:20-00:30", 1700000000000000000 },
	{ "yesterday", -1 },
	{ "2023-11-14T22:13:20", -1 },
	{ "2023-11-14T22:13:20 01:00", -1 },
};

START_TEST(engine_times)
{
	int64_t ns = -1;

	ck_assert_int_eq(engine_parse_time(times[_i].text, &ns), times[_i].ns < 0 ? -EINVAL : 0);
	ck_assert_int_eq(ns, times[_i].ns);
}
END_TEST

START_TEST(an_error_in_a_stream_with_status_200)
{
	static const char answer[] =
		"{\"stream\":\"Loaded\"}\r\n{\"errorDetail\":{\"message\":\"bad layer\"},"
		"\"error\":\"bad layer\"}\r\n{\"error\":\"a second one\"}";
	static struct http_verdict verdict;

	verdict.status = 200;
	/* Whatever the pieces it comes in. */
	for (size_t i = 0; i < strlen(answer); i++)
		http_verdict_feed(&verdict, answer + i, 1);
	http_verdict_end(&verdict);
	ck_assert_str_eq(verdict.text, "bad layer");

	memset(&verdict, 0, sizeof(verdict));
	verdict.status = 200;
	for (size_t i = 0; i < 3 * sizeof(verdict.line); i++)
		http_verdict_feed(&verdict, "x", 1);
	http_verdict_feed(&verdict, "\n{\"stream\":\"ok\"}\n", 17);
	http_verdict_end(&verdict);
	ck_assert_str_eq(verdict.text, "");

	verdict.status = 500;
	http_verdict_end(&verdict);
	ck_assert_str_eq(verdict.text, "HTTP status 500");
}
END_TEST

START_TEST(alike_whatever_the_spelling)
{
	static const char inspect[] =
		"{\"Created\":\"2023-11-14T22:13:20Z\",\"RootFS\":{\"Layers\":[\"a\"]},"
		"\"Config\":{\"Cmd\":[\"sh\"],\"Env\":null,\"Labels\":{}}}";
	static const char config[] =
		"{\"created\":\"2023-11-14T22:13:20.0Z\",\"rootfs\":{\"diff_ids\":[\"a\"]},"
		"\"config\":{\"Cmd\":[\"sh\"]}}";
	static const char other[] =
		"{\"created\":\"2023-11-14T22:13:20.0Z\",\"rootfs\":{\"diff_ids\":[\"a\"]},"
		"\"config\":{\"Cmd\":[\"ash\"]}}";
	json_t *a = json_loads(inspect, 0, NULL), *b = json_loads(config, 0, NULL);
	json_t *c = json_loads(other, 0, NULL);

	ck_assert(engine_images_alike(a, b));
	ck_assert(engine_images_alike(b, a));
	ck_assert(!engine_images_alike(a, c));
	ck_assert(!engine_images_alike(NULL, b));
	json_decref(a);
	json_decref(b);
	json_decref(c);
}
END_TEST

/* ---- archives: written by hand as directories, which take the same way
 * --------------------------------- */

static char top[64];

static void put(const char *name, const char *text)
{
	char path[512];

	(void) snprintf(path, sizeof(path), "%s/%s", top, name);
	ck_assert_int_eq(file_replace(path, text, 0644), 0);
}

static void make_directory(const char *name)
{
	char path[512];

	(void) snprintf(path, sizeof(path), "%s/%s", top, name);
	ck_assert_int_eq(file_make_directories(path, 0755), 0);
}

static void top_make(void)
{
	(void) snprintf(top, sizeof(top), "/tmp/dind-client-XXXXXX");
	ck_assert_ptr_nonnull(mkdtemp(top));
	make_directory("blobs/sha256");
}

static void top_remove(void)
{
	const char *const argv[] = { "rm", "-rf", "--one-file-system", top, NULL };
	pid_t pid = fork();

	if (pid == 0) {
		execvp(argv[0], (char *const *) (uintptr_t) argv);
		_exit(127);
	}
	(void) waitpid(pid, NULL, 0);
}

#define DESCRIPTOR(hex, size) "{\"digest\":\"sha256:" hex "\",\"size\":" size "}"

/* A layout of two platforms, of which one is this machine's, with an attestation, as buildx makes
 * it. */
static void put_layout(const char *name_annotation)
{
	char index[1024];

	put("oci-layout", "{\"imageLayoutVersion\":\"1.0.0\"}");
	put("blobs/sha256/" HEX_A,
	    "{\"manifests\":[{\"digest\":\"sha256:" HEX_D
	    "\",\"size\":7,\"platform\":{\"architecture\":\"s390x\",\"os\":\"linux\"}},"
	    "{\"digest\":\"sha256:" HEX_B
	    "\",\"platform\":{\"architecture\":\"amd64\",\"os\":\"linux\"}}]}");
	put("blobs/sha256/" HEX_B,
	    "{\"config\":" DESCRIPTOR(HEX_C, "2") ",\"layers\":[" DESCRIPTOR(HEX_D, "5") "]}");
	put("blobs/sha256/" HEX_C, "{}");
	put("blobs/sha256/" HEX_D, "layer");
	(void) snprintf(index, sizeof(index),
			"{\"manifests\":[{\"digest\":\"sha256:" HEX_A "\",\"annotations\":{%s}}]}",
			name_annotation);
	put("index.json", index);
}

START_TEST(a_layout_gets_a_manifest)
{
	struct bundle_scan scan;
	struct error err = ERROR_INIT;

	top_make();
	put_layout("\"io.containerd.image.name\":\"docker.io/library/bb:one\"");
	ck_assert(bundle_is_image_directory(top));
	ck_assert_msg(bundle_scan(&scan, top, &err) == 0, "%s", err.message);
	ck_assert_uint_eq(scan.image_count, 1);
	ck_assert_str_eq(scan.images[0].config_id, "sha256:" HEX_C);
	ck_assert_str_eq(scan.images[0].target_id, "sha256:" HEX_A);
	ck_assert_str_eq(scan.manifest,
			 "[{\"Config\":\"blobs/sha256/" HEX_C
			 "\",\"RepoTags\":[\"bb:one\"],\"Layers\":[\"blobs/sha256/" HEX_D "\"]}]");
	bundle_scan_free(&scan);
	top_remove();
}
END_TEST

static const struct {
	const char *annotation, *tag;
} annotations[] = {
	{ "\"org.opencontainers.image.ref.name\":\"latest\"", NULL }, /* the tag of what? */
	{ "\"org.opencontainers.image.ref.name\":\"bb:two\"", "bb:two" },
	{ "\"io.containerd.image.name\":\"docker.io/me/bb\"", "me/bb:latest" },
	{ "\"io.containerd.image.name\":\"reg.example:5000/bb\"", "reg.example:5000/bb:latest" },
	{ "", NULL },
};

START_TEST(names_in_a_layout)
{
	struct bundle_scan scan;
	struct error err = ERROR_INIT;

	top_make();
	put_layout(annotations[_i].annotation);
	ck_assert_int_eq(bundle_scan(&scan, top, &err), 0);
	ck_assert_uint_eq(scan.images[0].tags.count, annotations[_i].tag ? 1 : 0);
	if (annotations[_i].tag)
		ck_assert_str_eq(scan.images[0].tags.items[0], annotations[_i].tag);
	bundle_scan_free(&scan);
	top_remove();
}
END_TEST

/* What makes a whole layout a damaged one, and what is said. */
static const struct {
	const char *file, *text, *message;
} damages[] = {
	{ "blobs/sha256/" HEX_D, "laye", "it should have 5" },
	{ "blobs/sha256/" HEX_B, "{\"config\":" DESCRIPTOR(HEX_C, "3") "}", "it should have 3" },
	{ "blobs/sha256/" HEX_B, "{\"config\":", "not JSON" },
	{ "blobs/sha256/" HEX_B, "{\"config\":{\"digest\":\"sha256:../../etc\"}}", "missing" },
	{ "blobs/sha256/" HEX_A, "{\"manifests\":[]}", "no image for linux/" },
	{ "index.json", "{\"manifests\":[", "not an image" },
	{ "index.json", "{\"manifests\":[{\"digest\":\"sha256:0\"}]}", "missing" },
	{ "manifest.json", "[{\"Config\":", "not JSON" },
	{ "manifest.json", "[]", "no image" },
	{ "manifest.json", "[{\"Config\":\"x.json\"}]", "x.json is missing" },
	{ "manifest.json", "[{\"Config\":\"oci-layout\",\"Layers\":[\"y/layer.tar\"]}]",
	  "y/layer.tar is missing" },
	{ "manifest.json", "[{\"Config\":\"oci-layout\",\"Layers\":[7]}]", "missing" },
};

START_TEST(damaged_layouts)
{
	struct bundle_scan scan;
	struct error err = ERROR_INIT;

	top_make();
	put_layout("");
	put(damages[_i].file, damages[_i].text);
	ck_assert_int_eq(bundle_scan(&scan, top, &err), -EBADMSG);
	ck_assert_msg(strstr(err.message, damages[_i].message), "%s", err.message);
	ck_assert_msg(strstr(err.message, top), "%s", err.message);
	bundle_scan_free(&scan);
	top_remove();
}
END_TEST

START_TEST(a_directory_becomes_a_tar)
{
	struct bundle_scan scan;
	struct error err = ERROR_INIT;
	struct bundle_stream *stream;
	char buf[777], path[128];
	ssize_t n;
	int fd;

	top_make();
	put_layout("\"io.containerd.image.name\":\"bb:one\"");
	ck_assert_int_eq(bundle_scan(&scan, top, &err), 0);
	stream = bundle_stream_open(&scan, &err);
	ck_assert_ptr_nonnull(stream);
	(void) snprintf(path, sizeof(path), "%s.tar", top);
	fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	ck_assert_int_ge(fd, 0);
	while ((n = bundle_stream_read(stream, buf, sizeof(buf), &err)) > 0)
		ck_assert_int_eq(file_write_all(fd, buf, (size_t) n), 0);
	ck_assert_int_eq(n, 0);
	(void) close(fd);
	ck_assert_uint_gt(bundle_stream_bytes(stream), 512 * 10);
	bundle_stream_close(stream);
	bundle_scan_free(&scan);

	/* And is understood again, now with our manifest in it. */
	ck_assert_msg(bundle_scan(&scan, path, &err) == 0, "%s", err.message);
	ck_assert(scan.plain);
	ck_assert_ptr_null(scan.manifest);
	ck_assert_str_eq(scan.images[0].tags.items[0], "bb:one");
	ck_assert_str_eq(scan.images[0].target_id, "sha256:" HEX_A);
	bundle_scan_free(&scan);

	/* Cut off anywhere before the end of its last file it is none any more. */
	for (off_t size = 4000; size >= 0; size -= 100) {
		ck_assert_int_eq(truncate(path, size), 0);
		ck_assert_int_eq(bundle_scan(&scan, path, &err), -EBADMSG);
		bundle_scan_free(&scan);
	}
	(void) unlink(path);
	top_remove();
}
END_TEST

/* ---- marks
 * --------------------------------------------------------------------------------------------- */

START_TEST(a_mark_says_each_change_once)
{
	struct disk_mark mark = { .high = 90 };
	struct disk_use use = { .percent = 89.9 };

	ck_assert_int_eq(disk_note(&mark, &use), DISK_SAME);
	use.percent = 90;
	ck_assert_int_eq(disk_note(&mark, &use), DISK_PASSED);
	ck_assert_int_eq(disk_note(&mark, &use), DISK_SAME);
	use.percent = 88;
	ck_assert_int_eq(disk_note(&mark, &use), DISK_SAME);
	use.percent = 91;
	ck_assert_int_eq(disk_note(&mark, &use), DISK_SAME);
	use.percent = 87.9;
	ck_assert_int_eq(disk_note(&mark, &use), DISK_FELL);
	ck_assert_int_eq(disk_note(&mark, &use), DISK_SAME);
	/* No inodes left is full too. */
	use.inode_percent = 95;
	ck_assert_int_eq(disk_note(&mark, &use), DISK_PASSED);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("client");
	TCase *tc = tcase_create("client");
	SRunner *runner = srunner_create(suite);
	int failed;

	tcase_add_loop_test(tc, command_lines, 0, ARRAY_SIZE(lines));
	tcase_add_test(tc, command_line_values);
	tcase_add_loop_test(tc, host_names, 0, ARRAY_SIZE(hosts));
	tcase_add_test(tc, names_are_escaped);
	tcase_add_loop_test(tc, engine_times, 0, ARRAY_SIZE(times));
	tcase_add_test(tc, an_error_in_a_stream_with_status_200);
	tcase_add_test(tc, alike_whatever_the_spelling);
	tcase_add_test(tc, a_layout_gets_a_manifest);
	tcase_add_loop_test(tc, names_in_a_layout, 0, ARRAY_SIZE(annotations));
	tcase_add_loop_test(tc, damaged_layouts, 0, ARRAY_SIZE(damages));
	tcase_add_test(tc, a_directory_becomes_a_tar);
	tcase_add_test(tc, a_mark_says_each_change_once);
	suite_add_tcase(suite, tc);
	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
