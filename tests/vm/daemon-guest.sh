# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=sh disable=SC2034
# What the guests of tests/vm/daemon* use beside guest.sh.

# start [OPTION...]: conntuned in the background; its lines are in /tmp/daemon.log
start()
{
	: >/tmp/daemon.log
	conntuned --sandbox kill "$@" 2>>/tmp/daemon.log &
	daemon=$!
}

# stop [SIGNAL]: and wait for it
stop()
{
	kill -"${1-TERM}" $daemon
	wait $daemon
	ended=$?
}

# hundredths of a second since boot, in $time: no process is started for it, here they are slow
now()
{
	read -r up idle </proc/uptime
	time=${up%.*}${up#*.}
}

# await LIMIT/BUCKETS: in force, or a quarter of a minute is over; $passed is when
await()
{
	now
	end=$((time + 1500))
	# not by `read`: it takes byte by byte, and a file below /proc/sys has an end after each
	until [ "$(limit)/$(buckets)" = "$1" ] || [ $time -gt $end ]; do
		now
	done
	now
	passed=$time
}

# until_true SECONDS COMMAND...: it holds within so long
until_true()
{
	now
	end=$((time + $1 * 100))
	shift
	until "$@"; do
		now
		[ $time -lt $end ] || { echo "FAILED: not in time: $*"; failed=1; return 1; }
		sleep 0.01
	done
}

# said PATTERN: in a line of the daemon's
said()
{
	grep -qE -- "$1" /tmp/daemon.log
}

said_times()
{
	[ "$(grep -cE -- "$2" /tmp/daemon.log)" -ge "$1" ]
}

limit_is_above()
{
	[ "$(limit 2>/dev/null || echo 0)" -gt "$1" ]
}

# start2 [OPTION...]: a second one, in /tmp/second.log
start2()
{
	conntuned --sandbox kill "$@" 2>/tmp/second.log &
	second=$!
}

buckets_are_above()
{
	[ "$(buckets 2>/dev/null || echo 0)" -gt "$1" ]
}

# the same limit for a second
settled()
{
	seen=$(limit)
	sleep 1
	[ "$seen" = "$(limit)" ]
}
