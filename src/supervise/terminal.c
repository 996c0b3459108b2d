/* SPDX-License-Identifier: Apache-2.0 */
/* The terminal of `docker run -it`: COMMAND's while it runs. */
#include <fcntl.h>

#include "internal.h"

int terminal_open(void)
{
	/* by its name, so that it is found when standard input is something else */
	int fd = open("/dev/tty", O_RDWR | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);

	/* an image without /dev/tty: the file that the runtime gave us */
	for (int standard = STDIN_FILENO; fd < 0 && standard <= STDERR_FILENO; standard++)
		if (tcgetpgrp(standard) >= 0)
			fd = fcntl(standard, F_DUPFD_CLOEXEC, STDERR_FILENO + 1);
	return fd;
}

bool terminal_is_ours(void)
{
	auto_close int fd = terminal_open();

	return fd >= 0 && tcgetpgrp(fd) == getpgrp();
}

void terminal_take(void)
{
	auto_close int fd = terminal_open();

	/* gone with who sat at it, or another session's by now: nothing to be done about it */
	if (fd >= 0)
		(void) tcsetpgrp(fd, getpgrp());
}
