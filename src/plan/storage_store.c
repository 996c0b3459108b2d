/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Which image store this engine will use: the directories of a graph driver, or containerd's. The
 * two are invisible to each other, so what was written by one is never started with the other in
 * silence; and Docker 29 in containerd's store does not fall back to anything where overlay fails,
 * so the ladder is climbed for both alike.
 *
 * Nothing asked and nothing there: a graph driver, named. That is what every engine from 1.12 on
 * understands, it goes up and down between them, and it needs no look at the version.
 */
#include "dind/str.h"
#include "storage.h"

#define FEATURE "containerd-snapshotter"

#define FIRST_WITH_STORE 23 /* earlier ones do not know the feature, and say nothing about it */
#define FIRST_WITH_FLAG	 28 /* --feature */
#define FIRST_BY_DEFAULT 29

/* What the user says by flag or daemon.json. */
static enum tri asked_store(const struct planner *p)
{
	enum tri flag = planner_feature(p, FEATURE);

	/* a flag takes the key out of the file */
	if (flag != TRI_UNKNOWN || planner_has_flag(p, "feature", '\0'))
		return flag;
	return p->facts->engine.config_containerd_store;
}

static bool has_features(const struct planner *p)
{
	return planner_has_key(p, "features") || planner_has_flag(p, "feature", '\0');
}

/* No driver's name is put in the engine's way: Docker 29 may be told to migrate, and --strict-args
 * adds nothing at all. */
static bool is_left_to_engine(const struct planner *p)
{
	return has_features(p) || p->options->strict_args;
}

/* A snapshotter of containerd's, and no graph driver. */
static bool is_snapshotter(const char *driver)
{
	return str_equal(driver, "overlayfs") || str_equal(driver, "native");
}

/* A graph driver, and no snapshotter that containerd has built in. */
static bool is_graph_only(const char *driver)
{
	static const char *const names[] = { "overlay2",       "overlay", "vfs",
					     "fuse-overlayfs", "aufs",	  "devicemapper" };

	for (size_t i = 0; i < ARRAY_SIZE(names); i++)
		if (str_equal(driver, names[i]))
			return true;
	return false;
}

static const char *engine_name(struct planner *p)
{
	const char *version = planner_engine_version(p);

	return version ? arena_printf(p->arena, "Docker %s", version) : "this engine";
}

/* The image was mounted, and there was something else in it than we had thought. */
static bool image_holds(const struct planner *p, const char *key)
{
	const struct facts_failure *failure = facts_find_failure(p->facts, key);

	return failure && failure->error == EEXIST;
}

const char *storage_written_driver(struct planner *p)
{
	const struct facts_directory *named = storage_path(p);
	const char *driver;

	if (image_holds(p, STORAGE_KEY_GRAPH))
		return "overlayfs";
	if (image_holds(p, STORAGE_KEY_CONTAINERD))
		return "overlay2";
	driver = storage_prior_driver(p, named ? named : storage_data_root(p));
	if (!driver || (!named && !storage_is_allowed(p, storage_prior_rung(driver))))
		return NULL;
	return driver;
}

/* ---- what was written by containerd ---- */

static const char *where_written(struct planner *p)
{
	const struct facts_directory *named = storage_path(p);

	if (image_holds(p, STORAGE_KEY_GRAPH) || image_holds(p, STORAGE_KEY_CONTAINERD))
		return "the image file";
	return named ? named->path : p->data_root;
}

/* The slot of a pool is given back for another one; not with its image mounted. */
static bool gives_up_slot(struct planner *p, const char *why)
{
	const struct facts_directory *named = storage_path(p);

	return named && !image_holds(p, STORAGE_KEY_GRAPH) &&
	       !image_holds(p, STORAGE_KEY_CONTAINERD) && planner_give_up_slot(p, named, why);
}

static enum verdict refuse_hidden(struct planner *p, const char *why, const char *remedy)
{
	const char *fact = arena_printf(
		p->arena, "%s holds images of containerd's store, which would not be seen: %s",
		where_written(p), why);

	if (!gives_up_slot(p, fact))
		planner_refuse(p, CODE_STORAGE_PRIOR, STATUS_CONFIG,
			       arena_printf(p->arena, "%s; or start empty elsewhere: %s", remedy,
					    storage_volume_flag(p)),
			       "%s", fact);
	return VERDICT_REFUSED;
}

