/* SPDX-License-Identifier: Apache-2.0 */
/* What the place of the data costs, and the outer engine's flag that would mend it. */
#include "dind/str.h"
#include "storage.h"

#define LOW_SPACE GIB

/* What would give overlay2 without a volume. */
static const char *for_the_loop(struct planner *p)
{
	const struct facts_device *control = facts_find_device(p->facts, "/dev/loop-control");

	if (p->facts->privileges.user_namespace == TRI_YES)
		return ""; /* nothing does there */
	if (!p->facts->storage.mkfs_ext4)
		return "; mkfs.ext4 in the image (Debian: e2fsprogs) gives it without one";
	if (control && control->present && control->usable.value == TRI_NO)
		return "; --device /dev/loop-control --device-cgroup-rule 'b 7:* rmw' gives it "
		       "without one, where the host has loop devices";
	return "";
}

static void hint_slow(struct planner *p)
{
	const struct storage_choice *s = &p->storage;
	const char *remedy =
		s->kept ? arena_printf(p->arena, "an empty volume, %s, starts with overlay2",
				       storage_volume_flag(p))
			: arena_printf(p->arena, "a volume on a local disk, %s, gives overlay2%s",
				       storage_volume_flag(p), for_the_loop(p));
	enum driver_class class = storage_driver_class(s->driver);

	/* also when it was asked for: whoever reads the log later need not be the one who asked */
	if (class == DRIVER_COPY)
		planner_hint(p, CODE_STORAGE_SLOW, remedy,
			     "%s copies every layer of every image: builds are many times "
			     "slower and take several times the space",
			     s->driver);
	else if (class == DRIVER_FUSE)
		planner_hint(p, CODE_STORAGE_SLOW, remedy,
			     "fuse-overlayfs works in user space: builds are several "
			     "times slower than with overlay2");
}

static void hint_kept(struct planner *p)
{
	const struct storage_choice *s = &p->storage;
	enum driver_class class = storage_driver_class(s->driver);

	if (!s->kept || (class != DRIVER_NATIVE && class != DRIVER_AUFS))
		return;
	planner_hint(p, CODE_STORAGE_KEPT,
		     arena_printf(p->arena, "an empty volume, %s, starts with overlay2",
				  storage_volume_flag(p)),
		     "%s was written with the storage driver %s, which is kept so that its images "
		     "stay; %s",
		     s->home->path, s->driver,
		     class == DRIVER_NATIVE
			     ? "what it makes inside may not be removable from outside"
			     : "engines from 24 on do not have it");
}

/* In the container's own layer, which a volume would outlive. */
static bool is_in_layer(const struct storage_choice *s)
{
	enum driver_class class = storage_driver_class(s->driver);

	/* the slow ones are told about volumes anyhow */
	return str_equal(s->home->mount_target, "/") && class != DRIVER_COPY &&
	       class != DRIVER_FUSE && s->rung != RUNG_TMPFS;
}

/*
 * A subvolume is no directory to an outer engine that wants to remove it. In the container's own
 * layer they go at exit; in a volume they are what somebody wanted to keep, and only the host can
 * clean up behind them.
 */
static void judge_subvolumes(struct planner *p)
{
	const struct storage_choice *s = &p->storage;

	if (!str_equal(s->driver, "btrfs"))
		return;
	p->plan->storage.remove_subvolumes = is_in_layer(s);
	if (p->plan->storage.remove_subvolumes)
		planner_hint(p, CODE_STORAGE_SUBVOLUMES,
			     arena_printf(p->arena,
					  "a volume keeps them (%s); without --storage-driver, "
					  "overlay2 is used on btrfs, and they stay as well",
					  storage_volume_flag(p)),
			     "the driver btrfs makes subvolumes in %s, which the outer engine may "
			     "not be able to remove: they and the images are removed at exit",
			     s->home->path);
	else if (!s->kept)
		planner_hint(p, CODE_STORAGE_SUBVOLUMES,
			     "without --storage-driver, overlay2 is used on btrfs; or on the "
			     "host, before the volume is removed: btrfs subvolume delete "
			     "DIR/btrfs/subvolumes/*",
			     "the driver btrfs makes subvolumes in %s, which the outer engine "
			     "cannot remove",
			     s->home->path);
}

static void hint_lifetime(struct planner *p)
{
	const struct storage_choice *s = &p->storage;
	const struct facts_directory *data_root = storage_data_root(p);

	if (s->rung == RUNG_LOOP && data_root->is_mount_point == TRI_YES)
		planner_hint(
			p, CODE_STORAGE_ELSEWHERE,
			"-v NAME:DIR and --storage-path DIR put the image on the volume",
			"overlay does not work on the volume at %s; the image is not on it but "
			"in %s",
			p->data_root, s->home->path);
	else if (is_in_layer(s))
		/* no remedy: for most jobs it is what they want */
		planner_hint(p, CODE_STORAGE_LAYER, NULL,
			     "images are in this container's own layer and go when it is removed; "
			     "%s would keep them",
			     storage_volume_flag(p));
	if (s->rung == RUNG_TMPFS || (!s->image && str_equal(s->home->fs_name, "tmpfs")))
		planner_hint(p, CODE_STORAGE_MEMORY, NULL,
			     "%s is a tmpfs: images take memory, and go when this container stops",
			     s->home->path);
}

