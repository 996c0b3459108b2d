/* SPDX-License-Identifier: Apache-2.0 */
/* What inspect says about captured machines, and about written ones that we cannot have here. */
#include "dind/str.h"
#include "test_inspect_world.h"

#define CONTAINER	     "6f3a0b1c2d3e4f5a0b1c2d3e4f5a0b1c2d3e4f5a0b1c2d3e4f5a0b1c2d3e4f5a"
#define ALL_BUT_SYS_RESOURCE UINT64_C(0x1fffeffffff)

static struct fixture machine;
static const struct facts *facts = &machine.facts;

static void use(const char *name)
{
	fixture_load(&machine, name);
	fixture_inspect(&machine);
}

static void teardown(void)
{
	fixture_free(&machine);
}

static const struct facts_hierarchy *hierarchy(const char *controllers)
{
	for (size_t i = 0; i < facts->cgroups.n_hierarchies; i++)
		if (strcmp(facts->cgroups.hierarchies[i].controllers, controllers) == 0)
			return &facts->cgroups.hierarchies[i];
	ck_abort_msg("no hierarchy '%s'", controllers);
	return NULL;
}

/* ---- privileges ----
 */

static const struct {
	const char *name;
	int64_t pid;
	uint64_t effective;
	int64_t seccomp;
	enum tri user_namespace, host_pid;
	const char *uid_map;
	enum tri calls;
} privileges[] = {
	{ "bare", 4000, ALL_BUT_SYS_RESOURCE, 0, TRI_NO, TRI_YES, "0 0 4294967295", TRI_YES },
	{ "docker-v1-privileged", 1, ALL_BUT_SYS_RESOURCE, 0, TRI_NO, TRI_NO, "0 0 4294967295",
	  TRI_YES },
	{ "docker-v1-plain", 1, 0xa80425fb, 2, TRI_NO, TRI_NO, "0 0 4294967295", TRI_UNKNOWN },
	{ "userns", 4000, UINT64_C(0x1ffffffffff), 0, TRI_YES, TRI_YES, "0 0 1", TRI_YES },
	{ "odd", 1, ALL_BUT_SYS_RESOURCE, 0, TRI_YES, TRI_NO, "0 100000 65536", TRI_YES },
};

START_TEST(privileges_are_read)
{
	use(privileges[_i].name);
	ck_assert_int_eq(facts->privileges.pid, privileges[_i].pid);
	ck_assert_int_eq(facts->privileges.euid, 0);
	ck_assert_uint_eq(facts->privileges.cap_effective, privileges[_i].effective);
	ck_assert_uint_eq(facts->privileges.cap_bounding, privileges[_i].effective);
	ck_assert_int_eq(facts->privileges.cap_last, 40);
	ck_assert_int_eq(facts->privileges.seccomp_mode, privileges[_i].seccomp);
	ck_assert_int_eq(facts->privileges.no_new_privs, TRI_NO);
	ck_assert_int_eq(facts->privileges.user_namespace, privileges[_i].user_namespace);
	ck_assert_int_eq(facts->privileges.host_pid_namespace, privileges[_i].host_pid);
	ck_assert_str_eq(facts->privileges.uid_map, privileges[_i].uid_map);
	ck_assert_int_eq(facts->privileges.uid_count,
			 strtoll(strrchr(privileges[_i].uid_map, ' ') + 1, NULL, 10));
	ck_assert_int_eq(facts->privileges.pivot_root.value, privileges[_i].calls);
	ck_assert_int_eq(facts->privileges.keyctl.value, privileges[_i].calls);
}
END_TEST

/* ---- mounts and devices ----
 */

START_TEST(mount_table_has_every_field)
{
	const struct facts_mount *mount;

	use("odd");
	mount = facts_mount_at(facts, "/srv/with blank\tand\\slash");
	ck_assert_ptr_nonnull(mount);
	ck_assert_int_eq(mount->id, 400);
	ck_assert_int_eq(mount->parent, 297);
	ck_assert_str_eq(mount->root, "/");
	ck_assert_str_eq(mount->fstype, "ext4");
	ck_assert_str_eq(mount->source, "/dev/sd b");
	ck_assert_str_eq(mount->options, "rw,relatime");
	ck_assert_str_eq(mount->super_options, "rw,errors=remount-ro");
	ck_assert_str_eq(mount->propagation, "shared,slave");
	ck_assert_str_eq(facts_mount_at(facts, "/mnt/nfs")->propagation, "shared");
	ck_assert_str_eq(facts_mount_at(facts, "/mnt/new")->propagation, "unbindable");
	ck_assert_str_eq(facts_mount_at(facts, "/mnt/readonly")->propagation, "private");
	ck_assert_str_eq(facts_mount_at(facts, "/var/lib/dind-init")->propagation, "slave");
	/* The line that is none was passed over, the ones behind it were not. */
	ck_assert_ptr_nonnull(facts_mount_at(facts, "/sys/fs/selinux"));
	ck_assert_str_eq(facts->mounts.table[0].target, "/");
}
END_TEST

