/* SPDX-License-Identifier: Apache-2.0 */
/* Facts to JSON and back, and what the printers make of plans. */
#include <check.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "../../src/cli/errno_names.h"
#include "../../src/cli/printers.h"
#include "dind/str.h"

/* ---- facts made at random ---- */

struct dice {
	uint64_t state;
	struct arena *arena;
};

static uint64_t roll(struct dice *dice)
{
	/* splitmix64: the same everywhere */
	uint64_t z = (dice->state += UINT64_C(0x9e3779b97f4a7c15));

	z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
	z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
	return z ^ (z >> 31);
}

static const char *random_string(struct dice *dice)
{
	static const char *const awkward[] = {
		"",
		"plain",
		"/a/b c",
		"quote\" and \\ and \n and \033[31m",
		"\xff\xfe not UTF-8",
		"/tmp/\xc3",
		"grün → \xf0\x9f\x90\xb3",
		"unlimited",
		"null",
		"{\"bytes\": \"00\"}",
		"\x7f\x01",
	};
	uint64_t n = roll(dice) % (ARRAY_SIZE(awkward) + 1);

	return n < ARRAY_SIZE(awkward) ? arena_strdup(dice->arena, awkward[n]) : NULL;
}

static uint64_t random_number(struct dice *dice)
{
	static const uint64_t edges[] = {
		0, 1, INT64_MAX, (uint64_t) INT64_MAX + 1, UINT64_MAX - 1, UINT64_MAX, 4096,
	};
	uint64_t n = roll(dice) % (ARRAY_SIZE(edges) + 2);

	return n < ARRAY_SIZE(edges) ? edges[n] : roll(dice) >> (roll(dice) % 64);
}

static void random_record(struct dice *dice, const struct json_record *record, char *data);

static void random_list(struct dice *dice, const struct json_field *field, char *data)
{
	size_t count = roll(dice) % 4;
	char *items = count ? arena_alloc(dice->arena, count * field->record->size) : NULL;

	for (size_t i = 0; i < count; i++)
		random_record(dice, field->record, items + i * field->record->size);
	memcpy(data + field->offset, &items, sizeof(items));
	memcpy(data + field->count_offset, &count, sizeof(count));
}

static int random_enum(struct dice *dice, const char *(*word)(int value))
{
	int n = 0;

	while (word(n))
		n++;
	ck_assert_int_gt(n, 0);
	return (int) (roll(dice) % (uint64_t) n);
}

static void random_fact(struct dice *dice, struct fact *fact)
{
	static const int errors[] = { 0, EINVAL, EPERM, ETIMEDOUT, 4711, -3, EOPNOTSUPP };

	fact->value = (enum tri)(roll(dice) % 3);
	fact->error = errors[roll(dice) % ARRAY_SIZE(errors)];
	fact->evidence = random_string(dice);
}

static void random_field(struct dice *dice, const struct json_field *field, char *data)
{
	void *at = data + field->offset;

	switch (field->type) {
	case FIELD_STRING:
		*(const char **) at = random_string(dice);
		return;
	case FIELD_BOOL:
		*(bool *) at = roll(dice) % 2;
		return;
	case FIELD_TRI:
		*(enum tri *) at = (enum tri)(roll(dice) % 3);
		return;
	case FIELD_FACT:
		random_fact(dice, at);
		return;
	case FIELD_INT:
	case FIELD_UINT:
	case FIELD_HEX:
		*(uint64_t *) at = random_number(dice);
		return;
	case FIELD_ERRNO:
		*(int *) at = (int) (roll(dice) % 200) - 20;
		return;
	case FIELD_ENUM:
		*(int *) at = random_enum(dice, field->word);
		return;
	case FIELD_STRINGS:
		for (uint64_t i = roll(dice) % 4; i > 0; i--) {
			const char *text = random_string(dice);

			strings_add(dice->arena, at, text ? text : "none");
		}
		return;
	case FIELD_STRUCT:
		random_record(dice, field->record, at);
		return;
	case FIELD_LIST:
		random_list(dice, field, data);
		return;
	case FIELD_INT32:
	case FIELD_UINT32:
	case FIELD_UINT16:
	case FIELD_MODE:
	case FIELD_CHAR:
	case FIELD_VECTOR:
	case FIELD_POINTERS:
		break;
	}
	ck_abort_msg("facts have no field of the type of %s", field->name);
}

