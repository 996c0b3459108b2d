/* SPDX-License-Identifier: Apache-2.0 */
#ifndef APPLY_PUBLISH_H
#define APPLY_PUBLISH_H

#include "dind/error.h"
#include "dind/plan.h"

/*
 * Bind the socket @fd to listener->path, with its group and mode, and listen. Who finds the path
 * finds a socket that takes connections: it is made ready aside and moved there. Where that cannot
 * be done (chroot(2) is not allowed) it is made in place, and refuses for the moment between
 * bind(2) and listen(2). 0 or negative errno; -EADDRINUSE: somebody else was faster.
 */
int publish_unix(int fd, const struct plan_listener *listener, struct error *err);

#endif
