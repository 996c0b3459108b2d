/* SPDX-License-Identifier: Apache-2.0 */
/* Locks, listeners, stale files, limits and the engine's configuration. */
#include <arpa/inet.h>
#include <net/if.h>
#include <netinet/in.h>
#include <sys/file.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/un.h>

#include "dind/str.h"
#include "fixture.h"

/* ---- lock ---- */

static struct plan_step lock_step(const char *path, const char *holder)
{
	struct plan_step step = { .kind = STEP_LOCK };

	step.u.lock.path = path;
	step.u.lock.create = true;
	step.u.lock.holder = holder;
	return step;
}

START_TEST(test_lock_is_taken_once)
{
	struct plan_step step = lock_step(in_scratch("data/.dind-lock"), "container abc, host h");
	struct apply_context context, other;
	struct snapshot before, after;
	struct stat st;

	ck_assert(enter_test());
	step.u.lock.path = in_scratch("data/.dind-lock");
	apply_context_init(&context);
	assert_step(&context, &step);
	ck_assert(str_has_prefix(read_text(step.u.lock.path), "container abc, host h, since 20"));
	ck_assert_int_eq(stat(step.u.lock.path, &st), 0);
	ck_assert_uint_eq(st.st_mode & 07777, 0644);
	ck_assert_int_eq(fcntl(context.lock_fd, F_GETFD), FD_CLOEXEC);
	snapshot_take(&before);
	assert_step(&context, &step);
	snapshot_take(&after);
	ck_assert_str_eq(before.fds, after.fds);

	apply_context_init(&other);
	assert_step_fails(&other, &step, -EWOULDBLOCK, "locked by container abc, host h");
	ck_assert(str_has_prefix(other.holder, "container abc, host h, since 20"));
	ck_assert_int_lt(other.lock_fd, 0);

	/* the lock goes with its descriptor; the record, which stays, means nothing */
	(void) close(context.lock_fd);
	step.u.lock.holder = "the next";
	assert_step(&other, &step);
	ck_assert(str_has_prefix(read_text(step.u.lock.path), "the next, since 20"));
	ck_assert_str_eq(strchr(read_text(step.u.lock.path), '\n'),
			 "\n"); /* nothing of the first */
}
END_TEST

START_TEST(test_lock_of_an_image_has_its_record_beside_it)
{
	struct plan_step step;
	struct apply_context context, other;
	struct stat st;

	ck_assert(enter_test());
	step = lock_step(in_scratch("data.img"), "container abc");
	apply_context_init(&context);
	assert_step(&context, &step);
	ck_assert_int_eq(stat(in_scratch("data.img"), &st), 0);
	ck_assert_int_eq(st.st_size, 0);
	ck_assert_uint_eq(st.st_mode & 07777, 0600);
	ck_assert(str_has_prefix(read_text(in_scratch("data.img.holder")),
				 "container abc, since 20"));
	apply_context_init(&other);
	assert_step_fails(&other, &step, -EWOULDBLOCK, "container abc");
	ck_assert(str_has_prefix(other.holder, "container abc, since 20"));
}
END_TEST

START_TEST(test_lock_without_a_record)
{
	struct plan_step step;
	struct apply_context context;
	int fd;

	ck_assert(enter_test());
	step = lock_step(in_scratch(".dind-lock"), "me");
	fd = open(step.u.lock.path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	ck_assert_int_eq(flock(fd, LOCK_EX), 0);
	apply_context_init(&context);
	assert_step_fails(&context, &step, -EWOULDBLOCK, "left no record");
	(void) close(fd);
}
END_TEST

START_TEST(test_lock_of_the_next_rung_replaces_the_one_before)
{
	struct plan_step image, directory;
	struct apply_context context, other;

	ck_assert(enter_test());
	image = lock_step(in_scratch("data.img"), "me");
	directory = lock_step(in_scratch(".dind-lock"), "me");
	apply_context_init(&context);
	assert_step(&context, &image);
	assert_step(&context, &directory);
	ck_assert_str_eq(context.lock_path, directory.u.lock.path);
	apply_context_init(&other);
	assert_step(&other, &image);
}
END_TEST

/* ---- listen ---- */

static struct plan_listener unix_listener(const char *path)
{
	struct plan_listener listener = { .kind = LISTENER_UNIX, .url = path, .path = path };

	listener.mode = 0660;
	listener.gid = -1;
	return listener;
}

static struct plan_step listen_step(const struct plan_listener *listeners, size_t n)
{
	struct plan_step step = { .kind = STEP_LISTEN };

	step.u.listen.listeners = listeners;
	step.u.listen.n_listeners = n;
	return step;
}

/* 0 or a negative errno. */
static int connect_to(const char *path)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	int r;

	(void) snprintf(address.sun_path, sizeof(address.sun_path), "%s", path);
	r = connect(fd, (struct sockaddr *) &address, sizeof(address)) < 0 ? -errno : 0;
	(void) close(fd);
	return r;
}

