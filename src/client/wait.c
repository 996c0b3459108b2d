/* SPDX-License-Identifier: Apache-2.0 */
/*
 * wait.c - until an engine elsewhere answers. It may be started after us, and its certificates may
 * appear in a shared directory while we wait; what waiting cannot mend is said at once.
 */
#include <jansson.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>
#include <sys/wait.h>
#include <time.h>

#include "client.h"
#include "dind/file.h"
#include "dind/str.h"
#include "docker.h"
#include "http_internal.h"
#include "ssh.h"

#define ATTEMPT_MS   5000
#define PAUSE_MS     200
#define PAUSE_MAX_MS 1000
/* Certificates may be replaced while we look: what cannot be mended is so twice. */
#define TRIES_OF_THE_HOPELESS 3
#define TEXT_MAX	      HTTP_TEXT_MAX
#define BODY_MAX	      65536

/* What came out of one attempt. */
struct finding {
	const char *code; /* NULL: it answers */
	bool hopeless;
	const char *remedy;
	char fact[TEXT_MAX + CURL_ERROR_SIZE];
	char version[64], api[16], api_min[16];
};

struct attempt {
	const struct client_options *options;
	struct arena arena; /* of this attempt */
	struct http_host host;
	struct ssh ssh;
	bool over_ssh;
	char body[BODY_MAX];
	size_t used;
	char problem[CURL_ERROR_SIZE];
};

static void found(struct finding *finding, const char *code, bool hopeless, const char *remedy,
		  const char *fmt, ...) DIND_PRINTF(5, 6);

static void found(struct finding *finding, const char *code, bool hopeless, const char *remedy,
		  const char *fmt, ...)
{
	va_list ap;

	finding->code = code;
	finding->hopeless = hopeless;
	finding->remedy = remedy;
	va_start(ap, fmt);
	(void) vsnprintf(finding->fact, sizeof(finding->fact), fmt, ap);
	va_end(ap);
}

/* ---- our own certificates ---- */

static const char *certificate(struct attempt *a, const char *name)
{
	const char *directory = a->options->certificates;

	return directory ? arena_printf(&a->arena, "%s/%s", directory, name) : NULL;
}

/* What the docker client cannot do without; a server need not ask for the other two. */
static bool take_certificates(struct attempt *a, struct http_tls *tls, struct finding *finding)
{
	const char *const names[] = { "ca.pem", "cert.pem", "key.pem" };
	const char **const paths[] = { &tls->ca, &tls->cert, &tls->key };

	for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
		bool needed = i == 0 && tls->verify;
		const char *path = certificate(a, names[i]);

		if (path && access(path, R_OK) == 0) {
			*paths[i] = path;
			continue;
		}
		*paths[i] = NULL;
		if (!needed && (!path || errno == ENOENT))
			continue;
		found(finding, CODE_REMOTE_FILES, false,
		      "DOCKER_CERT_PATH with ca.pem, cert.pem and key.pem that COMMAND's user may "
		      "read",
		      "%s: %s", path ? path : "neither DOCKER_CERT_PATH nor HOME is set",
		      path ? strerror(errno) : "no certificates");
		return false;
	}
	return true;
}

/* ---- what went wrong ---- */

static bool says(const struct attempt *a, const char *text)
{
	return strcasestr(a->problem, text) != NULL;
}

static void explain_tls(const struct attempt *a, struct finding *finding)
{
	const char *name = a->options->host;

	if (says(a, "wrong version number") || says(a, "http request"))
		found(finding, CODE_REMOTE_TLS, true,
		      "unset DOCKER_TLS_VERIFY, or the port of TLS (usually 2376)",
		      "%s does not speak TLS, and DOCKER_TLS_VERIFY or DOCKER_TLS is set", name);
	else if (says(a, "alert"))
		found(finding, CODE_REMOTE_REFUSED, true,
		      "cert.pem and key.pem made by the CA that this engine trusts",
		      "%s does not take our certificate%s: %s", name,
		      a->host.tls.cert ? "" : " (there is none)", a->problem);
	else
		found(finding, CODE_REMOTE_SILENT, false, NULL, "%s: %s", name, a->problem);
}

