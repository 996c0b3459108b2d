/* SPDX-License-Identifier: Apache-2.0 */
#include "loop.h"

#include <dirent.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/loop.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

#include "dind/file.h"
#include "dind/str.h"
#include "steps.h"

#define LOOP_MAJOR_NUMBER 7
#define LOOP_ATTEMPTS	  64
#define LOOP_MAX_BLOCK	  4096U

static int retry_ioctl(int fd, unsigned long request, void *argument)
{
	int r;

	do {
		r = ioctl(fd, request, argument);
	} while (r < 0 && errno == EINTR);
	return r < 0 ? -errno : r;
}

static int retry_ioctl_number(int fd, unsigned long request, unsigned long argument)
{
	int r;

	do {
		r = ioctl(fd, request, argument);
	} while (r < 0 && errno == EINTR);
	return r < 0 ? -errno : r;
}

/* With loop.max_part the minor is not the number of the device; sysfs knows ("7:64"). */
static dev_t device_number(int number)
{
	char path[64], text[32];
	int minor_number = number;

	(void) snprintf(path, sizeof(path), "/sys/block/loop%d/dev", number);
	if (file_read_at(AT_FDCWD, path, text, sizeof(text)) > 0 && strchr(text, ':')) {
		text[strcspn(text, "\n")] = '\0';
		if (str_parse_int(strchr(text, ':') + 1, 0, INT_MAX, &minor_number) < 0)
			minor_number = number;
	}
	return makedev(LOOP_MAJOR_NUMBER, (unsigned int) minor_number);
}

/* 7 from "loop7"; false for other names, "loop7p1" among them. */
static bool parse_name(const char *name, int *ret_number)
{
	return str_has_prefix(name, "loop") && str_parse_int(name + 4, 0, INT_MAX, ret_number) == 0;
}

/* A container's /dev has the nodes that there were when it was made. */
static int open_node(const char *path, int number, struct error *err)
{
	auto_close int fd = open(path, O_RDWR | O_CLOEXEC);
	dev_t device = device_number(number);
	struct stat st;

	if (fd < 0 && errno == ENOENT) {
		if (mknod(path, S_IFBLK | 0660, device) < 0 && errno != EEXIST)
			return error_set(err, -errno, "make device %s", path);
		fd = open(path, O_RDWR | O_CLOEXEC);
	}
	if (fd < 0 || fstat(fd, &st) < 0)
		return error_set(err, -errno, "open %s", path);
	if (!S_ISBLK(st.st_mode) || st.st_rdev != device)
		return error_set_plain(err, -ENODEV, "%s is not block device %u:%u", path,
				       major(device), minor(device));
	return fd_take(&fd);
}

/* KERNEL<5.8: no LOOP_CONFIGURE; between the calls the device is visible without its flags. */
static int configure_in_steps(int fd, int image_fd, const struct loop_config *config)
{
	struct loop_info64 info = config->info;
	int r = retry_ioctl_number(fd, LOOP_SET_FD, (unsigned long) image_fd);

	if (r < 0)
		return r;
	info.lo_flags = LO_FLAGS_AUTOCLEAR;
	r = retry_ioctl(fd, LOOP_SET_STATUS64, &info);
	if (r < 0) {
		(void) ioctl(fd, LOOP_CLR_FD, 0);
		return r;
	}
	/* without it the block size is 512, which every disk but the newest takes */
	(void) retry_ioctl_number(fd, LOOP_SET_BLOCK_SIZE, config->block_size);
	return 0;
}

static int configure(int fd, int image_fd, const char *name, unsigned int block_size)
{
	struct loop_config config = {
		.fd = (uint32_t) image_fd,
		.block_size = block_size < LOOP_MAX_BLOCK ? block_size : LOOP_MAX_BLOCK,
	};
	int r;

	config.info.lo_flags = LO_FLAGS_AUTOCLEAR | LO_FLAGS_DIRECT_IO;
	(void) snprintf((char *) config.info.lo_file_name, sizeof(config.info.lo_file_name), "%s",
			name);
	r = retry_ioctl(fd, LOOP_CONFIGURE, &config);
	if (r == -EINVAL || r == -ENOTTY || r == -ENOSYS)
		r = configure_in_steps(fd, image_fd, &config);
	return r;
}

/* The kernel clears the flag in silence where the backing file cannot do it; ask again, for the
 * errno. */
static int read_back(struct loop *loop, struct error *err)
{
	struct loop_info64 info = { .lo_number = 0 };
	int r = retry_ioctl(loop->fd, LOOP_GET_STATUS64, &info);

	if (r < 0)
		return error_set(err, r, "read the state of %s", loop->device);
	loop->direct_io = (info.lo_flags & LO_FLAGS_DIRECT_IO) != 0;
	if (!loop->direct_io) {
		loop->direct_io_error = retry_ioctl_number(loop->fd, LOOP_SET_DIRECT_IO, 1);
		loop->direct_io = loop->direct_io_error == 0 &&
				  retry_ioctl(loop->fd, LOOP_GET_STATUS64, &info) == 0 &&
				  (info.lo_flags & LO_FLAGS_DIRECT_IO) != 0;
	}
	return 0;
}

static int attach_once(int control, int image_fd, const char *name, unsigned int block_size,
		       struct loop *loop, struct error *err)
{
	auto_close int fd = -EBADF;
	int number, r;

