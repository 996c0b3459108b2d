/* SPDX-License-Identifier: Apache-2.0 */
/* layers.c - layers, their records, and the images made of them. */
#include "layers.h"

#include <dirent.h>
#include <fcntl.h>
#include <jansson.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "client.h"
#include "dind/file.h"
#include "dind/str.h"
#include "splits.h"

#define LAYERS	     "image/overlay2/layerdb/sha256"
#define IMAGES	     "image/overlay2/imagedb/content/sha256"
#define REPOSITORIES "image/overlay2/repositories.json"
#define BLOBS	     "containerd/daemon/io.containerd.content.v1.content/blobs/sha256"
#define TEXT_MAX     ((size_t) 8 << 20)
#define DIGEST	     "sha256:"
#define SHORT_ID     12
#define NAMED	     200

/*
 * What is older than the last by so much was on the disk before the power went, whenever that was:
 * dirty data is written after 30 s, looked for every 5 s, committed 5 s later. Much more than that,
 * for disks that do not keep up.
 */
#define SETTLED_S 300

struct layer {
	const char *name;   /* chain id without "sha256:" */
	const char *diff;   /* "sha256:…" */
	const char *parent; /* "sha256:…" or NULL */
	time_t made;
	bool damaged;
};

struct layers {
	struct arena *arena;
	int root;
	struct layer *items;
	size_t count;
};

/* The text of a small file without its newline, or NULL. */
static const char *read_word(struct layers *layers, const char *name, const char *file)
{
	const char *path = arena_printf(layers->arena, LAYERS "/%s/%s", name, file);
	char *text;

	if (file_slurp_at(layers->root, path, TEXT_MAX, layers->arena, &text) < 0)
		return NULL;
	text[strcspn(text, "\n")] = '\0';
	return text;
}

static void add_layer(struct layers *layers, const char *name)
{
	const char *path = arena_printf(layers->arena, LAYERS "/%s", name);
	struct layer *layer;
	struct stat st;

	if (fstatat(layers->root, path, &st, AT_SYMLINK_NOFOLLOW) < 0 || !S_ISDIR(st.st_mode))
		return;
	layer = arena_push(layers->arena, (void **) &layers->items, &layers->count, sizeof(*layer));
	layer->name = arena_strdup(layers->arena, name);
	layer->made = st.st_mtim.tv_sec;
	layer->diff = read_word(layers, name, "diff");
	layer->parent = read_word(layers, name, "parent");
}

