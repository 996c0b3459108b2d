/* SPDX-License-Identifier: Apache-2.0 */
/* images.c - from the documents in an archive to its images. */
#include "bundle.h"

#include <stdio.h>
#include <string.h>

#include "dind/str.h"

#define NESTING_MAX 3

/* Parsed once, owned by the scan. NULL when it is not there or does not parse. */
static const json_t *document(struct bundle_scan *scan, const char *name)
{
	const struct bundle_member *member = bundle_find(scan, name);
	json_t *root;

	if (!member || !member->text)
		return NULL;
	root = json_loadb(member->text, member->length, 0, NULL);
	if (root)
		(void) json_array_append_new(scan->documents, root);
	return root;
}

/* The name of a blob, or NULL for a digest that could lead out of the archive. */
static const char *blob_name(struct bundle_scan *scan, const char *digest)
{
	size_t n;

	if (!digest || !str_has_prefix(digest, "sha256:"))
		return NULL;
	n = strspn(digest + 7, "0123456789abcdef");
	if (n != 64 || digest[7 + n])
		return NULL;
	return arena_printf(&scan->arena, "blobs/sha256/%s", digest + 7);
}

/* "<hex>.json" or "blobs/sha256/<hex>" is named by its digest. */
static const char *config_id(struct bundle_scan *scan, const char *name)
{
	const char *base = strrchr(name, '/');
	size_t n;

	base = base ? base + 1 : name;
	n = strspn(base, "0123456789abcdef");
	if (n != 64 || (base[n] && strcmp(base + n, ".json") != 0))
		return NULL;
	return arena_printf(&scan->arena, "sha256:%.64s", base);
}

static int check_member(const struct bundle_scan *scan, const char *name, const json_t *size,
			struct error *err)
{
	const struct bundle_member *member = name ? bundle_find(scan, name) : NULL;

	if (!member)
		return error_set_plain(err, -EBADMSG, "%s: %s is missing in it", scan->path,
				       name ? name : "a file without a name");
	if (json_is_integer(size) && !member->link &&
	    (uint64_t) json_integer_value(size) != member->size)
		return error_set_plain(err, -EBADMSG, "%s: %s has %llu bytes, it should have %lld",
				       scan->path, name, (unsigned long long) member->size,
				       (long long) json_integer_value(size));
	return 0;
}

static struct bundle_image *add_image(struct bundle_scan *scan)
{
	return arena_push(&scan->arena, (void **) &scan->images, &scan->image_count,
			  sizeof(*scan->images));
}

/* ---- docker save
 * --------------------------------------------------------------------------------------- */

static int docker_image(struct bundle_scan *scan, const json_t *entry, struct error *err)
{
	const char *config = json_string_value(json_object_get(entry, "Config"));
	const json_t *layers = json_object_get(entry, "Layers");
	struct bundle_image *image;
	const json_t *value;
	size_t i;
	int r = check_member(scan, config, NULL, err);

	if (r < 0)
		return r;
	image = add_image(scan);
	image->config_name = config;
	image->config_id = config_id(scan, config);
	image->config = document(scan, config);
	json_array_foreach(layers, i, value)
	{
		const char *name = json_string_value(value);

		r = check_member(scan, name, NULL, err);
		if (r < 0)
			return r;
		strings_add(&scan->arena, &image->layers, name);
	}
	json_array_foreach(json_object_get(entry, "RepoTags"), i, value) if (json_is_string(value))
		strings_add(&scan->arena, &image->tags, json_string_value(value));
	return 0;
}

/* ---- OCI layout
 * ---------------------------------------------------------------------------------------- */

static bool for_machine(const json_t *descriptor, const char *machine)
{
	const json_t *platform = json_object_get(descriptor, "platform");
	const char *architecture = json_string_value(json_object_get(platform, "architecture"));
	const char *os = json_string_value(json_object_get(platform, "os"));

	return !platform || !architecture ||
	       (strcmp(architecture, machine) == 0 && (!os || strcmp(os, "linux") == 0));
}

