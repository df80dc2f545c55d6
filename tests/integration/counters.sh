#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
# Counters, causes and namespaces on this kernel: real packets in network namespaces of our own, compared with what
# others read. Limits are not touched: a full table is a namespace with as many entries as this machine allows, and no
# entry is ever deleted: each scenario has a namespace of its own, which is thrown away.
. "${srcdir:-.}/tests/integration/lib.sh"
need jq ip nft conntrack busybox nsenter
case $conntune in
/*) ;;
*) conntune=$PWD/$conntune ;;
esac
udp=$PWD/tests/vm/udp-entries
make=$PWD/tests/integration/ct-make
clash=$PWD/tests/integration/clash
broken=$PWD/tests/integration/bad-options

[ "$(id -u)" = 0 ] || skip "namespaces with real packets need root"
[ -e /proc/sys/net/netfilter/nf_conntrack_max ] || skip "no connection tracking in this kernel"
# processes and names of our own: what others do in their namespaces meanwhile isn't seen, and nothing of ours stays
inside="unshare -m -p --fork --kill-child --mount-proc"
if [ -z "${CONNTUNE_TEST_INSIDE-}" ]; then
	$inside true 2>/dev/null || skip "no namespaces"
	rm -rf "$tmp"
	# shellcheck disable=SC2086
	exec env CONNTUNE_TEST_INSIDE=1 $inside sh "$0"
fi
mount -t tmpfs run /run
a=ctt-a-$$
b=ctt-b-$$
ip netns add $a 2>/dev/null || skip "no network namespaces"
ip netns del $a
background=
trap 'stop; for n in $(ip netns list | cut -d " " -f 1); do ip netns del "$n"; done; rm -rf "$tmp"' EXIT
alone
limit=$(cat /proc/sys/net/netfilter/nf_conntrack_max)
moved=

# new NAMESPACE: entries in it outlive a machine that has no time for us
new()
{
	ip netns add "$1"
	ip -n "$1" link set lo up
	nsenter --net="/run/netns/$1" sh -c '
		for name in icmp_timeout udp_timeout; do
			echo 600 >/proc/sys/net/netfilter/nf_conntrack_$name
		done'
}

# rules NAMESPACE <RULES: false if this kernel doesn't have them; why is in $tmp/err
rules()
{
	nsenter --net="/run/netns/$1" nft -f - 2>"$tmp/err"
}

# tracked NAMESPACE: a new one whose packets are tracked
tracked()
{
	new "$1"
	rules "$1" <<-'END' || skip "no stateful rules: $(cat "$tmp/err")"
		table ip t {
			chain in { type filter hook input priority 0; ct state invalid counter; }
			chain out { type filter hook output priority 0; ct state new counter; }
		}
	END
}

# run_in NAMESPACE COMMAND...
run_in()
{
	where=/run/netns/$1
	shift
	nsenter --net="$where" "$@"
}

# background NAMESPACE COMMAND...: until stop; without the lock of alone
background()
{
	where=/run/netns/$1
	shift
	nsenter --net="$where" timeout 600 "$@" >/dev/null 2>&1 </dev/null 9>&- &
	background="$background $!"
}

# again NAMESPACE SECONDS COMMAND...: in the background, again and again with a pause
again()
{
	to=$1
	pause=$2
	shift 2
	# shellcheck disable=SC2016
	background "$to" sh -c 'pause=$1; shift; while :; do "$@"; sleep "$pause"; done' sh "$pause" "$@"
}

# stop: all that runs in the background
stop()
{
	# shellcheck disable=SC2086
	[ -z "$background" ] || { kill $background && wait $background; } 2>/dev/null
	background=
}

# status_in NAMESPACE ARGUMENT...: there, as JSON
status_in()
{
	where=$1
	shift
	status=0
	run_in "$where" "$conntune" status --json "$@" >"$tmp/out" 2>"$tmp/err" </dev/null || status=$?
	[ "$status" -le 1 ] || fail "status: $(cat "$tmp/err")"
	limit_now=$(json .limit)
	[ "$limit_now" = "$limit" ] || moved="$limit to $limit_now"
}

# done_here: what failed while somebody else changed the limit of this machine says nothing
done_here()
{
	[ "$failures" -eq 0 ] || [ -z "$moved" ] || skip "nf_conntrack_max was changed meanwhile, $moved"
	finish
}

# look WHAT NAMESPACE CAUSE FILTER: status with rates there names CAUSE, and FILTER is true. A look during which whoever
# sends in the background got no CPU, because others use it, is repeated.
look()
{
	for _ in 1 2 3 4 5 6; do
		status_in "$2" --watch 1 --count 1 --check
		said=$(json "\"\(.cause) \($4)\"")
		[ "$said" != "$3 true" ] || break
	done
	is "$1" "$said" "$3 true"
	[ "$said" = "$3 true" ] || json '"\(.cause_evidence) \(.rates)"'
}

# because WHAT EVIDENCE REMEDY: patterns of what the last look said
because()
{
	checks=$((checks + 1))
	json .cause_evidence | grep -qE -e "$2" || fail "$1: evidence '$(json .cause_evidence)' doesn't match '$2'"
	json '.cause_remedy // ""' | grep -qE -e "$3" || fail "$1: remedy '$(json .cause_remedy)' doesn't match '$3'"
}

# fine WHAT WANTED: the exit status of the last look with --check; where buckets are few that alone makes it 1
fine()
{
	[ "$(json .verdict)" != healthy ] || is "$1: exit code" "$status" "$2"
}

tracked $a
tracked $b
ip link add v0 netns $a type veth peer name v1 netns $b
ip -n $a addr add 10.77.0.1/24 dev v0
ip -n $b addr add 10.77.0.2/24 dev v1
ip -n $a link set v0 up
ip -n $b link set v1 up

# --- a few packets across: each namespace counts its own
run_in $a busybox ping -q -A -c 3 10.77.0.2 >/dev/null || fail "no way from one namespace to the other"
status_in $a
is "a ping is an entry" "$(json .entries)" 1
is "source" "$(json .counters_source)" netlink
is "cause" "$(json .cause)" healthy
is "names" "$(json "[.namespaces[] | select(.name == \"$a\" or .name == \"$b\") | .entries] | @csv")" 1,1
is "own namespace" "$(json "[.namespaces[] | select(.inode == $(stat -L -c %i /run/netns/$a)) | .name] | first")" $a
is "namespace" "$(json .namespace)" "$(stat -L -c %i /run/netns/$a)"

# --- who may see what
if setpriv --reuid 65534 --regid 65534 --clear-groups "$conntune" --version >/dev/null 2>&1; then
	run_in $a setpriv --reuid 65534 --regid 65534 --clear-groups --bounding-set=-all "$conntune" status --json \
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

# others NAMESPACE WHEN: what others read now
others()
{
	run_in "$1" conntrack -S >"$tmp/field.$2"
	run_in "$1" cat /proc/net/stat/nf_conntrack >"$tmp/column.$2" 2>/dev/null || rm -f "$tmp/column.$2"
}

# between WHAT LOW GOT HIGH
between()
{
	checks=$((checks + 1))
	{ [ "$2" -le "$3" ] && [ "$3" -le "$4" ]; } || fail "$1: got $3, others read $2 before and $4 after"
}

# agree WHEN NAMESPACE: our counters lie between two readings of others, one before and one after; leaves our status
agree()
{
	others "$2" before
	status_in "$2"
	others "$2" after
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
	tracked ctt-dns
	background ctt-dns "$clash" dns 10000000
	look "clashes that are resolved" ctt-dns clashes '.rates.clash_resolve > 10 and .rates.insert_failed == 0'
	because "clashes that are resolved" '^insert_failed.* 0\.0/s, clash_resolve [0-9.]+/s$' '^$'
	fine "clashes that are resolved" 0
	agree "under clashes" ctt-dns
	stop

	tracked ctt-ping
	background ctt-ping "$clash" ping 10000000
	look "clashes that lose packets" ctt-ping clashes '.rates.insert_failed > 1 and .rates.found == 0'
	because "clashes that lose packets" '^insert_failed without chains [1-9][0-9.]*/s' 'DNS'
	is "clashes that lose packets: exit code" "$status" 1
	agree "while clashes lose packets" ctt-ping
	stop