START_TEST(devices_tell_missing_from_refused)
{
	static const struct {
		const char *path;
		bool present;
		enum tri usable;
		int error;
	} wanted[] = {
		{ "/dev/fuse", true, TRI_YES, 0 },     { "/dev/loop-control", true, TRI_YES, 0 },
		{ "/dev/kmsg", true, TRI_NO, EPERM },  { "/dev/net/tun", true, TRI_NO, ENODEV },
		{ "/dev/zfs", false, TRI_NO, ENOENT },
	};

	use("docker-v1-privileged");
	ck_assert_uint_eq(facts->mounts.n_devices, ARRAY_SIZE(wanted));
	for (size_t i = 0; i < ARRAY_SIZE(wanted); i++) {
		const struct facts_device *device = facts_find_device(facts, wanted[i].path);

		ck_assert_ptr_nonnull(device);
		ck_assert_int_eq(device->present, wanted[i].present);
		ck_assert_int_eq(device->usable.value, wanted[i].usable);
		ck_assert_int_eq(device->usable.error, wanted[i].error);
	}
	fixture_free(&machine);
	use("docker-v1-plain");
	ck_assert(!facts_find_device(facts, "/dev/fuse")->present);
	ck_assert_int_eq(facts_find_device(facts, "/dev/fuse")->usable.error, ENOENT);
}
END_TEST

START_TEST(without_answers_devices_are_unknown)
{
	fixture_load(&machine, "bare");
	machine.world.probe_open = NULL;
	machine.world.statfs = NULL;
	fixture_inspect(&machine);
	ck_assert_int_eq(facts_find_device(facts, "/dev/fuse")->usable.value, TRI_UNKNOWN);
	ck_assert_int_eq(facts_find_device(facts, "/dev/fuse")->usable.error, ENOSYS);
	ck_assert_int_eq(hierarchy("memory")->writable.value, TRI_UNKNOWN);
	/* The mount table still tells the mode, and what the directories lie on. */
	ck_assert_int_eq(facts->cgroups.mode, CGROUP_HYBRID);
	ck_assert_str_eq(facts->storage.data_root.fs_name, "ext4");
	ck_assert_uint_eq(facts->storage.data_root.fs_magic, 0);
}
END_TEST

START_TEST(kernel_settings_are_writable_or_not)
{
	use("docker-v1-privileged");
	ck_assert_int_eq(facts->mounts.sys_writable.value, TRI_YES);
	ck_assert_int_eq(facts->mounts.proc_sys_writable.value, TRI_YES);
	ck_assert_int_eq(facts->mounts.proc_sys_net_writable.value, TRI_UNKNOWN);
	ck_assert_int_eq(facts->mounts.loop_driver, TRI_YES);
	fixture_free(&machine);
	use("docker-v1-plain");
	ck_assert_int_eq(facts->mounts.sys_writable.value, TRI_NO);
	ck_assert_int_eq(facts->mounts.sys_writable.error, EROFS);
	ck_assert_int_eq(facts->mounts.proc_sys_writable.value, TRI_NO);
	ck_assert_str_eq(facts->mounts.proc_sys_writable.evidence, "/proc/sys");
	ck_assert_int_eq(facts->mounts.proc_sys_net_writable.value, TRI_NO);
	ck_assert_str_eq(facts->mounts.proc_sys_net_writable.evidence, "/proc/sys/net");
	fixture_free(&machine);
	use("odd"); /* a character device 7 is no loop driver */
	ck_assert_int_eq(facts->mounts.loop_driver, TRI_NO);
}
END_TEST

/* ---- cgroups ----
 */

static const struct {
	const char *name;
	enum cgroup_mode mode;
	size_t hierarchies;
	enum tri host_namespace, host_view, writable;
	const char *own_path, *type;
	int64_t processes;
	enum tri nsdelegate;
	uint64_t memory_max;
} cgroups[] = {
	{ "bare", CGROUP_HYBRID, 10, TRI_YES, TRI_UNKNOWN, TRI_UNKNOWN, NULL, NULL, -1, TRI_UNKNOWN,
	  FACTS_UNLIMITED },
	{ "docker-v1-privileged", CGROUP_V1, 10, TRI_YES, TRI_UNKNOWN, TRI_UNKNOWN, NULL, NULL, -1,
	  TRI_UNKNOWN, 536870912 },
	{ "docker-v1-plain", CGROUP_V1, 10, TRI_YES, TRI_UNKNOWN, TRI_UNKNOWN, NULL, NULL, -1,
	  TRI_UNKNOWN, FACTS_UNLIMITED },
	{ "docker-v2-private", CGROUP_V2, 1, TRI_NO, TRI_NO, TRI_YES, "/", "domain", 3, TRI_YES,
	  268435456 },
	{ "kubernetes-v2-host", CGROUP_V2, 1, TRI_YES, TRI_YES, TRI_YES,
	  "/kubepods.slice/kubepods-pod12345678_aaaa_bbbb_cccc_123456789abc.slice/"
	  "cri-containerd-" CONTAINER ".scope",
	  "", 40, TRI_YES, 536870912 },
	/* asked again from a `docker exec`: the leaf that we made is not a host's tree */
	{ "docker-v2-evacuated", CGROUP_V2, 1, TRI_NO, TRI_NO, TRI_YES, "/init", "domain", 0,
	  TRI_YES, 268435456 },
	/* a group made inside is not one above */
	{ "docker-v2-deeper", CGROUP_V2, 1, TRI_NO, TRI_NO, TRI_YES, "/jobs/7", "domain", 3,
	  TRI_YES, 268435456 },
	{ "docker-v2-own-namespace", CGROUP_V2, 1, TRI_YES, TRI_NO, TRI_YES,
	  "/docker/" CONTAINER "/init", "domain", 3, TRI_NO, FACTS_UNLIMITED },
	{ "docker-v2-bind-of-host", CGROUP_V2, 1, TRI_NO, TRI_YES, TRI_NO, "/", "domain threaded",
	  3, TRI_YES, FACTS_UNLIMITED },
};

