/* SPDX-License-Identifier: Apache-2.0 */
/* dind-certs: what is done with what lies in the directory, over real files in a real directory. */
#include "certs_fixture.h"

#define DAY INT64_C(86400)

static void refused(enum certs_failure failure, const char *file)
{
	err = (struct error) ERROR_INIT;
	ck_assert_int_eq(certs_ensure(options, &outcome, &err), -certs_meaning(failure)->error);
	ck_assert_int_eq(outcome.failure, failure);
	ck_assert_msg(strstr(err.message, file) != NULL, "'%s' lacks '%s'", err.message, file);
}

static const char *content(const char *name)
{
	char *text = NULL;

	return file_slurp_at(AT_FDCWD, at(name), 65536, &arena, &text) == 0 ? text : "";
}

static unsigned int mode_of(const char *name)
{
	struct stat st;

	ck_assert_msg(stat(at(name), &st) == 0, "%s", name);
	return st.st_mode & 07777;
}

/* In which of the files @before and now differ, as bits. */
static const char *const files[] = { "ca/key.pem",	"ca/cert.pem",	 "server/key.pem",
				     "server/cert.pem", "server/ca.pem", "client/key.pem",
				     "client/cert.pem", "client/ca.pem" };
#define CA_KEY	    1u
#define CA_CERT	    2u
#define SERVER_KEY  4u
#define SERVER_CERT 8u
#define SERVER_CA   16u
#define CLIENT_KEY  32u
#define CLIENT_CERT 64u
#define CLIENT_CA   128u
#define CAS	    (CA_CERT | SERVER_CA | CLIENT_CA)

static void remember(const char *before[ARRAY_SIZE(files)])
{
	for (size_t i = 0; i < ARRAY_SIZE(files); i++)
		before[i] = content(files[i]);
}

static unsigned int changes(const char *const before[ARRAY_SIZE(files)])
{
	unsigned int bits = 0;

	for (size_t i = 0; i < ARRAY_SIZE(files); i++)
		if (strcmp(before[i], content(files[i])) != 0)
			bits |= 1u << i;
	return bits;
}

/* What docker:dind leaves beside them. */
static void extras(const char *role, const char *configuration)
{
	FILE *file = fopen(at(arena_printf(&arena, "%s/csr.pem", role)), "re");
	X509_REQ *request = file ? PEM_read_X509_REQ(file, NULL, NULL, NULL) : NULL;
	auto_x509 cert = NULL;
	char *digits;

	ck_assert_ptr_nonnull(request);
	(void) fclose(file);
	ck_assert_int_eq(certs_read_x509(at(arena_printf(&arena, "%s/cert.pem", role)), &cert), 0);
	ck_assert_int_gt(X509_REQ_verify(request, X509_get0_pubkey(cert)), 0);
	ck_assert_int_eq(
		X509_NAME_cmp(X509_REQ_get_subject_name(request), X509_get_subject_name(cert)), 0);
	X509_REQ_free(request);
	ck_assert_str_eq(content(arena_printf(&arena, "%s/openssl.cnf", role)), configuration);
	ck_assert_uint_eq(mode_of(arena_printf(&arena, "%s/openssl.cnf", role)), 0644);
	if (strcmp(role, "client") != 0)
		return;
	/* the last one that the CA has signed */
	digits = i2s_ASN1_INTEGER(NULL, X509_get0_serialNumber(cert));
	ck_assert_str_eq(content("ca/cert.srl"), arena_printf(&arena, "%s\n", digits + 2));
	OPENSSL_free(digits);
}

/* Key and certificate of a role are one pair, signed by the CA beside them; nothing is left over.
 */
