/* SPDX-License-Identifier: Apache-2.0 */
/*
 * PID 1 waits for days with code of libraries in memory that only the start needed. Pages of a file
 * that nobody wrote to can be dropped from our page table at any time: the kernel reads them again
 * when they are touched (madvise(2), MADV_DONTNEED on a private file mapping gives back the file's
 * content).
 */
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "dind/str.h"
#include "loop.h"

struct mapping {
	uintptr_t from, to;
	bool candidate; /* read-only, private, of a file */
};

/*
 * One line of smaps. A header is "start-end r-xp offset dev inode path"; what follows belongs to
 * it. "Anonymous" tells pages that were written to: relocations live in read-only mappings (RELRO)
 * and must stay.
 */
static void take_line(struct mapping *mapping, const char *line)
{
	char *end;
	uintptr_t from;

	if (str_has_prefix(line, "Anonymous:")) {
		if (mapping->candidate && strtoul(line + strlen("Anonymous:"), NULL, 10) == 0)
			(void) madvise((void *) mapping->from, mapping->to - mapping->from,
				       MADV_DONTNEED);
		mapping->candidate = false;
		return;
	}
	from = strtoull(line, &end, 16);
	if (end == line || *end != '-')
		return;
	mapping->from = from;
	mapping->to = strtoull(end + 1, &end, 16);
	mapping->candidate = *end == ' ' && end[1] == 'r' && end[2] == '-' && end[4] == 'p' &&
			     strchr(end, '/') != NULL;
}

void loop_shrink(void)
{
	auto_close int fd = open("/proc/self/smaps", O_RDONLY | O_CLOEXEC);
	struct mapping mapping = { 0, 0, false };
	char buf[8192];
	size_t used = 0;
	ssize_t n;

	if (fd < 0)
		return;
	while ((n = read(fd, buf + used, sizeof(buf) - 1 - used)) > 0) {
		char *line = buf, *newline;

		used += (size_t) n;
		buf[used] = '\0';
		while ((newline = strchr(line, '\n'))) {
			*newline = '\0';
			take_line(&mapping, line);
			line = newline + 1;
		}
		used -= (size_t) (line - buf);
		memmove(buf, line, used);
		if (used == sizeof(buf) - 1)
			return; /* no line is that long */
	}
}
