/* SPDX-License-Identifier: Apache-2.0 */
/* What a client may call this container: addresses, host names, and what the user adds. */
#include <arpa/inet.h>
#include <fcntl.h>
#include <ifaddrs.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>
#include <sys/utsname.h>

#include "dind/certs.h"
#include "dind/file.h"
#include "dind/str.h"

#define HOSTS_MAX 65536
#define DNS_MAX	  253

bool certs_name_equal(const struct certs_name *a, const struct certs_name *b)
{
	if (a->kind != b->kind)
		return false;
	if (a->kind == CERTS_IP)
		return a->n_bytes == b->n_bytes && memcmp(a->bytes, b->bytes, a->n_bytes) == 0;
	return strcasecmp(a->text, b->text) == 0;
}

/* False: there is no room. */
static bool add(struct certs_names *names, const struct certs_name *name)
{
	for (size_t i = 0; i < names->count; i++)
		if (certs_name_equal(&names->items[i], name))
			return true;
	if (names->count >= CERTS_MAX_NAMES)
		return false;
	names->items[names->count++] = *name;
	return true;
}

/* Letters, digits, hyphens, dots; underscores, which container names have; "*." in front. */
static bool is_dns(const char *text)
{
	size_t n = strlen(text);

	if (str_has_prefix(text, "*."))
		text += 2;
	if (!*text || n > DNS_MAX || *text == '.' || *text == '-')
		return false;
	for (const char *c = text; *c; c++) {
		bool plain = (*c >= 'a' && *c <= 'z') || (*c >= 'A' && *c <= 'Z') ||
			     (*c >= '0' && *c <= '9') || *c == '-' || *c == '_';

		if (!plain && (*c != '.' || c[1] == '.'))
			return false;
	}
	return true;
}

static bool read_ip(const char *text, struct certs_name *ret)
{
	if (inet_pton(AF_INET, text, ret->bytes) == 1)
		ret->n_bytes = sizeof(struct in_addr);
	else if (inet_pton(AF_INET6, text, ret->bytes) == 1)
		ret->n_bytes = sizeof(struct in6_addr);
	else
		return false;
	ret->kind = CERTS_IP;
	return true;
}

/* ---- of this container ---- */

static void add_dns(struct certs_names *names, const char *text, struct arena *arena)
{
	struct certs_name name = { .kind = CERTS_DNS };

	if (!text || !is_dns(text))
		return;
	name.text = arena_strdup(arena, text);
	(void) add(names, &name);
}

static void add_host(struct certs_names *names, const char *host, struct arena *arena)
{
	if (!host)
		return;
	add_dns(names, host, arena);
	add_dns(names, arena_strndup(arena, host, strcspn(host, ".")), arena);
}

static const char *next_word(char **at)
{
	char *word = *at + strspn(*at, " \t");
	size_t n = strcspn(word, " \t");

	if (n == 0)
		return NULL;
	*at = word + n + (word[n] ? 1 : 0);
	word[n] = '\0';
	return word;
}

/* "ADDRESS NAME ALIAS…": the first name of a line that has ours is the full one. */
static const char *full_name(char *line, const char *host)
{
	const char *first, *word;

	line[strcspn(line, "#")] = '\0';
	if (!next_word(&line))
		return NULL;
	first = next_word(&line);
	for (word = first; word; word = next_word(&line))
		if (strcasecmp(word, host) == 0)
			return first;
	return NULL;
}

/* No resolver is asked: it may be far away, or not there yet. */
static void add_full_name(struct certs_names *names, const char *hosts_file, const char *host,
			  struct arena *arena)
{
	char *text = NULL, *line, *next;

	if (!host || !*host || file_slurp_at(AT_FDCWD, hosts_file, HOSTS_MAX, arena, &text) < 0)
		return;
	for (line = text; line; line = next) {
		const char *full;

		next = strchr(line, '\n');
		if (next)
			*next++ = '\0';
		full = full_name(line, host);
		if (full)
			add_host(names, full, arena);
	}
}

static void add_address(struct certs_names *names, const struct sockaddr *address,
			struct arena *arena)
{
	struct certs_name name = { .kind = CERTS_IP };
	char text[INET6_ADDRSTRLEN];

