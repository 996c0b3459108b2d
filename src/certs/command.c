/* SPDX-License-Identifier: Apache-2.0 */
#include <getopt.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>

#include "certs.h"
#include "dind/str.h"

#define DIRECTORY_MAX (PATH_MAX - 64)

enum {
	OPT_DIRECTORY = 256,
	OPT_KEY,
	OPT_SAN,
	OPT_HOLD,
	OPT_HELP,
};

void certs_usage(void)
{
	printf("usage: dind-certs --directory DIR [OPTION...]\n"
	       "  --directory DIR   where ca/, server/ and client/ are, or are made\n"
	       "  --key ec|rsa      of what kind keys are (those that are there stay; new ones: "
	       "ec)\n"
	       "  --san LIST        more names of the server: DNS:NAME,IP:ADDRESS,...\n"
	       "  --hold            write nothing before a byte comes on standard input\n"
	       "  --help            this text\n"
	       "\n"
	       "status: 0 they are good, or were made; 64 usage; 71 cannot be made; of files that "
	       "are yours: 83 expired,\n"
	       "84 not the key, 85 not the CA, 86 cannot be read, 87 a name is missing; 82 a bad "
	       "entry of --san; 88 a CA\nwithout its key\n");
}

static int set_option(struct certs_command *command, int code, const char *value, struct error *err)
{
	switch (code) {
	case OPT_DIRECTORY:
		if (value[0] != '/' || strlen(value) > DIRECTORY_MAX)
			return error_set_plain(err, -EINVAL,
					       "--directory '%.80s': wanted a whole path", value);
		command->work.directory = value;
		return 0;
	case OPT_KEY:
		if (!str_equal(value, "ec") && !str_equal(value, "rsa"))
			return error_set_plain(err, -EINVAL, "--key '%s': wanted ec or rsa", value);
		command->work.key = *value == 'e' ? CERTS_KEY_EC : CERTS_KEY_RSA;
		return 0;
	case OPT_SAN:
		command->work.san = value;
		return 0;
	case OPT_HOLD:
		command->work.held = true;
		return 0;
	default:
		command->help = true;
		return 0;
	}
}

int certs_command_parse(struct certs_command *command, int argc, char **argv, struct error *err)
{
	static const struct option options[] = {
		{ "directory", required_argument, NULL, OPT_DIRECTORY },
		{ "key", required_argument, NULL, OPT_KEY },
		{ "san", required_argument, NULL, OPT_SAN },
		{ "hold", no_argument, NULL, OPT_HOLD },
		{ "help", no_argument, NULL, OPT_HELP },
		{ NULL, 0, NULL, 0 },
	};
	int code, r;

	opterr = 0;
	optind = 0;
	while ((code = getopt_long(argc, argv, "+", options, NULL)) != -1) {
		if (code == '?')
			return error_set_plain(err, -EINVAL, "%s: unknown, or without its value",
					       argv[optind - 1]);
		r = set_option(command, code, optarg, err);
		if (r < 0 || command->help)
			return r;
	}
	if (optind < argc)
		return error_set_plain(err, -EINVAL, "%s: what is that?", argv[optind]);
	if (!command->work.directory)
		return error_set_plain(err, -EINVAL, "--directory is missing");
	return 0;
}
