/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What an earlier engine left. An existing data root keeps the driver that wrote it: another one
 * would start empty beside the old images, or not at all. What cannot work is refused, never
 * hidden; a --storage that leaves its rung out is a clear enough wish to start empty.
 */
#include "dind/str.h"
#include "storage.h"

static const char *way_out(struct planner *p, enum storage_rung rung, const char *driver,
			   const struct facts_directory *home)
{
	const char *data = str_equal(driver, "overlayfs") ? "containerd" : driver;

	if (rung == RUNG_VOLUME)
		return arena_printf(p->arena,
				    "remove %s/%s, or name another directory with --storage-path",
				    home->path, data);
	return arena_printf(p->arena,
			    "mount a volume over it (%s), remove %s/%s, or start empty beside it "
			    "with --storage loop",
			    storage_volume_flag(p), home->path, data);
}

/*
 * Another driver was named than wrote here: dockerd would start, and show nothing. What vfs left is
 * an exception: it is the mark of a start that had nothing better, and dockerd does not count it
 * either.
 */
static enum verdict judge_other(struct planner *p, enum storage_rung rung, const char *driver,
				const struct facts_directory *home)
{
	const char *why;

	if (storage_driver_class(driver) == DRIVER_COPY || p->options->storage_given ||
	    p->options->strict_args)
		return VERDICT_NO;
	why = arena_printf(p->arena,
			   "%s holds images of the storage driver %s, which %s would not see",
			   home->path, driver, p->asked_driver);
	if (!planner_give_up_slot(p, home, why))
		planner_refuse(p, CODE_STORAGE_PRIOR, STATUS_CONFIG,
			       arena_printf(p->arena,
					    "leave --storage-driver out, and %s goes on; or %s",
					    driver, way_out(p, rung, driver, home)),
			       "%s", why);
	return VERDICT_REFUSED;
}

static enum verdict keep(struct planner *p, enum storage_rung rung, const char *driver,
			 const struct facts_directory *home, struct storage_choice *ret_choice)
{
	enum verdict verdict;

	if (storage_refuse_full(p, home, true))
		return VERDICT_REFUSED;
	verdict = storage_try_driver(p, rung, storage_driver_class(driver), driver, home);
	if (verdict == VERDICT_NO) {
		const char *why = arena_printf(
			p->arena, "%s holds data of the storage driver %s, which cannot work: %s",
			home->path, driver, storage_last_reason(p));

		if (!planner_give_up_slot(p, home, why))
			planner_refuse(p, CODE_STORAGE_PRIOR, STATUS_CONFIG,
				       way_out(p, rung, driver, home), "%s", why);
		return VERDICT_REFUSED;
	}
	if (verdict == VERDICT_YES)
		*ret_choice = (struct storage_choice){
			.rung = rung,
			.driver = driver,
			.home = home,
			.bind = rung == RUNG_VOLUME,
			.kept = true,
		};
	return verdict;
}

enum verdict storage_judge_prior(struct planner *p, enum storage_rung rung,
				 const struct facts_directory *home,
				 struct storage_choice *ret_choice)
{
	const char *driver = storage_prior_driver(p, home);

	if (!driver)
		return VERDICT_NO;
	if (p->asked_driver && !str_equal(p->asked_driver, driver))
		return judge_other(p, rung, driver, home);
	if (rung != RUNG_VOLUME)
		rung = storage_prior_rung(driver);
	if (!storage_is_allowed(p, rung))
		return VERDICT_NO;
	return keep(p, rung, driver, home, ret_choice);
}
