/* SPDX-License-Identifier: Apache-2.0 */
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "dind/str.h"
#include "printers.h"

void print_clean(FILE *out, const char *text)
{
	for (; *text; text++) {
		unsigned char c = (unsigned char) *text;

		(void) fputc(c < 0x20 || c == 0x7f ? '?' : c, out);
	}
}

void print_line(FILE *out, const char *fmt, ...)
{
	char line[2048];
	va_list ap;

	va_start(ap, fmt);
	if (vsnprintf(line, sizeof(line), fmt, ap) < 0)
		line[0] = '\0';
	va_end(ap);
	print_clean(out, line);
	(void) fputc('\n', out);
}

void print_message(FILE *out, const struct plan_message *message)
{
	print_line(out, "%s: %s", message->code, message->fact);
	if (message->remedy)
		print_line(out, "  → %s", message->remedy);
}

/* ---- steps ---- */

static const char *limits_object(const struct plan_step *step, char *buf, size_t size)
{
	int n = 0;

	buf[0] = '\0';
	if (step->u.limits.set_nofile)
		n = snprintf(buf, size, "open files %llu/%llu",
			     (unsigned long long) step->u.limits.nofile_soft,
			     (unsigned long long) step->u.limits.nofile_hard);
	if (step->u.limits.set_oom_score && n >= 0 && (size_t) n < size)
		(void) snprintf(buf + n, size - (size_t) n, "%soom score %d", n ? ", " : "",
				step->u.limits.oom_score_adj);
	return buf;
}

static const char *listen_object(const struct plan_step *step, char *buf, size_t size)
{
	size_t used = 0;

	buf[0] = '\0';
	for (size_t i = 0; i < step->u.listen.n_listeners && used < size; i++)
		used += (size_t) snprintf(buf + used, size - used, "%s%s", i ? " " : "",
					  step->u.listen.listeners[i].url);
	return buf;
}

static const char *image_object(const struct plan_step *step, char *buf, size_t size)
{
	char bytes[32];

	(void) snprintf(buf, size, "%s%s%s", step->u.image.image,
			step->kind == STEP_MOUNT_IMAGE ? " on " : ", ",
			step->kind == STEP_MOUNT_IMAGE
				? step->u.image.target
				: str_format_size(step->u.image.bytes, bytes, sizeof(bytes)));
	return buf;
}

static const char *sweep_object(const struct plan_step *step, char *buf, size_t size)
{
	size_t used = 0;

	buf[0] = '\0';
	for (size_t i = 0; i < step->u.sweep.n_pid_files && used < size; i++)
		used += (size_t) snprintf(buf + used, size - used, "%s%s", used ? " " : "",
					  step->u.sweep.pid_files[i]);
	for (size_t i = 0; i < step->u.sweep.n_sockets && used < size; i++)
		used += (size_t) snprintf(buf + used, size - used, "%s%s", used ? " " : "",
					  step->u.sweep.sockets[i]);
	return buf;
}

static const char *words_object(const char *const *words, char *buf, size_t size)
{
	size_t used = 0;

	buf[0] = '\0';
	for (; words && *words && used < size; words++)
		used += (size_t) snprintf(buf + used, size - used, "%s%s", used ? " " : "", *words);
	return buf;
}

static const char *text_object(const char *text, char *buf, size_t size)
{
	(void) snprintf(buf, size, "%s", text ? text : "");
	return buf;
}

static const char *pair_object(const char *source, const char *target, char *buf, size_t size)
{
	(void) snprintf(buf, size, "%s on %s", source, target);
	return buf;
}

static const char *tmpfs_object(const struct plan_step *step, char *buf, size_t size)
{
	char bytes[32];

	return pair_object(str_format_size(step->u.tmpfs.bytes, bytes, sizeof(bytes)),
			   step->u.tmpfs.target, buf, size);
}

static const char *group_object(const struct plan_step *step, char *buf, size_t size)
{
	const char *const *user = step->u.group.users;
	size_t used = (size_t) snprintf(buf, size, "%lld:", (long long) step->u.group.gid);

	for (; user && *user && used < size; user++)
		used += (size_t) snprintf(buf + used, size - used, " %s", *user);
	return buf;
}