static void random_record(struct dice *dice, const struct json_record *record, char *data)
{
	for (size_t i = 0; i < record->n_fields; i++)
		random_field(dice, &record->fields[i], data);
}

/* ---- comparing, without the code under test ---- */

static void same_text(const char *path, const char *a, const char *b)
{
	ck_assert_msg(str_equal(a, b), "%s: '%s' became '%s'", path, a ? a : "NULL",
		      b ? b : "NULL");
}

static void same_record(const char *path, const struct json_record *record, const char *a,
			const char *b);

static void same_list(const char *path, const struct json_field *field, const char *a,
		      const char *b)
{
	const char *items_a, *items_b;
	size_t n, m;

	memcpy(&items_a, a + field->offset, sizeof(items_a));
	memcpy(&items_b, b + field->offset, sizeof(items_b));
	memcpy(&n, a + field->count_offset, sizeof(n));
	memcpy(&m, b + field->count_offset, sizeof(m));
	ck_assert_msg(n == m, "%s: %zu items became %zu", path, n, m);
	for (size_t i = 0; i < n; i++)
		same_record(path, field->record, items_a + i * field->record->size,
			    items_b + i * field->record->size);
}

static void same_strings(const char *path, const struct strings *a, const struct strings *b)
{
	ck_assert_msg(a->count == b->count, "%s: %zu strings became %zu", path, a->count, b->count);
	for (size_t i = 0; i < a->count; i++)
		same_text(path, a->items[i], b->items[i]);
}

static void same_field(const char *path, const struct json_field *field, const char *a,
		       const char *b)
{
	const void *x = a + field->offset, *y = b + field->offset;

	switch (field->type) {
	case FIELD_STRING:
		same_text(path, *(const char *const *) x, *(const char *const *) y);
		return;
	case FIELD_BOOL:
		ck_assert_msg(*(const bool *) x == *(const bool *) y, "%s", path);
		return;
	case FIELD_INT:
	case FIELD_UINT:
	case FIELD_HEX:
		ck_assert_msg(*(const uint64_t *) x == *(const uint64_t *) y,
			      "%s: %" PRIu64 " became %" PRIu64, path, *(const uint64_t *) x,
			      *(const uint64_t *) y);
		return;
	case FIELD_TRI:
	case FIELD_ENUM:
	case FIELD_ERRNO:
		ck_assert_msg(*(const int *) x == *(const int *) y, "%s: %d became %d", path,
			      *(const int *) x, *(const int *) y);
		return;
	case FIELD_FACT:
		ck_assert_msg(((const struct fact *) x)->value == ((const struct fact *) y)->value,
			      "%s", path);
		ck_assert_msg(((const struct fact *) x)->error == ((const struct fact *) y)->error,
			      "%s", path);
		same_text(path, ((const struct fact *) x)->evidence,
			  ((const struct fact *) y)->evidence);
		return;
	case FIELD_STRINGS:
		same_strings(path, x, y);
		return;
	case FIELD_STRUCT:
		same_record(path, field->record, x, y);
		return;
	case FIELD_LIST:
		same_list(path, field, a, b);
		return;
	case FIELD_INT32:
	case FIELD_UINT32:
	case FIELD_UINT16:
	case FIELD_MODE:
	case FIELD_CHAR:
	case FIELD_VECTOR:
	case FIELD_POINTERS:
		break;
	}
	ck_abort_msg("%s: unexpected type", path);
}

static void same_record(const char *path, const struct json_record *record, const char *a,
			const char *b)
{
	for (size_t i = 0; i < record->n_fields; i++) {
		char where[256];

		(void) snprintf(where, sizeof(where), "%s.%s", path, record->fields[i].name);
		same_field(where, &record->fields[i], a, b);
	}
}

static void round_trip(const struct facts *facts, struct arena *arena)
{
	struct error err = ERROR_INIT;
	struct facts back;
	char *text = NULL, *again = NULL;

	ck_assert_int_eq(print_facts_json(facts, &text, &err), 0);
	memset(&back, 0xa5, sizeof(back));
	ck_assert_msg(print_facts_parse(text, arena, &back, &err) == 0, "%s in\n%s", err.message,
		      text);
	same_record("facts", print_facts_record(), (const char *) facts, (const char *) &back);
	ck_assert_int_eq(print_facts_json(&back, &again, &err), 0);
	ck_assert_str_eq(text, again);
	free(text);
	free(again);
}