START_TEST(cgroups_are_understood)
{
	use(cgroups[_i].name);
	ck_assert_int_eq(facts->cgroups.mode, cgroups[_i].mode);
	ck_assert_uint_eq(facts->cgroups.n_hierarchies, cgroups[_i].hierarchies);
	ck_assert_int_eq(facts->cgroups.host_namespace, cgroups[_i].host_namespace);
	ck_assert_int_eq(facts->cgroups.host_view, cgroups[_i].host_view);
	ck_assert_int_eq(facts->cgroups.writable.value, cgroups[_i].writable);
	ck_assert_pstr_eq(facts->cgroups.own_path, cgroups[_i].own_path);
	ck_assert_pstr_eq(facts->cgroups.type, cgroups[_i].type);
	ck_assert_int_eq(facts->cgroups.n_processes, cgroups[_i].processes);
	ck_assert_int_eq(facts->cgroups.nsdelegate, cgroups[_i].nsdelegate);
	ck_assert_uint_eq(facts->limits.memory_max, cgroups[_i].memory_max);
	if (cgroups[_i].mode != CGROUP_V2)
		return;
	ck_assert_str_eq(facts->cgroups.controllers, "cpuset cpu io memory hugetlb pids rdma misc");
	ck_assert_str_eq(facts->cgroups.subtree_control, "");
}
END_TEST

static const struct {
	const char *name;
	uint64_t quota, period, processes;
} shares[] = {
	{ "bare", 0, 0, 0 },
	{ "docker-v1-privileged", 25000, 50000, 100 },
	{ "docker-v1-plain", 0, 0, 0 },
	{ "docker-v2-private", 50000, 100000, 0 },
	/* of a pod and its container the smaller one of each */
	{ "kubernetes-v2-host", 200000, 100000, 4096 },
};

START_TEST(limits_of_processors_and_processes)
{
	use(shares[_i].name);
	ck_assert_uint_eq(facts->limits.cpu_quota, shares[_i].quota);
	ck_assert_uint_eq(facts->limits.cpu_period, shares[_i].period);
	ck_assert_uint_eq(facts->limits.pids_max, shares[_i].processes);
}
END_TEST

START_TEST(v1_hierarchies_know_their_mounts)
{
	use("docker-v1-privileged");
	ck_assert_int_eq(hierarchy("memory")->id, 4);
	ck_assert_str_eq(hierarchy("memory")->path, "/docker/" CONTAINER);
	ck_assert_str_eq(hierarchy("memory")->mounted_at, "/sys/fs/cgroup/memory");
	ck_assert_str_eq(hierarchy("memory")->mount_root, "/docker/" CONTAINER);
	ck_assert_int_eq(hierarchy("memory")->writable.value, TRI_YES);
	/* "cpu" must not be found in the mount of "cpuacct" or "cpuset" */
	ck_assert_str_eq(hierarchy("cpu")->mounted_at, "/sys/fs/cgroup/cpu");
	ck_assert_str_eq(hierarchy("cpuacct")->mounted_at, "/sys/fs/cgroup/cpuacct");
	ck_assert_str_eq(hierarchy("name=systemd")->mounted_at, "/sys/fs/cgroup/systemd");
	/* the host's v2 tree is not mounted in containers of a hybrid host */
	ck_assert_int_eq(hierarchy("")->id, 0);
	ck_assert_ptr_null(hierarchy("")->mounted_at);
	ck_assert_int_eq(hierarchy("")->writable.value, TRI_UNKNOWN);
	ck_assert_int_eq(facts->cgroups.memory_hierarchy, TRI_YES);
	fixture_free(&machine);

	use("docker-v1-plain");
	ck_assert_int_eq(hierarchy("devices")->writable.value, TRI_NO);
	ck_assert_int_eq(hierarchy("devices")->writable.error, EROFS);
	ck_assert_int_eq(facts->cgroups.memory_hierarchy, TRI_NO);
	fixture_free(&machine);

	use("userns");
	ck_assert_int_eq(hierarchy("devices")->writable.value, TRI_NO);
	ck_assert_int_eq(hierarchy("devices")->writable.error, EACCES);
	fixture_free(&machine);

	use("bare");
	ck_assert_str_eq(hierarchy("")->mounted_at, "/sys/fs/cgroup/unified");
	ck_assert_int_eq(facts->cgroups.memory_hierarchy, TRI_UNKNOWN);
}
END_TEST

/* ---- storage ----
 */

