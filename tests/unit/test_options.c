/* SPDX-License-Identifier: Apache-2.0 */
/* Command line and environment to options, and every way in which they are refused. */
#include <check.h>
#include <stdio.h>
#include <string.h>

#include "../../src/cli/commands.h"
#include "../../src/cli/dockerd_flags.h"
#include "../../src/cli/options_table.h"
#include "../../src/cli/words.h"
#include "dind/str.h"
#include "options_fixture.h"

/* The options as text, only what differs from the defaults: so one string is the expectation. */
static const char *described(const struct cli *cli, char *buf, size_t size)
{
	const struct options *o = &cli->options;
	char words[512];
	FILE *out = fmemopen(buf, size, "w");

	ck_assert_ptr_nonnull(out);
	fprintf(out, "%s", command_name(o->command));
	if (o->mode != MODE_AUTO)
		fprintf(out, " %s", options_mode_name(o->mode));
	if (o->data_root)
		fprintf(out, " data_root=%s", o->data_root);
	if (o->storage_given) {
		fprintf(out, " rungs=");
		for (size_t i = 0; o->rungs[i] != RUNG_NONE; i++)
			fprintf(out, "%s%s", i ? "," : "", options_rung_name(o->rungs[i]));
	}
	if (o->storage_path)
		fprintf(out, " storage_path=%s", o->storage_path);
	if (o->storage_size)
		fprintf(out, " size=%llu", (unsigned long long) o->storage_size);
	if (o->storage_driver)
		fprintf(out, " driver=%s", o->storage_driver);
	if (o->storage_fs != STORAGE_FS_EXT4)
		fprintf(out, " fs=%d", (int) o->storage_fs);
	if (o->cache_pool)
		fprintf(out, " pool=%s", o->cache_pool);
	if (o->cache_slots != 8)
		fprintf(out, " slots=%d", o->cache_slots);
	if (o->cache_size)
		fprintf(out, " pool_size=%llu", (unsigned long long) o->cache_size);
	if (o->cache_busy != CACHE_BUSY_COLD)
		fprintf(out, " busy=%d", (int) o->cache_busy);
	if (o->preload)
		fprintf(out, " preload=[%s]", joined(o->preload, words, sizeof(words)));
	if (o->preload_from)
		fprintf(out, " from=%s", o->preload_from);
	if (o->preload_images)
		fprintf(out, " images=[%s]", joined(o->preload_images, words, sizeof(words)));
	if (o->preload_failure != PRELOAD_FAIL)
		fprintf(out, " preload_failure=%d", (int) o->preload_failure);
	if (o->preload_timeout_ms != 600000)
		fprintf(out, " preload_timeout=%d", o->preload_timeout_ms);
	if (o->disk_high)
		fprintf(out, " high=%d", o->disk_high);
	if (o->prune != PRUNE_NEVER)
		fprintf(out, " prune=%d", (int) o->prune);
	for (size_t i = 0; i < o->n_hosts; i++)
		fprintf(out, " host=%s", o->hosts[i]);
	if (o->apparmor != APPARMOR_NAMESPACE)
		fprintf(out, " apparmor=%d", (int) o->apparmor);
	if (o->mirror_limits)
		fprintf(out, " mirror-limits");
	if (o->selinux)
		fprintf(out, " selinux");
	if (o->insecure_tcp)
		fprintf(out, " insecure");
	if (o->socket_group)
		fprintf(out, " group=%s", o->socket_group);
	if (o->tls_dir)
		fprintf(out, " tls=%s", o->tls_dir);
	if (o->tls_key != TLS_KEY_ANY)
		fprintf(out, " tls_key=%d", (int) o->tls_key);
	if (o->registry_mirrors)
		fprintf(out, " mirrors=[%s]", joined(o->registry_mirrors, words, sizeof(words)));
	if (o->insecure_registries)
		fprintf(out, " insecure_registries=[%s]",
			joined(o->insecure_registries, words, sizeof(words)));
	if (o->engine_ca)
		fprintf(out, " ca=[%s]", joined(o->engine_ca, words, sizeof(words)));
	if (o->mtu)
		fprintf(out, " mtu=%d", o->mtu);
	if (o->dns)
		fprintf(out, " dns=[%s]", joined(o->dns, words, sizeof(words)));
	if (o->address_pools)
		fprintf(out, " pools=[%s]", joined(o->address_pools, words, sizeof(words)));
	if (o->dockerd_args)
		fprintf(out, " args=[%s]", joined(o->dockerd_args, words, sizeof(words)));
	if (o->exec_root)
		fprintf(out, " exec_root=%s", o->exec_root);
	if (o->pid_file)
		fprintf(out, " pid_file=%s", o->pid_file);
	if (o->config_file || o->config_file_given)
		fprintf(out, " config=%s%s", o->config_file, o->config_file_given ? "" : "?");
	if (o->strict_args)
		fprintf(out, " strict");
	if (o->engine_log != ENGINE_LOG_DEFAULT)
		fprintf(out, " log=%d%s%s", (int) o->engine_log, o->engine_log_path ? ":" : "",
			o->engine_log_path ? o->engine_log_path : "");
	if (o->confine != CONFINE_HOST)
		fprintf(out, " confine=%d", (int) o->confine);
	if (o->workload)
		fprintf(out, " command=[%s]", joined(o->workload, words, sizeof(words)));
	if (o->user)
		fprintf(out, " user=%s", o->user);
	fprintf(out, "%s%s%s%s", o->keep_caps ? " keep" : "", o->drop_caps ? " drop" : "",
		o->no_new_privs ? " nnp" : "", o->no_wait ? " nowait" : "");
	if (o->restart_engine)
		fprintf(out, " restart=%d", o->restart_engine);
	if (o->ready_timeout_ms != 60000)
		fprintf(out, " ready=%d", o->ready_timeout_ms);
	if (o->stop_timeout_ms != 9000)
		fprintf(out, " stop=%d", o->stop_timeout_ms);
	if (o->ready_file)
		fprintf(out, " ready_file=%s", o->ready_file);
	if (o->quit_file)
		fprintf(out, " quit_file=%s", o->quit_file);
	if (o->quit_pipe)
		fprintf(out, " quit_pipe=%s", o->quit_pipe);
	if (o->allow_host_pid)
		fprintf(out, " hostpid");
	if (o->log_format != LOG_FORMAT_TEXT)
		fprintf(out, " json-log");
	if (o->log_level != LOG_LEVEL_INFO)
		fprintf(out, " level=%d", (int) o->log_level);
	if (o->json)
		fprintf(out, " json");
	if (o->facts)
		fprintf(out, " facts=%s", o->facts);
	if (o->ready_wait_ms)
		fprintf(out, " wait=%d", o->ready_wait_ms);
	fprintf(out, "%s%s", cli->man ? " man" : "", cli->dockerd_asks ? " asks" : "");
	if (cli->dockerd)
		fprintf(out, " dockerd=%s", cli->dockerd);
	for (size_t i = 0; i < cli->notes.count; i++)
		fprintf(out, " note<%s>", cli->notes.items[i]);
	ck_assert_int_eq(fclose(out), 0);
	return buf;
}

