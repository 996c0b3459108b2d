/* SPDX-License-Identifier: Apache-2.0 */
/* The description of struct plan. Written only: a plan is made, not read. */
#include <string.h>

#include "dind/str.h"
#include "printers.h"

#define FIELD(member, kind)                                                    \
	{                                                                      \
		.name = #member, .type = (kind), .offset = offsetof(S, member) \
	}
#define RECORD(name, fields) \
	static const struct json_record name = { sizeof(S), fields, ARRAY_SIZE(fields) }

#define S struct plan_message
static const struct json_field message_fields[] = {
	FIELD(code, FIELD_STRING),
	FIELD(status, FIELD_INT32),
	FIELD(fact, FIELD_STRING),
	FIELD(remedy, FIELD_STRING),
};
RECORD(message_record, message_fields);

/* Notes have no status. */
static const struct json_field note_fields[] = {
	FIELD(code, FIELD_STRING),
	FIELD(fact, FIELD_STRING),
	FIELD(remedy, FIELD_STRING),
};
RECORD(note_record, note_fields);
#undef S

static const char *trial_word(int value)
{
	return value >= 0 && value < (int) TRIAL_COUNT ? facts_trial_name((enum trial_kind) value)
						       : NULL;
}

#define S struct trial_request
static const struct json_field trial_fields[] = {
	{ .name = "kind", .type = FIELD_ENUM, .offset = offsetof(S, kind), .word = trial_word },
	FIELD(path, FIELD_STRING),
};
RECORD(trial_record, trial_fields);
#undef S

static const char *listener_word(int value)
{
	static const char *const words[] = { [LISTENER_UNIX] = "unix", [LISTENER_TCP] = "tcp" };

	return value >= 0 && (size_t) value < ARRAY_SIZE(words) ? words[value] : NULL;
}

#define S struct plan_listener
static const struct json_field unix_fields[] = {
	{ .name = "kind", .type = FIELD_ENUM, .offset = offsetof(S, kind), .word = listener_word },
	FIELD(url, FIELD_STRING),
	FIELD(path, FIELD_STRING),
	FIELD(mode, FIELD_MODE),
	FIELD(gid, FIELD_INT),
};
RECORD(unix_record, unix_fields);

static const struct json_field tcp_fields[] = {
	{ .name = "kind", .type = FIELD_ENUM, .offset = offsetof(S, kind), .word = listener_word },
	FIELD(url, FIELD_STRING),
	FIELD(host, FIELD_STRING),
	FIELD(port, FIELD_UINT16),
};
RECORD(tcp_record, tcp_fields);
#undef S

static const char *rung_word(int value)
{
	return value >= 0 && value < (int) RUNG_COUNT ? options_rung_name((enum storage_rung) value)
						      : NULL;
}

#define S struct plan_storage
static const struct json_field storage_fields[] = {
	{ .name = "rung", .type = FIELD_ENUM, .offset = offsetof(S, rung), .word = rung_word },
	FIELD(driver, FIELD_STRING),
	FIELD(data_root, FIELD_STRING),
	FIELD(image, FIELD_STRING),
	FIELD(why, FIELD_STRING),
	FIELD(remove_subvolumes, FIELD_BOOL),
};
RECORD(storage_record, storage_fields);
#undef S

/* ---- steps: what is common, and what belongs to one kind ---- */

static const char *step_word(int value)
{
	return value >= 0 && value < (int) STEP_KIND_COUNT
		       ? plan_step_name((enum plan_step_kind) value)
		       : NULL;
}

static const char *on_fail_word(int value)
{
	static const char *const words[] = {
		[FAIL_ABORT] = "abort",
		[FAIL_REPLAN] = "replan",
		[FAIL_DEGRADE] = "degrade",
	};

	return value >= 0 && (size_t) value < ARRAY_SIZE(words) ? words[value] : NULL;
}

#define S struct plan_step
#define DETAIL(member, label, kind)                                              \
	{                                                                        \
		.name = (label), .type = (kind), .offset = offsetof(S, u.member) \
	}