START_TEST(anonymous_volume_with_an_old_engine_in_it)
{
	const struct facts_directory *directory;

	use("docker-v1-privileged");
	directory = &facts->storage.data_root;
	ck_assert_str_eq(directory->path, "/var/lib/docker");
	ck_assert_int_eq(directory->exists, TRI_YES);
	ck_assert_str_eq(directory->nearest, "/var/lib/docker");
	ck_assert_uint_eq(directory->fs_magic, 0xef53);
	ck_assert_str_eq(directory->fs_name, "ext4");
	ck_assert_str_eq(directory->mount_target, "/var/lib/docker");
	ck_assert_int_eq(directory->is_mount_point, TRI_YES);
	ck_assert_uint_eq(directory->free_bytes, UINT64_C(17000000) * 4096);
	ck_assert_uint_eq(directory->total_bytes, UINT64_C(66000000) * 4096);
	ck_assert_int_eq(directory->writable.value, TRI_YES);
	ck_assert_int_eq(directory->anonymous_volume, TRI_YES);
	ck_assert_int_eq(directory->remote, TRI_NO);
	ck_assert_uint_eq(directory->drivers.count, 1);
	ck_assert_str_eq(directory->drivers.items[0], "overlay2");
	/* containerd was used, but only to run containers */
	ck_assert_int_eq(directory->containerd_store, TRI_NO);
	ck_assert_int_eq(directory->image, TRI_NO);
	ck_assert_ptr_null(facts->storage.storage_path.path);
	ck_assert_str_eq(facts->storage.image_dir.path, "/var/lib/dind-init");
	ck_assert_str_eq(facts->storage.image_dir.nearest, "/var/lib");
	ck_assert_int_eq(facts->storage.image_dir.exists, TRI_NO);
	ck_assert_str_eq(facts->storage.image_dir.fs_name, "overlay");
	ck_assert_uint_eq(facts->storage.image_dir.fs_magic, 0x794c7630);
	ck_assert_str_eq(facts->storage.mkfs_ext4, "/sbin/mkfs.ext4");
	ck_assert_str_eq(facts->storage.fuse_overlayfs, "/usr/local/bin/fuse-overlayfs");
	ck_assert_uint_eq(directory->total_inodes, 66000000 / 4);
	ck_assert_uint_eq(directory->free_inodes, 17000000 / 4);
	ck_assert_str_eq(facts->storage.mkfs_xfs, "/sbin/mkfs.xfs");
	ck_assert_str_eq(facts->storage.check_ext4, "/sbin/e2fsck");
	ck_assert_str_eq(facts->storage.check_xfs, "/sbin/xfs_repair");
	ck_assert_str_eq(facts->storage.grow_ext4, "/sbin/resize2fs");
	ck_assert_str_eq(facts->storage.grow_xfs, "/sbin/xfs_growfs");
	ck_assert_str_eq(facts->storage.zfs, "/usr/sbin/zfs");
	ck_assert_str_eq(facts->engine.client, "/usr/bin/dind-client");
}
END_TEST

START_TEST(containerd_images_are_blobs)
{
	use("docker-v2-private");
	ck_assert_int_eq(facts->storage.data_root.containerd_store, TRI_YES);
	ck_assert_uint_eq(facts->storage.data_root.drivers.count, 0);
}
END_TEST

/* For a tmpfs as the data root. */
START_TEST(memory_that_is_free)
{
	use("docker-v1-privileged");
	ck_assert_uint_eq(facts->limits.memory_available, UINT64_C(8192000) * 1024);
	ck_assert_uint_eq(facts->limits.memory_used, 60000000);
	fixture_free(&machine);
	use("docker-v2-private");
	ck_assert_uint_eq(facts->limits.memory_available, 0); /* not known */
	ck_assert_uint_eq(facts->limits.memory_used, 35000000);
	fixture_free(&machine);
	/* no limit: nothing of it is used */
	use("docker-v1-plain");
	ck_assert_uint_eq(facts->limits.memory_used, 0);
}
END_TEST

START_TEST(data_root_that_does_not_exist)
{
	const struct facts_directory *directory;

	use("docker-v1-plain");
	directory = &facts->storage.data_root;
	ck_assert_str_eq(directory->path, "/var/lib/docker");
	ck_assert_int_eq(directory->exists, TRI_NO);
	ck_assert_str_eq(directory->nearest, "/var/lib");
	ck_assert_str_eq(directory->mount_target, "/");
	ck_assert_int_eq(directory->is_mount_point, TRI_NO);
	ck_assert_int_eq(directory->anonymous_volume, TRI_NO);
	ck_assert_int_eq(directory->image, TRI_NO);
	ck_assert_ptr_null(facts->storage.mkfs_ext4);
}
END_TEST

START_TEST(storage_path_holds_the_image)
{
	fixture_load(&machine, "odd");
	machine.options.storage_path = "/var/lib/dind-init/";
	fixture_inspect(&machine);
	ck_assert_str_eq(facts->storage.storage_path.path, "/var/lib/dind-init");
	ck_assert_int_eq(facts->storage.storage_path.image, TRI_YES);
	ck_assert_uint_eq(facts->storage.storage_path.image_bytes, 1234);
	ck_assert_uint_lt(facts->storage.storage_path.image_allocated, 65536);
	ck_assert_str_eq(facts->storage.image_dir.path, "/var/lib/dind-init");
	ck_assert_int_eq(facts->storage.image_dir.is_mount_point, TRI_YES);
	ck_assert_int_eq(facts->storage.image_dir.anonymous_volume, TRI_NO);
}
END_TEST

/* Where a path leads; in a fixture everything must stay inside. */
static const struct {
	const char *given, *path, *nearest;
	enum tri exists, remote, writable;
} paths[] = {
	{ "/var/run/target", "/run/target", "/run/target", TRI_YES, TRI_NO, TRI_YES },
	{ "/var/run/target/a/../b", "/run/target/b", "/run/target", TRI_NO, TRI_NO, TRI_YES },
	{ "/srv/escape", "/etc", "/etc", TRI_YES, TRI_NO, TRI_YES },
	{ "/srv/escape/docker/x", "/etc/docker/x", "/etc/docker", TRI_NO, TRI_NO, TRI_YES },
	{ "/../../srv/./escape/..", "/", "/", TRI_YES, TRI_NO, TRI_YES },
	{ "/srv/dangling", "/mnt/not-there", "/mnt", TRI_NO, TRI_NO, TRI_YES },
	{ "/srv/dangling/deeper", "/mnt/not-there/deeper", "/mnt", TRI_NO, TRI_NO, TRI_YES },
	{ "/etc/passwd", "/etc/passwd", "/etc", TRI_NO, TRI_NO, TRI_YES },
	{ "/etc/passwd/x", "/etc/passwd/x", "/etc", TRI_NO, TRI_NO, TRI_YES },
	{ "/srv/with blank\tand\\slash", "/srv/with blank\tand\\slash",
	  "/srv/with blank\tand\\slash", TRI_YES, TRI_NO, TRI_YES },
	{ "/mnt/nfs/x", "/mnt/nfs/x", "/mnt/nfs", TRI_NO, TRI_YES, TRI_YES },
	{ "/mnt/new", "/mnt/new", "/mnt/new", TRI_YES, TRI_UNKNOWN, TRI_YES },
	{ "/mnt/readonly", "/mnt/readonly", "/mnt/readonly", TRI_YES, TRI_NO, TRI_NO },
	{ "relative", "/relative", "/", TRI_NO, TRI_NO, TRI_YES },
	{ "/", "/", "/", TRI_YES, TRI_NO, TRI_YES },
};

