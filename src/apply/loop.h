/* SPDX-License-Identifier: Apache-2.0 */
/* loop.h - loop devices. They are the machine's, not the container's: every container on it takes
 * them from the same numbers. */
#ifndef APPLY_LOOP_H
#define APPLY_LOOP_H

#include <sys/types.h>

#include "dind/error.h"

struct loop {
	int fd;		 /* of the device, O_CLOEXEC; with autoclear it detaches when the last
			    descriptor and mount of it are gone */
	char device[32]; /* "/dev/loop7" */
	bool direct_io;
	int direct_io_error; /* negative errno of why not */
};

/*
 * Attach the image open read-write at @image_fd, named @name for those who list devices, to a free
 * device, with autoclear and, where it can be had, direct I/O. @block_size: of the file system, so
 * that direct I/O does not fail for requests smaller than the disk's sectors. A missing node is
 * made. Bounded: other containers may snatch the number (EBUSY), then the next one is tried.
 */
int loop_attach(int image_fd, const char *name, unsigned int block_size, struct loop *ret_loop,
		struct error *err);

/*
 * Is the image open at @image_fd attached to some device already? Two devices on one image are two
 * file systems that do not know of each other. 1: yes, @device names it; 0: no.
 */
int loop_find(int image_fd, const char *name, char *device, size_t size);

/* True if @device ("/dev/loop7") is attached to the image with that device and inode number. Does
 * not open a device that is free. */
bool loop_device_has(const char *device, uint64_t image_device, uint64_t image_inode);

/* True if block device @number is a loop device backed by the image open at @image_fd. */
bool loop_is_backed_by(dev_t number, int image_fd);

#endif