static void consistent(const char *role, const char *names_wanted)
{
	auto_x509 cert = NULL;
	auto_x509 ca = NULL;
	auto_key key = NULL;
	struct certs_names *wanted = calloc(1, sizeof(*wanted));

	ck_assert_int_eq(certs_read_x509(at(arena_printf(&arena, "%s/cert.pem", role)), &cert), 0);
	ck_assert_int_eq(certs_read_x509(at(arena_printf(&arena, "%s/ca.pem", role)), &ca), 0);
	ck_assert_int_eq(certs_read_key(at(arena_printf(&arena, "%s/key.pem", role)), &key), 0);
	ck_assert_int_gt(X509_check_private_key(cert, key), 0);
	ck_assert(certs_is_signed_by(cert, ca));
	if (names_wanted) {
		names(wanted, names_wanted);
		ck_assert_ptr_null(certs_missing_name(cert, wanted));
	}
	ck_assert_int_lt(access(at(arena_printf(&arena, "%s/.key.pem.new", role)), F_OK), 0);
	ck_assert_int_lt(access(at(arena_printf(&arena, "%s/.cert.pem.new", role)), F_OK), 0);
	free(wanted);
}

/* ---- ours ---- */

/* The rows of docker:dind's table that openssl prints and nobody reads aloud. */
START_TEST(usages_and_days_are_those_of_docker_dind)
{
	static const struct {
		const char *file, *subject;
		uint32_t usage, extended;
	} wanted[] = {
		{ "ca/cert.pem", "docker:dind CA", KU_DIGITAL_SIGNATURE | KU_KEY_CERT_SIGN,
		  UINT32_MAX },
		{ "server/cert.pem", "docker:dind server", KU_DIGITAL_SIGNATURE, XKU_SSL_SERVER },
		{ "client/cert.pem", "docker:dind client", KU_DIGITAL_SIGNATURE, XKU_SSL_CLIENT },
	};

	ensure();
	for (size_t i = 0; i < ARRAY_SIZE(wanted); i++) {
		auto_x509 cert = NULL;
		char subject[64] = "";
		int days = 0, seconds = 0;

		ck_assert_int_eq(certs_read_x509(at(wanted[i].file), &cert), 0);
		(void) X509_NAME_get_text_by_NID(X509_get_subject_name(cert), NID_commonName,
						 subject, sizeof(subject));
		ck_assert_str_eq(subject, wanted[i].subject);
		ck_assert_uint_eq(X509_get_key_usage(cert), wanted[i].usage);
		ck_assert_uint_eq(X509_get_extended_key_usage(cert), wanted[i].extended);
		ck_assert_int_eq(ASN1_TIME_diff(&days, &seconds, X509_get0_notBefore(cert),
						X509_get0_notAfter(cert)),
				 1);
		ck_assert_int_eq(days, 825);
	}
}
END_TEST

START_TEST(nothing_there)
{
	mode_t before = umask(0077);

	ensure();
	extras("server", "[ x509_exts ]\nextendedKeyUsage = serverAuth\n"
			 "subjectAltName = DNS:docker,DNS:box,IP:10.0.0.2,IP:::1\n");
	extras("client", "[ x509_exts ]\nextendedKeyUsage = clientAuth\n");
	(void) umask(before);
	consistent("server", "DNS:docker,DNS:box,IP:10.0.0.2,IP:::1");
	consistent("client", NULL);
	ck_assert_uint_eq(mode_of("ca/key.pem"), 0600);
	ck_assert_uint_eq(mode_of("ca/cert.pem"), 0644);
	ck_assert_uint_eq(mode_of("server/key.pem"), 0600);
	ck_assert_uint_eq(mode_of("server/cert.pem"), 0644);
	ck_assert_uint_eq(mode_of("server/ca.pem"), 0644);
	ck_assert_uint_eq(mode_of("client/key.pem"), 0644);
	ck_assert_uint_eq(mode_of("client/cert.pem"), 0644);
	ck_assert_uint_eq(mode_of("client/ca.pem"), 0644);
	ck_assert_ptr_nonnull(strstr(outcome.notice, "ca server client"));
	ck_assert_str_eq(outcome.warning, "");
}
END_TEST

static void remove_file(const char *name)
{
	ck_assert_int_eq(unlink(at(name)), 0);
}

static void swap_keys(void)
{
	const char *server = content("server/key.pem");

	write_text("server/key.pem", content("client/key.pem"));
	write_text("client/key.pem", server);
}

static void empty_cert(void)
{
	write_text("server/cert.pem", "");
}

static void garbage_cert(void)
{
	write_text("client/cert.pem", "garbage");
}

