/* SPDX-License-Identifier: Apache-2.0 */
/* The directories that may hold the data root or the image, and the programs that storage needs. */
#include <ctype.h>
#include <stdio.h>
#include <string.h>
#include <sys/statvfs.h>

#include "dind/str.h"
#include "helper.h"
#include "subjects.h"
#include "world.h"

#define IMAGE_NAME "data.img"

/* A graph driver that was used leaves a directory of its name (facts: prior detection of dockerd).
 */
static const char *const drivers[] = {
	"overlay2", "aufs", "btrfs", "devicemapper", "overlay", "vfs", "zfs", "fuse-overlayfs",
};

/* containerd's metadata exists also where dockerd uses it to run containers only: images are there
 * when there are blobs. */
#define BLOBS "containerd/daemon/io.containerd.content.v1.content/blobs/sha256"

/* ---- what has to touch the directory, and so may have to run in a helper ----
 */

struct directory_request {
	const struct inspect_world *world;
	const char *path;
};

/* Of fixed size, to be handed over in shared memory. */
struct directory_probe {
	struct world_walk walk;
	bool has_fs;
	uint64_t fs_magic;
	uint64_t total_bytes, free_bytes;
	uint64_t total_inodes, free_inodes;
	bool fs_read_only;
	uint32_t drivers; /* bit i: drivers[i] */
	enum tri containerd_store;
	enum tri image;
	uint64_t image_bytes, image_allocated;
};

static void probe_fs(const struct inspect_world *world, struct directory_probe *probe)
{
	struct statfs fs;

	if (!world->statfs || world->statfs(world, probe->walk.nearest, &fs) < 0)
		return;
	probe->has_fs = true;
	probe->fs_magic = (uint32_t) fs.f_type; /* some magic numbers have the sign bit set */
	probe->total_bytes = (uint64_t) fs.f_blocks * (uint64_t) fs.f_bsize;
	probe->free_bytes = (uint64_t) fs.f_bavail * (uint64_t) fs.f_bsize;
	probe->total_inodes = (uint64_t) fs.f_files;
	probe->free_inodes = (uint64_t) fs.f_ffree;
	probe->fs_read_only = ((uint64_t) fs.f_flags & ST_RDONLY) != 0;
}

static void probe_contents(const struct inspect_world *world, struct directory_probe *probe)
{
	char path[PATH_MAX + 128];
	struct stat st;
	int r;

	for (size_t i = 0; i < ARRAY_SIZE(drivers); i++) {
		(void) snprintf(path, sizeof(path), "%s/%s", probe->walk.path, drivers[i]);
		if (world_has_entries(world, path))
			probe->drivers |= UINT32_C(1) << i;
	}
	(void) snprintf(path, sizeof(path), "%s/%s", probe->walk.path, BLOBS);
	probe->containerd_store = tri_from_bool(world_has_entries(world, path));
	(void) snprintf(path, sizeof(path), "%s/%s", probe->walk.path, IMAGE_NAME);
	r = world_stat(world, path, &st);
	if (r == 0)
		probe->image = tri_from_bool(S_ISREG(st.st_mode));
	else
		probe->image = r == -ENOENT ? TRI_NO : TRI_UNKNOWN;
	if (probe->image == TRI_YES) {
		probe->image_bytes = (uint64_t) st.st_size;
		probe->image_allocated = (uint64_t) st.st_blocks * 512; /* stat(2): the unit */
	}
}

static void probe_rest(const struct inspect_world *world, struct directory_probe *probe)
{
	probe_fs(world, probe);
	if (probe->walk.exists == TRI_YES) {
		probe_contents(world, probe);
	} else if (probe->walk.exists == TRI_NO) {
		probe->containerd_store = TRI_NO;
		probe->image = TRI_NO;
	}
}

static int probe_in_helper(const void *context, void *result)
{
	const struct directory_request *request = context;
	struct directory_probe *probe = result;

	world_walk(request->world, request->path, NULL, NULL, &probe->walk);
	probe_rest(request->world, probe);
	return 0;
}

/* 0, or negative errno when nothing but probe->walk (as far as it could be followed) is known. */
static int probe_directory(const struct inspection *in, const char *path,
			   struct directory_probe *ret_probe)
{
	const struct directory_request request = { in->world, path };
	struct directory_probe probe = { .walk = { .path = "" } };
	struct error err = ERROR_INIT;
	bool started;
	int r;

	world_walk(in->world, path, mounts_may_touch, in->facts, &ret_probe->walk);
	if (!ret_probe->walk.stopped) {
		probe_rest(in->world, ret_probe);
		return 0;
	}
	if (!world_is_live(in->world)) /* a directory of ours stands in for it: cannot hang */
		return probe_in_helper(&request, ret_probe);
	r = helper_run(probe_in_helper, &request, &probe, sizeof(probe), INSPECT_HELPER_TIMEOUT_MS,
		       &started, &err);
	if (r == 0)
		*ret_probe = probe;
	return r;
}