START_TEST(paths_are_followed_inside_the_world)
{
	const struct facts_directory *directory;

	fixture_load(&machine, "odd");
	machine.options.data_root = paths[_i].given;
	fixture_inspect(&machine);
	directory = &facts->storage.data_root;
	ck_assert_str_eq(directory->path, paths[_i].path);
	ck_assert_str_eq(directory->nearest, paths[_i].nearest);
	ck_assert_int_eq(directory->exists, paths[_i].exists);
	ck_assert_int_eq(directory->remote, paths[_i].remote);
	ck_assert_int_eq(directory->writable.value, paths[_i].writable);
}
END_TEST

START_TEST(links_in_a_circle_are_unknown)
{
	fixture_load(&machine, "odd");
	machine.options.data_root = "/srv/loop-a/x";
	fixture_inspect(&machine);
	ck_assert_int_eq(facts->storage.data_root.exists, TRI_UNKNOWN);
	ck_assert_int_eq(facts->storage.data_root.image, TRI_UNKNOWN);
}
END_TEST

START_TEST(too_long_a_path_is_unknown)
{
	static char path[8192];

	memset(path, 'a', sizeof(path) - 1);
	path[0] = '/';
	fixture_load(&machine, "odd");
	machine.options.data_root = path;
	fixture_inspect(&machine);
	ck_assert_int_eq(facts->storage.data_root.exists, TRI_UNKNOWN);
}
END_TEST

START_TEST(data_root_behind_a_link_to_a_server)
{
	use("odd"); /* /var/lib/docker → /mnt/nfs/docker */
	ck_assert_str_eq(facts->storage.data_root.path, "/mnt/nfs/docker");
	ck_assert_int_eq(facts->storage.data_root.exists, TRI_YES);
	ck_assert_int_eq(facts->storage.data_root.remote, TRI_YES);
	ck_assert_str_eq(facts->storage.data_root.fs_name, "nfs4");
	ck_assert_uint_eq(facts->storage.data_root.drivers.count, 1);
	ck_assert_str_eq(facts->storage.data_root.drivers.items[0], "vfs");
	/* daemon.json is a link to /etc/hostname: the fixture has none, the test's machine may */
	ck_assert_int_eq(facts->engine.config_present, TRI_NO);
}
END_TEST

/* ---- security modules, network, engine, limits ----
 */

START_TEST(security_modules)
{
	use("docker-v2-private");
	ck_assert_int_eq(facts->lsm.apparmor, TRI_YES);
	ck_assert_int_eq(facts->lsm.apparmor_visible, TRI_NO);
	ck_assert_str_eq(facts->lsm.apparmor_label, "unconfined");
	ck_assert_int_eq(facts->lsm.selinux, TRI_NO);
	ck_assert_ptr_null(facts->lsm.selinux_label);
	/* securityfs is not mounted: what it would show is not known */
	ck_assert_int_eq(facts->lsm.securityfs, TRI_YES);
	ck_assert_int_eq(facts->lsm.apparmor_stack, TRI_UNKNOWN);
	ck_assert_str_eq(facts->lsm.apparmor_parser, "/sbin/apparmor_parser");
	ck_assert_str_eq(facts->lsm.mount_namespace, "4026532345");
	ck_assert_int_eq(facts->lsm.userns_restricted, TRI_NO);
	fixture_free(&machine);
	use("docker-v2-deeper"); /* Ubuntu, securityfs mounted in, nothing to load profiles with */
	ck_assert_int_eq(facts->lsm.apparmor_visible, TRI_YES);
	ck_assert_int_eq(facts->lsm.apparmor_stack, TRI_YES);
	ck_assert_ptr_null(facts->lsm.apparmor_parser);
	ck_assert_ptr_null(facts->lsm.mount_namespace);
	ck_assert_int_eq(facts->lsm.userns_restricted, TRI_YES);
	fixture_free(&machine);
	use("odd"); /* a read-only selinuxfs is "not for you" */
	ck_assert_int_eq(facts->lsm.apparmor, TRI_NO);
	ck_assert_int_eq(facts->lsm.selinux, TRI_YES);
	ck_assert_int_eq(facts->lsm.selinux_mounted, TRI_NO);
	ck_assert_str_eq(facts->lsm.selinux_label, "system_u:system_r:spc_t:s0");
	ck_assert_ptr_null(facts->lsm.apparmor_label);
	ck_assert_uint_eq(facts->lsm.selinux_mounts.count, 0);
	ck_assert_ptr_null(facts->lsm.root_context);
	fixture_free(&machine);
	use("docker-v2-evacuated"); /* one that shows, twice, on a root that is labelled as a whole
				     */
	ck_assert_int_eq(facts->lsm.selinux_mounted, TRI_YES);
	ck_assert_uint_eq(facts->lsm.selinux_mounts.count, 2);
	ck_assert_str_eq(facts->lsm.selinux_mounts.items[0], "/sys/fs/selinux");
	ck_assert_str_eq(facts->lsm.selinux_mounts.items[1], "/selinux");
	ck_assert_str_eq(facts->lsm.root_context, "system_u:object_r:container_file_t:s0:c12,c345");
	fixture_free(&machine);
	use("kubernetes-v2-host"); /* an SELinux without a policy is none */
	ck_assert_int_eq(facts->lsm.selinux, TRI_NO);
	ck_assert_str_eq(facts->lsm.selinux_label, "kernel");
}
END_TEST