static void garbage_key(void)
{
	write_text("server/key.pem", "garbage");
}

static void leftover(void)
{
	write_text("server/.cert.pem.new", "of a start that was killed");
}

/* A start that was killed between two files of a new pair. */
static void no_server_cert(void)
{
	remove_file("server/cert.pem");
}

static void no_ca_cert(void)
{
	remove_file("ca/cert.pem");
}

static void no_client_ca(void)
{
	remove_file("client/ca.pem");
}

static void no_ca_at_all(void)
{
	remove_file("ca/cert.pem");
	remove_file("ca/key.pem");
	remove_file("server/cert.pem");
}

static void other_ca_key(void)
{
	auto_key key = certs_new_key(CERTS_KEY_EC);
	FILE *out = fopen(at("ca/key.pem"), "we");

	ck_assert_int_gt(PEM_write_PKCS8PrivateKey(out, key, NULL, NULL, 0, NULL, NULL), 0);
	ck_assert_int_eq(fclose(out), 0);
}

static void new_address(void)
{
	names(&options->local, "DNS:docker,DNS:box,IP:10.0.0.3,IP:::1");
}

static void fewer_names(void)
{
	names(&options->local, "DNS:DOCKER,IP:0:0::1");
}

static void asked_name(void)
{
	names(&options->asked, "DNS:ci.example");
}

static void want_rsa(void)
{
	options->key = CERTS_KEY_RSA;
}

static void want_ec(void)
{
	options->key = CERTS_KEY_EC;
}

/* What was good is made anew, or not, so many days later and after @change. */
static const struct {
	const char *what;
	int days;
	void (*change)(void);
	unsigned int changed;
} states[] = {
	{ "valid", 0, NULL, 0 },
	{ "valid for 31 more days", 825 - 31, NULL, 0 },
	{ "valid for 29 more days", 825 - 29, NULL, CAS | SERVER_CERT | CLIENT_CERT },
	{ "expired", 900, NULL, CAS | SERVER_CERT | CLIENT_CERT },
	{ "from the future", -1, NULL, CAS | SERVER_CERT | CLIENT_CERT },
	{ "another address", 0, new_address, SERVER_CERT },
	{ "fewer names, written otherwise", 0, fewer_names, 0 },
	{ "a name that is asked for", 0, asked_name, SERVER_CERT },
	{ "no server certificate", 0, no_server_cert, SERVER_CERT },
	{ "an empty server certificate", 0, empty_cert, SERVER_CERT },
	{ "a broken client certificate", 0, garbage_cert, CLIENT_CERT },
	{ "a broken server key", 0, garbage_key, SERVER_KEY | SERVER_CERT },
	{ "keys that do not match", 0, swap_keys, SERVER_CERT | CLIENT_CERT },
	{ "a left-over", 0, leftover, 0 },
	{ "no CA certificate", 0, no_ca_cert, CAS | SERVER_CERT | CLIENT_CERT },
	{ "no CA beside the client", 0, no_client_ca, CLIENT_CERT | CLIENT_CA },
	{ "another CA key", 0, other_ca_key, CAS | SERVER_CERT | CLIENT_CERT },
	{ "no CA, no server certificate", 0, no_ca_at_all,
	  CA_KEY | CAS | SERVER_CERT | CLIENT_CERT },
	{ "RSA", 0, want_rsa, SERVER_KEY | SERVER_CERT | CLIENT_KEY | CLIENT_CERT },
	{ "EC, as it is", 0, want_ec, 0 },
};

START_TEST(what_was_made_stays_or_goes)
{
	const char *before[ARRAY_SIZE(files)], *made[ARRAY_SIZE(files)];

	ensure();
	if (states[_i].change)
		states[_i].change();
	options->now += states[_i].days * DAY;
	remember(before);
	ensure();
	ck_assert_msg(changes(before) == states[_i].changed, "%s: %#x", states[_i].what,
		      changes(before));
	consistent("server", "DNS:docker,IP:::1");
	consistent("client", NULL);
	/* and then it is good */
	remember(made);
	ensure();
	ck_assert_uint_eq(changes(made), 0);
	ck_assert_ptr_nonnull(strstr(outcome.notice, "stay"));
}
END_TEST

