/* SPDX-License-Identifier: Apache-2.0 */
/*
 * apparmor.c - a policy namespace of AppArmor for the engine.
 *
 * The kernel keeps such a namespace until somebody removes it, and removing one that has processes
 * in it makes them unconfined. So whoever uses one holds a flock(2) on its directory: the directory
 * is one and the same inode for all containers of the host, and the lock goes with its last holder,
 * however that ends. PID 1 and the engine's processes hold it. A namespace that nobody holds is a
 * leftover.
 */
#include "steps.h"

#include <dirent.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/mount.h>
#include <sys/stat.h>

#include "child.h"
#include "dind/file.h"
#include "dind/process.h"
#include "dind/str.h"

#define SECURITYFS "/sys/kernel/security"
#define APPARMOR   SECURITYFS "/apparmor"
#define NAMESPACES APPARMOR "/policy/namespaces"

#define CLAIM_ATTEMPTS	 5
#define CLAIM_PAUSE_MS	 50
#define ENTER_TIMEOUT_MS 2000
#define MAX_ENTRIES	 4096 /* of a directory */
#define MAX_LEFTOVERS	 16   /* of one start; the next has its turn */

/* The processes of a container whose PID 1 was killed have got their signal by then. */
#define LEFTOVER_PAUSE_MS 50

#define auto_dir __attribute__((cleanup(dir_close)))

static void dir_close(DIR **dir)
{
	if (*dir)
		(void) closedir(*dir);
}

static int namespace_path(const char *name, char *buf, size_t size)
{
	return apply_format(buf, size, NAMESPACES "/%s", name);
}

/* ---- who is in a namespace ---- */

/* "unconfined" and ":NAME:docker-default (enforce)" are what its parent sees of it; a namespace
 * within is ":NAME//INNER:…". */
static bool label_is_within(const char *label, const char *name)
{
	char part[128];

	if (apply_format(part, sizeof(part), ":%s", name) < 0)
		return false;
	for (const char *at = strstr(label, part); at; at = strstr(at + 1, part)) {
		const char *end = at + strlen(part);

		if (*end == ':' || (end[0] == '/' && end[1] == '/'))
			return true;
	}
	return false;
}

static ssize_t read_label(int process, char *buf, size_t size)
{
	ssize_t n = file_read_at(process, "attr/apparmor/current", buf, size);

	/* KERNEL<5.8: one attribute for all security modules */
	return n == -ENOENT ? file_read_at(process, "attr/current", buf, size) : n;
}

struct search {
	const char *name; /* of the namespace */
	char *who;
	size_t size;
	bool found;
};

static bool is_elsewhere(void *context, int pid, int process)
{
	struct search *search = context;
	char label[1024], command[64] = "?";

	if (read_label(process, label, sizeof(label)) < 0 || !label_is_within(label, search->name))
		return true;
	(void) file_read_at(process, "comm", command, sizeof(command));
	command[strcspn(command, "\n")] = '\0';
	if (apply_format(search->who, search->size, "process %d (%s)", pid, command) < 0)
		search->who[0] = '\0';
	search->found = true;
	return false;
}

/* A process of the namespace: 1 and who it is in @who, 0 without one, or a negative errno. All of
 * them are ours, so they are all in our pid namespace. */
static int find_process(const char *name, char *who, size_t size)
{
	struct search search = { .name = name, .who = who, .size = size };
	int r = process_each(is_elsewhere, &search);

	return r < 0 ? r : search.found;
}

/* ---- leftovers ---- */

/* One that some dind-init made, by its name: "dind-" and twelve hex digits, or "dind-m" and a
 * number. */
static bool is_ours_by_name(const char *name)
{
	static const char prefix[] = "dind-";
	size_t n;

	if (!str_has_prefix(name, prefix))
		return false;
	name += strlen(prefix);
	n = strspn(name, "0123456789abcdef");
	if (n == 12 && name[n] == '\0')
		return true;
	return name[0] == 'm' && name[1] && name[1 + strspn(name + 1, "0123456789")] == '\0';
}

/* The locked directory of a namespace: a descriptor, or -EWOULDBLOCK when somebody holds it, or
 * -ESTALE when it went away meanwhile. */
static int lock_namespace(const char *path)
{
	auto_close int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
	struct stat held, there;

	if (fd < 0)
		return errno == ENOENT ? -ESTALE : -errno;
	if (flock(fd, LOCK_EX | LOCK_NB) < 0)
		return -errno;
	if (fstat(fd, &held) < 0 || stat(path, &there) < 0 || held.st_ino != there.st_ino ||
	    held.st_dev != there.st_dev)
		return -ESTALE;
	return fd_take(&fd);
}

struct leftovers {
	int fds[MAX_LEFTOVERS];
	char names[MAX_LEFTOVERS][64];
	size_t n;
};