/* The manifest that @descriptor leads to on this machine. NULL and no error: none is for it. */
static int resolve(struct bundle_scan *scan, const json_t *descriptor, const char *machine,
		   int depth, const json_t **ret_manifest, struct error *err)
{
	const char *name =
		blob_name(scan, json_string_value(json_object_get(descriptor, "digest")));
	const json_t *root, *children, *child;
	size_t i;
	int r;

	r = check_member(scan, name, json_object_get(descriptor, "size"), err);
	if (r < 0)
		return r;
	root = document(scan, name);
	if (!root)
		return error_set_plain(err, -EBADMSG, "%s: %s is not JSON", scan->path, name);
	children = json_object_get(root, "manifests");
	if (!children) {
		*ret_manifest = json_object_get(root, "config") ? root : NULL;
		return 0;
	}
	json_array_foreach(children, i, child)
	{
		const char *below =
			blob_name(scan, json_string_value(json_object_get(child, "digest")));

		/* Layouts of one platform name the others without having them. */
		if (!for_machine(child, machine) || depth >= NESTING_MAX || !below ||
		    !bundle_find(scan, below))
			continue;
		r = resolve(scan, child, machine, depth + 1, ret_manifest, err);
		if (r < 0 || *ret_manifest)
			return r;
	}
	return 0;
}

/* "docker.io/library/name:tag" is "name:tag" to its users. */
static const char *familiar(const char *name)
{
	if (str_has_prefix(name, "docker.io/library/"))
		return name + strlen("docker.io/library/");
	if (str_has_prefix(name, "docker.io/"))
		return name + strlen("docker.io/");
	return name;
}

/* The name of the image, or NULL: some tools write a bare tag, which names nothing. */
static const char *annotated_name(const json_t *descriptor)
{
	static const char *const keys[] = { "io.containerd.image.name",
					    "org.opencontainers.image.ref.name" };
	const json_t *annotations = json_object_get(descriptor, "annotations");

	for (size_t i = 0; i < ARRAY_SIZE(keys); i++) {
		const char *name = json_string_value(json_object_get(annotations, keys[i]));

		if (name && strpbrk(name, ":/") && !strchr(name, '@'))
			return familiar(name);
	}
	return NULL;
}

static struct bundle_image *image_with_config(struct bundle_scan *scan, const char *id)
{
	for (size_t i = 0; i < scan->image_count; i++)
		if (str_equal(scan->images[i].config_id, id))
			return &scan->images[i];
	return NULL;
}

static int oci_layers(struct bundle_scan *scan, struct bundle_image *image, const json_t *manifest,
		      struct error *err)
{
	const json_t *layer;
	size_t i;
	int r;

	json_array_foreach(json_object_get(manifest, "layers"), i, layer)
	{
		const char *name =
			blob_name(scan, json_string_value(json_object_get(layer, "digest")));

		r = check_member(scan, name, json_object_get(layer, "size"), err);
		if (r < 0)
			return r;
		strings_add(&scan->arena, &image->layers, name);
	}
	return 0;
}

static int oci_image(struct bundle_scan *scan, const json_t *descriptor, const char *machine,
		     struct error *err)
{
	const char *id, *name, *tag = annotated_name(descriptor);
	const json_t *manifest = NULL, *config;
	struct bundle_image *image;
	int r = resolve(scan, descriptor, machine, 0, &manifest, err);

