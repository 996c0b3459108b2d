/* SPDX-License-Identifier: Apache-2.0 */
/* jobs.h - several things at a time, each in a process of its own. */
#ifndef CLIENT_JOBS_H
#define CLIENT_JOBS_H

#include <sys/types.h>

#include "dind/arena.h"
#include "engine.h"

struct client_options;

/* What all jobs of a run share. Filled before they begin, read by all. */
struct job_context {
	const struct client_options *options;
	struct engine engine; /* ours */
	int64_t deadline_ms;
};

/* Does the work in a child, reports its own failures, returns 0 when all is well. */
typedef int (*job_run)(const struct job_context *context, const char *what);

struct job {
	job_run run;
	const char *what; /* path, reference or id; for run() and for messages */
	pid_t pid;	  /* while it runs */
};

void jobs_add(struct arena *arena, struct job **jobs, size_t *count, job_run run, const char *what);

/*
 * Run all, at most @parallel at a time. One that is not done shortly after the deadline is killed
 * and reported with @code. Returns how many failed.
 */
size_t jobs_run(struct job *jobs, size_t count, int parallel, const char *code,
		const struct job_context *context);

/* The jobs. */
int load_run(const struct job_context *context, const char *path);
int copy_run(const struct job_context *context, const char *reference);

/* Remove what the last holder left, all containers made before options->clean_before_ns. Number of
 * failures, which are reported. */
size_t clean_run(const struct job_context *context);

/* The archives that --load PATH stands for, as jobs. Number of failures, which are reported. */
size_t load_collect(const struct client_options *options, struct arena *arena, struct job **jobs,
		    size_t *count);

#endif
