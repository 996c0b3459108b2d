/* SPDX-License-Identifier: Apache-2.0 */
/* stop_signal.h - the signal by which dockerd stops a container. */
#ifndef APPLY_STOP_SIGNAL_H
#define APPLY_STOP_SIGNAL_H

#include <stdint.h>

/* Number of "SIGTERM", "TERM", "15", "RTMIN+3", …; 0 when it means nothing. */
int stop_signal_parse(const char *name);

/* From <data_root>/containers/<id>/config.v2.json; SIGTERM when that says nothing about it, 0 when
 * it cannot be read. */
int stop_signal_of(const char *data_root, const char *id);

/* That signal as a set in the format of /proc/PID/status; for 0 all that are used to stop
 * containers: TERM, INT, QUIT, HUP, USR1, USR2, WINCH and the real-time ones. */
uint64_t stop_signal_mask(int signal_number);

#endif
