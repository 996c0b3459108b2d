/* SPDX-License-Identifier: Apache-2.0 */
/* The description of struct facts: whoever adds a fact adds a line here. */
#include <string.h>

#include "dind/print.h"
#include "json_fields.h"
#include "printers.h"

#define S struct facts_privileges
static const struct json_field privileges_fields[] = {
	{ .name = "pid", .type = FIELD_INT, .offset = offsetof(S, pid), .missing = -1 },
	{ .name = "euid", .type = FIELD_INT, .offset = offsetof(S, euid), .missing = -1 },
	{ .name = "cap_effective", .type = FIELD_HEX, .offset = offsetof(S, cap_effective) },
	{ .name = "cap_bounding", .type = FIELD_HEX, .offset = offsetof(S, cap_bounding) },
	{ .name = "cap_last", .type = FIELD_INT, .offset = offsetof(S, cap_last), .missing = -1 },
	{ .name = "seccomp_mode",
	  .type = FIELD_INT,
	  .offset = offsetof(S, seccomp_mode),
	  .missing = -1 },
	{ .name = "no_new_privs", .type = FIELD_TRI, .offset = offsetof(S, no_new_privs) },
	{ .name = "user_namespace", .type = FIELD_TRI, .offset = offsetof(S, user_namespace) },
	{ .name = "uid_map", .type = FIELD_STRING, .offset = offsetof(S, uid_map) },
	{ .name = "host_pid_namespace",
	  .type = FIELD_TRI,
	  .offset = offsetof(S, host_pid_namespace) },
	{ .name = "uid_count", .type = FIELD_INT, .offset = offsetof(S, uid_count) },
	{ .name = "all_devices", .type = FIELD_TRI, .offset = offsetof(S, all_devices) },
	{ .name = "pivot_root", .type = FIELD_FACT, .offset = offsetof(S, pivot_root) },
	{ .name = "keyctl", .type = FIELD_FACT, .offset = offsetof(S, keyctl) },
	{ .name = "admin", .type = FIELD_FACT, .offset = offsetof(S, admin) },
};
#undef S

#define S struct facts_mount
static const struct json_field mount_fields[] = {
	{ .name = "id", .type = FIELD_INT, .offset = offsetof(S, id) },
	{ .name = "parent", .type = FIELD_INT, .offset = offsetof(S, parent) },
	{ .name = "root", .type = FIELD_STRING, .offset = offsetof(S, root) },
	{ .name = "target", .type = FIELD_STRING, .offset = offsetof(S, target) },
	{ .name = "fstype", .type = FIELD_STRING, .offset = offsetof(S, fstype) },
	{ .name = "source", .type = FIELD_STRING, .offset = offsetof(S, source) },
	{ .name = "options", .type = FIELD_STRING, .offset = offsetof(S, options) },
	{ .name = "super_options", .type = FIELD_STRING, .offset = offsetof(S, super_options) },
	{ .name = "propagation", .type = FIELD_STRING, .offset = offsetof(S, propagation) },
};
static const struct json_record mount_record = { sizeof(S), mount_fields,
						 ARRAY_SIZE(mount_fields) };
#undef S

#define S struct facts_device
static const struct json_field device_fields[] = {
	{ .name = "path", .type = FIELD_STRING, .offset = offsetof(S, path) },
	{ .name = "present", .type = FIELD_BOOL, .offset = offsetof(S, present) },
	{ .name = "usable", .type = FIELD_FACT, .offset = offsetof(S, usable) },
};
static const struct json_record device_record = { sizeof(S), device_fields,
						  ARRAY_SIZE(device_fields) };
#undef S

