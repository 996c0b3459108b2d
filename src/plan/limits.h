/* SPDX-License-Identifier: Apache-2.0 */
/* limits.h - the number of open files that is enough for an engine. Private to the plan library. */
#ifndef DIND_PLAN_LIMITS_H
#define DIND_PLAN_LIMITS_H

#include "dind/base.h"

/* What Docker's packages have set for years, and 20 ms for a loop over all of them. */
#define LIMITS_NOFILE_MAX UINT64_C(1048576)

/* @limit, or LIMITS_NOFILE_MAX where it is more. Never raises. */
uint64_t limits_sane_nofile(uint64_t limit);

#endif