/* Calls @each for every entry whose name is no dotfile. 0 or a negative errno. */
static int for_each(struct layers *layers, const char *path,
		    void (*each)(struct layers *layers, const char *name))
{
	int fd = openat(layers->root, path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	const struct dirent *entry;
	DIR *dir;

	if (fd < 0)
		return -errno;
	dir = fdopendir(fd);
	if (!dir) {
		fd_close(&fd);
		return -ENOMEM;
	}
	while ((entry = readdir(dir)))
		if (entry->d_name[0] != '.')
			each(layers, entry->d_name);
	(void) closedir(dir);
	return 0;
}

/* ---- layers ---- */

/* What is not there, or too short, is damage; what cannot be told is not. */
static void check_layer(struct layers *layers, struct layer *layer)
{
	const char *id = read_word(layers, layer->name, "cache-id");
	const char *record, *files;

	layer->damaged = !layer->diff || !*layer->diff || !id || !*id || strchr(id, '/');
	if (layer->damaged)
		return;
	record = arena_printf(layers->arena, LAYERS "/%s/tar-split.json.gz", layer->name);
	files = arena_printf(layers->arena, "overlay2/%s/diff", id);
	layer->damaged = !splits_are_there(layers->root, record, files);
	if (layer->damaged)
		log_debug("layer %s (%s) has lost files", layer->name, id);
}

static size_t check_recent(struct layers *layers)
{
	time_t newest = 0;
	size_t checked = 0;

	for (size_t i = 0; i < layers->count; i++)
		if (layers->items[i].made > newest)
			newest = layers->items[i].made;
	for (size_t i = 0; i < layers->count; i++)
		if (layers->items[i].made >= newest - SETTLED_S) {
			check_layer(layers, &layers->items[i]);
			checked++;
		}
	return checked;
}

/* ---- images ---- */

static const struct layer *find_layer(const struct layers *layers, const char *diff,
				      const struct layer *below)
{
	for (size_t i = 0; i < layers->count; i++) {
		const struct layer *layer = &layers->items[i];
		const char *parent = layer->parent ? layer->parent : "";

		if (str_has_prefix(parent, DIGEST))
			parent += strlen(DIGEST);
		if (str_equal(layer->diff, diff) && strcmp(parent, below ? below->name : "") == 0)
			return layer;
	}
	return NULL;
}

/* From the bottom: a layer is known by what it is and by what is below it. */
static bool has_its_layers(const struct layers *layers, const json_t *image)
{
	const json_t *diffs = json_object_get(json_object_get(image, "rootfs"), "diff_ids");
	const struct layer *layer = NULL;
	const json_t *value;
	size_t i;

	json_array_foreach(diffs, i, value)
	{
		layer = find_layer(layers, json_string_value(value), layer);
		if (!layer || layer->damaged)
			return false;
	}
	return true;
}

static json_t *load(struct layers *layers, const char *path)
{
	char *text;

	if (file_slurp_at(layers->root, path, TEXT_MAX, layers->arena, &text) < 0)
		return NULL;
	return json_loads(text, 0, NULL);
}

/* One that the engine cannot read it does not list, but a name may lead there. */
static bool is_whole(struct layers *layers, const char *id)
{
	json_t *image = load(layers, arena_printf(layers->arena, IMAGES "/%s", id));
	bool whole = image && has_its_layers(layers, image);

	json_decref(image);
	return whole;
}

struct images {
	struct layers layers;
	struct strings broken; /* ids without "sha256:" */
	struct strings *damaged;
};

static void add_image(struct layers *layers, const char *id)
{
	struct images *images = (struct images *) layers; /* its first member */

	if (!is_whole(layers, id))
		strings_add(layers->arena, &images->broken, arena_strdup(layers->arena, id));
}

static bool is_lost(struct images *images, const char *id)
{
	const char *path = arena_printf(images->layers.arena, IMAGES "/%s", id);

	return strings_has(&images->broken, id) ||
	       faccessat(images->layers.root, path, F_OK, 0) < 0;
}

/* Names of broken images, and of those that are not there at all. */
static void add_tags(struct images *images, json_t *tags, struct strings *named)
{
	struct arena *arena = images->layers.arena;
	const char *tag;
	json_t *value;

	json_object_foreach(tags, tag, value)
	{
		const char *id = json_string_value(value);

		if (!id || !str_has_prefix(id, DIGEST) || !is_lost(images, id + strlen(DIGEST)))
			continue;
		strings_add(arena, images->damaged, arena_strdup(arena, tag));
		strings_add(arena, named, arena_strdup(arena, id + strlen(DIGEST)));
	}
}

static void add_names(struct images *images, struct strings *named)
{
	json_t *root = load(&images->layers, REPOSITORIES);
	json_t *repositories = json_object_get(root, "Repositories");
	const char *repository;
	json_t *tags;

	json_object_foreach(repositories, repository, tags)
	{
		add_tags(images, tags, named);
	}
	json_decref(root);
}

static int find_images(struct images *images, struct error *err)
{
	struct strings named = STRINGS_INIT;
	int r = for_each(&images->layers, IMAGES, add_image);

	if (r < 0 && r != -ENOENT)
		return error_set(err, r, "read " IMAGES);
	add_names(images, &named);
	for (size_t i = 0; i < images->broken.count; i++)
		if (!strings_has(&named, images->broken.items[i]))
			strings_add(images->layers.arena, images->damaged,
				    arena_printf(images->layers.arena, "%.*s", SHORT_ID,
						 images->broken.items[i]));
	return 0;
}

int layers_check(const char *root, struct arena *arena, struct strings *damaged,
		 size_t *ret_checked, struct error *err)
{
	auto_close int fd = open(root, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	struct images images = { .layers = { .arena = arena, .root = fd }, .damaged = damaged };
	int r;

	if (fd < 0)
		return error_set(err, -errno, "open %s", root);
	r = for_each(&images.layers, LAYERS, add_layer);
	if (r == -ENOENT && faccessat(fd, BLOBS, F_OK, 0) == 0)
		return error_set_plain(err, -ENOTSUP,
				       "containerd's image store does not record what files hold");
	if (r < 0 && r != -ENOENT)
		return error_set(err, r, "read " LAYERS);
	*ret_checked = check_recent(&images.layers);
	return find_images(&images, err);
}

/* It becomes part of a line of the log: not more than fits there. */
static void print_names(const struct strings *names)
{
	size_t used = 0, i;

	for (i = 0; i < names->count && (i == 0 || used + strlen(names->items[i]) < NAMED); i++) {
		printf("%s%.*s", i ? ", " : "", NAMED, names->items[i]);
		used += strlen(names->items[i]) + 2;
	}
	if (i < names->count)
		printf(" and %zu more", names->count - i);
	printf("\n");
}

int check_run(const struct client_options *options)
{
	struct strings damaged = STRINGS_INIT;
	struct arena arena = ARENA_INIT;
	struct error err = ERROR_INIT;
	size_t checked = 0;
	int status = STATUS_OK;

	if (layers_check(options->directory, &arena, &damaged, &checked, &err) < 0) {
		printf("%s\n", err.message);
		status = STATUS_OSERR;
	} else if (damaged.count > 0) {
		print_names(&damaged);
		status = CHECK_DAMAGED;
	} else {
		printf("%zu\n", checked);
	}
	arena_free(&arena);
	return status;
}