START_TEST(random_facts_come_back)
{
	for (uint64_t seed = 1; seed <= 300; seed++) {
		struct arena arena = ARENA_INIT;
		struct dice dice = { seed, &arena };
		struct facts facts;

		memset(&facts, 0, sizeof(facts));
		random_record(&dice, print_facts_record(), (char *) &facts);
		round_trip(&facts, &arena);
		arena_free(&arena);
	}
}
END_TEST

START_TEST(empty_facts_come_back)
{
	struct arena arena = ARENA_INIT;
	struct facts facts;

	memset(&facts, 0, sizeof(facts));
	round_trip(&facts, &arena);
	arena_free(&arena);
}
END_TEST

/* ---- every member is described ---- */

static size_t field_size(const struct json_field *field)
{
	switch (field->type) {
	case FIELD_STRING:
	case FIELD_VECTOR:
	case FIELD_LIST:
	case FIELD_POINTERS:
		return sizeof(void *);
	case FIELD_BOOL:
		return sizeof(bool);
	case FIELD_TRI:
	case FIELD_ENUM:
	case FIELD_ERRNO:
	case FIELD_INT32:
	case FIELD_UINT32:
	case FIELD_MODE:
		return sizeof(int);
	case FIELD_UINT16:
		return sizeof(uint16_t);
	case FIELD_CHAR:
		return 1;
	case FIELD_INT:
	case FIELD_UINT:
	case FIELD_HEX:
		return sizeof(uint64_t);
	case FIELD_FACT:
		return sizeof(struct fact);
	case FIELD_STRINGS:
		return sizeof(struct strings);
	case FIELD_STRUCT:
		return field->record->size;
	}
	return 0;
}

/*
 * The bytes of a struct that no field describes must be padding: between two fields fewer than the
 * alignment that the next one needs. A member that somebody added and forgot to describe shows as a
 * hole (unless it is so small that it fits the padding).
 */
static void check_described(const char *name, const struct json_record *record)
{
	unsigned char seen[4096] = { 0 };
	size_t hole = 0;

	ck_assert_uint_le(record->size, sizeof(seen));
	for (size_t i = 0; i < record->n_fields; i++) {
		const struct json_field *field = &record->fields[i];

		memset(seen + field->offset, 1, field_size(field));
		if (field->type == FIELD_LIST)
			memset(seen + field->count_offset, 1, sizeof(size_t));
		if (field->record)
			check_described(field->name, field->record);
	}
	for (size_t i = 0; i < record->size; i++) {
		hole = seen[i] ? 0 : hole + 1;
		ck_assert_msg(hole < sizeof(void *), "struct %s: byte %zu is not described", name,
			      i);
		/* padding ends where alignment is reached */
		ck_assert_msg(hole == 0 || i % sizeof(void *) != 0,
			      "struct %s: byte %zu is not described", name, i);
	}
}

START_TEST(every_member_is_described)
{
	check_described("facts", print_facts_record());
}
END_TEST

/* ---- how it looks ---- */

START_TEST(words_and_numbers)
{
	static const char *const wanted[] = {
		"\"cap_effective\": \"0x1ffffffffff\"",
		"\"nofile_hard\": \"unlimited\"",
		"\"mode\": \"hybrid\"",
		"\"kind\": \"overlay\"",
		"\"error\": \"EINVAL\"",
		"\"value\": \"no\"",
		"\"evidence\": \"mount\"",
		"\"user_namespace\": \"unknown\"",
		"\"bytes\": \"2fff\"",
	};
	struct facts_trial trial = {
		.kind = TRIAL_OVERLAY,
		.path = "/\xff",
		.result = { TRI_NO, EINVAL, "mount" },
	};
	struct facts facts = {
		.privileges.cap_effective = UINT64_C(0x1ffffffffff),
		.limits.nofile_hard = FACTS_UNLIMITED,
		.cgroups.mode = CGROUP_HYBRID,
		.trials = &trial,
		.n_trials = 1,
	};
	struct error err = ERROR_INIT;
	char *text = NULL;

	ck_assert_int_eq(print_facts_json(&facts, &text, &err), 0);
	for (size_t i = 0; i < ARRAY_SIZE(wanted); i++)
		ck_assert_msg(strstr(text, wanted[i]) != NULL, "%s is not in\n%s", wanted[i], text);
	free(text);
}
END_TEST

