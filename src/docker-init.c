/* SPDX-License-Identifier: Apache-2.0 */
/*
 * docker-init: a program of its own, linked statically, because `docker run --init` mounts it into
 * containers that have any C library, or none.
 */
#include <unistd.h>

#include "dind/supervise.h"
#include "init/init.h"

int main(int argc, char **argv)
{
	struct error err = ERROR_INIT;
	sigset_t inherited;

	if (supervise_block_signals(&inherited, &err) < 0)
		return STATUS_OSERR;
	return init_main(argc, argv, environ, &inherited);
}