START_TEST(rsa_stays_without_a_wish)
{
	const char *before[ARRAY_SIZE(files)];
	auto_key key = NULL;

	options->key = CERTS_KEY_RSA;
	ensure();
	remember(before);
	options->key = CERTS_KEY_ANY;
	ensure();
	ck_assert_uint_eq(changes(before), 0);
	ck_assert_int_eq(certs_read_key(at("server/key.pem"), &key), 0);
	ck_assert_int_eq(EVP_PKEY_base_id(key), EVP_PKEY_RSA);
	ck_assert_int_ge(EVP_PKEY_bits(key), 2048);
}
END_TEST

START_TEST(kept_ones_need_no_writing)
{
	struct stat before, after;

	ensure();
	ck_assert_int_eq(stat(at("server"), &before), 0);
	ensure();
	ck_assert_int_eq(stat(at("server"), &after), 0);
	ck_assert_int_eq(before.st_mtim.tv_nsec, after.st_mtim.tv_nsec);
	ck_assert_int_eq(before.st_mtim.tv_sec, after.st_mtim.tv_sec);
}
END_TEST

/* Whatever instant a start is killed at, no key lies beside a certificate of another. */
START_TEST(a_new_key_never_meets_an_old_certificate)
{
	struct certs_run run = { .options = options, .outcome = &outcome, .err = &err };
	auto_key key = certs_new_key(CERTS_KEY_EC);
	auto_key ca_key = NULL;
	auto_x509 ca = NULL;
	auto_x509 cert = NULL;
	struct certs_set set = { .role = "client", .key_mode = 0644 };

	ensure();
	ck_assert_int_eq(certs_read_key(at("ca/key.pem"), &ca_key), 0);
	ck_assert_int_eq(certs_read_x509(at("ca/cert.pem"), &ca), 0);
	cert = certs_new_client(key, ca, ca_key, NOW);
	ck_assert_ptr_nonnull(cert);
	set.key = key;
	set.cert = cert;
	set.ca = ca;
	/* the last rename fails, as if the start had ended before it */
	remove_file("client/ca.pem");
	ck_assert_int_eq(mkdir(at("client/ca.pem"), 0755), 0);
	ck_assert_int_lt(certs_write(&run, &set), 0);
	ck_assert_int_lt(access(at("client/cert.pem"), F_OK), 0);
	ck_assert_int_lt(access(at("client/.cert.pem.new"), F_OK), 0);
	ck_assert_int_eq(rmdir(at("client/ca.pem")), 0);
	ensure();
	consistent("client", NULL);
}
END_TEST

START_TEST(a_ca_without_its_key)
{
	ensure();
	remove_file("ca/key.pem");
	remove_file("server/cert.pem");
	refused(CERTS_FAIL_NO_CA_KEY, "ca/cert.pem");
}
END_TEST

START_TEST(a_ca_key_with_a_pass_phrase)
{
	auto_key key = certs_new_key(CERTS_KEY_EC);
	char phrase[] = "secret";
	FILE *out;

	ensure();
	out = fopen(at("ca/key.pem"), "we");
	ck_assert_int_gt(
		PEM_write_PKCS8PrivateKey(out, key, EVP_aes_128_cbc(), phrase, 6, NULL, NULL), 0);
	ck_assert_int_eq(fclose(out), 0);
	refused(CERTS_FAIL_UNREADABLE, "ca/key.pem");
}
END_TEST

START_TEST(what_cannot_be_written_is_named)
{
	write_text("client", "a file where a directory must be");
	refused(CERTS_FAIL_SYSTEM, "/client");
}
END_TEST

/* ---- the user's ---- */

static void users(void)
{
	ensure();
	remove_file("ca/key.pem");
}

static void foreign_key(void)
{
	write_text("server/key.pem", content("client/key.pem"));
}

static void foreign_ca(void)
{
	auto_key key = certs_new_key(CERTS_KEY_EC);
	auto_x509 ca = certs_new_ca(key, NOW);
	FILE *out = fopen(at("server/ca.pem"), "we");

	ck_assert_int_gt(PEM_write_X509(out, ca), 0);
	ck_assert_int_eq(fclose(out), 0);
}