/* ---- accepted ---- */

#define W(...)              \
	{                   \
		__VA_ARGS__ \
	}

static const struct {
	struct invocation invocation;
	const char *wanted;
} accepted[] = {
	{ { W(NULL), W(NULL) }, "run" },
	{ { W("make", "test"), W(NULL) }, "run command=[make test]" },
	{ { W("--", "make", "-k", "--data-root"), W(NULL) }, "run command=[make -k --data-root]" },
	{ { W("make", "--storage", "loop", "--help"), W(NULL) },
	  "run command=[make --storage loop --help]" },
	{ { W(""), W(NULL) }, "run command=[]" },

	/* sub-commands and commands of their names */
	{ { W("--restart-engine", "3"), W(NULL) }, "run restart=3" },
	{ { W("doctor"), W(NULL) }, "doctor" },
	{ { W("--", "doctor"), W(NULL) }, "run command=[doctor]" },
	{ { W("run", "doctor"), W(NULL) }, "run command=[doctor]" },
	{ { W("run", "--", "run"), W(NULL) }, "run command=[run]" },
	{ { W("run"), W(NULL) }, "run" },
	{ { W("run", "--no-wait", "plan", "--json"), W(NULL) },
	  "run command=[plan --json] nowait" },
	{ { W("plan", "--json", "--facts", "-"), W(NULL) }, "plan json facts=-" },
	{ { W("--json", "plan"), W(NULL) }, "plan json" },
	{ { W("plan", "--storage", "loop", "--", "make", "test"), W(NULL) },
	  "plan rungs=loop command=[make test]" },
	{ { W("--storage", "loop", "inspect"), W(NULL) }, "inspect rungs=loop" },
	{ { W("doctor", "--json"), W(NULL) }, "doctor json" },
	{ { W("ready", "--timeout", "30"), W(NULL) }, "ready wait=30000" },
	{ { W("ready", "--timeout=0"), W(NULL) }, "ready" },
	{ { W("version"), W(NULL) }, "version" },
	{ { W("help", "--man"), W(NULL) }, "help man" },
	{ { W("--help"), W(NULL) }, "help" },
	{ { W("-h"), W(NULL) }, "help" },
	{ { W("ready", "--help"), W(NULL) }, "help" },
	{ { W("--version"), W(NULL) }, "version" },
	{ { W("--storage", "nonsense", "--help"), W("DIND_STOP_TIMEOUT=nonsense") }, "help" },

	/* each option */
	{ { W("--data-root", "/data"), W(NULL) }, "run data_root=/data" },
	{ { W("--data-root=/data//x/./y/"), W(NULL) }, "run data_root=/data/x/y" },
	{ { W("--storage", "loop,vfs"), W(NULL) }, "run rungs=loop,vfs" },
	{ { W("--storage", "vfs  as-is, fuse"), W(NULL) }, "run rungs=vfs,as-is,fuse" },
	{ { W("--storage-path", "/mnt/ssd"), W(NULL) }, "run storage_path=/mnt/ssd" },
	{ { W("--storage-size", "40G"), W(NULL) }, "run size=42949672960" },
	{ { W("--storage-driver", "btrfs"), W(NULL) }, "run driver=btrfs" },
	{ { W("--host", "unix:///a", "--host", "tcp://127.0.0.1:1", "--host", "unix:///a"),
	    W(NULL) },
	  "run host=unix:///a host=tcp://127.0.0.1:1" },
	{ { W("--insecure-tcp"), W(NULL) }, "run insecure" },
	{ { W("--apparmor", "namespace"), W(NULL) }, "run" },
	{ { W("--apparmor=host"), W(NULL) }, "run apparmor=1" },
	{ { W(NULL), W("DIND_APPARMOR=off", "DIND_SELINUX=1", NULL) }, "run apparmor=2 selinux" },
	{ { W("--selinux"), W(NULL) }, "run selinux" },
	{ { W("--mirror-limits"), W(NULL) }, "run mirror-limits" },
	{ { W(NULL), W("DIND_MIRROR_LIMITS=0", NULL) }, "run" },
	{ { W("--socket-group", "99"), W(NULL) }, "run group=99" },
	{ { W("--mode", "nested"), W(NULL) }, "run nested" },
	{ { W("--mode", "auto"), W(NULL) }, "run" },
	{ { W("--strict-args"), W(NULL) }, "run strict" },
	{ { W("--engine-log", "none"), W(NULL) }, "run log=2" },
	{ { W("--engine-log", "stderr"), W(NULL) }, "run log=1" },
	{ { W("--engine-log", "file:/var/log/e"), W(NULL) }, "run log=3:/var/log/e" },
	{ { W("--user", "u:g", "--keep-caps", "--no-new-privs", "--no-wait", "x"), W(NULL) },
	  "run command=[x] user=u:g keep nnp nowait" },
	{ { W("--drop-caps", "x"), W(NULL) }, "run command=[x] drop" },
	{ { W("--ready-timeout", "5", "--stop-timeout", "86400"), W(NULL) },
	  "run ready=5000 stop=86400000" },
	{ { W("--stop-timeout", "5", "--stop-timeout", "6"), W(NULL) }, "run stop=6000" },
	{ { W("--ready-file", "/r", "--quit-file", "/q", "--quit-pipe=/p"), W(NULL) },
	  "run ready_file=/r quit_file=/q quit_pipe=/p" },
	{ { W("--allow-host-pid", "--log-format", "json", "--log-level", "debug"), W(NULL) },
	  "run hostpid json-log level=4" },

	/* the environment */
	{ { W(NULL), W("DIND_DATA_ROOT=/e", "DIND_STORAGE=fuse loop", "DIND_STORAGE_SIZE=1G") },
	  "run data_root=/e rungs=fuse,loop size=1073741824" },
	{ { W("--data-root", "/f"), W("DIND_DATA_ROOT=relative") }, "run data_root=/f" },
	{ { W(NULL), W("DIND_HOST=unix:///a\ttcp://[::1]:2") },
	  "run host=unix:///a host=tcp://[::1]:2" },
	{ { W("--host", "unix:///f"), W("DIND_HOST=unix:///a") }, "run host=unix:///f" },
	{ { W("x"), W("DIND_NO_WAIT=yes", "DIND_NO_NEW_PRIVS=0", "DIND_DROP_CAPS=") },
	  "run command=[x] nowait" },
	{ { W(NULL), W("DIND_DATA_ROOT=", "DIND_STOP_TIMEOUT=") }, "run" },
	{ { W("x"), W("DIND_KEEP_CAPS=1", "DIND_USER=u") }, "run command=[x] user=u keep" },
	{ { W("--drop-caps", "x"), W("DIND_KEEP_CAPS=1") }, "run command=[x] drop" },
	{ { W("--keep-caps", "x"), W("DIND_DROP_CAPS=1") }, "run command=[x] keep" },
	{ { W(NULL), W("DIND_USER=u", "DIND_NO_WAIT=1") },
	  "run note<DIND_USER has no effect: there is no COMMAND> "
	  "note<DIND_NO_WAIT has no effect: there is no COMMAND>" },
	{ { W("doctor"), W("DIND_USER=u") }, "doctor" },
	{ { W("ready"), W("DIND_TIMEOUT=2", "DIND_STORAGE=nonsense", "DIND_TYPO=1") },
	  "ready wait=2000" },
	{ { W(NULL), W("DIND_STOP_TIMEOUTS=1", "DIND_COMMIT=abc", "DINDX=1") },
	  "run note<DIND_STOP_TIMEOUTS in the environment means nothing to this version (did you "
	  "mean DIND_STOP_TIMEOUT?)>" },
	{ { W(NULL), W("DIND_ZZZZZZ=1") },
	  "run note<DIND_ZZZZZZ in the environment means nothing to this version>" },
	/* what Kubernetes says of a service called dind */
	{ { W(NULL), W("DIND_SERVICE_HOST=10.0.0.1", "DIND_SERVICE_PORT=2375",
		       "DIND_SERVICE_PORT_TLS=2376", "DIND_PORT=tcp://10.0.0.1:2375",
		       "DIND_PORT_2375_TCP_ADDR=10.0.0.1", "DIND_PORT=2375") },
	  "run note<DIND_PORT in the environment means nothing to this version (did you mean "
	  "DIND_HOST?)>" },
	{ { W(NULL), W("DOCKER_DRIVER=vfs") }, "run driver=vfs" },
	{ { W("--storage-driver", "overlay2"), W("DOCKER_DRIVER=vfs") }, "run driver=overlay2" },
	{ { W(NULL), W("DOCKER_DRIVER=vfs", "DIND_STORAGE_DRIVER=btrfs") }, "run driver=btrfs" },

	/* dockerd's own flags */
	{ { W("dockerd"), W(NULL) }, "run" },
	{ { W("dockerd", "--debug", "--label", "a=b"), W(NULL) },
	  "run args=[--debug --label a=b]" },
	{ { W("dockerd", "-H", "unix:///a", "-Hunix:///b", "-H=unix:///c", "--host", "unix:///d",
	      "--host=unix:///e"),
	    W(NULL) },
	  "run host=unix:///a host=unix:///b host=unix:///c host=unix:///d host=unix:///e" },
	{ { W("dockerd", "-DH", "unix:///a", "-ldebug", "-D=false"), W(NULL) },
	  "run host=unix:///a args=[-D -l=debug -D=false]" },
	{ { W("dockerd", "--debug", "-H", "unix:///a"), W(NULL) },
	  "run host=unix:///a args=[--debug]" },
	{ { W("dockerd", "--bip", "10.0.0.1/24", "--new-switch", "-H", "unix:///a"), W(NULL) },
	  "run host=unix:///a args=[--bip 10.0.0.1/24 --new-switch]" },
	{ { W("dockerd", "-G", "g", "--data-root", "/d", "--exec-root=/x", "-p", "/p.pid", "-s",
	      "vfs", "--config-file", "/c.json"),
	    W(NULL) },
	  "run data_root=/d driver=vfs group=g exec_root=/x pid_file=/p.pid config=/c.json" },
	{ { W("dockerd", "-g", "/old", "--graph=/new"), W(NULL) }, "run data_root=/new" },
	{ { W("dockerd", "--tls=false", "--tlsverify=0"), W(NULL) },
	  "run args=[--tls=false --tlsverify=0]" },
	{ { W("dockerd", "--tlsverify", "--tlscacert", "/c", "--tlskey=/k", "-H", "tcp://0.0.0.0"),
	    W(NULL) },
	  "run host=tcp://0.0.0.0 args=[--tlsverify --tlscacert /c --tlskey=/k]" },
	{ { W("--tls-dir", "/certs/", "--tls-key", "rsa"), W(NULL) }, "run tls=/certs tls_key=2" },
	{ { W("--tls-dir=/certs", "--tls-key=ec"), W("DOCKER_TLS_CERTDIR=relative") },
	  "run tls=/certs tls_key=1" },
	{ { W(NULL), W("DIND_TLS_DIR=/a", "DIND_TLS_KEY=rsa", "DOCKER_TLS_CERTDIR=/b") },
	  "run tls=/a tls_key=2" },
	{ { W(NULL), W("DOCKER_TLS_CERTDIR=/b//") }, "run tls=/b" },
	{ { W(NULL), W("DOCKER_TLS_CERTDIR=", "DIND_TLS_KEY=rsa") }, "run tls_key=2" },
	{ { W("--strict-args"), W("DOCKER_TLS_CERTDIR=/b") }, "run strict" },
	{ { W("dockerd", "--tlscert", "/c"), W("DOCKER_TLS_CERTDIR=/b") },
	  "run tls=/b args=[--tlscert /c]" },
	{ { W("dockerd", "--iptables=false", "--mtu=1400"), W(NULL) },
	  "run args=[--iptables=false --mtu=1400]" },
	{ { W("/opt/bin/dockerd", "--debug"), W(NULL) },
	  "run args=[--debug] dockerd=/opt/bin/dockerd" },
	{ { W("dockerd", "--version"), W(NULL) }, "run args=[--version] asks" },
	{ { W("dockerd", "--validate", "--config-file", "/c", "--tlsverify"), W(NULL) },
	  "run args=[--validate --config-file /c --tlsverify] config=/c asks" },
	{ { W("--strict-args", "dockerd", "-H", "tcp://0.0.0.0:1", "--tlsverify", "--data-root",
	      "/d"),
	    W(NULL) },
	  "run data_root=/d args=[-H tcp://0.0.0.0:1 --tlsverify --data-root /d] strict" },
	{ { W("--strict-args"), W("DOCKER_DRIVER=vfs") }, "run strict" },
	{ { W("--dockerd-args", "--label 'a b' -H unix:///x", "dockerd", "--label", "c"), W(NULL) },
	  "run host=unix:///x args=[--label a b --label c]" },
	{ { W("--dockerd-args=--debug", "make"), W(NULL) }, "run args=[--debug] command=[make]" },
	{ { W(NULL), W("DIND_DOCKERD_ARGS=--label \"x y\"", "DOCKER_DAEMON_ARGS=--debug") },
	  "run args=[--label x y]" },
	{ { W(NULL), W("DOCKER_DAEMON_ARGS= --debug\t-s vfs ") }, "run driver=vfs args=[--debug]" },
	{ { W("--dockerd-args", "--debug"), W("DOCKER_DAEMON_ARGS=-s vfs") },
	  "run args=[--debug]" },
	{ { W("dockerd", "--raw-logs"), W("DOCKER_DAEMON_ARGS=--debug") },
	  "run args=[--debug --raw-logs]" },
	{ { W("--storage-driver", "overlay2"), W("DOCKER_DAEMON_ARGS=-s vfs") },
	  "run driver=overlay2" },
	{ { W("dockerd", "-s", "vfs"), W("DIND_STORAGE_DRIVER=overlay2") }, "run driver=vfs" },
	{ { W("--host", "unix:///f"), W("DOCKER_DAEMON_ARGS=-H unix:///e") },
	  "run host=unix:///f" },
	{ { W("dockerd", "-H", "unix:///f"), W("DIND_HOST=unix:///e") }, "run host=unix:///f" },
	{ { W("--data-root", "/d", "dockerd", "--data-root=/d/"), W(NULL) }, "run data_root=/d" },
	{ { W("--storage", "loop", "--storage-driver", "overlay2"), W(NULL) },
	  "run rungs=loop driver=overlay2" },
	{ { W("--storage", "vfs", "--storage-path", "/m", "--storage-driver", "overlay2"),
	    W(NULL) },
	  "run rungs=vfs storage_path=/m driver=overlay2" },
	{ { W("--cache-pool", "/pool", "--cache-slots", "2", "--cache-size", "10G", "--cache-busy",
	      "wait"),
	    W(NULL) },
	  "run pool=/pool slots=2 pool_size=10737418240 busy=1" },
	{ { W("--preload", "/a", "--preload", "/b/", "--preload", "/a"), W(NULL) },
	  "run preload=[/a /b]" },
	{ { W(NULL), W("DIND_PRELOAD=/a  /b", "DIND_CACHE_SLOTS=3") },
	  "run slots=3 preload=[/a /b]" },
	{ { W("--preload-from=unix:///o.sock", "--preload-image=a:1", "--preload-image=b",
	      "--preload-failure=continue", "--preload-timeout=5"),
	    W(NULL) },
	  "run from=unix:///o.sock images=[a:1 b] preload_failure=1 preload_timeout=5000" },
	{ { W("--disk-high", "90%", "--prune", "idle"), W(NULL) }, "run high=90 prune=2" },
	{ { W("--confine", "off"), W(NULL) }, "run confine=1" },
	{ { W("--confine", "host"), W("DIND_CONFINE=off") }, "run" },
	{ { W("plan"), W("DIND_CONFINE=off") }, "plan confine=1" },
	{ { W("--disk-high", "85"), W(NULL) }, "run high=85" },
	{ { W("--storage", "tmpfs,loop", "--storage-fs", "xfs"), W(NULL) },
	  "run rungs=tmpfs,loop fs=1" },
	{ { W(NULL), W("DIND_PRUNE=idle") }, "run prune=2" },
};

