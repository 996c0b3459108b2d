/* SPDX-License-Identifier: Apache-2.0 */
/* bundle_internal.h - what scan.c and stream.c share of libarchive. */
#ifndef CLIENT_BUNDLE_INTERNAL_H
#define CLIENT_BUNDLE_INTERNAL_H

#include <archive.h>
#include <archive_entry.h>

#include "bundle.h"

/* The compressions that the library itself can undo; no program is started. */
void bundle_support_filters(struct archive *a);

/* libarchive's words in @err. */
int bundle_failure(struct archive *a, int code, const char *path, struct error *err);

#endif