static void explain(const struct attempt *a, CURLcode code, struct finding *finding)
{
	const char *name = a->options->host;

	if (code == CURLE_PEER_FAILED_VERIFICATION)
		found(finding, CODE_REMOTE_UNTRUSTED, true,
		      "the ca.pem of this engine, and a name or address that its certificate has",
		      "the certificate of %s is not to be trusted by %s: %s", name,
		      a->host.tls.ca ? a->host.tls.ca : "the CAs of this system", a->problem);
	else if (code == CURLE_SSL_CACERT_BADFILE || code == CURLE_SSL_CERTPROBLEM)
		found(finding, CODE_REMOTE_FILES, true,
		      "ca.pem, cert.pem and key.pem that belong together", "%s: %s",
		      a->options->certificates ? a->options->certificates : "certificates",
		      a->problem);
	else if (code == CURLE_SSL_CONNECT_ERROR || code == CURLE_RECV_ERROR ||
		 code == CURLE_SEND_ERROR)
		explain_tls(a, finding);
	else
		found(finding, CODE_REMOTE_SILENT, false, NULL, "%s: %s", name, a->problem);
}

static void explain_ssh(struct finding *finding, const char *name, int status, const char *line)
{
	bool missing = WIFEXITED(status) && WEXITSTATUS(status) == STATUS_NOT_FOUND && !*line;

	found(finding, CODE_REMOTE_SSH, missing,
	      missing ? "an image that has it (Debian: openssh-client)"
		      : "try `ssh HOST docker version` as COMMAND's user: a key without a "
			"passphrase or an agent, the host in known_hosts, docker there",
	      "%s: %s", name,
	      missing ? "there is no ssh in PATH"
	      : *line ? line
		      : "ssh or the docker client there ended without an answer");
}

/* ---- what came back ---- */

static void copy(char *buf, size_t size, const json_t *object, const char *key)
{
	const char *text = json_string_value(json_object_get(object, key));

	(void) snprintf(buf, size, "%s", text ? text : "");
}

static void judge_version(const struct attempt *a, struct finding *finding)
{
	const char *held = a->options->api_version;
	int wanted = held ? docker_api_number(held) : 0;
	int low = docker_api_number(finding->api_min), high = docker_api_number(finding->api);

	if (wanted && ((low && wanted < low) || (high && wanted > high)))
		found(finding, CODE_REMOTE_API, true, "unset it, or name one of these versions",
		      "DOCKER_API_VERSION is %s, and %s speaks %s to %s", held, a->options->host,
		      *finding->api_min ? finding->api_min : "?", finding->api);
}

static void judge_answer(const struct attempt *a, long status, struct finding *finding)
{
	const char *name = a->options->host;
	json_t *root = json_loadb(a->body, a->used, 0, NULL);

	if (strstr(a->body, "HTTP request to an HTTPS server"))
		found(finding, CODE_REMOTE_TLS, true,
		      "DOCKER_TLS_VERIFY=1 and DOCKER_CERT_PATH, or the port of plain TCP",
		      "%s speaks TLS, and neither DOCKER_TLS_VERIFY nor DOCKER_TLS is set", name);
	else if (status == 200 && json_string_value(json_object_get(root, "ApiVersion"))) {
		copy(finding->version, sizeof(finding->version), root, "Version");
		copy(finding->api, sizeof(finding->api), root, "ApiVersion");
		copy(finding->api_min, sizeof(finding->api_min), root, "MinAPIVersion");
		judge_version(a, finding);
	} else {
		/* a proxy in front of an engine that is still starting says such things, too */
		found(finding, CODE_REMOTE_FOREIGN, false, "an engine's address in DOCKER_HOST",
		      "what answers at %s is no engine: GET /version brought status %ld", name,
		      status);
	}
	json_decref(root);
}

/* ---- one attempt ---- */

static size_t take_body(char *data, size_t one, size_t size, void *user)
{
	struct attempt *a = user;

	(void) one;
	if (size >= sizeof(a->body) - a->used)
		return 0;
	memcpy(a->body + a->used, data, size);
	a->used += size;
	a->body[a->used] = '\0';
	return size;
}

static bool set_up(struct attempt *a, struct finding *finding)
{
	struct http_tls tls = a->options->tls;
	struct error err = ERROR_INIT;
	int r;

	a->over_ssh = str_has_prefix(a->options->host, "ssh://");
	if (a->over_ssh) {
		a->host =
			(struct http_host){ .name = a->options->host, .base = "http://127.0.0.1" };
		r = ssh_open(&a->ssh, a->options->host, &a->arena, &err);
	} else {
		if (tls.on && !take_certificates(a, &tls, finding))
			return false;
		r = http_host_parse(&a->host, a->options->host, &tls, &a->arena, &err);
	}
	if (r < 0)
		found(finding, CODE_REMOTE_SILENT, r == -EINVAL, "tcp://HOST:PORT or ssh://HOST",
		      "%s", err.message);
	return r == 0;
}