static int bind_socket(const char *path, bool listening)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	(void) snprintf(address.sun_path, sizeof(address.sun_path), "%s", path);
	ck_assert_int_eq(bind(fd, (struct sockaddr *) &address, sizeof(address)), 0);
	if (listening)
		ck_assert_int_eq(listen(fd, 1), 0);
	return fd;
}

START_TEST(test_unix_listener)
{
	struct plan_listener listener;
	struct plan_step step = listen_step(&listener, 1);
	struct apply_context context;
	struct snapshot before, after;
	struct stat st;
	mode_t mask;

	ck_assert(enter_test());
	listener = unix_listener(in_scratch("deep/er/docker.sock"));
	listener.gid = 4711;
	mask = umask(0077);
	apply_context_init(&context);
	snapshot_take(&before);
	assert_step(&context, &step);
	ck_assert_uint_eq(umask(mask), 0077); /* put back */
	ck_assert_uint_eq(context.n_listen, 1);
	ck_assert_int_eq(stat(listener.path, &st), 0);
	ck_assert(S_ISSOCK(st.st_mode));
	ck_assert_uint_eq(st.st_mode & 07777, 0660);
	ck_assert_uint_eq(st.st_gid, 4711);
	ck_assert_int_eq(connect_to(listener.path), 0); /* nobody accepts: it waits */
	ck_assert_int_eq(fcntl(context.listen_fds[0], F_GETFD), FD_CLOEXEC);
	assert_step(&context, &step);
	ck_assert_uint_eq(context.n_listen, 1);
	apply_close_listeners(&context);
	ck_assert_int_lt(lstat(listener.path, &st), 0);
	snapshot_take(&after);
	ck_assert_str_eq(before.fds, after.fds);
	apply_close_listeners(&context); /* safe again */
}
END_TEST

START_TEST(test_unix_listener_over_leftovers)
{
	struct plan_listener listener;
	struct plan_step step = listen_step(&listener, 1);
	struct apply_context context;
	int fd;

	ck_assert(enter_test());
	listener = unix_listener(in_scratch("docker.sock"));
	/* a stale socket */
	(void) close(bind_socket(listener.path, true));
	apply_context_init(&context);
	assert_step(&context, &step);
	assert_notice(&context, "removed the stale socket");
	apply_close_listeners(&context);
	/* an empty directory, as a bind mount of a missing socket makes one */
	ck_assert_int_eq(mkdir(listener.path, 0755), 0);
	assert_step(&context, &step);
	assert_notice(&context, "removed the empty directory");
	apply_close_listeners(&context);
	/* a directory with something in it */
	ck_assert_int_eq(mkdir(listener.path, 0755), 0);
	ck_assert(write_text(in_scratch("docker.sock/x"), "x"));
	assert_step_fails(&context, &step, -ENOTEMPTY, "is a directory");
	ck_assert_int_eq(unlink(in_scratch("docker.sock/x")), 0);
	/* a mount point */
	ck_assert_int_eq(mount("x", listener.path, "tmpfs", 0, NULL), 0);
	assert_step_fails(&context, &step, -EBUSY, "is a directory");
	ck_assert_int_eq(umount(listener.path), 0);
	ck_assert_int_eq(rmdir(listener.path), 0);
	/* a file */
	ck_assert(write_text(listener.path, "x"));
	assert_step_fails(&context, &step, -EEXIST, "is not a socket");
	ck_assert_int_eq(unlink(listener.path), 0);
	/* a socket that answers */
	fd = bind_socket(listener.path, true);
	assert_step_fails(&context, &step, -EADDRINUSE, "somebody answers");
	ck_assert_int_eq(connect_to(listener.path), 0);
	(void) close(fd);
	ck_assert_uint_eq(context.n_listen, 0);
}
END_TEST

