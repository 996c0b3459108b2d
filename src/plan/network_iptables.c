/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Which iptables: the program is there in two back ends, and the kernel has both, one or none of
 * them. That is tried, with an engine's own rules: neither modules nor the kernel's version tell.
 * The one that works comes first in the engine's PATH; nothing of the image is changed.
 */
#include <string.h>

#include "dind/str.h"
#include "network.h"

#define LINKS	   DIND_RUN_DIR "/iptables"
#define CANDIDATES 3

#define WITHOUT                                                                           \
	"--dockerd-args \"--iptables=false --ip6tables=false\" goes without: then inner " \
	"containers reach nothing outside, and no port can be published"

struct candidates {
	const char *paths[CANDIDATES];
	size_t count;
};

static void add(struct candidates *c, const char *path)
{
	for (size_t i = 0; i < c->count; i++)
		if (str_equal(c->paths[i], path))
			return;
	if (path && c->count < CANDIDATES)
		c->paths[c->count++] = path;
}

/*
 * In the order in which they are wanted. docker:dind's variable decides alone; tables of the legacy
 * back end in our network namespace mean that somebody filters there.
 */
static struct candidates find_candidates(const struct planner *p)
{
	const struct facts_network *network = &p->facts->network;
	const char *said = options_environment(p->options, "DOCKER_IPTABLES_LEGACY");
	bool is_legacy = str_equal(network->iptables_backend, "legacy");
	const char *legacy = is_legacy ? network->iptables : network->iptables_legacy;
	struct candidates c = { .count = 0 };

	if (said) {
		add(&c, *said ? legacy : is_legacy ? network->iptables_nft : network->iptables);
		if (c.count)
			return c;
	}
	if (network->legacy_tables == TRI_YES)
		add(&c, legacy);
	add(&c, network->iptables);
	if (!str_equal(network->iptables_backend, "nft"))
		add(&c, network->iptables_nft);
	if (!is_legacy)
		add(&c, network->iptables_legacy);
	return c;
}

/* True when the answer is still to come. */
static bool ask(struct planner *p, enum trial_kind kind, const char *path)
{
	struct trial_request *request;

	if (facts_find_trial(p->facts, kind, path))
		return false;
	request = arena_push(p->arena, (void **) &p->plan->trials, &p->plan->n_trials,
			     sizeof(*request));
	*request = (struct trial_request){ kind, path };
	return true;
}

static bool answered(const struct planner *p, enum trial_kind kind, const char *path,
		     enum tri value)
{
	const struct facts_trial *trial = facts_find_trial(p->facts, kind, path);

	return trial && trial->result.value == value;
}

static const char *said_by(struct planner *p, enum trial_kind kind, const char *path)
{
	const struct facts_trial *trial = facts_find_trial(p->facts, kind, path);

	return trial ? planner_evidence(p, &trial->result, trial->detail) : "";
}

/* "ip6tables" of the same back end. */
static const char *for_ipv6(struct planner *p, const char *iptables)
{
	const char *name = strrchr(iptables, '/') + 1;

	if (!str_has_prefix(name, "iptables"))
		return NULL;
	return arena_printf(p->arena, "%.*sip6tables%s", (int) (name - iptables), iptables,
			    name + strlen("iptables"));
}

/* ---- IPv6 -------------------------------------------------------------------------------------
 */

static bool wants_ipv6(const struct planner *p)
{
	return p->facts->network.ipv6 == TRI_YES && p->facts->network.ip6tables &&
	       !network_is_off(p, "ip6tables", p->facts->engine.config_ip6tables);
}

/* Rules for IPv6 are the default from Docker 27 on, wanted or not. */
static void judge_ipv6(struct planner *p, const char *iptables)
{
	bool asked = planner_is_said(p, "ip6tables") || planner_is_said(p, "ipv6");
	const char *why;

	if (!wants_ipv6(p) || !answered(p, TRIAL_IP6TABLES, iptables, TRI_NO))
		return;
	why = said_by(p, TRIAL_IP6TABLES, iptables);
	if (asked)
		planner_hint(p, CODE_NETWORK_IPV6,
			     "on the host: modprobe ip6table_nat ip6table_filter (nf_tables: "
			     "nft_compat nf_nat)",
			     "ip6tables does not take the rules of an engine%s: inner networks "
			     "with IPv6 will not work",
			     why);
	else
		planner_decide(p, CODE_NETWORK_IPV6,
			       "no rules for IPv6: ip6tables does not take those of an engine%s",
			       why);
	planner_default_bool(p, "ip6tables", false, "ip6tables does not take an engine's rules");
}

/* ---- choosing ---------------------------------------------------------------------------------
 */

static void take(struct planner *p, const struct candidates *c, const char *path)
{
	if (!str_equal(path, p->facts->network.iptables))
		p->iptables = path;
	if (wants_ipv6(p) && ask(p, TRIAL_IP6TABLES, path))
		return; /* facts of somewhere else: it was not asked together with the other */
	if (str_equal(path, c->paths[0]))
		planner_decide(p, CODE_NETWORK_IPTABLES, "iptables: %s takes an engine's rules",
			       path);
	else
		planner_decide(p, CODE_NETWORK_IPTABLES,
			       "iptables: %s takes an engine's rules; %s does not%s", path,
			       c->paths[0], said_by(p, TRIAL_IPTABLES, c->paths[0]));
	judge_ipv6(p, path);
}

/* The first of them with that answer, or NULL. */
static const char *first(const struct planner *p, const struct candidates *c, enum trial_kind kind,
			 enum tri value)
{
	for (size_t i = 0; i < c->count; i++)
		if (answered(p, kind, c->paths[i], value))
			return c->paths[i];
	return NULL;
}

