/* SPDX-License-Identifier: Apache-2.0 */
/*
 * cgroup_nest.c - empty the root of our v2 tree into a leaf, then hand its controllers on.
 *
 * A group with processes of its own cannot hand on memory, io and the other domain controllers:
 * EBUSY. cpu, cpuset and pids it can, and then it becomes a thread root, in which inner containers
 * run without memory limits. So everything moves to the leaf first, and all controllers are
 * enabled in one write, which is all or nothing and atomic against a process that joins the root
 * (docker exec): its success is final.
 */
#include "steps.h"

#include <fcntl.h>
#include <limits.h>
#include <linux/magic.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/vfs.h>

#include "cgroup_procs.h"
#include "dind/file.h"
#include "dind/str.h"

#define NEST_MAX_CONTROLLERS 32
#define NEST_MAX_NAMED	     5
#define NEST_EAGER_ROUNDS    8
#define NEST_MAX_DOUBLING    3 /* 8 ms */

struct nest_list {
	char names[NEST_MAX_CONTROLLERS][32];
	size_t count;
};

struct nest {
	int root; /* the group at the mount point */
	const char *mount_point;
	const char *leaf;
	struct nest_list wanted; /* and available */
	struct cgroup_procs procs;
	char missing[120]; /* wanted, but not in cgroup.controllers */
	char refused[120]; /* the kernel said no to each of these alone */
	bool usual;	   /* one of both is what containers are usually limited by */
	int move_error;	   /* the last one, negative errno */
	pid_t move_pid;
};

static const char *next_word(const char **text, char *buf, size_t size)
{
	const char *start = *text + strspn(*text, " ,\n\t");
	size_t len = strcspn(start, " ,\n\t");

	*text = start + len;
	if (len == 0)
		return NULL;
	(void) snprintf(buf, size, "%.*s", (int) len, start);
	return buf;
}

static void append_refused(char *list, size_t size, const char *controller, int code)
{
	size_t used = strlen(list);
	char name[24];

	(void) snprintf(list + used, size - used, "%s%s (%s)", used ? ", " : "", controller,
			apply_errno_name(code, name, sizeof(name)));
}

static bool is_usual(const char *controller)
{
	return str_list_has("cpu memory pids", controller);
}

static bool is_threaded(const char *controller)
{
	return str_list_has("cpu cpuset pids perf_event", controller);
}

/* Words of @words that @file of the root lists; those that it does not are noted as missing. */
static int pick_available(struct nest *nest, const char *words, struct error *err)
{
	char available[512], word[32];
	int r = (int) file_read_at(nest->root, "cgroup.controllers", available, sizeof(available));

	if (r < 0)
		return error_set(err, r, "read %s/cgroup.controllers", nest->mount_point);
	while (nest->wanted.count < NEST_MAX_CONTROLLERS && next_word(&words, word, sizeof(word))) {
		if (str_list_has(available, word)) {
			memcpy(nest->wanted.names[nest->wanted.count++], word, sizeof(word));
			continue;
		}
		append_refused(nest->missing, sizeof(nest->missing), word, -ENOENT);
		nest->usual |= is_usual(word);
	}
	return 0;
}

/* "+a +b" or "-a -b" of all in @list, in one write. */
static int switch_controllers(const struct nest *nest, const struct nest_list *list, char sign)
{
	char text[NEST_MAX_CONTROLLERS * 34 + 1];
	size_t used = 0;

	for (size_t i = 0; i < list->count; i++) {
		int n = snprintf(text + used, sizeof(text) - used, "%s%c%s", used ? " " : "", sign,
				 list->names[i]);

		used += n > 0 ? (size_t) n : 0;
	}
	return used ? file_write_at(nest->root, "cgroup.subtree_control", text) : 0;
}

