/* SPDX-License-Identifier: GPL-2.0-or-later */
/* conntune hold: a running conntuned changes nothing for a while, or until conntune resume. */
#include "config.h"
#include "cli.h"
#include "daemon.h"
#include "options.h"
#include "out.h"

#include <errno.h>
#include <string.h>

/* The longest that the daemon takes; without a time there is no end. */
#define SECONDS_MAX 31536000

/* "90", "90s", "15min", "2h", "1d" */
static int parse_time(const char *text, uint64_t *ret, struct ct_err *err)
{
	static const struct {
		const char *name;
		uint64_t seconds;
	} units[] = { { "", 1 }, { "s", 1 }, { "m", 60 }, { "min", 60 }, { "h", 3600 }, { "d", 86400 } };
	uint64_t v = 0;
	const char *p = text;

	/* beyond SECONDS_MAX it doesn't matter any more how far */
	for (; *p >= '0' && *p <= '9'; p++)
		if (v <= SECONDS_MAX)
			v = 10 * v + (uint64_t)(*p - '0');
	for (size_t i = 0; p > text && i < cli_array_size(units); i++) {
		if (strcmp(units[i].name, p) != 0)
			continue;
		*ret = v * units[i].seconds;
		if (*ret >= 1 && *ret <= SECONDS_MAX)
			return 0;
		return cli_usage(err, "time '%s': out of range, 1 s to 365 d; without a time it is until `conntune resume`",
				 text);
	}
	return cli_usage(err, "time '%s': not a time such as 90, 90s, 15min, 2h or 1d", text);
}

static void show(struct out *out, uint64_t seconds)
{
	char text[32];

	out_bool(out, "held", NULL, true);
	if (!seconds) {
		out_line(out, "conntuned changes nothing until `conntune resume`.");
		return;
	}
	out_human(text, sizeof(text), OUT_SECONDS, (double)seconds);
	out_line(out, "conntuned changes nothing for %s, or until `conntune resume`.", text);
	out_u64(out, "seconds", NULL, OUT_SECONDS, seconds);
}

int cmd_hold(const struct cli_options *opt, struct out *out, struct ct_err *err)
{
	cli_cleanup(cli_fs_freep) struct ct_fs *fs = NULL;
	cli_cleanup(daemon_freep) struct ct_client *client = NULL;
	uint64_t seconds = 0;
	int r = opt->name ? parse_time(opt->name, &seconds, err) : 0;

	if (r == 0)
		r = cli_open_root(&fs, opt, err);
	if (r == 0)
		r = ct_client_new(&client, fs, DAEMON_TIMEOUT_USEC, err);
	if (r == 0)
		r = ct_client_hold(client, seconds, err);
	if (r == 0)
		show(out, seconds);
	return r;
}