static const struct json_field step_fields[] = {
	{ .name = "kind", .type = FIELD_ENUM, .offset = offsetof(S, kind), .word = step_word },
	FIELD(key, FIELD_STRING),
	FIELD(why, FIELD_STRING),
	{ .name = "on_fail",
	  .type = FIELD_ENUM,
	  .offset = offsetof(S, on_fail),
	  .word = on_fail_word },
	FIELD(code, FIELD_STRING),
	FIELD(remedy, FIELD_STRING),
	FIELD(without, FIELD_STRING),
};
RECORD(step_record, step_fields);

static const struct json_field abort_fields[] = { FIELD(status, FIELD_INT32) };
RECORD(abort_record, abort_fields);

static const struct json_field nofile_fields[] = {
	DETAIL(limits.nofile_soft, "nofile_soft", FIELD_UINT),
	DETAIL(limits.nofile_hard, "nofile_hard", FIELD_UINT),
};
RECORD(nofile_record, nofile_fields);

static const struct json_field oom_fields[] = {
	DETAIL(limits.oom_score_adj, "oom_score_adj", FIELD_INT32),
};
RECORD(oom_record, oom_fields);

static const struct json_field runtime_dir_fields[] = {
	DETAIL(runtime_dir.path, "path", FIELD_STRING),
	DETAIL(runtime_dir.mode, "mode", FIELD_MODE),
};
RECORD(runtime_dir_record, runtime_dir_fields);

static const struct json_field lock_fields[] = {
	DETAIL(lock.path, "path", FIELD_STRING),
	DETAIL(lock.create, "create", FIELD_BOOL),
	DETAIL(lock.holder, "holder", FIELD_STRING),
};
RECORD(lock_record, lock_fields);

static const struct json_field make_image_fields[] = {
	DETAIL(image.image, "image", FIELD_STRING),
	DETAIL(image.bytes, "bytes", FIELD_UINT),
	DETAIL(image.mkfs, "mkfs", FIELD_STRING),
};
RECORD(make_image_record, make_image_fields);

static const struct json_field mount_image_fields[] = {
	DETAIL(image.image, "image", FIELD_STRING),
	DETAIL(image.target, "target", FIELD_STRING),
	DETAIL(image.label, "label", FIELD_STRING),
};
RECORD(mount_image_record, mount_image_fields);

static const struct json_field remount_fields[] = {
	DETAIL(remount.path, "path", FIELD_STRING),
};
RECORD(remount_record, remount_fields);

static const struct json_field apparmor_fields[] = {
	DETAIL(apparmor.name, "namespace", FIELD_STRING),
};
RECORD(apparmor_record, apparmor_fields);

static const struct json_field device_fields[] = {
	DETAIL(device.path, "path", FIELD_STRING),   DETAIL(device.type, "type", FIELD_CHAR),
	DETAIL(device.major, "major", FIELD_UINT32), DETAIL(device.minor, "minor", FIELD_UINT32),
	DETAIL(device.mode, "mode", FIELD_MODE),
};
RECORD(device_record, device_fields);

static const struct json_field sweep_fields[] = {
	{ .name = "pid_files",
	  .type = FIELD_POINTERS,
	  .offset = offsetof(S, u.sweep.pid_files),
	  .count_offset = offsetof(S, u.sweep.n_pid_files) },
	{ .name = "sockets",
	  .type = FIELD_POINTERS,
	  .offset = offsetof(S, u.sweep.sockets),
	  .count_offset = offsetof(S, u.sweep.n_sockets) },
};
RECORD(sweep_record, sweep_fields);

static const char *busy_word(int value)
{
	static const char *const words[] = {
		[CACHE_BUSY_COLD] = "cold",
		[CACHE_BUSY_WAIT] = "wait",
		[CACHE_BUSY_FAIL] = "fail",
	};

	return value >= 0 && (size_t) value < ARRAY_SIZE(words) ? words[value] : NULL;
}

