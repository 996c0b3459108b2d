/* SPDX-License-Identifier: Apache-2.0 */
#include "json_fields.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "dind/facts.h"
#include "dind/str.h"
#include "errno_names.h"

struct reader {
	struct arena *arena;
	struct error *err;
};

static int bad(struct reader *reader, const char *path, const char *wanted)
{
	return error_set_plain(reader->err, -EINVAL, "%s: %s is wanted", path, wanted);
}

static int hex_digit(char c)
{
	static const char digits[] = "0123456789abcdef";
	const char *at = c ? strchr(digits, c) : NULL;

	return at ? (int) (at - digits) : -1;
}

/* {"bytes": "…"}: see json_fields_string(). */
static int read_bytes(struct reader *reader, const json_t *json, const char *path,
		      const char **ret_text)
{
	const char *hex = json_string_value(json_object_get(json, "bytes"));
	size_t n = hex ? strlen(hex) : 0;
	char *text;

	if (!hex || n % 2 || json_object_size(json) != 1)
		return bad(reader, path, "a string, or {\"bytes\": \"hexadecimal digits\"}");
	text = arena_alloc(reader->arena, n / 2 + 1);
	for (size_t i = 0; i < n / 2; i++) {
		int high = hex_digit(hex[2 * i]), low = hex_digit(hex[2 * i + 1]);

		if (high < 0 || low < 0 || high + low == 0)
			return bad(reader, path, "pairs of hexadecimal digits other than 00");
		text[i] = (char) (high << 4 | low);
	}
	*ret_text = text;
	return 0;
}

static int read_string(struct reader *reader, const json_t *json, const char *path,
		       const char **ret_text)
{
	if (json_is_null(json))
		return 0;
	if (json_is_object(json))
		return read_bytes(reader, json, path, ret_text);
	if (!json_is_string(json))
		return bad(reader, path, "a string");
	*ret_text = arena_strdup(reader->arena, json_string_value(json));
	return 0;
}

static int read_word(struct reader *reader, const json_t *json, const char *path,
		     const char *(*word)(int value), int *ret_value)
{
	char known[160] = "";
	size_t used = 0;

	for (int i = 0; word(i); i++) {
		if (str_equal(json_string_value(json), word(i))) {
			*ret_value = i;
			return 0;
		}
		if (used < sizeof(known))
			used += (size_t) snprintf(known + used, sizeof(known) - used, "%s%s",
						  i ? ", " : "one of ", word(i));
	}
	return bad(reader, path, known);
}

static int read_number(struct reader *reader, const json_t *json, const char *path, int64_t min,
		       int64_t max, int64_t *ret_value)
{
	json_int_t value = json_integer_value(json);

	if (!json_is_integer(json) || value < min || value > max)
		return bad(reader, path, "a whole number in its range");
	*ret_value = value;
	return 0;
}

/* 1234, "0xff" or "unlimited". */
static int read_uint(struct reader *reader, const json_t *json, const char *path,
		     uint64_t *ret_value)
{
	const char *text = json_string_value(json);
	uint64_t value = 0;
	int64_t number = 0;
	int r;

	if (!text) {
		r = read_number(reader, json, path, 0, INT64_MAX, &number);
		if (r == 0)
			*ret_value = (uint64_t) number;
		return r;
	}
	if (strcmp(text, "unlimited") == 0) {
		*ret_value = FACTS_UNLIMITED;
		return 0;
	}
	if (!str_has_prefix(text, "0x") || !text[2] || strlen(text) > 18)
		return bad(reader, path, "a number, \"unlimited\" or a hexadecimal number \"0x…\"");
	for (const char *c = text + 2; *c; c++) {
		int digit = hex_digit(*c);

		if (digit < 0)
			return bad(reader, path, "a hexadecimal number");
		value = value << 4 | (uint64_t) digit;
	}
	*ret_value = value;
	return 0;
}

static int read_errno(struct reader *reader, const json_t *json, const char *path, int *ret_error)
{
	const char *name = json_string_value(json);
	int64_t number = 0;
	int error, r;

	if (!name) {
		r = read_number(reader, json, path, INT32_MIN, INT32_MAX, &number);
		if (r == 0)
			*ret_error = (int) number;
		return r;
	}
	error = errno_from_name(name);
	if (!error)
		return bad(reader, path, "the name of an errno or a number");
	*ret_error = error;
	return 0;
}

static int read_mode(struct reader *reader, const json_t *json, const char *path,
		     unsigned int *ret_mode)
{
	const char *text = json_string_value(json);
	unsigned int mode = 0;

	if (!text || !*text || strlen(text) > 5 || text[strspn(text, "01234567")])
		return bad(reader, path, "an octal mode such as \"0755\"");
	for (; *text; text++)
		mode = mode << 3 | (unsigned int) (*text - '0');
	*ret_mode = mode;
	return 0;
}

static int read_strings(struct reader *reader, const json_t *json, const char *path,
			struct strings *ret_list)
{
	if (!json_is_array(json))
		return bad(reader, path, "a list of strings");
	for (size_t i = 0; i < json_array_size(json); i++) {
		const char *text = NULL;
		int r = read_string(reader, json_array_get(json, i), path, &text);

		if (r < 0)
			return r;
		if (!text)
			return bad(reader, path, "a list of strings");
		strings_add(reader->arena, ret_list, text);
	}
	return 0;
}

