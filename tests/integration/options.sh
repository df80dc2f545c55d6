#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
# The command line: every option with every bad value, contradictions, unknown names, and that manual and completion keep up.
. "${srcdir:-.}/tests/integration/lib.sh"
need jq

commands=$("$conntune" --help | sed -n 's/^  \([a-z]*\)  .*/\1/p')
is "commands" "$(echo "$commands" | tr '\n' ' ')" \
	"advise apply census chains confirm explain history hold params resume revert status "

# --- bad values of numeric options
counts='limit buckets peak failover namespaces entry-bytes pointer-bits confirm top max-cpu watch count'
sizes='ram reserve budget'
factors='headroom load'
command_of()
{
	case $1 in
	confirm) echo apply ;;
	top | max-cpu) echo census ;;
	watch | count) echo status ;;
	*) echo advise ;;
	esac
}

for option in $counts $sizes $factors; do
	command=$(command_of "$option")
	for bad in '' ' ' + - -1 +1 0x10 1x '1 ' ' 1' '1 2' abc 1e3 nan inf 1,5 1.5.5 . 5. .5 1..2 10% % 18446744073709551616 \
		99999999999999999999999999999 -9223372036854775808; do
		case $option:$bad in
		budget:10%) continue ;;
		esac
		refused 2 "--$option '" "$command" "--$option=$bad"
	done
done
for option in $counts; do
	command=$(command_of "$option")
	for bad in 0 2147483648 4294967296 18446744073709551615 1K 1.5; do
		refused 2 "--$option '$bad'" "$command" "--$option" "$bad"
	done
done
for option in $sizes; do
	for bad in 1KB 1KiB 1.5G K KK 1P 18446744073709551615 16777216T 9007199254740992 17592186044416T; do
		refused 2 "--$option '$bad'" advise "--$option" "$bad"
	done
done
refused 2 "--ram '99999999999999999999T': out of range" advise --ram 99999999999999999999T
for option in $factors; do
	for bad in 0 0.001 1001 2147483648 4294967296 1K; do
		refused 2 "--$option '$bad'" advise "--$option" "$bad"
	done
done
for bad in 0 1 16 33 48 63; do
	refused 2 "must be 32 or 64" advise --pointer-bits "$bad"
done
for bad in 0 1K 1048575 1023K; do
	refused 2 "--ram '$bad': out of range" advise --ram "$bad"
done
for bad in 0 0% 101% 1000% 18446744073709551617% 5%% 5%x -5% %5; do
	refused 2 "--budget '$bad'" advise --budget "$bad"
done
refused 2 "--limit '1??\[2J'" advise --limit "1$(printf '\001\033')[2J"

# --- other values
for bad in '' x 6 6. .1 2.2 1.0 2.3.99 6.x -6.1 99999.1 6.1/; do
	refused 2 "--kernel '" advise --kernel "$bad"
done
for bad in '' week Day minutes 'hour '; do
	refused 2 "span '" history --span "$bad"
done
refused 2 "status takes no --span" status --span day
refused 2 "hold takes no --dry-run" hold --dry-run
for bad in '' x 0 1.5h 366d '5 min'; do
	refused 2 "time '" hold "$bad"
done
refused 2 "--root ''" advise --root ''
refused 2 "nowhere" advise --root "$tmp/nowhere"
: >"$tmp/file"
refused 2 "$tmp/file" status --root "$tmp/file"

for bad in '' ',' 'proto,' ',state' proto,,state Proto sport 'proto state' proto,proto; do
	refused 2 "by '" census --by "$bad"
done
for bad in '' / 33 24/ /64 24/129 -1 1.5 24/64/1 0x10; do
	refused 2 "prefix '" census --prefix "$bad"
done
for bad in '' proto proto= =tcp proto==tcp 'proto = tcp' proto=nonsense src=1.2.3 src=::/129 dport=65536 mark=1/2 state=xyzzy \
	'zone=1 bytes=5'; do
	refused 2 "filter '" census --filter "$bad"
done
refused 2 "--max-cpu '101': out of range" census --max-cpu 101
refused 2 "--top '100001': out of range" census --top 100001
refused 2 "status takes no --by" status --by src
for bad in src dst dport zone mark prefix age timeout proto,state,src; do
	refused 2 "by '.*': inside the kernel entries are counted by proto, state and assured only" census --in-kernel --by "$bad"
