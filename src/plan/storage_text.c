/* SPDX-License-Identifier: Apache-2.0 */
/* Why the data root is where it is. Nothing about storage is decided in silence. */
#include "dind/str.h"
#include "storage.h"

/* An image that is there, and what becomes of it. */
static const char *image_state(struct planner *p)
{
	const struct storage_choice *s = &p->storage;

	if (!storage_has_image(s->home))
		return p->options->storage_fs == STORAGE_FS_XFS ? ", XFS with project quotas" : "";
	if (s->image_bytes > s->home->image_bytes)
		return arena_printf(p->arena, ", from an earlier start, which had %s",
				    planner_size(p, s->home->image_bytes));
	return ", from an earlier start";
}

static const char *describe(struct planner *p)
{
	const struct storage_choice *s = &p->storage;
	const char *what;

	if (s->image)
		what = arena_printf(p->arena, "%s on a loop image, %s (%s%s)", s->driver, s->image,
				    planner_size(p, s->image_bytes), image_state(p));
	else if (s->bind)
		what = arena_printf(p->arena, "%s in %s, bound onto %s", s->driver, s->home->path,
				    p->data_root);
	else if (s->rung == RUNG_TMPFS)
		what = arena_printf(p->arena, "%s in memory, a tmpfs of %s on %s", s->driver,
				    planner_size(p, s->memory_bytes), p->data_root);
	else
		what = arena_printf(p->arena, "%s in %s as it is", s->driver, p->data_root);
	return s->kept ? arena_printf(p->arena, "%s, which wrote there before", what) : what;
}

void storage_explain(struct planner *p)
{
	const struct facts_directory *home = p->storage.home;
	const char *what = describe(p);

	/* the decision is followed by all reasons; where one sentence is wanted, the first one will
	 * do */
	p->storage.why = what;
	if (p->not_taken.count)
		p->storage.why = arena_printf(p->arena, "%s (%s)", what, p->not_taken.items[0]);
	planner_decide(p, CODE_STORAGE_DECISION, "storage: %s", what);
	for (size_t i = 0; i < p->not_taken.count; i++)
		planner_decide(p, CODE_STORAGE_NOT_TAKEN, "not %s", p->not_taken.items[i]);
	if (home->total_bytes && p->storage.rung != RUNG_TMPFS)
		planner_decide(p, CODE_STORAGE_FREE, "free in %s: %s", home->path,
			       storage_room(p, home));
	storage_explain_store(p);
	storage_give_hints(p);
}
