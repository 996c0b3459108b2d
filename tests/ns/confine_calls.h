/* SPDX-License-Identifier: Apache-2.0 */
/*
 * confine_calls.h - the calls that --confine refuses, and those that it must never refuse, by the
 * numbers of each ABI, with arguments that cannot do anything: bad flags, bad magic, descriptor -1,
 * and for each pointer an address that nobody has. Needs no C library.
 */
#ifndef TEST_NS_CONFINE_CALLS_H
#define TEST_NS_CONFINE_CALLS_H

#define X32  0x40000000 /* __X32_SYSCALL_BIT */
#define NONE (-1)	/* this ABI has no such call */

struct confine_call {
	const char *name;
	int nr_64, nr_32, nr_x32; /* "i386" is a macro of the compiler */
	long arguments[5];
	int modules; /* allowed when /lib/modules is mounted in */
};

#define BAD   8 /* not NULL, and nothing is there */
#define FLAGS 0x7fffffff

/* numbers: asm/unistd_64.h, asm/unistd_32.h, asm/unistd_x32.h */
static const struct confine_call refused_calls[] = {
	{ "kexec_load", 246, 283, X32 | 528, { 0, 99999, BAD, FLAGS }, 0 },
	{ "kexec_file_load", 320, NONE, X32 | 320, { -1, -1, 0, 0, FLAGS }, 0 },
	{ "init_module", 175, 128, X32 | 175, { 0, 0, BAD }, 1 },
	{ "finit_module", 313, 350, X32 | 313, { -1, BAD, FLAGS }, 1 },
	{ "delete_module", 176, 129, X32 | 176, { BAD, 04000 }, 1 },
	{ "create_module", 174, 127, NONE, { BAD, 0 }, 1 },
	{ "get_kernel_syms", 177, 130, NONE, { BAD }, 1 },
	{ "query_module", 178, 167, NONE, { BAD, FLAGS, BAD, 0, BAD }, 1 },
	{ "swapon", 167, 87, X32 | 167, { BAD, FLAGS }, 0 },
	{ "swapoff", 168, 115, X32 | 168, { BAD }, 0 },
	{ "settimeofday", 164, 79, X32 | 164, { BAD, 0 }, 0 },
	{ "clock_settime", 227, 264, X32 | 227, { 0x7fff, BAD }, 0 },
	{ "clock_settime64", NONE, 404, NONE, { 0x7fff, BAD }, 0 },
	{ "stime", NONE, 25, NONE, { BAD }, 0 },
	{ "iopl", 172, 110, X32 | 172, { 4 }, 0 },
	{ "ioperm", 173, 101, X32 | 173, { 65536, 1, 0 }, 0 },
	{ "acct", 163, 51, X32 | 163, { BAD }, 0 }, /* not NULL: that turns it off */
	{ "open_by_handle_at", 304, 342, X32 | 304, { -1, BAD, 0 }, 0 },
};

static const struct confine_call allowed_calls[] = {
	{ "mount", 165, 21, X32 | 165, { BAD, BAD, BAD, 0, 0 }, 0 },
	{ "umount2", 166, 52, X32 | 166, { BAD, FLAGS }, 0 },
	{ "unshare", 272, 310, X32 | 272, { 1 }, 0 },
	{ "setns", 308, 346, X32 | 308, { -1, 0 }, 0 },
	{ "clone3", 435, 435, X32 | 435, { BAD, 0 }, 0 },
	{ "pivot_root", 155, 217, X32 | 155, { BAD, BAD }, 0 },
	{ "keyctl", 250, 288, X32 | 250, { FLAGS }, 0 },
	{ "bpf", 321, 357, X32 | 321, { FLAGS, 0, 0 }, 0 },
	{ "mknod", 133, 14, X32 | 133, { BAD, 0, 0 }, 0 },
	{ "ptrace", 101, 26, X32 | 521, { FLAGS, FLAGS, 0, 0 }, 0 },
	{ "seccomp", 317, 354, X32 | 317, { FLAGS, 0, 0 }, 0 },
	{ "adjtimex", 159, 124, X32 | 159, { BAD }, 0 },
	{ "clock_adjtime", 305, 343, X32 | 305, { 0, BAD }, 0 },
	{ "quotactl", 179, 131, X32 | 179, { FLAGS, BAD, 0, 0 }, 0 },
	{ "reboot", 169, 88, X32 | 169, { 0, 0, 0, 0 }, 0 },
};

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

/* The i386 way into the kernel, from a 64-bit program as well: the kernel goes by the way in. */
static inline int call_i386(int number, const long *a)
{
	int r;

#ifdef __x86_64__
	/* a kernel older than 4.15 clobbers r8 to r11 */
	__asm__ volatile("int $0x80"
			 : "=a"(r)
			 : "a"(number), "b"((int) a[0]), "c"((int) a[1]), "d"((int) a[2]),
			   "S"((int) a[3]), "D"((int) a[4])
			 : "memory", "r8", "r9", "r10", "r11");
#else
	__asm__ volatile("int $0x80"
			 : "=a"(r)
			 : "a"(number), "b"(a[0]), "c"(a[1]), "d"(a[2]), "S"(a[3]), "D"(a[4])
			 : "memory");
#endif
	return r;
}

#ifdef __x86_64__
/* x86_64, and x32 by its bit in the number. */
static inline long call_64(long number, const long *a)
{
	register long r10 __asm__("r10") = a[3];
	register long r8 __asm__("r8") = a[4];
	long r;

	__asm__ volatile("syscall"
			 : "=a"(r)
			 : "a"(number), "D"(a[0]), "S"(a[1]), "d"(a[2]), "r"(r10), "r"(r8)
			 : "memory", "rcx", "r11");
	return r;
}
#endif

#endif