static void find_leftovers(const char *own, struct leftovers *found)
{
	auto_dir DIR *dir = opendir(NAMESPACES);
	const struct dirent *entry;
	char path[PATH_MAX], who[160];

	if (!dir)
		return;
	for (int i = 0; i < MAX_ENTRIES && found->n < MAX_LEFTOVERS; i++) {
		entry = readdir(dir);
		if (!entry)
			return;
		if (!is_ours_by_name(entry->d_name) || strcmp(entry->d_name, own) == 0 ||
		    strlen(entry->d_name) >= sizeof(found->names[0]) ||
		    namespace_path(entry->d_name, path, sizeof(path)) < 0)
			continue;
		found->fds[found->n] = lock_namespace(path);
		if (found->fds[found->n] < 0)
			continue;
		if (find_process(entry->d_name, who, sizeof(who)) != 0) {
			fd_close(&found->fds[found->n]);
			continue;
		}
		memcpy(found->names[found->n++], entry->d_name, strlen(entry->d_name) + 1);
	}
}

static void sweep(struct apply_context *context, const char *own)
{
	struct leftovers found = { .n = 0 };
	char path[PATH_MAX];

	find_leftovers(own, &found);
	if (found.n > 0)
		clock_sleep_ms(LEFTOVER_PAUSE_MS);
	for (size_t i = 0; i < found.n; i++) {
		if (namespace_path(found.names[i], path, sizeof(path)) == 0 && rmdir(path) == 0)
			apply_notice(context,
				     "removed the AppArmor namespace %s of a container "
				     "that is gone",
				     found.names[i]);
		fd_close(&found.fds[i]);
	}
}

/* ---- our own ---- */

/* One attempt: a locked descriptor, -ESTALE to try again, or another errno. */
static int claim_once(const char *name, const char *path)
{
	bool there = mkdir(path, 0755) < 0;
	char who[160];
	int fd;

	if (there && errno != EEXIST)
		return -errno;
	fd = lock_namespace(path);
	/* Of an earlier run of this container: another text of docker-default may be in it. */
	if (fd >= 0 && there && find_process(name, who, sizeof(who)) == 0 && rmdir(path) == 0) {
		fd_close(&fd);
		return -ESTALE;
	}
	return fd;
}

static int claim(struct apply_context *context, const char *name, struct error *err)
{
	char path[PATH_MAX];
	int r = namespace_path(name, path, sizeof(path));

	for (int i = 0; r == 0 && i < CLAIM_ATTEMPTS; i++) {
		int fd = claim_once(name, path);

		if (fd >= 0) {
			context->apparmor_lock = fd;
			(void) snprintf(context->apparmor_name, sizeof(context->apparmor_name),
					"%s", name);
			return 0;
		}
		if (fd != -ESTALE && fd != -EWOULDBLOCK)
			return error_set(err, fd, "make the AppArmor namespace %s", name);
		if (fd == -EWOULDBLOCK) /* somebody sweeps, or it is really in use */
			clock_sleep_ms(CLAIM_PAUSE_MS);
	}
	return r < 0 ? error_set(err, r, "make the AppArmor namespace %s", name)
		     : error_set_plain(err, -EBUSY,
				       "the AppArmor namespace %s is used by another engine", name);
}

/* A child enters and looks where it is: what the engine will do, and the proof that its profiles
 * end up there and nowhere else. Ends with an errno. */
static int enter_and_look(const char *name)
{
	char text[128], where[128];
	ssize_t n;
	int r = apply_format(text, sizeof(text), "changeprofile :%s:unconfined", name);

	if (r == 0) {
		r = file_write_at(AT_FDCWD, "/proc/self/attr/apparmor/current", text);
		if (r == -ENOENT) /* KERNEL<5.8 */
			r = file_write_at(AT_FDCWD, "/proc/self/attr/current", text);
	}
	if (r < 0)
		return -r;
	n = file_read_at(AT_FDCWD, APPARMOR "/.ns_name", where, sizeof(where));
	if (n < 0)
		return (int) -n;
	where[strcspn(where, "\n")] = '\0';
	return strcmp(where, name) == 0 ? 0 : EXDEV;
}

static int try_to_enter(const char *name, struct error *err)
{
	int status = 0, code, r;
	pid_t pid = fork();

	if (pid < 0)
		return error_set(err, -errno, "fork");
	if (pid == 0)
		_exit(enter_and_look(name) & 255);
	r = process_wait(pid, ENTER_TIMEOUT_MS, &status);
	if (r < 0) {
		child_kill(pid);
		return error_set(err, r, "enter the AppArmor namespace %s", name);
	}
	code = WIFEXITED(status) ? WEXITSTATUS(status) : EIO;
	return code ? error_set(err, -code, "enter the AppArmor namespace %s", name) : 0;
}

static void give_up(struct apply_context *context)
{
	char path[PATH_MAX];

	if (*context->apparmor_name &&
	    namespace_path(context->apparmor_name, path, sizeof(path)) == 0)
		(void) rmdir(path);
	context->apparmor_name[0] = '\0';
	fd_close(&context->apparmor_lock);
	/* what is not seen is not used: dockerd takes a visible policy for its own */
	if (context->securityfs_mounted)
		(void) umount2(SECURITYFS, MNT_DETACH | UMOUNT_NOFOLLOW); /* and what is on it */
	context->securityfs_mounted = false;
}