static int mtu_of(const struct inspect_world *world, const char *device)
{
	(void) world;
	ck_assert_str_eq(device, "eth0");
	return 1450;
}

static int mtu_of_route;

static int mtu_of_way(const struct inspect_world *world, const char *address)
{
	(void) world;
	ck_assert_str_eq(address, "192.0.2.1");
	return mtu_of_route;
}

static const struct {
	int route;
	int64_t mtu;
	const char *whose;
} ways[] = {
	{ 1450, 1450, NULL }, { 9000, 1450, NULL },	    { 1400, 1400, "192.0.2.1" },
	{ 0, 1450, NULL },    { -ENETUNREACH, 1450, NULL },
};

START_TEST(network_way_out)
{
	fixture_load(&machine, "kubernetes-v2-host");
	machine.world.link_mtu = mtu_of;
	machine.world.route_mtu = mtu_of_way;
	mtu_of_route = ways[_i].route;
	fixture_inspect(&machine);
	ck_assert_int_eq(facts->network.mtu, ways[_i].mtu);
	ck_assert_str_eq(facts->network.mtu_device, "eth0");
	ck_assert_pstr_eq(facts->network.mtu_route, ways[_i].whose);
}
END_TEST

START_TEST(network_outside)
{
	const struct facts_network *network = &facts->network;

	fixture_load(&machine, "kubernetes-v2-host");
	machine.world.link_mtu = mtu_of;
	fixture_inspect(&machine);
	ck_assert_int_eq(network->mtu, 1450);
	ck_assert_str_eq(network->mtu_device, "eth0");
	/* bridges of an engine are inside, br-lan is not; an address that no route covers */
	ck_assert_uint_eq(network->outside.count, 3);
	ck_assert_str_eq(network->outside.items[0], "172.17.0.0/16");
	ck_assert_str_eq(network->outside.items[1], "10.10.1.0/24");
	ck_assert_str_eq(network->outside.items[2], "10.244.1.7/32");
	ck_assert_uint_eq(network->name_servers.count, 2);
	ck_assert_str_eq(network->name_servers.items[0], "10.96.0.10");
	ck_assert_str_eq(network->name_servers.items[1], "169.254.20.10");
	ck_assert_int_eq(network->ndots, 5);
	ck_assert_uint_eq(network->upstreams.count, 1);
	ck_assert_str_eq(network->upstreams.items[0], "192.168.7.1");
	ck_assert_str_eq(network->iptables, "/usr/sbin/iptables");
	ck_assert_str_eq(network->ip6tables, "/usr/sbin/ip6tables");
	ck_assert_str_eq(network->iptables_nft, "/usr/sbin/iptables-nft");
	ck_assert_str_eq(network->iptables_legacy, "/usr/sbin/iptables-legacy");
	ck_assert_str_eq(network->iptables_backend, "legacy"); /* where the links lead */
	ck_assert_int_eq(network->legacy_tables, TRI_YES);
	ck_assert_int_eq(network->ipv6, TRI_NO);
	fixture_free(&machine);
	use("docker-v1-privileged");
	ck_assert_int_eq(network->mtu, 0); /* nobody who could tell */
	ck_assert_int_eq(network->legacy_tables, TRI_NO);
	ck_assert_ptr_null(network->iptables_backend);
	ck_assert_uint_eq(network->name_servers.count, 0);
	ck_assert_int_eq(network->ndots, -1);
}
END_TEST

START_TEST(network)
{
	use("docker-v1-privileged");
	ck_assert_int_eq(facts->network.default_route, TRI_YES);
	ck_assert_int_eq(facts->network.foreign_bridge, TRI_NO);
	ck_assert_ptr_null(facts->network.iptables); /* a file that cannot be executed */
	fixture_free(&machine);
	use("odd"); /* IPv6 only */
	ck_assert_int_eq(facts->network.default_route, TRI_YES);
	ck_assert_int_eq(facts->network.foreign_bridge, TRI_YES);
	ck_assert_int_eq(facts->network.foreign_engine.value, TRI_UNKNOWN); /* no such table */
	ck_assert_int_eq(facts->network.docker0, TRI_YES);
	fixture_free(&machine);
	use("docker-v2-evacuated"); /* the bridge of our own running engine */
	ck_assert_int_eq(facts->network.foreign_bridge, TRI_NO);
	ck_assert_int_eq(facts->network.foreign_engine.value, TRI_NO);
	fixture_free(&machine);
	use("kubernetes-v2-host"); /* hostNetwork: the socket of the node's engine */
	ck_assert_int_eq(facts->network.foreign_engine.value, TRI_YES);
	ck_assert_str_eq(facts->network.foreign_engine.evidence,
			 "/run/docker/libnetwork/588b105a7dd3.sock");
	fixture_free(&machine);
	use("bare"); /* one that is connected or bound, not listening; names that are no engine's */
	ck_assert_int_eq(facts->network.foreign_engine.value, TRI_NO);
}
END_TEST

