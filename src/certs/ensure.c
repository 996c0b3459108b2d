/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What is to be done with the files that are there. ca/key.pem decides: with it, or with no CA at
 * all, the certificates are ours; without it, server files are the user's.
 */
#include <fcntl.h>
#include <openssl/err.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>

#include "dind/file.h"
#include "internal.h"

#define LOCK_MS	     5000
#define LOCK_STEP_MS 10

#define SETTLED_SECONDS 1

/* ---- failures ---- */

static int note_failure(struct certs_run *run, enum certs_failure failure)
{
	run->outcome->failure = failure;
	return -certs_meaning(failure)->error;
}

int certs_fail(struct certs_run *run, enum certs_failure failure, const char *fmt, ...)
{
	char text[ERROR_MESSAGE_MAX];
	va_list ap;

	va_start(ap, fmt);
	(void) vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	(void) error_set_plain(run->err, -certs_meaning(failure)->error, "%s", text);
	return note_failure(run, failure);
}

int certs_fail_errno(struct certs_run *run, int code, const char *fmt, ...)
{
	char text[ERROR_MESSAGE_MAX];
	va_list ap;

	va_start(ap, fmt);
	(void) vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	(void) error_set(run->err, code, "%s", text);
	return note_failure(run, CERTS_FAIL_SYSTEM);
}

int certs_fail_crypto(struct certs_run *run, const char *what)
{
	char reason[160] = "out of memory";
	unsigned long code = ERR_peek_last_error();

	if (code)
		ERR_error_string_n(code, reason, sizeof(reason));
	ERR_clear_error();
	return certs_fail(run, CERTS_FAIL_SYSTEM, "libcrypto: %s: %s", what, reason);
}

void certs_say(char line[CERTS_LINE_MAX], const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	(void) vsnprintf(line, CERTS_LINE_MAX, fmt, ap);
	va_end(ap);
}

/* ---- until when that holds ---- */

static void begin_span(struct certs_run *run)
{
	run->span = (struct certs_span){ .from = run->options->now, .until = INT64_MAX };
	run->state = (struct certs_state){ .text = NULL };
}

static void limit_span(struct certs_run *run, const X509 *cert)
{
	int64_t until = certs_lasting_until(cert);

	if (until < run->span.until)
		run->span.until = until;
}

static struct certs_wish wish_of(const struct certs_run *run)
{
	static const char *const words[] = {
		[CERTS_KEY_ANY] = NULL, [CERTS_KEY_EC] = "ec", [CERTS_KEY_RSA] = "rsa"
	};

	return (struct certs_wish){
		.directory = run->options->directory,
		.key = words[run->options->key],
		.san = run->options->san,
		.local = &run->options->local,
	};
}

static void note_state(struct certs_run *run)
{
	struct certs_wish wish = wish_of(run);

	run->state.text = NULL;
	(void) certs_state_read(&wish, &run->arena, &run->state);
}

/* Times have a grain of some milliseconds: what was changed just now can be changed again and look
 * the same. */
static bool is_settled(const struct certs_run *run)
{
	return run->state.text && run->state.last_change + SETTLED_SECONDS < run->options->now;
}

/* Best effort: without a stamp the next start looks through them once more. */
static void stamp(struct certs_run *run)
{
	struct certs_wish wish = wish_of(run);

	if (run->state.text)
		(void) certs_stamp_write(&wish, &run->state, &run->span, &run->arena);
}

/* ---- the CA ---- */

struct authority {
	EVP_PKEY *key; /* read when something is to be signed */
	X509 *cert;
	bool made; /* the certificate, at least */
};

static int unreadable_key(struct certs_run *run, const char *path, int r)
{
	return certs_fail(run, CERTS_FAIL_UNREADABLE, "%s cannot be used: %s", path,
			  r == -EBADMSG ? "there is no private key without a pass phrase in it"
					: strerror(-r));
}

