/* SPDX-License-Identifier: Apache-2.0 */
/* busy.h - who keeps a mount busy. */
#ifndef APPLY_BUSY_H
#define APPLY_BUSY_H

#include <stddef.h>

/* "pid 17 (sleep), pid 18 (bash)" for the first processes whose directory, root, program or open
 * files are at or below @path; "" when none is found. */
void busy_describe(const char *path, char *buf, size_t size);

#endif
