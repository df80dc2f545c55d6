#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
# Counters, causes and namespaces on this kernel: real packets in network namespaces of our own, compared with what
# others read. Limits are not touched: a full table is a namespace with as many entries as this machine allows.
. "${srcdir:-.}/tests/integration/lib.sh"
need jq ip nft conntrack busybox nsenter
case $conntune in
/*) ;;
*) conntune=$PWD/$conntune ;;
esac
udp=$PWD/tests/vm/udp-entries
make=$PWD/tests/integration/ct-make
clash=$PWD/tests/integration/clash

[ "$(id -u)" = 0 ] || skip "namespaces with real packets need root"
[ -e /proc/sys/net/netfilter/nf_conntrack_max ] || skip "no connection tracking in this kernel"
# processes and names of our own: what others do in their namespaces meanwhile isn't seen, and nothing of ours stays
inside="unshare -m -p --fork --mount-proc"
if [ -z "${CONNTUNE_TEST_INSIDE-}" ]; then
	$inside true 2>/dev/null || skip "no namespaces"
	rm -rf "$tmp"
	# shellcheck disable=SC2086
	exec env CONNTUNE_TEST_INSIDE=1 $inside sh "$0"
fi
mount -t tmpfs run /run
a=ctt-a-$$
b=ctt-b-$$
c=ctt-c-$$
ip netns add $a 2>/dev/null || skip "no network namespaces"
background=
trap 'kill $background 2>/dev/null; for n in $a $b $c; do ip netns del $n 2>/dev/null; done; rm -rf "$tmp"' EXIT
alone
ip netns add $b
ip link add v0 netns $a type veth peer name v1 netns $b
ip -n $a addr add 10.77.0.1/24 dev v0
ip -n $b addr add 10.77.0.2/24 dev v1
for name in $a $b; do
	ip -n "$name" link set lo up
done
ip -n $a link set v0 up
ip -n $b link set v1 up

in_a()
{
	nsenter --net=/run/netns/$a "$@"
}

# background COMMAND...: in the first namespace, until stop, never longer than a minute; without the lock of alone
background()
{
	nsenter --net=/run/netns/$a timeout 60 "$@" >/dev/null 2>&1 </dev/null 9>&- &
	background="$background $!"
}

# stop: all that runs in the background
stop()
{
	# shellcheck disable=SC2086
	{ kill $background && wait $background; } 2>/dev/null
	background=
}

in_b()
{
	nsenter --net=/run/netns/$b "$@"
}

# status_in NAMESPACE ARGUMENT...: there, as JSON
status_in()
{
	where=$1
	shift
	status=0
	nsenter --net="/run/netns/$where" "$conntune" status --json "$@" >"$tmp/out" 2>"$tmp/err" </dev/null || status=$?
	[ "$status" -le 1 ] || fail "status: $(cat "$tmp/err")"
}

for name in $a $b; do
	nsenter --net="/run/netns/$name" nft -f - <<-'END' 2>"$tmp/err" || skip "no stateful rules: $(cat "$tmp/err")"
		table ip t {
			chain in { type filter hook input priority 0; ct state invalid counter; }
			chain out { type filter hook output priority 0; ct state new counter; }
		}
	END
done

# --- a few packets across: each namespace counts its own
in_a busybox ping -q -A -c 3 10.77.0.2 >/dev/null || fail "no way from one namespace to the other"
status_in $a
is "a ping is an entry" "$(json .entries)" 1
is "source" "$(json .counters_source)" netlink
is "cause" "$(json .cause)" healthy
is "names" "$(json "[.namespaces[] | select(.name == \"$a\" or .name == \"$b\") | .entries] | @csv")" 1,1
is "own namespace" "$(json "[.namespaces[] | select(.inode == $(stat -L -c %i /run/netns/$a)) | .name] | first")" $a
is "namespace" "$(json .namespace)" "$(stat -L -c %i /run/netns/$a)"

# --- who may see what
if setpriv --reuid 65534 --regid 65534 --clear-groups "$conntune" --version >/dev/null 2>&1; then
	in_a setpriv --reuid 65534 --regid 65534 --clear-groups --bounding-set=-all "$conntune" status --json \
		>"$tmp/out" 2>"$tmp/err" </dev/null
	is "no privilege: exit code" $? 0
	is "no privilege: source" "$(json .counters_source)" "$([ -e /proc/net/stat/nf_conntrack ] && echo proc || echo null)"
	is "no privilege: entries" "$(json .entries)" 1
	is "no privilege: entries of others" \
		"$(json "[.namespaces[] | select(.name == \"$b\") | has(\"entries\")] | first")" false
fi

# field FILE NAME: of `conntrack -S`, all CPUs
field()
{
	tr -s '[:blank:]' '\n' <"$1" | sed -n "s/^$2=//p" | awk '{ n += $1 } END { print n + 0 }'
}

# column FILE NAME: of /proc/net/stat, all CPUs
column()
{
	awk -v name="$2" 'NR == 1 { for (i = 1; i <= NF; i++) if ($i == name) c = i; next } { print $c }' "$1" |
		while read -r n; do echo $((0x$n)); done | awk '{ n += $1 } END { print n + 0 }'
}

# others WHEN: what others read now
others()
{
	in_a conntrack -S >"$tmp/field.$1"
	in_a cat /proc/net/stat/nf_conntrack >"$tmp/column.$1" 2>/dev/null || rm -f "$tmp/column.$1"
}

# between WHAT LOW GOT HIGH
between()
{
	checks=$((checks + 1))
	{ [ "$2" -le "$3" ] && [ "$3" -le "$4" ]; } || fail "$1: got $3, others read $2 before and $4 after"
}

# agree WHEN: our counters lie between two readings of others, one before and one after; leaves our status
agree()
{
	others before
	status_in $a
	others after
	for names in drop:drop:drop early_drop:early_drop:early_drop \
		insert_failed:insert_failed:insert_failed chain_too_long:chaintoolong:chainlength \
		clash_resolve:clash_resolve:clashres invalid:invalid:invalid error:error:icmp_error \
		search_restart:search_restart:search_restart found:found:found insert:insert:insert; do
		ours=${names%%:*}
		theirs=${names#*:}
		[ "$(json ".counters | has(\"$ours\")")" = true ] || continue
		got=$(json ".counters.$ours")
		grep -q "[[:blank:]]${theirs%%:*}=" "$tmp/field.before" && between "$1: $ours, conntrack -S" \
			"$(field "$tmp/field.before" "${theirs%%:*}")" "$got" "$(field "$tmp/field.after" "${theirs%%:*}")"
		[ ! -e "$tmp/column.after" ] || between "$1: $ours, /proc/net/stat" \
			"$(column "$tmp/column.before" "${theirs##*:}")" "$got" "$(column "$tmp/column.after" "${theirs##*:}")"
	done
}

# --- clashes: two threads that race need two CPUs
if [ "$(nproc)" -gt 1 ]; then
	in_a "$clash" 2000
	agree "after clashes"
	is "clashes happen" "$(json '.counters.clash_resolve > 100')" true
	background "$clash" 200000000
	status_in $a --watch 1 --count 1
	stop
	is "clashes: cause" "$(json '"\(.cause) \(.rates.clash_resolve > 10)"')" "clashes true"
	in_a conntrack -F 2>/dev/null
fi

# --- a busy table that is fine: packets all the time, both ways, and under them the counters agree
in_b "$udp" 1000
background busybox ping -q -A 10.77.0.2
background "$udp" 60000
agree "under traffic"
status_in $a --watch 1 --count 1 --check
is "busy: cause" "$status $(json .cause)" "0 healthy"

# --- full of entries that nobody answers
limit=$(cat /proc/sys/net/netfilter/nf_conntrack_max)
if [ "$limit" -lt 1 ] || [ "$limit" -gt 600000 ]; then
	echo "limit $limit: a full table would take too much memory"
	finish
fi
in_a "$udp" $((limit + 20000))
status_in $a --check
is "full: cause without rates" "$status $(json '"\(.cause) \(has("rates"))"')" "1 flood false"
is "full: evictions were counted" "$(json '.counters.early_drop > 1000')" true
# shellcheck disable=SC2016
background sh -c 'while :; do "$0" 100000; done' "$udp"
agree "while the table is full"
status_in $a --watch 1 --count 1
is "flood: cause" "$(json '"\(.cause) \(.rates.early_drop > 100)"')" "flood true"
is "flood: entries" "$(json ".entries > 0.9 * $limit")" true
status_in $b
is "flood next door: cause" "$(json .cause)" namespace-hog
is "flood next door: who" "$(json .cause_evidence | cut -d ' ' -f 1,2)" "namespace $a"
is "flood next door: chains of all" "$(json ".load > 1.8 * $limit / .buckets")" true
stop

# --- full of assured ones: confirmed, assured, with a reply; a few places are left for packets
in_a conntrack -F 2>/dev/null
in_a "$make" "n=$((limit - 100)) src=10.1.0.1 dst=192.0.2.1 proto=17 dport=53 status=14 timeout=600" ||
	fail "assured entries can't be made"
status_in $a
is "about to be full: cause" "$(json '.entries >= .limit - 100')" true
# shellcheck disable=SC2016
background sh -c 'while :; do "$0" 1000; done' "$udp"
status_in $a --watch 1 --count 1
is "assured: cause" "$(json '"\(.cause) \(.rates.drop > 100)"')" "assured true"
agree "while new connections are dropped"
stop

# --- a namespace goes while it is watched
ip netns add $c
"$conntune" status --watch 1 --count 2 >"$tmp/out" 2>"$tmp/err" </dev/null &
watcher=$!
sleep 0.3
ip netns del $c
status=0
wait $watcher || status=$?
is "a namespace goes meanwhile" "$status $(wc -l <"$tmp/out" | tr -d ' ')" "0 2"
finish
