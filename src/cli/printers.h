/* SPDX-License-Identifier: Apache-2.0 */
/* printers.h - what the printers share, and what their tests look at. */
#ifndef DIND_CLI_PRINTERS_H
#define DIND_CLI_PRINTERS_H

#include "dind/print.h"
#include "json_fields.h"

/* The description of struct facts: the tests walk through it. */
const struct json_record *print_facts_record(void);

/* A launch record; values of environment variables are shown of a few only. New reference. */
int print_launch_json(const struct launch *launch, json_t **ret_json, struct error *err);

/*
 * Write @text with control characters replaced: facts may come from a file that somebody sent, and
 * a path must not move the cursor of who reads it.
 */
void print_clean(FILE *out, const char *text);
void print_line(FILE *out, const char *fmt, ...) DIND_PRINTF(2, 3);

/* "CODE: fact", and below it the remedy. */
void print_message(FILE *out, const struct plan_message *message);

/* What a step works on: "/dev/fuse", "/var/lib/docker (40.0 GiB)"; "" where there is nothing to
 * add. Returns @buf. */
const char *print_step_object(const struct plan_step *step, char *buf, size_t size);

#endif
