/* SPDX-License-Identifier: Apache-2.0 */
#include "json_fields.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "dind/facts.h"
#include "dind/str.h"
#include "errno_names.h"

static json_t *write_bytes(const char *s)
{
	static const char digits[] = "0123456789abcdef";
	size_t n = strlen(s);
	char *hex = malloc(2 * n + 1);
	json_t *json;

	if (!hex)
		return NULL;
	for (size_t i = 0; i < n; i++) {
		hex[2 * i] = digits[((unsigned char) s[i]) >> 4];
		hex[2 * i + 1] = digits[((unsigned char) s[i]) & 15];
	}
	hex[2 * n] = '\0';
	json = json_pack("{s:s}", "bytes", hex);
	free(hex);
	return json;
}

json_t *json_fields_string(const char *s)
{
	json_t *json = json_string(s);

	return json ? json : write_bytes(s);
}

static json_t *write_hex(uint64_t value)
{
	char text[24];

	(void) snprintf(text, sizeof(text), "0x%" PRIx64, value);
	return json_string(text);
}

static json_t *write_uint(uint64_t value)
{
	if (value == FACTS_UNLIMITED)
		return json_string("unlimited");
	/* JSON numbers end at INT64_MAX in jansson */
	return value > INT64_MAX ? write_hex(value) : json_integer((json_int_t) value);
}

static json_t *write_mode(unsigned int mode)
{
	char text[16];

	(void) snprintf(text, sizeof(text), "%04o", mode);
	return json_string(text);
}

static json_t *write_errno(int error)
{
	const char *name = errno_name(error);

	return name ? json_string(name) : json_integer(error);
}

static json_t *write_strings(const char *const *items, size_t count)
{
	json_t *array = json_array();

	for (size_t i = 0; array && i < count; i++) {
		if (json_array_append_new(array, json_fields_string(items[i])) < 0) {
			json_decref(array);
			return NULL;
		}
	}
	return array;
}

static json_t *write_record(const struct json_record *record, const char *data);

static json_t *write_list(const struct json_field *field, const char *data)
{
	const char *items = *(const char *const *) (const void *) (data + field->offset);
	size_t count = *(const size_t *) (const void *) (data + field->count_offset);
	json_t *array = json_array();

	for (size_t i = 0; array && i < count; i++) {
		json_t *item = write_record(field->record, items + i * field->record->size);

		if (json_array_append_new(array, item) < 0) {
			json_decref(array);
			return NULL;
		}
	}
	return array;
}

static size_t vector_length(const char *const *vector)
{
	size_t n = 0;

	while (vector[n])
		n++;
	return n;
}

/* Whether the field carries nothing that reading could not put back. */
static bool is_left_out(const struct json_field *field, const void *at)
{
	switch (field->type) {
	case FIELD_STRING:
		return !*(const char *const *) at;
	case FIELD_ERRNO:
		return *(const int *) at == 0;
	case FIELD_STRINGS:
		return ((const struct strings *) at)->count == 0;
	case FIELD_VECTOR:
		return !*(const char *const *const *) at;
	case FIELD_BOOL:
	case FIELD_TRI:
	case FIELD_FACT:
	case FIELD_INT:
	case FIELD_INT32:
	case FIELD_UINT32:
	case FIELD_UINT16:
	case FIELD_MODE:
	case FIELD_CHAR:
	case FIELD_UINT:
	case FIELD_HEX:
	case FIELD_ENUM:
	case FIELD_POINTERS:
	case FIELD_STRUCT:
	case FIELD_LIST:
		return false;
	}
	return false;
}

static json_t *write_enum(const struct json_field *field, int value)
{
	const char *word = field->word(value);

	return word ? json_string(word) : json_integer(value);
}

static json_t *write_field(const struct json_field *field, const char *data)
{
	const void *at = data + field->offset;

	switch (field->type) {
	case FIELD_STRING:
		return json_fields_string(*(const char *const *) at);
	case FIELD_BOOL:
		return json_boolean(*(const bool *) at);
	case FIELD_TRI:
		return json_string(json_fields_tri_word(*(const int *) at));
	case FIELD_FACT:
		return write_record(&json_fields_fact, at);
	case FIELD_INT:
		return json_integer(*(const int64_t *) at);
	case FIELD_INT32:
		return json_integer(*(const int *) at);
	case FIELD_UINT32:
		return json_integer(*(const unsigned int *) at);
	case FIELD_UINT16:
		return json_integer(*(const uint16_t *) at);
	case FIELD_MODE:
		return write_mode(*(const unsigned int *) at);
	case FIELD_CHAR:
		return json_stringn(at, *(const char *) at ? 1 : 0);
	case FIELD_ERRNO:
		return write_errno(*(const int *) at);
	case FIELD_UINT:
		return write_uint(*(const uint64_t *) at);
	case FIELD_HEX:
		return write_hex(*(const uint64_t *) at);
	case FIELD_ENUM:
		return write_enum(field, *(const int *) at);
	case FIELD_STRINGS:
		return write_strings(((const struct strings *) at)->items,
				     ((const struct strings *) at)->count);
	case FIELD_VECTOR:
		return write_strings(*(const char *const *const *) at,
				     vector_length(*(const char *const *const *) at));
	case FIELD_POINTERS:
		return write_strings(at,
				     *(const size_t *) (const void *) (data + field->count_offset));
	case FIELD_STRUCT:
		return write_record(field->record, at);
	case FIELD_LIST:
		return write_list(field, data);
	}
	return NULL;
}

static json_t *write_record(const struct json_record *record, const char *data)
{
	json_t *object = json_object();

	for (size_t i = 0; object && i < record->n_fields; i++) {
		const struct json_field *field = &record->fields[i];

		if (is_left_out(field, data + field->offset))
			continue;
		if (json_object_set_new(object, field->name, write_field(field, data)) < 0) {
			json_decref(object);
			return NULL;
		}
	}
	return object;
}

int json_fields_write(const struct json_record *record, const void *data, json_t **ret_json,
		      struct error *err)
{
	json_t *json = write_record(record, data);

	if (!json)
		return error_set(err, -ENOMEM, "write JSON");
	*ret_json = json;
	return 0;
}

int json_fields_add(json_t *object, const struct json_record *record, const void *data,
		    struct error *err)
{
	json_t *more = NULL;
	int r = json_fields_write(record, data, &more, err);

	if (r == 0 && json_object_update(object, more) < 0)
		r = error_set(err, -ENOMEM, "write JSON");
	json_decref(more);
	return r;
}

int json_fields_dump(const json_t *json, char **ret_text, struct error *err)
{
	auto_free char *text = json_dumps(json, JSON_INDENT(2));
	size_t n = text ? strlen(text) : 0;
	char *grown = text ? realloc(text, n + 2) : NULL;

	if (!grown)
		return error_set(err, -ENOMEM, "write JSON");
	grown[n] = '\n';
	grown[n + 1] = '\0';
	text = NULL;
	*ret_text = grown;
	return 0;
}
