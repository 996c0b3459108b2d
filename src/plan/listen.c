/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The sockets that PID 1 opens itself, before anything else can fail, and hands to dockerd: a
 * client that comes early waits in the queue and is never refused.
 */
#include <arpa/inet.h>
#include <string.h>

#include "dind/str.h"
#include "planner.h"

#define PORT_PLAIN 2375
#define PORT_TLS   2376
#define NEW_GROUP  "docker-inner"

static const char good_addresses[] =
	"--host unix:///PATH or --host tcp://ADDRESS:PORT, the address a "
	"number, localhost or nothing";

static bool is_numeric(const char *host)
{
	unsigned char address[sizeof(struct in6_addr)];

	return inet_pton(AF_INET, host, address) == 1 || inet_pton(AF_INET6, host, address) == 1;
}

static bool is_loopback(const char *host)
{
	return str_has_prefix(host, "127.") || str_equal(host, "::1");
}

static bool is_any(const char *host)
{
	return !*host || str_equal(host, "0.0.0.0") || str_equal(host, "::");
}

static int parse_port(const char *text, uint16_t *ret_port)
{
	uint64_t port;

	if (str_parse_u64(text, &port) < 0 || port == 0 || port > UINT16_MAX)
		return -EINVAL;
	*ret_port = (uint16_t) port;
	return 0;
}

/* "", ":2375", "10.0.0.1", "localhost:2375", "[::1]:2375". A trailing slash is dockerd's custom. */
static int parse_tcp(struct planner *p, const char *text, struct plan_listener *listener)
{
	const char *end = text + strlen(text), *host = text, *host_end, *port = NULL;

	if (end > text && end[-1] == '/')
		end--;
	text = arena_strndup(p->arena, text, (size_t) (end - text));
	if (*text == '[') {
		host = text + 1;
		host_end = strchr(host, ']');
		if (!host_end || (host_end[1] && host_end[1] != ':'))
			return -EINVAL;
		port = host_end[1] ? host_end + 2 : NULL;
	} else {
		host = text;
		host_end = strchr(text, ':');
		port = host_end ? host_end + 1 : NULL;
		if (!host_end)
			host_end = text + strlen(text);
	}
	listener->kind = LISTENER_TCP;
	listener->port = planner_tls_verifies(p) ? PORT_TLS : PORT_PLAIN;
	if (port && parse_port(port, &listener->port) < 0)
		return -EINVAL;
	listener->host = arena_strndup(p->arena, host, (size_t) (host_end - host));
	/* names would need a resolver, which PID 1 must not wait for */
	if (str_equal(listener->host, "localhost"))
		listener->host = "127.0.0.1";
	if (*listener->host && !is_numeric(listener->host))
		return -EINVAL;
	listener->url = arena_printf(p->arena,
				     strchr(listener->host, ':') ? "tcp://[%s]:%u" : "tcp://%s:%u",
				     *listener->host ? listener->host : "0.0.0.0", listener->port);
	return 0;
}

static int parse_address(struct planner *p, const char *address, struct plan_listener *listener)
{
	static const char unix_scheme[] = "unix://", tcp_scheme[] = "tcp://";
	const struct facts_identity *identity = &p->facts->identity;

	if (str_has_prefix(address, unix_scheme)) {
		const char *path = address + strlen(unix_scheme);

		if (!*path)
			path = DIND_DEFAULT_SOCKET;
		if (*path != '/')
			return -EINVAL;
		listener->kind = LISTENER_UNIX;
		listener->path = path;
		listener->url = arena_printf(p->arena, "%s%s", unix_scheme, path);
		listener->mode = 0660;
		listener->gid = identity->group_found == TRI_YES ? identity->group_gid : -1;
		return 0;
	}
	if (str_has_prefix(address, tcp_scheme))
		return parse_tcp(p, address + strlen(tcp_scheme), listener);
	/* dockerd takes an address without a scheme for TCP; fd:// and npipe:// are not ours */
	if (strstr(address, "://") || *address == '/' || !*address)
		return -EINVAL;
	return parse_tcp(p, address, listener);
}

static bool is_same(struct planner *p, const struct plan_listener *a, const struct plan_listener *b)
{
	if (a->kind != b->kind)
		return false;
	if (a->kind == LISTENER_UNIX)
		return str_equal(planner_canonical(p, a->path), planner_canonical(p, b->path));
	return a->port == b->port &&
	       (str_equal(a->host, b->host) || (is_any(a->host) && is_any(b->host)));
}

static void judge_plain_tcp(struct planner *p, const struct plan_listener *listener)
{
	if (listener->kind != LISTENER_TCP || planner_tls_verifies(p) ||
	    is_loopback(listener->host))
		return;
	if (p->options->insecure_tcp)
		planner_hint(p, CODE_LISTEN_INSECURE,
			     arena_printf(p->arena, "--tls-dir DIR, or --host tcp://127.0.0.1:%u",
					  listener->port),
			     "%s is open without TLS: whoever reaches it is root in this "
			     "privileged container, and so on the host",
			     listener->url);
	else
		planner_refuse(p, CODE_LISTEN_PLAIN, STATUS_CONFIG,
			       arena_printf(p->arena,
					    "--tls-dir DIR, or --host tcp://127.0.0.1:%u, or "
					    "--insecure-tcp if the network is closed",
					    listener->port),
			       "%s without TLS would make everybody who reaches it root on the "
			       "host",
			       listener->url);
}