static int read_ca_key(struct certs_run *run, struct authority *ca)
{
	struct certs_path path;
	int r;

	if (ca->key)
		return 0;
	r = certs_read_key(certs_path(run, "ca", "key.pem", &path), &ca->key);
	return r < 0 ? unreadable_key(run, path.text, r) : 0;
}

static int make_ca(struct certs_run *run, struct authority *ca, bool new_key)
{
	struct certs_set set = { .role = "ca", .key_mode = 0600 };

	if (new_key)
		ca->key = certs_take_key(run);
	if (!ca->key)
		return certs_fail_crypto(run, "make a key");
	certs_free_x509(&ca->cert);
	ca->cert = certs_new_ca(ca->key, run->options->now);
	if (!ca->cert)
		return certs_fail_crypto(run, "make a CA");
	ca->made = true;
	set.key = new_key ? ca->key : NULL;
	set.cert = ca->cert;
	return certs_write(run, &set);
}

static bool ca_is_good(const struct certs_run *run, const char *key_path, X509 *cert)
{
	bool good = cert && certs_is_lasting(cert, run->options->now) && X509_check_ca(cert) > 0 &&
		    certs_key_matches(key_path, cert);

	ERR_clear_error();
	return good;
}

static int ensure_ca(struct certs_run *run, struct authority *ca)
{
	struct certs_path key_path, cert_path;
	bool key = certs_is_there(certs_path(run, "ca", "key.pem", &key_path));
	bool cert = certs_is_there(certs_path(run, "ca", "cert.pem", &cert_path));
	int r;

	if (!key && !cert)
		return make_ca(run, ca, true);
	if (!key)
		return certs_fail(run, CERTS_FAIL_NO_CA_KEY,
				  "%s has no ca/key.pem to sign with, and there are no server "
				  "certificates",
				  cert_path.text);
	(void) certs_read_x509(cert_path.text, &ca->cert);
	if (ca_is_good(run, key_path.text, ca->cert))
		return 0;
	/* the key stays, so that a client that has its certificate goes on */
	r = read_ca_key(run, ca);
	return r < 0 ? r : make_ca(run, ca, false);
}

/* ---- server and client ---- */

struct leaf {
	const char *role;
	unsigned int key_mode;
	const struct certs_names *names; /* NULL: a client */
};

static bool leaf_is_good(struct certs_run *run, const struct leaf *leaf, const struct authority *ca)
{
	struct certs_path path, other;
	const EVP_PKEY *public;
	auto_x509 cert = NULL;
	bool good;

	if (certs_read_x509(certs_path(run, leaf->role, "cert.pem", &path), &cert) < 0)
		return false;
	public = X509_get0_pubkey(cert);
	good = public && certs_key_is_fit(public, run->options->key) &&
	       certs_is_lasting(cert, run->options->now) &&
	       certs_key_matches(certs_path(run, leaf->role, "key.pem", &path), cert) &&
	       certs_same_content(certs_path(run, leaf->role, "ca.pem", &path),
				  certs_path(run, "ca", "cert.pem", &other)) &&
	       (!leaf->names || !certs_missing_name(cert, leaf->names)) &&
	       certs_is_signed_by(cert, ca->cert);
	if (good)
		limit_span(run, cert);
	ERR_clear_error();
	return good;
}

static int make_leaf(struct certs_run *run, const struct leaf *leaf, EVP_PKEY *old_key,
		     const struct authority *ca)
{
	auto_key new_key = old_key ? NULL : certs_take_key(run);
	EVP_PKEY *key = old_key ? old_key : new_key;
	auto_x509 cert = NULL;
	struct certs_set set = { .role = leaf->role, .key_mode = leaf->key_mode };
	int r;

	if (!key)
		return certs_fail_crypto(run, "make a key");
	cert = leaf->names
		       ? certs_new_server(key, ca->cert, ca->key, leaf->names, run->options->now)
		       : certs_new_client(key, ca->cert, ca->key, run->options->now);
	if (!cert)
		return certs_fail_crypto(run, "make a certificate");
	/* what we could not use ourselves is not handed out */
	if (!certs_is_signed_by(cert, ca->cert) || X509_check_private_key(cert, key) <= 0)
		return certs_fail_crypto(run, "verify what was made");
	limit_span(run, cert);
	set.key = new_key;
	set.cert = cert;
	set.ca = ca->cert;
	r = certs_write(run, &set);
	return r < 0 ? r : certs_write_extras(run, leaf->role, key, cert, leaf->names);
}

