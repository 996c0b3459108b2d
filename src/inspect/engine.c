/* SPDX-License-Identifier: Apache-2.0 */
/* The engine's programs, its daemon.json, and whether somebody serves its socket already. */
#include <fcntl.h>
#include <jansson.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>

#include "dind/str.h"
#include "helper.h"
#include "subjects.h"
#include "world.h"

#define CONFIG_MAX 262144 /* bytes of daemon.json; generous */

/* ---- reading daemon.json ----
 */

struct config_text {
	int error;     /* positive errno */
	bool too_long; /* more than CONFIG_MAX */
	size_t length;
	char text[CONFIG_MAX + 1];
};

struct config_request {
	const struct inspect_world *world;
	const char *path;
};

static int read_config(const void *context, void *result)
{
	const struct config_request *request = context;
	struct config_text *config = result;
	auto_close int fd = world_open(request->world, request->path, O_RDONLY);
	struct stat st = { 0 };

	config->error = fd < 0 ? -fd : 0;
	if (fd >= 0 && fstat(fd, &st) < 0)
		config->error = errno;
	if (config->error == 0 && !S_ISREG(st.st_mode))
		config->error = S_ISDIR(st.st_mode) ? EISDIR : EINVAL;
	while (config->error == 0 && config->length <= CONFIG_MAX) {
		ssize_t n = read(fd, config->text + config->length,
				 sizeof(config->text) - config->length);

		if (n == 0)
			break;
		if (n > 0)
			config->length += (size_t) n;
		else if (errno != EINTR)
			config->error = errno;
	}
	config->too_long = config->length > CONFIG_MAX;
	return 0;
}

/* The user named the path: where it could hang, a helper reads. */
static void load_config(const struct inspection *in, struct config_text *ret_config)
{
	const char *path = in->facts->engine.config_path;
	const struct config_request request = { in->world, path };
	struct error err = ERROR_INIT;
	struct world_walk walk;
	bool started;
	int r;

	world_walk(in->world, path, mounts_may_touch, in->facts, &walk);
	if (!walk.stopped || !world_is_live(in->world)) {
		(void) read_config(&request, ret_config);
		return;
	}
	r = helper_run(read_config, &request, ret_config, sizeof(*ret_config),
		       INSPECT_HELPER_TIMEOUT_MS, &started, &err);
	if (r < 0)
		ret_config->error = -r;
}

/* ---- understanding it ----
 */

static const char *config_string(const struct inspection *in, json_t *root, const char *key)
{
	struct facts_engine *engine = &in->facts->engine;
	const json_t *value = json_object_get(root, key);

	if (!value)
		return NULL;
	if (!json_is_string(value)) {
		engine->config_error = arena_printf(in->arena, "'%s' is not a string", key);
		return NULL;
	}
	return arena_strdup(in->arena, json_string_value(value));
}

static void config_strings(const struct inspection *in, json_t *root, const char *key,
			   struct strings *list)
{
	struct facts_engine *engine = &in->facts->engine;
	json_t *value = json_object_get(root, key);
	json_t *item;
	size_t i;

	if (value && !json_is_array(value))
		engine->config_error =
			arena_printf(in->arena, "'%s' is not a list of strings", key);
	json_array_foreach(value, i, item)
	{
		if (json_is_string(item))
			strings_add(in->arena, list, json_string_value(item));
		else
			engine->config_error =
				arena_printf(in->arena, "'%s' is not a list of strings", key);
	}
}

static enum tri config_flag(const struct inspection *in, json_t *root, const char *key)
{
	struct facts_engine *engine = &in->facts->engine;
	const json_t *value = json_object_get(root, key);

	if (!value)
		return TRI_NO;
	if (!json_is_boolean(value)) {
		engine->config_error =
			arena_printf(in->arena, "'%s' is neither true nor false", key);
		return TRI_UNKNOWN;
	}
	return tri_from_bool(json_is_true(value));
}

/* Unknown when nothing is said: the default depends on the version. */
static enum tri config_said(const struct inspection *in, json_t *root, const char *key)
{
	return json_object_get(root, key) ? config_flag(in, root, key) : TRI_UNKNOWN;
}

