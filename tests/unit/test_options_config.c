/* SPDX-License-Identifier: Apache-2.0 */
/* Options that become keys of daemon.json: their lists, how each is refused, where they come from.
 */
#include <check.h>
#include <stdio.h>
#include <string.h>

#include "options_fixture.h"

#define W(...)              \
	{                   \
		__VA_ARGS__ \
	}

static const char *described(const struct options *o, char *buf, size_t size)
{
	const struct {
		const char *name;
		const char *const *list;
	} lists[] = {
		{ "mirrors", o->registry_mirrors },
		{ "insecure_registries", o->insecure_registries },
		{ "ca", o->engine_ca },
		{ "dns", o->dns },
		{ "pools", o->address_pools },
		{ "args", o->dockerd_args },
	};
	char words[512];
	FILE *out = fmemopen(buf, size, "w");

	ck_assert_ptr_nonnull(out);
	if (o->mtu)
		fprintf(out, " mtu=%d", o->mtu);
	for (size_t i = 0; i < ARRAY_SIZE(lists); i++)
		if (lists[i].list)
			fprintf(out, " %s=[%s]", lists[i].name,
				joined(lists[i].list, words, sizeof(words)));
	fclose(out);
	return buf + (*buf == ' ');
}

static const struct {
	struct invocation invocation;
	const char *wanted;
} accepted[] = {
	/* the engine's configuration: lists of white space in variables */
	{ { W("--registry-mirror=http://m:5000", "--registry-mirror", "https://[2001:db8::1]/x/"),
	    W("DIND_REGISTRY_MIRROR=http://other") },
	  "mirrors=[http://m:5000 https://[2001:db8::1]/x/]" },
	{ { W(NULL), W("DIND_REGISTRY_MIRROR=http://a https://b:443",
		       "DIND_INSECURE_REGISTRY=r.example:5000 10.0.0.0/8 [::1]:5000 fd00::/8",
		       "DIND_MTU=1400", "DIND_DNS=10.0.0.2 2001:db8::53",
		       "DIND_ADDRESS_POOL=10.201.0.0/16,24 fd00::/48,64") },
	  "mtu=1400 mirrors=[http://a https://b:443] "
	  "insecure_registries=[r.example:5000 10.0.0.0/8 [::1]:5000 fd00::/8] "
	  "dns=[10.0.0.2 2001:db8::53] pools=[10.201.0.0/16,24 fd00::/48,64]" },
	{ { W("--engine-ca=/ca.pem", "--engine-ca", "/etc/ours/"), W(NULL) },
	  "ca=[/ca.pem /etc/ours]" },
	{ { W("--mtu", "68"), W("DIND_MTU=1400") }, "mtu=68" },
	/* a flag of dockerd's is what was wanted this time */
	{ { W("dockerd", "--mtu=1300", "--dns", "1.1.1.1"),
	    W("DIND_MTU=1400", "DIND_DNS=10.0.0.1") },
	  "args=[--mtu=1300 --dns 1.1.1.1]" },
	{ { W("--mtu=1400", "dockerd", "--mtux=1"), W(NULL) }, "mtu=1400 args=[--mtux=1]" },
};

START_TEST(accepts)
{
	struct cli_usage usage;
	struct cli cli;
	char text[1024];

	ck_assert_msg(parse(&cli, &accepted[_i].invocation, &usage) == 0, "%s", usage.fact);
	ck_assert_str_eq(described(&cli.options, text, sizeof(text)), accepted[_i].wanted);
	cli_free(&cli);
}
END_TEST

