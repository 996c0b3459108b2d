/* SPDX-License-Identifier: Apache-2.0 */
/* A pool of caches: each slot one lessee, whatever is killed, removed or fails. */
#include <stdatomic.h>
#include <sys/file.h>

#include "deny.h"
#include "dind/inspect.h"
#include "dind/str.h"
#include "fixture.h"

static const char *paths_of(const char *const *names, const char **list)
{
	static char buffers[8][512];
	size_t n = 0;

	for (; names && names[n]; n++) {
		(void) snprintf(buffers[n], sizeof(buffers[n]), "%s/pool/%s", scratch, names[n]);
		list[n] = buffers[n];
	}
	list[n] = NULL;
	return buffers[0];
}

static struct plan_step lease_step(int max_slots, const char *const *names)
{
	static const char *list[9];
	static char pool[512];
	struct plan_step step = { .kind = STEP_LEASE };

	(void) snprintf(pool, sizeof(pool), "%s/pool", scratch);
	(void) paths_of(names, list);
	step.u.lease.pool = pool;
	step.u.lease.slots = list;
	step.u.lease.max_slots = max_slots;
	step.u.lease.holder = "container abc, host h, boot 1-2";
	return step;
}

/* "slot-2" of the lease. */
static const char *slot_of(const struct apply_context *context)
{
	const char *slash = strrchr(context->lease_path, '/');

	return slash ? slash + 1 : "";
}

START_TEST(test_lease_is_given_up_for_another)
{
	static const char *const first[] = { "slot-1", NULL };
	static char given_up[PATH_MAX];
	const char *avoid[] = { given_up, NULL };
	struct plan_step step, other;
	struct apply_context context, neighbour;

	ck_assert(enter_test());
	step = lease_step(2, NULL);
	apply_context_init(&context);
	apply_context_init(&neighbour);
	assert_step(&context, &step);
	ck_assert_str_eq(slot_of(&context), "slot-1");

	(void) snprintf(given_up, sizeof(given_up), "%s", context.lease_path);
	step.u.lease.avoid = avoid;
	step.u.lease.given_up = given_up;
	assert_step(&context, &step);
	ck_assert_str_eq(slot_of(&context), "slot-2");
	assert_step(&context, &step); /* that one is not given up */
	ck_assert_str_eq(slot_of(&context), "slot-2");
	/* and the first is somebody else's to use */
	other = lease_step(1, first);
	assert_step(&neighbour, &other);
	ck_assert_str_eq(slot_of(&neighbour), "slot-1");

	apply_release_lease(&context);
	apply_release_lease(&neighbour);
	step.u.lease.max_slots = 1;
	assert_step_fails(&context, &step, -EMEDIUMTYPE, "hold data that cannot be used");
	ck_assert_int_lt(context.lease_fd, 0);
}
END_TEST

START_TEST(test_lease_is_taken_once)
{
	struct plan_step step;
	struct apply_context context;
	struct stat st;
	int fd;

	ck_assert(enter_test());
	step = lease_step(2, NULL);
	apply_context_init(&context);
	assert_step(&context, &step);
	ck_assert_str_eq(context.lease_path, in_scratch("pool/slot-1"));
	ck_assert(str_has_prefix(read_text(in_scratch("pool/slot-1/.dind-lock")),
				 "container abc, host h, boot 1-2, since 20"));
	ck_assert_int_eq(stat(in_scratch("pool"), &st), 0);
	ck_assert_int_eq(st.st_mode & 07777, 0700);
	ck_assert_int_eq(fcntl(context.lease_fd, F_GETFD), FD_CLOEXEC);
	fd = context.lease_fd;
	assert_step(&context, &step);
	ck_assert_int_eq(context.lease_fd, fd);
	ck_assert_int_lt(access(in_scratch("pool/slot-2"), F_OK), 0);
}
END_TEST

