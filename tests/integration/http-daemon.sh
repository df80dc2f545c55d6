#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
# conntuned and conntuned-http together: what one decides the other tells, and neither minds the other's end.
# shellcheck disable=SC2317 # functions that until_true calls
# shellcheck source=lib.sh
. "${srcdir:-.}/tests/integration/lib.sh"
need curl jq

conntuned=${CONNTUNED:-./conntuned} http=${CONNTUNED_HTTP:-./conntuned-http}
[ -x "$http" ] || skip "conntuned-http isn't built: libmicrohttpd, zlib or libcrypt is missing"
daemon=
trap '[ -z "$daemon" ] || kill -9 "$daemon" 2>/dev/null; rm -rf "$tmp"' EXIT
tree=$tmp/tree
cp -R "$src/tests/sysroot/6.1-debian" "$tree"
chmod -R u+w "$tree"
nf=$tree/proc/sys/net/netfilter

# leaves $daemon, and $url once it answers
start()
{
	: >"$tmp/log"
	"$conntuned" --root "$tree" --http 127.0.0.1:0 --http-program "$(readlink -f "$http")" 2>>"$tmp/log" </dev/null &
	daemon=$!
	until_true 20 grep -q 'answers on 127' "$tmp/log"
	url=http://$(sed -n 's/.*answers on \(127.*\)$/\1/p' "$tmp/log" | head -n 1)
	until_true 20 metric conntuned_up 1
}

# metric NAME VALUE
metric()
{
	curl -s -m 5 "$url/metrics" | grep -qxF "$1 $2"
}

said()
{
	grep -qe "$1" "$tmp/log"
}

gone()
{
	! curl -s -m 5 -o "$tmp/out" "$url/healthz"
}

# the child of conntuned that answers
child()
{
	pgrep -P "$daemon" -f conntuned-http
}

start
is "snapshot: for everybody" "$(stat -c %a "$tree/run/conntuned/snapshot")" 644
limit=$(cat "$nf/nf_conntrack_max") buckets=$(cat "$nf/nf_conntrack_buckets")
until_true 20 metric conntune_limit "$limit"
until_true 20 metric conntune_buckets "$buckets"
until_true 20 metric 'conntuned_actions_total{reason="start",result="done"}' 1
"$conntune" status --root "$tree" --json >"$tmp/status"
curl -s "$url/api/v1/status" >"$tmp/api"
is "API and conntune status agree" "$(jq -c '[.entries, .limit, .buckets, .state, .mode]' "$tmp/api")" \
	"$(jq -c '[.daemon.entries, .daemon.limit, .daemon.buckets, .daemon.state, .daemon.mode]' "$tmp/status")"

# somebody else writes the limit
echo 5000 >"$nf/nf_conntrack_max"
until_true 20 metric 'conntuned_foreign_writes_total{parameter="limit"}' 1
until_true 20 metric 'conntuned_yielded{parameter="limit"}' 1

# the daemon stands still: what was is told as old, and nothing of it as a metric
kill -STOP "$daemon"
until_true 30 metric conntuned_up 0
is "an old snapshot: no metrics of the table" "$(curl -s "$url/metrics" | grep -c '^conntune_')" 0
is "an old snapshot: not ready" "$(curl -s -o "$tmp/out" -w '%{http_code}' "$url/readyz")" 503
is "an old snapshot: the API says so" "$(curl -s "$url/api/v1/status" | jq -c '[.old, .limit]')" "[true,5000]"
kill -CONT "$daemon"
until_true 20 metric conntuned_up 1

kill -9 "$(child)"
until_true 20 said 'conntuned-http ended by signal 9'
"$conntune" status --root "$tree" --json >"$tmp/status"
is "its end is nothing to the daemon" "$(jq -r .daemon.state "$tmp/status")" rest
kill "$daemon"
status=0
wait "$daemon" || status=$?
is "a clean stop" $status 0
is "a clean stop: files" "$(ls "$tree/run/conntuned")" lock

# killed: who was started with it ends, too
start
kill -9 "$daemon"
wait "$daemon" 2>/dev/null
daemon=
until_true 20 gone
finish
