/* SPDX-License-Identifier: Apache-2.0 */
/* ready.h - asking the engine itself. */
#ifndef DIND_SUPERVISE_READY_H
#define DIND_SUPERVISE_READY_H

#include "internal.h"

/*
 * GET /_ping of the listener @url (unix://PATH or tcp://HOST:PORT, HOST numeric; one that stands
 * for all addresses is reached over loopback), until @end (CLOCK_MONOTONIC ms). 0 when the answer
 * is 200, else negative errno.
 */
int ready_ping(const char *url, int64_t end, struct error *err);

#endif
