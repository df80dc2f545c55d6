/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Run at build time: writes conntune-params(7) from the table of tunables. Nothing in it depends on the machine. */
#include "config.h"
#include "roff.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <conntune/param.h>

/* Sections of the page: rows from @first up to the next one's. */
static const struct {
	enum ct_param_id first;
	const char *title, *intro;
} groups[] = {
	{ CT_PARAM_LIMIT, "TABLE SIZE",
	  "How many connections fit, and how fast they are found.\n"
	  "What to choose, and why, says\n.Ic conntune advise ." },
	{ CT_PARAM_ACCT, "SWITCHES", "What is recorded and checked." },
	{ CT_PARAM_GENERIC_TIMEOUT, "TIME-OUTS: GENERIC, ICMP", NULL },
	{ CT_PARAM_UDP_TIMEOUT, "TIME-OUTS: UDP, UDP-LITE", NULL },
	{ CT_PARAM_TCP_TIMEOUT_SYN_SENT, "TIME-OUTS: TCP", "One per state of the connection, and two upper bounds." },
	{ CT_PARAM_TCP_MAX_RETRANS, "TCP BEHAVIOUR", NULL },
	{ CT_PARAM_SCTP_TIMEOUT_CLOSED, "TIME-OUTS: SCTP", NULL },
	{ CT_PARAM_DCCP_TIMEOUT_REQUEST, "TIME-OUTS AND BEHAVIOUR: DCCP", NULL },
	{ CT_PARAM_GRE_TIMEOUT, "TIME-OUTS: GRE", NULL },
	{ CT_PARAM_FRAG6_TIMEOUT, "IPV6 FRAGMENTS",
	  "Of module nf_defrag_ipv6: these exist without connection tracking too." },
	{ CT_PARAM_FLOWTABLE_TCP_TIMEOUT, "FLOW TABLE AND TUNNELS", NULL },
	{ CT_PARAM_MODULE_EXPECT_HASHSIZE, "MODULE PARAMETERS",
	  "For\n.Pa modprobe.d ,\nor on the kernel command line.\n.Va hashsize\nis nf_conntrack_buckets above." },
	{ CT_PARAM__COUNT, NULL, NULL },
};

/* The same as a sentence. */
static void put_sentence(const char *text)
{
	char copy[512];

	(void)snprintf(copy, sizeof(copy), "%s.", text);
	copy[0] = (char)toupper((unsigned char)copy[0]);
	put(copy);
	(void)putchar('\n');
}

static void put_item(const char *item, const char *text)
{
	if (!text)
		return;
	(void)printf(".It %s\n", item);
	put(text);
	(void)putchar('\n');
}

static void put_version(const struct ct_kver *v)
{
	(void)printf("%u.%u", v->major, v->minor);
	if (v->patch)
		(void)printf(".%u", v->patch);
}

/* "2.6.15 to 4.8", "since 5.14", "vendor kernels". */
static void put_versions(const struct ct_kver *since, const struct ct_kver *until)
{
	if (since->major == 0) {
		(void)fputs("vendor kernels", stdout);
		return;
	}
	if (until->major == 0)
		(void)fputs("since ", stdout);
	put_version(since);
	if (until->major) {
		(void)fputs(" to ", stdout);
		put_version(until);
	}
}

static void put_default(const struct ct_param *p)
{
	if (p->access == CT_ACCESS_READ)
		return;
	(void)puts(".It default");
	for (size_t i = 0; i < p->default_count; i++) {
		if (i > 0) {
			(void)fputs("; from ", stdout);
			put_version(&p->defaults[i].since);
			(void)fputs(": ", stdout);
		}
		(void)printf("%lld", (long long)p->defaults[i].value);
	}
	if (p->default_count && p->default_text)
		(void)puts(";");
	if (p->default_text)
		put(p->default_text);
	(void)putchar('\n');
}

static void put_range(const struct ct_param *p)
{
	const char *unit = ct_unit_name(p->unit);

	if (p->access == CT_ACCESS_READ) {
		put_item("unit", unit);
		return;
	}
	(void)printf(".It range\n%lld to %lld%s%s\n", (long long)p->min, (long long)p->max, *unit ? " " : "", unit);
}

