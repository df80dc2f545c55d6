#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
# The commands that talk to a running conntuned, with one that has only its local API, and with some that misbehave.
# It listens below a captured machine, so nothing of this machine is asked.
. "${srcdir:-.}/tests/integration/lib.sh"
need jq timeout

fake=./tests/integration/fake-conntuned
ask=./tests/integration/varlink-ask
[ -x "$fake" ] || skip "built without the daemon"

# the name of a socket has 107 bytes at most: a directory of its own, nearer to the root if need be
[ ${#tmp} -lt 60 ] || skip "TMPDIR is too long a path for a socket"
machine host 131072 65536 41200
mkdir -p "$tree/run/conntuned"
pid=
trap '[ -z "$pid" ] || kill "$pid" 2>/dev/null; rm -rf "$tmp"' EXIT

# start [HOW]: a daemon listens once this returns
start()
{
	pid=$("$fake" "$tree/run/conntuned/org.conntune" "$@") && [ -n "$pid" ] || fail "no daemon: $*"
}

# stop [SIGNAL]
stop()
{
	kill ${1+"$1"} "$pid"
	# not our child: its end is seen when the kernel has no such process any more
	while kill -0 "$pid" 2>/dev/null; do sleep 0.02; done
	pid=
}

# --- none runs
for command in hold 'hold 90' resume history 'history --json'; do
	# shellcheck disable=SC2086
	refused 5 "conntuned isn't running: there is no .*/run/conntuned/org.conntune" $command --root "$tree"
done
refused 1 "nothing waits to be confirmed" confirm --root "$tree"
run status --root "$tree" --json
is "no daemon: status" "$status $(json 'has("daemon"), has("daemon_error")' | tr '\n' ' ')" "0 false false "
cp "$tmp/out" "$tmp/without"

# --- one runs
start
run status --root "$tree" --json
is "status: exit code" "$status" 0
is "status: state" "$(json '.daemon | "\(.state) \(.mode) \(.reason) \(.target_limit) \(.ceiling) \(.full_in_seconds)"')" \
	"growth advise forecast 262144 1048576 4.75"
is "status: instants are whole seconds" "$(json '.daemon | "\(.started) \(.actions[0].time)"')" "1795500001 1795600000"
is "status: actions" "$(json '.daemon.actions | map("\(.result) \(.old_limit) \(.new_limit)") | join(", ")')" \
	"done 65536 131072, failed 131072 262144"
is "status: nested" "$(json '.daemon | "\(.namespaces.worst.name) \(.foreign[0].value) \(.settings["Tuning.Mode"]) \(.cause.name)"')" \
	"web 65536 advise flood"
is "status: the rest is as without" "$(jq -cS 'del(.daemon)' "$tmp/out")" "$(jq -cS . "$tmp/without")"
jq 'del(.daemon.settings)' "$tmp/out" >"$tmp/known" && mv "$tmp/known" "$tmp/out"
documented status daemon
run status --root "$tree"
for line in 'state  *growth  *the table would be full soon' 'mode  *advise  *nothing is written' 'full in  *5 s' \
	'limit aimed at  *262144  *memory allows 1048576' 'nf_conntrack_buckets  *65536  *somebody else' \
	'set  *forecast  *131072  *65536  *done' 'set  *demand  *262144  *-  *failed'; do
	grep -q "^  .*$line" "$tmp/out" || fail "status doesn't show '$line'"
	checks=$((checks + 1))
done
is "status: lines beyond 80 columns" "$(awk 'length($0) > 80' "$tmp/out")" ""

# what it says is what its schema says
for method in Status Resume Hold; do
	"$ask" "$tree" "org.conntune.$method" >"$tmp/out" 2>&1 || fail "$method: $(cat "$tmp/out")"
	checks=$((checks + 1))
done
"$ask" "$tree" org.conntune.History '{"span": "hour"}' >"$tmp/out" 2>&1 || fail "History: $(tail -n 1 "$tmp/out")"
is "history in one answer" "$(json '.rows | length')" 128
"$ask" "$tree" org.conntune.History '{"span": "week"}' >"$tmp/out" 2>&1 && fail "a span of a week"
grep -q "parameter: span" "$tmp/out" || fail "a span of a week: $(cat "$tmp/out")"
"$ask" "$tree" org.conntune.Resume >/dev/null || fail "Resume"

# --- hold and resume
held()
{
	run status --root "$tree" --json
	json '.daemon | if has("hold") then .hold.seconds_left // "until resume" else "no" end'
}
is "not held" "$(held)" no
while read -r time seconds; do
	run hold "$time" --root "$tree" --json
	is "hold $time: exit code" "$status" 0
	is "hold $time: said" "$(json '"\(.held) \(.seconds)"')" "true $seconds"
	documented hold
	is "hold $time" "$(held)" "$seconds"
done <<-end
	90 90
	90s 90
	15min 900
	15m 900
	2h 7200
	1d 86400
	365d 31536000
	00001 1
end
run status --root "$tree"
grep -q 'held for  *1 s' "$tmp/out" || fail "status doesn't show the hold"
run hold --root "$tree"
is "hold: exit code" "$status" 0
grep -q 'changes nothing until `conntune resume`' "$tmp/out" || fail "hold: $(cat "$tmp/out")"
is "hold" "$(held)" "until resume"
run status --root "$tree"
grep -q 'held until  *`conntune resume`' "$tmp/out" || fail "status doesn't show the hold without an end"
run resume --root "$tree" --json
is "resume" "$status $(json .resumed)" "0 true"
documented resume
is "after resume" "$(held)" no
for time in '' ' ' 0 0h +1 1.5h 1x 1H h min 1hour '1 h' 1h30min 366d 31536001 9999999999999999999999 99999999999999999999d 1e3 0x10 inf; do
	refused 2 "time '" hold "$time" --root "$tree"
done
is "after bad times" "$(held)" no
refused 2 "unexpected argument '5'" hold 90 5
refused 2 "unexpected argument '5'" resume 5

# --- history
run history --root "$tree" --json
is "history: all rows" "$status $(json '"\(.span) \(.history | length) \(.history[0].seconds)"')" "0 minute 299 60"
is "history: a row" "$(json '.history[2] | "\(.peak) \(.mean) \(.p95) \(.limit) \(.drops) \(.early_drops)"')" "3000 500 900 65536 1 2"
is "history: no limit" "$(json '.history[-1] | has("limit")')" false
documented history
run history --span hour --root "$tree"
is "history: exit code" "$status" 0
is "history: title" "$(head -n 1 "$tmp/out")" "Most entries of each hour"
is "history: rows and the gap" "$(grep -c '[0-9]:[0-9]' "$tmp/out") $(grep -c '^ *[.][.][.]$' "$tmp/out")" "48 1"
is "history: longest bar" "$(awk '/#/ { n = gsub(/#/, "#"); if (n > most) most = n } END { print most }' "$tmp/out")" 33
is "history: share and loss" "$(grep -c ' 10000  *15 % ' "$tmp/out")" 4
is "history: lines beyond 80 columns" "$(awk 'length($0) > 80' "$tmp/out")" ""
run history --span day --root "$tree"
grep -q 'Nothing has been noted yet' "$tmp/out" || fail "no days: $(cat "$tmp/out")"
run history --span day --root "$tree" --json
is "history: no days" "$(json '.history | length')" 0
for bad in week Minute minutes 'minute ' x; do
	refused 2 "span '$bad': must be minute, hour or day" history --span "$bad"
done
refused 2 "span ''" history --span ''
refused 2 "status takes no --span" status --span day

# --- confirm: nothing, the daemon's change, an apply, both
refused 1 "nothing waits to be confirmed" confirm --root "$tree"
stop
start waiting
run status --root "$tree"
grep -q 'taken back in  *30 s  *unless `conntune confirm`' "$tmp/out" || fail "status doesn't show what waits"
run confirm --root "$tree" --json
is "confirm: the daemon's" "$status $(json .daemon_confirmed)" "0 true"
documented confirm
refused 1 "nothing waits to be confirmed" confirm --root "$tree"
run apply --root "$tree" --policy fixed --limit 200000 --confirm 3600
is "apply --confirm beside a daemon" "$status" 0
run confirm --root "$tree" --json
is "confirm: the apply's" "$status $(json '"\(.limit) \(has("daemon_confirmed"))"')" "0 200000 false"
stop
start waiting
run apply --root "$tree" --policy fixed --limit 300000 --confirm 3600
run confirm --root "$tree" --json
is "confirm: both" "$status $(json '"\(.limit) \(.daemon_confirmed)"')" "0 300000 true"
refused 1 "nothing waits to be confirmed" confirm --root "$tree"
stop

# --- one that is gone but left its socket
start
stop -9
refused 5 "conntuned isn't running: nobody listens on" resume --root "$tree"
run status --root "$tree" --json
is "left socket: status" "$status $(json 'has("daemon"), has("daemon_error")' | tr '\n' ' ')" "0 false false "
# and the next one takes its place
start
is "after a kill" "$(held)" no
stop

# --- those that don't answer, or not as they should: everything else is shown all the same
start mute
status=0
timeout 60 "$conntune" status --root "$tree" --json >"$tmp/out" 2>"$tmp/err" || status=$?
is "mute: status" "$status $(json '"\(.entries) \(has("daemon")) \(.daemon_error)"')" \
	"0 41200 false conntuned didn't answer within 0.2 s"
documented status mute
run status --root "$tree"
grep -q "conntuned didn't answer within 0.2 s" "$tmp/out" || fail "mute: not told"
run apply --root "$tree" --policy fixed --limit 400000 --confirm 3600
run confirm --root "$tree" --json
is "mute: an apply is confirmed all the same" "$status $(json '"\(.limit) \(.daemon_error)"')" \
	"0 400000 conntuned didn't answer within 5 s"
stop
rm "$tree/run/conntuned/org.conntune"
start garbage
run status --root "$tree" --json
is "garbage: status" "$status $(json '"\(.entries) \(.daemon_error)"' | cut -c 1-35)" "0 41200 what answers isn't conntuned:"
refused 5 "what answers isn't conntuned" hold --root "$tree"
stop
finish
