/* SPDX-License-Identifier: Apache-2.0 */
/*
 * confine.c - the seccomp filter of the engine's tree, compiled. Nothing is installed here: we stay
 * as we are, and so do our helpers and COMMAND.
 *
 * The program refuses by EPERM, which every caller of such a call has to expect, and knows all ABIs
 * that this kernel may have: a 32-bit program calls by other numbers. Calls of an ABI that it does
 * not know are allowed (ACT_BADARCH): that is what they were before. KERNEL<5.4 with x32 takes
 * numbers of the one 64-bit ABI through the other too, kexec_load is the only one of the list whose
 * numbers differ; that way in stays open.
 */
#include <fcntl.h>
#include <linux/seccomp.h>
#include <seccomp.h>
#include <sys/mman.h>
#include <sys/syscall.h>

#include "dind/file.h"
#include "steps.h"

#ifndef SECCOMP_FILTER_FLAG_SPEC_ALLOW
#define SECCOMP_FILTER_FLAG_SPEC_ALLOW (1U << 2)
#endif

static void release(scmp_filter_ctx *filter)
{
	if (*filter)
		seccomp_release(*filter);
}

/* Does the kernel take filters with these flags? It looks at them before it reads the program. */
static int probe(unsigned int flags)
{
	if (syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, flags, NULL) == 0 || errno == EFAULT)
		return 0;
	return -errno;
}

/*
 * Without SPEC_ALLOW (libseccomp's CTL_SSB, which is about seccomp_load() only, as is CTL_NNP) a
 * kernel before 5.16 takes a filter for a sandbox of hostile code, and turns speculative store
 * bypass and indirect branch speculation off for all below it: tens of per cent for nothing.
 * KERNEL<4.17 has neither the mitigation nor the flag.
 */
static int find_flags(unsigned int *ret_flags)
{
	int r = probe(SECCOMP_FILTER_FLAG_SPEC_ALLOW);

	if (r == 0)
		*ret_flags = SECCOMP_FILTER_FLAG_SPEC_ALLOW;
	else if ((r = probe(0)) == 0)
		*ret_flags = 0;
	return r;
}

/* The ABIs beside our own that programs on this machine may use. */
static int add_abis(scmp_filter_ctx filter)
{
	static const struct {
		uint32_t native, other;
	} abis[] = {
		{ SCMP_ARCH_X86_64, SCMP_ARCH_X86 },
		{ SCMP_ARCH_X86_64, SCMP_ARCH_X32 },
		{ SCMP_ARCH_AARCH64, SCMP_ARCH_ARM },
	};
	uint32_t native = seccomp_arch_native();

	for (size_t i = 0; i < ARRAY_SIZE(abis); i++) {
		int r = abis[i].native == native ? seccomp_arch_add(filter, abis[i].other) : 0;

		if (r < 0)
			return r;
	}
	return 0;
}

static int add_rules(scmp_filter_ctx filter, const char *const *refused, struct error *err)
{
	for (; *refused; refused++) {
		int number = seccomp_syscall_resolve_name(*refused), r;

		if (number == __NR_SCMP_ERROR)
			return error_set_plain(err, -ENOSYS, "libseccomp does not know %s",
					       *refused);
		/* a negative number is a call that only another of the ABIs has, or none: the
		 * library leaves the rule out where it has no place */
		r = seccomp_rule_add(filter, SCMP_ACT_ERRNO(EPERM), number, 0);
		if (r < 0)
			return error_set(err, r, "seccomp rule for %s", *refused);
	}
	return 0;
}

static int set_up(scmp_filter_ctx filter)
{
	int r = seccomp_attr_set(filter, SCMP_FLTATR_ACT_BADARCH, SCMP_ACT_ALLOW);

	/* a binary tree by number: KERNEL<5.11 runs the program for every call */
	if (r == 0)
		r = seccomp_attr_set(filter, SCMP_FLTATR_CTL_OPTIMIZE, 2);
	return r < 0 ? r : add_abis(filter);
}

/* seccomp_export_bpf_mem() came with libseccomp 2.6: through a file, then. */
static int export(scmp_filter_ctx filter, struct launch_filter *ret, struct error *err)
{
	auto_close int fd = memfd_create("dind-init-seccomp", MFD_CLOEXEC);
	ssize_t n;
	int r;

	if (fd < 0)
		return error_set(err, -errno, "memfd_create");
	r = seccomp_export_bpf(filter, fd);
	if (r < 0)
		return error_set(err, r, "compile the seccomp filter");
	n = pread(fd, ret->code, sizeof(ret->code), 0);
	if (n < 0)
		return error_set(err, -errno, "read the seccomp filter");
	if (n == 0 || (size_t) n == sizeof(ret->code) || (size_t) n % sizeof(ret->code[0]) != 0)
		return error_set_plain(err, -EMSGSIZE, "the seccomp filter is of %zd bytes", n);
	ret->length = (unsigned short) ((size_t) n / sizeof(ret->code[0]));
	return 0;
}

int apply_confine(struct apply_context *context, const struct plan_step *step, struct error *err)
{
	__attribute__((cleanup(release))) scmp_filter_ctx filter = NULL;
	struct launch_filter made = { .length = 0 };
	int r = find_flags(&made.flags);

	if (r < 0)
		return error_set(err, r, "this kernel takes no seccomp filters");
	filter = seccomp_init(SCMP_ACT_ALLOW);
	if (!filter)
		return error_set(err, -ENOMEM, "seccomp_init");
	r = set_up(filter);
	if (r < 0)
		return error_set(err, r, "set up a seccomp filter");
	r = add_rules(filter, step->u.confine.refused, err);
	if (r == 0)
		r = export(filter, &made, err);
	if (r == 0)
		context->filter = made;
	return r;
}
