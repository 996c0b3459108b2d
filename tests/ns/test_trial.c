/* SPDX-License-Identifier: Apache-2.0 */
/* Trials on a real kernel, and inspection of paths that hang. */
#include <linux/fuse.h>
#include <signal.h>

#include "trial_fixture.h"

/* ---- file systems that hang ----
 */

/* Nobody answers; not even the first request. */
static int mount_dead_server(const char *path)
{
	char data[128];
	int fd = open("/dev/fuse", O_RDWR | O_CLOEXEC);

	ck_assert_int_ge(fd, 0);
	(void) snprintf(data, sizeof(data), "fd=%d,rootmode=40000,user_id=0,group_id=0", fd);
	ck_assert_int_eq(mount("dead", path, "fuse", 0, data), 0);
	mounts_before++;
	return fd;
}

static void answer(int fd, const struct fuse_in_header *request, int error, const void *data,
		   size_t size)
{
	struct fuse_out_header header = { .len = sizeof(header),
					  .error = -error,
					  .unique = request->unique };
	char reply[sizeof(header) + 256];

	if (error == 0) {
		memcpy(reply + sizeof(header), data, size);
		header.len += (uint32_t) size;
	}
	memcpy(reply, &header, sizeof(header));
	if (write(fd, reply, header.len) < 0)
		_exit(1);
}

/* An empty directory with room for 5000 of 10000 blocks of 4096 bytes. */
static void answer_request(int fd, const struct fuse_in_header *request)
{
	static const struct fuse_attr_out attributes = {
		.attr = { .ino = 1, .mode = S_IFDIR | 0755, .nlink = 2 }
	};
	static const struct fuse_statfs_out fs = { .st = { .blocks = 10000,
							   .bfree = 6000,
							   .bavail = 5000,
							   .bsize = 4096,
							   .frsize = 4096 } };
	static const struct fuse_open_out opened = { .fh = 1 };

	switch (request->opcode) {
	case FUSE_GETATTR:
		answer(fd, request, 0, &attributes, sizeof(attributes));
		break;
	case FUSE_STATFS:
		answer(fd, request, 0, &fs, sizeof(fs));
		break;
	case FUSE_OPENDIR:
		answer(fd, request, 0, &opened, sizeof(opened));
		break;
	case FUSE_READDIR:
		answer(fd, request, 0, &opened, 0);
		break;
	case FUSE_LOOKUP:
		answer(fd, request, ENOENT, NULL, 0);
		break;
	case FUSE_FORGET:
		break;
	default:
		answer(fd, request, ENOSYS, NULL, 0);
	}
}

/* With @silent it takes requests and never answers: who waits for it then cannot even be killed. */
static pid_t start_server(int fd, bool silent)
{
	static char buffer[FUSE_MIN_READ_BUFFER * 4];
	const struct fuse_init_out init = { .major = FUSE_KERNEL_VERSION,
					    .minor = FUSE_KERNEL_MINOR_VERSION,
					    .max_write = 4096 };
	pid_t pid = fork();

	ck_assert_int_ge(pid, 0);
	if (pid > 0)
		return pid;
	(void) prctl(PR_SET_PDEATHSIG, SIGKILL);
	while (read(fd, buffer, sizeof(buffer)) > 0) {
		struct fuse_in_header request;

		memcpy(&request, buffer, sizeof(request));
		if (request.opcode == FUSE_INIT)
			answer(fd, &request, 0, &init, sizeof(init));
		else if (!silent)
			answer_request(fd, &request);
	}
	_exit(0);
}

static void end_server(pid_t server)
{
	int status;

	ck_assert_int_eq(umount2(in_base("dir"), MNT_DETACH), 0);
	mounts_before--;
	(void) kill(server, SIGKILL);
	ck_assert_int_eq(waitpid(server, &status, 0), server);
}

START_TEST(dead_server_ends_in_a_time_out)
{
	int fd = mount_dead_server(in_base("dir"));
	int64_t start = clock_now_ms();

	expect(try(TRIAL_OVERLAY, in_base("dir"), 200), TRI_UNKNOWN, ETIMEDOUT);
	ck_assert_int_lt(elapsed_ms(start), 3 * SECONDS);
	ck_assert_int_ge(facts.trials[0].elapsed_us, 200 * 1000);
	(void) close(fd);
	ck_assert_int_eq(umount2(in_base("dir"), MNT_DETACH), 0);
	mounts_before--;
}
END_TEST