START_TEST(missing_members_are_unknown)
{
	struct arena arena = ARENA_INIT;
	struct error err = ERROR_INIT;
	struct facts facts;

	ck_assert_int_eq(print_facts_parse("{}", &arena, &facts, &err), 0);
	ck_assert_int_eq(facts.n_trials, 0);
	ck_assert_int_eq(print_facts_parse("{\"privileges\": {}, \"cgroups\": {}, \"limits\": {}}",
					   &arena, &facts, &err),
			 0);
	ck_assert_int_eq(facts.privileges.seccomp_mode, -1);
	ck_assert_int_eq(facts.privileges.cap_last, -1);
	ck_assert_int_eq(facts.privileges.no_new_privs, TRI_UNKNOWN);
	ck_assert_int_eq(facts.cgroups.n_processes, -1);
	ck_assert_uint_eq(facts.limits.memory_max, FACTS_UNLIMITED);
	arena_free(&arena);
}
END_TEST

static const struct {
	const char *text;
	const char *message;
} refused[] = {
	{ "{", "line 1 column 1" },
	{ "", "line 1 column 0" },
	{ "[]", "facts: an object is wanted" },
	{ "{\"a\": 1}", "facts.a: unknown member" },
	{ "{\"privileges\": {\"pid\": 1, \"colour\": 2}}", "facts.privileges.colour: unknown" },
	{ "{\"privileges\": {\"pid\": \"one\"}}", "facts.privileges.pid: a whole number" },
	{ "{\"privileges\": {\"pid\": 1.5}}", "facts.privileges.pid: a whole number" },
	{ "{\"privileges\": {\"pid\": 1, \"pid\": 2}}", "duplicate" },
	{ "{\"privileges\": {\"cap_effective\": \"0xzz\"}}", "facts.privileges.cap_effective" },
	{ "{\"privileges\": {\"cap_effective\": -1}}", "facts.privileges.cap_effective" },
	{ "{\"privileges\": {\"cap_effective\": \"0x11111111111111111\"}}", "cap_effective" },
	{ "{\"privileges\": {\"no_new_privs\": true}}", "one of unknown, no, yes" },
	{ "{\"privileges\": {\"no_new_privs\": \"maybe\"}}", "one of unknown, no, yes" },
	{ "{\"privileges\": {\"uid_map\": 7}}", "facts.privileges.uid_map: a string" },
	{ "{\"privileges\": {\"uid_map\": {\"bytes\": \"0g\"}}}", "hexadecimal" },
	{ "{\"privileges\": {\"uid_map\": {\"bytes\": \"4100\"}}}", "hexadecimal" },
	{ "{\"privileges\": {\"uid_map\": {\"bytes\": \"41\", \"x\": 1}}}", "a string, or" },
	{ "{\"cgroups\": {\"mode\": \"v3\"}}", "facts.cgroups.mode: one of unknown, none, v1" },
	{ "{\"cgroups\": {\"writable\": \"yes\"}}", "facts.cgroups.writable: an object" },
	{ "{\"cgroups\": {\"writable\": {\"error\": \"EBOGUS\"}}}",
	  "facts.cgroups.writable.error" },
	{ "{\"cgroups\": {\"hierarchies\": [{\"id\": 1}, {\"idd\": 1}]}}",
	  "facts.cgroups.hierarchies[1].idd: unknown member" },
	{ "{\"cgroups\": {\"hierarchies\": {}}}", "facts.cgroups.hierarchies: a list" },
	{ "{\"mounts\": {\"devices\": [{\"present\": 1}]}}",
	  "facts.mounts.devices[0].present: true or false" },
	{ "{\"engine\": {\"config_hosts\": [1]}}", "facts.engine.config_hosts: a string" },
	{ "{\"engine\": {\"config_hosts\": [null]}}", "facts.engine.config_hosts: a list" },
	{ "{\"trials\": [{\"kind\": \"overlay2\"}]}", "facts.trials[0].kind: one of overlay" },
};