#define S struct facts_mounts
static const struct json_field mounts_fields[] = {
	{ .name = "table",
	  .type = FIELD_LIST,
	  .offset = offsetof(S, table),
	  .count_offset = offsetof(S, n_table),
	  .record = &mount_record },
	{ .name = "devices",
	  .type = FIELD_LIST,
	  .offset = offsetof(S, devices),
	  .count_offset = offsetof(S, n_devices),
	  .record = &device_record },
	{ .name = "loop_driver", .type = FIELD_TRI, .offset = offsetof(S, loop_driver) },
	{ .name = "sys_writable", .type = FIELD_FACT, .offset = offsetof(S, sys_writable) },
	{ .name = "proc_sys_writable",
	  .type = FIELD_FACT,
	  .offset = offsetof(S, proc_sys_writable) },
	{ .name = "proc_sys_net_writable",
	  .type = FIELD_FACT,
	  .offset = offsetof(S, proc_sys_net_writable) },
};
#undef S

static const char *cgroup_mode_word(int value)
{
	return value >= 0 && value <= (int) CGROUP_V2
		       ? facts_cgroup_mode_name((enum cgroup_mode) value)
		       : NULL;
}

#define S struct facts_hierarchy
static const struct json_field hierarchy_fields[] = {
	{ .name = "id", .type = FIELD_INT, .offset = offsetof(S, id) },
	{ .name = "controllers", .type = FIELD_STRING, .offset = offsetof(S, controllers) },
	{ .name = "path", .type = FIELD_STRING, .offset = offsetof(S, path) },
	{ .name = "mounted_at", .type = FIELD_STRING, .offset = offsetof(S, mounted_at) },
	{ .name = "mount_root", .type = FIELD_STRING, .offset = offsetof(S, mount_root) },
	{ .name = "writable", .type = FIELD_FACT, .offset = offsetof(S, writable) },
};
static const struct json_record hierarchy_record = { sizeof(S), hierarchy_fields,
						     ARRAY_SIZE(hierarchy_fields) };
#undef S

#define S struct facts_cgroups
static const struct json_field cgroups_fields[] = {
	{ .name = "mode",
	  .type = FIELD_ENUM,
	  .offset = offsetof(S, mode),
	  .word = cgroup_mode_word },
	{ .name = "hierarchies",
	  .type = FIELD_LIST,
	  .offset = offsetof(S, hierarchies),
	  .count_offset = offsetof(S, n_hierarchies),
	  .record = &hierarchy_record },
	{ .name = "own_path", .type = FIELD_STRING, .offset = offsetof(S, own_path) },
	{ .name = "host_namespace", .type = FIELD_TRI, .offset = offsetof(S, host_namespace) },
	{ .name = "host_view", .type = FIELD_TRI, .offset = offsetof(S, host_view) },
	{ .name = "writable", .type = FIELD_FACT, .offset = offsetof(S, writable) },
	{ .name = "type", .type = FIELD_STRING, .offset = offsetof(S, type) },
	{ .name = "controllers", .type = FIELD_STRING, .offset = offsetof(S, controllers) },
	{ .name = "subtree_control", .type = FIELD_STRING, .offset = offsetof(S, subtree_control) },
	{ .name = "n_processes",
	  .type = FIELD_INT,
	  .offset = offsetof(S, n_processes),
	  .missing = -1 },
	{ .name = "nsdelegate", .type = FIELD_TRI, .offset = offsetof(S, nsdelegate) },
	{ .name = "memory_hierarchy", .type = FIELD_TRI, .offset = offsetof(S, memory_hierarchy) },
};
#undef S