static const struct json_field lease_fields[] = {
	DETAIL(lease.pool, "pool", FIELD_STRING),
	DETAIL(lease.slots, "slots", FIELD_VECTOR),
	DETAIL(lease.max_slots, "max_slots", FIELD_INT32),
	{ .name = "busy",
	  .type = FIELD_ENUM,
	  .offset = offsetof(S, u.lease.busy),
	  .word = busy_word },
	DETAIL(lease.holder, "holder", FIELD_STRING),
	DETAIL(lease.avoid, "avoid", FIELD_VECTOR),
	DETAIL(lease.given_up, "given_up", FIELD_STRING),
	DETAIL(lease.unfit, "unfit", FIELD_STRING),
};
RECORD(lease_record, lease_fields);

static const struct json_field cgroup_v1_fields[] = {
	DETAIL(cgroup_v1.controllers, "controllers", FIELD_STRING),
	DETAIL(cgroup_v1.target, "target", FIELD_STRING),
	DETAIL(cgroup_v1.tmpfs_first, "tmpfs_first", FIELD_BOOL),
	DETAIL(cgroup_v1.replace, "replace", FIELD_BOOL),
	DETAIL(cgroup_v1.unmount, "unmount", FIELD_BOOL),
};
RECORD(cgroup_v1_record, cgroup_v1_fields);

static const struct json_field cgroup_namespace_fields[] = {
	DETAIL(cgroup_namespace.mount_point, "mount_point", FIELD_STRING),
};
RECORD(cgroup_namespace_record, cgroup_namespace_fields);

static const struct json_field cgroup_nest_fields[] = {
	DETAIL(cgroup_nest.mount_point, "mount_point", FIELD_STRING),
	DETAIL(cgroup_nest.leaf, "leaf", FIELD_STRING),
	DETAIL(cgroup_nest.controllers, "controllers", FIELD_STRING),
	DETAIL(cgroup_nest.timeout_ms, "timeout_ms", FIELD_INT32),
};
RECORD(cgroup_nest_record, cgroup_nest_fields);

static const struct json_field bind_fields[] = {
	DETAIL(bind.source, "source", FIELD_STRING),
	DETAIL(bind.target, "target", FIELD_STRING),
};
RECORD(bind_record, bind_fields);

static const struct json_field tmpfs_fields[] = {
	DETAIL(tmpfs.target, "target", FIELD_STRING),
	DETAIL(tmpfs.bytes, "bytes", FIELD_UINT),
	DETAIL(tmpfs.label, "label", FIELD_STRING),
};
RECORD(tmpfs_record, tmpfs_fields);

static const struct json_field check_store_fields[] = {
	DETAIL(check_store.path, "path", FIELD_STRING),
	DETAIL(check_store.containerd, "containerd", FIELD_BOOL),
	DETAIL(check_store.driver, "driver", FIELD_STRING),
};
RECORD(check_store_record, check_store_fields);

static const struct json_field guard_fields[] = {
	DETAIL(guard.database, "database", FIELD_STRING),
	DETAIL(guard.copy, "copy", FIELD_STRING),
	DETAIL(guard.mark, "mark", FIELD_STRING),
};
RECORD(guard_record, guard_fields);

static const struct json_field config_fields[] = {
	DETAIL(config.source, "source", FIELD_STRING),
	DETAIL(config.required, "required", FIELD_BOOL),
	DETAIL(config.target, "target", FIELD_STRING),
	DETAIL(config.drop, "drop", FIELD_VECTOR),
};
RECORD(config_record, config_fields);

static const struct json_field file_fields[] = {
	DETAIL(file.path, "path", FIELD_STRING),
	DETAIL(file.content, "content", FIELD_STRING),
	DETAIL(file.mode, "mode", FIELD_MODE),
};
RECORD(file_record, file_fields);

static const struct json_field filesystem_fields[] = {
	DETAIL(filesystem.type, "type", FIELD_STRING),
	DETAIL(filesystem.target, "target", FIELD_STRING),
	DETAIL(filesystem.options, "options", FIELD_STRING),
	DETAIL(filesystem.if_present, "if_present", FIELD_BOOL),
};
RECORD(filesystem_record, filesystem_fields);

