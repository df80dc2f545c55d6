# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash disable=SC2034
# Faults from outside, for every command, on copies of a captured machine. Nothing of the host is written.
#
# What must hold after any fault: no signal, a documented exit code, one line that says why unless it went well after all,
# each file as it was before or as the command leaves it; and the same command without a fault finishes the work.

src=$(readlink -f "$(dirname "$0")/../..")
program=$PWD/conntune
if [ -x .libs/conntune ]; then
	program=$PWD/.libs/conntune
	export LD_LIBRARY_PATH=$PWD/lib/.libs
fi
machine=$src/tests/sysroot/5.15-x86_64
# not on a disk: thousands of runs, each with several fsync
work=$(mktemp -d -p /dev/shm 2>/dev/null || mktemp -d)
root=$work/root
# what the last run said
err=$work/err
failures=0
runs=0
refused=0
# for calls_of: what changes something is looked at more closely
changes='O_CREAT|O_WRONLY|O_RDWR|O_TRUNC|^(write|rename|unlink|mkdir|link|symlink|fsync|ftruncate|fchmod|flock|exit)'
declare -A first old new now done_before
shopt -s dotglob nullglob
trap 'rm -rf "$work"' EXIT
trap 'exit 1' HUP INT TERM

# STATE|COMMAND: STATE is what was there before: fresh, applied or pending
readers='
fresh|advise --json
fresh|advise --policy dedicated --reserve 128M
applied|status
applied|status --json
fresh|params
fresh|params nf_conntrack_max --json
fresh|explain
fresh|apply --dry-run --json --policy fixed --limit 300000
'
# built with libeconf
! "$program" params --settings --root "$machine" >/dev/null 2>&1 || readers+='fresh|params --settings --json
'
grow='--policy fixed --limit 300000 --buckets 300032'
writers="
fresh|apply $grow
fresh|apply $grow --persist
applied|apply --policy fixed --limit 200000 --buckets 200192 --persist
applied|revert
pending|confirm
pending|revert
"

skip()
{
	echo "skipped: $*"
	exit 77
}

conntune()
{
	"$program" "$@" --root "$root" </dev/null
}

# A machine on which another file sets one of the values.
make_fresh()
{
	cp -a "$machine" "$root"
	chmod -R u+w "$root"
	mkdir -p "$root/etc/sysctl.d" "$root/run" "$root/var/lib"
	# where the kernel has one number, the tree has two: without the sysctl the other would be written
	rm "$root/sys/module/nf_conntrack/parameters/hashsize"
	echo 'net.netfilter.nf_conntrack_max = 131072' >"$root/etc/sysctl.d/50-other.conf"
	mkdir -p "$root/etc/conntune/conntuned.conf.d"
	printf '# one is wrong\n[Tuning]\nMode=advise\nGrowAt=0\n' >"$root/etc/conntune/conntuned.conf"
	printf '[Tuning]\nMode="tune"\n[Flood]\nFloodShare=40%%\n' >"$root/etc/conntune/conntuned.conf.d/50-a.conf"
}

# STATE: makes $work/STATE, once. The guard of the one that waits is killed, so that it waits for ever.
prepare()
{
	[ ! -d "$work/$1" ] || return 0
	rm -rf "$root"
	make_fresh
	# shellcheck disable=SC2086
	case $1 in
	applied) conntune apply $grow --persist >/dev/null || exit 1 ;;
	pending)
		conntune apply $grow --persist --confirm 3600 >/dev/null || exit 1
		kill -9 "$(sed -n 's/.*"guard_pid": *\([0-9]*\).*/\1/p' "$root/run/conntune/pending.json")"
		;;
	esac
	mv "$root" "$work/$1"
}

# No program is started in what follows unless something changed: it runs thousands of times.

