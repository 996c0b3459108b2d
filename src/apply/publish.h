/* SPDX-License-Identifier: Apache-2.0 */
#ifndef APPLY_PUBLISH_H
#define APPLY_PUBLISH_H

#include "dind/error.h"
#include "dind/plan.h"

/*
 * A socket at listener->path, with its group and mode, that listens. Who finds the path finds a
 * socket that takes connections: it is made ready aside and moved there. Where that cannot be done
 * in time (chroot(2) is not allowed, say) it is made in place, and refuses for the moment between
 * bind(2) and listen(2). What a start that was killed left aside is removed. Its descriptor, or a
 * negative errno; -EADDRINUSE: somebody else was faster.
 */
int publish_unix(const struct plan_listener *listener, struct error *err);

#endif