static const struct json_field confine_fields[] = {
	DETAIL(confine.refused, "refused", FIELD_VECTOR),
};
RECORD(confine_record, confine_fields);

static const struct json_field capabilities_fields[] = {
	DETAIL(capabilities.names, "keep", FIELD_VECTOR),
};
RECORD(capabilities_record, capabilities_fields);

static const struct json_field certs_fields[] = {
	DETAIL(certs.directory, "directory", FIELD_STRING),
	DETAIL(certs.key, "key", FIELD_STRING),
	DETAIL(certs.san, "san", FIELD_STRING),
	DETAIL(certs.argv, "argv", FIELD_VECTOR),
	DETAIL(certs.timeout_ms, "timeout_ms", FIELD_INT32),
	DETAIL(certs.begin, "begin", FIELD_BOOL),
};
RECORD(certs_record, certs_fields);

static const struct json_field ca_fields[] = {
	DETAIL(ca.sources, "sources", FIELD_VECTOR),
	DETAIL(ca.target, "target", FIELD_STRING),
};
RECORD(ca_record, ca_fields);

static const struct json_field link_fields[] = {
	DETAIL(link.path, "path", FIELD_STRING),
	DETAIL(link.target, "target", FIELD_STRING),
};
RECORD(link_record, link_fields);

static const struct json_field clamp_mss_fields[] = {
	DETAIL(clamp_mss.iptables, "iptables", FIELD_STRING),
};
RECORD(clamp_mss_record, clamp_mss_fields);

static const struct json_field dns_relay_fields[] = {
	DETAIL(dns_relay.address, "address", FIELD_STRING),
	DETAIL(dns_relay.servers, "servers", FIELD_VECTOR),
};
RECORD(dns_relay_record, dns_relay_fields);

static const struct json_field group_fields[] = {
	DETAIL(group.gid, "gid", FIELD_INT),
	DETAIL(group.name, "name", FIELD_STRING),
	DETAIL(group.users, "users", FIELD_VECTOR),
};
RECORD(group_record, group_fields);
#undef S

/* The record of what only this kind of step has; NULL: nothing more. */
static const struct json_record *step_detail(enum plan_step_kind kind)
{
	switch (kind) {
	case STEP_RUNTIME_DIR:
	case STEP_DIRECTORY:
		return &runtime_dir_record;
	case STEP_LEASE:
		return &lease_record;
	case STEP_LOCK:
		return &lock_record;
	case STEP_MAKE_IMAGE:
		return &make_image_record;
	case STEP_MOUNT_IMAGE:
		return &mount_image_record;
	case STEP_APPARMOR:
		return &apparmor_record;
	case STEP_REMOUNT_RW:
	case STEP_SELINUX_HIDE:
		return &remount_record;
	case STEP_DEVICE:
		return &device_record;
	case STEP_SWEEP:
		return &sweep_record;
	case STEP_CGROUP_V1:
		return &cgroup_v1_record;
	case STEP_CGROUP_NAMESPACE:
		return &cgroup_namespace_record;
	case STEP_CGROUP_NEST:
		return &cgroup_nest_record;
	case STEP_BIND:
		return &bind_record;
	case STEP_TMPFS:
		return &tmpfs_record;
	case STEP_CHECK_STORE:
		return &check_store_record;
	case STEP_GUARD_START:
		return &guard_record;
	case STEP_CONFIG:
		return &config_record;
	case STEP_FILE:
		return &file_record;
	case STEP_FILESYSTEM:
		return &filesystem_record;
	case STEP_CONFINE:
		return &confine_record;
	case STEP_CAPABILITIES:
		return &capabilities_record;
	case STEP_CERTS:
		return &certs_record;
	case STEP_CA:
		return &ca_record;
	case STEP_LINK:
		return &link_record;
	case STEP_CLAMP_MSS:
		return &clamp_mss_record;
	case STEP_DNS_RELAY:
		return &dns_relay_record;
	case STEP_GROUP:
		return &group_record;
	case STEP_LIMITS:
	case STEP_LISTEN: /* the plan's listeners say it */
	case STEP_PROPAGATION:
	case STEP_KIND_COUNT:
		break;
	}
	return NULL;
}

