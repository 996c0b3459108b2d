/* SPDX-License-Identifier: Apache-2.0 */
#include "mirrors.h"

#include <arpa/inet.h>
#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>

#include "dind/file.h"
#include "dind/str.h"
#include "engine.h"
#include "http_internal.h"

#define CONNECT_MS    3000L
#define ATTEMPT_MS    5000L
#define CA_MAX_BYTES  (4U << 20)
#define CERTS_D	      "/etc/docker/certs.d"
#define SYSTEM_BUNDLE "/etc/ssl/certs/ca-certificates.crt"

/* ---- networks ---- */

static bool same_network(const unsigned char *a, const unsigned char *b, int bits)
{
	int whole = bits / 8, rest = bits % 8;
	unsigned char mask = (unsigned char) (0xff << (8 - rest));

	return memcmp(a, b, (size_t) whole) == 0 && (!rest || ((a[whole] ^ b[whole]) & mask) == 0);
}

static bool is_in_network(const char *cidr, const char *address)
{
	int family = strchr(cidr, ':') ? AF_INET6 : AF_INET, bits;
	const char *slash = strchr(cidr, '/');
	unsigned char network[16], wanted[16];
	char text[64];

	if (!slash || str_parse_int(slash + 1, 0, family == AF_INET ? 32 : 128, &bits) < 0)
		return false;
	(void) snprintf(text, sizeof(text), "%.*s", (int) (slash - cidr), cidr);
	return inet_pton(family, text, network) == 1 && inet_pton(family, address, wanted) == 1 &&
	       same_network(network, wanted, bits);
}

bool mirrors_is_within(const json_t *cidrs, const char *address)
{
	const json_t *cidr;
	size_t i;

	json_array_foreach(cidrs, i, cidr)
	{
		const char *text = json_string_value(cidr);

		if (text && is_in_network(text, address))
			return true;
	}
	return false;
}

/* ---- whom dockerd trusts ---- */

static void add_file(int bundle, int directory, const char *name)
{
	struct arena arena = ARENA_INIT;
	char *text;

	if (file_slurp_at(directory, name, CA_MAX_BYTES, &arena, &text) == 0) {
		(void) file_write_all(bundle, text, strlen(text));
		(void) file_write_all(bundle, "\n", 1);
	}
	arena_free(&arena);
}

/* Those that end with @suffix, NULL: all. */
static void add_directory(int bundle, const char *path, const char *suffix)
{
	DIR *dir = opendir(path);
	const struct dirent *entry;

	while (dir && (entry = readdir(dir))) {
		const char *end = strrchr(entry->d_name, '.');
		struct stat st;

		if (entry->d_name[0] == '.' || (suffix && (!end || strcmp(end, suffix) != 0)))
			continue;
		if (fstatat(dirfd(dir), entry->d_name, &st, 0) == 0 && S_ISREG(st.st_mode))
			add_file(bundle, dirfd(dir), entry->d_name);
	}
	if (dir)
		(void) closedir(dir);
}

/*
 * One file of all: the system's, those of SSL_CERT_DIR, and certs.d/HOST:PORT/NAME.crt. The
 * system's bundle is what lies in its directory, which therefore is not read file by file. A
 * descriptor or negative errno.
 */
static int gather_authorities(const char *authority, const char *directories)
{
	auto_close int bundle = memfd_create("ca", MFD_CLOEXEC);
	char path[512];

	if (bundle < 0)
		return -errno;
	add_file(bundle, AT_FDCWD, SYSTEM_BUNDLE);
	while (directories && *directories) {
		size_t n = strcspn(directories, ":");

		(void) snprintf(path, sizeof(path), "%.*s", (int) n, directories);
		if (*path && strcmp(path, "/etc/ssl/certs") != 0)
			add_directory(bundle, path, NULL);
		directories += n + (directories[n] == ':');
	}
	(void) snprintf(path, sizeof(path), CERTS_D "/%s", authority);
	add_directory(bundle, path, ".crt");
	return fd_take(&bundle);
}

/* ---- one of them ---- */

