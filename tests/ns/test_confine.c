/* SPDX-License-Identifier: Apache-2.0 */
/*
 * --confine: the program, call by call, as the kernel would run it; and a child under it, on this
 * kernel. What is refused comes from confine_calls.h, not from the plan: one list checks the other.
 */
#include <linux/audit.h>
#include <linux/seccomp.h>
#include <stddef.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/sysmacros.h>
#include <sys/timex.h>

#include "../unit/plan_fixture.h"
#undef CAP
#define run_suite run_ns_suite /* plan_fixture.h has one too */
#include "confine_calls.h"
#include "dind/supervise.h"
#include "fixture.h"

#define HELPER HELPER_DIR "/helper_confine"

static const char *const environment[] = { "PATH=/usr/bin:/bin", NULL };

/* What the plan of a machine says, compiled. */
static void confine(struct machine *m, struct apply_context *context)
{
	struct error err = ERROR_INIT;

	machine_plan(m);
	apply_context_init(context);
	ck_assert_msg(apply_step(context, the_step_with_key(m, "confine"), &err) == 0, "%s",
		      err.message);
	ck_assert_uint_gt(context->filter.length, 0);
}

/* ---- the program ---- */

/* A classic BPF machine, for the instructions that libseccomp uses. */
static uint32_t run_program(const struct launch_filter *filter, const struct seccomp_data *data)
{
	uint32_t a = 0;

	for (size_t pc = 0; pc < filter->length; pc++) {
		const struct sock_filter *in = &filter->code[pc];
		bool yes;

		switch (in->code) {
		case BPF_LD | BPF_W | BPF_ABS:
			ck_assert_uint_le(in->k, sizeof(*data) - sizeof(a));
			memcpy(&a, (const char *) data + in->k, sizeof(a));
			continue;
		case BPF_RET | BPF_K:
			return in->k;
		case BPF_JMP | BPF_JA:
			pc += in->k;
			continue;
		case BPF_JMP | BPF_JEQ | BPF_K:
			yes = a == in->k;
			break;
		case BPF_JMP | BPF_JGT | BPF_K:
			yes = a > in->k;
			break;
		case BPF_JMP | BPF_JGE | BPF_K:
			yes = a >= in->k;
			break;
		default:
			ck_abort_msg("instruction %zu has the code %#x", pc, in->code);
			continue;
		}
		pc += yes ? in->jt : in->jf;
	}
	ck_abort_msg("the program has no end");
	return 0;
}

static uint32_t answer(const struct launch_filter *filter, uint32_t arch, int number)
{
	struct seccomp_data data = { .nr = number, .arch = arch };

	return run_program(filter, &data);
}

static const char *wanted_call(uint32_t arch, int number, bool modules)
{
	for (size_t i = 0; i < COUNT(refused_calls); i++) {
		const struct confine_call *c = &refused_calls[i];

		if (c->modules && modules)
			continue;
		if (arch == AUDIT_ARCH_X86_64 && (number == c->nr_64 || number == c->nr_x32))
			return c->name;
		if (arch == AUDIT_ARCH_I386 && number == c->nr_32)
			return c->name;
	}
	return NULL;
}

static void check_program(const struct launch_filter *filter, bool modules)
{
	static const struct {
		uint32_t arch;
		int base;
	} ranges[] = {
		{ AUDIT_ARCH_X86_64, 0 }, { AUDIT_ARCH_X86_64, X32 }, { AUDIT_ARCH_I386, 0 },
		{ AUDIT_ARCH_I386, X32 }, { AUDIT_ARCH_AARCH64, 0 },
	};
	size_t n = 0;

	for (size_t r = 0; r < ARRAY_SIZE(ranges); r++)
		for (int number = ranges[r].base; number < ranges[r].base + 1024; number++) {
			const char *name = number == NONE
						   ? NULL
						   : wanted_call(ranges[r].arch, number, modules);
			uint32_t got = answer(filter, ranges[r].arch, number);

			n += name != NULL;
			ck_assert_msg(got == (name ? SECCOMP_RET_ERRNO | EPERM : SECCOMP_RET_ALLOW),
				      "arch %#x number %#x (%s): %#x", ranges[r].arch,
				      (unsigned int) number, name ? name : "not listed", got);
		}
	ck_assert_uint_eq(n, modules ? 31 : 46);
}

START_TEST(program_refuses_the_list_and_nothing_else)
{
	struct apply_context context;
	struct machine m;

	machine_with_volume(&m);
	confine(&m, &context);
	check_program(&context.filter, false);
	machine_free(&m);
}
END_TEST

