/* SPDX-License-Identifier: Apache-2.0 */
#include "options_table.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>

#include "dind/str.h"

#define O(member) offsetof(struct cli, options.member)
#define MIB	  (UINT64_C(1) << 20)
#define TIB	  (UINT64_C(1) << 40)
#define DAY	  86400

static const struct option_word mode_words[] = {
	{ "auto", MODE_AUTO },
	{ "nested", MODE_NESTED },
	{ "socket", MODE_SOCKET },
	{ "remote", MODE_REMOTE },
	{ NULL, 0 },
};

static const struct option_word format_words[] = {
	{ "text", LOG_FORMAT_TEXT },
	{ "json", LOG_FORMAT_JSON },
	{ NULL, 0 },
};

static const struct option_word level_words[] = {
	{ "error", LOG_LEVEL_ERROR },	{ "warning", LOG_LEVEL_WARNING },
	{ "notice", LOG_LEVEL_NOTICE }, { "info", LOG_LEVEL_INFO },
	{ "debug", LOG_LEVEL_DEBUG },	{ NULL, 0 },
};

static const struct option_word fs_words[] = {
	{ "ext4", STORAGE_FS_EXT4 },
	{ "xfs", STORAGE_FS_XFS },
	{ NULL, 0 },
};

static const struct option_word prune_words[] = {
	{ "never", PRUNE_NEVER },
	{ "start", PRUNE_START },
	{ "idle", PRUNE_IDLE },
	{ NULL, 0 },
};

static const struct option_word busy_words[] = {
	{ "cold", CACHE_BUSY_COLD },
	{ "wait", CACHE_BUSY_WAIT },
	{ "fail", CACHE_BUSY_FAIL },
	{ NULL, 0 },
};

static const struct option_word failure_words[] = {
	{ "fail", PRELOAD_FAIL },
	{ "continue", PRELOAD_CONTINUE },
	{ NULL, 0 },
};

static const struct option_word apparmor_words[] = {
	{ "namespace", APPARMOR_NAMESPACE },
	{ "host", APPARMOR_HOST },
	{ "off", APPARMOR_OFF },
	{ NULL, 0 },
};

static const struct option_word tls_key_words[] = {
	{ "ec", TLS_KEY_EC },
	{ "rsa", TLS_KEY_RSA },
	{ NULL, 0 },
};

static const struct option_word confine_words[] = {
	{ "host", CONFINE_HOST },
	{ "off", CONFINE_OFF },
	{ NULL, 0 },
};