#define S struct facts_directory
static const struct json_field directory_fields[] = {
	{ .name = "path", .type = FIELD_STRING, .offset = offsetof(S, path) },
	{ .name = "exists", .type = FIELD_TRI, .offset = offsetof(S, exists) },
	{ .name = "nearest", .type = FIELD_STRING, .offset = offsetof(S, nearest) },
	{ .name = "fs_magic", .type = FIELD_HEX, .offset = offsetof(S, fs_magic) },
	{ .name = "fs_name", .type = FIELD_STRING, .offset = offsetof(S, fs_name) },
	{ .name = "mount_target", .type = FIELD_STRING, .offset = offsetof(S, mount_target) },
	{ .name = "is_mount_point", .type = FIELD_TRI, .offset = offsetof(S, is_mount_point) },
	{ .name = "free_bytes", .type = FIELD_UINT, .offset = offsetof(S, free_bytes) },
	{ .name = "total_bytes", .type = FIELD_UINT, .offset = offsetof(S, total_bytes) },
	{ .name = "writable", .type = FIELD_FACT, .offset = offsetof(S, writable) },
	{ .name = "anonymous_volume", .type = FIELD_TRI, .offset = offsetof(S, anonymous_volume) },
	{ .name = "remote", .type = FIELD_TRI, .offset = offsetof(S, remote) },
	{ .name = "drivers", .type = FIELD_STRINGS, .offset = offsetof(S, drivers) },
	{ .name = "containerd_store", .type = FIELD_TRI, .offset = offsetof(S, containerd_store) },
	{ .name = "image", .type = FIELD_TRI, .offset = offsetof(S, image) },
	{ .name = "image_bytes", .type = FIELD_UINT, .offset = offsetof(S, image_bytes) },
	{ .name = "image_allocated", .type = FIELD_UINT, .offset = offsetof(S, image_allocated) },
	{ .name = "free_inodes", .type = FIELD_UINT, .offset = offsetof(S, free_inodes) },
	{ .name = "total_inodes", .type = FIELD_UINT, .offset = offsetof(S, total_inodes) },
};
static const struct json_record directory_record = { sizeof(S), directory_fields,
						     ARRAY_SIZE(directory_fields) };
#undef S

#define S struct facts_storage
static const struct json_field storage_fields[] = {
	{ .name = "data_root",
	  .type = FIELD_STRUCT,
	  .offset = offsetof(S, data_root),
	  .record = &directory_record },
	{ .name = "storage_path",
	  .type = FIELD_STRUCT,
	  .offset = offsetof(S, storage_path),
	  .record = &directory_record },
	{ .name = "image_dir",
	  .type = FIELD_STRUCT,
	  .offset = offsetof(S, image_dir),
	  .record = &directory_record },
	{ .name = "mkfs_ext4", .type = FIELD_STRING, .offset = offsetof(S, mkfs_ext4) },
	{ .name = "mkfs_xfs", .type = FIELD_STRING, .offset = offsetof(S, mkfs_xfs) },
	{ .name = "check_ext4", .type = FIELD_STRING, .offset = offsetof(S, check_ext4) },
	{ .name = "check_xfs", .type = FIELD_STRING, .offset = offsetof(S, check_xfs) },
	{ .name = "grow_ext4", .type = FIELD_STRING, .offset = offsetof(S, grow_ext4) },
	{ .name = "grow_xfs", .type = FIELD_STRING, .offset = offsetof(S, grow_xfs) },
	{ .name = "fuse_overlayfs", .type = FIELD_STRING, .offset = offsetof(S, fuse_overlayfs) },
	{ .name = "zfs", .type = FIELD_STRING, .offset = offsetof(S, zfs) },
};
#undef S

#define S struct facts_slot
static const struct json_field slot_fields[] = {
	{ .name = "name", .type = FIELD_STRING, .offset = offsetof(S, name) },
	{ .name = "path", .type = FIELD_STRING, .offset = offsetof(S, path) },
	{ .name = "last_used", .type = FIELD_INT, .offset = offsetof(S, last_used), .missing = -1 },
	{ .name = "bytes", .type = FIELD_UINT, .offset = offsetof(S, bytes) },
	{ .name = "leased", .type = FIELD_TRI, .offset = offsetof(S, leased) },
	{ .name = "holder", .type = FIELD_STRING, .offset = offsetof(S, holder) },
	{ .name = "empty", .type = FIELD_TRI, .offset = offsetof(S, empty) },
	{ .name = "unfit", .type = FIELD_STRING, .offset = offsetof(S, unfit) },
};
static const struct json_record slot_record = { sizeof(S), slot_fields, ARRAY_SIZE(slot_fields) };
#undef S

#define S struct facts_pool
static const struct json_field pool_fields[] = {
	{ .name = "directory",
	  .type = FIELD_STRUCT,
	  .offset = offsetof(S, directory),
	  .record = &directory_record },
	{ .name = "slots",
	  .type = FIELD_LIST,
	  .offset = offsetof(S, slots),
	  .count_offset = offsetof(S, n_slots),
	  .record = &slot_record },
	{ .name = "lease", .type = FIELD_STRING, .offset = offsetof(S, lease) },
	{ .name = "cold", .type = FIELD_BOOL, .offset = offsetof(S, cold) },
};
#undef S

