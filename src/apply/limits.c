/* SPDX-License-Identifier: Apache-2.0 */
/* limits.c - rlimits and OOM score of PID 1, which all its children start with. */
#include "steps.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>

#include "dind/file.h"

static int set_nofile(struct apply_context *context, uint64_t soft, uint64_t hard,
		      struct error *err)
{
	struct rlimit now, want = { soft, hard };

	if (getrlimit(RLIMIT_NOFILE, &now) < 0)
		return error_set(err, -errno, "read the limit of open files");
	if (want.rlim_cur > want.rlim_max)
		want.rlim_cur = want.rlim_max;
	if (now.rlim_cur == want.rlim_cur && now.rlim_max == want.rlim_max)
		return 0;
	if (setrlimit(RLIMIT_NOFILE, &want) == 0)
		return 0;
	if (errno != EPERM || want.rlim_max <= now.rlim_max)
		return error_set(err, -errno, "limit open files to %llu (hard %llu)",
				 (unsigned long long) want.rlim_cur,
				 (unsigned long long) want.rlim_max);
	/* Raising the hard limit takes CAP_SYS_RESOURCE, and fs.nr_open bounds even that. What we
	 * have is then the most there is. */
	want.rlim_max = now.rlim_max;
	if (want.rlim_cur > want.rlim_max)
		want.rlim_cur = want.rlim_max;
	if (now.rlim_cur != want.rlim_cur && setrlimit(RLIMIT_NOFILE, &want) < 0)
		return error_set(err, -errno, "limit open files to %llu (hard %llu)",
				 (unsigned long long) want.rlim_cur,
				 (unsigned long long) want.rlim_max);
	apply_notice(context, "open files: limited to %llu, the hard limit may not be raised",
		     (unsigned long long) want.rlim_cur);
	return 0;
}

static int set_oom_score(struct apply_context *context, int want, struct error *err)
{
	static const char path[] = "/proc/self/oom_score_adj";
	char text[16];
	int r;

	if (file_read_at(AT_FDCWD, path, text, sizeof(text)) > 0 && strtol(text, NULL, 10) == want)
		return 0;
	(void) snprintf(text, sizeof(text), "%d\n", want);
	r = file_write_at(AT_FDCWD, path, text);
	if (r == -EACCES || r == -EPERM) { /* lowering it takes CAP_SYS_RESOURCE */
		apply_notice(context, "OOM score: %d is not permitted, left as it was", want);
		return 0;
	}
	return r < 0 ? error_set(err, r, "write %d to %s", want, path) : 0;
}

int apply_limits(struct apply_context *context, const struct plan_step *step, struct error *err)
{
	int r = 0;

	if (step->u.limits.set_nofile)
		r = set_nofile(context, step->u.limits.nofile_soft, step->u.limits.nofile_hard,
			       err);
	if (r == 0 && step->u.limits.set_oom_score)
		r = set_oom_score(context, step->u.limits.oom_score_adj, err);
	return r;
}
