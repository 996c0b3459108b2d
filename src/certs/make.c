/* SPDX-License-Identifier: Apache-2.0 */
/* Keys and certificates. Names and extensions as those of docker:dind. */
#include <openssl/bn.h>
#include <openssl/ec.h>
#include <openssl/rsa.h>
#include <string.h>
#include <time.h>

#include "internal.h"

#define RSA_BITS      2048
#define SERIAL_BITS   159 /* RFC 5280 4.1.2.2: at most 20 octets, positive */
#define SKEW_SECONDS  600 /* the clock of a client may be behind ours */
#define VALID_SECONDS ((long) CERTS_VALID_DAYS * 86400)

EVP_PKEY *certs_new_key(enum certs_key kind)
{
	bool rsa = kind == CERTS_KEY_RSA;
	EVP_PKEY_CTX *context = EVP_PKEY_CTX_new_id(rsa ? EVP_PKEY_RSA : EVP_PKEY_EC, NULL);
	EVP_PKEY *key = NULL;
	bool ok = context && EVP_PKEY_keygen_init(context) > 0;

	if (ok && rsa)
		ok = EVP_PKEY_CTX_set_rsa_keygen_bits(context, RSA_BITS) > 0;
	else if (ok)
		ok = EVP_PKEY_CTX_set_ec_paramgen_curve_nid(context, NID_X9_62_prime256v1) > 0;
	if (ok && EVP_PKEY_keygen(context, &key) <= 0)
		key = NULL;
	EVP_PKEY_CTX_free(context);
	return key;
}

static bool set_serial(X509 *cert)
{
	BIGNUM *number = BN_new();
	bool ok = number && BN_rand(number, SERIAL_BITS, BN_RAND_TOP_ONE, BN_RAND_BOTTOM_ANY) &&
		  BN_to_ASN1_INTEGER(number, X509_get_serialNumber(cert));

	BN_free(number);
	return ok;
}

static bool set_times(X509 *cert, const X509 *ca, int64_t now)
{
	time_t from = (time_t) now - SKEW_SECONDS, until = from + VALID_SECONDS, ca_until;

	if (!X509_time_adj_ex(X509_getm_notBefore(cert), 0, 0, &from) ||
	    !X509_time_adj_ex(X509_getm_notAfter(cert), 0, 0, &until))
		return false;
	ca_until = until;
	/* no longer than the CA itself */
	if (ca && X509_cmp_time(X509_get0_notAfter(ca), &ca_until) < 0)
		return X509_set1_notAfter(cert, X509_get0_notAfter(ca)) > 0;
	return true;
}

static bool set_names(X509 *cert, const X509 *ca, const char *common_name)
{
	X509_NAME *name = X509_get_subject_name(cert);

	return X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_UTF8,
					  (const unsigned char *) common_name, -1, -1, 0) > 0 &&
	       X509_set_issuer_name(cert, ca ? X509_get_subject_name(ca) : name) > 0;
}

static bool add_extension(X509 *cert, X509 *ca, int nid, const char *value)
{
	X509_EXTENSION *extension;
	X509V3_CTX context;
	bool ok;

	X509V3_set_ctx_nodb(&context);
	X509V3_set_ctx(&context, ca ? ca : cert, cert, NULL, NULL, 0);
	extension = X509V3_EXT_conf_nid(NULL, &context, nid, value);
	ok = extension && X509_add_ext(cert, extension, -1) > 0;
	X509_EXTENSION_free(extension);
	return ok;
}

static GENERAL_NAME *general_name(const struct certs_name *name)
{
	static const int types[] = {
		[CERTS_DNS] = GEN_DNS,
		[CERTS_IP] = GEN_IPADD,
		[CERTS_URI] = GEN_URI,
		[CERTS_EMAIL] = GEN_EMAIL,
	};
	bool ip = name->kind == CERTS_IP;
	GENERAL_NAME *general = GENERAL_NAME_new();
	ASN1_STRING *value = ASN1_STRING_type_new(ip ? V_ASN1_OCTET_STRING : V_ASN1_IA5STRING);
	const void *bytes = ip ? (const void *) name->bytes : name->text;

	if (!general || !value ||
	    !ASN1_STRING_set(value, bytes, (int) (ip ? name->n_bytes : strlen(name->text)))) {
		GENERAL_NAME_free(general);
		ASN1_STRING_free(value);
		return NULL;
	}
	GENERAL_NAME_set0_value(general, types[name->kind], value);
	return general;
}

