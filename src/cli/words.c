/* SPDX-License-Identifier: Apache-2.0 */
#include "words.h"

#include <string.h>

#include "dind/str.h"

#define NEAR_MAX 40

void words_split(struct arena *arena, const char *text, const char *separators,
		 struct strings *list)
{
	for (;;) {
		size_t n;

		text += strspn(text, separators);
		n = strcspn(text, separators);
		if (n == 0)
			return;
		strings_add(arena, list, arena_strndup(arena, text, n));
		text += n;
	}
}

/* One character of a word, or a quoted part of it. Returns what follows, NULL for an open quote. */
static const char *take_part(const char *text, char **out)
{
	char quote = *text;

	if (quote == '\\') {
		if (!text[1])
			return NULL;
		*(*out)++ = text[1];
		return text + 2;
	}
	if (quote != '\'' && quote != '"') {
		*(*out)++ = *text;
		return text + 1;
	}
	for (text++; *text && *text != quote; text++) {
		/* within "…" a \ quotes only what would be special there */
		if (quote == '"' && *text == '\\' && text[1] && strchr("\"\\$`", text[1]))
			text++;
		*(*out)++ = *text;
	}
	return *text ? text + 1 : NULL;
}

int words_split_shell(struct arena *arena, const char *text, struct strings *list)
{
	static const char blanks[] = " \t\n";

	for (;;) {
		char *word, *out;

		text += strspn(text, blanks);
		if (!*text)
			return 0;
		word = arena_alloc(arena, strlen(text) + 1);
		out = word;
		while (*text && !strchr(blanks, *text)) {
			text = take_part(text, &out);
			if (!text)
				return -EINVAL;
		}
		*out = '\0';
		strings_add(arena, list, word);
	}
}

/* Insertions, deletions, replacements and swaps of neighbours that lead from @a to @b. */
static size_t distance(const char *a, const char *b)
{
	size_t n = strlen(a), m = strlen(b);
	size_t rows[NEAR_MAX + 1][NEAR_MAX + 1] = { { 0 } };

	if (n > NEAR_MAX || m > NEAR_MAX)
		return NEAR_MAX;
	for (size_t i = 0; i <= n; i++) {
		for (size_t j = 0; j <= m; j++) {
			size_t best;

			if (i == 0 || j == 0) {
				rows[i][j] = i + j;
				continue;
			}
			best = rows[i - 1][j - 1] + (a[i - 1] != b[j - 1]);
			if (rows[i - 1][j] + 1 < best)
				best = rows[i - 1][j] + 1;
			if (rows[i][j - 1] + 1 < best)
				best = rows[i][j - 1] + 1;
			if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1] &&
			    rows[i - 2][j - 2] + 1 < best)
				best = rows[i - 2][j - 2] + 1;
			rows[i][j] = best;
		}
	}
	return rows[n][m];
}

const char *words_near(const char *word, const char *const *names, size_t n)
{
	size_t length = strlen(word);
	size_t limit = length <= 4 ? 1 : length <= 8 ? 2 : 3;
	const char *best = NULL, *longer = NULL;
	size_t n_longer = 0;

	for (size_t i = 0; i < n; i++) {
		size_t d = distance(word, names[i]);

		if (d <= limit) {
			best = names[i];
			limit = d ? d - 1 : 0;
		}
		if (length >= 3 && str_has_prefix(names[i], word)) {
			longer = names[i];
			n_longer++;
		}
	}
	return n_longer == 1 ? longer : best; /* a beginning says more than a resemblance */
}