START_TEST(accepts)
{
	struct cli_usage usage;
	struct cli cli;
	char text[2048];
	int r = parse(&cli, &accepted[_i].invocation, &usage);

	ck_assert_msg(r == 0, "%s: %s", usage.code, usage.fact);
	ck_assert_str_eq(described(&cli, text, sizeof(text)), accepted[_i].wanted);
	cli_free(&cli);
}
END_TEST

/* ---- refused ---- */

static const struct {
	struct invocation invocation;
	const char *code;
	const char *fact;
	const char *remedy;
} refused[] = {
	{ { W("--nonsense"), W(NULL) }, "01", "unknown option '--nonsense'", "--help" },
	{ { W("--stroage=x"), W(NULL) }, "01", "unknown option '--stroage'", "mean --storage?" },
	{ { W("--stop-timout", "3"), W(NULL) }, "01", "--stop-timout", "mean --stop-timeout?" },
	{ { W("--data", "/x"), W(NULL) }, "01", "unknown option '--data'", "mean --data-root?" },
	{ { W("--ready-t", "3"), W(NULL) }, "01", "'--ready-t'", "mean --ready-timeout?" },
	{ { W("-x"), W(NULL) }, "01", "unknown option '-x'", "--help" },
	{ { W("-hx"), W(NULL) }, "01", "unknown option '-hx'", "--help" },
	{ { W("plan", "--jsonn"), W(NULL) }, "01", "'--jsonn'", "mean --json?" },

	{ { W("--data-root"), W(NULL) }, "02", "--data-root needs a value", "--data-root DIR" },
	{ { W("--no-wait=yes", "x"), W(NULL) }, "02", "--no-wait takes no value", "--no-wait" },

	{ { W("--data-root", "rel"), W(NULL) }, "03", "'rel' is a relative path", "from /" },
	{ { W("--storage-path", "./x"), W(NULL) }, "03", "relative path", "from /" },
	{ { W("--ready-file", "x"), W(NULL) }, "03", "relative path", "from /" },
	{ { W("--engine-log", "file:x"), W(NULL) }, "03", "relative path", "from /" },
	{ { W("--data-root", "/a/../b"), W(NULL) }, "03", "contains ..", "without .." },
	{ { W("--data-root", "///"), W(NULL) }, "03", "root directory", "below /" },
	{ { W("--data-root="), W(NULL) }, "03", "relative path", "from /" },
	{ { W("--socket-group="), W(NULL) }, "03", "--socket-group: ''", "leave" },
	{ { W("--storage", ""), W(NULL) }, "03", "--storage: ''", "as-is" },
	{ { W("--storage", "loop,disk"), W(NULL) },
	  "03",
	  "'disk'",
	  "as-is, loop, tmpfs, fuse, vfs" },
	{ { W("--storage", "loop,volume"), W(NULL) }, "03", "'volume'", "--storage-path" },
	{ { W("--storage", "loop,loop"), W(NULL) }, "03", "names loop twice", "once" },
	{ { W("--storage-size", "big"), W(NULL) }, "03", "'big'", "40G" },
	{ { W("--storage-size", "1M"), W(NULL) }, "03", "'1M'", "use 64.0 MiB to 16.0 TiB" },
	{ { W("--storage-size", "99999T"), W(NULL) }, "03", "'99999T'", "16.0 TiB" },
	{ { W("--ready-timeout", "0"), W(NULL) }, "03", "--ready-timeout: '0'", "1 to 86400" },
	{ { W("--stop-timeout", "-1"), W(NULL) }, "03", "--stop-timeout: '-1'", "1 to 86400" },
	{ { W("--stop-timeout", "1.5"), W(NULL) }, "03", "'1.5'", "whole number" },
	{ { W("ready", "--timeout", "soon"), W(NULL) }, "03", "'soon'", "0 to 86400" },
	{ { W("--mode", "bogus"), W(NULL) }, "03", "--mode: 'bogus'", "auto, nested" },
	{ { W("--log-level", "loud"), W(NULL) }, "03", "'loud'", "error, warning, notice" },
	{ { W("--confine", "kernel"), W(NULL) }, "03", "'kernel'", "host, off" },
	{ { W("--log-format", "xml"), W(NULL) }, "03", "'xml'", "text, json" },
	{ { W("--engine-log", "/x"), W(NULL) }, "03", "'/x'", "file:PATH" },
	{ { W("x"), W("DIND_NO_WAIT=perhaps") }, "03", "DIND_NO_WAIT: 'perhaps'", "yes or no" },
	{ { W(NULL), W("DIND_STOP_TIMEOUT=x") }, "03", "DIND_STOP_TIMEOUT: 'x'", "seconds" },
	{ { W(NULL), W("DIND_DATA_ROOT=x") }, "03", "DIND_DATA_ROOT: 'x'", "from /" },
	{ { W("dockerd", "--data-root", "x"), W(NULL) },
	  "03",
	  "dockerd's --data-root: 'x'",
	  "from /" },
	{ { W("dockerd", "--pidfile=x"), W(NULL) }, "03", "dockerd's --pidfile: 'x'", "from /" },

	{ { W("--keep-caps", "--drop-caps", "x"), W(NULL) },
	  "04",
	  "--keep-caps and --drop-caps",
	  "one of them" },
	{ { W("x"), W("DIND_KEEP_CAPS=1", "DIND_DROP_CAPS=1") },
	  "04",
	  "DIND_KEEP_CAPS and DIND_DROP_CAPS",
	  "one of them" },
	{ { W("--storage-driver", "overlay2", "--storage", "vfs"), W(NULL) },
	  "04",
	  "storage driver overlay2 and --storage vfs",
	  "one of them" },
	{ { W("--storage", "vfs"), W("DOCKER_DRIVER=overlay2") },
	  "04",
	  "storage driver overlay2 and --storage vfs",
	  "one of them" },
	{ { W("--storage", "loop", "dockerd", "-s", "fuse-overlayfs"), W(NULL) },
	  "04",
	  "fuse-overlayfs and --storage loop",
	  "one of them" },
	{ { W("--storage", "loop", "--storage-driver", "vfs"), W(NULL) },
	  "04",
	  "storage driver vfs and --storage loop",
	  "one of them" },
	{ { W("--storage", "vfs", "--storage-size", "1G"), W(NULL) },
	  "04",
	  "--storage-size",
	  "one of them" },
	{ { W("--strict-args", "--host", "unix:///a"), W(NULL) },
	  "04",
	  "--strict-args and --host contradict",
	  "one of them" },
	{ { W("--strict-args"), W("DIND_HOST=unix:///a") },
	  "04",
	  "--strict-args and DIND_HOST contradict",
	  "one of them" },
	{ { W("--strict-args", "--data-root", "/a"), W(NULL) }, "04", "--data-root", "one of" },
	{ { W("--strict-args", "--storage-driver", "vfs"), W(NULL) },
	  "04",
	  "--storage-driver",
	  "one of them" },
	{ { W("--strict-args", "--socket-group", "g"), W(NULL) },
	  "04",
	  "--socket-group",
	  "one of them" },
	{ { W("--data-root", "/a", "dockerd", "--data-root", "/b"), W(NULL) },
	  "04",
	  "--data-root /a and dockerd's flag for it, /b, contradict",
	  "one of them" },
	{ { W("--storage-driver", "vfs", "dockerd", "-soverlay2"), W(NULL) },
	  "04",
	  "--storage-driver vfs",
	  "one of them" },
	{ { W("--socket-group", "a", "dockerd", "-G", "b"), W(NULL) },
	  "04",
	  "--socket-group a",
	  "one of them" },
	{ { W("--data-root", "/d", "--storage-path", "/d/x"), W(NULL) },
	  "04",
	  "--storage-path /d/x is in the data root",
	  "beside" },

	{ { W("--user", "u"), W(NULL) }, "05", "--user is about COMMAND", "add the COMMAND" },
	{ { W("--keep-caps"), W(NULL) }, "05", "--keep-caps", "add the COMMAND" },
	{ { W("--drop-caps"), W(NULL) }, "05", "--drop-caps", "add the COMMAND" },
	{ { W("--no-new-privs"), W(NULL) }, "05", "--no-new-privs", "add the COMMAND" },
	{ { W("--no-wait", "dockerd"), W(NULL) }, "05", "--no-wait", "add the COMMAND" },

	{ { W("--mode", "host"), W(NULL) }, "03", "'host'", "auto, nested, socket, remote" },
	{ { W("--restart-engine", "-1"), W(NULL) }, "03", "'-1'", "0 to 1000" },
	{ { W("--restart-engine", "1001"), W(NULL) }, "03", "'1001'", "0 to 1000" },
	{ { W("--cache-pool=/x", "--storage-path=/y"), W(NULL) }, "04", "--cache-pool", "" },
	{ { W("--cache-pool=/var/lib/docker/x", "--data-root=/var/lib/docker"), W(NULL) },
	  "04",
	  "in the data root itself",
	  "beside it" },
	{ { W("--cache-slots", "2"), W(NULL) },
	  "04",
	  "--cache-slots means nothing without --cache-pool",
	  "add --cache-pool" },
	{ { W("--cache-pool=/x", "--cache-slots", "0"), W(NULL) }, "03", "'0'", "1 to 256" },
	{ { W("--cache-pool=/x", "--cache-busy", "warm"), W(NULL) },
	  "03",
	  "'warm'",
	  "cold, wait, fail" },
	{ { W("--preload", "a.tar"), W(NULL) }, "03", "'a.tar' is a relative path", "from / on" },
	{ { W("--preload-from", "ssh://h"), W(NULL) }, "03", "'ssh://h'", "tcp://HOST:PORT" },
	{ { W("--preload-from", "unix:///s"), W(NULL) },
	  "04",
	  "no image to copy from there",
	  "--preload-image" },
	{ { W("--preload-image", "a"), W(NULL) }, "04", "no engine to copy it", "--preload-from" },
	{ { W("--disk-high", "100"), W(NULL) }, "03", "'100'", "1 to 99" },
	{ { W("--disk-high", "9%0"), W(NULL) }, "03", "'9%0'", "such as 90" },
	{ { W("--prune", "idle"), W(NULL) }, "04", "--prune idle needs a mark", "--disk-high" },
	{ { W("--tls-dir", "/c", "dockerd", "--tlscert", "/d"), W(NULL) },
	  "04",
	  "--tls-dir and dockerd's flag --tlscert contradict",
	  "leave one" },
	{ { W(NULL), W("DIND_TLS_DIR=/c", "DOCKER_DAEMON_ARGS=--tlskey=/k") },
	  "04",
	  "DIND_TLS_DIR and dockerd's flag --tlskey=/k",
	  "leave one" },
	{ { W("--strict-args", "--tls-dir=/c"), W(NULL) }, "04", "--tls-dir", "leave one" },
	{ { W("--tls-key", "ec"), W(NULL) }, "04", "nothing without --tls-dir", "add --tls-dir" },
	{ { W("--tls-dir=/c", "--tls-key", "dsa"), W(NULL) }, "03", "'dsa'", "ec, rsa" },
	{ { W("--tls-dir=c"), W(NULL) }, "03", "'c' is a relative path", "from / on" },
	{ { W(NULL), W("DOCKER_TLS_CERTDIR=c") },
	  "03",
	  "DOCKER_TLS_CERTDIR: 'c' is a relative path",
	  "from / on" },

	{ { W("ready", "now"), W(NULL) },
	  "07",
	  "ready takes no arguments: 'now'",
	  "dind-init -- ready" },
	{ { W("version", "x"), W(NULL) }, "07", "version takes no arguments", "-- version" },
	{ { W("help", "storage"), W(NULL) }, "07", "help takes no arguments", "-- help" },

	{ { W("--json"), W(NULL) }, "08", "--json has no meaning for run", "--help" },
	{ { W("--json", "make"), W(NULL) }, "08", "--json has no meaning for run", "--help" },
	{ { W("doctor", "--facts", "-"), W(NULL) },
	  "08",
	  "--facts has no meaning for doctor",
	  "--help" },
	{ { W("--storage", "loop", "ready"), W(NULL) },
	  "08",
	  "--storage has no meaning for ready",
	  "--help" },
	{ { W("--timeout", "3"), W(NULL) }, "08", "--timeout has no meaning for run", "--help" },
	{ { W("inspect", "--json"), W(NULL) },
	  "08",
	  "--json has no meaning for inspect",
	  "--help" },

	{ { W(NULL), W("DIND_HOST=a b c d e f g h i") }, "09", "more than 8 listeners", "leave" },
	{ { W("--dockerd-args", "--label 'x"), W(NULL) },
	  "10",
	  "--dockerd-args: a quote",
	  "close every" },
	{ { W(NULL), W("DIND_DOCKERD_ARGS=x\\") },
	  "10",
	  "DIND_DOCKERD_ARGS: a quote",
	  "close every" },
	{ { W("dockerd", "-H"), W(NULL) }, "11", "dockerd's flag -H lacks its value", "dockerd" },
	{ { W("dockerd", "--data-root"), W(NULL) },
	  "11",
	  "--data-root lacks its value",
	  "dockerd --help" },
	{ { W("dockerd", "make"), W(NULL) },
	  "11",
	  "no arguments, only flags: 'make'",
	  "dockerd --help" },
	{ { W("dockerd", "--"), W(NULL) }, "11", "only flags: '--'", "dockerd --help" },
	{ { W("dockerd", "--debug", "true"), W(NULL) },
	  "11",
	  "only flags: 'true'",
	  "dockerd --help" },
	/* DOCKER_DAEMON_ARGS knows no quotes */
	{ { W(NULL), W("DOCKER_DAEMON_ARGS=--label \"x y\"") },
	  "11",
	  "only flags: 'y\"'",
	  "dockerd --help" },
	{ { W("dockerd", ""), W(NULL) }, "11", "only flags: ''", "dockerd --help" },
};