/* Nothing is said about the store, so it stays the one that is there. */
static enum verdict keep_containerd(struct planner *p)
{
	unsigned int major = planner_engine_major(p);

	p->store = STORE_CONTAINERD;
	p->store_by_engine = true;
	if (major == 0 || major >= FIRST_BY_DEFAULT)
		return VERDICT_YES;
	if (major < FIRST_WITH_STORE)
		return refuse_hidden(
			p, arena_printf(p->arena, "%s has graph drivers only", engine_name(p)),
			"an engine from 29 on shows them");
	if (major >= FIRST_WITH_FLAG && !is_left_to_engine(p)) {
		p->store_by_flag = true;
		return VERDICT_YES;
	}
	return refuse_hidden(
		p,
		arena_printf(p->arena, "%s uses a graph driver unless it is told", engine_name(p)),
		"add \"features\": {\"" FEATURE "\": true} to daemon.json");
}

/* ---- what was asked for ---- */

static enum verdict refuse_driver(struct planner *p, const char *remedy, const char *why)
{
	planner_refuse(p, CODE_STORAGE_DRIVER, STATUS_CONFIG, remedy,
		       "the storage driver %s cannot work here: %s", p->asked_driver, why);
	return VERDICT_REFUSED;
}

static enum verdict judge_asked_on(struct planner *p, const char *written)
{
	unsigned int major = planner_engine_major(p);
	const char *fact;

	if (major > 0 && major < FIRST_WITH_STORE) {
		p->store = STORE_GRAPH;
		planner_hint(p, CODE_STORAGE_STORE, NULL,
			     "%s does not know the feature " FEATURE
			     " and uses a graph driver all the same",
			     engine_name(p));
		return str_equal(storage_written_driver(p), "overlayfs") ? keep_containerd(p)
									 : VERDICT_YES;
	}
	p->store_by_engine = !p->asked_driver;
	if (is_graph_only(p->asked_driver))
		return refuse_driver(
			p, "leave --storage-driver out, or switch the feature " FEATURE " off",
			"the feature " FEATURE " is on, and containerd's image store "
			"has no driver of that name");
	if (!written || str_equal(written, "vfs") || is_snapshotter(written) ||
	    (p->options->storage_given && !image_holds(p, STORAGE_KEY_CONTAINERD)))
		return VERDICT_YES;
	fact = arena_printf(p->arena,
			    "%s holds images of the storage driver %s, which containerd's image "
			    "store would not see",
			    where_written(p), written);
	if (!gives_up_slot(p, fact))
		planner_refuse(p, CODE_STORAGE_PRIOR, STATUS_CONFIG,
			       arena_printf(p->arena,
					    "switch the feature " FEATURE
					    " off, start empty elsewhere (%s), or give them up by "
					    "removing %s",
					    storage_volume_flag(p), where_written(p)),
			       "%s", fact);
	return VERDICT_REFUSED;
}

static enum verdict judge_snapshotter(struct planner *p, enum tri asked)
{
	unsigned int major = planner_engine_major(p);

	p->store = STORE_CONTAINERD;
	if (asked == TRI_NO)
		return refuse_driver(p, "leave --storage-driver out, or the feature",
				     "it is a snapshotter of containerd's image store, and the "
				     "feature " FEATURE " is off");
	if (major > 0 && major < FIRST_BY_DEFAULT)
		return refuse_driver(
			p, "--storage-driver overlay2, or leave it out",
			arena_printf(p->arena,
				     "it is a snapshotter of containerd's image store, which %s "
				     "does not use by default",
				     engine_name(p)));
	return VERDICT_YES;
}

static bool needs_version(const struct planner *p, enum tri asked, const char *written)
{
	if (asked == TRI_YES || is_snapshotter(p->asked_driver))
		return true;
	if (asked == TRI_UNKNOWN && !p->asked_driver && is_left_to_engine(p))
		return true;
	return str_equal(written, "overlayfs") && asked != TRI_NO && !p->asked_driver;
}

/* It is mounted, and nobody knows what is in it, or it answered twice in two ways. */
static bool is_image_a_riddle(struct planner *p)
{
	static const char *const keys[] = { STORAGE_KEY_GRAPH, STORAGE_KEY_CONTAINERD };
	const struct facts_failure *failure = NULL;

	for (size_t i = 0; i < ARRAY_SIZE(keys); i++) {
		const struct facts_failure *found = facts_find_failure(p->facts, keys[i]);

		if (found && (failure || found->error != EEXIST)) {
			planner_refuse(p, CODE_STORAGE_PRIOR, STATUS_OSERR,
				       arena_printf(p->arena,
						    "remove the image file, or start empty "
						    "elsewhere: %s",
						    storage_volume_flag(p)),
				       "what the image file holds cannot be told: %s",
				       found->message ? found->message
						      : planner_errno(p, found->error));
			return true;
		}
		failure = found ? found : failure;
	}
	return false;
}