START_TEST(test_order_then_new_then_busy)
{
	static const char *const names[] = { "slot-3", "slot-1", NULL };
	static const char *const wanted[] = { "slot-3", "slot-1", "slot-2", "slot-4" };
	struct apply_context contexts[5];
	struct plan_step step;

	ck_assert(enter_test());
	step = lease_step(4, names);
	for (size_t i = 0; i < ARRAY_SIZE(wanted); i++) {
		apply_context_init(&contexts[i]);
		assert_step(&contexts[i], &step);
		ck_assert_str_eq(slot_of(&contexts[i]), wanted[i]);
	}
	apply_context_init(&contexts[4]);
	assert_step_fails(&contexts[4], &step, -EWOULDBLOCK,
			  "slot-3 by container abc, host h, since 20");
	assert_step_fails(&contexts[4], &step, -EWOULDBLOCK, "; and 1 more");
	ck_assert_ptr_nonnull(strstr(contexts[4].holder, "slot-3 by container abc"));
	ck_assert_int_lt(contexts[4].lease_fd, 0);
	ck_assert_int_lt(access(in_scratch("pool/slot-5"), F_OK), 0);

	/* given back: free at once, and the time of its last use is now */
	{
		struct timespec old[2] = { { .tv_sec = 1000 }, { .tv_sec = 1000 } };
		struct stat st;

		ck_assert_int_eq(futimens(contexts[1].lease_fd, old), 0);
		apply_release_lease(&contexts[1]);
		ck_assert_int_eq(stat(in_scratch("pool/slot-1/.dind-lock"), &st), 0);
		ck_assert_int_gt(st.st_mtim.tv_sec, 1000000);
		ck_assert_str_eq(contexts[1].lease_path, "");
		apply_release_lease(&contexts[1]); /* nothing to give back */
	}
	assert_step(&contexts[4], &step);
	ck_assert_str_eq(slot_of(&contexts[4]), "slot-1");
}
END_TEST

START_TEST(test_lock_of_the_slot_is_ours_already)
{
	struct plan_step lease, lock = { .kind = STEP_LOCK };
	struct apply_context context, other;
	int held;

	ck_assert(enter_test());
	lease = lease_step(1, NULL);
	apply_context_init(&context);
	apply_context_init(&other);
	assert_step(&context, &lease);
	held = context.lease_fd;
	lock.u.lock.path = in_scratch("pool/slot-1/.dind-lock");
	lock.u.lock.create = true;
	lock.u.lock.holder = "x";
	assert_step(&context, &lock);
	ck_assert_int_eq(context.lease_fd, held);
	ck_assert_int_lt(context.lock_fd, 0);
	assert_step_fails(&other, &lock, -EWOULDBLOCK, "container abc");
	/* an image in it has a lock of its own, and the lease stays */
	lock.u.lock.path = in_scratch("pool/slot-1/data.img");
	assert_step(&context, &lock);
	ck_assert_int_ge(context.lock_fd, 0);
	ck_assert_int_eq(context.lease_fd, held);
	assert_step_fails(&other, &lease, -EWOULDBLOCK, "slot-1 by container abc");
}
END_TEST

/* What the engine inherits outlives us. */
START_TEST(test_lease_lives_as_long_as_a_descriptor)
{
	struct apply_context context, other;
	struct plan_step step;
	pid_t engine;
	int status;

	ck_assert(enter_test());
	step = lease_step(1, NULL);
	apply_context_init(&context);
	apply_context_init(&other);
	assert_step(&context, &step);
	engine = fork();
	if (engine == 0) {
		(void) pause();
		_exit(0);
	}
	fd_close(&context.lease_fd);
	assert_step_fails(&other, &step, -EWOULDBLOCK, "slot-1");
	ck_assert_int_eq(kill(engine, SIGKILL), 0);
	ck_assert_int_eq(waitpid(engine, &status, 0), engine);
	assert_step(&other, &step);
}
END_TEST

