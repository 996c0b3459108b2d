/* SPDX-License-Identifier: Apache-2.0 */
/* A directory for certificates, and what is asked for in it. */
#ifndef DIND_TEST_CERTS_FIXTURE_H
#define DIND_TEST_CERTS_FIXTURE_H

#include <check.h>
#include <fcntl.h>
#include <ftw.h>
#include <openssl/pem.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "../../src/certs/internal.h"
#include "dind/file.h"
#include "dind/str.h"

#define NOW INT64_C(1700000000)

static char directory[64];
static struct certs_options *options;
static struct certs_outcome outcome;
static struct error err;
static struct arena arena;

static int remove_one(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
	(void) st;
	(void) type;
	(void) ftw;
	return remove(path);
}

static void set_up(void)
{
	struct error error = ERROR_INIT;

	(void) snprintf(directory, sizeof(directory), "/tmp/test_certs.XXXXXX");
	ck_assert_ptr_nonnull(mkdtemp(directory));
	arena = (struct arena) ARENA_INIT;
	options = calloc(1, sizeof(*options));
	options->directory = directory;
	options->now = NOW;
	ck_assert_int_eq(certs_names_parse(&options->local, "DNS:docker,DNS:box,IP:10.0.0.2,IP:::1",
					   &arena, &error),
			 0);
}

static void tear_down(void)
{
	(void) nftw(directory, remove_one, 16, FTW_DEPTH | FTW_PHYS);
	free(options);
	arena_free(&arena);
}

static void names(struct certs_names *list, const char *text)
{
	list->count = 0;
	ck_assert_int_eq(certs_names_parse(list, text, &arena, &err), 0);
}

static const char *at(const char *name)
{
	return arena_printf(&arena, "%s/%s", directory, name);
}

static void ensure(void)
{
	err = (struct error) ERROR_INIT;
	ck_assert_msg(certs_ensure(options, &outcome, &err) == 0, "%s", err.message);
	ck_assert_str_ne(outcome.notice, "");
}

static void write_text(const char *name, const char *text)
{
	char *path = arena_strdup(&arena, at(name)), *slash = strrchr(path, '/');

	*slash = '\0';
	ck_assert_int_eq(file_make_directories(path, 0755), 0);
	ck_assert_int_eq(file_replace(at(name), text, 0644), 0);
}

#endif