START_TEST(engine_programs)
{
	static const char *const environment[] = { "PATH=.:relative/bin:/nowhere:/usr/sbin", NULL };

	use("docker-v1-privileged");
	ck_assert_str_eq(facts->engine.dockerd, "/usr/bin/dockerd");
	ck_assert_str_eq(facts->engine.containerd, "/usr/bin/containerd");
	ck_assert_str_eq(facts->engine.runc, "/usr/sbin/runc");
	ck_assert_ptr_null(facts->engine.version);
	ck_assert_str_eq(facts->engine.config_path, "/etc/docker/daemon.json");
	ck_assert_int_eq(facts->engine.config_present, TRI_NO);
	ck_assert_int_eq(facts->engine.systemd_directory, TRI_NO);
	ck_assert_int_eq(facts->engine.socket_answers, TRI_UNKNOWN); /* a fixture cannot say */
	fixture_free(&machine);

	fixture_load(&machine, "docker-v1-privileged");
	machine.options.environment = environment;
	fixture_inspect(&machine);
	ck_assert_ptr_null(facts->engine.dockerd);
	ck_assert_str_eq(facts->engine.runc, "/usr/sbin/runc");
	ck_assert_ptr_null(facts->storage.fuse_overlayfs);
	ck_assert_str_eq(facts->storage.mkfs_ext4, "/sbin/mkfs.ext4"); /* looked for beyond PATH */
	fixture_free(&machine);

	use("kubernetes-v2-host");
	ck_assert_int_eq(facts->engine.systemd_directory, TRI_YES);
}
END_TEST

START_TEST(limits)
{
	use("odd");
	ck_assert_uint_eq(facts->limits.nofile_soft, 1024);
	ck_assert_uint_eq(facts->limits.nofile_hard, FACTS_UNLIMITED);
	ck_assert_uint_eq(facts->limits.core_soft, 0);
	ck_assert_uint_eq(facts->limits.core_hard, FACTS_UNLIMITED);
	ck_assert_uint_gt(facts->limits.nproc_soft, 0);
	ck_assert_int_eq(facts->limits.oom_score_adj, -998);
}
END_TEST

/* ---- identity ----
 */

START_TEST(container_identity)
{
	static const char *const environment[] = { "NOTIFY_SOCKET=/run/notify", NULL };

	use("docker-v1-privileged");
	ck_assert_str_eq(facts->identity.container_id, CONTAINER);
	ck_assert_str_eq(facts->identity.hostname, "6f3a0b1c2d3e");
	ck_assert_str_eq(facts->identity.kernel, "6.18.0");
	ck_assert_str_eq(facts->identity.boot_id, "11111111-2222-4333-8444-555555555555");
	ck_assert_int_eq(facts->identity.termination_log, TRI_NO);
	ck_assert_int_eq(facts->identity.outer_notify, TRI_NO);
	fixture_free(&machine);

	use("kubernetes-v2-host"); /* the container's id, not the sandbox's */
	ck_assert_str_eq(facts->identity.container_id, CONTAINER);
	fixture_free(&machine);

	fixture_load(&machine, "docker-v2-private");
	machine.options.environment = environment;
	fixture_inspect(&machine);
	ck_assert_int_eq(facts->identity.termination_log, TRI_YES);
	ck_assert_int_eq(facts->identity.outer_notify, TRI_YES);
	fixture_free(&machine);

	use("bare");
	ck_assert_ptr_null(facts->identity.container_id);
}
END_TEST

static const struct {
	const char *user;
	enum tri found;
	int64_t uid, gid;
	const char *name, *home, *shell, *groups;
} users[] = {
	{ NULL, TRI_UNKNOWN, -1, -1, NULL, NULL, NULL, NULL },
	{ "agent", TRI_YES, 1000, 1000, "agent", "/home/agent", "/bin/sh", "999 29" },
	{ "1000", TRI_YES, 1000, 1000, "agent", "/home/agent", "/bin/sh", "999 29" },
	{ "agent:docker", TRI_YES, 1000, 999, "agent", "/home/agent", "/bin/sh", "" },
	{ "agent:12345", TRI_YES, 1000, 12345, "agent", "/home/agent", "/bin/sh", "" },
	{ "agent:nobody-has-this", TRI_NO, 1000, 1000, "agent", "/home/agent", "/bin/sh", "" },
	{ "5000", TRI_YES, 5000, 0, NULL, NULL, NULL, "" },
	{ "5000:audio", TRI_YES, 5000, 29, NULL, NULL, NULL, "" },
	{ "4711", TRI_YES, 1001, 1001, "4711", "/home/odd", "/bin/sh", "" }, /* a name of digits */
	{ "missing", TRI_NO, -1, -1, NULL, NULL, NULL, NULL },
	{ "4294967295", TRI_NO, -1, -1, NULL, NULL, NULL, NULL },
	{ "99999999999999999999", TRI_NO, -1, -1, NULL, NULL, NULL, NULL },
	{ "", TRI_NO, -1, -1, NULL, NULL, NULL, NULL },
};

