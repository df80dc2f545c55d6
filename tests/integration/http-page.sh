#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
# The page in a headless Chromium: it shows the API's numbers in six situations, at the width of a phone too, in dark and light,
# asks nobody but its server, and follows what changes. PICTURES=DIRECTORY keeps what it looked like.
. "${srcdir:-.}/tests/integration/lib.sh"

http=${CONNTUNED_HTTP:-./conntuned-http}
[ -x "$http" ] || skip "conntuned-http isn't built: libmicrohttpd, zlib or libcrypt is missing"
need chromium python3
mkdir -p "${PICTURES:-$tmp}"
PYTHONDONTWRITEBYTECODE=1 python3 "$src/tests/http/http_page.py" "$http" tests/http/make-snapshot "$(command -v chromium)" \
	${PICTURES:+"$PICTURES"}
