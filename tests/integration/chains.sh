#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
# conntune chains: the model for trees; and for this kernel, with entries in a namespace of its own, every node counted.
. "${srcdir:-.}/tests/integration/lib.sh"
need jq

entries=200000
programs=tests/integration

# --- a captured machine: expected only
machine captured 65536 32768 16384
run chains --root "$tree" --json
is "captured: exit code" "$status" 0
is "captured: numbers" "$(json '"\(.buckets) \(.entries) \(.nodes) \(.nodes_source) \(.expected.mean) \(.expected.longest)"')" \
	"32768 16384 32768 entries 1 7"
is "captured: histogram adds up" "$(json '.expected.histogram | add | round')" 32768
is "captured: not counted" "$(json 'has("exact")')" false
documented chains captured
run chains --root "$tree"
is "captured: lines beyond 80 columns" "$(awk 'length($0) > 80' "$tmp/out")" ""
is "captured: not plain ASCII" "$(LC_ALL=C grep -c '[^ -~]' "$tmp/out")" 0
is "captured: bar of length 0" "$(awk '$1 == 0 && $2 == 12055 { print length($3) }' "$tmp/out")" 58
grep -q "^Not counted: a captured machine" "$tmp/out" || fail "captured: the reason isn't shown"
refused 2 "--exact counts in the table of this machine" chains --exact --root "$tree"

# load 40 and more lengths than rows
machine loaded 65536 512 10240
run chains --root "$tree"
is "loaded: rows" "$(grep -c '^ *[0-9]*-[0-9]* .* ##*$' "$tmp/out")" 20
machine empty
run chains --root "$tree"
is "empty: exit code" "$status" 0
machine gone
rm -r "$tree/proc/sys/net" "$tree/sys/module"
refused 4 "buckets isn't known: connection tracking is absent" chains --root "$tree"

# --- this machine

run chains --exact --json
case $status:$(cat "$tmp/err") in
*'built without BPF programs ('*)
	is "without BPF: exit code" "$status" 4
	is "without BPF: still expected" "$(json 'has("expected")')" true
	run chains
	is "without BPF: chains exits with" "$status" 0
	finish
	;;
4:*'connection tracking is absent'*) skip "no connection tracking in this kernel" ;;
esac
[ "$(id -u)" = 0 ] || {
	# nobody else's business, but what works still works
	is "no privilege: exit code" "$status" 3
	is "no privilege: still expected" "$(json 'has("expected")')" true
	grep -q 'CAP_BPF' "$tmp/err" || fail "no privilege: '$(cat "$tmp/err")'"
	skip "counting chains needs root"
}
[ "$status" -eq 0 ] || skip "no BPF: $(cat "$tmp/err")"
unshare -n true 2>/dev/null || skip "no network namespaces"
alone

run_without_privilege()
{
	status=0
	setpriv --reuid 65534 --regid 65534 --clear-groups --bounding-set=-all "$conntune" chains --exact --json \
		>"$tmp/out" 2>"$tmp/err" </dev/null || status=$?
}
if setpriv --reuid 65534 --regid 65534 --clear-groups "$conntune" --version >/dev/null 2>&1; then
	run_without_privilege
	is "no privilege: exit code" "$status" 3
	is "no privilege: still expected" "$(json 'has("expected")')" true
	grep -q '^conntune: .*CAP_BPF' "$tmp/err" || fail "no privilege: '$(cat "$tmp/err")'"
fi

# What other namespaces hold must be the same before and after, else other tests are at work: again.
nodes()
{
	"$conntune" chains --exact --json 2>/dev/null </dev/null | jq .nodes
}

unshare -n sleep 600 &
namespace=$!
trap 'kill $namespace 2>/dev/null; rm -rf "$tmp"' EXIT
# until it is in a namespace of its own
while [ "$(readlink /proc/$namespace/ns/net)" = "$(readlink /proc/self/ns/net)" ]; do sleep 0.02; done
inside()
{
	nsenter --net=/proc/$namespace/ns/net "$@"
}

for try in 1 2 3 4 5 6; do
	others=$(nodes)
	[ "$try" != 1 ] || inside "$programs/ct-entries" $entries || fail "entries can't be made"
	[ "$try" = 1 ] || others=$((others - 2 * entries))
	inside "$conntune" chains --exact --json >"$tmp/out" 2>"$tmp/err" </dev/null
	status=$?
	inside "$programs/chains-slow" >"$tmp/slow" 2>&1
	cp "$tmp/out" "$tmp/inside"
	[ "$(nodes)" = $((others + 2 * entries)) ] && break
	sleep 1
