/* SPDX-License-Identifier: Apache-2.0 */
/*
 * dind-certs: certificates for the engine's TCP listeners.
 *
 * This is the table of contents.
 *
 *   command line                         src/certs/command.c
 *   what is done with what is there      src/certs/ensure.c
 *   what is done before it may           src/certs/ahead.c
 *   what the user put there              src/certs/check.c
 *   names and addresses                  src/base/certs_names.c
 *   keys and certificates                src/certs/make.c
 *   files                                src/certs/store.c
 *   what need not be looked at again     src/base/certs_stamp.c
 *
 * It is run by PID 1 (src/apply/certs.c), which reads its lines: "info: ", "warning: ", "error: ".
 */
#include <openssl/crypto.h>
#include <stdio.h>
#include <time.h>

#include "certs/certs.h"

static int refused(enum certs_failure failure, const struct error *err)
{
	const struct certs_meaning *meaning = certs_meaning(failure);

	(void) fprintf(stderr, "error: %s\nhelp: %s: %s\n", err->message, meaning->code,
		       meaning->remedy);
	return meaning->exit_status;
}

static int run(struct certs_command *command, struct arena *arena)
{
	struct certs_options *work = &command->work;
	struct certs_outcome outcome = { .failure = CERTS_FAIL_SYSTEM };
	struct error err = ERROR_INIT;

	if (work->san && certs_names_parse(&work->asked, work->san, arena, &err) < 0)
		return refused(CERTS_FAIL_SAN, &err);
	certs_names_here(&work->local, arena);
	work->now = (int64_t) time(NULL);
	work->go = STDIN_FILENO;
	if (certs_ensure(work, &outcome, &err) < 0)
		return refused(outcome.failure, &err);
	if (*outcome.warning)
		(void) printf("warning: %s\n", outcome.warning);
	(void) printf("info: %s\n", outcome.notice);
	return STATUS_OK;
}

int main(int argc, char **argv)
{
	struct certs_command *command = calloc(1, sizeof(*command));
	struct arena arena = ARENA_INIT;
	struct error err = ERROR_INIT;
	int status = STATUS_OK;

	/* openssl.cnf is about providers and defaults that nothing here hangs on; what libcrypto
	 * holds goes with us */
	(void) OPENSSL_init_crypto(OPENSSL_INIT_NO_LOAD_CONFIG | OPENSSL_INIT_NO_ATEXIT, NULL);
	if (!command) {
		status = STATUS_OSERR;
	} else if (certs_command_parse(command, argc, argv, &err) < 0) {
		(void) fprintf(stderr, "error: dind-certs: %s (see dind-certs --help)\n",
			       err.message);
		status = STATUS_USAGE;
	} else if (command->help) {
		certs_usage();
	} else {
		status = run(command, &arena);
	}
	arena_free(&arena);
	free(command);
	return status;
}