START_TEST(unkillable_trial_is_abandoned)
{
	int fd = mount_dead_server(in_base("dir"));
	pid_t server = start_server(fd, true);
	int64_t start = clock_now_ms();
	int status, reaped = 0;
	pid_t pid;

	(void) close(fd);
	expect(try(TRIAL_OVERLAY, in_base("dir"), 200), TRI_UNKNOWN, ETIMEDOUT);
	ck_assert_int_lt(elapsed_ms(start), 5 * SECONDS);
	ck_assert_int_eq(waitpid(-1, &status, WNOHANG), 0); /* it is still there */
	ck_assert_int_eq(kill(server, SIGKILL), 0);
	/* PID 1 reaps it when it comes. */
	while ((pid = waitpid(-1, &status, 0)) > 0)
		if (pid != server) {
			ck_assert(WIFSIGNALED(status));
			ck_assert_int_eq(WTERMSIG(status), SIGKILL);
			reaped++;
		}
	ck_assert_int_eq(reaped, 1);
	ck_assert_int_eq(umount2(in_base("dir"), MNT_DETACH), 0);
	mounts_before--;
}
END_TEST

static void inspect(void)
{
	ck_assert_msg(inspect_machine(&world, &options, &arena, &facts, &err) == 0, "%s",
		      err.message);
}

START_TEST(inspection_does_not_hang_on_a_dead_data_root)
{
	const struct facts_directory *directory = &facts.storage.data_root;
	int fd = mount_dead_server(in_base("dir"));
	int64_t start = clock_now_ms();
	char real[PATH_MAX];

	/* by a link and a directory that only the server knows */
	ck_assert_int_eq(symlink(in_base("dir"), in_base("link")), 0);
	options.data_root = in_base("link/docker");
	inspect();
	ck_assert_int_lt(elapsed_ms(start), 5 * SECONDS);
	(void) snprintf(real, sizeof(real), "%s/dir/docker", base);
	ck_assert_str_eq(directory->path, real);
	ck_assert_str_eq(directory->nearest, base);
	ck_assert_int_eq(directory->exists, TRI_UNKNOWN);
	ck_assert_int_eq(directory->remote, TRI_YES);
	ck_assert_str_eq(directory->fs_name, "fuse");
	ck_assert_int_eq(directory->writable.value, TRI_UNKNOWN);
	ck_assert_int_eq(directory->writable.error, ETIMEDOUT);
	ck_assert_int_eq(directory->image, TRI_UNKNOWN);
	/* what was asked after it was answered */
	ck_assert_ptr_nonnull(facts.identity.kernel);
	(void) close(fd);
	ck_assert_int_eq(umount2(in_base("dir"), MNT_DETACH), 0);
	mounts_before--;
}
END_TEST

START_TEST(inspection_does_not_hang_on_a_dead_config)
{
	int fd = mount_dead_server(in_base("dir"));
	int64_t start = clock_now_ms();

	options.data_root = base;
	options.config_file = in_base("dir/daemon.json");
	options.hosts[0] = arena_printf(&arena, "unix://%s", in_base("dir/docker.sock"));
	options.n_hosts = 1;
	inspect();
	ck_assert_int_lt(elapsed_ms(start), 5 * SECONDS);
	ck_assert_int_eq(facts.engine.config_present, TRI_UNKNOWN);
	ck_assert_str_eq(facts.engine.config_error, "no answer from its file system");
	ck_assert_int_eq(facts.engine.socket_answers, TRI_UNKNOWN);
	ck_assert_int_eq(facts.storage.data_root.exists, TRI_YES);
	(void) close(fd);
	ck_assert_int_eq(umount2(in_base("dir"), MNT_DETACH), 0);
	mounts_before--;
}
END_TEST