struct attempt {
	const char *url;
	const struct client_options *options;
	const json_t *info; /* of the engine */
	bool https;
	char authority[256]; /* host:port */
	bool insecure_by_address;
	char error[CURL_ERROR_SIZE];
};

/* "https://[fd00::1]:5000/hub/" */
static bool take_apart(struct attempt *a)
{
	const char *at = strstr(a->url, "://");

	if (!at)
		return false;
	at += strlen("://");
	a->https = str_has_prefix(a->url, "https:");
	(void) snprintf(a->authority, sizeof(a->authority), "%.*s", (int) strcspn(at, "/"), at);
	return *a->authority;
}

static const json_t *registries(const struct attempt *a)
{
	return json_object_get(a->info, "RegistryConfig");
}

static bool is_insecure_by_name(const struct attempt *a)
{
	const json_t *indices = json_object_get(registries(a), "IndexConfigs");

	return json_is_false(json_object_get(json_object_get(indices, a->authority), "Secure"));
}

/* The one in the engine's environment or file. What /info shows of a password is none. */
static const char *proxy_of(const struct attempt *a)
{
	const char *proxy =
		json_string_value(json_object_get(a->info, a->https ? "HttpsProxy" : "HttpProxy"));

	if (proxy && strstr(proxy, "xxxxx:xxxxx@"))
		proxy = a->https ? a->options->https_proxy : a->options->http_proxy;
	return proxy ? proxy : "";
}

/*
 * Each address that is tried, before it is: libcurl tells of it afterwards only when TLS has come
 * about. One of them in such a network will do, as for dockerd; a proxy's says nothing.
 */
static curl_socket_t open_socket(void *data, curlsocktype purpose, struct curl_sockaddr *address)
{
	const void *addr = &address->addr;
	struct attempt *a = data;
	char text[INET6_ADDRSTRLEN] = "";

	(void) purpose;
	if (address->family == AF_INET)
		addr = &((const struct sockaddr_in *) addr)->sin_addr;
	else
		addr = &((const struct sockaddr_in6 *) addr)->sin6_addr;
	if (!*proxy_of(a) && inet_ntop(address->family, addr, text, sizeof(text)) &&
	    mirrors_is_within(json_object_get(registries(a), "InsecureRegistryCIDRs"), text))
		a->insecure_by_address = true;
	return socket(address->family, address->socktype | SOCK_CLOEXEC, address->protocol);
}

static size_t discard(char *data, size_t one, size_t size, void *user)
{
	(void) data;
	(void) user;
	return one * size;
}

/* Where what a request of ours does by default is for an engine's API. NULL with *@err. */
static CURL *open_handle(struct attempt *a, const char *ca, struct error *err)
{
	const char *no_proxy = json_string_value(json_object_get(a->info, "NoProxy"));
	bool slash = a->url[strlen(a->url) - 1] == '/';
	const struct http_host host = {
		.name = a->url,
		.base = a->url,
		.tls = { .on = a->https, .verify = !is_insecure_by_name(a), .ca = ca },
	};
	CURL *curl = http_handle(&host, slash ? "v2/" : "/v2/", clock_now_ms() + ATTEMPT_MS, err);
	char none[1024];

	if (!curl)
		return NULL;
	(void) snprintf(none, sizeof(none), "localhost,127.0.0.1,::1,%s", no_proxy ? no_proxy : "");
	curl_easy_setopt(curl, CURLOPT_ERRORBUFFER, a->error);
	curl_easy_setopt(curl, CURLOPT_CONNECTTIMEOUT_MS, CONNECT_MS);
	curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, discard);
	curl_easy_setopt(curl, CURLOPT_PROXY, proxy_of(a));
	curl_easy_setopt(curl, CURLOPT_NOPROXY, none);
	curl_easy_setopt(curl, CURLOPT_OPENSOCKETFUNCTION, open_socket);
	curl_easy_setopt(curl, CURLOPT_OPENSOCKETDATA, a);
	return curl;
}