	number = retry_ioctl_number(control, LOOP_CTL_GET_FREE, 0);
	if (number < 0)
		return error_set(err, number, "find a free loop device");
	(void) snprintf(loop->device, sizeof(loop->device), "/dev/loop%d", number);
	fd = open_node(loop->device, number, err);
	if (fd < 0)
		return fd;
	r = configure(fd, image_fd, name, block_size);
	if (r < 0)
		return error_set(err, r, "attach %s to %s", name, loop->device);
	loop->fd = fd_take(&fd);
	return 0;
}

int loop_attach(int image_fd, const char *name, unsigned int block_size, struct loop *ret_loop,
		struct error *err)
{
	auto_close int control = open("/dev/loop-control", O_RDWR | O_CLOEXEC);
	struct error problem = ERROR_INIT;
	struct loop loop = { .fd = -EBADF };
	int r = -EBUSY;

	if (control < 0)
		return error_set(err, -errno, "open /dev/loop-control");
	for (int i = 0; i < LOOP_ATTEMPTS && (r == -EBUSY || r == -ENXIO); i++) {
		if (i >= 8) /* not just one neighbour in a hurry */
			clock_sleep_ms(5);
		r = attach_once(control, image_fd, name, block_size, &loop, &problem);
	}
	if (r == 0)
		r = read_back(&loop, &problem);
	if (r < 0) {
		fd_close(&loop.fd); /* autoclear */
		*err = problem;
		return r;
	}
	*ret_loop = loop;
	return 0;
}

/* Ask the device without leaving a node for it in /dev: it is somebody else's, mostly. */
static int read_status(int number, struct loop_info64 *ret_info)
{
	char node[48];
	int r, fd;

	(void) snprintf(node, sizeof(node), "/dev/loop%d", number);
	fd = open(node, O_RDONLY | O_CLOEXEC);
	if (fd < 0 && errno == ENOENT) {
		(void) snprintf(node, sizeof(node), "/dev/.dind-loop%d-%d", number, (int) getpid());
		if (mknod(node, S_IFBLK | 0600, device_number(number)) < 0)
			return -errno;
		fd = open(node, O_RDONLY | O_CLOEXEC);
		r = fd < 0 ? -errno : 0;
		(void) unlink(node);
		if (r < 0)
			return r;
	}
	if (fd < 0)
		return -errno;
	r = retry_ioctl(fd, LOOP_GET_STATUS64, ret_info);
	fd_close(&fd);
	return r;
}

bool loop_is_backed_by(dev_t number, int image_fd)
{
	char path[64], link[PATH_MAX];
	struct loop_info64 info = { .lo_number = 0 };
	struct stat st;
	int index;

	if (major(number) != LOOP_MAJOR_NUMBER || fstat(image_fd, &st) < 0)
		return false;
	(void) snprintf(path, sizeof(path), "/sys/dev/block/%u:%u", major(number), minor(number));
	if (file_readlink_at(AT_FDCWD, path, link, sizeof(link)) < 0 || !strrchr(link, '/') ||
	    !parse_name(strrchr(link, '/') + 1, &index))
		index = (int) minor(number);
	return read_status(index, &info) == 0 && info.lo_device == st.st_dev &&
	       info.lo_inode == st.st_ino;
}

static int read_backing_file(int number, char *buf, size_t size)
{
	char path[64];
	ssize_t n;

	(void) snprintf(path, sizeof(path), "/sys/block/loop%d/loop/backing_file", number);
	n = file_read_at(AT_FDCWD, path, buf, size);
	if (n < 0)
		return (int) n;
	buf[strcspn(buf, "\n")] = '\0';
	return 0;
}

bool loop_device_has(const char *device, uint64_t image_device, uint64_t image_inode)
{
	const char *name = strrchr(device, '/');
	char backing[PATH_MAX];
	struct loop_info64 info = { .lo_number = 0 };
	int number;

	return name && parse_name(name + 1, &number) &&
	       read_backing_file(number, backing, sizeof(backing)) == 0 &&
	       read_status(number, &info) == 0 && info.lo_device == image_device &&
	       info.lo_inode == image_inode;
}

/*
 * The same image? After a restart of the container its root is a new overlay with another device
 * number, so device and inode are not enough: the same inode number, size and path are taken for
 * the same file, too. That two containers on two disks agree in all of them is very unlikely, and
 * then one of them does without a loop image.
 */
static bool is_same_image(int number, const struct stat *image, const char *name,
			  const char *backing)
{
	struct loop_info64 info = { .lo_number = 0 };

	if (read_status(number, &info) < 0 || info.lo_inode != image->st_ino)
		return false;
	return info.lo_device == image->st_dev || strcmp(backing, name) == 0;
}

int loop_find(int image_fd, const char *name, char *device, size_t size)
{
	const char *base = strrchr(name, '/');
	struct dirent *entry;
	struct stat st;
	int found = 0;
	DIR *dir;

	if (fstat(image_fd, &st) < 0)
		return -errno;
	dir = opendir("/sys/block");
	if (!dir)
		return -errno;
	while (!found && (entry = readdir(dir))) {
		char backing[PATH_MAX];
		int number;

		if (!parse_name(entry->d_name, &number) ||
		    read_backing_file(number, backing, sizeof(backing)) < 0)
			continue; /* free, or no loop device */
		/* opening other people's devices is avoided where the name tells */
		if (!str_has_suffix(backing, base ? base : name) ||
		    !is_same_image(number, &st, name, backing))
			continue;
		(void) snprintf(device, size, "/dev/loop%d", number);
		found = 1;
	}
	(void) closedir(dir);
	return found;
}