/* ---- the step ---- */

static int mount_securityfs(const char *target, struct error *err)
{
	if (mount("securityfs", target, "securityfs", MS_NOSUID | MS_NODEV | MS_NOEXEC, NULL) < 0)
		return error_set(err, -errno, "mount securityfs on %s", target);
	return 0;
}

/*
 * AppArmor's directory alone, on a tmpfs: libapparmor looks for a securityfs with it in it, so that
 * aa-enabled says no. Scripts of packages that somebody installs by `docker exec` ask that; they
 * are outside of the namespace, and would load their profiles into the host's policy. The engine
 * and its apparmor_parser know the place by heart.
 */
static int show_to_engine(struct apply_context *context, const char *aside, struct error *err)
{
	char source[PATH_MAX];

	if (apply_format(source, sizeof(source), "%s/apparmor", aside) < 0)
		return error_set(err, -ENAMETOOLONG, "%s", aside);
	if (mount(APPLY_TMPFS_SOURCE, SECURITYFS, "tmpfs", MS_NOSUID | MS_NODEV | MS_NOEXEC,
		  "mode=0755,size=4k") < 0)
		return error_set(err, -errno, "mount a tmpfs on " SECURITYFS);
	context->securityfs_mounted = true;
	if (mkdir(APPARMOR, 0755) == 0 && mount(source, APPARMOR, NULL, MS_BIND, NULL) == 0 &&
	    mount(NULL, SECURITYFS, NULL,
		  MS_REMOUNT | MS_BIND | MS_RDONLY | MS_NOSUID | MS_NODEV | MS_NOEXEC, NULL) == 0)
		return 0;
	return error_set(err, -errno, "show " APPARMOR);
}

static int make_visible_to_engine(struct apply_context *context, struct error *err)
{
	static const char aside[] = DIND_RUN_DIR "/securityfs";
	int r = apply_make_directory(aside, 0700);

	if (r < 0)
		return error_set(err, r, "make directory %s", aside);
	r = mount_securityfs(aside, err);
	if (r == 0) {
		r = show_to_engine(context, aside, err);
		(void) umount2(aside, MNT_DETACH | UMOUNT_NOFOLLOW);
	}
	(void) rmdir(aside);
	return r;
}

static int make_visible(struct apply_context *context, bool to_all, struct error *err)
{
	int r;

	if (access(APPARMOR, F_OK) == 0)
		return 0;
	r = apply_part_from_peers(SECURITYFS, err);
	if (r < 0)
		return r;
	if (to_all) {
		r = mount_securityfs(SECURITYFS, err);
		context->securityfs_mounted = r == 0;
	} else {
		r = make_visible_to_engine(context, err);
	}
	if (r == 0 && access(APPARMOR "/profiles", F_OK) < 0)
		return error_set(err, -errno, "look at " APPARMOR);
	return r;
}

static int make_namespace(struct apply_context *context, const char *name, struct error *err)
{
	char stack[16];
	ssize_t n = file_read_at(AT_FDCWD, APPARMOR "/features/domain/stack", stack, sizeof(stack));
	int r;

	if (n < 0 || !str_has_prefix(stack, "yes"))
		return error_set_plain(err, n < 0 ? (int) n : -EOPNOTSUPP,
				       "this kernel's AppArmor has no policy namespaces");
	sweep(context, name);
	r = claim(context, name, err);
	return r < 0 ? r : try_to_enter(name, err);
}

int apply_apparmor(struct apply_context *context, const struct plan_step *step, struct error *err)
{
	const char *name = step->u.apparmor.name;
	int r;

	if (name && strcmp(context->apparmor_name, name) == 0)
		return 0;
	r = make_visible(context, !name, err);
	if (r == 0 && name)
		r = make_namespace(context, name, err);
	if (r < 0)
		give_up(context);
	return r;
}

int apply_remove_apparmor(const struct apply_context *context, int timeout_ms, struct error *err)
{
	const char *name = context->apparmor_name;
	int64_t deadline = clock_now_ms() + timeout_ms;
	char path[PATH_MAX], who[160] = "";
	int r, pause_ms = 5;

	if (!*name)
		return 0;
	/* Twice: one that forks while we look could be missed once. */
	for (int empty = 0; empty < 2;) {
		r = find_process(name, who, sizeof(who));
		empty = r == 0 ? empty + 1 : 0;
		if (r == 0)
			continue;
		if (clock_now_ms() >= deadline)
			return error_set_plain(err, r < 0 ? r : -EBUSY,
					       "the AppArmor namespace %s stays for a later start "
					       "to remove: %s is still in it",
					       name, *who ? who : "somebody");
		clock_sleep_ms(pause_ms);
		pause_ms = pause_ms < 80 ? pause_ms * 2 : 80;
	}
	r = namespace_path(name, path, sizeof(path));
	if (r == 0 && rmdir(path) < 0 && errno != ENOENT)
		r = -errno;
	return r < 0 ? error_set(err, r, "remove the AppArmor namespace %s", name) : 0;
}
