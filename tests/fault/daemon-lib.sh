# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash disable=SC2034,SC2154
# Faults from outside for conntuned, beside lib.sh: it starts, looks some times, reads its settings again, and stops.
#
# What must hold after any fault: no signal, a documented exit code; limit and buckets as before or as they should be,
# both; time-outs as they were found, or their originals are on disk; each file whole; no line said twice, and one more
# than usual if anything is missing in the end; and the next start, and `conntune revert` after it, put all right.

# shellcheck source=lib.sh
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh" || exit 1

cli=$program
program=$PWD/conntuned
[ ! -x .libs/conntuned ] || program=$PWD/.libs/conntuned
[ -x "$program" ] || skip "conntuned isn't built: libsystemd or libeconf is missing"
preload=$PWD/tests/fault/.libs/failalloc.so
nf=proc/sys/net/netfilter

# NAME|STATE|OPTIONS: SIGHUP waits in the first of them
lives='
life|fresh|--cycles 5
restore|fresh|--cycles 4 --restore-at-exit
after a crash|crashed|--cycles 2
after an apply that nobody confirmed|pending|--cycles 2
'

# One of so many system calls that only look, the same ones each time; more of all else. FAULT_SAMPLE=1: everything;
# FAULT_SEED: others.
sample=${FAULT_SAMPLE:-40}
seed=${FAULT_SEED:-0}

# NUMBER [ONE_IN]: is it in the sample?
is_sampled()
{
	[ $((($1 + seed) % ${2:-$sample})) = 0 ]
}

make_fresh()
{
	cp -a "$machine" "$root"
	chmod -R u+w "$root"
	mkdir -p "$root/etc/conntune" "$root/run" "$root/var/lib"
	rm "$root/sys/module/nf_conntrack/parameters/hashsize" "$root/$nf"/nf_conntrack_{sctp,dccp,tcp,icmpv6}_* "$root/$nf/nf_conntrack_count"
	echo 60000 >"$root/$nf/nf_conntrack_count"
	printf '[Tuning]\nPolicy=fixed\nLimit=70000\nBuckets=70144\nMaxStall=10s\n[Timeouts]\nAdaptive=yes\n' >"$root/etc/conntune/conntuned.conf"
	mkdir "$root/etc/conntune/conntuned.conf.d"
	printf '[Sampling]\nIntervalMax=2ms\nIntervalMin=1ms\n' >"$root/etc/conntune/conntuned.conf.d/50-test.conf"
}

# STATE: makes $work/STATE, once
prepare()
{
	[ ! -d "$work/$1" ] || return 0
	rm -rf "$root"
	make_fresh
	case $1 in
	# while the time-outs are short
	crashed)
		(strace -qq -o /dev/null -e trace=renameat -e inject=renameat:signal=KILL:when=6 \
			"$program" --cycles 3 --root "$root"; exit $?) 2>/dev/null
		[ -e "$root/var/lib/conntune/timeouts.json" ] || skip "no crash where it should be"
		[ "$(cat "$root/$nf/nf_conntrack_udp_timeout")" -lt 30 ] || skip "no time-out is short"
		;;
	# since before the machine started: the guard is gone
	pending)
		"$cli" apply --policy fixed --limit 80000 --buckets 80384 --confirm 3600 --root "$root" </dev/null >/dev/null || exit 1
		kill -9 "$(sed -n 's/.*"guard_pid": *\([0-9]*\).*/\1/p' "$root/run/conntune/pending.json")"
		sed -i 's/"deadline_usec": *[0-9]*/"deadline_usec": 1/' "$root/run/conntune/pending.json"
		;;
	esac
	mv "$root" "$work/$1"
}

