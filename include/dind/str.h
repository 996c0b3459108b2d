/* SPDX-License-Identifier: Apache-2.0 */
/* str.h - small parsers and predicates on strings; pure, no allocation. */
#ifndef DIND_STR_H
#define DIND_STR_H

#include "dind/base.h"

bool str_equal(const char *a, const char *b); /* NULL equals only NULL */
bool str_has_prefix(const char *s, const char *prefix);
bool str_has_suffix(const char *s, const char *suffix);

/* True if @path is @base or lies below it ("/run" contains "/run/docker", not "/runner"). */
bool str_path_is_below(const char *path, const char *base);

/* Parse a decimal number that fills the whole string. 0, -EINVAL or -ERANGE. */
int str_parse_u64(const char *s, uint64_t *ret_value);
int str_parse_int(const char *s, int min, int max, int *ret_value);

/* Parse a size in bytes with an optional suffix K, M, G, T (binary; "KiB", "GB" accepted too). */
int str_parse_size(const char *s, uint64_t *ret_bytes);

/* Write @bytes as "512 B", "3.4 GiB" into @buf. Returns @buf. */
const char *str_format_size(uint64_t bytes, char *buf, size_t size);

/* True if the word @word is in the space, comma or newline separated @list. */
bool str_list_has(const char *list, const char *word);

#endif