START_TEST(refusals_name_the_member)
{
	struct arena arena = ARENA_INIT;
	struct error err = ERROR_INIT;
	struct facts facts;

	memset(&facts, 0x5a, sizeof(facts));
	ck_assert_int_eq(print_facts_parse(refused[_i].text, &arena, &facts, &err), -EINVAL);
	ck_assert_msg(strstr(err.message, refused[_i].message) != NULL, "'%s' says '%s', not '%s'",
		      refused[_i].text, err.message, refused[_i].message);
	/* untouched on failure */
	ck_assert_int_eq(((const unsigned char *) &facts)[0], 0x5a);
	arena_free(&arena);
}
END_TEST

START_TEST(errno_names_are_one_to_one)
{
	for (int error = 1; error < 140; error++)
		if (errno_name(error))
			ck_assert_int_eq(errno_from_name(errno_name(error)), error);
	ck_assert_int_eq(errno_from_name("EWOULDBLOCK"), EAGAIN);
	ck_assert_int_eq(errno_from_name("ENOTSUP"), EOPNOTSUPP);
	ck_assert_ptr_null(errno_name(0));
}
END_TEST

/* ---- plans ---- */

static const struct plan_listener listeners[] = {
	{ .kind = LISTENER_UNIX,
	  .url = "unix:///run/x.sock",
	  .path = "/run/x.sock",
	  .mode = 0660,
	  .gid = -1 },
	{ .kind = LISTENER_TCP, .url = "tcp://127.0.0.1:2375", .host = "127.0.0.1", .port = 2375 },
};

/* One step of each kind, each with something that only it has. */
static void fill_step(struct plan_step *step, enum plan_step_kind kind)
{
	static const char *const drop[] = { "hosts", NULL };
	static const char *const calls[] = { "kexec_load", "swapon", NULL };

	*step = (struct plan_step){ .kind = kind, .key = "key", .why = "because" };
	switch (kind) {
	case STEP_LIMITS:
		step->u.limits.set_nofile = true;
		step->u.limits.nofile_soft = 1024;
		step->u.limits.nofile_hard = FACTS_UNLIMITED;
		step->u.limits.set_oom_score = true;
		step->u.limits.oom_score_adj = -500;
		return;
	case STEP_RUNTIME_DIR:
	case STEP_DIRECTORY:
		step->u.runtime_dir.path = "/run/dind";
		step->u.runtime_dir.mode = 0700;
		return;
	case STEP_LISTEN:
		step->u.listen.listeners = listeners;
		step->u.listen.n_listeners = 2;
		return;
	case STEP_LEASE:
		step->u.lease.pool = "/cache";
		step->u.lease.slots = drop;
		step->u.lease.max_slots = 3;
		step->u.lease.busy = CACHE_BUSY_WAIT;
		step->u.lease.holder = "container c";
		return;
	case STEP_LOCK:
		step->u.lock.path = "/data/.dind-lock";
		step->u.lock.create = true;
		step->u.lock.holder = "container c";
		return;
	case STEP_MAKE_IMAGE:
	case STEP_MOUNT_IMAGE:
		step->u.image.image = "/img/data.img";
		step->u.image.bytes = UINT64_C(40) << 30;
		step->u.image.mkfs = "/sbin/mkfs.ext4";
		step->u.image.target = "/data";
		return;
	case STEP_APPARMOR:
		step->u.apparmor.name = "dind-0123456789ab";
		return;
	case STEP_REMOUNT_RW:
	case STEP_SELINUX_HIDE:
		step->u.remount.path = "/proc/sys";
		return;
	case STEP_DEVICE:
		step->u.device.path = "/dev/fuse";
		step->u.device.type = 'c';
		step->u.device.major = 10;
		step->u.device.minor = 229;
		step->u.device.mode = 0666;
		return;
	case STEP_SWEEP:
		step->u.sweep.pid_files[0] = "/run/docker.pid";
		step->u.sweep.n_pid_files = 1;
		step->u.sweep.sockets[0] = "/run/a.sock";
		step->u.sweep.sockets[1] = "/run/b.sock";
		step->u.sweep.n_sockets = 2;
		return;
	case STEP_CGROUP_V1:
		step->u.cgroup_v1.controllers = "cpu,cpuacct";
		step->u.cgroup_v1.target = "/sys/fs/cgroup/cpu,cpuacct";
		return;
	case STEP_CGROUP_NAMESPACE:
		step->u.cgroup_namespace.mount_point = "/sys/fs/cgroup";
		return;
	case STEP_CGROUP_NEST:
		step->u.cgroup_nest.mount_point = "/sys/fs/cgroup";
		step->u.cgroup_nest.leaf = "init";
		step->u.cgroup_nest.controllers = "cpu memory";
		step->u.cgroup_nest.timeout_ms = 2000;
		return;
	case STEP_BIND:
		step->u.bind.source = "/mnt/ssd";
		step->u.bind.target = "/data";
		return;
	case STEP_CONFIG:
		step->u.config.source = "/etc/docker/daemon.json";
		step->u.config.target = "/run/dind/daemon.json";
		step->u.config.drop = drop;
		return;
	case STEP_FILE:
		step->u.file.path = "/run/dind/containerd.toml";
		step->u.file.content = "version = 2\n";
		step->u.file.mode = 0600;
		return;
	case STEP_FILESYSTEM:
		step->u.filesystem.type = "tmpfs";
		step->u.filesystem.target = "/tmp";
		step->u.filesystem.options = "mode=1777";
		return;
	case STEP_TMPFS:
		step->u.tmpfs.target = "/data";
		step->u.tmpfs.bytes = UINT64_C(2) << 30;
		return;
	case STEP_CHECK_STORE:
		step->u.check_store.path = "/data";
		step->u.check_store.containerd = true;
		step->u.check_store.driver = "overlay2";
		return;
	case STEP_GUARD_START:
		step->u.guard.database = "/data/network/files/local-kv.db";
		step->u.guard.copy = "/data/.dind-network.db";
		step->u.guard.mark = "/data/.dind-starting";
		return;
	case STEP_CONFINE:
		step->u.confine.refused = calls;
		return;
	case STEP_CAPABILITIES:
		step->u.capabilities.keep = 3;
		step->u.capabilities.names = calls;
		return;
	case STEP_CA:
		step->u.ca.sources = drop;
		step->u.ca.target = "/run/dind/ca/engine.pem";
		return;
	case STEP_CERTS:
		step->u.certs.directory = "/certs";
		step->u.certs.argv = calls;
		step->u.certs.timeout_ms = 30000;
		return;
	case STEP_LINK:
		step->u.link.path = "/run/dind/iptables/iptables";
		step->u.link.target = "/usr/sbin/iptables-legacy";
		return;
	case STEP_CLAMP_MSS:
		step->u.clamp_mss.iptables = "/usr/sbin/iptables";
		return;
	case STEP_DNS_RELAY:
		step->u.dns_relay.address = "169.254.17.53";
		step->u.dns_relay.servers = drop;
		return;
	case STEP_GROUP:
		step->u.group.gid = 998;
		step->u.group.name = "docker-host";
		step->u.group.users = drop;
		return;
	case STEP_PROPAGATION:
	case STEP_KIND_COUNT:
		return;
	}
}