static void ask(struct attempt *a, int64_t end, struct finding *finding)
{
	struct error err = ERROR_INIT;
	CURL *curl = http_handle(&a->host, "/version", end, &err);
	long status = 0;
	CURLcode code;

	if (!curl) {
		found(finding, CODE_REMOTE_SILENT, false, NULL, "%s", err.message);
		return;
	}
	curl_easy_setopt(curl, CURLOPT_ERRORBUFFER, a->problem);
	curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, take_body);
	curl_easy_setopt(curl, CURLOPT_WRITEDATA, a);
	if (a->over_ssh)
		curl_easy_setopt(curl, CURLOPT_ABSTRACT_UNIX_SOCKET, a->ssh.name);
	code = curl_easy_perform(curl);
	curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, &status);
	curl_easy_cleanup(curl);
	if (code != CURLE_OK && !*a->problem)
		(void) snprintf(a->problem, sizeof(a->problem), "%s", curl_easy_strerror(code));
	if (code == CURLE_OK)
		judge_answer(a, status, finding);
	else
		explain(a, code, finding);
}

static void attempt(const struct client_options *options, int64_t end, struct finding *finding)
{
	struct attempt a = { .options = options, .arena = ARENA_INIT };
	int64_t limit = clock_now_ms() + ATTEMPT_MS;
	char line[256];
	int status;

	*finding = (struct finding){ .code = NULL };
	a.ssh.errors = -EBADF;
	if (set_up(&a, finding))
		ask(&a, limit < end ? limit : end, finding);
	ssh_close(&a.ssh, &status, line, sizeof(line));
	if (a.over_ssh && !finding->hopeless && str_equal(finding->code, CODE_REMOTE_SILENT))
		explain_ssh(finding, options->host, status, line);
	arena_free(&a.arena);
}

/* ---- until then ---- */

static int give_up(const struct client_options *options, const struct finding *finding)
{
	const char *remedy = finding->remedy;

	if (!remedy)
		remedy = "start that engine, or correct DOCKER_HOST; --ready-timeout for more time";
	if (finding->hopeless)
		client_report(options, finding->code, remedy, "%s", finding->fact);
	else
		client_report(options, finding->code, remedy, "%s; waited for %d s", finding->fact,
			      options->timeout_s);
	return finding->hopeless || str_equal(finding->code, CODE_REMOTE_FILES)
		       ? STATUS_CONFIG
		       : STATUS_UNAVAILABLE;
}

static void pause_for(int ms)
{
	const struct timespec pause = { ms / 1000, ms % 1000 * 1000000L };

	(void) nanosleep(&pause, NULL);
}

int wait_run(const struct client_options *options)
{
	int64_t began = clock_now_ms(), end = began + options->timeout_s * 1000LL;
	char said[sizeof(((struct finding *) 0)->fact)] = "";
	struct finding finding;
	int hopeless = 0, pause = PAUSE_MS;

	for (;;) {
		attempt(options, end, &finding);
		if (!finding.code)
			break;
		hopeless = finding.hopeless ? hopeless + 1 : 0;
		if (hopeless >= TRIES_OF_THE_HOPELESS || clock_now_ms() + pause >= end)
			return give_up(options, &finding);
		if (strcmp(said, finding.fact) != 0)
			log_info("waiting: %s", finding.fact);
		memcpy(said, finding.fact, sizeof(said));
		pause_for(pause);
		pause = pause * 2 < PAUSE_MAX_MS ? pause * 2 : PAUSE_MAX_MS;
	}
	log_info("%s: engine %s, API %s%s%s, after %lld ms", options->host,
		 *finding.version ? finding.version : "of an unknown version",
		 *finding.api_min ? finding.api_min : "", *finding.api_min ? " to " : "",
		 finding.api, (long long) (clock_now_ms() - began));
	docker_check(&(struct docker_engine){ options->host, finding.version, finding.api_min });
	return STATUS_OK;
}

int ask_run(const struct client_options *options)
{
	struct finding f;
	json_t *line;

	attempt(options, clock_now_ms() + ATTEMPT_MS, &f);
	line = f.code ? json_pack("{s:s, s:s, s:s}", "code", f.code, "fact", f.fact, "remedy",
				  f.remedy ? f.remedy : "start that engine, or correct DOCKER_HOST")
		      : json_pack("{s:s, s:s, s:s}", "Version", f.version, "ApiVersion", f.api,
				  "MinAPIVersion", f.api_min);
	if (line) /* what was said on the way may be no UTF-8 */
		(void) json_dumpf(line, stdout, JSON_COMPACT);
	(void) putchar('\n');
	json_decref(line);
	return f.code || !line ? STATUS_UNAVAILABLE : STATUS_OK;
}
