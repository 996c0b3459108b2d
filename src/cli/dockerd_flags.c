/* SPDX-License-Identifier: Apache-2.0 */
#include "dockerd_flags.h"

#include <string.h>

#include "dind/str.h"

enum flag_kind {
	FLAG_VALUE = 0, /* takes a value, in the same word or the next */
	FLAG_SWITCH,	/* --flag or --flag=false; the next word is not its value */
};

enum flag_use {
	USE_PASS = 0,
	USE_HOST,
	USE_GROUP,
	USE_DATA_ROOT,
	USE_EXEC_ROOT,
	USE_PID_FILE,
	USE_CONFIG_FILE,
	USE_DRIVER,
	USE_TLS_FILE,
	USE_ASKS,
};

struct flag_spec {
	const char *name;
	char letter;
	enum flag_kind kind;
	enum flag_use use;
};

/*
 * dockerd 1.12 to 29.7: what we take over, and every switch. Without the switches, "--debug tcp"
 * and "--label tcp" could not be told apart: of a flag that wants a value, pflag takes whatever
 * follows.
 */
static const struct flag_spec flag_table[] = {
	{ "host", 'H', FLAG_VALUE, USE_HOST },
	{ "group", 'G', FLAG_VALUE, USE_GROUP },
	{ "data-root", 0, FLAG_VALUE, USE_DATA_ROOT },
	{ "graph", 'g', FLAG_VALUE, USE_DATA_ROOT },
	{ "exec-root", 0, FLAG_VALUE, USE_EXEC_ROOT },
	{ "pidfile", 'p', FLAG_VALUE, USE_PID_FILE },
	{ "config-file", 0, FLAG_VALUE, USE_CONFIG_FILE },
	{ "storage-driver", 's', FLAG_VALUE, USE_DRIVER },
	{ "tlscacert", 0, FLAG_VALUE, USE_TLS_FILE },
	{ "tlscert", 0, FLAG_VALUE, USE_TLS_FILE },
	{ "tlskey", 0, FLAG_VALUE, USE_TLS_FILE },
	{ "help", 'h', FLAG_SWITCH, USE_ASKS },
	{ "version", 'v', FLAG_SWITCH, USE_ASKS },
	{ "validate", 0, FLAG_SWITCH, USE_ASKS },

	{ "allow-direct-routing", 0, FLAG_SWITCH, USE_PASS },
	{ "cri-containerd", 0, FLAG_SWITCH, USE_PASS },
	{ "debug", 'D', FLAG_SWITCH, USE_PASS },
	{ "disable-legacy-registry", 0, FLAG_SWITCH, USE_PASS },
	{ "experimental", 0, FLAG_SWITCH, USE_PASS },
	{ "icc", 0, FLAG_SWITCH, USE_PASS },
	{ "init", 0, FLAG_SWITCH, USE_PASS },
	{ "ip-forward", 0, FLAG_SWITCH, USE_PASS },
	{ "ip-forward-no-drop", 0, FLAG_SWITCH, USE_PASS },
	{ "ip-masq", 0, FLAG_SWITCH, USE_PASS },
	{ "ip6tables", 0, FLAG_SWITCH, USE_PASS },
	{ "iptables", 0, FLAG_SWITCH, USE_PASS },
	{ "ipv6", 0, FLAG_SWITCH, USE_PASS },
	{ "live-restore", 0, FLAG_SWITCH, USE_PASS },
	{ "no-new-privileges", 0, FLAG_SWITCH, USE_PASS },
	{ "raw-logs", 0, FLAG_SWITCH, USE_PASS },
	{ "rootless", 0, FLAG_SWITCH, USE_PASS },
	{ "selinux-enabled", 0, FLAG_SWITCH, USE_PASS },
	{ "tls", 0, FLAG_SWITCH, USE_PASS },
	{ "tlsverify", 0, FLAG_SWITCH, USE_PASS },
	{ "userland-proxy", 0, FLAG_SWITCH, USE_PASS },

	/* flags with a value that have a letter; all others need no line */
	{ "bridge", 'b', FLAG_VALUE, USE_PASS },
	{ "log-level", 'l', FLAG_VALUE, USE_PASS },
};

static const struct flag_spec *find_name(const char *name, size_t n)
{
	for (size_t i = 0; i < ARRAY_SIZE(flag_table); i++)
		if (strlen(flag_table[i].name) == n && strncmp(flag_table[i].name, name, n) == 0)
			return &flag_table[i];
	return NULL;
}

static const struct flag_spec *find_letter(char letter)
{
	for (size_t i = 0; i < ARRAY_SIZE(flag_table); i++)
		if (flag_table[i].letter == letter)
			return &flag_table[i];
	return NULL;
}

