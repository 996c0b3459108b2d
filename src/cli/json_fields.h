/* SPDX-License-Identifier: Apache-2.0 */
/*
 * json_fields.h - structs as JSON by description: one table per struct serves writing and reading,
 * so the two directions cannot drift apart.
 */
#ifndef DIND_CLI_JSON_FIELDS_H
#define DIND_CLI_JSON_FIELDS_H

#include <jansson.h>

#include "dind/arena.h"
#include "dind/error.h"

enum json_field_type {
	FIELD_STRING,	/* const char *; NULL is left out */
	FIELD_BOOL,	/* bool */
	FIELD_TRI,	/* enum tri: "yes", "no", "unknown" */
	FIELD_FACT,	/* struct fact: {"value", "error", "evidence"} */
	FIELD_INT,	/* int64_t; a missing member reads as field->missing */
	FIELD_INT32,	/* int; likewise */
	FIELD_UINT32,	/* unsigned int */
	FIELD_UINT16,	/* uint16_t */
	FIELD_MODE,	/* unsigned int: "0755" */
	FIELD_CHAR,	/* char: a string of one character, "" for none */
	FIELD_ERRNO,	/* int: "EINVAL", a number without a known name; 0 is left out */
	FIELD_UINT,	/* uint64_t: a number, UINT64_MAX is "unlimited" */
	FIELD_HEX,	/* uint64_t: "0x1fff" */
	FIELD_ENUM,	/* an enum, by the words of field->word */
	FIELD_STRINGS,	/* struct strings; an empty list is left out */
	FIELD_VECTOR,	/* const char *const *, NULL ended; write only */
	FIELD_POINTERS, /* const char *[], count at count_offset; write only */
	FIELD_STRUCT,	/* nested struct of field->record */
	FIELD_LIST,	/* pointer to an array of field->record; count at count_offset */
};

struct json_record;

struct json_field {
	const char *name;
	enum json_field_type type;
	size_t offset;
	size_t count_offset;		  /* size_t */
	const struct json_record *record; /* FIELD_STRUCT, FIELD_LIST */
	const char *(*word)(int value);	  /* FIELD_ENUM: NULL beyond the last value */
	int64_t missing;
};

struct json_record {
	size_t size;
	const struct json_field *fields; /* in the order in which they are written */
	size_t n_fields;
};

/* *@ret_json is a new reference. 0, or -ENOMEM. */
int json_fields_write(const struct json_record *record, const void *data, json_t **ret_json,
		      struct error *err);

/* As json_fields_write(), into members of an @object that is there already. */
int json_fields_add(json_t *object, const struct json_record *record, const void *data,
		    struct error *err);

/*
 * Fill the zeroed @data from @json. Strings and arrays are copied into @arena. Unknown members and
 * wrong types are -EINVAL, and @err names the member by its path below @path.
 */
int json_fields_read(const struct json_record *record, const json_t *json, const char *path,
		     struct arena *arena, void *data, struct error *err);

/* Indented text with a final newline; the caller frees it. */
int json_fields_dump(const json_t *json, char **ret_text, struct error *err);

/*
 * A string that JSON can hold: @s itself, or {"bytes": "2f746d702fff"} where it is not UTF-8, as
 * paths may be.
 */
json_t *json_fields_string(const char *s);

/* Shared by the two directions: the words of enum tri (NULL beyond), and struct fact. */
const char *json_fields_tri_word(int value);
extern const struct json_record json_fields_fact;

#endif