START_TEST(refuses)
{
	struct cli_usage usage;
	struct cli cli;
	char code[32];

	(void) snprintf(code, sizeof(code), "DIND-USAGE-%s", refused[_i].code);
	ck_assert_msg(parse(&cli, &refused[_i].invocation, &usage) == -EINVAL, "%s: accepted",
		      refused[_i].fact);
	ck_assert_msg(strcmp(usage.code, code) == 0, "%s, not %s: %s", usage.code, code,
		      usage.fact);
	ck_assert_msg(strstr(usage.fact, refused[_i].fact) != NULL, "'%s', not '%s'", usage.fact,
		      refused[_i].fact);
	ck_assert_msg(strstr(usage.remedy, refused[_i].remedy) != NULL, "'%s', not '%s'",
		      usage.remedy, refused[_i].remedy);
	ck_assert_ptr_null(strchr(usage.fact, '\n'));
	ck_assert_ptr_null(strchr(usage.remedy, '\n'));
	cli_free(&cli);
}
END_TEST

/* ---- how a refusal is said ---- */

/* What cli_begin() prints for @invocation. */
static int begin(const struct invocation *invocation, char *buf, size_t size)
{
	char *argv[MAX_WORDS + 2] = { (char *) (uintptr_t) "dind-init" };
	char *environment[MAX_WORDS + 1] = { NULL };
	int pipes[2], status, argc = 1, saved = dup(STDERR_FILENO);
	struct cli cli;
	ssize_t n;

	for (; argc <= MAX_WORDS && invocation->words[argc - 1]; argc++)
		argv[argc] = (char *) (uintptr_t) invocation->words[argc - 1];
	for (size_t i = 0; i < MAX_WORDS && invocation->environment[i]; i++)
		environment[i] = (char *) (uintptr_t) invocation->environment[i];
	ck_assert_int_eq(pipe(pipes), 0);
	ck_assert_int_ge(dup2(pipes[1], STDERR_FILENO), 0);
	cli_init(&cli, environment);
	(void) sigprocmask(SIG_BLOCK, NULL, &cli.signals);
	status = cli_begin(&cli, argc, argv);
	cli_free(&cli);
	ck_assert_int_ge(dup2(saved, STDERR_FILENO), 0);
	close(saved);
	close(pipes[1]);
	n = read(pipes[0], buf, size - 1);
	close(pipes[0]);
	ck_assert_int_ge(n, 0);
	buf[n] = '\0';
	return status;
}

