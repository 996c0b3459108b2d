/* SPDX-License-Identifier: Apache-2.0 */
/*
 * layers.h - after a power cut: do the layers of the driver overlay2 still hold what was put into
 * them? The engine writes its records through to the disk, not the files of the layers: these get
 * their blocks, and with them their size, up to half a minute later. So an image may be listed that
 * has empty files. What each layer should hold is in its tar-split record.
 */
#ifndef CLIENT_LAYERS_H
#define CLIENT_LAYERS_H

#include "dind/arena.h"
#include "dind/error.h"

/*
 * Look at the layers below @root that were made so late that they can have been hit, and add the
 * names of the images that need a damaged one to @damaged: NAME:TAG, or an id without a name.
 * *@ret_checked: how many layers were looked at. 0 or a negative errno: -ENOTSUP where no such
 * records are kept.
 */
int layers_check(const char *root, struct arena *arena, struct strings *damaged,
		 size_t *ret_checked, struct error *err);

#endif