START_TEST(modules_that_were_brought_may_be_loaded)
{
	struct apply_context context;
	struct machine m;

	machine_with_volume(&m);
	(void) machine_mount(&m, "/usr/lib/modules", "ext4");
	confine(&m, &context);
	check_program(&context.filter, true);
	machine_free(&m);
}
END_TEST

START_TEST(twice_is_once)
{
	struct apply_context context;
	struct launch_filter first;
	static struct snapshot before, after;
	struct machine m;

	machine_with_volume(&m);
	snapshot_take(&before);
	confine(&m, &context);
	first = context.filter;
	assert_step(&context, the_step_with_key(&m, "confine"));
	snapshot_take(&after);
	ck_assert_mem_eq(&first, &context.filter, sizeof(first));
	ck_assert_str_eq(before.fds, after.fds);
	/* nothing was installed here */
	ck_assert_has(read_text("/proc/self/status"), "\nSeccomp:\t0\n");
	machine_free(&m);
}
END_TEST

START_TEST(no_program_is_made_of_what_is_not_known)
{
	static const char *const refused[] = { "swapon", "no_such_call", NULL };
	struct plan_step step = { .kind = STEP_CONFINE, .u.confine.refused = refused };
	struct apply_context context;

	apply_context_init(&context);
	assert_step_fails(&context, &step, -ENOSYS, "no_such_call");
	ck_assert_uint_eq(context.filter.length, 0);
}
END_TEST

/* ---- under it ---- */

/* Run @argv with @filter (NULL: none); its output. */
static const char *output_of(const char *const *argv, const struct launch_filter *filter)
{
	static char text[2][16384];
	static unsigned int next;
	char *buf = text[next++ % 2];
	struct launch launch = { .argv = argv, .environment = environment, .filter = filter };
	struct error err = ERROR_INIT;
	struct spawn_fds fds = { .in = -1, .out = -1, .err = -1 };
	sigset_t none;
	int ends[2], pidfd = -1, status;
	size_t used = 0;
	ssize_t n;
	pid_t pid;

	(void) sigemptyset(&none);
	ck_assert_int_eq(pipe2(ends, O_CLOEXEC), 0);
	fds.out = ends[1];
	pid = supervise_spawn(&launch, &fds, &none, &pidfd, &err);
	ck_assert_msg(pid > 0, "%s", err.message);
	(void) close(ends[1]);
	while ((n = read(ends[0], buf + used, sizeof(text[0]) - 1 - used)) > 0)
		used += (size_t) n;
	buf[used] = '\0';
	(void) close(ends[0]);
	(void) close(pidfd);
	ck_assert_int_eq(waitpid(pid, &status, 0), pid);
	ck_assert_msg(status == 0, "%s ended with %#x", argv[0], status);
	return buf;
}

/* The errno that the helper got, or -1 when it did not make this call. */
static int errno_of(const char *output, const char *list, const char *name, const char *abi)
{
	char wanted[96];
	const char *line;

	(void) snprintf(wanted, sizeof(wanted), "%s %s %s ", list, name, abi);
	line = strstr(output, wanted);
	return line ? atoi(line + strlen(wanted)) : -1;
}

static void check_calls(const char *free, const char *confined)
{
	static const char *const abis[] = { "x86_64", "x32", "i386" };
	int n = 0, harmless = 0;

	for (size_t a = 0; a < ARRAY_SIZE(abis); a++) {
		for (size_t i = 0; i < COUNT(refused_calls); i++) {
			const char *name = refused_calls[i].name;
			int is = errno_of(confined, "refused", name, abis[a]);

			ck_assert_msg(is == EPERM || is == -1, "%s (%s): %d", name, abis[a], is);
			n += is == EPERM;
			harmless += errno_of(free, "refused", name, abis[a]) > EPERM;
		}
		for (size_t i = 0; i < COUNT(allowed_calls); i++) {
			const char *name = allowed_calls[i].name;

			ck_assert_msg(errno_of(free, "allowed", name, abis[a]) ==
					      errno_of(confined, "allowed", name, abis[a]),
				      "%s (%s)", name, abis[a]);
		}
	}
	/* all ABIs, or all but i386 where the kernel has none */
	ck_assert_int_eq(n, strstr(confined, "no i386") ? 29 : 46);
	/* and it was the filter that said it: without, nearly all have another answer (a
	 * capability may be missing here) */
	ck_assert_int_gt(harmless, n / 2);
}