START_TEST(inspection_asks_a_server_that_answers)
{
	const struct facts_directory *directory = &facts.storage.data_root;
	const struct facts_directory *path = &facts.storage.storage_path;
	int fd = mount_dead_server(in_base("dir"));
	pid_t server = start_server(fd, false);

	(void) close(fd);
	options.data_root = arena_strdup(&arena, in_base("dir"));
	options.storage_path = arena_strdup(&arena, in_base("dir/sub/image"));
	inspect();
	ck_assert_str_eq(directory->path, options.data_root);
	ck_assert_str_eq(directory->nearest, options.data_root);
	ck_assert_int_eq(directory->exists, TRI_YES);
	ck_assert_int_eq(directory->remote, TRI_YES);
	ck_assert_int_eq(directory->is_mount_point, TRI_YES);
	ck_assert_int_eq(directory->writable.value, TRI_YES);
	ck_assert_uint_eq(directory->fs_magic, 0x65735546);
	ck_assert_uint_eq(directory->total_bytes, 10000 * 4096);
	ck_assert_uint_eq(directory->free_bytes, 5000 * 4096);
	ck_assert_int_eq(directory->image, TRI_NO);
	ck_assert_int_eq(directory->containerd_store, TRI_NO);
	ck_assert_uint_eq(directory->drivers.count, 0);
	ck_assert_str_eq(path->path, options.storage_path);
	ck_assert_str_eq(path->nearest, options.data_root);
	ck_assert_int_eq(path->exists, TRI_NO);
	ck_assert_int_eq(path->is_mount_point, TRI_NO);
	end_server(server);
}
END_TEST

/* ---- fuse-overlayfs ----
 */

START_TEST(fuse_works)
{
	facts.storage.fuse_overlayfs = "/usr/bin/fuse-overlayfs";
	ck_assert_msg(access(facts.storage.fuse_overlayfs, X_OK) == 0,
		      "this test needs the package fuse-overlayfs");
	expect(try(TRIAL_FUSE, in_base("dir"), 10 * SECONDS), TRI_YES, 0);
	ck_assert_int_eq(count_entries(in_base("dir")), 0);
}
END_TEST

/* On FUSE the type of the mount point says nothing: it is the same before and after. fuse-overlayfs
 * does not work on itself (no whiteouts), and that is an answer, not an accident. */
START_TEST(fuse_on_fuse_is_tried_as_well)
{
	static const char program[] = "/usr/bin/fuse-overlayfs";
	const struct facts_trial *trial;
	struct stat below, top;
	int status, entries;
	pid_t pid;

	facts.storage.fuse_overlayfs = program;
	for (size_t i = 0; i < 3; i++)
		ck_assert_int_eq(mkdir(in_base((const char *[]){ "l", "u", "w" }[i]), 0755), 0);
	(void) snprintf(text_buffer, sizeof(text_buffer), "lowerdir=%s,upperdir=%s,workdir=%s",
			in_base("l"), in_base("u"), in_base("w"));
	ck_assert_int_eq(stat(in_base("dir"), &below), 0);
	pid = fork();
	ck_assert_int_ge(pid, 0);
	if (pid == 0) {
		(void) execl(program, program, "-f", "-o", text_buffer, in_base("dir"),
			     (char *) NULL);
		_exit(127);
	}
	for (int i = 0; i < 500; i++) {
		ck_assert_int_eq(stat(in_base("dir"), &top), 0);
		if (top.st_dev != below.st_dev)
			break;
		(void) usleep(10000);
	}
	ck_assert_uint_ne(top.st_dev, below.st_dev);
	mounts_before++;
	entries = count_entries(in_base("dir"));
	trial = try(TRIAL_FUSE, in_base("dir"), 10 * SECONDS);
	expect(trial, TRI_NO, EPERM);
	ck_assert_str_eq(trial->result.evidence, "delete a file of a lower layer");
	ck_assert_int_eq(count_entries(in_base("dir")), entries); /* its root has no ".." */
	ck_assert_int_eq(umount2(in_base("dir"), 0), 0);
	mounts_before--;
	ck_assert_int_eq(waitpid(pid, &status, 0), pid);
}
END_TEST

START_TEST(fuse_without_program_or_device)
{
	expect(try(TRIAL_FUSE, in_base("dir"), 10 * SECONDS), TRI_NO, ENOENT);
	facts.storage.fuse_overlayfs = write_script("fuse-overlayfs", "exit 0");
	ck_assert_int_eq(mount("/dev/null", "/dev/fuse", NULL, MS_BIND, NULL), 0);
	ck_assert_int_eq(umount("/dev/fuse"), 0);
	ck_assert_int_eq(mount("tmpfs", "/dev", "tmpfs", 0, NULL), 0);
	expect(try(TRIAL_FUSE, in_base("dir"), 10 * SECONDS), TRI_NO, ENOENT);
	ck_assert_int_eq(umount("/dev"), 0);
	ck_assert_int_eq(count_entries(in_base("dir")), 0);
}
END_TEST