#define S struct facts_lsm
static const struct json_field lsm_fields[] = {
	{ .name = "apparmor", .type = FIELD_TRI, .offset = offsetof(S, apparmor) },
	{ .name = "apparmor_visible", .type = FIELD_TRI, .offset = offsetof(S, apparmor_visible) },
	{ .name = "apparmor_label", .type = FIELD_STRING, .offset = offsetof(S, apparmor_label) },
	{ .name = "apparmor_stack", .type = FIELD_TRI, .offset = offsetof(S, apparmor_stack) },
	{ .name = "apparmor_parser", .type = FIELD_STRING, .offset = offsetof(S, apparmor_parser) },
	{ .name = "securityfs", .type = FIELD_TRI, .offset = offsetof(S, securityfs) },
	{ .name = "userns_restricted",
	  .type = FIELD_TRI,
	  .offset = offsetof(S, userns_restricted) },
	{ .name = "mount_namespace", .type = FIELD_STRING, .offset = offsetof(S, mount_namespace) },
	{ .name = "selinux", .type = FIELD_TRI, .offset = offsetof(S, selinux) },
	{ .name = "selinux_mounted", .type = FIELD_TRI, .offset = offsetof(S, selinux_mounted) },
	{ .name = "selinux_label", .type = FIELD_STRING, .offset = offsetof(S, selinux_label) },
	{ .name = "selinux_mounts", .type = FIELD_STRINGS, .offset = offsetof(S, selinux_mounts) },
	{ .name = "root_context", .type = FIELD_STRING, .offset = offsetof(S, root_context) },
};
#undef S

#define S struct facts_network
static const struct json_field network_fields[] = {
	{ .name = "iptables", .type = FIELD_STRING, .offset = offsetof(S, iptables) },
	{ .name = "ip6tables", .type = FIELD_STRING, .offset = offsetof(S, ip6tables) },
	{ .name = "iptables_nft", .type = FIELD_STRING, .offset = offsetof(S, iptables_nft) },
	{ .name = "iptables_legacy", .type = FIELD_STRING, .offset = offsetof(S, iptables_legacy) },
	{ .name = "iptables_backend",
	  .type = FIELD_STRING,
	  .offset = offsetof(S, iptables_backend) },
	{ .name = "legacy_tables", .type = FIELD_TRI, .offset = offsetof(S, legacy_tables) },
	{ .name = "ipv6", .type = FIELD_TRI, .offset = offsetof(S, ipv6) },
	{ .name = "default_route", .type = FIELD_TRI, .offset = offsetof(S, default_route) },
	{ .name = "mtu", .type = FIELD_INT, .offset = offsetof(S, mtu) },
	{ .name = "mtu_device", .type = FIELD_STRING, .offset = offsetof(S, mtu_device) },
	{ .name = "mtu_route", .type = FIELD_STRING, .offset = offsetof(S, mtu_route) },
	{ .name = "outside", .type = FIELD_STRINGS, .offset = offsetof(S, outside) },
	{ .name = "name_servers", .type = FIELD_STRINGS, .offset = offsetof(S, name_servers) },
	{ .name = "ndots", .type = FIELD_INT, .offset = offsetof(S, ndots), .missing = -1 },
	{ .name = "upstreams", .type = FIELD_STRINGS, .offset = offsetof(S, upstreams) },
	{ .name = "foreign_bridge", .type = FIELD_TRI, .offset = offsetof(S, foreign_bridge) },
	{ .name = "foreign_engine", .type = FIELD_FACT, .offset = offsetof(S, foreign_engine) },
	{ .name = "docker0", .type = FIELD_TRI, .offset = offsetof(S, docker0) },
};
#undef S