/* A socket that somebody else has put there since is not ours to remove. */
START_TEST(test_successor_is_left_alone)
{
	struct plan_listener listener;
	struct plan_step step = listen_step(&listener, 1);
	struct apply_context context;
	int fd;

	ck_assert(enter_test());
	listener = unix_listener(in_scratch("docker.sock"));
	apply_context_init(&context);
	assert_step(&context, &step);
	ck_assert_int_eq(rename(listener.path, in_scratch("old.sock")), 0);
	fd = bind_socket(listener.path, true);
	apply_close_listeners(&context);
	ck_assert_int_eq(connect_to(listener.path), 0);
	(void) close(fd);
}
END_TEST

START_TEST(test_path_too_long)
{
	struct plan_listener listener;
	struct plan_step step = listen_step(&listener, 1);
	struct apply_context context;
	char path[160];

	ck_assert(enter_test());
	memset(path, 'x', sizeof(path));
	path[0] = '/';
	path[120] = '\0';
	listener = unix_listener(path);
	apply_context_init(&context);
	assert_step_fails(&context, &step, -ENAMETOOLONG, "at most 107");
}
END_TEST

static void loopback_up(void)
{
	struct ifreq request = { .ifr_name = "lo" };
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	request.ifr_flags = IFF_UP | IFF_RUNNING;
	ck_assert_int_eq(ioctl(fd, SIOCSIFFLAGS, &request), 0);
	(void) close(fd);
}

static int connect_v4(uint16_t port)
{
	struct sockaddr_in address = { .sin_family = AF_INET, .sin_port = htons(port) };
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	int r;

	address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	r = connect(fd, (struct sockaddr *) &address, sizeof(address)) < 0 ? -errno : 0;
	(void) close(fd);
	return r;
}

START_TEST(test_tcp_listeners)
{
	struct plan_listener listeners[] = {
		{ .kind = LISTENER_TCP,
		  .url = "tcp://127.0.0.1:2375",
		  .host = "127.0.0.1",
		  .port = 2375 },
		{ .kind = LISTENER_TCP, .url = "tcp://:2376", .host = "", .port = 2376 },
		{ .kind = LISTENER_TCP, .url = "tcp://[::1]:2377", .host = "::1", .port = 2377 },
	};
	struct plan_step step = listen_step(listeners, 3);
	struct plan_listener bad = { .kind = LISTENER_TCP, .url = "tcp://host:1", .host = "host" };
	struct plan_step bad_step = listen_step(&bad, 1);
	struct apply_context context, other;
	struct snapshot before, after;

	ck_assert(enter_test());
	loopback_up();
	apply_context_init(&context);
	assert_step(&context, &step);
	ck_assert_uint_eq(context.n_listen, 3);
	ck_assert_int_eq(connect_v4(2375), 0);
	ck_assert_int_eq(connect_v4(2376), 0); /* every address: IPv4, too */
	snapshot_take(&before);
	assert_step(&context, &step);
	snapshot_take(&after);
	ck_assert_str_eq(before.fds, after.fds);
	apply_context_init(&other);
	assert_step_fails(&other, &step, -EADDRINUSE, "tcp://127.0.0.1:2375");
	assert_step_fails(&other, &bad_step, -EINVAL, "'host' is not a numeric address");
	apply_close_listeners(&context);
	ck_assert_int_eq(connect_v4(2375), -ECONNREFUSED);
	assert_step(&other, &step); /* at once: SO_REUSEADDR */
	apply_close_listeners(&other);
}
END_TEST

/* ---- sweep ---- */

static struct plan_step sweep_step(const char *pid_file, const char *unix_socket)
{
	struct plan_step step = { .kind = STEP_SWEEP };

	if (pid_file)
		step.u.sweep.pid_files[step.u.sweep.n_pid_files++] = pid_file;
	if (unix_socket)
		step.u.sweep.sockets[step.u.sweep.n_sockets++] = unix_socket;
	return step;
}

