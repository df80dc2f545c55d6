# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=sh disable=SC2154
# For scripts that let conntuned run on a captured machine and make life hard for it. Sourced, from the top of the build tree.
# shellcheck source=../integration/lib.sh
. "${srcdir:-.}/tests/integration/lib.sh"

conntuned=${CONNTUNED:-./conntuned}
[ -x "$conntuned" ] || skip "conntuned isn't built: libsystemd or libeconf is missing"
nf=proc/sys/net/netfilter
daemon=
others=
# shellcheck disable=SC2086
trap 'kill -9 $daemon $others 2>/dev/null; [ -z "${mounted-}" ] || umount "$mounted"; rm -rf "$tmp"' EXIT

# until_true SECONDS COMMAND...: the command succeeds before so many seconds have gone
until_true()
{
	end=$(($(date +%s) + $1 + 1))
	shift
	checks=$((checks + 1))
	until "$@"; do
		[ "$(date +%s)" -lt "$end" ] || { fail "not in time: $*; log: $(tail -n 40 "$tmp/log")"; return 1; }
		sleep 0.02
	done
}

# start [OPTION...]: in the background on $tree; its lines are in $tmp/log
start()
{
	: >"$tmp/log"
	"$conntuned" --root "$tree" "$@" 2>>"$tmp/log" &
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

# run_daemon ARGUMENT...: in the foreground; leaves $status, $tmp/out, $tmp/log
run_daemon()
{
	status=0
	"$conntuned" --root "$tree" "$@" >"$tmp/out" 2>"$tmp/log" </dev/null || status=$?
}

said()
{
	grep -qe "$1" "$tmp/log"
}

# lines PATTERN: how many
lines()
{
	grep -ce "$1" "$tmp/log"
}

# said_times N PATTERN: so often at least
said_times()
{
	[ "$(lines "$2")" -ge "$1" ]
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
	put $nf/new "$1"
	chmod 444 "$tree/$nf/new"
	mv -f "$tree/$nf/new" "$tree/$nf/nf_conntrack_count"
}

# alive WHAT: it still follows: a table that fills gets a higher limit
alive()
{
	limit=$(value max)
	entries $((limit * 9 / 10))
	until_true 30 raised max "$limit"
	entries 100
	kill -0 "$daemon" 2>/dev/null || fail "$1: it is gone"
}
