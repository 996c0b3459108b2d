/* SPDX-License-Identifier: Apache-2.0 */
/*
 * TLS of the TCP listeners. dockerd wraps those of the sockets it is handed that are TCP, and
 * leaves the unix ones plain. The certificates are made or checked by dind-certs before it starts.
 */
#include <string.h>

#include "dind/certs.h"
#include "dind/str.h"
#include "planner.h"

#define STEP_KEY   "certificates"
#define BEGIN_KEY  "certificates-begin"
#define TIMEOUT_MS 30000 /* RSA keys on a busy machine */

/* Those that say which certificates; and the switches. */
static const char *const file_names[] = { "tlscacert", "tlscert", "tlskey" };
static const char *const switch_names[] = { "tls", "tlsverify" };

static bool is_set(const struct planner *p, const char *name)
{
	return planner_has_flag(p, name, '\0') || planner_has_key(p, name);
}

static const char *users_file(const struct planner *p)
{
	for (size_t i = 0; i < ARRAY_SIZE(file_names); i++)
		if (is_set(p, file_names[i]))
			return file_names[i];
	return NULL;
}

/* As for whoever writes daemon.json or flags for one dockerd; docker:dind makes its own all the
 * same, and each file that is named takes the place of one of them. */
static const char *users_only(const struct planner *p)
{
	return p->options->tls_beside ? NULL : users_file(p);
}

/* By the text: this is asked before listeners are judged. */
static bool wants_tcp(const struct planner *p)
{
	const struct options *o = p->options;
	const struct strings *config = &p->facts->engine.config_hosts;
	size_t n = o->n_hosts ? o->n_hosts : config->count;

	for (size_t i = 0; i < n; i++)
		if (!str_has_prefix(o->n_hosts ? o->hosts[i] : config->items[i], "unix://"))
			return true;
	return false;
}

bool planner_tls_is_ours(const struct planner *p)
{
	return p->options->tls_dir && !p->options->strict_args && wants_tcp(p) && !users_only(p);
}

bool planner_tls_verifies(const struct planner *p)
{
	/* the user's flags come last, so they are what counts; then the file has no such key */
	if (planner_has_flag(p, "tlsverify", '\0'))
		return planner_is_on(p, "tlsverify");
	return planner_tls_is_ours(p) || p->facts->engine.config_tls_verify == TRI_YES;
}

bool planner_tls_is_spoken(const struct planner *p)
{
	for (size_t i = 0; i < ARRAY_SIZE(switch_names); i++)
		if (is_set(p, switch_names[i]))
			return true;
	return planner_tls_is_ours(p) || users_file(p);
}

const char *planner_tls_client(struct planner *p)
{
	return planner_tls_is_ours(p) ? planner_join(p, p->options->tls_dir, "client") : NULL;
}

/* dockerd forgets the files that flags name unless a flag also says that there is TLS. So where one
 * of the user's does, ours are flags too, before his. */
static bool by_flags(const struct planner *p)
{
	for (size_t i = 0; i < ARRAY_SIZE(file_names); i++)
		if (planner_has_flag(p, file_names[i], '\0'))
			return true;
	return false;
}

/* @value as a flag's, with its "=", or NULL for a switch. */
static void set_flag(struct planner *p, const char *key, const char *value)
{
	const struct options_origin *origin = options_find_origin(p->options, "tls-dir");
	const struct plan_setting setting = {
		.key = key,
		.value = value ? planner_quote(p, value) : "true",
		.origin = ORIGIN_OPTION,
		.from = origin ? origin->from : "--tls-dir",
		.by_flag = true,
	};

	planner_set(p, &setting);
	strings_add(p->arena, &p->tls_flags,
		    value ? arena_printf(p->arena, "--%s=%s", key, value)
			  : arena_printf(p->arena, "--%s", key));
}

static void set_file(struct planner *p, const char *key, const char *name)
{
	const char *server = planner_join(p, p->options->tls_dir, "server");

	if (is_set(p, key))
		return;
	if (by_flags(p))
		set_flag(p, key, planner_join(p, server, name));
	else
		planner_option_text(p, key, "tls-dir", planner_join(p, server, name));
}

