#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
# conntuned on this kernel, in a network namespace of its own, where it may look at everything and set nothing.
# shellcheck disable=SC2317 # functions that until_true calls
if [ -z "${CONNTUNE_INSIDE-}" ]; then
	user=-Ur
	[ "$(id -u)" != 0 ] || user=
	# shellcheck disable=SC2086
	unshare $user -nm true 2>/dev/null || { echo "skipped: no network namespaces here"; exit 77; }
	# shellcheck disable=SC2086
	CONNTUNE_INSIDE=1 exec unshare $user -nm sh "$0" "$@"
fi
. "${srcdir:-.}/tests/integration/lib.sh"
need jq ip

conntuned=${CONNTUNED:-./conntuned}
make=tests/integration/ct-make
[ -x "$conntuned" ] || skip "conntuned isn't built: libsystemd or libeconf is missing"
[ -e /proc/sys/net/netfilter/nf_conntrack_count ] || skip "no connection tracking here"
# state, lock and socket of a conntuned that runs on this machine must not be met
mount -t tmpfs none /run && mount -t tmpfs none /var/lib || skip "nothing can be mounted here"
"$make" "n=1 proto=17 src=10.0.0.1 dst=10.0.0.2 dport=53 status=8 timeout=600" || skip "entries can't be made here"
daemon=
other=
trap 'kill $daemon $other 2>/dev/null; rm -rf "$tmp"' EXIT

said()
{
	grep -qe "$1" "$tmp/log"
}

# tells FILTER: true for what the running daemon says of itself
tells()
{
	run status --json
	jq -e ".daemon | $1" "$tmp/out" >/dev/null
}

# another network namespace, that only a process keeps
mkfifo "$tmp/ready"
unshare -n sh -c "$make 'n=700 proto=17 src=10.1.0.1 dst=10.0.0.2 dport=53 status=8 timeout=600'; echo >'$tmp/ready'; exec sleep 600" &
other=$!
read -r _ <"$tmp/ready"

"$conntuned" --sandbox kill 2>"$tmp/log" &
daemon=$!
until_true 20 said 'state blind'
until_true 20 tells '.state == "blind" and .entries >= 1'
until_true 20 tells '.namespaces.count >= 2 and .all_entries >= 701 and .namespaces.worst.entries >= 700'

"$make" "n=300 proto=6 src=10.0.1.1 dst=10.0.0.2 dport=80 state=3 status=14 timeout=600"
until_true 20 tells '.entries >= 301'

# as if the machine had slept
kill -STOP $daemon
"$make" "n=300 proto=6 src=10.0.2.1 dst=10.0.0.2 dport=80 state=3 status=14 timeout=600"
sleep 3
kill -CONT $daemon
until_true 20 tells '.entries >= 601'

run status --json
is "what it tells is valid" "$(json '.daemon.kernel')" "$(uname -r)"
is "it has nothing to say of actions" "$(json '.daemon.actions | length')" 0

kill -TERM $daemon
status=0
wait $daemon || status=$?
daemon=
is "a clean stop: exit code" "$status" 0
is "the socket is gone" "$(ls /run/conntuned/org.conntune 2>/dev/null)" ""

finish
