/* SPDX-License-Identifier: Apache-2.0 */
/* The description of launch records, for plans as JSON. */
#include <string.h>

#include "dind/str.h"
#include "printers.h"

#define FIELD(member, kind)                                                    \
	{                                                                      \
		.name = #member, .type = (kind), .offset = offsetof(S, member) \
	}
#define RECORD(name, fields) \
	static const struct json_record name = { sizeof(S), fields, ARRAY_SIZE(fields) }

static const char *caps_word(int value)
{
	static const char *const words[] = {
		[LAUNCH_CAPS_KEEP] = "keep",
		[LAUNCH_CAPS_CLEAR] = "clear",
		[LAUNCH_CAPS_KEEP_BOUNDING] = "keep-bounding",
	};

	return value >= 0 && (size_t) value < ARRAY_SIZE(words) ? words[value] : NULL;
}

#define S struct launch
static const struct json_field launch_fields[] = {
	FIELD(argv, FIELD_VECTOR),
	FIELD(cgroup, FIELD_STRING),
	FIELD(new_session, FIELD_BOOL),
	FIELD(foreground, FIELD_BOOL),
	FIELD(listen_names, FIELD_STRING),
	FIELD(apparmor_exec, FIELD_STRING),
	{ .name = "caps", .type = FIELD_ENUM, .offset = offsetof(S, caps), .word = caps_word },
	FIELD(no_new_privs, FIELD_BOOL),
	FIELD(refused, FIELD_VECTOR),
};
RECORD(launch_record, launch_fields);

static const struct json_field launch_oom_fields[] = { FIELD(oom_score_adj, FIELD_INT32) };
RECORD(launch_oom_record, launch_oom_fields);

static const struct json_field launch_user_fields[] = {
	FIELD(uid, FIELD_UINT32),
	FIELD(gid, FIELD_UINT32),
};
RECORD(launch_user_record, launch_user_fields);
#undef S

#define S struct launch_rlimit
static const struct json_field rlimit_fields[] = {
	FIELD(resource, FIELD_INT32),
	FIELD(soft, FIELD_UINT),
	FIELD(hard, FIELD_UINT),
};
RECORD(rlimit_record, rlimit_fields);
#undef S

/*
 * A plan is shown and sent around, and an environment holds passwords: values are shown only of
 * variables that say where the engine is and how it runs, of others the name.
 */
static json_t *write_variable(const char *variable)
{
	static const char *const shown[] = {
		"PATH=",	   "HOME=",	     "USER=",	       "LOGNAME=",
		"SHELL=",	   "container=",     "DOCKER_HOST=",   "DOCKER_DRIVER=",
		"DOCKER_RAMDISK=", "DOCKER_TMPDIR=", "NOTIFY_SOCKET=", "XDG_RUNTIME_DIR=",
		"TMPDIR=",
	};
	const char *equals = strchr(variable, '=');

	for (size_t i = 0; i < ARRAY_SIZE(shown); i++)
		if (str_has_prefix(variable, shown[i]))
			return json_fields_string(variable);
	return equals ? json_sprintf("%.*s=…", (int) (equals - variable), variable)
		      : json_fields_string(variable);
}

static int write_environment(const struct launch *launch, json_t *object, struct error *err)
{
	json_t *list = json_array();
	bool failed = !list;

	for (size_t i = 0; !failed && launch->environment && launch->environment[i]; i++) {
		json_t *item = write_variable(launch->environment[i]);

		/* a name that is not UTF-8 cannot be shown without its value */
		failed = json_array_append_new(list, item ? item : json_string("…")) < 0;
	}
	if (json_object_set_new(object, "environment", list) < 0 || failed)
		return error_set(err, -ENOMEM, "write JSON");
	return 0;
}

static int write_rlimits(const struct launch *launch, json_t *object, struct error *err)
{
	json_t *list = json_array();
	int r = 0;

	for (size_t i = 0; r == 0 && i < launch->n_rlimits; i++) {
		json_t *item = NULL;

		r = json_fields_write(&rlimit_record, &launch->rlimits[i], &item, err);
		if (r == 0 && json_array_append_new(list, item) < 0)
			r = error_set(err, -ENOMEM, "write JSON");
	}
	if (json_object_set_new(object, "rlimits", list) < 0 && r == 0)
		r = error_set(err, -ENOMEM, "write JSON");
	return r;
}

static int write_groups(const struct launch *launch, json_t *object, struct error *err)
{
	json_t *list = json_array();
	bool failed = !list;

	for (size_t i = 0; !failed && i < launch->n_groups; i++)
		failed = json_array_append_new(list, json_integer(launch->groups[i])) < 0;
	if (json_object_set_new(object, "groups", list) < 0 || failed)
		return error_set(err, -ENOMEM, "write JSON");
	return 0;
}

int print_launch_json(const struct launch *launch, json_t **ret_json, struct error *err)
{
	json_t *json = NULL;
	int r = json_fields_write(&launch_record, launch, &json, err);

	if (r == 0)
		r = write_environment(launch, json, err);
	if (r == 0)
		r = write_rlimits(launch, json, err);
	if (r == 0 && launch->set_oom_score)
		r = json_fields_add(json, &launch_oom_record, launch, err);
	if (r == 0 && launch->set_user)
		r = json_fields_add(json, &launch_user_record, launch, err);
	if (r == 0 && launch->set_user)
		r = write_groups(launch, json, err);
	if (r < 0) {
		json_decref(json);
		return r;
	}
	*ret_json = json;
	return 0;
}