void planner_tls_settings(struct planner *p)
{
	if (!planner_tls_is_ours(p))
		return;
	if (!by_flags(p))
		planner_option_json(p, "tlsverify", "tls-dir", "true");
	else if (!planner_has_flag(p, "tlsverify", '\0'))
		set_flag(p, "tlsverify", NULL);
	set_file(p, "tlscacert", "ca.pem");
	set_file(p, "tlscert", "cert.pem");
	set_file(p, "tlskey", "key.pem");
}

static void judge_failure(struct planner *p)
{
	const struct facts_failure *failure = facts_find_failure(p->facts, STEP_KEY);
	const struct certs_meaning *meaning;

	if (!failure)
		return;
	meaning = certs_meaning_of_error(failure->error);
	planner_refuse(p, meaning->code, meaning->status, meaning->remedy, "%s", failure->message);
}

void plan_tls(struct planner *p)
{
	const char *directory = p->options->tls_dir;

	if (!directory || p->options->strict_args)
		return;
	if (users_only(p)) {
		planner_hint(p, CODE_TLS_USERS,
			     "leave out --tls-dir (or DOCKER_TLS_CERTDIR), or dockerd's settings",
			     "dockerd's own %s says which certificates are used: nothing is made "
			     "or looked at in %s",
			     users_only(p), directory);
		return;
	}
	if (!wants_tcp(p)) {
		planner_decide(p, CODE_TLS_UNUSED,
			       "no certificates are made in %s: there is no TCP listener, and a "
			       "unix socket needs none",
			       directory);
		return;
	}
	if (!p->facts->engine.certs)
		planner_refuse(
			p, CODE_TLS_PROGRAM, STATUS_CONFIG,
			"install it from the same build as dind-init, or leave out --tls-dir",
			"dind-certs, which --tls-dir needs, is not installed");
	judge_failure(p);
	for (size_t i = 0; i < ARRAY_SIZE(file_names); i++)
		if (is_set(p, file_names[i]))
			planner_decide(p, CODE_TLS_USERS,
				       "dockerd's own %s takes the place of the one in %s/server",
				       file_names[i], directory);
	planner_decide(p, CODE_TLS_DECISION,
		       "TLS with the certificates in %s/server; a client needs those in %s/client",
		       directory, directory);
}

static const char *const *certs_argv(struct planner *p, const struct plan_step *step)
{
	struct strings argv = STRINGS_INIT;

	strings_add(p->arena, &argv,
		    p->facts->engine.certs ? p->facts->engine.certs : "dind-certs");
	strings_add(p->arena, &argv, "--directory");
	strings_add(p->arena, &argv, step->u.certs.directory);
	if (step->u.certs.key) {
		strings_add(p->arena, &argv, "--key");
		strings_add(p->arena, &argv, step->u.certs.key);
	}
	if (step->u.certs.san) {
		strings_add(p->arena, &argv, "--san");
		strings_add(p->arena, &argv, step->u.certs.san);
	}
	return argv.items;
}

static struct plan_step *add_step(struct planner *p, const char *key, const char *why)
{
	const struct options *o = p->options;
	const char *san = options_environment(o, "DOCKER_TLS_SAN");
	struct plan_step *step = planner_step(p, STEP_CERTS, key, why);

	step->u.certs.directory = o->tls_dir;
	if (o->tls_key != TLS_KEY_ANY)
		step->u.certs.key = o->tls_key == TLS_KEY_RSA ? "rsa" : "ec";
	if (san && *san)
		step->u.certs.san = san;
	step->u.certs.argv = certs_argv(p, step);
	step->u.certs.timeout_ms = TIMEOUT_MS;
	return step;
}

void plan_tls_begin(struct planner *p)
{
	struct plan_step *step;

	/* not where something will be mounted over them */
	if (!planner_tls_is_ours(p) || str_path_is_below(p->options->tls_dir, p->data_root))
		return;
	step = add_step(p, BEGIN_KEY, "they are made or looked through beside what follows");
	step->u.certs.begin = true;
	planner_or_degrade(step, CODE_TLS_DECISION, "doing that beside the rest", NULL);
}

void plan_tls_step(struct planner *p)
{
	struct plan_step *step;

	if (!planner_tls_is_ours(p))
		return;
	step = add_step(p, STEP_KEY,
			"whoever reaches a TCP listener without a certificate of this CA is sent "
			"away");
	/* what is wrong, and with which file, is told by the next plan */
	planner_or_replan(step, CODE_TLS_DECISION);
}