static const struct {
	struct invocation invocation;
	const char *code;
	const char *fact;
	const char *remedy;
} refused[] = {
	{ { W("--registry-mirror", "mirror.example"), W(NULL) },
	  "03",
	  "--registry-mirror: 'mirror.example'",
	  "write http://" },
	{ { W("--registry-mirror", "ftp://m"), W(NULL) },
	  "03",
	  "--registry-mirror: 'ftp://m'",
	  "write http://" },
	{ { W("--registry-mirror", "http://"), W(NULL) },
	  "03",
	  "--registry-mirror: 'http://'",
	  "write http://" },
	{ { W("--registry-mirror", "http://u:p@m"), W(NULL) },
	  "03",
	  "--registry-mirror: 'http://u:p@m'",
	  "without user" },
	{ { W("--registry-mirror", "http://m?x"), W(NULL) },
	  "03",
	  "--registry-mirror: 'http://m?x'",
	  "write http://" },
	{ { W("--registry-mirror", "http://m:0"), W(NULL) },
	  "03",
	  "--registry-mirror: 'http://m:0'",
	  "write http://" },
	{ { W("--registry-mirror", "http://m:x"), W(NULL) },
	  "03",
	  "--registry-mirror: 'http://m:x'",
	  "write http://" },
	{ { W("--registry-mirror", "http://[::1"), W(NULL) },
	  "03",
	  "--registry-mirror: 'http://[::1'",
	  "write http://" },
	{ { W("--registry-mirror", "http://m x"), W(NULL) },
	  "03",
	  "--registry-mirror: 'http://m x'",
	  "write http://" },
	{ { W("--insecure-registry", "http://r"), W(NULL) },
	  "03",
	  "--insecure-registry: 'http://r'",
	  "without http://" },
	{ { W("--insecure-registry", "r/x"), W(NULL) },
	  "03",
	  "--insecure-registry: 'r/x'",
	  "HOST:PORT" },
	{ { W("--insecure-registry", "r:70000"), W(NULL) },
	  "03",
	  "--insecure-registry: 'r:70000'",
	  "HOST:PORT" },
	{ { W("--insecure-registry", "10.0.0.0/33"), W(NULL) },
	  "03",
	  "--insecure-registry: '10.0.0.0/33'",
	  "HOST:PORT" },
	{ { W("--insecure-registry", "[1.2.3.4]:5"), W(NULL) },
	  "03",
	  "--insecure-registry: '[1.2.3.4]:5'",
	  "HOST:PORT" },
	{ { W("--insecure-registry", "::1"), W(NULL) },
	  "03",
	  "--insecure-registry: '::1'",
	  "HOST:PORT" },
	{ { W("--insecure-registry", "fd00::/129"), W(NULL) },
	  "03",
	  "--insecure-registry: 'fd00::/129'",
	  "HOST:PORT" },
	{ { W("--mtu=67"), W(NULL) }, "03", "--mtu: '67'", "68 to 65535" },
	{ { W("--mtu=65536"), W(NULL) }, "03", "--mtu: '65536'", "68 to 65535" },
	{ { W("--mtu=1400x"), W(NULL) }, "03", "--mtu: '1400x'", "68 to 65535" },
	{ { W("--mtu=-1"), W(NULL) }, "03", "--mtu: '-1'", "68 to 65535" },
	{ { W("--dns", "dns.example"), W(NULL) }, "03", "--dns: 'dns.example'", "no name" },
	{ { W("--dns", "1.2.3"), W(NULL) }, "03", "--dns: '1.2.3'", "no name" },
	{ { W("--dns", "10.0.0.1:53"), W(NULL) }, "03", "--dns: '10.0.0.1:53'", "no name" },
	{ { W("--address-pool", "10.0.0.0/16"), W(NULL) },
	  "03",
	  "--address-pool: '10.0.0.0/16'",
	  "CIDR,SIZE" },
	{ { W("--address-pool", "10.0.0.0,24"), W(NULL) },
	  "03",
	  "--address-pool: '10.0.0.0,24'",
	  "CIDR,SIZE" },
	{ { W("--address-pool", "10.0.0.0/16,33"), W(NULL) },
	  "03",
	  "--address-pool: '10.0.0.0/16,33'",
	  "CIDR,SIZE" },
	{ { W("--address-pool", "10.0.0.0/16,8"), W(NULL) },
	  "03",
	  "--address-pool: '10.0.0.0/16,8'",
	  "not smaller" },
	{ { W("--address-pool", "0.0.0.0/0,24"), W(NULL) },
	  "03",
	  "--address-pool: '0.0.0.0/0,24'",
	  "a part of all" },
	{ { W("--address-pool", "x/16,24"), W(NULL) },
	  "03",
	  "--address-pool: 'x/16,24'",
	  "CIDR,SIZE" },
	{ { W("--address-pool", "10.0.0.0/16,24,25"), W(NULL) },
	  "03",
	  "--address-pool: '10.0.0.0/16,24,25'",
	  "CIDR,SIZE" },
	{ { W(NULL), W("DIND_DNS=10.0.0.1 ns") }, "03", "DIND_DNS: 'ns'", "no name" },
	{ { W("--engine-ca", "ca.pem"), W(NULL) },
	  "03",
	  "--engine-ca: 'ca.pem' is a relative path",
	  "from / on" },
	{ { W("--mtu=1400", "dockerd", "--mtu=x"), W(NULL) },
	  "04",
	  "--mtu and dockerd's flag --mtu contradict",
	  "leave one" },
	{ { W("--strict-args", "--mtu=1400"), W(NULL) },
	  "04",
	  "--strict-args and --mtu contradict",
	  "leave one" },
	{ { W("--dns=1.1.1.1", "dockerd", "--dns=x"), W(NULL) },
	  "04",
	  "--dns and dockerd's flag --dns contradict",
	  "leave one" },
	{ { W("--strict-args", "--dns=1.1.1.1"), W(NULL) },
	  "04",
	  "--strict-args and --dns contradict",
	  "leave one" },
	{ { W("--registry-mirror=http://m", "dockerd", "--registry-mirror=x"), W(NULL) },
	  "04",
	  "--registry-mirror and dockerd's flag --registry-mirror contradict",
	  "leave one" },
	{ { W("--strict-args", "--registry-mirror=http://m"), W(NULL) },
	  "04",
	  "--strict-args and --registry-mirror contradict",
	  "leave one" },
	{ { W("--insecure-registry=r", "dockerd", "--insecure-registry=x"), W(NULL) },
	  "04",
	  "--insecure-registry and dockerd's flag --insecure-registry contradict",
	  "leave one" },
	{ { W("--strict-args", "--insecure-registry=r"), W(NULL) },
	  "04",
	  "--strict-args and --insecure-registry contradict",
	  "leave one" },
	{ { W("--address-pool=10.0.0.0/8,24", "dockerd", "--default-address-pool=x"), W(NULL) },
	  "04",
	  "--address-pool and dockerd's flag --default-address-pool contradict",
	  "leave one" },
	{ { W("--strict-args", "--address-pool=10.0.0.0/8,24"), W(NULL) },
	  "04",
	  "--strict-args and --address-pool contradict",
	  "leave one" },
};