done
refused 2 "filter: condition 2 isn't about proto, state or assured" census --in-kernel --filter 'proto=tcp dport=443'
refused 2 "--in-kernel .*--root" census --in-kernel --root "$tmp"
refused 2 "--all-namespaces needs --in-kernel" census --all-namespaces
refused 2 "--in-kernel .*--prefix" census --in-kernel --prefix 24
refused 2 "--in-kernel .*--max-cpu" census --in-kernel --max-cpu 50

# --- unknown names and the nearest
refused 2 "unknown command 'advice', did you mean 'advise'" advice
refused 2 "unknown command 'stat', did you mean 'status'" stat
refused 2 "unknown command 'xyzzy', see conntune --help" xyzzy
refused 2 "unknown command ''" ''
refused 2 "policy 'balance': no such policy, did you mean 'balanced'" advise --policy balance
refused 2 "policy 'Fixed': no such policy, did you mean 'fixed'" advise --policy Fixed
refused 2 "policy 'xyzzy': no such policy, there are balanced" advise --policy xyzzy
refused 2 "policy '': no such policy" advise --policy ''
refused 2 "unknown option '--polcy=x', did you mean '--policy'" advise --polcy=x
refused 2 "unknown option '--xyzzyxyzzy'" advise --xyzzyxyzzy
refused 2 "unknown option '-x'" advise -x
refused 2 "unknown option '-x'" advise -hx
refused 2 "--policy needs a value" advise --policy
refused 2 "json takes no value" advise --json=yes
refused 2 "no topic 'limits', did you mean 'limit'" explain limits
refused 2 "no topic 'xyzzy'" explain xyzzy
refused 2 "xyzzy" params xyzzy
refused 2 "unexpected argument 'now'" advise now
refused 2 "unexpected argument 'tcp_loose'" params limit tcp_loose

# --- contradictions
refused 2 "--check .*--ram" advise --check --ram 1G
refused 2 "--check .*--pointer-bits" advise --check --pointer-bits 32
refused 2 "--check .*--kernel" advise --check --kernel 6.1
refused 2 "fixed needs --limit or --buckets" advise --policy fixed
refused 2 "--limit goes with --policy fixed, not balanced" advise --policy balanced --limit 65536
refused 2 "--buckets goes with --policy fixed, not dedicated" advise --policy dedicated --buckets 65536
refused 2 "--peak goes with --policy demand, not kernel" advise --policy kernel --peak 5
refused 2 "--headroom goes with --policy demand" advise --policy kernel --headroom 2
refused 2 "--failover goes with --policy demand" advise --policy kernel --failover 2
refused 2 "--reserve goes with --policy dedicated" advise --policy kernel --reserve 128M
refused 2 "--load goes with --policy balanced" advise --policy kernel --load 2
refused 2 "--policy is given twice" advise --policy kernel --policy fixed
refused 2 "--ram is given twice" advise --ram 1G --ram 2G
refused 2 "status takes no --policy" status --policy kernel
refused 2 "params takes no --check" params --check
refused 2 "advise takes no --dry-run" advise --dry-run
machine changed 65536 65536 9
for arguments in '--dry-run --persist' '--persist --policy fixed --limit 100000 --buckets 100000' ''; do
	# shellcheck disable=SC2086
	run apply $arguments --root "$tree" --json
	is "apply $arguments: exit code" "$status" 0
	documented apply "$arguments"
done
run confirm --root "$tree" --json
is "nothing to confirm: exit code" "$status" 1
run revert --root "$tree" --json
is "revert: exit code" "$status" 0
documented revert
refused 2 "--count says how often" status --count 3
refused 2 "advise takes no --watch" advise --watch 1
refused 2 "--watch is given twice" status --watch 1 --watch 2
refused 2 "nothing to --confirm" apply --dry-run --confirm 5
refused 2 "--limit goes with --policy fixed, not balanced" apply --limit 65536
refused 2 "apply takes no --ram" apply --ram 1G
refused 2 "apply takes no --kernel" apply --kernel 6.1
refused 2 "apply takes no --check" apply --check

# --- help and version
run
is "without arguments: exit code" "$status" 2
grep -q '^Usage: conntune COMMAND' "$tmp/err" || fail "no usage without arguments"
run --help
is "--help: exit code" "$status" 0
is "--help: errors" "$(cat "$tmp/err")" ""
run --version
is "--version: exit code" "$status" 0
grep -qx 'conntune [0-9][0-9.]*' "$tmp/out" || fail "--version says '$(cat "$tmp/out")'"
run -V advise
is "-V before a command: exit code" "$status" 0
for command in $commands; do
	run "$command" --help
	is "$command --help: exit code" "$status" 0
	is "$command --help: widest line beyond 80" "$(awk 'length($0) > 80' "$tmp/out")" ""
	grep -q "^Usage: conntune $command" "$tmp/out" || fail "$command --help has no usage"
	run "$command" -h
	is "$command -h: exit code" "$status" 0
