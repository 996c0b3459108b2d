/* SPDX-License-Identifier: Apache-2.0 */
/* --help and the man page, from the same tables. */
#include <stdio.h>
#include <string.h>

#include "commands.h"
#include "options_table.h"

#define WIDTH  79
#define COLUMN 28
/* of the source: escapes come on top */
#define ROFF_WIDTH 64
/* Of this text, not of the build: two builds of one source print the same page. */
#define PAGE_DATE "2025-11-21"

struct pair {
	const char *name;
	const char *text;
};

static const struct pair command_texts[] = {
	{ "run", "the default: start the engine, then COMMAND; for a COMMAND that is named like a "
		 "sub-command" },
	{ "inspect", "print what is known about this machine, as JSON; changes nothing" },
	{ "plan", "print what would be done here and why; --json, --facts FILE" },
	{ "doctor", "say what stands in the way of a nested engine and which flag of the outer "
		    "engine mends it; needs no privileges; status 0, 77 or 78" },
	{ "ready",
	  "tell whether the engine is ready: status 0, 75 while it is starting, 69 when it "
	  "is dead; --timeout SECONDS" },
	{ "version", "print the version" },
	{ "help", "print this text; --man prints the man page" },
};

static const struct pair status_texts[] = {
	{ "COMMAND's own", "or 128 and the signal that ended it" },
	{ "dockerd's own", "with the engine in the foreground; 0 after a clean stop, 137 when it "
			   "was killed" },
	{ "64", "unknown or contradictory options; nothing was changed" },
	{ "69", "the engine was not ready in time, or died under a COMMAND" },
	{ "71", "a set-up step failed" },
	{ "75", "the data root or the socket is in use: try later" },
	{ "77", "not privileged enough" },
	{ "78", "bad configuration" },
	{ "126, 127", "COMMAND cannot be run, was not found" },
};

static const char about[] =
	"PID 1 for a container that runs its own Docker Engine: prepares what a nested engine "
	"needs, opens the sockets, starts dockerd, runs COMMAND beside it when it is ready, reaps, "
	"forwards signals, and takes everything down in order. Without COMMAND the engine runs in "
	"the foreground. COMMAND dockerd with flags is the engine in the foreground with these "
	"flags.";

static const char about_environment[] =
	"Every option has a twin in the environment: --some-option is DIND_SOME_OPTION. The option "
	"wins. Lists are separated by blanks; of a switch the value is yes or no.";

/* ---- --help ---- */

/* Print @text from @column on, in lines up to WIDTH that begin at @indent. */
static void print_wrapped(FILE *out, const char *text, int column, int indent)
{
	int at = column;

	while (*text) {
		size_t n = strcspn(text, " ");

		if (at > indent && at + 1 + (int) n > WIDTH) {
			(void) fprintf(out, "\n%*s", indent, "");
			at = indent;
		} else if (at > indent) {
			(void) fputc(' ', out);
			at++;
		}
		(void) fprintf(out, "%.*s", (int) n, text);
		at += (int) n;
		text += n;
		text += strspn(text, " ");
	}
	(void) fputc('\n', out);
}

/* "  name   text", the text in the second column. */
static void print_entry(FILE *out, const char *name, const char *text)
{
	int n = fprintf(out, "  %s", name);

	if (n > COLUMN - 2)
		(void) fprintf(out, "\n%*s", COLUMN, "");
	else
		(void) fprintf(out, "%*s", COLUMN - n, "");
	print_wrapped(out, text, COLUMN, COLUMN);
}

static void print_option(FILE *out, const struct option_spec *spec)
{
	char name[64], text[512];
	int n = spec->letter ? snprintf(name, sizeof(name), "-%c, ", spec->letter) : 0;

	(void) snprintf(name + n, sizeof(name) - (size_t) n, "--%s%s%s", spec->name,
			spec->argument ? " " : "", spec->argument ? spec->argument : "");
	(void) snprintf(text, sizeof(text), "%s%s%s%s", spec->help,
			spec->by_default ? " (default: " : "",
			spec->by_default ? spec->by_default : "", spec->by_default ? ")" : "");
	print_entry(out, name, text);
}

void help_print(FILE *out)
{
	(void) fputs("Usage: dind-init [OPTION…] [--] [COMMAND [ARG…]]\n"
		     "       dind-init SUB-COMMAND [OPTION…] [--] [COMMAND [ARG…]]\n\n",
		     out);
	print_wrapped(out, about, 0, 0);
	(void) fputs("\nSub-commands:\n", out);
	for (size_t i = 0; i < ARRAY_SIZE(command_texts); i++)
		print_entry(out, command_texts[i].name, command_texts[i].text);
	for (int section = 0; section < (int) SECTION_COUNT; section++) {
		(void) fprintf(out, "\n%s:\n", option_section_title((enum option_section) section));
		for (size_t i = 0; i < option_table_size; i++)
			if ((int) option_table[i].section == section)
				print_option(out, &option_table[i]);
	}
	(void) fputc('\n', out);
	print_wrapped(out, about_environment, 0, 0);
	(void) fputs("\nExit status:\n", out);
	for (size_t i = 0; i < ARRAY_SIZE(status_texts); i++)
		print_entry(out, status_texts[i].name, status_texts[i].text);
}

/* ---- the man page ---- */

/* Text for roff: a dash that is not to become a hyphen, and a backslash. */
static void roff(FILE *out, const char *text, size_t n)
{
	for (size_t i = 0; i < n && text[i]; i++) {
		if (text[i] == '\\')
			(void) fputs("\\e", out);
		else if (text[i] == '-')
			(void) fputs("\\-", out);
		else
			(void) fputc(text[i], out);
	}
}