START_TEST(two_lines_and_64)
{
	const struct invocation invocation = { W("doctor", "--jsno"), W(NULL) };
	char text[1024];

	ck_assert_int_eq(begin(&invocation, text, sizeof(text)), STATUS_USAGE);
	ck_assert_int_eq(STATUS_USAGE, 64);
	ck_assert_str_eq(text, "dind-init: error: DIND-USAGE-01: unknown option '--jsno'\n"
			       "dind-init: error: DIND-USAGE-01: → did you mean --json?\n");
}
END_TEST

START_TEST(refusal_in_the_format_asked_for)
{
	const struct invocation by_flag = { W("--log-format", "json", "--nonsense"), W(NULL) };
	const struct invocation by_variable = { W("doctor", "--nonsense"),
						W("DIND_LOG_FORMAT=json") };
	char text[1024];

	ck_assert_int_eq(begin(&by_flag, text, sizeof(text)), STATUS_USAGE);
	ck_assert_ptr_nonnull(strstr(text, "\"code\":\"DIND-USAGE-01\""));
	ck_assert_int_eq(begin(&by_variable, text, sizeof(text)), STATUS_USAGE);
	ck_assert_ptr_nonnull(strstr(text, "\"code\":\"DIND-USAGE-01\""));
}
END_TEST