#define S struct facts_engine
static const struct json_field engine_fields[] = {
	{ .name = "dockerd", .type = FIELD_STRING, .offset = offsetof(S, dockerd) },
	{ .name = "containerd", .type = FIELD_STRING, .offset = offsetof(S, containerd) },
	{ .name = "runc", .type = FIELD_STRING, .offset = offsetof(S, runc) },
	{ .name = "client", .type = FIELD_STRING, .offset = offsetof(S, client) },
	{ .name = "certs", .type = FIELD_STRING, .offset = offsetof(S, certs) },
	{ .name = "version", .type = FIELD_STRING, .offset = offsetof(S, version) },
	{ .name = "config_path", .type = FIELD_STRING, .offset = offsetof(S, config_path) },
	{ .name = "config_present", .type = FIELD_TRI, .offset = offsetof(S, config_present) },
	{ .name = "config_error", .type = FIELD_STRING, .offset = offsetof(S, config_error) },
	{ .name = "config_keys", .type = FIELD_STRINGS, .offset = offsetof(S, config_keys) },
	{ .name = "config_values", .type = FIELD_STRINGS, .offset = offsetof(S, config_values) },
	{ .name = "config_data_root",
	  .type = FIELD_STRING,
	  .offset = offsetof(S, config_data_root) },
	{ .name = "config_exec_root",
	  .type = FIELD_STRING,
	  .offset = offsetof(S, config_exec_root) },
	{ .name = "config_pid_file", .type = FIELD_STRING, .offset = offsetof(S, config_pid_file) },
	{ .name = "config_storage_driver",
	  .type = FIELD_STRING,
	  .offset = offsetof(S, config_storage_driver) },
	{ .name = "config_group", .type = FIELD_STRING, .offset = offsetof(S, config_group) },
	{ .name = "config_hosts", .type = FIELD_STRINGS, .offset = offsetof(S, config_hosts) },
	{ .name = "config_containerd_store",
	  .type = FIELD_TRI,
	  .offset = offsetof(S, config_containerd_store) },
	{ .name = "config_selinux", .type = FIELD_TRI, .offset = offsetof(S, config_selinux) },
	{ .name = "config_bridge", .type = FIELD_STRING, .offset = offsetof(S, config_bridge) },
	{ .name = "config_iptables", .type = FIELD_TRI, .offset = offsetof(S, config_iptables) },
	{ .name = "config_ip6tables", .type = FIELD_TRI, .offset = offsetof(S, config_ip6tables) },
	{ .name = "config_tls_verify",
	  .type = FIELD_TRI,
	  .offset = offsetof(S, config_tls_verify) },
	{ .name = "systemd_directory",
	  .type = FIELD_TRI,
	  .offset = offsetof(S, systemd_directory) },
	{ .name = "socket_answers", .type = FIELD_TRI, .offset = offsetof(S, socket_answers) },
};
#undef S

#define S struct facts_reach
static const struct json_field reach_fields[] = {
	{ .name = "docker_host", .type = FIELD_STRING, .offset = offsetof(S, docker_host) },
	{ .name = "docker_host_ours", .type = FIELD_TRI, .offset = offsetof(S, docker_host_ours) },
	{ .name = "api_version", .type = FIELD_STRING, .offset = offsetof(S, api_version) },
	{ .name = "socket", .type = FIELD_STRING, .offset = offsetof(S, socket) },
	{ .name = "socket_mounted", .type = FIELD_TRI, .offset = offsetof(S, socket_mounted) },
	{ .name = "socket_type", .type = FIELD_STRING, .offset = offsetof(S, socket_type) },
	{ .name = "socket_uid",
	  .type = FIELD_INT,
	  .offset = offsetof(S, socket_uid),
	  .missing = -1 },
	{ .name = "socket_gid",
	  .type = FIELD_INT,
	  .offset = offsetof(S, socket_gid),
	  .missing = -1 },
	{ .name = "socket_mode",
	  .type = FIELD_INT,
	  .offset = offsetof(S, socket_mode),
	  .missing = -1 },
	{ .name = "socket_answers", .type = FIELD_FACT, .offset = offsetof(S, socket_answers) },
	{ .name = "socket_api", .type = FIELD_FACT, .offset = offsetof(S, socket_api) },
	{ .name = "engine", .type = FIELD_STRING, .offset = offsetof(S, engine) },
	{ .name = "socket_group", .type = FIELD_STRING, .offset = offsetof(S, socket_group) },
	{ .name = "users", .type = FIELD_STRINGS, .offset = offsetof(S, users) },
};
#undef S

