/* SPDX-License-Identifier: Apache-2.0 */
/* Why the data root is where it is, and what that costs. Nothing about storage happens in silence.
 */
#include "dind/str.h"
#include "storage.h"

#define LOW_SPACE (UINT64_C(1) << 30)

static const char *describe(struct planner *p)
{
	const struct storage_choice *s = &p->storage;
	const char *what;

	if (s->image)
		what = arena_printf(p->arena, "%s on a loop image, %s (%s%s)", s->driver, s->image,
				    planner_size(p, s->image_bytes),
				    storage_has_image(s->home) ? ", from an earlier start" : "");
	else if (s->bind)
		what = arena_printf(p->arena, "%s in %s, bound onto %s", s->driver, s->home->path,
				    p->data_root);
	else
		what = arena_printf(p->arena, "%s in %s as it is", s->driver, p->data_root);
	return s->kept ? arena_printf(p->arena, "%s, which wrote there before", what) : what;
}

static void hint_slow(struct planner *p)
{
	const struct storage_choice *s = &p->storage;
	const char *remedy = arena_printf(p->arena,
					  s->kept ? "an empty volume, %s, starts with overlay2"
						  : "a volume on a local disk, %s, gives overlay2",
					  storage_volume_flag(p));
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
	       class != DRIVER_FUSE;
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
	if (!s->image && str_equal(s->home->fs_name, "tmpfs"))
		planner_hint(p, CODE_STORAGE_MEMORY, NULL,
			     "%s is a tmpfs: images take memory, and go when this container stops",
			     s->home->path);
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

static void hint_space(struct planner *p)
{
	const struct storage_choice *s = &p->storage;
	const struct facts_directory *home = s->home;

	if (!home->total_bytes)
		return;
	if (home->free_bytes < LOW_SPACE)
		planner_hint(p, CODE_STORAGE_SPACE, "free some space outside, or another disk",
			     "only %s of %s are free in %s", planner_size(p, home->free_bytes),
			     planner_size(p, home->total_bytes), home->path);
	else if (s->image && !storage_has_image(home) && s->image_bytes > home->free_bytes)
		planner_hint(p, CODE_STORAGE_SPACE,
			     arena_printf(p->arena, "--storage-size, or a disk with more room"),
			     "the image promises %s, but only %s are free in %s: when they are "
			     "used up, writes inside fail with EIO",
			     planner_size(p, s->image_bytes), planner_size(p, home->free_bytes),
			     home->path);
}

/* Looked at from beside the running engine, the image is mounted already. */
static bool is_on_loop_device(const struct planner *p)
{
	const struct facts_mount *mount = facts_mount_at(p->facts, p->data_root);

	return mount && mount->source && str_has_prefix(mount->source, "/dev/loop");
}

/* Data of earlier starts that this one will not show. */
static void hint_hidden(struct planner *p)
{
	const struct storage_choice *s = &p->storage;
	const struct facts_directory *data_root = storage_data_root(p);
	const struct facts_directory *image_dir = storage_image_dir(p);
	const char *prior = storage_prior_driver(data_root);

	if (prior && (s->image || s->bind))
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
	if (storage_has_image(image_dir) && !str_equal(s->home->path, image_dir->path) &&
	    !is_on_loop_device(p))
		planner_hint(p, CODE_STORAGE_LOST_IMAGE,
			     arena_printf(p->arena, "remove %s/data.img if it is of no use",
					  image_dir->path),
			     "the image of an earlier start in %s (%s) is not used",
			     image_dir->path, planner_size(p, image_dir->image_bytes));
}

void storage_explain(struct planner *p)
{
	const char *what = describe(p);

	/* the decision is followed by all reasons; where one sentence is wanted, the first one will
	 * do */
	p->storage.why = what;
	if (p->not_taken.count)
		p->storage.why = arena_printf(p->arena, "%s (%s)", what, p->not_taken.items[0]);
	planner_decide(p, CODE_STORAGE_DECISION, "storage: %s", what);
	for (size_t i = 0; i < p->not_taken.count; i++)
		planner_decide(p, CODE_STORAGE_NOT_TAKEN, "not %s", p->not_taken.items[i]);
	hint_slow(p);
	hint_kept(p);
	hint_lifetime(p);
	hint_space(p);
	hint_hidden(p);
}