static int enabled_controllers(const struct nest *nest, struct nest_list *ret_list)
{
	char text[512], word[32];
	const char *rest = text;
	ssize_t n = file_read_at(nest->root, "cgroup.subtree_control", text, sizeof(text));

	ret_list->count = 0;
	if (n < 0)
		return (int) n;
	while (ret_list->count < NEST_MAX_CONTROLLERS && next_word(&rest, word, sizeof(word)))
		memcpy(ret_list->names[ret_list->count++], word, sizeof(word));
	return 0;
}

/* cgroup.type of @path without its newline; "domain" where there is none: the real root. */
static void read_type(const struct nest *nest, const char *path, char *buf, size_t size)
{
	if (file_read_at(nest->root, path, buf, size) <= 0)
		(void) snprintf(buf, size, "domain");
	buf[strcspn(buf, "\n")] = '\0';
}

static bool root_is_domain(const struct nest *nest)
{
	char type[32];

	read_type(nest, "cgroup.type", type, sizeof(type));
	return strcmp(type, "domain") == 0;
}

/*
 * A root that is not a plain domain cannot be emptied (EOPNOTSUPP). Taking back the threaded
 * controllers mends it, unless something below was made threaded: that is sticky.
 */
static int check_types(const struct nest *nest, struct error *err)
{
	struct nest_list enabled;
	char type[32], path[PATH_MAX];

	if (!root_is_domain(nest)) {
		if (enabled_controllers(nest, &enabled) == 0)
			(void) switch_controllers(nest, &enabled, '-');
		read_type(nest, "cgroup.type", type, sizeof(type));
		if (strcmp(type, "domain") != 0)
			return error_set_plain(
				err, -EOPNOTSUPP,
				"%s is '%s', not a domain: something was started below it before "
				"it was emptied; only a new container gets a clean one",
				nest->mount_point, type);
	}
	(void) snprintf(path, sizeof(path), "%s/cgroup.type", nest->leaf);
	read_type(nest, path, type, sizeof(type));
	if (strcmp(type, "domain") != 0)
		return error_set_plain(err, -EOPNOTSUPP, "%s/%s is '%s', not a domain",
				       nest->mount_point, nest->leaf, type);
	return 0;
}

/* Move what is in the root now. Processes that end meanwhile (ESRCH) are no problem, others are
 * remembered: they may be gone next time. Zeros cannot be moved: writing 0 moves the writer. */
static int evacuate(struct nest *nest, size_t *ret_moved, struct error *err)
{
	char path[PATH_MAX], text[16];
	int r = cgroup_procs_read(nest->root, "cgroup.procs", &nest->procs);

	if (r < 0)
		return error_set(err, r, "read %s/cgroup.procs", nest->mount_point);
	(void) snprintf(path, sizeof(path), "%s/cgroup.procs", nest->leaf);
	*ret_moved = 0;
	for (size_t i = 0; i < nest->procs.n_pids; i++) {
		(void) snprintf(text, sizeof(text), "%d", (int) nest->procs.pids[i]);
		r = file_write_at(nest->root, path, text);
		if (r == 0)
			(*ret_moved)++;
		if (r == 0 || r == -ESRCH)
			continue;
		nest->move_error = r;
		nest->move_pid = nest->procs.pids[i];
	}
	return 0;
}

static bool root_is_empty(struct nest *nest)
{
	return cgroup_procs_read(nest->root, "cgroup.procs", &nest->procs) == 0 &&
	       nest->procs.n_pids == 0 && nest->procs.n_zeros == 0;
}

static int take_back(const struct nest *nest, const struct nest_list *list)
{
	(void) switch_controllers(nest, list, '-');
	return -EBUSY;
}

/*
 * Something in the list is refused; find out which by enabling one at a time. Domain controllers
 * first: as soon as one is on, nobody can join the root any more, and the threaded ones are safe.
 * Without one the root must be seen to be empty, and to have stayed a domain.
 */