static int write_step(const struct plan_step *step, json_t **ret_json, struct error *err)
{
	const struct json_record *detail = step_detail(step->kind);
	json_t *json = NULL;
	int r = json_fields_write(&step_record, step, &json, err);

	if (r == 0 && step->on_fail == FAIL_ABORT)
		r = json_fields_add(json, &abort_record, step, err);
	if (r == 0 && step->kind == STEP_LIMITS && step->u.limits.set_nofile)
		r = json_fields_add(json, &nofile_record, step, err);
	if (r == 0 && step->kind == STEP_LIMITS && step->u.limits.set_oom_score)
		r = json_fields_add(json, &oom_record, step, err);
	if (r == 0 && detail)
		r = json_fields_add(json, detail, step, err);
	if (r < 0) {
		json_decref(json);
		return r;
	}
	*ret_json = json;
	return 0;
}

static int write_listener(const struct plan_listener *listener, json_t **ret_json,
			  struct error *err)
{
	return json_fields_write(listener->kind == LISTENER_UNIX ? &unix_record : &tcp_record,
				 listener, ret_json, err);
}

/* ---- the whole plan ---- */

static const char *cgroup_mode_word(int value)
{
	return value >= 0 && value <= (int) CGROUP_V2
		       ? facts_cgroup_mode_name((enum cgroup_mode) value)
		       : NULL;
}

static const char *mode_word(int value)
{
	return value >= 0 && value <= (int) MODE_REMOTE
		       ? options_mode_name((enum options_mode) value)
		       : NULL;
}

#define S struct plan
#define LIST(items, number, what)                                                 \
	{                                                                         \
		.name = #items, .type = FIELD_LIST, .offset = offsetof(S, items), \
		.count_offset = offsetof(S, number), .record = &(what)            \
	}
static const struct json_field plan_fields[] = {
	{ .name = "mode", .type = FIELD_ENUM, .offset = offsetof(S, mode), .word = mode_word },
	FIELD(outside, FIELD_STRING),
	FIELD(outside_engine, FIELD_STRING),
	LIST(refusals, n_refusals, message_record),
	LIST(decisions, n_decisions, note_record),
	LIST(hints, n_hints, note_record),
	LIST(trials, n_trials, trial_record),
	{ .name = "storage",
	  .type = FIELD_STRUCT,
	  .offset = offsetof(S, storage),
	  .record = &storage_record },
	{ .name = "cgroup_mode",
	  .type = FIELD_ENUM,
	  .offset = offsetof(S, cgroup_mode),
	  .word = cgroup_mode_word },
	FIELD(confinement, FIELD_STRING),
	FIELD(limits, FIELD_STRING),
	FIELD(engine_confinement, FIELD_STRING),
	FIELD(host, FIELD_STRING),
	FIELD(exec_root, FIELD_STRING),
	FIELD(pid_file, FIELD_STRING),
};
RECORD(plan_record, plan_fields);

static const struct json_field doctor_fields[] = {
	LIST(refusals, n_refusals, message_record),
	LIST(hints, n_hints, note_record),
	LIST(decisions, n_decisions, note_record),
};
RECORD(doctor_record, doctor_fields);
#undef S

static int add_steps(const struct plan *plan, json_t *object, struct error *err)
{
	json_t *list = json_array();
	int r = 0;

	for (size_t i = 0; r == 0 && i < plan->n_steps; i++) {
		json_t *item = NULL;

		r = write_step(&plan->steps[i], &item, err);
		if (r == 0 && json_array_append_new(list, item) < 0)
			r = error_set(err, -ENOMEM, "write JSON");
	}
	if (json_object_set_new(object, "steps", list) < 0 && r == 0)
		r = error_set(err, -ENOMEM, "write JSON");
	return r;
}

static const char *origin_word(int value)
{
	return value >= 0 && value < (int) ORIGIN_COUNT ? plan_origin_name((enum plan_origin) value)
							: NULL;
}