const char *print_step_object(const struct plan_step *step, char *buf, size_t size)
{
	switch (step->kind) {
	case STEP_LIMITS:
		return limits_object(step, buf, size);
	case STEP_RUNTIME_DIR:
	case STEP_DIRECTORY:
		return text_object(step->u.runtime_dir.path, buf, size);
	case STEP_LISTEN:
		return listen_object(step, buf, size);
	case STEP_LEASE:
		return text_object(step->u.lease.pool, buf, size);
	case STEP_LOCK:
		return text_object(step->u.lock.path, buf, size);
	case STEP_MAKE_IMAGE:
	case STEP_MOUNT_IMAGE:
		return image_object(step, buf, size);
	case STEP_APPARMOR:
		return text_object(step->u.apparmor.name ? step->u.apparmor.name : "of the host",
				   buf, size);
	case STEP_REMOUNT_RW:
	case STEP_SELINUX_HIDE:
		return text_object(step->u.remount.path, buf, size);
	case STEP_DEVICE:
		return text_object(step->u.device.path, buf, size);
	case STEP_PROPAGATION:
		return text_object("/", buf, size);
	case STEP_SWEEP:
		return sweep_object(step, buf, size);
	case STEP_CGROUP_V1:
		return pair_object(*step->u.cgroup_v1.controllers ? step->u.cgroup_v1.controllers
								  : "the v2 tree",
				   step->u.cgroup_v1.target, buf, size);
	case STEP_CGROUP_NAMESPACE:
		return text_object(step->u.cgroup_namespace.mount_point, buf, size);
	case STEP_CGROUP_NEST:
		(void) snprintf(buf, size, "%s/%s", step->u.cgroup_nest.mount_point,
				step->u.cgroup_nest.leaf);
		return buf;
	case STEP_BIND:
		return pair_object(step->u.bind.source, step->u.bind.target, buf, size);
	case STEP_TMPFS:
		return tmpfs_object(step, buf, size);
	case STEP_CHECK_STORE:
		return text_object(step->u.check_store.path, buf, size);
	case STEP_GUARD_START:
		return text_object(step->u.guard.database, buf, size);
	case STEP_CONFIG:
		return pair_object(step->u.config.source, step->u.config.target, buf, size);
	case STEP_FILE:
		return text_object(step->u.file.path, buf, size);
	case STEP_FILESYSTEM:
		return pair_object(step->u.filesystem.type, step->u.filesystem.target, buf, size);
	case STEP_CONFINE:
		return text_object("the engine's tree", buf, size); /* a decision has the list */
	case STEP_CAPABILITIES:
		return words_object(step->u.capabilities.names, buf, size);
	case STEP_CA:
		return text_object(step->u.ca.target, buf, size);
	case STEP_CERTS:
		return text_object(step->u.certs.directory, buf, size);
	case STEP_LINK:
		(void) snprintf(buf, size, "%s to %s", step->u.link.path, step->u.link.target);
		return buf;
	case STEP_CLAMP_MSS:
		return text_object(step->u.clamp_mss.iptables, buf, size);
	case STEP_DNS_RELAY:
		return text_object(step->u.dns_relay.address, buf, size);
	case STEP_GROUP:
		return group_object(step, buf, size);
	case STEP_KIND_COUNT:
		break;
	}
	return text_object("", buf, size);
}

static const char *on_fail_text(const struct plan_step *step, char *buf, size_t size)
{
	switch (step->on_fail) {
	case FAIL_ABORT:
		(void) snprintf(buf, size, "if it fails: the start ends with status %d (%s)",
				step->status, step->code ? step->code : "no code");
		return buf;
	case FAIL_REPLAN:
		(void) snprintf(buf, size, "if it fails: the next way is taken");
		return buf;
	case FAIL_DEGRADE:
		(void) snprintf(buf, size, "if it fails: goes on without %s",
				step->without ? step->without : "it");
		return buf;
	}
	return "";
}

