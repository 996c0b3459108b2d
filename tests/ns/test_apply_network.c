/* SPDX-License-Identifier: Apache-2.0 */
/* What the inner network needs beside dockerd: links, TCP's idea of the MTU, a relay for names. */
#include "fixture.h"

#include <arpa/inet.h>
#include <net/if.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/socket.h>

#define RELAY	"169.254.17.53"
#define SERVER	"127.0.0.11"
#define NOBODY	"127.0.0.12"
#define SERVER6 "::1"
#define NO_WAY	"fd00::2" /* no route leads there */
#define ANSWERS 40	  /* more than one way of reading at once */
#define BIG	50000

static struct apply_context context;
static struct error err;

static void run_step(const struct plan_step *step)
{
	ck_assert_msg(apply_step(&context, step, &err) == 0, "%s", err.message);
}

static int run(const char *script)
{
	const char *const argv[] = { "/bin/sh", "-c", script, NULL };
	pid_t pid = fork();
	int status;

	ck_assert_int_ge(pid, 0);
	if (pid == 0) {
		(void) execv(argv[0], (char *const *) (uintptr_t) argv);
		_exit(127);
	}
	ck_assert_int_eq(waitpid(pid, &status, 0), pid);
	return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

/* ---- links ---- */

START_TEST(link_leads_there)
{
	struct plan_step step = { .kind = STEP_LINK };
	char target[64];
	struct stat before, after;

	step.u.link.path = in_scratch("bin/iptables");
	step.u.link.target = "/usr/sbin/iptables-legacy";
	run_step(&step);
	ck_assert_int_gt(readlink(step.u.link.path, target, sizeof(target)), 0);
	ck_assert_int_eq(strncmp(target, step.u.link.target, strlen(step.u.link.target)), 0);
	ck_assert_int_eq(lstat(step.u.link.path, &before), 0);
	run_step(&step);
	ck_assert_int_eq(lstat(step.u.link.path, &after), 0);
	ck_assert_uint_eq(before.st_ino, after.st_ino); /* the same one */
	step.u.link.target = "/usr/sbin/iptables-nft";
	run_step(&step);
	ck_assert_int_eq(readlink(step.u.link.path, target, sizeof(target)),
			 (ssize_t) strlen(step.u.link.target));
	/* ourselves: whoever follows it is another program */
	step.u.link.target = "/proc/self/exe";
	for (int i = 0; i < 2; i++) {
		char self[PATH_MAX] = "", there[PATH_MAX] = "";

		run_step(&step);
		ck_assert_int_gt(readlink("/proc/self/exe", self, sizeof(self) - 1), 0);
		ck_assert_int_gt(readlink(step.u.link.path, there, sizeof(there) - 1), 0);
		ck_assert_str_eq(there, self);
	}
	step.u.link.path = "/proc/version/iptables";
	ck_assert_int_lt(apply_step(&context, &step, &err), 0);
	ck_assert_ptr_nonnull(strstr(err.message, "/proc/version/iptables"));
}
END_TEST

/* ---- TCP ---- */

/* Has a rule or not, as the file says. */
static const char iptables[] = "#!/bin/sh\n"
			       "case \" $* \" in\n"
			       "*' -t mangle -C FORWARD '*) test -e %s ;;\n"
			       "*' -t mangle -A FORWARD '*TCPMSS\\ --clamp-mss-to-pmtu*)\n"
			       "\ttest ! -e %s && : > %s ;;\n"
			       "*) exit 2 ;;\n"
			       "esac\n";

START_TEST(one_rule_however_often)
{
	struct plan_step step = { .kind = STEP_CLAMP_MSS };
	char script[4 * PATH_MAX], program[PATH_MAX], rule[PATH_MAX];

	(void) snprintf(rule, sizeof(rule), "%s", in_scratch("rule"));
	(void) snprintf(program, sizeof(program), "%s", in_scratch("iptables"));
	(void) snprintf(script, sizeof(script), iptables, rule, rule, rule);
	step.u.clamp_mss.iptables = program;
	ck_assert(write_text(step.u.clamp_mss.iptables, script));
	ck_assert_int_eq(chmod(step.u.clamp_mss.iptables, 0755), 0);
	run_step(&step);
	ck_assert_int_eq(access(rule, F_OK), 0);
	run_step(&step); /* a second rule would fail here */
	step.u.clamp_mss.iptables = "/bin/false";
	ck_assert_int_lt(apply_step(&context, &step, &err), 0);
	ck_assert_ptr_nonnull(strstr(err.message, "/bin/false"));
}
END_TEST

/* ---- names ---- */

static struct sockaddr_in address(const char *text)
{
	struct sockaddr_in at = { .sin_family = AF_INET, .sin_port = htons(53) };

	ck_assert_int_eq(inet_pton(AF_INET, text, &at.sin_addr), 1);
	return at;
}

static int bound(const char *text, int type)
{
	struct sockaddr_in at = address(text);
	int fd = socket(AF_INET, type | SOCK_CLOEXEC, 0);
	int on = 1;

	ck_assert_int_ge(fd, 0);
	/* also where there is no such address yet */
	ck_assert_int_eq(setsockopt(fd, IPPROTO_IP, IP_FREEBIND, &on, sizeof(on)), 0);
	ck_assert_int_eq(bind(fd, (struct sockaddr *) &at, sizeof(at)), 0);
	return fd;
}

static int connected(const char *text, int type)
{
	const struct timeval limit = { .tv_sec = 15 };
	struct sockaddr_in at = address(text);
	int fd = socket(AF_INET, type | SOCK_CLOEXEC, 0);

	ck_assert_int_ge(fd, 0);
	ck_assert_int_eq(setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof(limit)), 0);
	ck_assert_int_eq(connect(fd, (struct sockaddr *) &at, sizeof(at)), 0);
	return fd;
}