START_TEST(test_pool_that_cannot_be_used)
{
	static const char *const names[] = { "slot-1", NULL };
	struct apply_context context;
	struct plan_step step;

	ck_assert(enter_test());
	apply_context_init(&context);
	step = lease_step(2, names);
	step.u.lease.pool = in_scratch("no/pool");
	assert_step_fails(&context, &step, -ENOENT, "no/pool");
	ck_assert(write_text(in_scratch("file"), "x"));
	step.u.lease.pool = in_scratch("file");
	assert_step_fails(&context, &step, -ENOTDIR, "file");

	/* a read-only file system */
	ck_assert_int_eq(mkdir(in_scratch("pool"), 0700), 0);
	ck_assert_int_eq(mount("x", in_scratch("pool"), "tmpfs", MS_RDONLY, NULL), 0);
	step = lease_step(2, names);
	assert_step_fails(&context, &step, -EROFS, "no slot of ");
	ck_assert_int_eq(umount2(in_scratch("pool"), 0), 0);

	/* what is in the way of one slot is not in the way of the next */
	ck_assert(write_text(in_scratch("pool/slot-1"), "x"));
	assert_step(&context, &step);
	ck_assert_str_eq(slot_of(&context), "slot-2");
}
END_TEST

/* Upkeep has the lock for a moment, now and then; the warmest slot is waited for that long. */
START_TEST(test_lock_of_a_moment_costs_nobody_the_slot)
{
	struct apply_context context;
	struct plan_step step;
	pid_t upkeep;

	ck_assert(enter_test());
	step = lease_step(2, NULL);
	apply_context_init(&context);
	assert_step(&context, &step);
	apply_release_lease(&context);
	upkeep = fork();
	if (upkeep == 0)
		for (;;) {
			int fd = open(in_scratch("pool/slot-1/.dind-lock"), O_RDWR);

			if (flock(fd, LOCK_EX | LOCK_NB) == 0)
				(void) usleep(10000);
			(void) close(fd);
			(void) usleep(5000);
		}
	(void) usleep(5000);
	for (int i = 0; i < 50; i++) {
		assert_step(&context, &step);
		ck_assert_str_eq(slot_of(&context), "slot-1");
		apply_release_lease(&context);
	}
	(void) kill(upkeep, SIGKILL);
	(void) waitpid(upkeep, NULL, 0);
}
END_TEST

/* ---- inspection --------------------------------------------------------------------------------
 */

static void look(struct arena *arena, struct facts *facts)
{
	struct options options = { .cache_pool = in_scratch("pool") };
	struct error err = ERROR_INIT;
	struct inspect_world world;

	*facts = (struct facts){ .n_trials = 0 };
	inspect_world_live(&world);
	ck_assert_msg(inspect_machine(&world, &options, arena, facts, &err) == 0, "%s",
		      err.message);
}

