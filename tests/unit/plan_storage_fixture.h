/* SPDX-License-Identifier: Apache-2.0 */
/* plan_storage_fixture.h - machines with data roots, for the tests of the storage ladder. */
#ifndef DIND_TESTS_PLAN_STORAGE_FIXTURE_H
#define DIND_TESTS_PLAN_STORAGE_FIXTURE_H

#include "plan_fixture.h"

#define IMAGE  DIND_IMAGE_DIR "/data.img"
#define VOLUME "/mnt/data"

static inline struct facts_directory *data_root(struct machine *m)
{
	return &m->facts.storage.data_root;
}

static inline struct facts_directory *image_dir(struct machine *m)
{
	return &m->facts.storage.image_dir;
}

static inline void prior(struct machine *m, struct facts_directory *directory, const char *driver)
{
	strings_add(&m->arena, &directory->drivers, driver);
}

static inline void with_fuse(struct machine *m, enum tri works)
{
	m->facts.storage.fuse_overlayfs = "/usr/bin/fuse-overlayfs";
	(void) machine_trial(m, TRIAL_FUSE, DATA_ROOT, works, works == TRI_YES ? 0 : EPERM, NULL);
}

static inline const char *flags(struct machine *m)
{
	return told(m);
}

static inline const char *all_decisions(struct machine *m)
{
	struct strings facts = STRINGS_INIT;

	for (size_t i = 0; i < m->plan.n_decisions; i++)
		strings_add(&m->arena, &facts, m->plan.decisions[i].fact);
	return strings_join(&m->arena, &facts, "\n");
}

static inline void expect(struct machine *m, enum storage_rung rung, const char *driver)
{
	machine_plan(m);
	ck_assert_msg(m->plan.n_refusals == 0, "%s", m->plan.refusals[0].fact);
	ck_assert_uint_eq(m->plan.n_trials, 0);
	ck_assert_str_eq(options_rung_name(m->plan.storage.rung), options_rung_name(rung));
	ck_assert_str_eq(m->plan.storage.driver, driver);
	ck_assert_ptr_nonnull(decision(m, "DIND-STORAGE-01"));
}

/* --storage-path, looked at. */
static inline void machine_with_path(struct machine *m)
{
	machine_init(m);
	m->options.storage_path = VOLUME;
	m->facts.storage.storage_path = machine_directory(VOLUME, "ext4");
	m->facts.storage.storage_path.mount_target = VOLUME;
	m->facts.storage.image_dir = m->facts.storage.storage_path; /* as inspect does */
}

static inline void path_trial(struct machine *m, enum tri works)
{
	(void) machine_trial(m, TRIAL_OVERLAY, VOLUME, works, works == TRI_YES ? 0 : EINVAL, NULL);
}

#endif