static void print_steps(FILE *out, const struct plan *plan)
{
	char object[512], fail[256];

	print_line(out, "Steps");
	for (size_t i = 0; i < plan->n_steps; i++) {
		const struct plan_step *step = &plan->steps[i];

		(void) print_step_object(step, object, sizeof(object));
		print_line(out, "%3zu. %s%s%s: %s", i + 1, plan_step_name(step->kind),
			   *object ? " " : "", object, step->why);
		print_line(out, "     %s", on_fail_text(step, fail, sizeof(fail)));
	}
}

/* ---- the whole plan ---- */

static void print_messages(FILE *out, const char *title, const struct plan_message *messages,
			   size_t n)
{
	if (n == 0)
		return;
	print_line(out, "%s", title);
	for (size_t i = 0; i < n; i++) {
		print_line(out, "  %s: %s", messages[i].code, messages[i].fact);
		if (messages[i].remedy)
			print_line(out, "    → %s", messages[i].remedy);
	}
	(void) fputc('\n', out);
}

static void print_trials(FILE *out, const struct plan *plan)
{
	print_line(out, "Trials");
	for (size_t i = 0; i < plan->n_trials; i++) {
		const struct trial_request *trial = &plan->trials[i];

		print_line(out, "  would try: %s%s%s", facts_trial_name(trial->kind),
			   trial->path ? " on " : "", trial->path ? trial->path : "");
	}
	print_line(out, "  what follows depends on their results");
	(void) fputc('\n', out);
}

static void print_argv(FILE *out, const char *title, const char *const *argv)
{
	char line[2048];
	size_t used = 0;

	line[0] = '\0';
	for (size_t i = 0; argv && argv[i] && used < sizeof(line); i++)
		used += (size_t) snprintf(line + used, sizeof(line) - used, "%s%s", i ? " " : "",
					  argv[i]);
	print_line(out, "  %s: %s", title, line);
}

static void print_services(FILE *out, const struct plan *plan)
{
	if (plan->n_steps)
		(void) fputc('\n', out);
	print_line(out, "Then");
	if (plan->containerd.wanted)
		print_argv(out, "containerd", plan->containerd.launch.argv);
	if (plan->engine.wanted)
		print_argv(out, "engine", plan->engine.launch.argv);
	if (plan->prepare.wanted)
		print_argv(out, "prepare", plan->prepare.launch.argv);
	if (plan->watch.wanted)
		print_argv(out, "watch", plan->watch.launch.argv);
	if (plan->workload.wanted)
		print_argv(out, "command", plan->workload.launch.argv);
}

/* "option --mtu", "file /etc/docker/daemon.json", "default: why" */
static void print_settings(FILE *out, const struct plan *plan)
{
	if (plan->n_settings == 0)
		return;
	(void) fputc('\n', out);
	print_line(out, "Configuration of the engine");
	for (size_t i = 0; i < plan->n_settings; i++) {
		const struct plan_setting *setting = &plan->settings[i];

		print_line(out, "  %s = %s (%s%s%s)", setting->key,
			   setting->value ? setting->value : "?", plan_origin_name(setting->origin),
			   setting->origin == ORIGIN_DEFAULT ? ": " : " ", setting->from);
	}
}

void print_plan_text(FILE *out, const struct plan *plan)
{
	print_messages(out, "Refused: nothing would be changed", plan->refusals, plan->n_refusals);
	print_messages(out, "Decisions", plan->decisions, plan->n_decisions);
	print_messages(out, "Hints", plan->hints, plan->n_hints);
	if (plan->n_refusals)
		return;
	if (plan->n_trials)
		print_trials(out, plan);
	if (plan->n_steps)
		print_steps(out, plan);
	if (plan->n_steps == 1 && plan->steps[0].kind == STEP_LEASE)
		print_line(out, "  what follows depends on which slot it is");
	if ((plan->engine.wanted || plan->workload.wanted) && plan->n_trials == 0)
		print_services(out, plan);
	print_settings(out, plan);
}
