/* SPDX-License-Identifier: Apache-2.0 */
/* As test_apply_deny.c: certificates, and what the inner network needs beside dockerd. */
#include <net/if.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

#include "deny_steps.h"

static struct plan_step step;

static int act_step(struct apply_context *context, struct error *err)
{
	return apply_step(context, &step, err);
}

/* ---- certificates ---- */

static const char *const certs_argv[] = { "/bin/sh", "-c", "echo 'info: made'", NULL };

/* With --hold as its last word; what comes then is the byte, or the end. */
static const char *const held_argv[] = {
	"/bin/sh", "-c", "test -z \"$1\" || read -r line || exit 71; echo 'info: made'", "certs",
	NULL
};

static void prepare_certs(void)
{
	step = (struct plan_step){ .kind = STEP_CERTS };
	step.u.certs.directory = in_scratch("certs");
	step.u.certs.argv = certs_argv;
	step.u.certs.timeout_ms = 10000;
}

static void prepare_certs_held(void)
{
	prepare_certs();
	step.u.certs.argv = held_argv;
}

/* Beside the trials, then as the first and the last of its steps. */
static int act_certs_held(struct apply_context *context, struct error *err)
{
	struct plan_step begin = step;
	struct error first = ERROR_INIT;
	int r;

	begin.u.certs.begin = true;
	(void) apply_ahead(context, &begin, &first); /* met again by the step */
	r = apply_step(context, &begin, err);
	return r < 0 ? r : apply_step(context, &step, err);
}

#define BLOCK "-----BEGIN CERTIFICATE-----\nx\n-----END CERTIFICATE-----"

static void prepare_ca(void)
{
	static const char *sources[] = { NULL, NULL, NULL };

	ck_assert_int_eq(mkdir(in_scratch("many"), 0755), 0);
	ck_assert(write_text(in_scratch("many/a.crt"), BLOCK));
	ck_assert(write_text(in_scratch("one.pem"), BLOCK));
	sources[0] = in_scratch("one.pem");
	sources[1] = in_scratch("many");
	step = (struct plan_step){ .kind = STEP_CA };
	step.u.ca.sources = sources;
	step.u.ca.target = in_scratch("ca/engine.pem");
}

/* ---- the network ---- */

/* Something is there that has to go. */
static void prepare_link(void)
{
	step = (struct plan_step){ .kind = STEP_LINK };
	step.u.link.path = in_scratch("iptables");
	step.u.link.target = "/usr/sbin/iptables-legacy";
	ck_assert_int_eq(symlink("/usr/sbin/iptables-nft", step.u.link.path), 0);
}

/* Of the kind that tells who runs it. */
static void prepare_link_to_us(void)
{
	step = (struct plan_step){ .kind = STEP_LINK };
	step.u.link.path = in_scratch("bin/runc");
	step.u.link.target = "/proc/self/exe";
}

/* Has the rule or not, as a file beside it says. */
static void prepare_clamp_mss(void)
{
	char script[1024];

	(void) snprintf(script, sizeof(script),
			"#!/bin/sh\ncase \" $* \" in\n*' -C '*) test -e %s/rule ;;\n"
			"*' -A '*) : >%s/rule ;;\n*) exit 2 ;;\nesac\n",
			scratch, scratch);
	step = (struct plan_step){ .kind = STEP_CLAMP_MSS };
	step.u.clamp_mss.iptables = in_scratch("iptables");
	ck_assert(write_text(step.u.clamp_mss.iptables, script));
	ck_assert_int_eq(chmod(step.u.clamp_mss.iptables, 0755), 0);
}

static void prepare_dns_relay(void)
{
	static const char *const servers[] = { "127.0.0.11", NULL };
	struct ifreq lo = { .ifr_name = "lo", .ifr_flags = IFF_UP };
	int fd;

	ck_assert_int_eq(unshare(CLONE_NEWNET), 0);
	fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	ck_assert_int_eq(ioctl(fd, SIOCSIFFLAGS, &lo), 0);
	(void) close(fd);
	step = (struct plan_step){ .kind = STEP_DNS_RELAY };
	step.u.dns_relay.program = PROGRAM;
	step.u.dns_relay.address = "169.254.17.53";
	step.u.dns_relay.servers = servers;
}

/* ---- */

static const struct subject subjects[] = {
	{ "certificates", prepare_certs, act_step, false, false },
	{ "certificates, begun early", prepare_certs_held, act_certs_held, false, false },
	{ "CA", prepare_ca, act_step, false, false },
	{ "link", prepare_link, act_step, false, false },
	{ "link to ourselves", prepare_link_to_us, act_step, false, false },
	{ "clamp MSS", prepare_clamp_mss, act_step, false, false },
	{ "DNS relay", prepare_dns_relay, act_step, false, false },
};

START_TEST(test_each_call_fails_once)
{
	deny_each_call_once(&subjects[_i]);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("apply, each call failing once: services");
	TCase *tests = tcase_create("deny");

	require_root();
	tcase_set_timeout(tests, 120);
	tcase_add_loop_test(tests, test_each_call_fails_once, 0, ARRAY_SIZE(subjects));
	suite_add_tcase(suite, tests);
	return run_suite(suite);
}
