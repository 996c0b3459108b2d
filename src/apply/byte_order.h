/* SPDX-License-Identifier: Apache-2.0 */
/* Numbers of file systems, wherever they lie: ext4 writes the last byte first, XFS the first. */
#ifndef DIND_APPLY_BYTE_ORDER_H
#define DIND_APPLY_BYTE_ORDER_H

#include <endian.h>
#include <stdint.h>
#include <string.h>

static inline uint64_t get_be64(const unsigned char *data, size_t offset)
{
	uint64_t value;

	memcpy(&value, data + offset, sizeof(value));
	return be64toh(value);
}

static inline uint32_t get_be32(const unsigned char *data, size_t offset)
{
	uint32_t value;

	memcpy(&value, data + offset, sizeof(value));
	return be32toh(value);
}

static inline uint16_t get_be16(const unsigned char *data, size_t offset)
{
	uint16_t value;

	memcpy(&value, data + offset, sizeof(value));
	return be16toh(value);
}

static inline uint32_t get_le32(const unsigned char *data, size_t offset)
{
	uint32_t value;

	memcpy(&value, data + offset, sizeof(value));
	return le32toh(value);
}

static inline uint16_t get_le16(const unsigned char *data, size_t offset)
{
	uint16_t value;

	memcpy(&value, data + offset, sizeof(value));
	return le16toh(value);
}

#endif