/*
 * features.containerd-snapshotter; unknown when nothing is said of it. dockerd itself refuses a
 * file in which a feature is no boolean.
 */
static enum tri config_store(const struct inspection *in, json_t *root)
{
	struct facts_engine *engine = &in->facts->engine;
	json_t *features = json_object_get(root, "features"), *value;
	const char *name;

	if (!features || json_is_null(features))
		return TRI_UNKNOWN;
	if (!json_is_object(features)) {
		engine->config_error = "'features' is not an object";
		return TRI_UNKNOWN;
	}
	json_object_foreach(features, name, value)
	{
		if (!json_is_boolean(value))
			engine->config_error = arena_printf(
				in->arena, "'%s' of 'features' is neither true nor false", name);
	}
	value = json_object_get(features, "containerd-snapshotter");
	return json_is_boolean(value) ? tri_from_bool(json_is_true(value)) : TRI_UNKNOWN;
}

/* "scheme://user:password@host" without the password: facts are shown to others. */
static void hide_passwords(char *text)
{
	for (char *at = strstr(text, "://"); at; at = strstr(at, "://")) {
		char *end, *colon;

		at += strlen("://");
		end = at + strcspn(at, "/@\" ");
		colon = memchr(at, ':', (size_t) (end - at));
		for (char *c = colon ? colon + 1 : end; *end == '@' && c < end; c++)
			*c = 'x';
	}
}

static void add_value(const struct inspection *in, const json_t *value)
{
	struct facts_engine *engine = &in->facts->engine;
	auto_free char *text = json_dumps(value, JSON_ENCODE_ANY | JSON_PRESERVE_ORDER);

	if (text)
		hide_passwords(text);
	strings_add(in->arena, &engine->config_values,
		    text ? arena_strdup(in->arena, text) : "null");
}

static void read_values(const struct inspection *in, json_t *root)
{
	struct facts_engine *engine = &in->facts->engine;
	const char *key;
	json_t *value;

	json_object_foreach(root, key, value)
	{
		strings_add(in->arena, &engine->config_keys, key);
		add_value(in, value);
	}
	engine->config_data_root = config_string(in, root, "data-root");
	if (!engine->config_data_root) /* its name until 17.05, accepted until 23 */
		engine->config_data_root = config_string(in, root, "graph");
	engine->config_exec_root = config_string(in, root, "exec-root");
	engine->config_pid_file = config_string(in, root, "pidfile");
	engine->config_storage_driver = config_string(in, root, "storage-driver");
	engine->config_group = config_string(in, root, "group");
	engine->config_bridge = config_string(in, root, "bridge");
	engine->config_iptables = config_said(in, root, "iptables");
	engine->config_ip6tables = config_said(in, root, "ip6tables");
	engine->config_tls_verify = config_flag(in, root, "tlsverify");
	engine->config_selinux = config_flag(in, root, "selinux-enabled");
	engine->config_containerd_store = config_store(in, root);
	config_strings(in, root, "hosts", &engine->config_hosts);
}

static void parse_config(const struct inspection *in, const char *text, size_t length)
{
	static const char byte_order_mark[] = "\xef\xbb\xbf"; /* dockerd takes it off, too */
	struct facts_engine *engine = &in->facts->engine;
	json_error_t where;
	json_t *root;

	engine->config_tls_verify = TRI_NO;
	engine->config_selinux = TRI_NO;
	if (length >= 3 && memcmp(text, byte_order_mark, 3) == 0) {
		text += 3;
		length -= 3;
	}
	/* Nothing at all is a configuration to dockerd, though not JSON. */
	if (strspn(text, " \t\r\n") == length)
		return;
	root = json_loadb(text, length, JSON_REJECT_DUPLICATES, &where);
	if (!root || !json_is_object(root)) {
		engine->config_tls_verify = TRI_UNKNOWN;
		engine->config_selinux = TRI_UNKNOWN;
	}
	if (!root)
		engine->config_error = arena_printf(in->arena, "line %d column %d: %s", where.line,
						    where.column, where.text);
	else if (!json_is_object(root))
		engine->config_error = "line 1 column 1: an object is expected";
	else
		read_values(in, root);
	json_decref(root);
}

