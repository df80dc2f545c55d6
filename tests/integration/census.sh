#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
# conntune census: entries made through ctnetlink in network namespaces of their own, and counted as they were made.
. "${srcdir:-.}/tests/integration/lib.sh"
need jq

make=$PWD/tests/integration/ct-make
case $conntune in
/*) ;;
*) conntune=$PWD/$conntune ;;
esac
slow=$PWD/tests/integration/chains-slow
export conntune slow

# --- what needs no entries
machine captured
refused 4 "captured machine has no entries to count" census --root "$tree"

[ -e /proc/sys/net/netfilter/nf_conntrack_max ] || {
	refused 4 "connection tracking isn't loaded" census
	skip "no connection tracking in this kernel"
}
[ "$(id -u)" = 0 ] || {
	refused 3 "not permitted" census
	skip "making entries needs root"
}
unshare -n true 2>/dev/null || skip "no network namespaces"
alone
if setpriv --reuid 65534 --regid 65534 --clear-groups "$conntune" --version >/dev/null 2>&1; then
	status=0
	setpriv --reuid 65534 --regid 65534 --clear-groups --bounding-set=-all "$conntune" census >"$tmp/out" 2>"$tmp/err" ||
		status=$?
	is "no privilege: exit code" "$status" 3
	grep -q 'Operation not permitted' "$tmp/err" || fail "no privilege: '$(cat "$tmp/err")'"
	status=0
	setpriv --reuid 65534 --regid 65534 --clear-groups --bounding-set=-all "$conntune" census --in-kernel \
		>"$tmp/out" 2>"$tmp/err" </dev/null || status=$?
	case $(cat "$tmp/err") in
	*'built without BPF programs ('*) is "in the kernel, without BPF: exit code" "$status" 4 ;;
	*CAP_BPF*) is "in the kernel, no privilege: exit code" "$status" 3 ;;
	*) fail "in the kernel, no privilege: '$(cat "$tmp/err")'" ;;
	esac
fi

# with SPEC... -- ARGUMENT...: census in a new namespace with these entries; leaves $status, $tmp/out, $tmp/err
with()
{
	rm -f "$tmp/specs"
	while [ "$1" != -- ]; do
		printf '%s\n' "$1" >>"$tmp/specs"
		shift
	done
	shift
	status=0
	# shellcheck disable=SC2016
	unshare -n sh -c '
		make=$1 specs=$2
		shift 2
		while read -r spec; do
			"$make" "$spec" || exit 99
		done <"$specs"
		"$conntune" census "$@"' sh "$make" "$tmp/specs" "$@" >"$tmp/out" 2>"$tmp/err" </dev/null || status=$?
}

# mix WANTED SPEC... -- ARGUMENT...: WANTED is "KEY,KEY:COUNT ..." with the largest first, in the order of --by
mix()
{
	wanted=$1
	shift
	with "$@" --json
	is "$wanted: exit code" "$status" 0
	# shellcheck disable=SC2016
	is "$wanted" "$(json '.by as $by | [.groups[] | .key as $k | ([$by[] | $k[.] // "-" | tostring] | join(",")) +
		":" + (.entries | tostring)] | join(" ")')" "$wanted"
	is "$wanted: total" "$(json '.total - ([.groups[].entries] | add // 0)')" 0
	is "$wanted: exact" "$(json '.exact and .bound == 0 and all(.groups[]; .error == 0)')" true
}

# entries in the name of whom: status 2 is "has seen a reply", 4 "assured"
web='proto=6 src=10.0.0.0 dst=192.0.2.1 dport=443 ports=7 state=3 status=6 timeout=400000'
half='proto=6 src=10.1.0.0 dst=192.0.2.1 dport=443 state=1 timeout=100'
dns='proto=17 src=10.2.0.0 dst=192.0.2.53 dport=53 ports=16 timeout=25'
web6='proto=6 src=2001:db8::1:0 dst=2001:db8:1::1 dport=80 ports=10 state=3 status=6 timeout=400000'
dns6='proto=17 src=2001:db8:0:1:: dst=2001:db8:1::53 dport=53 status=6 timeout=100'
ping='proto=1 src=10.3.0.0 dst=192.0.2.1 timeout=25'
ping6='proto=58 src=2001:db8::5 dst=2001:db8::6 timeout=25'
sctp='proto=132 src=10.4.0.0 dst=192.0.2.7 dport=7 state=4 status=6 timeout=200'

mix "tcp,established:5000 tcp,syn_sent:3000 udp,-:2000 icmp,-:50 icmpv6,-:20 sctp,established:7" \
	"n=3000 $web" "n=2000 $web6" "n=3000 $half" "n=1000 $dns" "n=1000 $dns6" "n=50 $ping" "n=20 $ping6" "n=7 $sctp" --
mix "tcp,time_wait:900 tcp,fin_wait:800 tcp,close_wait:700 tcp,last_ack:600 tcp,syn_recv:500 tcp,close:400" \
	"n=400 $half state=8" "n=500 $half state=2 dport=1" "n=600 $half state=6 dport=2" "n=700 $half state=5 dport=3" \
	"n=800 $half state=4 dport=4" "n=900 $half state=7 dport=5" -- --by proto,state
mix "assured:700 unreplied:600 replied:500" \
	"n=500 $dns status=2" "n=600 $dns6 status=0" "n=700 $web" -- --by assured
mix "10.2.0.0:16 10.2.0.1:16 10.2.0.2:16 2001:db8:0:1:::9 10.2.0.3:2" "n=50 $dns" "n=9 $dns6" -- --by src
mix "192.0.2.1:300 2001:db8:1::1:200 192.0.2.53:100" "n=100 $dns" "n=300 $web" "n=200 $web6" -- --by dst
mix "53:1000 443:700 80:600 -:60" "n=500 $dns" "n=500 $dns6" "n=700 $web" "n=600 $web6" "n=60 $ping" -- --by dport
mix "7:1000 0:900 65535:800" "n=1000 $dns zone=7" "n=900 $dns" "n=800 $dns6 zone=65535" -- --by zone
mix "4294967295:1000 0:900 256:800" "n=1000 $dns mark=0xffffffff" "n=900 $dns zone=1" "n=800 $web6 mark=256" -- --by mark
mix "2001:db8::/64:2560 10.0.0.0/24:1792 10.0.1.0/24:1208" "n=3000 $web" "n=2560 $web6" -- --by prefix
mix "10.0.0.0/30:28 10.0.0.4/30:28 2001:db8::/112:25 2001:db8::1:0/112:20" \
	"n=56 $web" "n=20 $web6" "n=25 proto=17 src=2001:db8::ff00 dst=2001:db8::1" -- --by src --prefix 30/112
mix "1 to 5 days:200 1 to 10 min:150 10 s to 1 min:100" "n=100 $dns" "n=150 $half timeout=90" "n=200 $web" -- --by timeout
mix "udp,53,7,256:500 tcp,443,7,256:400 udp,53,0,0:300 tcp,80,9,1:200" "n=500 $dns zone=7 mark=256" \
	"n=400 $web zone=7 mark=256" "n=300 $dns6" "n=200 $web6 zone=9 mark=1" -- --by proto,dport,zone,mark
mix "" "n=1 $dns" -- --filter proto=tcp

# --- age and counters, where this kernel keeps them
# shellcheck disable=SC2016
unshare -n sh -c '
	sysctl -qw net.netfilter.nf_conntrack_acct=1 net.netfilter.nf_conntrack_timestamp=1 2>/dev/null
	"$1" "$2" && "$conntune" census --by age --json' sh "$make" "n=100 $dns" >"$tmp/out" 2>"$tmp/err"
is "age: source" "$(json .source)" dump
is "age" "$(json '.groups | map("\(.key.age) \(.entries) \(.packets)") | join(",")')" "below 10 s 100 0"
is "counters" "$(json '"\(.packets) \(.bytes) \(.uncounted)"')" "0 0 0"
documented census with counters

# where counters are kept, a dump has them
# shellcheck disable=SC2016
unshare -n sh -c '
	sysctl -qw net.netfilter.nf_conntrack_acct=1 2>/dev/null
	"$1" "$2" && "$conntune" census --json' sh "$make" "n=100 $dns" >"$tmp/out" 2>"$tmp/err"
is "counters, by proto and state: source" "$(json '"\(.source) \(.total) \(.packets)"')" "dump 100 0"
is "counters, by proto and state: reason" "$(json '.dump_reason | test("nf_conntrack_acct")')" true

# --- idle: 432000 s less 400000 s, from a setting that is this namespace's default
with "n=300 $web" "n=200 $dns timeout=1000" "n=100 $half" -- --json
is "idle for more than an hour" "$(json '.idle[] | select(.over_seconds == 3600) | "\(.entries) \(.memory_bytes > 0)"')" "300 true"
is "idle can't be told" "$(json .idle_unknown)" 200

# --- filters: the kernel's and ours agree with what was made
cat >"$tmp/filters" <<END
total: 1560
proto=tcp: 1000
proto!=tcp: 560
proto=tcp family=ipv4: 600 kernel
proto=tcp family=ipv6: 400 kernel
family=ipv6: 900 kernel
state=established: 800
state=syn_sent src=10.1.0.0: 200 kernel
src=10.1.0.0/16: 200 kernel
src=10.0.0.1: 7 kernel
src=10.0.0.1 dst=192.0.2.1 proto=tcp dport=443: 7 kernel
dst=192.0.2.1: 660 kernel
src=2001:db8:0:1::: 500 kernel
src=2001:db8::/64: 400 kernel
src=2001:db8::1:3 proto=tcp dport=80: 10 kernel
dport=53: 500
dport=53 proto=udp family=ipv6: 500 kernel
sport=1024-1030 proto=tcp family=ipv4: 407 kernel
sport=1024 proto=tcp family=ipv4: 59 kernel
assured=yes: 1300 kernel
assured=no: 260 kernel
assured=unreplied: 260 kernel
assured=replied: 0
mark=7: 500 kernel
mark=0: 1060 kernel
mark=0x1/0x1: 500 kernel
mark!=7: 1060
zone=5: 500 kernel
zone=0: 1060
zone=5 mark=7 proto=udp family=ipv6 assured=yes dport=53: 500 kernel
proto=icmp family=ipv4: 60 kernel
END
# shellcheck disable=SC2016
unshare -n sh -c '
	make=$1 filters=$2 tmp=$3
	shift 3
	for spec; do "$make" "$spec" || exit 99; done
	while IFS= read -r line; do
		filter=${line%: *}
		[ "$filter" != total ] || filter="proto!=200"
		"$conntune" census --dump --json --filter "$filter" >"$tmp/one" || exit
		echo "${line%: *}: $(jq -r "\"\(.total)\(if .filtered_by_kernel then \" kernel\" else \"\" end)\"" "$tmp/one")"
	done <"$filters"' sh "$make" "$tmp/filters" "$tmp" "n=400 $web" "n=200 $half" "n=400 $web6" \
	"n=500 $dns6 mark=7 zone=5" "n=60 $ping" >"$tmp/got" 2>"$tmp/err"
is "filters: errors" "$(cat "$tmp/err")" ""
# older kernels filter less; what comes out is the same
case $(uname -r) in
6.[89].* | 6.1[0-9].* | [7-9].*)
	is "filters" "$(diff "$tmp/filters" "$tmp/got")" ""
	;;
*)
	sed 's/ kernel$//' "$tmp/filters" >"$tmp/wanted"
	is "filters" "$(sed 's/ kernel$//' "$tmp/got" | diff "$tmp/wanted" -)" ""
	;;
esac

# --- more keys than are kept: five sources with 2000 entries each among 90000 with one
with "n=60000 $dns ports=1" "n=10000 proto=17 src=10.99.0.0 dst=192.0.2.53 ports=2000" \
	"n=30000 $dns src=10.50.0.0 ports=1" -- --by src --json
is "sketch: exact" "$(json .exact)" false
is "sketch: total" "$(json .total)" 100000
is "sketch: groups are within their error" "$(json '[.groups[:5][] | select((.key.src | startswith("10.99.0.")) and
	.entries <= 2000 and .entries + .error >= 2000)] | length')" 5
is "sketch: bound" "$(json '.bound >= 1 and .bound <= 4 / 3 * .total / .groups_found')" true

# --- pace
for source in '' --dump; do
	# shellcheck disable=SC2086
	with "n=20000 $dns" -- --json --max-cpu 20 $source
	is "pace $source" "$(json '.total == 20000 and .seconds > 3 * .cpu_seconds')" true
done

# --- text
with "n=3000 $web" "n=1000 $dns6" -- --by src,dst,dport --top 3
is "text: exit code" "$status" 0
is "text: lines beyond 80 columns" "$(awk 'length($0) > 80' "$tmp/out")" ""
is "text: not plain ASCII" "$(LC_ALL=C grep -c '[^ -~]' "$tmp/out")" 0
is "text: the largest group" "$(awk '$4 == 1000 { print $1, $2, $3, $5, $6, (length($7) > 3) }' "$tmp/out")" \
	"2001:db8:0:1:: 2001:db8:1::53 53 25 % 1"
grep -q '^427 more groups with 2986 entries' "$tmp/out" || fail "text: $(cat "$tmp/out")"
with "n=1 $ping" -- --by dport,state
is "text: what isn't there" "$(awk '$3 == 1 { print $1, $2 }' "$tmp/out")" "- -"

# --- inside the kernel
status=0
"$conntune" census --in-kernel --json >"$tmp/out" 2>"$tmp/err" </dev/null || status=$?
[ "$status" -eq 0 ] || {
	is "in the kernel: can't, exit code" "$status" 4
	finish
}
documented census in the kernel
is "in the kernel: source" "$(json '"\(.source) \(.all_namespaces)"')" "kernel false"

mix "tcp,established,assured:4000 tcp,syn_sent,unreplied:3000 udp,-,unreplied:1000 udp,-,assured:900 udp,-,replied:500 tcp,established,replied:80 icmp,-,unreplied:50 icmpv6,-,unreplied:20 sctp,established,assured:7" \
	"n=3000 $web" "n=1000 $web6" "n=80 $web dport=1 status=2" "n=3000 $half" "n=1000 $dns zone=3 mark=1" \
	"n=900 $dns6" "n=500 $dns status=2" "n=50 $ping" "n=20 $ping6" "n=7 $sctp" -- --in-kernel --by proto,state,assured
mix "time_wait:900 fin_wait:800 close_wait:700 last_ack:600 syn_recv:500 close:400 -:300 syn_sent2:200" \
	"n=400 $half state=8" "n=500 $half state=2 dport=1" "n=600 $half state=6 dport=2" "n=700 $half state=5 dport=3" \
	"n=800 $half state=4 dport=4" "n=900 $half state=7 dport=5" "n=200 $half state=9 dport=6" "n=300 $dns" -- \
	--in-kernel --by state
mix "tcp:300 sctp:7" "n=300 $web" "n=200 $dns status=2" "n=100 $half" "n=7 $sctp" -- \
	--in-kernel --by proto --filter 'assured=yes'
mix "" -- --in-kernel
is "in the kernel, nothing: total" "$(json .total)" 0

# Each namespace sees its own; one walk may see all. What is past its time doesn't count, and the dump, which throws such
# entries out, comes last. By tiny slices and by calls too: every long chain is then interrupted.
# shellcheck disable=SC2016
unshare -n sh -c '
	make=$1 tmp=$2
	"$make" "$3" "$4" "$5" "$6" || exit
	sleep 2
	"$conntune" census --in-kernel --by proto,state,assured --json >"$tmp/kernel"
	"$conntune" census --in-kernel --all-namespaces --json >"$tmp/all"
	unshare -n "$conntune" census --in-kernel --json >"$tmp/other"
	for i in 1 2 3 4 5 6; do "$conntune" census --in-kernel --json; done >"$tmp/slices"
	"$slow" census | sort -n >"$tmp/slow"
	"$conntune" census --dump --by proto,state,assured --json >"$tmp/dump"' sh "$make" "$tmp" \
	"n=60000 $web" "n=30000 $dns6 timeout=1000" "n=5000 $half timeout=1000" "n=4000 $dns timeout=1" 2>"$tmp/err"
is "in the kernel: errors" "$(cat "$tmp/err")" ""
groups='[.groups[] | "\(.key.proto) \(.key.state) \(.key.assured) \(.entries)"] | join(", ")'
is "in the kernel: by hand" "$(jq -r "$groups" "$tmp/kernel")" \
	"tcp established assured 60000, udp null assured 30000, tcp syn_sent unreplied 5000"
is "in the kernel: as the dump" "$(jq -r "$groups" "$tmp/kernel")" "$(jq -r "$groups" "$tmp/dump")"
is "in the kernel: total as the dump" "$(jq .total "$tmp/kernel")" "$(jq .total "$tmp/dump")"
is "in the kernel: another namespace" "$(jq .total "$tmp/other")" 0
is "in the kernel: all namespaces" "$(jq '.all_namespaces and .total >= 95000' "$tmp/all")" true
# the best of some walks, because anything may interrupt one
is "in the kernel: longest slice within 250 us ($(jq -s 'map(.slice_max_seconds) | min' "$tmp/slices") s)" \
	"$(jq -s 'map(.slice_max_seconds) | min < 0.00025' "$tmp/slices")" true
is "in the kernel: by small slices and calls" "$(cat "$tmp/slow")" "6 1 unreplied 5000 idle 0 0 0 0 unknown 5000
6 3 assured 60000 idle 60000 60000 60000 0 unknown 0
17 0 assured 30000 idle 0 0 0 0 unknown 30000"

# Idle times of kinds with different time-outs; no edge is nearer than a minute, so it doesn't matter when it is counted.
# idle KIND LEFT...: 1, 2, 3 ... entries with so many seconds left
kinds=0
idle()
{
	kind=$1 n=0
	shift
	for left; do
		n=$((n + 1))
		echo "n=$n $kind src=10.$kinds.$n.0 dst=192.0.2.1 ports=1 timeout=$left"
	done
	kinds=$((kinds + 1))
}
{
	# established: 5 days, unless one of the ceilings explains what is left
	idle 'proto=6 dport=1 state=3 status=6' 432000 431700 430000 412000 232000 500000 5000 3000 2400 1000
	idle 'proto=6 dport=2 state=3 status=1030' 431000 232000 # time-out is fixed
	idle 'proto=6 dport=3 state=1' 2000 1700 20000
	idle 'proto=6 dport=4 state=7 status=6' 2000 1700 20000
	idle 'proto=6 dport=5 state=8 status=2' 5000
	idle 'proto=17 dport=1' 3000 20000
	idle 'proto=17 dport=2 status=6' 9000 8700 5000 20000
	idle 'proto=1' 3000 20000
	idle 'proto=132 dport=1 state=4 status=6' 9000 8000 20000
	idle 'proto=132 dport=2 state=3' 1000
	idle 'proto=50' 6000 5700 20000
} >"$tmp/specs"
# shellcheck disable=SC2016
unshare -n sh -c '
	make=$1 tmp=$2
	for setting in tcp_timeout_max_retrans=3000 tcp_timeout_unacknowledged=2400 tcp_timeout_syn_sent=2000 \
		tcp_timeout_time_wait=2000 udp_timeout=3000 udp_timeout_stream=9000 icmp_timeout=3000 \
		sctp_timeout_established=9000 generic_timeout=6000; do
		echo "${setting#*=}" >"/proc/sys/net/netfilter/nf_conntrack_${setting%=*}"
	done
	while read -r spec; do "$make" "$spec" || exit; done <"$tmp/specs"
	for filter in "proto!=200" proto=tcp "state=established assured=yes" proto=udp "proto!=tcp proto!=udp"; do
		for source in in-kernel dump; do
			"$conntune" census --$source --filter "$filter" --by proto,state,assured --json >"$tmp/one" || exit
			jq -c "[.total, .idle_unknown, .idle[].entries], [.groups[] | .key, .entries]" "$tmp/one" >>"$tmp/idle-$source"
		done
	done
	"$conntune" census --all-namespaces --json >"$tmp/everybody"
	unshare -n "$conntune" census --all-namespaces --json >"$tmp/other"' sh "$make" "$tmp" 2>"$tmp/err"
is "idle: errors" "$(cat "$tmp/err")" ""
is "idle: in the kernel as from a dump" "$(cat "$tmp/idle-in-kernel")" "$(cat "$tmp/idle-dump")"
is "idle: by hand" "$(head -n 1 "$tmp/idle-in-kernel")" "[100,31,44,34,19,12]"
is "idle: of all namespaces" "$(jq -c '[.total - .idle_unknown, .idle[].entries]' "$tmp/everybody")" "[69,44,34,19,12]"
is "idle: of other namespaces it can't be told" \
	"$(jq '.total >= 100 and .idle_unknown == .total and .idle[0].entries == 0' "$tmp/other")" true

with "n=300 $web" -- --in-kernel
is "in the kernel, text: exit code" "$status" 0
grep -q '^300 entries of this network namespace' "$tmp/out" || fail "in the kernel, text: $(cat "$tmp/out")"
finish