START_TEST(refuses)
{
	struct cli_usage usage;
	struct cli cli;
	char code[32];

	(void) snprintf(code, sizeof(code), "DIND-USAGE-%s", refused[_i].code);
	ck_assert_msg(parse(&cli, &refused[_i].invocation, &usage) == -EINVAL, "%s: accepted",
		      refused[_i].fact);
	ck_assert_str_eq(usage.code, code);
	ck_assert_msg(strstr(usage.fact, refused[_i].fact) != NULL, "'%s', not '%s'", usage.fact,
		      refused[_i].fact);
	ck_assert_msg(strstr(usage.remedy, refused[_i].remedy) != NULL, "'%s', not '%s'",
		      usage.remedy, refused[_i].remedy);
	cli_free(&cli);
}
END_TEST

/* ---- where values come from ---- */

START_TEST(origins_are_written_down)
{
	static const struct {
		const char *option, *from;
		bool variable;
	} wanted[] = {
		{ "data-root", "dockerd's --data-root", false },
		{ "storage-driver", "DOCKER_DRIVER", true },
		{ "tls-dir", "DOCKER_TLS_CERTDIR", true },
		{ "mtu", "--mtu", false },
		{ "dns", "DIND_DNS", true },
	};
	const struct invocation invocation = {
		W("--mtu", "1400", "dockerd", "--data-root", "/d"),
		W("DIND_DNS=10.0.0.1", "DIND_MTU=1300", "DOCKER_DRIVER=vfs",
		  "DOCKER_TLS_CERTDIR=/c"),
	};
	struct cli_usage usage;
	struct cli cli;

	ck_assert_int_eq(parse(&cli, &invocation, &usage), 0);
	for (size_t i = 0; i < ARRAY_SIZE(wanted); i++) {
		const struct options_origin *origin =
			options_find_origin(&cli.options, wanted[i].option);

		ck_assert_msg(origin != NULL, "%s", wanted[i].option);
		ck_assert_str_eq(origin->from, wanted[i].from);
		ck_assert_int_eq(origin->variable, wanted[i].variable);
	}
	ck_assert_ptr_null(options_find_origin(&cli.options, "registry-mirror"));
	cli_free(&cli);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("options_config");
	TCase *tc = tcase_create("config");
	SRunner *runner = srunner_create(suite);
	int failed;

	tcase_add_checked_fixture(tc, NULL, forget);
	tcase_add_loop_test(tc, accepts, 0, (int) ARRAY_SIZE(accepted));
	tcase_add_loop_test(tc, refuses, 0, (int) ARRAY_SIZE(refused));
	tcase_add_test(tc, origins_are_written_down);
	suite_add_tcase(suite, tc);
	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed == 0 ? 0 : 1;
}