/* A process that is called @name by its comm and runs a program of that name. */
static pid_t start_named(const char *name)
{
	const char *program = in_scratch(name);
	int ready[2];
	char byte;
	pid_t pid;

	if (access(program, X_OK) < 0) {
		const char *copy[] = { "/bin/cp", "/bin/sleep", program, NULL };

		ck_assert_int_eq(run_to_file(copy, "/dev/null"), 0);
	}
	ck_assert_int_eq(pipe2(ready, O_CLOEXEC), 0);
	pid = fork();
	if (pid == 0) {
		(void) prctl(PR_SET_PDEATHSIG, SIGKILL);
		(void) execl(program, name, "60", (char *) NULL);
		_exit(127);
	}
	(void) close(ready[1]);
	ck_assert_int_eq(read(ready[0], &byte, 1), 0); /* it was executed */
	(void) close(ready[0]);
	return pid;
}

static void write_pid(const char *path, pid_t pid)
{
	char text[16];

	(void) snprintf(text, sizeof(text), "%d", (int) pid);
	ck_assert(write_text(path, text));
}

static void end_process(pid_t pid)
{
	ck_assert_int_eq(kill(pid, SIGKILL), 0);
	ck_assert_int_eq(waitpid(pid, NULL, 0), pid);
}

START_TEST(test_pid_files)
{
	struct apply_context context;
	struct plan_step step, other;
	pid_t dockerd, sshd;
	char words[64];

	ck_assert(enter_test());
	apply_context_init(&context);
	step = sweep_step(in_scratch("docker.pid"), NULL);
	other = sweep_step(in_scratch("containerd.pid"), NULL);
	assert_step(&context, &step); /* nothing is there */
	ck_assert_str_eq(context.notice, "");

	dockerd = start_named("dockerd");
	sshd = start_named("sshd");
	write_pid(in_scratch("docker.pid"), dockerd);
	assert_step(&context, &step);
	ck_assert_int_eq(access(in_scratch("docker.pid"), F_OK), 0); /* it lives */
	write_pid(in_scratch("containerd.pid"), dockerd);	     /* and is no containerd */
	assert_step(&context, &other);
	ck_assert_int_lt(access(in_scratch("containerd.pid"), F_OK), 0);
	assert_notice(&context, "is now dockerd)");

	write_pid(in_scratch("docker.pid"), sshd);
	assert_step(&context, &step);
	ck_assert_int_lt(access(in_scratch("docker.pid"), F_OK), 0);
	(void) snprintf(words, sizeof(words), "(pid %d is now sshd)", (int) sshd);
	assert_notice(&context, words);

	write_pid(in_scratch("docker.pid"), getpid());
	assert_step(&context, &step);
	assert_notice(&context, "is now this process)");

	ck_assert(write_text(in_scratch("docker.pid"), "rubbish"));
	assert_step(&context, &step);
	assert_notice(&context, "it holds no pid");

	write_pid(in_scratch("docker.pid"), dockerd);
	end_process(dockerd);
	assert_step(&context, &step);
	ck_assert_int_lt(access(in_scratch("docker.pid"), F_OK), 0);
	assert_notice(&context, "is gone)");
	end_process(sshd);
}
END_TEST

START_TEST(test_zombie_is_no_owner)
{
	struct apply_context context;
	struct plan_step step;
	siginfo_t info;
	pid_t dockerd;

	ck_assert(enter_test());
	dockerd = start_named("dockerd");
	step = sweep_step(in_scratch("docker.pid"), NULL);
	write_pid(in_scratch("docker.pid"), dockerd);
	ck_assert_int_eq(kill(dockerd, SIGKILL), 0);
	ck_assert_int_eq(waitid(P_PID, (id_t) dockerd, &info, WEXITED | WNOWAIT), 0);
	apply_context_init(&context);
	assert_step(&context, &step);
	assert_notice(&context, "is gone)");
	ck_assert_int_eq(waitpid(dockerd, NULL, 0), dockerd);
}
END_TEST

START_TEST(test_sockets)
{
	struct apply_context context;
	struct plan_step step;
	int fd;

	ck_assert(enter_test());
	apply_context_init(&context);
	step = sweep_step(NULL, in_scratch("containerd.sock"));
	assert_step(&context, &step);
	(void) close(bind_socket(in_scratch("containerd.sock"), true));
	assert_step(&context, &step);
	assert_notice(&context, "removed stale socket");
	ck_assert_int_lt(access(in_scratch("containerd.sock"), F_OK), 0);
	fd = bind_socket(in_scratch("containerd.sock"), true);
	assert_step(&context, &step);
	ck_assert_str_eq(context.notice, "");
	ck_assert_int_eq(connect_to(in_scratch("containerd.sock")), 0);
	(void) close(fd);
	ck_assert_int_eq(unlink(in_scratch("containerd.sock")), 0);
	ck_assert(write_text(in_scratch("containerd.sock"), "a file"));
	assert_step(&context, &step);
	ck_assert_str_eq(read_text(in_scratch("containerd.sock")), "a file");
}
END_TEST

