/* SPDX-License-Identifier: Apache-2.0 */
/* Which iptables: the one in PATH, on nf_tables in every image of today, or the legacy one. */
#include <fcntl.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nfnetlink.h>
#include <linux/netlink.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>

#include "dind/file.h"
#include "personality.h"

/* docker:dind's place: links named iptables, ip6tables, … to the legacy programs. */
#define LEGACY_DIRECTORY "/usr/local/sbin/.iptables-legacy"
#define DEFAULT_PATH	 "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
#define TIMEOUT_MS	 5000
#define ANSWER_TIMEOUT_S 1

/* Rules of somebody who uses the legacy tables in this network namespace. */
static bool legacy_rules(void)
{
	static const char *const lists[] = {
		"/proc/net/ip_tables_names",
		"/proc/net/ip6_tables_names",
		"/proc/net/arp_tables_names",
	};

	for (size_t i = 0; i < ARRAY_SIZE(lists); i++) {
		char text[8];

		if (file_read_at(AT_FDCWD, lists[i], text, sizeof(text)) > 0)
			return true;
	}
	return false;
}

/*
 * What iptables asks before anything else. Asked here, it takes no time: two runs of the program
 * are as long as half of a start. The kernel answers within the call, so that the time-out is only
 * there for one that does not.
 */
static bool kernel_has_nf_tables(void)
{
	struct {
		struct nlmsghdr header;
		struct nfgenmsg message;
	} request = {
		.header = { .nlmsg_len = sizeof(request),
			    .nlmsg_type = NFNL_SUBSYS_NFTABLES << 8 | NFT_MSG_GETGEN,
			    .nlmsg_flags = NLM_F_REQUEST },
		.message = { .nfgen_family = AF_UNSPEC, .version = NFNETLINK_V0 },
	};
	auto_close int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_NETFILTER);
	const struct timeval limit = { .tv_sec = ANSWER_TIMEOUT_S };
	union {
		struct nlmsghdr header;
		char bytes[1024];
	} answer = { .bytes = "" };

	if (fd < 0 || setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof(limit)) < 0 ||
	    send(fd, &request, sizeof(request), 0) < 0 ||
	    recv(fd, &answer, sizeof(answer), 0) < (ssize_t) sizeof(answer.header))
		return false;
	return answer.header.nlmsg_type == (NFNL_SUBSYS_NFTABLES << 8 | NFT_MSG_NEWGEN);
}

static bool lists_rules(const struct cli *cli, const char *program)
{
	const char *const argv[] = { program, "-nL", NULL };

	return personality_run(cli, argv, cli->options.environment, -1, TIMEOUT_MS) == 0;
}

static bool wants_legacy(const struct cli *cli)
{
	const char *said = options_environment(&cli->options, "DOCKER_IPTABLES_LEGACY");

	if (said)
		return *said != '\0';
	return legacy_rules() ||
	       (!kernel_has_nf_tables() && lists_rules(cli, LEGACY_DIRECTORY "/iptables"));
}

void personality_iptables_choose(struct cli *cli)
{
	const char *path = personality_variable(cli, "PATH");

	if (wants_legacy(cli) && access(LEGACY_DIRECTORY "/iptables", X_OK) == 0)
		personality_set(cli, "PATH",
				arena_printf(&cli->arena, LEGACY_DIRECTORY ":%s",
					     path ? path : DEFAULT_PATH));
}

void personality_iptables_print(const struct cli *cli, bool wait)
{
	static const char *const argv[] = { "iptables", "--version", NULL };

	if (wait)
		(void) personality_run(cli, argv, cli->options.environment, STDOUT_FILENO,
				       TIMEOUT_MS);
	else
		personality_start(cli, argv, cli->options.environment, STDOUT_FILENO);
}