START_TEST(notes_are_warnings)
{
	const struct invocation invocation = { W("doctor"), W("DIND_NONSENSE_VALUE=1") };
	char text[1024];

	ck_assert_int_eq(begin(&invocation, text, sizeof(text)), STATUS_OK);
	ck_assert_str_eq(text, "dind-init: warning: DIND_NONSENSE_VALUE in the environment means "
			       "nothing to this version\n");
}
END_TEST

/* ---- one table ---- */

static const char *printed(void (*print)(FILE *out), char *buf, size_t size)
{
	FILE *out = fmemopen(buf, size, "w");

	ck_assert_ptr_nonnull(out);
	print(out);
	ck_assert_int_eq(fclose(out), 0);
	return buf;
}

START_TEST(help_and_man_have_every_option)
{
	static char help[65536], man[65536];

	(void) printed(help_print, help, sizeof(help));
	(void) printed(help_print_man, man, sizeof(man));
	for (size_t i = 0; i < option_table_size; i++) {
		const struct option_spec *spec = &option_table[i];
		char text[320], escaped[256], variable[64];
		size_t n = 0;

		(void) snprintf(text, sizeof(text), " --%s%s%s", spec->name,
				spec->argument ? " " : "", spec->argument ? spec->argument : "");
		ck_assert_msg(strstr(help, text) != NULL, "--help lacks '%s'", text);
		for (const char *c = spec->name; *c; c++)
			n += (size_t) snprintf(escaped + n, sizeof(escaped) - n,
					       *c == '-' ? "\\-" : "%c", *c);
		(void) snprintf(text, sizeof(text), "\\-\\-%s%s", escaped,
				spec->argument ? " \"" : "\n");
		ck_assert_msg(strstr(man, text) != NULL, "the man page lacks '%s'", text);
		if (option_variable(spec, variable, sizeof(variable)))
			ck_assert_msg(strstr(man, variable) != NULL, "the man page lacks %s",
				      variable);
		ck_assert_msg(!str_has_suffix(spec->help, "."), "--%s: full stop", spec->name);
	}
	for (int c = 0; command_name((enum options_command) c); c++) {
		char text[64];

		(void) snprintf(text, sizeof(text), "\n  %s ",
				command_name((enum options_command) c));
		ck_assert_msg(strstr(help, text) != NULL, "--help lacks '%s'", text);
	}
	for (char *line = help, *end; (end = strchr(line, '\n')); line = end + 1)
		ck_assert_msg(end - line <= 90, "a line of --help is long: %.*s",
			      (int) (end - line), line);
}
END_TEST

