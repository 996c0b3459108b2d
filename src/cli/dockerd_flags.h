/* SPDX-License-Identifier: Apache-2.0 */
/*
 * dockerd_flags.h - reading dockerd's own command line, of which some flags are taken over: we open
 * the sockets, prepare the directories and choose the storage driver.
 */
#ifndef DIND_CLI_DOCKERD_FLAGS_H
#define DIND_CLI_DOCKERD_FLAGS_H

#include "dind/arena.h"
#include "dind/error.h"

/* What a command line said. Strings are borrowed from it; the last of several values counts. */
struct dockerd_flags {
	struct strings hosts;
	const char *group;
	const char *data_root;
	const char *exec_root;
	const char *pid_file;
	const char *config_file;
	const char *storage_driver;
	const char *tls_file; /* a flag that names a certificate or key; NULL: none */
	bool asks;	      /* --help, --version, --validate: dockerd answers and exits */
	struct strings rest;  /* all other words, in order */
};

/*
 * Append what @args (NULL ended) say to @flags. Returns 0, or -EINVAL when a flag that is taken
 * over lacks its value or is no flag; @err has the fact.
 */
int dockerd_flags_read(const char *const *args, struct arena *arena, struct dockerd_flags *flags,
		       struct error *err);

#endif
