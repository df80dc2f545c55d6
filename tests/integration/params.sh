#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
# conntune params and explain: the table, one tunable by each of its names, every topic.
. "${srcdir:-.}/tests/integration/lib.sh"
need jq

machine params 65536 65536 7
put proc/sys/net/netfilter/nf_conntrack_tcp_timeout_established 86400
put proc/sys/net/netfilter/nf_conntrack_tcp_loose 1
run params --root "$tree" --json
is "params: exit code" "$status" 0
is "params: errors" "$(cat "$tmp/err")" ""
is "params: many" "$(json '.params | length > 40')" true
is "params: names are unique" "$(json '.params | length == (map(.name) | unique | length)')" true
is "params: all exist" "$(json '.params | all(.exists)')" true
is "params: no gone ones" "$(json '.params | any(.name == "nf_conntrack_default_on")')" false
is "limit" "$(json '.params[] | select(.name == "nf_conntrack_max") | "\(.value) \(has("default")) \(.unit) \(.writable)"')" \
	"65536 false entries true"
is "entries" "$(json '.params[] | select(.name == "nf_conntrack_count") | "\(.value) \(.access) \(has("max"))"')" "7 read false"
documented params

established='"\(.name) \(.value) \(.default) \(.min) \(.unit) \(.path)"'
wanted="nf_conntrack_tcp_timeout_established 86400 432000 1 seconds proc/sys/net/netfilter/nf_conntrack_tcp_timeout_established"
for name in nf_conntrack_tcp_timeout_established tcp_timeout_established \
	net.netfilter.nf_conntrack_tcp_timeout_established net/netfilter/nf_conntrack_tcp_timeout_established; do
	run params "$name" --root "$tree" --json
	is "$name: exit code" "$status" 0
	is "$name" "$(json ".params[0] | $established")" "$wanted"
	documented params "$name"
done
run params hashsize --root "$tree" --json
is "hashsize" "$(json '.params[0].name')" nf_conntrack_buckets
run params default_on --root "$tree" --json
is "a gone one by name: exit code" "$status" 0
is "a gone one by name" "$(json '.params[0] | "\(.exists) \(.since) \(.until)"')" "false 4.11 4.13"
refused 2 "tcp_loose" params tcp_lose --root "$tree"

run params --root "$tree"
grep -q '^  tcp_timeout_established  *86400  \*  *432000  1\.\.' "$tmp/out" || fail "changed value isn't marked"
grep -q '^  tcp_loose  *1  *1  0\.\.1' "$tmp/out" || fail "unchanged value isn't shown"
is "params: lines that end in blanks" "$(grep -c ' $' "$tmp/out")" 0
run params tcp_timeout_established --root "$tree"
is "one: lines beyond 80 columns" "$(awk 'length($0) > 80 && !/path|file|decided/' "$tmp/out")" ""
grep -q '86400 s = 24 hours' "$tmp/out" || fail "seconds aren't put into words"

# --- settings of conntuned
run params --settings --root "$tree" --json
if [ "$status" -eq 4 ]; then
	grep -q 'without libeconf' "$tmp/err" || fail "params --settings: '$(cat "$tmp/err")'"
else
	is "settings: exit code" "$status" 0
	is "settings: those of the file that is installed" "$(json '.settings[] | "\(.key)=\(.default)"')" \
		"$(sed -n 's/^#\([A-Z]\)/\1/p' "$src/etc/conntuned.conf")"
	is "settings: all default" "$(json '"\(.settings | all(.value == .default)) \(.problems | length)"')" "true 0"
	documented params --settings
	put etc/conntune/conntuned.conf "[Tuning]
Mode=advise
GrowAt=100%
Budget=1G"
	put run/conntune/conntuned.conf.d/50-a.conf "[Tuning]
Budget=2G"
	mkdir -p "$tree/usr/lib/conntune/conntuned.conf"
	run params --settings --root "$tree" --json
	is "settings: exit code with a wrong one" "$status" 0
	is "settings: what differs" "$(json '[.settings[] | select(.value != .default) | "\(.section).\(.key)=\(.value)"] | join(" ")')" \
		"Tuning.Mode=advise Tuning.Budget=2G"
	is "settings: wrong ones" "$(json '.problems | length')" 1
	is "settings: file and line" "$(json '.problems[0]')" \
		"$tree/etc/conntune/conntuned.conf:3: GrowAt=100%: out of range; it takes 1 .. 95 %"
	documented params --settings
	run params --settings --root "$tree"
	grep -q '^  Tuning  *Mode  *advise  *\*  *tune ' "$tmp/out" || fail "changed setting isn't marked"
	grep -q '^  Tuning  *GrowAt  *75%  *75% ' "$tmp/out" || fail "unchanged setting isn't shown"
	grep -q 'conntuned.conf:3: GrowAt=100%' "$tmp/out" || fail "what is wrong isn't shown"
	is "settings: lines that end in blanks" "$(grep -c ' $' "$tmp/out")" 0
fi
refused 2 "'tcp_loose' is one tunable" params tcp_loose --settings
refused 2 "status takes no --settings" status --settings

# --- explain
run explain --json
is "topics" "$(json '.topics | length > 15')" true
documented explain
topics=$(json '.topics[].name')
for topic in $topics; do
	run explain "$topic" --root "$tree"
	is "explain $topic: exit code" "$status" 0
	is "explain $topic: errors" "$(cat "$tmp/err")" ""
	is "explain $topic: lines beyond 80 columns" "$(awk 'length($0) > 80' "$tmp/out")" ""
	run explain "$topic" --root "$tree" --json
	is "explain $topic --json" "$(json '"\(.topic) \(.text | length > 1)"')" "$topic true"
	documented explain "$topic"
done
run explain limit --root "$tree"
grep -q 'Present limit: 65536' "$tmp/out" || fail "explain limit hasn't this machine's number"
run explain refused --kernel 5.15 --ram 8G
grep -q '8 .. 31' "$tmp/out" || fail "explain refused hasn't the limits of 5.15"
run explain refused --kernel 4.19
grep -q 'no such rule' "$tmp/out" || fail "explain refused has a rule for 4.19"

captured
for tree in "$trees"/*/; do
	[ -d "$tree" ] || continue
	run params --root "$tree" --json
	is "$tree: lines of error" "$(wc -l <"$tmp/err" | tr -d ' ')" "$((status != 0))"
	[ "$status" -eq 0 ] && documented params "$tree"
done
finish
