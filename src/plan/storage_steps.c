/* SPDX-License-Identifier: Apache-2.0 */
/* The steps that lead to the rung that was chosen. */
#include "dind/str.h"
#include "storage.h"

static bool is_volume(const struct planner *p)
{
	return p->storage.rung == RUNG_VOLUME;
}

static void make_directory(struct planner *p, const struct facts_directory *directory,
			   const char *key, const char *why)
{
	struct plan_step *step;

	if (directory->exists == TRI_YES)
		return;
	step = planner_step(p, STEP_DIRECTORY, key, why);
	step->u.runtime_dir.path = directory->path;
	/* dockerd takes away what it does not want to give */
	step->u.runtime_dir.mode = 0711;
	if (str_equal(key, "storage-directory"))
		planner_or_abort(step, CODE_STORAGE_DIRECTORY, STATUS_OSERR,
				 storage_volume_flag(p));
	else
		planner_or_replan(step, CODE_STORAGE_DIRECTORY);
}

static const char *lock_key(const struct planner *p)
{
	if (is_volume(p))
		return "storage-volume-lock";
	if (p->storage.rung == RUNG_TMPFS)
		return "storage-tmpfs-lock";
	return p->storage.image ? "storage-image-lock" : "storage-lock";
}

static void lock(struct planner *p)
{
	const struct storage_choice *storage = &p->storage;
	struct plan_step *step = planner_step(
		p, STEP_LOCK, lock_key(p),
		"two engines on one data root destroy it; the lock lives as long as the engine");

	step->u.lock.path = storage->image ? storage->image
					   : planner_join(p, storage->home->path, ".dind-lock");
	step->u.lock.create = true;
	step->u.lock.holder = planner_holder(p);
	/* in use (75) and not possible are told apart by the next plan */
	planner_or_replan(step, CODE_STORAGE_LOCK);
}

static const char *mkfs(const struct planner *p)
{
	const struct facts_storage *storage = &p->facts->storage;

	return p->options->storage_fs == STORAGE_FS_XFS ? storage->mkfs_xfs : storage->mkfs_ext4;
}

static void set_image(struct planner *p, struct plan_step *step)
{
	const struct facts_storage *storage = &p->facts->storage;
	uint64_t asked = p->options->storage_size;

	step->u.image.image = p->storage.image;
	step->u.image.bytes = asked ? asked : p->storage.image_bytes;
	step->u.image.mkfs = mkfs(p);
	step->u.image.target = p->data_root;
	step->u.image.client = p->facts->engine.client;
	step->u.image.fs = p->options->storage_fs;
	step->u.image.resize = asked != 0;
	/* what was in it cannot be had any more, and is moved aside, not removed */
	step->u.image.recreate = true;
	step->u.image.e2fsck = storage->check_ext4;
	step->u.image.resize2fs = storage->grow_ext4;
	step->u.image.xfs_repair = storage->check_xfs;
	step->u.image.label = planner_selinux_mount(p);
}

static void make_image(struct planner *p)
{
	struct plan_step *step = planner_step(
		p, STEP_MAKE_IMAGE, is_volume(p) ? "storage-volume-image" : "storage-image",
		arena_printf(p->arena,
			     "a sparse %s image takes the place of a file system that overlay "
			     "cannot use; mkfs runs beside the next steps",
			     p->options->storage_fs == STORAGE_FS_XFS ? "XFS" : "ext4"));

	set_image(p, step);
	planner_or_replan(step, CODE_STORAGE_NOT_TAKEN);
}

/* Early, because the lock lies in it; nothing is shared with anybody outside this container. */
static void mount_tmpfs(struct planner *p)
{
	struct plan_step *step =
		planner_step(p, STEP_TMPFS, "storage-tmpfs",
			     "the data root is kept in memory, where overlay works");

	step->u.tmpfs.target = p->data_root;
	step->u.tmpfs.bytes = p->storage.memory_bytes;
	step->u.tmpfs.label = planner_selinux_mount(p);
	planner_or_replan(step, CODE_STORAGE_NOT_TAKEN);
}

void plan_storage_claim(struct planner *p)
{
	const char *key = "storage-directory";

	if (p->storage.rung == RUNG_NONE)
		return;
	if (p->storage.rung == RUNG_TMPFS) {
		mount_tmpfs(p);
		lock(p);
		return;
	}
	if (is_volume(p))
		key = "storage-volume-dir";
	else if (p->storage.image)
		key = "storage-image-dir";
	make_directory(p, p->storage.home, key, "the data has to be somewhere");
	lock(p);
	/* also for an image that is there: a crash may have left one without a file system */
	if (p->storage.image && mkfs(p))
		make_image(p);
}

static void bind(struct planner *p)
{
	struct plan_step *step = planner_step(
		p, STEP_BIND, "storage-bind",
		p->facts->pool.lease ? "the slot of the pool becomes the data root"
				     : "the directory of --storage-path becomes the data root");

	step->u.bind.source = p->storage.home->path;
	step->u.bind.target = p->data_root;
	planner_or_replan(step, CODE_STORAGE_NOT_TAKEN);
}

/* What an older image holds is seen only now. */
static void check_store(struct planner *p)
{
	bool containerd = p->store == STORE_CONTAINERD;
	struct plan_step *step = planner_step(
		p, STEP_CHECK_STORE, containerd ? STORAGE_KEY_CONTAINERD : STORAGE_KEY_GRAPH,
		"images of one image store are invisible in the other");

	step->u.check_store.path = p->data_root;
	step->u.check_store.containerd = containerd;
	step->u.check_store.driver = containerd ? "overlay2" : p->storage.driver;
	planner_or_replan(step, CODE_STORAGE_PRIOR);
}

static void mount_image(struct planner *p)
{
	struct plan_step *step = planner_step(
		p, STEP_MOUNT_IMAGE, is_volume(p) ? "storage-volume-loop" : "storage-loop",
		"the image becomes the data root, through a loop device with direct I/O that goes "
		"away with its last mount");

	set_image(p, step);
	if (step->u.image.label)
		step->why = arena_printf(p->arena,
					 "%s; its files get the label that this container's have",
					 step->why);
	planner_or_replan(step, CODE_STORAGE_NOT_TAKEN);
	if (storage_has_image(p->storage.home))
		check_store(p);
}

void plan_storage_mount(struct planner *p)
{
	if (!p->storage.image && !p->storage.bind)
		return;
	make_directory(p, storage_data_root(p), "storage-directory",
		       "the data root is mounted there");
	if (p->storage.bind)
		bind(p);
	else
		mount_image(p);
}
