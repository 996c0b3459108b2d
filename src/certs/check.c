/* SPDX-License-Identifier: Apache-2.0 */
/* Is what is there good: ours to be kept, the user's to be used. */
#include <openssl/asn1.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "internal.h"

#define KEEP_SECONDS	 ((time_t) CERTS_KEEP_DAYS * 86400)
#define RSA_BITS_LEAST	 2048
#define SECURITY_BITS_EC 112

/* @time (of a certificate) is before @when. */
static bool is_before(const ASN1_TIME *time, time_t when)
{
	return X509_cmp_time(time, &when) <= 0;
}

static bool has_begun(const X509 *cert, int64_t now)
{
	return is_before(X509_get0_notBefore(cert), (time_t) now);
}

static bool ends_before(const X509 *cert, time_t when)
{
	return is_before(X509_get0_notAfter(cert), when);
}

bool certs_is_lasting(const X509 *cert, int64_t now)
{
	return has_begun(cert, now) && !ends_before(cert, (time_t) now + KEEP_SECONDS);
}

int64_t certs_lasting_until(const X509 *cert)
{
	struct tm tm;

	if (!ASN1_TIME_to_tm(X509_get0_notAfter(cert), &tm))
		return 0;
	return (int64_t) timegm(&tm) - (int64_t) KEEP_SECONDS;
}

bool certs_key_is_fit(const EVP_PKEY *key, enum certs_key wanted)
{
	int type = EVP_PKEY_base_id(key);

	if (wanted == CERTS_KEY_EC && type != EVP_PKEY_EC)
		return false;
	if (wanted == CERTS_KEY_RSA && type != EVP_PKEY_RSA)
		return false;
	return type == EVP_PKEY_RSA ? EVP_PKEY_bits(key) >= RSA_BITS_LEAST
				    : EVP_PKEY_security_bits(key) >= SECURITY_BITS_EC;
}

bool certs_is_signed_by(X509 *cert, X509 *ca)
{
	EVP_PKEY *key = X509_get0_pubkey(ca);
	bool good = key && X509_check_issued(ca, cert) == X509_V_OK && X509_verify(cert, key) > 0;

	ERR_clear_error();
	return good;
}

const char *certs_last_day(const X509 *cert, char *buf, size_t size)
{
	struct tm tm;

	if (!ASN1_TIME_to_tm(X509_get0_notAfter(cert), &tm) ||
	    strftime(buf, size, "%Y-%m-%d", &tm) == 0)
		(void) snprintf(buf, size, "?");
	return buf;
}

/* ---- names ---- */

/* "*.x" stands for one label, as clients read it. */
static bool dns_matches(const char *pattern, size_t n, const char *text)
{
	const char *dot;

	if (n > 2 && pattern[0] == '*' && pattern[1] == '.') {
		dot = strchr(text, '.');
		/* a wildcard that is asked for must be there as it is */
		if (dot && text[0] != '*') {
			pattern++;
			n--;
			text = dot;
		}
	}
	return strlen(text) == n && strncasecmp(pattern, text, n) == 0;
}

static bool matches(const GENERAL_NAME *general, const struct certs_name *name)
{
	static const int types[] = {
		[CERTS_DNS] = GEN_DNS,
		[CERTS_IP] = GEN_IPADD,
		[CERTS_URI] = GEN_URI,
		[CERTS_EMAIL] = GEN_EMAIL,
	};
	int type;
	const ASN1_STRING *value = GENERAL_NAME_get0_value(general, &type);
	const unsigned char *bytes;
	size_t n;

	if (type != types[name->kind])
		return false;
	bytes = ASN1_STRING_get0_data(value);
	n = (size_t) ASN1_STRING_length(value);
	if (name->kind == CERTS_IP)
		return n == name->n_bytes && memcmp(bytes, name->bytes, n) == 0;
	if (name->kind == CERTS_DNS)
		return dns_matches((const char *) bytes, n, name->text);
	return n == strlen(name->text) && strncasecmp((const char *) bytes, name->text, n) == 0;
}

static bool list_has(const GENERAL_NAMES *list, const struct certs_name *name)
{
	for (int i = 0; list && i < sk_GENERAL_NAME_num(list); i++)
		if (matches(sk_GENERAL_NAME_value(list, i), name))
			return true;
	return false;
}

const struct certs_name *certs_missing_name(X509 *cert, const struct certs_names *wanted)
{
	GENERAL_NAMES *list = X509_get_ext_d2i(cert, NID_subject_alt_name, NULL, NULL);
	const struct certs_name *missing = NULL;

	for (size_t i = 0; !missing && i < wanted->count; i++)
		if (!list_has(list, &wanted->items[i]))
			missing = &wanted->items[i];
	GENERAL_NAMES_free(list);
	ERR_clear_error();
	return missing;
}

static bool has_some_name(X509 *cert, const struct certs_names *names)
{
	GENERAL_NAMES *list = X509_get_ext_d2i(cert, NID_subject_alt_name, NULL, NULL);
	bool found = false;

	for (size_t i = 0; !found && i < names->count; i++)
		found = list_has(list, &names->items[i]);
	GENERAL_NAMES_free(list);
	ERR_clear_error();
	return found;
}

/* ---- the user's ---- */

struct users {
	struct certs_path ca_path, cert_path, key_path;
	STACK_OF(X509) * cas, *certs;
	EVP_PKEY *key;
};

