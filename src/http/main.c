/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Only this: all else is a library, which tests link. */
#include "http.h"

int main(int argc, char **argv)
{
	return http_main(argc, argv);
}