/* What each kind must say in text, and a member that it must have in JSON. */
static const struct {
	const char *object;
	const char *member;
} step_wanted[STEP_KIND_COUNT] = {
	[STEP_LIMITS] = { "open files 1024/", "oom_score_adj" },
	[STEP_RUNTIME_DIR] = { "/run/dind", "path" },
	[STEP_DIRECTORY] = { "/run/dind", "mode" },
	[STEP_LISTEN] = { "unix:///run/x.sock tcp://127.0.0.1:2375", "why" },
	[STEP_LEASE] = { "/cache", "busy" },
	[STEP_LOCK] = { "/data/.dind-lock", "holder" },
	[STEP_MAKE_IMAGE] = { "/img/data.img, 40.0 GiB", "mkfs" },
	[STEP_MOUNT_IMAGE] = { "/img/data.img on /data", "target" },
	[STEP_REMOUNT_RW] = { "/proc/sys", "path" },
	[STEP_DEVICE] = { "/dev/fuse", "minor" },
	[STEP_PROPAGATION] = { "/", "why" },
	[STEP_SWEEP] = { "/run/docker.pid /run/a.sock /run/b.sock", "sockets" },
	[STEP_CGROUP_V1] = { "cpu,cpuacct on /sys/fs/cgroup/cpu,cpuacct", "tmpfs_first" },
	[STEP_CGROUP_NAMESPACE] = { "/sys/fs/cgroup", "mount_point" },
	[STEP_CGROUP_NEST] = { "/sys/fs/cgroup/init", "timeout_ms" },
	[STEP_BIND] = { "/mnt/ssd on /data", "source" },
	[STEP_TMPFS] = { "2.0 GiB on /data", "bytes" },
	[STEP_CHECK_STORE] = { "/data", "driver" },
	[STEP_GUARD_START] = { "/data/network/files/local-kv.db", "mark" },
	[STEP_CONFIG] = { "/etc/docker/daemon.json on /run/dind/daemon.json", "drop" },
	[STEP_FILE] = { "/run/dind/containerd.toml", "content" },
	[STEP_FILESYSTEM] = { "tmpfs on /tmp", "options" },
	[STEP_APPARMOR] = { "dind-0123456789ab", "namespace" },
	[STEP_SELINUX_HIDE] = { "/proc/sys", "path" },
	[STEP_CONFINE] = { "the engine's tree", "refused" },
	[STEP_CAPABILITIES] = { "kexec_load swapon", "keep" },
	[STEP_CA] = { "/run/dind/ca/engine.pem", "sources" },
	[STEP_CERTS] = { "/certs", "argv" },
	[STEP_LINK] = { "/run/dind/iptables/iptables to /usr/sbin/iptables-legacy", "target" },
	[STEP_CLAMP_MSS] = { "/usr/sbin/iptables", "iptables" },
	[STEP_DNS_RELAY] = { "169.254.17.53", "servers" },
	[STEP_GROUP] = { "998: hosts", "users" },
};

