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

# --- counters, rates, causes
# counted DROP EARLY_DROP CHAINLENGTH: prints a table of counters with one CPU, hexadecimal
counted()
{
	echo "entries  clashres found new invalid ignore delete chainlength insert insert_failed drop early_drop icmp_error  expect_new expect_create expect_delete search_restart
00000007  00000000 00000002 00000000 00000000 00000000 00000000 $3 00000000 00000000 $1 $2 00000000  00000000 00000000 00000000 00000000"
}

machine counted 65536 65536 7
put proc/net/stat/nf_conntrack "$(counted 0000000a 0000000b 0000000c)"
run status --root "$tree" --json --check
is "counters" "$status $(json '.counters | "\(.drop) \(.early_drop) \(.chain_too_long) \(.found) \(has("new")) \(has("ignore"))"')" \
	"0 10 11 12 2 false false"
is "source of counters" "$(json .counters_source)" proc
is "old totals are no cause" "$(json '"\(.cause) \(has("rates")) \(has("cause_remedy"))"')" "healthy false false"
put proc/sys/net/netfilter/nf_conntrack_expect_max 4
put proc/net/nf_conntrack_expect "$(printf '%s\n' 1 2 3 4 | sed 's/^/300 l3proto = 2 proto=6 /')"
run status --root "$tree" --json --check
is "full expectations" "$status $(json '"\(.verdict) \(.cause)"')" "1 healthy expectations"
documented status expectations
run status --root "$tree"
grep -q '^Remedy: Raise net.netfilter.nf_conntrack_expect_max' "$tmp/out" || fail "no remedy is shown"

# a counter that grows all the time
machine watched 65536 65536 7
put proc/net/stat/nf_conntrack "$(counted 0000000a 00000000 00000000)"
(
	i=16
	while [ -e "$tmp" ]; do
		i=$((i + 16))
		counted "$(printf %08x $i)" 00000000 00000000 >"$tmp/next"
		mv "$tmp/next" "$tree/proc/net/stat/nf_conntrack"
		sleep 0.1
	done
) 2>/dev/null &
grower=$!
run status --root "$tree" --watch 1 --count 1 --json
is "--watch --json" "$status $(json '.rates | "\(.drop > 0) \(.early_drop == 0) \(.seconds > 0.9) \(has("entries"))"')" \
	"0 true true true true"
is "--watch: cause" "$(json .cause)" dropping
documented status watch
run status --root "$tree" --watch 1 --count 2
is "--watch: lines" "$status $(wc -l <"$tmp/out" | tr -d ' ')" "0 2"
grep -Eqx '[0-9T:-]+  entries 7 \+0\.0/s  limit 65536  drop [0-9.]+/s  early_drop 0.0/s .*  cause dropping' "$tmp/out" ||
	fail "--watch: line is '$(head -n 1 "$tmp/out")'"
run status --root "$tree" --watch 1 --count 1 --check
is "--watch --check" "$status" 1
if command -v script >/dev/null; then
	env TERM=xterm LC_ALL=C.UTF-8 CONNTUNE="$conntune" TREE="$tree" script -qec \
		"\$CONNTUNE status --root \$TREE --watch 1 --count 1" /dev/null </dev/null >"$tmp/out"
	escape=$(printf '\033')
	is "--watch on a terminal: screens" "$(grep -o "${escape}\[H" "$tmp/out" | wc -l | tr -d ' ')" 2
	is "--watch on a terminal: cursor" "$(grep -o "${escape}\[?25[lh]" "$tmp/out" | wc -l | tr -d ' ')" 2
	is "--watch on a terminal: cleared once" "$(grep -o "${escape}\[2J" "$tmp/out" | wc -l | tr -d ' ')" 1
fi
kill $grower
: >"$tmp/out"
"$conntune" status --root "$tree" --watch 3600 >"$tmp/out" 2>"$tmp/err" &
watcher=$!
# from its first lines on it minds signals
for _ in $(seq 1000); do
	[ ! -s "$tmp/out" ] || break
	sleep 0.02
done
kill $watcher
status=0
wait $watcher || status=$?
is "--watch ended by a signal" "$status $(wc -c <"$tmp/err" | tr -d ' ')" "0 0"
if [ -w /dev/full ]; then
	status=0
	"$conntune" status --root "$tree" --watch 1 >/dev/full 2>"$tmp/err" || status=$?
	is "--watch on a full disk: exit code" "$status" 5
fi

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