static int enable_singly(struct nest *nest)
{
	struct nest_list on = { .count = 0 };
	bool guarded = false;

	nest->refused[0] = '\0';
	for (int threaded = 0; threaded <= 1; threaded++) {
		for (size_t i = 0; i < nest->wanted.count; i++) {
			const char *name = nest->wanted.names[i];
			struct nest_list one = { .count = 1 };
			int r;

			if (is_threaded(name) != (threaded == 1))
				continue;
			if (threaded && !guarded && !root_is_empty(nest))
				return take_back(nest, &on);
			memcpy(one.names[0], name, sizeof(one.names[0]));
			r = switch_controllers(nest, &one, '+');
			if (r == -EBUSY)
				return take_back(nest, &on);
			if (r < 0) {
				append_refused(nest->refused, sizeof(nest->refused), name, r);
				nest->usual |= is_usual(name);
				continue;
			}
			guarded = guarded || !threaded;
			memcpy(on.names[on.count++], name, sizeof(one.names[0]));
		}
	}
	return root_is_domain(nest) ? 0 : take_back(nest, &on);
}

/* 0: all that can be enabled is; -EBUSY: somebody joined the root, again. */
static int enable(struct nest *nest)
{
	int r;

	if (nest->wanted.count == 0) /* a zero does no harm then */
		return cgroup_procs_read(nest->root, "cgroup.procs", &nest->procs) == 0 &&
				       nest->procs.n_pids == 0
			       ? 0
			       : -EBUSY;
	r = switch_controllers(nest, &nest->wanted, '+');
	if (r == 0)
		return root_is_domain(nest) ? 0 : take_back(nest, &nest->wanted);
	return r == -EBUSY ? r : enable_singly(nest);
}

static int name_culprits(struct nest *nest, int timeout_ms, struct error *err)
{
	char text[256] = "", name[24], path[64], comm[32];
	size_t used = 0;

	(void) cgroup_procs_read(nest->root, "cgroup.procs", &nest->procs);
	for (size_t i = 0; i < nest->procs.n_pids && i < NEST_MAX_NAMED; i++) {
		(void) snprintf(path, sizeof(path), "/proc/%d/comm", (int) nest->procs.pids[i]);
		if (file_read_at(AT_FDCWD, path, comm, sizeof(comm)) <= 0)
			(void) snprintf(comm, sizeof(comm), "gone");
		comm[strcspn(comm, "\n")] = '\0';
		(void) snprintf(text + used, sizeof(text) - used, "%spid %d (%s)", used ? ", " : "",
				(int) nest->procs.pids[i], comm);
		used = strlen(text);
	}
	if (nest->procs.n_zeros > 0)
		(void) snprintf(text + used, sizeof(text) - used,
				"%sa process outside this pid namespace", used ? ", " : "");
	if (nest->move_error < 0)
		return error_set_plain(
			err, -EBUSY, "%s was not empty within %d ms: %s; moving pid %d: %s",
			nest->mount_point, timeout_ms, *text ? text : "processes that come and go",
			(int) nest->move_pid,
			apply_errno_name(nest->move_error, name, sizeof(name)));
	return error_set_plain(err, -EBUSY, "%s was not empty within %d ms: %s", nest->mount_point,
			       timeout_ms, *text ? text : "processes that come and go");
}

static bool is_nested(struct nest *nest)
{
	struct nest_list enabled;
	char path[PATH_MAX];
	bool inside = false;
	size_t on = 0;

	if (apply_format(path, sizeof(path), "%s/cgroup.procs", nest->leaf) < 0 ||
	    cgroup_procs_has(nest->root, path, getpid(), &inside) < 0 || !inside ||
	    enabled_controllers(nest, &enabled) < 0 || !root_is_domain(nest))
		return false;
	for (size_t i = 0; i < nest->wanted.count; i++)
		for (size_t j = 0; j < enabled.count; j++)
			on += strcmp(nest->wanted.names[i], enabled.names[j]) == 0;
	return on == nest->wanted.count && (on > 0 || enable(nest) == 0);
}

