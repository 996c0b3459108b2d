/* SPDX-License-Identifier: Apache-2.0 */
/*
 * dind-client: PID 1's hands at the engine's API.
 *
 * This is the table of contents.
 *
 *   command line                     src/client/options.c
 *   prepare: clean, load, copy       src/client/prepare.c, clean.c, load.c, copy.c, jobs.c
 *   what is in an archive            src/client/scan.c, images.c, stream.c
 *   watch: marks, pruning, a pool    src/client/watch.c, disk.c, prune.c, pool.c, tree.c
 *   check: after a power cut          src/client/layers.c, splits.c
 *   mirrors: do they answer           src/client/mirrors.c
 *   requests                         src/client/engine.c, http.c, http_stream.c
 *   an engine elsewhere              src/client/wait.c, ssh.c, local.c
 */
#include <curl/curl.h>
#include <signal.h>

#include "client/client.h"

static int dispatch(const struct client_options *options)
{
	switch (options->command) {
	case CLIENT_PREPARE:
		return prepare_run(options);
	case CLIENT_WAIT:
		return wait_run(options);
	case CLIENT_LOCAL:
		return local_run(options);
	case CLIENT_ASK:
		return ask_run(options);
	case CLIENT_WATCH:
		return watch_run(options);
	case CLIENT_CHECK:
		return check_run(options);
	case CLIENT_HELP:
		break;
	}
	client_usage();
	return STATUS_OK;
}

int main(int argc, char **argv, char **environment)
{
	struct client_options options;
	struct arena arena = ARENA_INIT;
	struct error err = ERROR_INIT;
	int status = STATUS_USAGE;

	/* An engine that hangs up is an error of write(2). */
	(void) sigaction(SIGPIPE, &(struct sigaction){ .sa_handler = SIG_IGN }, NULL);
	if (client_options_parse(&options, &arena, argc, argv, environment, &err) < 0) {
		log_error("dind-client: %s (see dind-client --help)", err.message);
	} else {
		log_configure(options.level, options.format);
		(void) curl_global_init(CURL_GLOBAL_DEFAULT);
		status = dispatch(&options);
		curl_global_cleanup();
	}
	arena_free(&arena);
	return status;
}