done

# --- output that doesn't arrive
if [ -w /dev/full ]; then
	for arguments in '--help' '--version' 'explain' 'explain --json' 'params --help'; do
		status=0
		# shellcheck disable=SC2086
		"$conntune" $arguments >/dev/full 2>"$tmp/err" || status=$?
		is "$arguments on a full disk: exit code" "$status" 5
		is "$arguments on a full disk: lines of error" "$(wc -l <"$tmp/err" | tr -d ' ')" 1
		status=0
		# shellcheck disable=SC2086
		"$conntune" $arguments >&- 2>"$tmp/err" || status=$?
		is "$arguments without standard output: exit code" "$status" 5
	done
fi
status=$( (
	trap '' PIPE
	"$conntune" explain 2>/dev/null
	echo $? >&3
) 3>&1 1>"$tmp/out" | cat)
is "explain: exit code" "$status" 0
mkfifo "$tmp/pipe"
# a reader that goes before anything is written
sh -c 'exec <"$1"' sh "$tmp/pipe" &
exec 4>"$tmp/pipe"
wait $!
status=0
"$conntune" explain >&4 2>"$tmp/err" || status=$?
exec 4>&-
is "closed pipe: exit code" "$status" 5
grep -q "Broken pipe" "$tmp/err" || fail "closed pipe: '$(cat "$tmp/err")'"

# --- manual page and completion offer every option
for command in '' $commands; do
	# shellcheck disable=SC2086
	"$conntune" $command --help | sed -n 's/^  --\([a-z-]*\) .*/\1/p'
done | sort -u >"$tmp/options"
while read -r option; do
	grep -q "Fl Fl $option\\b" "$src/man/conntune.1" || fail "conntune.1 doesn't document --$option"
	checks=$((checks + 1))
done <"$tmp/options"
sed -n 's/.*\.It .*Fl Fl \([a-z-]*\).*/\1/p' "$src/man/conntune.1" | sort -u >"$tmp/documented"
is "documented, but not there" "$(comm -13 "$tmp/options" "$tmp/documented" | tr '\n' ' ')" ""
for command in $commands; do
	grep -q "^\.It Cm $command" "$src/man/conntune.1" || fail "conntune.1 doesn't document $command"
done
if command -v mandoc >/dev/null; then
	is "mandoc -Tlint" "$(mandoc -Tlint -W warning "$src/man/conntune.1" 2>&1)" ""
fi
if command -v bash >/dev/null; then
	for command in $commands; do
		"$conntune" "$command" --help | sed -n 's/^  \(--[a-z-]*\) .*/\1/p' | sort >"$tmp/options"
		# shellcheck disable=SC2016
		CONNTUNE=$conntune bash -c '
			conntune() { "$CONNTUNE" "$@"; }
			. "$1"
			COMP_WORDS=(conntune "$2" --) COMP_CWORD=2
			_conntune
			printf "%s\n" "${COMPREPLY[@]}"
			' bash "$src/etc/completion/conntune" "$command" | sort >"$tmp/offered"
		is "completion of $command" "$(cat "$tmp/offered")" "$(cat "$tmp/options")"
	done
	offered()
	{
		# shellcheck disable=SC2016
		CONNTUNE=$conntune bash -c '
			conntune() { "$CONNTUNE" "$@"; }
			. "$1"
			shift
			COMP_WORDS=(conntune "$@") COMP_CWORD=$#
			_conntune
			echo "${COMPREPLY[@]}"
			' bash "$src/etc/completion/conntune" "$@"
	}
	is "completion of a command" "$(offered st)" status
	is "completion of a policy" "$(offered advise --policy ded)" dedicated
	is "completion after an option with a value" "$(offered --root / stat)" status
	is "completion of a span" "$(offered history --span h)" hour
	is "completion of keys" "$(offered census --by proto,st)" proto,state
	is "completion of a tunable" "$(offered params tcp_lo)" tcp_loose
	is "completion of a topic" "$(offered explain hash)" hashsize-trap
fi
finish