/* As strconv.ParseBool, which reads the value of a switch in dockerd. */
static bool is_false(const char *value)
{
	static const char *const words[] = { "0", "f", "F", "false", "FALSE", "False" };

	for (size_t i = 0; i < ARRAY_SIZE(words); i++)
		if (strcmp(words[i], value) == 0)
			return true;
	return false;
}

struct scan {
	struct arena *arena;
	struct dockerd_flags *flags;
	struct error *err;
};

/* @value is NULL for a switch without one. True: taken over, not to be passed on. */
static bool use_flag(struct scan *scan, const struct flag_spec *spec, const char *word,
		     const char *value)
{
	struct dockerd_flags *flags = scan->flags;

	switch (spec->use) {
	case USE_PASS:
		return false;
	case USE_ASKS:
		flags->asks = flags->asks || !value || !is_false(value);
		return false;
	case USE_TLS_FILE:
		flags->tls_file = word;
		return false;
	case USE_HOST:
		strings_add(scan->arena, &flags->hosts, value);
		return true;
	case USE_GROUP:
		flags->group = value;
		return true;
	case USE_DATA_ROOT:
		flags->data_root = value;
		return true;
	case USE_EXEC_ROOT:
		flags->exec_root = value;
		return true;
	case USE_PID_FILE:
		flags->pid_file = value;
		return true;
	case USE_CONFIG_FILE:
		flags->config_file = value;
		return true;
	case USE_DRIVER:
		flags->storage_driver = value;
		return true;
	}
	return false;
}

static int missing_value(struct scan *scan, const char *word)
{
	return error_set_plain(scan->err, -EINVAL, "dockerd's flag %s lacks its value", word);
}

/* "--name", "--name=value" or "--name value". Returns the number of words used or -EINVAL. */
static int read_long(struct scan *scan, const char *const *args)
{
	const char *name = args[0] + 2;
	size_t n = strcspn(name, "=");
	const char *value = name[n] ? name + n + 1 : NULL;
	const struct flag_spec *spec = find_name(name, n);
	int used = 1;

	if (!value && (!spec || spec->kind == FLAG_VALUE)) {
		/* a flag that we do not know may be a switch: only a word that cannot be a flag is
		 * its value */
		if (args[1] && (spec || args[1][0] != '-')) {
			value = args[1];
			used = 2;
		} else if (spec) {
			return missing_value(scan, args[0]);
		}
	}
	if (!spec || !use_flag(scan, spec, args[0], value))
		for (int i = 0; i < used; i++)
			strings_add(scan->arena, &scan->flags->rest, args[i]);
	return used;
}

/* "-D", "-Hvalue", "-H=value", "-H value", "-DH value". Returns the number of words used. */
static int read_short(struct scan *scan, const char *const *args)
{
	for (const char *c = args[0] + 1; *c; c++) {
		const struct flag_spec *spec = find_letter(*c);
		const char *value = c[1] == '=' ? c + 2 : c + 1;
		int used = 1;

		if (!spec) {
			strings_add(scan->arena, &scan->flags->rest,
				    arena_printf(scan->arena, "-%s", c));
			return 1;
		}
		if (spec->kind == FLAG_SWITCH && c[1] != '=') {
			if (!use_flag(scan, spec, args[0], NULL))
				strings_add(scan->arena, &scan->flags->rest,
					    arena_printf(scan->arena, "-%c", *c));
			continue;
		}
		if (c[1] == '\0') {
			if (!args[1])
				return missing_value(scan, args[0]);
			value = args[1];
			used = 2;
		}
		if (!use_flag(scan, spec, args[0], value))
			strings_add(scan->arena, &scan->flags->rest,
				    arena_printf(scan->arena, "-%c=%s", *c, value));
		return used;
	}
	return 1;
}

int dockerd_flags_read(const char *const *args, struct arena *arena, struct dockerd_flags *flags,
		       struct error *err)
{
	struct scan scan = { arena, flags, err };

	while (*args) {
		int used = 1;

		if (str_equal(*args, "--"))
			return error_set_plain(err, -EINVAL,
					       "dockerd takes no arguments, only flags: '--'");
		if (str_has_prefix(*args, "--"))
			used = read_long(&scan, args);
		else if ((*args)[0] == '-' && (*args)[1])
			used = read_short(&scan, args);
		else
			return error_set_plain(err, -EINVAL,
					       "dockerd takes no arguments, only flags: '%s'",
					       *args);
		if (used < 0)
			return used;
		args += used;
	}
	return 0;
}