static int ensure_leaf(struct certs_run *run, const struct leaf *leaf, struct authority *ca,
		       bool *ret_made)
{
	auto_key key = NULL;
	struct certs_path path;
	int r;

	if (leaf_is_good(run, leaf, ca))
		return 0;
	*ret_made = true;
	r = read_ca_key(run, ca);
	if (r < 0)
		return r;
	r = certs_read_key(certs_path(run, leaf->role, "key.pem", &path), &key);
	if (r < 0 && r != -ENOENT && r != -EBADMSG)
		return unreadable_key(run, path.text, r);
	if (key && !certs_key_is_fit(key, run->options->key)) {
		EVP_PKEY_free(key);
		key = NULL;
	}
	return make_leaf(run, leaf, key, ca);
}

/* ---- all three ---- */

/* @server, @client: that one was made. */
static void tell(struct certs_run *run, const struct authority *ca, bool server, bool client)
{
	const char *directory = run->options->directory;
	char *day = run->span.ca_day;

	limit_span(run, ca->cert);
	(void) certs_last_day(ca->cert, day, sizeof(run->span.ca_day));
	if (!ca->made && !server && !client)
		certs_say(run->outcome->notice, "%s", certs_kept_text(directory, day, &run->arena));
	else
		certs_say(run->outcome->notice, "made in %s:%s%s%s; the CA lasts until %s",
			  directory, ca->made ? " ca" : "", server ? " server" : "",
			  client ? " client" : "", day);
}

static void join_names(struct certs_names *all, const struct certs_options *options)
{
	*all = options->asked;
	for (size_t i = 0; i < options->local.count; i++) {
		bool known = false;

		for (size_t k = 0; k < options->asked.count && !known; k++)
			known = certs_name_equal(&options->asked.items[k],
						 &options->local.items[i]);
		if (!known && all->count < CERTS_MAX_NAMES)
			all->items[all->count++] = options->local.items[i];
	}
}

/* whoever may read the directory is a client, whatever user it runs as */
static const struct leaf client = { "client", 0644, NULL };

static int ensure_ours(struct certs_run *run, const struct leaf *server)
{
	struct authority ca = { .key = NULL };
	bool server_made = false, client_made = false;
	int r;

	certs_sweep(run, "ca");
	certs_sweep(run, server->role);
	certs_sweep(run, client.role);
	note_state(run);
	r = ensure_ca(run, &ca);
	if (r == 0)
		r = ensure_leaf(run, server, &ca, &server_made);
	if (r == 0)
		r = ensure_leaf(run, &client, &ca, &client_made);
	if (r == 0) {
		tell(run, &ca, server_made, client_made);
		if (ca.made || server_made || client_made) {
			note_state(run);
			stamp(run);
		} else if (is_settled(run)) {
			stamp(run);
		}
	}
	certs_free_key(&ca.key);
	certs_free_x509(&ca.cert);
	return r;
}

/* All of them are good, and nothing is left to be removed. */
static bool are_kept(struct certs_run *run, const struct leaf *server)
{
	struct certs_path path;
	struct authority ca = { .key = NULL };
	bool kept = certs_is_there(certs_path(run, "ca", "key.pem", &path)) &&
		    certs_is_swept(run, "ca") && certs_is_swept(run, server->role) &&
		    certs_is_swept(run, client.role) &&
		    certs_read_x509(certs_path(run, "ca", "cert.pem", &path), &ca.cert) == 0 &&
		    ca_is_good(run, certs_path(run, "ca", "key.pem", &path), ca.cert) &&
		    leaf_is_good(run, server, &ca) && leaf_is_good(run, &client, &ca);

	if (kept)
		tell(run, &ca, false, false);
	certs_free_x509(&ca.cert);
	return kept;
}