START_TEST(test_inspection_sees_slots)
{
	struct arena arena = ARENA_INIT;
	struct apply_context context;
	struct plan_step step;
	struct facts facts;

	ck_assert(enter_test());
	look(&arena, &facts);
	ck_assert_int_eq(facts.pool.directory.exists, TRI_NO);
	ck_assert_uint_eq(facts.pool.n_slots, 0);

	ck_assert_int_eq(file_make_directories(in_scratch("pool/slot-10/overlay2"), 0755), 0);
	ck_assert(write_text(in_scratch("pool/slot-10/.dind-lock"), "somebody, since then\n"));
	ck_assert(write_text(in_scratch("pool/slot-10/.dind-slot.json"), "{\"bytes\": 12345}"));
	ck_assert_int_eq(utimensat(AT_FDCWD, in_scratch("pool/slot-10/.dind-lock"),
				   (struct timespec[]){ { .tv_sec = 77 }, { .tv_sec = 77 } }, 0),
			 0);
	ck_assert_int_eq(file_make_directories(in_scratch("pool/slot-02"), 0755), 0);
	ck_assert_int_eq(file_make_directories(in_scratch("pool/slot-x"), 0755), 0);
	ck_assert_int_eq(file_make_directories(in_scratch("pool/slot-4"), 0755), 0);
	ck_assert(write_text(in_scratch("pool/slot-4/.dind-slot.json"), "{\"bytes\": -1"));
	ck_assert(write_text(in_scratch("pool/slot-5"), "not a directory"));
	ck_assert_int_eq(symlink("slot-4", in_scratch("pool/slot-6")), 0);
	step = lease_step(1, NULL);
	apply_context_init(&context);
	assert_step(&context, &step);

	look(&arena, &facts);
	ck_assert_int_eq(facts.pool.directory.exists, TRI_YES);
	ck_assert_uint_eq(facts.pool.n_slots, 3);
	ck_assert_str_eq(facts.pool.slots[0].name, "slot-1");
	ck_assert_int_eq(facts.pool.slots[0].leased, TRI_YES);
	ck_assert_int_eq(facts.pool.slots[0].empty, TRI_YES);
	ck_assert(str_has_prefix(facts.pool.slots[0].holder,
				 "container abc, host h, boot 1-2, since 20"));
	ck_assert_str_eq(facts.pool.slots[1].name, "slot-4");
	ck_assert_int_eq(facts.pool.slots[1].leased, TRI_NO);
	ck_assert_int_eq(facts.pool.slots[1].last_used, -1);
	ck_assert_uint_eq(facts.pool.slots[1].bytes, 0);
	ck_assert_str_eq(facts.pool.slots[2].name, "slot-10");
	ck_assert_str_eq(facts.pool.slots[2].path, in_scratch("pool/slot-10"));
	ck_assert_int_eq(facts.pool.slots[2].last_used, 77);
	ck_assert_uint_eq(facts.pool.slots[2].bytes, 12345);
	ck_assert_int_eq(facts.pool.slots[2].leased, TRI_NO);
	ck_assert_int_eq(facts.pool.slots[2].empty, TRI_NO);
	ck_assert_str_eq(facts.pool.slots[2].holder, "somebody, since then");

	apply_release_lease(&context);
	look(&arena, &facts);
	ck_assert_int_eq(facts.pool.slots[0].leased, TRI_NO);
	arena_free(&arena);
}
END_TEST

/* Whoever only looks must not be in the way of one who takes. */
START_TEST(test_inspection_disturbs_nobody)
{
	struct plan_step step;
	pid_t lookers[2];

	ck_assert(enter_test());
	step = lease_step(1, NULL);
	for (size_t i = 0; i < ARRAY_SIZE(lookers); i++) {
		lookers[i] = fork();
		if (lookers[i] == 0)
			for (;;) {
				struct arena arena = ARENA_INIT;
				struct facts facts;

				look(&arena, &facts);
				arena_free(&arena);
			}
	}
	for (int i = 0; i < 3000; i++) {
		struct apply_context context;

		apply_context_init(&context);
		assert_step(&context, &step);
		apply_release_lease(&context);
	}
	for (size_t i = 0; i < ARRAY_SIZE(lookers); i++) {
		(void) kill(lookers[i], SIGKILL);
		(void) waitpid(lookers[i], NULL, 0);
	}
}
END_TEST

/* ---- a race ------------------------------------------------------------------------------------
 */

#define AGENTS 8
#define SLOTS  3
#define KILLS  200

struct arena_floor {
	_Atomic pid_t owner[SLOTS + 1]; /* by number; 0: nobody */
	_Atomic pid_t doomed[KILLS + AGENTS + 1];
	_Atomic int n_doomed;
	_Atomic int leases, busy, shared, errors, emptied;
	char error[ERROR_MESSAGE_MAX];
};

static bool is_doomed(const struct arena_floor *floor, pid_t pid)
{
	for (int i = 0; i < floor->n_doomed; i++)
		if (floor->doomed[i] == pid)
			return true;
	return false;
}

static bool is_gone(pid_t pid)
{
	char path[64], text[512];
	const char *state;

	(void) snprintf(path, sizeof(path), "/proc/%d/stat", (int) pid);
	if (file_read_at(AT_FDCWD, path, text, sizeof(text)) < 0)
		return true;
	state = strrchr(text, ')');
	return state && strlen(state) > 2 && (state[2] == 'Z' || state[2] == 'X');
}