/* Opening it would wait for a writer for ever. */
START_TEST(test_fifo_does_not_hang)
{
	struct apply_context context;
	struct plan_step step;

	ck_assert(enter_test());
	ck_assert_int_eq(mkfifo(in_scratch("docker.pid"), 0644), 0);
	step = sweep_step(in_scratch("docker.pid"), NULL);
	apply_context_init(&context);
	assert_step_fails(&context, &step, -EINVAL, "not a regular file");
}
END_TEST

/* What cannot be removed is the error; the rest goes all the same. */
START_TEST(test_one_failure_does_not_keep_the_others)
{
	struct apply_context context;
	struct plan_step step;

	ck_assert(enter_test());
	ck_assert_int_eq(mkdir(in_scratch("ro"), 0755), 0);
	ck_assert(write_text(in_scratch("ro/docker.pid"), "999999"));
	ck_assert(write_text(in_scratch("docker.pid"), "999999"));
	ck_assert_int_eq(mount(in_scratch("ro"), in_scratch("ro"), NULL, MS_BIND, NULL), 0);
	ck_assert_int_eq(
		mount(NULL, in_scratch("ro"), NULL, MS_REMOUNT | MS_BIND | MS_RDONLY, NULL), 0);
	step = sweep_step(in_scratch("ro/docker.pid"), NULL);
	step.u.sweep.pid_files[step.u.sweep.n_pid_files++] = in_scratch("docker.pid");
	apply_context_init(&context);
	assert_step_fails(&context, &step, -EROFS, "ro/docker.pid");
	ck_assert_int_lt(access(in_scratch("docker.pid"), F_OK), 0);
}
END_TEST

/* ---- limits ---- */

START_TEST(test_limits)
{
	struct plan_step step = { .kind = STEP_LIMITS };
	struct apply_context context;
	struct rlimit limit;

	apply_context_init(&context);
	ck_assert_int_eq(getrlimit(RLIMIT_NOFILE, &limit), 0);
	step.u.limits.set_nofile = true;
	step.u.limits.nofile_soft = 1024;
	step.u.limits.nofile_hard = 4096;
	assert_step(&context, &step);
	assert_step(&context, &step);
	ck_assert_int_eq(getrlimit(RLIMIT_NOFILE, &limit), 0);
	ck_assert_uint_eq(limit.rlim_cur, 1024);
	ck_assert_uint_eq(limit.rlim_max, 4096);
	step.u.limits.set_nofile = false;
	step.u.limits.set_oom_score = true;
	step.u.limits.oom_score_adj = 300; /* raising is always allowed */
	assert_step(&context, &step);
	assert_step(&context, &step);
	ck_assert_str_eq(read_text("/proc/self/oom_score_adj"), "300\n");
}
END_TEST

/* More than the kernel gives: what there is, with a word about it. */
START_TEST(test_limits_beyond_what_is_allowed)
{
	struct plan_step step = { .kind = STEP_LIMITS };
	struct apply_context context;
	struct rlimit limit = { 512, 2048 };

	apply_context_init(&context);
	ck_assert_int_eq(setrlimit(RLIMIT_NOFILE, &limit), 0);
	step.u.limits.set_nofile = true;
	step.u.limits.nofile_soft = 1ULL << 40; /* beyond fs.nr_open, even for CAP_SYS_RESOURCE */
	step.u.limits.nofile_hard = 1ULL << 40;
	assert_step(&context, &step);
	assert_notice(&context, "limited to 2048");
	ck_assert_int_eq(getrlimit(RLIMIT_NOFILE, &limit), 0);
	ck_assert_uint_eq(limit.rlim_cur, 2048);
	assert_step(&context, &step);
}
END_TEST

/* ---- config ---- */

static const char *const drop[] = { "hosts", "tlsverify", NULL };

