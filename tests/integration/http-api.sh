#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
# /api/v1/status fits its schema in every situation, and the page is well-formed and says the same; without a browser.
. "${srcdir:-.}/tests/integration/lib.sh"

http=${CONNTUNED_HTTP:-./conntuned-http}
[ -x "$http" ] || skip "conntuned-http isn't built: libmicrohttpd, zlib or libcrypt is missing"
need python3
server=
trap '[ -z "$server" ] || kill -9 "$server" 2>/dev/null; rm -rf "$tmp"' EXIT

mkdir "$tmp/root"
tests/http/make-snapshot --root "$tmp/root" healthy
"$http" --root "$tmp/root" --listen 127.0.0.1:0 >"$tmp/log" 2>&1 &
server=$!
tries=0
until port=$(sed -n 's/.*answers on 127\.0\.0\.1:\([0-9]*\)$/\1/p' "$tmp/log") && [ -n "$port" ]; do
	tries=$((tries + 1))
	if [ $tries -gt 400 ] || ! kill -0 "$server" 2>/dev/null; then
		fail "conntuned-http doesn't start: $(cat "$tmp/log")"
		finish
	fi
	sleep 0.05
done
checks=$((checks + 1))
PYTHONDONTWRITEBYTECODE=1 python3 "$src/tests/http/http_api.py" "$src/etc/monitoring/status.schema.json" \
	tests/http/make-snapshot "$tmp/root" "http://127.0.0.1:$port/" || fail "see above"
finish