/* The one before us left no word: it must have been killed, and be dead, for the lock was free. */
static void check_owner(struct arena_floor *floor, pid_t before)
{
	if (before == 0)
		return;
	for (int i = 0; i < 1000 && is_doomed(floor, before); i++) {
		if (is_gone(before))
			return;
		(void) usleep(1000);
	}
	floor->shared++;
}

static _Noreturn void be_agent(struct arena_floor *floor, unsigned int seed)
{
	struct plan_step step = lease_step(SLOTS, NULL);

	for (;;) {
		struct error err = ERROR_INIT;
		struct apply_context context;
		pid_t mine = getpid();
		int r, number = 0;

		apply_context_init(&context);
		r = apply_step(&context, &step, &err);
		if (r == 0) {
			(void) str_parse_int(slot_of(&context) + 5, 1, SLOTS, &number);
			check_owner(floor, atomic_exchange(&floor->owner[number], mine));
			floor->leases++;
			(void) usleep((useconds_t) rand_r(&seed) % 1500);
			/* still ours? */
			(void) atomic_compare_exchange_strong(&floor->owner[number], &mine, 0);
			floor->shared += mine != getpid();
			apply_release_lease(&context);
		} else if (r == -EWOULDBLOCK) {
			floor->busy++;
			(void) usleep((useconds_t) rand_r(&seed) % 1000);
		} else {
			if (floor->errors++ == 0)
				memcpy(floor->error, err.message, sizeof(err.message));
		}
	}
}

/* What upkeep does with a slot that was not used for long: it takes the lock, then removes all. */
static _Noreturn void be_upkeep(struct arena_floor *floor, unsigned int seed)
{
	for (int turn = 0;; turn++) {
		char slot[512], lock[600], gone[512];
		int fd;

		(void) snprintf(slot, sizeof(slot), "%s/pool/slot-%d", scratch,
				1 + rand_r(&seed) % SLOTS);
		(void) snprintf(lock, sizeof(lock), "%s/.dind-lock", slot);
		(void) snprintf(gone, sizeof(gone), "%s/gone-%d", scratch, turn);
		fd = open(lock, O_RDWR | O_CLOEXEC);
		if (fd >= 0 && flock(fd, LOCK_EX | LOCK_NB) == 0 && rename(slot, gone) == 0) {
			floor->emptied++;
			(void) snprintf(lock, sizeof(lock), "%s/.dind-lock", gone);
			(void) unlink(lock);
			(void) rmdir(gone);
		}
		if (fd >= 0)
			(void) close(fd);
		(void) usleep(200);
	}
}

static pid_t spawn(struct arena_floor *floor, unsigned int seed,
		   void (*be)(struct arena_floor *floor, unsigned int seed))
{
	pid_t pid = fork();

	if (pid == 0)
		be(floor, seed);
	ck_assert_int_gt(pid, 0);
	return pid;
}

static void kill_one(struct arena_floor *floor, pid_t pid)
{
	floor->doomed[floor->n_doomed] = pid;
	floor->n_doomed++;
	ck_assert_int_eq(kill(pid, SIGKILL), 0);
	ck_assert_int_eq(waitpid(pid, NULL, 0), pid);
}

static void all_slots_can_be_had(void)
{
	struct plan_step step = lease_step(SLOTS, NULL);
	struct apply_context contexts[SLOTS + 1];

	for (int i = 0; i < SLOTS; i++) {
		apply_context_init(&contexts[i]);
		assert_step(&contexts[i], &step);
	}
	apply_context_init(&contexts[SLOTS]);
	assert_step_fails(&contexts[SLOTS], &step, -EWOULDBLOCK, "all of ");
	for (int i = 0; i < SLOTS; i++)
		apply_release_lease(&contexts[i]);
}

