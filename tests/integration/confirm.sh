#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
# apply --confirm: undone unless confirmed in time, whatever becomes of apply, its terminal or its guard.
# shellcheck disable=SC2317 # functions that until_true calls
. "${srcdir:-.}/tests/integration/lib.sh"
need jq flock setsid

nf=proc/sys/net/netfilter
pending=run/conntune/pending.json
old="65536 65536"
new="100000 131072"

in_force()
{
	echo "$(cat "$tree/$nf/nf_conntrack_max") $(cat "$tree/$nf/nf_conntrack_buckets")"
}

# until SECONDS COMMAND...: the command succeeds before so many seconds have gone
until_true()
{
	end=$(($(date +%s) + $1 + 1))
	shift
	until "$@"; do
		[ "$(date +%s)" -lt "$end" ] || return 1
		sleep 0.02
	done
}

# A guard that has ended may wait for its exit status to be fetched.
guard_ended()
{
	case $(sed 's/.*) //' "/proc/$guard/stat" 2>/dev/null) in
	'' | Z*) return 0 ;;
	*) return 1 ;;
	esac
}

nothing_waits()
{
	[ ! -e "$tree/$pending" ]
}

waits()
{
	[ -e "$tree/$pending" ]
}

# start NAME SECONDS [OPTION...]: a machine on which an apply waits; $guard is its guard
start()
{
	what=$1
	machine "$1"
	shift
	run apply --root "$tree" --policy fixed --limit 100000 --confirm "$@"
	is "$what: exit code of apply" "$status" 0
	is "$what: set" "$(in_force)" "$new"
	guard=$(jq .guard_pid "$tree/$pending")
}

# undone SECONDS: by then the old values are back, and nothing is left
undone()
{
	until_true "$1" nothing_waits || fail "$what: still waits after $1 s"
	is "$what: in force afterwards" "$(in_force)" "$old"
	is "$what: left over" "$(cd "$tree" && find var run etc -type f ! -path run/conntune/lock 2>/dev/null)" ""
	until_true 2 guard_ended || fail "$what: guard $guard is still there"
}

# --- not confirmed
began=$(date +%s)
start late 1
undone 3
is "$what: not before its time" "$(($(date +%s) - began >= 1))" 1

# --- confirmed
start kept 20
run confirm --root "$tree" --json
is "$what: exit code" "$status" 0
is "$what: errors" "$(cat "$tmp/err")" ""
is "$what: says" "$(json '"\(.limit) \(.buckets)"')" "$new"
documented confirm
until_true 2 guard_ended || fail "$what: the guard doesn't notice"
is "$what: in force" "$(in_force)" "$new"
is "$what: first values stay on record" "$(jq .limit "$tree/var/lib/conntune/first.json")" 65536
refused 1 "nothing waits to be confirmed" confirm --root "$tree"
run revert --root "$tree"
is "$what: reverted" "$(in_force)" "$old"

# --- boot files come with the confirmation
start persist 20 --persist
is "$what: no files before" "$(find "$tree/etc" -type f 2>/dev/null)" ""
put etc/sysctl.d/99-local.conf "net.netfilter.nf_conntrack_max = 4711"
run confirm --root "$tree" --json
is "$what: exit code" "$status" 0
is "$what: files" "$(json '[.files[] | .change] | join(" ")')" "create create create"
is "$what: files" "$(find "$tree/etc" -name '*conntune.conf' | wc -l | tr -d ' ')" 3
is "$what: warnings" "$(json '.warnings | length')" 1
documented confirm persist

# --- boot files that can't be written: not confirmed
start blocked 20 --persist
put etc/modprobe.d "a file where a directory should be"
run confirm --root "$tree"
is "$what: exit code" "$status" 5
is "$what: still waits" "$(waits && echo yes)" yes
kill -TERM "$guard"
until_true 2 nothing_waits || fail "$what: still waits"
is "$what: in force" "$(in_force)" "$old"

# --- JSON of apply
machine output
run apply --root "$tree" --policy fixed --limit 100000 --confirm 20 --json
is "output: seconds" "$(json .pending.seconds_left)" 20
documented apply pending
run status --root "$tree" --json
is "status: pending" "$(json '.pending | "\(.old_limit) \(.old_buckets) \(.seconds_left <= 20 and .seconds_left > 10)"')" \
	"65536 65536 true"
refused 1 "an apply waits for confirmation, [0-9]* s are left: 'conntune confirm' keeps it" apply --root "$tree"
run revert --root "$tree" --json
is "revert: exit code" "$status" 0
is "revert: undoes what waits" "$(json '.pending_undone')" true
documented revert pending
is "revert: in force" "$(in_force)" "$old"

# --- nobody who waits for the end of apply's output has to wait for the guard
machine pipe
text=$(timeout 10 "$conntune" apply --root "$tree" --policy fixed --limit 100000 --confirm 20 2>&1)
is "pipe: exit code" $? 0
case $text in
*"undone in 20 s, unless"*) ;;
*) fail "pipe: $text" ;;
esac
guard=$(jq .guard_pid "$tree/$pending")
is "pipe: the guard's files" \
	"$(for f in "/proc/$guard"/fd/[0-2]; do readlink "$f"; done | sort -u)" /dev/null
