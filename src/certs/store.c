/* SPDX-License-Identifier: Apache-2.0 */
/* PEM files: read as they are, written aside and put in place. */
#include <fcntl.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "dind/file.h"
#include "internal.h"

#define PEM_FILE_MAX 131072 /* bytes; a bundle of many CAs */

const char *certs_path(const struct certs_run *run, const char *role, const char *name,
		       struct certs_path *path)
{
	/* main() has bounded the directory's length */
	/* cppcheck-suppress ctuuninitvar */
	(void) snprintf(path->text, sizeof(path->text), "%s/%s/%s", run->options->directory, role,
			name);
	return path->text;
}

bool certs_is_there(const char *path)
{
	struct stat st;

	return stat(path, &st) == 0 && st.st_size > 0;
}

/* ---- reading ---- */

/* Never ask on a terminal: an encrypted key is one that cannot be read. */
static int no_pass_phrase(char *buf, int size, int writing, void *context)
{
	(void) buf;
	(void) size;
	(void) writing;
	(void) context;
	return -1;
}

static int slurp(const char *path, char *buf, size_t size, size_t *ret_length)
{
	/* a FIFO that somebody put there must not stop the start */
	auto_close int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	size_t used = 0;
	struct stat st;

	if (fd < 0) /* what is in the way is named when it is to be written */
		return errno == ENOTDIR ? -ENOENT : -errno;
	if (fstat(fd, &st) < 0)
		return -errno;
	if (!S_ISREG(st.st_mode))
		return S_ISDIR(st.st_mode) ? -EISDIR : -EBADMSG;
	while (used < size) {
		ssize_t n = read(fd, buf + used, size - used);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		if (n == 0)
			break;
		used += (size_t) n;
	}
	if (used == 0)
		return -ENOENT;
	*ret_length = used;
	return used == size ? -EFBIG : 0;
}

/* A memory BIO on the file's text in @buf. */
static int open_pem(const char *path, char *buf, size_t size, BIO **ret_bio)
{
	size_t length = 0;
	int r = slurp(path, buf, size, &length);

	if (r < 0)
		return r;
	*ret_bio = BIO_new_mem_buf(buf, (int) length);
	return *ret_bio ? 0 : -ENOMEM;
}

int certs_read_key(const char *path, EVP_PKEY **ret_key)
{
	char text[PEM_FILE_MAX];
	EVP_PKEY *key;
	BIO *bio;
	int r = open_pem(path, text, sizeof(text), &bio);

	if (r < 0)
		return r;
	key = PEM_read_bio_PrivateKey(bio, NULL, no_pass_phrase, NULL);
	BIO_free(bio);
	ERR_clear_error();
	if (!key)
		return -EBADMSG;
	*ret_key = key;
	return 0;
}

int certs_read_all(const char *path, STACK_OF(X509) * *ret_stack)
{
	char text[PEM_FILE_MAX];
	auto_stack stack = NULL;
	X509 *cert;
	BIO *bio;
	int r = open_pem(path, text, sizeof(text), &bio);

	if (r < 0)
		return r;
	stack = sk_X509_new_null();
	while (stack && (cert = PEM_read_bio_X509(bio, NULL, no_pass_phrase, NULL)))
		if (!sk_X509_push(stack, cert))
			X509_free(cert);
	BIO_free(bio);
	ERR_clear_error(); /* the end of the file is one, too */
	if (!stack)
		return -ENOMEM;
	if (sk_X509_num(stack) == 0)
		return -EBADMSG;
	*ret_stack = stack;
	stack = NULL;
	return 0;
}

int certs_read_x509(const char *path, X509 **ret_cert)
{
	auto_stack stack = NULL;
	int r = certs_read_all(path, &stack);

	if (r == 0)
		*ret_cert = sk_X509_shift(stack);
	return r;
}

/* Its last bytes are @point. */
static bool ends_with_point(const unsigned char *der, long length, const ASN1_BIT_STRING *point)
{
	PKCS8_PRIV_KEY_INFO *info = d2i_PKCS8_PRIV_KEY_INFO(NULL, &der, length);
	const unsigned char *raw = NULL;
	const ASN1_OBJECT *algorithm = NULL;
	int n = 0, n_point = ASN1_STRING_length(point);
	bool same = false;

	if (info && PKCS8_pkey_get0(&algorithm, &raw, &n, NULL, info) &&
	    OBJ_obj2nid(algorithm) == NID_X9_62_id_ecPublicKey && n > n_point && n_point > 0)
		same = memcmp(raw + n - n_point, ASN1_STRING_get0_data(point), (size_t) n_point) ==
		       0;
	PKCS8_PRIV_KEY_INFO_free(info);
	return same;
}

static bool has_public_key(const char *path, const X509 *cert)
{
	char text[PEM_FILE_MAX];
	const ASN1_BIT_STRING *point = X509_get0_pubkey_bitstr(cert);
	char *name = NULL, *header = NULL;
	unsigned char *der = NULL;
	bool same = false;
	long length = 0;
	BIO *bio;

	if (!point || open_pem(path, text, sizeof(text), &bio) < 0)
		return false;
	if (PEM_read_bio(bio, &name, &header, &der, &length) &&
	    strcmp(name, PEM_STRING_PKCS8INF) == 0)
		same = ends_with_point(der, length, point);
	OPENSSL_free(name);
	OPENSSL_free(header);
	OPENSSL_clear_free(der, (size_t) length);
	BIO_free(bio);
	ERR_clear_error();
	return same;
}