static void roff_word(FILE *out, const char *text)
{
	roff(out, text, SIZE_MAX);
}

/* Running text, with a new line after each sentence, as roff wants it, and a full stop at the end.
 */
static void roff_text(FILE *out, const char *text)
{
	size_t column = 0;
	char last = '\0';

	while (*text) {
		size_t n = strcspn(text, " ");

		if (column && (last == '.' || column + 1 + n > ROFF_WIDTH)) {
			(void) fputc('\n', out);
			column = 0;
		} else if (column) {
			(void) fputc(' ', out);
			column++;
		}
		if (column == 0 && strchr(".'", *text))
			(void) fputs("\\&", out); /* else it would be a request */
		roff(out, text, n);
		column += n;
		if (n)
			last = text[n - 1];
		text += n;
		text += strspn(text, " ");
	}
	(void) fputs(last == '.' ? "\n" : ".\n", out);
}

static void man_pairs(FILE *out, const struct pair *pairs, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		(void) fputs(".TP\n.B ", out);
		roff_word(out, pairs[i].name);
		(void) fputc('\n', out);
		roff_text(out, pairs[i].text);
	}
}

static void man_option(FILE *out, const struct option_spec *spec)
{
	char variable[64], text[256];
	const char *twin = option_variable(spec, variable, sizeof(variable));

	(void) fputs(spec->argument ? ".TP\n.BI " : ".TP\n.B ", out);
	if (spec->letter)
		(void) fprintf(out, "\\-%c\\fR,\\fB ", spec->letter);
	(void) fputs("\\-\\-", out);
	roff_word(out, spec->name);
	if (spec->argument) {
		(void) fputs(" \" ", out);
		roff_word(out, spec->argument);
		(void) fputc('"', out);
	}
	(void) fputc('\n', out);
	roff_text(out, spec->help);
	if (spec->by_default) {
		(void) snprintf(text, sizeof(text), "Default: %s", spec->by_default);
		roff_text(out, text);
	}
	if (twin) {
		(void) snprintf(text, sizeof(text), "Environment: %s%s%s", twin,
				spec->alias ? ", else " : "", spec->alias ? spec->alias : "");
		roff_text(out, text);
	}
}

static void man_files(FILE *out)
{
	static const struct pair files[] = {
		{ DIND_DEFAULT_CONFIG, "The engine's configuration, read, never changed" },
		{ DIND_IMAGE_DIR "/data.img", "The image file that holds the data root where the "
					      "container's own file system cannot" },
		{ DIND_STATE_FILE, "What ready reads" },
		{ DIND_ENGINE_LOG, "The engine's log when there is a COMMAND" },
		{ "/dev/termination-log", "Where it exists: why the start was refused" },
	};

	(void) fputs(".SH FILES\n", out);
	man_pairs(out, files, ARRAY_SIZE(files));
}

static void man_examples(FILE *out)
{
	(void) fputs(
		".SH EXAMPLES\n"
		"A job with an engine of its own:\n"
		".PP\n.EX\n"
		"docker run \\-\\-rm \\-\\-privileged dind\\-init/dind \\-\\- make test\n"
		".EE\n.PP\n"
		"An engine as a service, kept on a volume:\n"
		".PP\n.EX\n"
		"docker run \\-d \\-\\-privileged \\-v cache:/var/lib/docker dind\\-init/dind\n"
		".EE\n.PP\n"
		"What stands in the way here:\n"
		".PP\n.EX\n"
		"docker run \\-\\-rm dind\\-init/dind doctor\n"
		".EE\n"
		".SH SEE ALSO\n"
		".BR docker (1),\n"
		".BR dockerd (8)\n",
		out);
}

void help_print_man(FILE *out)
{
	(void) fprintf(out, ".TH DIND-INIT 1 %s \"dind-init %s\"\n", PAGE_DATE, DIND_VERSION);
	(void) fputs(".SH NAME\n"
		     "dind\\-init \\- PID 1 for a container that runs its own Docker Engine\n"
		     ".SH SYNOPSIS\n"
		     ".B dind\\-init\n"
		     ".RI [ OPTION ...]\n"
		     ".RB [ \\-\\- ]\n"
		     ".RI [ COMMAND\n"
		     ".RI [ ARG ...]]\n"
		     ".br\n"
		     ".B dind\\-init\n"
		     ".I SUB\\-COMMAND\n"
		     ".RI [ OPTION ...]\n"
		     ".SH DESCRIPTION\n",
		     out);
	roff_text(out, about);
	(void) fputs(".SH SUB\\-COMMANDS\n"
		     "A COMMAND that has the name of a sub\\-command follows\n"
		     ".B \\-\\-\nor\n.BR run .\n",
		     out);
	man_pairs(out, command_texts, ARRAY_SIZE(command_texts));
	(void) fputs(".SH OPTIONS\n", out);
	for (int section = 0; section < (int) SECTION_COUNT; section++) {
		(void) fprintf(out, ".SS \"%s\"\n",
			       option_section_title((enum option_section) section));
		for (size_t i = 0; i < option_table_size; i++)
			if ((int) option_table[i].section == section)
				man_option(out, &option_table[i]);
	}
	(void) fputs(".SH ENVIRONMENT\n", out);
	roff_text(out, about_environment);
	(void) fputs("An unknown variable that begins with DIND_ is warned about.\n"
		     ".SH EXIT STATUS\n",
		     out);
	man_pairs(out, status_texts, ARRAY_SIZE(status_texts));
	man_files(out);
	man_examples(out);
}
