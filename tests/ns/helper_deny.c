/* SPDX-License-Identifier: Apache-2.0 */
/*
 * helper_deny SYSCALL=ERRNO[@N]... -- COMMAND [ARG...]
 *
 * Run COMMAND; the N-th SYSCALL that it or its children make fails with ERRNO, without @N every
 * one. The exec of COMMAND itself is not counted. Ends with COMMAND's status, 128+signal, or 125
 * when this does not work here. Also says on standard error how often each was denied.
 */
#include "deny.h"

#define MAX_RULES 16

struct rule {
	char name[40];
	int number;
	int code;
	unsigned long nth; /* 0: every one */
	unsigned long seen, denied;
};

struct rules {
	struct rule rules[MAX_RULES];
	size_t count;
};

static int decide(const struct seccomp_notif *call, void *data)
{
	struct rules *rules = data;

	for (size_t i = 0; i < rules->count; i++) {
		struct rule *rule = &rules->rules[i];

		if (rule->number != call->data.nr)
			continue;
		/* still us: COMMAND is not there yet */
		if (deny_is_same_program((pid_t) call->pid))
			return 0;
		rule->seen++;
		if (rule->nth != 0 && rule->seen != rule->nth)
			continue;
		rule->denied++;
		return -rule->code;
	}
	return 0;
}

static bool parse_rule(const char *text, struct rule *rule)
{
	const char *equals = strchr(text, '=');
	char code[24];
	const char *at;

	if (!equals || (size_t) (equals - text) >= sizeof(rule->name))
		return false;
	memset(rule, 0, sizeof(*rule));
	memcpy(rule->name, text, (size_t) (equals - text));
	at = strchr(equals, '@');
	(void) snprintf(code, sizeof(code), "%.*s",
			at ? (int) (at - equals - 1) : (int) strlen(equals + 1), equals + 1);
	rule->nth = at ? strtoul(at + 1, NULL, 10) : 0;
	rule->number = seccomp_syscall_resolve_name(rule->name);
	rule->code = deny_errno_from_name(code);
	return rule->number >= 0 && rule->code > 0 && (!at || rule->nth > 0);
}

static _Noreturn void run(struct deny_shared *shared, const struct rules *rules, char **command)
{
	int numbers[MAX_RULES];

	for (size_t i = 0; i < rules->count; i++)
		numbers[i] = rules->rules[i].number;
	deny_install(shared, numbers, rules->count);
	(void) execvp(command[0], command);
	(void) fprintf(stderr, "helper_deny: cannot execute %s: %s\n", command[0], strerror(errno));
	_exit(127);
}

int main(int argc, char **argv)
{
	struct deny_shared *shared = deny_share(sizeof(*shared));
	struct rules rules = { .count = 0 };
	int i, status = 0, r;
	pid_t pid;

	for (i = 1; i < argc && strcmp(argv[i], "--") != 0; i++)
		if (rules.count == MAX_RULES || !parse_rule(argv[i], &rules.rules[rules.count++])) {
			(void) fprintf(stderr, "helper_deny: '%s' is not SYSCALL=ERRNO[@N]\n",
				       argv[i]);
			return 125;
		}
	if (!shared || rules.count == 0 || i + 1 >= argc) {
		(void) fprintf(stderr, "usage: helper_deny SYSCALL=ERRNO[@N]... -- COMMAND\n");
		return 125;
	}
	pid = fork();
	if (pid == 0)
		run(shared, &rules, argv + i + 1);
	r = pid < 0 ? -errno : deny_supervise(pid, shared, decide, &rules, INT_MAX, &status);
	if (r < 0) {
		(void) fprintf(stderr, "helper_deny: %s\n", strerror(-r));
		return 125;
	}
	for (size_t n = 0; n < rules.count; n++)
		(void) fprintf(stderr, "helper_deny: %s: %lu of %lu denied\n", rules.rules[n].name,
			       rules.rules[n].denied, rules.rules[n].seen);
	return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}