bool certs_key_matches(const char *path, X509 *cert)
{
	auto_key key = NULL;
	bool same;

	if (has_public_key(path, cert))
		return true;
	same = certs_read_key(path, &key) == 0 && X509_check_private_key(cert, key) > 0;
	ERR_clear_error();
	return same;
}

bool certs_same_content(const char *path, const char *other)
{
	char a[PEM_FILE_MAX];
	char b[PEM_FILE_MAX];
	size_t n_a = 0, n_b = 0;

	return slurp(path, a, sizeof(a), &n_a) == 0 && slurp(other, b, sizeof(b), &n_b) == 0 &&
	       n_a == n_b && memcmp(a, b, n_a) == 0;
}

/* ---- writing ---- */

static int write_bio(const char *path, BIO *bio, unsigned int mode)
{
	auto_close int fd = -EBADF;
	char *text = NULL;
	long length = BIO_get_mem_data(bio, &text);
	int r;

	if (unlink(path) < 0 && errno != ENOENT)
		return -errno;
	fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
	if (fd < 0)
		return -errno;
	r = file_write_all(fd, text, (size_t) length);
	/* whatever the umask said */
	if (r == 0 && fchmod(fd, (mode_t) mode) < 0)
		r = -errno;
	if (r < 0)
		(void) unlink(path);
	return r;
}

/* @key or @cert, the other being NULL, to @name aside. */
static int write_aside(struct certs_run *run, const struct certs_set *set, const char *aside,
		       EVP_PKEY *key, X509 *cert, unsigned int mode)
{
	struct certs_path path;
	BIO *bio = BIO_new(BIO_s_mem());
	int r, ok;

	if (!bio)
		return certs_fail_crypto(run, "memory");
	ok = key ? PEM_write_bio_PKCS8PrivateKey(bio, key, NULL, NULL, 0, NULL, NULL)
		 : PEM_write_bio_X509(bio, cert);
	if (!ok) {
		BIO_free(bio);
		return certs_fail_crypto(run, "write PEM");
	}
	r = write_bio(certs_path(run, set->role, aside, &path), bio, mode);
	BIO_free(bio);
	return r < 0 ? certs_fail_errno(run, r, "write %s", path.text) : 0;
}

static int put(struct certs_run *run, const struct certs_set *set, const char *aside,
	       const char *name)
{
	struct certs_path from, to;

	(void) certs_path(run, set->role, aside, &from);
	if (rename(from.text, certs_path(run, set->role, name, &to)) < 0)
		return certs_fail_errno(run, -errno, "replace %s", to.text);
	return 0;
}

static int put_all(struct certs_run *run, const struct certs_set *set)
{
	struct certs_path path;
	int r = 0;

	if (set->key) {
		(void) certs_path(run, set->role, "cert.pem", &path);
		if (unlink(path.text) < 0 && errno != ENOENT)
			return certs_fail_errno(run, -errno, "replace %s", path.text);
		r = put(run, set, ".key.pem.new", "key.pem");
	}
	if (r == 0 && set->ca)
		r = put(run, set, ".ca.pem.new", "ca.pem");
	return r < 0 ? r : put(run, set, ".cert.pem.new", "cert.pem");
}

static const char *const asides[] = { ".key.pem.new", ".ca.pem.new", ".cert.pem.new" };

void certs_sweep(struct certs_run *run, const char *role)
{
	struct certs_path path;

	for (size_t i = 0; i < ARRAY_SIZE(asides); i++)
		(void) unlink(certs_path(run, role, asides[i], &path));
}

bool certs_is_swept(const struct certs_run *run, const char *role)
{
	struct certs_path path;

	for (size_t i = 0; i < ARRAY_SIZE(asides); i++)
		if (access(certs_path(run, role, asides[i], &path), F_OK) == 0)
			return false;
	return true;
}

int certs_write(struct certs_run *run, const struct certs_set *set)
{
	struct certs_path path;
	int r;

	(void) snprintf(path.text, sizeof(path.text), "%s/%s", run->options->directory, set->role);
	r = file_make_directories(path.text, 0755);
	if (r < 0)
		return certs_fail_errno(run, r, "make %s", path.text);
	if (set->key)
		r = write_aside(run, set, asides[0], set->key, NULL, set->key_mode);
	if (r == 0 && set->ca)
		r = write_aside(run, set, asides[1], NULL, set->ca, 0644);
	if (r == 0)
		r = write_aside(run, set, asides[2], NULL, set->cert, 0644);
	if (r == 0)
		r = put_all(run, set);
	if (r < 0)
		certs_sweep(run, set->role);
	return r;
}

/* ---- ownership ---- */

void certs_free_key(EVP_PKEY **key)
{
	EVP_PKEY_free(*key);
}

void certs_free_x509(X509 **cert)
{
	X509_free(*cert);
}

void certs_free_stack(STACK_OF(X509) * *stack)
{
	sk_X509_pop_free(*stack, X509_free);
}