static void hint_raw(struct planner *p, const char *path)
{
	if (options_environment(p->options, "DOCKER_INSECURE_NO_IPTABLES_RAW"))
		return; /* they know */
	planner_hint(p, CODE_NETWORK_RAW,
		     "on the host: modprobe iptable_raw; or, from Docker 28 on, -e "
		     "DOCKER_INSECURE_NO_IPTABLES_RAW=1: then others on the same link reach inner "
		     "containers past their published ports",
		     "this kernel has no table raw for iptables%s: Docker 28 and later start no "
		     "inner container but with --network none or host",
		     said_by(p, TRIAL_IPTABLES, path));
}

static void refuse(struct planner *p, const struct candidates *c)
{
	struct strings tried = STRINGS_INIT;

	for (size_t i = 0; i < c->count; i++)
		strings_add(p->arena, &tried,
			    arena_printf(p->arena, "%s%s", c->paths[i],
					 said_by(p, TRIAL_IPTABLES, c->paths[i])));
	planner_refuse(p, CODE_NETWORK_NO_IPTABLES, STATUS_OSERR,
		       "on the host: modprobe -a nf_tables nft_compat nf_nat xt_addrtype "
		       "xt_conntrack xt_MASQUERADE (legacy: ip_tables iptable_nat "
		       "iptable_filter); " WITHOUT,
		       "this kernel takes no packet filter rules of an engine, by: %s",
		       strings_join(p->arena, &tried, "; "));
}

/* The first one does not work, or that could not be found out. */
static void look_further(struct planner *p, const struct candidates *c)
{
	bool waiting = false;
	const char *path;

	/* all at once: rounds are counted */
	for (size_t i = 0; i < c->count; i++) {
		waiting |= ask(p, TRIAL_IPTABLES, c->paths[i]);
		waiting |= ask(p, TRIAL_IPTABLES_NO_RAW, c->paths[i]);
		if (wants_ipv6(p))
			waiting |= ask(p, TRIAL_IP6TABLES, c->paths[i]);
	}
	if (waiting)
		return;
	path = first(p, c, TRIAL_IPTABLES, TRI_YES);
	if (path) {
		take(p, c, path);
		return;
	}
	path = first(p, c, TRIAL_IPTABLES_NO_RAW, TRI_YES);
	if (path) {
		hint_raw(p, path);
		take(p, c, path);
		return;
	}
	path = first(p, c, TRIAL_IPTABLES, TRI_UNKNOWN);
	if (!path) {
		refuse(p, c);
		return;
	}
	if (!str_equal(path, p->facts->network.iptables))
		p->iptables = path;
	planner_hint(p, CODE_NETWORK_IPTABLES, NULL,
		     "iptables: whether %s takes an engine's rules could not be tried%s", path,
		     said_by(p, TRIAL_IPTABLES, path));
}

/* docker:dind's variable asks for a back end that this image has no program for. */
static void judge_wish(struct planner *p, const struct candidates *c)
{
	const struct facts_network *network = &p->facts->network;
	const char *said = options_environment(p->options, "DOCKER_IPTABLES_LEGACY");
	bool is_legacy = str_equal(network->iptables_backend, "legacy");
	bool legacy = said && *said;
	const char *wanted = legacy ? "legacy" : "nft";
	bool missing = legacy ? !is_legacy && !network->iptables_legacy
			      : is_legacy && !network->iptables_nft;

	if (said && missing)
		planner_hint(p, CODE_NETWORK_WISH,
			     arena_printf(p->arena,
					  "an image with iptables-%s (Debian: the package "
					  "iptables), or no DOCKER_IPTABLES_LEGACY",
					  wanted),
			     "DOCKER_IPTABLES_LEGACY=%s asks for iptables-%s, which is not "
			     "installed: %s is taken",
			     said, wanted, c->paths[0]);
}

void network_judge_iptables(struct planner *p)
{
	struct candidates c = find_candidates(p);

	if (c.count == 0 || network_is_off(p, "iptables", p->facts->engine.config_iptables))
		return;
	judge_wish(p, &c);
	if (ask(p, TRIAL_IPTABLES, c.paths[0])) {
		/* beside the other: each of them is as long as half of the start */
		if (wants_ipv6(p))
			(void) ask(p, TRIAL_IP6TABLES, c.paths[0]);
		return;
	}
	if (answered(p, TRIAL_IPTABLES, c.paths[0], TRI_YES))
		take(p, &c, c.paths[0]);
	else
		look_further(p, &c);
}

/* ---- making it effective ----------------------------------------------------------------------
 */

static void add_link(struct planner *p, const char *key, const char *name, const char *target)
{
	struct plan_step *step;

	if (!target)
		return;
	step = planner_step(p, STEP_LINK, key, "the engine's PATH begins with this directory");
	step->u.link.path = arena_printf(p->arena, LINKS "/%s", name);
	step->u.link.target = target;
	planner_or_abort(step, CODE_NETWORK_LINK, STATUS_OSERR,
			 "room and permission to write in " DIND_RUN_DIR);
}

void plan_iptables_step(struct planner *p)
{
	if (!p->iptables)
		return;
	add_link(p, "iptables", "iptables", p->iptables);
	add_link(p, "ip6tables", "ip6tables", for_ipv6(p, p->iptables));
}

const char *planner_engine_path(struct planner *p, const char *path)
{
	if (p->mirror)
		path = arena_printf(p->arena, DIND_MIRROR_DIR ":%s", path);
	return p->iptables ? arena_printf(p->arena, LINKS ":%s", path) : path;
}