# ROOT ARRAY: path and text of what the daemon may change, but for its history
snapshot()
{
	# shellcheck disable=SC2178
	local -n to=$2
	local file text

	to=()
	for file in "$1/$nf"/*_{max,buckets,timeout*} "$1"/var/lib/conntune/*.json "$1"/run/conntune/[!.]*; do
		[[ -f $file && $file != */lock ]] || continue
		IFS= read -r -d '' text <"$file"
		to[${file#"$1"/}]=${text%$'\n'}
	done
}

# STATE: $root as it was; its history too
reset()
{
	rm -rf "$root"
	cp -a "$work/$1" "$root"
}

# What standard error says without what differs from run to run.
read_lines()
{
	mapfile -t line <"$work/err"
	line=("${line[@]/still for *([0-9.]) ms/still}")
	line=("${line[@]/#conntuned: state */conntuned: state}")
}

# NAME STATE OPTIONS: one run without a fault to compare with
reference()
{
	local said

	prepare fresh
	prepare "$2"
	snapshot "$work/fresh" first
	snapshot "$work/$2" old
	reset "$2"
	# shellcheck disable=SC2086
	HANG_UP=1 LD_PRELOAD=$preload "$program" $3 --root "$root" </dev/null 2>"$work/err"
	status=$?
	[ $status = 0 ] || bad "$1 without a fault: exit status $status"
	snapshot "$root" new
	read_lines
	usual=()
	for said in "${line[@]}"; do usual[$said]=1; done
	usual_count=${#line[@]}
	done_before=()
}

# WHAT STATUS: a documented one. Each line once; if it ended, why.
judge_end()
{
	local -A said=()
	local one

	runs=$((runs + 1))
	read_lines
	[[ $2 = 0 || $2 == [12345] ]] || bad "$1: exit status $2"
	[ "$2" = 0 ] || refused=$((refused + 1))
	[ "$2" = 0 ] || [ ${#line[@]} -gt 0 ] || bad "$1: exit status $2, and not a word"
	unusual=0
	for one in "${line[@]}"; do
		[[ $one == 'conntuned: '* ]] || bad "$1: not a line of conntuned"
		[[ $one == 'conntuned: state' || ! -v said[$one] ]] || bad "$1: said twice"
		said[$one]=1
		[[ -v usual[$one] ]] || unusual=$((unusual + 1))
	done
	[ ${#line[@]} -le $((usual_count + 6)) ] || bad "$1: too many lines"
}

# WHAT STATUS: values are old or new, both; short time-outs have their originals on disk; a clean end leaves none short
judge_values()
{
	local path values wanted before short=0

	snapshot "$root" now
	values=${now[$nf/nf_conntrack_max]}/${now[$nf/nf_conntrack_buckets]}
	before=${old[$nf/nf_conntrack_max]}/${old[$nf/nf_conntrack_buckets]}
	wanted=${new[$nf/nf_conntrack_max]}/${new[$nf/nf_conntrack_buckets]}
	# 70000/70144 between start and end with --restore-at-exit; where buckets were refused, the limit doesn't wait for
	# them; an undo that failed is tried again later
	[[ $values = "$before" || $values = "$wanted" || $values == @(65536/65536|70000/70144) ||
		($2 = 137 && $values == @(65536/70144|65536/80384)) || ($2 = 0 && $unusual -gt 0 && $values = 70000/65536) ||
		(-v now[run/conntune/pending.json] && $unusual -gt 0 && $values == @(65536/80384|80000/65536)) ]] ||
		bad "$1: limit/buckets $values"
	for path in "${!now[@]}"; do
		case $path in
		*timeout*json | *.conntune-tmp) ;;
		*timeout*)
			[ "${now[$path]}" = "${first[$path]}" ] || short=$((short + 1))
			[[ ${now[$path]} == [1-9]*([0-9]) ]] || bad "$1: $path is '${now[$path]}'"
			;;
		*.json)
			[[ ${now[$path]} == '{'*'}' ]] || bad "$1: $path isn't whole: '${now[$path]}'"
			;;
		esac
	done
	[ $short = 0 ] || [[ -v now[var/lib/conntune/timeouts.json] ]] || bad "$1: $short time-outs are short, with no way back"
	[[ $values = "${first[$nf/nf_conntrack_max]}/${first[$nf/nf_conntrack_buckets]}" || -v now[var/lib/conntune/first.json] ]] ||
		bad "$1: values were changed, with no way back"
	[ $short = 0 ] || [ "$2" != 0 ] || [ $unusual -gt 0 ] || bad "$1: $short time-outs stay short, and not a word"
	[ "$2" != 0 ] || equal now new || [ $unusual -gt 0 ] || bad "$1: not as it should be, and not a word"
	[ ! -e "$root/var/lib/conntune/history.db.corrupt" ] || [[ $1 == *pread64* ]] || bad "$1: the history was taken for damaged"
}

# WHAT: the next start finishes the work, and revert brings the first values back
judge_next()
{
	local state="${!now[*]} ${now[*]}"

	[[ ! -v done_before[$state] ]] || return 0
	done_before[$state]=1
	timeout -k 10 60 "$program" --cycles 3 --root "$root" </dev/null 2>"$work/err" || bad "$1: the next start: exit status $?"
	! grep -q -e damaged -e cannot "$work/err" || bad "$1: the next start complains"
	snapshot "$root" now
	[ "${now[$nf/nf_conntrack_max]}/${now[$nf/nf_conntrack_buckets]}" = 70000/70144 ] || bad "$1: the next start doesn't reach its goal"
	[[ ! -v now[run/conntune/pending.json] ]] || bad "$1: an apply still waits"
	"$cli" revert --root "$root" </dev/null >/dev/null 2>"$work/err"
	snapshot "$root" now
	equal now first || bad "$1: start and revert leave something else: ${!now[*]} ${now[*]}"
}

# OPTIONS [PATTERN]: "NAME N" for each system call made after main() began whose line matches; that of children apart
calls_of()
{
	# shellcheck disable=SC2086
	strace -qq -o "$work/trace" -E HANG_UP=1 -E LD_PRELOAD="$preload" "$program" $1 --root "$root" </dev/null >/dev/null 2>&1
	awk -v pattern="${2-.}" '{ sub(/^[0-9]+ +/, "") } /^[a-z0-9_]+\(/ {
		if (/"\/dev\/null"/) begun = 1
		name = $0; sub(/\(.*/, "", name); n[name]++
		# of terminals only
		if (begun && name != "ioctl" && $0 ~ pattern) print name, n[name]
	}' "$work/trace"
}

# FUNCTION: called with NAME, STATE and OPTIONS for each line of $lives
for_each_life()
{
	local name state options

	while IFS='|' read -r name state options <&3; do
		[ -n "$name" ] || continue
		reference "$name" "$state" "$options"
		"$1" "$name" "$state" "$options"
		echo "$name: $runs runs so far, $SECONDS s"
	done 3<<<"$lives"
}

declare -A usual
unusual=0 usual_count=0 refused_least=30
echo "one in $sample, seed $seed"
