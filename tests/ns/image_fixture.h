/* SPDX-License-Identifier: Apache-2.0 */
/* image_fixture.h - for the tests of the loop image: the two steps, and ways to damage an image. */
#ifndef TEST_NS_IMAGE_FIXTURE_H
#define TEST_NS_IMAGE_FIXTURE_H

#include <sys/statvfs.h>

#include "fixture.h"

#define IMAGE_BYTES (256ULL << 20)

/* The name is this test's own: when its mounts are gone, it is all that is left of the path that a
 * loop device tells. */
static char image[256], image_name[40], target[240];

/* What the steps below ask for; a test changes it. */
static struct {
	uint64_t bytes;
	enum storage_fs fs;
	const char *mkfs; /* NULL: mkfs.ext4 */
	bool resize, recreate;
} wish = { .bytes = IMAGE_BYTES };

static UNUSED struct plan_step image_step(enum plan_step_kind kind)
{
	struct plan_step step = { .kind = kind };

	step.u.image.image = image;
	step.u.image.bytes = wish.bytes;
	step.u.image.fs = wish.fs;
	step.u.image.mkfs = wish.mkfs ? wish.mkfs : find_mkfs();
	step.u.image.resize = wish.resize;
	step.u.image.recreate = wish.recreate;
	step.u.image.target = target;
	return step;
}

static UNUSED int make_image(struct apply_context *context)
{
	struct plan_step step = image_step(STEP_MAKE_IMAGE);

	return step_run(context, &step);
}

static UNUSED int mount_image(struct apply_context *context)
{
	struct plan_step step = image_step(STEP_MOUNT_IMAGE);

	return step_run(context, &step);
}

static UNUSED int unmount_image(const struct apply_context *context)
{
	struct error err = ERROR_INIT;
	int r = apply_unmount_data_root(context, target, NULL, 5000, &err);

	if (r < 0)
		(void) fprintf(stderr, "  unmount: %s\n", err.message);
	return r;
}

/* In each test's own process: an overlay as a container's root is one. */
static UNUSED void enter(void)
{
	ck_assert(enter_test());
	ck_assert(mount_overlay("root"));
	(void) snprintf(image_name, sizeof(image_name), "data-%d.img", (int) getpid());
	(void) snprintf(image, sizeof(image), "%s/root/dind/%s", scratch, image_name);
	(void) snprintf(target, sizeof(target), "%s/root/data", scratch);
	ck_assert_int_eq(mkdir(target, 0711), 0);
}

static UNUSED const char *file_in_target(const char *name)
{
	static char path[512];

	(void) snprintf(path, sizeof(path), "%s/%s", target, name);
	return path;
}

static UNUSED void overwrite(off_t offset, size_t len)
{
	static const char junk[65536] = { [0 ... 65535] = 'x' };
	int fd = open(image, O_WRONLY | O_CLOEXEC);

	ck_assert_int_ge(fd, 0);
	ck_assert_int_eq(pwrite(fd, junk, len, offset), (ssize_t) len);
	ck_assert_int_eq(fsync(fd), 0);
	(void) close(fd);
}

static UNUSED void make_used_image(void)
{
	struct apply_context context;

	apply_context_init(&context);
	ck_assert_int_eq(make_image(&context), 0);
	ck_assert_int_eq(mount_image(&context), 0);
	ck_assert(write_text(file_in_target("kept"), "data"));
	ck_assert_int_eq(unmount_image(&context), 0);
}

static UNUSED uint64_t allocated_bytes(const char *path)
{
	struct stat st;

	ck_assert_int_eq(stat(path, &st), 0);
	return (uint64_t) st.st_blocks * 512;
}

static UNUSED uint64_t apparent_bytes(const char *path)
{
	struct stat st;

	ck_assert_int_eq(stat(path, &st), 0);
	return (uint64_t) st.st_size;
}

static UNUSED const char *broken_image(void)
{
	static char path[300];

	(void) snprintf(path, sizeof(path), "%s.broken", image);
	return path;
}

/* Both steps, and nothing is said about them unless @words. */
static UNUSED void start_image(struct apply_context *context, const char *words)
{
	apply_context_init(context);
	ck_assert_int_eq(make_image(context), 0);
	ck_assert_int_eq(mount_image(context), 0);
	if (words)
		assert_notice(context, words);
	else
		ck_assert_str_eq(context->notice, "");
	ck_assert_int_eq(count_mounts(target), 1);
	ck_assert_int_eq(count_loops(image_name), 1);
}

static UNUSED void stop_image(struct apply_context *context)
{
	ck_assert_int_eq(unmount_image(context), 0);
	ck_assert_int_eq(count_loops(image_name), 0);
	if (context->lock_fd >= 0)
		(void) close(context->lock_fd);
}

/* Bytes that do not compress into holes, written through to the image. */
static UNUSED void fill_file(const char *path, uint64_t bytes)
{
	static char junk[1 << 20];
	int fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);

	memset(junk, 'j', sizeof(junk));
	ck_assert_int_ge(fd, 0);
	for (uint64_t done = 0; done < bytes; done += sizeof(junk))
		ck_assert_int_eq(file_write_all(fd, junk, sizeof(junk)), 0);
	ck_assert_int_eq(fsync(fd), 0);
	(void) close(fd);
}

/* What was deleted inside is given back below. */
static UNUSED void assert_discards(void)
{
	struct apply_context context;
	uint64_t empty, full, after = 0;
	int fd;

	start_image(&context, NULL);
	fd = open(target, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	ck_assert_int_ge(fd, 0);
	empty = allocated_bytes(image);
	fill_file(file_in_target("layer"), 200 << 20);
	full = allocated_bytes(image);
	ck_assert_uint_ge(full, empty + (200 << 20));
	ck_assert_int_eq(unlink(file_in_target("layer")), 0);
	for (int i = 0; i < 50; i++) {
		ck_assert_int_eq(syncfs(fd), 0);
		after = allocated_bytes(image);
		if (after < empty + (20 << 20))
			break;
		(void) usleep(100000);
	}
	ck_assert_uint_lt(after, empty + (20 << 20));
	(void) close(fd);
	stop_image(&context);
}

/* What the disk has at this moment, as after a power cut: nothing is unmounted or synced. */
static UNUSED void copy_as_it_is(const char *from, const char *to)
{
	const char *argv[] = { "/bin/cp", "--sparse=always", from, to, NULL };

	ck_assert_int_eq(run_to_file(argv, in_scratch("cp")), 0);
}

static UNUSED uint64_t file_system_bytes(void)
{
	struct statvfs st;

	ck_assert_int_eq(statvfs(target, &st), 0);
	return (uint64_t) st.f_blocks * st.f_frsize;
}

static UNUSED void write_script(const char *path, const char *text)
{
	ck_assert(write_text(path, text));
	ck_assert_int_eq(chmod(path, 0755), 0);
}

#endif