#define S struct facts_limits
static const struct json_field limits_fields[] = {
	{ .name = "nofile_soft", .type = FIELD_UINT, .offset = offsetof(S, nofile_soft) },
	{ .name = "nofile_hard", .type = FIELD_UINT, .offset = offsetof(S, nofile_hard) },
	{ .name = "nproc_soft", .type = FIELD_UINT, .offset = offsetof(S, nproc_soft) },
	{ .name = "nproc_hard", .type = FIELD_UINT, .offset = offsetof(S, nproc_hard) },
	{ .name = "core_soft", .type = FIELD_UINT, .offset = offsetof(S, core_soft) },
	{ .name = "core_hard", .type = FIELD_UINT, .offset = offsetof(S, core_hard) },
	{ .name = "oom_score_adj", .type = FIELD_INT, .offset = offsetof(S, oom_score_adj) },
	/* -1 is FACTS_UNLIMITED */
	{ .name = "memory_max",
	  .type = FIELD_UINT,
	  .offset = offsetof(S, memory_max),
	  .missing = -1 },
	{ .name = "memory_available", .type = FIELD_UINT, .offset = offsetof(S, memory_available) },
	{ .name = "memory_used", .type = FIELD_UINT, .offset = offsetof(S, memory_used) },
	{ .name = "cpu_quota", .type = FIELD_UINT, .offset = offsetof(S, cpu_quota) },
	{ .name = "cpu_period", .type = FIELD_UINT, .offset = offsetof(S, cpu_period) },
	{ .name = "pids_max", .type = FIELD_UINT, .offset = offsetof(S, pids_max) },
};
#undef S

#define S struct facts_identity
static const struct json_field identity_fields[] = {
	{ .name = "hostname", .type = FIELD_STRING, .offset = offsetof(S, hostname) },
	{ .name = "container_id", .type = FIELD_STRING, .offset = offsetof(S, container_id) },
	{ .name = "boot_id", .type = FIELD_STRING, .offset = offsetof(S, boot_id) },
	{ .name = "started", .type = FIELD_INT, .offset = offsetof(S, started) },
	{ .name = "kernel", .type = FIELD_STRING, .offset = offsetof(S, kernel) },
	{ .name = "time_namespaces", .type = FIELD_TRI, .offset = offsetof(S, time_namespaces) },
	{ .name = "termination_log", .type = FIELD_TRI, .offset = offsetof(S, termination_log) },
	{ .name = "outer_notify", .type = FIELD_TRI, .offset = offsetof(S, outer_notify) },
	{ .name = "user_found", .type = FIELD_TRI, .offset = offsetof(S, user_found) },
	{ .name = "user_uid", .type = FIELD_INT, .offset = offsetof(S, user_uid), .missing = -1 },
	{ .name = "user_gid", .type = FIELD_INT, .offset = offsetof(S, user_gid), .missing = -1 },
	{ .name = "user_name", .type = FIELD_STRING, .offset = offsetof(S, user_name) },
	{ .name = "user_home", .type = FIELD_STRING, .offset = offsetof(S, user_home) },
	{ .name = "user_shell", .type = FIELD_STRING, .offset = offsetof(S, user_shell) },
	{ .name = "user_groups", .type = FIELD_STRING, .offset = offsetof(S, user_groups) },
	{ .name = "group_found", .type = FIELD_TRI, .offset = offsetof(S, group_found) },
	{ .name = "group_gid", .type = FIELD_INT, .offset = offsetof(S, group_gid), .missing = -1 },
};
#undef S

static const char *trial_word(int value)
{
	return value >= 0 && value < (int) TRIAL_COUNT ? facts_trial_name((enum trial_kind) value)
						       : NULL;
}