static void broken_users_cert(void)
{
	write_text("server/cert.pem", "-----BEGIN CERTIFICATE-----\nAAAA\n");
}

static void broken_users_key(void)
{
	write_text("server/key.pem", "garbage");
}

static void broken_users_ca(void)
{
	write_text("server/ca.pem", "garbage");
}

static void fifo_as_key(void)
{
	remove_file("server/key.pem");
	ck_assert_int_eq(mkdir(at("server/key.pem"), 0755), 0);
}

static void present_name(void)
{
	names(&options->asked, "box");
}

static void nobody_knows(void)
{
	names(&options->local, "DNS:elsewhere");
}

#define GOOD CERTS_FAIL_COUNT

static const struct {
	int days;
	void (*change)(void);
	enum certs_failure failure;
	const char *text; /* of the error, or of the warning; NULL: no warning */
} users_states[] = {
	{ 0, NULL, GOOD, NULL },
	{ 825 - 31, NULL, GOOD, NULL },
	{ 825 - 29, NULL, GOOD, "expires on 2026" },
	{ 900, NULL, CERTS_FAIL_EXPIRED, "server/cert.pem has expired on 2026-02-16" },
	{ -1, NULL, CERTS_FAIL_EXPIRED, "server/cert.pem is not valid yet" },
	{ 0, foreign_key, CERTS_FAIL_KEY, "server/key.pem is not the key of" },
	{ 0, foreign_ca, CERTS_FAIL_CHAIN, "server/ca.pem" },
	{ 0, broken_users_cert, CERTS_FAIL_UNREADABLE, "server/cert.pem" },
	{ 0, broken_users_key, CERTS_FAIL_UNREADABLE, "server/key.pem" },
	{ 0, broken_users_ca, CERTS_FAIL_UNREADABLE, "server/ca.pem" },
	{ 0, fifo_as_key, CERTS_FAIL_UNREADABLE, "server/key.pem cannot be read: Is a directory" },
	{ 0, asked_name, CERTS_FAIL_NAMES, "server/cert.pem lacks the name ci.example" },
	{ 0, present_name, GOOD, NULL },
	/* a name of outside is not known in here */
	{ 0, nobody_knows, GOOD, "no name or address of this container" },
};

START_TEST(users_files_are_only_looked_at)
{
	struct stat before, after;

	users();
	/* the client's are the user's business; the directory may be read-only */
	ck_assert_int_eq(rename(at("client"), at("elsewhere")), 0);
	ck_assert_int_eq(symlink("elsewhere", at("client")), 0);
	if (users_states[_i].change)
		users_states[_i].change();
	options->now += users_states[_i].days * DAY;
	ck_assert_int_eq(stat(at("server"), &before), 0);
	if (users_states[_i].failure == GOOD) {
		ensure();
		ck_assert_ptr_nonnull(strstr(outcome.notice, "yours"));
		if (users_states[_i].text)
			ck_assert_ptr_nonnull(strstr(outcome.warning, users_states[_i].text));
		else
			ck_assert_str_eq(outcome.warning, "");
	} else {
		refused(users_states[_i].failure, users_states[_i].text);
	}
	ck_assert_int_eq(stat(at("server"), &after), 0);
	ck_assert_int_eq(before.st_mtim.tv_nsec, after.st_mtim.tv_nsec);
	ck_assert_int_lt(access(at("ca/key.pem"), F_OK), 0);
}
END_TEST

/* ---- the program ---- */

static int run_program(const char *const *argv, char *output, size_t size)
{
	int fds[2], status;
	ssize_t n;
	pid_t pid;

	ck_assert_int_eq(pipe2(fds, O_CLOEXEC), 0);
	pid = fork();
	if (pid == 0) {
		(void) dup2(fds[1], 1);
		(void) dup2(fds[1], 2);
		(void) execv(CERTS_PROGRAM, (char *const *) (uintptr_t) argv);
		_exit(127);
	}
	(void) close(fds[1]);
	output[0] = '\0';
	for (size_t used = 0; (n = read(fds[0], output + used, size - 1 - used)) > 0;
	     output[used] = '\0')
		used += (size_t) n;
	(void) close(fds[0]);
	ck_assert_int_eq(waitpid(pid, &status, 0), pid);
	return WIFEXITED(status) ? WEXITSTATUS(status) : 128;
}

