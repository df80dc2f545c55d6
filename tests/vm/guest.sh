# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=sh disable=SC2034
# What the script of a guest may use.
failed=0
net=/proc/sys/net/netfilter

limit()
{
	cat $net/nf_conntrack_max
}

buckets()
{
	cat $net/nf_conntrack_buckets
}

# expect WHAT WANTED GOT: one line for each thing that must hold
expect()
{
	if [ "$2" = "$3" ]; then
		echo "ok: $1"
	else
		echo "FAILED: $1: expected '$2', got '$3'"
		failed=1
	fi
}

# expect_text WHAT PATTERN TEXT: a line of TEXT matches
expect_text()
{
	if printf '%s\n' "$3" | grep -qE -- "$2"; then
		echo "ok: $1"
	else
		echo "FAILED: $1: no '$2' in:"
		printf '%s\n' "$3"
		failed=1
	fi
}

# runs STATUS COMMAND...: what it printed goes to $said, and to the log if the exit status is another one
runs()
{
	wanted=$1
	shift
	said=$("$@" 2>&1 </dev/null)
	got=$?
	expect "exit status of: $*" "$wanted" $got
	[ "$wanted" = $got ] || printf '%s\n' "$said"
}