static int read_record(struct reader *reader, const struct json_record *record, const json_t *json,
		       const char *path, char *data);

static int read_list(struct reader *reader, const struct json_field *field, const json_t *json,
		     const char *path, char *data)
{
	size_t count = json_array_size(json);
	char *items;
	int r;

	if (!json_is_array(json))
		return bad(reader, path, "a list");
	if (count == 0)
		return 0;
	items = arena_alloc(reader->arena, count * field->record->size);
	for (size_t i = 0; i < count; i++) {
		auto_free char *where = NULL;

		if (asprintf(&where, "%s[%zu]", path, i) < 0)
			return error_set(reader->err, -ENOMEM, "read JSON");
		r = read_record(reader, field->record, json_array_get(json, i), where,
				items + i * field->record->size);
		if (r < 0)
			return r;
	}
	*(char **) (void *) (data + field->offset) = items;
	*(size_t *) (void *) (data + field->count_offset) = count;
	return 0;
}

static int read_small(struct reader *reader, const struct json_field *field, const json_t *json,
		      const char *path, void *at)
{
	int64_t number = 0;
	int64_t min = field->type == FIELD_INT32 ? INT32_MIN : 0;
	int64_t max = field->type == FIELD_INT32    ? INT32_MAX
		      : field->type == FIELD_UINT16 ? UINT16_MAX
						    : UINT32_MAX;
	int r = read_number(reader, json, path, min, max, &number);

	if (r < 0)
		return r;
	if (field->type == FIELD_UINT16)
		*(uint16_t *) at = (uint16_t) number;
	else if (field->type == FIELD_UINT32)
		*(unsigned int *) at = (unsigned int) number;
	else
		*(int *) at = (int) number;
	return 0;
}

static int read_char(struct reader *reader, const json_t *json, const char *path, char *ret_char)
{
	if (!json_is_string(json) || json_string_length(json) > 1)
		return bad(reader, path, "one character");
	*ret_char = *json_string_value(json);
	return 0;
}

static int read_field(struct reader *reader, const struct json_field *field, const json_t *json,
		      const char *path, char *data)
{
	void *at = data + field->offset;

	switch (field->type) {
	case FIELD_STRING:
		return read_string(reader, json, path, at);
	case FIELD_BOOL:
		if (!json_is_boolean(json))
			return bad(reader, path, "true or false");
		*(bool *) at = json_is_true(json);
		return 0;
	case FIELD_TRI:
		return read_word(reader, json, path, json_fields_tri_word, at);
	case FIELD_FACT:
		return read_record(reader, &json_fields_fact, json, path, at);
	case FIELD_INT:
		return read_number(reader, json, path, INT64_MIN, INT64_MAX, at);
	case FIELD_INT32:
	case FIELD_UINT32:
	case FIELD_UINT16:
		return read_small(reader, field, json, path, at);
	case FIELD_MODE:
		return read_mode(reader, json, path, at);
	case FIELD_CHAR:
		return read_char(reader, json, path, at);
	case FIELD_ERRNO:
		return read_errno(reader, json, path, at);
	case FIELD_UINT:
	case FIELD_HEX:
		return read_uint(reader, json, path, at);
	case FIELD_ENUM:
		return read_word(reader, json, path, field->word, at);
	case FIELD_STRINGS:
		return read_strings(reader, json, path, at);
	case FIELD_STRUCT:
		return read_record(reader, field->record, json, path, at);
	case FIELD_LIST:
		return read_list(reader, field, json, path, data);
	case FIELD_VECTOR:
	case FIELD_POINTERS:
		break;
	}
	return bad(reader, path, "a member that can be read");
}

static const struct json_field *find_field(const struct json_record *record, const char *name)
{
	for (size_t i = 0; i < record->n_fields; i++)
		if (strcmp(record->fields[i].name, name) == 0)
			return &record->fields[i];
	return NULL;
}

/* What a record says when its JSON says nothing. */
static void set_missing(const struct json_record *record, char *data)
{
	for (size_t i = 0; i < record->n_fields; i++) {
		const struct json_field *field = &record->fields[i];
		void *at = data + field->offset;

		if (field->type == FIELD_STRUCT)
			set_missing(field->record, at);
		else if (field->type == FIELD_INT)
			*(int64_t *) at = field->missing;
		else if (field->type == FIELD_UINT || field->type == FIELD_HEX)
			*(uint64_t *) at = (uint64_t) field->missing;
	}
}

static int read_record(struct reader *reader, const struct json_record *record, const json_t *json,
		       const char *path, char *data)
{
	const char *name;
	json_t *member;

	if (!json_is_object(json))
		return bad(reader, path, "an object");
	set_missing(record, data);
	/* cast: the iterator's interface lacks const, it does not write */
	json_object_foreach((json_t *) (uintptr_t) json, name, member)
	{
		const struct json_field *field = find_field(record, name);
		auto_free char *where = NULL;
		int r;

		if (asprintf(&where, "%s.%s", path, name) < 0)
			return error_set(reader->err, -ENOMEM, "read JSON");
		if (!field)
			return error_set_plain(reader->err, -EINVAL, "%s: unknown member", where);
		r = read_field(reader, field, member, where, data);
		if (r < 0)
			return r;
	}
	return 0;
}

int json_fields_read(const struct json_record *record, const json_t *json, const char *path,
		     struct arena *arena, void *data, struct error *err)
{
	struct reader reader = { arena, err };

	return read_record(&reader, record, json, path, data);
}