enum verdict storage_choose_store(struct planner *p)
{
	enum tri asked = asked_store(p);
	unsigned int major = planner_engine_major(p);
	const char *written;

	if (is_image_a_riddle(p))
		return VERDICT_REFUSED;
	p->store = asked == TRI_YES ? STORE_CONTAINERD : STORE_GRAPH;
	written = storage_written_driver(p);
	if (needs_version(p, asked, written) && planner_ask_version(p))
		return VERDICT_OPEN;
	if (asked == TRI_YES)
		return judge_asked_on(p, written);
	if (is_snapshotter(p->asked_driver))
		return judge_snapshotter(p, asked);
	if (p->asked_driver && !image_holds(p, STORAGE_KEY_GRAPH))
		return VERDICT_YES; /* over other data in a directory: storage_judge_prior() */
	if (p->asked_driver)
		return refuse_hidden(
			p, arena_printf(p->arena, "%s is a graph driver", p->asked_driver),
			"leave --storage-driver out");
	if (str_equal(written, "overlayfs")) {
		if (asked == TRI_NO)
			return refuse_hidden(p, "the feature " FEATURE " is off",
					     "switch it on, or leave it out");
		return keep_containerd(p);
	}
	if (is_left_to_engine(p) && asked == TRI_UNKNOWN && major >= FIRST_BY_DEFAULT) {
		p->store_by_engine = true;
		/* a graph driver that was there before stays, but for vfs, which is not looked for;
		 * user namespaces cannot do with containerd's */
		if ((!written || str_equal(written, "vfs")) &&
		    !planner_has_key(p, "userns-remap") &&
		    !planner_has_flag(p, "userns-remap", '\0'))
			p->store = STORE_CONTAINERD;
	}
	return VERDICT_YES;
}

/* ---- the other files' questions ---- */

const char *storage_free_driver(const struct planner *p, enum storage_rung rung)
{
	if (rung == RUNG_VFS)
		return p->store == STORE_CONTAINERD ? "native" : "vfs";
	if (rung == RUNG_FUSE)
		return "fuse-overlayfs";
	return p->store == STORE_CONTAINERD ? "overlayfs" : "overlay2";
}

/*
 * Never left to dockerd's own order: on btrfs old ones make subvolumes that the outer engine cannot
 * remove, and where overlay fails they fall to vfs in silence. But to name a graph driver chooses
 * the image store too (Docker 29): not where it is to be containerd's.
 */
const char *planner_pinned_driver(const struct planner *p)
{
	const struct storage_choice *s = &p->storage;

	if (p->asked_driver || !p->store_by_engine)
		return s->driver;
	/* containerd takes overlayfs wherever it finds d_type, whether it works or not */
	return str_equal(s->driver, "native") ? s->driver : NULL;
}

void storage_explain_store(struct planner *p)
{
	const char *version = planner_engine_version(p);
	enum tri asked = asked_store(p);

	if (p->store == STORE_GRAPH)
		planner_decide(p, CODE_STORAGE_STORE, "image store: the graph driver %s%s",
			       p->storage.driver,
			       asked == TRI_NO ? ", as the feature " FEATURE " says"
			       : str_equal(p->storage.driver, "overlay2")
				       ? ", which engines of every version can go on with"
				       : "");
	else
		planner_decide(p, CODE_STORAGE_STORE,
			       "image store: containerd's, with the snapshotter %s%s%s%s",
			       p->storage.driver,
			       asked == TRI_YES	 ? ", as the feature " FEATURE " says"
			       : p->asked_driver ? ", as the storage driver says"
			       : p->storage.kept ? ", which has images here"
						 : "",
			       version ? ", in Docker " : "", version ? version : "");
	if (p->store == STORE_CONTAINERD && !planner_containerd_is_ours(p))
		planner_hint(p, CODE_STORAGE_STORE, NULL,
			     "images are kept by the containerd that dockerd is told to use; "
			     "whether overlay works where it keeps them was not tried");
}
