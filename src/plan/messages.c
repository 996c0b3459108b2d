/* SPDX-License-Identifier: Apache-2.0 */
/* Adding refusals, hints, decisions and steps to the plan in the making. */
#include <stdarg.h>

#include "dind/str.h"
#include "planner.h"

static void add_message(struct planner *p, struct plan_message **list, size_t *count,
			const struct plan_message *message)
{
	struct plan_message *added = arena_push(p->arena, (void **) list, count, sizeof(**list));

	*added = *message;
}

void planner_refuse(struct planner *p, const char *code, int status, const char *remedy,
		    const char *fmt, ...)
{
	struct plan_message message = { .code = code, .status = status, .remedy = remedy };
	va_list ap;

	va_start(ap, fmt);
	message.fact = arena_vprintf(p->arena, fmt, ap);
	va_end(ap);
	add_message(p, &p->plan->refusals, &p->plan->n_refusals, &message);
}

void planner_hint(struct planner *p, const char *code, const char *remedy, const char *fmt, ...)
{
	struct plan_message message = { .code = code, .remedy = remedy };
	va_list ap;

	va_start(ap, fmt);
	message.fact = arena_vprintf(p->arena, fmt, ap);
	va_end(ap);
	add_message(p, &p->plan->hints, &p->plan->n_hints, &message);
}

void planner_decide(struct planner *p, const char *code, const char *fmt, ...)
{
	struct plan_message message = { .code = code };
	va_list ap;

	va_start(ap, fmt);
	message.fact = arena_vprintf(p->arena, fmt, ap);
	va_end(ap);
	add_message(p, &p->plan->decisions, &p->plan->n_decisions, &message);
}

struct plan_step *planner_step(struct planner *p, enum plan_step_kind kind, const char *key,
			       const char *why)
{
	struct plan_step *step =
		arena_push(p->arena, (void **) &p->plan->steps, &p->plan->n_steps, sizeof(*step));

	step->kind = kind;
	step->key = key;
	step->why = why;
	return step;
}

void planner_or_abort(struct plan_step *step, const char *code, int status, const char *remedy)
{
	step->on_fail = FAIL_ABORT;
	step->code = code;
	step->status = status;
	step->remedy = remedy;
}

void planner_or_degrade(struct plan_step *step, const char *code, const char *without,
			const char *remedy)
{
	step->on_fail = FAIL_DEGRADE;
	step->code = code;
	step->without = without;
	step->remedy = remedy;
}

void planner_or_replan(struct plan_step *step, const char *code)
{
	step->on_fail = FAIL_REPLAN;
	step->code = code;
}

const char *planner_errno(struct planner *p, int error)
{
	static const struct {
		int error;
		const char *name;
	} names[] = {
		{ EPERM, "EPERM" },
		{ ENOENT, "ENOENT" },
		{ EIO, "EIO" },
		{ ENXIO, "ENXIO" },
		{ EAGAIN, "EAGAIN" },
		{ ENOMEM, "ENOMEM" },
		{ EACCES, "EACCES" },
		{ EBUSY, "EBUSY" },
		{ ENODEV, "ENODEV" },
		{ ENOTDIR, "ENOTDIR" },
		{ EISDIR, "EISDIR" },
		{ EINVAL, "EINVAL" },
		{ EFBIG, "EFBIG" },
		{ ENOSPC, "ENOSPC" },
		{ EROFS, "EROFS" },
		{ ENOSYS, "ENOSYS" },
		{ ENOTTY, "ENOTTY" },
		{ ELOOP, "ELOOP" },
		{ EOPNOTSUPP, "EOPNOTSUPP" },
		{ EADDRINUSE, "EADDRINUSE" },
		{ EDQUOT, "EDQUOT" },
		{ ETIMEDOUT, "ETIMEDOUT" },
		{ ESTALE, "ESTALE" },
		{ EUCLEAN, "EUCLEAN" },
		{ EOVERFLOW, "EOVERFLOW" },
		{ EEXIST, "EEXIST" },
		{ EXDEV, "EXDEV" },
		{ ECONNREFUSED, "ECONNREFUSED" },
		{ EADDRNOTAVAIL, "EADDRNOTAVAIL" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(names); i++)
		if (names[i].error == error)
			return names[i].name;
	return arena_printf(p->arena, "errno %d", error);
}

const char *planner_evidence(struct planner *p, const struct fact *fact, const char *detail)
{
	const char *error = fact->error ? planner_errno(p, fact->error) : NULL;

	/* the kernel's own line says more than where it was found */
	if (!detail)
		detail = fact->evidence;
	if (error && detail)
		return arena_printf(p->arena, " (%s: %s)", error, detail);
	if (error || detail)
		return arena_printf(p->arena, " (%s)", error ? error : detail);
	return "";
}

const char *planner_size(struct planner *p, uint64_t bytes)
{
	char text[32];

	return arena_strdup(p->arena, str_format_size(bytes, text, sizeof(text)));
}

/* Only what is known for sure: an empty field would look like an answer. */
const char *planner_holder(struct planner *p)
{
	const struct facts_identity *identity = &p->facts->identity;
	struct strings words = STRINGS_INIT;

	if (identity->container_id)
		strings_add(p->arena, &words,
			    arena_printf(p->arena, "container %.12s", identity->container_id));
	if (identity->hostname)
		strings_add(p->arena, &words,
			    arena_printf(p->arena, "host %s", identity->hostname));
	if (identity->boot_id)
		strings_add(p->arena, &words, arena_printf(p->arena, "boot %s", identity->boot_id));
	return words.count ? strings_join(p->arena, &words, ", ") : "an unnamed container";
}