static int unreadable(struct certs_run *run, const char *path, const char *what, int r)
{
	if (r == -EBADMSG)
		return certs_fail(run, CERTS_FAIL_UNREADABLE, "%s: there is no %s in it", path,
				  what);
	return certs_fail(run, CERTS_FAIL_UNREADABLE, "%s cannot be read: %s", path, strerror(-r));
}

static int load(struct certs_run *run, struct users *u)
{
	int r;

	r = certs_read_all(certs_path(run, "server", "ca.pem", &u->ca_path), &u->cas);
	if (r < 0)
		return unreadable(run, u->ca_path.text, "certificate", r);
	r = certs_read_all(certs_path(run, "server", "cert.pem", &u->cert_path), &u->certs);
	if (r < 0)
		return unreadable(run, u->cert_path.text, "certificate", r);
	r = certs_read_key(certs_path(run, "server", "key.pem", &u->key_path), &u->key);
	if (r < 0)
		return unreadable(run, u->key_path.text, "private key without a pass phrase", r);
	return 0;
}

static int check_time(struct certs_run *run, const X509 *cert, const char *path)
{
	char day[16];

	if (!has_begun(cert, run->options->now))
		return certs_fail(run, CERTS_FAIL_EXPIRED,
				  "%s is not valid yet, or the clock here is wrong", path);
	if (ends_before(cert, (time_t) run->options->now))
		return certs_fail(run, CERTS_FAIL_EXPIRED, "%s has expired on %s", path,
				  certs_last_day(cert, day, sizeof(day)));
	return 0;
}

static int judge_chain(struct certs_run *run, const struct users *u, X509_STORE_CTX *context)
{
	int code = X509_STORE_CTX_get_error(context),
	    depth = X509_STORE_CTX_get_error_depth(context);
	X509 *culprit = X509_STORE_CTX_get_current_cert(context);

	if (code == X509_V_ERR_CERT_HAS_EXPIRED || code == X509_V_ERR_CERT_NOT_YET_VALID) {
		int r = culprit ? check_time(run, culprit,
					     depth > 0 ? u->ca_path.text : u->cert_path.text)
				: 0;

		if (r < 0)
			return r;
	}
	return certs_fail(run, CERTS_FAIL_CHAIN, "%s does not verify against %s: %s",
			  u->cert_path.text, u->ca_path.text, X509_verify_cert_error_string(code));
}

/* As `openssl verify -CAfile ca.pem cert.pem`; a CA in between will do, as it does for clients. */
static int check_chain(struct certs_run *run, const struct users *u)
{
	X509_STORE *store = X509_STORE_new();
	X509_STORE_CTX *context = X509_STORE_CTX_new();
	bool ready = store && context;
	int r = 0;

	for (int i = 0; ready && i < sk_X509_num(u->cas); i++)
		ready = X509_STORE_add_cert(store, sk_X509_value(u->cas, i)) > 0;
	ready = ready &&
		X509_STORE_CTX_init(context, store, sk_X509_value(u->certs, 0), u->certs) > 0;
	if (!ready) {
		r = certs_fail_crypto(run, "verify");
	} else {
		X509_STORE_CTX_set_time(context, 0, (time_t) run->options->now);
		X509_STORE_CTX_set_flags(context, X509_V_FLAG_PARTIAL_CHAIN);
		if (X509_verify_cert(context) <= 0)
			r = judge_chain(run, u, context);
	}
	X509_STORE_CTX_free(context);
	X509_STORE_free(store);
	ERR_clear_error();
	return r;
}

static int check_names(struct certs_run *run, const struct users *u, X509 *cert)
{
	const struct certs_name *missing = certs_missing_name(cert, &run->options->asked);

	if (missing)
		return certs_fail(run, CERTS_FAIL_NAMES, "%s lacks the name %s of DOCKER_TLS_SAN",
				  u->cert_path.text, missing->text);
	/* a name that leads here from outside is not known in here: no reason to refuse it */
	if (run->options->asked.count == 0 && !has_some_name(cert, &run->options->local))
		certs_say(run->outcome->warning,
			  "%s has no name or address of this container: clients must use "
			  "one that it has",
			  u->cert_path.text);
	return 0;
}

static int check_all(struct certs_run *run, struct users *u)
{
	X509 *cert;
	char day[16];
	int r = load(run, u);

	if (r < 0)
		return r;
	cert = sk_X509_value(u->certs, 0);
	r = check_time(run, cert, u->cert_path.text);
	if (r == 0 && X509_check_private_key(cert, u->key) <= 0) {
		ERR_clear_error();
		r = certs_fail(run, CERTS_FAIL_KEY, "%s is not the key of %s", u->key_path.text,
			       u->cert_path.text);
	}
	if (r == 0)
		r = check_chain(run, u);
	if (r == 0)
		r = check_names(run, u, cert);
	if (r < 0)
		return r;
	(void) certs_last_day(cert, day, sizeof(day));
	certs_say(run->outcome->notice, "the certificate in %s is yours and good until %s",
		  u->cert_path.text, day);
	if (!certs_is_lasting(cert, run->options->now))
		certs_say(run->outcome->warning, "%s expires on %s: renew it", u->cert_path.text,
			  day);
	return 0;
}

int certs_check_users(struct certs_run *run)
{
	struct users users = { .key = NULL };
	int r = check_all(run, &users);

	certs_free_stack(&users.cas);
	certs_free_stack(&users.certs);
	certs_free_key(&users.key);
	return r;
}