static struct plan_step config_step(void)
{
	struct plan_step step = { .kind = STEP_CONFIG };

	step.u.config.source = in_scratch("daemon.json");
	step.u.config.target = in_scratch("effective.json");
	step.u.config.drop = drop;
	return step;
}

START_TEST(test_config)
{
	struct plan_step step;
	struct apply_context context;
	struct stat first, second;

	ck_assert(enter_test());
	step = config_step();
	apply_context_init(&context);
	ck_assert(write_text(step.u.config.source,
			     "\xef\xbb\xbf{\"hosts\": [\"fd://\"], \"mtu\": 1400,"
			     " \"log-opts\": {\"hosts\": \"1\"}}"));
	assert_step(&context, &step);
	ck_assert_str_eq(read_text(step.u.config.target),
			 "{\n  \"mtu\": 1400,\n  \"log-opts\": {\n    \"hosts\": \"1\"\n  }\n}\n");
	ck_assert_int_eq(stat(step.u.config.target, &first), 0);
	ck_assert_uint_eq(first.st_mode & 07777, 0600);
	assert_step(&context, &step);
	ck_assert_int_eq(stat(step.u.config.target, &second), 0);
	ck_assert_uint_eq(first.st_ino, second.st_ino); /* not even written again */
}
END_TEST

static const struct plan_setting merged[] = {
	{ "mtu", "1400", ORIGIN_DEFAULT, "why", false },
	{ "debug", "true", ORIGIN_FILE, "file", false },
	{ "dns", "[\"10.0.0.1\"]", ORIGIN_OPTION, "--dns", false },
	{ "labels", "\"a\", \"b\"", ORIGIN_FLAG, "dockerd's --label", true },
	{ "storage-driver", "\"overlay2\"", ORIGIN_DEFAULT, "why", false },
};

START_TEST(test_config_is_merged)
{
	struct plan_step step;
	struct apply_context context;

	ck_assert(enter_test());
	step = config_step();
	step.u.config.settings = merged;
	step.u.config.n_settings = ARRAY_SIZE(merged);
	apply_context_init(&context);
	/* there need not be a file, nor anything in it */
	assert_step(&context, &step);
	ck_assert_str_eq(read_text(step.u.config.target),
			 "{\n  \"mtu\": 1400,\n  \"dns\": [\n    \"10.0.0.1\"\n  ],\n"
			 "  \"storage-driver\": \"overlay2\"\n}\n");
	ck_assert(write_text(step.u.config.source, " \n"));
	assert_step(&context, &step);
	ck_assert_ptr_nonnull(strstr(read_text(step.u.config.target), "\"mtu\": 1400"));
	/* a default of ours gives way to it, an option does not */
	ck_assert(write_text(step.u.config.source, "{\"mtu\": 1300, \"dns\": [\"10.0.0.9\"]}"));
	assert_step(&context, &step);
	ck_assert_str_eq(read_text(step.u.config.target),
			 "{\n  \"mtu\": 1300,\n  \"dns\": [\n    \"10.0.0.1\"\n  ],\n"
			 "  \"storage-driver\": \"overlay2\"\n}\n");
	ck_assert_str_eq(read_text(step.u.config.source),
			 "{\"mtu\": 1300, \"dns\": [\"10.0.0.9\"]}");
}
END_TEST

/* A dockerd that says what it is asked, and judges @words. */
static const char *validator(const char *words)
{
	char text[512];

	(void) snprintf(text, sizeof(text), "#!/bin/sh\necho \"$*\" >%s\n%s\n", in_scratch("asked"),
			words);
	ck_assert(write_text(in_scratch("dockerd"), text));
	ck_assert_int_eq(chmod(in_scratch("dockerd"), 0755), 0);
	return in_scratch("dockerd");
}

