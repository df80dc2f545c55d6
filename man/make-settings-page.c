/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Run at build time: conntuned.conf(5) from the table of settings; with --conf the file itself, all commented out. */
#include "config.h"
#include "roff.h"

#include <ctype.h>
#include <stdlib.h>
#include <conntune/settings.h>

#define CONF_COLUMNS 100

static const struct {
	const char *name, *intro;
} sections[] = {
	{ "Tuning", "What is tuned, and how far." },
	{ "Flood", "Connections that nobody answers: an attack, or a scan." },
	{ "Timeouts", "Time-outs that shrink while the table is filling. They are back when it isn't." },
	{ "Sampling", "How often the daemon looks." },
	{ "History", "What it remembers." },
	{ "Http", "How conntuned-http(8) serves it. With anything wrong in these files, whatever the section, it doesn't start: "
		  "what was left out might have been the password." },
};

static void put_setting(const struct ct_setting *s)
{
	(void)printf(".It Cm %s Ns =\n", s->key);
	put(s->help);
	(void)puts("\n.Pp\nTakes");
	put(s->values);
	(void)fputs(".\nDefault:\n.Cm ", stdout);
	put_word(*s->preset ? s->preset : "nothing", strlen(*s->preset ? s->preset : "nothing"));
	(void)puts(" .");
}

static void put_section(size_t section)
{
	const struct ct_setting *s;

	(void)printf(".Sh [%s]\n", sections[section].name);
	put(sections[section].intro);
	(void)puts("\n.Bl -tag -width Ds");
	for (size_t i = 0; (s = ct_setting_at(i)); i++)
		if (strcmp(s->section, sections[section].name) == 0)
			put_setting(s);
	(void)puts(".El");
}

static const char head[] =
	".\\\" SPDX-License-Identifier: GPL-2.0-or-later\n"
	".\\\" Made from the table in lib/settings.c by man/make-settings-page.c; do not edit.\n"
	".Dd November 25, 2026\n"
	".Dt CONNTUNED.CONF 5\n"
	".Os\n"
	".Sh NAME\n"
	".Nm conntuned.conf\n"
	".Nd settings of the daemon that tunes the connection tracking table\n"
	".Sh SYNOPSIS\n"
	".Bl -item -compact\n"
	".It\n.Pa /etc/conntune/conntuned.conf\n"
	".It\n.Pa /etc/conntune/conntuned.conf.d/*.conf\n"
	".It\n.Pa /run/conntune/conntuned.conf\n"
	".It\n.Pa /run/conntune/conntuned.conf.d/*.conf\n"
	".It\n.Pa /usr/lib/conntune/conntuned.conf\n"
	".It\n.Pa /usr/lib/conntune/conntuned.conf.d/*.conf\n"
	".El\n"
	".Sh DESCRIPTION\n"
	".Xr conntuned 8\n"
	"works without a single setting.\n"
	"What it shall do otherwise is said in these files, which it reads when it starts and\n"
	"when it is told to reload.\n"
	".Ss Which file counts\n"
	"Of the three files called\n"
	".Pa conntuned.conf\n"
	"only the first that exists, in the order above: that in\n"
	".Pa /etc ,\n"
	"or else that in\n"
	".Pa /run ,\n"
	"or else the vendor's in\n"
	".Pa /usr/lib .\n"
	"After it come the drop\\-ins, the files with names that end in\n"
	".Pa .conf\n"
	"of all three directories, sorted by name whatever directory they are in.\n"
	"Of two drop\\-ins with the same name only one counts: that in\n"
	".Pa /etc ,\n"
	"or else that in\n"
	".Pa /run .\n"
	"A link to\n"
	".Pa /dev/null\n"
	"stands for an empty file, and so hides those of its name below it.\n"
	"Of one key the value that is read last counts.\n"
	"Files are better named with two digits, as\n"
	".Pa 50\\-local.conf .\n"
	".Ss What is in it\n"
	"Lines of the form\n"
	".Ar Key Ns = Ns Ar Value ,\n"
	"below a line with the name of their section in brackets.\n"
	"Names are case\\-sensitive.\n"
	"Blanks around both don't count, a value may stand in double quotes, and from\n"
	".Ql #\n"
	"or\n"
	".Ql \\&;\n"
	"on a line is a comment.\n"
	"A key may stand once in a file.\n"
	".Pp\n"
	"Values are written so:\n"
	".Bl -tag -width Ds\n"
	".It yes or no\n"
	".Cm yes , y , true , t , on , 1\n"
	"or\n"
	".Cm no , n , false , f , off , 0 .\n"
	".It SIZE\n"
	"A whole number of bytes, or with\n"
	".Cm K , M , G\n"
	"or\n"
	".Cm T\n"
	"behind it: powers of 1024.\n"
	".It %\n"
	"A whole number of per cent, with or without the sign.\n"
	"Where a SIZE is allowed too, the sign is needed.\n"
	".It times\n"
	"Numbers with units:\n"
	".Cm us , ms , s , min , h\n"
	"or\n"
	".Cm d ,\n"
	"as in\n"
	".Ql 20 ms\n"
	"or\n"
	".Ql 1min 30s ;\n"
	"without a unit seconds.\n"
	".It paths\n"
	"Absolute; they begin with a slash.\n"
	".It factors\n"
	"Numbers such as 2 or 1.5.\n"
	".El\n"
	".Ss What is wrong in it\n"
	"A value that isn't understood or is out of range, an unknown key or section, a key that comes twice,\n"
	"a line that is neither, a file that can't be read: each is told with file and line, and left out.\n"
	"What the files before said holds then, or the default.\n"
	"But a file that can't be read may say\n"
	".Cm Mode Ns = Ns Cm advise :\n"
	"until it can, that is the mode, whatever the others say.\n"
	"Values that contradict each other\n"
	".Po\n"
	".Cm AdaptiveStart\n"
	"not below\n"
	".Cm AdaptiveEnd ,\n"
	".Cm IntervalMin\n"
	"above\n"
	".Cm IntervalMax ,\n"
	"policy\n"
	".Cm fixed\n"
	"with neither\n"
	".Cm Limit\n"
	"nor\n"
	".Cm Buckets\n"
	".Pc\n"
	"are both replaced by their defaults.\n"
	"Nothing in these files keeps the daemon from starting.\n"
	"To see what it would make of them, without starting it:\n"
	".Pp\n"
	".Dl conntuned --check-config\n";