/* A value that is good for the option, as it is given by variable. */
static const char *sample(const struct option_spec *spec)
{
	switch (spec->type) {
	case OPTION_FLAG:
		return "yes";
	case OPTION_PATH:
		return "/some/path";
	case OPTION_SIZE:
		return "1G";
	case OPTION_SECONDS:
	case OPTION_NUMBER:
	case OPTION_PERCENT:
		return spec->min > 7 ? "77" : "7";
	case OPTION_MIRRORS:
		return "http://mirror:5000";
	case OPTION_REGISTRIES:
		return "registry:5000";
	case OPTION_ADDRESSES:
		return "10.0.0.1";
	case OPTION_POOLS:
		return "10.0.0.0/8,24";
	case OPTION_PATHS:
		return "/some/path";
	case OPTION_ENDPOINT:
		return "unix:///some/path";
	case OPTION_WORD:
		return spec->words[1].word;
	case OPTION_RUNGS:
		return "vfs";
	case OPTION_LOG:
		return "none";
	case OPTION_ARGUMENTS:
		return "--debug";
	case OPTION_TEXT:
	case OPTION_TEXTS:
	case OPTION_FILE:
	case OPTION_HOSTS:
		break;
	}
	return "text";
}

/* A sub-command that takes the option; run with a COMMAND where that is one of them. */
static void fill_invocation(const struct option_spec *spec, struct invocation *invocation)
{
	size_t n = 0;

	for (int c = 0; command_name((enum options_command) c); c++) {
		if (!(spec->commands & TAKES(c)))
			continue;
		invocation->words[n++] = command_name((enum options_command) c);
		break;
	}
	if (spec->commands & TAKES(COMMAND_RUN))
		invocation->words[n] = "make";
}