START_TEST(test_config_is_merged_again)
{
	const char *argv[] = { NULL, "--config-file", NULL, "-H", "fd://", NULL };
	struct error err = ERROR_INIT;
	struct plan_step step;

	ck_assert(enter_test());
	step = config_step();
	step.u.config.source = strdup(step.u.config.source); /* there are few buffers */
	step.u.config.target = strdup(step.u.config.target);
	argv[2] = step.u.config.target;
	ck_assert(write_text(step.u.config.target, "{\"mtu\": 1}\n"));
	ck_assert(write_text(step.u.config.source, "{\"mtu\": 2}"));

	argv[0] = validator("exit 0");
	ck_assert_msg(apply_reload(&step, argv, &err) == 0, "%s", err.message);
	ck_assert_str_eq(read_text(step.u.config.target), "{\n  \"mtu\": 2\n}\n");
	ck_assert(str_has_prefix(read_text(in_scratch("asked")), "--validate --config-file "));
	ck_assert_ptr_nonnull(
		strstr(read_text(in_scratch("asked")), "effective.json.new -H fd://"));

	/* one that is too old to be asked */
	ck_assert(write_text(step.u.config.source, "{\"mtu\": 3}"));
	argv[0] = validator(
		"echo 'unknown flag: --validate'; echo \"See 'dockerd --help'.\"; exit 1");
	ck_assert_msg(apply_reload(&step, argv, &err) == 0, "%s", err.message);
	ck_assert_str_eq(read_text(step.u.config.target), "{\n  \"mtu\": 3\n}\n");

	/* one that does not like it: nothing is changed, and nothing is left */
	ck_assert(write_text(step.u.config.source, "{\"mut\": 4}"));
	argv[0] = validator("echo 'what is mut'; exit 1");
	ck_assert_int_lt(apply_reload(&step, argv, &err), 0);
	ck_assert_ptr_nonnull(strstr(err.message, "what is mut"));
	ck_assert_str_eq(read_text(step.u.config.target), "{\n  \"mtu\": 3\n}\n");
	ck_assert_int_lt(access(in_scratch("effective.json.new"), F_OK), 0);

	/* what is no JSON is not even asked about */
	(void) unlink(in_scratch("asked"));
	ck_assert(write_text(step.u.config.source, "{\n\"mtu\": 4,\n}"));
	ck_assert_int_eq(apply_reload(&step, argv, &err), -EINVAL);
	ck_assert_ptr_nonnull(strstr(err.message, "line 3 column 1"));
	ck_assert_str_eq(read_text(step.u.config.target), "{\n  \"mtu\": 3\n}\n");
	ck_assert_int_lt(access(in_scratch("asked"), F_OK), 0);
	free((void *) (uintptr_t) step.u.config.source);
	free((void *) (uintptr_t) step.u.config.target);
}
END_TEST

#define BLOCK(text) "-----BEGIN CERTIFICATE-----\n" text "\n-----END CERTIFICATE-----"

START_TEST(test_authorities)
{
	const char *sources[] = { NULL, NULL, NULL };
	struct plan_step step = { .kind = STEP_CA };
	char *target, *one, *many;
	struct apply_context context;
	struct stat st;

	ck_assert(enter_test());
	apply_context_init(&context);
	step.u.ca.sources = sources;
	step.u.ca.target = target = strdup(in_scratch("ca/engine.pem"));
	sources[0] = one = strdup(in_scratch("one.pem"));
	sources[1] = many = strdup(in_scratch("many"));
	assert_step_fails(&context, &step, -EINVAL, "one.pem");
	ck_assert(write_text(
		in_scratch("one.pem"),
		"words\n-----BEGIN PRIVATE KEY-----\nkey\n-----END PRIVATE KEY-----\n" BLOCK(
			"first") "\nmore\n" BLOCK("second") "\n"));
	ck_assert_int_eq(mkdir(in_scratch("many"), 0755), 0);
	assert_step_fails(&context, &step, -EINVAL, "there is no certificate in");
	ck_assert(write_text(in_scratch("many/b.crt"), BLOCK("third")));
	ck_assert(write_text(in_scratch("many/a.txt"), "none\n"));
	ck_assert(write_text(in_scratch("many/.hidden"), BLOCK("not this")));
	assert_step(&context, &step);
	ck_assert_str_eq(read_text(step.u.ca.target),
			 BLOCK("first") "\n" BLOCK("second") "\n" BLOCK("third") "\n");
	ck_assert_int_eq(stat(step.u.ca.target, &st), 0);
	ck_assert_uint_eq(st.st_mode & 07777, 0644);
	assert_step(&context, &step);
	ck_assert(write_text(in_scratch("one.pem"), "-----BEGIN CERTIFICATE-----\ncut"));
	assert_step_fails(&context, &step, -EINVAL, "one.pem");
	free(target);
	free(one);
	free(many);
}
END_TEST