const struct option_spec option_table[] = {
	/* ---- data root ---- */
	{ .name = "data-root",
	  .argument = "DIR",
	  .type = OPTION_PATH,
	  .section = SECTION_DATA,
	  .commands = TAKES_PLANNING,
	  .offset = O(data_root),
	  .by_default = "as in daemon.json, else " DIND_DEFAULT_DATA_ROOT,
	  .help = "where the engine keeps images and containers" },
	{ .name = "storage",
	  .argument = "LIST",
	  .type = OPTION_RUNGS,
	  .section = SECTION_DATA,
	  .commands = TAKES_PLANNING,
	  .offset = O(rungs),
	  .by_default = "as-is,loop,fuse,vfs",
	  .help = "the ways to a data root that are allowed, in the order in which they are tried: "
		  "as-is (overlay2 on what is there), loop (overlay2 on an image file), tmpfs "
		  "(overlay2 in memory), fuse (fuse-overlayfs), vfs (slow and large)" },
	{ .name = "storage-path",
	  .argument = "DIR",
	  .type = OPTION_PATH,
	  .section = SECTION_DATA,
	  .commands = TAKES_PLANNING,
	  .offset = O(storage_path),
	  .help = "a directory with room, tried first: bound to the data root if overlay2 works "
		  "there, else it holds the image file" },
	{ .name = "storage-size",
	  .argument = "SIZE",
	  .type = OPTION_SIZE,
	  .section = SECTION_DATA,
	  .commands = TAKES_PLANNING,
	  .offset = O(storage_size),
	  .min = 64 * MIB,
	  .max = 16 * TIB,
	  .by_default = "half of what is free, 10G to 100G",
	  .help = "size of a new image file (sparse), with K, M, G or T" },
	{ .name = "storage-driver",
	  .argument = "NAME",
	  .alias = "DOCKER_DRIVER",
	  .type = OPTION_TEXT,
	  .section = SECTION_DATA,
	  .commands = TAKES_PLANNING,
	  .offset = O(storage_driver),
	  .by_default = "what the trial says",
	  .help = "the engine's storage driver; refused where it cannot work" },

	{ .name = "storage-fs",
	  .argument = "TYPE",
	  .type = OPTION_WORD,
	  .section = SECTION_DATA,
	  .commands = TAKES_PLANNING,
	  .offset = O(storage_fs),
	  .words = fs_words,
	  .by_default = "ext4",
	  .help = "file system of a new image file: ext4, or xfs with project quotas, so that "
		  "docker run --storage-opt size= works" },
	{ .name = "disk-high",
	  .argument = "PERCENT",
	  .type = OPTION_PERCENT,
	  .section = SECTION_DATA,
	  .commands = TAKES_PLANNING,
	  .offset = O(disk_high),
	  .min = 1,
	  .max = 99,
	  .by_default = "off",
	  .help = "warn when the data root, or what an image file lies on, is fuller than this" },
	{ .name = "prune",
	  .argument = "WHEN",
	  .type = OPTION_WORD,
	  .section = SECTION_DATA,
	  .commands = TAKES_PLANNING,
	  .offset = O(prune),
	  .words = prune_words,
	  .by_default = "never",
	  .help = "remove images and build cache that nothing uses: never, at start, or idle: "
		  "above the mark of --disk-high while no container runs" },

	/* ---- caches and images ---- */
	{ .name = "cache-pool",
	  .argument = "DIR",
	  .type = OPTION_PATH,
	  .section = SECTION_CACHE,
	  .commands = TAKES_PLANNING,
	  .offset = O(cache_pool),
	  .help = "a directory that any number of engines share: each leases one slot in it, the "
		  "warmest that is free, as if it were its --storage-path, and gives it back at "
		  "exit" },
	{ .name = "cache-slots",
	  .argument = "N",
	  .type = OPTION_NUMBER,
	  .section = SECTION_CACHE,
	  .commands = TAKES_PLANNING,
	  .offset = O(cache_slots),
	  .min = 1,
	  .max = 256,
	  .by_default = "8",
	  .help = "how many slots the pool may have" },
	{ .name = "cache-size",
	  .argument = "SIZE",
	  .type = OPTION_SIZE,
	  .section = SECTION_CACHE,
	  .commands = TAKES_PLANNING,
	  .offset = O(cache_size),
	  .min = 64 * MIB,
	  .max = 1024 * TIB,
	  .by_default = "no limit",
	  .help = "when all slots together take more, those unused for longest are emptied" },
	{ .name = "cache-busy",
	  .argument = "WHAT",
	  .type = OPTION_WORD,
	  .section = SECTION_CACHE,
	  .commands = TAKES_PLANNING,
	  .offset = O(cache_busy),
	  .words = busy_words,
	  .by_default = "cold",
	  .help = "when no slot is free: cold goes on with a data root of its own, wait waits, "
		  "fail ends with status 75" },
	{ .name = "preload",
	  .argument = "PATH",
	  .type = OPTION_PATHS,
	  .section = SECTION_CACHE,
	  .commands = TAKES_PLANNING,
	  .offset = O(preload),
	  .help = "an archive of docker save or an OCI layout, or a directory of them, loaded "
		  "before ready unless it is there; may be repeated" },
	{ .name = "preload-from",
	  .argument = "HOST",
	  .type = OPTION_ENDPOINT,
	  .section = SECTION_CACHE,
	  .commands = TAKES_PLANNING,
	  .offset = O(preload_from),
	  .help = "another engine, unix:///PATH or tcp://HOST:PORT, to copy the images of "
		  "--preload-image from" },
	{ .name = "preload-image",
	  .argument = "REF",
	  .type = OPTION_TEXTS,
	  .section = SECTION_CACHE,
	  .commands = TAKES_PLANNING,
	  .offset = O(preload_images),
	  .help = "an image to have before ready; may be repeated" },
	{ .name = "preload-failure",
	  .argument = "WHAT",
	  .type = OPTION_WORD,
	  .section = SECTION_CACHE,
	  .commands = TAKES_PLANNING,
	  .offset = O(preload_failure),
	  .words = failure_words,
	  .by_default = "fail",
	  .help = "when an image cannot be had: fail ends the start, continue warns" },
	{ .name = "preload-timeout",
	  .argument = "SECONDS",
	  .type = OPTION_SECONDS,
	  .section = SECTION_CACHE,
	  .commands = TAKES_PLANNING,
	  .offset = O(preload_timeout_ms),
	  .min = 1,
	  .max = DAY,
	  .by_default = "600",
	  .help = "how long all of that may take" },

	/* ---- listeners ---- */
	{ .name = "host",
	  .argument = "ADDR",
	  .type = OPTION_HOSTS,
	  .section = SECTION_LISTEN,
	  .commands = TAKES_PLANNING,
	  .offset = O(hosts),
	  .by_default = "as in daemon.json, else unix://" DIND_DEFAULT_SOCKET,
	  .help = "where the engine listens, unix:///PATH or tcp://ADDRESS:PORT; may be repeated" },
	{ .name = "insecure-tcp",
	  .type = OPTION_FLAG,
	  .section = SECTION_LISTEN,
	  .commands = TAKES_PLANNING,
	  .offset = O(insecure_tcp),
	  .help = "allow TCP beyond loopback without TLS: whoever reaches the port is root here" },
	{ .name = "tls-dir",
	  .argument = "DIR",
	  .alias = "DOCKER_TLS_CERTDIR",
	  .type = OPTION_PATH,
	  .section = SECTION_LISTEN,
	  .commands = TAKES_PLANNING,
	  .offset = O(tls_dir),
	  .help = "TLS for TCP listeners: a CA, server and client certificates are made in DIR/ca, "
		  "DIR/server and DIR/client and kept while they are good; server certificates "
		  "that lie there without ca/key.pem are yours and only checked. DOCKER_TLS_SAN "
		  "has more names for the server: DNS:NAME,IP:ADDRESS" },
	{ .name = "tls-key",
	  .argument = "KIND",
	  .type = OPTION_WORD,
	  .section = SECTION_LISTEN,
	  .commands = TAKES_PLANNING,
	  .offset = O(tls_key),
	  .words = tls_key_words,
	  .by_default = "ec, keys that are there stay",
	  .help = "of what kind the keys of --tls-dir are: ec (P-256) or rsa (2048 bits, takes "
		  "half a second)" },
	{ .name = "socket-group",
	  .argument = "GROUP",
	  .type = OPTION_TEXT,
	  .section = SECTION_LISTEN,
	  .commands = TAKES_PLANNING,
	  .offset = O(socket_group),
	  .by_default = "docker if it exists",
	  .help = "group of the unix socket, a name or a number" },

	/* ---- the engine's configuration ---- */
	{ .name = "registry-mirror",
	  .argument = "URL",
	  .type = OPTION_MIRRORS,
	  .section = SECTION_CONFIG,
	  .commands = TAKES_PLANNING,
	  .offset = O(registry_mirrors),
	  .by_default = "as in daemon.json",
	  .help = "a mirror of Docker Hub that is asked first; may be repeated" },
	{ .name = "insecure-registry",
	  .argument = "REGISTRY",
	  .type = OPTION_REGISTRIES,
	  .section = SECTION_CONFIG,
	  .commands = TAKES_PLANNING,
	  .offset = O(insecure_registries),
	  .by_default = "as in daemon.json, and loopback",
	  .help = "HOST[:PORT] or CIDR of registries that may speak plain HTTP or have a "
		  "certificate "
		  "that nobody vouches for; may be repeated" },
	{ .name = "engine-ca",
	  .argument = "PATH",
	  .type = OPTION_PATHS,
	  .section = SECTION_CONFIG,
	  .commands = TAKES_PLANNING,
	  .offset = O(engine_ca),
	  .help = "a file of certificates (PEM), or a directory of them, that the engine trusts "
		  "for "
		  "registries besides the system's; may be repeated. What is in "
		  "/etc/docker/certs.d "
		  "needs no option" },
	{ .name = "mtu",
	  .argument = "N",
	  .type = OPTION_NUMBER,
	  .section = SECTION_CONFIG,
	  .commands = TAKES_PLANNING,
	  .offset = O(mtu),
	  .min = 68,
	  .max = 65535,
	  .by_default = "as in daemon.json",
	  .help = "the largest packet of inner networks" },
	{ .name = "dns",
	  .argument = "ADDRESS",
	  .type = OPTION_ADDRESSES,
	  .section = SECTION_CONFIG,
	  .commands = TAKES_PLANNING,
	  .offset = O(dns),
	  .by_default = "as in daemon.json",
	  .help = "a name server for inner containers; may be repeated" },
	{ .name = "address-pool",
	  .argument = "CIDR,SIZE",
	  .type = OPTION_POOLS,
	  .section = SECTION_CONFIG,
	  .commands = TAKES_PLANNING,
	  .offset = O(address_pools),
	  .by_default = "as in daemon.json",
	  .help = "addresses that inner networks are made of, in pieces with a prefix of SIZE "
		  "bits: "
		  "10.201.0.0/16,24; may be repeated" },

	/* ---- engine ---- */
	{ .name = "mode",
	  .argument = "MODE",
	  .type = OPTION_WORD,
	  .section = SECTION_ENGINE,
	  .commands = TAKES_PLANNING,
	  .offset = O(mode),
	  .words = mode_words,
	  .by_default = "auto",
	  .help = "which engine COMMAND gets: nested, one of its own in here; socket, the one "
		  "outside whose docker.sock is mounted in; remote, the one that DOCKER_HOST "
		  "names, which is waited for. auto, first match: no COMMAND, or dockerd: nested; "
		  "docker.sock is a mount point or answers: socket; DOCKER_HOST is tcp:// or "
		  "ssh:// and not in here: remote; else nested" },
	{ .name = "dockerd-args",
	  .argument = "STRING",
	  .alias = "DOCKER_DAEMON_ARGS",
	  .type = OPTION_ARGUMENTS,
	  .section = SECTION_ENGINE,
	  .commands = TAKES_PLANNING,
	  .help = "more flags for dockerd, quoted as for a shell. Flags about listeners, "
		  "directories, group, configuration file and storage driver are taken over as if "
		  "they were options of dind-init" },
	{ .name = "strict-args",
	  .type = OPTION_FLAG,
	  .section = SECTION_ENGINE,
	  .commands = TAKES_PLANNING,
	  .offset = O(strict_args),
	  .help = "leave dockerd's arguments untouched; it opens its own sockets" },
	{ .name = "engine-log",
	  .argument = "WHERE",
	  .type = OPTION_LOG,
	  .section = SECTION_ENGINE,
	  .commands = TAKES_PLANNING,
	  .offset = O(engine_log),
	  .by_default = "stderr; with COMMAND file:" DIND_ENGINE_LOG,
	  .help = "stderr, none or file:PATH. Of a file the last lines are shown when the engine "
		  "fails" },
	{ .name = "restart-engine",
	  .argument = "N",
	  .type = OPTION_NUMBER,
	  .section = SECTION_ENGINE,
	  .commands = TAKES_PLANNING,
	  .offset = O(restart_engine),
	  .min = 0,
	  .max = 1000,
	  .by_default = "0",
	  .help = "how often an engine that died is started again; clients wait meanwhile" },

	{ .name = "apparmor",
	  .argument = "HOW",
	  .type = OPTION_WORD,
	  .section = SECTION_ENGINE,
	  .commands = TAKES_PLANNING,
	  .offset = O(apparmor),
	  .words = apparmor_words,
	  .by_default = "namespace",
	  .help = "whose AppArmor policy the engine loads its profile into: namespace (one of its "
		  "own, where the kernel has that; else none), host (the host's), off (none: inner "
		  "containers get no profile)" },
	{ .name = "selinux",
	  .type = OPTION_FLAG,
	  .section = SECTION_ENGINE,
	  .commands = TAKES_PLANNING,
	  .offset = O(selinux),
	  .help = "the host's policy has the transitions that inner containers need: let the "
		  "engine see SELinux and allow its selinux-enabled" },

	{ .name = "mirror-limits",
	  .type = OPTION_FLAG,
	  .section = SECTION_ENGINE,
	  .commands = TAKES_PLANNING,
	  .offset = O(mirror_limits),
	  .help = "give inner containers that have no limit of memory, processors or processes "
		  "that of this container, so that programs inside see it" },

	{ .name = "confine",
	  .argument = "WHAT",
	  .type = OPTION_WORD,
	  .section = SECTION_ENGINE,
	  .commands = TAKES_PLANNING,
	  .offset = O(confine),
	  .words = confine_words,
	  .by_default = "host",
	  .help = "host: the engine and all its containers are refused system calls that reach "
		  "past every namespace into the host's kernel (kexec, modules unless /lib/modules "
		  "is mounted in, swap, clock, I/O ports, accounting, file handles); off: they are "
		  "not" },

	/* ---- COMMAND ---- */
	{ .name = "user",
	  .argument = "USER[:GROUP]",
	  .type = OPTION_TEXT,
	  .section = SECTION_COMMAND,
	  .commands = TAKES_PLANNING,
	  .offset = O(user),
	  .needs_workload = true,
	  .by_default = "as dind-init",
	  .help = "run COMMAND as this user, names or numbers, without capabilities" },
	{ .name = "keep-caps",
	  .type = OPTION_FLAG,
	  .section = SECTION_COMMAND,
	  .commands = TAKES_PLANNING,
	  .offset = O(keep_caps),
	  .needs_workload = true,
	  .help = "with --user: keep the bounding set, so that sudo works" },
	{ .name = "drop-caps",
	  .type = OPTION_FLAG,
	  .section = SECTION_COMMAND,
	  .commands = TAKES_PLANNING,
	  .offset = O(drop_caps),
	  .needs_workload = true,
	  .help = "run COMMAND without capabilities even as root" },
	{ .name = "no-new-privs",
	  .type = OPTION_FLAG,
	  .section = SECTION_COMMAND,
	  .commands = TAKES_PLANNING,
	  .offset = O(no_new_privs),
	  .needs_workload = true,
	  .help = "set no_new_privs for COMMAND: set-user-ID programs gain nothing" },
	{ .name = "no-wait",
	  .type = OPTION_FLAG,
	  .section = SECTION_COMMAND,
	  .commands = TAKES_PLANNING,
	  .offset = O(no_wait),
	  .needs_workload = true,
	  .help = "start COMMAND at once, not when the engine is ready; its calls to the engine "
		  "wait" },

	/* ---- time and files ---- */
	{ .name = "ready-timeout",
	  .argument = "SECONDS",
	  .type = OPTION_SECONDS,
	  .section = SECTION_TIME,
	  .commands = TAKES_PLANNING,
	  .offset = O(ready_timeout_ms),
	  .min = 1,
	  .max = DAY,
	  .by_default = "60",
	  .help = "how long the engine may take to be ready" },
	{ .name = "stop-timeout",
	  .argument = "SECONDS",
	  .type = OPTION_SECONDS,
	  .section = SECTION_TIME,
	  .commands = TAKES_PLANNING,
	  .offset = O(stop_timeout_ms),
	  .min = 1,
	  .max = DAY,
	  .by_default = "9",
	  .help = "how long everything may take to stop; keep it below the outer engine's grace" },
	{ .name = "ready-file",
	  .argument = "PATH",
	  .type = OPTION_PATH,
	  .section = SECTION_TIME,
	  .commands = TAKES_PLANNING,
	  .offset = O(ready_file),
	  .help = "written when the engine is ready, before COMMAND starts" },
	{ .name = "quit-file",
	  .argument = "PATH",
	  .type = OPTION_PATH,
	  .section = SECTION_TIME,
	  .commands = TAKES_PLANNING,
	  .offset = O(quit_file),
	  .help = "stop cleanly when this file appears" },
	{ .name = "quit-pipe",
	  .argument = "PATH",
	  .type = OPTION_PATH,
	  .section = SECTION_TIME,
	  .commands = TAKES_PLANNING,
	  .offset = O(quit_pipe),
	  .help = "make this named pipe; stop cleanly when nobody holds it open for writing any "
		  "more" },

	/* ---- dind-init itself ---- */
	{ .name = "allow-host-pid",
	  .type = OPTION_FLAG,
	  .section = SECTION_OWN,
	  .commands = TAKES_PLANNING,
	  .offset = O(allow_host_pid),
	  .help = "run even in the host's pid namespace" },
	{ .name = "log-format",
	  .argument = "FORMAT",
	  .type = OPTION_WORD,
	  .section = SECTION_OWN,
	  .commands = TAKES_ALL,
	  .offset = O(log_format),
	  .words = format_words,
	  .by_default = "text",
	  .help = "format of dind-init's own lines on stderr: text or json" },
	{ .name = "log-level",
	  .argument = "LEVEL",
	  .type = OPTION_WORD,
	  .section = SECTION_OWN,
	  .commands = TAKES_ALL,
	  .offset = O(log_level),
	  .words = level_words,
	  .by_default = "info",
	  .help = "error, warning, notice, info or debug" },
	{ .name = "help",
	  .letter = 'h',
	  .environment = "",
	  .type = OPTION_FLAG,
	  .section = SECTION_OWN,
	  .commands = TAKES_ALL,
	  .offset = offsetof(struct cli, help),
	  .help = "print this and exit" },
	{ .name = "version",
	  .environment = "",
	  .type = OPTION_FLAG,
	  .section = SECTION_OWN,
	  .commands = TAKES_ALL,
	  .offset = offsetof(struct cli, version),
	  .help = "print the version and exit" },

	/* ---- sub-commands ---- */
	{ .name = "json",
	  .type = OPTION_FLAG,
	  .section = SECTION_SUB_COMMANDS,
	  .commands = TAKES(COMMAND_PLAN) | TAKES(COMMAND_DOCTOR),
	  .offset = O(json),
	  .help = "plan, doctor: print JSON" },
	{ .name = "facts",
	  .argument = "FILE",
	  .type = OPTION_FILE,
	  .section = SECTION_SUB_COMMANDS,
	  .commands = TAKES(COMMAND_PLAN),
	  .offset = O(facts),
	  .by_default = "this machine",
	  .help = "plan: for the machine in FILE, as inspect printed it; - is standard input" },
	{ .name = "timeout",
	  .argument = "SECONDS",
	  .type = OPTION_SECONDS,
	  .section = SECTION_SUB_COMMANDS,
	  .commands = TAKES(COMMAND_READY),
	  .offset = O(ready_wait_ms),
	  .min = 0,
	  .max = DAY,
	  .by_default = "0",
	  .help = "ready: how long to wait for the engine" },
	{ .name = "man",
	  .environment = "",
	  .type = OPTION_FLAG,
	  .section = SECTION_SUB_COMMANDS,
	  .commands = TAKES(COMMAND_HELP),
	  .offset = offsetof(struct cli, man),
	  .help = "help: print the man page, for man -l -" },
};

