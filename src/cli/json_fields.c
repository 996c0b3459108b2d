/* SPDX-License-Identifier: Apache-2.0 */
#include "json_fields.h"

#include "dind/facts.h"

const char *json_fields_tri_word(int value)
{
	static const char *const words[] = {
		[TRI_UNKNOWN] = "unknown",
		[TRI_NO] = "no",
		[TRI_YES] = "yes",
	};

	return value >= 0 && (size_t) value < ARRAY_SIZE(words) ? words[value] : NULL;
}

static const struct json_field fact_fields[] = {
	{ .name = "value", .type = FIELD_TRI, .offset = offsetof(struct fact, value) },
	{ .name = "error", .type = FIELD_ERRNO, .offset = offsetof(struct fact, error) },
	{ .name = "evidence", .type = FIELD_STRING, .offset = offsetof(struct fact, evidence) },
};

const struct json_record json_fields_fact = {
	sizeof(struct fact),
	fact_fields,
	ARRAY_SIZE(fact_fields),
};