/* As dockerd asks first; a registry that wants to know who is there is one, too. */
static void ask(struct attempt *a, const char *ca, char *problem, size_t size)
{
	struct error err = ERROR_INIT;
	CURL *curl = open_handle(a, ca, &err);
	CURLcode code;
	long status = 0;

	if (!curl) {
		(void) snprintf(problem, size, "%s", err.message);
		return;
	}
	code = curl_easy_perform(curl);
	if (code == CURLE_PEER_FAILED_VERIFICATION && a->insecure_by_address) {
		curl_easy_setopt(curl, CURLOPT_SSL_VERIFYPEER, 0L);
		curl_easy_setopt(curl, CURLOPT_SSL_VERIFYHOST, 0L);
		code = curl_easy_perform(curl);
	}
	curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, &status);
	curl_easy_cleanup(curl);
	if (code != CURLE_OK)
		(void) snprintf(problem, size, "%s",
				*a->error ? a->error : curl_easy_strerror(code));
	else if (status != 200 && status != 401)
		(void) snprintf(problem, size, "GET /v2/ brought status %ld, as of no registry",
				status);
	else
		*problem = '\0';
}

/* ---- all of them ---- */

static void say_bad(const struct mirror *mirror)
{
	log_line(LOG_LEVEL_WARNING, CODE_MIRROR,
		 "registry mirror %s is of no use (%s): pulls go past it to Docker Hub, under its "
		 "limits",
		 mirror->url, mirror->problem);
	log_line(LOG_LEVEL_WARNING, CODE_MIRROR,
		 "→ a mirror that answers inside this container (its authority: --engine-ca), or "
		 "none; it is asked again every %d minutes",
		 MIRRORS_INTERVAL_MS / 60000);
}

static struct mirror *find(struct mirrors *mirrors, const char *url)
{
	for (size_t i = 0; i < mirrors->count; i++)
		if (strcmp(mirrors->items[i].url, url) == 0)
			return &mirrors->items[i];
	if (mirrors->count == MIRRORS_MAX || strlen(url) >= sizeof(mirrors->items[0].url))
		return NULL;
	mirrors->items[mirrors->count] = (struct mirror){ .failures = 0 };
	(void) snprintf(mirrors->items[mirrors->count].url, sizeof(mirrors->items[0].url), "%s",
			url);
	return &mirrors->items[mirrors->count++];
}

static void check(struct mirrors *mirrors, struct mirror *mirror, const json_t *info,
		  const struct client_options *options)
{
	struct attempt a = { .url = mirror->url, .options = options, .info = info };
	auto_close int bundle = -EBADF;
	char ca[64];

	if (!take_apart(&a))
		return;
	if (a.https)
		bundle = gather_authorities(a.authority, options->ca_directories);
	(void) snprintf(ca, sizeof(ca), "/proc/self/fd/%d", bundle);
	ask(&a, bundle < 0 ? NULL : ca, mirror->problem, sizeof(mirror->problem));
	if (!*mirror->problem) {
		if (mirror->said_bad || !mirror->said_good)
			log_line(LOG_LEVEL_INFO, CODE_MIRROR, "registry mirror %s answers%s",
				 mirror->url, mirror->said_bad ? " again" : "");
		mirror->failures = 0;
		mirror->said_bad = false;
		mirror->said_good = true;
		return;
	}
	log_debug("registry mirror %s: %s", mirror->url, mirror->problem);
	mirrors->doubtful = mirrors->doubtful || mirror->failures == 0;
	if (mirror->failures > 0 && !mirror->said_bad) {
		say_bad(mirror);
		mirror->said_bad = true;
	}
	mirror->failures = 1;
}

int mirrors_check(struct mirrors *mirrors, const struct http_host *host,
		  const struct client_options *options, struct error *err)
{
	struct engine engine = { .host = *host };
	json_t *info = NULL;
	const json_t *url;
	size_t i;
	int r = engine_get(&engine, "/info", clock_now_ms() + ENGINE_CALL_MS, &info, err);

	mirrors->doubtful = false;
	if (r < 0)
		return r;
	json_array_foreach(json_object_get(json_object_get(info, "RegistryConfig"), "Mirrors"), i,
			   url)
	{
		struct mirror *mirror =
			json_is_string(url) ? find(mirrors, json_string_value(url)) : NULL;

		if (mirror)
			check(mirrors, mirror, info, options);
	}
	json_decref(info);
	return 0;
}