#define MAX_WORDS 8

static const struct {
	const char *words[MAX_WORDS];
	int status;
	const char *says;
} programs[] = {
	{ { "", "--directory", "@" }, 0, "info: made in " },
	{ { "", "--directory", "@", "--san", "DNS:a b" },
	  82,
	  "error: 'DNS:a b' in DOCKER_TLS_SAN" },
	{ { "", "--directory", "relative" }, 64, "wanted a whole path" },
	{ { "", "--directory", "/dev/null/x" }, 71, "error: make /dev/null/x" },
	{ { "", "--key", "dsa" }, 64, "wanted ec or rsa" },
	{ { "", "--bits" }, 64, "--bits: unknown" },
	{ { "", "x" }, 64, "x: what is that?" },
	{ { "" }, 64, "--directory is missing" },
	{ { "", "--help" }, 0, "usage: dind-certs" },
};

START_TEST(its_statuses)
{
	const char *argv[MAX_WORDS + 1] = { NULL };
	char output[4096];

	for (size_t i = 0; i < MAX_WORDS && programs[_i].words[i]; i++)
		argv[i] = str_equal(programs[_i].words[i], "@") ? directory : programs[_i].words[i];
	ck_assert_int_eq(run_program(argv, output, sizeof(output)), programs[_i].status);
	ck_assert_msg(strstr(output, programs[_i].says) != NULL, "%s", output);
}
END_TEST

/* ---- held: PID 1 does not know yet whether there will be an engine ---- */

/* A child that is held at *@ret_go; its status is that of certs_ensure(). */
static pid_t start_held(int *ret_go)
{
	int ends[2];
	pid_t pid;

	ck_assert_int_eq(pipe2(ends, O_CLOEXEC), 0);
	options->held = true;
	options->go = ends[0];
	pid = fork();
	ck_assert_int_ge(pid, 0);
	if (pid == 0) {
		(void) close(ends[1]);
		_exit(certs_ensure(options, &outcome, &err) == 0 ? 0 : 1);
	}
	(void) close(ends[0]);
	options->held = false;
	*ret_go = ends[1];
	return pid;
}

static int end_held(pid_t pid, int go, const char *say)
{
	int status;

	ck_assert_int_eq(write(go, say, strlen(say)), (ssize_t) strlen(say));
	(void) close(go);
	ck_assert_int_eq(waitpid(pid, &status, 0), pid);
	return WIFEXITED(status) ? WEXITSTATUS(status) : 128;
}

/* It has done what it can, and waits. */
static void wait_until_it_waits(pid_t pid)
{
	const struct timespec pause = { 0, 2000000 };
	char path[64], text[512];

	(void) snprintf(path, sizeof(path), "/proc/%d/stat", (int) pid);
	for (int i = 0; i < 5000; i++) {
		ck_assert_int_gt(file_read_at(AT_FDCWD, path, text, sizeof(text)), 0);
		if (strstr(text, ") S "))
			return;
		(void) nanosleep(&pause, NULL);
	}
	ck_abort_msg("it does not come to wait: %s", text);
}

START_TEST(nothing_is_written_before_it_may)
{
	int go;
	pid_t pid;

	/* the whole directory is to be made */
	ck_assert_int_eq(rmdir(directory), 0);
	pid = start_held(&go);
	wait_until_it_waits(pid);
	ck_assert_int_lt(access(directory, F_OK), 0);
	ck_assert_int_eq(end_held(pid, go, ""), 1);
	ck_assert_int_lt(access(directory, F_OK), 0);
	pid = start_held(&go);
	ck_assert_int_eq(end_held(pid, go, "\n"), 0);
	consistent("server", "DNS:docker,DNS:box,IP:10.0.0.2,IP:::1");
	consistent("client", NULL);
	ck_assert_uint_eq(mode_of("server/key.pem"), 0600);
}
END_TEST

