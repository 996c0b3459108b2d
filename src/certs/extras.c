/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What docker:dind leaves beside the certificates, since it makes them with openssl(1): the
 * request, its configuration, the last serial number. Nothing here reads them; scripts may.
 */
#include <openssl/bn.h>
#include <openssl/pem.h>
#include <string.h>

#include "dind/file.h"
#include "internal.h"

#define MODE 0644

static int write_text(struct certs_run *run, const char *role, const char *name, const char *text)
{
	struct certs_path path;
	int r = file_replace(certs_path(run, role, name, &path), text, MODE);

	return r < 0 ? certs_fail_errno(run, r, "write %s", path.text) : 0;
}

/* Of a memory BIO that holds text. */
static int write_bio(struct certs_run *run, const char *role, const char *name, BIO *bio)
{
	char *text = NULL;

	/* with its end */
	if (BIO_write(bio, "", 1) != 1 || BIO_get_mem_data(bio, &text) <= 0)
		return certs_fail_crypto(run, "memory");
	return write_text(run, role, name, text);
}

static int write_request(struct certs_run *run, const char *role, EVP_PKEY *key, X509 *cert)
{
	X509_REQ *request = X509_to_X509_REQ(cert, key, EVP_sha256());
	BIO *bio = BIO_new(BIO_s_mem());
	int r;

	if (request && bio && PEM_write_bio_X509_REQ(bio, request))
		r = write_bio(run, role, "csr.pem", bio);
	else
		r = certs_fail_crypto(run, "make a request");
	X509_REQ_free(request);
	BIO_free(bio);
	return r;
}

static const char *prefix(enum certs_name_kind kind)
{
	static const char *const prefixes[] = {
		[CERTS_DNS] = "DNS",
		[CERTS_IP] = "IP",
		[CERTS_URI] = "URI",
		[CERTS_EMAIL] = "email",
	};

	return prefixes[kind];
}

static int write_configuration(struct certs_run *run, const char *role,
			       const struct certs_names *names)
{
	BIO *bio = BIO_new(BIO_s_mem());
	bool ok = bio && BIO_printf(bio, "[ x509_exts ]\nextendedKeyUsage = %s\n",
				    names ? "serverAuth" : "clientAuth") > 0;
	int r;

	for (size_t i = 0; ok && names && i < names->count; i++)
		ok = BIO_printf(bio, "%s%s:%s",
				i ? "," : "subjectAltName = ", prefix(names->items[i].kind),
				names->items[i].text) > 0;
	if (ok && names && names->count)
		ok = BIO_printf(bio, "\n") > 0;
	r = ok ? write_bio(run, role, "openssl.cnf", bio) : certs_fail_crypto(run, "memory");
	BIO_free(bio);
	return r;
}

static int write_serial(struct certs_run *run, const X509 *cert)
{
	BIGNUM *number = ASN1_INTEGER_to_BN(X509_get0_serialNumber(cert), NULL);
	char *digits = number ? BN_bn2hex(number) : NULL;
	char text[128] = "";
	int r;

	if (digits)
		(void) snprintf(text, sizeof(text), "%s\n", digits);
	r = digits ? write_text(run, "ca", "cert.srl", text) : certs_fail_crypto(run, "memory");
	OPENSSL_free(digits);
	BN_free(number);
	return r;
}

int certs_write_extras(struct certs_run *run, const char *role, EVP_PKEY *key, X509 *cert,
		       const struct certs_names *names)
{
	int r = write_request(run, role, key, cert);

	if (r == 0)
		r = write_configuration(run, role, names);
	return r < 0 ? r : write_serial(run, cert);
}
