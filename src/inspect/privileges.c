/* SPDX-License-Identifier: Apache-2.0 */
/* What we may do: proc_pid_status(5), user_namespaces(7), namespaces(7). */
#include <string.h>
#include <sys/syscall.h>

#include "dind/str.h"
#include "helper.h"
#include "subjects.h"
#include "world.h"

/*
 * The initial namespaces have fixed numbers: enum in include/linux/proc_ns.h of the kernel,
 * since 3.8 (pid) and 4.6 (cgroup); from 6.18 on also in include/uapi/linux/nsfs.h.
 */
#define INITIAL_PID_NAMESPACE 0xEFFFFFFCUL

/* The value of the line that starts with @key (which includes the colon) in @text, or NULL. */
static const char *status_value(const char *text, const char *key)
{
	for (const char *line = text; line; line = world_next_line(line))
		if (str_has_prefix(line, key))
			return line + strlen(key) + strspn(line + strlen(key), " \t");
	return NULL;
}

/* The @n-th (from 0; -1: the last) number in base @base of the line of @key, or @missing. */
static uint64_t status_number(const char *text, const char *key, int n, int base, uint64_t missing)
{
	const char *p = status_value(text, key);
	uint64_t value = missing;

	for (int i = 0; p && (n < 0 || i <= n); i++) {
		char *end;
		uint64_t number;

		if (*p == '\n' || *p == '\0')
			return n < 0 ? value : missing;
		number = strtoull(p, &end, base);
		if (end == p)
			return missing;
		value = number;
		p = end + strspn(end, " \t");
	}
	return value;
}

static enum tri status_flag(const char *text, const char *key)
{
	uint64_t value = status_number(text, key, 0, 10, UINT64_MAX);

	return value == UINT64_MAX ? TRI_UNKNOWN : tri_from_bool(value != 0);
}

static const char *squeeze_blanks(struct arena *arena, const char *line)
{
	char *copy = arena_alloc(arena, strlen(line) + 1);
	size_t used = 0;

	for (const char *p = line + strspn(line, " \t"); *p;) {
		size_t n = strcspn(p, " \t");

		if (used > 0)
			copy[used++] = ' ';
		memcpy(copy + used, p, n);
		used += n;
		p += n;
		p += strspn(p, " \t");
	}
	return copy;
}

/* user_namespaces(7): first number inside, first one outside, how many. */
static int64_t count_ids(const char *map)
{
	int64_t count = 0;
	long long n;

	for (const char *line = map; line; line = world_next_line(line))
		/* NOLINTNEXTLINE(cert-err34-c): numbers of the kernel */
		if (sscanf(line, "%*u %*u %lld", &n) == 1)
			count += n;
	return count;
}

static void inspect_user_namespace(const struct inspection *in)
{
	struct facts_privileges *privileges = &in->facts->privileges;
	char *map;

	if (world_read(in->world, "/proc/self/uid_map", WORLD_SMALL_FILE, in->arena, &map) < 0)
		return; /* no user namespaces in this kernel, or no permission: unknown */
	privileges->uid_count = count_ids(map);
	privileges->uid_map =
		squeeze_blanks(in->arena, arena_strndup(in->arena, map, strcspn(map, "\n")));
	/* user_namespaces(7): the initial namespace maps the whole range onto itself. */
	privileges->user_namespace =
		tri_from_bool(!str_equal(privileges->uid_map, "0 0 4294967295"));
}

/* ---- what a seccomp filter and a security module leave ----
 */

#define CAP_SYS_ADMIN_BIT (UINT64_C(1) << 21) /* linux/capability.h */

struct call_answers {
	int pivot_root; /* positive errno */
	int keyctl;
	int admin;
};

/* Arguments that cannot work: no path, no such command. */
static int probe_calls(const void *context, void *result)
{
	struct call_answers *answers = result;

	(void) context;
	answers->pivot_root = syscall(SYS_pivot_root, "", "") < 0 ? errno : 0;
	answers->keyctl = syscall(SYS_keyctl, -1L, 0, 0, 0, 0) < 0 ? errno : 0;
	answers->admin = syscall(SYS_sethostname, "", -1L) < 0 ? errno : 0;
	return 0;
}