fi

# --- resolvers behind a balancer, as containers have them: which of two answers is decided for each packet
new ctt-lb
if [ "$(nproc)" -gt 1 ] && rules ctt-lb <<-'END'
	table ip t {
		chain out {
			type nat hook output priority -100
			ip protocol udp dnat to numgen random mod 2 map { 0 : 127.99.0.1, 1 : 127.99.0.2 }
		}
	}
END
then
	background ctt-lb "$clash" dns 10000000
	look "clashes behind a balancer" ctt-lb clashes '.rates.clash_resolve > 10'
	fine "clashes behind a balancer" 0
	stop
fi

# --- source NAT with one port: the second connection to the same place finds it taken
new ctt-nat
if rules ctt-nat <<-'END'
	table ip t {
		chain post {
			type nat hook postrouting priority 100
			ip protocol udp snat to 127.0.0.1:5000
		}
	}
END
then
	run_in ctt-nat "$udp" 1000
	again ctt-nat 0.05 "$udp" 1000
	look "no port for NAT" ctt-nat nat-ports '.rates.insert_failed > 10 and .rates.found >= .rates.insert_failed'
	because "no port for NAT" '^insert_failed without chains [0-9.]+/s, ports found taken \(found\) [0-9.]+/s$' 'more addresses'
	is "no port for NAT: exit code" "$status" 1
	agree "while NAT has no port" ctt-nat
	stop
else
	echo "no NAT in this kernel: $(cat "$tmp/err")"
fi