START_TEST(test_bad_config)
{
	struct plan_step step;
	struct apply_context context;

	ck_assert(enter_test());
	step = config_step();
	step.u.config.required = true;
	apply_context_init(&context);
	assert_step_fails(&context, &step, -ENOENT, "daemon.json");
	ck_assert(write_text(step.u.config.source, "{\n  \"a\": 1,\n  \"a\": 2\n}"));
	assert_step_fails(&context, &step, -EINVAL, "line 3");
	ck_assert(write_text(step.u.config.source, "[1]"));
	assert_step_fails(&context, &step, -EINVAL, "no JSON object");
	ck_assert_int_lt(access(step.u.config.target, F_OK), 0);
}
END_TEST

/* ---- files of the plan ---- */

START_TEST(test_file)
{
	struct plan_step step = { .kind = STEP_FILE };
	struct apply_context context;
	struct stat first, second;

	ck_assert(enter_test());
	apply_context_init(&context);
	step.u.file.path = in_scratch("some.toml");
	step.u.file.content = "version = 2\n";
	step.u.file.mode = 0640;
	(void) umask(077);
	assert_step(&context, &step);
	ck_assert_str_eq(read_text(step.u.file.path), "version = 2\n");
	ck_assert_int_eq(stat(step.u.file.path, &first), 0);
	ck_assert_uint_eq(first.st_mode & 07777, 0640);
	assert_step(&context, &step);
	ck_assert_int_eq(stat(step.u.file.path, &second), 0);
	ck_assert_uint_eq(first.st_ino, second.st_ino); /* not even written again */

	/* another content, the same with more behind it, another mode */
	ck_assert(write_text(step.u.file.path, "version = 3\n"));
	assert_step(&context, &step);
	ck_assert_str_eq(read_text(step.u.file.path), "version = 2\n");
	ck_assert(write_text(step.u.file.path, "version = 2\n\n"));
	assert_step(&context, &step);
	ck_assert_str_eq(read_text(step.u.file.path), "version = 2\n");
	ck_assert_int_eq(chmod(step.u.file.path, 0666), 0);
	assert_step(&context, &step);
	ck_assert_int_eq(stat(step.u.file.path, &second), 0);
	ck_assert_uint_eq(second.st_mode & 07777, 0640);

	/* a link is replaced, not followed */
	ck_assert_int_eq(rename(step.u.file.path, in_scratch("other")), 0);
	ck_assert_int_eq(symlink("other", step.u.file.path), 0);
	step.u.file.content = "new\n";
	assert_step(&context, &step);
	ck_assert_str_eq(read_text(in_scratch("other")), "version = 2\n");
	ck_assert_str_eq(read_text(step.u.file.path), "new\n");

	step.u.file.path = in_scratch("no/such/place");
	assert_step_fails(&context, &step, -ENOENT, "no/such/place");
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("apply files");
	TCase *tests = tcase_create("files");

	require_root();
	tcase_set_timeout(tests, 20);
	tcase_add_test(tests, test_lock_is_taken_once);
	tcase_add_test(tests, test_lock_of_an_image_has_its_record_beside_it);
	tcase_add_test(tests, test_lock_without_a_record);
	tcase_add_test(tests, test_lock_of_the_next_rung_replaces_the_one_before);
	tcase_add_test(tests, test_unix_listener);
	tcase_add_test(tests, test_unix_listener_over_leftovers);
	tcase_add_test(tests, test_successor_is_left_alone);
	tcase_add_test(tests, test_path_too_long);
	tcase_add_test(tests, test_tcp_listeners);
	tcase_add_test(tests, test_pid_files);
	tcase_add_test(tests, test_zombie_is_no_owner);
	tcase_add_test(tests, test_sockets);
	tcase_add_test(tests, test_fifo_does_not_hang);
	tcase_add_test(tests, test_one_failure_does_not_keep_the_others);
	tcase_add_test(tests, test_limits);
	tcase_add_test(tests, test_limits_beyond_what_is_allowed);
	tcase_add_test(tests, test_config);
	tcase_add_test(tests, test_config_is_merged);
	tcase_add_test(tests, test_config_is_merged_again);
	tcase_add_test(tests, test_authorities);
	tcase_add_test(tests, test_bad_config);
	tcase_add_test(tests, test_file);
	suite_add_tcase(suite, tests);
	return run_suite(suite);
}