done
is "inside: exit code" "$status" 0
is "inside: nodes" "$(json .nodes)" "$((others + 2 * entries))"
is "inside: entries of the namespace" "$(json .entries)" "$entries"
is "inside: misplaced" "$(json .exact.misplaced)" 0
is "inside: histogram has all buckets" "$(json '.buckets - (.exact.histogram | add)')" 0
is "inside: histogram has all nodes" \
	"$(json '.nodes - ([.exact.histogram | to_entries[] | .key * .value] | add)')" 0
is "inside: longest" "$(json '.exact.longest + 1 - (.exact.histogram | length)')" 0
is "inside: by small slices and calls" "$(cat "$tmp/slow")" "$(json '.exact.histogram | map(tostring) | join(",")')"
documented chains exact

# Pearson's statistic over bins of at least 5, here and as reported: p < 1e-9 means that it isn't chance
is "fits the model" "$(json '.fit.p > 1e-9 and .fit.p <= 1 and .fit.distance < 3 * .fit.distance_by_chance')" true
# shellcheck disable=SC2016
is "chi-square" "$(json '. as $d | [range(.expected.histogram | length) | {e: $d.expected.histogram[.],
	o: ($d.exact.histogram[.] // 0)}] | ([.[] | select(.e >= 20)]) as $b |
	([$b[] | (.o - .e) * (.o - .e) / .e] | add) < ($b | length) + 12 * ($b | length | sqrt)')" true

# by network namespace: all nodes are somebody's, and ours are ours, by its name
inode=$(stat -L -c %i /proc/$namespace/ns/net)
sums='.nodes - ([.namespaces[].nodes] | add) - .other_nodes'
# shellcheck disable=SC2016
unshare -m sh -c '
	mkdir -p /run/netns && mount -t tmpfs names /run/netns && : >/run/netns/of-this-test || exit
	mount --bind "/proc/$1/ns/net" /run/netns/of-this-test || exit
	"$2" chains --exact --by-namespace --json >"$3/out" && "$2" chains --by-namespace >"$3/text"
	' sh $namespace "$conntune" "$tmp" 2>"$tmp/err"
is "by namespace: errors" "$(cat "$tmp/err")" ""
is "by namespace: ours" "$(json ".namespaces[] | select(.inode == $inode) | \"\(.name) \(.nodes)\"")" \
	"of-this-test $((2 * entries))"
is "by namespace: all nodes are somebody's" "$(json "$sums")" 0
is "by namespace: text" "$(awk '$1 == "of-this-test" { print $2, $3 }' "$tmp/text")" "$inode $((2 * entries))"
is "by namespace: by small slices and calls" "$("$programs/chains-slow" owners | grep "^$inode ")" \
	"$inode $((2 * entries))"
documented chains by namespace
run chains --exact --json
is "by namespace: only if asked for" "$(json 'has("namespaces")')" false

# more namespaces than are told apart, each inside the one before: 70, 69, 68 ... entries
export conntune programs
# shellcheck disable=SC2016
export nest='
	"$programs/ct-entries" $left || exit
	left=$((left - 1))
	if [ $left -gt 0 ]; then
		export left
		exec unshare -n --fork sh -c "$nest"
	fi
	exec "$conntune" chains --exact --by-namespace --json'
left=70 unshare -n --fork sh -c "$nest" >"$tmp/out" 2>"$tmp/err"
is "many namespaces: errors" "$(cat "$tmp/err")" ""
is "many namespaces: all nodes are somebody's" "$(json "$sums")" 0
is "many namespaces: told apart, and the others" "$(json '(.namespaces | length) <= 64 and .other_nodes > 0')" true

# from another namespace, the table is the same one
[ "$(nodes)" -ge $((2 * entries)) ] || fail "outside: $(nodes) nodes"

# no slice above 250 us: the best of some walks, because anything may interrupt one
best=1
for _ in 1 2 3 4 5 6; do
	run chains --exact --json
	best=$(json "[.exact.slice_max_seconds, $best] | min")
done
is "longest slice within 250 us ($best s)" "$(jq -n "$best < 0.00025")" true

# new entries all the time: no node is taken for a wrong one
inside "$programs/ct-entries" 60000 $entries 2000 &
inserter=$!
changed=false
while kill -0 $inserter 2>/dev/null; do
	inside "$conntune" chains --exact --json >"$tmp/out" 2>"$tmp/err" </dev/null
	is "while entries come: exit code" $? 0
	is "while entries come: misplaced" "$(json .exact.misplaced)" 0
	is "while entries come: nodes" "$(json ".nodes >= 2 * $entries")" true
	[ "$(json .exact.changed)" = false ] || changed=true
done
wait $inserter
is "while entries come: the table was seen to change" $changed true

# the picture: both series, within 80 columns
inside "$conntune" chains >"$tmp/out"
is "picture: lines beyond 80 columns" "$(awk 'length($0) > 80' "$tmp/out")" ""
grep -q '^ *nodes *expected *exact$' "$tmp/out" || fail "picture: no heading"
finish
