/* SPDX-License-Identifier: Apache-2.0 */
/* The seccomp filter of a launch record. It was compiled before the fork: libseccomp allocates. */
#include <linux/seccomp.h>
#include <stdint.h>

#include "internal.h"

int spawn_confine(const struct launch *launch)
{
	const struct launch_filter *filter = launch->filter;
	struct sock_fprog program = { 0 };

	if (!filter || filter->length == 0)
		return 0;
	program.len = filter->length;
	/* the kernel only reads it; struct sock_fprog does not say so */
	program.filter = (struct sock_filter *) (uintptr_t) filter->code;
	return syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, filter->flags, &program) < 0 ? -errno
											  : 0;
}