/*
 * What counts is the time between reading the list and enabling, and that has no pause in it. The
 * first rounds follow at once, because what was moved was in the way; after that, and when there
 * was nothing to move (zeros pass by themselves), waiting costs nothing and leaves the processor to
 * those who are in the way.
 */
static int back_off_ms(unsigned int round, size_t moved)
{
	if (moved && round < NEST_EAGER_ROUNDS)
		return 0;
	round /= NEST_EAGER_ROUNDS;
	return 1 << (round < NEST_MAX_DOUBLING ? round : NEST_MAX_DOUBLING);
}

static int nest_loop(struct nest *nest, int timeout_ms, struct error *err)
{
	int64_t deadline = clock_now_ms() + timeout_ms;

	for (unsigned int round = 0;; round++) {
		size_t moved = 0;
		int r = evacuate(nest, &moved, err);

		if (r < 0)
			return r;
		r = enable(nest);
		if (r == 0)
			return 0;
		if (clock_now_ms() >= deadline)
			return name_culprits(nest, timeout_ms, err);
		if (back_off_ms(round, moved))
			clock_sleep_ms(back_off_ms(round, moved));
	}
}

static int open_root(struct nest *nest, struct error *err)
{
	struct statfs fs;

	nest->root = open(nest->mount_point, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (nest->root < 0)
		return error_set(err, -errno, "open %s", nest->mount_point);
	if (fstatfs(nest->root, &fs) < 0)
		return error_set(err, -errno, "look at %s", nest->mount_point);
	if ((unsigned long) fs.f_type != CGROUP2_SUPER_MAGIC)
		return error_set_plain(err, -EINVAL, "%s is not a cgroup v2 tree",
				       nest->mount_point);
	return 0;
}

static void report(struct apply_context *context, const struct nest *nest)
{
	(void) snprintf(context->cgroup_refused, sizeof(context->cgroup_refused), "%s%s%s",
			nest->missing, *nest->missing && *nest->refused ? ", " : "", nest->refused);
	context->cgroup_refused_usual = nest->usual;
	if (nest->usual)
		apply_warn(context,
			   "cgroup controllers that inner containers cannot be limited by: %s → "
			   "delegate them from outside (systemd: Delegate=yes)",
			   context->cgroup_refused);
	else if (*context->cgroup_refused)
		apply_notice(context,
			     "cgroup controllers that inner containers cannot be limited by: %s",
			     context->cgroup_refused);
	context->cgroup_nested = true;
	(void) snprintf(context->cgroup_group, sizeof(context->cgroup_group), "%s",
			nest->mount_point);
	(void) snprintf(context->cgroup_leaf, sizeof(context->cgroup_leaf), "%s", nest->leaf);
}

int apply_cgroup_nest(struct apply_context *context, const struct plan_step *step,
		      struct error *err)
{
	struct nest nest = { .root = -EBADF,
			     .mount_point = step->u.cgroup_nest.mount_point,
			     .leaf = step->u.cgroup_nest.leaf };
	int r;

	r = open_root(&nest, err);
	if (r == 0)
		r = pick_available(&nest, step->u.cgroup_nest.controllers, err);
	if (r == 0 && !is_nested(&nest)) {
		if (mkdirat(nest.root, nest.leaf, 0755) < 0 && errno != EEXIST)
			r = error_set(err, -errno, "make the cgroup %s/%s", nest.mount_point,
				      nest.leaf);
		if (r == 0)
			r = check_types(&nest, err);
		apply_cgroup_await(context, step->u.cgroup_nest.timeout_ms);
		if (r == 0)
			r = nest_loop(&nest, step->u.cgroup_nest.timeout_ms, err);
	}
	if (r == 0)
		report(context, &nest);
	fd_close(&nest.root);
	return r;
}
