/* SPDX-License-Identifier: Apache-2.0 */
/* dind-client check: a data root after a power cut, against the records of its layers. */
#include <archive.h>
#include <archive_entry.h>
#include <check.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "dind/file.h"
#include "dind/str.h"
#include "layers.h"

#define ID_A	"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
#define ID_B	"bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb"
#define LAYERDB "image/overlay2/layerdb/sha256/"
#define CONTENT "image/overlay2/imagedb/content/sha256/"

static char top[] = "/tmp/dind-layers-XXXXXX";

DIND_PRINTF(1, 2) static const char *at(const char *format, ...)
{
	static char buffers[4][512];
	static unsigned int next;
	char *buf = buffers[next++ % 4];
	int n = snprintf(buf, sizeof(buffers[0]), "%s/", top);
	va_list ap;

	va_start(ap, format);
	(void) vsnprintf(buf + n, sizeof(buffers[0]) - (size_t) n, format, ap);
	va_end(ap);
	return buf;
}

static void put(const char *path, const char *text)
{
	char parent[512];

	(void) snprintf(parent, sizeof(parent), "%s", path);
	*strrchr(parent, '/') = '\0';
	ck_assert_int_eq(file_make_directories(parent, 0755), 0);
	ck_assert_int_eq(file_replace(path, text, 0644), 0);
}

static void put_gzip(const char *path, const char *text)
{
	struct archive *a = archive_write_new();
	struct archive_entry *entry = archive_entry_new();

	ck_assert_int_eq(archive_write_add_filter_gzip(a), ARCHIVE_OK);
	ck_assert_int_eq(archive_write_set_format_raw(a), ARCHIVE_OK);
	ck_assert_int_eq(archive_write_open_filename(a, path), ARCHIVE_OK);
	archive_entry_set_filetype(entry, AE_IFREG);
	ck_assert_int_eq(archive_write_header(a, entry), ARCHIVE_OK);
	ck_assert_int_eq(archive_write_data(a, text, strlen(text)), (int) strlen(text));
	archive_entry_free(entry);
	ck_assert_int_eq(archive_write_close(a), ARCHIVE_OK);
	(void) archive_write_free(a);
}

/* A layer "l-NAME" of the files "one" (3 bytes), "dir/two" (5), an empty one and a whiteout. */
static void add_layer(const char *chain, const char *name, const char *parent)
{
	static const char record[] =
		"{\"type\":2,\"payload\":\"Lg==\",\"position\":0}\n"
		"{\"type\":1,\"name\":\"one\",\"size\":7,\"payload\":\"AA==\",\"position\":1}\n"
		"{\"type\":1,\"name\":\"./one\",\"size\":3,\"payload\":\"AA==\",\"position\":2}\n"
		"{\"type\":1,\"name\":\"dir/\",\"payload\":null,\"position\":3}\n"
		"{\"type\":1,\"name\":\"dir/two\",\"size\":5,\"payload\":\"AA==\",\"position\":4}\n"
		"{\"type\":1,\"name\":\"empty\",\"payload\":null,\"position\":5}\n"
		"{\"type\":1,\"name\":\".wh.gone\",\"payload\":null,\"position\":6}\n";
	char text[128];

	(void) snprintf(text, sizeof(text), "sha256:diff-%s", name);
	put(at(LAYERDB "%s/diff", chain), text);
	(void) snprintf(text, sizeof(text), "l-%s", name);
	put(at(LAYERDB "%s/cache-id", chain), text);
	(void) snprintf(text, sizeof(text), "sha256:%s", parent ? parent : "");
	if (parent)
		put(at(LAYERDB "%s/parent", chain), text);
	put_gzip(at(LAYERDB "%s/tar-split.json.gz", chain), record);
	put(at("overlay2/l-%s/diff/one", name), "one");
	put(at("overlay2/l-%s/diff/dir/two", name), "2two2");
	put(at("overlay2/l-%s/diff/empty", name), "");
}

static void set_up(void)
{
	(void) snprintf(top, sizeof(top), "%s", "/tmp/dind-layers-XXXXXX");
	ck_assert_ptr_nonnull(mkdtemp(top));
	add_layer("chain-base", "base", NULL);
	add_layer("chain-top", "top", "chain-base");
	/* the same content on top of nothing */
	add_layer("chain-alone", "top2", NULL);
	put(at(LAYERDB "%s/diff", "chain-alone"), "sha256:diff-top");
	put(at(CONTENT "%s", ID_A), "{\"rootfs\":{\"type\":\"layers\",\"diff_ids\":[\"sha256:diff-"
				    "base\",\"sha256:diff-top\"]}}");
	put(at(CONTENT "%s", ID_B), "{\"rootfs\":{\"diff_ids\":[\"sha256:diff-base\"]}}");
	put(at("image/overlay2/%s", "repositories.json"),
	    "{\"Repositories\":{\"mine\":{\"mine:1\":\"sha256:" ID_A
	    "\",\"mine@sha256:x\":\"sha256:" ID_A "\"}}}");
}

