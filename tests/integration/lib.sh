# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=sh
# For scripts that run the program as its user does: run it, look at what came out. Sourced, from the top of the build tree.

conntune=${CONNTUNE:-./conntune}
src=${srcdir:-.}
failures=0
checks=0
tmp=$(mktemp -d) || exit 99
trap 'rm -rf "$tmp"' EXIT
trap 'exit 1' HUP INT TERM

skip()
{
	echo "SKIP: $*"
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

finish()
{
	echo "$checks checks, $failures failed"
	[ "$failures" -eq 0 ]
	exit
}
