/* SPDX-License-Identifier: GPL-2.0-or-later */
/* conntune resume: a held conntuned goes on, and takes back values that were left to others. */
#include "config.h"
#include "cli.h"
#include "daemon.h"
#include "options.h"
#include "out.h"

#include <errno.h>

int cmd_resume(const struct cli_options *opt, struct out *out, struct ct_err *err)
{
	cli_cleanup(cli_fs_freep) struct ct_fs *fs = NULL;
	cli_cleanup(daemon_freep) struct ct_client *client = NULL;
	int r = cli_open_root(&fs, opt, err);

	if (r == 0)
		r = ct_client_new(&client, fs, DAEMON_TIMEOUT_USEC, err);
	if (r == 0)
		r = ct_client_resume(client, err);
	if (r < 0)
		return r;
	out_line(out, "conntuned goes on; limit and buckets are its own again.");
	out_bool(out, "resumed", NULL, true);
	return 0;
}
