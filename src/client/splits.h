/* SPDX-License-Identifier: Apache-2.0 */
/* splits.h - the record of what a layer was made of, tar-split.json.gz, against the layer. */
#ifndef CLIENT_SPLITS_H
#define CLIENT_SPLITS_H

#include "dind/base.h"

/*
 * Does every file that the record at @record names have its size below @files? Both are relative to
 * the directory @root. False also when the record cannot be read to its end; true where there is
 * none, because then nothing is known.
 */
bool splits_are_there(int root, const char *record, const char *files);

#endif