static struct fact call_fact(int error)
{
	return (struct fact){ tri_from_bool(error != EPERM), error == EPERM ? EPERM : 0,
			      "called with arguments that cannot work" };
}

/* kernel/sys.c: the capability is asked for before the length is looked at. */
static void judge_admin(struct facts_privileges *privileges, int error)
{
	if (privileges->cap_effective & CAP_SYS_ADMIN_BIT)
		privileges->admin = call_fact(error);
	else
		privileges->admin = (struct fact){ TRI_UNKNOWN, EPERM, "CAP_SYS_ADMIN" };
}

static void inspect_calls(const struct inspection *in)
{
	struct facts_privileges *privileges = &in->facts->privileges;
	struct call_answers answers = { 0, 0, 0 };
	struct error err = ERROR_INIT;
	bool started;
	int r;

	privileges->admin = (struct fact){ TRI_UNKNOWN, ENOSYS, NULL };
	if (privileges->seccomp_mode == 0) {
		privileges->pivot_root = (struct fact){ TRI_YES, 0, "no seccomp filter" };
		privileges->keyctl = privileges->pivot_root;
		if (world_is_live(in->world))
			judge_admin(privileges, syscall(SYS_sethostname, "", -1L) < 0 ? errno : 0);
		return;
	}
	if (!world_is_live(in->world)) {
		privileges->pivot_root = (struct fact){ TRI_UNKNOWN, ENOSYS, NULL };
		privileges->keyctl = privileges->pivot_root;
		return;
	}
	/* In a helper: a filter may kill instead of refuse. */
	r = helper_run(probe_calls, NULL, &answers, sizeof(answers), INSPECT_HELPER_TIMEOUT_MS,
		       &started, &err);
	if (r == -ECHILD) {
		privileges->pivot_root = (struct fact){ TRI_NO, 0, "the filter kills" };
		privileges->keyctl = privileges->pivot_root;
	} else if (r < 0) {
		privileges->pivot_root = (struct fact){ TRI_UNKNOWN, -r, "helper" };
		privileges->keyctl = privileges->pivot_root;
	} else {
		privileges->pivot_root = call_fact(answers.pivot_root);
		privileges->keyctl = call_fact(answers.keyctl);
		judge_admin(privileges, answers.admin);
		/* fs/namespace.c: without the capability the kernel itself says EPERM first. */
		if (answers.pivot_root == EPERM && !(privileges->cap_effective & CAP_SYS_ADMIN_BIT))
			privileges->pivot_root =
				(struct fact){ TRI_UNKNOWN, EPERM, "CAP_SYS_ADMIN" };
	}
}

int inspect_privileges(const struct inspection *in, struct error *err)
{
	struct facts_privileges *privileges = &in->facts->privileges;
	char *status;
	int r;

	r = world_read(in->world, "/proc/self/status", WORLD_SMALL_FILE, in->arena, &status);
	if (r < 0)
		return error_set(err, r, "read '/proc/self/status'");
	/* Pid is counted in the namespace of whoever mounted this /proc; the last entry of NSpid is
	 * our own (since 4.1). */
	privileges->pid = (int64_t) status_number(status, "NSpid:", -1, 10,
						  status_number(status, "Pid:", 0, 10, UINT64_MAX));
	privileges->euid = (int64_t) status_number(status, "Uid:", 1, 10, UINT64_MAX);
	privileges->cap_effective = status_number(status, "CapEff:", 0, 16, 0);
	privileges->cap_bounding = status_number(status, "CapBnd:", 0, 16, 0);
	privileges->seccomp_mode = (int64_t) status_number(status, "Seccomp:", 0, 10, UINT64_MAX);
	privileges->no_new_privs = status_flag(status, "NoNewPrivs:");
	privileges->cap_last = -1;
	(void) world_read_int64(in->world, "/proc/sys/kernel/cap_last_cap", &privileges->cap_last);
	inspect_user_namespace(in);
	privileges->host_pid_namespace =
		world_in_initial_namespace(in->world, "pid", INITIAL_PID_NAMESPACE);
	inspect_calls(in);
	return 0;
}