static void add_listener(struct planner *p, const char *address)
{
	struct plan_listener listener = { .gid = -1 }, *added;

	if (parse_address(p, address, &listener) < 0) {
		planner_refuse(p, CODE_LISTEN_ADDRESS, STATUS_CONFIG, good_addresses,
			       "cannot listen on \"%s\"", address);
		return;
	}
	for (size_t i = 0; i < p->plan->n_listeners; i++) {
		struct plan_listener *known = &p->plan->listeners[i];

		if (!is_same(p, known, &listener))
			continue;
		/* 0.0.0.0 and :: are one socket of both families; two would be in each other's way
		 */
		if (!str_equal(known->host, listener.host))
			known->host = "";
		return;
	}
	added = arena_push(p->arena, (void **) &p->plan->listeners, &p->plan->n_listeners,
			   sizeof(*added));
	*added = listener;
	judge_plain_tcp(p, added);
}

static void judge_group(struct planner *p)
{
	const struct facts_identity *identity = &p->facts->identity;

	if (!p->options->socket_group || identity->group_found != TRI_NO)
		return;
	planner_refuse(p, CODE_LISTEN_GROUP, STATUS_CONFIG,
		       "a group of this image's /etc/group, or its number",
		       "the group \"%s\" of --socket-group does not exist",
		       p->options->socket_group);
}

static void judge_busy(struct planner *p)
{
	const struct facts_failure *failure = facts_find_failure(p->facts, "listen");
	static const char remedy[] = "stop the other engine, or give this one --host with an "
				     "address of its own";

	if (failure && failure->error == EADDRINUSE) {
		planner_refuse(p, CODE_LISTEN_BUSY, STATUS_TEMPFAIL, remedy, "%s",
			       failure->message);
	} else if (failure) {
		planner_refuse(p, CODE_LISTEN_FAILED, STATUS_OSERR,
			       "--host with an address that can be opened in this container", "%s",
			       failure->message);
	} else if (p->facts->engine.socket_answers == TRI_YES) {
		planner_refuse(p, CODE_LISTEN_BUSY, STATUS_TEMPFAIL, remedy,
			       "an engine already answers on the socket that is to be opened");
	}
}

const struct plan_listener *planner_public_socket(const struct planner *p)
{
	for (size_t i = 0; i < p->plan->n_listeners; i++)
		if (p->plan->listeners[i].kind == LISTENER_UNIX &&
		    !str_equal(p->plan->listeners[i].path, PLANNER_OWN_SOCKET))
			return &p->plan->listeners[i];
	return NULL;
}

/* Where everybody else is served over TCP. Not for a group, and first for nobody. Our `ready` asks
 * in plain HTTP only. */
static void add_own(struct planner *p)
{
	for (size_t i = 0; i < p->plan->n_listeners; i++)
		if (p->plan->listeners[i].kind == LISTENER_UNIX)
			return;
	if (p->plan->n_listeners == 0 || (!planner_client_wanted(p) && !planner_tls_is_spoken(p)))
		return;
	add_listener(p, "unix://" PLANNER_OWN_SOCKET);
	p->plan->listeners[p->plan->n_listeners - 1].mode = 0600;
	p->plan->listeners[p->plan->n_listeners - 1].gid = -1;
}

void plan_listeners(struct planner *p)
{
	const struct strings *config = &p->facts->engine.config_hosts;
	const struct options *options = p->options;

	/* --strict-args: dockerd opens what its own flags say */
	if (options->strict_args)
		return;
	judge_group(p);
	for (size_t i = 0; i < options->n_hosts; i++)
		add_listener(p, options->hosts[i]);
	for (size_t i = 0; options->n_hosts == 0 && i < config->count; i++)
		add_listener(p, config->items[i]);
	if (options->n_hosts == 0 && config->count == 0)
		add_listener(p, "unix://" DIND_DEFAULT_SOCKET);
	add_own(p);
	judge_busy(p);
	for (size_t i = 0; i < p->plan->n_listeners; i++)
		planner_decide(p, CODE_LISTEN_DECISION,
			       "%s is opened by PID 1 and handed to dockerd",
			       p->plan->listeners[i].url);
}

void plan_listen(struct planner *p)
{
	struct plan_step *step;

	if (p->plan->n_listeners == 0)
		return;
	step = planner_step(p, STEP_LISTEN, "listen",
			    "clients that come before the engine is ready wait instead of being "
			    "refused");
	step->u.listen.listeners = p->plan->listeners;
	step->u.listen.n_listeners = p->plan->n_listeners;
	/* in use (75) and not possible (71) are told apart by the next plan */
	planner_or_replan(step, CODE_LISTEN_FAILED);
}

/* A group of the image's own is in its /etc/group, with those who are in it; a number need not be.
 */
void plan_socket_group(struct planner *p)
{
	const char *group =
		p->options->socket_group ? p->options->socket_group : p->facts->engine.config_group;
	const struct plan_listener *socket = planner_public_socket(p);
	const char *const *names = planner_socket_users(p);
	struct plan_step *step;
	uint64_t number;

	if (!socket || socket->gid <= 0 || !names || !group || str_parse_u64(group, &number) < 0)
		return;
	step = planner_step(p, STEP_GROUP, "group",
			    "who logs in later (ssh, docker exec) has the groups of /etc/group");
	planner_or_degrade(step, CODE_SOCKET_GROUP,
			   "the socket for users who log in; COMMAND has its group all the same",
			   NULL);
	step->u.group.gid = socket->gid;
	step->u.group.name = NEW_GROUP;
	step->u.group.users = names;
}