/* ---- one at a time ---- */

/* Engines may share the directory. It is our own lock: a file system without locks has to do. */
static int lock(struct certs_run *run, int *ret_fd)
{
	const char *directory = run->options->directory;
	int64_t deadline = clock_now_ms() + LOCK_MS;
	int r = file_make_directories(directory, 0755);

	if (r < 0)
		return certs_fail_errno(run, r, "make %s", directory);
	*ret_fd = open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (*ret_fd < 0)
		return certs_fail_errno(run, -errno, "open %s", directory);
	while (flock(*ret_fd, LOCK_EX | LOCK_NB) < 0) {
		if (errno != EWOULDBLOCK && errno != EINTR)
			return 0;
		if (clock_now_ms() >= deadline)
			return certs_fail_errno(run, -ETIMEDOUT,
						"another dind-certs is at work in %s", directory);
		clock_sleep_ms(LOCK_STEP_MS);
	}
	return 0;
}

static bool is_users(const struct certs_run *run)
{
	struct certs_path path;

	return certs_is_there(certs_path(run, "server", "ca.pem", &path)) &&
	       certs_is_there(certs_path(run, "server", "cert.pem", &path)) &&
	       certs_is_there(certs_path(run, "server", "key.pem", &path)) &&
	       !certs_is_there(certs_path(run, "ca", "key.pem", &path));
}

/* ---- looking, then doing ---- */

/*
 * Not a byte has to be written: they are the user's, or ours and good. *@ret_directory is where
 * they are, and locked while we look, so that what is read belongs together.
 */
static bool look(struct certs_run *run, const struct leaf *server, int *ret_directory, int *ret)
{
	int fd = open(run->options->directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	bool done;

	*ret_directory = fd;
	if (fd < 0 || (flock(fd, LOCK_SH | LOCK_NB) < 0 && errno == EWOULDBLOCK))
		return false;
	*ret = 0;
	if (is_users(run)) {
		done = true;
		*ret = certs_check_users(run);
	} else {
		note_state(run); /* before anything is read, so that what is changed later shows */
		done = are_kept(run, server);
	}
	(void) flock(fd, LOCK_UN);
	return done;
}

/* Nothing was mounted over it while we waited. */
static bool is_still_there(const struct certs_run *run, int directory)
{
	struct stat now, then;

	return fstat(directory, &then) == 0 && stat(run->options->directory, &now) == 0 &&
	       now.st_dev == then.st_dev && now.st_ino == then.st_ino;
}

static int look_and_do(struct certs_run *run, const struct leaf *server)
{
	auto_close int looked_at = -EBADF;
	auto_close int locked = -EBADF;
	int looked = 0, r;
	bool done = look(run, server, &looked_at, &looked);

	if (!done && run->options->held)
		certs_make_ahead(run);
	r = certs_wait_for_go(run);
	if (r < 0)
		return r;
	if (done && is_still_there(run, looked_at)) {
		if (is_settled(run))
			stamp(run);
		return looked;
	}
	begin_span(run);
	*run->outcome = (struct certs_outcome){ .failure = CERTS_FAIL_SYSTEM };
	if (is_users(run))
		return certs_check_users(run);
	r = lock(run, &locked);
	return r < 0 ? r : ensure_ours(run, server);
}

int certs_ensure(const struct certs_options *options, struct certs_outcome *ret, struct error *err)
{
	struct certs_run run = {
		.options = options, .outcome = ret, .err = err, .arena = ARENA_INIT
	};
	struct certs_names names;
	const struct leaf server = { "server", 0600, &names };
	int r;

	*ret = (struct certs_outcome){ .failure = CERTS_FAIL_SYSTEM };
	join_names(&names, options);
	begin_span(&run);
	r = look_and_do(&run, &server);
	certs_drop_ahead(&run);
	arena_free(&run.arena);
	return r;
}
