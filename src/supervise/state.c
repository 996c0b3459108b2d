/* SPDX-License-Identifier: Apache-2.0 */
/* The state file: one flat JSON object, written and read by us, readable by anybody. */
#include <string.h>

#include "dind/str.h"
#include "internal.h"

/* ---- writing ---- */

struct writer {
	char *buf;
	size_t used, size;
};

static void put(struct writer *w, const char *text)
{
	size_t n = strlen(text);

	if (w->used + n >= w->size)
		return;
	memcpy(w->buf + w->used, text, n + 1);
	w->used += n;
}

static void put_string(struct writer *w, const char *key, const char *value)
{
	put(w, w->used > 1 ? ",\"" : "\"");
	put(w, key);
	put(w, "\":\"");
	for (; *value; value++) {
		unsigned char c = (unsigned char) *value;
		char escaped[8] = { (char) c, '\0' };

		if (c == '"' || c == '\\')
			(void) snprintf(escaped, sizeof(escaped), "\\%c", c);
		else if (c < 0x20 || c == 0x7f)
			(void) snprintf(escaped, sizeof(escaped), "\\u%04x", c);
		put(w, escaped);
	}
	put(w, "\"");
}

static void put_number(struct writer *w, const char *key, int64_t value)
{
	char text[64];

	(void) snprintf(text, sizeof(text), ",\"%s\":%lld", key, (long long) value);
	put(w, text);
}

void state_format(const struct state_record *record, char *buf, size_t size)
{
	struct writer w = { .buf = buf, .size = size };

	buf[0] = '\0';
	put(&w, "{");
	put_string(&w, "state", record->state);
	put_number(&w, "pid", record->pid);
	put_number(&w, "engine_pid", record->engine_pid);
	put_number(&w, "since_ms", record->since_ms);
	put_number(&w, "ready_after_ms", record->ready_after_ms);
	if (record->restarts)
		put_number(&w, "restarts", record->restarts);
	if (*record->socket)
		put_string(&w, "socket", record->socket);
	if (*record->summary)
		put_string(&w, "summary", record->summary);
	if (*record->reason)
		put_string(&w, "reason", record->reason);
	put(&w, "}\n");
}

/* ---- reading ---- */

static bool skip(const char **at, char c)
{
	if (**at != c)
		return false;
	(*at)++;
	return true;
}

/* The two hexadecimal digits of \u00XX. */
static int parse_escape(const char *digits)
{
	int value = 0;

	for (int i = 0; i < 2; i++) {
		char c = digits[i];

		if (c >= '0' && c <= '9')
			value = value * 16 + (c - '0');
		else if (c >= 'a' && c <= 'f')
			value = value * 16 + (c - 'a' + 10);
		else
			return -1;
	}
	return value;
}

/* A string with its quotes; @at is moved behind it. */
static int parse_string(const char **at, char *buf, size_t size)
{
	size_t used = 0;

	if (!skip(at, '"'))
		return -EINVAL;
	while (!skip(at, '"')) {
		int c = (unsigned char) *(*at)++;

		if (c < 0x20)
			return -EINVAL; /* also the end of the text */
		if (c == '\\' && strncmp(*at, "u00", 3) == 0) {
			c = parse_escape(*at + 3);
			if (c < 0)
				return -EINVAL;
			*at += 5;
		} else if (c == '\\') {
			c = (unsigned char) *(*at)++;
			if (c != '"' && c != '\\')
				return -EINVAL;
		}
		if (used + 1 >= size)
			return -EINVAL;
		buf[used++] = (char) c;
	}
	buf[used] = '\0';
	return 0;
}

static int parse_number(const char **at, int64_t *ret_value)
{
	bool negative = skip(at, '-');
	size_t n = strspn(*at, "0123456789");
	char digits[20];
	uint64_t value;

	if (n == 0 || n >= sizeof(digits))
		return -EINVAL;
	memcpy(digits, *at, n);
	digits[n] = '\0';
	*at += n;
	if (str_parse_u64(digits, &value) < 0 || value > INT64_MAX)
		return -EINVAL;
	*ret_value = negative ? -(int64_t) value : (int64_t) value;
	return 0;
}

static int parse_member(const char **at, struct state_record *record)
{
	struct {
		const char *key;
		char *text; /* NULL: a number */
		size_t size;
		int64_t *number;
	} members[] = {
		{ "state", record->state, sizeof(record->state), NULL },
		{ "pid", NULL, 0, &record->pid },
		{ "engine_pid", NULL, 0, &record->engine_pid },
		{ "since_ms", NULL, 0, &record->since_ms },
		{ "ready_after_ms", NULL, 0, &record->ready_after_ms },
		{ "restarts", NULL, 0, &record->restarts },
		{ "socket", record->socket, sizeof(record->socket), NULL },
		{ "summary", record->summary, sizeof(record->summary), NULL },
		{ "reason", record->reason, sizeof(record->reason), NULL },
	};
	char key[32];

	if (parse_string(at, key, sizeof(key)) < 0 || !skip(at, ':'))
		return -EINVAL;
	for (size_t i = 0; i < ARRAY_SIZE(members); i++) {
		if (strcmp(key, members[i].key) != 0)
			continue;
		return members[i].text ? parse_string(at, members[i].text, members[i].size)
				       : parse_number(at, members[i].number);
	}
	return -EINVAL;
}

int state_parse(const char *text, struct state_record *ret_record)
{
	struct state_record record = { .ready_after_ms = -1 };
	const char *at = text;

	if (!skip(&at, '{'))
		return -EINVAL;
	do {
		if (parse_member(&at, &record) < 0)
			return -EINVAL;
	} while (skip(&at, ','));
	if (strcmp(at, "}\n") != 0 || !*record.state)
		return -EINVAL;
	*ret_record = record;
	return 0;
}
