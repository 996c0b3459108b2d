/* SPDX-License-Identifier: Apache-2.0 */
/*
 * PID 1 starts us while it still finds out whether there will be an engine, and nothing is to be
 * written for a start that is refused. What takes the time needs no file: the keys, and libcrypto
 * itself.
 */
#include <openssl/err.h>

#include "internal.h"

static void make_keys(struct certs_run *run)
{
	static const char *const roles[CERTS_MAX_AHEAD] = { "ca", "server", "client" };
	struct certs_path path;

	for (size_t i = 0; i < CERTS_MAX_AHEAD; i++) {
		EVP_PKEY *key;

		if (certs_is_there(certs_path(run, roles[i], "key.pem", &path)))
			continue;
		key = certs_new_key(run->options->key);
		if (key)
			run->ahead[run->n_ahead++] = key;
	}
}

/*
 * Algorithms, encoders and decoders are looked up once, which takes longer than reading a key and
 * signing with it. What is read and made here is nobody's: it may be another one when we may write.
 */
static void warm_up(struct certs_run *run)
{
	struct certs_path path;
	auto_key own = NULL;
	auto_x509 first = NULL;
	EVP_PKEY *key = run->n_ahead ? run->ahead[0] : NULL;

	if (certs_read_key(certs_path(run, "ca", "key.pem", &path), &own) == 0)
		key = own;
	if (key)
		first = certs_new_ca(key, run->options->now);
	if (first)
		(void) X509_verify(first, key);
}

void certs_make_ahead(struct certs_run *run)
{
	make_keys(run);
	warm_up(run);
	ERR_clear_error(); /* what fails here fails again where it is needed, and is told there */
}

EVP_PKEY *certs_take_key(struct certs_run *run)
{
	return run->n_ahead ? run->ahead[--run->n_ahead] : certs_new_key(run->options->key);
}

void certs_drop_ahead(struct certs_run *run)
{
	while (run->n_ahead)
		EVP_PKEY_free(run->ahead[--run->n_ahead]);
}

int certs_wait_for_go(struct certs_run *run)
{
	if (!run->options->held || certs_await_go(run->options->go) == 0)
		return 0;
	return certs_fail(run, CERTS_FAIL_SYSTEM, "nothing was made in %s: nobody said go",
			  run->options->directory);
}
