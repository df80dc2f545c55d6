#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
# conntuned on captured machines: starts, follows, stops, survives; and on this kernel in a network namespace of its own.
# shellcheck disable=SC2317 # functions that until_true calls
. "${srcdir:-.}/tests/integration/lib.sh"
need setsid flock

conntuned=${CONNTUNED:-./conntuned}
[ -x "$conntuned" ] || skip "conntuned isn't built: libsystemd or libeconf is missing"
nf=proc/sys/net/netfilter
daemon=
trap '[ -z "$daemon" ] || kill -9 "$daemon" 2>/dev/null; rm -rf "$tmp"' EXIT

# start [OPTION...]: in the background on $tree; its lines are in $tmp/log
start()
{
	: >"$tmp/log"
	"$conntuned" --sandbox kill --root "$tree" "$@" 2>>"$tmp/log" &
	daemon=$!
}

# stop [SIGNAL]: leaves $status
stop()
{
	status=0
	kill -"${1-TERM}" "$daemon"
	wait "$daemon" || status=$?
	daemon=
}

said()
{
	grep -qe "$1" "$tmp/log"
}

value()
{
	cat "$tree/$nf/nf_conntrack_$1" 2>/dev/null
}

# raised NAME ABOVE
raised()
{
	[ "$(value "$1")" -gt "$2" ]
}

# entries NUMBER: the file is one that nobody may write
entries()
{
	rm -f "$tree/$nf/nf_conntrack_count"
	put $nf/nf_conntrack_count "$1"
	chmod 444 "$tree/$nf/nf_conntrack_count"
}

# run_daemon ARGUMENT...: in the foreground; leaves $status, $tmp/out, $tmp/err
run_daemon()
{
	status=0
	"$conntuned" "$@" >"$tmp/out" 2>"$tmp/err" </dev/null || status=$?
}

# --- options
run_daemon --help
is "--help: exit code" "$status" 0
is "--help names the options of the manual" "$(sed -n 's/^  --\([a-z-]*\).*/\1/p' "$tmp/out" | sort)" \
	"$(sed -n 's/^\.It Fl Fl \([a-z-]*\).*/\1/p' "$src/man/conntuned.8" | sort)"