/* "\\:" lets a long path be broken before its last part. */
static void put_files(const struct ct_param *p)
{
	if (!p->paths[0].path)
		return;
	(void)puts(".Bl -item -compact");
	for (const struct ct_param_path *at = p->paths; at->path; at++) {
		const char *last = strrchr(at->path, '/') + 1;

		(void)printf(".It\n.Pa /%.*s\\:%s\n(", (int)(last - at->path), at->path, last);
		put_versions(&at->since, &at->until);
		(void)printf("%s)\n", at->writable || p->access != CT_ACCESS_WRITE ? "" : ", read only");
	}
	(void)puts(".El");
}

static void put_param(const struct ct_param *p)
{
	(void)printf(".It Va %s", p->name);
	if (p->alias)
		(void)printf(" Pq also Va %s", p->alias);
	(void)putchar('\n');
	put_sentence(p->help);
	(void)puts(".Pp\n.Bl -tag -width \"takes effect\" -compact");
	put_default(p);
	put_range(p);
	(void)fputs(".It kernels\n", stdout);
	put_versions(&p->since, &p->until);
	(void)printf("\n.It scope\n%s\n", p->scope == CT_SCOPE_HOST ? "host: one value for all network namespaces" :
		     "one value per network namespace");
	put_item("raising", p->unit == CT_UNIT_BOOLEAN ? NULL : p->up);
	put_item("lowering", p->unit == CT_UNIT_BOOLEAN ? NULL : p->down);
	put_item("1", p->unit == CT_UNIT_BOOLEAN ? p->up : NULL);
	put_item("0", p->unit == CT_UNIT_BOOLEAN ? p->down : NULL);
	put_item("takes effect", p->takes_effect);
	put_item("source", p->source);
	(void)puts(".El");
	put_files(p);
}

static void put_group(size_t i)
{
	(void)printf(".Sh %s\n", groups[i].title);
	if (groups[i].intro)
		(void)puts(groups[i].intro);
	(void)puts(".Bl -tag -width 4n");
	for (unsigned id = groups[i].first; id < (unsigned)groups[i + 1].first; id++)
		put_param(ct_param_get((enum ct_param_id)id));
	(void)puts(".El");
}

static const char head[] =
	".\\\" SPDX-License-Identifier: GPL-2.0-or-later\n"
	".\\\" Made from the table in lib/param.c by man/make-params-page.c; do not edit.\n"
	".Dd November 20, 2026\n"
	".Dt CONNTUNE-PARAMS 7\n"
	".Os\n"
	".Sh NAME\n"
	".Nm conntune-params\n"
	".Nd tunables of Linux connection tracking, 2.4 to today\n"
	".Sh DESCRIPTION\n"
	"Every sysctl and module parameter of connection tracking.\n"
	"The present values of a machine are shown by\n"
	".Ic conntune params .\n"
	".Pp\n"
	"Ranges are those of conntune.\n"
	"They are tighter than the kernel's, which takes time\\-outs of 0 and less,\n"
	"and up to 6.18 a limit of 0.\n"
	"Time\\-outs are in whole seconds, counted from the last packet.\n"
	"A change reaches an entry with its next packet; idle entries keep their old end.\n"
	"A new network namespace starts with the kernel's defaults,\n"
	"not with the values of the host.\n"
	".Pp\n"
	"Versions are those of mainline kernels.\n"
	"A release includes its stable updates: 4.8 stands for 4.8.15 too.\n"
	"Stable and vendor kernels take over changes of later releases.\n"
	"Files below\n"
	".Pa /proc/sys/net/ipv4/netfilter\n"
	"exist from 2.6.22 on only in kernels with CONFIG_NF_CONNTRACK_PROC_COMPAT.\n";

static const char tail[] =
	".Sh SEE ALSO\n"
	".Xr conntune 1 ,\n"
	".Xr libconntune 3 ,\n"
	".Xr modprobe.d 5 ,\n"
	".Xr sysctl.d 5\n";

int main(void)
{
	(void)fputs(head, stdout);
	for (size_t i = 0; groups[i].title; i++)
		put_group(i);
	(void)fputs(tail, stdout);
	if (fflush(stdout) || ferror(stdout)) {
		perror("make-params-page");
		return EXIT_FAILURE;
	}
	return EXIT_SUCCESS;
}