#define S struct facts_trial
static const struct json_field trial_fields[] = {
	{ .name = "kind", .type = FIELD_ENUM, .offset = offsetof(S, kind), .word = trial_word },
	{ .name = "path", .type = FIELD_STRING, .offset = offsetof(S, path) },
	{ .name = "result", .type = FIELD_FACT, .offset = offsetof(S, result) },
	{ .name = "detail", .type = FIELD_STRING, .offset = offsetof(S, detail) },
	{ .name = "elapsed_us", .type = FIELD_INT, .offset = offsetof(S, elapsed_us) },
};
static const struct json_record trial_record = { sizeof(S), trial_fields,
						 ARRAY_SIZE(trial_fields) };
#undef S

#define S struct facts_failure
static const struct json_field failure_fields[] = {
	{ .name = "key", .type = FIELD_STRING, .offset = offsetof(S, key) },
	{ .name = "error", .type = FIELD_ERRNO, .offset = offsetof(S, error) },
	{ .name = "message", .type = FIELD_STRING, .offset = offsetof(S, message) },
	{ .name = "holder", .type = FIELD_STRING, .offset = offsetof(S, holder) },
};
static const struct json_record failure_record = { sizeof(S), failure_fields,
						   ARRAY_SIZE(failure_fields) };
#undef S

#define SUBJECT(subject)                                                                     \
	static const struct json_record subject##_record = { sizeof(struct facts_##subject), \
							     subject##_fields,               \
							     ARRAY_SIZE(subject##_fields) }
SUBJECT(cgroups);
SUBJECT(engine);
SUBJECT(identity);
SUBJECT(limits);
SUBJECT(lsm);
SUBJECT(mounts);
SUBJECT(network);
SUBJECT(pool);
SUBJECT(privileges);
SUBJECT(reach);
SUBJECT(storage);

#define S struct facts
#define SUBJECT_FIELD(subject)                                                          \
	{                                                                               \
		.name = #subject, .type = FIELD_STRUCT, .offset = offsetof(S, subject), \
		.record = &subject##_record                                             \
	}
static const struct json_field facts_fields[] = {
	SUBJECT_FIELD(cgroups),
	SUBJECT_FIELD(engine),
	{ .name = "failures",
	  .type = FIELD_LIST,
	  .offset = offsetof(S, failures),
	  .count_offset = offsetof(S, n_failures),
	  .record = &failure_record },
	SUBJECT_FIELD(identity),
	SUBJECT_FIELD(limits),
	SUBJECT_FIELD(lsm),
	SUBJECT_FIELD(mounts),
	SUBJECT_FIELD(network),
	SUBJECT_FIELD(pool),
	SUBJECT_FIELD(privileges),
	SUBJECT_FIELD(reach),
	SUBJECT_FIELD(storage),
	{ .name = "trials",
	  .type = FIELD_LIST,
	  .offset = offsetof(S, trials),
	  .count_offset = offsetof(S, n_trials),
	  .record = &trial_record },
};
static const struct json_record facts_record = { sizeof(S), facts_fields,
						 ARRAY_SIZE(facts_fields) };
#undef S

const struct json_record *print_facts_record(void)
{
	return &facts_record;
}

int print_facts_json(const struct facts *facts, char **ret_text, struct error *err)
{
	json_t *json = NULL;
	int r = json_fields_write(&facts_record, facts, &json, err);

	if (r == 0)
		r = json_fields_dump(json, ret_text, err);
	json_decref(json);
	return r;
}

int print_facts_parse(const char *text, struct arena *arena, struct facts *ret_facts,
		      struct error *err)
{
	json_error_t where;
	json_t *json = json_loads(text, JSON_REJECT_DUPLICATES, &where);
	struct facts facts;
	int r;

	if (!json)
		return error_set_plain(err, -EINVAL, "line %d column %d: %s", where.line,
				       where.column, where.text);
	memset(&facts, 0, sizeof(facts));
	r = json_fields_read(&facts_record, json, "facts", arena, &facts, err);
	json_decref(json);
	if (r == 0)
		*ret_facts = facts;
	return r;
}