/* What is found good there says nothing of what lies there when it may write. */
START_TEST(it_looks_again_at_another_directory)
{
	const char *before[ARRAY_SIZE(files)];
	char aside[80];
	pid_t pid;
	int go;

	ensure();
	remember(before);
	pid = start_held(&go);
	ck_assert_int_eq(end_held(pid, go, "\n"), 0);
	ck_assert_uint_eq(changes(before), 0);
	pid = start_held(&go);
	wait_until_it_waits(pid);
	(void) snprintf(aside, sizeof(aside), "%s.aside", directory);
	ck_assert_int_eq(rename(directory, aside), 0);
	ck_assert_int_eq(mkdir(directory, 0755), 0);
	ck_assert_int_eq(end_held(pid, go, "\n"), 0);
	consistent("server", "DNS:docker,DNS:box,IP:10.0.0.2,IP:::1");
	ck_assert_str_ne(content("ca/key.pem"), before[0]);
	(void) nftw(aside, remove_one, 16, FTW_DEPTH | FTW_PHYS);
}
END_TEST

/* Keys of both kinds, and those that are there stay. */
START_TEST(held_it_makes_what_is_missing)
{
	const char *before[ARRAY_SIZE(files)];
	pid_t pid;
	int go;

	ensure();
	remember(before);
	no_client_ca();
	remove_file("server/key.pem");
	pid = start_held(&go);
	ck_assert_int_eq(end_held(pid, go, "\n"), 0);
	ck_assert_uint_eq(changes(before), SERVER_KEY | SERVER_CERT | CLIENT_CERT);
	consistent("server", "DNS:docker,DNS:box,IP:10.0.0.2,IP:::1");
	options->key = CERTS_KEY_RSA;
	pid = start_held(&go);
	ck_assert_int_eq(end_held(pid, go, "\n"), 0);
	consistent("client", NULL);
}
END_TEST

START_TEST(every_failure_has_its_own_meaning)
{
	for (int i = 0; i < CERTS_FAIL_COUNT; i++) {
		const struct certs_meaning *m = certs_meaning((enum certs_failure) i);

		ck_assert_ptr_eq(certs_meaning_of_exit(m->exit_status), m);
		ck_assert_ptr_eq(certs_meaning_of_error(m->error), m);
		ck_assert(m->status == STATUS_CONFIG || m->status == STATUS_OSERR);
		ck_assert(m->code && m->remedy);
	}
	ck_assert_ptr_eq(certs_meaning_of_error(ETIMEDOUT), certs_meaning(CERTS_FAIL_SYSTEM));
	ck_assert_ptr_eq(certs_meaning_of_exit(127), certs_meaning(CERTS_FAIL_SYSTEM));
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("certs");
	TCase *tc = tcase_create("certs");
	SRunner *runner = srunner_create(suite);
	int failed;

	tcase_set_timeout(tc, 60);
	tcase_add_checked_fixture(tc, set_up, tear_down);
	tcase_add_test(tc, usages_and_days_are_those_of_docker_dind);
	tcase_add_test(tc, nothing_there);
	tcase_add_loop_test(tc, what_was_made_stays_or_goes, 0, ARRAY_SIZE(states));
	tcase_add_test(tc, rsa_stays_without_a_wish);
	tcase_add_test(tc, kept_ones_need_no_writing);
	tcase_add_test(tc, a_new_key_never_meets_an_old_certificate);
	tcase_add_test(tc, a_ca_without_its_key);
	tcase_add_test(tc, a_ca_key_with_a_pass_phrase);
	tcase_add_test(tc, what_cannot_be_written_is_named);
	tcase_add_loop_test(tc, users_files_are_only_looked_at, 0, ARRAY_SIZE(users_states));
	tcase_add_loop_test(tc, its_statuses, 0, ARRAY_SIZE(programs));
	tcase_add_test(tc, nothing_is_written_before_it_may);
	tcase_add_test(tc, it_looks_again_at_another_directory);
	tcase_add_test(tc, held_it_makes_what_is_missing);
	tcase_add_test(tc, every_failure_has_its_own_meaning);
	suite_add_tcase(suite, tc);
	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? 1 : 0;
}
