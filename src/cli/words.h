/* SPDX-License-Identifier: Apache-2.0 */
/* words.h - splitting lists of words, and guessing which word was meant. */
#ifndef DIND_CLI_WORDS_H
#define DIND_CLI_WORDS_H

#include "dind/arena.h"

/* Append the words of @text, separated by any of @separators, to @list. */
void words_split(struct arena *arena, const char *text, const char *separators,
		 struct strings *list);

/*
 * Append the words of @text as a shell would see them: blanks separate, '…' and "…" and \ quote.
 * Nothing is expanded. Returns 0, or -EINVAL for an open quote or a \ at the end.
 */
int words_split_shell(struct arena *arena, const char *text, struct strings *list);

/* The one of @names (@n of them) that @word looks like a slip of, or NULL. */
const char *words_near(const char *word, const char *const *names, size_t n);

#endif