static bool add_san(X509 *cert, const struct certs_names *names)
{
	GENERAL_NAMES *list = GENERAL_NAMES_new();
	bool ok = list != NULL;

	for (size_t i = 0; ok && i < names->count; i++) {
		GENERAL_NAME *general = general_name(&names->items[i]);

		ok = general && sk_GENERAL_NAME_push(list, general) > 0;
		if (!ok)
			GENERAL_NAME_free(general);
	}
	ok = ok && X509_add1_ext_i2d(cert, NID_subject_alt_name, list, 0, 0) > 0;
	GENERAL_NAMES_free(list);
	return ok;
}

/* Everything but the extensions. */
static X509 *begin(EVP_PKEY *key, const X509 *ca, const char *common_name, int64_t now)
{
	X509 *cert = X509_new();

	if (cert && X509_set_version(cert, 2) && /* 3, counted from 0 */
	    set_serial(cert) && set_times(cert, ca, now) && set_names(cert, ca, common_name) &&
	    X509_set_pubkey(cert, key))
		return cert;
	X509_free(cert);
	return NULL;
}

static X509 *finish(X509 *cert, bool ok, EVP_PKEY *ca_key)
{
	if (ok && X509_sign(cert, ca_key, EVP_sha256()) > 0)
		return cert;
	X509_free(cert);
	return NULL;
}

X509 *certs_new_ca(EVP_PKEY *key, int64_t now)
{
	X509 *cert = begin(key, NULL, "docker:dind CA", now);
	bool ok =
		cert && add_extension(cert, NULL, NID_basic_constraints, "critical,CA:TRUE") &&
		add_extension(cert, NULL, NID_key_usage, "critical,digitalSignature,keyCertSign") &&
		add_extension(cert, NULL, NID_subject_key_identifier, "hash");

	return finish(cert, ok, key);
}

/* A key exchange with RSA is not asked for by anybody since TLS 1.2; old clients want the bit. */
static const char *usage(const EVP_PKEY *key)
{
	return EVP_PKEY_base_id(key) == EVP_PKEY_RSA ? "critical,digitalSignature,keyEncipherment"
						     : "critical,digitalSignature";
}

static X509 *new_leaf(EVP_PKEY *key, X509 *ca, EVP_PKEY *ca_key, const char *common_name,
		      const char *purpose, const struct certs_names *names, int64_t now)
{
	X509 *cert = begin(key, ca, common_name, now);
	/* a CA of the user's may have no key identifier, which is not an error then */
	bool ok = cert && add_extension(cert, ca, NID_basic_constraints, "critical,CA:FALSE") &&
		  add_extension(cert, ca, NID_key_usage, usage(key)) &&
		  add_extension(cert, ca, NID_ext_key_usage, purpose) &&
		  add_extension(cert, ca, NID_subject_key_identifier, "hash") &&
		  (X509_get_ext_by_NID(ca, NID_subject_key_identifier, -1) < 0 ||
		   add_extension(cert, ca, NID_authority_key_identifier, "keyid")) &&
		  (!names || add_san(cert, names));

	return finish(cert, ok, ca_key);
}

X509 *certs_new_server(EVP_PKEY *key, X509 *ca, EVP_PKEY *ca_key, const struct certs_names *names,
		       int64_t now)
{
	return new_leaf(key, ca, ca_key, "docker:dind server", "serverAuth", names, now);
}

X509 *certs_new_client(EVP_PKEY *key, X509 *ca, EVP_PKEY *ca_key, int64_t now)
{
	return new_leaf(key, ca, ca_key, "docker:dind client", "clientAuth", NULL, now);
}