	if (address->sa_family == AF_INET) {
		name.n_bytes = sizeof(struct in_addr);
		memcpy(name.bytes, &((const struct sockaddr_in *) (const void *) address)->sin_addr,
		       name.n_bytes);
	} else if (address->sa_family == AF_INET6) {
		name.n_bytes = sizeof(struct in6_addr);
		memcpy(name.bytes,
		       &((const struct sockaddr_in6 *) (const void *) address)->sin6_addr,
		       name.n_bytes);
	} else {
		return;
	}
	if (!inet_ntop(address->sa_family, name.bytes, text, sizeof(text)))
		return;
	name.text = arena_strdup(arena, text);
	(void) add(names, &name);
}

static void add_interfaces(struct certs_names *names, struct arena *arena)
{
	struct ifaddrs *list;

	if (getifaddrs(&list) < 0)
		return; /* then they are not among the names; the loopback ones always are */
	for (const struct ifaddrs *at = list; at; at = at->ifa_next)
		if (at->ifa_addr)
			add_address(names, at->ifa_addr, arena);
	freeifaddrs(list);
}

void certs_names_local(struct certs_names *names, const struct certs_sources *sources,
		       struct arena *arena)
{
	struct sockaddr_in loopback = { .sin_family = AF_INET };
	char host[DNS_MAX + 2] = "";

	add_dns(names, "docker", arena);
	add_dns(names, "localhost", arena);
	loopback.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	add_address(names, (const struct sockaddr *) (const void *) &loopback, arena);
	if (file_read_at(AT_FDCWD, sources->hostname_file, host, sizeof(host)) > 0)
		host[strcspn(host, " \t\r\n")] = '\0';
	add_host(names, host, arena);
	add_host(names, sources->node_name, arena);
	add_full_name(names, sources->hosts_file, host, arena);
	add_full_name(names, sources->hosts_file, sources->node_name, arena);
	if (sources->interfaces)
		add_interfaces(names, arena);
}

void certs_names_here(struct certs_names *names, struct arena *arena)
{
	struct utsname node = { .nodename = "" };
	const struct certs_sources sources = {
		.hostname_file = "/etc/hostname",
		.hosts_file = "/etc/hosts",
		.node_name = node.nodename,
		.interfaces = true,
	};

	(void) uname(&node);
	certs_names_local(names, &sources, arena);
}

/* ---- by the user ---- */

static bool is_visible_text(const char *text)
{
	for (const char *c = text; *c; c++)
		if (*c <= ' ' || *c >= 0x7f)
			return false;
	return *text != '\0';
}

static int parse_entry(struct certs_names *names, const char *entry, struct arena *arena,
		       struct error *err)
{
	static const struct {
		const char *word;
		enum certs_name_kind kind;
	} kinds[] = {
		{ "DNS:", CERTS_DNS },
		{ "IP:", CERTS_IP },
		{ "URI:", CERTS_URI },
		{ "email:", CERTS_EMAIL },
	};
	struct certs_name name = { .kind = CERTS_DNS, .text = entry };
	bool kind_given = false, good;

	for (size_t i = 0; i < ARRAY_SIZE(kinds) && !kind_given; i++) {
		size_t n = strlen(kinds[i].word);

		if (strncasecmp(entry, kinds[i].word, n) != 0)
			continue;
		kind_given = true;
		name.kind = kinds[i].kind;
		name.text = entry + n;
		name.text += strspn(name.text, " \t");
	}
	if (!kind_given && read_ip(entry, &name))
		name.kind = CERTS_IP;
	if (name.kind == CERTS_DNS)
		good = is_dns(name.text);
	else if (name.kind == CERTS_IP)
		good = read_ip(name.text, &name);
	else
		good = is_visible_text(name.text);
	if (!good)
		return error_set_plain(err, -EINVAL,
				       "'%s' in DOCKER_TLS_SAN is neither DNS:NAME nor IP:ADDRESS",
				       entry);
	name.text = arena_strdup(arena, name.text);
	if (!add(names, &name))
		return error_set_plain(err, -EINVAL,
				       "'%s' in DOCKER_TLS_SAN is one name too many: a certificate "
				       "takes %d",
				       entry, CERTS_MAX_NAMES);
	return 0;
}

int certs_names_parse(struct certs_names *names, const char *list, struct arena *arena,
		      struct error *err)
{
	while (*list) {
		size_t n, end;
		char *entry;
		int r;

		list += strspn(list, " \t\n");
		n = strcspn(list, ",");
		for (end = n; end > 0 && strchr(" \t\n", list[end - 1]); end--)
			;
		entry = arena_strndup(arena, list, end);
		if (*entry) { /* a comma at the end is nobody's mistake */
			r = parse_entry(names, entry, arena, err);
			if (r < 0)
				return r;
		}
		list += n + (list[n] ? 1 : 0);
	}
	return 0;
}