static const char *print_to_text(void (*print)(FILE *out, const struct plan *plan),
				 const struct plan *plan, char *buf, size_t size)
{
	FILE *out = fmemopen(buf, size, "w");

	ck_assert_ptr_nonnull(out);
	print(out, plan);
	ck_assert_int_eq(fclose(out), 0);
	return buf;
}

START_TEST(every_step_is_printed)
{
	enum plan_step_kind kind = (enum plan_step_kind) _i;
	struct plan_step step;
	struct plan plan = { .steps = &step, .n_steps = 1 };
	struct error err = ERROR_INIT;
	char object[256], text[8192], *json = NULL;
	json_t *parsed;

	fill_step(&step, kind);
	ck_assert_ptr_nonnull(
		strstr(print_step_object(&step, object, sizeof(object)), step_wanted[_i].object));
	(void) print_to_text(print_plan_text, &plan, text, sizeof(text));
	ck_assert_msg(strstr(text, step_wanted[_i].object) != NULL, "%s", text);
	ck_assert_msg(strstr(text, ": because\n") != NULL, "%s", text);
	ck_assert_int_eq(print_plan_json(&plan, &json, &err), 0);
	parsed = json_loads(json, JSON_REJECT_DUPLICATES, NULL);
	ck_assert_ptr_nonnull(json_object_get(json_array_get(json_object_get(parsed, "steps"), 0),
					      step_wanted[_i].member));
	ck_assert_str_eq(json_string_value(json_object_get(
				 json_array_get(json_object_get(parsed, "steps"), 0), "kind")),
			 plan_step_name(kind));
	json_decref(parsed);
	free(json);
}
END_TEST

START_TEST(refused_plan)
{
	struct plan_message refusal = { "DIND-X-01", 77, "no SYS_ADMIN", "add --privileged" };
	struct plan_message hint = { "DIND-X-02", 0, "slow\033[2J", NULL };
	struct plan plan = { .refusals = &refusal, .n_refusals = 1, .hints = &hint, .n_hints = 1 };
	struct error err = ERROR_INIT;
	char text[4096], *json = NULL;

	(void) print_to_text(print_plan_text, &plan, text, sizeof(text));
	ck_assert_ptr_nonnull(strstr(text, "DIND-X-01: no SYS_ADMIN\n    → add --privileged\n"));
	ck_assert_ptr_null(strchr(text, '\033'));
	(void) print_to_text(print_doctor_text, &plan, text, sizeof(text));
	ck_assert_ptr_nonnull(strstr(text, "DIND-X-01: no SYS_ADMIN\n  → add --privileged\n"));
	ck_assert_ptr_nonnull(strstr(text, "DIND-X-02: slow?[2J\n"));
	ck_assert_ptr_null(strstr(text, "nothing stands in the way"));
	ck_assert_int_eq(print_doctor_json(&plan, &json, &err), 0);
	ck_assert_ptr_nonnull(strstr(json, "\"status\": 77"));
	free(json);
	plan.n_refusals = 0;
	(void) print_to_text(print_doctor_text, &plan, text, sizeof(text));
	ck_assert_ptr_nonnull(strstr(text, "nothing stands in the way"));
}
END_TEST

