/* SPDX-License-Identifier: Apache-2.0 */
#include "dind/str.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

bool str_equal(const char *a, const char *b)
{
	if (!a || !b)
		return a == b;
	return strcmp(a, b) == 0;
}

bool str_has_prefix(const char *s, const char *prefix)
{
	return strncmp(s, prefix, strlen(prefix)) == 0;
}

bool str_has_suffix(const char *s, const char *suffix)
{
	size_t n = strlen(s), m = strlen(suffix);

	return n >= m && strcmp(s + n - m, suffix) == 0;
}

bool str_path_is_below(const char *path, const char *base)
{
	size_t n = strlen(base);

	while (n > 1 && base[n - 1] == '/')
		n--;
	if (strncmp(path, base, n) != 0)
		return false;
	return n == 1 || path[n] == '\0' || path[n] == '/';
}

int str_parse_u64(const char *s, uint64_t *ret_value)
{
	uint64_t value = 0;

	if (!*s)
		return -EINVAL;
	for (; *s; s++) {
		if (!isdigit((unsigned char) *s))
			return -EINVAL;
		if (__builtin_mul_overflow(value, 10, &value) ||
		    __builtin_add_overflow(value, (uint64_t) (*s - '0'), &value))
			return -ERANGE;
	}
	*ret_value = value;
	return 0;
}

int str_parse_int(const char *s, int min, int max, int *ret_value)
{
	bool negative = *s == '-';
	uint64_t magnitude;
	int64_t value;
	int r;

	r = str_parse_u64(negative ? s + 1 : s, &magnitude);
	if (r < 0)
		return r;
	if (magnitude > INT32_MAX)
		return -ERANGE;
	value = negative ? -(int64_t) magnitude : (int64_t) magnitude;
	if (value < min || value > max)
		return -ERANGE;
	*ret_value = (int) value;
	return 0;
}

int str_parse_size(const char *s, uint64_t *ret_bytes)
{
	static const char units[] = "KMGT";
	size_t digits = strspn(s, "0123456789");
	const char *suffix = s + digits;
	char number[24];
	const char *unit;
	uint64_t value;
	int r;

	if (digits == 0 || digits >= sizeof(number))
		return digits ? -ERANGE : -EINVAL;
	memcpy(number, s, digits);
	number[digits] = '\0';
	r = str_parse_u64(number, &value);
	if (r < 0)
		return r;
	if (*suffix && strcasecmp(suffix, "B") != 0) {
		unit = strchr(units, toupper((unsigned char) *suffix));
		if (!unit || (suffix[1] && strcasecmp(suffix + 1, "B") != 0 &&
			      strcasecmp(suffix + 1, "iB") != 0))
			return -EINVAL;
		for (const char *u = units; u <= unit; u++)
			if (__builtin_mul_overflow(value, 1024, &value))
				return -ERANGE;
	}
	*ret_bytes = value;
	return 0;
}

const char *str_format_size(uint64_t bytes, char *buf, size_t size)
{
	static const char *const units[] = { "B", "KiB", "MiB", "GiB", "TiB", "PiB" };
	uint64_t whole = bytes, rest = 0;
	size_t unit = 0;

	while (whole >= 1024 && unit + 1 < ARRAY_SIZE(units)) {
		rest = whole % 1024;
		whole /= 1024;
		unit++;
	}
	if (unit == 0)
		(void) snprintf(buf, size, "%llu B", (unsigned long long) whole);
	else
		(void) snprintf(buf, size, "%llu.%llu %s", (unsigned long long) whole,
				(unsigned long long) (rest * 10 / 1024), units[unit]);
	return buf;
}

bool str_list_has(const char *list, const char *word)
{
	size_t n = strlen(word);

	while (list && *list) {
		size_t len = strcspn(list, " ,\n\t");

		if (len == n && len > 0 && strncmp(list, word, n) == 0)
			return true;
		list += len;
		list += strspn(list, " ,\n\t");
	}
	return false;
}