#define S struct plan_setting
static const struct json_field setting_fields[] = {
	FIELD(key, FIELD_STRING),
	{ .name = "origin",
	  .type = FIELD_ENUM,
	  .offset = offsetof(S, origin),
	  .word = origin_word },
	FIELD(from, FIELD_STRING),
	FIELD(by_flag, FIELD_BOOL),
};
RECORD(setting_record, setting_fields);
#undef S

/* The value as what it is; one of a flag that was given more than once as its text. */
static int write_setting(const struct plan_setting *setting, json_t **ret_json, struct error *err)
{
	json_t *value = setting->value ? json_loads(setting->value, JSON_DECODE_ANY, NULL) : NULL;
	int r = json_fields_write(&setting_record, setting, ret_json, err);

	if (!value && setting->value)
		value = json_fields_string(setting->value);
	if (r < 0) {
		json_decref(value);
		return r;
	}
	if (value && json_object_set_new(*ret_json, "value", value) < 0) {
		json_decref(*ret_json);
		return error_set(err, -ENOMEM, "write JSON");
	}
	return 0;
}

static int add_settings(const struct plan *plan, json_t *object, struct error *err)
{
	json_t *list = json_array();
	int r = 0;

	for (size_t i = 0; r == 0 && i < plan->n_settings; i++) {
		json_t *item = NULL;

		r = write_setting(&plan->settings[i], &item, err);
		if (r == 0 && json_array_append_new(list, item) < 0)
			r = error_set(err, -ENOMEM, "write JSON");
	}
	if (json_object_set_new(object, "configuration", list) < 0 && r == 0)
		r = error_set(err, -ENOMEM, "write JSON");
	return r;
}

static int add_listeners(const struct plan *plan, json_t *object, struct error *err)
{
	json_t *list = json_array();
	int r = 0;

	for (size_t i = 0; r == 0 && i < plan->n_listeners; i++) {
		json_t *item = NULL;

		r = write_listener(&plan->listeners[i], &item, err);
		if (r == 0 && json_array_append_new(list, item) < 0)
			r = error_set(err, -ENOMEM, "write JSON");
	}
	if (json_object_set_new(object, "listeners", list) < 0 && r == 0)
		r = error_set(err, -ENOMEM, "write JSON");
	return r;
}

static int add_service(const struct plan_service *service, const char *name, json_t *object,
		       struct error *err)
{
	json_t *json = NULL;
	int r;

	if (!service->wanted)
		return 0;
	r = print_launch_json(&service->launch, &json, err);
	if (r == 0 && json_object_set_new(object, name, json) < 0)
		r = error_set(err, -ENOMEM, "write JSON");
	return r;
}

static int add_services(const struct plan *plan, json_t *object, struct error *err)
{
	const struct {
		const struct plan_service *service;
		const char *name;
	} services[] = {
		{ &plan->engine, "engine" },	     { &plan->workload, "workload" },
		{ &plan->containerd, "containerd" }, { &plan->prepare, "prepare" },
		{ &plan->watch, "watch" },
	};
	int r = 0;

	for (size_t i = 0; r == 0 && i < ARRAY_SIZE(services); i++)
		r = add_service(services[i].service, services[i].name, object, err);
	return r;
}

int print_plan_json(const struct plan *plan, char **ret_text, struct error *err)
{
	json_t *json = NULL;
	int r = json_fields_write(&plan_record, plan, &json, err);

	if (r == 0)
		r = add_listeners(plan, json, err);
	if (r == 0)
		r = add_settings(plan, json, err);
	if (r == 0)
		r = add_steps(plan, json, err);
	if (r == 0)
		r = add_services(plan, json, err);
	if (r == 0)
		r = json_fields_dump(json, ret_text, err);
	json_decref(json);
	return r;
}

int print_doctor_json(const struct plan *plan, char **ret_text, struct error *err)
{
	json_t *json = NULL;
	int r = json_fields_write(&doctor_record, plan, &json, err);

	if (r == 0)
		r = json_fields_dump(json, ret_text, err);
	json_decref(json);
	return r;
}