is "pipe: the guard's session" "$(cut -d ' ' -f 6 "/proc/$guard/stat" | grep -cx "$(cut -d ' ' -f 6 /proc/$$/stat)")" 0
is "pipe: the guard's directory" "$(readlink "/proc/$guard/cwd")" /

# --- signals of a terminal don't end it, SIGTERM undoes at once
for signal in HUP INT QUIT TSTP PIPE ALRM; do
	kill -$signal "$guard"
done
is "signals: still waits" "$(waits && echo yes)" yes
what=term
kill -TERM "$guard"
undone 3

# --- the guard is killed: the next command that changes something does its work
for command in apply revert confirm; do
	start "guardless-$command" 1
	kill -KILL "$guard"
	until_true 2 guard_ended
	deadline=$(jq .deadline_usec "$tree/$pending")
	jq '.deadline_usec = 1' "$tree/$pending" >"$tmp/past" && cp "$tmp/past" "$tree/$pending"
	[ "$deadline" -gt 1 ] || fail "$what: no deadline"
	run status --root "$tree" --json
	is "$what: status" "$(json .pending.seconds_left)" 0
	run status --root "$tree"
	grep -q "overdue, its guard is gone" "$tmp/out" || fail "$what: $(cat "$tmp/out")"
	case $command in
	apply)
		run apply --root "$tree" --policy fixed --limit 65000 --json
		is "$what: exit code" "$status" 0
		is "$what: undone first" "$(json '"\(.overdue_undone) \(.steps[] | select(.sets == "limit") | .old)"')" "true 65536"
		documented apply overdue
		run revert --root "$tree"
		;;
	revert)
		run revert --root "$tree"
		is "$what: exit code" "$status" 0
		;;
	confirm)
		run confirm --root "$tree"
		is "$what: exit code" "$status" 1
		grep -q "too late" "$tmp/err" || fail "$what: $(cat "$tmp/err")"
		;;
	esac
	undone 0
done

# --- apply is killed as soon as anything waits: old values in the end, wherever it was
for i in 1 2 3 4 5; do
	machine "killed-$i"
	setsid "$conntune" apply --root "$tree" --policy fixed --limit 100000 --confirm 1 >/dev/null 2>&1 &
	apply=$!
	while [ ! -e "$tree/$pending" ] && kill -0 $apply 2>/dev/null; do
		:
	done
	kill -KILL $apply 2>/dev/null
	wait $apply 2>/dev/null
done
for i in 1 2 3 4 5; do
	what="killed $i"
	tree=$tmp/killed-$i
	guard=$(jq .guard_pid "$tree/$pending" 2>/dev/null || echo gone)
	undone 3
done

# --- a deadline further away than any can be is from before a reboot that /run survived: overdue
start rebooted 20
kill -KILL "$guard"
until_true 2 guard_ended
jq '.deadline_usec += 86400000001' "$tree/$pending" >"$tmp/far" && cp "$tmp/far" "$tree/$pending"
run apply --root "$tree" --policy fixed --limit 65000 --json
is "$what: exit code" "$status" 0
is "$what: undone first" "$(json .overdue_undone)" true

# --- somebody else sets the limit meanwhile: that stays, and can't be confirmed
start foreign 20
put $nf/nf_conntrack_max 77777
refused 1 "a limit of 100000 was set, but 77777 is in force" confirm --root "$tree"
kill -TERM "$guard"
until_true 2 nothing_waits || fail "$what: still waits"
is "$what: in force" "$(in_force)" "77777 65536"

# --- the lock is held by one that hangs
start locked 1
(
	flock 9
	exec sleep 30
) 9>"$tree/run/conntune/lock" &
holder=$!
undone 5
kill $holder

# --- nothing to do: nothing waits
machine nothing 100000 131072
run apply --root "$tree" --policy fixed --limit 100000 --buckets 131072 --confirm 5
is "nothing to do: exit code" "$status" 0
is "nothing to do: nothing waits" "$(waits || echo no)" no

# --- a damaged file: named, left alone, and nothing else is changed
machine damaged
put $pending '{"format": "conntune pending 1"}'
for command in apply confirm revert; do
	refused 5 "pending.json .*is damaged" $command --root "$tree"
	is "damaged, $command: in force" "$(in_force)" "$old"
	is "damaged, $command: file" "$(cat "$tree/$pending")" '{"format": "conntune pending 1"}'
done

# --- apply fails: nothing waits, the guard goes
what=failing
machine failing
put proc/sys/kernel/osrelease 4.4.0-test
run apply --root "$tree" --policy fixed --limit 30000 --confirm 20
is "$what: exit code" "$status" 5
grep -q "sys/module/nf_conntrack/parameters/hashsize" "$tmp/err" || fail "$what: $(cat "$tmp/err")"
guard=none
undone 0
no_guard_of_tree()
{
	! grep -lz -e "$tree" /proc/[0-9]*/cmdline >/dev/null 2>&1
}
until_true 2 no_guard_of_tree || fail "$what: its guard is still there"
finish
