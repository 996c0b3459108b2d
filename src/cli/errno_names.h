/* SPDX-License-Identifier: Apache-2.0 */
/* errno_names.h - "EINVAL" and back. glibc has strerrorname_np() only since 2.32, and no way back.
 */
#ifndef DIND_CLI_ERRNO_NAMES_H
#define DIND_CLI_ERRNO_NAMES_H

/* The name of a positive errno, or NULL for a number without one here. */
const char *errno_name(int error);

/* The positive errno of that name, or 0. */
int errno_from_name(const char *name);

#endif
