/* SPDX-License-Identifier: Apache-2.0 */
/*
 * TRIAL_IPTABLES and its kin: does this back end take the rules of an engine? They are loaded as
 * dockerd would, in a network namespace that ends with the child, and nothing is done beforehand
 * that dockerd would not do: a module that loads is no proof that the rules do. One
 * iptables-restore takes as long as one of the two dozen calls of iptables that dockerd makes.
 */
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>

#include "dind/file.h"
#include "dind/str.h"
#include "trial.h"

#define LOCK_WAIT "--wait=3" /* two of them run at a time, and the legacy one has a lock */

/* What dockerd 20.10 to 28 loads for its default bridge and for a port that is published there. */
#define NAT(any, loopback, network, target)                                            \
	"*nat\n"                                                                       \
	":DOCKER - [0:0]\n"                                                            \
	"-A PREROUTING -m addrtype --dst-type LOCAL -j DOCKER\n"                       \
	"-A OUTPUT ! -d " loopback " -m addrtype --dst-type LOCAL -j DOCKER\n"         \
	"-A POSTROUTING -s " network " ! -o docker0 -j MASQUERADE\n"                   \
	"-A DOCKER -i docker0 -j RETURN\n"                                             \
	"-A DOCKER -d " any                                                            \
	" ! -i docker0 -p tcp -m tcp --dport 80 -j DNAT --to-destination " target "\n" \
	"COMMIT\n"
#define FILTER                                                                              \
	"*filter\n"                                                                         \
	":DOCKER - [0:0]\n"                                                                 \
	":DOCKER-ISOLATION-STAGE-1 - [0:0]\n"                                               \
	":DOCKER-ISOLATION-STAGE-2 - [0:0]\n"                                               \
	":DOCKER-USER - [0:0]\n"                                                            \
	"-A FORWARD -j DOCKER-USER\n"                                                       \
	"-A FORWARD -j DOCKER-ISOLATION-STAGE-1\n"                                          \
	"-A FORWARD -o docker0 -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT\n"      \
	"-A FORWARD -o docker0 -j DOCKER\n"                                                 \
	"-A FORWARD -i docker0 ! -o docker0 -j ACCEPT\n"                                    \
	"-A DOCKER-ISOLATION-STAGE-1 -i docker0 ! -o docker0 -j DOCKER-ISOLATION-STAGE-2\n" \
	"-A DOCKER-ISOLATION-STAGE-1 -j RETURN\n"                                           \
	"-A DOCKER-ISOLATION-STAGE-2 -o docker0 -j DROP\n"                                  \
	"-A DOCKER-ISOLATION-STAGE-2 -j RETURN\n"                                           \
	"-A DOCKER-USER -j RETURN\n"                                                        \
	"COMMIT\n"
#define RAW                                                     \
	"*raw\n"                                                \
	"-A PREROUTING -d 172.17.0.2/32 ! -i docker0 -j DROP\n" \
	"COMMIT\n"

static const char rules_no_raw[] =
	NAT("0.0.0.0/0", "127.0.0.0/8", "172.17.0.0/16", "172.17.0.2:80") FILTER;
static const char rules_ipv4[] =
	NAT("0.0.0.0/0", "127.0.0.0/8", "172.17.0.0/16", "172.17.0.2:80") FILTER RAW;
static const char rules_ipv6[] = NAT("::/0", "::1/128", "fd00:17::/64", "[fd00:17::2]:80") FILTER;

static int memory_file(const char *text)
{
	auto_close int fd = memfd_create("rules", MFD_CLOEXEC);
	int r;

	if (fd < 0)
		return -errno;
	r = file_write_all(fd, text, strlen(text));
	if (r == 0 && lseek(fd, 0, SEEK_SET) < 0)
		r = -errno;
	return r < 0 ? r : fd_take(&fd);
}

/* "/sbin/iptables-legacy" is "/sbin/ip6tables-legacy-restore". 0 or -ENAMETOOLONG. */
static int program_of(const char *iptables, bool ipv6, char *buf, size_t size)
{
	const char *slash = strrchr(iptables, '/');
	const char *name = slash ? slash + 1 : iptables;
	bool renamed = ipv6 && str_has_prefix(name, "iptables");
	int n = snprintf(buf, size, "%.*s%s%s-restore", (int) (name - iptables), iptables,
			 renamed ? "ip6tables" : "", renamed ? name + strlen("iptables") : name);

	return n < 0 || (size_t) n >= size ? -ENAMETOOLONG : 0;
}

/* What it says, in one line, without what it says of itself. */
static void quote(char *output, struct trial_record *record)
{
	static const char *const noise[] = { "Try `", "# ", "Error occurred at line" };
	size_t used = 0;
	char *line;

	while ((line = strsep(&output, "\n"))) {
		bool skip = !*line;
		int n;

		for (size_t i = 0; i < ARRAY_SIZE(noise); i++)
			skip = skip || str_has_prefix(line, noise[i]);
		if (skip || used + 1 >= sizeof(record->detail))
			continue;
		n = snprintf(record->detail + used, sizeof(record->detail) - used, "%s%s",
			     used ? " " : "", line);
		used += n > 0 ? (size_t) n : 0;
	}
}

static void judge(int status, const char *program, char *output, struct trial_record *record)
{
	if (WIFEXITED(status) && WEXITSTATUS(status) == 0) {
		trial_passed(record, "rules of an engine loaded");
		return;
	}
	if (WIFEXITED(status) && !*output &&
	    (WEXITSTATUS(status) == STATUS_NOT_FOUND ||
	     WEXITSTATUS(status) == STATUS_CANNOT_EXECUTE)) {
		/* it says nothing of what the kernel can do */
		(void) trial_failed(record, TRI_UNKNOWN,
				    WEXITSTATUS(status) == STATUS_NOT_FOUND ? ENOENT : EACCES,
				    "run %s", program);
		return;
	}
	quote(output, record);
	(void) trial_failed(record, TRI_NO, 0, "%s: %s %d", program,
			    WIFEXITED(status) ? "status" : "signal",
			    WIFEXITED(status) ? WEXITSTATUS(status) : WTERMSIG(status));
}

static void load(const char *iptables, bool ipv6, const char *rules, struct trial_record *record)
{
	auto_close int input = -EBADF;
	auto_close int output = -EBADF;
	char program[256], text[2048];
	const char *const argv[] = { program, LOCK_WAIT, NULL };
	pid_t pid;
	int r;

	r = program_of(iptables, ipv6, program, sizeof(program));
	if (r == 0 && unshare(CLONE_NEWNET) < 0)
		r = -errno;
	if (r < 0) {
		(void) trial_failed(record, TRI_UNKNOWN, -r, "a network namespace to try in");
		return;
	}
	input = memory_file(rules);
	r = input < 0 ? input : trial_start_program(argv, input, &pid, &output);
	if (r < 0) {
		(void) trial_failed(record, TRI_UNKNOWN, -r, "start %s", program);
		return;
	}
	(void) trial_read_output(output, text, sizeof(text), true);
	fd_close(&output);
	judge(trial_end_program(pid), program, text, record);
}

int trial_iptables_work(const void *context, void *record)
{
	const struct trial_context *trial = context;

	load(trial->path, false, rules_ipv4, record);
	return 0;
}

int trial_iptables_no_raw_work(const void *context, void *record)
{
	const struct trial_context *trial = context;

	load(trial->path, false, rules_no_raw, record);
	return 0;
}

int trial_ip6tables_work(const void *context, void *record)
{
	const struct trial_context *trial = context;

	load(trial->path, true, rules_ipv6, record);
	return 0;
}