START_TEST(doctor_says_where_images_are_kept)
{
	struct plan_message decisions[] = {
		{ "DIND-CGROUP-11", 0, "cgroup v2", NULL },
		{ "DIND-STORAGE-01", 0, "storage: overlay2 on a loop image", NULL },
		{ "DIND-STORAGE-02", 0, "not as-is: EINVAL", NULL },
	};
	struct plan plan = { .decisions = decisions, .n_decisions = ARRAY_SIZE(decisions) };
	struct error err = ERROR_INIT;
	char text[4096], *json = NULL;

	(void) print_to_text(print_doctor_text, &plan, text, sizeof(text));
	ck_assert_ptr_nonnull(strstr(text, "DIND-STORAGE-01: storage: overlay2 on a loop image\n"
					   "DIND-STORAGE-02: not as-is: EINVAL\n"));
	ck_assert_ptr_null(strstr(text, "cgroup"));
	ck_assert_int_eq(print_doctor_json(&plan, &json, &err), 0);
	ck_assert_ptr_nonnull(strstr(json, "not as-is: EINVAL"));
	free(json);
}
END_TEST

START_TEST(wanted_trials)
{
	struct trial_request trial = { TRIAL_OVERLAY, "/var/lib/docker" };
	struct plan plan = { .trials = &trial, .n_trials = 1 };
	char text[4096];

	(void) print_to_text(print_plan_text, &plan, text, sizeof(text));
	ck_assert_ptr_nonnull(strstr(text, "would try: overlay on /var/lib/docker\n"));
}
END_TEST

START_TEST(environment_values_are_not_shown)
{
	static const char *const argv[] = { "/usr/sbin/dockerd", "--label", "a=b", NULL };
	static const char *const environment[] = { "DOCKER_HOST=unix:///x", "TOKEN=s3cret",
						   "DIND_X=hunter2", "\xff=leaked", NULL };
	struct plan plan = {
		.engine = { .launch = { .argv = argv, .environment = environment },
			    .wanted = true },
		.listeners = (struct plan_listener *) (uintptr_t) listeners,
		.n_listeners = 2,
	};
	struct error err = ERROR_INIT;
	char *json = NULL;

	ck_assert_int_eq(print_plan_json(&plan, &json, &err), 0);
	ck_assert_ptr_nonnull(strstr(json, "DOCKER_HOST=unix:///x"));
	ck_assert_ptr_nonnull(strstr(json, "TOKEN=…"));
	ck_assert_ptr_null(strstr(json, "s3cret"));
	ck_assert_ptr_null(strstr(json, "hunter2"));
	ck_assert_ptr_null(strstr(json, "leaked"));
	ck_assert_ptr_nonnull(strstr(json, "\"mode\": \"0660\""));
	ck_assert_ptr_nonnull(strstr(json, "\"port\": 2375"));
	free(json);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("json");
	TCase *facts = tcase_create("facts"), *plans = tcase_create("plans");
	SRunner *runner = srunner_create(suite);
	int failed;

	tcase_set_timeout(facts, 60);
	tcase_add_test(facts, random_facts_come_back);
	tcase_add_test(facts, empty_facts_come_back);
	tcase_add_test(facts, every_member_is_described);
	tcase_add_test(facts, words_and_numbers);
	tcase_add_test(facts, missing_members_are_unknown);
	tcase_add_loop_test(facts, refusals_name_the_member, 0, (int) ARRAY_SIZE(refused));
	tcase_add_test(facts, errno_names_are_one_to_one);
	tcase_add_loop_test(plans, every_step_is_printed, 0, (int) STEP_KIND_COUNT);
	tcase_add_test(plans, refused_plan);
	tcase_add_test(plans, doctor_says_where_images_are_kept);
	tcase_add_test(plans, wanted_trials);
	tcase_add_test(plans, environment_values_are_not_shown);
	suite_add_tcase(suite, facts);
	suite_add_tcase(suite, plans);
	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed == 0 ? 0 : 1;
}