const size_t option_table_size = ARRAY_SIZE(option_table);
_Static_assert(ARRAY_SIZE(option_table) <= OPTION_TABLE_MAX, "raise OPTION_TABLE_MAX");

int option_find(const char *name)
{
	for (size_t i = 0; i < option_table_size; i++)
		if (strcmp(option_table[i].name, name) == 0)
			return (int) i;
	return -1;
}

const char *option_variable(const struct option_spec *spec, char *buf, size_t size)
{
	if (spec->environment)
		return *spec->environment ? spec->environment : NULL;
	(void) snprintf(buf, size, "DIND_%s", spec->name);
	for (char *c = buf; *c; c++) {
		if (*c == '-')
			*c = '_';
		*c = (char) toupper((unsigned char) *c);
	}
	return buf;
}

bool option_is_later(const char *name)
{
	static const char *const later[] = {
		"mirror-limits",
	};

	for (size_t i = 0; i < ARRAY_SIZE(later); i++)
		if (strcmp(later[i], name) == 0)
			return true;
	return false;
}

const char *option_section_title(enum option_section section)
{
	static const char *const titles[SECTION_COUNT] = {
		[SECTION_DATA] = "Data root",
		[SECTION_CACHE] = "Caches and images",
		[SECTION_LISTEN] = "Listeners",
		[SECTION_CONFIG] = "Configuration of the engine",
		[SECTION_ENGINE] = "Engine",
		[SECTION_COMMAND] = "COMMAND",
		[SECTION_TIME] = "Time and files",
		[SECTION_OWN] = "dind-init itself",
		[SECTION_SUB_COMMANDS] = "Of sub-commands",
	};

	return titles[section];
}

const char *command_name(enum options_command command)
{
	static const char *const names[] = {
		[COMMAND_RUN] = "run",	   [COMMAND_INSPECT] = "inspect",
		[COMMAND_PLAN] = "plan",   [COMMAND_DOCTOR] = "doctor",
		[COMMAND_READY] = "ready", [COMMAND_VERSION] = "version",
		[COMMAND_HELP] = "help",
	};

	return (size_t) command < ARRAY_SIZE(names) ? names[command] : NULL;
}
