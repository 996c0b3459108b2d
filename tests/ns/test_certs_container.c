/* SPDX-License-Identifier: Apache-2.0 */
/* dind-certs as it runs in a container: its addresses, its umask, what is mounted read-only. */
#include <openssl/x509v3.h>

#include "fixture.h"
#include "internal.h"

static struct arena arena = ARENA_INIT;

static const char *certs(const char *name)
{
	return arena_printf(&arena, "%s/certs/%s", scratch, name);
}

/* Its status; what it says is in scratch/said. */
static int run(const char *const *argv)
{
	pid_t pid = fork();
	int status;

	ck_assert_int_ge(pid, 0);
	if (pid == 0) {
		int fd = open(in_scratch("said"), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);

		(void) dup2(fd, STDOUT_FILENO);
		(void) dup2(fd, STDERR_FILENO);
		(void) execv(argv[0], (char *const *) (uintptr_t) argv);
		_exit(127);
	}
	ck_assert_int_eq(waitpid(pid, &status, 0), pid);
	return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

static int make(const char *san)
{
	const char *const argv[] = { CERTS_PROGRAM,	   "--directory", in_scratch("certs"),
				     san ? "--san" : NULL, san,		  NULL };

	return run(argv);
}

static int shell(const char *script)
{
	return run((const char *const[]){ "/bin/sh", "-c", script, NULL });
}

static X509 *read_certificate(const char *name)
{
	X509 *cert = NULL;

	ck_assert_int_eq(certs_read_x509(certs(name), &cert), 0);
	return cert;
}

/* Every address, the one that only the link knows, too. */
START_TEST(all_addresses_are_names)
{
	struct certs_names *names = calloc(1, sizeof(*names));
	struct error err = ERROR_INIT;
	const struct certs_name *missing;
	X509 *cert;

	ck_assert(enter_test());
	ck_assert_msg(shell("ip link set lo up && ip address add 192.0.2.7/24 dev lo && "
			    "ip -6 address add 2001:db8::7/64 dev lo nodad && "
			    "ip -6 address add fe80::7/64 dev lo scope link nodad") == 0,
		      "%s", read_text(in_scratch("said")));
	ck_assert_msg(make("DNS:extra") == 0, "%s", read_text(in_scratch("said")));
	cert = read_certificate("server/cert.pem");
	ck_assert_int_eq(certs_names_parse(names,
					   "IP:fe80::7,IP:2001:db8::7,IP:192.0.2.7,IP:127.0.0.1,"
					   "IP:::1,DNS:extra,DNS:docker,DNS:localhost",
					   &arena, &err),
			 0);
	missing = certs_missing_name(cert, names);
	ck_assert_msg(!missing, "%s", missing ? missing->text : "");
	names->count = 0;
	ck_assert_int_eq(certs_names_parse(names, "IP:fe80::8", &arena, &err), 0);
	ck_assert_ptr_nonnull(certs_missing_name(cert, names));
	X509_free(cert);
	free(names);
}
END_TEST

START_TEST(usage_of_the_ca_is_critical)
{
	const X509_EXTENSION *usage;
	X509 *cert;

	ck_assert(enter_test());
	ck_assert_int_eq(make(NULL), 0);
	cert = read_certificate("ca/cert.pem");
	usage = X509_get_ext(cert, X509_get_ext_by_NID(cert, NID_key_usage, -1));
	ck_assert_ptr_nonnull(usage);
	ck_assert_int_eq(X509_EXTENSION_get_critical(usage), 1);
	ck_assert_uint_eq(X509_get_key_usage(cert), KU_DIGITAL_SIGNATURE | KU_KEY_CERT_SIGN);
	X509_free(cert);
}
END_TEST

/* docker:dind's modes, under whatever umask: who shares the volume reads what he may. */
static const struct {
	const char *name;
	unsigned int mode;
} modes[] = {
	{ "ca/key.pem", 0600 },		{ "ca/cert.pem", 0644 },	{ "ca/cert.srl", 0644 },
	{ "server/key.pem", 0600 },	{ "server/cert.pem", 0644 },	{ "server/ca.pem", 0644 },
	{ "server/csr.pem", 0644 },	{ "server/openssl.cnf", 0644 }, { "client/key.pem", 0644 },
	{ "client/cert.pem", 0644 },	{ "client/ca.pem", 0644 },	{ "client/csr.pem", 0644 },
	{ "client/openssl.cnf", 0644 },
};

START_TEST(modes_are_those_of_docker_dind)
{
	ck_assert(enter_test());
	(void) umask(_i ? 077 : 022);
	ck_assert_int_eq(make(NULL), 0);
	for (size_t i = 0; i < ARRAY_SIZE(modes); i++) {
		struct stat st;

		ck_assert_int_eq(stat(certs(modes[i].name), &st), 0);
		ck_assert_msg((st.st_mode & 07777) == modes[i].mode, "%s: %o", modes[i].name,
			      st.st_mode & 07777);
	}
}
END_TEST

/* Ours, the CA's key and all, in a volume that cannot be written: good ones need no writing. */
START_TEST(read_only_and_good)
{
	const char *directory;

	ck_assert(enter_test());
	directory = in_scratch("certs");
	ck_assert_int_eq(make(NULL), 0);
	ck_assert_int_eq(mount(directory, directory, NULL, MS_BIND, NULL), 0);
	ck_assert_int_eq(mount(NULL, directory, NULL, MS_REMOUNT | MS_BIND | MS_RDONLY, NULL), 0);
	ck_assert_msg(make(NULL) == 0, "%s", read_text(in_scratch("said")));
	ck_assert_ptr_nonnull(strstr(read_text(in_scratch("said")), "are good and stay"));
	/* one name more, and they would have to be made anew */
	ck_assert_int_ne(make("DNS:extra"), 0);
	ck_assert_msg(strstr(read_text(in_scratch("said")), "/certs/server/") != NULL, "%s",
		      read_text(in_scratch("said")));
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("certificates, in a container");
	TCase *tests = tcase_create("certs");

	require_root();
	tcase_set_timeout(tests, 60);
	tcase_add_test(tests, all_addresses_are_names);
	tcase_add_test(tests, usage_of_the_ca_is_critical);
	tcase_add_loop_test(tests, modes_are_those_of_docker_dind, 0, 2);
	tcase_add_test(tests, read_only_and_good);
	suite_add_tcase(suite, tests);
	return run_suite(suite);
}
