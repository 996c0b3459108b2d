/* SPDX-License-Identifier: Apache-2.0 */
/* network.c - what the inner network needs beside dockerd: which iptables it finds, TCP's idea of
 * the MTU, and a relay for names. */
#include "steps.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/rtnetlink.h>
#include <net/if.h>
#include <netinet/in.h>
#include <signal.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/time.h>

#include "child.h"
#include "dind/file.h"
#include "dind/str.h"

#define RULE_TIMEOUT_MS	 5000
#define ANSWER_TIMEOUT_S 2
#define DNS_PORT	 53
#define BACKLOG		 64
#define RELAY_NAME	 "dind-dns"
#define RELAY_FDS	 3 /* UDP, and TCP behind it */
#define MAX_SERVERS	 8

/* ---- links ---- */

int apply_link(const struct plan_step *step, struct error *err)
{
	const char *path = step->u.link.path, *target = step->u.link.target;
	char there[PATH_MAX], parent[PATH_MAX], self[PATH_MAX];
	int r;

	/* who follows it is another, who would find himself */
	if (str_equal(target, "/proc/self/exe") &&
	    file_readlink_at(AT_FDCWD, target, self, sizeof(self)) >= 0)
		target = self;
	if (file_readlink_at(AT_FDCWD, path, there, sizeof(there)) >= 0 && str_equal(there, target))
		return 0;
	r = apply_parent(path, parent, sizeof(parent));
	if (r == 0)
		r = apply_make_directory(parent, 0755);
	if (r == 0 && unlink(path) < 0 && errno != ENOENT)
		r = -errno;
	if (r == 0 && symlink(target, path) < 0)
		r = -errno;
	return r < 0 ? error_set(err, r, "link %s to %s", path, target) : 0;
}

/* ---- TCP's maximum segment size ---- */

/* A table that dockerd leaves alone; the rule stays as long as the network namespace. */
int apply_clamp_mss(const struct plan_step *step, struct error *err)
{
	const char *argv[] = { step->u.clamp_mss.iptables,
			       "--wait",
			       "-t",
			       "mangle",
			       "-C",
			       "FORWARD",
			       "-p",
			       "tcp",
			       "-m",
			       "tcp",
			       "--tcp-flags",
			       "SYN,RST",
			       "SYN",
			       "-j",
			       "TCPMSS",
			       "--clamp-mss-to-pmtu",
			       NULL };
	struct error missing = ERROR_INIT;

	if (child_run(argv, RULE_TIMEOUT_MS, 0, &missing) == 0)
		return 0;
	argv[4] = "-A";
	return child_run(argv, RULE_TIMEOUT_MS, 0, err);
}

/* ---- the relay ---- */

/* rtnetlink(7): RTM_NEWADDR. 0 or a negative errno; -EEXIST is its business. */
static int add_address(struct in_addr address)
{
	struct {
		struct nlmsghdr header;
		struct ifaddrmsg message;
		struct rtattr local;
		struct in_addr address;
	} request = {
		.header = { .nlmsg_len = sizeof(request),
			    .nlmsg_type = RTM_NEWADDR,
			    .nlmsg_flags = NLM_F_REQUEST | NLM_F_ACK | NLM_F_CREATE | NLM_F_EXCL },
		.message = { .ifa_family = AF_INET,
			     .ifa_prefixlen = 32,
			     .ifa_scope = RT_SCOPE_HOST,
			     .ifa_index = if_nametoindex("lo") },
		.local = { .rta_len = RTA_LENGTH(sizeof(address)), .rta_type = IFA_LOCAL },
		.address = address,
	};
	struct {
		struct nlmsghdr header;
		struct nlmsgerr error;
		char rest[512];
	} answer = { .error = { .error = 0 } };
	const struct timeval limit = { .tv_sec = ANSWER_TIMEOUT_S };
	auto_close int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_ROUTE);
	ssize_t n;

	if (fd < 0 || setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof(limit)) < 0 ||
	    send(fd, &request, sizeof(request), 0) < 0)
		return -errno;
	n = recv(fd, &answer, sizeof(answer), 0);
	if (n < 0)
		return -errno;
	if ((size_t) n < sizeof(answer.header) + sizeof(answer.error) ||
	    answer.header.nlmsg_type != NLMSG_ERROR)
		return -EPROTO;
	return answer.error.error;
}

