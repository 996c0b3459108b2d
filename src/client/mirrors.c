/* SPDX-License-Identifier: Apache-2.0 */
#include "mirrors.h"

#include <arpa/inet.h>
#include <curl/curl.h>
#include <dirent.h>
#include <fcntl.h>
#include <netdb.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>

#include "client.h"
#include "dind/file.h"
#include "dind/str.h"
#include "engine.h"

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

static const void *address_of(const struct addrinfo *info)
{
	if (info->ai_family == AF_INET)
		return &((const struct sockaddr_in *) (const void *) info->ai_addr)->sin_addr;
	return &((const struct sockaddr_in6 *) (const void *) info->ai_addr)->sin6_addr;
}

static bool is_within(const char *cidr, const struct addrinfo *info)
{
	int family = strchr(cidr, ':') ? AF_INET6 : AF_INET, bits;
	const char *slash = strchr(cidr, '/');
	unsigned char network[16];
	char text[64];

	if (!slash || info->ai_family != family ||
	    str_parse_int(slash + 1, 0, family == AF_INET ? 32 : 128, &bits) < 0)
		return false;
	(void) snprintf(text, sizeof(text), "%.*s", (int) (slash - cidr), cidr);
	return inet_pton(family, text, network) == 1 &&
	       same_network(network, address_of(info), bits);
}

bool mirrors_is_within(const json_t *cidrs, const char *host)
{
	const struct addrinfo hints = { .ai_socktype = SOCK_STREAM };
	struct addrinfo *found = NULL;
	const json_t *cidr;
	bool within = false;
	size_t i;

	if (json_array_size(cidrs) == 0 || getaddrinfo(host, NULL, &hints, &found) != 0)
		return false;
	for (const struct addrinfo *info = found; info && !within; info = info->ai_next)
		json_array_foreach(cidrs, i, cidr) if (json_string_value(cidr) &&
						       is_within(json_string_value(cidr), info))
			within = true;
	freeaddrinfo(found);
	return within;
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
	bool https;
	char authority[256]; /* host:port */
	char host[256];
};

/* "https://[fd00::1]:5000/hub/" */
static bool take_apart(struct attempt *a, const char *url)
{
	const char *at = strstr(url, "://");
	size_t n;

	if (!at)
		return false;
	*a = (struct attempt){ .url = url, .https = str_has_prefix(url, "https:") };
	at += strlen("://");
	n = strcspn(at, "/");
	(void) snprintf(a->authority, sizeof(a->authority), "%.*s", (int) n, at);
	if (*a->authority == '[')
		(void) snprintf(a->host, sizeof(a->host), "%.*s",
				(int) strcspn(a->authority + 1, "]"), a->authority + 1);
	else
		(void) snprintf(a->host, sizeof(a->host), "%.*s", (int) strcspn(a->authority, ":"),
				a->authority);
	return *a->host;
}

static bool is_insecure(const struct attempt *a, const json_t *registries)
{
	const json_t *index =
		json_object_get(json_object_get(registries, "IndexConfigs"), a->authority);

	return json_is_false(json_object_get(index, "Secure")) ||
	       mirrors_is_within(json_object_get(registries, "InsecureRegistryCIDRs"), a->host);
}

/* The one in the engine's environment or file. What /info shows of a password is none. */
static const char *proxy_of(const struct attempt *a, const json_t *info)
{
	const char *proxy =
		json_string_value(json_object_get(info, a->https ? "HttpsProxy" : "HttpProxy"));

	if (proxy && *proxy && strstr(proxy, "xxxxx:xxxxx@")) {
		const char *own = getenv(a->https ? "HTTPS_PROXY" : "HTTP_PROXY");

		proxy = own ? own : getenv(a->https ? "https_proxy" : "http_proxy");
	}
	return proxy ? proxy : "";
}

static size_t discard(char *data, size_t one, size_t size, void *user)
{
	(void) data;
	(void) user;
	return one * size;
}

static void set_trust(CURL *curl, const struct attempt *a, const json_t *info, int bundle)
{
	bool insecure = is_insecure(a, json_object_get(info, "RegistryConfig"));
	char path[64];

	(void) snprintf(path, sizeof(path), "/proc/self/fd/%d", bundle);
	curl_easy_setopt(curl, CURLOPT_SSL_VERIFYPEER, insecure ? 0L : 1L);
	curl_easy_setopt(curl, CURLOPT_SSL_VERIFYHOST, insecure ? 0L : 2L);
	if (bundle >= 0)
		curl_easy_setopt(curl, CURLOPT_CAINFO, path);
}

/* As dockerd asks first; a registry that wants to know who is there is one, too. */
static void ask(const struct attempt *a, const json_t *info, const char *ca_directories,
		char *problem, size_t size)
{
	auto_close int bundle = a->https ? gather_authorities(a->authority, ca_directories) : -1;
	const char *no_proxy = json_string_value(json_object_get(info, "NoProxy"));
	size_t n = strlen(a->url);
	char url[512], error[CURL_ERROR_SIZE] = "", none[1024];
	CURL *curl = curl_easy_init();
	CURLcode code = CURLE_OUT_OF_MEMORY;
	long status = 0;

	(void) snprintf(url, sizeof(url), "%s%sv2/", a->url, n && a->url[n - 1] == '/' ? "" : "/");
	(void) snprintf(none, sizeof(none), "localhost,127.0.0.1,::1,%s", no_proxy ? no_proxy : "");
	if (curl) {
		curl_easy_setopt(curl, CURLOPT_URL, url);
		curl_easy_setopt(curl, CURLOPT_ERRORBUFFER, error);
		curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
		curl_easy_setopt(curl, CURLOPT_USERAGENT, "dind-client");
		curl_easy_setopt(curl, CURLOPT_CONNECTTIMEOUT_MS, CONNECT_MS);
		curl_easy_setopt(curl, CURLOPT_TIMEOUT_MS, ATTEMPT_MS);
		curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, discard);
		curl_easy_setopt(curl, CURLOPT_PROXY, proxy_of(a, info));
		curl_easy_setopt(curl, CURLOPT_NOPROXY, none);
		set_trust(curl, a, info, bundle);
		code = curl_easy_perform(curl);
		curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, &status);
		curl_easy_cleanup(curl);
	}
	if (code != CURLE_OK)
		(void) snprintf(problem, size, "%s", *error ? error : curl_easy_strerror(code));
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
		  const char *ca_directories)
{
	struct attempt a;

	if (!take_apart(&a, mirror->url))
		return;
	ask(&a, info, ca_directories, mirror->problem, sizeof(mirror->problem));
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

int mirrors_check(struct mirrors *mirrors, const struct http_host *host, const char *ca_directories,
		  struct error *err)
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
			check(mirrors, mirror, info, ca_directories);
	}
	json_decref(info);
	return 0;
}