if command -v bash >/dev/null; then
	# shellcheck disable=SC2016
	offered=$(CONNTUNED=$conntuned bash -c '
		conntuned() { "$CONNTUNED" "$@"; }
		. "$1"
		COMP_WORDS=(conntuned --) COMP_CWORD=1
		_conntuned
		printf "%s\n" "${COMPREPLY[@]}"
		' bash "$src/etc/completion/conntuned" | sort)
	is "completion offers them" "$offered" "$(sed -n 's/^  \(--[a-z-]*\).*/\1/p' "$tmp/out" | sort)"
fi
# words that others may look for are an interface: kinds of lines, fields, states, reasons, methods
for word in $(sed -n 's/^#define JOURNAL_ID_[A-Z]* "\(.*\)"$/\1/p' "$src/src/daemon/journal.h") \
	$(grep -o 'CONNTUNE_[A-Z]*' "$src/src/daemon/journal.c" | sort -u) \
	$(grep -o 'DECIDE_[A-Z_]*\] = \({ \)*"[a-z-]*' "$src/src/daemon/words.c" | sed 's/.*"//') \
	$(sed -n 's/^\(method\|error\) \([A-Za-z]*\).*/\2/p' "$src/src/daemon/org.conntune.varlink"); do
	grep -q "^\.\(It\|Cm\) .*$word\b" "$src/man/conntuned.8" || fail "conntuned.8 doesn't document $word"
	checks=$((checks + 1))
done
run_daemon --version
is "--version" "$(cat "$tmp/out")" "conntuned $("$conntune" --version | sed 's/conntune //')"
for bad in --fast "--root" "now" "--state=../x" "--socket=" "--root=$tmp/nowhere" --cycles=0 --cycles= --cycles=-1 --cycles=1000000001; do
	run_daemon "$bad"
	is "conntuned $bad: exit code" "$status" 2
	is "conntuned $bad: one line" "$(wc -l <"$tmp/err" | tr -d ' ')" 1
done

machine config
run_daemon --root "$tree" --check-config
is "no configuration is a fine one" "$status" 0
put etc/conntune/conntuned.conf '[Tuning]
Mode=advise
Limit=many'
run_daemon --root "$tree" --check-config
is "a bad setting: exit code" "$status" 1
is "is named with its line" "$(grep -c 'conntuned.conf:3: ' "$tmp/err")" 1
run_daemon --root "$tree" --print-config
is "--print-config shows what holds" "$(grep '^Mode=' "$tmp/out")" "Mode=advise"

# --- a machine without connection tracking, then with it
machine life 65536 65536 100
mkdir -p "$tree/var/lib"
rm "$tree/$nf"/nf_conntrack_*  "$tree/proc/sys/net/nf_conntrack_max"
rm -r "$tree/sys/module/nf_conntrack"
start
until_true 20 said 'state absent'
machine life 65536 65536 100
until_true 20 raised max 65536
until_true 20 raised buckets 65536
is "the first values are recorded" "$(cat "$tree/var/lib/conntune/first.json" | tr -d ' \n')" \
	'{"format":"conntunefirst1","limit":65536,"buckets":65536,"module_loaded":true}'

run_daemon --root "$tree"
is "a second one: exit code" "$status" 1
is "a second one says why" "$(grep -c 'another conntuned is at work' "$tmp/err")" 1

# growth: the limit goes ahead of the entries, step by step
limit=$(value max)
entries=$((limit * 7 / 10))
while [ "$(value max)" = "$limit" ] && [ $entries -lt "$limit" ]; do
	entries $entries
	sleep 1.1
	entries=$((entries + limit / 20))
done
is "the limit is raised before the table is full" "$([ "$(value max)" -gt "$limit" ] && echo yes)" yes
until_true 20 said 'limit set from .*(forecast)'

# somebody else
put $nf/nf_conntrack_max 300000
put proc/sys/net/nf_conntrack_max 300000
until_true 20 said 'somebody else set the limit to 300000'
entries 50
sleep 2
is "what he set stays" "$(value max)" 300000

put etc/conntune/conntuned.conf '[Tuning]
CoolDown=never'
kill -HUP "$daemon"
until_true 20 said 'conntuned.conf:2: '
stop
is "a clean stop: exit code" "$status" 0

# --- an apply of the command line that waits
machine waits 65536 65536 100
start
until_true 20 raised max 65536
run apply --root "$tree" --policy fixed --limit 90000 --confirm 600
is "an apply beside the daemon" "$status" 0
until_true 20 said 'state held'
run confirm --root "$tree"
until_true 20 said 'state rest, was held'
is "it stays as it was confirmed" "$(value max)" 90000
stop INT

# --- restore, dry run, advice
machine restore 65536 65536 100
start --restore-at-exit
until_true 20 raised max 65536
stop
is "restored" "$(value max) $(value buckets)" "65536 65536"
is "nothing is left to revert" "$(ls "$tree/var/lib/conntune/first.json" 2>/dev/null)" ""
start --restore-at-exit
until_true 20 said 'limit set from 65536'
until_true 20 raised buckets 65536
put $nf/nf_conntrack_max 300000
put proc/sys/net/nf_conntrack_max 300000
until_true 20 said 'somebody else set the limit to 300000'
stop
is "what somebody else has set isn't restored" "$(value max) $(value buckets)" "300000 65536"
is "and it is said so" "$(grep -c '65536 buckets as found at the start; limit 300000 stays' "$tmp/log")" 1
put $nf/nf_conntrack_max 65536
put proc/sys/net/nf_conntrack_max 65536
rm "$tree/var/lib/conntune/first.json"
before=$(cd "$tree" && find . | sort)
start --dry-run
until_true 20 said 'limit would go from 65536'
stop
is "a dry run changes nothing" "$(value max) $(value buckets)" "65536 65536"
is "and leaves no trace" "$(cd "$tree" && find . | sort)" "$before"
put etc/conntune/conntuned.conf '[Tuning]
Mode=advise'
start
until_true 20 said 'limit would go from 65536'
stop
is "nor does advice" "$(value max) $(value buckets)" "65536 65536"

# what is needed to shorten time-outs at 60000 entries
adaptive()
{
	put etc/conntune/conntuned.conf '[Tuning]
Policy=fixed
Limit=65536
[Timeouts]
Adaptive=yes'
}

# --- time-outs survive a crash
machine crash 65536 65536 60000
put $nf/nf_conntrack_udp_timeout 30
put $nf/nf_conntrack_tcp_timeout_syn_sent 120
adaptive
start
until_true 20 said 'time-outs set'
is "shorter" "$([ "$(value udp_timeout)" -lt 30 ] && [ "$(value tcp_timeout_syn_sent)" -lt 120 ] && echo yes)" yes
stop KILL 2>/dev/null
short=$(value udp_timeout)
is "killed: they are still short" "$([ "$short" -lt 30 ] && echo yes)" yes
run_daemon --root "$tree" --dry-run --cycles 1
is "a dry run doesn't touch them" "$(value udp_timeout)" "$short"
# in advice as well: it may last for ever
put etc/conntune/conntuned.conf '[Tuning]
Mode=advise'
start
until_true 20 said 'time-outs back'
is "back after the next start" "$(value udp_timeout) $(value tcp_timeout_syn_sent)" "30 120"
is "and nothing else" "$(value max) $(value buckets)" "65536 65536"
stop

# --- they come back in advice and at a stop, whoever is at work
adaptive
start
until_true 20 said 'time-outs set'
exec 8<"$tree/run/conntune/lock"
flock 8
put etc/conntune/conntuned.conf '[Tuning]
Mode=advise'
kill -HUP "$daemon"
until_true 20 said 'time-outs stay short for now'
kill -TERM "$daemon"
until_true 20 said 'waiting for it'
exec 8<&-
stop CONT
is "a stop waits for who is at work: exit code" "$status" 0
is "and puts back what was short" "$(value udp_timeout) $(value tcp_timeout_syn_sent)" "30 120"

# --- every captured machine: one cycle, no crash; what can't be told ends the daemon with a reason
captured
for tree in "$trees"/*/; do
	name=$(basename "$tree")
	: >"$tmp/log"
	"$conntuned" --sandbox kill --root "$tree" --dry-run 2>>"$tmp/log" &
	daemon=$!
	if [ "$name" = 5.10-no-memtotal ]; then
		status=0
		wait "$daemon" || status=$?
		daemon=
		is "$name: exit code" "$status" 4
	else
		until_true 20 said 'state '
		stop
		is "$name: exit code" "$status" 0
	fi
done

finish