static int open_socket(const struct sockaddr_in *at, int type, int *ret_fd)
{
	static const int on = 1;
	auto_close int fd = socket(AF_INET, type | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

	if (fd < 0 ||
	    (type == SOCK_STREAM &&
	     setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on)) < 0) ||
	    bind(fd, (const struct sockaddr *) at, sizeof(*at)) < 0 ||
	    (type == SOCK_STREAM && listen(fd, BACKLOG) < 0))
		return -errno;
	*ret_fd = fd_take(&fd);
	return 0;
}

/* Never returns. @fds are those of RELAY_FDS, in that order. */
static _Noreturn void exec_relay(const struct plan_step *step, const int *fds, pid_t parent)
{
	static const char *const environment[] = { NULL };
	const char *argv[MAX_SERVERS + 2] = { RELAY_NAME };
	/* out of the way of the numbers that they get */
	int udp = fcntl(fds[0], F_DUPFD_CLOEXEC, RELAY_FDS + 2);
	int tcp = fcntl(fds[1], F_DUPFD_CLOEXEC, RELAY_FDS + 2);
	sigset_t none;

	if (prctl(PR_SET_PDEATHSIG, SIGKILL) < 0 || getppid() != parent)
		_exit(STATUS_OSERR);
	for (size_t i = 0; i < MAX_SERVERS && step->u.dns_relay.servers[i]; i++)
		argv[i + 1] = step->u.dns_relay.servers[i];
	(void) sigemptyset(&none);
	(void) sigprocmask(SIG_SETMASK, &none, NULL);
	if (udp >= 0 && tcp >= 0 && dup2(udp, RELAY_FDS) >= 0 && dup2(tcp, RELAY_FDS + 1) >= 0)
		(void) execve(step->u.dns_relay.program, (char *const *) (uintptr_t) argv,
			      (char *const *) (uintptr_t) environment);
	_exit(STATUS_CANNOT_EXECUTE);
}

static int open_sockets(struct apply_context *context, const char *address, struct error *err)
{
	struct sockaddr_in at = { .sin_family = AF_INET, .sin_port = htons(DNS_PORT) };
	auto_close int udp = -EBADF;
	auto_close int tcp = -EBADF;
	int r;

	if (context->relay_fds[0] >= 0)
		return 0;
	if (inet_pton(AF_INET, address, &at.sin_addr) != 1)
		return error_set_plain(err, -EINVAL, "%s is no IPv4 address", address);
	r = add_address(at.sin_addr);
	if (r < 0 && r != -EEXIST) /* in a pod it outlives us */
		return error_set(err, r, "give %s to the loopback device", address);
	r = open_socket(&at, SOCK_DGRAM, &udp);
	if (r == 0)
		r = open_socket(&at, SOCK_STREAM, &tcp);
	if (r < 0)
		return error_set(err, r, "listen on %s port %d", address, DNS_PORT);
	context->relay_fds[0] = fd_take(&udp);
	context->relay_fds[1] = fd_take(&tcp);
	return 0;
}

pid_t apply_start_relay(struct apply_context *context, const struct plan_step *step)
{
	pid_t parent = getpid();
	pid_t pid = fork();

	if (pid < 0)
		return -errno;
	if (pid == 0)
		exec_relay(step, context->relay_fds, parent);
	context->relay_pid = pid;
	return pid;
}

int apply_dns_relay(struct apply_context *context, const struct plan_step *step, struct error *err)
{
	int r;

	if (context->relay_pid > 0 && kill(context->relay_pid, 0) == 0)
		return 0;
	r = open_sockets(context, step->u.dns_relay.address, err);
	if (r < 0)
		return r;
	r = apply_start_relay(context, step);
	return r < 0 ? error_set(err, r, "start the DNS relay") : 0;
}