	if (r < 0 || !manifest)
		return r;
	config = json_object_get(manifest, "config");
	id = json_string_value(json_object_get(config, "digest"));
	name = blob_name(scan, id);
	r = check_member(scan, name, json_object_get(config, "size"), err);
	if (r < 0)
		return r;
	image = image_with_config(scan, id);
	if (!image) {
		image = add_image(scan);
		image->config_id = id;
		image->config_name = name;
		image->config = document(scan, name);
		r = oci_layers(scan, image, manifest, err);
	}
	image->target_id = json_string_value(json_object_get(descriptor, "digest"));
	if (tag && !strings_has(&image->tags, tag))
		strings_add(&scan->arena, &image->tags,
			    strchr(strrchr(tag, '/') ? strrchr(tag, '/') : tag, ':')
				    ? tag
				    : arena_printf(&scan->arena, "%s:latest", tag));
	return r;
}

/* A `docker save` of Docker 25 and later is a layout too: it tells the ids of containerd's store.
 */
static void add_targets(struct bundle_scan *scan, const json_t *index, const char *machine)
{
	const json_t *descriptor, *manifest;
	size_t i;

	json_array_foreach(json_object_get(index, "manifests"), i, descriptor)
	{
		struct error ignored = ERROR_INIT;
		struct bundle_image *image;

		manifest = NULL;
		if (resolve(scan, descriptor, machine, 0, &manifest, &ignored) < 0 || !manifest)
			continue;
		image = image_with_config(
			scan, json_string_value(json_object_get(json_object_get(manifest, "config"),
								"digest")));
		if (image)
			image->target_id = json_string_value(json_object_get(descriptor, "digest"));
	}
}

static json_t *json_strings(const struct strings *list)
{
	json_t *array = json_array();

	for (size_t i = 0; i < list->count; i++)
		(void) json_array_append_new(array, json_string(list->items[i]));
	return array;
}

/* Engines with graph drivers load nothing without it (seen: 20.10.24, 26.1.5). */
static const char *make_manifest(struct bundle_scan *scan)
{
	json_t *root = json_array();
	char *text;
	const char *copy;

	for (size_t i = 0; i < scan->image_count; i++) {
		const struct bundle_image *image = &scan->images[i];
		json_t *entry = json_object();

		(void) json_object_set_new(entry, "Config", json_string(image->config_name));
		(void) json_object_set_new(entry, "RepoTags", json_strings(&image->tags));
		(void) json_object_set_new(entry, "Layers", json_strings(&image->layers));
		(void) json_array_append_new(root, entry);
	}
	text = json_dumps(root, JSON_COMPACT);
	copy = arena_strdup(&scan->arena, text ? text : "[]");
	free(text);
	json_decref(root);
	return copy;
}

static int oci_images(struct bundle_scan *scan, const json_t *index, const char *machine,
		      struct error *err)
{
	const json_t *descriptor;
	size_t i;
	int r;

	json_array_foreach(json_object_get(index, "manifests"), i, descriptor)
	{
		r = oci_image(scan, descriptor, machine, err);
		if (r < 0)
			return r;
	}
	if (scan->image_count == 0)
		return error_set_plain(err, -EBADMSG, "%s: no image for linux/%s in it", scan->path,
				       machine);
	scan->manifest = make_manifest(scan);
	return 0;
}

int bundle_find_images(struct bundle_scan *scan, const char *machine, struct error *err)
{
	const json_t *manifest = document(scan, "manifest.json");
	const json_t *index = document(scan, "index.json");
	const json_t *entry;
	size_t i;
	int r;

	if (!manifest && bundle_find(scan, "manifest.json"))
		return error_set_plain(err, -EBADMSG, "%s: manifest.json in it is not JSON",
				       scan->path);
	if (!manifest && json_is_object(index))
		return oci_images(scan, index, machine, err);
	if (!json_is_array(manifest))
		return error_set_plain(
			err, -EBADMSG,
			"%s: not an image: neither manifest.json nor index.json is in it",
			scan->path);
	json_array_foreach(manifest, i, entry)
	{
		r = docker_image(scan, entry, err);
		if (r < 0)
			return r;
	}
	if (scan->image_count == 0)
		return error_set_plain(err, -EBADMSG, "%s: no image in it", scan->path);
	add_targets(scan, index, machine);
	return 0;
}
