/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Nothing but main(), so that tests can link all the rest. */
#include "config.h"
#include "daemon.h"

int main(int argc, char **argv)
{
	return daemon_main(argc, argv);
}