# ROOT ARRAY: path and text of each file that a command may change. A temporary one below /run ends with the boot.
snapshot()
{
	local -n to=$2
	local file text

	to=()
	for file in "$1"/etc/*/* "$1"/proc/sys/net/netfilter/{,.}nf_conntrack_{max,buckets}* "$1"/var/lib/conntune/* "$1"/run/conntune/[!.]*; do
		[[ -f $file && $file != */lock ]] || continue
		IFS= read -r -d '' text <"$file"
		to[${file#"$1"/}]=$text
	done
}

# ARRAY ARRAY: two snapshots are equal
equal()
{
	local -n a=$1 b=$2
	local path

	[ ${#a[@]} = ${#b[@]} ] || return
	for path in "${!a[@]}"; do
		[[ -v b[$path] && ${a[$path]} = "${b[$path]}" ]] || return
	done
}

# STATE: $root as it was
reset()
{
	if [ "$1" = "${in_root-}" ]; then
		snapshot "$root" now
		! equal now old || return 0
	fi
	rm -rf "$root"
	cp -a "$work/$1" "$root"
	in_root=$1
}

bad()
{
	echo "FAILED: $*"
	sed 's/^/    /' "$err"
	failures=$((failures + 1))
}

# STATE COMMAND: one run without a fault, to compare with: what it prints, its exit status, what it leaves
reference()
{
	prepare fresh
	prepare "$1"
	snapshot "$work/fresh" first
	snapshot "$work/$1" old
	in_root=
	reset "$1"
	# shellcheck disable=SC2086
	conntune $2 >"$work/good" 2>"$work/err"
	wanted=$?
	[ $wanted -le 1 ] && [ ! -s "$work/err" ] || bad "without a fault: conntune $2: exit status $wanted"
	IFS= read -r -d '' good <"$work/good"
	snapshot "$root" new
	done_before=()
	diff -rq --no-dereference "$work/$1" "$root" |
		grep -vE '/(etc|run|var/lib)(/|:)|/proc/sys/net/netfilter/nf_conntrack_(max|buckets) ' >"$work/err"
	[ ! -s "$work/err" ] || bad "conntune $2 changes files that aren't looked at"
	reset "$1"
}

# WHAT STATUS: a documented exit code, and the reason in one line
judge_status()
{
	local -a line

	runs=$((runs + 1))
	[ "$2" != "$wanted" ] || return 0
	refused=$((refused + 1))
	mapfile -t line <"$err"
	[[ $2 == [12345] && ${#line[@]} = 1 ]] || bad "$1: exit status $2"
}

# WHAT: every file is old or new; a temporary one beside it may be left
judge_files()
{
	local path

	snapshot "$root" now
	for path in "${!now[@]}"; do
		[[ $path != *.conntune-tmp ]] || continue
		[[ -v old[$path] && ${old[$path]} = "${now[$path]}" || -v new[$path] && ${new[$path]} = "${now[$path]}" ]] ||
			bad "$1: $path is neither old nor new: '${now[$path]}'"
	done
	for path in "${!old[@]}"; do
		[[ -v now[$path] || ! -v new[$path] ]] || bad "$1: $path is gone"
	done
}

# WHAT COMMAND: the same again without a fault finishes the work, and revert brings the first values back
judge_repair()
{
	local state="${!now[*]} ${now[*]}"

	! equal now old || return 0
	[[ ! -v done_before[$state] ]] || return 0
	done_before[$state]=1
	# shellcheck disable=SC2086
	conntune $2 >/dev/null 2>"$work/err" || grep -q 'nothing waits' "$work/err" || bad "$1: not repaired by the next run"
	snapshot "$root" now
	equal now new || bad "$1: the next run leaves something else: ${!now[*]}"
	conntune revert >/dev/null 2>"$work/err" || bad "$1: not reverted"
	snapshot "$root" now
	equal now first || bad "$1: revert leaves something else: ${!now[*]}"
}

# COMMAND [PATTERN]: each system call made after main() began, if strace's line matches PATTERN: "NAME N" for its Nth NAME
calls_of()
{
	# shellcheck disable=SC2086
	strace -qq -o "$work/trace" "$program" $1 --root "$root" </dev/null >/dev/null 2>&1
	# the first thing main() does is to see that descriptors 0 to 2 are open
	awk -v pattern="${2-.}" '{ sub(/^[0-9]+ +/, "") } /^[a-z0-9_]+\(/ {
		if (/"\/dev\/null"/) begun = 1
		name = $0; sub(/\(.*/, "", name); n[name]++
		if (begun && $0 ~ pattern) print name, n[name]
	}' "$work/trace"
}

# FUNCTION: called with STATE and COMMAND for each line of standard input
for_each_command()
{
	local state command

	while IFS='|' read -r state command <&3; do
		[ -n "$state" ] || continue
		reference "$state" "$command"
		"$1" "$state" "$command"
		echo "conntune $command: $runs runs so far, $SECONDS s"
	done 3<&0
}

finish()
{
	echo "$runs runs, $refused of them ended by the fault, $failures failures, $SECONDS s"
	[ $failures = 0 ] && [ $refused -gt "${refused_least:-200}" ]
	exit
}