START_TEST(calls_of_a_child_fail)
{
	static const char *const argv[] = { HELPER, NULL };
	struct apply_context context;
	const char *unconfined;
	struct machine m;

	machine_with_volume(&m);
	confine(&m, &context);
	unconfined = output_of(argv, NULL);
	check_calls(unconfined, output_of(argv, &context.filter));
	machine_free(&m);
}
END_TEST

static const char *line_of(const char *text, const char *name)
{
	static char lines[4][128];
	static unsigned int next;
	char *buf = lines[next++ % 4];
	const char *line = strstr(text, name);

	(void) snprintf(buf, sizeof(lines[0]), "%.*s", line ? (int) strcspn(line, "\n") : 0,
			line ? line : "");
	return buf;
}

START_TEST(nothing_else_about_a_child_changes)
{
	static const char *const argv[] = { "/bin/cat", "/proc/self/status", NULL };
	static const char *const same[] = { "NoNewPrivs:",
					    "CapEff:",
					    "CapBnd:",
					    "CapPrm:",
					    "Speculation_Store_Bypass:",
					    "SpeculationIndirectBranch:" };
	const char *unconfined, *confined;
	struct apply_context context;
	struct machine m;

	machine_with_volume(&m);
	confine(&m, &context);
	unconfined = output_of(argv, NULL);
	confined = output_of(argv, &context.filter);
	ck_assert_str_eq(line_of(unconfined, "Seccomp:"), "Seccomp:\t0");
	ck_assert_str_eq(line_of(confined, "Seccomp:"), "Seccomp:\t2");
	ck_assert_str_eq(line_of(confined, "NoNewPrivs:"), "NoNewPrivs:\t0");
	for (size_t i = 0; i < ARRAY_SIZE(same); i++)
		ck_assert_str_eq(line_of(unconfined, same[i]), line_of(confined, same[i]));
	/* the flag that the line about store bypass hangs on, KERNEL>=4.17 */
	ck_assert_uint_eq(context.filter.flags, SECCOMP_FILTER_FLAG_SPEC_ALLOW);
	machine_free(&m);
}
END_TEST

/* ---- what must go on working, for real ---- */

static bool traces(void)
{
	pid_t pid = fork();
	int status;

	if (pid == 0) {
		(void) ptrace(PTRACE_TRACEME, 0, NULL, NULL);
		(void) raise(SIGSTOP);
		_exit(0);
	}
	return waitpid(pid, &status, WUNTRACED) == pid && WIFSTOPPED(status) &&
	       ptrace(PTRACE_CONT, pid, NULL, NULL) == 0 && waitpid(pid, &status, 0) == pid &&
	       status == 0;
}

static bool forks_by_clone3(void)
{
	uint64_t arguments[8] = { [4] = SIGCHLD };
	long pid = syscall(SYS_clone3, arguments, sizeof(arguments));
	int status;

	if (pid == 0)
		_exit(0);
	return pid > 0 && waitpid((pid_t) pid, &status, 0) == pid && status == 0;
}

static bool stacks_a_filter(void)
{
	struct sock_filter allow = BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW);
	struct sock_fprog program = { 1, &allow };

	return syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, 0, &program) == 0;
}

static bool changes_root(void)
{
	const char *root = in_scratch("root");

	/* pivot_root(2) moves all processes of a mount namespace */
	return unshare(CLONE_NEWNS) == 0 && mkdir(root, 0755) == 0 &&
	       mount("tmpfs", root, "tmpfs", 0, NULL) == 0 && chdir(root) == 0 &&
	       mknod("node", S_IFCHR | 0600, makedev(1, 3)) == 0 && mkdir("old", 0755) == 0 &&
	       syscall(SYS_pivot_root, ".", "old") == 0 && umount2("/old", MNT_DETACH) == 0;
}

static bool joins_namespaces(void)
{
	int own = open("/proc/self/ns/uts", O_RDONLY | O_CLOEXEC);
	bool ok = own >= 0 && unshare(CLONE_NEWUTS) == 0 && setns(own, CLONE_NEWUTS) == 0;

	(void) close(own);
	/* a kernel may be built without */
	return ok && (unshare(0x80 /* CLONE_NEWTIME */) == 0 || errno == EINVAL);
}

static bool reads_the_clock(void)
{
	struct timex state = { .modes = 0 };

	return adjtimex(&state) >= 0 && clock_adjtime(CLOCK_REALTIME, &state) >= 0;
}