/* A name server of sorts: says what it was asked, with a word before it; over TCP much of it. */
static void serve(int udp, int tcp)
{
	struct pollfd fds[] = { { .fd = udp, .events = POLLIN }, { .fd = tcp, .events = POLLIN } };
	char question[512], answer[BIG] = "re: ";

	(void) prctl(PR_SET_PDEATHSIG, SIGKILL);
	while (poll(fds, 2, 30000) > 0) {
		struct sockaddr_storage from;
		socklen_t length = sizeof(from);
		ssize_t n;
		int fd;

		if (fds[0].revents) {
			n = recvfrom(udp, question, sizeof(question), 0, (struct sockaddr *) &from,
				     &length);
			memcpy(answer + 4, question, n > 0 ? (size_t) n : 0);
			(void) sendto(udp, answer, 4 + (size_t) n, 0, (struct sockaddr *) &from,
				      length);
		}
		if (fds[1].revents) {
			fd = accept(tcp, NULL, NULL);
			while (recv(fd, question, sizeof(question), 0) > 0)
				; /* until the other side has said all */
			memset(answer + 4, 'x', sizeof(answer) - 4);
			(void) file_write_all(fd, answer, sizeof(answer));
			(void) close(fd);
		}
	}
	_exit(0);
}

static int bound6(const char *text, int type)
{
	struct sockaddr_in6 at = { .sin6_family = AF_INET6, .sin6_port = htons(53) };
	int fd = socket(AF_INET6, type | SOCK_CLOEXEC, 0);

	ck_assert_int_ge(fd, 0);
	ck_assert_int_eq(inet_pton(AF_INET6, text, &at.sin6_addr), 1);
	ck_assert_int_eq(bind(fd, (struct sockaddr *) &at, sizeof(at)), 0);
	return fd;
}

static pid_t start_server_on(int udp, int tcp)
{
	pid_t pid;

	ck_assert_int_eq(listen(tcp, 8), 0);
	pid = fork();
	ck_assert_int_ge(pid, 0);
	if (pid == 0)
		serve(udp, tcp);
	(void) close(udp);
	(void) close(tcp);
	return pid;
}

static pid_t start_server(void)
{
	return start_server_on(bound(SERVER, SOCK_DGRAM), bound(SERVER, SOCK_STREAM));
}

static void end(pid_t pid)
{
	int status;

	ck_assert_int_eq(kill(pid, SIGKILL), 0);
	ck_assert_int_eq(waitpid(pid, &status, 0), pid);
}

static struct plan_step relay_step(const char *const *servers)
{
	struct plan_step step = { .kind = STEP_DNS_RELAY };

	step.u.dns_relay.program = PROGRAM;
	step.u.dns_relay.address = RELAY;
	step.u.dns_relay.servers = servers;
	return step;
}

static void ask_over_udp(int fd, int number)
{
	char question[32], answer[64] = "";
	int n = snprintf(question, sizeof(question), "question %d", number);

	ck_assert_int_eq(send(fd, question, (size_t) n, 0), n);
	ck_assert_int_eq(recv(fd, answer, sizeof(answer) - 1, 0), n + 4);
	ck_assert_int_eq(strncmp(answer, "re: ", 4), 0);
	ck_assert_str_eq(answer + 4, question);
}

static void ask_over_tcp(void)
{
	static char answer[BIG + 1];
	int fd = connected(RELAY, SOCK_STREAM);

	ck_assert_int_eq(send(fd, "long", 4, 0), 4);
	ck_assert_int_eq(shutdown(fd, SHUT_WR), 0);
	ck_assert_int_eq(file_read_full(fd, answer, sizeof(answer)), BIG);
	ck_assert_int_eq(strncmp(answer, "re: x", 5), 0);
	ck_assert_int_eq(answer[BIG - 1], 'x');
	(void) close(fd);
}

static void own_network(void)
{
	struct ifreq lo = { .ifr_name = "lo", .ifr_flags = IFF_UP };
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	ck_assert_int_eq(ioctl(fd, SIOCSIFFLAGS, &lo), 0);
	(void) close(fd);
}