START_TEST(fuse_program_that_fails)
{
	const struct facts_trial *trial;

	facts.storage.fuse_overlayfs =
		write_script("fuse-overlayfs", "echo 'unknown argument ignored: lazytime' >&2\n"
					       "echo 'fuse: it is broken' >&2\nexit 1");
	trial = try(TRIAL_FUSE, in_base("dir"), 10 * SECONDS);
	expect(trial, TRI_NO, ECHILD);
	ck_assert_str_eq(trial->detail, "fuse: it is broken");
	ck_assert_int_eq(count_entries(in_base("dir")), 0);
}
END_TEST

/* By SIGSTOP it cannot even die of a SIGTERM. */
static const char *const hanging[] = { "exec sleep 1000", "kill -STOP $$",
				       "trap '' TERM; sleep 1000" };

START_TEST(fuse_program_that_hangs)
{
	char script[256];
	int64_t start = clock_now_ms();
	char pid[32] = "";

	(void) snprintf(script, sizeof(script), "echo -n $$ >%s\n%s", in_base("pid"), hanging[_i]);
	facts.storage.fuse_overlayfs = write_script("fuse-overlayfs", script);
	expect(try(TRIAL_FUSE, in_base("dir"), 300), TRI_UNKNOWN, ETIMEDOUT);
	ck_assert_int_lt(elapsed_ms(start), 5 * SECONDS);
	ck_assert_int_eq(count_entries(in_base("dir")), 0);
	ck_assert_int_gt(file_read_at(AT_FDCWD, in_base("pid"), pid, sizeof(pid)), 0);
	ck_assert_int_eq(kill(atoi(pid), 0), -1);
	/* and the next one finds a clean place */
	expect(try(TRIAL_OVERLAY, in_base("dir"), 10 * SECONDS), TRI_YES, 0);
}
END_TEST

/* ---- the engine's version ----
 */

static const struct {
	const char *script;
	enum tri value;
	int error;
	const char *detail;
} versions[] = {
	{ "echo 'Docker version 26.1.5+dfsg1, build a72d7cd'", TRI_YES, 0, "26.1.5+dfsg1" },
	{ "echo 'Docker version 1.6.2, build 7c8fca2'", TRI_YES, 0, "1.6.2" },
	{ "echo 'Docker version 20.10.24+dfsg1'", TRI_YES, 0, "20.10.24+dfsg1" },
	{ "[ \"$*\" = --version ] && [ -z \"$HOME\" ] && echo version 7", TRI_YES, 0, "7" },
	{ "echo nothing", TRI_NO, EINVAL, NULL },
	{ "echo version", TRI_NO, EINVAL, NULL },
	{ "true", TRI_NO, EINVAL, NULL },
	{ "echo 'no such flag' >&2; exit 125", TRI_NO, 0, "no such flag" },
	{ "kill -SEGV $$", TRI_NO, 0, NULL },
	{ "exec yes version", TRI_NO, 0, "version" }, /* ends by SIGPIPE */
};

START_TEST(engine_version)
{
	const char *path = write_script("dockerd", versions[_i].script);
	const struct facts_trial *trial = try(TRIAL_ENGINE, path, 10 * SECONDS);

	expect(trial, versions[_i].value, versions[_i].error);
	ck_assert_pstr_eq(trial->detail, versions[_i].detail);
}
END_TEST

START_TEST(engine_that_cannot_be_run)
{
	const char *path = write_script("dockerd", "echo version 1");
	const struct facts_trial *trial;

	expect(try(TRIAL_ENGINE, in_base("missing"), 10 * SECONDS), TRI_NO, ENOENT);
	ck_assert_int_eq(chmod(path, 0644), 0);
	trial = try(TRIAL_ENGINE, path, 10 * SECONDS);
	expect(trial, TRI_NO, 0);
	ck_assert_str_eq(trial->result.evidence, "--version: exit status 126");
}
END_TEST

/* PID 1 has every signal blocked, and a parent may have left some ignored. */
START_TEST(programs_get_signals_as_they_expect_them)
{
	const char *path =
		write_script("dockerd", "echo version $(sed -n 's/^Sig\\(Blk\\|Ign\\):\\t//p' "
					"/proc/self/status | tr '\\n' ' ' | tr ' ' '+')");
	const struct sigaction ignore = { .sa_handler = SIG_IGN };
	const struct facts_trial *trial;
	sigset_t all;

	(void) sigfillset(&all);
	ck_assert_int_eq(sigprocmask(SIG_SETMASK, &all, NULL), 0);
	ck_assert_int_eq(sigaction(SIGUSR1, &ignore, NULL), 0);
	trial = try(TRIAL_ENGINE, path, 10 * SECONDS);
	expect(trial, TRI_YES, 0);
	ck_assert_str_eq(trial->detail, "0000000000000000+0000000000000000+");
}
END_TEST

