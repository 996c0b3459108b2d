/* SPDX-License-Identifier: Apache-2.0 */
#include "mountinfo.h"

#include <libmount.h>
#include <string.h>

#include "dind/str.h"

static void table_unref(struct libmnt_table **table)
{
	mnt_unref_table(*table);
}

static void iter_free(struct libmnt_iter **iter)
{
	mnt_free_iter(*iter);
}

static const char *copy_or_empty(struct arena *arena, const char *s)
{
	return arena_strdup(arena, s ? s : "");
}

static void fill_entry(struct arena *arena, struct libmnt_fs *fs, struct mountinfo_entry *entry)
{
	const char *options = mnt_fs_get_vfs_options(fs);
	const char *optional = mnt_fs_get_optional_fields(fs);

	entry->id = mnt_fs_get_id(fs);
	entry->parent = mnt_fs_get_parent_id(fs);
	entry->shared = optional && strstr(optional, "shared:");
	entry->device = mnt_fs_get_devno(fs);
	entry->target = copy_or_empty(arena, mnt_fs_get_target(fs));
	entry->root = copy_or_empty(arena, mnt_fs_get_root(fs));
	entry->fstype = copy_or_empty(arena, mnt_fs_get_fstype(fs));
	entry->source = copy_or_empty(arena, mnt_fs_get_source(fs));
	if (options)
		(void) mnt_optstr_get_flags(options, &entry->flags,
					    mnt_get_builtin_optmap(MNT_LINUX_MAP));
}

int mountinfo_read(struct arena *arena, struct mountinfo *ret_table, struct error *err)
{
	__attribute__((cleanup(table_unref))) struct libmnt_table *table = NULL;
	__attribute__((cleanup(iter_free))) struct libmnt_iter *iter = NULL;
	struct mountinfo result = { NULL, 0 };
	struct libmnt_fs *fs = NULL;
	size_t count;

	errno = 0;
	table = mnt_new_table_from_file("/proc/self/mountinfo");
	if (!table)
		return error_set(err, errno ? -errno : -EIO, "read /proc/self/mountinfo");
	iter = mnt_new_iter(MNT_ITER_FORWARD);
	if (!iter)
		return error_set(err, -ENOMEM, "read /proc/self/mountinfo");
	count = (size_t) mnt_table_get_nents(table);
	result.entries = arena_alloc(arena, (count + 1) * sizeof(*result.entries));
	while (result.n_entries < count && mnt_table_next_fs(table, iter, &fs) == 0)
		fill_entry(arena, fs, &result.entries[result.n_entries++]);
	*ret_table = result;
	return 0;
}

const struct mountinfo_entry *mountinfo_at(const struct mountinfo *table, const char *target)
{
	for (size_t i = table->n_entries; i > 0; i--)
		if (strcmp(table->entries[i - 1].target, target) == 0)
			return &table->entries[i - 1];
	return NULL;
}

const struct mountinfo_entry *mountinfo_by_id(const struct mountinfo *table, int id)
{
	for (size_t i = 0; i < table->n_entries; i++)
		if (table->entries[i].id == id)
			return &table->entries[i];
	return NULL;
}

const struct mountinfo_entry *mountinfo_of(const struct mountinfo *table, const char *path)
{
	const struct mountinfo_entry *found = NULL;

	for (size_t i = 0; i < table->n_entries; i++) {
		const struct mountinfo_entry *entry = &table->entries[i];

		if (str_path_is_below(path, entry->target) &&
		    (!found || strlen(entry->target) >= strlen(found->target)))
			found = entry;
	}
	return found;
}

bool mountinfo_has_id(const struct mountinfo *table, int id)
{
	return mountinfo_by_id(table, id) != NULL;
}
