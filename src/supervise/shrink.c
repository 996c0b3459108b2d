/* SPDX-License-Identifier: Apache-2.0 */
/*
 * PID 1 waits for days with pages in memory that only the start needed. Pages of a file that nobody
 * has written to can be taken out of a private mapping at any time: MADV_DONTNEED, and they are
 * mapped again when they are touched. Pages of the stack below us are garbage.
 */
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>

#include "dind/str.h"
#include "internal.h"

/* What we and the kernel may still need below the present frame. */
#define STACK_RESERVE (64UL << 10)

struct mapping {
	uintptr_t from, to;
	bool clean_file; /* read-only and private, of a file */
	bool stack;
};

static bool parse_hex(const char **at, uintptr_t *ret_value)
{
	const char *start = *at;
	uintptr_t value = 0;

	for (;; (*at)++) {
		char c = **at;

		if (c >= '0' && c <= '9')
			value = value << 4 | (uintptr_t) (c - '0');
		else if (c >= 'a' && c <= 'f')
			value = value << 4 | (uintptr_t) (c - 'a' + 10);
		else
			break;
	}
	*ret_value = value;
	return *at > start;
}

/* "55d0c0a00000-55d0c0a01000 r--p 00000000 fe:01 1234   /usr/bin/dind-init" */
static bool parse_header(const char *line, struct mapping *ret_mapping)
{
	struct mapping mapping = { 0 };

	if (!parse_hex(&line, &mapping.from) || *line++ != '-' || !parse_hex(&line, &mapping.to) ||
	    strlen(line) < 6)
		return false;
	mapping.clean_file =
		line[1] == 'r' && line[2] == '-' && line[4] == 'p' && strchr(line, '/');
	mapping.stack = strstr(line, "[stack]") != NULL;
	*ret_mapping = mapping;
	return true;
}

/*
 * "Anonymous:" counts the pages of a mapping that were written to. They may be in one that is
 * read-only by now: relocations are (RELRO), and without them the next call would be our last.
 */
static void take_line(struct mapping *mapping, const char *line)
{
	static const char anonymous[] = "Anonymous:";

	if (parse_header(line, mapping))
		return;
	if (!mapping->clean_file || !str_has_prefix(line, anonymous))
		return;
	line += strlen(anonymous);
	line += strspn(line, " \t");
	if (str_has_prefix(line, "0 "))
		(void) madvise((void *) mapping->from, mapping->to - mapping->from, MADV_DONTNEED);
	mapping->clean_file = false;
}

/* The stack grows down: what lies between its end and us was used by calls that have returned. */
static void drop_stack(const struct mapping *mapping)
{
	uintptr_t here = (uintptr_t) __builtin_frame_address(0);
	uintptr_t page = (uintptr_t) sysconf(_SC_PAGESIZE);
	uintptr_t to = (here - STACK_RESERVE) & ~(page - 1);

	if (here > mapping->from && here < mapping->to && to > mapping->from && to < here)
		(void) madvise((void *) mapping->from, to - mapping->from, MADV_DONTNEED);
}

void supervise_shrink(void)
{
	auto_close int fd = open("/proc/self/smaps", O_RDONLY | O_CLOEXEC);
	struct mapping mapping = { 0 }, stack = { 0 };
	char buf[4096];
	size_t used = 0;
	ssize_t n;

	if (fd < 0)
		return;
	while ((n = read(fd, buf + used, sizeof(buf) - 1 - used)) > 0) {
		char *line = buf, *newline;

		used += (size_t) n;
		buf[used] = '\0';
		for (; (newline = strchr(line, '\n')); line = newline + 1) {
			*newline = '\0';
			take_line(&mapping, line);
			if (mapping.stack)
				stack = mapping;
		}
		used -= (size_t) (line - buf);
		memmove(buf, line, used);
		if (used == sizeof(buf) - 1)
			break; /* no line is that long but for a path; what is left stays */
	}
	if (stack.stack)
		drop_stack(&stack);
}
