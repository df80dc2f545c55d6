# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=sh
# For scripts that run the program as its user does: run it, look at what came out. Sourced, from the top of the build tree.

conntune=${CONNTUNE:-./conntune}
src=${srcdir:-.}
# what ./quickstart check has brought and not installed
PATH=$PATH:$(readlink -f "$src")/build/lab/prometheus/usr/bin
failures=0
checks=0
tmp=$(mktemp -d) || exit 99
trap 'rm -rf "$tmp"' EXIT
trap 'exit 1' HUP INT TERM

skip()
{
	echo "skipped: $*"
	exit 77
}

fail()
{
	echo "FAIL: $*"
	failures=$((failures + 1))
}

# is WHAT GOT WANTED
is()
{
	checks=$((checks + 1))
	[ "$2" = "$3" ] || fail "$1: got '$2', expected '$3'"
}

# until_true SECONDS COMMAND...: the command succeeds before so many seconds have gone
until_true()
{
	end=$(($(date +%s) + $1 + 1))
	shift
	checks=$((checks + 1))
	until "$@"; do
		[ "$(date +%s)" -lt "$end" ] || { fail "not in time: $*; log: $(cat "$tmp/log" 2>/dev/null)"; return 1; }
		sleep 0.02
	done
}

# run ARGUMENT...: leaves $status, $tmp/out, $tmp/err
run()
{
	status=0
	"$conntune" "$@" >"$tmp/out" 2>"$tmp/err" </dev/null || status=$?
}

# refused CODE PATTERN ARGUMENT...: that exit code, one line on standard error that matches, nothing on standard output
refused()
{
	code=$1
	pattern=$2
	shift 2
	run "$@"
	is "conntune $*: exit code" "$status" "$code"
	is "conntune $*: lines of error" "$(wc -l <"$tmp/err" | tr -d ' ')" 1
	[ -s "$tmp/out" ] && fail "conntune $*: also wrote to standard output"
	grep -q -e "^conntune: .*$pattern" "$tmp/err" || fail "conntune $*: '$(cat "$tmp/err")' doesn't match '$pattern'"
}

# json FILTER: of the last output
json()
{
	jq -r "$1" "$tmp/out"
}

need()
{
	for tool; do
		command -v "$tool" >/dev/null || skip "$tool isn't installed"
	done
}

# put FILE TEXT: below the directory $tree
put()
{
	mkdir -p "$tree/${1%/*}"
	printf '%s\n' "$2" >"$tree/$1"
}

# machine NAME [LIMIT BUCKETS ENTRIES]: a tree of a 64-bit machine with 4 GB and Linux 6.12, in $tree
machine()
{
	tree=$tmp/$1
	put proc/meminfo "MemTotal:        4021268 kB
MemFree:         3000000 kB
MemAvailable:    3500000 kB"
	put proc/sys/kernel/osrelease 6.12.107-test
	put proc/sys/kernel/arch x86_64
	put proc/sys/net/nf_conntrack_max "${2:-65536}"
	put proc/sys/net/netfilter/nf_conntrack_max "${2:-65536}"
	put proc/sys/net/netfilter/nf_conntrack_buckets "${3:-65536}"
	put proc/sys/net/netfilter/nf_conntrack_count "${4:-0}"
	chmod 444 "$tree/proc/sys/net/netfilter/nf_conntrack_count"
	put sys/module/nf_conntrack/initstate live
	put sys/kernel/slab/nf_conntrack/slab_size 256
}

# documented: every field of the last output is in the manual
documented()
{
	jq -r '[paths | .[] | strings] | unique | .[]' "$tmp/out" >"$tmp/fields"
	sed -n 's/^\.It Va //p' "$src/man/conntune.1" | sed 's/ , Va / /g' | tr ' ' '\n' | sort -u >"$tmp/manual"
	is "fields of '$*' that the manual doesn't have" "$(sort -u "$tmp/fields" | comm -23 - "$tmp/manual" | tr '\n' ' ')" ""
}

# expected NAME: the last output is what is kept; with UPDATE_EXPECTED=1 it becomes that
expected()
{
	file=$src/tests/integration/expected/$1
	if [ -n "${UPDATE_EXPECTED-}" ]; then
		mkdir -p "${file%/*}"
		cp "$tmp/out" "$file"
	fi
	checks=$((checks + 1))
	if [ ! -f "$file" ]; then
		fail "no $file: look at what comes, then run make check UPDATE_EXPECTED=1"
	elif ! diff -u "$file" "$tmp/out" >"$tmp/diff"; then
		fail "not as expected: $1"
		head -n 40 "$tmp/diff"
	fi
}

# plain: last JSON output without digits that depend on the mathematics library
plain()
{
	jq 'walk(if type == "number" and . != floor then . * 1e6 | round | . / 1e6 else . end)' "$tmp/out" >"$tmp/plain.json" &&
		mv "$tmp/plain.json" "$tmp/out"
}

# captured: sets $trees to the directory of captured machines. Where the source is read-only (make distcheck), to a copy that
# isn't: a file without write bits means a kernel that doesn't let it be written.
captured()
{
	trees=$src/tests/sysroot
	case $(ls -ld "$trees") in
	d?w*) ;;
	*)
		cp -RP "$trees" "$tmp/sysroot"
		chmod -R u+w "$tmp/sysroot"
		trees=$tmp/sysroot
		;;
	esac
}

# alone: no other test that counts the entries of this machine runs until this one ends
alone()
{
	command -v flock >/dev/null || return 0
	exec 9>"${TMPDIR:-/tmp}/conntune-tests.lock"
	flock -w 1800 9 || fail "another test holds conntune-tests.lock"
}

finish()
{
	echo "$checks checks, $failures failed"
	[ "$failures" -eq 0 ]
	exit
}