/* The place itself, however long what is in it lives. */
static void hint_place(struct planner *p)
{
	const struct storage_choice *s = &p->storage;
	const struct facts_directory *data_root = storage_data_root(p);

	if (s->rung == RUNG_TMPFS)
		return;
	if (!s->image && !s->bind && data_root->anonymous_volume == TRI_YES)
		planner_hint(p, CODE_STORAGE_ANONYMOUS,
			     arena_printf(p->arena,
					  "docker rm -v, docker run --rm, or a volume "
					  "with a name: %s",
					  storage_volume_flag(p)),
			     "%s is an anonymous volume of the outer engine: it stays behind when "
			     "this container is removed",
			     p->data_root);
	if (s->home->remote == TRI_YES)
		planner_hint(p, CODE_STORAGE_REMOTE, "a local disk",
			     "%s is on a network file system (%s): when its server hangs, so does "
			     "every inner container",
			     s->home->path, s->home->fs_name ? s->home->fs_name : "unknown");
}

/* What the image may still take of the disk below it. */
static uint64_t promised(const struct storage_choice *s)
{
	uint64_t taken = storage_has_image(s->home) ? s->home->image_allocated : 0;

	return s->image_bytes > taken ? s->image_bytes - taken : 0;
}

static void hint_space(struct planner *p)
{
	const struct storage_choice *s = &p->storage;
	const struct facts_directory *home = s->home;

	if (!home->total_bytes || s->rung == RUNG_TMPFS)
		return;
	if (home->free_bytes < LOW_SPACE)
		planner_hint(p, CODE_STORAGE_SPACE, "free some space outside, or another disk",
			     "only %s of %s are free in %s", planner_size(p, home->free_bytes),
			     planner_size(p, home->total_bytes), home->path);
	else if (s->image && promised(s) > home->free_bytes)
		planner_hint(p, CODE_STORAGE_SPACE,
			     arena_printf(p->arena, "--storage-size, or a disk with more room"),
			     "the image promises %s, but only %s are free in %s: when they are "
			     "used up, writes inside fail with EIO",
			     planner_size(p, promised(s)), planner_size(p, home->free_bytes),
			     home->path);
}

/* Data of earlier starts that this one will not show. */
static void hint_hidden(struct planner *p)
{
	const struct storage_choice *s = &p->storage;
	const struct facts_directory *data_root = storage_data_root(p);
	const char *prior = storage_prior_driver(p, data_root);

	if (prior && (s->image || s->bind || s->rung == RUNG_TMPFS))
		planner_hint(p, CODE_STORAGE_HIDDEN,
			     str_equal(prior, "vfs")
				     ? "--storage vfs shows them again"
				     : "without --storage, --storage-path and --storage-driver "
				       "they are used",
			     "images of the driver %s in %s are hidden by what is mounted there",
			     prior, p->data_root);
	else if (prior && !str_equal(prior, s->driver))
		planner_hint(p, CODE_STORAGE_HIDDEN,
			     arena_printf(p->arena, "--storage-driver %s shows them again", prior),
			     "images that the driver %s left in %s are not seen by %s", prior,
			     p->data_root, s->driver);
	else if (!s->image && s->rung != RUNG_TMPFS && s->home->containerd_store == TRI_YES &&
		 p->store == STORE_GRAPH)
		planner_hint(p, CODE_STORAGE_HIDDEN,
			     "the feature containerd-snapshotter shows them, and hides the others",
			     "images of containerd's store in %s are not seen by %s", s->home->path,
			     s->driver);
	else if (s->kept && p->store == STORE_CONTAINERD && s->home->drivers.count)
		planner_hint(p, CODE_STORAGE_HIDDEN,
			     "without the feature containerd-snapshotter they are used",
			     "images of the storage driver %s in %s are not seen by containerd's "
			     "store",
			     s->home->drivers.items[0], s->home->path);
}

/* Likewise, in an image file. */
static void hint_lost_image(struct planner *p)
{
	const struct storage_choice *s = &p->storage;
	const struct facts_directory *image_dir = storage_image_dir(p);

	if (storage_has_image(image_dir) &&
	    !(s->image && str_equal(s->home->path, image_dir->path)) &&
	    !storage_is_on_loop_device(p))
		planner_hint(p, CODE_STORAGE_LOST_IMAGE,
			     arena_printf(p->arena, "remove %s/data.img if it is of no use",
					  image_dir->path),
			     "the image of an earlier start in %s (%s) is not used",
			     image_dir->path, planner_size(p, image_dir->image_bytes));
}

void storage_give_hints(struct planner *p)
{
	hint_slow(p);
	hint_kept(p);
	judge_subvolumes(p);
	hint_lifetime(p);
	hint_place(p);
	hint_space(p);
	hint_hidden(p);
	hint_lost_image(p);
}