START_TEST(containers_can_be_made)
{
	static const struct {
		const char *name;
		bool (*works)(void);
	} deeds[] = {
		{ "unshare, setns", joins_namespaces },
		{ "clone3", forks_by_clone3 },
		{ "ptrace", traces },
		{ "adjtimex", reads_the_clock },
		{ "seccomp", stacks_a_filter },
		{ "mount, mknod, pivot_root, umount", changes_root },
	};
	struct apply_context context;
	struct sock_fprog program;
	struct machine m;
	int status;
	pid_t pid;

	machine_with_volume(&m);
	confine(&m, &context);
	ck_assert(enter_test());
	program = (struct sock_fprog){ context.filter.length, context.filter.code };
	/* one that does not come back: what checks for leaks needs a /proc */
	pid = fork();
	if (pid == 0) {
		if (syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, context.filter.flags, &program))
			_exit(100);
		for (size_t i = 0; i < ARRAY_SIZE(deeds); i++)
			if (!deeds[i].works()) {
				perror(deeds[i].name);
				_exit(1 + (int) i);
			}
		_exit(0);
	}
	ck_assert_int_eq(waitpid(pid, &status, 0), pid);
	ck_assert_msg(status == 0, "deed %d failed", WEXITSTATUS(status) - 1);
	machine_free(&m);
}
END_TEST

/* ---- where there can be none ---- */

START_TEST(without_privileges_the_child_does_not_start)
{
	static const char *const argv[] = { "/bin/true", NULL };
	struct apply_context context;
	struct launch launch = { .argv = argv,
				 .environment = environment,
				 .filter = &context.filter,
				 .set_user = true,
				 .uid = 65534,
				 .gid = 65534,
				 .caps = LAUNCH_CAPS_CLEAR };
	const struct spawn_fds fds = { .in = -1, .out = -1, .err = -1 };
	struct error err = ERROR_INIT;
	struct machine m;
	sigset_t none;
	int pidfd = -1, status;
	pid_t pid;

	(void) sigemptyset(&none);
	machine_with_volume(&m);
	confine(&m, &context);
	ck_assert_int_eq(supervise_spawn(&launch, &fds, &none, &pidfd, &err), -EACCES);
	ck_assert_has(err.message, "seccomp filter");
	launch.no_new_privs = true;
	pid = supervise_spawn(&launch, &fds, &none, &pidfd, &err);
	ck_assert_msg(pid > 0, "%s", err.message);
	(void) close(pidfd);
	ck_assert_int_eq(waitpid(pid, &status, 0), pid);
	ck_assert_int_eq(status, 0);
	machine_free(&m);
}
END_TEST

/* A kernel, or an outer filter, that refuses seccomp(2); and the calls behind the compiler. */
static const struct {
	int number, code;
	const char *words;
} failures[] = {
	{ SYS_seccomp, EINVAL, "takes no seccomp filters" },
	{ SYS_seccomp, ENOSYS, "takes no seccomp filters" },
	{ SYS_seccomp, EPERM, "takes no seccomp filters" },
	{ SYS_memfd_create, EMFILE, "memfd_create" },
	{ SYS_pread64, EIO, "read the seccomp filter" },
};

START_TEST(a_failure_is_named_and_leaves_nothing)
{
	struct sock_filter code[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, (uint32_t) failures[_i].number, 0, 1),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | (uint32_t) failures[_i].code),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
	};
	struct sock_fprog program = { ARRAY_SIZE(code), code };
	static struct snapshot before, after;
	struct apply_context context;
	struct machine m;

	machine_with_volume(&m);
	machine_plan(&m);
	apply_context_init(&context);
	ck_assert_int_eq(syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, 0, &program), 0);
	snapshot_take(&before);
	assert_step_fails(&context, the_step_with_key(&m, "confine"), -failures[_i].code,
			  failures[_i].words);
	snapshot_take(&after);
	ck_assert_str_eq(before.fds, after.fds);
	ck_assert_uint_eq(context.filter.length, 0);
	machine_free(&m);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("confine");
	TCase *program = tcase_create("program"), *child = tcase_create("child");

	require_root();
	tcase_add_test(program, program_refuses_the_list_and_nothing_else);
	tcase_add_test(program, modules_that_were_brought_may_be_loaded);
	tcase_add_test(program, twice_is_once);
	tcase_add_test(program, no_program_is_made_of_what_is_not_known);
	tcase_add_loop_test(program, a_failure_is_named_and_leaves_nothing, 0,
			    (int) ARRAY_SIZE(failures));
	suite_add_tcase(suite, program);
	tcase_add_test(child, calls_of_a_child_fail);
	tcase_add_test(child, nothing_else_about_a_child_changes);
	tcase_add_test(child, containers_can_be_made);
	tcase_add_test(child, without_privileges_the_child_does_not_start);
	suite_add_tcase(suite, child);
	return run_ns_suite(suite);
}
