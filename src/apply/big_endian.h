/* SPDX-License-Identifier: Apache-2.0 */
/* Numbers of XFS, which writes the first byte first, wherever they lie. */
#ifndef DIND_APPLY_BIG_ENDIAN_H
#define DIND_APPLY_BIG_ENDIAN_H

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

#endif