# --- a helper whose NAT changes the length of what is said meets a packet that it can't read: dropped, with room
tracked ctt-adjust
run_in ctt-adjust "$make" \
	"proto=6 src=127.0.0.1 dst=127.0.0.2 ports=1 dport=53 state=3 status=14 timeout=600 adjust=5" ||
	fail "an entry that is adjusted can't be made"
again ctt-adjust 0.05 "$broken" 100
look "dropped with room" ctt-adjust dropping '.rates.drop > 10 and .rates.insert_failed == 0 and .fill < 0.01'
because "dropped with room" '^1 of [0-9]+ entries \(0 %\), drop [0-9.]+/s, early_drop 0\.0/s$' 'dmesg'
is "dropped with room: exit code" "$status" 1
agree "while packets are dropped" ctt-adjust
stop

# --- more expectations than there may be: each request to a TFTP server announces a connection that never comes
expectations=$(cat /proc/sys/net/netfilter/nf_conntrack_expect_max)
tracked ctt-expect
if [ "$expectations" -gt 20000 ]; then
	echo "$expectations expectations: too many to make"
elif rules ctt-expect <<-'END'
	table ip h {
		ct helper tftp { type "tftp" protocol udp; l3proto ip; }
		chain out { type filter hook output priority 0; udp dport 69 ct helper set "tftp"; }
	}
END
then
	run_in ctt-expect "$udp" $((expectations - 1)) tftp
	status_in ctt-expect
	is "one expectation left: cause" "$(json .cause)" healthy
	is "expectations: those over the limit are dropped" "$(run_in ctt-expect "$udp" 51 tftp)" "50 refused"
	status_in ctt-expect --check
	is "expectations: cause, drops" "$status $(json '"\(.cause) \(.counters.drop)"')" "1 expectations 0"
	because "expectations" "^$expectations of $expectations expectations$" 'nf_conntrack_expect_max'
else
	echo "no helpers in this kernel: $(cat "$tmp/err")"
fi

# --- a busy table that is fine: packets all the time, both ways, and under them the counters agree
run_in $b "$udp" 1000
background $a busybox ping -q -A 10.77.0.2
again $a 0.2 "$udp" 6000
agree "under traffic" $a
look "busy" $a healthy '.entries > 6000'
fine "busy" 0
stop

# --- full of entries that nobody answers
if [ "$limit" -lt 1 ] || [ "$limit" -gt 600000 ]; then
	echo "limit $limit: a full table would take too much memory"
	done_here
fi
tracked ctt-flood
# when eviction fails once, the kernel's own collector makes room: then there is more to fill
for _ in 1 2 3; do
	run_in ctt-flood "$udp" $((limit + 20000)) >/dev/null
	status_in ctt-flood --check
	[ "$(json ".entries >= 0.95 * $limit")" = false ] || break
done
is "full: cause without rates" "$status $(json '"\(.cause) \(has("rates"))"')" "1 flood false"
is "full: evictions were counted" "$(json '.counters.early_drop > 1000')" true
again ctt-flood 0.01 "$udp" 100000
agree "while the table is full" ctt-flood
look "flood" ctt-flood flood ".rates.early_drop > 100 and .entries > 0.9 * $limit"
because "flood" "^[0-9]+ of $limit entries \\([0-9]+ %\\), drop [0-9.]+/s, early_drop [0-9.]+/s$" 'UNREPLIED'
status_in $b
is "flood next door: cause" "$(json .cause)" namespace-hog
is "flood next door: who" "$(json .cause_evidence | cut -d ' ' -f 1,2)" "namespace ctt-flood"
is "flood next door: chains of all" "$(json ".load > 1.8 * $limit / .buckets")" true
stop
ip netns del ctt-flood

# --- full of assured ones: confirmed, assured, with a reply; a few places are left for packets
tracked ctt-full
run_in ctt-full "$make" "n=$((limit - 100)) src=10.1.0.1 dst=192.0.2.1 proto=17 dport=53 status=14 timeout=3600" ||
	fail "assured entries can't be made"
status_in ctt-full
is "about to be full: cause" "$(json '"\(.cause) \(.entries)"')" "filling $((limit - 100))"
again ctt-full 0.01 "$udp" 1000
look "assured" ctt-full assured '.rates.drop > 100'
because "assured" "^[0-9]+ of $limit entries \\([0-9]+ %\\), drop [1-9][0-9.]*/s" 'Raise the limit'
agree "while new connections are dropped" ctt-full
stop

# --- a namespace goes while it is watched
new ctt-gone
"$conntune" status --watch 1 --count 2 >"$tmp/out" 2>"$tmp/err" </dev/null 9>&- &
watcher=$!
for _ in $(seq 600); do
	[ ! -s "$tmp/out" ] || break
	sleep 0.1
done
ip netns del ctt-gone
status=0
wait $watcher || status=$?
is "a namespace goes meanwhile" "$status $(wc -l <"$tmp/out" | tr -d ' ')" "0 2"
done_here
