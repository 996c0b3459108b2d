/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Words about networks and registries, judged as dockerd would judge them, so that a slip is told
 * with the option's name, before anything was started.
 */
#include <arpa/inet.h>
#include <string.h>

#include "dind/str.h"
#include "options_parse.h"

#define NAME_CHARACTERS "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.-_"
#define ADDRESS_MAX	64

/* Bits of an address of that family, 0: @text is none. */
static int address_bits(const char *text)
{
	unsigned char address[sizeof(struct in6_addr)];

	if (inet_pton(AF_INET, text, address) == 1)
		return 32;
	return inet_pton(AF_INET6, text, address) == 1 ? 128 : 0;
}

/* The first @length bytes of @text are ADDRESS/PREFIX. *@ret_bits: of the address. */
static bool is_network(const char *text, size_t length, int *ret_prefix, int *ret_bits)
{
	char copy[ADDRESS_MAX], *slash;

	if (length >= sizeof(copy))
		return false;
	memcpy(copy, text, length);
	copy[length] = '\0';
	slash = strchr(copy, '/');
	if (!slash)
		return false;
	*slash = '\0';
	*ret_bits = address_bits(copy);
	return *ret_bits && str_parse_int(slash + 1, 0, *ret_bits, ret_prefix) == 0;
}

/* "registry.example", "10.0.0.1:5000", "[2001:db8::1]:5000" */
static bool is_host_and_port(const char *text)
{
	size_t n = strspn(text, NAME_CHARACTERS);
	int port;

	if (*text == '[') {
		char copy[ADDRESS_MAX];

		n = strcspn(text, "]");
		if (n - 1 >= sizeof(copy) || !text[n])
			return false;
		memcpy(copy, text + 1, n - 1);
		copy[n - 1] = '\0';
		if (address_bits(copy) != 128)
			return false;
		n++;
	}
	if (n == 0 || (text[n] && text[n] != ':'))
		return false;
	return !text[n] || str_parse_int(text + n + 1, 1, 65535, &port) == 0;
}

static const char *judge_mirror(const char *text)
{
	static const char form[] = "write http://HOST[:PORT] or https://HOST[:PORT]";
	const char *host = NULL;
	char copy[256];
	size_t n;

	if (str_has_prefix(text, "http://"))
		host = text + strlen("http://");
	else if (str_has_prefix(text, "https://"))
		host = text + strlen("https://");
	if (!host)
		return form;
	n = strcspn(host, "/");
	if (memchr(host, '@', n))
		return "a mirror is asked without user and password: leave them out";
	if (n >= sizeof(copy) || strpbrk(text, "?#\" \\"))
		return form;
	memcpy(copy, host, n);
	copy[n] = '\0';
	return is_host_and_port(copy) ? NULL : form;
}

static const char *judge_registry(const char *text)
{
	int prefix, bits;

	if (strstr(text, "://"))
		return "write it without http:// or https://";
	if (is_network(text, strlen(text), &prefix, &bits) || is_host_and_port(text))
		return NULL;
	return "write HOST, HOST:PORT, or a network such as 10.0.0.0/8";
}

static const char *judge_pool(const char *text)
{
	size_t n = strcspn(text, ",");
	int prefix, bits, size;

	if (!text[n] || !is_network(text, n, &prefix, &bits) ||
	    str_parse_int(text + n + 1, 1, bits, &size) < 0)
		return "write CIDR,SIZE, such as 10.201.0.0/16,24: networks of 256 addresses each";
	if (size < prefix)
		return "SIZE is the prefix of each network: it is not smaller than that of the "
		       "pool";
	if (prefix == 0)
		return "name a part of all addresses, such as 10.201.0.0/16";
	return NULL;
}

const char *parse_judge_word(enum option_type type, const char *text)
{
	if (type == OPTION_MIRRORS)
		return judge_mirror(text);
	if (type == OPTION_REGISTRIES)
		return judge_registry(text);
	if (type == OPTION_ADDRESSES)
		return address_bits(text) ? NULL : "write an address, such as 10.0.0.2: no name";
	return type == OPTION_POOLS ? judge_pool(text) : NULL;
}
