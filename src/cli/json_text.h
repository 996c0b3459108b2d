/* SPDX-License-Identifier: Apache-2.0 */
/*
 * json_text.h - look for a member in a JSON text, and put a number there, with every other byte
 * left as it is. A parser would have to understand what it is to write again: an unlimited ulimit
 * is 18446744073709551615, which jansson refuses, as it does a string with \u0000.
 */
#ifndef DIND_CLI_JSON_TEXT_H
#define DIND_CLI_JSON_TEXT_H

#include <stddef.h>
#include <stdint.h>

#include "dind/arena.h"

/*
 * Follow the @depth names of @path (at least one) through objects from the one that @text is.
 * *@ret_value points into @text, to the first character of the value; NULL when there is none, or
 * null. A name that stands twice counts where it stands last. 0, or -EINVAL where this is no JSON,
 * or something else than an object is on the way.
 */
int json_text_find(const char *text, const char *const *path, size_t depth, const char **ret_value);

/*
 * The text with @value at the place that @path names; objects that are missing on the way are made,
 * at the end of theirs. *@ret_text is of @arena. 0 or -EINVAL as above.
 */
int json_text_set(struct arena *arena, const char *text, const char *const *path, size_t depth,
		  int64_t value, const char **ret_text);

#endif