/* What an option means nothing without, as a variable; NULL: it stands alone. */
static const char *companion(const struct option_spec *spec)
{
	if (strncmp(spec->name, "cache-", 6) == 0 && strcmp(spec->name, "cache-pool") != 0)
		return "DIND_CACHE_POOL=/pool";
	if (strcmp(spec->name, "preload-from") == 0)
		return "DIND_PRELOAD_IMAGE=a b";
	if (strcmp(spec->name, "preload-image") == 0)
		return "DIND_PRELOAD_FROM=tcp://a:1";
	if (strcmp(spec->name, "tls-key") == 0)
		return "DIND_TLS_DIR=/certs";
	return NULL;
}

/* By flag and by variable, every option has the same effect, and it has one. */
START_TEST(every_option_has_its_twin)
{
	const struct option_spec *spec = &option_table[_i];
	struct invocation plain = { W(NULL), W(NULL) }, by_flag = plain, by_variable = plain;
	char flag[128], entry[128], variable[64], texts[3][1024];
	const char *twin = option_variable(spec, variable, sizeof(variable));
	struct cli_usage usage;
	struct cli cli;

	if (!twin)
		return; /* --help, --version, --man: not from the environment */
	fill_invocation(spec, &plain);
	fill_invocation(spec, &by_flag);
	fill_invocation(spec, &by_variable);
	(void) snprintf(flag, sizeof(flag), "--%s%s%s", spec->name, spec->argument ? "=" : "",
			spec->argument ? sample(spec) : "");
	memmove(&by_flag.words[1], &by_flag.words[0], 8 * sizeof(by_flag.words[0]));
	by_flag.words[0] = flag;
	(void) snprintf(entry, sizeof(entry), "%s=%s", twin, sample(spec));
	by_variable.environment[0] = entry;
	plain.environment[0] = companion(spec);
	by_flag.environment[0] = companion(spec);
	by_variable.environment[1] = companion(spec);
	ck_assert_int_eq(parse(&cli, &plain, &usage), 0);
	(void) described(&cli, texts[0], sizeof(texts[0]));
	cli_free(&cli);
	ck_assert_msg(parse(&cli, &by_flag, &usage) == 0, "%s", usage.fact);
	(void) described(&cli, texts[1], sizeof(texts[1]));
	cli_free(&cli);
	ck_assert_msg(parse(&cli, &by_variable, &usage) == 0, "%s", usage.fact);
	(void) described(&cli, texts[2], sizeof(texts[2]));
	cli_free(&cli);
	ck_assert_str_eq(texts[1], texts[2]);
	ck_assert_str_ne(texts[0], texts[1]);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("options");
	TCase *options = tcase_create("options"), *table = tcase_create("table");
	SRunner *runner = srunner_create(suite);
	int failed;

	tcase_add_checked_fixture(options, NULL, forget);
	tcase_add_checked_fixture(table, NULL, forget);
	tcase_add_loop_test(options, accepts, 0, (int) ARRAY_SIZE(accepted));
	tcase_add_loop_test(options, refuses, 0, (int) ARRAY_SIZE(refused));
	tcase_add_test(options, two_lines_and_64);
	tcase_add_test(options, refusal_in_the_format_asked_for);
	tcase_add_test(options, notes_are_warnings);
	tcase_add_test(table, help_and_man_have_every_option);
	tcase_add_loop_test(table, every_option_has_its_twin, 0, (int) option_table_size);
	suite_add_tcase(suite, options);
	suite_add_tcase(suite, table);
	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed == 0 ? 0 : 1;
}