static void tear_down(void)
{
	const char *const argv[] = { "rm", "-rf", "--one-file-system", top, NULL };
	pid_t pid = fork();

	if (pid == 0) {
		execvp(argv[0], (char *const *) (uintptr_t) argv);
		_exit(127);
	}
	(void) waitpid(pid, NULL, 0);
}

/* What is said to be damaged, in one line. */
static const char *damaged(size_t *ret_checked)
{
	static char text[512];
	struct strings names = STRINGS_INIT;
	struct arena arena = ARENA_INIT;
	struct error err = ERROR_INIT;

	*ret_checked = 0;
	ck_assert_int_eq(layers_check(top, &arena, &names, ret_checked, &err), 0);
	(void) snprintf(text, sizeof(text), "%s",
			names.count ? strings_join(&arena, &names, " ") : "");
	arena_free(&arena);
	return text;
}

START_TEST(whole_layers_are_whole)
{
	size_t checked;

	ck_assert_str_eq(damaged(&checked), "");
	ck_assert_uint_eq(checked, 3);
}
END_TEST

static const struct {
	const char *file; /* emptied; NULL: removed is @gone */
	const char *gone, *names;
} losses[] = {
	{ "overlay2/l-top/diff/one", NULL, "mine:1 mine@sha256:x" },
	{ "overlay2/l-base/diff/dir/two", NULL, "mine:1 mine@sha256:x bbbbbbbbbbbb" },
	{ NULL, "overlay2/l-base/diff/dir/two", "mine:1 mine@sha256:x bbbbbbbbbbbb" },
	{ LAYERDB "chain-top/tar-split.json.gz", NULL, "mine:1 mine@sha256:x" },
	{ LAYERDB "chain-top/cache-id", NULL, "mine:1 mine@sha256:x" },
	{ LAYERDB "chain-base/diff", NULL, "mine:1 mine@sha256:x bbbbbbbbbbbb" },
	{ CONTENT ID_B, NULL, "bbbbbbbbbbbb" },
	{ NULL, CONTENT ID_A, "mine:1 mine@sha256:x" },
	/* no image needs it */
	{ "overlay2/l-top2/diff/one", NULL, "" },
	/* nothing is known of that layer */
	{ NULL, LAYERDB "chain-top/tar-split.json.gz", "" },
};

START_TEST(what_is_lost_is_named)
{
	const char *file = losses[_i].file;
	size_t checked;

	if (file)
		ck_assert_int_eq(truncate(at("%s", file), 0), 0);
	else
		ck_assert_int_eq(unlink(at("%s", losses[_i].gone)), 0);
	ck_assert_str_eq(damaged(&checked), losses[_i].names);
}
END_TEST

START_TEST(a_record_that_is_cut_off_is_a_loss)
{
	const char *path = at("%s", LAYERDB "chain-top/tar-split.json.gz");
	struct stat st;
	size_t checked;

	ck_assert_int_eq(stat(path, &st), 0);
	ck_assert_int_eq(truncate(path, st.st_size - 20), 0);
	ck_assert_str_eq(damaged(&checked), "mine:1 mine@sha256:x");
}
END_TEST

/* The disk had them long before. */
START_TEST(only_what_was_made_last_is_looked_at)
{
	const struct timespec old[] = { { 1000000000, 0 }, { 1000000000, 0 } };
	size_t checked;

	ck_assert_int_eq(truncate(at("%s", "overlay2/l-base/diff/one"), 0), 0);
	ck_assert_int_eq(utimensat(AT_FDCWD, at("%s", LAYERDB "chain-base"), old, 0), 0);
	ck_assert_str_eq(damaged(&checked), "");
	ck_assert_uint_eq(checked, 2);
}
END_TEST

START_TEST(stores_without_such_records)
{
	struct strings names = STRINGS_INIT;
	struct arena arena = ARENA_INIT;
	struct error err = ERROR_INIT;
	size_t checked;

	tear_down();
	ck_assert_int_eq(mkdir(top, 0700), 0); /* empty: nothing can be lost */
	ck_assert_str_eq(damaged(&checked), "");
	put(at("containerd/daemon/io.containerd.content.v1.content/blobs/sha256/%s", ID_A), "x");
	ck_assert_int_eq(layers_check(top, &arena, &names, &checked, &err), -ENOTSUP);
	arena_free(&arena);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("client layers");
	TCase *tc = tcase_create("layers");
	SRunner *runner = srunner_create(suite);
	int failed;

	tcase_add_checked_fixture(tc, set_up, tear_down);
	tcase_add_test(tc, whole_layers_are_whole);
	tcase_add_loop_test(tc, what_is_lost_is_named, 0, ARRAY_SIZE(losses));
	tcase_add_test(tc, a_record_that_is_cut_off_is_a_loss);
	tcase_add_test(tc, only_what_was_made_last_is_looked_at);
	tcase_add_test(tc, stores_without_such_records);
	suite_add_tcase(suite, tc);
	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