static void inspect_config(const struct inspection *in)
{
	struct facts_engine *engine = &in->facts->engine;
	struct config_text *config = arena_alloc(in->arena, sizeof(*config));
	char text[64];

	engine->config_path =
		in->options->config_file ? in->options->config_file : DIND_DEFAULT_CONFIG;
	load_config(in, config);
	if (config->error == ENOENT || config->error == ENOTDIR) {
		engine->config_present = TRI_NO;
		engine->config_tls_verify = TRI_NO;
		engine->config_selinux = TRI_NO;
	} else if (config->error == ETIMEDOUT) {
		engine->config_error = "no answer from its file system";
	} else if (config->error != 0) {
		engine->config_present = TRI_YES;
		engine->config_error = arena_strdup(
			in->arena, config->error == EINVAL
					   ? "not a regular file"
					   : strerror_r(config->error, text, sizeof(text)));
	} else {
		engine->config_present = TRI_YES;
		if (config->too_long)
			engine->config_error = "larger than 256 KiB";
		else
			parse_config(in, config->text, config->length);
	}
}

/* ---- is it running already? ----
 */

/* Path of the first unix listener, in the order of precedence; NULL: there is none. */
static const char *first_socket(const struct inspection *in)
{
	const struct strings *hosts = &in->facts->engine.config_hosts;

	for (size_t i = 0; i < in->options->n_hosts; i++)
		if (str_has_prefix(in->options->hosts[i], "unix://"))
			return in->options->hosts[i] + strlen("unix://");
	if (in->options->n_hosts > 0)
		return NULL;
	for (size_t i = 0; i < hosts->count; i++)
		if (str_has_prefix(hosts->items[i], "unix://"))
			return hosts->items[i] + strlen("unix://");
	return hosts->count > 0 ? NULL : DIND_DEFAULT_SOCKET;
}

static enum tri socket_answers(const struct inspection *in, const char *path)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	struct world_walk walk;

	auto_close int fd = -EBADF;

	if (*path == '\0') /* "unix://" alone is the default to dockerd */
		path = DIND_DEFAULT_SOCKET;
	if (!world_is_live(in->world) || strlen(path) >= sizeof(address.sun_path))
		return TRI_UNKNOWN;
	world_walk(in->world, path, mounts_may_touch, in->facts, &walk);
	if (walk.stopped)
		return TRI_UNKNOWN;
	memcpy(address.sun_path, path, strlen(path) + 1);
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0)
		return TRI_UNKNOWN;
	if (connect(fd, (const struct sockaddr *) &address, sizeof(address)) == 0 ||
	    errno == EAGAIN) /* its queue is full, so there is one */
		return TRI_YES;
	if (errno == ENOENT || errno == ENOTDIR || errno == ECONNREFUSED)
		return TRI_NO;
	return TRI_UNKNOWN;
}

void inspect_engine(const struct inspection *in)
{
	struct facts_engine *engine = &in->facts->engine;
	const char *path = world_search_path(in->options);
	const char *socket_path;

	engine->dockerd = world_find_program(in->world, path, "dockerd", in->arena);
	engine->containerd = world_find_program(in->world, path, "containerd", in->arena);
	engine->runc = world_find_program(in->world, path, "runc", in->arena);
	/* where the build puts it; in PATH only when somebody moved it */
	engine->client = world_find_program(in->world, DIND_LIBEXECDIR, "dind-client", in->arena);
	if (!engine->client)
		engine->client = world_find_program(in->world, path, "dind-client", in->arena);
	engine->certs = world_find_program(in->world, DIND_LIBEXECDIR, "dind-certs", in->arena);
	if (!engine->certs)
		engine->certs = world_find_program(in->world, path, "dind-certs", in->arena);
	inspect_config(in);
	engine->systemd_directory = world_exists(in->world, "/run/systemd/system", S_IFDIR);
	socket_path = first_socket(in);
	engine->socket_answers = socket_path ? socket_answers(in, socket_path) : TRI_NO;
}