static void race(bool upkeep)
{
	struct arena_floor *floor = mmap(NULL, sizeof(*floor), PROT_READ | PROT_WRITE,
					 MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	pid_t agents[AGENTS], cleaner = 0;
	unsigned int seed = (unsigned int) getpid();
	char name[32];

	ck_assert_ptr_ne(floor, MAP_FAILED);
	for (unsigned int i = 0; i < AGENTS; i++)
		agents[i] = spawn(floor, seed + i, be_agent);
	if (upkeep)
		cleaner = spawn(floor, seed, be_upkeep);
	for (unsigned int i = 0; i < KILLS; i++) {
		int victim = rand_r(&seed) % AGENTS;

		(void) usleep((useconds_t) rand_r(&seed) % 6000);
		kill_one(floor, agents[victim]);
		agents[victim] = spawn(floor, seed + 1000 + i, be_agent);
	}
	for (int i = 0; i < AGENTS; i++)
		kill_one(floor, agents[i]);
	if (cleaner)
		kill_one(floor, cleaner);
	(void) fprintf(stderr, "  race%s: %d leases, %d times busy, %d killed, %d emptied\n",
		       upkeep ? " with upkeep" : "", floor->leases, floor->busy, floor->n_doomed,
		       floor->emptied);
	ck_assert_msg(floor->errors == 0, "%d errors, the first: %s", floor->errors, floor->error);
	ck_assert_int_eq(floor->shared, 0);
	ck_assert_int_gt(floor->leases, KILLS);
	ck_assert_int_gt(floor->busy, 0);
	ck_assert(!upkeep || floor->emptied > 20);
	all_slots_can_be_had();
	(void) snprintf(name, sizeof(name), "pool/slot-%d", SLOTS + 1);
	ck_assert_int_lt(access(in_scratch(name), F_OK), 0);
}

START_TEST(test_race_with_kills)
{
	ck_assert(enter_test());
	race(false);
}
END_TEST

START_TEST(test_race_with_kills_and_upkeep)
{
	ck_assert(enter_test());
	race(true);
}
END_TEST

/* ---- each call failing once --------------------------------------------------------------------
 */

static const struct {
	const char *name;
	int codes[4];
} denied[] = {
	{ "open", { EACCES, ENOENT } },
	{ "openat", { EACCES, ENOENT, EMFILE } },
	{ "stat", { EACCES, EIO } },
	{ "newfstatat", { EACCES, EIO, ENOENT } },
	{ "fstat", { EIO } },
	{ "mkdir", { ENOSPC, EACCES, EEXIST } },
	{ "chmod", { EPERM } },
	{ "fchmodat", { EPERM } },
	{ "flock", { EINTR, ENOLCK, EAGAIN, EOPNOTSUPP } },
	{ "fcntl", { EINVAL, ENOLCK } },
	{ "ftruncate", { ENOSPC } },
	{ "lseek", { EINVAL } },
	{ "write", { ENOSPC, EINTR, EIO } },
	{ "read", { EIO } },
	{ "utimensat", { EIO } },
};

struct outcome {
	struct deny_shared shared;
	int result, again;
	bool done, fds_same, leased;
	struct error err, err_again;
	struct snapshot before, after;
};

struct watch {
	const struct outcome *outcome;
	int number, code;
	unsigned int seen, nth; /* 0: none fails */
	bool denied;
};

static _Noreturn void run_denied(int number, struct outcome *outcome)
{
	static const char *const names[] = { "slot-2", NULL };
	struct plan_step step = lease_step(2, names);
	struct apply_context context, other;

	if (unshare(CLONE_NEWNS) < 0 || mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0 ||
	    mount("scratch", scratch, "tmpfs", 0, NULL) < 0)
		_exit(1);
	/* one is taken, so that it goes to the end of the list, and reads a record */
	apply_context_init(&other);
	(void) apply_step(&other, &step, &outcome->err);
	apply_context_init(&context);
	deny_install(&outcome->shared, &number, 1);
	snapshot_take(&outcome->before);
	outcome->shared.active = true;
	outcome->result = apply_step(&context, &step, &outcome->err);
	outcome->leased = context.lease_fd >= 0;
	apply_release_lease(&context);
	outcome->shared.active = false;
	snapshot_take(&outcome->after);
	outcome->fds_same = strcmp(outcome->before.fds, outcome->after.fds) == 0;
	outcome->again = apply_step(&context, &step, &outcome->err_again);
	outcome->done = true;
	_exit(0);
}

static int decide(const struct seccomp_notif *call, void *data)
{
	struct watch *watch = data;

	if (!watch->outcome->shared.active || call->data.nr != watch->number)
		return 0;
	watch->seen++;
	if (watch->seen != watch->nth)
		return 0;
	watch->denied = true;
	return -watch->code;
}

static void check_denied(struct watch *watch, const char *name)
{
	struct outcome *outcome = (struct outcome *) deny_share(sizeof(*outcome));
	int status = -1, r;
	pid_t pid;

	watch->outcome = outcome;
	watch->seen = 0;
	pid = fork();
	if (pid == 0)
		run_denied(watch->number, outcome);
	r = deny_supervise(pid, &outcome->shared, decide, watch, 10000, &status);
	ck_assert_msg(r == 0 && status == 0 && outcome->done, "%s: %d, status %x", name, r, status);
	ck_assert_msg(outcome->result <= 0 && (outcome->result < 0) == (outcome->err.code < 0),
		      "%s: result %d, error %d", name, outcome->result, outcome->err.code);
	ck_assert_msg(outcome->result == 0 || *outcome->err.message, "%s: no word", name);
	ck_assert_msg(outcome->leased == (outcome->result == 0), "%s: leased %d, result %d", name,
		      outcome->leased, outcome->result);
	ck_assert_msg(outcome->fds_same, "%s: descriptors\n%s became\n%s", name,
		      outcome->before.fds, outcome->after.fds);
	ck_assert_msg(outcome->again == 0, "%s failed with %s, and again: %s", name,
		      outcome->err.message, outcome->err_again.message);
	(void) munmap(outcome, sizeof(*outcome));
}

START_TEST(test_each_call_fails_once)
{
	unsigned int count = 0, max;

	(void) snprintf(scratch, sizeof(scratch), "%s/%d", scratch_top, (int) getpid());
	ck_assert_int_eq(mkdir(scratch, 0755), 0);
	for (size_t i = 0; i < ARRAY_SIZE(denied); i++) {
		struct watch watch = { .number = seccomp_syscall_resolve_name(denied[i].name) };

		if (watch.number < 0)
			continue;
		check_denied(&watch, denied[i].name);
		max = watch.seen;
		for (unsigned int nth = 1; nth <= max; nth++)
			for (size_t k = 0; k < 4 && denied[i].codes[k]; k++) {
				watch.nth = nth;
				watch.code = denied[i].codes[k];
				check_denied(&watch, denied[i].name);
				count += watch.denied;
			}
	}
	(void) fprintf(stderr, "  lease: %u calls failed\n", count);
	ck_assert_uint_gt(count, 20);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("lease");
	TCase *tests = tcase_create("lease");

	require_root();
	tcase_set_timeout(tests, 120);
	tcase_add_test(tests, test_lease_is_taken_once);
	tcase_add_test(tests, test_lease_is_given_up_for_another);
	tcase_add_test(tests, test_order_then_new_then_busy);
	tcase_add_test(tests, test_lock_of_the_slot_is_ours_already);
	tcase_add_test(tests, test_lease_lives_as_long_as_a_descriptor);
	tcase_add_test(tests, test_pool_that_cannot_be_used);
	tcase_add_test(tests, test_lock_of_a_moment_costs_nobody_the_slot);
	tcase_add_test(tests, test_inspection_sees_slots);
	tcase_add_test(tests, test_inspection_disturbs_nobody);
	tcase_add_test(tests, test_race_with_kills);
	tcase_add_test(tests, test_race_with_kills_and_upkeep);
	tcase_add_test(tests, test_each_call_fails_once);
	suite_add_tcase(suite, tests);
	return run_suite(suite);
}