static const char tail[] =
	".Sh EXAMPLES\n"
	"Only advise, in\n"
	".Pa /etc/conntune/conntuned.conf.d/50\\-advise.conf :\n"
	".Bd -literal -offset indent\n"
	"[Tuning]\n"
	"Mode=advise\n"
	".Ed\n"
	".Pp\n"
	"A firewall that does nothing else, and may be scanned: up to half of its memory, a quarter of that for\n"
	"connections without an answer, and shorter time\\-outs when it gets tight:\n"
	".Bd -literal -offset indent\n"
	"[Tuning]\n"
	"Policy=dedicated\n"
	"Budget=50%\n"
	"Reserve=512M\n"
	"[Flood]\n"
	"FloodShare=25%\n"
	"[Timeouts]\n"
	"Adaptive=yes\n"
	".Ed\n"
	".Sh SEE ALSO\n"
	".Xr conntune 1 ,\n"
	".Xr conntune-params 7 ,\n"
	".Xr conntuned 8\n";

static void make_page(void)
{
	(void)fputs(head, stdout);
	for (size_t i = 0; i < sizeof(sections) / sizeof(sections[0]); i++)
		put_section(i);
	(void)fputs(tail, stdout);
}

/* As a comment, wrapped. */
static void put_comment(const char *text)
{
	size_t column = 1, n;

	(void)putchar('#');
	for (; *text; text += n + (text[n] == ' ')) {
		n = strcspn(text, " ");
		if (column > 1 && column + n >= CONF_COLUMNS) {
			(void)fputs("\n#", stdout);
			column = 1;
		}
		(void)printf(" %.*s", (int)n, text);
		column += n + 1;
	}
	(void)putchar('\n');
}

static void make_conf(void)
{
	const struct ct_setting *s;
	const char *section = "";

	put_comment("SPDX-License-Identifier: GPL-2.0-or-later");
	put_comment("Settings of conntuned. Every key is here, with its default, commented out. Your own are better "
		    "kept in a file of their own, as /etc/conntune/conntuned.conf.d/50-local.conf; `conntuned "
		    "--check-config` says what it makes of them, `systemctl reload conntuned` makes it so. See "
		    "conntuned.conf(5).");
	for (size_t i = 0; (s = ct_setting_at(i)); i++) {
		if (strcmp(section, s->section) != 0)
			(void)printf("\n[%s]\n", s->section);
		section = s->section;
		(void)putchar('\n');
		put_comment(s->help);
		(void)printf("# Takes %s.\n#%s=%s\n", s->values, s->key, s->preset);
	}
}

int main(int argc, char *argv[])
{
	if (argc > 1 && strcmp(argv[1], "--conf") == 0)
		make_conf();
	else
		make_page();
	if (fflush(stdout) || ferror(stdout)) {
		perror("make-settings-page");
		return EXIT_FAILURE;
	}
	return EXIT_SUCCESS;
}