START_TEST(user_is_resolved)
{
	fixture_load(&machine, "bare");
	machine.options.user = users[_i].user;
	fixture_inspect(&machine);
	ck_assert_int_eq(facts->identity.user_found, users[_i].found);
	ck_assert_int_eq(facts->identity.user_uid, users[_i].uid);
	ck_assert_int_eq(facts->identity.user_gid, users[_i].gid);
	ck_assert_pstr_eq(facts->identity.user_name, users[_i].name);
	ck_assert_pstr_eq(facts->identity.user_home, users[_i].home);
	ck_assert_pstr_eq(facts->identity.user_shell, users[_i].shell);
	ck_assert_pstr_eq(facts->identity.user_groups, users[_i].groups);
}
END_TEST

static const struct {
	const char *group;
	enum tri found;
	int64_t gid;
	const char *users; /* whom the image means to use an engine */
} groups[] = {
	{ NULL, TRI_YES, 999, "agent" },  { "docker", TRI_YES, 999, "agent" },
	{ "999", TRI_YES, 999, "agent" }, { "audio", TRI_YES, 29, "other agent" },
	{ "77", TRI_YES, 77, "agent" }, /* nobody has that number: those of `docker` */
	{ "root", TRI_YES, 0, "" },	  { "missing", TRI_NO, -1, "" },
};

START_TEST(socket_group_is_resolved)
{
	fixture_load(&machine, "bare");
	machine.options.socket_group = groups[_i].group;
	fixture_inspect(&machine);
	ck_assert_int_eq(facts->identity.group_found, groups[_i].found);
	ck_assert_int_eq(facts->identity.group_gid, groups[_i].gid);
	ck_assert_str_eq(strings_join(&machine.arena, &facts->reach.users, " "), groups[_i].users);
}
END_TEST

/* ---- the rest ----
 */

START_TEST(without_proc_there_is_nothing_to_plan_with)
{
	fixture_load(&machine, "bare");
	(void) close(machine.world.root_fd);
	machine.world.root_fd =
		open(TEST_DIR "/fixtures/inspect", O_PATH | O_DIRECTORY | O_CLOEXEC);
	ck_assert_int_ge(machine.world.root_fd, 0);
	ck_assert_int_eq(inspect_machine(&machine.world, &machine.options, &machine.arena,
					 &machine.facts, &machine.err),
			 -ENOENT);
	ck_assert_str_eq(machine.err.message,
			 "open '/proc/self/mountinfo': No such file or directory");
}
END_TEST

START_TEST(this_machine_can_be_inspected)
{
	inspect_world_live(&machine.world);
	machine.options.data_root = "/proc"; /* exists everywhere */
	fixture_inspect(&machine);
	machine.world.root_fd = -1;
	ck_assert_int_eq(facts->privileges.pid, getpid());
	ck_assert_int_eq(facts->privileges.euid, geteuid());
	ck_assert_uint_gt(facts->mounts.n_table, 0);
	ck_assert_int_ne(facts->privileges.host_pid_namespace, TRI_UNKNOWN);
	ck_assert_int_eq(facts->storage.data_root.exists, TRI_YES);
	ck_assert_str_eq(facts->storage.data_root.fs_name, "proc");
	ck_assert_uint_eq(facts->storage.data_root.fs_magic, 0x9fa0);
	ck_assert_uint_gt(facts->limits.nofile_soft, 0);
	ck_assert_ptr_nonnull(facts->identity.kernel);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("inspect");
	TCase *tcase = tcase_create("machines");
	SRunner *runner;
	int failed;

	tcase_add_checked_fixture(tcase, NULL, teardown);
	tcase_add_loop_test(tcase, privileges_are_read, 0, ARRAY_SIZE(privileges));
	tcase_add_test(tcase, mount_table_has_every_field);
	tcase_add_test(tcase, devices_tell_missing_from_refused);
	tcase_add_test(tcase, without_answers_devices_are_unknown);
	tcase_add_test(tcase, kernel_settings_are_writable_or_not);
	tcase_add_loop_test(tcase, cgroups_are_understood, 0, ARRAY_SIZE(cgroups));
	tcase_add_loop_test(tcase, limits_of_processors_and_processes, 0, ARRAY_SIZE(shares));
	tcase_add_test(tcase, v1_hierarchies_know_their_mounts);
	tcase_add_test(tcase, anonymous_volume_with_an_old_engine_in_it);
	tcase_add_test(tcase, containerd_images_are_blobs);
	tcase_add_test(tcase, memory_that_is_free);
	tcase_add_test(tcase, data_root_that_does_not_exist);
	tcase_add_test(tcase, storage_path_holds_the_image);
	tcase_add_loop_test(tcase, paths_are_followed_inside_the_world, 0, ARRAY_SIZE(paths));
	tcase_add_test(tcase, links_in_a_circle_are_unknown);
	tcase_add_test(tcase, too_long_a_path_is_unknown);
	tcase_add_test(tcase, data_root_behind_a_link_to_a_server);
	tcase_add_test(tcase, security_modules);
	tcase_add_test(tcase, network);
	tcase_add_test(tcase, network_outside);
	tcase_add_loop_test(tcase, network_way_out, 0, ARRAY_SIZE(ways));
	tcase_add_test(tcase, engine_programs);
	tcase_add_test(tcase, limits);
	tcase_add_test(tcase, container_identity);
	tcase_add_loop_test(tcase, user_is_resolved, 0, ARRAY_SIZE(users));
	tcase_add_loop_test(tcase, socket_group_is_resolved, 0, ARRAY_SIZE(groups));
	tcase_add_test(tcase, without_proc_there_is_nothing_to_plan_with);
	tcase_add_test(tcase, this_machine_can_be_inspected);
	suite_add_tcase(suite, tcase);
	runner = srunner_create(suite);
	srunner_run_all(runner, CK_ENV);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