START_TEST(names_are_relayed)
{
	static const char *const servers[] = { SERVER, NULL };
	struct plan_step step = relay_step(servers);
	pid_t server, relay;
	char answer[64], look[256];
	int fd, status;

	own_network();
	server = start_server();
	run_step(&step);
	relay = context.relay_pid;
	ck_assert_int_gt(relay, 0);
	run_step(&step); /* runs already */
	ck_assert_int_eq(context.relay_pid, relay);
	fd = connected(RELAY, SOCK_DGRAM);
	for (int i = 0; i < ANSWERS; i++)
		ask_over_udp(fd, i);
	ask_over_tcp();
	ask_over_tcp();
	ask_over_udp(fd, ANSWERS);
	/* it knows nothing of our signals, holds no file of ours, and is still there */
	(void) snprintf(look, sizeof(look),
			"test $(ls -l /proc/%d/fd | grep -c socket:) = 2 && "
			"grep -q 'SigBlk:.0000000000000000' /proc/%d/status && "
			"grep -qx dind-dns /proc/%d/comm",
			relay, relay, relay);
	ck_assert_int_eq(run(look), 0);
	(void) close(fd);
	ck_assert_int_eq(waitpid(relay, &status, WNOHANG), 0);
	end(relay);
	/* who asks meanwhile waits for the next one */
	fd = connected(RELAY, SOCK_DGRAM);
	ck_assert_int_eq(send(fd, "early", 5, 0), 5);
	relay = apply_start_relay(&context, &step);
	ck_assert_int_gt(relay, 0);
	ck_assert_int_eq(context.relay_pid, relay);
	ck_assert_int_eq(recv(fd, answer, sizeof(answer), 0), 9);
	ck_assert_int_eq(strncmp(answer, "re: early", 9), 0);
	ask_over_tcp();
	(void) close(fd);
	end(relay);
	run_step(&step); /* after an engine restart in a pod: the address is there */
	fd = connected(RELAY, SOCK_DGRAM);
	ask_over_udp(fd, 1);
	(void) close(fd);
	end(context.relay_pid);
	end(server);
}
END_TEST

/* Those that refuse, cannot be reached, or are on a link that is not there come first. */
static const char *const orders[][4] = {
	{ NOBODY, SERVER, NULL },
	{ NO_WAY, SERVER, NULL },
	{ NO_WAY, "fe80::1%nodevice", SERVER6, NULL },
	{ "fe80::1%lo", SERVER6, NULL },
};

START_TEST(the_next_server_is_asked)
{
	struct plan_step step = relay_step(orders[_i]);
	char answer[64];
	pid_t server;
	int fd;

	own_network();
	server =
		_i < 2 ? start_server()
		       : start_server_on(bound6(SERVER6, SOCK_DGRAM), bound6(SERVER6, SOCK_STREAM));
	run_step(&step);
	fd = connected(RELAY, SOCK_DGRAM);
	ck_assert_int_eq(send(fd, "lost", 4, 0), 4);
	/* whoever asks asks again */
	for (int i = 0; i < 20; i++) {
		struct pollfd answered = { .fd = fd, .events = POLLIN };

		ck_assert_int_eq(send(fd, "again", 5, 0), 5);
		if (poll(&answered, 1, 500) > 0)
			break;
		ck_assert_int_lt(i, 19);
	}
	ck_assert_int_gt(recv(fd, answer, sizeof(answer), 0), 4);
	ck_assert_int_eq(strncmp(answer, "re: again", 9), 0);
	ask_over_tcp();
	(void) close(fd);
	end(context.relay_pid);
	end(server);
}
END_TEST

START_TEST(an_address_that_is_taken)
{
	static const char *const servers[] = { SERVER, NULL };
	struct plan_step step = relay_step(servers);
	int fd;

	own_network();
	fd = bound(RELAY, SOCK_DGRAM);
	ck_assert_int_eq(apply_step(&context, &step, &err), -EADDRINUSE);
	ck_assert_ptr_nonnull(strstr(err.message, RELAY));
	ck_assert_int_eq(context.relay_pid, 0);
	(void) close(fd);
}
END_TEST

static void setup(void)
{
	ck_assert(enter_test());
	apply_context_init(&context);
}

int main(void)
{
	Suite *suite = suite_create("apply network");
	TCase *tests = tcase_create("network");

	require_root();
	tcase_add_checked_fixture(tests, setup, NULL);
	tcase_set_timeout(tests, 60);
	tcase_add_test(tests, link_leads_there);
	tcase_add_test(tests, one_rule_however_often);
	tcase_add_test(tests, names_are_relayed);
	tcase_add_loop_test(tests, the_next_server_is_asked, 0, ARRAY_SIZE(orders));
	tcase_add_test(tests, an_address_that_is_taken);
	suite_add_tcase(suite, tests);
	return run_suite(suite);
}
