#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
# conntune status: verdicts, JSON, exit codes.
. "${srcdir:-.}/tests/integration/lib.sh"
need jq

# verdict NAME LIMIT BUCKETS ENTRIES CODE: of such a machine, and the exit code of --check
verdict()
{
	machine "$1" "$2" "$3" "$4"
	run status --root "$tree" --json
	is "$1: exit code" "$status" 0
	is "$1: verdict" "$(json .verdict)" "$1"
	documented status "$1"
	run status --root "$tree" --check
	is "$1 --check: exit code" "$status" "$5"
	is "$1: lines beyond 80 columns" "$(awk 'length($0) > 80' "$tmp/out")" ""
}

verdict healthy 65536 65536 100 0
verdict filling 65536 65536 60000 1
verdict full 65536 65536 65536 1
verdict no-limit 0 65536 5 1
verdict few-buckets 65536 8192 5 1
verdict chain-limit 65536 512 5 1
verdict refusing 65536 512 20000 1

machine numbers 65536 32768 1024
put var/lib/conntune/first.json '{}'
run status --root "$tree" --json
is "numbers" "$(json '"\(.entries) \(.limit) \(.buckets) \(.fill) \(.load) \(.load_full) \(.presence)"')" \
	"1024 65536 32768 0.015625 0.0625 4 module"
is "memory" "$(json '"\(.memory_bytes) \(.memory_full_bytes)"')" "$((1024 * 256 + 32768 * 8)) $((65536 * 256 + 32768 * 8))"
is "namespace" "$(json '.namespace_initial')" true
put proc/sys/net/netfilter/nf_conntrack_count abc
run status --root "$tree" --json
is "unreadable count: exit code" "$status" 0
is "unreadable count: verdict" "$(json '"\(.verdict) \(has("entries")) \(has("load"))"')" "unknown false false"

machine gone
rm -r "$tree/proc/sys/net" "$tree/sys/module"
run status --root "$tree" --json --check
is "gone: exit code" "$status" 0
is "gone: verdict" "$(json '"\(.verdict) \(has("limit"))"')" "absent false"

# a file of ours and one of somebody else
machine owners
put etc/sysctl.d/10-firewall.conf "# firewall
net.netfilter.nf_conntrack_max = 32768"
run status --root "$tree" --json
is "owner" "$(json '.owners[0] | "\(.path):\(.line) \(.kind) \(.sets) \(.value) \(.wins) \(.ours)"')" \
	"/etc/sysctl.d/10-firewall.conf:2 sysctl limit 32768 true false"
documented status owners
run status --root "$tree"
grep -q '10-firewall.conf:2  *limit  *32768  decides at boot' "$tmp/out" || fail "owner isn't shown"

# a damaged note of a pending apply is no reason to show nothing
put run/conntune/pending.json '{'
run status --root "$tree"
is "damaged pending.json: exit code" "$status" 0
run status --root "$tree" --json
is "damaged pending.json: JSON" "$status $(json 'has("verdict")')" "0 true"

captured
for tree in "$trees"/*/; do
	[ -d "$tree" ] || continue
	name=${tree%/}
	name=${name##*/}
	run status --root "$tree" --json
	is "$name: lines of error" "$(wc -l <"$tmp/err" | tr -d ' ')" "$((status != 0))"
	[ "$status" -eq 0 ] || continue
	documented status "$name"
	plain
	expected "$name.status.json"
done
finish