START_TEST(engine_that_hangs)
{
	const char *path = write_script("dockerd", "sleep 1000");
	int64_t start = clock_now_ms();

	expect(try(TRIAL_ENGINE, path, 300), TRI_UNKNOWN, ETIMEDOUT);
	ck_assert_int_lt(elapsed_ms(start), 5 * SECONDS);
}
END_TEST

START_TEST(unknown_trial_is_refused)
{
	const struct trial_request request = { TRIAL_COUNT, base };
	const struct trial_request no_path = { TRIAL_OVERLAY, NULL };

	ck_assert_int_eq(trial_run(&request, 1000, &arena, &facts, &err), -EINVAL);
	ck_assert_int_eq(trial_run(&no_path, 1000, &arena, &facts, &err), -EINVAL);
	ck_assert_uint_eq(facts.n_trials, 0);
}
END_TEST

/* ---- seccomp ----
 */

START_TEST(calls_without_a_filter)
{
	inspect();
	if (facts.privileges.seccomp_mode != 0)
		return; /* the test itself is confined; the next ones cover that */
	ck_assert_int_eq(facts.privileges.pivot_root.value, TRI_YES);
	ck_assert_int_eq(facts.privileges.keyctl.value, TRI_YES);
}
END_TEST

static const struct {
	int error; /* negative: kill */
	enum tri value;
} filters[] = {
	{ EPERM, TRI_NO },
	{ ENOSYS, TRI_YES }, /* the container runtime copes with that */
	{ -1, TRI_NO },
};

START_TEST(calls_that_a_filter_refuses)
{
	deny(SCMP_SYS(pivot_root), filters[_i].error);
	deny(SCMP_SYS(keyctl), filters[_i].error);
	inspect();
	ck_assert_int_eq(facts.privileges.seccomp_mode, 2);
	ck_assert_int_eq(facts.privileges.pivot_root.value, filters[_i].value);
	ck_assert_int_eq(facts.privileges.keyctl.value, filters[_i].value);
}
END_TEST

START_TEST(calls_that_a_filter_lets_through)
{
	deny(SCMP_SYS(swapon), EPERM);
	inspect();
	ck_assert_int_eq(facts.privileges.seccomp_mode, 2);
	ck_assert_int_eq(facts.privileges.pivot_root.value, TRI_YES);
	ck_assert_int_eq(facts.privileges.keyctl.value, TRI_YES);
}
END_TEST

static TCase *hang_cases(void)
{
	TCase *tcase = tcase_create("hang");

	tcase_add_test(tcase, dead_server_ends_in_a_time_out);
	tcase_add_test(tcase, unkillable_trial_is_abandoned);
	tcase_add_test(tcase, inspection_does_not_hang_on_a_dead_data_root);
	tcase_add_test(tcase, inspection_does_not_hang_on_a_dead_config);
	tcase_add_test(tcase, inspection_asks_a_server_that_answers);
	return tcase;
}

static TCase *program_cases(void)
{
	TCase *tcase = tcase_create("programs");

	tcase_add_test(tcase, fuse_works);
	tcase_add_test(tcase, fuse_on_fuse_is_tried_as_well);
	tcase_add_test(tcase, fuse_without_program_or_device);
	tcase_add_test(tcase, fuse_program_that_fails);
	tcase_add_loop_test(tcase, fuse_program_that_hangs, 0, ARRAY_SIZE(hanging));
	tcase_add_loop_test(tcase, engine_version, 0, ARRAY_SIZE(versions));
	tcase_add_test(tcase, engine_that_cannot_be_run);
	tcase_add_test(tcase, programs_get_signals_as_they_expect_them);
	tcase_add_test(tcase, engine_that_hangs);
	tcase_add_test(tcase, unknown_trial_is_refused);
	return tcase;
}

static TCase *seccomp_cases(void)
{
	TCase *tcase = tcase_create("seccomp");

	tcase_add_test(tcase, calls_without_a_filter);
	tcase_add_loop_test(tcase, calls_that_a_filter_refuses, 0, ARRAY_SIZE(filters));
	tcase_add_test(tcase, calls_that_a_filter_lets_through);
	return tcase;
}

int main(void)
{
	TCase *cases[] = { hang_cases(), program_cases(), seccomp_cases() };

	return run_cases(cases, ARRAY_SIZE(cases));
}
