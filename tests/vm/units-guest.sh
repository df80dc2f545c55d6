# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=sh disable=SC2034
# What the guests of tests/vm/units use beside guest.sh.

# until_true SECONDS COMMAND...: it holds within so long
until_true()
{
	read -r up idle </proc/uptime
	end=$((${up%.*} + $1))
	shift
	until "$@"; do
		read -r up idle </proc/uptime
		[ "${up%.*}" -lt $end ] || { echo "FAILED: not in time: $*"; failed=1; journalctl -b --no-pager -o cat -u conntuned | tail -n 5; return 1; }
		sleep 0.2
	done
}

# journal PATTERN: in a line of the daemon's
journal()
{
	journalctl -b --no-pager -o cat -u conntuned | grep -qE -- "$1"
}

journal_times()
{
	[ "$(journalctl -b --no-pager -o cat -u conntuned | grep -cE -- "$2")" -ge "$1" ]
}

# [UNIT]
# shellcheck disable=SC2120 # called by those who source this
pid()
{
	systemctl show -p MainPID --value "${1:-conntuned}"
}

# scrape_says PATTERN: in a line of the metrics
scrape_says()
{
	wget -q -O - http://127.0.0.1:9877/metrics | grep -qE -- "$1"
}

# restarted PID: it runs, but not as that
restarted()
{
	[ "$(systemctl is-active conntuned)" = active ] && [ "$(pid)" != "$1" ] && [ "$(pid)" != 0 ]
}

limit_is()
{
	[ "$(limit 2>/dev/null)" = "$1" ]
}

limit_is_above()
{
	[ "$(limit 2>/dev/null || echo 0)" -gt "$1" ]
}

buckets_are_above()
{
	[ "$(buckets 2>/dev/null || echo 0)" -gt "$1" ]
}

values_are()
{
	[ "$(limit)/$(buckets)" = "$1" ]
}

# not the shell's own, which doesn't know all directories
modprobe()
{
	/usr/bin/modprobe "$@"
}

# of a daemon that runs: 0 would be everybody here
crash()
{
	[ "$(pid)" -gt 1 ] && kill -9 "$(pid)"
}