/* ---- what the mount table says ----
 */

/* Docker names a volume without a name by 64 hex digits: …/volumes/<id>/_data */
static bool is_anonymous_volume(const char *root)
{
	static const char before[] = "/volumes/", after[] = "/_data";
	size_t n = strlen(root), tail = 64 + strlen(after);
	const char *id;

	if (n < tail + strlen(before) || !str_has_suffix(root, after))
		return false;
	id = root + n - tail;
	if (strncmp(id - strlen(before), before, strlen(before)) != 0)
		return false;
	for (int i = 0; i < 64; i++)
		if (!isxdigit((unsigned char) id[i]))
			return false;
	return true;
}

static struct fact is_writable(const struct facts_mount *mount, const struct directory_probe *probe)
{
	if (probe->has_fs && probe->fs_read_only)
		return (struct fact){ TRI_NO, EROFS, "statfs" };
	if (!mount)
		return (struct fact){ TRI_UNKNOWN, 0, "/proc/self/mountinfo" };
	if (mounts_is_read_only(mount))
		return (struct fact){ TRI_NO, EROFS, mount->target };
	return (struct fact){ TRI_YES, 0, mount->target };
}

static void describe_mount(const struct inspection *in, const struct directory_probe *probe,
			   struct facts_directory *directory)
{
	/* Where the walk had to stop, `nearest` is still this side of the mount. */
	const char *place =
		probe->walk.exists == TRI_UNKNOWN ? directory->path : directory->nearest;
	const struct facts_mount *mount = facts_mount_of(in->facts, place);

	directory->writable = is_writable(mount, probe);
	if (!mount)
		return;
	directory->fs_name = mount->fstype;
	directory->mount_target = mount->target;
	directory->remote = mounts_type_is_remote(mount->fstype);
	directory->is_mount_point = tri_from_bool(str_equal(mount->target, directory->path));
	directory->anonymous_volume =
		tri_from_bool(directory->is_mount_point == TRI_YES && mount->root &&
			      is_anonymous_volume(mount->root));
}

void inspect_directory(const struct inspection *in, const char *path,
		       struct facts_directory *directory)
{
	struct directory_probe *probe = arena_alloc(in->arena, sizeof(*probe));
	int r = probe_directory(in, path, probe);

	directory->path = arena_strdup(in->arena, probe->walk.path);
	directory->nearest = arena_strdup(in->arena, probe->walk.nearest);
	directory->exists = r < 0 ? TRI_UNKNOWN : probe->walk.exists;
	describe_mount(in, probe, directory);
	if (r < 0) {
		directory->writable = (struct fact){ TRI_UNKNOWN, -r, directory->mount_target };
		return;
	}
	directory->fs_magic = probe->fs_magic;
	directory->free_bytes = probe->free_bytes;
	directory->total_bytes = probe->total_bytes;
	directory->free_inodes = probe->free_inodes;
	directory->total_inodes = probe->total_inodes;
	for (size_t i = 0; i < ARRAY_SIZE(drivers); i++)
		if (probe->drivers & UINT32_C(1) << i)
			strings_add(in->arena, &directory->drivers, drivers[i]);
	directory->containerd_store = probe->containerd_store;
	directory->image = probe->image;
	directory->image_bytes = probe->image_bytes;
	directory->image_allocated = probe->image_allocated;
}

/* PATH of a service account may leave out the system's directories. */
static const char *find_system_program(const struct inspection *in, const char *name)
{
	const char *found =
		world_find_program(in->world, world_search_path(in->options), name, in->arena);

	return found ? found : world_find_program(in->world, WORLD_DEFAULT_PATH, name, in->arena);
}

void inspect_storage(const struct inspection *in)
{
	struct facts_storage *storage = &in->facts->storage;
	const struct options *options = in->options;
	const char *data_root = options->data_root;

	if (!data_root)
		data_root = in->facts->engine.config_data_root;
	if (!data_root)
		data_root = DIND_DEFAULT_DATA_ROOT;
	inspect_directory(in, data_root, &storage->data_root);
	if (options->storage_path) {
		inspect_directory(in, options->storage_path, &storage->storage_path);
		storage->image_dir = storage->storage_path;
	} else {
		inspect_directory(in, DIND_IMAGE_DIR, &storage->image_dir);
	}
	storage->mkfs_ext4 = find_system_program(in, "mkfs.ext4");
	storage->check_ext4 = find_system_program(in, "e2fsck");
	storage->grow_ext4 = find_system_program(in, "resize2fs");
	storage->mkfs_xfs = find_system_program(in, "mkfs.xfs");
	storage->check_xfs = find_system_program(in, "xfs_repair");
	storage->grow_xfs = find_system_program(in, "xfs_growfs");
	/* dockerd looks for these itself, in PATH. */
	storage->zfs = world_find_program(in->world, world_search_path(options), "zfs", in->arena);
	storage->fuse_overlayfs = world_find_program(in->world, world_search_path(options),
						     "fuse-overlayfs", in->arena);
}
