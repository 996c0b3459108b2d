/* SPDX-License-Identifier: Apache-2.0 */
#include "errno_names.h"

#include <errno.h>
#include <string.h>

#include "dind/base.h"

#define NAME(e)       \
	{             \
		e, #e \
	}

/* Of several names for one number the first is written, each is read. */
static const struct {
	int error;
	const char *name;
} names[] = {
	NAME(EPERM),	     NAME(ENOENT),
	NAME(ESRCH),	     NAME(EINTR),
	NAME(EIO),	     NAME(ENXIO),
	NAME(E2BIG),	     NAME(ENOEXEC),
	NAME(EBADF),	     NAME(ECHILD),
	NAME(EAGAIN),	     NAME(EWOULDBLOCK),
	NAME(ENOMEM),	     NAME(EACCES),
	NAME(EFAULT),	     NAME(ENOTBLK),
	NAME(EBUSY),	     NAME(EEXIST),
	NAME(EXDEV),	     NAME(ENODEV),
	NAME(ENOTDIR),	     NAME(EISDIR),
	NAME(EINVAL),	     NAME(ENFILE),
	NAME(EMFILE),	     NAME(ENOTTY),
	NAME(ETXTBSY),	     NAME(EFBIG),
	NAME(ENOSPC),	     NAME(ESPIPE),
	NAME(EROFS),	     NAME(EMLINK),
	NAME(EPIPE),	     NAME(EDOM),
	NAME(ERANGE),	     NAME(EDEADLK),
	NAME(ENOLCK),	     NAME(ENOSYS),
	NAME(ENOTEMPTY),     NAME(ELOOP),
	NAME(ENAMETOOLONG),  NAME(ENODATA),
	NAME(ETIME),	     NAME(EOVERFLOW),
	NAME(EILSEQ),	     NAME(EUSERS),
	NAME(ENOTSOCK),	     NAME(EMSGSIZE),
	NAME(EPROTO),	     NAME(EPROTONOSUPPORT),
	NAME(EOPNOTSUPP),    NAME(ENOTSUP),
	NAME(EAFNOSUPPORT),  NAME(EADDRINUSE),
	NAME(EADDRNOTAVAIL), NAME(ENETDOWN),
	NAME(ENETUNREACH),   NAME(ECONNABORTED),
	NAME(ECONNRESET),    NAME(ENOBUFS),
	NAME(EISCONN),	     NAME(ENOTCONN),
	NAME(ETIMEDOUT),     NAME(ECONNREFUSED),
	NAME(EHOSTDOWN),     NAME(EHOSTUNREACH),
	NAME(EALREADY),	     NAME(EINPROGRESS),
	NAME(ESTALE),	     NAME(EUCLEAN),
	NAME(EREMOTEIO),     NAME(EDQUOT),
	NAME(ENOMEDIUM),     NAME(EMEDIUMTYPE),
	NAME(ECANCELED),     NAME(ENOKEY),
	NAME(EKEYEXPIRED),   NAME(EBADMSG),
	NAME(ELIBACC),	     NAME(ENOTUNIQ),
};

const char *errno_name(int error)
{
	for (size_t i = 0; i < ARRAY_SIZE(names); i++)
		if (names[i].error == error)
			return names[i].name;
	return NULL;
}

int errno_from_name(const char *name)
{
	for (size_t i = 0; i < ARRAY_SIZE(names); i++)
		if (strcmp(names[i].name, name) == 0)
			return names[i].error;
	return 0;
}
