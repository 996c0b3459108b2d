/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Makes each call of confine_calls.h and prints what became of it, a line for each ABI:
 *
 *   refused kexec_load x86_64 1
 *   allowed mount i386 14
 *
 * the number being the errno. Needs nothing but a C library, for a static build too.
 */
#include <stdio.h>
#include <sys/wait.h>
#include <unistd.h>

#include "confine_calls.h"

static int has_i386(void)
{
	static const long none[5];
	int status;
	pid_t pid = fork();

	if (pid == 0) /* 20: getpid */
		_exit(call_i386(20, none) == getpid() ? 0 : 1);
	return pid > 0 && waitpid(pid, &status, 0) == pid && status == 0;
}

static void make(const char *list, const struct confine_call *calls, size_t n, int i386)
{
	for (size_t i = 0; i < n; i++) {
		const struct confine_call *c = &calls[i];

		if (c->nr_64 != NONE)
			printf("%s %s x86_64 %ld\n", list, c->name,
			       -call_64(c->nr_64, c->arguments));
		if (c->nr_x32 != NONE)
			printf("%s %s x32 %ld\n", list, c->name, -call_64(c->nr_x32, c->arguments));
		if (c->nr_32 != NONE && i386)
			printf("%s %s i386 %d\n", list, c->name,
			       -call_i386(c->nr_32, c->arguments));
		fflush(stdout);
	}
}

int main(void)
{
	int i386 = has_i386();

	if (!i386)
		printf("no i386\n");
	make("refused", refused_calls, COUNT(refused_calls), i386);
	make("allowed", allowed_calls, COUNT(allowed_calls), i386);
	return 0;
}
